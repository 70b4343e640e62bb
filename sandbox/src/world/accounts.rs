//! `[[account]]` and `[organization]`.

use super::reader::{Section, nearest};
use crate::backup::state::PlaceKey;
use crate::cloud::{Account, Organization};

/// Reads all accounts. A world without any is a mistake.
pub(super) fn read(root: &Section<'_>) -> Vec<Account> {
    let mut accounts: Vec<Account> = Vec::new();
    for section in root.sections("account") {
        let account = read_one(&section);
        if accounts.iter().any(|known| known.id == account.id) {
            section.problem("id", format!("account `{}` is there twice", account.id), None);
        } else {
            accounts.push(account);
        }
    }
    if accounts.is_empty() {
        root.problem(
            "account",
            "the world has no account",
            Some("add an [[account]] with `id` and `regions`".to_owned()),
        );
    }
    accounts
}

fn read_one(section: &Section<'_>) -> Account {
    let id = section.needed_text("id").unwrap_or_default();
    if section.has("id") && !(id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit())) {
        section.problem("id", format!("account id `{id}` does not have 12 digits"), None);
    }
    let regions = section.texts("regions").unwrap_or_default();
    if regions.is_empty() {
        section.problem(
            "regions",
            format!("account `{id}` has no `regions`"),
            Some("such as regions = [\"eu-west-1\"]".to_owned()),
        );
    }
    Account {
        name: section.text("name").unwrap_or_else(|| id.clone()),
        access_keys: section.texts("access-keys").unwrap_or_default(),
        roles: section.texts("roles"),
        security_hub: section.texts("security-hub-regions"),
        id,
        regions,
    }
}

/// Reads the organisation. Without a management account there is none.
pub(super) fn read_organization(root: &Section<'_>, accounts: &[Account]) -> Organization {
    let Some(section) = root.section("organization") else {
        return Organization::default();
    };
    let management = section.needed_text("management-account");
    if let Some(id) = management
        .as_ref()
        .filter(|id| !accounts.iter().any(|account| account.id == **id))
    {
        let hint = nearest(id, accounts.iter().map(|account| account.id.as_str()));
        section.problem(
            "management-account",
            format!("account `{id}` is not in the world"),
            hint,
        );
    }
    Organization {
        management_account: management,
        cross_account_backup: section.flag("cross-account-backup").unwrap_or(true),
        updated: None,
    }
}

/// The account and Region of a section; a mistake if the world has no such place.
pub(super) fn place(accounts: &[Account], section: &Section<'_>) -> Option<PlaceKey> {
    let (account, region) = (section.needed_text("account"), section.needed_text("region"));
    let (account, region) = (account?, region?);
    let Some(known) = accounts.iter().find(|known| known.id == account) else {
        let hint = nearest(&account, accounts.iter().map(|account| account.id.as_str()));
        section.problem("account", format!("account `{account}` is not in the world"), hint);
        return None;
    };
    if !known.regions.contains(&region) {
        let hint = nearest(&region, known.regions.iter().map(String::as_str));
        section.problem(
            "region",
            format!("Region `{region}` is not among the `regions` of account {account}"),
            hint,
        );
        return None;
    }
    Some((account, region))
}
