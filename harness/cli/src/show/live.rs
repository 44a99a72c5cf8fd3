//! The last seconds of every series, for whoever watches. Never for a verdict.

use std::collections::{BTreeMap, VecDeque};

use proofload_evidence::{Counts, Interval, Objective, Promise, Tally};

use super::{grouped, milliseconds};

/// Long enough to be calm, short enough to show a change.
const SECONDS: u32 = 5;

/// What happened lately.
#[derive(Debug, Default)]
pub(crate) struct Live {
    series: BTreeMap<String, VecDeque<(u32, Tally, Counts)>>,
}

/// One series over the last seconds.
struct Recent {
    per_s: f64,
    faults: u64,
    dropped: u64,
    p95_ms: Option<f64>,
}

impl Live {
    pub(crate) fn add(&mut self, interval: &Interval) {
        let recent = self.series.entry(interval.series.clone()).or_default();
        let counts = Counts::of(&interval.latency);
        match recent.iter_mut().find(|(second, ..)| *second == interval.second) {
            Some((_, tally, sum)) => {
                tally.add(&interval.tally);
                sum.add(&counts);
            }
            None => recent.push_back((interval.second, interval.tally.clone(), counts)),
        }
        let newest = recent.iter().map(|(second, ..)| *second).max().unwrap_or(0);
        recent.retain(|(second, ..)| second + SECONDS > newest);
    }

    fn recent(&self, series: &str) -> Option<Recent> {
        let recent = self.series.get(series).filter(|recent| !recent.is_empty())?;
        let mut tally = Tally::default();
        recent.iter().for_each(|(_, t, _)| tally.add(t));
        let counts = Counts::merged(recent.iter().map(|(.., counts)| counts));
        Some(Recent {
            per_s: tally.answered() as f64 / recent.len() as f64,
            faults: tally.fault_count(),
            dropped: tally.dropped,
            p95_ms: counts.quantile(0.95, tally.fault_count()).map(|ns| ns as f64 / 1e6),
        })
    }

    /// An objective in one line; `None` where nothing of it was measured lately.
    pub(crate) fn line(&self, objective: &Objective) -> Option<String> {
        let (rate, figure, trouble) = match &objective.promise {
            Promise::QuantileBelow { series, .. } | Promise::RateAtLeast { series, .. } => {
                let recent = self.recent(series)?;
                (recent.per_s, format!("P95 {}", milliseconds(recent.p95_ms)), recent.trouble())
            }
            Promise::DeltaBelow { through, direct, .. } => {
                let (through, direct) = (self.recent(through)?, self.recent(direct)?);
                let delta = through.p95_ms.zip(direct.p95_ms).map(|(through, direct)| through - direct);
                let figure = format!("P95 {}", super::difference(delta));
                (through.per_s + direct.per_s, figure, through.trouble() + &direct.trouble())
            }
        };
        Some(format!("{:>7}/s  {figure:<14} {}{trouble}", grouped(rate), objective.target))
    }
}

impl Recent {
    fn trouble(&self) -> String {
        let part = |n: u64, what: &str| if n > 0 { format!("  {n} {what}") } else { String::new() };
        part(self.faults, "faults") + &part(self.dropped, "dropped")
    }
}
