use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{ACCOUNT, REGION, ROLE, Sim, enc, instant, table_arn};

const EMPTY: &str = "Invalid backup selection. Either 'ListOfTags' or 'Resources' section must be non-empty.";

fn daily() -> Value {
    json!({"RuleName": "dailies", "TargetBackupVaultName": "v1", "Lifecycle": {"DeleteAfterDays": 35}})
}

fn document(name: &str, rules: Value) -> Value {
    json!({"BackupPlan": {"BackupPlanName": name, "Rules": rules}})
}

#[test]
fn a_plan_from_its_creation_to_its_end() {
    let mut sim = Sim::new();
    let made = sim.good("PUT", "/backup/plans/", document("DynamoDB-backup", json!([daily()])));
    let id = made["BackupPlanId"].as_str().unwrap().to_owned();
    assert_eq!(
        made["BackupPlanArn"],
        format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-plan:{id}")
    );
    let plan = sim.get(&format!("/backup/plans/{id}/"));
    let rule = &plan["BackupPlan"]["Rules"][0];
    assert_eq!(rule["ScheduleExpression"], "cron(0 5 ? * * *)");
    assert_eq!(rule["ScheduleExpressionTimezone"], "Etc/UTC");
    assert_eq!(
        (&rule["StartWindowMinutes"], &rule["CompletionWindowMinutes"]),
        (&json!(480), &json!(10_080))
    );
    assert_eq!(rule["Lifecycle"]["DeleteAfterDays"], 35);
    assert_eq!(rule["CopyActions"], json!([]));
    assert!(plan["LastExecutionDate"].is_null() && plan["ScheduledRunsPreview"].is_null());

    let mut changed = daily();
    changed["Lifecycle"]["DeleteAfterDays"] = json!(90);
    let rules = json!([changed, {"RuleName": "monthlies", "TargetBackupVaultName": "v1", "ScheduleExpression": "cron(0 9 1 * ? *)"}]);
    sim.pass(TimeDelta::hours(1));
    let updated = sim.good(
        "POST",
        &format!("/backup/plans/{id}"),
        document("DynamoDB-backup", rules),
    );
    assert_ne!(updated["VersionId"], made["VersionId"]);
    let current = sim.get(&format!("/backup/plans/{id}/"));
    assert_eq!(current["BackupPlan"]["Rules"][0]["RuleId"], rule["RuleId"]);
    assert_eq!(current["BackupPlan"]["Rules"].as_array().unwrap().len(), 2);
    let first = sim.get(&format!(
        "/backup/plans/{id}/?versionId={}",
        enc(made["VersionId"].as_str().unwrap())
    ));
    assert_eq!(first["BackupPlan"]["Rules"][0]["Lifecycle"]["DeleteAfterDays"], 35);
    let versions = sim.get(&format!("/backup/plans/{id}/versions/"));
    assert_eq!(versions["BackupPlanVersionsList"][0]["VersionId"], updated["VersionId"]);
    assert_eq!(versions["BackupPlanVersionsList"].as_array().unwrap().len(), 2);

    let gone = sim.good("DELETE", &format!("/backup/plans/{id}"), Value::Null);
    assert_eq!(instant(&gone["DeletionDate"]), sim.now());
    assert_eq!(sim.get("/backup/plans/")["BackupPlansList"], json!([]));
    let all = sim.get("/backup/plans/?includeDeleted=true");
    assert_eq!(instant(&all["BackupPlansList"][0]["DeletionDate"]), sim.now());
    sim.get(&format!("/backup/plans/{id}/"));
    sim.refused(
        "DELETE",
        &format!("/backup/plans/{id}"),
        Value::Null,
        400,
        "ResourceNotFoundException",
        "Cannot find Backup plan",
    );
}

#[test]
fn names_of_plans_are_unique_and_request_ids_repeat() {
    let mut sim = Sim::new();
    let mut body = document("one", json!([daily()]));
    body["CreatorRequestId"] = json!("r1");
    let made = sim.good("PUT", "/backup/plans/", body.clone());
    assert_eq!(
        sim.good("PUT", "/backup/plans/", body)["BackupPlanId"],
        made["BackupPlanId"]
    );
    let (_, error) = sim.ask("PUT", "/backup/plans", document("one", json!([daily()])));
    assert_eq!(
        (&error["Arn"], &error["CreatorRequestId"]),
        (&made["BackupPlanArn"], &json!("r1"))
    );
    let text = "Backup plan with the same plan document already exists";
    sim.refused(
        "PUT",
        "/backup/plans",
        document("one", json!([daily()])),
        400,
        "AlreadyExistsException",
        text,
    );
    let mut other = daily();
    other["Lifecycle"] = Value::Null;
    sim.refused(
        "PUT",
        "/backup/plans",
        document("one", json!([other])),
        400,
        "AlreadyExistsException",
        "same name",
    );
    let second = sim.good("PUT", "/backup/plans", document("two", json!([daily()])));
    let path = format!("/backup/plans/{}", second["BackupPlanId"].as_str().unwrap());
    sim.refused(
        "POST",
        &path,
        document("one", json!([daily()])),
        400,
        "InvalidParameterValueException",
        "same name",
    );
}

#[test]
fn rules_are_checked_and_the_error_names_the_rule() {
    let mut sim = Sim::new();
    let with = |member: &str, value: Value| {
        let mut rule = daily();
        rule[member] = value;
        json!([rule])
    };
    for (rules, text) in [
        (
            with(
                "Lifecycle",
                json!({"MoveToColdStorageAfterDays": 7, "DeleteAfterDays": 96}),
            ),
            "Error in rule dailies : Invalid lifecycle. DeleteAfterDays cannot be less than 90 days apart from MoveToColdStorageAfterDays",
        ),
        (
            with("Lifecycle", json!({"DeleteAfterDays": 0})),
            "DeleteAfterDays cannot be less than 1 or more than 36500 days",
        ),
        (
            with("ScheduleExpression", json!("rate(1 day)")),
            "Invalid cron expression",
        ),
        (
            with("ScheduleExpression", json!("cron(0/10 * ? * * *)")),
            "once an hour",
        ),
        (with("ScheduleExpressionTimezone", json!("Nowhere")), "time zone"),
        (with("StartWindowMinutes", json!(59)), "StartWindowMinutes"),
        (with("StartWindowMinutes", json!(52_560_001)), "StartWindowMinutes"),
        (with("CompletionWindowMinutes", json!(61)), "CompletionWindowMinutes"),
        (
            with("CopyActions", json!([{"DestinationBackupVaultArn": "elsewhere"}])),
            "destination",
        ),
        (
            with(
                "CopyActions",
                json!([{"DestinationBackupVaultArn": "arn:aws:backup:us-east-1:111122223333:backup-vault:v", "Lifecycle": {"DeleteAfterDays": 0}}]),
            ),
            "Invalid lifecycle",
        ),
        (with("RuleName", json!("white space")), "rule name"),
        (json!([daily(), daily()]), "unique"),
    ] {
        sim.refused(
            "PUT",
            "/backup/plans/",
            document("p", rules),
            400,
            "InvalidParameterValueException",
            text,
        );
    }
    let (_, body) = sim.ask(
        "PUT",
        "/backup/plans/",
        document("p", with("StartWindowMinutes", json!(1))),
    );
    assert_eq!(body["Code"], "ERROR_3015");
    assert!(body["Context"].as_str().unwrap().starts_with("[\"dailies\""));
    for (body, text) in [
        (json!({}), "BackupPlan"),
        (json!({"BackupPlan": {"Rules": [daily()]}}), "BackupPlanName"),
        (json!({"BackupPlan": {"BackupPlanName": "p", "Rules": []}}), "Rules"),
        (
            json!({"BackupPlan": {"BackupPlanName": "p", "Rules": [{"RuleName": "r"}]}}),
            "TargetBackupVaultName",
        ),
    ] {
        sim.refused(
            "PUT",
            "/backup/plans/",
            body,
            400,
            "MissingParameterValueException",
            text,
        );
    }
    let many: Vec<Value> = (0..11)
        .map(|n| json!({"RuleName": format!("r{n}"), "TargetBackupVaultName": "v"}))
        .collect();
    sim.refused(
        "PUT",
        "/backup/plans/",
        document("p", json!(many)),
        400,
        "LimitExceededException",
        "10",
    );
}

#[test]
fn the_preview_merges_rules_and_leaves_out_suppressed_runs() {
    let mut sim = Sim::new();
    let hourly = json!({"RuleName": "hourly", "TargetBackupVaultName": "v1", "ScheduleExpression": "cron(0 * ? * * *)", "StartWindowMinutes": 60, "Lifecycle": {"DeleteAfterDays": 7}});
    let twice = json!({"RuleName": "twice", "TargetBackupVaultName": "v1", "ScheduleExpression": "cron(0 0/12 ? * * *)", "Lifecycle": {"DeleteAfterDays": 35}});
    let made = sim.good("PUT", "/backup/plans/", document("p", json!([hourly, twice])));
    let path = format!("/backup/plans/{}/", made["BackupPlanId"].as_str().unwrap());
    // It is noon: the twice-daily rule has the afternoon until eight, the hourly one what is left.
    let runs = sim.get(&format!("{path}?MaxScheduledRunsPreview=5"))["ScheduledRunsPreview"].clone();
    let hours: Vec<i64> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| (instant(&run["ExecutionTime"]) - sim.now()).num_hours())
        .collect();
    assert_eq!(hours, [8, 9, 10, 11, 12]);
    assert!(
        runs.as_array()
            .unwrap()
            .iter()
            .all(|run| run["RuleExecutionType"] == "SNAPSHOTS")
    );
    for count in ["-1", "11", "x"] {
        let query = format!("{path}?MaxScheduledRunsPreview={count}");
        sim.refused(
            "GET",
            &query,
            Value::Null,
            400,
            "InvalidParameterValueException",
            "between 0 and 10",
        );
    }
}

#[test]
fn plans_with_slashes_in_their_ids() {
    let mut sim = Sim::new();
    let id = sim.plan(daily(), json!({"Resources": ["*"]}));
    let state = &mut sim.cloud.place_mut(ACCOUNT, REGION).backup;
    let mut plan = state.plans.remove(&id).unwrap();
    plan.id = "orgs/544033d1-b19c-3f2a-9c20-40bcfa82ca68".into();
    state.plans.insert(plan.id.to_string(), plan);
    let path = "/backup/plans/orgs%2F544033d1-b19c-3f2a-9c20-40bcfa82ca68";
    assert_eq!(
        sim.get(&format!("{path}/"))["BackupPlanId"],
        "orgs/544033d1-b19c-3f2a-9c20-40bcfa82ca68"
    );
    let selections = sim.get(&format!("{path}/selections/"));
    let selection = selections["BackupSelectionsList"][0]["SelectionId"]
        .as_str()
        .unwrap()
        .to_owned();
    let one = sim.get(&format!("{path}/selections/{selection}"));
    assert_eq!(one["BackupPlanId"], "orgs/544033d1-b19c-3f2a-9c20-40bcfa82ca68");
    // It is a plan of an Organizations policy: read-only.
    let update = json!({"BackupPlan": {"BackupPlanName": "mine", "Rules": [daily()]}});
    let select = json!({"BackupSelection": {"SelectionName": "mine", "IamRoleArn": ROLE, "Resources": ["*"]}});
    for (method, path, body) in [
        ("DELETE", format!("{path}/selections/{selection}"), Value::Null),
        ("DELETE", path.to_owned(), Value::Null),
        ("POST", path.to_owned(), update),
        ("PUT", format!("{path}/selections/"), select),
    ] {
        sim.refused(
            method,
            &path,
            body,
            403,
            "AccessDeniedException",
            "Insufficient privileges",
        );
    }
}

#[test]
fn a_selection_comes_back_as_it_was_sent() {
    let mut sim = Sim::new();
    let id = sim.plan(daily(), json!({"Resources": ["arn:aws:s3:::a-bucket"]}));
    let all = json!({
        "Resources": ["arn:aws:dynamodb:*:*:table/*"],
        "ListOfTags": [{"ConditionType": "STRINGEQUALS", "ConditionKey": "aws:ResourceTag/backup", "ConditionValue": "1"}],
        "NotResources": ["arn:aws:s3:::another-bucket"],
        "Conditions": {
            "StringEquals": [{"ConditionKey": "aws:ResourceTag/a", "ConditionValue": "b"}],
            "StringNotEquals": [{"ConditionKey": "aws:ResourceTag/a", "ConditionValue": "c"}],
            "StringLike": [{"ConditionKey": "aws:ResourceTag/a", "ConditionValue": "b*"}],
            "StringNotLike": [{"ConditionKey": "aws:ResourceTag/a", "ConditionValue": "c*"}],
        },
    });
    let selection = sim.select(&id, all.clone());
    let list = sim.get(&format!("/backup/plans/{id}/selections/"))["BackupSelectionsList"].clone();
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert!(list[0].get("Resources").is_none() && list[0]["IamRoleArn"] == ROLE);
    let back = sim.get(&format!("/backup/plans/{id}/selections/{selection}"))["BackupSelection"].clone();
    for member in ["Resources", "ListOfTags", "NotResources", "Conditions"] {
        assert_eq!(back[member], all[member], "{member}");
    }
    let other = list
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["SelectionId"] != selection.as_str())
        .unwrap();
    let bare = sim.get(&format!(
        "/backup/plans/{id}/selections/{}",
        other["SelectionId"].as_str().unwrap()
    ))["BackupSelection"]
        .clone();
    assert_eq!(bare["ListOfTags"], json!([]));
    assert_eq!(
        bare["Conditions"],
        json!({"StringEquals": [], "StringNotEquals": [], "StringLike": [], "StringNotLike": []})
    );
}

#[test]
fn selections_are_checked() {
    let mut sim = Sim::new();
    let id = sim.plan(daily(), json!({"Resources": ["*"]}));
    let path = format!("/backup/plans/{id}/selections/");
    let selection = |members: Value| {
        let mut selection = members;
        selection["SelectionName"] = json!("s");
        selection["IamRoleArn"] = json!(ROLE);
        json!({"BackupSelection": selection})
    };
    let condition =
        json!({"Conditions": {"StringEquals": [{"ConditionKey": "aws:ResourceTag/a", "ConditionValue": "b"}]}});
    for empty in [
        json!({}),
        json!({"NotResources": ["*"]}),
        json!({"Resources": [], "ListOfTags": []}),
        condition,
    ] {
        sim.refused(
            "PUT",
            &path,
            selection(empty),
            400,
            "InvalidParameterValueException",
            EMPTY,
        );
    }
    let unprefixed =
        json!({"Resources": ["*"], "Conditions": {"StringEquals": [{"ConditionKey": "a", "ConditionValue": "b"}]}});
    sim.refused(
        "PUT",
        &path,
        selection(unprefixed),
        400,
        "InvalidParameterValueException",
        "aws:ResourceTag/",
    );
    let kind = json!({"ListOfTags": [{"ConditionType": "STRINGLIKE", "ConditionKey": "a", "ConditionValue": "b"}]});
    sim.refused(
        "PUT",
        &path,
        selection(kind),
        400,
        "InvalidParameterValueException",
        "STRINGLIKE",
    );
    sim.refused(
        "PUT",
        &path,
        selection(json!({"Resources": ["Orders"]})),
        400,
        "InvalidParameterValueException",
        "ARN",
    );
    let wild: Vec<String> = (0..31).map(|n| table_arn(&format!("t{n}*"))).collect();
    sim.refused(
        "PUT",
        &path,
        selection(json!({"Resources": wild})),
        400,
        "LimitExceededException",
        "30",
    );
    sim.refused(
        "PUT",
        &path,
        json!({}),
        400,
        "MissingParameterValueException",
        "BackupSelection",
    );
    let nameless = json!({"BackupSelection": {"Resources": ["*"], "IamRoleArn": ROLE}});
    sim.refused(
        "PUT",
        &path,
        nameless,
        400,
        "MissingParameterValueException",
        "SelectionName",
    );
    let mut stranger = selection(json!({"Resources": ["*"]}));
    stranger["BackupSelection"]["IamRoleArn"] = json!("arn:aws:iam::999999999999:role/x");
    sim.refused(
        "PUT",
        &path,
        stranger,
        400,
        "InvalidParameterValueException",
        "cannot be assumed by AWS Backup",
    );
    sim.good("PUT", &path, selection(json!({"Resources": ["*"]})));
    sim.refused(
        "PUT",
        &path,
        selection(json!({"Resources": ["*"]})),
        400,
        "AlreadyExistsException",
        "same name",
    );
}

#[test]
fn selection_calls_on_a_missing_plan() {
    let mut sim = Sim::new();
    let id = sim.plan(daily(), json!({"Resources": ["*"]}));
    let list = sim.get(&format!("/backup/plans/{id}/selections/"));
    let selection = list["BackupSelectionsList"][0]["SelectionId"]
        .as_str()
        .unwrap()
        .to_owned();
    let text = "must be deleted prior";
    sim.refused(
        "DELETE",
        &format!("/backup/plans/{id}"),
        Value::Null,
        400,
        "InvalidRequestException",
        text,
    );
    sim.refused(
        "GET",
        &format!("/backup/plans/{id}/selections/none"),
        Value::Null,
        400,
        "ResourceNotFoundException",
        "",
    );
    sim.good(
        "DELETE",
        &format!("/backup/plans/{id}/selections/{selection}"),
        Value::Null,
    );
    sim.good("DELETE", &format!("/backup/plans/{id}"), Value::Null);
    for path in [
        format!("/backup/plans/{id}/selections/"),
        format!("/backup/plans/{id}/selections/{selection}"),
    ] {
        sim.refused(
            "GET",
            &path,
            Value::Null,
            400,
            "InvalidParameterValueException",
            "Cannot find Backup plan",
        );
    }
    sim.refused(
        "GET",
        "/backup/plans/none/",
        Value::Null,
        400,
        "ResourceNotFoundException",
        "Cannot find Backup plan",
    );
}

#[test]
fn at_most_ten_selections_of_a_plan_use_tags() {
    let mut sim = Sim::new();
    let id = sim.plan(daily(), json!({"Resources": ["*"]}));
    let tagged = json!({"ListOfTags": [{"ConditionType": "STRINGEQUALS", "ConditionKey": "a", "ConditionValue": "b"}]});
    for _ in 0..10 {
        sim.select(&id, tagged.clone());
    }
    let body =
        json!({"BackupSelection": {"SelectionName": "s", "IamRoleArn": ROLE, "ListOfTags": tagged["ListOfTags"]}});
    sim.refused(
        "PUT",
        &format!("/backup/plans/{id}/selections/"),
        body,
        400,
        "LimitExceededException",
        "10",
    );
    sim.select(&id, json!({"Resources": ["*"]}));
}
