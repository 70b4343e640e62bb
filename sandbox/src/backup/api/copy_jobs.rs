//! Copy jobs over the API.

use super::job_lists::Filter;
use super::place::{check_role, place_key, state};
use super::request::{body, query};
use super::vaults::allowed;
use super::wire::{Times, reply};
use super::{render, request};
use crate::backup::documents::members::{needed, text};
use crate::backup::engine::copy_jobs;
use crate::backup::errors;
use crate::backup::state::{CopyAction, CopyJob, Lifecycle, PointStatus, Vault, vault_place};
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;
use crate::iam::state::Work;

const STATES: [&str; 5] = ["CREATED", "RUNNING", "COMPLETED", "FAILED", "PARTIAL"];

fn missing(id: &str) -> ApiError {
    errors::not_found(format!("Cannot find copy job with ID {id}"))
}

/// `StartCopyJob`.
pub(super) fn start(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let (point, vault) = (
        needed(&body, "RecoveryPointArn")?,
        needed(&body, "SourceBackupVaultName")?,
    );
    let (target, role) = (
        needed(&body, "DestinationBackupVaultArn")?,
        needed(&body, "IamRoleArn")?,
    );
    let lifecycle = Lifecycle::read(body.get("Lifecycle")).map_err(errors::invalid)?;
    let token = text(&body, "IdempotencyToken")?.map(|token| ("StartCopyJob", token.to_owned()));
    if vault_place(target).is_none() {
        return Err(errors::invalid(format!(
            "Invalid destination backup vault ARN: {target}"
        )));
    }
    check_role(cloud, role, Work::Copy)?;
    let state = state(cloud, call);
    if let Some(Some(id)) = token.as_ref().and_then(|token| state.tokens.get(token)) {
        let job = state
            .copy_jobs
            .by_id(*id)
            .ok_or_else(|| errors::invalid("The idempotency token was used already"))?;
        return Ok(started(job).unchanged());
    }
    let found = state
        .vaults
        .get(vault)
        .ok_or_else(|| errors::not_found(format!("Backup vault {vault} does not exist.")))?;
    allowed(found, call, "backup:StartCopyJob", point)?;
    let number = state.points.find(point);
    let source = number
        .and_then(|number| state.points.get(number))
        .filter(|source| source.vault == found.name);
    let (Some(number), Some(source)) = (number, source) else {
        return Err(errors::not_found(format!("Cannot find recovery point. {point}")));
    };
    if source.status != PointStatus::Completed {
        return Err(errors::refused(format!(
            "Recovery point {point} is in the state {} and cannot be copied",
            source.status.name()
        )));
    }
    let action = CopyAction {
        vault: target.into(),
        lifecycle,
    };
    let order = copy_jobs::Order {
        point: number,
        action,
        role: role.into(),
        created_by: None,
        backup_job: None,
    };
    let job = copy_jobs::begin(cloud, &place_key(call), order, call.now).ok_or_else(|| missing(point))?;
    let state = super::place::state(cloud, call);
    let job = state.copy_jobs.get(job).ok_or_else(|| missing(point))?;
    let (answer, id) = (started(job), job.id);
    if let Some(token) = token {
        state.tokens.insert(token, Some(id));
    }
    Ok(answer)
}

fn started(job: &CopyJob) -> Reply {
    reply(Times::Plain, |m| {
        m.shown("CopyJobId", render::job_id(job.id));
        m.time("CreationDate", job.created);
        m.flag("IsParent", false);
    })
}

fn target<'a>(cloud: &'a Cloud, job: &CopyJob) -> Option<&'a Vault> {
    let (place, name) = vault_place(&job.target_vault)?;
    cloud.places.get(&place)?.backup.vaults.get(name)
}

/// `DescribeCopyJob`.
pub(super) fn describe(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    state(cloud, call);
    let cloud = &*cloud;
    let key = place_key(call);
    let jobs = cloud.places.get(&*key).map(|place| &place.backup.copy_jobs);
    let job = jobs
        .and_then(|jobs| jobs.get(jobs.find(&labels[1])?))
        .ok_or_else(|| missing(&labels[1]))?;
    Ok(reply(Times::Plain, |m| {
        m.object("CopyJob", |m| {
            render::copy_job(m, &call.caller.account, target(cloud, job), job, call.now)
        });
    }))
}

/// `ListCopyJobs`: the last 30 days, newest first.
pub(super) fn list(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let filter = Filter::read(call, "state", &STATES)?;
    let (vault, source) = (
        query(call, "destinationVaultArn"),
        query(call, "sourceRecoveryPointArn"),
    );
    state(cloud, call);
    let cloud = &*cloud;
    let key = place_key(call);
    let Some(place) = cloud.places.get(&*key) else {
        return Err(errors::denied());
    };
    let page = request::numbered(call, "copy-jobs", |below| {
        place
            .backup
            .copy_jobs
            .newest_below(below)
            .take_while(|(_, job)| filter.reaches(job.created))
            .filter(|(_, job)| {
                vault.is_none_or(|arn| &*job.target_vault == arn)
                    && source.is_none_or(|arn| &*job.source_arn == arn)
                    && filter.admits(
                        &job.resource,
                        job.state.name(),
                        render::copy_category(job),
                        job.created,
                        job.completed,
                    )
            })
    })?;
    Ok(reply(Times::Plain, |m| {
        m.list("CopyJobs", page.items, |m, job| {
            render::copy_job(m, &call.caller.account, target(cloud, job), job, call.now);
        });
        m.maybe_text("NextToken", page.token.as_deref());
    }))
}
