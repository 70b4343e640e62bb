//! What DynamoDB keeps in one account and Region: tables with their items.
//!
//! Plain data and the few steps that other services take with it: a table gives an image of itself (recovery points hold those),
//! and an image becomes a new table. Items are shared between a table and its images until one of them changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::backups::SystemBackup;
use super::errors;
use super::item::Item;
use crate::call::ApiError;
use crate::cloud::Ids;

/// Items by canonical key; see `key`.
pub(crate) type Items = BTreeMap<Vec<u8>, Arc<Item>>;

/// DynamoDB in one account and Region.
#[derive(Debug, Default)]
pub(crate) struct State {
    tables: BTreeMap<String, Table>,
    /// Names of tables that leave CREATING, UPDATING or DELETING some day.
    unsettled: BTreeSet<String>,
    /// The last form of removed tables, without their items: the world re-creates tables from it.
    removed: BTreeMap<String, Table>,
    /// In the order of their creation.
    pub(super) system_backups: Vec<SystemBackup>,
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
        super::tables::check_name(name)?;
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
        table.item_bytes = image.item_bytes;
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

/// Where a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TablePlace {
    pub(crate) partition: String,
    pub(crate) account: String,
    pub(crate) region: String,
}

impl TablePlace {
    /// The ARN of a table of this place.
    pub(crate) fn arn(&self, name: &str) -> String {
        format!(
            "arn:{}:dynamodb:{}:{}:table/{name}",
            self.partition, self.region, self.account
        )
    }
}

/// One table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) arn: String,
    /// `TableId`: new for a re-created table, unlike its ARN.
    pub(crate) id: String,
    pub(crate) created_at: DateTime<Utc>,
    /// `TableStatus`.
    pub(crate) status: String,
    /// When a passing status ends.
    pub(super) settles: Option<DateTime<Utc>>,
    pub(crate) tags: BTreeMap<String, String>,
    /// True once it had a tag: the tagging API knows it from then on.
    pub(crate) ever_tagged: bool,
    pub(crate) schema: Arc<Schema>,
    pub(super) items: Arc<Items>,
    pub(super) item_bytes: u64,
    /// Size without items, as the world file says.
    pub(crate) declared_size_bytes: Option<u64>,
    pub(crate) declared_item_count: Option<u64>,
    pub(crate) billing: Billing,
    /// `TableClass`; none: STANDARD, and never changed.
    pub(crate) class: Option<String>,
    /// None: the AWS-owned key, of which DescribeTable says nothing.
    pub(crate) sse: Option<Sse>,
    pub(crate) deletion_protection: bool,
    pub(crate) pitr: Option<Pitr>,
    /// Attribute of the time to live.
    pub(crate) ttl: Option<String>,
    /// `StreamSpecification`, as given.
    pub(crate) stream: Option<Value>,
    image: OnceLock<Arc<TableImage>>,
}

impl Table {
    /// An empty, active on-demand table.
    pub(crate) fn new(place: TablePlace, name: &str, schema: Arc<Schema>, at: DateTime<Utc>, ids: &mut Ids) -> Self {
        Self {
            name: name.to_owned(),
            arn: place.arn(name),
            id: ids.uuid(),
            created_at: at,
            status: "ACTIVE".to_owned(),
            settles: None,
            tags: BTreeMap::new(),
            ever_tagged: false,
            schema,
            items: Arc::default(),
            item_bytes: 0,
            declared_size_bytes: None,
            declared_item_count: None,
            billing: Billing::on_demand(at),
            class: None,
            sse: None,
            deletion_protection: false,
            pitr: None,
            ttl: None,
            stream: None,
            image: OnceLock::new(),
        }
    }

    /// Account, Region and partition, out of the ARN.
    pub(crate) fn place(&self) -> TablePlace {
        let part = |n| self.arn.split(':').nth(n).unwrap_or_default().to_owned();
        TablePlace {
            partition: part(1),
            region: part(3),
            account: part(4),
        }
    }

    /// `TableSizeBytes`: always up to date, unlike AWS's, which is refreshed about every six hours.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.declared_size_bytes.unwrap_or(0) + self.item_bytes
    }

    /// `ItemCount`.
    pub(crate) fn item_count(&self) -> u64 {
        self.declared_item_count.unwrap_or(0) + self.items.len() as u64
    }

    /// The ARN of its KMS key; none: the AWS-owned key.
    pub(crate) fn sse_key(&self) -> Option<&str> {
        self.sse.as_ref().map(|sse| sse.kms_key_arn.as_str())
    }

    /// Its items.
    pub(crate) fn items(&self) -> &Items {
        &self.items
    }

    /// Sets tags; a table that ever had one stays known to the tagging API.
    pub(crate) fn set_tags(&mut self, tags: impl IntoIterator<Item = (String, String)>) {
        self.tags.extend(tags);
        self.ever_tagged |= !self.tags.is_empty();
    }

    /// Puts an item; gives what it replaces.
    pub(super) fn put_item(&mut self, key: Vec<u8>, item: Item) -> Option<Arc<Item>> {
        self.image = OnceLock::new();
        self.item_bytes += item.size();
        let old = Arc::make_mut(&mut self.items).insert(key, Arc::new(item));
        self.item_bytes -= old.as_ref().map_or(0, |old| old.size());
        old
    }

    /// Deletes an item; gives it.
    pub(super) fn delete_item(&mut self, key: &[u8]) -> Option<Arc<Item>> {
        self.image = OnceLock::new();
        let old = Arc::make_mut(&mut self.items).remove(key);
        self.item_bytes -= old.as_ref().map_or(0, |old| old.size());
        old
    }

    /// Notes that something changed that images hold.
    pub(super) fn changed(&mut self) {
        self.image = OnceLock::new();
    }

    /// The table as a backup keeps it. Images of an unchanged table are one and the same.
    pub(crate) fn image(&self) -> Arc<TableImage> {
        Arc::clone(self.image.get_or_init(|| {
            Arc::new(TableImage {
                partition: self.place().partition,
                schema: Arc::clone(&self.schema),
                items: Arc::clone(&self.items),
                item_bytes: self.item_bytes,
                declared_size_bytes: self.declared_size_bytes,
                declared_item_count: self.declared_item_count,
                billing: self.billing,
                sse: self.sse.clone(),
            })
        }))
    }
}

/// A table at one moment, as a recovery point holds it.
#[derive(Debug)]
pub(crate) struct TableImage {
    partition: String,
    schema: Arc<Schema>,
    items: Arc<Items>,
    item_bytes: u64,
    declared_size_bytes: Option<u64>,
    declared_item_count: Option<u64>,
    billing: Billing,
    sse: Option<Sse>,
}

impl TableImage {
    /// The key of the table at that moment.
    pub(crate) fn sse(&self) -> Option<&Sse> {
        self.sse.as_ref()
    }
}

/// Encryption by a key of KMS, AWS-managed or the customer's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sse {
    pub(crate) kms_key_arn: String,
}

/// Point-in-time recovery that is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pitr {
    pub(crate) enabled_at: DateTime<Utc>,
    /// `RecoveryPeriodInDays`.
    pub(crate) days: i64,
}

/// How reads and writes are paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Billing {
    /// When it became on-demand. None: it never was, and DescribeTable then has no `BillingModeSummary`.
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) on_demand: bool,
    pub(crate) read_units: u64,
    pub(crate) write_units: u64,
}

impl Billing {
    pub(crate) fn on_demand(at: DateTime<Utc>) -> Self {
        Self {
            since: Some(at),
            on_demand: true,
            read_units: 0,
            write_units: 0,
        }
    }

    pub(crate) fn provisioned(read_units: u64, write_units: u64) -> Self {
        Self {
            since: None,
            on_demand: false,
            read_units,
            write_units,
        }
    }
}

/// What a table is made of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schema {
    /// `AttributeDefinitions`, as given.
    pub(crate) attributes: Value,
    /// `KeySchema`, as given.
    pub(crate) key_schema: Value,
    pub(crate) keys: Keys,
    /// `GlobalSecondaryIndexes`, as given.
    pub(crate) global_indexes: Vec<Map<String, Value>>,
    /// `LocalSecondaryIndexes`, as given.
    pub(crate) local_indexes: Vec<Map<String, Value>>,
}

impl Schema {
    /// A string hash key and nothing else.
    #[cfg(test)]
    pub(crate) fn simple(hash: &str) -> Self {
        Self::keyed(
            KeyAttribute {
                name: hash.to_owned(),
                kind: KeyKind::S,
            },
            None,
        )
    }

    /// A key and nothing else.
    pub(crate) fn keyed(hash: KeyAttribute, range: Option<KeyAttribute>) -> Self {
        let keys = Keys { hash, range };
        let definition = |key: &KeyAttribute| json!({ "AttributeName": key.name, "AttributeType": key.kind.letter() });
        let element = |key: &KeyAttribute, kind| json!({ "AttributeName": key.name, "KeyType": kind });
        let attributes = keys.attributes().map(definition).collect();
        let mut key_schema = vec![element(&keys.hash, "HASH")];
        key_schema.extend(keys.range.as_ref().map(|range| element(range, "RANGE")));
        Self {
            attributes,
            key_schema: key_schema.into(),
            keys,
            global_indexes: Vec::new(),
            local_indexes: Vec::new(),
        }
    }
}

/// The key of a table or of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) hash: KeyAttribute,
    pub(crate) range: Option<KeyAttribute>,
}

impl Keys {
    /// Its one or two attributes.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.hash).chain(&self.range)
    }
}

/// One attribute of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyAttribute {
    pub(crate) name: String,
    pub(crate) kind: KeyKind,
}

/// Types that keys may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    B,
    N,
    S,
}

impl KeyKind {
    /// As in `AttributeType` and in DynamoDB JSON.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::B => "B",
            Self::N => "N",
            Self::S => "S",
        }
    }

    /// Reads `AttributeType`.
    pub(crate) fn read(letter: &str) -> Option<Self> {
        match letter {
            "B" => Some(Self::B),
            "N" => Some(Self::N),
            "S" => Some(Self::S),
            _ => None,
        }
    }
}
