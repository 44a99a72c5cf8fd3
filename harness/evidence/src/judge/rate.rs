//! "One instance serves so many good answers a second": a bound by batch means.
//!
//! Batches are longer than a stall, so their means are near independent. Source: Law, *Simulation
//! Modeling and Analysis*, chapter 9. The quantile at that load is judged beside it; both must hold.

use super::bound;
use super::share::Clock;
use crate::evidence::Second;
use crate::finding::Verdict;

const MOST_BATCHES: usize = 10;

/// What a window says about a rate.
#[derive(Debug, Clone)]
pub(crate) struct RateEstimate {
    pub(crate) rate_per_s: f64,
    pub(crate) interval: [f64; 2],
    pub(crate) verdict: Verdict,
}

/// Judges good answers per second. The seconds must be there even where nothing was answered.
pub(crate) fn estimate(seconds: &[Second], least_per_s: f64, clock: Clock) -> Option<RateEstimate> {
    let good: Vec<f64> = seconds.iter().map(|s| good_answers(s, clock) as f64).collect();
    let batches = (good.len() / 2).min(MOST_BATCHES);
    if batches < 3 {
        return None;
    }
    // The remainder goes to the first batches, so that no second is left out.
    let means: Vec<f64> = (0..batches)
        .map(|k| {
            let part = &good[k * good.len() / batches..(k + 1) * good.len() / batches];
            part.iter().sum::<f64>() / part.len() as f64
        })
        .collect();
    let k = batches as f64;
    let mean = good.iter().sum::<f64>() / good.len() as f64;
    let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (k - 1.0);
    let reach = bound::student_t(batches - 1) * (variance / k).sqrt();
    let (low, high) = (mean - reach, mean + reach);
    let verdict = match () {
        () if low >= least_per_s => Verdict::Pass,
        () if high < least_per_s => Verdict::Fail,
        () => Verdict::Inconclusive,
    };
    Some(RateEstimate { rate_per_s: mean, interval: [low.max(0.0), high], verdict })
}

fn good_answers(second: &Second, clock: Clock) -> u64 {
    second.tally.ok.saturating_sub(clock.over_limit(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(rates: impl IntoIterator<Item = u64>) -> Vec<Second> {
        rates
            .into_iter()
            .map(|ok| {
                let mut second = Second::default();
                second.tally.ok = ok;
                second
            })
            .collect()
    }

    #[test]
    fn a_rate_held_throughout_passes() {
        let estimate = estimate(&seconds([10_500; 20]), 10_000.0, Clock::Due).unwrap();
        assert_eq!((estimate.verdict, estimate.rate_per_s), (Verdict::Pass, 10_500.0));
    }

    #[test]
    fn a_rate_that_swings_around_the_limit_is_not_a_pass() {
        let swinging = (0..20).map(|at| if at % 7 < 3 { 12_000 } else { 8_500 });
        assert_eq!(estimate(&seconds(swinging), 10_000.0, Clock::Due).unwrap().verdict, Verdict::Inconclusive);
    }

    #[test]
    fn a_rate_below_the_limit_fails() {
        assert_eq!(estimate(&seconds([9_000; 20]), 10_000.0, Clock::Due).unwrap().verdict, Verdict::Fail);
    }

    #[test]
    fn answers_over_the_limit_are_not_good() {
        let mut slow = seconds([10_500; 20]);
        slow.iter_mut().for_each(|s| s.tally.over_limit = 2_000);
        assert_eq!(estimate(&slow, 10_000.0, Clock::Due).unwrap().verdict, Verdict::Fail);
    }
}
