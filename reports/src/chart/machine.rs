//! What the machine did while it measured: how busy it was, and how much of it others took.

use proofload_evidence::{HostSecond, StageSpan};

use super::axis::Axis;
use super::timeline::lines;
use super::{Anchor, Chart, Ink, Key, Mark, Sketch};
use crate::{ReportError, format};

/// More seconds than this are averaged, so that a long run stays small.
const MOST_POINTS: usize = 300;

/// Shares of all cores over the run.
pub(crate) fn machine(host: &[HostSecond], stages: &[StageSpan], cores: usize) -> Result<Chart, ReportError> {
    let first = host.iter().map(|h| h.second).min().unwrap_or(0);
    let last = host.iter().map(|h| h.second).max().unwrap_or(0);
    let x = Axis::time(&(first..last + 1));
    let y = Axis::linear(100.0, |percent| format!("{percent} %"));
    let width = host.len().div_ceil(MOST_POINTS).max(1);
    let share = |figure: &dyn Fn(&HostSecond) -> f64| means(host, width, figure);
    let mut marks = stage_marks(stages, &x, &y);
    marks.extend(lines(Ink::Main, 8, width as f64, &share(&|h| h.busy)));
    let mut keys = vec![Key::line(Ink::Main, "busy")];
    // Where nobody knows how many cores there are, nobody knows the share either.
    if cores > 0 {
        marks.extend(lines(Ink::Generator, 6, width as f64, &share(&|h| h.generator_cores / cores as f64)));
        keys.push(Key::line(Ink::Generator, "of it the load generator"));
    }
    marks.extend(lines(Ink::Steal, 6, width as f64, &share(&|h| h.steal)));
    keys.push(Key::line(Ink::Steal, "stolen by the host of this machine"));
    Sketch {
        id: "machine-timeline".into(),
        heading: "Share of all cores".into(),
        description: describe(host),
        keys,
        x,
        y,
        marks,
    }
    .draw()
}

/// Percent over time, the mean of every `width` seconds.
fn means(host: &[HostSecond], width: usize, figure: &dyn Fn(&HostSecond) -> f64) -> Vec<(f64, f64)> {
    host.chunks(width)
        .map(|part| {
            let mean = part.iter().map(figure).sum::<f64>() / part.len() as f64;
            (f64::from(part[0].second) + part.len() as f64 / 2.0, 100.0 * mean)
        })
        .collect()
}

/// Where each stage begins, with its name.
fn stage_marks(stages: &[StageSpan], x: &Axis, y: &Axis) -> Vec<Mark> {
    let inside = stages.iter().filter(|stage| x.range.contains(&f64::from(stage.start_s)));
    inside
        .flat_map(|stage| {
            let at = f64::from(stage.start_s);
            let line = Mark::Line { ink: Ink::Gate, width: 4, points: vec![(at, y.range.start), (at, y.range.end)] };
            let label_at = (at + 0.012 * (x.range.end - x.range.start), y.range.end);
            [line, Mark::Label { ink: Ink::Text, at: label_at, text: stage.name.clone(), anchor: Anchor::BelowRight }]
        })
        .collect()
}

fn describe(host: &[HostSecond]) -> String {
    let mean = |figure: fn(&HostSecond) -> f64| {
        let sum: f64 = host.iter().map(figure).sum();
        format::share(sum / host.len() as f64).unwrap_or_else(|| "unknown".to_owned())
    };
    format!("Mean share of all cores: {} busy, {} stolen.", mean(|h| h.busy), mean(|h| h.steal))
}
