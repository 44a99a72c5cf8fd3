//! The page: what the templates show, gathered and put into words.
//!
//! Invariants: templates escape what they are given, and nothing here is HTML; only the components
//! of this module and the charts, which are templates themselves, are taken as they are.

mod background;
mod component;
mod objective;
mod verdicts;

use askama::Template;
use proofload_evidence::{Evidence, Finding, RunRecord, RunState, Verdict};

use crate::{ReportError, format};
use background::{AccountRow, Machine, TrafficRow};
use component::Stamp;
use objective::ObjectiveView;
use verdicts::Row;

/// The whole report.
#[derive(Template)]
#[template(path = "report.html")]
pub(crate) struct Page<'a> {
    record: &'a RunRecord,
    stamp: Stamp,
    sentence: String,
    cut_short: Option<&'static str>,
    facts: Vec<(&'static str, String)>,
    notices: Vec<String>,
    rows: Vec<Row<'a>>,
    any_gauge: bool,
    objectives: Vec<ObjectiveView<'a>>,
    accounting: Vec<AccountRow<'a>>,
    traffic: Vec<TrafficRow<'a>>,
    machine: Machine,
    plan: Option<String>,
    command: String,
}

impl<'a> Page<'a> {
    pub(crate) fn new(record: &'a RunRecord, evidence: &'a Evidence) -> Result<Self, ReportError> {
        let objectives = &record.header.objectives;
        let findings: Vec<Option<&Finding>> =
            objectives.iter().map(|o| record.findings.iter().find(|f| f.objective == o.id)).collect();
        let verdicts = findings.iter().map(|f| f.map_or(Verdict::Inconclusive, |f| f.verdict));
        let rows: Vec<Row<'_>> =
            objectives.iter().zip(&findings).enumerate().map(|(at, (o, f))| Row::new(at, o, *f)).collect();
        let views = objectives.iter().zip(&findings).enumerate();
        Ok(Self {
            stamp: Stamp::new(record.verdict.unwrap_or_else(|| Verdict::all(verdicts.clone()))),
            sentence: verdicts::sentence(&verdicts.collect::<Vec<_>>()),
            cut_short: cut_short(record.state),
            facts: facts(record, evidence),
            notices: notices(record),
            any_gauge: rows.iter().any(|row| row.gauge.is_some()),
            rows,
            objectives: views.map(|(at, (o, f))| ObjectiveView::new(at, o, *f, evidence)).collect::<Result<_, _>>()?,
            accounting: record.accounting.iter().map(AccountRow::new).collect(),
            traffic: background::traffic(record.header.user_traffic.as_ref()),
            machine: Machine::new(&record.header, &evidence.host)?,
            plan: (!record.header.plan.is_null()).then(|| pretty(&record.header.plan)),
            command: record.header.command.iter().map(|arg| quoted(arg)).collect::<Vec<_>>().join(" "),
            record,
        })
    }
}

/// What a run that did not end has to say first.
fn cut_short(state: RunState) -> Option<&'static str> {
    match state {
        RunState::Finished => None,
        RunState::CutShort => Some("It was stopped before its end."),
        RunState::Running => Some("It was killed, or was still going on when this report was made."),
    }
}

fn facts(record: &RunRecord, evidence: &Evidence) -> Vec<(&'static str, String)> {
    let header = &record.header;
    let loaded = evidence.series.values().filter_map(|s| Some(s.seconds.keys().next_back()? + 1)).max();
    let mut facts = vec![
        ("Scenario", header.scenario.clone()),
        ("Profile", header.profile.clone()),
        ("Stack", header.stack.clone()),
        ("Started", header.started_at.strftime("%-d %B %Y, %H:%M:%S UTC").to_string()),
    ];
    if let Some(seconds) = loaded {
        facts.push(("Under load", format::seconds(seconds)));
    }
    facts
}

/// What a reader has to know before the figures.
fn notices(record: &RunRecord) -> Vec<String> {
    let header = &record.header;
    header.warnings.iter().chain(&header.stack_notes).chain(&record.blind_spots).map(|n| format::sentence(n)).collect()
}

fn pretty(json: &serde_json::Value) -> String {
    serde_json::to_string_pretty(json).unwrap_or_else(|_| json.to_string())
}

/// An argument as a shell takes it.
fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) { arg.to_owned() } else { format!("'{}'", arg.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        assert_eq!(quoted("--only=rest,publish"), "--only=rest,publish");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
        assert_eq!(quoted(""), "''");
    }
}
