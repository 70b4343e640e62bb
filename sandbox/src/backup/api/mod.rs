//! AWS Backup over restJson1: vaults, plans, selections, recovery points, jobs, restore testing, settings, tags.
//!
//! In: a call, and the cloud. Out: the answer that the unchanged SDKs expect, with the real error codes; a missing vault is
//! *denied*, everything else that is missing is a 400. What happens without a call (plan runs, jobs, copies, deletions) is in
//! [`engine`](super::engine). Adding an operation takes one line in [`ROUTES`] and one function.

mod backup_jobs;
mod copy_jobs;
mod job_lists;
mod place;
mod plans;
mod protected_resources;
mod recovery_points;
mod render;
mod request;
mod restore_jobs;
mod restore_testing;
mod selections;
mod settings;
mod tags;
#[cfg(test)]
mod tests;
mod vaults;
mod wire;

use hyper::Method;

use super::errors;
use crate::call::{ApiError, Call, Operation, Reply};
use crate::cloud::Cloud;

type Handler = fn(&mut Cloud, &Call, &[String]) -> Result<Reply, ApiError>;

/// Which ARN an operation is allowed or denied on.
#[derive(Clone, Copy)]
enum On {
    /// `*`.
    All,
    /// The vault named by a label.
    Vault(usize),
    /// The plan named by a label.
    Plan(usize),
    /// The ARN that a label is.
    Arn(usize),
    /// The vault named in the body.
    BodyVault,
    /// The recovery point named in the body.
    BodyPoint,
}

struct Route {
    name: &'static str,
    method: Method,
    /// The labels of the path; `{}` stands for any.
    path: &'static [&'static str],
    on: On,
    handler: Handler,
}

macro_rules! routes {
    ($($method:ident $($label:literal)/+ => $name:literal on $on:expr, $handler:path;)+) => {
        &[$(Route { name: $name, method: Method::$method, path: &[$($label),+], on: $on, handler: $handler },)+]
    };
}

/// Every operation.
static ROUTES: &[Route] = routes! {
    GET "account-settings" => "DescribeRegionSettings" on On::All, settings::region;
    PUT "account-settings" => "UpdateRegionSettings" on On::All, settings::update_region;
    GET "global-settings" => "DescribeGlobalSettings" on On::All, settings::global;
    PUT "global-settings" => "UpdateGlobalSettings" on On::All, settings::update_global;
    GET "supported-resource-types" => "GetSupportedResourceTypes" on On::All, settings::types;

    GET "backup-vaults" => "ListBackupVaults" on On::All, vaults::list;
    PUT "backup-vaults"/"{}" => "CreateBackupVault" on On::Vault(1), vaults::create;
    GET "backup-vaults"/"{}" => "DescribeBackupVault" on On::Vault(1), vaults::describe;
    DELETE "backup-vaults"/"{}" => "DeleteBackupVault" on On::Vault(1), vaults::delete;
    PUT "logically-air-gapped-backup-vaults"/"{}" => "CreateLogicallyAirGappedBackupVault" on On::Vault(1), vaults::create_air_gapped;
    GET "backup-vaults"/"{}"/"access-policy" => "GetBackupVaultAccessPolicy" on On::Vault(1), vaults::policy;
    PUT "backup-vaults"/"{}"/"access-policy" => "PutBackupVaultAccessPolicy" on On::Vault(1), vaults::put_policy;
    DELETE "backup-vaults"/"{}"/"access-policy" => "DeleteBackupVaultAccessPolicy" on On::Vault(1), vaults::delete_policy;
    PUT "backup-vaults"/"{}"/"vault-lock" => "PutBackupVaultLockConfiguration" on On::Vault(1), vaults::put_lock;
    DELETE "backup-vaults"/"{}"/"vault-lock" => "DeleteBackupVaultLockConfiguration" on On::Vault(1), vaults::delete_lock;
    GET "backup-vaults"/"{}"/"notification-configuration" => "GetBackupVaultNotifications" on On::Vault(1), vaults::notifications;
    PUT "backup-vaults"/"{}"/"notification-configuration" => "PutBackupVaultNotifications" on On::Vault(1), vaults::put_notifications;
    DELETE "backup-vaults"/"{}"/"notification-configuration" => "DeleteBackupVaultNotifications" on On::Vault(1), vaults::delete_notifications;

    GET "backup-vaults"/"{}"/"recovery-points" => "ListRecoveryPointsByBackupVault" on On::Vault(1), recovery_points::by_vault;
    GET "backup-vaults"/"{}"/"recovery-points"/"{}" => "DescribeRecoveryPoint" on On::Arn(3), recovery_points::describe;
    POST "backup-vaults"/"{}"/"recovery-points"/"{}" => "UpdateRecoveryPointLifecycle" on On::Arn(3), recovery_points::update_lifecycle;
    DELETE "backup-vaults"/"{}"/"recovery-points"/"{}" => "DeleteRecoveryPoint" on On::Arn(3), recovery_points::delete;
    GET "backup-vaults"/"{}"/"recovery-points"/"{}"/"restore-metadata" => "GetRecoveryPointRestoreMetadata" on On::Arn(3), recovery_points::restore_metadata;
    GET "backup-vaults"/"{}"/"resources" => "ListProtectedResourcesByBackupVault" on On::Vault(1), protected_resources::list_of_vault;

    GET "backup"/"plans" => "ListBackupPlans" on On::All, plans::list;
    PUT "backup"/"plans" => "CreateBackupPlan" on On::All, plans::create;
    GET "backup"/"plans"/"{}" => "GetBackupPlan" on On::Plan(2), plans::get;
    POST "backup"/"plans"/"{}" => "UpdateBackupPlan" on On::Plan(2), plans::update;
    DELETE "backup"/"plans"/"{}" => "DeleteBackupPlan" on On::Plan(2), plans::delete;
    GET "backup"/"plans"/"{}"/"versions" => "ListBackupPlanVersions" on On::Plan(2), plans::versions;
    GET "backup"/"plans"/"{}"/"selections" => "ListBackupSelections" on On::Plan(2), selections::list;
    PUT "backup"/"plans"/"{}"/"selections" => "CreateBackupSelection" on On::Plan(2), selections::create;
    GET "backup"/"plans"/"{}"/"selections"/"{}" => "GetBackupSelection" on On::Plan(2), selections::get;
    DELETE "backup"/"plans"/"{}"/"selections"/"{}" => "DeleteBackupSelection" on On::Plan(2), selections::delete;

    PUT "backup-jobs" => "StartBackupJob" on On::BodyVault, backup_jobs::start;
    GET "backup-jobs" => "ListBackupJobs" on On::All, backup_jobs::list;
    GET "backup-jobs"/"{}" => "DescribeBackupJob" on On::All, backup_jobs::describe;
    POST "backup-jobs"/"{}" => "StopBackupJob" on On::All, backup_jobs::stop;
    PUT "copy-jobs" => "StartCopyJob" on On::BodyPoint, copy_jobs::start;
    GET "copy-jobs" => "ListCopyJobs" on On::All, copy_jobs::list;
    GET "copy-jobs"/"{}" => "DescribeCopyJob" on On::All, copy_jobs::describe;
    PUT "restore-jobs" => "StartRestoreJob" on On::BodyPoint, restore_jobs::start;
    GET "restore-jobs" => "ListRestoreJobs" on On::All, restore_jobs::list;
    GET "restore-jobs"/"{}" => "DescribeRestoreJob" on On::All, restore_jobs::describe;
    GET "restore-jobs"/"{}"/"metadata" => "GetRestoreJobMetadata" on On::All, restore_jobs::metadata;
    PUT "restore-jobs"/"{}"/"validations" => "PutRestoreValidationResult" on On::All, restore_jobs::validate;

    GET "resources" => "ListProtectedResources" on On::All, protected_resources::list;
    GET "resources"/"{}" => "DescribeProtectedResource" on On::All, protected_resources::describe;
    GET "resources"/"{}"/"recovery-points" => "ListRecoveryPointsByResource" on On::All, recovery_points::by_resource;
    GET "resources"/"{}"/"restore-jobs" => "ListRestoreJobsByProtectedResource" on On::All, restore_jobs::list_of_resource;

    GET "tags"/"{}" => "ListTags" on On::Arn(1), tags::list;
    POST "tags"/"{}" => "TagResource" on On::Arn(1), tags::tag;
    POST "untag"/"{}" => "UntagResource" on On::Arn(1), tags::untag;

    GET "restore-testing"/"plans" => "ListRestoreTestingPlans" on On::All, restore_testing::list;
    PUT "restore-testing"/"plans" => "CreateRestoreTestingPlan" on On::All, restore_testing::create;
    GET "restore-testing"/"plans"/"{}" => "GetRestoreTestingPlan" on On::All, restore_testing::get;
    PUT "restore-testing"/"plans"/"{}" => "UpdateRestoreTestingPlan" on On::All, restore_testing::update;
    DELETE "restore-testing"/"plans"/"{}" => "DeleteRestoreTestingPlan" on On::All, restore_testing::delete;
    GET "restore-testing"/"plans"/"{}"/"selections" => "ListRestoreTestingSelections" on On::All, restore_testing::list_selections;
    PUT "restore-testing"/"plans"/"{}"/"selections" => "CreateRestoreTestingSelection" on On::All, restore_testing::create_selection;
    GET "restore-testing"/"plans"/"{}"/"selections"/"{}" => "GetRestoreTestingSelection" on On::All, restore_testing::get_selection;
    DELETE "restore-testing"/"plans"/"{}"/"selections"/"{}" => "DeleteRestoreTestingSelection" on On::All, restore_testing::delete_selection;
};

fn find(call: &Call, labels: &[String]) -> Option<&'static Route> {
    ROUTES.iter().find(|route| {
        route.method == call.method
            && route.path.len() == labels.len()
            && route.path.iter().zip(labels).all(|(part, label)| {
                if *part == "{}" {
                    !label.is_empty()
                } else {
                    part == label
                }
            })
    })
}

/// What a call asks for, before it is done.
pub(crate) fn route(cloud: &Cloud, call: &Call) -> Result<Operation, ApiError> {
    let labels = request::labels(&call.path);
    let route = find(call, &labels).ok_or_else(|| errors::unknown_operation(call.method.as_str(), &call.path))?;
    let prefix = format!(
        "arn:{}:backup:{}:{}:",
        cloud.partition, call.caller.region, call.caller.account
    );
    let resource = match route.on {
        On::All => "*".to_owned(),
        On::Vault(at) => format!("{prefix}backup-vault:{}", labels[at]),
        On::Plan(at) => format!("{prefix}backup-plan:{}", labels[at]),
        On::Arn(at) => labels[at].clone(),
        On::BodyVault => format!("{prefix}backup-vault:{}", in_body(call, "BackupVaultName")),
        On::BodyPoint => in_body(call, "RecoveryPointArn"),
    };
    Ok(Operation {
        name: route.name,
        action: format!("backup:{}", route.name),
        resource,
    })
}

/// A member of the body, for the denial faults; a broken body is reported when the call is done.
fn in_body(call: &Call, name: &str) -> String {
    let body = request::body(call).unwrap_or_default();
    body.get(name)
        .and_then(serde_json::Value::as_str)
        .unwrap_or("*")
        .to_owned()
}

/// Does what a call asks for.
pub(crate) fn handle(cloud: &mut Cloud, call: &Call, _operation: &Operation) -> Result<Reply, ApiError> {
    let labels = request::labels(&call.path);
    match find(call, &labels) {
        Some(route) => (route.handler)(cloud, call, &labels),
        None => Err(errors::unknown_operation(call.method.as_str(), &call.path)),
    }
}
