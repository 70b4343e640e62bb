//! What goes wrong on purpose.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Client, element, start};

#[tokio::test]
async fn throttling_in_every_service_s_words() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await;
    let added = client.control("POST", "faults", "{\"throttle-rate\": 1.0}").await;
    assert_eq!(added.json(), json!({ "ids": [1] }));
    let backup = client.backup("GET", "/backup-vaults").await;
    assert_eq!(
        (backup.status, backup.header("x-amzn-errortype")),
        (400, Some("ThrottlingException"))
    );
    let dynamodb = client.dynamodb("ListTables", &json!({})).await;
    assert!(
        dynamodb.status == 400 && dynamodb.body.contains("#ThrottlingException"),
        "{}",
        dynamodb.body
    );
    let s3 = client.signed("s3", "GET", "/", &[], "").await.unwrap();
    assert_eq!((s3.status, element(&s3.body, "Code")), (503, "SlowDown"));
    let sts = client.sts("Action=GetCallerIdentity").await;
    assert_eq!((sts.status, element(&sts.body, "Code")), (400, "Throttling"));
    assert_eq!(client.control("GET", "stats", "").await.json()["throttled"], 4);
    client.control("DELETE", "faults", "").await;
    assert_eq!(client.backup("GET", "/backup-vaults").await.status, 200);
    sandbox.stop().await;
}

#[tokio::test]
async fn server_errors_are_500_or_503() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await;
    client
        .control("POST", "faults", "{\"error-rate\": 1.0, \"service\": \"dynamodb\"}")
        .await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(client.dynamodb("ListTables", &json!({})).await.status);
    }
    seen.sort_unstable();
    assert_eq!(seen, [500, 503]);
    assert_eq!(
        client.backup("GET", "/backup-vaults").await.status,
        200,
        "other services are fine"
    );
    assert_eq!(client.control("GET", "stats", "").await.json()["failed"], 2);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_reset_connection_gives_no_answer() {
    let sandbox = start("").await;
    let mut control = Client::new(&sandbox).await;
    control.control("POST", "faults", "{\"reset-rate\": 1.0}").await;
    let mut client = Client::new(&sandbox).await;
    let target = [("x-amz-target", "DynamoDB_20120810.ListTables")];
    let error = client.signed("dynamodb", "POST", "/", &target, "{}").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(
        control.control("GET", "stats", "").await.json()["total"],
        1,
        "the call was done"
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn a_truncated_answer_ends_in_the_middle() {
    let sandbox = start("").await;
    let mut control = Client::new(&sandbox).await;
    control.control("POST", "faults", "{\"truncate-rate\": 1.0}").await;
    let mut client = Client::new(&sandbox).await;
    let target = [("x-amz-target", "DynamoDB_20120810.ListTables")];
    let error = client.signed("dynamodb", "POST", "/", &target, "{}").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    sandbox.stop().await;
}

#[tokio::test]
async fn answers_come_late_but_do_not_wait_for_each_other() {
    let sandbox = start("").await;
    let mut control = Client::new(&sandbox).await;
    control.control("POST", "faults", "{\"latency-ms\": 400}").await;
    let begin = Instant::now();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut client = Client::new(&sandbox).await;
        calls.spawn(async move { client.dynamodb("ListTables", &json!({})).await.status });
    }
    assert_eq!(calls.join_all().await, [200; 8]);
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(400), "{took:?}");
    assert!(took < Duration::from_millis(8 * 400), "{took:?}");
    sandbox.stop().await;
}

#[tokio::test]
async fn denials_name_caller_action_and_resource() {
    let world = "
        [[fault]]
        deny = \"backup:ListRecoveryPoints*\"
        account = \"111122223333\"
        resource = \"*:backup-vault:secret\"
        [[fault]]
        deny = \"dynamodb:DescribeContinuousBackups\"
    ";
    let sandbox = start(world).await;
    let mut client = Client::new(&sandbox).await;
    let denied = client.backup("GET", "/backup-vaults/secret/recovery-points/").await;
    assert_eq!(
        (denied.status, denied.header("x-amzn-errortype")),
        (403, Some("AccessDeniedException"))
    );
    assert_eq!(
        denied.json()["Message"],
        "User: arn:aws:iam::111122223333:user/auditor is not authorized to perform: backup:ListRecoveryPointsByBackupVault on resource: \
         arn:aws:backup:eu-west-1:111122223333:backup-vault:secret because no identity-based policy allows the \
         backup:ListRecoveryPointsByBackupVault action"
    );
    let denied = client
        .dynamodb("DescribeContinuousBackups", &json!({ "TableName": "orders" }))
        .await;
    assert_eq!(denied.status, 400);
    assert!(
        denied
            .body
            .contains("on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/orders"),
        "{}",
        denied.body
    );
    assert_eq!(
        client
            .dynamodb("DescribeTable", &json!({ "TableName": "orders" }))
            .await
            .status,
        200
    );
    assert_eq!(client.control("GET", "stats", "").await.json()["denied"], 2);
    sandbox.stop().await;
}

#[tokio::test]
async fn credentials_expire_after_some_calls() {
    let sandbox = start("[[fault]]\nexpired-credentials = 2").await;
    let mut client = Client::new(&sandbox).await;
    for status in [200, 200, 400, 400] {
        assert_eq!(client.dynamodb("ListTables", &json!({})).await.status, status);
    }
    let backup = client.backup("GET", "/backup-vaults").await;
    assert_eq!(
        (backup.status, backup.header("x-amzn-errortype")),
        (403, Some("ExpiredTokenException"))
    );
    let sts = client.sts("Action=GetCallerIdentity").await;
    assert_eq!((sts.status, element(&sts.body, "Code")), (403, "ExpiredToken"));
    let s3 = client.signed("s3", "GET", "/", &[], "").await.unwrap();
    assert_eq!((s3.status, element(&s3.body, "Code")), (400, "ExpiredToken"));
    let mut other = Client::new(&sandbox).await.with("AKIA444455556666", "eu-west-1");
    assert_eq!(
        other.dynamodb("ListTables", &json!({})).await.status,
        200,
        "each key has calls of its own"
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn quotas_are_the_published_ones() {
    let sandbox = start("[[fault]]\nquota = true").await;
    let mut client = Client::new(&sandbox).await;
    let table = json!({ "TableName": "orders" });
    for (rate, dynamodb) in [(20, false), (10, true)] {
        let begin = Instant::now();
        let mut passed = 0;
        for _ in 0..60 {
            let answer = match dynamodb {
                true => client.dynamodb("DescribeContinuousBackups", &table).await,
                false => client.backup("GET", "/backup-vaults").await,
            };
            passed += u32::from(answer.status == 200);
        }
        // The bucket holds one second's worth, and fills up while the calls take their time.
        let most = f64::from(rate) * (1.0 + begin.elapsed().as_secs_f64());
        assert!(
            passed >= rate && f64::from(passed) <= most,
            "{passed} passed at {rate} a second"
        );
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn faults_are_listed_removed_and_checked() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await;
    let two = "[{\"latency-ms\": 1}, {\"deny\": \"kms:*\", \"region\": \"eu-west-1\"}]";
    assert_eq!(
        client.control("POST", "faults", two).await.json(),
        json!({ "ids": [1, 2] })
    );
    let list = client.control("GET", "faults", "").await.json();
    assert_eq!(list["faults"][1]["fault"]["deny"], "kms:*");
    assert_eq!(
        client.control("DELETE", "faults/1", "").await.json()["faults"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(client.control("DELETE", "faults/1", "").await.status, 400);
    for wrong in [
        "{}",
        "{\"throttle-rate\": 2}",
        "{\"throttle\": 1}",
        "[{\"latency-ms\": 1}, {}]",
        "x",
    ] {
        assert_eq!(client.control("POST", "faults", wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(
        client.control("GET", "faults", "").await.json()["faults"]
            .as_array()
            .unwrap()
            .len(),
        1,
        "all or none"
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn an_answer_is_lost_after_the_write() {
    let sandbox = start("").await;
    let mut control = Client::new(&sandbox).await;
    let fault = json!({ "reset-rate": 1.0, "writes": true, "action": "backup:*", "times": 1 });
    control.control("POST", "faults", &fault.to_string()).await;
    let mut client = Client::new(&sandbox).await;
    assert_eq!(client.backup("GET", "/backup-vaults").await.status, 200, "no write");
    let body = json!({ "CreatorRequestId": "once" }).to_string();
    let lost = client.signed("backup", "PUT", "/backup-vaults/mine", &[], &body).await;
    assert_eq!(lost.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let mut client = Client::new(&sandbox).await;
    let again = client
        .signed("backup", "PUT", "/backup-vaults/mine", &[], &body)
        .await
        .unwrap();
    assert_eq!((again.status, again.header("x-sandbox-unchanged")), (200, Some("true")));
    let writes = sandbox.writes();
    assert_eq!(writes.len(), 1, "it was done once");
    assert!(writes[0].lost);
    sandbox.stop().await;
}
