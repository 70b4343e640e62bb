//! AWS Backup's own restore testing: which testing plans cover a table.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::index::Index;
use super::table_points::tally::InVault;
use super::time::seconds;
use super::words::names;
use crate::dictionary::TableFacts;
use crate::inventory::Inventory;
use crate::inventory::schema::{RestoreTestingPlan, RestoreTestingSelection};
use crate::problem::Problem;

/// AWS Backup's default for how old a point may be that a plan restores.
const WINDOW_DAYS: i64 = 30;

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

/// The points that a plan restores; `None`: the plan could not be read, or does not say.
struct Plan {
    takes: Option<Takes>,
}

/// Which points a plan restores.
struct Takes {
    include: Vec<String>,
    exclude: Vec<String>,
    /// AWS Backup's points of a table are snapshots; a plan for continuous backups takes none of them.
    is_for_snapshots: bool,
    /// No older than this, in days.
    window_days: i64,
}

struct Selection {
    plan: String,
    tables: Vec<String>,
    /// AWS holds conditions against the tags of recovery points, which are not read.
    has_conditions: bool,
}

impl RestoreTesting {
    pub(super) fn read(inventory: &Inventory, index: &Index) -> Result<Self, Problem> {
        let mut targets: BTreeMap<u32, Target> = BTreeMap::new();
        for (place, target) in (0..).zip(&index.targets) {
            let is_broken = index
                .reading
                .failures_of(target)
                .any(|failure| failure.action.contains("RestoreTesting"));
            let is_listed = index.reading.is_whole(target, "backup:ListRestoreTestingPlans", "");
            targets.entry(place).or_default().is_whole = is_listed && !is_broken;
        }
        let list = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap_or_default();
        for row in inventory.read::<RestoreTestingPlan>()? {
            let types = row.recovery_point_types_json.as_deref().map(list).unwrap_or_default();
            let vaults = row
                .include_vaults_json
                .as_deref()
                .zip(row.exclude_vaults_json.as_deref());
            let takes = vaults.filter(|_| !types.is_empty()).map(|(include, exclude)| Takes {
                include: list(include),
                exclude: list(exclude),
                is_for_snapshots: types.iter().any(|kind| kind == "SNAPSHOT"),
                window_days: row.selection_window_days.unwrap_or(WINDOW_DAYS),
            });
            if let Some(place) = index.place_of(&row.account_id, &row.region) {
                let plans = &mut targets.entry(place).or_default().plans;
                plans.insert(row.plan_name, Plan { takes });
            }
        }
        for row in inventory.read::<RestoreTestingSelection>()? {
            if let Some(place) = index.place_of(&row.account_id, &row.region) {
                targets.entry(place).or_default().selections.push(Selection {
                    plan: row.plan_name,
                    tables: list(&row.resource_arns_json),
                    has_conditions: row.conditions_json != "[]",
                });
            }
        }
        Ok(Self { targets })
    }

    /// `vaults`: those that hold usable points of the table.
    pub(super) fn fill(
        &self,
        facts: &mut TableFacts,
        row: usize,
        index: &Index,
        vaults: &[InVault],
        points_whole: bool,
    ) {
        let table = &index.tables[row];
        let Some(target) = self.targets.get(&index.target_place(row)) else {
            return;
        };
        let arn_of = |held: &InVault| index.vaults[held.vault as usize].row.vault_arn.as_deref();
        let held: Vec<(&str, u32)> = vaults
            .iter()
            .filter_map(|held| Some((arn_of(held)?, held.newest)))
            .collect();
        let (mut covering, mut is_open) = (BTreeSet::new(), !target.is_whole);
        for selection in &target.selections {
            let is_named = selection.tables.iter().any(|arn| arn == "*" || *arn == table.table_arn);
            let is_conditional = selection.has_conditions && (is_named || selection.tables.is_empty());
            let of_plan = target.plans.get(&selection.plan).and_then(|plan| plan.takes.as_ref());
            match of_plan {
                _ if !is_named && !is_conditional => {}
                Some(takes) if !takes.is_for_snapshots => {}
                _ if is_conditional => is_open = true,
                None => is_open = true,
                Some(takes) if held.iter().any(|(arn, newest)| takes.one_of(arn, *newest, index)) => {
                    covering.insert(selection.plan.as_str());
                }
                // A vault that was not read may hold the point that the plan would take.
                Some(_) => is_open |= !points_whole,
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

impl Takes {
    /// Is the newest point of a vault one of them?
    fn one_of(&self, vault_arn: &str, newest: u32, index: &Index) -> bool {
        let oldest = seconds(index.as_of - TimeDelta::days(self.window_days));
        newest >= oldest && matches_any(&self.include, vault_arn) && !matches_any(&self.exclude, vault_arn)
    }
}

/// Vault ARNs with `*` for any run of characters.
fn matches_any(patterns: &[String], arn: &str) -> bool {
    patterns.iter().any(|pattern| crate::text::glob(pattern, arn))
}
