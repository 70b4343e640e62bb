//! What the sections of a world file may name: accounts with their Regions, keys and tables.

use super::accounts;
use super::keys::{self, KeySpec};
use super::tables::TableSpec;
use crate::backup::state::PlaceKey;
use crate::cloud::Account;
use backproof_toml_reader::Section;

/// What has been read before everything that refers to it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(super) accounts: Vec<Account>,
    pub(super) keys: Vec<KeySpec>,
    pub(super) tables: Vec<TableSpec>,
}

impl Known {
    /// The account and Region of a section; a mistake if the world has no such place.
    pub(super) fn place(&self, section: &Section<'_>) -> Option<PlaceKey> {
        accounts::place(&self.accounts, section)
    }

    /// True if an account of the world has a Region.
    pub(super) fn has_place(&self, account: &str, region: &str) -> bool {
        self.accounts
            .iter()
            .any(|known| known.id == account && known.regions.iter().any(|other| other == region))
    }

    /// True if a place has a key of this name that encrypts; a mistake at `key` if not.
    pub(super) fn knows_key(&self, section: &Section<'_>, key: &'static str, place: &PlaceKey, name: &str) -> bool {
        keys::knows(&self.keys, section, key, place, name)
    }
}
