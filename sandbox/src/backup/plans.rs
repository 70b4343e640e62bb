//! Backup plans: documents with rules, in versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::engine::{self, Due, PlaceKey, RuleRun};
use super::errors;
use super::lifecycle::Lifecycle;
use super::render;
use super::request::{self, body, int, map, needed, query, query_flag, reply, strings, text};
use super::runs;
use super::schedule::{DEFAULT_EXPRESSION, Schedule};
use super::state::{CopyAction, Document, Plan, PlanVersion, Rule, State, Tags, Uuid};
use super::vaults::{check_tags, state};
use super::wire::{Members, Times};
use crate::call::{ApiError, Call, Reply};
use crate::cloud::{Cloud, Ids};

const MAX_PLANS: usize = 300;
const MAX_RULES: usize = 10;
const MAX_COPIES: usize = 5;
const MAX_POINT_TAGS: usize = 10;
const MIN_START_MINUTES: i64 = 60;
pub(crate) const MAX_WINDOW_MINUTES: i64 = 52_560_000;
/// The start window when none is asked for: 8 hours.
pub(crate) const DEFAULT_START_MINUTES: i64 = 480;
/// The completion window when none is asked for: 7 days.
pub(crate) const DEFAULT_COMPLETION_MINUTES: i64 = 10_080;
const DEFAULT_ZONE: &str = "Etc/UTC";
const MAX_PREVIEW: i64 = 10;

/// The ARN of a plan. Ids may hold slashes.
pub(crate) fn plan_arn(partition: &str, key: &PlaceKey, id: &str) -> Arc<str> {
    format!("arn:{partition}:backup:{}:{}:backup-plan:{id}", key.1, key.0).into()
}

/// A plan that is not deleted.
pub(crate) fn live<'a>(state: &'a State, id: &str) -> Result<&'a Plan, ApiError> {
    state
        .plans
        .get(id)
        .filter(|plan| plan.deleted.is_none())
        .ok_or_else(|| missing(id))
}

fn missing(id: &str) -> ApiError {
    errors::not_found(format!("Cannot find Backup plan with ID {id}"))
}

/// Reads the document of a plan.
pub(crate) fn read_document(plan: &Map<String, Value>, ids: &mut Ids) -> Result<Document, ApiError> {
    let name = needed(plan, "BackupPlanName")?;
    let fine = name.chars().count() <= 200 && name.chars().all(|c| c.is_alphanumeric() || "-_. ".contains(c));
    if !fine {
        return Err(errors::invalid(format!("Invalid backup plan name: {name}")));
    }
    let rules = match plan.get("Rules") {
        Some(Value::Array(rules)) if !rules.is_empty() => rules,
        _ => return Err(errors::missing("Rules")),
    };
    if rules.len() > MAX_RULES {
        return Err(errors::limit(format!(
            "A backup plan cannot have more than {MAX_RULES} rules"
        )));
    }
    let rules = rules
        .iter()
        .map(|rule| read_rule(rule, ids))
        .collect::<Result<Vec<_>, _>>()?;
    for (at, rule) in rules.iter().enumerate() {
        if rules[..at].iter().any(|other| other.name == rule.name) {
            return Err(errors::invalid(format!("Rule names have to be unique: {}", rule.name)));
        }
    }
    Ok(Document {
        name: name.to_owned(),
        rules,
        advanced: plan.get("AdvancedBackupSettings").cloned().unwrap_or(Value::Null),
        scan: plan.get("ScanSettings").cloned().unwrap_or(Value::Null),
    })
}

/// The error that names the rule, as AWS Backup words it.
fn in_rule(name: &str, problem: &str) -> ApiError {
    ApiError {
        extra: vec![
            ("Code".to_owned(), "ERROR_3015".into()),
            ("Context".to_owned(), json!([name, problem]).to_string().into()),
        ],
        ..errors::invalid(format!("Error in rule {name} : {problem}"))
    }
}

fn read_rule(rule: &Value, ids: &mut Ids) -> Result<Rule, ApiError> {
    let rule = rule
        .as_object()
        .ok_or_else(|| errors::invalid("Invalid value for Rules"))?;
    let name = needed(rule, "RuleName")?;
    if name.len() > 50 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return Err(errors::invalid(format!("Invalid rule name: {name}")));
    }
    let problem = |what: String| in_rule(name, &what);
    let (expression, zone) = (
        text(rule, "ScheduleExpression")?,
        text(rule, "ScheduleExpressionTimezone")?,
    );
    let schedule = Schedule::parse(expression, zone).map_err(|e| problem(format!("Invalid cron expression. {e}")))?;
    if schedule.is_too_frequent() {
        return Err(problem(
            "Invalid cron expression. A rule cannot run more than once an hour".to_owned(),
        ));
    }
    let start_minutes = window(rule, "StartWindowMinutes", DEFAULT_START_MINUTES).map_err(problem)?;
    if start_minutes < MIN_START_MINUTES {
        return Err(problem(format!(
            "Invalid start window. StartWindowMinutes cannot be less than {MIN_START_MINUTES}"
        )));
    }
    let completion_minutes = window(
        rule,
        "CompletionWindowMinutes",
        DEFAULT_COMPLETION_MINUTES.max(start_minutes),
    )
    .map_err(problem)?;
    if completion_minutes < start_minutes {
        return Err(problem(
            "Invalid completion window. CompletionWindowMinutes cannot be less than StartWindowMinutes".to_owned(),
        ));
    }
    let point_tags = strings(rule, "RecoveryPointTags")?.unwrap_or_default();
    if point_tags.len() > MAX_POINT_TAGS {
        return Err(problem(format!(
            "A rule cannot have more than {MAX_POINT_TAGS} recovery point tags"
        )));
    }
    Ok(Rule {
        id: Uuid(engine::fresh(ids)).to_string().into(),
        name: name.to_owned(),
        vault: needed(rule, "TargetBackupVaultName")?.into(),
        air_gapped: text(rule, "TargetLogicallyAirGappedBackupVaultArn")?.map(Arc::from),
        expression: expression.unwrap_or(DEFAULT_EXPRESSION).to_owned(),
        zone: zone.unwrap_or(DEFAULT_ZONE).to_owned(),
        schedule,
        start_minutes,
        completion_minutes,
        lifecycle: Lifecycle::read(rule.get("Lifecycle")).map_err(problem)?,
        point_tags,
        copies: read_copies(rule).map_err(problem)?,
        continuous: rule.get("EnableContinuousBackup").and_then(Value::as_bool),
        index_actions: rule.get("IndexActions").cloned().unwrap_or(Value::Null),
        scan_actions: rule.get("ScanActions").cloned().unwrap_or(Value::Null),
    })
}

fn window(rule: &Map<String, Value>, name: &str, default: i64) -> Result<i64, String> {
    match int(rule, name) {
        Ok(minutes) => match minutes.unwrap_or(default) {
            minutes if (1..=MAX_WINDOW_MINUTES).contains(&minutes) => Ok(minutes),
            minutes => Err(format!("Invalid value for {name}: {minutes}")),
        },
        Err(error) => Err(error.message),
    }
}

fn read_copies(rule: &Map<String, Value>) -> Result<Arc<[CopyAction]>, String> {
    let actions = match rule.get("CopyActions") {
        None | Some(Value::Null) => return Ok(Arc::new([])),
        Some(Value::Array(actions)) => actions,
        Some(_) => return Err("Invalid value for CopyActions".to_owned()),
    };
    if actions.len() > MAX_COPIES {
        return Err(format!("A rule cannot have more than {MAX_COPIES} copy actions"));
    }
    actions
        .iter()
        .map(|action| {
            let vault = action.get("DestinationBackupVaultArn").and_then(Value::as_str);
            let vault = vault.filter(|arn| super::copies::vault_place(arn).is_some());
            Ok(CopyAction {
                vault: vault.ok_or("Invalid destination backup vault ARN")?.into(),
                lifecycle: Lifecycle::read(action.get("Lifecycle"))?,
            })
        })
        .collect()
}

/// A new version id: AWS's are base64 texts of uuids.
pub(crate) fn version_id(ids: &mut Ids) -> Arc<str> {
    STANDARD.encode(ids.uuid()).into()
}

/// A plan with its first version and no selections.
pub(crate) fn new_plan(cloud: &mut Cloud, key: &PlaceKey, id: &str, document: Document, at: DateTime<Utc>) -> Plan {
    Plan {
        id: id.into(),
        arn: plan_arn(&cloud.partition, key, id),
        creator_request_id: None,
        deleted: None,
        last_run: None,
        versions: vec![PlanVersion {
            id: version_id(&mut cloud.ids),
            created: at,
            document: Arc::new(document),
        }],
        selections: BTreeMap::new(),
        tags: Tags::new(),
    }
}

/// Plans the first runs of a plan's version.
pub(crate) fn schedule(cloud: &mut Cloud, key: &Arc<PlaceKey>, id: &str, from: DateTime<Utc>) {
    let Some(plan) = cloud.places.get(&**key).and_then(|place| place.backup.plans.get(id)) else {
        return;
    };
    let version = plan.current();
    for (rule, at) in version
        .document
        .rules
        .iter()
        .enumerate()
        .filter_map(|(n, rule)| Some((n, rule.schedule.next_after(from)?)))
    {
        let run = RuleRun {
            plan: Arc::clone(&plan.id),
            version: Arc::clone(&version.id),
            rule,
        };
        cloud.backup.add(at, key, Due::RunRule(Box::new(run)));
    }
}

/// `CreateBackupPlan`.
pub(crate) fn create(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let document = map(&body, "BackupPlan")?.ok_or_else(|| errors::missing("BackupPlan"))?;
    let creator = text(&body, "CreatorRequestId")?.map(str::to_owned);
    let document = read_document(document, &mut cloud.ids)?;
    let tags = strings(&body, "BackupPlanTags")?.unwrap_or_default();
    check_tags(&tags)?;
    let state = state(cloud, call);
    let alive = || state.plans.values().filter(|plan| plan.deleted.is_none());
    if let Some(same) = alive().find(|plan| creator.is_some() && plan.creator_request_id == creator) {
        return Ok(created(same));
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
        ..new_plan(cloud, &key, &id, document, call.now)
    };
    let answer = created(&plan);
    super::vaults::state(cloud, call).plans.insert(id.clone(), plan);
    schedule(cloud, &key, &id, call.now);
    Ok(answer)
}

/// The place of the caller, as the agenda wants it.
pub(crate) fn place_key(call: &Call) -> Arc<PlaceKey> {
    Arc::new((call.caller.account.clone(), call.caller.region.clone()))
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
pub(crate) fn update(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let id = &labels[2];
    let body = body(call)?;
    let document = map(&body, "BackupPlan")?.ok_or_else(|| errors::missing("BackupPlan"))?;
    let mut document = read_document(document, &mut cloud.ids)?;
    let version = version_id(&mut cloud.ids);
    let state = state(cloud, call);
    let plan = live(state, id)?;
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
    schedule(cloud, &place_key(call), id, call.now);
    Ok(answer)
}

/// `GetBackupPlan`; a deleted plan can still be read.
pub(crate) fn get(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
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
            if !runs::is_suppressed(document, index, at, since) {
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
pub(crate) fn list(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
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
pub(crate) fn versions(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
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
pub(crate) fn delete(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    if !live(state, &labels[2])?.selections.is_empty() {
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
