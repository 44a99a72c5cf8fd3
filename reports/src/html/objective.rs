//! One objective in full: what is measured, why the verdict is what it is, charts and figures.

use proofload_evidence::{Evidence, Finding, Objective, Promise, Verdict, Witness};

use super::component::{Known, Stamp, Table};
use super::verdicts::{anchor, not_judged};
use crate::chart::{self, Arm, Chart, Latencies, Limit};
use crate::summary::{Summary, Window, slots};
use crate::{ReportError, format};

/// The quantiles of every table of figures.
const QUANTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];
/// The window of a chart that has nothing to show.
const NO_WINDOW: u32 = 10;
const AMONG_FAULTS: &str = "unknown: it lies among the faults";

/// A section of the page.
pub(super) struct ObjectiveView<'a> {
    pub(super) anchor: String,
    pub(super) objective: &'a Objective,
    pub(super) target: String,
    pub(super) measures: String,
    pub(super) source: String,
    pub(super) stamp: Stamp,
    pub(super) reasons: Vec<String>,
    pub(super) charts: Vec<Chart>,
    pub(super) tables: Vec<Table>,
}

impl<'a> ObjectiveView<'a> {
    pub(super) fn new(
        at: usize,
        objective: &'a Objective,
        finding: Option<&Finding>,
        evidence: &Evidence,
    ) -> Result<Self, ReportError> {
        let window =
            Window::of(evidence, objective, finding).unwrap_or(Window { stage: 0..NO_WINDOW, judged: 0..NO_WINDOW });
        let of = latencies(at, objective, finding, evidence, window);
        Ok(Self {
            anchor: anchor(at),
            objective,
            target: format::glued(&objective.target),
            measures: format::glued(&objective.measures),
            source: format::glued(&objective.source),
            stamp: Stamp::new(finding.map_or(Verdict::Inconclusive, |f| f.verdict)),
            reasons: finding
                .map_or_else(|| vec![not_judged()], |f| f.reasons.iter().map(|r| format::sentence(r)).collect()),
            charts: charts(objective, &of)?,
            tables: tables(objective, finding, evidence, &of),
        })
    }
}

fn charts(objective: &Objective, of: &Latencies) -> Result<Vec<Chart>, ReportError> {
    let over_time = match &objective.promise {
        Promise::RateAtLeast { per_s, .. } => {
            let slots = of.arms.first().map_or(&[][..], |arm| &arm.slots);
            chart::good_rate(&of.id, slots, *per_s, &of.window)?
        }
        Promise::QuantileBelow { .. } | Promise::DeltaBelow { .. } => chart::timeline(of)?,
    };
    Ok(vec![chart::percentiles(of)?, over_time])
}

fn latencies(
    at: usize,
    objective: &Objective,
    finding: Option<&Finding>,
    evidence: &Evidence,
    window: Window,
) -> Latencies {
    let names: &[&str] = match &objective.promise {
        Promise::DeltaBelow { .. } => &["through", "direct"],
        Promise::QuantileBelow { .. } | Promise::RateAtLeast { .. } => &[""],
    };
    let arms: Vec<Arm> = objective
        .series()
        .iter()
        .zip(names)
        .map(|(series, name)| {
            let series = evidence.series.get(*series);
            Arm {
                name: (*name).to_owned(),
                sum: Summary::of(series, &window.judged),
                slots: slots(series, &window.stage),
            }
        })
        .collect();
    let (quantile, has_interval) = match &objective.promise {
        Promise::QuantileBelow { quantile, .. } => (*quantile, true),
        // Their intervals are of a difference and of a rate: no place on a latency axis.
        Promise::DeltaBelow { quantile, .. } | Promise::RateAtLeast { quantile, .. } => (*quantile, false),
    };
    let interval = finding.filter(|_| has_interval).map_or([None, None], |f| f.interval);
    Latencies {
        id: anchor(at),
        limit: limit(objective, quantile, &arms),
        arms,
        quantile,
        interval_ns: interval.map(|end| end.map(|ms| ms * 1e6)),
        window,
    }
}

/// The limit as a latency. That of a difference stands on what the direct arm took.
fn limit(objective: &Objective, quantile: f64, arms: &[Arm]) -> Option<Limit> {
    let ms = objective.limit().as_secs_f64() * 1e3;
    let text = format::limit_ms(ms);
    let (ns, label) = match &objective.promise {
        Promise::QuantileBelow { .. } => (ms * 1e6, format!("limit {text}")),
        Promise::RateAtLeast { .. } => (ms * 1e6, format!("good within {text}")),
        Promise::DeltaBelow { .. } => {
            let direct = arms.get(1)?.sum.quantile(quantile)?;
            (direct + ms * 1e6, format!("direct {} + {text}", format::quantile(quantile)))
        }
    };
    Some(Limit { ns, label })
}

/// Figures, where there are any.
fn tables(objective: &Objective, finding: Option<&Finding>, evidence: &Evidence, of: &Latencies) -> Vec<Table> {
    let series = objective.series();
    let loaded = series.iter().zip(&of.arms).filter(|(_, arm)| arm.sum.tally.scheduled > 0);
    let mut tables: Vec<Table> = loaded.map(|(series, arm)| clocks(series, arm)).collect();
    tables.extend(finding.filter(|f| f.n > 0).map(basis));
    tables.extend(beside(objective, evidence, &of.window));
    tables.extend(evidence.record.header.witnesses.iter().filter(|w| w.objective == objective.id).map(witness));
    tables
}

/// What the verdict rests on.
fn basis(finding: &Finding) -> Table {
    let bad = match finding.bad {
        0 => Some("0".to_owned()),
        bad => format::share(bad as f64 / finding.n as f64).map(|share| format!("{} ({share})", format::count(bad))),
    };
    // Where there are no bounds of a share, single arrivals are not held against the limit.
    let bad_name = if finding.bad_share_bounds.is_some() { "over the limit" } else { "faults" };
    let mut rows = vec![
        ("seconds judged", Some(format::seconds(finding.judged_s))),
        ("warm-up before them", Some(format::seconds(finding.warm_up_s))),
        ("arrivals judged", Some(format::count(finding.n))),
        ("sent within a second of due", finding.offered_share.and_then(format::share)),
        (bad_name, bad),
    ];
    if let Some([low, high]) = finding.bad_share_bounds {
        let bounds = format::share(low).zip(format::share(high)).map(|(low, high)| format!("{low} to {high}"));
        rows.push(("95 % bounds of that share", bounds));
    }
    rows.push(("design effect", finding.design_effect.and_then(format::real)));
    rows.push(("worth independent arrivals", finding.n_eff.and_then(format::real)));
    Table {
        caption: "What the verdict rests on".to_owned(),
        columns: Vec::new(),
        rows: rows.into_iter().map(|(name, text)| (name.to_owned(), vec![Known::new(text)])).collect(),
        note: None,
    }
}

/// One series by its three clocks.
fn clocks(series: &str, arm: &Arm) -> Table {
    let (sum, faults) = (&arm.sum, arm.sum.tally.fault_count());
    let columns = [(&sum.latency, faults), (&sum.service, faults), (&sum.lag, 0)];
    let mut rows = quantile_rows(&columns);
    let longest = columns.map(|(counts, _)| Known::new(counts.max().and_then(|ns| format::duration_ns(ns as f64))));
    rows.push(("longest".to_owned(), longest.into()));
    Table {
        caption: series.to_owned(),
        columns: ["latency", "service time", "send lag"].map(str::to_owned).into(),
        rows,
        note: (faults > 0).then(|| {
            format!("{} faults count as longer than every answer; longest is of those answered.", format::count(faults))
        }),
    }
}

fn quantile_rows(columns: &[(&proofload_evidence::Counts, u64)]) -> Vec<(String, Vec<Known>)> {
    let cell = |q: f64, (counts, faults): &(&proofload_evidence::Counts, u64)| {
        let text = counts.quantile(q, *faults).and_then(|ns| format::duration_ns(ns as f64));
        Known::or(text, if *faults > 0 { AMONG_FAULTS } else { "unknown" })
    };
    QUANTILES
        .into_iter()
        .map(|q| (format::quantile(q), columns.iter().map(|column| cell(q, column)).collect()))
        .collect()
}

/// Series measured beside the judged ones, by name: `processing.transit` beside `processing`.
fn beside(objective: &Objective, evidence: &Evidence, window: &Window) -> Option<Table> {
    let judged = objective.series();
    let sums: Vec<(&str, Summary)> = evidence
        .series
        .iter()
        .filter(|(name, _)| !judged.contains(&name.as_str()))
        .filter_map(|(name, series)| Some((sub_name(name, &judged)?, Summary::of(Some(series), &window.judged))))
        .collect();
    if sums.is_empty() {
        return None;
    }
    let columns: Vec<_> = sums.iter().map(|(_, sum)| (&sum.latency, sum.tally.fault_count())).collect();
    let mut rows = quantile_rows(&columns);
    let longest = columns.iter().map(|(c, _)| Known::new(c.max().and_then(|ns| format::duration_ns(ns as f64))));
    rows.push(("longest".to_owned(), longest.collect()));
    let counts = |of: fn(&Summary) -> u64| sums.iter().map(|(_, sum)| Known::new(format::count(of(sum)))).collect();
    rows.push(("answers".to_owned(), counts(|sum| sum.tally.ok)));
    rows.push(("faults".to_owned(), counts(|sum| sum.tally.fault_count())));
    Some(Table {
        caption: "Beside it".to_owned(),
        columns: sums.iter().map(|(name, _)| (*name).to_owned()).collect(),
        rows,
        note: Some("Latency of parts of it; no verdict rests on these.".to_owned()),
    })
}

/// `transit` for `processing.transit` beside `processing`.
fn sub_name<'n>(name: &'n str, judged: &[&str]) -> Option<&'n str> {
    judged.iter().find_map(|series| name.strip_prefix(series)?.strip_prefix('.'))
}

fn witness(witness: &Witness) -> Table {
    let mut rows: Vec<_> = witness
        .figures
        .iter()
        .map(|figure| (figure.name.clone(), vec![Known::new(figure.value_ms.and_then(format::duration_ms))]))
        .collect();
    rows.push(("seen".to_owned(), vec![Known::new(format::count(witness.n))]));
    Table {
        caption: "An independent witness".to_owned(),
        columns: vec![witness.source.clone()],
        rows,
        note: Some("Shown beside the verdict, never part of it.".to_owned()),
    }
}
