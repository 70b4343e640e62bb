//! `[[account]]` and `[organization]`.

use super::roles;
use super::values::texts;
use crate::backup::state::PlaceKey;
use crate::cloud::{Account, Organization};
use backproof_toml_reader::{Section, did_you_mean};

/// Reads all accounts, and the ids of those without AWS Backup's default role. A world without any account is a mistake.
pub(super) fn read(root: &Section<'_>) -> (Vec<Account>, Vec<String>) {
    let mut accounts: Vec<Account> = Vec::new();
    let mut without_default = Vec::new();
    for section in root.sections("account") {
        let account = read_one(&section);
        if !roles::read_default(&section) {
            without_default.push(account.id.clone());
        }
        section.finish();
        if accounts.iter().any(|known| known.id == account.id) {
            section.note_at("id", format!("account `{}` is there twice", account.id), "");
        } else {
            accounts.push(account);
        }
    }
    if accounts.is_empty() {
        root.note_at(
            "account",
            "the world has no account",
            "add an [[account]] with `id` and `regions`",
        );
    }
    (accounts, without_default)
}

fn read_one(section: &Section<'_>) -> Account {
    let id = section.needed("id").unwrap_or_default();
    if section.has("id") && !(id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit())) {
        section.note_at("id", format!("account id `{id}` does not have 12 digits"), "");
    }
    let regions = texts(section, "regions").unwrap_or_default();
    if regions.is_empty() {
        section.note_at(
            "regions",
            format!("account `{id}` has no `regions`"),
            "such as regions = [\"eu-west-1\"]",
        );
    }
    Account {
        name: section.text("name").unwrap_or_else(|| id.clone()),
        access_keys: texts(section, "access-keys").unwrap_or_default(),
        roles: texts(section, "roles"),
        security_hub: texts(section, "security-hub-regions"),
        id,
        regions,
    }
}

/// Reads the organisation. Without a management account there is none.
pub(super) fn read_organization(root: &Section<'_>, accounts: &[Account]) -> Organization {
    let Some(section) = root.section("organization") else {
        return Organization::default();
    };
    let management = section.needed("management-account");
    if let Some(id) = management
        .as_ref()
        .filter(|id| !accounts.iter().any(|account| account.id == **id))
    {
        let hint = did_you_mean(id, accounts.iter().map(|account| account.id.as_str()));
        section.note_at(
            "management-account",
            format!("account `{id}` is not in the world"),
            hint,
        );
    }
    let cross_account_backup = section.boolean("cross-account-backup").unwrap_or(true);
    section.finish();
    Organization {
        management_account: management,
        cross_account_backup,
        updated: None,
    }
}

/// The account and Region of a section; a mistake if the world has no such place.
pub(super) fn place(accounts: &[Account], section: &Section<'_>) -> Option<PlaceKey> {
    let (account, region) = (section.needed("account"), section.needed("region"));
    let (account, region) = (account?, region?);
    let Some(known) = accounts.iter().find(|known| known.id == account) else {
        let hint = did_you_mean(&account, accounts.iter().map(|account| account.id.as_str()));
        section.note_at("account", format!("account `{account}` is not in the world"), hint);
        return None;
    };
    if !known.regions.contains(&region) {
        let hint = did_you_mean(&region, known.regions.iter().map(String::as_str));
        section.note_at(
            "region",
            format!("Region `{region}` is not among the `regions` of account {account}"),
            hint,
        );
        return None;
    }
    Some((account, region))
}
