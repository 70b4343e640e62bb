//! The plans and selections of each target, as they were read.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};

use super::offers::{Offers, Parts, Taker};
use super::rule::PlanRule;
use crate::domain::{TargetId, rfc3339};
use crate::facts::index::Index;
use crate::facts::protection::{Condition, Members, Place, Runs, Selection, SelectionIndex, TagCondition, Unread};
use crate::inventory::Inventory;
use crate::inventory::schema::{Plan, PlanRule as PlanRuleRow, PlanVersion, Selection as SelectionRow};
use crate::problem::Problem;

/// Plans of one target.
pub(crate) struct TargetPlans {
    pub(crate) selection_index: SelectionIndex,
    /// Of each selection of the index above.
    pub(crate) selections: Vec<SelectionState>,
    pub(super) unread: Vec<Unread>,
    pub(crate) plans: BTreeMap<String, PlanState>,
    /// It has a table.
    pub(crate) has_tables: bool,
}

/// What a plan made of a table, or tried to: evidence that the plan takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlanMade<'p> {
    pub(crate) at: DateTime<Utc>,
    pub(crate) plan_id: &'p str,
    /// The ARN of a recovery point; `None`: a backup job, however it ended.
    pub(crate) recovery_point_arn: Option<&'p str>,
}

/// A plan that takes a table by what it made, whatever AWS's documents leave open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(super) plan_id: String,
    /// In words.
    pub(super) text: String,
}

/// What is known of a selection beside its clauses.
pub(crate) struct SelectionState {
    pub(crate) plan_id: String,
    pub(crate) name: String,
    pub(crate) role_arn: Option<String>,
    created_at: Option<DateTime<Utc>>,
    /// Tables that it takes for certain.
    pub(crate) taken: usize,
    /// Tables that it may take.
    pub(crate) open: usize,
    /// The first of them, by row.
    pub(crate) first_open: Option<usize>,
}

/// A plan and what hangs on it.
pub(crate) struct PlanState {
    pub(crate) row: Plan,
    /// `None`: the plan's rules could not be read.
    pub(crate) rules: Option<Vec<PlanRule>>,
    /// Since when the version in force is.
    pub(super) version_at: Option<DateTime<Utc>>,
    /// Its selections were listed, and each of them could be read.
    pub(crate) selections_whole: bool,
    /// Its selections, by place among those of the target.
    pub(crate) selections: Range<usize>,
    /// Tables that it takes by what it made of them, by whichever of its selections.
    pub(crate) proved: usize,
}

impl PlanState {
    pub(crate) fn name(&self) -> &str {
        self.row.plan_name.as_deref().unwrap_or(&self.row.plan_id)
    }

    /// Has it a rule that will run again?
    fn runs(&self) -> Runs {
        match &self.rules {
            None => Runs::Unread,
            Some(rules) if rules.iter().all(|rule| rule.is_over) => Runs::No,
            Some(_) => Runs::Yes,
        }
    }
}

impl TargetPlans {
    /// Those of every target, by place.
    pub(super) fn read(inventory: &Inventory, index: &Index) -> Result<Vec<Self>, Problem> {
        let mut plans = read_plans(inventory, index)?;
        let mut rows = read_selections(inventory, index)?;
        let new = |target| {
            let (plans, rows) = (plans.remove(target), rows.remove(target));
            Self::new(target, plans.unwrap_or_default(), rows.unwrap_or_default(), index)
        };
        index.targets.iter().map(new).collect()
    }

    fn new(
        target: &TargetId,
        mut plans: BTreeMap<String, PlanState>,
        rows: Vec<SelectionRow>,
        index: &Index,
    ) -> Result<Self, Problem> {
        let gone = gone(target, index);
        plans.retain(|plan_id, _| !gone.contains(plan_id.as_str()));
        let mut unread = Vec::new();
        if !index.reading.is_whole(target, "backup:ListBackupPlans", "") {
            unread.push(Unread {
                what: "the list of backup plans".to_owned(),
            });
        }
        for plan in plans.values() {
            if !index
                .reading
                .is_whole(target, "backup:ListBackupSelections", &plan.row.plan_id)
            {
                unread.push(Unread {
                    what: format!("the selections of plan `{}`", plan.name()),
                });
            }
        }
        for failure in index.reading.failures_of(target) {
            let plan_id = failure.resource.split_once(' ').map_or("", |(plan_id, _)| plan_id);
            let is_gone = failure.outcome == "absent" || gone.contains(plan_id);
            if failure.action == "backup:GetBackupSelection" && !is_gone {
                unread.push(Unread {
                    what: format!("selection `{}`", failure.resource),
                });
            }
        }
        let (mut selections, mut states) = (Vec::new(), Vec::new());
        let rows = rows.into_iter().filter(|row| !gone.contains(row.plan_id.as_str()));
        for (number, row) in rows.enumerate() {
            // They are in order of plan.
            if let Some(plan) = plans.get_mut(&row.plan_id) {
                let start = if plan.selections.is_empty() {
                    number
                } else {
                    plan.selections.start
                };
                plan.selections = start..number + 1;
            }
            let plan = plans.get(&row.plan_id);
            states.push(SelectionState {
                plan_id: row.plan_id.clone(),
                name: row.selection_name.clone(),
                role_arn: row.role_arn.clone(),
                created_at: row.created_at,
                taken: 0,
                open: 0,
                first_open: None,
            });
            selections.push(selection(row, plan)?);
        }
        let settings = index.settings.get(target);
        let place = Place {
            partition: index.partition(target).unwrap_or("aws").to_owned(),
            account_id: target.account_id.clone(),
            region: target.region.clone(),
            opt_in: settings.map(|settings| settings.dynamodb_opt_in.unwrap_or(false)),
            org_opt_in: None,
        };
        Ok(Self {
            selection_index: SelectionIndex::new(place, selections),
            selections: states,
            unread,
            plans,
            has_tables: false,
        })
    }

    /// The selections of a plan, with their numbers.
    pub(crate) fn selections_of(&self, plan: &PlanState) -> impl Iterator<Item = (usize, &SelectionState)> + use<'_> {
        let range = plan.selections.clone();
        range.clone().zip(&self.selections[range])
    }

    /// A recovery point that a live plan made in its latest run, or a job that it started then, proves that the plan takes the
    /// table, whatever AWS's documents leave open; a job that failed proves it as well. Older ones do not, nor one that is older
    /// than the selection: both may have changed since. Nor does any prove something where no selection that was read may take
    /// the table: one that took it this morning can be deleted. `last_job`: when the plan started its last job of any table.
    pub(super) fn proof(
        &self,
        made: &PlanMade<'_>,
        members: &Members,
        last_job: Option<DateTime<Utc>>,
    ) -> Option<Proof> {
        let plan = self.plans.get(made.plan_id)?;
        // AWS may leave the date of the last run out; the plan's jobs tell it too.
        let last_run = plan.row.last_execution_at.max(last_job)?;
        let may_take = self.open_of(plan, members).any(|number| {
            let created_at = self.selections[number].created_at;
            created_at.is_some_and(|created_at| created_at <= made.at)
        });
        (may_take && made.at >= last_run - TimeDelta::days(1)).then(|| {
            let (name, at) = (plan.name(), rfc3339(made.at));
            Proof {
                plan_id: made.plan_id.to_owned(),
                text: match made.recovery_point_arn {
                    Some(arn) => format!("proved by recovery point {arn} that plan `{name}` made at {at}"),
                    None => format!("proved by the backup job that plan `{name}` started for it at {at}"),
                },
            }
        })
    }

    /// Selections of a plan that may take a table.
    pub(super) fn open_of<'m>(&self, plan: &PlanState, members: &'m Members) -> impl Iterator<Item = usize> + use<'m> {
        let range = plan.selections.clone();
        members
            .open
            .iter()
            .map(|number| *number as usize)
            .filter(move |number| range.contains(number))
    }

    pub(super) fn offers(&self, place: u32, members: &Members, proved: &[String], index: &Index) -> Offers {
        let plan_of = |number: &u32| self.selections[*number as usize].plan_id.as_str();
        let proved = proved.iter().map(String::as_str);
        let sure: BTreeSet<&str> = members.matches.iter().map(plan_of).chain(proved).collect();
        let perhaps: BTreeSet<&str> = members
            .open
            .iter()
            .map(plan_of)
            .filter(|plan| !sure.contains(plan))
            .collect();
        let is_open = !perhaps.is_empty();
        let taker = |plan_id: &&str, is_sure: bool| {
            let numbers = members.matches.iter().chain(members.open.iter().filter(|_| !is_sure));
            let selections = numbers.map(|number| &self.selections[*number as usize]);
            let of_plan = selections.filter(|selection| selection.plan_id == *plan_id);
            let plan = self.plans.get(*plan_id);
            Taker {
                plan_id: (*plan_id).to_owned(),
                is_sure,
                since: plan.and_then(|plan| self.since(&[plan], members)),
                roles: of_plan.filter_map(|selection| selection.role_arn.clone()).collect(),
            }
        };
        let takers = sure.iter().map(|plan| taker(plan, true));
        let takers: Vec<Taker> = takers.chain(perhaps.iter().map(|plan| taker(plan, false))).collect();
        let perhaps: Vec<Option<&PlanState>> = perhaps.into_iter().map(|plan| self.plans.get(plan)).collect();
        let perhaps_read = perhaps.iter().all(|plan| plan.is_some_and(|plan| plan.rules.is_some()));
        let plans: Vec<&PlanState> = sure.iter().filter_map(|plan| self.plans.get(*plan)).collect();
        let all_read = plans.len() == sure.len() && plans.iter().all(|plan| plan.rules.is_some());
        let selection_text = |number: &u32| {
            let selection = &self.selections[*number as usize];
            let plan = self.plans.get(&selection.plan_id).map_or("", PlanState::name);
            format!("{plan}/{}", selection.name)
        };
        Offers::new(
            Parts {
                place,
                plan_names: plans.iter().map(|plan| plan.name().to_owned()).collect(),
                selections: members.matches.iter().map(selection_text).collect(),
                rules: plans.iter().filter_map(|plan| plan.rules.as_ref()).flatten().collect(),
                perhaps: perhaps
                    .into_iter()
                    .flatten()
                    .filter_map(|plan| plan.rules.as_ref())
                    .flatten()
                    .collect(),
                is_whole: !is_open && self.unread.is_empty() && all_read,
                is_read: self.unread.is_empty() && all_read && perhaps_read,
                last_run_at: plans.iter().filter_map(|plan| plan.row.last_execution_at).max(),
                since: self.since(&plans, members),
                takers,
            },
            index,
        )
    }

    /// Since when these plans take the table as they do now: each by its version in force and its first selection.
    fn since(&self, plans: &[&PlanState], members: &Members) -> Option<DateTime<Utc>> {
        let mut since = None;
        for plan in plans {
            let of_plan = members
                .matches
                .iter()
                .map(|number| &self.selections[*number as usize])
                .filter(|selection| selection.plan_id == plan.row.plan_id);
            let dates: Option<Vec<DateTime<Utc>>> = of_plan.map(|selection| selection.created_at).collect();
            let selected_at = dates?.into_iter().min()?;
            since = since.max(Some(selected_at.max(plan.version_at?)));
        }
        since
    }
}

/// Plans that were listed, and of which AWS said a moment later that they do not exist: they were deleted in between, and take
/// nothing.
fn gone<'i>(target: &'i TargetId, index: &'i Index) -> HashSet<&'i str> {
    let failures = index.reading.failures_of(target);
    let absent = failures.filter(|failure| failure.action == "backup:GetBackupPlan" && failure.outcome == "absent");
    absent.map(|failure| failure.resource.as_str()).collect()
}

type Plans = BTreeMap<TargetId, BTreeMap<String, PlanState>>;

fn read_plans(inventory: &Inventory, index: &Index) -> Result<Plans, Problem> {
    let mut plans = Plans::new();
    let broken: HashSet<(&str, &str, &str)> = index
        .reading
        .failures
        .iter()
        .filter(|failure| failure.action == "backup:GetBackupSelection" && failure.outcome != "absent")
        .filter_map(|failure| {
            Some((
                &*failure.account_id,
                &*failure.region,
                failure.resource.split_once(' ')?.0,
            ))
        })
        .collect();
    for row in inventory.read::<Plan>()? {
        let target = TargetId::new(&row.account_id, &row.region);
        let is_whole = |action| index.reading.is_whole(&target, action, &row.plan_id);
        let has_broken = broken.contains(&(&row.account_id, &row.region, &row.plan_id));
        let state = PlanState {
            rules: is_whole("backup:GetBackupPlan").then(Vec::new),
            version_at: None,
            selections_whole: is_whole("backup:ListBackupSelections") && !has_broken,
            selections: 0..0,
            proved: 0,
            row,
        };
        plans
            .entry(target)
            .or_default()
            .insert(state.row.plan_id.clone(), state);
    }
    let mut plan_of = |account_id: &str, region: &str, plan_id: &str, with: &mut dyn FnMut(&mut PlanState)| {
        let plan = plans
            .get_mut(&TargetId::new(account_id, region))
            .and_then(|plans| plans.get_mut(plan_id));
        plan.into_iter().for_each(with);
    };
    for row in inventory.read::<PlanRuleRow>()? {
        let (account_id, region, plan_id) = (row.account_id.clone(), row.region.clone(), row.plan_id.clone());
        let mut rule = Some(PlanRule::new(row, index));
        plan_of(&account_id, &region, &plan_id, &mut |plan| {
            plan.rules.iter_mut().for_each(|rules| rules.extend(rule.take()));
        });
    }
    for row in inventory.read::<PlanVersion>()? {
        plan_of(&row.account_id, &row.region, &row.plan_id, &mut |plan| {
            if plan.row.version_id.is_some() && plan.row.version_id == row.version_id {
                plan.version_at = row.created_at;
            }
        });
    }
    Ok(plans)
}

fn read_selections(inventory: &Inventory, index: &Index) -> Result<BTreeMap<TargetId, Vec<SelectionRow>>, Problem> {
    let mut selections: BTreeMap<TargetId, Vec<SelectionRow>> = index
        .targets
        .iter()
        .map(|target| (target.clone(), Vec::new()))
        .collect();
    for row in inventory.read::<SelectionRow>()? {
        selections
            .entry(TargetId::new(&row.account_id, &row.region))
            .or_default()
            .push(row);
    }
    for rows in selections.values_mut() {
        rows.sort_by(|a, b| (&a.plan_id, &a.selection_id).cmp(&(&b.plan_id, &b.selection_id)));
    }
    Ok(selections)
}

fn selection(row: SelectionRow, plan: Option<&PlanState>) -> Result<Selection, Problem> {
    let damaged = |error: serde_json::Error| {
        Problem::new(format!(
            "could not read selection `{}` of the inventory",
            row.selection_id
        ))
        .why(error.to_string())
        .so("nothing was evaluated")
        .hint("the file is damaged; collect again")
    };
    let list = |text: &str| serde_json::from_str::<Vec<String>>(text).map_err(damaged);
    let triples = |text: &str| serde_json::from_str::<Vec<[String; 3]>>(text).map_err(damaged);
    Ok(Selection {
        plan_name: plan.map_or(&*row.plan_id, PlanState::name).to_owned(),
        is_organization_plan: row.plan_id.starts_with("orgs/"),
        runs: plan.map_or(Runs::Unread, PlanState::runs),
        resources: list(&row.resources_json)?,
        not_resources: list(&row.not_resources_json)?,
        list_of_tags: triples(&row.list_of_tags_json)?
            .into_iter()
            .map(|[kind, key, value]| TagCondition { kind, key, value })
            .collect(),
        conditions: triples(&row.conditions_json)?
            .into_iter()
            .map(|[operator, key, value]| Condition {
                operator: operator.as_str().into(),
                key,
                value,
            })
            .collect(),
        plan_id: row.plan_id,
        selection_id: row.selection_id,
        selection_name: row.selection_name,
    })
}
