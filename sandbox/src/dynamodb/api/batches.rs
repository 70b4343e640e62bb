//! Batches of reads and of writes: part of one may come back unprocessed.

use serde_json::{Map, Value, json};

use super::input::{self, Input, here, open_table};
use super::items::{capacity, read_units};
use super::render::reply;
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;
use crate::dynamodb::errors;
use crate::dynamodb::state::{Item, Keys, key};

/// A batch writes so many items at most.
const MAX_WRITES: usize = 25;
/// A batch reads so many items at most.
const MAX_READS: usize = 100;
/// The items that a batch gives measure so much at most.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// What the sandbox does not simulate of one table's part of a batch of reads.
const REFUSED: [&str; 3] = ["AttributesToGet", "ExpressionAttributeNames", "ProjectionExpression"];

/// `BatchGetItem`: up to 100 items or 16 MB. Items that are not there are left out; the others come in an order of their own, as in
/// DynamoDB, and what was not read comes back in `UnprocessedKeys`.
pub(super) fn get(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let tables = input.needed_object("RequestItems")?;
    let asked = tables.iter().map(|(given, part)| read_part(given, part));
    let asked: Vec<Part<'_>> = asked.collect::<Result<_, _>>()?;
    let count: usize = asked.iter().map(|part| part.keys.len()).sum();
    if count > MAX_READS {
        return Err(errors::invalid("Too many items requested for the BatchGetItem call"));
    }
    if asked.is_empty() {
        return Err(no_members("requestItems"));
    }
    let (mut bytes, mut units, mut number) = (0, 0.0, 0);
    let (mut responses, mut unprocessed, mut capacities) = (Map::new(), Map::new(), Vec::new());
    for part in &asked {
        let name = input::local_name(cloud, call, part.given).map(str::to_owned);
        let table = open_table(&mut here(cloud, call).dynamodb, name.as_deref())?;
        let keys = part.keys.iter().map(|given| {
            let given = given
                .as_object()
                .ok_or_else(|| errors::missing("requestItems.member.keys"))?;
            key::of_key(&table.schema.keys, given)
        });
        let keys: Vec<Vec<u8>> = keys.collect::<Result<_, _>>()?;
        let (mut found, mut left, mut of_table) = (Vec::new(), Vec::new(), 0.0);
        for (at, key) in keys.iter().enumerate() {
            if keys[..at].contains(key) {
                return Err(errors::invalid("Provided list of item keys contains duplicates"));
            }
            let item = table.items().get(key);
            let size = item.as_ref().map_or(0, |item| item.size());
            let is_over = bytes + size > MAX_BYTES || call.allowance.read_units.is_some_and(|most| units >= most);
            if is_over || call.allowance.leaves(number) {
                left.push(part.keys[at].clone());
            } else {
                bytes += size;
                units += read_units(size, part.is_consistent);
                of_table += read_units(size, part.is_consistent);
                found.extend(item.map(|item| (key, Value::from(item.members().clone()))));
            }
            number += 1;
        }
        found.sort_by_key(|(key, _)| *key);
        let found: Vec<Value> = found.into_iter().map(|(_, item)| item).collect();
        responses.insert(part.given.to_owned(), found.into());
        if !left.is_empty() {
            let mut rest = part.whole.clone();
            rest.insert("Keys".to_owned(), left.into());
            unprocessed.insert(part.given.to_owned(), rest.into());
        }
        capacities.extend(capacity(input, &table.name, of_table)?);
    }
    let mut body = json!({ "Responses": responses, "UnprocessedKeys": unprocessed });
    if !capacities.is_empty() {
        body["ConsumedCapacity"] = capacities.into();
    }
    Ok(reply(&body).reading(units))
}

/// What a batch of reads asks of one table.
struct Part<'a> {
    /// The table's name or ARN.
    given: &'a str,
    whole: &'a Map<String, Value>,
    keys: &'a [Value],
    is_consistent: bool,
}

fn read_part<'a>(given: &'a str, part: &'a Value) -> Result<Part<'a>, ApiError> {
    let member = format!("requestItems.{given}.member");
    let whole = part.as_object().ok_or_else(|| errors::missing(&member))?;
    if let Some(name) = REFUSED
        .iter()
        .find(|name| whole.get(**name).is_some_and(|value| !value.is_null()))
    {
        return Err(errors::not_simulated(name));
    }
    let keys = whole.get("Keys").and_then(Value::as_array);
    let keys = keys.ok_or_else(|| errors::missing(&format!("{member}.keys")))?;
    if keys.is_empty() {
        return Err(no_members(&format!("{member}.keys")));
    }
    Ok(Part {
        given,
        whole,
        keys,
        is_consistent: whole.get("ConsistentRead") == Some(&Value::Bool(true)),
    })
}

fn no_members(member: &str) -> ApiError {
    errors::constraint("{}", member, "Member must have length greater than or equal to 1")
}

/// `BatchWriteItem`: up to 25 puts and deletes. All are done unless a fault leaves some in `UnprocessedItems`.
pub(super) fn write(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let tables = input.needed_object("RequestItems")?;
    let count: usize = tables.values().filter_map(Value::as_array).map(Vec::len).sum();
    if count > MAX_WRITES {
        return Err(errors::invalid("Too many items requested for the BatchWriteItem call"));
    }
    if count == 0 {
        return Err(no_members("requestItems"));
    }
    // Everything is checked before anything is written.
    let mut writes: Vec<(String, Write)> = Vec::with_capacity(count);
    let (mut unprocessed, mut number) = (Map::new(), 0);
    for (given, requests) in tables {
        let name = input::local_name(cloud, call, given).map(str::to_owned);
        let table = open_table(&mut here(cloud, call).dynamodb, name.as_deref())?;
        let (mut keys, mut left) = (Vec::new(), Vec::new());
        for request in requests.as_array().into_iter().flatten() {
            let write = read_write(request, &table.schema.keys)?;
            if keys.contains(&write.key) {
                return Err(errors::invalid("Provided list of item keys contains duplicates"));
            }
            keys.push(write.key.clone());
            if call.allowance.leaves(number) {
                left.push(request.clone());
            } else {
                writes.push((table.name.clone(), write));
            }
            number += 1;
        }
        if !left.is_empty() {
            unprocessed.insert(given.clone(), left.into());
        }
    }
    let state = &mut here(cloud, call).dynamodb;
    for (name, write) in writes {
        if let Some(table) = state.table_mut(&name) {
            match write.item {
                Some(item) => table.put_item(write.key, item),
                None => table.delete_item(&write.key),
            };
        }
    }
    Ok(reply(&json!({ "UnprocessedItems": unprocessed })))
}

/// One write of a batch. Without an item it deletes.
struct Write {
    key: Vec<u8>,
    item: Option<Item>,
}

fn read_write(request: &Value, keys: &Keys) -> Result<Write, ApiError> {
    match (
        request["PutRequest"]["Item"].as_object(),
        request["DeleteRequest"]["Key"].as_object(),
    ) {
        (Some(item), None) => Ok(Write {
            key: key::of_item(keys, item)?,
            item: Some(Item::new(item.clone())?),
        }),
        (None, Some(given)) => Ok(Write {
            key: key::of_key(keys, given)?,
            item: None,
        }),
        _ => Err(errors::invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
        )),
    }
}
