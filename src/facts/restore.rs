//! Restores: was one made, did it succeed, how long did it take.
//!
//! AWS remembers restore jobs for about 30 days; recovery points remember the date of their last restore as long as
//! they are kept.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::Evidence;
use super::dictionary::{TableFacts, Text};
use super::jobs::cause;
use crate::inventory::Inventory;
use crate::inventory::schema::RestoreJob;
use crate::inventory::schema::borrowed::RecoveryPoint;
use crate::problem::Problem;

/// The restores of all tables that had one.
pub(super) struct Restores {
    jobs: BTreeMap<usize, Vec<RestoreJob>>,
    /// Jobs that name their recovery point only.
    by_point: HashMap<String, Vec<RestoreJob>>,
    /// The last restore that recovery points of a table remember.
    last_seen: BTreeMap<usize, DateTime<Utc>>,
}

impl Restores {
    pub(super) fn read(inventory: &Inventory, row_of: impl Fn(&str) -> Option<usize>) -> Result<Self, Problem> {
        let mut restores = Self {
            jobs: BTreeMap::new(),
            by_point: HashMap::new(),
            last_seen: BTreeMap::new(),
        };
        for job in inventory.read::<RestoreJob>()? {
            match (job.source_resource_arn.as_deref(), job.recovery_point_arn.as_deref()) {
                (Some(arn), _) => {
                    if let Some(row) = row_of(arn) {
                        restores.jobs.entry(row).or_default().push(job);
                    }
                }
                (None, Some(point)) => {
                    let point = point.to_owned();
                    restores.by_point.entry(point).or_default().push(job);
                }
                (None, None) => {}
            }
        }
        Ok(restores)
    }

    /// A recovery point of a table, in its own target.
    pub(super) fn see(&mut self, row: usize, point: &RecoveryPoint<'_>, evidence: &Evidence) {
        if !self.by_point.is_empty()
            && let Some(jobs) = self.by_point.remove(point.recovery_point_arn)
        {
            self.jobs.entry(row).or_default().extend(jobs);
        }
        let is_of_this_table = evidence.tables[row]
            .created_at
            .zip(point.created_at)
            .is_some_and(|(born, at)| at >= born);
        if let Some(at) = point.last_restored_at.filter(|_| is_of_this_table) {
            let last = self.last_seen.entry(row).or_insert(at);
            *last = at.max(*last);
        }
    }

    pub(super) fn fill(&self, facts: &mut TableFacts, row: usize, evidence: &Evidence, points_whole: bool) {
        let Some(born) = evidence.tables[row].created_at else {
            return;
        };
        let of_this_table = |job: &&RestoreJob| {
            job.recovery_point_created_at
                .or(job.created_at)
                .is_some_and(|at| at >= born)
        };
        let mut finished: Vec<&RestoreJob> = self
            .jobs
            .get(&row)
            .into_iter()
            .flatten()
            .filter(of_this_table)
            .collect();
        finished.retain(|job| outcome(job).is_some());
        finished.sort_by(|a, b| (a.created_at, &a.job_id).cmp(&(b.created_at, &b.job_id)));
        let jobs_whole = evidence.is_whole(evidence.target_place(row), "backup:ListRestoreJobs", "");

        let succeeded = finished.iter().rev().find(|job| outcome(job) == Some(true));
        let seen = self.last_seen.get(&row).copied();
        let last_at = succeeded.and_then(|job| job.completed_at.or(job.created_at)).max(seen);
        facts.last_restore_at = last_at;
        facts.last_restore_age_days_seen = last_at.map(|at| super::age_hours(at, evidence.as_of) / 24.0);
        let is_whole = jobs_whole && points_whole;
        facts.last_restore_age_days = facts.last_restore_age_days_seen.filter(|_| is_whole);
        facts.restore_succeeded = match last_at {
            Some(_) => Some(true),
            None => is_whole.then_some(false),
        };
        facts.last_restore_minutes = succeeded.and_then(|job| minutes(job));
        facts.last_restore_validation =
            succeeded.map(|job| -> Text { job.validation_status.as_deref().unwrap_or("none").into() });
        let failed = finished.iter().rev().find(|job| outcome(job) == Some(false));
        facts.last_failed_restore_cause = match failed {
            Some(job) => Some(failure(job)),
            None => jobs_whole.then(|| "none".into()),
        };
        facts.restore_outcome = match (finished.last(), seen) {
            (Some(job), _) => Some(
                if outcome(job) == Some(true) {
                    "succeeded"
                } else {
                    "failed"
                }
                .into(),
            ),
            (None, Some(_)) => Some("succeeded".into()),
            (None, None) => is_whole.then(|| "not-tested".into()),
        };
    }
}

/// Did the restore work? `None`: it has not finished. A validation that failed is a failure.
fn outcome(job: &RestoreJob) -> Option<bool> {
    match (job.status.as_deref(), job.validation_status.as_deref()) {
        (Some("COMPLETED"), Some("FAILED")) => Some(false),
        (Some("COMPLETED"), _) => Some(true),
        (Some("FAILED" | "ABORTED"), _) => Some(false),
        _ => None,
    }
}

fn failure(job: &RestoreJob) -> Text {
    let status = job.status.as_deref().unwrap_or_default();
    if status == "COMPLETED" {
        let said = job.validation_status_message.as_deref();
        return cause("validation FAILED", said);
    }
    cause(status, job.status_message.as_deref())
}

fn minutes(job: &RestoreJob) -> Option<f64> {
    let took = job.completed_at? - job.created_at?;
    #[expect(clippy::cast_precision_loss, reason = "a restore takes less than 2^52 seconds")]
    let seconds = took.num_seconds().max(0) as f64;
    Some(seconds / 60.0)
}
