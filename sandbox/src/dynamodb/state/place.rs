//! What DynamoDB keeps in one account and Region: tables with their items.
//!
//! Plain data and the few steps that other services take with it: a table gives an image of itself (recovery points hold those),
//! and an image becomes a new table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::system_backup::SystemBackup;
use super::table::{Billing, Sse, Table, TableImage, TablePlace};
use crate::call::ApiError;
use crate::dynamodb::{errors, limits};
use crate::ids::Ids;

/// DynamoDB in one account and Region.
#[derive(Debug, Default)]
pub(crate) struct State {
    tables: BTreeMap<String, Table>,
    /// Names of tables that leave CREATING, UPDATING or DELETING some day.
    unsettled: BTreeSet<String>,
    /// The last form of removed tables, without their items: the world re-creates tables from it.
    removed: BTreeMap<String, Table>,
    /// In the order of their creation.
    pub(crate) system_backups: Vec<SystemBackup>,
}

impl State {
    /// A table, also one that is being created or deleted.
    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// A table, to be changed.
    pub(crate) fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.get_mut(name)
    }

    /// All tables by name.
    pub(crate) fn tables(&self) -> impl ExactSizeIterator<Item = &Table> {
        self.tables.values()
    }

    /// Names after another name, in order.
    pub(crate) fn names_after<'a>(&'a self, after: Option<&str>) -> impl Iterator<Item = &'a str> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.tables
            .range::<str, _>((from, Unbounded))
            .map(|(name, _)| name.as_str())
    }

    /// Puts a table in its place, over any table of its name.
    pub(crate) fn put(&mut self, table: Table) {
        if table.settles.is_some() {
            self.unsettled.insert(table.name.clone());
        }
        self.tables.insert(table.name.clone(), table);
    }

    /// Removes a table at once; its form is remembered for `recreate`.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let Some(mut table) = self.tables.remove(name) else {
            return false;
        };
        self.unsettled.remove(name);
        table.items = Arc::default();
        self.removed.insert(name.to_owned(), table);
        true
    }

    /// Creates a removed table again: same name, ARN, schema and encryption; a new id, no items, no tags, no PITR.
    ///
    /// False: no such table was removed, or there is one of that name.
    pub(crate) fn recreate(&mut self, name: &str, at: DateTime<Utc>, ids: &mut Ids) -> bool {
        let Some(old) = self.removed.get(name).filter(|_| !self.tables.contains_key(name)) else {
            return false;
        };
        let mut table = Table::new(old.place(), name, Arc::clone(&old.schema), at, ids);
        table.billing = Billing {
            since: old.billing.since.map(|_| at),
            ..old.billing
        };
        table.sse = old.sse.clone();
        table.class.clone_from(&old.class);
        table.traits = Arc::clone(&old.traits);
        self.put(table);
        true
    }

    /// Makes a table of an image: schema, capacity and items, but no tags, PITR, TTL or deletion protection. Gives its ARN.
    #[expect(
        clippy::too_many_arguments,
        reason = "the place of the new table and all that a restore may choose"
    )]
    pub(crate) fn create_from_image(
        &mut self,
        account: &str,
        region: &str,
        name: &str,
        image: &TableImage,
        sse: Option<Sse>,
        at: DateTime<Utc>,
        ids: &mut Ids,
    ) -> Result<String, ApiError> {
        limits::check_name(name)?;
        if self.tables.contains_key(name) {
            return Err(errors::in_use(format!("Table already exists: {name}")));
        }
        let place = TablePlace {
            partition: image.partition.clone(),
            account: account.to_owned(),
            region: region.to_owned(),
        };
        let mut table = Table::new(place, name, Arc::clone(&image.schema), at, ids);
        table.items = Arc::clone(&image.items);
        table.declared_size_bytes = image.declared_size_bytes;
        table.declared_item_count = image.declared_item_count;
        table.billing = Billing {
            since: image.billing.since.map(|_| at),
            ..image.billing
        };
        table.sse = sse;
        let arn = table.arn.clone();
        self.put(table);
        Ok(arn)
    }

    /// Deleting a table with PITR on leaves a free backup for 35 days.
    pub(crate) fn keep_system_backup(&mut self, name: &str, now: DateTime<Utc>, id_tail: &str) {
        let Some(table) = self.table(name).filter(|table| table.pitr.is_some()) else {
            return;
        };
        let backup = SystemBackup::of(table, now, id_tail);
        self.system_backups.push(backup);
    }

    /// Lets tables that are due become ACTIVE, or go.
    pub(crate) fn settle(&mut self, now: DateTime<Utc>) {
        if self.unsettled.is_empty() {
            return;
        }
        for name in self.unsettled.clone() {
            let Some(table) = self.tables.get_mut(&name) else {
                self.unsettled.remove(&name);
                continue;
            };
            match table.settles {
                Some(at) if at > now => {}
                Some(_) if table.status == "DELETING" => {
                    self.remove(&name);
                }
                _ => {
                    table.status = "ACTIVE".to_owned();
                    table.settles = None;
                    self.unsettled.remove(&name);
                }
            }
        }
    }

    /// Gives a table a status that it leaves at an instant.
    pub(crate) fn unsettle(&mut self, name: &str, status: &str, until: DateTime<Utc>) {
        if let Some(table) = self.tables.get_mut(name) {
            table.status = status.to_owned();
            table.settles = Some(until);
            self.unsettled.insert(name.to_owned());
        }
    }
}
