//! A histogram as the judge reads it: values in ascending order, each with its count.
//!
//! Far smaller than the histogram it comes from (a second of load has a few hundred different
//! values), so a run's every second fits in memory.

use crate::interval::LatencyHistogram;

/// Recorded values (ns, ascending, each the upper end of its bucket) with their counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(Vec<(u64, u64)>);

impl Counts {
    /// The values and counts of `histogram`.
    #[must_use]
    pub fn of(histogram: &LatencyHistogram) -> Self {
        Self(histogram.iter_recorded().map(|v| (v.value_iterated_to(), v.count_at_value().into())).collect())
    }

    /// Counts from pairs in any order.
    #[must_use]
    pub fn from_pairs(pairs: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut all = std::collections::BTreeMap::new();
        for (value, count) in pairs {
            *all.entry(value).or_insert(0) += count;
        }
        Self(all.into_iter().collect())
    }

    /// The union of many.
    #[must_use]
    pub fn merged<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::from_pairs(parts.into_iter().flat_map(|counts| counts.0.iter().copied()))
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
        } else if !other.0.is_empty() {
            *self = Self::merged([&*self, other]);
        }
    }

    /// How many values were recorded.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// How many recorded values are above `threshold_ns`.
    #[must_use]
    pub fn above(&self, threshold_ns: u64) -> u64 {
        self.0.iter().rev().take_while(|(value, _)| *value > threshold_ns).map(|(_, count)| count).sum()
    }

    /// The mean, or `None` where nothing was recorded.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let total = self.total();
        let sum: f64 = self.0.iter().map(|(value, count)| *value as f64 * *count as f64).sum();
        (total > 0).then(|| sum / total as f64)
    }

    /// The largest value, or `None` where nothing was recorded.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        self.0.last().map(|(value, _)| *value)
    }

    /// The smallest value that at least the share `quantile` of `total() + beyond` arrivals do not
    /// exceed, where `beyond` arrivals (faults) are longer than any recorded value. `None` where
    /// that value is not known: nothing recorded, or it lies among the faults.
    #[must_use]
    pub fn quantile(&self, quantile: f64, beyond: u64) -> Option<u64> {
        let all = self.total() + beyond;
        if all == 0 || !(0.0..=1.0).contains(&quantile) {
            return None;
        }
        let rank = ((quantile * all as f64).ceil() as u64).max(1);
        let mut seen = 0;
        self.0.iter().find_map(|(value, count)| {
            seen += count;
            (seen >= rank).then_some(*value)
        })
    }

    /// Values with their counts, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_recorded_has_no_quantile() {
        assert_eq!(Counts::default().quantile(0.95, 0), None);
        assert_eq!(Counts::default().quantile(0.95, 10), None);
    }

    #[test]
    fn a_quantile_among_the_faults_is_unknown() {
        let counts = Counts::from_pairs([(10, 94)]);
        assert_eq!(counts.quantile(0.95, 6), None);
        assert_eq!(counts.quantile(0.94, 6), Some(10));
    }

    #[test]
    fn a_quantile_is_a_recorded_value() {
        let counts = Counts::from_pairs((1..=100).map(|v| (v, 1)));
        assert_eq!(counts.quantile(0.95, 0), Some(95));
        assert_eq!(counts.quantile(1.0, 0), Some(100));
        assert_eq!(counts.quantile(0.0, 0), Some(1));
        assert_eq!(counts.above(95), 5);
    }
}
