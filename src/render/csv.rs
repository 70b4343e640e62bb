//! CSV for programs and auditors' tools: RFC 4180, a head in every file, the columns that matter first and always in the same
//! place, no cell that a spreadsheet would run as a formula, and no name that it would take for a number or a date. A value
//! that there is none of is an empty cell; the last column of `tables-all.csv` says why.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use chrono::{DateTime, Utc};
use csv::{Terminator, WriterBuilder};

use super::RenderError;
use super::blocks::{Block, blocks, newest, plan, since};
use super::digest::Digest;
use crate::domain::{FactList, FactValue, Finding, NullCause, Question, Subject, rfc3339};
use crate::report::Report;
use crate::text::csv_cell;

/// One row for each finding that is not good news, or waived; of those that only advise, on tables, none.
///
/// Errors: none that a report can cause.
pub(crate) fn findings(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let decides = |finding: &&Finding| {
        let is_of_verdict = finding.is_required() || finding.subject != Subject::Table;
        is_of_verdict && (finding.is_bad() || finding.waived)
    };
    let findings = report.findings.iter().filter(decides);
    write_findings(report, findings, false, ("findings.csv", out))
}

/// One row for each finding, with its remedy and its evidence.
///
/// Errors: none that a report can cause.
pub(crate) fn all_findings(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    write_findings(report, report.findings.iter(), true, ("findings-all.csv", out))
}

fn write_findings<'r>(
    report: &'r Report,
    findings: impl Iterator<Item = &'r Finding>,
    is_whole: bool,
    (file_name, out): (&'static str, &mut dyn Write),
) -> Result<(), RenderError> {
    let columns = [
        "finding_id",
        "rule",
        "severity",
        "verdict",
        "question",
        "level",
        "framework",
        "waived",
        "account",
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
    // What to do is the same for all findings of a rule, and the facts of a table stand in other files, once.
    let is_there = |place: usize| is_whole || columns[place] != "remedy";
    let head: Vec<String> = (0..columns.len())
        .filter(|place| is_there(*place))
        .map(|place| columns[place].to_owned())
        .collect();
    let as_of = rfc3339(report.scan.as_of);
    let rows = findings.map(|finding| {
        let has_own = is_whole || finding.subject != Subject::Table;
        let evidence = finding.evidence.iter().filter(|_| has_own);
        let evidence: Vec<String> = evidence
            .map(|(name, value)| format!("{name}={}", value_text(value)))
            .collect();
        let row = [
            finding.id.to_string(),
            finding.rule.to_string(),
            finding.severity.to_string(),
            finding.verdict.to_string(),
            finding.question.to_string(),
            finding.level.to_string(),
            finding.framework.as_deref().unwrap_or_default().to_owned(),
            finding.waived.to_string(),
            csv_cell(&account(report, &finding.target.account_id)),
            finding.target.account_id.clone(),
            finding.target.region.clone(),
            finding.subject.to_string(),
            csv_name(&finding.resource_name),
            csv_cell(&finding.resource_arn),
            csv_cell(&finding.message),
            csv_cell(&finding.remedy),
            csv_cell(&evidence.join("; ")),
            csv_cell(&finding.waived_by().unwrap_or_default()),
            as_of.clone(),
            report
                .since(finding)
                .map_or_else(String::new, |since| since.as_str().to_owned()),
        ];
        let cells = row.into_iter().enumerate();
        cells
            .filter(|(place, _)| is_there(*place))
            .map(|(_, cell)| cell)
            .collect()
    });
    write(out, file_name, &head, rows)
}

/// The first columns of `tables.csv`, whatever the rules: what an auditor samples by. `report.xlsx` has the same.
pub(crate) const CORE: [&str; 17] = [
    "table_name",
    "account",
    "account_id",
    "region",
    "verdict",
    "answer_in_a_plan",
    "answer_backed_up",
    "answer_restorable",
    "answer_safeguards",
    "exposed_since",
    "good_point_at",
    "plan",
    "why",
    "what_to_do",
    "exception_owner",
    "exception_due",
    "table_arn",
];

/// The values of [`CORE`] for every table, as they are.
pub(crate) fn core(report: &Report) -> impl Iterator<Item = [String; CORE.len()]> {
    let digest = Digest::of(report);
    let told = |block: Block<'_>| {
        let due = block.due.map(|day| day.to_string()).unwrap_or_default();
        (block.place, [block.why, block.what, block.owner.to_owned(), due])
    };
    let told: HashMap<usize, [String; 4]> = blocks(report, &digest).into_iter().map(told).collect();
    report.tables.iter().enumerate().map(move |(place, table)| {
        let instant = |at: Option<DateTime<Utc>>| at.map(rfc3339).unwrap_or_default();
        let answer = |question: Question| table.answer(question).to_string();
        let [why, what, owner, due] = told.get(&place).cloned().unwrap_or_default();
        let plan = match plan(table).as_str() {
            "none" => String::new(),
            plan => plan.to_owned(),
        };
        [
            table.table_name.clone(),
            account(report, &table.target.account_id),
            table.target.account_id.clone(),
            table.target.region.clone(),
            table.verdict.to_string(),
            answer(Question::InAPlan),
            answer(Question::BackedUp),
            answer(Question::Restorable),
            answer(Question::Safeguards),
            instant(since(report, table).map(|since| since.at)),
            instant(newest(report, table).0),
            plan,
            why,
            what,
            owner,
            due,
            table.table_arn.clone(),
        ]
    })
}

/// An account as text that no program takes for a number: `payments-prod (111122223333)`.
pub(crate) fn account(report: &Report, account_id: &str) -> String {
    match report.account_name(account_id) {
        "" => String::new(),
        name if name == account_id => format!("account {account_id}"),
        name => format!("{name} ({account_id})"),
    }
}

/// One row for each table: what matters most, then the verdict by each framework.
///
/// Errors: none that a report can cause.
pub(crate) fn tables(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    write_tables(report, &[], ("tables.csv", out))
}

/// The same, then one column for each fact, and why there is none.
///
/// Errors: none that a report can cause.
pub(crate) fn all_tables(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let names = fact_names(report);
    let said = |name: &&&str| !["table_arn", "table_name", "account_id", "region"].contains(*name);
    let facts: Vec<&str> = names.iter().filter(said).copied().collect();
    write_tables(report, &facts, ("tables-all.csv", out))
}

/// The names of all facts on tables, in order.
pub(super) fn fact_names(report: &Report) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    let mut last: Option<&FactList> = None;
    for table in &report.tables {
        // Nearly always all have the same.
        if !last.is_some_and(|last| last.has_names_of(&table.facts)) {
            let more = table.facts.iter().map(|(name, _)| name.as_ref());
            let new: Vec<&str> = more.filter(|name| !names.contains(name)).collect();
            names.extend(new);
        }
        last = Some(&table.facts);
    }
    names
}

/// Why facts have no value: each cause once, with the facts that it is true of.
pub(super) fn why_none<'f>(nulls: impl Iterator<Item = (&'f str, &'f NullCause)>) -> String {
    let mut causes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, cause) in nulls {
        causes.entry(cause.to_string()).or_default().push(name);
    }
    let causes = causes
        .iter()
        .map(|(cause, facts)| format!("{cause}: {}", facts.join(" ")));
    causes.collect::<Vec<_>>().join("; ")
}

fn write_tables(
    report: &Report,
    facts: &[&str],
    (file_name, out): (&'static str, &mut dyn Write),
) -> Result<(), RenderError> {
    let mut head: Vec<String> = CORE.iter().map(|name| (*name).to_owned()).collect();
    let frameworks = report.frameworks.iter();
    head.extend(frameworks.map(|framework| format!("verdict_{}", framework.id.replace('-', "_"))));
    head.extend(facts.iter().map(|name| (*name).to_owned()));
    head.push("as_of".to_owned());
    if !facts.is_empty() {
        head.push("no_value_because".to_owned());
    }
    let as_of = rfc3339(report.scan.as_of);
    let rows = report.tables.iter().zip(core(report)).map(|(table, core)| {
        let mut row: Vec<String> = core.iter().map(|text| csv_cell(text)).collect();
        row[0] = csv_name(&table.table_name);
        row.extend(report.frameworks.iter().map(|framework| {
            let mut by_framework = table.answers_by_framework.iter();
            let found = by_framework.find(|(id, ..)| **id == *framework.id);
            found.map_or_else(|| "not-asked".to_owned(), |(_, verdict, _)| verdict.to_string())
        }));
        let mut nulls = Vec::new();
        for name in facts {
            row.push(match table.column(name) {
                FactValue::Null(cause) => {
                    nulls.push((*name, cause));
                    String::new()
                }
                // Numbers stay numbers: only text can be a formula.
                FactValue::Text(text) => csv_cell(text),
                other => value_text(other),
            });
        }
        row.push(as_of.clone());
        if !facts.is_empty() {
            row.push(csv_cell(&why_none(nulls.into_iter())));
        }
        row
    });
    write(out, file_name, &head, rows)
}

/// A name: what a spreadsheet would take for a number or a date begins with an apostrophe, as a formula does.
pub(crate) fn csv_name(name: &str) -> String {
    let cell = csv_cell(name);
    if cell.len() == name.len() && looks_like_a_value(name) {
        return format!("'{cell}");
    }
    cell
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Digits with what numbers and dates are made of, and words for truth: `1e5`, `00123`, `2026-11-30`, `3.14`, `1-2`, `true`.
fn looks_like_a_value(text: &str) -> bool {
    let is_of_numbers = |byte: u8| byte.is_ascii_digit() || b".,-/:_eE+ %".contains(&byte);
    let begins = text.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    let is_number = begins && text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().all(is_of_numbers);
    // `MAR1`, `Dec-25`: spreadsheets know the months.
    let is_month = || {
        let letters: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
        let rest = &text[letters.len()..];
        let word = letters.to_ascii_lowercase();
        let is_name = |month: &&str| word == **month || word == month[..3];
        MONTHS.iter().any(is_name)
            && !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b"-/. ".contains(&byte))
    };
    is_number || is_month() || text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

/// One row for each target, then one for each gap.
///
/// Errors: none that a report can cause.
pub(crate) fn coverage(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let head = [
        "kind",
        "account",
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
            .map_or_else(String::new, |listed| listed.to_string());
        let mut row = vec![
            "target".to_owned(),
            csv_cell(&account(report, &target.target.account_id)),
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
            csv_cell(&account(report, &gap.target.account_id)),
            gap.target.account_id.clone(),
            gap.target.region.clone(),
            gap.kind.to_string(),
        ];
        row.resize(9, String::new());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_values_stay_text() {
        for name in [
            "1e5",
            "00123",
            "2026-11-30",
            "3.14",
            "1-2",
            "MAR1",
            "Dec-25",
            "true",
            "12:30",
        ] {
            assert_eq!(csv_name(name), format!("'{name}"));
        }
        for name in ["orders", "orders-2", "e5", "1st", "marble-7", "decimal", "v1.2", "mar"] {
            assert_eq!(csv_name(name), name);
        }
        assert_eq!(csv_name("=1+1"), "'=1+1", "once");
    }
}
