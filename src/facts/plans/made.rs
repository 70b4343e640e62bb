//! A point that a rule or a copy action would make now: would it be good, and what would it lack?

use super::rule::CopyAction;
use crate::criteria::values::{FOREVER_DAYS, PlaceKind, PointValues, is_wanted_at};
use crate::domain::{Demand, Demands};
use crate::facts::demands::Quality;
use crate::facts::index::Index;
use crate::facts::index::keys::RankedKey;
use crate::facts::index::vaults::VaultState;

/// What is known of such a point.
pub(super) struct Made {
    /// Is it made at all? Not in a vault that refuses it, nor under a key that does not work.
    pub(super) is_made: Option<bool>,
    pub(super) is_good: Option<bool>,
    /// What it lacks for certain.
    pub(super) lacks: Vec<String>,
    /// The demands that it does not meet for certain; [`Demand::Usable`] where it may not be made.
    pub(super) wants: Demands,
}

impl Made {
    /// In a vault that is not among those that were listed. `are_listed`: all that there are.
    pub(super) fn in_no_vault(name: &str, are_listed: bool, wanted: &PointValues) -> Self {
        // Of a vault that was not listed nothing is known; of the retention the rule tells.
        let unknown = Quality {
            is_usable: None,
            kept_days: Some(FOREVER_DAYS),
            is_encrypted: None,
            owner_rank: None,
            key_works: None,
            lock: None,
        };
        let lacks = are_listed.then(|| format!("writes to vault `{name}`, which does not exist"));
        Self {
            is_made: are_listed.then_some(false),
            is_good: are_listed.then_some(false),
            lacks: lacks.into_iter().collect(),
            wants: if are_listed {
                Demands::NONE.and(Demand::Usable)
            } else {
                unknown.wants(wanted)
            },
        }
    }

    /// In a vault. `kept`: for so many days; `keys`: under one of these.
    pub(super) fn in_vault(
        vault: &VaultState,
        name: &str,
        kept: Option<i64>,
        keys: &[&RankedKey],
        wanted: &PointValues,
    ) -> Self {
        let mut lacks = Vec::new();
        let (least, most) = vault.bounds();
        // For ever lies beyond every upper bound, and beyond none where there is no bound.
        let is_refused = kept.map(|kept| kept < least || (kept > most && most < FOREVER_DAYS));
        if let (Some(kept), Some(true)) = (kept, is_refused) {
            lacks.push(format!("keeps {kept} d, which the lock of vault `{name}` refuses"));
        }
        let made = |key: &RankedKey| Quality {
            is_usable: Some(true),
            kept_days: kept,
            is_encrypted: Some(true),
            owner_rank: key.rank,
            key_works: key.is_usable,
            lock: vault.known_lock(),
        };
        let meets = |demand: Demand| {
            let mut all = keys.iter().map(|key| made(key).meets(demand, wanted));
            let first = all.next().flatten();
            first.filter(|_| all.all(|other| other == first))
        };
        let demands = Demand::OF_POINTS.map(|demand| (demand, meets(demand)));
        for (demand, _) in demands.iter().filter(|(_, meets)| *meets == Some(false)) {
            lacks.push(match demand {
                Demand::Fresh | Demand::Usable | Demand::Copied | Demand::Kept => {
                    too_short(kept.unwrap_or_default(), wanted)
                }
                Demand::KeyOwner => {
                    let owner = keys[0].facts.owner.unwrap_or("unknown");
                    format!(
                        "encrypts by a key that is {owner} ({} required)",
                        wanted.key_owner.as_str()
                    )
                }
                Demand::KeyWorks => {
                    let state = keys[0].facts.state.as_deref().unwrap_or("unknown");
                    format!("encrypts by a key in state {state}")
                }
                Demand::Locked => {
                    let (lock, wanted) = (vault.lock.as_str(), wanted.vault_lock.as_str());
                    format!("writes to vault `{name}`, lock {lock} ({wanted} required)")
                }
            });
        }
        // Where no lock bounds it, how long it is kept matters to no vault.
        let is_refused = is_refused.or((least <= 0 && most >= FOREVER_DAYS).then_some(false));
        let is_made = match (is_refused, meets(Demand::KeyWorks)) {
            (Some(true), _) | (_, Some(false)) => Some(false),
            (Some(false), Some(true)) => Some(true),
            _ => None,
        };
        let unmet = demands.iter().filter(|(_, meets)| *meets != Some(true));
        let may_be_refused = (is_refused != Some(false)).then_some(Demand::Usable);
        let wants = unmet.map(|(demand, _)| *demand).chain(may_be_refused).collect();
        let are_met = is_refused == Some(false) && demands.iter().all(|(_, meets)| *meets == Some(true));
        Self {
            is_made,
            is_good: match lacks.is_empty() {
                true => are_met.then_some(true),
                false => Some(false),
            },
            lacks,
            wants,
        }
    }
}

pub(super) fn too_short(kept: i64, wanted: &PointValues) -> String {
    format!("keeps {kept} d ({} d required)", wanted.retention_min_days)
}

impl CopyAction {
    /// Would a copy that it makes now be good, and what would it lack for certain? A copy is encrypted by the key of its vault.
    pub(crate) fn judge(&self, wanted: &PointValues, index: &Index) -> (Option<bool>, Vec<String>) {
        let (account_id, region) = (&self.to.account_id, &self.to.region);
        let place = index.vault_place(account_id, region, &self.vault_name);
        let made = match place.map(|place| &index.vaults[place as usize]) {
            None => match (self.is_kept(wanted), self.kept_days) {
                (Some(false), Some(kept)) => {
                    return (Some(false), vec![too_short(kept, wanted)]);
                }
                _ => Made::in_no_vault(&self.vault_name, self.is_looked_at(index), wanted),
            },
            Some(vault) => {
                let key = RankedKey::from(vault.key.clone());
                Made::in_vault(vault, &self.vault_name, self.kept_days, &[&key], wanted)
            }
        };
        (made.is_good, made.lacks)
    }

    /// Would a copy that it makes meet what is asked of copies that the policy requires? In a vault that was not looked at it does
    /// where nothing is asked of the vault.
    pub(crate) fn counts(&self, asked: &PointValues, index: &Index) -> Option<bool> {
        let asks_of_vaults = asked.key_owner.rank() > 0 || asked.vault_lock.rank() > 0;
        match self.judge(asked, index) {
            (None, _) if !self.is_looked_at(index) && !asks_of_vaults => self.is_kept(asked),
            (is_good, _) => is_good,
        }
    }

    /// The same of one that is wanted in a place of a kind, for a table in `own`.
    pub(crate) fn counts_in(
        &self,
        (kind, place, own): (PlaceKind, &str, &str),
        asked: &PointValues,
        index: &Index,
    ) -> Option<bool> {
        match is_wanted_at(place, kind.of(&self.to.account_id, &self.to.region), own) {
            true => self.counts(asked, index),
            false => Some(false),
        }
    }

    /// Is it kept as long as wanted?
    pub(crate) fn is_kept(&self, wanted: &PointValues) -> Option<bool> {
        if wanted.retention_min_days <= 0 || wanted.excused.contains(Demand::Kept) {
            return Some(true);
        }
        self.kept_days.map(|kept| kept >= wanted.retention_min_days)
    }

    /// Were the vaults listed where it copies to?
    pub(crate) fn is_looked_at(&self, index: &Index) -> bool {
        let place = index.place_of(&self.to.account_id, &self.to.region);
        place.is_some_and(|place| index.is_whole(place, "backup:ListBackupVaults", ""))
    }

    /// Where it copies to, in words.
    pub(crate) fn place(&self) -> String {
        let (account_id, region) = (&self.to.account_id, &self.to.region);
        format!("account {account_id}, {region}, vault {}", self.vault_name)
    }
}
