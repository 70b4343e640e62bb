//! `BatchUpdateFindings`: what people do with findings. It leaves `UpdatedAt` alone, which is the provider's.

use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

use super::input::{MOST, invalid};
use crate::call::{ApiError, Call};
use crate::securityhub::state::{State, inner};

pub(super) fn update(hub: &mut State, call: &Call, input: &Map<String, Value>) -> Result<Value, ApiError> {
    let known = [
        "FindingIdentifiers",
        "Note",
        "Workflow",
        "VerificationState",
        "UserDefinedFields",
    ];
    if let Some(other) = input.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(invalid(format!(
            "The sandbox does not simulate {other} of BatchUpdateFindings."
        )));
    }
    let identifiers = input
        .get("FindingIdentifiers")
        .and_then(Value::as_array)
        .map(Vec::as_slice);
    let Some(identifiers) = identifiers.filter(|list| (1..=MOST).contains(&list.len())) else {
        return Err(invalid(
            "FindingIdentifiers must have between 1 and 100 items".to_owned(),
        ));
    };
    let changes = changes(call, input)?;
    let (mut done, mut undone) = (Vec::new(), Vec::new());
    for identifier in identifiers {
        let part = |key: &str| {
            identifier
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        match hub.findings.get_mut(&(part("ProductArn"), part("Id"))) {
            Some(finding) => {
                finding.extend(changes.clone());
                done.push(identifier);
            }
            None => undone.push(json!({
                "FindingIdentifier": identifier,
                "ErrorCode": "FindingNotFound",
                "ErrorMessage": "Finding Not Found",
            })),
        }
    }
    Ok(json!({"ProcessedFindings": done, "UnprocessedFindings": undone}))
}

/// What is to change, checked.
fn changes(call: &Call, input: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let mut changes: Map<String, Value> = input.clone();
    changes.remove("FindingIdentifiers");
    if changes.is_empty() {
        return Err(invalid("At least one field to update must be given".to_owned()));
    }
    let status = inner(input, "Workflow", "Status");
    if input.contains_key("Workflow") && !["NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"].contains(&status) {
        return Err(invalid(format!("Invalid workflow status {status}")));
    }
    if let Some(note) = changes.get_mut("Note").and_then(Value::as_object_mut) {
        let has = |key: &str| {
            note.get(key)
                .and_then(Value::as_str)
                .is_some_and(|text| !text.trim().is_empty())
        };
        if !has("Text") || !has("UpdatedBy") {
            return Err(invalid("A note needs Text and UpdatedBy".to_owned()));
        }
        let now = call.now.to_rfc3339_opts(SecondsFormat::Millis, true);
        note.insert("UpdatedAt".to_owned(), now.into());
    }
    Ok(changes)
}
