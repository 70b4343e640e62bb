//! From findings to actions: a plan that a person reviews, applied with a journal, verified against AWS.
//!
//! What can be done stands in [`actions`], one kind a file. [`propose`] reads stored evidence only, and judges in a [`world`] as
//! it would be; [`apply`] writes to AWS, and only what the plan says. Nothing here prints: what happens on the way is told as an
//! [`Event`].

pub(crate) mod actions;
pub(crate) mod apply;
pub(crate) mod approve;
pub(crate) mod between;
pub(crate) mod export;
pub(crate) mod follow;
pub(crate) mod journal;
pub(crate) mod plans;
pub(crate) mod price;
pub(crate) mod propose;
pub(crate) mod restore;
pub(crate) mod restored;
pub(crate) mod shell;
mod unanswered;
pub(crate) mod undo;
pub(crate) mod verify;
pub(crate) mod world;

use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::actions::{Deed, KINDS, Standing};
use self::price::Cost;
use crate::digest;
use crate::domain::{Finding, TargetId, Verdict};
use crate::exit::Exit;
use crate::plain_file::{self, LARGEST_PLAN};
use crate::problem::{Problem, one_line};
use crate::text::list;

/// Raised whenever the plan file changes.
pub(crate) const PLAN_VERSION: u32 = 6;

/// What happens while a plan is done and its jobs are followed, as it happens. It begins with the action; all texts are
/// untrusted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event<'e> {
    /// An earlier run began this job, as the journal says.
    StartedBefore(&'e Action, &'e str),
    /// An earlier run did it, as the journal says.
    DoneBefore(&'e Action),
    /// An earlier run began this job, as the journal says, and AWS does not say that it is the action's, for this reason.
    Unproven(&'e Action, &'e str, &'e str),
    /// AWS began this job.
    Started(&'e Action, &'e str),
    /// It is done.
    Done(&'e Action),
    /// It was so already, in these words: nothing was done.
    Already(&'e Action, &'e str),
    /// AWS refused, for this reason.
    Refused(&'e Action, &'e str),
    /// What it rests on has changed, for this reason: it is not done, and neither is what needs it.
    Drifted(&'e Action, &'e str),
    /// AWS did not say whether what it rests on is still so, for this reason: it is not done, and neither is what needs it.
    Unasked(&'e Action, &'e str),
    /// An action that it needs was not done.
    Left(&'e Action),
    /// It is taken back, in these words.
    Undone(&'e Action, &'e str),
    /// It stays, for this reason.
    Kept(&'e Action, &'e str),
    /// The job stands here, and goes on.
    Waiting(&'e Action, &'e Standing),
    /// The job has ended so.
    Ended(&'e Action, &'e Standing),
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
    /// Findings that the rules would find good once all of it is done, judged on the evidence as it would be.
    pub fixes: Vec<Fix>,
    /// Findings that an action answers and that are not good yet once all of it is done.
    pub remaining: Vec<Remaining>,
    /// Findings without an action.
    pub blocked: Vec<Blocked>,
    /// Findings that are good now and would not be once all of it is done.
    pub worse: Vec<Remaining>,
    /// SHA-256 of all of this as JSON without any blank, in this order: `jq -cj 'del(.sha256)' plan.json | sha256sum`. What was
    /// reviewed is what is done, or nothing is.
    pub sha256: String,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// The same for the same wish, and for no other: by it the journal knows what was done, and AWS, where it takes a token,
    /// does it once.
    pub id: String,
    /// Ids of the actions that have to be done before it.
    pub needs: Vec<String>,
    /// The account where it is done.
    pub account_id: String,
    /// The Region where it is done.
    pub region: String,
    /// Why: the message of the first finding.
    pub reason: String,
    /// Ids of the findings that it answers.
    pub findings: Vec<String>,
    /// What it costs.
    pub cost: Cost,
    /// What to do.
    #[serde(rename = "do")]
    pub deed: Deed,
}

impl Action {
    /// Where it is done.
    pub(crate) fn target(&self) -> TargetId {
        TargetId::new(self.account_id.clone(), self.region.clone())
    }

    /// The name of what it is about, untrusted text.
    pub(crate) fn name(&self) -> String {
        self.deed.resource(&self.target()).name.into_owned()
    }
}

/// A finding that the plan makes good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// Its id.
    pub finding: String,
    /// Its rule.
    pub rule: String,
    /// The ARN of what is judged.
    pub resource: String,
    /// What the rule says now: `non-compliant` or `unknown`.
    pub now: Verdict,
}

/// A finding that an action answers and that is not good after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remaining {
    /// Its id.
    pub finding: String,
    /// Its rule.
    pub rule: String,
    /// The ARN of what is judged.
    pub resource: String,
    /// What the rule would say then.
    pub message: String,
}

impl Remaining {
    fn of(finding: &Finding) -> Self {
        Self {
            finding: finding.id.to_string(),
            rule: finding.rule.to_string(),
            resource: finding.resource_arn.clone(),
            message: finding.message.to_string(),
        }
    }
}

/// A finding that the plan cannot help.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocked {
    /// Its id.
    pub finding: String,
    /// Its rule.
    pub rule: String,
    /// The ARN of what is judged.
    pub resource: String,
    /// Why no action of the plan answers it.
    pub reason: String,
    /// What a person does about it.
    pub remedy: String,
}

/// Which actions a plan is to hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    /// Kinds to propose; empty: all.
    pub(crate) only: Vec<String>,
    /// Kinds to leave out.
    pub(crate) exclude: Vec<String>,
    /// Answer findings of rules too that only advise.
    pub(crate) advised: bool,
    /// Names of vaults that may get a compliance lock.
    pub(crate) compliance_locks: Vec<String>,
    /// Answer findings on these tables only, by ARN; empty: on everything.
    pub(crate) tables: BTreeSet<String>,
}

impl Choice {
    /// Is this kind to be proposed?
    pub(crate) fn takes(&self, kind: &str) -> bool {
        let has = |list: &[String]| list.iter().any(|id| id == kind);
        (self.only.is_empty() || has(&self.only)) && !has(&self.exclude)
    }
}

/// How a plan begins to be refused that is not as it was made.
const CHANGED: &str = "it was changed since it was made";

/// Why a text is no plan that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotRead {
    /// It is of another version, in words.
    Version(String),
    /// Anything else.
    Damaged(String),
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
            match action
                .get("do")
                .and_then(|deed| deed.get("kind"))
                .and_then(serde_json::Value::as_str)
            {
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
    /// Reads a plan file; gives its bytes too, to hold a signature against.
    ///
    /// Errors: it is not there, not a plain file or too large, not a plan, of another version, or holds what AWS could not do.
    pub fn read(path: &Path) -> Result<(Self, Vec<u8>), Problem> {
        let refuse = |why: String| {
            Problem::usage("could not read the remediation plan")
                .at(path.display().to_string())
                .why(why)
                .so("nothing was changed")
                .hint("name the file that `remediate plan` wrote")
        };
        let bytes = plain_file::read_linked(path, LARGEST_PLAN).map_err(|error| refuse(error.to_string()))?;
        let text = std::str::from_utf8(&bytes).map_err(|error| refuse(error.to_string()))?;
        let plan = Self::parse(text).map_err(|error| match error {
            NotRead::Version(why) => refuse(why).hint("make a new plan with `remediate plan`, and review it"),
            NotRead::Damaged(why) if why.starts_with(CHANGED) => {
                refuse(why).hint("make a new plan with `remediate plan`; `--rules` and waivers leave things out of it")
            }
            NotRead::Damaged(why) => refuse(why),
        })?;
        Ok((plan, bytes))
    }

    /// Reads the text of a plan file.
    ///
    /// Errors: as [`Plan::read`].
    pub(crate) fn parse(text: &str) -> Result<Self, NotRead> {
        if let Ok(Version { schema_version }) = serde_json::from_str(text)
            && schema_version != PLAN_VERSION
        {
            let why = format!("it has version {schema_version}; this program reads {PLAN_VERSION}");
            return Err(NotRead::Version(why));
        }
        if let Ok(kinds) = serde_json::from_str::<Kinds>(text)
            && let Some(why) = kinds.unknown()
        {
            return Err(NotRead::Damaged(why));
        }
        let plan: Self = serde_json::from_str(text).map_err(|error| NotRead::Damaged(error.to_string()))?;
        plan.check().map_err(NotRead::Damaged)?;
        let found = plan.digest();
        if found != plan.sha256 {
            return Err(NotRead::Damaged(format!(
                "{CHANGED}: its `sha256` is {}, and what it says gives {found}",
                one_line(&plan.sha256)
            )));
        }
        Ok(plan)
    }

    /// Every account and Region that it reaches: where its actions are done, and what they need lies.
    pub(crate) fn places(&self) -> BTreeSet<TargetId> {
        let of_action = |action: &Action| {
            let at = action.target();
            let needed = action.deed.needs(&at).into_iter().map(|thing| thing.at);
            needed
                .filter(|at| !at.region.is_empty())
                .chain([at])
                .collect::<Vec<_>>()
        };
        self.actions.iter().flat_map(of_action).collect()
    }

    /// What all of it costs.
    pub(crate) fn cost(&self) -> Cost {
        self.actions
            .iter()
            .fold(Cost::FREE, |sum, action| sum.with(action.cost))
    }

    /// Could all of it be done, in this order?
    ///
    /// Errors: why not, in words.
    fn check(&self) -> Result<(), String> {
        let mut known = BTreeSet::new();
        for (number, action) in self.actions.iter().enumerate() {
            let at = action.target();
            let place = || {
                let resource = action.deed.resource(&at);
                format!(
                    "action {}, {} `{}`",
                    number + 1,
                    resource.noun,
                    one_line(&resource.name)
                )
            };
            let is_account = at.account_id.len() == 12 && at.account_id.bytes().all(|byte| byte.is_ascii_digit());
            if !is_account || at.region.is_empty() {
                return Err(format!(
                    "{}: `{}` is not an account and Region",
                    place(),
                    one_line(&at.to_string())
                ));
            }
            action
                .deed
                .check_values(&at)
                .map_err(|why| format!("{}: {why}", place()))?;
            if let Some(unknown) = action.needs.iter().find(|id| !known.contains(*id)) {
                return Err(format!(
                    "{}: it needs `{}`, which is no action before it",
                    place(),
                    one_line(unknown)
                ));
            }
            if !known.insert(&action.id) {
                return Err(format!("{}: another action has its id", place()));
            }
        }
        Ok(())
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

    /// The plan file's text.
    ///
    /// Errors: none that a caller can cause.
    pub(crate) fn to_json(&self) -> Result<String, Problem> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Problem::new(error.to_string()))?;
        Ok(text + "\n")
    }

    /// Writes the plan file; an earlier plan that is there is replaced, since plans are proposals and not evidence. Nothing else is.
    ///
    /// Errors: no `apply` would take it; something else is there, the folder is an evidence pack's, or the disk refused.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Problem> {
        let refuse = |error: String| {
            Problem::new("could not write the remediation plan")
                .at(path.display().to_string())
                .why(error)
                .so("nothing was written")
        };
        let of_user = |why: &str| Problem {
            exit: Exit::Usage,
            ..refuse(why.to_owned()).hint("name a new file with `--to`")
        };
        self.check().map_err(|why| {
            Problem::usage("the plan could not be done as the settings want it")
                .why(why)
                .so("nothing was written")
                .hint("change `[remediation]` in the settings file")
        })?;
        if path.symlink_metadata().is_ok() && !is_plan(path) {
            return Err(of_user("what is there is no remediation plan, and is not overwritten"));
        }
        if is_in_pack(path) {
            return Err(of_user(
                "the folder is an evidence pack, which holds nothing but what its manifest names",
            ));
        }
        let text = self.to_json()?;
        let partial = path.with_extension("partial");
        std::fs::write(&partial, text).map_err(|error| refuse(error.to_string()))?;
        std::fs::rename(&partial, path).map_err(|error| refuse(error.to_string()))
    }
}

/// Is this a plain file that holds a plan, of whatever version?
fn is_plan(path: &Path) -> bool {
    let bytes = plain_file::read(path, LARGEST_PLAN).unwrap_or_default();
    serde_json::from_slice::<Version>(&bytes).is_ok() && serde_json::from_slice::<Kinds>(&bytes).is_ok()
}

/// Is it in the folder of an evidence pack, or one below?
fn is_in_pack(path: &Path) -> bool {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().unwrap_or_default();
    let mut folders = folder.ancestors().take(2);
    folders.any(|folder| folder.join("manifest.json").is_file() && folder.join("SHA256SUMS").is_file())
}
