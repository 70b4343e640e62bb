//! Accounts and Regions: what was found in each.

use super::Evidence;
use super::dictionary::TargetFacts;
use super::membership::Memberships;

/// The facts of every target.
pub(super) fn facts(evidence: &Evidence, memberships: &Memberships) -> Vec<TargetFacts> {
    let mut tables = vec![0_i64; evidence.targets.len()];
    for row in 0..evidence.tables.len() {
        if let Some(count) = tables.get_mut(evidence.target_place(row) as usize) {
            *count += 1;
        }
    }
    let one = |(place, table_count): (usize, i64)| fill(place, table_count, evidence, memberships);
    tables.into_iter().enumerate().map(one).collect()
}

fn fill(place: usize, table_count: i64, evidence: &Evidence, memberships: &Memberships) -> TargetFacts {
    let target = &evidence.targets[place];
    let is_whole = |action| evidence.reading.is_whole(target, action, "");
    let settings = evidence.settings.get(target);
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let vaults = evidence
        .vaults
        .iter()
        .filter(|vault| vault.row.account_id == target.account_id && vault.row.region == target.region);
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
        failed_call_count: Some(number(evidence.reading.failures_of(target).count())),
    }
}
