//! What a person named to be looked into: a pack, or an inventory.

use std::path::Path;

use crate::criteria::Criteria;
use crate::criteria::files::CRITERIA_DIR;
use crate::inventory::store::MANIFEST_FILE as INVENTORY_FILE;
use crate::inventory::{INVENTORY_DIR, Inventory};
use crate::pack::{self, Pack};
use crate::problem::{Outcome, Problem};

/// The inventory in a folder, or in the folder of a scan that was named whole.
///
/// Errors: there is none, which is a mistake on the command line; or it is damaged.
pub(crate) fn inventory_in(folder: &Path) -> Outcome<Inventory> {
    if folder.join(INVENTORY_FILE).is_file() {
        return Ok(Inventory::open(folder)?);
    }
    Ok(Evidence::open(folder)?.inventory)
}

/// Is this folder a pack, or was it one? A pack without its manifest is damaged; a folder with nothing of a pack in it says
/// nothing of any evidence.
///
/// Errors: it is neither, which is a mistake on the command line.
pub(crate) fn must_be_pack(dir: &Path) -> Result<(), Problem> {
    let why = match dir.try_exists() {
        Ok(true) => {
            let mut parts = pack::SEAL_FILES
                .iter()
                .chain(&[pack::FINDINGS_FILE, CRITERIA_DIR, INVENTORY_DIR]);
            if parts.any(|part| dir.join(part).exists()) {
                return Ok(());
            }
            format!("it holds no `{}` and no other part of one", pack::MANIFEST_FILE)
        }
        Ok(false) => "there is no such folder".to_owned(),
        // Whoever opens it says what is wrong.
        Err(_) => return Ok(()),
    };
    Err(Problem::usage("this is no pack")
        .at(dir.display().to_string())
        .why(why)
        .so("nothing was looked at")
        .hint("name the folder that a scan wrote"))
}

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
                .why(match path.try_exists() {
                    Ok(false) => "there is no such folder".to_owned(),
                    _ => format!(
                        "it holds neither `{}` of a pack nor `{INVENTORY_FILE}` of an inventory",
                        pack::MANIFEST_FILE
                    ),
                })
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
