//! `[[table]]`: DynamoDB tables, one by one or by the thousand.

use backproof_toml_reader::Section;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::accounts::place;
use super::keys::{self, KeySpec};
use super::values::{choice, count, days, texts};
use crate::backup::state::PlaceKey;
use crate::cloud::{Account, Cloud};
use crate::dynamodb::limits;
use crate::dynamodb::state::{Billing, KeyAttribute, KeyKind, Pitr, Schema, Sse, Table, TablePlace};
use crate::ids::mix;

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
    items: u64,
    encryption: Encryption,
    schema: Arc<Schema>,
    deletion_protection: bool,
    pitr_days: Option<i64>,
    class: Option<String>,
    replicas: Vec<String>,
    provisioned: bool,
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
        items: count(section, "items").unwrap_or(0),
        encryption,
        schema: Arc::new(Schema::keyed(
            read_key(section, "hash-key").unwrap_or_else(default_key),
            read_key(section, "range-key"),
        )),
        deletion_protection: section.boolean("deletion-protection").unwrap_or(false),
        pitr_days: has_pitr.then_some(pitr_days.unwrap_or(35)),
        class: choice(section, "class", &classes).map(str::to_owned),
        replicas: texts(section, "replicas").unwrap_or_default(),
        provisioned: choice(section, "billing", &[("on-demand", false), ("provisioned", true)]).unwrap_or(false),
        status: read_status(section),
        status_since_days_ago: days(section, "status-since-days-ago"),
        ttl: section.text("ttl"),
    };
    ((spec.account, spec.region), spec.name) = (place?, name?);
    Some(spec)
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
            self.fill(&mut table);
            place.dynamodb.put(table);
        }
    }

    fn dress(&self, table: &mut Table, created: DateTime<Utc>, now: DateTime<Utc>) {
        table.ever_tagged = self.formerly_tagged;
        table.tags_lag = self.tags_lag;
        table.set_tags(self.tags.clone());
        table.declared_size_bytes = self.size_bytes;
        table.declared_item_count = self.item_count;
        table.billing = if self.provisioned {
            Billing::provisioned(5, 5)
        } else {
            Billing::on_demand(created)
        };
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

    /// Makes items that are the same in every run and differ from each other.
    fn fill(&self, table: &mut Table) {
        let keys = table.schema.keys.clone();
        for n in 0..self.items {
            let bits = mix(n ^ mix(table.name.len() as u64 ^ self.items));
            let mut members = Map::new();
            for attribute in keys.attributes() {
                members.insert(attribute.name.clone(), key_value(attribute, n, bits));
            }
            for (name, value) in payload(n, bits) {
                members.entry(name).or_insert(value);
            }
            // Generated values are always valid.
            let _ = table.put(members);
        }
    }
}

fn key_value(attribute: &KeyAttribute, n: u64, bits: u64) -> Value {
    match attribute.kind {
        KeyKind::S => json!({ "S": format!("{}-{n:06}", attribute.name) }),
        KeyKind::N => json!({ "N": n.to_string() }),
        KeyKind::B => {
            json!({ "B": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bits.to_be_bytes()) })
        }
    }
}

/// Attributes of every type that is not a key.
fn payload(n: u64, bits: u64) -> Vec<(String, Value)> {
    let words = [
        "anchor", "basalt", "copper", "dune", "ember", "fjord", "granite", "harbour",
    ];
    let word = |shift: u64| words[(bits >> shift) as usize % words.len()];
    let text = format!("{} {} {}", word(3), word(13), word(23));
    vec![
        (
            "amount".to_owned(),
            json!({ "N": format!("{}.{:02}", bits % 10_000, (bits >> 20) % 100) }),
        ),
        ("description".to_owned(), json!({ "S": text })),
        ("paid".to_owned(), json!({ "BOOL": bits & 1 == 1 })),
        (
            "lines".to_owned(),
            json!({ "L": [{ "S": word(5) }, { "N": (n % 7).to_string() }] }),
        ),
        (
            "address".to_owned(),
            json!({ "M": { "city": { "S": word(33) }, "floor": { "N": ((bits >> 9) % 40).to_string() } } }),
        ),
        ("labels".to_owned(), json!({ "SS": [format!("n-{}", n % 5), word(43)] })),
        ("note".to_owned(), json!({ "NULL": true })),
    ]
}
