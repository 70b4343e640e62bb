//! The backup that DynamoDB makes itself when a table with point-in-time recovery is deleted.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::table::{Table, TableImage};

/// How long the backup of a deleted table is kept.
const SYSTEM_BACKUP_DAYS: i64 = 35;

/// A backup that DynamoDB made when a table with PITR was deleted.
#[derive(Debug)]
pub(crate) struct SystemBackup {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) table_arn: String,
    pub(crate) table_id: String,
    pub(crate) table_name: String,
    pub(crate) size: u64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) image: Arc<TableImage>,
}

impl SystemBackup {
    /// The id of a native backup begins with its creation in milliseconds.
    pub(crate) fn of(table: &Table, now: DateTime<Utc>, id_tail: &str) -> Self {
        Self {
            arn: format!("{}/backup/{:014}-{id_tail}", table.arn, now.timestamp_millis()),
            name: format!("{}$DeletedTableBackup", table.name),
            table_arn: table.arn.clone(),
            table_id: table.id.clone(),
            table_name: table.name.clone(),
            size: table.size_bytes(),
            created_at: now,
            image: table.image(),
        }
    }

    /// When it is deleted.
    pub(crate) fn expires_at(&self) -> DateTime<Utc> {
        self.created_at + TimeDelta::days(SYSTEM_BACKUP_DAYS)
    }
}
