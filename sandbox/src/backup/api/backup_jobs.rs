//! Backup jobs over the API: on-demand backups, and the list of the last 30 days.

use std::sync::Arc;

use chrono::Duration;
use serde_json::{Map, Value};

use super::job_lists::Filter;
use super::place::{here, place_key, state};
use super::request::{body, check_resource, query};
use super::tags::check_tags;
use super::vaults::allowed;
use super::wire::{Times, reply};
use super::{render, request};
use crate::backup::documents::members::{int, needed, strings, text};
use crate::backup::engine::messages::TABLE_GONE;
use crate::backup::errors;
use crate::backup::state::{
    BackupJob, BackupJobState, DEFAULT_COMPLETION_MINUTES, DEFAULT_START_MINUTES, Due, Job, Lifecycle,
    MAX_WINDOW_MINUTES, PointId, State, VaultKind, advanced_id, point_arn, table_name,
};
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;
use crate::iam::state::{Trouble, Work};

const MIN_START_MINUTES: i64 = 60;
const STATES: [&str; 9] = [
    "CREATED",
    "PENDING",
    "RUNNING",
    "ABORTING",
    "ABORTED",
    "COMPLETED",
    "FAILED",
    "EXPIRED",
    "PARTIAL",
];
/// How long a job takes to stop.
const STOP_SECONDS: i64 = 1;

fn missing(id: &str) -> ApiError {
    errors::not_found(format!("Cannot find backup job with ID {id}"))
}

/// A window in minutes, from the body of a call.
fn window(body: &Map<String, Value>, name: &str, default: i64) -> Result<i64, ApiError> {
    match int(body, name)?.unwrap_or(default) {
        minutes if (MIN_START_MINUTES..=MAX_WINDOW_MINUTES).contains(&minutes) => Ok(minutes),
        minutes => Err(errors::invalid(format!(
            "Invalid value for {name}: {minutes}. It has to be between {MIN_START_MINUTES} and {MAX_WINDOW_MINUTES}"
        ))),
    }
}

/// `StartBackupJob`. What can be judged at once is refused here; the rest makes the job fail.
pub(super) fn start(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let (vault, resource) = (needed(&body, "BackupVaultName")?, needed(&body, "ResourceArn")?);
    let role = needed(&body, "IamRoleArn")?;
    let token = text(&body, "IdempotencyToken")?.map(|token| ("StartBackupJob", token.to_owned()));
    let state = state(cloud, call);
    if let Some(Some(id)) = token.as_ref().and_then(|token| state.tokens.get(token)) {
        let job = state
            .backup_jobs
            .by_id(*id)
            .ok_or_else(|| errors::invalid("The idempotency token was used already"))?;
        return Ok(started(job).unchanged());
    }
    check_resource(resource)?;
    let start_minutes = window(&body, "StartWindowMinutes", DEFAULT_START_MINUTES)?;
    let complete_minutes = window(
        &body,
        "CompleteWindowMinutes",
        DEFAULT_COMPLETION_MINUTES.max(start_minutes),
    )?;
    let lifecycle = Lifecycle::read(body.get("Lifecycle")).map_err(errors::invalid)?;
    let point_tags = strings(&body, "RecoveryPointTags")?.unwrap_or_default();
    check_tags(&point_tags)?;
    check_places(cloud, call, vault, resource)?;
    let air_gapped = check_air_gapped(
        super::place::state(cloud, call),
        text(&body, "LogicallyAirGappedBackupVaultArn")?,
    )?;
    // Any other trouble with the role makes the job fail.
    if cloud.role_trouble(role, Work::Backup) == Some(Trouble::Missing) {
        return Err(errors::invalid(format!(
            "IAM Role {role} does not have sufficient permissions to execute the backup."
        )));
    }
    let id = cloud.ids.fresh();
    let key = place_key(call);
    let partition = cloud.partition.clone();
    let state = super::place::state(cloud, call);
    if !state.opted_in() {
        return Err(errors::refused(
            "DynamoDB is not enabled for AWS Backup in this Region. Opt in to protect this resource type.",
        ));
    }
    let mut job = BackupJob {
        id,
        vault: vault.into(),
        air_gapped,
        resource: state.points.shared(resource),
        role: role.into(),
        created_by: None,
        created: call.now,
        start_by: call.now + Duration::minutes(start_minutes),
        complete_by: call.now + Duration::minutes(complete_minutes),
        initiated: None,
        completed: None,
        state: BackupJobState::Created,
        message: None,
        category: None,
        lifecycle,
        point_tags: Arc::new(point_tags),
        copies: Arc::new([]),
        point: None,
        point_arn: None,
        size: None,
        on_demand: true,
    };
    if state.advanced() {
        let point = PointId::Advanced(advanced_id(id));
        job.point_arn = Some(point_arn(&partition, &key, point, resource));
    }
    let answer = started(&job);
    let number = state.backup_jobs.add(job);
    if let Some(token) = token {
        state.tokens.insert(token, Some(id));
    }
    // It waits in the state CREATED until AWS Backup takes it up.
    let start = call.now + Duration::seconds(cloud.settings.jobs.created_seconds);
    cloud.backup.add(start, &key, Due::StartBackup(number));
    Ok(answer)
}

fn started(job: &BackupJob) -> Reply {
    reply(Times::Plain, |m| {
        m.shown("BackupJobId", render::job_id(job.id));
        m.maybe_text("RecoveryPointArn", job.point_arn.as_deref());
        m.time("CreationDate", job.created);
        m.flag("IsParent", false);
    })
}

/// The vault and the table of an on-demand backup have to exist here.
fn check_places(cloud: &mut Cloud, call: &Call, vault: &str, resource: &str) -> Result<(), ApiError> {
    let prefix = format!(
        "arn:{}:dynamodb:{}:{}:table/",
        cloud.partition, call.caller.region, call.caller.account
    );
    let place = here(cloud, call);
    let found = place
        .backup
        .vaults
        .get(vault)
        .ok_or_else(|| errors::not_found(format!("Backup vault {vault} does not exist.")))?;
    allowed(found, call, "backup:StartBackupJob", &found.arn)?;
    if !resource.starts_with(&prefix) {
        return Err(errors::invalid(format!(
            "Resource {resource} is not in this account and Region"
        )));
    }
    match place
        .dynamodb
        .table(table_name(resource))
        .filter(|table| table.created_at <= call.now)
    {
        Some(_) => Ok(()),
        None => Err(errors::not_found(format!(
            "Could not find resource {resource}. {}",
            TABLE_GONE
        ))),
    }
}

fn check_air_gapped(state: &State, arn: Option<&str>) -> Result<Option<Arc<str>>, ApiError> {
    let Some(arn) = arn else {
        return Ok(None);
    };
    match state
        .vaults
        .values()
        .find(|vault| *vault.arn == *arn && vault.kind == VaultKind::AirGapped)
    {
        Some(vault) => Ok(Some(Arc::clone(&vault.arn))),
        None => Err(errors::invalid(format!(
            "{arn} is not a logically air-gapped backup vault of this account and Region"
        ))),
    }
}

/// `DescribeBackupJob`.
pub(super) fn describe(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    let number = state.backup_jobs.find(&labels[1]).ok_or_else(|| missing(&labels[1]))?;
    let job = state.backup_jobs.get(number).ok_or_else(|| missing(&labels[1]))?;
    Ok(reply(Times::Plain, |m| {
        render::backup_job(m, &call.caller.account, state, job, call.now);
        m.nulls(&["NumberOfChildJobs", "ChildJobsInState"]);
    }))
}

/// `ListBackupJobs`: the last 30 days, newest first.
pub(super) fn list(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let filter = Filter::read(call, "state", &STATES)?;
    let vault = query(call, "backupVaultName");
    let state = state(cloud, call);
    let page = request::numbered(call, "backup-jobs", |below| {
        state
            .backup_jobs
            .newest_below(below)
            .take_while(|(_, job)| filter.reaches(job.created))
            .filter(|(_, job)| {
                let over = job.is_over();
                vault.is_none_or(|vault| &*job.vault == vault)
                    && filter.admits(
                        &job.resource,
                        job.state.name(),
                        job.category.as_deref().filter(|_| over),
                        job.created,
                        job.completed.filter(|_| over),
                    )
            })
    })?;
    Ok(reply(Times::Plain, |m| {
        m.list("BackupJobs", page.items, |m, job| {
            render::backup_job(m, &call.caller.account, state, job, call.now)
        });
        m.maybe_text("NextToken", page.token.as_deref());
    }))
}

/// `StopBackupJob`.
pub(super) fn stop(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let key = place_key(call);
    let state = state(cloud, call);
    let number = state.backup_jobs.find(&labels[1]).ok_or_else(|| missing(&labels[1]))?;
    let job = state.backup_jobs.get_mut(number).ok_or_else(|| missing(&labels[1]))?;
    if !matches!(job.state, BackupJobState::Created | BackupJobState::Running) {
        return Err(errors::refused(format!(
            "Backup job {} is in the state {} and cannot be stopped",
            labels[1],
            job.state.name()
        )));
    }
    job.state = BackupJobState::Aborting;
    cloud.backup.add(
        call.now + Duration::seconds(STOP_SECONDS),
        &key,
        Due::AbortBackup(number),
    );
    Ok(Reply::empty(200))
}
