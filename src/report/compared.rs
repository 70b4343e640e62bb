//! Where findings, rules and answers stand against an earlier scan.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::criteria::asked::{Shift, ShiftKind, level_words};
use crate::criteria::levels::core_of;
use crate::domain::{Answer, Finding, Level, Question, rfc3339};
use crate::problem::count;

/// Rules or tables that a sentence names; the rest are counted.
const NAMED: usize = 5;

/// Where a finding stands against the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Since {
    /// It was not there, or said something else.
    New,
    /// Its rule was not asked then, and what it says was not known by a rule on the same demand.
    NewlyAsked,
    /// It said the same, and only advised.
    NewlyRequired,
    /// It said the same, or a rule on each demand that fails did.
    Known,
}

impl Since {
    /// Every place, worst first.
    pub(crate) const ALL: [Self; 4] = [Self::New, Self::NewlyAsked, Self::NewlyRequired, Self::Known];

    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::NewlyAsked => "newly-asked",
            Self::NewlyRequired => "newly-required",
            Self::Known => "known",
        }
    }

    /// What people read beside a finding; none: nothing.
    pub(crate) const fn mark(self) -> Option<&'static str> {
        match self {
            Self::New => Some("new"),
            Self::NewlyAsked => Some("newly asked"),
            Self::NewlyRequired => Some("newly required"),
            Self::Known => None,
        }
    }

    /// Does such a finding end the program with exit code 10?
    pub(crate) const fn fails(self) -> bool {
        matches!(self, Self::New | Self::NewlyAsked)
    }
}

/// A report against a baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Digest that names the earlier scan.
    pub scan_id: String,
    /// The instant from which its ages are measured.
    pub as_of: DateTime<Utc>,
    /// Required open findings then.
    pub open_count: usize,
    /// Required open findings now, by where they stand.
    pub counts: BTreeMap<Since, usize>,
    /// Tables then, by the answer to each question; empty if the earlier scan did not say.
    pub answers_then: BTreeMap<Question, BTreeMap<Answer, usize>>,
    /// Open and unknown findings now, by id.
    pub since: BTreeMap<String, Since>,
    /// Rules that count for something else than then.
    pub(crate) shifts: Vec<Shift>,
    /// Answers of then that are not asked for any more, by ARN of the table, then question.
    pub(crate) lost: Vec<Lost>,
}

/// An answer that is not asked for any more. Whatever it was, it did not become better.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lost {
    /// The table.
    pub(crate) table_arn: String,
    /// Its name. Untrusted.
    pub(crate) table_name: String,
    /// What was asked.
    pub(crate) question: Question,
    /// What the answer was.
    pub(crate) before: Answer,
}

impl Compared {
    /// Where a finding stands; none for one that is compliant, not applicable or waived.
    pub(crate) fn since(&self, finding: &Finding) -> Option<Since> {
        self.since.get(&*finding.id).copied()
    }

    /// How many required open findings stand so.
    pub(crate) fn count(&self, since: Since) -> usize {
        self.counts.get(&since).copied().unwrap_or(0)
    }

    /// How many required open findings are new, and how many were open before.
    pub(crate) fn line(&self) -> String {
        let mut parts = vec![
            format!("{} new", count(self.count(Since::New), "open finding")),
            format!("{} known", self.count(Since::Known)),
        ];
        for since in [Since::NewlyAsked, Since::NewlyRequired] {
            let (number, words) = (self.count(since), since.mark().unwrap_or_default());
            if number > 0 {
                parts.push(format!("{number} {words}"));
            }
        }
        format!("since {}: {}", rfc3339(self.as_of), parts.join(", "))
    }

    /// What is asked otherwise than then, in sentences: weaker settings first.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for kind in ShiftKind::ALL {
            let mut by_levels: BTreeMap<(Level, Level), Vec<String>> = BTreeMap::new();
            for shift in self.shifts.iter().filter(|shift| shift.kind() == kind) {
                let name = match &shift.tier {
                    Some(tier) => format!("{} (tier {tier})", shift.rule),
                    None => shift.rule.clone(),
                };
                by_levels.entry((shift.before, shift.after)).or_default().push(name);
            }
            let head = match kind {
                ShiftKind::Weakened => "weaker setting",
                ShiftKind::NewlyAsked => "newly asked",
                ShiftKind::NewlyRequired => "newly required",
                ShiftKind::Dropped => "not asked any more",
            };
            for ((before, after), mut names) in by_levels {
                // The rules that a question rests on, first.
                let is_core = |name: &String| Question::ALL.iter().any(|question| core_of(*question).contains(name));
                names.sort_by_key(|name| !is_core(name));
                let (before, after) = (level_words(before), level_words(after));
                notes.push(format!("{head}: {} ({before} -> {after})", first(&names)));
            }
        }
        for question in Question::ALL {
            notes.extend(self.lost_note(question));
        }
        notes
    }

    fn lost_note(&self, question: Question) -> Option<String> {
        let lost: Vec<&Lost> = self.lost.iter().filter(|lost| lost.question == question).collect();
        if lost.is_empty() {
            return None;
        }
        let answers: BTreeSet<Answer> = lost.iter().map(|lost| lost.before).collect();
        let number = |answer: Answer| lost.iter().filter(|lost| lost.before == answer).count();
        let were: Vec<String> = Answer::AS_READ
            .into_iter()
            .filter(|answer| answers.contains(answer))
            .map(|answer| format!("{} {}", number(answer), answer.words()))
            .collect();
        let names: Vec<String> = lost.iter().map(|lost| lost.table_name.clone()).collect();
        Some(format!(
            "not asked any more whether {} {}: {} (then {}); none of them has improved",
            count(lost.len(), "table"),
            match (question, lost.len()) {
                (Question::InAPlan, 1) => "is in a plan",
                (Question::InAPlan, _) => "are in a plan",
                (Question::BackedUp, 1) => "is backed up",
                (Question::BackedUp, _) => "are backed up",
                (Question::Restorable, 1) => "is restorable",
                (Question::Restorable, _) => "are restorable",
                (Question::Safeguards, 1) => "has its safeguards",
                (Question::Safeguards, _) => "have their safeguards",
            },
            first(&names),
            were.join(", ")
        ))
    }
}

/// The first few names, and how many follow.
fn first(names: &[String]) -> String {
    let named = names[..names.len().min(NAMED)].join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
