//! `proofload report RUN_DIR`: judges a run's evidence and renders it, as `verify` does at its end.

use std::io::Write as _;

use proofload_evidence::{Evidence, RunDir, RunRecord, judge};

use crate::args::ReportArgs;
use crate::exit::{Exit, Failure};
use crate::show::{screen, table};

pub(crate) fn run(args: &ReportArgs) -> Result<Exit, Failure> {
    let usage = |error| Failure::new(Exit::Usage, error);
    let dir = RunDir::open(&args.run_dir).map_err(usage)?;
    let evidence = Evidence::load(&dir).map_err(usage)?;
    let record = conclude(&dir, &evidence)?;
    let mut out = std::io::stdout().lock();
    table::write(&mut out, &record, &dir, screen::columns())?;
    out.flush()?;
    Ok(record.verdict.map_or(Exit::Inconclusive, Exit::from))
}

/// Judges, and writes `run.json` and the report. The one way to a verdict, for every command.
pub(crate) fn conclude(dir: &RunDir, evidence: &Evidence) -> anyhow::Result<RunRecord> {
    let judgement = judge::judge(evidence);
    let record = RunRecord {
        verdict: Some(judgement.verdict),
        findings: judgement.findings,
        accounting: evidence.accounting(),
        blind_spots: judgement.blind_spots,
        ..evidence.record.clone()
    };
    dir.write_record(&record)?;
    let html = proofload_reports::render(&record, evidence)?;
    dir.replace(&dir.report_html(), html.as_bytes())?;
    Ok(record)
}
