//! What a drill takes before it is made: bytes, read units, dollars, minutes, requests. Pure.

use std::collections::BTreeMap;

use super::ask::{DELETE, LIST_TABLES};
use super::choose::Chosen;
use super::compare::{self, Wanted, Wish};
use super::plan::{Estimate, Planned, Takes};
use super::run::looks;
use crate::remediate::actions::Quantities;
use crate::remediate::actions::ground::DESCRIBE_TABLE;
use crate::remediate::price::Prices;
use crate::remediate::restore::{LOOK, START};

/// A restore from cold storage takes so much longer, in minutes (AWS Backup Developer Guide).
const COLD_MINUTES: f64 = 240.0;

/// What the minutes are where AWS remembers no restore.
const ASSUMED_MINUTES: f64 = 15.0;

const SCAN: &str = "dynamodb:Scan";

/// What a source is asked beside its description: what AWS does not restore of it.
const SETTINGS: &[&str] = &[
    "dynamodb:ListTagsOfResource",
    "dynamodb:DescribeTimeToLive",
    "dynamodb:DescribeContinuousBackups",
];

/// How a run is made, as far as it matters for what it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How<'h> {
    /// How tables are compared.
    pub(crate) wish: &'h Wish,
    /// Restores at once.
    pub(crate) at_once: usize,
    /// Time between two looks at a job, in seconds.
    pub(crate) every: f64,
    /// The new tables stay.
    pub(crate) keeps: bool,
}

/// Minutes that a restore takes, and what that rests on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Usual {
    /// From warm storage.
    pub(crate) minutes: f64,
    /// Restores of tables that AWS remembers; 0: none, and the minutes are assumed.
    pub(crate) restores: usize,
}

impl Usual {
    /// What restores took, or what is assumed.
    pub(crate) fn of(known: &[f64]) -> Self {
        let mut known = known.to_vec();
        known.sort_by(f64::total_cmp);
        Self {
            minutes: known.get(known.len() / 2).copied().unwrap_or(ASSUMED_MINUTES),
            restores: known.len(),
        }
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        match self.restores {
            0 => format!(
                "assumed: AWS remembers no restore of a table there, and {ASSUMED_MINUTES:.0} minutes is a guess"
            ),
            1 => "the restore of a table that AWS remembers there".to_owned(),
            many => format!("the median of {many} restores of tables that AWS remembers there"),
        }
    }
}

/// Requests by action.
type Calls = BTreeMap<&'static str, u64>;

/// What one restore takes, for the sums.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    calls: Calls,
    quantities: Quantities,
}

/// What one restore takes, and its requests. `pages`: what listing all tables of its account and Region takes.
pub(crate) fn takes(
    chosen: &Chosen,
    (region, pages): (&str, u64),
    usual: &Usual,
    how: &How<'_>,
    prices: &Prices,
) -> (Takes, Part) {
    let point = &chosen.point;
    let is_there = chosen.source.is_there == Some(true);
    let reads = how.wish.reach != Wanted::Nothing;
    let mut sides = vec![point.size_bytes.or(chosen.source_bytes)];
    if is_there {
        sides.push(chosen.source_bytes.or(point.size_bytes));
    }
    let number = sides.len() as u64;
    let (mut read_units, mut scans) = (Some(0.0), 0);
    for bytes in sides {
        match compare::quantities(bytes, chosen.source_items, how.wish) {
            Some(takes) => {
                read_units = read_units.map(|units| units + takes.read_units);
                // One describes the table.
                scans += takes.requests.saturating_sub(1);
            }
            None => read_units = None,
        }
    }
    let of_point = |is_cold: bool| (point.is_cold == is_cold).then_some(point.size_bytes).flatten();
    let quantities = Quantities {
        restored: of_point(false),
        restored_cold: of_point(true),
        read_units,
        is_unknown: point.size_bytes.is_none() || read_units.is_none(),
        ..Quantities::default()
    };
    let minutes = usual.minutes + if point.is_cold { COLD_MINUTES } else { 0.0 };
    let takes = Takes {
        minutes: Some(round(minutes)),
        read_units: read_units.map(round),
        usd: prices.cost(region, quantities).once_usd,
    };
    // The name is free, the table is there, it is CREATING, it is ACTIVE, its source is there, and once more after the comparison.
    let mut describes = 6 + number;
    if reads {
        describes += number;
    }
    let mut calls = Calls::from([
        (START, 1),
        (LOOK, looks(minutes * 60.0, how.every)),
        (SCAN, if reads { scans } else { 0 }),
    ]);
    if is_there {
        calls.extend(SETTINGS.iter().map(|action| (*action, 1)));
    }
    if !how.keeps {
        // It is the drill's own, and it is gone.
        describes += 2;
        calls.extend([(DELETE, 1), (LIST_TABLES, pages)]);
    }
    calls.insert(DESCRIBE_TABLE, describes);
    (takes, Part { calls, quantities })
}

/// What all of it takes: `made` are the requests that the plan took, `each` those of each restore.
pub(crate) fn estimate(
    drills: &[Planned],
    usual: &Usual,
    how: &How<'_>,
    (made, prices): (BTreeMap<String, u64>, &Prices),
    each: &[Part],
) -> Estimate {
    let mut calls = made;
    // Priced together: a hundred restores of a thousandth of a cent are not a hundred times the least sum that is told.
    let mut by_region: BTreeMap<&str, Quantities> = BTreeMap::new();
    for (planned, part) in drills.iter().zip(each) {
        for (action, number) in part.calls.iter().filter(|(_, number)| **number > 0) {
            *calls.entry((*action).to_owned()).or_default() += number;
        }
        let sum = by_region.entry(&planned.region).or_default();
        *sum = added(*sum, part.quantities);
    }
    let usd = by_region
        .iter()
        .map(|(region, quantities)| prices.cost(region, *quantities).once_usd)
        .sum::<Option<f64>>();
    let sum = |of: &dyn Fn(&Planned) -> Option<f64>| drills.iter().map(of).sum::<Option<f64>>();
    Estimate {
        restored_bytes: drills.iter().map(|planned| planned.point.size_bytes).sum(),
        read_units: sum(&|planned| planned.takes.read_units).map(round),
        usd: usd.map(|usd| (usd * 10_000.0).round() / 10_000.0),
        minutes: total_minutes(drills, how.at_once).map(round),
        minutes_by: usual.words(),
        calls,
    }
}

/// Two quantities of restores together.
fn added(one: Quantities, other: Quantities) -> Quantities {
    let bytes = |one: Option<i64>, other: Option<i64>| match (one, other) {
        (None, None) => None,
        (one, other) => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
    };
    Quantities {
        restored: bytes(one.restored, other.restored),
        restored_cold: bytes(one.restored_cold, other.restored_cold),
        read_units: match (one.read_units, other.read_units) {
            (None, None) => None,
            (one, other) => Some(one.unwrap_or(0.0) + other.unwrap_or(0.0)),
        },
        is_unknown: one.is_unknown || other.is_unknown,
        ..Quantities::default()
    }
}

/// Minutes until the last is done, if each begins as soon as there is room.
fn total_minutes(drills: &[Planned], at_once: usize) -> Option<f64> {
    let mut free = vec![0.0_f64; at_once.clamp(1, drills.len().max(1))];
    for planned in drills {
        let earliest = free.iter_mut().min_by(|a, b| a.total_cmp(b))?;
        *earliest += planned.takes.minutes?;
    }
    free.into_iter().max_by(f64::total_cmp)
}

/// Estimates have no more digits than that, so that a plan that is read again is the same.
fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
