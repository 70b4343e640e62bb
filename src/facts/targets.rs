//! Accounts and Regions: what was found in each.

use super::Evidence;
use super::membership::Memberships;
use super::points::Points;
use super::vaults::VaultState;
use crate::dictionary::TargetFacts;
use crate::domain::TargetId;

/// The facts of every target.
pub(super) fn facts(evidence: &Evidence, points: &Points, memberships: &Memberships) -> Vec<TargetFacts> {
    let mut tables = vec![0_i64; evidence.targets.len()];
    for row in 0..evidence.tables.len() {
        if let Some(count) = tables.get_mut(evidence.target_place(row) as usize) {
            *count += 1;
        }
    }
    let one = |(place, table_count): (usize, i64)| fill(place, table_count, evidence, points, memberships);
    tables.into_iter().enumerate().map(one).collect()
}

fn fill(
    place: usize,
    table_count: i64,
    evidence: &Evidence,
    points: &Points,
    memberships: &Memberships,
) -> TargetFacts {
    let target = &evidence.targets[place];
    let is_whole = |action| evidence.reading.is_whole(target, action, "");
    let settings = evidence.settings.get(target);
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let of_target = |vault: &VaultState| TargetId::new(&*vault.row.account_id, &*vault.row.region) == *target;
    let vaults = evidence.vaults.iter().filter(|vault| of_target(vault));
    let held = (0..evidence.vaults.len())
        .filter(|vault| of_target(&evidence.vaults[*vault]) && !evidence.vaults[*vault].is_view)
        .map(|vault| points.held_by(vault).seen)
        .sum();
    let points_whole = u32::try_from(place).is_ok_and(|place| evidence.has_whole_points(place));
    TargetFacts {
        account_id: Some(target.account_id.as_str().into()),
        region: Some(target.region.as_str().into()),
        table_count_seen: Some(table_count),
        table_count: is_whole("dynamodb:ListTables").then_some(table_count),
        dynamodb_opted_in: settings.map(|settings| settings.dynamodb_opt_in.unwrap_or(false)),
        advanced_features_on: evidence.advanced_features_on(target),
        plan_count: memberships
            .target(place)
            .filter(|_| is_whole("backup:ListBackupPlans"))
            .map(|plans| number(plans.plans.len())),
        vault_count: is_whole("backup:ListBackupVaults").then(|| number(vaults.count())),
        recovery_point_count: points_whole.then_some(held),
        failed_call_count: Some(number(evidence.reading.failures_of(target).count())),
    }
}
