//! Inventory in, facts out: one row per DynamoDB table, one column per fact. Pure: no clock, no network.
//!
//! [`derive()`] reads each frame once, in batches, and keeps a small tally per table; the order of rows in the inventory
//! does not matter. What could not be read makes exactly those facts unknown that rest on it.

pub mod dictionary;
mod freshness;
mod identity;
mod jobs;
mod keys;
mod membership;
pub mod protection;
mod reading;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use crate::domain::TargetId;
use crate::inventory::Inventory;
use crate::inventory::schema::{ContinuousBackup, RegionSetting, Table, TableTag, Target, Vault};
use crate::problem::Problem;

use dictionary::TableFacts;
pub use reading::Reading;

/// AWS Backup's longest lifecycle, in days; stands for "kept for ever" wherever a retention is a number.
pub const FOREVER_DAYS: i64 = crate::settings::LONGEST_LIFECYCLE_DAYS;

/// The facts of every table that was listed and has not vanished since, in order of ARN.
#[derive(Debug)]
pub struct Facts {
    /// One row per table.
    pub tables: Vec<TableFacts>,
    /// How the reading went, target by target.
    pub reading: Reading,
}

/// What every topic needs to know.
pub(crate) struct Evidence {
    pub(crate) as_of: DateTime<Utc>,
    pub(crate) reading: Reading,
    pub(crate) partitions: BTreeMap<TargetId, String>,
    pub(crate) settings: BTreeMap<TargetId, RegionSetting>,
    pub(crate) vaults: BTreeMap<(TargetId, String), Vault>,
    pub(crate) keys: keys::Keys,
    pub(crate) pitr: HashMap<String, ContinuousBackup>,
    pub(crate) tags: HashMap<String, BTreeMap<String, String>>,
}

/// Derives the facts of every table at the inventory's `as_of`.
///
/// Errors: a frame of the inventory is damaged.
pub fn derive(inventory: &Inventory) -> Result<Facts, Problem> {
    let evidence = Evidence::read(inventory)?;
    let mut tables: Vec<Table> = inventory.read::<Table>()?;
    tables.retain(|table| table.description != "vanished");
    tables.sort_by(|a, b| a.table_arn.cmp(&b.table_arn));
    tables.dedup_by(|a, b| a.table_arn == b.table_arn);
    let index: HashMap<&str, usize> = tables
        .iter()
        .enumerate()
        .map(|(row, table)| (table.table_arn.as_str(), row))
        .collect();

    let mut points = freshness::Points::new(&tables, &evidence);
    inventory.for_each(|batch| points.add(batch, &index))?;
    let mut jobs = jobs::Jobs::new(&tables, &evidence);
    inventory.for_each(|batch| jobs.add(batch, &index))?;
    let memberships = membership::Memberships::read(inventory, &evidence)?;

    let mut rows = Vec::with_capacity(tables.len());
    for (row, table) in tables.iter().enumerate() {
        let mut facts = TableFacts::default();
        identity::fill(&mut facts, table, &evidence);
        points.fill(&mut facts, row);
        jobs.fill(&mut facts, row);
        memberships.fill(&mut facts, table, &evidence, points.newest_plan_made(row));
        rows.push(facts);
    }
    drop(index);
    Ok(Facts {
        tables: rows,
        reading: evidence.reading,
    })
}

impl Evidence {
    fn read(inventory: &Inventory) -> Result<Self, Problem> {
        let reading = Reading::read(inventory)?;
        let target = |account_id: &String, region: &String| TargetId {
            account_id: account_id.clone(),
            region: region.clone(),
        };
        let mut tags: HashMap<String, BTreeMap<String, String>> = HashMap::new();
        inventory.for_each::<TableTag>(|rows| {
            for tag in rows {
                tags.entry(tag.table_arn).or_default().insert(tag.key, tag.value);
            }
        })?;
        Ok(Self {
            as_of: inventory.manifest.as_of,
            reading,
            partitions: inventory
                .read::<Target>()?
                .into_iter()
                .map(|row| (target(&row.account_id, &row.region), row.partition))
                .collect(),
            settings: inventory
                .read::<RegionSetting>()?
                .into_iter()
                .map(|row| (target(&row.account_id, &row.region), row))
                .collect(),
            vaults: inventory
                .read::<Vault>()?
                .into_iter()
                .map(|row| ((target(&row.account_id, &row.region), row.vault_name.clone()), row))
                .collect(),
            keys: keys::Keys::read(inventory)?,
            pitr: inventory
                .read::<ContinuousBackup>()?
                .into_iter()
                .map(|row| (row.table_arn.clone(), row))
                .collect(),
            tags,
        })
    }
}

/// The target of a table.
pub(crate) fn target_of(table: &Table) -> TargetId {
    TargetId {
        account_id: table.account_id.clone(),
        region: table.region.clone(),
    }
}

/// Hours with fraction between two instants, from whole seconds; never negative: a point made after `as_of` is new.
pub(crate) fn age_hours(at: DateTime<Utc>, as_of: DateTime<Utc>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "ages are far below 2^52 seconds")]
    let seconds = (as_of - at).num_seconds().max(0) as f64;
    seconds / 3600.0
}

/// `a, b`, or `none`.
pub(crate) fn names<'n>(names: impl IntoIterator<Item = &'n String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
