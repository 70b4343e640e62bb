use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{ACCOUNT, REGION, ROLE, Sim, enc, instant, table_arn};
use crate::kms::state::Manager;

/// A recovery point of `Orders` in `v1`; gives its ARN.
fn setting() -> (Sim, String) {
    let mut sim = Sim::new();
    sim.vault("v1");
    sim.table("Orders", &[("team", "shop")]);
    sim.backup(
        "Orders",
        "v1",
        json!({"DeleteAfterDays": 200, "MoveToColdStorageAfterDays": 100}),
    );
    let point = sim.points("v1")[0]["RecoveryPointArn"].as_str().unwrap().to_owned();
    (sim, point)
}

fn body(point: &str, metadata: Value) -> Value {
    json!({"RecoveryPointArn": point, "Metadata": metadata, "IamRoleArn": ROLE, "ResourceType": "DynamoDB"})
}

fn restore(sim: &mut Sim, body: Value) -> Value {
    let id = sim.good("PUT", "/restore-jobs", body)["RestoreJobId"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(sim.get(&format!("/restore-jobs/{id}"))["Status"], "PENDING");
    sim.pass(TimeDelta::seconds(2));
    assert_eq!(sim.get(&format!("/restore-jobs/{id}"))["Status"], "RUNNING");
    sim.pass(TimeDelta::minutes(1));
    sim.get(&format!("/restore-jobs/{id}"))
}

#[test]
fn a_restore_makes_a_new_table() {
    let (mut sim, point) = setting();
    let metadata =
        json!({"targetTableName": "Orders-restored", "originalTableName": "Orders", "encryptionType": "Default"});
    let job = restore(&mut sim, body(&point, metadata));
    assert_eq!(job["Status"], "COMPLETED");
    assert_eq!(job["CreatedResourceArn"], table_arn("Orders-restored"));
    assert_eq!(
        (&job["SourceResourceArn"], &job["RecoveryPointArn"]),
        (&json!(table_arn("Orders")), &json!(point))
    );
    assert_eq!(job["PercentDone"], "0.00%");
    let table = sim
        .cloud
        .place_mut(ACCOUNT, REGION)
        .dynamodb
        .table("Orders-restored")
        .unwrap();
    assert_eq!(
        (table.size_bytes(), table.tags.len(), table.sse.is_none()),
        (800_000_000, 0, true)
    );
    assert!(!sim.points("v1")[0]["LastRestoreTime"].is_null());
    let protected = sim.get(&format!("/resources/{}", enc(&table_arn("Orders"))));
    assert_eq!(protected["LatestRestoreExecutionTimeMinutes"], 1);
    let of = sim.get(&format!("/resources/{}/restore-jobs/", enc(&table_arn("Orders"))));
    assert_eq!(of["RestoreJobs"].as_array().unwrap().len(), 1);
    let metadata = sim.get(&format!(
        "/restore-jobs/{}/metadata",
        job["RestoreJobId"].as_str().unwrap()
    ));
    assert_eq!(metadata["Metadata"]["targetTableName"], "Orders-restored");
    assert_eq!(
        sim.get("/restore-jobs/?status=COMPLETED")["RestoreJobs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(sim.get("/restore-jobs/?status=FAILED")["RestoreJobs"], json!([]));
    sim.pass(TimeDelta::days(31));
    assert_eq!(sim.get("/restore-jobs/")["RestoreJobs"], json!([]));
}

#[test]
fn restores_choose_their_key() {
    let (mut sim, point) = setting();
    let now = sim.now();
    let key = {
        let crate::cloud::Cloud { places, ids, .. } = &mut sim.cloud;
        places
            .get_mut(&(ACCOUNT.to_owned(), REGION.to_owned()))
            .unwrap()
            .kms
            .create(Manager::Customer, "mine", now, ids)
    };
    let managed = sim.cloud.place_mut(ACCOUNT, REGION).kms.managed_key("dynamodb");
    for (name, metadata, expected) in [
        ("one", json!({"encryptionType": "KMS"}), Some(managed)),
        (
            "two",
            json!({"encryptionType": "KMS", "kmsMasterKeyArn": key}),
            Some(key.clone()),
        ),
        ("three", json!({"kmsMasterKeyArn": key}), Some(key.clone())),
        ("four", json!({}), None),
    ] {
        let mut metadata = metadata;
        // Keys of the metadata are compared without regard to case.
        metadata["TARGETTABLENAME"] = json!(format!("table-{name}"));
        assert_eq!(
            restore(&mut sim, body(&point, metadata))["Status"],
            "COMPLETED",
            "{name}"
        );
        let place = sim.cloud.place_mut(ACCOUNT, REGION);
        let table = place.dynamodb.table(&format!("table-{name}")).unwrap();
        assert_eq!(table.sse_key().map(str::to_owned), expected, "{name}");
    }
    let now = sim.now();
    sim.cloud
        .place_mut(ACCOUNT, REGION)
        .kms
        .find_mut(&key)
        .unwrap()
        .change(now, crate::kms::state::KeyState::Disabled);
    let job = restore(
        &mut sim,
        body(&point, json!({"targetTableName": "table-five", "kmsMasterKeyArn": key})),
    );
    assert_eq!(
        (&job["Status"], &job["CreatedResourceArn"]),
        (&json!("FAILED"), &Value::Null)
    );
    assert!(job["StatusMessage"].as_str().unwrap().contains("KMS key"));
}

#[test]
fn copying_tags_makes_the_job_fail() {
    let (mut sim, point) = setting();
    for copies in [true, false] {
        let mut body = body(&point, json!({"targetTableName": "Orders-restored"}));
        body["CopySourceTagsToRestoredResource"] = json!(copies);
        assert_eq!(restore(&mut sim, body)["Status"], "FAILED");
    }
    assert!(
        sim.cloud
            .place_mut(ACCOUNT, REGION)
            .dynamodb
            .table("Orders-restored")
            .is_none()
    );
}

#[test]
fn restore_calls_are_checked_and_a_refused_token_is_used_up() {
    let (mut sim, point) = setting();
    for (metadata, text) in [
        (json!({}), "targetTableName"),
        (json!({"targetTableName": "x"}), "not a table name"),
        (json!({"targetTableName": "Orders"}), "Table already exists"),
        (
            json!({"targetTableName": "new", "encryptionType": "AES"}),
            "encryptionType",
        ),
        (
            json!({"targetTableName": "new", "encryptionType": "Default", "kmsMasterKeyArn": "arn:x"}),
            "kmsMasterKeyArn",
        ),
        (json!({"targetTableName": "new", "volumeId": "vol-1"}), "volumeId"),
    ] {
        sim.refused(
            "PUT",
            "/restore-jobs",
            body(&point, metadata),
            400,
            "InvalidParameterValueException",
            text,
        );
    }
    let metadata = json!({"targetTableName": "Orders-restored"});
    sim.refused(
        "PUT",
        "/restore-jobs",
        json!({"RecoveryPointArn": point}),
        400,
        "MissingParameterValueException",
        "Metadata",
    );
    sim.refused(
        "PUT",
        "/restore-jobs",
        json!({"Metadata": metadata}),
        400,
        "MissingParameterValueException",
        "RecoveryPointArn",
    );
    let absent = body(
        "arn:aws:backup:eu-west-1:111122223333:recovery-point:none",
        metadata.clone(),
    );
    sim.refused(
        "PUT",
        "/restore-jobs",
        absent,
        400,
        "ResourceNotFoundException",
        "Cannot find recovery point",
    );
    let mut other = body(&point, metadata.clone());
    other["ResourceType"] = json!("EBS");
    sim.refused(
        "PUT",
        "/restore-jobs",
        other,
        400,
        "InvalidParameterValueException",
        "EBS",
    );
    let mut stranger = body(&point, metadata.clone());
    stranger["IamRoleArn"] = json!("arn:aws:iam::999999999999:role/x");
    sim.refused(
        "PUT",
        "/restore-jobs",
        stranger,
        400,
        "InvalidParameterValueException",
        "cannot be assumed",
    );

    let mut bad = body(&point, json!({}));
    bad["IdempotencyToken"] = json!("t1");
    sim.refused("PUT", "/restore-jobs", bad, 400, "InvalidParameterValueException", "");
    let mut good = body(&point, metadata);
    good["IdempotencyToken"] = json!("t1");
    sim.refused(
        "PUT",
        "/restore-jobs",
        good.clone(),
        400,
        "InvalidParameterValueException",
        "used already",
    );
    good["IdempotencyToken"] = json!("t2");
    let first = sim.good("PUT", "/restore-jobs", good.clone());
    sim.pass(TimeDelta::minutes(1));
    assert_eq!(sim.good("PUT", "/restore-jobs", good), first);
    sim.refused(
        "GET",
        "/restore-jobs/none",
        Value::Null,
        400,
        "ResourceNotFoundException",
        "",
    );
}

#[test]
fn out_of_cold_storage_it_takes_four_hours_more() {
    let (mut sim, point) = setting();
    sim.pass(TimeDelta::days(101));
    let answer = sim.good(
        "PUT",
        "/restore-jobs",
        body(&point, json!({"targetTableName": "Orders-restored"})),
    );
    let path = format!("/restore-jobs/{}", answer["RestoreJobId"].as_str().unwrap());
    assert_eq!(sim.get(&path)["ExpectedCompletionTimeMinutes"], 240);
    sim.pass(TimeDelta::hours(3));
    assert_eq!(sim.get(&path)["Status"], "RUNNING");
    sim.pass(TimeDelta::hours(2));
    let job = sim.get(&path);
    assert_eq!(job["Status"], "COMPLETED");
    assert!(instant(&job["CompletionDate"]) - instant(&job["CreationDate"]) >= TimeDelta::hours(4));
}

#[test]
fn verdicts_belong_to_restore_tests_and_are_final() {
    let (mut sim, point) = setting();
    let plan = json!({"RestoreTestingPlan": {"RestoreTestingPlanName": "monthly", "ScheduleExpression": "cron(0 5 1 * ? *)", "RecoveryPointSelection": {}}});
    let plan = sim.good("PUT", "/restore-testing/plans", plan)["RestoreTestingPlanArn"]
        .as_str()
        .unwrap()
        .to_owned();
    let job = restore(
        &mut sim,
        body(&point, json!({"targetTableName": "awsbackup-restore-test-1"})),
    );
    let path = format!("/restore-jobs/{}/validations", job["RestoreJobId"].as_str().unwrap());
    let verdict = |status: &str| json!({"ValidationStatus": status, "ValidationStatusMessage": "same digest"});
    sim.refused(
        "PUT",
        &path,
        verdict("SUCCESSFUL"),
        400,
        "InvalidRequestException",
        "restore testing plan",
    );
    let jobs = &mut sim.cloud.place_mut(ACCOUNT, REGION).backup.restore_jobs;
    let number = jobs.find(job["RestoreJobId"].as_str().unwrap()).unwrap();
    jobs.get_mut(number).unwrap().testing_plan = Some(plan.as_str().into());
    sim.refused(
        "PUT",
        &path,
        verdict("GOOD"),
        400,
        "InvalidParameterValueException",
        "GOOD",
    );
    sim.refused(
        "PUT",
        &path,
        json!({}),
        400,
        "MissingParameterValueException",
        "ValidationStatus",
    );
    for status in ["VALIDATING", "SUCCESSFUL"] {
        assert_eq!(sim.ask("PUT", &path, verdict(status)).0, 204);
    }
    sim.refused("PUT", &path, verdict("FAILED"), 400, "InvalidRequestException", "final");
    let listed = sim.get(&format!("/restore-jobs/?restoreTestingPlanArn={}", enc(&plan)))["RestoreJobs"].clone();
    assert_eq!(listed[0]["ValidationStatus"], "SUCCESSFUL");
    assert_eq!(listed[0]["ValidationStatusMessage"], "same digest");
    assert_eq!(listed[0]["CreatedBy"]["RestoreTestingPlanArn"], plan);
}

#[test]
fn restore_testing_plans_and_selections() {
    let mut sim = Sim::new();
    let plan = json!({"RestoreTestingPlan": {"RestoreTestingPlanName": "monthly", "ScheduleExpression": "cron(0 5 1 * ? *)", "RecoveryPointSelection": {}}, "Tags": {"a": "b"}});
    let (status, made) = sim.ask("PUT", "/restore-testing/plans", plan.clone());
    assert_eq!(status, 201);
    sim.refused(
        "PUT",
        "/restore-testing/plans",
        plan,
        400,
        "AlreadyExistsException",
        "same name",
    );
    let one = sim.get("/restore-testing/plans/monthly")["RestoreTestingPlan"].clone();
    assert_eq!(one["StartWindowHours"], 24);
    assert_eq!(one["RecoveryPointSelection"]["IncludeVaults"], json!(["*"]));
    assert_eq!(one["RecoveryPointSelection"]["SelectionWindowDays"], 30);
    let arn = made["RestoreTestingPlanArn"].as_str().unwrap();
    assert_eq!(sim.get(&format!("/tags/{}", enc(arn)))["Tags"], json!({"a": "b"}));
    sim.good(
        "PUT",
        "/restore-testing/plans/monthly",
        json!({"RestoreTestingPlan": {"StartWindowHours": 2}}),
    );
    assert_eq!(
        sim.get("/restore-testing/plans")["RestoreTestingPlans"][0]["StartWindowHours"],
        2
    );

    let selection = json!({"RestoreTestingSelection": {"RestoreTestingSelectionName": "tables", "ProtectedResourceType": "DynamoDB", "IamRoleArn": ROLE, "ProtectedResourceArns": ["*"]}});
    let path = "/restore-testing/plans/monthly/selections";
    assert_eq!(sim.ask("PUT", path, selection.clone()).0, 201);
    sim.refused(
        "PUT",
        path,
        selection.clone(),
        400,
        "AlreadyExistsException",
        "same name",
    );
    let mut narrow = selection.clone();
    narrow["RestoreTestingSelection"]["RestoreTestingSelectionName"] = json!("narrow");
    narrow["RestoreTestingSelection"]["ProtectedResourceArns"] = json!([table_arn("Orders")]);
    narrow["RestoreTestingSelection"]["ProtectedResourceConditions"] = json!({"StringEquals": []});
    sim.refused(
        "PUT",
        path,
        narrow,
        400,
        "InvalidParameterValueException",
        "ProtectedResourceArns",
    );
    let one = sim.get(&format!("{path}/tables"))["RestoreTestingSelection"].clone();
    assert_eq!(
        (&one["ProtectedResourceArns"], &one["ValidationWindowHours"]),
        (&json!(["*"]), &json!(0))
    );
    assert_eq!(sim.get(path)["RestoreTestingSelections"].as_array().unwrap().len(), 1);
    sim.refused(
        "DELETE",
        "/restore-testing/plans/monthly",
        Value::Null,
        400,
        "InvalidRequestException",
        "selections",
    );
    assert_eq!(sim.ask("DELETE", &format!("{path}/tables"), Value::Null).0, 204);
    sim.refused(
        "GET",
        &format!("{path}/tables"),
        Value::Null,
        400,
        "ResourceNotFoundException",
        "",
    );
    assert_eq!(sim.ask("DELETE", "/restore-testing/plans/monthly", Value::Null).0, 204);
    sim.refused(
        "GET",
        "/restore-testing/plans/monthly",
        Value::Null,
        400,
        "ResourceNotFoundException",
        "",
    );
    for (name, cron) in [("white space", "cron(0 5 1 * ? *)"), ("fine", "rate(1 day)")] {
        let body = json!({"RestoreTestingPlan": {"RestoreTestingPlanName": name, "ScheduleExpression": cron, "RecoveryPointSelection": {}}});
        sim.refused(
            "PUT",
            "/restore-testing/plans",
            body,
            400,
            "InvalidParameterValueException",
            "",
        );
    }
}
