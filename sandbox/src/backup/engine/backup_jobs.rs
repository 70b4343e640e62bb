//! Backup jobs: from CREATED to their end.
//!
//! In: a job that may start, or that has run long enough. Out: a recovery point, or a job that failed with the text that AWS
//! Backup really gives. One job runs for a resource at a time; a second one waits inside its start window. An advanced backup is
//! protected by the vault's key and carries the table's tags; a native one is protected by the table's key and carries none.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::contents;
use super::messages::{KEY_UNUSABLE, TABLE_GONE};
use super::{copy_jobs, expiry};
use crate::backup::state::{
    BackupJob, BackupJobState, Due, KeyKind, PlaceKey, Point, PointId, PointStatus, Points, State, Tags, Vault,
    VaultKind, advanced_id, point_arn, policy, table_name,
};
use crate::cloud::{Cloud, Place};
use crate::dynamodb::state::Table;
use crate::iam::state::Work;

/// The text of a job whose resource was busy; the quotation marks are AWS's own.
const BUSY: &str = "\"Backup job failed because there was a running job for the same resource.\"";
const TOO_LATE: &str = "Backup job expired before completion.";
const OUT_OF_RANGE: &str = "Backup job failed because the lifecycle is outside the valid range for backup vault.";
const STOPPED: &str = "\"Backup job was stopped by user.\"";
/// `MessageCategory` of a success.
const SUCCESS: &str = "SUCCESS";
/// Recovery points carry so many tags at most; those of the rule come first.
const MAX_TAGS: usize = 50;
/// Tables are written to a vault at about this rate.
const BYTES_PER_SECOND: u64 = 80_000_000;

/// Why a job ends without a recovery point.
struct Ending {
    state: BackupJobState,
    message: Arc<str>,
    category: Arc<str>,
}

impl Ending {
    fn failed(message: impl Into<Arc<str>>, category: &str) -> Self {
        Self {
            state: BackupJobState::Failed,
            message: message.into(),
            category: category.into(),
        }
    }
}

/// A run's job appears, and starts.
pub(crate) fn make(cloud: &mut Cloud, key: &Arc<PlaceKey>, job: BackupJob, at: DateTime<Utc>) {
    if let Some(place) = cloud.places.get_mut(&**key) {
        let number = place.backup.backup_jobs.add(job);
        start(cloud, key, number, at);
    }
}

/// A job may start: it runs, waits, or ends at once.
pub(crate) fn start(cloud: &mut Cloud, key: &Arc<PlaceKey>, number: u64, at: DateTime<Utc>) {
    let powerless = powerless(cloud, key, number, at);
    let Some(place) = cloud.places.get_mut(&**key) else {
        return;
    };
    let Some(job) = place
        .backup
        .backup_jobs
        .get(number)
        .filter(|job| job.state == BackupJobState::Created)
    else {
        return;
    };
    if let Some(message) = powerless {
        return end(&mut place.backup, number, Ending::failed(message, "AccessDenied"), at);
    }
    if let Some(ending) = wished_failure(&place.backup, job, at) {
        return end(&mut place.backup, number, ending, at);
    }
    if let Some(until) = busy_until(&place.backup, job, at) {
        if until >= job.start_by {
            let (late, start_by) = (
                Ending {
                    state: BackupJobState::Expired,
                    message: BUSY.into(),
                    category: "EXPIRED".into(),
                },
                job.start_by,
            );
            return end(&mut place.backup, number, late, start_by.max(at));
        }
        return cloud.backup.add(until, key, Due::StartBackup(number));
    }
    match target(&cloud.partition, place, key, job, at) {
        Err(ending) => end(&mut place.backup, number, ending, at),
        Ok(target) => run(cloud, key, number, target, at),
    }
}

/// Why the role of a job cannot do it, as far as IAM knows.
fn powerless(cloud: &Cloud, key: &PlaceKey, number: u64, at: DateTime<Utc>) -> Option<String> {
    let job = cloud.places.get(key)?.backup.backup_jobs.get(number)?;
    cloud.written_trouble(&job.role, Work::Backup, &job.resource, at)
}

/// What the world wants to go wrong.
fn wished_failure(state: &State, job: &BackupJob, at: DateTime<Utc>) -> Option<Ending> {
    let table = table_name(&job.resource);
    let failure = state.failures.iter().find(|failure| {
        failure.from <= at && failure.until.is_none_or(|until| at < until) && policy::pattern(&failure.tables, table)
    })?;
    let category = match (&failure.category, failure.state) {
        (Some(category), _) => Arc::clone(category),
        (None, BackupJobState::Failed) => category_of(&failure.message).into(),
        (None, other) => other.name().into(),
    };
    Some(Ending {
        state: failure.state,
        message: Arc::clone(&failure.message),
        category,
    })
}

/// The category that goes with a message.
fn category_of(message: &str) -> &'static str {
    let lower = message.to_lowercase();
    if lower.contains("not authorized")
        || lower.contains("access denied")
        || lower.contains("assumed")
        || lower.contains("permission")
    {
        "AccessDenied"
    } else if lower.contains("kms key") {
        "KmsKeyError"
    } else if lower.contains("not found") || lower.contains("does not exist") {
        "ResourceNotFound"
    } else {
        "InternalError"
    }
}

/// When the job that is running for the same resource will be over.
fn busy_until(state: &State, job: &BackupJob, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let running = state.backup_jobs.get(*state.running.get(&job.resource)?)?;
    Some(running.completed.unwrap_or(at).max(at) + Duration::seconds(1))
}

/// Where the recovery point goes and by which key it is protected.
struct Target {
    vault: Arc<str>,
    advanced: bool,
    key: Option<Arc<str>>,
    key_kind: Option<KeyKind>,
    /// The air-gapped vault that was asked for could not be used.
    issues: bool,
}

/// Everything that has to be right before a backup runs.
fn target(
    partition: &str,
    place: &Place,
    key: &PlaceKey,
    job: &BackupJob,
    at: DateTime<Utc>,
) -> Result<Target, Ending> {
    if let Some(message) = place.backup.broken_roles.get(&*job.role) {
        return Err(Ending::failed(broken_role_message(message, job), "AccessDenied"));
    }
    let table = place
        .dynamodb
        .table(table_name(&job.resource))
        .filter(|table| table.created_at <= at)
        .ok_or_else(|| Ending::failed(TABLE_GONE, "ResourceNotFound"))?;
    let is_so_by_then = table.status_since.is_none_or(|since| since <= at);
    if is_so_by_then && !matches!(table.status.as_str(), "ACTIVE" | "UPDATING") {
        return Err(Ending::failed(
            format!(
                "Table {} is in the state {} and cannot be backed up.",
                table.name, table.status
            ),
            "InvalidState",
        ));
    }
    let advanced = place.backup.advanced();
    let vault = vault_of(partition, &place.backup, key, job, advanced)?;
    if vault
        .lock
        .as_ref()
        .is_some_and(|lock| !job.lifecycle.fits(lock.min_days, lock.max_days))
    {
        return Err(Ending::failed(OUT_OF_RANGE, "InvalidParameters"));
    }
    let usable = |arn: Option<&str>| arn.is_none_or(|arn| place.kms.is_usable(arn, at));
    let table_key = table.sse_key();
    if !usable(table_key) || (advanced && !usable(vault.key.as_deref())) {
        return Err(Ending::failed(KEY_UNUSABLE, "KmsKeyError"));
    }
    Ok(Target {
        vault: Arc::clone(&vault.name),
        advanced,
        key: vault.key.clone().filter(|_| advanced),
        key_kind: advanced.then_some(vault.key_kind),
        issues: job.air_gapped.is_some() && !advanced,
    })
}

/// The text of a broken role, with the job's table where the text names one.
fn broken_role_message(message: &str, job: &BackupJob) -> String {
    message.replace("{resource}", &job.resource)
}

/// The vault that the recovery point goes to: the air-gapped one if one is asked for and backups are advanced.
fn vault_of<'a>(
    partition: &str,
    state: &'a State,
    key: &PlaceKey,
    job: &BackupJob,
    advanced: bool,
) -> Result<&'a Vault, Ending> {
    let missing = |arn: &str| {
        Ending::failed(
            format!("\"Backup job failed because backup vault {arn} does not exist.\""),
            "ResourceNotFound",
        )
    };
    let air_gapped = job.air_gapped.as_deref().filter(|_| advanced);
    let ordinary = state.vaults.get(&*job.vault).ok_or_else(|| {
        missing(&format!(
            "arn:{partition}:backup:{}:{}:backup-vault:{}",
            key.1, key.0, job.vault
        ))
    })?;
    match air_gapped {
        None => Ok(ordinary),
        Some(arn) => state
            .vaults
            .values()
            .find(|vault| *vault.arn == *arn && vault.kind == VaultKind::AirGapped)
            .ok_or_else(|| missing(arn)),
    }
}

/// The job runs: the recovery point appears in the state CREATING.
fn run(cloud: &mut Cloud, key: &Arc<PlaceKey>, number: u64, target: Target, at: DateTime<Utc>) {
    let on_demand = Duration::seconds(cloud.settings.jobs.backup_seconds);
    let Some(place) = cloud.places.get_mut(&**key) else {
        return;
    };
    let Place { backup, dynamodb, .. } = place;
    let Some(job) = backup.backup_jobs.get_mut(number) else {
        return;
    };
    let Some(table) = dynamodb.table(table_name(&job.resource)) else {
        return;
    };
    let size = table.size_bytes();
    let takes = if job.on_demand { on_demand } else { duration(size) };
    let id = point_id(job, target.advanced, at);
    let lifecycle = if target.advanced {
        job.lifecycle
    } else {
        job.lifecycle.warm()
    };
    let arn = point_arn(&cloud.partition, key, id, &job.resource);
    let point = Point {
        id,
        arn: Arc::clone(&arn),
        vault: target.vault,
        resource: Arc::clone(&job.resource),
        created_by: job.created_by.clone(),
        role: Arc::clone(&job.role),
        status: PointStatus::Creating,
        message: None,
        created: at,
        initiated: job.created,
        completed: None,
        size,
        lifecycle,
        cold_at: lifecycle.cold_at(at),
        delete_at: lifecycle.delete_at(at),
        key: target.key,
        key_kind: target.key_kind,
        source_vault: None,
        last_restore: None,
        held: false,
        tags: tags_of(table, job, target.advanced, &backup.points),
        image: contents::backed_up(table, job.id),
    };
    job.state = BackupJobState::Running;
    job.initiated = Some(at);
    // Until the job is over this says when it will be.
    job.completed = Some((at + takes).min(job.complete_by));
    job.size = Some(size);
    job.point_arn = Some(arn);
    job.category = target.issues.then(|| "FeatureNotSupported".into());
    let end = job.completed.unwrap_or(at);
    job.point = Some(backup.points.add(point));
    backup.running.insert(Arc::clone(&job.resource), number);
    cloud.backup.add(end, key, Due::FinishBackup(number));
}

fn duration(size: u64) -> Duration {
    Duration::seconds(40 + i64::try_from(size / BYTES_PER_SECOND).unwrap_or(0))
}

/// The id of an advanced recovery point follows from its job's; that of a native one starts with its creation.
fn point_id(job: &BackupJob, advanced: bool, at: DateTime<Utc>) -> PointId {
    if advanced {
        PointId::Advanced(advanced_id(job.id))
    } else {
        PointId::Native(at.timestamp_millis(), (job.id >> 96) as u32)
    }
}

/// The tags of a recovery point: those of the rule, then those of the table. Equal tags of neighbouring points are shared.
fn tags_of(table: &Table, job: &BackupJob, advanced: bool, points: &Points) -> Arc<Tags> {
    if !advanced {
        return Arc::default();
    }
    if table.tags.is_empty() {
        return Arc::clone(&job.point_tags);
    }
    let before = points
        .of_resource(&job.resource)
        .and_then(|numbers| points.get(*numbers.last()?))
        .map(|point| &point.tags);
    if let Some(before) = before.filter(|before| job.point_tags.is_empty() && ***before == table.tags) {
        return Arc::clone(before);
    }
    let mut tags = (*job.point_tags).clone();
    for (name, value) in &table.tags {
        if tags.len() < MAX_TAGS && !tags.contains_key(name) {
            tags.insert(name.clone(), value.clone());
        }
    }
    match before.filter(|before| ***before == tags) {
        Some(before) => Arc::clone(before),
        None => Arc::new(tags),
    }
}

/// A job has run long enough.
pub(crate) fn finish(cloud: &mut Cloud, key: &Arc<PlaceKey>, number: u64, at: DateTime<Utc>) {
    let Some(place) = cloud.places.get_mut(&**key) else {
        return;
    };
    let state = &mut place.backup;
    let Some(job) = state
        .backup_jobs
        .get_mut(number)
        .filter(|job| job.state == BackupJobState::Running)
    else {
        return;
    };
    let too_long = !job.on_demand
        && job
            .initiated
            .is_some_and(|from| from + duration(job.size.unwrap_or(0)) > job.complete_by);
    if too_long {
        let ending = Ending {
            state: BackupJobState::Expired,
            message: TOO_LATE.into(),
            category: "EXPIRED".into(),
        };
        return end(state, number, ending, at);
    }
    job.state = BackupJobState::Completed;
    job.completed = Some(at);
    job.category = job.category.take().or_else(|| Some(SUCCESS.into()));
    let (resource, copies) = (Arc::clone(&job.resource), Arc::clone(&job.copies));
    let (job_id, point_number) = (job.id, job.point);
    state.running.remove(&resource);
    let Some((point_number, point)) = point_number.and_then(|n| state.points.get_mut(n).map(|point| (n, point))) else {
        return;
    };
    point.status = PointStatus::Completed;
    point.completed = Some(at);
    let (role, created_by) = (Arc::clone(&point.role), point.created_by.clone());
    expiry::schedule(&mut cloud.backup, key, point_number, point);
    for action in copies.iter() {
        let order = copy_jobs::Order {
            point: point_number,
            action: action.clone(),
            role: Arc::clone(&role),
            created_by: created_by.clone(),
            backup_job: Some(job_id),
        };
        copy_jobs::begin(cloud, key, order, at);
    }
}

/// A job that was told to stop has stopped.
pub(crate) fn abort(cloud: &mut Cloud, key: &PlaceKey, number: u64, at: DateTime<Utc>) {
    if let Some(place) = cloud.places.get_mut(key) {
        let aborting = place
            .backup
            .backup_jobs
            .get(number)
            .is_some_and(|job| job.state == BackupJobState::Aborting);
        if aborting {
            let ending = Ending {
                state: BackupJobState::Aborted,
                message: STOPPED.into(),
                category: "ABORTED".into(),
            };
            end(&mut place.backup, number, ending, at);
        }
    }
}

/// A job ends without a recovery point.
fn end(state: &mut State, number: u64, ending: Ending, at: DateTime<Utc>) {
    let Some(job) = state.backup_jobs.get_mut(number) else {
        return;
    };
    job.state = ending.state;
    job.message = Some(ending.message);
    job.category = Some(ending.category);
    job.completed = Some(at);
    job.point_arn = None;
    if let Some(point) = job.point.take() {
        state.points.remove(point);
    }
    if state.running.get(&job.resource) == Some(&number) {
        state.running.remove(&job.resource);
    }
}
