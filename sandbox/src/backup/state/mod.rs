//! What AWS Backup knows in one account and one Region.
//!
//! Plain data. Text that many rows share (ARNs, roles, plan names) is shared by `Arc`, because a world may hold 300,000 recovery
//! points. Nothing here advances by itself; `engine` does that.

mod jobs;
mod points;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

pub(crate) use self::jobs::{
    BackupJob, BackupJobState, CopyJob, CopyJobState, Job, Jobs, RestoreJob, RestoreKey, RestoreStatus,
};
pub(crate) use self::points::{Point, PointId, PointStatus, Points, table_name};
use super::lifecycle::Lifecycle;
use super::restore_testing::TestingPlan;
use super::schedule::Schedule;
use super::selection_match::Criteria;

/// Job lists reach so far back.
pub(crate) const JOB_HISTORY_DAYS: i64 = 30;

/// Tags of a vault, a plan or a recovery point.
pub(crate) type Tags = BTreeMap<String, String>;

/// AWS Backup in one account and Region.
#[derive(Debug)]
pub(crate) struct State {
    /// Vaults by name.
    pub(crate) vaults: BTreeMap<String, Vault>,
    /// Plans by id, deleted ones included.
    pub(crate) plans: BTreeMap<String, Plan>,
    /// Recovery points of all vaults.
    pub(crate) points: Points,
    /// Backup jobs, scheduled and on demand.
    pub(crate) backup_jobs: Jobs<BackupJob>,
    /// Copy jobs that started here.
    pub(crate) copy_jobs: Jobs<CopyJob>,
    /// Restore jobs.
    pub(crate) restore_jobs: Jobs<RestoreJob>,
    /// `ResourceTypeOptInPreference`.
    pub(crate) opt_in: BTreeMap<String, bool>,
    /// `ResourceTypeManagementPreference`.
    pub(crate) management: BTreeMap<String, bool>,
    /// Idempotency tokens, by operation and token. None: used up by a call that was refused.
    pub(crate) tokens: BTreeMap<(&'static str, String), Option<u128>>,
    /// Restore testing plans by name.
    pub(crate) testing: BTreeMap<String, TestingPlan>,
    /// The running backup job of each resource: there is never more than one.
    pub(crate) running: BTreeMap<Arc<str>, u64>,
    /// Roles that AWS Backup cannot use at the moment, with the message that their jobs fail with.
    pub(crate) broken_roles: BTreeMap<String, Arc<str>>,
    /// Jobs that the world wants to see fail.
    pub(crate) failures: Vec<Failure>,
    /// Plan runs that the world wants to see missed.
    pub(crate) missed: Vec<Missed>,
}

/// The resource types of both settings maps; names with spaces are AWS's own.
const TYPES: [&str; 17] = [
    "Aurora",
    "CloudFormation",
    "DocumentDB",
    "DynamoDB",
    "EBS",
    "EC2",
    "EFS",
    "EKS",
    "FSx",
    "Neptune",
    "RDS",
    "Redshift",
    "S3",
    "SAP HANA on Amazon EC2",
    "Storage Gateway",
    "Timestream",
    "VirtualMachine",
];

impl Default for State {
    fn default() -> Self {
        Self {
            vaults: BTreeMap::new(),
            plans: BTreeMap::new(),
            points: Points::default(),
            backup_jobs: Jobs::default(),
            copy_jobs: Jobs::default(),
            restore_jobs: Jobs::default(),
            opt_in: TYPES.iter().map(|name| ((*name).to_owned(), true)).collect(),
            management: ["DynamoDB", "EFS"]
                .iter()
                .map(|name| ((*name).to_owned(), true))
                .collect(),
            tokens: BTreeMap::new(),
            testing: BTreeMap::new(),
            running: BTreeMap::new(),
            broken_roles: BTreeMap::new(),
            failures: Vec::new(),
            missed: Vec::new(),
        }
    }
}

impl State {
    /// Whether AWS Backup may take tables by tag or by `*`.
    pub(crate) fn opted_in(&self) -> bool {
        self.opt_in.get("DynamoDB") == Some(&true)
    }

    /// Whether new backups of tables are advanced ones. On only when both maps say so.
    pub(crate) fn advanced(&self) -> bool {
        self.opted_in() && self.management.get("DynamoDB") == Some(&true)
    }
}

/// Who protects a vault's contents by which lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lock {
    /// `MinRetentionDays`.
    pub(crate) min_days: Option<i64>,
    /// `MaxRetentionDays`.
    pub(crate) max_days: Option<i64>,
    /// When the lock cannot be removed any more; none in governance mode.
    pub(crate) date: Option<DateTime<Utc>>,
}

impl Lock {
    /// Whether nobody can change the lock any more.
    pub(crate) fn is_immutable(&self, now: DateTime<Utc>) -> bool {
        self.date.is_some_and(|date| date <= now)
    }
}

/// Ordinary or logically air-gapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VaultKind {
    /// `BACKUP_VAULT`.
    Standard,
    /// `LOGICALLY_AIR_GAPPED_BACKUP_VAULT`.
    AirGapped,
}

impl VaultKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standard => "BACKUP_VAULT",
            Self::AirGapped => "LOGICALLY_AIR_GAPPED_BACKUP_VAULT",
        }
    }
}

/// Whose key protects a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// The AWS managed key `aws/backup`; `EncryptionKeyType` has no value for it.
    Managed,
    /// A customer managed key.
    Customer,
    /// An AWS owned key: the default of air-gapped vaults.
    Owned,
}

impl KeyKind {
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Managed => None,
            Self::Customer => Some("CUSTOMER_MANAGED_KMS_KEY"),
            Self::Owned => Some("AWS_OWNED_KMS_KEY"),
        }
    }
}

/// A backup vault.
#[derive(Debug, Clone)]
pub(crate) struct Vault {
    pub(crate) name: Arc<str>,
    pub(crate) arn: Arc<str>,
    pub(crate) kind: VaultKind,
    pub(crate) created: DateTime<Utc>,
    pub(crate) creator_request_id: Option<String>,
    /// None only under an AWS owned key.
    pub(crate) key: Option<Arc<str>>,
    pub(crate) key_kind: KeyKind,
    pub(crate) lock: Option<Lock>,
    pub(crate) policy: Option<String>,
    pub(crate) notifications: Option<Notifications>,
    pub(crate) tags: Tags,
}

/// Where a vault reports its events.
#[derive(Debug, Clone)]
pub(crate) struct Notifications {
    pub(crate) topic: String,
    pub(crate) events: Vec<String>,
}

/// A backup plan with its selections.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) id: Arc<str>,
    pub(crate) arn: Arc<str>,
    pub(crate) creator_request_id: Option<String>,
    pub(crate) deleted: Option<DateTime<Utc>>,
    pub(crate) last_run: Option<DateTime<Utc>>,
    /// Oldest first, never empty.
    pub(crate) versions: Vec<PlanVersion>,
    pub(crate) selections: BTreeMap<String, Selection>,
    pub(crate) tags: Tags,
}

/// One version of a plan's document.
#[derive(Debug, Clone)]
pub(crate) struct PlanVersion {
    pub(crate) id: Arc<str>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) document: Arc<Document>,
}

/// The content of a plan.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) rules: Vec<Rule>,
    /// `AdvancedBackupSettings`, as sent.
    pub(crate) advanced: Value,
    /// `ScanSettings`, as sent.
    pub(crate) scan: Value,
}

/// One rule of a plan.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: Arc<str>,
    pub(crate) name: String,
    pub(crate) vault: Arc<str>,
    pub(crate) air_gapped: Option<Arc<str>>,
    pub(crate) expression: String,
    pub(crate) zone: String,
    pub(crate) schedule: Schedule,
    pub(crate) start_minutes: i64,
    pub(crate) completion_minutes: i64,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) point_tags: Tags,
    pub(crate) copies: Arc<[CopyAction]>,
    pub(crate) continuous: Option<bool>,
    /// `IndexActions` and `ScanActions`, as sent.
    pub(crate) index_actions: Value,
    pub(crate) scan_actions: Value,
}

impl PartialEq for Rule {
    /// Two rules are the same document if they differ in nothing but their id.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.vault == other.vault
            && self.air_gapped == other.air_gapped
            && self.expression == other.expression
            && self.zone == other.zone
            && self.start_minutes == other.start_minutes
            && self.completion_minutes == other.completion_minutes
            && self.lifecycle == other.lifecycle
            && self.point_tags == other.point_tags
            && self.copies == other.copies
            && self.continuous == other.continuous
            && self.index_actions == other.index_actions
            && self.scan_actions == other.scan_actions
    }
}

impl Rule {
    pub(crate) fn window(&self) -> Duration {
        Duration::minutes(self.start_minutes)
    }
}

/// One copy that a rule orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopyAction {
    pub(crate) vault: Arc<str>,
    pub(crate) lifecycle: Lifecycle,
}

/// A selection; never changed after its creation.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) role: Arc<str>,
    pub(crate) criteria: Arc<Criteria>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) creator_request_id: Option<String>,
}

impl Plan {
    /// The version in force. A plan has at least one.
    pub(crate) fn current(&self) -> &PlanVersion {
        self.versions.last().expect("a plan is created with its first version")
    }

    /// The document in force.
    pub(crate) fn document(&self) -> &Arc<Document> {
        &self.current().document
    }
}

/// Which plan rule made a recovery point or a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreatedBy {
    pub(crate) plan_id: Arc<str>,
    pub(crate) plan_arn: Arc<str>,
    pub(crate) plan_name: String,
    pub(crate) plan_version: Arc<str>,
    pub(crate) rule_id: Arc<str>,
    pub(crate) rule_name: String,
    pub(crate) rule_cron: String,
    pub(crate) rule_zone: String,
}

/// A uuid in its usual form.
#[derive(Clone, Copy)]
pub(crate) struct Uuid(pub(crate) u128);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            id >> 96,
            id >> 80 & 0xffff,
            id >> 64 & 0xffff,
            id >> 48 & 0xffff,
            id & 0xffff_ffff_ffff
        )
    }
}

impl Uuid {
    /// Reads the usual form, in either letter case.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.len() != 36 {
            return None;
        }
        let mut id = 0;
        for (at, byte) in text.bytes().enumerate() {
            let hyphen = matches!(at, 8 | 13 | 18 | 23);
            match char::from(byte).to_digit(16) {
                Some(digit) if !hyphen => id = id << 4 | u128::from(digit),
                None if hyphen && byte == b'-' => {}
                _ => return None,
            }
        }
        Some(Self(id))
    }
}

/// Backup jobs that the world wants to see end badly.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: Option<DateTime<Utc>>,
    /// Pattern of table names.
    pub(crate) tables: String,
    pub(crate) state: BackupJobState,
    pub(crate) message: Arc<str>,
}

/// Plan runs that the world wants to see missed.
#[derive(Debug, Clone)]
pub(crate) struct Missed {
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
    /// Name or id of the plan.
    pub(crate) plan: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_read_what_they_show() {
        let id = Uuid(0x52bee289_0000_4123_8567_47dcaa2e7acd);
        assert_eq!(id.to_string(), "52bee289-0000-4123-8567-47dcaa2e7acd");
        assert_eq!(Uuid::read(&id.to_string()).map(|u| u.0), Some(id.0));
        assert_eq!(
            Uuid::read("52BEE289-0000-4123-8567-47DCAA2E7ACD").map(|u| u.0),
            Some(id.0)
        );
        for broken in [
            "",
            "52bee289",
            "52bee289-0000-4123-8567-47dcaa2e7ac",
            "52bee289-0000-4123-8567-47dcaa2e7acg",
            "+2bee289-0000-4123-8567-47dcaa2e7acd",
        ] {
            assert!(Uuid::read(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn advanced_needs_both_settings() {
        let mut state = State::default();
        assert!(state.opted_in() && state.advanced());
        state.opt_in.insert("DynamoDB".to_owned(), false);
        assert!(!state.opted_in() && !state.advanced());
        state.opt_in.insert("DynamoDB".to_owned(), true);
        state.management.remove("DynamoDB");
        assert!(!state.advanced());
    }
}
