//! The questions that are asked of every table, and how each is answered.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Verdict;

/// What a rule is evidence for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// Does a plan take the table that keeps the policy?
    InAPlan,
    /// Is there a recovery point that meets every demand of the policy, young enough?
    BackedUp,
    /// Was a restore proved, recently and in time?
    Restorable,
    /// Everything around these: locks, deletion, copies, point-in-time recovery, jobs, hygiene of plans.
    Safeguards,
}

impl Question {
    /// Its place in [`Question::ALL`], by which answers are held.
    pub const fn place(self) -> usize {
        match self {
            Self::InAPlan => 0,
            Self::BackedUp => 1,
            Self::Restorable => 2,
            Self::Safeguards => 3,
        }
    }

    /// Every question, in the order of reports.
    pub const ALL: [Self; 4] = [Self::InAPlan, Self::BackedUp, Self::Restorable, Self::Safeguards];

    /// The word of rule files and machine formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InAPlan => "in-a-plan",
            Self::BackedUp => "backed-up",
            Self::Restorable => "restorable",
            Self::Safeguards => "safeguards",
        }
    }

    /// For people.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::InAPlan => "in a plan",
            Self::BackedUp => "backed up",
            Self::Restorable => "restorable",
            Self::Safeguards => "safeguards",
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The answer to a question about one table, and to all of them together. Only the first that is asked and holds is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// No.
    NonCompliant,
    /// It cannot be told.
    Unknown,
    /// No, and that is accepted by a waiver that holds.
    Waived,
    /// It cannot be told, and that is accepted by a waiver that holds.
    UnknownWaived,
    /// The first backup of a new table is not due yet.
    NotYetDue,
    /// Yes.
    Compliant,
    /// The question is not asked of such a table: it is exempt, is going, or was made by a restore test.
    NotApplicable,
    /// A rule that would answer it did not run.
    NotAsked,
}

impl Answer {
    /// Every answer, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::NonCompliant,
        Self::Unknown,
        Self::Waived,
        Self::UnknownWaived,
        Self::NotYetDue,
        Self::Compliant,
        Self::NotApplicable,
        Self::NotAsked,
    ];

    /// As people read an answer: yes, no, and what is neither.
    pub(crate) const AS_READ: [Self; 8] = [
        Self::Compliant,
        Self::NonCompliant,
        Self::Waived,
        Self::Unknown,
        Self::UnknownWaived,
        Self::NotYetDue,
        Self::NotApplicable,
        Self::NotAsked,
    ];

    /// The word of the machine formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NonCompliant => "non-compliant",
            Self::Unknown => "unknown",
            Self::Waived => "waived",
            Self::UnknownWaived => "unknown-waived",
            Self::NotYetDue => "not-yet-due",
            Self::Compliant => "compliant",
            Self::NotApplicable => "not-applicable",
            Self::NotAsked => "not-asked",
        }
    }

    /// For people, as the answer to a question.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::NonCompliant => "no",
            Self::Unknown => "unknown",
            Self::Waived => "no (waived)",
            Self::UnknownWaived => "unknown (waived)",
            Self::NotYetDue => "not yet due",
            Self::Compliant => "yes",
            Self::NotApplicable => "not judged",
            Self::NotAsked => "not asked",
        }
    }

    /// The nearest verdict, where four colours have to do: what is neither good nor bad nor open is none of them.
    pub(crate) const fn shade(self) -> Verdict {
        match self {
            Self::NonCompliant => Verdict::NonCompliant,
            Self::Unknown => Verdict::Unknown,
            Self::Compliant => Verdict::Compliant,
            Self::Waived | Self::UnknownWaived | Self::NotYetDue | Self::NotApplicable | Self::NotAsked => {
                Verdict::NotApplicable
            }
        }
    }

    /// The worst of several: no, unknown, no (waived), unknown (waived), not yet due, yes, not applicable. What was not asked is the mildest, for
    /// it says nothing; whether it may hide behind others is for whoever asks.
    pub fn worse(self, other: Self) -> Self {
        self.min(other)
    }
}

impl Answer {
    /// The answer of a verdict that a waiver accepts, or not.
    pub fn of(verdict: Verdict, is_waived: bool) -> Self {
        match verdict {
            Verdict::NonCompliant if is_waived => Self::Waived,
            Verdict::Unknown if is_waived => Self::UnknownWaived,
            verdict => verdict.into(),
        }
    }
}

impl From<Verdict> for Answer {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::NonCompliant => Self::NonCompliant,
            Verdict::Unknown => Self::Unknown,
            Verdict::Compliant => Self::Compliant,
            Verdict::NotApplicable => Self::NotApplicable,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a finding of a rule counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It decides on the table's verdict and on the exit code.
    Required,
    /// It is judged and reported apart, and decides nothing.
    Advised,
    /// It is not judged.
    Off,
}

impl Level {
    /// Every level.
    pub(crate) const ALL: [Self; 3] = [Self::Required, Self::Advised, Self::Off];

    /// The word of settings files.
    pub(crate) const fn setting(self) -> &'static str {
        match self {
            Self::Required => "require",
            Self::Advised => "advise",
            Self::Off => "off",
        }
    }

    /// The word of the machine formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Advised => "advised",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
