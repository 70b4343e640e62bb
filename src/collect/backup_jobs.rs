//! The backup jobs of DynamoDB tables in the last 30 days, which is all that AWS remembers.

use aws_sdk_backup::operation::list_backup_jobs::ListBackupJobsOutput;
use aws_sdk_backup::types::{self, BackupJobState};

use super::{Context, Page, Stop, aws_instant, instant};
use crate::inventory::schema::BackupJob;

/// How far back jobs are judged, in days.
pub(super) const JOB_DAYS: i64 = 30;

/// API: backup:ListBackupJobs, DynamoDB only, last 30 days, paged by 1,000. Calls: jobs / 1,000. Errors: become a gap.
pub(super) async fn collect(context: &Context<'_>) -> Result<(), Stop> {
    if !context.wanted.has("backup_jobs") {
        return Ok(());
    }
    context.push::<BackupJob>(&[])?;
    let since = aws_instant(context.as_of - chrono::TimeDelta::days(JOB_DAYS));
    let send = |token| {
        let list = context
            .target
            .backup
            .list_backup_jobs()
            .by_resource_type("DynamoDB")
            .by_created_after(since);
        list.max_results(1000).set_next_token(token).send()
    };
    fn page(page: &ListBackupJobsOutput) -> Page<'_, types::BackupJob> {
        (page.backup_jobs.as_ref(), page.next_token())
    }
    let take = |jobs: &[types::BackupJob]| {
        let rows: Vec<BackupJob> = jobs.iter().filter_map(|job| row(context, job)).collect();
        context.push(&rows)?;
        Ok(jobs.len() - rows.iter().filter(|job| is_whole(job)).count())
    };
    context.list("backup:ListBackupJobs", "", send, page, take).await?;
    Ok(())
}

/// Does it say what it is about, and how it went? A job that does not might be a failed one of any table.
fn is_whole(job: &BackupJob) -> bool {
    let is_known = |state: &String| BackupJobState::values().contains(&state.as_str());
    job.resource_arn.is_some() && job.state.as_ref().is_some_and(is_known) && job.created_at.is_some()
}

fn row(context: &Context<'_>, job: &types::BackupJob) -> Option<BackupJob> {
    let creator = job.created_by();
    Some(BackupJob {
        account_id: context.account_id(),
        region: context.region(),
        job_id: job.backup_job_id()?.to_owned(),
        resource_arn: job.resource_arn().map(str::to_owned),
        state: job.state().map(|state| state.as_str().to_owned()),
        status_message: job.status_message().map(str::to_owned),
        message_category: job.message_category().map(str::to_owned),
        created_at: context.past(job.creation_date()),
        start_by: instant(job.start_by()),
        completed_at: context.past(job.completion_date()),
        vault_name: job.backup_vault_name().map(str::to_owned),
        recovery_point_arn: job.recovery_point_arn().map(str::to_owned),
        role_arn: job.iam_role_arn().map(str::to_owned),
        created_by_plan_id: creator.and_then(|creator| creator.backup_plan_id()).map(str::to_owned),
        created_by_rule_id: creator.and_then(|creator| creator.backup_rule_id()).map(str::to_owned),
    })
}
