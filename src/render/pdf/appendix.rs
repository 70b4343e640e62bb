//! The register: every table with its answers and the facts that matter most, across the sheet.

use chrono::TimeDelta;

use super::doc::{BODY, Doc, FINE, GAP, Goal, MUTED, mark_of};
use super::table::{Cell, Column, Para, Table};
use super::template::Section;
use super::text::{grouped, plural};
use crate::domain::{Answer, FactValue, NullCause, Question};
use crate::duration;
use crate::report::{Report, TableRow};

/// A column of facts: head, width, and the fact it shows.
const FACTS: &[(&str, f32, bool, &str)] = &[
    ("Tier", 32.0, false, "policy_tier"),
    ("Plans", 70.0, false, "plan_names"),
    ("Usable points", 34.0, true, "usable_recovery_point_count"),
    ("Newest usable point", 62.0, false, "newest_recovery_point_at"),
    ("Its age", 50.0, false, AGE),
    ("Limit", 40.0, false, LIMIT),
    ("Kept at least, d", 34.0, true, "shortest_retention_days"),
    ("Weakest key owner", 62.0, false, "weakest_key_owner"),
];
const AGE: &str = "newest_recovery_point_age_hours";
const LIMIT: &str = "limit_hours";
/// The columns of answers.
const ANSWERS: [(&str, Question); 3] = [
    ("In a plan", Question::InAPlan),
    ("Backed up", Question::BackedUp),
    ("Restorable", Question::Restorable),
];

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Tables.title(), true);
    if report.tables.is_empty() {
        doc.paragraph(BODY, "No table is in this report. That is not a proof that there is none: see \u{201c}Coverage and gaps\u{201d}.");
        return;
    }
    let text = format!(
        "{}, by ARN. In place of a value: \u{201c}denied\u{201d} or the like, the AWS call that would tell ended so; \u{201c}?\u{201d}, AWS's answers \
         do not settle it; \u{201c}none\u{201d}, there is nothing, and that is known; \u{201c}not asked\u{201d}, no rule in this scan needs it.",
        plural(report.tables.len(), "table")
    );
    doc.paragraph(BODY, &text);
    doc.y += GAP;
    let mut columns = vec![
        Column::number("No.", 31.0),
        Column::new("Table", 0.0),
        Column::new("Account", 54.0),
        Column::new("Region", 56.0),
    ];
    columns.extend(ANSWERS.map(|(title, _)| Column::new(title, 53.0)));
    columns.extend(
        FACTS
            .iter()
            .map(|&(title, share, right, _)| Column { title, share, right }),
    );
    // Names get what the others leave, whatever the paper.
    columns[1].share = doc.width() - columns.iter().map(|column| column.share).sum::<f32>();
    let mut table = Table::new(doc, &columns, FINE.size, "Every table, ? means left open");
    let mut places = [0; FACTS.len()];
    for (index, row) in report.tables.iter().enumerate() {
        let goal = doc.blocks.contains_key(&index).then_some(Goal::Block(index));
        let mut cells: Vec<Cell<'_>> = vec![
            vec![Para::new(FINE.colour(MUTED), grouped(index + 1))],
            vec![Para::new(FINE.bold(), row.table_name.as_str()).to(goal)],
            vec![Para::new(FINE, row.target.account_id.as_str())],
            vec![Para::new(FINE, row.target.region.as_str())],
        ];
        cells.extend(ANSWERS.map(|(_, question)| vec![answer(doc, row.answer(question))]));
        cells.extend(
            FACTS
                .iter()
                .zip(&mut places)
                .map(|(&(_, _, _, name), place)| vec![value(doc, name, find(row, name, place))]),
        );
        let height = table.row(doc, &cells);
        let mut spot = doc.spot();
        spot.top += height;
        doc.rows.push(spot);
    }
}

/// The fact, looked for first where the row before had it: all rows list their facts in one order.
fn find<'r>(row: &'r TableRow, name: &str, place: &mut usize) -> &'r FactValue {
    if row.facts.get(*place).is_none_or(|(fact, _)| *fact != name) {
        match row.facts.place(name) {
            Some(found) => *place = found,
            None => return &FactValue::Null(NullCause::NotAsked),
        }
    }
    let found = row.facts.get(*place);
    found.map_or(&FactValue::Null(NullCause::NotAsked), |(_, value)| value)
}

fn answer(doc: &Doc<'_>, answer: Answer) -> Para<'static> {
    let style = FINE.bold().colour(doc.colour_of(answer.shade()));
    Para::new(style, format!("{} {}", mark_of(answer), answer.words()))
}

fn value<'r>(doc: &Doc<'_>, name: &str, value: &'r FactValue) -> Para<'r> {
    let unknown = FINE.bold().colour(doc.template.colours.unknown);
    match value {
        FactValue::Null(NullCause::None) => Para::new(FINE.colour(MUTED), "none"),
        FactValue::Null(NullCause::NotAsked) => Para::new(FINE.colour(MUTED), "not asked"),
        FactValue::Null(NullCause::LeftOpen) => Para::new(unknown, "?"),
        // Which calls they are stands among the gaps.
        FactValue::Null(NullCause::Lost(calls)) => {
            Para::new(unknown, calls.first().map_or("?", |call| call.kind.as_str()))
        }
        FactValue::Text(text) if text.is_empty() => Para::new(FINE.colour(MUTED), "none"),
        FactValue::Text(text) => Para::new(FINE, &**text),
        FactValue::Time(at) => Para::new(FINE, at.format("%Y-%m-%d %H:%M").to_string()),
        FactValue::Float(hours) if name == AGE || name == LIMIT => Para::new(FINE, in_words(*hours)),
        other => Para::new(FINE, other.to_string()),
    }
}

/// An age as people say it.
fn in_words(hours: f64) -> String {
    duration::age(TimeDelta::minutes((hours * 60.0) as i64))
}
