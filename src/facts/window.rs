//! The window before `as_of`: how long was the table without a recovery point?
//!
//! Evidence that a point existed at a moment: the point itself, or the backup job that completed, for a point that has
//! been deleted since. Gaps are clipped to the window and to the life of the table, so that more evidence can only
//! shorten them.

use chrono::DateTime;

use super::index::Index;
use super::jobs::Jobs;
use super::time::{JOB_MEMORY, seconds};
use crate::dictionary::TableFacts;

const DAY: u32 = 86_400;

/// `times`: of usable points inside the window, in seconds since 1970; `points_whole`: there are no others.
pub(super) fn fill(facts: &mut TableFacts, row: usize, index: &Index, times: &[u32], points_whole: bool, jobs: &Jobs) {
    facts.window_days = Some(index.window_days);
    let Some(born) = index.tables[row].created_at else {
        return;
    };
    let window = Window {
        start: seconds(index.window_start()).max(seconds(born)),
        end: seconds(index.as_of),
    };
    let mut events: Vec<u32> = times.iter().copied().chain(jobs.completed(row)).collect();
    events.sort_unstable();
    let (gap, from) = window.longest_gap(&events);
    facts.longest_gap_hours_seen = Some(f64::from(gap) / 3600.0);
    facts.longest_gap_from_at = DateTime::from_timestamp(i64::from(from), 0);
    // A point that was deleted since, from before the memory of jobs, may have lain in a gap that begins there.
    let is_remembered = index.window_days <= JOB_MEMORY.num_days() || from >= seconds(index.as_of - JOB_MEMORY);
    if points_whole && jobs.is_whole(row) && is_remembered {
        facts.longest_gap_hours = facts.longest_gap_hours_seen;
    }
    if points_whole && jobs.is_whole(row) && index.window_days <= JOB_MEMORY.num_days() {
        facts.days_without_point = Some(i64::from(window.days_without(&events)));
    }
}

/// From the later of the window's start and the table's birth to `as_of`, in seconds.
struct Window {
    start: u32,
    end: u32,
}

impl Window {
    /// The longest gap and its start. `events` are in order.
    fn longest_gap(&self, events: &[u32]) -> (u32, u32) {
        let mut from = self.start.min(self.end);
        let mut longest = (0, from);
        let inside = events.iter().copied().filter(|at| *at >= self.start && *at <= self.end);
        for at in inside.chain([self.end]) {
            let gap = at.saturating_sub(from);
            if gap > longest.0 {
                longest = (gap, from);
            }
            from = from.max(at);
        }
        longest
    }

    /// Whole UTC days inside without an event.
    fn days_without(&self, events: &[u32]) -> u32 {
        let (first, last) = (self.start.div_ceil(DAY), self.end / DAY);
        let mut days: Vec<u32> = events.iter().map(|at| at / DAY).collect();
        days.dedup();
        let with = days.iter().filter(|day| (first..last).contains(day)).count();
        last.saturating_sub(first)
            .saturating_sub(u32::try_from(with).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u32 = 3600;

    fn window() -> Window {
        Window {
            start: 100 * DAY,
            end: 110 * DAY,
        }
    }

    #[test]
    fn the_ends_of_the_window_count() {
        assert_eq!(window().longest_gap(&[]), (10 * DAY, 100 * DAY));
        assert_eq!(window().longest_gap(&[101 * DAY]), (9 * DAY, 101 * DAY));
        assert_eq!(window().longest_gap(&[109 * DAY]), (9 * DAY, 100 * DAY));
        assert_eq!(window().longest_gap(&[110 * DAY]), (10 * DAY, 100 * DAY));
        assert_eq!(
            window().longest_gap(&[90 * DAY, 101 * DAY, 102 * DAY, 109 * DAY]),
            (7 * DAY, 102 * DAY)
        );
    }

    #[test]
    fn more_evidence_never_lengthens_a_gap() {
        let mut events: Vec<u32> = Vec::new();
        let mut last = u32::MAX;
        for step in 0..40_u32 {
            // A walk over the window in no particular order.
            events.push(100 * DAY + (step * 7919) % (10 * DAY));
            events.sort_unstable();
            let (gap, _) = window().longest_gap(&events);
            assert!(gap <= last);
            last = gap;
        }
    }

    #[test]
    fn only_whole_days_without_an_event_count() {
        assert_eq!(window().days_without(&[]), 10);
        assert_eq!(
            window().days_without(&[100 * DAY, 100 * DAY + HOUR, 104 * DAY + 23 * HOUR]),
            8
        );
        let late = Window {
            start: 100 * DAY + 1,
            end: 102 * DAY - 1,
        };
        assert_eq!(late.days_without(&[]), 0);
    }
}
