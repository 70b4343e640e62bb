//! The evidence as it would be: a copy of an inventory whose rows can be changed, to be judged like any other.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::criteria::Criteria;
use crate::deliver::staging::Staging;
use crate::domain::TargetId;
use crate::inventory::Inventory;
use crate::inventory::schema::{CallLogEntry, Row};
use crate::inventory::store::{write_frame, write_manifest};
use crate::judge::judge;
use crate::problem::{Outcome, Problem};
use crate::report::Report;

/// An inventory that is changed in memory and written to a private folder when it is judged.
pub(crate) struct World {
    scratch: Staging,
    inventory: Inventory,
    frames: BTreeMap<&'static str, Box<dyn Frame>>,
}

/// The rows of one frame.
trait Frame {
    fn write(&mut self, dir: &Path) -> Result<u64, Problem>;
    fn as_any(&mut self) -> &mut dyn Any;
    fn is_changed(&self) -> bool;
}

struct Rows<R> {
    rows: Vec<R>,
    is_changed: bool,
}

impl<R: Row + Clone> Frame for Rows<R> {
    fn write(&mut self, dir: &Path) -> Result<u64, Problem> {
        self.is_changed = false;
        write_frame(dir, std::iter::once(self.rows.clone()))
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn is_changed(&self) -> bool {
        self.is_changed
    }
}

impl World {
    /// The world as the inventory has it.
    ///
    /// Errors: the inventory cannot be read, or the folder for temporary files not written.
    pub(crate) fn of(inventory: &Inventory) -> Outcome<Self> {
        let scratch = Staging::scratch()?;
        for name in inventory.file_names() {
            let (from, to) = (inventory.dir.join(&name), scratch.dir().join(&name));
            std::fs::copy(&from, &to).map_err(|error| {
                Problem::new("could not copy the inventory, to see what the plan would change")
                    .at(from.display().to_string())
                    .why(error.to_string())
            })?;
        }
        Ok(Self {
            inventory: Inventory {
                dir: scratch.dir().to_owned(),
                manifest: inventory.manifest.clone(),
            },
            scratch,
            frames: BTreeMap::new(),
        })
    }

    /// The instant that the world is of.
    pub(crate) fn as_of(&self) -> DateTime<Utc> {
        self.inventory.manifest.as_of
    }

    /// The rows of a frame; none where it was not collected.
    ///
    /// Errors: the file is damaged.
    pub(crate) fn rows<R: Row + Clone>(&mut self) -> Outcome<&[R]> {
        Ok(&self.frame::<R>()?.rows)
    }

    /// Changes the rows of a frame. One that was not collected stays so: what was not asked is not known afterwards either.
    ///
    /// Errors: the file is damaged.
    pub(crate) fn edit<R: Row + Clone>(&mut self, change: impl FnOnce(&mut Vec<R>)) -> Outcome<()> {
        if !self.inventory.has::<R>() {
            return Ok(());
        }
        let frame = self.frame::<R>()?;
        change(&mut frame.rows);
        frame.is_changed = true;
        Ok(())
    }

    /// Adds a row.
    ///
    /// Errors: the file is damaged.
    pub(crate) fn add<R: Row + Clone>(&mut self, row: R) -> Outcome<()> {
        self.edit::<R>(|rows| rows.push(row))
    }

    /// Says that this was asked there and answered whole, as it would be of what an action has made.
    ///
    /// Errors: the file is damaged.
    pub(crate) fn answered(&mut self, at: &TargetId, action: &str, resource: &str) -> Outcome<()> {
        let as_of = self.as_of();
        self.add(CallLogEntry {
            account_id: at.account_id.clone(),
            region: at.region.clone(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            outcome: "ok".to_owned(),
            error: None,
            page_count: 1,
            attempt_count: 1,
            started_at: as_of,
            answered_at: Some(as_of),
            duration_ms: 0,
            request_id: None,
        })
    }

    /// The inventory with all changes, on disk.
    ///
    /// Errors: the disk refused.
    pub(crate) fn inventory(&mut self) -> Outcome<&Inventory> {
        let mut is_changed = false;
        for (name, frame) in &mut self.frames {
            if frame.is_changed() {
                let count = frame.write(self.scratch.dir())?;
                self.inventory.manifest.frames.insert((*name).to_owned(), count);
                is_changed = true;
            }
        }
        if is_changed {
            write_manifest(self.scratch.dir(), &self.inventory.manifest)?;
        }
        Ok(&self.inventory)
    }

    /// What would be judged of it.
    ///
    /// Errors: the disk refused.
    pub(crate) fn judge(&mut self, criteria: &Criteria) -> Outcome<Report> {
        Ok(judge(self.inventory()?, criteria)?)
    }

    fn frame<R: Row + Clone>(&mut self) -> Outcome<&mut Rows<R>> {
        let name = R::FRAME.name;
        if !self.frames.contains_key(name) {
            let rows = Rows::<R> {
                rows: self.inventory.read::<R>()?,
                is_changed: false,
            };
            self.frames.insert(name, Box::new(rows));
        }
        let frame = self.frames.get_mut(name).expect("it was just put there");
        Ok(frame.as_any().downcast_mut().expect("each frame has one type of row"))
    }
}
