//! OCSF Compliance Finding (class 2003, schema 1.8.0), for security lakes: one event on each line.
//!
//! Unknown is `Warning`, in the schema's words "no result due to missing information"; not applicable is `Other`. A
//! waived finding is suppressed and keeps its verdict. One that only advises keeps its verdict too, and is informational:
//! `unmapped.level` says what a finding counts for, `unmapped.severity` what its rule says of it.

use std::io::Write;

use serde_json::{Value, json};

use super::RenderError;
use super::asff::{partition, resource_type};
use super::json::Facts;
use crate::domain::{Finding, Severity, Verdict};
use crate::report::{Report, RuleLine};
use crate::text::one_line;

const FILE: &str = "findings.ocsf.jsonl";
const SCHEMA_VERSION: &str = "1.8.0";

/// Renders the report.
///
/// Errors: the disk refused.
pub(crate) fn render(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let events = Events::new(report);
    for finding in &report.findings {
        serde_json::to_writer(&mut *out, &events.event(finding)).map_err(|error| RenderError::new(FILE, error))?;
        out.write_all(b"\n").map_err(|error| RenderError::new(FILE, error))?;
    }
    Ok(())
}

/// What is the same in every event, or the same for a rule.
struct Events<'r> {
    report: &'r Report,
    standards: Vec<String>,
    controls: std::collections::BTreeMap<&'r str, Vec<String>>,
}

impl<'r> Events<'r> {
    fn new(report: &'r Report) -> Self {
        let standard =
            |framework: &crate::report::FrameworkReport| format!("{} ({})", framework.title, framework.version);
        Self {
            report,
            standards: report.frameworks.iter().map(standard).collect(),
            controls: report.controls_by_rule(),
        }
    }

    fn event(&self, finding: &Finding) -> Value {
        let at = self.report.scan.as_of.timestamp_millis();
        let rule = self.report.rule(&finding.rule);
        let message = one_line(&finding.message);
        let (severity_id, severity) = severity(finding);
        let (status_id, status) = if finding.waived { (3, "Suppressed") } else { (1, "New") };
        let mut event = json!({
            "activity_id": 1,
            "activity_name": "Create",
            "category_uid": 2,
            "category_name": "Findings",
            "class_uid": 2003,
            "class_name": "Compliance Finding",
            "type_uid": 200_301,
            "type_name": "Compliance Finding: Create",
            "time": at,
            "severity_id": severity_id,
            "severity": severity,
            "status_id": status_id,
            "status": status,
            "status_code": finding.verdict.as_str(),
            "status_detail": message,
            "message": format!("{}: {message}", one_line(&finding.resource_name)),
            "metadata": self.metadata(finding),
            "finding_info": finding_info(finding, rule, at),
            "compliance": self.compliance(finding, rule),
            "resources": [self.resource(finding)],
            "cloud": self.cloud(finding),
            "evidences": [self.evidence()],
            "unmapped": {
                "verdict": finding.verdict.as_str(),
                "severity": finding.severity.as_str(),
                "level": finding.level.as_str(),
                "subject": finding.subject.as_str(),
                "waived": finding.waived,
            },
        });
        if finding.waived {
            event["comment"] = one_line(&self.report.why_waived(finding)).into();
        }
        if !finding.remedy.is_empty() {
            event["remediation"] = json!({"desc": one_line(&finding.remedy)});
        }
        event
    }

    fn metadata(&self, finding: &Finding) -> Value {
        let scan = &self.report.scan;
        json!({
            "version": SCHEMA_VERSION,
            "profiles": ["cloud"],
            "uid": finding.id,
            "event_code": &*finding.rule,
            "correlation_uid": scan.id,
            "product": {"name": "backproof", "vendor_name": "backproof", "version": scan.tool_version},
        })
    }

    /// What the finding rests on, by its digest. It is one over many files, so none of the schema's places for the hash of a
    /// file takes it.
    fn evidence(&self) -> Value {
        let scan = &self.report.scan;
        json!({
            "name": "Evidence of the scan",
            "uid": scan.evidence_digest,
            "data": {"algorithm": "SHA-256", "digest": scan.evidence_digest, "scan_id": scan.id},
        })
    }

    fn compliance(&self, finding: &Finding, rule: Option<&RuleLine>) -> Value {
        let (status_id, status) = match finding.verdict {
            Verdict::Compliant => (1, "Pass"),
            Verdict::Unknown => (2, "Warning"),
            Verdict::NonCompliant => (3, "Fail"),
            Verdict::NotApplicable => (99, "Not applicable"),
        };
        let mut compliance = json!({
            "control": &*finding.rule,
            "desc": rule.map(|rule| rule.title.as_str()),
            "status_id": status_id,
            "status": status,
            "status_details": [one_line(&finding.message)],
            "standards": self.standards,
            "requirements": self.controls.get(&*finding.rule).map(Vec::as_slice).unwrap_or_default(),
        });
        drop_empty(&mut compliance);
        compliance
    }

    fn resource(&self, finding: &Finding) -> Value {
        let mut resource = json!({
            "uid": one_line(&finding.resource_arn),
            "name": one_line(&finding.resource_name),
            "type": resource_type(finding.subject),
            "cloud_partition": partition(self.report),
            "region": finding.target.region,
            "data": Facts::read(&finding.evidence),
        });
        drop_empty(&mut resource);
        resource
    }

    fn cloud(&self, finding: &Finding) -> Value {
        let id = &finding.target.account_id;
        let mut cloud = json!({"provider": "AWS", "region": finding.target.region});
        if !id.is_empty() {
            let accounts = &self.report.coverage.accounts;
            let account = accounts.iter().find(|account| account.account_id == *id);
            let name = account
                .map(|account| account.name.as_str())
                .filter(|name| !name.is_empty());
            cloud["account"] = json!({
                "uid": id,
                "name": one_line(name.unwrap_or(id)),
                "type_id": 10,
                "type": "AWS Account",
            });
        }
        drop_empty(&mut cloud);
        cloud
    }
}

fn finding_info(finding: &Finding, rule: Option<&RuleLine>, at: i64) -> Value {
    let title = rule.map_or(&*finding.rule, |rule| rule.title.as_str());
    json!({
        "uid": finding.id,
        "title": title,
        "desc": one_line(&finding.message),
        "created_time": at,
        "last_seen_time": at,
        "types": ["Software and Configuration Checks"],
        "analytic": {"uid": &*finding.rule, "name": title, "type_id": 1, "type": "Rule"},
    })
}

/// What is right, what does not apply and what only advises is only information.
fn severity(finding: &Finding) -> (u8, &'static str) {
    match (finding.verdict, finding.severity) {
        _ if !finding.is_required() => (1, "Informational"),
        (Verdict::Compliant | Verdict::NotApplicable, _) => (1, "Informational"),
        (_, Severity::Low) => (2, "Low"),
        (_, Severity::Medium) => (3, "Medium"),
        (_, Severity::High) => (4, "High"),
        (_, Severity::Critical) => (5, "Critical"),
    }
}

/// A member that has nothing to say is left out.
fn drop_empty(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| match member {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            _ => true,
        });
    }
}
