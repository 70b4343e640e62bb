//! What a person named to be looked into: a pack, or an inventory.

use std::path::Path;

use crate::criteria::Criteria;
use crate::criteria::files::CRITERIA_DIR;
use crate::criteria::levels::core_of;
use crate::domain::Question;
use crate::inventory::store::MANIFEST_FILE as INVENTORY_FILE;
use crate::inventory::{INVENTORY_DIR, Inventory};
use crate::judge::recheck::quote;
use crate::ledger::is_ledger;
use crate::pack::kinds::{PackKind, kind_of};
use crate::pack::{self, Pack};
use crate::plain_file;
use crate::problem::{Outcome, Problem, count};

/// The inventory in a folder, or in the folder of a scan that was named whole.
///
/// Errors: there is none, which is a mistake on the command line; or it is damaged.
pub(crate) fn inventory_in(folder: &Path) -> Outcome<Inventory> {
    if has_file(folder, INVENTORY_FILE)? {
        return Ok(Inventory::open(folder)?);
    }
    Ok(Evidence::open(folder)?.inventory)
}

/// Is this folder a pack, or was it one? A pack without its manifest is damaged; a folder with nothing of a pack in it says
/// nothing of any evidence.
///
/// Errors: it is neither, which is a mistake on the command line.
pub(crate) fn must_be_pack(dir: &Path) -> Result<(), Problem> {
    let is_there = |path: &Path| Ok(plain_file::at(path).map_err(|error| no_entry(dir, &error))?.is_some());
    let why = if is_there(dir)? {
        let parts = pack::SEAL_FILES
            .iter()
            .chain(&[pack::FINDINGS_FILE, CRITERIA_DIR, INVENTORY_DIR]);
        for part in parts {
            if is_there(&dir.join(part))? {
                return Ok(());
            }
        }
        format!("it holds no `{}` and no other part of one", pack::MANIFEST_FILE)
    } else {
        "there is no such folder".to_owned()
    };
    let problem = Problem::usage("this is no pack")
        .at(dir.display().to_string())
        .why(why)
        .so("nothing was looked at");
    Err(if is_ledger(dir) {
        problem.hint(format!(
            "`verify --ledger {}` checks a ledger",
            quote(&dir.display().to_string())
        ))
    } else {
        problem.hint("name the folder that a scan wrote")
    })
}

/// Is it the pack of a drill, as far as its manifest can be read?
pub(crate) fn is_drill(folder: &Path) -> bool {
    pack::read_manifest(folder).is_ok_and(|bytes| kind_of(&bytes) == PackKind::Drill)
}

/// Is that file in the folder?
///
/// Errors: the folder may not be entered.
pub(crate) fn has_file(folder: &Path, name: &str) -> Result<bool, Problem> {
    let there = plain_file::at(&folder.join(name)).map_err(|error| no_entry(folder, &error))?;
    Ok(there.is_some_and(|there| there.is_file()))
}

/// A folder that may not be entered is not empty: nothing is known of it.
fn no_entry(folder: &Path, error: &std::io::Error) -> Problem {
    Problem::new("could not look into the folder")
        .at(folder.display().to_string())
        .why(error.to_string())
        .so("nothing can be said of what is in it")
        .hint(plain_file::MAY_NOT_READ)
}

/// Rules that are named one by one where a scan was limited to them.
const NAMED_RULES: usize = 5;

/// How a scan was limited, if the pack in this folder, or the one that this inventory lies in, says that it was: without a core
/// rule of the two questions that every report asks.
pub(crate) fn limits(folder: &Path) -> Option<String> {
    let is_pack = |folder: &&Path| has_file(folder, pack::MANIFEST_FILE).is_ok_and(|is_there| is_there);
    let is_inside = folder.file_name().is_some_and(|name| name == INVENTORY_DIR);
    let around = folder.parent().filter(|_| is_inside);
    let folder = [Some(folder), around].into_iter().flatten().find(is_pack)?;
    // What is wrong with a pack is told by those who rest on it; here it only takes the words away.
    let criteria = Pack::open(folder).ok()?.criteria().ok()?;
    let rules: Vec<&str> = criteria.rules.0.iter().map(|rule| &*rule.id).collect();
    let asks = |question: Question| core_of(question).iter().all(|id| rules.contains(&id.as_str()));
    if asks(Question::InAPlan) && asks(Question::BackedUp) {
        return None;
    }
    Some(match rules.len() {
        0..=NAMED_RULES => format!("this scan was limited to `--rules {}`", rules.join(",")),
        many => format!("this scan was limited to {}", count(many, "rule")),
    })
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
        if has_file(path, pack::MANIFEST_FILE)? {
            let pack = Pack::open(path)?;
            return Ok(Self {
                inventory: pack.inventory()?,
                pack: Some(pack),
            });
        }
        let inside = path.join(INVENTORY_DIR);
        let folder = if has_file(&inside, INVENTORY_FILE)? {
            &inside
        } else {
            path
        };
        if !has_file(folder, INVENTORY_FILE)? {
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
