//! Which items differ, found in bounded memory.
//!
//! Each item falls into a bucket by the digest of its key. The first pass keeps a tally of each bucket; where those of both sides
//! are equal, so are the items. The second pass keeps what the differing buckets hold until its counterpart comes. What does not
//! fit is dropped by whole buckets, each of which then counts as a difference of which nothing is told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::super::record::{Difference, DifferenceKind, Differences, When};
use super::canonical::{self, Item};
use super::digest::{Hash, Tally, hash};
use super::when::{Span, Told, is_expired, told};
use crate::text::hex;

/// Buckets of a table: two bytes of the digest of a key.
const BUCKETS: usize = 1 << 16;

/// Bytes of items that wait for their counterpart, at the most.
const MOST_WAITING: usize = 64 << 20;

/// What one waiting item takes, with its place in the map, beside its key in words.
const OF_EACH: usize = 192;

/// Differences that are known by key, so that none is counted twice: more are not kept.
const MOST_KNOWN: usize = 1 << 18;

fn bucket(key: &Hash) -> u16 {
    u16::from_be_bytes([key[0], key[1]])
}

/// The tallies of all buckets of one table.
pub(super) struct Buckets(Mutex<Vec<Tally>>);

impl Default for Buckets {
    fn default() -> Self {
        Self(Mutex::new(vec![Tally::default(); BUCKETS]))
    }
}

impl Buckets {
    /// Takes the items of a page.
    ///
    /// Errors: an item has no canonical form, or not its key.
    pub(super) fn take(&self, items: &[Item], keys: &[String]) -> Result<(), String> {
        let digests = |item: &Item| {
            let key = hash(&canonical::key(item, keys)?);
            Ok((key, hash(&canonical::item(item)?)))
        };
        let digests: Vec<(Hash, Hash)> = items.iter().map(digests).collect::<Result<_, String>>()?;
        let mut seen = HashSet::with_capacity(digests.len());
        if !digests.iter().all(|(key, _)| seen.insert(key)) {
            return Err("the answer holds two items of the same key".to_owned());
        }
        // The lock is held for sums only.
        let mut tallies = self.lock();
        for (key, hash) in &digests {
            tallies[usize::from(bucket(key))].add(hash);
        }
        Ok(())
    }

    /// Of the whole table.
    pub(super) fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.lock().iter().for_each(|tally| total.merge(tally));
        total
    }

    /// The buckets that differ.
    pub(super) fn differing(&self, other: &Self) -> Vec<u16> {
        let (one, other) = (self.lock().clone(), other.lock());
        let differing = (0..=u16::MAX).zip(one.iter().zip(other.iter()));
        let differing = differing.filter(|(_, (one, other))| one != other);
        differing.map(|(bucket, _)| bucket).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Tally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is noted of an item.
#[derive(Debug, Clone)]
pub(super) struct Noted {
    /// Digest of its key.
    pub(super) key: Hash,
    item: Hash,
    told: Option<Told>,
    is_expired: bool,
    /// Its key as DynamoDB JSON, if keys are to be shown.
    shown: Option<Box<str>>,
}

/// What is asked of items that differ.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Attributes of the key.
    pub(super) keys: Vec<String>,
    /// When the point took its data.
    pub(super) span: Span,
    /// The attribute that tells when an item was written.
    pub(super) changed_at: Option<String>,
    /// The attribute of the source's time to live, and until when items had the time to go.
    pub(super) ttl: Option<(String, DateTime<Utc>)>,
    /// Keys are named.
    pub(super) shows_keys: bool,
    /// So many examples.
    pub(super) most: usize,
}

impl Asked {
    fn key(&self, item: &Item) -> Result<Hash, String> {
        canonical::key(item, &self.keys).map(|key| hash(&key))
    }

    /// Notes an item.
    ///
    /// Errors: it has no canonical form, or not its key.
    pub(super) fn note(&self, item: &Item) -> Result<Noted, String> {
        let key = self.key(item)?;
        let attribute = |name: &String| item.get(name);
        let ttl = self.ttl.as_ref();
        Ok(Noted {
            key,
            item: hash(&canonical::item(item)?),
            told: self.changed_at.as_ref().and_then(attribute).and_then(told),
            is_expired: ttl.is_some_and(|(name, by)| attribute(name).is_some_and(|value| is_expired(value, *by))),
            shown: self.shows_keys.then(|| key_json(item, &self.keys).into()),
        })
    }

    /// The difference between two sides of an item. `None`: there is none.
    pub(super) fn difference(&self, restored: Option<&Noted>, source: Option<&Noted>) -> Option<(Hash, Difference)> {
        let (kind, when, noted) = match (restored, source) {
            (Some(one), Some(other)) if one.item == other.item => return None,
            (Some(_), Some(source)) => (DifferenceKind::Changed, self.span.when(source.told), source),
            (None, Some(source)) => (DifferenceKind::Missing, self.span.when(source.told), source),
            // Nobody knows when an item was deleted, but for those that time to live deletes.
            (Some(restored), None) if restored.is_expired => (DifferenceKind::Extra, When::Since, restored),
            (Some(restored), None) => (DifferenceKind::Extra, When::Untold, restored),
            (None, None) => return None,
        };
        let key = noted.shown.as_deref().map_or_else(|| hex(&noted.key), str::to_owned);
        Some((noted.key, Difference { kind, when, key }))
    }
}

/// A key as DynamoDB JSON, in order of the attributes' names.
fn key_json(item: &Item, keys: &[String]) -> String {
    let mut members: Vec<_> = canonical::key_members(item, keys).unwrap_or_default();
    members.sort_unstable_by_key(|(name, _)| *name);
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(text) => json!({ "N": text }),
        AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
        _ => Value::Null,
    };
    let members: Map<String, Value> = members
        .into_iter()
        .map(|(name, of)| (name.clone(), value(of)))
        .collect();
    Value::Object(members).to_string()
}

/// Differences as they are found.
#[derive(Debug, Default)]
pub(super) struct Found {
    since: u64,
    damaged: u64,
    untold: u64,
    /// Damages first, then in order of their keys' digests: the same ones, whatever the order in which they are found.
    examples: BTreeMap<(u8, Hash), Difference>,
    known: HashSet<Hash>,
}

impl Found {
    /// Takes one more.
    pub(super) fn add(&mut self, key: Hash, difference: Difference, most: usize) {
        let (number, rank) = match difference.when {
            When::Before => (&mut self.damaged, 0),
            When::Untold => (&mut self.untold, 1),
            When::Since => (&mut self.since, 2),
        };
        *number += 1;
        self.examples.insert((rank, key), difference);
        if self.examples.len() > most {
            self.examples.pop_last();
        }
    }

    /// The same, unless that key was taken before.
    pub(super) fn add_once(&mut self, key: Hash, difference: Difference, most: usize) {
        if self.known.len() < MOST_KNOWN && self.known.insert(key) {
            self.add(key, difference, most);
        }
    }

    /// All in all. `None`: there is none.
    pub(super) fn differences(self, changed_at: Option<&String>) -> Option<Differences> {
        let differences = Differences {
            changed_at: changed_at.cloned(),
            since: self.since,
            damaged: self.damaged,
            untold: self.untold,
            examples: self.examples.into_values().collect(),
        };
        (differences.since + differences.damaged + differences.untold > 0).then_some(differences)
    }
}

/// Which side an item was read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Restored,
    Source,
}

/// The second pass.
pub(super) struct Finder {
    asked: Arc<Asked>,
    most_bytes: usize,
    state: Mutex<State>,
}

struct State {
    /// Buckets that are looked at, and whether a difference was found in them.
    wanted: HashMap<u16, bool>,
    /// Buckets that were given up.
    dropped: u64,
    waiting: HashMap<Hash, (Which, Noted)>,
    bytes: usize,
    found: Found,
}

fn size(noted: &Noted) -> usize {
    OF_EACH + noted.shown.as_ref().map_or(0, |key| key.len())
}

impl Finder {
    pub(super) fn new(asked: Arc<Asked>, differing: &[u16]) -> Self {
        Self::within(asked, differing, MOST_WAITING)
    }

    pub(super) fn within(asked: Arc<Asked>, differing: &[u16], most_bytes: usize) -> Self {
        Self {
            asked,
            most_bytes,
            state: Mutex::new(State {
                wanted: differing.iter().map(|bucket| (*bucket, false)).collect(),
                dropped: 0,
                waiting: HashMap::new(),
                bytes: 0,
                found: Found::default(),
            }),
        }
    }

    /// Takes the items of a page of one side.
    ///
    /// Errors: an item has no canonical form, or not its key.
    pub(super) fn take(&self, which: Which, items: &[Item]) -> Result<(), String> {
        for item in items {
            let bucket = bucket(&self.asked.key(item)?);
            if !self.lock().wanted.contains_key(&bucket) {
                continue;
            }
            let noted = self.asked.note(item)?;
            self.lock().take(&self.asked, which, noted, self.most_bytes);
        }
        Ok(())
    }

    /// All differences, once both sides were read. `None`: there is none any more.
    pub(super) fn differences(&self) -> Option<Differences> {
        let mut state = self.lock();
        let State {
            wanted,
            dropped,
            waiting,
            found,
            ..
        } = &mut *state;
        for (which, noted) in waiting.values() {
            let of = |side| (*which == side).then_some(noted);
            if let Some((key, difference)) = self.asked.difference(of(Which::Restored), of(Which::Source)) {
                wanted.insert(bucket(&key), true);
                found.add(key, difference, self.asked.most);
            }
        }
        // A bucket that was given up holds one difference at least, and so did one that is equal by now.
        found.untold += *dropped + wanted.values().filter(|was_found| !**was_found).count() as u64;
        std::mem::take(found).differences(self.asked.changed_at.as_ref())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, asked: &Asked, which: Which, noted: Noted, most_bytes: usize) {
        let bucket = bucket(&noted.key);
        // Another page may have made it too many meanwhile.
        if !self.wanted.contains_key(&bucket) {
            return;
        }
        match self.waiting.get(&noted.key) {
            Some((side, _)) if *side != which => {
                let Some((_, other)) = self.waiting.remove(&noted.key) else {
                    return;
                };
                self.bytes -= size(&other);
                let (restored, source) = match which {
                    Which::Restored => (&noted, &other),
                    Which::Source => (&other, &noted),
                };
                if let Some((key, difference)) = asked.difference(Some(restored), Some(source)) {
                    self.wanted.insert(bucket, true);
                    self.found.add(key, difference, asked.most);
                }
            }
            _ => {
                self.bytes += size(&noted);
                if let Some((_, same)) = self.waiting.insert(noted.key, (which, noted)) {
                    self.bytes -= size(&same);
                }
            }
        }
        while self.bytes > most_bytes && !self.wanted.is_empty() {
            self.drop_half();
        }
    }

    /// Gives up half of the buckets, with what waits in them. What was found in them stays found.
    fn drop_half(&mut self) {
        let mut buckets: Vec<u16> = self.wanted.keys().copied().collect();
        buckets.sort_unstable();
        for bucket in buckets.split_off(buckets.len() / 2) {
            self.wanted.remove(&bucket);
            self.dropped += 1;
        }
        let wanted = &self.wanted;
        self.waiting.retain(|key, _| wanted.contains_key(&bucket(key)));
        self.bytes = self.waiting.values().map(|(_, noted)| size(noted)).sum();
    }
}
