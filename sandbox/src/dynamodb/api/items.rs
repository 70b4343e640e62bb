//! Single items, and what reading and writing them costs.

use serde_json::{Map, Value, json};

use super::condition;
use super::input::{self, Input, here, open_table};
use super::render::reply;
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;
use crate::dynamodb::errors;
use crate::dynamodb::state::{Item, key};

/// `PutItem`, with `attribute_exists` and `attribute_not_exists`.
pub(super) fn put(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    input.refuse(&["Expected", "ConditionalOperator"])?;
    let name = input::table_name(cloud, call, input).map_err(|_| errors::not_found())?;
    let returns = returns_old(input)?;
    let members = input.needed_object("Item")?;
    let table = open_table(&mut here(cloud, call).dynamodb, Some(&name))?;
    let item = Item::new(members.clone())?;
    let key = key::of_item(&table.schema.keys, members)?;
    condition::check_write(input, table.items().get(&key).as_deref())?;
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
    condition::check_write(input, table.items().get(&key).as_deref())?;
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
    if let Some(item) = &item {
        body.insert("Item".to_owned(), item.members().clone().into());
    }
    let is_consistent = input.flag("ConsistentRead")?.unwrap_or(false);
    let units = read_units(item.as_ref().map_or(0, |item| item.size()), is_consistent);
    add_capacity(&mut body, input, &name, units)?;
    Ok(reply(&body).reading(units))
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
pub(super) fn read_units(size: u64, is_consistent: bool) -> f64 {
    let units = size.div_ceil(4096).max(1) as f64;
    if is_consistent { units } else { units / 2.0 }
}

/// Adds `ConsumedCapacity` if it is asked for.
pub(super) fn add_capacity(
    body: &mut Map<String, Value>,
    input: &Input,
    name: &str,
    units: f64,
) -> Result<(), ApiError> {
    if let Some(capacity) = capacity(input, name, units)? {
        body.insert("ConsumedCapacity".to_owned(), capacity);
    }
    Ok(())
}

/// `ConsumedCapacity` of one table, if it is asked for.
pub(super) fn capacity(input: &Input, name: &str, units: f64) -> Result<Option<Value>, ApiError> {
    Ok(match input.text("ReturnConsumedCapacity")? {
        None | Some("NONE") => None,
        Some("TOTAL") => Some(json!({ "TableName": name, "CapacityUnits": units })),
        Some("INDEXES") => {
            Some(json!({ "TableName": name, "CapacityUnits": units, "Table": { "CapacityUnits": units } }))
        }
        Some(other) => {
            let set = "Member must satisfy enum value set: [INDEXES, TOTAL, NONE]";
            return Err(errors::constraint(other, "returnConsumedCapacity", set));
        }
    })
}
