//! Settings of vaults, targets and tables that protect less than before.
//!
//! What is not known on one side is not compared: it shows among the findings, which are unknown then.

use std::collections::HashMap;

use super::{ABSENT, Found, Look, Thing, why_not_observed};
use crate::dictionary::TableFacts;
use crate::dictionary::{TargetFacts, Text, VaultFacts};
use crate::domain::{FactValue, Subject, TargetId};
use crate::facts::rank_of_owner;
use crate::problem::Problem;
use crate::report::TableRow;

pub(super) fn compare(older: &Look, newer: &Look, found: &mut Found) -> Result<(), Problem> {
    vaults(older, newer, found);
    targets(&older.facts.targets(), &newer.facts.targets(), found);
    tables(&older.report.tables, &newer.report.tables, found);
    Ok(())
}

fn text(text: &Option<Text>) -> &str {
    text.as_deref().unwrap_or_default()
}

fn target_of(account_id: &Option<Text>, region: &Option<Text>) -> TargetId {
    TargetId::new(text(account_id), text(region))
}

fn vaults(older: &Look, newer: &Look, found: &mut Found) {
    let vaults = newer.facts.vaults();
    let now: HashMap<(TargetId, &str), &VaultFacts> = vaults
        .iter()
        .map(|vault| {
            let target = target_of(&vault.account_id, &vault.region);
            ((target, text(&vault.vault_name)), vault)
        })
        .collect();
    for was in &older.facts.vaults() {
        let target = target_of(&was.account_id, &was.region);
        let thing = Thing {
            subject: Subject::Vault,
            target: &target,
            arn: text(&was.vault_arn),
            name: text(&was.vault_name),
        };
        match now.get(&(target.clone(), thing.name)) {
            Some(is) => vault(&thing, was, is, found),
            // A vault that had nothing to do with DynamoDB does not matter here.
            None if was.is_used_for_dynamodb == Some(false) => {}
            None => match why_not_observed(newer, &target, "backup:ListBackupVaults", "") {
                Some(why) => found.not_observed(&thing, &why),
                None => found.weaker(
                    &thing,
                    "vault",
                    (format!("{} lock", text(&was.lock_kind)), ABSENT.to_owned()),
                    "the vault was deleted".to_owned(),
                ),
            },
        }
    }
}

fn vault(thing: &Thing<'_>, was: &VaultFacts, is: &VaultFacts, found: &mut Found) {
    let kinds = (text(&was.lock_kind).to_owned(), text(&is.lock_kind).to_owned());
    if is.lock_rank < was.lock_rank {
        let message = match kinds.1.as_str() {
            "none" => format!("its {} lock was removed", kinds.0),
            now => format!("its lock was {}, and is {now} now", kinds.0),
        };
        found.weaker(thing, "vault-lock", kinds, message);
    } else if let (Some(then), Some(now)) = (was.min_retention_days, is.min_retention_days)
        && now < then
    {
        let message = format!("its lock enforced a retention of at least {then} days, and enforces {now} now");
        let days = (format!("{then}d"), format!("{now}d"));
        found.weaker(thing, "vault-lock-min-retention", days, message);
    }
    if let (Some(then), Some(now)) = (was.max_retention_days, is.max_retention_days)
        && is.lock_rank >= Some(1)
        && now < then
    {
        let message = format!("its lock let in a retention of up to {then} days, and lets in {now} now");
        let days = (format!("{then}d"), format!("{now}d"));
        found.weaker(thing, "vault-lock-max-retention", days, message);
    }
    key(thing, (&was.key_owner, &is.key_owner), found);
    if works(was.key_state.as_deref()) == Some(true) && works(is.key_state.as_deref()) == Some(false) {
        let states = (text(&was.key_state).to_owned(), text(&is.key_state).to_owned());
        let message = format!("its key {} is {} now", text(&is.key_arn), states.1);
        found.weaker(thing, "key-state", states, message);
    }
    policy(thing, was, is, found);
}

fn policy(thing: &Thing<'_>, was: &VaultFacts, is: &VaultFacts, found: &mut Found) {
    match (was.manual_deletion_denied, is.manual_deletion_denied) {
        (Some(true), Some(false)) => {
            let message = format!(
                "its access policy does not deny the deletion of recovery points any more: {}",
                text(&is.manual_deletion_reason)
            );
            let values = ("denies deletion".to_owned(), "allows deletion".to_owned());
            found.weaker(thing, "vault-policy", values, message);
        }
        (Some(true), Some(true)) => {
            let principals = |names: &Option<Text>| -> Vec<String> {
                let names = text(names)
                    .split(", ")
                    .filter(|name| *name != "none" && !name.is_empty());
                names.map(str::to_owned).collect()
            };
            let then = principals(&was.exempt_principals);
            let mut added = principals(&is.exempt_principals);
            added.retain(|name| !then.contains(name));
            if !added.is_empty() {
                let values = (
                    text(&was.exempt_principals).to_owned(),
                    text(&is.exempt_principals).to_owned(),
                );
                let message = format!(
                    "its access policy exempts {} from the denial of deletion",
                    added.join(", ")
                );
                found.weaker(thing, "vault-policy-exemptions", values, message);
            }
        }
        _ => {}
    }
}

fn works(state: Option<&str>) -> Option<bool> {
    state.map(|state| matches!(state, "none" | "Enabled"))
}

/// A key whose owner is weaker than that of the key before.
fn key(thing: &Thing<'_>, (then, now): (&Option<Text>, &Option<Text>), found: &mut Found) {
    let rank = |owner: &Option<Text>| owner.as_deref().and_then(rank_of_owner);
    if let (Some(before), Some(after)) = (rank(then), rank(now))
        && after < before
    {
        let owners = (text(then).to_owned(), text(now).to_owned());
        let message = format!("its key was {}, and is {} now", owners.0, owners.1);
        found.weaker(thing, "key-owner", owners, message);
    }
}

fn targets(older: &[TargetFacts], newer: &[TargetFacts], found: &mut Found) {
    for was in older {
        let target = target_of(&was.account_id, &was.region);
        let same = |is: &&TargetFacts| is.account_id == was.account_id && is.region == was.region;
        let Some(is) = newer.iter().find(same) else { continue };
        let name = target.to_string();
        let thing = Thing {
            subject: Subject::Target,
            target: &target,
            arn: &name,
            name: &name,
        };
        let switches = [
            (
                "opt-in",
                was.dynamodb_opted_in,
                is.dynamodb_opted_in,
                "AWS Backup was opted in for DynamoDB here, and is not any more",
            ),
            (
                "advanced-features",
                was.advanced_features_on,
                is.advanced_features_on,
                "advanced features for DynamoDB backups were on here, and are off now",
            ),
        ];
        for (setting, then, now, message) in switches {
            if (then, now) == (Some(true), Some(false)) {
                found.weaker(&thing, setting, on_off(), message.to_owned());
            }
        }
    }
}

fn on_off() -> (String, String) {
    ("on".to_owned(), "off".to_owned())
}

fn tables(older: &[TableRow], newer: &[TableRow], found: &mut Found) {
    for is in newer {
        let was = older.binary_search_by(|was| was.table_arn.cmp(&is.table_arn));
        let Ok(was) = was.map(|place| &older[place]) else {
            continue;
        };
        let ids = (was.fact(TableFacts::table_id), is.fact(TableFacts::table_id));
        // Another table under the same name has settings of its own.
        if ids.0 != ids.1 && !ids.0.is_null() && !ids.1.is_null() {
            continue;
        }
        table(was, is, found);
    }
}

fn table(was: &TableRow, is: &TableRow, found: &mut Found) {
    let thing = Thing {
        subject: Subject::Table,
        target: &is.target,
        arn: &is.table_arn,
        name: &is.table_name,
    };
    let switches = [
        (TableFacts::pitr_on, "pitr", "its point-in-time recovery was turned off"),
        (
            TableFacts::deletion_protection_on,
            "deletion-protection",
            "its deletion protection was turned off",
        ),
    ];
    for (fact, setting, message) in switches {
        if (was.fact(fact), is.fact(fact)) == (&FactValue::Bool(true), &FactValue::Bool(false)) {
            found.weaker(&thing, setting, on_off(), message.to_owned());
        }
    }
    if let (FactValue::Int(then), FactValue::Int(now)) = (
        was.fact(TableFacts::pitr_window_days),
        is.fact(TableFacts::pitr_window_days),
    ) && now < then
        && *is.fact(TableFacts::pitr_on) == FactValue::Bool(true)
    {
        let message = format!("its point-in-time recovery went back {then} days, and goes back {now} now");
        found.weaker(&thing, "pitr-window", (format!("{then}d"), format!("{now}d")), message);
    }
    let owner = |table: &TableRow| match table.fact(TableFacts::table_key_owner) {
        FactValue::Text(owner) => Some(owner.clone()),
        _ => None,
    };
    key(&thing, (&owner(was), &owner(is)), found);
}
