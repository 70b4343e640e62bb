//! Do the plans that take a table keep the policy: in what they say, and in what they did?
//!
//! Known where what is good for certain suffices, or where even what may be good does not. A backup that somebody made by
//! hand counts for nothing here.

use chrono::{DateTime, TimeDelta, Utc};

use super::copies::Copies;
use super::demands::Quality;
use super::good_points::failing_by_both;
use super::index::Index;
use super::index::keys::{KeyFacts, RankedKey};
use super::jobs::{Jobs, OfRole};
use super::plans::good_rules::{GoodRule, GoodRules, Late};
use super::plans::membership::Memberships;
use super::plans::offers::{Offers, Taker};
use super::plans::target::TargetPlans;
use super::schedule::Run;
use super::table_points::{TablePoints, UNDATED};
use super::time::{JOB_REACH, START_SLACK, seconds_of_millis};
use super::young;
use crate::criteria::values::PolicyValues;
use crate::dictionary::{TableFacts, Text};
use crate::domain::{Demand, Demands, FactValue};
use crate::duration;
use crate::problem::count;

/// What the plans of a table promise, against one policy; or against all policies of which one is the table's, and it is not
/// known which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PlanPolicy {
    meets: Option<bool>,
    reason: Option<Text>,
    doubt: Option<Text>,
    failing_plans: Option<Text>,
    is_not_yet_due: Option<bool>,
    failing: Vec<Demands>,
}

impl PlanPolicy {
    /// The sets of demands of which each is enough: if none of one set were asked, the plans would keep the policy for certain.
    pub(super) fn failing(&self) -> &[Demands] {
        &self.failing
    }

    /// What these and other ones say between them.
    #[must_use]
    pub(super) fn or(self, other: &Self) -> Self {
        let both = |mine: Option<bool>, theirs: Option<bool>| mine.filter(|mine| theirs == Some(*mine));
        let either = |mine: &Option<Text>, theirs: &Option<Text>| match (mine, theirs) {
            (Some(mine), Some(theirs)) if mine != theirs => {
                Some(format!("{mine}; or, by another tier that may be the table's: {theirs}").into())
            }
            (mine, theirs) => mine.as_ref().or(theirs.as_ref()).cloned(),
        };
        Self {
            meets: both(self.meets, other.meets),
            reason: either(&self.reason, &other.reason),
            doubt: match (self.meets, other.meets) {
                (Some(mine), Some(theirs)) if mine != theirs => {
                    Some("it hangs on which tier of the policy the table is in".into())
                }
                (None, _) => self.doubt,
                _ => other.doubt.clone(),
            },
            failing_plans: self
                .failing_plans
                .filter(|mine| Some(mine) == other.failing_plans.as_ref()),
            is_not_yet_due: both(self.is_not_yet_due, other.is_not_yet_due),
            failing: failing_by_both(&self.failing, &other.failing),
        }
    }

    /// By name.
    pub(super) fn values(&self) -> [(&'static str, FactValue); 5] {
        let flag = |flag: Option<bool>| flag.map_or(FactValue::OPEN, FactValue::Bool);
        let text = |text: &Option<Text>| text.clone().map_or(FactValue::OPEN, FactValue::Text);
        [
            ("plan_meets_policy", flag(self.meets)),
            ("plan_policy_reason", text(&self.reason)),
            ("plan_policy_doubt", text(&self.doubt)),
            ("failing_plans", text(&self.failing_plans)),
            ("is_not_yet_due", flag(self.is_not_yet_due)),
        ]
    }
}

/// A table, and everything that tells how its plans do.
#[derive(Clone, Copy)]
pub(super) struct Evidence<'e> {
    pub(super) row: usize,
    pub(super) facts: &'e TableFacts,
    pub(super) offers: &'e Offers,
    pub(super) memberships: &'e Memberships,
    pub(super) points: &'e TablePoints,
    pub(super) copies: &'e Copies,
    pub(super) jobs: &'e Jobs,
    pub(super) index: &'e Index,
}

impl Evidence<'_> {
    pub(super) fn compare(&self, values: &PolicyValues) -> PlanPolicy {
        let Some(target) = self.memberships.target_of(self.row, self.index) else {
            return PlanPolicy::default();
        };
        let native_key = self.native_key();
        let rules = self.offers.good_rules(target, values, &native_key, self.index);
        let case = Case {
            evidence: self,
            target,
            rules: &rules,
            values,
        };
        let judged = case.judge();
        PlanPolicy {
            failing: match judged.meets {
                Some(true) => vec![Demands::NONE],
                _ => case.failing(&native_key),
            },
            is_not_yet_due: young::is_not_yet_due(
                self.row,
                self.facts,
                self.offers,
                target,
                (self.points, self.index),
                values,
            ),
            ..judged
        }
    }

    /// The key of points that are made without advanced features: the table's own.
    fn native_key(&self) -> RankedKey {
        let target = self.index.target(self.row);
        let has_advanced = target.and_then(|target| self.index.advanced_features_on(target));
        if has_advanced == Some(true) {
            return KeyFacts::unknown().into();
        }
        self.index.keys.of_table(&self.index.tables[self.row]).into()
    }
}

/// The plans of one table, against one policy.
struct Case<'c> {
    evidence: &'c Evidence<'c>,
    target: &'c TargetPlans,
    rules: &'c GoodRules,
    values: &'c PolicyValues,
}

impl Case<'_> {
    fn judge(&self) -> PlanPolicy {
        let all = &self.rules.rules;
        let works: Vec<Option<bool>> = all.iter().map(|rule| self.works(rule)).collect();
        let cadences = self.rules.cadences(works.clone());
        let jobs = self.evidence.jobs;
        let usual = TimeDelta::seconds(jobs.usual_duration(self.evidence.row));
        let are_jobs_whole = jobs.is_whole(self.evidence.row);
        let sure = if are_jobs_whole {
            cadences.sure.late(self.values, usual)
        } else {
            Some(Late::Never)
        };
        let at_best = if are_jobs_whole { usual } else { TimeDelta::zero() };
        let possible = cadences
            .possible
            .late(self.values, at_best)
            .filter(|_| !self.rules.may_be_more);
        let meets = match (sure, possible) {
            (None, _) => Some(true),
            (Some(_), Some(_)) => Some(false),
            (Some(_), None) => None,
        };
        let doubt = meets.map_or_else(|| self.doubt(&works), |_| "none".to_owned());
        let reason = match (meets, possible) {
            (Some(true), _) => self.words_of(cadences.sure.gap().unwrap_or_default()),
            (Some(false), Some(late)) => self.why_not(late, &works, at_best),
            _ if doubt == "none" => "not known".to_owned(),
            _ => format!("not known: {doubt}"),
        };
        PlanPolicy {
            meets,
            reason: Some(reason.into()),
            doubt: Some(doubt.into()),
            failing_plans: Some(self.failing_plans(meets, &works, at_best).into()),
            is_not_yet_due: None,
            failing: Vec::new(),
        }
    }

    /// Ids of the plans of rules whose last runs failed, where all of them would be enough if they worked.
    fn failing_plans(&self, meets: Option<bool>, works: &[Option<bool>], duration: TimeDelta) -> String {
        let is_enough = meets == Some(false) && self.late_if_all_worked(duration).is_none();
        let rules = self.rules.rules.iter().zip(works);
        let failing = rules.filter(|(rule, works)| is_enough && rule.is_good != Some(false) && **works == Some(false));
        let mut ids: Vec<&str> = failing.map(|(rule, _)| self.taker(rule).plan_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        match ids.as_slice() {
            [] => "none".to_owned(),
            ids => ids.join(", "),
        }
    }

    /// What has to be excused for the plans to keep the policy for certain.
    fn failing(&self, native_key: &RankedKey) -> Vec<Demands> {
        let Evidence { offers, index, .. } = *self.evidence;
        let of_points = self
            .rules
            .rules
            .iter()
            .fold(Demands::NONE, |all, rule| all.or(rule.wants));
        let of_points = of_points.without(Demands::NONE.and(Demand::Usable));
        let mut sets: Vec<Demands> = Vec::new();
        for excused in of_points.subsets() {
            let values = self.values.excusing(excused);
            let rules = offers.good_rules(self.target, &values, native_key, index);
            let case = Case {
                rules: &rules,
                values: &values,
                ..*self
            };
            sets.extend(case.failing_runs().into_iter().map(|failing| failing.or(excused)));
        }
        Demands::least(sets)
    }

    /// What has to be excused of the runs, where points are asked no more than these values ask.
    fn failing_runs(&self) -> Vec<Demands> {
        let (all, jobs, row) = (&self.rules.rules, self.evidence.jobs, self.evidence.row);
        let usual = TimeDelta::seconds(jobs.usual_duration(row));
        // None but those of one kind of runs: whether they come often enough, or at all.
        let among = |works: Vec<Option<bool>>| {
            let cadences = self.rules.cadences(works);
            let is_in_time = jobs.is_whole(row) && cadences.sure.late(self.values, usual).is_none();
            match cadences.sure.gap() {
                Some(_) if is_in_time => Some(Demands::NONE),
                Some(_) => Some(Demands::NONE.and(Demand::Fresh)),
                None => None,
            }
        };
        let usable = Demands::NONE.and(Demand::Usable);
        let that_work = among(all.iter().map(|rule| self.works(rule)).collect());
        let if_all_worked = among(all.iter().map(|rule| Some(rule.is_good == Some(true))).collect());
        // No point is made that lacks anything, for none is made.
        let is_nothing_made = !self.rules.may_be_more && all.iter().all(|rule| rule.wants.are_among(usable));
        that_work
            .into_iter()
            .chain(if_all_worked.map(|failing| failing.or(usable)))
            .chain(is_nothing_made.then(|| usable.and(Demand::Fresh)))
            .collect()
    }

    fn taker(&self, rule: &GoodRule) -> &Taker {
        &self.evidence.offers.takers[rule.plan]
    }

    fn plan_name(&self, rule: &GoodRule) -> &str {
        let plan_id = &self.taker(rule).plan_id;
        self.target.plans.get(plan_id).map_or(plan_id, |plan| plan.name())
    }

    /// Did one of the last two runs of a rule make a good point? One without two runs that were due counts as working.
    fn works(&self, rule: &GoodRule) -> Option<bool> {
        if rule.is_good == Some(false) {
            return Some(false);
        }
        let born = self.evidence.index.tables[self.evidence.row].created_at?;
        let since = self.taker(rule).since;
        let from = since.map_or(born, |since| since.max(born));
        let due: Vec<&Run> = rule.due.iter().filter(|run| run.at >= from).collect();
        let made: Vec<Option<bool>> = due.iter().map(|run| self.made_good_point(rule, run)).collect();
        if made.contains(&Some(true)) {
            return Some(true);
        }
        if due.len() < 2 {
            return self.role_doubt(rule).is_none().then_some(true);
        }
        let all_failed = made.iter().all(|made| *made == Some(false));
        (all_failed && since.is_some()).then_some(false)
    }

    /// Did a run of a good rule make a good point?
    fn made_good_point(&self, rule: &GoodRule, run: &Run) -> Option<bool> {
        let Evidence {
            row,
            points,
            jobs,
            index,
            ..
        } = *self.evidence;
        let plan_id = self.taker(rule).plan_id.as_str();
        let (from, to) = (run.at - START_SLACK, run.at + run.start_window + START_SLACK);
        let of_table = RankedKey::from(index.keys.of_table(&index.tables[row]));
        let wanted = self.values.of_point();
        let (mut seen, mut is_open) = (0, false);
        for kind in points.made_within(row, from, to) {
            let is_of_plan = match kind.plan_id.as_deref() {
                Some(plan) if plan != plan_id => continue,
                plan => plan.is_some(),
            };
            seen += 1;
            let mut quality = Quality::of(kind, index);
            // The key of a native point is the table's affair: the plan's next one will be under its key of today.
            if kind.state.is_native == Some(true) {
                quality = quality.under(&of_table);
            }
            match quality.is_good(&wanted) {
                Some(true) if is_of_plan => return Some(true),
                Some(false) => {}
                _ => is_open = true,
            }
        }
        // A job that made a point which is not there: deleted by hand, or in a vault that was not read.
        let (made, is_going_on) = jobs.made_within(row, plan_id, from, to);
        is_open |= is_going_on || made > seen;
        if rule.by_copy {
            // A copy is made after its point: it has as long as a point has after its run is due.
            let is_underway = (made > 0 || seen > 0) && index.as_of < to + self.values.wanted_tolerance();
            match self.made_good_copy(plan_id, from, to) {
                Some(true) => return Some(true),
                None => is_open = true,
                Some(false) => is_open |= is_underway,
            }
        }
        // Jobs are remembered for a month; of the time before, points tell, while they are kept.
        let is_remembered = from >= index.as_of - JOB_REACH;
        let is_kept = index.as_of - from < rule.kept;
        let is_known = jobs.is_whole(row) && (is_remembered || (points.is_whole(row) && is_kept));
        (is_known && !is_open).then_some(false)
    }

    /// Does a good copy lie elsewhere of a point that a plan made then?
    fn made_good_copy(&self, plan_id: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<bool> {
        let Evidence {
            row,
            points,
            copies,
            index,
            ..
        } = *self.evidence;
        let wanted = self.values.of_accepted_copy()?;
        let home = index.target_place(row);
        let mut is_open = points
            .others_that_may_hold_more(home, wanted.vault_lock)
            .next()
            .is_some()
            || index.may_have_more_regions;
        for (kind, at) in copies.of_time(row, points, (from, to)) {
            // It has the date of its source, which says who made it where the copy does not.
            let plan = || points.plan_at(row, seconds_of_millis(at));
            let is_of_plan = match kind.plan_id.as_deref().or_else(plan) {
                Some(plan) if plan != plan_id => continue,
                plan => plan.is_some(),
            };
            match Quality::of(kind, index).is_good(&wanted) {
                Some(false) => {}
                Some(true) if is_of_plan && at != UNDATED => return Some(true),
                _ => is_open = true,
            }
        }
        (!is_open).then_some(false)
    }

    /// What jobs that ended last say of the roles that a rule's plan takes the table by, if all of them had trouble.
    fn role_doubt(&self, rule: &GoodRule) -> Option<&str> {
        let taker = self.taker(rule);
        let place = self.evidence.index.target_place(self.evidence.row);
        let mut doubts = taker.roles.iter().map(|role| {
            let mut last = self.evidence.jobs.last_of_plan(place, &taker.plan_id);
            let of_role = last.find(|(of, _)| *of == Some(role))?.1;
            match &of_role.of_role {
                OfRole::Nothing => None,
                OfRole::Trouble(text) | OfRole::Open(text) => Some(text.as_str()),
            }
        });
        let first = doubts.next()??;
        doubts.all(|doubt| doubt.is_some()).then_some(first)
    }

    /// What AWS's answers leave open; `none` where a call that failed would tell.
    fn doubt(&self, works: &[Option<bool>]) -> String {
        let all = || self.rules.rules.iter().zip(works);
        let name = |rule: &GoodRule| format!("rule `{}` of plan `{}`", rule.name, self.plan_name(rule));
        if let Some((rule, _)) = all().find(|(rule, _)| !rule.is_clear() && rule.is_good != Some(false)) {
            return format!("the schedule of {} is not understood", name(rule));
        }
        if !self.evidence.offers.is_read || !self.evidence.jobs.is_whole(self.evidence.row) {
            return "none".to_owned();
        }
        if let Some((rule, _)) = all().find(|(rule, _)| !self.taker(rule).is_sure && rule.is_good != Some(false)) {
            return format!("plan `{}` may take the table or not", self.plan_name(rule));
        }
        let open = all().find(|(rule, works)| rule.is_good.is_some() && works.is_none());
        let Some((rule, _)) = open else {
            return "none".to_owned();
        };
        match self.role_doubt(rule) {
            Some(text) => format!("the role of plan `{}` may not work: {text}", self.plan_name(rule)),
            None if self.evidence.points.is_whole(self.evidence.row) => {
                format!(
                    "whether the last two runs of {} made a recovery point that meets the policy cannot be told",
                    name(rule)
                )
            }
            None => "none".to_owned(),
        }
    }

    /// Why runs would not come often enough if those of every rule that may be good worked.
    fn late_if_all_worked(&self, duration: TimeDelta) -> Option<Late> {
        let all = self.rules.rules.iter();
        let works = all.map(|rule| Some(rule.is_good != Some(false))).collect();
        self.rules.cadences(works).possible.late(self.values, duration)
    }

    /// Why the plans do not keep the policy.
    fn why_not(&self, late: Late, works: &[Option<bool>], duration: TimeDelta) -> String {
        let all = &self.rules.rules;
        let if_all_worked = self.late_if_all_worked(duration);
        let name = |rule: &GoodRule| format!("rule `{}` of plan `{}`", rule.name, self.plan_name(rule));
        let failing: Vec<&GoodRule> = all
            .iter()
            .zip(works)
            .filter(|(rule, works)| rule.is_good != Some(false) && **works == Some(false))
            .map(|(rule, _)| rule)
            .collect();
        let late = match (failing.first(), if_all_worked) {
            (Some(rule), None) => {
                let due: Vec<String> = rule.due.iter().rev().map(|run| moment(run.at)).collect();
                return format!(
                    "planned, and failing: the last two runs of {}, due at {}, made no recovery point that meets the policy",
                    name(rule),
                    due.join(" and ")
                );
            }
            (Some(_), Some(late)) => late,
            (None, _) => late,
        };
        match late {
            Late::Never if all.is_empty() => "the plans that take the table have no rule".to_owned(),
            Late::Never if all.iter().all(|rule| rule.lacks.is_empty()) => "its plans never run".to_owned(),
            Late::Never => {
                let lacking = all.iter().filter(|rule| !rule.lacks.is_empty());
                let lacking: Vec<String> = lacking
                    .map(|rule| format!("{} {}", name(rule), rule.lacks.join(", ")))
                    .collect();
                format!(
                    "no rule of its plans makes recovery points that meet the policy: {}",
                    lacking.join("; ")
                )
            }
            Late::Gap(gap) => self.words_of(gap),
            Late::Window(window) => {
                let allowed = duration::age(self.values.wanted_tolerance());
                let takes = if duration.is_zero() {
                    String::new()
                } else {
                    format!(" and its jobs take {}", duration::age(duration))
                };
                format!(
                    "its window is longer than the policy tolerates: jobs may start {} late{takes}, {allowed} tolerated",
                    duration::age(window)
                )
            }
            Late::Age(age) => format!(
                "the newest point gets {} old while all goes well, {} promised",
                duration::age(age),
                self.values.rpo.map_or_else(String::new, duration::age)
            ),
        }
    }

    /// How often good runs come, and how often they should.
    fn words_of(&self, gap: TimeDelta) -> String {
        let wanted = self.values.wanted_interval();
        let often = match wanted.num_seconds() {
            3600 => "hourly".to_owned(),
            86_400 => "daily".to_owned(),
            604_800 => "weekly".to_owned(),
            _ => format!("every {}", duration::age(wanted)),
        };
        let kept = count(
            usize::try_from(self.values.retention_min_days).unwrap_or_default(),
            "day",
        );
        let by_copy = self
            .rules
            .rules
            .iter()
            .any(|rule| rule.by_copy && rule.is_good == Some(true));
        let where_else = if by_copy { ", in copies elsewhere," } else { "" };
        format!(
            "rules that keep {kept}{where_else} run every {}; {often} wanted",
            duration::age(gap)
        )
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
