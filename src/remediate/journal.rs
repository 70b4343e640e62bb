//! The journal of a plan: what was done, and what was there before, in a file that survives a crash.
//!
//! A line of JSON before and after each call, flushed to disk. A second `apply` of the same plan skips what the journal says is
//! done, and asks AWS again about what it cannot be sure of.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::actions::Done;
use super::{Action, Plan};
use crate::problem::{Problem, one_line};
use crate::{digest, journal};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: String,
    /// The action's id.
    action: String,
    /// What the action is about.
    resource: String,
    step: Step,
    /// As it was before, to be put back; beside `starting` only.
    #[serde(default)]
    before: Value,
    /// The job that AWS began.
    job_id: Option<String>,
    /// AWS's id of what was made.
    made: Option<String>,
    /// Why not.
    why: Option<String>,
    /// SHA-256 of the line before it: a line that was changed or taken out shows. None: it is the first, or of a program that
    /// did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
}

/// What a line says of its action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// The call is about to be made.
    Starting,
    /// AWS began a job.
    Started,
    /// It is done.
    Done,
    /// It was so already.
    Already,
    /// AWS refused.
    Refused,
    /// What it rests on has changed, or could not be read.
    Drifted,
    /// It is about to be taken back.
    Undoing,
    /// It was taken back.
    Undone,
}

impl Step {
    /// May something of the action's own be there? It was done, or a run ended while it was being done or taken back.
    pub(crate) const fn is_own(self) -> bool {
        matches!(self, Self::Starting | Self::Started | Self::Done | Self::Undoing)
    }

    /// The word of the journal.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Started => "started",
            Self::Done => "done",
            Self::Already => "already",
            Self::Refused => "refused",
            Self::Drifted => "drifted",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
        }
    }
}

/// What the journal knows of one action: the last that was noted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Noted {
    /// The last step.
    pub(crate) step: Step,
    /// As it was before; `null` where nothing is to be put back.
    pub(crate) before: Value,
    /// What came of it.
    pub(crate) done: Done,
    /// How often it was taken back.
    pub(crate) round: usize,
}

impl Line {
    /// The action is that of its id, if the plan has it: several plans may share a journal.
    ///
    /// Errors: why this is no line that was noted here, in words.
    fn check(&self, action: Option<&Action>) -> Result<(), String> {
        if let Some(action) = action {
            let at = action.target();
            let resource = action.deed.resource(&at);
            if resource.id != self.resource {
                return Err(format!(
                    "it is about `{}`, and its id is that of the action on `{}`",
                    one_line(&self.resource),
                    one_line(&resource.id)
                ));
            }
        }
        let names_job = self.job_id.as_deref().is_some_and(|id| !id.trim().is_empty());
        match self.step {
            Step::Started if !names_job => Err("it says that a job was started, and names none".to_owned()),
            _ => Ok(()),
        }
    }
}

/// What was noted of one step, as it stands in a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// When, by the clock of the machine.
    pub(crate) at: DateTime<Utc>,
    /// The action's id.
    pub(crate) action: String,
    /// The step.
    pub(crate) step: Step,
    /// The job that AWS began, or the id of what was made.
    pub(crate) made: Option<String>,
    /// Why not, or how.
    pub(crate) why: Option<String>,
}

/// Reads the text of a journal that is evidence: every line whole, of an action of this plan, and following the one before it.
///
/// Errors: the first line that is not, in words.
pub(crate) fn read(text: &str, plan: &Plan) -> Result<Vec<Entry>, String> {
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("its last line is torn: an `apply` was interrupted; run it again, to its end".to_owned());
    }
    let mut entries = Vec::new();
    let mut previous: Option<String> = None;
    for (number, text) in text.lines().enumerate() {
        let at = |why: String| format!("line {}: {why}", number + 1);
        let line: Line = serde_json::from_str(text).map_err(|error| at(error.to_string()))?;
        if line.previous != previous {
            return Err(at(NOT_NEXT.to_owned()));
        }
        previous = Some(digest::of_bytes(text.as_bytes()));
        let action = plan.actions.iter().find(|action| action.id == line.action);
        let action = action.ok_or_else(|| at("it is about an action that the plan does not have".to_owned()))?;
        line.check(Some(action)).map_err(at)?;
        let when = DateTime::parse_from_rfc3339(&line.at)
            .map_err(|_| at(format!("`{}` is no instant", one_line(&line.at))))?;
        entries.push(Entry {
            at: when.to_utc(),
            action: line.action,
            step: line.step,
            made: line.job_id.or(line.made),
            why: line.why,
        });
    }
    Ok(entries)
}

/// Why a line is refused whose digest of the one before it is another.
const NOT_NEXT: &str = "it does not follow the line before it: a line was changed, added or taken out";

/// The journal of one plan.
pub(crate) struct Journal {
    lines: journal::Journal,
    noted: BTreeMap<String, Noted>,
    is_of_others: bool,
}

impl Journal {
    /// Does it tell of actions, and of none that the plan has?
    pub(crate) fn is_of_others(&self) -> bool {
        self.is_of_others
    }

    /// Opens the journal of a plan and reads what was done before. A last line that a crash tore is cut off: what it was to say
    /// is not known, and is asked again.
    ///
    /// Errors: it cannot be read or written, is too large, another run has it, or a line in it is not a step of this plan.
    pub(crate) fn open(path: &Path, plan: &Plan) -> Result<Self, Problem> {
        let actions: BTreeMap<&str, &Action> = plan.actions.iter().map(|action| (action.id.as_str(), action)).collect();
        let mut noted = BTreeMap::new();
        let take = |line: Line, last: Option<&str>| {
            if line.previous.is_some() && line.previous.as_deref() != last {
                return Err(NOT_NEXT.to_owned());
            }
            line.check(actions.get(line.action.as_str()).copied())?;
            keep(&mut noted, line);
            Ok(())
        };
        let lines = journal::Journal::open(path, take).map_err(|problem| match problem.hint.is_empty() {
            true => problem.hint("choose another file with `--journal`"),
            false => problem,
        })?;
        Ok(Self {
            lines,
            is_of_others: !noted.is_empty() && noted.keys().all(|id: &String| !actions.contains_key(id.as_str())),
            noted,
        })
    }

    /// What is known of an action; none: nothing was noted.
    pub(crate) fn of(&self, action: &Action) -> Option<&Noted> {
        self.noted.get(&action.id)
    }

    /// Notes a step, on disk when this returns.
    ///
    /// Errors: the disk refused.
    pub(crate) fn note(
        &mut self,
        action: &Action,
        step: Step,
        before: Value,
        done: &Done,
        why: Option<&str>,
    ) -> Result<(), Problem> {
        let line = Line {
            at: crate::domain::rfc3339(Utc::now()),
            action: action.id.clone(),
            resource: action.deed.resource(&action.target()).id.into_owned(),
            step,
            before,
            job_id: done.job.clone(),
            made: done.made.clone(),
            why: why.map(str::to_owned),
            previous: self.lines.last().map(str::to_owned),
        };
        self.lines.add(&line)?;
        keep(&mut self.noted, line);
        Ok(())
    }
}

/// The last line counts. What was there before stays while a try may have half done it; a try after a refusal, or after what
/// somebody else changed, finds what is there by then.
fn keep(noted: &mut BTreeMap<String, Noted>, line: Line) {
    let done = Done {
        job: line.job_id,
        made: line.made,
    };
    let before = match noted.get(&line.action) {
        Some(known) if line.step != Step::Starting && known.step != Step::Undone => known.before.clone(),
        Some(known) if known.step.is_own() => known.before.clone(),
        _ => line.before,
    };
    // A look that fails says nothing of what a run that ended has left.
    let step = match (noted.get(&line.action).map(|known| known.step), line.step) {
        (Some(known @ (Step::Starting | Step::Undoing)), Step::Drifted) => known,
        (_, step) => step,
    };
    // Begun again where a run ended that took it back, it is a new wish too: what it had made may be gone.
    let known = noted.get(&line.action);
    let is_anew = step == Step::Starting && known.is_some_and(|known| known.step == Step::Undoing);
    let round = known.map_or(0, |known| known.round) + usize::from(step == Step::Undone || is_anew);
    noted.insert(
        line.action,
        Noted {
            step,
            before,
            done,
            round,
        },
    );
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use chrono::DateTime;

    use super::*;
    use crate::plain_file::LARGEST_PLAN;

    fn action(number: usize) -> Action {
        let action = serde_json::json!({
            "id": format!("token-{number}"),
            "needs": [],
            "account_id": "111122223333",
            "region": "eu-west-1",
            "reason": "r",
            "findings": [],
            "cost": {"once_usd": 0.0, "monthly_usd": 0.0},
            "do": {
                "kind": "backup-now",
                "table_arn": format!("arn:aws:dynamodb:eu-west-1:111122223333:table/t{number}"),
                "table_id": null,
                "vault_name": "v",
                "role_arn": "r",
                "cold_after_days": null,
                "delete_after_days": 35,
                "judged_at": "2026-11-01T12:00:00Z",
                "table_size_bytes": null,
            },
        });
        serde_json::from_value(action).expect("an action")
    }

    fn job(id: &str) -> Done {
        Done {
            job: Some(id.to_owned()),
            made: None,
        }
    }

    fn noted(journal: &mut Journal, number: usize, step: Step, done: &Done) {
        journal
            .note(&action(number), step, Value::Null, done, None)
            .expect("noted");
    }

    fn started(journal: &Journal) -> usize {
        journal
            .noted
            .values()
            .filter(|noted| noted.step == Step::Started)
            .count()
    }

    fn plan() -> Plan {
        Plan {
            schema_version: crate::remediate::PLAN_VERSION,
            scan_id: "s".to_owned(),
            as_of: DateTime::UNIX_EPOCH,
            actions: (0..10).map(action).collect(),
            fixes: Vec::new(),
            remaining: Vec::new(),
            blocked: Vec::new(),
            worse: Vec::new(),
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
            noted(&mut journal, number, Step::Starting, &Done::default());
            noted(&mut journal, number, Step::Started, &job(&format!("jöb-{number}")));
        }
        let whole = std::fs::read(&path).expect("read");
        for cut in 0..=whole.len() {
            let path = dir.path().join(format!("cut-{cut}"));
            std::fs::write(&path, &whole[..cut]).expect("written");
            let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
            let mut journal = Journal::open(&path, &plan()).unwrap_or_else(|problem| panic!("cut at {cut}: {problem}"));
            assert_eq!(started(&journal), lines / 2, "cut at {cut}");
            noted(&mut journal, 9, Step::Started, &job("late"));
            drop(journal);
            let journal =
                Journal::open(&path, &plan()).unwrap_or_else(|problem| panic!("cut at {cut}, and on: {problem}"));
            assert_eq!(started(&journal), lines / 2 + 1, "cut at {cut}");
            assert_eq!(
                journal.of(&action(9)).map(|noted| noted.done.clone()),
                Some(job("late"))
            );
            std::fs::remove_file(path).expect("gone");
        }
    }

    #[test]
    fn what_was_there_before_is_what_the_try_that_did_it_found() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("journal");
        let mut journal = Journal::open(&path, &plan()).expect("opened");
        let mut note = |step: Step, before: Value| {
            journal
                .note(&action(0), step, before, &Done::default(), None)
                .expect("noted");
            journal.of(&action(0)).map(|noted| noted.before.clone())
        };
        assert_eq!(note(Step::Starting, Value::from(1)), Some(Value::from(1)));
        // It ended there, and may have half done it.
        assert_eq!(note(Step::Starting, Value::from(2)), Some(Value::from(1)));
        assert_eq!(note(Step::Refused, Value::Null), Some(Value::from(1)));
        // Somebody else has changed it since.
        assert_eq!(note(Step::Starting, Value::from(3)), Some(Value::from(3)));
        assert_eq!(note(Step::Done, Value::Null), Some(Value::from(3)));
        assert_eq!(note(Step::Undone, Value::Null), Some(Value::from(3)));
        assert_eq!(note(Step::Starting, Value::from(4)), Some(Value::from(4)));
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
            (
                "t1",
                "token-1",
                "pray",
                serde_json::json!("j"),
                "unknown variant `pray`",
            ),
        ] {
            let line = serde_json::json!({"at": "", "action": token, "resource": of(table), "step": step,
                "job_id": job, "made": null, "why": null});
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
