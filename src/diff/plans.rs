//! Backup plans that promise less than before: rules, schedules, retention, vaults, copies; and restore testing plans that
//! are gone.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::Value;

use super::{ABSENT, Found, Look, Thing, why_not_observed};
use crate::criteria::values::FOREVER_DAYS;
use crate::domain::{Subject, TargetId};
use crate::duration;
use crate::facts::schedule::{self, Schedule};
use crate::inventory::schema::{PlanRule, RestoreTestingPlan, Selection};
use crate::problem::{Problem, count};

/// Over so many days the largest gap between runs is looked for, so that a yearly schedule shows.
const HORIZON_DAYS: i64 = 400;

pub(super) type PlanKey = (TargetId, String);

fn key(account_id: &str, region: &str, id: &str) -> PlanKey {
    let target = TargetId::new(account_id, region);
    (target, id.to_owned())
}

/// Everything that the two looks say of plans.
struct Plans {
    rules: BTreeMap<PlanKey, Vec<PlanRule>>,
    selections: BTreeMap<PlanKey, Vec<Selection>>,
}

impl Plans {
    fn read(look: &Look) -> Result<Self, Problem> {
        let (mut rules, mut selections): (BTreeMap<PlanKey, Vec<PlanRule>>, BTreeMap<PlanKey, Vec<Selection>>) =
            Default::default();
        for rule in look.inventory.read::<PlanRule>()? {
            let key = key(&rule.account_id, &rule.region, &rule.plan_id);
            rules.entry(key).or_default().push(rule);
        }
        for selection in look.inventory.read::<Selection>()? {
            let key = key(&selection.account_id, &selection.region, &selection.plan_id);
            selections.entry(key).or_default().push(selection);
        }
        for rules in rules.values_mut() {
            rules.sort_by(|a, b| (&a.rule_name, &a.rule_id).cmp(&(&b.rule_name, &b.rule_id)));
        }
        for selections in selections.values_mut() {
            selections.sort_by(|a, b| (&a.selection_name, &a.selection_id).cmp(&(&b.selection_name, &b.selection_id)));
        }
        Ok(Self { rules, selections })
    }
}

fn of<'m, T>(map: &'m BTreeMap<PlanKey, Vec<T>>, key: &PlanKey) -> &'m [T] {
    map.get(key).map_or(&[], Vec::as_slice)
}

pub(super) fn compare(older: &Look, newer: &Look, found: &mut Found) -> Result<(), Problem> {
    let (then, now) = (Plans::read(older)?, Plans::read(newer)?);
    let living: Vec<PlanKey> = newer
        .facts
        .plans()
        .iter()
        .map(|plan| {
            key_of(
                plan.account_id.as_deref(),
                plan.region.as_deref(),
                plan.plan_id.as_deref(),
            )
        })
        .collect();
    for was in older.facts.plans() {
        // A plan that has nothing to do with DynamoDB does not matter here.
        if was.is_for_dynamodb == Some(false) {
            continue;
        }
        let key = key_of(was.account_id.as_deref(), was.region.as_deref(), was.plan_id.as_deref());
        let arn = format!(
            "arn:{}:backup:{}:{}:backup-plan:{}",
            older.facts.partition_of(&key.0),
            key.0.region,
            key.0.account_id,
            key.1
        );
        let thing = Thing {
            subject: Subject::Plan,
            target: &key.0,
            arn: &arn,
            name: was.plan_name.as_deref().unwrap_or(&key.1),
        };
        if living.contains(&key) {
            let pair = Pair {
                older,
                newer,
                thing,
                key: &key,
            };
            pair.rules(of(&then.rules, &key), of(&now.rules, &key), found);
            pair.selections(of(&then.selections, &key), of(&now.selections, &key), found);
            continue;
        }
        match why_not_observed(newer, &key.0, "backup:ListBackupPlans", "") {
            Some(why) => found.not_observed(&thing, &why),
            None => {
                let before = count(of(&then.rules, &key).len(), "rule");
                found.weaker(
                    &thing,
                    "plan",
                    (before, ABSENT.to_owned()),
                    "the plan was deleted".to_owned(),
                );
            }
        }
    }
    testing_plans(older, newer, found)
}

fn key_of(account_id: Option<&str>, region: Option<&str>, id: Option<&str>) -> PlanKey {
    key(
        account_id.unwrap_or_default(),
        region.unwrap_or_default(),
        id.unwrap_or_default(),
    )
}

/// One plan, then and now.
pub(super) struct Pair<'p> {
    pub(super) older: &'p Look,
    pub(super) newer: &'p Look,
    pub(super) thing: Thing<'p>,
    pub(super) key: &'p PlanKey,
}

impl Pair<'_> {
    fn rules(&self, then: &[PlanRule], now: &[PlanRule], found: &mut Found) {
        let (target, id) = self.key;
        if !self.newer.is_whole(target, "backup:GetBackupPlan", id) {
            if !then.is_empty() {
                found.not_observed(&self.thing, "the newer scan could not read what the plan promises");
            }
            return;
        }
        for was in then {
            let by_id = now.iter().find(|is| is.rule_id.is_some() && is.rule_id == was.rule_id);
            match by_id.or_else(|| now.iter().find(|is| is.rule_name == was.rule_name)) {
                Some(is) => self.rule(was, is, found),
                None => {
                    let before = format!(
                        "{}, kept {}",
                        schedule_text(was),
                        days_text(retention(was.delete_after_days))
                    );
                    let message = format!("the plan lost its rule `{}`", was.rule_name);
                    found.weaker(&self.thing, "plan-rule", (before, ABSENT.to_owned()), message);
                }
            }
        }
    }

    fn rule(&self, was: &PlanRule, is: &PlanRule, found: &mut Found) {
        let name = &was.rule_name;
        let (then, now) = (retention(was.delete_after_days), retention(is.delete_after_days));
        if now < then {
            let values = (days_text(then), days_text(now));
            let message = format!(
                "rule `{name}` kept recovery points {}, and keeps them {} now",
                values.0, values.1
            );
            found.weaker(&self.thing, "plan-retention", values, message);
        }
        self.schedule(was, is, found);
        self.vault(was, is, found);
        self.copies(was, is, found);
    }

    fn schedule(&self, was: &PlanRule, is: &PlanRule, found: &mut Found) {
        let texts = (schedule_text(was), schedule_text(is));
        if texts.0 == texts.1 {
            return;
        }
        let interval = |rule: &PlanRule| -> Option<TimeDelta> {
            let schedule = Schedule::parse(rule.schedule.as_deref(), rule.schedule_time_zone.as_deref()).ok()?;
            // Both from the same moment, so that only the schedules differ.
            schedule.largest_gap(self.newer.report.scan.as_of, HORIZON_DAYS)
        };
        let name = &was.rule_name;
        match (interval(was), interval(is)) {
            (Some(then), Some(now)) if now > then => {
                let message = format!(
                    "rule `{name}` ran at least every {}, and runs every {} now",
                    duration::human(then),
                    duration::human(now)
                );
                found.weaker(&self.thing, "plan-schedule", texts, message);
            }
            (Some(_), None) => {
                let message = format!("rule `{name}` has a schedule now that is not understood or never runs");
                found.weaker(&self.thing, "plan-schedule", texts, message);
            }
            _ => {}
        }
    }

    /// Another vault, with a weaker lock.
    fn vault(&self, was: &PlanRule, is: &PlanRule, found: &mut Found) {
        let name_of = |rule: &PlanRule| {
            rule.air_gapped_vault_arn
                .clone()
                .unwrap_or_else(|| rule.vault_name.clone())
        };
        let names = (name_of(was), name_of(is));
        if names.0 == names.1 {
            return;
        }
        let lock_of = |look: &Look, wanted: &str| {
            let vaults = look.facts.vaults();
            let is_it = |vault: &&crate::dictionary::VaultFacts| {
                let is_here = vault.account_id.as_deref() == Some(self.key.0.account_id.as_str())
                    && vault.region.as_deref() == Some(self.key.0.region.as_str());
                vault.vault_arn.as_deref() == Some(wanted) || (is_here && vault.vault_name.as_deref() == Some(wanted))
            };
            let vault = vaults.iter().find(is_it)?;
            Some((vault.lock_rank?, vault.lock_kind.clone()?))
        };
        if let (Some((then, before)), Some((now, after))) =
            (lock_of(self.older, &names.0), lock_of(self.newer, &names.1))
            && now < then
        {
            let message = format!(
                "rule `{}` wrote to `{}` ({before} lock), and writes to `{}` ({after} lock) now",
                was.rule_name, names.0, names.1
            );
            found.weaker(&self.thing, "plan-vault", names, message);
        }
    }

    fn copies(&self, was: &PlanRule, is: &PlanRule, found: &mut Found) {
        let now = copies(is);
        for (vault, then) in copies(was) {
            match now.get(&vault) {
                None => {
                    let message = format!("rule `{}` does not copy to {vault} any more", was.rule_name);
                    found.weaker(&self.thing, "plan-copy", (vault, ABSENT.to_owned()), message);
                }
                Some(kept) if *kept < then => {
                    let values = (days_text(then), days_text(*kept));
                    let message = format!(
                        "rule `{}` kept copies in {vault} {}, and keeps them {} now",
                        was.rule_name, values.0, values.1
                    );
                    found.weaker(&self.thing, "plan-copy-retention", values, message);
                }
                Some(_) => {}
            }
        }
    }
}

/// Destination vaults, with how long copies are kept there: as long as their source where the action does not say.
fn copies(rule: &PlanRule) -> BTreeMap<String, i64> {
    let actions: Vec<Value> = serde_json::from_str(&rule.copy_actions_json).unwrap_or_default();
    let copy = |action: &Value| {
        let vault = action["destination_vault_arn"].as_str()?;
        let own = action["delete_after_days"].as_i64().filter(|days| *days > 0);
        Some((vault.to_owned(), retention(own.or(rule.delete_after_days))))
    };
    actions.iter().filter_map(copy).collect()
}

fn retention(delete_after_days: Option<i64>) -> i64 {
    delete_after_days.filter(|days| *days > 0).unwrap_or(FOREVER_DAYS)
}

fn days_text(days: i64) -> String {
    if days >= FOREVER_DAYS {
        "for ever".to_owned()
    } else {
        count(usize::try_from(days).unwrap_or(0), "day")
    }
}

fn schedule_text(rule: &PlanRule) -> String {
    schedule::text(rule.schedule.as_deref(), rule.schedule_time_zone.as_deref())
}

fn testing_plans(older: &Look, newer: &Look, found: &mut Found) -> Result<(), Problem> {
    let now = newer.inventory.read::<RestoreTestingPlan>()?;
    for was in older.inventory.read::<RestoreTestingPlan>()? {
        let same = |is: &&RestoreTestingPlan| {
            (&is.account_id, &is.region, &is.plan_name) == (&was.account_id, &was.region, &was.plan_name)
        };
        if now.iter().any(|is| same(&is)) {
            continue;
        }
        let target = TargetId::new(was.account_id.clone(), was.region.clone());
        let thing = Thing {
            subject: Subject::Plan,
            target: &target,
            arn: &was.plan_arn,
            name: &was.plan_name,
        };
        match why_not_observed(newer, &target, "backup:ListRestoreTestingPlans", "") {
            Some(why) => found.not_observed(&thing, &why),
            None => found.weaker(
                &thing,
                "restore-testing-plan",
                (
                    schedule::text(Some(&was.schedule), was.schedule_time_zone.as_deref()),
                    ABSENT.to_owned(),
                ),
                "the restore testing plan was deleted".to_owned(),
            ),
        }
    }
    Ok(())
}
