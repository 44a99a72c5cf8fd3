//! The verdicts at a glance: one sentence for all, one row for each.

use proofload_evidence::{Finding, Measured, Objective, Promise, Verdict};

use super::component::{Known, Stamp};
use crate::format;

/// One objective in the verdict table.
pub(super) struct Row<'a> {
    pub(super) anchor: String,
    pub(super) objective: &'a Objective,
    pub(super) target: String,
    pub(super) stamp: Stamp,
    /// What the figure is: `P95`.
    pub(super) figure_name: String,
    pub(super) figure: Known,
    pub(super) interval: Option<String>,
    /// A second figure that the promise is about.
    pub(super) also: Option<String>,
    pub(super) gauge: Option<Gauge>,
    pub(super) n: Known,
    pub(super) n_eff: Known,
    pub(super) why: String,
}

impl<'a> Row<'a> {
    pub(super) fn new(at: usize, objective: &'a Objective, finding: Option<&Finding>) -> Self {
        let measured = finding.map(|f| &f.measured);
        Self {
            anchor: anchor(at),
            objective,
            target: format::glued(&objective.target),
            stamp: Stamp::new(finding.map_or(Verdict::Inconclusive, |f| f.verdict)),
            figure_name: figure_name(objective),
            figure: Known::new(measured.and_then(figure)),
            interval: finding.and_then(interval),
            also: measured.and_then(|m| also(m, objective)),
            gauge: finding.and_then(Gauge::new),
            n: Known::new(finding.map(|f| format::count(f.n))),
            n_eff: Known::new(finding.and_then(|f| f.n_eff).and_then(format::real)),
            why: finding.and_then(|f| f.reasons.first()).map_or_else(not_judged, |r| format::sentence(r)),
        }
    }
}

pub(super) fn not_judged() -> String {
    "Not judged yet.".to_owned()
}

/// Where an objective's section is, by its place in the list: an id may be any text.
pub(super) fn anchor(at: usize) -> String {
    format!("objective-{}", at + 1)
}

/// What the figure of an objective is called.
pub(super) fn figure_name(objective: &Objective) -> String {
    match &objective.promise {
        Promise::QuantileBelow { quantile, .. } => format::quantile(*quantile),
        Promise::DeltaBelow { quantile, .. } => format!("\u{394}{}", format::quantile(*quantile)),
        Promise::RateAtLeast { .. } => "good".to_owned(),
    }
}

fn figure(measured: &Measured) -> Option<String> {
    match measured {
        Measured::Rate { .. } => format::rate(measured.value()?),
        Measured::Delta { .. } | Measured::Quantile { .. } => format::duration_ms(measured.value()?),
    }
}

/// The interval in the unit of the figure.
pub(super) fn interval(finding: &Finding) -> Option<String> {
    match finding.measured {
        Measured::Rate { .. } => format::interval_rate(finding.interval),
        Measured::Delta { .. } | Measured::Quantile { .. } => format::interval_ms(finding.interval),
    }
}

fn also(measured: &Measured, objective: &Objective) -> Option<String> {
    match (measured, &objective.promise) {
        (Measured::Rate { p95_ms: Some(ms), .. }, Promise::RateAtLeast { quantile, .. }) => {
            Some(format!("{} {}", format::quantile(*quantile), format::duration_ms(*ms)?))
        }
        _ => None,
    }
}

/// All verdicts in one sentence.
pub(super) fn sentence(verdicts: &[Verdict]) -> String {
    let count = |verdict| verdicts.iter().filter(|v| **v == verdict).count();
    let (met, broken, open) = (count(Verdict::Pass), count(Verdict::Fail), count(Verdict::Inconclusive));
    if verdicts.is_empty() {
        return "This run had no documented target to prove.".to_owned();
    }
    let of = verdicts.len();
    let mut sentence = format!("{met} of {of} documented targets {} met", if met == 1 { "is" } else { "are" });
    if broken > 0 {
        sentence.push_str(&format!(", {broken} {} not", if broken == 1 { "is" } else { "are" }));
    }
    if open > 0 {
        sentence.push_str(&format!(", {open} cannot be told yet"));
    }
    sentence + "."
}

/// The figure on a scale on which the limit has a fixed place, in percent of the scale's length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gauge {
    pub(super) value: f64,
    pub(super) from: f64,
    pub(super) width: f64,
    /// The allowed side is beyond the limit rather than before it.
    pub(super) at_least: bool,
}

impl Gauge {
    /// Where the limit stands.
    pub(super) const LIMIT: f64 = 75.0;

    fn new(finding: &Finding) -> Option<Self> {
        let limit = finding.measured.limit();
        let place =
            |figure: f64| (figure.is_finite() && limit > 0.0).then(|| (figure / limit * Self::LIMIT).clamp(0.0, 100.0));
        let value = place(finding.measured.value()?)?;
        let [low, high] = finding.interval;
        let from = low.and_then(place).unwrap_or(value);
        let to = high.and_then(place).unwrap_or(if high.is_none() && low.is_some() { 100.0 } else { value });
        Some(Self {
            value,
            from,
            width: (to - from).max(0.0),
            at_least: matches!(finding.measured, Measured::Rate { .. }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sentence_tells_all_verdicts() {
        use Verdict::{Fail, Inconclusive, Pass};
        assert_eq!(sentence(&[Pass; 6]), "6 of 6 documented targets are met.");
        assert_eq!(
            sentence(&[Pass, Pass, Fail, Inconclusive]),
            "2 of 4 documented targets are met, 1 is not, 1 cannot be told yet."
        );
        assert_eq!(sentence(&[Fail]), "0 of 1 documented targets are met, 1 is not.");
        assert_eq!(sentence(&[]), "This run had no documented target to prove.");
    }
}
