//! What restore drills need: made-up items, writes after a backup, damaged recovery points, slow restores, restore testing.

use std::collections::BTreeMap;

use backproof_sandbox::Sandbox;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::client::{Client, start};

const VAULT: &str = r#"
[[vault]]
account = "111122223333"
region = "eu-west-1"
name = "daily"
"#;

const BACKUP: &str = r#"
[[event]]
account = "111122223333"
region = "eu-west-1"
at = "2d"
do = "on-demand-backup"
table = "TABLE"
vault = "daily"
"#;

fn table(name: &str, more: &str) -> String {
    format!("\n[[table]]\naccount = \"111122223333\"\nregion = \"eu-west-1\"\nname = \"{name}\"\n{more}\n")
}

fn event(what: &str, at: &str, more: &str) -> String {
    format!("\n[[event]]\naccount = \"111122223333\"\nregion = \"eu-west-1\"\nat = \"{at}\"\ndo = \"{what}\"\n{more}\n")
}

fn backup(table: &str) -> String {
    BACKUP.replace("TABLE", table)
}

/// Every item of a table, by its hash key.
async fn items(client: &mut Client, table: &str) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut from = Value::Null;
    loop {
        let mut asked = json!({ "TableName": table });
        if !from.is_null() {
            asked["ExclusiveStartKey"] = from;
        }
        let page = client.dynamodb("Scan", &asked).await.json();
        for item in page["Items"].as_array().unwrap() {
            assert!(
                found
                    .insert(item["id"]["S"].as_str().unwrap().to_owned(), item.clone())
                    .is_none()
            );
        }
        from = page["LastEvaluatedKey"].clone();
        if from.is_null() {
            return found;
        }
    }
}

async fn points(client: &mut Client) -> Vec<Value> {
    let listed = client
        .backup("GET", "/backup-vaults/daily/recovery-points/")
        .await
        .json();
    listed["RecoveryPoints"].as_array().unwrap().clone()
}

/// Begins a restore of the only recovery point; gives the job's path.
async fn restore(client: &mut Client, to: &str) -> String {
    let point = points(client).await[0]["RecoveryPointArn"].clone();
    let body = json!({
        "RecoveryPointArn": point,
        "IamRoleArn": "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole",
        "Metadata": { "targetTableName": to, "encryptionType": "Default" },
    });
    let answer = client
        .signed("backup", "PUT", "/restore-jobs", &[], &body.to_string())
        .await
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    format!("/restore-jobs/{}", answer.json()["RestoreJobId"].as_str().unwrap())
}

async fn status(client: &mut Client, table: &str) -> Value {
    client
        .dynamodb("DescribeTable", &json!({ "TableName": table }))
        .await
        .json()["Table"]
        .clone()
}

fn advance(sandbox: &Sandbox, seconds: i64) {
    sandbox.advance(TimeDelta::seconds(seconds));
}

#[tokio::test]
async fn made_up_items_have_their_size_and_are_in_one_segment_each() {
    let sandbox = start(&table(
        "big",
        "items = 3000\nitem-bytes = 1024\nchanged-at = \"at:seconds\"",
    ))
    .await;
    let mut client = Client::new(&sandbox).await;
    let shown = status(&mut client, "big").await;
    assert_eq!(
        (&shown["ItemCount"], &shown["TableSizeBytes"]),
        (&json!(3000), &json!(3000 * 1024))
    );
    let whole = items(&mut client, "big").await;
    assert_eq!(whole.len(), 3000);
    let mut parts = BTreeMap::new();
    let mut units = 0.0;
    for segment in 0..7 {
        let asked =
            json!({ "TableName": "big", "Segment": segment, "TotalSegments": 7, "ReturnConsumedCapacity": "TOTAL" });
        let page = client.dynamodb("Scan", &asked).await.json();
        assert!(page.get("LastEvaluatedKey").is_none());
        units += page["ConsumedCapacity"]["CapacityUnits"].as_f64().unwrap();
        for item in page["Items"].as_array().unwrap() {
            parts.insert(item["id"]["S"].as_str().unwrap().to_owned(), item.clone());
        }
    }
    assert_eq!(parts, whole);
    assert!((3000.0 / 8.0..3000.0 / 8.0 + 7.0).contains(&units), "{units}");
    assert!(whole.values().all(|item| item["at"]["N"].is_string()));
    // What is written lies over what is made up, and what is deleted does not come back.
    let (first, second) = ("id-000001", "id-000002");
    let new = json!({ "id": { "S": first }, "mine": { "BOOL": true } });
    client
        .dynamodb("PutItem", &json!({ "TableName": "big", "Item": new }))
        .await;
    client
        .dynamodb(
            "DeleteItem",
            &json!({ "TableName": "big", "Key": { "id": { "S": second } } }),
        )
        .await;
    client
        .dynamodb(
            "PutItem",
            &json!({ "TableName": "big", "Item": { "id": { "S": "another" } } }),
        )
        .await;
    let changed = items(&mut client, "big").await;
    assert_eq!((changed.len(), &changed[first]), (3000, &new));
    assert!(!changed.contains_key(second) && changed.contains_key("another"));
    let unchanged = |(key, item): &(&String, &Value)| changed.get(*key) == Some(*item);
    assert_eq!(whole.iter().filter(unchanged).count(), 2998);
}

#[tokio::test]
async fn a_recovery_point_holds_what_was_there_and_the_world_goes_on() {
    let world = [
        VAULT.to_owned(),
        table(
            "live",
            "items = 50\nchanged-at = \"at\"\nttl = \"until\"\nexpires-items = 3\nexpires-days-ago = 1\nwrites-per-minute = 6",
        ),
        backup("live"),
        event(
            "write-items",
            "1d",
            "table = \"live\"\nadded = 2\nchanged = 4\nlost = 1",
        ),
    ];
    let sandbox = start(&world.concat()).await;
    let mut client = Client::new(&sandbox).await;
    let live = items(&mut client, "live").await;
    restore(&mut client, "restored").await;
    advance(&sandbox, 10);
    let restored = items(&mut client, "restored").await;
    assert_eq!(restored.len(), 50);
    assert_eq!(restored.values().filter(|item| item.get("until").is_some()).count(), 3);
    let expired = restored.iter().filter(|(_, item)| item.get("until").is_some());
    assert!(
        expired.clone().all(|(key, _)| !live.contains_key(key)),
        "the time to live has deleted them"
    );
    let lost = restored.keys().filter(|key| !live.contains_key(*key)).count();
    assert!(
        (3..=4).contains(&lost),
        "three expired, and one was deleted that may be one of them: {lost}"
    );
    assert_eq!(live.keys().filter(|key| !restored.contains_key(*key)).count(), 2);
    let written = |item: &&Value| item["at"]["S"].as_str().unwrap().starts_with("2026-10-31");
    assert_eq!(live.values().filter(written).count(), 6);
    // Ten seconds are one write of six a minute.
    let now = items(&mut client, "live").await;
    let differing: Vec<&Value> = now
        .iter()
        .filter(|(key, item)| live.get(*key) != Some(item))
        .map(|(_, item)| item)
        .collect();
    assert_eq!(differing.len(), 1);
    assert_eq!(differing[0]["at"]["S"], "2026-11-01T12:00:10.000Z");
    advance(&sandbox, 60);
    let later = items(&mut client, "live").await;
    assert!(later.iter().filter(|(key, item)| now.get(*key) != Some(item)).count() >= 4);
}

#[tokio::test]
async fn damage_is_what_was_asked_for_and_nothing_tells_it() {
    for damaged in [
        table(
            "one",
            "items = 200\ndamage = { lost = 2, changed = 3, swapped = 1, added = 4 }",
        ) + VAULT
            + &backup("one"),
        table("one", "items = 200")
            + VAULT
            + &backup("one")
            + &event(
                "damage-recovery-points",
                "1d",
                "table = \"one\"\nvault = \"daily\"\nwhich = \"newest\"\nlost = 2\nchanged = 3\nswapped = 1\nadded = 4",
            ),
    ] {
        let sandbox = start(&damaged).await;
        let mut client = Client::new(&sandbox).await;
        let source = items(&mut client, "one").await;
        let point = points(&mut client).await[0].clone();
        assert_eq!(
            point["BackupSizeInBytes"],
            status(&mut client, "one").await["TableSizeBytes"]
        );
        restore(&mut client, "back").await;
        advance(&sandbox, 10);
        let back = items(&mut client, "back").await;
        assert_eq!(source.keys().filter(|key| !back.contains_key(*key)).count(), 2);
        assert_eq!(back.keys().filter(|key| !source.contains_key(*key)).count(), 4);
        let types = |item: &Value| -> Vec<(String, String)> {
            let kind = |value: &Value| value.as_object().unwrap().keys().next().unwrap().clone();
            item.as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.clone(), kind(value)))
                .collect()
        };
        let differing = source
            .iter()
            .filter_map(|(key, item)| Some((item, back.get(key).filter(|other| *other != item)?)));
        let (mut changed, mut swapped) = (0, 0);
        for (one, other) in differing {
            if types(one) == types(other) {
                changed += 1;
            } else {
                swapped += 1;
            }
        }
        assert_eq!((changed, swapped), (3, 1));
    }
}

#[tokio::test]
async fn a_slow_restore_shows_its_table_and_its_indexes_come_later() {
    let world = [
        VAULT.to_owned(),
        table(
            "slow",
            r#"items = 5
            restore-seconds = 7200
            index-seconds = 600
            range-key = "at:N"
            read-units = 20
            [[table.global-index]]
            name = "by-city"
            hash-key = "city"
            range-key = "at:N"
            include = ["floor"]
            [[table.local-index]]
            name = "by-name"
            range-key = "name"
            projection = "keys-only""#,
        ),
        backup("slow"),
    ];
    let sandbox = start(&world.concat()).await;
    let mut client = Client::new(&sandbox).await;
    let source = status(&mut client, "slow").await;
    assert_eq!(source["ProvisionedThroughput"]["ReadCapacityUnits"], 20);
    assert_eq!(source["AttributeDefinitions"].as_array().unwrap().len(), 4);
    let job = restore(&mut client, "new").await;
    assert_eq!(client.backup("GET", &job).await.json()["Status"], "PENDING");
    let absent = client.dynamodb("DescribeTable", &json!({ "TableName": "new" })).await;
    assert_eq!(absent.status, 400);
    advance(&sandbox, 2);
    assert_eq!(client.backup("GET", &job).await.json()["Status"], "RUNNING");
    let creating = status(&mut client, "new").await;
    assert_eq!(creating["TableStatus"], "CREATING");
    let refused = client.dynamodb("DeleteTable", &json!({ "TableName": "new" })).await;
    assert!(refused.body.contains("ResourceInUseException"), "{}", refused.body);
    advance(&sandbox, 7190);
    assert_eq!(client.backup("GET", &job).await.json()["Status"], "RUNNING");
    advance(&sandbox, 10);
    assert_eq!(client.backup("GET", &job).await.json()["Status"], "COMPLETED");
    let ready = status(&mut client, "new").await;
    assert_eq!(
        (&ready["TableStatus"], &ready["TableId"]),
        (&json!("ACTIVE"), &creating["TableId"])
    );
    assert_eq!(ready["GlobalSecondaryIndexes"][0]["IndexStatus"], "CREATING");
    assert_eq!(
        ready["LocalSecondaryIndexes"][0]["Projection"],
        json!({ "ProjectionType": "KEYS_ONLY" })
    );
    advance(&sandbox, 600);
    let indexes = status(&mut client, "new").await["GlobalSecondaryIndexes"].clone();
    assert_eq!(indexes[0]["IndexStatus"], "ACTIVE");
    assert_eq!(
        indexes[0]["Projection"],
        source["GlobalSecondaryIndexes"][0]["Projection"]
    );
    assert_eq!(
        indexes[0]["KeySchema"],
        source["GlobalSecondaryIndexes"][0]["KeySchema"]
    );
}

#[tokio::test]
async fn points_in_odd_states_and_without_their_key_cannot_be_restored() {
    let key = r#"
        [[key]]
        account = "111122223333"
        region = "eu-west-1"
        name = "lost"
        state = "Gone"
        state-since-days-ago = 1
        [[vault]]
        account = "111122223333"
        region = "eu-west-1"
        name = "daily"
        key = "lost"
    "#;
    let sandbox = start(&(table("one", "items = 3") + key + &backup("one"))).await;
    let mut client = Client::new(&sandbox).await;
    let arn = points(&mut client).await[0]["EncryptionKeyArn"].clone();
    let described = client
        .target("kms", "TrentService.DescribeKey", &json!({ "KeyId": arn }))
        .await;
    assert!(described.body.contains("NotFoundException"), "{}", described.body);
    let job = restore(&mut client, "back").await;
    advance(&sandbox, 10);
    let ended = client.backup("GET", &job).await.json();
    assert_eq!(ended["Status"], "FAILED");
    assert!(ended["StatusMessage"].as_str().unwrap().contains("KMS key"), "{ended}");
    let absent = client.dynamodb("DescribeTable", &json!({ "TableName": "back" })).await;
    assert_eq!(absent.status, 400, "nothing is left of it");
    for state in ["DELETING", "PARTIAL", "STOPPED", "EXPIRED"] {
        let set = event(
            "set-recovery-points",
            "1d",
            &format!("table = \"one\"\nstate = \"{state}\"\nmessage = \"so it is\""),
        );
        let sandbox = start(&(table("one", "items = 3") + VAULT + &backup("one") + &set)).await;
        let mut client = Client::new(&sandbox).await;
        let point = points(&mut client).await[0].clone();
        assert_eq!(
            (&point["Status"], &point["StatusMessage"]),
            (&json!(state), &json!("so it is"))
        );
        let body = json!({ "RecoveryPointArn": point["RecoveryPointArn"], "Metadata": { "targetTableName": "back" } });
        let answer = client
            .signed("backup", "PUT", "/restore-jobs", &[], &body.to_string())
            .await
            .unwrap();
        assert_eq!(answer.status == 200, state == "EXPIRED", "{state}: {}", answer.body);
    }
}

/// A plan that tests three tables, of which one is excluded by the tag of its recovery point, at six in the evening.
fn testing(more: &str, selection: &str) -> String {
    format!(
        r#"
        {VAULT}
        [[restore-testing-plan]]
        account = "111122223333"
        region = "eu-west-1"
        name = "evening"
        schedule = "cron(0 18 ? * * *)"
        start-window-hours = 1
        runs = true
        {more}
        [[restore-testing-plan.selection]]
        name = "all"
        {selection}
        conditions = {{ string-not-equals = [{{ key = "aws:ResourceTag/tested", value = "no" }}] }}
        "#
    ) + &table("t-{n}", "count = 2\nitems = 3")
        + &table("never", "items = 3\ntags = { tested = \"no\" }")
        + &event("on-demand-backup", "1h", "table = \"*\"\nvault = \"daily\"")
}

async fn jobs(client: &mut Client) -> Vec<Value> {
    let listed = client.backup("GET", "/restore-jobs/").await.json();
    listed["RestoreJobs"].as_array().unwrap().clone()
}

async fn verdict(client: &mut Client, job: &Value, status: &str) -> u16 {
    let path = format!("/restore-jobs/{}/validations", job["RestoreJobId"].as_str().unwrap());
    let body = json!({ "ValidationStatus": status, "ValidationStatusMessage": "seen" }).to_string();
    client.signed("backup", "PUT", &path, &[], &body).await.unwrap().status
}

async fn names(client: &mut Client) -> String {
    client.dynamodb("ListTables", &json!({})).await.json()["TableNames"].to_string()
}

#[tokio::test]
async fn restore_testing_runs_waits_for_a_verdict_and_cleans_up() {
    let sandbox = start(&testing("", "validation-hours = 2")).await;
    let mut client = Client::new(&sandbox).await;
    assert_eq!(jobs(&mut client).await, [] as [Value; 0]);
    advance(&sandbox, 7 * 3600);
    let made = jobs(&mut client).await;
    let tested: Vec<&str> = made
        .iter()
        .map(|job| job["SourceResourceArn"].as_str().unwrap())
        .collect();
    assert_eq!(made.len(), 3, "two of ours, and `orders` of every test: {tested:?}");
    assert!(!tested.iter().any(|arn| arn.ends_with("/never")), "{tested:?}");
    for job in &made {
        assert_eq!(
            (&job["Status"], &job["ValidationStatus"]),
            (&json!("COMPLETED"), &json!("VALIDATING"))
        );
        assert!(
            job["CreatedBy"]["RestoreTestingPlanArn"]
                .as_str()
                .unwrap()
                .contains(":restore-testing-plan:evening-")
        );
        let arn = job["CreatedResourceArn"].as_str().unwrap();
        assert!(arn.contains(":table/awsbackup-restore-test-"), "{arn}");
        let tags = client
            .dynamodb("ListTagsOfResource", &json!({ "ResourceArn": arn }))
            .await
            .json();
        assert_eq!(tags["Tags"][0]["Key"], "awsbackup-restore-test");
    }
    assert_eq!(verdict(&mut client, &made[0], "MAYBE").await, 400);
    assert_eq!(verdict(&mut client, &made[0], "VALIDATING").await, 204);
    assert_eq!(verdict(&mut client, &made[0], "FAILED").await, 204);
    assert_eq!(
        verdict(&mut client, &made[0], "SUCCESSFUL").await,
        400,
        "a verdict is final"
    );
    let judged = jobs(&mut client).await[0].clone();
    assert_eq!(
        (&judged["ValidationStatus"], &judged["DeletionStatus"]),
        (&json!("FAILED"), &json!("DELETING"))
    );
    // The table of another one loses its tag: nobody deletes it.
    let kept = made[1]["CreatedResourceArn"].clone();
    let untag = json!({ "ResourceArn": kept, "TagKeys": ["awsbackup-restore-test"] });
    assert_eq!(client.dynamodb("UntagResource", &untag).await.status, 200);
    advance(&sandbox, 3 * 3600);
    let over = jobs(&mut client).await;
    assert_eq!(over[0]["DeletionStatus"], "SUCCESSFUL");
    assert_eq!(
        (&over[1]["ValidationStatus"], &over[1]["DeletionStatus"]),
        (&json!("TIMED_OUT"), &Value::Null)
    );
    assert_eq!(
        (&over[2]["ValidationStatus"], &over[2]["DeletionStatus"]),
        (&json!("TIMED_OUT"), &json!("SUCCESSFUL"))
    );
    assert_eq!(verdict(&mut client, &over[2], "SUCCESSFUL").await, 400, "too late");
    let left = names(&mut client).await;
    assert_eq!(left.matches("awsbackup-restore-test").count(), 1, "{left}");
    // The next evening has tests of its own.
    advance(&sandbox, 24 * 3600);
    assert_eq!(jobs(&mut client).await.len(), 6);
}

#[tokio::test]
async fn tests_without_a_window_leave_nothing_and_forty_run_at_once() {
    let sandbox = start(
        &testing(
            "",
            "resources = [\"arn:aws:dynamodb:eu-west-1:111122223333:table/t-1\"]",
        )
        .replace(
            "conditions = { string-not-equals = [{ key = \"aws:ResourceTag/tested\", value = \"no\" }] }",
            "",
        ),
    )
    .await;
    let mut client = Client::new(&sandbox).await;
    advance(&sandbox, 9 * 3600);
    let made = jobs(&mut client).await;
    assert_eq!(made.len(), 1);
    assert_eq!(
        (&made[0]["ValidationStatus"], &made[0]["DeletionStatus"]),
        (&Value::Null, &json!("SUCCESSFUL"))
    );
    assert!(!names(&mut client).await.contains("awsbackup"));
    // Fifty slow restores of which forty may run: ten never start, and say so when the window ends.
    let many = testing("", "validation-hours = 1") + &table("many-{n}", "count = 50\nrestore-seconds = 20000");
    let sandbox = start(&many).await;
    let mut client = Client::new(&sandbox).await;
    advance(&sandbox, 8 * 3600);
    let made = jobs(&mut client).await;
    let failed: Vec<&Value> = made.iter().filter(|job| job["Status"] == "FAILED").collect();
    assert!(failed.len() >= 10, "{}", failed.len());
    for job in failed {
        assert!(job["StatusMessage"].as_str().unwrap().contains("start window"), "{job}");
        assert_eq!(verdict(&mut client, job, "SUCCESSFUL").await, 204);
    }
}
