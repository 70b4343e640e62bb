//! Recovery points over the API: two listings, description, lifecycle, deletion, restore metadata.

use std::collections::BTreeSet;
use std::ops::Bound;

use chrono::{DateTime, Duration, Utc};

use super::place::{here, place_key, state};
use super::request::{body, check_resource, query, query_flag, query_time};
use super::vaults::{allowed, vault};
use super::wire::{Times, reply};
use super::{render, request};
use crate::backup::documents::members::{int, map};
use crate::backup::engine::expiry;
use crate::backup::errors;
use crate::backup::state::{Due, Lifecycle, Point, PointStatus, State, Vault};
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;

/// A recovery point of a vault, by its ARN.
fn point<'a>(state: &'a State, vault: &Vault, arn: &str) -> Result<(u64, &'a Point), ApiError> {
    state
        .points
        .find(arn)
        .and_then(|number| state.points.get(number).map(|point| (number, point)))
        .filter(|(_, point)| point.vault == vault.name)
        .ok_or_else(|| errors::not_found(format!("Cannot find recovery point. {arn}")))
}

/// The filters of `ListRecoveryPointsByBackupVault`.
struct Filter<'a> {
    resource: Option<&'a str>,
    other_type: bool,
    plan: Option<&'a str>,
    before: Option<DateTime<Utc>>,
    after: Option<DateTime<Utc>>,
    has_parent: bool,
}

impl<'a> Filter<'a> {
    fn read(call: &'a Call) -> Result<Self, ApiError> {
        let resource = query(call, "resourceArn");
        if let Some(arn) = resource {
            check_resource(arn)?;
        }
        Ok(Self {
            resource,
            other_type: query(call, "resourceType").is_some_and(|kind| kind != "DynamoDB"),
            plan: query(call, "backupPlanId"),
            before: query_time(call, "createdBefore")?,
            after: query_time(call, "createdAfter")?,
            has_parent: query(call, "parentRecoveryPointArn").is_some(),
        })
    }

    fn admits(&self, point: &Point) -> bool {
        !self.other_type
            && !self.has_parent
            && self.resource.is_none_or(|arn| &*point.resource == arn)
            && self
                .plan
                .is_none_or(|plan| point.created_by.as_ref().is_some_and(|by| &*by.plan_id == plan))
            && self.before.is_none_or(|before| point.created < before)
            && self.after.is_none_or(|after| point.created > after)
    }
}

/// The recovery points of a set below a number, newest first.
fn below<'a>(state: &'a State, numbers: &'a BTreeSet<u64>, below: u64) -> impl Iterator<Item = (u64, &'a Point)> {
    numbers
        .range((Bound::Unbounded, Bound::Excluded(below)))
        .rev()
        .filter_map(|number| state.points.get(*number).map(|point| (*number, point)))
}

/// `ListRecoveryPointsByBackupVault`.
pub(super) fn by_vault(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let filter = Filter::read(call)?;
    let state = state(cloud, call);
    let found = vault(state, call, &labels[1], "backup:ListRecoveryPointsByBackupVault")?;
    let empty = BTreeSet::new();
    // By table the index of tables is the shorter way, unless a table has no point at all.
    let numbers = match filter.resource {
        Some(arn) => state.points.of_resource(arn),
        None => state.points.of_vault(&found.name),
    };
    let numbers = numbers.unwrap_or(&empty);
    let page = request::numbered(call, "points", |end| {
        below(state, numbers, end).filter(|(_, point)| point.vault == found.name && filter.admits(point))
    })?;
    Ok(reply(Times::Exponent, |m| {
        m.maybe_text("NextToken", page.token.as_deref());
        m.list("RecoveryPoints", page.items, |m, point| {
            render::point(m, state, point);
            m.null("AggregatedScanResult");
        });
    }))
}

/// `ListRecoveryPointsByResource`: other member names, and no lifecycle, plan or encryption flag.
pub(super) fn by_resource(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    check_resource(&labels[1])?;
    // Every recovery point here is managed by AWS Backup, so the flag changes nothing but has to be well-formed.
    query_flag(call, "managedByAWSBackupOnly")?;
    let state = state(cloud, call);
    let empty = BTreeSet::new();
    let numbers = state.points.of_resource(&labels[1]).unwrap_or(&empty);
    let page = request::numbered(call, "points-of-resource", |end| below(state, numbers, end))?;
    Ok(reply(Times::Exponent, |m| {
        m.maybe_text("NextToken", page.token.as_deref());
        m.list("RecoveryPoints", page.items, |m, point| {
            render::point_by_resource(m, state, point)
        });
    }))
}

/// `DescribeRecoveryPoint`: the only answer with the storage class.
pub(super) fn describe(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    let found = vault(state, call, &labels[1], "backup:DescribeRecoveryPoint")?;
    let (_, point) = point(state, found, &labels[3])?;
    allowed(found, call, "backup:DescribeRecoveryPoint", &point.arn)?;
    Ok(reply(Times::Plain, |m| {
        render::point(m, state, point);
        m.text("StorageClass", if point.is_cold(call.now) { "COLD" } else { "WARM" });
        m.null("ScanResults");
    }))
}

/// `UpdateRecoveryPointLifecycle`.
pub(super) fn update_lifecycle(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let sent = map(&body, "Lifecycle")?.ok_or_else(|| errors::missing("Lifecycle"))?;
    let (cold, delete) = (int(sent, "MoveToColdStorageAfterDays")?, int(sent, "DeleteAfterDays")?);
    if cold.is_none() && delete.is_none() {
        return Err(errors::invalid(
            "Invalid lifecycle. At least one of MoveToColdStorageAfterDays and DeleteAfterDays has to be given",
        ));
    }
    let state = state(cloud, call);
    let found = vault(state, call, &labels[1], "backup:UpdateRecoveryPointLifecycle")?;
    let (number, point) = point(state, found, &labels[3])?;
    allowed(found, call, "backup:UpdateRecoveryPointLifecycle", &point.arn)?;
    let lifecycle = Lifecycle {
        cold_after: cold.or(point.lifecycle.cold_after),
        delete_after: delete.or(point.lifecycle.delete_after),
        archive: point.lifecycle.archive,
    };
    lifecycle.check().map_err(errors::invalid)?;
    check_change(found, point, &lifecycle, call.now)?;
    let vault_arn = found.arn.clone();
    let key = place_key(call);
    let Some(point) = state.points.get_mut(number) else {
        return Err(errors::not_found("Cannot find recovery point."));
    };
    point.lifecycle = lifecycle;
    point.cold_at = lifecycle.cold_at(point.created);
    point.delete_at = lifecycle.delete_at(point.created);
    let changed = point.clone();
    expiry::schedule(&mut cloud.backup, &key, number, &changed);
    Ok(reply(Times::Plain, |m| {
        m.text("BackupVaultArn", &vault_arn);
        m.text("RecoveryPointArn", &changed.arn);
        render::lifecycle(m, "Lifecycle", &changed.lifecycle);
        render::calculated(m, changed.cold_at, changed.delete_at);
    }))
}

/// Whether a recovery point may get another lifecycle.
fn check_change(vault: &Vault, point: &Point, new: &Lifecycle, now: DateTime<Utc>) -> Result<(), ApiError> {
    if point.status == PointStatus::Creating {
        return Err(errors::refused(format!(
            "Recovery point {} is still being created",
            point.arn
        )));
    }
    if new.cold_after != point.lifecycle.cold_after {
        if !point.is_advanced() {
            return Err(errors::invalid(
                "Invalid lifecycle. MoveToColdStorageAfterDays is unavailable",
            ));
        }
        if point.is_cold(now) {
            return Err(errors::refused(
                "The recovery point is in cold storage; its MoveToColdStorageAfterDays cannot be changed",
            ));
        }
        let age = (now - point.created).num_days();
        if new.cold().is_some_and(|days| days < age + 1) {
            return Err(errors::invalid(format!(
                "Invalid lifecycle. MoveToColdStorageAfterDays has to be at least the age of the recovery point plus one day ({})",
                age + 1
            )));
        }
    }
    match &vault.lock {
        Some(lock) if new.retention() < point.lifecycle.retention() || !new.fits(lock.min_days, lock.max_days) => {
            Err(errors::refused(format!(
                "Backup vault {} is locked: the lifecycle cannot be changed in this way",
                vault.name
            )))
        }
        _ => Ok(()),
    }
}

/// `DeleteRecoveryPoint`. With a role that cannot do it the call succeeds, and the recovery point stays as EXPIRED.
pub(super) fn delete(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let place = here(cloud, call);
    let found = vault(&place.backup, call, &labels[1], "backup:DeleteRecoveryPoint")?;
    let (number, point) = point(&place.backup, found, &labels[3])?;
    allowed(found, call, "backup:DeleteRecoveryPoint", &point.arn)?;
    if point.status == PointStatus::Creating {
        return Err(errors::wrong_state(format!(
            "Recovery point {} is still being created and cannot be deleted",
            point.arn
        )));
    }
    if point.held {
        return Err(errors::refused(format!(
            "Recovery point {} is under a legal hold and cannot be deleted",
            point.arn
        )));
    }
    let over = point.delete_at.is_some_and(|at| at <= call.now);
    if found.lock.is_some() && !over {
        return Err(errors::refused(format!(
            "Recovery point cannot be deleted because backup vault {} is locked and the retention period is not over",
            found.name
        )));
    }
    let seconds = cloud.settings.jobs.delete_seconds;
    if expiry::remove(cloud, &place_key(call), number, seconds, call.now) {
        let gone = call.now + Duration::seconds(seconds);
        cloud.backup.add(gone, &place_key(call), Due::RemovePoint(number));
    }
    Ok(Reply::empty(200))
}

/// `GetRecoveryPointRestoreMetadata`.
pub(super) fn restore_metadata(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    let found = vault(state, call, &labels[1], "backup:GetRecoveryPointRestoreMetadata")?;
    let (_, point) = point(state, found, &labels[3])?;
    allowed(found, call, "backup:GetRecoveryPointRestoreMetadata", &point.arn)?;
    Ok(reply(Times::Plain, |m| {
        m.text("BackupVaultArn", &found.arn);
        m.text("RecoveryPointArn", &point.arn);
        m.object("RestoreMetadata", |m| m.text("originalTableName", point.table()));
        m.text("ResourceType", "DynamoDB");
    }))
}
