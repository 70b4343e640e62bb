//! Inventory in, facts out: one row per subject, one column per fact. Pure: no clock, no network.
//!
//! [`derive()`] reads each frame once, in batches, and keeps a small tally per table; the order of rows in the inventory
//! does not matter. What could not be read makes exactly those facts unknown that rest on it. The rows of facts are made
//! from the tallies on demand, some at a time: a million tables have more facts than fit in memory.

mod copies;
mod days;
mod evidence;
mod gather;
mod identity;
mod jobs;
mod keys;
mod live;
mod membership;
mod offers;
mod plans;
mod point;
mod points;
pub mod protection;
mod reading;
mod recovery_points;
mod restore;
mod restore_testing;
pub mod rpo_over_time;
mod runs;
pub mod schedule;
mod targets;
pub mod vault_policy;
mod vaults;
mod window;

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use polars::prelude::DataFrame;

use crate::criteria::values::PolicyValues;
use crate::domain::{DayState, Subject, TargetId, Window};
use crate::facts::rpo_over_time::Asked;
use crate::inventory::Inventory;
use crate::inventory::schema::{BackupJob, CopyJob};
use crate::problem::Problem;

use crate::dictionary::{PlanFacts, RecoveryPointFacts, TableFacts, TargetFacts, Text, VaultFacts};
pub use copies::Comparisons;
pub(crate) use evidence::{ArnHasher, Evidence};
pub(crate) use keys::rank_of_owner;
pub use membership::SelectionAnswer;
pub(crate) use point::Sight;
pub use reading::Reading;
pub(crate) use window::{JOB_REACH, seconds};

pub use crate::criteria::values::FOREVER_DAYS;

/// Of a batch of recovery points, given as columns of facts: the places of those of which something is to be told.
pub type JudgePoints<'j> = dyn FnMut(DataFrame) -> Result<Vec<usize>, Problem> + 'j;

/// Columns of backup jobs that no fact reads.
const JOB_COLUMNS_UNUSED: [&str; 3] = ["start_by", "vault_name", "recovery_point_arn"];

/// What was read of every table, ready to be turned into facts.
pub struct Facts {
    evidence: Evidence,
    points: points::Points,
    copies: copies::Copies,
    jobs: jobs::Jobs,
    restores: restore::Restores,
    restore_testing: restore_testing::RestoreTesting,
    memberships: membership::Memberships,
}

/// Some tables, in order of ARN: their facts, and what their plans promise, to compare with the policy.
pub struct Tables {
    /// The facts.
    pub facts: Vec<TableFacts>,
    offers: Vec<std::sync::Arc<offers::Offers>>,
    start: usize,
}

/// Reads an inventory at its `as_of`; `window_days` is how far back gaps are looked for.
///
/// Errors: a frame of the inventory is damaged.
pub fn derive(inventory: &Inventory, window_days: i64) -> Result<Facts, Problem> {
    let evidence = Evidence::read(inventory, window_days)?;
    let row_of = |arn: &str| evidence.index.get(arn).map(|row| row as usize);
    let mut restores = restore::Restores::read(inventory, row_of)?;
    let mut copies = copies::Copies::new(&evidence);
    let gathered = gather::gather(inventory, &evidence, &mut copies, &mut restores)?;
    let points = points::Points::new(inventory, gathered, &evidence)?;
    let mut finder = evidence::Finder::new(&evidence);
    let mut jobs = jobs::Jobs::new(&evidence);
    inventory.for_each_row::<BackupJob>(&JOB_COLUMNS_UNUSED, |job| {
        if let Some(row) = job.resource_arn.and_then(|arn| finder.table(arn)) {
            jobs.add(row, &job, &evidence);
        }
    })?;
    inventory.for_each_row::<CopyJob>(&[], |job| {
        if let Some(row) = job.resource_arn.and_then(|arn| finder.table(arn)) {
            copies.add_job(row, &job, &evidence);
        }
    })?;
    drop(finder);
    let memberships = membership::Memberships::read(inventory, &evidence)?;
    jobs.learn_retention(&memberships, &evidence);
    Ok(Facts {
        points,
        copies,
        jobs,
        restores,
        restore_testing: restore_testing::RestoreTesting::read(inventory, &evidence)?,
        memberships,
        evidence,
    })
}

impl Facts {
    /// How many tables were listed and have not vanished since.
    pub fn len(&self) -> usize {
        self.evidence.tables.len()
    }

    /// Was there none?
    pub fn is_empty(&self) -> bool {
        self.evidence.tables.is_empty()
    }

    /// The instant on which every age is reckoned.
    pub fn as_of(&self) -> DateTime<Utc> {
        self.evidence.as_of
    }

    /// The partition of a target: `aws`, `aws-cn`, ….
    pub(crate) fn partition_of(&self, target: &crate::domain::TargetId) -> &str {
        self.evidence.partitions.get(target).map_or("aws", String::as_str)
    }

    /// How the reading went, target by target.
    pub fn reading(&self) -> &Reading {
        &self.evidence.reading
    }

    /// Some tables, in order of ARN.
    pub fn tables(&self, rows: Range<usize>) -> Tables {
        let start = rows.start;
        let (facts, offers) = rows.map(|row| self.table(row)).unzip();
        Tables { facts, offers, start }
    }

    /// The place of a table.
    pub fn find(&self, table_arn: &str) -> Option<usize> {
        self.evidence.index.get(table_arn).map(|row| row as usize)
    }

    fn table(&self, row: usize) -> (TableFacts, std::sync::Arc<offers::Offers>) {
        let (evidence, mut facts) = (&self.evidence, TableFacts::default());
        let tags = evidence.tags_of(row);
        identity::fill(&mut facts, row, evidence, tags.as_ref());
        let (tally, points_whole) = (self.points.tally(row, evidence), self.points.is_whole(row));
        self.points.fill(&tally, &mut facts, row, evidence);
        self.copies.fill(&mut facts, row, evidence);
        self.jobs.fill(&mut facts, row);
        let made = tally.newest_plan_made();
        let duration = self.jobs.is_whole(row).then(|| self.jobs.usual_duration(row));
        let offers = self
            .memberships
            .fill(&mut facts, row, evidence, made, duration, tags.as_ref());
        window::fill(&mut facts, row, evidence, tally.times(), points_whole, &self.jobs);
        runs::fill(&mut facts, row, evidence, &offers, &self.jobs);
        self.restores.fill(&mut facts, row, evidence, points_whole);
        self.restore_testing
            .fill(&mut facts, row, evidence, tally.vaults(), points_whole);
        (facts, offers)
    }

    /// Which selections take a table and which do not, one by one, with the reason of each.
    pub fn explain_selections(&self, row: usize) -> Vec<SelectionAnswer> {
        self.memberships.explain(row, &self.evidence)
    }

    /// The value of a table's tag, empty if it has no such tag; none if its tags could not be read.
    pub fn tag(&self, row: usize, key: &str) -> Option<&str> {
        self.evidence.tag(row, key)
    }

    /// The facts of the table at that place against values of the policy.
    pub fn compare(&self, tables: &Tables, place: usize, values: &PolicyValues) -> Comparisons {
        let (facts, offers) = (&tables.facts[place], &tables.offers[place]);
        self.copies
            .compare(tables.start + place, facts, offers, values, &self.evidence)
    }

    /// The days that can be told of: those of the window, up to the one of `as_of`.
    pub fn window(&self) -> Window {
        days::window(&self.evidence)
    }

    /// Were all recovery points and all jobs of a target read? Then no recovery point was made within the memory of jobs
    /// but those that show.
    pub(crate) fn is_target_whole(&self, target: &TargetId) -> bool {
        let place = self.evidence.place_of(&target.account_id, &target.region);
        place.is_some_and(|place| self.points.is_target_whole(place) && self.jobs.is_target_whole(place))
    }

    /// Were all recovery points of a target read?
    pub(crate) fn has_whole_points(&self, target: &TargetId) -> bool {
        let place = self.evidence.place_of(&target.account_id, &target.region);
        place.is_some_and(|place| self.points.is_target_whole(place))
    }

    /// Were all subjects of that kind listed, in every target?
    pub(crate) fn is_listed_whole(&self, subject: Subject) -> bool {
        let listed = |action: &str| {
            let targets = &self.evidence.targets;
            targets
                .iter()
                .all(|target| self.evidence.reading.is_whole(target, action, ""))
        };
        match subject {
            Subject::Table => listed("dynamodb:ListTables"),
            Subject::Vault => listed("backup:ListBackupVaults"),
            Subject::Plan => listed("backup:ListBackupPlans"),
            Subject::RecoveryPoint => (0..self.evidence.targets.len())
                .all(|place| u32::try_from(place).is_ok_and(|place| self.evidence.has_whole_points(place))),
            Subject::Target | Subject::Waiver | Subject::Exemption => true,
        }
    }

    /// How long a rule of a live plan keeps what it makes, and since when the plan says so.
    pub(crate) fn retention(
        &self,
        target: &TargetId,
        plan_id: &str,
        rule_id: &str,
    ) -> Option<(TimeDelta, DateTime<Utc>)> {
        let place = self.evidence.place_of(&target.account_id, &target.region)?;
        self.memberships.retention(place, plan_id, rule_id)
    }

    /// When runs of the table at that place were due that never started, in seconds since 1970 and in order; none where
    /// that cannot be told.
    pub(crate) fn missed_runs(&self, tables: &Tables, place: usize) -> Vec<u32> {
        let offers = &tables.offers[place];
        runs::missed_runs(tables.start + place, &self.evidence, offers, &self.jobs)
    }

    /// The state of the table at that place on each of these days.
    pub fn days(&self, row: usize, asked: Asked, window: Window) -> Vec<DayState> {
        days::of(row, asked, window, &self.evidence, &self.points, &self.jobs)
    }

    /// Every backup vault, in order of target and name.
    pub fn vaults(&self) -> Vec<VaultFacts> {
        vaults::facts(&self.evidence, &self.points, &self.memberships)
    }

    /// Every live backup plan, in order of target and id.
    pub fn plans(&self) -> Vec<PlanFacts> {
        plans::facts(&self.evidence, &self.memberships, &self.jobs)
    }

    /// Every target, in order.
    pub fn targets(&self) -> Vec<TargetFacts> {
        targets::facts(&self.evidence, &self.points, &self.memberships)
    }

    /// Every recovery point, some at a time, in the order of the inventory.
    ///
    /// Errors: the frame is damaged.
    pub fn recovery_points(
        &self,
        inventory: &Inventory,
        with: &mut dyn FnMut(Vec<RecoveryPointFacts>),
    ) -> Result<(), Problem> {
        recovery_points::each(inventory, &self.evidence, with)
    }

    /// The recovery points that `judge` names by place in the batches it is given, with every fact on them. It is asked
    /// about columns of the facts in `reads`.
    ///
    /// Errors: the frame is damaged, or those of `judge`.
    pub fn noteworthy_points(
        &self,
        inventory: &Inventory,
        reads: &[&str],
        judge: &mut JudgePoints<'_>,
        with: &mut dyn FnMut(Vec<RecoveryPointFacts>),
    ) -> Result<(), Problem> {
        recovery_points::noteworthy(inventory, &self.evidence, reads, judge, with)
    }
}

/// Hours with fraction between two instants, from whole seconds; never negative: a point made after `as_of` is new.
pub(crate) fn age_hours(at: DateTime<Utc>, as_of: DateTime<Utc>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "ages are far below 2^52 seconds")]
    let seconds = (as_of - at).num_seconds().max(0) as f64;
    seconds / 3600.0
}

/// `a, b`, or `none`.
pub(crate) fn names<'n>(names: impl IntoIterator<Item = &'n str>) -> Text {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ").into()
    }
}
