//! Takes samples in, and gives intervals out once their second is over.
//!
//! One recorder for each probe's thread: no lock, no channel per sample. An arrival counts in the
//! second in which it was *due*; one that ends later than its second's interval was given out
//! makes a further interval of the same second.

use proofload_evidence::{Interval, Sample};

use crate::clock::second_of;

/// The series of one probe and their open intervals.
#[derive(Debug)]
pub struct Recorder {
    series: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    name: String,
    limit_ns: u64,
    intervals: Vec<Interval>,
}

impl Open {
    fn interval(&mut self, due_ns: u64) -> &mut Interval {
        let second = second_of(due_ns);
        // Nearly always the last one: at most a few seconds are open at a time.
        let at = self.intervals.iter().rposition(|i| i.second == second).unwrap_or_else(|| {
            self.intervals.push(Interval::new(&self.name, second));
            self.intervals.len() - 1
        });
        &mut self.intervals[at]
    }
}

impl Recorder {
    /// A recorder of these series; `limit_ns` is what `over_limit` is counted against.
    #[must_use]
    pub fn new(series: &[String], limit_ns: u64) -> Self {
        let open = |name: &String| Open { name: name.clone(), limit_ns, intervals: Vec::new() };
        Self { series: series.iter().map(open).collect() }
    }

    /// An arrival of the schedule has come.
    pub fn scheduled(&mut self, series: usize, due_ns: u64) {
        self.series[series].interval(due_ns).tally.scheduled += 1;
    }

    /// It found no capacity.
    pub fn dropped(&mut self, series: usize, due_ns: u64) {
        self.series[series].interval(due_ns).tally.dropped += 1;
    }

    /// It was sent, and has ended.
    pub fn sample(&mut self, series: usize, sample: &Sample) {
        let open = &mut self.series[series];
        let limit_ns = open.limit_ns;
        open.interval(sample.due_ns).record(sample, limit_ns);
    }

    /// A completion came a second time for the arrival due at `due_ns`.
    pub fn duplicated(&mut self, series: usize, due_ns: u64) {
        self.series[series].interval(due_ns).tally.duplicated += 1;
    }

    /// The completion of the arrival due at `due_ns` came after that of a later one.
    pub fn reordered(&mut self, series: usize, due_ns: u64) {
        self.series[series].interval(due_ns).tally.reordered += 1;
    }

    /// The event due at `due_ns` was acknowledged, and nobody ever reported it as processed.
    pub fn lost(&mut self, series: usize, due_ns: u64) {
        self.series[series].interval(due_ns).tally.lost += 1;
    }

    /// Gives out what is known of all seconds before `second`.
    pub fn take_before(&mut self, second: u32) -> Vec<Interval> {
        let mut taken = Vec::new();
        for open in &mut self.series {
            taken.extend(open.intervals.extract_if(.., |interval| interval.second < second));
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proofload_evidence::Outcome;

    const SECOND_NS: u64 = 1_000_000_000;

    #[test]
    fn a_straggler_counts_in_the_second_in_which_it_was_due() {
        let mut recorder = Recorder::new(&["rest".to_owned()], 1);
        recorder.scheduled(0, SECOND_NS / 2);
        assert_eq!(recorder.take_before(1)[0].tally.scheduled, 1);
        let late =
            Sample { due_ns: SECOND_NS / 2, sent_ns: SECOND_NS / 2, done_ns: 4 * SECOND_NS, outcome: Outcome::Ok };
        recorder.sample(0, &late);
        let taken = recorder.take_before(4);
        assert_eq!((taken[0].second, taken[0].tally.ok, taken[0].tally.scheduled), (0, 1, 0));
        assert!(recorder.take_before(9).is_empty());
    }

    #[test]
    fn the_second_that_is_going_on_stays_open() {
        let mut recorder = Recorder::new(&["rest".to_owned()], 1);
        recorder.scheduled(0, SECOND_NS);
        assert!(recorder.take_before(1).is_empty());
        assert_eq!(recorder.take_before(2).len(), 1);
    }
}
