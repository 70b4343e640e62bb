//! The values that a policy can set: what a table must meet, as rules compare facts with it.

use chrono::TimeDelta;

use crate::dictionary::FactKey;
use crate::domain::FactValue;
use crate::duration;

/// Stands for "no upper bound" wherever a number of days is one: AWS Backup's longest lifecycle.
pub const FOREVER_DAYS: i64 = 36_500;

/// Who must own the key of a recovery point, from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    pub const ALL: [Self; 3] = [Self::Any, Self::AwsManaged, Self::CustomerManaged];

    /// The word of `backproof.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::AwsManaged => "aws-managed",
            Self::CustomerManaged => "customer-managed",
        }
    }

    /// Its place in the order: 0, 1, 2.
    pub const fn rank(self) -> i64 {
        match self {
            Self::Any => 0,
            Self::AwsManaged => 1,
            Self::CustomerManaged => 2,
        }
    }
}

/// How vaults must be locked, from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    pub const ALL: [Self; 3] = [Self::None, Self::Governance, Self::Compliance];

    /// The word of `backproof.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        }
    }

    /// The least rank of a vault's lock that meets it: 0 none, 1 governance, 3 compliance; 2 is a lock in grace.
    pub const fn rank(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Governance => 1,
            Self::Compliance => 3,
        }
    }
}

/// What a table must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyValues {
    /// `rpo`: the greatest age allowed for the newest usable recovery point.
    pub rpo: TimeDelta,
    /// `retention-min`: the shortest retention allowed, in days.
    pub retention_min_days: i64,
    /// `retention-max`: the longest retention allowed, in days; 36,500 if there is no bound.
    pub retention_max_days: i64,
    /// `key-owner`: who must own the keys of recovery points.
    pub key_owner: KeyOwner,
    /// `vault-lock`: how vaults must be locked.
    pub vault_lock: LockWanted,
    /// `copy-regions`: other Regions that must hold a copy, in order; empty: none.
    pub copy_regions: Vec<String>,
    /// `copy-accounts`: other accounts that must hold a copy, in order; empty: none.
    pub copy_accounts: Vec<String>,
    /// `copy-rpo`: the greatest age allowed for the data of such a copy; none: twice the RPO.
    pub copy_rpo: Option<TimeDelta>,
    /// `air-gapped-within`: the greatest age allowed for the newest point in a logically air-gapped vault; none: not asked for.
    pub air_gapped_within: Option<TimeDelta>,
    /// `restore-tested-within`: how long ago the last restore that succeeded may be; none: once is enough.
    pub restore_tested_within: Option<TimeDelta>,
    /// `rto`: the longest restore allowed.
    pub rto: TimeDelta,
}

impl Default for PolicyValues {
    /// The defaults of AWS Backup Audit Manager: a point a day, kept for 35 days, restored within 720 minutes; any
    /// encryption.
    fn default() -> Self {
        Self {
            rpo: TimeDelta::hours(24),
            retention_min_days: 35,
            retention_max_days: FOREVER_DAYS,
            key_owner: KeyOwner::Any,
            vault_lock: LockWanted::None,
            copy_regions: Vec::new(),
            copy_accounts: Vec::new(),
            copy_rpo: None,
            air_gapped_within: None,
            restore_tested_within: None,
            rto: TimeDelta::minutes(720),
        }
    }
}

impl PolicyValues {
    /// The greatest age allowed for a copy.
    pub fn copy_rpo(&self) -> TimeDelta {
        self.copy_rpo.unwrap_or(self.rpo * 2)
    }

    /// The values as `backproof.toml` would say them, for reports.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
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
        vec![
            ("rpo", duration::human(self.rpo)),
            ("retention-min", format!("{}d", self.retention_min_days)),
            ("retention-max", days(self.retention_max_days)),
            ("key-owner", self.key_owner.as_str().to_owned()),
            ("vault-lock", self.vault_lock.as_str().to_owned()),
            ("copy-regions", list(&self.copy_regions)),
            ("copy-accounts", list(&self.copy_accounts)),
            ("copy-rpo", duration::human(self.copy_rpo())),
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
pub struct PolicyValue {
    /// Its name in conditions.
    pub name: &'static str,
    /// What it says.
    pub doc: &'static str,
    /// Reads it.
    pub of: fn(&PolicyValues) -> FactValue,
}

/// In lists of Regions and accounts that must hold a copy: one of them must, whichever it is.
pub const ANY_PLACE: &str = "any";

/// The RPO of a table, in hours.
pub const RPO_HOURS: FactKey = FactKey::new("rpo_hours");

/// The shortest retention allowed for the recovery points of a table, in days.
pub const RETENTION_MIN_DAYS: FactKey = FactKey::new("retention_min_days");

/// The policy values, as columns beside the facts.
pub const POLICY_VALUES: &[PolicyValue] = &[
    PolicyValue {
        name: RPO_HOURS.name(),
        doc: "Greatest age allowed, in hours (`policy.rpo`).",
        of: |values| FactValue::Float(hours(values.rpo)),
    },
    PolicyValue {
        name: RETENTION_MIN_DAYS.name(),
        doc: "Shortest retention allowed, in days (`policy.retention-min`).",
        of: |values| FactValue::Int(values.retention_min_days),
    },
    PolicyValue {
        name: "retention_max_days",
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
        doc: "Other Regions that must hold a copy; `any` if one of them must, whichever it is; `none` if there is none (`policy.copy-regions`).",
        of: |values| FactValue::Text(list(&values.copy_regions)),
    },
    PolicyValue {
        name: "copy_accounts_wanted",
        doc: "Other accounts that must hold a copy; `any` if one of them must, whichever it is; `none` if there is none (`policy.copy-accounts`).",
        of: |values| FactValue::Text(list(&values.copy_accounts)),
    },
    PolicyValue {
        name: "copy_rpo_hours",
        doc: "Greatest age allowed for the data of a copy, in hours (`policy.copy-rpo`; twice the RPO by default).",
        of: |values| FactValue::Float(hours(values.copy_rpo())),
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
