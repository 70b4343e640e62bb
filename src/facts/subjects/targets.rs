//! Accounts and Regions: what was found in each.

use crate::dictionary::TargetFacts;
use crate::domain::TargetId;
use crate::facts::index::Index;
use crate::facts::index::vaults::VaultState;
use crate::facts::plans::membership::Memberships;
use crate::facts::table_points::TablePoints;

/// The facts of every target.
pub(crate) fn facts(index: &Index, points: &TablePoints, memberships: &Memberships) -> Vec<TargetFacts> {
    let mut tables = vec![0_i64; index.targets.len()];
    for row in 0..index.tables.len() {
        if let Some(count) = tables.get_mut(index.target_place(row) as usize) {
            *count += 1;
        }
    }
    let one = |(place, table_count): (usize, i64)| fill(place, table_count, index, points, memberships);
    tables.into_iter().enumerate().map(one).collect()
}

fn fill(place: usize, table_count: i64, index: &Index, points: &TablePoints, memberships: &Memberships) -> TargetFacts {
    let target = &index.targets[place];
    let is_whole = |action| index.reading.is_whole(target, action, "");
    let settings = index.settings.get(target);
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let of_target = |vault: &VaultState| TargetId::new(&*vault.row.account_id, &*vault.row.region) == *target;
    let vaults = index.vaults.iter().filter(|vault| of_target(vault));
    let held = (0..index.vaults.len())
        .filter(|vault| of_target(&index.vaults[*vault]) && !index.vaults[*vault].is_view)
        .map(|vault| points.held_by(vault).seen)
        .sum();
    let points_whole = u32::try_from(place).is_ok_and(|place| index.has_whole_points(place));
    TargetFacts {
        account_id: Some(target.account_id.as_str().into()),
        region: Some(target.region.as_str().into()),
        table_count_seen: Some(table_count),
        table_count: is_whole("dynamodb:ListTables").then_some(table_count),
        dynamodb_opted_in: settings.map(|settings| settings.dynamodb_opt_in.unwrap_or(false)),
        advanced_features_on: index.advanced_features_on(target),
        plan_count: memberships
            .target(place)
            .filter(|_| is_whole("backup:ListBackupPlans"))
            .map(|plans| number(plans.plans.len())),
        vault_count: is_whole("backup:ListBackupVaults").then(|| number(vaults.count())),
        recovery_point_count: points_whole.then_some(held),
        failed_call_count: Some(number(index.reading.failures_of(target).count())),
    }
}
