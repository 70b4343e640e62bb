use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, ROLE, Sim, enc, instant, table_arn};

fn vault_arn(account: &str, region: &str, name: &str) -> String {
    format!("arn:aws:backup:{region}:{account}:backup-vault:{name}")
}

/// A recovery point in `v1` here, and a vault `dr` in the other Region and in the other account.
fn setting() -> (Sim, String) {
    let mut sim = Sim::new();
    sim.vault("v1");
    sim.table("Orders", &[("team", "shop")]);
    sim.backup("Orders", "v1", json!({"DeleteAfterDays": 35}));
    let point = sim.points("v1")[0]["RecoveryPointArn"].as_str().unwrap().to_owned();
    sim.region = OTHER_REGION;
    sim.vault("dr");
    (sim.account, sim.region) = (OTHER_ACCOUNT, REGION);
    sim.vault("dr");
    sim.account = ACCOUNT;
    (sim, point)
}

fn copy(sim: &mut Sim, point: &str, target: &str, lifecycle: Value) -> Value {
    let body = json!({"RecoveryPointArn": point, "SourceBackupVaultName": "v1", "DestinationBackupVaultArn": target, "IamRoleArn": ROLE, "Lifecycle": lifecycle});
    let id = sim.good("PUT", "/copy-jobs", body)["CopyJobId"]
        .as_str()
        .unwrap()
        .to_owned();
    sim.pass(TimeDelta::minutes(1));
    sim.get(&format!("/copy-jobs/{id}"))["CopyJob"].clone()
}

#[test]
fn a_copy_keeps_the_date_of_the_data_and_takes_the_key_of_its_vault() {
    let (mut sim, point) = setting();
    let source = sim.points("v1").remove(0);
    sim.pass(TimeDelta::days(3));
    let job = copy(
        &mut sim,
        &point,
        &vault_arn(ACCOUNT, OTHER_REGION, "dr"),
        json!({"DeleteAfterDays": 100}),
    );
    assert_eq!(job["State"], "COMPLETED");
    assert_eq!(
        (&job["SourceRecoveryPointArn"], &job["ResourceArn"]),
        (&json!(point), &json!(table_arn("Orders")))
    );
    sim.region = OTHER_REGION;
    let copied = sim.points("dr").remove(0);
    assert_eq!(job["DestinationRecoveryPointArn"], copied["RecoveryPointArn"]);
    assert_ne!(copied["RecoveryPointArn"], json!(point));
    assert!(
        copied["RecoveryPointArn"]
            .as_str()
            .unwrap()
            .starts_with(&format!("arn:aws:backup:{OTHER_REGION}:{ACCOUNT}:"))
    );
    assert_eq!(copied["CreationDate"], source["CreationDate"]);
    assert_eq!(copied["ResourceArn"], table_arn("Orders"));
    assert_eq!(copied["SourceBackupVaultArn"], vault_arn(ACCOUNT, REGION, "v1"));
    assert_ne!(copied["EncryptionKeyArn"], source["EncryptionKeyArn"]);
    let created = instant(&source["CreationDate"]);
    assert_eq!(
        instant(&copied["CalculatedLifecycle"]["DeleteAt"]),
        created + TimeDelta::days(100)
    );
    assert!(instant(&copied["CompletionDate"]) > created + TimeDelta::days(3));
    let tags = format!("/tags/{}", enc(copied["RecoveryPointArn"].as_str().unwrap()));
    assert_eq!(sim.get(&tags)["Tags"], json!({"team": "shop"}));
}

#[test]
fn a_copy_without_a_lifecycle_ends_with_its_source() {
    let (mut sim, point) = setting();
    let source = sim.points("v1").remove(0);
    sim.pass(TimeDelta::days(30));
    for lifecycle in [Value::Null, json!({"DeleteAfterDays": -1})] {
        copy(&mut sim, &point, &vault_arn(ACCOUNT, OTHER_REGION, "dr"), lifecycle);
    }
    sim.region = OTHER_REGION;
    for copied in sim.points("dr") {
        assert_eq!(
            copied["CalculatedLifecycle"]["DeleteAt"],
            source["CalculatedLifecycle"]["DeleteAt"]
        );
    }
    sim.pass(TimeDelta::days(6));
    assert!(sim.points("dr").is_empty());
}

#[test]
fn a_native_point_cannot_be_copied() {
    let (mut sim, _) = setting();
    sim.good(
        "PUT",
        "/account-settings",
        json!({"ResourceTypeManagementPreference": {"DynamoDB": false}}),
    );
    sim.backup("Orders", "v1", Value::Null);
    let native = sim.points("v1")[0]["RecoveryPointArn"].as_str().unwrap().to_owned();
    let job = copy(&mut sim, &native, &vault_arn(ACCOUNT, OTHER_REGION, "dr"), Value::Null);
    assert_eq!(job["State"], "FAILED");
    let text = "Copy job from eu-west-1 to us-east-1 cannot be initiated for DynamoDB resources. Feature is not supported for provided resource type.";
    assert_eq!(job["StatusMessage"], text);
}

#[test]
fn into_another_account_only_with_its_consent() {
    let (mut sim, point) = setting();
    let target = vault_arn(OTHER_ACCOUNT, REGION, "dr");
    let job = copy(&mut sim, &point, &target, Value::Null);
    assert_eq!(
        job["StatusMessage"],
        "Copy job failed. Cross-account copy feature is not enabled for the current organization."
    );
    sim.cloud.organization.cross_account_backup = true;
    let job = copy(&mut sim, &point, &target, Value::Null);
    assert_eq!(job["StatusMessage"], "Access Denied trying to call AWS Backup service.");
    sim.account = OTHER_ACCOUNT;
    let policy = json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Action": "backup:CopyIntoBackupVault", "Resource": "*"}]});
    sim.good(
        "PUT",
        "/backup-vaults/dr/access-policy",
        json!({"Policy": policy.to_string()}),
    );
    sim.account = ACCOUNT;
    let job = copy(&mut sim, &point, &target, Value::Null);
    assert_eq!(job["State"], "COMPLETED");
    sim.account = OTHER_ACCOUNT;
    let copied = sim.points("dr").remove(0);
    assert_eq!(copied["ResourceArn"], table_arn("Orders"));
    assert!(copied["RecoveryPointArn"].as_str().unwrap().contains(OTHER_ACCOUNT));
    // A table of the same name over there has nothing to do with it.
    sim.table("Orders", &[]);
    let foreign = format!(
        "/resources/{}/recovery-points/",
        enc(&table_arn("Orders").replace(ACCOUNT, OTHER_ACCOUNT))
    );
    assert_eq!(sim.get(&foreign)["RecoveryPoints"], json!([]));
}

#[test]
fn copies_that_fail() {
    let (mut sim, point) = setting();
    let target = vault_arn(ACCOUNT, OTHER_REGION, "dr");
    let gone = copy(&mut sim, &point, &vault_arn(ACCOUNT, OTHER_REGION, "none"), Value::Null);
    assert!(gone["StatusMessage"].as_str().unwrap().contains("does not exist"));
    sim.region = OTHER_REGION;
    sim.good("PUT", "/backup-vaults/dr/vault-lock", json!({"MinRetentionDays": 40}));
    sim.region = REGION;
    let text = "Copy job failed. The retention specified in the job is not within the range specified for the target Backup Vault.";
    for (lifecycle, fails) in [
        (Value::Null, true),
        (json!({"DeleteAfterDays": 39}), true),
        (json!({"DeleteAfterDays": 40}), false),
    ] {
        let job = copy(&mut sim, &point, &target, lifecycle);
        assert_eq!(job["State"], if fails { "FAILED" } else { "COMPLETED" });
        if fails {
            assert_eq!(job["StatusMessage"], text);
        }
    }
    let list = sim.get(&format!(
        "/copy-jobs/?destinationVaultArn={}&state=FAILED",
        enc(&target)
    ));
    assert_eq!(list["CopyJobs"].as_array().unwrap().len(), 2);
    let of_source = sim.get(&format!(
        "/copy-jobs/?sourceRecoveryPointArn={}&resourceType=DynamoDB",
        enc(&point)
    ));
    assert_eq!(of_source["CopyJobs"].as_array().unwrap().len(), 4);
    sim.pass(TimeDelta::days(31));
    assert_eq!(sim.get("/copy-jobs/")["CopyJobs"], json!([]));
    sim.refused(
        "GET",
        "/copy-jobs/none",
        Value::Null,
        400,
        "ResourceNotFoundException",
        "",
    );
}

#[test]
fn a_cold_point_stays_in_its_region() {
    let mut sim = Sim::new();
    sim.vault("v1");
    sim.vault("v2");
    sim.table("Orders", &[]);
    sim.backup(
        "Orders",
        "v1",
        json!({"MoveToColdStorageAfterDays": 1, "DeleteAfterDays": 100}),
    );
    sim.region = OTHER_REGION;
    sim.vault("dr");
    sim.region = REGION;
    let point = sim.points("v1")[0]["RecoveryPointArn"].as_str().unwrap().to_owned();
    sim.pass(TimeDelta::days(2));
    let job = copy(&mut sim, &point, &vault_arn(ACCOUNT, OTHER_REGION, "dr"), Value::Null);
    assert!(job["StatusMessage"].as_str().unwrap().contains("cold storage"));
    assert_eq!(
        copy(&mut sim, &point, &vault_arn(ACCOUNT, REGION, "v2"), Value::Null)["State"],
        "COMPLETED"
    );
}

#[test]
fn copy_calls_are_checked() {
    let (mut sim, point) = setting();
    let target = vault_arn(ACCOUNT, OTHER_REGION, "dr");
    let good = json!({"RecoveryPointArn": point, "SourceBackupVaultName": "v1", "DestinationBackupVaultArn": target, "IamRoleArn": ROLE});
    for member in [
        "RecoveryPointArn",
        "SourceBackupVaultName",
        "DestinationBackupVaultArn",
        "IamRoleArn",
    ] {
        let mut body = good.clone();
        body[member] = Value::Null;
        sim.refused("PUT", "/copy-jobs", body, 400, "MissingParameterValueException", member);
    }
    let mut with = |member: &str, value: &str, code: &str| {
        let mut body = good.clone();
        body[member] = json!(value);
        sim.refused("PUT", "/copy-jobs", body, 400, code, "");
    };
    with(
        "RecoveryPointArn",
        "arn:aws:backup:eu-west-1:111122223333:recovery-point:none",
        "ResourceNotFoundException",
    );
    with("SourceBackupVaultName", "none", "ResourceNotFoundException");
    with("DestinationBackupVaultArn", "dr", "InvalidParameterValueException");
    with(
        "IamRoleArn",
        "arn:aws:iam::999999999999:role/x",
        "InvalidParameterValueException",
    );
    let mut again = good.clone();
    again["IdempotencyToken"] = json!("t");
    let first = sim.good("PUT", "/copy-jobs", again.clone());
    sim.pass(TimeDelta::hours(1));
    assert_eq!(sim.good("PUT", "/copy-jobs", again), first);
}

#[test]
fn a_rule_copies_what_it_makes() {
    let mut sim = Sim::new();
    sim.region = OTHER_REGION;
    sim.vault("dr");
    sim.region = REGION;
    sim.vault("v1");
    sim.table("Orders", &[]);
    let action = json!({"DestinationBackupVaultArn": vault_arn(ACCOUNT, OTHER_REGION, "dr"), "Lifecycle": {"DeleteAfterDays": 90}});
    let rule = json!({"RuleName": "r", "TargetBackupVaultName": "v1", "StartWindowMinutes": 60, "Lifecycle": {"DeleteAfterDays": 7}, "CopyActions": [action]});
    sim.plan(rule, json!({"Resources": [table_arn("Orders")]}));
    sim.pass(TimeDelta::days(20));
    assert!((7..=8).contains(&sim.points("v1").len()));
    let jobs = sim.get("/copy-jobs/?maxResults=1000")["CopyJobs"].clone();
    assert_eq!(jobs.as_array().unwrap().len(), 20);
    assert!(
        jobs.as_array()
            .unwrap()
            .iter()
            .all(|job| job["State"] == "COMPLETED" && !job["CreatedByBackupJobId"].is_null())
    );
    sim.region = OTHER_REGION;
    let copies = sim.points("dr");
    assert_eq!(copies.len(), 20);
    assert_eq!(copies[0]["CreatedBy"]["BackupRuleName"], "r");
}
