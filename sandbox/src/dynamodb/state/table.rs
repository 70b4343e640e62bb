//! One table with its items, and the image of it that a recovery point holds.
//!
//! Items are shared between a table and its images until one of them changes.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::changes::Changes;
use super::item::Item;
use super::items::Items;
use super::schema::Schema;
use super::stamp::Stamp;
use crate::ids::Ids;
use crate::kms::state as kms;

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
    /// Before that it was active.
    pub(crate) status_since: Option<DateTime<Utc>>,
    /// When a passing status ends.
    pub(crate) settles: Option<DateTime<Utc>>,
    pub(crate) tags: BTreeMap<String, String>,
    /// True once it had a tag: the tagging API knows it from then on.
    pub(crate) ever_tagged: bool,
    /// The tagging API has not heard of its tags yet.
    pub(crate) tags_lag: bool,
    pub(crate) schema: Arc<Schema>,
    pub(crate) items: Arc<Items>,
    /// Size without items, as the world file says.
    pub(crate) declared_size_bytes: Option<u64>,
    pub(crate) declared_item_count: Option<u64>,
    pub(crate) billing: Billing,
    /// `TableClass`; none: STANDARD, and never changed.
    pub(crate) class: Option<String>,
    /// Regions of a global table's replicas, this one left out.
    pub(crate) replicas: Vec<String>,
    /// None: the AWS-owned key, of which DescribeTable says nothing.
    pub(crate) sse: Option<Sse>,
    pub(crate) deletion_protection: bool,
    pub(crate) pitr: Option<Pitr>,
    /// Attribute of the time to live.
    pub(crate) ttl: Option<String>,
    /// `StreamSpecification`, as given.
    pub(crate) stream: Option<Value>,
    /// When its global indexes become ACTIVE; none: with the table.
    pub(crate) indexes_settle: Option<DateTime<Utc>>,
    pub(crate) traits: Arc<Traits>,
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
            status_since: None,
            settles: None,
            tags: BTreeMap::new(),
            ever_tagged: false,
            tags_lag: false,
            schema,
            items: Arc::default(),
            declared_size_bytes: None,
            declared_item_count: None,
            billing: Billing::on_demand(at),
            class: None,
            replicas: Vec::new(),
            sse: None,
            deletion_protection: false,
            pitr: None,
            ttl: None,
            stream: None,
            indexes_settle: None,
            traits: Arc::default(),
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
        self.declared_size_bytes.unwrap_or(0) + self.items.bytes()
    }

    /// `ItemCount`.
    pub(crate) fn item_count(&self) -> u64 {
        self.declared_item_count.unwrap_or(0) + self.items.count() as u64
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
    pub(crate) fn put_item(&mut self, key: Vec<u8>, item: Item) -> Option<Arc<Item>> {
        self.image = OnceLock::new();
        Arc::make_mut(&mut self.items).insert(key, item)
    }

    /// Deletes an item; gives it.
    pub(crate) fn delete_item(&mut self, key: &[u8]) -> Option<Arc<Item>> {
        self.image = OnceLock::new();
        Arc::make_mut(&mut self.items).remove(key)
    }

    /// Changes some items, as the world wants it; what is written gets the time of the change.
    pub(crate) fn change_items(&mut self, changes: Changes, seed: u64, at: DateTime<Utc>) {
        self.image = OnceLock::new();
        let stamp = self.traits.stamp.as_ref().map(|stamp| (stamp, at));
        changes.make(Arc::make_mut(&mut self.items), &self.schema.keys, seed, stamp);
    }

    /// Deletes the made-up items whose time to live is over, if there is a time to live.
    pub(crate) fn expire_items(&mut self) {
        if self.ttl.is_none() {
            return;
        }
        let expired: Option<Vec<_>> = self.items.source().map(|source| source.expiring().collect());
        for key in expired.unwrap_or_default() {
            self.delete_item(&key);
        }
    }

    /// Notes that something changed that images hold.
    pub(crate) fn changed(&mut self) {
        self.image = OnceLock::new();
    }

    /// The table as a backup keeps it. Images of an unchanged table are one and the same.
    pub(crate) fn image(&self) -> Arc<TableImage> {
        Arc::clone(self.image.get_or_init(|| {
            Arc::new(TableImage {
                table_id: self.id.clone(),
                table_created_at: self.created_at,
                partition: self.place().partition,
                schema: Arc::clone(&self.schema),
                items: Arc::clone(&self.items),
                declared_size_bytes: self.declared_size_bytes,
                declared_item_count: self.declared_item_count,
                billing: self.billing,
                sse: self.sse.clone(),
                traits: Arc::clone(&self.traits),
            })
        }))
    }
}

/// A table at one moment, as a recovery point holds it.
#[derive(Debug, Clone)]
pub(crate) struct TableImage {
    pub(crate) table_id: String,
    pub(crate) table_created_at: DateTime<Utc>,
    pub(super) partition: String,
    pub(super) schema: Arc<Schema>,
    pub(super) items: Arc<Items>,
    pub(super) declared_size_bytes: Option<u64>,
    pub(super) declared_item_count: Option<u64>,
    pub(super) billing: Billing,
    pub(super) sse: Option<Sse>,
    pub(super) traits: Arc<Traits>,
}

/// What the world wants of a table beside what DynamoDB knows of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Traits {
    /// The attribute that tells when an item was written.
    pub(crate) stamp: Option<Stamp>,
    /// A restore of its recovery points takes so long. None: as long as every restore.
    pub(crate) restore_seconds: Option<i64>,
    /// The global indexes of a restored table become ACTIVE so long after the table.
    pub(crate) index_seconds: i64,
    /// How its recovery points differ from it.
    pub(crate) damage: Changes,
}

impl TableImage {
    /// `ItemCount`.
    pub(crate) fn item_count(&self) -> u64 {
        self.declared_item_count.unwrap_or(0) + self.items.count() as u64
    }

    /// Its keys and indexes.
    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How it was paid for.
    pub(crate) fn billing(&self) -> Billing {
        self.billing
    }

    /// What the world wanted of the table.
    pub(crate) fn traits(&self) -> &Traits {
        &self.traits
    }

    /// The same table with other items, picked by numbers that follow from the seed.
    pub(crate) fn damaged(&self, damage: Changes, seed: u64) -> Self {
        let mut items = Items::clone(&self.items);
        damage.make(&mut items, &self.schema.keys, seed, None);
        Self {
            items: Arc::new(items),
            ..self.clone()
        }
    }

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

impl Sse {
    /// Encryption by DynamoDB's AWS-managed key.
    pub(crate) fn managed(keys: &kms::State) -> Self {
        Self {
            kms_key_arn: keys.managed_key("dynamodb"),
        }
    }
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
