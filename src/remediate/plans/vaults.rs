//! The vaults that may take what a plan makes, the best first. Whether one really does, the rules say of the world as it would be.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::criteria::values::{FOREVER_DAYS, KeyOwner, LockWanted, PlaceKind, PointValues, is_wanted_at};
use crate::domain::TargetId;
use crate::inventory::schema::{Key, Vault};
use crate::problem::Outcome;
use crate::remediate::world::World;
use crate::settings::DEFAULT_VAULT;

/// All vaults that are known, and who manages their keys.
pub(crate) struct Vaults {
    rows: Vec<Vault>,
    managers: BTreeMap<String, Option<String>>,
    as_of: DateTime<Utc>,
}

impl Vaults {
    /// Those of the world as it would be.
    ///
    /// Errors: the inventory is damaged.
    pub(crate) fn of(world: &mut World) -> Outcome<Self> {
        let keys = world.rows::<Key>()?.iter();
        Ok(Self {
            managers: keys.map(|key| (key.key_arn.clone(), key.key_manager.clone())).collect(),
            rows: world.rows::<Vault>()?.to_vec(),
            as_of: world.as_of(),
        })
    }

    /// One by its name.
    pub(crate) fn named<'v>(&'v self, at: &'v TargetId, name: &str) -> Option<&'v Vault> {
        let mut here = self.here(at);
        here.find(|vault| vault.vault_name == name)
    }

    fn here<'v>(&'v self, at: &'v TargetId) -> impl Iterator<Item = &'v Vault> {
        let is_here = |vault: &&Vault| vault.account_id == at.account_id && vault.region == at.region;
        self.rows.iter().filter(is_here)
    }

    /// Vaults of an account and Region that a rule may write to: `only` the one of this name, if there is one.
    pub(crate) fn at<'v>(&'v self, at: &'v TargetId, wanted: &PointValues, only: Option<&str>) -> Vec<&'v Vault> {
        let named = self
            .here(at)
            .filter(|vault| only.is_none_or(|name| vault.vault_name == name));
        self.sorted(named, wanted, DEFAULT_VAULT)
    }

    /// Vaults that a copy may go to which is wanted in a place of a kind, for tables of `home`: those in the same Region or
    /// account first, then those with the same name as the one at home.
    pub(crate) fn elsewhere(
        &self,
        home: &TargetId,
        (kind, place): (PlaceKind, &str),
        wanted: &PointValues,
        name: &str,
    ) -> Vec<&Vault> {
        let own = kind.of(&home.account_id, &home.region);
        let there = self
            .rows
            .iter()
            .filter(|vault| is_wanted_at(place, kind.of(&vault.account_id, &vault.region), own))
            .filter(|vault| vault.vault_arn.is_some());
        let mut there = self.sorted(there, wanted, name);
        let is_near = |vault: &Vault| match kind {
            PlaceKind::Region => vault.account_id == home.account_id,
            PlaceKind::Account => vault.region == home.region,
        };
        there.sort_by_key(|vault| !is_near(vault));
        there
    }

    /// Only those that take points by a rule: not the views of other vaults, nor AWS's own, nor air-gapped ones.
    fn sorted<'v>(
        &'v self,
        vaults: impl Iterator<Item = &'v Vault>,
        wanted: &PointValues,
        first: &str,
    ) -> Vec<&'v Vault> {
        let mut vaults: Vec<&Vault> = vaults
            .filter(|vault| vault.vault_type.as_deref().is_none_or(|kind| kind == "BACKUP_VAULT"))
            .filter(|vault| !vault.vault_name.contains('/'))
            .collect();
        vaults.sort_by_key(|vault| (!self.fits(vault, wanted), vault.vault_name != first, &vault.vault_name));
        vaults
    }

    /// Has it the lock and the key that are wanted, as far as its own row tells?
    pub(crate) fn fits(&self, vault: &Vault, wanted: &PointValues) -> bool {
        let is_locked = vault.locked == Some(true);
        let lock = match wanted.vault_lock {
            LockWanted::None => true,
            LockWanted::Governance => is_locked,
            LockWanted::Compliance => is_locked && vault.lock_date.is_some_and(|date| date <= self.as_of),
        };
        let manager = vault
            .key_arn
            .as_deref()
            .and_then(|arn| self.managers.get(arn)?.as_deref());
        let key = match wanted.key_owner {
            KeyOwner::Any => true,
            KeyOwner::AwsManaged => manager.is_some(),
            KeyOwner::CustomerManaged => manager == Some("CUSTOMER"),
        };
        lock && key && bounds(vault).1 >= wanted.retention_min_days
    }
}

/// The shortest and the longest retention that the lock of a vault allows.
pub(crate) fn bounds(vault: &Vault) -> (i64, i64) {
    match vault.locked {
        Some(true) => (
            vault.min_retention_days.unwrap_or(0),
            vault.max_retention_days.unwrap_or(FOREVER_DAYS),
        ),
        _ => (0, FOREVER_DAYS),
    }
}
