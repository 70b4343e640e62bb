//! `[[key]]`: KMS keys of the world, named by their alias.

use backproof_toml_reader::{Section, did_you_mean};
use chrono::{DateTime, TimeDelta, Utc};

use super::accounts::place;
use super::values::{choice, days};
use crate::backup::state::PlaceKey;
use crate::cloud::{Account, Cloud};
use crate::kms::state::{KeyState, Manager, Spec};

/// One key.
#[derive(Debug, Clone)]
pub(crate) struct KeySpec {
    pub(crate) account: String,
    pub(crate) region: String,
    /// The alias without `alias/`.
    pub(crate) name: String,
    manager: Manager,
    state: KeyState,
    /// Its deletion is done.
    is_gone: bool,
    state_since_days_ago: Option<i64>,
    created_days_ago: i64,
    multi_region: bool,
    pub(super) spec: Spec,
}

/// Reads all keys.
pub(super) fn read(root: &Section<'_>, accounts: &[Account]) -> Vec<KeySpec> {
    let mut keys: Vec<KeySpec> = Vec::new();
    for section in root.sections("key") {
        let key = read_one(&section, accounts);
        section.finish();
        let Some(key) = key else {
            continue;
        };
        if keys
            .iter()
            .any(|other| (&other.account, &other.region, &other.name) == (&key.account, &key.region, &key.name))
        {
            section.note_at(
                "name",
                format!("key `{}` is there twice in {}/{}", key.name, key.account, key.region),
                "",
            );
        }
        keys.push(key);
    }
    keys
}

fn read_one(section: &Section<'_>, accounts: &[Account]) -> Option<KeySpec> {
    let place = place(accounts, section);
    let name = section.needed("name");
    let manager = choice(
        section,
        "manager",
        &[("AWS", Manager::Aws), ("CUSTOMER", Manager::Customer)],
    );
    let states = [
        ("Enabled", (KeyState::Enabled, false)),
        ("Disabled", (KeyState::Disabled, false)),
        ("PendingDeletion", (KeyState::PendingDeletion, false)),
        ("Gone", (KeyState::PendingDeletion, true)),
    ];
    let state = choice(section, "state", &states);
    let since = days(section, "state-since-days-ago");
    let created = days(section, "created-days-ago");
    let multi_region = section.boolean("multi-region");
    let spec = choice(section, "spec", &Spec::ALL);
    let ((account, region), name) = (place?, name?);
    Some(KeySpec {
        account,
        region,
        name,
        manager: manager.unwrap_or(Manager::Customer),
        state: state.map_or(KeyState::Enabled, |(state, _)| state),
        is_gone: state.is_some_and(|(_, is_gone)| is_gone),
        state_since_days_ago: since,
        created_days_ago: created.unwrap_or(800),
        multi_region: multi_region.unwrap_or(false),
        spec: spec.unwrap_or_default(),
    })
}

impl KeySpec {
    pub(super) fn make(&self, cloud: &mut Cloud, now: DateTime<Utc>) {
        cloud.place_mut(&self.account, &self.region);
        let Cloud { places, ids, .. } = cloud;
        let Some(place) = places.get_mut(&(self.account.clone(), self.region.clone())) else {
            return;
        };
        let created = now - TimeDelta::days(self.created_days_ago);
        let arn = place.kms.create(self.manager, &self.name, created, ids);
        place.kms.name(&self.name, &arn);
        if let Some(key) = place.kms.find_mut(&arn) {
            key.multi_region = self.multi_region;
            key.spec = self.spec;
            if self.state != KeyState::Enabled {
                key.change(
                    self.state_since_days_ago
                        .map_or(created, |days| now - TimeDelta::days(days)),
                    self.state,
                );
            }
            if self.is_gone {
                key.deletion_at = Some(now);
            } else if self.state == KeyState::PendingDeletion {
                key.deletion_at = Some(now + TimeDelta::days(30 - self.state_since_days_ago.unwrap_or(0).min(29)));
            }
        }
    }
}

/// True if a place has a key of this name that encrypts; a mistake at `key` if not.
pub(super) fn knows(keys: &[KeySpec], section: &Section<'_>, key: &'static str, place: &PlaceKey, name: &str) -> bool {
    let here = || {
        keys.iter()
            .filter(|known| (&known.account, &known.region) == (&place.0, &place.1))
    };
    let found = here().find(|known| known.name == name);
    let known = found.is_some_and(|known| known.spec == Spec::Symmetric);
    if found.is_some() && !known {
        section.note_at(key, format!("key `{name}` signs; it cannot encrypt"), "");
    } else if !known {
        let hint = did_you_mean(name, here().map(|known| known.name.as_str()));
        section.note_at(key, format!("key `{name}` is not in {}/{}", place.0, place.1), hint);
    }
    known
}
