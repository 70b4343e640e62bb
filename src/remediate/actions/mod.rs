//! What a plan may do, one kind of action a file. Whatever makes, simulates, does, follows, verifies or takes back a plan asks
//! here and knows none of them.
//!
//! To add one: its file, which implements [`Act`], and its line in the list below. A rule of somebody's own names it by its id
//! as `action`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Plan;
use super::export::{Declared, NO_RESOURCE, policy};
use super::propose::Planner;
use super::world::World;
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::domain::{Arn, TargetId, Verdict};
use crate::problem::{Outcome, one_line};
use crate::text::hex;

/// The list: makes [`Deed`], [`KINDS`] and what asks one of them.
macro_rules! deeds {
    ($dollar:tt $($module:ident::$deed:ident as $id:literal,)+) => {
        $(mod $module;)+
        $(pub(crate) use $module::$deed;)+

        /// What is to be done, by whichever action: its parameters, as they stand in the plan file.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum Deed {
            $(#[doc = concat!("`", $id, "`.")] #[serde(rename = $id)] $deed($deed),)+
        }

        /// Every kind, in the order in which a plan does them: what others need comes before them.
        pub(crate) const KINDS: &[Kind] = &[$($deed::KIND),+];

        /// IAM actions that taking back takes, by kind, in the same order.
        pub(crate) const UNDOING: &[&[&str]] = &[$($deed::UNDOING),+];

        /// Asks a deed, of whatever kind.
        macro_rules! each {
            ($dollar deed:expr, $dollar this:ident => $dollar ask:expr) => {
                match $dollar deed {
                    $(Deed::$deed($dollar this) => $dollar ask,)+
                }
            };
        }
    };
}

pub(crate) mod ground;
#[cfg(test)]
mod undo_tests;

deeds! { $
    role::MakeRole as "role",
    vault::MakeVault as "vault",
    vault_lock::LockVault as "vault-lock",
    vault_policy::GuardVault as "vault-policy",
    opt_in::OptIn as "opt-in",
    plan_create::PlanCreate as "plan-create",
    plan_change::PlanChange as "plan-change",
    tag_table::TagTable as "tag-table",
    assign::Assign as "assign",
    pitr::Pitr as "pitr",
    deletion_protection::DeletionProtection as "deletion-protection",
    on_demand_backup::OnDemandBackup as "backup-now",
    copy_point::CopyPoint as "copy",
    point_lifecycle::PointLifecycle as "point-lifecycle",
    restore_testing::RestoreTesting as "restore-testing",
}

pub(crate) use assign::TableRef;
pub(crate) use on_demand_backup::{default_role, table_names};
pub(crate) use plan_change::RuleChange;
pub(crate) use role::make_sure as make_sure_of_roles;
pub(crate) use tag_table::Tag;

/// What all actions of a kind have in common.
pub(crate) struct Kind {
    /// Its `kind` in the plan file, and the `action` of rules of somebody's own that want it.
    pub(crate) id: &'static str,
    /// Does it make something, or change what is there?
    pub(crate) sign: Sign,
    /// The rules of the program whose findings it answers.
    pub(crate) answers: &'static [&'static str],
    /// Frames of the inventory that [`Kind::propose`] reads beyond those of the rules.
    pub(crate) frames: &'static [&'static str],
    /// IAM actions that doing it and following it to its end take.
    pub(crate) doing: &'static [&'static str],
    /// IAM actions that its drift check and verifying it take.
    pub(crate) checking: &'static [&'static str],
    /// Adds the actions of this kind that the findings of the world as it would be by then call for.
    ///
    /// Errors: the inventory is damaged.
    pub(crate) propose: fn(&mut Planner<'_>) -> Outcome<()>,
}

/// What an action does to what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It makes something.
    Create,
    /// It changes something.
    Change,
}

impl Sign {
    /// As plans show it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Change => "~",
        }
    }
}

/// Something that one action makes and another needs: its sort and its name, inside an account and Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Thing {
    /// Where it is. The Region is empty for what belongs to the whole account.
    pub(crate) at: TargetId,
    /// `role`, `vault`, `plan`, `opt-in`, `recovery-point`, …
    pub(crate) sort: &'static str,
    /// Its name; empty where there is one at most.
    pub(crate) name: String,
}

impl Thing {
    /// The thing of this sort and name.
    pub(crate) fn new(at: &TargetId, sort: &'static str, name: impl Into<String>) -> Self {
        Self {
            at: at.clone(),
            sort,
            name: name.into(),
        }
    }
}

/// What an action is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource<'a> {
    /// What it is, such as `table`.
    pub(crate) noun: &'static str,
    /// Its ARN; where it has none, words that tell it from everything else in its account and Region.
    pub(crate) id: Cow<'a, str>,
    /// Its name, untrusted text.
    pub(crate) name: Cow<'a, str>,
}

/// How things stand just before an action is done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Now {
    /// It is to be done. The value is what it changes, as it is now: the journal keeps it, so that it can be put back. `null`:
    /// there is nothing to put back.
    ToDo(Value),
    /// What it is to bring about is so already, by somebody or by an earlier try.
    Already {
        /// How it is, in words.
        how: String,
        /// AWS's id of it, where others need it.
        made: Option<String>,
    },
}

/// Why an action is not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// What it rests on has changed, in these words.
    Changed(String),
    /// What it rests on could not be read: whether it has changed is not known.
    Unread(String),
}

impl Obstacle {
    /// In words.
    pub(crate) fn why(self) -> String {
        match self {
            Self::Changed(why) | Self::Unread(why) => why,
        }
    }

    /// The same, with what it is about before it.
    pub(crate) fn of(self, what: &str) -> Self {
        match self {
            Self::Changed(why) => Self::Changed(format!("{what}: {why}")),
            Self::Unread(why) => Self::Unread(format!("{what}: {why}")),
        }
    }
}

impl From<String> for Obstacle {
    fn from(why: String) -> Self {
        Self::Changed(why)
    }
}

impl From<Failure> for Obstacle {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            // That something is gone is an answer.
            FailureKind::Absent => Self::Changed(failure.told()),
            FailureKind::Gap(_) => Self::Unread(failure.told()),
        }
    }
}

/// What doing an action gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// The job that AWS began, to be followed; none: it is done.
    pub(crate) job: Option<String>,
    /// AWS's id of what it made, such as the id of a plan; actions that need it are told.
    pub(crate) made: Option<String>,
}

/// How taking back an action went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Undone {
    /// It is as it was before.
    Back(String),
    /// It stays, for this reason.
    Left(String),
}

/// What an action is told while it is done.
pub(crate) struct Doing<'d> {
    /// Its id: the same for the same wish, so that AWS, where it takes a token, does it once.
    pub(crate) id: &'d str,
    /// How often it was taken back before: done again, it is a new wish.
    pub(crate) round: usize,
    /// Ids of what the actions that it needs have made, by the thing.
    pub(crate) made: &'d [(Thing, String)],
}

impl Doing<'_> {
    /// By it AWS begins one job, however often it is asked in this round.
    pub(crate) fn token(&self) -> String {
        match self.round {
            0 => self.id.to_owned(),
            round => token(&[self.id, &round.to_string()]),
        }
    }

    /// AWS's id of something that an action before has made.
    pub(crate) fn made(&self, thing: &Thing) -> Option<&str> {
        self.made.iter().find(|(of, _)| of == thing).map(|(_, id)| id.as_str())
    }
}

/// What an action is told while it is taken back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Undoing<'u> {
    /// Its id.
    pub(crate) id: &'u str,
    /// What it changed, as it was before: as [`Now::ToDo`] gave it.
    pub(crate) before: &'u Value,
    /// What came of it.
    pub(crate) done: &'u Done,
    /// Accounts and Regions that the plan reaches: what was made in one may be in use in another.
    pub(crate) places: &'u BTreeSet<TargetId>,
    /// Recovery points go too that plans made which the journal made.
    pub(crate) with_points: bool,
    /// Names of the tables whose last usable recovery point may go.
    pub(crate) last_points_of: &'u BTreeSet<String>,
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

/// What one deed costs, as quantities; [`super::price`] knows the prices.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Quantities {
    /// Bytes that are kept in warm storage, and for how many days.
    pub(crate) warm: Option<(i64, i64)>,
    /// Bytes that are kept in cold storage, and for how many days.
    pub(crate) cold: Option<(i64, i64)>,
    /// Bytes that are restored from warm storage.
    pub(crate) restored: Option<i64>,
    /// Bytes that are restored from cold storage.
    pub(crate) restored_cold: Option<i64>,
    /// Read request units that reading tables takes.
    pub(crate) read_units: Option<f64>,
    /// Bytes that go to another Region.
    pub(crate) moved: Option<i64>,
    /// Bytes that are kept in warm storage all the time, once what it makes is in full use.
    pub(crate) monthly_warm: Option<i64>,
    /// The same in cold storage.
    pub(crate) monthly_cold: Option<i64>,
    /// Bytes that go to another Region every month.
    pub(crate) monthly_moved: Option<i64>,
    /// It costs something, and how much is not known.
    pub(crate) is_unknown: bool,
    /// It costs nothing itself; what the backups that follow cost in a month is not known.
    pub(crate) is_monthly_unknown: bool,
}

/// What every kind of action does. Calls are made in `target`, the action's own.
pub(crate) trait Act {
    /// What all of its kind have in common.
    const KIND: Kind;
    /// IAM actions that taking it back takes, beyond those of [`Kind::doing`] and [`Kind::checking`].
    const UNDOING: &'static [&'static str] = &[];
    /// It begins a job, and AWS begins one for each token, however often it is asked.
    const BEGINS_JOB: bool = false;
    /// Several of its calls change something: what is refused may be half done.
    const HAS_HALVES: bool = false;
    /// It keeps recovery points from being deleted: it is taken back before what has made some.
    const GUARDS_POINTS: bool = false;

    /// What it is about.
    fn resource(&self, at: &TargetId) -> Resource<'_>;

    /// One line that says what is to be done to it: `vault Default, deleted after 35 days`. Where and to what stands before it.
    fn describe(&self) -> String;

    /// Could AWS do this at all, and in this account and Region? A plan file may have been changed by hand.
    ///
    /// Errors: why not, in words.
    fn check_values(&self, at: &TargetId) -> Result<(), String>;

    /// What is there once it is done, for others that need it.
    fn gives(&self, _at: &TargetId) -> Vec<Thing> {
        Vec::new()
    }

    /// What has to be there before it can be done.
    fn needs(&self, _at: &TargetId) -> Vec<Thing> {
        Vec::new()
    }

    /// The evidence as it would be once it is done.
    ///
    /// Errors: the inventory is damaged.
    fn simulate(&self, at: &TargetId, world: &mut World) -> Outcome<()>;

    /// What it costs.
    fn quantities(&self) -> Quantities {
        Quantities::default()
    }

    /// How it can be taken back, or why not: shown before anything is done.
    fn inverse(&self) -> Undone;

    /// What no evidence tells and only doing it will, in words.
    fn open_question(&self) -> Option<&'static str> {
        None
    }

    /// The name that has to be typed, at planning and again at doing, because nobody can take this back one day.
    fn has_to_be_typed(&self) -> Option<&str> {
        None
    }

    /// Is what it rests on still so, and is it still to be done? Asked of AWS just before it is done.
    ///
    /// Errors: what has changed, or why that cannot be told.
    async fn look(&self, target: &Target, id: &str) -> Result<Now, Obstacle>;

    /// Waits until others at AWS know of it, where that takes time: an earlier run may have done it a moment ago.
    async fn settle(&self) {}

    /// Does it.
    ///
    /// Errors: AWS's refusal.
    async fn act(&self, target: &Target, doing: &Doing<'_>) -> Result<Done, Failure>;

    /// Is this its job, begun since then? Asked of AWS.
    ///
    /// Errors: why not, or why that cannot be told, in words.
    async fn check_job(&self, _target: &Target, _job_id: &str, _since: DateTime<Utc>) -> Result<(), String> {
        Err("an action of this kind begins no job".to_owned())
    }

    /// Where its job stands. A look that fails gives `UNKNOWN`, and is worth another.
    async fn job(&self, _target: &Target, _job_id: &str) -> Standing {
        Standing {
            state: "UNKNOWN".to_owned(),
            message: "an action of this kind begins no job".to_owned(),
            is_over: true,
            is_success: false,
            has_issues: false,
        }
    }

    /// Is it done, and where that has a date, done since then? Asked of AWS, whatever the journal says. Unknown if AWS does not
    /// tell.
    async fn verify(&self, target: &Target, since: DateTime<Utc>) -> (Verdict, String);

    /// Puts back what it changed or deletes what it made. What is so already is taken back: an earlier try may have ended between
    /// its call and the journal.
    ///
    /// Errors: AWS's refusal.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure>;

    /// The same as lines of a shell script that calls the AWS CLI.
    fn cli(&self, at: &TargetId) -> Vec<String>;

    /// What is to be there, for CloudFormation.
    fn cloudformation(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        Declared::Not(NO_RESOURCE)
    }

    /// What is to be there, for Terraform.
    fn terraform(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        Declared::Not(NO_RESOURCE)
    }

    /// What is to be there, for a backup policy of Organizations.
    fn backup_policy(&self, _at: &TargetId) -> Declared {
        Declared::Not(policy::NO_PART)
    }
}

impl Deed {
    /// Which kind it is.
    pub(crate) fn kind(&self) -> &'static Kind {
        let id = each!(self, deed => kind_id(deed));
        KINDS
            .iter()
            .find(|kind| kind.id == id)
            .expect("every deed is of a kind in the list")
    }

    /// As [`Act::BEGINS_JOB`].
    pub(crate) fn begins_job(&self) -> bool {
        fn of<A: Act>(_deed: &A) -> bool {
            A::BEGINS_JOB
        }
        each!(self, deed => of(deed))
    }

    /// As [`Act::HAS_HALVES`].
    pub(crate) fn has_halves(&self) -> bool {
        fn of<A: Act>(_deed: &A) -> bool {
            A::HAS_HALVES
        }
        each!(self, deed => of(deed))
    }

    /// As [`Act::GUARDS_POINTS`].
    pub(crate) fn guards_points(&self) -> bool {
        fn of<A: Act>(_deed: &A) -> bool {
            A::GUARDS_POINTS
        }
        each!(self, deed => of(deed))
    }

    /// As [`Act::resource`].
    pub(crate) fn resource(&self, at: &TargetId) -> Resource<'_> {
        each!(self, deed => deed.resource(at))
    }

    /// As [`Act::describe`].
    pub(crate) fn describe(&self) -> String {
        each!(self, deed => deed.describe())
    }

    /// As [`Act::check_values`].
    pub(crate) fn check_values(&self, at: &TargetId) -> Result<(), String> {
        each!(self, deed => deed.check_values(at))
    }

    /// As [`Act::gives`].
    pub(crate) fn gives(&self, at: &TargetId) -> Vec<Thing> {
        each!(self, deed => deed.gives(at))
    }

    /// As [`Act::needs`].
    pub(crate) fn needs(&self, at: &TargetId) -> Vec<Thing> {
        each!(self, deed => deed.needs(at))
    }

    /// As [`Act::simulate`].
    pub(crate) fn simulate(&self, at: &TargetId, world: &mut World) -> Outcome<()> {
        each!(self, deed => deed.simulate(at, world))
    }

    /// As [`Act::quantities`].
    pub(crate) fn quantities(&self) -> Quantities {
        each!(self, deed => deed.quantities())
    }

    /// As [`Act::inverse`].
    pub(crate) fn inverse(&self) -> Undone {
        each!(self, deed => deed.inverse())
    }

    /// As [`Act::open_question`].
    pub(crate) fn open_question(&self) -> Option<&'static str> {
        each!(self, deed => deed.open_question())
    }

    /// As [`Act::has_to_be_typed`].
    pub(crate) fn has_to_be_typed(&self) -> Option<&str> {
        each!(self, deed => deed.has_to_be_typed())
    }

    /// As [`Act::look`].
    pub(crate) async fn look(&self, target: &Target, id: &str) -> Result<Now, Obstacle> {
        each!(self, deed => deed.look(target, id).await)
    }

    /// As [`Act::settle`].
    pub(crate) async fn settle(&self) {
        each!(self, deed => deed.settle().await);
    }

    /// As [`Act::act`].
    pub(crate) async fn act(&self, target: &Target, doing: &Doing<'_>) -> Result<Done, Failure> {
        each!(self, deed => deed.act(target, doing).await)
    }

    /// As [`Act::check_job`].
    pub(crate) async fn check_job(&self, target: &Target, job_id: &str, since: DateTime<Utc>) -> Result<(), String> {
        each!(self, deed => deed.check_job(target, job_id, since).await)
    }

    /// As [`Act::job`].
    pub(crate) async fn job(&self, target: &Target, job_id: &str) -> Standing {
        each!(self, deed => deed.job(target, job_id).await)
    }

    /// As [`Act::verify`].
    pub(crate) async fn verify(&self, target: &Target, since: DateTime<Utc>) -> (Verdict, String) {
        each!(self, deed => deed.verify(target, since).await)
    }

    /// As [`Act::undo`].
    pub(crate) async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        each!(self, deed => deed.undo(target, undoing).await)
    }

    /// As [`Act::cloudformation`].
    pub(crate) fn cloudformation(&self, at: &TargetId, plan: &Plan) -> Declared {
        each!(self, deed => deed.cloudformation(at, plan))
    }

    /// As [`Act::terraform`].
    pub(crate) fn terraform(&self, at: &TargetId, plan: &Plan) -> Declared {
        each!(self, deed => deed.terraform(at, plan))
    }

    /// As [`Act::backup_policy`].
    pub(crate) fn backup_policy(&self, at: &TargetId) -> Declared {
        each!(self, deed => deed.backup_policy(at))
    }

    /// As [`Act::cli`].
    pub(crate) fn cli(&self, at: &TargetId) -> Vec<String> {
        each!(self, deed => deed.cli(at))
    }
}

fn kind_id<A: Act>(_deed: &A) -> &'static str {
    A::KIND.id
}

/// The tag of everything that this program makes: its value is the id of the action.
pub(crate) const MADE_BY: &str = "backproof:action";

/// Is this the ARN of a table of this account and Region?
///
/// Errors: why not, in words.
pub(crate) fn check_table(table_arn: &str, at: &TargetId) -> Result<(), String> {
    let arn = Arn::parse(table_arn).filter(|arn| arn.table_name().is_some());
    match arn {
        None => Err(format!("`{}` is not the ARN of a DynamoDB table", one_line(table_arn))),
        Some(arn) if arn.account_id != at.account_id || arn.region != at.region => Err(format!(
            "table `{}` is not in account {}, {}",
            one_line(table_arn),
            one_line(&at.account_id),
            one_line(&at.region)
        )),
        Some(_) => Ok(()),
    }
}

/// An id of what makes a wish the same.
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
    use crate::criteria::rules::{ACTIONS, shipped};
    use crate::inventory::sources::collected;

    #[test]
    fn rules_may_name_every_kind_and_no_other() {
        let mut ids: Vec<&str> = KINDS.iter().map(|kind| kind.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, ACTIONS);
        for rule in &shipped().0 {
            if let Some(action) = rule.action {
                let kind = KINDS.iter().find(|kind| kind.id == action).expect("a kind");
                assert!(kind.answers.contains(&&*rule.id), "{} names {action}", rule.id);
            }
        }
    }

    #[test]
    fn every_kind_stands_in_the_plan_file_by_its_id_and_reads_what_is_there() {
        for kind in KINDS {
            // The tag is known if what is missing is something else.
            let error = serde_json::from_value::<Deed>(serde_json::json!({"kind": kind.id})).expect_err("empty");
            assert!(error.to_string().starts_with("missing field"), "{}: {error}", kind.id);
            for frame in kind.frames {
                assert!(collected().any(|known| known.name == *frame), "{}: {frame}", kind.id);
            }
            for rule in kind.answers {
                assert!(
                    shipped().0.iter().any(|known| *known.id == **rule),
                    "{}: {rule}",
                    kind.id
                );
            }
        }
    }
}
