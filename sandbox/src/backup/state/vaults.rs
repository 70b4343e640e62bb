//! Vaults: what protects recovery points, and by which lock and key.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

/// Tags of a vault, a plan or a recovery point.
pub(crate) type Tags = BTreeMap<String, String>;

/// Who protects a vault's contents by which lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lock {
    /// `MinRetentionDays`.
    pub(crate) min_days: Option<i64>,
    /// `MaxRetentionDays`.
    pub(crate) max_days: Option<i64>,
    /// When the lock cannot be removed any more; none in governance mode.
    pub(crate) date: Option<DateTime<Utc>>,
}

impl Lock {
    /// Whether nobody can change the lock any more.
    pub(crate) fn is_immutable(&self, now: DateTime<Utc>) -> bool {
        self.date.is_some_and(|date| date <= now)
    }
}

/// Ordinary or logically air-gapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VaultKind {
    /// `BACKUP_VAULT`.
    Standard,
    /// `LOGICALLY_AIR_GAPPED_BACKUP_VAULT`.
    AirGapped,
}

impl VaultKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standard => "BACKUP_VAULT",
            Self::AirGapped => "LOGICALLY_AIR_GAPPED_BACKUP_VAULT",
        }
    }
}

/// Whose key protects a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// The AWS managed key `aws/backup`; `EncryptionKeyType` has no value for it.
    Managed,
    /// A customer managed key.
    Customer,
    /// An AWS owned key: the default of air-gapped vaults.
    Owned,
}

impl KeyKind {
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Managed => None,
            Self::Customer => Some("CUSTOMER_MANAGED_KMS_KEY"),
            Self::Owned => Some("AWS_OWNED_KMS_KEY"),
        }
    }
}

/// A backup vault.
#[derive(Debug, Clone)]
pub(crate) struct Vault {
    pub(crate) name: Arc<str>,
    pub(crate) arn: Arc<str>,
    pub(crate) kind: VaultKind,
    pub(crate) created: DateTime<Utc>,
    pub(crate) creator_request_id: Option<String>,
    /// None only under an AWS owned key.
    pub(crate) key: Option<Arc<str>>,
    pub(crate) key_kind: KeyKind,
    pub(crate) lock: Option<Lock>,
    pub(crate) policy: Option<String>,
    pub(crate) notifications: Option<Notifications>,
    pub(crate) tags: Tags,
}

/// Where a vault reports its events.
#[derive(Debug, Clone)]
pub(crate) struct Notifications {
    pub(crate) topic: String,
    pub(crate) events: Vec<String>,
}
