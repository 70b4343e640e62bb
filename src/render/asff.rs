//! The AWS Security Finding Format: what Security Hub takes, as a file and, with `--push securityhub`, as its API.
//!
//! Unknown is `WARNING` (some information is missing), never `PASSED`. A waived finding is suppressed, with a note. Rules
//! that do not ask about a thing say nothing here. What only advises is `INFORMATIONAL` and keeps its verdict. Findings on
//! waivers and exemptions, which live in no account, stand in the caller's own.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

use super::RenderError;
use super::csv::value_text;
use super::stream::{Each, write_json};
use crate::domain::{Arn, Finding, Severity, Subject, TargetId, Verdict, rfc3339};
use crate::report::Report;
use crate::text::cut;

/// What ids, generators and fields of this program begin with.
pub(crate) const PREFIX: &str = "backproof/";

/// The field that tells whether this program suppressed a finding.
pub(crate) const WAIVED: &str = "backproof/waived";

/// Facts told of one finding; Security Hub takes 50 fields in all.
const MOST_FACTS: usize = 30;
/// Far below Security Hub's 2,048, so that a finding never nears 240 KB.
const LONGEST_FACT: usize = 512;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SecurityFinding {
    /// Always `2018-10-08`.
    pub(crate) schema_version: &'static str,
    /// Stable over scans.
    pub(crate) id: String,
    /// The account's own product: custom integrations have no other.
    pub(crate) product_arn: String,
    /// This program.
    pub(crate) product_name: &'static str,
    /// This program.
    pub(crate) company_name: &'static str,
    /// The rule.
    pub(crate) generator_id: String,
    /// Twelve digits.
    pub(crate) aws_account_id: String,
    /// When it was first seen.
    pub(crate) created_at: String,
    /// The instant of the evidence.
    pub(crate) updated_at: String,
    /// The same: when it was last seen.
    pub(crate) last_observed_at: String,
    /// The good state that the rule asks for.
    pub(crate) title: String,
    /// What was found.
    pub(crate) description: String,
    /// Severity and type, as their provider sees them.
    pub(crate) finding_provider_fields: ProviderFields,
    /// What to do; compliant findings have nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remediation: Option<Remediation>,
    /// What no other field can say.
    pub(crate) product_fields: BTreeMap<String, String>,
    /// The thing that is judged.
    pub(crate) resources: [Resource; 1],
    /// The verdict.
    pub(crate) compliance: Compliance,
    /// For waived findings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workflow: Option<Workflow>,
    /// For waived findings: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<Note>,
    /// `ACTIVE`, or `ARCHIVED` for what is gone.
    pub(crate) record_state: &'static str,
}

/// Severity and type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ProviderFields {
    /// How much it matters.
    pub(crate) severity: ProviderSeverity,
    /// Security Hub's taxonomy.
    pub(crate) types: [&'static str; 1],
}

/// How much a finding matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ProviderSeverity {
    /// `INFORMATIONAL`, `LOW`, `MEDIUM`, `HIGH` or `CRITICAL`.
    pub(crate) label: &'static str,
    /// The rule's own word.
    pub(crate) original: &'static str,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Remediation {
    /// In words.
    pub(crate) recommendation: Recommendation,
}

/// What to do, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Recommendation {
    /// At most 512 characters.
    pub(crate) text: String,
}

/// The thing that is judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Resource {
    /// A word of Security Hub's list.
    #[serde(rename = "Type")]
    pub(crate) kind: &'static str,
    /// Its ARN, if it has one.
    pub(crate) id: String,
    /// Only those that Security Hub knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partition: Option<&'static str>,
    /// Where it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Compliance {
    /// `PASSED`, `FAILED`, or `WARNING` for unknown.
    pub(crate) status: &'static str,
    /// Controls of the chosen frameworks, at most 32.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) related_requirements: Vec<String>,
    /// Why it is unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) status_reasons: Vec<StatusReason>,
}

/// Why a verdict is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StatusReason {
    /// A word for machines.
    pub(crate) reason_code: &'static str,
    /// A sentence for people.
    pub(crate) description: String,
}

/// State of the work on a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Workflow {
    /// Always `SUPPRESSED`: other states are for people.
    pub(crate) status: &'static str,
}

/// Why a finding is waived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Note {
    /// At most 512 characters.
    pub(crate) text: String,
    /// This program.
    pub(crate) updated_by: &'static str,
    /// The instant of the evidence.
    pub(crate) updated_at: String,
}

/// Renders `findings.asff.json`: a list, as `aws securityhub batch-import-findings --findings` takes it, 100 at a time.
///
/// Errors: the disk refused.
pub(crate) fn render(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let list = Each(|| findings(report, |_| true).map(|(_, finding)| finding));
    write_json(&list, "findings.asff.json", out)
}

/// Every finding that says something and that is wanted, with the account and Region whose Security Hub takes it.
pub(crate) fn findings<'r>(
    report: &'r Report,
    is_wanted: impl Fn(&Finding) -> bool + 'r,
) -> impl Iterator<Item = (TargetId, SecurityFinding)> + 'r {
    let controls = report.controls_by_rule();
    let home = home(report);
    let said = report
        .findings
        .iter()
        .filter(move |finding| finding.verdict != Verdict::NotApplicable && is_wanted(finding));
    said.filter_map(move |finding| {
        let target = if finding.target.account_id.is_empty() {
            home.clone()?
        } else {
            finding.target.clone()
        };
        let of_rule = controls.get(&*finding.rule).map(Vec::as_slice).unwrap_or_default();
        let one = security_finding(report, finding, &target, of_rule);
        Some((target, one))
    })
}

/// Where findings go that live in no account: the caller's own account, in its first Region in scope.
fn home(report: &Report) -> Option<TargetId> {
    let own = Arn::parse(&report.scan.caller_arn).map(|arn| arn.account_id);
    let mut targets = report.coverage.targets.iter().map(|target| &target.target);
    let first = targets.clone().next();
    targets
        .find(|target| Some(target.account_id.as_str()) == own)
        .or(first)
        .cloned()
}

/// The ARN under which an account's own products send findings.
pub(crate) fn product_arn(partition: &str, target: &TargetId) -> String {
    let TargetId { account_id, region } = target;
    format!("arn:{partition}:securityhub:{region}:{account_id}:product/{account_id}/default")
}

/// The partition of the scan: all of its targets are in one.
pub(crate) fn partition(report: &Report) -> &str {
    Arn::parse(&report.scan.caller_arn).map_or("aws", |arn| arn.partition)
}

/// The id under which Security Hub has a finding.
pub(crate) fn id_of(finding: &Finding) -> String {
    format!("{PREFIX}{}", finding.id)
}

fn security_finding(report: &Report, finding: &Finding, target: &TargetId, controls: &[String]) -> SecurityFinding {
    let as_of = rfc3339(report.scan.as_of);
    let rule = report.rule(&finding.rule);
    let title = rule.map_or(&*finding.rule, |rule| rule.title.as_str());
    let message = format!("{}: {}", finding.resource_name, finding.message);
    SecurityFinding {
        schema_version: "2018-10-08",
        id: id_of(finding),
        product_arn: product_arn(partition(report), target),
        product_name: "backproof",
        company_name: "backproof",
        generator_id: cut(&format!("{PREFIX}{}", finding.rule), 512),
        aws_account_id: target.account_id.clone(),
        created_at: as_of.clone(),
        updated_at: as_of.clone(),
        last_observed_at: as_of.clone(),
        title: cut(title, 256),
        description: cut(&message, 1024),
        finding_provider_fields: ProviderFields {
            severity: ProviderSeverity {
                label: label(finding),
                original: finding.severity.as_str(),
            },
            types: ["Software and Configuration Checks/AWS Security Best Practices"],
        },
        remediation: remedy(finding).map(|text| Remediation {
            recommendation: Recommendation { text: cut(text, 512) },
        }),
        product_fields: product_fields(report, finding),
        resources: [resource(report, finding, target)],
        compliance: compliance(finding, controls),
        workflow: finding.waived.then_some(Workflow { status: "SUPPRESSED" }),
        note: finding.waived.then(|| Note {
            text: cut(&report.why_waived(finding), 512),
            updated_by: "backproof",
            updated_at: as_of,
        }),
        record_state: "ACTIVE",
    }
}

/// What is right matters to nobody, as with Security Hub's own controls; what only advises calls nobody out of bed.
fn label(finding: &Finding) -> &'static str {
    match (finding.verdict, finding.severity) {
        _ if !finding.is_required() => "INFORMATIONAL",
        (Verdict::Compliant | Verdict::NotApplicable, _) => "INFORMATIONAL",
        (_, Severity::Low) => "LOW",
        (_, Severity::Medium) => "MEDIUM",
        (_, Severity::High) => "HIGH",
        (_, Severity::Critical) => "CRITICAL",
    }
}

fn remedy(finding: &Finding) -> Option<&str> {
    match finding.verdict {
        Verdict::NonCompliant => Some(&*finding.remedy).filter(|remedy| !remedy.is_empty()),
        Verdict::Unknown => {
            Some("let the audit role read what is missing; `backproof explain permissions` prints its whole policy")
        }
        Verdict::Compliant | Verdict::NotApplicable => None,
    }
}

fn compliance(finding: &Finding, controls: &[String]) -> Compliance {
    let status_reasons = if finding.verdict == Verdict::Unknown {
        vec![StatusReason {
            reason_code: "EVIDENCE_MISSING",
            description: cut(&finding.message, 1024),
        }]
    } else {
        Vec::new()
    };
    Compliance {
        status: match finding.verdict {
            Verdict::Compliant => "PASSED",
            Verdict::NonCompliant => "FAILED",
            Verdict::Unknown => "WARNING",
            Verdict::NotApplicable => "NOT_AVAILABLE",
        },
        related_requirements: controls.iter().take(32).map(|control| cut(control, 64)).collect(),
        status_reasons,
    }
}

fn product_fields(report: &Report, finding: &Finding) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = [
        ("rule", finding.rule.to_string()),
        ("verdict", finding.verdict.to_string()),
        ("subject", finding.subject.to_string()),
        ("level", finding.level.to_string()),
        ("waived", finding.waived.to_string()),
        ("scan-id", report.scan.id.clone()),
        ("evidence-digest", report.scan.evidence_digest.clone()),
        ("tool-version", report.scan.tool_version.clone()),
        ("resource-name", cut(&finding.resource_name, LONGEST_FACT)),
    ]
    .into_iter()
    .filter(|(_, value)| !value.trim().is_empty())
    .map(|(name, value)| (format!("{PREFIX}{name}"), value))
    .collect();
    for (name, value) in finding.evidence.iter().take(MOST_FACTS) {
        let value = cut(&value_text(value), LONGEST_FACT);
        let value = if value.trim().is_empty() {
            "none".to_owned()
        } else {
            value
        };
        fields.insert(format!("{PREFIX}evidence/{}", cut(name, 100)), value);
    }
    fields
}

fn resource(report: &Report, finding: &Finding, target: &TargetId) -> Resource {
    let id = match finding.subject {
        Subject::Target => format!("AWS::::Account:{}", target.account_id),
        Subject::Waiver | Subject::Exemption => format!("{PREFIX}{}/{}", finding.subject, finding.resource_arn),
        _ => finding.resource_arn.clone(),
    };
    Resource {
        kind: resource_type(finding.subject),
        id: cut(&id, 2048),
        partition: ["aws", "aws-cn", "aws-us-gov"]
            .into_iter()
            .find(|known| *known == partition(report)),
        region: Some(target.region.clone()).filter(|region| !region.is_empty()),
    }
}

/// Security Hub's word for a kind of thing.
pub(crate) fn resource_type(subject: Subject) -> &'static str {
    match subject {
        Subject::Table => "AwsDynamoDbTable",
        Subject::RecoveryPoint => "AwsBackupRecoveryPoint",
        Subject::Vault => "AwsBackupBackupVault",
        Subject::Plan => "AwsBackupBackupPlan",
        Subject::Target => "AwsAccount",
        Subject::Waiver | Subject::Exemption => "Other",
    }
}
