//! What a table is: name, age, state, size, tags, key, deletion protection, PITR; and the Region's opt-in.

use std::collections::BTreeMap;

use super::index::Index;
use super::restore::Restores;
use super::time::age_hours;
use crate::dictionary::TableFacts;

/// AWS restore testing names its tables so.
const RESTORE_TEST_PREFIX: &str = "awsbackup-restore-test";

/// Validation takes 168 hours at most; then AWS deletes the table, and is given a day for it.
const RESTORE_TEST_HOURS: f64 = 192.0;

/// How far point-in-time recovery goes back unless it is set otherwise.
const DEFAULT_PITR_DAYS: i64 = 35;

/// `tags`: of the table, if they could be read.
pub(super) fn fill(
    facts: &mut TableFacts,
    row: usize,
    index: &Index,
    restores: &Restores,
    tags: Option<&BTreeMap<String, String>>,
) {
    let (table, target) = (&index.tables[row], index.target(row));
    let is_described = table.description == "described";
    let described =
        |text: Option<&String>, absent: &str| is_described.then(|| text.map_or(absent, String::as_str).into());
    facts.account_id = Some(table.account_id.as_str().into());
    facts.region = Some(table.region.as_str().into());
    facts.partition = target.and_then(|target| index.partition(target)).map(Into::into);
    facts.table_arn = Some(table.table_arn.as_str().into());
    facts.table_name = Some(table.table_name.as_str().into());
    facts.table_id = described(table.table_id.as_ref(), "none");
    facts.created_at = table.created_at;
    let aged_at = index.aged_at(row);
    facts.table_age_hours = table.created_at.zip(aged_at).map(|(at, now)| age_hours(at, now));
    facts.table_status = table.table_status.as_deref().map(Into::into);
    let status = table.table_status.as_deref();
    facts.archived_at = table.archived_at.filter(|_| status == Some("ARCHIVED"));
    facts.is_known_inactive = Some(matches!(status, Some("CREATING" | "DELETING")));
    // Restore testing always marks the name, and AWS deletes such a table after seven days at most. Anybody may use the name
    // or the tag, and plans skip both: a table of its own that does is one that nobody backs up.
    let is_young = table
        .created_at
        .map(|at| age_hours(at, index.as_of) < RESTORE_TEST_HOURS);
    let is_so_named = table.table_name.starts_with(RESTORE_TEST_PREFIX);
    let are_restores_whole = || index.is_whole(index.target_place(row), "backup:ListRestoreJobs", "");
    facts.is_restore_test = if !is_so_named {
        Some(false)
    } else if is_young == Some(true) || restores.made(&table.table_arn) {
        Some(true)
    } else {
        (is_young.is_some() && are_restores_whole()).then_some(false)
    };
    facts.table_size_bytes = table.table_size_bytes;
    facts.item_count = table.item_count;
    facts.billing_mode = described(table.billing_mode.as_ref(), "PROVISIONED");
    facts.table_class = described(table.table_class.as_ref(), "STANDARD");
    facts.replica_count = table.replica_count;
    if let Some(tags) = tags {
        let pairs: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let text = if pairs.is_empty() {
            "none".to_owned()
        } else {
            pairs.join("; ")
        };
        facts.tags = Some(text.into());
        let owner = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case("owner"));
        facts.owner = Some(owner.map_or("none", |(_, value)| value).into());
    }

    let key = index.keys.of_table(table);
    facts.table_key_owner = key.owner.map(Into::into);
    let no_key = || (key.owner == Some("aws-owned")).then(|| "none".into());
    facts.table_key_arn = key.arn.clone().or_else(no_key).filter(|_| is_described);
    facts.table_key_state = key.state;
    facts.deletion_protection_on = is_described.then(|| table.deletion_protection.unwrap_or(false));
    let pitr = u32::try_from(row).ok().and_then(|row| index.pitr.get(&row));
    facts.pitr_on = pitr
        .and_then(|pitr| pitr.pitr_status.as_deref())
        .map(|status| status == "ENABLED");
    let while_on = pitr.filter(|_| facts.pitr_on == Some(true));
    facts.pitr_earliest_at = while_on.and_then(|pitr| pitr.earliest_restorable_at);
    facts.pitr_window_days = while_on.map(|pitr| pitr.recovery_period_days.unwrap_or(DEFAULT_PITR_DAYS));

    let settings = target.and_then(|target| index.settings.get(target));
    facts.dynamodb_opted_in = settings.map(|settings| settings.dynamodb_opt_in.unwrap_or(false));
    facts.advanced_features_on = target.and_then(|target| index.advanced_features_on(target));
}
