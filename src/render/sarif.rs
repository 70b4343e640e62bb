//! SARIF 2.1.0, in two files: problems only for code hosts, and every verdict for security tools.
//!
//! A verdict is the result's `kind`: `fail`, `open` for unknown (the standard's word for too little information), `pass`
//! and `notApplicable`. Only `fail` has a level. A waived finding has an accepted suppression with its justification.
//! Code hosts read neither kinds nor suppressions and make an alert of each result, so their file holds what is violated
//! or not known, and nothing else. Gaps are notifications; a run that may have missed tables did not succeed, and since
//! code hosts do not read that either, each place whose tables were not listed is a result of its own.
//!
//! Code hosts take an address only if it is a relative path in which a line is named. A table has neither: its path is made
//! of its ARN, and the line is the first.

use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::RenderError;
use super::json::Facts;
use super::stream::{Each, write_json};
use crate::domain::{Finding, Gap, Severity, Subject, TargetId, Verdict, rfc3339};
use crate::report::{Report, RuleLine, Since, TargetCoverage};
use crate::text::one_line;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// GitHub takes no rule with more.
const MOST_TAGS: usize = 20;

/// The rule's id of results on tables that were not listed.
const COVERAGE: &str = "tables-listed";

const REGIONS_UNKNOWN: &str =
    "The Regions were neither named nor could they be listed: others may hold tables that nobody looked at.";

#[derive(Serialize)]
struct Log<R: Serialize> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<R>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<R: Serialize> {
    tool: Value,
    invocations: [Value; 1],
    automation_details: Value,
    column_kind: &'static str,
    results: R,
    properties: Value,
}

/// Problems only: what is violated or not known and not waived.
///
/// Errors: the disk refused.
pub(crate) fn problems(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let is_problem =
        |finding: &&Finding| !finding.waived && matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown);
    write(
        report,
        "report.sarif",
        || report.findings.iter().filter(is_problem),
        out,
    )
}

/// Every finding.
///
/// Errors: the disk refused.
pub(crate) fn all(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    write(report, "report-all.sarif", || report.findings.iter(), out)
}

fn write<'r, F: Iterator<Item = &'r Finding>>(
    report: &'r Report,
    file_name: &'static str,
    findings: impl Fn() -> F,
    out: &mut dyn Write,
) -> Result<(), RenderError> {
    let results = Each(|| unlisted(report).chain(findings().map(|finding| result(report, finding))));
    let run = Run {
        tool: tool(report),
        invocations: [invocation(report)],
        automation_details: json!({"id": format!("backproof/{}", report.scan.id)}),
        column_kind: "unicodeCodePoints",
        results,
        properties: json!({
            "asOf": rfc3339(report.scan.as_of),
            "callerArn": report.scan.caller_arn,
            "evidenceDigest": report.scan.evidence_digest,
            "tablesListed": report.coverage.tables_listed,
            "tablesDescribed": report.coverage.tables_described,
            "evidenceIsMissing": report.is_evidence_missing(),
        }),
    };
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [run],
    };
    write_json(&log, file_name, out)
}

fn tool(report: &Report) -> Value {
    let controls = report.controls_by_rule();
    let rules: Vec<Value> = report
        .rules
        .iter()
        .map(|rule| {
            let of_rule = controls.get(rule.id.as_str()).map(Vec::as_slice).unwrap_or_default();
            descriptor(rule, of_rule)
        })
        .chain([coverage_descriptor()])
        .collect();
    json!({
        "driver": {
            "name": "backproof",
            "fullName": format!("backproof {}", report.scan.tool_version),
            "version": report.scan.tool_version,
            "semanticVersion": report.scan.tool_version,
            "shortDescription": {"text": "Proves that Amazon DynamoDB tables are backed up with AWS Backup."},
            "rules": rules,
        }
    })
}

fn descriptor(rule: &RuleLine, controls: &[String]) -> Value {
    let tags: Vec<&str> = ["security", "backup"]
        .into_iter()
        .chain(controls.iter().map(String::as_str))
        .take(MOST_TAGS)
        .collect();
    json!({
        "id": rule.id,
        "name": name_of(&rule.id),
        "shortDescription": {"text": sentence(&rule.title)},
        "fullDescription": {"text": sentence(&rule.title)},
        "help": {"text": sentence(&format!("To do about a violation: {}", rule.remedy))},
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {
            "tags": tags,
            "precision": "very-high",
            "problem.severity": problem_severity(rule.severity),
            "security-severity": score(rule.severity),
            "severity": rule.severity.as_str(),
            "subject": rule.subject.as_str(),
            "controls": controls,
        },
    })
}

/// The rule of results that no rule of ours made: tables that were never listed have no finding.
fn coverage_descriptor() -> Value {
    let title = "Every table in scope was listed.";
    json!({
        "id": COVERAGE,
        "name": name_of(COVERAGE),
        "shortDescription": {"text": title},
        "fullDescription": {"text": title},
        "help": {"text": "To do about a violation: see the notifications of the run, each with the call that failed and a hint."},
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "tags": ["security", "backup"],
            "precision": "very-high",
            "problem.severity": "error",
            "security-severity": score(Severity::High),
        },
    })
}

/// `in-a-plan` as `InAPlan`, the form that the standard shows for names.
fn name_of(id: &str) -> String {
    let words = id.split(|character: char| !character.is_alphanumeric());
    let capital = |word: &str| {
        let mut characters = word.chars();
        characters
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .chain(characters)
            .collect::<String>()
    };
    words.map(capital).collect()
}

/// One line that ends with a full stop.
fn sentence(text: &str) -> String {
    let line = one_line(text);
    let line = line.trim_end();
    if line.ends_with(['.', '!', '?']) {
        line.to_owned()
    } else {
        format!("{line}.")
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

const fn problem_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "recommendation",
    }
}

/// A number on the scale that code hosts sort by.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.5",
    }
}

const fn kind(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NonCompliant => "fail",
        Verdict::Unknown => "open",
        Verdict::Compliant => "pass",
        Verdict::NotApplicable => "notApplicable",
    }
}

fn result(report: &Report, finding: &Finding) -> Value {
    let level = match finding.verdict {
        Verdict::NonCompliant if !finding.is_required() => "note",
        Verdict::NonCompliant => level(finding.severity),
        _ => "none",
    };
    // The standard asks for suppressions on all results of a run or on none; an empty list says: not suppressed.
    let suppressions = if finding.waived {
        vec![json!({
            "kind": "external",
            "status": "accepted",
            "justification": one_line(&report.why_waived(finding)),
        })]
    } else {
        Vec::new()
    };
    let name = one_line(&finding.resource_name);
    let mut result = json!({
        "ruleId": &*finding.rule,
        "kind": kind(finding.verdict),
        "level": level,
        "message": {"text": sentence(&format!("{name}: {}", finding.message))},
        "locations": [location(&path_of(finding), &name, &finding.resource_arn, finding.subject)],
        "partialFingerprints": fingerprints(&finding.id),
        "suppressions": suppressions,
        "properties": {
            "verdict": finding.verdict.as_str(),
            "severity": finding.severity.as_str(),
            "question": finding.question.as_str(),
            "requirement": finding.level.as_str(),
            "subject": finding.subject.as_str(),
            "waived": finding.waived,
            "sinceBaseline": report.since(finding).map(Since::as_str),
            "accountId": finding.target.account_id,
            "region": finding.target.region,
            "remedy": &*finding.remedy,
            "evidence": Facts::read(&finding.evidence),
        },
    });
    if let Some(index) = report.rules.iter().position(|rule| rule.id == *finding.rule) {
        result["ruleIndex"] = index.into();
    }
    result
}

/// A result for each place whose tables were not listed whole.
fn unlisted(report: &Report) -> impl Iterator<Item = Value> {
    let coverage = &report.coverage;
    let targets = coverage.targets.iter().filter(|target| target.tables_listed.is_none());
    let of_target = |target: &TargetCoverage| {
        let (name, path) = (target.target.to_string(), target_path(&target.target));
        let text = format!("{name}: its tables could not be listed whole; what was not listed was not judged.");
        (name, path, text)
    };
    let regions = coverage.regions_unknown.then(|| {
        let name = "Regions".to_owned();
        (name, "account/regions".to_owned(), REGIONS_UNKNOWN.to_owned())
    });
    let index = report.rules.len();
    targets.map(of_target).chain(regions).map(move |(name, path, text)| {
        json!({
            "ruleId": COVERAGE,
            "ruleIndex": index,
            "kind": kind(Verdict::Unknown),
            "level": "none",
            "message": {"text": text},
            "locations": [location(&path, &name, &name, Subject::Target)],
            "partialFingerprints": fingerprints(&format!("{COVERAGE}/{path}")),
            "suppressions": [],
        })
    })
}

/// The same finding has the same one in every scan. GitHub reads the second, and takes results that have none for new ones.
fn fingerprints(id: &str) -> Value {
    json!({"backproofFinding/v1": id, "primaryLocationLineHash": format!("{id}:1")})
}

fn location(path: &str, name: &str, full_name: &str, subject: Subject) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": {"uri": path},
            "region": {"startLine": 1},
        },
        "logicalLocations": [{
            "name": name,
            "fullyQualifiedName": one_line(full_name),
            "kind": if subject == Subject::Target { "account" } else { "resource" },
        }],
    })
}

/// Where code hosts list a finding: `arn/aws/dynamodb/eu-west-1/111122223333/table/orders`.
fn path_of(finding: &Finding) -> String {
    match finding.subject {
        Subject::Target => target_path(&finding.target),
        subject if !finding.resource_arn.starts_with("arn:") => path(&[subject.as_str(), &finding.resource_arn]),
        _ => path(&[&finding.resource_arn]),
    }
}

fn target_path(target: &TargetId) -> String {
    path(&["account", &target.account_id, &target.region])
}

/// A relative path, whatever stands in these texts: each part of an ARN a folder, no part empty or a step upwards.
fn path(texts: &[&str]) -> String {
    let parts = texts.iter().flat_map(|text| text.split([':', '/']));
    let parts = parts.map(one_line).map(|part| escape(part.trim()));
    let parts: Vec<String> = parts.filter(|part| !matches!(part.as_str(), "" | "." | "..")).collect();
    parts.join("/")
}

const fn hex(digit: u8) -> u8 {
    b"0123456789ABCDEF"[digit as usize]
}

/// Everything but what may stand in a URI as it is.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.extend([b'%', hex(byte >> 4), hex(byte & 15)].map(char::from));
        }
    }
    escaped
}

fn invocation(report: &Report) -> Value {
    let coverage = &report.coverage;
    let hides_tables = |gap: &Gap| {
        coverage
            .targets
            .iter()
            .any(|target| target.target == gap.target && target.tables_listed.is_none())
    };
    let mut notifications: Vec<Value> = coverage
        .gaps
        .iter()
        .map(|gap| notification(gap, if hides_tables(gap) { "error" } else { "warning" }))
        .collect();
    if coverage.regions_unknown {
        notifications.push(json!({"level": "error", "message": {"text": REGIONS_UNKNOWN}}));
    }
    let saw_every_table =
        !coverage.regions_unknown && coverage.targets.iter().all(|target| target.tables_listed.is_some());
    json!({
        "executionSuccessful": saw_every_table,
        "startTimeUtc": rfc3339(report.scan.started_at),
        "endTimeUtc": rfc3339(report.scan.finished_at),
        "toolExecutionNotifications": notifications,
    })
}

fn notification(gap: &Gap, level: &str) -> Value {
    let of = if gap.resource.is_empty() {
        String::new()
    } else {
        format!(" of {}", gap.resource)
    };
    let place = gap.target.to_string();
    let text = format!("{}{of} in {place} was not read: {}; {}", gap.action, gap.why, gap.so);
    json!({
        "level": level,
        "message": {"text": sentence(&text)},
        "locations": [{"logicalLocations": [{"fullyQualifiedName": place, "kind": "account"}]}],
        "properties": {"action": gap.action, "gap": gap.kind.as_str(), "hint": gap.hint},
    })
}
