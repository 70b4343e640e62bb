//! The document as it grows: a cursor that walks down the sheets, headings, paragraphs, and the frame of every page.
//!
//! One grid: everything stands between the margins of [`Doc::left`] and [`Doc::width`], in five sizes of type, and is set
//! apart by [`SMALL_GAP`], [`GAP`] or [`LARGE_GAP`]. A sheet goes to the press as soon as the next one is begun.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fonts::{Codes, Face, Fonts};
use super::page::{self, Page, Style};
use super::press::{Layer, Press};
use super::template::{Rgb, Template};
use super::text;
use crate::domain::{Answer, Verdict};

/// Dark grey for running text: softer than black, and still 12 to 1 against paper.
pub(crate) const TEXT: Rgb = Rgb([0.13, 0.15, 0.18]);
/// Labels and remarks: 5 to 1 against paper.
pub(crate) const MUTED: Rgb = Rgb([0.40, 0.43, 0.47]);
/// Lines between rows.
pub(crate) const HAIRLINE: Rgb = Rgb([0.82, 0.84, 0.86]);
pub(crate) const WHITE: Rgb = Rgb([1.0, 1.0, 1.0]);

const SIDE: f32 = 46.0;
/// Margins beside sheets across: narrower, for wide tables.
const SIDE_ACROSS: f32 = 34.0;
const TOP: f32 = 60.0;
const FOOT: f32 = 60.0;

/// A part begins on a sheet of its own unless so much is left of the last one.
const LEAST_FOR_PART: f32 = 110.0;
/// The cover, and what is said about the document: no part begins on these, unless a document says otherwise.
const FRONT: usize = 2;

/// Between lines that belong together.
pub(crate) const SMALL_GAP: f32 = 4.0;
/// Between things.
pub(crate) const GAP: f32 = 8.0;
/// Above headings.
pub(crate) const LARGE_GAP: f32 = 13.0;

/// Running text.
pub(crate) const BODY: Style = Style {
    face: Face::Regular,
    size: 8.3,
    colour: TEXT,
};
/// Remarks below headings, captions.
pub(crate) const SMALL: Style = Style {
    face: Face::Regular,
    size: 7.4,
    colour: MUTED,
};
/// What stands in tables.
pub(crate) const CELL: Style = Style {
    face: Face::Regular,
    size: 7.4,
    colour: TEXT,
};
/// Ids, evidence, and tables too wide for [`CELL`].
pub(crate) const FINE: Style = Style { size: 6.6, ..CELL };
/// Digests and ARNs that a person compares letter by letter.
pub(crate) const MONO: Style = Style {
    face: Face::Mono,
    size: 7.4,
    colour: TEXT,
};

/// A place that bookmarks and the table of contents lead to.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    /// 0 for parts, 1 for what is below them.
    pub(crate) level: usize,
    pub(crate) title: String,
    pub(crate) spot: Spot,
}

/// A place on a sheet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    /// Counted from 1.
    pub(crate) page: usize,
    /// In points from the lower edge, as PDF counts.
    pub(crate) top: f32,
}

/// Where a link leads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    Spot(Spot),
    /// A table in the appendix, by its place in the report.
    Table(usize),
    /// What needs action on a table, by its place in the report.
    Block(usize),
}

/// A part of a sheet that leads elsewhere: left, bottom, right, top, as PDF counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) rect: [f32; 4],
    pub(crate) goal: Goal,
}

/// One sheet of the document.
pub(crate) struct Sheet {
    pub(crate) width: f32,
    pub(crate) height: f32,
    /// The part of the document that it belongs to.
    part: String,
    /// Header, footer and whatever else is known late only.
    pub(crate) frame: Page,
    pub(crate) links: Vec<Link>,
}

/// The growing document.
pub(crate) struct Doc<'a> {
    pub(crate) fonts: &'a Fonts,
    pub(crate) template: &'a Template,
    pub(crate) codes: Codes,
    pub(crate) press: Press,
    pub(crate) sheets: Vec<Sheet>,
    /// What is drawn on the last sheet.
    open: Page,
    pub(crate) marks: Vec<Mark>,
    /// Where the appendix shows each table, in the order of the report.
    pub(crate) rows: Vec<Spot>,
    /// Where tables that need action are told, by their place in the report.
    pub(crate) blocks: BTreeMap<usize, Spot>,
    /// How far down the sheet the next thing goes.
    pub(crate) y: f32,
    part: String,
    across: bool,
    /// Sheets on which no part begins.
    pub(crate) front: usize,
    /// Where the text of the last part begins on its sheet; a heading further up stands on another one.
    below_part: f32,
}

impl<'a> Doc<'a> {
    /// A document that begins with an upright sheet.
    pub(crate) fn new(fonts: &'a Fonts, template: &'a Template) -> Self {
        let mut doc = Self {
            fonts,
            template,
            codes: Codes::default(),
            press: Press::start(),
            sheets: Vec::new(),
            open: Page::default(),
            marks: Vec::new(),
            rows: Vec::new(),
            blocks: BTreeMap::new(),
            y: 0.0,
            part: String::new(),
            across: false,
            front: FRONT,
            below_part: TOP,
        };
        doc.lay_sheet(false);
        doc
    }

    /// Begins a sheet, upright or across.
    pub(crate) fn start_page(&mut self, across: bool) {
        self.close_page();
        self.lay_sheet(across);
    }

    fn lay_sheet(&mut self, across: bool) {
        self.across = across;
        let (width, height) = self.size();
        self.open = Page::new(height);
        self.sheets.push(Sheet {
            width,
            height,
            part: self.part.clone(),
            frame: Page::new(height),
            links: Vec::new(),
        });
        self.y = TOP;
        self.below_part = TOP;
    }

    /// Hands the last sheet to the press.
    pub(crate) fn close_page(&mut self) {
        let ops = std::mem::take(&mut self.open).into_ops(self.fonts, &mut self.codes);
        self.press.print((self.sheets.len() - 1, Layer::Body), ops);
    }

    /// The sheet that is being filled.
    pub(crate) fn page(&mut self) -> &mut Page {
        &mut self.open
    }

    /// Names the part of the document that this sheet and the next ones belong to.
    pub(crate) fn name_part(&mut self, title: &str) {
        title.clone_into(&mut self.part);
        if let Some(sheet) = self.sheets.last_mut() {
            title.clone_into(&mut sheet.part);
        }
    }

    /// Names one more part that begins on this sheet.
    fn add_part(&mut self, title: &str) {
        title.clone_into(&mut self.part);
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.part.push_str(", ");
            sheet.part.push_str(title);
        }
    }

    fn size(&self) -> (f32, f32) {
        let (width, height) = self.template.page_size.points();
        if self.across { (height, width) } else { (width, height) }
    }

    pub(crate) fn left(&self) -> f32 {
        side(self.across)
    }

    pub(crate) fn width(&self) -> f32 {
        self.size().0 - 2.0 * self.left()
    }

    /// What fits on a whole sheet.
    pub(crate) fn body_height(&self) -> f32 {
        self.size().1 - TOP - FOOT
    }

    /// What is left of this sheet.
    pub(crate) fn room(&self) -> f32 {
        self.size().1 - FOOT - self.y
    }

    /// Begins another sheet of the same kind unless `height` fits on this one. True if it did.
    pub(crate) fn need(&mut self, height: f32) -> bool {
        if self.room() >= height || self.y <= TOP {
            return false;
        }
        self.break_page();
        true
    }

    /// Begins another sheet of the same kind.
    pub(crate) fn break_page(&mut self) {
        self.start_page(self.across);
    }

    /// The place of the cursor.
    pub(crate) fn spot(&self) -> Spot {
        Spot {
            page: self.sheets.len(),
            top: self.size().1 - self.y,
        }
    }

    /// The place of the cursor, for bookmarks and the table of contents.
    pub(crate) fn mark(&mut self, level: usize, title: &str) {
        let mut spot = self.spot();
        spot.top += 8.0;
        let title = title.to_owned();
        self.marks.push(Mark { level, title, spot });
    }

    /// Makes a rectangle of this sheet lead elsewhere.
    pub(crate) fn link(&mut self, (x, y, width, height): (f32, f32, f32, f32), goal: Goal) {
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.link((x, y, width, height), goal);
        }
    }

    /// A line of text at a place.
    pub(crate) fn text(&mut self, x: f32, y: f32, style: Style, text: &str) {
        let shown = shown(self.fonts, style.face, text);
        self.page().text(x, y, style, &shown);
    }

    /// A line of text that ends at `right`.
    pub(crate) fn text_to(&mut self, right: f32, y: f32, style: Style, text: &str) {
        let shown = shown(self.fonts, style.face, text);
        let width = self.fonts.width(style.face, style.size, &shown);
        self.page().text(right - width, y, style, &shown);
    }

    /// The width of a text as it is shown.
    pub(crate) fn measure(&self, style: Style, text: &str) -> f32 {
        self.fonts
            .width(style.face, style.size, &self.fonts.visible(style.face, text))
    }

    pub(crate) fn wrap(&self, style: Style, width: f32, text: &str) -> Vec<String> {
        text::wrap(self.fonts, style.face, style.size, width, text)
    }

    /// Text from margin to margin, over as many sheets as it takes.
    pub(crate) fn paragraph(&mut self, style: Style, text: &str) {
        let (left, width) = (self.left(), self.width());
        self.block(left, width, style, text);
    }

    /// Text in a column of its own.
    pub(crate) fn block(&mut self, x: f32, width: f32, style: Style, text: &str) {
        for line in self.wrap(style, width, text) {
            self.need(style.leading());
            let baseline = self.y + style.size;
            self.text(x, baseline, style, &line);
            self.y += style.leading();
        }
    }

    /// Names one after the other, each of which may lead elsewhere. One that ends with a colon is a label.
    pub(crate) fn names(&mut self, x: f32, width: f32, style: Style, names: &[(String, Option<Goal>)]) {
        let space = self.measure(style, " ");
        let mut at = 0.0;
        self.need(style.leading());
        for (place, (name, goal)) in names.iter().enumerate() {
            let name = if place + 1 < names.len() && !name.ends_with(':') {
                format!("{name},")
            } else {
                name.clone()
            };
            let mut lines = self.wrap(style, width, &name);
            let long = lines.iter().map(|line| self.measure(style, line)).fold(0.0, f32::max);
            if at > 0.0 && (lines.len() > 1 || at + long > width) {
                self.y += style.leading();
                at = 0.0;
                self.need(style.leading());
            }
            let last = lines.pop().unwrap_or_default();
            for line in lines {
                self.name(x, style, &line, *goal);
                self.y += style.leading();
                self.need(style.leading());
            }
            self.name(x + at, style, &last, *goal);
            at += self.measure(style, &last) + space;
        }
        self.y += style.leading();
    }

    fn name(&mut self, x: f32, style: Style, line: &str, goal: Option<Goal>) {
        let (y, width) = (self.y, self.measure(style, line));
        self.text(x, y + style.size, style, line);
        if let Some(goal) = goal {
            self.link((x, y, width, style.leading()), goal);
        }
    }

    /// A point of a list.
    pub(crate) fn point(&mut self, style: Style, text: &str) {
        let (left, width) = (self.left(), self.width());
        self.need(style.leading() * 2.0);
        let baseline = self.y + style.size;
        self.text(left + 2.0, baseline, style, "\u{2022}");
        self.block(left + 12.0, width - 12.0, style, text);
        self.y += 2.5;
    }

    /// The heading of a part: a bookmark, a line in the table of contents, and a new sheet unless a good part of this one is
    /// left.
    pub(crate) fn part(&mut self, title: &str, across: bool) {
        if self.across != across || self.room() < LEAST_FOR_PART || self.sheets.len() <= self.front {
            self.start_page(across);
            self.name_part(title);
        } else {
            self.y += LARGE_GAP + GAP;
            self.add_part(title);
        }
        self.mark(0, title);
        let accent = self.template.colours.accent;
        let style = Style {
            face: Face::Bold,
            size: 17.0,
            colour: accent,
        };
        let (left, width, y) = (self.left(), self.width(), self.y);
        self.text(left, y + 15.0, style, title);
        self.page().rule(left, y + 24.0, width, 1.2, accent);
        self.y += 34.0;
        self.below_part = self.y + 0.5;
    }

    /// A heading within a part; `room` is what must fit below it on the same sheet.
    pub(crate) fn heading(&mut self, title: &str, room: f32) {
        let (colour, left) = (self.template.colours.accent, self.left());
        // Right below the heading of its part it needs no more room.
        if self.y > self.below_part {
            self.y += LARGE_GAP;
        }
        self.need(room + 26.0);
        self.mark(1, title);
        let style = Style {
            face: Face::Bold,
            size: 11.0,
            colour,
        };
        let baseline = self.y + 10.0;
        self.text(left, baseline, style, title);
        self.y += 19.0;
    }

    /// The colour of a verdict.
    pub(crate) fn colour_of(&self, verdict: Verdict) -> Rgb {
        let colours = &self.template.colours;
        match verdict {
            Verdict::NonCompliant => colours.non_compliant,
            Verdict::Unknown => colours.unknown,
            Verdict::Compliant => colours.compliant,
            Verdict::NotApplicable => colours.not_applicable,
        }
    }

    /// The text, or its beginning and an ellipsis: for what stands in full elsewhere in the document.
    pub(crate) fn fitted(&self, style: Style, width: f32, text: &str) -> String {
        if self.measure(style, text) <= width {
            return text.to_owned();
        }
        let mut kept: String = text.to_owned();
        while !kept.is_empty() && self.measure(style, &kept) + style.size > width {
            kept.pop();
        }
        format!("{}\u{2026}", kept.trim_end())
    }

    /// Header and footer of every sheet, now that their number is known: each says what it belongs to when it is alone.
    pub(crate) fn frame(&mut self, header: &str, footer: &Footer) {
        let total = self.sheets.len();
        let fonts = self.fonts;
        let title = Style {
            face: Face::Bold,
            colour: self.template.colours.accent,
            ..SMALL
        };
        let digest = Style {
            size: 6.6,
            colour: MUTED,
            ..MONO
        };
        let header = shown(fonts, SMALL.face, header).into_owned();
        let header_width = fonts.width(SMALL.face, SMALL.size, &header);
        let evidence = shown(fonts, digest.face, &footer.evidence).into_owned();
        for index in 0..total {
            let (width, height) = (self.sheets[index].width, self.sheets[index].height);
            let left = side(width > height);
            let (right, foot) = (width - left, height - 38.0);
            let room = right - left - header_width - 20.0;
            let part = format!(" \u{b7} {}", self.sheets[index].part);
            let part = self.fitted(SMALL, room * 0.6, &part);
            let part_width = self.measure(SMALL, &part);
            let name = self.fitted(title, room - part_width, &self.template.title);
            let name = shown(fonts, title.face, &name).into_owned();
            let name_width = fonts.width(title.face, title.size, &name);
            let owner = self.fitted(SMALL, right - left, &footer.owner);
            let number = format!("Page {} of {total}", index + 1);
            let number_width = fonts.width(SMALL.face, SMALL.size, &number);
            let frame = &mut self.sheets[index].frame;
            frame.text(left, 38.0, title, &name);
            frame.text(left + name_width, 38.0, SMALL, &part);
            frame.text(right - header_width, 38.0, SMALL, &header);
            frame.rule(left, 46.0, right - left, 0.5, HAIRLINE);
            frame.rule(left, foot - 12.0, right - left, 0.5, HAIRLINE);
            frame.text(left, foot, digest, &evidence);
            frame.text(right - number_width, foot, SMALL, &number);
            frame.text(left, foot + 11.0, SMALL, &shown(fonts, SMALL.face, &owner));
        }
    }
}

/// What stands at the foot of every sheet.
pub(crate) struct Footer {
    /// Scan and digest of the evidence.
    pub(crate) evidence: String,
    /// Whose report it is, how it may be handed on, what made it.
    pub(crate) owner: String,
}

impl Sheet {
    /// Makes a rectangle lead elsewhere.
    pub(crate) fn link(&mut self, (x, y, width, height): (f32, f32, f32, f32), goal: Goal) {
        let rect = [x, self.height - y - height, x + width, self.height - y].map(page::rounded);
        self.links.push(Link { rect, goal });
    }
}

fn side(across: bool) -> f32 {
    if across { SIDE_ACROSS } else { SIDE }
}

/// Text as it goes on the sheet: nothing without a glyph, right-to-left runs in drawing order.
pub(crate) fn shown<'t>(fonts: &Fonts, face: Face, text: &'t str) -> Cow<'t, str> {
    match fonts.visible(face, text) {
        Cow::Borrowed(text) => text::drawing_order(text),
        Cow::Owned(text) => Cow::Owned(text::drawing_order(&text).into_owned()),
    }
}

/// The mark that goes with a verdict, so that no meaning hangs on colour.
pub(crate) const fn symbol(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NonCompliant => "\u{2717}",
        Verdict::Unknown => "?",
        Verdict::Compliant => "\u{2713}",
        Verdict::NotApplicable => "\u{2013}",
    }
}

/// The mark that goes with an answer.
pub(crate) const fn mark_of(answer: Answer) -> &'static str {
    match answer {
        Answer::Waived | Answer::UnknownWaived => "~",
        Answer::NotYetDue => "\u{2026}",
        other => symbol(other.shade()),
    }
}

/// A verdict as reports say it.
pub(crate) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotApplicable => "not applicable",
        other => other.as_str(),
    }
}
