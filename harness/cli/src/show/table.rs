//! The verdicts, as a table for people: one row for each objective, the reason under it.

use std::io::{self, Write};

use console::style;
use proofload_evidence::{Finding, Measured, RunDir, RunRecord, RunState, Verdict};

use super::{difference, grouped, milliseconds};

/// What a row needs beside its columns of fixed width.
const NARROWEST_WITH_COUNTS: usize = 106;

/// Writes the table, what the verdict of all is, and where the report lies. `columns` is how wide
/// the terminal is, if it is one.
pub(crate) fn write(out: &mut impl Write, record: &RunRecord, dir: &RunDir, columns: Option<usize>) -> io::Result<()> {
    // In a narrow terminal the counts go to the line below, so that no row is broken in two.
    let wide = columns.is_none_or(|columns| columns >= NARROWEST_WITH_COUNTS);
    let widths = Widths::of(record);
    writeln!(out)?;
    let counts = if wide { format!(" {:>8} {:>7}", "n", "n_eff") } else { String::new() };
    writeln!(
        out,
        "{}{counts}",
        widths.row(&format!("{:<12}", "verdict"), "objective", "target", "measured", "90 % interval")
    )?;
    for finding in &record.findings {
        write_finding(out, finding, &widths, wide)?;
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
    writeln!(out, "{}: {passed} of {} targets are proven", word(verdict, 0), record.findings.len())?;
    writeln!(out, "report: {}", dir.report_html().display())
}

fn write_finding(out: &mut impl Write, finding: &Finding, widths: &Widths, wide: bool) -> io::Result<()> {
    let n = grouped(finding.n as f64);
    let n_eff = finding.n_eff.map_or_else(|| "–".to_owned(), grouped);
    let counts = if wide { format!(" {n:>8} {n_eff:>7}") } else { String::new() };
    let figure = figure(&finding.measured, finding.measured.value());
    let row = widths.row(&word(finding.verdict, 12), &finding.objective, &finding.target, &figure, &interval(finding));
    writeln!(out, "{}", format!("{row}{counts}").trim_end())?;
    if !wide && finding.n > 0 {
        writeln!(out, "              {}", style(format!("n {n}, n_eff {n_eff}")).dim())?;
    }
    // A pass needs no explanation beyond its bound; anything else is told in full.
    let told = if finding.verdict == Verdict::Pass { 1 } else { finding.reasons.len() };
    for why in finding.reasons.iter().take(told) {
        writeln!(out, "              {}", style(why).dim())?;
    }
    Ok(())
}

/// Widths of the columns whose content is the scenario's.
struct Widths {
    objective: usize,
    target: usize,
}

impl Widths {
    fn of(record: &RunRecord) -> Self {
        let longest = |text: fn(&Finding) -> &str, least: usize| {
            record.findings.iter().map(|f| text(f).chars().count()).max().unwrap_or(0).max(least)
        };
        Self { objective: longest(|f| &f.objective, 9), target: longest(|f| &f.target, 6) }
    }

    fn row(&self, verdict: &str, objective: &str, target: &str, figure: &str, interval: &str) -> String {
        let (objective_width, target_width) = (self.objective, self.target);
        format!("{verdict}  {objective:<objective_width$}  {target:<target_width$}  {figure:<9} {interval:<19}")
    }
}

/// The verdict in capitals, padded to `width`, coloured where colours are seen.
fn word(verdict: Verdict, width: usize) -> String {
    let word = format!("{:<width$}", verdict.word());
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
        (Measured::Delta { .. }, value) => difference(value),
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

#[cfg(test)]
mod tests {
    use super::*;
    use proofload_evidence::RunHeader;

    fn finding(objective: &str, verdict: Verdict, measured: Measured, interval: [Option<f64>; 2]) -> Finding {
        Finding {
            objective: objective.to_owned(),
            title: objective.to_owned(),
            target: "P95 < 100 ms".to_owned(),
            verdict,
            measured,
            interval,
            n: 9_896,
            n_eff: Some(7_091.3),
            bad: 0,
            bad_share_bounds: None,
            design_effect: None,
            judged_s: 60,
            warm_up_s: 5,
            offered_share: None,
            reasons: vec!["the first reason".to_owned(), "a further one".to_owned()],
            source: String::new(),
        }
    }

    fn shown(columns: Option<usize>) -> String {
        console::set_colors_enabled(false);
        let quantile = |p95_ms| Measured::Quantile { limit_ms: 100.0, p95_ms };
        let rate = Measured::Rate { limit_per_s: 1e4, rate_per_s: Some(10_500.0), p95_ms: None };
        let header = RunHeader { warnings: vec!["kafka ended".to_owned()], ..RunHeader::default() };
        let record = RunRecord {
            verdict: Some(Verdict::Fail),
            findings: vec![
                finding("rest", Verdict::Pass, quantile(Some(1.036)), [Some(1.01), Some(1.07)]),
                finding("publish", Verdict::Fail, quantile(None), [Some(2_000.0), None]),
                finding("throughput", Verdict::Inconclusive, rate, [Some(9_900.0), Some(10_600.0)]),
            ],
            ..RunRecord::unjudged(header, RunState::Running)
        };
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        let mut out = Vec::new();
        write(&mut out, &record, &run, columns).unwrap();
        String::from_utf8(out).unwrap().replace(&run.root().display().to_string(), "RUN")
    }

    #[test]
    fn a_wide_terminal_or_a_file_shows_all_columns() {
        insta::assert_snapshot!(shown(None));
    }

    #[test]
    fn a_narrow_terminal_breaks_no_row() {
        let text = shown(Some(80));
        insta::assert_snapshot!(text);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
