//! The document of a plan, checked as AWS Backup does.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::members::{int, needed, strings, text};
use crate::backup::errors;
use crate::backup::state::{
    CopyAction, DEFAULT_COMPLETION_MINUTES, DEFAULT_EXPRESSION, DEFAULT_START_MINUTES, Document, Lifecycle,
    MAX_WINDOW_MINUTES, Rule, Schedule, vault_place,
};
use crate::call::ApiError;
use crate::ids::Ids;

const MAX_RULES: usize = 10;
const MAX_COPIES: usize = 5;
const MAX_POINT_TAGS: usize = 10;
const MIN_START_MINUTES: i64 = 60;
const DEFAULT_ZONE: &str = "Etc/UTC";

/// The members of a plan that the simulation knows.
const PLAN_MEMBERS: [&str; 4] = ["AdvancedBackupSettings", "BackupPlanName", "Rules", "ScanSettings"];
/// The members of a rule that it knows. `RuleId` is no member of a request: AWS Backup passes it over.
const RULE_MEMBERS: [&str; 14] = [
    "CompletionWindowMinutes",
    "CopyActions",
    "EnableContinuousBackup",
    "IndexActions",
    "Lifecycle",
    "RecoveryPointTags",
    "RuleId",
    "RuleName",
    "ScanActions",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartWindowMinutes",
    "TargetBackupVaultName",
    "TargetLogicallyAirGappedBackupVaultArn",
];

/// What a later version of the service may keep: members of other names that are set.
fn unknown(object: &Map<String, Value>, known: &[&str]) -> Map<String, Value> {
    let other = object
        .iter()
        .filter(|(name, value)| !value.is_null() && !known.contains(&name.as_str()));
    other.map(|(name, value)| (name.clone(), value.clone())).collect()
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
        extra: unknown(plan, &PLAN_MEMBERS),
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
        id: ids.uuid().into(),
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
        extra: unknown(rule, &RULE_MEMBERS),
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
            let vault = vault.filter(|arn| vault_place(arn).is_some());
            Ok(CopyAction {
                vault: vault.ok_or("Invalid destination backup vault ARN")?.into(),
                lifecycle: Lifecycle::read(action.get("Lifecycle"))?,
            })
        })
        .collect()
}
