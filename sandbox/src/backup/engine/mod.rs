//! What happens by itself: plan runs, jobs, copies, restores, deletions and the world's own events.
//!
//! In: the cloud and an instant. Out: the cloud as it is at that instant, everything due having happened in the order of time.
//! The same agenda serves 120 days of history at the start and the seconds between two requests later; when nothing is due,
//! `advance` looks at one element of a heap.

pub(crate) mod backup_jobs;
mod contents;
pub(crate) mod copy_jobs;
mod events;
pub(crate) mod expiry;
pub(crate) mod messages;
pub(crate) mod plan_runs;
mod restore_jobs;
pub(crate) mod restore_testing;

use chrono::{DateTime, Duration, Utc};

use super::state::{Due, Entry, JOB_HISTORY_DAYS, PlaceKey};
use crate::cloud::Cloud;

/// Lets everything happen that is due up to an instant.
pub(crate) fn advance(cloud: &mut Cloud, now: DateTime<Utc>) {
    while let Some(entry) = cloud.backup.next_due(now) {
        let Entry { at, place, due, .. } = entry;
        match due {
            Due::RunRule(run) => {
                plan_runs::run(cloud, &place, &run, at);
                forget_old_jobs(cloud, &place, at);
            }
            Due::MakeBackup(job) => backup_jobs::make(cloud, &place, *job, at),
            Due::StartBackup(job) => backup_jobs::start(cloud, &place, job, at),
            Due::FinishBackup(job) => backup_jobs::finish(cloud, &place, job, at),
            Due::AbortBackup(job) => backup_jobs::abort(cloud, &place, job, at),
            Due::StartCopy(job) => copy_jobs::start(cloud, &place, job),
            Due::FinishCopy(job) => copy_jobs::finish(cloud, &place, job, at),
            Due::StartRestore(job) => restore_jobs::start(cloud, &place, job, at),
            Due::FinishRestore(job) => restore_jobs::finish(cloud, &place, job, at),
            Due::EndRestoreTest(job, test) => events::end_restore_test(cloud, &place, job, &test, at),
            Due::RunTesting { plan, arn, version } => {
                restore_testing::run(cloud, &place, (&plan, &arn, version), at);
            }
            Due::StartTest(run) => restore_testing::start(cloud, &place, &run, at),
            Due::EndValidation(job) => restore_testing::end_validation(cloud, &place, job, at),
            Due::EndTest(job) => restore_testing::end(cloud, &place, job),
            Due::RemovePoint(point) => expiry::end(cloud, &place, point),
            Due::DeletePoint(point) => expiry::delete(cloud, &place, point, at),
            Due::Event(event) => events::happen(cloud, &place, &event, at),
        }
    }
}

fn forget_old_jobs(cloud: &mut Cloud, place: &PlaceKey, now: DateTime<Utc>) {
    if let Some(place) = cloud.places.get_mut(place) {
        // Some days more than any list shows, so that a job can still be described by its id.
        let limit = now - Duration::days(JOB_HISTORY_DAYS + 15);
        place.backup.backup_jobs.forget_before(limit);
        place.backup.copy_jobs.forget_before(limit);
        place.backup.restore_jobs.forget_before(limit);
    }
}
