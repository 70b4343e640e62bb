//! The answer, on the first sheet: each question with its counts, the tables that need action, what else is open.

use super::doc::{BODY, CELL, Doc, GAP, Goal, MUTED, SMALL, SMALL_GAP, mark_of};
use super::table::{Cell, Column, Para, Table};
use super::text::{grouped, plural};
use crate::domain::{Answer, Question};
use crate::render::digest::{Asked, Digest, NeedsAction};
use crate::report::Report;
use crate::text::cut;

/// Longer reasons and steps are cut here: they stand in full among the findings.
const LONGEST: usize = 200;
/// Longer names are cut here.
const LONGEST_NAME: usize = 60;
/// What must be left below the tables that need action, for what else is open.
const BELOW: f32 = 46.0;
pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    let digest = Digest::of(report);
    questions(doc, &digest);
    action(doc, report, &digest);
    rest(doc, &digest);
}

fn questions(doc: &mut Doc<'_>, digest: &Digest) {
    let shown = digest.columns();
    let mut columns = vec![Column::new("Tables that are \u{2026}", 160.0)];
    columns.extend(shown.iter().map(|answer| Column::number(answer.words(), 50.0)));
    let mut table = Table::new(doc, &columns, CELL.size, "Questions");
    for asked in &digest.questions {
        table.row(doc, &row(doc, asked, &shown));
    }
    doc.y += GAP;
}

fn row(doc: &Doc<'_>, asked: &Asked, shown: &[Answer]) -> Vec<Cell<'static>> {
    let question = match asked.question {
        Question::InAPlan => "\u{2026} in a plan that keeps the policy",
        Question::BackedUp => "\u{2026} backed up",
        Question::Restorable => "\u{2026} restorable",
        Question::Safeguards => "\u{2026} safe by the other required rules",
    };
    let mut first = vec![Para::new(BODY.bold(), question)];
    let notes = asked.answers.iter().filter(|(_, _, note)| !note.is_empty());
    first.extend(notes.map(|(answer, _, note)| Para::new(SMALL, format!("{}: {note}", answer.words()))));
    let number = |answer: Answer| {
        let count = asked
            .answers
            .iter()
            .find(|(one, ..)| *one == answer)
            .map_or(0, |(_, count, _)| *count);
        if count == 0 {
            return vec![Para::new(BODY.colour(MUTED), "0")];
        }
        let style = BODY.bold().colour(doc.colour_of(answer.shade()));
        vec![Para::new(style, format!("{} {}", mark_of(answer), grouped(count)))]
    };
    let mut cells = vec![first];
    cells.extend(shown.iter().copied().map(number));
    cells
}

/// The worst tables, as many as fit.
fn action(doc: &mut Doc<'_>, report: &Report, digest: &Digest) {
    if digest.action.is_empty() {
        return;
    }
    let need = if digest.action.len() == 1 {
        "table needs"
    } else {
        "tables need"
    };
    super::cover::heading(
        doc,
        &format!("{} {need} action, worst first", grouped(digest.action.len())),
    );
    let columns = [
        Column::new("Table", 118.0),
        Column::new("Account, Region", 92.0),
        Column::new("Why", 180.0),
        Column::new("What to do", 130.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "Tables that need action");
    let mut told = 0;
    for needs in &digest.action {
        let cells = needs_cells(report, needs);
        if told > 0 && doc.room() < table.height_of(doc, &cells) + BELOW {
            break;
        }
        table.row(doc, &cells);
        told += 1;
    }
    let more = digest.action.len() - told;
    if more > 0 {
        doc.y += SMALL_GAP;
        let text = format!("\u{2026} and {} more, under \u{201c}Findings\u{201d}.", grouped(more));
        doc.paragraph(SMALL.bold(), &text);
    }
    doc.y += GAP;
}

fn needs_cells<'r>(report: &'r Report, needs: &NeedsAction) -> Vec<Cell<'r>> {
    let table = &report.tables[needs.place];
    let name = Para::new(CELL.bold(), cut(&table.table_name, LONGEST_NAME)).to(Some(Goal::Block(needs.place)));
    vec![
        vec![name],
        vec![
            Para::new(CELL, report.account_name(&table.target.account_id)),
            Para::new(CELL, table.target.region.as_str()),
        ],
        vec![Para::new(CELL, cut(&needs.why, LONGEST))],
        vec![Para::new(CELL, cut(&needs.what, LONGEST))],
    ]
}

/// What else is open: by severity, on what is no table, and what is only advised.
fn rest(doc: &mut Doc<'_>, digest: &Digest) {
    let by_severity = digest.by_severity.iter();
    let counts: Vec<String> = by_severity
        .map(|(severity, count)| format!("{} {severity}", grouped(*count)))
        .collect();
    let mut required = match counts.as_slice() {
        [] => "Required findings: none is open.".to_owned(),
        counts => format!("Required findings: {}.", counts.join(", ")),
    };
    if !digest.elsewhere.is_empty() {
        required.push_str(&format!(" Of these on {}.", digest.elsewhere));
    }
    doc.paragraph(BODY, &required);
    if digest.advised > 0 {
        let text = format!(
            "{}: judged and told apart under \u{201c}Findings\u{201d}; they decide nothing.",
            plural(digest.advised, "advised finding")
        );
        doc.paragraph(BODY, &text);
    }
}
