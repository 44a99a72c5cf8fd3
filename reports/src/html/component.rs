//! Small pieces of the page that are used in many places, each with a template of its own.

use askama::Template;
use askama::filters::HtmlSafe;
use proofload_evidence::Verdict;

/// A figure that may be unknown; then it is shown as unknown, never as 0.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "known.html")]
pub(super) struct Known {
    text: Option<String>,
    why: &'static str,
}

impl Known {
    pub(super) fn new(text: impl Into<Option<String>>) -> Self {
        Self { text: text.into(), why: "unknown" }
    }

    /// As [`Known::new`], telling why it is unknown.
    pub(super) fn or(text: Option<String>, why: &'static str) -> Self {
        Self { text, why }
    }
}

impl HtmlSafe for Known {}

/// A verdict as word, symbol and colour.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "stamp.html")]
pub(super) struct Stamp {
    verdict: Verdict,
}

impl Stamp {
    pub(super) fn new(verdict: Verdict) -> Self {
        Self { verdict }
    }

    pub(super) fn word(&self) -> &'static str {
        self.verdict.word()
    }

    /// The verdict's name in the style sheet and among the symbols.
    pub(super) fn class(&self) -> &'static str {
        match self.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Inconclusive => "open",
        }
    }

    /// The colour of the browser's tab, without its `#`; the style sheet does not reach it.
    pub(super) fn tab_colour(&self) -> &'static str {
        match self.verdict {
            Verdict::Pass => "2e9e5b",
            Verdict::Fail => "d64035",
            Verdict::Inconclusive => "d99a1c",
        }
    }
}

impl HtmlSafe for Stamp {}

/// A table of figures: one column for each series or clock, one row for each quantile.
#[derive(Debug, Clone, Template)]
#[template(path = "figures.html")]
pub(super) struct Table {
    pub(super) caption: String,
    /// None at all where the rows' names say enough.
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<(String, Vec<Known>)>,
    pub(super) note: Option<String>,
}

impl HtmlSafe for Table {}
