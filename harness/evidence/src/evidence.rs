//! A run directory, read back.
//!
//! Invariant: everything the judge and the reports use comes from here, so a verdict can be
//! reached again from the files alone.

use std::collections::BTreeMap;

use crate::counts::Counts;
use crate::error::EvidenceError;
use crate::finding::{Account, RunRecord, RunState};
use crate::header::{HostSecond, StageSpan};
use crate::interval::Tally;
use crate::interval_log;
use crate::run_dir::RunDir;

/// One second of one series.
#[derive(Debug, Clone, Default)]
pub struct Second {
    /// Exact counts.
    pub tally: Tally,
    /// Latencies of the arrivals that ended `ok`.
    pub latency: Counts,
    /// Their service times.
    pub service: Counts,
    /// Lateness of all that were sent.
    pub lag: Counts,
}

/// One series, by the second in which its arrivals were due.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Seconds that had arrivals.
    pub seconds: BTreeMap<u32, Second>,
}

impl Series {
    /// The sum of all seconds' counts.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        self.seconds.values().for_each(|second| sum.add(&second.tally));
        sum
    }

    /// The seconds `from..to`; one that had no arrivals is there, and empty.
    #[must_use]
    pub fn window(&self, from: u32, to: u32) -> Vec<Second> {
        (from..to).map(|at| self.seconds.get(&at).cloned().unwrap_or_default()).collect()
    }
}

/// Everything a run left.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// `run.json` as it was found.
    pub record: RunRecord,
    /// By series.
    pub series: BTreeMap<String, Series>,
    /// The machine, second by second.
    pub host: Vec<HostSecond>,
}

impl Evidence {
    /// Reads a run directory.
    ///
    /// # Errors
    /// If a file is missing or damaged. A torn last line of a log is not damage: the run was
    /// killed while it was written.
    pub fn load(dir: &RunDir) -> Result<Self, EvidenceError> {
        let record = dir.read_record()?;
        check(&record).map_err(|problem| EvidenceError::malformed(dir.run_json(), problem))?;
        let mut series = interval_log::read(&dir.interval_log(), &dir.tally_log())?;
        if record.state != RunState::Finished {
            series.values_mut().for_each(close_unfinished);
        }
        Ok(Self { record, series, host: read_host(dir)? })
    }

    /// The stage that measured `series`, if it was reached.
    #[must_use]
    pub fn stage_of(&self, series: &str) -> Option<&StageSpan> {
        self.record.header.stages.iter().find(|stage| stage.series.iter().any(|name| name == series))
    }

    /// Where the arrivals of every series went.
    #[must_use]
    pub fn accounting(&self) -> Vec<Account> {
        self.series
            .iter()
            .map(|(name, series)| {
                let tally = series.tally();
                Account {
                    probe: name.clone(),
                    scheduled: tally.scheduled,
                    ok: tally.ok,
                    faults: tally.fault_count(),
                    dropped: tally.dropped,
                    faults_by_kind: tally.faults.iter().map(|(kind, n)| (kind.to_string(), *n)).collect(),
                }
            })
            .collect()
    }
}

/// Values that no run writes, but an editor can.
fn check(record: &RunRecord) -> Result<(), String> {
    // Over a day; a run is an hour at most.
    const LONGEST_S: u64 = 100_000;
    for stage in &record.header.stages {
        let end = u64::from(stage.start_s) + u64::from(stage.warm_up_s) + u64::from(stage.measure_s);
        if end > LONGEST_S {
            return Err(format!("stage `{}` ends at second {end}: the file was changed; restore it", stage.name));
        }
    }
    if record.header.objectives.is_empty() {
        return Err("it has no objectives: the file was changed; restore it".to_owned());
    }
    for objective in &record.header.objectives {
        let (crate::Promise::QuantileBelow { quantile, .. }
        | crate::Promise::DeltaBelow { quantile, .. }
        | crate::Promise::RateAtLeast { quantile, .. }) = &objective.promise;
        if !(0.0..1.0).contains(quantile) {
            let id = &objective.id;
            return Err(format!("objective `{id}`: {quantile} is no quantile: the file was changed; restore it"));
        }
    }
    Ok(())
}

/// In a run that did not end in order, what was in flight has no end on record: it was cancelled.
fn close_unfinished(series: &mut Series) {
    for second in series.seconds.values_mut() {
        let unfinished = second.tally.unfinished();
        if unfinished > 0 {
            *second.tally.faults.entry(crate::FaultKind::Cancelled).or_default() += unfinished;
        }
    }
}

fn read_host(dir: &RunDir) -> Result<Vec<HostSecond>, EvidenceError> {
    let path = dir.host_log();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(EvidenceError::io("read", path)(e)),
    };
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete
        .lines()
        .enumerate()
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|e| EvidenceError::malformed(&path, format!("line {}: {e}", number + 1)))
        })
        .collect()
}
