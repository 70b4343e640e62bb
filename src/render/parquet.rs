//! `tables.parquet`: every fact on every table, with its verdict and answers, for programs that read much at once.

use std::io::Write;

use super::RenderError;
use super::csv::{fact_names, why_none};
use crate::domain::{FactValue, NullCause, Question};
use crate::inventory::judged::{FactColumn, write_facts};
use crate::report::{Report, TableRow};

/// The columns before and after the facts. As in `tables-all.csv`, the last says why facts have no value.
const ANSWERS: [&str; 5] = [
    "verdict",
    "answer_in_a_plan",
    "answer_backed_up",
    "answer_restorable",
    "answer_safeguards",
];
const WHY_NONE: &str = "no_value_because";

/// One row for each table.
///
/// Errors: the disk refused.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let names = fact_names(report);
    let frameworks = report.frameworks.iter();
    let of_frameworks: Vec<String> = frameworks
        .map(|framework| format!("verdict_{}", framework.id.replace('-', "_")))
        .collect();
    let facts = names.iter().copied().zip(types(report, &names));
    let text = |name| (name, FactColumn::Text);
    let answers = ANSWERS.into_iter().chain(of_frameworks.iter().map(String::as_str));
    let columns: Vec<(&str, FactColumn)> = facts.chain(answers.map(text)).chain([text(WHY_NONE)]).collect();
    let rows = report.tables.iter().map(|table| row(report, table, &names));
    let mut out = Noting { out, refused: None };
    let written = write_facts(&mut out, &columns, rows);
    // What writes Parquet hides why it could not write.
    written.map_err(|why| RenderError::new("tables.parquet", out.refused.unwrap_or(why)))
}

/// A writer that remembers why it was refused.
struct Noting<'o> {
    out: &'o mut dyn Write,
    refused: Option<String>,
}

impl Write for Noting<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes);
        written.inspect_err(|error| {
            self.refused.get_or_insert_with(|| error.to_string());
        })
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let flushed = self.out.flush();
        flushed.inspect_err(|error| {
            self.refused.get_or_insert_with(|| error.to_string());
        })
    }
}

/// The type of each fact.
fn types(report: &Report, names: &[&str]) -> Vec<FactColumn> {
    let mut types = vec![FactColumn::Open; names.len()];
    for table in &report.tables {
        let values = values(table, names);
        types
            .iter_mut()
            .zip(values)
            .for_each(|(column, value)| *column = column.with(value));
    }
    types
}

const NOT_ASKED: FactValue = FactValue::Null(NullCause::NotAsked);

/// The facts of these names. Nearly always they are those of the table, in its order.
fn values<'r>(table: &'r TableRow, names: &'r [&str]) -> impl Iterator<Item = &'r FactValue> {
    let mut own = table.facts.iter().peekable();
    names
        .iter()
        .map(move |name| match own.next_if(|(fact, _)| fact == name) {
            Some((_, value)) => value,
            None => table.column(name),
        })
}

fn row(report: &Report, table: &TableRow, names: &[&str]) -> Vec<FactValue> {
    let text = |text: &str| FactValue::Text(text.into());
    let mut row: Vec<FactValue> = values(table, names).cloned().collect();
    let nulls = names.iter().zip(&row).filter_map(|(name, value)| match value {
        FactValue::Null(cause) => Some((*name, cause)),
        _ => None,
    });
    let why_none = why_none(nulls);
    row.push(text(table.verdict.as_str()));
    row.extend(Question::ALL.map(|question| text(table.answer(question).as_str())));
    row.extend(report.frameworks.iter().map(|framework| {
        let mut by_framework = table.answers_by_framework.iter();
        let found = by_framework.find(|(id, ..)| **id == *framework.id);
        found.map_or(NOT_ASKED, |(_, verdict, _)| text(verdict.as_str()))
    }));
    row.push(text(&why_none));
    row
}
