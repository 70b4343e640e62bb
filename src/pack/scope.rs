//! What an inventory says of its scope and of how much of it was read, counted anew: what the manifest of its pack says must
//! be the same.

use std::collections::BTreeMap;

use super::manifest::{Account, Coverage};
use crate::domain::TargetId;
use crate::facts::Reading;
use crate::inventory::Inventory;
use crate::inventory::schema::{CallLogEntry, Table};
use crate::problem::Problem;

/// Scope and coverage of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    /// In order of id.
    pub(crate) accounts: Vec<Account>,
    /// In order.
    pub(crate) regions: Vec<String>,
    /// What was read and what could not be.
    pub(crate) coverage: Coverage,
}

/// Tables of one target.
#[derive(Default)]
struct Tables {
    listed: u64,
    vanished: u64,
    described: u64,
}

impl Scope {
    /// Counts.
    ///
    /// Errors: a frame is damaged.
    pub(crate) fn of(inventory: &Inventory) -> Result<Self, Problem> {
        let reading = Reading::read(inventory)?;
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        let mut regions: Vec<String> = Vec::new();
        for (target, name) in &reading.targets {
            names.entry(&target.account_id).or_insert(name);
            regions.push(target.region.clone());
        }
        regions.sort();
        regions.dedup();
        let accounts = names.into_iter().map(|(id, name)| Account {
            id: id.to_owned(),
            name: name.to_owned(),
        });
        Ok(Self {
            accounts: accounts.collect(),
            regions,
            coverage: coverage(inventory, &reading)?,
        })
    }
}

/// A table that vanished meanwhile is counted with the tables; it is not a gap.
fn is_gap(entry: &&CallLogEntry) -> bool {
    !(entry.outcome == "absent" && entry.action.starts_with("dynamodb:Describe"))
}

fn coverage(inventory: &Inventory, reading: &Reading) -> Result<Coverage, Problem> {
    let mut by_target: BTreeMap<TargetId, Tables> = BTreeMap::new();
    inventory.for_each::<Table>(|rows| {
        for table in rows {
            let tables = by_target
                .entry(TargetId::new(table.account_id, table.region))
                .or_default();
            tables.listed += 1;
            tables.described += u64::from(table.description == "described");
            tables.vanished += u64::from(table.description == "vanished");
        }
    })?;
    let is_region_list = |entry: &CallLogEntry| entry.action == "account:ListRegions";
    let mut coverage = Coverage {
        targets: reading.targets.len() as u64,
        regions_unknown: !inventory.manifest.regions_named && reading.failures.iter().any(is_region_list),
        gaps: reading.failures.iter().filter(is_gap).count() as u64,
        calls: inventory.manifest.frames.get("call_log").copied().unwrap_or(0),
        attempts: inventory.manifest.attempt_count,
        ..Coverage::default()
    };
    for target in reading.targets.keys() {
        let tables = by_target.remove(target).unwrap_or_default();
        let has_gaps = reading.failures_of(target).any(|entry| is_gap(&entry));
        match (reading.is_whole(target, "dynamodb:ListTables", ""), has_gaps) {
            (false, _) if tables.listed == 0 => coverage.targets_not_read += 1,
            (true, false) => coverage.targets_scanned += 1,
            _ => coverage.targets_partly += 1,
        }
        coverage.tables_listed += tables.listed;
        coverage.tables_described += tables.described;
        coverage.tables_vanished += tables.vanished;
        coverage.tables_unknown += tables.listed - tables.described - tables.vanished;
    }
    Ok(coverage)
}
