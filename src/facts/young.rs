//! A table that has no backup yet because none was due.
//!
//! That excuses a table, so it must be certain: a selection takes it, every point was read and there is none, and the window
//! of the first run after its creation is not over by any plan that may take it. The table's own age counts, not that of the
//! plan: an old table that is put into a plan today is not young.

use chrono::{DateTime, TimeDelta, Utc};

use super::index::Index;
use super::plans::offers::{Offers, Taker};
use super::plans::rule::timed;
use super::plans::target::TargetPlans;
use super::schedule::effective_runs;
use super::table_points::TablePoints;
use crate::criteria::values::PolicyValues;
use crate::dictionary::TableFacts;

/// So far from its creation a table's first run is looked for, in steps: most plans run daily.
const STEPS: [TimeDelta; 3] = [TimeDelta::days(2), TimeDelta::days(40), TimeDelta::days(400)];

/// When the window of a first run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    At(DateTime<Utc>),
    /// No run comes.
    Never,
    /// A plan was not read, or its schedule is not understood.
    Open,
}

pub(super) fn fill(facts: &mut TableFacts, offers: &Offers, target: Option<&TargetPlans>) {
    if facts.usable_recovery_point_count_seen != Some(0) {
        return;
    }
    let due = target
        .zip(facts.created_at)
        .map(|(target, born)| first_due(offers, target, born, true));
    if let Some(Due::At(due)) = due {
        facts.first_backup_due_at = Some(due);
    }
}

/// Has the table no backup yet because none was due?
pub(super) fn is_not_yet_due(
    row: usize,
    facts: &TableFacts,
    offers: &Offers,
    target: &TargetPlans,
    (points, index): (&TablePoints, &Index),
    values: &PolicyValues,
) -> Option<bool> {
    let (born, seen) = (facts.created_at?, facts.usable_recovery_point_count_seen?);
    let is_passed = facts.first_backup_due_at.is_some_and(|due| due <= index.as_of);
    if seen > 0 || is_passed || facts.in_a_plan == Some(false) {
        return Some(false);
    }
    let earlier = points.newest_of_earlier(row, index);
    if earlier.is_some_and(|at| at >= index.as_of - values.limit() * 2) {
        return Some(false);
    }
    // Whichever of the plans takes it, its first run is over.
    let is_over = |due: Due| matches!(due, Due::Never) || matches!(due, Due::At(due) if due <= index.as_of);
    let mut takers = offers.takers.iter();
    if offers.is_read && takers.all(|taker| is_over(due_of(taker, target, born))) {
        return Some(false);
    }
    // A plan whose first run comes later than the limit after the table's creation does not keep the policy: what is not known
    // of plans excuses no table that is older.
    let is_excused_by_none = (index.as_of - born > values.limit()).then_some(false);
    match first_due(offers, target, born, false) {
        _ if facts.usable_recovery_point_count != Some(0) || facts.in_a_plan != Some(true) => is_excused_by_none,
        Due::At(due) => (due > index.as_of).then_some(true).or(is_excused_by_none),
        Due::Never => Some(false),
        Due::Open => is_excused_by_none,
    }
}

/// When the first window of a run after a table's creation ends: by plans that take it for certain, or by all that may.
fn first_due(offers: &Offers, target: &TargetPlans, born: DateTime<Utc>, is_sure: bool) -> Due {
    let mut first = if is_sure || offers.is_read {
        Due::Never
    } else {
        Due::Open
    };
    for taker in offers.takers.iter().filter(|taker| taker.is_sure || !is_sure) {
        first = match (first, due_of(taker, target, born)) {
            (Due::At(one), Due::At(other)) => Due::At(one.min(other)),
            // What is not known may come before all that is.
            (Due::Open, _) | (_, Due::Open) if !is_sure => Due::Open,
            (Due::At(one), _) | (_, Due::At(one)) => Due::At(one),
            (Due::Open, _) | (_, Due::Open) => Due::Open,
            (Due::Never, Due::Never) => Due::Never,
        };
    }
    first
}

/// When the first window of a plan's run after a table's creation ends.
fn due_of(taker: &Taker, target: &TargetPlans, born: DateTime<Utc>) -> Due {
    let rules = target.plans.get(&taker.plan_id).and_then(|plan| plan.rules.as_ref());
    let rules: Option<Vec<_>> = rules.map(|rules| rules.iter().collect());
    match rules {
        Some(rules) if rules.is_empty() => Due::Never,
        Some(rules) => timed(&rules).map_or(Due::Open, |timed| {
            let end_of_first = |within: &TimeDelta| {
                let runs = effective_runs(&timed, born, born + *within)?;
                let end = runs.iter().map(|run| run.at + run.start_window).min();
                Some(end.map_or(Due::Never, Due::At))
            };
            let mut steps = STEPS.iter().map(end_of_first);
            let found = steps.find(|due| *due != Some(Due::Never));
            found.map_or(Due::Never, |due| due.unwrap_or(Due::Open))
        }),
        None => Due::Open,
    }
}
