//! Everything that the simulated AWS holds, as JSON: for tests that compare one sandbox with another, or before with after.
//!
//! In: the cloud. Out: the same bytes for the same state. Things are named by their names; what two runs that did the same would
//! give other values (ids, instants, idempotency tokens, old versions of plans) stands only in the full form. Items of tables,
//! objects and findings are given as digests or counts.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::backup::state::{self as backup, Lifecycle, Lock, Plan, Point, TestingPlan, Vault, table_name};
use crate::cloud::{Cloud, DEFAULT_BACKUP_ROLE, Place};
use crate::dynamodb::state::Table;
use crate::iam::state::Role;

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// All of it.
    Full,
    /// Without what differs between two runs that did the same.
    Comparable,
}

impl Form {
    /// An object, with what only the full form has.
    fn with(self, shared: Value, own: Value) -> Value {
        match (shared, own, self) {
            (Value::Object(mut shared), Value::Object(own), Self::Full) => {
                shared.extend(own);
                shared.into()
            }
            (shared, _, _) => shared,
        }
    }

    /// A list whose order means nothing.
    fn unordered(self, mut list: Vec<Value>) -> Value {
        if self == Self::Comparable {
            list.sort_by_cached_key(|value| sorted(value.clone()).to_string());
        }
        list.into()
    }
}

/// The whole state.
pub(crate) fn dump(cloud: &Cloud, form: Form) -> Value {
    let accounts: Map<String, Value> = cloud
        .accounts
        .keys()
        .map(|id| (id.clone(), json!({ "roles": roles(cloud, id, form) })))
        .collect();
    let places: Map<String, Value> = cloud
        .places
        .iter()
        .map(|((account, region), here)| (format!("{account}/{region}"), place(here, cloud.now(), form)))
        .collect();
    let buckets: Map<String, Value> = cloud
        .s3
        .buckets
        .iter()
        .map(|(name, bucket)| (name.clone(), self::bucket(bucket, form)))
        .collect();
    let shared = json!({
        "accounts": accounts,
        "places": places,
        "buckets": buckets,
        "organization": {
            "management-account": cloud.organization.management_account,
            "cross-account-backup": cloud.organization.cross_account_backup,
        },
    });
    sorted(form.with(shared, json!({ "now": at(cloud.now()) })))
}

/// The same value with the members of each object in order: clients send theirs in any.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members.into_iter().collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            members
                .into_iter()
                .map(|(name, value)| (name, sorted(value)))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(list) => list.into_iter().map(sorted).collect(),
        other => other,
    }
}

fn at(time: DateTime<Utc>) -> Value {
    time.to_rfc3339_opts(SecondsFormat::Millis, true).into()
}

fn maybe_at(time: Option<DateTime<Utc>>) -> Value {
    time.map_or(Value::Null, at)
}

/// The roles that IAM knows of an account, by path and name.
fn roles(cloud: &Cloud, account: &str, form: Form) -> Map<String, Value> {
    let written = cloud.iam.of_account(account).map(|role| role.name.clone());
    let listed = cloud.accounts.get(account).and_then(|account| account.roles.clone());
    let others = listed.into_iter().flatten().chain([DEFAULT_BACKUP_ROLE.to_owned()]);
    let names = written.chain(others.map(|path| path.rsplit('/').next().unwrap_or(&path).to_owned()));
    names
        .filter_map(|name| cloud.iam_role(account, &name))
        .map(|found| (found.full_path(), role(&found, form)))
        .collect()
}

fn role(role: &Role, form: Form) -> Value {
    let trust: Value = serde_json::from_str(&role.trust).unwrap_or_default();
    let mut policies: Vec<&str> = role.policies.iter().map(|policy| policy.arn.as_str()).collect();
    policies.sort_unstable();
    let shared = json!({
        "trust": trust,
        "policies": policies,
        "tags": role.tags,
        "description": role.description,
        "max-session-seconds": role.max_session_seconds,
    });
    form.with(shared, json!({ "id": role.id, "created-at": at(role.created) }))
}

fn place(place: &Place, now: DateTime<Utc>, form: Form) -> Value {
    let tables: Map<String, Value> = place
        .dynamodb
        .tables()
        .map(|found| (found.name.clone(), table(found, form)))
        .collect();
    let aliases = |id: &str| -> Vec<&String> {
        let of = place.kms.aliases.iter().filter(|(_, key)| *key == id);
        of.map(|(alias, _)| alias).collect()
    };
    let keys = place.kms.keys.values().map(|key| {
        let shared = json!({ "aliases": aliases(&key.id), "state": key.state(now).name(), "spec": key.spec.name() });
        form.with(shared, json!({ "arn": key.arn }))
    });
    json!({
        "tables": tables,
        "keys": form.unordered(keys.collect()),
        "findings": place.securityhub.findings.len(),
        "backup": backup(&place.backup, now, form),
    })
}

fn table(table: &Table, form: Form) -> Value {
    let mut digest = Sha256::new();
    for (key, item) in table.items().iter() {
        digest.update(key);
        digest.update(sorted(item.members().clone().into()).to_string());
    }
    let shared = json!({
        "status": table.status,
        "key-schema": table.schema.key_schema,
        "attributes": table.schema.attributes,
        "global-indexes": table.schema.global_indexes,
        "local-indexes": table.schema.local_indexes,
        "items": table.item_count(),
        "items-sha256": hex(&digest.finalize()),
        "bytes": table.size_bytes(),
        "tags": table.tags,
        "on-demand": table.billing.on_demand,
        "capacity": [table.billing.read_units, table.billing.write_units],
        "class": table.class,
        "replicas": table.replicas,
        "key": table.sse_key(),
        "deletion-protection": table.deletion_protection,
        "pitr-days": table.pitr.map(|pitr| pitr.days),
        "ttl": table.ttl,
        "stream": table.stream,
    });
    let own = json!({
        "id": table.id,
        "created-at": at(table.created_at),
        "pitr-enabled-at": maybe_at(table.pitr.map(|pitr| pitr.enabled_at)),
    });
    form.with(shared, own)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn backup(state: &backup::State, now: DateTime<Utc>, form: Form) -> Value {
    let vaults: Map<String, Value> = state
        .vaults
        .iter()
        .map(|(name, found)| (name.clone(), vault(found, now, form)))
        .collect();
    let (dead, live): (Vec<&Plan>, Vec<&Plan>) = state.plans.values().partition(|plan| plan.deleted.is_some());
    let plans: Vec<Value> = live.into_iter().map(|found| plan(found, form)).collect();
    let testing: Map<String, Value> = state
        .testing
        .iter()
        .map(|(name, found)| (name.clone(), testing(found, form)))
        .collect();
    let shared = json!({
        "opt-in": state.opt_in,
        "management": state.management,
        "incremental": state.incremental,
        "vaults": vaults,
        "plans": form.unordered(plans),
        "recovery-points": form.unordered(state.points.iter().map(|(_, found)| point(found, form)).collect()),
        "restore-testing-plans": testing,
        "backup-jobs": form.unordered(state.backup_jobs.newest_first().map(|job| backup_job(job, form)).collect()),
        "copy-jobs": form.unordered(state.copy_jobs.newest_first().map(|job| copy_job(job, form)).collect()),
        "restore-jobs": form.unordered(state.restore_jobs.newest_first().map(|job| restore_job(job, form)).collect()),
    });
    let dead: Vec<Value> = dead.into_iter().map(|found| plan(found, form)).collect();
    form.with(shared, json!({ "deleted-plans": dead }))
}

fn lifecycle(lifecycle: &Lifecycle) -> Value {
    json!({ "cold-after-days": lifecycle.cold(), "delete-after-days": lifecycle.delete() })
}

fn lock(lock: &Lock, now: DateTime<Utc>, form: Form) -> Value {
    let shared = json!({
        "mode": if lock.date.is_some() { "compliance" } else { "governance" },
        "min-days": lock.min_days,
        "max-days": lock.max_days,
        "grace-days": lock.date.map(|date| ((date - now).num_seconds().max(0) + 43_200) / 86_400),
    });
    form.with(shared, json!({ "lock-at": maybe_at(lock.date) }))
}

fn vault(vault: &Vault, now: DateTime<Utc>, form: Form) -> Value {
    let policy: Option<Value> = vault.policy.as_ref().and_then(|text| serde_json::from_str(text).ok());
    let notifications = vault
        .notifications
        .as_ref()
        .map(|found| json!({ "topic": found.topic, "events": found.events }));
    let shared = json!({
        "type": vault.kind.name(),
        "key": vault.key.as_deref(),
        "lock": vault.lock.as_ref().map(|found| lock(found, now, form)),
        "policy": policy,
        "notifications": notifications,
        "tags": vault.tags,
    });
    let own = json!({ "created-at": at(vault.created), "creator-request-id": vault.creator_request_id });
    form.with(shared, own)
}

fn plan(plan: &Plan, form: Form) -> Value {
    let document = plan.document();
    let rules: Vec<Value> = document
        .rules
        .iter()
        .map(|rule| {
            let copies = rule.copies.iter();
            let copies = copies.map(|copy| json!({ "to": &*copy.vault, "lifecycle": lifecycle(&copy.lifecycle) }));
            let shared = json!({
                "name": rule.name,
                "vault": &*rule.vault,
                "air-gapped": rule.air_gapped.as_deref(),
                "schedule": rule.expression,
                "timezone": rule.zone,
                "start-window-minutes": rule.start_minutes,
                "completion-window-minutes": rule.completion_minutes,
                "lifecycle": lifecycle(&rule.lifecycle),
                "tags": rule.point_tags,
                "copies": copies.collect::<Vec<_>>(),
                "continuous": rule.continuous,
                "index-actions": rule.index_actions,
                "scan-actions": rule.scan_actions,
                "extra": rule.extra,
            });
            form.with(shared, json!({ "id": &*rule.id }))
        })
        .collect();
    let selections = plan.selections.values().map(|selection| {
        let mut criteria = Map::new();
        selection.criteria.write(&mut criteria);
        let shared = json!({ "name": selection.name, "role": &*selection.role, "criteria": criteria });
        form.with(
            shared,
            json!({ "id": selection.id, "created-at": at(selection.created) }),
        )
    });
    let shared = json!({
        "name": document.name,
        "rules": rules,
        "advanced": document.advanced,
        "scan": document.scan,
        "extra": document.extra,
        "selections": form.unordered(selections.collect()),
        "tags": plan.tags,
    });
    let versions = plan.versions.iter();
    let own = json!({
        "id": &*plan.id,
        "creator-request-id": plan.creator_request_id,
        "versions": versions.map(|version| json!({ "id": &*version.id, "created-at": at(version.created) })).collect::<Vec<_>>(),
        "deleted-at": maybe_at(plan.deleted),
        "last-run-at": maybe_at(plan.last_run),
    });
    form.with(shared, own)
}

fn point(point: &Point, form: Form) -> Value {
    let shared = json!({
        "vault": &*point.vault,
        "table": &*point.resource,
        "status": point.status.name(),
        "advanced": point.is_advanced(),
        "lifecycle": lifecycle(&point.lifecycle),
        "role": &*point.role,
        "plan": point.created_by.as_ref().map(|by| (&by.plan_name, &by.rule_name)),
        "copy-of": point.source_vault.as_deref(),
        "key": point.key.as_deref(),
        "held": point.held,
        "tags": *point.tags,
        "bytes": point.size,
    });
    let own = json!({
        "arn": &*point.arn,
        "created-at": at(point.created),
        "completed-at": maybe_at(point.completed),
        "cold-at": maybe_at(point.cold_at),
        "delete-at": maybe_at(point.delete_at),
    });
    form.with(shared, own)
}

fn testing(plan: &TestingPlan, form: Form) -> Value {
    let selections: Map<String, Value> = plan
        .selections
        .values()
        .map(|selection| {
            let shared = json!({
                "role": &*selection.role,
                "type": selection.resource_type,
                "arns": selection.arns,
                "conditions": selection.conditions,
                "overrides": selection.overrides,
                "validation-hours": selection.validation_hours,
            });
            let own = json!({ "created-at": at(selection.created) });
            (selection.name.clone(), form.with(shared, own))
        })
        .collect();
    let shared = json!({
        "schedule": plan.expression,
        "timezone": plan.zone,
        "start-hours": plan.start_hours,
        "points": plan.points,
        "selections": selections,
        "tags": plan.tags,
    });
    form.with(shared, json!({ "arn": &*plan.arn, "created-at": at(plan.created) }))
}

fn backup_job(job: &backup::BackupJob, form: Form) -> Value {
    let shared = json!({
        "table": &*job.resource,
        "vault": &*job.vault,
        "air-gapped": job.air_gapped.as_deref(),
        "role": &*job.role,
        "state": job.state.name(),
        "message": job.message.as_deref(),
        "lifecycle": lifecycle(&job.lifecycle),
        "tags": *job.point_tags,
        "on-demand": job.on_demand,
    });
    let own = json!({ "id": crate::ids::Uuid(job.id).to_string(), "created-at": at(job.created), "point-arn": job.point_arn.as_deref() });
    form.with(shared, own)
}

fn copy_job(job: &backup::CopyJob, form: Form) -> Value {
    let shared = json!({
        "table": &*job.resource,
        "from": &*job.source_vault,
        "to": &*job.target_vault,
        "role": &*job.role,
        "state": job.state.name(),
        "message": job.message.as_deref(),
        "lifecycle": lifecycle(&job.lifecycle),
    });
    let own = json!({
        "id": crate::ids::Uuid(job.id).to_string(), "created-at": at(job.created),
        "source-arn": &*job.source_arn, "target-arn": job.target_arn.as_deref(),
    });
    form.with(shared, own)
}

fn restore_job(job: &backup::RestoreJob, form: Form) -> Value {
    let shared = json!({
        "table": table_name(&job.source),
        "target": job.target,
        "role": job.role.as_deref(),
        "state": job.status.name(),
        "message": job.message.as_deref(),
        "testing": job.testing_plan.is_some(),
        "validation": job.validation,
    });
    let own = json!({ "id": crate::ids::Uuid(job.id).to_string(), "created-at": at(job.created), "point-arn": &*job.point_arn });
    form.with(shared, own)
}

fn bucket(bucket: &crate::s3::state::Bucket, form: Form) -> Value {
    let objects: Map<String, Value> = bucket
        .keys
        .iter()
        .map(|(key, versions)| {
            let versions = versions.iter().map(|version| {
                let shared = json!({
                    "etag": version.object.as_ref().map(|object| &object.etag),
                    "bytes": version.object.as_ref().map(|object| object.data.len()),
                    "lock": version.retention.map(|retention| retention.mode.name()),
                    "legal-hold": version.legal_hold,
                    "tags": version.tags,
                });
                form.with(
                    shared,
                    json!({ "id": &*version.id, "modified-at": at(version.modified) }),
                )
            });
            (key.clone(), versions.collect())
        })
        .collect();
    let shared = json!({ "account": bucket.account, "region": bucket.region, "objects": objects, "uploads": bucket.uploads.len() });
    form.with(shared, json!({ "created-at": at(bucket.created_at) }))
}
