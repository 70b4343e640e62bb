//! What the call log says about each target: what was read whole, what was not, and why.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::TargetId;
use crate::inventory::Inventory;
use crate::inventory::schema::{CallLogEntry, Target};
use crate::problem::Problem;

/// Outcomes of all calls, by target.
#[derive(Debug, Default)]
pub struct Reading {
    /// Every target of the scan, in order, with the account's name.
    pub targets: BTreeMap<TargetId, String>,
    done: BTreeMap<TargetId, BTreeSet<(String, String)>>,
    /// Calls that failed.
    pub failures: Vec<CallLogEntry>,
    /// Requests sent, by target.
    pub attempts: BTreeMap<TargetId, u64>,
}

impl Reading {
    /// Reads the call log.
    ///
    /// Errors: the frame is damaged.
    pub fn read(inventory: &Inventory) -> Result<Self, Problem> {
        let mut reading = Self::default();
        for row in inventory.read::<Target>()? {
            let target = TargetId::new(row.account_id, row.region);
            reading.targets.insert(target, row.account_name.unwrap_or_default());
        }
        inventory.for_each::<CallLogEntry>(|rows| {
            for entry in rows {
                reading.add(entry);
            }
        })?;
        reading.failures.sort_by(|a, b| {
            (&a.account_id, &a.region, &a.action, &a.resource).cmp(&(&b.account_id, &b.region, &b.action, &b.resource))
        });
        Ok(reading)
    }

    fn add(&mut self, entry: CallLogEntry) {
        let target = TargetId::new(entry.account_id.clone(), entry.region.clone());
        *self.attempts.entry(target.clone()).or_default() += u64::try_from(entry.attempt_count).unwrap_or(0);
        match entry.outcome.as_str() {
            // What a table's description says is in the table's own row; remembering it here too would double it.
            "ok" if entry.action.starts_with("dynamodb:Describe") => {}
            "ok" => {
                self.done
                    .entry(target)
                    .or_default()
                    .insert((entry.action, entry.resource));
            }
            _ => self.failures.push(entry),
        }
    }

    /// Was this call made, and did it end well with all its pages?
    pub fn is_whole(&self, target: &TargetId, action: &str, resource: &str) -> bool {
        // Two owned strings per look-up are cheap beside what the answer is worth.
        let key = (action.to_owned(), resource.to_owned());
        self.done.get(target).is_some_and(|done| done.contains(&key))
    }

    /// Did any call there end well?
    pub fn is_reached(&self, target: &TargetId) -> bool {
        self.done.contains_key(target)
    }

    /// One failure of this action in one target: of `resource` if it is given, else the first.
    pub fn failure(&self, target: &TargetId, action: &str, resource: Option<&str>) -> Option<&CallLogEntry> {
        let wanted = (
            target.account_id.as_str(),
            target.region.as_str(),
            action,
            resource.unwrap_or_default(),
        );
        let key = |entry: &'_ CallLogEntry| -> bool {
            (
                entry.account_id.as_str(),
                entry.region.as_str(),
                entry.action.as_str(),
                entry.resource.as_str(),
            ) < wanted
        };
        let found = self.failures.get(self.failures.partition_point(key))?;
        let is_it = found.account_id == target.account_id && found.region == target.region && found.action == action;
        (is_it && resource.is_none_or(|resource| found.resource == resource)).then_some(found)
    }

    /// The calls that failed in one target, in order of action and resource.
    pub fn failures_of<'r>(&'r self, target: &'r TargetId) -> impl Iterator<Item = &'r CallLogEntry> {
        let is_before =
            |entry: &CallLogEntry| (&entry.account_id, &entry.region) < (&target.account_id, &target.region);
        let start = self.failures.partition_point(is_before);
        self.failures[start..]
            .iter()
            .take_while(|entry| entry.account_id == target.account_id && entry.region == target.region)
    }
}
