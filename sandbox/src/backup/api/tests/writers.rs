//! What a careful writer trips over: members that no SDK knows, tags of AWS's own, policies that deny, roles that are gone.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{ACCOUNT, OTHER_ACCOUNT, REGION, ROLE, Sim, enc, table_arn};
use crate::cloud::role_of;

const INVALID: &str = "InvalidParameterValueException";
const DENIED: &str = "AccessDeniedException";

fn daily() -> Value {
    json!({"RuleName": "daily", "TargetBackupVaultName": "v1"})
}

#[test]
fn region_settings_keep_what_is_not_sent() {
    let mut sim = Sim::new();
    let before = sim.get("/account-settings");
    assert_eq!(before["ResourceTypeOptInIncremental"], json!({"DynamoDB": false}));
    sim.good(
        "PUT",
        "/account-settings",
        json!({"ResourceTypeOptInPreference": {"DynamoDB": false}}),
    );
    let mut expected = before.clone();
    expected["ResourceTypeOptInPreference"]["DynamoDB"] = json!(false);
    assert_eq!(sim.get("/account-settings"), expected);
    sim.good(
        "PUT",
        "/account-settings",
        json!({"ResourceTypeOptInIncremental": {"DynamoDB": true}}),
    );
    expected["ResourceTypeOptInIncremental"]["DynamoDB"] = json!(true);
    assert_eq!(sim.get("/account-settings"), expected);
    for wrong in [
        json!({"ResourceTypeOptInPreference": {"Tea": true}}),
        json!({"ResourceTypeOptInIncremental": {"EFS": true}}),
        json!({"ResourceTypeManagementPreference": {"DynamoDB": "true"}}),
    ] {
        sim.refused("PUT", "/account-settings", wrong, 400, INVALID, "invalid values");
    }
    assert_eq!(sim.get("/account-settings"), expected, "a refused call changes nothing");
}

#[test]
fn a_plan_keeps_members_that_nobody_knows_until_an_update_leaves_them_out() {
    let mut sim = Sim::new();
    let mut rule = daily();
    rule["FutureRuleMember"] = json!({"Mode": "SLOW"});
    let plan = json!({"BackupPlanName": "p", "Rules": [rule], "FutureMember": [1, 2]});
    let made = sim.good("PUT", "/backup/plans/", json!({"BackupPlan": plan}));
    let path = format!("/backup/plans/{}/", made["BackupPlanId"].as_str().unwrap());
    let read = sim.get(&path);
    assert_eq!(read["BackupPlan"]["FutureMember"], json!([1, 2]));
    assert_eq!(
        read["BackupPlan"]["Rules"][0]["FutureRuleMember"],
        json!({"Mode": "SLOW"})
    );
    // What was read can be sent back whole, rule ids and nulls included.
    let mut sent = read["BackupPlan"].clone();
    sent["Rules"][0]["StartWindowMinutes"] = json!(60);
    let updated = sim.good("POST", &path, json!({"BackupPlan": sent}));
    assert_ne!(updated["VersionId"], made["VersionId"]);
    let again = sim.get(&path);
    assert_eq!(again["VersionId"], updated["VersionId"]);
    assert_eq!(again["BackupPlan"], sent);
    // What an SDK drops is gone.
    let known = json!({"BackupPlanName": "p", "Rules": [daily()]});
    sim.good("POST", &path, json!({"BackupPlan": known}));
    let last = sim.get(&path);
    assert!(last["BackupPlan"].get("FutureMember").is_none());
    assert!(last["BackupPlan"]["Rules"][0].get("FutureRuleMember").is_none());
    let old = format!("{path}?versionId={}", enc(made["VersionId"].as_str().unwrap()));
    assert_eq!(sim.get(&old)["BackupPlan"]["FutureMember"], json!([1, 2]));
}

#[test]
fn tags_of_aws_stay_and_cannot_be_given() {
    let mut sim = Sim::new();
    let plan = sim.plan(daily(), json!({"Resources": [table_arn("Orders")]}));
    let stack = (
        "aws:cloudformation:stack-id".to_owned(),
        "arn:aws:cloudformation:x".to_owned(),
    );
    let state = &mut sim.cloud.place_mut(ACCOUNT, REGION).backup;
    state.plans.get_mut(&plan).unwrap().tags.extend([stack]);
    let path = enc(&format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-plan:{plan}"));
    sim.good("POST", &format!("/tags/{path}"), json!({"Tags": {"team": "web"}}));
    sim.refused(
        "POST",
        &format!("/tags/{path}"),
        json!({"Tags": {"aws:x": "1"}}),
        400,
        INVALID,
        "aws:x",
    );
    let keys = json!({"TagKeyList": ["aws:cloudformation:stack-id"]});
    sim.refused("POST", &format!("/untag/{path}"), keys, 400, INVALID, "aws:");
    assert_eq!(sim.get(&format!("/tags/{path}"))["Tags"].as_object().unwrap().len(), 2);
    sim.refused(
        "PUT",
        "/backup-vaults/tagged",
        json!({"BackupVaultTags": {"aws:x": "1"}}),
        400,
        INVALID,
        "aws:x",
    );
}

fn policy(statement: Value) -> Value {
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    json!({"Policy": policy})
}

#[test]
fn policies_of_a_vault_have_limits_and_are_kept() {
    let mut sim = Sim::new();
    sim.vault("v1");
    let table = sim.table("Orders", &[]);
    let job = json!({"BackupVaultName": "v1", "ResourceArn": table, "IamRoleArn": ROLE});
    sim.good("PUT", "/backup-jobs", job.clone());
    sim.pass(TimeDelta::seconds(10));
    let point = sim.points("v1")[0]["RecoveryPointArn"].as_str().unwrap().to_owned();
    let path = "/backup-vaults/v1/access-policy";
    let long = json!({"Effect": "Deny", "Principal": "*", "Action": "backup:DeleteRecoveryPoint", "Resource": "x".repeat(21_000)});
    let body = policy(long);
    sim.refused("PUT", path, body, 400, INVALID, "longer than");
    let other = json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{OTHER_ACCOUNT}:root")}, "Action": "backup:DeleteRecoveryPoint", "Resource": "*"});
    let body = policy(other);
    sim.refused("PUT", path, body, 400, INVALID, "cross-account sharing");
    // A Deny on the caller, who may put no other policy from then on.
    let caller = format!("arn:aws:iam::{ACCOUNT}:user/auditor");
    let deny = json!({
        "Effect": "Deny", "Principal": {"AWS": caller}, "Resource": "*",
        "Action": ["backup:StartBackupJob", "backup:StartRestoreJob", "backup:TagResource", "backup:PutBackupVaultAccessPolicy", "backup:CopyIntoBackupVault"],
    });
    let body = policy(deny);
    sim.good("PUT", path, body.clone());
    sim.refused("PUT", path, body, 403, DENIED, "");
    sim.refused("PUT", "/backup-jobs", job, 403, DENIED, "");
    let restore = json!({"RecoveryPointArn": point, "IamRoleArn": ROLE, "Metadata": {"targetTableName": "again"}});
    sim.refused("PUT", "/restore-jobs", restore, 403, DENIED, "");
    for arn in [point, format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:v1")] {
        let path = format!("/tags/{}", enc(&arn));
        sim.refused("POST", &path, json!({"Tags": {"a": "b"}}), 403, DENIED, "");
    }
}

#[test]
fn a_vault_may_deny_copies_from_its_own_account() {
    let mut sim = Sim::new();
    sim.vault("v1");
    sim.vault("v2");
    let table = sim.table("Orders", &[]);
    sim.good(
        "PUT",
        "/backup-jobs",
        json!({"BackupVaultName": "v1", "ResourceArn": table, "IamRoleArn": ROLE}),
    );
    sim.pass(TimeDelta::seconds(10));
    let point = sim.points("v1")[0]["RecoveryPointArn"].clone();
    let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "backup:CopyIntoBackupVault", "Resource": "*"});
    let body = policy(deny);
    sim.good("PUT", "/backup-vaults/v2/access-policy", body);
    let copy = json!({
        "RecoveryPointArn": point, "SourceBackupVaultName": "v1", "IamRoleArn": ROLE,
        "DestinationBackupVaultArn": format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:v2"),
    });
    let started = sim.good("PUT", "/copy-jobs", copy);
    let job = sim.get(&format!("/copy-jobs/{}", started["CopyJobId"].as_str().unwrap()))["CopyJob"].clone();
    assert_eq!(
        (&job["State"], &job["StatusMessage"]),
        (
            &json!("FAILED"),
            &json!("Access Denied trying to call AWS Backup service.")
        )
    );
}

#[test]
fn the_points_of_a_deleted_role_stay_as_expired() {
    let mut sim = Sim::new();
    sim.vault("v1");
    let table = sim.table("Orders", &[]);
    let body =
        json!({"BackupVaultName": "v1", "ResourceArn": table, "IamRoleArn": ROLE, "Lifecycle": {"DeleteAfterDays": 1}});
    sim.good("PUT", "/backup-jobs", body.clone());
    sim.pass(TimeDelta::seconds(10));
    let (account, path) = role_of(ROLE).unwrap();
    sim.cloud.iam.remove(account, path.rsplit('/').next().unwrap());
    sim.refused("PUT", "/backup-jobs", body, 400, INVALID, "sufficient permissions");
    sim.pass(TimeDelta::days(2));
    let point = sim.points("v1")[0].clone();
    assert_eq!(point["Status"], "EXPIRED");
    assert!(
        point["StatusMessage"].as_str().unwrap().contains("cannot be assumed"),
        "{point}"
    );
}

#[test]
fn restore_testing_is_checked() {
    let mut sim = Sim::new();
    let plan = |points: Value| json!({"RestoreTestingPlan": {"RestoreTestingPlanName": "monthly", "ScheduleExpression": "cron(0 5 1 * ? *)", "RecoveryPointSelection": points}});
    for wrong in [
        json!({"IncludeVaults": ["v1"]}),
        json!({"IncludeVaults": "*"}),
        json!({"SelectionWindowDays": 366}),
        json!({"RecoveryPointTypes": ["BACKUP"]}),
    ] {
        sim.refused(
            "PUT",
            "/restore-testing/plans",
            plan(wrong),
            400,
            INVALID,
            "Invalid value",
        );
    }
    let vaults = json!({"IncludeVaults": [format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:*")]});
    sim.good("PUT", "/restore-testing/plans", plan(vaults));
    let selection = |more: Value| {
        let mut selection =
            json!({"RestoreTestingSelectionName": "tables", "ProtectedResourceType": "DynamoDB", "IamRoleArn": ROLE});
        selection
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"RestoreTestingSelection": selection})
    };
    let path = "/restore-testing/plans/monthly/selections";
    let many: Vec<String> = (0..31).map(|n| table_arn(&format!("t{n:02}"))).collect();
    for wrong in [
        json!({"ProtectedResourceType": "Tea", "ProtectedResourceArns": ["*"]}),
        json!({"ProtectedResourceArns": ["*", table_arn("Orders")]}),
        json!({"ProtectedResourceArns": many}),
        json!({"ProtectedResourceArns": ["Orders"]}),
        json!({"ProtectedResourceArns": [table_arn("Orders")], "ProtectedResourceConditions": {"StringEquals": []}}),
        json!({"ProtectedResourceArns": ["*"], "ProtectedResourceConditions": {"StringLike": []}}),
        json!({"ProtectedResourceArns": ["*"], "RestoreMetadataOverrides": {"targetTableName": "x"}}),
        json!({"ProtectedResourceArns": ["*"], "ValidationWindowHours": 169}),
    ] {
        sim.refused("PUT", path, selection(wrong), 400, INVALID, "");
    }
    sim.refused(
        "PUT",
        path,
        selection(json!({})),
        400,
        "MissingParameterValueException",
        "",
    );
    let fine = json!({
        "ProtectedResourceArns": ["*"], "RestoreMetadataOverrides": {"encryptionType": "Default"},
        "ProtectedResourceConditions": {"StringEquals": [{"Key": "aws:ResourceTag/env", "Value": "prod"}]},
    });
    sim.good("PUT", path, selection(fine));
}
