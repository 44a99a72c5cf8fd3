//! Axes: where a value lies, and which values are written beside the axis.
//!
//! Invariant: a position is finite and inside the axis, whatever the value. Logarithmic axes keep
//! positions in decades, so that everything drawn is linear.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::format;

/// A share of the axis' length that is left free beyond the data.
const HEADROOM: f64 = 0.06;
/// The resolution of a recorded latency; a shorter one stands here.
const SHORTEST_NS: f64 = 1_000.0;
/// The quantile axis ends here: 99.999.
const MOST_NINES: f64 = 5.0;

/// One axis of a chart.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) range: Range<f64>,
    /// Positions that have a line and, where it is not empty, a label.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// A latency axis that holds all `values` (ns), at least a decade long.
    pub(super) fn latency(values: impl IntoIterator<Item = f64>) -> Self {
        let values = values.into_iter().filter(|ns| ns.is_finite()).map(latency_at);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = if low <= high { (low, high) } else { (latency_at(1e6), latency_at(1e8)) };
        let missing = (1.0 - (high - low)).max(0.0);
        let room = (high - low + missing) * HEADROOM;
        let range = low - missing / 2.0 - room..high + missing / 2.0 + 1.5 * room;
        Self { ticks: latency_ticks(&range), range }
    }

    /// An axis of quantiles on which every nine has the same length, up to what `n` arrivals tell.
    pub(super) fn quantiles(n: u64) -> Self {
        const NAMED: [f64; 7] = [0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999];
        let end = (n.max(100) as f64).log10().min(MOST_NINES);
        let ticks = NAMED.into_iter().map(|q| (quantile_at(q), label_of(q))).filter(|(at, _)| *at <= end + 1e-9);
        Self { range: 0.0..end, ticks: ticks.collect() }
    }

    /// Seconds of the run.
    pub(super) fn time(range: &Range<u32>) -> Self {
        let (start, end) = (f64::from(range.start), f64::from(range.end.max(range.start + 1)));
        let step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200]
            .into_iter()
            .find(|step| (end - start) / f64::from(*step) <= 7.0)
            .unwrap_or(14_400);
        let first = range.start.div_ceil(step) * step;
        let ticks = (first..=range.end).step_by(step as usize).map(|s| (f64::from(s), format::seconds(s)));
        Self { ticks: ticks.collect(), range: start..end }
    }

    /// From 0 to beyond `highest`, labelled by `label`.
    pub(super) fn linear(highest: f64, label: impl Fn(f64) -> String) -> Self {
        let highest = if highest.is_finite() && highest > 0.0 { highest } else { 1.0 };
        let magnitude = 10_f64.powf((highest / 5.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * magnitude).into_iter().find(|s| highest / s <= 5.0);
        let step = step.unwrap_or(highest);
        let end = highest * (1.0 + 1.5 * HEADROOM);
        let ticks = (0..).map(|k| f64::from(k) * step).take_while(|at| *at <= end).map(|at| (at, label(at)));
        Self { ticks: ticks.collect(), range: 0.0..end }
    }

    /// The position at this share of the axis' length.
    pub(super) fn at_share(&self, share: f64) -> f64 {
        self.range.start + share * (self.range.end - self.range.start)
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, position: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (position - self.range.start) / (self.range.end - self.range.start);
        from + (f64::from(to - from) * share.clamp(0.0, 1.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(at, _)| *at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, position: &f64) -> String {
        self.ticks.iter().find(|(at, _)| at == position).map(|(_, label)| label.clone()).unwrap_or_default()
    }
}

/// Where a latency in ns lies on its axis.
pub(super) fn latency_at(ns: f64) -> f64 {
    ns.max(SHORTEST_NS).log10()
}

/// Where a quantile lies on its axis: its number of nines.
pub(super) fn quantile_at(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

/// Without its P, for the names stand close.
fn label_of(quantile: f64) -> String {
    format::quantile(quantile).split_off(1)
}

/// Ticks at 1, 2 and 5 of every decade; only at 1 where they would crowd.
fn latency_ticks(range: &Range<f64>) -> Vec<(f64, String)> {
    let decades = range.end - range.start;
    let steps: &[f64] = if decades > 2.6 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    (range.start.floor() as i32..=range.end.ceil() as i32)
        .flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)))
        .filter(|ns| range.contains(&ns.log10()))
        .map(|ns| (ns.log10(), short(ns)))
        .collect()
}

/// A round duration without the digits that make it long.
fn short(ns: f64) -> String {
    match ns {
        ns if ns >= 0.999e9 => format!("{:.0} s", ns / 1e9),
        ns if ns >= 0.999e6 => format!("{:.0} ms", ns / 1e6),
        ns if ns >= 999.0 => format!("{:.0} µs", ns / 1e3),
        ns => format!("{ns:.0} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn a_latency_axis_holds_its_values_and_is_never_narrower_than_a_decade() {
        let axis = Axis::latency([2e6, 2.1e6]);
        assert!(axis.range.end - axis.range.start >= 1.0);
        assert_eq!(labels(&axis), ["1 ms", "2 ms", "5 ms"]);
        let wide = Axis::latency([3e4, 1e8]);
        assert_eq!(labels(&wide), ["100 µs", "1 ms", "10 ms", "100 ms"]);
    }

    #[test]
    fn values_that_are_none_still_give_an_axis() {
        for axis in [
            Axis::latency([]),
            Axis::latency([f64::NAN, f64::INFINITY, 0.0]),
            Axis::linear(f64::NAN, |_| String::new()),
        ] {
            assert!(axis.range.start.is_finite() && axis.range.start < axis.range.end);
        }
    }

    #[test]
    fn a_value_beyond_the_axis_stands_at_its_end() {
        let axis = Axis::linear(100.0, |v| format!("{v}"));
        assert_eq!([-5.0, 0.0, 1e9].map(|v| axis.map(&v, (0, 1_000))), [0, 0, 1_000]);
    }

    #[test]
    fn a_quantile_axis_ends_where_the_arrivals_end() {
        assert_eq!(labels(&Axis::quantiles(12_000)), ["0", "50", "90", "95", "99", "99.9", "99.99"]);
        assert_eq!(labels(&Axis::quantiles(0)), ["0", "50", "90", "95", "99"]);
    }

    #[test]
    fn a_time_axis_has_few_round_ticks() {
        let spaced = |range: Range<u32>| labels(&Axis::time(&range)).join(",").replace('\u{202f}', " ");
        assert_eq!(spaced(0..60), "0 s,10 s,20 s,30 s,40 s,50 s,60 s");
        assert_eq!(spaced(67..97), "70 s,75 s,80 s,85 s,90 s,95 s");
        assert_eq!(spaced(5..5), "5 s");
    }

    #[test]
    fn a_linear_axis_starts_at_nothing() {
        assert_eq!(labels(&Axis::linear(10_500.0, |v| format!("{v}"))), ["0", "5000", "10000"]);
    }
}
