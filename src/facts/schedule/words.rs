//! A schedule in words, beside its expression.
//!
//! The words are made of what was parsed, not of the text, so they say when AWS Backup runs and not what the writer meant:
//! `? * 1 *` reads "Sundays", for Sunday is 1. What has no short form is counted: how many days or times, from when to when.

use super::cron::{Cron, DaysOfMonth, DaysOfWeek};
use super::expression::{DEFAULT, Kind, Schedule};
use super::fields::{DAY_OF_MONTH, DAY_OF_WEEK, MONTH, Values, YEAR};

/// So many times of a day, or days of a month, are named one by one.
const FEW: usize = 4;

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
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
const ORDINALS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// The expression as AWS returned it, and what it means: `cron(0 3 ? * 1 *) (Sundays at 03:00 Etc/UTC)`.
pub(crate) fn text(expression: Option<&str>, zone: Option<&str>) -> String {
    let shown = expression.unwrap_or(DEFAULT);
    let zone_name = zone.map(str::trim).filter(|zone| !zone.is_empty()).unwrap_or("UTC");
    match Schedule::parse(expression, zone) {
        Ok(schedule) => format!("{shown} ({})", words(&schedule, zone_name)),
        Err(why) => format!("{shown} {zone_name} (not understood: {why})"),
    }
}

fn words(schedule: &Schedule, zone: &str) -> String {
    match &schedule.0 {
        Kind::Cron(cron, _) => of_cron(cron, zone),
        Kind::Rate(every) => format!("every {}", span(every.num_minutes())),
    }
}

fn of_cron(cron: &Cron, zone: &str) -> String {
    let days = days(cron);
    let times = times(cron);
    let when = match (days, times) {
        (None, Times::Named(times)) => format!("daily at {times}"),
        (None, Times::Counted(times)) => times,
        (Some(days), Times::Named(times)) => format!("{days} at {times}"),
        (Some(days), Times::Counted(times)) => format!("{days} {times}"),
    };
    let months = months(&cron.months).map(|months| format!(", {months}"));
    let years = years(&cron.years).map(|years| format!(", {years}"));
    format!(
        "{when} {zone}{}{}",
        months.unwrap_or_default(),
        years.unwrap_or_default()
    )
}

enum Times {
    /// `03:00 and 15:00`
    Named(String),
    /// `every 2 hours, first at 00:30`
    Counted(String),
}

/// The times of a day on which it runs.
fn times(cron: &Cron) -> Times {
    let minutes = |hour: &u16| {
        cron.minutes
            .iter()
            .map(move |minute| (*hour, *minute))
            .collect::<Vec<_>>()
    };
    let all: Vec<i64> = cron
        .hours
        .iter()
        .flat_map(minutes)
        .map(|(hour, minute)| i64::from(hour) * 60 + i64::from(minute))
        .collect();
    let clock = |time: &i64| format!("{:02}:{:02}", time / 60, time % 60);
    if all.len() <= FEW {
        return Times::Named(list(&all.iter().map(clock).collect::<Vec<_>>()));
    }
    let (first, last) = (all.first().map(clock), all.last().map(clock));
    let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
    let step = all[1] - all[0];
    let count = i64::try_from(all.len()).unwrap_or(i64::MAX);
    Times::Counted(if !all.windows(2).all(|pair| pair[1] - pair[0] == step) {
        format!("{count} times from {first} to {last}")
    } else if step * count == 24 * 60 {
        format!("every {}, first at {first}", span(step))
    } else {
        format!("every {} from {first} to {last}", span(step))
    })
}

/// `hour`, `2 hours`, `90 minutes`, `2 days`.
fn span(minutes: i64) -> String {
    let (number, unit) = match minutes {
        days if days % (24 * 60) == 0 => (days / (24 * 60), "day"),
        hours if hours % 60 == 0 => (hours / 60, "hour"),
        minutes => (minutes, "minute"),
    };
    if number == 1 {
        unit.to_owned()
    } else {
        format!("{number} {unit}s")
    }
}

/// The days on which it runs; none: every day.
fn days(cron: &Cron) -> Option<String> {
    // One of the two fields is open: an expression that names both is not understood.
    of_week(&cron.weekdays).or_else(|| of_month(&cron.days))
}

fn of_week(days: &DaysOfWeek) -> Option<String> {
    let values = days.values.within(&DAY_OF_WEEK);
    if values.len() == WEEKDAYS.len() {
        return None;
    }
    let name = |day: &u16| WEEKDAYS[usize::from(*day - 1)];
    let mut parts: Vec<String> = match run(&values, DAY_OF_WEEK.most) {
        Some((first, last)) => vec![format!("{} to {}", name(&first), name(&last))],
        None => values.iter().map(|day| format!("{}s", name(day))).collect(),
    };
    let nth = days.nth.iter().map(|(day, nth)| {
        let place = ORDINALS[usize::try_from(nth - 1).unwrap_or_default()];
        format!("the {place} {} of the month", name(day))
    });
    parts.extend(nth);
    parts.extend(
        days.last
            .iter()
            .map(|day| format!("the last {} of the month", name(day))),
    );
    Some(list(&parts))
}

fn of_month(days: &DaysOfMonth) -> Option<String> {
    let values = days.values.within(&DAY_OF_MONTH);
    if values.len() == usize::from(DAY_OF_MONTH.most) {
        return None;
    }
    let mut parts: Vec<String> = Vec::new();
    match (values.as_slice(), run(&values, DAY_OF_MONTH.most)) {
        ([], _) => {}
        ([one], _) => parts.push(format!("day {one} of the month")),
        (_, Some((first, last))) => parts.push(format!("days {first} to {last} of the month")),
        (several, None) if several.len() <= FEW => {
            let numbers: Vec<String> = several.iter().map(u16::to_string).collect();
            parts.push(format!("days {} of the month", list(&numbers)));
        }
        ([first, .., last], None) => {
            parts.push(format!("{} days of the month from day {first} to {last}", values.len()))
        }
    }
    parts.extend(days.from_last.iter().map(|before| match before {
        0 => "the last day of the month".to_owned(),
        1 => "the day before the last of the month".to_owned(),
        more => format!("the day {more} days before the last of the month"),
    }));
    if days.last_weekday {
        parts.push("the last working day of the month".to_owned());
    }
    let nearest = days.nearest_weekday.iter();
    parts.extend(nearest.map(|day| format!("the working day nearest to day {day} of the month")));
    Some(list(&parts))
}

fn months(months: &Values) -> Option<String> {
    let values = months.within(&MONTH);
    if values.len() == MONTHS.len() {
        return None;
    }
    let name = |month: &u16| MONTHS[usize::from(*month - 1)].to_owned();
    Some(match run(&values, MONTH.most) {
        Some((first, last)) => format!("{} to {}", name(&first), name(&last)),
        None => format!("in {}", list(&values.iter().map(name).collect::<Vec<_>>())),
    })
}

fn years(years: &Values) -> Option<String> {
    let values = years.within(&YEAR);
    let (first, last) = (values.first()?, values.last()?);
    if values.len() == usize::from(YEAR.most - YEAR.least) + 1 {
        return None;
    }
    let is_run = usize::from(last - first) + 1 == values.len();
    Some(match values.as_slice() {
        _ if is_run && *last == YEAR.most => format!("from {first} on"),
        several if several.len() <= FEW => {
            format!("in {}", list(&several.iter().map(u16::to_string).collect::<Vec<_>>()))
        }
        _ if is_run => format!("{first} to {last}"),
        several => format!("in {} years from {first} to {last}", several.len()),
    })
}

/// First and last of three values or more that follow each other, also over the end of the field: Friday to Monday.
fn run(values: &[u16], most: u16) -> Option<(u16, u16)> {
    let follows = |pair: &[u16]| pair[1] == pair[0] + 1;
    let (first, last) = (*values.first()?, *values.last()?);
    let breaks: Vec<usize> = (1..values.len())
        .filter(|place| !follows(&values[place - 1..=*place]))
        .collect();
    match (values.len(), breaks.as_slice()) {
        (0..3, _) => None,
        (_, []) => Some((first, last)),
        (_, [place]) if first == 1 && last == most => Some((values[*place], values[place - 1])),
        _ => None,
    }
}

/// `a, b and c`.
fn list(parts: &[impl AsRef<str>]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [before @ .., last] => {
            let before: Vec<&str> = before.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", before.join(", "), last.as_ref())
        }
    }
}
