//! DynamoDB over awsJson1_0: tables and their settings, tags, continuous backups, and the item calls that a restore test needs.
//!
//! In: a call, and the cloud. Out: the answer that the unchanged SDKs expect, with DynamoDB's error codes and page sizes. What
//! DynamoDB can and the sandbox cannot is refused, never ignored. Adding an operation takes one line in [`OPERATIONS`] and one
//! function.

mod backups;
mod batches;
mod condition;
mod input;
mod items;
mod pages;
mod render;
mod settings;
mod tables;
mod tags;
#[cfg(test)]
mod tests;

use self::input::Input;
use crate::call::{ApiError, Call, Operation, Reply, Service, unknown_operation};
use crate::cloud::Cloud;

type Handler = fn(&mut Cloud, &Call, &Input) -> Result<Reply, ApiError>;

/// Every operation, and what it is done to.
const OPERATIONS: &[(&str, On, Handler)] = &[
    ("BatchGetItem", On::FirstTable, batches::get),
    ("BatchWriteItem", On::FirstTable, batches::write),
    ("CreateTable", On::Table, tables::create),
    ("DeleteItem", On::Table, items::delete),
    ("DeleteTable", On::Table, tables::delete),
    ("DescribeBackup", On::Backup, backups::describe),
    ("DescribeContinuousBackups", On::Table, backups::describe_continuous),
    ("DescribeLimits", On::All, settings::limits),
    ("DescribeTable", On::Table, tables::describe),
    ("DescribeTimeToLive", On::Table, settings::describe_ttl),
    ("GetItem", On::Table, items::get),
    ("ListBackups", On::All, backups::list),
    ("ListTables", On::All, tables::list),
    ("ListTagsOfResource", On::Arn, tags::list),
    ("PutItem", On::Table, items::put),
    ("Query", On::Table, pages::query),
    ("Scan", On::Table, pages::scan),
    ("TagResource", On::Arn, tags::tag),
    ("UntagResource", On::Arn, tags::untag),
    ("UpdateContinuousBackups", On::Table, backups::update_continuous),
    ("UpdateTable", On::Table, tables::update),
    ("UpdateTimeToLive", On::Table, settings::update_ttl),
];

/// Which ARN an operation is allowed or denied on.
#[derive(Clone, Copy)]
enum On {
    All,
    /// `ResourceArn`.
    Arn,
    /// `BackupArn`.
    Backup,
    /// The first table of `RequestItems`.
    FirstTable,
    /// `TableName`, which may be an ARN.
    Table,
}

fn find(call: &Call) -> Result<&'static (&'static str, On, Handler), ApiError> {
    let asked = call.target_operation().unwrap_or_default();
    OPERATIONS
        .iter()
        .find(|(name, ..)| *name == asked)
        .ok_or_else(|| unknown_operation(Service::DynamoDb, asked))
}

/// What a call asks for.
pub(crate) fn route(cloud: &Cloud, call: &Call) -> Result<Operation, ApiError> {
    let (name, on, _) = find(call)?;
    let input = Input::read(call)?;
    let resource = match on {
        On::All => None,
        On::Arn => input.resource("ResourceArn"),
        On::Backup => input.resource("BackupArn"),
        On::FirstTable => input.first_table(),
        On::Table => input.resource("TableName"),
    };
    let resource = resource.map_or_else(|| "*".to_owned(), |name| input::table_arn(cloud, call, name));
    Ok(Operation {
        name,
        action: format!("dynamodb:{name}"),
        resource,
    })
}

/// Does it.
pub(crate) fn handle(cloud: &mut Cloud, call: &Call, _operation: &Operation) -> Result<Reply, ApiError> {
    let (_, _, handler) = find(call)?;
    handler(cloud, call, &Input::read(call)?)
}
