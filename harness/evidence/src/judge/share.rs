//! "The P95 is below the limit", judged as "the share of arrivals over the limit is below 5 %".
//!
//! A fault is over every limit. Validity: at least [`super::SHORTEST_S`] seconds; a share that is
//! far below the allowed one says little about how bad arrivals cluster, so the design effect is
//! also taken where the run's own upper tail is, and the larger one counts.

use super::bound::{self, Trial};
use super::stationary;
use crate::counts::Counts;
use crate::evidence::Second;
use crate::finding::Verdict;

/// Fewer seconds than this are a stall, and the bound's to judge.
const SHORTEST_OUTAGE_S: usize = 3;

/// What a window says about a share.
#[derive(Debug, Clone)]
pub(crate) struct ShareEstimate {
    pub(crate) n: u64,
    pub(crate) bad: u64,
    /// Faults and, on the due clock, drops.
    pub(crate) beyond: u64,
    pub(crate) design_effect: f64,
    pub(crate) n_eff: f64,
    pub(crate) bounds: [f64; 2],
    /// The quantile that the promise is about, and its 90 % interval, in ns.
    pub(crate) quantile_ns: Option<u64>,
    pub(crate) interval_ns: [Option<u64>; 2],
    pub(crate) verdict: Verdict,
    /// Seconds of the window in which nearly nothing was answered, one after the other.
    pub(crate) outage_s: Option<usize>,
    /// The level changes after this many seconds, and the sides disagree about the limit.
    pub(crate) change_after: Option<usize>,
}

/// Which lateness counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// From the due time.
    Due,
    /// From the send: what the target alone is answerable for.
    Sent,
}

impl Clock {
    /// The latencies by this clock.
    pub(super) fn latency(self, second: &Second) -> &Counts {
        match self {
            Self::Due => &second.latency,
            Self::Sent => &second.service,
        }
    }

    /// Arrivals that are longer than every answer. One that found no capacity is such for a user
    /// who came when it was due, and was never put to the target.
    fn beyond(self, second: &Second) -> u64 {
        match self {
            Self::Due => second.tally.fault_count() + second.tally.dropped,
            Self::Sent => second.tally.fault_count(),
        }
    }

    /// How many answers are over the limit by this clock.
    pub(super) fn over_limit(self, second: &Second) -> u64 {
        match self {
            Self::Due => second.tally.over_limit,
            Self::Sent => second.tally.service_over_limit,
        }
    }

    fn trial(self, second: &Second, over: u64) -> Trial {
        let beyond = self.beyond(second);
        Trial { n: second.tally.ok + beyond, bad: over + beyond }
    }
}

fn trials(seconds: &[Second], clock: Clock) -> Vec<Trial> {
    seconds.iter().map(|s| clock.trial(s, clock.over_limit(s))).collect()
}

/// Bad arrivals where the bar is the run's own quantile `1 - share`.
pub(super) fn trials_at_share(seconds: &[Second], share: f64, clock: Clock) -> Vec<Trial> {
    let all = Counts::merged(seconds.iter().map(|s| clock.latency(s)));
    let beyond = seconds.iter().map(|s| clock.beyond(s)).sum();
    let bar = all.quantile(1.0 - share, beyond).or(all.max()).unwrap_or(0);
    seconds.iter().map(|s| clock.trial(s, clock.latency(s).above(bar))).collect()
}

/// The share of the run's own upper tail that tells best how bad arrivals cluster.
fn reference_share(p: f64, allowed: f64) -> f64 {
    [0.2, 0.4, 1.0, 2.0].into_iter().map(|k| k * allowed).find(|s| p < s / 4.0).unwrap_or(2.0 * allowed)
}

/// Judges the seconds against the share `1 - quantile`. `None` where nothing was answered.
pub(crate) fn estimate(seconds: &[Second], quantile: f64, clock: Clock) -> Option<ShareEstimate> {
    let allowed = 1.0 - quantile;
    let at_limit = trials(seconds, clock);
    let (n, bad) = bound::totals(&at_limit);
    if n == 0 {
        return None;
    }
    let p = bad as f64 / n as f64;
    let all = Counts::merged(seconds.iter().map(|s| clock.latency(s)));
    let beyond = seconds.iter().map(|s| clock.beyond(s)).sum();
    let at_reference = trials_at_share(seconds, reference_share(p, allowed), clock);
    let design_effect = bound::design_effect(&at_limit).max(bound::design_effect(&at_reference));
    let n_eff = bound::effective_size(n, design_effect, seconds.len());
    let bounds = bound::share_bounds(p, n_eff);
    let [low, high] = bounds;
    let change_after = straddling_change(&at_limit, &at_reference, allowed);
    let outage_s = outage(seconds).filter(|_| beyond as f64 > allowed * n as f64);
    let verdict = match () {
        // A jump inside the window inflates the design effect, so a share that is too large in spite
        // of it is too large whatever the other side of the jump looks like.
        () if low > allowed || outage_s.is_some() => Verdict::Fail,
        () if change_after.is_some() => Verdict::Inconclusive,
        () if high < allowed => Verdict::Pass,
        () => Verdict::Inconclusive,
    };
    // Woodruff (1952): the interval of a quantile is the histogram read at the interval of its share.
    let reach =
        bound::student_t(bound::cosines(seconds.len())) * (design_effect * allowed * quantile / n as f64).sqrt();
    let read = |q: f64| if q >= 1.0 { None } else { all.quantile(q.max(0.0), beyond) };
    Some(ShareEstimate {
        n,
        bad,
        beyond,
        design_effect,
        n_eff,
        bounds,
        quantile_ns: all.quantile(quantile, beyond),
        interval_ns: [read(quantile - reach), read(quantile + reach)],
        verdict,
        outage_s,
        change_after,
    })
}

/// The longest stretch of seconds in which most arrivals ended in faults. That is no tail of a
/// distribution, and no bound has to be found for it: whatever share of all runs has such a stretch,
/// in this one the target did not serve.
fn outage(seconds: &[Second]) -> Option<usize> {
    let down = |s: &Second| 2 * s.tally.fault_count() > s.tally.answered();
    let longest = seconds.split(|s| !down(s)).map(<[Second]>::len).max()?;
    (longest >= SHORTEST_OUTAGE_S).then_some(longest)
}

/// A change of level whose sides lie on different sides of the allowed share.
fn straddling_change(at_limit: &[Trial], at_reference: &[Trial], allowed: f64) -> Option<usize> {
    let at = stationary::change_point(at_limit).or_else(|| stationary::change_point(at_reference))?;
    let under = |part: &[Trial]| {
        let (n, bad) = bound::totals(part);
        (bad as f64) < allowed * n as f64
    };
    let (before, after) = at_limit.split_at(at);
    (under(before) != under(after)).then_some(at)
}

/// How many times longer the run would have to be for the bound to pass, if it stays as it was.
pub(crate) fn times_longer(estimate: &ShareEstimate, allowed: f64) -> Option<u32> {
    let p = estimate.bad as f64 / estimate.n as f64;
    (2..=50).find(|m| {
        let [low, high] = bound::share_bounds(p, estimate.n_eff * f64::from(*m));
        high < allowed || low > allowed
    })
}
