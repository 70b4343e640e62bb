//! Runs of several rules together, and the gaps between them.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Offset, TimeDelta, TimeZone, Utc};

use chrono_tz::Tz;

use super::expression::Schedule;

/// Behind the horizon the next run is looked for in steps of this many days, so that the gap over its end counts.
const STEP_DAYS: i64 = 366;

/// And this often: over the eight years between the leap days around 2100, and a little more.
const STEPS: i64 = 9;

/// The last year that an expression can name.
const LAST_YEAR: i32 = 2199;

/// How many of the longest windows before the first moment are looked at.
const LOOK_BACK: i32 = 4;

/// One rule of a plan. Rules of different plans run beside each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimedRule<'s> {
    /// Whose rule it is.
    pub(crate) plan: &'s str,
    /// When it runs.
    pub(crate) schedule: &'s Schedule,
    /// How long after that a job may start.
    pub(crate) start_window: TimeDelta,
    /// How long its recovery points are kept.
    pub(crate) retention_days: i64,
}

/// One run that makes a backup job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    /// When the schedule starts it.
    pub(crate) at: DateTime<Utc>,
    /// Which rule, by place.
    pub(crate) rule: usize,
    /// How long after that its job may start.
    pub(crate) start_window: TimeDelta,
}

impl Run {
    fn end(&self) -> DateTime<Utc> {
        self.at + self.start_window
    }
}

impl Schedule {
    /// Does it never run again? A schedule may name years that are over, or a day that no month has.
    pub(crate) fn is_over(&self, at: DateTime<Utc>) -> bool {
        let step = TimeDelta::days(STEP_DAYS);
        // Years may be named that are far ahead: they are tried as long as a schedule can name any.
        let mut start = at;
        while start.year() <= LAST_YEAR {
            match self.runs(start, start + step) {
                Some(runs) if runs.is_empty() => start += step,
                _ => return false,
            }
        }
        true
    }

    /// The largest gap between runs in these days; see [`largest_gap_of`].
    pub(crate) fn largest_gap(&self, from: DateTime<Utc>, days: i64) -> Option<TimeDelta> {
        let alone = TimedRule {
            plan: "",
            schedule: self,
            start_window: TimeDelta::zero(),
            retention_days: 0,
        };
        largest_gap_of(&[alone], from, days)
    }
}

/// The runs of all rules that make a job, from `from` until before `to`, in order; `None` if a rule is a rate.
///
/// Where the start windows of two rules of one plan overlap, AWS Backup runs one job: that of the rule with the longer
/// retention, else the earlier run, else the rule named first. Plans take no runs from each other. A window begins with its run and ends before its last moment, so
/// that windows which touch do not overlap: by that reading AWS's own example (hourly with a window of one hour beside
/// every twelve hours with eight) gives the 2 + 8 runs a day that AWS says.
pub(crate) fn effective_runs(rules: &[TimedRule<'_>], from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Vec<Run>> {
    let longest = rules.iter().map(|rule| rule.start_window).max().unwrap_or_default();
    // A run that loses to one before it cannot suppress another: who loses is followed some windows back.
    let reach = if rules.len() > 1 { longest * LOOK_BACK } else { longest };
    let mut all: Vec<Run> = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
        let runs = rule.schedule.runs(from - reach, to + longest)?;
        all.extend(runs.into_iter().map(|at| Run {
            at,
            rule: place,
            start_window: rule.start_window,
        }));
    }
    let mut kept = if rules.len() > 1 {
        without_overlaps(all, rules, longest)
    } else {
        all
    };
    kept.retain(|run| run.at >= from && run.at < to);
    kept.sort_unstable();
    // Two rules without windows may run at the same moment: a plan makes one backup at a time.
    kept.dedup_by_key(|run| (run.at, rules[run.rule].plan));
    Some(kept)
}

/// Of each rule: do the others of its plan leave it a run in these days? A rule whose every run falls into the start window
/// of one with a longer retention makes no job, and so no copy. `None`: that hangs on which of two with the same retention runs,
/// which AWS does not say. A rule that is not due in these days is left alone, as are all if one of them cannot be placed.
pub(crate) fn have_runs(rules: &[TimedRule<'_>], from: DateTime<Utc>, days: i64) -> Vec<Option<bool>> {
    let to = from + TimeDelta::days(days);
    let Some(kept) = effective_runs(rules, from, to).filter(|_| rules.len() > 1) else {
        return vec![Some(true); rules.len()];
    };
    let has_runs = |(place, rule): (usize, &TimedRule<'_>)| {
        let own = rule.schedule.runs(from, to).unwrap_or_default();
        if own.is_empty() {
            return Some(true);
        }
        let is_equal = |equal: &TimedRule<'_>| equal.plan == rule.plan && equal.retention_days == rule.retention_days;
        let mut others = rules.iter().enumerate().filter(|(other, _)| *other != place);
        let has_equals = others.any(|(_, other)| is_equal(other));
        if !has_equals {
            return Some(kept.iter().any(|run| run.rule == place));
        }
        let (most, least) = (with_tie(rules, place, 1), with_tie(rules, place, -1));
        let has = |rules: &[TimedRule<'_>]| {
            let runs = effective_runs(rules, from, to).unwrap_or_default();
            runs.iter().any(|run| run.rule == place)
        };
        match (has(&most), has(&least)) {
            (has_at_most, has_at_least) if has_at_most == has_at_least => Some(has_at_most),
            _ => None,
        }
    };
    rules.iter().enumerate().map(has_runs).collect()
}

/// The same order of retentions, in which one rule comes before those of its own (1), or after them (-1).
fn with_tie<'s>(rules: &[TimedRule<'s>], place: usize, before: i64) -> Vec<TimedRule<'s>> {
    let doubled = rules.iter().enumerate().map(|(other, rule)| TimedRule {
        retention_days: rule.retention_days * 2 + if other == place { before } else { 0 },
        ..*rule
    });
    doubled.collect()
}

fn without_overlaps(mut all: Vec<Run>, rules: &[TimedRule<'_>], longest: TimeDelta) -> Vec<Run> {
    all.sort_unstable_by_key(|run| (-rules[run.rule].retention_days, run.at, run.rule));
    let mut kept: BTreeMap<(DateTime<Utc>, usize), Run> = BTreeMap::new();
    for run in all {
        let near = kept
            .range((run.at - longest, 0)..(run.end(), 0))
            .map(|(_, other)| other);
        let plan = rules[run.rule].plan;
        let overlaps = |other: &Run| {
            let is_of_plan = other.rule != run.rule && rules[other.rule].plan == plan;
            is_of_plan && other.end() > run.at && other.at < run.end()
        };
        if !near.into_iter().any(overlaps) {
            kept.insert((run.at, run.rule), run);
        }
    }
    kept.into_values().collect()
}

/// The largest gap between consecutive runs of these rules that begins within so many days, by the clock of their zone;
/// `None` if there is no rule, if one cannot be placed, or if the runs end.
///
/// The gap that is open at the first moment counts from the run before it. By the clock: the night in which clocks go
/// back does not make a daily schedule late, and the hour that clocks skip does make it miss a day. The last gap is
/// followed to its end behind the horizon, so that rare schedules show.
pub(crate) fn largest_gap_of(rules: &[TimedRule<'_>], from: DateTime<Utc>, days: i64) -> Option<TimeDelta> {
    if let [rule] = rules
        && let Some(every) = rule.schedule.rate()
    {
        return Some(every);
    }
    let runs = runs_over(rules, from, days)?;
    runs.windows(2).map(|pair| by_the_clock(rules, pair[0], pair[1])).max()
}

/// The greatest age that the newest recovery point reaches while every run makes one: a gap, the start window of the run
/// that ends it, and the time that a job takes. In real time, not by the clock. `None` as for the gap.
pub(crate) fn worst_case_age(
    rules: &[TimedRule<'_>],
    from: DateTime<Utc>,
    days: i64,
    typical_duration: TimeDelta,
) -> Option<TimeDelta> {
    if let [rule] = rules
        && let Some(every) = rule.schedule.rate()
    {
        return Some(every + rule.start_window + typical_duration);
    }
    let runs = runs_over(rules, from, days)?;
    let ages = runs
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at + pair[1].start_window);
    ages.max().map(|age| age + typical_duration)
}

/// The run before these days, their runs, and the first one after them. A schedule that has not run yet waits from the
/// first moment on, as if it had run then.
fn runs_over(rules: &[TimedRule<'_>], from: DateTime<Utc>, days: i64) -> Option<Vec<Run>> {
    let to = from + TimeDelta::days(days);
    let step = TimeDelta::days(STEP_DAYS);
    let mut before = None;
    let mut start = from;
    for _ in 0..STEPS {
        before = effective_runs(rules, start - step, start)?.pop();
        if before.is_some() {
            break;
        }
        start -= step;
    }
    let waiting = Run {
        at: from,
        rule: 0,
        start_window: rules.first()?.start_window,
    };
    let mut runs = vec![before.unwrap_or(waiting)];
    runs.extend(effective_runs(rules, from, to)?);
    let mut end = to;
    for _ in 0..STEPS {
        if let Some(first) = effective_runs(rules, end, end + step)?.first() {
            runs.push(*first);
            return Some(runs);
        }
        end += step;
    }
    None
}

/// The time between two runs, without the hour by which a clock of theirs went back meanwhile.
pub(crate) fn gap_between(before: (&Schedule, DateTime<Utc>), after: (&Schedule, DateTime<Utc>)) -> TimeDelta {
    let gap = after.1 - before.1;
    let by_clock = [before.0, after.0].map(|schedule| gap + moved(schedule.zone(), before.1, after.1));
    by_clock.into_iter().fold(gap, TimeDelta::min)
}

fn by_the_clock(rules: &[TimedRule<'_>], before: Run, after: Run) -> TimeDelta {
    let gap = after.at - before.at;
    let zone = rules[before.rule].schedule.zone();
    if zone != rules[after.rule].schedule.zone() {
        return gap;
    }
    gap + moved(zone, before.at, after.at)
}

/// How far the clocks of a zone were put forward meanwhile.
fn moved(zone: Tz, before: DateTime<Utc>, after: DateTime<Utc>) -> TimeDelta {
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    TimeDelta::seconds(i64::from(offset(after) - offset(before)))
}
