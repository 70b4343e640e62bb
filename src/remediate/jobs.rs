//! Starting on-demand backup jobs and following them to their end.

use std::time::Duration;

use aws_sdk_backup::types::Lifecycle;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::BackupAction;
use crate::aws::failure::Failure;
use crate::aws::target::Target;
use crate::problem::{count, one_line};
use crate::stderr::say;

/// A job under way.
#[derive(Debug, Clone)]
pub struct Job {
    /// BackupJobId, opaque.
    pub job_id: String,
    /// The table's name, for people.
    pub table_name: String,
    /// The table's ARN.
    pub table_arn: String,
    /// Where it runs.
    pub target: Target,
}

/// How a job ended, or where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The table's name.
    pub table_name: String,
    /// BackupJobId.
    pub job_id: String,
    /// The last state seen, word for word.
    pub state: String,
    /// AWS's message, untrusted text.
    pub message: String,
    /// The recovery point, if there is one.
    pub recovery_point_arn: Option<String>,
}

impl Ended {
    /// Did it make a recovery point?
    pub fn is_success(&self) -> bool {
        self.state == "COMPLETED"
    }
}

/// Starts one job.
///
/// API: backup:StartBackupJob (and iam:PassRole). Calls: 1. Errors: AWS's refusal.
pub async fn start(target: &Target, action: &BackupAction) -> Result<Job, Failure> {
    let lifecycle = Lifecycle::builder()
        .set_move_to_cold_storage_after_days(action.cold_after_days)
        .delete_after_days(action.delete_after_days)
        .build();
    let send = || {
        target
            .backup
            .start_backup_job()
            .backup_vault_name(&action.vault)
            .resource_arn(&action.table_arn)
            .iam_role_arn(&action.role_arn)
            .idempotency_token(&action.idempotency_token)
            .start_window_minutes(60)
            .lifecycle(lifecycle.clone())
            .recovery_point_tags("created-by", "backproof")
            .send()
    };
    let answer = target
        .caller
        .once("backup:StartBackupJob", &action.table_arn, send)
        .await?;
    Ok(Job {
        job_id: answer.backup_job_id().unwrap_or_default().to_owned(),
        table_name: action.table_name.clone(),
        table_arn: action.table_arn.clone(),
        target: target.clone(),
    })
}

/// Follows jobs until each has ended, or the time is over.
///
/// API: backup:DescribeBackupJob. Calls: 1 for each job and look. Errors: a look that fails is repeated at the next turn.
pub async fn follow(jobs: Vec<Job>, every: Duration, at_most: Duration) -> Vec<Ended> {
    let bar = ProgressBar::new(jobs.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} jobs {bar:30} {msg} {elapsed}") {
        bar.set_style(style);
    }
    let until = Instant::now() + at_most;
    let mut ended = Vec::new();
    let mut waiting = jobs;
    while !waiting.is_empty() {
        let mut still = Vec::new();
        for job in waiting {
            let state = look(&job).await;
            if matches!(
                state.state.as_str(),
                "COMPLETED" | "FAILED" | "ABORTED" | "EXPIRED" | "PARTIAL"
            ) {
                bar.inc(1);
                let message = if state.message.is_empty() {
                    String::new()
                } else {
                    format!(": {}", one_line(&state.message))
                };
                bar.suspend(|| say(&format!("{} {}{message}", one_line(&state.table_name), state.state)));
                ended.push(state);
            } else if Instant::now() >= until {
                ended.push(state);
            } else {
                bar.set_message(format!("{} {}", one_line(&state.table_name), state.state));
                still.push(job);
            }
        }
        waiting = still;
        if !waiting.is_empty() {
            bar.tick();
            tokio::time::sleep(every).await;
        }
    }
    bar.finish_and_clear();
    ended
}

async fn look(job: &Job) -> Ended {
    let send = || {
        job.target
            .backup
            .describe_backup_job()
            .backup_job_id(&job.job_id)
            .send()
    };
    let (state, message, recovery_point_arn) = match job
        .target
        .caller
        .once("backup:DescribeBackupJob", &job.job_id, send)
        .await
    {
        Ok(answer) => (
            answer.state().map_or("UNKNOWN", |state| state.as_str()).to_owned(),
            answer.status_message().unwrap_or_default().to_owned(),
            answer.recovery_point_arn().map(str::to_owned),
        ),
        Err(failure) => ("UNKNOWN".to_owned(), failure.why(), None),
    };
    Ended {
        table_name: job.table_name.clone(),
        job_id: job.job_id.clone(),
        state,
        message,
        recovery_point_arn,
    }
}

/// One line over all jobs: `3 jobs completed, 1 job failed`.
pub fn tally(ended: &[Ended]) -> String {
    let completed = ended.iter().filter(|job| job.is_success()).count();
    let other = ended.len() - completed;
    let mut text = format!("{} completed", count(completed, "job"));
    if other > 0 {
        text.push_str(&format!(", {} did not", count(other, "job")));
    }
    text
}
