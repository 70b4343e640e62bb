//! Restore jobs: a recovery point becomes a new table.
//!
//! In: a restore job. Out: a table with the schema and the items of the recovery point, without the source's tags, PITR, TTL and
//! deletion protection; or a failed job. Never writes into an existing table.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::messages::{KEY_UNUSABLE, TABLE_GONE};
use super::restore_testing;
use crate::backup::state::{KeyKind, PlaceKey, RestoreJob, RestoreKey, RestoreStatus};
use crate::cloud::{Cloud, Place};
use crate::dynamodb::state::Sse;
use crate::iam::state::Work;

const POINT_GONE: &str = "Cannot find recovery point.";
const TAGS_UNSUPPORTED: &str = "Copying source tags to the restored resource is not supported for DynamoDB. Remove CopySourceTagsToRestoredResource.";

/// A restore leaves PENDING: the new table appears, CREATING, unless it is known already that nothing comes of it.
pub(super) fn start(cloud: &mut Cloud, key: &PlaceKey, number: u64, at: DateTime<Utc>) {
    let Some(job) = job(cloud, key, number).filter(|job| job.status == RestoreStatus::Pending) else {
        return;
    };
    job.status = RestoreStatus::Running;
    // Why nothing comes of it is told at the end.
    let _ = make_table(cloud, key, number, at);
}

fn job<'a>(cloud: &'a mut Cloud, key: &PlaceKey, number: u64) -> Option<&'a mut RestoreJob> {
    cloud.places.get_mut(key)?.backup.restore_jobs.get_mut(number)
}

/// A restore has run long enough: the table is ACTIVE.
pub(super) fn finish(cloud: &mut Cloud, key: &Arc<PlaceKey>, number: u64, at: DateTime<Utc>) {
    let running = job(cloud, key, number).is_some_and(|job| job.status == RestoreStatus::Running);
    if !running {
        return;
    }
    let outcome = restore(cloud, key, number, at);
    let Some(job) = job(cloud, key, number) else {
        return;
    };
    job.completed = Some(at);
    match outcome {
        Ok(table) => {
            job.status = RestoreStatus::Completed;
            job.created_resource = Some(table);
            let point = job.point;
            if let Some(point) = cloud
                .places
                .get_mut(&**key)
                .and_then(|place| place.backup.points.get_mut(point))
            {
                point.last_restore = Some(at);
            }
            restore_testing::restored(cloud, key, number, at);
        }
        Err(message) => {
            job.status = RestoreStatus::Failed;
            job.message = Some(message);
        }
    }
}

/// Makes the table ready; gives its ARN, or why there is none. What appeared of one that cannot be goes again.
fn restore(cloud: &mut Cloud, key: &PlaceKey, number: u64, at: DateTime<Utc>) -> Result<Arc<str>, Arc<str>> {
    let made = made_table(cloud, key, number);
    let checked = check(cloud, key, number, at);
    if let (Some(name), Err(message)) = (&made, &checked) {
        if let Some(place) = cloud.places.get_mut(key) {
            place.dynamodb.remove(name);
        }
        return Err(Arc::clone(message));
    }
    if made.is_none() {
        make_table(cloud, key, number, at)?;
    }
    let place = cloud.places.get_mut(key).ok_or(POINT_GONE)?;
    let job = place.backup.restore_jobs.get(number).ok_or(POINT_GONE)?;
    let table = place.dynamodb.table_mut(&job.target).ok_or(TABLE_GONE)?;
    let point = place.backup.points.get(job.point).ok_or(POINT_GONE)?;
    table.status = "ACTIVE".to_owned();
    let later = Duration::seconds(point.image.traits().index_seconds);
    table.indexes_settle = (later > Duration::zero()).then(|| at + later);
    Ok(table.arn.as_str().into())
}

/// The table of a job that appeared already, by name.
fn made_table(cloud: &Cloud, key: &PlaceKey, number: u64) -> Option<String> {
    let place = cloud.places.get(key)?;
    let job = place.backup.restore_jobs.get(number)?;
    let table = place.dynamodb.table(&job.target)?;
    (job.table_id.as_ref() == Some(&table.id)).then(|| job.target.clone())
}

/// Whether the restore can be done; gives the key of the new table.
fn check(cloud: &Cloud, key: &PlaceKey, number: u64, at: DateTime<Utc>) -> Result<Option<Sse>, Arc<str>> {
    let place = cloud.places.get(key).ok_or(POINT_GONE)?;
    let job = place.backup.restore_jobs.get(number).ok_or(POINT_GONE)?;
    if let Some(role) = &job.role
        && let Some(message) = cloud.written_trouble(role, Work::Restore, &job.point_arn, at)
    {
        return Err(message.into());
    }
    key_of_new_table(place, number, at)
}

/// Makes the table, CREATING.
fn make_table(cloud: &mut Cloud, key: &PlaceKey, number: u64, at: DateTime<Utc>) -> Result<(), Arc<str>> {
    let sse = check(cloud, key, number, at)?;
    let Cloud { places, ids, .. } = cloud;
    let place = places.get_mut(key).ok_or(POINT_GONE)?;
    let job = place.backup.restore_jobs.get_mut(number).ok_or(POINT_GONE)?;
    let point = place.backup.points.get(job.point).ok_or(POINT_GONE)?;
    let made = place
        .dynamodb
        .create_from_image(&key.0, &key.1, &job.target, &point.image, sse, at, ids);
    made.map_err(|error| Arc::from(error.message))?;
    if let Some(table) = place.dynamodb.table_mut(&job.target) {
        table.status = "CREATING".to_owned();
        job.table_id = Some(table.id.clone());
    }
    Ok(())
}

/// The key of the new table, once everything else is found in order.
fn key_of_new_table(place: &Place, number: u64, at: DateTime<Utc>) -> Result<Option<Sse>, Arc<str>> {
    let job = place.backup.restore_jobs.get(number).ok_or(POINT_GONE)?;
    let point = place.backup.points.get(job.point).ok_or(POINT_GONE)?;
    if job.copies_tags {
        return Err(TAGS_UNSUPPORTED.into());
    }
    if let Some(message) = job
        .role
        .as_ref()
        .and_then(|role| place.backup.broken_roles.get(&**role))
    {
        return Err(message.replace("{resource}", &job.source).into());
    }
    let unusable =
        point.key_kind != Some(KeyKind::Owned) && point.key.as_deref().is_some_and(|arn| !place.kms.is_usable(arn, at));
    if unusable {
        return Err(KEY_UNUSABLE.into());
    }
    match &job.key {
        RestoreKey::Owned => Ok(None),
        RestoreKey::AsSource => Ok(point.image.sse().cloned()),
        RestoreKey::Managed => Ok(Some(Sse::managed(&place.kms))),
        RestoreKey::Customer(arn) if place.kms.is_usable(arn, at) => Ok(Some(Sse {
            kms_key_arn: arn.to_string(),
        })),
        RestoreKey::Customer(_) => Err(KEY_UNUSABLE.into()),
    }
}
