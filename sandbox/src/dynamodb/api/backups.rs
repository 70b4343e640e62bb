//! DynamoDB's own backups: point-in-time recovery, native backups and their list.
//!
//! The sandbox makes no native backups on demand; the list holds those that DynamoDB makes itself when a table with PITR is
//! deleted. Recovery points of AWS Backup are not in it: DynamoDB's documentation sends callers to AWS Backup's own lists. Native
//! ones are described here all the same.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::input::{self, Input, here};
use super::render::{epoch, reply};
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;
use crate::dynamodb::errors;
use crate::dynamodb::state::{Pitr, SystemBackup, Table, TableImage};

/// `RecoveryPeriodInDays` if nothing is said.
const DEFAULT_DAYS: i64 = 35;

/// `DescribeContinuousBackups`: unlike all other calls, it answers `TableNotFoundException`.
pub(super) fn describe_continuous(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let table = table(cloud, call, input)?;
    Ok(reply(&description(table, call.now)))
}

/// `UpdateContinuousBackups`.
pub(super) fn update_continuous(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let given = input.needed_object("PointInTimeRecoverySpecification")?;
    let enabled = given
        .get("PointInTimeRecoveryEnabled")
        .and_then(Value::as_bool)
        .ok_or_else(|| errors::missing("pointInTimeRecoverySpecification.pointInTimeRecoveryEnabled"))?;
    let days = given.get("RecoveryPeriodInDays").filter(|days| !days.is_null());
    let period = days
        .map_or(Some(DEFAULT_DAYS), Value::as_i64)
        .filter(|days| (1..=35).contains(days))
        .ok_or_else(|| {
            errors::constraint(
                days.unwrap_or(&Value::Null),
                "pointInTimeRecoverySpecification.recoveryPeriodInDays",
                "Member must have value between 1 and 35",
            )
        })?;
    let table = table(cloud, call, input)?;
    if table.status == "CREATING" {
        let message = format!(
            "Backups are being enabled for the table: {}. Please retry later",
            table.name
        );
        return Err(ApiError::new(400, "ContinuousBackupsUnavailableException", message));
    }
    table.pitr = match (enabled, table.pitr) {
        (false, _) => None,
        (true, Some(old)) => Some(Pitr {
            days: if days.is_some() { period } else { old.days },
            ..old
        }),
        (true, None) => Some(Pitr {
            enabled_at: call.now,
            days: period,
        }),
    };
    Ok(reply(&description(table, call.now)))
}

fn table<'a>(cloud: &'a mut Cloud, call: &Call, input: &Input) -> Result<&'a mut Table, ApiError> {
    let given = input.needed_text("TableName")?;
    let name = input::local_name(cloud, call, given).map(str::to_owned);
    let state = &mut here(cloud, call).dynamodb;
    name.and_then(|name| state.table_mut(&name))
        .ok_or_else(|| errors::table_not_found(given))
}

/// `ContinuousBackupsStatus` is ENABLED even when point-in-time recovery is not.
fn description(table: &Table, now: DateTime<Utc>) -> Value {
    let recovery = match table.pitr {
        None => json!({ "PointInTimeRecoveryStatus": "DISABLED" }),
        Some(pitr) => {
            // Right after switching on, both ends are the same instant; later the last five minutes cannot be restored.
            let latest = (now - TimeDelta::minutes(5)).max(pitr.enabled_at);
            let earliest = pitr.enabled_at.max(now - TimeDelta::days(pitr.days)).min(latest);
            json!({
                "PointInTimeRecoveryStatus": "ENABLED",
                "RecoveryPeriodInDays": pitr.days,
                "EarliestRestorableDateTime": epoch(earliest),
                "LatestRestorableDateTime": epoch(latest),
            })
        }
    };
    json!({
        "ContinuousBackupsDescription": { "ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery },
    })
}

/// `ListBackups`: native ones only.
pub(super) fn list(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let limit = input.int("Limit", 1, 100)?.unwrap_or(100) as usize;
    let system = match input.text("BackupType")? {
        None | Some("USER" | "AWS_BACKUP") => false,
        Some("SYSTEM" | "ALL") => true,
        Some(other) => {
            let set = "Member must satisfy enum value set: [USER, SYSTEM, AWS_BACKUP, ALL]";
            return Err(errors::constraint(other, "backupType", set));
        }
    };
    let wanted = input
        .text("TableName")?
        .map(|given| input::table_arn(cloud, call, given));
    let bound = |name: &str| -> Option<f64> { input.get(name).and_then(Value::as_f64) };
    let (lower, upper) = (bound("TimeRangeLowerBound"), bound("TimeRangeUpperBound"));
    let after = input.text("ExclusiveStartBackupArn")?;
    let seconds = |at: DateTime<Utc>| at.timestamp_millis() as f64 / 1000.0;
    let state = &here(cloud, call).dynamodb;
    let mut rest = state
        .system_backups
        .iter()
        .filter(|backup| system && backup.expires_at() > call.now)
        .filter(|backup| wanted.as_ref().is_none_or(|arn| backup.table_arn == *arn))
        .filter(|backup| lower.is_none_or(|lower| seconds(backup.created_at) >= lower))
        .filter(|backup| upper.is_none_or(|upper| seconds(backup.created_at) < upper))
        .skip_while(|backup| after.is_some_and(|after| backup.arn != after))
        .skip(usize::from(after.is_some()))
        .peekable();
    let page: Vec<&SystemBackup> = rest.by_ref().take(limit).collect();
    let mut body = json!({ "BackupSummaries": page.iter().map(|backup| summary(backup)).collect::<Vec<_>>() });
    if let (Some(_), Some(last)) = (rest.peek(), page.last()) {
        body["LastEvaluatedBackupArn"] = last.arn.clone().into();
    }
    Ok(reply(&body))
}

/// `DescribeBackup`: also of a native recovery point of AWS Backup.
pub(super) fn describe(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let arn = input.needed_text("BackupArn")?;
    let place = here(cloud, call);
    let points = &place.backup.points;
    let point = points.find(arn).and_then(|number| points.get(number));
    let point = point.filter(|point| !point.is_advanced());
    let system = &mut place.dynamodb.system_backups.iter();
    let system = system.find(|backup| backup.arn == arn && backup.expires_at() > call.now);
    let (details, table_arn, image) = if let Some(point) = point {
        let details = json!({
            "BackupArn": arn,
            "BackupName": arn.rsplit('/').next(),
            "BackupStatus": if point.completed.is_some() { "AVAILABLE" } else { "CREATING" },
            "BackupType": "AWS_BACKUP",
            "BackupCreationDateTime": epoch(point.created),
            "BackupExpiryDateTime": point.delete_at.map(epoch),
            "BackupSizeBytes": point.size,
        });
        (details, &*point.resource, &point.image)
    } else if let Some(backup) = system {
        let mut details = summary(backup);
        if let Some(members) = details.as_object_mut() {
            members.retain(|name, _| name.starts_with("Backup"));
        }
        (details, backup.table_arn.as_str(), &backup.image)
    } else {
        return Err(errors::backup_not_found(arn));
    };
    let size = details["BackupSizeBytes"].clone();
    Ok(reply(&json!({ "BackupDescription": {
        "BackupDetails": details,
        "SourceTableDetails": source(table_arn, image, size),
        "SourceTableFeatureDetails": features(image),
    } })))
}

/// The table as it was when the backup was made.
fn source(arn: &str, image: &TableImage, size: Value) -> Value {
    let billing = image.billing();
    json!({
        "TableName": arn.rsplit('/').next(),
        "TableId": image.table_id,
        "TableArn": arn,
        "TableSizeBytes": size,
        "KeySchema": image.schema().key_schema,
        "TableCreationDateTime": epoch(image.table_created_at),
        "ProvisionedThroughput": { "ReadCapacityUnits": billing.read_units, "WriteCapacityUnits": billing.write_units },
        "ItemCount": image.item_count(),
        "BillingMode": if billing.on_demand { "PAY_PER_REQUEST" } else { "PROVISIONED" },
    })
}

/// Only the encryption; none by a key that AWS owns.
fn features(image: &TableImage) -> Value {
    match image.sse() {
        Some(sse) => json!({
            "SSEDescription": { "Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": sse.kms_key_arn },
        }),
        None => json!({}),
    }
}

/// A backup in the list.
fn summary(backup: &SystemBackup) -> Value {
    json!({
        "TableName": backup.table_name,
        "TableId": backup.table_id,
        "TableArn": backup.table_arn,
        "BackupArn": backup.arn,
        "BackupName": backup.name,
        "BackupCreationDateTime": epoch(backup.created_at),
        "BackupExpiryDateTime": epoch(backup.expires_at()),
        "BackupStatus": "AVAILABLE",
        "BackupType": "SYSTEM",
        "BackupSizeBytes": backup.size,
    })
}
