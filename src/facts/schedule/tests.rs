use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use proptest::prelude::*;

use super::expression::Kind;
use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn schedule(expression: &str, zone: &str) -> Schedule {
    Schedule::parse(Some(expression), Some(zone)).unwrap_or_else(|why| panic!("{expression}: {why}"))
}

fn runs(expression: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
    let runs = schedule(expression, zone).runs(at(from), at(to)).expect("a cron");
    runs.iter()
        .map(|run| run.format("%Y-%m-%d %H:%M").to_string())
        .collect()
}

fn gap_hours(expression: &str, zone: &str) -> Option<f64> {
    let gap = schedule(expression, zone).largest_gap(at("2026-11-23T00:00:00Z"), 400)?;
    Some(gap.num_minutes() as f64 / 60.0)
}

#[test]
fn what_aws_documents_is_understood() {
    for (expression, hours) in [
        ("cron(0 5 ? * * *)", 24.0),
        ("0 5 ? * * *", 24.0),
        ("CRON( 0 5 * * ? * )", 24.0),
        ("cron(0 5 * * * *)", 24.0),
        ("cron(0 5 ? * MON-FRI *)", 72.0),
        ("cron(0 0/12 ? * * *)", 12.0),
        ("cron(0 13/12 ? * * *)", 24.0),
        ("cron(0 */4 * * ? *)", 4.0),
        ("cron(15 20-2 ? * * *)", 18.0),
        ("cron(0 5 ? * FRI-MON *)", 96.0),
        ("cron(0 5 ? * 1 *)", 168.0),
        ("cron(0 5 ? * SUN,WED *)", 96.0),
        ("cron(5/15 * * * ? *)", 0.25),
        ("cron(0 5 1 * ? *)", 31.0 * 24.0),
        ("cron(0 5 L * ? *)", 31.0 * 24.0),
        ("cron(0 5 1 3 ? *)", 366.0 * 24.0),
        ("cron(0 5 29 2 ? *)", 1461.0 * 24.0),
        ("cron(0 5 1 NOV-FEB ? *)", 273.0 * 24.0),
        ("rate(12 hours)", 12.0),
        ("rate(1 day)", 24.0),
    ] {
        assert_eq!(gap_hours(expression, "UTC"), Some(hours), "{expression}");
    }
}

#[test]
fn without_a_schedule_aws_backup_runs_daily_at_five() {
    let default = Schedule::parse(None, None).expect("the default");
    assert_eq!(default, schedule("cron(0 5 ? * * *)", "Etc/UTC").with_zone_of(&default));
}

impl Schedule {
    /// `UTC` and `Etc/UTC` are two names of one zone.
    fn with_zone_of(self, other: &Self) -> Self {
        match (self.0, &other.0) {
            (Kind::Cron(cron, _), Kind::Cron(_, zone)) => Self(Kind::Cron(cron, *zone)),
            (kind, _) => Self(kind),
        }
    }
}

#[test]
fn what_is_not_understood_is_said() {
    for (expression, zone, why) in [
        ("cron(0 5 * * ?)", "UTC", "`0 5 * * ?` has 5 fields; a schedule has six"),
        ("cron(60 5 ? * * *)", "UTC", "`60` is not a minute"),
        ("cron(0 24 ? * * *)", "UTC", "`24` is not a hour"),
        ("cron(0 5 ? * 0 *)", "UTC", "`0` is not a day of week"),
        ("cron(0 5 ? * MON#6 *)", "UTC", "`MON#6` is not a day of week"),
        (
            "cron(0 5 1 * MON *)",
            "UTC",
            "`0 5 1 * MON *` names days of the month and of the week; one of them must be `?`",
        ),
        ("cron(0 5/0 ? * * *)", "UTC", "`5/0` is not a hour"),
        ("cron(0 5 ? FOO * *)", "UTC", "`FOO` is not a month"),
        ("cron(0 5 ? * * 1969)", "UTC", "`1969` is not a year"),
        ("cron(0 +5 ? * * *)", "UTC", "`+5` is not a hour"),
        ("rate(0 hours)", "UTC", "`rate(0 hours)` is not a rate"),
        ("rate(5 fortnights)", "UTC", "`rate(5 fortnights)` is not a rate"),
        (
            "at(2026-01-01T00:00:00)",
            "UTC",
            "`at(2026-01-01T00:00:00)` has 1 fields; a schedule has six",
        ),
        ("cron(0 5 ? * * *)", "Mars/Olympus", "`Mars/Olympus` is not a time zone"),
    ] {
        let error = Schedule::parse(Some(expression), Some(zone)).expect_err(expression);
        assert_eq!(error.to_string(), why);
    }
}

#[test]
fn month_ends_and_weekdays_are_found() {
    let in_2028 = |expression: &str| runs(expression, "UTC", "2028-02-01T00:00:00Z", "2028-04-01T00:00:00Z");
    assert_eq!(in_2028("0 5 L * ? *"), ["2028-02-29 05:00", "2028-03-31 05:00"]);
    assert_eq!(in_2028("0 5 L-3 * ? *"), ["2028-02-26 05:00", "2028-03-28 05:00"]);
    assert_eq!(in_2028("0 5 29 2 ? *"), ["2028-02-29 05:00"]);
    // 29 February 2028 is a Tuesday; 31 March a Friday.
    assert_eq!(in_2028("0 5 LW * ? *"), ["2028-02-29 05:00", "2028-03-31 05:00"]);
    // 5 February 2028 is a Saturday, 5 March a Sunday.
    assert_eq!(in_2028("0 5 5W * ? *"), ["2028-02-04 05:00", "2028-03-06 05:00"]);
    assert_eq!(in_2028("0 5 ? * 6L *"), ["2028-02-25 05:00", "2028-03-31 05:00"]);
    assert_eq!(in_2028("0 5 ? * FRIL *"), ["2028-02-25 05:00", "2028-03-31 05:00"]);
    assert_eq!(in_2028("0 5 ? * MON#1 *"), ["2028-02-07 05:00", "2028-03-06 05:00"]);
    assert_eq!(in_2028("0 5 ? * 2#5 *"), [] as [&str; 0]);
    // 1 January 2028 is a Saturday: the nearest working day of that month is the third.
    assert_eq!(
        runs("0 5 1W 1 ? *", "UTC", "2028-01-01T00:00:00Z", "2028-02-01T00:00:00Z"),
        ["2028-01-03 05:00"]
    );
}

#[test]
fn daylight_saving_skips_and_repeats() {
    // Berlin, 29 March 2026: 02:00 to 03:00 does not exist; 25 October: 02:00 to 03:00 comes twice.
    assert_eq!(
        runs(
            "30 2 ? * * *",
            "Europe/Berlin",
            "2026-03-28T00:00:00Z",
            "2026-03-31T00:00:00Z"
        ),
        ["2026-03-28 01:30", "2026-03-30 00:30"]
    );
    assert_eq!(
        runs(
            "30 2 ? * * *",
            "Europe/Berlin",
            "2026-10-24T00:00:00Z",
            "2026-10-27T00:00:00Z"
        ),
        ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]
    );
    assert_eq!(gap_hours("30 2 ? * * *", "Europe/Berlin"), Some(48.0));
    assert_eq!(gap_hours("0 5 ? * * *", "Europe/Berlin"), Some(24.0));
    assert_eq!(gap_hours("30 2 ? * * *", "America/New_York"), Some(48.0));
    assert_eq!(gap_hours("0 5 ? * * *", "Australia/Lord_Howe"), Some(24.0));
    // Half an hour is skipped there, in October.
    assert_eq!(gap_hours("15 2 ? * * *", "Australia/Lord_Howe"), Some(48.0));
    let hourly = schedule("0 * ? * * *", "Europe/Berlin");
    let gap = worst_case_age(
        &[timed(&hourly, 60, 1)],
        at("2026-01-01T00:00:00Z"),
        400,
        TimeDelta::minutes(5),
    );
    // The hour that comes twice runs once.
    assert_eq!(gap, Some(TimeDelta::minutes(120 + 60 + 5)));
}

fn timed(schedule: &Schedule, window_minutes: i64, retention_days: i64) -> TimedRule<'_> {
    TimedRule {
        plan: "plan",
        schedule,
        start_window: TimeDelta::minutes(window_minutes),
        retention_days,
    }
}

#[test]
fn overlapping_rules_run_one_job_as_aws_says() {
    let (hourly, half_daily) = (schedule("0 * ? * * *", "UTC"), schedule("0 0/12 ? * * *", "UTC"));
    let rules = [timed(&hourly, 60, 7), timed(&half_daily, 480, 35)];
    let runs = effective_runs(&rules, at("2026-06-02T00:00:00Z"), at("2026-06-03T00:00:00Z")).expect("crons");
    let by = |rule: usize| runs.iter().filter(|run| run.rule == rule).count();
    assert_eq!((by(1), by(0)), (2, 8));
    assert_eq!(
        largest_gap_of(&rules, at("2026-06-01T00:00:00Z"), 400),
        Some(TimeDelta::hours(8))
    );
    // With the shorter retention the twelve-hourly rule never gets to run.
    let rules = [timed(&hourly, 60, 35), timed(&half_daily, 480, 7)];
    let runs = effective_runs(&rules, at("2026-06-02T00:00:00Z"), at("2026-06-03T00:00:00Z")).expect("crons");
    assert_eq!(runs.len(), 24);
    assert!(runs.iter().all(|run| run.rule == 0));
}

#[test]
fn a_window_that_began_before_suppresses_too() {
    let (hourly, daily) = (schedule("0 * ? * * *", "UTC"), schedule("0 20 ? * * *", "UTC"));
    let rules = [timed(&hourly, 60, 7), timed(&daily, 480, 35)];
    let runs = effective_runs(&rules, at("2026-06-02T00:00:00Z"), at("2026-06-02T06:00:00Z")).expect("crons");
    let hours: Vec<u32> = runs.iter().map(|run| run.at.hour()).collect();
    assert_eq!(hours, [4, 5]);
}

#[test]
fn rates_have_an_interval_and_no_moments() {
    let (rate, daily) = (schedule("rate(6 hours)", "UTC"), schedule("0 5 ? * * *", "UTC"));
    assert_eq!(rate.runs(at("2026-06-02T00:00:00Z"), at("2026-06-03T00:00:00Z")), None);
    assert_eq!(
        largest_gap_of(
            &[timed(&rate, 60, 1), timed(&daily, 60, 1)],
            at("2026-06-02T00:00:00Z"),
            400
        ),
        None
    );
}

#[test]
fn schedules_that_end_or_never_run_have_no_interval() {
    assert_eq!(gap_hours("0 5 ? * * 2026", "UTC"), None);
    assert_eq!(gap_hours("0 5 ? * * 2020", "UTC"), None);
    assert_eq!(gap_hours("0 5 31 2 ? *", "UTC"), None);
    assert_eq!(gap_hours("0 5 1 3 ? 2027,2029", "UTC"), Some(731.0 * 24.0));
    // Years that have not begun: the wait until then is a gap.
    let later = gap_hours("* 3 ? * SAT-SUN 2030-2050", "UTC").expect("a gap");
    assert!(later > 3.0 * 365.0 * 24.0, "{later}");
    // It has run before, years ago, and will again.
    assert_eq!(gap_hours("0 5 1 1 ? 2024,2028-2199", "UTC"), Some(1461.0 * 24.0));
}

#[test]
fn a_schedule_is_over_when_no_run_is_left() {
    let now = at("2026-11-01T12:00:00Z");
    for (expression, is_over) in [
        ("0 5 ? * * *", false),
        ("0 5 ? * * 2026", false),
        ("0 5 ? 1-10 * 2026", true),
        ("0 5 ? * * 2020", true),
        ("0 5 31 2 ? *", true),
        ("0 5 30 2 ? 2024-2199", true),
        ("0 5 29 2 ? *", false),
        // Far ahead is not over.
        ("0 5 ? * * 2150", false),
        ("rate(1 day)", false),
    ] {
        assert_eq!(schedule(expression, "UTC").is_over(now), is_over, "{expression}");
    }
}

#[test]
fn a_rule_that_always_loses_has_no_runs() {
    let (five, six) = (schedule("0 5 ? * * *", "UTC"), schedule("0 6 ? * * *", "UTC"));
    let now = at("2026-11-01T12:00:00Z");
    let have = |rules: &[TimedRule<'_>]| have_runs(rules, now, 400);
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(have(&[timed(&five, 480, 365), timed(&six, 480, 35)]), [yes, no]);
    assert_eq!(have(&[timed(&five, 480, 35), timed(&six, 480, 365)]), [no, yes]);
    assert_eq!(have(&[timed(&five, 60, 365), timed(&six, 480, 35)]), [yes, yes]);
    // Of equal ones AWS does not say which runs, but a longer one decides against both.
    assert_eq!(have(&[timed(&five, 480, 35), timed(&six, 480, 35)]), [None, None]);
    let four = schedule("0 4 ? * * *", "UTC");
    let three = [timed(&five, 480, 35), timed(&four, 480, 365), timed(&six, 480, 35)];
    assert_eq!(have(&three), [no, yes, no]);
    // Once a week the longer one wins; on the other days the daily one runs.
    let sunday = schedule("0 5 ? * SUN *", "UTC");
    assert_eq!(have(&[timed(&five, 480, 35), timed(&sunday, 480, 365)]), [yes, yes]);
    // Not due in these days, or not to be placed: nothing is said against it.
    let later = schedule("0 5 ? * * 2030", "UTC");
    assert_eq!(have(&[timed(&five, 480, 365), timed(&later, 480, 35)]), [yes, yes]);
    let rate = schedule("rate(1 hour)", "UTC");
    assert_eq!(
        have(&[timed(&five, 480, 365), timed(&six, 480, 35), timed(&rate, 60, 1)]),
        [yes; 3]
    );
    assert_eq!(have(&[timed(&six, 480, 35)]), [yes]);
}

fn of<'s>(plan: &'s str, rule: TimedRule<'s>) -> TimedRule<'s> {
    TimedRule { plan, ..rule }
}

#[test]
fn plans_take_no_runs_from_each_other() {
    let (five, six) = (schedule("0 5 ? * * *", "UTC"), schedule("0 6 ? * * *", "UTC"));
    let one = [timed(&five, 480, 35), timed(&six, 480, 365)];
    let two = [of("a", timed(&five, 480, 35)), of("b", timed(&six, 480, 365))];
    let (from, to) = (at("2026-06-02T00:00:00Z"), at("2026-06-03T00:00:00Z"));
    let hours = |rules: &[TimedRule<'_>]| -> Vec<u32> {
        let runs = effective_runs(rules, from, to).expect("crons");
        runs.iter().map(|run| run.at.hour()).collect()
    };
    assert_eq!((hours(&one), hours(&two)), (vec![6], vec![5, 6]));
    assert_eq!(have_runs(&two, from, 400), [Some(true), Some(true)]);
    // Nor do they where both keep as long and run at the same moment.
    let same = [of("a", timed(&five, 480, 35)), of("b", timed(&five, 480, 35))];
    assert_eq!(
        (hours(&same), have_runs(&same, from, 400)),
        (vec![5, 5], vec![Some(true); 2])
    );
}

/// Fields in plain lists, for a matcher that knows nothing of the parser.
#[derive(Debug, Clone)]
struct Plain {
    minutes: Vec<u32>,
    hours: Vec<u32>,
    months: Vec<u32>,
    weekdays: Option<Vec<u32>>,
    days: Option<Vec<u32>>,
}

fn list(values: &[u32]) -> String {
    values.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

impl Plain {
    fn expression(&self) -> String {
        format!(
            "cron({} {} {} {} {} *)",
            list(&self.minutes),
            list(&self.hours),
            self.days.as_ref().map_or("?".to_owned(), |days| list(days)),
            list(&self.months),
            self.weekdays
                .as_ref()
                .map_or(if self.days.is_some() { "?" } else { "*" }.to_owned(), |days| list(
                    days
                )),
        )
    }

    fn matches(&self, at: DateTime<Utc>) -> bool {
        self.minutes.contains(&at.minute())
            && self.hours.contains(&at.hour())
            && self.months.contains(&at.month())
            && self.days.as_ref().is_none_or(|days| days.contains(&at.day()))
            && self
                .weekdays
                .as_ref()
                .is_none_or(|days| days.contains(&at.weekday().number_from_sunday()))
    }
}

fn some(range: std::ops::RangeInclusive<u32>, most: usize) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::btree_set(range, 1..=most).prop_map(|set| set.into_iter().collect())
}

fn plain() -> impl Strategy<Value = Plain> {
    let days = prop_oneof![
        some(1..=31, 5).prop_map(|days| (Some(days), None)),
        some(1..=7, 3).prop_map(|days| (None, Some(days))),
        Just((None, None)),
    ];
    (some(0..=59, 4), some(0..=23, 4), some(1..=12, 8), days).prop_map(|(minutes, hours, months, (days, weekdays))| {
        Plain {
            minutes,
            hours,
            months,
            weekdays,
            days,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn runs_are_the_minutes_that_match(plain in plain(), day in 0..1500_i64) {
        let from = at("2026-01-01T00:00:00Z") + TimeDelta::days(day);
        let to = from + TimeDelta::days(20);
        let found = schedule(&plain.expression(), "UTC").runs(from, to).expect("a cron");
        let minutes = (0..20 * 1440).map(|minute| from + TimeDelta::minutes(minute));
        let expected: Vec<DateTime<Utc>> = minutes.filter(|minute| plain.matches(*minute)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn runs_of_two_stretches_are_the_runs_of_both(
        plain in plain(),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
        hours in 1..5000_i64,
    ) {
        let schedule = schedule(&plain.expression(), zone);
        let from = at("2026-01-01T00:00:00Z");
        let (middle, to) = (from + TimeDelta::hours(hours), from + TimeDelta::hours(9000));
        let mut parts = schedule.runs(from, middle).expect("a cron");
        parts.extend(schedule.runs(middle, to).expect("a cron"));
        prop_assert!(parts.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!(parts, schedule.runs(from, to).expect("a cron"));
    }

    #[test]
    fn another_rule_with_a_shorter_retention_never_hides_a_run(a in plain(), b in plain(), window in 0..600_i64) {
        let (a, b) = (schedule(&a.expression(), "UTC"), schedule(&b.expression(), "UTC"));
        let (from, to) = (at("2026-01-01T00:00:00Z"), at("2026-03-01T00:00:00Z"));
        let rules = [timed(&a, window, 35), timed(&b, 60, 7)];
        let both = effective_runs(&rules, from, to).expect("crons");
        for run in a.runs(from, to).expect("a cron") {
            prop_assert!(both.iter().any(|kept| kept.at == run));
        }
    }
}
