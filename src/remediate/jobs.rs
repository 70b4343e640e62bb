//! Starting on-demand backup jobs and following them to their end.

use std::time::Duration;

use aws_sdk_backup::types::Lifecycle;
use tokio::time::Instant;

use super::{BackupAction, Event};
use crate::aws::failure::Failure;
use crate::aws::target::Target;

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
pub struct Standing {
    /// The last state seen, word for word.
    pub state: String,
    /// AWS's message, untrusted text.
    pub message: String,
    /// It will not change any more.
    pub is_over: bool,
    /// It has made a recovery point.
    pub is_success: bool,
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
pub async fn follow(
    jobs: Vec<Job>,
    every: Duration,
    at_most: Duration,
    tell: &mut dyn FnMut(Event<'_>),
) -> Vec<Standing> {
    let until = Instant::now() + at_most;
    let mut ended = Vec::new();
    let mut waiting = jobs;
    while !waiting.is_empty() {
        let mut still = Vec::new();
        for job in waiting {
            let standing = look(&job).await;
            if standing.is_over {
                tell(Event::Ended(&job.table_name, &standing));
                ended.push(standing);
            } else if Instant::now() >= until {
                ended.push(standing);
            } else {
                tell(Event::Waiting(&job.table_name, &standing));
                still.push(job);
            }
        }
        waiting = still;
        if !waiting.is_empty() {
            tell(Event::Pause);
            tokio::time::sleep(every).await;
        }
    }
    ended
}

async fn look(job: &Job) -> Standing {
    let send = || {
        job.target
            .backup
            .describe_backup_job()
            .backup_job_id(&job.job_id)
            .send()
    };
    let (state, message) = match job
        .target
        .caller
        .once("backup:DescribeBackupJob", &job.job_id, send)
        .await
    {
        Ok(answer) => (
            answer.state().map_or("UNKNOWN", |state| state.as_str()).to_owned(),
            answer.status_message().unwrap_or_default().to_owned(),
        ),
        Err(failure) => ("UNKNOWN".to_owned(), failure.why()),
    };
    Standing {
        is_over: matches!(
            state.as_str(),
            "COMPLETED" | "FAILED" | "ABORTED" | "EXPIRED" | "PARTIAL"
        ),
        is_success: state == "COMPLETED",
        state,
        message,
    }
}
