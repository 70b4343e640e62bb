//! The access policies of the backup vaults: who is denied to delete recovery points by hand.

use futures_util::stream::{self, StreamExt};

use super::{CONCURRENT_CALLS, Context, Stop, gap};
use crate::aws::failure::FailureKind;
use crate::inventory::schema::{Vault, VaultPolicy};

/// API: backup:GetBackupVaultAccessPolicy. Calls: 1 per vault. Errors: `ResourceNotFoundException` is AWS's answer for
/// a vault without a policy, so it gives a row without one; every other error becomes a gap of that vault.
pub(super) async fn collect(context: &Context<'_>, vaults: &[&Vault]) -> Result<(), Stop> {
    if !context.wanted.has("vault_policies") {
        return Ok(());
    }
    let mut rows = Vec::new();
    let mut results =
        stream::iter(vaults.iter().map(|vault| of_vault(context, vault))).buffer_unordered(CONCURRENT_CALLS);
    while let Some(row) = results.next().await {
        rows.extend(row?);
    }
    Ok(context.push(&rows)?)
}

async fn of_vault(context: &Context<'_>, vault: &Vault) -> Result<Option<VaultPolicy>, Stop> {
    let name = &vault.vault_name;
    let mut call = context.target.caller.begin("backup:GetBackupVaultAccessPolicy", name);
    let send = || {
        let get = context.target.backup.get_backup_vault_access_policy();
        get.backup_vault_name(name).send()
    };
    let read = match call.page(send).await {
        // AWS says with an error that there is none: an answer without one is broken.
        Ok(answer) => match answer.policy {
            Some(policy) => call.finish().map(|()| Some(policy)),
            None => Err(call.broken("the answer holds no policy")),
        },
        // Also then the question is answered: the call log keeps AWS's error beside the outcome `ok`.
        Err(failure) if failure.kind == FailureKind::Absent => call.finish().map(|()| None),
        Err(failure) => Err(failure),
    };
    let policy = match read {
        Ok(policy) => policy,
        Err(failure) => return gap(context.target, &failure).map(|()| None),
    };
    Ok(Some(VaultPolicy {
        account_id: context.account_id(),
        region: context.region(),
        vault_name: name.clone(),
        policy: policy.filter(|text| !text.is_empty()),
    }))
}
