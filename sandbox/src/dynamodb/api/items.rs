//! Single items and batches of writes.

use serde_json::{Map, Value, json};

use super::condition;
use super::input::{self, Input, here, open_table};
use super::render::reply;
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;
use crate::dynamodb::errors;
use crate::dynamodb::state::{Item, Keys, key};

/// A batch writes so many items at most.
const MAX_BATCH: usize = 25;

/// `PutItem`, with `attribute_exists` and `attribute_not_exists`.
pub(super) fn put(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    input.refuse(&["Expected", "ConditionalOperator"])?;
    let name = input::table_name(cloud, call, input).map_err(|_| errors::not_found())?;
    let returns = returns_old(input)?;
    let members = input.needed_object("Item")?;
    let table = open_table(&mut here(cloud, call).dynamodb, Some(&name))?;
    let item = Item::new(members.clone())?;
    let key = key::of_item(&table.schema.keys, members)?;
    condition::check_write(input, table.items().get(&key).map(|old| old.members()))?;
    let size = item.size();
    let old = table.put_item(key, item);
    Ok(written(input, &name, size, old.filter(|_| returns).as_deref()))
}

/// `DeleteItem`; deleting what is not there is fine.
pub(super) fn delete(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    input.refuse(&["Expected", "ConditionalOperator"])?;
    let name = input::table_name(cloud, call, input).map_err(|_| errors::not_found())?;
    let returns = returns_old(input)?;
    let given = input.needed_object("Key")?;
    let table = open_table(&mut here(cloud, call).dynamodb, Some(&name))?;
    let key = key::of_key(&table.schema.keys, given)?;
    condition::check_write(input, table.items().get(&key).map(|old| old.members()))?;
    let old = table.delete_item(&key);
    let size = old.as_ref().map_or(0, |old| old.size());
    Ok(written(input, &name, size, old.filter(|_| returns).as_deref()))
}

/// `GetItem`. An item that is not there is an answer without `Item`.
pub(super) fn get(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    input.refuse(&["AttributesToGet", "ProjectionExpression"])?;
    let name = input::table_name(cloud, call, input).map_err(|_| errors::not_found())?;
    let given = input.needed_object("Key")?;
    let table = open_table(&mut here(cloud, call).dynamodb, Some(&name))?;
    let item = table.items().get(&key::of_key(&table.schema.keys, given)?);
    let mut body = Map::new();
    if let Some(item) = item {
        body.insert("Item".to_owned(), item.members().clone().into());
    }
    let units = read_units(item.map_or(0, |item| item.size()), input)?;
    add_capacity(&mut body, input, &name, units)?;
    Ok(reply(&body))
}

/// `BatchWriteItem`: up to 25 puts and deletes; all are done, so `UnprocessedItems` is always empty.
pub(super) fn batch_write(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let tables = input.needed_object("RequestItems")?;
    let count: usize = tables.values().filter_map(Value::as_array).map(Vec::len).sum();
    if count > MAX_BATCH {
        return Err(errors::invalid("Too many items requested for the BatchWriteItem call"));
    }
    if count == 0 {
        return Err(errors::constraint(
            "{}",
            "requestItems",
            "Member must have length greater than or equal to 1",
        ));
    }
    // Everything is checked before anything is written.
    let mut writes = Vec::with_capacity(count);
    for (given, requests) in tables {
        let name = input::local_name(cloud, call, given).map(str::to_owned);
        let table = open_table(&mut here(cloud, call).dynamodb, name.as_deref())?;
        let first = writes.len();
        for request in requests.as_array().into_iter().flatten() {
            let write = read_write(request, &table.schema.keys)?;
            if writes[first..]
                .iter()
                .any(|(_, other): &(_, Write)| other.key == write.key)
            {
                return Err(errors::invalid("Provided list of item keys contains duplicates"));
            }
            writes.push((table.name.clone(), write));
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
    Ok(reply(&json!({ "UnprocessedItems": {} })))
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

fn returns_old(input: &Input) -> Result<bool, ApiError> {
    match input.text("ReturnValues")? {
        None | Some("NONE") => Ok(false),
        Some("ALL_OLD") => Ok(true),
        Some(_) => Err(errors::invalid("Return values set to invalid value")),
    }
}

fn written(input: &Input, name: &str, size: u64, old: Option<&Item>) -> Reply {
    let mut body = Map::new();
    if let Some(old) = old {
        body.insert("Attributes".to_owned(), old.members().clone().into());
    }
    // The members of the request were read without error.
    let _ = add_capacity(&mut body, input, name, size.div_ceil(1024).max(1) as f64);
    reply(&body)
}

/// Read units: one per 4 KB, half of it for eventually consistent reads.
pub(super) fn read_units(size: u64, input: &Input) -> Result<f64, ApiError> {
    let units = size.div_ceil(4096).max(1) as f64;
    Ok(if input.flag("ConsistentRead")?.unwrap_or(false) {
        units
    } else {
        units / 2.0
    })
}

/// Adds `ConsumedCapacity` if it is asked for.
pub(super) fn add_capacity(
    body: &mut Map<String, Value>,
    input: &Input,
    name: &str,
    units: f64,
) -> Result<(), ApiError> {
    match input.text("ReturnConsumedCapacity")? {
        None | Some("NONE") => {}
        Some("TOTAL" | "INDEXES") => {
            body.insert(
                "ConsumedCapacity".to_owned(),
                json!({ "TableName": name, "CapacityUnits": units }),
            );
        }
        Some(other) => {
            let set = "Member must satisfy enum value set: [INDEXES, TOTAL, NONE]";
            return Err(errors::constraint(other, "returnConsumedCapacity", set));
        }
    }
    Ok(())
}
