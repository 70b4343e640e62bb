//! Calls to the sandbox as others make them: whoever owns the tables, the vaults and the bucket.

use serde_json::{Value, json};

use super::Bench;

/// A call of account 111122223333: of a signature the sandbox reads the scope, and no more.
fn call(bench: &Bench, service: &str, request: &str, headers: &str, body: &[u8]) -> (u16, String) {
    bench.send(request, &(signed(service) + headers), body)
}

fn signed(service: &str) -> String {
    let scope = format!("Credential=AKIA111122223333/20261101/eu-west-1/{service}/aws4_request");
    format!("authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0\r\n")
}

pub fn s3(bench: &Bench, request: &str, body: &[u8]) {
    call(bench, "s3", request, "", body);
}

/// What an operation of S3 that answers in text says.
pub fn s3_text(bench: &Bench, request: &str) -> String {
    call(bench, "s3", request, "", b"").1
}

pub fn dynamodb(bench: &Bench, operation: &str, body: &Value) {
    let headers =
        format!("content-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.{operation}\r\n");
    let (status, answer) = call(bench, "dynamodb", "POST /", &headers, body.to_string().as_bytes());
    assert_eq!(status, 200, "{answer}");
}

/// Makes a table with these tags.
pub fn create_table(bench: &Bench, name: &str, tags: &Value) {
    let body = json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "Tags": tags,
    });
    dynamodb(bench, "CreateTable", &body);
}

pub fn delete_table(bench: &Bench, name: &str) {
    dynamodb(bench, "DeleteTable", &json!({ "TableName": name }));
}

/// Enables or disables the key that `[[key]]` calls so.
pub fn switch_key(bench: &Bench, name: &str, is_on: bool) {
    let kms = |operation: &str, body: &Value| {
        let headers = format!("content-type: application/x-amz-json-1.1\r\nx-amz-target: TrentService.{operation}\r\n");
        let (status, answer) = call(bench, "kms", "POST /", &headers, body.to_string().as_bytes());
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str::<Value>(&answer).unwrap_or(Value::Null)
    };
    let aliases = kms("ListAliases", &json!({}));
    let alias = format!("alias/{name}");
    let aliases = aliases["Aliases"].as_array().expect("aliases");
    let its = aliases.iter().find(|one| one["AliasName"] == alias.as_str());
    let operation = if is_on { "EnableKey" } else { "DisableKey" };
    kms(operation, &json!({ "KeyId": its.expect("a key")["TargetKeyId"] }));
}

/// A call with a body unless it is null. Null comes back where the answer has none.
fn rest(bench: &Bench, service: &str, request: &str, body: &Value) -> Value {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let (_, answer) = call(bench, service, request, "", body.as_bytes());
    serde_json::from_str(&answer).unwrap_or(Value::Null)
}

pub fn backup(bench: &Bench, request: &str, body: &Value) -> Value {
    rest(bench, "backup", request, body)
}

/// The same, where AWS Backup may refuse it.
pub fn try_backup(bench: &Bench, request: &str, body: &Value) {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    bench.try_send(request, &signed("backup"), body.as_bytes());
}

pub fn security_hub(bench: &Bench, request: &str, body: &Value) -> Value {
    rest(bench, "securityhub", request, body)
}
