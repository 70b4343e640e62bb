//! AWS's own restore tests: the table that one made compared with its source, and what came of it told to AWS.
//!
//! In: a restore job that a restore testing plan began, and that waits for a verdict. Out: the same record as that of a drill, and one
//! call that AWS takes as final. The table is AWS's: it deletes it once the verdict is there, or its time for validation is over, and
//! nothing here does.

use std::time::Duration;

use aws_sdk_backup::operation::describe_restore_job::DescribeRestoreJobOutput;
use aws_sdk_backup::operation::list_restore_jobs::ListRestoreJobsOutput;
use aws_sdk_backup::types::{RestoreJobsListMember, RestoreValidationStatus};
use aws_sdk_dynamodb::types::TableDescription;
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::ask::{self, Looked, is_active, is_expired};
use super::compare::{self, Filed, Progress, Side, Tell, Wanted, Wish};
use super::record::{Cleanup, Drill, Job, PartOutcome, Point, Restored, Source, Times, Verdict};
use crate::aws::call::Page;
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::collect::instant;
use crate::domain::{Arn, TargetId};
use crate::problem::{Problem, one_line};
use crate::remediate::actions::ground::DESCRIBE_TABLE;
use crate::remediate::restore::{self, DESCRIBE_POINT, Key, LOOK};

const POST: &str = "backup:PutRestoreValidationResult";
const GET_PLAN: &str = "backup:GetRestoreTestingPlan";
const LIST_JOBS: &str = "backup:ListRestoreJobs";

/// IAM actions of all calls here, but for those of the comparison.
pub(crate) const ACTIONS: &[&str] = &[LOOK, LIST_JOBS, GET_PLAN, DESCRIBE_POINT, DESCRIBE_TABLE, POST];

/// How AWS's restore testing names the tables that it makes.
const PREFIX: &str = "awsbackup-restore-test";

/// A message to AWS is cut to so many characters.
const LONGEST_MESSAGE: usize = 1000;

/// A restore test that waits for a verdict.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    /// The plan that began it.
    pub(crate) plan_arn: String,
    /// What is known of it before anything is compared.
    pub(crate) drill: Drill,
}

/// The restore test of a job.
///
/// API: backup:DescribeRestoreJob, backup:DescribeRecoveryPoint. Calls: 2. Errors: there is no such job; it is not a restore test of a
/// table; it has a verdict, or is past its time for one; it is not over, or has failed; AWS's refusal.
pub(crate) async fn test(target: &Target, id: &str) -> Result<Test, Problem> {
    let refuse = |what: String| {
        Problem::new(what)
            .at(format!(
                "restore job `{}`, account {}, {}",
                one_line(id),
                target.id.account_id,
                target.id.region
            ))
            .so("nothing was compared, and AWS was told nothing")
    };
    let send = || target.backup.describe_restore_job().restore_job_id(id).send();
    let job = target.caller.once(LOOK, id, send).await.map_err(|failure| {
        let hint = match failure.kind {
            FailureKind::Absent => "name the job by the `restoreJobId` of its event, and the Region with `--region`",
            _ => "`backproof explain permissions --command drill` prints the rights needed",
        };
        refuse("could not look at the restore job".to_owned())
            .why(failure.of(LOOK))
            .hint(hint)
    })?;
    let Some(plan_arn) = job
        .created_by()
        .and_then(|by| by.restore_testing_plan_arn())
        .map(str::to_owned)
    else {
        return Err(refuse("the restore job is not a restore test".to_owned())
            .why("no restore testing plan began it, and AWS takes verdicts on those alone")
            .hint("`backproof drill` makes restores of its own and compares them"));
    };
    if let Some(status) = job.validation_status().filter(|status| is_final(status)) {
        return Err(refuse(format!("the restore test is {} already", status.as_str()))
            .why(job.validation_status_message().map_or_else(
                || "AWS does not let a verdict be changed".to_owned(),
                |message| format!("AWS does not let a verdict be changed; it says: {}", one_line(message)),
            ))
            .hint("the next run of the plan makes another test"));
    }
    let state = job.status().map_or("", |status| status.as_str()).to_owned();
    if state != "COMPLETED" {
        let message = job.status_message().unwrap_or_default();
        let problem = match state.as_str() {
            "" => refuse("AWS does not say how the restore job stands".to_owned()),
            "PENDING" | "RUNNING" => refuse(format!("the restore job is {state}"))
                .why("there is no table yet")
                .hint("wait until it is COMPLETED; `--watch PLAN` does"),
            _ => refuse(format!("the restore job {state}"))
                .why(one_line(message))
                .hint("there is no table to compare; the job itself is the evidence, and `scan` reads it"),
        };
        return Err(problem);
    }
    if let Some(status) = job.deletion_status() {
        return Err(refuse("the table of the restore test is gone, or going".to_owned())
            .why(format!("its DeletionStatus is {}", status.as_str()))
            .hint("give the selection a validation window (`ValidationWindowHours`) that is long enough for the comparison"));
    }
    let drill = begun(target, id, &job).await.map_err(|why| {
        refuse("what the restore test made is not known".to_owned())
            .why(why)
            .hint("look at the job with `aws backup describe-restore-job`")
    })?;
    Ok(Test { plan_arn, drill })
}

/// A verdict that AWS does not take another one after.
fn is_final(status: &RestoreValidationStatus) -> bool {
    *status != RestoreValidationStatus::Validating
}

/// The record of a restore that AWS ordered, before anything is compared.
///
/// Errors: what the answer does not say, in words.
async fn begun(target: &Target, id: &str, job: &DescribeRestoreJobOutput) -> Result<Drill, String> {
    let missing = |what: &str| format!("AWS does not say {what}");
    let point_arn = job
        .recovery_point_arn()
        .ok_or_else(|| missing("which point it restored"))?;
    let vault_arn = job.backup_vault_arn().unwrap_or_default();
    let vault_name = vault_arn.split_once(":backup-vault:").map_or("", |(_, name)| name);
    let created = job
        .created_resource_arn()
        .ok_or_else(|| missing("which table it made"))?;
    let made = Arn::parse(created).filter(|arn| (arn.account_id, arn.region) == place(&target.id));
    let table_name = made
        .and_then(|arn| arn.table_name())
        .filter(|name| name.starts_with(PREFIX))
        .ok_or_else(|| format!("`{}` is no table that restore testing makes", one_line(created)))?;
    let described = restore::describe(target, vault_name, point_arn).await.ok();
    let point = match &described {
        Some(point) => Point {
            arn: point_arn.to_owned(),
            vault_name: point.vault_name.clone(),
            created_at: point.created_at,
            completed_at: point.completed_at,
            size_bytes: point.size_bytes,
            is_cold: point.is_cold,
        },
        // It may be gone by now: the job remembers its date.
        None => Point {
            arn: point_arn.to_owned(),
            vault_name: vault_name.to_owned(),
            created_at: instant(job.recovery_point_creation_date()),
            completed_at: None,
            size_bytes: job.backup_size_in_bytes(),
            is_cold: false,
        },
    };
    let of_point = described.as_ref().and_then(|point| point.table_arn.as_deref());
    let table_arn = job.source_resource_arn().or(of_point);
    let table_arn = table_arn.ok_or_else(|| missing("of which table the point is"))?;
    Ok(Drill {
        number: 1,
        source: Source {
            table_arn: table_arn.to_owned(),
            created_at: None,
            is_there: None,
        },
        point,
        restored: Restored {
            account_id: target.id.account_id.clone(),
            region: target.id.region.clone(),
            table_name: table_name.to_owned(),
            table_id: None,
            key: String::new(),
            role_arn: job.iam_role_arn().unwrap_or_default().to_owned(),
            job_id: Some(id.to_owned()),
        },
        job: Some(Job {
            state: "COMPLETED".to_owned(),
            message: job.status_message().unwrap_or_default().to_owned(),
            created_at: instant(job.creation_date()),
            completed_at: instant(job.completion_date()),
        }),
        times: Times {
            ordered_at: instant(job.creation_date()),
            ..Times::default()
        },
        rto_seconds: None,
        definition: None,
        items: None,
        cleanup: Cleanup::Left {
            why: "it is a restore test of AWS's own: AWS deletes the table once it has the verdict, or when the time for one is over"
                .to_owned(),
        },
        trouble: None,
        verdict: Verdict::NotTested,
    })
}

fn place(id: &TargetId) -> (&str, &str) {
    (&id.account_id, &id.region)
}

/// What a comparison has at hand.
pub(crate) struct Ground<'g> {
    /// Where the test was made.
    pub(crate) target: &'g Target,
    /// Where its source is. `None`: it cannot be reached.
    pub(crate) home: Option<&'g Target>,
    /// Digests of points, taken when they were made.
    pub(crate) digests: &'g [Filed],
    /// How to read.
    pub(crate) wish: &'g Wish,
    /// Time between two looks at a table that is not ACTIVE yet.
    pub(crate) every: Duration,
    /// How long to wait for it.
    pub(crate) at_most: Duration,
    /// Takes how far it has come.
    pub(crate) tell: Tell<'g>,
}

/// Compares the table of a test with its source.
///
/// API: dynamodb:DescribeTable and those of the comparison. Calls: 3, and those of the comparison. Errors: the table cannot be looked
/// at, or did not become ACTIVE; credentials that are over. What else could not be read stands in the record as trouble.
pub(crate) async fn compared(test: Test, ground: &Ground<'_>) -> Result<Drill, String> {
    let mut drill = test.drill;
    let name = drill.restored.table_name.clone();
    let (table, seen_at) = active(ground, &name).await?;
    drill.restored.table_id = Some(table.table_id().ok_or("AWS does not say which table it is")?.to_owned());
    drill.restored.key = key_of(&table);
    // Without global indexes a table is ready when its job is COMPLETED; when an index was ready, only looking tells.
    let done_at = drill.job.as_ref().and_then(|job| job.completed_at);
    drill.times.active_at = match table.global_secondary_indexes().is_empty() {
        true => done_at.or(Some(seen_at)),
        false => Some(seen_at),
    };
    let mut trouble = None;
    let source_name = Arn::parse(&drill.source.table_arn)
        .and_then(|arn| arn.table_name())
        .unwrap_or_default();
    let source_name = source_name.to_owned();
    match ground.home {
        Some(home) => match ask::table(home, &source_name).await {
            Ok(looked) => {
                drill.source.is_there = Some(looked.table.is_some());
                drill.source.created_at = looked
                    .table
                    .as_ref()
                    .and_then(|table| instant(table.creation_date_time()));
            }
            Err(failure) => trouble = Some(format!("the source: {}", failed(&failure, DESCRIBE_TABLE)?)),
        },
        None => trouble = Some("the account or Region of the source cannot be reached".to_owned()),
    }
    let is_there = drill.source.is_there == Some(true);
    let source = ground.home.filter(|_| is_there).map(|target| Side {
        target,
        table: &source_name,
    });
    let restored = Side {
        target: ground.target,
        table: &name,
    };
    let digest = ground
        .digests
        .iter()
        .find(|filed| filed.digest.recovery_point_arn == drill.point.arn);
    // With a digest of the point nobody needs the source.
    trouble = trouble.filter(|_| digest.is_none());
    let ordered = Key::parse(&drill.restored.key).unwrap_or(Key::AwsOwned);
    let with_arn = source.map(|side| (side, drill.source.table_arn.as_str()));
    let definition = compare::definition(restored, with_arn, digest, &drill.point, &ordered).await;
    let items = match ground.wish.reach {
        Wanted::Nothing => None,
        _ => Some(compare::items(restored, source, digest, &drill.point, ground.wish, ground.tell).await),
    };
    let mut note = |what: &str, why: String| {
        trouble.get_or_insert(format!("{what}: {why}"));
    };
    drill.definition = definition
        .map_err(|why| note("keys, indexes and settings could not be compared", why))
        .ok();
    drill.items = items.and_then(|items| items.map_err(|why| note("the items could not be compared", why)).ok());
    // A table that went away or was replaced meanwhile was not the one that was read.
    let looked = ask::table(ground.target, &name).await;
    match looked {
        Ok(Looked { table: Some(table), at }) if table.table_id() == drill.restored.table_id.as_deref() => {
            drill.times.compared_at = Some(at);
        }
        Ok(Looked { at, .. }) => {
            drill.times.compared_at = Some(at);
            note(
                "the table of the test",
                "it was deleted or replaced while it was compared".to_owned(),
            );
        }
        Err(failure) => note("the table of the test", failed(&failure, DESCRIBE_TABLE)?),
    }
    drill.trouble = trouble;
    drill.verdict = drill.judged();
    Ok(drill)
}

/// Why a call failed, to be noted.
///
/// Errors: the credentials are over; after a new login the same command may succeed.
fn failed(failure: &Failure, action: &str) -> Result<String, String> {
    match is_expired(failure) {
        true => Err(failure.of(action)),
        false => Ok(failure.of(action)),
    }
}

/// Waits for the table and its last index; gives it, and when it was seen.
async fn active(ground: &Ground<'_>, name: &str) -> Result<(TableDescription, DateTime<Utc>), String> {
    let until = Instant::now() + ground.at_most;
    loop {
        let why = match ask::table(ground.target, name).await {
            Ok(Looked { table: Some(table), at }) if is_active(&table) => return Ok((table, at)),
            Ok(Looked { table: Some(_), .. }) => "it, or an index of it, is not ACTIVE".to_owned(),
            Ok(Looked { table: None, .. }) => return Err(format!("there is no table `{}`", one_line(name))),
            Err(failure) if failure.is_retryable => failure.of(DESCRIBE_TABLE),
            Err(failure) => return Err(failure.of(DESCRIBE_TABLE)),
        };
        if Instant::now() >= until {
            return Err(format!("table `{}` could not be used: {why}", one_line(name)));
        }
        tokio::time::sleep(ground.every).await;
    }
}

/// The key that the plan ordered is not known here, and not judged: the one that the table has.
fn key_of(table: &TableDescription) -> String {
    let key = table.sse_description().and_then(|sse| sse.kms_master_key_arn());
    key.map_or_else(|| "aws-owned".to_owned(), str::to_owned)
}

/// What AWS is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// FAILED and SUCCESSFUL are final; VALIDATING leaves the test open.
    pub(crate) status: RestoreValidationStatus,
    /// Why, in one line.
    pub(crate) message: String,
}

impl Answer {
    /// What a record makes of a test: SUCCESSFUL only where the comparison held, FAILED only where it shows a damage. Anything else
    /// stays VALIDATING, with the reason, until AWS says TIMED_OUT: nobody has validated it.
    pub(crate) fn of(drill: &Drill) -> Self {
        let status = match drill.verdict {
            Verdict::Identical | Verdict::EqualButForChanges | Verdict::SampleEqual => {
                RestoreValidationStatus::Successful
            }
            Verdict::Different => RestoreValidationStatus::Failed,
            Verdict::Failed | Verdict::NotTested | Verdict::NotComparable => RestoreValidationStatus::Validating,
        };
        let mut parts = vec![match drill.verdict {
            Verdict::Identical => "the restored table is the same in every part and every item".to_owned(),
            Verdict::EqualButForChanges => {
                "the restored table is equal but for items written since the recovery point".to_owned()
            }
            Verdict::SampleEqual => "a sample of the items is equal; the others were not read".to_owned(),
            Verdict::Different => "the restored table is not what the recovery point had to hold".to_owned(),
            Verdict::Failed | Verdict::NotTested | Verdict::NotComparable => {
                "not validated: the restored table could not be compared".to_owned()
            }
        }];
        parts.extend(drill.trouble.iter().cloned());
        parts.extend(drill.items.iter().map(|items| items.statement.clone()));
        let differing = drill.definition.iter().flat_map(|definition| &definition.parts);
        let differing = differing.filter(|part| part.outcome == PartOutcome::Different);
        parts.extend(differing.map(|part| format!("{} differs", part.name)));
        let text = one_line(&format!(
            "backproof {}: {}",
            env!("CARGO_PKG_VERSION"),
            parts.join("; ")
        ));
        Self {
            status,
            message: text.chars().take(LONGEST_MESSAGE).collect(),
        }
    }

    /// Will AWS take no other one after it?
    pub(crate) fn is_final(&self) -> bool {
        is_final(&self.status)
    }
}

/// Tells AWS.
///
/// API: backup:PutRestoreValidationResult, and where it is refused backup:DescribeRestoreJob: the answer to the first try may have been
/// lost. Calls: 1 or 2. Errors: AWS's refusal, in words.
pub(crate) async fn post(target: &Target, id: &str, answer: &Answer) -> Result<(), String> {
    let send = || {
        let put = target.backup.put_restore_validation_result().restore_job_id(id);
        let put = put.validation_status(answer.status.clone());
        put.validation_status_message(&answer.message).send()
    };
    let Err(failure) = target.caller.once(POST, id, send).await else {
        return Ok(());
    };
    let send = || target.backup.describe_restore_job().restore_job_id(id).send();
    match target.caller.once(LOOK, id, send).await {
        Ok(job)
            if job.validation_status() == Some(&answer.status)
                && job.validation_status_message() == Some(&answer.message) =>
        {
            Ok(())
        }
        _ => Err(failure.of(POST)),
    }
}

/// The ARN of a restore testing plan.
///
/// API: backup:GetRestoreTestingPlan. Calls: 1. Errors: AWS's refusal, or an answer without it.
pub(crate) async fn plan_arn(target: &Target, name: &str) -> Result<String, Failure> {
    let send = || {
        target
            .backup
            .get_restore_testing_plan()
            .restore_testing_plan_name(name)
            .send()
    };
    let take = |answer: aws_sdk_backup::operation::get_restore_testing_plan::GetRestoreTestingPlanOutput| {
        Some(answer.restore_testing_plan?.restore_testing_plan_arn)
    };
    target.caller.part(GET_PLAN, name, send, "the plan", take).await
}

/// The restore jobs of a plan that wait for a verdict, the oldest first.
///
/// API: backup:ListRestoreJobs, of DynamoDB and of the plan. Calls: 1 for each page. Errors: AWS's refusal, or a list that does not
/// end.
pub(crate) async fn waiting(target: &Target, plan_arn: &str) -> Result<Vec<String>, Failure> {
    let send = |token| {
        let list = target.backup.list_restore_jobs().by_resource_type("DynamoDB");
        let list = list.by_restore_testing_plan_arn(plan_arn);
        list.max_results(1000).set_next_token(token).send()
    };
    fn page(page: &ListRestoreJobsOutput) -> Page<'_, RestoreJobsListMember> {
        (page.restore_jobs.as_ref(), page.next_token())
    }
    let mut found: Vec<(Option<DateTime<Utc>>, String)> = Vec::new();
    let take = |jobs: &[RestoreJobsListMember]| {
        let waits = |job: &&RestoreJobsListMember| {
            job.status().is_some_and(|status| status.as_str() == "COMPLETED")
                && job.deletion_status().is_none()
                && !job.validation_status().is_some_and(is_final)
        };
        for job in jobs.iter().filter(waits) {
            found.extend(
                job.restore_job_id()
                    .map(|id| (instant(job.completion_date()), id.to_owned())),
            );
        }
        let unplaced = jobs
            .iter()
            .filter(|job| job.restore_job_id().is_none() || job.status().is_none());
        Ok::<_, Failure>(unplaced.count())
    };
    target.caller.list(LIST_JOBS, plan_arn, send, page, take).await?;
    found.sort();
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

/// How far a comparison has come, in words.
pub(crate) fn progress(progress: Progress) -> String {
    format!("{} and {} items read", progress.restored, progress.other)
}
