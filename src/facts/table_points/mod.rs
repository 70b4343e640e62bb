//! The recovery points of every table: which they are, which is the newest, and what lies in each vault.
//!
//! In: the frame of recovery points, which [`by_column`] reads. Out: [`TablePoints`], which counts a table's points on
//! demand into a [`Tally`].

pub(crate) mod by_column;
pub(crate) mod tally;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::criteria::values::LockWanted;
use crate::domain::TargetId;
use crate::facts::demands::Quality;
use crate::facts::index::Index;
use crate::facts::index::vaults::Lock;
use crate::facts::plans::target::PlanMade;
use crate::facts::recovery_point::{PointKind, all_but};
use crate::facts::time::{instant, seconds_of_millis};
use crate::inventory::Inventory;
use crate::inventory::schema::{RecoveryPoint, Row as _};
use crate::problem::Problem;
pub(crate) use by_column::UNDATED;
use by_column::{Gathered, TablePoint};
use tally::{Alike, Newest, Tally};

/// The recovery points of all tables, and what lies in all vaults.
pub(crate) struct TablePoints {
    gathered: Gathered,
    held: Vec<Held>,
    /// Tables with points that may count or not: they have no date, or a word that is not known.
    open: BTreeSet<usize>,
    /// The newest usable point of each table.
    newest: Vec<Option<Named>>,
    /// The newest usable point of each table that a plan made.
    plan_made: Vec<Option<Named>>,
    /// Of tables with several: the usable points that are the newest of their kind, and better in some way than every newer
    /// one; in order of the row of their table. The newest good one is among them and `newest`, whatever the policy.
    others: Vec<(u32, Named)>,
    is_whole: Vec<bool>,
    /// By target: the rank of the strongest lock that a vault may have whose points were not all read; none without one.
    unread: Vec<Option<i64>>,
    /// Plans whose points were seen, each with the place of its target.
    plans_seen: HashSet<(u32, String)>,
    target_of: Vec<u32>,
}

/// A point with its ARN.
#[derive(Debug, Clone)]
struct Named {
    point: TablePoint,
    arn: Arc<str>,
}

/// What lies in a vault.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) seen: i64,
    pub(crate) usable: i64,
    pub(crate) overdue: i64,
}

impl TablePoints {
    /// Errors: the frame of recovery points is damaged.
    pub(crate) fn new(inventory: &Inventory, gathered: Gathered, index: &Index) -> Result<Self, Problem> {
        let rows = index.tables.len();
        let mut held = vec![Held::default(); index.vaults.len()];
        for kind in &gathered.kinds {
            if let Some(vault) = kind.vault {
                let held = &mut held[vault as usize];
                held.seen += kind.seen;
                held.usable += if kind.is_usable() { kind.seen } else { 0 };
                held.overdue += if kind.state.is_overdue { kind.seen } else { 0 };
            }
        }
        let plan_seen = |kind: &PointKind| {
            let vault = &index.vaults[kind.vault? as usize].row;
            Some((index.place_of(&vault.account_id, &vault.region)?, kind.plan_id.clone()?))
        };
        let mut points = Self {
            plans_seen: gathered.kinds.iter().filter_map(plan_seen).collect(),
            gathered,
            held,
            open: BTreeSet::new(),
            newest: vec![None; rows],
            plan_made: vec![None; rows],
            others: Vec::new(),
            is_whole: (0..index.targets.len())
                .map(|place| index.has_whole_points(u32::try_from(place).unwrap_or(u32::MAX)))
                .collect(),
            target_of: (0..rows).map(|row| index.target_place(row)).collect(),
            unread: Vec::new(),
        };
        points.unread = (0..index.targets.len())
            .map(|place| points.strongest_unread(u32::try_from(place).unwrap_or(u32::MAX), index))
            .collect();
        let is_open = |row: &usize| {
            let Some(born) = index.tables[*row].created_at.map(|born| born.timestamp_millis()) else {
                return false;
            };
            let mut of_table = points.of(*row).iter();
            of_table.any(|point| point.at == UNDATED || (point.at >= born && points.kind(point).is_open()))
        };
        points.open = (0..rows).filter(is_open).collect();
        points.name(inventory, index)?;
        Ok(points)
    }

    /// The points of a table in its own target.
    fn of(&self, row: usize) -> &[TablePoint] {
        let starts = &self.gathered.starts;
        &self.gathered.points[starts[row] as usize..starts[row + 1] as usize]
    }

    fn kind(&self, point: &TablePoint) -> &PointKind {
        &self.gathered.kinds[point.kind as usize]
    }

    /// The points of a table that count.
    fn usable(&self, row: usize, index: &Index) -> impl Iterator<Item = &TablePoint> {
        let born = index.tables[row].created_at.map(|born| born.timestamp_millis());
        let counts = move |point: &&TablePoint| {
            born.is_some_and(|born| point.at != UNDATED && point.at >= born) && self.kind(point).is_usable()
        };
        self.of(row).iter().filter(counts)
    }

    /// Reads the ARNs of the newest points: where several are of one moment, the last ARN decides.
    fn name(&mut self, inventory: &Inventory, index: &Index) -> Result<(), Problem> {
        let mut wanted: Vec<Wanted> = Vec::with_capacity(self.newest.len());
        for row in 0..self.newest.len() {
            self.candidates(row, index, &mut wanted);
        }
        wanted.sort_unstable_by_key(|wanted| wanted.point.number);
        let mut wanted = wanted.into_iter().peekable();
        let mut start = 0;
        inventory.each_batch(RecoveryPoint::FRAME, &all_but(&["recovery_point_arn"]), |frame| {
            let arns = frame.column("recovery_point_arn")?.str()?;
            for (number, arn) in (start..).zip(arns.iter()) {
                while let Some(wanted) = wanted.next_if(|wanted| wanted.point.number == number) {
                    self.keep(&wanted, arn.unwrap_or_default());
                }
            }
            start += u32::try_from(frame.height()).unwrap_or(u32::MAX);
            Ok(())
        })?;
        self.others.sort_by_key(|(row, _)| *row);
        self.others.shrink_to_fit();
        Ok(())
    }

    fn keep(&mut self, wanted: &Wanted, arn: &str) {
        let named = Named {
            point: wanted.point,
            arn: arn.into(),
        };
        let slots = [
            (wanted.is_newest, &mut self.newest),
            (wanted.is_plan_made, &mut self.plan_made),
        ];
        for (_, slots) in slots.into_iter().filter(|(is_wanted, _)| *is_wanted) {
            let slot = &mut slots[wanted.row as usize];
            if slot.as_ref().is_none_or(|known| known.arn < named.arn) {
                *slot = Some(named.clone());
            }
        }
        if wanted.is_of_note {
            self.others.push((wanted.row, named));
        }
    }

    /// The points of a table whose ARNs are wanted: usually one.
    fn candidates(&self, row: usize, index: &Index, wanted: &mut Vec<Wanted>) {
        let plan_of = |point: &TablePoint| self.kind(point).plan_id.as_deref();
        let of_kinds = newest_of_kinds(self.usable(row, index));
        let Some(newest) = of_kinds.iter().map(|point| point.at).max() else {
            return;
        };
        let made = |point: &TablePoint| plan_of(point).map(|plan| (point.at, plan));
        let plan_made = of_kinds.iter().filter_map(made).max();
        let of_note = self.of_note(of_kinds.clone(), index);
        for point in self.usable(row, index) {
            let is_alike = |other: &TablePoint| (other.kind, other.at) == (point.kind, point.at);
            let is_newest = point.at == newest;
            let is_plan_made = plan_made.is_some() && made(point) == plan_made;
            // A single one is the newest.
            let is_of_note = of_note.len() > 1 && of_note.iter().any(is_alike);
            if is_newest || is_plan_made || is_of_note {
                wanted.push(Wanted {
                    point: *point,
                    row: u32::try_from(row).unwrap_or(u32::MAX),
                    is_newest,
                    is_plan_made,
                    is_of_note,
                });
            }
        }
    }

    /// Those of these points that no newer one covers.
    fn of_note(&self, mut points: Vec<TablePoint>, index: &Index) -> Vec<TablePoint> {
        if points.len() < 2 {
            return points;
        }
        points.sort_by_key(|point| std::cmp::Reverse(point.at));
        let mut kept: Vec<(TablePoint, Quality)> = Vec::new();
        for point in points {
            let quality = Quality::of(self.kind(&point), index);
            // Of two of one moment the ARN decides, which is not known here.
            let covers = |(newer, other): &(TablePoint, Quality)| newer.at > point.at && quality.is_covered_by(other);
            if !kept.iter().any(covers) {
                kept.push((point, quality));
            }
        }
        kept.into_iter().map(|(point, _)| point).collect()
    }

    /// The usable points of a table among which the newest good one is, whatever the policy: kind, date in milliseconds
    /// since 1970, and ARN.
    pub(crate) fn candidates_of(&self, row: usize) -> impl Iterator<Item = (&PointKind, i64, &Arc<str>)> {
        let start = self.others.partition_point(|(other, _)| (*other as usize) < row);
        let others = self.others[start..].iter();
        let others = others
            .take_while(move |(other, _)| *other as usize == row)
            .map(|(_, named)| named);
        let all = self.newest[row].iter().chain(others);
        all.map(|named| (self.kind(&named.point), named.point.at, &named.arn))
    }

    /// The newest of each kind of the table's points, as far as they may count: with its date in milliseconds since 1970,
    /// [`UNDATED`] if one has none.
    pub(crate) fn perhaps_usable(&self, row: usize, index: &Index) -> Vec<(&PointKind, i64)> {
        let born = index.tables[row].created_at.map(|born| born.timestamp_millis());
        let is_dated = |point: &&TablePoint| point.at != UNDATED;
        let mut points = newest_of_kinds(self.of(row).iter().filter(is_dated));
        points.retain(|point| born.is_some_and(|born| point.at >= born));
        points.extend(newest_of_kinds(self.of(row).iter().filter(|point| point.at == UNDATED)));
        let points = points.iter().map(|point| (self.kind(point), point.at));
        points.filter(|(kind, _)| kind.usability() != Some(false)).collect()
    }

    /// The table's points that jobs made and that are not being deleted, whatever else their state: kind, and date in seconds
    /// since 1970. Copies have the dates of their sources, and are not among them.
    pub(crate) fn made(&self, row: usize) -> impl Iterator<Item = (&PointKind, u32)> {
        let dated = self.of(row).iter().filter(|point| point.at != UNDATED);
        let with_kind = dated.map(|point| (self.kind(point), seconds_of_millis(point.at)));
        with_kind.filter(|(kind, _)| !kind.is_copy && kind.status.as_deref() != Some("DELETING"))
    }

    /// Does every point that lies in the target say what it is of?
    pub(crate) fn is_traceable(&self, target: u32) -> bool {
        self.gathered.untraceable.get(target as usize) == Some(&false)
    }

    fn strongest_unread(&self, target: u32, index: &Index) -> Option<i64> {
        if !self.is_traceable(target) || !index.is_whole(target, "backup:ListBackupVaults", "") {
            return Some(i64::MAX);
        }
        let TargetId { account_id, region } = &index.targets[target as usize];
        let vaults = index.vaults_of(account_id, region).iter();
        let unread = vaults.filter(|vault| !vault.is_view && !vault.points_whole);
        unread
            .map(|vault| vault.known_lock().map_or(i64::MAX, Lock::rank))
            .max()
    }

    /// May a point that was not read lie in a target, in a vault locked as wanted? Nothing else is known of it.
    pub(crate) fn may_hold_more(&self, target: u32, lock: LockWanted) -> bool {
        let unread = self.unread.get(target as usize);
        unread.is_none_or(|unread| unread.is_some_and(|rank| rank >= lock.rank()))
    }

    /// The same of every target but one.
    pub(crate) fn others_that_may_hold_more(&self, target: u32, lock: LockWanted) -> impl Iterator<Item = u32> {
        let others = (0..self.unread.len()).filter_map(|place| u32::try_from(place).ok());
        others.filter(move |place| *place != target && self.may_hold_more(*place, lock))
    }

    /// A kind by its number.
    pub(crate) fn kind_of(&self, number: u32) -> &PointKind {
        &self.gathered.kinds[number as usize]
    }

    /// What lies in a vault.
    pub(crate) fn held_by(&self, vault: usize) -> Held {
        self.held[vault]
    }

    /// Is every recovery point of the table known?
    pub(crate) fn is_whole(&self, row: usize) -> bool {
        self.is_target_whole(self.target_of[row]) && !self.open.contains(&row)
    }

    /// Were all recovery points of a target read, and do all of them say what they are of?
    pub(crate) fn is_target_whole(&self, target: u32) -> bool {
        self.is_whole.get(target as usize) == Some(&true) && self.is_traceable(target)
    }

    /// Counts the points of a table.
    pub(crate) fn tally<'p>(&'p self, row: usize, index: &'p Index) -> Tally<'p> {
        let mut tally = Tally::default();
        let table = &index.tables[row];
        let Some(born) = table.created_at.map(|born| born.timestamp_millis()) else {
            return tally;
        };
        let points = self.of(row);
        let window = index.window_start().timestamp_millis();
        let mut alike: Vec<Alike> = Vec::with_capacity(4);
        tally.times.reserve(points.len());
        let completed = &self.gathered.completed[self.gathered.starts[row] as usize..];
        for (point, completed) in points.iter().zip(completed) {
            let kind = self.kind(point);
            tally.overdue += i64::from(kind.state.is_overdue);
            if point.at == UNDATED {
                continue;
            }
            if point.at < born {
                tally.previous_incarnation += 1;
            } else if kind.state.is_temporary {
                tally.temporary += 1;
            } else if !kind.is_usable() {
                tally.add_unusable(kind.status.as_deref().unwrap_or("without a state"));
            } else {
                match alike.iter_mut().find(|alike| alike.kind == point.kind) {
                    Some(alike) => {
                        alike.number += 1;
                        alike.oldest = alike.oldest.min(point.at);
                        alike.newest = alike.newest.max(point.at);
                    }
                    None => alike.push(Alike {
                        kind: point.kind,
                        number: 1,
                        oldest: point.at,
                        newest: point.at,
                    }),
                }
                tally.add_time((point.at, *completed), window);
            }
        }
        for alike in &alike {
            let kind = &self.gathered.kinds[alike.kind as usize];
            tally.add_usable(alike, kind, index);
        }
        tally.newest = self.newest[row].as_ref().and_then(|named| {
            let kind = self.kind(&named.point);
            Some(Newest {
                at: instant(named.point.at)?,
                arn: &named.arn,
                vault: kind.vault,
                key_owner: kind.key.facts.owner,
                retention_kind: kind.retention.as_str(),
            })
        });
        tally
    }

    /// The newest usable point of the table that a plan made.
    pub(crate) fn plan_made(&self, row: usize) -> Option<PlanMade<'_>> {
        let named = self.plan_made[row].as_ref()?;
        Some(PlanMade {
            at: instant(named.point.at)?,
            plan_id: self.kind(&named.point).plan_id.as_deref()?,
            recovery_point_arn: Some(&named.arn),
        })
    }

    /// Was a recovery point seen in a target, in any state, that this plan made?
    pub(crate) fn has_of_plan(&self, target: u32, plan_id: &str) -> bool {
        self.plans_seen.contains(&(target, plan_id.to_owned()))
    }

    /// The table's points that were made between two instants, in whatever state, with the plan that made each.
    pub(crate) fn made_within(
        &self,
        row: usize,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> impl Iterator<Item = &PointKind> {
        let (from, to) = (from.timestamp_millis(), to.timestamp_millis());
        let points = self.of(row).iter();
        let within = points.filter(move |point| (from..=to).contains(&point.at));
        within.map(|point| self.kind(point))
    }

    /// When the newest point was made that an earlier table of that name left.
    pub(crate) fn newest_of_earlier(&self, row: usize, index: &Index) -> Option<DateTime<Utc>> {
        let born = index.tables[row].created_at?.timestamp_millis();
        let dated = self
            .of(row)
            .iter()
            .filter(|point| point.at != UNDATED && point.at < born);
        dated.map(|point| point.at).max().and_then(instant)
    }

    /// The plan that made the table's point of that second, if there is one and it says so.
    pub(crate) fn plan_at(&self, row: usize, at: u32) -> Option<&str> {
        let mut points = self.of(row).iter().filter(|point| point.at != UNDATED);
        let of_then = points.find(|point| seconds_of_millis(point.at) == at)?;
        self.kind(of_then).plan_id.as_deref()
    }
}

/// A point whose ARN is wanted.
struct Wanted {
    point: TablePoint,
    row: u32,
    is_newest: bool,
    is_plan_made: bool,
    is_of_note: bool,
}

/// The newest of each kind.
fn newest_of_kinds<'p>(points: impl Iterator<Item = &'p TablePoint>) -> Vec<TablePoint> {
    let mut newest: Vec<TablePoint> = Vec::with_capacity(4);
    for point in points {
        match newest.iter_mut().find(|known| known.kind == point.kind) {
            Some(known) if known.at < point.at => *known = *point,
            Some(_) => {}
            None => newest.push(*point),
        }
    }
    newest
}
