//! Tables over many sheets: heads repeat, rows stay whole unless they are taller than a sheet, nothing is cut off.

use std::borrow::Cow;

use super::doc::{Doc, FINE, Goal, HAIRLINE, MUTED, SMALL};
use super::fonts::Face;
use super::page::Style;
use super::text;

const PAD_X: f32 = 3.5;
/// To the right of figures, so that they keep clear of the words of the next column.
const PAD_FIGURES: f32 = 7.0;
const PAD_Y: f32 = 3.0;
const PAD_TIGHT: f32 = 0.8;
/// A first row of this height or less stays with the head of its table.
const TALLEST_KEPT: f32 = 160.0;
/// Room for the caption and the line of a group on further sheets.
const CAPTION: f32 = 42.0;
/// The line of a group.
const GROUP: Style = Style {
    face: Face::Bold,
    ..FINE
};

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// Its part of the width; parts are weighed against each other.
    pub(crate) share: f32,
    /// Numbers stand to the right.
    pub(crate) right: bool,
}

impl Column {
    pub(crate) const fn new(title: &'static str, share: f32) -> Self {
        Self {
            title,
            share,
            right: false,
        }
    }

    pub(crate) const fn number(title: &'static str, share: f32) -> Self {
        Self {
            title,
            share,
            right: true,
        }
    }
}

/// A paragraph in a cell.
pub(crate) struct Para<'t> {
    pub(crate) style: Style,
    pub(crate) text: Cow<'t, str>,
    goal: Option<Goal>,
}

impl<'t> Para<'t> {
    pub(crate) fn new(style: Style, text: impl Into<Cow<'t, str>>) -> Self {
        Self {
            style,
            text: text.into(),
            goal: None,
        }
    }

    /// Makes its lines lead elsewhere.
    pub(crate) fn to(self, goal: Option<Goal>) -> Self {
        Self { goal, ..self }
    }
}

/// A line of a cell.
struct Line {
    style: Style,
    text: String,
    goal: Option<Goal>,
}

fn height(lines: &[Line]) -> f32 {
    lines.iter().map(|line| line.style.leading()).sum()
}

/// What stands in a cell, from top to bottom.
pub(crate) type Cell<'t> = Vec<Para<'t>>;

/// A table that is being written.
pub struct Table {
    columns: Vec<Column>,
    /// Left edge and width of each column.
    places: Vec<(f32, f32)>,
    head: Vec<Vec<String>>,
    head_style: Style,
    /// Stands above the head on every further sheet, so that a sheet explains itself alone.
    caption: String,
    /// False until the head stands on the current sheet.
    open: bool,
    /// Rows stand close together: for long lists.
    pub(crate) is_tight: bool,
    /// What the rows from here on have in common; it is told again on every further sheet.
    group: String,
}

impl Table {
    /// Lays out the columns. `caption` names the table on further sheets.
    pub(crate) fn new(doc: &Doc<'_>, columns: &[Column], head_size: f32, caption: &str) -> Self {
        let head_style = Style {
            face: Face::Bold,
            size: head_size,
            colour: doc.template.colours.accent,
        };
        let total: f32 = columns.iter().map(|column| column.share).sum();
        let mut x = doc.left();
        let mut places = Vec::with_capacity(columns.len());
        for column in columns {
            let width = doc.width() * column.share / total;
            places.push((x, width));
            x += width;
        }
        let head: Vec<Vec<String>> = columns
            .iter()
            .zip(&places)
            .map(|(column, place)| doc.wrap(head_style, inner(place.1, column.right), column.title))
            .collect();
        debug_assert!(
            columns
                .iter()
                .zip(&head)
                .all(|(column, lines)| is_whole(column.title, lines)),
            "the heads of `{caption}` are broken inside a word: {head:?}"
        );
        Self {
            columns: columns.to_vec(),
            places,
            head,
            head_style,
            caption: caption.to_owned(),
            open: false,
            is_tight: false,
            group: String::new(),
        }
    }

    /// Above and below what stands in a row.
    fn pad(&self) -> f32 {
        if self.is_tight { PAD_TIGHT } else { PAD_Y }
    }

    fn head_height(&self) -> f32 {
        let lines = self.head.iter().map(Vec::len).max().unwrap_or(0);
        lines as f32 * self.head_style.leading() + 2.0 * PAD_Y
    }

    fn draw_head(&mut self, doc: &mut Doc<'_>) {
        let (left, width, height) = (doc.left(), doc.width(), self.head_height());
        let (top, accent) = (doc.y, doc.template.colours.accent);
        doc.page().fill_rect(left, top, width, height, accent.tint(0.90));
        doc.page().rule(left, top + height, width, 0.8, accent);
        for (index, lines) in self.head.iter().enumerate() {
            // Short heads stand at the foot of the row, next to their column.
            let mut baseline = top + height
                - PAD_Y
                - self.head_style.size * 0.28
                - (lines.len().saturating_sub(1)) as f32 * self.head_style.leading();
            for line in lines {
                self.put(doc, index, baseline, self.head_style, line);
                baseline += self.head_style.leading();
            }
        }
        doc.y += height;
        self.open = true;
    }

    fn continue_on_next_page(&mut self, doc: &mut Doc<'_>) {
        doc.break_page();
        if !self.caption.is_empty() {
            let style = SMALL.bold();
            let (left, width) = (doc.left(), doc.width());
            doc.block(left, width, style, &format!("{} (continued)", self.caption));
            doc.y += 3.0;
        }
        self.draw_head(doc);
        self.draw_group(doc);
    }

    /// A line over the whole width that says what the next rows have in common. It stays with the first of them.
    pub(crate) fn group(&mut self, doc: &mut Doc<'_>, text: &str) {
        text.clone_into(&mut self.group);
        if !self.open {
            doc.need(self.head_height() + 4.0 * GROUP.leading());
            self.draw_head(doc);
        } else if doc.room() < 4.0 * GROUP.leading() {
            self.continue_on_next_page(doc);
            return;
        }
        self.draw_group(doc);
    }

    fn draw_group(&self, doc: &mut Doc<'_>) {
        if self.group.is_empty() {
            return;
        }
        let (left, width, top) = (doc.left(), doc.width(), doc.y);
        let lines = doc.wrap(GROUP, width - 2.0 * PAD_X, &self.group);
        let height = lines.len() as f32 * GROUP.leading() + 2.0 * PAD_TIGHT;
        doc.page().fill_rect(left, top, width, height, MUTED.tint(0.93));
        let mut y = top + PAD_TIGHT;
        for line in &lines {
            doc.text(left + PAD_X, y + GROUP.size * 0.95, GROUP, line);
            y += GROUP.leading();
        }
        doc.y = top + height;
    }

    fn put(&self, doc: &mut Doc<'_>, column: usize, baseline: f32, style: Style, line: &str) {
        let (x, width) = self.places[column];
        if self.columns[column].right {
            doc.text_to(x + width - PAD_FIGURES, baseline, style, line);
        } else {
            doc.text(x + PAD_X, baseline, style, line);
        }
    }

    /// How high a row is.
    pub(crate) fn height_of(&self, doc: &Doc<'_>, cells: &[Cell<'_>]) -> f32 {
        let cells = self.laid_out(doc, cells);
        cells.iter().map(|cell| height(cell)).fold(0.0, f32::max) + 2.0 * self.pad()
    }

    fn laid_out(&self, doc: &Doc<'_>, cells: &[Cell<'_>]) -> Vec<Vec<Line>> {
        cells
            .iter()
            .zip(&self.places)
            .zip(&self.columns)
            .map(|((cell, place), column)| {
                let width = inner(place.1, column.right);
                cell.iter().flat_map(|para| lines(doc, para, width)).collect()
            })
            .collect()
    }

    /// Writes a row, and the head before it where it is due. Returns how far above the cursor the row begins, or its part
    /// on this sheet.
    pub(crate) fn row(&mut self, doc: &mut Doc<'_>, cells: &[Cell<'_>]) -> f32 {
        let cells = self.laid_out(doc, cells);
        let tallest = cells.iter().map(|cell| height(cell)).fold(0.0, f32::max) + 2.0 * self.pad();
        if !self.open {
            doc.need(self.head_height() + tallest.min(TALLEST_KEPT));
            self.draw_head(doc);
        }
        let sheet = doc.body_height() - self.head_height() - CAPTION;
        if tallest > doc.room() && (tallest <= sheet || doc.room() < sheet / 4.0) {
            self.continue_on_next_page(doc);
        }
        if tallest <= doc.room() {
            self.draw_row(doc, &cells, tallest);
            tallest
        } else {
            self.draw_tall_row(doc, cells)
        }
    }

    fn draw_row(&self, doc: &mut Doc<'_>, cells: &[Vec<Line>], height: f32) {
        let top = doc.y;
        for (index, cell) in cells.iter().enumerate() {
            let mut y = top + self.pad();
            for Line { style, text, goal } in cell {
                self.put(doc, index, y + style.size * 0.95, *style, text);
                if let Some(goal) = goal {
                    let (x, width) = self.places[index];
                    doc.link((x, y - 1.0, width, style.leading()), *goal);
                }
                y += style.leading();
            }
        }
        let (left, width) = (doc.left(), doc.width());
        doc.page().rule(left, top + height, width, 0.4, HAIRLINE);
        doc.y += height;
    }

    /// A row that is taller than a sheet goes on over the next ones, as many lines of each cell as fit.
    fn draw_tall_row(&mut self, doc: &mut Doc<'_>, mut cells: Vec<Vec<Line>>) -> f32 {
        loop {
            let room = doc.room() - 2.0 * self.pad();
            let mut tallest: f32 = 0.0;
            let mut slice = Vec::with_capacity(cells.len());
            for cell in &mut cells {
                let mut used = 0.0;
                let fitting = cell
                    .iter()
                    .take_while(|line| {
                        used += line.style.leading();
                        used <= room
                    })
                    .count();
                let lines: Vec<_> = cell.drain(..fitting.max(1).min(cell.len())).collect();
                tallest = tallest.max(height(&lines));
                slice.push(lines);
            }
            self.draw_row(doc, &slice, tallest + 2.0 * self.pad());
            if cells.iter().all(Vec::is_empty) {
                return tallest + 2.0 * self.pad();
            }
            self.continue_on_next_page(doc);
        }
    }
}

/// Whether a head is broken only where a reader would break it.
fn is_whole(title: &str, lines: &[String]) -> bool {
    lines
        .windows(2)
        .all(|pair| pair[0].ends_with('-') || title.contains(&format!("{} {}", pair[0], pair[1])))
}

fn lines(doc: &Doc<'_>, para: &Para<'_>, width: f32) -> impl Iterator<Item = Line> {
    let (style, goal) = (para.style, para.goal);
    text::wrap(doc.fonts, style.face, style.size, width, &para.text)
        .into_iter()
        .map(move |text| Line { style, text, goal })
}

fn inner(width: f32, is_figures: bool) -> f32 {
    width - PAD_X - if is_figures { PAD_FIGURES } else { PAD_X }
}
