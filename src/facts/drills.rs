//! Drills of tables: which of them count, as finished restores of this incarnation of their table.
//!
//! The frame says what the pack of a drill said and whether its signature was trusted. Whether it is a drill of the table that is
//! there now follows from the inventory: from the birth of the table, the date of the point, and what AWS says of both.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};

use super::index::Index;
use super::restore::{End, SLACK, Tested};
use super::time::age_hours;
use crate::dictionary::TableFacts;
use crate::domain::TargetId;
use crate::inventory::Inventory;
use crate::inventory::schema::Drill;
use crate::inventory::schema::borrowed::RecoveryPoint;
use crate::inventory::sources::READ_DRILL;
use crate::problem::Problem;

/// AWS rounds instants; two that are no further apart are the same.
const SAME: TimeDelta = TimeDelta::seconds(1);

/// The place of a point's table, and its date.
type SeenPoint = (usize, Option<DateTime<Utc>>);

/// The drills of an inventory.
#[derive(Default)]
pub(super) struct Drills {
    /// The inventory has the frame: drills were asked for.
    is_asked: bool,
    /// By the place of their table.
    of_tables: BTreeMap<usize, Vec<Drill>>,
    /// Of tables that are not there.
    of_others: Vec<Drill>,
    /// The points that they restored, as the inventory has them: whose they are, and their date.
    points: HashMap<String, Option<SeenPoint>>,
    /// The points of the restore jobs that AWS remembers.
    jobs: HashMap<String, Option<String>>,
    /// Account-Region pairs of which some drill could not be read.
    unread: BTreeSet<TargetId>,
}

/// A drill of the inventory, and whether it counts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SeenDrill {
    /// As the frame has it.
    pub(crate) drill: Drill,
    /// Why it does not count; none: it does.
    pub(crate) why_not: Option<String>,
}

impl Drills {
    pub(super) fn read(inventory: &Inventory, row_of: impl Fn(&str) -> Option<usize>) -> Result<Self, Problem> {
        let mut drills = Self {
            is_asked: inventory.has::<Drill>(),
            ..Self::default()
        };
        for drill in inventory.read::<Drill>()? {
            drills.points.insert(drill.point_arn.clone(), None);
            match row_of(&drill.table_arn) {
                Some(row) => drills.of_tables.entry(row).or_default().push(drill),
                None => drills.of_others.push(drill),
            }
        }
        for all in drills.of_tables.values_mut() {
            all.sort_by(|a, b| key(a).cmp(&key(b)));
        }
        drills.of_others.sort_by(|a, b| key(a).cmp(&key(b)));
        Ok(drills)
    }

    /// What the call log says of packs that could not be read.
    pub(super) fn learn_gaps(&mut self, index: &Index) {
        let failures = index.reading.failures.iter().filter(|entry| entry.action == READ_DRILL);
        self.unread = failures
            .map(|entry| TargetId::new(entry.account_id.clone(), entry.region.clone()))
            .collect();
    }

    /// A restore job that AWS remembers.
    pub(super) fn see_job(&mut self, job_id: &str, point_arn: Option<&str>) {
        if !self.points.is_empty() {
            self.jobs.insert(job_id.to_owned(), point_arn.map(str::to_owned));
        }
    }

    /// Does a drill tell of this point?
    pub(super) fn asks_for(&self, point_arn: &str) -> bool {
        !self.points.is_empty() && self.points.contains_key(point_arn)
    }

    /// A recovery point of a table, in its own target.
    pub(super) fn see_point(&mut self, row: usize, point: &RecoveryPoint<'_>) {
        if let Some(seen) = self.points.get_mut(point.recovery_point_arn) {
            *seen = Some((row, point.created_at));
        }
    }

    /// Was every drill of the table read?
    pub(super) fn is_whole(&self, row: usize, index: &Index) -> bool {
        let table = &index.tables[row];
        self.unread.is_empty()
            || !self
                .unread
                .contains(&TargetId::new(table.account_id.clone(), table.region.clone()))
    }

    /// Why a drill of a table that is there does not count; none: it does.
    fn why_not(&self, drill: &Drill, row: usize, index: &Index) -> Option<String> {
        if !drill.counts {
            return Some(drill.why_not.clone().unwrap_or_else(|| "it is not said why".to_owned()));
        }
        let Some(born) = index.tables[row].created_at else {
            return Some("the table could not be described: it may be another of the same name".to_owned());
        };
        if drill.table_created_at.is_some_and(|at| (at - born).abs() > SAME) {
            return Some("it is of an earlier table of the same name".to_owned());
        }
        let seen = self.points.get(&drill.point_arn).copied().flatten();
        if seen.is_some_and(|(of, _)| of != row) {
            return Some("its recovery point is of another table".to_owned());
        }
        match seen.and_then(|(_, at)| at).or(drill.point_created_at) {
            None => return Some("the date of its recovery point is not known".to_owned()),
            Some(at) if at < born => return Some("its recovery point is older than the table".to_owned()),
            Some(_) => {}
        }
        if drill.tested_at < born {
            return Some("it was made before the table".to_owned());
        }
        let remembered = drill
            .job_id
            .as_ref()
            .and_then(|id| self.jobs.get(id))
            .and_then(Option::as_ref);
        if remembered.is_some_and(|point| *point != drill.point_arn) {
            return Some("AWS says that its restore job restored another recovery point".to_owned());
        }
        None
    }

    /// Those of a table that count, in order.
    fn counted<'d>(&'d self, row: usize, index: &'d Index) -> impl Iterator<Item = &'d Drill> {
        let all = self.of_tables.get(&row).into_iter().flatten();
        all.filter(move |drill| self.why_not(drill, row, index).is_none())
    }

    /// Those of a table that count and tested something, with the ids of their jobs.
    pub(super) fn tested(&self, row: usize, index: &Index) -> Vec<(Option<String>, Tested)> {
        let tested = |drill: &Drill| Some((drill.job_id.clone(), tested(drill)?));
        self.counted(row, index).filter_map(tested).collect()
    }

    /// Did one of them restore this point at that instant? Then it tells how that ended, whatever AWS remembers.
    pub(super) fn tells_of(&self, row: usize, point_arn: &str, at: DateTime<Utc>, index: &Index) -> bool {
        let mut all = self.counted(row, index).filter(|drill| drill.point_arn == point_arn);
        all.any(|drill| span(drill).is_some_and(|span| span.contains(&at)))
    }

    pub(super) fn fill(&self, facts: &mut TableFacts, row: usize, index: &Index) {
        if !self.is_asked || index.tables[row].created_at.is_none() || !self.is_whole(row, index) {
            return;
        }
        let last = self
            .counted(row, index)
            .max_by_key(|drill| (drill.tested_at, worse(drill)));
        facts.last_drill_verdict = Some(last.map_or("none", |drill| drill.verdict.as_str()).into());
        facts.last_drill_at = last.map(|drill| drill.tested_at);
        facts.last_drill_age_days = last.map(|drill| age_hours(drill.tested_at, index.as_of) / 24.0);
    }

    /// Every drill of the inventory, by table, and whether it counts.
    pub(super) fn all(&self, index: &Index) -> Vec<SeenDrill> {
        let of_tables = self.of_tables.iter().flat_map(|(row, drills)| {
            drills.iter().map(|drill| SeenDrill {
                drill: drill.clone(),
                why_not: self.why_not(drill, *row, index),
            })
        });
        let of_others = self.of_others.iter().map(|drill| SeenDrill {
            drill: drill.clone(),
            why_not: Some("its table is not there any more, or could not be listed".to_owned()),
        });
        of_tables.chain(of_others).collect()
    }
}

/// In order of time.
fn key(drill: &Drill) -> (DateTime<Utc>, &str, i64, &str) {
    (drill.tested_at, &drill.run_id, drill.number, &drill.record_sha256)
}

/// Of two at the same instant the worse one is told.
fn worse(drill: &Drill) -> bool {
    matches!(drill.verdict.as_str(), "failed" | "different")
}

/// As a restore that ended; none: nothing was tested.
fn tested(drill: &Drill) -> Option<Tested> {
    let end = match drill.verdict.as_str() {
        "failed" | "different" => End::Failed,
        "not-comparable" | "sample-equal" | "equal-but-for-changes" | "identical" => End::Succeeded,
        _ => return None,
    };
    let restored = drill.ordered_at.zip(drill.active_at);
    #[expect(clippy::cast_precision_loss, reason = "a restore takes less than 2^52 seconds")]
    let minutes = restored.map(|(from, to)| (to - from).num_seconds().max(0) as f64 / 60.0);
    let detail = drill.detail.as_deref().unwrap_or_default();
    Some(Tested {
        began: Some(drill.ordered_at.unwrap_or(drill.tested_at)),
        ended: Some(match end {
            End::Succeeded => drill.active_at.unwrap_or(drill.tested_at),
            End::Failed => drill.tested_at,
        }),
        id: format!("{}/{}", drill.run_id, drill.number),
        end,
        minutes,
        validation: drill.verdict.as_str().into(),
        cause: match detail {
            "" => format!("drill {}: {}", drill.run_id, drill.verdict).into(),
            said => format!("drill {}: {}: {said}", drill.run_id, drill.verdict).into(),
        },
        by: "drill",
    })
}

/// When it restored, if it did.
fn span(drill: &Drill) -> Option<RangeInclusive<DateTime<Utc>>> {
    tested(drill)?;
    let from = drill.ordered_at?.checked_sub_signed(SLACK)?;
    let until = drill.active_at.unwrap_or(drill.tested_at).checked_add_signed(SLACK)?;
    Some(from..=until)
}

/// Ids of the restore jobs of some drills.
pub(super) fn jobs_of(drills: &[(Option<String>, Tested)]) -> HashSet<&str> {
    drills.iter().filter_map(|(job, _)| job.as_deref()).collect()
}
