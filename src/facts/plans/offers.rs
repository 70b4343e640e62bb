//! What the plans that take a table promise it: schedule, retention, vaults, locks, copies.
//!
//! Many tables share the same plans, so this is worked out once for each set of plans.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::good_rules::GoodRules;
use super::live::Live;
use super::rule::{CopyAction, HORIZON_DAYS, PlanRule, PlannedCopy, interval, least_interval, timed};
use super::target::TargetPlans;
use crate::criteria::values::PolicyValues;
use crate::dictionary::{TableFacts, Text};
use crate::facts::index::Index;
use crate::facts::index::keys::RankedKey;
use crate::facts::index::vaults::Lock;
use crate::facts::schedule::{self, Run};
use crate::facts::time::{JOB_MEMORY, hours};
use crate::facts::words::names;

/// What a set of plans promises.
#[derive(Default)]
pub(crate) struct Offers {
    /// Every plan that takes the table, or may, is known with all its rules.
    pub(crate) is_whole: bool,
    /// Every plan that takes the table, or may, was read with all its rules: what may be promised at most is known.
    pub(crate) is_read: bool,
    /// And whichever of equal rules runs, the copies are the same.
    pub(crate) copies_whole: bool,
    plan_names: Option<Text>,
    selections: Option<Text>,
    schedules: Option<Text>,
    vaults: Option<Text>,
    retention_days_seen: Option<i64>,
    retention_days_at_most: Option<i64>,
    interval_hours: Option<f64>,
    /// More plans only make runs more frequent: the gap between runs of those that surely take the table.
    interval_hours_at_most: Option<f64>,
    /// The gap if every plan that may take the table did, and no rule came before another.
    interval_hours_at_least: Option<f64>,
    worst_age_hours: Option<f64>,
    last_run_at: Option<DateTime<Utc>>,
    lock: Option<Lock>,
    /// All vaults were listed, and it is known which of them are written to.
    vaults_sure: bool,
    vault_min_retention_days: i64,
    /// Interval and retention of each rule that makes a backup.
    pub(crate) rules: Vec<(Option<f64>, i64)>,
    /// The same of groups of rules, of each of which at least one does.
    pub(crate) open_rules: Vec<Vec<(Option<f64>, i64)>>,
    /// The same of rules of plans that may take the table.
    pub(crate) perhaps_rules: Vec<(Option<f64>, i64)>,
    /// Places that rules copy to.
    pub(crate) copies: BTreeSet<PlannedCopy>,
    /// Copies that rules make.
    pub(crate) copy_actions: BTreeSet<CopyAction>,
    /// Copies that any rule may make, of plans that may take the table too.
    pub(crate) perhaps_copy_actions: BTreeSet<CopyAction>,
    /// Runs of the last 30 days of each plan, in order, with its id; if the schedules are understood.
    pub(crate) runs: Option<Vec<(String, Vec<Run>)>>,
    /// Since when plans, their versions and their selections are what they are; `None`: AWS left one out.
    pub(crate) since: Option<DateTime<Utc>>,
    /// The plans that take the table, then those that may.
    pub(crate) takers: Vec<Taker>,
    /// What is good by one policy, worked out once: with the key of points without advanced features, by owner and state.
    good_rules: Mutex<Vec<(PolicyValues, NativeKey, Arc<GoodRules>)>>,
}

/// The owner and the state of a key.
type NativeKey = (Option<i64>, Option<Text>);

/// A plan that takes a table, or may.
#[derive(Debug, Clone)]
pub(crate) struct Taker {
    pub(crate) plan_id: String,
    /// It takes the table for certain.
    pub(crate) is_sure: bool,
    /// Since when its version and its first selection of the table are in force; `None`: AWS left one out.
    pub(crate) since: Option<DateTime<Utc>>,
    /// The roles of its selections that take the table, or may.
    pub(crate) roles: BTreeSet<String>,
}

/// The runs of the last 30 days of each plan; `None`: a schedule is not understood.
fn runs(rules: &[&PlanRule], as_of: DateTime<Utc>) -> Option<Vec<(String, Vec<Run>)>> {
    let of_plans = rules.chunk_by(|one, other| one.row.plan_id == other.row.plan_id);
    let of_plan = |rules: &[&PlanRule]| {
        let runs = schedule::effective_runs(&timed(rules)?, as_of - JOB_MEMORY, as_of)?;
        Some((rules[0].row.plan_id.clone(), runs))
    };
    of_plans.map(of_plan).collect()
}

/// The largest gap that any runs of these rules leave. Another plan only makes runs more frequent: one whose schedules are not
/// understood, or cannot be placed among others (a rate begins at a moment that nobody knows), takes nothing from the rest.
fn interval_at_most(rules: &[&PlanRule], as_of: DateTime<Utc>) -> Option<TimeDelta> {
    let is_placed = |rule: &&PlanRule| rule.schedule.as_ref().is_some_and(|schedule| schedule.rate().is_none());
    let plans = rules.chunk_by(|one, other| one.row.plan_id == other.row.plan_id);
    let (placed, alone): (Vec<_>, Vec<_>) = plans.partition(|plan| plan.iter().all(is_placed));
    let placed = interval(&placed.concat(), as_of);
    alone
        .into_iter()
        .map(|plan| interval(plan, as_of))
        .chain([placed])
        .flatten()
        .min()
}

/// What offers are made of.
pub(crate) struct Parts<'p> {
    pub(crate) place: u32,
    pub(crate) plan_names: BTreeSet<String>,
    pub(crate) selections: BTreeSet<String>,
    /// Rules of those plans that were read, those that will never run again too.
    pub(crate) rules: Vec<&'p PlanRule>,
    /// Those of plans that may take the table.
    pub(crate) perhaps: Vec<&'p PlanRule>,
    pub(crate) is_whole: bool,
    pub(crate) is_read: bool,
    pub(crate) last_run_at: Option<DateTime<Utc>>,
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) takers: Vec<Taker>,
}

impl Offers {
    pub(crate) fn new(parts: Parts<'_>, index: &Index) -> Self {
        let all = &parts.rules;
        let live = Live::of(all, index.as_of);
        let texts = |text: &dyn Fn(&PlanRule) -> String| -> Option<Text> {
            let all: BTreeSet<String> = live.all().map(text).collect();
            (!all.is_empty() || parts.is_whole).then(|| names(all.iter().map(String::as_str)))
        };
        let lock = |rule: &PlanRule| rule.vault(index).map_or(Lock::None, |vault| vault.lock);
        let least = |rule: &PlanRule| rule.vault(index).map_or(0, |vault| vault.bounds().0);
        let promised = |rules: &[&PlanRule]| -> Vec<(Option<f64>, i64)> {
            let promised = |rule: &&PlanRule| (rule.interval.map(hours), rule.retention_days());
            rules.iter().map(promised).collect()
        };
        let interval = interval(all, index.as_of).filter(|_| parts.is_whole);
        let perhaps: Vec<&PlanRule> = all.iter().chain(&parts.perhaps).copied().collect();
        let alive = || perhaps.iter().filter(|rule| !rule.is_over);
        let worst = || {
            let timed = timed(all)?;
            schedule::worst_case_age(&timed, index.as_of, HORIZON_DAYS, TimeDelta::zero())
        };
        // Where one may take the table, or was not read, that none does is not known.
        let takers =
            |all: &BTreeSet<String>| (!all.is_empty() || parts.is_whole).then(|| names(all.iter().map(String::as_str)));
        Self {
            plan_names: takers(&parts.plan_names),
            selections: takers(&parts.selections),
            schedules: texts(&PlanRule::schedule_text),
            vaults: texts(&|rule| rule.vault_text().to_owned()),
            retention_days_seen: live.best(PlanRule::retention_days),
            retention_days_at_most: alive()
                .map(|rule| rule.retention_days())
                .max()
                .filter(|_| parts.is_read),
            interval_hours_at_most: interval_at_most(all, index.as_of).map(hours),
            interval_hours_at_least: least_interval(&perhaps, index.as_of)
                .filter(|_| parts.is_read)
                .map(hours),
            perhaps_rules: promised(&parts.perhaps),
            perhaps_copy_actions: if parts.is_whole {
                live.all().flat_map(|rule| rule.copies.clone()).collect()
            } else {
                perhaps.iter().flat_map(|rule| rule.copies.clone()).collect()
            },
            copy_actions: live.copies(CopyAction::clone),
            is_read: parts.is_read,
            interval_hours: interval.map(hours),
            worst_age_hours: interval.and_then(|_| worst()).map(hours),
            last_run_at: parts.last_run_at,
            lock: live.best(lock),
            vaults_sure: index.is_whole(parts.place, "backup:ListBackupVaults", "")
                && live.all().all(PlanRule::is_vault_sure)
                && !live
                    .all()
                    .any(|rule| rule.vault(index).is_some_and(|vault| vault.is_of_unknown_type))
                && live.agrees(|rule| (lock(rule), least(rule))),
            vault_min_retention_days: live.best(least).unwrap_or(0),
            rules: promised(&live.sure),
            open_rules: live.open.iter().map(|group| promised(group)).collect(),
            copies: live.copies(|copy| copy.to.clone()),
            runs: runs(all, index.as_of).filter(|runs| !runs.is_empty()),
            since: parts.since,
            takers: parts.takers,
            good_rules: Mutex::default(),
            is_whole: parts.is_whole,
            copies_whole: parts.is_whole
                && live.agrees(|rule| rule.copies.iter().map(|copy| copy.to.clone()).collect::<Vec<_>>()),
        }
    }

    pub(crate) fn fill(&self, facts: &mut TableFacts, usual_duration_seconds: Option<i64>, table: (&str, &str)) {
        facts.plan_names.clone_from(&self.plan_names);
        facts.plan_selections.clone_from(&self.selections);
        facts.plan_schedules.clone_from(&self.schedules);
        facts.plan_vaults.clone_from(&self.vaults);
        facts.plan_retention_days_seen = self.retention_days_seen;
        facts.plan_retention_days = self.retention_days_seen.filter(|_| self.is_whole);
        facts.plan_retention_days_at_most = self.retention_days_at_most;
        facts.plan_interval_hours = self.interval_hours;
        facts.plan_interval_hours_at_most = self.interval_hours_at_most;
        facts.plan_interval_hours_at_least = self.interval_hours_at_least;
        #[expect(clippy::cast_precision_loss, reason = "a job takes less than 2^52 seconds")]
        let duration = usual_duration_seconds.map(|seconds| seconds as f64 / 3600.0);
        facts.plan_worst_age_hours = self
            .worst_age_hours
            .zip(duration)
            .map(|(worst, duration)| worst + duration);
        facts.plan_last_run_at = self.last_run_at;

        let knows_vaults = self.is_whole && self.vaults_sure;
        let is_locked = self.lock.is_some_and(|lock| lock > Lock::None);
        facts.plan_vault_lock_kind = self
            .lock
            .filter(|lock| knows_vaults || *lock == Lock::Compliance)
            .map(|lock| lock.as_str().into());
        let knows_lock = is_locked || knows_vaults;
        facts.plan_vault_locked = self.lock.map(|_| is_locked).filter(|_| knows_lock);
        let least = self.lock.map(|_| self.vault_min_retention_days);
        facts.plan_vault_min_retention_days = least.filter(|_| knows_vaults);

        let (account_id, region) = table;
        let regions: BTreeSet<&str> = self.elsewhere(|copy| &copy.region, region);
        let accounts: BTreeSet<&str> = self.elsewhere(|copy| &copy.account_id, account_id);
        let is_there = |places: &BTreeSet<&str>| {
            if places.is_empty() {
                self.copies_whole.then_some(false)
            } else {
                Some(true)
            }
        };
        facts.plan_copies_cross_region = is_there(&regions);
        facts.plan_copies_cross_account = is_there(&accounts);
        facts.plan_copy_regions = self.copies_whole.then(|| names(regions));
        facts.plan_copy_accounts = self.copies_whole.then(|| names(accounts));
    }

    /// Which of its rules are good by a policy. `native_key`: that of points that are made without advanced features.
    pub(crate) fn good_rules(
        &self,
        target: &TargetPlans,
        values: &PolicyValues,
        native_key: &RankedKey,
        index: &Index,
    ) -> Arc<GoodRules> {
        let key = (native_key.rank, native_key.facts.state.clone());
        let mut known = self.good_rules.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |(of, native, _): &&(PolicyValues, NativeKey, _)| of == values && *native == key;
        if let Some((.., rules)) = known.iter().find(is_it) {
            return Arc::clone(rules);
        }
        let rules = Arc::new(GoodRules::new(
            &self.takers,
            target,
            self.is_read,
            values,
            native_key,
            index,
        ));
        known.push((values.clone(), key, Arc::clone(&rules)));
        rules
    }

    /// Places other than the table's own that rules copy to.
    pub(crate) fn elsewhere<'c>(&'c self, of: impl Fn(&'c PlannedCopy) -> &'c str, own: &str) -> BTreeSet<&'c str> {
        self.copies.iter().map(of).filter(|place| *place != own).collect()
    }
}
