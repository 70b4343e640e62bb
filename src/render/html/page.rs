//! What stands in the page itself, for readers with and without scripts and for paper: the values that
//! `report-templates/report.html` names.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Value, json};

use super::DATA;
use super::charts::{self, RuleCounts};
use super::{answers, changes};
use crate::domain::{Finding, Gap, Verdict, rfc3339};
use crate::render::digest::Digest;
use crate::render::statement::{Statement, capitalised};
use crate::render::templates::fuel;
use crate::report::{Conclusion, ControlRow, DrillLine, FrameworkReport, Report, TargetCoverage, TierLine, WaiverLine};

/// Findings that stand in the page itself.
const STATIC_FINDINGS: usize = 1000;

/// Fills the template in. `embedded`: what the page's script gets of the report.
///
/// Errors: the template is broken.
pub(super) fn render(
    report: &Report,
    digest: &Digest,
    embedded: &Report,
    template: &str,
    (style, script, policy): (&str, &str, &str),
) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    // A name that does not exist is a mistake in the template, not an empty place in a report.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("grouped", grouped);
    environment.add_template("report.html", template)?;
    let mut values = values(report, digest);
    values["embedded"] = json!({
        "tables": embedded.tables.len(),
        "findings": embedded.findings.len(),
        "is_all": embedded.findings.len() == report.findings.len(),
    });
    without_nul(&mut values);
    environment.set_fuel(Some(fuel(&values)));
    values["css"] = json!(style);
    values["js"] = json!(script);
    values["content_security_policy"] = json!(policy);
    values["data"] = json!(DATA);
    environment
        .get_template("report.html")?
        .render(minijinja::value::Serde(values))
}

/// HTML has no place for U+0000: a browser shows U+FFFD for it, and so does the page. [`DATA`] rests on that.
fn without_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(without_nul),
        Value::Object(fields) => fields.values_mut().for_each(without_nul),
        _ => {}
    }
}

/// A count with commas: `10,000`.
fn grouped(number: u64) -> String {
    crate::render::pdf::text::grouped(usize::try_from(number).unwrap_or(usize::MAX))
}

fn values(report: &Report, digest: &Digest) -> Value {
    let by_rule = charts::count_by_rule(report);
    let open: Vec<&Finding> = report.findings.iter().filter(|finding| is_open(finding)).collect();
    json!({
        "scan": scan(report),
        "statement": statement(report),
        "totals": totals(report),
        "policy": report.policy,
        "donut": charts::donut(report),
        "questions": answers::questions(report, digest),
        "action": answers::action(report, digest),
        "rest": answers::rest(report, digest),
        "changes": changes::changes(report),
        "severities": charts::severities(report),
        "ages": charts::ages(report),
        "matrix": charts::matrix(report),
        "days": charts::days(report),
        "rules": rules(report, &by_rule),
        "targets": report.coverage.targets.iter().map(|target| target_row(report, target)).collect::<Vec<_>>(),
        "gaps": report.coverage.gaps.iter().map(gap_row).collect::<Vec<_>>(),
        "coverage": coverage(report),
        "drills": report.drills.iter().map(drill_row).collect::<Vec<_>>(),
        "tiers": report.tiers.iter().map(tier_row).collect::<Vec<_>>(),
        "waivers": waivers(report),
        "frameworks": report.frameworks.iter().map(framework).collect::<Vec<_>>(),
        "open": json!({
            "total": open.len(),
            "shown": open.len().min(STATIC_FINDINGS),
            "rows": worst(open).into_iter().map(static_row).collect::<Vec<_>>(),
        }),
    })
}

/// Required, not good news, and not accepted by a waiver.
fn is_open(finding: &Finding) -> bool {
    matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown) && !finding.waived && finding.is_required()
}

/// The first of them, non-compliant before unknown, grave before mild.
fn worst(mut open: Vec<&Finding>) -> Vec<&Finding> {
    let rank = |finding: &Finding| (finding.verdict == Verdict::Unknown, std::cmp::Reverse(finding.severity));
    open.sort_by_key(|finding| rank(finding));
    open.truncate(STATIC_FINDINGS);
    open
}

fn scan(report: &Report) -> Value {
    let scan = &report.scan;
    json!({
        "id": scan.id,
        "as_of": rfc3339(scan.as_of),
        "started_at": rfc3339(scan.started_at),
        "finished_at": rfc3339(scan.finished_at),
        "caller_arn": scan.caller_arn,
        "tool_version": scan.tool_version,
        "call_count": scan.call_count,
        "evidence_digest": scan.evidence_digest,
    })
}

/// The whole report in one sentence, the same as in the PDF; never green while anything is unknown or was not asked.
fn statement(report: &Report) -> Value {
    let statement = Statement::of(report);
    let kind = match statement.conclusion {
        Conclusion::NonCompliant => "bad",
        Conclusion::EvidenceMissing | Conclusion::NothingToProve | Conclusion::GapsElsewhere => "unknown",
        Conclusion::NotAsked | Conclusion::PolicyNotAsked => "not-asked",
        Conclusion::Waived => "waived",
        Conclusion::Compliant => "ok",
    };
    json!({
        "kind": kind,
        "document": statement.title,
        "title": statement.short,
        "text": capitalised(statement.sentence()),
        "details": statement.details,
    })
}

fn totals(report: &Report) -> Value {
    json!({
        "tables": report.totals.tables,
        "findings": report.totals.findings,
        "waived": report.totals.waived,
        "accounts": report.coverage.accounts.len(),
        "targets": report.coverage.targets.len(),
        "gaps": report.coverage.gaps.len(),
        "is_evidence_missing": report.is_evidence_missing(),
    })
}

fn rules(report: &Report, by_rule: &HashMap<&str, RuleCounts>) -> Vec<Value> {
    let row = |rule: &crate::report::RuleLine| {
        let of = by_rule.get(rule.id.as_str()).copied().unwrap_or_default();
        json!({
            "id": rule.id,
            "title": rule.title,
            "subject": rule.subject.as_str(),
            "severity": rule.severity.as_str(),
            "level": rule.level.as_str(),
            "non_compliant": of.non_compliant,
            "waived": of.waived,
            "unknown": of.unknown,
            "compliant": of.compliant,
            "not_applicable": of.not_applicable,
        })
    };
    let mut rules: Vec<_> = report.rules.iter().collect();
    rules.sort_by_key(|rule| (rule.level, std::cmp::Reverse(rule.severity)));
    rules.into_iter().map(row).collect()
}

fn target_row(report: &Report, target: &TargetCoverage) -> Value {
    let id = &target.target.account_id;
    let account = report
        .coverage
        .accounts
        .iter()
        .find(|account| account.account_id == *id);
    json!({
        "account_id": id,
        "name": account.map(|account| account.name.as_str()).unwrap_or_default(),
        "region": target.target.region,
        "status": target.status,
        "listed": target.tables_listed,
        "described": target.tables_described,
        "calls": target.call_count,
        "gaps": target.gap_count,
    })
}

fn drill_row(drill: &DrillLine) -> Value {
    json!({
        "table": drill.table_name,
        "account_id": drill.target.account_id,
        "region": drill.target.region,
        "at": rfc3339(drill.tested_at),
        "words": drill.words(),
        "detail": drill.detail,
        "standing": drill.standing(),
        "counts": drill.why_not.is_none(),
        "point": drill.point_arn,
        "run": drill.run_id,
        "number": drill.number,
        "manifest": drill.manifest_sha256,
        "source": drill.source,
    })
}

fn gap_row(gap: &Gap) -> Value {
    json!({
        "action": gap.action,
        "resource": gap.resource,
        "account_id": gap.target.account_id,
        "region": gap.target.region,
        "kind": gap.kind.as_str(),
        "why": gap.why,
        "so": gap.so,
        "hint": gap.hint,
    })
}

fn coverage(report: &Report) -> Value {
    let coverage = &report.coverage;
    json!({
        "tables_listed": coverage.tables_listed,
        "tables_described": coverage.tables_described,
        "tables_vanished": coverage.tables_vanished,
        "tables_unknown": coverage.tables_unknown,
        "regions_unknown": coverage.regions_unknown,
        "not_asked": coverage.not_asked,
    })
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

fn tier_row(tier: &TierLine) -> Value {
    let exemption = tier.exemption.as_ref().map(|exemption| {
        json!({
            "reason": exemption.reason,
            "approver": exemption.approver,
            "until": exemption.expires_at.map(day),
            "most": exemption.max_tables,
            "is_in_force": exemption.is_in_force,
        })
    });
    json!({
        "name": tier.name,
        "when": tier.when,
        "values": tier.values,
        "exemption": exemption,
        "tables": tier.table_count,
    })
}

/// Waivers, for the page and for its script.
pub(super) fn waivers(report: &Report) -> Vec<Value> {
    let row = |waiver: &WaiverLine| {
        json!({
            "id": waiver.id,
            "rule": waiver.what(),
            "pattern": waiver.tables,
            "reason": waiver.reason,
            "instead": waiver.compensating_control,
            "requester": waiver.requester,
            "approver": waiver.approver,
            "approved": day(waiver.approved_at),
            "until": day(waiver.expires_at),
            "ticket": waiver.ticket,
            "tables": waiver.table_count,
            "findings": waiver.finding_count,
            "is_in_force": waiver.is_in_force,
        })
    };
    report.waivers.iter().map(row).collect()
}

fn framework(framework: &FrameworkReport) -> Value {
    json!({
        "title": framework.title,
        "version": framework.version,
        "laxer": framework.laxer,
        "controls": framework.controls.iter().map(control).collect::<Vec<_>>(),
    })
}

fn control(row: &ControlRow) -> Value {
    let of = |verdict: Verdict| row.counts.get(&verdict).copied().unwrap_or(0);
    json!({
        "id": row.id,
        "question": row.question,
        "relation": row.relation,
        "letter": row.letter,
        "asks": row.asks,
        "only_if": row.only_if,
        "rules": row.rules,
        "answered": row.answered,
        "verdict": row.verdict.map_or("not judged", Verdict::as_str),
        "non_compliant": of(Verdict::NonCompliant),
        "unknown": of(Verdict::Unknown),
        "compliant": of(Verdict::Compliant),
        "waived": row.waived,
    })
}

fn static_row(finding: &Finding) -> Value {
    json!({
        "subject": finding.subject.as_str(),
        "name": finding.resource_name,
        "account_id": finding.target.account_id,
        "region": finding.target.region,
        "rule": &*finding.rule,
        "severity": finding.severity.as_str(),
        "verdict": finding.verdict.as_str(),
        "message": finding.message,
        "remedy": &*finding.remedy,
    })
}
