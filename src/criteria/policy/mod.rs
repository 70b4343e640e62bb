//! What the organisation requires of its tables: values, tiers, exemptions. The values, and how they are read.
//!
//! A tier gives *values*; rules compare facts with them. The first tier whose condition holds applies on top of the
//! values for every table. Where a condition cannot be told for a table, each value on which the candidates agree is
//! still known, and the others are not.

mod approval;
mod layer;
pub(crate) mod levels;
mod read;
mod terms;
mod tiers;

use chrono::{DateTime, Utc};

use crate::criteria::predicate::Predicate;
use crate::criteria::values::PolicyValues;

pub use approval::{Approval, Exceptions};
pub(crate) use layer::{VALUE_KEYS, value_key};
pub use levels::Levels;
pub use read::parse;
pub(crate) use read::{document, read};
pub(crate) use terms::Terms;

/// The longest term of what is accepted, in days: from a day to the same day of the next year, with a leap day between.
pub(crate) const LONGEST_TERM_DAYS: i64 = 366;

/// A group of tables with values of its own.
#[derive(Debug, Clone)]
pub struct Tier {
    /// Its name, unique among the tiers.
    pub name: String,
    /// The condition as written.
    pub when: String,
    /// The same, compiled.
    pub predicate: Predicate,
    /// The values for every table with those of the tier on top.
    pub values: PolicyValues,
    /// Keys that the tier itself sets, for reports.
    pub sets: Vec<&'static str>,
    /// What rules count for on its tables, over what they count for everywhere.
    pub levels: Levels,
    /// The tables of this tier need no backup.
    pub exemption: Option<Exemption>,
    /// File and line.
    pub origin: String,
}

/// Why, by whom, for how long and how many tables need no backup. An exemption without any of these is not in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exemption {
    /// `reason`.
    pub reason: Option<String>,
    /// `approver`.
    pub approver: Option<String>,
    /// `expires`: the end of that day in UTC.
    pub expires_at: Option<DateTime<Utc>>,
    /// `max-tables`: how many tables it may take at most. One that takes more exempts nothing.
    pub max_tables: Option<usize>,
}

impl Exemption {
    /// Does it hold at this instant? Like a waiver it ends within a year, and says how many tables it is for.
    ///
    /// `is_within`: does it take no more tables than it may? Where that is not known, neither is this.
    pub(crate) fn is_in_force(&self, as_of: DateTime<Utc>, is_within: Option<bool>) -> Option<bool> {
        let is_approved = self.reason.is_some() && self.approver.is_some() && self.max_tables.is_some();
        let is_in_term = |end: DateTime<Utc>| end > as_of && (end - as_of).num_days() <= LONGEST_TERM_DAYS;
        if is_approved && self.expires_at.is_some_and(is_in_term) {
            is_within
        } else {
            Some(false)
        }
    }
}

/// Where a value comes from, for reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The program's own default.
    Default,
    /// A framework: in the policy as strict as it is, or in a pack of schema 1.
    Framework(String),
    /// The settings or policy file.
    File,
}

/// Everything that is required.
#[derive(Debug, Clone)]
pub struct Policy {
    /// For every table.
    pub values: PolicyValues,
    /// Where each key of the values comes from; keys that are not here are defaults.
    pub sources: Vec<(&'static str, Source)>,
    /// `window`: days before `as_of` that gaps are looked for in.
    pub window_days: i64,
    /// What rules count for, where that is said: `[rules]`.
    pub levels: Levels,
    /// Tiers, in the order in which they are tried.
    pub tiers: Vec<Tier>,
    /// Who approved it, and when.
    pub approval: Approval,
    /// Who answers for the tables that fail it.
    pub exceptions: Exceptions,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            values: PolicyValues::default(),
            sources: Vec::new(),
            window_days: 30,
            levels: Levels::new(),
            tiers: Vec::new(),
            approval: Approval::default(),
            exceptions: Exceptions::default(),
        }
    }
}

impl Policy {
    /// May copies elsewhere stand for points at home, of any table?
    pub(crate) fn accepts_copies(&self) -> bool {
        let mut all = self.tiers.iter().map(|tier| &tier.values).chain([&self.values]);
        all.any(|values| values.accept_copies)
    }

    /// Does a file, or a framework, say this value?
    pub(crate) fn is_given(&self, key: &str) -> bool {
        let source = self.sources.iter().find(|(known, _)| *known == key);
        source.is_some_and(|(_, source)| *source != Source::Default)
    }

    /// The values for every table as `backproof.toml` would say them, with where each comes from unless a file says it.
    pub fn lines(&self) -> Vec<(String, String)> {
        let mut lines: Vec<(String, String)> = Vec::new();
        for (key, value) in self.values.lines() {
            let source = self
                .sources
                .iter()
                .find(|(known, _)| *known == key)
                .map(|(_, source)| source);
            let value = match source {
                None | Some(Source::Default) => format!("{value} (default)"),
                Some(Source::Framework(name)) => format!("{value} ({name})"),
                Some(Source::File) => value,
            };
            lines.push((key.to_owned(), value));
        }
        lines.push(("window".to_owned(), format!("{}d", self.window_days)));
        lines
    }
}
