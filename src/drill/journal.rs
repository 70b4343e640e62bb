//! The journal of a drill: a line before and after each call that changes something, with all that is known of the restore by then.
//!
//! The last line of a number is the whole truth about it, so that a run that was ended at any moment goes on from there.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::Utc;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::record::Drill;
use crate::domain::rfc3339;
use crate::journal;
use crate::problem::{Problem, one_line};

/// Its file name in the folder of a run.
pub(crate) const JOURNAL_FILE: &str = "journal.jsonl";

/// What a line says of its restore, in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// The restore is about to be ordered.
    Ordering,
    /// AWS began a job.
    Ordered,
    /// The job was seen running.
    Running,
    /// The job has ended.
    Ended,
    /// The new table is there, and its id is known.
    Made,
    /// It and its last index are ACTIVE.
    Active,
    /// It was compared, or cannot be.
    Compared,
    /// It is about to be deleted.
    Deleting,
    /// AWS has accepted the deletion.
    Deleted,
    /// Nothing more is to be done.
    Closed,
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<D> {
    at: String,
    step: Step,
    drill: D,
}

/// What the journal knows of one restore.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Noted {
    /// The last step.
    pub(crate) step: Step,
    /// All that is known.
    pub(crate) drill: Drill,
}

impl Noted {
    /// May there be a table of its making?
    pub(crate) fn may_have_made(&self) -> bool {
        use super::record::Cleanup;
        match (&self.drill.cleanup, self.step) {
            (Cleanup::Gone, _) => false,
            (Cleanup::Kept | Cleanup::Left { .. }, _) => true,
            (Cleanup::NothingMade, step) => step != Step::Closed,
        }
    }
}

/// What is known of each restore, by number.
type Known = BTreeMap<u32, Noted>;

/// The journal of one plan.
pub(crate) struct Journal {
    lines: journal::Journal,
    known: Known,
}

impl Journal {
    /// Opens the journal in the folder of a run and reads what was done before.
    ///
    /// Errors: it cannot be read or written, another run has it, or a line is not of this plan.
    pub(crate) fn open(dir: &Path, plan: &Plan) -> Result<Self, Problem> {
        let mut known = Known::new();
        let take = |line, _: Option<&str>| keep(&mut known, plan, line);
        let lines = journal::Journal::open(&dir.join(JOURNAL_FILE), take).map_err(in_words)?;
        Ok(Self { lines, known })
    }

    /// What is known of a restore; none: nothing was noted.
    pub(crate) fn of(&self, number: u32) -> Option<&Noted> {
        self.known.get(&number)
    }

    /// Notes a step, on disk when this returns.
    ///
    /// Errors: the disk refused.
    pub(crate) fn note(&mut self, step: Step, drill: &Drill) -> Result<(), Problem> {
        self.lines.add(&Line {
            at: rfc3339(Utc::now()),
            step,
            drill,
        })?;
        let drill = drill.clone();
        self.known.insert(drill.number, Noted { step, drill });
        Ok(())
    }
}

fn in_words(problem: Problem) -> Problem {
    match problem.hint.is_empty() {
        true => problem.hint("name another folder with `--to`"),
        false => problem.hint("wait until it has ended, or name another folder with `--to`"),
    }
}

/// Takes a line, if it is about a restore of the plan: it names what may be deleted.
fn keep(known: &mut Known, plan: &Plan, line: Line<Drill>) -> Result<(), String> {
    let Line { step, drill, .. } = line;
    let place = usize::try_from(drill.number).unwrap_or(0).checked_sub(1);
    let Some(planned) = place.and_then(|place| plan.drills.get(place)) else {
        return Err(format!("the plan has no drill {}", drill.number));
    };
    let restored = &drill.restored;
    let at = (&restored.account_id, &restored.region, &restored.table_name);
    if at != (&planned.account_id, &planned.region, &planned.table_name) || drill.point.arn != planned.point.arn {
        return Err(format!(
            "it is about `{}`, and drill {} of the plan makes `{}`",
            one_line(&restored.table_name),
            drill.number,
            planned.table_name
        ));
    }
    known.insert(drill.number, Noted { step, drill });
    Ok(())
}
