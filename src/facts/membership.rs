//! Which plans take a table, and what they promise it.

use std::collections::{BTreeMap, BTreeSet};

use super::dictionary::TableFacts;
use super::freshness::PlanMade;
use super::protection::{
    Condition, Index, Place, PlanVerdictKind, Selection, TableFacts as Subject, TagCondition, Unread, plan_verdict,
};
use super::{Evidence, FOREVER_DAYS, identity, names, target_of};
use crate::domain::{TargetId, rfc3339};
use crate::inventory::Inventory;
use crate::inventory::schema::{Plan, PlanRule, Selection as SelectionRow, Table};
use crate::problem::Problem;

/// Plans and selections of all targets, ready to be asked.
pub(super) struct Memberships {
    targets: BTreeMap<TargetId, Target>,
}

struct Target {
    index: Index,
    /// Plan id of each selection of the index.
    plan_of: Vec<String>,
    unread: Vec<Unread>,
    plans: BTreeMap<String, PlanFacts>,
}

struct PlanFacts {
    row: Plan,
    /// `None`: the plan's rules could not be read.
    rules: Option<Vec<PlanRule>>,
}

impl PlanFacts {
    fn name(&self) -> String {
        self.row.plan_name.clone().unwrap_or_else(|| self.row.plan_id.clone())
    }
}

impl Memberships {
    pub(super) fn read(inventory: &Inventory, evidence: &Evidence) -> Result<Self, Problem> {
        let mut plans: BTreeMap<TargetId, BTreeMap<String, PlanFacts>> = BTreeMap::new();
        for row in inventory.read::<Plan>()? {
            let target = TargetId {
                account_id: row.account_id.clone(),
                region: row.region.clone(),
            };
            let is_read = evidence.reading.is_whole(&target, "backup:GetBackupPlan", &row.plan_id);
            let facts = PlanFacts {
                rules: is_read.then(Vec::new),
                row,
            };
            plans
                .entry(target)
                .or_default()
                .insert(facts.row.plan_id.clone(), facts);
        }
        for rule in inventory.read::<PlanRule>()? {
            let target = TargetId {
                account_id: rule.account_id.clone(),
                region: rule.region.clone(),
            };
            let plan = plans.get_mut(&target).and_then(|plans| plans.get_mut(&rule.plan_id));
            if let Some(rules) = plan.and_then(|plan| plan.rules.as_mut()) {
                rules.push(rule);
            }
        }
        let mut selections: BTreeMap<TargetId, Vec<SelectionRow>> = BTreeMap::new();
        for row in inventory.read::<SelectionRow>()? {
            let target = TargetId {
                account_id: row.account_id.clone(),
                region: row.region.clone(),
            };
            selections.entry(target).or_default().push(row);
        }
        let mut targets = BTreeMap::new();
        for target in evidence.reading.targets.keys() {
            let plans = plans.remove(target).unwrap_or_default();
            let mut rows = selections.remove(target).unwrap_or_default();
            rows.sort_by(|a, b| (&a.plan_id, &a.selection_id).cmp(&(&b.plan_id, &b.selection_id)));
            targets.insert(target.clone(), Target::new(target, plans, rows, evidence)?);
        }
        Ok(Self { targets })
    }

    pub(super) fn fill(&self, facts: &mut TableFacts, table: &Table, evidence: &Evidence, made: Option<&PlanMade>) {
        let Some(target) = self.targets.get(&target_of(table)) else {
            return;
        };
        let empty = BTreeMap::new();
        let tags = identity::tags_of(table, evidence).map(|tags| tags.unwrap_or(&empty));
        let subject = Subject {
            arn: &table.table_arn,
            tags,
        };
        let verdict = plan_verdict(&target.index, &subject, &target.unread);
        let plans_of = |selections: &[usize]| -> BTreeSet<&str> {
            selections
                .iter()
                .map(|selection| target.plan_of[*selection].as_str())
                .collect()
        };
        let mut sure = plans_of(&verdict.matches);
        let mut open = plans_of(&verdict.open);
        let (mut kind, mut reason) = (verdict.kind, verdict.reason);
        if kind == PlanVerdictKind::Uncertain
            && let Some((plan_id, proof)) = made.and_then(|made| target.proof(made))
        {
            kind = PlanVerdictKind::Protected;
            reason = format!("{proof} ({reason})");
            sure.insert(plan_id);
        }
        open.retain(|plan| !sure.contains(plan));

        let (word, answer) = match kind {
            PlanVerdictKind::Protected => ("protected", Some(true)),
            PlanVerdictKind::Unprotected => ("unprotected", Some(false)),
            PlanVerdictKind::Uncertain => ("uncertain", None),
        };
        facts.in_a_plan = answer;
        facts.plan_verdict = Some(word.to_owned());
        facts.plan_reason = Some(reason);
        let sure_plans: Vec<&PlanFacts> = sure.iter().filter_map(|plan| target.plans.get(*plan)).collect();
        facts.plan_names = Some(names(
            &sure_plans.iter().map(|plan| plan.name()).collect::<BTreeSet<String>>(),
        ));
        let is_whole = open.is_empty() && target.unread.is_empty();
        fill_promises(facts, &sure_plans, is_whole);
    }
}

/// What the rules of these plans promise.
fn fill_promises(facts: &mut TableFacts, plans: &[&PlanFacts], is_whole: bool) {
    let rules: Vec<&PlanRule> = plans.iter().filter_map(|plan| plan.rules.as_ref()).flatten().collect();
    let retention = |rule: &&PlanRule| rule.delete_after_days.filter(|days| *days > 0).unwrap_or(FOREVER_DAYS);
    facts.plan_retention_days_seen = rules.iter().map(retention).max();
    let all_read = plans.iter().all(|plan| plan.rules.is_some());
    facts.plan_retention_days = facts.plan_retention_days_seen.filter(|_| is_whole && all_read);
    if !rules.is_empty() || (is_whole && all_read) {
        let vault = |rule: &&PlanRule| {
            rule.air_gapped_vault_arn
                .clone()
                .unwrap_or_else(|| rule.vault_name.clone())
        };
        facts.plan_vaults = Some(names(&rules.iter().map(vault).collect::<BTreeSet<String>>()));
    }
}

impl Target {
    fn new(
        target: &TargetId,
        plans: BTreeMap<String, PlanFacts>,
        rows: Vec<SelectionRow>,
        evidence: &Evidence,
    ) -> Result<Self, Problem> {
        let mut unread = Vec::new();
        if !evidence.reading.is_whole(target, "backup:ListBackupPlans", "") {
            unread.push(Unread {
                what: "the list of backup plans".to_owned(),
            });
        }
        for plan in plans.values() {
            if !evidence
                .reading
                .is_whole(target, "backup:ListBackupSelections", &plan.row.plan_id)
            {
                unread.push(Unread {
                    what: format!("the selections of plan `{}`", plan.name()),
                });
            }
        }
        for failure in evidence.reading.failures_of(target) {
            if failure.action == "backup:GetBackupSelection" {
                unread.push(Unread {
                    what: format!("selection `{}`", failure.resource),
                });
            }
        }
        let (mut selections, mut plan_of) = (Vec::new(), Vec::new());
        for row in rows {
            // A plan that is known to have no rule never runs.
            let plan = plans.get(&row.plan_id);
            if plan.and_then(|plan| plan.rules.as_ref()).is_some_and(Vec::is_empty) {
                continue;
            }
            plan_of.push(row.plan_id.clone());
            selections.push(selection(row, plan.map(PlanFacts::name))?);
        }
        let settings = evidence.settings.get(target);
        let place = Place {
            partition: evidence
                .partitions
                .get(target)
                .cloned()
                .unwrap_or_else(|| "aws".to_owned()),
            account_id: target.account_id.clone(),
            region: target.region.clone(),
            opt_in: settings.map(|settings| settings.dynamodb_opt_in.unwrap_or(false)),
            org_opt_in: None,
        };
        Ok(Self {
            index: Index::new(place, selections),
            plan_of,
            unread,
            plans,
        })
    }

    /// A recovery point that a live plan made in its latest run proves that the plan takes the table, whatever AWS's
    /// documents leave open. An older point does not: the selection may have changed since.
    fn proof(&self, made: &PlanMade) -> Option<(&str, String)> {
        let (id, plan) = self.plans.get_key_value(&made.plan_id)?;
        let last_run = plan.row.last_execution_at?;
        (made.at >= last_run - chrono::TimeDelta::days(1)).then(|| {
            let proof = format!(
                "proved by recovery point {} that plan `{}` made at {}",
                made.recovery_point_arn,
                plan.name(),
                rfc3339(made.at)
            );
            (id.as_str(), proof)
        })
    }
}

fn selection(row: SelectionRow, plan_name: Option<String>) -> Result<Selection, Problem> {
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
        plan_name: plan_name.unwrap_or_else(|| row.plan_id.clone()),
        is_organization_plan: row.plan_id.starts_with("orgs/"),
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
