//! The documents of restore testing plans and of their selections, checked as AWS Backup does.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::members::{int, needed, text};
use crate::backup::errors;
use crate::backup::state::{Schedule, Tags, TestingPlan, TestingSelection};
use crate::call::ApiError;

pub(crate) const DEFAULT_START_HOURS: i64 = 24;
const DEFAULT_WINDOW_DAYS: i64 = 30;
pub(crate) const DEFAULT_ZONE: &str = "Etc/UTC";
const MAX_HOURS: i64 = 168;
/// So many ARNs, or conditions, a selection holds at most.
const MAX_ARNS: usize = 30;
/// The types of resources whose restores can be tested.
const TYPES: [&str; 10] = [
    "Aurora",
    "DocumentDB",
    "DynamoDB",
    "EBS",
    "EC2",
    "EFS",
    "FSx",
    "Neptune",
    "RDS",
    "S3",
];
/// The restore metadata of a table that a selection may override, in lower case.
const OVERRIDES: [&str; 2] = ["encryptiontype", "kmsmasterkeyarn"];

/// A plan with the documented defaults.
pub(crate) fn new_plan(
    name: &str,
    arn: Arc<str>,
    expression: &str,
    zone: Option<&str>,
    at: DateTime<Utc>,
) -> TestingPlan {
    TestingPlan {
        name: name.to_owned(),
        arn,
        creator_request_id: None,
        created: at,
        updated: None,
        last_run: None,
        expression: expression.to_owned(),
        zone: zone.unwrap_or(DEFAULT_ZONE).to_owned(),
        start_hours: DEFAULT_START_HOURS,
        points: read_points(Some(&Map::new())).unwrap_or_default(),
        selections: BTreeMap::new(),
        tags: Tags::new(),
        version: 0,
    }
}

/// The name of a plan or of a selection.
pub(crate) fn name<'a>(object: &'a Map<String, Value>, member: &str) -> Result<&'a str, ApiError> {
    let name = needed(object, member)?;
    let fine = name.len() <= 50 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fine {
        Ok(name)
    } else {
        Err(errors::invalid(format!("Invalid value for {member}: {name}")))
    }
}

/// A number of hours, with its default.
pub(crate) fn hours(object: &Map<String, Value>, member: &str, least: i64, default: i64) -> Result<i64, ApiError> {
    match int(object, member)?.unwrap_or(default) {
        hours if (least..=MAX_HOURS).contains(&hours) => Ok(hours),
        hours => Err(errors::invalid(format!("Invalid value for {member}: {hours}"))),
    }
}

/// `RecoveryPointSelection` with the documented defaults.
pub(crate) fn read_points(object: Option<&Map<String, Value>>) -> Result<Value, ApiError> {
    let object = object.ok_or_else(|| errors::missing("RecoveryPointSelection"))?;
    let list = |member: &str, default: Value| match object.get(member) {
        None | Some(Value::Null) => default,
        Some(value) => value.clone(),
    };
    let algorithm = text(object, "Algorithm")?.unwrap_or("LATEST_WITHIN_WINDOW");
    if !["LATEST_WITHIN_WINDOW", "RANDOM_WITHIN_WINDOW"].contains(&algorithm) {
        return Err(errors::invalid(format!("Invalid value for Algorithm: {algorithm}")));
    }
    let days = int(object, "SelectionWindowDays")?.unwrap_or(DEFAULT_WINDOW_DAYS);
    if !(1..=365).contains(&days) {
        return Err(errors::invalid(format!(
            "Invalid value for SelectionWindowDays: {days}"
        )));
    }
    let types = list("RecoveryPointTypes", json!(["SNAPSHOT"]));
    let known = |kind: &Value| matches!(kind.as_str(), Some("SNAPSHOT" | "CONTINUOUS"));
    if !types
        .as_array()
        .is_some_and(|types| !types.is_empty() && types.iter().all(known))
    {
        return Err(errors::invalid(format!(
            "Invalid value for RecoveryPointTypes: {types}"
        )));
    }
    for member in ["IncludeVaults", "ExcludeVaults"] {
        let vaults = list(member, json!([]));
        let is_vault = |vault: &Value| {
            vault
                .as_str()
                .is_some_and(|arn| arn == "*" || (arn.starts_with("arn:") && arn.contains(":backup-vault:")))
        };
        if !vaults.as_array().is_some_and(|vaults| vaults.iter().all(is_vault)) {
            return Err(errors::invalid(format!("Invalid value for {member}: {vaults}")));
        }
    }
    Ok(json!({
        "Algorithm": algorithm,
        "ExcludeVaults": list("ExcludeVaults", json!([])),
        "IncludeVaults": list("IncludeVaults", json!(["*"])),
        "RecoveryPointTypes": types,
        "SelectionWindowDays": days,
    }))
}

/// Refuses what is no schedule.
pub(crate) fn check_schedule(expression: &str, zone: &str) -> Result<(), ApiError> {
    Schedule::parse(Some(expression), Some(zone))
        .map(|_| ())
        .map_err(|e| errors::invalid(format!("Invalid cron expression. {e}")))
}

/// A selection as `CreateRestoreTestingSelection` takes it.
pub(crate) fn read_selection(sent: &Map<String, Value>, created: DateTime<Utc>) -> Result<TestingSelection, ApiError> {
    let member = |name: &str| sent.get(name).cloned().unwrap_or(Value::Null);
    let selection = TestingSelection {
        name: name(sent, "RestoreTestingSelectionName")?.to_owned(),
        creator_request_id: None,
        created,
        role: needed(sent, "IamRoleArn")?.to_owned(),
        resource_type: needed(sent, "ProtectedResourceType")?.to_owned(),
        arns: member("ProtectedResourceArns"),
        conditions: member("ProtectedResourceConditions"),
        overrides: member("RestoreMetadataOverrides"),
        validation_hours: hours(sent, "ValidationWindowHours", 0, 0)?,
    };
    check_selected(&selection)?;
    Ok(selection)
}

/// What a selection may take: `*` or up to 30 ARNs, narrowed by tags with `*` only.
fn check_selected(selection: &TestingSelection) -> Result<(), ApiError> {
    if !TYPES.contains(&selection.resource_type.as_str()) {
        return Err(errors::invalid(format!(
            "Invalid value for ProtectedResourceType: {}",
            selection.resource_type
        )));
    }
    let arns: Vec<&str> = match &selection.arns {
        Value::Null => Vec::new(),
        Value::Array(list) => list.iter().map(|arn| arn.as_str().unwrap_or_default()).collect(),
        other => {
            return Err(errors::invalid(format!(
                "Invalid value for ProtectedResourceArns: {other}"
            )));
        }
    };
    let everything = arns.contains(&"*");
    if (everything && arns.len() > 1) || arns.len() > MAX_ARNS {
        return Err(errors::invalid(format!(
            "ProtectedResourceArns have to be a single * or up to {MAX_ARNS} ARNs"
        )));
    }
    if let Some(wrong) = arns.iter().find(|arn| **arn != "*" && !arn.starts_with("arn:")) {
        return Err(errors::invalid(format!("Invalid ARN: {wrong}")));
    }
    if arns.is_empty() && selection.conditions.is_null() {
        return Err(errors::missing("ProtectedResourceArns"));
    }
    if !selection.conditions.is_null() && !everything {
        return Err(errors::invalid(
            "ProtectedResourceConditions need the ProtectedResourceArns to be *",
        ));
    }
    check_conditions(&selection.conditions)?;
    let overrides = selection.overrides.as_object().into_iter().flatten();
    match overrides
        .map(|(name, _)| name)
        .find(|name| !OVERRIDES.contains(&name.to_ascii_lowercase().as_str()))
    {
        Some(wrong) if selection.resource_type == "DynamoDB" => {
            Err(errors::invalid(format!("Invalid restore metadata override: {wrong}")))
        }
        _ => Ok(()),
    }
}

fn check_conditions(conditions: &Value) -> Result<(), ApiError> {
    let wrong = || errors::invalid("Invalid value for ProtectedResourceConditions");
    let mut count = 0;
    for (operator, list) in conditions.as_object().into_iter().flatten() {
        if !["StringEquals", "StringNotEquals"].contains(&operator.as_str()) {
            return Err(wrong());
        }
        for condition in list.as_array().into_iter().flatten() {
            count += 1;
            if !condition["Key"].is_string() || !condition["Value"].is_string() {
                return Err(wrong());
            }
        }
    }
    if count > MAX_ARNS { Err(wrong()) } else { Ok(()) }
}
