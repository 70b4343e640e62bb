//! Every frame of the inventory and every column in it: type, AWS source, meaning of null. Written once, here.
//!
//! From this one list come the row types the collectors fill, the Parquet schema and the data dictionary. In the
//! inventory a null is what AWS left out; the column says what that means.

use chrono::{DateTime, Utc};
use polars::prelude::{DataFrame, PolarsResult, Schema};

use super::cell::{Cell, Kind};

/// Raised whenever a frame or a column changes, so that an old inventory is never read as a new one.
pub const SCHEMA_VERSION: u32 = 5;

/// The oldest version that is read too: columns that came since may be null, and are null in every row of it.
pub(crate) const OLDEST_VERSION: u32 = 3;

/// One frame: what it holds and which call fills it.
#[derive(Debug)]
pub struct FrameSchema {
    /// Name of the frame and of its Parquet file.
    pub name: &'static str,
    /// One row is one of these.
    pub doc: &'static str,
    /// IAM actions of the calls that fill it; empty: this program itself does.
    pub actions: &'static [&'static str],
    /// Its columns, in order.
    pub columns: &'static [ColumnSchema],
}

/// One column.
#[derive(Debug)]
pub struct ColumnSchema {
    /// Column name.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// May it be null?
    pub nullable: bool,
    /// AWS source, unit, meaning of null.
    pub doc: &'static str,
}

impl FrameSchema {
    /// The columns that tell its rows apart inside an account and Region; none for a frame that may hold equal rows.
    pub(crate) fn key(&self) -> &'static [&'static str] {
        match self.name {
            "tables" | "continuous_backups" => &["table_arn"],
            "table_tags" => &["table_arn", "key"],
            "region_settings" => &["account_id", "region"],
            "plans" => &["plan_id"],
            "plan_versions" => &["plan_id", "version_id"],
            "plan_rules" => &["plan_id", "rule_id", "rule_name"],
            "selections" => &["plan_id", "selection_id"],
            "vaults" | "vault_policies" => &["vault_name"],
            "recovery_points" => &["vault_name", "recovery_point_arn"],
            "native_backups" => &["backup_arn"],
            "backup_jobs" | "copy_jobs" | "restore_jobs" => &["job_id"],
            "drills" => &["record_sha256", "number"],
            "restore_testing_plans" => &["plan_name"],
            "restore_testing_selections" => &["plan_name", "selection_name"],
            "keys" => &["key_arn"],
            _ => &[],
        }
    }

    /// The polars schema.
    pub(crate) fn polars(&self) -> Schema {
        self.columns
            .iter()
            .map(|column| (column.name.into(), column.kind.dtype()))
            .collect()
    }
}

/// A row of one frame.
pub trait Row: Sized + Send + 'static {
    /// The frame it belongs to.
    const FRAME: &'static FrameSchema;

    /// Rows to a polars frame.
    ///
    /// Errors: none that a caller can cause.
    fn to_frame(rows: &[Self]) -> PolarsResult<DataFrame>;

    /// A polars frame back to rows.
    ///
    /// Errors: a missing column, another type, or a null where none may be.
    fn from_frame(frame: &DataFrame) -> PolarsResult<Vec<Self>>;

    /// The same row with its texts borrowed from the frame: for frames that are too large to own.
    type Ref<'f>;

    /// Hands over every row of a polars frame without copying a text. Columns that may be null may be left out.
    ///
    /// Errors: as [`Row::from_frame`].
    fn each(frame: &DataFrame, with: &mut dyn FnMut(Self::Ref<'_>)) -> PolarsResult<()>;
}

macro_rules! frames {
    ($($(#[doc = $frame_doc:literal])+ $row:ident in $frame:literal by [$($action:literal),*] { $($(#[doc = $column_doc:literal])+ $column:ident: $kind:ty,)+ })+) => {
        $(
            $(#[doc = $frame_doc])+
            #[derive(Debug, Clone, PartialEq)]
            pub struct $row { $($(#[doc = $column_doc])+ pub $column: $kind,)+ }

            impl Row for $row {
                type Ref<'f> = borrowed::$row<'f>;

                const FRAME: &'static FrameSchema = &FrameSchema {
                    name: $frame,
                    doc: concat!($($frame_doc),+),
                    actions: &[$($action),*],
                    columns: &[$(ColumnSchema {
                        name: stringify!($column),
                        kind: <$kind as Cell>::KIND,
                        nullable: <$kind as Cell>::NULLABLE,
                        doc: concat!($($column_doc),+),
                    }),+],
                };

                fn to_frame(rows: &[Self]) -> PolarsResult<DataFrame> {
                    DataFrame::new(rows.len(), vec![
                        $(<$kind as Cell>::column(stringify!($column), rows.iter().map(|row| &row.$column)),)+
                    ])
                }

                fn from_frame(frame: &DataFrame) -> PolarsResult<Vec<Self>> {
                    $(let mut $column = <$kind as Cell>::read(frame.column(stringify!($column))?)?.into_iter();)+
                    let mut rows = Vec::with_capacity(frame.height());
                    for _ in 0..frame.height() {
                        rows.push(Self { $($column: $column.next().expect("every column is as long as its frame"),)+ });
                    }
                    Ok(rows)
                }

                fn each(frame: &DataFrame, with: &mut dyn FnMut(Self::Ref<'_>)) -> PolarsResult<()> {
                    // One chunk for each column, so that the iterators below run over plain memory.
                    $(let $column = frame.column(stringify!($column)).ok().map(|column| column.rechunk());)+
                    $(let mut $column = <$kind as Cell>::iter($column.as_ref())?;)+
                    for _ in 0..frame.height() {
                        with(borrowed::$row {
                            $($column: $column.next().expect("every column is as long as its frame"),)+
                        });
                    }
                    Ok(())
                }
            }
        )+

        /// The rows of every frame with their texts borrowed.
        pub mod borrowed {
            use super::*;
            $(
                $(#[doc = $frame_doc])+
                #[derive(Debug, Clone, Copy)]
                pub struct $row<'f> { $($(#[doc = $column_doc])+ pub $column: <$kind as Cell>::Ref<'f>,)+ }
            )+
        }

        /// Every frame of this list.
        pub const FRAMES: &[&FrameSchema] = &[$($row::FRAME),+];
    };
}

pub(super) use frames;

frames! {
    /// One account in one Region that was to be read.
    Target in "targets" by [] {
        /// sts:GetCallerIdentity, or the account of the settings file.
        account_id: String,
        /// Name of the account in the settings file. Null: none was given.
        account_name: Option<String>,
        /// account:ListRegions, `--regions` or the settings file.
        region: String,
        /// Partition of the caller's ARN: `aws`, `aws-cn`, `aws-us-gov`, …
        partition: String,
    }
    /// One DynamoDB table that ListTables named.
    Table in "tables" by ["dynamodb:ListTables", "dynamodb:DescribeTable"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// dynamodb:ListTables.
        table_name: String,
        /// Built from target and name; equals DescribeTable.TableArn.
        table_arn: String,
        /// What became of DescribeTable: `described`, `vanished` (gone since it was listed) or `unread` (see the call log).
        description: String,
        /// DescribeTable.TableId. Null: not described, or a table older than table ids.
        table_id: Option<String>,
        /// DescribeTable.TableStatus, such as `ACTIVE`. Null: not described.
        table_status: Option<String>,
        /// DescribeTable.CreationDateTime. Null: not described.
        created_at: Option<DateTime<Utc>>,
        /// DescribeTable.ArchivalSummary.ArchivalDateTime. Null: not archived, not described, or an inventory of version 3.
        archived_at: Option<DateTime<Utc>>,
        /// DescribeTable.TableSizeBytes, refreshed by AWS about every six hours. Null: not described.
        table_size_bytes: Option<i64>,
        /// DescribeTable.ItemCount, refreshed as the size. Null: not described.
        item_count: Option<i64>,
        /// DescribeTable.BillingModeSummary.BillingMode. Null: always provisioned, or not described.
        billing_mode: Option<String>,
        /// DescribeTable.TableClassSummary.TableClass. Null: `STANDARD`, or not described.
        table_class: Option<String>,
        /// DescribeTable.SSEDescription.SSEType. Null: encrypted with a key that AWS owns, or not described.
        sse_type: Option<String>,
        /// DescribeTable.SSEDescription.Status. Null: as above.
        sse_status: Option<String>,
        /// DescribeTable.SSEDescription.KMSMasterKeyArn. Null: as above.
        sse_key_arn: Option<String>,
        /// DescribeTable.DeletionProtectionEnabled. Null: not described, or an answer without it, which means off.
        deletion_protection: Option<bool>,
        /// DescribeTable.Replicas: how many replicas a global table has elsewhere. Null: not described.
        replica_count: Option<i64>,
        /// DescribeTable.RestoreSummary.RestoreDateTime. Null: not made by a native restore, or not described.
        restored_at: Option<DateTime<Utc>>,
    }
    /// One tag of one table. A table without a row here has no tags, if the target's tags were read.
    TableTag in "table_tags" by ["tag:GetResources", "dynamodb:ListTagsOfResource"] {
        /// tag:GetResources, ResourceARN.
        table_arn: String,
        /// Tag key, case-sensitive.
        key: String,
        /// Tag value, case-sensitive.
        value: String,
    }
    /// Point-in-time recovery of one table.
    ContinuousBackup in "continuous_backups" by ["dynamodb:DescribeContinuousBackups"] {
        /// The table asked about.
        table_arn: String,
        /// PointInTimeRecoveryDescription.PointInTimeRecoveryStatus; ContinuousBackupsStatus says ENABLED even without PITR and is not used. Null: left out.
        pitr_status: Option<String>,
        /// EarliestRestorableDateTime. Null: PITR is off.
        earliest_restorable_at: Option<DateTime<Utc>>,
        /// LatestRestorableDateTime. Null: PITR is off.
        latest_restorable_at: Option<DateTime<Utc>>,
        /// RecoveryPeriodInDays. Null: left out; 35 days by default.
        recovery_period_days: Option<i64>,
    }
    /// AWS Backup's settings of one target.
    RegionSetting in "region_settings" by ["backup:DescribeRegionSettings"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// DescribeRegionSettings.ResourceTypeOptInPreference.DynamoDB. Null: left out, which means not opted in.
        dynamodb_opt_in: Option<bool>,
        /// DescribeRegionSettings.ResourceTypeManagementPreference.DynamoDB (advanced features). Null: left out, which means off.
        dynamodb_advanced: Option<bool>,
    }
    /// One live backup plan.
    Plan in "plans" by ["backup:ListBackupPlans"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// ListBackupPlans.BackupPlanId; may hold slashes (`orgs/…`).
        plan_id: String,
        /// ListBackupPlans.BackupPlanName. Null: left out.
        plan_name: Option<String>,
        /// ListBackupPlans.VersionId. Null: left out.
        version_id: Option<String>,
        /// ListBackupPlans.CreationDate. Null: left out.
        created_at: Option<DateTime<Utc>>,
        /// ListBackupPlans.LastExecutionDate. Null: it never ran.
        last_execution_at: Option<DateTime<Utc>>,
    }
    /// One version of one plan: an edit makes a new one.
    PlanVersion in "plan_versions" by ["backup:ListBackupPlanVersions"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// The plan.
        plan_id: String,
        /// ListBackupPlanVersions.VersionId. Null: left out.
        version_id: Option<String>,
        /// CreationDate: since when it was in force. Null: left out.
        created_at: Option<DateTime<Utc>>,
    }
    /// One rule of one plan: schedule, vault, lifecycle.
    PlanRule in "plan_rules" by ["backup:GetBackupPlan"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// The plan.
        plan_id: String,
        /// GetBackupPlan.Rules[].RuleId. Null: left out.
        rule_id: Option<String>,
        /// RuleName.
        rule_name: String,
        /// TargetBackupVaultName.
        vault_name: String,
        /// TargetLogicallyAirGappedBackupVaultArn. Null: none.
        air_gapped_vault_arn: Option<String>,
        /// ScheduleExpression. Null: AWS Backup's default, daily at 05:00.
        schedule: Option<String>,
        /// ScheduleExpressionTimezone. Null: UTC.
        schedule_time_zone: Option<String>,
        /// StartWindowMinutes. Null: 480.
        start_window_minutes: Option<i64>,
        /// CompletionWindowMinutes. Null: AWS Backup's default.
        completion_window_minutes: Option<i64>,
        /// Lifecycle.MoveToColdStorageAfterDays. Null: never moved.
        cold_after_days: Option<i64>,
        /// Lifecycle.DeleteAfterDays. Null or -1: kept for ever.
        delete_after_days: Option<i64>,
        /// CopyActions as a JSON list of destination vault ARN and lifecycle.
        copy_actions_json: String,
    }
    /// One selection of one plan, as AWS returned it. Empty lists are members that were never set.
    Selection in "selections" by ["backup:ListBackupSelections", "backup:GetBackupSelection"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// The plan.
        plan_id: String,
        /// ListBackupSelections.SelectionId.
        selection_id: String,
        /// SelectionName.
        selection_name: String,
        /// GetBackupSelection.CreationDate; a selection is never edited. Null: left out.
        created_at: Option<DateTime<Utc>>,
        /// IamRoleArn. Null: left out.
        role_arn: Option<String>,
        /// Resources, a JSON list of ARN patterns.
        resources_json: String,
        /// NotResources, a JSON list of ARN patterns.
        not_resources_json: String,
        /// ListOfTags, a JSON list of `[type, key, value]`.
        list_of_tags_json: String,
        /// Conditions, a JSON list of `[operator, key, value]`.
        conditions_json: String,
    }
    /// One backup vault.
    Vault in "vaults" by ["backup:ListBackupVaults"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// ListBackupVaults.BackupVaultName; may hold slashes.
        vault_name: String,
        /// BackupVaultArn. Null: left out.
        vault_arn: Option<String>,
        /// VaultType. Null: a Region without logically air-gapped vaults, so `BACKUP_VAULT`.
        vault_type: Option<String>,
        /// EncryptionKeyArn. Null: a key that AWS owns.
        key_arn: Option<String>,
        /// NumberOfRecoveryPoints; approximate. Null: left out.
        recovery_point_count: Option<i64>,
        /// Locked. Null: not locked.
        locked: Option<bool>,
        /// LockDate: when a compliance lock becomes final. Null: governance lock, or no lock.
        lock_date: Option<DateTime<Utc>>,
        /// MinRetentionDays. Null: no lower bound.
        min_retention_days: Option<i64>,
        /// MaxRetentionDays. Null: no upper bound.
        max_retention_days: Option<i64>,
        /// CreationDate. Null: left out.
        created_at: Option<DateTime<Utc>>,
    }
    /// The access policy of one backup vault. A vault without a row here was not read; see the call log.
    VaultPolicy in "vault_policies" by ["backup:GetBackupVaultAccessPolicy"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// The vault asked about.
        vault_name: String,
        /// GetBackupVaultAccessPolicy.Policy, the JSON text. Null: the vault has no access policy.
        policy: Option<String>,
    }
    /// One recovery point of a DynamoDB table, in one vault of the target.
    RecoveryPoint in "recovery_points" by ["backup:ListRecoveryPointsByBackupVault"] {
        /// Account of the target (of the vault).
        account_id: String,
        /// Region of the target (of the vault).
        region: String,
        /// The vault it was listed in.
        vault_name: String,
        /// RecoveryPointArn: of service `backup` with advanced features, of service `dynamodb` without.
        recovery_point_arn: String,
        /// ResourceArn: the source table, also for a copy from elsewhere. Null: left out.
        resource_arn: Option<String>,
        /// Status, word for word. Null: left out.
        status: Option<String>,
        /// CreationDate: the date of the data; a copy keeps its source's. Null: left out.
        created_at: Option<DateTime<Utc>>,
        /// InitiationDate: when the backup job started. Null: left out.
        started_at: Option<DateTime<Utc>>,
        /// CompletionDate. Null: the job has not finished, or left out.
        completed_at: Option<DateTime<Utc>>,
        /// LastRestoreTime; it stays when the restore job is no longer listed. Null: never restored, or left out.
        last_restored_at: Option<DateTime<Utc>>,
        /// Lifecycle.MoveToColdStorageAfterDays. Null or -1: never moved.
        cold_after_days: Option<i64>,
        /// Lifecycle.DeleteAfterDays. Null or -1: kept for ever, or as long as the source if this is a copy.
        delete_after_days: Option<i64>,
        /// Lifecycle.DeleteAfterEvent, such as `DELETE_AFTER_COPY`. Null: none.
        delete_after_event: Option<String>,
        /// CalculatedLifecycle.MoveToColdStorageAt. Null: never moved.
        cold_at: Option<DateTime<Utc>>,
        /// CalculatedLifecycle.DeleteAt. Null: not computed; see `delete_after_days`.
        delete_at: Option<DateTime<Utc>>,
        /// IsEncrypted. Null: left out.
        is_encrypted: Option<bool>,
        /// EncryptionKeyArn. Null: a native point, or a key that AWS owns.
        key_arn: Option<String>,
        /// EncryptionKeyType. Null: left out.
        key_type: Option<String>,
        /// SourceBackupVaultArn. Null: an original, not a copy.
        source_vault_arn: Option<String>,
        /// CreatedBy.BackupPlanId. Null: made on demand, or left out.
        created_by_plan_id: Option<String>,
        /// CreatedBy.BackupRuleId. Null: as above.
        created_by_rule_id: Option<String>,
        /// BackupSizeInBytes. Null: left out.
        size_bytes: Option<i64>,
    }
    /// One backup job of a DynamoDB table; AWS remembers 30 days.
    BackupJob in "backup_jobs" by ["backup:ListBackupJobs"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// BackupJobId, opaque.
        job_id: String,
        /// ResourceArn: the table. Null: left out.
        resource_arn: Option<String>,
        /// State, word for word. Null: left out.
        state: Option<String>,
        /// StatusMessage, untrusted text. Null: none.
        status_message: Option<String>,
        /// MessageCategory: other than `SUCCESS` on a completed job means completed with issues. Null: left out.
        message_category: Option<String>,
        /// CreationDate. Null: left out.
        created_at: Option<DateTime<Utc>>,
        /// StartBy: when a job that has not started is cancelled, which is scheduled time plus start window. Null: left out.
        start_by: Option<DateTime<Utc>>,
        /// CompletionDate. Null: not finished.
        completed_at: Option<DateTime<Utc>>,
        /// BackupVaultName. Null: left out.
        vault_name: Option<String>,
        /// RecoveryPointArn. Null: none was made.
        recovery_point_arn: Option<String>,
        /// IamRoleArn: the role that makes the recovery point. Null: left out.
        role_arn: Option<String>,
        /// CreatedBy.BackupPlanId. Null: started on demand.
        created_by_plan_id: Option<String>,
        /// CreatedBy.BackupRuleId. Null: as above.
        created_by_rule_id: Option<String>,
    }
    /// One copy job of a recovery point of a DynamoDB table.
    CopyJob in "copy_jobs" by ["backup:ListCopyJobs"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// CopyJobId, opaque.
        job_id: String,
        /// ResourceArn: the source table. Null: left out.
        resource_arn: Option<String>,
        /// State, word for word. Null: left out.
        state: Option<String>,
        /// StatusMessage, untrusted text. Null: none.
        status_message: Option<String>,
        /// SourceBackupVaultArn. Null: left out.
        source_vault_arn: Option<String>,
        /// SourceRecoveryPointArn. Null: left out.
        source_recovery_point_arn: Option<String>,
        /// DestinationBackupVaultArn. Null: left out.
        destination_vault_arn: Option<String>,
        /// DestinationRecoveryPointArn. Null: there is none yet.
        destination_recovery_point_arn: Option<String>,
        /// CreationDate. Null: left out.
        created_at: Option<DateTime<Utc>>,
        /// CompletionDate. Null: not finished.
        completed_at: Option<DateTime<Utc>>,
        /// CreatedBy.BackupPlanId. Null: started on demand, or left out.
        created_by_plan_id: Option<String>,
        /// CreatedBy.BackupRuleId. Null: as above.
        created_by_rule_id: Option<String>,
        /// CreatedByBackupJobId: the backup job whose recovery point is copied. Null: not a scheduled copy, or left out.
        created_by_backup_job_id: Option<String>,
    }
    /// One restore job of a DynamoDB table.
    RestoreJob in "restore_jobs" by ["backup:ListRestoreJobs"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// RestoreJobId, opaque.
        job_id: String,
        /// RecoveryPointArn that was restored. Null: left out.
        recovery_point_arn: Option<String>,
        /// RecoveryPointCreationDate: the date of the data. Null: left out.
        recovery_point_created_at: Option<DateTime<Utc>>,
        /// BackupVaultArn: the vault of the recovery point. Null: left out.
        vault_arn: Option<String>,
        /// SourceResourceArn. Null: left out.
        source_resource_arn: Option<String>,
        /// CreatedResourceArn. Null: none was made.
        created_resource_arn: Option<String>,
        /// Status, word for word. Null: left out.
        status: Option<String>,
        /// StatusMessage, untrusted text. Null: none.
        status_message: Option<String>,
        /// ValidationStatus. Null: none was put.
        validation_status: Option<String>,
        /// ValidationStatusMessage, untrusted text. Null: none.
        validation_status_message: Option<String>,
        /// DeletionStatus of the table that a restore test made: `DELETING`, `FAILED` or `SUCCESSFUL`. Null: not a restore test, or not deleted yet.
        deletion_status: Option<String>,
        /// CreatedBy.RestoreTestingPlanArn. Null: started by somebody, not by a restore testing plan.
        restore_testing_plan_arn: Option<String>,
        /// BackupSizeInBytes: size of what was restored. Null: left out.
        size_bytes: Option<i64>,
        /// CreationDate. Null: left out.
        created_at: Option<DateTime<Utc>>,
        /// CompletionDate. Null: not finished.
        completed_at: Option<DateTime<Utc>>,
    }
    /// One restore testing plan: AWS restores recovery points by itself, to see that it works.
    RestoreTestingPlan in "restore_testing_plans" by ["backup:ListRestoreTestingPlans", "backup:GetRestoreTestingPlan"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// ListRestoreTestingPlans.RestoreTestingPlanName.
        plan_name: String,
        /// RestoreTestingPlanArn.
        plan_arn: String,
        /// ScheduleExpression.
        schedule: String,
        /// ScheduleExpressionTimezone. Null: UTC.
        schedule_time_zone: Option<String>,
        /// LastExecutionTime. Null: it never ran.
        last_execution_at: Option<DateTime<Utc>>,
        /// StartWindowHours. Null: left out; 24 by default.
        start_window_hours: Option<i64>,
        /// GetRestoreTestingPlan.RecoveryPointSelection.Algorithm: `LATEST_WITHIN_WINDOW` or `RANDOM_WITHIN_WINDOW`. Null: the plan could not be read (see the call log), or left out.
        algorithm: Option<String>,
        /// IncludeVaults, a JSON list of vault ARNs, ARN patterns or `*`. Null: the plan could not be read.
        include_vaults_json: Option<String>,
        /// ExcludeVaults, a JSON list of the same kind. Null: the plan could not be read.
        exclude_vaults_json: Option<String>,
        /// RecoveryPointTypes, a JSON list of `SNAPSHOT` and `CONTINUOUS`. Null: the plan could not be read.
        recovery_point_types_json: Option<String>,
        /// SelectionWindowDays: how old a recovery point may be. Null: the plan could not be read, or left out; 30 by default.
        selection_window_days: Option<i64>,
    }
    /// One selection of DynamoDB tables of one restore testing plan, as AWS returned it. Empty lists are members that were never set.
    RestoreTestingSelection in "restore_testing_selections" by ["backup:ListRestoreTestingSelections", "backup:GetRestoreTestingSelection"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// The restore testing plan.
        plan_name: String,
        /// ListRestoreTestingSelections.RestoreTestingSelectionName.
        selection_name: String,
        /// GetRestoreTestingSelection.ProtectedResourceType: `DynamoDB`; selections of other types are not read.
        protected_resource_type: String,
        /// ProtectedResourceArns, a JSON list of table ARNs, or of `*` alone.
        resource_arns_json: String,
        /// ProtectedResourceConditions, a JSON list of `[operator, key, value]`; AWS holds them against the tags of the newest recovery point.
        conditions_json: String,
        /// IamRoleArn. Null: left out.
        role_arn: Option<String>,
        /// ValidationWindowHours: how long the restored table is kept for validation. 0: none, or left out.
        validation_window_hours: i64,
    }
    /// How the newest usable native recovery point of a table is encrypted, where the listing of its vault names no key.
    NativeBackup in "native_backups" by ["dynamodb:DescribeBackup"] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// The recovery point asked about.
        backup_arn: String,
        /// DescribeBackup.SourceTableFeatureDetails.SSEDescription.SSEType: of the table when the backup was made. Null: encrypted with a key that AWS owns.
        sse_type: Option<String>,
        /// SSEDescription.Status. Null: as above.
        sse_status: Option<String>,
        /// SSEDescription.KMSMasterKeyArn. Null: as above; beside a type: left out.
        kms_key_arn: Option<String>,
    }
    /// One KMS key that a vault, a recovery point or a table names.
    Key in "keys" by ["kms:DescribeKey"] {
        /// The ARN asked about.
        key_arn: String,
        /// DescribeKey.KeyMetadata.KeyManager: `AWS` or `CUSTOMER`. Null: left out.
        key_manager: Option<String>,
        /// DescribeKey.KeyMetadata.KeyState, such as `Enabled`. Null: left out.
        key_state: Option<String>,
        /// DescribeKey.KeyMetadata.DeletionDate. Null: not scheduled for deletion.
        deletion_at: Option<DateTime<Utc>>,
    }
    /// One drill of a table in scope, out of the pack that `drill` made of it: what was restored, and what that showed.
    Drill in "drills" by [] {
        /// Account of the table.
        account_id: String,
        /// Region of the table.
        region: String,
        /// The table whose recovery point was restored.
        table_arn: String,
        /// When that table was created, as the drill saw it. Null: it was gone by then, or AWS did not say.
        table_created_at: Option<DateTime<Utc>>,
        /// The run of `drill`.
        run_id: String,
        /// Number of the drill in its run.
        number: i64,
        /// SHA-256 of the manifest of its pack.
        manifest_sha256: String,
        /// SHA-256 of `drill.json`: it names what was seen, wherever the pack lies.
        record_sha256: String,
        /// Where the pack was read: a folder, or a ledger with the number of the pack.
        source: String,
        /// As whom its signature is trusted. Null: it is not.
        signer: Option<String>,
        /// It counts as evidence.
        counts: bool,
        /// Why it does not count. Null: it counts.
        why_not: Option<String>,
        /// The recovery point that was restored.
        point_arn: String,
        /// The date of its data. Null: AWS did not say.
        point_created_at: Option<DateTime<Utc>>,
        /// The vault that held it.
        vault_name: String,
        /// Account that it was restored to.
        restored_account_id: String,
        /// Region that it was restored to.
        restored_region: String,
        /// Name of the table that was made.
        restored_table_name: String,
        /// AWS's restore job. Null: none was begun.
        job_id: Option<String>,
        /// When the restore was ordered. Null: it was not.
        ordered_at: Option<DateTime<Utc>>,
        /// When the new table and its last index were ACTIVE. Null: they never were.
        active_at: Option<DateTime<Utc>>,
        /// When the last of it was seen: compared, ACTIVE, or the end of the job; else the end of the run.
        tested_at: DateTime<Utc>,
        /// The longest restore that the policy of then allowed, in seconds. Null: it set none.
        rto_seconds: Option<i64>,
        /// `failed`, `different`, `not-tested`, `not-comparable`, `sample-equal`, `equal-but-for-changes` or `identical`.
        verdict: String,
        /// What the job or the comparison said, in words; untrusted text. Null: nothing.
        detail: Option<String>,
    }
    /// One call: all pages of one question to AWS in one target, and how it ended.
    CallLogEntry in "call_log" by [] {
        /// Account of the target.
        account_id: String,
        /// Region of the target.
        region: String,
        /// IAM action of the call, such as `backup:ListBackupVaults`.
        action: String,
        /// What was asked about: a vault, a plan, a table, a key; empty for the whole target.
        resource: String,
        /// `ok`, or the kind of gap: `denied`, `throttled`, `credentials-expired`, `region-not-enabled`, `unsupported`, `failed`; `absent` when AWS said that the thing does not exist.
        outcome: String,
        /// Error code and message, untrusted text; beside `ok` it is the answer itself, such as that a vault has no access policy. Null: none.
        error: Option<String>,
        /// Pages read.
        page_count: i64,
        /// Requests sent, retries included.
        attempt_count: i64,
        /// Start, by the local clock.
        started_at: DateTime<Utc>,
        /// AWS's clock when it sent the last answer (`Date` header, whole seconds). Null: no answer came, or it had no date.
        answered_at: Option<DateTime<Utc>>,
        /// Wall time in milliseconds.
        duration_ms: i64,
        /// Request id of the last answer. Null: no answer came.
        request_id: Option<String>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_columns_have_unique_names_and_say_what_null_means() {
        let mut names: Vec<&str> = FRAMES.iter().map(|frame| frame.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FRAMES.len());
        for frame in FRAMES {
            for column in frame.columns {
                let doc = column.doc;
                assert!(!doc.trim().is_empty(), "{}.{}", frame.name, column.name);
                assert!(
                    !column.nullable || doc.contains("Null"),
                    "{}.{} does not say what null means",
                    frame.name,
                    column.name
                );
            }
        }
    }

    #[test]
    fn rows_survive_the_way_through_a_frame() {
        let at = DateTime::from_timestamp_millis(1_763_900_000_123);
        let rows = vec![
            ContinuousBackup {
                table_arn: "arn:aws:dynamodb:eu-west-1:111122223333:table/a".to_owned(),
                pitr_status: Some("ENABLED".to_owned()),
                earliest_restorable_at: at,
                latest_restorable_at: None,
                recovery_period_days: Some(35),
            },
            ContinuousBackup {
                table_arn: "arn:aws:dynamodb:eu-west-1:111122223333:table/b".to_owned(),
                pitr_status: None,
                earliest_restorable_at: None,
                latest_restorable_at: None,
                recovery_period_days: None,
            },
        ];
        let frame = ContinuousBackup::to_frame(&rows).expect("a frame");
        assert_eq!(**frame.schema(), ContinuousBackup::FRAME.polars());
        assert_eq!(ContinuousBackup::from_frame(&frame).expect("rows"), rows);
        let empty = ContinuousBackup::to_frame(&[]).expect("a frame");
        assert_eq!(**empty.schema(), ContinuousBackup::FRAME.polars());
    }
}
