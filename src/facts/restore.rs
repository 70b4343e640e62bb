//! Restores: was one made, did it succeed, how long did it take.
//!
//! AWS remembers restore jobs for about 30 days; recovery points remember the date of their last restore as long as
//! they are kept; drills tell of theirs for ever. A drill counts as a finished restore; of its restore job the worse of both counts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};

use super::drills::{Drills, SeenDrill, jobs_of};
use super::index::Index;
use super::time::{JOB_MEMORY, age_hours};
use super::words::cause;
use crate::dictionary::{TableFacts, Text};
use crate::inventory::Inventory;
use crate::inventory::schema::RestoreJob;
use crate::inventory::schema::borrowed::RecoveryPoint;
use crate::problem::Problem;

/// Clocks of jobs and of recovery points may differ by so much.
pub(super) const SLACK: TimeDelta = TimeDelta::minutes(5);

/// A restore that ended, and tested something.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tested {
    /// When it was ordered. `None`: AWS does not say.
    pub(super) began: Option<DateTime<Utc>>,
    /// When it had ended. `None`: AWS does not say.
    pub(super) ended: Option<DateTime<Utc>>,
    /// Tells it from others of the same instant.
    pub(super) id: String,
    /// How.
    pub(super) end: End,
    /// How long it took. `None`: not known.
    pub(super) minutes: Option<f64>,
    /// What its validation said.
    pub(super) validation: Text,
    /// What is to be said of it if it failed.
    pub(super) cause: Text,
    /// What told of it.
    pub(super) by: &'static str,
}

/// How a restore ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The table was made, and nothing speaks against what it holds.
    Succeeded,
    /// It failed, or its validation did, or it brought back something else.
    Failed,
}

/// The restores of all tables that had one.
pub(super) struct Restores {
    drills: Drills,
    jobs: BTreeMap<usize, Vec<RestoreJob>>,
    /// Tables that restore jobs made, by ARN.
    created: HashSet<String>,
    /// Jobs that name their recovery point only.
    by_point: HashMap<String, Vec<RestoreJob>>,
    /// Points of jobs that leave its date out; the date, once the point was seen.
    undated: HashMap<String, Option<DateTime<Utc>>>,
    /// When restores ran that failed, whose validation did, or that still run, by the ARN of the point, or of the table where
    /// the job names no point: the point remembers those as well.
    unproven: HashMap<String, Vec<RangeInclusive<DateTime<Utc>>>>,
    /// The last restore that recovery points of a table remember.
    last_seen: BTreeMap<usize, Remembered>,
}

/// When recovery points of a table were last restored.
#[derive(Debug, Clone, Copy, Default)]
struct Remembered {
    /// So long ago that AWS Backup has forgotten the job.
    before_jobs: Option<DateTime<Utc>>,
    /// Since then, by no job that is known to have failed, or to run still.
    since: Option<DateTime<Utc>>,
}

impl Restores {
    pub(super) fn read(inventory: &Inventory, row_of: impl Fn(&str) -> Option<usize>) -> Result<Self, Problem> {
        let mut restores = Self {
            drills: Drills::read(inventory, &row_of)?,
            jobs: BTreeMap::new(),
            created: HashSet::new(),
            by_point: HashMap::new(),
            undated: HashMap::new(),
            unproven: HashMap::new(),
            last_seen: BTreeMap::new(),
        };
        for job in inventory.read::<RestoreJob>()? {
            restores.created.extend(job.created_resource_arn.clone());
            restores.drills.see_job(&job.job_id, job.recovery_point_arn.as_deref());
            if let (Some(point), None) = (&job.recovery_point_arn, job.recovery_point_created_at) {
                restores.undated.insert(point.clone(), None);
            }
            let of = job.recovery_point_arn.as_ref().or(job.source_resource_arn.as_ref());
            if let (Some(of), Some(ran)) = (of, unproven(&job)) {
                restores.unproven.entry(of.clone()).or_default().push(ran);
            }
            match (job.source_resource_arn.as_deref(), job.recovery_point_arn.as_deref()) {
                (Some(arn), _) => {
                    if let Some(row) = row_of(arn) {
                        restores.jobs.entry(row).or_default().push(job);
                    }
                }
                (None, Some(point)) => {
                    let point = point.to_owned();
                    restores.by_point.entry(point).or_default().push(job);
                }
                (None, None) => {}
            }
        }
        Ok(restores)
    }

    /// Did a restore job that AWS remembers make this table?
    pub(super) fn made(&self, table_arn: &str) -> bool {
        self.created.contains(table_arn)
    }

    /// Drills that could not be read, as the call log has them.
    pub(super) fn learn_gaps(&mut self, index: &Index) {
        self.drills.learn_gaps(index);
    }

    /// Every drill of the inventory, and whether it counts.
    pub(super) fn drills(&self, index: &Index) -> Vec<SeenDrill> {
        self.drills.all(index)
    }

    /// Does it depend on this point, even if it does not remember a restore?
    pub(super) fn asks_for(&self, point_arn: &str) -> bool {
        !self.by_point.is_empty() || !self.undated.is_empty() || self.drills.asks_for(point_arn)
    }

    /// A recovery point of a table, in its own target; needed of those that remember a restore, and of those that
    /// [`Self::asks_for`].
    pub(super) fn see(&mut self, row: usize, point: &RecoveryPoint<'_>, index: &Index) {
        let arn = point.recovery_point_arn;
        self.drills.see_point(row, point);
        if !self.by_point.is_empty()
            && let Some(jobs) = self.by_point.remove(arn)
        {
            self.jobs.entry(row).or_default().extend(jobs);
        }
        if !self.undated.is_empty()
            && let Some(date) = self.undated.get_mut(arn)
        {
            *date = point.created_at;
        }
        let is_of_this_table = index.tables[row]
            .created_at
            .zip(point.created_at)
            .is_some_and(|(born, at)| at >= born);
        let Some(at) = point.last_restored_at.filter(|_| is_of_this_table) else {
            return;
        };
        let table_arn = index.tables[row].table_arn.as_str();
        let mut unproven = [arn, table_arn]
            .into_iter()
            .filter_map(|of| self.unproven.get(of))
            .flatten();
        if unproven.any(|ran| ran.contains(&at)) || self.drills.tells_of(row, arn, at, index) {
            return;
        }
        let seen = self.last_seen.entry(row).or_default();
        if at < index.as_of - JOB_MEMORY {
            seen.before_jobs = seen.before_jobs.max(Some(at));
        } else {
            seen.since = seen.since.max(Some(at));
        }
    }

    /// Restores of this incarnation of the table that tested something, in order.
    fn finished(&self, row: usize, born: DateTime<Utc>, index: &Index) -> Vec<Tested> {
        let date_of_point = |job: &RestoreJob| {
            let of_point = || self.undated.get(job.recovery_point_arn.as_deref()?).copied().flatten();
            job.recovery_point_created_at.or_else(of_point).or(job.created_at)
        };
        let of_this_table = |job: &&RestoreJob| date_of_point(job).is_some_and(|at| at >= born);
        let drills = self.drills.tested(row, index);
        let known = jobs_of(&drills);
        let jobs = self.jobs.get(&row).into_iter().flatten();
        // A drill knows more of its job than AWS does, unless AWS says that it failed.
        let is_said = |job: &&RestoreJob| known.contains(job.job_id.as_str()) && outcome(job) != Some(Outcome::Failed);
        let jobs = jobs.filter(of_this_table).filter(|job| !is_said(job));
        let jobs: Vec<Tested> = jobs.filter_map(of_job).collect();
        let is_denied = |job: &Option<String>| job.as_ref().is_some_and(|id| jobs.iter().any(|job| job.id == *id));
        let drills = drills
            .iter()
            .filter(|(job, tested)| tested.end == End::Failed || !is_denied(job));
        let mut finished: Vec<Tested> = drills.map(|(_, tested)| tested.clone()).collect();
        finished.extend(jobs);
        finished.sort_by(|a, b| (a.began, &a.id).cmp(&(b.began, &b.id)));
        finished
    }

    pub(super) fn fill(&self, facts: &mut TableFacts, row: usize, index: &Index, points_whole: bool) {
        self.drills.fill(facts, row, index);
        let Some(born) = index.tables[row].created_at else {
            return;
        };
        let finished = self.finished(row, born, index);
        let jobs_whole = index.is_whole(index.target_place(row), "backup:ListRestoreJobs", "");
        // What a drill that was not read showed, it may have shown of the last restore.
        let ends_whole = jobs_whole && self.drills.is_whole(row, index);
        let is_whole = ends_whole && points_whole;

        let succeeded = finished.iter().rev().find(|tested| tested.end == End::Succeeded);
        let remembered = self.last_seen.get(&row).copied().unwrap_or_default();
        // A point remembers restores that were found bad as well, and longer than AWS remembers how they ended. Without
        // the jobs that cannot be told of any of them.
        let seen = remembered.since.filter(|_| ends_whole);
        let last_at = succeeded.and_then(|tested| tested.ended).max(seen);
        let forgotten = remembered.before_jobs.max(remembered.since.filter(|_| !ends_whole));
        let forgotten = forgotten.filter(|at| last_at.is_none_or(|last| *at > last));
        facts.last_restore_at = last_at;
        facts.last_restore_seen_at = finished
            .last()
            .and_then(|tested| tested.ended)
            .max(remembered.before_jobs)
            .max(remembered.since);
        facts.last_restore_age_days_seen = last_at.map(|at| age_hours(at, index.as_of) / 24.0);
        facts.last_restore_age_days = facts
            .last_restore_age_days_seen
            .filter(|_| is_whole && forgotten.is_none());
        facts.restore_succeeded = match last_at {
            Some(_) => Some(true),
            None => (is_whole && forgotten.is_none()).then_some(false),
        };
        facts.last_restore_minutes = succeeded.and_then(|tested| tested.minutes);
        facts.last_restore_validation = succeeded.map(|tested| Text::clone(&tested.validation));
        facts.last_restore_by = match (succeeded, last_at) {
            (Some(tested), Some(_)) if tested.ended == last_at => Some(tested.by.into()),
            (_, Some(_)) => Some("recovery-point".into()),
            (_, None) => facts.restore_succeeded.map(|_| "none".into()),
        };
        let failed = finished.iter().rev().find(|tested| tested.end == End::Failed);
        facts.last_failed_restore_cause = match failed {
            Some(tested) => Some(Text::clone(&tested.cause)),
            None => ends_whole.then(|| "none".into()),
        };
        // A drill may be older than a restore that AWS has forgotten: that one was the last.
        let is_last =
            |tested: &&Tested| tested.end == End::Failed || tested.ended.is_none() || forgotten <= tested.ended;
        // Which restore was the last one, and how it ended, only the whole list of jobs tells.
        facts.restore_outcome = match (finished.last().filter(is_last), seen) {
            _ if !ends_whole => None,
            (Some(tested), _) if tested.end == End::Succeeded => Some("succeeded".into()),
            (Some(_), _) => Some("failed".into()),
            (None, Some(_)) => Some("succeeded".into()),
            (None, None) if !points_whole => None,
            (None, None) if forgotten.is_some() => Some("forgotten".into()),
            (None, None) => Some("not-tested".into()),
        };
    }
}

/// A job as a restore that ended. `None`: it has not ended, or tested nothing.
fn of_job(job: &RestoreJob) -> Option<Tested> {
    let end = match outcome(job)? {
        Outcome::Succeeded => End::Succeeded,
        Outcome::Failed => End::Failed,
        Outcome::NoTest => return None,
    };
    Some(Tested {
        began: job.created_at,
        ended: job.completed_at.or(job.created_at),
        id: job.job_id.clone(),
        end,
        minutes: minutes(job),
        validation: job.validation_status.as_deref().unwrap_or("none").into(),
        cause: failure(job),
        by: match job.restore_testing_plan_arn {
            Some(_) => "restore-testing",
            None => "restore-job",
        },
    })
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Succeeded,
    /// It failed, or its validation did.
    Failed,
    /// It was stopped, or could not begin for a reason that says nothing of the recovery point.
    NoTest,
}

/// `None`: it has not finished.
fn outcome(job: &RestoreJob) -> Option<Outcome> {
    match (job.status.as_deref(), job.validation_status.as_deref()) {
        (Some("COMPLETED"), Some("FAILED")) => Some(Outcome::Failed),
        (Some("COMPLETED"), _) => Some(Outcome::Succeeded),
        (Some("FAILED"), _) if has_not_begun(job) => Some(Outcome::NoTest),
        (Some("FAILED"), _) => Some(Outcome::Failed),
        (Some("ABORTED"), _) => Some(Outcome::NoTest),
        _ => None,
    }
}

/// When a job ran that proves nothing. One that has not ended may do so at any time from its start on.
fn unproven(job: &RestoreJob) -> Option<RangeInclusive<DateTime<Utc>>> {
    let from = job.created_at?;
    let until = match outcome(job) {
        Some(Outcome::Succeeded) => return None,
        Some(Outcome::Failed | Outcome::NoTest) => {
            let ended = job.completed_at.unwrap_or(from);
            ended.checked_add_signed(SLACK).unwrap_or(ended)
        }
        None => DateTime::<Utc>::MAX_UTC,
    };
    Some(from.checked_sub_signed(SLACK).unwrap_or(from)..=until)
}

/// Did it fail before anything was restored: the new table's name is taken, or a restore test found no place in its start
/// window? AWS tells it in words only; words that nobody knows are a failure.
fn has_not_begun(job: &RestoreJob) -> bool {
    let message = job.status_message.as_deref().unwrap_or_default().to_ascii_lowercase();
    ["table already exists", "start window"]
        .iter()
        .any(|words| message.contains(words))
}

fn failure(job: &RestoreJob) -> Text {
    let status = job.status.as_deref().unwrap_or_default();
    if status == "COMPLETED" {
        let said = job.validation_status_message.as_deref();
        return cause("validation FAILED", said);
    }
    cause(status, job.status_message.as_deref())
}

fn minutes(job: &RestoreJob) -> Option<f64> {
    let took = job.completed_at? - job.created_at?;
    #[expect(clippy::cast_precision_loss, reason = "a restore takes less than 2^52 seconds")]
    let seconds = took.num_seconds().max(0) as f64;
    Some(seconds / 60.0)
}
