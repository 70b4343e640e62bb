//! What the world file wants to happen in the course of history.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::jobs::BackupJobState;
use super::lifecycle::Lifecycle;
use super::points::PointStatus;
use super::vaults::Tags;
use crate::dynamodb::state::Changes;

/// An event of the world. Tables are named by patterns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// A plan and its selections are deleted.
    DeletePlan { id: Arc<str> },
    /// Tables are deleted; their recovery points stay.
    DeleteTable { tables: String },
    /// A deleted table is created again, empty, under its old name.
    CreateTable { table: String, tags: Tags },
    /// Tables get tags.
    Tag { tables: String, tags: Tags },
    /// Tables lose tags.
    Untag { tables: String, keys: Vec<String> },
    /// DynamoDB is opted in or out.
    OptIn { on: bool },
    /// Advanced features of DynamoDB backups are switched.
    Advanced { on: bool },
    /// A role cannot be used any more: its jobs fail with this message.
    BreakRole { role: String, message: Arc<str> },
    /// The role works again.
    MendRole { role: String },
    /// On-demand backups.
    Backup {
        tables: String,
        vault: Arc<str>,
        role: Arc<str>,
        lifecycle: Lifecycle,
    },
    /// Recovery points are deleted by hand.
    DeletePoints {
        tables: String,
        vault: Option<String>,
        older_than: Option<Duration>,
    },
    /// A legal hold takes the recovery points of tables that are there by then.
    LegalHold { tables: String, vault: Option<String> },
    /// A restore test of the newest recovery point.
    RestoreTest(RestoreTest),
    /// Items of tables are written, changed and deleted.
    WriteItems { tables: String, changes: Changes },
    /// One item of a table is changed, and so on each time.
    KeepWriting { table: String, every: Duration },
    /// The made-up items whose time to live is over are deleted.
    ExpireItems { table: String },
    /// Recovery points hold something else than their tables did.
    DamagePoints { which: Which, changes: Changes },
    /// Recovery points come into a state, and stay in it.
    SetPoints {
        which: Which,
        status: PointStatus,
        message: Option<Arc<str>>,
    },
}

/// Which recovery points of each table an event is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Which {
    pub(crate) tables: String,
    pub(crate) vault: Option<String>,
    pub(crate) end: End,
}

/// Which of a table's recovery points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    All,
    Newest,
    Oldest,
}

/// A restore test that has been done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RestoreTest {
    pub(crate) tables: String,
    /// Name of the restore testing plan.
    pub(crate) plan: Option<String>,
    pub(crate) role: Arc<str>,
    pub(crate) minutes: i64,
    /// The message of a restore that failed.
    pub(crate) failure: Option<Arc<str>>,
    /// `ValidationStatus`.
    pub(crate) validation: Option<String>,
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
    /// `MessageCategory`; none: the one that goes with the message.
    pub(crate) category: Option<Arc<str>>,
}

/// Plan runs that the world wants to see missed.
#[derive(Debug, Clone)]
pub(crate) struct Missed {
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
    /// Name or id of the plan.
    pub(crate) plan: String,
}
