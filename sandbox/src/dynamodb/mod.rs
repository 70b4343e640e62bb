//! DynamoDB over awsJson1_0: tables and their settings, tags, continuous backups, and the item calls that a restore test needs.

mod errors;
mod item;
mod key;
mod state;
mod tables;

use serde_json::{Map, Value};

pub(crate) use self::state::{
    Billing, KeyAttribute, KeyKind, Pitr, Schema, Sse, State, Table, TableImage, TablePlace,
};
pub(crate) use self::tables::check_name;
use crate::call::{ApiError, Call, Operation, Reply, Service, unknown_operation};
use crate::cloud::Cloud;

/// Puts an item into a table; gives nothing back.
pub(crate) fn put(table: &mut Table, members: Map<String, Value>) -> Result<(), ApiError> {
    let key = key::of_item(&table.schema.keys, &members)?;
    table.put_item(key, item::Item::new(members)?);
    Ok(())
}

/// What a call asks for.
pub(crate) fn route(_cloud: &Cloud, call: &Call) -> Result<Operation, ApiError> {
    Err(unknown_operation(Service::DynamoDb, call.target_operation().unwrap_or_default()))
}

/// Does it.
pub(crate) fn handle(_cloud: &mut Cloud, _call: &Call, operation: &Operation) -> Result<Reply, ApiError> {
    Err(unknown_operation(Service::DynamoDb, operation.name))
}
