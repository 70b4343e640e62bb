//! The heat map table × day of the window: all tables together as a strip for each day, then the worst tables one by one.
//!
//! Each state has a pattern of its own, so that a grey copy says the same, and each row has its counts in figures.

use chrono::{Days, NaiveDate};

use super::chart::{self, DayLook};
use super::doc::{BODY, Doc, FINE, GAP, Goal, LARGE_GAP, MUTED, SMALL, SMALL_GAP, WHITE};
use super::summary::FEW;
use super::template::Section;
use super::text::{grouped, plural};
use crate::domain::DayState;
use crate::report::{Report, TableRow};

/// As many tables as half a sheet can show.
const WORST: usize = 18;
/// As many columns as can still be told apart.
const COLUMNS: usize = 62;
pub(crate) const LABEL: f32 = 168.0;
pub(crate) const FIGURE: f32 = 38.0;
pub(crate) const ROW: f32 = 10.5;
pub(crate) const CELL: f32 = 8.0;
const STRIP: f32 = 48.0;

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Days.title(), false);
    let rows: Vec<(usize, &TableRow)> = report
        .tables
        .iter()
        .enumerate()
        .filter(|(_, row)| !row.days.is_empty())
        .collect();
    if rows.is_empty() || report.window.days == 0 {
        let text = "No day was looked at: the recovery points behind this report do not tell of days before it. That says \
                    nothing about them, good or bad.";
        doc.paragraph(BODY, text);
        return;
    }
    let grid = Grid::of(doc, report);
    intro(doc, &grid, &rows, report.tables.len());
    legend(doc);
    if rows.len() > FEW {
        strip(doc, &grid, &rows);
    }
    worst(doc, &grid, &rows);
}

/// The days as columns.
pub(crate) struct Grid {
    first: NaiveDate,
    days: usize,
    /// Days in a column.
    step: usize,
    /// Left edge of the first column.
    x: f32,
    width: f32,
}

impl Grid {
    fn of(doc: &Doc<'_>, report: &Report) -> Self {
        Self::new(doc, report.window.first, report.window.days)
    }

    /// Columns for so many days, between the names of tables and two figures.
    pub(crate) fn new(doc: &Doc<'_>, first: NaiveDate, days: usize) -> Self {
        let step = days.div_ceil(COLUMNS).max(1);
        let room = doc.width() - LABEL - 2.0 * FIGURE - 8.0;
        Self {
            first,
            days,
            step,
            x: doc.left() + LABEL,
            width: room / days.div_ceil(step) as f32,
        }
    }

    /// Days in a column.
    pub(crate) fn step(&self) -> usize {
        self.step
    }

    fn columns(&self) -> usize {
        self.days.div_ceil(self.step)
    }

    fn end(&self) -> f32 {
        self.x + self.width * self.columns() as f32
    }

    fn date(&self, day: usize) -> NaiveDate {
        self.first.checked_add_days(Days::new(day as u64)).unwrap_or(self.first)
    }

    /// The worst state of each column of a table. Days that are missing are days nobody looked at.
    fn states<D: Into<DayLook> + Copy>(&self, days: &[D]) -> Vec<DayLook> {
        let day = |day: usize| days.get(day).map_or(DayLook::NotObserved, |day| (*day).into());
        (0..self.columns())
            .map(|column| {
                let from = column * self.step;
                let states = (from..(from + self.step).min(self.days)).map(day);
                let worst = states.max_by_key(|state| state.badness());
                worst.unwrap_or(DayLook::NotObserved)
            })
            .collect()
    }

    /// First day of each labelled column: the first one, and then about every week.
    fn labelled(&self) -> impl Iterator<Item = usize> + use<> {
        let every = 7_usize.div_ceil(self.step).max((32.0 / self.width).ceil() as usize);
        (0..self.columns()).step_by(every)
    }

    /// Draws the days of one table at the cursor, which stays.
    pub(crate) fn draw<D: Into<DayLook> + Copy>(&self, doc: &mut Doc<'_>, days: &[D]) {
        let (states, top) = (self.states(days), doc.y);
        let mut column = 0;
        while column < states.len() {
            // Neighbours that are alike are one shape.
            let run = states[column..]
                .iter()
                .take_while(|state| **state == states[column])
                .count();
            let x = self.x + column as f32 * self.width;
            chart::day(doc, (x, top, self.width * run as f32, CELL), states[column]);
            column += run;
        }
    }

    pub(crate) fn label_days(&self, doc: &mut Doc<'_>, baseline: f32) {
        for column in self.labelled() {
            let date = self.date(column * self.step).format("%m-%d").to_string();
            let x = self.x + column as f32 * self.width;
            let text_width = doc.measure(SMALL, &date);
            if x + text_width <= self.end() + 2.0 {
                doc.text(x, baseline, SMALL, &date);
            }
        }
    }
}

fn word(state: DayState) -> &'static str {
    match state {
        DayState::Covered => "covered",
        DayState::Exposed => "exposed",
        DayState::NotObserved => "not observed",
        DayState::NotAlive => "no table yet, or none any more",
    }
}

fn count(row: &TableRow, state: DayState) -> usize {
    row.days.iter().filter(|day| **day == state).count()
}

fn intro(doc: &mut Doc<'_>, grid: &Grid, rows: &[(usize, &TableRow)], tables: usize) {
    let last = grid.date(grid.days.saturating_sub(1));
    let text = format!(
        "{} to {last}, {} of UTC. A table is covered on a day if its newest usable recovery point was within its limit all day, for as \
         long as the table existed that day. It is exposed if for part of the day the point was older, or there was none. Days that \
         the evidence does not show are not observed and never count as covered: AWS keeps jobs for 30 days and does not list \
         deleted points, so the first day is often not observed for a table without points.",
        grid.first,
        plural(grid.days, "day"),
    );
    doc.paragraph(BODY, &text);
    doc.y += SMALL_GAP;
    let exposed = rows.iter().filter(|(_, row)| count(row, DayState::Exposed) > 0).count();
    let unseen = |row: &TableRow| count(row, DayState::Exposed) == 0 && count(row, DayState::NotObserved) > 0;
    let unseen = rows.iter().filter(|(_, row)| unseen(row)).count();
    let mut text = format!(
        "Of {}: {} exposed on at least one day; {} with days not observed and none exposed; {} covered on every day of \
         their life in the window.",
        plural(rows.len(), "table"),
        grouped(exposed),
        grouped(unseen),
        grouped(rows.len() - exposed - unseen),
    );
    if rows.len() < tables {
        text.push_str(&format!(
            " {} not judged day by day: exempt, made by a restore test, or recovery points were not asked for.",
            match tables - rows.len() {
                1 => "1 further table is".to_owned(),
                further => format!("{} further tables are", grouped(further)),
            }
        ));
    }
    doc.paragraph(BODY.bold(), &text);
    if grid.step > 1 {
        let text = format!(
            "Each column stands for {} and shows the worst of them.",
            plural(grid.step, "day")
        );
        doc.paragraph(SMALL, &text);
    }
    doc.y += GAP;
}

fn legend(doc: &mut Doc<'_>) {
    let (mut x, y) = (doc.left(), doc.y);
    for state in DayState::ALL {
        chart::day(doc, (x, y, 15.0, CELL), state);
        doc.text(x + 20.0, y + 7.4, BODY, word(state));
        x += 20.0 + doc.measure(BODY, word(state)) + 18.0;
    }
    doc.y += LARGE_GAP;
}

/// How many tables were in which state, day by day.
fn strip(doc: &mut Doc<'_>, grid: &Grid, rows: &[(usize, &TableRow)]) {
    doc.need(STRIP + 20.0);
    let mut counts = vec![[0_usize; 5]; grid.columns()];
    for (_, row) in rows {
        for (column, state) in grid.states(&row.days).into_iter().enumerate() {
            counts[column][state as usize] += 1;
        }
    }
    let (top, scale) = (doc.y, STRIP / rows.len() as f32);
    let all = grouped(rows.len());
    doc.text_to(
        grid.x - 5.0,
        top + 6.0,
        SMALL,
        &format!("{all} {}", if rows.len() == 1 { "table" } else { "tables" }),
    );
    doc.text_to(grid.x - 5.0, top + STRIP, SMALL, "0");
    for (column, counts) in counts.iter().enumerate() {
        let x = grid.x + column as f32 * grid.width;
        let mut foot = top + STRIP;
        // The worst at the foot, where heights compare.
        for state in [
            DayLook::Exposed,
            DayLook::NotObserved,
            DayLook::Covered,
            DayLook::Nothing,
        ] {
            let count = counts[state as usize];
            if count > 0 {
                let height = (count as f32 * scale).max(0.8).min(foot - top);
                foot -= height;
                chart::day(doc, (x, foot, grid.width, height), state);
            }
        }
        doc.page().fill_rect(x - 0.3, top, 0.6, STRIP, WHITE);
    }
    doc.page().rule(grid.x, top + STRIP, grid.end() - grid.x, 0.8, MUTED);
    grid.label_days(doc, top + STRIP + 9.0);
    doc.y = top + STRIP + 14.0;
}

/// The tables with the most days that are not covered, one row each.
fn worst(doc: &mut Doc<'_>, grid: &Grid, rows: &[(usize, &TableRow)]) {
    let mut order: Vec<(usize, usize, usize, &TableRow)> = rows
        .iter()
        .map(|(index, row)| {
            (
                count(row, DayState::Exposed),
                count(row, DayState::NotObserved),
                *index,
                *row,
            )
        })
        .collect();
    order.sort_by_key(|(exposed, unseen, index, _)| (std::cmp::Reverse((*exposed, *unseen)), *index));
    // Where many are listed, those that were covered all the time are told as a number.
    if order.len() > WORST {
        order.retain(|(exposed, unseen, ..)| exposed + unseen > 0);
    }
    let title = if order.len() > WORST {
        format!("The {WORST} tables with the most days exposed or not observed")
    } else {
        "Every table, most days exposed first".to_owned()
    };
    doc.heading(&title, 4.0 * ROW + 50.0);
    let mut text = "Names are shortened; the number is that of the table in \u{201c}Every table\u{201d}.".to_owned();
    if let Some(rest) = order.get(WORST..).filter(|rest| !rest.is_empty()) {
        let (exposed, unseen) = (rest[0].0, rest.iter().map(|row| row.1).max().unwrap_or(0));
        text.push_str(&format!(
            " The {} left out have at most {} exposed and {} not observed each; report.json holds all.",
            plural(rest.len(), "table"),
            plural(exposed, "day"),
            grouped(unseen),
        ));
    }
    doc.paragraph(SMALL, &text);
    doc.y += SMALL_GAP;
    let mut from = head(doc, grid);
    for (exposed, unseen, index, row) in order.into_iter().take(WORST) {
        if doc.room() < ROW {
            columns(doc, grid, from);
            doc.break_page();
            doc.paragraph(SMALL.bold(), &format!("{title} (continued)"));
            doc.y += SMALL_GAP;
            from = head(doc, grid);
        }
        line(doc, grid, (index, row), [exposed, unseen]);
    }
    columns(doc, grid, from);
    doc.y += GAP;
}

/// Draws the head and returns where the rows begin.
fn head(doc: &mut Doc<'_>, grid: &Grid) -> f32 {
    let style = SMALL.bold().colour(doc.template.colours.accent);
    let (left, right, y) = (doc.left(), doc.left() + doc.width(), doc.y + 7.0);
    doc.text(left, y + 8.0, style, "Table");
    for (edge, lines) in [(right - FIGURE, ["days", "exposed"]), (right, ["days not", "observed"])] {
        for (line, text) in lines.into_iter().enumerate() {
            doc.text_to(edge, y + line as f32 * 8.5, style, text);
        }
    }
    grid.label_days(doc, y + 8.0);
    doc.y += 20.0;
    doc.y
}

fn line(doc: &mut Doc<'_>, grid: &Grid, (index, row): (usize, &TableRow), figures: [usize; 2]) {
    let (left, right, top) = (doc.left(), doc.left() + doc.width(), doc.y);
    let style = FINE;
    let number = format!("{} ", grouped(index + 1));
    let number_width = doc.measure(style, &number);
    let name = doc.fitted(style.bold(), LABEL - number_width - 6.0, &row.table_name);
    doc.text(left, top + 6.6, style.colour(MUTED), &number);
    doc.text(left + number_width, top + 6.6, style.bold(), &name);
    doc.link((left, top, LABEL - 4.0, ROW), Goal::Table(index));
    grid.draw(doc, &row.days);
    for (edge, figure) in [(right - FIGURE, figures[0]), (right, figures[1])] {
        let style = if figure == 0 { style.colour(MUTED) } else { style.bold() };
        doc.text_to(edge, top + 6.6, style, &grouped(figure));
    }
    doc.y += ROW;
}

/// Thin white lines between the days of the rows that begin at `from`.
pub(crate) fn columns(doc: &mut Doc<'_>, grid: &Grid, from: f32) {
    let height = doc.y - from;
    for column in 1..grid.columns() {
        let x = grid.x + column as f32 * grid.width;
        doc.page().fill_rect(x - 0.3, from, 0.6, height, WHITE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_several_days_shows_the_worst_of_them() {
        let grid = Grid {
            first: NaiveDate::default(),
            days: 5,
            step: 2,
            x: 0.0,
            width: 10.0,
        };
        use DayState::{Covered, Exposed, NotAlive, NotObserved};
        let mut row = crate::render::sample::report(1).tables.remove(0);
        row.days = vec![NotAlive, Covered, Covered, NotObserved, Exposed];
        assert_eq!(
            grid.states(&row.days),
            [Covered, NotObserved, Exposed].map(DayLook::from)
        );
        row.days.truncate(2);
        assert_eq!(
            grid.states(&row.days),
            [Covered, NotObserved, NotObserved].map(DayLook::from),
            "days that are missing were not observed"
        );
    }
}
