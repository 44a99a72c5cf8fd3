//! What the two latency charts of an objective share: the arms, the limit, and the latency axis,
//! so that a height in one is the same height in the other.

use super::axis::{Axis, latency_at};
use super::{Anchor, Ink, Mark};
use crate::summary::{Slot, Summary, Window};

/// One series in a chart.
#[derive(Debug)]
pub(crate) struct Arm {
    /// How the legend calls it; empty where it is the only one.
    pub(crate) name: String,
    /// All judged arrivals.
    pub(crate) sum: Summary,
    /// The whole stage, slot by slot.
    pub(crate) slots: Vec<Slot>,
}

impl Arm {
    /// What the legend writes for `figure` of this arm.
    pub(super) fn key(&self, figure: &str) -> String {
        if self.name.is_empty() { figure.to_owned() } else { format!("{figure} {}", self.name) }
    }
}

/// A line that must not be crossed.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) ns: f64,
    pub(crate) label: String,
}

/// An objective's latencies.
#[derive(Debug)]
pub(crate) struct Latencies {
    /// Of the objective; makes ids unique.
    pub(crate) id: String,
    /// The judged arm first.
    pub(crate) arms: Vec<Arm>,
    /// Unknown where it hangs on a figure that is unknown.
    pub(crate) limit: Option<Limit>,
    /// The quantile that is promised, with its 90 % interval in ns.
    pub(crate) quantile: f64,
    pub(crate) interval_ns: [Option<f64>; 2],
    pub(crate) window: Window,
}

/// The colours of the arms: the judged one, and the one it is compared with.
pub(super) const INKS: [(Ink, Ink); 2] = [(Ink::Main, Ink::MainLow), (Ink::Other, Ink::OtherLow)];

impl Latencies {
    /// The axis that holds every arm and the limit.
    pub(super) fn axis(&self) -> Axis {
        let overall = self
            .arms
            .iter()
            .flat_map(|arm| [arm.sum.quantile(0.0), arm.sum.latency.max().map(|ns| ns as f64)].into_iter().flatten());
        let slots = self.arms.iter().flat_map(|arm| &arm.slots).flat_map(|slot| {
            [slot.sum.quantile(0.5), slot.sum.latency.max().map(|ns| ns as f64)].into_iter().flatten()
        });
        Axis::latency(overall.chain(slots).chain(self.limit.as_ref().map(|l| l.ns)))
    }

    /// The limit as a line across the chart, its label at the right.
    pub(super) fn limit_marks(&self, x: &Axis) -> Vec<Mark> {
        let Some(limit) = &self.limit else { return Vec::new() };
        level(x, latency_at(limit.ns), &limit.label, Anchor::AboveLeft)
    }
}

/// A limit at `height`, with its label at its right end.
pub(super) fn level(x: &Axis, height: f64, label: &str, anchor: Anchor) -> Vec<Mark> {
    vec![
        Mark::Line { ink: Ink::Limit, width: 6, points: vec![(x.range.start, height), (x.range.end, height)] },
        Mark::Label { ink: Ink::Limit, at: (x.range.end, height), text: label.to_owned(), anchor },
    ]
}

/// A zone from `from` to `to`, as high as the chart.
pub(super) fn zone(ink: Ink, from: f64, to: f64, y: &Axis) -> Mark {
    band(ink, (from, to), (y.range.start, y.range.end))
}

/// A rectangle.
pub(super) fn band(ink: Ink, x: (f64, f64), y: (f64, f64)) -> Mark {
    Mark::Area { ink, points: vec![(x.0, y.0), (x.1, y.0), (x.1, y.1), (x.0, y.1)] }
}
