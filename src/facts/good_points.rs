//! The newest good point of a table: one recovery point that meets every demand of the policy at once.
//!
//! Two ages carry the answer. No older than the first is a point that is good for certain; no younger than the second is
//! any point that may be good, where 0 stands for one in a vault that could not be read. What was not read can only move
//! them towards each other.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::demands::{Demand, Quality, failed, open};
use super::index::Index;
use super::recovery_point::PointKind;
use super::table_points::{TablePoints, UNDATED};
use super::time::{age_hours, hours, instant};
use crate::criteria::values::PolicyValues;
use crate::dictionary::{TableFacts, Text};
use crate::domain::FactValue;
use crate::duration;

/// Stands for the age of a point that is not there, in hours: 36,500 days.
pub(crate) const NO_POINT_HOURS: f64 = 876_000.0;

/// The newest good point of a table by one policy; or by all policies of which one is the table's, and it is not known
/// which.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GoodPoint {
    is_within_limit: Option<bool>,
    doubt: Option<Text>,
    age_hours_at_most: Option<f64>,
    age_hours_at_least: Option<f64>,
    at: Option<DateTime<Utc>>,
    arn: Option<Text>,
    vault: Option<Text>,
    failed_demands: Option<Text>,
    summary: Option<Text>,
}

impl GoodPoint {
    /// What these and other ones say between them.
    #[must_use]
    pub(crate) fn or(self, other: &Self) -> Self {
        fn both<T: PartialEq>(mine: Option<T>, theirs: &Option<T>) -> Option<T> {
            mine.filter(|mine| theirs.as_ref() == Some(mine))
        }
        let either = |mine: &Option<Text>, theirs: &Option<Text>| match (mine, theirs) {
            (Some(mine), Some(theirs)) if mine != theirs => {
                Some(format!("{mine}; or, by another tier that may be the table's: {theirs}").into())
            }
            (mine, _) => mine.clone(),
        };
        Self {
            doubt: match (self.is_within_limit, other.is_within_limit) {
                (Some(mine), Some(theirs)) if mine != theirs => Some(TIERS_DIFFER.into()),
                (None, _) => self.doubt.clone(),
                _ => other.doubt.clone(),
            },
            is_within_limit: both(self.is_within_limit, &other.is_within_limit),
            age_hours_at_most: self
                .age_hours_at_most
                .zip(other.age_hours_at_most)
                .map(|(a, b)| a.max(b)),
            age_hours_at_least: self
                .age_hours_at_least
                .zip(other.age_hours_at_least)
                .map(|(a, b)| a.min(b)),
            at: both(self.at, &other.at),
            arn: both(self.arn, &other.arn),
            vault: both(self.vault, &other.vault),
            failed_demands: either(&self.failed_demands, &other.failed_demands),
            summary: either(&self.summary, &other.summary),
        }
    }

    /// By name.
    pub(crate) fn values(&self) -> [(&'static str, FactValue); 10] {
        let text = |text: &Option<Text>| text.clone().map_or(FactValue::OPEN, FactValue::Text);
        let float = |number: Option<f64>| number.map_or(FactValue::OPEN, FactValue::Float);
        let age = self
            .age_hours_at_most
            .filter(|_| self.age_hours_at_most == self.age_hours_at_least);
        [
            (
                "backed_up",
                self.is_within_limit.map_or(FactValue::OPEN, FactValue::Bool),
            ),
            ("backed_up_doubt", text(&self.doubt)),
            ("backed_up_summary", text(&self.summary)),
            ("newest_good_point_age_hours", float(age)),
            ("newest_good_point_age_hours_at_most", float(self.age_hours_at_most)),
            ("newest_good_point_age_hours_at_least", float(self.age_hours_at_least)),
            ("newest_good_point_at", self.at.map_or(FactValue::OPEN, FactValue::Time)),
            ("newest_good_point_arn", text(&self.arn)),
            ("newest_good_point_vault", text(&self.vault)),
            ("newest_point_failed_demands", text(&self.failed_demands)),
        ]
    }
}

const TIERS_DIFFER: &str = "which tier of the policy the table is in cannot be told, and by one it is backed up and by another not; the facts and tags that the tiers' conditions name settle it";

/// A recovery point of the table.
#[derive(Clone, Copy)]
struct Candidate<'p> {
    kind: &'p PointKind,
    quality: Quality,
    /// In milliseconds since 1970.
    at: i64,
    arn: &'p Arc<str>,
}

/// The newest good point of the table of a row, by these values of the policy.
pub(super) fn compare(
    row: usize,
    facts: &TableFacts,
    points: &TablePoints,
    values: &PolicyValues,
    index: &Index,
) -> GoodPoint {
    let table = &index.tables[row];
    if table.created_at.is_none() {
        return GoodPoint::default();
    }
    // Of an archived table, when it was archived.
    let Some(now) = index.aged_at(row) else {
        return GoodPoint::default();
    };
    let candidates: Vec<Candidate<'_>> = points
        .candidates_of(row)
        .map(|(kind, at, arn)| Candidate {
            kind,
            quality: Quality::of(kind, index),
            at,
            arn,
        })
        .collect();
    let key = |candidate: &&Candidate<'_>| (candidate.at, Arc::clone(candidate.arn));
    let newest = candidates.iter().max_by_key(key);
    let is_good = |candidate: &&Candidate<'_>| candidate.quality.is_good(values) == Some(true);
    let good = candidates.iter().filter(is_good).max_by_key(key);
    let perhaps = points
        .perhaps_usable(row, index)
        .into_iter()
        .filter(|(kind, _)| Quality::of(kind, index).is_good(values) != Some(false))
        .max_by_key(|(_, at)| if *at == UNDATED { i64::MAX } else { *at });
    let age = |at: i64| instant(at).map_or(0.0, |at| age_hours(at, now));
    let is_unread = may_be_unread(row, points, values, index);
    let at_most = good.map_or(NO_POINT_HOURS, |good| age(good.at));
    let at_least = match perhaps {
        _ if is_unread => 0.0,
        Some((_, UNDATED)) => 0.0,
        Some((_, at)) => age(at),
        None => NO_POINT_HOURS,
    };
    let limit = hours(values.limit());
    let is_within_limit = match (at_most <= limit, at_least <= limit) {
        (true, _) => Some(true),
        (_, false) => Some(false),
        _ => None,
    };
    let doubt = match (is_within_limit, perhaps) {
        (None, Some((kind, at))) if !is_unread => doubt((kind, at), values, (now, index)),
        _ => None,
    };
    GoodPoint {
        is_within_limit,
        doubt: Some(doubt.unwrap_or_else(|| "none".into())),
        age_hours_at_most: Some(at_most),
        age_hours_at_least: Some(at_least),
        at: good.and_then(|good| instant(good.at)),
        arn: Some(good.map_or_else(|| "none".into(), |good| good.arn.clone())),
        vault: Some(good.map_or_else(|| "none".into(), |good| vault_name(good.kind, index).into())),
        failed_demands: Some(failed_demands(newest, values)),
        summary: Some(summary(newest, good, is_unread, facts, values, (now, index)).into()),
    }
}

fn vault_name<'i>(kind: &PointKind, index: &'i Index) -> &'i str {
    kind.vault
        .map_or("none", |vault| &index.vaults[vault as usize].row.vault_name)
}

/// May a point that was not read be good? Not one in a vault whose lock is too weak; of the rest of it nothing is known.
fn may_be_unread(row: usize, points: &TablePoints, values: &PolicyValues, index: &Index) -> bool {
    let place = index.target_place(row);
    if !points.is_traceable(place) || !index.is_whole(place, "backup:ListBackupVaults", "") {
        return true;
    }
    if index.has_whole_points(place) {
        return false;
    }
    let table = &index.tables[row];
    let mut vaults = index.vaults_of(&table.account_id, &table.region).iter();
    vaults.any(|vault| {
        let is_too_weak = vault
            .known_lock()
            .is_some_and(|lock| lock.rank() < values.vault_lock.rank());
        !vault.is_view && !vault.points_whole && !is_too_weak
    })
}

/// Which demands the newest usable point fails, and of which that is not known; `none` if it is good.
fn failed_demands(newest: Option<&Candidate<'_>>, values: &PolicyValues) -> Text {
    let Some(newest) = newest else {
        return "no usable recovery point was seen".into();
    };
    let (failed, open) = (newest.failed(values), newest.open(values));
    match (failed.is_empty(), open.is_empty()) {
        (true, true) => "none".into(),
        (false, true) => failed.join(", ").into(),
        (true, false) => format!("not known: {}", open.join(", ")).into(),
        (false, false) => format!("{}; not known: {}", failed.join(", "), open.join(", ")).into(),
    }
}

impl Candidate<'_> {
    fn failed(&self, values: &PolicyValues) -> Vec<String> {
        let fails = |demand: &Demand| self.quality.meets(*demand, values) == Some(false);
        let failed = |demand| failed(demand, &self.quality, self.kind, values);
        Demand::ALL.into_iter().filter(fails).map(failed).collect()
    }

    fn open(&self, values: &PolicyValues) -> Vec<String> {
        open_demands(self.kind, &self.quality, values)
    }
}

fn open_demands(kind: &PointKind, quality: &Quality, values: &PolicyValues) -> Vec<String> {
    let is_open = |demand: &Demand| quality.meets(*demand, values).is_none();
    Demand::ALL
        .into_iter()
        .filter(is_open)
        .map(|demand| open(demand, kind))
        .collect()
}

/// Why a point that was read may be good or not, where no call failed that would tell.
fn doubt((kind, at): (&PointKind, i64), values: &PolicyValues, (now, index): (DateTime<Utc>, &Index)) -> Option<Text> {
    let vault = vault_name(kind, index);
    let Some(at) = instant(at).filter(|_| at != UNDATED) else {
        return Some(format!("a recovery point in vault `{vault}` has no date").into());
    };
    let open = open_demands(kind, &Quality::of(kind, index), values);
    let age = duration::age(now - at);
    Some(
        format!(
            "a recovery point in vault `{vault}`, {age} old, may be good: not known is {}",
            open.join(", ")
        )
        .into(),
    )
}

/// What is to be said of the table's newest points, in a sentence.
fn summary(
    newest: Option<&Candidate<'_>>,
    good: Option<&Candidate<'_>>,
    is_unread: bool,
    facts: &TableFacts,
    values: &PolicyValues,
    (now, index): (DateTime<Utc>, &Index),
) -> String {
    let age = |candidate: &Candidate<'_>| {
        let at = instant(candidate.at).unwrap_or(now);
        duration::age((now - at).max(TimeDelta::zero()))
    };
    let seen = if is_unread { " of those that could be read" } else { "" };
    let Some(newest) = newest else {
        return no_point(is_unread, facts);
    };
    let Some(good) = good else {
        return format!(
            "newest point{seen} is {} old {}; none meets everything",
            age(newest),
            newest.but(values)
        );
    };
    if std::ptr::eq(newest, good) {
        let vault = vault_name(good.kind, index);
        return format!(
            "newest point that meets everything{seen} is {} old (vault {vault})",
            age(good)
        );
    }
    let (old, but) = (age(newest), newest.but(values));
    format!(
        "newest point{seen} is {old} old {but}; the newest that meets everything is {} old",
        age(good)
    )
}

impl Candidate<'_> {
    /// What is wrong with the point, after its age.
    fn but(&self, values: &PolicyValues) -> String {
        let (failed, open) = (self.failed(values), self.open(values));
        if failed.is_empty() {
            format!("and it is not known {}", open.join(", nor "))
        } else {
            format!("but {}", failed.join(", "))
        }
    }
}

/// Points that are there and do not count are worth naming: they are why people believe in a backup.
fn no_point(is_unread: bool, facts: &TableFacts) -> String {
    let others = facts.unusable_points.as_deref().filter(|others| *others != "none");
    let others = others.map_or_else(String::new, |others| format!(" ({others} do not count)"));
    let jobs = (
        facts.finished_backup_job_count.is_some(),
        facts.last_completed_backup_job_at,
    );
    match jobs {
        _ if is_unread => format!("no usable recovery point was seen{others}"),
        (_, Some(at)) => format!(
            "no usable recovery point is left{others}; a backup completed on {}",
            at.format("%Y-%m-%d")
        ),
        (true, None) if others.is_empty() => "never backed up".to_owned(),
        _ => format!("no usable recovery point{others}"),
    }
}
