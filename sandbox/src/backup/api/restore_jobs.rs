//! Restore jobs over the API: a new table out of a recovery point, and the verdict of a restore test.

use std::sync::Arc;

use chrono::Duration;
use serde_json::{Map, Value};

use super::job_lists::Filter;
use super::place::{check_role, here, place_key, state};
use super::request::{body, check_resource, query, query_time};
use super::vaults::allowed;
use super::wire::{Times, reply};
use super::{render, request};
use crate::backup::documents::members::{map, needed, text};
use crate::backup::engine::restore_testing;
use crate::backup::errors;
use crate::backup::state::{Due, Job, Point, PointStatus, RestoreJob, RestoreKey, RestoreStatus, State, table_name};
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;
use crate::iam::state::Work;

const STATES: [&str; 5] = ["PENDING", "RUNNING", "COMPLETED", "ABORTED", "FAILED"];
/// How long a job stays PENDING.
const PENDING_SECONDS: i64 = 1;

fn missing(id: &str) -> ApiError {
    errors::not_found(format!("Cannot find restore job with ID {id}"))
}

/// What the metadata of a table's restore may say.
struct Metadata {
    target: String,
    key: RestoreKey,
}

/// Reads the metadata. Keys are compared without regard to case.
fn read_metadata(metadata: &Map<String, Value>) -> Result<Metadata, ApiError> {
    let (mut target, mut encryption, mut key) = (None, None, None);
    for (name, value) in metadata {
        let value = value
            .as_str()
            .ok_or_else(|| errors::invalid("Invalid value for Metadata"))?;
        match name.to_ascii_lowercase().as_str() {
            "targettablename" => target = Some(value),
            "encryptiontype" => encryption = Some(value),
            "kmsmasterkeyarn" => key = Some(value),
            // What GetRecoveryPointRestoreMetadata returns may be sent back.
            "originaltablename" | "aws:backup:request-id" => {}
            _ => return Err(errors::invalid(format!("Invalid restore metadata. Unknown key {name}"))),
        }
    }
    let target = target.ok_or_else(|| errors::invalid("Invalid restore metadata. Missing value: targetTableName"))?;
    let fine =
        (3..=255).contains(&target.len()) && target.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if !fine {
        return Err(errors::invalid(format!(
            "Invalid restore metadata. {target} is not a table name"
        )));
    }
    let key = match (encryption, key) {
        (None, None) => RestoreKey::AsSource,
        (Some("Default"), None) => RestoreKey::Owned,
        (Some("KMS"), None) => RestoreKey::Managed,
        (None | Some("KMS"), Some(arn)) => RestoreKey::Customer(arn.into()),
        (Some("Default"), Some(_)) => {
            return Err(errors::invalid(
                "Invalid restore metadata. kmsMasterKeyArn needs the encryptionType KMS",
            ));
        }
        (Some(other), _) => {
            return Err(errors::invalid(format!(
                "Invalid restore metadata. encryptionType is {other}"
            )));
        }
    };
    Ok(Metadata {
        target: target.to_owned(),
        key,
    })
}

/// `StartRestoreJob`. A call that is refused for its metadata has used up its idempotency token all the same.
pub(super) fn start(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let arn = needed(&body, "RecoveryPointArn")?;
    let metadata = map(&body, "Metadata")?.ok_or_else(|| errors::missing("Metadata"))?;
    let token = text(&body, "IdempotencyToken")?.map(|token| ("StartRestoreJob", token.to_owned()));
    let state = state(cloud, call);
    match token.as_ref().and_then(|token| state.tokens.get(token)) {
        Some(Some(id)) => return Ok(started(*id).unchanged()),
        Some(None) => return Err(errors::invalid("The idempotency token was used already")),
        None => {}
    }
    let outcome = accept(cloud, call, &body, arn, metadata);
    let used = outcome.as_ref().ok().copied();
    if let Some(token) = token {
        super::place::state(cloud, call).tokens.insert(token, used);
    }
    outcome.map(started)
}

fn started(id: u128) -> Reply {
    reply(Times::Plain, |m| m.shown("RestoreJobId", render::job_id(id)))
}

fn accept(
    cloud: &mut Cloud,
    call: &Call,
    body: &Map<String, Value>,
    arn: &str,
    metadata: &Map<String, Value>,
) -> Result<u128, ApiError> {
    let metadata = read_metadata(metadata)?;
    let role = text(body, "IamRoleArn")?;
    if let Some(role) = role {
        check_role(cloud, role, Work::Restore)?;
    }
    if let Some(other) = text(body, "ResourceType")?.filter(|kind| *kind != "DynamoDB") {
        return Err(errors::invalid(format!("Invalid resource type: {other}")));
    }
    let seconds = cloud.settings.jobs.restore_seconds;
    let place = here(cloud, call);
    if place.dynamodb.table(&metadata.target).is_some() {
        return Err(errors::invalid(format!("Table already exists: {}", metadata.target)));
    }
    let (number, point) = restorable(&place.backup, arn)?;
    let vault = place.backup.vaults.get(&*point.vault).ok_or_else(errors::denied)?;
    allowed(vault, call, "backup:StartRestoreJob", arn)?;
    let vault_arn = Arc::clone(&vault.arn);
    let due = call.now
        + point
            .restore_time(seconds, call.now)
            .max(Duration::seconds(PENDING_SECONDS));
    let mut job = RestoreJob {
        id: 0,
        point: number,
        point_arn: Arc::clone(&point.arn),
        point_created: point.created,
        vault_arn,
        source: Arc::clone(&point.resource),
        target: metadata.target,
        key: metadata.key,
        role: role.map(Arc::from),
        copies_tags: body
            .get("CopySourceTagsToRestoredResource")
            .is_some_and(|value| !value.is_null()),
        created: call.now,
        due,
        completed: None,
        status: RestoreStatus::Pending,
        message: None,
        created_resource: None,
        table_id: None,
        size: point.size,
        testing_plan: None,
        test: None,
        validation: None,
        deletion: None,
        deletion_message: None,
    };
    job.id = cloud.ids.fresh();
    let id = job.id;
    let number = super::place::state(cloud, call).restore_jobs.add(job);
    let key = place_key(call);
    cloud.backup.add(
        call.now + Duration::seconds(PENDING_SECONDS),
        &key,
        Due::StartRestore(number),
    );
    cloud.backup.add(due, &key, Due::FinishRestore(number));
    Ok(id)
}

/// A recovery point that can be restored; an expired one still can.
fn restorable<'a>(state: &'a State, arn: &str) -> Result<(u64, &'a Point), ApiError> {
    let (number, point) = state
        .points
        .find(arn)
        .and_then(|number| state.points.get(number).map(|point| (number, point)))
        .ok_or_else(|| errors::not_found(format!("Cannot find recovery point. {arn}")))?;
    match point.status {
        PointStatus::Completed | PointStatus::Expired => Ok((number, point)),
        other => Err(errors::refused(format!(
            "Recovery point {arn} is in the state {} and cannot be restored",
            other.name()
        ))),
    }
}

/// `DescribeRestoreJob`.
pub(super) fn describe(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let jobs = &state(cloud, call).restore_jobs;
    let job = jobs
        .find(&labels[1])
        .and_then(|number| jobs.get(number))
        .ok_or_else(|| missing(&labels[1]))?;
    Ok(reply(Times::Plain, |m| {
        render::restore_job(m, &call.caller.account, job)
    }))
}

/// `GetRestoreJobMetadata`.
pub(super) fn metadata(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let jobs = &state(cloud, call).restore_jobs;
    let job = jobs
        .find(&labels[1])
        .and_then(|number| jobs.get(number))
        .ok_or_else(|| missing(&labels[1]))?;
    Ok(reply(Times::Plain, |m| {
        m.shown("RestoreJobId", render::job_id(job.id));
        m.object("Metadata", |m| {
            m.text("originalTableName", table_name(&job.source));
            m.text("targetTableName", &job.target);
        });
    }))
}

/// `ListRestoreJobs`: the last 30 days, newest first.
pub(super) fn list(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let plan = query(call, "restoreTestingPlanArn");
    listed(cloud, call, |job| {
        plan.is_none_or(|arn| job.testing_plan.as_deref() == Some(arn))
    })
}

/// `ListRestoreJobsByProtectedResource`.
pub(super) fn list_of_resource(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    check_resource(&labels[1])?;
    let after = query_time(call, "recoveryPointCreationDateAfter")?;
    let before = query_time(call, "recoveryPointCreationDateBefore")?;
    listed(cloud, call, |job| {
        *job.source == *labels[1]
            && after.is_none_or(|after| job.point_created > after)
            && before.is_none_or(|before| job.point_created < before)
    })
}

fn listed(cloud: &mut Cloud, call: &Call, admits: impl Fn(&RestoreJob) -> bool) -> Result<Reply, ApiError> {
    let filter = Filter::read(call, "status", &STATES)?;
    let state = state(cloud, call);
    let page = request::numbered(call, "restore-jobs", |below| {
        state
            .restore_jobs
            .newest_below(below)
            .take_while(|(_, job)| filter.reaches(job.created))
            .filter(|(_, job)| {
                filter.admits(&job.source, job.status.name(), None, job.created, job.completed) && admits(job)
            })
    })?;
    Ok(reply(Times::Plain, |m| {
        m.list("RestoreJobs", page.items, |m, job| {
            render::restore_job(m, &call.caller.account, job)
        });
        m.maybe_text("NextToken", page.token.as_deref());
    }))
}

/// `PutRestoreValidationResult`: for jobs of a restore testing plan, and only until a final verdict is given.
pub(super) fn validate(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let status = needed(&body, "ValidationStatus")?;
    if !["FAILED", "SUCCESSFUL", "TIMED_OUT", "VALIDATING"].contains(&status) {
        return Err(errors::invalid(format!("Invalid value for ValidationStatus: {status}")));
    }
    let message = text(&body, "ValidationStatusMessage")?.map(str::to_owned);
    let jobs = &mut state(cloud, call).restore_jobs;
    let number = jobs.find(&labels[1]).ok_or_else(|| missing(&labels[1]))?;
    let job = jobs.get_mut(number).ok_or_else(|| missing(&labels[1]))?;
    if job.testing_plan.is_none() {
        return Err(errors::refused(
            "Validation results can be given for restore jobs of a restore testing plan only",
        ));
    }
    if !job.is_over() {
        return Err(errors::refused("The restore job is not over yet"));
    }
    if job.validation.as_ref().is_some_and(|(old, _)| old != "VALIDATING") {
        return Err(errors::refused("The validation status is final and cannot be changed"));
    }
    job.validation = Some((status.to_owned(), message));
    if status != "VALIDATING" {
        // The table of a test goes once the verdict is there, whatever is left of its time.
        restore_testing::delete(cloud, &place_key(call), number, call.now);
    }
    Ok(Reply::empty(204))
}
