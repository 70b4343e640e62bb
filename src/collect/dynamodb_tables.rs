//! The tables of a target: names, descriptions, point-in-time recovery.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::operation::list_tables::ListTablesOutput;
use aws_sdk_dynamodb::types::TableDescription;
use futures_util::stream::{self, StreamExt};

use super::tags::Tagged;
use super::{CONCURRENT_CALLS, Context, Page, Stop, gap, is_span};
use crate::aws::failure::FailureKind;
use crate::domain::table_arn;
use crate::inventory::schema::{ContinuousBackup, Table};

/// What is asked about further.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// The key ARNs that tables name.
    pub(super) key_arns: BTreeSet<String>,
    /// Tables whose tags are wanted.
    pub(super) tagged: Vec<Tagged>,
}

/// Lists the tables and asks about each while further pages arrive.
///
/// API: dynamodb:ListTables, paged by 100; then per table dynamodb:DescribeTable and, if wanted,
/// dynamodb:DescribeContinuousBackups. Calls: n/100 + n (+ n). Errors: become gaps; a list that breaks off half-way
/// keeps the tables it named, and the call log says that it is not whole.
pub(super) async fn collect(context: &Context<'_>) -> Result<Tables, Stop> {
    context.push::<Table>(&[])?;
    if context.wanted.has("continuous_backups") {
        context.push::<ContinuousBackup>(&[])?;
    }
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Vec<String>>();
    let names = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|names| (stream::iter(names), receiver))
    })
    .flatten();
    let list = list(context, sender);
    let ask = async {
        let mut answers = std::pin::pin!(
            names
                .map(|name| ask(context, name))
                .buffer_unordered(2 * CONCURRENT_CALLS)
        );
        let (mut tables, mut backups, mut read) = (Vec::new(), Vec::new(), Tables::default());
        while let Some(answer) = answers.next().await {
            let (table, backup) = answer?;
            read.key_arns.extend(table.sse_key_arn.clone());
            if context.wanted.has("table_tags") {
                read.tagged.extend(Tagged::of(&table));
            }
            tables.push(table);
            backups.extend(backup);
            if tables.len() >= 1000 {
                context.push(&std::mem::take(&mut tables))?;
                context.push(&std::mem::take(&mut backups))?;
            }
        }
        context.push(&tables)?;
        if context.wanted.has("continuous_backups") {
            context.push(&backups)?;
        }
        Ok::<_, Stop>(read)
    };
    let ((), read) = futures_util::try_join!(list, ask)?;
    Ok(read)
}

async fn list(context: &Context<'_>, names: tokio::sync::mpsc::UnboundedSender<Vec<String>>) -> Result<(), Stop> {
    let send = |start| {
        context
            .target
            .dynamodb
            .list_tables()
            .limit(100)
            .set_exclusive_start_table_name(start)
            .send()
    };
    fn page(page: &ListTablesOutput) -> Page<'_, String> {
        (page.table_names.as_ref(), page.last_evaluated_table_name())
    }
    let take = |listed: &[String]| {
        let named: Vec<String> = listed.iter().filter(|name| !name.is_empty()).cloned().collect();
        let unplaced = listed.len() - named.len();
        context.progress.tables_listed.fetch_add(named.len(), Ordering::Relaxed);
        // The receiver lives as long as this future: both are joined.
        let _ = names.send(named);
        Ok(unplaced)
    };
    context.list("dynamodb:ListTables", "", send, page, take).await?;
    context.progress.lists_ended.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

async fn ask(context: &Context<'_>, name: String) -> Result<(Table, Option<ContinuousBackup>), Stop> {
    let backup = async {
        if context.wanted.has("continuous_backups") {
            continuous_backup(context, &name).await
        } else {
            Ok(None)
        }
    };
    let (table, backup) = futures_util::try_join!(describe(context, &name), backup)?;
    context.progress.tables_described.fetch_add(1, Ordering::Relaxed);
    Ok((table, backup))
}

async fn describe(context: &Context<'_>, name: &str) -> Result<Table, Stop> {
    let send = || context.target.dynamodb.describe_table().table_name(name).send();
    let caller = &context.target.caller;
    let table = caller.part(
        "dynamodb:DescribeTable",
        name,
        send,
        "table of this name with state and date",
        |answer| {
            let is_whole = |table: &TableDescription| {
                table.table_name().is_none_or(|of| of == name)
                    && table.table_status.is_some()
                    && context.past(table.creation_date_time()).is_some()
            };
            answer.table.filter(is_whole)
        },
    );
    match table.await {
        Ok(description) => Ok(described(context, name, &description)),
        Err(failure) => {
            gap(context.target, &failure)?;
            let description = if failure.kind == FailureKind::Absent {
                "vanished"
            } else {
                "unread"
            };
            Ok(undescribed(context, name, description))
        }
    }
}

fn undescribed(context: &Context<'_>, name: &str, description: &str) -> Table {
    Table {
        account_id: context.account_id(),
        region: context.region(),
        table_name: name.to_owned(),
        table_arn: table_arn(&context.target.partition, &context.target.id, name),
        description: description.to_owned(),
        table_id: None,
        table_status: None,
        created_at: None,
        archived_at: None,
        table_size_bytes: None,
        item_count: None,
        billing_mode: None,
        table_class: None,
        sse_type: None,
        sse_status: None,
        sse_key_arn: None,
        deletion_protection: None,
        replica_count: None,
        restored_at: None,
    }
}

fn described(context: &Context<'_>, name: &str, table: &TableDescription) -> Table {
    let sse = table.sse_description();
    Table {
        table_id: table.table_id().map(str::to_owned),
        table_status: table.table_status().map(|status| status.as_str().to_owned()),
        created_at: context.past(table.creation_date_time()),
        archived_at: context.past(
            table
                .archival_summary()
                .and_then(|summary| summary.archival_date_time()),
        ),
        table_size_bytes: table.table_size_bytes(),
        item_count: table.item_count(),
        billing_mode: table
            .billing_mode_summary()
            .and_then(|mode| mode.billing_mode())
            .map(|mode| mode.as_str().to_owned()),
        table_class: table
            .table_class_summary()
            .and_then(|class| class.table_class())
            .map(|class| class.as_str().to_owned()),
        sse_type: sse.and_then(|sse| sse.sse_type()).map(|kind| kind.as_str().to_owned()),
        sse_status: sse
            .and_then(|sse| sse.status())
            .map(|status| status.as_str().to_owned()),
        sse_key_arn: sse.and_then(|sse| sse.kms_master_key_arn()).map(str::to_owned),
        deletion_protection: table.deletion_protection_enabled(),
        replica_count: i64::try_from(table.replicas().len()).ok(),
        restored_at: context.past(table.restore_summary().map(|restore| restore.restore_date_time())),
        ..undescribed(context, name, "described")
    }
}

async fn continuous_backup(context: &Context<'_>, name: &str) -> Result<Option<ContinuousBackup>, Stop> {
    let send = || {
        context
            .target
            .dynamodb
            .describe_continuous_backups()
            .table_name(name)
            .send()
    };
    let caller = &context.target.caller;
    let about = caller.part(
        "dynamodb:DescribeContinuousBackups",
        name,
        send,
        "description of continuous backups",
        |answer| {
            let about = answer.continuous_backups_description?;
            let pitr = about.point_in_time_recovery_description();
            let days = pitr.and_then(|pitr| pitr.recovery_period_in_days()).map(i64::from);
            is_span(days).then_some(about)
        },
    );
    match about.await {
        Ok(about) => {
            let pitr = about.point_in_time_recovery_description();
            let status = pitr.and_then(|pitr| pitr.point_in_time_recovery_status());
            Ok(Some(ContinuousBackup {
                table_arn: table_arn(&context.target.partition, &context.target.id, name),
                pitr_status: status.map(|status| status.as_str().to_owned()),
                earliest_restorable_at: context.past(pitr.and_then(|pitr| pitr.earliest_restorable_date_time())),
                latest_restorable_at: context.past(pitr.and_then(|pitr| pitr.latest_restorable_date_time())),
                recovery_period_days: pitr.and_then(|pitr| pitr.recovery_period_in_days()).map(i64::from),
            }))
        }
        Err(failure) => gap(context.target, &failure).map(|()| None),
    }
}
