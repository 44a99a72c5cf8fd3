//! Latency second by second, with the limit, the warm-up, and the seconds in which something failed.

use super::axis::{Axis, latency_at};
use super::latency::{INKS, band, zone};
use super::{Anchor, Chart, Ink, Key, Latencies, Mark, Sketch, without_gaps};
use crate::summary::{Slot, Window, slot_width};
use crate::{ReportError, format};

/// Part of the chart's height that marks seconds with faults.
const RUG: f64 = 0.03;

/// Median, promised quantile and maximum of every arm over the stage.
pub(crate) fn timeline(of: &Latencies) -> Result<Chart, ReportError> {
    let (x, y) = (Axis::time(&of.window.stage), of.axis());
    let step = f64::from(slot_width(&of.window.stage));
    let mut marks = warm_up(&of.window, &x, &y);
    marks.extend(of.limit_marks(&x));
    marks.extend(lines(Ink::Max, 4, step, &longest(of)));
    for (arm, (_, ink)) in of.arms.iter().zip(INKS) {
        marks.extend(lines(ink, 6, step, &over_time(&arm.slots, |slot| slot.sum.quantile(0.5))));
    }
    for (arm, (ink, _)) in of.arms.iter().zip(INKS).rev() {
        marks.extend(lines(ink, 8, step, &over_time(&arm.slots, |slot| slot.sum.quantile(of.quantile))));
    }
    let slots: Vec<&Slot> = of.arms.iter().flat_map(|arm| &arm.slots).collect();
    let rug = fault_rug(&slots, &y);
    let keys = keys(of, !rug.is_empty());
    marks.extend(rug);
    Sketch {
        id: format!("{}-timeline", of.id),
        heading: heading("Latency", &of.window),
        description: describe(of),
        keys,
        x,
        y,
        marks,
    }
    .draw()
}

/// What is shown, and how finely.
pub(super) fn heading(what: &str, window: &Window) -> String {
    match slot_width(&window.stage) {
        1 => format!("{what} second by second"),
        width => format!("{what} over time, a point every {}", format::seconds(width)),
    }
}

/// What was loaded but not judged.
pub(super) fn warm_up(window: &Window, x: &Axis, y: &Axis) -> Vec<Mark> {
    let (from, to) = (f64::from(window.stage.start), f64::from(window.judged.start));
    if to <= from {
        return Vec::new();
    }
    let mut marks = vec![zone(Ink::WarmUp, from, to, y)];
    // A narrow zone has no room for its name; the legend has.
    if to - from > 0.16 * (x.range.end - x.range.start) {
        let at = (from + 0.01 * (x.range.end - x.range.start), y.range.start);
        marks.push(Mark::Label { ink: Ink::Text, at, text: "warm-up".into(), anchor: Anchor::AboveRight });
    }
    marks
}

/// Seconds in which something failed or was not sent, along the upper edge.
pub(super) fn fault_rug(slots: &[&Slot], y: &Axis) -> Vec<Mark> {
    let height = (y.at_share(1.0 - RUG), y.range.end);
    slots
        .iter()
        .filter(|slot| slot.sum.tally.fault_count() + slot.sum.tally.dropped > 0)
        .map(|slot| band(Ink::Fault, (f64::from(slot.from), f64::from(slot.from + slot.width)), height))
        .collect()
}

pub(super) fn lines(ink: Ink, width: u32, step: f64, points: &[(f64, f64)]) -> Vec<Mark> {
    without_gaps(points, step).into_iter().map(|points| Mark::Line { ink, width, points }).collect()
}

fn over_time(slots: &[Slot], figure: impl Fn(&Slot) -> Option<f64>) -> Vec<(f64, f64)> {
    slots.iter().filter_map(|slot| Some((slot.middle(), latency_at(figure(slot)?)))).collect()
}

/// The longest answer of any arm in every slot.
fn longest(of: &Latencies) -> Vec<(f64, f64)> {
    let mut longest = std::collections::BTreeMap::new();
    for slot in of.arms.iter().flat_map(|arm| &arm.slots) {
        if let Some(max) = slot.sum.latency.max() {
            let (_, highest) = longest.entry(slot.from).or_insert((slot.middle(), 0));
            *highest = max.max(*highest);
        }
    }
    longest.into_values().map(|(at, max)| (at, latency_at(max as f64))).collect()
}

fn keys(of: &Latencies, faults: bool) -> Vec<Key> {
    let promised = format::quantile(of.quantile);
    let mut keys: Vec<Key> = of
        .arms
        .iter()
        .zip(INKS)
        .flat_map(|(arm, (high, low))| [Key::line(high, arm.key(&promised)), Key::line(low, arm.key("P50"))])
        .collect();
    keys.push(Key::line(Ink::Max, "longest"));
    if of.limit.is_some() {
        keys.push(Key::line(Ink::Limit, "limit"));
    }
    keys.extend(zone_keys(&of.window, faults));
    keys
}

/// Keys of what is marked besides lines.
pub(super) fn zone_keys(window: &Window, faults: bool) -> Vec<Key> {
    let warm_up = (window.judged.start > window.stage.start).then(|| Key::area(Ink::WarmUp, "warm-up, not judged"));
    let faults = faults.then(|| Key::area(Ink::Fault, "faults or drops"));
    warm_up.into_iter().chain(faults).collect()
}

fn describe(of: &Latencies) -> String {
    let limit = of.limit.as_ref().map_or("unknown", |limit| &limit.label);
    let worst = of.arms.first().and_then(|arm| {
        let at = arm.slots.iter().max_by_key(|slot| slot.sum.latency.max())?;
        let longest = format::duration_ns(at.sum.latency.max()? as f64)?;
        Some(format!(" The longest answer, {longest}, was due in second {}.", at.from))
    });
    format!(
        "Latency on a logarithmic axis over the seconds {} to {} of the run. Limit: {limit}.{}",
        of.window.stage.start,
        of.window.stage.end,
        worst.unwrap_or_default()
    )
}
