//! The backup vaults of a target, with key and lock: the list holds both, so no vault is described.

use aws_sdk_backup::operation::list_backup_vaults::ListBackupVaultsOutput;
use aws_sdk_backup::types::BackupVaultListMember;

use super::{Context, Page, Stop, instant};
use crate::inventory::schema::Vault;

/// API: backup:ListBackupVaults, paged by 1,000. Calls: 1. Errors: become a gap; vaults named before it are kept.
pub(super) async fn collect(context: &Context<'_>) -> Result<Vec<Vault>, Stop> {
    let mut vaults = Vec::new();
    if !context.wanted.has("vaults") {
        return Ok(vaults);
    }
    let send = |token| {
        context
            .target
            .backup
            .list_backup_vaults()
            .max_results(1000)
            .set_next_token(token)
            .send()
    };
    fn page(page: &ListBackupVaultsOutput) -> Page<'_, BackupVaultListMember> {
        (page.backup_vault_list.as_ref(), page.next_token())
    }
    let take = |listed: &[BackupVaultListMember]| {
        let before = vaults.len();
        vaults.extend(listed.iter().filter_map(|vault| row(context, vault)));
        Ok(listed.len() - (vaults.len() - before))
    };
    context.list("backup:ListBackupVaults", "", send, page, take).await?;
    context.push(&vaults)?;
    Ok(vaults)
}

fn row(context: &Context<'_>, vault: &BackupVaultListMember) -> Option<Vault> {
    Some(Vault {
        account_id: context.account_id(),
        region: context.region(),
        vault_name: vault.backup_vault_name()?.to_owned(),
        vault_arn: vault.backup_vault_arn().map(str::to_owned),
        vault_type: vault.vault_type().map(|kind| kind.as_str().to_owned()),
        key_arn: vault.encryption_key_arn().map(str::to_owned),
        recovery_point_count: Some(vault.number_of_recovery_points()),
        locked: vault.locked(),
        lock_date: instant(vault.lock_date()),
        min_retention_days: vault.min_retention_days(),
        max_retention_days: vault.max_retention_days(),
        created_at: context.past(vault.creation_date()),
    })
}

/// The vaults that hold something of their own. A restore-access vault is a view of another vault: its recovery points
/// are not counted twice.
pub(super) fn own(vaults: &[Vault]) -> Vec<&Vault> {
    let is_own = |vault: &&Vault| vault.vault_type.as_deref() != Some("RESTORE_ACCESS_BACKUP_VAULT");
    vaults.iter().filter(is_own).collect()
}
