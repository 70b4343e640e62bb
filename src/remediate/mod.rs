//! From findings to actions: a plan that a person reviews, applied with a journal, verified against AWS.
//!
//! What can be done stands in [`actions`], one kind a file. [`plan`] reads stored evidence only; [`apply`] writes to AWS, and
//! only what the plan says. Nothing here prints: what happens on the way is told as an [`Event`].

pub(crate) mod actions;
pub(crate) mod apply;
pub(crate) mod follow;
pub(crate) mod known;
pub(crate) mod plan;
pub(crate) mod verify;

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::actions::{Action, KINDS, Standing};
use crate::digest;
use crate::plain_file::{self, LARGEST_PLAN};
use crate::problem::{Problem, one_line};
use crate::text::list;

/// Raised whenever the plan file changes.
pub(crate) const PLAN_VERSION: u32 = 4;

/// What happens while a plan is done and its jobs are followed, as it happens. It begins with the name of what the action is
/// about; all texts are untrusted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event<'e> {
    /// An earlier run began this job, as the journal says.
    StartedBefore(&'e str, &'e str),
    /// An earlier run began this job, as the journal says, and AWS does not say that it is the action's, for this reason.
    Unproven(&'e str, &'e str, &'e str),
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
    /// SHA-256 of all of this as JSON without any blank, in this order: `jq -cj 'del(.sha256)' plan.json | sha256sum`. What was
    /// reviewed is what is done, or nothing is.
    pub sha256: String,
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

/// Of what kinds the actions of a plan file are, before they are read as such.
#[derive(Deserialize)]
struct Kinds {
    actions: Vec<serde_json::Map<String, serde_json::Value>>,
}

impl Kinds {
    /// The first action whose kind nobody knows, in words.
    fn unknown(&self) -> Option<String> {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.id).collect();
        self.actions.iter().enumerate().find_map(|(number, action)| {
            let number = number + 1;
            match action.get("kind").and_then(serde_json::Value::as_str) {
                None => Some(format!("action {number} does not say of what kind it is")),
                Some(kind) if known.contains(&kind) => None,
                Some(kind) => Some(format!(
                    "action {number} is of the kind `{}`; this program knows {}",
                    one_line(kind),
                    list(&known)
                )),
            }
        })
    }
}

impl Plan {
    /// Reads a plan file.
    ///
    /// Errors: it is not there, not a plain file or too large, not a plan, of another version, or holds what AWS could not do.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let refuse = |why: String| {
            Problem::usage("could not read the remediation plan")
                .at(path.display().to_string())
                .why(why)
                .so("nothing was changed")
                .hint("name the file that `remediate plan` wrote")
        };
        let bytes = plain_file::read_linked(path, LARGEST_PLAN).map_err(|error| refuse(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|error| refuse(error.to_string()))?;
        if let Ok(Version { schema_version }) = serde_json::from_str(&text)
            && schema_version != PLAN_VERSION
        {
            let why = format!("it has version {schema_version}; this program reads {PLAN_VERSION}");
            return Err(refuse(why).hint("make a new plan with `remediate plan`, and review it"));
        }
        if let Ok(kinds) = serde_json::from_str::<Kinds>(&text)
            && let Some(why) = kinds.unknown()
        {
            return Err(refuse(why));
        }
        let plan: Self = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        for action in &plan.actions {
            let resource = action.resource();
            let place = format!("{} `{}`", resource.subject, resource.name);
            action.check_values().map_err(|why| refuse(format!("{place}: {why}")))?;
        }
        let found = plan.digest();
        if found != plan.sha256 {
            let why = format!(
                "it was changed since it was made: its `sha256` is {}, and what it says gives {found}",
                one_line(&plan.sha256)
            );
            return Err(
                refuse(why).hint("make a new plan with `remediate plan`; `--rules` and waivers leave things out of it")
            );
        }
        Ok(plan)
    }

    /// The plan with the digest of what it says.
    pub(crate) fn sealed(self) -> Self {
        let sha256 = self.digest();
        Self { sha256, ..self }
    }

    /// What [`Plan::sha256`] has to be.
    fn digest(&self) -> String {
        let mut value = serde_json::to_value(self).expect("plain values always have a JSON form");
        if let Some(fields) = value.as_object_mut() {
            fields.shift_remove("sha256");
        }
        digest::of_bytes(value.to_string().as_bytes())
    }

    /// Writes the plan file; a file that is there is replaced, since plans are proposals and not evidence.
    ///
    /// Errors: the disk refused.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Problem> {
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
