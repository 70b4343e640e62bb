//! The words against the parsed schedule: they are read back, as a person reads them, and have to give the same runs.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, Timelike, Utc, Weekday};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::croner_tests::expressions;
use super::{Schedule, text};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[test]
fn schedules_in_words() {
    for (expression, zone, words) in [
        // Who counts Monday as 1 sees the mistake.
        ("cron(0 3 ? * 1 *)", Some("Etc/UTC"), "Sundays at 03:00 Etc/UTC"),
        ("cron(0 5 ? * * *)", None, "daily at 05:00 UTC"),
        ("0 5 * * ? *", Some(""), "daily at 05:00 UTC"),
        (
            "cron(0 5 ? * MON-FRI *)",
            Some("Europe/Berlin"),
            "Monday to Friday at 05:00 Europe/Berlin",
        ),
        ("cron(0 5 ? * FRI-MON *)", None, "Friday to Monday at 05:00 UTC"),
        ("cron(0 5 ? * SUN,WED *)", None, "Sundays and Wednesdays at 05:00 UTC"),
        (
            "cron(0 5 ? * 2#1 *)",
            None,
            "the first Monday of the month at 05:00 UTC",
        ),
        ("cron(0 5 ? * 6L *)", None, "the last Friday of the month at 05:00 UTC"),
        ("cron(0 5 ? * L *)", None, "Saturdays at 05:00 UTC"),
        ("cron(0 5 1 * ? *)", None, "day 1 of the month at 05:00 UTC"),
        ("cron(0 5 1,15 * ? *)", None, "days 1 and 15 of the month at 05:00 UTC"),
        ("cron(0 5 10-20 * ? *)", None, "days 10 to 20 of the month at 05:00 UTC"),
        (
            "cron(0 5 */2 * ? *)",
            None,
            "16 days of the month from day 1 to 31 at 05:00 UTC",
        ),
        ("cron(0 5 L * ? *)", None, "the last day of the month at 05:00 UTC"),
        (
            "cron(0 5 L-1 * ? *)",
            None,
            "the day before the last of the month at 05:00 UTC",
        ),
        (
            "cron(0 5 L-3 * ? *)",
            None,
            "the day 3 days before the last of the month at 05:00 UTC",
        ),
        (
            "cron(0 5 LW * ? *)",
            None,
            "the last working day of the month at 05:00 UTC",
        ),
        (
            "cron(0 5 15W * ? *)",
            None,
            "the working day nearest to day 15 of the month at 05:00 UTC",
        ),
        ("cron(0 5,17 ? * * *)", None, "daily at 05:00 and 17:00 UTC"),
        ("cron(0 13/12 ? * * *)", None, "daily at 13:00 UTC"),
        ("cron(0 */4 ? * * *)", None, "every 4 hours, first at 00:00 UTC"),
        ("cron(5/15 * ? * * *)", None, "every 15 minutes, first at 00:05 UTC"),
        ("cron(30 * ? * 1 *)", None, "Sundays every hour, first at 00:30 UTC"),
        (
            "cron(0 8-17 ? * 2-6 *)",
            None,
            "Monday to Friday every hour from 08:00 to 17:00 UTC",
        ),
        ("cron(0,7 1,2,9 ? * * *)", None, "6 times from 01:00 to 09:07 UTC"),
        ("cron(0 5 1 3 ? *)", None, "day 1 of the month at 05:00 UTC, in March"),
        (
            "cron(0 5 1 1/3 ? *)",
            None,
            "day 1 of the month at 05:00 UTC, in January, April, July and October",
        ),
        (
            "cron(0 5 1 NOV-FEB ? *)",
            None,
            "day 1 of the month at 05:00 UTC, November to February",
        ),
        (
            "cron(0 5 1 1 ? 2040)",
            None,
            "day 1 of the month at 05:00 UTC, in January, in 2040",
        ),
        ("cron(0 5 ? * * 2027-2199)", None, "daily at 05:00 UTC, from 2027 on"),
        ("rate(12 hours)", None, "every 12 hours"),
        ("rate(1 day)", None, "every day"),
    ] {
        assert_eq!(text(Some(expression), zone), format!("{expression} ({words})"));
    }
    assert_eq!(text(None, None), "cron(0 5 ? * * *) (daily at 05:00 UTC)");
    assert_eq!(
        text(Some("cron(0 5 * * ?)"), Some("Etc/UTC")),
        "cron(0 5 * * ?) Etc/UTC (not understood: `0 5 * * ?` has 5 fields; a schedule has six)"
    );
    assert_eq!(
        text(Some("cron(0 5 ? * * *)"), Some("Mars")),
        "cron(0 5 ? * * *) Mars (not understood: `Mars` is not a time zone)"
    );
}

/// What a person knows who read the words.
struct Read {
    days: Vec<String>,
    times: Times,
    months: Option<Vec<u32>>,
    years: Years,
}

enum Times {
    All(Vec<u32>),
    Counted { count: usize, first: u32, last: u32 },
}

enum Years {
    Any,
    In(Vec<i32>),
    Counted(i32, i32),
}

/// Minutes since midnight.
fn clock(text: &str) -> u32 {
    let (hour, minute) = text.split_once(':').expect("a time");
    hour.parse::<u32>().expect("an hour") * 60 + minute.parse::<u32>().expect("a minute")
}

fn items(list: &str) -> Vec<String> {
    list.replace(" and ", ", ").split(", ").map(str::to_owned).collect()
}

fn minutes(span: &str) -> u32 {
    let (number, unit) = span.split_once(' ').unwrap_or(("1", span));
    let of_unit = match unit.trim_end_matches('s') {
        "minute" => 1,
        "hour" => 60,
        _ => panic!("{span}"),
    };
    number.parse::<u32>().expect("a number") * of_unit
}

fn read(words: &str) -> Read {
    let (head, tail) = words.split_once(" UTC").expect("the zone");
    let (days, times) = if let Some((days, every)) = head.split_once("every ") {
        let (step, first, last) = if let Some((step, first)) = every.split_once(", first at ") {
            (minutes(step), clock(first), 24 * 60 - 1)
        } else {
            let (step, range) = every.split_once(" from ").expect("a range");
            let (first, last) = range.split_once(" to ").expect("an end");
            (minutes(step), clock(first), clock(last))
        };
        (days.trim(), Times::All((first..=last).step_by(step as usize).collect()))
    } else if let Some((before, range)) = head.split_once(" times from ") {
        let (days, count) = before.rsplit_once(' ').unwrap_or(("", before));
        let (first, last) = range.split_once(" to ").expect("an end");
        let count = count.parse().expect("a count");
        let (first, last) = (clock(first), clock(last));
        (days, Times::Counted { count, first, last })
    } else {
        let (days, times) = head.split_once(" at ").expect("times");
        (days, Times::All(items(times).iter().map(|time| clock(time)).collect()))
    };
    let days = if matches!(days, "" | "daily") {
        Vec::new()
    } else {
        parts_of_days(days)
    };
    let (months, years) = tail_of(tail);
    Read {
        days,
        times,
        months,
        years,
    }
}

/// `days 1, 3 and 5 of the month and the last day of the month` are two parts.
fn parts_of_days(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for item in items(text) {
        match parts.last_mut() {
            Some(open) if open.starts_with("days ") && !open.ends_with(" of the month") => {
                *open += &format!(", {item}")
            }
            _ => parts.push(item),
        }
    }
    parts
}

fn tail_of(tail: &str) -> (Option<Vec<u32>>, Years) {
    let month = |name: &str| {
        let place = MONTHS.iter().position(|month| *month == name)?;
        u32::try_from(place + 1).ok()
    };
    let words: Vec<&str> = tail.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let named: Vec<u32> = words.iter().filter_map(|word| month(word)).collect();
    let is_range = |place: usize| words.get(place + 1) == Some(&"to") && month(words[place]).is_some();
    let months = match named.as_slice() {
        [] => None,
        [first, last] if (0..words.len()).any(is_range) => {
            let mut all = vec![*first];
            while all.last() != Some(last) {
                all.push(all[all.len() - 1] % 12 + 1);
            }
            Some(all)
        }
        several => Some(several.to_vec()),
    };
    let numbers: Vec<i32> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let years = match numbers.as_slice() {
        [] => Years::Any,
        [_, first, last] if words.contains(&"years") => Years::Counted(*first, *last),
        [first] if words.contains(&"on") => Years::In((*first..2200).collect()),
        [first, last] if words.last() == Some(&last.to_string().as_str()) && words[words.len() - 2] == "to" => {
            Years::In((*first..=*last).collect())
        }
        several => Years::In(several.to_vec()),
    };
    (months, years)
}

fn weekday(name: &str) -> Weekday {
    name.trim_end_matches('s').parse().unwrap_or_else(|_| panic!("{name}"))
}

fn month_end(date: NaiveDate) -> NaiveDate {
    let mut last = date;
    while (last + Days::new(1)).month() == date.month() {
        last = last + Days::new(1);
    }
    last
}

fn is_working(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// Does this part name the day? `None`: it is a count, which only bounds it.
fn names(part: &str, date: NaiveDate) -> Option<bool> {
    let (day, end) = (date.day(), month_end(date));
    if let Some((_, range)) = part.split_once(" days of the month from day ") {
        let (first, last) = range.split_once(" to ").expect("an end");
        let is_within = (first.parse().expect("a day")..=last.parse().expect("a day")).contains(&day);
        return (!is_within).then_some(false);
    }
    Some(match part.strip_suffix(" of the month") {
        None => match part.split_once(" to ") {
            Some((first, last)) => {
                let (first, last, this) = (weekday(first), weekday(last), date.weekday());
                let from = |weekday: Weekday| weekday.days_since(first);
                from(this) <= from(last)
            }
            None => date.weekday() == weekday(part),
        },
        Some("the last day") => date == end,
        Some("the day before the last") => date + Days::new(1) == end,
        Some("the last working day") => {
            let later = (1..=end.day() - day).map(|more| date + Days::new(u64::from(more)));
            is_working(date) && !later.into_iter().any(is_working)
        }
        Some(body) => {
            if let Some(number) = body.strip_prefix("the working day nearest to day ") {
                let wanted = date.with_day(number.parse().expect("a day"));
                let near = |wanted: NaiveDate| {
                    let all = (1..=end.day())
                        .filter_map(|day| date.with_day(day))
                        .filter(|day| is_working(*day));
                    // Saturday goes back and Sunday on, if the month has such a day.
                    all.min_by_key(|day| (*day - wanted).num_days().abs())
                };
                wanted.and_then(near) == Some(date)
            } else if let Some(before) = body.strip_prefix("the day ") {
                let number = before.strip_suffix(" days before the last").expect("days before");
                date + Days::new(number.parse().expect("a number")) == end
            } else if let Some(nth) = body.strip_prefix("the ") {
                let (place, name) = nth.split_once(' ').expect("a weekday");
                let nth = (day - 1) / 7;
                let is_place = match ["first", "second", "third", "fourth", "fifth"]
                    .iter()
                    .position(|one| *one == place)
                {
                    Some(place) => nth == u32::try_from(place).expect("small"),
                    None => place == "last" && end.day() - day < 7,
                };
                is_place && date.weekday() == weekday(name)
            } else if let Some(list) = body.strip_prefix("days ") {
                match list.split_once(" to ") {
                    Some((first, last)) => {
                        let (first, last) = (first.parse().expect("a day"), last.parse().expect("a day"));
                        if first <= last {
                            (first..=last).contains(&day)
                        } else {
                            day >= first || day <= last
                        }
                    }
                    None => items(list).iter().any(|one| one.parse() == Ok(day)),
                }
            } else {
                body.strip_prefix("day ").and_then(|one| one.parse().ok()) == Some(day)
            }
        }
    })
}

/// How many days a count in the words asks for, of a month with 31 days.
fn counted(part: &str) -> Option<usize> {
    part.split_once(" days of the month from ")?.0.parse().ok()
}

fn check(expression: &str) -> Result<(), TestCaseError> {
    let text = text(Some(expression), None);
    let words = text
        .strip_prefix(expression)
        .and_then(|rest| rest.strip_prefix(" (")?.strip_suffix(')'))
        .expect("the expression, then the words");
    let read = read(words);
    let at = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
    // With a 29 February in it.
    let (from, to) = (at("2027-06-01T00:00:00Z"), at("2028-07-01T00:00:00Z"));
    let runs = Schedule::parse(Some(expression), None)
        .expect("understood")
        .runs(from, to);
    let mut by_date: BTreeMap<NaiveDate, Vec<u32>> = BTreeMap::new();
    for run in runs.expect("a cron") {
        by_date
            .entry(run.date_naive())
            .or_default()
            .push(run.hour() * 60 + run.minute());
    }
    let mut date = from.date_naive();
    while date < to.date_naive() {
        let is_in_month = read.months.as_ref().is_none_or(|months| months.contains(&date.month()));
        let is_in_year = match &read.years {
            Years::Any => Some(true),
            Years::In(years) => Some(years.contains(&date.year())),
            Years::Counted(first, last) => (!(*first..=*last).contains(&date.year())).then_some(false),
        };
        let parts: Vec<Option<bool>> = read.days.iter().map(|part| names(part, date)).collect();
        let is_day = if parts.is_empty() || parts.contains(&Some(true)) {
            Some(true)
        } else if parts.contains(&None) {
            None
        } else {
            Some(false)
        };
        let expected = match (is_in_month, is_in_year, is_day) {
            (false, ..) | (_, Some(false), _) | (.., Some(false)) => Some(false),
            (true, Some(true), Some(true)) => Some(true),
            _ => None,
        };
        let seen = by_date.get(&date);
        if let Some(expected) = expected {
            prop_assert_eq!(seen.is_some(), expected, "{} on {}", text, date);
        }
        match (seen, &read.times) {
            (Some(seen), Times::All(times)) => prop_assert_eq!(seen, times, "{} on {}", text, date),
            (Some(seen), Times::Counted { count, first, last }) => {
                prop_assert_eq!(seen.len(), *count, "{} on {}", text, date);
                prop_assert_eq!(
                    (seen.first(), seen.last()),
                    (Some(first), Some(last)),
                    "{} on {}",
                    text,
                    date
                );
            }
            (None, _) => {}
        }
        if let [part] = read.days.as_slice()
            && let Some(wanted) = counted(part)
            && date == month_end(date)
            && date.day() == 31
        {
            let of_month = by_date.range(date.with_day(1).expect("a day")..=date).count();
            prop_assert!(of_month == wanted || of_month == 0, "{} in {}", text, date);
        }
        date = date + Days::new(1);
    }
    Ok(())
}

#[test]
fn words_say_when_a_schedule_runs() {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(250)
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&expressions(0), |expression| check(&expression));
    outcome.unwrap_or_else(|why| panic!("{why}"));
}

/// Forms that are not among those.
#[test]
fn words_of_rare_forms_say_when_they_run() {
    for expression in [
        "0 5 L-3 * ? *",
        "0 5-20 ? * * *",
        "0 5/3 ? * * *",
        "0 5 L-1,LW,31 * ? *",
        "0 5 29-2 * ? *",
        "0 22-2 ? 11-2 6-2 *",
        "0 5 1W,30W,31W * ? *",
        "0 5 ? * L *",
        "*/7 */5 ? */5 2#5,3L *",
    ] {
        check(expression).unwrap_or_else(|why| panic!("{expression}: {why}"));
    }
}
