//! Which rules of the plans that take a table make a backup, and what they promise together.
//!
//! A rule that will never run again promises nothing, nor does one whose every run falls into the start window of a rule
//! with a longer retention. Of rules with the same retention one runs, and AWS does not say which.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::rule::{HORIZON_DAYS, PlanRule, PlannedCopy, timed};
use crate::facts::schedule;

/// The rules that make a backup.
pub(crate) struct Live<'r> {
    /// For certain.
    pub(crate) sure: Vec<&'r PlanRule>,
    /// At least one of these does.
    pub(crate) open: Vec<&'r PlanRule>,
}

impl<'r> Live<'r> {
    pub(crate) fn of(rules: &[&'r PlanRule], as_of: DateTime<Utc>) -> Self {
        let rules: Vec<&PlanRule> = rules.iter().copied().filter(|rule| !rule.is_over).collect();
        let have_runs = match timed(&rules) {
            Some(timed) => schedule::have_runs(&timed, as_of, HORIZON_DAYS),
            None => vec![Some(true); rules.len()],
        };
        let (mut sure, mut open) = (Vec::new(), Vec::new());
        for (rule, has_runs) in rules.into_iter().zip(have_runs) {
            match has_runs {
                Some(true) => sure.push(rule),
                Some(false) => {}
                None => open.push(rule),
            }
        }
        Self { sure, open }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &'r PlanRule> {
        self.sure.iter().chain(&self.open).copied()
    }

    /// The best that is promised for certain; `None` if no rule makes a backup.
    pub(crate) fn best<T: Ord>(&self, of: impl Fn(&PlanRule) -> T) -> Option<T> {
        let sure = self.sure.iter().map(|rule| of(rule)).max();
        sure.max(self.open.iter().map(|rule| of(rule)).min())
    }

    /// Is it the same whichever of the open ones runs?
    pub(crate) fn agrees<T: PartialEq>(&self, on: impl Fn(&PlanRule) -> T) -> bool {
        self.open.windows(2).all(|pair| on(pair[0]) == on(pair[1]))
    }

    /// The copies that are made for certain.
    pub(crate) fn copies(&self) -> BTreeSet<PlannedCopy> {
        let of_all = |rules: &[&PlanRule]| -> BTreeSet<PlannedCopy> {
            rules.iter().flat_map(|rule| rule.copies.clone()).collect()
        };
        let mut copies = of_all(&self.open);
        copies.retain(|copy| self.open.iter().all(|rule| rule.copies.contains(copy)));
        copies.extend(of_all(&self.sure));
        copies
    }
}
