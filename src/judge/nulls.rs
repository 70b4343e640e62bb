//! Why facts have no value: asked once, here, of every fact that a report shows, and carried with the value from then on.
//!
//! The first of these that holds is the cause.
//!
//! 1. *Not asked*: the scan did not ask for a frame that the fact rests on.
//! 2. *None*: another fact, which is known, says that there is nothing it could be about ([`Fact::none_if`]). What is known in
//!    spite of calls that failed does not hang on them: a table that surely has no recovery point has no newest one, whatever
//!    else was denied. An absence that shows only by what was *seen* counts where no call that might show more was lost, in any
//!    target of the scan.
//! 3. *Lost*: a call that fills one of its frames did not end well where the fact looks: in the target; of calls about one
//!    table, vault, plan or key, about that one.
//! 4. *Left open*: all was asked and answered.
//!
//! A value that says that nothing was found, of a list that was not asked for, is no value either: it becomes *not asked*.
//! All of it follows from the inventory, so that a pack that is judged again gives the same causes.
//!
//! [`Fact::none_if`]: crate::dictionary::Fact::none_if

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::gaps::{ASSUME_ROLE, is_of_one_table, kind_of, may_vanish};
use crate::criteria::policy::Policy;
use crate::criteria::predicate::tag_key;
use crate::criteria::values::POLICY_VALUES;
use crate::criteria::vocabulary::{POLICY_TIER, frames_of, none_if};
use crate::dictionary::{NoneIf, PlanFacts, VaultFacts};
use crate::domain::{FactValue, LostCall, NullCause, Subject, TargetId};
use crate::facts::Facts;
use crate::inventory::schema::{CallLogEntry, Drill, Row as _};
use crate::inventory::sources::{READ_DRILL, RESTORES, actions_of};

/// Frames that list what there is: one that was not asked for is empty, and shows nothing.
const LISTS: [&str; 9] = [
    "plans",
    "selections",
    "vaults",
    "vault_policies",
    "recovery_points",
    "backup_jobs",
    "copy_jobs",
    "restore_jobs",
    "restore_testing_plans",
];

/// Facts on what lies in other targets: calls that were lost there hide them too, as what shows by what was seen.
const ELSEWHERE: [&str; 4] = [
    "missing_copy_regions",
    "missing_copy_accounts",
    "unplanned_copy_regions",
    "unplanned_copy_accounts",
];

/// Facts that look into other targets too where the policy accepts copies.
const WHERE_COPIES_COUNT: [&str; 9] = [
    "backed_up",
    "newest_good_point_age_hours",
    "newest_good_point_age_hours_at_most",
    "newest_good_point_age_hours_at_least",
    "newest_good_point_at",
    "newest_good_point_arn",
    "newest_good_point_vault",
    "plan_meets_policy",
    "is_not_yet_due",
];

/// The value of the policy that says whether they count.
const COPIES_ACCEPTED: &str = "copies_accepted";

/// The fact that looks into other targets where the policy requires copies there.
const WHERE_COPIES_ARE_WANTED: &str = "plan_meets_policy";

/// The values of the policy that say where.
const COPIES_WANTED: [&str; 2] = ["copy_regions_wanted", "copy_accounts_wanted"];

/// What tells the cause of a null.
pub(crate) struct Nulls<'f> {
    facts: &'f Facts,
    /// Calls that did not end well and are not about one table, with what they are about, by target.
    by_target: HashMap<&'f TargetId, Vec<(LostCall, &'f str)>>,
    /// Those about one table, by its name.
    by_table: HashMap<(&'f TargetId, &'f str), Vec<LostCall>>,
    /// Those of all tables of a target.
    of_tables: HashMap<&'f TargetId, BTreeSet<LostCall>>,
    /// Of all targets, without those about one table.
    anywhere: BTreeSet<LostCall>,
    /// Frames that tell which tier a table is in.
    of_tiers: Vec<&'static str>,
    /// What is known of each list of names, by subject and length.
    lists: Mutex<Lists>,
}

type Lists = HashMap<(Subject, usize), Arc<[Place]>>;

/// What is known of a name, whatever the subject.
struct Place {
    is_asked: bool,
    /// It rests on a list that was not asked for.
    is_of_unasked_list: bool,
    actions: BTreeSet<&'static str>,
    /// It looks into every target.
    is_everywhere: bool,
    /// It does where copies are accepted.
    is_of_copies: bool,
    /// It does where copies are wanted.
    is_of_wanted_copies: bool,
    /// With the places of the other names.
    none_if: Vec<(usize, &'static NoneIf)>,
}

impl<'f> Nulls<'f> {
    /// For the nulls of one inventory, judged by one policy.
    pub(crate) fn new(facts: &'f Facts, policy: &Policy) -> Self {
        let known: HashMap<&str, &'static str> = crate::inventory::sources::collected()
            .flat_map(|frame| frame.actions.iter().copied())
            .chain([ASSUME_ROLE, READ_DRILL])
            .map(|action| (action, action))
            .collect();
        let mut nulls = Self {
            facts,
            by_target: HashMap::new(),
            by_table: HashMap::new(),
            of_tables: HashMap::new(),
            anywhere: BTreeSet::new(),
            of_tiers: of_tiers(policy),
            lists: Mutex::default(),
        };
        for target in facts.reading().targets.keys() {
            let is_lost = |entry: &&CallLogEntry| !(entry.outcome == "absent" && may_vanish(&entry.action));
            for entry in facts.reading().failures_of(target).filter(is_lost) {
                let Some(action) = known.get(entry.action.as_str()) else {
                    continue;
                };
                let kind = kind_of(&entry.outcome);
                let call = LostCall { kind, action };
                if is_of_one_table(action) && !entry.resource.is_empty() {
                    let of_table = nulls.by_table.entry((target, &entry.resource)).or_default();
                    of_table.push(call);
                    nulls.of_tables.entry(target).or_default().insert(call);
                } else {
                    nulls.anywhere.insert(call);
                    let of_target = nulls.by_target.entry(target).or_default();
                    of_target.push((call, &entry.resource));
                }
            }
        }
        nulls
    }

    /// Puts the cause into every null among the facts on one subject. `target` is where it lives, `name` its name.
    pub(crate) fn explain(
        &self,
        subject: Subject,
        (target, name): (&TargetId, &str),
        values: &mut [(&'static str, FactValue)],
    ) {
        let places = self.places(subject, values);
        let lost = self.lost(subject, (target, name), values);
        for number in 0..values.len() {
            let place = &places[number];
            let cause = match &values[number].1 {
                // What the policy does not ask for says so itself.
                FactValue::Null(NullCause::LeftOpen) => cause(place, (&lost, &self.anywhere), values),
                value if place.is_of_unasked_list && says_nothing(value) => NullCause::NotAsked,
                _ => continue,
            };
            values[number].1 = FactValue::Null(cause);
        }
    }

    /// The calls that did not end well and that facts on this subject look at.
    fn lost(
        &self,
        subject: Subject,
        (target, name): (&TargetId, &str),
        values: &[(&'static str, FactValue)],
    ) -> Vec<LostCall> {
        let text = |wanted: &str| match values.iter().find(|(name, _)| *name == wanted) {
            Some((_, FactValue::Text(text))) => Some(&**text),
            _ => None,
        };
        let concerns = |action: &str, about: &str| match (subject, action) {
            (Subject::Vault, "backup:GetBackupVaultAccessPolicy") => about == name,
            (Subject::Vault, "kms:DescribeKey") => text(VaultFacts::key_arn.name()).is_none_or(|key| key == about),
            (Subject::Plan, action) if is_of_one_plan(action) => {
                text(PlanFacts::plan_id.name()).is_none_or(|id| about.starts_with(id))
            }
            _ => true,
        };
        let of_target = self.by_target.get(target).into_iter().flatten();
        let of_target = of_target.filter(|(call, about)| about.is_empty() || concerns(call.action, about));
        let mut lost: Vec<LostCall> = of_target.map(|(call, _)| *call).collect();
        if subject == Subject::Table {
            lost.extend(self.by_table.get(&(target, name)).into_iter().flatten());
        } else {
            // Which tables they are about the facts on other subjects do not say.
            lost.extend(self.of_tables.get(target).into_iter().flatten());
        }
        lost
    }

    fn places(&self, subject: Subject, values: &[(&'static str, FactValue)]) -> Arc<[Place]> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let list = lists.entry((subject, values.len()));
        Arc::clone(list.or_insert_with(|| {
            values
                .iter()
                .map(|(name, _)| self.place(subject, name, values))
                .collect()
        }))
    }

    fn place(&self, subject: Subject, name: &str, values: &[(&'static str, FactValue)]) -> Place {
        let is_of_policy = name == POLICY_TIER.name() || POLICY_VALUES.iter().any(|value| value.name == name);
        let frames = if is_of_policy {
            &self.of_tiers[..]
        } else {
            frames_of(subject, name)
        };
        let is_asked = |frame: &&str| self.facts.is_asked(frame);
        let other = |one: &'static NoneIf| Some((values.iter().position(|(name, _)| *name == one.fact)?, one));
        let tests = none_if(subject, name);
        let of_test = |one: &NoneIf| actions_of(frames_of(subject, one.fact));
        Place {
            is_asked: frames.iter().all(is_asked),
            is_of_unasked_list: frames.iter().any(|frame| LISTS.contains(frame) && !is_asked(frame)),
            // Where it is not known whether there is anything, what would tell that was lost.
            actions: actions_of(frames)
                .chain(tests.iter().flat_map(of_test))
                .chain(rests_on_drills(frames).then_some(READ_DRILL))
                .collect(),
            is_everywhere: ELSEWHERE.contains(&name)
                || matches!(subject, Subject::Waiver | Subject::Exemption)
                || tests.iter().any(NoneIf::is_by_what_was_seen),
            is_of_copies: WHERE_COPIES_COUNT.contains(&name),
            is_of_wanted_copies: name == WHERE_COPIES_ARE_WANTED,
            none_if: tests.iter().filter_map(other).collect(),
        }
    }
}

/// Why a fact is null; `lost` are the calls of its target that did not end well, `anywhere` those of all.
fn cause(
    place: &Place,
    (lost, anywhere): (&[LostCall], &BTreeSet<LostCall>),
    values: &[(&'static str, FactValue)],
) -> NullCause {
    if !place.is_asked {
        return NullCause::NotAsked;
    }
    let of_place = |call: &&LostCall| call.action == ASSUME_ROLE || place.actions.contains(call.action);
    let mut lost: BTreeSet<LostCall> = lost.iter().filter(of_place).copied().collect();
    let value = |wanted: &str| {
        let found = values.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value)
    };
    let accepts_copies = || value(COPIES_ACCEPTED).is_some_and(|accepted| *accepted != FactValue::Bool(false));
    let is_wanted = |name: &&str| value(name).is_some_and(|places| !says_nothing(places));
    let wants_copies = || COPIES_WANTED.iter().any(is_wanted);
    if place.is_everywhere || (place.is_of_copies && accepts_copies()) || (place.is_of_wanted_copies && wants_copies())
    {
        lost.extend(anywhere.iter().filter(of_place));
    }
    let holds = |(other, one): &(usize, &NoneIf)| {
        one.holds(&values[*other].1) && (lost.is_empty() || !one.is_by_what_was_seen())
    };
    if place.none_if.iter().any(holds) {
        NullCause::None
    } else if lost.is_empty() {
        NullCause::LeftOpen
    } else {
        NullCause::Lost(lost.into_iter().collect())
    }
}

/// Do drills tell of what these frames tell?
fn rests_on_drills(frames: &[&str]) -> bool {
    frames.iter().any(|frame| [RESTORES, Drill::FRAME.name].contains(frame))
}

/// Calls that ask about one plan.
fn is_of_one_plan(action: &str) -> bool {
    matches!(
        action,
        "backup:GetBackupPlan"
            | "backup:ListBackupPlanVersions"
            | "backup:ListBackupSelections"
            | "backup:GetBackupSelection"
    )
}

/// Frames that tell which tier of the policy a table is in.
fn of_tiers(policy: &Policy) -> Vec<&'static str> {
    let reads = policy.tiers.iter().flat_map(|tier| &tier.predicate.reads);
    let frames = reads.flat_map(|name| match tag_key(name) {
        Some(_) => &["table_tags"],
        None => frames_of(Subject::Table, name),
    });
    let frames: BTreeSet<&'static str> = frames.copied().collect();
    frames.into_iter().collect()
}

/// Does it say that nothing was found?
fn says_nothing(value: &FactValue) -> bool {
    match value {
        FactValue::Int(number) => *number == 0,
        FactValue::Float(number) => *number == 0.0,
        FactValue::Text(text) => **text == *"none",
        FactValue::Bool(_) | FactValue::Time(_) | FactValue::Null(_) => false,
    }
}
