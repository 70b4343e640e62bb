//! The values that a policy can set: what a table must meet, as rules compare facts with it.

use chrono::TimeDelta;

use crate::dictionary::FactKey;
use crate::domain::{Demand, Demands, FactValue, NullCause};
use crate::duration;

/// Stands for "no upper bound" wherever a number of days is one: AWS Backup's longest lifecycle.
pub(crate) const FOREVER_DAYS: i64 = 36_500;

/// Who must own the key of a recovery point, from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyOwner {
    /// Any encryption will do.
    Any,
    /// An AWS-managed key (`aws/backup`, `aws/dynamodb`) or stronger.
    AwsManaged,
    /// A customer-managed key.
    CustomerManaged,
}

impl KeyOwner {
    /// From weak to strong.
    pub(crate) const ALL: [Self; 3] = [Self::Any, Self::AwsManaged, Self::CustomerManaged];

    /// The word of `backproof.toml`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::AwsManaged => "aws-managed",
            Self::CustomerManaged => "customer-managed",
        }
    }

    /// Its place in the order: 0, 1, 2.
    pub(crate) const fn rank(self) -> i64 {
        match self {
            Self::Any => 0,
            Self::AwsManaged => 1,
            Self::CustomerManaged => 2,
        }
    }
}

/// How vaults must be locked, from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockWanted {
    /// No lock is asked for.
    None,
    /// Any lock, governance or compliance.
    Governance,
    /// A compliance lock whose grace period has ended.
    Compliance,
}

impl LockWanted {
    /// From weak to strong.
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::Governance, Self::Compliance];

    /// The word of `backproof.toml`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        }
    }

    /// The least rank of a vault's lock that meets it: 0 none, 1 governance, 3 compliance; 2 is a lock in grace.
    pub(crate) const fn rank(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Governance => 1,
            Self::Compliance => 3,
        }
    }
}

/// What is asked of one recovery point, beside that it can be restored and that its key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PointValues {
    /// The shortest retention allowed, in days.
    pub(crate) retention_min_days: i64,
    /// Who must own its key.
    pub(crate) key_owner: KeyOwner,
    /// How its vault must be locked.
    pub(crate) vault_lock: LockWanted,
    /// Demands that are not asked; see [`PolicyValues::excused`].
    pub(crate) excused: Demands,
}

/// `copy`: where copies must lie, and what is asked of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyValues {
    /// `regions`: other Regions that must hold a copy, in order; empty: none.
    pub regions: Vec<String>,
    /// `accounts`: other accounts that must hold a copy, in order; empty: none.
    pub accounts: Vec<String>,
    /// `rpo`: the greatest age allowed for the data of a copy; none: twice the limit.
    pub rpo: Option<TimeDelta>,
    /// `retention-min`: the shortest retention allowed, in days; none: not set.
    pub retention_min_days: Option<i64>,
    /// `key-owner`: who must own the keys of copies; none: not set.
    pub key_owner: Option<KeyOwner>,
    /// `vault-lock`: how the vaults of copies must be locked; none: not set.
    pub vault_lock: Option<LockWanted>,
}

/// What kind of place a copy is to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlaceKind {
    Region,
    Account,
}

impl PlaceKind {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Region, Self::Account];

    /// The place of that kind.
    pub(crate) fn of<'p>(self, account_id: &'p str, region: &'p str) -> &'p str {
        match self {
            Self::Region => region,
            Self::Account => account_id,
        }
    }

    /// One of them, or any other one, in words.
    pub(crate) fn words(self, place: &str) -> String {
        match (self, place) {
            (Self::Region, ANY_PLACE) => "another Region".to_owned(),
            (Self::Account, ANY_PLACE) => "another account".to_owned(),
            (Self::Region, named) => named.to_owned(),
            (Self::Account, named) => format!("account {named}"),
        }
    }
}

impl CopyValues {
    /// The places of a kind that must hold a copy, without the table's own.
    pub(crate) fn elsewhere<'v>(&'v self, kind: PlaceKind, own: &'v str) -> impl Iterator<Item = &'v str> {
        let all = match kind {
            PlaceKind::Region => &self.regions,
            PlaceKind::Account => &self.accounts,
        };
        all.iter().map(String::as_str).filter(move |place| *place != own)
    }
}

/// Is a copy in the place `found` one that is wanted in `place`, where the table lies in `own`?
pub(crate) fn is_wanted_at(place: &str, found: &str, own: &str) -> bool {
    match place {
        ANY_PLACE => found != own,
        named => found == named,
    }
}

/// What a table must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyValues {
    /// `rpo`: a strict promise: the greatest age that the newest recovery point may ever have; none: not promised.
    pub rpo: Option<TimeDelta>,
    /// `frequency`: the largest gap allowed between runs of plans; none: a day, unless `rpo` is set.
    pub frequency: Option<TimeDelta>,
    /// `tolerance`: how long after it was due a backup may be there; none: half a day, and never more than the frequency.
    pub tolerance: Option<TimeDelta>,
    /// `retention-min`: the shortest retention allowed, in days.
    pub retention_min_days: i64,
    /// `retention-max`: the longest retention allowed, in days; 36,500 if there is no bound.
    pub retention_max_days: i64,
    /// `key-owner`: who must own the keys of recovery points.
    pub key_owner: KeyOwner,
    /// `vault-lock`: how vaults must be locked.
    pub vault_lock: LockWanted,
    /// `copy`: where copies must lie, and what is asked of them.
    pub copy: CopyValues,
    /// `accept-copies`: a good copy elsewhere may stand for the point at home.
    pub accept_copies: bool,
    /// `air-gapped-within`: the greatest age allowed for the newest point in a logically air-gapped vault; none: not asked for.
    pub air_gapped_within: Option<TimeDelta>,
    /// `restore-tested-within`: how long ago the last restore that succeeded may be; none: once is enough.
    pub restore_tested_within: Option<TimeDelta>,
    /// `rto`: the longest restore allowed.
    pub rto: TimeDelta,
    /// Demands that are not asked: to tell what a waiver would have to excuse. No file says it, and no verdict is made by it.
    pub excused: Demands,
}

impl Default for PolicyValues {
    /// The defaults of AWS Backup Audit Manager: a backup a day, kept for 35 days, restored within 720 minutes; any
    /// encryption. A daily plan starts its jobs anywhere in its window, so a day is not 24 hours.
    fn default() -> Self {
        Self {
            rpo: None,
            frequency: None,
            tolerance: None,
            retention_min_days: 35,
            retention_max_days: FOREVER_DAYS,
            key_owner: KeyOwner::Any,
            vault_lock: LockWanted::None,
            copy: CopyValues::default(),
            accept_copies: false,
            air_gapped_within: None,
            restore_tested_within: None,
            rto: TimeDelta::minutes(720),
            excused: Demands::NONE,
        }
    }
}

/// `frequency` where neither it nor `rpo` is set.
const DEFAULT_FREQUENCY: TimeDelta = TimeDelta::days(1);

/// `tolerance` where it is not set; never more than the frequency.
const DEFAULT_TOLERANCE: TimeDelta = TimeDelta::hours(12);

impl PolicyValues {
    /// `frequency`, or its default; none where `rpo` alone is set.
    pub(crate) fn wanted_frequency(&self) -> Option<TimeDelta> {
        let default = || self.rpo.is_none().then_some(DEFAULT_FREQUENCY);
        self.frequency.or_else(default)
    }

    /// `tolerance`, or its default.
    pub(crate) fn wanted_tolerance(&self) -> TimeDelta {
        let most = self.frequency.unwrap_or(DEFAULT_FREQUENCY);
        self.tolerance.unwrap_or_else(|| DEFAULT_TOLERANCE.min(most))
    }

    /// The greatest age allowed for the newest good recovery point: frequency and tolerance, the RPO, or the stricter of them.
    pub(crate) fn limit(&self) -> TimeDelta {
        let by_frequency = self
            .wanted_frequency()
            .map(|frequency| frequency + self.wanted_tolerance());
        let both = [self.rpo, by_frequency];
        both.into_iter().flatten().min().unwrap_or(DEFAULT_FREQUENCY)
    }

    /// The same with some demands not asked.
    #[must_use]
    pub(crate) fn excusing(&self, excused: Demands) -> Self {
        Self {
            excused,
            ..self.clone()
        }
    }

    /// The largest gap allowed between runs of plans.
    pub(crate) fn wanted_interval(&self) -> TimeDelta {
        let both = [self.rpo, self.wanted_frequency()];
        both.into_iter().flatten().min().unwrap_or(DEFAULT_FREQUENCY)
    }

    /// The greatest age allowed for the data of a copy.
    pub(crate) fn copy_rpo(&self) -> TimeDelta {
        self.copy.rpo.unwrap_or_else(|| self.default_copy_rpo())
    }

    fn default_copy_rpo(&self) -> TimeDelta {
        self.limit() * 2
    }

    /// Must every rule that is to count make the copies that the policy requires? Where copies may be older than they may be by
    /// default, a rule of their own may make them.
    pub(crate) fn wants_copies_of_each_rule(&self) -> bool {
        self.copy_rpo() <= self.default_copy_rpo() && !self.excused.contains(Demand::Copied)
    }

    /// What is asked of a copy that the policy requires somewhere, in words.
    fn copy_terms(&self) -> String {
        let copy = &self.copy;
        let terms = [
            Some(format!("data at most {} old", duration::age(self.copy_rpo()))),
            copy.retention_min_days.map(|days| format!("kept {days} d")),
            copy.key_owner.map(|owner| format!("key owner {}", owner.as_str())),
            copy.vault_lock.map(|lock| format!("vault lock {}", lock.as_str())),
        ];
        terms.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// What is asked of a point in the table's own account and Region.
    pub(crate) const fn of_point(&self) -> PointValues {
        PointValues {
            retention_min_days: self.retention_min_days,
            key_owner: self.key_owner,
            vault_lock: self.vault_lock,
            excused: self.excused,
        }
    }

    /// What is asked of a copy that is to lie somewhere beside the point at home: what `copy` sets, and nothing else.
    pub(crate) fn of_copy(&self) -> PointValues {
        PointValues {
            retention_min_days: self.copy.retention_min_days.unwrap_or(0),
            key_owner: self.copy.key_owner.unwrap_or(KeyOwner::Any),
            vault_lock: self.copy.vault_lock.unwrap_or(LockWanted::None),
            excused: Demands::NONE,
        }
    }

    /// What is asked of a copy that stands for the point at home: where `copy` sets nothing, as much as of that. None where
    /// no copy may stand for it.
    pub(crate) fn of_accepted_copy(&self) -> Option<PointValues> {
        self.accept_copies.then(|| PointValues {
            retention_min_days: self.copy.retention_min_days.unwrap_or(self.retention_min_days),
            key_owner: self.copy.key_owner.unwrap_or(self.key_owner),
            vault_lock: self.copy.vault_lock.unwrap_or(self.vault_lock),
            excused: self.excused,
        })
    }

    /// The values as `backproof.toml` would say them, for reports.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let or_none = |duration: Option<TimeDelta>| duration.map_or_else(|| "none".to_owned(), duration::human);
        let list = |items: &[String]| {
            if items.is_empty() {
                "none".to_owned()
            } else {
                items.join(", ")
            }
        };
        let days = |days: i64| {
            if days >= FOREVER_DAYS {
                "none".to_owned()
            } else {
                format!("{days}d")
            }
        };
        let or_unset = |value: Option<String>| value.unwrap_or_else(|| UNSET.to_owned());
        vec![
            ("rpo", or_none(self.rpo)),
            ("frequency", or_none(self.wanted_frequency())),
            ("tolerance", duration::human(self.wanted_tolerance())),
            ("retention-min", format!("{}d", self.retention_min_days)),
            ("retention-max", days(self.retention_max_days)),
            ("key-owner", self.key_owner.as_str().to_owned()),
            ("vault-lock", self.vault_lock.as_str().to_owned()),
            ("copy.regions", list(&self.copy.regions)),
            ("copy.accounts", list(&self.copy.accounts)),
            ("copy.rpo", duration::human(self.copy_rpo())),
            ("copy.retention-min", or_unset(self.copy.retention_min_days.map(days))),
            (
                "copy.key-owner",
                or_unset(self.copy.key_owner.map(|owner| owner.as_str().to_owned())),
            ),
            (
                "copy.vault-lock",
                or_unset(self.copy.vault_lock.map(|lock| lock.as_str().to_owned())),
            ),
            ("accept-copies", self.accept_copies.to_string()),
            ("air-gapped-within", or_none(self.air_gapped_within)),
            ("restore-tested-within", or_none(self.restore_tested_within)),
            ("rto", duration::human(self.rto)),
        ]
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "durations of a policy are far below 2^52 seconds"
)]
fn hours(duration: TimeDelta) -> f64 {
    duration.num_seconds() as f64 / 3600.0
}

/// A value of the policy that rules may compare with.
pub(crate) struct PolicyValue {
    /// Its name in conditions.
    pub(crate) name: &'static str,
    /// What it says.
    pub(crate) doc: &'static str,
    /// Reads it.
    pub(crate) of: fn(&PolicyValues) -> FactValue,
}

/// Stands for a value of `copy` that is not set, where values are listed.
pub(crate) const UNSET: &str = "not set";

/// In lists of Regions and accounts that must hold a copy: one of them must, whichever it is.
pub(crate) const ANY_PLACE: &str = "any";

/// The greatest age allowed for the newest recovery point of a table, in hours.
pub(crate) const LIMIT_HOURS: FactKey = FactKey::new("limit_hours");

/// The shortest retention allowed for the recovery points of a table, in days.
pub(crate) const RETENTION_MIN_DAYS: FactKey = FactKey::new("retention_min_days");

/// The longest retention allowed, in days.
pub(crate) const RETENTION_MAX_DAYS: FactKey = FactKey::new("retention_max_days");

/// The policy values, as columns beside the facts.
pub(crate) const POLICY_VALUES: &[PolicyValue] = &[
    PolicyValue {
        name: LIMIT_HOURS.name(),
        doc: "Greatest age allowed for the newest recovery point, in hours: `policy.frequency` and `policy.tolerance`, or `policy.rpo` where that is set and stricter.",
        of: |values| FactValue::Float(hours(values.limit())),
    },
    PolicyValue {
        name: "frequency_hours",
        doc: "Largest gap allowed between runs of plans, in hours: `policy.frequency`, or `policy.rpo` where that alone is set or stricter.",
        of: |values| FactValue::Float(hours(values.wanted_interval())),
    },
    PolicyValue {
        name: "tolerance_hours",
        doc: "How long after it was due a backup may be there, in hours (`policy.tolerance`).",
        of: |values| FactValue::Float(hours(values.wanted_tolerance())),
    },
    PolicyValue {
        name: "rpo_hours",
        doc: "The age that is promised never to be exceeded, in hours (`policy.rpo`). Null where none is promised.",
        of: |values| {
            values
                .rpo
                .map_or(FactValue::Null(NullCause::None), |rpo| FactValue::Float(hours(rpo)))
        },
    },
    PolicyValue {
        name: RETENTION_MIN_DAYS.name(),
        doc: "Shortest retention allowed, in days (`policy.retention-min`).",
        of: |values| FactValue::Int(values.retention_min_days),
    },
    PolicyValue {
        name: RETENTION_MAX_DAYS.name(),
        doc: "Longest retention allowed, in days; 36,500 if there is no bound (`policy.retention-max`).",
        of: |values| FactValue::Int(values.retention_max_days),
    },
    PolicyValue {
        name: "key_owner_wanted",
        doc: "Who must own the key: `any`, `aws-managed` or `customer-managed` (`policy.key-owner`).",
        of: |values| FactValue::Text(values.key_owner.as_str().into()),
    },
    PolicyValue {
        name: "key_owner_wanted_rank",
        doc: "The same as a number from 0 to 2, to compare with the ranks of keys.",
        of: |values| FactValue::Int(values.key_owner.rank()),
    },
    PolicyValue {
        name: "vault_lock_wanted",
        doc: "How vaults must be locked: `none`, `governance` or `compliance` (`policy.vault-lock`).",
        of: |values| FactValue::Text(values.vault_lock.as_str().into()),
    },
    PolicyValue {
        name: "vault_lock_wanted_rank",
        doc: "The same as a number to compare with the ranks of locks: 0, 1 or 3.",
        of: |values| FactValue::Int(values.vault_lock.rank()),
    },
    PolicyValue {
        name: "copy_regions_wanted",
        doc: "Other Regions that must hold a copy; `any` if one of them must, whichever it is; `none` if there is none (`policy.copy.regions`).",
        of: |values| FactValue::Text(list(&values.copy.regions)),
    },
    PolicyValue {
        name: "copy_accounts_wanted",
        doc: "Other accounts that must hold a copy; `any` if one of them must, whichever it is; `none` if there is none (`policy.copy.accounts`).",
        of: |values| FactValue::Text(list(&values.copy.accounts)),
    },
    PolicyValue {
        name: "copy_rpo_hours",
        doc: "Greatest age allowed for the data of a copy, in hours (`policy.copy.rpo`; twice the limit by default).",
        of: |values| FactValue::Float(hours(values.copy_rpo())),
    },
    PolicyValue {
        name: "copy_terms",
        doc: "What is asked of a copy, in words: the age of its data and, where `policy.copy` sets them, retention, owner of its key, lock of its vault.",
        of: |values| FactValue::Text(values.copy_terms().into()),
    },
    PolicyValue {
        name: "copies_accepted",
        doc: "A good copy in another account or Region may stand for the recovery point at home (`policy.accept-copies`).",
        of: |values| FactValue::Bool(values.accept_copies),
    },
    PolicyValue {
        name: "air_gapped_wanted",
        doc: "A recovery point in a logically air-gapped vault is asked for (`policy.air-gapped-within`).",
        of: |values| FactValue::Bool(values.air_gapped_within.is_some()),
    },
    PolicyValue {
        name: "air_gapped_within_hours",
        doc: "Greatest age allowed for it, in hours; 0 if none is asked for.",
        of: |values| FactValue::Float(values.air_gapped_within.map_or(0.0, hours)),
    },
    PolicyValue {
        name: "restore_test_wanted",
        doc: "How long ago a restore may have been tested is limited (`policy.restore-tested-within`).",
        of: |values| FactValue::Bool(values.restore_tested_within.is_some()),
    },
    PolicyValue {
        name: "restore_tested_within_days",
        doc: "How long ago the last restore that succeeded may be, in days; 36,500 if that is not limited.",
        of: |values| {
            let forever = 36_500.0;
            FactValue::Float(
                values
                    .restore_tested_within
                    .map_or(forever, |within| hours(within) / 24.0),
            )
        },
    },
    PolicyValue {
        name: "rto_minutes",
        doc: "Longest restore allowed, in minutes (`policy.rto`).",
        of: |values| FactValue::Float(hours(values.rto) * 60.0),
    },
];

fn list(items: &[String]) -> std::sync::Arc<str> {
    if items.is_empty() {
        "none".into()
    } else {
        items.join(", ").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_frequency_and_tolerance_or_the_promise_where_that_is_stricter() {
        let hours = TimeDelta::hours;
        let of = |rpo: Option<i64>, frequency: Option<i64>, tolerance: Option<i64>| PolicyValues {
            rpo: rpo.map(hours),
            frequency: frequency.map(hours),
            tolerance: tolerance.map(hours),
            ..PolicyValues::default()
        };
        for (values, limit, interval) in [
            // A daily plan with a window of 8 hours is in order at 31 hours, and not at 40.
            (of(None, None, None), 36, 24),
            (of(None, Some(168), None), 180, 168),
            (of(None, Some(6), None), 12, 6),
            (of(None, Some(24), Some(2)), 26, 24),
            // The promise alone: the default frequency does not hold beside it.
            (of(Some(168), None, None), 168, 168),
            (of(Some(24), None, None), 24, 24),
            // Both: the stricter.
            (of(Some(24), Some(24), None), 24, 24),
            (of(Some(168), Some(24), None), 36, 24),
        ] {
            assert_eq!(
                (values.limit(), values.wanted_interval()),
                (hours(limit), hours(interval)),
                "{values:?}"
            );
        }
    }
}
