//! What DynamoDB says of native recovery points whose key AWS Backup's listing leaves out.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{BackupDescription, BackupStatus};
use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt};

use super::{CONCURRENT_CALLS, Context, Stop, gap, text};
use crate::inventory::schema::{NativeBackup, RecoveryPoint};

/// The newest usable native recovery point of each table, by the table's ARN, of those that name no key.
#[derive(Debug, Default)]
pub(super) struct Natives(BTreeMap<String, (DateTime<Utc>, String)>);

impl Natives {
    /// Keeps a point if it is such a one, and the newest of its table so far.
    pub(super) fn see(&mut self, point: &RecoveryPoint) {
        let (Some(table), Some(at)) = (&point.resource_arn, point.created_at) else {
            return;
        };
        let is_finished = matches!(point.status.as_deref(), Some("COMPLETED" | "AVAILABLE"));
        let is_lasting = point.delete_after_event.is_none();
        let names_no_key = point.key_arn.is_none() && point.key_type.as_deref() != Some("AWS_OWNED_KMS_KEY");
        let is_of_table = |rest: &str| rest.starts_with("/backup/");
        let arn = &point.recovery_point_arn;
        let is_native = arn.strip_prefix(table.as_str()).is_some_and(is_of_table);
        if is_finished && is_lasting && names_no_key && is_native {
            self.keep(table, (at, arn.clone()));
        }
    }

    fn keep(&mut self, table: &str, point: (DateTime<Utc>, String)) {
        match self.0.get_mut(table) {
            Some(newest) if *newest < point => *newest = point,
            Some(_) => {}
            None => {
                self.0.insert(table.to_owned(), point);
            }
        }
    }

    /// Keeps what others kept.
    pub(super) fn extend(&mut self, others: Self) {
        for (table, point) in others.0 {
            self.keep(&table, point);
        }
    }
}

/// API: dynamodb:DescribeBackup. Calls: 1 for each table of `natives`. Errors: become a gap of that table. Gives the key ARNs
/// that backups name.
pub(super) async fn collect(context: &Context<'_>, natives: Natives) -> Result<BTreeSet<String>, Stop> {
    if !context.wanted.has("native_backups") {
        return Ok(BTreeSet::new());
    }
    context.push::<NativeBackup>(&[])?;
    let mut rows = Vec::new();
    let newest = natives.0.iter().map(|(table, (_, arn))| describe(context, table, arn));
    let mut results = stream::iter(newest).buffer_unordered(CONCURRENT_CALLS);
    while let Some(row) = results.next().await {
        rows.extend(row?);
    }
    context.push(&rows)?;
    Ok(rows.into_iter().filter_map(|row| row.kms_key_arn).collect())
}

async fn describe(context: &Context<'_>, table_arn: &str, arn: &str) -> Result<Option<NativeBackup>, Stop> {
    let send = || context.target.dynamodb.describe_backup().backup_arn(arn).send();
    let caller = &context.target.caller;
    // As with a table's own calls, the log names the table.
    let table_name = table_arn.rsplit('/').next().unwrap_or(table_arn);
    let what = "available backup of this ARN with the features of its table";
    let described = caller.part("dynamodb:DescribeBackup", table_name, send, what, |answer| {
        let backup = answer
            .backup_description
            .filter(|backup| is_of(backup, table_arn, arn))?;
        // Without an SSEDescription the key is one that AWS owns: only if what would hold it is there.
        backup.source_table_feature_details
    });
    match described.await {
        Ok(features) => {
            let sse = features.sse_description();
            Ok(Some(NativeBackup {
                account_id: context.account_id(),
                region: context.region(),
                backup_arn: arn.to_owned(),
                sse_type: sse.and_then(|sse| sse.sse_type()).map(|kind| kind.as_str().to_owned()),
                sse_status: sse
                    .and_then(|sse| sse.status())
                    .map(|status| status.as_str().to_owned()),
                kms_key_arn: text(sse.and_then(|sse| sse.kms_master_key_arn())),
            }))
        }
        Err(failure) => gap(context.target, &failure).map(|()| None),
    }
}

/// Is it what was asked about, and is it still there?
fn is_of(backup: &BackupDescription, table_arn: &str, arn: &str) -> bool {
    let source = backup.source_table_details().and_then(|source| source.table_arn());
    source.is_none_or(|source| source == table_arn)
        && backup
            .backup_details()
            .is_some_and(|details| details.backup_arn() == arn && *details.backup_status() == BackupStatus::Available)
}
