//! What was done between an earlier scan and this one: remediation plans, each with what came of its actions, in the form in
//! which a pack stores it.
//!
//! It is a part of the criteria, so that whoever has the pack can tell again which finding led to which change, and how it stands.
//! Plan, journal and signature lie beside it as they were; `remediate` reads this off them, and holds it against them again when
//! a pack is verified.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// Raised whenever a field of the stored form changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// The folder below the criteria.
pub(crate) const CHANGES_DIR: &str = "changes";

/// A plan that was done, in part or as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it says.
    pub told: Told,
    /// The plan file, byte for byte.
    pub plan: String,
    /// Its journal, byte for byte.
    pub journal: String,
    /// The signature beside the plan, if there was one.
    pub signature: Option<String>,
}

/// What a plan and its journal say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    schema_version: u32,
    /// SHA-256 of the plan file.
    pub plan_sha256: String,
    /// SHA-256 of the journal.
    pub journal_sha256: String,
    /// The scan that the plan rests on.
    pub scan_id: String,
    /// The instant of that scan.
    pub as_of: DateTime<Utc>,
    /// Keys by which the plan was approved, in words. Whose they are is for the reader to check.
    pub approved_with: Vec<String>,
    /// Its actions, in order.
    pub actions: Vec<ActionTold>,
    /// Findings that the plan was to make good, and that no action names: they follow from several.
    pub others: Vec<Promise>,
    /// Findings that the plan said would get worse.
    pub risks: Vec<Promise>,
}

/// An action of the plan, and what was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionTold {
    /// Its id in the plan.
    pub id: String,
    /// Its kind, such as `backup-now`.
    pub kind: String,
    /// Where it was to be done.
    pub account_id: String,
    /// The Region.
    pub region: String,
    /// The ARN of what it is about, or words that tell it from everything else there.
    pub resource: String,
    /// What was to be done, in a line.
    pub what: String,
    /// Why.
    pub reason: String,
    /// What the journal says, in order; empty: nothing was begun.
    pub steps: Vec<StepTold>,
    /// The findings that it was to answer.
    pub findings: Vec<Promise>,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepTold {
    /// When, by the clock of the machine.
    pub at: String,
    /// `starting`, `started` (a job), `done`, `already` (it was so), `refused` (by AWS), `drifted` (something had changed) or
    /// `undone`.
    pub step: String,
    /// The job that AWS began, or the id of what was made; empty: neither.
    pub made: String,
    /// Why not, or how; empty: the journal does not say.
    pub why: String,
}

/// A finding that a plan speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// Its id.
    pub finding: String,
    /// Its rule; empty: the plan does not say.
    pub rule: String,
    /// What was judged; empty: the plan does not say.
    pub resource: String,
    /// What the rule said before the plan: `non-compliant`, `unknown` or `compliant`.
    pub before: String,
    /// Did the plan say that it would be good afterwards?
    pub is_promised: bool,
}

impl Told {
    /// What plan and journal say; the fields as of [`Told`].
    pub(crate) fn new(plan: &str, journal: &str, (scan_id, as_of): (String, DateTime<Utc>)) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            plan_sha256: crate::digest::of_bytes(plan.as_bytes()),
            journal_sha256: crate::digest::of_bytes(journal.as_bytes()),
            scan_id,
            as_of,
            approved_with: Vec::new(),
            actions: Vec::new(),
            others: Vec::new(),
            risks: Vec::new(),
        }
    }
}

impl Change {
    /// The files of all changes, each by its path below the criteria.
    pub(crate) fn files(changes: &[Self]) -> Vec<(String, String)> {
        let of_one = |(place, change): (usize, &Self)| {
            let told = serde_json::to_string_pretty(&change.told).expect("plain values always have a JSON form") + "\n";
            let mut files = vec![
                (path(place, TOLD), told),
                (path(place, PLAN), change.plan.clone()),
                (path(place, JOURNAL), change.journal.clone()),
            ];
            files.extend(change.signature.clone().map(|text| (path(place, SIGNATURE), text)));
            files
        };
        changes.iter().enumerate().flat_map(of_one).collect()
    }

    /// The way back, from all files of the criteria.
    ///
    /// Errors: a file that is missing, is damaged, or has another digest than is told.
    pub(crate) fn read(files: &[(String, String)], origin: &str) -> Result<Vec<Self>, Problem> {
        let find = |name: &str| files.iter().find(|(path, _)| path == name).map(|(_, text)| text);
        let mut changes = Vec::new();
        while let Some(text) = find(&path(changes.len(), TOLD)) {
            let place = |file: &str| format!("{origin}/{}", path(changes.len(), file));
            let told: Told = serde_json::from_str(text).map_err(|error| damaged(&place(TOLD), error.to_string()))?;
            if told.schema_version != SCHEMA_VERSION {
                let version = told.schema_version;
                let why = format!("it has schema version {version}; this program reads version {SCHEMA_VERSION}");
                return Err(damaged(&place(TOLD), why));
            }
            let text = |file: &str, expected: &str| {
                let text = find(&path(changes.len(), file));
                let text = text.ok_or_else(|| damaged(&place(file), "it is not there".to_owned()))?;
                let found = crate::digest::of_bytes(text.as_bytes());
                if found != expected {
                    return Err(damaged(
                        &place(file),
                        format!("expected SHA-256 {expected}, found {found}"),
                    ));
                }
                Ok(text.clone())
            };
            changes.push(Self {
                plan: text(PLAN, &told.plan_sha256)?,
                journal: text(JOURNAL, &told.journal_sha256)?,
                signature: find(&path(changes.len(), SIGNATURE)).cloned(),
                told,
            });
        }
        Ok(changes)
    }
}

/// What plan and journal say.
const TOLD: &str = "told.json";
/// The plan file.
const PLAN: &str = "plan.json";
/// Its journal.
const JOURNAL: &str = "plan.journal.jsonl";
/// The signature over the plan.
const SIGNATURE: &str = "plan.json.sig";

/// The path below the criteria of a file of the change of that place, from 0: people count from 1.
fn path(place: usize, file: &str) -> String {
    format!("{CHANGES_DIR}/{}/{file}", place + 1)
}

fn damaged(place: &str, why: String) -> Problem {
    Problem::new("could not read what was done between the scans")
        .at(place)
        .why(why)
        .so("the report cannot be made again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change() -> Change {
        let (plan, journal) = ("{}\n".to_owned(), "line\n".to_owned());
        Change {
            told: Told::new(&plan, &journal, ("s".to_owned(), DateTime::UNIX_EPOCH)),
            plan,
            journal,
            signature: Some("signed".to_owned()),
        }
    }

    #[test]
    fn what_is_stored_is_read_again_and_what_was_altered_is_refused() {
        let changes = vec![
            change(),
            Change {
                signature: None,
                ..change()
            },
        ];
        let files = Change::files(&changes);
        assert_eq!(files.len(), 7);
        assert_eq!(Change::read(&files, "c").expect("read"), changes);
        for (place, (name, _)) in files
            .iter()
            .enumerate()
            .filter(|(_, (name, _))| !name.ends_with(".sig"))
        {
            let mut altered = files.clone();
            altered[place].1.push('x');
            assert!(Change::read(&altered, "c").is_err(), "{name}");
            let mut less = files.clone();
            less.remove(place);
            let left = Change::read(&less, "c").map_or(0, |changes| changes.len());
            assert!(left < 2, "{name}");
        }
    }
}
