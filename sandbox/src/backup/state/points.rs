//! Recovery points, held once and indexed by id, by vault and by resource, so that listings stay cheap.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::arns::{PlaceKey, table_name};
use super::lifecycle::Lifecycle;
use super::plans::CreatedBy;
use super::vaults::{KeyKind, Tags};
use crate::dynamodb::state::TableImage;
use crate::ids::{Uuid, variation};

/// What identifies a recovery point inside its ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PointId {
    /// An advanced recovery point: `arn:…:backup:…:recovery-point:<uuid>`.
    Advanced(u128),
    /// A native DynamoDB backup: its id starts with its creation in milliseconds.
    Native(i64, u32),
}

/// `RecoveryPointStatus`. PARTIAL and STOPPED are not expected of tables: only a world's events set them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PointStatus {
    Creating,
    Completed,
    Expired,
    Deleting,
    Partial,
    Stopped,
}

impl PointStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Completed => "COMPLETED",
            Self::Expired => "EXPIRED",
            Self::Deleting => "DELETING",
            Self::Partial => "PARTIAL",
            Self::Stopped => "STOPPED",
        }
    }
}

/// A recovery point of a table.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) id: PointId,
    pub(crate) arn: Arc<str>,
    pub(crate) vault: Arc<str>,
    /// ARN of the table; of the source table for a copy.
    pub(crate) resource: Arc<str>,
    pub(crate) created_by: Option<Arc<CreatedBy>>,
    pub(crate) role: Arc<str>,
    pub(crate) status: PointStatus,
    pub(crate) message: Option<Arc<str>>,
    /// The moment of the data. A copy keeps its source's.
    pub(crate) created: DateTime<Utc>,
    pub(crate) initiated: DateTime<Utc>,
    pub(crate) completed: Option<DateTime<Utc>>,
    pub(crate) size: u64,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) cold_at: Option<DateTime<Utc>>,
    pub(crate) delete_at: Option<DateTime<Utc>>,
    pub(crate) key: Option<Arc<str>>,
    pub(crate) key_kind: Option<KeyKind>,
    pub(crate) source_vault: Option<Arc<str>>,
    pub(crate) last_restore: Option<DateTime<Utc>>,
    /// A legal hold keeps it.
    pub(crate) held: bool,
    pub(crate) tags: Arc<Tags>,
    /// The items and the schema, for restores.
    pub(crate) image: Arc<TableImage>,
}

impl Point {
    /// Whether the recovery point is managed by AWS Backup fully.
    pub(crate) fn is_advanced(&self) -> bool {
        matches!(self.id, PointId::Advanced(_))
    }

    /// Whether the recovery point has moved to cold storage.
    pub(crate) fn is_cold(&self, now: DateTime<Utc>) -> bool {
        self.status != PointStatus::Creating && self.cold_at.is_some_and(|at| at <= now)
    }

    /// How long its restore takes: as long as its table asks for, else as every restore; about four hours more out of cold storage.
    pub(crate) fn restore_time(&self, seconds: i64, now: DateTime<Utc>) -> Duration {
        const COLD_HOURS: i64 = 4;
        let warm = Duration::seconds(self.image.traits().restore_seconds.unwrap_or(seconds));
        if self.is_cold(now) {
            warm + Duration::hours(COLD_HOURS)
        } else {
            warm
        }
    }

    /// The name of the table.
    pub(crate) fn table(&self) -> &str {
        table_name(&self.resource)
    }
}

/// A job's id turned into another uuid of version 4; the answer of `StartBackupJob` names it before the point exists.
pub(crate) fn advanced_id(job: u128) -> u128 {
    variation(job, 0)
}

/// The ARN of a recovery point.
pub(crate) fn point_arn(partition: &str, key: &PlaceKey, id: PointId, resource: &str) -> Arc<str> {
    match id {
        PointId::Advanced(id) => {
            format!("arn:{partition}:backup:{}:{}:recovery-point:{}", key.1, key.0, Uuid(id)).into()
        }
        PointId::Native(millis, tail) => format!("{resource}/backup/{millis:014}-{tail:08x}").into(),
    }
}

/// Recovery points with their indexes.
#[derive(Debug, Default)]
pub(crate) struct Points {
    next: u64,
    all: BTreeMap<u64, Point>,
    by_id: BTreeMap<PointId, u64>,
    by_vault: BTreeMap<Arc<str>, BTreeSet<u64>>,
    by_resource: BTreeMap<Arc<str>, BTreeSet<u64>>,
}

impl Points {
    /// Keeps a recovery point and gives the number under which it is kept.
    pub(crate) fn add(&mut self, point: Point) -> u64 {
        self.next += 1;
        let number = self.next;
        self.by_id.insert(point.id, number);
        index(&mut self.by_vault, &point.vault, number);
        index(&mut self.by_resource, &point.resource, number);
        self.all.insert(number, point);
        number
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Point> {
        self.all.get(&number)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Point> {
        self.all.get_mut(&number)
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<Point> {
        let point = self.all.remove(&number)?;
        self.by_id.remove(&point.id);
        unindex(&mut self.by_vault, &point.vault, number);
        unindex(&mut self.by_resource, &point.resource, number);
        Some(point)
    }

    /// Finds a recovery point by its ARN.
    pub(crate) fn find(&self, arn: &str) -> Option<u64> {
        let id = match arn.rsplit_once(":recovery-point:") {
            Some((_, uuid)) => PointId::Advanced(Uuid::read(uuid)?.0),
            None => {
                let (millis, tail) = arn.rsplit_once("/backup/")?.1.split_once('-')?;
                PointId::Native(millis.parse().ok()?, u32::from_str_radix(tail, 16).ok()?)
            }
        };
        let number = *self.by_id.get(&id)?;
        (&*self.all.get(&number)?.arn == arn).then_some(number)
    }

    /// The numbers of a vault's recovery points, oldest first.
    pub(crate) fn of_vault(&self, vault: &str) -> Option<&BTreeSet<u64>> {
        self.by_vault.get(vault)
    }

    /// The numbers of a resource's recovery points, oldest first.
    pub(crate) fn of_resource(&self, resource: &str) -> Option<&BTreeSet<u64>> {
        self.by_resource.get(resource)
    }

    /// The ARN of a resource, shared with its recovery points if there are any.
    pub(crate) fn shared(&self, resource: &str) -> Arc<str> {
        self.by_resource
            .get_key_value(resource)
            .map_or_else(|| Arc::from(resource), |(key, _)| Arc::clone(key))
    }

    /// How many recovery points a vault holds.
    pub(crate) fn count(&self, vault: &str) -> usize {
        self.by_vault.get(vault).map_or(0, BTreeSet::len)
    }

    /// Every resource that has a recovery point, in any state.
    pub(crate) fn resources(&self) -> &BTreeMap<Arc<str>, BTreeSet<u64>> {
        &self.by_resource
    }

    /// Every recovery point with its number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Point)> {
        self.all.iter().map(|(number, point)| (*number, point))
    }
}

fn index(map: &mut BTreeMap<Arc<str>, BTreeSet<u64>>, key: &Arc<str>, number: u64) {
    if let Some(set) = map.get_mut(key) {
        set.insert(number);
    } else {
        map.insert(Arc::clone(key), BTreeSet::from([number]));
    }
}

fn unindex(map: &mut BTreeMap<Arc<str>, BTreeSet<u64>>, key: &Arc<str>, number: u64) {
    if let Some(set) = map.get_mut(key) {
        set.remove(&number);
        if set.is_empty() {
            map.remove(key);
        }
    }
}
