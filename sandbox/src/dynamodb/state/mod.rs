//! What DynamoDB keeps. Plain data: nothing here knows a call.

mod changes;
mod item;
mod items;
pub(crate) mod key;
mod made_up;
mod number;
mod place;
mod schema;
mod stamp;
mod system_backup;
mod table;

pub(crate) use self::changes::Changes;
pub(crate) use self::item::Item;
pub(crate) use self::items::{Bounds, Items};
pub(crate) use self::made_up::{MadeUp, Recipe};
pub(crate) use self::place::State;
pub(crate) use self::schema::{KeyAttribute, KeyKind, Keys, Schema};
pub(crate) use self::stamp::Stamp;
pub(crate) use self::system_backup::SystemBackup;
pub(crate) use self::table::{Billing, Pitr, Sse, Table, TableImage, TablePlace, Traits};
