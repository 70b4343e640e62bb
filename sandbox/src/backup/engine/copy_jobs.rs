//! Copy jobs: another recovery point of the same data, in another vault, Region or account.
//!
//! In: a finished recovery point and a destination vault. Out: a recovery point of its own that keeps the source's creation date,
//! is protected by the destination vault's key and names the vault it came from; or a job that failed with AWS Backup's own text.
//! Native backups cannot be copied at all, cold ones not out of their Region and account.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::expiry;
use super::messages::KEY_UNUSABLE;
use crate::backup::state::{
    CopyAction, CopyJob, CopyJobState, CreatedBy, Due, Lifecycle, PlaceKey, Point, PointId, PointStatus, Vault,
    point_arn, policy, vault_place,
};
use crate::cloud::Cloud;
use crate::iam::state::Work;

const COPY_INTO: &str = "backup:CopyIntoBackupVault";
const NOT_ALLOWED: &str = "Access Denied trying to call AWS Backup service.";
const NOT_ENABLED: &str = "Copy job failed. Cross-account copy feature is not enabled for the current organization.";
const OUT_OF_RANGE: &str = "Copy job failed. The retention specified in the job is not within the range specified for the target Backup Vault.";
const SOURCE_GONE: &str = "Cannot find recovery point.";
const COLD: &str = "Copy job failed. Recovery points in cold storage cannot be copied to another Region or account.";

/// A copy that somebody wants.
pub(crate) struct Order {
    /// The number of the source.
    pub(crate) point: u64,
    pub(crate) action: CopyAction,
    pub(crate) role: Arc<str>,
    /// The plan rule that orders it, and the backup job that made the source; none by hand.
    pub(crate) created_by: Option<Arc<CreatedBy>>,
    pub(crate) backup_job: Option<u128>,
}

/// Starts a copy job, and gives its number.
pub(crate) fn begin(cloud: &mut Cloud, key: &Arc<PlaceKey>, order: Order, at: DateTime<Utc>) -> Option<u64> {
    let source = cloud.places.get(&**key)?.backup.points.get(order.point)?;
    let problem = problem(cloud, key, source, &order, at);
    let times = &cloud.settings.jobs;
    let waits = Duration::seconds(times.copy_created_seconds);
    let takes = waits + Duration::seconds(times.copy_seconds);
    let place = cloud.places.get_mut(&**key)?;
    let source = place.backup.points.get(order.point)?;
    let source_vault = Arc::clone(&place.backup.vaults.get(&*source.vault)?.arn);
    let job = CopyJob {
        id: cloud.ids.fresh(),
        source: order.point,
        source_arn: Arc::clone(&source.arn),
        source_vault,
        target_vault: order.action.vault,
        target_arn: None,
        resource: Arc::clone(&source.resource),
        role: order.role,
        created_by: order.created_by,
        backup_job: order.backup_job,
        lifecycle: order.action.lifecycle,
        created: at,
        completed: problem.as_ref().map(|_| at),
        state: if problem.is_some() {
            CopyJobState::Failed
        } else {
            CopyJobState::Created
        },
        message: problem.clone(),
        size: source.size,
    };
    let number = place.backup.copy_jobs.add(job);
    if problem.is_none() {
        if waits.is_zero() {
            start(cloud, key, number);
        } else {
            cloud.backup.add(at + waits, key, Due::StartCopy(number));
        }
        cloud.backup.add(at + takes, key, Due::FinishCopy(number));
    }
    Some(number)
}

/// A copy leaves CREATED.
pub(super) fn start(cloud: &mut Cloud, key: &PlaceKey, number: u64) {
    let place = cloud.places.get_mut(key);
    if let Some(job) = place.and_then(|place| place.backup.copy_jobs.get_mut(number)) {
        job.state = CopyJobState::Running;
    }
}

/// Why a copy cannot be made.
fn problem(cloud: &Cloud, key: &PlaceKey, source: &Point, order: &Order, at: DateTime<Utc>) -> Option<Arc<str>> {
    let action = &order.action;
    let Some((target, name)) = vault_place(&action.vault) else {
        return Some(format!("Copy job failed. {} is not a backup vault.", action.vault).into());
    };
    if !source.is_advanced() {
        return Some(
            format!(
                "Copy job from {} to {} cannot be initiated for DynamoDB resources. Feature is not supported for provided resource type.",
                key.1, target.1
            )
            .into(),
        );
    }
    let origin = cloud.places.get(key)?;
    if let Some(message) = cloud.written_trouble(&order.role, Work::Copy, &source.arn, at) {
        return Some(message.into());
    }
    if let Some(message) = origin.backup.broken_roles.get(&*order.role) {
        return Some(message.replace("{resource}", &source.resource).into());
    }
    if source.is_cold(at) && target != *key {
        return Some(COLD.into());
    }
    if target.0 != key.0 && !cloud.organization.cross_account_backup {
        return Some(NOT_ENABLED.into());
    }
    let missing = || Some(format!("Copy job failed because backup vault {} does not exist.", action.vault).into());
    let Some(place) = cloud.places.get(&target) else {
        return missing();
    };
    let Some(vault) = place.backup.vaults.get(name) else {
        return missing();
    };
    if !lets_in(vault, &key.0, &order.role, target.0 != key.0) {
        return Some(NOT_ALLOWED.into());
    }
    if vault
        .lock
        .as_ref()
        .is_some_and(|lock| !kept(source, action.lifecycle).0.fits(lock.min_days, lock.max_days))
    {
        return Some(OUT_OF_RANGE.into());
    }
    if vault.key.as_deref().is_some_and(|arn| !place.kms.is_usable(arn, at)) {
        return Some(KEY_UNUSABLE.into());
    }
    None
}

/// Another account has to be allowed; nobody may be denied.
fn lets_in(vault: &Vault, account: &str, role: &str, is_foreign: bool) -> bool {
    let ask = policy::Ask {
        action: COPY_INTO,
        resource: &vault.arn,
        caller: role,
        principal: role,
        account,
    };
    match vault.policy.as_deref() {
        Some(document) if is_foreign => policy::allows(document, ask),
        Some(document) => !policy::denies(document, ask),
        None => !is_foreign,
    }
}

/// How long the copy is kept: as the action says, else until the source's own end.
fn kept(source: &Point, wished: Lifecycle) -> (Lifecycle, Option<DateTime<Utc>>) {
    match wished.delete() {
        Some(_) => (wished, wished.delete_at(source.created)),
        None => (
            Lifecycle {
                cold_after: wished.cold_after,
                ..source.lifecycle
            },
            source.delete_at,
        ),
    }
}

/// A copy has arrived.
pub(crate) fn finish(cloud: &mut Cloud, key: &Arc<PlaceKey>, number: u64, at: DateTime<Utc>) {
    let Some(copied) = arrived(cloud, key, number, at) else {
        return fail(cloud, key, number, SOURCE_GONE, at);
    };
    let Some((target, name)) = cloud
        .places
        .get(&**key)
        .and_then(|place| place.backup.copy_jobs.get(number))
        .and_then(|job| vault_place(&job.target_vault).map(|(target, name)| (target, name.to_owned())))
    else {
        return;
    };
    let arn = Arc::clone(&copied.arn);
    let target = Arc::new(target);
    let Some(place) = cloud
        .places
        .get_mut(&*target)
        .filter(|place| place.backup.vaults.contains_key(&name))
    else {
        return fail(
            cloud,
            key,
            number,
            "Copy job failed because the backup vault does not exist.",
            at,
        );
    };
    let kept = place.backup.points.add(copied);
    if let Some(point) = place.backup.points.get(kept) {
        expiry::schedule(&mut cloud.backup, &target, kept, point);
    }
    if let Some(job) = cloud
        .places
        .get_mut(&**key)
        .and_then(|place| place.backup.copy_jobs.get_mut(number))
    {
        job.state = CopyJobState::Completed;
        job.completed = Some(at);
        job.target_arn = Some(arn);
    }
}

/// The recovery point that a copy makes in its destination.
fn arrived(cloud: &mut Cloud, key: &PlaceKey, number: u64, at: DateTime<Utc>) -> Option<Point> {
    let place = cloud.places.get(key)?;
    let job = place.backup.copy_jobs.get(number)?;
    let source = place.backup.points.get(job.source)?;
    let (target, name) = vault_place(&job.target_vault)?;
    let vault = cloud.places.get(&target)?.backup.vaults.get(name)?;
    let (lifecycle, delete_at) = kept(source, job.lifecycle);
    let id = PointId::Advanced(cloud.ids.fresh());
    Some(Point {
        id,
        arn: point_arn(&cloud.partition, &target, id, &source.resource),
        vault: Arc::clone(&vault.name),
        status: PointStatus::Completed,
        message: None,
        initiated: job.created,
        completed: Some(at),
        lifecycle,
        cold_at: lifecycle.cold_at(source.created),
        delete_at,
        key: vault.key.clone(),
        key_kind: Some(vault.key_kind),
        source_vault: Some(Arc::clone(&job.source_vault)),
        last_restore: None,
        held: false,
        role: Arc::clone(&job.role),
        // Another account does not see the plans of this one.
        created_by: job.created_by.clone().filter(|_| target.0 == key.0),
        ..source.clone()
    })
}

fn fail(cloud: &mut Cloud, key: &PlaceKey, number: u64, message: &str, at: DateTime<Utc>) {
    if let Some(job) = cloud
        .places
        .get_mut(key)
        .and_then(|place| place.backup.copy_jobs.get_mut(number))
    {
        job.state = CopyJobState::Failed;
        job.completed = Some(at);
        job.message = Some(message.into());
    }
}
