//! The AWS Security Finding Format: what a finding must have, and how long it may be.

use chrono::DateTime;
use serde_json::Value;

use crate::securityhub::state::{Finding, inner, text};

/// Bytes of one finding.
const LONGEST_FINDING: usize = 240 * 1024;

/// Members that every finding has, with the characters they may have.
const NEEDED: [(&str, usize); 9] = [
    ("SchemaVersion", 10),
    ("Id", 512),
    ("ProductArn", 2048),
    ("GeneratorId", 512),
    ("AwsAccountId", 12),
    ("CreatedAt", 64),
    ("UpdatedAt", 64),
    ("Title", 256),
    ("Description", 1024),
];

/// Members of members that are words of closed lists.
const WORDS: [(&str, &str, &[&str]); 4] = [
    (
        "Compliance",
        "Status",
        &["PASSED", "WARNING", "FAILED", "NOT_AVAILABLE"],
    ),
    ("Workflow", "Status", &["NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"]),
    ("Severity", "Label", SEVERITIES),
    ("FindingProviderFields.Severity", "Label", SEVERITIES),
];

const SEVERITIES: &[&str] = &["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"];

/// Namespaces of finding types.
const NAMESPACES: [&str; 5] = [
    "Software and Configuration Checks",
    "TTPs",
    "Effects",
    "Unusual Behaviors",
    "Sensitive Data Identifications",
];

/// What is wrong with a finding, in the form of Security Hub's own message; none if nothing is.
pub(super) fn problem(finding: &Finding) -> Option<String> {
    let wrong = |what: String| Some(format!("Finding does not adhere to Amazon Finding Format. {what}"));
    if Value::Object(finding.clone()).to_string().len() > LONGEST_FINDING {
        return wrong("data should NOT be larger than 240 KB.".to_owned());
    }
    for (member, most) in NEEDED {
        let value = text(finding, member);
        if value.trim().is_empty() {
            return wrong(format!("data should have required property '{member}'."));
        }
        if value.chars().count() > most {
            return wrong(format!("data.{member} should NOT be longer than {most} characters."));
        }
    }
    if text(finding, "SchemaVersion") != "2018-10-08" {
        return wrong("data.SchemaVersion should be equal to one of the allowed values.".to_owned());
    }
    for member in ["CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt"] {
        let value = text(finding, member);
        if !value.is_empty() && DateTime::parse_from_rfc3339(value).is_err() {
            return wrong(format!("data.{member} should match format \"date-time\"."));
        }
    }
    words(finding).or_else(|| lists(finding)).and_then(wrong)
}

fn words(finding: &Finding) -> Option<String> {
    let not_allowed = |place: &str| Some(format!("data.{place} should be equal to one of the allowed values."));
    for (path, member, allowed) in WORDS {
        let holder = match path.split_once('.') {
            Some((outer, inner)) => finding.get(outer).and_then(|value| value.get(inner)),
            None => finding.get(path),
        };
        let value = holder.and_then(|value| value.get(member)).and_then(Value::as_str);
        if value.is_some_and(|value| !allowed.contains(&value)) {
            return not_allowed(&format!("{path}.{member}"));
        }
    }
    let state = text(finding, "RecordState");
    if !state.is_empty() && !["ACTIVE", "ARCHIVED"].contains(&state) {
        return not_allowed("RecordState");
    }
    let types = finding
        .get("FindingProviderFields")
        .and_then(|fields| fields.get("Types"));
    let types = types.or_else(|| finding.get("Types")).and_then(Value::as_array);
    let is_known = |kind: &Value| {
        let namespace = kind.as_str().and_then(|kind| kind.split('/').next());
        namespace.is_some_and(|namespace| NAMESPACES.contains(&namespace))
    };
    if types.is_some_and(|types| !types.iter().all(is_known)) {
        return not_allowed("Types");
    }
    None
}

fn lists(finding: &Finding) -> Option<String> {
    let resources = finding.get("Resources").and_then(Value::as_array);
    let Some(resources) = resources.filter(|resources| (1..=32).contains(&resources.len())) else {
        return Some("data.Resources should have 1 to 32 items.".to_owned());
    };
    for resource in resources {
        let has = |member: &str| {
            resource
                .get(member)
                .and_then(Value::as_str)
                .is_some_and(|text| !text.is_empty())
        };
        if !has("Type") || !has("Id") {
            return Some("data.Resources[0] should have required properties 'Type' and 'Id'.".to_owned());
        }
        let partition = resource.get("Partition").and_then(Value::as_str);
        if partition.is_some_and(|partition| !["aws", "aws-cn", "aws-us-gov"].contains(&partition)) {
            return Some("data.Resources[0].Partition should be equal to one of the allowed values.".to_owned());
        }
    }
    if inner(finding, "Note", "Text").chars().count() > 512 {
        return Some("data.Note.Text should NOT be longer than 512 characters.".to_owned());
    }
    let fields = finding.get("ProductFields").and_then(Value::as_object)?;
    if fields.len() > 50 {
        return Some("data.ProductFields should NOT have more than 50 properties.".to_owned());
    }
    let too_long = |key: &str, value: &Value| {
        let value = value.as_str().unwrap_or_default();
        key.chars().count() > 128 || value.chars().count() > 2048
    };
    let is_bad = fields
        .iter()
        .any(|(key, value)| too_long(key, value) || key.starts_with("aws/"));
    is_bad.then(|| "data.ProductFields has a key or a value that is too long, or reserved.".to_owned())
}
