//! Recovery points: how many are usable, how new, how long they are kept, under whose key, behind which lock.
//!
//! Usable: COMPLETED or AVAILABLE, not temporary, and not older than the table itself, for AWS Backup keeps the points
//! of a deleted table under the ARN that a new table of the same name has too.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::gather::{Gathered, Kind, Point, RankedKey, UNDATED};
use super::keys::owner_of_rank;
use super::point::instant;
use super::recovery_points::all_but;
use super::vaults::{Lock, VaultState};
use super::window::seconds_of_millis;
use super::{Evidence, age_hours, names};
use crate::dictionary::{TableFacts, Text};
use crate::domain::short_number;
use crate::inventory::Inventory;
use crate::inventory::schema::{RecoveryPoint, Row as _};
use crate::problem::{Problem, count};

/// A point that a plan made: evidence that the plan takes the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlanMade<'p> {
    pub(super) at: DateTime<Utc>,
    pub(super) plan_id: &'p str,
    pub(super) recovery_point_arn: &'p str,
}

/// The recovery points of all tables, and what lies in all vaults.
pub(super) struct Points {
    gathered: Gathered,
    held: Vec<Held>,
    /// Tables with points that have no date.
    undated: BTreeSet<usize>,
    /// The newest usable point of each table.
    newest: Vec<Option<Named>>,
    /// The newest usable point of each table that a plan made.
    plan_made: Vec<Option<Named>>,
    is_whole: Vec<bool>,
    target_of: Vec<u32>,
}

/// A point with its ARN.
#[derive(Debug, Clone)]
struct Named {
    point: Point,
    arn: Arc<str>,
}

/// What lies in a vault.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Held {
    pub(super) seen: i64,
    pub(super) usable: i64,
    pub(super) overdue: i64,
}

/// A vault that holds usable points of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct InVault {
    /// By place.
    pub(super) vault: u32,
    /// The newest of them, in seconds since the epoch.
    pub(super) newest: u32,
}

/// The points of one table, counted.
#[derive(Default)]
pub(super) struct Tally<'p> {
    usable: i64,
    newest: Option<Newest<'p>>,
    oldest: Option<i64>,
    /// Vaults that hold usable points.
    vaults: Vec<InVault>,
    shortest_retention: Option<i64>,
    longest_retention: Option<i64>,
    has_unknown_retention: bool,
    has_unencrypted: bool,
    has_unknown_encryption: bool,
    weakest_rank: Option<i64>,
    has_unknown_owner: bool,
    unusable_keys: Vec<(Text, Text)>,
    has_unknown_key_state: bool,
    previous_incarnation: i64,
    expired: i64,
    overdue: i64,
    temporary: i64,
    cold: i64,
    air_gapped: i64,
    air_gapped_newest: Option<i64>,
    /// Points in other states than those counted above.
    other_states: Vec<(&'p str, i64)>,
    plan_made: Option<PlanMade<'p>>,
    /// Seconds since the epoch of usable points inside the window, in no order.
    times: Vec<u32>,
    /// The newest usable point from before the window.
    before: Option<u32>,
}

struct Newest<'p> {
    at: DateTime<Utc>,
    arn: &'p str,
    vault: Option<u32>,
    key_owner: Option<&'static str>,
    retention_kind: &'static str,
}

/// Usable points of one kind and one table.
struct Alike {
    kind: u32,
    number: i64,
    /// In milliseconds since 1970.
    oldest: i64,
    newest: i64,
}

impl Points {
    /// Errors: the frame of recovery points is damaged.
    pub(super) fn new(inventory: &Inventory, gathered: Gathered, evidence: &Evidence) -> Result<Self, Problem> {
        let rows = evidence.tables.len();
        let mut held = vec![Held::default(); evidence.vaults.len()];
        for kind in &gathered.kinds {
            if let Some(vault) = kind.vault {
                let held = &mut held[vault as usize];
                held.seen += kind.seen;
                held.usable += if kind.is_usable() { kind.seen } else { 0 };
                held.overdue += if kind.state.is_overdue { kind.seen } else { 0 };
            }
        }
        let mut points = Self {
            gathered,
            held,
            undated: BTreeSet::new(),
            newest: vec![None; rows],
            plan_made: vec![None; rows],
            is_whole: (0..evidence.targets.len())
                .map(|place| evidence.has_whole_points(u32::try_from(place).unwrap_or(u32::MAX)))
                .collect(),
            target_of: (0..rows).map(|row| evidence.target_place(row)).collect(),
        };
        let is_undated = |row: &usize| points.of(*row).iter().any(|point| point.at == UNDATED);
        points.undated = (0..rows)
            .filter(|row| evidence.tables[*row].created_at.is_some())
            .filter(is_undated)
            .collect();
        points.name(inventory, evidence)?;
        Ok(points)
    }

    /// The points of a table in its own target.
    fn of(&self, row: usize) -> &[Point] {
        let starts = &self.gathered.starts;
        &self.gathered.points[starts[row] as usize..starts[row + 1] as usize]
    }

    fn kind(&self, point: &Point) -> &Kind {
        &self.gathered.kinds[point.kind as usize]
    }

    /// The points of a table that count.
    fn usable(&self, row: usize, evidence: &Evidence) -> impl Iterator<Item = &Point> {
        let born = evidence.tables[row].created_at.map(|born| born.timestamp_millis());
        let counts = move |point: &&Point| {
            born.is_some_and(|born| point.at != UNDATED && point.at >= born) && self.kind(point).is_usable()
        };
        self.of(row).iter().filter(counts)
    }

    /// Reads the ARNs of the newest points: where several are of one moment, the last ARN decides.
    fn name(&mut self, inventory: &Inventory, evidence: &Evidence) -> Result<(), Problem> {
        let mut wanted: Vec<Wanted> = Vec::with_capacity(self.newest.len());
        for row in 0..self.newest.len() {
            self.candidates(row, evidence, &mut wanted);
        }
        wanted.sort_unstable_by_key(|wanted| wanted.point.number);
        let mut wanted = wanted.into_iter().peekable();
        let mut start = 0;
        inventory.each_batch(RecoveryPoint::FRAME, &all_but(&["recovery_point_arn"]), |frame| {
            let arns = frame.column("recovery_point_arn")?.str()?;
            for (number, arn) in (start..).zip(arns.iter()) {
                while let Some(wanted) = wanted.next_if(|wanted| wanted.point.number == number) {
                    let arn = arn.unwrap_or_default();
                    let slots = [
                        (wanted.is_newest, &mut self.newest),
                        (wanted.is_plan_made, &mut self.plan_made),
                    ];
                    let mut shared: Option<Arc<str>> = None;
                    for (_, slots) in slots.into_iter().filter(|(is_wanted, _)| *is_wanted) {
                        let slot = &mut slots[wanted.row as usize];
                        if slot.as_ref().is_none_or(|named| *named.arn < *arn) {
                            let arn = Arc::clone(shared.get_or_insert_with(|| arn.into()));
                            *slot = Some(Named {
                                point: wanted.point,
                                arn,
                            });
                        }
                    }
                }
            }
            start += u32::try_from(frame.height()).unwrap_or(u32::MAX);
            Ok(())
        })
    }

    /// The points of a table whose ARNs are wanted: usually one.
    fn candidates(&self, row: usize, evidence: &Evidence, wanted: &mut Vec<Wanted>) {
        let plan_of = |point: &Point| self.kind(point).plan_id.as_deref();
        let newest = self.usable(row, evidence).map(|point| point.at).max();
        let made = |point: &Point| plan_of(point).map(|plan| (point.at, plan));
        let plan_made = self.usable(row, evidence).filter_map(made).max();
        for point in self.usable(row, evidence) {
            let is_newest = Some(point.at) == newest;
            let is_plan_made = plan_made.is_some() && made(point) == plan_made;
            if is_newest || is_plan_made {
                wanted.push(Wanted {
                    point: *point,
                    row: u32::try_from(row).unwrap_or(u32::MAX),
                    is_newest,
                    is_plan_made,
                });
            }
        }
    }

    /// What lies in a vault.
    pub(super) fn held_by(&self, vault: usize) -> Held {
        self.held[vault]
    }

    /// Is every recovery point of the table known?
    pub(super) fn is_whole(&self, row: usize) -> bool {
        self.is_target_whole(self.target_of[row]) && !self.undated.contains(&row)
    }

    /// Were all recovery points of a target read, and do all of them say what they are of?
    pub(super) fn is_target_whole(&self, target: u32) -> bool {
        let target = target as usize;
        self.is_whole.get(target) == Some(&true) && self.gathered.untraceable.get(target) == Some(&false)
    }

    /// Counts the points of a table.
    pub(super) fn tally<'p>(&'p self, row: usize, evidence: &'p Evidence) -> Tally<'p> {
        let mut tally = Tally::default();
        let table = &evidence.tables[row];
        let Some(born) = table.created_at.map(|born| born.timestamp_millis()) else {
            return tally;
        };
        let points = self.of(row);
        let window = super::window::start(evidence).timestamp_millis();
        let mut alike: Vec<Alike> = Vec::with_capacity(4);
        tally.times.reserve(points.len());
        for point in points {
            let kind = self.kind(point);
            tally.overdue += i64::from(kind.state.is_overdue);
            if point.at == UNDATED {
                continue;
            }
            if point.at < born {
                tally.previous_incarnation += 1;
            } else if kind.state.is_temporary {
                tally.temporary += 1;
            } else if !kind.state.is_finished {
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
                tally.add_time(point.at, window);
            }
        }
        let mut of_table: Option<RankedKey> = None;
        for alike in &alike {
            let kind = &self.gathered.kinds[alike.kind as usize];
            let key = match &kind.key {
                Some(key) => key,
                None => of_table.get_or_insert_with(|| evidence.keys.of_table(table).into()),
            };
            tally.add_usable(alike, kind, key, evidence);
        }
        let key_owner = |kind: &Kind| match &kind.key {
            Some(key) => key.facts.owner,
            None => evidence.keys.of_table(table).owner,
        };
        tally.newest = self.newest[row].as_ref().and_then(|named| {
            let kind = self.kind(&named.point);
            Some(Newest {
                at: instant(named.point.at)?,
                arn: &named.arn,
                vault: kind.vault,
                key_owner: key_owner(kind),
                retention_kind: kind.retention.as_str(),
            })
        });
        tally.plan_made = self.plan_made[row].as_ref().and_then(|named| {
            Some(PlanMade {
                at: instant(named.point.at)?,
                plan_id: self.kind(&named.point).plan_id.as_deref()?,
                recovery_point_arn: &named.arn,
            })
        });
        tally
    }

    pub(super) fn fill(&self, tally: &Tally<'_>, facts: &mut TableFacts, row: usize, evidence: &Evidence) {
        let keys: Vec<String> = tally
            .unusable_keys
            .iter()
            .map(|(key, state)| format!("{key} ({state})"))
            .collect();
        facts.unusable_keys = Some(names(keys.iter().map(String::as_str)));
        tally.fill_deletion(facts, evidence);
        if evidence.tables[row].created_at.is_none() {
            return;
        }
        let is_whole = self.is_whole(row);
        tally.fill_counts(facts, is_whole);
        tally.fill_newest(facts, is_whole, evidence);
        tally.fill_protection(facts, is_whole);
        tally.fill_locks(facts, is_whole, evidence);
        if !is_whole {
            // What was not seen may be open.
            facts.manual_deletion_denied = facts.manual_deletion_denied.filter(|is_denied| !is_denied);
        }
    }
}

/// A point whose ARN is wanted.
struct Wanted {
    point: Point,
    row: u32,
    is_newest: bool,
    is_plan_made: bool,
}

impl<'p> Tally<'p> {
    /// Vaults that hold usable points of the table.
    pub(super) fn vaults(&self) -> &[InVault] {
        &self.vaults
    }

    pub(super) fn newest_plan_made(&self) -> Option<&PlanMade<'p>> {
        self.plan_made.as_ref()
    }

    /// Usable points inside the window, in seconds since the epoch.
    pub(super) fn times(&self) -> &[u32] {
        &self.times
    }

    /// The newest usable point from before the window.
    pub(super) fn before(&self) -> Option<u32> {
        self.before
    }

    fn add_unusable(&mut self, status: &'p str) {
        if status == "EXPIRED" {
            self.expired += 1;
            return;
        }
        match self.other_states.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += 1,
            None => self.other_states.push((status, 1)),
        }
    }

    fn add_usable(&mut self, alike: &Alike, kind: &Kind, key: &RankedKey, evidence: &Evidence) {
        self.usable += alike.number;
        self.cold += if kind.state.is_cold { alike.number } else { 0 };
        self.oldest = Some(self.oldest.map_or(alike.oldest, |oldest| oldest.min(alike.oldest)));
        if let Some(vault) = kind.vault {
            let at = seconds_of_millis(alike.newest);
            match self.vaults.iter_mut().find(|held| held.vault == vault) {
                Some(held) => held.newest = held.newest.max(at),
                None => self.vaults.push(InVault { vault, newest: at }),
            }
            if evidence.vaults[vault as usize].is_air_gapped {
                self.air_gapped += alike.number;
                self.air_gapped_newest = self.air_gapped_newest.max(Some(alike.newest));
            }
        }
        match kind.retention.days() {
            Some(days) => {
                self.shortest_retention = Some(self.shortest_retention.map_or(days, |least| least.min(days)));
                self.longest_retention = self.longest_retention.max(Some(days));
            }
            None => self.has_unknown_retention = true,
        }
        self.add_encryption(kind.is_encrypted, key);
    }

    fn add_encryption(&mut self, is_encrypted: Option<bool>, key: &RankedKey) {
        match is_encrypted {
            Some(true) => {}
            Some(false) => self.has_unencrypted = true,
            None => self.has_unknown_encryption = true,
        }
        match key.rank {
            Some(rank) => self.weakest_rank = Some(self.weakest_rank.map_or(rank, |least| least.min(rank))),
            None => self.has_unknown_owner = true,
        }
        match (key.is_usable, &key.facts.arn, &key.facts.state) {
            (None, ..) => self.has_unknown_key_state = true,
            (Some(false), Some(arn), Some(state)) if !self.unusable_keys.iter().any(|(known, _)| known == arn) => {
                self.unusable_keys.push((arn.clone(), state.clone()));
                self.unusable_keys.sort();
            }
            _ => {}
        }
    }

    /// Both in milliseconds since 1970.
    fn add_time(&mut self, at: i64, window: i64) {
        let seconds = seconds_of_millis(at);
        if at >= window {
            self.times.push(seconds);
        } else {
            self.before = self.before.max(Some(seconds));
        }
    }

    /// Points that are there and do not count are worth naming: they are why people believe in a backup.
    fn why_none(&self) -> String {
        let mut text = "no usable recovery point was seen".to_owned();
        if self.previous_incarnation > 0 {
            text.push_str(&format!(
                " ({} of an earlier table of this name do not count)",
                self.previous_incarnation
            ));
        }
        if self.expired > 0 {
            text.push_str(&format!(" ({} in state EXPIRED do not count)", self.expired));
        }
        text
    }

    fn unusable(&self) -> Text {
        let mut parts = Vec::new();
        let mut add = |number: i64, what: &str| {
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        };
        add(self.expired, "EXPIRED");
        let mut others: Vec<&(&str, i64)> = self.other_states.iter().collect();
        others.sort();
        for (state, number) in others {
            add(*number, state);
        }
        add(self.temporary, "temporary");
        add(self.previous_incarnation, "of an earlier table of this name");
        names(parts.iter().map(String::as_str))
    }

    fn fill_counts(&self, facts: &mut TableFacts, is_whole: bool) {
        facts.usable_recovery_point_count_seen = Some(self.usable);
        facts.usable_recovery_point_count = is_whole.then_some(self.usable);
        facts.previous_incarnation_point_count_seen = Some(self.previous_incarnation);
        facts.previous_incarnation_point_count = is_whole.then_some(self.previous_incarnation);
        facts.expired_point_count_seen = Some(self.expired);
        facts.overdue_point_count_seen = Some(self.overdue);
        facts.overdue_point_count = is_whole.then_some(self.overdue);
        facts.temporary_point_count_seen = Some(self.temporary);
        facts.cold_point_count_seen = Some(self.cold);
        facts.unusable_points = Some(self.unusable());
    }

    fn fill_newest(&self, facts: &mut TableFacts, is_whole: bool, evidence: &Evidence) {
        let some_or_none = |text: Option<Text>| text.or_else(|| is_whole.then(|| "none".into()));
        let vault_name = |place: u32| evidence.vaults[place as usize].row.vault_name.as_str();
        let newest = self.newest.as_ref();
        let age = newest.map(|newest| age_hours(newest.at, evidence.as_of));
        facts.newest_recovery_point_at = newest.map(|newest| newest.at);
        facts.newest_recovery_point_age_hours_seen = age;
        facts.newest_recovery_point_age_hours = age.filter(|_| is_whole);
        facts.recovery_points_summary = Some(match age {
            None => self.why_none().into(),
            Some(age) => format!(
                "newest of {} is {} h old",
                count(
                    usize::try_from(self.usable).unwrap_or(usize::MAX),
                    "usable recovery point"
                ),
                short_number(age)
            )
            .into(),
        });
        facts.newest_recovery_point_arn = some_or_none(newest.map(|newest| newest.arn.into()));
        facts.newest_recovery_point_vault = some_or_none(
            newest
                .and_then(|newest| newest.vault)
                .map(|place| vault_name(place).into()),
        );
        facts.newest_recovery_point_key_owner = match newest {
            Some(newest) => newest.key_owner.map(Into::into),
            None => some_or_none(None),
        };
        facts.newest_retention_kind = some_or_none(newest.map(|newest| newest.retention_kind.into()));
        facts.oldest_recovery_point_at = self.oldest.and_then(instant);
        let mut held: Vec<&str> = self.vaults.iter().map(|held| vault_name(held.vault)).collect();
        held.sort_unstable();
        facts.recovery_point_vaults = some_or_none((!held.is_empty()).then(|| names(held)));
    }

    fn fill_protection(&self, facts: &mut TableFacts, is_whole: bool) {
        let when_whole = |known: bool| known && is_whole && self.usable > 0;
        let knows_retention = when_whole(!self.has_unknown_retention);
        facts.shortest_retention_days_seen = self.shortest_retention;
        facts.shortest_retention_days = self.shortest_retention.filter(|_| knows_retention);
        facts.longest_retention_days_seen = self.longest_retention;
        facts.longest_retention_days = self.longest_retention.filter(|_| knows_retention);
        facts.recovery_points_encrypted = if self.has_unencrypted {
            Some(false)
        } else {
            when_whole(!self.has_unknown_encryption).then_some(true)
        };
        facts.weakest_key_owner = self.weakest_rank.map(|rank| owner_of_rank(rank).into());
        facts.weakest_key_owner_rank_seen = self.weakest_rank;
        facts.weakest_key_owner_rank = self.weakest_rank.filter(|_| when_whole(!self.has_unknown_owner));
        facts.recovery_point_keys_usable = if self.unusable_keys.is_empty() {
            when_whole(!self.has_unknown_key_state).then_some(true)
        } else {
            Some(false)
        };
    }

    fn fill_locks(&self, facts: &mut TableFacts, is_whole: bool, evidence: &Evidence) {
        let vaults = self.vaults.iter().map(|held| &evidence.vaults[held.vault as usize]);
        let strongest = vaults.clone().map(|vault| vault.lock).max();
        let lock = strongest.unwrap_or(Lock::None);
        facts.is_in_locked_vault = if lock > Lock::None {
            Some(true)
        } else {
            is_whole.then_some(false)
        };
        facts.vault_lock_kind = (is_whole || lock == Lock::Compliance).then(|| lock.as_str().into());
        facts.vault_lock_rank_seen = strongest.map(Lock::rank);
        facts.vault_lock_rank = strongest.map(Lock::rank).filter(|_| is_whole);
        facts.vault_lock_grace_until = vaults.filter_map(VaultState::grace_until).max();
        facts.air_gapped_point_count_seen = Some(self.air_gapped);
        facts.air_gapped_point_count = is_whole.then_some(self.air_gapped);
        let air_gapped_age = self
            .air_gapped_newest
            .and_then(instant)
            .map(|at| age_hours(at, evidence.as_of));
        facts.air_gapped_point_age_hours = air_gapped_age.filter(|_| is_whole);
        facts.air_gapped_point_age_hours_seen = air_gapped_age;
    }

    /// Do the policies of all vaults that hold usable points deny deletion? One that is open settles it.
    fn fill_deletion(&self, facts: &mut TableFacts, evidence: &Evidence) {
        let mut open: Vec<&str> = Vec::new();
        let mut answer = (!self.vaults.is_empty()).then_some(true);
        for held in &self.vaults {
            let vault = &evidence.vaults[held.vault as usize];
            let of_vault = vault.deletion.as_ref().and_then(|deletion| deletion.answer);
            if vault.deletion.is_some() && of_vault != Some(true) {
                open.push(&vault.row.vault_name);
            }
            answer = match (answer, of_vault) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        open.sort_unstable();
        facts.vaults_open_to_deletion = Some(names(open));
        facts.manual_deletion_denied = answer;
    }
}
