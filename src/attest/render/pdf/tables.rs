//! Every table of an attestation with its figures, across the sheet.

use super::{colour, many, symbol};
use crate::attest::render::words;
use crate::attest::{Attestation, TableProof};
use crate::render::pdf::doc::{self, BODY, Doc, GAP, MUTED};
use crate::render::pdf::page::Style;
use crate::render::pdf::table::{Column, Para, Table};
use crate::render::pdf::text::plural;

const CELL: Style = Style { size: 6.6, ..doc::CELL };

pub(super) fn write(doc: &mut Doc<'_>, attestation: &Attestation) {
    doc.part("Every table", true);
    if attestation.tables.len() > many::MOST {
        let text = format!(
            "{}, by account and Region; attestation-tables.csv has a row for each.",
            plural(attestation.tables.len(), "table")
        );
        doc.paragraph(BODY, &text);
        doc.y += GAP;
        return many::by_place(doc, attestation);
    }
    let text = format!(
        "{}, by ARN. Tables made anew under an old name are told apart by their ids.",
        plural(attestation.tables.len(), "table")
    );
    doc.paragraph(BODY, &text);
    doc.y += GAP;
    let columns = [
        Column::new("Table", 190.0),
        Column::new("Verdict", 80.0),
        Column::new("Life", 120.0),
        Column::new("RPO", 60.0),
        Column::number("Covered, of observed", 60.0),
        Column::number("Covered, of all", 54.0),
        Column::number("Exposures", 48.0),
        Column::new("Longest gap", 110.0),
        Column::number("Points made", 46.0),
        Column::number("Failed or missed", 46.0),
    ];
    let mut grid = Table::new(doc, &columns, 6.6, "Every table");
    for table in &attestation.tables {
        let cells = row(doc, table);
        grid.row(doc, &cells);
    }
}

fn row<'t>(doc: &Doc<'_>, table: &'t TableProof) -> Vec<Vec<Para<'t>>> {
    let line = |text: String| vec![Para::new(CELL, text)];
    let mut place = table.target.to_string();
    if let Some(id) = &table.table_id {
        place.push_str(&format!(", id {id}"));
    }
    let style = CELL.bold().colour(colour(doc, table.proof));
    let mut verdict = vec![Para::new(
        style,
        format!("{} {}", symbol(table.proof), table.proof.words()),
    )];
    if table.is_waived {
        verdict.push(Para::new(CELL, "waived"));
    }
    let mut asked: Vec<String> = table.asked.iter().map(|span| words::asked(&span.any_of)).collect();
    asked.dedup();
    let mut gap = line(words::gap(table));
    if let Some(longest) = table.longest_gap {
        gap.push(Para::new(
            CELL.colour(MUTED),
            format!("from {}", words::instant(longest.from)),
        ));
    }
    vec![
        vec![
            Para::new(CELL.bold(), table.table_name.as_str()),
            Para::new(CELL.colour(MUTED), place),
        ],
        verdict,
        line(words::life(table)),
        line(asked.join(", then ")),
        line(words::percent(table.covered_of_observed())),
        line(words::percent(table.covered_of_all())),
        line(table.exposures.len().to_string()),
        gap,
        line(table.points.to_string()),
        line(table.failed_runs.len().to_string()),
    ]
}
