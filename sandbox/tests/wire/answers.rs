//! Protocols: headers of every answer, and errors as each service writes them.

use serde_json::json;

use crate::client::{Client, element, start};

#[tokio::test]
async fn answers_carry_the_virtual_date_and_a_request_id() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let answer = client.dynamodb("ListTables", &json!({})).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), json!({ "TableNames": ["orders"] }));
        assert_eq!(answer.header("content-type"), Some("application/x-amz-json-1.0"));
        assert_eq!(answer.header("date"), Some("Sun, 01 Nov 2026 12:00:00 GMT"));
        let crc = crc32fast::hash(answer.body.as_bytes()).to_string();
        assert_eq!(answer.header("x-amz-crc32"), Some(crc.as_str()));
        ids.push(answer.header("x-amzn-requestid").unwrap().to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 3, "one connection, three requests, three ids");
    let bucket = client.signed("s3", "GET", "/", &[], "").await.unwrap();
    assert_eq!(bucket.status, 200);
    assert!(bucket.header("x-amz-request-id").is_some() && bucket.header("x-amzn-requestid").is_none());
    sandbox.stop().await;
}

#[tokio::test]
async fn errors_in_every_protocol() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await;
    let rest = client.backup("GET", "/backup-vaults/nosuch").await;
    assert_eq!(
        (rest.status, rest.header("x-amzn-errortype")),
        (403, Some("AccessDeniedException"))
    );
    assert_eq!(rest.json()["Code"], "AccessDeniedException");
    assert_eq!(
        rest.json()["Message"],
        "Insufficient privileges to perform this action."
    );
    assert!(rest.json()["Type"].is_null() && rest.json()["Context"].is_null());
    let json10 = client
        .dynamodb("DescribeTable", &json!({ "TableName": "nosuch" }))
        .await;
    assert_eq!(json10.status, 400);
    assert_eq!(
        json10.json()["__type"],
        "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"
    );
    assert_eq!(
        json10.json()["message"],
        "Requested resource not found: Table: nosuch not found"
    );
    let coral = client.dynamodb("ListTables", &json!({ "Limit": 101 })).await;
    assert_eq!(coral.json()["__type"], "com.amazon.coral.service#ValidationException");
    let json11 = client
        .target("kms", "TrentService.DescribeKey", &json!({ "KeyId": "alias/nosuch" }))
        .await;
    assert_eq!(
        (json11.status, &json11.json()["__type"]),
        (400, &json!("NotFoundException"))
    );
    assert_eq!(json11.header("content-type"), Some("application/x-amz-json-1.1"));
    let query = client
        .sts("Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::999999999999:role/X&RoleSessionName=s1")
        .await;
    assert_eq!((query.status, element(&query.body, "Code")), (403, "AccessDenied"));
    assert!(
        element(&query.body, "Message")
            .contains("is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::999999999999:role/X")
    );
    let xml = client.signed("s3", "GET", "/nosuch", &[], "").await.unwrap();
    assert_eq!((xml.status, element(&xml.body, "Code")), (404, "NoSuchBucket"));
    sandbox.stop().await;
}

#[tokio::test]
async fn unsigned_requests_are_refused_in_the_service_s_words() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await;
    let target = [("x-amz-target", "DynamoDB_20120810.ListTables")];
    let dynamodb = client.plain("POST", "/", &target, "{}").await.unwrap();
    assert_eq!(dynamodb.status, 400);
    assert_eq!(
        dynamodb.json()["__type"],
        "com.amazon.coral.service#MissingAuthenticationTokenException"
    );
    let backup = client.plain("GET", "/backup-vaults/", &[], "").await.unwrap();
    assert_eq!(
        (backup.status, backup.header("x-amzn-errortype")),
        (403, Some("MissingAuthenticationTokenException"))
    );
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let sts = client
        .plain("POST", "/", &form, "Action=GetCallerIdentity")
        .await
        .unwrap();
    assert_eq!(
        (sts.status, element(&sts.body, "Code")),
        (403, "MissingAuthenticationToken")
    );
    let unknown = client.plain("GET", "/whatever", &[], "").await.unwrap();
    assert_eq!(unknown.status, 404);
    sandbox.stop().await;
}

#[tokio::test]
async fn what_the_sandbox_does_not_know_is_said() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await;
    let operation = client.dynamodb("ExportTableToPointInTime", &json!({})).await;
    assert_eq!(operation.status, 400);
    assert!(
        operation.body.contains("does not simulate ExportTableToPointInTime"),
        "{}",
        operation.body
    );
    let service = client.signed("ec2", "POST", "/", &[], "").await.unwrap();
    assert_eq!(service.status, 404);
    let cbor = [("smithy-protocol", "rpc-v2-cbor")];
    let path = "/service/ResourceGroupsTaggingAPI_20170126/operation/GetResources";
    assert_eq!(
        client.signed("tagging", "POST", path, &cbor, "").await.unwrap().status,
        415
    );
    let broken = client
        .target("dynamodb", "DynamoDB_20120810.ListTables", &json!("no object"))
        .await;
    assert!(broken.body.contains("SerializationException"));
    sandbox.stop().await;
}

#[tokio::test]
async fn both_spellings_of_a_path_and_encoded_labels() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await;
    for path in ["/backup-vaults", "/backup-vaults/", "/backup-vaults/?maxResults=10"] {
        assert_eq!(client.backup("GET", path).await.status, 200, "{path}");
    }
    let arn = "arn%3Aaws%3Adynamodb%3Aeu-west-1%3A111122223333%3Atable%2Forders";
    for path in [
        format!("/resources/{arn}/recovery-points"),
        format!("/resources/{arn}/recovery-points/"),
    ] {
        assert_eq!(client.backup("GET", &path).await.status, 200, "{path}");
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn kms_keys_from_their_creation_to_their_end() {
    let sandbox = start("").await;
    let mut client = Client::new(&sandbox).await;
    let mut kms =
        async |name: &str, body: serde_json::Value| client.target("kms", &format!("TrentService.{name}"), &body).await;
    let managed = kms("DescribeKey", json!({ "KeyId": "alias/aws/backup" })).await.json()["KeyMetadata"].clone();
    assert_eq!(
        (&managed["KeyManager"], &managed["AWSAccountId"]),
        (&json!("AWS"), &json!("111122223333"))
    );
    assert_ne!(
        kms("DescribeKey", json!({ "KeyId": "alias/aws/dynamodb" }))
            .await
            .json()["KeyMetadata"]["Arn"],
        managed["Arn"]
    );
    let made = kms("CreateKey", json!({ "Description": "mine" })).await.json()["KeyMetadata"].clone();
    assert_eq!(
        (&made["KeyManager"], &made["KeyState"], &made["Enabled"]),
        (&json!("CUSTOMER"), &json!("Enabled"), &json!(true))
    );
    for name in [&made["KeyId"], &made["Arn"]] {
        assert_eq!(
            kms("DescribeKey", json!({ "KeyId": name })).await.json()["KeyMetadata"],
            made
        );
    }
    let id = made["KeyId"].clone();
    assert_eq!(kms("DisableKey", json!({ "KeyId": id })).await.body, "");
    assert_eq!(
        kms("DescribeKey", json!({ "KeyId": id })).await.json()["KeyMetadata"]["Enabled"],
        false
    );
    kms("EnableKey", json!({ "KeyId": id })).await;
    let doomed = kms("ScheduleKeyDeletion", json!({ "KeyId": id, "PendingWindowInDays": 7 }))
        .await
        .json();
    assert_eq!(
        (&doomed["KeyState"], doomed["DeletionDate"].as_f64()),
        (&json!("PendingDeletion"), Some(1_793_534_400.0 + 7.0 * 86_400.0))
    );
    assert!(
        kms("EnableKey", json!({ "KeyId": id }))
            .await
            .body
            .contains("KMSInvalidStateException")
    );
    kms("CancelKeyDeletion", json!({ "KeyId": id })).await;
    assert_eq!(
        kms("DescribeKey", json!({ "KeyId": id })).await.json()["KeyMetadata"]["KeyState"],
        "Disabled"
    );
    assert_eq!(
        kms("ListKeys", json!({})).await.json()["Keys"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    let page = kms("ListKeys", json!({ "Limit": 2 })).await.json();
    let rest = kms("ListKeys", json!({ "Limit": 2, "Marker": page["NextMarker"] }))
        .await
        .json();
    assert_eq!(
        (
            &page["Truncated"],
            &rest["Truncated"],
            rest["Keys"].as_array().unwrap().len()
        ),
        (&json!(true), &json!(false), 2)
    );
    for (name, body, part) in [
        (
            "DescribeKey",
            json!({ "KeyId": "00000000-0000-0000-0000-000000000000" }),
            "NotFoundException",
        ),
        (
            "DescribeKey",
            json!({ "KeyId": "arn:aws:kms:us-east-1:111122223333:key/x" }),
            "NotFoundException",
        ),
        ("DescribeKey", json!({}), "ValidationException"),
        ("ListKeys", json!({ "Limit": 1001 }), "ValidationException"),
        (
            "ScheduleKeyDeletion",
            json!({ "KeyId": managed["KeyId"] }),
            "AccessDeniedException",
        ),
        (
            "CreateKey",
            json!({ "KeySpec": "RSA_2048" }),
            "UnsupportedOperationException",
        ),
        ("Encrypt", json!({}), "UnknownOperationException"),
    ] {
        let answer = kms(name, body).await;
        assert!(
            answer.status == 400 && answer.body.contains(part),
            "{name}: {}",
            answer.body
        );
    }
    sandbox.stop().await;
}
