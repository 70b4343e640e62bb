//! What a person named to be looked into: a pack, or an inventory.

use std::path::Path;

use crate::criteria::Criteria;
use crate::inventory::store::MANIFEST_FILE as INVENTORY_FILE;
use crate::inventory::{INVENTORY_DIR, Inventory};
use crate::pack::{self, Pack};
use crate::problem::{Outcome, Problem};

/// Stored evidence.
pub(crate) struct Evidence {
    /// What AWS answered.
    pub(crate) inventory: Inventory,
    /// The pack that it lies in; none: an inventory that stands alone.
    pub(crate) pack: Option<Pack>,
}

impl Evidence {
    /// Opens a pack, an inventory, or the folder of a scan with an inventory in it.
    ///
    /// Errors: neither is there, or it is damaged.
    pub(crate) fn open(path: &Path) -> Outcome<Self> {
        if path.join(pack::MANIFEST_FILE).is_file() {
            let pack = Pack::open(path)?;
            return Ok(Self {
                inventory: pack.inventory()?,
                pack: Some(pack),
            });
        }
        let inside = path.join(INVENTORY_DIR);
        let folder = if inside.join(INVENTORY_FILE).is_file() {
            &inside
        } else {
            path
        };
        if !folder.join(INVENTORY_FILE).is_file() {
            return Err(Problem::usage("there is no evidence to look into")
                .at(path.display().to_string())
                .why(format!(
                    "it holds neither `{}` of a pack nor `{INVENTORY_FILE}` of an inventory",
                    pack::MANIFEST_FILE
                ))
                .hint("name the folder that a scan wrote, or its `inventory` folder")
                .into());
        }
        Ok(Self {
            inventory: Inventory::open(folder)?,
            pack: None,
        })
    }

    /// The criteria that the pack was judged by; none: it is no pack.
    ///
    /// Errors: they are damaged.
    pub(crate) fn criteria(&self) -> Outcome<Option<Criteria>> {
        self.pack.as_ref().map(Pack::criteria).transpose()
    }
}
