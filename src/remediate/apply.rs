//! A reviewed plan, done: drift checked before each action, every step in a journal that survives a crash.
//!
//! The journal is a line of JSON before and after each call, flushed to disk. A second `apply` of the same plan skips
//! what the journal says is done, and repeats what it cannot be sure of with the same idempotency token.

use std::collections::BTreeMap;
use std::fs::{OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::Path;

use chrono::Utc;
use serde::{Deserialize, Serialize};

use super::actions::Action;
use super::follow::Job;
use super::{Event, Plan};
use crate::aws::target::Target;
use crate::domain::TargetId;
use crate::plain_file::{self, LARGEST_PLAN};
use crate::problem::{Problem, one_line};

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

impl Step {
    /// The job that the step began, if it began one. The action is that of its token, if the plan has it: several plans may
    /// share a journal.
    ///
    /// Errors: why this is no step that was noted here, in words.
    fn check(&self, action: Option<&Action>) -> Result<Option<String>, String> {
        if let Some(action) = action
            && action.resource().arn != self.resource_arn
        {
            return Err(format!(
                "it is about `{}`, and its token is that of the action on `{}`",
                one_line(&self.resource_arn),
                one_line(action.resource().arn)
            ));
        }
        match (self.step.as_str(), self.job_id.as_deref()) {
            ("started", Some(id)) if !id.trim().is_empty() => Ok(Some(id.to_owned())),
            ("started", _) => Err("it says that a job was started, and names none".to_owned()),
            ("starting" | "refused", _) => Ok(None),
            (other, _) => Err(format!("`{}` is not a step", one_line(other))),
        }
    }
}

/// The journal of one plan.
pub(crate) struct Journal {
    file: std::fs::File,
    path: String,
    started: BTreeMap<String, String>,
}

impl Journal {
    /// Opens the journal of a plan and reads what was done before. A last line that a crash tore is cut off: what it was to say is not
    /// known, and is asked again.
    ///
    /// Errors: it cannot be read or written, is too large, another run has it, or a line in it is not a step of this plan.
    pub(crate) fn open(path: &Path, plan: &Plan) -> Result<Self, Problem> {
        let refuse = |why: String| {
            Problem::new("could not use the journal")
                .at(path.display().to_string())
                .why(why)
                .so("nothing was changed")
                .hint("choose another file with `--journal`")
        };
        let disk = |error: std::io::Error| refuse(error.to_string());
        let is_new = !path.exists();
        if !is_new && !path.is_file() {
            return Err(refuse("it is not a plain file".to_owned()));
        }
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(disk)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(
                refuse("another run of `remediate apply` is using it".to_owned()).hint("wait until it has ended")
            );
        }
        let bytes = plain_file::read_open(&file, LARGEST_PLAN).map_err(disk)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let text = std::str::from_utf8(&bytes[..whole]).map_err(|error| refuse(error.to_string()))?;
        let actions: BTreeMap<&str, &Action> = plan.actions.iter().map(|action| (action.token(), action)).collect();
        let mut started = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let step: Step =
                serde_json::from_str(line).map_err(|error| refuse(format!("line {}: {error}", number + 1)))?;
            let job_id = step
                .check(actions.get(step.token.as_str()).copied())
                .map_err(|why| refuse(format!("line {}: {why}", number + 1)))?;
            if let Some(job_id) = job_id {
                started.insert(step.token, job_id);
            }
        }
        if whole < bytes.len() {
            file.set_len(whole as u64)
                .and_then(|()| file.sync_all())
                .map_err(disk)?;
        }
        if is_new {
            // Its name has to last before the first job does.
            file.sync_all().and_then(|()| sync_folder_of(path)).map_err(disk)?;
        }
        Ok(Self {
            file,
            path: path.display().to_string(),
            started,
        })
    }

    /// Notes a step, on disk when this returns: one write for one line, so that a crash tears the last one at most.
    fn note(&mut self, action: &Action, step: &str, job_id: Option<&str>, why: Option<&str>) -> Result<(), Problem> {
        let line = Step {
            at: crate::domain::rfc3339(Utc::now()),
            token: action.token().to_owned(),
            resource_arn: action.resource().arn.to_owned(),
            step: step.to_owned(),
            job_id: job_id.map(str::to_owned),
            why: why.map(str::to_owned),
        };
        let text = serde_json::to_string(&line).map_err(|error| Problem::new(error.to_string()))? + "\n";
        let written = self
            .file
            .write_all(text.as_bytes())
            .and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            Problem::new("could not write the journal")
                .at(self.path.clone())
                .why(error.to_string())
                .so("no further action was started")
                .hint("free some space, then run `remediate apply` again: what is done is not done twice")
        })
    }
}

/// A new name lasts when its folder is on disk.
fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// What became of a plan.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Jobs that run or ran: started now, or found in the journal.
    pub(crate) jobs: Vec<Job>,
    /// Actions that AWS refused, or whose account cannot be reached.
    pub(crate) refused: usize,
    /// Actions whose job stands in the journal, and AWS does not say that it is theirs.
    pub(crate) unproven: usize,
}

/// Does what the plan says, action by action.
///
/// A job of the journal counts once AWS says that it is one of this action, begun since the plan's scan: a journal is a file
/// like any other, and proves nothing by itself.
///
/// API and calls: those of the action's drift check and start, or of the check of its job. Errors: what an action rests on
/// has changed, which stops everything; what AWS refuses is noted, and the next one is tried.
pub(crate) async fn apply(
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
            match action.check_job(target, job_id, plan.as_of).await {
                Ok(()) => {
                    tell(Event::StartedBefore(name, job_id));
                    applied.jobs.push(job(job_id.clone()));
                }
                Err(why) => {
                    tell(Event::Unproven(name, job_id, &why));
                    applied.unproven += 1;
                }
            }
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn action(number: usize) -> Action {
        let action = serde_json::json!({
            "kind": "backup-now",
            "reason": "r",
            "table_arn": format!("arn:aws:dynamodb:eu-west-1:111122223333:table/t{number}"),
            "table_id": null,
            "vault": "v",
            "role_arn": "r",
            "cold_after_days": null,
            "delete_after_days": 35,
            "idempotency_token": format!("token-{number}"),
            "table_size_bytes": null,
        });
        serde_json::from_value(action).expect("an action")
    }

    fn plan() -> Plan {
        Plan {
            schema_version: super::super::PLAN_VERSION,
            scan_id: "s".to_owned(),
            as_of: DateTime::UNIX_EPOCH,
            actions: (0..10).map(action).collect(),
            blocked: Vec::new(),
            sha256: String::new(),
        }
    }

    /// Cut at any byte, it opens; what it knows are the whole lines, and what is written next stands on a line of its own.
    #[test]
    fn a_journal_that_was_cut_at_any_byte_goes_on() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("whole");
        let mut journal = Journal::open(&path, &plan()).expect("opened");
        for number in 0..3 {
            journal.note(&action(number), "starting", None, None).expect("noted");
            let job = format!("jöb-{number}");
            journal
                .note(&action(number), "started", Some(&job), None)
                .expect("noted");
        }
        let whole = std::fs::read(&path).expect("read");
        for cut in 0..=whole.len() {
            let path = dir.path().join(format!("cut-{cut}"));
            std::fs::write(&path, &whole[..cut]).expect("written");
            let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
            let mut journal = Journal::open(&path, &plan()).unwrap_or_else(|problem| panic!("cut at {cut}: {problem}"));
            assert_eq!(journal.started.len(), lines / 2, "cut at {cut}");
            journal.note(&action(9), "started", Some("late"), None).expect("noted");
            drop(journal);
            let journal =
                Journal::open(&path, &plan()).unwrap_or_else(|problem| panic!("cut at {cut}, and on: {problem}"));
            assert_eq!(journal.started.len(), lines / 2 + 1, "cut at {cut}");
            assert_eq!(journal.started.get("token-9").map(String::as_str), Some("late"));
            std::fs::remove_file(path).expect("gone");
        }
    }

    #[test]
    fn a_line_that_was_not_noted_for_its_action_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("journal");
        let of = |table: &str| format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{table}");
        for (table, token, step, job, why) in [
            ("t1", "token-1", "started", serde_json::json!("j"), ""),
            // Another plan's: nothing is known of it.
            ("other", "token-other", "started", serde_json::json!("j"), ""),
            ("t2", "token-1", "started", serde_json::json!("j"), "table/t1`"),
            ("t2", "token-1", "refused", serde_json::Value::Null, "table/t1`"),
            ("t1", "token-1", "started", serde_json::json!(""), "names none"),
            ("t1", "token-1", "started", serde_json::json!(" "), "names none"),
            ("t1", "token-1", "started", serde_json::Value::Null, "names none"),
            ("t1", "token-1", "done", serde_json::json!("j"), "`done` is not a step"),
        ] {
            let line = serde_json::json!({"at": "", "token": token, "resource_arn": of(table), "step": step,
                "job_id": job, "why": null});
            std::fs::write(&path, format!("{line}\n")).expect("written");
            let found = Journal::open(&path, &plan())
                .err()
                .map_or_else(String::new, |problem| problem.why);
            let is_right = if why.is_empty() {
                found.is_empty()
            } else {
                found.starts_with("line 1: ") && found.contains(why)
            };
            assert!(is_right, "{line}: {found}");
        }
    }

    #[test]
    fn a_journal_that_cannot_be_read_is_no_empty_one() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(
            Journal::open(dir.path(), &plan()).err().expect("a folder").why,
            "it is not a plain file"
        );
        let path = dir.path().join("journal");
        std::fs::write(&path, b"\xff\n").expect("written");
        assert!(Journal::open(&path, &plan()).is_err());
        std::fs::write(&path, "{}\n").expect("written");
        assert!(
            Journal::open(&path, &plan())
                .err()
                .expect("no step")
                .why
                .starts_with("line 1: ")
        );
        std::fs::write(&path, "").expect("written");
        let first = Journal::open(&path, &plan()).expect("opened");
        assert!(
            Journal::open(&path, &plan())
                .err()
                .expect("in use")
                .why
                .contains("another run")
        );
        drop(first);
        Journal::open(&path, &plan()).expect("free again");
        let file = OpenOptions::new().write(true).open(&path).expect("opened");
        file.set_len(LARGEST_PLAN + 1).expect("made longer");
        let problem = Journal::open(&path, &plan()).err().expect("too large");
        assert!(problem.why.contains("at most"), "{}", problem.why);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_a_journal() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("journal");
        Journal::open(&path, &plan()).expect("opened");
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    }
}
