//! From marks to SVG elements, by plotters.
//!
//! Invariants: every text is escaped by the SVG writer; no colour is left in the result: each ink
//! is drawn in a colour of its own that is then replaced by the class of that ink.

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::{Anchor, Ink, Mark};

/// Width and height of the drawing. Plotters places marks on whole units, so a unit is small:
/// four of them make a pixel of a chart as wide as a phone.
pub(super) const SIZE: (u32, u32) = (1_760, 1_040);
const FONT: u32 = 46;
/// Plotters writes a font size divided by this.
const FONT_FACTOR: f64 = 1.24;
const LEFT: u32 = 196;
const BOTTOM: u32 = 90;
const MARGIN: u32 = 30;
const DOT: u32 = 15;
const HAIR: u32 = 3;

type Problem<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;
type Plane<'p, 'a> = ChartContext<'p, SVGBackend<'a>, Cartesian2d<Axis, Axis>>;

/// The elements of the drawing, without the `svg` element around them.
pub(super) fn svg(x: &Axis, y: &Axis, marks: &[Mark]) -> Result<String, String> {
    let mut text = String::new();
    draw(&mut text, x, y, marks).map_err(|e| e.to_string())?;
    Ok(with_classes(inside(&text)))
}

fn draw<'a>(text: &'a mut String, x: &Axis, y: &Axis, marks: &[Mark]) -> Result<(), Problem<'a>> {
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    let mut plane = ChartBuilder::on(&area)
        .margin_top(MARGIN)
        .margin_right(2 * MARGIN)
        .x_label_area_size(BOTTOM)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(x.clone(), y.clone())?;
    plane
        .configure_mesh()
        .bold_line_style(colour(Ink::Grid).stroke_width(HAIR))
        .light_line_style(TRANSPARENT)
        .axis_style(colour(Ink::Grid).stroke_width(HAIR))
        .set_all_tick_mark_size(8)
        .label_style(letters(Ink::Text))
        .draw()?;
    marks.iter().try_for_each(|mark| draw_mark(&plane, mark))?;
    area.present()
}

fn draw_mark<'a>(plane: &Plane<'_, 'a>, mark: &Mark) -> Result<(), Problem<'a>> {
    let finite = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
    let area = plane.plotting_area();
    match mark {
        Mark::Line { ink, width, points } => {
            let points: Vec<_> = points.iter().copied().filter(finite).collect();
            // A line of one point is invisible; a dot is not.
            match points[..] {
                [] => Ok(()),
                [only] => area.draw(&Circle::new(only, 2 * width, colour(*ink).filled())),
                _ => area.draw(&PathElement::new(points, colour(*ink).stroke_width(*width))),
            }
        }
        Mark::Area { ink, points } if points.iter().all(finite) => {
            area.draw(&Polygon::new(points.clone(), colour(*ink).filled()))
        }
        Mark::Dot { ink, at } if finite(at) => area.draw(&Circle::new(*at, DOT, colour(*ink).filled())),
        Mark::Label { ink, at, text, anchor } if finite(at) => {
            area.draw(&Text::new(text.clone(), *at, letters(*ink).pos(position(*anchor))))
        }
        Mark::Area { .. } | Mark::Dot { .. } | Mark::Label { .. } => Ok(()),
    }
}

fn position(anchor: Anchor) -> Pos {
    match anchor {
        Anchor::AboveLeft => Pos::new(HPos::Right, VPos::Bottom),
        Anchor::AboveRight => Pos::new(HPos::Left, VPos::Bottom),
        Anchor::BelowLeft => Pos::new(HPos::Right, VPos::Top),
        Anchor::BelowRight => Pos::new(HPos::Left, VPos::Top),
        Anchor::Centre => Pos::new(HPos::Center, VPos::Center),
    }
}

fn letters(ink: Ink) -> TextStyle<'static> {
    ("sans-serif", f64::from(FONT) * FONT_FACTOR).into_font().color(&colour(ink))
}

/// A colour that stands for the ink until the drawing is done; no drawing uses it for itself.
fn colour(ink: Ink) -> RGBColor {
    RGBColor(0xF0, 0x0D, ink as u8)
}

/// What the `svg` element holds.
fn inside(svg: &str) -> &str {
    let start = svg.find('>').map_or(0, |at| at + 1);
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    svg.get(start..end).unwrap_or_default()
}

/// Replaces each ink's colour by its class. A quotation mark in a text is escaped, so what is
/// replaced can only be an attribute.
fn with_classes(svg: &str) -> String {
    let plain = svg.replace(" opacity=\"1\"", "").replace(" font-family=\"sans-serif\"", "");
    Ink::ALL.iter().fold(plain, |svg, ink| {
        let RGBColor(r, g, b) = colour(*ink);
        ["stroke", "fill"].iter().fold(svg, |svg, kind| {
            let class = format!("class=\"{}-{}\"", &kind[..1], ink.name());
            svg.replace(&format!("{kind}=\"#{r:02X}{g:02X}{b:02X}\""), &class)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes() -> (Axis, Axis) {
        (Axis::time(&(0..60)), Axis::latency([1e6, 1e8]))
    }

    #[test]
    fn every_ink_has_its_own_place_in_the_list() {
        for (at, ink) in Ink::ALL.into_iter().enumerate() {
            assert_eq!(ink as usize, at);
        }
    }

    #[test]
    fn no_colour_is_left_for_dark_and_light_to_disagree_about() {
        let (x, y) = axes();
        let marks = [
            Mark::Line { ink: Ink::Main, width: 6, points: vec![(1.0, 6.5), (2.0, 7.0)] },
            Mark::Dot { ink: Ink::Fault, at: (3.0, 7.0) },
        ];
        let svg = svg(&x, &y, &marks).unwrap();
        assert!(!svg.contains("\"#"), "{svg}");
        assert!(svg.contains("class=\"s-main\"") && svg.contains("class=\"f-fault\""), "{svg}");
    }

    #[test]
    fn a_text_in_a_chart_is_escaped() {
        let (x, y) = axes();
        let text = "<script>alert(1)</script>\" stroke=\"#F00D03".to_owned();
        let svg = svg(&x, &y, &[Mark::Label { ink: Ink::Text, at: (1.0, 7.0), text, anchor: Anchor::Centre }]).unwrap();
        assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script"), "{svg}");
        assert!(svg.contains("stroke=&quot;#F00D03"), "{svg}");
    }

    #[test]
    fn what_is_not_finite_is_not_drawn() {
        let (x, y) = axes();
        let marks = [
            Mark::Line { ink: Ink::Main, width: 6, points: vec![(f64::NAN, 6.5), (2.0, f64::INFINITY)] },
            Mark::Dot { ink: Ink::Fault, at: (f64::NAN, f64::NAN) },
        ];
        let svg = svg(&x, &y, &marks).unwrap();
        assert!(!svg.contains("s-main") && !svg.contains("f-fault"), "{svg}");
    }
}
