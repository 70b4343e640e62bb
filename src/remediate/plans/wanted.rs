//! The rule that keeps a policy: how often it runs, how long it keeps, where it writes and copies to.

use chrono::{DateTime, TimeDelta, Utc};

use super::rule::{Copy, LEAST_START_WINDOW_MINUTES, MOST_COPIES, Rule, positive};
use super::vaults::{Vaults, bounds};
use crate::criteria::values::{FOREVER_DAYS, PlaceKind, PolicyValues};
use crate::domain::TargetId;
use crate::duration;
use crate::facts::schedule::Schedule;
use crate::inventory::schema::Vault;
use crate::settings::{COLD_MINIMUM_DAYS, Remediation};

/// Time that is left for a job to run, between its start and when its point is due.
const FOR_A_JOB: TimeDelta = TimeDelta::hours(1);

/// AWS Backup's default, and the longest window that is asked for.
const LONGEST_START_WINDOW: TimeDelta = TimeDelta::hours(8);

/// Vaults at home, and places for copies, that are tried for a rule, at most.
const MOST_VAULTS: usize = 4;

/// Periods, the longest first, with their schedules. All runs of one are as far apart, in UTC.
const SCHEDULES: [(i64, &str); 10] = [
    (31 * 24, "cron(0 5 1 * ? *)"),
    (7 * 24, WEEKLY),
    (24, DAILY),
    (12, "cron(0 5/12 ? * * *)"),
    (8, "cron(0 5/8 ? * * *)"),
    (6, "cron(0 5/6 ? * * *)"),
    (4, "cron(0 1/4 ? * * *)"),
    (3, "cron(0 2/3 ? * * *)"),
    (2, "cron(0 1/2 ? * * *)"),
    (1, "cron(0 * ? * * *)"),
];

/// The schedule of runs once a day.
pub(crate) const DAILY: &str = "cron(0 5 ? * * *)";

/// The schedule of runs once a week.
pub(crate) const WEEKLY: &str = "cron(0 5 ? * 1 *)";

/// How often a rule runs, and within which window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cadence {
    /// In UTC.
    pub(crate) schedule: &'static str,
    pub(crate) start_window_minutes: i64,
}

impl Cadence {
    /// The rarest runs that keep the policy. Where none does, the hourly ones: AWS Backup has no others.
    pub(crate) fn of(values: &PolicyValues) -> Self {
        let least = TimeDelta::minutes(LEAST_START_WINDOW_MINUTES);
        let interval = values.wanted_interval();
        let is_enough = |(hours, _): &&(i64, &str)| {
            let period = TimeDelta::hours(*hours);
            period <= interval && values.rpo.is_none_or(|rpo| period + least + FOR_A_JOB <= rpo)
        };
        let (hours, schedule) = SCHEDULES
            .iter()
            .find(is_enough)
            .unwrap_or(&SCHEDULES[SCHEDULES.len() - 1]);
        let window = Self::longest_window(values, TimeDelta::hours(*hours));
        Self {
            schedule,
            start_window_minutes: window.max(least).num_minutes(),
        }
    }

    /// The longest window that the policy tolerates for one of the schedules above; none: another schedule.
    fn window_of(values: &PolicyValues, schedule: &str) -> Option<i64> {
        let (hours, _) = SCHEDULES.iter().find(|(_, known)| *known == schedule)?;
        let window = Self::longest_window(values, TimeDelta::hours(*hours));
        Some(window.max(TimeDelta::minutes(LEAST_START_WINDOW_MINUTES)).num_minutes())
    }

    /// The longest window that the policy tolerates, for runs that are so far apart.
    fn longest_window(values: &PolicyValues, period: TimeDelta) -> TimeDelta {
        let tolerated = values.wanted_frequency().map(|_| values.wanted_tolerance() - FOR_A_JOB);
        let promised = values.rpo.map(|rpo| rpo - period - FOR_A_JOB);
        [tolerated, promised, Some(period), Some(LONGEST_START_WINDOW)]
            .into_iter()
            .flatten()
            .min()
            .expect("two are always there")
    }
}

/// What all of these ask at once: the strictest of each.
pub(crate) fn strictest<'v>(all: impl Iterator<Item = &'v PolicyValues>) -> Option<PolicyValues> {
    let shorter = |one: Option<TimeDelta>, other: Option<TimeDelta>| one.into_iter().chain(other).min();
    let both = |mut one: PolicyValues, other: &PolicyValues| {
        let tolerance = one.wanted_tolerance().min(other.wanted_tolerance());
        one.frequency = shorter(one.wanted_frequency(), other.wanted_frequency());
        one.tolerance = Some(tolerance);
        one.rpo = shorter(one.rpo, other.rpo);
        one.retention_min_days = one.retention_min_days.max(other.retention_min_days);
        one.retention_max_days = one.retention_max_days.min(other.retention_max_days);
        one.key_owner = one.key_owner.max(other.key_owner);
        one.vault_lock = one.vault_lock.max(other.vault_lock);
        let add = |list: &mut Vec<String>, more: &[String]| {
            for place in more {
                if !list.contains(place) {
                    list.push(place.clone());
                }
            }
        };
        add(&mut one.copy.regions, &other.copy.regions);
        add(&mut one.copy.accounts, &other.copy.accounts);
        one.copy.retention_min_days = one.copy.retention_min_days.max(other.copy.retention_min_days);
        one.copy.key_owner = one.copy.key_owner.max(other.copy.key_owner);
        one.copy.vault_lock = one.copy.vault_lock.max(other.copy.vault_lock);
        one
    };
    all.fold(None, |asked, values| {
        Some(match asked {
            None => values.clone(),
            Some(asked) => both(asked, values),
        })
    })
}

/// Where a rule is to be, and what is known there.
#[derive(Clone, Copy)]
pub(crate) struct Site<'s> {
    pub(crate) at: &'s TargetId,
    pub(crate) vaults: &'s Vaults,
    pub(crate) settings: &'s Remediation,
    /// Without advanced features there is no cold storage for DynamoDB.
    pub(crate) has_cold: bool,
    pub(crate) as_of: DateTime<Utc>,
}

impl Site<'_> {
    /// Rules that may keep the policy, the best first.
    ///
    /// Errors: why there is none, in words.
    pub(crate) fn rules(&self, values: &PolicyValues) -> Result<Vec<Rule>, String> {
        let cadence = Cadence::of(values);
        let schedule = self.settings.schedule.as_deref().unwrap_or(cadence.schedule);
        let start_window = Cadence::window_of(values, schedule).unwrap_or(LEAST_START_WINDOW_MINUTES);
        let vaults = self
            .vaults
            .at(self.at, &values.of_point(), self.settings.vault.as_deref());
        if vaults.is_empty() {
            return Err(match &self.settings.vault {
                Some(name) => format!(
                    "vault `{name}` does not exist in account {}, {}",
                    self.at.account_id, self.at.region
                ),
                None => format!(
                    "no vault of account {}, {} takes recovery points",
                    self.at.account_id, self.at.region
                ),
            });
        }
        let wanted = values
            .retention_min_days
            .max(self.settings.delete_after_days.unwrap_or(0));
        let wanted = wanted.min(values.retention_max_days);
        let (mut rules, mut why) = (Vec::new(), None);
        for vault in vaults.into_iter().take(MOST_VAULTS) {
            let days = match within(wanted, values, vault) {
                Ok(days) => days,
                Err(refusal) => {
                    why.get_or_insert(refusal);
                    continue;
                }
            };
            let cold = self.settings.cold_after_days.filter(|_| self.has_cold);
            let plain = Rule {
                vault_name: vault.vault_name.clone(),
                schedule: Some(schedule.to_owned()),
                schedule_time_zone: None,
                start_window_minutes: Some(start_window),
                cold_after_days: cold.filter(|cold| cold + COLD_MINIMUM_DAYS <= days),
                delete_after_days: Some(days),
                copies: Vec::new(),
            };
            rules.extend(self.with_copies(&plain, values)?);
        }
        // A try with other vaults for copies is worth less than one with another vault at home.
        rules.sort_by_key(|(rank, _)| *rank);
        let rules: Vec<Rule> = rules.into_iter().map(|(_, rule)| rule).collect();
        match rules.is_empty() {
            true => Err(why.unwrap_or_default()),
            false => Ok(rules),
        }
    }

    /// The rule with the copies that the policy requires and that it does not make yet; several, where several vaults may take
    /// them, each with its rank.
    ///
    /// Errors: no vault is known where a copy is wanted, or there are too many copies.
    fn with_copies(&self, rule: &Rule, values: &PolicyValues) -> Result<Vec<(usize, Rule)>, String> {
        let asked = values.of_copy();
        let mut places: Vec<Vec<&Vault>> = Vec::new();
        let mut base = rule.clone();
        for kind in PlaceKind::ALL {
            let own = kind.of(&self.at.account_id, &self.at.region);
            for place in values.copy.elsewhere(kind, own) {
                let candidates = self.vaults.elsewhere(self.at, (kind, place), &asked, &rule.vault_name);
                if self.mends_copy(&mut base, &candidates, values) {
                    continue;
                }
                if candidates.is_empty() {
                    return Err(format!(
                        "no vault is known in {} that could take the copies that the policy requires; make one, or scan there too",
                        kind.words(place)
                    ));
                }
                places.push(candidates);
            }
        }
        let most = places.iter().map(Vec::len).max().unwrap_or(1).min(MOST_VAULTS);
        let mut rules = Vec::new();
        for rank in 0..most {
            let mut rule = base.clone();
            for candidates in &places {
                let vault = candidates[rank.min(candidates.len() - 1)];
                let arn = vault.vault_arn.clone().unwrap_or_default();
                if rule.copies.iter().all(|copy| copy.vault_arn != arn) {
                    rule.copies.push(Copy {
                        vault_arn: arn,
                        cold_after_days: None,
                        delete_after_days: Some(copy_days(&rule, values, vault)),
                    });
                }
            }
            if rule.copies.len() > MOST_COPIES {
                return Err(format!(
                    "the policy requires {} copies, and AWS Backup takes {MOST_COPIES} in a rule",
                    rule.copies.len()
                ));
            }
            rules.push((rank, rule));
        }
        Ok(rules)
    }

    /// Does it copy to one of these already? If so the copy is kept long enough from now on.
    fn mends_copy(&self, rule: &mut Rule, candidates: &[&Vault], values: &PolicyValues) -> bool {
        let kept = positive(rule.delete_after_days);
        let least = values.copy.retention_min_days.unwrap_or(0);
        let asked = values.of_copy();
        for vault in candidates.iter().filter(|vault| self.vaults.fits(vault, &asked)) {
            let arn = vault.vault_arn.as_deref();
            let whole = rule.clone();
            let Some(copy) = rule.copies.iter_mut().find(|copy| Some(copy.vault_arn.as_str()) == arn) else {
                continue;
            };
            let of_copy = positive(copy.delete_after_days).or(kept);
            if of_copy.is_some_and(|days| days < least) {
                copy.delete_after_days = Some(copy_days(&whole, values, vault));
            }
            return true;
        }
        false
    }

    /// Changes of a rule of a plan that may let it keep the policy, the smallest first. `values`: none where nothing but the lock of
    /// its vault is to be kept.
    ///
    /// Errors: why there is none, in words.
    pub(crate) fn mended(&self, rule: &Rule, values: Option<&PolicyValues>) -> Result<Vec<Rule>, String> {
        let no_policy = PolicyValues {
            frequency: Some(TimeDelta::days(36_500)),
            retention_min_days: 0,
            ..PolicyValues::default()
        };
        let asked = values.unwrap_or(&no_policy);
        let mut plain = rule.clone();
        if values.is_some() {
            if self.is_archive(rule) {
                return Err("a rule that runs less than once a month is an archive, and stays as it is".to_owned());
            }
            self.mend_runs(&mut plain, asked);
        }
        let own = self.vaults.named(self.at, &rule.vault_name);
        let others = values
            .map(|values| self.vaults.at(self.at, &values.of_point(), None))
            .unwrap_or_default();
        // Never out of a locked vault into one that is not.
        let is_locked = |vault: &Vault| vault.locked == Some(true);
        let others = others
            .into_iter()
            .filter(|vault| vault.vault_name != rule.vault_name && (is_locked(vault) || !own.is_some_and(is_locked)));
        let (mut rules, mut why) = (Vec::new(), None);
        for vault in own.into_iter().chain(others).take(MOST_VAULTS) {
            let mut rule = plain.clone();
            rule.vault_name.clone_from(&vault.vault_name);
            let kept = positive(rule.delete_after_days).unwrap_or(FOREVER_DAYS);
            let is_for_ever = kept >= FOREVER_DAYS && bounds(vault).1 >= FOREVER_DAYS;
            if !is_for_ever {
                match within(kept.max(asked.retention_min_days), asked, vault) {
                    Ok(days) => rule.delete_after_days = Some(days),
                    Err(refusal) => {
                        why.get_or_insert(refusal);
                        continue;
                    }
                }
            }
            let days = positive(rule.delete_after_days).unwrap_or(FOREVER_DAYS);
            rule.cold_after_days = positive(rule.cold_after_days).filter(|cold| cold + COLD_MINIMUM_DAYS <= days);
            match values {
                None => rules.push((0, rule)),
                Some(values) => match self.with_copies(&rule, values) {
                    Ok(more) => rules.extend(more),
                    Err(refusal) => {
                        why.get_or_insert(refusal);
                    }
                },
            }
        }
        rules.sort_by_key(|(rank, _)| *rank);
        let rules: Vec<Rule> = rules
            .into_iter()
            .map(|(_, rule)| rule)
            .filter(|mended| mended != rule)
            .collect();
        match rules.is_empty() {
            true => Err(why.unwrap_or_else(|| "nothing in its rules could be changed to help".to_owned())),
            false => Ok(rules),
        }
    }

    /// Does it run less than once a month? Whoever keeps a point of each year does not want one of each day.
    fn is_archive(&self, rule: &Rule) -> bool {
        let schedule = Schedule::parse(rule.schedule.as_deref(), rule.schedule_time_zone.as_deref()).ok();
        let runs = schedule.map(|schedule| schedule.largest_gap(self.as_of, 400));
        // Understood, and without two runs in so long a time: rarer still.
        runs.is_some_and(|gap| gap.is_none_or(|gap| gap > TimeDelta::days(32)))
    }

    /// Lets it run as often as the policy asks; what is often enough stays.
    fn mend_runs(&self, rule: &mut Rule, values: &PolicyValues) {
        let schedule = Schedule::parse(rule.schedule.as_deref(), rule.schedule_time_zone.as_deref()).ok();
        let gap = schedule.and_then(|schedule| schedule.largest_gap(self.as_of, 400));
        let least = TimeDelta::minutes(LEAST_START_WINDOW_MINUTES);
        let is_enough = |gap: &TimeDelta| {
            *gap <= values.wanted_interval() && values.rpo.is_none_or(|rpo| *gap + least + FOR_A_JOB <= rpo)
        };
        match gap.filter(is_enough) {
            Some(gap) => {
                let longest = Cadence::longest_window(values, gap).max(least).num_minutes();
                if rule.start_window_minutes.unwrap_or(480) > longest {
                    rule.start_window_minutes = Some(longest);
                }
            }
            None => {
                let cadence = Cadence::of(values);
                rule.schedule = Some(cadence.schedule.to_owned());
                let is_elsewhere = rule
                    .schedule_time_zone
                    .as_deref()
                    .is_some_and(|zone| !matches!(zone, "UTC" | "Etc/UTC"));
                if is_elsewhere {
                    rule.schedule_time_zone = Some("Etc/UTC".to_owned());
                }
                let own = rule.start_window_minutes.unwrap_or(480);
                if own > cadence.start_window_minutes {
                    rule.start_window_minutes = Some(cadence.start_window_minutes);
                }
            }
        }
    }
}

/// How long a point is kept in a vault: as long as is wanted, and as its lock asks.
///
/// Errors: the lock or the policy allows no such time.
fn within(wanted: i64, values: &PolicyValues, vault: &Vault) -> Result<i64, String> {
    let (least, most) = bounds(vault);
    let days = wanted.max(least).min(most);
    if days < values.retention_min_days {
        return Err(format!(
            "the lock of vault `{}` allows at most {most} days, and the policy asks for {}",
            vault.vault_name, values.retention_min_days
        ));
    }
    Ok(days)
}

/// How long a copy is kept.
fn copy_days(rule: &Rule, values: &PolicyValues, vault: &Vault) -> i64 {
    let own = positive(rule.delete_after_days).unwrap_or(FOREVER_DAYS);
    let (least, most) = bounds(vault);
    values.copy.retention_min_days.unwrap_or(own).max(least).min(most)
}

/// Words of a span, for names of rules: `daily`, `weekly`, `every 12 h`.
pub(crate) fn rule_name(values: &PolicyValues, settings: &Remediation) -> String {
    if let Some(name) = &settings.rule_name {
        return name.clone();
    }
    let cadence = Cadence::of(values);
    let wanted = settings.schedule.as_deref().unwrap_or(cadence.schedule);
    let hours = SCHEDULES.iter().find(|(_, schedule)| *schedule == wanted);
    match hours.map(|(hours, _)| *hours) {
        Some(744) => "monthly".to_owned(),
        Some(168) => "weekly".to_owned(),
        Some(24) => "daily".to_owned(),
        Some(1) => "hourly".to_owned(),
        Some(hours) => format!("every-{}", duration::human(TimeDelta::hours(hours))),
        None => "backproof".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(rpo: Option<i64>, frequency: Option<i64>, tolerance: Option<i64>) -> PolicyValues {
        PolicyValues {
            rpo: rpo.map(TimeDelta::hours),
            frequency: frequency.map(TimeDelta::hours),
            tolerance: tolerance.map(TimeDelta::hours),
            ..PolicyValues::default()
        }
    }

    #[test]
    fn runs_are_as_rare_as_the_policy_allows_and_windows_as_long() {
        for (rpo, frequency, tolerance, schedule, window) in [
            (None, None, None, "cron(0 5 ? * * *)", 480),
            (None, Some(24), Some(2), "cron(0 5 ? * * *)", 60),
            (None, Some(6), None, "cron(0 5/6 ? * * *)", 300),
            (None, Some(168), None, "cron(0 5 ? * 1 *)", 480),
            (None, Some(800), None, "cron(0 5 1 * ? *)", 480),
            // A promise holds the gap, the window and the job.
            (Some(24), None, None, "cron(0 5/12 ? * * *)", 480),
            (Some(26), Some(24), Some(12), "cron(0 5 ? * * *)", 60),
            (Some(4), None, None, "cron(0 1/2 ? * * *)", 60),
            // More than AWS Backup can do.
            (Some(1), None, None, "cron(0 * ? * * *)", 60),
        ] {
            let cadence = Cadence::of(&values(rpo, frequency, tolerance));
            assert_eq!(
                (cadence.schedule, cadence.start_window_minutes),
                (schedule, window),
                "{rpo:?} {frequency:?} {tolerance:?}"
            );
        }
    }

    #[test]
    fn schedules_have_the_periods_that_they_stand_for() {
        let as_of: DateTime<Utc> = "2026-11-30T12:00:00Z".parse().expect("an instant");
        for (hours, schedule) in SCHEDULES {
            let gap = Schedule::parse(Some(schedule), None)
                .expect("understood")
                .largest_gap(as_of, 400);
            assert_eq!(gap, Some(TimeDelta::hours(hours)), "{schedule}");
        }
    }

    #[test]
    fn what_several_policies_ask_is_asked_at_once() {
        let mut strict = values(Some(12), None, None);
        strict.retention_min_days = 90;
        let all = strictest([&values(None, Some(48), Some(4)), &strict].into_iter()).expect("two");
        assert_eq!(
            (all.rpo, all.frequency),
            (Some(TimeDelta::hours(12)), Some(TimeDelta::hours(48)))
        );
        assert_eq!((all.retention_min_days, all.tolerance), (90, Some(TimeDelta::hours(4))));
        assert_eq!(strictest([].into_iter()), None);
    }
}
