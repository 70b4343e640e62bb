//! Which point of which table is restored: read from AWS, and nothing is changed.

use std::collections::BTreeMap;

use aws_sdk_backup::operation::list_restore_jobs::ListRestoreJobsOutput;
use aws_sdk_backup::types::{RecoveryPointByBackupVault, RestoreJobsListMember};
use chrono::{DateTime, TimeDelta, Utc};

use super::ask;
use super::record::{Point, Source};
use crate::aws::call::Page;
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::collect::instant;
use crate::domain::TargetId;
use crate::problem::{count, one_line};
use crate::remediate::actions::ground::{DESCRIBE_TABLE, LIST_POINTS, created, is_usable, name_of, points_in, vaults};
use crate::remediate::restore::{self, DESCRIBE_POINT};
use crate::sample::key_of;

pub(super) const LIST_JOBS: &str = "backup:ListRestoreJobs";

/// Names of a page of dynamodb:ListTables.
const PAGE: usize = 100;

/// Which point of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Which {
    /// The newest that can be restored.
    Newest,
    /// The oldest.
    Oldest,
    /// One drawn by this seed.
    Random(String),
    /// This one, by its ARN.
    Named(String),
}

/// A table that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its ARN; none: that of the point that was named.
    pub(crate) table_arn: Option<String>,
    /// Where its points are looked for, and the new table is made.
    pub(crate) at: TargetId,
}

/// What is to be restored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    /// The table.
    pub(crate) source: Source,
    /// The point.
    pub(crate) point: Point,
    /// Bytes of the source as DynamoDB tells them, up to six hours old; for estimates only.
    pub(crate) source_bytes: Option<i64>,
    /// Its items, as old; for estimates only.
    pub(crate) source_items: Option<i64>,
    /// What is special about it, in words.
    pub(crate) notes: Vec<String>,
}

/// An account and Region where points are looked for.
#[derive(Debug)]
pub(crate) struct Place<'t> {
    /// Its clients.
    pub(crate) target: &'t Target,
    /// Names of its vaults, or why they cannot be listed.
    vaults: Result<Vec<String>, String>,
    /// How long restores took that AWS remembers here, in minutes.
    pub(crate) took: Vec<f64>,
    /// Pages that listing all of its tables takes; for estimates only.
    pub(crate) pages: u64,
}

impl<'t> Place<'t> {
    /// Looks around.
    ///
    /// API: backup:ListBackupVaults, backup:ListRestoreJobs, dynamodb:ListTables. Calls: 3 and more. Errors: of the first, kept for
    /// those who ask for points; of the others none, since they are for the estimate only.
    pub(crate) async fn look(target: &'t Target) -> Self {
        let listed = vaults(target).await;
        let vaults = listed.map(|vaults| {
            let names = vaults.iter().filter_map(|vault| vault.backup_vault_name());
            names.map(str::to_owned).collect()
        });
        let remembered = jobs(target, None).await.unwrap_or_default();
        let took = remembered.iter().filter_map(minutes).collect();
        let tables = ask::names(target, "").await.map_or(0, |names| names.len());
        Self {
            target,
            vaults: vaults.map_err(|failure| failure.of("backup:ListBackupVaults")),
            took,
            pages: tables.div_ceil(PAGE).max(1) as u64,
        }
    }
}

/// Restore jobs of tables that AWS remembers, begun since then.
///
/// API: backup:ListRestoreJobs, paged by 1,000. Calls: 1 for each page. Errors: AWS's refusal.
pub(super) async fn jobs(target: &Target, since: Option<DateTime<Utc>>) -> Result<Vec<RestoreJobsListMember>, Failure> {
    let send = |token| {
        let list = target.backup.list_restore_jobs().by_resource_type("DynamoDB");
        let since = since.map(|at| aws_sdk_backup::primitives::DateTime::from_secs(at.timestamp()));
        list.set_by_created_after(since)
            .max_results(1000)
            .set_next_token(token)
            .send()
    };
    fn page(page: &ListRestoreJobsOutput) -> Page<'_, RestoreJobsListMember> {
        (page.restore_jobs.as_ref(), page.next_token())
    }
    let mut jobs = Vec::new();
    let take = |listed: &[RestoreJobsListMember]| {
        let is_named = |job: &&RestoreJobsListMember| job.restore_job_id().is_some();
        jobs.extend(listed.iter().filter(is_named).cloned());
        Ok::<_, Failure>(listed.iter().filter(|job| !is_named(job)).count())
    };
    target.caller.list(LIST_JOBS, "", send, page, take).await?;
    Ok(jobs)
}

/// How long a job took that restored a table; none: it did not, or AWS does not say.
fn minutes(job: &RestoreJobsListMember) -> Option<f64> {
    let is_done = job.status().is_some_and(|status| status.as_str() == "COMPLETED");
    let took = instant(job.completion_date())? - instant(job.creation_date())?;
    (is_done && took >= TimeDelta::zero()).then(|| took.as_seconds_f64() / 60.0)
}

/// A table as its account tells of it.
#[derive(Debug, Clone, Default)]
struct Seen {
    is_there: Option<bool>,
    born: Option<DateTime<Utc>>,
    bytes: Option<i64>,
    items: Option<i64>,
}

/// API: dynamodb:DescribeTable. Calls: 1. Errors: AWS's refusal, in words.
async fn seen(target: &Target, table_arn: &str) -> Result<Seen, String> {
    let name = name_of(table_arn);
    let send = || target.dynamodb.describe_table().table_name(name).send();
    match target.caller.once(DESCRIBE_TABLE, name, send).await {
        Ok(answer) => {
            let table = answer
                .table
                .ok_or_else(|| format!("the answer to {DESCRIBE_TABLE} holds no table"))?;
            Ok(Seen {
                is_there: Some(true),
                born: instant(table.creation_date_time()),
                bytes: table.table_size_bytes(),
                items: table.item_count(),
            })
        }
        Err(failure) if failure.kind == FailureKind::Absent => Ok(Seen {
            is_there: Some(false),
            ..Seen::default()
        }),
        Err(failure) => Err(failure.of(DESCRIBE_TABLE)),
    }
}

/// Chooses the point of one table. `home`: the clients of the source's own account and Region; none: they cannot be had.
///
/// API: dynamodb:DescribeTable, backup:ListRecoveryPointsByBackupVault, backup:DescribeRecoveryPoint. Calls: 2, and 1 for each vault;
/// of a point by ARN 1 for each vault. Errors: why there is none to restore, in words.
pub(crate) async fn choose(
    place: &Place<'_>,
    home: Option<&Target>,
    wanted: &Wanted,
    which: &Which,
) -> Result<Chosen, String> {
    let mut notes = Vec::new();
    let mut point = match which {
        Which::Named(arn) => Some(named(place, arn).await?),
        _ => None,
    };
    let of_point = point.as_ref().and_then(|point| point.table_arn.clone());
    let table_arn = match (&wanted.table_arn, of_point) {
        (Some(asked), Some(found)) if *asked != found => {
            return Err(format!("the point that was named is of `{}`", one_line(&found)));
        }
        (Some(arn), _) => arn.clone(),
        (None, Some(arn)) => arn,
        (None, None) => return Err("AWS does not say of which table the point is".to_owned()),
    };
    let seen = match home {
        Some(home) => seen(home, &table_arn).await?,
        None => Seen::default(),
    };
    match seen.is_there {
        Some(true) => {}
        Some(false) => notes.push("the table is gone".to_owned()),
        None => notes.push("whether the table is still there is not known: its account cannot be reached".to_owned()),
    }
    if point.is_none() {
        let found = drawn(place, &table_arn, seen.born, which).await;
        let found = found.map_err(|why| match seen.is_there {
            Some(false) => format!("there is no such table, and {why}"),
            _ => why,
        })?;
        notes.extend(found.unread.map(|why| format!("not every vault could be read: {why}")));
        point = Some(found.point);
    }
    let point = point.ok_or_else(|| "it has no recovery point".to_owned())?;
    if !point.is_restorable() {
        return Err(format!(
            "recovery point `{}` cannot be restored: it is {}",
            one_line(&point.arn),
            one_line(&point.status)
        ));
    }
    if point.status == "EXPIRED" {
        notes.push("the point is past its retention, and AWS Backup could not delete it".to_owned());
    }
    if seen.born.zip(point.created_at).is_some_and(|(born, at)| at < born) {
        notes.push("the point holds an earlier table of this name".to_owned());
    }
    if point.is_cold {
        notes
            .push("the point lies in cold storage: its restore takes about four hours more, and costs more".to_owned());
    }
    Ok(Chosen {
        source: Source {
            table_arn,
            created_at: seen.born,
            is_there: seen.is_there,
        },
        point: Point {
            arn: point.arn,
            vault_name: point.vault_name,
            created_at: point.created_at,
            completed_at: point.completed_at,
            size_bytes: point.size_bytes,
            is_cold: point.is_cold,
        },
        source_bytes: seen.bytes,
        source_items: seen.items,
        notes,
    })
}

/// A point by its ARN: AWS Backup tells of one only beside the name of its vault.
async fn named(place: &Place<'_>, arn: &str) -> Result<restore::Point, String> {
    let mut unread = None;
    for vault in place.vaults.as_ref().map_err(Clone::clone)? {
        match restore::describe(place.target, vault, arn).await {
            Ok(point) => return Ok(point),
            Err(failure) if failure.kind == FailureKind::Absent => {}
            Err(failure) => {
                unread.get_or_insert(format!("vault `{}`: {}", one_line(vault), failure.of(DESCRIBE_POINT)));
            }
        }
    }
    let at = &place.target.id;
    Err(match unread {
        None => format!(
            "no vault of account {}, {} holds `{}`; a restore-access vault is a view of another account's, and is not looked into",
            at.account_id,
            at.region,
            one_line(arn)
        ),
        Some(why) => format!(
            "`{}` was not found, and not every vault could be read: {why}",
            one_line(arn)
        ),
    })
}

struct Drawn {
    point: restore::Point,
    /// A vault that could not be read, and why: it may hold a point that is meant.
    unread: Option<String>,
}

/// The point of a table that is meant, of this incarnation if the table is there.
async fn drawn(
    place: &Place<'_>,
    table_arn: &str,
    born: Option<DateTime<Utc>>,
    which: &Which,
) -> Result<Drawn, String> {
    let mut usable: BTreeMap<(DateTime<Utc>, String), String> = BTreeMap::new();
    let (mut unread, mut earlier) = (None, 0);
    let mut useless: BTreeMap<String, usize> = BTreeMap::new();
    for vault in place.vaults.as_ref().map_err(Clone::clone)? {
        let (points, read) = points_in(place.target, vault, table_arn).await;
        if let Err(failure) = read {
            unread.get_or_insert(format!("vault `{}`: {}", one_line(vault), failure.of(LIST_POINTS)));
        }
        for point in points {
            let Some((at, arn)) = created(&point).zip(point.recovery_point_arn()) else {
                continue;
            };
            match (is_usable(&point), born.is_some_and(|born| at < born)) {
                (false, _) => *useless.entry(state(&point)).or_default() += 1,
                (true, true) => earlier += 1,
                (true, false) => {
                    usable.insert((at, arn.to_owned()), vault.clone());
                }
            }
        }
    }
    let meant = match which {
        Which::Oldest => usable.first_key_value(),
        Which::Random(seed) => usable.iter().min_by_key(|((_, arn), _)| key_of(seed, arn)),
        Which::Newest | Which::Named(_) => usable.last_key_value(),
    };
    let Some(((_, arn), vault)) = meant else {
        return Err(match (unread, earlier) {
            (Some(why), _) => format!("no recovery point was seen, and not every vault could be read: {why}"),
            (None, 0) if useless.is_empty() => format!(
                "it has no recovery point in account {}, {}",
                place.target.id.account_id, place.target.id.region
            ),
            (None, 0) => {
                let states: Vec<String> = useless
                    .iter()
                    .map(|(state, number)| format!("{number} {state}"))
                    .collect();
                let number = useless.values().sum();
                format!(
                    "{} cannot be restored: {}",
                    count(number, "recovery point"),
                    states.join(", ")
                )
            }
            (None, earlier) => format!(
                "{} of an earlier table of this name: name one with `--point ARN` to restore that one",
                count(earlier, "recovery point")
            ),
        });
    };
    let point = restore::describe(place.target, vault, arn).await;
    Ok(Drawn {
        point: point.map_err(|failure| failure.of(DESCRIBE_POINT))?,
        unread,
    })
}

fn state(point: &RecoveryPointByBackupVault) -> String {
    let state = point.status().map_or("of an unknown state", |status| status.as_str());
    match state {
        "COMPLETED" | "AVAILABLE" => "kept until it is copied only".to_owned(),
        state => one_line(state),
    }
}
