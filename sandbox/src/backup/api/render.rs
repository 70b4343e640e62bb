//! The JSON forms of recovery points and jobs, as the answers of AWS Backup show them.
//!
//! In: what the state holds. Out: the members of one object. The two listings of recovery points name and omit members
//! differently, as on the real wire: `BackupSizeInBytes` here, `BackupSizeBytes` there.

use chrono::{DateTime, Utc};

use super::wire::Members;
use crate::backup::state::{
    BackupJob, CopyJob, CopyJobState, CreatedBy, DeletionStatus, Job, KeyKind, Lifecycle, Point, PointStatus,
    RestoreJob, State, Vault, VaultKind, table_name,
};
use crate::ids::Uuid;

/// An upper-case uuid: the form of AWS Backup's job ids.
pub(super) fn job_id(id: u128) -> String {
    Uuid(id).to_string().to_uppercase()
}

fn created_by(members: &mut Members<'_>, created_by: Option<&CreatedBy>) {
    match created_by {
        None => members.null("CreatedBy"),
        Some(by) => members.object("CreatedBy", |m| {
            m.text("BackupPlanId", &by.plan_id);
            m.text("BackupPlanArn", &by.plan_arn);
            m.text("BackupPlanName", &by.plan_name);
            m.text("BackupPlanVersion", &by.plan_version);
            m.text("BackupRuleId", &by.rule_id);
            m.text("BackupRuleName", &by.rule_name);
            m.text("BackupRuleCron", &by.rule_cron);
            m.text("BackupRuleTimezone", &by.rule_zone);
        }),
    }
}

/// A `Lifecycle` member of any name.
pub(super) fn lifecycle(members: &mut Members<'_>, name: &str, lifecycle: &Lifecycle) {
    if lifecycle.cold_after.is_none() && lifecycle.delete_after.is_none() && lifecycle.archive.is_none() {
        return members.null(name);
    }
    members.object(name, |m| {
        m.maybe_int("MoveToColdStorageAfterDays", lifecycle.cold_after);
        m.maybe_int("DeleteAfterDays", lifecycle.delete_after);
        match lifecycle.archive {
            Some(archive) => m.flag("OptInToArchiveForSupportedResources", archive),
            None => m.null("OptInToArchiveForSupportedResources"),
        }
        m.null("DeleteAfterEvent");
    });
}

/// The `CalculatedLifecycle` of a recovery point.
pub(super) fn calculated(members: &mut Members<'_>, cold_at: Option<DateTime<Utc>>, delete_at: Option<DateTime<Utc>>) {
    if cold_at.is_none() && delete_at.is_none() {
        return members.null("CalculatedLifecycle");
    }
    members.object("CalculatedLifecycle", |m| {
        m.maybe_time("MoveToColdStorageAt", cold_at);
        m.maybe_time("DeleteAt", delete_at);
    });
}

fn key_kind(members: &mut Members<'_>, kind: Option<KeyKind>) {
    members.maybe_text("EncryptionKeyType", kind.and_then(KeyKind::name));
}

fn vault_kind(state: &State, name: &str) -> &'static str {
    state
        .vaults
        .get(name)
        .map_or(VaultKind::Standard, |vault| vault.kind)
        .name()
}

/// A recovery point in its vault's listing and in `DescribeRecoveryPoint`, without what only one of them has.
pub(super) fn point(m: &mut Members<'_>, state: &State, point: &Point) {
    m.text("RecoveryPointArn", &point.arn);
    m.text("BackupVaultName", &point.vault);
    m.maybe_text(
        "BackupVaultArn",
        state.vaults.get(&*point.vault).map(|vault| &*vault.arn),
    );
    m.maybe_text("SourceBackupVaultArn", point.source_vault.as_deref());
    m.text("ResourceArn", &point.resource);
    m.text("ResourceType", "DynamoDB");
    created_by(m, point.created_by.as_deref());
    m.text("IamRoleArn", &point.role);
    m.text("Status", point.status.name());
    m.maybe_text("StatusMessage", point.message.as_deref());
    m.time("CreationDate", point.created);
    m.time("InitiationDate", point.initiated);
    m.maybe_time("CompletionDate", point.completed);
    m.int("BackupSizeInBytes", size(point));
    calculated(m, point.cold_at, point.delete_at);
    lifecycle(m, "Lifecycle", &point.lifecycle);
    m.maybe_text("EncryptionKeyArn", point.key.as_deref());
    m.flag("IsEncrypted", point.is_advanced());
    m.maybe_time("LastRestoreTime", point.last_restore);
    m.nulls(&["ParentRecoveryPointArn", "CompositeMemberIdentifier"]);
    m.flag("IsParent", false);
    m.text("ResourceName", point.table());
    m.text("VaultType", vault_kind(state, &point.vault));
    m.nulls(&["IndexStatus", "IndexStatusMessage"]);
    key_kind(m, point.key_kind);
}

/// A recovery point in `ListRecoveryPointsByResource`: other names, fewer members, no vault and no key for a native one.
pub(super) fn point_by_resource(m: &mut Members<'_>, state: &State, point: &Point) {
    m.text("RecoveryPointArn", &point.arn);
    m.time("CreationDate", point.created);
    m.text("Status", point.status.name());
    m.maybe_text("StatusMessage", point.message.as_deref());
    m.maybe_text("EncryptionKeyArn", point.key.as_deref());
    m.int("BackupSizeBytes", size(point));
    m.maybe_text("BackupVaultName", Some(&*point.vault).filter(|_| point.is_advanced()));
    m.flag("IsParent", false);
    m.null("ParentRecoveryPointArn");
    m.text("ResourceName", point.table());
    m.text("VaultType", vault_kind(state, &point.vault));
    m.nulls(&["IndexStatus", "IndexStatusMessage"]);
    key_kind(m, point.key_kind);
    m.null("AggregatedScanResult");
}

fn size(point: &Point) -> u64 {
    if point.status == PointStatus::Creating {
        0
    } else {
        point.size
    }
}

/// A vault in the listing and in its description.
pub(super) fn vault(m: &mut Members<'_>, state: &State, vault: &Vault) {
    m.text("BackupVaultName", &vault.name);
    m.text("BackupVaultArn", &vault.arn);
    m.text("VaultType", vault.kind.name());
    m.text("VaultState", "AVAILABLE");
    m.maybe_text("EncryptionKeyArn", vault.key.as_deref());
    m.time("CreationDate", vault.created);
    m.maybe_text("CreatorRequestId", vault.creator_request_id.as_deref());
    m.int("NumberOfRecoveryPoints", state.points.count(&vault.name) as u64);
    m.flag("Locked", vault.lock.is_some());
    m.maybe_int("MinRetentionDays", vault.lock.as_ref().and_then(|lock| lock.min_days));
    m.maybe_int("MaxRetentionDays", vault.lock.as_ref().and_then(|lock| lock.max_days));
    m.maybe_time("LockDate", vault.lock.as_ref().and_then(|lock| lock.date));
    key_kind(m, Some(vault.key_kind));
}

/// The `VaultLockState` of a job.
fn lock_state(vault: Option<&Vault>, now: DateTime<Utc>) -> Option<&'static str> {
    vault.map(|vault| match &vault.lock {
        None => "NOT_LOCKED",
        Some(lock) if lock.is_immutable(now) => "COMPLIANCE",
        Some(lock) if lock.date.is_some() => "COMPLIANCE_GRACE_TIME",
        Some(_) => "GOVERNANCE",
    })
}

/// A backup job.
pub(super) fn backup_job(m: &mut Members<'_>, account: &str, state: &State, job: &BackupJob, now: DateTime<Utc>) {
    let point = job.point.and_then(|number| state.points.get(number));
    let vault = state.vaults.get(point.map_or(&*job.vault, |point| &*point.vault));
    let over = job.is_over();
    m.text("AccountId", account);
    m.shown("BackupJobId", job_id(job.id));
    m.text("BackupVaultName", vault.map_or(&job.vault, |vault| &vault.name));
    m.maybe_text("BackupVaultArn", vault.map(|vault| &*vault.arn));
    m.maybe_text("VaultType", vault.map(|vault| vault.kind.name()));
    m.maybe_text("VaultLockState", lock_state(vault, now));
    m.maybe_text("RecoveryPointArn", job.point_arn.as_deref());
    lifecycle(m, "RecoveryPointLifecycle", &job.lifecycle);
    m.maybe_text("EncryptionKeyArn", point.and_then(|point| point.key.as_deref()));
    match point {
        Some(point) => m.flag("IsEncrypted", point.is_advanced()),
        None => m.null("IsEncrypted"),
    }
    m.text("ResourceArn", &job.resource);
    m.time("CreationDate", job.created);
    m.maybe_time("CompletionDate", job.completed.filter(|_| over));
    m.text("State", job.state.name());
    m.maybe_text("StatusMessage", job.message.as_deref());
    m.text(
        "PercentDone",
        if over && job.message.is_none() { "100.0" } else { "0.0" },
    );
    m.maybe_int("BackupSizeInBytes", job.size.filter(|_| over));
    m.text("IamRoleArn", &job.role);
    created_by(m, job.created_by.as_deref());
    m.maybe_time("ExpectedCompletionDate", job.completed.filter(|_| !over));
    m.time("StartBy", job.start_by);
    m.text("ResourceType", "DynamoDB");
    m.maybe_int("BytesTransferred", job.size.filter(|_| over));
    m.nulls(&["BackupOptions", "BackupType", "ParentJobId"]);
    m.flag("IsParent", false);
    m.text("ResourceName", table_name(&job.resource));
    m.maybe_time("InitiationDate", job.initiated);
    m.maybe_text("MessageCategory", job.category.as_deref().filter(|_| over));
}

/// A copy job. `target` is the state of the place it goes to.
pub(super) fn copy_job(m: &mut Members<'_>, account: &str, target: Option<&Vault>, job: &CopyJob, now: DateTime<Utc>) {
    let done = job.target_arn.is_some();
    m.text("AccountId", account);
    m.shown("CopyJobId", job_id(job.id));
    m.text("SourceBackupVaultArn", &job.source_vault);
    m.text("SourceRecoveryPointArn", &job.source_arn);
    m.text("DestinationBackupVaultArn", &job.target_vault);
    m.maybe_text("DestinationVaultType", target.map(|vault| vault.kind.name()));
    m.maybe_text("DestinationVaultLockState", lock_state(target, now));
    m.maybe_text("DestinationRecoveryPointArn", job.target_arn.as_deref());
    m.maybe_text(
        "DestinationEncryptionKeyArn",
        target.filter(|_| done).and_then(|vault| vault.key.as_deref()),
    );
    lifecycle(m, "DestinationRecoveryPointLifecycle", &job.lifecycle);
    m.text("ResourceArn", &job.resource);
    m.time("CreationDate", job.created);
    m.maybe_time("CompletionDate", job.completed);
    m.text("State", job.state.name());
    m.maybe_text("StatusMessage", job.message.as_deref());
    m.int("BackupSizeInBytes", job.size);
    m.text("IamRoleArn", &job.role);
    created_by(m, job.created_by.as_deref());
    m.maybe_text("CreatedByBackupJobId", job.backup_job.map(job_id).as_deref());
    m.text("ResourceType", "DynamoDB");
    m.null("ParentJobId");
    m.flag("IsParent", false);
    m.nulls(&["CompositeMemberIdentifier", "NumberOfChildJobs", "ChildJobsInState"]);
    m.text("ResourceName", table_name(&job.resource));
    m.maybe_text("MessageCategory", copy_category(job));
}

/// The `MessageCategory` of a copy job that is over.
pub(super) fn copy_category(job: &CopyJob) -> Option<&'static str> {
    match job.state {
        CopyJobState::Created | CopyJobState::Running => None,
        CopyJobState::Completed => Some("SUCCESS"),
        CopyJobState::Failed => Some("InvalidParameters"),
    }
}

/// A restore job.
pub(super) fn restore_job(m: &mut Members<'_>, account: &str, job: &RestoreJob) {
    m.text("AccountId", account);
    m.shown("RestoreJobId", job_id(job.id));
    m.text("RecoveryPointArn", &job.point_arn);
    m.text("SourceResourceArn", &job.source);
    m.text("BackupVaultArn", &job.vault_arn);
    m.time("CreationDate", job.created);
    m.maybe_time("CompletionDate", job.completed);
    m.text("Status", job.status.name());
    m.maybe_text("StatusMessage", job.message.as_deref());
    // As on the real wire, where a finished restore shows nothing better.
    m.text("PercentDone", "0.00%");
    m.int("BackupSizeInBytes", job.size);
    m.maybe_text("IamRoleArn", job.role.as_deref());
    m.maybe_int(
        "ExpectedCompletionTimeMinutes",
        Some((job.due - job.created).num_minutes()).filter(|_| !job.is_over()),
    );
    m.maybe_text("CreatedResourceArn", job.created_resource.as_deref());
    m.text("ResourceType", "DynamoDB");
    m.time("RecoveryPointCreationDate", job.point_created);
    m.flag("IsParent", false);
    m.null("ParentJobId");
    match &job.testing_plan {
        Some(plan) => m.object("CreatedBy", |m| m.text("RestoreTestingPlanArn", plan)),
        None => m.null("CreatedBy"),
    }
    m.maybe_text(
        "ValidationStatus",
        job.validation.as_ref().map(|(status, _)| status.as_str()),
    );
    m.maybe_text(
        "ValidationStatusMessage",
        job.validation.as_ref().and_then(|(_, message)| message.as_deref()),
    );
    m.maybe_text("DeletionStatus", job.deletion.map(DeletionStatus::name));
    m.maybe_text("DeletionStatusMessage", job.deletion_message.as_deref());
}
