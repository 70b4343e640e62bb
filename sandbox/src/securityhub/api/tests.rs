//! What is created, what is kept, what is refused.

use serde_json::{Value, json};

use super::{handle, route};
use crate::call::{ApiError, Call, Service};
use crate::cloud::Cloud;
use crate::testing;

const PRODUCT: &str = "arn:aws:securityhub:eu-west-1:111122223333:product/111122223333/default";

fn ask(cloud: &mut Cloud, method: &str, path: &str, body: &Value) -> Result<Value, ApiError> {
    let call = Call {
        method: method.parse().unwrap(),
        path: path.to_owned(),
        body: body.to_string().into(),
        ..testing::call(Service::SecurityHub, "111122223333", "eu-west-1")
    };
    let operation = route(cloud, &call)?;
    let reply = handle(cloud, &call, &operation)?;
    Ok(serde_json::from_slice(&reply.body).unwrap())
}

fn finding(id: &str, updated_at: &str) -> Value {
    json!({
        "SchemaVersion": "2018-10-08",
        "Id": id,
        "ProductArn": PRODUCT,
        "GeneratorId": "tool/rule",
        "AwsAccountId": "111122223333",
        "CreatedAt": "2026-10-01T00:00:00Z",
        "UpdatedAt": updated_at,
        "Title": "t",
        "Description": "d",
        "FindingProviderFields": {"Severity": {"Label": "HIGH"}, "Types": ["Effects/Data Destruction"]},
        "Resources": [{"Type": "AwsDynamoDbTable", "Id": "arn:aws:dynamodb:eu-west-1:111122223333:table/orders"}],
        "Compliance": {"Status": "FAILED"},
    })
}

fn import(cloud: &mut Cloud, findings: &[Value]) -> Value {
    ask(cloud, "POST", "/findings/import", &json!({ "Findings": findings })).unwrap()
}

fn all(cloud: &mut Cloud, filters: &Value) -> Vec<Value> {
    let answer = ask(cloud, "POST", "/findings", &json!({ "Filters": filters })).unwrap();
    answer["Findings"].as_array().unwrap().clone()
}

#[test]
fn newer_findings_replace_older_ones_and_leave_peoples_work_alone() {
    let mut cloud = testing::cloud();
    assert_eq!(
        import(&mut cloud, &[finding("a", "2026-10-02T00:00:00Z")])["SuccessCount"],
        1
    );
    let stored = all(&mut cloud, &json!({})).remove(0);
    assert_eq!(stored["Workflow"]["Status"], "NEW");
    assert_eq!(stored["Severity"]["Label"], "HIGH");
    assert_eq!(stored["RecordState"], "ACTIVE");
    let identifier = json!([{"Id": "a", "ProductArn": PRODUCT}, {"Id": "z", "ProductArn": PRODUCT}]);
    let change = json!({"FindingIdentifiers": identifier, "Workflow": {"Status": "SUPPRESSED"}});
    let answer = ask(&mut cloud, "PATCH", "/findings/batchupdate", &change).unwrap();
    assert_eq!(answer["ProcessedFindings"].as_array().unwrap().len(), 1);
    assert_eq!(answer["UnprocessedFindings"][0]["ErrorCode"], "FindingNotFound");
    let mut newer = finding("a", "2026-10-03T00:00:00Z");
    newer["Title"] = "newer".into();
    newer["Workflow"] = json!({"Status": "NEW"});
    import(&mut cloud, &[newer]);
    let mut older = finding("a", "2026-10-01T00:00:00Z");
    older["Title"] = "older".into();
    assert_eq!(
        import(&mut cloud, &[older])["SuccessCount"],
        1,
        "taken, and without effect"
    );
    let stored = all(&mut cloud, &json!({})).remove(0);
    assert_eq!(
        (&stored["Title"], &stored["Workflow"]["Status"]),
        (&json!("newer"), &json!("SUPPRESSED"))
    );
}

#[test]
fn what_is_back_is_new_again() {
    let mut cloud = testing::cloud();
    let mut archived = finding("a", "2026-10-02T00:00:00Z");
    archived["RecordState"] = "ARCHIVED".into();
    archived["Workflow"] = json!({"Status": "RESOLVED"});
    import(&mut cloud, &[archived]);
    let mut back = finding("a", "2026-10-03T00:00:00Z");
    back["RecordState"] = "ACTIVE".into();
    import(&mut cloud, &[back]);
    assert_eq!(all(&mut cloud, &json!({}))[0]["Workflow"]["Status"], "NEW");
}

#[test]
fn findings_that_are_not_in_the_format_fail_one_by_one() {
    let mut cloud = testing::cloud();
    let good = finding("good", "2026-10-02T00:00:00Z");
    let with = |member: &str, value: Value| {
        let mut finding = finding(member, "2026-10-02T00:00:00Z");
        finding[member] = value;
        finding
    };
    let bad = [
        with("Title", "x".repeat(257).into()),
        with("AwsAccountId", "444455556666".into()),
        with("ProductArn", PRODUCT.replace("eu-west-1", "us-east-1").into()),
        with("Compliance", json!({"Status": "UNKNOWN"})),
        with("RecordState", "GONE".into()),
        with("Resources", json!([])),
        with("UpdatedAt", "yesterday".into()),
        with("ProductFields", json!({"aws/mine": "x"})),
        with("ProductFields", json!({"k": "x".repeat(2049)})),
        with("Note", json!({"Text": "x".repeat(513)})),
        with("Description", Value::Null),
    ];
    let mut findings = vec![good];
    findings.extend(bad.iter().cloned());
    let answer = import(&mut cloud, &findings);
    assert_eq!(
        (&answer["SuccessCount"], &answer["FailedCount"]),
        (&json!(1), &json!(bad.len()))
    );
    assert_eq!(answer["FailedFindings"][1]["ErrorCode"], "InvalidAccess");
    assert_eq!(answer["FailedFindings"][3]["ErrorCode"], "InvalidInput");
    let many: Vec<Value> = (0..101)
        .map(|n| finding(&n.to_string(), "2026-10-02T00:00:00Z"))
        .collect();
    let refused = ask(&mut cloud, "POST", "/findings/import", &json!({ "Findings": many })).unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (400, "InvalidInputException"));
}

#[test]
fn filters_and_pages() {
    let mut cloud = testing::cloud();
    let findings: Vec<Value> = (0..7)
        .map(|n| finding(&format!("a{n}"), "2026-10-02T00:00:00Z"))
        .collect();
    import(&mut cloud, &findings);
    let id = |comparison: &str, value: &str| json!({"Comparison": comparison, "Value": value});
    for (filters, count) in [
        (json!({"Id": [id("PREFIX", "a")]}), 7),
        (json!({"Id": [id("EQUALS", "a1"), id("EQUALS", "a2")]}), 2),
        (json!({"Id": [id("NOT_EQUALS", "a1"), id("NOT_EQUALS", "a2")]}), 5),
        (json!({"Id": [id("PREFIX_NOT_EQUALS", "a")]}), 0),
        (
            json!({"GeneratorId": [id("PREFIX", "tool/")], "RecordState": [id("EQUALS", "ARCHIVED")]}),
            0,
        ),
        (json!({"ResourceId": [id("CONTAINS", "table/orders")]}), 7),
    ] {
        assert_eq!(all(&mut cloud, &filters).len(), count, "{filters}");
    }
    let (mut ids, mut body) = (Vec::new(), json!({"MaxResults": 3}));
    loop {
        let page = ask(&mut cloud, "POST", "/findings", &body).unwrap();
        ids.extend(page["Findings"].as_array().unwrap().iter().map(|one| one["Id"].clone()));
        match &page["NextToken"] {
            Value::Null => break,
            token => body["NextToken"] = token.clone(),
        }
    }
    assert_eq!(ids.len(), 7);
    for body in [
        json!({"Filters": {"Keyword": [id("EQUALS", "x")]}}),
        json!({"Filters": {"Id": [id("LIKE", "x")]}}),
        json!({"MaxResults": 101}),
        json!({"NextToken": "?"}),
        json!({"SortCriteria": []}),
    ] {
        let refused = ask(&mut cloud, "POST", "/findings", &body).unwrap_err();
        assert_eq!(refused.code, "InvalidInputException", "{body}");
    }
}

#[test]
fn where_it_is_off_nothing_is_taken() {
    let mut cloud = testing::cloud();
    let account = cloud.accounts.get_mut("111122223333").unwrap();
    account.security_hub = Some(vec!["us-east-1".to_owned()]);
    let refused = ask(&mut cloud, "POST", "/findings", &json!({})).unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (401, "InvalidAccessException"));
    let unknown = ask(&mut cloud, "GET", "/insights", &json!({})).unwrap_err();
    assert_eq!(unknown.code, "UnknownOperationException");
}
