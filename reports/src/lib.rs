//! How a run looks: the self-contained HTML report.
//!
//! Invariants: the page needs no network and no script; every text that comes from outside is
//! escaped, by the template engine or by the chart's own writer; an unknown figure is shown as
//! unknown, never as 0. Nothing is measured or judged here, and no file is written: [`render`]
//! takes what was found and returns the page.

mod chart;
mod format;
mod html;
mod summary;

use askama::Template as _;
use proofload_evidence::{Evidence, RunRecord};

/// The report could not be made. Poor evidence is not an error; it is shown as such.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A chart could not be drawn.
    #[error("cannot draw the chart `{chart}`: {problem}")]
    Chart {
        /// Which one.
        chart: String,
        /// What the drawing library answered.
        problem: String,
    },
    /// The page could not be put together.
    #[error("cannot write the report's page: {0}")]
    Page(#[from] askama::Error),
}

/// The report as one HTML document.
///
/// `record` carries what was found (verdict, findings, accounting, blind spots), `evidence` the
/// seconds it was found in.
///
/// ```no_run
/// use proofload_evidence::{Evidence, RunDir, judge::judge};
///
/// let dir = RunDir::open("proofload-runs/2026-01-02T03-04-05Z".as_ref())?;
/// let evidence = Evidence::load(&dir)?;
/// let mut record = evidence.record.clone();
/// let judgement = judge(&evidence);
/// (record.verdict, record.findings) = (Some(judgement.verdict), judgement.findings);
/// let page = proofload_reports::render(&record, &evidence)?;
/// dir.replace(&dir.report_html(), page.as_bytes())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If a chart cannot be drawn or the page cannot be put together.
pub fn render(record: &RunRecord, evidence: &Evidence) -> Result<String, ReportError> {
    Ok(html::Page::new(record, evidence)?.render()?)
}
