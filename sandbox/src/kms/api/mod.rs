//! KMS over awsJson1_1: who owns a key, whether it can be used, and real signatures of keys that sign. Nothing is ever encrypted.
//!
//! In: a call, and the cloud. Out: the answer that the unchanged SDKs expect. Adding an operation takes its name in
//! [`OPERATIONS`], a line in [`handle`] and one function.

mod errors;
mod signing;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use self::errors::wrong_state;
use crate::call::{ApiError, Call, Operation, Reply, Service, unknown_operation};
use crate::cloud::Cloud;
use crate::ids::Ids;
use crate::kms::state::{Key, KeyState, Manager, State};

const OPERATIONS: [&str; 11] = [
    "CancelKeyDeletion",
    "CreateKey",
    "DescribeKey",
    "DisableKey",
    "EnableKey",
    "GetPublicKey",
    "ListAliases",
    "ListKeys",
    "ScheduleKeyDeletion",
    "Sign",
    "Verify",
];

/// What a call asks for.
pub(crate) fn route(cloud: &Cloud, call: &Call) -> Result<Operation, ApiError> {
    let asked = call.target_operation().unwrap_or_default();
    let name = OPERATIONS
        .into_iter()
        .find(|name| *name == asked)
        .ok_or_else(|| unknown_operation(Service::Kms, asked))?;
    let place = cloud
        .places
        .get(&(call.caller.account.clone(), call.caller.region.clone()));
    let wanted = call
        .json()?
        .get("KeyId")
        .and_then(Value::as_str)
        .unwrap_or("*")
        .to_owned();
    let resource = place
        .and_then(|place| place.kms.find(&wanted))
        .map_or(wanted, |key| key.arn.clone());
    Ok(Operation {
        name,
        action: format!("kms:{name}"),
        resource,
    })
}

/// Does it.
pub(crate) fn handle(cloud: &mut Cloud, call: &Call, operation: &Operation) -> Result<Reply, ApiError> {
    let input = call.json()?;
    cloud.place_mut(&call.caller.account, &call.caller.region);
    let Cloud { places, ids, .. } = cloud;
    let Some(place) = places.get_mut(&(call.caller.account.clone(), call.caller.region.clone())) else {
        return Err(unknown_operation(Service::Kms, operation.name));
    };
    let kms = &mut place.kms;
    let output = match operation.name {
        "CreateKey" => create_key(kms, &input, ids, call.now)?,
        "DescribeKey" => json!({ "KeyMetadata": metadata(needed(kms, &input)?, call.now) }),
        "GetPublicKey" => signing::get_public_key(needed(kms, &input)?, call.now)?,
        "Sign" => signing::sign(needed(kms, &input)?, &input, call.now)?,
        "Verify" => signing::verify(needed(kms, &input)?, &input, call.now)?,
        "ListAliases" => list_aliases(kms),
        "ListKeys" => list_keys(kms, &input)?,
        _ => change_state(kms, &input, operation.name, call.now)?,
    };
    let reply = Reply::aws_json(Service::Kms, &output);
    Ok(if output.is_null() {
        Reply {
            body: Bytes::new(),
            ..reply
        }
    } else {
        reply
    })
}

fn needed<'a>(kms: &'a State, input: &Map<String, Value>) -> Result<&'a Key, ApiError> {
    let wanted = key_id(input)?;
    kms.find(wanted).ok_or_else(|| not_found(kms, wanted))
}

fn key_id(input: &Map<String, Value>) -> Result<&str, ApiError> {
    input.get("KeyId").and_then(Value::as_str).filter(|id| !id.is_empty()).ok_or_else(|| {
        ApiError::new(400, "ValidationException", "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null")
    })
}

fn not_found(kms: &State, wanted: &str) -> ApiError {
    let arn = match wanted {
        arn if arn.starts_with("arn:") => arn.to_owned(),
        alias if alias.starts_with("alias/") => {
            return ApiError::new(
                400,
                "NotFoundException",
                format!("Alias {}{alias} is not found.", kms.prefix),
            );
        }
        id => format!("{}key/{id}", kms.prefix),
    };
    ApiError::new(400, "NotFoundException", format!("Key '{arn}' does not exist"))
}

fn epoch(at: DateTime<Utc>) -> Value {
    json!(at.timestamp_millis() as f64 / 1000.0)
}

fn metadata(key: &Key, now: DateTime<Utc>) -> Value {
    let state = key.state(now);
    let mut metadata = json!({
        "AWSAccountId": key.arn.split(':').nth(4),
        "Arn": key.arn,
        "CreationDate": epoch(key.created_at),
        "CustomerMasterKeySpec": key.spec.name(),
        "Description": key.description,
        "Enabled": state == KeyState::Enabled,
        "KeyId": key.id,
        "KeyManager": if key.manager == Manager::Aws { "AWS" } else { "CUSTOMER" },
        "KeySpec": key.spec.name(),
        "KeyState": state.name(),
        "KeyUsage": key.spec.usage(),
        "MultiRegion": key.multi_region,
        "Origin": "AWS_KMS",
    });
    let (field, algorithm) = match key.spec.signing_algorithm() {
        None => ("EncryptionAlgorithms", "SYMMETRIC_DEFAULT"),
        Some(algorithm) => ("SigningAlgorithms", algorithm),
    };
    metadata[field] = json!([algorithm]);
    if let (KeyState::PendingDeletion, Some(at)) = (state, key.deletion_at) {
        metadata["DeletionDate"] = epoch(at);
    }
    metadata
}

fn create_key(
    kms: &mut State,
    input: &Map<String, Value>,
    ids: &mut Ids,
    now: DateTime<Utc>,
) -> Result<Value, ApiError> {
    let spec = signing::wanted_spec(input)?;
    let description = input.get("Description").and_then(Value::as_str).unwrap_or_default();
    let mut key = kms.make(ids.uuid(), Manager::Customer, description, now);
    key.spec = spec;
    key.multi_region = input.get("MultiRegion").and_then(Value::as_bool).unwrap_or(false);
    let output = json!({ "KeyMetadata": metadata(&key, now) });
    kms.keys.insert(key.id.clone(), key);
    Ok(output)
}

fn list_keys(kms: &State, input: &Map<String, Value>) -> Result<Value, ApiError> {
    let limit = input.get("Limit").map_or(Some(100), Value::as_u64).filter(|limit| (1..=1000).contains(limit)).ok_or_else(|| {
        let limit = &input["Limit"];
        ApiError::new(
            400,
            "ValidationException",
            format!("1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000"),
        )
    })?;
    let after = input.get("Marker").and_then(Value::as_str);
    if after.is_some_and(|marker| !kms.keys.contains_key(marker)) {
        return Err(ApiError::new(400, "InvalidMarkerException", "The marker is not valid."));
    }
    let mut rest = kms
        .keys
        .values()
        .filter(|key| after.is_none_or(|after| key.id.as_str() > after))
        .peekable();
    let page: Vec<&Key> = rest.by_ref().take(limit as usize).collect();
    let mut output = json!({
        "Keys": page.iter().map(|key| json!({ "KeyId": key.id, "KeyArn": key.arn })).collect::<Vec<_>>(),
        "Truncated": rest.peek().is_some(),
    });
    if let (Some(_), Some(last)) = (rest.peek(), page.last()) {
        output["NextMarker"] = last.id.clone().into();
    }
    Ok(output)
}

fn list_aliases(kms: &State) -> Value {
    let alias = |(name, id): (&String, &String)| json!({ "AliasName": name, "AliasArn": format!("{}{name}", kms.prefix), "TargetKeyId": id });
    json!({ "Aliases": kms.aliases.iter().map(alias).collect::<Vec<_>>(), "Truncated": false })
}

/// Enables, disables, condemns or pardons a key.
fn change_state(
    kms: &mut State,
    input: &Map<String, Value>,
    operation: &str,
    now: DateTime<Utc>,
) -> Result<Value, ApiError> {
    let key = needed(kms, input)?;
    let (arn, id, state) = (key.arn.clone(), key.id.clone(), key.state(now));
    if key.manager == Manager::Aws {
        let message = format!("{arn} is an AWS managed key; it cannot be changed.");
        return Err(ApiError::new(400, "AccessDeniedException", message));
    }
    let days = input
        .get("PendingWindowInDays")
        .map_or(Some(30), Value::as_i64)
        .filter(|days| (7..=30).contains(days));
    let next = match (operation, state) {
        ("EnableKey", KeyState::Enabled | KeyState::Disabled) => KeyState::Enabled,
        ("DisableKey", KeyState::Enabled | KeyState::Disabled) => KeyState::Disabled,
        ("ScheduleKeyDeletion", KeyState::Enabled | KeyState::Disabled) => KeyState::PendingDeletion,
        // A pardoned key is disabled.
        ("CancelKeyDeletion", KeyState::PendingDeletion) => KeyState::Disabled,
        _ => return Err(wrong_state(&arn, state)),
    };
    let deletion_at = match (next, days) {
        (KeyState::PendingDeletion, None) => {
            let value = &input["PendingWindowInDays"];
            return Err(ApiError::new(
                400,
                "ValidationException",
                format!(
                    "1 validation error detected: Value '{value}' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value between 7 and 30"
                ),
            ));
        }
        (KeyState::PendingDeletion, Some(days)) => Some(now + TimeDelta::days(days)),
        _ => None,
    };
    if let Some(key) = kms.keys.get_mut(&id) {
        key.change(now, next);
        key.deletion_at = deletion_at;
    }
    Ok(match (operation, deletion_at, days) {
        ("ScheduleKeyDeletion", Some(at), Some(days)) => json!({
            "KeyId": arn, "DeletionDate": epoch(at), "KeyState": next.name(), "PendingWindowInDays": days,
        }),
        ("CancelKeyDeletion", ..) => json!({ "KeyId": arn }),
        _ => Value::Null,
    })
}
