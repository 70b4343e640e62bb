//! The copy jobs of DynamoDB tables in the last 30 days.

use aws_sdk_backup::operation::list_copy_jobs::ListCopyJobsOutput;
use aws_sdk_backup::types::{self, CopyJobState};

use super::backup_jobs::JOB_DAYS;
use super::{Context, Page, Stop, aws_instant};
use crate::inventory::schema::CopyJob;

/// API: backup:ListCopyJobs, DynamoDB only, last 30 days, paged by 1,000. Calls: jobs / 1,000. Errors: become a gap.
pub(super) async fn collect(context: &Context<'_>) -> Result<(), Stop> {
    if !context.wanted.has("copy_jobs") {
        return Ok(());
    }
    context.push::<CopyJob>(&[])?;
    let since = aws_instant(context.as_of - chrono::TimeDelta::days(JOB_DAYS));
    let send = |token| {
        let list = context
            .target
            .backup
            .list_copy_jobs()
            .by_resource_type("DynamoDB")
            .by_created_after(since);
        list.max_results(1000).set_next_token(token).send()
    };
    fn page(page: &ListCopyJobsOutput) -> Page<'_, types::CopyJob> {
        (page.copy_jobs.as_ref(), page.next_token())
    }
    let take = |jobs: &[types::CopyJob]| {
        let rows: Vec<CopyJob> = jobs.iter().filter_map(|job| row(context, job)).collect();
        context.push(&rows)?;
        Ok(jobs.len() - rows.iter().filter(|job| is_whole(job)).count())
    };
    context.list("backup:ListCopyJobs", "", send, page, take).await?;
    Ok(())
}

/// Does it say what it is about, and how it went?
fn is_whole(job: &CopyJob) -> bool {
    let is_known = |state: &String| CopyJobState::values().contains(&state.as_str());
    job.resource_arn.is_some() && job.state.as_ref().is_some_and(is_known) && job.created_at.is_some()
}

fn row(context: &Context<'_>, job: &types::CopyJob) -> Option<CopyJob> {
    let creator = job.created_by();
    Some(CopyJob {
        account_id: context.account_id(),
        region: context.region(),
        job_id: job.copy_job_id()?.to_owned(),
        resource_arn: job.resource_arn().map(str::to_owned),
        state: job.state().map(|state| state.as_str().to_owned()),
        status_message: job.status_message().map(str::to_owned),
        source_vault_arn: job.source_backup_vault_arn().map(str::to_owned),
        source_recovery_point_arn: job.source_recovery_point_arn().map(str::to_owned),
        destination_vault_arn: job.destination_backup_vault_arn().map(str::to_owned),
        destination_recovery_point_arn: job.destination_recovery_point_arn().map(str::to_owned),
        created_at: context.past(job.creation_date()),
        completed_at: context.past(job.completion_date()),
        created_by_plan_id: creator.and_then(|creator| creator.backup_plan_id()).map(str::to_owned),
        created_by_rule_id: creator.and_then(|creator| creator.backup_rule_id()).map(str::to_owned),
        created_by_backup_job_id: job.created_by_backup_job_id().map(str::to_owned),
    })
}
