//! What AWS Backup knows. Plain data and what it means: nothing here advances by itself, and nothing knows a call.
//!
//! Text that many rows share (ARNs, roles, plan names) is shared by `Arc`, because a world may hold 300,000 recovery points.

mod agenda;
mod arns;
mod criteria;
mod events;
mod jobs;
mod lifecycle;
mod place;
mod plans;
mod points;
pub(crate) mod policy;
mod restore_testing;
mod schedule;
mod vaults;

pub(crate) use self::agenda::{Agenda, Due, Entry, RuleRun, TestRun};
pub(crate) use self::arns::{PlaceKey, table_name, vault_arn, vault_place};
pub(crate) use self::criteria::{Criteria, Home, TAG_KEY_PREFIX};
pub(crate) use self::events::{End, Event, Failure, Missed, RestoreTest, Which};
pub(crate) use self::jobs::{
    BackupJob, BackupJobState, CopyJob, CopyJobState, DeletionStatus, JOB_HISTORY_DAYS, Job, RestoreJob, RestoreKey,
    RestoreStatus,
};
pub(crate) use self::lifecycle::Lifecycle;
pub(crate) use self::place::State;
pub(crate) use self::plans::{
    CopyAction, CreatedBy, DEFAULT_COMPLETION_MINUTES, DEFAULT_START_MINUTES, Document, MAX_WINDOW_MINUTES, Plan,
    PlanVersion, Rule, Selection, version_id,
};
pub(crate) use self::points::{Point, PointId, PointStatus, Points, advanced_id, point_arn};
pub(crate) use self::restore_testing::{TestingPlan, TestingSelection};
pub(crate) use self::schedule::{DEFAULT_EXPRESSION, Schedule};
pub(crate) use self::vaults::{KeyKind, Lock, Notifications, Tags, Vault, VaultKind};
