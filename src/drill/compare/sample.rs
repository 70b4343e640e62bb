//! Some segments of each table, each item of them looked up in the other.
//!
//! A segment of one table need not hold the keys of the same segment of another, so neither side is held against the other by
//! segments.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity};
use tokio::time::Duration;

use super::canonical::{self, Item};
use super::differences::{Asked, Found, Which};
use super::digest::hash;
use super::pace::Pace;
use super::scan::{Ground, Segments, Take, Taken, read};
use super::{Side, Wish};
use crate::aws::failure::Failure;
use crate::aws::target::Target;

pub(super) const GET: &str = "dynamodb:BatchGetItem";

/// Keys of one request at the most, by AWS.
const MOST_KEYS: usize = 100;

/// Requests in a row that may leave every key to the next one: two minutes and more.
const MOST_IDLE: u32 = 30;

/// How sure the sentence on a sample is.
const CONFIDENCE: f64 = 0.95;

/// Segments drawn by a seed: the same for the same seed.
pub(super) fn drawn(segments: u32, of: u32, seed: u64) -> Vec<u32> {
    let mut numbers = BTreeSet::new();
    for turn in 0_u64.. {
        if numbers.len() >= segments.min(of) as usize {
            break;
        }
        let digest = hash(&[seed.to_be_bytes(), turn.to_be_bytes()].concat());
        let number = digest[..8]
            .iter()
            .fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        numbers.insert((number % u64::from(of)) as u32);
    }
    numbers.into_iter().collect()
}

/// Of so many segments, how many may hold a difference at the most, if so many were drawn and none of them did: with the
/// confidence of [`CONFIDENCE`].
pub(super) fn bound(drawn: u32, of: u32) -> u32 {
    // The chance that none of `bad` segments is drawn falls as `bad` grows.
    let chance = |bad: u32| {
        let good = f64::from(of - bad);
        (0..drawn).map(f64::from).fold(1.0, |chance, before| {
            chance * ((good - before) / (f64::from(of) - before)).max(0.0)
        })
    };
    let (mut known, mut refuted) = (0, of + 1);
    while refuted - known > 1 {
        let middle = known + (refuted - known) / 2;
        if chance(middle) > 1.0 - CONFIDENCE {
            known = middle;
        } else {
            refuted = middle;
        }
    }
    known
}

/// What a sample took of both sides.
pub(super) struct Sampled {
    /// Items read by segments of the new table; units of looking up in it too.
    pub(super) restored: Taken,
    /// The same of the source.
    pub(super) source: Taken,
    /// What differs.
    pub(super) found: Found,
}

/// Reads the segments of both sides, and looks each item up in the other.
///
/// API: dynamodb:Scan, dynamodb:BatchGetItem. Calls: 1 for each segment, 1 for each 100 items and less. Errors: the first
/// failure, in words.
pub(super) async fn sample(
    (restored, of_restored): (Side<'_>, &Ground),
    (source, of_source): (Side<'_>, &Ground),
    segments: &Segments,
    asked: &Arc<Asked>,
    wish: &Wish,
    seen: [&Arc<AtomicU64>; 2],
) -> Result<Sampled, String> {
    let found = Arc::new(Mutex::new(Found::default()));
    // One side after the other: items of one are looked up in the other, and each is read at one pace.
    let mut taken = [Taken::default(), Taken::default()];
    let sides = [
        (Which::Restored, restored, of_restored),
        (Which::Source, source, of_source),
    ];
    for (place, (which, side, ground)) in sides.into_iter().enumerate() {
        let (_, other, of_other) = sides[1 - place];
        let lookup = Arc::new(Lookup {
            target: other.target.clone(),
            table: other.table.to_owned(),
            keys: ground.keys.clone(),
            is_consistent: wish.is_consistent,
            pace: Arc::clone(&of_other.pace),
            units: Mutex::default(),
        });
        let take: Take = {
            let (lookup, asked, found) = (Arc::clone(&lookup), Arc::clone(asked), Arc::clone(&found));
            Arc::new(move |items| {
                let (lookup, asked, found) = (Arc::clone(&lookup), Arc::clone(&asked), Arc::clone(&found));
                Box::pin(async move { compare(which, items, &lookup, &asked, &found).await })
            })
        };
        let read = read(side, ground, segments.clone(), wish.is_consistent, seen[place], &take).await?;
        taken[place].merge(read);
        taken[1 - place].units += *lookup.units.lock().unwrap_or_else(PoisonError::into_inner);
    }
    let found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    let [restored, source] = taken;
    Ok(Sampled {
        restored,
        source,
        found,
    })
}

/// Looks the items of a page up in the other table.
async fn compare(
    which: Which,
    items: Vec<Item>,
    lookup: &Lookup,
    asked: &Asked,
    found: &Mutex<Found>,
) -> Result<(), String> {
    let size: usize = items
        .iter()
        .map(|item| canonical::item(item).map(|bytes| bytes.len()))
        .sum::<Result<_, _>>()?;
    // Answers of 16 MB take memory: large items are asked for by few.
    let at_once = ((4 << 20) * items.len() / size.max(1)).clamp(1, MOST_KEYS);
    for items in items.chunks(at_once) {
        let others = lookup.get(items).await?;
        for item in items {
            let (here, there) = (asked.note(item)?, others.get(&canonical::key(item, &lookup.keys)?));
            let there = there.map(|item| asked.note(item)).transpose()?;
            let (restored, source) = match which {
                Which::Restored => (Some(&here), there.as_ref()),
                Which::Source => (there.as_ref(), Some(&here)),
            };
            if let Some((key, difference)) = asked.difference(restored, source) {
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.add_once(key, difference, asked.most);
            }
        }
    }
    Ok(())
}

/// Gets items of one table by their keys.
struct Lookup {
    target: Target,
    table: String,
    keys: Vec<String>,
    is_consistent: bool,
    pace: Arc<Pace>,
    units: Mutex<f64>,
}

impl Lookup {
    /// The items of the same keys, by the canonical form of the key. What is not among them is not there.
    ///
    /// API: dynamodb:BatchGetItem. Calls: 1, and 1 for each answer that leaves keys to the next. Errors: AWS's refusal; an answer
    /// without its list, or with items that were not asked for; in words.
    async fn get(&self, items: &[Item]) -> Result<HashMap<Vec<u8>, Item>, String> {
        let mut asked: HashMap<Vec<u8>, Item> = HashMap::new();
        for item in items {
            let members = canonical::key_members(item, &self.keys)?;
            let members: Item = members
                .into_iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            asked.insert(canonical::item(&members)?, members);
        }
        let (mut got, mut idle) = (HashMap::new(), 0);
        while !asked.is_empty() {
            let before = asked.len();
            self.request(&mut asked, &mut got)
                .await
                .map_err(|failure| failure.of(GET))?;
            if asked.len() == before {
                idle += 1;
                if idle >= MOST_IDLE {
                    return Err(format!("{idle} answers in a row to {GET} held none of the items"));
                }
            } else {
                idle = 0;
            }
            if !asked.is_empty() {
                // AWS answers what the table's capacity allows.
                self.pace.slow_down();
                let pause = Duration::from_millis(50 << idle.min(7)).min(Duration::from_secs(5));
                tokio::time::sleep(pause).await;
            }
        }
        Ok(got)
    }

    /// One request: what is answered leaves `asked`.
    async fn request(
        &self,
        asked: &mut HashMap<Vec<u8>, Item>,
        got: &mut HashMap<Vec<u8>, Item>,
    ) -> Result<(), Failure> {
        let turn = self.pace.turn_for(asked.len()).await;
        let mut call = self.target.caller.begin(GET, &self.table);
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(asked.values().cloned().collect()))
            .consistent_read(self.is_consistent)
            .build();
        let keys = match keys {
            Ok(keys) => keys,
            Err(error) => return Err(call.broken(&error.to_string())),
        };
        let requests = AtomicU64::new(0);
        let send = || {
            if requests.fetch_add(1, Ordering::Relaxed) > 0 {
                self.pace.slow_down();
            }
            let get = self.target.dynamodb.batch_get_item();
            get.request_items(&self.table, keys.clone())
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
        };
        let answer = call.page(send).await?;
        let units = answer.consumed_capacity.as_ref().map(|list| {
            let units = list.iter().filter_map(|consumed| consumed.capacity_units);
            units.sum::<f64>()
        });
        self.pace.pay(turn, units, asked.len());
        *self.units.lock().unwrap_or_else(PoisonError::into_inner) += units.unwrap_or(0.0);
        let unprocessed = answer
            .unprocessed_keys
            .as_ref()
            .and_then(|tables| tables.get(&self.table));
        let left: Vec<&Item> = unprocessed.map(|keys| keys.keys().iter().collect()).unwrap_or_default();
        let Some(items) = answer.responses.as_ref().and_then(|tables| tables.get(&self.table)) else {
            // Of nothing but keys that were left, some answers hold no list.
            return match left.len() == asked.len() {
                true => call.finish(),
                false => Err(call.broken("the answer holds no list of the table's items")),
            };
        };
        let mut rest = HashMap::new();
        for key in left {
            match canonical::item(key).ok().and_then(|bytes| asked.remove_entry(&bytes)) {
                Some((bytes, key)) => rest.insert(bytes, key),
                None => return Err(call.broken("the answer leaves a key that was not asked for")),
            };
        }
        for item in items {
            let key = match canonical::key(item, &self.keys) {
                Ok(key) => key,
                Err(why) => return Err(call.broken(&why)),
            };
            if asked.remove(&key).is_none() {
                return Err(call.broken("the answer holds an item that was not asked for"));
            }
            got.insert(key, item.clone());
        }
        // What is neither there nor left does not exist.
        *asked = rest;
        call.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_segments() {
        let one = drawn(16, 4096, 7);
        assert_eq!(one.len(), 16);
        assert_eq!(one, drawn(16, 4096, 7));
        assert_ne!(one, drawn(16, 4096, 8));
        assert!(one.iter().all(|number| *number < 4096));
        assert_eq!(drawn(5, 5, 1), [0, 1, 2, 3, 4]);
        assert_eq!(drawn(9, 5, 1), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn the_bound_is_the_largest_number_that_a_clean_sample_leaves_likely() {
        // All were seen; none was.
        assert_eq!(bound(100, 100), 0);
        assert_eq!(bound(0, 100), 100);
        // 59 of very many: 5 % of them, the textbook's case.
        let share = f64::from(bound(59, 1_000_000)) / 1e6;
        assert!((0.049..0.051).contains(&share), "{share}");
        // One of ten: nine could be bad at most, and of nine one in ten draws is clean.
        assert_eq!(bound(1, 10), 9);
        assert_eq!(bound(9, 10), 1);
    }
}
