//! Items that nobody wrote: each follows from its number, and is made when it is asked for. A million of them cost eight megabytes.

use std::borrow::Cow;
use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::item::{self, Item};
use super::items::Bounds;
use super::key;
use super::schema::{KeyAttribute, KeyKind, Keys};
use super::stamp::Stamp;
use crate::ids::mix;

/// What the items of a table look like.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) keys: Keys,
    /// What makes them differ from those of another table.
    pub(crate) salt: u64,
    pub(crate) count: u32,
    /// The size of each by DynamoDB's rules. None: that of a few short attributes.
    pub(crate) item_bytes: Option<u64>,
    /// The attribute that tells when an item was written, and when they were.
    pub(crate) stamp: Option<(Stamp, DateTime<Utc>)>,
    /// So many of the first items expire: attribute of the time to live, and when.
    pub(crate) expiring: Option<(String, DateTime<Utc>, u32)>,
}

/// Items by a recipe, in the order of their keys.
#[derive(Debug)]
pub(crate) struct MadeUp {
    recipe: Recipe,
    /// The first four bytes of each key with the number of the item, by key.
    order: Vec<(u32, u32)>,
    bytes: u64,
}

impl Recipe {
    /// Attributes of an item.
    fn members(&self, number: u32) -> Map<String, Value> {
        let bits = self.bits(number);
        let mut members = Map::new();
        for attribute in self.keys.attributes() {
            members.insert(attribute.name.clone(), key_value(attribute, number, bits));
        }
        let payload = match self.item_bytes {
            Some(_) => short_payload(bits),
            None => payload(u64::from(number), bits),
        };
        for (name, value) in payload {
            members.entry(name).or_insert(value);
        }
        if let Some((stamp, at)) = &self.stamp {
            members
                .entry(stamp.attribute.clone())
                .or_insert_with(|| stamp.value(*at));
        }
        if let Some((attribute, at, count)) = &self.expiring
            && number < *count
        {
            let seconds = json!({ "N": at.timestamp().to_string() });
            members.entry(attribute.clone()).or_insert(seconds);
        }
        members
    }

    fn bits(&self, number: u32) -> u64 {
        mix(u64::from(number) ^ mix(self.salt))
    }

    fn item(&self, number: u32) -> Item {
        let mut members = self.members(number);
        let mut size = item::size_of(&members);
        if let Some(wanted) = self.item_bytes {
            let missing = wanted.saturating_sub(size + FILLER.len() as u64);
            members.insert(
                FILLER.to_owned(),
                json!({ "S": filler(self.bits(number), missing as usize) }),
            );
            size += FILLER.len() as u64 + missing;
        }
        Item::of_size(members, size)
    }

    /// The canonical key of an item.
    pub(super) fn key(&self, number: u32) -> Vec<u8> {
        let bits = self.bits(number);
        let attributes = self.keys.attributes();
        let members = attributes.map(|attribute| (attribute.name.clone(), key_value(attribute, number, bits)));
        key::of_item(&self.keys, &members.collect()).unwrap_or_default()
    }
}

impl MadeUp {
    /// Puts the items of a recipe in order.
    pub(crate) fn new(recipe: Recipe) -> Self {
        let head = |key: &[u8]| key.first_chunk().map_or(0, |head| u32::from_be_bytes(*head));
        let mut order: Vec<(u32, u32)> = (0..recipe.count).map(|n| (head(&recipe.key(n)), n)).collect();
        order.sort_unstable();
        // Keys whose first bytes are the same are few.
        for same in order.chunk_by_mut(|one, other| one.0 == other.0) {
            if same.len() > 1 {
                same.sort_by_cached_key(|(_, number)| recipe.key(*number));
            }
        }
        let bytes = match recipe.item_bytes {
            Some(bytes) => bytes * u64::from(recipe.count),
            None => (0..recipe.count).map(|n| recipe.item(n).size()).sum(),
        };
        Self { recipe, order, bytes }
    }

    pub(super) fn count(&self) -> usize {
        self.order.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The item of a number.
    pub(super) fn item(&self, number: u32) -> Item {
        self.recipe.item(number)
    }

    /// The keys of the items that expire.
    pub(super) fn expiring(&self) -> impl Iterator<Item = Vec<u8>> {
        let count = self.recipe.expiring.as_ref().map_or(0, |(_, _, count)| *count);
        (0..count.min(self.recipe.count)).map(|number| self.recipe.key(number))
    }

    fn full(&self, (head, number): (u32, u32), key: &[u8]) -> Cow<'_, [u8]> {
        // The whole key is made only where its first bytes do not decide.
        match key.first_chunk().map(|first| u32::from_be_bytes(*first)) {
            Some(first) if first != head => Cow::Owned(head.to_be_bytes().to_vec()),
            _ => Cow::Owned(self.recipe.key(number)),
        }
    }

    /// How many items have a lesser key.
    fn before(&self, key: &[u8]) -> usize {
        self.order.partition_point(|entry| *self.full(*entry, key) < *key)
    }

    fn find(&self, key: &[u8]) -> Option<u32> {
        let (_, number) = *self.order.get(self.before(key))?;
        (self.recipe.key(number) == key).then_some(number)
    }

    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Item> {
        self.find(key).map(|number| self.item(number))
    }

    /// Keys and numbers of a range, in the order of the keys or against it.
    pub(super) fn range(&self, (from, to): &Bounds, is_forward: bool) -> Box<dyn Iterator<Item = (Vec<u8>, u32)> + '_> {
        let up_to = |key: &[u8]| self.before(key) + usize::from(self.has(key));
        let from = match from {
            Bound::Unbounded => 0,
            Bound::Included(key) => self.before(key),
            Bound::Excluded(key) => up_to(key),
        };
        let to = match to {
            Bound::Unbounded => self.order.len(),
            Bound::Included(key) => up_to(key),
            Bound::Excluded(key) => self.before(key),
        };
        let numbers = self.order.get(from..to).unwrap_or_default().iter();
        let keyed = |(_, number): &(u32, u32)| (self.recipe.key(*number), *number);
        if is_forward {
            Box::new(numbers.map(keyed))
        } else {
            Box::new(numbers.rev().map(keyed))
        }
    }
}

fn key_value(attribute: &KeyAttribute, number: u32, bits: u64) -> Value {
    match attribute.kind {
        KeyKind::S => json!({ "S": format!("{}-{number:06}", attribute.name) }),
        KeyKind::N => json!({ "N": number.to_string() }),
        KeyKind::B => json!({ "B": STANDARD.encode(bits.to_be_bytes()) }),
    }
}

/// The attribute that gives an item its size.
const FILLER: &str = "filler";

/// Text of so many bytes.
fn filler(bits: u64, length: usize) -> String {
    const TEXT: &str = "the quick brown fox jumps over the lazy dog 0123456789 ";
    let start = bits as usize % TEXT.len();
    let mut text = String::with_capacity(length + TEXT.len());
    text.push_str(&format!("{bits:016x} {}", &TEXT[start..]));
    while text.len() < length {
        text.push_str(TEXT);
    }
    text.truncate(length);
    text
}

/// What an item of a given size has beside its filler: little, because there may be a million of them.
fn short_payload(bits: u64) -> Vec<(String, Value)> {
    vec![
        ("amount".to_owned(), amount(bits)),
        ("paid".to_owned(), json!({ "BOOL": bits & 1 == 1 })),
    ]
}

fn amount(bits: u64) -> Value {
    json!({ "N": format!("{}.{:02}", bits % 10_000, (bits >> 20) % 100) })
}

/// Attributes of every type that is not a key.
fn payload(n: u64, bits: u64) -> Vec<(String, Value)> {
    let words = [
        "anchor", "basalt", "copper", "dune", "ember", "fjord", "granite", "harbour",
    ];
    let word = |shift: u64| words[(bits >> shift) as usize % words.len()];
    let text = format!("{} {} {}", word(3), word(13), word(23));
    vec![
        ("amount".to_owned(), amount(bits)),
        ("description".to_owned(), json!({ "S": text })),
        ("paid".to_owned(), json!({ "BOOL": bits & 1 == 1 })),
        (
            "lines".to_owned(),
            json!({ "L": [{ "S": word(5) }, { "N": (n % 7).to_string() }] }),
        ),
        (
            "address".to_owned(),
            json!({ "M": { "city": { "S": word(33) }, "floor": { "N": ((bits >> 9) % 40).to_string() } } }),
        ),
        ("labels".to_owned(), json!({ "SS": [format!("n-{}", n % 5), word(43)] })),
        ("note".to_owned(), json!({ "NULL": true })),
    ]
}
