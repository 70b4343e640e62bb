//! When a plan's rule runs: the cron dialect of AWS Backup, in a time zone of its own.
//!
//! In: the text of `ScheduleExpression` (with or without the `cron( )` wrapper) and an IANA zone name. Out: instants.
//! Six fields (minute, hour, day of month, month, day of week 1–7 = SUN–SAT, year) with `, - * / ? L W #`; steps restart
//! in every day or hour, and ranges may wrap around (`20-2`). `rate(...)` is refused, as AWS Backup does.
//! Never reads a clock.

use chrono::{DateTime, Datelike, Duration, LocalResult, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// The schedule of a rule that names none.
pub(crate) const DEFAULT_EXPRESSION: &str = "cron(0 5 ? * * *)";

const FIRST_YEAR: i32 = 1970;
const LAST_YEAR: i32 = 2199;
/// A schedule that matches nothing for so long never runs: 29 February of one weekday recurs within 40 years.
const HORIZON_DAYS: i64 = 366 * 41;

/// Why an expression is not a schedule; the text is meant for an error message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ScheduleError(String);

fn refuse<T>(what: impl Into<String>) -> Result<T, ScheduleError> {
    Err(ScheduleError(what.into()))
}

/// A parsed schedule with its time zone.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    minutes: u64,
    hours: u64,
    months: u64,
    month_days: MonthDays,
    week_days: WeekDays,
    years: Option<Vec<i32>>,
    zone: Tz,
}

#[derive(Debug, Clone, PartialEq)]
enum MonthDays {
    /// `?` or `*`: the day of the week decides.
    Any,
    Some(Vec<MonthDay>),
}

#[derive(Debug, Clone, PartialEq)]
enum MonthDay {
    /// A set of days as bits.
    Days(u64),
    /// `L`, or `L-3`: so many days before the last day.
    FromLast(u32),
    /// `LW`: the last weekday.
    LastWeekday,
    /// `15W`: the weekday nearest to a day, inside the month.
    NearestWeekday(u32),
}

#[derive(Debug, Clone, PartialEq)]
enum WeekDays {
    Any,
    Some(Vec<WeekDay>),
}

#[derive(Debug, Clone, PartialEq)]
enum WeekDay {
    /// A set of days (1 = SUN) as bits.
    Days(u64),
    /// `6L`: the last such day of the month.
    Last(u32),
    /// `3#2`: the second such day of the month.
    Nth(u32, u32),
}

/// The limits and the names of one field.
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const MINUTE: Field = Field {
    name: "minutes",
    low: 0,
    high: 59,
    names: &[],
};
const HOUR: Field = Field {
    name: "hours",
    low: 0,
    high: 23,
    names: &[],
};
const MONTH_DAY: Field = Field {
    name: "day-of-month",
    low: 1,
    high: 31,
    names: &[],
};
const MONTH: Field = Field {
    name: "month",
    low: 1,
    high: 12,
    names: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
};
const WEEK_DAY: Field = Field {
    name: "day-of-week",
    low: 1,
    high: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};

impl Field {
    /// One number or name.
    fn value(&self, text: &str) -> Result<u32, ScheduleError> {
        if let Some(at) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.low + at as u32);
        }
        match text.parse::<u32>() {
            Ok(value) if (self.low..=self.high).contains(&value) && text.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(value)
            }
            _ => refuse(format!(
                "`{text}` is not a value of {} ({}-{})",
                self.name, self.low, self.high
            )),
        }
    }

    /// One element of a list without `L`, `W` or `#`: `*`, `5`, `1-5`, `20-2`, each with an optional step.
    fn set(&self, text: &str) -> Result<u64, ScheduleError> {
        let (range, step) = match text.split_once('/') {
            None => (text, None),
            Some((range, step)) => match step.parse::<u32>() {
                Ok(step) if step > 0 => (range, Some(step)),
                _ => return refuse(format!("`{text}` has no valid step in {}", self.name)),
            },
        };
        let (from, to) = if range == "*" {
            (self.low, self.high)
        } else if let Some((from, to)) = range.split_once('-') {
            (self.value(from)?, self.value(to)?)
        } else {
            let from = self.value(range)?;
            (from, if step.is_some() { self.high } else { from })
        };
        let width = self.high - self.low + 1;
        let length = if to >= from { to - from } else { to + width - from };
        let mut bits = 0;
        for distance in (0..=length).step_by(step.unwrap_or(1) as usize) {
            bits |= 1u64 << (self.low + (from - self.low + distance) % width);
        }
        Ok(bits)
    }

    /// A list without day specialities.
    fn list(&self, text: &str) -> Result<u64, ScheduleError> {
        text.split(',').try_fold(0, |bits, part| Ok(bits | self.set(part)?))
    }
}

impl MonthDay {
    fn parse(text: &str) -> Result<Self, ScheduleError> {
        let upper = text.to_ascii_uppercase();
        if upper == "L" {
            return Ok(Self::FromLast(0));
        }
        if upper == "LW" {
            return Ok(Self::LastWeekday);
        }
        if let Some(before) = upper.strip_prefix("L-") {
            return match before.parse::<u32>() {
                Ok(days) if days < 31 => Ok(Self::FromLast(days)),
                _ => refuse(format!("`{text}` is not a value of day-of-month")),
            };
        }
        match upper.strip_suffix('W') {
            Some(day) => Ok(Self::NearestWeekday(MONTH_DAY.value(day)?)),
            None => Ok(Self::Days(MONTH_DAY.set(text)?)),
        }
    }

    fn holds(&self, date: NaiveDate) -> bool {
        let last = last_day(date);
        match self {
            Self::Days(bits) => bits >> date.day() & 1 == 1,
            Self::FromLast(before) => date.day() + before == last,
            Self::LastWeekday => nearest_weekday(date, last) == Some(date.day()),
            Self::NearestWeekday(day) => *day <= last && nearest_weekday(date, *day) == Some(date.day()),
        }
    }
}

impl WeekDay {
    fn parse(text: &str) -> Result<Self, ScheduleError> {
        if let Some((day, nth)) = text.split_once('#') {
            return match nth.parse::<u32>() {
                Ok(nth) if (1..=5).contains(&nth) => Ok(Self::Nth(WEEK_DAY.value(day)?, nth)),
                _ => refuse(format!("`{text}` is not a value of day-of-week")),
            };
        }
        if text.eq_ignore_ascii_case("L") {
            return Ok(Self::Days(1 << WEEK_DAY.high));
        }
        match text.strip_suffix(['L', 'l']) {
            Some(day) => Ok(Self::Last(WEEK_DAY.value(day)?)),
            None => Ok(Self::Days(WEEK_DAY.set(text)?)),
        }
    }

    fn holds(&self, date: NaiveDate) -> bool {
        let day = date.weekday().number_from_sunday();
        match self {
            Self::Days(bits) => bits >> day & 1 == 1,
            Self::Last(wanted) => day == *wanted && date.day() + 7 > last_day(date),
            Self::Nth(wanted, nth) => day == *wanted && (date.day() - 1) / 7 + 1 == *nth,
        }
    }
}

/// The number of the last day of a date's month.
fn last_day(date: NaiveDate) -> u32 {
    let (year, month) = if date.month() == 12 {
        (date.year() + 1, 1)
    } else {
        (date.year(), date.month() + 1)
    };
    NaiveDate::from_ymd_opt(year, month, 1)
        .and_then(|first| first.pred_opt())
        .map_or(31, |last| last.day())
}

/// The weekday nearest to a day of the month, never outside the month.
fn nearest_weekday(date: NaiveDate, day: u32) -> Option<u32> {
    let wanted = date.with_day(day)?;
    let last = last_day(date);
    Some(match wanted.weekday().number_from_monday() {
        6 if day == 1 => day + 2,
        6 => day - 1,
        7 if day == last => day - 2,
        7 => day + 1,
        _ => day,
    })
}

impl Schedule {
    /// Reads an expression and a zone name; `None` means the documented defaults (05:00 every day, UTC).
    pub(crate) fn parse(expression: Option<&str>, zone: Option<&str>) -> Result<Self, ScheduleError> {
        let text = expression.unwrap_or(DEFAULT_EXPRESSION).trim();
        let zone = match zone {
            None => Tz::UTC,
            Some(name) => match name.parse::<Tz>() {
                Ok(zone) => zone,
                Err(_) => return refuse(format!("`{name}` is not a time zone")),
            },
        };
        if text.starts_with("rate") {
            return refuse("rate expressions are not supported, use a cron expression");
        }
        let inner = match text.strip_prefix("cron(") {
            None => text,
            Some(rest) => match rest.strip_suffix(')') {
                Some(inner) => inner,
                None => return refuse(format!("`{text}` has no closing bracket")),
            },
        };
        let fields: Vec<&str> = inner.split_whitespace().collect();
        let [minute, hour, month_day, month, week_day, year] = fields.as_slice() else {
            return refuse(format!("`{text}` has {} fields instead of 6", fields.len()));
        };
        let (month_days, week_days) = days(month_day, week_day)?;
        Ok(Self {
            minutes: MINUTE.list(minute)?,
            hours: HOUR.list(hour)?,
            months: MONTH.list(month)?,
            month_days,
            week_days,
            years: years(year)?,
            zone,
        })
    }

    /// Whether two runs can be less than an hour apart, which AWS Backup does not offer.
    pub(crate) fn is_too_frequent(&self) -> bool {
        self.minutes.count_ones() > 1
    }

    /// The first run strictly after an instant, or none within the horizon.
    ///
    /// A run inside the hour that daylight saving skips does not happen; one in the repeated hour happens once.
    pub(crate) fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let start = after.with_timezone(&self.zone).date_naive();
        // The day before: a zone's clock may be set back over midnight.
        let mut date = start.pred_opt()?;
        let end = start.checked_add_signed(Duration::days(HORIZON_DAYS))?;
        while date <= end && date.year() <= LAST_YEAR {
            if self.months >> date.month() & 1 == 0 {
                date = first_of_next_month(date)?;
                continue;
            }
            if self.holds(date)
                && let Some(found) = self.first_of_day(date, after)
            {
                return Some(found);
            }
            date = date.succ_opt()?;
        }
        None
    }

    /// Every run in `(after, until]`.
    pub(crate) fn between(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let mut runs = Vec::new();
        let mut at = after;
        while let Some(next) = self.next_after(at) {
            if next > until {
                break;
            }
            runs.push(next);
            at = next;
        }
        runs
    }

    fn holds(&self, date: NaiveDate) -> bool {
        let year = self.years.as_ref().is_none_or(|years| years.contains(&date.year()));
        let month_day = match &self.month_days {
            MonthDays::Any => true,
            MonthDays::Some(days) => days.iter().any(|day| day.holds(date)),
        };
        let week_day = match &self.week_days {
            WeekDays::Any => true,
            WeekDays::Some(days) => days.iter().any(|day| day.holds(date)),
        };
        year && month_day && week_day
    }

    fn first_of_day(&self, date: NaiveDate, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        for hour in bits(self.hours) {
            for minute in bits(self.minutes) {
                let time = NaiveTime::from_hms_opt(hour, minute, 0)?;
                let instant = match self.zone.from_local_datetime(&date.and_time(time)) {
                    LocalResult::None => continue,
                    LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => instant.with_timezone(&Utc),
                };
                if instant > after {
                    return Some(instant);
                }
            }
        }
        None
    }
}

/// Day of month and day of week: one of the two has to be `?`; a `*` beside a real value is taken as `?`.
fn days(month_day: &str, week_day: &str) -> Result<(MonthDays, WeekDays), ScheduleError> {
    let open = |text: &str| text == "?" || text == "*";
    match (open(month_day), open(week_day)) {
        (true, true) if month_day == "?" && week_day == "?" => {
            refuse("day-of-month and day-of-week cannot both be `?`")
        }
        (true, true) => Ok((MonthDays::Any, WeekDays::Any)),
        (false, false) => refuse("one of day-of-month and day-of-week has to be `?`"),
        (false, true) => {
            let days = month_day
                .split(',')
                .map(MonthDay::parse)
                .collect::<Result<Vec<_>, _>>()?;
            Ok((MonthDays::Some(days), WeekDays::Any))
        }
        (true, false) => {
            let days = week_day.split(',').map(WeekDay::parse).collect::<Result<Vec<_>, _>>()?;
            Ok((MonthDays::Any, WeekDays::Some(days)))
        }
    }
}

fn years(text: &str) -> Result<Option<Vec<i32>>, ScheduleError> {
    if text == "*" {
        return Ok(None);
    }
    let year = |text: &str| match text.parse::<i32>() {
        Ok(year) if (FIRST_YEAR..=LAST_YEAR).contains(&year) => Ok(year),
        _ => refuse(format!("`{text}` is not a year ({FIRST_YEAR}-{LAST_YEAR})")),
    };
    let mut years = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => match step.parse::<usize>() {
                Ok(step) if step > 0 => (range, Some(step)),
                _ => return refuse(format!("`{part}` has no valid step in year")),
            },
        };
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (year(from)?, year(to)?),
            None if range == "*" => (FIRST_YEAR, LAST_YEAR),
            None => (year(range)?, if step.is_some() { LAST_YEAR } else { year(range)? }),
        };
        years.extend((from..=to).step_by(step.unwrap_or(1)));
    }
    Ok(Some(years))
}

/// The numbers in a set, in order.
fn bits(mut set: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (bit < u64::BITS).then_some(bit)
    })
}

fn first_of_next_month(date: NaiveDate) -> Option<NaiveDate> {
    match date.month() {
        12 => NaiveDate::from_ymd_opt(date.year() + 1, 1, 1),
        month => NaiveDate::from_ymd_opt(date.year(), month + 1, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Expression | zone | after | the next runs.
    const CASES: &str = "
        cron(0 5 ? * * *) | UTC | 2026-03-01T05:00:00Z | 2026-03-02T05:00Z 2026-03-03T05:00Z
        0 5 ? * * * | UTC | 2026-03-01T04:59:59Z | 2026-03-01T05:00Z
        cron(0 5 * * * *) | UTC | 2026-03-01T05:00:00Z | 2026-03-02T05:00Z
        cron(30 5 1 * * *) | UTC | 2026-03-01T06:00:00Z | 2026-04-01T05:30Z

        Steps restart every day: 0/12 runs twice, 13/12 once.
        cron(0 0/12 ? * * *) | UTC | 2026-03-01T00:00:00Z | 2026-03-01T12:00Z 2026-03-02T00:00Z
        cron(0 13/12 ? * * *) | UTC | 2026-03-01T00:00:00Z | 2026-03-01T13:00Z 2026-03-02T13:00Z
        cron(0 5/1 ? * * *) | UTC | 2026-03-01T22:30:00Z | 2026-03-01T23:00Z 2026-03-02T05:00Z

        Ranges wrap around.
        cron(0 20-2 ? * * *) | UTC | 2026-03-01T22:00:00Z | 2026-03-01T23:00Z 2026-03-02T00:00Z 2026-03-02T01:00Z 2026-03-02T02:00Z 2026-03-02T20:00Z
        cron(0 20-2/3 ? * * *) | UTC | 2026-03-01T19:00:00Z | 2026-03-01T20:00Z 2026-03-01T23:00Z 2026-03-02T02:00Z
        cron(0 5 ? * FRI-MON *) | UTC | 2026-03-02T06:00:00Z | 2026-03-06T05:00Z 2026-03-07T05:00Z 2026-03-08T05:00Z 2026-03-09T05:00Z 2026-03-13T05:00Z
        cron(0 5 1 NOV-FEB ? *) | UTC | 2026-01-15T00:00:00Z | 2026-02-01T05:00Z 2026-11-01T05:00Z

        Day of week: 1 is Sunday, 7 is Saturday.
        cron(0 5 ? * 1 *) | UTC | 2026-03-02T00:00:00Z | 2026-03-08T05:00Z
        cron(0 5 ? * 7 *) | UTC | 2026-03-02T00:00:00Z | 2026-03-07T05:00Z
        cron(0 5 ? * L *) | UTC | 2026-03-02T00:00:00Z | 2026-03-07T05:00Z
        cron(0 5 ? * MON-FRI *) | UTC | 2026-03-06T06:00:00Z | 2026-03-09T05:00Z
        cron(0 5 ? * 6L *) | UTC | 2026-03-01T00:00:00Z | 2026-03-27T05:00Z 2026-04-24T05:00Z
        cron(0 5 ? * 3#2 *) | UTC | 2026-03-01T00:00:00Z | 2026-03-10T05:00Z 2026-04-14T05:00Z
        cron(0 5 ? * FRI#5 *) | UTC | 2026-02-01T00:00:00Z | 2026-05-29T05:00Z

        Month ends.
        cron(0 5 L * ? *) | UTC | 2026-01-31T06:00:00Z | 2026-02-28T05:00Z 2026-03-31T05:00Z 2026-04-30T05:00Z
        cron(0 5 L-2 * ? *) | UTC | 2028-02-01T00:00:00Z | 2028-02-27T05:00Z
        cron(0 5 31 * ? *) | UTC | 2026-01-31T06:00:00Z | 2026-03-31T05:00Z 2026-05-31T05:00Z

        Weekdays near a date: the 1st is a Sunday in February and March 2026, a Saturday in August.
        cron(0 5 1W * ? *) | UTC | 2026-02-01T00:00:00Z | 2026-02-02T05:00Z 2026-03-02T05:00Z 2026-04-01T05:00Z
        cron(0 5 1W 8 ? *) | UTC | 2026-02-01T00:00:00Z | 2026-08-03T05:00Z
        cron(0 5 15W 2,8 ? *) | UTC | 2026-02-01T00:00:00Z | 2026-02-16T05:00Z 2026-08-14T05:00Z
        cron(0 5 31W * ? *) | UTC | 2026-05-01T00:00:00Z | 2026-05-29T05:00Z 2026-07-31T05:00Z
        cron(0 5 LW * ? *) | UTC | 2026-02-01T00:00:00Z | 2026-02-27T05:00Z 2026-03-31T05:00Z

        Leap days and years.
        cron(0 0 29 2 ? *) | UTC | 2026-03-01T00:00:00Z | 2028-02-29T00:00Z 2032-02-29T00:00Z
        cron(0 0 29 2 ? *) | UTC | 2096-03-01T00:00:00Z | 2104-02-29T00:00Z
        cron(0 0 29 2 ? 2026-2027) | UTC | 2026-01-01T00:00:00Z | none
        cron(0 0 1 1 ? 2030,2040/50) | UTC | 2026-01-01T00:00:00Z | 2030-01-01T00:00Z 2040-01-01T00:00Z
        cron(0 5 ? * * 2026) | UTC | 2026-12-30T06:00:00Z | 2026-12-31T05:00Z none

        Zones east and west of UTC.
        cron(0 5 ? * * *) | Asia/Kolkata | 2026-03-01T00:00:00Z | 2026-03-01T23:30Z
        cron(0 20 L * ? *) | America/New_York | 2026-01-31T00:00:00Z | 2026-02-01T01:00Z 2026-03-01T01:00Z

        Berlin skips the hour from two on 29 March 2026: that run does not happen. It repeats it on 25 October: once.
        cron(30 2 ? * * *) | Europe/Berlin | 2026-03-27T12:00:00Z | 2026-03-28T01:30Z 2026-03-30T00:30Z
        cron(0 * ? * * *) | Europe/Berlin | 2026-03-29T00:00:00Z | 2026-03-29T01:00Z 2026-03-29T02:00Z
        cron(30 2 ? * * *) | Europe/Berlin | 2026-10-24T12:00:00Z | 2026-10-25T00:30Z 2026-10-26T01:30Z
    ";

    #[test]
    fn runs_of_each_form() {
        let mut count = 0;
        for line in CASES.lines().filter(|line| line.contains('|')) {
            let parts: Vec<&str> = line.split('|').map(str::trim).collect();
            let schedule = Schedule::parse(Some(parts[0]), Some(parts[1])).unwrap();
            let mut after = at(parts[2]);
            for expected in parts[3].split(' ') {
                let run = schedule.next_after(after);
                let shown = run.map_or("none".to_owned(), |run| run.format("%Y-%m-%dT%H:%MZ").to_string());
                assert_eq!(shown, expected, "{line}");
                after = run.unwrap_or(after);
            }
            count += 1;
        }
        assert_eq!(count, 36);
    }

    const REFUSED: &str = "
        cron()
        cron(0 5 ? * *)
        cron(0 5 ? * * * *)
        cron(0 5 ? * * *
        rate(1 day)
        cron(60 5 ? * * *)
        cron(0 24 ? * * *)
        cron(-1 5 ? * * *)
        cron(0 +5 ? * * *)
        cron(0 0/0 ? * * *)
        cron(0 5 32 * ? *)
        cron(0 5 0 * ? *)
        cron(0 5 L-31 * ? *)
        cron(0 5 ? 13 * *)
        cron(0 5 ? * 0 *)
        cron(0 5 ? * 8 *)
        cron(0 5 ? * FRO *)
        cron(0 5 ? * 3#6 *)
        cron(0 5 ? * MON#x *)
        cron(0 5 1 * 1 *)
        cron(0 5 ? * ? *)
        cron(0 5 ? * * 1969)
        cron(0 5 ? * * 2200)
        cron(0 5 ? * * 2026/0)
    ";

    #[test]
    fn refused_expressions() {
        for expression in REFUSED.lines().map(str::trim) {
            assert!(
                Schedule::parse(Some(expression), None).is_err(),
                "{expression} was accepted"
            );
        }
        assert!(Schedule::parse(None, Some("Mars/Olympus")).is_err());
    }

    #[test]
    fn the_default_is_five_in_the_morning_utc() {
        let schedule = Schedule::parse(None, None).unwrap();
        assert_eq!(
            schedule.next_after(at("2026-03-01T04:00:00Z")),
            Some(at("2026-03-01T05:00:00Z"))
        );
        assert!(!schedule.is_too_frequent());
        assert!(
            Schedule::parse(Some("cron(0/30 * ? * * *)"), None)
                .unwrap()
                .is_too_frequent()
        );
    }

    #[test]
    fn between_is_open_at_the_start_and_closed_at_the_end() {
        let schedule = Schedule::parse(Some("cron(0 * ? * * *)"), None).unwrap();
        let runs = schedule.between(at("2026-03-01T00:00:00Z"), at("2026-03-01T03:00:00Z"));
        assert_eq!(
            runs,
            [
                at("2026-03-01T01:00:00Z"),
                at("2026-03-01T02:00:00Z"),
                at("2026-03-01T03:00:00Z")
            ]
        );
    }
}
