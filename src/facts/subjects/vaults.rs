//! Backup vaults: kind, lock, key, access policy, and what lies in them.

use crate::dictionary::VaultFacts;
use crate::domain::TargetId;
use crate::facts::index::Index;
use crate::facts::index::vaults::VaultState;
use crate::facts::plans::membership::Memberships;
use crate::facts::table_points::TablePoints;
use crate::facts::words::names;
use crate::inventory::schema::Vault;

/// The facts of every vault.
pub(crate) fn facts(index: &Index, points: &TablePoints, memberships: &Memberships) -> Vec<VaultFacts> {
    let one = |(place, vault): (usize, &VaultState)| fill(place, vault, index, points, memberships);
    index.vaults.iter().enumerate().map(one).collect()
}

fn fill(
    place: usize,
    vault: &VaultState,
    index: &Index,
    points: &TablePoints,
    memberships: &Memberships,
) -> VaultFacts {
    let row = &vault.row;
    let target = index.place_of(&row.account_id, &row.region);
    let held = points.held_by(place);
    let is_written_to = target.and_then(|target| {
        let are_tables_listed = index.is_whole(target, "dynamodb:ListTables", "");
        memberships.writes_to(target, &row.vault_name, row.vault_arn.as_deref(), are_tables_listed)
    });
    let (least, most) = vault.bounds();
    VaultFacts {
        account_id: Some(row.account_id.as_str().into()),
        region: Some(row.region.as_str().into()),
        vault_name: Some(row.vault_name.as_str().into()),
        vault_arn: Some(arn_of(row, index).into()),
        vault_kind: match (vault.is_air_gapped, vault.is_view, vault.is_of_unknown_type) {
            (true, ..) => Some("air-gapped".into()),
            (_, true, _) => Some("restore-access".into()),
            (.., false) => Some("standard".into()),
            (.., true) => None,
        },
        is_used_for_dynamodb: match (held.seen > 0, is_written_to) {
            (true, _) | (_, Some(true)) => Some(true),
            (false, Some(false)) if vault.points_whole => Some(false),
            _ => None,
        },
        dynamodb_point_count_seen: Some(held.seen),
        usable_dynamodb_point_count_seen: Some(held.usable),
        overdue_point_count_seen: Some(held.overdue),
        key_arn: Some(vault.key.arn.clone().unwrap_or_else(|| "none".into())),
        key_owner: vault.key.owner.map(Into::into),
        key_state: vault.key.state.clone(),
        key_usable: vault.key.is_usable(),
        lock_kind: Some(vault.lock.as_str().into()),
        lock_rank: Some(vault.lock.rank()),
        lock_grace_until: vault.grace_until(),
        min_retention_days: Some(least),
        max_retention_days: Some(most),
        manual_deletion_denied: vault.deletion.as_ref().and_then(|deletion| deletion.answer),
        manual_deletion_reason: vault.deletion.as_ref().map(|deletion| deletion.reason.as_str().into()),
        exempt_principals: vault
            .deletion
            .as_ref()
            .map(|deletion| names(deletion.exempt_principals.iter().map(String::as_str))),
    }
}

/// AWS always sends the ARN; where an answer left it out it follows from the name.
fn arn_of(row: &Vault, index: &Index) -> String {
    let built = || {
        let target = TargetId::new(row.account_id.clone(), row.region.clone());
        let partition = index.partition(&target).unwrap_or("aws");
        format!(
            "arn:{partition}:backup:{}:{}:backup-vault:{}",
            row.region, row.account_id, row.vault_name
        )
    };
    row.vault_arn.clone().unwrap_or_else(built)
}
