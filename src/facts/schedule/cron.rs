//! One cron expression: which days match, and the runs on them.

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;

use super::fields::{DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH, NotUnderstood, Values, YEAR, list, refuse, value};

/// A parsed expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    pub(super) minutes: Vec<u16>,
    pub(super) hours: Vec<u16>,
    pub(super) days: DaysOfMonth,
    pub(super) months: Values,
    pub(super) weekdays: DaysOfWeek,
    pub(super) years: Values,
}

/// Day of month: values, and days counted from the month's end or moved to a weekday.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct DaysOfMonth {
    pub(super) values: Values,
    /// `L`, `L-3`: so many days before the last.
    pub(super) from_last: Vec<u32>,
    /// `LW`: the last weekday (Monday to Friday).
    pub(super) last_weekday: bool,
    /// `15W`: the weekday nearest to that day, within the month.
    pub(super) nearest_weekday: Vec<u32>,
}

/// Day of week: values, and weekdays counted within the month. Sunday is 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct DaysOfWeek {
    pub(super) values: Values,
    /// `6L`: the last Friday of the month.
    pub(super) last: Vec<u16>,
    /// `2#1`: the first Monday of the month.
    pub(super) nth: Vec<(u16, u32)>,
}

impl Cron {
    pub(super) fn parse(text: &str) -> Result<Self, NotUnderstood> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday, year] = fields.as_slice() else {
            return Err(NotUnderstood(format!(
                "`{}` has {} fields; a schedule has six",
                text.trim(),
                fields.len()
            )));
        };
        let is_open = |field: &str| matches!(field, "?" | "*");
        if !is_open(day) && !is_open(weekday) {
            return Err(NotUnderstood(format!(
                "`{}` names days of the month and of the week; one of them must be `?`",
                text.trim()
            )));
        }
        Ok(Self {
            minutes: list(minute, &MINUTE)?.within(&MINUTE),
            hours: list(hour, &HOUR)?.within(&HOUR),
            days: DaysOfMonth::parse(day)?,
            months: list(month, &MONTH)?,
            weekdays: DaysOfWeek::parse(weekday)?,
            years: list(year, &YEAR)?,
        })
    }

    /// See `Schedule::runs`.
    pub(super) fn runs(&self, zone: Tz, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let mut runs = Vec::new();
        // A local day begins up to 14 hours before or after the same day in UTC.
        let (Some(mut date), Some(last)) = (
            from.date_naive().checked_sub_days(Days::new(1)),
            to.date_naive().checked_add_days(Days::new(1)),
        ) else {
            return runs;
        };
        while date <= last {
            if self.matches(date) {
                self.runs_on(date, zone, &mut runs);
            }
            let Some(next) = date.succ_opt() else { break };
            date = next;
        }
        runs.retain(|at| *at >= from && *at < to);
        // Where clocks go back, a later local time can come first.
        runs.sort_unstable();
        runs.dedup();
        runs
    }

    fn runs_on(&self, date: NaiveDate, zone: Tz, runs: &mut Vec<DateTime<Utc>>) {
        for hour in &self.hours {
            for minute in &self.minutes {
                let Some(local) = date.and_hms_opt(u32::from(*hour), u32::from(*minute), 0) else {
                    continue;
                };
                match zone.from_local_datetime(&local) {
                    LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => runs.push(at.with_timezone(&Utc)),
                    LocalResult::None => {}
                }
            }
        }
    }

    fn matches(&self, date: NaiveDate) -> bool {
        let month = u16::try_from(date.month()).unwrap_or(0);
        u16::try_from(date.year()).is_ok_and(|year| self.years.has(year))
            && self.months.has(month)
            && self.days.matches(date)
            && self.weekdays.matches(date)
    }
}

/// Sunday is 1.
fn weekday_of(date: NaiveDate) -> u16 {
    u16::try_from(date.weekday().number_from_sunday()).unwrap_or(1)
}

fn is_working_day(date: NaiveDate) -> bool {
    (2..=6).contains(&weekday_of(date))
}

fn last_day(date: NaiveDate) -> u32 {
    let next = if date.month() == 12 {
        NaiveDate::from_ymd_opt(date.year() + 1, 1, 1)
    } else {
        NaiveDate::from_ymd_opt(date.year(), date.month() + 1, 1)
    };
    next.and_then(|next| next.pred_opt()).map_or(31, |last| last.day())
}

/// The working day nearest to a day of the month, never in another month.
fn nearest_working_day(date: NaiveDate, day: u32) -> Option<u32> {
    let wanted = date.with_day(day)?;
    let last = last_day(date);
    Some(match weekday_of(wanted) {
        7 if day == 1 => 3,
        7 => day - 1,
        1 if day == last => day - 2,
        1 => day + 1,
        _ => day,
    })
}

impl DaysOfMonth {
    fn parse(text: &str) -> Result<Self, NotUnderstood> {
        let mut days = Self::default();
        if matches!(text, "?" | "*") {
            days.values = Values::any();
            return Ok(days);
        }
        for entry in text.split(',') {
            let upper = entry.to_ascii_uppercase();
            let number = |digits: &str| value(digits, &DAY_OF_MONTH).map_err(|_| refuse(entry, &DAY_OF_MONTH));
            if upper == "L" {
                days.from_last.push(0);
            } else if upper == "LW" {
                days.last_weekday = true;
            } else if let Some(before) = upper.strip_prefix("L-") {
                days.from_last.push(u32::from(number(before)?));
            } else if let Some(day) = upper.strip_suffix('W') {
                days.nearest_weekday.push(u32::from(number(day)?));
            } else {
                days.values.add(entry, &DAY_OF_MONTH)?;
            }
        }
        Ok(days)
    }

    fn matches(&self, date: NaiveDate) -> bool {
        let (day, last) = (date.day(), last_day(date));
        let is_last_weekday = || {
            let is_later = |later: u32| date.with_day(later).is_some_and(is_working_day);
            is_working_day(date) && !(day + 1..=last).any(is_later)
        };
        self.values.has(u16::try_from(day).unwrap_or(0))
            || self.from_last.iter().any(|before| day + before == last)
            || (self.last_weekday && is_last_weekday())
            || self
                .nearest_weekday
                .iter()
                .any(|wanted| nearest_working_day(date, *wanted) == Some(day))
    }
}

impl DaysOfWeek {
    fn parse(text: &str) -> Result<Self, NotUnderstood> {
        let mut days = Self::default();
        if matches!(text, "?" | "*") {
            days.values = Values::any();
            return Ok(days);
        }
        for entry in text.split(',') {
            let upper = entry.to_ascii_uppercase();
            let number = |name: &str| value(name, &DAY_OF_WEEK).map_err(|_| refuse(entry, &DAY_OF_WEEK));
            if upper == "L" {
                // Alone it is the last day of the week.
                days.values.add("7", &DAY_OF_WEEK)?;
            } else if let Some((name, nth)) = upper.split_once('#') {
                let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth));
                days.nth
                    .push((number(name)?, nth.ok_or_else(|| refuse(entry, &DAY_OF_WEEK))?));
            } else if let Some(name) = upper.strip_suffix('L') {
                days.last.push(number(name)?);
            } else {
                days.values.add(entry, &DAY_OF_WEEK)?;
            }
        }
        Ok(days)
    }

    fn matches(&self, date: NaiveDate) -> bool {
        let weekday = weekday_of(date);
        let is_last = date.day() + 7 > last_day(date);
        self.values.has(weekday)
            || (is_last && self.last.contains(&weekday))
            || self.nth.contains(&(weekday, (date.day() - 1) / 7 + 1))
    }
}
