//! The recovery points of one table, counted: how many are usable, how new, how long they are kept, under whose key,
//! behind which lock.
//!
//! Usable: COMPLETED or AVAILABLE, not temporary, and not older than the table itself, for AWS Backup keeps the points
//! of a deleted table under the ARN that a new table of the same name has too.

use chrono::{DateTime, Utc};

use crate::dictionary::{TableFacts, Text};
use crate::domain::rfc3339;
use crate::duration;
use crate::facts::index::Index;
use crate::facts::index::keys::{RankedKey, owner_of_rank};
use crate::facts::index::vaults::{Lock, VaultState};
use crate::facts::recovery_point::PointKind;
use crate::facts::time::{age_hours, instant, seconds_of_millis};
use crate::facts::words::names;
use crate::problem::count;

/// A vault that holds usable points of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InVault {
    /// By place.
    pub(crate) vault: u32,
    /// The newest of them, in seconds since the epoch.
    pub(crate) newest: u32,
}

/// When a recovery point was made, and when it was complete: seconds since the epoch; 0: it does not say.
pub(crate) type Times = (u32, u32);

/// The points of one table, counted.
#[derive(Default)]
pub(crate) struct Tally<'p> {
    usable: i64,
    pub(super) newest: Option<Newest<'p>>,
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
    pub(super) previous_incarnation: i64,
    expired: i64,
    pub(super) overdue: i64,
    pub(super) temporary: i64,
    cold: i64,
    air_gapped: i64,
    air_gapped_newest: Option<i64>,
    /// Points in other states than those counted above.
    other_states: Vec<(&'p str, i64)>,
    /// Of usable points inside the window, in no order.
    pub(super) times: Vec<Times>,
    /// The newest usable point from before the window.
    before: Option<Times>,
}

pub(super) struct Newest<'p> {
    pub(super) at: DateTime<Utc>,
    pub(super) arn: &'p str,
    pub(super) vault: Option<u32>,
    pub(super) key_owner: Option<&'static str>,
    pub(super) retention_kind: &'static str,
}

/// Usable points of one kind and one table.
pub(super) struct Alike {
    pub(super) kind: u32,
    pub(super) number: i64,
    /// In milliseconds since 1970.
    pub(super) oldest: i64,
    pub(super) newest: i64,
}

impl<'p> Tally<'p> {
    /// Vaults that hold usable points of the table.
    pub(crate) fn vaults(&self) -> &[InVault] {
        &self.vaults
    }

    /// Usable points inside the window.
    pub(crate) fn times(&self) -> &[Times] {
        &self.times
    }

    /// The newest usable point from before the window.
    pub(crate) fn before(&self) -> Option<Times> {
        self.before
    }

    pub(super) fn add_unusable(&mut self, status: &'p str) {
        if status == "EXPIRED" {
            self.expired += 1;
            return;
        }
        match self.other_states.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += 1,
            None => self.other_states.push((status, 1)),
        }
    }

    pub(super) fn add_usable(&mut self, alike: &Alike, kind: &PointKind, index: &Index) {
        self.usable += alike.number;
        self.cold += if kind.state.is_cold { alike.number } else { 0 };
        self.oldest = Some(self.oldest.map_or(alike.oldest, |oldest| oldest.min(alike.oldest)));
        if let Some(vault) = kind.vault {
            let at = seconds_of_millis(alike.newest);
            match self.vaults.iter_mut().find(|held| held.vault == vault) {
                Some(held) => held.newest = held.newest.max(at),
                None => self.vaults.push(InVault { vault, newest: at }),
            }
            if index.vaults[vault as usize].is_air_gapped {
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
        self.add_encryption(kind.is_encrypted, &kind.key);
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

    /// Dates in milliseconds since 1970, completion in seconds.
    pub(super) fn add_time(&mut self, (at, completed): (i64, u32), window: i64) {
        let times = (seconds_of_millis(at), completed);
        if at >= window {
            self.times.push(times);
        } else {
            self.before = self.before.max(Some(times));
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

    /// `is_whole`: the table has no other points.
    pub(crate) fn fill(&self, facts: &mut TableFacts, row: usize, is_whole: bool, index: &Index) {
        let keys = self.unusable_keys.iter();
        let keys: Vec<String> = keys.map(|(key, state)| format!("{key} ({state})")).collect();
        facts.unusable_keys = Some(names(keys.iter().map(String::as_str)));
        self.fill_deletion(facts, index);
        if index.tables[row].created_at.is_none() {
            return;
        }
        self.fill_counts(facts, is_whole);
        self.fill_newest(facts, row, is_whole, index);
        self.fill_protection(facts, is_whole);
        self.fill_locks(facts, row, is_whole, index);
        if !is_whole {
            // What was not seen may be open.
            facts.manual_deletion_denied = facts.manual_deletion_denied.filter(|is_denied| !is_denied);
        }
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

    fn fill_newest(&self, facts: &mut TableFacts, row: usize, is_whole: bool, index: &Index) {
        let some_or_none = |text: Option<Text>| text.or_else(|| is_whole.then(|| "none".into()));
        let vault_name = |place: u32| index.vaults[place as usize].row.vault_name.as_str();
        let newest = self.newest.as_ref();
        let age = newest
            .zip(index.aged_at(row))
            .map(|(newest, now)| age_hours(newest.at, now));
        facts.newest_recovery_point_at = newest.map(|newest| newest.at);
        facts.newest_recovery_point_age_hours_seen = age;
        facts.newest_recovery_point_age_hours = age.filter(|_| is_whole);
        let usable = || {
            let number = usize::try_from(self.usable).unwrap_or(usize::MAX);
            count(number, "usable recovery point")
        };
        facts.recovery_points_summary = Some(match (newest, age) {
            (None, _) => self.why_none().into(),
            (Some(newest), None) => format!("newest of {} is from {}", usable(), rfc3339(newest.at)).into(),
            (Some(_), Some(age)) => format!("newest of {} is {} old", usable(), duration::age_of_hours(age)).into(),
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

    fn fill_locks(&self, facts: &mut TableFacts, row: usize, is_whole: bool, index: &Index) {
        let vaults = self.vaults.iter().map(|held| &index.vaults[held.vault as usize]);
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
            .zip(index.aged_at(row))
            .map(|(at, now)| age_hours(at, now));
        facts.air_gapped_point_age_hours = air_gapped_age.filter(|_| is_whole);
        facts.air_gapped_point_age_hours_seen = air_gapped_age;
    }

    /// Do the policies of all vaults that hold usable points deny deletion? One that is open settles it.
    fn fill_deletion(&self, facts: &mut TableFacts, index: &Index) {
        let mut open: Vec<&str> = Vec::new();
        let mut reasons: Vec<String> = Vec::new();
        let mut answer = (!self.vaults.is_empty()).then_some(true);
        for held in &self.vaults {
            let vault = &index.vaults[held.vault as usize];
            let of_vault = vault.deletion.as_ref().and_then(|deletion| deletion.answer);
            if vault.deletion.is_some() && of_vault != Some(true) {
                open.push(&vault.row.vault_name);
                let reason = vault.deletion.as_ref().map_or("", |deletion| &deletion.reason);
                reasons.push(format!("vault `{}`: {reason}", vault.row.vault_name));
            }
            answer = match (answer, of_vault) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        open.sort_unstable();
        reasons.sort_unstable();
        facts.manual_deletion_reason = Some(names(reasons.iter().map(String::as_str)));
        facts.vaults_open_to_deletion = Some(names(open));
        facts.manual_deletion_denied = answer;
    }
}
