//! What the world file makes happen in the course of history: tables come and go, settings change, roles break.
//!
//! In: one event of the world, at its moment. Out: the cloud after it. Nothing here can fail: names were checked when the world
//! was read, and what is gone by then is left alone.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::{contents, expiry, restore_testing};
use crate::backup::state::{
    BackupJob, BackupJobState, DEFAULT_COMPLETION_MINUTES, DEFAULT_START_MINUTES, DeletionStatus, Due, Event, PlaceKey,
    Point, PointStatus, RestoreJob, RestoreKey, RestoreStatus, RestoreTest, Tags, policy,
};
use crate::cloud::Cloud;

/// Lets an event happen.
pub(super) fn happen(cloud: &mut Cloud, key: &Arc<PlaceKey>, event: &Event, at: DateTime<Utc>) {
    match event {
        Event::Backup { .. } => back_up(cloud, key, event, at),
        Event::RestoreTest(test) => restore_test(cloud, key, test, at),
        Event::CreateTable { table, tags } => create_table(cloud, key, table, tags, at),
        Event::WriteItems { .. }
        | Event::KeepWriting { .. }
        | Event::ExpireItems { .. }
        | Event::DamagePoints { .. }
        | Event::SetPoints { .. } => contents::happen(cloud, key, event, at),
        other => change(cloud, key, other, at),
    }
}

/// What touches one place only and starts nothing.
fn change(cloud: &mut Cloud, key: &PlaceKey, event: &Event, at: DateTime<Utc>) {
    let Some(place) = cloud.places.get_mut(key) else {
        return;
    };
    match event {
        Event::DeletePlan { id } => {
            if let Some(plan) = place.backup.plans.get_mut(&**id) {
                plan.deleted = Some(at);
                plan.selections.clear();
            }
        }
        Event::DeleteTable { tables } => {
            for name in names(cloud, key, tables) {
                if let Some(place) = cloud.places.get_mut(key) {
                    place.dynamodb.remove(&name);
                }
            }
        }
        Event::Tag { tables, tags } => each_table(cloud, key, tables, |table| {
            table.set_tags(tags.clone());
        }),
        Event::Untag { tables, keys } => each_table(cloud, key, tables, |table| {
            for key in keys {
                table.tags.remove(key);
            }
        }),
        Event::OptIn { on } => {
            place.backup.opt_in.insert("DynamoDB".to_owned(), *on);
        }
        Event::Advanced { on } => {
            place.backup.management.insert("DynamoDB".to_owned(), *on);
        }
        Event::BreakRole { role, message } => {
            place.backup.broken_roles.insert(role.clone(), Arc::clone(message));
        }
        Event::MendRole { role } => {
            place.backup.broken_roles.remove(role);
        }
        Event::DeletePoints {
            tables,
            vault,
            older_than,
        } => {
            let doomed: Vec<u64> = place
                .backup
                .points
                .iter()
                .filter(|(_, point)| {
                    point.status == PointStatus::Completed
                        && policy::pattern(tables, point.table())
                        && vault.as_ref().is_none_or(|vault| *vault == *point.vault)
                        && older_than.is_none_or(|age| point.created + age < at)
                })
                .map(|(number, _)| number)
                .collect();
            for number in doomed {
                expiry::remove(cloud, key, number, 0, at);
            }
        }
        Event::LegalHold { tables, vault } => {
            let is_meant = |point: &Point| {
                point.status == PointStatus::Completed
                    && policy::pattern(tables, point.table())
                    && vault.as_ref().is_none_or(|vault| *vault == *point.vault)
            };
            let meant = place.backup.points.iter().filter(|(_, point)| is_meant(point));
            for number in meant.map(|(number, _)| number).collect::<Vec<u64>>() {
                if let Some(point) = place.backup.points.get_mut(number) {
                    point.held = true;
                }
            }
        }
        Event::Backup { .. }
        | Event::RestoreTest(_)
        | Event::CreateTable { .. }
        | Event::WriteItems { .. }
        | Event::KeepWriting { .. }
        | Event::ExpireItems { .. }
        | Event::DamagePoints { .. }
        | Event::SetPoints { .. } => {}
    }
}

/// The names of the tables of a pattern that exist by now.
pub(super) fn names(cloud: &Cloud, key: &PlaceKey, pattern: &str) -> Vec<String> {
    let tables = cloud.places.get(key).map(|place| place.dynamodb.tables());
    tables
        .into_iter()
        .flatten()
        .filter(|table| policy::pattern(pattern, &table.name))
        .map(|table| table.name.clone())
        .collect()
}

fn each_table(cloud: &mut Cloud, key: &PlaceKey, pattern: &str, change: impl Fn(&mut crate::dynamodb::state::Table)) {
    let names = names(cloud, key, pattern);
    if let Some(place) = cloud.places.get_mut(key) {
        for name in names {
            if let Some(table) = place.dynamodb.table_mut(&name) {
                change(table);
            }
        }
    }
}

fn create_table(cloud: &mut Cloud, key: &PlaceKey, name: &str, tags: &Tags, at: DateTime<Utc>) {
    let Cloud { places, ids, .. } = cloud;
    if let Some(place) = places.get_mut(key)
        && place.dynamodb.recreate(name, at, ids)
        && let Some(table) = place.dynamodb.table_mut(name)
    {
        table.set_tags(tags.clone());
    }
}

fn back_up(cloud: &mut Cloud, key: &Arc<PlaceKey>, event: &Event, at: DateTime<Utc>) {
    let Event::Backup {
        tables,
        vault,
        role,
        lifecycle,
    } = event
    else {
        return;
    };
    for name in names(cloud, key, tables) {
        let id = cloud.ids.fresh();
        let Some(place) = cloud.places.get_mut(&**key) else {
            return;
        };
        let Some(table) = place.dynamodb.table(&name).filter(|table| table.created_at <= at) else {
            continue;
        };
        let job = BackupJob {
            id,
            vault: Arc::clone(vault),
            air_gapped: None,
            resource: place.backup.points.shared(&table.arn),
            role: Arc::clone(role),
            created_by: None,
            created: at,
            start_by: at + Duration::minutes(DEFAULT_START_MINUTES),
            complete_by: at + Duration::minutes(DEFAULT_COMPLETION_MINUTES),
            initiated: None,
            completed: None,
            state: BackupJobState::Created,
            message: None,
            category: None,
            lifecycle: *lifecycle,
            point_tags: Arc::default(),
            copies: Arc::new([]),
            point: None,
            point_arn: None,
            size: None,
            on_demand: true,
        };
        let number = place.backup.backup_jobs.add(job);
        cloud.backup.add(at, key, Due::StartBackup(number));
    }
}

fn restore_test(cloud: &mut Cloud, key: &Arc<PlaceKey>, test: &RestoreTest, at: DateTime<Utc>) {
    for name in names(cloud, key, &test.tables) {
        let id = cloud.ids.fresh();
        let Some(place) = cloud.places.get_mut(key) else {
            return;
        };
        let state = &mut place.backup;
        let Some(arn) = place.dynamodb.table(&name).map(|table| table.arn.clone()) else {
            continue;
        };
        let numbers = state.points.of_resource(&arn).into_iter().flatten();
        let newest = numbers
            .filter_map(|number| state.points.get(*number).map(|point| (*number, point)))
            .filter(|(_, point)| point.status == PointStatus::Completed)
            .max_by_key(|(_, point)| point.created);
        let Some((number, point)) = newest else {
            continue;
        };
        let Some(vault_arn) = state.vaults.get(&*point.vault).map(|vault| Arc::clone(&vault.arn)) else {
            continue;
        };
        let done = at + Duration::minutes(test.minutes);
        let target = format!("{}{:x}", restore_testing::PREFIX, id >> 96);
        let job = RestoreJob {
            id,
            point: number,
            point_arn: Arc::clone(&point.arn),
            point_created: point.created,
            vault_arn,
            source: Arc::clone(&point.resource),
            target,
            key: RestoreKey::Owned,
            role: Some(Arc::clone(&test.role)),
            copies_tags: false,
            created: at,
            due: done,
            completed: None,
            status: RestoreStatus::Running,
            message: None,
            created_resource: None,
            table_id: None,
            size: point.size,
            testing_plan: test
                .plan
                .as_ref()
                .and_then(|plan| state.testing.get(plan))
                .map(|plan| Arc::clone(&plan.arn)),
            test: None,
            validation: None,
            deletion: None,
            deletion_message: None,
        };
        let job = state.restore_jobs.add(job);
        if let Some(plan) = test.plan.as_ref().and_then(|plan| state.testing.get_mut(plan)) {
            plan.last_run = Some(at);
        }
        let due = Due::EndRestoreTest(job, Box::new(test.clone()));
        cloud.backup.add(done, key, due);
    }
}

/// A restore test has run long enough; the table that it made is gone at once.
pub(super) fn end_restore_test(cloud: &mut Cloud, key: &PlaceKey, number: u64, test: &RestoreTest, at: DateTime<Utc>) {
    let Some(state) = cloud.places.get_mut(key).map(|place| &mut place.backup) else {
        return;
    };
    let Some(job) = state.restore_jobs.get_mut(number) else {
        return;
    };
    job.completed = Some(at);
    job.validation = test.validation.as_ref().map(|status| (status.clone(), None));
    if test.failure.is_some() {
        job.status = RestoreStatus::Failed;
        job.message.clone_from(&test.failure);
        return;
    }
    job.status = RestoreStatus::Completed;
    job.deletion = Some(DeletionStatus::Successful);
    let source = job.source.rsplit_once('/');
    job.created_resource = source.map(|(head, _)| Arc::from(format!("{head}/{}", job.target)));
    let point = job.point;
    if let Some(point) = state.points.get_mut(point) {
        point.last_restore = Some(at);
    }
}
