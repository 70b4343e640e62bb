//! Changes that the world makes to items: what is written after a backup, and what a damaged backup holds.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::item::{self, Item};
use super::items::Items;
use super::key;
use super::schema::{KeyKind, Keys};
use super::stamp::Stamp;
use crate::ids::mix;

/// How many items are changed in which way. Each item is changed once at most.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Changes {
    /// Taken away.
    pub(crate) lost: u64,
    /// One attribute has another value.
    pub(crate) changed: u64,
    /// One attribute has another type: a number becomes its text, else a text its bytes.
    pub(crate) swapped: u64,
    /// There twice: the same attributes under another key.
    pub(crate) added: u64,
}

impl Changes {
    /// True if nothing is changed.
    pub(crate) fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Makes the changes. Which items they hit follows from the seed; what is written gets its time, if the items have one.
    pub(crate) fn make(self, items: &mut Items, keys: &Keys, seed: u64, stamp: Option<(&Stamp, DateTime<Utc>)>) {
        let mut rolls = (0..).map(|count: u64| mix(mix(seed) ^ count));
        let mut touched = BTreeSet::new();
        let kinds = [
            (Kind::Lost, self.lost),
            (Kind::Changed, self.changed),
            (Kind::Swapped, self.swapped),
            (Kind::Added, self.added),
        ];
        for (kind, count) in kinds {
            for roll in rolls.by_ref().take(usize::try_from(count).unwrap_or(usize::MAX)) {
                let picked = pick(items, roll, &touched);
                let mut members = match (&picked, kind) {
                    (None, Kind::Added) => Map::new(),
                    (None, _) => break,
                    (Some((_, item)), _) => item.members().clone(),
                };
                touched.extend(picked.map(|(key, _)| key));
                match kind {
                    Kind::Lost => {
                        if let Ok(key) = key::of_item(keys, &members) {
                            items.remove(&key);
                        }
                        continue;
                    }
                    Kind::Changed => change(&mut members, keys, stamp.map(|(stamp, _)| stamp), roll),
                    Kind::Swapped => swap(&mut members, keys, stamp.map(|(stamp, _)| stamp)),
                    Kind::Added => rename(&mut members, keys, roll),
                }
                if let Some((stamp, at)) = stamp {
                    members.insert(stamp.attribute.clone(), stamp.value(at));
                }
                let Ok(key) = key::of_item(keys, &members) else {
                    continue;
                };
                let size = item::size_of(&members);
                touched.insert(key.clone());
                items.insert(key, Item::of_size(members, size));
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Lost,
    Changed,
    Swapped,
    Added,
}

/// An item that was not changed yet: the first one at or after a place that looks random.
fn pick(items: &Items, roll: u64, touched: &BTreeSet<Vec<u8>>) -> Option<(Vec<u8>, Arc<Item>)> {
    let start = Bound::Included((roll as u32).to_be_bytes().to_vec());
    let after = items.range((start, Bound::Unbounded), true);
    after.chain(items.iter()).find(|(key, _)| !touched.contains(key))
}

/// The attributes that are no key and not the time.
fn plain<'a>(
    members: &'a mut Map<String, Value>,
    keys: &'a Keys,
    stamp: Option<&'a Stamp>,
) -> impl Iterator<Item = &'a mut Value> {
    members.iter_mut().filter_map(move |(name, value)| {
        let is_key = keys.attributes().any(|attribute| attribute.name == *name);
        let is_stamp = stamp.is_some_and(|stamp| stamp.attribute == *name);
        (!is_key && !is_stamp).then_some(value)
    })
}

fn change(members: &mut Map<String, Value>, keys: &Keys, stamp: Option<&Stamp>, roll: u64) {
    for value in plain(members, keys, stamp) {
        if value.get("N").is_some() {
            // Three places after the point: no made-up number has them.
            *value = json!({ "N": format!("{}.{:02}7", roll % 10_000, (roll >> 20) % 100) });
            return;
        }
        if value.get("S").is_some() {
            *value = json!({ "S": format!("changed {roll:016x}") });
            return;
        }
    }
    members.insert("changed".to_owned(), json!({ "S": format!("{roll:016x}") }));
}

fn swap(members: &mut Map<String, Value>, keys: &Keys, stamp: Option<&Stamp>) {
    for value in plain(members, keys, stamp) {
        if let Some(number) = value.get("N").cloned() {
            *value = json!({ "S": number });
            return;
        }
        if let Some(text) = value.get("S").and_then(Value::as_str) {
            *value = json!({ "B": STANDARD.encode(text) });
            return;
        }
    }
    members.insert("swapped".to_owned(), json!({ "NULL": true }));
}

fn rename(members: &mut Map<String, Value>, keys: &Keys, roll: u64) {
    for attribute in keys.attributes() {
        let value = match attribute.kind {
            KeyKind::S => json!({ "S": format!("{}-{roll:016x}", attribute.name) }),
            KeyKind::N => json!({ "N": roll.to_string() }),
            KeyKind::B => json!({ "B": STANDARD.encode(format!("{roll:016x}")) }),
        };
        members.insert(attribute.name.clone(), value);
    }
}
