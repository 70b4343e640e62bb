//! The window before `as_of`: how long was the table without a new recovery point?
//!
//! Two answers, from everything that was seen: how long at most, which more evidence can only shorten, and how long for
//! certain, which it can only lengthen. Both are clipped to the window and to the life of the table. What counts as a point,
//! and when it was made, is told in [`KnownTable`], as for every proof over time.

use chrono::{DateTime, TimeDelta};

use super::days;
use super::index::Index;
use super::jobs::Jobs;
use super::rpo_over_time::{DAY, KnownTable};
use super::table_points::TablePoints;
use super::table_points::tally::Tally;
use super::time::{JOB_MEMORY, seconds};
use crate::dictionary::TableFacts;

pub(super) fn fill(
    facts: &mut TableFacts,
    row: usize,
    index: &Index,
    points: &TablePoints,
    tally: &Tally<'_>,
    jobs: &Jobs,
) {
    facts.window_days = Some(index.window_days);
    let Some(aged_at) = index.aged_at(row) else {
        return;
    };
    let (start, end) = (seconds(aged_at - TimeDelta::days(index.window_days)), seconds(aged_at));
    let known = days::known(row, index, points, tally, jobs);
    let Some(born) = known.born else {
        return;
    };
    // A table that was made at as_of, or after it by another clock, has lived for no time.
    let (from, to) = known.longest_without_point(start, end).unwrap_or_default();
    let hours = |seconds: u32| f64::from(seconds) / 3600.0;
    facts.longest_gap_hours_seen = Some(hours(to - from));
    facts.longest_gap_from_at = DateTime::from_timestamp(i64::from(from.max(start.max(born).min(end))), 0);
    facts.longest_gap_hours_sure = Some(hours(known.surely_without_point(start, end, start)));
    facts.longest_gap_hours = facts
        .longest_gap_hours_seen
        .filter(|_| facts.longest_gap_hours_seen == facts.longest_gap_hours_sure);
    let is_whole = points.is_whole(row) && jobs.is_whole(row);
    if is_whole && index.window_days <= JOB_MEMORY.num_days() && aged_at == index.as_of {
        facts.days_without_point = Some(i64::from(days_without(&known, start.max(born), end)));
    }
}

/// Whole UTC days from `start` to `end` on which no point was made for certain.
fn days_without(known: &KnownTable, start: u32, end: u32) -> u32 {
    let (first, last) = (start.div_ceil(DAY), end / DAY);
    let is_without = |day: &u32| {
        let (from, to) = (day * DAY, day * DAY + (DAY - 1));
        let may_lie_there = known
            .points
            .iter()
            .any(|point| point.earliest <= to && point.latest >= from);
        !may_lie_there
    };
    u32::try_from((first..last).filter(is_without).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::rpo_over_time::{PointTrace, Spans};

    const HOUR: u32 = 3600;

    fn known(dates: &[(u32, u32)]) -> KnownTable {
        let trace = |(earliest, latest): &(u32, u32)| PointTrace {
            latest: *latest,
            ..PointTrace::listed(*earliest)
        };
        KnownTable {
            born: Some(0),
            alive_until: u32::MAX,
            gone_by: u32::MAX,
            points: dates.iter().map(trace).collect(),
            observed: Spans::one(0, u32::MAX),
        }
    }

    #[test]
    fn only_whole_days_on_which_none_can_have_been_made_count() {
        let at = |day: u32, hour: u32| day * DAY + hour * HOUR;
        assert_eq!(days_without(&known(&[]), at(100, 0), at(110, 0)), 10);
        let some = known(&[(at(100, 0), at(100, 1)), (at(104, 23), at(105, 1))]);
        assert_eq!(days_without(&some, at(100, 0), at(110, 0)), 7);
        assert_eq!(days_without(&known(&[]), at(100, 0) + 1, at(102, 0) - 1), 0);
    }
}
