//! What the plans that take a table promise it: schedule, retention, vaults, locks, copies.
//!
//! Many tables share the same plans, so this is worked out once for each set of plans.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::live::Live;
use super::schedule::{self, Run, Schedule, TimedRule};
use super::vaults::{Lock, VaultState};
use super::{Evidence, FOREVER_DAYS, names};
use crate::dictionary::{TableFacts, Text};
use crate::domain::Arn;
use crate::domain::TargetId;
use crate::inventory::schema::PlanRule;

/// Over so many days the largest gap between runs is looked for, so that a yearly schedule shows.
pub(super) const HORIZON_DAYS: i64 = 400;

/// AWS Backup's default.
const START_WINDOW_MINUTES: i64 = 480;

/// A rule of a plan, ready to be asked.
pub(super) struct Rule {
    pub(super) row: PlanRule,
    /// `None`: the schedule is not understood.
    pub(super) schedule: Option<Schedule>,
    /// It will never run again.
    pub(super) is_over: bool,
    /// Largest gap between its own runs.
    pub(super) interval: Option<TimeDelta>,
    /// Advanced features are on where it runs: without them nothing is written to an air-gapped vault.
    pub(super) advanced_on: Option<bool>,
    pub(super) copies: Vec<Copy>,
}

/// A copy that a rule makes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Copy {
    pub(super) account_id: String,
    pub(super) region: String,
}

impl Rule {
    pub(super) fn new(row: PlanRule, evidence: &Evidence) -> Self {
        let as_of = evidence.as_of;
        let schedule = Schedule::parse(row.schedule.as_deref(), row.schedule_time_zone.as_deref()).ok();
        Self {
            is_over: schedule.as_ref().is_some_and(|schedule| schedule.is_over(as_of)),
            advanced_on: evidence.advanced_features_on(&TargetId::new(&row.account_id, &row.region)),
            interval: schedule
                .as_ref()
                .and_then(|schedule| schedule.largest_gap(as_of, HORIZON_DAYS)),
            schedule,
            copies: copies(&row.copy_actions_json),
            row,
        }
    }

    pub(super) fn retention_days(&self) -> i64 {
        self.row
            .delete_after_days
            .filter(|days| *days > 0)
            .unwrap_or(FOREVER_DAYS)
    }

    pub(super) fn start_window(&self) -> TimeDelta {
        let minutes = self.row.start_window_minutes.unwrap_or(START_WINDOW_MINUTES);
        TimeDelta::minutes(minutes.clamp(0, 60 * 24 * 366))
    }

    /// The schedule as AWS wrote it, with its zone.
    pub(super) fn schedule_text(&self) -> String {
        format!(
            "{} {}",
            self.row.schedule.as_deref().unwrap_or("cron(0 5 ? * * *)"),
            self.row.schedule_time_zone.as_deref().unwrap_or("UTC")
        )
    }

    /// The air-gapped vault that it writes to. Without advanced features AWS Backup leaves the point in the ordinary
    /// vault, and the job completes with issues.
    fn air_gapped_vault(&self) -> Option<&str> {
        let named = self.row.air_gapped_vault_arn.as_deref();
        named.filter(|_| self.advanced_on == Some(true))
    }

    /// Is it known which of its vaults it writes to?
    pub(super) fn is_vault_sure(&self) -> bool {
        self.row.air_gapped_vault_arn.is_none() || self.advanced_on.is_some()
    }

    /// The vault that it writes to: an ARN for an air-gapped one, else a name. The ordinary one where that is not sure.
    pub(super) fn vault_text(&self) -> &str {
        self.air_gapped_vault().unwrap_or(&self.row.vault_name)
    }

    /// The same, if it was listed.
    pub(super) fn vault<'e>(&self, evidence: &'e Evidence) -> Option<&'e VaultState> {
        match self.air_gapped_vault() {
            Some(arn) => evidence.vault_by_arn(arn),
            None => {
                let place = evidence.vault_place(&self.row.account_id, &self.row.region, &self.row.vault_name)?;
                evidence.vaults.get(place as usize)
            }
        }
    }
}

fn copies(json: &str) -> Vec<Copy> {
    let actions: Vec<serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
    let destinations = actions
        .iter()
        .filter_map(|action| Arn::parse(action["destination_vault_arn"].as_str()?));
    destinations
        .map(|arn| Copy {
            account_id: arn.account_id.to_owned(),
            region: arn.region.to_owned(),
        })
        .collect()
}

/// The largest gap between runs of these rules; `None` if there is no rule or one is not understood.
pub(super) fn interval(rules: &[&Rule], as_of: DateTime<Utc>) -> Option<TimeDelta> {
    let timed = timed(rules)?;
    schedule::largest_gap_of(&timed, as_of, HORIZON_DAYS)
}

pub(super) fn timed<'r>(rules: &[&'r Rule]) -> Option<Vec<TimedRule<'r>>> {
    let timed = |rule: &&'r Rule| {
        Some(TimedRule {
            schedule: rule.schedule.as_ref()?,
            start_window: rule.start_window(),
            retention_days: rule.retention_days(),
        })
    };
    let timed: Option<Vec<TimedRule<'r>>> = rules.iter().map(timed).collect();
    timed.filter(|timed| !timed.is_empty())
}

/// What a set of plans promises.
#[derive(Default)]
pub(super) struct Offers {
    /// Every plan that takes the table, or may, is known with all its rules.
    pub(super) is_whole: bool,
    /// And whichever of equal rules runs, the copies are the same.
    pub(super) copies_whole: bool,
    /// Ids of the plans that take the table for certain.
    pub(super) plan_ids: Vec<String>,
    plan_names: Option<Text>,
    selections: Option<Text>,
    schedules: Option<Text>,
    vaults: Option<Text>,
    retention_days_seen: Option<i64>,
    interval_hours: Option<f64>,
    worst_age_hours: Option<f64>,
    last_run_at: Option<DateTime<Utc>>,
    lock: Option<Lock>,
    /// All vaults were listed, and it is known which of them are written to.
    vaults_sure: bool,
    vault_min_retention_days: i64,
    /// Interval and retention of each rule that makes a backup.
    pub(super) rules: Vec<(Option<f64>, i64)>,
    /// The same of rules of which at least one does.
    pub(super) open_rules: Vec<(Option<f64>, i64)>,
    /// Places that rules copy to.
    pub(super) copies: BTreeSet<Copy>,
    /// Runs of the last 30 days, in order, if the schedules are understood.
    pub(super) runs: Option<Vec<Run>>,
    /// Since when plans, their versions and their selections are what they are; `None`: AWS left one out.
    pub(super) since: Option<DateTime<Utc>>,
}

/// What offers are made of.
pub(super) struct Parts<'p> {
    pub(super) place: u32,
    pub(super) plan_ids: Vec<String>,
    pub(super) plan_names: BTreeSet<String>,
    pub(super) selections: BTreeSet<String>,
    /// Rules of those plans that were read, those that will never run again too.
    pub(super) rules: Vec<&'p Rule>,
    pub(super) is_whole: bool,
    pub(super) last_run_at: Option<DateTime<Utc>>,
    pub(super) since: Option<DateTime<Utc>>,
}

impl Offers {
    pub(super) fn new(parts: Parts<'_>, evidence: &Evidence) -> Self {
        let all = &parts.rules;
        let live = Live::of(all, evidence.as_of);
        let texts = |text: &dyn Fn(&Rule) -> String| -> Option<Text> {
            let all: BTreeSet<String> = live.all().map(text).collect();
            (!all.is_empty() || parts.is_whole).then(|| names(all.iter().map(String::as_str)))
        };
        let lock = |rule: &Rule| rule.vault(evidence).map_or(Lock::None, |vault| vault.lock);
        let least = |rule: &Rule| rule.vault(evidence).map_or(0, |vault| vault.bounds().0);
        let promised = |rules: &[&Rule]| -> Vec<(Option<f64>, i64)> {
            let promised = |rule: &&Rule| (rule.interval.map(hours), rule.retention_days());
            rules.iter().map(promised).collect()
        };
        let interval = interval(all, evidence.as_of).filter(|_| parts.is_whole);
        let worst = || {
            let timed = timed(all)?;
            schedule::worst_case_age(&timed, evidence.as_of, HORIZON_DAYS, TimeDelta::zero())
        };
        Self {
            plan_names: Some(names(parts.plan_names.iter().map(String::as_str))),
            selections: Some(names(parts.selections.iter().map(String::as_str))),
            schedules: texts(&Rule::schedule_text),
            vaults: texts(&|rule| rule.vault_text().to_owned()),
            retention_days_seen: live.best(Rule::retention_days),
            interval_hours: interval.map(hours),
            worst_age_hours: interval.and_then(|_| worst()).map(hours),
            last_run_at: parts.last_run_at,
            lock: live.best(lock),
            vaults_sure: evidence.is_whole(parts.place, "backup:ListBackupVaults", "")
                && live.all().all(Rule::is_vault_sure)
                && live.agrees(|rule| (lock(rule), least(rule))),
            vault_min_retention_days: live.best(least).unwrap_or(0),
            rules: promised(&live.sure),
            open_rules: promised(&live.open),
            copies: live.copies(),
            runs: timed(all).and_then(|timed| {
                let from = evidence.as_of - super::window::JOB_MEMORY;
                schedule::effective_runs(&timed, from, evidence.as_of)
            }),
            since: parts.since,
            is_whole: parts.is_whole,
            copies_whole: parts.is_whole && live.agrees(|rule| rule.copies.clone()),
            plan_ids: parts.plan_ids,
        }
    }

    pub(super) fn fill(&self, facts: &mut TableFacts, usual_duration_seconds: Option<i64>, table: (&str, &str)) {
        facts.plan_names.clone_from(&self.plan_names);
        facts.plan_selections.clone_from(&self.selections);
        facts.plan_schedules.clone_from(&self.schedules);
        facts.plan_vaults.clone_from(&self.vaults);
        facts.plan_retention_days_seen = self.retention_days_seen;
        facts.plan_retention_days = self.retention_days_seen.filter(|_| self.is_whole);
        facts.plan_interval_hours = self.interval_hours;
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
        facts.plan_vault_locked = self.lock.map(|_| is_locked).filter(|_| is_locked || knows_vaults);
        facts.plan_vault_min_retention_days = facts.plan_vault_locked.map(|_| self.vault_min_retention_days);

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

    /// Places other than the table's own that rules copy to.
    pub(super) fn elsewhere<'c>(&'c self, of: impl Fn(&'c Copy) -> &'c str, own: &str) -> BTreeSet<&'c str> {
        self.copies.iter().map(of).filter(|place| *place != own).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "gaps are below 2^52 seconds")]
pub(super) fn hours(gap: TimeDelta) -> f64 {
    gap.num_seconds() as f64 / 3600.0
}
