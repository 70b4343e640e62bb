//! A drawing surface: shapes and lines of text at places, and their translation to page operations.
//!
//! Places are in points from the upper left corner; PDF counts from the lower left. Shapes lie below text, always, so a
//! page is one run of shapes and one run of text: few operations, small files.

use printpdf::{
    Color, CurTransMat, DictItem, FontId, Line, LinePoint, Op, PaintMode, PdfFontHandle, Point, Polygon, PolygonRing,
    Pt, Rect, WindingOrder,
};

use super::fonts::{Codes, Face, Fonts};
use super::template::Rgb;

/// Face, size and colour of a line of text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    pub(crate) face: Face,
    pub(crate) size: f32,
    pub(crate) colour: Rgb,
}

impl Style {
    /// From baseline to baseline.
    pub(crate) fn leading(self) -> f32 {
        self.size * 1.33
    }

    pub(crate) const fn colour(self, colour: Rgb) -> Self {
        Self { colour, ..self }
    }

    pub(crate) const fn bold(self) -> Self {
        Self {
            face: Face::Bold,
            ..self
        }
    }
}

/// A line of text at a place, in hundredths of a point from the lower left corner.
struct Text {
    x: i32,
    y: i32,
    style: Style,
    text: Box<str>,
}

/// What is drawn on one sheet.
#[derive(Default)]
pub(crate) struct Page {
    height: f32,
    shapes: Vec<Op>,
    fill: Option<Rgb>,
    texts: Vec<Text>,
}

impl Page {
    /// A surface for a sheet of this height.
    pub(crate) fn new(height: f32) -> Self {
        Self {
            height,
            ..Self::default()
        }
    }

    /// Puts a line of text with its baseline at `y`.
    pub(crate) fn text(&mut self, x: f32, y: f32, style: Style, text: &str) {
        if !text.is_empty() {
            let text = self.placed(x, y, style, text);
            self.texts.push(text);
        }
    }

    fn placed(&self, x: f32, y: f32, style: Style, text: &str) -> Text {
        Text {
            x: hundredths(x),
            y: hundredths(self.height - y),
            style,
            text: text.into(),
        }
    }

    /// A filled rectangle.
    pub(crate) fn fill_rect(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Rgb) {
        self.set_fill(colour);
        let rectangle = Rect {
            mode: Some(PaintMode::Fill),
            ..self.rect(x, y, width, height)
        };
        self.shapes.push(Op::DrawRectangle { rectangle });
    }

    /// A thin line across.
    pub(crate) fn rule(&mut self, x: f32, y: f32, width: f32, thickness: f32, colour: Rgb) {
        self.fill_rect(x, y - thickness / 2.0, width, thickness, colour);
    }

    /// A filled shape with straight edges.
    pub(crate) fn fill_shape(&mut self, points: &[(f32, f32)], colour: Rgb) {
        self.set_fill(colour);
        let polygon = self.polygon(points, PaintMode::Fill);
        self.shapes.push(Op::DrawPolygon { polygon });
    }

    /// The outline of a shape with straight edges.
    pub(crate) fn outline(&mut self, points: &[(f32, f32)], thickness: f32, colour: Rgb) {
        self.shapes.push(Op::SetOutlineColor { col: ink(colour) });
        self.shapes.push(Op::SetOutlineThickness { pt: Pt(thickness) });
        let polygon = self.polygon(points, PaintMode::Stroke);
        self.shapes.push(Op::DrawPolygon { polygon });
    }

    /// Fills a shape with slanted lines, `gap` points apart: a pattern that survives photocopying.
    pub(crate) fn hatch(&mut self, points: &[(f32, f32)], gap: f32, thickness: f32, colour: Rgb) {
        let bound = |pick: fn(&(f32, f32)) -> f32, start: f32, better: fn(f32, f32) -> f32| {
            points.iter().map(pick).fold(start, better)
        };
        let (left, right) = (bound(|p| p.0, f32::MAX, f32::min), bound(|p| p.0, f32::MIN, f32::max));
        let (top, bottom) = (bound(|p| p.1, f32::MAX, f32::min), bound(|p| p.1, f32::MIN, f32::max));
        self.shapes.push(Op::SaveGraphicsState);
        let polygon = self.polygon(points, PaintMode::Clip);
        self.shapes.push(Op::DrawPolygon { polygon });
        self.shapes.push(Op::SetOutlineColor { col: ink(colour) });
        self.shapes.push(Op::SetOutlineThickness { pt: Pt(thickness) });
        let height = bottom - top;
        let mut x = left - height;
        while x < right {
            let points = vec![self.line_point(x, bottom), self.line_point(x + height, top)];
            self.shapes.push(Op::DrawLine {
                line: Line {
                    points,
                    is_closed: false,
                },
            });
            x += gap;
        }
        self.shapes.push(Op::RestoreGraphicsState);
    }

    /// Puts a picture of the document's resources into a rectangle.
    pub(crate) fn picture(&mut self, x: f32, y: f32, width: f32, height: f32, name: &str) {
        let matrix = [width, 0.0, 0.0, height, rounded(x), rounded(self.height - y - height)];
        self.shapes.extend([
            Op::SaveGraphicsState,
            Op::SetTransformationMatrix {
                matrix: CurTransMat::Raw(matrix),
            },
            Op::Unknown {
                key: "Do".to_owned(),
                value: vec![DictItem::Name(name.as_bytes().to_vec())],
            },
            Op::RestoreGraphicsState,
        ]);
    }

    fn set_fill(&mut self, colour: Rgb) {
        if self.fill != Some(colour) {
            self.shapes.push(Op::SetFillColor { col: ink(colour) });
            self.fill = Some(colour);
        }
    }

    fn rect(&self, x: f32, y: f32, width: f32, height: f32) -> Rect {
        let lower = rounded(self.height - y - height);
        Rect::from_xywh(Pt(rounded(x)), Pt(lower), Pt(rounded(width)), Pt(rounded(height)))
    }

    fn polygon(&self, points: &[(f32, f32)], mode: PaintMode) -> Polygon {
        let points = points.iter().map(|&(x, y)| self.line_point(x, y)).collect();
        Polygon {
            rings: vec![PolygonRing { points }],
            mode,
            winding_order: WindingOrder::NonZero,
        }
    }

    fn line_point(&self, x: f32, y: f32) -> LinePoint {
        LinePoint {
            p: Point {
                x: Pt(rounded(x)),
                y: Pt(rounded(self.height - y)),
            },
            bezier: false,
        }
    }

    /// Page operations, the characters spelled in `codes`.
    pub(crate) fn into_ops(self, fonts: &Fonts, codes: &mut Codes) -> Vec<Op> {
        let mut ops = self.shapes;
        ops.reserve(self.texts.len() * 3 + 2);
        ops.push(Op::StartTextSection);
        write_texts(&mut ops, self.texts, |face, text| codes.encode(fonts, face, text));
        ops.push(Op::EndTextSection);
        ops
    }
}

/// One text object: each line is placed relative to the one before (`Td`), and what does not change is not said again.
///
/// Lines go into the file as the operator `Tj` with its codes. printpdf's own operation for text writes each code in four
/// hexadecimal digits and notes each character in a map, which took half of the time of a long report.
fn write_texts(ops: &mut Vec<Op>, texts: Vec<Text>, mut spell: impl FnMut(Face, &str) -> Vec<u8>) {
    let (mut x, mut y) = (0, 0);
    let mut last: Option<Style> = None;
    for text in texts {
        let style = text.style;
        if last.is_none_or(|last| (last.face, last.size) != (style.face, style.size)) {
            let font = PdfFontHandle::External(FontId(style.face.resource().to_owned()));
            ops.push(Op::SetFont {
                font,
                size: Pt(style.size),
            });
        }
        if last.is_none_or(|last| last.colour != style.colour) {
            ops.push(Op::SetFillColor { col: ink(style.colour) });
        }
        last = Some(style);
        let pos = Point {
            x: Pt((text.x - x) as f32 / 100.0),
            y: Pt((text.y - y) as f32 / 100.0),
        };
        (x, y) = (text.x, text.y);
        ops.push(Op::SetTextCursor { pos });
        let data = spell(style.face, &text.text);
        ops.push(Op::Unknown {
            key: "Tj".to_owned(),
            value: vec![DictItem::String { data, literal: true }],
        });
    }
}

fn ink(colour: Rgb) -> Color {
    let [r, g, b] = colour.0.map(|part| (part * 1000.0).round() / 1000.0);
    Color::Rgb(printpdf::Rgb {
        r,
        g,
        b,
        icc_profile: None,
    })
}

fn hundredths(points: f32) -> i32 {
    (points * 100.0).round() as i32
}

pub(crate) fn rounded(points: f32) -> f32 {
    hundredths(points) as f32 / 100.0
}
