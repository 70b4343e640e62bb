//! `[[table]]`: DynamoDB tables, one by one or by the thousand.

use backproof_toml_reader::Section;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::accounts::place;
use super::keys::{self, KeySpec};
use super::values::{choice, count, days, texts};
use crate::backup::state::{Due, Event, PlaceKey};
use crate::cloud::{Account, Cloud};
use crate::dynamodb::limits;
use crate::dynamodb::state::{
    Billing, Changes, Items, KeyAttribute, KeyKind, Keys, MadeUp, Pitr, Recipe, Schema, Sse, Stamp, Table, TablePlace,
    Traits,
};

/// One `[[table]]`: one table, or `count` of them.
#[derive(Debug, Clone)]
pub(crate) struct TableSpec {
    pub(crate) account: String,
    pub(crate) region: String,
    /// With `{n}` where the number goes.
    name: String,
    count: Option<u64>,
    tags: BTreeMap<String, String>,
    formerly_tagged: bool,
    tags_lag: bool,
    created_days_ago: i64,
    size_bytes: Option<u64>,
    item_count: Option<u64>,
    items: u32,
    item_bytes: Option<u64>,
    expires_items: u32,
    expires_days_ago: i64,
    writes_per_minute: Option<f64>,
    traits: Arc<Traits>,
    encryption: Encryption,
    schema: Arc<Schema>,
    deletion_protection: bool,
    pitr_days: Option<i64>,
    class: Option<String>,
    replicas: Vec<String>,
    /// Read and write units. None: on demand.
    provisioned: Option<(u64, u64)>,
    status: String,
    status_since_days_ago: Option<i64>,
    ttl: Option<String>,
}

#[derive(Debug, Clone)]
enum Encryption {
    AwsOwned,
    AwsManaged,
    Key(String),
}

/// Reads all tables.
pub(super) fn read(root: &Section<'_>, accounts: &[Account], keys: &[KeySpec]) -> Vec<TableSpec> {
    let mut tables = Vec::new();
    let mut names = BTreeSet::new();
    for section in root.sections("table") {
        let table = read_one(&section, accounts, keys);
        section.finish();
        let Some(table) = table else {
            continue;
        };
        // A mistaken `count` is told already; it would only repeat the name.
        let numbered = table.name.contains("{n}") || table.count.is_none();
        for name in table.names().take(if numbered { usize::MAX } else { 1 }) {
            if !names.insert((table.account.clone(), table.region.clone(), name.clone())) {
                section.note_at(
                    "name",
                    format!("table `{name}` is there twice in {}/{}", table.account, table.region),
                    "",
                );
                break;
            }
        }
        tables.push(table);
    }
    tables
}

fn read_one(section: &Section<'_>, accounts: &[Account], keys: &[KeySpec]) -> Option<TableSpec> {
    let place = place(accounts, section);
    let name = section.needed("name");
    let number = count(section, "count");
    check_name(section, name.as_deref(), number);
    let encryption = read_encryption(section, keys, place.as_ref());
    let pitr_days = days(section, "pitr-days");
    let has_pitr = section.boolean("pitr").unwrap_or(pitr_days.is_some());
    if pitr_days.is_some_and(|days| !(1..=35).contains(&days)) {
        section.note_at("pitr-days", "`pitr-days` has to lie between 1 and 35", "");
    }
    let classes = [
        ("STANDARD", "STANDARD"),
        ("STANDARD_INFREQUENT_ACCESS", "STANDARD_INFREQUENT_ACCESS"),
    ];
    let schema = read_schema(section);
    let mut spec = TableSpec {
        account: String::new(),
        region: String::new(),
        name: String::new(),
        count: number,
        tags: section.string_map("tags").unwrap_or_default(),
        formerly_tagged: section.boolean("formerly-tagged").unwrap_or(false),
        tags_lag: section.boolean("tags-lag").unwrap_or(false),
        created_days_ago: days(section, "created-days-ago").unwrap_or(365),
        size_bytes: count(section, "size-bytes"),
        item_count: count(section, "item-count"),
        items: read_items(section, "items"),
        item_bytes: read_item_bytes(section, &schema.keys),
        expires_items: read_items(section, "expires-items"),
        expires_days_ago: days(section, "expires-days-ago").unwrap_or(1),
        writes_per_minute: read_writes(section),
        traits: Arc::new(read_traits(section)),
        encryption,
        schema: Arc::new(schema),
        deletion_protection: section.boolean("deletion-protection").unwrap_or(false),
        pitr_days: has_pitr.then_some(pitr_days.unwrap_or(35)),
        class: choice(section, "class", &classes).map(str::to_owned),
        replicas: texts(section, "replicas").unwrap_or_default(),
        provisioned: read_billing(section),
        status: read_status(section),
        status_since_days_ago: days(section, "status-since-days-ago"),
        ttl: section.text("ttl"),
    };
    if spec.expires_items > 0 && spec.ttl.is_none() {
        section.note_at(
            "expires-items",
            "`expires-items` needs `ttl`, the attribute that tells when",
            "",
        );
    }
    ((spec.account, spec.region), spec.name) = (place?, name?);
    Some(spec)
}

/// Key and indexes.
fn read_schema(section: &Section<'_>) -> Schema {
    let hash = read_key(section, "hash-key").unwrap_or_else(default_key);
    let mut schema = Schema::keyed(hash, read_key(section, "range-key"));
    let mut indexes = |kind: &'static str, own_hash: bool| -> Vec<Map<String, Value>> {
        let sections = section.sections(kind);
        let read = |section: &Section<'_>| {
            let index = read_index(section, &mut schema, own_hash);
            section.finish();
            index
        };
        sections.iter().filter_map(read).collect()
    };
    let (global, local) = (indexes("global-index", true), indexes("local-index", false));
    if !local.is_empty() && schema.keys.range.is_none() {
        section.note_at("local-index", "a local index needs a table with a `range-key`", "");
    }
    schema.global_indexes = global;
    schema.local_indexes = local;
    schema
}

/// One index; its attributes are added to the table's definitions.
fn read_index(section: &Section<'_>, schema: &mut Schema, own_hash: bool) -> Option<Map<String, Value>> {
    let name = section.needed("name");
    let hash = if own_hash {
        if !section.has("hash-key") {
            section.note_at("hash-key", "`hash-key` is missing in a global index", "");
        }
        read_key(section, "hash-key")
    } else {
        Some(schema.keys.hash.clone())
    };
    let range = read_key(section, "range-key");
    if !own_hash && range.is_none() {
        section.note_at("range-key", "`range-key` is missing in a local index", "");
    }
    let included = texts(section, "include");
    let kinds = [("all", "ALL"), ("keys-only", "KEYS_ONLY")];
    let kind = choice(section, "projection", &kinds).unwrap_or("ALL");
    let projection = match included {
        Some(names) => json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": names }),
        None => json!({ "ProjectionType": kind }),
    };
    let (name, keys) = (name?, Keys { hash: hash?, range });
    if let Err(error) = limits::check_name(&name) {
        section.note_at("name", format!("DynamoDB has no index `{name}`: {}", error.message), "");
    }
    let of_index = Schema::keyed(keys.hash, keys.range);
    if let (Value::Array(all), Value::Array(more)) = (&mut schema.attributes, of_index.attributes) {
        for definition in more {
            let known = all
                .iter()
                .find(|one| one["AttributeName"] == definition["AttributeName"]);
            match known {
                None => all.push(definition),
                Some(known) if *known == definition => {}
                Some(_) => section.note_at("hash-key", "an attribute of this index has another type elsewhere", ""),
            }
        }
    }
    let members = json!({ "IndexName": name, "KeySchema": of_index.key_schema, "Projection": projection });
    members.as_object().cloned()
}

/// Read and write units, if the table has provisioned capacity.
fn read_billing(section: &Section<'_>) -> Option<(u64, u64)> {
    let (read, write) = (count(section, "read-units"), count(section, "write-units"));
    let mode = choice(section, "billing", &[("on-demand", false), ("provisioned", true)]);
    let is_provisioned = mode.unwrap_or(read.or(write).is_some());
    if !is_provisioned && read.or(write).is_some() {
        section.note_at(
            "billing",
            "a table on demand has no `read-units` and no `write-units`",
            "",
        );
    }
    for (key, units) in [("read-units", read), ("write-units", write)] {
        if units == Some(0) {
            section.note_at(key, format!("`{key}` has to be more than 0"), "");
        }
    }
    is_provisioned.then_some((read.unwrap_or(5), write.unwrap_or(5)))
}

/// A number of made-up items.
fn read_items(section: &Section<'_>, key: &'static str) -> u32 {
    const MOST: u32 = 100_000_000;
    let wanted = count(section, key).unwrap_or(0);
    match u32::try_from(wanted).ok().filter(|items| *items <= MOST) {
        Some(items) => items,
        None => {
            section.note_at(
                key,
                format!("`{key}` is {wanted}; more than {MOST} items are not made up"),
                "",
            );
            0
        }
    }
}

fn read_item_bytes(section: &Section<'_>, keys: &Keys) -> Option<u64> {
    const MOST: u64 = 400 * 1024;
    // What every made-up item has, and its key, take so much at most.
    let attributes = keys.attributes();
    let least: u64 = 100
        + attributes
            .map(|attribute| 2 * attribute.name.len() as u64 + 20)
            .sum::<u64>();
    let bytes = count(section, "item-bytes")?;
    if !(least..=MOST).contains(&bytes) {
        section.note_at(
            "item-bytes",
            format!("`item-bytes` has to lie between {least} and {MOST}"),
            "",
        );
    }
    Some(bytes)
}

fn read_writes(section: &Section<'_>) -> Option<f64> {
    const MOST: f64 = 60_000.0;
    let rate = section.number("writes-per-minute")?;
    if rate > 0.0 && rate <= MOST {
        return Some(rate);
    }
    section.note_at(
        "writes-per-minute",
        format!("`writes-per-minute` has to be more than 0 and at most {MOST}"),
        "",
    );
    None
}

fn read_traits(section: &Section<'_>) -> Traits {
    let stamp = section.text("changed-at").and_then(|text| {
        let stamp = Stamp::read(&text);
        if stamp.is_none() {
            let hint = "an attribute, with `:seconds` or `:milliseconds` if it is a number";
            section.note_at(
                "changed-at",
                format!("`{text}` names no attribute that tells a time"),
                hint,
            );
        }
        stamp
    });
    let damage = section.section("damage").map(|damage| {
        let changes = read_changes(&damage);
        damage.finish();
        changes
    });
    Traits {
        stamp,
        restore_seconds: days(section, "restore-seconds"),
        index_seconds: days(section, "index-seconds").unwrap_or(0),
        damage: damage.unwrap_or_default(),
    }
}

/// How many items are changed in which way.
pub(in crate::world) fn read_changes(section: &Section<'_>) -> Changes {
    let number = |key| count(section, key).unwrap_or(0);
    Changes {
        lost: number("lost"),
        changed: number("changed"),
        swapped: number("swapped"),
        added: number("added"),
    }
}

/// Any word, since AWS may add one; written as AWS writes it.
fn read_status(section: &Section<'_>) -> String {
    let status = section.text("status").unwrap_or_else(|| "ACTIVE".to_owned());
    if !status.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
        section.note_at(
            "status",
            format!("`{status}` is no state of a table"),
            "a word such as ACTIVE",
        );
    }
    status
}

fn check_name(section: &Section<'_>, name: Option<&str>, count: Option<u64>) {
    let Some(name) = name else {
        return;
    };
    if count.is_some() != name.contains("{n}") {
        let what = if count.is_some() {
            "`count` needs `{n}` in the name"
        } else {
            "`{n}` in the name needs `count`"
        };
        section.note_at("name", what, "");
    } else if let Err(error) = limits::check_name(&name.replace("{n}", "0")) {
        section.note_at("name", format!("DynamoDB has no table `{name}`: {}", error.message), "");
    }
}

fn read_encryption(section: &Section<'_>, keys: &[KeySpec], place: Option<&PlaceKey>) -> Encryption {
    match section.text("encryption").as_deref() {
        None | Some("aws-owned") => Encryption::AwsOwned,
        Some("aws-managed") => Encryption::AwsManaged,
        Some(name) => {
            if let Some(place) = place {
                keys::knows(keys, section, "encryption", place, name);
            }
            Encryption::Key(name.to_owned())
        }
    }
}

fn default_key() -> KeyAttribute {
    KeyAttribute {
        name: "id".to_owned(),
        kind: KeyKind::S,
    }
}

/// Reads `name` or `name:N`.
fn read_key(section: &Section<'_>, key: &'static str) -> Option<KeyAttribute> {
    let text = section.text(key)?;
    let (name, kind) = text.split_once(':').unwrap_or((&text, "S"));
    match KeyKind::read(kind) {
        Some(kind) => Some(KeyAttribute {
            name: name.to_owned(),
            kind,
        }),
        None => {
            section.note_at(key, format!("`{kind}` is no type of a key attribute"), "one of S, N, B");
            None
        }
    }
}

impl TableSpec {
    /// The names of its tables, numbered from 1 with leading zeros.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        let width = self.count.map_or(0, |count| count.to_string().len());
        (1..=self.count.unwrap_or(1)).map(move |n| self.name.replace("{n}", &format!("{n:0width$}")))
    }

    pub(super) fn make(&self, cloud: &mut Cloud, now: DateTime<Utc>) {
        let partition = cloud.partition.clone();
        cloud.place_mut(&self.account, &self.region);
        let Cloud { places, ids, .. } = cloud;
        let Some(place) = places.get_mut(&(self.account.clone(), self.region.clone())) else {
            return;
        };
        let sse = match &self.encryption {
            Encryption::AwsOwned => None,
            Encryption::AwsManaged => Some(Sse::managed(&place.kms)),
            Encryption::Key(name) => place.kms.find(&format!("alias/{name}")).map(|key| Sse {
                kms_key_arn: key.arn.clone(),
            }),
        };
        let home = TablePlace {
            partition,
            account: self.account.clone(),
            region: self.region.clone(),
        };
        let created = now - TimeDelta::days(self.created_days_ago);
        for (n, name) in self.names().enumerate() {
            // Tables of one entry are not made in the same instant.
            let created = (created + TimeDelta::milliseconds(n as i64 * 137)).min(now);
            let mut table = Table::new(home.clone(), &name, Arc::clone(&self.schema), created, ids);
            self.dress(&mut table, created, now);
            table.sse.clone_from(&sse);
            table.items = Arc::new(Items::made_up(MadeUp::new(self.recipe(&name, created, now))));
            place.dynamodb.put(table);
        }
    }

    fn dress(&self, table: &mut Table, created: DateTime<Utc>, now: DateTime<Utc>) {
        table.ever_tagged = self.formerly_tagged;
        table.tags_lag = self.tags_lag;
        table.set_tags(self.tags.clone());
        table.declared_size_bytes = self.size_bytes;
        table.declared_item_count = self.item_count;
        table.billing = match self.provisioned {
            Some((read, write)) => Billing::provisioned(read, write),
            None => Billing::on_demand(created),
        };
        table.traits = Arc::clone(&self.traits);
        table.class.clone_from(&self.class);
        table.replicas.clone_from(&self.replicas);
        table.status.clone_from(&self.status);
        table.status_since = self.status_since_days_ago.map(|days| now - TimeDelta::days(days));
        table.deletion_protection = self.deletion_protection;
        table.ttl.clone_from(&self.ttl);
        table.pitr = self.pitr_days.map(|days| Pitr {
            enabled_at: created.max(now - TimeDelta::days(days + 30)),
            days,
        });
    }

    /// Items that are the same in every run and differ from each other, made when they are asked for.
    fn recipe(&self, name: &str, created: DateTime<Utc>, now: DateTime<Utc>) -> Recipe {
        let expires_at = now - TimeDelta::days(self.expires_days_ago);
        Recipe {
            keys: self.schema.keys.clone(),
            salt: name.len() as u64 ^ u64::from(self.items),
            count: self.items,
            item_bytes: self.item_bytes,
            stamp: self.traits.stamp.clone().map(|stamp| (stamp, created)),
            expiring: self
                .ttl
                .clone()
                .filter(|_| self.expires_items > 0)
                .map(|attribute| (attribute, expires_at, self.expires_items)),
        }
    }

    /// What happens to its items by itself: those that expire go, and others are written from now on.
    pub(super) fn plan(&self, cloud: &mut Cloud, start: DateTime<Utc>, now: DateTime<Utc>) {
        let place = Arc::new((self.account.clone(), self.region.clone()));
        for name in self.names() {
            if self.ttl.is_some() && self.expires_items > 0 {
                let at = (now - TimeDelta::days(self.expires_days_ago)).max(start);
                let event = Arc::new(Event::ExpireItems { table: name.clone() });
                cloud.backup.add(at, &place, Due::Event(event));
            }
            if let Some(rate) = self.writes_per_minute {
                let every = TimeDelta::milliseconds((60_000.0 / rate) as i64);
                let event = Arc::new(Event::KeepWriting { table: name, every });
                cloud.backup.add(now + every, &place, Due::Event(event));
            }
        }
    }
}
