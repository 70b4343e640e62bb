//! Who calls: accounts by access key, assumed roles, Regions.

use serde_json::json;

use crate::client::{Client, element, start};

#[tokio::test]
async fn the_account_comes_from_the_access_key() {
    let sandbox = start("").await;
    for (key, account) in [
        ("AKIAPAYMENTS", "111122223333"),
        ("AKIA444455556666", "444455556666"),
        ("X444455556666Y", "444455556666"),
        ("AKIAUNKNOWN", "111122223333"),
        ("AKIA999999999999", "111122223333"),
    ] {
        let mut client = Client::new(&sandbox).await.with(key, "eu-west-1");
        let answer = client.sts("Action=GetCallerIdentity&Version=2011-06-15").await;
        assert_eq!(element(&answer.body, "Account"), account, "{key}");
        assert_eq!(
            element(&answer.body, "Arn"),
            format!("arn:aws:iam::{account}:user/auditor")
        );
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn an_assumed_role_sees_its_own_account() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await;
    let assume =
        |role: &str| format!("Action=AssumeRole&RoleArn=arn:aws:iam::444455556666:role/{role}&RoleSessionName=scan");
    assert_eq!(client.sts(&assume("Other")).await.status, 403);
    let answer = client.sts(&assume("Audit")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut client = client.with(element(&answer.body, "AccessKeyId"), "eu-west-1");
    let names = client.dynamodb("ListTables", &json!({})).await.json();
    assert_eq!(names, json!({ "TableNames": ["ledger-1", "ledger-2", "ledger-3"] }));
    let identity = client.sts("Action=GetCallerIdentity").await;
    assert_eq!(
        element(&identity.body, "Arn"),
        "arn:aws:sts::444455556666:assumed-role/Audit/scan"
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn a_region_that_is_not_enabled_knows_no_token() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await.with("AKIAPAYMENTS", "ap-east-1");
    let backup = client.backup("GET", "/backup-vaults").await;
    assert_eq!(
        (backup.status, backup.header("x-amzn-errortype")),
        (403, Some("UnrecognizedClientException"))
    );
    let dynamodb = client.dynamodb("ListTables", &json!({})).await;
    assert_eq!(
        dynamodb.json()["__type"],
        "com.amazon.coral.service#UnrecognizedClientException"
    );
    assert_eq!(client.sts("Action=GetCallerIdentity").await.status, 403);
    let regions = client
        .signed("account", "POST", "/listRegions", &[], "{}")
        .await
        .unwrap();
    assert_eq!(regions.status, 200, "account management has no Regions of its own");
    sandbox.stop().await;
}

#[tokio::test]
async fn places_are_apart() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await.with("AKIAPAYMENTS", "us-east-1");
    assert_eq!(
        client.dynamodb("ListTables", &json!({})).await.json(),
        json!({ "TableNames": [] })
    );
    let arn = json!({ "TableName": "arn:aws:dynamodb:eu-west-1:111122223333:table/orders" });
    assert_eq!(client.dynamodb("DescribeTable", &arn).await.status, 400);
    sandbox.stop().await;
}
