//! Recovery points: how many are usable, how new, how long they are kept, under whose key, behind which lock.
//!
//! Usable: COMPLETED or AVAILABLE, not temporary, and not older than the table itself, for AWS Backup keeps the points
//! of a deleted table under the ARN that a new table of the same name has too.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};

use super::dictionary::{TableFacts, Text};
use super::keys::{KeyFacts, owner_of_rank, rank_of_owner};
use super::vaults::{Lock, VaultState};
use super::{Evidence, FOREVER_DAYS, age_hours, names};
use crate::domain::short_number;
use crate::inventory::schema::Table;
use crate::inventory::schema::borrowed::RecoveryPoint;
use crate::problem::count;

/// AWS Backup deletes within 8 hours of the end of a lifecycle; a point is overdue a day after it.
const DELETION_GRACE: TimeDelta = TimeDelta::hours(24);

/// A point that a plan made: evidence that the plan takes the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlanMade {
    pub(super) at: DateTime<Utc>,
    pub(super) plan_id: String,
    pub(super) recovery_point_arn: String,
}

/// The tallies of all tables and vaults.
pub(super) struct Points {
    tallies: Vec<Tally>,
    held: Vec<Held>,
    /// Targets with a point that names no table, by place: it may belong to any of them.
    untraceable: Vec<bool>,
    is_whole: Vec<bool>,
    target_of: Vec<u32>,
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

#[derive(Default)]
struct Tally {
    usable: i64,
    newest: Option<Newest>,
    oldest: Option<DateTime<Utc>>,
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
    air_gapped_newest: Option<DateTime<Utc>>,
    /// Points in other states than those counted above.
    other_states: Vec<(Text, i64)>,
    has_undated: bool,
    plan_made: Option<Box<PlanMade>>,
    /// Seconds since the epoch of usable points inside the window, in order of arrival.
    times: Vec<u32>,
    /// The newest usable point from before the window.
    before: Option<u32>,
}

struct Newest {
    at: DateTime<Utc>,
    arn: String,
    vault: Option<u32>,
    key_owner: Option<&'static str>,
    retention_kind: &'static str,
}

/// What follows from a row alone, without its table.
pub(super) struct PointState {
    pub(super) is_finished: bool,
    pub(super) is_temporary: bool,
    pub(super) is_overdue: bool,
    pub(super) is_cold: bool,
    pub(super) is_native: Option<bool>,
}

impl PointState {
    pub(super) fn of(point: &RecoveryPoint<'_>, as_of: DateTime<Utc>) -> Self {
        let is_over = delete_at(point).is_some_and(|end| end + DELETION_GRACE < as_of);
        Self {
            is_finished: matches!(point.status, Some("COMPLETED" | "AVAILABLE")),
            is_temporary: point.delete_after_event.is_some(),
            is_overdue: is_over && point.status != Some("DELETING"),
            is_cold: point.cold_at.is_some_and(|at| at <= as_of),
            is_native: service_of(point.recovery_point_arn).map(|service| service == "dynamodb"),
        }
    }
}

/// What one scan says of one recovery point, whatever became of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It counts.
    Usable {
        /// When its retention ends; `None`: not known, `Some(DateTime::MAX_UTC)`: never.
        kept_until: Option<DateTime<Utc>>,
    },
    /// It is being made.
    Unfinished,
    /// It counted once, and does so no longer.
    Over {
        /// As above.
        kept_until: Option<DateTime<Utc>>,
    },
    /// It never counts.
    Useless,
}

impl Sight {
    pub(crate) fn of(point: &RecoveryPoint<'_>, as_of: DateTime<Utc>) -> Self {
        let state = PointState::of(point, as_of);
        if state.is_temporary {
            return Self::Useless;
        }
        let kept_until = match retention(point) {
            ("forever", _) => Some(DateTime::<Utc>::MAX_UTC),
            _ => delete_at(point),
        };
        match point.status {
            _ if state.is_finished => Self::Usable { kept_until },
            Some("CREATING") => Self::Unfinished,
            Some("EXPIRED" | "DELETING") => Self::Over { kept_until },
            _ => Self::Useless,
        }
    }
}

fn service_of(arn: &str) -> Option<&str> {
    let rest = arn.strip_prefix("arn:")?;
    rest.split(':').nth(1)
}

/// When AWS Backup is to delete the point.
pub(super) fn delete_at(point: &RecoveryPoint<'_>) -> Option<DateTime<Utc>> {
    let by_days = || {
        let days = point
            .delete_after_days
            .filter(|days| (1..=FOREVER_DAYS).contains(days))?;
        Some(point.created_at? + TimeDelta::days(days))
    };
    point.delete_at.or_else(by_days)
}

/// How long a point is kept: the kind and, where it says so, the days.
pub(super) fn retention(point: &RecoveryPoint<'_>) -> (&'static str, Option<i64>) {
    match (point.delete_after_days, point.delete_at, point.source_vault_arn) {
        (Some(days), _, _) if days > 0 => ("days", Some(days)),
        (_, Some(delete_at), _) => {
            let kept = |created_at| ((delete_at - created_at) as TimeDelta).num_seconds() + 43_200;
            ("days", point.created_at.map(|at| kept(at).div_euclid(86_400)))
        }
        // A copy without days of its own ends with its source, of which nothing is known here.
        (_, None, Some(_)) => ("source", None),
        (_, None, None) => ("forever", Some(FOREVER_DAYS)),
    }
}

/// DynamoDB encrypts every table and so every native point, whatever IsEncrypted says of it.
pub(super) fn is_encrypted(point: &RecoveryPoint<'_>, state: &PointState) -> Option<bool> {
    if state.is_native == Some(true) {
        Some(true)
    } else {
        point.is_encrypted
    }
}

/// The key that a point depends on: a native one on its table's, others on their own, else their vault's.
pub(super) fn key_of<'e>(
    point: &RecoveryPoint<'_>,
    state: &PointState,
    vault: Option<&'e VaultState>,
    table: Option<&Table>,
    evidence: &'e Evidence,
) -> Cow<'e, KeyFacts> {
    if is_encrypted(point, state) == Some(false) {
        return Cow::Owned(KeyFacts::unencrypted());
    }
    if state.is_native == Some(true) {
        return Cow::Owned(table.map_or_else(KeyFacts::unknown, |table| evidence.keys.of_table(table)));
    }
    match (point.key_arn, vault) {
        (Some(arn), Some(vault)) if vault.key.arn.as_deref() == Some(arn) => Cow::Borrowed(&vault.key),
        (Some(arn), _) => match evidence.keys.described(arn) {
            Some(key) => Cow::Borrowed(key),
            None => Cow::Owned(evidence.keys.of_arn(arn)),
        },
        (None, Some(vault)) if vault.key.arn.is_some() || vault.is_air_gapped => Cow::Borrowed(&vault.key),
        (None, _) if point.key_type == Some("AWS_OWNED_KMS_KEY") => Cow::Owned(KeyFacts::aws_owned()),
        (None, _) => Cow::Owned(KeyFacts::unknown()),
    }
}

impl Points {
    pub(super) fn new(evidence: &Evidence) -> Self {
        let rows = evidence.tables.len();
        Self {
            tallies: std::iter::repeat_with(Tally::default).take(rows).collect(),
            held: vec![Held::default(); evidence.vaults.len()],
            untraceable: vec![false; evidence.targets.len()],
            is_whole: (0..evidence.targets.len())
                .map(|place| evidence.has_whole_points(u32::try_from(place).unwrap_or(u32::MAX)))
                .collect(),
            target_of: (0..rows).map(|row| evidence.target_place(row)).collect(),
        }
    }

    pub(super) fn count_in_vault(&mut self, vault: Option<u32>, point: &RecoveryPoint<'_>, evidence: &Evidence) {
        if let Some(vault) = vault {
            let state = PointState::of(point, evidence.as_of);
            let held = &mut self.held[vault as usize];
            held.seen += 1;
            held.usable += i64::from(state.is_finished && !state.is_temporary);
            held.overdue += i64::from(state.is_overdue);
        }
    }

    pub(super) fn untraceable(&mut self, point: &RecoveryPoint<'_>, evidence: &Evidence) {
        if let Some(place) = evidence.place_of(point.account_id, point.region) {
            self.untraceable[place as usize] = true;
        }
    }

    pub(super) fn add(&mut self, row: usize, vault: Option<u32>, point: &RecoveryPoint<'_>, evidence: &Evidence) {
        let table = &evidence.tables[row];
        let Some(born) = table.created_at else { return };
        let tally = &mut self.tallies[row];
        let state = PointState::of(point, evidence.as_of);
        tally.overdue += i64::from(state.is_overdue);
        let Some(created_at) = point.created_at else {
            tally.has_undated = true;
            return;
        };
        if created_at < born {
            tally.previous_incarnation += 1;
            return;
        }
        if state.is_temporary {
            tally.temporary += 1;
        } else if !state.is_finished {
            tally.add_unusable(point.status.unwrap_or("without a state"));
        } else {
            let of_vault = vault.map(|place| &evidence.vaults[place as usize]);
            let key = key_of(point, &state, of_vault, Some(table), evidence);
            tally.add_usable(point, created_at, vault, &state, &key, evidence);
        }
    }

    /// What lies in a vault.
    pub(super) fn held_by(&self, vault: usize) -> Held {
        self.held[vault]
    }

    /// Vaults that hold usable points of a table.
    pub(super) fn vaults_of(&self, row: usize) -> &[InVault] {
        &self.tallies[row].vaults
    }

    pub(super) fn newest_plan_made(&self, row: usize) -> Option<&PlanMade> {
        self.tallies[row].plan_made.as_deref()
    }

    /// Usable points inside the window, in seconds since the epoch.
    pub(super) fn times(&self, row: usize) -> &[u32] {
        &self.tallies[row].times
    }

    /// The newest usable point from before the window.
    pub(super) fn before(&self, row: usize) -> Option<u32> {
        self.tallies[row].before
    }

    /// Is every recovery point of the table known?
    pub(super) fn is_whole(&self, row: usize) -> bool {
        self.is_target_whole(self.target_of[row]) && !self.tallies[row].has_undated
    }

    /// Were all recovery points of a target read, and do all of them say what they are of?
    pub(super) fn is_target_whole(&self, target: u32) -> bool {
        let target = target as usize;
        self.is_whole.get(target) == Some(&true) && self.untraceable.get(target) == Some(&false)
    }

    pub(super) fn fill(&self, facts: &mut TableFacts, row: usize, evidence: &Evidence) {
        let tally = &self.tallies[row];
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

impl Tally {
    fn add_unusable(&mut self, status: &str) {
        if status == "EXPIRED" {
            self.expired += 1;
            return;
        }
        match self.other_states.iter_mut().find(|(known, _)| **known == *status) {
            Some((_, count)) => *count += 1,
            None => self.other_states.push((status.into(), 1)),
        }
    }

    fn add_usable(
        &mut self,
        point: &RecoveryPoint<'_>,
        created_at: DateTime<Utc>,
        vault: Option<u32>,
        state: &PointState,
        key: &KeyFacts,
        evidence: &Evidence,
    ) {
        self.usable += 1;
        self.cold += i64::from(state.is_cold);
        self.oldest = Some(self.oldest.map_or(created_at, |oldest| oldest.min(created_at)));
        if let Some(vault) = vault {
            let at = super::window::seconds(created_at);
            match self.vaults.iter_mut().find(|held| held.vault == vault) {
                Some(held) => held.newest = held.newest.max(at),
                None => self.vaults.push(InVault { vault, newest: at }),
            }
        }
        if vault.is_some_and(|vault| evidence.vaults[vault as usize].is_air_gapped) {
            self.air_gapped += 1;
            self.air_gapped_newest = self.air_gapped_newest.max(Some(created_at));
        }
        let (kind, days) = retention(point);
        match days {
            Some(days) => {
                self.shortest_retention = Some(self.shortest_retention.map_or(days, |least| least.min(days)));
                self.longest_retention = self.longest_retention.max(Some(days));
            }
            None => self.has_unknown_retention = true,
        }
        self.add_newest(point, created_at, vault, kind, key);
        self.add_plan_made(point, created_at);
        self.add_encryption(is_encrypted(point, state), key);
        self.add_time(created_at, evidence);
    }

    fn add_newest(
        &mut self,
        point: &RecoveryPoint<'_>,
        at: DateTime<Utc>,
        vault: Option<u32>,
        retention_kind: &'static str,
        key: &KeyFacts,
    ) {
        let arn = point.recovery_point_arn;
        match &mut self.newest {
            Some(newest) if (at, arn) <= (newest.at, newest.arn.as_str()) => {}
            // The text of the last newest is written over: points mostly come in order of age.
            Some(newest) => {
                newest.arn.clear();
                newest.arn.push_str(arn);
                (newest.at, newest.vault, newest.key_owner, newest.retention_kind) =
                    (at, vault, key.owner, retention_kind);
            }
            None => {
                self.newest = Some(Newest {
                    at,
                    arn: arn.to_owned(),
                    vault,
                    key_owner: key.owner,
                    retention_kind,
                });
            }
        }
    }

    fn add_plan_made(&mut self, point: &RecoveryPoint<'_>, at: DateTime<Utc>) {
        let Some(plan_id) = point.created_by_plan_id else {
            return;
        };
        let arn = point.recovery_point_arn;
        match &mut self.plan_made {
            Some(made) if (at, plan_id, arn) <= (made.at, made.plan_id.as_str(), made.recovery_point_arn.as_str()) => {}
            Some(made) => {
                made.at = at;
                made.plan_id.clear();
                made.plan_id.push_str(plan_id);
                made.recovery_point_arn.clear();
                made.recovery_point_arn.push_str(arn);
            }
            None => {
                self.plan_made = Some(Box::new(PlanMade {
                    at,
                    plan_id: plan_id.to_owned(),
                    recovery_point_arn: arn.to_owned(),
                }));
            }
        }
    }

    fn add_encryption(&mut self, is_encrypted: Option<bool>, key: &KeyFacts) {
        match is_encrypted {
            Some(true) => {}
            Some(false) => self.has_unencrypted = true,
            None => self.has_unknown_encryption = true,
        }
        match key.owner.and_then(rank_of_owner) {
            Some(rank) => self.weakest_rank = Some(self.weakest_rank.map_or(rank, |least| least.min(rank))),
            None => self.has_unknown_owner = true,
        }
        match (key.is_usable(), &key.arn, &key.state) {
            (None, ..) => self.has_unknown_key_state = true,
            (Some(false), Some(arn), Some(state)) if !self.unusable_keys.iter().any(|(known, _)| known == arn) => {
                self.unusable_keys.push((arn.clone(), state.clone()));
                self.unusable_keys.sort();
            }
            _ => {}
        }
    }

    fn add_time(&mut self, at: DateTime<Utc>, evidence: &Evidence) {
        if at >= super::window::start(evidence) {
            if self.times.is_empty() {
                // A point a day over the usual window, without growing step by step.
                self.times.reserve(32);
            }
            self.times.push(super::window::seconds(at));
        } else {
            self.before = self.before.max(Some(super::window::seconds(at)));
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
        let mut others: Vec<&(Text, i64)> = self.other_states.iter().collect();
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
        facts.newest_recovery_point_arn = some_or_none(newest.map(|newest| newest.arn.as_str().into()));
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
        facts.oldest_recovery_point_at = self.oldest;
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
        let air_gapped_age = self.air_gapped_newest.map(|at| age_hours(at, evidence.as_of));
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
