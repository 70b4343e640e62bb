//! AWS Backup's own restore testing: which testing plans cover a table.

use std::collections::{BTreeMap, BTreeSet};

use super::dictionary::TableFacts;
use super::{Evidence, names};
use crate::inventory::Inventory;
use crate::inventory::schema::{RestoreTestingPlan, RestoreTestingSelection};
use crate::problem::Problem;

/// Restore testing plans and selections, by place of the target.
pub(super) struct RestoreTesting {
    targets: BTreeMap<u32, Target>,
}

#[derive(Default)]
struct Target {
    plans: BTreeMap<String, Plan>,
    selections: Vec<Selection>,
    is_whole: bool,
}

/// The vaults whose points a plan restores; `None`: the plan could not be read.
struct Plan {
    vaults: Option<(Vec<String>, Vec<String>)>,
}

struct Selection {
    plan: String,
    tables: Vec<String>,
    /// AWS holds conditions against the tags of recovery points, which are not read.
    has_conditions: bool,
}

impl RestoreTesting {
    pub(super) fn read(inventory: &Inventory, evidence: &Evidence) -> Result<Self, Problem> {
        let mut targets: BTreeMap<u32, Target> = BTreeMap::new();
        for (place, target) in (0..).zip(&evidence.targets) {
            let is_broken = evidence
                .reading
                .failures_of(target)
                .any(|failure| failure.action.contains("RestoreTesting"));
            let is_listed = evidence.reading.is_whole(target, "backup:ListRestoreTestingPlans", "");
            targets.entry(place).or_default().is_whole = is_listed && !is_broken;
        }
        let list = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap_or_default();
        for row in inventory.read::<RestoreTestingPlan>()? {
            let vaults = row
                .include_vaults_json
                .zip(row.exclude_vaults_json)
                .map(|(include, exclude)| (list(&include), list(&exclude)));
            if let Some(place) = evidence.place_of(&row.account_id, &row.region) {
                let plans = &mut targets.entry(place).or_default().plans;
                plans.insert(row.plan_name, Plan { vaults });
            }
        }
        for row in inventory.read::<RestoreTestingSelection>()? {
            if let Some(place) = evidence.place_of(&row.account_id, &row.region) {
                targets.entry(place).or_default().selections.push(Selection {
                    plan: row.plan_name,
                    tables: list(&row.resource_arns_json),
                    has_conditions: row.conditions_json != "[]",
                });
            }
        }
        Ok(Self { targets })
    }

    /// `vaults`: those that hold usable points of the table, by place.
    pub(super) fn fill(
        &self,
        facts: &mut TableFacts,
        row: usize,
        evidence: &Evidence,
        vaults: &[u32],
        points_whole: bool,
    ) {
        let table = &evidence.tables[row];
        let Some(target) = self.targets.get(&evidence.target_place(row)) else {
            return;
        };
        let arns: Vec<&str> = vaults
            .iter()
            .filter_map(|place| evidence.vaults[*place as usize].row.vault_arn.as_deref())
            .collect();
        let (mut covering, mut is_open) = (BTreeSet::new(), !target.is_whole);
        for selection in &target.selections {
            let is_named = selection.tables.iter().any(|arn| arn == "*" || *arn == table.table_arn);
            let is_conditional = selection.has_conditions && (is_named || selection.tables.is_empty());
            let of_plan = target.plans.get(&selection.plan).and_then(|plan| plan.vaults.as_ref());
            match of_plan {
                _ if !is_named && !is_conditional => {}
                _ if is_conditional => is_open = true,
                None => is_open = true,
                Some((include, exclude)) => {
                    let takes = |arn: &&str| matches_any(include, arn) && !matches_any(exclude, arn);
                    if arns.iter().any(takes) {
                        covering.insert(selection.plan.as_str());
                    } else {
                        // A vault that was not read may hold the point that the plan would take.
                        is_open |= !points_whole;
                    }
                }
            }
        }
        // Without a usable point there is nothing that AWS could restore.
        facts.restore_testing_planned = if covering.is_empty() {
            (!is_open).then_some(false)
        } else {
            Some(true)
        };
        facts.restore_testing_plans = (!covering.is_empty() || !is_open).then(|| names(covering));
    }
}

/// Vault ARNs with `*` for any run of characters.
fn matches_any(patterns: &[String], arn: &str) -> bool {
    patterns.iter().any(|pattern| crate::text::glob(pattern, arn))
}
