//! Charts: what is drawn, apart from how it is drawn.
//!
//! A chart is two axes and a list of marks in the axes' own units; [`draw`] turns them into SVG.
//! Invariants: colours are named, not chosen, here (the style sheet gives each [`Ink`] its colour
//! for light, dark and paper); a mark that is not finite is not drawn.

mod axis;
mod draw;
mod latency;
mod machine;
mod percentiles;
mod rate;
mod timeline;

use askama::Template;
use axis::Axis;

use crate::ReportError;

pub(crate) use latency::{Arm, Latencies, Limit};
pub(crate) use machine::machine;
pub(crate) use percentiles::percentiles;
pub(crate) use rate::good_rate;
pub(crate) use timeline::timeline;

/// What a line or an area stands for; its colour and dash are the style sheet's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Ink {
    Grid,
    Text,
    WarmUp,
    /// The series that is judged.
    Main,
    MainLow,
    /// The arm it is compared with.
    Other,
    OtherLow,
    Max,
    Limit,
    Gate,
    Fault,
    FaultZone,
    Offered,
    Good,
    Steal,
    Generator,
}

impl Ink {
    const ALL: [Self; 16] = [
        Self::Grid,
        Self::Text,
        Self::WarmUp,
        Self::Main,
        Self::MainLow,
        Self::Other,
        Self::OtherLow,
        Self::Max,
        Self::Limit,
        Self::Gate,
        Self::Fault,
        Self::FaultZone,
        Self::Offered,
        Self::Good,
        Self::Steal,
        Self::Generator,
    ];

    /// The ink's name in the style sheet, after `s-` (stroke) or `f-` (fill).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Text => "text",
            Self::WarmUp => "warmup",
            Self::Main => "main",
            Self::MainLow => "main-low",
            Self::Other => "other",
            Self::OtherLow => "other-low",
            Self::Max => "max",
            Self::Limit => "limit",
            Self::Gate => "gate",
            Self::Fault => "fault",
            Self::FaultZone => "faultzone",
            Self::Offered => "offered",
            Self::Good => "good",
            Self::Steal => "steal",
            Self::Generator => "generator",
        }
    }
}

/// Where a label stands, seen from its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    /// Above, ending at the point.
    AboveLeft,
    /// Above, starting at the point.
    AboveRight,
    /// Below, ending at the point.
    BelowLeft,
    /// Below, starting at the point.
    BelowRight,
    /// In the middle of it.
    Centre,
}

/// Something drawn, in the units of the axes.
#[derive(Debug, Clone, PartialEq)]
enum Mark {
    Line { ink: Ink, width: u32, points: Vec<(f64, f64)> },
    Area { ink: Ink, points: Vec<(f64, f64)> },
    Dot { ink: Ink, at: (f64, f64) },
    Label { ink: Ink, at: (f64, f64), text: String, anchor: Anchor },
}

/// A line of the legend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) ink: Ink,
    /// Shown as an area rather than as a line.
    pub(crate) area: bool,
    pub(crate) text: String,
}

impl Key {
    fn line(ink: Ink, text: impl Into<String>) -> Self {
        Self { ink, area: false, text: text.into() }
    }

    fn area(ink: Ink, text: impl Into<String>) -> Self {
        Self { ink, area: true, text: text.into() }
    }
}

/// A drawn chart with its heading, legend and description, as it stands in the page.
#[derive(Debug, Template)]
#[template(path = "chart.html")]
pub(crate) struct Chart {
    /// Unique in the page.
    id: String,
    heading: String,
    /// What a reader who does not see it has to know.
    description: String,
    keys: Vec<Key>,
    size: (u32, u32),
    /// SVG elements; written by [`draw`], which escapes every text.
    marks: String,
}

impl askama::filters::HtmlSafe for Chart {}

/// What a kind of chart hands over to be drawn.
struct Sketch {
    id: String,
    heading: String,
    description: String,
    keys: Vec<Key>,
    x: Axis,
    y: Axis,
    marks: Vec<Mark>,
}

impl Sketch {
    fn draw(mut self) -> Result<Chart, ReportError> {
        if !self.marks.iter().any(Mark::is_data) {
            self.marks.push(self.nothing());
        }
        let marks = draw::svg(&self.x, &self.y, &self.marks)
            .map_err(|problem| ReportError::Chart { chart: self.id.clone(), problem })?;
        let Self { id, heading, description, keys, .. } = self;
        Ok(Chart { id, heading, description, keys, size: draw::SIZE, marks })
    }

    /// An empty chart says that it is empty.
    fn nothing(&self) -> Mark {
        // Below the middle, where a limit that stands alone would be.
        let at = (self.x.at_share(0.5), self.y.at_share(0.25));
        Mark::Label { ink: Ink::Text, at, text: "nothing was measured".into(), anchor: Anchor::Centre }
    }
}

impl Mark {
    /// Whether it shows something that was measured.
    fn is_data(&self) -> bool {
        use Ink::{Good, Main, MainLow, Max, Offered, Other, OtherLow};
        let data = [Good, Main, MainLow, Max, Offered, Other, OtherLow];
        matches!(self, Self::Line { ink, points, .. } if data.contains(ink) && !points.is_empty())
    }
}

/// Splits points where more than one step lies between two of them, so that a gap in the data is
/// a gap in the line.
fn without_gaps(points: &[(f64, f64)], step: f64) -> Vec<Vec<(f64, f64)>> {
    points.chunk_by(|a, b| b.0 - a.0 < step * 1.5).map(<[_]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_in_the_data_is_a_gap_in_the_line() {
        let lines = without_gaps(&[(0.5, 1.0), (1.5, 1.0), (4.5, 1.0)], 1.0);
        assert_eq!(lines, [vec![(0.5, 1.0), (1.5, 1.0)], vec![(4.5, 1.0)]]);
    }
}
