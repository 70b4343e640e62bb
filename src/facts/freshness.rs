//! Recovery points: how many are usable, how new, how long they are kept, under whose key, behind which lock.
//!
//! Usable: COMPLETED or AVAILABLE, not temporary, and not older than the table itself, for AWS Backup keeps the points
//! of a deleted table under the ARN that a new table of the same name has too.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::dictionary::TableFacts;
use super::keys::{KeyFacts, owner_of_rank, rank_of_owner};
use super::{Evidence, FOREVER_DAYS, age_hours, names, target_of};
use crate::domain::{Arn, TargetId, short_number};
use crate::inventory::schema::{RecoveryPoint, Table, Vault};
use crate::problem::count;

const AIR_GAPPED: &str = "LOGICALLY_AIR_GAPPED_BACKUP_VAULT";
const RESTORE_ACCESS: &str = "RESTORE_ACCESS_BACKUP_VAULT";

/// A point that a plan made: evidence that the plan takes the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlanMade {
    pub(super) at: DateTime<Utc>,
    pub(super) plan_id: String,
    pub(super) recovery_point_arn: String,
}

/// The tallies of all tables.
pub(super) struct Points<'e> {
    tables: &'e [Table],
    evidence: &'e Evidence,
    tallies: Vec<Tally>,
    /// Targets whose vaults were all read to the last page.
    whole: BTreeSet<TargetId>,
    /// Targets with a point that names no table: it may belong to any of them.
    untraceable: BTreeSet<TargetId>,
}

#[derive(Default)]
struct Tally {
    usable: i64,
    newest: Option<(DateTime<Utc>, String)>,
    oldest: Option<DateTime<Utc>>,
    vaults: BTreeSet<String>,
    shortest_retention: Option<i64>,
    has_unknown_retention: bool,
    has_unencrypted: bool,
    has_unknown_encryption: bool,
    weakest_rank: Option<i64>,
    has_unknown_owner: bool,
    unusable_keys: BTreeMap<String, String>,
    has_unknown_key_state: bool,
    lock: Lock,
    previous_incarnation: i64,
    expired: i64,
    has_undated: bool,
    newest_plan_made: Option<PlanMade>,
}

/// How a vault is locked, from weak to strong.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lock {
    #[default]
    None,
    Governance,
    ComplianceInGrace,
    Compliance,
}

impl Lock {
    fn of(vault: Option<&Vault>, as_of: DateTime<Utc>) -> Self {
        let Some(vault) = vault else { return Self::None };
        let is_air_gapped = vault.vault_type.as_deref() == Some(AIR_GAPPED);
        match (vault.locked, vault.lock_date) {
            // Air-gapped vaults are locked in compliance mode from their creation.
            (None, None) if is_air_gapped => Self::Compliance,
            (Some(true), None) if is_air_gapped => Self::Compliance,
            (Some(true), None) => Self::Governance,
            (Some(true), Some(date)) if date > as_of => Self::ComplianceInGrace,
            (Some(true), Some(_)) => Self::Compliance,
            _ => Self::None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Governance => "governance",
            Self::ComplianceInGrace => "compliance-in-grace",
            Self::Compliance => "compliance",
        }
    }
}

impl<'e> Points<'e> {
    pub(super) fn new(tables: &'e [Table], evidence: &'e Evidence) -> Self {
        let listed = |target: &&TargetId| evidence.reading.is_whole(target, "backup:ListBackupVaults", "");
        let mut whole: BTreeSet<TargetId> = evidence.reading.targets.keys().filter(listed).cloned().collect();
        for ((target, name), vault) in &evidence.vaults {
            let is_view = vault.vault_type.as_deref() == Some(RESTORE_ACCESS);
            if !is_view
                && !evidence
                    .reading
                    .is_whole(target, "backup:ListRecoveryPointsByBackupVault", name)
            {
                whole.remove(target);
            }
        }
        let tallies = tables.iter().map(|_| Tally::default()).collect();
        Self {
            tables,
            evidence,
            tallies,
            whole,
            untraceable: BTreeSet::new(),
        }
    }

    pub(super) fn add(&mut self, points: Vec<RecoveryPoint>, index: &HashMap<&str, usize>) {
        for point in points {
            match point.resource_arn.as_deref() {
                Some(arn) => {
                    if let Some(row) = index.get(arn) {
                        self.add_one(*row, point);
                    }
                }
                None => {
                    self.untraceable.insert(TargetId {
                        account_id: point.account_id,
                        region: point.region,
                    });
                }
            }
        }
    }

    fn add_one(&mut self, row: usize, point: RecoveryPoint) {
        let table = &self.tables[row];
        // A copy kept in another account or Region names this table too; it is no point of this target.
        if point.account_id != table.account_id || point.region != table.region {
            return;
        }
        let Some(born) = table.created_at else { return };
        let tally = &mut self.tallies[row];
        let Some(created_at) = point.created_at else {
            tally.has_undated = true;
            return;
        };
        if created_at < born {
            tally.previous_incarnation += 1;
            return;
        }
        let status = point.status.as_deref().unwrap_or_default();
        tally.expired += i64::from(status == "EXPIRED");
        if !matches!(status, "COMPLETED" | "AVAILABLE") || point.delete_after_event.is_some() {
            return;
        }
        let vault = self.evidence.vaults.get(&(target_of(table), point.vault_name.clone()));
        tally.add_usable(&point, created_at, vault, table, self.evidence);
    }

    pub(super) fn newest_plan_made(&self, row: usize) -> Option<&PlanMade> {
        self.tallies[row].newest_plan_made.as_ref()
    }

    pub(super) fn fill(&self, facts: &mut TableFacts, row: usize) {
        let table = &self.tables[row];
        let tally = &self.tallies[row];
        facts.unusable_keys = Some(names(
            &tally
                .unusable_keys
                .iter()
                .map(|(key, state)| format!("{key} ({state})"))
                .collect::<Vec<_>>(),
        ));
        if table.created_at.is_none() {
            return;
        }
        let target = target_of(table);
        let is_whole = self.whole.contains(&target) && !self.untraceable.contains(&target) && !tally.has_undated;
        tally.fill(facts, is_whole, self.evidence.as_of);
    }
}

impl Tally {
    fn add_usable(
        &mut self,
        point: &RecoveryPoint,
        created_at: DateTime<Utc>,
        vault: Option<&Vault>,
        table: &Table,
        evidence: &Evidence,
    ) {
        self.usable += 1;
        if self
            .newest
            .as_ref()
            .is_none_or(|(at, arn)| (created_at, &point.recovery_point_arn) > (*at, arn))
        {
            self.newest = Some((created_at, point.recovery_point_arn.clone()));
        }
        self.oldest = Some(self.oldest.map_or(created_at, |oldest| oldest.min(created_at)));
        if !self.vaults.contains(&point.vault_name) {
            self.vaults.insert(point.vault_name.clone());
        }
        self.lock = self.lock.max(Lock::of(vault, evidence.as_of));
        match retention_days(point, created_at) {
            Some(days) => self.shortest_retention = Some(self.shortest_retention.map_or(days, |least| least.min(days))),
            None => self.has_unknown_retention = true,
        }
        if let Some(plan_id) = &point.created_by_plan_id {
            let made = PlanMade {
                at: created_at,
                plan_id: plan_id.clone(),
                recovery_point_arn: point.recovery_point_arn.clone(),
            };
            if self.newest_plan_made.as_ref().is_none_or(|last| made > *last) {
                self.newest_plan_made = Some(made);
            }
        }
        self.add_encryption(point, vault, table, evidence);
    }

    fn add_encryption(&mut self, point: &RecoveryPoint, vault: Option<&Vault>, table: &Table, evidence: &Evidence) {
        let is_native = Arn::parse(&point.recovery_point_arn).map(|arn| arn.service == "dynamodb");
        // DynamoDB encrypts every table and so every native point, whatever IsEncrypted says of it.
        let is_encrypted = if is_native == Some(true) {
            Some(true)
        } else {
            point.is_encrypted
        };
        match is_encrypted {
            Some(true) => {}
            Some(false) => self.has_unencrypted = true,
            None => self.has_unknown_encryption = true,
        }
        let key = match (is_native, is_encrypted) {
            (_, Some(false)) => KeyFacts {
                arn: None,
                owner: Some("unencrypted"),
                state: Some("none".to_owned()),
            },
            (Some(true), _) => evidence.keys.of_table(table),
            _ => vault_key(point, vault, evidence),
        };
        match key.owner.and_then(rank_of_owner) {
            Some(rank) => self.weakest_rank = Some(self.weakest_rank.map_or(rank, |least| least.min(rank))),
            None => self.has_unknown_owner = true,
        }
        match (key.is_usable(), &key.arn, &key.state) {
            (None, ..) => self.has_unknown_key_state = true,
            (Some(false), Some(arn), Some(state)) => {
                self.unusable_keys.insert(arn.clone(), state.clone());
            }
            _ => {}
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

    fn fill(&self, facts: &mut TableFacts, is_whole: bool, as_of: DateTime<Utc>) {
        let some_or_none = |text: Option<String>| text.or_else(|| is_whole.then(|| "none".to_owned()));
        let when_whole = |known: bool| known && is_whole && self.usable > 0;
        facts.usable_recovery_point_count_seen = Some(self.usable);
        facts.usable_recovery_point_count = is_whole.then_some(self.usable);
        facts.previous_incarnation_point_count_seen = Some(self.previous_incarnation);
        facts.expired_point_count_seen = Some(self.expired);

        let newest = self.newest.as_ref();
        facts.newest_recovery_point_at = newest.map(|(at, _)| *at);
        facts.newest_recovery_point_age_hours_seen = newest.map(|(at, _)| age_hours(*at, as_of));
        facts.newest_recovery_point_age_hours = if is_whole {
            facts.newest_recovery_point_age_hours_seen
        } else {
            None
        };
        facts.recovery_points_summary = Some(match &self.newest {
            None => self.why_none(),
            Some((at, _)) => format!(
                "newest of {} is {} h old",
                count(
                    usize::try_from(self.usable).unwrap_or(usize::MAX),
                    "usable recovery point"
                ),
                short_number(age_hours(*at, as_of))
            ),
        });
        facts.newest_recovery_point_arn = some_or_none(newest.map(|(_, arn)| arn.clone()));
        facts.oldest_recovery_point_at = self.oldest;
        facts.recovery_point_vaults = some_or_none((!self.vaults.is_empty()).then(|| names(&self.vaults)));

        facts.shortest_retention_days_seen = self.shortest_retention;
        facts.shortest_retention_days = self
            .shortest_retention
            .filter(|_| when_whole(!self.has_unknown_retention));
        facts.recovery_points_encrypted = if self.has_unencrypted {
            Some(false)
        } else {
            when_whole(!self.has_unknown_encryption).then_some(true)
        };
        facts.weakest_key_owner = self.weakest_rank.map(|rank| owner_of_rank(rank).to_owned());
        facts.weakest_key_owner_rank_seen = self.weakest_rank;
        facts.weakest_key_owner_rank = self.weakest_rank.filter(|_| when_whole(!self.has_unknown_owner));
        facts.recovery_point_keys_usable = if self.unusable_keys.is_empty() {
            when_whole(!self.has_unknown_key_state).then_some(true)
        } else {
            Some(false)
        };
        let is_locked = self.lock > Lock::None;
        facts.is_in_locked_vault = if is_locked {
            Some(true)
        } else {
            is_whole.then_some(false)
        };
        let is_strongest = self.lock == Lock::Compliance;
        facts.vault_lock_kind = (is_whole || is_strongest).then(|| self.lock.as_str().to_owned());
    }
}

/// Days from a point's creation to its deletion; `None` if it does not say.
fn retention_days(point: &RecoveryPoint, created_at: DateTime<Utc>) -> Option<i64> {
    match (point.delete_after_days, point.delete_at, &point.source_vault_arn) {
        (Some(days), _, _) if days > 0 => Some(days),
        (_, Some(delete_at), _) => Some(((delete_at - created_at).num_seconds() + 43_200).div_euclid(86_400)),
        // A copy without days of its own ends with its source, of which nothing is known here.
        (_, None, Some(_)) => None,
        (_, None, None) => Some(FOREVER_DAYS),
    }
}

/// The key of a point with advanced features: its own, else the vault's.
fn vault_key(point: &RecoveryPoint, vault: Option<&Vault>, evidence: &Evidence) -> KeyFacts {
    let arn = point
        .key_arn
        .as_ref()
        .or_else(|| vault.and_then(|vault| vault.key_arn.as_ref()));
    let is_air_gapped = vault.is_some_and(|vault| vault.vault_type.as_deref() == Some(AIR_GAPPED));
    match arn {
        Some(arn) => evidence.keys.of_arn(arn),
        None if is_air_gapped || point.key_type.as_deref() == Some("AWS_OWNED_KMS_KEY") => KeyFacts::aws_owned(),
        None => KeyFacts::unknown(),
    }
}
