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

use super::actions::Action;
use super::follow::Job;
use super::{Event, Plan};
use crate::aws::target::Target;
use crate::domain::TargetId;
use crate::problem::Problem;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    at: String,
    token: String,
    /// Journals of plans before version 3 say `table_arn`.
    #[serde(alias = "table_arn")]
    resource_arn: String,
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

    fn note(&mut self, action: &Action, step: &str, job_id: Option<&str>, why: Option<&str>) -> Result<(), Problem> {
        let line = Step {
            at: crate::domain::rfc3339(Utc::now()),
            token: action.token().to_owned(),
            resource_arn: action.resource().arn.to_owned(),
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
/// API and calls: those of the action's drift check and start. Errors: what an action rests on has changed, which stops
/// everything; what AWS refuses is noted, and the next one is tried.
pub async fn apply(
    plan: &Plan,
    targets: &BTreeMap<TargetId, Target>,
    journal: &mut Journal,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<Applied, Problem> {
    let mut applied = Applied::default();
    for (number, action) in plan.actions.iter().enumerate() {
        let Some(target) = targets.get(&action.target()) else {
            applied.refused += 1;
            continue;
        };
        let name = action.resource().name;
        let job = |id: String| Job {
            id,
            action: action.clone(),
            target: target.clone(),
        };
        if let Some(job_id) = journal.started.get(action.token()) {
            tell(Event::StartedBefore(name, job_id));
            applied.jobs.push(job(job_id.clone()));
            continue;
        }
        if let Err(why) = action.check_drift(target).await {
            return Err(drift(plan, number, action, why));
        }
        journal.note(action, "starting", None, None)?;
        match action.start(target).await {
            Ok(job_id) => {
                journal.note(action, "started", Some(&job_id), None)?;
                tell(Event::Started(name, &job_id));
                applied.jobs.push(job(job_id));
            }
            Err(failure) => {
                journal.note(action, "refused", None, Some(&failure.why()))?;
                tell(Event::Refused(name, &failure.why()));
                applied.refused += 1;
            }
        }
    }
    Ok(applied)
}

/// What the action of this number rests on is no longer so.
fn drift(plan: &Plan, number: usize, action: &Action, why: String) -> Problem {
    let (done, all) = (number, plan.actions.len());
    let so = match done {
        0 => format!("nothing was started; {all} actions are left"),
        done => format!(
            "actions 1 to {done} are done and journaled; {} to {all} were not started",
            done + 1
        ),
    };
    let (resource, target) = (action.resource(), action.target());
    Problem::new("the remediation plan no longer matches AWS")
        .at(format!(
            "action {} of {all}: {} `{}` in account {}, {}",
            number + 1,
            resource.subject,
            resource.name,
            target.account_id,
            target.region
        ))
        .why(why)
        .so(so)
        .hint("scan again, then `remediate plan`, and review the new plan")
}
