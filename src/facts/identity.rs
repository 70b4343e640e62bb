//! What a table is: name, age, state, size, tags, key, deletion protection, PITR; and the Region's opt-in.

use super::dictionary::TableFacts;
use super::{Evidence, age_hours, target_of};
use crate::inventory::schema::Table;

/// AWS restore testing names its tables so.
const RESTORE_TEST_PREFIX: &str = "awsbackup-restore-test";

pub(super) fn fill(facts: &mut TableFacts, table: &Table, evidence: &Evidence) {
    let target = target_of(table);
    let is_described = table.description == "described";
    let described =
        |text: Option<&String>, absent: &str| is_described.then(|| text.cloned().unwrap_or_else(|| absent.to_owned()));
    let tags = tags_of(table, evidence);

    facts.account_id = Some(table.account_id.clone());
    facts.region = Some(table.region.clone());
    facts.partition = evidence.partitions.get(&target).cloned();
    facts.table_arn = Some(table.table_arn.clone());
    facts.table_name = Some(table.table_name.clone());
    facts.table_id = described(table.table_id.as_ref(), "none");
    facts.created_at = table.created_at;
    facts.table_age_hours = table.created_at.map(|at| age_hours(at, evidence.as_of));
    facts.table_status.clone_from(&table.table_status);
    let status = table.table_status.as_deref();
    facts.is_known_inactive = Some(status.is_some_and(|status| !matches!(status, "ACTIVE" | "UPDATING")));
    // Restore testing always marks the name; the tag is the second sign, where tags could be read.
    let has_tag = tags.is_some_and(|tags| tags.is_some_and(|tags| tags.contains_key(RESTORE_TEST_PREFIX)));
    facts.is_restore_test = Some(table.table_name.starts_with(RESTORE_TEST_PREFIX) || has_tag);
    facts.table_size_bytes = table.table_size_bytes;
    facts.item_count = table.item_count;
    facts.billing_mode = described(table.billing_mode.as_ref(), "PROVISIONED");
    facts.table_class = described(table.table_class.as_ref(), "STANDARD");
    facts.replica_count = table.replica_count;
    facts.tags = tags.map(|tags| {
        let pairs: Vec<String> = tags
            .into_iter()
            .flatten()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        if pairs.is_empty() {
            "none".to_owned()
        } else {
            pairs.join("; ")
        }
    });

    let key = evidence.keys.of_table(table);
    facts.table_key_owner = key.owner.map(str::to_owned);
    facts.table_key_arn = is_described.then(|| key.arn.clone().unwrap_or_else(|| "none".to_owned()));
    facts.table_key_state = key.state;
    facts.deletion_protection_on = is_described.then(|| table.deletion_protection.unwrap_or(false));
    let pitr = evidence.pitr.get(&table.table_arn);
    facts.pitr_on = pitr
        .and_then(|pitr| pitr.pitr_status.as_deref())
        .map(|status| status == "ENABLED");
    facts.pitr_earliest_at = pitr.and_then(|pitr| pitr.earliest_restorable_at);

    let settings = evidence.settings.get(&target);
    facts.dynamodb_opted_in = settings.map(|settings| settings.dynamodb_opt_in.unwrap_or(false));
    facts.advanced_features_on = settings.map(|settings| settings.dynamodb_advanced.unwrap_or(false));
}

/// The table's tags: `None` if the target's tags could not be read, `Some(None)` if it has none.
pub(super) fn tags_of<'e>(
    table: &Table,
    evidence: &'e Evidence,
) -> Option<Option<&'e std::collections::BTreeMap<String, String>>> {
    let is_read = evidence.reading.is_whole(&target_of(table), "tag:GetResources", "");
    is_read.then(|| evidence.tags.get(&table.table_arn))
}
