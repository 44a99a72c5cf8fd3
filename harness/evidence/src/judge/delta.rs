//! "Going through costs less than the limit": the difference of two quantiles that were measured
//! in the same seconds, at the same backend.
//!
//! Whole seconds are drawn again, in blocks and for both arms together, so what slowed both arms
//! in the same seconds cancels, and what lasts longer than a second stays together. Source:
//! circular block bootstrap, Politis and Romano (1992). Never a difference of paired requests.

use super::bound;
use super::share::Clock;
use crate::counts::Counts;
use crate::evidence::Second;
use crate::finding::Verdict;

/// Draws; the bounds then are the 100th and the 1,900th of them.
const DRAWS: usize = 2_000;
/// Answers that must lie beyond the quantile in each arm: drawing few of them again and again
/// tells nothing of those that were never seen.
const LEAST_BEYOND: f64 = 10.0;
/// Slow spells of a few seconds have to stay together.
const SHORTEST_BLOCK_S: usize = 5;
/// The same evidence gives the same verdict.
const SEED: u64 = 0x0070_726f_6f66;

/// What a window says about a difference of quantiles, in ns.
#[derive(Debug, Clone)]
pub(crate) struct DeltaEstimate {
    pub(crate) n: u64,
    pub(crate) faults: u64,
    pub(crate) n_eff: f64,
    pub(crate) design_effect: f64,
    pub(crate) delta_ns: Option<f64>,
    pub(crate) interval_ns: [Option<f64>; 2],
    pub(crate) through_ns: Option<u64>,
    pub(crate) direct_ns: Option<u64>,
    pub(crate) verdict: Verdict,
}

/// One arm, as indices into its sorted values, so that a draw is additions only.
struct Arm {
    values: Vec<u64>,
    seconds: Vec<(Vec<(usize, u64)>, u64)>,
}

impl Arm {
    fn new(seconds: &[Second], clock: Clock) -> Self {
        let parts: Vec<&Counts> = seconds.iter().map(|s| clock.latency(s)).collect();
        let values: Vec<u64> = Counts::merged(parts.iter().copied()).iter().map(|(value, _)| value).collect();
        let at = |value: u64| values.partition_point(|v| *v < value);
        let seconds = parts
            .iter()
            .zip(seconds)
            .map(|(part, s)| (part.iter().map(|(v, n)| (at(v), n)).collect(), s.tally.fault_count()))
            .collect();
        Self { values, seconds }
    }

    /// The quantile over the drawn seconds; infinite where it lies among the faults, `None` where
    /// nothing was answered in them.
    fn quantile(&self, drawn: &[usize], quantile: f64, sums: &mut Vec<u64>) -> Option<f64> {
        sums.clear();
        sums.resize(self.values.len(), 0);
        let mut total = 0;
        for (counts, faults) in drawn.iter().map(|at| &self.seconds[*at]) {
            total += faults;
            for (at, n) in counts {
                sums[*at] += n;
                total += n;
            }
        }
        if total == 0 {
            return None;
        }
        let rank = ((quantile * total as f64).ceil() as u64).max(1);
        let mut seen = 0;
        let found = sums.iter().position(|n| {
            seen += n;
            seen >= rank
        });
        Some(found.map_or(f64::INFINITY, |at| self.values[at] as f64))
    }
}

/// A difference that faults make infinite counts as such; faults of the direct arm leave it unknown.
fn difference(through: Option<f64>, direct: Option<f64>) -> Option<f64> {
    match (through, direct) {
        (Some(through), Some(direct)) if direct.is_finite() => Some(through - direct),
        _ => None,
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Judges two arms over the same seconds. `None` where an arm has no answers.
pub(crate) fn estimate(
    through: &[Second],
    direct: &[Second],
    quantile: f64,
    limit_ns: f64,
    clock: Clock,
) -> Option<DeltaEstimate> {
    let arms = [Arm::new(through, clock), Arm::new(direct, clock)];
    let seconds = through.len().min(direct.len());
    let every: Vec<usize> = (0..seconds).collect();
    let mut sums = Vec::new();
    let [point_through, point_direct] = [&arms[0], &arms[1]].map(|arm| arm.quantile(&every, quantile, &mut sums));
    point_through.and(point_direct)?;
    let enough = [through, direct].iter().all(|arm| {
        let answered: u64 = arm.iter().map(|s| s.tally.answered()).sum();
        answered as f64 * (1.0 - quantile) >= LEAST_BEYOND
    });
    let delta = difference(point_through, point_direct);
    let draws = delta.and_then(|delta| bootstrap(&arms, seconds, quantile, delta));
    let [low, high] = draws.unwrap_or([f64::NEG_INFINITY, f64::INFINITY]);
    let changed = changes_sides(&arms, through, quantile, limit_ns, clock);
    let verdict = match () {
        () if draws.is_none() || !enough => Verdict::Inconclusive,
        () if low > limit_ns => Verdict::Fail,
        () if changed => Verdict::Inconclusive,
        () if high < limit_ns => Verdict::Pass,
        () => Verdict::Inconclusive,
    };
    let shares = [through, direct].map(|arm| super::share::estimate(arm, quantile, clock));
    let sum = |of: fn(&super::share::ShareEstimate) -> f64| shares.iter().flatten().map(of).sum::<f64>();
    Some(DeltaEstimate {
        n: sum(|s| s.n as f64) as u64,
        faults: sum(|s| s.beyond as f64) as u64,
        n_eff: sum(|s| s.n_eff),
        design_effect: shares.iter().flatten().map(|s| s.design_effect).fold(1.0, f64::max),
        delta_ns: delta.and_then(finite),
        interval_ns: [finite(low), finite(high)],
        through_ns: point_through.and_then(finite).map(|ns| ns as u64),
        direct_ns: point_direct.and_then(finite).map(|ns| ns as u64),
        verdict,
    })
}

/// Whether the level of the arm that takes the detour changes within the window, and only one side
/// of the change meets the limit.
fn changes_sides(arms: &[Arm; 2], through: &[Second], quantile: f64, limit_ns: f64, clock: Clock) -> bool {
    let trials = super::share::trials_at_share(through, 1.0 - quantile, clock);
    let Some(at) = super::stationary::change_point(&trials) else { return false };
    let mut sums = Vec::new();
    let mut meets = |drawn: std::ops::Range<usize>| {
        let drawn: Vec<usize> = drawn.collect();
        let [through, direct] = [&arms[0], &arms[1]].map(|arm| arm.quantile(&drawn, quantile, &mut sums));
        difference(through, direct).is_some_and(|delta| delta < limit_ns)
    };
    meets(0..at) != meets(at..through.len())
}

/// 95 % bounds of the difference; `None` where more than one draw in twenty has no difference.
///
/// The percentiles of the draws lie too close to `delta` where there are few seconds. They are
/// widened as Student's t widens a normal bound, with the degrees of freedom that a variance over
/// as many seconds has.
fn bootstrap(arms: &[Arm; 2], seconds: usize, quantile: f64, delta: f64) -> Option<[f64; 2]> {
    let block = ((seconds as f64).cbrt().ceil() as usize).max(SHORTEST_BLOCK_S).min(seconds);
    let mut rng = fastrand::Rng::with_seed(SEED);
    let mut sums = Vec::new();
    let mut differences: Vec<f64> = (0..DRAWS)
        .filter_map(|_| {
            let drawn: Vec<usize> = (0..seconds.div_ceil(block))
                .flat_map(|_| {
                    let start = rng.usize(0..seconds);
                    (0..block).map(move |step| (start + step) % seconds)
                })
                .take(seconds)
                .collect();
            let [through, direct] = [&arms[0], &arms[1]].map(|arm| arm.quantile(&drawn, quantile, &mut sums));
            difference(through, direct)
        })
        .collect();
    if differences.len() < DRAWS - (bound::ALPHA * DRAWS as f64) as usize {
        return None;
    }
    differences.sort_by(f64::total_cmp);
    let at = |share: f64| differences[((share * differences.len() as f64) as usize).min(differences.len() - 1)];
    let widened = |end: f64| if delta.is_finite() { delta + (end - delta) * bound::widening(seconds) } else { end };
    Some([widened(at(bound::ALPHA)), widened(at(1.0 - bound::ALPHA))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(seed: u64, mean_ms: f64, stall_at: Option<usize>) -> Vec<Second> {
        let mut rng = fastrand::Rng::with_seed(seed);
        (0..40)
            .map(|at| {
                let extra = if stall_at == Some(at) { 400.0 } else { 0.0 };
                let pairs = (0..100).map(|_| {
                    let ms = extra - mean_ms * (1.0 - rng.f64()).ln();
                    ((ms * 1e6) as u64, 1)
                });
                let mut second = Second { latency: Counts::from_pairs(pairs), ..Second::default() };
                second.tally.ok = second.latency.total();
                second.tally.scheduled = second.tally.ok;
                second
            })
            .collect()
    }

    #[test]
    fn a_small_difference_passes_and_a_large_one_fails() {
        let direct = arm(1, 2.0, None);
        let near = estimate(&arm(2, 3.0, None), &direct, 0.95, 20e6, Clock::Due).unwrap();
        assert_eq!(near.verdict, Verdict::Pass);
        let far = estimate(&arm(3, 20.0, None), &direct, 0.95, 20e6, Clock::Due).unwrap();
        assert_eq!(far.verdict, Verdict::Fail);
    }

    #[test]
    fn a_stall_that_meets_both_arms_does_not_count_against_the_gateway() {
        let through = arm(1, 3.0, Some(7));
        let direct = arm(2, 2.0, Some(7));
        assert_eq!(estimate(&through, &direct, 0.95, 20e6, Clock::Due).unwrap().verdict, Verdict::Pass);
    }

    #[test]
    fn a_gateway_that_answers_with_errors_fails_and_a_broken_backend_is_not_its_fault() {
        let good = arm(1, 2.0, None);
        let mut broken = arm(2, 2.0, None);
        for second in &mut broken {
            second.tally.faults.insert(crate::FaultKind::Status(502), 20);
        }
        assert_eq!(estimate(&broken, &good, 0.95, 20e6, Clock::Due).unwrap().verdict, Verdict::Fail);
        assert_eq!(estimate(&good, &broken, 0.95, 20e6, Clock::Due).unwrap().verdict, Verdict::Inconclusive);
    }

    #[test]
    fn a_gateway_that_gets_slow_half_way_is_no_pass() {
        let mut through = arm(1, 3.0, None);
        through[30..].clone_from_slice(&arm(2, 15.0, None)[30..]);
        let estimate = estimate(&through, &arm(3, 2.0, None), 0.95, 30e6, Clock::Due).unwrap();
        assert_ne!(estimate.verdict, Verdict::Pass);
    }

    #[test]
    fn a_handful_of_requests_is_no_pass() {
        let few = |seed| {
            let mut seconds = arm(seed, 2.0, None);
            for second in &mut seconds {
                second.latency = Counts::from_pairs(second.latency.iter().take(3));
                second.tally.ok = second.latency.total();
            }
            seconds
        };
        let estimate = estimate(&few(1), &few(2), 0.95, 20e6, Clock::Due).unwrap();
        assert_eq!(estimate.verdict, Verdict::Inconclusive);
    }

    #[test]
    fn the_same_evidence_gives_the_same_interval() {
        let (through, direct) = (arm(5, 3.0, None), arm(6, 2.0, None));
        let once = estimate(&through, &direct, 0.95, 20e6, Clock::Due).unwrap();
        let twice = estimate(&through, &direct, 0.95, 20e6, Clock::Due).unwrap();
        assert_eq!(once.interval_ns, twice.interval_ns);
    }
}
