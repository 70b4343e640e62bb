//! The document as it grows: a cursor that walks down the sheets, headings, paragraphs, and the frame of every page.

use std::borrow::Cow;

use super::fonts::{Face, Fonts};
use super::page::{Page, Style};
use super::template::{Rgb, Template};
use super::text;
use crate::domain::Verdict;

/// Dark grey for running text: softer than black, and still 12 to 1 against paper.
pub(super) const TEXT: Rgb = Rgb([0.13, 0.15, 0.18]);
/// Labels and remarks: 5 to 1 against paper.
pub(super) const MUTED: Rgb = Rgb([0.40, 0.43, 0.47]);
/// Lines between rows.
pub(super) const HAIRLINE: Rgb = Rgb([0.82, 0.84, 0.86]);
pub(super) const WHITE: Rgb = Rgb([1.0, 1.0, 1.0]);

const SIDE: f32 = 46.0;
/// Margins beside sheets across: narrower, for wide tables.
const SIDE_ACROSS: f32 = 34.0;
const TOP: f32 = 66.0;
const FOOT: f32 = 58.0;

/// Running text.
pub(super) const BODY: Style = Style {
    face: Face::Regular,
    size: 8.6,
    colour: TEXT,
};
/// Remarks below headings, captions.
pub(super) const SMALL: Style = Style {
    face: Face::Regular,
    size: 7.4,
    colour: MUTED,
};

/// A place that bookmarks and the table of contents lead to.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    /// 0 for parts, 1 for what is below them.
    pub(super) level: usize,
    pub(super) title: String,
    /// Counted from 1.
    pub(super) page: usize,
    /// In points from the lower edge, as PDF counts.
    pub(super) top: f32,
}

/// The growing document.
pub(super) struct Doc<'a> {
    pub(super) fonts: &'a Fonts,
    pub(super) template: &'a Template,
    pub(super) pages: Vec<Page>,
    pub(super) marks: Vec<Mark>,
    /// How far down the sheet the next thing goes.
    pub(super) y: f32,
    across: bool,
}

impl<'a> Doc<'a> {
    pub(super) fn new(fonts: &'a Fonts, template: &'a Template) -> Self {
        Self {
            fonts,
            template,
            pages: Vec::new(),
            marks: Vec::new(),
            y: 0.0,
            across: false,
        }
    }

    /// Begins a sheet, upright or across.
    pub(super) fn start_page(&mut self, across: bool) {
        let (width, height) = self.template.page_size.points();
        let (width, height) = if across { (height, width) } else { (width, height) };
        self.across = across;
        self.pages.push(Page::new(width, height));
        self.y = TOP;
    }

    /// The sheet that is being filled.
    pub(super) fn page(&mut self) -> &mut Page {
        if self.pages.is_empty() {
            self.start_page(false);
        }
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }

    fn size(&self) -> (f32, f32) {
        let (width, height) = self.template.page_size.points();
        if self.across { (height, width) } else { (width, height) }
    }

    pub(super) fn left(&self) -> f32 {
        side(self.across)
    }

    pub(super) fn width(&self) -> f32 {
        self.size().0 - 2.0 * self.left()
    }

    /// What fits on a whole sheet.
    pub(super) fn body_height(&self) -> f32 {
        self.size().1 - TOP - FOOT
    }

    /// What is left of this sheet.
    pub(super) fn room(&self) -> f32 {
        self.size().1 - FOOT - self.y
    }

    /// Begins another sheet of the same kind unless `height` fits on this one. True if it did.
    pub(super) fn need(&mut self, height: f32) -> bool {
        if self.room() >= height || self.y <= TOP {
            return false;
        }
        self.break_page();
        true
    }

    /// Begins another sheet of the same kind.
    pub(super) fn break_page(&mut self) {
        self.start_page(self.across);
    }

    /// The place of the cursor, for bookmarks and the table of contents.
    pub(super) fn mark(&mut self, level: usize, title: &str) {
        let top = self.size().1 - self.y + 8.0;
        self.marks.push(Mark {
            level,
            title: title.to_owned(),
            page: self.pages.len(),
            top,
        });
    }

    /// A line of text at a place.
    pub(super) fn text(&mut self, x: f32, y: f32, style: Style, text: &str) {
        let shown = shown(self.fonts, style.face, text);
        self.page().text(x, y, style, &shown);
    }

    /// A line of text that ends at `right`.
    pub(super) fn text_to(&mut self, right: f32, y: f32, style: Style, text: &str) {
        let shown = shown(self.fonts, style.face, text);
        let width = self.fonts.width(style.face, style.size, &shown);
        self.page().text(right - width, y, style, &shown);
    }

    /// The width of a text as it is shown.
    pub(super) fn measure(&self, style: Style, text: &str) -> f32 {
        self.fonts
            .width(style.face, style.size, &self.fonts.visible(style.face, text))
    }

    pub(super) fn wrap(&self, style: Style, width: f32, text: &str) -> Vec<String> {
        text::wrap(self.fonts, style.face, style.size, width, text)
    }

    /// Text from margin to margin, over as many sheets as it takes.
    pub(super) fn paragraph(&mut self, style: Style, text: &str) {
        let (left, width) = (self.left(), self.width());
        self.block(left, width, style, text);
    }

    /// Text in a column of its own.
    pub(super) fn block(&mut self, x: f32, width: f32, style: Style, text: &str) {
        for line in self.wrap(style, width, text) {
            self.need(style.leading());
            let baseline = self.y + style.size;
            self.text(x, baseline, style, &line);
            self.y += style.leading();
        }
    }

    /// A point of a list.
    pub(super) fn point(&mut self, style: Style, text: &str) {
        let (left, width) = (self.left(), self.width());
        self.need(style.leading() * 2.0);
        let baseline = self.y + style.size;
        self.text(left + 2.0, baseline, style, "\u{2022}");
        self.block(left + 12.0, width - 12.0, style, text);
        self.y += 2.5;
    }

    /// The heading of a part: a new sheet, a bookmark, a line in the table of contents.
    pub(super) fn part(&mut self, title: &str, across: bool) {
        self.start_page(across);
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
        self.y += 36.0;
    }

    /// A heading within a part; `room` is what must fit below it on the same sheet.
    pub(super) fn heading(&mut self, title: &str, room: f32) {
        let (colour, left) = (self.template.colours.accent, self.left());
        if self.y > TOP + 40.0 {
            self.y += 14.0;
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
    pub(super) fn colour_of(&self, verdict: Verdict) -> Rgb {
        let colours = &self.template.colours;
        match verdict {
            Verdict::NonCompliant => colours.non_compliant,
            Verdict::Unknown => colours.unknown,
            Verdict::Compliant => colours.compliant,
            Verdict::NotApplicable => colours.not_applicable,
        }
    }

    /// The text, or its beginning and an ellipsis: for running heads, whose full text stands on the cover.
    fn fitted(&self, style: Style, width: f32, text: &str) -> String {
        if self.measure(style, text) <= width {
            return text.to_owned();
        }
        let mut kept: String = text.to_owned();
        while !kept.is_empty() && self.measure(style, &kept) + style.size > width {
            kept.pop();
        }
        format!("{}\u{2026}", kept.trim_end())
    }

    /// Header and footer of every sheet, now that their number is known.
    pub(super) fn frame(&mut self, header: &str, footer: &str) {
        let total = self.pages.len();
        let fonts = self.fonts;
        let title = Style {
            face: Face::Bold,
            size: 7.4,
            colour: self.template.colours.accent,
        };
        let name = shown(fonts, title.face, &self.template.title).into_owned();
        let header = shown(fonts, SMALL.face, header).into_owned();
        let header_width = fonts.width(SMALL.face, SMALL.size, &header);
        let room = self.template.page_size.points().0 - 2.0 * SIDE - 20.0;
        let name = self.fitted(title, room - header_width, &name);
        let footer = self.fitted(SMALL, room - 70.0, &shown(fonts, SMALL.face, footer));
        for (index, page) in self.pages.iter_mut().enumerate() {
            let left = side(page.width > page.height);
            let (right, foot) = (page.width - left, page.height - 32.0);
            page.frame_text(left, 38.0, title, &name);
            page.frame_text(right - header_width, 38.0, SMALL, &header);
            page.rule(left, 46.0, right - left, 0.5, HAIRLINE);
            let number = format!("Page {} of {total}", index + 1);
            page.rule(left, foot - 12.0, right - left, 0.5, HAIRLINE);
            page.frame_text(left, foot, SMALL, &footer);
            page.frame_text(
                right - fonts.width(SMALL.face, SMALL.size, &number),
                foot,
                SMALL,
                &number,
            );
        }
    }
}

fn side(across: bool) -> f32 {
    if across { SIDE_ACROSS } else { SIDE }
}

/// Text as it goes on the sheet: nothing without a glyph, right-to-left runs in drawing order.
fn shown<'t>(fonts: &Fonts, face: Face, text: &'t str) -> Cow<'t, str> {
    match fonts.visible(face, text) {
        Cow::Borrowed(text) => text::drawing_order(text),
        Cow::Owned(text) => Cow::Owned(text::drawing_order(&text).into_owned()),
    }
}

/// The mark that goes with a verdict, so that no meaning hangs on colour.
pub(super) const fn symbol(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NonCompliant => "\u{2717}",
        Verdict::Unknown => "?",
        Verdict::Compliant => "\u{2713}",
        Verdict::NotApplicable => "\u{2013}",
    }
}

/// A verdict as reports say it.
pub(super) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotApplicable => "not applicable",
        other => other.as_str(),
    }
}
