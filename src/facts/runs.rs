//! Runs that the schedules asked for and that never started.
//!
//! A run counts from the moment when the plan as it is now, its selection and the table all existed; before that
//! nobody can tell what was asked for. A run is started if its plan made a backup job within the run's start window.

use chrono::DateTime;

use super::index::Index;
use super::jobs::Jobs;
use super::plans::offers::Offers;
use super::schedule::Run;
use super::table_points::TablePoints;
use super::time::{JOB_REACH, START_SLACK, seconds};
use crate::dictionary::TableFacts;

pub(super) fn fill(
    facts: &mut TableFacts,
    row: usize,
    index: &Index,
    offers: &Offers,
    points: &TablePoints,
    jobs: &Jobs,
) {
    let Some(expected) = expected(row, index, offers) else {
        return;
    };
    let count = expected.iter().map(|(_, runs)| runs.len()).sum::<usize>();
    facts.expected_run_count = i64::try_from(count).ok();
    let Some((missed, at_most)) = missed_of(row, &expected, points, jobs) else {
        return;
    };
    facts.missed_run_count_sure = i64::try_from(missed.len()).ok();
    facts.missed_run_count = facts.missed_run_count_sure.filter(|_| missed.len() == at_most);
    let perhaps = at_most - missed.len();
    let of_nobody = || format!("{perhaps} of these runs may have started a job that does not say who started it");
    facts.jobs_of_nobody = Some(if perhaps == 0 {
        "none".into()
    } else {
        of_nobody().into()
    });
    facts.last_missed_run_at = missed.last().and_then(|at| DateTime::from_timestamp(i64::from(*at), 0));
}

/// When runs of the last 29 days were due that never started; none where that cannot be told.
pub(super) fn missed_runs(row: usize, index: &Index, offers: &Offers, points: &TablePoints, jobs: &Jobs) -> Vec<u32> {
    expected(row, index, offers)
        .and_then(|expected| missed_of(row, &expected, points, jobs))
        .map(|(missed, _)| missed)
        .unwrap_or_default()
}

/// The id of a plan, and start and end of the start window of each of its runs that count.
type Expected<'o> = (&'o str, Vec<(u32, u32)>);

/// The runs of each plan that count; `None`: nobody can tell which.
fn expected<'o>(row: usize, index: &Index, offers: &'o Offers) -> Option<Vec<Expected<'o>>> {
    let (Some(born), true, Some(since), Some(runs)) = (
        index.tables[row].created_at,
        offers.is_whole,
        offers.since,
        offers.runs.as_ref(),
    ) else {
        return None;
    };
    let from = since.max(born).max(index.as_of - JOB_REACH);
    let is_due = |run: &&Run| run.at >= from && run.at + run.start_window + START_SLACK <= index.as_of;
    let window = |run: &Run| (seconds(run.at), seconds(run.at + run.start_window));
    let of_plan = |(plan, runs): &'o (String, Vec<Run>)| {
        let counted = runs.iter().filter(is_due).map(window);
        (plan.as_str(), counted.collect())
    };
    Some(runs.iter().map(of_plan).collect())
}

/// The runs that surely started no job, and how many there are at most: a job that does not say who started it may be one of
/// theirs. The recovery point that it made says it, where that is listed.
fn missed_of(row: usize, expected: &[Expected<'_>], points: &TablePoints, jobs: &Jobs) -> Option<(Vec<u32>, usize)> {
    if !jobs.is_whole(row) {
        return None;
    }
    let of_nobody: Vec<(u32, Option<&str>)> = jobs
        .started_by_nobody(row)
        .map(|at| (at, points.plan_at(row, at)))
        .collect();
    let (mut surely, mut at_most) = (Vec::new(), 0);
    for (plan, expected) in expected {
        let by = |wanted: Option<&str>| -> Vec<u32> {
            let of_nobody = of_nobody.iter().filter(|(_, plan)| *plan == wanted);
            of_nobody.map(|(at, _)| *at).collect()
        };
        let mut started = jobs.started_by(row, plan);
        started.extend(by(Some(plan)));
        started.sort_unstable();
        at_most += missed(expected, &started).len();
        started.extend(by(None));
        started.sort_unstable();
        surely.extend(missed(expected, &started));
    }
    surely.sort_unstable();
    Some((surely, at_most))
}

/// The runs without a job. Both lists are in order; a job starts one run, the earliest that is open.
fn missed(expected: &[(u32, u32)], started: &[u32]) -> Vec<u32> {
    let slack = u32::try_from(START_SLACK.num_seconds()).unwrap_or_default();
    let mut missed = Vec::new();
    let mut jobs = started.iter().copied().peekable();
    for (at, until) in expected {
        while jobs.next_if(|job| *job < at.saturating_sub(slack)).is_some() {}
        if jobs.next_if(|job| *job <= until.saturating_add(slack)).is_none() {
            missed.push(*at);
        }
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u32 = 3600;

    #[test]
    fn a_job_starts_one_run() {
        let daily: Vec<(u32, u32)> = (1..=3)
            .map(|day| (day * 24 * HOUR, day * 24 * HOUR + 8 * HOUR))
            .collect();
        assert_eq!(missed(&daily, &[24 * HOUR, 48 * HOUR + HOUR, 80 * HOUR]), [0_u32; 0]);
        assert_eq!(missed(&daily, &[24 * HOUR, 80 * HOUR]), [48 * HOUR]);
        assert_eq!(missed(&daily, &[24 * HOUR, 24 * HOUR + 60, 72 * HOUR]), [48 * HOUR]);
        assert_eq!(missed(&daily, &[]), [24 * HOUR, 48 * HOUR, 72 * HOUR]);
        // Between two windows: it belongs to neither.
        assert_eq!(missed(&daily, &[40 * HOUR]), [24 * HOUR, 48 * HOUR, 72 * HOUR]);
    }

    #[test]
    fn a_job_a_little_early_or_late_still_counts() {
        assert_eq!(missed(&[(1000, 2000)], &[990]), [0_u32; 0]);
        assert_eq!(missed(&[(1000, 2000)], &[2300]), [0_u32; 0]);
        assert_eq!(missed(&[(1000, 2000)], &[2301]), [1000]);
    }
}
