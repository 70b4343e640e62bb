//! `report.json`: versioned, with structs of its own, so that the inside may change and the file may not.
//!
//! A fact that is not known is null. Instants are RFC 3339 in UTC; numbers have at most six decimals.

use std::io::Write;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{RenderError, Report, TableRow};
use crate::domain::{FactName, FactValue, Finding, Gap, Severity, Verdict, rfc3339};

/// Raised whenever a field is removed or changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// Renders the report.
///
/// Errors: the disk refused.
pub fn render(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let fail = |error: String| RenderError::new("report.json", error);
    serde_json::to_writer_pretty(&mut *out, &Document::of(report)).map_err(|error| fail(error.to_string()))?;
    out.write_all(b"\n").map_err(|error| fail(error.to_string()))
}

#[derive(serde::Serialize)]
struct Document<'r> {
    schema_version: u32,
    scan: Scan<'r>,
    policy: Pairs<'r>,
    tiers: Vec<Tier<'r>>,
    waivers: Vec<Waiver<'r>>,
    frameworks: Vec<Framework<'r>>,
    rules: Vec<Rule<'r>>,
    totals: Totals,
    coverage: Coverage<'r>,
    tables: Vec<Table<'r>>,
    findings: Vec<OneFinding<'r>>,
}

#[derive(serde::Serialize)]
struct Scan<'r> {
    id: &'r str,
    as_of: String,
    started_at: String,
    finished_at: String,
    caller_arn: &'r str,
    tool_version: &'r str,
    call_count: u64,
}

#[derive(serde::Serialize)]
struct Rule<'r> {
    id: &'r str,
    subject: &'static str,
    title: &'r str,
    severity: &'static str,
    remedy: &'r str,
}

#[derive(serde::Serialize)]
struct Tier<'r> {
    name: &'r str,
    when: &'r str,
    values: Pairs<'r>,
    exemption: Option<Exemption<'r>>,
    table_count: usize,
}

#[derive(serde::Serialize)]
struct Exemption<'r> {
    reason: &'r str,
    approver: &'r str,
    expires_at: Option<String>,
    is_in_force: bool,
}

#[derive(serde::Serialize)]
struct Waiver<'r> {
    id: &'r str,
    rule: &'r str,
    tables: &'r str,
    reason: &'r str,
    compensating_control: &'r str,
    requester: &'r str,
    approver: &'r str,
    approved_at: String,
    expires_at: String,
    ticket: &'r str,
    table_count: usize,
    finding_count: usize,
    is_in_force: bool,
}

#[derive(serde::Serialize)]
struct Framework<'r> {
    id: &'r str,
    title: &'r str,
    version: &'r str,
    controls: Vec<Control<'r>>,
}

#[derive(serde::Serialize)]
struct Control<'r> {
    id: &'r str,
    question: &'r str,
    relation: &'r str,
    letter: &'r str,
    asks: &'r str,
    only_if: &'r str,
    answered: &'r str,
    rules: Vec<&'r str>,
    verdict: Option<&'static str>,
    counts: Counts,
    waived: usize,
}

#[derive(serde::Serialize)]
struct Totals {
    tables: usize,
    tables_by_verdict: Counts,
    findings: usize,
    findings_by_verdict: Counts,
    non_compliant_by_severity: Counts,
    waived: usize,
}

#[derive(serde::Serialize)]
struct Coverage<'r> {
    accounts: Vec<Account<'r>>,
    targets: Vec<Target<'r>>,
    tables_listed: usize,
    tables_described: usize,
    tables_vanished: usize,
    tables_unknown: usize,
    regions_unknown: bool,
    gaps: Vec<OneGap<'r>>,
}

#[derive(serde::Serialize)]
struct Account<'r> {
    account_id: &'r str,
    name: &'r str,
    status: &'static str,
}

#[derive(serde::Serialize)]
struct Target<'r> {
    account_id: &'r str,
    region: &'r str,
    status: &'static str,
    tables_listed: Option<usize>,
    tables_described: usize,
    call_count: u64,
    gap_count: usize,
}

#[derive(serde::Serialize)]
struct OneGap<'r> {
    account_id: &'r str,
    region: &'r str,
    action: &'r str,
    resource: &'r str,
    kind: &'static str,
    why: &'r str,
    so: &'r str,
    hint: &'r str,
}

#[derive(serde::Serialize)]
struct Table<'r> {
    table_arn: &'r str,
    table_name: &'r str,
    account_id: &'r str,
    region: &'r str,
    verdict: &'static str,
    facts: Facts<'r>,
}

#[derive(serde::Serialize)]
struct OneFinding<'r> {
    id: &'r str,
    rule: &'r str,
    subject: &'static str,
    resource_arn: &'r str,
    resource_name: &'r str,
    account_id: &'r str,
    region: &'r str,
    verdict: &'static str,
    severity: &'static str,
    waived: bool,
    waiver: Option<&'r str>,
    message: &'r str,
    remedy: &'r str,
    evidence: Facts<'r>,
}

impl<'r> Document<'r> {
    fn of(report: &'r Report) -> Self {
        let by_verdict = |counts: &std::collections::BTreeMap<Verdict, usize>| {
            Counts(
                Verdict::ALL
                    .map(|verdict| (verdict.as_str(), counts.get(&verdict).copied().unwrap_or(0)))
                    .to_vec(),
            )
        };
        let severities = &report.totals.non_compliant_by_severity;
        let scan = &report.scan;
        Self {
            schema_version: SCHEMA_VERSION,
            scan: Scan {
                id: &scan.id,
                as_of: rfc3339(scan.as_of),
                started_at: rfc3339(scan.started_at),
                finished_at: rfc3339(scan.finished_at),
                caller_arn: &scan.caller_arn,
                tool_version: &scan.tool_version,
                call_count: scan.call_count,
            },
            policy: Pairs(&report.policy),
            tiers: report.tiers.iter().map(Tier::of).collect(),
            waivers: report.waivers.iter().map(Waiver::of).collect(),
            frameworks: report.frameworks.iter().map(Framework::of).collect(),
            rules: report
                .rules
                .iter()
                .map(|rule| Rule {
                    id: &rule.id,
                    subject: rule.subject.as_str(),
                    title: &rule.title,
                    severity: rule.severity.as_str(),
                    remedy: &rule.remedy,
                })
                .collect(),
            totals: Totals {
                tables: report.totals.tables,
                tables_by_verdict: by_verdict(&report.totals.tables_by_verdict),
                findings: report.totals.findings,
                findings_by_verdict: by_verdict(&report.totals.findings_by_verdict),
                non_compliant_by_severity: Counts(
                    Severity::ALL
                        .map(|severity| (severity.as_str(), severities.get(&severity).copied().unwrap_or(0)))
                        .to_vec(),
                ),
                waived: report.totals.waived,
            },
            coverage: Coverage::of(report),
            tables: report.tables.iter().map(Table::of).collect(),
            findings: report.findings.iter().map(OneFinding::of).collect(),
        }
    }
}

impl<'r> Tier<'r> {
    fn of(tier: &'r super::TierLine) -> Self {
        Self {
            name: &tier.name,
            when: &tier.when,
            values: Pairs(&tier.values),
            exemption: tier.exemption.as_ref().map(|exemption| Exemption {
                reason: &exemption.reason,
                approver: &exemption.approver,
                expires_at: exemption.expires_at.map(rfc3339),
                is_in_force: exemption.is_in_force,
            }),
            table_count: tier.table_count,
        }
    }
}

impl<'r> Waiver<'r> {
    fn of(waiver: &'r super::WaiverLine) -> Self {
        Self {
            id: &waiver.id,
            rule: &waiver.rule,
            tables: &waiver.tables,
            reason: &waiver.reason,
            compensating_control: &waiver.compensating_control,
            requester: &waiver.requester,
            approver: &waiver.approver,
            approved_at: rfc3339(waiver.approved_at),
            expires_at: rfc3339(waiver.expires_at),
            ticket: &waiver.ticket,
            table_count: waiver.table_count,
            finding_count: waiver.finding_count,
            is_in_force: waiver.is_in_force,
        }
    }
}

impl<'r> Framework<'r> {
    fn of(framework: &'r super::FrameworkReport) -> Self {
        Self {
            id: &framework.id,
            title: &framework.title,
            version: &framework.version,
            controls: framework.controls.iter().map(Control::of).collect(),
        }
    }
}

impl<'r> Control<'r> {
    fn of(row: &'r super::ControlRow) -> Self {
        Self {
            id: &row.id,
            question: &row.question,
            relation: &row.relation,
            letter: &row.letter,
            asks: &row.asks,
            answered: &row.answered,
            rules: row.rules.iter().map(String::as_str).collect(),
            only_if: &row.only_if,
            verdict: row.verdict.map(Verdict::as_str),
            counts: Counts(
                Verdict::ALL
                    .map(|verdict| (verdict.as_str(), row.counts.get(&verdict).copied().unwrap_or(0)))
                    .to_vec(),
            ),
            waived: row.waived,
        }
    }
}

impl<'r> Coverage<'r> {
    fn of(report: &'r Report) -> Self {
        let coverage = &report.coverage;
        let account = |account: &'r super::AccountCoverage| Account {
            account_id: &account.account_id,
            name: &account.name,
            status: account.status,
        };
        let target = |target: &'r super::TargetCoverage| Target {
            account_id: &target.target.account_id,
            region: &target.target.region,
            status: target.status,
            tables_listed: target.tables_listed,
            tables_described: target.tables_described,
            call_count: target.call_count,
            gap_count: target.gap_count,
        };
        Self {
            accounts: coverage.accounts.iter().map(account).collect(),
            targets: coverage.targets.iter().map(target).collect(),
            tables_listed: coverage.tables_listed,
            tables_described: coverage.tables_described,
            tables_vanished: coverage.tables_vanished,
            tables_unknown: coverage.tables_unknown,
            regions_unknown: coverage.regions_unknown,
            gaps: coverage.gaps.iter().map(OneGap::of).collect(),
        }
    }
}

impl<'r> OneGap<'r> {
    fn of(gap: &'r Gap) -> Self {
        Self {
            account_id: &gap.target.account_id,
            region: &gap.target.region,
            action: &gap.action,
            resource: &gap.resource,
            kind: gap.kind.as_str(),
            why: &gap.why,
            so: &gap.so,
            hint: &gap.hint,
        }
    }
}

impl<'r> Table<'r> {
    fn of(table: &'r TableRow) -> Self {
        Self {
            table_arn: &table.table_arn,
            table_name: &table.table_name,
            account_id: &table.target.account_id,
            region: &table.target.region,
            verdict: table.verdict.as_str(),
            facts: Facts(&table.facts),
        }
    }
}

impl<'r> OneFinding<'r> {
    fn of(finding: &'r Finding) -> Self {
        Self {
            id: &finding.id,
            rule: &finding.rule,
            subject: finding.subject.as_str(),
            resource_arn: &finding.resource_arn,
            resource_name: &finding.resource_name,
            account_id: &finding.target.account_id,
            region: &finding.target.region,
            verdict: finding.verdict.as_str(),
            severity: finding.severity.as_str(),
            waived: finding.waived,
            waiver: finding.waiver.as_deref(),
            message: &finding.message,
            remedy: &finding.remedy,
            evidence: Facts(&finding.evidence),
        }
    }
}

/// A map in a fixed order.
struct Counts(Vec<(&'static str, usize)>);

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, count)| (name, count)))
    }
}

/// A map of texts in a fixed order.
struct Pairs<'r>(&'r [(String, String)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Facts as one line of JSON, as in `report.json`.
pub fn facts_json(facts: &[(FactName, FactValue)]) -> String {
    serde_json::to_string(&Facts(facts)).expect("facts always have a JSON form")
}

/// Facts by name; null is not known.
struct Facts<'r>(&'r [(FactName, FactValue)]);

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_key(name)?;
            match value {
                FactValue::Unknown => map.serialize_value(&())?,
                FactValue::Bool(flag) => map.serialize_value(flag)?,
                FactValue::Int(number) => map.serialize_value(number)?,
                FactValue::Float(number) => map.serialize_value(&((number * 1e6).round() / 1e6))?,
                FactValue::Text(text) => map.serialize_value(&**text)?,
                FactValue::Time(at) => map.serialize_value(&rfc3339(*at))?,
            }
        }
        map.end()
    }
}
