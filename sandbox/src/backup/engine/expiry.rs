//! The end of recovery points.
//!
//! In: a recovery point whose retention is over. Out: it is gone, at some moment of the eight hours after; or it stays as EXPIRED,
//! because the role that made it cannot be used any more. A vault lock does not stop the lifecycle.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use crate::backup::state::{Agenda, Due, PlaceKey, Point, PointId, PointStatus};
use crate::cloud::Cloud;
use crate::iam::state::Work;
use crate::ids::mix;

/// AWS Backup deletes at some moment of so many hours after the retention.
const DELETION_WINDOW_HOURS: u64 = 8;

/// Plans the deletion of a recovery point, if it has an end.
pub(crate) fn schedule(agenda: &mut Agenda, key: &Arc<PlaceKey>, number: u64, point: &Point) {
    if let Some(at) = deletion(point) {
        agenda.add(at, key, Due::DeletePoint(number));
    }
}

/// The moment of the deletion.
fn deletion(point: &Point) -> Option<DateTime<Utc>> {
    let id = match point.id {
        PointId::Advanced(id) => id as u64,
        PointId::Native(millis, tail) => millis as u64 ^ u64::from(tail),
    };
    let late = mix(id) % (DELETION_WINDOW_HOURS * 3600);
    point
        .delete_at
        .map(|at| at + Duration::seconds(i64::try_from(late).unwrap_or(0)))
}

/// The planned moment has come. A lifecycle that was changed meanwhile has planned another one.
pub(crate) fn delete(cloud: &mut Cloud, key: &Arc<PlaceKey>, number: u64, at: DateTime<Utc>) {
    let seconds = cloud.settings.jobs.delete_seconds;
    let point = cloud
        .places
        .get(&**key)
        .and_then(|place| place.backup.points.get(number));
    let due = point.is_some_and(|point| {
        point.status == PointStatus::Completed && deletion(point).is_some_and(|planned| planned <= at)
    });
    if due && remove(cloud, key, number, seconds, at) {
        let gone = at + Duration::seconds(seconds);
        cloud.backup.add(gone, key, Due::RemovePoint(number));
    }
}

/// The deletion of a recovery point has taken its time.
pub(super) fn end(cloud: &mut Cloud, key: &PlaceKey, number: u64) {
    if let Some(place) = cloud.places.get_mut(key) {
        place.backup.points.remove(number);
    }
}

/// Removes a recovery point, or leaves it as EXPIRED if its role cannot do it or a legal hold keeps it. True: it is DELETING,
/// and the caller plans its end after so many seconds.
pub(crate) fn remove(cloud: &mut Cloud, key: &PlaceKey, number: u64, seconds: i64, at: DateTime<Utc>) -> bool {
    let unable = cloud.places.get(key).and_then(|place| {
        let point = place.backup.points.get(number)?;
        let broken = place.backup.broken_roles.get(&*point.role);
        broken
            .map(|message| message.replace("{resource}", &point.resource))
            .or_else(|| cloud.written_trouble(&point.role, Work::Delete, &point.arn, at))
    });
    let Some(place) = cloud.places.get_mut(key) else {
        return false;
    };
    let state = &mut place.backup;
    let Some(point) = state.points.get_mut(number) else {
        return false;
    };
    if point.held {
        point.status = PointStatus::Expired;
        return false;
    }
    match unable {
        Some(message) => {
            point.status = PointStatus::Expired;
            point.message = Some(message.into());
        }
        None if seconds > 0 => {
            point.status = PointStatus::Deleting;
            return true;
        }
        None => {
            state.points.remove(number);
        }
    }
    false
}
