//! The days of the window: on which was the table covered by a recovery point within the RPO?
//!
//! A usable point that is listed was there since its creation. A job that completed shows that a point was made, dated
//! somewhere between the job's creation and its end; that it
//! stayed as long as its plan promised is believed only if that time is over and every vault was read: a point that
//! should still be there and is not was deleted by hand, nobody knows when. That none was made is known only where every vault and the jobs were read, and as far back as AWS
//! remembers jobs.

use std::collections::HashSet;

use chrono::{NaiveDate, TimeDelta};

use super::index::Index;
use super::jobs::Jobs;
use super::table_points::TablePoints;
use super::table_points::tally::Tally;
use super::time::{JOB_REACH, seconds};
use crate::domain::{DayState, Window};
use crate::facts::rpo_over_time::{DAY, DemandSpan, KnownTable, PointTrace, RpoDemand, Spans, from_archival};

/// As many days as the policy's window has; the last is the day of `as_of`.
pub(super) fn window(index: &Index) -> Window {
    let last = index.as_of.date_naive();
    let days = usize::try_from(index.window_days).unwrap_or(0);
    Window {
        first: last - TimeDelta::days(index.window_days - 1),
        days,
    }
}

/// One state for each day; none if nothing is asked of the table.
pub(super) fn of(
    row: usize,
    asked: RpoDemand,
    window: Window,
    index: &Index,
    points: &TablePoints,
    jobs: &Jobs,
) -> Vec<DayState> {
    let as_of = seconds(index.as_of);
    let first = day_number(window.first);
    let demand = DemandSpan {
        from: 0,
        to: u32::MAX,
        asked,
    };
    let known = known(row, index, points, &points.tally(row, index), jobs);
    let demands = match index.tables[row].archived_at {
        Some(at) => from_archival(&[demand], seconds(at), as_of),
        None => vec![demand],
    };
    let history = known.history(&demands, first.saturating_mul(DAY), as_of);
    history
        .days(first, window.days)
        .into_iter()
        .collect::<Option<_>>()
        .unwrap_or_default()
}

fn day_number(day: NaiveDate) -> u32 {
    u32::try_from((day - NaiveDate::default()).num_days()).unwrap_or(0)
}

/// Everything that was seen of the recovery points of a table. AWS dates a job and its point alike, so a job that was created
/// when a listed point was is that point's, and says no more than the point does.
pub(super) fn known(row: usize, index: &Index, points: &TablePoints, tally: &Tally<'_>, jobs: &Jobs) -> KnownTable {
    let as_of = seconds(index.as_of);
    let listed: HashSet<u32> = tally.times().iter().copied().chain(tally.before()).collect();
    let is_listed = |created: &u32| listed.contains(created);
    let traces = listed.iter().map(|created| PointTrace {
        earliest: *created,
        latest: *created,
        sure_until: u32::MAX,
        gone_by: u32::MAX,
        is_made: true,
    });
    let is_over = |end: &u32| *end <= as_of && points.is_whole(row);
    let made = jobs
        .completed_with_end(row)
        .filter(|(created, ..)| !is_listed(created))
        .map(|(created, ended, kept_until)| PointTrace {
            earliest: created,
            latest: if ended == 0 { as_of } else { ended },
            sure_until: kept_until.filter(is_over).unwrap_or(0),
            gone_by: u32::MAX,
            is_made: true,
        });
    let in_the_making = jobs.open(row).map(|created| PointTrace {
        earliest: created,
        latest: u32::MAX,
        sure_until: 0,
        gone_by: u32::MAX,
        is_made: false,
    });
    KnownTable {
        born: index.tables[row].created_at.map(seconds),
        alive_until: as_of,
        gone_by: as_of,
        points: traces.chain(made).chain(in_the_making).collect(),
        observed: if points.is_whole(row) && jobs.is_whole(row) {
            Spans::one(seconds(index.as_of - JOB_REACH), as_of)
        } else {
            Spans::none()
        },
    }
}
