//! Tags of tables.

use std::collections::{HashMap, HashSet};

use super::rows::TableRows;
use crate::inventory::Inventory;
use crate::inventory::schema::TableTag;
use crate::problem::Problem;

/// Tags of a million tables: texts are kept once.
#[derive(Default)]
pub(super) struct Tags {
    texts: Vec<String>,
    of_table: Vec<Vec<(u32, u32)>>,
    is_read: Vec<bool>,
    /// Tables that were asked for their own tags, and did not tell.
    untold: HashSet<usize>,
}

impl Tags {
    /// `is_read`: of each target, by place, whether its tags were.
    pub(super) fn read(inventory: &Inventory, is_read: Vec<bool>, rows: &TableRows) -> Result<Self, Problem> {
        let mut tags = Self {
            texts: Vec::new(),
            of_table: Vec::new(),
            is_read,
            untold: HashSet::new(),
        };
        if !inventory.has::<TableTag>() {
            return Ok(tags);
        }
        tags.of_table.resize(rows.count(), Vec::new());
        let mut numbers: HashMap<String, u32> = HashMap::new();
        inventory.for_each_row::<TableTag>(&[], |tag| {
            let Some(row) = rows.get(tag.table_arn) else {
                return;
            };
            let mut number = |text: &str| match numbers.get(text) {
                Some(number) => *number,
                None => {
                    let number = u32::try_from(tags.texts.len()).unwrap_or(u32::MAX);
                    tags.texts.push(text.to_owned());
                    numbers.insert(text.to_owned(), number);
                    number
                }
            };
            let pair = (number(tag.key), number(tag.value));
            tags.of_table[row as usize].push(pair);
        })?;
        Ok(tags)
    }

    /// The tags of a table that was made a moment ago are known by its own answer alone.
    pub(super) fn leave_open(&mut self, rows: impl Iterator<Item = usize>) {
        self.untold.extend(rows);
    }

    /// Those of a table and its target: `None` if they could not be read.
    pub(super) fn of(&self, row: usize, place: u32) -> Option<impl Iterator<Item = (&str, &str)>> {
        if self.untold.contains(&row) || !self.is_read.get(place as usize).copied().unwrap_or(false) {
            return None;
        }
        let text = |number: u32| self.texts[number as usize].as_str();
        let of_table = self.of_table.get(row).into_iter().flatten();
        Some(of_table.map(move |(key, value)| (text(*key), text(*value))))
    }
}
