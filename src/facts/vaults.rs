//! Backup vaults: kind, lock, key, access policy, and what lies in them.

use chrono::{DateTime, Utc};

use super::keys::{KeyFacts, Keys};
use super::membership::Memberships;
use super::points::Points;
use super::vault_policy::{DeletionVerdict, manual_deletion};
use super::{Evidence, FOREVER_DAYS, names};
use crate::dictionary::VaultFacts;
use crate::inventory::schema::Vault;

const AIR_GAPPED: &str = "LOGICALLY_AIR_GAPPED_BACKUP_VAULT";
const RESTORE_ACCESS: &str = "RESTORE_ACCESS_BACKUP_VAULT";

/// How a vault is locked, from weak to strong.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lock {
    #[default]
    None,
    Governance,
    ComplianceInGrace,
    Compliance,
}

impl Lock {
    fn of(vault: &Vault, as_of: DateTime<Utc>) -> Self {
        let is_air_gapped = vault.vault_type.as_deref() == Some(AIR_GAPPED);
        match (vault.locked, vault.lock_date) {
            // Air-gapped vaults are locked in compliance mode from their creation.
            (None | Some(true), None) if is_air_gapped => Self::Compliance,
            (Some(true), None) => Self::Governance,
            (Some(true), Some(date)) if date > as_of => Self::ComplianceInGrace,
            (Some(true), Some(_)) => Self::Compliance,
            _ => Self::None,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Governance => "governance",
            Self::ComplianceInGrace => "compliance-in-grace",
            Self::Compliance => "compliance",
        }
    }

    pub(super) const fn rank(self) -> i64 {
        self as i64
    }
}

/// A vault with everything that follows from its own rows.
pub(crate) struct VaultState {
    pub(crate) row: Vault,
    pub(super) lock: Lock,
    pub(super) key: KeyFacts,
    /// Its points are views of points in another vault.
    pub(super) is_view: bool,
    pub(super) is_air_gapped: bool,
    /// Its recovery points were read to the last page.
    pub(super) points_whole: bool,
    /// What its access policy says of deletion; `None`: it could not be read.
    pub(super) deletion: Option<DeletionVerdict>,
}

impl VaultState {
    /// `policy`: the row of the policy, if it could be read, with the text, if there is one.
    pub(super) fn new(
        row: Vault,
        policy: Option<Option<String>>,
        points_whole: bool,
        as_of: DateTime<Utc>,
        keys: &Keys,
    ) -> Self {
        let key = match &row.key_arn {
            Some(arn) => keys.of_arn(arn),
            None if row.vault_type.as_deref() == Some(AIR_GAPPED) => KeyFacts::aws_owned(),
            None => KeyFacts::unknown(),
        };
        let arn = row.vault_arn.as_deref().unwrap_or_default();
        Self {
            lock: Lock::of(&row, as_of),
            key,
            is_view: row.vault_type.as_deref() == Some(RESTORE_ACCESS),
            is_air_gapped: row.vault_type.as_deref() == Some(AIR_GAPPED),
            points_whole,
            deletion: policy.map(|text| manual_deletion(text.as_deref(), arn)),
            row,
        }
    }

    /// When a lock in grace becomes final.
    pub(super) fn grace_until(&self) -> Option<DateTime<Utc>> {
        self.row.lock_date.filter(|_| self.lock == Lock::ComplianceInGrace)
    }

    /// Shortest and longest retention that the lock lets in.
    pub(super) fn bounds(&self) -> (i64, i64) {
        let is_locked = self.lock > Lock::None;
        (
            self.row.min_retention_days.filter(|_| is_locked).unwrap_or(0),
            self.row
                .max_retention_days
                .filter(|_| is_locked)
                .unwrap_or(FOREVER_DAYS),
        )
    }
}

/// The facts of every vault.
pub(super) fn facts(evidence: &Evidence, points: &Points, memberships: &Memberships) -> Vec<VaultFacts> {
    let one = |(place, vault): (usize, &VaultState)| fill(place, vault, evidence, points, memberships);
    evidence.vaults.iter().enumerate().map(one).collect()
}

fn fill(
    place: usize,
    vault: &VaultState,
    evidence: &Evidence,
    points: &Points,
    memberships: &Memberships,
) -> VaultFacts {
    let row = &vault.row;
    let target = evidence.place_of(&row.account_id, &row.region);
    let held = points.held_by(place);
    let is_written_to =
        target.and_then(|target| memberships.writes_to(target, &row.vault_name, row.vault_arn.as_deref()));
    let (least, most) = vault.bounds();
    VaultFacts {
        account_id: Some(row.account_id.as_str().into()),
        region: Some(row.region.as_str().into()),
        vault_name: Some(row.vault_name.as_str().into()),
        vault_arn: Some(arn_of(row, evidence).into()),
        vault_kind: Some(
            match (vault.is_air_gapped, vault.is_view) {
                (true, _) => "air-gapped",
                (_, true) => "restore-access",
                _ => "standard",
            }
            .into(),
        ),
        is_used_for_dynamodb: match (held.seen > 0, is_written_to) {
            (true, _) | (_, Some(true)) => Some(true),
            (false, Some(false)) if vault.points_whole => Some(false),
            _ => None,
        },
        dynamodb_point_count_seen: Some(held.seen),
        usable_dynamodb_point_count_seen: Some(held.usable),
        overdue_point_count_seen: Some(held.overdue),
        key_arn: Some(vault.key.arn.clone().unwrap_or_else(|| "none".into())),
        key_owner: vault.key.owner.map(Into::into),
        key_state: vault.key.state.clone(),
        lock_kind: Some(vault.lock.as_str().into()),
        lock_rank: Some(vault.lock.rank()),
        lock_grace_until: vault.grace_until(),
        min_retention_days: Some(least),
        max_retention_days: Some(most),
        manual_deletion_denied: vault.deletion.as_ref().and_then(|deletion| deletion.answer),
        manual_deletion_reason: vault.deletion.as_ref().map(|deletion| deletion.reason.as_str().into()),
        exempt_principals: vault
            .deletion
            .as_ref()
            .map(|deletion| names(deletion.exempt_principals.iter().map(String::as_str))),
    }
}

/// AWS always sends the ARN; where an answer left it out it follows from the name.
fn arn_of(row: &Vault, evidence: &Evidence) -> String {
    let built = || {
        let target = crate::domain::TargetId::new(row.account_id.clone(), row.region.clone());
        let partition = evidence.partitions.get(&target).map_or("aws", String::as_str);
        format!(
            "arn:{partition}:backup:{}:{}:backup-vault:{}",
            row.region, row.account_id, row.vault_name
        )
    };
    row.vault_arn.clone().unwrap_or_else(built)
}
