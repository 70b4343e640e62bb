//! What a drill asks of AWS while it runs, each answer with AWS's clock.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::list_tables::ListTablesOutput;
use aws_sdk_dynamodb::types::{IndexStatus, TableDescription, TableStatus};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use chrono::{DateTime, TimeDelta, Utc};

use super::choose;
use super::record::Job;
use crate::aws::call::Page;
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::collect::instant;
use crate::domain::GapKind;
use crate::remediate::actions::ground::DESCRIBE_TABLE;
use crate::remediate::restore::LOOK;

pub(crate) const DELETE: &str = "dynamodb:DeleteTable";
pub(super) const LIST_TABLES: &str = "dynamodb:ListTables";
pub(super) const JOB_METADATA: &str = "backup:GetRestoreJobMetadata";

/// Clocks of AWS's services may differ by so much.
pub(super) const SLACK: TimeDelta = TimeDelta::minutes(5);

/// Does the failure say that the credentials are over? After a new login the same call may succeed.
pub(super) fn is_expired(failure: &Failure) -> bool {
    failure.kind == FailureKind::Gap(GapKind::Expired)
}

/// Did AWS refuse, so that nothing was begun? Where no answer came, or one of a fault, it may have done what was asked.
pub(super) fn is_refusal(failure: &Failure) -> bool {
    !failure.code.is_empty() && !failure.is_retryable
}

/// Makes a call of one page, and gives AWS's clock beside what came of it.
async fn dated<T, E, F, Fut>(
    target: &Target,
    action: &'static str,
    resource: &str,
    send: F,
) -> (Result<T, Failure>, DateTime<Utc>)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    T: RequestId,
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let mut call = target.caller.begin(action, resource);
    let answer = call.page(send).await;
    let at = call.answered_at().unwrap_or_else(Utc::now);
    let answer = match answer {
        Ok(answer) => call.finish().map(|()| answer),
        Err(failure) => Err(failure),
    };
    (answer, at)
}

/// A table, or that there is none.
#[derive(Debug)]
pub(super) struct Looked {
    /// AWS's clock.
    pub(super) at: DateTime<Utc>,
    /// As DynamoDB describes it. `None`: ResourceNotFound.
    pub(super) table: Option<TableDescription>,
}

/// API: dynamodb:DescribeTable. Calls: 1. Errors: AWS's refusal, or an answer without the table.
pub(super) async fn table(target: &Target, name: &str) -> Result<Looked, Failure> {
    let send = || target.dynamodb.describe_table().table_name(name).send();
    let (answer, at) = dated(target, DESCRIBE_TABLE, name, send).await;
    match answer {
        Ok(answer) if answer.table.is_some() => Ok(Looked {
            at,
            table: answer.table,
        }),
        Ok(_) => Err(Failure::broken("the answer holds no table", None)),
        Err(failure) if failure.kind == FailureKind::Absent => Ok(Looked { at, table: None }),
        Err(failure) => Err(failure),
    }
}

/// The table and each of its indexes can be used.
pub(super) fn is_active(table: &TableDescription) -> bool {
    let mut indexes = table.global_secondary_indexes().iter();
    table.table_status() == Some(&TableStatus::Active)
        && indexes.all(|index| index.index_status() == Some(&IndexStatus::Active) && index.backfilling() != Some(true))
}

/// Where a restore job stands.
#[derive(Debug)]
pub(super) struct Standing {
    /// AWS's clock.
    pub(super) at: DateTime<Utc>,
    /// As it is filed once it is over.
    pub(super) job: Job,
    /// It will not change any more.
    pub(super) is_over: bool,
    /// The ARN of the table that it made. `None`: AWS does not say.
    pub(super) created: Option<String>,
}

/// API: backup:DescribeRestoreJob. Calls: 1. Errors: AWS's refusal, or an answer without a state.
pub(super) async fn job(target: &Target, id: &str) -> Result<Standing, Failure> {
    let send = || target.backup.describe_restore_job().restore_job_id(id).send();
    let (answer, at) = dated(target, LOOK, id, send).await;
    let answer = answer?;
    let Some(state) = answer.status().map(|status| status.as_str().to_owned()) else {
        return Err(Failure::broken("the answer does not say how the job stands", None));
    };
    Ok(Standing {
        at,
        is_over: matches!(state.as_str(), "COMPLETED" | "ABORTED" | "FAILED"),
        job: Job {
            message: answer.status_message().unwrap_or_default().to_owned(),
            created_at: instant(answer.creation_date()),
            completed_at: instant(answer.completion_date()),
            state,
        },
        created: answer.created_resource_arn,
    })
}

/// The job that restores this point to a table of this name, if AWS knows one that was begun since then: a run that was ended while
/// it ordered does not know its id.
///
/// API: backup:ListRestoreJobs, backup:GetRestoreJobMetadata. Calls: 1, and 1 for each job of the point. Errors: AWS's refusal.
pub(super) async fn ordered(
    target: &Target,
    point_arn: &str,
    name: &str,
    since: DateTime<Utc>,
) -> Result<Option<String>, Failure> {
    let jobs = choose::jobs(target, Some(since - SLACK)).await?;
    let of_point = jobs.iter().filter(|job| job.recovery_point_arn() == Some(point_arn));
    for id in of_point.filter_map(|job| job.restore_job_id()) {
        let send = || target.backup.get_restore_job_metadata().restore_job_id(id).send();
        let answer = target.caller.once(JOB_METADATA, id, send).await?;
        let metadata: BTreeMap<String, &String> = answer
            .metadata()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.to_ascii_lowercase(), value))
            .collect();
        if metadata.get("targettablename").is_some_and(|value| *value == name) {
            return Ok(Some(id.to_owned()));
        }
    }
    Ok(None)
}

/// Deletes a table, and gives the id of what is being deleted.
///
/// API: dynamodb:DeleteTable. Calls: 1. Errors: AWS's refusal.
pub(super) async fn delete(target: &Target, name: &str) -> Result<Option<String>, Failure> {
    let send = || target.dynamodb.delete_table().table_name(name).send();
    let answer = target.caller.once(DELETE, name, send).await?;
    Ok(answer.table_description.and_then(|table| table.table_id))
}

/// The names of all tables that begin so.
///
/// API: dynamodb:ListTables, paged by 100. Calls: 1 for each page. Errors: AWS's refusal.
pub(super) async fn names(target: &Target, prefix: &str) -> Result<Vec<String>, Failure> {
    let send = |token| {
        let list = target.dynamodb.list_tables().limit(100);
        list.set_exclusive_start_table_name(token).send()
    };
    fn page(page: &ListTablesOutput) -> Page<'_, String> {
        (page.table_names.as_ref(), page.last_evaluated_table_name())
    }
    let mut names = Vec::new();
    let take = |listed: &[String]| {
        names.extend(listed.iter().filter(|name| name.starts_with(prefix)).cloned());
        Ok::<_, Failure>(0)
    };
    target.caller.list(LIST_TABLES, "", send, page, take).await?;
    Ok(names)
}
