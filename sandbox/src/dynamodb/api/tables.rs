//! The control plane of tables: create, list, describe, update, delete.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::input::{self, Input, here, lower_first};
use super::render::{self, reply};
use super::tags;
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;
use crate::dynamodb::errors;
use crate::dynamodb::limits::check_name;
use crate::dynamodb::state::{Billing, KeyAttribute, KeyKind, Keys, Schema, Sse, Table, TablePlace};
use crate::kms::state as kms;

/// `ListTables` gives so many names at most.
const MAX_NAMES: i64 = 100;
/// Tables of one account in one Region; AWS's own 2,500, raised as far as AWS raises it.
const MAX_TABLES: usize = 10_000;

/// When a change that begins now is done: at once if the clock stands still.
fn done_at(cloud: &Cloud, now: DateTime<Utc>) -> DateTime<Utc> {
    if cloud.clock.is_frozen() {
        now
    } else {
        now + TimeDelta::seconds(1)
    }
}

/// `CreateTable`: the answer says CREATING.
pub(super) fn create(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let name = input::table_name(cloud, call, input)?;
    check_name(&name)?;
    let schema = read_schema(input)?;
    let billing = read_billing(input)?;
    let tags = tags::read(input.list("Tags")?.unwrap_or_default())?;
    let stream = read_stream(input)?;
    let class = read_class(input)?;
    let done = done_at(cloud, call.now);
    let home = TablePlace {
        partition: cloud.partition.clone(),
        account: call.caller.account.clone(),
        region: call.caller.region.clone(),
    };
    let place = here(cloud, call);
    if place.dynamodb.table(&name).is_some() {
        return Err(errors::in_use(format!("Table already exists: {name}")));
    }
    if place.dynamodb.tables().len() >= MAX_TABLES {
        let message = format!("Subscriber limit exceeded: There is a limit of {MAX_TABLES} tables per subscriber");
        return Err(ApiError::new(400, "LimitExceededException", message));
    }
    let sse = read_sse(input, &place.kms, call.now)?.flatten();
    let mut table = Table::new(home, &name, Arc::new(schema), call.now, &mut cloud.ids);
    table.billing = Billing {
        since: billing.since.map(|_| call.now),
        ..billing
    };
    table.set_tags(tags);
    table.sse = sse;
    table.class = class;
    table.stream = stream;
    table.deletion_protection = input.flag("DeletionProtectionEnabled")?.unwrap_or(false);
    let place = here(cloud, call);
    place.dynamodb.put(table);
    place.dynamodb.unsettle(&name, "CREATING", done);
    let shown = place
        .dynamodb
        .table(&name)
        .map(|table| render::table(table, &place.kms, call.now));
    Ok(reply(&json!({ "TableDescription": shown })))
}

/// `ListTables`: names in order, 100 a page.
pub(super) fn list(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let limit = input.int("Limit", 1, MAX_NAMES)?.unwrap_or(MAX_NAMES) as usize;
    let after = input.text("ExclusiveStartTableName")?;
    let mut rest = here(cloud, call).dynamodb.names_after(after).peekable();
    let names: Vec<&str> = rest.by_ref().take(limit).collect();
    let mut body = json!({ "TableNames": names });
    if let (Some(_), Some(last)) = (rest.peek(), names.last()) {
        body["LastEvaluatedTableName"] = (*last).into();
    }
    Ok(reply(&body))
}

/// `DescribeTable`, by name or ARN.
pub(super) fn describe(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let name = input::table_name(cloud, call, input)?;
    let place = here(cloud, call);
    let table = place.dynamodb.table(&name).ok_or_else(|| errors::no_table(&name))?;
    Ok(reply(&json!({ "Table": render::table(table, &place.kms, call.now) })))
}

/// `UpdateTable`: capacity, encryption, class, deletion protection, stream; no indexes, no replicas.
pub(super) fn update(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    input.refuse(&["AttributeDefinitions", "GlobalSecondaryIndexUpdates", "ReplicaUpdates"])?;
    let done = done_at(cloud, call.now);
    let name = input::table_name(cloud, call, input)?;
    let place = here(cloud, call);
    let table = place.dynamodb.table(&name).ok_or_else(|| errors::no_table(&name))?;
    check_unused(table)?;
    let sse = read_sse(input, &place.kms, call.now)?;
    let class = read_class(input)?;
    let stream = read_stream(input)?;
    let protection = input.flag("DeletionProtectionEnabled")?;
    let capacity = input.get("BillingMode").is_some() || input.get("ProvisionedThroughput").is_some();
    let billing = if capacity {
        Some(changed_billing(table, input, call.now)?)
    } else {
        None
    };
    if sse.is_none() && class.is_none() && stream.is_none() && protection.is_none() && billing.is_none() {
        return Err(errors::invalid(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification \
             or ReplicaUpdates or DeletionProtectionEnabled is required",
        ));
    }
    if let Some(table) = place.dynamodb.table_mut(&name) {
        table.billing = billing.unwrap_or(table.billing);
        table.sse = sse.unwrap_or(table.sse.take());
        table.class = class.or(table.class.take());
        if let Some(stream) = stream {
            table.stream = Some(stream).filter(|stream| stream["StreamEnabled"] == true);
        }
        table.deletion_protection = protection.unwrap_or(table.deletion_protection);
        table.changed();
    }
    place.dynamodb.unsettle(&name, "UPDATING", done);
    let shown = place
        .dynamodb
        .table(&name)
        .map(|table| render::table(table, &place.kms, call.now));
    Ok(reply(&json!({ "TableDescription": shown })))
}

/// `DeleteTable`: not while it is protected, changing, or being backed up.
pub(super) fn delete(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let done = done_at(cloud, call.now);
    let name = input::table_name(cloud, call, input)?;
    let id_tail = cloud.ids.hex(8);
    let place = here(cloud, call);
    let table = place.dynamodb.table(&name).ok_or_else(|| errors::no_table(&name))?;
    if table.deletion_protection {
        return Err(errors::invalid(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
        ));
    }
    check_unused(table)?;
    if place.backup.running.contains_key(table.arn.as_str()) {
        return Err(errors::in_use(format!(
            "Attempt to change a resource which is still in use: Table is being backed up: {name}"
        )));
    }
    place.dynamodb.keep_system_backup(&name, call.now, &id_tail);
    place.dynamodb.unsettle(&name, "DELETING", done);
    let shown = place.dynamodb.table(&name).map(|table| {
        let mut shown = render::table(table, &place.kms, call.now);
        if let Some(members) = shown.as_object_mut() {
            // As AWS does, the answer leaves the schema out.
            for name in ["AttributeDefinitions", "KeySchema", "CreationDateTime"] {
                members.shift_remove(name);
            }
        }
        shown
    });
    Ok(reply(&json!({ "TableDescription": shown })))
}

fn check_unused(table: &Table) -> Result<(), ApiError> {
    let what = match table.status.as_str() {
        "CREATING" => "created",
        "UPDATING" => "updated",
        "DELETING" => "deleted",
        _ => return Ok(()),
    };
    let name = &table.name;
    Err(errors::in_use(format!(
        "Attempt to change a resource which is still in use: Table is being {what}: {name}"
    )))
}

/// Reads schema and indexes of a new table.
fn read_schema(input: &Input) -> Result<Schema, ApiError> {
    let definitions = input
        .list("AttributeDefinitions")?
        .ok_or_else(|| errors::missing("attributeDefinitions"))?;
    let elements = input.list("KeySchema")?.ok_or_else(|| errors::missing("keySchema"))?;
    let mut attributes = Vec::with_capacity(definitions.len());
    for definition in definitions {
        let (name, letter) = (
            definition["AttributeName"].as_str(),
            definition["AttributeType"].as_str().unwrap_or_default(),
        );
        let kind = KeyKind::read(letter).ok_or_else(|| {
            errors::constraint(
                letter,
                "attributeDefinitions.1.member.attributeType",
                "Member must satisfy enum value set: [B, N, S]",
            )
        })?;
        attributes.push(KeyAttribute {
            name: name.unwrap_or_default().to_owned(),
            kind,
        });
    }
    let keys = read_keys(elements, &attributes)?;
    let indexes = |name: &str, most: usize| -> Result<Vec<Map<String, Value>>, ApiError> {
        let given = input.list(name)?.unwrap_or_default();
        if given.len() > most {
            return Err(errors::invalid_value(format!(
                "{name} count exceeds the per-table limit of {most}"
            )));
        }
        given.iter().map(|index| read_index(index, &attributes)).collect()
    };
    let global_indexes = indexes("GlobalSecondaryIndexes", 20)?;
    let local_indexes = indexes("LocalSecondaryIndexes", 5)?;
    let all = global_indexes
        .iter()
        .chain(&local_indexes)
        .filter_map(|index| index.get("KeySchema")?.as_array());
    let used = |attribute: &KeyAttribute| {
        std::iter::once(elements)
            .chain(all.clone().map(Vec::as_slice))
            .any(|schema| {
                schema
                    .iter()
                    .any(|element| element["AttributeName"] == attribute.name.as_str())
            })
    };
    if !attributes.iter().all(used) {
        return Err(errors::invalid_value(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
        ));
    }
    Ok(Schema {
        attributes: definitions.into(),
        key_schema: elements.into(),
        keys,
        global_indexes,
        local_indexes,
    })
}

fn read_keys(elements: &[Value], attributes: &[KeyAttribute]) -> Result<Keys, ApiError> {
    let attribute = |element: &Value| -> Result<KeyAttribute, ApiError> {
        let name = element["AttributeName"].as_str().unwrap_or_default();
        attributes.iter().find(|attribute| attribute.name == name).cloned().ok_or_else(|| {
            let known: Vec<&str> = attributes.iter().map(|attribute| attribute.name.as_str()).collect();
            errors::invalid_value(format!(
                "Some index key attributes are not defined in AttributeDefinitions. Keys: [{name}], AttributeDefinitions: [{}]",
                known.join(", ")
            ))
        })
    };
    let kinds: Vec<&str> = elements
        .iter()
        .filter_map(|element| element["KeyType"].as_str())
        .collect();
    match (elements, kinds.as_slice()) {
        ([hash], ["HASH"]) => Ok(Keys {
            hash: attribute(hash)?,
            range: None,
        }),
        ([hash, range], ["HASH", "RANGE"]) => Ok(Keys {
            hash: attribute(hash)?,
            range: Some(attribute(range)?),
        }),
        ([_, _], ["RANGE", _] | ["HASH", "HASH"]) => Err(errors::invalid(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        )),
        _ => Err(errors::constraint(
            Value::from(elements),
            "keySchema",
            "Member must have length less than or equal to 2, with one HASH element first",
        )),
    }
}

fn read_index(index: &Value, attributes: &[KeyAttribute]) -> Result<Map<String, Value>, ApiError> {
    let object = index.as_object().ok_or_else(|| errors::missing("indexName"))?;
    let name = object
        .get("IndexName")
        .and_then(Value::as_str)
        .ok_or_else(|| errors::missing("indexName"))?;
    check_name(name)?;
    let elements = object
        .get("KeySchema")
        .and_then(Value::as_array)
        .ok_or_else(|| errors::missing("keySchema"))?;
    read_keys(elements, attributes)?;
    if object
        .get("Projection")
        .is_none_or(|projection| !projection.is_object())
    {
        return Err(errors::missing("projection"));
    }
    Ok(object.clone())
}

/// Reads capacity: provisioned unless the request says otherwise.
fn read_billing(input: &Input) -> Result<Billing, ApiError> {
    let throughput = input.object("ProvisionedThroughput")?;
    let on_demand = match input.text("BillingMode")? {
        None | Some("PROVISIONED") => false,
        Some("PAY_PER_REQUEST") => true,
        Some(other) => {
            let set = "Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]";
            return Err(errors::constraint(other, "billingMode", set));
        }
    };
    match (on_demand, throughput) {
        (true, None) => Ok(Billing {
            since: Some(DateTime::UNIX_EPOCH),
            on_demand: true,
            read_units: 0,
            write_units: 0,
        }),
        (true, Some(_)) => Err(errors::invalid_value(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (false, None) => Err(errors::invalid_value(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        (false, Some(throughput)) => {
            let units = |name: &str| {
                let value = throughput.get(name).and_then(Value::as_u64).filter(|units| *units > 0);
                value.ok_or_else(|| {
                    let member = format!("provisionedThroughput.{}", lower_first(name));
                    errors::constraint(
                        &throughput[name],
                        &member,
                        "Member must have value greater than or equal to 1",
                    )
                })
            };
            if !throughput.contains_key("ReadCapacityUnits") || !throughput.contains_key("WriteCapacityUnits") {
                return Err(errors::missing("provisionedThroughput.readCapacityUnits"));
            }
            Ok(Billing::provisioned(
                units("ReadCapacityUnits")?,
                units("WriteCapacityUnits")?,
            ))
        }
    }
}

/// Capacity after a change; a table that once was on-demand keeps showing when that began.
fn changed_billing(table: &Table, input: &Input, now: DateTime<Utc>) -> Result<Billing, ApiError> {
    if input.get("BillingMode").is_none() && table.billing.on_demand {
        return Err(errors::invalid_value(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        ));
    }
    let asked = read_billing(input)?;
    let since = if asked.on_demand && !table.billing.on_demand {
        Some(now)
    } else {
        table.billing.since
    };
    Ok(Billing { since, ..asked })
}

/// Reads `SSESpecification`. Outer none: not given; inner none: the AWS-owned key.
fn read_sse(input: &Input, keys: &kms::State, now: DateTime<Utc>) -> Result<Option<Option<Sse>>, ApiError> {
    let Some(given) = input.object("SSESpecification")? else {
        return Ok(None);
    };
    let key = given.get("KMSMasterKeyId").and_then(Value::as_str);
    if given.get("Enabled") != Some(&Value::Bool(true)) {
        return match key {
            Some(_) => Err(errors::invalid_value(
                "SSEType or KMSMasterKeyId cannot be specified when SSE is disabled",
            )),
            None => Ok(Some(None)),
        };
    }
    if given
        .get("SSEType")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind != "KMS")
    {
        return Err(errors::invalid_value("SSEType AES256 is not supported"));
    }
    let Some(key) = key else {
        return Ok(Some(Some(Sse::managed(keys))));
    };
    match keys.find(key) {
        Some(key) if keys.is_usable(&key.arn, now) => Ok(Some(Some(Sse {
            kms_key_arn: key.arn.clone(),
        }))),
        Some(key) => Err(errors::invalid(format!("KMS key {} is not enabled", key.arn))),
        None => Err(errors::invalid(format!(
            "KMS key {key} does not exist in this account and Region"
        ))),
    }
}

fn read_stream(input: &Input) -> Result<Option<Value>, ApiError> {
    let Some(given) = input.object("StreamSpecification")? else {
        return Ok(None);
    };
    let enabled = given.get("StreamEnabled") == Some(&Value::Bool(true));
    if enabled != given.contains_key("StreamViewType") {
        return Err(errors::invalid_value("StreamViewType belongs to StreamEnabled = true"));
    }
    Ok(Some(Value::Object(given.clone())))
}

fn read_class(input: &Input) -> Result<Option<String>, ApiError> {
    match input.text("TableClass")? {
        None => Ok(None),
        Some(class @ ("STANDARD" | "STANDARD_INFREQUENT_ACCESS")) => Ok(Some(class.to_owned())),
        Some(other) => {
            let set = "Member must satisfy enum value set: [STANDARD, STANDARD_INFREQUENT_ACCESS]";
            Err(errors::constraint(other, "tableClass", set))
        }
    }
}
