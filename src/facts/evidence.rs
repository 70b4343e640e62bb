//! What every topic needs to know: tables, targets, vaults, keys, tags, and how the reading went.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use chrono::{DateTime, TimeDelta, Utc};
use hashbrown::HashTable;

use super::Reading;
use super::keys::Keys;
use super::vaults::VaultState;
use crate::domain::TargetId;
use crate::inventory::Inventory;
use crate::inventory::schema::{
    ContinuousBackup, RegionSetting, Table, TableTag, Target, Vault, VaultPolicy, borrowed,
};
use crate::problem::Problem;

/// The small frames, indexed, and the tables.
pub(crate) struct Evidence {
    pub(crate) as_of: DateTime<Utc>,
    pub(crate) window_days: i64,
    pub(crate) reading: Reading,
    /// Every target of the scan, in order.
    pub(crate) targets: Vec<TargetId>,
    /// Every table that was listed and has not vanished since, in order of ARN.
    pub(crate) tables: Vec<Table>,
    pub(crate) index: TableIndex,
    /// The target of each table, by its place in `targets`.
    target_of: Vec<u32>,
    pub(crate) partitions: BTreeMap<TargetId, String>,
    pub(crate) settings: BTreeMap<TargetId, RegionSetting>,
    /// In order of target and name.
    pub(crate) vaults: Vec<VaultState>,
    /// Targets whose vaults were listed and whose recovery points were all read.
    whole_points: Vec<bool>,
    pub(crate) keys: Keys,
    /// By row of the table.
    pub(crate) pitr: HashMap<u32, ContinuousBackup, BuildHasherDefault<ArnHasher>>,
    tags: Tags,
}

/// Tags of a million tables: texts are kept once.
#[derive(Default)]
struct Tags {
    texts: Vec<String>,
    of_table: Vec<Vec<(u32, u32)>>,
    is_read: Vec<bool>,
}

impl Evidence {
    pub(crate) fn read(inventory: &Inventory, window_days: i64) -> Result<Self, Problem> {
        let reading = Reading::read(inventory)?;
        let targets: Vec<TargetId> = reading.targets.keys().cloned().collect();
        let mut tables: Vec<Table> = inventory.read::<Table>()?;
        tables.retain(|table| table.description != "vanished");
        let tables = in_order(tables);
        let keys = Keys::read(inventory)?;
        let vaults = read_vaults(inventory, &reading, &keys)?;
        let whole_points = whole_points(&targets, &reading, &vaults);
        let mut evidence = Self {
            as_of: inventory.manifest.as_of,
            window_days,
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
            index: TableIndex::new(&tables),
            tables,
            vaults,
            whole_points,
            keys,
        };
        let place = |table: &Table| evidence.place_of(&table.account_id, &table.region).unwrap_or(u32::MAX);
        evidence.target_of = evidence.tables.iter().map(place).collect();
        evidence.tags = Tags::read(inventory, &evidence)?;
        inventory.for_each::<ContinuousBackup>(|rows| {
            let of_table = |row: ContinuousBackup| Some((evidence.index.get(&row.table_arn)?, row));
            let found: Vec<_> = rows.into_iter().filter_map(of_table).collect();
            evidence.pitr.extend(found);
        })?;
        Ok(evidence)
    }

    /// Where the window begins in which gaps are looked for.
    pub(crate) fn window_start(&self) -> DateTime<Utc> {
        self.as_of - TimeDelta::days(self.window_days)
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

    /// The table's tags: `None` if the target's tags could not be read.
    pub(crate) fn tags_of(&self, row: usize) -> Option<BTreeMap<String, String>> {
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        Some(self.each_tag(row)?.map(owned).collect())
    }

    /// The value of one of them, empty if the table has no such tag.
    pub(crate) fn tag(&self, row: usize, key: &str) -> Option<&str> {
        let mut tags = self.each_tag(row)?;
        Some(tags.find(|(known, _)| *known == key).map_or("", |(_, value)| value))
    }

    fn each_tag(&self, row: usize) -> Option<impl Iterator<Item = (&str, &str)>> {
        let tags = &self.tags;
        if !tags.is_read.get(self.target_of[row] as usize).copied().unwrap_or(false) {
            return None;
        }
        let text = |number: u32| tags.texts[number as usize].as_str();
        let of_table = tags.of_table.get(row).into_iter().flatten();
        Some(of_table.map(move |(key, value)| (text(*key), text(*value))))
    }
}

impl Tags {
    fn read(inventory: &Inventory, evidence: &Evidence) -> Result<Self, Problem> {
        let is_read = evidence
            .targets
            .iter()
            .map(|target| evidence.reading.is_whole(target, "tag:GetResources", ""))
            .collect();
        let mut tags = Self {
            texts: Vec::new(),
            of_table: Vec::new(),
            is_read,
        };
        if !inventory.has::<TableTag>() {
            return Ok(tags);
        }
        tags.of_table.resize(evidence.tables.len(), Vec::new());
        let mut numbers: HashMap<String, u32> = HashMap::new();
        inventory.for_each_row::<TableTag>(&[], |tag| {
            let Some(row) = evidence.index.get(tag.table_arn) else {
                return;
            };
            let mut number = |text: &str| match numbers.get(text) {
                Some(number) => *number,
                None => {
                    let number = u32::try_from(tags.texts.len()).unwrap_or(u32::MAX);
                    tags.texts.push(text.to_owned());
                    numbers.insert(text.to_owned(), number);
                    number
                }
            };
            let pair = (number(tag.key), number(tag.value));
            tags.of_table[row as usize].push(pair);
        })?;
        Ok(tags)
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

fn read_vaults(inventory: &Inventory, reading: &Reading, keys: &Keys) -> Result<Vec<VaultState>, Problem> {
    let mut policies: HashMap<(String, String, String), Option<String>> = inventory
        .read::<VaultPolicy>()?
        .into_iter()
        .map(|row| ((row.account_id, row.region, row.vault_name), row.policy))
        .collect();
    let mut rows = inventory.read::<Vault>()?;
    let key = |row: &Vault| (row.account_id.clone(), row.region.clone(), row.vault_name.clone());
    rows.sort_by_key(key);
    rows.dedup_by(|a, b| key(a) == key(b));
    let state = |row: Vault| {
        let target = TargetId::new(&row.account_id, &row.region);
        let points_whole = reading.is_whole(&target, "backup:ListRecoveryPointsByBackupVault", &row.vault_name);
        let policy = policies.remove(&key(&row));
        VaultState::new(row, policy, points_whole, inventory.manifest.as_of, keys)
    };
    Ok(rows.into_iter().map(state).collect())
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

/// Hashes ARNs: they are as long as cache lines and come in tens of millions, and nobody can choose them to collide
/// who could not simply add tables.
#[derive(Default)]
pub(crate) struct ArnHasher(u64);

impl Hasher for ArnHasher {
    fn write(&mut self, bytes: &[u8]) {
        const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let word = u64::from_le_bytes(chunk.try_into().expect("chunks of eight bytes"));
            self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER);
        }
        for byte in chunks.remainder() {
            self.0 = (self.0.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(MULTIPLIER);
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

/// Rows of tables by ARN. Tens of millions of look-ups wait for nothing but memory: an entry is small and says where its
/// ARN lies, and ARNs lie side by side.
#[derive(Default)]
pub(crate) struct TableIndex {
    texts: String,
    entries: HashTable<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// The upper half of the hash: what has another one is another ARN.
    tag: u32,
    row: u32,
    /// Place and length of its ARN in the texts.
    start: u64,
    length: u32,
}

impl TableIndex {
    fn new(tables: &[Table]) -> Self {
        let mut index = Self {
            texts: String::with_capacity(tables.iter().map(|table| table.table_arn.len()).sum()),
            entries: HashTable::with_capacity(tables.len()),
        };
        for (table, row) in tables.iter().zip(0..) {
            let hash = hash_of(&table.table_arn);
            let entry = Entry {
                tag: tag_of(hash),
                row,
                start: index.texts.len() as u64,
                length: u32::try_from(table.table_arn.len()).unwrap_or(u32::MAX),
            };
            index.texts.push_str(&table.table_arn);
            let texts = &index.texts;
            index
                .entries
                .insert_unique(hash, entry, |entry| hash_of(text_of(texts, entry)));
        }
        index
    }

    /// The row of the table with this ARN.
    pub(crate) fn get(&self, arn: &str) -> Option<u32> {
        let hash = hash_of(arn);
        let is_it = |entry: &Entry| entry.tag == tag_of(hash) && text_of(&self.texts, entry) == arn;
        self.entries.find(hash, is_it).map(|entry| entry.row)
    }

    /// The rows of many ARNs. Step by step, so that in each step a processor can wait for many of them at once.
    pub(crate) fn get_all(&self, arns: &[Option<&str>]) -> Vec<Option<u32>> {
        let hashes: Vec<u64> = arns.iter().map(|arn| hash_of(arn.unwrap_or_default())).collect();
        let by_tag = |hash: &u64| self.entries.find(*hash, |entry| entry.tag == tag_of(*hash)).copied();
        let likely: Vec<Option<Entry>> = hashes.iter().map(by_tag).collect();
        let surely = |(arn, likely): (&Option<&str>, &Option<Entry>)| match (arn, likely) {
            (Some(arn), Some(entry)) if text_of(&self.texts, entry) == *arn => Some(entry.row),
            // Two ARNs may have one tag.
            (Some(arn), Some(_)) => self.get(arn),
            _ => None,
        };
        arns.iter().zip(&likely).map(surely).collect()
    }
}

fn text_of<'t>(texts: &'t str, entry: &Entry) -> &'t str {
    let start = usize::try_from(entry.start).unwrap_or(usize::MAX);
    texts
        .get(start..start.saturating_add(entry.length as usize))
        .unwrap_or_default()
}

fn hash_of(arn: &str) -> u64 {
    let mut hasher = ArnHasher::default();
    hasher.write(arn.as_bytes());
    hasher.finish()
}

fn tag_of(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(u32::MAX)
}

/// Finds tables, vaults and keys of rows; consecutive rows mostly name the same ones.
pub(super) struct Finder<'e> {
    evidence: &'e Evidence,
    /// Places of vaults by a hash of account, Region and name; looked at again before they are believed.
    vaults: HashMap<u64, u32, BuildHasherDefault<ArnHasher>>,
    last_vault: Option<u32>,
    last_table: Option<u32>,
}

impl<'e> Finder<'e> {
    pub(super) fn new(evidence: &'e Evidence) -> Self {
        Self {
            evidence,
            vaults: HashMap::default(),
            last_vault: None,
            last_table: None,
        }
    }

    /// The vault of a recovery point.
    pub(super) fn vault(&mut self, point: &borrowed::RecoveryPoint<'_>) -> Option<u32> {
        if let Some(last) = self.last_vault.filter(|last| self.is_of(*last, point)) {
            return Some(last);
        }
        let mut hasher = ArnHasher::default();
        for part in [point.account_id, point.region, point.vault_name] {
            hasher.write(part.as_bytes());
            hasher.write_u8(0xff);
        }
        let hash = hasher.finish();
        let known = self.vaults.get(&hash).copied();
        self.last_vault = known.filter(|place| self.is_of(*place, point)).or_else(|| {
            let place = self
                .evidence
                .vault_place(point.account_id, point.region, point.vault_name)?;
            self.vaults.insert(hash, place);
            Some(place)
        });
        self.last_vault
    }

    fn is_of(&self, place: u32, point: &borrowed::RecoveryPoint<'_>) -> bool {
        let row = &self.evidence.vaults[place as usize].row;
        row.vault_name == point.vault_name && row.region == point.region && row.account_id == point.account_id
    }

    /// The table of an ARN.
    pub(super) fn table(&mut self, arn: &str) -> Option<usize> {
        if let Some(last) = self.last_table
            && self.evidence.tables[last as usize].table_arn == arn
        {
            return Some(last as usize);
        }
        self.last_table = self.evidence.index.get(arn);
        self.last_table.map(|row| row as usize)
    }

    /// Does the point lie in the table's own account and Region? Elsewhere it is a copy.
    pub(super) fn is_home(&self, row: usize, point: &borrowed::RecoveryPoint<'_>) -> bool {
        let table = &self.evidence.tables[row];
        point.region == table.region && point.account_id == table.account_id
    }
}
