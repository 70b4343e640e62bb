//! A reviewed plan, done: drift checked before each action, every step in a journal that survives a crash.
//!
//! The journal is a line of JSON before and after each call, flushed to disk. A second `apply` of the same plan skips
//! what the journal says is done, and repeats what it cannot be sure of with the same idempotency token.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use chrono::Utc;
use serde::{Deserialize, Serialize};

use super::jobs::{Job, start};
use super::{BackupAction, Event, Plan};
use crate::aws::target::Target;
use crate::domain::TargetId;
use crate::problem::Problem;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    at: String,
    token: String,
    table_arn: String,
    /// `starting`, `started` or `refused`.
    step: String,
    job_id: Option<String>,
    why: Option<String>,
}

/// The journal of one plan.
pub struct Journal {
    file: std::fs::File,
    path: String,
    started: BTreeMap<String, String>,
}

impl Journal {
    /// Opens the journal and reads what was done before.
    ///
    /// Errors: it cannot be written, or a line in it is not a step.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let refuse = |why: String| {
            Problem::new("could not use the journal")
                .at(path.display().to_string())
                .why(why)
                .so("nothing was changed")
                .hint("choose another file with `--journal`")
        };
        let mut started = BTreeMap::new();
        if let Ok(text) = std::fs::read_to_string(path) {
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            for (number, line) in whole.lines().enumerate() {
                let step: Step =
                    serde_json::from_str(line).map_err(|error| refuse(format!("line {}: {error}", number + 1)))?;
                if let (true, Some(job_id)) = (step.step == "started", step.job_id) {
                    started.insert(step.token, job_id);
                }
            }
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|error| refuse(error.to_string()))?;
        Ok(Self {
            file,
            path: path.display().to_string(),
            started,
        })
    }

    fn note(
        &mut self,
        action: &BackupAction,
        step: &str,
        job_id: Option<&str>,
        why: Option<&str>,
    ) -> Result<(), Problem> {
        let line = Step {
            at: crate::domain::rfc3339(Utc::now()),
            token: action.idempotency_token.clone(),
            table_arn: action.table_arn.clone(),
            step: step.to_owned(),
            job_id: job_id.map(str::to_owned),
            why: why.map(str::to_owned),
        };
        let text = serde_json::to_string(&line).map_err(|error| Problem::new(error.to_string()))?;
        writeln!(self.file, "{text}")
            .and_then(|()| self.file.sync_data())
            .map_err(|error| {
                Problem::new("could not write the journal")
                    .at(self.path.clone())
                    .why(error.to_string())
                    .so("no further action was started")
                    .hint("free some space, then run `remediate apply` again: what is done is not done twice")
            })
    }
}

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// Jobs that run or ran: started now, or found in the journal.
    pub jobs: Vec<Job>,
    /// Actions that AWS refused, or whose account cannot be reached.
    pub refused: usize,
}

/// Does what the plan says, action by action.
///
/// API: dynamodb:DescribeTable, backup:StartBackupJob. Calls: 2 for each action. Errors: a table that is no longer the
/// one that was judged stops everything; a refused job is noted and the next one is tried.
pub async fn apply(
    plan: &Plan,
    targets: &BTreeMap<TargetId, Target>,
    journal: &mut Journal,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<Applied, Problem> {
    let mut applied = Applied::default();
    for (number, action) in plan.actions.iter().enumerate() {
        let id = TargetId::new(action.account_id.clone(), action.region.clone());
        let Some(target) = targets.get(&id) else {
            applied.refused += 1;
            continue;
        };
        if let Some(job_id) = journal.started.get(&action.idempotency_token) {
            tell(Event::StartedBefore(&action.table_name, job_id));
            applied.jobs.push(Job {
                job_id: job_id.clone(),
                table_name: action.table_name.clone(),
                table_arn: action.table_arn.clone(),
                target: target.clone(),
            });
            continue;
        }
        check_drift(plan, number, action, target).await?;
        journal.note(action, "starting", None, None)?;
        match start(target, action).await {
            Ok(job) => {
                journal.note(action, "started", Some(&job.job_id), None)?;
                tell(Event::Started(&action.table_name, &job.job_id));
                applied.jobs.push(job);
            }
            Err(failure) => {
                journal.note(action, "refused", None, Some(&failure.why()))?;
                tell(Event::Refused(&action.table_name, &failure.why()));
                applied.refused += 1;
            }
        }
    }
    Ok(applied)
}

/// Is the table still the one that was judged?
async fn check_drift(plan: &Plan, number: usize, action: &BackupAction, target: &Target) -> Result<(), Problem> {
    let send = || target.dynamodb.describe_table().table_name(&action.table_name).send();
    let answer = target
        .caller
        .once("dynamodb:DescribeTable", &action.table_name, send)
        .await;
    let (done, all) = (number, plan.actions.len());
    let drift = |why: String| {
        let so = match done {
            0 => format!("nothing was started; {all} actions are left"),
            done => format!(
                "actions 1 to {done} are done and journaled; {} to {all} were not started",
                done + 1
            ),
        };
        Problem::new("the remediation plan no longer matches AWS")
            .at(format!(
                "action {} of {all}: table `{}` in account {}, {}",
                number + 1,
                action.table_name,
                action.account_id,
                action.region
            ))
            .why(why)
            .so(so)
            .hint("scan again, then `remediate plan`, and review the new plan")
    };
    let found = match answer {
        Ok(answer) => answer.table().and_then(|table| table.table_id()).map(str::to_owned),
        Err(failure) => return Err(drift(failure.why())),
    };
    if found == action.table_id {
        return Ok(());
    }
    let word = |id: &Option<String>| id.clone().unwrap_or_else(|| "none".to_owned());
    Err(drift(format!(
        "the table was deleted and created again (table id {} is now {})",
        word(&action.table_id),
        word(&found)
    )))
}
