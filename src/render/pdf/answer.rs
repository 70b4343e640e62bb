//! The answer, on the first sheet: each question with its counts, what needs action in one table, what else is open.

use super::cover;
use super::doc::{BODY, CELL, Doc, FINE, GAP, Goal, MUTED, SMALL, SMALL_GAP, mark_of};
use super::table::{Cell, Column, Para, Table};
use super::text::{grouped, plural};
use crate::domain::{Answer, Question, rfc3339};
use crate::render::blocks::{Group, clauses};
use crate::render::digest::{Asked, Digest};
use crate::report::Report;
use crate::text::cut;

/// Reasons and steps hold so many characters here, in whole clauses: they stand in full under "What needs action".
const LONGEST: usize = 150;
/// Longer names are cut here.
const LONGEST_NAME: usize = 60;
/// Tables that a row names; the others are counted.
const NAMED: usize = 3;
/// What must be left below the table: what else is open, digest and signature.
const BELOW: f32 = 88.0;

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report, digest: &Digest, groups: &[Group<'_>]) {
    questions(doc, report, digest);
    action(doc, report, digest, groups);
    rest(doc, digest);
    doc.y += SMALL_GAP;
    cover::proof(doc, report);
}

fn questions(doc: &mut Doc<'_>, report: &Report, digest: &Digest) {
    let shown = digest.columns();
    let mut columns = vec![Column::new("Tables that are \u{2026}", 126.0)];
    columns.extend(shown.iter().map(|answer| Column::number(answer.words(), 54.0)));
    let mut table = Table::new(doc, &columns, CELL.size, "Questions");
    for asked in &digest.questions {
        table.row(doc, &row(doc, report, asked, &shown));
    }
    if let Some(baseline) = report
        .baseline
        .as_ref()
        .filter(|baseline| !baseline.answers_then.is_empty())
    {
        doc.y += SMALL_GAP;
        let short: String = baseline.scan_id.chars().take(16).collect();
        let text = format!(
            "Before \u{2192} after: the scan {short} of {}, and this one.",
            rfc3339(baseline.as_of)
        );
        doc.paragraph(SMALL, &text);
    }
    doc.y += GAP;
}

fn row(doc: &Doc<'_>, report: &Report, asked: &Asked, shown: &[Answer]) -> Vec<Cell<'static>> {
    let question = match asked.question {
        Question::InAPlan => "\u{2026} in a plan that keeps the policy",
        Question::BackedUp => "\u{2026} backed up",
        Question::Restorable => "\u{2026} restorable",
        Question::Safeguards => "\u{2026} safe by the other required rules",
    };
    let mut first = vec![Para::new(BODY.bold(), question)];
    let notes = asked.answers.iter().filter(|(_, _, note)| !note.is_empty());
    first.extend(notes.map(|(answer, _, note)| Para::new(SMALL, format!("{}: {note}", answer.words()))));
    let then = report
        .baseline
        .as_ref()
        .and_then(|baseline| baseline.answers_then.get(&asked.question));
    let number = |answer: Answer| {
        let count = asked
            .answers
            .iter()
            .find(|(one, ..)| *one == answer)
            .map_or(0, |(_, count, _)| *count);
        let before = then.map(|then| then.get(&answer).copied().unwrap_or(0));
        // Two numbers take more room.
        let base = if before.is_some() { CELL } else { BODY };
        let text = match before {
            Some(before) if before != count => format!("{} \u{2192} {}", grouped(before), grouped(count)),
            _ => grouped(count),
        };
        if count == 0 {
            return vec![Para::new(base.colour(MUTED), text)];
        }
        let style = base.bold().colour(doc.colour_of(answer.shade()));
        vec![Para::new(style, format!("{} {text}", mark_of(answer)))]
    };
    let mut cells = vec![first];
    cells.extend(shown.iter().copied().map(number));
    cells
}

/// The worst exceptions, as many as fit.
fn action(doc: &mut Doc<'_>, report: &Report, digest: &Digest, groups: &[Group<'_>]) {
    if groups.is_empty() {
        return;
    }
    let need = if digest.action.len() == 1 {
        "table needs"
    } else {
        "tables need"
    };
    let count = digest.action.len();
    let for_reasons = match groups.len() {
        reasons if reasons == count => String::new(),
        1 => " for one reason".to_owned(),
        reasons => format!(" for {} reasons", grouped(reasons)),
    };
    cover::heading(
        doc,
        &format!("{} {need} action{for_reasons}, worst first", grouped(count)),
    );
    let columns = [
        Column::new("Tables", 116.0),
        Column::new("Account, Region", 96.0),
        Column::new("Exposed since", 62.0),
        Column::new("Why", 140.0),
        Column::new("What to do", 104.0),
    ];
    let mut table = Table::new(doc, &columns, FINE.size, "What needs action");
    table.is_tight = true;
    let (mut told, mut tables) = (0, 0);
    for group in groups {
        let cells = cells(report, group);
        if told > 0 && doc.room() < table.height_of(doc, &cells) + BELOW {
            break;
        }
        table.row(doc, &cells);
        told += 1;
        tables += group.blocks.len();
    }
    if told < groups.len() {
        doc.y += SMALL_GAP;
        let text = format!(
            "\u{2026} and {} for {}, under \u{201c}What needs action\u{201d}.",
            plural(count - tables, "more table"),
            plural(groups.len() - told, "reason")
        );
        doc.paragraph(SMALL.bold(), &text);
    }
    doc.y += GAP;
}

fn cells<'r>(report: &'r Report, group: &Group<'r>) -> Vec<Cell<'r>> {
    let first = &group.blocks[0];
    let mut names: Vec<Para<'r>> = Vec::new();
    for block in group.blocks.iter().take(NAMED) {
        let name = cut(&report.tables[block.place].table_name, LONGEST_NAME);
        names.push(Para::new(FINE.bold(), name).to(Some(Goal::Block(block.place))));
    }
    if let Some(more) = group.blocks.len().checked_sub(NAMED).filter(|more| *more > 0) {
        let more = format!("and {} more", grouped(more));
        names.push(Para::new(FINE, more).to(Some(Goal::Block(first.place))));
    }
    let place = |place: usize| {
        let target = &report.tables[place].target;
        format!("{}, {}", report.account_name(&target.account_id), target.region)
    };
    let since = group.since().map_or_else(
        || "\u{2013}".to_owned(),
        |since| {
            let word = if since.is_creation { " creation" } else { "" };
            format!("{}{word}", since.at.format("%Y-%m-%d"))
        },
    );
    vec![
        names,
        vec![Para::new(FINE, group.common(|block| place(block.place)))],
        vec![Para::new(FINE, since)],
        vec![Para::new(FINE, clauses(&why(group), LONGEST))],
        vec![Para::new(
            FINE,
            clauses(&group.common(|block| block.what.clone()), LONGEST),
        )],
    ]
}

/// Why, in clauses that are true of all tables of a group.
fn why(group: &Group<'_>) -> String {
    match group.blocks.as_slice() {
        [block] => block.why.clone(),
        _ => {
            let mut causes: Vec<&str> = group.causes.iter().map(|(message, _)| message.as_str()).collect();
            causes.dedup();
            causes.join("; ")
        }
    }
}

/// What else is open: by severity, on what is no table, and what is only advised.
fn rest(doc: &mut Doc<'_>, digest: &Digest) {
    let by_severity = digest.by_severity.iter();
    let counts: Vec<String> = by_severity
        .map(|(severity, count)| format!("{} {severity}", grouped(*count)))
        .collect();
    let mut text = match counts.as_slice() {
        [] => "Required findings: none is open.".to_owned(),
        counts => format!("Required findings: {}.", counts.join(", ")),
    };
    if !digest.elsewhere.is_empty() {
        text.push_str(&format!(" Of these on {}.", digest.elsewhere));
    }
    if digest.advised > 0 {
        text.push_str(&format!(
            " Also {}, which do not count.",
            plural(digest.advised, "advised finding")
        ));
    }
    doc.paragraph(BODY, &text);
}
