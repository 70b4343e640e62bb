//! Queries and scans, a page at a time: 1 MB of items, or `Limit` of them.

use std::ops::Bound;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::condition;
use super::input::{self, Input, here, open_table};
use super::items::{add_capacity, read_units};
use super::render::reply;
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;
use crate::dynamodb::errors;
use crate::dynamodb::state::{Bounds, Item, Keys, key};

/// A page ends after so much data.
const PAGE_BYTES: u64 = 1024 * 1024;

/// What the sandbox does not simulate of both.
const REFUSED: [&str; 7] = [
    "AttributesToGet",
    "ConditionalOperator",
    "FilterExpression",
    "IndexName",
    "KeyConditions",
    "ProjectionExpression",
    "QueryFilter",
];

/// An answer that shares its items.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    items: Option<Vec<Arc<Item>>>,
    count: usize,
    scanned_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_evaluated_key: Option<Map<String, Value>>,
    #[serde(flatten)]
    capacity: Map<String, Value>,
}

fn shown<S: Serializer>(items: &Option<Vec<Arc<Item>>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(items.iter().flatten().map(|item| item.members()))
}

/// `Query`: the items of one partition, in the order of the range key.
pub(super) fn query(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    input.refuse(&REFUSED)?;
    let name = input::table_name(cloud, call, input).map_err(|_| errors::not_found())?;
    let table = open_table(&mut here(cloud, call).dynamodb, Some(&name))?;
    let keys = &table.schema.keys;
    let condition = condition::key_condition(keys, input)?;
    let start = start_key(input, keys)?;
    if start
        .as_ref()
        .is_some_and(|start| !start.starts_with(&condition.partition))
    {
        return Err(errors::invalid(
            "The provided starting key is outside query boundaries based on provided conditions",
        ));
    }
    let forward = input.flag("ScanIndexForward")?.unwrap_or(true);
    let partition = condition.partition.as_slice();
    let (mut from, mut to) = (Bound::Included(partition.to_vec()), after_all(partition));
    match (start, forward) {
        (Some(start), true) => from = Bound::Excluded(start),
        (Some(start), false) => to = Bound::Excluded(start),
        (None, _) => {}
    }
    let range = table.items().range((from, to), forward);
    let wanted = |(key, _): &(Vec<u8>, Arc<Item>)| condition.takes(&key[partition.len()..]);
    page(input, keys, &name, range.filter(wanted))
}

/// `Scan`, whole or in segments.
pub(super) fn scan(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    input.refuse(&REFUSED)?;
    input.refuse(&["ScanFilter"])?;
    let name = input::table_name(cloud, call, input).map_err(|_| errors::not_found())?;
    let (mut from, to) = segment(input)?;
    let table = open_table(&mut here(cloud, call).dynamodb, Some(&name))?;
    let keys = &table.schema.keys;
    if let Some(start) = start_key(input, keys)? {
        let inside = match (&from, &to) {
            (Bound::Included(from), Bound::Excluded(to)) => start >= *from && start < *to,
            (Bound::Included(from), _) => start >= *from,
            _ => true,
        };
        if !inside {
            return Err(errors::invalid(
                "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment.",
            ));
        }
        from = Bound::Excluded(start);
    }
    page(input, keys, &name, table.items().range((from, to), true))
}

/// The keys of a segment: they begin with a hash, so a segment is a range of hashes.
fn segment(input: &Input) -> Result<Bounds, ApiError> {
    let (segment, total) = (
        input.int("Segment", 0, 999_999)?,
        input.int("TotalSegments", 1, 1_000_000)?,
    );
    let (segment, total) = match (segment, total) {
        (None, None) => return Ok((Bound::Unbounded, Bound::Unbounded)),
        (Some(segment), Some(total)) => (segment as u64, total as u64),
        (None, Some(_)) => {
            return Err(errors::invalid(
                "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
            ));
        }
        (Some(_), None) => {
            return Err(errors::invalid(
                "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
            ));
        }
    };
    if segment >= total {
        return Err(errors::invalid(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: {segment} is not less than TotalSegments: {total}"
        )));
    }
    let edge = |n: u64| (((n << 32).div_ceil(total)) as u32).to_be_bytes().to_vec();
    let to = if segment + 1 == total {
        Bound::Unbounded
    } else {
        Bound::Excluded(edge(segment + 1))
    };
    Ok((Bound::Included(edge(segment)), to))
}

fn start_key(input: &Input, keys: &Keys) -> Result<Option<Vec<u8>>, ApiError> {
    let Some(given) = input.object("ExclusiveStartKey")? else {
        return Ok(None);
    };
    let invalid =
        |_| errors::invalid("The provided starting key is invalid: The provided key element does not match the schema");
    key::of_key(keys, given).map(Some).map_err(invalid)
}

/// The end of all keys that begin with some bytes.
fn after_all(prefix: &[u8]) -> Bound<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Bound::Excluded(end);
        }
    }
    Bound::Unbounded
}

/// Takes items until the page is full. A page that ends at its limit has a key to go on from, even if nothing follows.
fn page(
    input: &Input,
    keys: &Keys,
    name: &str,
    items: impl Iterator<Item = (Vec<u8>, Arc<Item>)>,
) -> Result<Reply, ApiError> {
    let limit = input
        .int("Limit", 1, i64::from(i32::MAX))?
        .map_or(usize::MAX, |limit| limit as usize);
    let counts_only = match input.text("Select")? {
        None | Some("ALL_ATTRIBUTES") => false,
        Some("COUNT") => true,
        Some(other) => return Err(errors::not_simulated(&format!("Select {other}"))),
    };
    let mut taken = Vec::new();
    let mut bytes = 0;
    let mut full = false;
    for (_, item) in items {
        bytes += item.size();
        taken.push(item);
        full = taken.len() >= limit || bytes >= PAGE_BYTES;
        if full {
            break;
        }
    }
    let mut capacity = Map::new();
    let units = read_units(bytes, input.flag("ConsistentRead")?.unwrap_or(false));
    add_capacity(&mut capacity, input, name, units)?;
    let last = taken
        .last()
        .filter(|_| full)
        .map(|last| key::members(keys, last.members()));
    let count = taken.len();
    let items = (!counts_only).then_some(taken);
    Ok(reply(&Page {
        items,
        count,
        scanned_count: count,
        last_evaluated_key: last,
        capacity,
    })
    .reading(units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_share_all_keys_and_overlap_nowhere() {
        for total in [1u64, 2, 3, 7, 1000] {
            let input = |segment: u64| {
                let call = crate::call::Call {
                    body: format!("{{\"Segment\":{segment},\"TotalSegments\":{total}}}").into(),
                    ..crate::testing::call(crate::call::Service::DynamoDb, "111122223333", "eu-west-1")
                };
                segment_of(&Input::read(&call).unwrap())
            };
            assert_eq!(input(0).0, Bound::Included(vec![0; 4]));
            assert_eq!(input(total - 1).1, Bound::Unbounded);
            for segment in 1..total {
                let (Bound::Included(from), Bound::Excluded(before)) = (input(segment).0, input(segment - 1).1) else {
                    panic!("segments in the middle have both ends");
                };
                assert_eq!(from, before);
            }
        }
    }

    fn segment_of(input: &Input) -> Bounds {
        segment(input).unwrap()
    }

    #[test]
    fn the_end_of_a_prefix() {
        assert_eq!(after_all(&[1, 2]), Bound::Excluded(vec![1, 3]));
        assert_eq!(after_all(&[1, 255]), Bound::Excluded(vec![2]));
        assert_eq!(after_all(&[255, 255]), Bound::Unbounded);
    }
}
