//! What is known of recovery points as far as demands ask, one by one and whatever became of their tables: for proofs over a
//! period.

use std::collections::HashMap;
use std::sync::Arc;

use super::demands::Quality;
use super::index::Index;
use super::index::keys::{KeyFacts, RankedKey};
use super::index::vaults::Lock;
use super::recovery_point::{Lifecycle, PointKind, Retention, is_native};
use super::time::seconds;
use crate::dictionary::Text;
use crate::domain::TargetId;
use crate::inventory::schema::borrowed::RecoveryPoint;

/// What is known of a key. Of encryption alone it says nothing.
pub(crate) type KeyQuality = (Option<i64>, Option<bool>);

/// The key of a recovery point, which AWS changes for nobody.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum PointKey {
    /// One that AWS owns, which always works.
    OfAws,
    /// By its ARN.
    Named(Text),
}

impl PointKey {
    fn of(key: &KeyFacts) -> Option<Self> {
        match (&key.arn, key.owner) {
            (Some(arn), _) => Some(Self::Named(Arc::clone(arn))),
            (None, Some("aws-owned")) => Some(Self::OfAws),
            _ => None,
        }
    }
}

/// How one inventory shows the lock of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LockSeen {
    pub(crate) lock: Lock,
    /// The moment, in seconds since 1970, from which nobody can take the lock away; `None`: there is none, or AWS leaves it out.
    pub(crate) final_since: Option<u32>,
    /// When the vault was created; `None`: AWS leaves it out.
    pub(crate) born: Option<u32>,
}

/// What is known of a point of its own. How its vault is locked and, where its key has a name, whose that is and whether it
/// works, is told apart, for it may change while the point stays.
#[derive(Debug, Clone)]
pub(crate) struct OwnQuality {
    pub(crate) quality: Quality,
    /// `None`: there is none, or it is not known.
    pub(crate) key: Option<PointKey>,
}

impl OwnQuality {
    fn of(quality: Quality, key: &KeyFacts) -> Self {
        let key = PointKey::of(key);
        let is_apart = key.is_some();
        Self {
            quality: Quality {
                owner_rank: quality.owner_rank.filter(|_| !is_apart),
                key_works: quality.key_works.filter(|_| !is_apart),
                lock: None,
                ..quality
            },
            key,
        }
    }
}

/// Reads points of one inventory. Few kinds cover millions of them, so that what follows from a kind is worked out once.
pub(crate) struct Qualities<'f> {
    index: &'f Index,
    known: HashMap<Likeness, OwnQuality>,
    /// The vault of the point before: most lie in the vault of their neighbour.
    last: Option<(TargetId, String, Option<u32>)>,
}

/// What tells kinds apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Likeness {
    vault: Option<u32>,
    key: Key,
    is_key_of_aws: bool,
    key_of_backup: Option<u32>,
    retention: Retention,
    is_native: Option<bool>,
    is_encrypted: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    None,
    Undescribed,
    Described(u32),
}

impl<'f> Qualities<'f> {
    pub(super) fn new(index: &'f Index) -> Self {
        Self {
            index,
            known: HashMap::new(),
            last: None,
        }
    }

    fn vault(&mut self, account_id: &str, region: &str, name: &str) -> Option<u32> {
        if let Some((target, last, place)) = &self.last
            && (target.account_id.as_str(), target.region.as_str(), last.as_str()) == (account_id, region, name)
        {
            return *place;
        }
        let place = self.index.vault_place(account_id, region, name);
        self.last = Some((TargetId::new(account_id, region), name.to_owned(), place));
        place
    }

    /// Of a point that can be restored. `None`: it is a view of a point in another vault, and no second one.
    pub(crate) fn of(&mut self, point: &RecoveryPoint<'_>) -> Option<OwnQuality> {
        let vault = self.vault(point.account_id, point.region, point.vault_name);
        let index = self.index;
        if vault.is_some_and(|vault| index.vaults[vault as usize].is_view) {
            return None;
        }
        let key = match point.key_arn {
            None => Key::None,
            Some(arn) => index.keys.number(arn).map_or(Key::Undescribed, Key::Described),
        };
        let is_native = is_native(point.recovery_point_arn);
        let likeness = Likeness {
            vault,
            key,
            is_key_of_aws: point.key_type == Some("AWS_OWNED_KMS_KEY"),
            key_of_backup: index.keys.number_of_backup(point.recovery_point_arn),
            retention: Lifecycle::from(point).retention(),
            is_native,
            is_encrypted: point.is_encrypted,
        };
        let quality = || {
            let kind = PointKind::new(point, vault, index);
            OwnQuality::of(Quality::of(&kind, index), &kind.key.facts)
        };
        let mut own = self.known.entry(likeness).or_insert_with(quality).clone();
        // Whether it counts follows from its state, which the caller knows; the type of its vault may leave that open.
        let is_open = vault.is_some_and(|vault| index.vaults[vault as usize].is_of_unknown_type);
        own.quality.is_usable = (!is_open).then_some(true);
        if let (Key::Undescribed, Some(PointKey::Named(named)), Some(arn)) = (key, &mut own.key, point.key_arn) {
            *named = arn.into();
        }
        Some(own)
    }

    /// Of a point that no scan lists, by the job that made it. `kept_days`: what its plan promised.
    pub(crate) fn of_job(
        &mut self,
        target: &TargetId,
        vault_name: Option<&str>,
        recovery_point_arn: Option<&str>,
        kept_days: Option<i64>,
    ) -> OwnQuality {
        let vault = vault_name.and_then(|name| self.vault(&target.account_id, &target.region, name));
        let vault = vault.map(|place| &self.index.vaults[place as usize]);
        let key = match (recovery_point_arn.map(is_native), vault) {
            (Some(Some(false)), Some(vault)) if vault.key.arn.is_some() || vault.is_air_gapped => vault.key.clone(),
            _ => KeyFacts::unknown(),
        };
        let ranked = RankedKey::from(key.clone());
        let quality = Quality {
            is_usable: vault.is_none_or(|vault| !vault.is_of_unknown_type).then_some(true),
            kept_days,
            is_encrypted: (recovery_point_arn.and_then(is_native) == Some(true)
                || ranked.rank.is_some_and(|rank| rank >= 0))
            .then_some(true),
            owner_rank: ranked.rank,
            key_works: ranked.is_usable,
            lock: None,
        };
        OwnQuality::of(quality, &key)
    }

    /// The lock of every vault whose type is known.
    pub(crate) fn locks(&self) -> impl Iterator<Item = (TargetId, &str, LockSeen)> {
        self.index.vaults.iter().filter_map(|vault| {
            let row = &vault.row;
            let final_since = row.lock_date.filter(|_| vault.lock == Lock::Compliance);
            let seen = LockSeen {
                lock: vault.known_lock()?,
                // Air-gapped vaults are locked from their creation.
                final_since: final_since.map(seconds).or(vault.is_air_gapped.then_some(0)),
                born: row.created_at.map(seconds),
            };
            Some((TargetId::new(&row.account_id, &row.region), &*row.vault_name, seen))
        })
    }

    /// Every key that was described.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&Text, KeyQuality)> {
        self.index.keys.all().filter_map(|key| {
            let ranked = RankedKey::from(key.clone());
            Some((key.arn.as_ref()?, (ranked.rank, ranked.is_usable)))
        })
    }
}
