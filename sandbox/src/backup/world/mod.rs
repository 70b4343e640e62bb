//! What the world file says of AWS Backup: vaults, plans with selections, settings, restore testing plans and events.
//!
//! In: the sections of the file, read key by key so that all mistakes are reported at once. Out: a [`Spec`], and from it the state
//! of AWS Backup at the start of history, with everything on the agenda that the plans and the file want to happen. Documents of
//! plans and selections are checked by the same code as those of API calls.

mod events;
mod read;

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value};

pub(crate) use self::read::read;
use super::engine::{Due, PlaceKey};
use super::happenings::{Happening, RestoreTest};
use super::plans;
use super::restore_testing::{self, TestingPlan};
use super::selections;
use super::state::{Failure, KeyKind, Lock, Missed, Selection, Tags, Vault, VaultKind};
use super::vaults::vault_arn;
use crate::cloud::{Cloud, DEFAULT_BACKUP_ROLE};

/// Vaults and plans that say nothing of their age are so much older than history.
const OLDER_DAYS: i64 = 200;

/// AWS Backup as the world file wants it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spec {
    pub(super) vaults: Vec<VaultSpec>,
    pub(super) plans: Vec<PlanSpec>,
    pub(super) settings: Vec<SettingsSpec>,
    pub(super) testing: Vec<TestingSpec>,
    pub(super) events: Vec<EventSpec>,
}

/// `[[vault]]`.
#[derive(Debug, Clone)]
pub(crate) struct VaultSpec {
    place: PlaceKey,
    name: String,
    kind: VaultKind,
    /// Name of a `[[key]]`.
    key: Option<String>,
    lock: Option<LockSpec>,
    policy: Option<String>,
    created_days_ago: Option<i64>,
    creator_request_id: Option<String>,
    tags: Tags,
}

#[derive(Debug, Clone)]
struct LockSpec {
    compliance: bool,
    date_days_from_now: f64,
    min_days: Option<i64>,
    max_days: Option<i64>,
}

/// `[[plan]]`.
#[derive(Debug, Clone)]
pub(crate) struct PlanSpec {
    place: PlaceKey,
    id: Option<String>,
    /// As `CreateBackupPlan` takes it.
    document: Map<String, Value>,
    created_days_ago: Option<i64>,
    deleted_days_ago: Option<i64>,
    tags: Tags,
    selections: Vec<SelectionSpec>,
}

#[derive(Debug, Clone)]
struct SelectionSpec {
    name: String,
    role: String,
    /// As `CreateBackupSelection` takes it.
    members: Map<String, Value>,
    created_days_ago: Option<i64>,
}

/// `[settings."<account>/<region>"]`.
#[derive(Debug, Clone)]
pub(crate) struct SettingsSpec {
    place: PlaceKey,
    opt_in: bool,
    advanced: bool,
}

/// `[[restore-testing-plan]]`.
#[derive(Debug, Clone)]
pub(crate) struct TestingSpec {
    place: PlaceKey,
    name: String,
    schedule: String,
    timezone: Option<String>,
    /// `RecoveryPointSelection` as `CreateRestoreTestingPlan` takes it.
    points: Map<String, Value>,
    /// Each as `CreateRestoreTestingSelection` takes it.
    selections: Vec<Map<String, Value>>,
}

/// `[[event]]`.
#[derive(Debug, Clone)]
pub(crate) struct EventSpec {
    place: PlaceKey,
    ago: Duration,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// At one moment.
    Once(Happening),
    /// A key, still by its name.
    Key { name: String, state: crate::kms::KeyState },
    /// Jobs that start in a span of time fail.
    Failures { until: Option<Duration>, failure: Failure },
    /// Runs in a span of time are missed.
    Missed { until: Duration, plan: String },
}

/// Stands for the world's partition until the cloud is built.
const PARTITION: &str = "{partition}";

/// The ARN of a role given by ARN, by path or by name.
fn role_arn(account: &str, role: &str) -> String {
    if role.starts_with("arn:") {
        role.to_owned()
    } else {
        format!("arn:{PARTITION}:iam::{account}:role/{role}")
    }
}

/// A text with the partition in its place.
fn located(cloud: &Cloud, text: &str) -> String {
    text.replace(PARTITION, &cloud.partition)
}

/// An event with the partition in its place.
fn located_happening(cloud: &Cloud, happening: &Happening) -> Happening {
    let mut happening = happening.clone();
    match &mut happening {
        Happening::BreakRole { role, message } => {
            *role = located(cloud, role);
            *message = located(cloud, message).into();
        }
        Happening::MendRole { role } => *role = located(cloud, role),
        Happening::Backup { role, .. } | Happening::RestoreTest(RestoreTest { role, .. }) => {
            *role = located(cloud, role).into();
        }
        _ => {}
    }
    happening
}

/// The role of selections and events that name none.
fn default_role() -> String {
    DEFAULT_BACKUP_ROLE.to_owned()
}

/// Puts everything in its place, as it was at the start of history, and plans what is to come.
pub(crate) fn apply(spec: &Spec, cloud: &mut Cloud, start: DateTime<Utc>, now: DateTime<Utc>) {
    for settings in &spec.settings {
        let state = &mut cloud.place_mut(&settings.place.0, &settings.place.1).backup;
        state.opt_in.insert("DynamoDB".to_owned(), settings.opt_in);
        state.management.insert("DynamoDB".to_owned(), settings.advanced);
    }
    let age = |days: Option<i64>| days.map_or(start - Duration::days(OLDER_DAYS), |days| now - Duration::days(days));
    for vault in &spec.vaults {
        install_vault(cloud, vault, age(vault.created_days_ago), now);
    }
    for testing in &spec.testing {
        install_testing(cloud, testing, start - Duration::days(OLDER_DAYS));
    }
    // Events first: what happens at the very hour of a plan's run has happened before it.
    for event in &spec.events {
        install_event(cloud, event, start, now);
    }
    for plan in &spec.plans {
        install_plan(cloud, plan, age(plan.created_days_ago), start, now);
    }
}

fn install_vault(cloud: &mut Cloud, spec: &VaultSpec, created: DateTime<Utc>, now: DateTime<Utc>) {
    let (account, region) = (&spec.place.0, &spec.place.1);
    let arn = vault_arn(cloud, account, region, &spec.name);
    let place = cloud.place_mut(account, region);
    let named = spec
        .key
        .as_ref()
        .and_then(|name| place.kms.find(&format!("alias/{name}")))
        .map(|key| key.arn.clone());
    let (key, key_kind) = match named {
        Some(arn) => {
            let kind = if place.kms.is_aws_managed(&arn) {
                KeyKind::Managed
            } else {
                KeyKind::Customer
            };
            (Some(Arc::from(arn)), kind)
        }
        None if spec.kind == VaultKind::AirGapped => (None, KeyKind::Owned),
        None => (Some(Arc::from(place.kms.managed_key("backup"))), KeyKind::Managed),
    };
    let lock = spec.lock.as_ref().map(|lock| Lock {
        min_days: lock.min_days,
        max_days: lock.max_days,
        date: lock.compliance.then(|| {
            if spec.kind == VaultKind::AirGapped {
                created
            } else {
                now + Duration::seconds((lock.date_days_from_now * 86_400.0) as i64)
            }
        }),
    });
    let vault = Vault {
        name: spec.name.as_str().into(),
        arn,
        kind: spec.kind,
        created,
        creator_request_id: spec.creator_request_id.clone(),
        key,
        key_kind,
        lock,
        policy: spec.policy.clone(),
        notifications: None,
        tags: spec.tags.clone(),
    };
    place.backup.vaults.insert(spec.name.clone(), vault);
}

fn install_testing(cloud: &mut Cloud, spec: &TestingSpec, created: DateTime<Utc>) {
    let (account, region) = (&spec.place.0, &spec.place.1);
    let id = cloud.ids.uuid();
    let arn = format!(
        "arn:{}:backup:{region}:{account}:restore-testing-plan:{}-{id}",
        cloud.partition, spec.name
    );
    let mut plan = TestingPlan::new(
        &spec.name,
        arn.into(),
        &spec.schedule,
        spec.timezone.as_deref(),
        created,
    );
    // All documents were checked when the file was read.
    let document = |document: &Map<String, Value>| -> Option<Map<String, Value>> {
        serde_json::from_str(&located(cloud, &Value::from(document.clone()).to_string())).ok()
    };
    if let Some(points) = document(&spec.points).and_then(|points| restore_testing::read_points(Some(&points)).ok()) {
        plan.points = points;
    }
    for selection in &spec.selections {
        let selection = document(selection).and_then(|sent| restore_testing::read_selection(&sent, created).ok());
        if let Some(selection) = selection {
            plan.selections.insert(selection.name.clone(), selection);
        }
    }
    cloud
        .place_mut(account, region)
        .backup
        .testing
        .insert(spec.name.clone(), plan);
}

fn install_plan(cloud: &mut Cloud, spec: &PlanSpec, created: DateTime<Utc>, start: DateTime<Utc>, now: DateTime<Utc>) {
    let id = spec.id.clone().unwrap_or_else(|| cloud.ids.uuid());
    // Both documents were checked when the file was read.
    let text = located(cloud, &Value::from(spec.document.clone()).to_string());
    let document = serde_json::from_str(&text)
        .ok()
        .and_then(|map| plans::read_document(&map, &mut cloud.ids).ok());
    let Some(document) = document else {
        return;
    };
    let mut plan = plans::new_plan(cloud, &spec.place, &id, document, created);
    plan.tags.clone_from(&spec.tags);
    for selection in &spec.selections {
        let text = located(cloud, &Value::from(selection.members.clone()).to_string());
        let criteria = serde_json::from_str(&text)
            .ok()
            .and_then(|map| selections::read_criteria(&map).ok());
        let Some(criteria) = criteria else {
            continue;
        };
        let id = cloud.ids.uuid();
        let new = Selection {
            id: id.clone(),
            name: selection.name.clone(),
            role: located(cloud, &role_arn(&spec.place.0, &selection.role)).into(),
            criteria: Arc::new(criteria),
            created: selection
                .created_days_ago
                .map_or(created, |days| now - Duration::days(days)),
            creator_request_id: None,
        };
        plan.selections.insert(id, new);
    }
    cloud
        .place_mut(&spec.place.0, &spec.place.1)
        .backup
        .plans
        .insert(id.clone(), plan);
    let key = Arc::new(spec.place.clone());
    plans::schedule(cloud, &key, &id, created.max(start));
    if let Some(days) = spec.deleted_days_ago {
        let at = (now - Duration::days(days)).max(start);
        cloud
            .backup
            .add(at, &key, Due::Happen(Arc::new(Happening::DeletePlan { id: id.into() })));
    }
}

fn install_event(cloud: &mut Cloud, spec: &EventSpec, start: DateTime<Utc>, now: DateTime<Utc>) {
    let at = (now - spec.ago).max(start);
    let key = Arc::new(spec.place.clone());
    if let What::Once(happening) = &spec.what {
        let happening = Arc::new(located_happening(cloud, happening));
        return cloud.backup.add(at, &key, Due::Happen(happening));
    }
    let place = cloud.place_mut(&spec.place.0, &spec.place.1);
    match &spec.what {
        What::Once(_) => {}
        What::Key { name, state } => {
            if let Some(found) = place.kms.find_mut(&format!("alias/{name}")) {
                found.change(at, *state);
            }
        }
        What::Failures { until, failure } => {
            let until = until.map(|ago| now - ago);
            place.backup.failures.push(Failure {
                from: at,
                until,
                ..failure.clone()
            });
        }
        What::Missed { until, plan } => {
            place.backup.missed.push(Missed {
                from: at,
                until: now - *until,
                plan: plan.clone(),
            });
        }
    }
}
