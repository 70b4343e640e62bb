//! What is known of a recovery point as far as demands ask, and which of them it meets.

use super::index::Index;
use super::index::keys::{KeyFacts, RankedKey, owner_of_rank};
use super::index::vaults::Lock;
use super::recovery_point::{PointKind, Retention};
use crate::criteria::values::{FOREVER_DAYS, KeyOwner, PointValues};
use crate::domain::{Demand, Demands};

/// What is known of a recovery point as far as demands ask; `None` is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Quality {
    pub(crate) is_usable: Option<bool>,
    pub(crate) kept_days: Option<i64>,
    pub(crate) is_encrypted: Option<bool>,
    /// From -1, unencrypted, to 2, customer-managed.
    pub(crate) owner_rank: Option<i64>,
    pub(crate) key_works: Option<bool>,
    pub(crate) lock: Option<Lock>,
}

impl Quality {
    /// Of points of a kind.
    pub(crate) fn of(kind: &PointKind, index: &Index) -> Self {
        let lock = kind.vault.and_then(|vault| index.vaults[vault as usize].known_lock());
        let key = &kind.key;
        let has_key = key.facts.arn.is_some() || key.rank.is_some_and(|rank| rank >= 0);
        Self {
            is_usable: kind.usability(),
            kept_days: kind.retention.days(),
            is_encrypted: kind.is_encrypted.or(has_key.then_some(true)),
            owner_rank: key.rank,
            key_works: key.is_usable,
            lock,
        }
    }

    /// The same under another key.
    #[must_use]
    pub(crate) fn under(self, key: &RankedKey) -> Self {
        Self {
            owner_rank: key.rank,
            key_works: key.is_usable,
            ..self
        }
    }

    /// Does it meet this demand? Of its age it holds nothing.
    pub(crate) fn meets(&self, demand: Demand, wanted: &PointValues) -> Option<bool> {
        match demand {
            _ if wanted.excused.contains(demand) => Some(true),
            // Its age and its copies are told elsewhere.
            Demand::Fresh | Demand::Copied => None,
            Demand::Usable => self.is_usable,
            Demand::Kept if wanted.retention_min_days <= 0 => Some(true),
            Demand::Kept => self.kept_days.map(|days| days >= wanted.retention_min_days),
            Demand::KeyOwner if wanted.key_owner == KeyOwner::Any => self.is_encrypted,
            Demand::KeyOwner => self.owner_rank.map(|rank| rank >= wanted.key_owner.rank()),
            Demand::KeyWorks => self.key_works,
            Demand::Locked if wanted.vault_lock.rank() == 0 => Some(true),
            Demand::Locked => self.lock.map(|lock| lock.rank() >= wanted.vault_lock.rank()),
        }
    }

    /// Does it meet every demand at once?
    pub(crate) fn is_good(&self, wanted: &PointValues) -> Option<bool> {
        let mut answer = Some(true);
        for demand in Demand::OF_POINTS {
            match self.meets(demand, wanted) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => answer = None,
            }
        }
        answer
    }

    /// The demands that it fails, and those of which that is not known: excused, it would be good for certain.
    pub(crate) fn wants(&self, wanted: &PointValues) -> Demands {
        let is_wanted = |demand: &Demand| self.meets(*demand, wanted) != Some(true);
        Demand::OF_POINTS.into_iter().filter(is_wanted).collect()
    }

    /// Is it surely good only where the other is too, whatever the policy? What is not known meets no demand for certain,
    /// and stands below everything that is known.
    pub(crate) fn is_covered_by(&self, other: &Self) -> bool {
        self.is_usable <= other.is_usable
            && self.kept_days <= other.kept_days
            && self.is_encrypted <= other.is_encrypted
            && self.owner_rank <= other.owner_rank
            && self.key_works <= other.key_works
            && self.lock <= other.lock
    }
}

/// Why a point of this kind does not meet a demand, as in `kept 7 d (35 d required)`.
pub(crate) fn failed(demand: Demand, quality: &Quality, kind: &PointKind, wanted: &PointValues) -> String {
    match demand {
        Demand::Fresh => "older than the limit".to_owned(),
        Demand::Copied => "without the copies that the policy requires".to_owned(),
        Demand::Usable => format!("state {}", kind.status.as_deref().unwrap_or("unknown")),
        Demand::Kept => {
            let kept = quality.kept_days.unwrap_or(0);
            format!("kept {kept} d ({} required)", days(wanted.retention_min_days))
        }
        Demand::KeyOwner if quality.is_encrypted == Some(false) || quality.owner_rank == Some(-1) => {
            "not encrypted".to_owned()
        }
        Demand::KeyOwner => {
            let owner = owner_of_rank(quality.owner_rank.unwrap_or(0)).replace("aws", "AWS");
            format!(
                "{owner} key ({} required)",
                wanted.key_owner.as_str().replace("aws", "AWS")
            )
        }
        Demand::KeyWorks => {
            let state = kind.key.facts.state.as_deref().unwrap_or("unusable");
            match state {
                "PendingDeletion" => "key pending deletion".to_owned(),
                "Disabled" => "key disabled".to_owned(),
                state => format!("key in state {state}"),
            }
        }
        Demand::Locked => {
            let lock = match quality.lock {
                Some(Lock::Governance) => "vault locked in governance mode only",
                Some(Lock::ComplianceInGrace) => "vault lock still in its grace time",
                _ => "vault not locked",
            };
            format!("{lock} ({} required)", wanted.vault_lock.as_str())
        }
    }
}

/// What is not known where it is not known whether a point of this kind meets a demand, and what settles it.
pub(crate) fn open(demand: Demand, kind: &PointKind) -> String {
    let described = |what: &str| match &kind.key.facts {
        KeyFacts { state: Some(state), .. } if demand == Demand::KeyWorks => {
            format!("what the state {state} of its key means")
        }
        KeyFacts { arn: Some(arn), .. } => format!("{what} of its key (kms:DescribeKey of {arn} settles it)"),
        _ if kind.state.is_native == Some(true) => format!(
            "{what} of the key it was encrypted by (dynamodb:DescribeBackup tells it, and is asked of a table's newest such point)"
        ),
        _ => format!("{what} of its key, which AWS does not name"),
    };
    match demand {
        Demand::Fresh => "when it was made".to_owned(),
        Demand::Copied => "which copies are made of it".to_owned(),
        Demand::Usable => format!("what its state {} means", kind.status.as_deref().unwrap_or("unknown")),
        Demand::Kept if kind.retention == Retention::Source => {
            "how long it is kept, which is as long as the point it is a copy of".to_owned()
        }
        Demand::Kept => "how long it is kept, which AWS leaves out".to_owned(),
        Demand::KeyOwner => described("the owner"),
        Demand::KeyWorks => described("the state"),
        Demand::Locked => "the lock of its vault, whose type is not known".to_owned(),
    }
}

fn days(days: i64) -> String {
    if days >= FOREVER_DAYS {
        "for ever".to_owned()
    } else {
        format!("{days} d")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criteria::values::{LockWanted, PolicyValues};

    const GOOD: Quality = Quality {
        is_usable: Some(true),
        kept_days: Some(35),
        is_encrypted: Some(true),
        owner_rank: Some(2),
        key_works: Some(true),
        lock: Some(Lock::Compliance),
    };

    fn strict() -> PointValues {
        PointValues {
            key_owner: KeyOwner::CustomerManaged,
            vault_lock: LockWanted::Compliance,
            ..lax()
        }
    }

    fn lax() -> PointValues {
        PolicyValues::default().of_point()
    }

    #[test]
    fn one_demand_that_fails_decides_and_one_that_is_open_leaves_it_open() {
        assert_eq!(GOOD.is_good(&strict()), Some(true));
        let open = Quality {
            owner_rank: None,
            ..GOOD
        };
        assert_eq!(open.is_good(&strict()), None);
        assert_eq!(open.is_good(&lax()), Some(true));
        let bad = Quality {
            lock: Some(Lock::ComplianceInGrace),
            ..open
        };
        assert_eq!(bad.is_good(&strict()), Some(false));
    }

    #[test]
    fn what_is_covered_is_good_only_where_the_other_is() {
        let options = |known: &[i64]| -> Vec<Option<i64>> {
            std::iter::once(None).chain(known.iter().copied().map(Some)).collect()
        };
        let flags = [None, Some(false), Some(true)];
        let mut all = Vec::new();
        for kept_days in options(&[7, 35]) {
            for owner_rank in options(&[-1, 0, 2]) {
                for key_works in flags {
                    for lock in [None, Some(Lock::None), Some(Lock::Compliance)] {
                        let is_encrypted = owner_rank.map(|rank| rank >= 0);
                        all.push(Quality {
                            kept_days,
                            is_encrypted,
                            owner_rank,
                            key_works,
                            lock,
                            ..GOOD
                        });
                    }
                }
            }
        }
        for values in [strict(), lax()] {
            for one in &all {
                for other in all.iter().filter(|other| one.is_covered_by(other)) {
                    assert!(
                        one.is_good(&values) != Some(true) || other.is_good(&values) == Some(true),
                        "{one:?} {other:?}"
                    );
                }
            }
        }
    }
}
