//! The recovery points of DynamoDB tables, vault by vault: the only listing that carries lifecycle and encryption.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use aws_sdk_backup::operation::list_recovery_points_by_backup_vault::ListRecoveryPointsByBackupVaultOutput;
use aws_sdk_backup::types::{RecoveryPointByBackupVault, RecoveryPointStatus};
use futures_util::stream::{self, StreamExt};

use super::native_backups::Natives;
use super::{CONCURRENT_CALLS, Context, Page, Stop, instant, is_span, is_table, text};
use crate::inventory::schema::{RecoveryPoint, Vault};

/// API: backup:ListRecoveryPointsByBackupVault per vault, DynamoDB only, paged by 1,000. Calls: per vault, points /
/// 1,000, at least 1: `NumberOfRecoveryPoints` is approximate, so no vault is skipped. Errors: become a gap of that
/// vault; the points read before it are kept, for they prove a presence.
pub(super) async fn collect(context: &Context<'_>, vaults: &[&Vault]) -> Result<Named, Stop> {
    let mut named = Named::default();
    if !context.wanted.has("recovery_points") {
        return Ok(named);
    }
    context.push::<RecoveryPoint>(&[])?;
    let mut results =
        stream::iter(vaults.iter().map(|vault| of_vault(context, vault))).buffer_unordered(CONCURRENT_CALLS);
    while let Some(result) = results.next().await {
        let of_vault = result?;
        named.keys.extend(of_vault.keys);
        named.natives.extend(of_vault.natives);
    }
    Ok(named)
}

/// The ARNs of the keys that points name, and the native points to be asked about because they name none.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) keys: BTreeSet<String>,
    pub(super) natives: Natives,
}

async fn of_vault(context: &Context<'_>, vault: &Vault) -> Result<Named, Stop> {
    let mut named = Named::default();
    let send = |token| {
        let list = context
            .target
            .backup
            .list_recovery_points_by_backup_vault()
            .backup_vault_name(&vault.vault_name);
        list.by_resource_type("DynamoDB")
            .max_results(1000)
            .set_next_token(token)
            .send()
    };
    fn page(page: &ListRecoveryPointsByBackupVaultOutput) -> Page<'_, RecoveryPointByBackupVault> {
        (page.recovery_points.as_ref(), page.next_token())
    }
    let take = |listed: &[RecoveryPointByBackupVault]| {
        // A point of another vault is no answer to what was asked.
        let is_here =
            |point: &&RecoveryPointByBackupVault| point.backup_vault_name().is_none_or(|name| name == vault.vault_name);
        let points: Vec<RecoveryPoint> = listed
            .iter()
            .filter(is_here)
            .filter_map(|point| row(context, vault, point))
            .collect();
        named
            .keys
            .extend(points.iter().filter_map(|point| point.key_arn.clone()));
        points.iter().for_each(|point| named.natives.see(point));
        context
            .progress
            .recovery_points
            .fetch_add(points.len(), Ordering::Relaxed);
        let whole = points.iter().filter(|point| is_whole(point)).count();
        context.push(&points)?;
        Ok(listed.len() - whole)
    };
    let action = "backup:ListRecoveryPointsByBackupVault";
    context.list(action, &vault.vault_name, send, page, take).await?;
    Ok(named)
}

/// Does it say of what it is, from when, and whether it is usable?
fn is_whole(point: &RecoveryPoint) -> bool {
    let is_known = |status: &String| RecoveryPointStatus::values().contains(&status.as_str());
    point.resource_arn.as_deref().is_some_and(is_table)
        && point.status.as_ref().is_some_and(is_known)
        && point.created_at.is_some()
}

fn row(context: &Context<'_>, vault: &Vault, point: &RecoveryPointByBackupVault) -> Option<RecoveryPoint> {
    let lifecycle = point.lifecycle();
    let calculated = point.calculated_lifecycle();
    let creator = point.created_by();
    let key_arn = text(point.encryption_key_arn());
    let cold_after_days = lifecycle.and_then(|lifecycle| lifecycle.move_to_cold_storage_after_days());
    let delete_after_days = lifecycle.and_then(|lifecycle| lifecycle.delete_after_days());
    if !is_span(cold_after_days) || !is_span(delete_after_days) {
        return None;
    }
    Some(RecoveryPoint {
        account_id: context.account_id(),
        region: context.region(),
        vault_name: vault.vault_name.clone(),
        recovery_point_arn: text(point.recovery_point_arn())?,
        resource_arn: point.resource_arn().map(str::to_owned),
        status: point.status().map(|status| status.as_str().to_owned()),
        created_at: context.past(point.creation_date()),
        started_at: context.past(point.initiation_date()),
        completed_at: context.past(point.completion_date()),
        last_restored_at: context.past(point.last_restore_time()),
        cold_after_days,
        delete_after_days,
        delete_after_event: lifecycle
            .and_then(|lifecycle| lifecycle.delete_after_event())
            .map(|event| event.as_str().to_owned()),
        cold_at: instant(calculated.and_then(|calculated| calculated.move_to_cold_storage_at())),
        delete_at: instant(calculated.and_then(|calculated| calculated.delete_at())),
        // The SDK reads a missing IsEncrypted as false. With a key named beside it that false cannot be trusted.
        is_encrypted: (point.is_encrypted() || (key_arn.is_none() && point.encryption_key_type().is_none()))
            .then_some(point.is_encrypted()),
        key_type: point.encryption_key_type().map(|kind| kind.as_str().to_owned()),
        key_arn,
        source_vault_arn: point.source_backup_vault_arn().map(str::to_owned),
        created_by_plan_id: creator.and_then(|creator| creator.backup_plan_id()).map(str::to_owned),
        created_by_rule_id: creator.and_then(|creator| creator.backup_rule_id()).map(str::to_owned),
        size_bytes: point.backup_size_in_bytes(),
    })
}
