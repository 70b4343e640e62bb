//! What happens by itself: plan runs, jobs, copies, restores, deletions and the world's own events.
//!
//! In: the cloud and an instant. Out: the cloud as it is at that instant, everything due having happened in the order of time.
//! The same agenda serves 120 days of history at the start and the seconds between two requests later; when nothing is due,
//! `advance` looks at one element of a heap.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::happenings::{self, Happening};
use super::state::{JOB_HISTORY_DAYS, Uuid};
use super::{backups, copies, expiry, restores, runs};
use crate::cloud::{Cloud, Ids, mix};

/// An account and a Region of it.
pub(crate) type PlaceKey = (String, String);

/// Everything that is due some day.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    count: u64,
}

/// One thing that is due.
#[derive(Debug)]
struct Entry {
    at: DateTime<Utc>,
    /// Things due at the same instant happen in the order in which they were planned.
    number: u64,
    place: Arc<PlaceKey>,
    due: Due,
}

/// What can be due. Numbers are those of the job or of the recovery point.
#[derive(Debug, Clone)]
pub(crate) enum Due {
    /// A rule of one version of a plan fires.
    RunRule(Box<RuleRun>),
    /// A backup job may start.
    StartBackup(u64),
    /// A backup job has run long enough.
    FinishBackup(u64),
    /// A backup job that was told to stop has stopped.
    AbortBackup(u64),
    /// A copy has arrived.
    FinishCopy(u64),
    /// A restore starts.
    StartRestore(u64),
    /// A restore has run long enough.
    FinishRestore(u64),
    /// The retention of a recovery point is over.
    DeletePoint(u64),
    /// Something that the world file asks for.
    Happen(Arc<Happening>),
}

/// A rule of one version of a plan.
#[derive(Debug, Clone)]
pub(crate) struct RuleRun {
    pub(crate) plan: Arc<str>,
    pub(crate) version: Arc<str>,
    pub(crate) rule: usize,
}

impl Agenda {
    /// Plans something.
    pub(crate) fn add(&mut self, at: DateTime<Utc>, place: &Arc<PlaceKey>, due: Due) {
        self.count += 1;
        self.heap.push(Reverse(Entry {
            at,
            number: self.count,
            place: Arc::clone(place),
            due,
        }));
    }

    fn next_due(&mut self, now: DateTime<Utc>) -> Option<Entry> {
        if self.heap.peek()?.0.at > now {
            return None;
        }
        self.heap.pop().map(|entry| entry.0)
    }
}

/// Lets everything happen that is due up to an instant.
pub(crate) fn advance(cloud: &mut Cloud, now: DateTime<Utc>) {
    while let Some(entry) = cloud.backup.next_due(now) {
        let Entry { at, place, due, .. } = entry;
        match due {
            Due::RunRule(run) => {
                runs::run(cloud, &place, &run, at);
                forget_old_jobs(cloud, &place, at);
            }
            Due::StartBackup(job) => backups::start(cloud, &place, job, at),
            Due::FinishBackup(job) => backups::finish(cloud, &place, job, at),
            Due::AbortBackup(job) => backups::abort(cloud, &place, job, at),
            Due::FinishCopy(job) => copies::finish(cloud, &place, job, at),
            Due::StartRestore(job) => restores::start(cloud, &place, job),
            Due::FinishRestore(job) => restores::finish(cloud, &place, job, at),
            Due::DeletePoint(point) => expiry::delete(cloud, &place, point, at),
            Due::Happen(happening) => happenings::happen(cloud, &place, &happening, at),
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

/// A fresh id, as a number.
pub(crate) fn fresh(ids: &mut Ids) -> u128 {
    Uuid::read(&ids.uuid()).map_or(0, |uuid| uuid.0)
}

/// The ids of many things that are made at once: one fresh id, varied by number.
pub(crate) fn variation(base: u128, number: u64) -> u128 {
    let low = mix(base as u64 ^ number);
    let high = mix((base >> 64) as u64 ^ low);
    as_v4(u128::from(high) << 64 | u128::from(low))
}

/// Bits as a uuid of version 4.
fn as_v4(bits: u128) -> u128 {
    bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62
}

/// A number that looks random and is always the same for the same texts: for start offsets.
pub(crate) fn scatter(parts: &[&str]) -> u64 {
    parts.iter().fold(0, |hash, part| {
        let bytes = part.as_bytes().chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        mix(bytes.fold(mix(hash ^ part.len() as u64), |hash, word| mix(hash ^ word)))
    })
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_things_come_in_the_order_of_time_then_of_planning() {
        let place = Arc::new(("111122223333".to_owned(), "eu-west-1".to_owned()));
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let mut agenda = Agenda::default();
        for (seconds, job) in [(5, 1), (3, 2), (5, 3), (9, 4)] {
            agenda.add(at(seconds), &place, Due::StartBackup(job));
        }
        let mut order = Vec::new();
        while let Some(entry) = agenda.next_due(at(6)) {
            if let Due::StartBackup(job) = entry.due {
                order.push(job);
            }
        }
        assert_eq!(order, [2, 1, 3]);
        assert!(agenda.next_due(at(8)).is_none());
        assert!(agenda.next_due(at(9)).is_some());
    }

    #[test]
    fn scattering_is_stable_and_spread() {
        assert_eq!(scatter(&["a", "b"]), scatter(&["a", "b"]));
        assert_ne!(scatter(&["a", "b"]), scatter(&["ab", ""]));
        let hours: std::collections::BTreeSet<u64> =
            (0..200).map(|n| scatter(&["point", &n.to_string()]) % 8).collect();
        assert_eq!(hours.len(), 8);
    }
}
