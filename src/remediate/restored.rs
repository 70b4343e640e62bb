//! A restored table taken away again: the one that a restore job made, as that job made it, and nothing else.
//!
//! In: the id of a job, as `restore` printed it. AWS says which table it made, and when: a table of that name which was made at
//! another time is somebody's own.

use aws_sdk_backup::operation::describe_restore_job::DescribeRestoreJobOutput;
use chrono::{DateTime, TimeDelta, Utc};

use super::actions::Undone;
use super::actions::ground::{DESCRIBE_TABLE, name_of};
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::collect::instant;
use crate::domain::rfc3339;
use crate::problem::one_line;

const LOOK: &str = "backup:DescribeRestoreJob";
const DELETE: &str = "dynamodb:DeleteTable";

/// IAM actions of all calls here.
pub(crate) const ACTIONS: &[&str] = &[LOOK, DESCRIBE_TABLE, DELETE];

/// The clocks of two services differ by no more.
const SLACK: TimeDelta = TimeDelta::minutes(1);

/// What a restore job made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restored {
    /// The table's ARN.
    pub(crate) table_arn: String,
    began: DateTime<Utc>,
    ended: DateTime<Utc>,
}

impl Restored {
    /// The table's name.
    pub(crate) fn name(&self) -> &str {
        name_of(&self.table_arn)
    }
}

/// Asks what a restore job made.
///
/// API: backup:DescribeRestoreJob. Calls: 1. Errors: why that is nothing to be taken back, in words.
pub(crate) async fn made_by(target: &Target, job_id: &str) -> Result<Restored, String> {
    let send = || target.backup.describe_restore_job().restore_job_id(job_id).send();
    let job = match target.caller.once(LOOK, job_id, send).await {
        Ok(job) => job,
        Err(failure) if failure.kind == FailureKind::Absent => {
            return Err("AWS Backup does not know this restore job, or no longer: delete the table by hand".to_owned());
        }
        Err(failure) => return Err(failure.of(LOOK)),
    };
    of_job(&job)
}

fn of_job(job: &DescribeRestoreJobOutput) -> Result<Restored, String> {
    if job.created_by().and_then(|by| by.restore_testing_plan_arn()).is_some() {
        return Err("it is a job of a restore testing plan, whose tables AWS Backup deletes itself".to_owned());
    }
    let state = job.status().map_or("UNKNOWN", |status| status.as_str());
    if state != "COMPLETED" {
        let word = match state {
            "PENDING" | "RUNNING" => "wait until it has ended",
            _ => "it made no table that is to be taken back",
        };
        return Err(format!("the job is {}: {word}", one_line(state)));
    }
    let times = instant(job.creation_date()).zip(instant(job.completion_date()));
    let (Some(table_arn), Some((began, ended))) = (job.created_resource_arn(), times) else {
        return Err(format!(
            "the answer to {LOOK} does not say which table the job made, or when"
        ));
    };
    if name_of(table_arn).is_empty() {
        return Err(format!("it made `{}`, which is no table", one_line(table_arn)));
    }
    Ok(Restored {
        table_arn: table_arn.to_owned(),
        began,
        ended,
    })
}

/// Deletes the table, with what was written into it since. Its deletion protection stays, and AWS refuses then.
///
/// API: dynamodb:DescribeTable, dynamodb:DeleteTable. Calls: 2. Errors: AWS's refusal.
pub(crate) async fn delete(target: &Target, restored: &Restored) -> Result<Undone, Failure> {
    let name = restored.name();
    let send = || target.dynamodb.describe_table().table_name(name).send();
    let gone = || Ok(Undone::Back("the table is gone".to_owned()));
    let table = match target
        .caller
        .part(DESCRIBE_TABLE, name, send, "table", |answer| answer.table)
        .await
    {
        Err(failure) if failure.kind == FailureKind::Absent => return gone(),
        table => table?,
    };
    if table.table_status().is_some_and(|status| status.as_str() == "DELETING") {
        return gone();
    }
    let Some(made) = instant(table.creation_date_time()) else {
        let why = format!("the answer to {DESCRIBE_TABLE} does not say when the table was made");
        return Ok(Undone::Left(why));
    };
    if table.table_arn() != Some(&restored.table_arn) || made < restored.began - SLACK || made > restored.ended + SLACK
    {
        return Ok(Undone::Left(format!(
            "the table of this name was made at {}, and the job ran from {} to {}: it is another one",
            rfc3339(made),
            rfc3339(restored.began),
            rfc3339(restored.ended)
        )));
    }
    let send = || target.dynamodb.delete_table().table_name(name).send();
    match target.caller.once(DELETE, name, send).await {
        Err(failure) if failure.kind != FailureKind::Absent => Err(failure),
        _ => Ok(Undone::Back("the table is deleted".to_owned())),
    }
}

/// What is left to do once a table is deleted, as lines of a shell.
pub(crate) fn left_to_do(restored: &Restored, region: &str) -> String {
    let name = restored.name();
    format!(
        "aws cloudwatch describe-alarms --region {region} --query \"MetricAlarms[?Namespace=='AWS/DynamoDB' && \
         Dimensions[?Name=='TableName' && Value=='{name}']].AlarmName\""
    )
}
