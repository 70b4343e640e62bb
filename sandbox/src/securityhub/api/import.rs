//! `BatchImportFindings`: creates findings, and updates those that their provider knows something newer of.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use super::format;
use super::input::{MOST, invalid};
use crate::call::{ApiError, Call};
use crate::securityhub::state::{Finding, State, inner, text};

/// What belongs to the people who work on a finding: later imports leave it alone.
const OF_CUSTOMERS: [&str; 4] = ["Note", "UserDefinedFields", "VerificationState", "Workflow"];

pub(super) fn import(
    hub: &mut State,
    call: &Call,
    product: &str,
    input: &Map<String, Value>,
) -> Result<Value, ApiError> {
    let findings = input.get("Findings").and_then(Value::as_array).map(Vec::as_slice);
    let Some(findings) = findings.filter(|findings| (1..=MOST).contains(&findings.len())) else {
        return Err(invalid("Findings must have between 1 and 100 items".to_owned()));
    };
    let mut failed = Vec::new();
    for finding in findings {
        let Some(finding) = finding.as_object() else {
            return Err(invalid("Findings must be a list of structures".to_owned()));
        };
        if let Err((code, message)) = one(hub, call, product, finding) {
            failed.push(json!({"Id": text(finding, "Id"), "ErrorCode": code, "ErrorMessage": message}));
        }
    }
    Ok(json!({
        "FailedCount": failed.len(),
        "SuccessCount": findings.len() - failed.len(),
        "FailedFindings": failed,
    }))
}

fn one(hub: &mut State, call: &Call, product: &str, sent: &Finding) -> Result<(), (&'static str, String)> {
    if let Some(problem) = format::problem(sent) {
        return Err(("InvalidInput", problem));
    }
    let (account, own) = (text(sent, "AwsAccountId"), &call.caller.account);
    if account != own || text(sent, "ProductArn") != product {
        let message = format!("Account {own} may not import findings of account {account} under this product");
        return Err(("InvalidAccess", message));
    }
    let key = (product.to_owned(), text(sent, "Id").to_owned());
    let stored = match hub.findings.get(&key) {
        None => created(sent, call),
        // What is not newer is taken and changes nothing.
        Some(old) if instant(sent) <= instant(old) => return Ok(()),
        Some(old) => updated(old, sent, call),
    };
    hub.findings.insert(key, stored);
    Ok(())
}

fn instant(finding: &Finding) -> Option<DateTime<chrono::FixedOffset>> {
    DateTime::parse_from_rfc3339(text(finding, "UpdatedAt")).ok()
}

/// What Security Hub adds to every finding.
fn completed(mut finding: Finding, call: &Call) -> Finding {
    let provider = finding.get("FindingProviderFields").cloned().unwrap_or(Value::Null);
    for member in ["Severity", "Types"] {
        if let Some(value) = provider.get(member) {
            finding.entry(member).or_insert_with(|| value.clone());
        }
    }
    let id = format!("{}/{}", text(&finding, "ProductArn"), text(&finding, "Id"));
    let fields = finding
        .entry("ProductFields")
        .or_insert_with(|| Value::Object(Map::new()));
    fields["aws/securityhub/FindingId"] = id.into();
    finding.insert("Region".to_owned(), call.caller.region.clone().into());
    let now = call.now.to_rfc3339_opts(SecondsFormat::Millis, true);
    finding.insert("ProcessedAt".to_owned(), now.into());
    finding.entry("RecordState").or_insert_with(|| "ACTIVE".into());
    finding
}

fn created(sent: &Finding, call: &Call) -> Finding {
    let mut finding = completed(sent.clone(), call);
    finding.entry("Workflow").or_insert_with(|| json!({"Status": "NEW"}));
    finding
}

fn updated(old: &Finding, sent: &Finding, call: &Call) -> Finding {
    let mut sent = sent.clone();
    for member in OF_CUSTOMERS {
        sent.remove(member);
        if let Some(value) = old.get(member) {
            sent.insert(member.to_owned(), value.clone());
        }
    }
    let mut finding = completed(sent, call);
    let is_back = text(old, "RecordState") == "ARCHIVED" && text(&finding, "RecordState") == "ACTIVE";
    let is_worse =
        inner(old, "Compliance", "Status") == "PASSED" && inner(&finding, "Compliance", "Status") != "PASSED";
    let is_settled = ["NOTIFIED", "RESOLVED"].contains(&inner(&finding, "Workflow", "Status"));
    if (is_back || is_worse) && is_settled {
        finding.insert("Workflow".to_owned(), json!({"Status": "NEW"}));
    }
    finding
}
