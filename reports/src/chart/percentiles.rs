//! How latencies are distributed: latency by quantile, every nine as wide as the one before.
//!
//! The promise is kept where the curve passes the promised quantile below the limit.

use super::axis::{Axis, latency_at, quantile_at};
use super::latency::{INKS, zone};
use super::{Chart, Ink, Key, Latencies, Mark, Sketch};
use crate::summary::Summary;
use crate::{ReportError, format};

/// Points of a curve; it is read from a histogram, more would show the histogram's own steps.
const STEPS: u32 = 160;

/// The distribution of every arm.
pub(crate) fn percentiles(of: &Latencies) -> Result<Chart, ReportError> {
    let most = of.arms.iter().map(|arm| arm.sum.tally.answered()).max().unwrap_or(0);
    let (x, y) = (Axis::quantiles(most), of.axis());
    let at = quantile_at(of.quantile);
    let mut marks: Vec<Mark> = fault_zone(of, &x, &y).into_iter().collect();
    let keys = keys(of, !marks.is_empty());
    marks.push(Mark::Line { ink: Ink::Gate, width: 4, points: vec![(at, y.range.start), (at, y.range.end)] });
    marks.extend(of.limit_marks(&x));
    for (arm, (ink, _)) in of.arms.iter().zip(INKS).rev() {
        marks.push(Mark::Line { ink, width: 8, points: curve(of, &arm.sum, &x) });
    }
    marks.extend(judged_point(of));
    Sketch {
        id: format!("{}-percentiles", of.id),
        heading: "Latency by percentile".into(),
        description: describe(of),
        keys,
        x,
        y,
        marks,
    }
    .draw()
}

/// The curve, up to where the faults begin.
fn curve(of: &Latencies, sum: &Summary, x: &Axis) -> Vec<(f64, f64)> {
    let mut positions: Vec<f64> = (0..=STEPS).map(|k| x.at_share(f64::from(k) / f64::from(STEPS))).collect();
    // The promised quantile itself, so that the curve goes through the judged point.
    positions.push(quantile_at(of.quantile));
    positions.sort_by(f64::total_cmp);
    let read = |at: f64| Some((at, latency_at(sum.quantile(1.0 - 10_f64.powf(-at))?)));
    positions.into_iter().map_while(read).collect()
}

/// The share of the judged arm that has no latency, because it ended in a fault.
fn fault_zone(of: &Latencies, x: &Axis, y: &Axis) -> Option<Mark> {
    let arm = of.arms.first()?;
    let (faults, all) = (arm.sum.tally.fault_count(), arm.sum.tally.answered());
    let from = if faults == 0 { f64::INFINITY } else { (all as f64 / faults as f64).log10() };
    (from < x.range.end).then(|| zone(Ink::FaultZone, from, x.range.end, y))
}

/// The judged quantile of every arm, the first with its interval.
fn judged_point(of: &Latencies) -> Vec<Mark> {
    let at = quantile_at(of.quantile);
    let dots = of.arms.iter().zip(INKS).filter_map(|(arm, (ink, _))| {
        let ns = arm.sum.quantile(of.quantile)?;
        Some(Mark::Dot { ink, at: (at, latency_at(ns)) })
    });
    let whisker = match of.interval_ns {
        [Some(low), Some(high)] => {
            Some(Mark::Line { ink: INKS[0].0, width: 6, points: vec![(at, latency_at(low)), (at, latency_at(high))] })
        }
        _ => None,
    };
    whisker.into_iter().chain(dots).collect()
}

fn keys(of: &Latencies, faults: bool) -> Vec<Key> {
    let mut keys: Vec<Key> = of
        .arms
        .iter()
        .zip(INKS)
        .map(|(arm, (ink, _))| Key::line(ink, if arm.name.is_empty() { "latency" } else { &arm.name }))
        .collect();
    if of.limit.is_some() {
        keys.push(Key::line(Ink::Limit, "limit"));
    }
    keys.push(Key::line(Ink::Gate, format!("promised at {}", format::quantile(of.quantile))));
    if faults {
        keys.push(Key::area(Ink::FaultZone, "faults: longer than every answer"));
    }
    keys
}

fn describe(of: &Latencies) -> String {
    let unknown = || "unknown".to_owned();
    let arms = of.arms.iter().map(|arm| {
        let figures = [0.5, 0.95, 0.99].map(|q| {
            let value = arm.sum.quantile(q).and_then(format::duration_ns).unwrap_or_else(unknown);
            format!("{} {value}", arm.key(&format::quantile(q)))
        });
        format!("{}; {} faults", figures.join(", "), format::count(arm.sum.tally.fault_count()))
    });
    let arms: Vec<String> = arms.collect();
    let limit = of.limit.as_ref().map_or_else(unknown, |limit| limit.label.clone());
    format!("Latency on a logarithmic axis over percentiles. {}. Limit: {limit}.", arms.join(". "))
}
