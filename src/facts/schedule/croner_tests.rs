//! A witness from outside: the crate `croner`, for the forms that it reads as AWS does.
//!
//! 20,000 expressions of every form were compared in each of four zones. Left out here is what differs there:
//! - ranges over the end (`20-2`) and days before the last (`L-3`): croner refuses them;
//! - `L` alone as day of the week, AWS's Saturday: there it never runs;
//! - `*/2` as year: there it counts from year 1, not from 1970;
//! - `L` and `LW` in one list: there only `LW` runs;
//! - the hours at which clocks change, of which AWS says nothing: there a skipped run comes later, and `*` runs in both of
//!   two hours that look the same.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds, Year};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::Schedule;
use super::fields::{DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH};

/// So many runs are compared.
const RUNS: usize = 5;

/// A number, or the name that stands for it in either letter case.
fn spelled(field: &'static Field, number: u16) -> impl Strategy<Value = String> {
    let name = field.names.get(usize::from(number - field.least));
    let name = name.map_or_else(|| number.to_string(), |name| (*name).to_owned());
    select(vec![number.to_string(), name.to_lowercase(), name])
}

fn one(field: &'static Field) -> impl Strategy<Value = String> {
    (field.least..=field.most).prop_flat_map(move |number| spelled(field, number))
}

/// `5`, `1-5`, `1-5/2`, `5/2`, `*/2`.
fn entry(field: &'static Field, least: u16) -> impl Strategy<Value = String> {
    let ends = (least..=field.most, least..=field.most);
    let ends = ends.prop_flat_map(move |(a, b)| (spelled(field, a.min(b)), spelled(field, a.max(b))));
    let forms = if least == field.least { 5 } else { 4 };
    (ends, 1..=field.most, 0..forms).prop_map(|((first, last), step, form)| match form {
        0 => first,
        1 => format!("{first}-{last}"),
        2 => format!("{first}-{last}/{step}"),
        3 => format!("{first}/{step}"),
        _ => format!("*/{step}"),
    })
}

fn list(entry: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::collection::vec(entry, 1..=3).prop_map(|entries| entries.join(","))
}

/// Day of month and day of week.
fn days() -> impl Strategy<Value = String> {
    let nearest = (1..=31).prop_map(|day| format!("{day}W"));
    let of_month = prop_oneof![Just("L".to_owned()), nearest, entry(&DAY_OF_MONTH, 1)];
    let last = one(&DAY_OF_WEEK).prop_map(|day| format!("{day}L"));
    let nth = (one(&DAY_OF_WEEK), 1..=5).prop_map(|(day, nth)| format!("{day}#{nth}"));
    let of_week = prop_oneof![last, nth, entry(&DAY_OF_WEEK, 1)];
    prop_oneof![
        Just("* ?".to_owned()),
        Just("? *".to_owned()),
        Just("LW ?".to_owned()),
        list(entry(&DAY_OF_MONTH, 1)).prop_map(|days| format!("{days} ?")),
        list(of_month).prop_map(|days| format!("{days} ?")),
        list(of_week).prop_map(|days| format!("? {days}")),
    ]
}

fn years() -> impl Strategy<Value = String> {
    let some = (2025..=2032_u16, 1..=4_u16, 0..4).prop_map(|(year, more, form)| match form {
        0 => year.to_string(),
        1 => format!("{year}-{}", year + more),
        2 => format!("{year},{}", year + more),
        _ => format!("{year}/{more}"),
    });
    prop_oneof![Just("*".to_owned()), some]
}

/// Expressions whose day of month stands before the month, and the day of week behind it.
pub(super) fn expressions(least_hour: u16) -> impl Strategy<Value = String> {
    let hours = if least_hour == 0 {
        prop_oneof![Just("*".to_owned()), list(entry(&HOUR, 0))].boxed()
    } else {
        list(entry(&HOUR, least_hour)).boxed()
    };
    let months = prop_oneof![Just("*".to_owned()), list(entry(&MONTH, 1))];
    let fields = (list(entry(&MINUTE, 0)), hours, days(), months, years());
    fields.prop_map(|(minutes, hours, days, months, years)| {
        let (of_month, of_week) = days.split_once(' ').expect("two fields");
        format!("{minutes} {hours} {of_month} {months} {of_week} {years}")
    })
}

/// The next runs after an instant by croner, as far as they lie before the end.
fn by_croner(text: &str, zone: Tz, after: DateTime<Utc>, end: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build();
    let cron = parser
        .parse(&format!("0 {text}"))
        .unwrap_or_else(|why| panic!("{text}: {why}"));
    let runs = cron
        .iter_after(after.with_timezone(&zone))
        .map(|at| at.with_timezone(&Utc));
    runs.take(RUNS).take_while(|at| *at < end).collect()
}

fn compare(zone: &str, least_hour: u16, cases: u32) {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    // Those that fail leave no file in the tree.
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let tz: Tz = zone.parse().expect("a zone");
    let seconds = 0..2 * 366 * 86_400_i64;
    let start: DateTime<Utc> = "2025-01-01T00:00:00Z".parse().expect("an instant");
    let outcome = runner.run(&(expressions(least_hour), seconds), |(text, seconds)| {
        let after = start + TimeDelta::seconds(seconds);
        let year = after + TimeDelta::days(400);
        let expected = by_croner(&text, tz, after, year);
        let moment = TimeDelta::seconds(1);
        let end = expected.get(RUNS - 1).map_or(year, |last| *last + moment);
        let schedule = Schedule::parse(Some(&text), Some(zone)).expect("understood");
        prop_assert_eq!(
            schedule.runs(after + moment, end),
            Some(expected),
            "{} after {}",
            text,
            after
        );
        Ok(())
    });
    outcome.unwrap_or_else(|why| panic!("{zone}: {why}"));
}

#[test]
fn croner_finds_the_same_runs() {
    compare("UTC", 0, 1500);
}

#[test]
fn croner_finds_the_same_runs_where_clocks_change() {
    compare("Europe/Berlin", 4, 750);
    compare("America/New_York", 4, 750);
}
