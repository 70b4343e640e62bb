//! Protected resources over the API: every table that has a recovery point, whether it exists or not.

use std::collections::BTreeSet;

use chrono::Duration;

use super::place::state;
use super::request::{self, check_resource};
use super::vaults::vault;
use super::wire::{Members, Times, reply};
use crate::backup::errors;
use crate::backup::state::{Point, State};
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;

/// What the lists of protected resources say of one resource: its newest recovery point of any status.
fn protected(m: &mut Members<'_>, state: &State, resource: &str, newest: &Point) {
    m.text("ResourceArn", resource);
    m.text("ResourceType", "DynamoDB");
    m.time("LastBackupTime", newest.created);
    m.text("ResourceName", newest.table());
    m.maybe_text(
        "LastBackupVaultArn",
        state.vaults.get(&*newest.vault).map(|vault| &*vault.arn),
    );
    m.text("LastRecoveryPointArn", &newest.arn);
}

fn newest<'a>(state: &'a State, numbers: &BTreeSet<u64>, vault: Option<&str>) -> Option<&'a Point> {
    numbers
        .iter()
        .filter_map(|number| state.points.get(*number))
        .filter(|point| vault.is_none_or(|vault| &*point.vault == vault))
        .max_by_key(|point| point.created)
}

/// `ListProtectedResources`: every resource with a recovery point, in any status, whether the table exists or not.
pub(super) fn list(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    listed(state(cloud, call), call, None)
}

/// `ListProtectedResourcesByBackupVault`.
pub(super) fn list_of_vault(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    vault(state, call, &labels[1], "backup:ListProtectedResourcesByBackupVault")?;
    listed(state, call, Some(&labels[1]))
}

fn listed(state: &State, call: &Call, vault: Option<&str>) -> Result<Reply, ApiError> {
    let rows = state
        .points
        .resources()
        .iter()
        .filter_map(|(arn, numbers)| Some((arn.to_string(), (arn, newest(state, numbers, vault)?))));
    let page = request::page(call, "protected", rows, |row, token| row > token)?;
    Ok(reply(Times::Plain, |m| {
        m.list("Results", page.items, |m, (arn, point)| protected(m, state, arn, point));
        m.maybe_text("NextToken", page.token.as_deref());
    }))
}

/// `DescribeProtectedResource`, with the newest finished restore.
pub(super) fn describe(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let arn = &labels[1];
    check_resource(arn)?;
    let state = state(cloud, call);
    let numbers = state.points.of_resource(arn);
    let point = numbers
        .and_then(|numbers| newest(state, numbers, None))
        .ok_or_else(|| errors::not_found(format!("Could not find resource {arn}")))?;
    let restore = state
        .restore_jobs
        .newest_first()
        .find(|job| &*job.source == arn.as_str() && job.created_resource.is_some());
    let minutes = restore.and_then(|job| {
        job.completed
            .map(|at| (at - job.created + Duration::seconds(59)).num_minutes())
    });
    Ok(reply(Times::Plain, |m| {
        protected(m, state, arn, point);
        m.maybe_int("LatestRestoreExecutionTimeMinutes", minutes);
        m.maybe_time("LatestRestoreJobCreationDate", restore.map(|job| job.created));
        m.maybe_time(
            "LatestRestoreRecoveryPointCreationDate",
            restore.map(|job| job.point_created),
        );
    }))
}
