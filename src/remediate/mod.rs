//! From findings to deeds: a plan that a person reviews, applied with a journal, verified against AWS.
//!
//! What can be done stands in [`actions`], one kind a file. [`plan`] reads stored evidence only; [`apply`] writes to AWS, and
//! only what the plan says. Nothing here prints: what happens on the way is told as an [`Event`].

pub mod actions;
pub mod apply;
pub mod follow;
pub mod known;
pub mod plan;
pub mod verify;

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::actions::{Action, Standing};
use crate::problem::Problem;

/// Raised whenever the plan file changes.
pub const PLAN_VERSION: u32 = 3;

/// What happens while a plan is done and its jobs are followed, as it happens. It begins with the name of what the action is
/// about; all texts are untrusted.
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
    pub actions: Vec<Action>,
    /// What needs an action and cannot get one by this plan, with the reason.
    pub blocked: Vec<Blocked>,
}

/// Something that the plan cannot help.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocked {
    /// Its ARN.
    pub resource_arn: String,
    /// Why it is not in the plan.
    pub reason: String,
}

/// What plan files of all versions have in common.
#[derive(Deserialize)]
struct Version {
    schema_version: u32,
}

impl Plan {
    /// Reads a plan file.
    ///
    /// Errors: it is not there, not a plan, of another version, or holds what AWS could not do.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let refuse = |why: String| {
            Problem::usage("could not read the remediation plan")
                .at(path.display().to_string())
                .why(why)
                .so("nothing was changed")
                .hint("name the file that `remediate plan` wrote")
        };
        let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
        if let Ok(Version { schema_version }) = serde_json::from_str(&text)
            && schema_version != PLAN_VERSION
        {
            let why = format!("it has version {schema_version}; this program reads {PLAN_VERSION}");
            return Err(refuse(why).hint("make a new plan with `remediate plan`, and review it"));
        }
        let plan: Self = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        for action in &plan.actions {
            let resource = action.resource();
            let place = format!("{} `{}`", resource.subject, resource.name);
            action.check_values().map_err(|why| refuse(format!("{place}: {why}")))?;
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
