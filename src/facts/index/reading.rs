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
        reading.doubt();
        reading.failures.sort_by(|a, b| {
            (&a.account_id, &a.region, &a.action, &a.resource).cmp(&(&b.account_id, &b.region, &b.action, &b.resource))
        });
        Ok(reading)
    }

    /// A failure of an action as a whole, such as rows that contradict each other, leaves none of its answers whole.
    fn doubt(&mut self) {
        for failure in self.failures.iter().filter(|failure| failure.resource.is_empty()) {
            let target = TargetId::new(failure.account_id.clone(), failure.region.clone());
            if let Some(done) = self.done.get_mut(&target) {
                done.retain(|(action, _)| *action != failure.action);
            }
        }
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
    pub(crate) fn is_whole(&self, target: &TargetId, action: &str, resource: &str) -> bool {
        // Two owned strings per look-up are cheap beside what the answer is worth.
        let key = (action.to_owned(), resource.to_owned());
        self.done.get(target).is_some_and(|done| done.contains(&key))
    }

    /// Did any call there end well?
    pub(crate) fn is_reached(&self, target: &TargetId) -> bool {
        self.done.contains_key(target)
    }

    /// One failure of this action in one target: of `resource` if it is given, else the first.
    pub(crate) fn failure(&self, target: &TargetId, action: &str, resource: Option<&str>) -> Option<&CallLogEntry> {
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
    pub(crate) fn failures_of<'r>(&'r self, target: &'r TargetId) -> impl Iterator<Item = &'r CallLogEntry> {
        let is_before =
            |entry: &CallLogEntry| (&entry.account_id, &entry.region) < (&target.account_id, &target.region);
        let start = self.failures.partition_point(is_before);
        self.failures[start..]
            .iter()
            .take_while(|entry| entry.account_id == target.account_id && entry.region == target.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_contradict_each_other_leave_no_answer_of_their_call_whole() {
        let entry = |action: &str, resource: &str, outcome: &str| CallLogEntry {
            account_id: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            outcome: outcome.to_owned(),
            error: None,
            page_count: 1,
            attempt_count: 1,
            started_at: chrono::DateTime::UNIX_EPOCH,
            answered_at: None,
            duration_ms: 0,
            request_id: None,
        };
        let (points, jobs) = ("backup:ListRecoveryPointsByBackupVault", "backup:ListBackupJobs");
        let mut reading = Reading::default();
        for (action, resource) in [(points, "a"), (points, "b"), (jobs, "")] {
            reading.add(entry(action, resource, "ok"));
        }
        let target = TargetId::new("111122223333".to_owned(), "eu-west-1".to_owned());
        // Of one vault: the others are whole.
        reading.add(entry(points, "c", "failed"));
        reading.doubt();
        assert!(reading.is_whole(&target, points, "a") && reading.is_whole(&target, jobs, ""));
        reading.add(entry(points, "", "failed"));
        reading.doubt();
        assert!(!reading.is_whole(&target, points, "a") && !reading.is_whole(&target, points, "b"));
        assert!(reading.is_whole(&target, jobs, ""));
    }
}
