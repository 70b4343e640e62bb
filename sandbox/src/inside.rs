//! What is really there, read past every call: for tests that hold what a program found out against what was.
//!
//! In: the cloud. Out: its tables and recovery points at this moment, with what no answer of AWS tells: of which table a
//! recovery point is, where one was made anew under an old name.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::backup::state::PointStatus;
use crate::cloud::Cloud;

/// Everything of one moment.
#[derive(Debug, Clone)]
pub struct Inside {
    /// The moment, on the virtual clock.
    pub at: DateTime<Utc>,
    /// Every table that exists.
    pub tables: Vec<Table>,
    /// Every recovery point that exists, copies among them.
    pub points: Vec<Point>,
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
    let points = places()
        .flat_map(|place| place.backup.points.iter())
        .map(|(_, point)| Point {
            arn: Arc::clone(&point.arn),
            vault: Arc::clone(&point.vault),
            table_arn: Arc::clone(&point.resource),
            table_id: point.image.table_id.clone(),
            created_at: point.created,
            completed_at: point.completed,
            is_expired: point.status == PointStatus::Expired,
        });
    Inside {
        at: cloud.now(),
        tables: tables.collect(),
        points: points.collect(),
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
