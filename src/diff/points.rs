//! Recovery points that are gone before their time, and points whose retention was cut.
//!
//! There may be tens of millions: only a digest of each ARN and its end are kept.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Found, Look, Thing, why_not_observed};
use crate::domain::{Arn, Subject, TargetId, rfc3339};
use crate::inventory::schema::RecoveryPoint;
use crate::inventory::schema::borrowed::RecoveryPoint as Point;
use crate::problem::{Problem, count};

/// AWS Backup deletes within hours of the end; a point that ends so soon after the newer look proves nothing.
const SLACK: TimeDelta = TimeDelta::hours(24);

/// When AWS Backup is to delete a point; none: it is kept for ever, or does not say.
fn end_of(point: &Point<'_>) -> Option<DateTime<Utc>> {
    let days = point.delete_after_days.filter(|days| *days > 0);
    let by_days = || point.created_at?.checked_add_signed(TimeDelta::try_days(days?)?);
    point.delete_at.or_else(by_days)
}

/// Kept for a time, or for ever; not for as long as another point, and not until it has been copied.
fn has_term(point: &Point<'_>) -> bool {
    point.delete_after_event.is_none() && (point.source_vault_arn.is_none() || end_of(point).is_some())
}

fn is_finished(point: &Point<'_>) -> bool {
    matches!(point.status, Some("COMPLETED" | "AVAILABLE"))
}

/// Stands for a point without an end.
const NO_END: i64 = i64::MAX;

/// What is told of one vault.
#[derive(Default)]
struct OfVault {
    gone: Vec<(String, Option<DateTime<Utc>>)>,
    cut: Vec<(String, Option<DateTime<Utc>>, DateTime<Utc>)>,
}

pub(super) fn compare(older: &Look, newer: &Look, found: &mut Found) -> Result<(), Problem> {
    if !older.inventory.has::<RecoveryPoint>() || !newer.inventory.has::<RecoveryPoint>() {
        return Ok(());
    }
    // Which digests are drawn matters to nobody: they never leave this function.
    let hasher = RandomState::new();
    let digest = |point: &Point<'_>| {
        hasher.hash_one((
            point.recovery_point_arn,
            point.vault_name,
            point.region,
            point.account_id,
        ))
    };
    // Seconds, with a number for "no end": half the memory of an instant that may be missing.
    let mut now: HashMap<u64, i64> = HashMap::new();
    newer.inventory.for_each_row::<RecoveryPoint>(&[], |point| {
        now.insert(digest(&point), end_of(&point).map_or(NO_END, |end| end.timestamp()));
    })?;
    let whole = whole_vaults(older, newer);
    let until = newer.report.scan.as_of + SLACK;
    let mut vaults: BTreeMap<(TargetId, String), OfVault> = BTreeMap::new();
    older.inventory.for_each_row::<RecoveryPoint>(&[], |point| {
        if !is_finished(&point) || !has_term(&point) {
            return;
        }
        let key = (
            TargetId::new(point.account_id, point.region),
            point.vault_name.to_owned(),
        );
        let end = end_of(&point);
        match now.get(&digest(&point)) {
            None if end.is_none_or(|end| end > until) && whole.contains(&key) => {
                let of_vault = vaults.entry(key).or_default();
                of_vault.gone.push((source(&point), end));
            }
            Some(cut) if *cut < end.map_or(NO_END, |end| end.timestamp()) => {
                let cut = DateTime::from_timestamp(*cut, 0).unwrap_or(until);
                vaults.entry(key).or_default().cut.push((source(&point), end, cut));
            }
            _ => {}
        }
    })?;
    for ((target, name), of_vault) in vaults {
        tell(older, &target, &name, of_vault, found);
    }
    Ok(())
}

/// The vaults whose points the newer scan read to the last page, and those that it found to be gone.
fn whole_vaults(older: &Look, newer: &Look) -> HashSet<(TargetId, String)> {
    let listing = "backup:ListRecoveryPointsByBackupVault";
    let mut whole = HashSet::new();
    for vault in older.facts.vaults() {
        let target = TargetId::new(
            vault.account_id.as_deref().unwrap_or_default(),
            vault.region.as_deref().unwrap_or_default(),
        );
        let name = vault.vault_name.as_deref().unwrap_or_default().to_owned();
        if why_not_observed(newer, &target, listing, &name).is_none() {
            whole.insert((target, name));
        }
    }
    whole
}

/// The table that a point is of, by name.
fn source(point: &Point<'_>) -> String {
    let name = point.resource_arn.and_then(Arn::parse).and_then(|arn| arn.table_name());
    name.unwrap_or("a table that is not named").to_owned()
}

fn tell(older: &Look, target: &TargetId, name: &str, of_vault: OfVault, found: &mut Found) {
    let arn = format!(
        "arn:{}:backup:{}:{}:backup-vault:{name}",
        older.facts.partition_of(target),
        target.region,
        target.account_id
    );
    let thing = Thing {
        subject: Subject::Vault,
        target,
        arn: &arn,
        name,
    };
    let text = |end: Option<DateTime<Utc>>| end.map_or_else(|| "for ever".to_owned(), rfc3339);
    if !of_vault.gone.is_empty() {
        let all = count(of_vault.gone.len(), "recovery point");
        let ends = of_vault
            .gone
            .iter()
            .map(|(_, end)| end.unwrap_or(DateTime::<Utc>::MAX_UTC));
        let last = ends.max().filter(|last| *last < DateTime::<Utc>::MAX_UTC);
        let message = format!(
            "{all} of {} gone before the retention ended; the last was to be kept {}",
            tables(of_vault.gone.iter().map(|(table, _)| table)),
            last.map_or_else(|| "for ever".to_owned(), |last| format!("until {}", rfc3339(last)))
        );
        found.weaker(&thing, "recovery-points-gone", (all, super::ABSENT.to_owned()), message);
    }
    if !of_vault.cut.is_empty() {
        let all = count(of_vault.cut.len(), "recovery point");
        let longest = of_vault
            .cut
            .iter()
            .max_by_key(|(_, then, _)| then.unwrap_or(DateTime::<Utc>::MAX_UTC));
        if let Some((_, then, now)) = longest {
            let message = format!(
                "the retention of {all} of {} was cut, of one of them from {} to {}",
                tables(of_vault.cut.iter().map(|(table, ..)| table)),
                text(*then),
                rfc3339(*now)
            );
            found.weaker(
                &thing,
                "recovery-point-retention",
                (text(*then), rfc3339(*now)),
                message,
            );
        }
    }
}

/// The tables named, a few of them by name.
fn tables<'t>(names: impl Iterator<Item = &'t String>) -> String {
    let names: std::collections::BTreeSet<&String> = names.collect();
    match names.len() {
        1..=3 => names.into_iter().cloned().collect::<Vec<_>>().join(", "),
        number => count(number, "table"),
    }
}
