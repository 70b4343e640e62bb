//! How DynamoDB shows a table.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::call::{Reply, Service};
use crate::dynamodb::state::Table;
use crate::kms::state as kms;

/// An answer.
pub(super) fn reply(body: &impl Serialize) -> Reply {
    // The only failure is a map with keys that are no strings, and there is none.
    let body = serde_json::to_vec(body).unwrap_or_default();
    Reply {
        body: body.into(),
        ..Reply::aws_json(Service::DynamoDb, &Value::Null)
    }
}

/// Epoch seconds with milliseconds.
pub(super) fn epoch(at: DateTime<Utc>) -> Value {
    json!(at.timestamp_millis() as f64 / 1000.0)
}

/// `TableDescription`: members that AWS leaves out are left out.
pub(super) fn table(table: &Table, keys: &kms::State, now: DateTime<Utc>) -> Value {
    let schema = &table.schema;
    let lost = table.sse_key().is_some_and(|key| !keys.is_usable(key, now));
    let status = if lost && table.status == "ACTIVE" {
        "INACCESSIBLE_ENCRYPTION_CREDENTIALS"
    } else {
        &table.status
    };
    let mut shown = json!({
        "AttributeDefinitions": schema.attributes,
        "TableName": table.name,
        "KeySchema": schema.key_schema,
        "TableStatus": status,
        "CreationDateTime": epoch(table.created_at),
        "ProvisionedThroughput": {
            "NumberOfDecreasesToday": 0,
            "ReadCapacityUnits": table.billing.read_units,
            "WriteCapacityUnits": table.billing.write_units,
        },
        "TableSizeBytes": table.size_bytes(),
        "ItemCount": table.item_count(),
        "TableArn": table.arn,
        "TableId": table.id,
        "DeletionProtectionEnabled": table.deletion_protection,
    });
    if let Some(since) = table.billing.since {
        let mode = if table.billing.on_demand {
            "PAY_PER_REQUEST"
        } else {
            "PROVISIONED"
        };
        shown["BillingModeSummary"] = json!({ "BillingMode": mode, "LastUpdateToPayPerRequestDateTime": epoch(since) });
    }
    if !schema.local_indexes.is_empty() {
        shown["LocalSecondaryIndexes"] = schema
            .local_indexes
            .iter()
            .map(|index| local_index(table, index))
            .collect();
    }
    if !schema.global_indexes.is_empty() {
        shown["GlobalSecondaryIndexes"] = schema
            .global_indexes
            .iter()
            .map(|index| global_index(table, index, now))
            .collect();
    }
    if let Some(stream) = &table.stream {
        let label = table.created_at.format("%Y-%m-%dT%H:%M:%S%.3f").to_string();
        shown["LatestStreamArn"] = format!("{}/stream/{label}", table.arn).into();
        shown["LatestStreamLabel"] = label.into();
        shown["StreamSpecification"] = stream.clone();
    }
    if let Some(key) = table.sse_key() {
        shown["SSEDescription"] = json!({ "Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key });
        if let Some(since) = keys.find(key).and_then(|key| key.unusable_since(now)) {
            shown["SSEDescription"]["InaccessibleEncryptionDateTime"] = epoch(since);
        }
    }
    if let Some(at) = table.status_since.filter(|_| table.status == "ARCHIVED") {
        shown["ArchivalSummary"] =
            json!({ "ArchivalDateTime": epoch(at), "ArchivalReason": "INACCESSIBLE_ENCRYPTION_CREDENTIALS" });
    }
    if !table.replicas.is_empty() {
        let one = |region: &String| json!({ "RegionName": region, "ReplicaStatus": "ACTIVE" });
        shown["GlobalTableVersion"] = "2019.11.21".into();
        shown["Replicas"] = table.replicas.iter().map(one).collect();
    }
    if let Some(class) = &table.class {
        shown["TableClassSummary"] = json!({ "TableClass": class });
    }
    shown
}

fn local_index(table: &Table, index: &Map<String, Value>) -> Value {
    let mut shown = index.clone();
    shown.extend(index_size(table, index));
    shown.into()
}

fn global_index(table: &Table, index: &Map<String, Value>, now: DateTime<Utc>) -> Value {
    let mut shown = index.clone();
    let units = |name: &str| {
        index
            .get("ProvisionedThroughput")
            .map_or(json!(0), |given| given[name].clone())
    };
    let throughput = json!({
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": units("ReadCapacityUnits"),
        "WriteCapacityUnits": units("WriteCapacityUnits"),
    });
    shown.insert("ProvisionedThroughput".to_owned(), throughput);
    shown.insert(
        "IndexStatus".to_owned(),
        if table.status == "CREATING" || table.indexes_settle.is_some_and(|at| at > now) {
            "CREATING"
        } else {
            "ACTIVE"
        }
        .into(),
    );
    shown.extend(index_size(table, index));
    shown.into()
}

/// Every item counts for every index: the sandbox keeps no indexes.
fn index_size(table: &Table, index: &Map<String, Value>) -> [(String, Value); 3] {
    let name = index.get("IndexName").and_then(Value::as_str).unwrap_or_default();
    [
        ("IndexSizeBytes".to_owned(), table.size_bytes().into()),
        ("ItemCount".to_owned(), table.item_count().into()),
        ("IndexArn".to_owned(), format!("{}/index/{name}", table.arn).into()),
    ]
}
