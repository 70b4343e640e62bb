//! The restore jobs of DynamoDB tables that AWS still lists.

use aws_sdk_backup::operation::list_restore_jobs::ListRestoreJobsOutput;
use aws_sdk_backup::types::{RestoreJobStatus, RestoreJobsListMember};

use super::{Context, Page, Stop};
use crate::inventory::schema::RestoreJob;

/// API: backup:ListRestoreJobs, DynamoDB only, paged by 1,000. Calls: jobs / 1,000. Errors: become a gap.
///
/// No date is sent: AWS documents 30 days for backup jobs and nothing for these, and an older proof is still a proof.
pub(super) async fn collect(context: &Context<'_>) -> Result<(), Stop> {
    if !context.wanted.has("restore_jobs") {
        return Ok(());
    }
    context.push::<RestoreJob>(&[])?;
    let send = |token| {
        let list = context.target.backup.list_restore_jobs().by_resource_type("DynamoDB");
        list.max_results(1000).set_next_token(token).send()
    };
    fn page(page: &ListRestoreJobsOutput) -> Page<'_, RestoreJobsListMember> {
        (page.restore_jobs.as_ref(), page.next_token())
    }
    let take = |jobs: &[RestoreJobsListMember]| {
        let rows: Vec<RestoreJob> = jobs.iter().filter_map(|job| row(context, job)).collect();
        context.push(&rows)?;
        Ok(jobs.len() - rows.iter().filter(|job| is_whole(job)).count())
    };
    context.list("backup:ListRestoreJobs", "", send, page, take).await?;
    Ok(())
}

/// Does it say of what it was, and how it went? What was restored is not named for every job, its recovery point is.
fn is_whole(job: &RestoreJob) -> bool {
    let is_known = |status: &String| RestoreJobStatus::values().contains(&status.as_str());
    (job.recovery_point_arn.is_some() || job.source_resource_arn.is_some())
        && job.status.as_ref().is_some_and(is_known)
        && job.created_at.is_some()
}

fn row(context: &Context<'_>, job: &RestoreJobsListMember) -> Option<RestoreJob> {
    let creator = job.created_by();
    Some(RestoreJob {
        account_id: context.account_id(),
        region: context.region(),
        job_id: job.restore_job_id()?.to_owned(),
        recovery_point_arn: job.recovery_point_arn().map(str::to_owned),
        recovery_point_created_at: context.past(job.recovery_point_creation_date()),
        vault_arn: job.backup_vault_arn().map(str::to_owned),
        source_resource_arn: job.source_resource_arn().map(str::to_owned),
        created_resource_arn: job.created_resource_arn().map(str::to_owned),
        status: job.status().map(|status| status.as_str().to_owned()),
        status_message: job.status_message().map(str::to_owned),
        validation_status: job.validation_status().map(|status| status.as_str().to_owned()),
        validation_status_message: job.validation_status_message().map(str::to_owned),
        deletion_status: job.deletion_status().map(|status| status.as_str().to_owned()),
        restore_testing_plan_arn: creator
            .and_then(|creator| creator.restore_testing_plan_arn())
            .map(str::to_owned),
        size_bytes: job.backup_size_in_bytes(),
        created_at: context.past(job.creation_date()),
        completed_at: context.past(job.completion_date()),
    })
}
