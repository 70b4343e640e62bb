//! One recovery point as it was read: its state, its lifecycle, its encryption, whatever its table.

use chrono::{DateTime, Utc};

use super::index::Index;
use super::index::keys::{KeyFacts, RankedKey};
use super::index::vaults::VaultState;
use super::time::instant;
use crate::criteria::values::FOREVER_DAYS;
use crate::inventory::schema;
use crate::inventory::schema::Row as _;
use crate::inventory::schema::borrowed::RecoveryPoint;

const DAY_MILLIS: i64 = 86_400_000;

/// AWS Backup deletes within 8 hours of the end of a lifecycle; a point is overdue a day after it.
const DELETION_GRACE_MILLIS: i64 = DAY_MILLIS;

/// The dates of a point, in milliseconds since 1970, as they lie in the inventory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifecycle {
    pub(crate) created_at: Option<i64>,
    pub(crate) delete_at: Option<i64>,
    pub(crate) delete_after_days: Option<i64>,
    pub(crate) cold_at: Option<i64>,
    /// It is a copy of a point in another vault.
    pub(crate) has_source: bool,
}

impl From<&RecoveryPoint<'_>> for Lifecycle {
    fn from(point: &RecoveryPoint<'_>) -> Self {
        let millis = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp_millis());
        Self {
            created_at: millis(point.created_at),
            delete_at: millis(point.delete_at),
            delete_after_days: point.delete_after_days,
            cold_at: millis(point.cold_at),
            has_source: point.source_vault_arn.is_some(),
        }
    }
}

impl Lifecycle {
    /// When AWS Backup is to delete the point, in milliseconds since 1970.
    pub(crate) fn end(&self) -> Option<i64> {
        let by_days = || {
            let days = self
                .delete_after_days
                .filter(|days| (1..=FOREVER_DAYS).contains(days))?;
            Some(self.created_at? + days * DAY_MILLIS)
        };
        self.delete_at.or_else(by_days)
    }

    /// Should it have been deleted by then? `as_of`: in milliseconds since 1970.
    pub(crate) fn is_over(&self, as_of: i64) -> bool {
        self.end().is_some_and(|end| end + DELETION_GRACE_MILLIS < as_of)
    }

    /// Is it in cold storage by then?
    pub(crate) fn is_cold(&self, as_of: i64) -> bool {
        self.cold_at.is_some_and(|at| at <= as_of)
    }

    /// How long it is kept.
    pub(crate) fn retention(&self) -> Retention {
        match (self.delete_after_days, self.delete_at, self.has_source) {
            (Some(days), _, _) if days > 0 => Retention::Days(Some(days)),
            (_, Some(delete_at), _) => {
                let kept = |created_at: i64| (delete_at - created_at) / 1000 + 43_200;
                Retention::Days(self.created_at.map(|at| kept(at).div_euclid(86_400)))
            }
            (_, None, true) => Retention::Source,
            (_, None, false) => Retention::Forever,
        }
    }
}

/// How long a point is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Retention {
    /// So many days; `None`: it does not say how many.
    Days(Option<i64>),
    /// A copy without days of its own ends with its source, of which nothing is known here.
    Source,
    Forever,
}

impl Retention {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Days(_) => "days",
            Self::Source => "source",
            Self::Forever => "forever",
        }
    }

    /// Its days, if they are known.
    pub(crate) const fn days(self) -> Option<i64> {
        match self {
            Self::Days(days) => days,
            Self::Source => None,
            Self::Forever => Some(FOREVER_DAYS),
        }
    }
}

/// The columns of the frame of recovery points that are not among these.
pub(crate) fn all_but(wanted: &[&str]) -> Vec<&'static str> {
    let columns = schema::RecoveryPoint::FRAME.columns.iter().map(|column| column.name);
    columns.filter(|name| !wanted.contains(name)).collect()
}

/// What follows from a row alone, without its table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PointState {
    pub(crate) is_finished: bool,
    /// Its state is not known, so that it may count or not.
    pub(crate) is_open: bool,
    pub(crate) is_temporary: bool,
    pub(crate) is_overdue: bool,
    pub(crate) is_cold: bool,
    pub(crate) is_native: Option<bool>,
}

impl PointState {
    pub(crate) fn of(point: &RecoveryPoint<'_>, as_of: DateTime<Utc>) -> Self {
        let (lifecycle, as_of) = (Lifecycle::from(point), as_of.timestamp_millis());
        Self {
            is_finished: is_finished(point.status),
            is_open: !matches!(point.status, Some(status) if KNOWN_STATES.contains(&status)),
            is_temporary: point.delete_after_event.is_some(),
            is_overdue: is_overdue(&lifecycle, point.status, as_of),
            is_cold: lifecycle.is_cold(as_of),
            is_native: is_native(point.recovery_point_arn),
        }
    }
}

/// The states of AWS's model; another one is a word that AWS added since.
const KNOWN_STATES: [&str; 7] = [
    "AVAILABLE",
    "COMPLETED",
    "CREATING",
    "DELETING",
    "EXPIRED",
    "PARTIAL",
    "STOPPED",
];

/// Can a point in this state be restored?
fn is_finished(status: Option<&str>) -> bool {
    matches!(status, Some("COMPLETED" | "AVAILABLE"))
}

/// `EXPIRED` says that AWS Backup could not delete it. A point that is being deleted is late, and no longer forgotten.
pub(crate) fn is_overdue(lifecycle: &Lifecycle, status: Option<&str>, as_of: i64) -> bool {
    match status {
        Some("EXPIRED") => true,
        Some("DELETING") => false,
        _ => lifecycle.is_over(as_of),
    }
}

/// Is it a backup of DynamoDB's own kind? `None`: its ARN is none.
pub(crate) fn is_native(arn: &str) -> Option<bool> {
    let rest = arn.strip_prefix("arn:")?;
    rest.split(':').nth(1).map(|service| service == "dynamodb")
}

/// Everything of a point but its table, its date and its ARN.
pub(crate) struct PointKind {
    /// By place; `None`: a vault that was not listed.
    pub(crate) vault: Option<u32>,
    pub(crate) status: Option<String>,
    pub(crate) state: PointState,
    is_open: bool,
    pub(crate) retention: Retention,
    pub(crate) is_encrypted: Option<bool>,
    pub(crate) key: RankedKey,
    /// The plan that made it, and its rule.
    pub(crate) plan_id: Option<String>,
    pub(crate) rule_id: Option<String>,
    /// It is a copy of a point in another vault.
    pub(crate) is_copy: bool,
    /// How many there are, of whatever tables.
    pub(crate) seen: i64,
}

impl PointKind {
    /// Does such a point count, if it is not older than its table?
    pub(crate) fn is_usable(&self) -> bool {
        self.state.is_finished && !self.state.is_temporary && !self.is_open
    }

    /// May it count or not? Its state or the type of its vault is a word that is not known.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open && !self.state.is_temporary
    }

    /// Does it count, if it is not older than its table? `None`: its state, or the type of its vault, is a word that is not
    /// known.
    pub(crate) fn usability(&self) -> Option<bool> {
        if self.state.is_temporary || !(self.state.is_finished || self.state.is_open) {
            return Some(false);
        }
        (!self.is_open).then_some(true)
    }

    /// The vault that holds it; `none`: one that was not listed.
    pub(crate) fn vault_name<'i>(&self, index: &'i Index) -> &'i str {
        self.vault
            .map_or("none", |vault| &index.vaults[vault as usize].row.vault_name)
    }

    pub(crate) fn new(point: &RecoveryPoint<'_>, vault: Option<u32>, index: &Index) -> Self {
        let state = PointState::of(point, index.as_of);
        let of_vault = vault.map(|place| &index.vaults[place as usize]);
        Self {
            vault,
            status: point.status.map(str::to_owned),
            state,
            is_open: state.is_open || of_vault.is_some_and(|vault| vault.is_of_unknown_type),
            retention: Lifecycle::from(point).retention(),
            is_encrypted: is_encrypted(point, state.is_native),
            key: key_of(point, state.is_native, of_vault, index).into(),
            plan_id: point.created_by_plan_id.map(str::to_owned),
            rule_id: point.created_by_rule_id.map(str::to_owned),
            is_copy: point.source_vault_arn.is_some(),
            seen: 0,
        }
    }
}

/// What one scan says of one recovery point, whatever became of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It counts.
    Usable {
        /// When its retention ends; `None`: not known, `Some(DateTime::MAX_UTC)`: never.
        kept_until: Option<DateTime<Utc>>,
    },
    /// It is being made.
    Unfinished,
    /// It counted once, and does so no longer.
    Over {
        /// As above.
        kept_until: Option<DateTime<Utc>>,
    },
    /// It never counts.
    Useless,
}

impl Sight {
    pub(crate) fn of(point: &RecoveryPoint<'_>, as_of: DateTime<Utc>) -> Self {
        let state = PointState::of(point, as_of);
        if state.is_temporary {
            return Self::Useless;
        }
        let kept_until = match Lifecycle::from(point).retention() {
            Retention::Forever => Some(DateTime::<Utc>::MAX_UTC),
            _ => delete_at(point),
        };
        match point.status {
            _ if state.is_finished => Self::Usable { kept_until },
            // One whose state is not known may count.
            Some("CREATING") => Self::Unfinished,
            _ if state.is_open => Self::Unfinished,
            Some("EXPIRED" | "DELETING") => Self::Over { kept_until },
            _ => Self::Useless,
        }
    }
}

/// When AWS Backup is to delete the point.
pub(crate) fn delete_at(point: &RecoveryPoint<'_>) -> Option<DateTime<Utc>> {
    Lifecycle::from(point).end().and_then(instant)
}

/// DynamoDB encrypts every table and so every native point, whatever IsEncrypted says of it.
pub(crate) fn is_encrypted(point: &RecoveryPoint<'_>, is_native: Option<bool>) -> Option<bool> {
    if is_native == Some(true) {
        Some(true)
    } else {
        point.is_encrypted
    }
}

/// The key that a point depends on: its own, else its vault's; of a native one that which DynamoDB tells of it. The key that
/// its table has today proves nothing: the backup stays under the one that the table had then.
pub(crate) fn key_of(
    point: &RecoveryPoint<'_>,
    is_native: Option<bool>,
    vault: Option<&VaultState>,
    index: &Index,
) -> KeyFacts {
    if is_encrypted(point, is_native) == Some(false) {
        return KeyFacts::unencrypted();
    }
    if is_native == Some(true) {
        return match (point.key_arn, point.key_type) {
            (Some(arn), _) => index.keys.of_arn(arn),
            (None, Some("AWS_OWNED_KMS_KEY")) => KeyFacts::aws_owned(),
            (None, _) => index.keys.of_backup(point.recovery_point_arn),
        };
    }
    match (point.key_arn, vault) {
        (Some(arn), _) => index.keys.of_arn(arn),
        (None, Some(vault)) if vault.key.arn.is_some() || vault.is_air_gapped => vault.key.clone(),
        (None, _) if point.key_type == Some("AWS_OWNED_KMS_KEY") => KeyFacts::aws_owned(),
        (None, _) => KeyFacts::unknown(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_that_could_not_be_deleted_is_overdue_whatever_its_dates() {
        let undated = Lifecycle {
            created_at: Some(0),
            delete_at: None,
            delete_after_days: None,
            cold_at: None,
            has_source: true,
        };
        assert!(is_overdue(&undated, Some("EXPIRED"), 1));
        assert!(!is_overdue(&undated, Some("COMPLETED"), 1));
        let ended = Lifecycle {
            delete_at: Some(0),
            ..undated
        };
        assert!(!is_overdue(&ended, Some("COMPLETED"), DELETION_GRACE_MILLIS));
        assert!(is_overdue(&ended, Some("COMPLETED"), DELETION_GRACE_MILLIS + 1));
        assert!(!is_overdue(&ended, Some("DELETING"), DELETION_GRACE_MILLIS + 1));
    }
}
