//! `report.xlsx`: the workbook that auditors sort, filter and sample from. Ids and names are text, numbers are numbers, instants
//! are dates of UTC; nothing in it is a formula.
//!
//! Sheets: Summary, Tables, Findings, Controls, Coverage. The time of the file is that of the evidence, so the same report gives
//! the same bytes.

use std::io::Write;

use chrono::{DateTime, NaiveDateTime, Utc};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::RenderError;
use super::csv::{CORE, account, core};
use super::digest::Digest;
use super::pdf::text::grouped;
use super::statement::Statement;
use crate::domain::{Answer, FactValue, Finding, Verdict, rfc3339};
use crate::report::Report;

/// A sheet holds 1,048,576 rows at most; the first is the head.
const MOST_ROWS: usize = 1_048_575;
/// A cell holds 32,767 characters at most.
const MOST_CHARACTERS: usize = 32_767;

/// Facts that stand beside the first columns of a table; tables.csv holds every one.
const FACTS: [&str; 23] = [
    "policy_tier",
    "limit_hours",
    "retention_min_days",
    "created_at",
    "table_status",
    "table_size_bytes",
    "item_count",
    "plan_names",
    "plan_selections",
    "plan_schedules",
    "usable_recovery_point_count",
    "newest_recovery_point_at",
    "newest_recovery_point_age_hours",
    "newest_recovery_point_vault",
    "shortest_retention_days",
    "weakest_key_owner",
    "vault_lock_kind",
    "last_failed_backup_job_at",
    "last_failed_backup_job_cause",
    "last_restore_at",
    "last_restore_by",
    "last_drill_at",
    "last_drill_verdict",
];

/// Writes the workbook.
///
/// Errors: the disk refused.
pub(crate) fn render(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let bytes = workbook(report).map_err(|error| RenderError::new("report.xlsx", error))?;
    out.write_all(&bytes)
        .map_err(|error| RenderError::new("report.xlsx", error))
}

fn workbook(report: &Report) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let statement = Statement::of(report);
    let as_of = moment(report.scan.as_of)?;
    let properties = DocProperties::new()
        .set_title(&statement.title)
        .set_author("backproof")
        .set_comment(format!("evidence sha256 {}", report.scan.evidence_digest))
        .set_creation_datetime(&as_of);
    book.set_properties(&properties);
    summary(&mut Sheet::new(&mut book, "Summary")?, report, &statement)?;
    tables(&mut Sheet::new(&mut book, "Tables")?, report)?;
    findings(&mut Sheet::new(&mut book, "Findings")?, report)?;
    controls(&mut Sheet::new(&mut book, "Controls")?, report)?;
    coverage(&mut Sheet::new(&mut book, "Coverage")?, report)?;
    book.save_to_buffer()
}

fn moment(at: DateTime<Utc>) -> Result<ExcelDateTime, XlsxError> {
    ExcelDateTime::parse_from_str(&at.format("%Y-%m-%dT%H:%M:%S").to_string())
}

/// A sheet that is filled row by row.
struct Sheet<'b> {
    sheet: &'b mut Worksheet,
    row: u32,
    head: Format,
    wrapped: Format,
    instant: Format,
}

/// What stands in a cell.
enum Cell {
    Text(String),
    Number(f64),
    Instant(DateTime<Utc>),
    Truth(bool),
    Empty,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Number(count as f64)
    }
}

impl From<&FactValue> for Cell {
    fn from(value: &FactValue) -> Self {
        match value {
            FactValue::Bool(flag) => Self::Truth(*flag),
            FactValue::Int(number) => Self::Number(*number as f64),
            FactValue::Float(number) => Self::Number((*number * 1e4).round() / 1e4),
            FactValue::Time(at) => Self::Instant(*at),
            FactValue::Text(text) => Self::Text(text.to_string()),
            FactValue::Null(_) => Self::Empty,
        }
    }
}

impl<'b> Sheet<'b> {
    fn new(book: &'b mut Workbook, name: &str) -> Result<Self, XlsxError> {
        let sheet = book.add_worksheet();
        sheet.set_name(name)?;
        Ok(Self {
            sheet,
            row: 0,
            head: Format::new().set_bold().set_background_color("#E5E9F0"),
            wrapped: Format::new().set_text_wrap(),
            instant: Format::new().set_num_format("yyyy-mm-dd hh:mm"),
        })
    }

    /// The names of the columns and their widths in characters; they stay in sight and filter what is below.
    fn head(&mut self, columns: &[(&str, f64)]) -> Result<(), XlsxError> {
        for (at, (name, width)) in (0..).zip(columns) {
            self.sheet.write_string_with_format(self.row, at, *name, &self.head)?;
            self.sheet.set_column_width(at, *width)?;
        }
        self.row += 1;
        Ok(())
    }

    fn row(&mut self, cells: impl IntoIterator<Item = Cell>) -> Result<(), XlsxError> {
        for (at, cell) in (0..).zip(cells) {
            match cell {
                Cell::Text(text) if text.is_empty() => {}
                Cell::Text(text) => {
                    let short: String = text.chars().take(MOST_CHARACTERS).collect();
                    self.sheet.write_string(self.row, at, short)?;
                }
                Cell::Number(number) => drop(self.sheet.write_number(self.row, at, number)?),
                Cell::Truth(flag) => drop(self.sheet.write_boolean(self.row, at, flag)?),
                Cell::Instant(when) => match moment(when) {
                    Ok(when) => drop(
                        self.sheet
                            .write_datetime_with_format(self.row, at, &when, &self.instant)?,
                    ),
                    // Before 1900 and after 9999 a sheet knows no dates.
                    Err(_) => drop(self.sheet.write_string(self.row, at, rfc3339(when))?),
                },
                Cell::Empty => {}
            }
        }
        self.row += 1;
        Ok(())
    }

    /// A list that is sorted and filtered by its head.
    fn finish(&mut self, columns: usize) -> Result<(), XlsxError> {
        let last = u16::try_from(columns.saturating_sub(1)).unwrap_or(0);
        self.sheet.set_freeze_panes(1, 1)?;
        if self.row > 1 {
            self.sheet.autofilter(0, 0, self.row - 1, last)?;
        }
        Ok(())
    }

    /// A label and what is to be said of it.
    fn pair(&mut self, label: &str, value: &str) -> Result<(), XlsxError> {
        self.sheet.write_string_with_format(self.row, 0, label, &self.head)?;
        let short: String = value.chars().take(MOST_CHARACTERS).collect();
        self.sheet.write_string_with_format(self.row, 1, short, &self.wrapped)?;
        self.row += 1;
        Ok(())
    }
}

fn summary(sheet: &mut Sheet<'_>, report: &Report, statement: &Statement) -> Result<(), XlsxError> {
    sheet.sheet.set_column_width(0, 30)?;
    sheet.sheet.set_column_width(1, 70)?;
    sheet.pair("Outcome", &statement.headline)?;
    for detail in &statement.details {
        sheet.pair("", detail)?;
    }
    let digest = Digest::of(report);
    let accounts = report.coverage.accounts.iter();
    let accounts: Vec<String> = accounts.map(|one| account(report, &one.account_id)).collect();
    let mut regions: Vec<&str> = report
        .coverage
        .targets
        .iter()
        .map(|one| one.target.region.as_str())
        .collect();
    regions.sort_unstable();
    regions.dedup();
    sheet.pair("Scope", &digest.scope)?;
    sheet.pair("Accounts", &accounts.join(", "))?;
    sheet.pair("Regions", &regions.join(", "))?;
    sheet.pair("Evidence as of", &rfc3339(report.scan.as_of))?;
    let policy: Vec<String> = report
        .policy
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    sheet.pair("Policy", &policy.join("; "))?;
    let approval = &report.approval;
    let on = approval
        .approved_on
        .map_or_else(String::new, |day| format!(" on {day}"));
    let by = match approval.approved_by.as_str() {
        "" => "not recorded".to_owned(),
        by => format!("{by}{on}"),
    };
    sheet.pair("Policy approved by", &by)?;
    sheet.pair("Scan id", &report.scan.id)?;
    sheet.pair("Evidence SHA-256", &report.scan.evidence_digest)?;
    let left_out = told(report).count().saturating_sub(MOST_ROWS);
    if left_out > 0 || report.tables.len() > MOST_ROWS {
        let text = format!(
            "A sheet holds {} rows at most: what is beyond stands in report.json, tables.csv and findings.csv.",
            grouped(MOST_ROWS)
        );
        sheet.pair("Left out", &text)?;
    }
    sheet.row += 1;
    let shown: Vec<Answer> = digest.columns();
    sheet
        .sheet
        .write_string_with_format(sheet.row, 0, "Tables that are", &sheet.head)?;
    for (at, answer) in (1..).zip(&shown) {
        sheet
            .sheet
            .write_string_with_format(sheet.row, at, answer.words(), &sheet.head)?;
    }
    sheet.row += 1;
    for asked in &digest.questions {
        let of = |answer: &Answer| {
            asked
                .answers
                .iter()
                .find(|(one, ..)| one == answer)
                .map_or(0, |(_, count, _)| *count)
        };
        let counts = shown.iter().map(|answer| Cell::from(of(answer)));
        sheet.row(std::iter::once(Cell::from(asked.question.words())).chain(counts))?;
    }
    Ok(())
}

fn tables(sheet: &mut Sheet<'_>, report: &Report) -> Result<(), XlsxError> {
    let width = |name: &str| match name {
        "table_name" | "plan" | "why" | "what_to_do" => 38.0,
        "account" | "table_arn" => 28.0,
        _ => 17.0,
    };
    let mut columns: Vec<(&str, f64)> = CORE.iter().map(|name| (*name, width(name))).collect();
    columns.extend(FACTS.map(|name| (name, 17.0)));
    sheet.head(&columns)?;
    for (table, core) in report.tables.iter().zip(core(report)).take(MOST_ROWS) {
        let core = CORE.iter().zip(core).map(|(name, text)| match instant_of(name, &text) {
            Some(at) => Cell::Instant(at),
            None => Cell::Text(text),
        });
        let facts = FACTS.iter().map(|name| Cell::from(table.column(name)));
        sheet.row(core.chain(facts))?;
    }
    sheet.finish(columns.len())
}

fn instant_of(name: &str, text: &str) -> Option<DateTime<Utc>> {
    let is_one = matches!(name, "exposed_since" | "good_point_at");
    let at = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ").ok();
    at.filter(|_| is_one).map(|at| at.and_utc())
}

/// What is not good news, and what a waiver covers; findings.csv holds all.
fn told(report: &Report) -> impl Iterator<Item = &Finding> {
    let is_told =
        |finding: &&Finding| finding.waived || matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown);
    report.findings.iter().filter(is_told)
}

fn findings(sheet: &mut Sheet<'_>, report: &Report) -> Result<(), XlsxError> {
    let columns = [
        ("name", 38.0),
        ("subject", 14.0),
        ("account", 28.0),
        ("region", 14.0),
        ("rule", 32.0),
        ("verdict", 15.0),
        ("severity", 10.0),
        ("counts_as", 11.0),
        ("question", 13.0),
        ("framework", 12.0),
        ("message", 70.0),
        ("remedy", 50.0),
        ("waived_by", 16.0),
        ("since_baseline", 15.0),
        ("finding_id", 34.0),
        ("resource_arn", 40.0),
    ];
    sheet.head(&columns)?;
    for finding in told(report).take(MOST_ROWS) {
        let since = report.since(finding).map_or("", |since| since.as_str());
        let cells: [Cell; 16] = [
            finding.resource_name.as_str().into(),
            finding.subject.as_str().into(),
            account(report, &finding.target.account_id).into(),
            finding.target.region.as_str().into(),
            (&*finding.rule).into(),
            finding.verdict.as_str().into(),
            finding.severity.as_str().into(),
            finding.level.as_str().into(),
            finding.question.as_str().into(),
            finding.framework.as_deref().unwrap_or_default().into(),
            (&*finding.message).into(),
            (&*finding.remedy).into(),
            finding.waived_by().unwrap_or_default().into_owned().into(),
            since.into(),
            (&*finding.id).into(),
            finding.resource_arn.as_str().into(),
        ];
        sheet.row(cells)?;
    }
    sheet.finish(columns.len())
}

fn controls(sheet: &mut Sheet<'_>, report: &Report) -> Result<(), XlsxError> {
    let columns = [
        ("framework", 34.0),
        ("control", 16.0),
        ("relation", 12.0),
        ("asks", 50.0),
        ("applies_if", 24.0),
        ("verdict", 16.0),
        ("non_compliant", 14.0),
        ("unknown", 10.0),
        ("compliant", 11.0),
        ("waived", 9.0),
        ("rules", 60.0),
        ("answered_by", 14.0),
    ];
    sheet.head(&columns)?;
    for framework in &report.frameworks {
        for control in &framework.controls {
            let of = |verdict: Verdict| control.counts.get(&verdict).copied().unwrap_or(0);
            let cells: [Cell; 12] = [
                format!("{}, {}", framework.title, framework.version).into(),
                control.id.as_str().into(),
                control.relation.as_str().into(),
                control.asks.as_str().into(),
                control.only_if.as_str().into(),
                control.verdict.map_or("not judged", Verdict::as_str).into(),
                of(Verdict::NonCompliant).into(),
                of(Verdict::Unknown).into(),
                of(Verdict::Compliant).into(),
                control.waived.into(),
                control.rules.join(", ").into(),
                control.answered.as_str().into(),
            ];
            sheet.row(cells)?;
        }
    }
    sheet.finish(columns.len())
}

fn coverage(sheet: &mut Sheet<'_>, report: &Report) -> Result<(), XlsxError> {
    let columns = [
        ("kind", 10.0),
        ("account", 28.0),
        ("region", 14.0),
        ("status", 12.0),
        ("tables_listed", 14.0),
        ("tables_described", 16.0),
        ("calls", 9.0),
        ("gaps", 8.0),
        ("action", 40.0),
        ("resource", 30.0),
        ("why", 60.0),
        ("so", 60.0),
        ("hint", 50.0),
    ];
    sheet.head(&columns)?;
    for target in &report.coverage.targets {
        let listed = target.tables_listed.map_or(Cell::Empty, Cell::from);
        let cells: [Cell; 8] = [
            "target".into(),
            account(report, &target.target.account_id).into(),
            target.target.region.as_str().into(),
            target.status.into(),
            listed,
            target.tables_described.into(),
            Cell::Number(target.call_count as f64),
            target.gap_count.into(),
        ];
        sheet.row(cells)?;
    }
    for gap in report
        .coverage
        .gaps
        .iter()
        .take(MOST_ROWS - report.coverage.targets.len().min(MOST_ROWS))
    {
        let mut cells: Vec<Cell> = vec![
            "gap".into(),
            account(report, &gap.target.account_id).into(),
            gap.target.region.as_str().into(),
            gap.kind.as_str().into(),
        ];
        cells.extend((0..4).map(|_| Cell::Empty));
        cells.extend([&gap.action, &gap.resource, &gap.why, &gap.so, &gap.hint].map(|text| Cell::from(text.as_str())));
        sheet.row(cells)?;
    }
    sheet.finish(columns.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn the_same_report_gives_the_same_workbook() {
        let report = sample::report(60);
        let first = workbook(&report).expect("a workbook");
        assert_eq!(first, workbook(&report).expect("a workbook"));
        assert!(first.starts_with(b"PK"), "a package of parts");
    }

    #[test]
    fn an_empty_report_is_a_workbook_too() {
        assert!(workbook(&sample::report(0)).is_ok());
    }
}
