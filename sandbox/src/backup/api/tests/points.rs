use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{ACCOUNT, OTHER_REGION, REGION, ROLE, Sim, enc, instant, table_arn};

/// A vault with one finished recovery point of `Orders`; gives its ARN.
fn one_point(sim: &mut Sim, lifecycle: Value) -> String {
    sim.vault("v1");
    sim.table("Orders", &[("team", "shop")]);
    sim.backup("Orders", "v1", lifecycle);
    sim.points("v1")[0]["RecoveryPointArn"].as_str().unwrap().to_owned()
}

fn advanced(sim: &mut Sim, on: bool) {
    sim.good(
        "PUT",
        "/account-settings",
        json!({"ResourceTypeManagementPreference": {"DynamoDB": on}}),
    );
}

#[test]
fn an_advanced_recovery_point() {
    let mut sim = Sim::new();
    let arn = one_point(
        &mut sim,
        json!({"MoveToColdStorageAfterDays": 7, "DeleteAfterDays": 97}),
    );
    assert!(arn.starts_with(&format!("arn:aws:backup:{REGION}:{ACCOUNT}:recovery-point:")));
    let vault = sim.get("/backup-vaults/v1");
    let point = sim.points("v1").remove(0);
    assert_eq!(point["Status"], "COMPLETED");
    assert_eq!(point["ResourceArn"], table_arn("Orders"));
    assert_eq!(
        (&point["ResourceType"], &point["ResourceName"]),
        (&json!("DynamoDB"), &json!("Orders"))
    );
    assert_eq!(point["EncryptionKeyArn"], vault["EncryptionKeyArn"]);
    assert_eq!(
        (&point["IsEncrypted"], &point["VaultType"]),
        (&json!(true), &json!("BACKUP_VAULT"))
    );
    assert_eq!(point["BackupSizeInBytes"], 800_000_000);
    assert_eq!(point["Lifecycle"]["MoveToColdStorageAfterDays"], 7);
    let created = instant(&point["CreationDate"]);
    assert_eq!(
        instant(&point["CalculatedLifecycle"]["MoveToColdStorageAt"]),
        created + TimeDelta::days(7)
    );
    assert_eq!(
        instant(&point["CalculatedLifecycle"]["DeleteAt"]),
        created + TimeDelta::days(97)
    );
    for unset in [
        "CreatedBy",
        "SourceBackupVaultArn",
        "ParentRecoveryPointArn",
        "LastRestoreTime",
        "EncryptionKeyType",
    ] {
        assert!(point.get(unset).unwrap().is_null(), "{unset}");
    }
    assert!(point.get("StorageClass").is_none());
    let path = format!("/backup-vaults/v1/recovery-points/{}", enc(&arn));
    assert_eq!(sim.get(&path)["StorageClass"], "WARM");
    sim.pass(TimeDelta::days(7));
    assert_eq!(sim.get(&path)["StorageClass"], "COLD");
    assert_eq!(
        sim.get(&format!("{path}/restore-metadata"))["RestoreMetadata"],
        json!({"originalTableName": "Orders"})
    );
    let absent = format!(
        "/backup-vaults/v1/recovery-points/{}",
        enc(&arn.replace("recovery-point:", "recovery-point:0"))
    );
    sim.refused(
        "GET",
        &absent,
        Value::Null,
        400,
        "ResourceNotFoundException",
        "Cannot find recovery point",
    );
    sim.vault("v2");
    sim.refused(
        "GET",
        &path.replace("/v1/", "/v2/"),
        Value::Null,
        400,
        "ResourceNotFoundException",
        "Cannot find recovery point",
    );
}

#[test]
fn a_native_recovery_point() {
    let mut sim = Sim::new();
    advanced(&mut sim, false);
    let arn = one_point(
        &mut sim,
        json!({"MoveToColdStorageAfterDays": 7, "DeleteAfterDays": 97}),
    );
    let point = sim.points("v1").remove(0);
    let (head, id) = arn.rsplit_once('/').unwrap();
    assert_eq!(head, format!("{}/backup", table_arn("Orders")));
    let created = instant(&point["CreationDate"]);
    assert_eq!(
        id.split_once('-').unwrap().0,
        format!("{:014}", created.timestamp_millis())
    );
    assert!(point["EncryptionKeyArn"].is_null() && point["EncryptionKeyType"].is_null());
    assert_eq!(point["IsEncrypted"], false);
    assert!(point["Lifecycle"]["MoveToColdStorageAfterDays"].is_null());
    assert_eq!(point["Lifecycle"]["DeleteAfterDays"], 97);
    let path = format!("/backup-vaults/v1/recovery-points/{}", enc(&arn));
    sim.pass(TimeDelta::days(10));
    assert_eq!(sim.get(&path)["StorageClass"], "WARM");
    let cold = json!({"Lifecycle": {"MoveToColdStorageAfterDays": 1, "DeleteAfterDays": 97}});
    sim.refused(
        "POST",
        &path,
        cold,
        400,
        "InvalidParameterValueException",
        "MoveToColdStorageAfterDays is unavailable",
    );
    // Switching the advanced features on changes new backups only.
    advanced(&mut sim, true);
    sim.backup("Orders", "v1", Value::Null);
    let kinds: Vec<bool> = sim
        .points("v1")
        .iter()
        .map(|p| p["RecoveryPointArn"].as_str().unwrap().contains(":backup:"))
        .collect();
    assert_eq!(kinds, [true, false]);
    sim.good("DELETE", &path, Value::Null);
}

#[test]
fn by_resource_has_other_names_and_fewer_members() {
    let mut sim = Sim::new();
    one_point(&mut sim, json!({"DeleteAfterDays": 35}));
    advanced(&mut sim, false);
    sim.backup("Orders", "v1", Value::Null);
    let path = format!("/resources/{}/recovery-points/", enc(&table_arn("Orders")));
    let points = sim.get(&path)["RecoveryPoints"].clone();
    let (native, advanced) = (&points[0], &points[1]);
    assert_eq!(advanced["BackupSizeBytes"], 800_000_000);
    assert_eq!(advanced["BackupVaultName"], "v1");
    assert!(native["BackupVaultName"].is_null() && native["EncryptionKeyArn"].is_null());
    for absent in [
        "BackupSizeInBytes",
        "Lifecycle",
        "CalculatedLifecycle",
        "CreatedBy",
        "IsEncrypted",
        "ResourceArn",
        "CompletionDate",
        "BackupVaultArn",
    ] {
        assert!(advanced.get(absent).is_none(), "{absent}");
    }
    let managed = sim.get(&format!("{path}?managedByAWSBackupOnly=true"));
    assert_eq!(managed["RecoveryPoints"].as_array().unwrap().len(), 2);
    sim.refused(
        "GET",
        &format!("{path}?managedByAWSBackupOnly=x"),
        Value::Null,
        400,
        "InvalidParameterValueException",
        "",
    );
    let volume = format!(
        "/resources/{}/recovery-points/",
        enc("arn:aws:ec2:eu-west-1:111122223333:volume/vol-1")
    );
    sim.refused(
        "GET",
        &volume,
        Value::Null,
        400,
        "InvalidParameterValueException",
        "Unsupported resource type",
    );
    let other = format!("/resources/{}/recovery-points/", enc(&table_arn("Nothing")));
    assert_eq!(sim.get(&other)["RecoveryPoints"], json!([]));
}

#[test]
fn filters_of_the_vault_s_listing() {
    let mut sim = Sim::new();
    sim.vault("v1");
    for name in ["Orders", "Bills"] {
        sim.table(name, &[]);
    }
    sim.backup("Orders", "v1", Value::Null);
    let middle = sim.now();
    sim.pass(TimeDelta::days(1));
    sim.backup("Bills", "v1", Value::Null);
    let plan = sim.plan(
        json!({"RuleName": "r", "TargetBackupVaultName": "v1", "StartWindowMinutes": 60}),
        json!({"Resources": [table_arn("Bills")]}),
    );
    sim.pass(TimeDelta::days(1));
    let count = |sim: &mut Sim, filter: &str| {
        sim.get(&format!("/backup-vaults/v1/recovery-points/?{filter}"))["RecoveryPoints"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count(&mut sim, ""), 3);
    let arn = |name| format!("resourceArn={}", enc(&table_arn(name)));
    assert_eq!(count(&mut sim, &arn("Orders")), 1);
    assert_eq!(count(&mut sim, &arn("Bills")), 2);
    assert_eq!(count(&mut sim, &arn("Nothing")), 0);
    assert_eq!(count(&mut sim, "resourceType=DynamoDB"), 3);
    assert_eq!(count(&mut sim, "resourceType=EBS"), 0);
    assert_eq!(count(&mut sim, &format!("backupPlanId={plan}")), 1);
    assert_eq!(count(&mut sim, "parentRecoveryPointArn=x"), 0);
    let at = enc(&middle.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    assert_eq!(count(&mut sim, &format!("createdBefore={at}")), 1);
    assert_eq!(count(&mut sim, &format!("createdAfter={at}")), 2);
    assert_eq!(count(&mut sim, &format!("createdAfter={}", middle.timestamp())), 2);
    let snapshot = enc("arn:aws:ec2:us-east-1::snapshot/snap-03ba1ca215342e331");
    let path = format!("/backup-vaults/v1/recovery-points/?resourceArn={snapshot}");
    let text = "Unsupported resource type: arn:aws:ec2:us-east-1::snapshot/snap-03ba1ca215342e331";
    sim.refused("GET", &path, Value::Null, 400, "InvalidParameterValueException", text);
    sim.refused(
        "GET",
        "/backup-vaults/v1/recovery-points/?createdAfter=soon",
        Value::Null,
        400,
        "InvalidParameterValueException",
        "",
    );
}

#[test]
fn pages_hold_every_point_once() {
    let mut sim = Sim::new();
    sim.vault("v1");
    for n in 0..23 {
        sim.table(&format!("Table{n}"), &[]);
    }
    sim.plan(
        json!({"RuleName": "r", "TargetBackupVaultName": "v1", "ScheduleExpression": "cron(0 * ? * * *)", "StartWindowMinutes": 60}),
        json!({"Resources": ["arn:aws:dynamodb:*:*:table/*"]}),
    );
    sim.pass(TimeDelta::hours(50));
    let mut seen = std::collections::BTreeSet::new();
    let mut token = String::new();
    let mut pages = 0;
    loop {
        let page = sim.get(&format!("/backup-vaults/v1/recovery-points/?maxResults=97{token}"));
        let points = page["RecoveryPoints"].as_array().unwrap();
        assert!(points.len() <= 97);
        for point in points {
            assert!(seen.insert(point["RecoveryPointArn"].as_str().unwrap().to_owned()));
        }
        pages += 1;
        // Points that are made meanwhile do not disturb the listing.
        sim.pass(TimeDelta::minutes(7));
        match page["NextToken"].as_str() {
            Some(next) => token = format!("&nextToken={}", enc(next)),
            None => break,
        }
    }
    assert!(seen.len() >= 23 * 49, "{}", seen.len());
    assert_eq!(pages, seen.len().div_ceil(97));
    let default = sim.get("/backup-vaults/v1/recovery-points/");
    assert_eq!(default["RecoveryPoints"].as_array().unwrap().len(), 100);
    let most = sim.get("/backup-vaults/v1/recovery-points/?maxResults=1000");
    assert_eq!(most["RecoveryPoints"].as_array().unwrap().len(), 1000);
}

#[test]
fn lifecycles_can_be_changed_within_their_rules() {
    let mut sim = Sim::new();
    let arn = one_point(&mut sim, json!({"DeleteAfterDays": 35}));
    let path = format!("/backup-vaults/v1/recovery-points/{}", enc(&arn));
    let change = |cold: Value, delete: Value| json!({"Lifecycle": {"MoveToColdStorageAfterDays": cold, "DeleteAfterDays": delete}});
    sim.refused(
        "POST",
        &path,
        json!({}),
        400,
        "MissingParameterValueException",
        "Lifecycle",
    );
    sim.refused(
        "POST",
        &path,
        change(Value::Null, Value::Null),
        400,
        "InvalidParameterValueException",
        "At least one",
    );
    sim.refused(
        "POST",
        &path,
        change(json!(7), json!(96)),
        400,
        "InvalidParameterValueException",
        "90 days apart",
    );
    let answer = sim.good("POST", &path, change(Value::Null, json!(365)));
    assert_eq!(answer["Lifecycle"]["DeleteAfterDays"], 365);
    sim.pass(TimeDelta::days(40));
    assert_eq!(sim.points("v1").len(), 1);
    // 40 days old: it can become cold from its 41st day on.
    sim.refused(
        "POST",
        &path,
        change(json!(40), Value::Null),
        400,
        "InvalidParameterValueException",
        "one day (41)",
    );
    sim.good("POST", &path, change(json!(41), Value::Null));
    sim.pass(TimeDelta::days(2));
    assert_eq!(sim.get(&path)["StorageClass"], "COLD");
    sim.refused(
        "POST",
        &path,
        change(json!(60), Value::Null),
        400,
        "InvalidRequestException",
        "cold storage",
    );
    sim.good("POST", &path, change(Value::Null, json!(-1)));
    sim.pass(TimeDelta::days(2000));
    assert_eq!(sim.points("v1").len(), 1);
    let forever = sim.get(&path);
    assert!(forever["CalculatedLifecycle"]["DeleteAt"].is_null());
    assert_eq!(forever["Lifecycle"]["DeleteAfterDays"], -1);
}

#[test]
fn a_lock_keeps_points_and_their_lifecycles() {
    let mut sim = Sim::new();
    let arn = one_point(&mut sim, json!({"DeleteAfterDays": 30}));
    let path = format!("/backup-vaults/v1/recovery-points/{}", enc(&arn));
    sim.good(
        "PUT",
        "/backup-vaults/v1/vault-lock",
        json!({"MinRetentionDays": 7, "MaxRetentionDays": 60}),
    );
    sim.refused("DELETE", &path, Value::Null, 400, "InvalidRequestException", "locked");
    let to = |days: i64| json!({"Lifecycle": {"DeleteAfterDays": days}});
    sim.refused("POST", &path, to(29), 400, "InvalidRequestException", "locked");
    sim.refused("POST", &path, to(61), 400, "InvalidRequestException", "locked");
    sim.good("POST", &path, to(60));
    sim.pass(TimeDelta::days(61));
    assert!(sim.points("v1").is_empty());
}

#[test]
fn retention_ends_within_eight_hours_after_its_time() {
    let mut sim = Sim::new();
    sim.vault("v1");
    for n in 0..20 {
        sim.table(&format!("Table{n}"), &[]);
        sim.backup(&format!("Table{n}"), "v1", json!({"DeleteAfterDays": 1}));
    }
    let start = sim.now();
    sim.pass(TimeDelta::hours(23));
    assert_eq!(sim.points("v1").len(), 20);
    let mut counts = Vec::new();
    for _ in 0..10 {
        sim.pass(TimeDelta::hours(1));
        counts.push(sim.points("v1").len());
    }
    assert!(
        counts.windows(2).all(|pair| pair[1] <= pair[0]) && counts[9] == 0,
        "{counts:?}"
    );
    assert!(
        counts.iter().any(|count| (1..20).contains(count)),
        "{counts:?} since {start}"
    );
}

#[test]
fn a_broken_role_leaves_expired_points() {
    let mut sim = Sim::new();
    let arn = one_point(&mut sim, json!({"DeleteAfterDays": 1}));
    let by_hand = {
        sim.table("Bills", &[]);
        sim.backup("Bills", "v1", Value::Null);
        sim.points("v1")[0]["RecoveryPointArn"].as_str().unwrap().to_owned()
    };
    let message: std::sync::Arc<str> = format!("IAM Role {ROLE} cannot be assumed by AWS Backup").into();
    sim.cloud
        .place_mut(ACCOUNT, REGION)
        .backup
        .broken_roles
        .insert(ROLE.to_owned(), message);
    sim.pass(TimeDelta::hours(33));
    let path = |arn: &str| format!("/backup-vaults/v1/recovery-points/{}", enc(arn));
    let point = sim.get(&path(&arn));
    assert_eq!(point["Status"], "EXPIRED");
    assert!(point["StatusMessage"].as_str().unwrap().contains("cannot be assumed"));
    // Deleting by hand succeeds, and the point stays as EXPIRED too.
    sim.good("DELETE", &path(&by_hand), Value::Null);
    assert_eq!(sim.get(&path(&by_hand))["Status"], "EXPIRED");
    sim.cloud.place_mut(ACCOUNT, REGION).backup.broken_roles.clear();
    sim.good("DELETE", &path(&by_hand), Value::Null);
    assert_eq!(sim.points("v1").len(), 1);
}

#[test]
fn protected_resources() {
    let mut sim = Sim::new();
    let point = one_point(&mut sim, json!({"DeleteAfterDays": 35}));
    sim.table("Bills", &[]);
    let all = sim.get("/resources/")["Results"].clone();
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert_eq!(
        (&all[0]["ResourceArn"], &all[0]["LastRecoveryPointArn"]),
        (&json!(table_arn("Orders")), &json!(point))
    );
    assert_eq!(sim.get("/backup-vaults/v1/resources/")["Results"], all);
    sim.vault("v2");
    assert_eq!(sim.get("/backup-vaults/v2/resources/")["Results"], json!([]));
    let path = format!("/resources/{}", enc(&table_arn("Orders")));
    assert!(sim.get(&path)["LatestRestoreExecutionTimeMinutes"].is_null());
    // The table goes, its recovery point stays, and with it the entry.
    sim.cloud.place_mut(ACCOUNT, REGION).dynamodb.remove("Orders");
    assert_eq!(sim.get("/resources/")["Results"], all);
    let never = format!("/resources/{}", enc(&table_arn("Bills")));
    sim.refused("GET", &never, Value::Null, 400, "ResourceNotFoundException", "");
    sim.region = OTHER_REGION;
    assert_eq!(sim.get("/resources/")["Results"], json!([]));
}
