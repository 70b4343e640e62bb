//! Backup, copy and restore jobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::lifecycle::Lifecycle;
use super::plans::{CopyAction, CreatedBy};
use super::vaults::Tags;
use crate::ids::Uuid;

/// Job lists reach so far back.
pub(crate) const JOB_HISTORY_DAYS: i64 = 30;

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
    pub(crate) category: Option<Arc<str>>,
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
    Created,
    Running,
    Completed,
    Failed,
}

impl CopyJobState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
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
        matches!(self.state, CopyJobState::Completed | CopyJobState::Failed)
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
    /// Id of the table that it made, from the moment it appears.
    pub(crate) table_id: Option<String>,
    pub(crate) size: u64,
    pub(crate) testing_plan: Option<Arc<str>>,
    /// A run of a restore testing plan made it: for so many hours its table is kept for validation.
    pub(crate) test: Option<i64>,
    pub(crate) validation: Option<(String, Option<String>)>,
    pub(crate) deletion: Option<DeletionStatus>,
    pub(crate) deletion_message: Option<Arc<str>>,
}

/// `DeletionStatus`: what became of the table of a restore test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeletionStatus {
    Deleting,
    Failed,
    Successful,
}

impl DeletionStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Deleting => "DELETING",
            Self::Failed => "FAILED",
            Self::Successful => "SUCCESSFUL",
        }
    }
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
