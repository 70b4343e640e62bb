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
