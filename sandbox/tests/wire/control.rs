//! The sandbox's own endpoints, and its life from start to stop.

use backproof_sandbox::{Sandbox, World};
use chrono::TimeDelta;
use serde_json::json;

use crate::client::{Client, WORLD, start};

#[tokio::test]
async fn the_clock_is_read_and_moved_forward() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await;
    assert_eq!(
        client.control("GET", "clock", "").await.json()["now"],
        "2026-11-01T12:00:00.000Z"
    );
    let moved = client.control("POST", "clock", "{\"advance-seconds\": 90}").await;
    assert_eq!(moved.json()["now"], "2026-11-01T12:01:30.000Z");
    let set = client
        .control("POST", "clock", "{\"set\": \"2026-11-02T00:00:00+01:00\"}")
        .await;
    assert_eq!(set.json()["now"], "2026-11-01T23:00:00.000Z");
    sandbox.advance(TimeDelta::hours(1));
    assert_eq!(sandbox.now().to_rfc3339(), "2026-11-02T00:00:00+00:00");
    for wrong in [
        "{\"set\": \"2026-01-01T00:00:00Z\"}",
        "{\"advance-seconds\": -1}",
        "{}",
        "x",
        "{\"set\": \"soon\"}",
    ] {
        assert_eq!(client.control("POST", "clock", wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(client.control("GET", "nosuch", "").await.status, 404);
    sandbox.stop().await;
}

#[tokio::test]
async fn calls_are_counted() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await;
    for _ in 0..3 {
        client.dynamodb("ListTables", &json!({})).await;
    }
    client.backup("GET", "/backup-vaults").await;
    client.backup("GET", "/backup-vaults/nosuch").await;
    let stats = client.control("GET", "stats", "").await.json();
    assert_eq!(stats["total"], 5);
    assert_eq!(stats["calls"]["dynamodb:ListTables"], 3);
    assert_eq!(stats["by-target"], json!({ "111122223333/eu-west-1": 5 }));
    assert_eq!(stats["denied-calls"], json!({ "backup:DescribeBackupVault": 1 }));
    assert_eq!(sandbox.calls()["backup:ListBackupVaults"], 1);
    assert_eq!(client.control("DELETE", "stats", "").await.json()["total"], 0);
    assert!(sandbox.calls().is_empty());
    sandbox.stop().await;
}

#[tokio::test]
async fn the_environment_leads_here() {
    let sandbox = start("").await;
    let environment = sandbox.environment();
    let get = |name: &str| {
        environment
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    };
    assert_eq!(get("AWS_ENDPOINT_URL"), Some(sandbox.endpoint()));
    assert_eq!(get("AWS_ACCESS_KEY_ID").as_deref(), Some("AKIAPAYMENTS"));
    assert_eq!(get("AWS_REGION").as_deref(), Some("eu-west-1"));
    assert_eq!(get("AWS_EC2_METADATA_DISABLED").as_deref(), Some("true"));
    sandbox.stop().await;
}

#[tokio::test]
async fn stopping_gives_the_port_back() {
    let sandbox = start("").await;
    let port: u16 = sandbox.endpoint().rsplit(':').next().unwrap().parse().unwrap();
    let mut idle = Client::new(&sandbox).await;
    idle.dynamodb("ListTables", &json!({})).await;
    sandbox.stop().await;
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
    assert!(
        idle.plain("GET", "/_sandbox/clock", &[], "").await.is_err(),
        "idle connections are closed"
    );
    let again = Sandbox::start(World::parse(WORLD, "test.toml").unwrap(), port)
        .await
        .unwrap();
    let taken = Sandbox::start(World::parse(WORLD, "test.toml").unwrap(), port)
        .await
        .unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    again.stop().await;
}

#[tokio::test]
async fn the_same_calls_give_the_same_bytes() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let world = World::parse(
            &WORLD.replace("frozen = true\n", "frozen = true\nseed = 7\n"),
            "test.toml",
        );
        let sandbox = Sandbox::start(world.unwrap(), 0).await.unwrap();
        let mut client = Client::new(&sandbox).await;
        let table = json!({
            "TableName": "new", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        });
        let mut answers = Vec::new();
        answers.push(client.dynamodb("Scan", &json!({ "TableName": "orders" })).await);
        answers.push(client.dynamodb("CreateTable", &table).await);
        answers.push(client.target("kms", "TrentService.CreateKey", &json!({})).await);
        answers.push(
            client
                .dynamodb("DescribeTable", &json!({ "TableName": "orders" }))
                .await,
        );
        answers.push(client.backup("GET", "/backup-vaults").await);
        runs.push(answers);
        sandbox.stop().await;
    }
    assert_eq!(runs[0], runs[1]);
    assert_eq!(runs[0][0].json()["Count"], 20);
}

#[tokio::test]
async fn writes_are_logged_if_they_changed_something() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await;
    let vault = json!({ "CreatorRequestId": "1", "BackupVaultTags": { "a": "b" } }).to_string();
    let mut made = Vec::new();
    for path in ["/backup-vaults/mine", "/backup-vaults/mine", "/backup-vaults/m"] {
        made.push(client.signed("backup", "PUT", path, &[], &vault).await.unwrap().status);
    }
    assert_eq!(made, [200, 200, 400], "the second finds it, the third is refused");
    let form = "Action=TagRole&Version=2010-05-08&RoleName=AWSBackupDefaultServiceRole&Tags.member.1.Key=a&Tags.member.1.Value=b";
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    client.signed("iam", "POST", "/", &headers, form).await.unwrap();
    client.dynamodb("ListTables", &json!({})).await;
    client
        .dynamodb(
            "UpdateTable",
            &json!({ "TableName": "orders", "DeletionProtectionEnabled": true }),
        )
        .await;
    let log = client.control("GET", "writes", "").await.json()["writes"].clone();
    assert_eq!(
        log[0],
        json!({
            "number": 1, "at": "2026-11-01T12:00:00.000Z", "account": "111122223333", "region": "eu-west-1",
            "caller": "arn:aws:iam::111122223333:user/auditor", "action": "backup:CreateBackupVault",
            "resource": "arn:aws:backup:eu-west-1:111122223333:backup-vault:mine", "path": "/backup-vaults/mine",
            "parameters": { "CreatorRequestId": "1", "BackupVaultTags": { "a": "b" } },
            "answer": log[0]["answer"], "lost": false,
        })
    );
    assert_eq!(log[0]["answer"]["BackupVaultName"], "mine");
    assert_eq!(
        log[1]["resource"],
        "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole"
    );
    assert_eq!(log[1]["parameters"]["Tags.member.1.Key"], "a");
    assert_eq!(log[2]["action"], "dynamodb:UpdateTable");
    assert_eq!(log.as_array().unwrap().len(), 3);
    assert_eq!(sandbox.writes().len(), 3);
    assert_eq!(
        client.control("DELETE", "writes", "").await.json(),
        json!({ "writes": [] })
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn two_sandboxes_that_were_asked_for_the_same_compare_equal() {
    let mut states = Vec::new();
    for order in [["one", "two"], ["two", "one"]] {
        let sandbox = start("").await;
        let mut client = Client::new(&sandbox).await;
        client.backup("PUT", "/backup-vaults/mine").await;
        for name in order {
            let rule = json!({ "RuleName": "daily", "TargetBackupVaultName": "mine" });
            let plan = json!({ "BackupPlan": { "BackupPlanName": name, "Rules": [rule] } }).to_string();
            let made = client
                .signed("backup", "PUT", "/backup/plans", &[], &plan)
                .await
                .unwrap()
                .json();
            let path = format!("/backup/plans/{}/selections", made["BackupPlanId"].as_str().unwrap());
            let selection = json!({ "BackupSelection": {
                "SelectionName": "tables", "Resources": ["arn:aws:dynamodb:*:*:table/*"],
                "IamRoleArn": "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole",
            } });
            let answer = client
                .signed("backup", "PUT", &path, &[], &selection.to_string())
                .await
                .unwrap();
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        let (full, comparable) = (
            client.control("GET", "state", "").await.json(),
            client.control("GET", "state/comparable", "").await.json(),
        );
        assert_eq!(sandbox.state(true), comparable);
        states.push((full, comparable));
        sandbox.advance(TimeDelta::days(1));
        let later = sandbox.state(true);
        assert_ne!(later, states[0].1, "the plans have run");
        sandbox.stop().await;
    }
    assert_ne!(states[0].0, states[1].0);
    assert_eq!(states[0].1, states[1].1);
    let backup = &states[0].1["places"]["111122223333/eu-west-1"]["backup"];
    assert_eq!(backup["plans"].as_array().unwrap().len(), 2);
    assert!(backup["plans"][0].get("id").is_none() && states[0].0["now"].is_string());
}
