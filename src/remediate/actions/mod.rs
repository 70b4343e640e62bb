//! What a plan may do, one kind of action a file. Whatever makes, does, follows or verifies a plan asks here and knows none
//! of them.
//!
//! To add one: its file, then its four lines below; the compiler and the tests name those that are missing. A rule names it
//! by its id as `action`.

mod on_demand_backup;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::known::Known;
use crate::aws::failure::Failure;
use crate::aws::target::Target;
use crate::domain::{Finding, Subject, TargetId, Verdict};
use crate::problem::Outcome;
use crate::text::hex;

pub(crate) use on_demand_backup::{OnDemandBackup, default_role, table_names};

/// Every kind, in the order in which a plan does them: what others need comes before them.
pub(crate) const KINDS: &[Kind] = &[OnDemandBackup::KIND];

/// One thing to do, as it stands in the plan file, where `kind` tells which it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Action {
    /// One on-demand backup job.
    #[serde(rename = "backup-now")]
    OnDemandBackup(OnDemandBackup),
}

/// Asks an action, of whatever kind.
macro_rules! each {
    ($action:expr, $this:ident => $ask:expr) => {
        match $action {
            Action::OnDemandBackup($this) => $ask,
        }
    };
}

/// What all actions of a kind have in common.
pub(crate) struct Kind {
    /// The `action` of the rules whose findings it answers, and its `kind` in the plan file.
    pub(crate) id: &'static str,
    /// One of them, in words.
    pub(crate) noun: &'static str,
    /// Frames of the inventory that [`Kind::propose`] reads, those behind the facts of tables included.
    pub(crate) frames: &'static [&'static str],
    /// IAM actions that doing it and following it to its end take.
    pub(crate) doing: &'static [&'static str],
    /// IAM actions that its drift check and verifying it take.
    pub(crate) checking: &'static [&'static str],
    /// Reads what all proposals rest on, and gives what proposes one.
    pub(crate) propose: for<'k> fn(&'k Known<'k>) -> Outcome<Propose<'k>>,
}

/// The action that answers a non-compliant finding. Errors: why there is none, in words.
pub(crate) type Propose<'k> = Box<dyn Fn(&Finding) -> Result<Action, String> + 'k>;

/// What an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resource<'a> {
    /// What it is.
    pub(crate) subject: Subject,
    /// Its ARN.
    pub(crate) arn: &'a str,
    /// Its name, untrusted text.
    pub(crate) name: &'a str,
}

/// How a job ended, or where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The last state seen, word for word.
    pub(crate) state: String,
    /// AWS's message, untrusted text.
    pub(crate) message: String,
    /// It will not change any more.
    pub(crate) is_over: bool,
    /// It has done what it was begun for.
    pub(crate) is_success: bool,
    /// It has, and AWS says that something was not as it should be.
    pub(crate) has_issues: bool,
}

impl Action {
    /// Which kind it is.
    pub(crate) fn kind(&self) -> &'static Kind {
        each!(self, action => action.kind())
    }

    /// Why: the finding's message.
    pub(crate) fn reason(&self) -> &str {
        each!(self, action => &action.reason)
    }

    /// What it is about.
    pub(crate) fn resource(&self) -> Resource<'_> {
        each!(self, action => action.resource())
    }

    /// Where it is done.
    pub(crate) fn target(&self) -> TargetId {
        each!(self, action => action.target())
    }

    /// The same for the same wish, and for no other: by it the journal knows what was done, and AWS, where it takes one,
    /// does it once.
    pub(crate) fn token(&self) -> &str {
        each!(self, action => &action.idempotency_token)
    }

    /// One line that says what is to be done, where and how.
    pub(crate) fn describe(&self) -> String {
        each!(self, action => action.describe())
    }

    /// Could AWS do this at all? A plan file may have been changed by hand.
    ///
    /// Errors: why not, in words.
    pub(crate) fn check_values(&self) -> Result<(), String> {
        each!(self, action => action.check_values())
    }

    /// Is what it rests on still so? Asked of AWS just before it is done.
    ///
    /// Errors: what has changed, or why that cannot be told.
    pub(crate) async fn check_drift(&self, target: &Target) -> Result<(), String> {
        each!(self, action => action.check_drift(target).await)
    }

    /// Does it, and gives the id of the job that AWS began.
    ///
    /// Errors: AWS's refusal.
    pub(crate) async fn start(&self, target: &Target) -> Result<String, Failure> {
        each!(self, action => action.start(target).await)
    }

    /// Is this its job, begun since then? Asked of AWS.
    ///
    /// Errors: why not, or why that cannot be told, in words.
    pub(crate) async fn check_job(&self, target: &Target, job_id: &str, since: DateTime<Utc>) -> Result<(), String> {
        each!(self, action => action.check_job(target, job_id, since).await)
    }

    /// Where its job stands. A look that fails gives `UNKNOWN`, and is worth another.
    pub(crate) async fn look(&self, target: &Target, job_id: &str) -> Standing {
        each!(self, action => action.look(target, job_id).await)
    }

    /// Is it done, and done since then? Asked of AWS, whatever the journal says. Unknown if AWS does not tell.
    pub(crate) async fn verify(&self, target: &Target, since: DateTime<Utc>) -> (Verdict, String) {
        each!(self, action => action.verify(target, since).await)
    }
}

/// An idempotency token of what makes a wish the same.
pub(crate) fn token(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    format!("backproof-{}", hex(&digest.finalize()[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criteria::rules::actions;
    use crate::inventory::sources::collected;

    #[test]
    fn rules_name_every_kind_and_no_other() {
        let mut ids: Vec<&str> = KINDS.iter().map(|kind| kind.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, actions());
    }

    #[test]
    fn every_kind_stands_in_the_plan_file_by_its_id_and_reads_frames_that_are_there() {
        for kind in KINDS {
            // The tag is known if what is missing is something else.
            let error = serde_json::from_value::<Action>(serde_json::json!({"kind": kind.id})).expect_err("empty");
            assert!(error.to_string().starts_with("missing field"), "{}: {error}", kind.id);
            for frame in kind.frames {
                assert!(collected().any(|known| known.name == *frame), "{}: {frame}", kind.id);
            }
        }
    }
}
