//! SARIF 2.1.0, for code hosts and security tools: every rule with its help, every finding with its verdict.
//!
//! A verdict is the result's `kind`: `fail`, `open` for unknown (the standard's word for too little information), `pass`
//! and `notApplicable`. Only `fail` has a level. A waived finding has an accepted suppression with its justification. Gaps
//! are notifications; a run that may have missed tables did not succeed.

use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::RenderError;
use super::json::Facts;
use super::stream::{Each, write_json};
use crate::domain::{Finding, Gap, Severity, Subject, Verdict, rfc3339};
use crate::report::Since;
use crate::report::{Report, RuleLine};
use crate::text::one_line;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

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

/// Renders the report.
///
/// Errors: the disk refused.
pub(crate) fn render(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let run = Run {
        tool: tool(report),
        invocations: [invocation(report)],
        automation_details: json!({"id": format!("backproof/{}", report.scan.id)}),
        column_kind: "unicodeCodePoints",
        results: Each(|| report.findings.iter().map(|finding| result(report, finding))),
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
    write_json(&log, "report.sarif", out)
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
        .collect();
    json!({
        "driver": {
            "name": "backproof",
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
        .collect();
    json!({
        "id": rule.id,
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
        },
    })
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
        "locations": [location(finding, &name)],
        "partialFingerprints": {"backproofFinding/v1": finding.id},
        "suppressions": suppressions,
        "properties": {
            "verdict": finding.verdict.as_str(),
            "severity": finding.severity.as_str(),
            "subject": finding.subject.as_str(),
            "waived": finding.waived,
            "sinceBaseline": report.since(finding).map(Since::as_str),
            "accountId": finding.target.account_id,
            "region": finding.target.region,
            "remedy": &*finding.remedy,
            "evidence": Facts(&finding.evidence),
        },
    });
    if let Some(index) = report.rules.iter().position(|rule| rule.id == *finding.rule) {
        result["ruleIndex"] = index.into();
    }
    result
}

/// The thing itself. Where it has an ARN, that is its address too: a consumer that lists results by file lists them by ARN.
fn location(finding: &Finding, name: &str) -> Value {
    let mut location = json!({
        "logicalLocations": [{
            "name": name,
            "fullyQualifiedName": one_line(&finding.resource_arn),
            "kind": if finding.subject == Subject::Target { "account" } else { "resource" },
        }],
    });
    if is_uri(&finding.resource_arn) {
        location["physicalLocation"] = json!({"artifactLocation": {"uri": finding.resource_arn}});
    }
    location
}

/// An ARN that is a URI as it stands. AWS's own are; a name that is not of AWS's making may not be.
fn is_uri(arn: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/@!$&'()*+,;=".contains(&byte);
    arn.starts_with("arn:") && arn.bytes().all(is_plain)
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
        let text =
            "The Regions were neither named nor could they be listed: others may hold tables that nobody looked at.";
        notifications.push(json!({"level": "error", "message": {"text": text}}));
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
