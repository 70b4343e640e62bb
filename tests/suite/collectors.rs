//! What collecting leaves in the inventory: the frames, read back, and the calls that failed.

use std::collections::BTreeSet;

use backproof::collect::Wanted;
use backproof::inventory::Inventory;
use backproof::inventory::schema::{
    BackupJob, CallLogEntry, CopyJob, RecoveryPoint, RestoreJob, RestoreTestingPlan, RestoreTestingSelection, Vault,
    VaultPolicy,
};

use crate::common::Bench;
use crate::common::worlds::{GUARD as POLICY, deny, tested};

fn collected(bench: &Bench, name: &str) -> Inventory {
    let ran = bench.run(&["collect", "--to", name]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    Inventory::open(&bench.path(name).join("inventory")).expect("an inventory")
}

/// Outcome and error of every call of an action, in order of Region and resource.
fn outcomes(inventory: &Inventory, action: &str) -> Vec<(String, String, Option<String>)> {
    let log: Vec<CallLogEntry> = inventory.read().expect("a call log");
    log.into_iter()
        .filter(|entry| entry.action == action)
        .map(|entry| (entry.resource, entry.outcome, entry.error))
        .collect()
}

fn by_name<T>(mut rows: Vec<T>, name: impl Fn(&T) -> String) -> Vec<T> {
    rows.sort_by_key(|row| name(row));
    rows
}

#[test]
fn a_vault_without_a_policy_is_read_whole() {
    let bench = Bench::new(&tested(""));
    let inventory = collected(&bench, "out");
    let policies = by_name(inventory.read::<VaultPolicy>().expect("rows"), |row| {
        row.vault_name.clone()
    });
    let found: Vec<_> = policies
        .iter()
        .map(|row| (&*row.region, &*row.vault_name, row.policy.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            ("eu-west-1", "Default", None),
            ("eu-central-1", "dr", None),
            ("eu-west-1", "guarded", Some(POLICY)),
        ]
    );
    let calls = outcomes(&inventory, "backup:GetBackupVaultAccessPolicy");
    assert_eq!(calls.len(), 3);
    for (vault, outcome, error) in calls {
        assert_eq!(outcome, "ok", "{vault}");
        // What AWS said stays in the log; the outcome says that it is an answer.
        assert_eq!(error.is_none(), vault == "guarded", "{vault}: {error:?}");
    }
}

#[test]
fn restore_testing_plans_and_their_selections_of_tables_are_read() {
    let bench = Bench::new(&tested(""));
    let inventory = collected(&bench, "out");
    let plans = by_name(inventory.read::<RestoreTestingPlan>().expect("rows"), |row| {
        row.plan_name.clone()
    });
    let [empty, weekly] = plans.as_slice() else {
        panic!("{plans:?}");
    };
    assert_eq!((&*empty.plan_name, empty.last_execution_at), ("empty", None));
    assert_eq!(empty.include_vaults_json.as_deref(), Some(r#"["*"]"#));
    assert_eq!(empty.selection_window_days, Some(30));
    assert_eq!(weekly.schedule, "cron(0 6 ? * MON *)");
    assert_eq!(weekly.schedule_time_zone.as_deref(), Some("Europe/Berlin"));
    assert!(weekly.last_execution_at.is_some());
    assert_eq!(weekly.start_window_hours, Some(24));
    assert_eq!(weekly.algorithm.as_deref(), Some("LATEST_WITHIN_WINDOW"));
    let vault = r#"["arn:aws:backup:eu-west-1:111122223333:backup-vault:Default"]"#;
    assert_eq!(weekly.include_vaults_json.as_deref(), Some(vault));
    assert_eq!(weekly.exclude_vaults_json.as_deref(), Some("[]"));
    assert_eq!(weekly.recovery_point_types_json.as_deref(), Some(r#"["SNAPSHOT"]"#));
    assert_eq!(weekly.selection_window_days, Some(7));

    let selections = by_name(inventory.read::<RestoreTestingSelection>().expect("rows"), |row| {
        row.selection_name.clone()
    });
    let [gold, orders] = selections.as_slice() else {
        panic!("{selections:?}");
    };
    assert_eq!(gold.resource_arns_json, r#"["*"]"#);
    assert_eq!(
        gold.conditions_json,
        r#"[["StringEquals","aws:ResourceTag/tier","gold"],["StringNotEquals","aws:ResourceTag/env","test"]]"#
    );
    assert_eq!(gold.validation_window_hours, 0);
    assert_eq!((&*orders.plan_name, &*orders.selection_name), ("weekly", "orders"));
    assert_eq!(orders.protected_resource_type, "DynamoDB");
    assert_eq!(
        orders.resource_arns_json,
        r#"["arn:aws:dynamodb:eu-west-1:111122223333:table/orders"]"#
    );
    assert_eq!(orders.conditions_json, "[]");
    assert_eq!(orders.validation_window_hours, 4);
    assert!(
        orders
            .role_arn
            .as_deref()
            .is_some_and(|arn| arn.starts_with("arn:aws:iam::"))
    );

    let calls = bench.sandbox.calls();
    assert_eq!(calls.get("backup:GetRestoreTestingPlan"), Some(&2));
    assert_eq!(calls.get("backup:ListRestoreTestingSelections"), Some(&2));
    // The selection of volumes is not asked for.
    assert_eq!(calls.get("backup:GetRestoreTestingSelection"), Some(&2));
}

#[test]
fn jobs_tell_who_started_them_and_what_they_used() {
    let bench = Bench::new(&tested(""));
    let inventory = collected(&bench, "out");
    let plans: Vec<RestoreTestingPlan> = inventory.read().expect("rows");
    let weekly = plans.iter().find(|plan| plan.plan_name == "weekly").expect("weekly");
    let jobs = by_name(inventory.read::<RestoreJob>().expect("rows"), |row| {
        row.status.clone().unwrap_or_default()
    });
    let [done, failed] = jobs.as_slice() else {
        panic!("{jobs:?}");
    };
    assert_eq!(done.restore_testing_plan_arn.as_ref(), Some(&weekly.plan_arn));
    assert_eq!(done.validation_status.as_deref(), Some("SUCCESSFUL"));
    assert_eq!(done.deletion_status.as_deref(), Some("SUCCESSFUL"));
    assert_eq!(
        done.vault_arn.as_deref(),
        Some("arn:aws:backup:eu-west-1:111122223333:backup-vault:Default")
    );
    assert_eq!(failed.restore_testing_plan_arn, None);
    assert_eq!(failed.status_message.as_deref(), Some("Access Denied"));

    let points: Vec<RecoveryPoint> = inventory.read().expect("rows");
    let restored = points
        .iter()
        .find(|point| point.last_restored_at.is_some())
        .expect("one restored");
    assert_eq!(done.recovery_point_arn.as_ref(), Some(&restored.recovery_point_arn));
    assert_eq!(done.recovery_point_created_at, restored.created_at);
    assert_eq!(done.size_bytes, restored.size_bytes);
    assert_eq!(done.completed_at, restored.last_restored_at);
    assert!(points.iter().all(|point| point.started_at.is_some()));

    let backups: Vec<BackupJob> = inventory.read().expect("rows");
    assert!(!backups.is_empty());
    for job in &backups {
        assert!(job.start_by > job.created_at, "{job:?}");
        assert!(job.role_arn.is_some(), "{job:?}");
    }
    let ids: BTreeSet<&str> = backups.iter().map(|job| &*job.job_id).collect();
    let copies: Vec<CopyJob> = inventory.read().expect("rows");
    assert!(!copies.is_empty());
    for job in &copies {
        assert_eq!(job.source_vault_arn, done.vault_arn);
        assert!(
            job.created_by_plan_id.is_some() && job.created_by_rule_id.is_some(),
            "{job:?}"
        );
        let backup = job.created_by_backup_job_id.as_deref().expect("a scheduled copy");
        assert!(ids.contains(backup), "{job:?}");
    }
}

#[test]
fn what_is_denied_becomes_a_gap_and_leaves_the_rest() {
    let faults = [
        deny("backup:GetBackupVaultAccessPolicy") + "resource = \"*:backup-vault:guarded\"\n",
        deny("backup:GetRestoreTestingPlan"),
        deny("backup:GetRestoreTestingSelection"),
    ];
    let bench = Bench::new(&tested(&faults.concat()));
    let inventory = collected(&bench, "out");

    let policies: Vec<VaultPolicy> = inventory.read().expect("rows");
    assert_eq!(policies.len(), 2);
    assert!(policies.iter().all(|row| row.vault_name != "guarded"));
    assert_eq!(inventory.read::<Vault>().expect("rows").len(), 3);
    let denied: Vec<_> = outcomes(&inventory, "backup:GetBackupVaultAccessPolicy")
        .into_iter()
        .filter(|(_, outcome, _)| outcome != "ok")
        .map(|(vault, outcome, _)| (vault, outcome))
        .collect();
    assert_eq!(denied, [("guarded".to_owned(), "denied".to_owned())]);

    // That a plan exists, and when it runs, is known from the list.
    let plans: Vec<RestoreTestingPlan> = inventory.read().expect("rows");
    assert_eq!(plans.len(), 2);
    for plan in &plans {
        assert_eq!((&plan.algorithm, &plan.include_vaults_json), (&None, &None));
        assert_eq!(plan.selection_window_days, None);
        assert!(plan.schedule.starts_with("cron("));
    }
    let denied = outcomes(&inventory, "backup:GetRestoreTestingPlan");
    assert_eq!(denied.len(), 2);
    assert!(
        denied
            .iter()
            .all(|(_, outcome, error)| outcome == "denied" && error.is_some())
    );

    assert_eq!(inventory.read::<RestoreTestingSelection>().expect("rows"), []);
    assert!(inventory.has::<RestoreTestingSelection>());
    let denied = outcomes(&inventory, "backup:GetRestoreTestingSelection");
    let resources: Vec<&str> = denied.iter().map(|(resource, _, _)| &**resource).collect();
    assert_eq!(resources, ["weekly gold", "weekly orders"]);
}

#[test]
fn lists_that_are_denied_leave_empty_frames_and_a_gap() {
    let faults = deny("backup:ListRestoreTestingPlans") + &deny("backup:ListBackupVaults");
    let bench = Bench::new(&tested(&faults));
    let inventory = collected(&bench, "out");
    assert!(inventory.has::<RestoreTestingPlan>() && inventory.has::<RestoreTestingSelection>());
    assert!(inventory.has::<VaultPolicy>());
    assert_eq!(inventory.read::<RestoreTestingPlan>().expect("rows"), []);
    assert_eq!(inventory.read::<VaultPolicy>().expect("rows"), []);
    for action in ["backup:ListRestoreTestingPlans", "backup:ListBackupVaults"] {
        let calls = outcomes(&inventory, action);
        assert_eq!(calls.len(), 2, "{action}");
        assert!(calls.iter().all(|(_, outcome, _)| outcome == "denied"), "{action}");
    }
    assert_eq!(outcomes(&inventory, "backup:GetBackupVaultAccessPolicy"), []);
}

#[test]
fn what_hangs_on_another_frame_brings_it_along() {
    let policies = Wanted::frames(["vault_policies"]);
    assert!(policies.has("vaults") && !policies.has("recovery_points"));
    assert!(policies.actions().contains("backup:GetBackupVaultAccessPolicy"));
    let selections = Wanted::frames(["restore_testing_selections"]);
    assert!(selections.has("restore_testing_plans"));
    let plans = Wanted::frames(["restore_testing_plans"]);
    assert!(!plans.actions().contains("backup:ListRestoreTestingSelections"));
    assert!(Wanted::all().actions().contains("backup:GetRestoreTestingSelection"));
}
