//! What was open in an earlier scan, and what it asked, so that a build fails only for what is new: the list, and its stored
//! form.
//!
//! A baseline hides nothing: every finding stays in the report, marked as new or known. It is a part of the criteria, so
//! that whoever has the pack can tell again what was new.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::criteria::asked::Asked;
use crate::domain::{Answer, Level, Question};
use crate::problem::Problem;

/// Raised whenever a field of the stored form changes its meaning. 1: without levels, answers and what was asked.
const SCHEMA_VERSION: u32 = 2;

/// Findings of an earlier scan that were non-compliant or unknown, and that no waiver covered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// Digest that names the earlier scan.
    pub scan_id: String,
    /// The instant from which its ages are measured.
    pub as_of: DateTime<Utc>,
    /// What the earlier scan asked; none: not known, from a pack whose baseline is of schema 1.
    pub(crate) asked: Option<Asked>,
    /// The answers about each table, by its ARN, of those questions that were asked of it.
    pub(crate) answers: BTreeMap<String, BTreeMap<Question, Answer>>,
    known: HashMap<String, Known>,
    /// Ids by rule and ARN: the id of a finding changes when a table can be described again.
    by_place: HashMap<(String, String), String>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    /// The finding's id.
    pub(crate) id: String,
    /// The rule's id.
    pub(crate) rule: String,
    /// What was judged.
    pub(crate) resource_arn: String,
    /// `non-compliant` or `unknown`.
    pub(crate) verdict: String,
    /// What it counted for; before rules had levels everything was required.
    #[serde(default = "required")]
    pub(crate) level: Level,
    /// Of a rule with demands: sets of demands that failed, of which to excuse one would have been enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) failing_demands: Vec<Vec<String>>,
}

/// The level of what says none.
pub(crate) const fn required() -> Level {
    Level::Required
}

impl Known {
    fn is_open(&self) -> bool {
        self.verdict == NON_COMPLIANT
    }
}

/// The word of an open finding.
const NON_COMPLIANT: &str = crate::domain::Verdict::NonCompliant.as_str();

/// The answers about one table in words, by question.
pub(crate) type AnswersInWords = BTreeMap<String, String>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    schema_version: u32,
    scan_id: String,
    as_of: DateTime<Utc>,
    findings: Vec<Known>,
    #[serde(default)]
    asked: Option<Asked>,
    #[serde(default)]
    answers: BTreeMap<String, AnswersInWords>,
}

/// Answers from their words, without those that say that nothing was asked.
///
/// Errors: the word that is no question or no answer.
pub(crate) fn read_answers(words: &AnswersInWords) -> Result<BTreeMap<Question, Answer>, String> {
    let mut answers = BTreeMap::new();
    for (question, answer) in words {
        // `report.json` has names for members.
        let found = Question::ALL
            .into_iter()
            .find(|one| one.as_str() == question.replace('_', "-"));
        let question = found.ok_or_else(|| format!("`{question}` is no question"))?;
        let found = Answer::ALL.into_iter().find(|one| one.as_str() == answer);
        let answer = found.ok_or_else(|| format!("`{answer}` is no answer"))?;
        if answer != Answer::NotAsked {
            answers.insert(question, answer);
        }
    }
    Ok(answers)
}

impl Baseline {
    /// A list of findings; of those with one id the last counts.
    pub(crate) fn new(scan_id: String, as_of: DateTime<Utc>, findings: impl Iterator<Item = Known>) -> Self {
        let known: HashMap<String, Known> = findings.map(|one| (one.id.clone(), one)).collect();
        let place = |one: &Known| ((one.rule.clone(), one.resource_arn.clone()), one.id.clone());
        Self {
            by_place: known.values().map(place).collect(),
            scan_id,
            as_of,
            asked: None,
            answers: BTreeMap::new(),
            known,
        }
    }

    /// The same with what the scan asked, and how that was answered.
    #[must_use]
    pub(crate) fn with(self, asked: Asked, answers: BTreeMap<String, BTreeMap<Question, Answer>>) -> Self {
        let asked = Some(asked);
        Self { asked, answers, ..self }
    }

    /// The same where no questions were answered.
    #[must_use]
    pub(crate) fn without_answers(mut self) -> Self {
        self.answers.clear();
        self
    }

    /// The form in which a pack stores it: the same for the same baseline.
    pub(crate) fn to_text(&self) -> String {
        let sorted: BTreeMap<&String, &Known> = self.known.iter().collect();
        let stored = Stored {
            schema_version: SCHEMA_VERSION,
            scan_id: self.scan_id.clone(),
            as_of: self.as_of,
            findings: sorted.into_values().cloned().collect(),
            asked: self.asked.clone(),
            answers: self
                .answers
                .iter()
                .map(|(table, answers)| {
                    let words = answers.iter();
                    let words = words.map(|(question, answer)| (question.to_string(), answer.to_string()));
                    (table.clone(), words.collect())
                })
                .collect(),
        };
        serde_json::to_string_pretty(&stored).expect("plain values always have a JSON form") + "\n"
    }

    /// Reads that form.
    ///
    /// Errors: it is damaged, or of another version.
    pub(crate) fn parse_stored(text: &str, origin: &str) -> Result<Self, Problem> {
        let stored: Stored = serde_json::from_str(text).map_err(|error| unreadable(origin, error.to_string()))?;
        check_version("a baseline", stored.schema_version, 1..=SCHEMA_VERSION, origin)?;
        let mut answers = BTreeMap::new();
        for (table, words) in &stored.answers {
            let read = read_answers(words).map_err(|why| unreadable(origin, why))?;
            answers.insert(table.clone(), read);
        }
        Ok(Self {
            asked: stored.asked,
            answers,
            ..Self::new(stored.scan_id, stored.as_of, stored.findings.into_iter())
        })
    }

    /// The finding of that id.
    pub(crate) fn known(&self, id: &str) -> Option<&Known> {
        self.known.get(id)
    }

    /// The finding of that rule on that resource, whatever its id.
    pub(crate) fn known_at(&self, rule: &str, resource_arn: &str) -> Option<&Known> {
        let place = (rule.to_owned(), resource_arn.to_owned());
        self.known.get(self.by_place.get(&place)?)
    }

    /// Required findings that were non-compliant.
    pub(crate) fn open_count(&self) -> usize {
        let open = self.known.values().filter(|known| known.is_open());
        open.filter(|known| known.level == Level::Required).count()
    }
}

/// Errors: another version than the one this program reads.
pub(crate) fn check_version(what: &str, found: u32, known: RangeInclusive<u32>, origin: &str) -> Result<(), Problem> {
    if known.contains(&found) {
        return Ok(());
    }
    let (first, last) = known.into_inner();
    let known = if first == last {
        format!("version {last}")
    } else {
        format!("versions {first} to {last}")
    };
    Err(unreadable(
        origin,
        format!("it is {what} of schema version {found}; this program reads {known}"),
    ))
}

/// A baseline that cannot be used, and why.
pub(crate) fn unreadable(origin: &str, why: String) -> Problem {
    Problem::usage("could not read the baseline")
        .at(origin)
        .why(why)
        .so("what is new could not be told from what is known; nothing was judged")
        .hint("name the folder of an earlier scan, or its `report.json`, with `--baseline`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_from_its_stored_form_and_damage_is_named() {
        let known = Known {
            id: "a".to_owned(),
            rule: "pitr-on".to_owned(),
            resource_arn: "arn:aws:dynamodb:eu-west-1:111122223333:table/orders".to_owned(),
            verdict: "non-compliant".to_owned(),
            level: Level::Advised,
            failing_demands: Vec::new(),
        };
        let as_of = DateTime::from_timestamp(1_700_000_000, 0).expect("an instant");
        let asked = Asked::new(
            [("pitr-on".to_owned(), Level::Advised)].into(),
            [("gold".to_owned(), [("pitr-on".to_owned(), Level::Required)].into())].into(),
            ["soc2".to_owned()].into(),
        );
        let answers = BTreeMap::from([("arn".to_owned(), [(Question::BackedUp, Answer::Compliant)].into())]);
        let one = Baseline::new("scan".to_owned(), as_of, [known].into_iter()).with(asked, answers);
        let text = one.to_text();
        assert_eq!(Baseline::parse_stored(&text, "b"), Ok(one.clone()));
        // Before there were levels.
        let old = r#"{"schema_version": 1, "scan_id": "scan", "as_of": "2023-11-14T22:13:20Z", "findings": [{"id": "a",
            "rule": "pitr-on", "resource_arn": "x", "verdict": "non-compliant"}]}"#;
        let old = Baseline::parse_stored(old, "b").expect("a baseline of schema 1");
        assert_eq!((old.asked.clone(), old.open_count()), (None, 1));
        assert_eq!(one.open_count(), 0, "what only advised was not open");
        for (text, why) in [
            (text[..text.len() / 2].to_owned(), "EOF"),
            (
                text.replace("\"schema_version\": 2", "\"schema_version\": 9"),
                "schema version 9",
            ),
            (text.replace("scan_id", "scan"), "unknown field"),
            (text.replace("\"compliant\"", "\"fine\""), "`fine` is no answer"),
            (text.replace("backed-up", "asked"), "`asked` is no question"),
            (text.replace("advised", "mild"), "unknown variant"),
        ] {
            let problem = Baseline::parse_stored(&text, "b").expect_err(why);
            assert!(problem.why.contains(why), "{problem}");
        }
    }
}
