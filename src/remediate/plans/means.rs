//! What puts a table into a plan that serves it as the policy asks: a tag that an existing selection goes by, or an assignment to
//! a plan that is there. The rules say of the world as it would be whether it is enough.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::demand::{self, Needy, Tried};
use super::foreign_owner;
use super::load::Load;
use super::rows::is_new;
use super::rule::{Rule, positive};
use crate::criteria::values::PolicyValues;
use crate::domain::TargetId;
use crate::facts::schedule::Schedule;
use crate::inventory::schema::{Plan, PlanRule, Selection};
use crate::problem::Outcome;
use crate::remediate::actions::{Assign, Deed, TableRef, Tag, TagTable};
use crate::remediate::propose::Planner;
use crate::settings::AssignBy;

/// Ways that are tried for a table, at most: each takes a judgement of everything.
const MOST_WAYS: usize = 8;

/// A table that nothing helped, and why the first try did not.
pub(crate) type Unhelped = (Needy, Option<String>);

/// What helps which table.
pub(crate) struct Helped<T> {
    /// At once.
    pub(crate) by: Vec<(Needy, T)>,
    /// Once the plan has run.
    pub(crate) later: Vec<(Needy, T)>,
    /// Not at all.
    pub(crate) not: Vec<Unhelped>,
}

/// Without the tables that only plans take which nobody in their account may change: their owner is named.
pub(crate) fn without_foreign(planner: &mut Planner<'_>, needy: Vec<Needy>) -> Vec<Needy> {
    let (mut own, mut foreign) = (Vec::new(), Vec::new());
    for one in needy {
        let owners: Option<Vec<(&str, &str)>> = one
            .plans
            .iter()
            .map(|(id, name)| foreign_owner(id).map(|owner| (name.as_str(), owner)))
            .collect();
        match owners.as_deref().and_then(<[_]>::first) {
            Some((name, owner)) => {
                let why = format!("plan `{name}` may be changed by {owner} alone, and is not changed from here");
                foreign.push((one.findings.clone(), why));
            }
            None => own.push(one),
        }
    }
    for (findings, why) in foreign {
        findings.iter().for_each(|finding| planner.block(finding, why.clone()));
    }
    own
}

/// Actions that others are to add to the plan: what is tried is tried on top of them.
pub(crate) type Supposed = [(TargetId, Deed)];

/// Tries the ways of each table in their order, all tables at once, until the rules find that one is enough.
fn first_that_helps<T: Clone>(
    planner: &mut Planner<'_>,
    supposed: &Supposed,
    needy: Vec<Needy>,
    ways: &[Vec<T>],
    words: impl Fn(&T) -> String,
    deeds: impl Fn(&Planner<'_>, &[(&Needy, &T)]) -> Vec<(TargetId, Deed)>,
) -> Outcome<Helped<T>> {
    let mut settled: Vec<Option<T>> = vec![None; needy.len()];
    let mut reasons: Vec<Option<String>> = vec![None; needy.len()];
    for round in 0..MOST_WAYS {
        let tries: Vec<(usize, &T)> = (0..needy.len())
            .filter(|place| settled[*place].is_none())
            .filter_map(|place| Some((place, ways[place].get(round)?)))
            .collect();
        if tries.is_empty() {
            break;
        }
        let batch: Vec<(&Needy, &T)> = tries.iter().map(|(place, way)| (&needy[*place], *way)).collect();
        let deeds = deeds(planner, &batch);
        let after = planner.if_done(&[supposed, &deeds].concat())?;
        let tried = Tried::of(planner, &after);
        for (place, way) in tries {
            match tried.lacks(&needy[place].table.table_arn) {
                None => settled[place] = Some(way.clone()),
                Some(why) => {
                    reasons[place].get_or_insert_with(|| format!("{} would not be enough: {why}", words(way)));
                }
            }
        }
    }
    let mut helped = Helped {
        by: Vec::new(),
        later: Vec::new(),
        not: Vec::new(),
    };
    for ((one, way), why) in needy.into_iter().zip(settled).zip(reasons) {
        match way {
            Some(way) => helped.by.push((one, way)),
            None => helped.not.push((one, why)),
        }
    }
    Ok(helped)
}

/// Tags by which selections that exist would take the tables: those that are enough at once, and, where tables are to be assigned
/// by tags, those that are enough once the plan ran.
///
/// Errors: the inventory is damaged.
pub(crate) fn by_tag(planner: &mut Planner<'_>, supposed: &Supposed, needy: Vec<Needy>) -> Outcome<Helped<TagTable>> {
    let plans = planner.world.rows::<Plan>()?.to_vec();
    let served = demand::well_served(&planner.report, &plans);
    let failing = demand::failing(&planner.report);
    let tags = demand::tags(&mut planner.world)?;
    let as_of = planner.world.as_of();
    let loads = loads(planner.world.rows::<PlanRule>()?, as_of);
    let selections = planner.world.rows::<Selection>()?.to_vec();
    let names: BTreeMap<(&str, &str, &str), &str> = plans
        .iter()
        .filter_map(|plan| {
            Some((
                (&*plan.account_id, &*plan.region, &*plan.plan_id),
                plan.plan_name.as_deref()?,
            ))
        })
        .collect();
    let none = BTreeMap::new();
    let mut conflicts: Vec<Option<String>> = Vec::new();
    let mut ways: Vec<Vec<TagTable>> = Vec::new();
    for one in &needy {
        let own = tags.get(&one.table.table_arn).unwrap_or(&none);
        let mut of_table: Vec<(usize, TagTable)> = Vec::new();
        let mut conflict = None;
        let here = selections
            .iter()
            .filter(|selection| selection.account_id == one.at().account_id && selection.region == one.at().region);
        for selection in here {
            if failing.contains(&(one.at().clone(), selection.plan_id.clone())) {
                continue;
            }
            let plan = names.get(&(&*selection.account_id, &*selection.region, &*selection.plan_id));
            let plan = plan.copied().unwrap_or(&selection.plan_id).to_owned();
            let key = (one.at().clone(), selection.plan_id.clone(), one.tier.clone());
            let count = served.get(&key).copied().unwrap_or(0);
            for wanted in tags_of(selection) {
                let other = wanted
                    .iter()
                    .find(|tag| own.get(&tag.key).is_some_and(|value| *value != tag.value));
                if let Some(tag) = other {
                    conflict.get_or_insert_with(|| {
                        format!(
                            "by tag `{}` = `{}` plan `{plan}` would take it, and it has that tag with the value `{}`, which means something",
                            tag.key, tag.value, own[&tag.key]
                        )
                    });
                    continue;
                }
                let missing: Vec<Tag> = wanted.into_iter().filter(|tag| !own.contains_key(&tag.key)).collect();
                if missing.is_empty() || of_table.iter().any(|(_, known)| known.tags == missing) {
                    continue;
                }
                of_table.push((
                    count,
                    TagTable {
                        table_arn: one.table.table_arn.clone(),
                        table_id: one.table_id(),
                        tags: missing,
                        plan_name: plan.clone(),
                        keeps: loads
                            .get(&(one.at().clone(), selection.plan_id.clone()))
                            .copied()
                            .flatten()
                            .zip(one.size_bytes())
                            .and_then(|(load, bytes)| load.times(bytes)),
                    },
                ));
            }
        }
        of_table.sort_by(|(count, one), (other_count, other)| {
            (other_count, one.tags.len(), &one.plan_name).cmp(&(count, other.tags.len(), &other.plan_name))
        });
        ways.push(of_table.into_iter().map(|(_, way)| way).collect());
        conflicts.push(conflict);
    }
    let conflicts: BTreeMap<String, String> = needy
        .iter()
        .zip(conflicts)
        .filter_map(|(one, conflict)| Some((one.table.table_arn.clone(), conflict?)))
        .collect();
    let arns: Vec<String> = needy.iter().map(|one| one.table.table_arn.clone()).collect();
    let words = |way: &TagTable| format!("tag {}, by which plan `{}` takes it,", way.words(), way.plan_name);
    let deeds = |_: &Planner<'_>, batch: &[(&Needy, &TagTable)]| {
        let deed = |(one, way): &(&Needy, &TagTable)| (one.at().clone(), Deed::TagTable((*way).clone()));
        batch.iter().map(deed).collect()
    };
    let mut helped = first_that_helps(planner, supposed, needy, &ways, words, deeds)?;
    if planner.settings.assign == AssignBy::Tag {
        let not = std::mem::take(&mut helped.not);
        let ways: BTreeMap<String, Vec<TagTable>> = arns.into_iter().zip(ways).collect();
        let once_it_ran = enough_once_it_ran(planner, supposed, not, &ways, &plans)?;
        (helped.later, helped.not) = (once_it_ran.later, once_it_ran.not);
    }
    for (one, why) in &mut helped.not {
        if let Some(conflict) = conflicts.get(&one.table.table_arn) {
            *why = Some(conflict.clone());
        }
    }
    Ok(helped)
}

/// Tags by which a plan takes a table that it would serve well, and of which the rules cannot know when they were set: what the
/// plan
/// did not do for the table before is held against it until it ran. It would serve the table well if it did with a selection of
/// now.
fn enough_once_it_ran(
    planner: &mut Planner<'_>,
    supposed: &Supposed,
    needy: Vec<Unhelped>,
    ways: &BTreeMap<String, Vec<TagTable>>,
    plans: &[Plan],
) -> Outcome<Helped<TagTable>> {
    let (mut later, mut not) = (Vec::new(), needy);
    for round in 0..MOST_WAYS {
        let tries: Vec<Option<(TagTable, PlanRef)>> = not
            .iter()
            .map(|(one, _)| {
                let way = ways.get(&one.table.table_arn)?.get(round)?;
                let is_it = |plan: &&Plan| {
                    let is_here = plan.account_id == one.at().account_id && plan.region == one.at().region;
                    is_here && plan.plan_name.as_deref() == Some(&way.plan_name)
                };
                let plan = plans.iter().find(is_it)?;
                let plan = PlanRef {
                    id: plan.plan_id.clone(),
                    name: way.plan_name.clone(),
                    version_id: None,
                    load: None,
                };
                Some((way.clone(), plan))
            })
            .collect();
        if tries.iter().all(Option::is_none) {
            break;
        }
        let batch: Vec<(&Needy, &(TagTable, PlanRef))> = not
            .iter()
            .zip(&tries)
            .filter_map(|((one, _), way)| Some((one, way.as_ref()?)))
            .collect();
        let tagged: Vec<(TargetId, Deed)> = batch
            .iter()
            .map(|(one, (way, _))| (one.at().clone(), Deed::TagTable(way.clone())))
            .collect();
        let assigned: Vec<(&Needy, &PlanRef)> = batch.iter().map(|(one, (_, plan))| (*one, plan)).collect();
        let assigned = assignments(planner, &assigned);
        let after = planner.if_done(&[supposed, &tagged].concat())?;
        let by_tag = Tried::of(planner, &after);
        let after = planner.if_done(&[supposed, &assigned].concat())?;
        let from_now = Tried::of(planner, &after);
        let mut still = Vec::new();
        for ((one, why), way) in not.into_iter().zip(tries) {
            let arn = &one.table.table_arn;
            match way {
                Some((way, _)) if by_tag.is_planned(arn) && from_now.lacks(arn).is_none() => later.push((one, way)),
                _ => still.push((one, why)),
            }
        }
        not = still;
    }
    Ok(Helped {
        by: Vec::new(),
        later,
        not,
    })
}

/// The sets of tags of which each might let a selection take a table: what its conditions ask, and one of its list.
fn tags_of(selection: &Selection) -> Vec<Vec<Tag>> {
    let triples = |text: &str| serde_json::from_str::<Vec<[String; 3]>>(text).unwrap_or_default();
    // Whether AWS strips the prefix in a list of tags is not known; in conditions it has to stand.
    let plain = |key: &str| (!key.starts_with("aws:")).then(|| key.to_owned());
    let conditions: Vec<Tag> = triples(&selection.conditions_json)
        .into_iter()
        .filter(|[operator, ..]| operator == "StringEquals")
        .filter_map(|[_, key, value]| {
            let key = plain(key.strip_prefix("aws:ResourceTag/")?)?;
            Some(Tag { key, value })
        })
        .collect();
    let listed: Vec<Tag> = triples(&selection.list_of_tags_json)
        .into_iter()
        .filter(|[kind, ..]| kind.eq_ignore_ascii_case("STRINGEQUALS"))
        .filter_map(|[_, key, value]| {
            Some(Tag {
                key: plain(&key)?,
                value,
            })
        })
        .collect();
    let with = |one: Option<Tag>| {
        let all: BTreeMap<String, String> = conditions
            .iter()
            .cloned()
            .chain(one)
            .map(|tag| (tag.key, tag.value))
            .collect();
        all.into_iter().map(|(key, value)| Tag { key, value }).collect()
    };
    let mut sets: Vec<Vec<Tag>> = listed.into_iter().map(|tag| with(Some(tag))).collect();
    if !conditions.is_empty() {
        sets.push(with(None));
    }
    sets
}

/// A plan that a table may be assigned to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PlanRef {
    /// As the evidence has it: AWS's, or that of a plan to come.
    pub(crate) id: String,
    pub(crate) name: String,
    /// The version that was judged; none: an action before makes or changes it.
    pub(crate) version_id: Option<String>,
    /// What it keeps of each table; none: not known.
    pub(crate) load: Option<Load>,
}

/// What each plan keeps of a table, by its id; none: not known.
fn loads(rules: &[PlanRule], as_of: DateTime<Utc>) -> BTreeMap<(TargetId, String), Option<Load>> {
    let mut of_plan: BTreeMap<(TargetId, String), Vec<Rule>> = BTreeMap::new();
    for row in rules {
        let at = TargetId::new(row.account_id.clone(), row.region.clone());
        of_plan
            .entry((at, row.plan_id.clone()))
            .or_default()
            .push(Rule::of_row(row));
    }
    let load = |(key, rules): ((TargetId, String), Vec<Rule>)| {
        let load = Load::of(&rules, &key.0, as_of);
        (key, load)
    };
    of_plan.into_iter().map(load).collect()
}

/// Plans that exist, or are to be made, and that would serve the tables if they were assigned to them.
///
/// Errors: the inventory is damaged.
pub(crate) fn by_assignment(
    planner: &mut Planner<'_>,
    supposed: &Supposed,
    needy: Vec<Needy>,
) -> Outcome<Helped<PlanRef>> {
    let plans = planner.world.rows::<Plan>()?.to_vec();
    let rules = planner.world.rows::<PlanRule>()?.to_vec();
    let as_of = planner.world.as_of();
    let served = demand::well_served(&planner.report, &plans);
    let failing = demand::failing(&planner.report);
    let mut of_plan: BTreeMap<(&str, &str, &str), Vec<&PlanRule>> = BTreeMap::new();
    for rule in &rules {
        let key = (&*rule.account_id, &*rule.region, &*rule.plan_id);
        of_plan.entry(key).or_default().push(rule);
    }
    let loads = loads(&rules, as_of);
    let ways: Vec<Vec<PlanRef>> = needy
        .iter()
        .map(|one| {
            let here = plans
                .iter()
                .filter(|plan| plan.account_id == one.at().account_id && plan.region == one.at().region)
                .filter(|plan| foreign_owner(&plan.plan_id).is_none())
                .filter(|plan| !failing.contains(&(one.at().clone(), plan.plan_id.clone())))
                .filter(|plan| one.plans.iter().all(|(id, _)| *id != plan.plan_id));
            let mut ranked: Vec<((usize, bool, bool), PlanRef)> = here
                .map(|plan| {
                    let rules = of_plan.get(&(&*plan.account_id, &*plan.region, &*plan.plan_id));
                    let may_serve = rules
                        .into_iter()
                        .flatten()
                        .any(|rule| may_keep(rule, &one.values, as_of));
                    let key = (one.at().clone(), plan.plan_id.clone(), one.tier.clone());
                    let count = served.get(&key).copied().unwrap_or(0);
                    let version = plan.version_id.clone().filter(|version| !is_new(version));
                    let plan_ref = PlanRef {
                        name: plan.plan_name.clone().unwrap_or_else(|| plan.plan_id.clone()),
                        id: plan.plan_id.clone(),
                        version_id: version,
                        load: loads.get(&(one.at().clone(), plan.plan_id.clone())).copied().flatten(),
                    };
                    ((usize::MAX - count, !may_serve, !is_new(&plan.plan_id)), plan_ref)
                })
                .collect();
            ranked.sort();
            ranked.into_iter().map(|(_, plan)| plan).collect()
        })
        .collect();
    let words = |plan: &PlanRef| format!("an assignment to plan `{}`", plan.name);
    first_that_helps(planner, supposed, needy, &ways, words, assignments)
}

/// Does one rule alone run as often and keep as long as is asked? What its vault and copies are is for the rules to say.
fn may_keep(rule: &PlanRule, values: &PolicyValues, as_of: DateTime<Utc>) -> bool {
    let kept = positive(rule.delete_after_days);
    let schedule = Schedule::parse(rule.schedule.as_deref(), rule.schedule_time_zone.as_deref()).ok();
    let gap = schedule.and_then(|schedule| schedule.largest_gap(as_of, 60));
    kept.is_none_or(|days| days >= values.retention_min_days) && gap.is_some_and(|gap| gap <= values.wanted_interval())
}

/// The assignments of tables to plans, several tables in one; with the tags that their selection goes by, where it goes by one.
pub(crate) fn assignments(planner: &Planner<'_>, batch: &[(&Needy, &PlanRef)]) -> Vec<(TargetId, Deed)> {
    let mut groups: BTreeMap<(TargetId, PlanRef), Vec<&Needy>> = BTreeMap::new();
    for (one, plan) in batch {
        groups.entry((one.at().clone(), (*plan).clone())).or_default().push(one);
    }
    let mut deeds = Vec::new();
    for ((at, plan), mut tables) in groups {
        tables.sort_by(|one, other| one.table.table_arn.cmp(&other.table.table_arn));
        let refs: Vec<TableRef> = tables
            .iter()
            .map(|one| TableRef {
                arn: one.table.table_arn.clone(),
                id: one.table_id(),
                size_bytes: one.size_bytes(),
            })
            .collect();
        let partition = tables[0].partition();
        for mut deed in Assign::all(&at, &plan, &partition, &refs, planner.settings) {
            if deed.takes_all() {
                let bytes = demand::bytes(planner.report.tables.iter().filter(|table| table.target == at));
                deed.keeps = bytes.zip(plan.load).and_then(|(bytes, load)| load.times(bytes));
            }
            if let Some(tag) = deed.tags_of_tables() {
                for table in &refs {
                    let tagged = TagTable {
                        table_arn: table.arn.clone(),
                        table_id: table.id.clone(),
                        tags: vec![tag.clone()],
                        plan_name: plan.name.clone(),
                        // The assignment counts them.
                        keeps: Some(Load::default()),
                    };
                    deeds.push((at.clone(), Deed::TagTable(tagged)));
                }
            }
            deeds.push((at.clone(), Deed::Assign(deed)));
        }
    }
    deeds
}

/// Says why no plan serves these, of the kind that was asked last.
pub(crate) fn block(planner: &mut Planner<'_>, not: &[Unhelped], otherwise: &str) {
    for (one, why) in not {
        let why = why.as_deref().unwrap_or(otherwise);
        one.findings.iter().for_each(|finding| planner.block(finding, why));
    }
}
