//! The verdicts, as a table for people: one row for each objective, the reason under it.

use std::io::{self, Write};

use console::style;
use proofload_evidence::{Finding, Measured, RunDir, RunRecord, RunState, Verdict};

use super::{grouped, milliseconds};

/// Writes the table, what the verdict of all is, and where the report lies.
pub(crate) fn write(out: &mut impl Write, record: &RunRecord, dir: &RunDir) -> io::Result<()> {
    let id_width = record.findings.iter().map(|f| f.objective.len()).max().unwrap_or(0).max(9);
    let target_width = record.findings.iter().map(|f| f.target.chars().count()).max().unwrap_or(0).max(6);
    writeln!(out)?;
    writeln!(
        out,
        "{:<12}  {:<id_width$}  {:<target_width$}  {:<11} {:<21} {:>8} {:>7}",
        "verdict", "objective", "target", "measured", "90 % interval", "n", "n_eff"
    )?;
    for finding in &record.findings {
        writeln!(
            out,
            "{}  {:<id_width$}  {:<target_width$}  {:<11} {:<21} {:>8} {:>7}",
            word(finding.verdict),
            finding.objective,
            finding.target,
            figure(&finding.measured, finding.measured.value()),
            interval(finding),
            grouped(finding.n as f64),
            finding.n_eff.map_or_else(|| "–".to_owned(), grouped),
        )?;
        if let Some(why) = finding.reasons.first() {
            writeln!(out, "              {}", style(why).dim())?;
        }
        for further in finding.reasons.iter().skip(1).filter(|_| finding.verdict != Verdict::Pass) {
            writeln!(out, "              {}", style(further).dim())?;
        }
    }
    writeln!(out)?;
    for warning in &record.header.warnings {
        writeln!(out, "{} {warning}", style("warning:").yellow().bold())?;
    }
    if record.state != RunState::Finished {
        writeln!(out, "{}", style("This run was cut short; it shows what was measured until then.").yellow())?;
    }
    let passed = record.findings.iter().filter(|f| f.verdict == Verdict::Pass).count();
    let verdict = record.verdict.unwrap_or(Verdict::Inconclusive);
    writeln!(out, "{}: {passed} of {} documented targets are proven", word(verdict).trim_end(), record.findings.len())?;
    writeln!(out, "report: {}", dir.report_html().display())
}

/// The verdict in capitals, padded to a column, coloured where colours are seen.
fn word(verdict: Verdict) -> String {
    let word = format!("{:<12}", verdict.word());
    let styled = match verdict {
        Verdict::Pass => style(word).green(),
        Verdict::Fail => style(word).red(),
        Verdict::Inconclusive => style(word).yellow(),
    };
    styled.bold().to_string()
}

fn figure(measured: &Measured, value: Option<f64>) -> String {
    match (measured, value) {
        (Measured::Rate { .. }, Some(rate)) => format!("{}/s", grouped(rate)),
        (Measured::Delta { .. }, Some(ms)) => format!("+{}", milliseconds(Some(ms))),
        (_, value) => milliseconds(value),
    }
}

fn interval(finding: &Finding) -> String {
    let [low, high] = finding.interval;
    if low.is_none() && high.is_none() {
        return "–".to_owned();
    }
    let end = |value| match (&finding.measured, value) {
        (Measured::Rate { .. }, Some(rate)) => grouped(rate),
        (_, value) => milliseconds(value),
    };
    format!("{} … {}", end(low), end(high))
}
