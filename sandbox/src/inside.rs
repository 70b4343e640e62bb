//! What is really there, read past every call: for tests that hold what a program found out against what was.
//!
//! In: the cloud. Out: its tables and recovery points at this moment, with what no answer of AWS tells: of which table a
//! recovery point is, where one was made anew under an old name.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::backup::state::{self, PlaceKey, PointStatus};
use crate::cloud::{Cloud, Place};

/// Everything of one moment.
#[derive(Debug, Clone)]
pub struct Inside {
    /// The moment, on the virtual clock.
    pub at: DateTime<Utc>,
    /// Every table that exists.
    pub tables: Vec<Table>,
    /// Every recovery point that exists, copies among them.
    pub points: Vec<Point>,
    /// Every backup vault.
    pub vaults: Vec<Vault>,
}

/// A backup vault.
#[derive(Debug, Clone)]
pub struct Vault {
    /// The account and the Region that it lies in.
    pub place: (String, String),
    /// Its name.
    pub name: String,
    /// How it is locked.
    pub lock: Lock,
    /// Its key can be used.
    pub key_works: bool,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// New for a table that was made anew under an old name.
    pub id: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A recovery point.
#[derive(Debug, Clone)]
pub struct Point {
    /// Its ARN.
    pub arn: Arc<str>,
    /// The name of its vault.
    pub vault: Arc<str>,
    /// ARN of the table.
    pub table_arn: Arc<str>,
    /// Which of the tables that had this ARN it holds.
    pub table_id: String,
    /// The moment of its data.
    pub created_at: DateTime<Utc>,
    /// From here on it can be restored; `None`: it is being made.
    pub completed_at: Option<DateTime<Utc>>,
    /// Its retention is over, and its role cannot delete it.
    pub is_expired: bool,
    /// The account and the Region that it lies in.
    pub place: (String, String),
    /// For how many days it is kept; `None`: for ever.
    pub kept_days: Option<i64>,
    /// How its vault is locked.
    pub lock: Lock,
    /// Its key can be used.
    pub key_works: bool,
}

/// How a vault is locked, from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lock {
    /// It is not.
    None,
    /// By a lock that people with the right to it can take away.
    Governance,
    /// By one that becomes final at a moment to come.
    Grace,
    /// By one that nobody can take away.
    Compliance,
}

pub(crate) fn look(cloud: &Cloud) -> Inside {
    let places = || cloud.places.values();
    let tables = places().flat_map(|place| place.dynamodb.tables()).map(|table| Table {
        arn: table.arn.clone(),
        name: table.name.clone(),
        id: table.id.clone(),
        created_at: table.created_at,
        tags: table.tags.clone(),
    });
    let now = cloud.now();
    let of = |(key, place): (&PlaceKey, &Place)| -> Vec<Point> {
        let point = |(_, point): (u64, &state::Point)| Point {
            arn: Arc::clone(&point.arn),
            vault: Arc::clone(&point.vault),
            table_arn: Arc::clone(&point.resource),
            table_id: point.image.table_id.clone(),
            created_at: point.created,
            completed_at: point.completed,
            is_expired: point.status == PointStatus::Expired,
            place: key.clone(),
            kept_days: point.lifecycle.delete_after.filter(|days| *days > 0),
            lock: lock_of(place.backup.vaults.get(&*point.vault), now),
            key_works: point.key.as_deref().is_none_or(|arn| place.kms.is_usable(arn, now)),
        };
        place.backup.points.iter().map(point).collect()
    };
    let points = cloud.places.iter().flat_map(of);
    let vaults = cloud.places.iter().flat_map(|(key, place)| {
        place.backup.vaults.values().map(move |vault| Vault {
            place: key.clone(),
            name: vault.name.to_string(),
            lock: lock_of(Some(vault), now),
            key_works: vault.key.as_deref().is_none_or(|arn| place.kms.is_usable(arn, now)),
        })
    });
    Inside {
        at: now,
        tables: tables.collect(),
        points: points.collect(),
        vaults: vaults.collect(),
    }
}

fn lock_of(vault: Option<&state::Vault>, now: DateTime<Utc>) -> Lock {
    match vault.and_then(|vault| vault.lock.as_ref()) {
        None => Lock::None,
        Some(lock) if lock.is_immutable(now) => Lock::Compliance,
        Some(lock) if lock.date.is_some() => Lock::Grace,
        Some(_) => Lock::Governance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    #[test]
    fn points_of_a_table_that_was_made_anew_are_told_apart() {
        let text = r#"
            now = 2026-11-01T12:00:00Z
            frozen = true
            [[account]]
            id = "111122223333"
            regions = ["eu-west-1"]
            [[vault]]
            account = "111122223333"
            region = "eu-west-1"
            name = "v"
            [[table]]
            account = "111122223333"
            region = "eu-west-1"
            name = "ttt"
            [[event]]
            account = "111122223333"
            region = "eu-west-1"
            at = "3d"
            do = "on-demand-backup"
            table = "ttt"
            vault = "v"
            [[event]]
            account = "111122223333"
            region = "eu-west-1"
            at = "2d"
            do = "delete-table"
            table = "ttt"
            [[event]]
            account = "111122223333"
            region = "eu-west-1"
            at = "1d"
            do = "create-table"
            table = "ttt"
        "#;
        let (cloud, _) = World::parse(text, "world.toml").unwrap().build();
        let inside = look(&cloud);
        let ([table], [point]) = (&inside.tables[..], &inside.points[..]) else {
            panic!("{inside:?}")
        };
        assert_eq!(*point.table_arn, *table.arn);
        assert_ne!(point.table_id, table.id);
        assert!(point.completed_at > Some(point.created_at) && !point.is_expired);
    }
}
