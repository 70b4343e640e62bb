//! Time to live, and the account's limits.

use serde_json::{Value, json};

use super::input::{Input, table};
use super::render::reply;
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;
use crate::dynamodb::errors;

/// `DescribeTimeToLive`.
pub(super) fn describe_ttl(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let description = match &table(cloud, call, input)?.ttl {
        Some(attribute) => json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": attribute }),
        None => json!({ "TimeToLiveStatus": "DISABLED" }),
    };
    Ok(reply(&json!({ "TimeToLiveDescription": description })))
}

/// `UpdateTimeToLive`. The sandbox deletes no items: it keeps the setting only.
pub(super) fn update_ttl(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let given = input.needed_object("TimeToLiveSpecification")?;
    let attribute = given
        .get("AttributeName")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty());
    let attribute = attribute.ok_or_else(|| errors::missing("timeToLiveSpecification.attributeName"))?;
    let enabled = given.get("Enabled").and_then(Value::as_bool);
    let enabled = enabled.ok_or_else(|| errors::missing("timeToLiveSpecification.enabled"))?;
    let table = table(cloud, call, input)?;
    match (enabled, &table.ttl) {
        (true, Some(_)) => return Err(errors::invalid("TimeToLive is already enabled")),
        (false, None) => return Err(errors::invalid("TimeToLive is already disabled")),
        (true, None) => table.ttl = Some(attribute.to_owned()),
        (false, Some(_)) => table.ttl = None,
    }
    Ok(reply(&json!({ "TimeToLiveSpecification": given })))
}

/// `DescribeLimits`: AWS's own defaults.
pub(super) fn limits(_cloud: &mut Cloud, _call: &Call, _input: &Input) -> Result<Reply, ApiError> {
    Ok(reply(&json!({
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    })))
}
