//! What AWS Backup knows in one account and one Region.
//!
//! Plain data with the few lookups that keep listings cheap: recovery points are held once and indexed by id, by vault and by
//! resource. Text that many rows share (ARNs, roles, plan names) is shared by `Arc`, because a world may hold 300,000 recovery
//! points. Nothing here advances by itself; `engine` does that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use super::lifecycle::Lifecycle;
use super::restore_testing::TestingPlan;
use super::schedule::Schedule;
use super::selection_match::Criteria;
use crate::dynamodb::TableImage;

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

/// What identifies a recovery point inside its ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PointId {
    /// An advanced recovery point: `arn:…:backup:…:recovery-point:<uuid>`.
    Advanced(u128),
    /// A native DynamoDB backup: its id starts with its creation in milliseconds.
    Native(i64, u32),
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

/// `RecoveryPointStatus`, as far as tables know it: PARTIAL is for composite backups, and a deletion takes no time here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PointStatus {
    Creating,
    Completed,
    Expired,
}

impl PointStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Completed => "COMPLETED",
            Self::Expired => "EXPIRED",
        }
    }
}

/// A recovery point of a table.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) id: PointId,
    pub(crate) arn: Arc<str>,
    pub(crate) vault: Arc<str>,
    /// ARN of the table; of the source table for a copy.
    pub(crate) resource: Arc<str>,
    pub(crate) created_by: Option<Arc<CreatedBy>>,
    pub(crate) role: Arc<str>,
    pub(crate) status: PointStatus,
    pub(crate) message: Option<Arc<str>>,
    /// The moment of the data. A copy keeps its source's.
    pub(crate) created: DateTime<Utc>,
    pub(crate) initiated: DateTime<Utc>,
    pub(crate) completed: Option<DateTime<Utc>>,
    pub(crate) size: u64,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) cold_at: Option<DateTime<Utc>>,
    pub(crate) delete_at: Option<DateTime<Utc>>,
    pub(crate) key: Option<Arc<str>>,
    pub(crate) key_kind: Option<KeyKind>,
    pub(crate) source_vault: Option<Arc<str>>,
    pub(crate) last_restore: Option<DateTime<Utc>>,
    pub(crate) tags: Arc<Tags>,
    /// The items and the schema, for restores.
    pub(crate) image: Arc<TableImage>,
}

impl Point {
    /// Whether the recovery point is managed by AWS Backup fully.
    pub(crate) fn is_advanced(&self) -> bool {
        matches!(self.id, PointId::Advanced(_))
    }

    /// Whether the recovery point has moved to cold storage.
    pub(crate) fn is_cold(&self, now: DateTime<Utc>) -> bool {
        self.status != PointStatus::Creating && self.cold_at.is_some_and(|at| at <= now)
    }

    /// The name of the table.
    pub(crate) fn table(&self) -> &str {
        table_name(&self.resource)
    }
}

/// The table's name in its ARN.
pub(crate) fn table_name(arn: &str) -> &str {
    arn.rsplit_once(":table/").map_or(arn, |(_, name)| name)
}

/// Recovery points with their indexes.
#[derive(Debug, Default)]
pub(crate) struct Points {
    next: u64,
    all: BTreeMap<u64, Point>,
    by_id: BTreeMap<PointId, u64>,
    by_vault: BTreeMap<Arc<str>, BTreeSet<u64>>,
    by_resource: BTreeMap<Arc<str>, BTreeSet<u64>>,
}

impl Points {
    /// Keeps a recovery point and gives the number under which it is kept.
    pub(crate) fn add(&mut self, point: Point) -> u64 {
        self.next += 1;
        let number = self.next;
        self.by_id.insert(point.id, number);
        index(&mut self.by_vault, &point.vault, number);
        index(&mut self.by_resource, &point.resource, number);
        self.all.insert(number, point);
        number
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Point> {
        self.all.get(&number)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Point> {
        self.all.get_mut(&number)
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<Point> {
        let point = self.all.remove(&number)?;
        self.by_id.remove(&point.id);
        unindex(&mut self.by_vault, &point.vault, number);
        unindex(&mut self.by_resource, &point.resource, number);
        Some(point)
    }

    /// Finds a recovery point by its ARN.
    pub(crate) fn find(&self, arn: &str) -> Option<u64> {
        let id = match arn.rsplit_once(":recovery-point:") {
            Some((_, uuid)) => PointId::Advanced(Uuid::read(uuid)?.0),
            None => {
                let (millis, tail) = arn.rsplit_once("/backup/")?.1.split_once('-')?;
                PointId::Native(millis.parse().ok()?, u32::from_str_radix(tail, 16).ok()?)
            }
        };
        let number = *self.by_id.get(&id)?;
        (&*self.all.get(&number)?.arn == arn).then_some(number)
    }

    /// The numbers of a vault's recovery points, oldest first.
    pub(crate) fn of_vault(&self, vault: &str) -> Option<&BTreeSet<u64>> {
        self.by_vault.get(vault)
    }

    /// The numbers of a resource's recovery points, oldest first.
    pub(crate) fn of_resource(&self, resource: &str) -> Option<&BTreeSet<u64>> {
        self.by_resource.get(resource)
    }

    /// The ARN of a resource, shared with its recovery points if there are any.
    pub(crate) fn shared(&self, resource: &str) -> Arc<str> {
        self.by_resource
            .get_key_value(resource)
            .map_or_else(|| Arc::from(resource), |(key, _)| Arc::clone(key))
    }

    /// How many recovery points a vault holds.
    pub(crate) fn count(&self, vault: &str) -> usize {
        self.by_vault.get(vault).map_or(0, BTreeSet::len)
    }

    /// Every resource that has a recovery point, in any state.
    pub(crate) fn resources(&self) -> &BTreeMap<Arc<str>, BTreeSet<u64>> {
        &self.by_resource
    }

    /// Every recovery point with its number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Point)> {
        self.all.iter().map(|(number, point)| (*number, point))
    }
}

fn index(map: &mut BTreeMap<Arc<str>, BTreeSet<u64>>, key: &Arc<str>, number: u64) {
    if let Some(set) = map.get_mut(key) {
        set.insert(number);
    } else {
        map.insert(Arc::clone(key), BTreeSet::from([number]));
    }
}

fn unindex(map: &mut BTreeMap<Arc<str>, BTreeSet<u64>>, key: &Arc<str>, number: u64) {
    if let Some(set) = map.get_mut(key) {
        set.remove(&number);
        if set.is_empty() {
            map.remove(key);
        }
    }
}

/// Jobs in the order of their creation, found by id.
#[derive(Debug)]
pub(crate) struct Jobs<T> {
    next: u64,
    all: BTreeMap<u64, T>,
    by_id: BTreeMap<u128, u64>,
}

impl<T> Default for Jobs<T> {
    fn default() -> Self {
        Self {
            next: 0,
            all: BTreeMap::new(),
            by_id: BTreeMap::new(),
        }
    }
}

impl<T: Job> Jobs<T> {
    pub(crate) fn add(&mut self, job: T) -> u64 {
        self.next += 1;
        self.by_id.insert(job.id(), self.next);
        self.all.insert(self.next, job);
        self.next
    }

    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        self.all.get(&number)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        self.all.get_mut(&number)
    }

    /// Finds a job by its id, in either letter case.
    pub(crate) fn find(&self, id: &str) -> Option<u64> {
        self.by_id.get(&Uuid::read(id)?.0).copied()
    }

    pub(crate) fn by_id(&self, id: u128) -> Option<&T> {
        self.all.get(self.by_id.get(&id)?)
    }

    /// The jobs below a number, newest first, each with its number.
    pub(crate) fn newest_below(&self, below: u64) -> impl Iterator<Item = (u64, &T)> {
        self.all.range(..below).rev().map(|(number, job)| (*number, job))
    }

    /// Every job, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &T> {
        self.all.values().rev()
    }

    /// Forgets jobs that no list shows any more, so that a long-running sandbox does not grow.
    pub(crate) fn forget_before(&mut self, limit: DateTime<Utc>) {
        while let Some(entry) = self.all.first_entry() {
            if entry.get().created() >= limit || !entry.get().is_over() {
                break;
            }
            let job = entry.remove();
            self.by_id.remove(&job.id());
        }
    }
}

/// What all jobs share.
pub(crate) trait Job {
    fn id(&self) -> u128;
    fn created(&self) -> DateTime<Utc>;
    fn is_over(&self) -> bool;
}

/// `BackupJobState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackupJobState {
    Created,
    Running,
    Aborting,
    Aborted,
    Completed,
    Failed,
    Expired,
    Partial,
}

impl BackupJobState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Running => "RUNNING",
            Self::Aborting => "ABORTING",
            Self::Aborted => "ABORTED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
            Self::Partial => "PARTIAL",
        }
    }

    pub(crate) fn is_over(self) -> bool {
        !matches!(self, Self::Created | Self::Running | Self::Aborting)
    }
}

/// A backup job.
#[derive(Debug, Clone)]
pub(crate) struct BackupJob {
    pub(crate) id: u128,
    pub(crate) vault: Arc<str>,
    /// The air-gapped target, if one was asked for.
    pub(crate) air_gapped: Option<Arc<str>>,
    pub(crate) resource: Arc<str>,
    pub(crate) role: Arc<str>,
    pub(crate) created_by: Option<Arc<CreatedBy>>,
    pub(crate) created: DateTime<Utc>,
    /// The end of the start window.
    pub(crate) start_by: DateTime<Utc>,
    /// The end of the completion window.
    pub(crate) complete_by: DateTime<Utc>,
    pub(crate) initiated: Option<DateTime<Utc>>,
    pub(crate) completed: Option<DateTime<Utc>>,
    pub(crate) state: BackupJobState,
    pub(crate) message: Option<Arc<str>>,
    pub(crate) category: Option<&'static str>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) point_tags: Arc<Tags>,
    pub(crate) copies: Arc<[CopyAction]>,
    /// The recovery point: its number while it exists, its ARN for ever.
    pub(crate) point: Option<u64>,
    pub(crate) point_arn: Option<Arc<str>>,
    pub(crate) size: Option<u64>,
    /// On demand: the world says how long it takes.
    pub(crate) on_demand: bool,
}

impl Job for BackupJob {
    fn id(&self) -> u128 {
        self.id
    }

    fn created(&self) -> DateTime<Utc> {
        self.created
    }

    fn is_over(&self) -> bool {
        self.state.is_over()
    }
}

/// `CopyJobState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyJobState {
    Running,
    Completed,
    Failed,
}

impl CopyJobState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// A copy job; it lives where its source lives.
#[derive(Debug, Clone)]
pub(crate) struct CopyJob {
    pub(crate) id: u128,
    pub(crate) source: u64,
    pub(crate) source_arn: Arc<str>,
    pub(crate) source_vault: Arc<str>,
    pub(crate) target_vault: Arc<str>,
    pub(crate) target_arn: Option<Arc<str>>,
    pub(crate) resource: Arc<str>,
    pub(crate) role: Arc<str>,
    pub(crate) created_by: Option<Arc<CreatedBy>>,
    pub(crate) backup_job: Option<u128>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) created: DateTime<Utc>,
    pub(crate) completed: Option<DateTime<Utc>>,
    pub(crate) state: CopyJobState,
    pub(crate) message: Option<Arc<str>>,
    pub(crate) size: u64,
}

impl Job for CopyJob {
    fn id(&self) -> u128 {
        self.id
    }

    fn created(&self) -> DateTime<Utc> {
        self.created
    }

    fn is_over(&self) -> bool {
        self.state != CopyJobState::Running
    }
}

/// `RestoreJobStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RestoreStatus {
    Pending,
    Running,
    Completed,
    Failed,
}

impl RestoreStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// How the restored table is to be encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RestoreKey {
    /// `encryptionType` was left out: as the source was.
    AsSource,
    /// `Default`: the AWS owned key.
    Owned,
    /// `KMS` without a key: the AWS managed key.
    Managed,
    /// `KMS` with a key ARN.
    Customer(Arc<str>),
}

/// A restore job.
#[derive(Debug, Clone)]
pub(crate) struct RestoreJob {
    pub(crate) id: u128,
    pub(crate) point: u64,
    pub(crate) point_arn: Arc<str>,
    pub(crate) point_created: DateTime<Utc>,
    pub(crate) vault_arn: Arc<str>,
    pub(crate) source: Arc<str>,
    pub(crate) target: String,
    pub(crate) key: RestoreKey,
    pub(crate) role: Option<Arc<str>>,
    /// `CopySourceTagsToRestoredResource` was part of the call, which a table's restore does not survive.
    pub(crate) copies_tags: bool,
    pub(crate) created: DateTime<Utc>,
    pub(crate) due: DateTime<Utc>,
    pub(crate) completed: Option<DateTime<Utc>>,
    pub(crate) status: RestoreStatus,
    pub(crate) message: Option<Arc<str>>,
    pub(crate) created_resource: Option<Arc<str>>,
    pub(crate) size: u64,
    pub(crate) testing_plan: Option<Arc<str>>,
    pub(crate) validation: Option<(String, Option<String>)>,
    pub(crate) deletion: Option<&'static str>,
}

impl Job for RestoreJob {
    fn id(&self) -> u128 {
        self.id
    }

    fn created(&self) -> DateTime<Utc> {
        self.created
    }

    fn is_over(&self) -> bool {
        matches!(self.status, RestoreStatus::Completed | RestoreStatus::Failed)
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
