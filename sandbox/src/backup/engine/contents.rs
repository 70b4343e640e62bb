//! What the world does to items, and to recovery points: writes after a backup, items that expire, damaged copies, odd states.
//!
//! In: one event of the world, at its moment. Out: the cloud after it. What is gone by then is left alone.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::events::names;
use crate::backup::state::{Due, End, Event, PlaceKey, Point, PointStatus, State, Which, policy};
use crate::cloud::Cloud;
use crate::dynamodb::state::{Changes, Table, TableImage};
use crate::ids::scatter;

/// Lets an event happen to items or to recovery points; other events are none of its business.
pub(super) fn happen(cloud: &mut Cloud, key: &Arc<PlaceKey>, event: &Event, at: DateTime<Utc>) {
    match event {
        Event::WriteItems { tables, changes } => {
            for name in names(cloud, key, tables) {
                write(cloud, key, &name, *changes, at);
            }
        }
        Event::KeepWriting { table, every } => keep_writing(cloud, key, table, *every, at),
        Event::ExpireItems { table } => {
            if let Some(table) = table_of(cloud, key, table) {
                table.expire_items();
            }
        }
        Event::DamagePoints { which, changes } => each_point(cloud, key, which, |point| {
            point.image = Arc::new(point.image.damaged(*changes, scatter(&[&point.arn])));
        }),
        Event::SetPoints { which, status, message } => each_point(cloud, key, which, |point| {
            point.status = *status;
            point.message.clone_from(message);
        }),
        _ => {}
    }
}

fn table_of<'a>(cloud: &'a mut Cloud, key: &PlaceKey, name: &str) -> Option<&'a mut Table> {
    cloud.places.get_mut(key)?.dynamodb.table_mut(name)
}

fn write(cloud: &mut Cloud, key: &PlaceKey, name: &str, changes: Changes, at: DateTime<Utc>) {
    let seed = cloud.ids.seed();
    if let Some(table) = table_of(cloud, key, name).filter(|table| table.created_at <= at) {
        let seed = scatter(&[name, &at.timestamp_millis().to_string(), &seed.to_string()]);
        table.change_items(changes, seed, at);
    }
}

/// One item is changed now, and the next one later, as long as there is a table.
fn keep_writing(cloud: &mut Cloud, key: &Arc<PlaceKey>, name: &str, every: Duration, at: DateTime<Utc>) {
    let one = Changes {
        changed: 1,
        ..Changes::default()
    };
    write(cloud, key, name, one, at);
    if table_of(cloud, key, name).is_some() {
        let table = name.to_owned();
        let event = Arc::new(Event::KeepWriting { table, every });
        cloud.backup.add(at + every, key, Due::Event(event));
    }
}

/// Changes the recovery points that an event means: of each table, by their age.
fn each_point(cloud: &mut Cloud, key: &PlaceKey, which: &Which, change: impl Fn(&mut Point)) {
    let Some(place) = cloud.places.get_mut(key) else {
        return;
    };
    for number in meant(&place.backup, which) {
        if let Some(point) = place.backup.points.get_mut(number) {
            change(point);
        }
    }
}

fn meant(state: &State, which: &Which) -> Vec<u64> {
    let is_meant = |point: &Point| {
        point.status != PointStatus::Creating
            && policy::pattern(&which.tables, point.table())
            && which.vault.as_ref().is_none_or(|vault| *vault == *point.vault)
    };
    let of_table = |numbers: &std::collections::BTreeSet<u64>| -> Vec<u64> {
        let points = numbers
            .iter()
            .filter_map(|number| Some((*number, state.points.get(*number)?)));
        let points = points.filter(|(_, point)| is_meant(point));
        match which.end {
            End::All => points.map(|(number, _)| number).collect(),
            End::Newest => points
                .max_by_key(|(_, point)| point.created)
                .map(|(number, _)| number)
                .into_iter()
                .collect(),
            End::Oldest => points
                .min_by_key(|(_, point)| point.created)
                .map(|(number, _)| number)
                .into_iter()
                .collect(),
        }
    };
    state.points.resources().values().flat_map(of_table).collect()
}

/// What a backup of a table holds: the table, or what the world makes of it.
pub(super) fn backed_up(table: &Table, job: u128) -> Arc<TableImage> {
    let image = table.image();
    let damage = image.traits().damage;
    if damage.is_none() {
        return image;
    }
    Arc::new(image.damaged(damage, job as u64))
}
