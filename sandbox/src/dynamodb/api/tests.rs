//! Calls of DynamoDB, as a client makes them.

use chrono::TimeDelta;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use super::{handle, route};
use crate::call::{Allowance, ApiError, Call, Service};
use crate::cloud::Cloud;
use crate::{testing, time};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";

fn ask(cloud: &mut Cloud, name: &str, body: &Value) -> Result<Value, ApiError> {
    ask_with(cloud, name, body, Allowance::default())
}

fn ask_with(cloud: &mut Cloud, name: &str, body: &Value, allowance: Allowance) -> Result<Value, ApiError> {
    let now = time::settle(cloud);
    let mut call = Call {
        body: body.to_string().into(),
        now,
        allowance,
        ..testing::call(Service::DynamoDb, ACCOUNT, REGION)
    };
    call.headers.insert(
        "x-amz-target",
        HeaderValue::from_str(&format!("DynamoDB_20120810.{name}")).unwrap(),
    );
    let operation = route(cloud, &call)?;
    let reply = handle(cloud, &call, &operation)?;
    assert_eq!(reply.headers[0].1, "application/x-amz-json-1.0");
    Ok(if reply.body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&reply.body).unwrap()
    })
}

/// The code of the error that a call gives.
fn code(cloud: &mut Cloud, name: &str, body: &Value) -> String {
    let error = ask(cloud, name, body).unwrap_err();
    assert_eq!(error.status, 400, "{error:?}");
    error.code
}

fn simple(name: &str) -> Value {
    json!({
        "TableName": name,
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "BillingMode": "PAY_PER_REQUEST",
    })
}

fn with_range(name: &str, kind: &str) -> Value {
    json!({
        "TableName": name,
        "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }, { "AttributeName": "sk", "AttributeType": kind }],
        "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }, { "AttributeName": "sk", "KeyType": "RANGE" }],
        "BillingMode": "PAY_PER_REQUEST",
    })
}

fn merged(mut base: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

fn cloud_with(tables: &[Value]) -> Cloud {
    let mut cloud = testing::cloud();
    for table in tables {
        ask(&mut cloud, "CreateTable", table).unwrap();
    }
    cloud
}

#[test]
fn a_new_table_is_creating_then_active() {
    let mut cloud = testing::cloud();
    let made = ask(&mut cloud, "CreateTable", &simple("orders")).unwrap();
    assert_eq!(made["TableDescription"]["TableStatus"], "CREATING");
    let shown = ask(&mut cloud, "DescribeTable", &json!({ "TableName": "orders" })).unwrap()["Table"].clone();
    assert_eq!(shown["TableStatus"], "ACTIVE");
    assert_eq!(
        shown["TableArn"],
        "arn:aws:dynamodb:eu-west-1:111122223333:table/orders"
    );
    assert_eq!(shown["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(
        shown["ProvisionedThroughput"],
        json!({ "NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0 })
    );
    assert_eq!(shown["CreationDateTime"].as_f64(), Some(1_793_534_400.0));
    assert_eq!(shown["DeletionProtectionEnabled"], false);
    for absent in [
        "SSEDescription",
        "TableClassSummary",
        "GlobalSecondaryIndexes",
        "StreamSpecification",
        "RestoreSummary",
    ] {
        assert!(shown.get(absent).is_none(), "{absent}");
    }
    let by_arn = ask(&mut cloud, "DescribeTable", &json!({ "TableName": shown["TableArn"] })).unwrap();
    assert_eq!(by_arn["Table"]["TableId"], shown["TableId"]);
    assert_eq!(
        code(&mut cloud, "CreateTable", &simple("orders")),
        "ResourceInUseException"
    );
}

#[test]
fn with_a_running_clock_creation_takes_a_moment() {
    let mut cloud = testing::cloud();
    let noon = cloud.now();
    cloud.clock = crate::clock::Clock::new(noon, 1e-6);
    ask(&mut cloud, "CreateTable", &simple("orders")).unwrap();
    let status = |cloud: &mut Cloud| {
        ask(cloud, "DescribeTable", &json!({ "TableName": "orders" })).unwrap()["Table"]["TableStatus"].clone()
    };
    assert_eq!(status(&mut cloud), "CREATING");
    let item = json!({ "TableName": "orders", "Key": { "id": { "S": "a" } } });
    assert_eq!(code(&mut cloud, "GetItem", &item), "ResourceNotFoundException");
    assert_eq!(
        code(&mut cloud, "DeleteTable", &json!({ "TableName": "orders" })),
        "ResourceInUseException"
    );
    let pitr =
        json!({ "TableName": "orders", "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": true } });
    assert_eq!(
        code(&mut cloud, "UpdateContinuousBackups", &pitr),
        "ContinuousBackupsUnavailableException"
    );
    cloud.clock.advance(TimeDelta::seconds(1));
    assert_eq!(status(&mut cloud), "ACTIVE");
    ask(&mut cloud, "DeleteTable", &json!({ "TableName": "orders" })).unwrap();
    assert_eq!(status(&mut cloud), "DELETING");
    assert_eq!(
        ask(&mut cloud, "ListTables", &json!({})).unwrap()["TableNames"],
        json!(["orders"])
    );
    cloud.clock.advance(TimeDelta::seconds(1));
    assert_eq!(
        code(&mut cloud, "DescribeTable", &json!({ "TableName": "orders" })),
        "ResourceNotFoundException"
    );
}

#[test]
fn what_creation_refuses() {
    let mut cloud = testing::cloud();
    let no_billing = json!({ "BillingMode": null });
    for (more, part) in [
        (json!({ "TableName": "ab" }), "3"),
        (json!({ "TableName": "with space" }), "regular expression"),
        (json!({ "TableName": null }), "must not be null"),
        (
            json!({ "KeySchema": [{ "AttributeName": "other", "KeyType": "HASH" }] }),
            "not defined in AttributeDefinitions",
        ),
        (
            json!({ "KeySchema": [{ "AttributeName": "id", "KeyType": "RANGE" }] }),
            "HASH",
        ),
        (
            json!({ "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "M" }] }),
            "enum value set: [B, N, S]",
        ),
        (
            json!({ "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }, { "AttributeName": "x", "AttributeType": "S" }] }),
            "Number of attributes",
        ),
        (
            json!({ "ProvisionedThroughput": { "ReadCapacityUnits": 1, "WriteCapacityUnits": 1 } }),
            "PAY_PER_REQUEST",
        ),
        (no_billing, "PROVISIONED"),
        (json!({ "BillingMode": "FREE" }), "enum value set"),
        (json!({ "TableClass": "GOLD" }), "enum value set"),
        (
            json!({ "SSESpecification": { "Enabled": true, "KMSMasterKeyId": "nosuch" } }),
            "does not exist",
        ),
        (json!({ "Tags": [{ "Key": "aws:x", "Value": "" }] }), "reserved"),
    ] {
        let error = ask(&mut cloud, "CreateTable", &merged(simple("orders"), &more)).unwrap_err();
        assert_eq!(
            (error.status, error.code.as_str()),
            (400, "ValidationException"),
            "{more}"
        );
        assert!(error.message.contains(part), "{more}: {}", error.message);
    }
    assert_eq!(
        ask(&mut cloud, "ListTables", &json!({})).unwrap()["TableNames"],
        json!([])
    );
}

#[test]
fn provisioned_tables_have_no_billing_summary_until_they_change() {
    let provisioned = json!({ "BillingMode": "PROVISIONED", "ProvisionedThroughput": { "ReadCapacityUnits": 5, "WriteCapacityUnits": 6 } });
    let mut cloud = cloud_with(&[merged(simple("orders"), &provisioned)]);
    let describe =
        |cloud: &mut Cloud| ask(cloud, "DescribeTable", &json!({ "TableName": "orders" })).unwrap()["Table"].clone();
    let shown = describe(&mut cloud);
    assert!(shown.get("BillingModeSummary").is_none());
    assert_eq!(shown["ProvisionedThroughput"]["WriteCapacityUnits"], 6);
    ask(
        &mut cloud,
        "UpdateTable",
        &json!({ "TableName": "orders", "BillingMode": "PAY_PER_REQUEST" }),
    )
    .unwrap();
    assert_eq!(
        describe(&mut cloud)["BillingModeSummary"]["BillingMode"],
        "PAY_PER_REQUEST"
    );
    let throughput =
        json!({ "TableName": "orders", "ProvisionedThroughput": { "ReadCapacityUnits": 1, "WriteCapacityUnits": 1 } });
    assert_eq!(code(&mut cloud, "UpdateTable", &throughput), "ValidationException");
    ask(
        &mut cloud,
        "UpdateTable",
        &merged(throughput, &json!({ "BillingMode": "PROVISIONED" })),
    )
    .unwrap();
    assert_eq!(describe(&mut cloud)["BillingModeSummary"]["BillingMode"], "PROVISIONED");
    assert_eq!(
        code(&mut cloud, "UpdateTable", &json!({ "TableName": "orders" })),
        "ValidationException"
    );
    let global = json!({ "TableName": "orders", "ReplicaUpdates": [] });
    assert!(
        ask(&mut cloud, "UpdateTable", &global)
            .unwrap_err()
            .message
            .contains("does not simulate ReplicaUpdates")
    );
}

#[test]
fn encryption_by_the_managed_key_and_by_a_lost_one() {
    let sse = |spec: Value| merged(simple("orders"), &json!({ "SSESpecification": spec }));
    let mut cloud = cloud_with(&[sse(json!({ "Enabled": true, "SSEType": "KMS" }))]);
    let describe =
        |cloud: &mut Cloud| ask(cloud, "DescribeTable", &json!({ "TableName": "orders" })).unwrap()["Table"].clone();
    let managed = cloud.place_mut(ACCOUNT, REGION).kms.managed_key("dynamodb");
    assert_eq!(
        describe(&mut cloud)["SSEDescription"],
        json!({ "Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": managed })
    );
    let now = cloud.now();
    cloud.place_mut(ACCOUNT, REGION);
    let place = cloud.places.get_mut(&(ACCOUNT.to_owned(), REGION.to_owned())).unwrap();
    let own = place
        .kms
        .create(crate::kms::state::Manager::Customer, "own", now, &mut cloud.ids);
    place.kms.name("own", &own);
    let change =
        json!({ "TableName": "orders", "SSESpecification": { "Enabled": true, "KMSMasterKeyId": "alias/own" } });
    ask(&mut cloud, "UpdateTable", &change).unwrap();
    assert_eq!(describe(&mut cloud)["SSEDescription"]["KMSMasterKeyArn"], own.as_str());
    let place = cloud.place_mut(ACCOUNT, REGION);
    place
        .kms
        .find_mut(&own)
        .unwrap()
        .change(now, crate::kms::state::KeyState::PendingDeletion);
    let lost = describe(&mut cloud);
    assert_eq!(lost["TableStatus"], "INACCESSIBLE_ENCRYPTION_CREDENTIALS");
    assert!(lost["SSEDescription"]["InaccessibleEncryptionDateTime"].is_number());
    let off = json!({ "TableName": "orders", "SSESpecification": { "Enabled": false } });
    ask(&mut cloud, "UpdateTable", &off).unwrap();
    assert!(describe(&mut cloud).get("SSEDescription").is_none());
}

#[test]
fn names_come_sorted_in_pages_of_100() {
    let mut cloud = testing::cloud();
    for n in (0..250).rev() {
        ask(&mut cloud, "CreateTable", &simple(&format!("t-{n:03}"))).unwrap();
    }
    let (mut names, mut body) = (Vec::new(), json!({}));
    loop {
        let page = ask(&mut cloud, "ListTables", &body).unwrap();
        names.extend(
            page["TableNames"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap().to_owned()),
        );
        match &page["LastEvaluatedTableName"] {
            Value::Null => break,
            last => body = json!({ "ExclusiveStartTableName": last }),
        }
    }
    let expected: Vec<String> = (0..250).map(|n| format!("t-{n:03}")).collect();
    assert_eq!(names, expected);
    let page = ask(
        &mut cloud,
        "ListTables",
        &json!({ "Limit": 50, "ExclusiveStartTableName": "t-199" }),
    )
    .unwrap();
    assert_eq!(page["TableNames"].as_array().unwrap().len(), 50);
    assert!(page.get("LastEvaluatedTableName").is_none(), "nothing follows");
    let error = ask(&mut cloud, "ListTables", &json!({ "Limit": 101 })).unwrap_err();
    assert_eq!(
        error.message,
        "1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100"
    );
    assert_eq!(
        code(&mut cloud, "ListTables", &json!({ "Limit": 0 })),
        "ValidationException"
    );
    assert_eq!(
        code(&mut cloud, "ListTables", &json!({ "Limit": "9" })),
        "SerializationException"
    );
}

#[test]
fn deletion_waits_for_protection_and_for_backups() {
    let mut cloud = cloud_with(&[merged(simple("orders"), &json!({ "DeletionProtectionEnabled": true }))]);
    let table = json!({ "TableName": "orders" });
    let refused = ask(&mut cloud, "DeleteTable", &table).unwrap_err();
    assert!(refused.code == "ValidationException" && refused.message.contains("protected against deletion"));
    ask(
        &mut cloud,
        "UpdateTable",
        &json!({ "TableName": "orders", "DeletionProtectionEnabled": false }),
    )
    .unwrap();
    time::settle(&mut cloud);
    let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders";
    cloud.place_mut(ACCOUNT, REGION).backup.running.insert(arn.into(), 1);
    assert_eq!(code(&mut cloud, "DeleteTable", &table), "ResourceInUseException");
    cloud.place_mut(ACCOUNT, REGION).backup.running.clear();
    let pitr =
        json!({ "TableName": "orders", "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": true } });
    ask(&mut cloud, "UpdateContinuousBackups", &pitr).unwrap();
    let deleted = ask(&mut cloud, "DeleteTable", &table).unwrap();
    assert_eq!(deleted["TableDescription"]["TableStatus"], "DELETING");
    assert_eq!(code(&mut cloud, "DeleteTable", &table), "ResourceNotFoundException");
    // A table with PITR leaves a backup behind, which is not in the default list.
    assert_eq!(
        ask(&mut cloud, "ListBackups", &json!({})).unwrap()["BackupSummaries"],
        json!([])
    );
    let system = ask(&mut cloud, "ListBackups", &json!({ "BackupType": "ALL" })).unwrap()["BackupSummaries"][0].clone();
    assert_eq!(
        (&system["BackupType"], &system["TableArn"]),
        (&json!("SYSTEM"), &json!(arn))
    );
    assert_eq!(
        code(&mut cloud, "ListBackups", &json!({ "Limit": 101 })),
        "ValidationException"
    );
    let described = ask(
        &mut cloud,
        "DescribeBackup",
        &json!({ "BackupArn": system["BackupArn"] }),
    )
    .unwrap();
    let described = &described["BackupDescription"];
    assert_eq!(described["BackupDetails"]["BackupArn"], system["BackupArn"]);
    assert_eq!(described["SourceTableDetails"]["TableId"], system["TableId"]);
    assert_eq!(described["SourceTableFeatureDetails"], json!({}));
    assert_eq!(
        code(
            &mut cloud,
            "DescribeBackup",
            &json!({ "BackupArn": format!("{arn}/backup/01-2") })
        ),
        "BackupNotFoundException"
    );
    cloud.clock.advance(TimeDelta::days(36));
    assert_eq!(
        ask(&mut cloud, "ListBackups", &json!({ "BackupType": "ALL" })).unwrap()["BackupSummaries"],
        json!([])
    );
}

#[test]
fn a_created_again_table_has_a_new_id() {
    let mut cloud = cloud_with(&[simple("orders")]);
    let id = |cloud: &mut Cloud| {
        ask(cloud, "DescribeTable", &json!({ "TableName": "orders" })).unwrap()["Table"]["TableId"].clone()
    };
    let first = id(&mut cloud);
    ask(&mut cloud, "DeleteTable", &json!({ "TableName": "orders" })).unwrap();
    ask(&mut cloud, "CreateTable", &simple("orders")).unwrap();
    assert_ne!(id(&mut cloud), first);
}

#[test]
fn point_in_time_recovery() {
    let mut cloud = cloud_with(&[simple("orders")]);
    let table = json!({ "TableName": "orders" });
    let describe = |cloud: &mut Cloud| {
        let answer = ask(cloud, "DescribeContinuousBackups", &json!({ "TableName": "orders" })).unwrap();
        answer["ContinuousBackupsDescription"].clone()
    };
    let off = json!({ "ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": { "PointInTimeRecoveryStatus": "DISABLED" } });
    assert_eq!(describe(&mut cloud), off, "ENABLED although PITR is off");
    let update = |days: Value| json!({ "TableName": "orders", "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": days } });
    ask(&mut cloud, "UpdateContinuousBackups", &update(json!(7))).unwrap();
    let on = describe(&mut cloud)["PointInTimeRecoveryDescription"].clone();
    assert_eq!(
        on["EarliestRestorableDateTime"], on["LatestRestorableDateTime"],
        "just enabled"
    );
    assert_eq!(on["RecoveryPeriodInDays"], 7);
    cloud.clock.advance(TimeDelta::days(10));
    let on = describe(&mut cloud)["PointInTimeRecoveryDescription"].clone();
    let (earliest, latest) = (
        on["EarliestRestorableDateTime"].as_f64().unwrap(),
        on["LatestRestorableDateTime"].as_f64().unwrap(),
    );
    assert_eq!(latest - earliest, 7.0 * 86_400.0 - 300.0);
    assert_eq!(
        code(&mut cloud, "UpdateContinuousBackups", &update(json!(36))),
        "ValidationException"
    );
    let missing = ask(
        &mut cloud,
        "DescribeContinuousBackups",
        &json!({ "TableName": "nosuch" }),
    )
    .unwrap_err();
    assert_eq!(
        (missing.code.as_str(), missing.message.as_str()),
        ("TableNotFoundException", "Table not found: nosuch")
    );
    let _ = table;
}

#[test]
fn tags_come_in_pages() {
    let mut cloud = cloud_with(&[merged(
        simple("orders"),
        &json!({ "Tags": [{ "Key": "team", "Value": "pay" }] }),
    )]);
    let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders";
    let tags: Vec<Value> = (0..25)
        .map(|n| json!({ "Key": format!("k{n:02}"), "Value": "v" }))
        .collect();
    ask(&mut cloud, "TagResource", &json!({ "ResourceArn": arn, "Tags": tags })).unwrap();
    let (mut keys, mut body) = (Vec::new(), json!({ "ResourceArn": arn }));
    loop {
        let page = ask(&mut cloud, "ListTagsOfResource", &body).unwrap();
        keys.extend(
            page["Tags"]
                .as_array()
                .unwrap()
                .iter()
                .map(|tag| tag["Key"].as_str().unwrap().to_owned()),
        );
        match &page["NextToken"] {
            Value::Null => break,
            token => body["NextToken"] = token.clone(),
        }
    }
    assert_eq!(keys.len(), 26);
    assert_eq!(keys.last().unwrap(), "team");
    ask(
        &mut cloud,
        "UntagResource",
        &json!({ "ResourceArn": arn, "TagKeys": keys }),
    )
    .unwrap();
    assert_eq!(
        ask(&mut cloud, "ListTagsOfResource", &json!({ "ResourceArn": arn })).unwrap()["Tags"],
        json!([])
    );
    assert!(
        cloud
            .place_mut(ACCOUNT, REGION)
            .dynamodb
            .table("orders")
            .unwrap()
            .ever_tagged
    );
    let many: Vec<Value> = (0..51)
        .map(|n| json!({ "Key": format!("k{n}"), "Value": "v" }))
        .collect();
    assert_eq!(
        code(&mut cloud, "TagResource", &json!({ "ResourceArn": arn, "Tags": many })),
        "ValidationException"
    );
    let other = json!({ "ResourceArn": "arn:aws:dynamodb:us-east-1:111122223333:table/orders" });
    assert_eq!(
        code(&mut cloud, "ListTagsOfResource", &other),
        "ResourceNotFoundException"
    );
    assert_eq!(
        code(&mut cloud, "ListTagsOfResource", &json!({ "ResourceArn": "orders" })),
        "ValidationException"
    );
    assert_eq!(
        code(
            &mut cloud,
            "ListTagsOfResource",
            &json!({ "ResourceArn": arn, "NextToken": "?" })
        ),
        "ValidationException"
    );
}

#[test]
fn time_to_live_is_a_setting() {
    let mut cloud = cloud_with(&[simple("orders")]);
    let table = json!({ "TableName": "orders" });
    let update = |on: bool| json!({ "TableName": "orders", "TimeToLiveSpecification": { "Enabled": on, "AttributeName": "until" } });
    assert_eq!(
        code(&mut cloud, "UpdateTimeToLive", &update(false)),
        "ValidationException"
    );
    ask(&mut cloud, "UpdateTimeToLive", &update(true)).unwrap();
    let shown = ask(&mut cloud, "DescribeTimeToLive", &table).unwrap();
    assert_eq!(
        shown["TimeToLiveDescription"],
        json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": "until" })
    );
    assert_eq!(
        code(&mut cloud, "DescribeTimeToLive", &json!({ "TableName": "nosuch" })),
        "ResourceNotFoundException"
    );
}

#[test]
fn items_are_kept_as_given() {
    let mut cloud = cloud_with(&[with_range("events", "N")]);
    let item = json!({
        "pk": { "S": "a" }, "sk": { "N": "1.50" }, "list": { "L": [{ "NULL": true }, { "BOOL": false }] },
        "map": { "M": { "x": { "B": "AAEC" } } }, "set": { "NS": ["1", "2.0"] }, "text": { "S": "=cmd()\n\"é\u{202e}🎵" },
    });
    let put = json!({ "TableName": "events", "Item": item });
    assert_eq!(ask(&mut cloud, "PutItem", &put).unwrap(), json!({}));
    let key = |sk: &str| json!({ "TableName": "events", "Key": { "pk": { "S": "a" }, "sk": { "N": sk } } });
    assert_eq!(
        ask(&mut cloud, "GetItem", &key("15e-1")).unwrap()["Item"],
        item,
        "numbers are equal by value"
    );
    assert_eq!(ask(&mut cloud, "GetItem", &key("2")).unwrap(), json!({}));
    let conditional = merged(
        put.clone(),
        &json!({ "ConditionExpression": "attribute_not_exists(#k)", "ExpressionAttributeNames": { "#k": "pk" } }),
    );
    assert_eq!(
        code(&mut cloud, "PutItem", &conditional),
        "ConditionalCheckFailedException"
    );
    let again = json!({ "TableName": "events", "Item": { "pk": { "S": "a" }, "sk": { "N": "1.5" } }, "ReturnValues": "ALL_OLD" });
    assert_eq!(ask(&mut cloud, "PutItem", &again).unwrap()["Attributes"], item);
    let table = cloud.place_mut(ACCOUNT, REGION).dynamodb.table("events").unwrap();
    assert_eq!((table.item_count(), table.size_bytes()), (1, 2 + 1 + 2 + 2));
    let delete = merged(
        key("1.5"),
        &json!({ "ReturnValues": "ALL_OLD", "ReturnConsumedCapacity": "TOTAL" }),
    );
    let deleted = ask(&mut cloud, "DeleteItem", &delete).unwrap();
    assert_eq!(deleted["Attributes"]["sk"], json!({ "N": "1.5" }));
    assert_eq!(
        deleted["ConsumedCapacity"],
        json!({ "TableName": "events", "CapacityUnits": 1.0 })
    );
    assert_eq!(ask(&mut cloud, "DeleteItem", &key("1.5")).unwrap(), json!({}));
    assert_eq!(
        cloud
            .place_mut(ACCOUNT, REGION)
            .dynamodb
            .table("events")
            .unwrap()
            .size_bytes(),
        0
    );
}

#[test]
fn what_items_may_not_be() {
    let mut cloud = cloud_with(&[simple("orders")]);
    for (item, part) in [
        (json!({ "x": { "S": "a" } }), "Missing the key id in the item"),
        (
            json!({ "id": { "N": "1" } }),
            "Type mismatch for key id expected: S actual: N",
        ),
        (json!({ "id": { "S": "" } }), "empty string value"),
        (
            json!({ "id": { "S": "a" }, "x": {} }),
            "exactly one of the supported datatypes",
        ),
        (
            json!({ "id": { "S": "a" }, "x": { "S": "a", "N": "1" } }),
            "more than one datatypes",
        ),
        (json!({ "id": { "S": "a" }, "x": { "SS": [] } }), "may not be empty"),
        (json!({ "id": { "S": "a" }, "x": { "SS": ["a", "a"] } }), "duplicates"),
        (json!({ "id": { "S": "a" }, "x": { "N": "one" } }), "numeric value"),
        (
            json!({ "id": { "S": "a" }, "x": { "S": "a".repeat(410_000) } }),
            "maximum allowed size",
        ),
    ] {
        let error = ask(&mut cloud, "PutItem", &json!({ "TableName": "orders", "Item": item })).unwrap_err();
        assert_eq!(error.code, "ValidationException");
        assert!(error.message.contains(part), "{part}: {}", error.message);
    }
    let missing = ask(
        &mut cloud,
        "PutItem",
        &json!({ "TableName": "nosuch", "Item": { "id": { "S": "a" } } }),
    )
    .unwrap_err();
    assert_eq!(
        (missing.code.as_str(), missing.message.as_str()),
        ("ResourceNotFoundException", "Requested resource not found")
    );
}

#[test]
fn batches_write_all_or_nothing() {
    let mut cloud = cloud_with(&[simple("orders"), simple("others")]);
    let put = |id: usize| json!({ "PutRequest": { "Item": { "id": { "S": format!("i{id}") } } } });
    let batch = |writes: Vec<Value>| json!({ "RequestItems": { "orders": writes } });
    assert_eq!(
        ask(&mut cloud, "BatchWriteItem", &batch((0..25).map(put).collect())).unwrap(),
        json!({ "UnprocessedItems": {} })
    );
    assert_eq!(
        code(&mut cloud, "BatchWriteItem", &batch((0..26).map(put).collect())),
        "ValidationException"
    );
    let delete = json!({ "DeleteRequest": { "Key": { "id": { "S": "i0" } } } });
    let duplicate = ask(&mut cloud, "BatchWriteItem", &batch(vec![put(0), delete.clone()])).unwrap_err();
    assert_eq!(duplicate.message, "Provided list of item keys contains duplicates");
    let mixed = json!({ "RequestItems": { "orders": [delete], "others": [put(0)] } });
    ask(&mut cloud, "BatchWriteItem", &mixed).unwrap();
    let bad = json!({ "RequestItems": { "orders": [put(99)], "nosuch": [put(0)] } });
    assert_eq!(code(&mut cloud, "BatchWriteItem", &bad), "ResourceNotFoundException");
    let count = |cloud: &mut Cloud, name: &str| {
        ask(cloud, "Scan", &json!({ "TableName": name, "Select": "COUNT" })).unwrap()["Count"].clone()
    };
    assert_eq!(
        (count(&mut cloud, "orders"), count(&mut cloud, "others")),
        (json!(24), json!(1))
    );
    assert_eq!(
        code(&mut cloud, "BatchWriteItem", &json!({ "RequestItems": {} })),
        "ValidationException"
    );
}

fn fill(cloud: &mut Cloud, table: &str, count: usize, size: usize) {
    for n in 0..count {
        let item = json!({ "pk": { "S": format!("p{}", n % 10) }, "sk": { "N": n.to_string() }, "x": { "S": "x".repeat(size) } });
        ask(cloud, "PutItem", &json!({ "TableName": table, "Item": item })).unwrap();
    }
}

/// All items of all pages.
fn drain(cloud: &mut Cloud, name: &str, mut body: Value) -> (usize, Vec<Value>) {
    let (mut pages, mut items) = (0, Vec::new());
    loop {
        let page = ask(cloud, name, &body).unwrap();
        pages += 1;
        assert_eq!(page["Count"], page["Items"].as_array().unwrap().len());
        items.extend(page["Items"].as_array().unwrap().clone());
        match page.get("LastEvaluatedKey") {
            None => return (pages, items),
            Some(last) => body["ExclusiveStartKey"] = last.clone(),
        }
    }
}

#[test]
fn scans_by_page_and_by_segment() {
    let mut cloud = cloud_with(&[with_range("events", "N")]);
    fill(&mut cloud, "events", 300, 10_000);
    let (pages, items) = drain(&mut cloud, "Scan", json!({ "TableName": "events" }));
    assert_eq!(items.len(), 300);
    assert!(pages == 3, "3 MB come in 1 MB pages, not {pages}");
    let (pages, items) = drain(&mut cloud, "Scan", json!({ "TableName": "events", "Limit": 50 }));
    assert_eq!(
        (pages, items.len()),
        (7, 300),
        "a page that ends at its limit has a key, also the last one"
    );
    let mut all = Vec::new();
    for segment in 0..4 {
        let (_, items) = drain(
            &mut cloud,
            "Scan",
            json!({ "TableName": "events", "Segment": segment, "TotalSegments": 4, "Limit": 7 }),
        );
        all.extend(
            items
                .iter()
                .map(|item| item["sk"]["N"].as_str().unwrap().parse::<u32>().unwrap()),
        );
    }
    all.sort_unstable();
    assert_eq!(
        all,
        (0..300).collect::<Vec<u32>>(),
        "segments are disjoint and complete"
    );
    for wrong in [
        json!({ "Segment": 4, "TotalSegments": 4 }),
        json!({ "Segment": 1 }),
        json!({ "TotalSegments": 4 }),
        json!({ "Limit": 0 }),
        json!({ "FilterExpression": "a = :a" }),
        json!({ "IndexName": "x" }),
        json!({ "ExclusiveStartKey": { "pk": { "S": "a" } } }),
        json!({ "Select": "SPECIFIC_ATTRIBUTES" }),
    ] {
        let body = merged(json!({ "TableName": "events" }), &wrong);
        assert_eq!(code(&mut cloud, "Scan", &body), "ValidationException", "{wrong}");
    }
}

#[test]
fn queries() {
    let mut cloud = cloud_with(&[with_range("events", "N"), with_range("words", "S")]);
    fill(&mut cloud, "events", 100, 10);
    for word in ["alpha", "alpine", "beta", "Alpha", "é"] {
        let item = json!({ "pk": { "S": "w" }, "sk": { "S": word } });
        ask(&mut cloud, "PutItem", &json!({ "TableName": "words", "Item": item })).unwrap();
    }
    let mut keys = |table: &str, condition: &str, values: Value, more: Value| -> Vec<String> {
        let body =
            json!({ "TableName": table, "KeyConditionExpression": condition, "ExpressionAttributeValues": values });
        let (_, items) = drain(&mut cloud, "Query", merged(body, &more));
        let text = |item: &Value| {
            item["sk"]["N"]
                .as_str()
                .or(item["sk"]["S"].as_str())
                .unwrap()
                .to_owned()
        };
        items.iter().map(text).collect()
    };
    let p3 = |more: Value| merged(json!({ ":p": { "S": "p3" } }), &more);
    let n = |n: u32| json!({ "N": n.to_string() });
    let all = ["3", "13", "23", "33", "43", "53", "63", "73", "83", "93"];
    assert_eq!(keys("events", "pk = :p", p3(json!({})), json!({})), all);
    assert_eq!(keys("events", "pk = :p", p3(json!({})), json!({ "Limit": 3 })), all);
    let mut back = all;
    back.reverse();
    assert_eq!(
        keys(
            "events",
            "pk = :p",
            p3(json!({})),
            json!({ "ScanIndexForward": false, "Limit": 4 })
        ),
        back
    );
    for (condition, values, expected) in [
        ("pk = :p AND sk < :a", json!({ ":a": n(23) }), &all[..2]),
        ("pk = :p and sk <= :a", json!({ ":a": n(23) }), &all[..3]),
        ("(pk = :p) AND (sk > :a)", json!({ ":a": n(83) }), &all[9..]),
        ("sk >= :a AND pk = :p", json!({ ":a": n(83) }), &all[8..]),
        ("pk=:p AND sk=:a", json!({ ":a": n(43) }), &all[4..5]),
        (
            "pk = :p AND sk BETWEEN :a AND :b",
            json!({ ":a": n(13), ":b": n(33) }),
            &all[1..4],
        ),
        (
            "sk between :a and :b and pk = :p",
            json!({ ":a": n(14), ":b": n(33) }),
            &all[2..4],
        ),
    ] {
        assert_eq!(
            keys("events", condition, p3(values), json!({})),
            expected,
            "{condition}"
        );
    }
    let names = json!({ "ExpressionAttributeNames": { "#s": "sk" } });
    let words = |prefix: &str| json!({ ":p": { "S": "w" }, ":a": { "S": prefix } });
    assert_eq!(
        keys("words", "pk = :p AND begins_with(#s, :a)", words("al"), names),
        ["alpha", "alpine"]
    );
    assert_eq!(
        keys("words", "pk = :p", json!({ ":p": { "S": "w" } }), json!({})),
        ["Alpha", "alpha", "alpine", "beta", "é"]
    );
    assert_eq!(
        keys("words", "pk = :p", json!({ ":p": { "S": "none" } }), json!({})),
        Vec::<String>::new()
    );
}

#[test]
fn what_queries_refuse() {
    let mut cloud = cloud_with(&[with_range("events", "N")]);
    let value = json!({ ":p": { "S": "a" }, ":n": { "N": "1" } });
    for (condition, values) in [
        ("sk = :n", json!({ ":n": { "N": "1" } })),
        ("pk > :p", json!({ ":p": { "S": "a" } })),
        ("pk = :p AND other = :n", value.clone()),
        ("pk = :p AND sk = :n AND sk > :n", value.clone()),
        ("pk = :p AND begins_with(sk, :n)", value.clone()),
        (
            "pk = :p AND sk BETWEEN :n AND :m",
            merged(value.clone(), &json!({ ":m": { "N": "0" } })),
        ),
        ("pk = :p", value.clone()),
        ("pk = :missing", json!({ ":p": { "S": "a" } })),
        ("#pk = :p", json!({ ":p": { "S": "a" } })),
        ("pk = :n", json!({ ":n": { "N": "1" } })),
        ("pk = ", json!({})),
        ("pk ? :p", json!({ ":p": { "S": "a" } })),
        ("", json!({})),
    ] {
        let body =
            json!({ "TableName": "events", "KeyConditionExpression": condition, "ExpressionAttributeValues": values });
        assert_eq!(code(&mut cloud, "Query", &body), "ValidationException", "{condition}");
    }
    let outside = json!({
        "TableName": "events", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": { ":p": { "S": "a" } },
        "ExclusiveStartKey": { "pk": { "S": "b" }, "sk": { "N": "1" } },
    });
    assert_eq!(code(&mut cloud, "Query", &outside), "ValidationException");
    assert_eq!(
        code(&mut cloud, "TransactWriteItems", &json!({})),
        "UnknownOperationException"
    );
}

#[test]
fn an_image_becomes_a_table() {
    let mut cloud = cloud_with(&[merged(
        with_range("events", "N"),
        &json!({ "Tags": [{ "Key": "a", "Value": "b" }], "DeletionProtectionEnabled": true }),
    )]);
    fill(&mut cloud, "events", 20, 5);
    let now = cloud.now();
    let Cloud { places, ids, .. } = &mut cloud;
    let state = &mut places
        .get_mut(&(ACCOUNT.to_owned(), REGION.to_owned()))
        .unwrap()
        .dynamodb;
    let image = state.table("events").unwrap().image();
    assert!(
        std::sync::Arc::ptr_eq(&image, &state.table("events").unwrap().image()),
        "images of an unchanged table are one"
    );
    let arn = state
        .create_from_image(ACCOUNT, REGION, "restored", &image, None, now, ids)
        .unwrap();
    assert_eq!(arn, "arn:aws:dynamodb:eu-west-1:111122223333:table/restored");
    assert!(
        state
            .create_from_image(ACCOUNT, REGION, "restored", &image, None, now, ids)
            .is_err()
    );
    assert!(
        state
            .create_from_image(ACCOUNT, REGION, "no", &image, None, now, ids)
            .is_err()
    );
    fill(&mut cloud, "events", 30, 5);
    let (_, items) = drain(&mut cloud, "Scan", json!({ "TableName": "restored" }));
    assert_eq!(items.len(), 20, "later writes do not reach the image");
    let shown = ask(&mut cloud, "DescribeTable", &json!({ "TableName": "restored" })).unwrap()["Table"].clone();
    assert_eq!(
        (&shown["DeletionProtectionEnabled"], &shown["ItemCount"]),
        (&json!(false), &json!(20))
    );
    assert_eq!(
        ask(&mut cloud, "ListTagsOfResource", &json!({ "ResourceArn": arn })).unwrap()["Tags"],
        json!([])
    );
}

/// A table of so many items, each of so many bytes of payload.
fn cloud_with_items(count: usize, payload: usize) -> Cloud {
    let mut cloud = cloud_with(&[simple("many")]);
    for n in 0..count {
        let item = json!({ "id": { "S": format!("k{n:03}") }, "v": { "S": "x".repeat(payload) } });
        ask(&mut cloud, "PutItem", &json!({ "TableName": "many", "Item": item })).unwrap();
    }
    cloud
}

fn keys(numbers: impl Iterator<Item = usize>) -> Value {
    numbers.map(|n| json!({ "id": { "S": format!("k{n:03}") } })).collect()
}

#[test]
fn a_batch_of_reads_gives_what_is_there() {
    let mut cloud = cloud_with_items(3, 5000);
    let asked = json!({
        "RequestItems": { "many": { "Keys": keys(0..5), "ConsistentRead": true } },
        "ReturnConsumedCapacity": "TOTAL",
    });
    let given = ask(&mut cloud, "BatchGetItem", &asked).unwrap();
    assert_eq!(given["Responses"]["many"].as_array().unwrap().len(), 3);
    assert_eq!(given["UnprocessedKeys"], json!({}));
    // Two units for each item of 5 KB, one for each that is not there.
    assert_eq!(
        given["ConsumedCapacity"],
        json!([{ "TableName": "many", "CapacityUnits": 8.0 }])
    );
    let of = |keys: Value| json!({ "RequestItems": { "many": { "Keys": keys } } });
    for wrong in [
        of(keys(0..101)),
        of(json!([])),
        of(keys([1, 1].into_iter())),
        of(json!([{ "id": { "N": "1" } }])),
        json!({ "RequestItems": {} }),
        json!({ "RequestItems": { "many": { "Keys": keys(0..1), "ProjectionExpression": "v" } } }),
    ] {
        assert_eq!(
            code(&mut cloud, "BatchGetItem", &wrong),
            "ValidationException",
            "{wrong}"
        );
    }
    let absent = json!({ "RequestItems": { "absent": { "Keys": keys(0..1) } } });
    assert_eq!(code(&mut cloud, "BatchGetItem", &absent), "ResourceNotFoundException");
}

#[test]
fn a_batch_of_reads_ends_at_sixteen_megabytes() {
    let mut cloud = cloud_with_items(60, 390_000);
    let mut wanted = keys(0..60);
    let mut seen = std::collections::BTreeSet::new();
    for round in 0.. {
        let asked = json!({ "RequestItems": { "many": { "Keys": wanted, "ConsistentRead": true } } });
        let given = ask(&mut cloud, "BatchGetItem", &asked).unwrap();
        for item in given["Responses"]["many"].as_array().unwrap() {
            assert!(seen.insert(item["id"]["S"].as_str().unwrap().to_owned()));
        }
        if given["UnprocessedKeys"] == json!({}) {
            assert_eq!(round, 1);
            break;
        }
        assert_eq!(given["UnprocessedKeys"]["many"]["ConsistentRead"], true);
        wanted = given["UnprocessedKeys"]["many"]["Keys"].clone();
    }
    assert_eq!(seen.len(), 60);
}

#[test]
fn faults_leave_part_of_a_batch() {
    let mut cloud = cloud_with_items(10, 10);
    let asked = json!({ "RequestItems": { "many": { "Keys": keys(0..10) } } });
    let left = |cloud: &mut Cloud, allowance| {
        let given = ask_with(cloud, "BatchGetItem", &asked, allowance).unwrap();
        let read = given["Responses"]["many"].as_array().unwrap().len();
        let left = given["UnprocessedKeys"]["many"]["Keys"].as_array().map_or(0, Vec::len);
        assert_eq!(read + left, 10);
        left
    };
    let of_units = |units| Allowance {
        read_units: Some(units),
        ..Allowance::default()
    };
    assert_eq!(left(&mut cloud, of_units(2.0)), 6);
    assert_eq!(left(&mut cloud, of_units(0.1)), 9, "the first item is always read");
    let every = |every, from| Allowance {
        leaves_every: Some((every, from)),
        ..Allowance::default()
    };
    assert_eq!(left(&mut cloud, every(2, 1)), 5);
    assert_eq!(left(&mut cloud, every(2, 2)), 4);
    let writes: Value = (0..6)
        .map(|n| json!({ "DeleteRequest": { "Key": { "id": { "S": format!("k{n:03}") } } } }))
        .collect();
    let asked = json!({ "RequestItems": { "many": writes } });
    let given = ask_with(&mut cloud, "BatchWriteItem", &asked, every(3, 1)).unwrap();
    assert_eq!(given["UnprocessedItems"]["many"].as_array().unwrap().len(), 2);
    let rest = ask(&mut cloud, "Scan", &json!({ "TableName": "many" })).unwrap();
    assert_eq!(rest["Count"], 6);
}
