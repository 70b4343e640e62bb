//! Vaults as they were read, and what follows from each one's own rows.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::keys::{KeyFacts, Keys};
use super::reading::Reading;
use crate::criteria::values::FOREVER_DAYS;
use crate::domain::TargetId;
use crate::facts::vault_policy::{DeletionVerdict, manual_deletion};
use crate::inventory::Inventory;
use crate::inventory::schema::{Vault, VaultPolicy};
use crate::problem::Problem;

const AIR_GAPPED: &str = "LOGICALLY_AIR_GAPPED_BACKUP_VAULT";
const RESTORE_ACCESS: &str = "RESTORE_ACCESS_BACKUP_VAULT";

/// How a vault is locked, from weak to strong.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lock {
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

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Governance => "governance",
            Self::ComplianceInGrace => "compliance-in-grace",
            Self::Compliance => "compliance",
        }
    }

    pub(crate) const fn rank(self) -> i64 {
        self as i64
    }
}

/// A vault with everything that follows from its own rows.
pub(crate) struct VaultState {
    pub(crate) row: Vault,
    pub(crate) lock: Lock,
    pub(crate) key: KeyFacts,
    /// Its points are views of points in another vault.
    pub(crate) is_view: bool,
    pub(crate) is_air_gapped: bool,
    /// AWS added the type since: whether its points are its own, and what locks it, is not known.
    pub(crate) is_of_unknown_type: bool,
    /// Its recovery points were read to the last page.
    pub(crate) points_whole: bool,
    /// What its access policy says of deletion; `None`: it could not be read.
    pub(crate) deletion: Option<DeletionVerdict>,
}

impl VaultState {
    /// `policy`: the row of the policy, if it could be read, with the text, if there is one.
    pub(crate) fn new(
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
            is_of_unknown_type: !matches!(
                row.vault_type.as_deref(),
                None | Some("BACKUP_VAULT" | AIR_GAPPED | RESTORE_ACCESS)
            ),
            points_whole,
            deletion: policy.map(|text| manual_deletion(text.as_deref(), arn)),
            row,
        }
    }

    /// Its lock; `None`: a vault of a type that is not known says of none, and may be locked by its type.
    pub(crate) fn known_lock(&self) -> Option<Lock> {
        (!self.is_of_unknown_type || self.lock > Lock::None).then_some(self.lock)
    }

    /// When a lock in grace becomes final.
    pub(crate) fn grace_until(&self) -> Option<DateTime<Utc>> {
        self.row.lock_date.filter(|_| self.lock == Lock::ComplianceInGrace)
    }

    /// Shortest and longest retention that the lock allows.
    pub(crate) fn bounds(&self) -> (i64, i64) {
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

/// Every vault, in order of target and name.
pub(super) fn read(inventory: &Inventory, reading: &Reading, keys: &Keys) -> Result<Vec<VaultState>, Problem> {
    let mut policies: HashMap<(String, String, String), Option<String>> = inventory
        .read::<VaultPolicy>()?
        .into_iter()
        .map(|row| ((row.account_id, row.region, row.vault_name), row.policy))
        .collect();
    let mut rows = inventory.read::<Vault>()?;
    let key = |row: &Vault| (row.account_id.clone(), row.region.clone(), row.vault_name.clone());
    rows.sort_by_key(key);
    rows.dedup_by(|a, b| key(a) == key(b));
    let state = |row: Vault| {
        let target = TargetId::new(&row.account_id, &row.region);
        let points_whole = reading.is_whole(&target, "backup:ListRecoveryPointsByBackupVault", &row.vault_name);
        let policy = policies.remove(&key(&row));
        VaultState::new(row, policy, points_whole, inventory.manifest.as_of, keys)
    };
    Ok(rows.into_iter().map(state).collect())
}
