//! What DynamoDB keeps. Plain data: nothing here knows a call.

mod item;
pub(crate) mod key;
mod number;
mod place;
mod schema;
mod system_backup;
mod table;

pub(crate) use self::item::Item;
pub(crate) use self::place::State;
pub(crate) use self::schema::{KeyAttribute, KeyKind, Keys, Schema};
pub(crate) use self::system_backup::SystemBackup;
pub(crate) use self::table::{Billing, Pitr, Sse, Table, TableImage, TablePlace};
