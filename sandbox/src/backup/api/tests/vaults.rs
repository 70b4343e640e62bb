use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{ACCOUNT, OTHER_REGION, REGION, Sim, enc, instant};

const DENY_DELETION: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"*"},"Action":["backup:DeleteRecoveryPoint"],"Resource":"*"}]}"#;

#[test]
fn a_vault_from_its_creation_to_its_end() {
    let mut sim = Sim::new();
    let made = sim.good(
        "PUT",
        "/backup-vaults/WebappBackups",
        json!({"BackupVaultTags": {"team": "web"}, "CreatorRequestId": "r1"}),
    );
    let arn = format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:WebappBackups");
    assert_eq!(made["BackupVaultArn"], arn);
    assert_eq!(instant(&made["CreationDate"]), sim.now());
    let vault = sim.get("/backup-vaults/WebappBackups");
    assert_eq!(vault["VaultType"], "BACKUP_VAULT");
    assert_eq!(vault["VaultState"], "AVAILABLE");
    assert_eq!(vault["Locked"], false);
    assert_eq!(vault["NumberOfRecoveryPoints"], 0);
    assert!(vault["EncryptionKeyArn"].as_str().unwrap().contains(":key/"));
    assert!(vault["EncryptionKeyType"].is_null());
    for absent in [
        "MinRetentionDays",
        "MaxRetentionDays",
        "LockDate",
        "SourceBackupVaultArn",
    ] {
        assert!(vault.get(absent).unwrap().is_null(), "{absent}");
    }
    assert_eq!(
        sim.get(&format!("/tags/{}/", enc(&arn)))["Tags"],
        json!({"team": "web"})
    );
    // The same request id again is the same vault; another one is a clash.
    sim.good("PUT", "/backup-vaults/WebappBackups", json!({"CreatorRequestId": "r1"}));
    let (status, body) = sim.ask("PUT", "/backup-vaults/WebappBackups", json!({}));
    assert_eq!(
        (status, &body["Arn"], &body["CreatorRequestId"]),
        (400, &json!(arn), &json!("r1"))
    );
    sim.refused(
        "PUT",
        "/backup-vaults/WebappBackups",
        json!({}),
        400,
        "AlreadyExistsException",
        "already exists",
    );
    sim.good("DELETE", "/backup-vaults/WebappBackups", Value::Null);
    sim.refused(
        "GET",
        "/backup-vaults/WebappBackups",
        Value::Null,
        403,
        "AccessDeniedException",
        "Insufficient privileges",
    );
}

#[test]
fn names_and_keys_are_checked() {
    let mut sim = Sim::new();
    for name in ["x", "under score", "a/b", "ümlaut"] {
        sim.refused(
            "PUT",
            &format!("/backup-vaults/{}", enc(name)),
            json!({}),
            400,
            "InvalidParameterValueException",
            "name",
        );
    }
    let alias = json!({"EncryptionKeyArn": format!("arn:aws:kms:{REGION}:{ACCOUNT}:alias/mine")});
    sim.refused(
        "PUT",
        "/backup-vaults/keyed",
        alias,
        400,
        "InvalidParameterValueException",
        "KMS key",
    );
    let unknown = json!({"EncryptionKeyArn": format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/0")});
    sim.refused(
        "PUT",
        "/backup-vaults/keyed",
        unknown,
        400,
        "InvalidParameterValueException",
        "cannot be used",
    );
    let now = sim.now();
    let key = {
        let cloud = &mut sim.cloud;
        cloud.place_mut(ACCOUNT, REGION);
        let crate::cloud::Cloud { places, ids, .. } = cloud;
        let place = places.get_mut(&(ACCOUNT.to_owned(), REGION.to_owned())).unwrap();
        place.kms.create(crate::kms::state::Manager::Customer, "mine", now, ids)
    };
    sim.good("PUT", "/backup-vaults/keyed", json!({"EncryptionKeyArn": key}));
    let vault = sim.get("/backup-vaults/keyed");
    assert_eq!(
        (&vault["EncryptionKeyArn"], &vault["EncryptionKeyType"]),
        (&json!(key), &json!("CUSTOMER_MANAGED_KMS_KEY"))
    );
}

#[test]
fn every_call_on_a_missing_vault_is_denied() {
    let mut sim = Sim::new();
    for path in [
        "",
        "/access-policy",
        "/notification-configuration",
        "/recovery-points/",
        "/resources/",
        "/recovery-points/arn%3Ax",
    ] {
        sim.refused(
            "GET",
            &format!("/backup-vaults/nowhere{path}"),
            Value::Null,
            403,
            "AccessDeniedException",
            "Insufficient",
        );
    }
    sim.refused(
        "DELETE",
        "/backup-vaults/nowhere",
        Value::Null,
        403,
        "AccessDeniedException",
        "",
    );
    sim.refused(
        "PUT",
        "/backup-vaults/nowhere/vault-lock",
        json!({}),
        403,
        "AccessDeniedException",
        "",
    );
    sim.vault("here");
    sim.refused(
        "GET",
        "/backup-vaults/here?backupVaultAccountId=999999999999",
        Value::Null,
        403,
        "AccessDeniedException",
        "",
    );
    sim.get(&format!("/backup-vaults/here?backupVaultAccountId={ACCOUNT}"));
    sim.region = OTHER_REGION;
    sim.refused(
        "GET",
        "/backup-vaults/here",
        Value::Null,
        403,
        "AccessDeniedException",
        "",
    );
}

#[test]
fn vaults_are_listed_in_pages_and_by_type() {
    let mut sim = Sim::new();
    for n in 0..7 {
        sim.vault(&format!("vault-{n}"));
    }
    sim.good(
        "PUT",
        "/logically-air-gapped-backup-vaults/gapped",
        json!({"MinRetentionDays": 7, "MaxRetentionDays": 90}),
    );
    let mut names = Vec::new();
    let mut token = String::new();
    loop {
        let page = sim.get(&format!("/backup-vaults/?maxResults=3{token}"));
        let list = page["BackupVaultList"].as_array().unwrap();
        assert!(list.len() <= 3);
        names.extend(
            list.iter()
                .map(|vault| vault["BackupVaultName"].as_str().unwrap().to_owned()),
        );
        match page["NextToken"].as_str() {
            Some(next) => token = format!("&nextToken={}", enc(next)),
            None => break,
        }
    }
    assert_eq!(names.len(), 8);
    let gapped = sim.get("/backup-vaults/?vaultType=LOGICALLY_AIR_GAPPED_BACKUP_VAULT");
    assert_eq!(gapped["BackupVaultList"].as_array().unwrap().len(), 1);
    assert_eq!(sim.get("/backup-vaults/?shared=true")["BackupVaultList"], json!([]));
    for (query, text) in [
        ("maxResults=0", "maxResults"),
        ("maxResults=1001", "maxResults"),
        ("nextToken=x", "next token"),
        ("shared=7", "shared"),
    ] {
        sim.refused(
            "GET",
            &format!("/backup-vaults/?{query}"),
            Value::Null,
            400,
            "InvalidParameterValueException",
            text,
        );
    }
    // A token of another list is not one of this list.
    let foreign = sim.get("/backup-vaults/?maxResults=1")["NextToken"]
        .as_str()
        .unwrap()
        .to_owned();
    sim.refused(
        "GET",
        &format!("/backup/plans/?nextToken={}", enc(&foreign)),
        Value::Null,
        400,
        "InvalidParameterValueException",
        "next token",
    );
}

#[test]
fn a_vault_with_recovery_points_cannot_be_deleted() {
    let mut sim = Sim::new();
    sim.vault("full");
    sim.table("Orders", &[]);
    sim.backup("Orders", "full", json!({"DeleteAfterDays": 1}));
    assert_eq!(sim.get("/backup-vaults/full")["NumberOfRecoveryPoints"], 1);
    let text = "Backup vault cannot be deleted because it contains recovery points.";
    sim.refused(
        "DELETE",
        "/backup-vaults/full",
        Value::Null,
        400,
        "InvalidRequestException",
        text,
    );
    let (_, body) = sim.ask("DELETE", "/backup-vaults/full", Value::Null);
    assert_eq!((&body["Code"], &body["Context"]), (&json!("ERROR_9101"), &json!("1")));
    sim.pass(TimeDelta::hours(33));
    sim.good("DELETE", "/backup-vaults/full", Value::Null);
}

#[test]
fn access_policies() {
    let mut sim = Sim::new();
    sim.vault("v1");
    let path = "/backup-vaults/v1/access-policy";
    sim.refused("GET", path, Value::Null, 400, "ResourceNotFoundException", "");
    sim.refused("PUT", path, json!({}), 400, "MissingParameterValueException", "Policy");
    sim.refused(
        "PUT",
        path,
        json!({"Policy": "{}"}),
        400,
        "InvalidParameterValueException",
        "policy",
    );
    sim.good("PUT", path, json!({"Policy": DENY_DELETION}));
    assert_eq!(sim.get(path)["Policy"], DENY_DELETION);
    sim.table("Orders", &[]);
    sim.backup("Orders", "v1", Value::Null);
    let point = sim.points("v1")[0]["RecoveryPointArn"].as_str().unwrap().to_owned();
    let at = format!("/backup-vaults/v1/recovery-points/{}", enc(&point));
    sim.refused("DELETE", &at, Value::Null, 403, "AccessDeniedException", "Insufficient");
    sim.good("DELETE", path, Value::Null);
    sim.good("DELETE", &at, Value::Null);
    assert!(sim.points("v1").is_empty());
}

#[test]
fn a_policy_can_close_a_vault_to_readers() {
    let mut sim = Sim::new();
    sim.vault("v1");
    let policy = DENY_DELETION.replace("DeleteRecoveryPoint", "ListRecoveryPointsByBackupVault");
    sim.good("PUT", "/backup-vaults/v1/access-policy", json!({"Policy": policy}));
    sim.refused(
        "GET",
        "/backup-vaults/v1/recovery-points/",
        Value::Null,
        403,
        "AccessDeniedException",
        "Insufficient",
    );
    sim.get("/backup-vaults/v1");
}

#[test]
fn a_governance_lock_can_be_removed() {
    let mut sim = Sim::new();
    sim.vault("v1");
    let lock = "/backup-vaults/v1/vault-lock";
    sim.good("PUT", lock, json!({"MinRetentionDays": 7, "MaxRetentionDays": 30}));
    let vault = sim.get("/backup-vaults/v1");
    assert_eq!(
        (&vault["Locked"], &vault["MinRetentionDays"], &vault["MaxRetentionDays"]),
        (&json!(true), &json!(7), &json!(30))
    );
    assert!(vault["LockDate"].is_null());
    sim.good("DELETE", lock, Value::Null);
    assert_eq!(sim.get("/backup-vaults/v1")["Locked"], false);
}

#[test]
fn a_compliance_lock_has_a_grace_time_and_then_none() {
    let mut sim = Sim::new();
    sim.vault("v1");
    let lock = "/backup-vaults/v1/vault-lock";
    sim.good("PUT", lock, json!({"MinRetentionDays": 7, "ChangeableForDays": 3}));
    let vault = sim.get("/backup-vaults/v1");
    assert_eq!(instant(&vault["LockDate"]), sim.now() + TimeDelta::days(3));
    assert_eq!(vault["Locked"], true);
    sim.pass(TimeDelta::days(2));
    sim.good("PUT", lock, json!({"MinRetentionDays": 8, "ChangeableForDays": 3}));
    sim.pass(TimeDelta::days(3));
    sim.refused(
        "PUT",
        lock,
        json!({"MinRetentionDays": 1}),
        400,
        "InvalidRequestException",
        "locked",
    );
    sim.refused("DELETE", lock, Value::Null, 400, "InvalidRequestException", "locked");
}

#[test]
fn lock_values_are_checked() {
    let mut sim = Sim::new();
    sim.vault("v1");
    for body in [
        json!({"ChangeableForDays": 2}),
        json!({"ChangeableForDays": 36_501}),
        json!({"MinRetentionDays": 0}),
        json!({"MaxRetentionDays": 36_501}),
        json!({"MinRetentionDays": 31, "MaxRetentionDays": 30}),
        json!({"MinRetentionDays": "7"}),
    ] {
        sim.refused(
            "PUT",
            "/backup-vaults/v1/vault-lock",
            body,
            400,
            "InvalidParameterValueException",
            "",
        );
    }
}

#[test]
fn an_air_gapped_vault_is_locked_from_its_creation() {
    let mut sim = Sim::new();
    let path = "/logically-air-gapped-backup-vaults/gapped";
    sim.refused(
        "PUT",
        path,
        json!({"MinRetentionDays": 7}),
        400,
        "MissingParameterValueException",
        "MaxRetentionDays",
    );
    sim.refused(
        "PUT",
        path,
        json!({"MinRetentionDays": 6, "MaxRetentionDays": 90}),
        400,
        "InvalidParameterValueException",
        "",
    );
    let made = sim.good("PUT", path, json!({"MinRetentionDays": 7, "MaxRetentionDays": 90}));
    assert_eq!(made["VaultState"], "AVAILABLE");
    let vault = sim.get("/backup-vaults/gapped");
    assert_eq!(vault["VaultType"], "LOGICALLY_AIR_GAPPED_BACKUP_VAULT");
    assert_eq!(vault["EncryptionKeyType"], "AWS_OWNED_KMS_KEY");
    assert!(vault["EncryptionKeyArn"].is_null());
    assert_eq!(
        (&vault["Locked"], instant(&vault["LockDate"])),
        (&json!(true), sim.now())
    );
    sim.refused(
        "DELETE",
        "/backup-vaults/gapped/vault-lock",
        Value::Null,
        400,
        "InvalidRequestException",
        "locked",
    );
}

#[test]
fn notifications() {
    let mut sim = Sim::new();
    sim.vault("v1");
    let path = "/backup-vaults/v1/notification-configuration";
    sim.refused("GET", path, Value::Null, 400, "ResourceNotFoundException", "");
    sim.refused(
        "PUT",
        path,
        json!({"SNSTopicArn": "arn:x"}),
        400,
        "MissingParameterValueException",
        "BackupVaultEvents",
    );
    sim.good(
        "PUT",
        path,
        json!({"SNSTopicArn": "arn:x", "BackupVaultEvents": ["BACKUP_JOB_COMPLETED"]}),
    );
    assert_eq!(sim.get(path)["BackupVaultEvents"], json!(["BACKUP_JOB_COMPLETED"]));
    sim.good("DELETE", path, Value::Null);
    sim.refused("GET", path, Value::Null, 400, "ResourceNotFoundException", "");
}

#[test]
fn tags_of_vaults_plans_and_points() {
    let mut sim = Sim::new();
    sim.vault("v1");
    sim.table("Orders", &[("team", "shop")]);
    sim.backup("Orders", "v1", Value::Null);
    let point = sim.points("v1")[0]["RecoveryPointArn"].as_str().unwrap().to_owned();
    let tags = |arn: &str| format!("/tags/{}", enc(arn));
    assert_eq!(sim.get(&tags(&point))["Tags"], json!({"team": "shop"}));
    sim.good("POST", &tags(&point), json!({"Tags": {"legal": "hold", "team": "it"}}));
    assert_eq!(sim.get(&tags(&point))["Tags"], json!({"legal": "hold", "team": "it"}));
    sim.good(
        "POST",
        &format!("/untag/{}", enc(&point)),
        json!({"TagKeyList": ["legal", "absent"]}),
    );
    assert_eq!(sim.get(&tags(&point))["Tags"], json!({"team": "it"}));
    sim.refused(
        "POST",
        &format!("/untag/{}", enc(&point)),
        json!({}),
        400,
        "MissingParameterValueException",
        "TagKeyList",
    );
    sim.refused(
        "POST",
        &tags(&point),
        json!({}),
        400,
        "MissingParameterValueException",
        "Tags",
    );
    sim.refused(
        "POST",
        &tags(&point),
        json!({"Tags": {"aws:x": "y"}}),
        400,
        "InvalidParameterValueException",
        "tag",
    );
    let many: serde_json::Map<String, Value> = (0..51).map(|n| (format!("k{n}"), json!("v"))).collect();
    sim.refused(
        "POST",
        &tags(&point),
        json!({"Tags": many}),
        400,
        "LimitExceededException",
        "50",
    );
    let gone = format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:gone");
    sim.refused("GET", &tags(&gone), Value::Null, 400, "ResourceNotFoundException", "");
    sim.refused(
        "GET",
        &tags("nonsense"),
        Value::Null,
        400,
        "InvalidParameterValueException",
        "",
    );
    let native = "arn:aws:dynamodb:eu-west-1:111122223333:table/Orders/backup/01576616366715-b4e58d3a";
    sim.refused(
        "GET",
        &tags(native),
        Value::Null,
        400,
        "InvalidParameterValueException",
        "",
    );
}
