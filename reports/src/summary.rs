//! Which seconds a chart or a table is about, and what they sum up to.
//!
//! Invariant: the window is the one that the finding was made on, so figures beside a verdict are
//! figures of the same arrivals. Nothing is judged here.

use std::collections::BTreeSet;
use std::ops::Range;

use proofload_evidence::{Counts, Evidence, Finding, Objective, Second, Series, StageSpan, Tally};

/// The stretch of the run that an objective was measured in, in seconds of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    /// From the first arrival of the stage to its last.
    pub(crate) stage: Range<u32>,
    /// The part of it that was judged, or would have been.
    pub(crate) judged: Range<u32>,
}

impl Window {
    /// The window of `objective`; `None` if neither its stage nor any of its arrivals is on record.
    pub(crate) fn of(evidence: &Evidence, objective: &Objective, finding: Option<&Finding>) -> Option<Self> {
        let series = objective.series();
        let stage = match evidence.stage_of(series[0]) {
            Some(stage) => stage.clone(),
            None => stage_from_data(series.iter().filter_map(|name| evidence.series.get(*name)))?,
        };
        let end = stage.start_s + stage.warm_up_s + stage.measure_s;
        let judged = match finding.filter(|f| f.judged_s > 0) {
            Some(f) => stage.start_s + f.warm_up_s..stage.start_s + f.warm_up_s + f.judged_s,
            None => stage.start_s + stage.warm_up_s..end,
        };
        Some(Self { stage: stage.start_s..end, judged })
    }
}

/// Evidence without stages still has seconds to show.
fn stage_from_data<'a>(series: impl Iterator<Item = &'a Series>) -> Option<StageSpan> {
    let seconds: Vec<u32> = series.flat_map(|s| s.seconds.keys().copied()).collect();
    let (first, last) = (*seconds.iter().min()?, *seconds.iter().max()?);
    Some(StageSpan {
        name: String::new(),
        series: Vec::new(),
        start_s: first,
        warm_up_s: 0,
        measure_s: last + 1 - first,
    })
}

/// All arrivals of one series in a stretch of the run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Summary {
    pub(crate) tally: Tally,
    pub(crate) latency: Counts,
    pub(crate) service: Counts,
    pub(crate) lag: Counts,
}

impl Summary {
    /// The sum over `range`; empty where the series has no seconds in it.
    pub(crate) fn of(series: Option<&Series>, range: &Range<u32>) -> Self {
        let seconds: Vec<&Second> =
            series.map(|s| s.seconds.range(range.clone()).map(|(_, second)| second).collect()).unwrap_or_default();
        let mut tally = Tally::default();
        seconds.iter().for_each(|second| tally.add(&second.tally));
        Self {
            tally,
            latency: Counts::merged(seconds.iter().map(|s| &s.latency)),
            service: Counts::merged(seconds.iter().map(|s| &s.service)),
            lag: Counts::merged(seconds.iter().map(|s| &s.lag)),
        }
    }

    /// The quantile of latency in ns, faults being longer than every answer.
    pub(crate) fn quantile(&self, quantile: f64) -> Option<f64> {
        self.latency.quantile(quantile, self.tally.fault_count()).map(|ns| ns as f64)
    }
}

/// One point of a timeline: a second, or several where a long run has more than a chart can show.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// First second, and how many there are.
    pub(crate) from: u32,
    pub(crate) width: u32,
    pub(crate) sum: Summary,
}

impl Slot {
    /// The middle of the slot on the time axis.
    pub(crate) fn middle(&self) -> f64 {
        f64::from(self.from) + f64::from(self.width) / 2.0
    }
}

/// More points than this are no longer told apart.
const MOST_SLOTS: u32 = 300;

/// Seconds that make up one point, so that a long run stays readable and small.
pub(crate) fn slot_width(stage: &Range<u32>) -> u32 {
    (stage.end.saturating_sub(stage.start)).div_ceil(MOST_SLOTS).max(1)
}

/// The seconds of a series in slots. Slots without arrivals are left out: there is nothing to show.
pub(crate) fn slots(series: Option<&Series>, stage: &Range<u32>) -> Vec<Slot> {
    let width = slot_width(stage);
    let seconds = series.iter().flat_map(|s| s.seconds.range(stage.clone()));
    let starts: BTreeSet<u32> = seconds.map(|(at, _)| stage.start + (at - stage.start) / width * width).collect();
    starts
        .into_iter()
        .map(|from| Slot { from, width, sum: Summary::of(series, &(from..from + width)) })
        .filter(|slot| slot.sum.tally.scheduled > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(seconds: impl IntoIterator<Item = u32>) -> Series {
        let second = |ns| Second {
            tally: Tally { scheduled: 1, ok: 1, ..Tally::default() },
            latency: Counts::from_pairs([(ns, 1)]),
            ..Second::default()
        };
        Series { seconds: seconds.into_iter().map(|at| (at, second(1_000 * u64::from(at) + 1_000))).collect() }
    }

    #[test]
    fn a_minute_has_a_slot_for_every_second_that_had_arrivals() {
        let slots = slots(Some(&series([3, 4, 9])), &(0..60));
        assert_eq!(slots.iter().map(|s| (s.from, s.width)).collect::<Vec<_>>(), [(3, 1), (4, 1), (9, 1)]);
    }

    #[test]
    fn an_hour_is_shown_in_merged_seconds_not_in_averaged_quantiles() {
        let slots = slots(Some(&series(0..3_600)), &(0..3_600));
        assert_eq!(slots.len(), 300);
        assert_eq!(slots[0].sum.tally.scheduled, 12);
        assert_eq!(slots[0].sum.latency.max(), Some(12_000));
    }

    #[test]
    fn no_series_sums_up_to_nothing() {
        assert!(slots(None, &(0..60)).is_empty());
        assert_eq!(Summary::of(None, &(0..60)).quantile(0.5), None);
    }
}
