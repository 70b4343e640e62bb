use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{ACCOUNT, OTHER_ACCOUNT, REGION, ROLE, Sim, enc, instant, table_arn};
use crate::kms::state::KeyState;

const OUT_OF_RANGE: &str = "Backup job failed because the lifecycle is outside the valid range for backup vault.";

fn start(table: &str, vault: &str) -> Value {
    json!({"BackupVaultName": vault, "ResourceArn": table_arn(table), "IamRoleArn": ROLE})
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

fn simple() -> Sim {
    let mut sim = Sim::new();
    sim.vault("v1");
    sim.table("Orders", &[]);
    sim
}

#[test]
fn an_on_demand_backup_from_created_to_completed() {
    let mut sim = simple();
    let answer = sim.good(
        "PUT",
        "/backup-jobs",
        with(
            start("Orders", "v1"),
            "Lifecycle",
            json!({"MoveToColdStorageAfterDays": 7, "DeleteAfterDays": 97}),
        ),
    );
    let id = answer["BackupJobId"].as_str().unwrap().to_owned();
    let promised = answer["RecoveryPointArn"].as_str().unwrap().to_owned();
    assert_eq!(instant(&answer["CreationDate"]), sim.now());
    let job = sim.get(&format!("/backup-jobs/{id}"));
    assert_eq!(job["State"], "RUNNING");
    assert!(job["CompletionDate"].is_null() && job["BackupSizeInBytes"].is_null() && job["MessageCategory"].is_null());
    assert_eq!(sim.points("v1")[0]["Status"], "CREATING");
    sim.pass(TimeDelta::seconds(3));
    let job = sim.get(&format!("/backup-jobs/{}", id.to_lowercase()));
    assert_eq!(
        (&job["State"], &job["MessageCategory"], &job["PercentDone"]),
        (&json!("COMPLETED"), &json!("SUCCESS"), &json!("100.0"))
    );
    assert_eq!(job["RecoveryPointArn"], promised);
    assert_eq!(job["BackupSizeInBytes"], 800_000_000);
    assert_eq!(
        (&job["VaultType"], &job["VaultLockState"]),
        (&json!("BACKUP_VAULT"), &json!("NOT_LOCKED"))
    );
    assert_eq!(
        instant(&job["StartBy"]),
        instant(&job["CreationDate"]) + TimeDelta::hours(8)
    );
    assert!(job["CreatedBy"].is_null());
    let point = sim.points("v1").remove(0);
    assert_eq!(
        (&point["RecoveryPointArn"], &point["Status"]),
        (&json!(promised), &json!("COMPLETED"))
    );
    assert_eq!(sim.jobs("")[0]["BackupJobId"], id);
    sim.refused(
        "GET",
        "/backup-jobs/none",
        Value::Null,
        400,
        "ResourceNotFoundException",
        "",
    );
}

#[test]
fn what_is_refused_at_once() {
    let mut sim = simple();
    for member in ["BackupVaultName", "ResourceArn", "IamRoleArn"] {
        let body = with(start("Orders", "v1"), member, Value::Null);
        sim.refused(
            "PUT",
            "/backup-jobs",
            body,
            400,
            "MissingParameterValueException",
            member,
        );
    }
    let invalid = |member: &str, value: Value| with(start("Orders", "v1"), member, value);
    for (body, text) in [
        (invalid("StartWindowMinutes", json!(59)), "StartWindowMinutes"),
        (invalid("StartWindowMinutes", json!(52_560_001)), "StartWindowMinutes"),
        (invalid("CompleteWindowMinutes", json!(59)), "CompleteWindowMinutes"),
        (
            invalid(
                "Lifecycle",
                json!({"MoveToColdStorageAfterDays": 7, "DeleteAfterDays": 96}),
            ),
            "90 days apart",
        ),
        (
            invalid("ResourceArn", json!("arn:aws:ec2:eu-west-1:111122223333:volume/vol-1")),
            "Unsupported resource type",
        ),
        (
            invalid("ResourceArn", json!(table_arn("Orders").replace(REGION, "us-east-1"))),
            "not in this account and Region",
        ),
        (
            invalid("IamRoleArn", json!("arn:aws:iam::999999999999:role/x")),
            "does not have sufficient permissions to execute the backup.",
        ),
        (
            invalid("LogicallyAirGappedBackupVaultArn", json!("arn:x")),
            "air-gapped",
        ),
        (invalid("RecoveryPointTags", json!({"aws:x": "y"})), "tag"),
    ] {
        sim.refused("PUT", "/backup-jobs", body, 400, "InvalidParameterValueException", text);
    }
    sim.refused(
        "PUT",
        "/backup-jobs",
        start("Orders", "none"),
        400,
        "ResourceNotFoundException",
        "Backup vault",
    );
    sim.refused(
        "PUT",
        "/backup-jobs",
        start("None", "v1"),
        400,
        "ResourceNotFoundException",
        "Table not found.",
    );
    let off = json!({"ResourceTypeOptInPreference": {"DynamoDB": false}});
    sim.good("PUT", "/account-settings", off);
    sim.refused(
        "PUT",
        "/backup-jobs",
        start("Orders", "v1"),
        400,
        "InvalidRequestException",
        "Opt in",
    );
    assert!(sim.jobs("").is_empty());
}

#[test]
fn the_same_token_gives_the_same_job() {
    let mut sim = simple();
    let body = with(start("Orders", "v1"), "IdempotencyToken", json!("t1"));
    let first = sim.good("PUT", "/backup-jobs", body.clone());
    sim.pass(TimeDelta::minutes(5));
    assert_eq!(sim.good("PUT", "/backup-jobs", body.clone()), first);
    let other = sim.good("PUT", "/backup-jobs", with(body, "IdempotencyToken", json!("t2")));
    assert_ne!(other["BackupJobId"], first["BackupJobId"]);
    sim.pass(TimeDelta::minutes(5));
    assert_eq!(sim.points("v1").len(), 2);
}

#[test]
fn one_job_of_a_table_runs_at_a_time() {
    let mut sim = simple();
    sim.cloud.settings.jobs.backup_seconds = 600;
    let ids: Vec<String> = (0..3)
        .map(|_| {
            sim.good("PUT", "/backup-jobs", start("Orders", "v1"))["BackupJobId"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let states = |sim: &mut Sim| -> Vec<String> {
        ids.iter()
            .map(|id| {
                sim.get(&format!("/backup-jobs/{id}"))["State"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(states(&mut sim), ["RUNNING", "CREATED", "CREATED"]);
    sim.pass(TimeDelta::minutes(11));
    assert_eq!(states(&mut sim), ["COMPLETED", "RUNNING", "CREATED"]);
    sim.pass(TimeDelta::minutes(30));
    assert_eq!(states(&mut sim), ["COMPLETED", "COMPLETED", "COMPLETED"]);
    // A job that waits longer than its start window expires with a text that says failed.
    sim.cloud.settings.jobs.backup_seconds = 7200;
    sim.good("PUT", "/backup-jobs", start("Orders", "v1"));
    let late = sim.good(
        "PUT",
        "/backup-jobs",
        with(start("Orders", "v1"), "StartWindowMinutes", json!(60)),
    );
    sim.pass(TimeDelta::hours(3));
    let job = sim.get(&format!("/backup-jobs/{}", late["BackupJobId"].as_str().unwrap()));
    assert_eq!(job["State"], "EXPIRED");
    assert_eq!(
        job["StatusMessage"],
        "\"Backup job failed because there was a running job for the same resource.\""
    );
    assert!(job["RecoveryPointArn"].is_null());
}

#[test]
fn a_job_can_be_stopped() {
    let mut sim = simple();
    sim.cloud.settings.jobs.backup_seconds = 600;
    let id = sim.good("PUT", "/backup-jobs", start("Orders", "v1"))["BackupJobId"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/backup-jobs/{id}");
    assert_eq!(sim.get(&path)["State"], "RUNNING");
    sim.good("POST", &path, Value::Null);
    assert_eq!(sim.get(&path)["State"], "ABORTING");
    sim.pass(TimeDelta::seconds(2));
    let job = sim.get(&path);
    assert_eq!(
        (&job["State"], &job["StatusMessage"]),
        (&json!("ABORTED"), &json!("\"Backup job was stopped by user.\""))
    );
    assert!(sim.points("v1").is_empty());
    sim.refused("POST", &path, Value::Null, 400, "InvalidRequestException", "ABORTED");
    sim.refused(
        "POST",
        "/backup-jobs/none",
        Value::Null,
        400,
        "ResourceNotFoundException",
        "",
    );
    sim.pass(TimeDelta::hours(1));
    assert!(sim.points("v1").is_empty());
    // The table is free again.
    sim.good("PUT", "/backup-jobs", start("Orders", "v1"));
    sim.pass(TimeDelta::hours(1));
    assert_eq!(sim.points("v1").len(), 1);
}

#[test]
fn a_lock_range_makes_the_job_fail() {
    let mut sim = simple();
    sim.good(
        "PUT",
        "/backup-vaults/v1/vault-lock",
        json!({"MinRetentionDays": 7, "MaxRetentionDays": 30}),
    );
    for (days, state) in [
        (json!(6), "FAILED"),
        (json!(14), "COMPLETED"),
        (json!(31), "FAILED"),
        (Value::Null, "FAILED"),
    ] {
        let job = sim.backup("Orders", "v1", json!({"DeleteAfterDays": days}));
        assert_eq!(job["State"], state, "{days}");
        if state == "FAILED" {
            assert_eq!(job["StatusMessage"], OUT_OF_RANGE);
            assert!(job["RecoveryPointArn"].is_null());
        } else {
            assert_eq!(job["VaultLockState"], "GOVERNANCE");
        }
    }
    assert_eq!(sim.points("v1").len(), 1);
}

#[test]
fn jobs_fail_with_the_real_texts() {
    let mut sim = simple();
    let state = |sim: &mut Sim, text: &str| {
        let job = sim.backup("Orders", "v1", Value::Null);
        assert_eq!(job["State"], "FAILED", "{text}");
        assert_eq!(job["StatusMessage"], text);
    };
    let gone = format!("IAM Role {ROLE} cannot be assumed by AWS Backup");
    sim.cloud
        .place_mut(ACCOUNT, REGION)
        .backup
        .broken_roles
        .insert(ROLE.to_owned(), gone.as_str().into());
    state(&mut sim, &gone);
    sim.cloud.place_mut(ACCOUNT, REGION).backup.broken_roles.clear();

    let now = sim.now();
    let place = sim.cloud.place_mut(ACCOUNT, REGION);
    let key = place.kms.managed_key("backup");
    place.kms.find_mut(&key).unwrap().change(now, KeyState::PendingDeletion);
    state(
        &mut sim,
        "KMS key is either disabled or pending deletion or access to KMS key is denied",
    );
    let now = sim.now();
    sim.cloud
        .place_mut(ACCOUNT, REGION)
        .kms
        .find_mut(&key)
        .unwrap()
        .change(now, KeyState::Enabled);

    let body = start("Orders", "v1");
    let id = sim.good("PUT", "/backup-jobs", body)["BackupJobId"]
        .as_str()
        .unwrap()
        .to_owned();
    sim.cloud.place_mut(ACCOUNT, REGION).dynamodb.remove("Orders");
    let job = sim.get(&format!("/backup-jobs/{id}"));
    assert_eq!(
        (&job["State"], &job["StatusMessage"]),
        (&json!("FAILED"), &json!("Table not found."))
    );
    assert!(sim.points("v1").is_empty());
}

#[test]
fn a_table_that_is_not_active_is_not_backed_up() {
    let mut sim = simple();
    sim.cloud
        .place_mut(ACCOUNT, REGION)
        .dynamodb
        .table_mut("Orders")
        .unwrap()
        .status = "ARCHIVED".to_owned();
    let job = sim.backup("Orders", "v1", Value::Null);
    assert_eq!(job["State"], "FAILED");
    assert!(job["StatusMessage"].as_str().unwrap().contains("ARCHIVED"));
}

#[test]
fn an_air_gapped_target_takes_the_point_alone() {
    let mut sim = simple();
    sim.good(
        "PUT",
        "/logically-air-gapped-backup-vaults/gapped",
        json!({"MinRetentionDays": 7, "MaxRetentionDays": 90}),
    );
    let arn = format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:gapped");
    let body = with(
        with(start("Orders", "v1"), "LogicallyAirGappedBackupVaultArn", json!(arn)),
        "Lifecycle",
        json!({"DeleteAfterDays": 30}),
    );
    let id = sim.good("PUT", "/backup-jobs", body.clone())["BackupJobId"]
        .as_str()
        .unwrap()
        .to_owned();
    sim.pass(TimeDelta::minutes(1));
    let job = sim.get(&format!("/backup-jobs/{id}"));
    assert_eq!(
        (&job["State"], &job["BackupVaultName"]),
        (&json!("COMPLETED"), &json!("gapped"))
    );
    assert!(sim.points("v1").is_empty());
    let point = sim.points("gapped").remove(0);
    assert_eq!(point["VaultType"], "LOGICALLY_AIR_GAPPED_BACKUP_VAULT");
    assert_eq!(point["EncryptionKeyType"], "AWS_OWNED_KMS_KEY");
    assert!(point["EncryptionKeyArn"].is_null());
    // Without the advanced features it stays in the ordinary vault, and the job says that something was amiss.
    sim.good(
        "PUT",
        "/account-settings",
        json!({"ResourceTypeManagementPreference": {"DynamoDB": false}}),
    );
    let id = sim.good("PUT", "/backup-jobs", body)["BackupJobId"]
        .as_str()
        .unwrap()
        .to_owned();
    sim.pass(TimeDelta::minutes(1));
    let job = sim.get(&format!("/backup-jobs/{id}"));
    assert_eq!(job["State"], "COMPLETED");
    assert_ne!(job["MessageCategory"], "SUCCESS");
    assert_eq!((sim.points("v1").len(), sim.points("gapped").len()), (1, 1));
}

#[test]
fn the_list_reaches_back_thirty_days_and_can_be_filtered() {
    let mut sim = simple();
    sim.vault("v2");
    sim.table("Bills", &[]);
    sim.backup("Orders", "v1", Value::Null);
    sim.pass(TimeDelta::days(29));
    let middle = enc(&sim.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    sim.backup("Bills", "v2", Value::Null);
    sim.cloud
        .place_mut(ACCOUNT, REGION)
        .backup
        .broken_roles
        .insert(ROLE.to_owned(), "Access Denied".into());
    sim.pass(TimeDelta::seconds(1));
    sim.backup("Bills", "v1", Value::Null);
    let count = |sim: &mut Sim, filter: &str| sim.jobs(filter).len();
    assert_eq!(count(&mut sim, ""), 3);
    assert_eq!(count(&mut sim, &format!("resourceArn={}", enc(&table_arn("Bills")))), 2);
    assert_eq!(count(&mut sim, "state=FAILED"), 1);
    assert_eq!(count(&mut sim, "backupVaultName=v1"), 2);
    assert_eq!(count(&mut sim, "resourceType=DynamoDB"), 3);
    assert_eq!(count(&mut sim, "resourceType=EFS"), 0);
    assert_eq!(count(&mut sim, &format!("createdBefore={middle}")), 1);
    assert_eq!(
        count(
            &mut sim,
            &format!("completeAfter={middle}&completeBefore={}", enc("2030-01-01T00:00:00Z"))
        ),
        2
    );
    assert_eq!(count(&mut sim, "messageCategory=SUCCESS"), 2);
    assert_eq!(count(&mut sim, "messageCategory=AGGREGATE_ALL"), 3);
    assert_eq!(count(&mut sim, "parentJobId=x"), 0);
    assert_eq!(count(&mut sim, &format!("accountId={ACCOUNT}")), 3);
    sim.refused(
        "GET",
        &format!("/backup-jobs/?accountId={OTHER_ACCOUNT}"),
        Value::Null,
        403,
        "AccessDeniedException",
        "",
    );
    sim.refused(
        "GET",
        "/backup-jobs/?state=DONE",
        Value::Null,
        400,
        "InvalidParameterValueException",
        "DONE",
    );
    let page = sim.get("/backup-jobs/?maxResults=2");
    let token = enc(page["NextToken"].as_str().unwrap());
    let rest = sim.get(&format!("/backup-jobs/?maxResults=2&nextToken={token}"));
    assert_eq!(
        (
            page["BackupJobs"].as_array().unwrap().len(),
            rest["BackupJobs"].as_array().unwrap().len()
        ),
        (2, 1)
    );
    let old = sim.jobs("backupVaultName=v1").last().unwrap()["BackupJobId"]
        .as_str()
        .unwrap()
        .to_owned();
    sim.pass(TimeDelta::days(2));
    assert_eq!(count(&mut sim, ""), 2);
    // Not listed any more, yet still described.
    sim.get(&format!("/backup-jobs/{old}"));
}
