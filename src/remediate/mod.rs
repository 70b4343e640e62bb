//! From findings to deeds: a plan that a person reviews, applied with a journal, verified against AWS.
//!
//! [`plan`] is pure. Only [`apply`] and [`jobs`] write to AWS, and only what the plan says. Nothing here prints: what happens
//! on the way is told as an [`Event`].

pub mod apply;
pub mod jobs;
pub mod plan;
pub mod verify;

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::jobs::Standing;
use crate::problem::Problem;

/// Raised whenever the plan file changes.
pub const PLAN_VERSION: u32 = 2;

/// What happens while a plan is done and its jobs are followed, as it happens. It begins with the table's name; all texts
/// are untrusted.
#[derive(Debug, Clone, Copy)]
pub enum Event<'e> {
    /// An earlier run began this job, as the journal says.
    StartedBefore(&'e str, &'e str),
    /// AWS began this job.
    Started(&'e str, &'e str),
    /// AWS refused, for this reason.
    Refused(&'e str, &'e str),
    /// The job stands here, and goes on.
    Waiting(&'e str, &'e Standing),
    /// The job has ended so.
    Ended(&'e str, &'e Standing),
    /// Every job was looked at; the next look comes after a pause.
    Pause,
}

/// A plan file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`].
    pub schema_version: u32,
    /// The scan that the plan rests on.
    pub scan_id: String,
    /// The instant of that scan.
    pub as_of: DateTime<Utc>,
    /// What to do, in order.
    pub actions: Vec<BackupAction>,
    /// Tables that need a backup and cannot get one by this plan, with the reason.
    pub blocked: Vec<Blocked>,
}

/// One on-demand backup job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupAction {
    /// Why: the finding's message.
    pub reason: String,
    /// The table.
    pub table_arn: String,
    /// Its name.
    pub table_name: String,
    /// The incarnation that was judged; the action is not done on another. `None`: a table older than table ids.
    pub table_id: Option<String>,
    /// Account of the table.
    pub account_id: String,
    /// Region of the table.
    pub region: String,
    /// The vault that takes the recovery point.
    pub vault: String,
    /// The role AWS Backup assumes.
    pub role_arn: String,
    /// Days until cold storage; none: stays warm.
    pub cold_after_days: Option<i64>,
    /// Days until deletion.
    pub delete_after_days: i64,
    /// AWS Backup starts one job for each token, however often it is asked.
    pub idempotency_token: String,
    /// Size of the table, which every DynamoDB backup copies whole. `None`: not known.
    pub table_size_bytes: Option<i64>,
}

/// A table that the plan cannot help.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocked {
    /// The table.
    pub table_arn: String,
    /// Why it is not in the plan.
    pub reason: String,
}

impl Plan {
    /// Reads a plan file.
    ///
    /// Errors: it is not there, not a plan, of another version, or breaks the lifecycle rule.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let refuse = |why: String| {
            Problem::usage("could not read the remediation plan")
                .at(path.display().to_string())
                .why(why)
                .so("nothing was changed")
                .hint("name the file that `remediate plan` wrote")
        };
        let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
        let plan: Self = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        if plan.schema_version != PLAN_VERSION {
            return Err(refuse(format!(
                "it has version {}; this program reads {PLAN_VERSION}",
                plan.schema_version
            )));
        }
        for action in &plan.actions {
            crate::settings::check_lifecycle(action.cold_after_days, Some(action.delete_after_days))
                .map_err(|why| refuse(format!("table `{}`: {why}", action.table_name)))?;
        }
        Ok(plan)
    }

    /// Writes the plan file; a file that is there is replaced, since plans are proposals and not evidence.
    ///
    /// Errors: the disk refused.
    pub fn write(&self, path: &Path) -> Result<(), Problem> {
        let refuse = |error: String| {
            Problem::new("could not write the remediation plan")
                .at(path.display().to_string())
                .why(error)
        };
        let text = serde_json::to_string_pretty(self).map_err(|error| refuse(error.to_string()))?;
        let partial = path.with_extension("partial");
        std::fs::write(&partial, text + "\n").map_err(|error| refuse(error.to_string()))?;
        std::fs::rename(&partial, path).map_err(|error| refuse(error.to_string()))
    }
}
