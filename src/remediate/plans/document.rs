//! A plan as the JSON that AWS answered, with a change made in it: what the SDK does not know stays.

use serde_json::{Map, Value, json};

use super::rule::{Rule, put_lifecycle};
use crate::text::one_line;

/// The plan that is sent back, from the one that was read: `UpdateBackupPlan` takes the ids of rules from their names, and no `null`.
pub(crate) fn sendable(plan: &Value) -> Value {
    let mut plan = without_nulls(plan);
    let rules = plan.get_mut("Rules").and_then(Value::as_array_mut);
    for rule in rules.into_iter().flatten().filter_map(Value::as_object_mut) {
        rule.shift_remove("RuleId");
    }
    plan
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let whole = members.iter().filter(|(_, value)| !value.is_null());
            whole
                .map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect()
        }
        Value::Array(elements) => elements.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// Makes the change from one state of a rule to another one in the JSON of a plan. Members that do not change are not touched.
///
/// Errors: the plan has no such rule, or it is not in the former state.
pub(crate) fn change(plan: &mut Value, name: &str, was: &Rule, becomes: &Rule) -> Result<(), String> {
    let rules = plan.get_mut("Rules").and_then(Value::as_array_mut);
    let rule = rules
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
        .find(|rule| rule.get("RuleName").and_then(Value::as_str) == Some(name))
        .ok_or_else(|| format!("the plan has no rule `{}` any more", one_line(name)))?;
    if !of_json(rule).is_some_and(|found| found.is_same(was)) {
        return Err(format!("rule `{}` is not as it was judged", one_line(name)));
    }
    if becomes.vault_name != was.vault_name {
        rule.insert("TargetBackupVaultName".to_owned(), json!(becomes.vault_name));
    }
    for (member, before, after) in [
        ("ScheduleExpression", json!(was.schedule), json!(becomes.schedule)),
        (
            "ScheduleExpressionTimezone",
            json!(was.schedule_time_zone),
            json!(becomes.schedule_time_zone),
        ),
        (
            "StartWindowMinutes",
            json!(was.start_window_minutes),
            json!(becomes.start_window_minutes),
        ),
    ] {
        match after {
            _ if before == after => {}
            Value::Null => {
                rule.shift_remove(member);
            }
            value => {
                rule.insert(member.to_owned(), value);
            }
        }
    }
    let days = |rule: &Rule| (rule.cold_after_days, rule.delete_after_days);
    if days(becomes) != days(was) {
        put_lifecycle(rule, becomes.cold_after_days, becomes.delete_after_days);
    }
    if becomes.copies != was.copies {
        change_copies(rule, becomes);
    }
    Ok(())
}

fn change_copies(rule: &mut Map<String, Value>, becomes: &Rule) {
    let mut actions = match rule.remove("CopyActions") {
        Some(Value::Array(actions)) => actions,
        _ => Vec::new(),
    };
    for copy in &becomes.copies {
        let is_it = |action: &&mut Value| action["DestinationBackupVaultArn"] == copy.vault_arn.as_str();
        let known = actions.iter_mut().find(is_it).and_then(Value::as_object_mut);
        match known {
            Some(action) => put_lifecycle(action, copy.cold_after_days, copy.delete_after_days),
            None => {
                let mut action = Map::from_iter([("DestinationBackupVaultArn".to_owned(), json!(copy.vault_arn))]);
                put_lifecycle(&mut action, copy.cold_after_days, copy.delete_after_days);
                actions.push(action.into());
            }
        }
    }
    rule.insert("CopyActions".to_owned(), actions.into());
}

/// The rule of a JSON; none if it is not one.
fn of_json(rule: &Map<String, Value>) -> Option<Rule> {
    let text = |name: &str| rule.get(name).and_then(Value::as_str).map(str::to_owned);
    let days = |of: &Value, name: &str| of["Lifecycle"][name].as_i64();
    let whole = Value::from(rule.clone());
    let copy = |action: &Value| {
        Some(super::rule::Copy {
            vault_arn: action["DestinationBackupVaultArn"].as_str()?.to_owned(),
            cold_after_days: days(action, "MoveToColdStorageAfterDays"),
            delete_after_days: days(action, "DeleteAfterDays"),
        })
    };
    Some(Rule {
        vault_name: text("TargetBackupVaultName")?,
        schedule: text("ScheduleExpression"),
        schedule_time_zone: text("ScheduleExpressionTimezone"),
        start_window_minutes: rule.get("StartWindowMinutes").and_then(Value::as_i64),
        cold_after_days: days(&whole, "MoveToColdStorageAfterDays"),
        delete_after_days: days(&whole, "DeleteAfterDays"),
        copies: whole["CopyActions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(copy)
            .collect(),
    })
}

/// The rule of that name in the JSON of a plan.
#[cfg(test)]
fn rule_named(plan: &Value, name: &str) -> Option<Rule> {
    let mut rules = plan["Rules"].as_array()?.iter().filter_map(Value::as_object);
    let rule = rules.find(|rule| rule.get("RuleName").and_then(Value::as_str) == Some(name))?;
    of_json(rule)
}

#[cfg(test)]
mod tests {
    use super::super::rule::Copy;
    use super::*;

    fn plan() -> Value {
        json!({
            "BackupPlanName": "daily",
            "Rules": [
                {"RuleName": "other", "RuleId": "1", "TargetBackupVaultName": "v", "Unheard": {"Of": [1, {"a": null}]}},
                {"RuleName": "daily", "RuleId": "2", "TargetBackupVaultName": "v", "ScheduleExpression": "cron(0 5 ? * * *)",
                 "EnableContinuousBackup": null, "FromTheFuture": {"Kept": true},
                 "Lifecycle": {"DeleteAfterDays": 7, "OptInToArchiveForSupportedResources": false},
                 "CopyActions": [{"DestinationBackupVaultArn": "arn:aws:backup:eu-central-1:1:backup-vault:a", "New": 1}]},
            ],
            "AdvancedBackupSettings": [{"ResourceType": "EC2", "BackupOptions": {"WindowsVSS": "enabled"}}],
            "SettingsOfNextYear": {"x": 1},
        })
    }

    #[test]
    fn a_change_touches_its_members_and_keeps_what_nobody_here_knows() {
        let was = rule_named(&plan(), "daily").expect("a rule");
        let mut becomes = was.clone();
        becomes.delete_after_days = Some(35);
        becomes.copies.push(Copy {
            vault_arn: "arn:aws:backup:eu-north-1:1:backup-vault:b".to_owned(),
            cold_after_days: None,
            delete_after_days: Some(35),
        });
        let mut changed = sendable(&plan());
        change(&mut changed, "daily", &was, &becomes).expect("it is as it was");
        let mut expected = plan();
        for rule in expected["Rules"].as_array_mut().expect("rules") {
            rule.as_object_mut().expect("a rule").shift_remove("RuleId");
        }
        // `null` says nothing.
        expected["Rules"][0]["Unheard"] = json!({"Of": [1, {}]});
        expected["Rules"][1]
            .as_object_mut()
            .expect("a rule")
            .shift_remove("EnableContinuousBackup");
        expected["Rules"][1]["Lifecycle"]["DeleteAfterDays"] = json!(35);
        expected["Rules"][1]["CopyActions"].as_array_mut().expect("copies").push(json!({
            "DestinationBackupVaultArn": "arn:aws:backup:eu-north-1:1:backup-vault:b", "Lifecycle": {"DeleteAfterDays": 35},
        }));
        assert_eq!(changed, expected);
        assert!(rule_named(&changed, "daily").expect("a rule").is_same(&becomes));
        assert_eq!(
            was.changes(&becomes),
            [
                "lifecycle deleted after 7 days -> deleted after 35 days",
                "new copy to arn:aws:backup:eu-north-1:1:backup-vault:b, kept 35 days"
            ]
        );
    }

    #[test]
    fn a_rule_that_somebody_changed_or_removed_is_not_changed() {
        let was = rule_named(&plan(), "daily").expect("a rule");
        let mut by_hand = plan();
        by_hand["Rules"][1]["Lifecycle"]["DeleteAfterDays"] = json!(14);
        let why = change(&mut by_hand, "daily", &was, &was).expect_err("it was changed");
        assert_eq!(why, "rule `daily` is not as it was judged");
        let why = change(&mut plan(), "nightly", &was, &was).expect_err("it is gone");
        assert_eq!(why, "the plan has no rule `nightly` any more");
    }
}
