//! Every table with the facts that matter most, across the sheet.

use super::doc::{BODY, Doc, FINE, GAP, MUTED, symbol, word};
use super::table::{Cell, Column, Para, Table};
use super::template::Section;
use super::text::{grouped, plural};
use crate::domain::{FactValue, Verdict};
use crate::report::{Report, TableRow};

/// A column of facts: head, width, and the fact it shows.
const FACTS: &[(&str, f32, bool, &str)] = &[
    ("Tier", 38.0, false, "policy_tier"),
    ("Plan", 46.0, false, "plan_verdict"),
    ("Usable points", 37.0, true, "usable_recovery_point_count"),
    ("Newest point, age in h", 41.0, true, "newest_recovery_point_age_hours"),
    ("limit in h", 28.0, true, "limit_hours"),
    ("Shortest retention in d", 46.0, true, "shortest_retention_days"),
    ("Points encrypted", 42.0, false, "recovery_points_encrypted"),
    ("Weakest key owner", 66.0, false, "weakest_key_owner"),
    ("In locked vault", 31.0, false, "is_in_locked_vault"),
    ("PITR", 26.0, false, "pitr_on"),
    ("Failed jobs", 33.0, true, "failed_backup_job_count"),
];

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Tables.title(), true);
    if report.tables.is_empty() {
        doc.paragraph(BODY, "No table is in this report. That is not a proof that there is none: see \u{201c}Coverage and gaps\u{201d}.");
        return;
    }
    let text = format!(
        "{}, by ARN. \u{201c}?\u{201d} means not known, and nothing else. A value of none or zero is written as such.",
        plural(report.tables.len(), "table")
    );
    doc.paragraph(BODY, &text);
    doc.y += GAP;
    let mut columns = vec![
        Column::number("No.", 34.0),
        Column::new("Table", 0.0),
        Column::new("Account", 54.0),
        Column::new("Region", 57.0),
        Column::new("Verdict", 65.0),
    ];
    columns.extend(
        FACTS
            .iter()
            .map(|&(title, share, right, _)| Column { title, share, right }),
    );
    // Names get what the others leave, whatever the paper.
    columns[1].share = doc.width() - columns.iter().map(|column| column.share).sum::<f32>();
    let mut table = Table::new(doc, &columns, FINE.size, "Every table, ? means not known");
    let mut places = [0; FACTS.len()];
    for (index, row) in report.tables.iter().enumerate() {
        let mut cells: Vec<Cell<'_>> = vec![
            vec![Para::new(FINE.colour(MUTED), grouped(index + 1))],
            vec![Para::new(FINE.bold(), row.table_name.as_str())],
            vec![Para::new(FINE, row.target.account_id.as_str())],
            vec![Para::new(FINE, row.target.region.as_str())],
            vec![verdict(doc, row.verdict.shade())],
        ];
        cells.extend(
            FACTS
                .iter()
                .zip(&mut places)
                .map(|(&(_, _, _, name), place)| vec![value(doc, find(row, name, place))]),
        );
        let height = table.row(doc, &cells);
        let mut spot = doc.spot();
        spot.top += height;
        doc.rows.push(spot);
    }
}

/// The fact, looked for first where the row before had it: all rows list their facts in one order.
fn find<'r>(row: &'r TableRow, name: &str, place: &mut usize) -> &'r FactValue {
    if row.facts.get(*place).is_none_or(|(fact, _)| fact != name) {
        match row.facts.iter().position(|(fact, _)| fact == name) {
            Some(found) => *place = found,
            None => return &FactValue::Unknown,
        }
    }
    &row.facts[*place].1
}

fn verdict(doc: &Doc<'_>, verdict: Verdict) -> Para<'static> {
    let style = FINE.bold().colour(doc.colour_of(verdict));
    Para::new(style, format!("{} {}", symbol(verdict), word(verdict)))
}

fn value<'r>(doc: &Doc<'_>, value: &'r FactValue) -> Para<'r> {
    match value {
        FactValue::Unknown => Para::new(FINE.bold().colour(doc.template.colours.unknown), "?"),
        FactValue::Text(text) if text.is_empty() => Para::new(FINE.colour(MUTED), "none"),
        FactValue::Text(text) => Para::new(FINE, &**text),
        other => Para::new(FINE, other.to_string()),
    }
}
