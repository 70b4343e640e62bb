//! Each right that reading needs, tried once in one target by the cheapest call that asks for it.

use std::collections::BTreeMap;

use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::domain::{GapKind, table_arn};

/// What trying a right showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tried {
    /// AWS answered, or said that what was asked about does not exist.
    Works,
    /// AWS refused, in these words.
    Denied(String),
    /// AWS said neither yes nor no, for this reason.
    NotTold(String),
    /// It was not tried: there is nothing here to ask about.
    NothingThere(&'static str),
}

/// A name that no table has: whoever may describe tables is told so.
const NO_TABLE: &str = "backproof-doctor-no-such-table";

/// The rights by IAM action.
#[derive(Debug, Default)]
struct Rights(BTreeMap<&'static str, Tried>);

impl Rights {
    /// Notes how a call ended, and gives its answer.
    fn note<T>(&mut self, action: &'static str, answer: Result<T, Failure>) -> Option<T> {
        let (tried, answer) = match answer {
            Ok(answer) => (Tried::Works, Some(answer)),
            Err(failure) => {
                let tried = match failure.kind {
                    FailureKind::Absent => Tried::Works,
                    FailureKind::Gap(GapKind::Denied) => Tried::Denied(failure.why()),
                    FailureKind::Gap(_) => Tried::NotTold(failure.why()),
                };
                (tried, None)
            }
        };
        self.0.insert(action, tried);
        answer
    }

    /// There is nothing to ask about.
    fn skip(&mut self, action: &'static str, why: &'static str) {
        self.0.insert(action, Tried::NothingThere(why));
    }
}

/// Asks once and notes the outcome; gives the answer.
macro_rules! ask {
    ($rights:ident, $target:ident, $action:literal, $request:expr) => {
        $rights.note($action, $target.caller.once($action, "", || $request.send()).await)
    };
}

/// Tries every right that collecting needs in a target, by its IAM action.
///
/// API: each read call of the collectors, for one row. Calls: at most 22. Errors: none; they are what is asked for.
pub(crate) async fn rights(target: &Target) -> BTreeMap<&'static str, Tried> {
    let mut rights = Rights::default();
    of_tables(target, &mut rights).await;
    of_plans(target, &mut rights).await;
    of_jobs(target, &mut rights).await;
    of_restore_testing(target, &mut rights).await;
    of_vaults(target, &mut rights).await;
    rights.0
}

async fn of_tables(target: &Target, rights: &mut Rights) {
    let dynamodb = &target.dynamodb;
    let listed = ask!(rights, target, "dynamodb:ListTables", dynamodb.list_tables().limit(1));
    let name = listed.and_then(|tables| tables.table_names.unwrap_or_default().into_iter().next());
    let name = name.as_deref().unwrap_or(NO_TABLE);
    let described = ask!(
        rights,
        target,
        "dynamodb:DescribeTable",
        dynamodb.describe_table().table_name(name)
    );
    ask!(
        rights,
        target,
        "dynamodb:DescribeContinuousBackups",
        dynamodb.describe_continuous_backups().table_name(name)
    );
    let arn = described.and_then(|answer| answer.table?.table_arn);
    let arn = arn.unwrap_or_else(|| table_arn(&target.partition, &target.id, name));
    ask!(
        rights,
        target,
        "dynamodb:ListTagsOfResource",
        dynamodb.list_tags_of_resource().resource_arn(&arn)
    );
    ask!(
        rights,
        target,
        "tag:GetResources",
        target
            .tagging
            .get_resources()
            .resource_type_filters("dynamodb:table")
            .resources_per_page(1)
    );
}

async fn of_plans(target: &Target, rights: &mut Rights) {
    let backup = &target.backup;
    ask!(
        rights,
        target,
        "backup:DescribeRegionSettings",
        backup.describe_region_settings()
    );
    let plans = ask!(
        rights,
        target,
        "backup:ListBackupPlans",
        backup.list_backup_plans().max_results(1)
    );
    let plan = plans.and_then(|plans| plans.backup_plans_list?.into_iter().next()?.backup_plan_id);
    let Some(plan) = plan else {
        for action in [
            "backup:GetBackupPlan",
            "backup:ListBackupPlanVersions",
            "backup:ListBackupSelections",
        ] {
            rights.skip(action, "no backup plan was seen here to ask about");
        }
        rights.skip("backup:GetBackupSelection", "no selection was seen here to ask about");
        return;
    };
    ask!(
        rights,
        target,
        "backup:GetBackupPlan",
        backup.get_backup_plan().backup_plan_id(&plan)
    );
    ask!(
        rights,
        target,
        "backup:ListBackupPlanVersions",
        backup.list_backup_plan_versions().backup_plan_id(&plan).max_results(1)
    );
    let selections = ask!(
        rights,
        target,
        "backup:ListBackupSelections",
        backup.list_backup_selections().backup_plan_id(&plan).max_results(1)
    );
    let selection =
        selections.and_then(|selections| selections.backup_selections_list?.into_iter().next()?.selection_id);
    match selection {
        None => rights.skip("backup:GetBackupSelection", "no selection was seen here to ask about"),
        Some(selection) => {
            let get = || {
                backup
                    .get_backup_selection()
                    .backup_plan_id(&plan)
                    .selection_id(&selection)
            };
            ask!(rights, target, "backup:GetBackupSelection", get());
        }
    }
}

async fn of_jobs(target: &Target, rights: &mut Rights) {
    let backup = &target.backup;
    ask!(
        rights,
        target,
        "backup:ListBackupJobs",
        backup.list_backup_jobs().max_results(1)
    );
    ask!(
        rights,
        target,
        "backup:ListCopyJobs",
        backup.list_copy_jobs().max_results(1)
    );
    ask!(
        rights,
        target,
        "backup:ListRestoreJobs",
        backup.list_restore_jobs().max_results(1)
    );
}

async fn of_restore_testing(target: &Target, rights: &mut Rights) {
    let backup = &target.backup;
    let plans = ask!(
        rights,
        target,
        "backup:ListRestoreTestingPlans",
        backup.list_restore_testing_plans().max_results(1)
    );
    let plan = plans.and_then(|plans| plans.restore_testing_plans.into_iter().next());
    let Some(plan) = plan.map(|plan| plan.restore_testing_plan_name) else {
        for action in ["backup:GetRestoreTestingPlan", "backup:ListRestoreTestingSelections"] {
            rights.skip(action, "no restore testing plan was seen here to ask about");
        }
        rights.skip(
            "backup:GetRestoreTestingSelection",
            "no restore testing selection was seen here to ask about",
        );
        return;
    };
    ask!(
        rights,
        target,
        "backup:GetRestoreTestingPlan",
        backup.get_restore_testing_plan().restore_testing_plan_name(&plan)
    );
    let list = || {
        let list = backup.list_restore_testing_selections();
        list.restore_testing_plan_name(&plan).max_results(1)
    };
    let selections = ask!(rights, target, "backup:ListRestoreTestingSelections", list());
    let selection = selections.and_then(|selections| selections.restore_testing_selections.into_iter().next());
    match selection.map(|selection| selection.restore_testing_selection_name) {
        None => rights.skip(
            "backup:GetRestoreTestingSelection",
            "no restore testing selection was seen here to ask about",
        ),
        Some(selection) => {
            let get = || {
                let get = backup.get_restore_testing_selection();
                get.restore_testing_plan_name(&plan)
                    .restore_testing_selection_name(&selection)
            };
            ask!(rights, target, "backup:GetRestoreTestingSelection", get());
        }
    }
}

async fn of_vaults(target: &Target, rights: &mut Rights) {
    let backup = &target.backup;
    let vaults = ask!(
        rights,
        target,
        "backup:ListBackupVaults",
        backup.list_backup_vaults().max_results(50)
    );
    let vaults = vaults.and_then(|vaults| vaults.backup_vault_list).unwrap_or_default();
    // AWS Backup answers "denied" also for a vault that is not there, so one that was listed is asked about.
    let names = || vaults.iter().filter_map(|vault| vault.backup_vault_name());
    let Some(name) = names().next() else {
        let seen = "no vault was seen here to ask about";
        for action in [
            "backup:GetBackupVaultAccessPolicy",
            "backup:ListRecoveryPointsByBackupVault",
        ] {
            rights.skip(action, seen);
        }
        rights.skip(
            "dynamodb:DescribeBackup",
            "no recovery point was seen here to ask about",
        );
        rights.skip("kms:DescribeKey", "no key was seen here to ask about");
        return;
    };
    ask!(
        rights,
        target,
        "backup:GetBackupVaultAccessPolicy",
        backup.get_backup_vault_access_policy().backup_vault_name(name)
    );
    let list = || {
        let list = backup.list_recovery_points_by_backup_vault().backup_vault_name(name);
        list.by_resource_type("DynamoDB").max_results(50)
    };
    let points = ask!(rights, target, "backup:ListRecoveryPointsByBackupVault", list());
    let points = points.and_then(|points| points.recovery_points).unwrap_or_default();
    let native = points.iter().filter_map(|point| point.recovery_point_arn());
    match native.into_iter().find(|arn| arn.contains(":dynamodb:")) {
        None => rights.skip(
            "dynamodb:DescribeBackup",
            "no recovery point of DynamoDB's own form was seen here",
        ),
        Some(arn) => {
            ask!(
                rights,
                target,
                "dynamodb:DescribeBackup",
                target.dynamodb.describe_backup().backup_arn(arn)
            );
        }
    }
    match vaults.iter().find_map(|vault| vault.encryption_key_arn()) {
        None => rights.skip("kms:DescribeKey", "no key was seen here to ask about"),
        Some(key) => {
            ask!(rights, target, "kms:DescribeKey", target.kms.describe_key().key_id(key));
        }
    }
}
