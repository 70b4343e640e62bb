//! Restore testing plans at work: at its hour a plan picks a recovery point of each resource that it takes, restores it inside its
//! start window, keeps the new table for its validation, and deletes it.
//!
//! In: a plan whose schedule fires, and what became of its jobs. Out: restore jobs with the plan's ARN, tables that carry the test's
//! tag, the states of validation and deletion. Nobody is told: EventBridge is not simulated.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use crate::backup::state::{
    DeletionStatus, Due, PlaceKey, Point, PointStatus, RestoreJob, RestoreKey, RestoreStatus, Schedule, State, TestRun,
    TestingPlan, TestingSelection, policy,
};
use crate::cloud::Cloud;
use crate::ids::{mix, scatter};

/// What the names of tested tables begin with.
pub(crate) const PREFIX: &str = "awsbackup-restore-test-";
/// The tag of tested tables: without it, AWS Backup does not delete them.
pub(crate) const TAG: &str = "awsbackup-restore-test";
/// So many tables are tested at once.
const MOST_AT_ONCE: usize = 40;
/// A job that finds no room tries again so much later.
const RETRY_MINUTES: i64 = 10;
/// How long the deletion of a table takes.
const DELETION_SECONDS: i64 = 60;
/// A start out of a wait takes so long.
const PENDING_SECONDS: i64 = 1;

/// Plans the next run of a plan, as it is now.
pub(crate) fn schedule(cloud: &mut Cloud, key: &Arc<PlaceKey>, name: &str, from: DateTime<Utc>) {
    let plan = cloud
        .places
        .get(&**key)
        .and_then(|place| place.backup.testing.get(name));
    let next = plan.and_then(|plan| {
        let schedule = Schedule::parse(Some(&plan.expression), Some(&plan.zone)).ok()?;
        Some((schedule.next_after(from)?, Arc::clone(&plan.arn), plan.version))
    });
    if let Some((at, arn, version)) = next {
        cloud.backup.add(
            at,
            key,
            Due::RunTesting {
                plan: name.to_owned(),
                arn,
                version,
            },
        );
    }
}

/// A plan's hour has come: a job for each resource of its selections, to be started at a moment of the start window.
pub(super) fn run(cloud: &mut Cloud, key: &Arc<PlaceKey>, (name, arn, version): (&str, &str, u64), at: DateTime<Utc>) {
    let Some(state) = cloud.places.get_mut(&**key).map(|place| &mut place.backup) else {
        return;
    };
    let Some(plan) = state
        .testing
        .get_mut(name)
        .filter(|plan| *plan.arn == *arn && plan.version == version)
    else {
        return;
    };
    plan.last_run = Some(at);
    let plan = plan.clone();
    schedule(cloud, key, name, at);
    let seed = cloud.ids.seed();
    let Some(state) = cloud.places.get(&**key).map(|place| &place.backup) else {
        return;
    };
    let window = Duration::hours(plan.start_hours);
    let mut runs = Vec::new();
    for selection in plan
        .selections
        .values()
        .filter(|selection| selection.resource_type == "DynamoDB")
    {
        for (resource, points) in eligible(state, &plan, selection, at) {
            let dice = scatter(&[&plan.name, resource, &seed.to_string(), &at.timestamp().to_string()]);
            let seconds = dice % u64::try_from(window.num_seconds()).unwrap_or(1).max(1);
            let start = at + Duration::seconds(i64::try_from(seconds).unwrap_or(0));
            let is_random = plan.points["Algorithm"] == "RANDOM_WITHIN_WINDOW";
            let chosen = if is_random {
                mix(dice) as usize % points.len()
            } else {
                points.len() - 1
            };
            let run = TestRun {
                plan: Arc::clone(&plan.arn),
                point: points[chosen],
                role: selection.role.as_str().into(),
                key: ordered_key(&selection.overrides),
                validation_hours: selection.validation_hours,
                start_by: at + window,
            };
            runs.push((start, run));
        }
    }
    for (start, run) in runs {
        cloud.backup.add(start, key, Due::StartTest(Box::new(run)));
    }
}

/// The resources that a selection takes, each with the numbers of its points that the plan may restore, oldest first.
fn eligible<'a>(
    state: &'a State,
    plan: &'a TestingPlan,
    selection: &'a TestingSelection,
    at: DateTime<Utc>,
) -> impl Iterator<Item = (&'a Arc<str>, Vec<u64>)> {
    let since = at - Duration::days(plan.points["SelectionWindowDays"].as_i64().unwrap_or(30));
    let has_snapshots = plan.points["RecoveryPointTypes"]
        .as_array()
        .is_some_and(|types| types.iter().any(|kind| kind == "SNAPSHOT"));
    let admits = move |point: &Point| {
        let vault = state.vaults.get(&*point.vault).map_or("", |vault| &*vault.arn);
        let is_in = |member: &str| {
            let patterns = plan.points[member].as_array().into_iter().flatten();
            patterns
                .filter_map(Value::as_str)
                .any(|pattern| policy::pattern(pattern, vault))
        };
        has_snapshots
            && point.status == PointStatus::Completed
            && point.created <= at
            && point.created >= since
            && is_in("IncludeVaults")
            && !is_in("ExcludeVaults")
    };
    state.points.resources().iter().filter_map(move |(resource, numbers)| {
        let points = numbers
            .iter()
            .filter_map(|number| Some((*number, state.points.get(*number)?)));
        let mut points: Vec<(u64, &Point)> = points.filter(|(_, point)| admits(point)).collect();
        points.sort_by_key(|(number, point)| (point.created, *number));
        let (_, newest) = points.last()?;
        let numbers = points.iter().map(|(number, _)| *number).collect();
        takes(selection, resource, newest).then_some((resource, numbers))
    })
}

/// Whether a selection takes a resource: by its ARN, and by the tags of its newest recovery point.
fn takes(selection: &TestingSelection, resource: &str, newest: &Point) -> bool {
    let arns = selection.arns.as_array();
    let is_named = arns.is_some_and(|arns| arns.iter().any(|arn| arn == "*" || *arn == *resource));
    let conditions = |operator: &str| selection.conditions[operator].as_array().into_iter().flatten();
    let holds = |condition: &Value| {
        let key = condition["Key"].as_str().unwrap_or_default();
        let tag = newest.tags.get(key.strip_prefix("aws:ResourceTag/").unwrap_or(key));
        tag.map(String::as_str) == condition["Value"].as_str()
    };
    is_named && conditions("StringEquals").all(holds) && !conditions("StringNotEquals").any(holds)
}

/// The key that a selection orders: the AWS-owned one unless its metadata says otherwise.
fn ordered_key(overrides: &Value) -> RestoreKey {
    let members = overrides.as_object().into_iter().flatten();
    let value = |wanted: &str| {
        let mut members = members.clone();
        members
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .and_then(|(_, value)| value.as_str())
    };
    match (value("encryptionType"), value("kmsMasterKeyArn")) {
        (_, Some(arn)) => RestoreKey::Customer(arn.into()),
        (Some("KMS"), None) => RestoreKey::Managed,
        _ => RestoreKey::Owned,
    }
}

/// A test may start: its restore job appears. Where 40 are under way it waits, and fails when its start window ends.
pub(super) fn start(cloud: &mut Cloud, key: &Arc<PlaceKey>, run: &TestRun, at: DateTime<Utc>) {
    let pending = Duration::seconds(PENDING_SECONDS);
    let ids = cloud.ids.fresh();
    let seconds = cloud.settings.jobs.restore_seconds;
    let Some(state) = cloud.places.get_mut(&**key).map(|place| &mut place.backup) else {
        return;
    };
    let Some(point) = state
        .points
        .get(run.point)
        .filter(|point| point.status == PointStatus::Completed)
    else {
        return;
    };
    let Some(vault) = state.vaults.get(&*point.vault) else {
        return;
    };
    let under_way = state
        .restore_jobs
        .newest_first()
        .filter(|job| job.test.is_some() && !is_over(job));
    let has_room = under_way.count() < MOST_AT_ONCE;
    let again = at + Duration::minutes(RETRY_MINUTES);
    if !has_room && again < run.start_by {
        return cloud.backup.add(again, key, Due::StartTest(Box::new(run.clone())));
    }
    let due = at + point.restore_time(seconds, at).max(pending);
    let job = RestoreJob {
        id: ids,
        point: run.point,
        point_arn: Arc::clone(&point.arn),
        point_created: point.created,
        vault_arn: Arc::clone(&vault.arn),
        source: Arc::clone(&point.resource),
        target: format!("{PREFIX}{:x}", ids >> 64),
        key: run.key.clone(),
        role: Some(Arc::clone(&run.role)),
        copies_tags: false,
        created: at,
        due,
        completed: (!has_room).then_some(run.start_by),
        status: if has_room {
            RestoreStatus::Pending
        } else {
            RestoreStatus::Failed
        },
        message: (!has_room)
            .then(|| "The restore job did not start within the start window of the restore testing plan.".into()),
        created_resource: None,
        table_id: None,
        size: point.size,
        testing_plan: Some(Arc::clone(&run.plan)),
        test: Some(run.validation_hours),
        validation: None,
        deletion: None,
        deletion_message: None,
    };
    let number = state.restore_jobs.add(job);
    if has_room {
        cloud.backup.add(at + pending, key, Due::StartRestore(number));
        cloud.backup.add(due, key, Due::FinishRestore(number));
    }
}

fn is_over(job: &RestoreJob) -> bool {
    matches!(job.status, RestoreStatus::Completed | RestoreStatus::Failed)
}

fn job<'a>(cloud: &'a mut Cloud, key: &PlaceKey, number: u64) -> Option<&'a mut RestoreJob> {
    cloud.places.get_mut(key)?.backup.restore_jobs.get_mut(number)
}

/// A restore job is done: a tested table gets its tag and waits for a verdict, or goes at once.
pub(super) fn restored(cloud: &mut Cloud, key: &Arc<PlaceKey>, number: u64, at: DateTime<Utc>) {
    let Some((hours, target)) = job(cloud, key, number).and_then(|job| Some((job.test?, job.target.clone()))) else {
        return;
    };
    let table = cloud
        .places
        .get_mut(&**key)
        .and_then(|place| place.dynamodb.table_mut(&target));
    if let Some(table) = table {
        table.set_tags([(TAG.to_owned(), String::new())]);
    }
    if hours == 0 {
        return delete(cloud, key, number, at);
    }
    if let Some(job) = job(cloud, key, number) {
        job.validation = Some(("VALIDATING".to_owned(), None));
        let end = at + Duration::hours(hours);
        cloud.backup.add(end, key, Due::EndValidation(number));
    }
}

/// The time for a verdict is over.
pub(super) fn end_validation(cloud: &mut Cloud, key: &Arc<PlaceKey>, number: u64, at: DateTime<Utc>) {
    if let Some(job) = job(cloud, key, number)
        && job
            .validation
            .as_ref()
            .is_some_and(|(status, _)| status == "VALIDATING")
    {
        job.validation = Some(("TIMED_OUT".to_owned(), None));
    }
    delete(cloud, key, number, at);
}

/// The verdict is there or its time is over: the table of a test goes, unless somebody took its tag or protected it.
pub(crate) fn delete(cloud: &mut Cloud, key: &Arc<PlaceKey>, number: u64, at: DateTime<Utc>) {
    let Some(place) = cloud.places.get_mut(&**key) else {
        return;
    };
    let Some(job) = place
        .backup
        .restore_jobs
        .get_mut(number)
        .filter(|job| job.test.is_some() && job.deletion.is_none())
    else {
        return;
    };
    let table = place
        .dynamodb
        .table_mut(&job.target)
        .filter(|table| Some(&table.id) == job.table_id.as_ref());
    match table {
        None => job.deletion = Some(DeletionStatus::Successful),
        Some(table) if !table.tags.contains_key(TAG) => {}
        Some(table) if table.deletion_protection => {
            job.deletion = Some(DeletionStatus::Failed);
            job.deletion_message =
                Some("Resource cannot be deleted as it is currently protected against deletion.".into());
        }
        Some(table) => {
            job.deletion = Some(DeletionStatus::Deleting);
            table.status = "DELETING".to_owned();
            let end = at + Duration::seconds(DELETION_SECONDS);
            cloud.backup.add(end, key, Due::EndTest(number));
        }
    }
}

/// The deletion of a tested table has taken its time.
pub(super) fn end(cloud: &mut Cloud, key: &PlaceKey, number: u64) {
    let Some(place) = cloud.places.get_mut(key) else {
        return;
    };
    let Some(job) = place.backup.restore_jobs.get_mut(number) else {
        return;
    };
    job.deletion = Some(DeletionStatus::Successful);
    if place
        .dynamodb
        .table(&job.target)
        .is_some_and(|table| Some(&table.id) == job.table_id.as_ref())
    {
        place.dynamodb.remove(&job.target);
    }
}
