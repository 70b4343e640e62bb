//! Inventory in, facts out: one row per subject, one column per fact. Pure: no clock, no network.
//!
//! [`derive()`] reads each frame once, in batches, and keeps a small tally per table; the order of rows in the inventory
//! does not matter. What could not be read makes exactly those facts unknown that rest on it. The rows of facts are made
//! from the tallies on demand, some at a time: a million tables have more facts than fit in memory.
//!
//! From below: `schedule`, `protection`, `vault_policy` and `rpo_over_time` answer one question each and know no
//! inventory; `index` is what was read, by table and by target; `recovery_point` is one recovery point as it was read.
//! On them stand the topics, of which each fills the facts of a table that are its own, and `subjects`, the facts of
//! vaults, plans, targets and recovery points. Only this file knows all of them.

mod copies;
mod days;
mod demands;
mod drills;
mod early_deletions;
mod good_points;
mod identity;
mod index;
mod jobs;
mod plan_policy;
#[cfg(test)]
mod plan_policy_tests;
mod plans;
mod protection;
mod qualities;
mod recovery_point;
mod restore;
mod restore_testing;
pub(crate) mod rpo_over_time;
mod runs;
pub(crate) mod schedule;
mod subjects;
mod table_points;
mod time;
pub(crate) mod vault_policy;
mod wanted_copies;
mod window;
mod words;
mod young;

use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::criteria::values::PolicyValues;
use crate::dictionary::{PlanFacts, RecoveryPointFacts, TableFacts, TargetFacts, VaultFacts};
use crate::domain::{DayState, Subject, TargetId, Window};
use crate::inventory::Inventory;
use crate::inventory::schema::{BackupJob, CopyJob};
use crate::problem::Problem;
use copies::Copies;
use early_deletions::EarlyDeletions;
use index::Index;
use index::finder::Finder;
use jobs::Jobs;
use plan_policy::Evidence;
use plans::membership::Memberships;
use plans::offers::Offers;
use restore::Restores;
use restore_testing::RestoreTesting;
use rpo_over_time::RpoDemand;
use subjects::recovery_points::JudgePoints;
use table_points::{TablePoints, by_column};
use wanted_copies::WantedCopies;

pub(crate) use copies::Comparisons;
pub(crate) use demands::Quality;
pub(crate) use drills::SeenDrill;
pub(crate) use index::keys::rank_of_owner;
pub use index::reading::Reading;
pub(crate) use index::rows::ArnHasher;
pub(crate) use index::vaults::Lock;
pub(crate) use plans::membership::{DOES_NOT_TAKE, SelectionAnswer};
pub(crate) use qualities::{KeyQuality, LockSeen, PointKey, Qualities};
pub(crate) use recovery_point::{Sight, is_native};
pub(crate) use time::{JOB_REACH, seconds};

/// Columns of backup jobs that are not read of all of them.
const JOB_COLUMNS_UNUSED: [&str; 2] = ["start_by", "recovery_point_arn"];

/// What was read of every table, ready to be turned into facts.
pub struct Facts {
    index: Index,
    points: TablePoints,
    copies: Copies,
    jobs: Jobs,
    restores: Restores,
    restore_testing: RestoreTesting,
    memberships: Memberships,
    early_deletions: EarlyDeletions,
}

/// Some tables, in order of ARN: their facts, and what their plans promise, to compare with the policy.
pub struct Tables {
    /// The facts.
    pub facts: Vec<TableFacts>,
    offers: Vec<Arc<Offers>>,
    start: usize,
}

/// Reads an inventory at its `as_of`; `window_days` is how far back gaps are looked for.
///
/// Errors: a frame of the inventory is damaged.
pub fn derive(inventory: &Inventory, window_days: i64) -> Result<Facts, Problem> {
    let index = Index::read(inventory, window_days)?;
    let row_of = |arn: &str| index.rows.get(arn).map(|row| row as usize);
    let mut restores = Restores::read(inventory, row_of)?;
    restores.learn_gaps(&index);
    let mut copies = Copies::new(&index);
    let gathered = by_column::gather(inventory, &index, &mut copies, &mut restores)?;
    let points = TablePoints::new(inventory, gathered, &index)?;
    let mut finder = Finder::new(&index);
    let mut jobs = Jobs::new(&index);
    inventory.for_each_row::<BackupJob>(&JOB_COLUMNS_UNUSED, |job| {
        if let Some(row) = job.resource_arn.and_then(|arn| finder.table(arn)) {
            jobs.add(row, &job, &index);
        }
    })?;
    inventory.for_each_row::<CopyJob>(&[], |job| {
        if let Some(row) = job.resource_arn.and_then(|arn| finder.table(arn)) {
            copies.add_job(row, &job, &index);
        }
    })?;
    drop(finder);
    let memberships = Memberships::read(inventory, &index, &points, &jobs)?;
    jobs.learn_retention(&memberships, &index);
    Ok(Facts {
        early_deletions: EarlyDeletions::read(inventory, &index, &points, &jobs, &memberships)?,
        points,
        copies,
        jobs,
        restores,
        restore_testing: RestoreTesting::read(inventory, &index)?,
        memberships,
        index,
    })
}

impl Facts {
    /// How many tables were listed and have not vanished since.
    pub(crate) fn len(&self) -> usize {
        self.index.tables.len()
    }

    /// The instant from which every age is measured.
    pub(crate) fn as_of(&self) -> DateTime<Utc> {
        self.index.as_of
    }

    /// The partition of a target: `aws`, `aws-cn`, ….
    pub(crate) fn partition_of(&self, target: &TargetId) -> &str {
        self.index.partition(target).unwrap_or("aws")
    }

    /// Did the scan ask for that frame?
    pub(crate) fn is_asked(&self, frame: &str) -> bool {
        self.index.asked.contains(frame)
    }

    /// Every drill that the scan was given, and whether it counts.
    pub(crate) fn drills(&self) -> Vec<SeenDrill> {
        self.restores.drills(&self.index)
    }

    /// How the reading went, target by target.
    pub(crate) fn reading(&self) -> &Reading {
        &self.index.reading
    }

    /// Some tables, in order of ARN.
    pub(crate) fn tables(&self, rows: Range<usize>) -> Tables {
        let start = rows.start;
        let (facts, offers) = rows.map(|row| self.table(row)).unzip();
        Tables { facts, offers, start }
    }

    /// The place of a table.
    pub(crate) fn find(&self, table_arn: &str) -> Option<usize> {
        self.index.rows.get(table_arn).map(|row| row as usize)
    }

    fn table(&self, row: usize) -> (TableFacts, Arc<Offers>) {
        let (index, mut facts) = (&self.index, TableFacts::default());
        let tags = index.tags_of(row);
        identity::fill(&mut facts, row, index, &self.restores, tags.as_ref());
        let (tally, points_whole) = (self.points.tally(row, index), self.points.is_whole(row));
        tally.fill(&mut facts, row, points_whole, index);
        self.copies.fill(&mut facts, row, &self.points, index);
        self.jobs.fill(&mut facts, row);
        let duration = self.jobs.is_whole(row).then(|| self.jobs.usual_duration(row));
        let offers = self.memberships.fill(&mut facts, row, index, duration, tags.as_ref());
        young::fill(&mut facts, &offers, self.memberships.target_of(row, index));
        window::fill(&mut facts, row, index, &self.points, &tally, &self.jobs);
        runs::fill(&mut facts, row, index, &offers, &self.points, &self.jobs);
        self.restores.fill(&mut facts, row, index, points_whole);
        self.restore_testing
            .fill(&mut facts, row, index, tally.vaults(), points_whole);
        (facts, offers)
    }

    /// Which selections take a table and which do not, one by one, with the reason of each.
    pub(crate) fn explain_selections(&self, row: usize) -> Vec<SelectionAnswer> {
        self.memberships.explain(row, &self.index)
    }

    /// The value of a table's tag, empty if it has no such tag; none if its tags could not be read.
    pub(crate) fn tag(&self, row: usize, key: &str) -> Option<&str> {
        self.index.tag(row, key)
    }

    /// The facts of the table at that place against values of the policy.
    pub(crate) fn compare(&self, tables: &Tables, place: usize, values: &PolicyValues) -> Comparisons {
        let (facts, offers) = (&tables.facts[place], &tables.offers[place]);
        let row = tables.start + place;
        Comparisons {
            plan: Evidence {
                row,
                facts,
                offers,
                memberships: &self.memberships,
                points: &self.points,
                copies: &self.copies,
                jobs: &self.jobs,
                index: &self.index,
            }
            .compare(values),
            good_point: good_points::compare((row, facts), &self.points, &self.copies, values, &self.index),
            deleted_early: self.early_deletions.compare(row, &self.jobs, values, &self.index),
            ..WantedCopies {
                row,
                facts,
                offers,
                copies: &self.copies,
                points: &self.points,
                values,
                index: &self.index,
            }
            .compare()
        }
    }

    /// The days that can be told of: those of the window, up to the one of `as_of`.
    pub(crate) fn window(&self) -> Window {
        days::window(&self.index)
    }

    /// Were all recovery points and all jobs of a target read? Then no recovery point was made within the memory of jobs
    /// but those that show.
    pub(crate) fn is_target_whole(&self, target: &TargetId) -> bool {
        let place = self.index.place_of(&target.account_id, &target.region);
        place.is_some_and(|place| self.points.is_target_whole(place) && self.jobs.is_target_whole(place))
    }

    /// Were all subjects of that kind listed, in every target?
    pub(crate) fn is_listed_whole(&self, subject: Subject) -> bool {
        let listed = |action: &str| {
            let targets = &self.index.targets;
            targets
                .iter()
                .all(|target| self.index.reading.is_whole(target, action, ""))
        };
        match subject {
            Subject::Table => listed("dynamodb:ListTables"),
            Subject::Vault => listed("backup:ListBackupVaults"),
            Subject::Plan => listed("backup:ListBackupPlans"),
            Subject::RecoveryPoint => (0..self.index.targets.len())
                .all(|place| u32::try_from(place).is_ok_and(|place| self.index.has_whole_points(place))),
            Subject::Target | Subject::Waiver | Subject::Exemption => true,
        }
    }

    /// What is known of recovery points as far as demands ask, one by one.
    pub(crate) fn qualities(&self) -> Qualities<'_> {
        Qualities::new(&self.index)
    }

    /// How long a rule of a live plan keeps what it makes, and since when the plan says so.
    pub(crate) fn retention(
        &self,
        target: &TargetId,
        plan_id: &str,
        rule_id: &str,
    ) -> Option<(TimeDelta, DateTime<Utc>)> {
        let place = self.index.place_of(&target.account_id, &target.region)?;
        self.memberships.retention(place, plan_id, rule_id)
    }

    /// When runs of the table at that place were due that never started, in seconds since 1970 and in order; none where
    /// that cannot be told.
    pub(crate) fn missed_runs(&self, tables: &Tables, place: usize) -> Vec<u32> {
        let offers = &tables.offers[place];
        runs::missed_runs(tables.start + place, &self.index, offers, &self.points, &self.jobs)
    }

    /// The state of the table at that place on each of these days.
    pub(crate) fn days(&self, row: usize, asked: RpoDemand, window: Window) -> Vec<DayState> {
        days::of(row, asked, window, &self.index, &self.points, &self.jobs)
    }

    /// Every backup vault, in order of target and name.
    pub(crate) fn vaults(&self) -> Vec<VaultFacts> {
        subjects::vaults::facts(&self.index, &self.points, &self.memberships)
    }

    /// Every live backup plan, in order of target and id.
    pub(crate) fn plans(&self) -> Vec<PlanFacts> {
        subjects::plans::facts(&self.index, &self.memberships, &self.points, &self.jobs)
    }

    /// Every target, in order.
    pub(crate) fn targets(&self) -> Vec<TargetFacts> {
        subjects::targets::facts(&self.index, &self.points, &self.memberships)
    }

    /// Every recovery point, some at a time, in the order of the inventory.
    ///
    /// Errors: the frame is damaged.
    pub(crate) fn recovery_points(
        &self,
        inventory: &Inventory,
        with: &mut dyn FnMut(Vec<RecoveryPointFacts>),
    ) -> Result<(), Problem> {
        subjects::recovery_points::each(inventory, &self.index, with)
    }

    /// The recovery points that `judge` names by place in the batches it is given, with every fact on them. It is asked
    /// about columns of the facts in `reads`.
    ///
    /// Errors: the frame is damaged, or those of `judge`.
    pub(crate) fn noteworthy_points(
        &self,
        inventory: &Inventory,
        reads: &[&str],
        judge: &mut JudgePoints<'_>,
        with: &mut dyn FnMut(Vec<RecoveryPointFacts>),
    ) -> Result<(), Problem> {
        subjects::recovery_points::noteworthy(inventory, &self.index, reads, judge, with)
    }
}
