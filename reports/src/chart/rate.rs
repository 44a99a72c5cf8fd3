//! Good answers per second against the promised rate.

use super::axis::Axis;
use super::latency::level;
use super::timeline::{fault_rug, heading, lines, warm_up, zone_keys};
use super::{Anchor, Chart, Ink, Key, Sketch};
use crate::summary::{Slot, Window, slot_width};
use crate::{ReportError, format};

/// The rate over the stage. `id` is the objective's.
pub(crate) fn good_rate(id: &str, slots: &[Slot], target_per_s: f64, window: &Window) -> Result<Chart, ReportError> {
    let offered = per_second(slots, |slot| slot.sum.tally.scheduled);
    let good = per_second(slots, |slot| slot.sum.tally.ok - slot.sum.tally.over_limit.min(slot.sum.tally.ok));
    let highest = offered.iter().map(|(_, rate)| *rate).fold(target_per_s, f64::max);
    let x = Axis::time(&window.stage);
    let y = Axis::linear(highest, |rate| format::count(rate.round() as u64));
    let step = f64::from(slot_width(&window.stage));
    let mut marks = warm_up(window, &x, &y);
    marks.extend(lines(Ink::Offered, 4, step, &offered));
    marks.extend(lines(Ink::Good, 8, step, &good));
    let target = format!("target {}", format::rate(target_per_s).unwrap_or_default());
    marks.extend(level(&x, target_per_s, &target, free_side(&good, target_per_s)));
    let rug = fault_rug(&slots.iter().collect::<Vec<_>>(), &y);
    let mut keys = vec![
        Key::line(Ink::Good, "good answers per second"),
        Key::line(Ink::Offered, "offered per second"),
        Key::line(Ink::Limit, "target"),
    ];
    keys.extend(zone_keys(window, !rug.is_empty()));
    marks.extend(rug);
    let description = describe(&good, &target, window);
    let heading = heading("Good answers", window);
    Sketch { id: format!("{id}-rate"), heading, description, keys, x, y, marks }.draw()
}

fn per_second(slots: &[Slot], figure: impl Fn(&Slot) -> u64) -> Vec<(f64, f64)> {
    slots.iter().map(|slot| (slot.middle(), figure(slot) as f64 / f64::from(slot.width))).collect()
}

/// The side of the target on which the label hides no data.
fn free_side(good: &[(f64, f64)], target_per_s: f64) -> Anchor {
    let below = good.iter().filter(|(_, rate)| *rate < target_per_s).count();
    if 2 * below > good.len() { Anchor::AboveLeft } else { Anchor::BelowLeft }
}

fn describe(good: &[(f64, f64)], target: &str, window: &Window) -> String {
    let judged = f64::from(window.judged.start)..f64::from(window.judged.end);
    let lowest = good.iter().filter(|(at, _)| judged.contains(at)).map(|(_, rate)| *rate).reduce(f64::min);
    format!(
        "Good answers per second over the seconds {} to {} of the run, {target}. Lowest judged second: {}.",
        window.stage.start,
        window.stage.end,
        lowest.and_then(format::rate).unwrap_or_else(|| "unknown".to_owned())
    )
}
