//! Plans over the API: documents with rules, in versions.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::place::{place_key, state};
use super::request::{body, query, query_flag};
use super::tags::check_tags;
use super::wire::{Members, Times, reply};
use super::{render, request};
use crate::backup::documents::members::{map, strings, text};
use crate::backup::documents::plans::read_document;
use crate::backup::engine::plan_runs;
use crate::backup::errors;
use crate::backup::state::{Document, Plan, PlanVersion, Rule, State, version_id};
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;

const MAX_PLANS: usize = 300;
const MAX_PREVIEW: i64 = 10;

/// A plan that is not deleted.
fn live<'a>(state: &'a State, id: &str) -> Result<&'a Plan, ApiError> {
    state
        .plans
        .get(id)
        .filter(|plan| plan.deleted.is_none())
        .ok_or_else(|| missing(id))
}

fn missing(id: &str) -> ApiError {
    errors::not_found(format!("Cannot find Backup plan with ID {id}"))
}

/// Plans of an Organizations policy, and AWS's own, are read-only in the account.
pub(super) fn check_owner(plan: &Plan) -> Result<(), ApiError> {
    if ["orgs/", "aws/"].iter().any(|prefix| plan.id.starts_with(prefix)) {
        return Err(errors::denied());
    }
    Ok(())
}

/// `CreateBackupPlan`.
pub(super) fn create(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let document = map(&body, "BackupPlan")?.ok_or_else(|| errors::missing("BackupPlan"))?;
    let creator = text(&body, "CreatorRequestId")?.map(str::to_owned);
    let document = read_document(document, &mut cloud.ids)?;
    let tags = strings(&body, "BackupPlanTags")?.unwrap_or_default();
    check_tags(&tags)?;
    let state = state(cloud, call);
    let alive = || state.plans.values().filter(|plan| plan.deleted.is_none());
    if let Some(same) = alive().find(|plan| creator.is_some() && plan.creator_request_id == creator) {
        return Ok(created(same).unchanged());
    }
    if let Some(same) = alive().find(|plan| plan.document().name == document.name) {
        let what = if **same.document() == document {
            "plan document"
        } else {
            "name"
        };
        let message = format!("Backup plan with the same {what} already exists");
        return Err(errors::exists(message, &same.arn, same.creator_request_id.as_deref()));
    }
    if alive().count() >= MAX_PLANS {
        return Err(errors::limit(format!(
            "The limit of {MAX_PLANS} backup plans is reached"
        )));
    }
    let key = place_key(call);
    let id = cloud.ids.uuid();
    let plan = Plan {
        creator_request_id: creator,
        tags,
        ..Plan::new(&cloud.partition, &key, &id, document, call.now, &mut cloud.ids)
    };
    let answer = created(&plan);
    super::place::state(cloud, call).plans.insert(id.clone(), plan);
    plan_runs::schedule(cloud, &key, &id, call.now);
    Ok(answer)
}

fn created(plan: &Plan) -> Reply {
    reply(Times::Plain, |m| {
        m.text("BackupPlanId", &plan.id);
        m.text("BackupPlanArn", &plan.arn);
        m.time("CreationDate", plan.current().created);
        m.text("VersionId", &plan.current().id);
        m.value("AdvancedBackupSettings", &plan.document().advanced);
    })
}

/// `UpdateBackupPlan`: a new version; rules keep their ids by name.
pub(super) fn update(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let id = &labels[2];
    let body = body(call)?;
    let document = map(&body, "BackupPlan")?.ok_or_else(|| errors::missing("BackupPlan"))?;
    let mut document = read_document(document, &mut cloud.ids)?;
    let version = version_id(&mut cloud.ids);
    let state = state(cloud, call);
    let plan = live(state, id)?;
    check_owner(plan)?;
    let twin = state
        .plans
        .values()
        .any(|other| other.deleted.is_none() && other.id != plan.id && other.document().name == document.name);
    if twin {
        return Err(errors::invalid("Backup plan with the same name already exists"));
    }
    for rule in &mut document.rules {
        if let Some(old) = plan.document().rules.iter().find(|old| old.name == rule.name) {
            rule.id = Arc::clone(&old.id);
        }
    }
    let plan = state.plans.get_mut(id).ok_or_else(|| missing(id))?;
    plan.versions.push(PlanVersion {
        id: version,
        created: call.now,
        document: Arc::new(document),
    });
    let answer = created(plan);
    plan_runs::schedule(cloud, &place_key(call), id, call.now);
    Ok(answer)
}

/// `GetBackupPlan`; a deleted plan can still be read.
pub(super) fn get(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let preview = match query(call, "MaxScheduledRunsPreview") {
        None => 0,
        Some(text) => match text.parse::<i64>() {
            Ok(count) if (0..=MAX_PREVIEW).contains(&count) => count as usize,
            _ => {
                return Err(errors::invalid(format!(
                    "MaxScheduledRunsPreview has to be between 0 and {MAX_PREVIEW}"
                )));
            }
        },
    };
    let state = state(cloud, call);
    let plan = state.plans.get(&labels[2]).ok_or_else(|| missing(&labels[2]))?;
    let version = match query(call, "versionId") {
        None => plan.current(),
        Some(id) => plan
            .versions
            .iter()
            .find(|v| &*v.id == id)
            .ok_or_else(|| errors::not_found(format!("Cannot find version {id}")))?,
    };
    let runs = scheduled_runs(&version.document, call.now, version.created, preview);
    Ok(reply(Times::Plain, |m| {
        m.object("BackupPlan", |m| {
            m.text("BackupPlanName", &version.document.name);
            m.list("Rules", &version.document.rules, write_rule);
            m.value("AdvancedBackupSettings", &version.document.advanced);
            m.value("ScanSettings", &version.document.scan);
            for (name, value) in &version.document.extra {
                m.value(name, value);
            }
        });
        m.text("BackupPlanId", &plan.id);
        m.text("BackupPlanArn", &plan.arn);
        m.text("VersionId", &version.id);
        m.maybe_text("CreatorRequestId", plan.creator_request_id.as_deref());
        m.time("CreationDate", version.created);
        m.maybe_time("DeletionDate", plan.deleted);
        m.maybe_time("LastExecutionDate", plan.last_run);
        m.value("AdvancedBackupSettings", &version.document.advanced);
        if preview > 0 {
            m.list("ScheduledRunsPreview", &runs, |m, (at, rule)| {
                m.time("ExecutionTime", *at);
                m.text("RuleId", rule);
                m.text("RuleExecutionType", "SNAPSHOTS");
            });
        } else {
            m.null("ScheduledRunsPreview");
        }
    }))
}

/// The next runs of all rules together, without those that another rule suppresses.
fn scheduled_runs(
    document: &Document,
    now: DateTime<Utc>,
    since: DateTime<Utc>,
    count: usize,
) -> Vec<(DateTime<Utc>, Arc<str>)> {
    let mut runs = Vec::new();
    for (index, rule) in document.rules.iter().enumerate() {
        let mut at = now;
        let mut found = 0;
        // A rule that is suppressed for ever must not be searched for ever.
        for _ in 0..count * 50 {
            let Some(next) = rule.schedule.next_after(at).filter(|_| found < count) else {
                break;
            };
            at = next;
            if !plan_runs::is_suppressed(document, index, at, since) {
                found += 1;
                runs.push((at, Arc::clone(&rule.id)));
            }
        }
    }
    runs.sort();
    runs.truncate(count);
    runs
}

fn write_rule(m: &mut Members<'_>, rule: &Rule) {
    m.text("RuleName", &rule.name);
    m.text("TargetBackupVaultName", &rule.vault);
    m.maybe_text("TargetLogicallyAirGappedBackupVaultArn", rule.air_gapped.as_deref());
    m.text("ScheduleExpression", &rule.expression);
    m.text("ScheduleExpressionTimezone", &rule.zone);
    m.int("StartWindowMinutes", rule.start_minutes);
    m.int("CompletionWindowMinutes", rule.completion_minutes);
    render::lifecycle(m, "Lifecycle", &rule.lifecycle);
    m.map("RecoveryPointTags", &rule.point_tags);
    m.text("RuleId", &rule.id);
    m.list("CopyActions", rule.copies.iter(), |m, action| {
        render::lifecycle(m, "Lifecycle", &action.lifecycle);
        m.text("DestinationBackupVaultArn", &action.vault);
    });
    match rule.continuous {
        Some(continuous) => m.flag("EnableContinuousBackup", continuous),
        None => m.null("EnableContinuousBackup"),
    }
    m.value("IndexActions", &rule.index_actions);
    m.value("ScanActions", &rule.scan_actions);
    for (name, value) in &rule.extra {
        m.value(name, value);
    }
}

/// A plan in a list, at one of its versions.
fn write_member(m: &mut Members<'_>, plan: &Plan, version: &PlanVersion) {
    m.text("BackupPlanArn", &plan.arn);
    m.text("BackupPlanId", &plan.id);
    m.time("CreationDate", version.created);
    m.maybe_time("DeletionDate", plan.deleted);
    m.text("VersionId", &version.id);
    m.text("BackupPlanName", &version.document.name);
    m.maybe_text("CreatorRequestId", plan.creator_request_id.as_deref());
    m.maybe_time("LastExecutionDate", plan.last_run);
    m.value("AdvancedBackupSettings", &version.document.advanced);
}

/// `ListBackupPlans`: live plans only, unless deleted ones are asked for.
pub(super) fn list(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let deleted = query_flag(call, "includeDeleted")?.unwrap_or(false);
    let state = state(cloud, call);
    let rows = state
        .plans
        .iter()
        .filter(|(_, plan)| deleted || plan.deleted.is_none())
        .map(|(id, plan)| (id.clone(), plan));
    let page = request::page(call, "plans", rows, |row, token| row > token)?;
    Ok(reply(Times::Plain, |m| {
        m.list("BackupPlansList", page.items, |m, plan| {
            write_member(m, plan, plan.current())
        });
        m.maybe_text("NextToken", page.token.as_deref());
    }))
}

/// `ListBackupPlanVersions`, newest first.
pub(super) fn versions(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    let plan = state.plans.get(&labels[2]).ok_or_else(|| missing(&labels[2]))?;
    let page = request::numbered(call, "versions", |below| {
        plan.versions
            .iter()
            .enumerate()
            .map(|(n, v)| (n as u64, v))
            .rev()
            .filter(move |(n, _)| *n < below)
    })?;
    Ok(reply(Times::Plain, |m| {
        m.list("BackupPlanVersionsList", page.items, |m, version| {
            write_member(m, plan, version)
        });
        m.maybe_text("NextToken", page.token.as_deref());
    }))
}

/// `DeleteBackupPlan`: only once its selections are gone.
pub(super) fn delete(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    let plan = live(state, &labels[2])?;
    check_owner(plan)?;
    if !plan.selections.is_empty() {
        return Err(errors::refused(
            "Related backup plan selections must be deleted prior to backup plan deletion",
        ));
    }
    let plan = state.plans.get_mut(&labels[2]).ok_or_else(|| missing(&labels[2]))?;
    plan.deleted = Some(call.now);
    Ok(reply(Times::Plain, |m| {
        m.text("BackupPlanId", &plan.id);
        m.text("BackupPlanArn", &plan.arn);
        m.time("DeletionDate", call.now);
        m.text("VersionId", &plan.current().id);
    }))
}
