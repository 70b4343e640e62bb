//! Tables and vaults of the rows of a frame, one after the other.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher as _};

use super::Index;
use super::rows::ArnHasher;
use crate::inventory::schema::borrowed;

/// Finds tables and vaults of rows; consecutive rows mostly name the same ones.
pub(crate) struct Finder<'e> {
    index: &'e Index,
    /// Places of vaults by a hash of account, Region and name; looked at again before they are believed.
    vaults: HashMap<u64, u32, BuildHasherDefault<ArnHasher>>,
    last_vault: Option<u32>,
    last_table: Option<u32>,
}

impl<'e> Finder<'e> {
    pub(crate) fn new(index: &'e Index) -> Self {
        Self {
            index,
            vaults: HashMap::default(),
            last_vault: None,
            last_table: None,
        }
    }

    /// The vault of a recovery point.
    pub(crate) fn vault(&mut self, point: &borrowed::RecoveryPoint<'_>) -> Option<u32> {
        if let Some(last) = self.last_vault.filter(|last| self.is_of(*last, point)) {
            return Some(last);
        }
        let mut hasher = ArnHasher::default();
        for part in [point.account_id, point.region, point.vault_name] {
            hasher.write(part.as_bytes());
            hasher.write_u8(0xff);
        }
        let hash = hasher.finish();
        let known = self.vaults.get(&hash).copied();
        self.last_vault = known.filter(|place| self.is_of(*place, point)).or_else(|| {
            let place = self
                .index
                .vault_place(point.account_id, point.region, point.vault_name)?;
            self.vaults.insert(hash, place);
            Some(place)
        });
        self.last_vault
    }

    fn is_of(&self, place: u32, point: &borrowed::RecoveryPoint<'_>) -> bool {
        let row = &self.index.vaults[place as usize].row;
        row.vault_name == point.vault_name && row.region == point.region && row.account_id == point.account_id
    }

    /// The table of an ARN.
    pub(crate) fn table(&mut self, arn: &str) -> Option<usize> {
        if let Some(last) = self.last_table
            && self.index.tables[last as usize].table_arn == arn
        {
            return Some(last as usize);
        }
        self.last_table = self.index.rows.get(arn);
        self.last_table.map(|row| row as usize)
    }

    /// Does the point lie in the table's own account and Region? Elsewhere it is a copy.
    pub(crate) fn is_home(&self, row: usize, point: &borrowed::RecoveryPoint<'_>) -> bool {
        let table = &self.index.tables[row];
        point.region == table.region && point.account_id == table.account_id
    }
}
