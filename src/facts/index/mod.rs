//! What was read, by table and by target: tables, targets, vaults, keys, tags, and how the reading went.
//!
//! In: an inventory. Out: [`Index`]. Every topic of facts stands on it, and none is known here.

pub(crate) mod finder;
pub(crate) mod keys;
pub(crate) mod reading;
pub(crate) mod rows;
mod tags;
pub(crate) mod vaults;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasherDefault;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{TargetId, table_arn};
use crate::inventory::Inventory;
use crate::inventory::schema::{CallLogEntry, ContinuousBackup, RegionSetting, Table, Target};
use crate::problem::Problem;
use keys::Keys;
use reading::Reading;
use rows::{ArnHasher, TableRows};
use tags::Tags;
use vaults::VaultState;

/// The call that lists the Regions of an account.
const REGION_LIST: &str = "account:ListRegions";

/// The small frames, indexed, and the tables.
pub(crate) struct Index {
    pub(crate) as_of: DateTime<Utc>,
    pub(crate) window_days: i64,
    pub(crate) reading: Reading,
    /// Nobody named the Regions, and AWS did not list them: there may be others than those that were looked at.
    pub(crate) may_have_more_regions: bool,
    /// Every target of the scan, in order.
    pub(crate) targets: Vec<TargetId>,
    /// Every table that was listed and has not vanished since, in order of ARN.
    pub(crate) tables: Vec<Table>,
    pub(crate) rows: TableRows,
    /// The target of each table, by its place in `targets`.
    target_of: Vec<u32>,
    partitions: BTreeMap<TargetId, String>,
    pub(crate) settings: BTreeMap<TargetId, RegionSetting>,
    /// In order of target and name.
    pub(crate) vaults: Vec<VaultState>,
    /// Targets whose vaults were listed and whose recovery points were all read.
    whole_points: Vec<bool>,
    pub(crate) keys: Keys,
    /// By row of the table.
    pub(crate) pitr: HashMap<u32, ContinuousBackup, BuildHasherDefault<ArnHasher>>,
    tags: Tags,
    /// Frames that the scan asked for.
    pub(crate) asked: BTreeSet<String>,
}

impl Index {
    pub fn read(inventory: &Inventory, window_days: i64) -> Result<Self, Problem> {
        let reading = Reading::read(inventory)?;
        let targets: Vec<TargetId> = reading.targets.keys().cloned().collect();
        let mut tables: Vec<Table> = inventory.read::<Table>()?;
        tables.retain(|table| table.description != "vanished");
        let tables = in_order(tables);
        let keys = Keys::read(inventory)?;
        let vaults = vaults::read(inventory, &reading, &keys)?;
        let whole_points = whole_points(&targets, &reading, &vaults);
        let mut index = Self {
            as_of: inventory.manifest.as_of,
            window_days,
            may_have_more_regions: !inventory.manifest.regions_named
                && reading.failures.iter().any(|call| call.action == REGION_LIST),
            target_of: Vec::new(),
            partitions: inventory
                .read::<Target>()?
                .into_iter()
                .map(|row| (TargetId::new(&row.account_id, &row.region), row.partition))
                .collect(),
            settings: inventory
                .read::<RegionSetting>()?
                .into_iter()
                .map(|row| (TargetId::new(&row.account_id, &row.region), row))
                .collect(),
            pitr: HashMap::default(),
            tags: Tags::default(),
            reading,
            targets,
            rows: TableRows::new(&tables),
            tables,
            vaults,
            whole_points,
            keys,
            asked: inventory.manifest.frames.keys().cloned().collect(),
        };
        let place = |table: &Table| index.place_of(&table.account_id, &table.region).unwrap_or(u32::MAX);
        index.target_of = index.tables.iter().map(place).collect();
        let has_tags = |target: &TargetId| index.reading.is_whole(target, "tag:GetResources", "");
        index.tags = Tags::read(inventory, index.targets.iter().map(has_tags).collect(), &index.rows)?;
        let untold = index
            .reading
            .failures
            .iter()
            .filter(|failure| failure.action == "dynamodb:ListTagsOfResource");
        let row_of = |failure: &CallLogEntry| {
            let target = TargetId::new(&failure.account_id, &failure.region);
            let partition = index.partition(&target).unwrap_or("aws");
            index
                .rows
                .get(&table_arn(partition, &target, &failure.resource))
                .map(|row| row as usize)
        };
        let untold: Vec<usize> = untold.filter_map(row_of).collect();
        index.tags.leave_open(untold.into_iter());
        inventory.for_each::<ContinuousBackup>(|rows| {
            let of_table = |row: ContinuousBackup| Some((index.rows.get(&row.table_arn)?, row));
            let found: Vec<_> = rows.into_iter().filter_map(of_table).collect();
            index.pitr.extend(found);
        })?;
        Ok(index)
    }

    /// Where the window begins in which gaps are looked for.
    pub(crate) fn window_start(&self) -> DateTime<Utc> {
        self.as_of - TimeDelta::days(self.window_days)
    }

    /// When ages of the table and of its points are taken: now, or, of an archived table, when it was archived, since no plan
    /// can make a point of it after that. `None`: AWS does not say when.
    pub(crate) fn aged_at(&self, row: usize) -> Option<DateTime<Utc>> {
        let table = &self.tables[row];
        match table.table_status.as_deref() {
            Some("ARCHIVED") => table.archived_at,
            _ => Some(self.as_of),
        }
    }

    /// The place of a target in the list.
    pub(crate) fn place_of(&self, account_id: &str, region: &str) -> Option<u32> {
        let wanted = (account_id, region);
        self.targets
            .binary_search_by(|target| (target.account_id.as_str(), target.region.as_str()).cmp(&wanted))
            .ok()
            .and_then(|place| u32::try_from(place).ok())
    }

    /// The target of a table, by place. Every table was listed in one of the scan's targets.
    pub(crate) fn target_place(&self, row: usize) -> u32 {
        self.target_of[row]
    }

    /// The target of a table; `None` for a table of an inventory that somebody put together by hand.
    pub(crate) fn target(&self, row: usize) -> Option<&TargetId> {
        self.targets.get(self.target_of[row] as usize)
    }

    /// The partition of a target: `aws`, `aws-cn`, …; `None` for a target that somebody put in by hand.
    pub(crate) fn partition(&self, target: &TargetId) -> Option<&str> {
        self.partitions.get(target).map(String::as_str)
    }

    /// Was this call made in that target, and did it end well?
    pub(crate) fn is_whole(&self, place: u32, action: &str, resource: &str) -> bool {
        self.targets
            .get(place as usize)
            .is_some_and(|target| self.reading.is_whole(target, action, resource))
    }

    /// Were the recovery points of every vault of that target read to the last page?
    pub(crate) fn has_whole_points(&self, place: u32) -> bool {
        self.whole_points.get(place as usize).copied().unwrap_or(false)
    }

    /// Are advanced features for DynamoDB on there? AWS Backup wants the opt-in for them too; a setting that is left out
    /// is off.
    pub(crate) fn advanced_features_on(&self, target: &TargetId) -> Option<bool> {
        let settings = self.settings.get(target)?;
        Some(settings.dynamodb_advanced.unwrap_or(false) && settings.dynamodb_opt_in.unwrap_or(false))
    }

    /// A vault by its ARN.
    pub(crate) fn vault_by_arn(&self, arn: &str) -> Option<&VaultState> {
        self.vaults
            .iter()
            .find(|vault| vault.row.vault_arn.as_deref() == Some(arn))
    }

    /// The place of a vault.
    pub(crate) fn vault_place(&self, account_id: &str, region: &str, name: &str) -> Option<u32> {
        let wanted = (account_id, region, name);
        let key = |vault: &VaultState| {
            let row = &vault.row;
            (row.account_id.as_str(), row.region.as_str(), row.vault_name.as_str()).cmp(&wanted)
        };
        self.vaults
            .binary_search_by(key)
            .ok()
            .and_then(|place| u32::try_from(place).ok())
    }

    /// The vaults of a target, in order of name.
    pub(crate) fn vaults_of(&self, account_id: &str, region: &str) -> &[VaultState] {
        let target =
            |vault: &VaultState| (vault.row.account_id.as_str(), vault.row.region.as_str()).cmp(&(account_id, region));
        let start = self.vaults.partition_point(|vault| target(vault).is_lt());
        let end = self.vaults.partition_point(|vault| target(vault).is_le());
        &self.vaults[start..end]
    }

    /// The table's tags: `None` if the target's tags could not be read.
    pub(crate) fn tags_of(&self, row: usize) -> Option<BTreeMap<String, String>> {
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let tags = self.tags.of(row, self.target_of[row])?;
        Some(tags.map(owned).collect())
    }

    /// The value of one of them, empty if the table has no such tag.
    pub(crate) fn tag(&self, row: usize, key: &str) -> Option<&str> {
        let mut tags = self.tags.of(row, self.target_of[row])?;
        Some(tags.find(|(known, _)| *known == key).map_or("", |(_, value)| value))
    }
}

/// By ARN, each once. Places are sorted in their stead: a row is long, and there may be a million.
fn in_order(tables: Vec<Table>) -> Vec<Table> {
    let mut order: Vec<(&str, usize)> = tables.iter().map(|table| table.table_arn.as_str()).zip(0..).collect();
    order.sort_unstable();
    order.dedup_by_key(|(arn, _)| *arn);
    let order: Vec<usize> = order.into_iter().map(|(_, place)| place).collect();
    let mut tables: Vec<Option<Table>> = tables.into_iter().map(Some).collect();
    order.into_iter().filter_map(|place| tables[place].take()).collect()
}

fn whole_points(targets: &[TargetId], reading: &Reading, vaults: &[VaultState]) -> Vec<bool> {
    let broken: BTreeSet<(&str, &str)> = vaults
        .iter()
        .filter(|vault| !vault.is_view && !vault.points_whole)
        .map(|vault| (vault.row.account_id.as_str(), vault.row.region.as_str()))
        .collect();
    let is_whole = |target: &TargetId| {
        reading.is_whole(target, "backup:ListBackupVaults", "")
            && !broken.contains(&(target.account_id.as_str(), target.region.as_str()))
    };
    targets.iter().map(is_whole).collect()
}
