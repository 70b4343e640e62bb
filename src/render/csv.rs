//! CSV for spreadsheets and auditors' tools: RFC 4180, a head in every file, stable columns, no cell that a spreadsheet
//! would run as a formula. What has no value says why: `none`, `not asked`, `denied: ACTION`, `left open by AWS`; it is
//! never left empty.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use csv::{Terminator, WriterBuilder};

use super::RenderError;
use crate::domain::{FactList, FactValue, Question, rfc3339};
use crate::report::Report;
use crate::text::csv_cell;

/// One row for each finding that is listed one by one. What rests on the facts of its table has them in `tables.csv`, which says
/// them once.
///
/// Errors: none that a report can cause.
pub(crate) fn findings(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let head = [
        "finding_id",
        "rule",
        "severity",
        "verdict",
        "question",
        "level",
        "framework",
        "waived",
        "account_id",
        "region",
        "subject",
        "resource_name",
        "resource_arn",
        "message",
        "remedy",
        "evidence",
        "waiver",
        "as_of",
        "since_baseline",
    ];
    let as_of = rfc3339(report.scan.as_of);
    let rows_of_tables: HashMap<&str, &Arc<FactList>> = report
        .tables
        .iter()
        .map(|table| (&*table.table_arn, &table.facts))
        .collect();
    let listed = report.findings.iter().filter(|finding| finding.is_listed());
    let rows = listed.map(|finding| {
        let of_table = rows_of_tables.get(&*finding.resource_arn);
        let is_said = of_table.is_some_and(|facts| finding.evidence.is_among(facts));
        let evidence: Vec<String> = finding
            .evidence
            .iter()
            .filter(|_| !is_said)
            .map(|(name, value)| format!("{name}={}", value_text(value)))
            .collect();
        vec![
            finding.id.to_string(),
            finding.rule.to_string(),
            finding.severity.to_string(),
            finding.verdict.to_string(),
            finding.question.to_string(),
            finding.level.to_string(),
            finding.framework.as_deref().unwrap_or_default().to_owned(),
            finding.waived.to_string(),
            finding.target.account_id.clone(),
            finding.target.region.clone(),
            finding.subject.to_string(),
            csv_cell(&finding.resource_name),
            csv_cell(&finding.resource_arn),
            csv_cell(&finding.message),
            csv_cell(&finding.remedy),
            csv_cell(&evidence.join("; ")),
            csv_cell(&finding.waived_by().unwrap_or_default()),
            as_of.clone(),
            report
                .since(finding)
                .map_or_else(String::new, |since| since.as_str().to_owned()),
        ]
    });
    write(out, "findings.csv", &head.map(str::to_owned), rows)
}

/// One row for each table, one column for each fact.
///
/// Errors: none that a report can cause.
pub(crate) fn tables(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    const IDENTITY: [&str; 4] = ["table_arn", "table_name", "account_id", "region"];
    let mut facts: Vec<&str> = Vec::new();
    for (name, _) in report.tables.iter().flat_map(|table| &*table.facts) {
        if !IDENTITY.contains(&name.as_ref()) && !facts.contains(&name.as_ref()) {
            facts.push(name);
        }
    }
    let mut head: Vec<String> = IDENTITY.iter().map(|name| (*name).to_owned()).collect();
    head.push("verdict".to_owned());
    // Facts have the names of two questions.
    let answer = |question: Question| format!("answer_{}", question.as_str().replace('-', "_"));
    head.extend(Question::ALL.map(answer));
    let frameworks = report.frameworks.iter();
    head.extend(frameworks.map(|framework| format!("verdict_{}", framework.id.replace('-', "_"))));
    head.extend(facts.iter().map(|name| (*name).to_owned()));
    head.push("as_of".to_owned());
    let as_of = rfc3339(report.scan.as_of);
    let rows = report.tables.iter().map(|table| {
        let mut row = vec![
            csv_cell(&table.table_arn),
            csv_cell(&table.table_name),
            table.target.account_id.clone(),
            table.target.region.clone(),
            table.verdict.to_string(),
        ];
        row.extend(Question::ALL.map(|question| table.answer(question).to_string()));
        row.extend(report.frameworks.iter().map(|framework| {
            let mut by_framework = table.answers_by_framework.iter();
            let found = by_framework.find(|(id, ..)| **id == *framework.id);
            found.map_or_else(|| "not-asked".to_owned(), |(_, verdict, _)| verdict.to_string())
        }));
        row.extend(facts.iter().map(|name| match table.column(name) {
            // Numbers stay numbers: only text can be a formula.
            FactValue::Text(text) => csv_cell(text),
            other => value_text(other),
        }));
        row.push(as_of.clone());
        row
    });
    write(out, "tables.csv", &head, rows)
}

/// One row for each target, then one for each gap.
///
/// Errors: none that a report can cause.
pub(crate) fn coverage(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let head = [
        "kind",
        "account_id",
        "region",
        "status",
        "tables_listed",
        "tables_described",
        "call_count",
        "gap_count",
        "action",
        "resource",
        "why",
        "so",
        "hint",
    ];
    let target_rows = report.coverage.targets.iter().map(|target| {
        let listed = target
            .tables_listed
            .map_or_else(|| "unknown".to_owned(), |listed| listed.to_string());
        let mut row = vec![
            "target".to_owned(),
            target.target.account_id.clone(),
            target.target.region.clone(),
            target.status.to_owned(),
            listed,
            target.tables_described.to_string(),
            target.call_count.to_string(),
            target.gap_count.to_string(),
        ];
        row.resize(head.len(), String::new());
        row
    });
    let gap_rows = report.coverage.gaps.iter().map(|gap| {
        let mut row = vec![
            "gap".to_owned(),
            gap.target.account_id.clone(),
            gap.target.region.clone(),
            gap.kind.to_string(),
        ];
        row.resize(8, String::new());
        row.extend([&gap.action, &gap.resource, &gap.why, &gap.so, &gap.hint].map(|text| csv_cell(text)));
        row
    });
    write(
        out,
        "coverage.csv",
        &head.map(str::to_owned),
        target_rows.chain(gap_rows),
    )
}

/// For machines and people alike: `true`, `false`, digits, RFC 3339.
pub(super) fn value_text(value: &FactValue) -> String {
    match value {
        FactValue::Bool(flag) => flag.to_string(),
        FactValue::Float(number) => {
            let text = format!("{number:.4}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        other => other.to_string(),
    }
}

/// A whole file in memory, for lists that are not reports.
pub(crate) fn rows_text(rows: &[Vec<String>]) -> String {
    let mut bytes = Vec::new();
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(&mut bytes);
    for row in rows {
        writer.write_record(row).expect("memory takes rows of one length");
    }
    writer.flush().expect("memory takes everything");
    drop(writer);
    String::from_utf8(bytes).expect("cells are texts")
}

/// Head and rows, as every CSV file of ours has them.
pub(crate) fn write(
    out: &mut dyn Write,
    file_name: &'static str,
    head: &[String],
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<(), RenderError> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    let fail = |error: csv::Error| RenderError::new(file_name, error);
    writer.write_record(head).map_err(fail)?;
    for row in rows {
        writer.write_record(&row).map_err(fail)?;
    }
    writer.flush().map_err(|error| RenderError::new(file_name, error))
}
