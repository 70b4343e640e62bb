//! The days of the window: on which was the table covered by a recovery point within the RPO?
//!
//! A usable point that is listed was there since its completion; where AWS leaves that out, it was complete by `as_of`. A job that completed shows that a point was made, dated somewhere between the job's creation and its end; that it
//! stayed as long as its plan promised, nobody saw, so those days are not observed. That none was made is known only where
//! every vault and the jobs were read, and as far back as AWS remembers jobs.

use std::collections::HashSet;

use chrono::{NaiveDate, TimeDelta};

use super::index::Index;
use super::jobs::Jobs;
use super::table_points::TablePoints;
use super::table_points::tally::{Tally, Times};
use super::time::{JOB_REACH, seconds};
use crate::domain::{DayState, Window};
use crate::facts::rpo_over_time::{DAY, DayProof, DemandSpan, KnownTable, PointTrace, RpoDemand, Spans, from_archival};

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
    let day = |day: DayProof| match day {
        DayProof::Covered => Some(DayState::Covered),
        DayProof::Exposed => Some(DayState::Exposed),
        DayProof::NotObserved | DayProof::Promised => Some(DayState::NotObserved),
        DayProof::NotAlive => Some(DayState::NotAlive),
        DayProof::Exempt => None,
    };
    let days = history.days(first, window.days).into_iter().map(day);
    days.collect::<Option<_>>().unwrap_or_default()
}

fn day_number(day: NaiveDate) -> u32 {
    u32::try_from((day - NaiveDate::default()).num_days()).unwrap_or(0)
}

/// Everything that was seen of the recovery points of a table. AWS dates a job and its point alike, so a job that was created
/// when a listed point was is that point's, and says no more than the point does.
pub(super) fn known(row: usize, index: &Index, all: &TablePoints, tally: &Tally<'_>, jobs: &Jobs) -> KnownTable {
    let as_of = seconds(index.as_of);
    let listed: Vec<Times> = tally.times().iter().copied().chain(tally.before()).collect();
    let dates: HashSet<u32> = listed.iter().map(|(created, _)| *created).collect();
    let of_listed = |(created, completed): Times| PointTrace {
        complete_earliest: if completed == 0 { created } else { completed },
        complete_latest: if completed == 0 { as_of } else { completed },
        ..PointTrace::listed(created)
    };
    let made = jobs
        .completed_with_end(row)
        .filter(|(created, _)| !dates.contains(created));
    let of_job = |(created, ended): (u32, u32)| PointTrace {
        sure_until: 0,
        latest: if ended == 0 { as_of } else { ended },
        ..of_listed((created, ended))
    };
    let mut points: Vec<PointTrace> = made.map(of_job).collect();
    points.extend(listed.into_iter().map(of_listed));
    points.extend(jobs.open(row).map(|created| PointTrace {
        latest: u32::MAX,
        complete_earliest: as_of,
        complete_latest: u32::MAX,
        sure_until: 0,
        is_made: false,
        ..PointTrace::listed(created)
    }));
    KnownTable {
        born: index.tables[row].created_at.map(seconds),
        alive_until: as_of,
        gone_by: as_of,
        points,
        observed: if all.is_whole(row) && jobs.is_whole(row) {
            Spans::one(seconds(index.as_of - JOB_REACH), as_of)
        } else {
            Spans::none()
        },
    }
}
