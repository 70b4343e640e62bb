//! The restore jobs of DynamoDB tables that AWS still lists.

use aws_sdk_backup::operation::list_restore_jobs::ListRestoreJobsOutput;
use aws_sdk_backup::types::RestoreJobsListMember;

use super::{Context, Stop, instant, next};
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
    let take = |page: &ListRestoreJobsOutput| {
        let rows: Vec<RestoreJob> = page.restore_jobs().iter().filter_map(|job| row(context, job)).collect();
        context.push(&rows)?;
        Ok(next(page.next_token()))
    };
    context.pages("backup:ListRestoreJobs", "", send, take).await?;
    Ok(())
}

fn row(context: &Context<'_>, job: &RestoreJobsListMember) -> Option<RestoreJob> {
    let creator = job.created_by();
    Some(RestoreJob {
        account_id: context.account_id(),
        region: context.region(),
        job_id: job.restore_job_id()?.to_owned(),
        recovery_point_arn: job.recovery_point_arn().map(str::to_owned),
        recovery_point_created_at: instant(job.recovery_point_creation_date()),
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
        created_at: instant(job.creation_date()),
        completed_at: instant(job.completion_date()),
    })
}
