//! A rule of a plan, as far as actions write it: its vault, schedule, lifecycle and copies.

use aws_sdk_backup::types::{BackupRule, BackupRuleInput, CopyAction, Lifecycle};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::domain::{Arn, TargetId};
use crate::inventory::schema::PlanRule;
use crate::settings::check_lifecycle;
use crate::text::one_line;

/// AWS Backup takes no shorter start window.
pub(crate) const LEAST_START_WINDOW_MINUTES: i64 = 60;

/// AWS Backup takes no more copy actions in a rule.
pub(crate) const MOST_COPIES: usize = 5;

/// What a rule says; members that actions do not write are left as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `TargetBackupVaultName`.
    pub vault_name: String,
    /// `ScheduleExpression`; none: AWS Backup's default, daily at 05:00.
    pub schedule: Option<String>,
    /// `ScheduleExpressionTimezone`; none: UTC.
    pub schedule_time_zone: Option<String>,
    /// `StartWindowMinutes`; none: 480.
    pub start_window_minutes: Option<i64>,
    /// Days until cold storage; none: stays warm.
    pub cold_after_days: Option<i64>,
    /// Days until deletion; none or -1: kept for ever.
    pub delete_after_days: Option<i64>,
    /// Copies of every point.
    pub copies: Vec<Copy>,
}

/// A copy that a rule makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    /// `DestinationBackupVaultArn`.
    pub vault_arn: String,
    /// Days until cold storage; none: stays warm.
    pub cold_after_days: Option<i64>,
    /// Days until deletion; none or -1: as long as its source.
    pub delete_after_days: Option<i64>,
}

impl Copy {
    /// Where its vault is.
    pub(crate) fn place(&self) -> Option<TargetId> {
        let arn = Arn::parse(&self.vault_arn).filter(|arn| arn.service == "backup")?;
        Some(TargetId::new(arn.account_id, arn.region))
    }

    fn words(&self) -> String {
        let arn = one_line(&self.vault_arn);
        match positive(self.delete_after_days) {
            Some(days) => format!("{arn}, kept {days} days"),
            None => format!("{arn}, kept as long as its source"),
        }
    }
}

impl Rule {
    /// As the inventory has it. Errors: none; copies of an inventory without their lifecycles have none.
    pub(crate) fn of_row(row: &PlanRule) -> Self {
        let copies: Vec<Value> = serde_json::from_str(&row.copy_actions_json).unwrap_or_default();
        let copy = |action: &Value| {
            Some(Copy {
                vault_arn: action["destination_vault_arn"].as_str()?.to_owned(),
                cold_after_days: action["cold_after_days"].as_i64(),
                delete_after_days: action["delete_after_days"].as_i64(),
            })
        };
        Self {
            vault_name: row.vault_name.clone(),
            schedule: row.schedule.clone(),
            schedule_time_zone: row.schedule_time_zone.clone(),
            start_window_minutes: row.start_window_minutes,
            cold_after_days: row.cold_after_days,
            delete_after_days: row.delete_after_days,
            copies: copies.iter().filter_map(copy).collect(),
        }
    }

    /// As AWS answers it.
    pub(crate) fn of_answer(rule: &BackupRule) -> Self {
        let days = |lifecycle: Option<&Lifecycle>| {
            let cold = lifecycle.and_then(Lifecycle::move_to_cold_storage_after_days);
            (cold, lifecycle.and_then(Lifecycle::delete_after_days))
        };
        let (cold_after_days, delete_after_days) = days(rule.lifecycle());
        let copy = |action: &CopyAction| {
            let (cold_after_days, delete_after_days) = days(action.lifecycle());
            Copy {
                vault_arn: action.destination_backup_vault_arn().to_owned(),
                cold_after_days,
                delete_after_days,
            }
        };
        Self {
            vault_name: rule.target_backup_vault_name().to_owned(),
            schedule: rule.schedule_expression().map(str::to_owned),
            schedule_time_zone: rule.schedule_expression_timezone().map(str::to_owned),
            start_window_minutes: rule.start_window_minutes(),
            cold_after_days,
            delete_after_days,
            copies: rule.copy_actions().iter().map(copy).collect(),
        }
    }

    /// Writes it into a row of the inventory.
    pub(crate) fn write(&self, row: &mut PlanRule) {
        let copy = |copy: &Copy| {
            json!({
                "destination_vault_arn": copy.vault_arn,
                "cold_after_days": copy.cold_after_days,
                "delete_after_days": copy.delete_after_days,
            })
        };
        row.vault_name.clone_from(&self.vault_name);
        row.schedule.clone_from(&self.schedule);
        row.schedule_time_zone.clone_from(&self.schedule_time_zone);
        row.start_window_minutes = self.start_window_minutes;
        row.cold_after_days = self.cold_after_days;
        row.delete_after_days = self.delete_after_days;
        row.copy_actions_json = Value::from(self.copies.iter().map(copy).collect::<Vec<_>>()).to_string();
    }

    /// The members of a rule's JSON that it writes, whether they change or not.
    pub(crate) fn document(&self, name: &str) -> Value {
        let copy = |copy: &Copy| {
            let mut members = Map::from_iter([("DestinationBackupVaultArn".to_owned(), json!(copy.vault_arn))]);
            put_lifecycle(&mut members, copy.cold_after_days, copy.delete_after_days);
            Value::from(members)
        };
        let mut members = Map::from_iter([
            ("RuleName".to_owned(), json!(name)),
            ("TargetBackupVaultName".to_owned(), json!(self.vault_name)),
        ]);
        for (member, value) in [
            ("ScheduleExpression", json!(self.schedule)),
            ("ScheduleExpressionTimezone", json!(self.schedule_time_zone)),
            ("StartWindowMinutes", json!(self.start_window_minutes)),
        ] {
            if !value.is_null() {
                members.insert(member.to_owned(), value);
            }
        }
        put_lifecycle(&mut members, self.cold_after_days, self.delete_after_days);
        if !self.copies.is_empty() {
            let copies: Vec<Value> = self.copies.iter().map(copy).collect();
            members.insert("CopyActions".to_owned(), copies.into());
        }
        members.into()
    }

    /// For a plan that is made.
    pub(crate) fn input(&self, name: &str) -> BackupRuleInput {
        let copies = self.copies.iter().map(|copy| {
            CopyAction::builder()
                .destination_backup_vault_arn(&copy.vault_arn)
                .set_lifecycle(lifecycle(copy.cold_after_days, copy.delete_after_days))
                .build()
                .expect("it has a vault")
        });
        BackupRuleInput::builder()
            .rule_name(name)
            .target_backup_vault_name(&self.vault_name)
            .set_schedule_expression(self.schedule.clone())
            .set_schedule_expression_timezone(self.schedule_time_zone.clone())
            .set_start_window_minutes(self.start_window_minutes)
            .set_lifecycle(lifecycle(self.cold_after_days, self.delete_after_days))
            .set_copy_actions((!self.copies.is_empty()).then(|| copies.collect()))
            .build()
            .expect("it has a name and a vault")
    }

    /// Do both say the same, where AWS fills in what was left out?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let plain = |rule: &Self| {
            let copies = rule.copies.iter().map(|copy| Copy {
                delete_after_days: positive(copy.delete_after_days),
                cold_after_days: positive(copy.cold_after_days),
                ..copy.clone()
            });
            let is_utc = |zone: &String| matches!(zone.as_str(), "UTC" | "Etc/UTC");
            Self {
                vault_name: rule.vault_name.clone(),
                schedule: Some(rule.schedule.clone().unwrap_or_else(|| "cron(0 5 ? * * *)".to_owned())),
                schedule_time_zone: rule.schedule_time_zone.clone().filter(|zone| !is_utc(zone)),
                start_window_minutes: Some(rule.start_window_minutes.unwrap_or(480)),
                cold_after_days: positive(rule.cold_after_days),
                delete_after_days: positive(rule.delete_after_days),
                copies: copies.collect(),
            }
        };
        plain(self) == plain(other)
    }

    /// Could AWS Backup take it?
    ///
    /// Errors: why not, in words.
    pub(crate) fn check(&self) -> Result<(), String> {
        check_lifecycle(positive(self.cold_after_days), positive(self.delete_after_days))?;
        if let Some(minutes) = self
            .start_window_minutes
            .filter(|minutes| *minutes < LEAST_START_WINDOW_MINUTES)
        {
            return Err(format!(
                "a start window of {minutes} minutes; AWS Backup takes {LEAST_START_WINDOW_MINUTES} at least"
            ));
        }
        if self.copies.len() > MOST_COPIES {
            return Err(format!(
                "{} copies; AWS Backup takes {MOST_COPIES} in a rule",
                self.copies.len()
            ));
        }
        if self.vault_name.is_empty() {
            return Err("a rule without a vault".to_owned());
        }
        for copy in &self.copies {
            if copy.place().is_none() {
                return Err(format!("`{}` is not the ARN of a vault", one_line(&copy.vault_arn)));
            }
            check_lifecycle(positive(copy.cold_after_days), positive(copy.delete_after_days))?;
        }
        Ok(())
    }

    /// What it does, in words.
    pub(crate) fn words(&self) -> String {
        let schedule = self.schedule.as_deref().unwrap_or("daily at 05:00");
        let mut words = format!(
            "{} into vault {}, {}",
            one_line(schedule),
            one_line(&self.vault_name),
            kept(self.cold_after_days, self.delete_after_days)
        );
        for copy in &self.copies {
            words.push_str(&format!(", copied to {}", copy.words()));
        }
        words
    }

    /// What changes from this rule to another one, in words.
    pub(crate) fn changes(&self, to: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        let mut note = |what: &str, from: String, to: String| {
            if from != to {
                changes.push(format!("{what} {from} -> {to}"));
            }
        };
        let schedule = |rule: &Self| {
            let expression = rule
                .schedule
                .as_deref()
                .map_or_else(|| "daily at 05:00".to_owned(), one_line);
            match rule.schedule_time_zone.as_deref() {
                None | Some("UTC" | "Etc/UTC") => expression,
                Some(zone) => format!("{expression} in {}", one_line(zone)),
            }
        };
        note("schedule", schedule(self), schedule(to));
        let window = |rule: &Self| format!("{} min", rule.start_window_minutes.unwrap_or(480));
        note("start window", window(self), window(to));
        note("vault", one_line(&self.vault_name), one_line(&to.vault_name));
        let lifecycle = |rule: &Self| kept(rule.cold_after_days, rule.delete_after_days);
        note("lifecycle", lifecycle(self), lifecycle(to));
        for copy in &to.copies {
            match self.copies.iter().find(|known| known.vault_arn == copy.vault_arn) {
                None => changes.push(format!("new copy to {}", copy.words())),
                Some(known) if known != copy => changes.push(format!("copy {} -> {}", known.words(), copy.words())),
                Some(_) => {}
            }
        }
        changes
    }
}

/// A number of days that is none where it stands for ever.
pub(crate) fn positive(days: Option<i64>) -> Option<i64> {
    days.filter(|days| *days > 0)
}

fn kept(cold_after_days: Option<i64>, delete_after_days: Option<i64>) -> String {
    let cold = positive(cold_after_days).map(|days| format!("cold after {days} days, "));
    let deleted = match positive(delete_after_days) {
        Some(days) => format!("deleted after {days} days"),
        None => "kept for ever".to_owned(),
    };
    cold.unwrap_or_default() + &deleted
}

fn lifecycle(cold_after_days: Option<i64>, delete_after_days: Option<i64>) -> Option<Lifecycle> {
    (cold_after_days.is_some() || delete_after_days.is_some()).then(|| {
        Lifecycle::builder()
            .set_move_to_cold_storage_after_days(cold_after_days)
            .set_delete_after_days(delete_after_days)
            .build()
    })
}

/// Writes the two numbers of a lifecycle into the JSON of what has one; what else it says stays.
pub(super) fn put_lifecycle(of: &mut Map<String, Value>, cold_after_days: Option<i64>, delete_after_days: Option<i64>) {
    let numbers = [
        ("MoveToColdStorageAfterDays", cold_after_days),
        ("DeleteAfterDays", delete_after_days),
    ];
    let mut lifecycle = match of.remove("Lifecycle") {
        Some(Value::Object(lifecycle)) => lifecycle,
        _ => Map::new(),
    };
    for (member, days) in numbers {
        match days {
            Some(days) => lifecycle.insert(member.to_owned(), days.into()),
            None => lifecycle.remove(member),
        };
    }
    if !lifecycle.is_empty() {
        of.insert("Lifecycle".to_owned(), lifecycle.into());
    }
}
