//! Recovery points that jobs of the last 30 days made, that should still live, and that are not there.
//!
//! A job and its point have one date and one vault, so most jobs find their point in the table's own list. Of those that
//! do not, and whose point is not over, the ARN is looked for among all points: a second reading of both frames, which a
//! sound account does without.

use std::collections::HashMap;

use chrono::DateTime;

use super::index::Index;
use super::index::vaults::VaultState;
use super::jobs::{Jobs, Made};
use super::plans::membership::Memberships;
use super::recovery_point::all_but;
use super::table_points::TablePoints;
use super::time::seconds;
use super::words::names;
use crate::criteria::values::PolicyValues;
use crate::dictionary::Text;
use crate::domain::FactValue;
use crate::inventory::Inventory;
use crate::inventory::schema::{BackupJob, RecoveryPoint, Row as _};
use crate::problem::Problem;

const DAY: u32 = 86_400;

/// A point whose life ends within a day is not missed: AWS Backup deletes within hours of the end.
const GRACE: u32 = DAY;

/// How many are named.
const NAMED: usize = 3;

/// The points of all tables that are not there, in order of the row of their table.
pub(super) struct EarlyDeletions(Vec<Missing>);

/// A point that a job made and that is not there.
struct Missing {
    row: u32,
    /// When its job was created, in seconds since 1970.
    at: u32,
    vault: String,
    job_id: String,
    /// The vault was read whole, so the point is gone for certain.
    is_gone: bool,
    life: Life,
}

/// How long a point is to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Until this second since 1970, by the plan that made it or by the points of the same rule that are there.
    Until(u32),
    /// Nobody knows any more: as long as the policy asks.
    ByPolicy,
    /// The plan that knows it, or a vault, could not be read.
    Open,
}

/// What is missing of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeletedEarly {
    count_sure: Option<i64>,
    count_at_most: Option<i64>,
    names: Option<Text>,
}

impl DeletedEarly {
    /// What these and other ones say between them.
    #[must_use]
    pub(super) fn or(self, other: &Self) -> Self {
        let both = |mine: Option<i64>, theirs: Option<i64>, pick: fn(i64, i64) -> i64| {
            mine.zip(theirs).map(|(mine, theirs)| pick(mine, theirs))
        };
        let fewer = if self.count_sure <= other.count_sure {
            &self
        } else {
            other
        };
        Self {
            names: fewer.names.clone(),
            count_sure: both(self.count_sure, other.count_sure, i64::min),
            count_at_most: both(self.count_at_most, other.count_at_most, i64::max),
        }
    }

    /// By name.
    pub(super) fn values(&self) -> [(&'static str, FactValue); 4] {
        let number = |number: Option<i64>| number.map_or(FactValue::OPEN, FactValue::Int);
        let count = self.count_sure.filter(|_| self.count_sure == self.count_at_most);
        [
            ("points_deleted_early_count", number(count)),
            ("points_deleted_early_count_sure", number(self.count_sure)),
            ("points_deleted_early_count_at_most", number(self.count_at_most)),
            (
                "points_deleted_early",
                self.names.clone().map_or(FactValue::OPEN, FactValue::Text),
            ),
        ]
    }
}

impl EarlyDeletions {
    /// Errors: a frame of the inventory is damaged.
    pub(super) fn read(
        inventory: &Inventory,
        index: &Index,
        points: &TablePoints,
        jobs: &Jobs,
        memberships: &Memberships,
    ) -> Result<Self, Problem> {
        let mut missed: HashMap<(u32, u32), Vec<(Made<'_>, Life)>> = HashMap::new();
        for row in 0..index.tables.len() {
            let number = u32::try_from(row).unwrap_or(u32::MAX);
            for made in unmatched(row, points, jobs) {
                let life = life(row, &made, index, points, memberships);
                if is_missed(life, index) {
                    missed.entry((number, made.at)).or_default().push((made, life));
                }
            }
        }
        let mut missing = Vec::new();
        if missed.is_empty() {
            return Ok(Self(missing));
        }
        let mut by_arn: HashMap<String, Vec<usize>> = HashMap::new();
        inventory.for_each_row::<BackupJob>(&[], |job| {
            let row = job.resource_arn.and_then(|arn| index.rows.get(arn));
            let (Some(row), Some(at), Some("COMPLETED")) = (row, job.created_at.map(seconds), job.state) else {
                return;
            };
            let mut of_then = missed.get(&(row, at)).into_iter().flatten();
            let is_it = |(made, _): &&(Made<'_>, Life)| {
                let is = |known: Option<&str>, said: Option<&str>| known.is_none() || known == said;
                is(made.plan_id, job.created_by_plan_id) && is(made.rule_id, job.created_by_rule_id)
            };
            let Some((_, life)) = of_then.find(is_it) else {
                return;
            };
            let arn = job.recovery_point_arn;
            if let Some(arn) = arn {
                by_arn.entry(arn.to_owned()).or_default().push(missing.len());
            }
            missing.push(Missing {
                row,
                at,
                vault: job.vault_name.unwrap_or("unknown").to_owned(),
                job_id: job.job_id.to_owned(),
                is_gone: arn.is_some() && is_read_whole(row as usize, job.vault_name, index),
                life: *life,
            });
        })?;
        let mut is_there = vec![false; missing.len()];
        let unread = all_but(&["recovery_point_arn", "status"]);
        inventory.each_batch(RecoveryPoint::FRAME, &unread, |frame| {
            let arns = frame.column("recovery_point_arn")?.str()?.iter();
            let statuses = frame.column("status")?.str()?.iter();
            for (arn, status) in arns.zip(statuses) {
                let found = arn.and_then(|arn| by_arn.get(arn));
                for place in found.into_iter().flatten() {
                    is_there[*place] |= status != Some("DELETING");
                }
            }
            Ok(())
        })?;
        let mut is_there = is_there.into_iter();
        missing.retain(|_| is_there.next() == Some(false));
        missing.sort_by(|a, b| (a.row, a.at, &a.job_id).cmp(&(b.row, b.at, &b.job_id)));
        Ok(Self(missing))
    }

    /// What is missing of the table of a row, by these values of the policy.
    pub(super) fn compare(&self, row: usize, jobs: &Jobs, values: &PolicyValues, index: &Index) -> DeletedEarly {
        if index.tables[row].created_at.is_none() {
            return DeletedEarly::default();
        }
        let start = self.0.partition_point(|missing| (missing.row as usize) < row);
        let of_row = self.0[start..].iter().take_while(|missing| missing.row as usize == row);
        let wanted = i64::from(DAY).saturating_mul(values.retention_min_days);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        let is_early = |missing: &&Missing| match missing.life {
            Life::ByPolicy => is_missed(Life::Until(missing.at.saturating_add(wanted)), index),
            Life::Until(_) | Life::Open => true,
        };
        let early: Vec<&Missing> = of_row.filter(is_early).collect();
        let is_sure = |missing: &&&Missing| missing.is_gone && missing.life != Life::Open;
        let sure: Vec<&&Missing> = early.iter().filter(is_sure).collect();
        let count = |number: usize| i64::try_from(number).ok();
        DeletedEarly {
            count_sure: count(sure.len()),
            count_at_most: count(early.len()).filter(|_| jobs.is_whole(row)),
            names: Some(named(&sure)),
        }
    }
}

/// The first of them, by date, vault and job.
fn named(missing: &[&&Missing]) -> Text {
    let one = |missing: &&&Missing| {
        let at = DateTime::from_timestamp(i64::from(missing.at), 0).unwrap_or_default();
        let at = at.format("%Y-%m-%d %H:%M");
        format!("of {at} in vault `{}` (job {})", missing.vault, missing.job_id)
    };
    let mut texts: Vec<String> = missing.iter().take(NAMED).map(one).collect();
    if missing.len() > NAMED {
        texts.push(format!("and {} more", missing.len() - NAMED));
    }
    names(texts.iter().map(String::as_str))
}

/// Jobs without a point of their date and vault. Where one is lacking, which of several is left open.
fn unmatched<'j>(row: usize, points: &TablePoints, jobs: &'j Jobs) -> Vec<Made<'j>> {
    let mut made: Vec<Made<'_>> = jobs.made(row).collect();
    if made.is_empty() {
        return made;
    }
    made.sort_by_key(|made| (made.at, made.vault));
    let mut there: Vec<(u32, Option<u32>)> = points.made(row).map(|(kind, at)| (at, kind.vault)).collect();
    there.sort_unstable();
    let mut there = there.into_iter().peekable();
    made.retain(|made| {
        let wanted = (made.at, made.vault);
        while there.next_if(|point| *point < wanted).is_some() {}
        there.next_if_eq(&wanted).is_none()
    });
    made
}

/// How long the point of a job is to live.
fn life(row: usize, made: &Made<'_>, index: &Index, points: &TablePoints, memberships: &Memberships) -> Life {
    if let Some(end) = made.kept_until {
        return Life::Until(end);
    }
    let place = index.target_place(row);
    let is_plan_read = made
        .plan_id
        .is_none_or(|plan| memberships.is_plan_read(place, plan, index));
    if !is_plan_read || !points.is_whole(row) {
        return Life::Open;
    }
    // The plan has changed since. The point of the same rule that was made next to it says how it was then.
    let alike = points.made(row).filter(|(kind, _)| {
        made.rule_id.is_some() && kind.rule_id.as_deref() == made.rule_id && kind.plan_id.as_deref() == made.plan_id
    });
    let next = alike
        .filter_map(|(kind, at)| Some((at, kind.retention.days()?)))
        .min_by_key(|(at, days)| (at.abs_diff(made.at), *days));
    match next {
        Some((_, days)) => Life::Until(
            made.at
                .saturating_add(u32::try_from(days).unwrap_or(u32::MAX).saturating_mul(DAY)),
        ),
        None => Life::ByPolicy,
    }
}

/// Should the point still be there?
fn is_missed(life: Life, index: &Index) -> bool {
    match life {
        Life::Until(end) => end > seconds(index.as_of).saturating_add(GRACE),
        Life::ByPolicy | Life::Open => true,
    }
}

/// Was everything read of the vault that a job of the table wrote to? A rule may name an air-gapped vault beside it, where the
/// point lies then.
fn is_read_whole(row: usize, vault_name: Option<&str>, index: &Index) -> bool {
    let place = index.target_place(row);
    let table = &index.tables[row];
    let vault = vault_name.and_then(|name| index.vault_place(&table.account_id, &table.region, name));
    let Some(vault) = vault.map(|vault| &index.vaults[vault as usize]) else {
        return index.has_whole_points(place);
    };
    let may_hold_it = |other: &VaultState| {
        let is_ordinary = !other.is_of_unknown_type && !other.is_air_gapped;
        !other.points_whole && !is_ordinary
    };
    let mut others = index.vaults_of(&table.account_id, &table.region).iter();
    vault.points_whole && index.is_whole(place, "backup:ListBackupVaults", "") && !others.any(may_hold_it)
}
