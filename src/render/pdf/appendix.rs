//! The register: every table with its answers, its plan, the dates that matter and the facts behind them.

use chrono::TimeDelta;

use super::doc::{BODY, Doc, FINE, Goal, MUTED, SMALL, SMALL_GAP, mark_of};
use super::findings::MOST_LISTED;
use super::table::{Cell, Column, Para, Table};
use super::template::Section;
use super::text::{grouped, plural};
use crate::domain::{Answer, FactValue, NullCause, Question};
use crate::duration;
use crate::render::blocks::{newest, since};
use crate::report::{Report, TableRow};

/// A column of facts: head, width, whether it holds figures, and the fact it shows.
const FACTS: &[(&str, f32, bool, &str)] = &[
    ("Plan", 80.0, false, "plan_names"),
    ("Newest point, exposed since", 66.0, false, NEWEST),
    ("Limit, tier", 36.0, false, LIMIT),
    ("Kept, d", 36.0, true, "shortest_retention_days"),
];
const NEWEST: &str = "newest_recovery_point_at";
/// Its place among [`FACTS`].
const OF_NEWEST: usize = 1;
/// The tier that sets it stands below.
const OF_LIMIT: usize = 2;
const LIMIT: &str = "limit_hours";
const TIER: &str = "policy_tier";
/// The columns of answers.
const ANSWERS: [(&str, Question); 3] = [
    ("In a plan", Question::InAPlan),
    ("Backed up", Question::BackedUp),
    ("Restorable", Question::Restorable),
];

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Tables.title(), false);
    if report.tables.is_empty() {
        doc.paragraph(BODY, "No table is in this report. That is not a proof that there is none: see \u{201c}Coverage and gaps\u{201d}.");
        return;
    }
    if report.tables.len() > MOST_LISTED {
        let text = format!(
            "{} are more than a document on paper lists: tables.csv, report.json and tables.parquet of the same scan list \
             every one of them. What needs action is listed above by reason, with the first tables of each.",
            plural(report.tables.len(), "table")
        );
        doc.paragraph(BODY, &text);
        return;
    }
    let text = format!(
        "{}, by Region, account and name. A name in red leads to what needs action, on the page beside its number. A date in red: exposed since then, \
         or since its creation if AWS lists no usable point. An asterisk: the newest point does not meet the policy. \
         \u{201c}denied\u{201d} or the like: the AWS call that would tell ended so. \u{201c}?\u{201d}: AWS's answers leave it open. \
         \u{201c}none\u{201d}: there is nothing, and that is known. \u{201c}not asked\u{201d}: no rule of this scan needs it.",
        plural(report.tables.len(), "table")
    );
    doc.paragraph(SMALL, &text);
    doc.y += SMALL_GAP;
    let mut columns = vec![Column::number("No., page", 44.0), Column::new("Table", 0.0)];
    columns.extend(ANSWERS.map(|(title, _)| Column::new(title, 49.0)));
    columns.extend(
        FACTS
            .iter()
            .map(|&(title, share, right, _)| Column { title, share, right }),
    );
    // Names get what the others leave, whatever the paper.
    columns[1].share = doc.width() - columns.iter().map(|column| column.share).sum::<f32>();
    let mut table = Table::new(doc, &columns, FINE.size, "Every table, ? means left open");
    table.is_tight = true;
    let red = doc.template.colours.non_compliant;
    let (mut places, mut tier_place) = ([0; FACTS.len()], 0);
    let mut target = None;
    for (index, row) in report.tables.iter().enumerate() {
        if target != Some(&row.target) {
            target = Some(&row.target);
            table.group(doc, &report.place(&row.target));
        }
        let goal = doc.blocks.contains_key(&index).then_some(Goal::Block(index));
        let name = if goal.is_some() {
            FINE.bold().colour(red)
        } else {
            FINE.bold()
        };
        // Whoever reads it on paper has no links.
        let number = match doc.blocks.get(&index) {
            Some(spot) => format!("{} \u{b7} p. {}", grouped(index + 1), spot.page),
            None => grouped(index + 1),
        };
        let mut cells: Vec<Cell<'_>> = vec![
            vec![Para::new(FINE.colour(MUTED), number).to(goal)],
            vec![Para::new(name, row.table_name.as_str()).to(goal)],
        ];
        cells.extend(ANSWERS.map(|(_, question)| vec![answer(doc, row.answer(question))]));
        cells[1 + ANSWERS.len()].extend(last_restore(row));
        cells.extend(
            FACTS
                .iter()
                .zip(&mut places)
                .map(|(&(_, _, _, name), place)| vec![value(doc, name, find(row, name, place))]),
        );
        if let FactValue::Text(tier) = find(row, TIER, &mut tier_place)
            && !tier.is_empty()
            && **tier != *"none"
        {
            cells[2 + ANSWERS.len() + OF_LIMIT].push(Para::new(FINE.colour(MUTED), &**tier));
        }
        let of_newest = &mut cells[2 + ANSWERS.len() + OF_NEWEST];
        let is_good = newest(report, row).0.is_some() || row.column("newest_good_point_age_hours").is_null();
        if let (false, FactValue::Time(at)) = (is_good, row.column(NEWEST)) {
            let text = format!("{}*", at.format("%Y-%m-%d %H:%M"));
            *of_newest = vec![Para::new(FINE, text)];
        }
        of_newest.extend(since(report, row).map(|since| Para::new(FINE.bold().colour(red), since.short())));
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
        FactValue::Float(hours) if name == LIMIT => Para::new(FINE, in_words(*hours)),
        other => Para::new(FINE, other.to_string()),
    }
}

/// When the table was last restored, and what told of it; none where nothing did.
fn last_restore(row: &TableRow) -> Option<Para<'static>> {
    let FactValue::Time(at) = row.column("last_restore_at") else {
        return None;
    };
    let by = match row.column("last_restore_by") {
        FactValue::Text(by) => match &**by {
            "drill" => ", drill",
            "restore-testing" => ", AWS test",
            "restore-job" => ", job",
            _ => "",
        },
        _ => "",
    };
    Some(Para::new(FINE.colour(MUTED), format!("{}{by}", at.format("%Y-%m-%d"))))
}

/// An age as people say it.
fn in_words(hours: f64) -> String {
    duration::age(TimeDelta::minutes((hours * 60.0) as i64))
}
