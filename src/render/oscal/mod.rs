//! OSCAL assessment results 1.2.1: what was looked at, what was seen, which control objectives are satisfied.
//!
//! One observation for each rule and outcome, with every subject and its evidence in it; a finding for each control of the
//! chosen frameworks, or for each rule where none was chosen; a risk for each rule that is violated, and for each waiver
//! that accepts one. OSCAL knows only satisfied and not satisfied: unknown is not satisfied, for the reason `other`, and
//! says so. Uuids are of version 5: the same thing has the same one in every report.

mod groups;
mod parts;

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use self::groups::{Groups, controls};
use self::parts::{prop, text, token, uuid_of};
use super::RenderError;
use super::stream::{Each, write_json};
use crate::domain::{Gap, Subject, rfc3339};
use crate::problem::count;
use crate::report::Report;

#[derive(Serialize)]
struct Document<T> {
    #[serde(rename = "assessment-results")]
    results: T,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Results<R> {
    uuid: String,
    metadata: Value,
    import_ap: Value,
    results: [R; 1],
    back_matter: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct OneResult<I, O> {
    uuid: String,
    title: &'static str,
    description: String,
    start: String,
    end: String,
    props: Vec<Value>,
    local_definitions: Items<I>,
    reviewed_controls: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    observations: Option<O>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    risks: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remarks: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Items<I> {
    #[serde(skip_serializing_if = "Option::is_none")]
    inventory_items: Option<I>,
}

/// Renders the report.
///
/// Errors: the disk refused.
pub(crate) fn render(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let groups = Groups::of(report);
    let subjects = subjects(report);
    let seed = document_seed(report);
    let plan = uuid_of(&["method", &seed]);
    let observations = Each(|| {
        let seen = groups.by_outcome.iter();
        let of_rules = seen.map(|(outcome, findings)| groups.observation(outcome, findings));
        of_rules.chain(report.coverage.gaps.iter().map(|gap| gap_observation(report, gap)))
    });
    let has_observations = !groups.by_outcome.is_empty() || !report.coverage.gaps.is_empty();
    let result = OneResult {
        uuid: uuid_of(&["result", &seed]),
        title: "Proof of backup of Amazon DynamoDB tables",
        description: description(report),
        start: rfc3339(report.scan.started_at),
        end: rfc3339(report.scan.finished_at),
        props: props(report),
        local_definitions: Items {
            inventory_items: (!subjects.is_empty()).then_some(Each(|| {
                subjects.iter().map(|(arn, (subject, name))| item(arn, *subject, name))
            })),
        },
        reviewed_controls: reviewed_controls(report),
        observations: has_observations.then_some(observations),
        risks: groups.risks(),
        findings: groups.findings(),
        remarks: report
            .is_evidence_missing()
            .then_some("Evidence is missing: what is not known is counted as not satisfied, with the reason `other`."),
    };
    let results = Results {
        uuid: uuid_of(&["assessment-results", &seed]),
        metadata: metadata(report),
        import_ap: json!({"href": format!("#{plan}")}),
        results: [result],
        back_matter: json!({"resources": [{
            "uuid": plan,
            "title": "Method",
            "description": "Every rule of backproof that was applied, on every table, vault, plan and target in scope, by what AWS's own interfaces answered. There is no separate assessment plan.",
            "props": [prop("evidence-digest", &report.scan.evidence_digest), prop("scan-id", &report.scan.id)],
            "rlinks": [{"href": "report.json"}],
        }]}),
    };
    write_json(&Document { results }, "assessment-results.json", out)
}

/// What tells this document from others: the evidence, and what it was judged by.
fn document_seed(report: &Report) -> String {
    let mut seed = format!("{}\n{}", report.scan.id, report.scan.evidence_digest);
    let policy = report.policy.iter().map(|(name, value)| format!("\n{name}={value}"));
    seed.extend(policy);
    seed.extend(report.rules.iter().map(|rule| format!("\n{}", rule.id)));
    seed.extend(report.frameworks.iter().map(|framework| format!("\n{}", framework.id)));
    seed
}

fn metadata(report: &Report) -> Value {
    json!({
        "title": "Proof of backup of Amazon DynamoDB tables",
        "last-modified": rfc3339(report.scan.as_of),
        "version": text(&report.scan.id),
        "oscal-version": "1.2.1",
        "props": [prop("tool", "backproof"), prop("tool-version", &report.scan.tool_version)],
    })
}

fn description(report: &Report) -> String {
    let coverage = &report.coverage;
    format!(
        "{} in {}: {} listed, {} described, {} vanished meanwhile, {} not described; {}.",
        count(coverage.targets.len(), "target"),
        count(coverage.accounts.len(), "account"),
        count(coverage.tables_listed, "table"),
        coverage.tables_described,
        coverage.tables_vanished,
        coverage.tables_unknown,
        count(coverage.gaps.len(), "gap"),
    )
}

fn props(report: &Report) -> Vec<Value> {
    vec![
        prop("as-of", &rfc3339(report.scan.as_of)),
        prop("caller-arn", &report.scan.caller_arn),
        prop("evidence-digest", &report.scan.evidence_digest),
        prop("evidence-missing", &report.is_evidence_missing().to_string()),
        prop("regions-unknown", &report.coverage.regions_unknown.to_string()),
    ]
}

/// Everything that findings are about, by ARN or name.
fn subjects(report: &Report) -> BTreeMap<&str, (Subject, &str)> {
    let of_findings = report.findings.iter();
    of_findings
        .map(|finding| {
            (
                finding.resource_arn.as_str(),
                (finding.subject, finding.resource_name.as_str()),
            )
        })
        .collect()
}

fn item(arn: &str, subject: Subject, name: &str) -> Value {
    json!({
        "uuid": uuid_of(&["subject", arn]),
        "description": text(name),
        "props": [prop("asset-id", arn), prop("asset-type", subject.as_str())],
    })
}

/// What was reviewed: the controls that rules answer; where no framework has one, backproof's own rules. OSCAL wants the
/// controls of each selection named, so a framework that no rule answers is told in words only.
fn reviewed_controls(report: &Report) -> Value {
    let mut selections: Vec<Value> = Vec::new();
    let mut unreviewed: Vec<String> = Vec::new();
    for framework in &report.frameworks {
        let unanswered = framework.controls.iter().filter(|row| row.answered != "rules").count();
        let words = format!(
            "{} ({}); {} of it have no rule and were not reviewed",
            framework.title,
            framework.version,
            count(unanswered, "control")
        );
        let ids: Vec<String> = controls(framework).into_iter().map(|control| control.token).collect();
        if ids.is_empty() {
            unreviewed.push(words);
        } else {
            selections.push(selection(&words, ids));
        }
    }
    if selections.is_empty() {
        let ids = report.rules.iter().map(|rule| token(&rule.id)).collect();
        selections.push(selection(
            "No control of a framework was reviewed: findings are about backproof's own rules.",
            ids,
        ));
    }
    let mut reviewed = json!({"control-selections": selections});
    if !unreviewed.is_empty() {
        reviewed["description"] = text(&unreviewed.join("; ")).into();
    }
    reviewed
}

fn selection(description: &str, ids: Vec<String>) -> Value {
    let ids: Vec<Value> = ids.into_iter().map(|id| json!({"control-id": id})).collect();
    json!({"description": text(description), "include-controls": ids})
}

fn gap_observation(report: &Report, gap: &Gap) -> Value {
    let target = gap.target.to_string();
    json!({
        "uuid": uuid_of(&["gap", &target, &gap.action, &gap.resource]),
        "title": text(&format!("Not read: {} {}", gap.action, gap.resource)),
        "description": text(&format!("{}; {}", gap.why, gap.so)),
        "props": [prop("target", &target), prop("gap", gap.kind.as_str())],
        "methods": ["EXAMINE"],
        "types": ["gap"],
        "collected": rfc3339(report.scan.as_of),
        "remarks": text(&gap.hint),
    })
}
