//! The smallest change of a plan that exists which lets it serve the tables that it takes as the policy asks, and makes nothing
//! worse.

use std::collections::{BTreeMap, BTreeSet};

use super::demand::{Needy, Tried, bytes, takers};
use super::foreign_owner;
use super::load::Load;
use super::means::Unhelped;
use super::rows::is_new;
use super::rule::Rule;
use super::vaults::Vaults;
use super::wanted::{Site, strictest};
use crate::criteria::values::PolicyValues;
use crate::dictionary::TableFacts;
use crate::domain::{FactValue, Finding, TargetId};
use crate::inventory::schema::{Plan, PlanRule, RegionSetting};
use crate::problem::Outcome;
use crate::remediate::actions::{Deed, PlanChange, RuleChange};
use crate::remediate::propose::Planner;
use crate::report::TableRow;

/// Changes of plans that are tried in an account and Region, at most: each takes a judgement of everything.
const MOST_CHANGES: usize = 16;

/// A change of a plan, and what it mends.
pub(crate) struct Change {
    pub(crate) at: TargetId,
    pub(crate) deed: PlanChange,
    /// The findings that it answers.
    pub(crate) findings: Vec<Finding>,
}

/// A plan that does not serve all its tables, or whose lifecycle a lock refuses.
struct Ailing {
    at: TargetId,
    plan: Plan,
    arn: String,
    /// By place among those that were asked about.
    tables: Vec<usize>,
    of_plan: Vec<Finding>,
    changes: Vec<PlanChange>,
    best: Option<(usize, usize)>,
    why: Option<String>,
    next: usize,
}

/// Changes of the plans that take the tables. `of_plans`: findings about plans themselves.
///
/// Errors: the inventory is damaged.
pub(crate) fn by_change(
    planner: &mut Planner<'_>,
    needy: Vec<Needy>,
    of_plans: &[Finding],
) -> Outcome<(Vec<Change>, Vec<Unhelped>)> {
    let mut ailing = ailing(planner, &needy, of_plans)?;
    let mut by_target: BTreeMap<TargetId, Vec<usize>> = BTreeMap::new();
    for (place, one) in ailing.iter().enumerate() {
        by_target.entry(one.at.clone()).or_default().push(place);
    }
    // One plan of each account and Region at a time: what gets worse there is its doing.
    for _ in 0..MOST_CHANGES {
        let mut tries: Vec<(usize, usize)> = Vec::new();
        for places in by_target.values() {
            let next = places.iter().find(|place| {
                let one = &ailing[**place];
                let is_settled = one
                    .best
                    .is_some_and(|(_, helped)| helped == one.tables.len() + one.of_plan.len());
                !is_settled && one.next < one.changes.len()
            });
            if let Some(place) = next {
                tries.push((*place, ailing[*place].next));
                ailing[*place].next += 1;
            }
        }
        if tries.is_empty() {
            break;
        }
        let deed = |(place, number): &(usize, usize)| {
            let one = &ailing[*place];
            (one.at.clone(), Deed::PlanChange(one.changes[*number].clone()))
        };
        let deeds: Vec<(TargetId, Deed)> = tries.iter().map(deed).collect();
        let after = planner.if_done(&deeds)?;
        let tried = Tried::of(planner, &after);
        for (place, number) in tries {
            let one = &ailing[place];
            let lacking: Vec<&str> = one
                .tables
                .iter()
                .filter_map(|table| tried.lacks(&needy[*table].table.table_arn))
                .collect();
            let misfit = tried.misfits(&one.arn).filter(|_| !one.of_plan.is_empty());
            let helped = one.tables.len() - lacking.len()
                + usize::from(!one.of_plan.is_empty() && misfit.is_none()) * one.of_plan.len();
            let spoiled = tried.spoils(&one.at);
            let why = spoiled.or(misfit).or(lacking.first().copied()).map(|why| {
                let changes = one.changes[number].words();
                match spoiled {
                    Some(_) => format!(
                        "a change of plan `{}` ({changes}) would make worse {why}",
                        one.deed_name()
                    ),
                    None => format!(
                        "a change of plan `{}` ({changes}) would not be enough: {why}",
                        one.deed_name()
                    ),
                }
            });
            let one = &mut ailing[place];
            if spoiled.is_none() && helped > one.best.map_or(0, |(_, most)| most) {
                one.best = Some((number, helped));
            }
            if one.why.is_none() {
                one.why = why;
            }
        }
    }
    finish(planner, needy, ailing)
}

impl Ailing {
    fn deed_name(&self) -> &str {
        self.plan.plan_name.as_deref().unwrap_or(&self.plan.plan_id)
    }
}

/// What came of it: the changes that help, with all their findings, and the tables that none helps.
fn finish(planner: &mut Planner<'_>, needy: Vec<Needy>, ailing: Vec<Ailing>) -> Outcome<(Vec<Change>, Vec<Unhelped>)> {
    let chosen: Vec<(TargetId, Deed)> = ailing
        .iter()
        .filter_map(|one| Some((one.at.clone(), Deed::PlanChange(one.changes[one.best?.0].clone()))))
        .collect();
    let mut reasons: BTreeMap<usize, Option<String>> = BTreeMap::new();
    let tried = match chosen.is_empty() {
        true => None,
        false => {
            let after = planner.if_done(&chosen)?;
            Some(Tried::of(planner, &after))
        }
    };
    let mut changes = Vec::new();
    for one in ailing {
        let Some((number, _)) = one.best else {
            for finding in &one.of_plan {
                planner.block(
                    finding,
                    one.why
                        .clone()
                        .unwrap_or_else(|| "no change of the plan helps".to_owned()),
                );
            }
            one.tables
                .iter()
                .for_each(|table| drop(reasons.insert(*table, one.why.clone())));
            continue;
        };
        let mut findings = one.of_plan.clone();
        for table in &one.tables {
            let lacks = tried
                .as_ref()
                .and_then(|tried| tried.lacks(&needy[*table].table.table_arn));
            match lacks {
                None => findings.extend(needy[*table].findings.iter().cloned()),
                Some(_) => drop(reasons.insert(*table, one.why.clone())),
            }
        }
        changes.push(Change {
            deed: one.changes[number].clone(),
            at: one.at,
            findings,
        });
    }
    let helped: BTreeSet<String> = changes
        .iter()
        .flat_map(|change| &change.findings)
        .map(|finding| finding.resource_arn.clone())
        .collect();
    let not = needy
        .into_iter()
        .enumerate()
        .filter(|(_, one)| !helped.contains(&one.table.table_arn))
        .map(|(place, one)| (one, reasons.remove(&place).flatten()));
    Ok((changes, not.collect()))
}

/// The plans that could be changed, each with its tables and with the changes to try.
fn ailing(planner: &mut Planner<'_>, needy: &[Needy], of_plans: &[Finding]) -> Outcome<Vec<Ailing>> {
    let plans = planner.world.rows::<Plan>()?.to_vec();
    let rules = planner.world.rows::<PlanRule>()?.to_vec();
    let vaults = Vaults::of(&mut planner.world)?;
    let settings = planner.world.rows::<RegionSetting>()?.to_vec();
    // A table in several plans: the one that most of them are in.
    let mut counts: BTreeMap<(&TargetId, &str), usize> = BTreeMap::new();
    let changeable = |one: &Needy| -> Vec<String> {
        let ids = one.plans.iter().map(|(id, _)| id);
        ids.filter(|id| foreign_owner(id).is_none()).cloned().collect()
    };
    let ids: Vec<Vec<String>> = needy.iter().map(changeable).collect();
    for (one, ids) in needy.iter().zip(&ids) {
        for id in ids {
            *counts.entry((one.at(), id.as_str())).or_default() += 1;
        }
    }
    let mut groups: BTreeMap<(TargetId, String), Vec<usize>> = BTreeMap::new();
    for (place, (one, ids)) in needy.iter().zip(&ids).enumerate() {
        let primary = ids.iter().max_by_key(|id| counts.get(&(one.at(), id.as_str())));
        if let Some(id) = primary {
            groups.entry((one.at().clone(), id.clone())).or_default().push(place);
        }
    }
    let mut own_findings: BTreeMap<(TargetId, String), Vec<Finding>> = BTreeMap::new();
    for finding in of_plans {
        let Some((_, id)) = finding.resource_arn.split_once(":backup-plan:") else {
            continue;
        };
        if let Some(owner) = foreign_owner(id) {
            let why = format!("the plan may be changed by {owner} alone, and is not changed from here");
            planner.block(finding, why);
            continue;
        }
        let key = (finding.target.clone(), id.to_owned());
        groups.entry(key.clone()).or_default();
        own_findings.entry(key).or_default().push(finding.clone());
    }
    let mut all = Vec::new();
    for ((at, id), tables) in groups {
        let is_it = |account_id: &str, region: &str, plan_id: &str| {
            account_id == at.account_id && region == at.region && plan_id == id
        };
        let Some(plan) = plans
            .iter()
            .find(|plan| is_it(&plan.account_id, &plan.region, &plan.plan_id))
        else {
            continue;
        };
        let own: Vec<&PlanRule> = rules
            .iter()
            .filter(|rule| is_it(&rule.account_id, &rule.region, &rule.plan_id))
            .collect();
        let has_advanced =
            |row: &RegionSetting| row.dynamodb_opt_in == Some(true) && row.dynamodb_advanced == Some(true);
        let site = Site {
            at: &at,
            vaults: &vaults,
            settings: planner.settings,
            has_cold: settings
                .iter()
                .any(|row| row.account_id == at.account_id && row.region == at.region && has_advanced(row)),
            as_of: planner.world.as_of(),
        };
        let values = strictest(tables.iter().map(|table| &needy[*table].values));
        let of_plan = own_findings.remove(&(at.clone(), id.clone())).unwrap_or_default();
        let taken = planner
            .report
            .tables
            .iter()
            .filter(|table| table.target == at && takers(table, &plans).iter().any(|(taker, _)| *taker == id));
        let is_told = |table: &&TableRow| matches!(table.fact(TableFacts::plan_names), FactValue::Text(_));
        let are_told = planner
            .report
            .tables
            .iter()
            .filter(|table| table.target == at)
            .all(|table| is_told(&table));
        let bytes = bytes(taken).filter(|_| are_told);
        let (mut changes, why) = changes(plan, &own, &site, values.as_ref());
        for change in &mut changes {
            let becomes: Vec<&Rule> = change.rules.iter().map(|rule| &rule.becomes).collect();
            let load = Load::of(becomes, &at, site.as_of);
            change.keeps = load.zip(bytes).and_then(|(load, bytes)| load.times(bytes));
        }
        all.push(Ailing {
            arn: of_plan
                .first()
                .map(|finding| finding.resource_arn.clone())
                .unwrap_or_default(),
            plan: plan.clone(),
            tables,
            of_plan,
            changes,
            best: None,
            why,
            next: 0,
            at: at.clone(),
        });
    }
    Ok(all)
}

/// The changes of a plan to try, the smallest first: of one rule, then of all whose lifecycle the lock of their vault refuses.
fn changes(
    plan: &Plan,
    rules: &[&PlanRule],
    site: &Site<'_>,
    values: Option<&PolicyValues>,
) -> (Vec<PlanChange>, Option<String>) {
    let Some(version_id) = plan.version_id.clone() else {
        return (Vec::new(), Some("the version of the plan is not known".to_owned()));
    };
    if is_new(&plan.plan_id) {
        return (Vec::new(), None);
    }
    let deed = |rules: Vec<RuleChange>| PlanChange {
        plan_id: plan.plan_id.clone(),
        plan_name: plan.plan_name.clone().unwrap_or_else(|| plan.plan_id.clone()),
        version_id: version_id.clone(),
        rules,
        keeps: None,
    };
    let change = |row: &PlanRule, was: &Rule, becomes: Rule| RuleChange {
        name: row.rule_name.clone(),
        was: was.clone(),
        becomes,
    };
    let (mut single, mut of_locks, mut why) = (Vec::new(), Vec::new(), None);
    for row in rules {
        let was = Rule::of_row(row);
        if let Some(becomes) = site.mended(&was, None).unwrap_or_default().into_iter().next() {
            of_locks.push(change(row, &was, becomes));
        }
        if values.is_none() {
            continue;
        }
        match site.mended(&was, values) {
            Ok(mended) => {
                let mended = mended.into_iter().map(|becomes| change(row, &was, becomes));
                single.extend(mended.map(|change| (change.was.changes(&change.becomes).len(), change)));
            }
            Err(refusal) => drop(why.get_or_insert(refusal)),
        }
    }
    single.sort_by_key(|(count, _)| *count);
    let mut changes: Vec<PlanChange> = Vec::new();
    for (_, one) in single {
        let others = of_locks.iter().filter(|other| other.name != one.name);
        let with_others: Vec<RuleChange> = std::iter::once(&one).chain(others).cloned().collect();
        changes.push(deed(with_others));
    }
    if !of_locks.is_empty() {
        let all = deed(of_locks);
        match values {
            None => changes.push(all),
            Some(_) => changes.insert(0, all),
        }
    }
    changes.dedup();
    (changes, why)
}
