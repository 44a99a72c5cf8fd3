//! All samples of one series that were due in one second, or a part of them.
//!
//! Invariants: a tally counts exactly, a histogram rounds (three significant digits); intervals of
//! the same series and second add up, in any order; `scheduled = ok + faults + dropped` holds for
//! the sum of all intervals of a finished run.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::sample::{FaultKind, Outcome, Sample};

/// Nanoseconds, three significant digits, from 1 us to 60 s; longer is counted as 60 s.
pub type LatencyHistogram = Histogram<u32>;

const LOWEST_NS: u64 = 1_000;
const HIGHEST_NS: u64 = 60_000_000_000;
/// A request sent this late was not offered when the plan said so.
const LATE_NS: u64 = 1_000_000_000;

/// An empty histogram with the bounds that every histogram of a run has.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "the bounds are constants that a test builds")]
pub fn new_histogram() -> LatencyHistogram {
    #[expect(clippy::unwrap_used, reason = "the bounds are constants that a test builds")]
    Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, 3).unwrap()
}

/// Exact counts of what became of the arrivals due in a second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Arrivals that the schedule had.
    pub scheduled: u64,
    /// Arrivals that were answered as they should be.
    pub ok: u64,
    /// Arrivals that were answered wrongly or not at all, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub faults: BTreeMap<FaultKind, u64>,
    /// Arrivals that found no capacity in the generator and were never sent.
    pub dropped: u64,
    /// Of `ok`: latency (from the due time) over the limit.
    pub over_limit: u64,
    /// Of `ok`: service time (from the send) over the limit. Where this is far below
    /// `over_limit`, the generator was late, not the target slow.
    pub service_over_limit: u64,
    /// Of those sent: a second or more after the due time.
    pub late: u64,
    /// Events that the broker acknowledged and nobody ever reported as processed. They are faults as
    /// well: this says which of the faults are losses, not lateness.
    #[serde(default)]
    pub lost: u64,
    /// Completions that came again for the same event.
    #[serde(default)]
    pub duplicated: u64,
    /// Completions that came after one of a later event of the same partition.
    #[serde(default)]
    pub reordered: u64,
}

impl Tally {
    /// All faults, of whatever kind.
    #[must_use]
    pub fn fault_count(&self) -> u64 {
        self.faults.values().sum()
    }

    /// Arrivals that were sent and whose end is known.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.ok + self.fault_count()
    }

    /// Arrivals whose end is not (yet) known. 0 in a run that ended in order.
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        self.scheduled.saturating_sub(self.answered() + self.dropped)
    }

    /// Whether `scheduled = ok + faults + dropped`.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.scheduled == self.answered() + self.dropped
    }

    /// Adds another tally of the same series.
    pub fn add(&mut self, other: &Self) {
        self.scheduled += other.scheduled;
        self.ok += other.ok;
        for (kind, count) in &other.faults {
            *self.faults.entry(*kind).or_default() += count;
        }
        self.dropped += other.dropped;
        self.over_limit += other.over_limit;
        self.service_over_limit += other.service_over_limit;
        self.late += other.late;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
    }
}

/// What is known, so far, of the arrivals of one series due in one second.
#[derive(Debug, Clone)]
pub struct Interval {
    /// Which series, for example `rest` or `gateway.direct`.
    pub series: String,
    /// The second of the run in which these arrivals were due.
    pub second: u32,
    /// Exact counts.
    pub tally: Tally,
    /// Latencies (from the due time) of the arrivals that ended `ok`.
    pub latency: LatencyHistogram,
    /// Service times (from the send) of the arrivals that ended `ok`.
    pub service: LatencyHistogram,
    /// Lateness of every arrival that was sent.
    pub lag: LatencyHistogram,
}

impl Interval {
    /// An interval that knows of nothing yet.
    #[must_use]
    pub fn new(series: &str, second: u32) -> Self {
        Self {
            series: series.to_owned(),
            second,
            tally: Tally::default(),
            latency: new_histogram(),
            service: new_histogram(),
            lag: new_histogram(),
        }
    }

    /// Takes a sample in. `limit_ns` is the objective's limit, against which `over_limit` is
    /// counted exactly.
    pub fn record(&mut self, sample: &Sample, limit_ns: u64) {
        let tally = &mut self.tally;
        tally.late += u64::from(sample.lag_ns() >= LATE_NS);
        self.lag.saturating_record(sample.lag_ns());
        match sample.outcome {
            Outcome::Ok => {
                tally.ok += 1;
                tally.over_limit += u64::from(sample.latency_ns() > limit_ns);
                tally.service_over_limit += u64::from(sample.service_ns() > limit_ns);
                self.latency.saturating_record(sample.latency_ns());
                self.service.saturating_record(sample.service_ns());
            }
            Outcome::Fault(kind) => *tally.faults.entry(kind).or_default() += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(due: u64, sent: u64, done: u64) -> Sample {
        Sample { due_ns: due, sent_ns: sent, done_ns: done, outcome: Outcome::Ok }
    }

    #[test]
    fn a_late_send_lengthens_latency_but_not_service_time() {
        let mut interval = Interval::new("rest", 0);
        interval.record(&sample(0, 80_000_000, 120_000_000), 100_000_000);
        assert_eq!(interval.tally.over_limit, 1);
        assert_eq!(interval.tally.service_over_limit, 0);
        assert_eq!(interval.tally.late, 0);
    }

    #[test]
    fn exactly_the_limit_is_not_over_it() {
        let mut interval = Interval::new("rest", 0);
        interval.record(&sample(0, 0, 100_000_000), 100_000_000);
        interval.record(&sample(0, 0, 100_000_001), 100_000_000);
        assert_eq!(interval.tally.over_limit, 1);
    }

    #[test]
    fn a_fault_has_no_latency_but_is_answered() {
        let mut interval = Interval::new("rest", 0);
        let mut fault = sample(0, 0, 5);
        fault.outcome = Outcome::Fault(FaultKind::Timeout);
        interval.record(&fault, 1);
        assert_eq!(interval.latency.len(), 0);
        assert_eq!(interval.tally.answered(), 1);
    }

    #[test]
    fn a_wait_longer_than_the_histogram_is_kept_at_its_top() {
        let mut interval = Interval::new("rest", 0);
        interval.record(&sample(0, 0, 3 * HIGHEST_NS), 1);
        assert_eq!(interval.latency.len(), 1);
        assert!(interval.latency.max() >= HIGHEST_NS);
    }
}
