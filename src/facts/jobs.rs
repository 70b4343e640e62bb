//! Backup jobs of the last 30 days: what failed, and did a success follow.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::dictionary::TableFacts;
use super::{Evidence, target_of};
use crate::inventory::schema::{BackupJob, Table};

/// The tallies of all tables.
pub(super) struct Jobs {
    tables: Vec<Tally>,
}

#[derive(Default)]
struct Tally {
    /// Jobs before this belong to an earlier table of the same name. `None`: the table was not described.
    born: Option<DateTime<Utc>>,
    /// The target's jobs were read whole.
    is_whole: bool,
    finished: i64,
    failed: i64,
    with_issues: i64,
    last_failure: Option<(DateTime<Utc>, String)>,
    last_success: Option<DateTime<Utc>>,
}

impl Jobs {
    pub(super) fn new(tables: &[Table], evidence: &Evidence) -> Self {
        let tally = |table: &Table| Tally {
            born: table.created_at,
            is_whole: evidence
                .reading
                .is_whole(&target_of(table), "backup:ListBackupJobs", ""),
            ..Tally::default()
        };
        Self {
            tables: tables.iter().map(tally).collect(),
        }
    }

    pub(super) fn add(&mut self, jobs: Vec<BackupJob>, index: &HashMap<&str, usize>) {
        for job in jobs {
            let Some(row) = job.resource_arn.as_deref().and_then(|arn| index.get(arn)) else {
                continue;
            };
            self.tables[*row].add(&job);
        }
    }

    pub(super) fn fill(&self, facts: &mut TableFacts, row: usize) {
        let tally = &self.tables[row];
        if !tally.is_whole || tally.born.is_none() {
            return;
        }
        facts.finished_backup_job_count = Some(tally.finished);
        facts.failed_backup_job_count = Some(tally.failed);
        facts.completed_with_issues_job_count = Some(tally.with_issues);
        facts.last_failed_backup_job_at = tally.last_failure.as_ref().map(|(at, _)| *at);
        facts.last_failed_backup_job_cause = Some(
            tally
                .last_failure
                .as_ref()
                .map_or_else(|| "none".to_owned(), |(_, cause)| cause.clone()),
        );
        facts.last_completed_backup_job_at = tally.last_success;
        facts.backup_jobs_recovered = Some(match (&tally.last_failure, tally.last_success) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((failed_at, _)), Some(succeeded_at)) => succeeded_at > *failed_at,
        });
    }
}

impl Tally {
    fn add(&mut self, job: &BackupJob) {
        let Some(born) = self.born else { return };
        let Some(created_at) = job.created_at else {
            // A job without a date cannot be placed before or after another: the list proves nothing any more.
            self.is_whole = false;
            return;
        };
        if created_at < born {
            return;
        }
        let state = job.state.as_deref().unwrap_or_default();
        match state {
            "COMPLETED" => {
                self.finished += 1;
                let is_plain = matches!(job.message_category.as_deref(), None | Some("SUCCESS" | ""));
                self.with_issues += i64::from(!is_plain);
                self.last_success = self.last_success.max(Some(created_at));
            }
            "FAILED" | "ABORTED" | "EXPIRED" | "PARTIAL" => {
                self.finished += 1;
                self.failed += 1;
                let message = job
                    .status_message
                    .as_deref()
                    .unwrap_or_default()
                    .trim_matches('"')
                    .trim();
                let cause = if message.is_empty() {
                    state.to_owned()
                } else {
                    format!("{state}: {message}")
                };
                // The greater text wins between failures of one instant, so that order of arrival does not show.
                let failure = (created_at, cause);
                if self.last_failure.as_ref().is_none_or(|last| failure > *last) {
                    self.last_failure = Some(failure);
                }
            }
            _ => {}
        }
    }
}
