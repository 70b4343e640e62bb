//! What is due, and when; `engine` lets it happen.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::arns::PlaceKey;
use super::events::{Event, RestoreTest};
use super::jobs::{BackupJob, RestoreKey};

/// Everything that is due some day.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    count: u64,
}

/// One thing that is due.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) at: DateTime<Utc>,
    /// Things due at the same instant happen in the order in which they were planned.
    number: u64,
    pub(crate) place: Arc<PlaceKey>,
    pub(crate) due: Due,
}

/// What can be due. Numbers are those of the job or of the recovery point.
#[derive(Debug, Clone)]
pub(crate) enum Due {
    /// A rule of one version of a plan fires.
    RunRule(Box<RuleRun>),
    /// A run makes a backup job: AWS dates a job when it takes the table up, which is some moment of the start window.
    MakeBackup(Box<BackupJob>),
    /// A backup job may start.
    StartBackup(u64),
    /// A backup job has run long enough.
    FinishBackup(u64),
    /// A backup job that was told to stop has stopped.
    AbortBackup(u64),
    /// A copy starts.
    StartCopy(u64),
    /// A copy has arrived.
    FinishCopy(u64),
    /// A restore starts.
    StartRestore(u64),
    /// A restore has run long enough.
    FinishRestore(u64),
    /// A restore test of the world has run long enough.
    EndRestoreTest(u64, Box<RestoreTest>),
    /// The schedule of one version of a restore testing plan fires.
    RunTesting { plan: String, arn: Arc<str>, version: u64 },
    /// A run of a restore testing plan starts a restore.
    StartTest(Box<TestRun>),
    /// The time for the verdict on a tested table is over.
    EndValidation(u64),
    /// The deletion of a tested table has taken its time.
    EndTest(u64),
    /// The retention of a recovery point is over.
    DeletePoint(u64),
    /// The deletion of a recovery point has taken its time.
    RemovePoint(u64),
    /// Something that the world file asks for.
    Event(Arc<Event>),
}

/// A restore that a run of a restore testing plan makes.
#[derive(Debug, Clone)]
pub(crate) struct TestRun {
    pub(crate) plan: Arc<str>,
    pub(crate) point: u64,
    pub(crate) role: Arc<str>,
    pub(crate) key: RestoreKey,
    pub(crate) validation_hours: i64,
    /// The end of the start window.
    pub(crate) start_by: DateTime<Utc>,
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

    /// What comes next, if it is due by now.
    pub(crate) fn next_due(&mut self, now: DateTime<Utc>) -> Option<Entry> {
        if self.heap.peek()?.0.at > now {
            return None;
        }
        self.heap.pop().map(|entry| entry.0)
    }
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
}
