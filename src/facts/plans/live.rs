//! Which rules of the plans that take a table make a backup, and what they promise together.
//!
//! A rule that will never run again promises nothing, nor does one whose every run falls into the start window of a rule
//! of its plan with a longer retention. Of rules with the same retention one runs, and AWS does not say which. Plans run
//! beside each other: none takes a run from another.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::rule::{CopyAction, HORIZON_DAYS, PlanRule, timed};
use crate::facts::schedule;

/// The rules that make a backup.
pub(crate) struct Live<'r> {
    /// For certain.
    pub(crate) sure: Vec<&'r PlanRule>,
    /// Of each of these groups at least one does.
    pub(crate) open: Vec<Vec<&'r PlanRule>>,
}

impl<'r> Live<'r> {
    /// `rules`: those of each plan side by side.
    pub(crate) fn of(rules: &[&'r PlanRule], as_of: DateTime<Utc>) -> Self {
        let rules: Vec<&PlanRule> = rules.iter().copied().filter(|rule| !rule.is_over).collect();
        let mut live = Self {
            sure: Vec::new(),
            open: Vec::new(),
        };
        for of_plan in rules.chunk_by(|one, other| one.row.plan_id == other.row.plan_id) {
            let have_runs = match timed(of_plan) {
                Some(timed) => schedule::have_runs(&timed, as_of, HORIZON_DAYS),
                None => vec![Some(true); of_plan.len()],
            };
            let of_plan = || of_plan.iter().copied().zip(&have_runs);
            let that = |wanted: Option<bool>| of_plan().filter(move |(_, has)| **has == wanted).map(|(rule, _)| rule);
            live.sure.extend(that(Some(true)));
            let open: Vec<&PlanRule> = that(None).collect();
            live.open.extend((!open.is_empty()).then_some(open));
        }
        live
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &'r PlanRule> {
        self.sure.iter().chain(self.open.iter().flatten()).copied()
    }

    /// The best that is promised for certain; `None` if no rule makes a backup.
    pub(crate) fn best<T: Ord>(&self, of: impl Fn(&PlanRule) -> T) -> Option<T> {
        let sure = self.sure.iter().map(|rule| of(rule)).max();
        let open = self
            .open
            .iter()
            .filter_map(|group| group.iter().map(|rule| of(rule)).min());
        sure.max(open.max())
    }

    /// Is it the same whichever of the open ones runs?
    pub(crate) fn agrees<T: PartialEq>(&self, on: impl Fn(&PlanRule) -> T) -> bool {
        let mut pairs = self.open.iter().flat_map(|group| group.windows(2));
        pairs.all(|pair| on(pair[0]) == on(pair[1]))
    }

    /// What is made of the copies that are made for certain.
    pub(crate) fn copies<T: Ord>(&self, of: impl Fn(&CopyAction) -> T) -> BTreeSet<T> {
        let of_rule = |rule: &PlanRule| -> BTreeSet<T> { rule.copies.iter().map(&of).collect() };
        let mut copies: BTreeSet<T> = self.sure.iter().flat_map(|rule| of_rule(rule)).collect();
        for group in &self.open {
            let of_group = group.iter().map(|rule| of_rule(rule));
            let in_all = of_group.reduce(|one, other| one.into_iter().filter(|copy| other.contains(copy)).collect());
            copies.extend(in_all.into_iter().flatten());
        }
        copies
    }
}
