//! Point-in-time recovery of one table, switched on.
//!
//! It is DynamoDB's own and ends with the table; it stands beside recovery points and replaces none.

use aws_sdk_dynamodb::operation::describe_continuous_backups::DescribeContinuousBackupsOutput;
use aws_sdk_dynamodb::types::PointInTimeRecoverySpecification;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ground::{DESCRIBE_TABLE, described, name_of, table_id};
use super::{Act, Deed, Doing, Done, Kind, Now, Obstacle, Quantities, Resource, Sign, Undoing, Undone, check_table};
use crate::aws::failure::Failure;
use crate::aws::target::Target;
use crate::domain::{TargetId, Verdict};
use crate::inventory::schema::ContinuousBackup;
use crate::problem::Outcome;
use crate::remediate::Plan;
use crate::remediate::export::{Declared, IMPORT};
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;
use crate::settings::check_pitr_days;

const UPDATE: &str = "dynamodb:UpdateContinuousBackups";
const DESCRIBE: &str = "dynamodb:DescribeContinuousBackups";

/// Which table, and how far back it is to go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pitr {
    /// The table.
    pub table_arn: String,
    /// The incarnation that was judged. `None`: a table older than table ids.
    pub table_id: Option<String>,
    /// Days that it can go back. `None`: DynamoDB's default, 35.
    pub recovery_period_days: Option<i64>,
}

/// Is it on, and how many days does it go back?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Setting {
    is_on: bool,
    days: Option<i64>,
}

fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    for finding in planner.open(&Pitr::KIND) {
        let Some(table) = planner.table(&finding.resource_arn) else {
            let why = format!("only a table has point-in-time recovery, and this is a {}", finding.subject);
            planner.block(&finding, why);
            continue;
        };
        let deed = Pitr {
            table_arn: table.table_arn.clone(),
            table_id: table_id(table),
            recovery_period_days: planner.settings.pitr_days,
        };
        let at = table.target.clone();
        planner.add(&at, Deed::Pitr(deed), &finding.message, &[&finding]);
    }
    Ok(())
}

impl Pitr {
    /// API: dynamodb:DescribeContinuousBackups. Calls: 1. Errors: AWS's refusal, or an answer without the status.
    async fn read(&self, target: &Target) -> Result<Setting, Failure> {
        let name = name_of(&self.table_arn);
        let send = || target.dynamodb.describe_continuous_backups().table_name(name).send();
        let setting = |answer: DescribeContinuousBackupsOutput| {
            let described = answer.continuous_backups_description?;
            let pitr = described.point_in_time_recovery_description()?;
            Some(Setting {
                is_on: pitr.point_in_time_recovery_status()?.as_str() == "ENABLED",
                days: pitr.recovery_period_in_days().map(i64::from),
            })
        };
        let what = "status of point-in-time recovery";
        target.caller.part(DESCRIBE, name, send, what, setting).await
    }

    fn is_done(&self, setting: Setting) -> bool {
        setting.is_on && (self.recovery_period_days.is_none() || self.recovery_period_days == setting.days)
    }

    /// API: dynamodb:UpdateContinuousBackups. Calls: 1.
    async fn write(&self, target: &Target, is_on: bool, days: Option<i64>) -> Result<(), Failure> {
        let name = name_of(&self.table_arn);
        let specification = PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(is_on)
            .set_recovery_period_in_days(days.and_then(|days| i32::try_from(days).ok()))
            .build()
            .map_err(|error| Failure::broken(&error.to_string(), None))?;
        let send = || {
            let update = target.dynamodb.update_continuous_backups().table_name(name);
            update.point_in_time_recovery_specification(specification.clone()).send()
        };
        target.caller.once(UPDATE, name, send).await.map(drop)
    }
}

fn words(setting: Setting) -> String {
    match (setting.is_on, setting.days) {
        (false, _) => "point-in-time recovery is off".to_owned(),
        (true, None) => "point-in-time recovery is on".to_owned(),
        (true, Some(days)) => format!("point-in-time recovery is on, {days} days back"),
    }
}

impl Act for Pitr {
    const KIND: Kind = Kind {
        id: "pitr",
        sign: Sign::Change,
        answers: &["pitr-on"],
        frames: &["tables", "continuous_backups"],
        doing: &[UPDATE, DESCRIBE],
        checking: &[DESCRIBE_TABLE, DESCRIBE],
        propose,
    };

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "table",
            id: self.table_arn.as_str().into(),
            name: name_of(&self.table_arn).into(),
        }
    }

    fn describe(&self) -> String {
        match self.recovery_period_days {
            None => "point-in-time recovery on".to_owned(),
            Some(days) => format!("point-in-time recovery on, {days} days back"),
        }
    }

    fn check_values(&self, at: &TargetId) -> Result<(), String> {
        check_table(&self.table_arn, at)?;
        self.recovery_period_days.map_or(Ok(()), check_pitr_days)
    }

    fn simulate(&self, _at: &TargetId, world: &mut World) -> Outcome<()> {
        let as_of = world.as_of();
        world.edit::<ContinuousBackup>(|rows| {
            for row in rows.iter_mut().filter(|row| row.table_arn == self.table_arn) {
                row.pitr_status = Some("ENABLED".to_owned());
                // Its history begins when it is switched on.
                row.earliest_restorable_at = row.earliest_restorable_at.or(Some(as_of));
                row.latest_restorable_at = row.latest_restorable_at.or(Some(as_of));
                row.recovery_period_days = self.recovery_period_days.or(row.recovery_period_days).or(Some(35));
            }
        })
    }

    /// Point-in-time recovery has a price of its own, by the table's size.
    fn quantities(&self) -> Quantities {
        Quantities {
            is_monthly_unknown: true,
            ..Quantities::default()
        }
    }

    fn inverse(&self) -> Undone {
        Undone::Back("point-in-time recovery is switched off again, and with it goes what it has kept".to_owned())
    }

    /// API: dynamodb:DescribeTable, dynamodb:DescribeContinuousBackups. Calls: 2.
    async fn look(&self, target: &Target, _id: &str) -> Result<Now, Obstacle> {
        described(target, &self.table_arn, self.table_id.as_deref()).await?;
        let setting = self.read(target).await?;
        Ok(match self.is_done(setting) {
            true => Now::Already {
                how: words(setting),
                made: None,
            },
            false => Now::ToDo(json!({ "is_on": setting.is_on, "recovery_period_days": setting.days })),
        })
    }

    /// API: dynamodb:UpdateContinuousBackups. Calls: 1.
    async fn act(&self, target: &Target, _doing: &Doing<'_>) -> Result<Done, Failure> {
        self.write(target, true, self.recovery_period_days).await?;
        Ok(Done::default())
    }

    /// API: dynamodb:DescribeContinuousBackups. Calls: 1.
    async fn verify(&self, target: &Target, _since: DateTime<Utc>) -> (Verdict, String) {
        match self.read(target).await {
            Ok(setting) if self.is_done(setting) => (Verdict::Compliant, words(setting)),
            Ok(setting) => (Verdict::NonCompliant, words(setting)),
            Err(failure) => (Verdict::Unknown, failure.told()),
        }
    }

    /// API: dynamodb:DescribeTable, dynamodb:DescribeContinuousBackups, dynamodb:UpdateContinuousBackups. Calls: 3.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let before = undoing.before;
        if let Err(why) = described(target, &self.table_arn, self.table_id.as_deref()).await {
            return Ok(Undone::Left(why.why()));
        }
        let setting = self.read(target).await?;
        let was_on = before.get("is_on").and_then(Value::as_bool).unwrap_or(false);
        let days = before.get("recovery_period_days").and_then(Value::as_i64);
        if setting.is_on == was_on && (!was_on || setting.days == days) {
            return Ok(Undone::Back(words(setting)));
        }
        if !self.is_done(setting) {
            return Ok(Undone::Left(format!("it was changed since: {}", words(setting))));
        }
        self.write(target, was_on, days.filter(|_| was_on)).await?;
        Ok(Undone::Back(words(Setting { is_on: was_on, days })))
    }

    fn cloudformation(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        Declared::Not(IMPORT)
    }

    fn terraform(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        Declared::Not(IMPORT)
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        let days = self.recovery_period_days.map(|days| format!(",RecoveryPeriodInDays={days}"));
        vec![format!(
            "aws dynamodb update-continuous-backups --region {} --table-name {} \
             --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true{}",
            at.region,
            quoted(name_of(&self.table_arn)),
            days.unwrap_or_default()
        )]
    }
}
