//! Schedules of AWS Backup: when does a rule run, how far apart are its runs, and those of several rules together?
//!
//! In: expressions as AWS returned them. Out: instants and gaps. Pure: the caller says from when on. The dialect is
//! EventBridge's (six fields, SUN = 1, `L`, `W`, `#`), with or without `cron( )`, in any time zone.

mod cron;
#[cfg(test)]
mod croner_tests;
mod fields;
mod gaps;
#[cfg(test)]
mod tests;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use cron::Cron;

pub use gaps::{Run, TimedRule, effective_runs, have_runs, largest_gap_of, worst_case_age};

/// What AWS Backup uses when a rule has no schedule.
const DEFAULT: &str = "cron(0 5 ? * * *)";

/// When a rule of a backup plan runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Cron(Box<Cron>, Tz),
    /// AWS Backup documents no rates; what one would be anchored to is not known, only how often it runs.
    Rate(TimeDelta),
}

/// An expression or a time zone that is not understood: the sentence to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUnderstood(String);

impl fmt::Display for NotUnderstood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotUnderstood {}

impl Schedule {
    /// Reads an expression and its zone; without them AWS Backup runs daily at 05:00, UTC.
    ///
    /// Errors: what is not understood, in words.
    pub fn parse(expression: Option<&str>, zone: Option<&str>) -> Result<Self, NotUnderstood> {
        let text = expression.unwrap_or(DEFAULT).trim();
        let zone: Tz = match zone.map(str::trim) {
            None | Some("") => Tz::UTC,
            Some(name) => name
                .parse()
                .map_err(|_| NotUnderstood(format!("`{name}` is not a time zone")))?,
        };
        let inside = |name: &str| {
            let head = text.get(..name.len())?;
            let body = text
                .get(name.len()..)?
                .trim_start()
                .strip_prefix('(')?
                .strip_suffix(')')?;
            head.eq_ignore_ascii_case(name).then_some(body)
        };
        if let Some(rate) = inside("rate") {
            return rate_of(rate).map(|every| Self(Kind::Rate(every)));
        }
        let cron = Cron::parse(inside("cron").unwrap_or(text))?;
        Ok(Self(Kind::Cron(Box::new(cron), zone)))
    }

    /// Every run from `from` until before `to`, in order; `None` for a rate, whose runs cannot be placed.
    ///
    /// A local time that daylight saving skips does not run; one that comes twice runs once, the first time.
    pub fn runs(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Vec<DateTime<Utc>>> {
        match &self.0 {
            Kind::Cron(cron, zone) => Some(cron.runs(*zone, from, to)),
            Kind::Rate(_) => None,
        }
    }

    /// Does it never run again? A schedule may name years that are over, or a day that no month has.
    pub fn is_over(&self, at: DateTime<Utc>) -> bool {
        gaps::is_over(self, at)
    }

    /// The largest gap between runs in these days; see [`largest_gap_of`].
    pub fn largest_gap(&self, from: DateTime<Utc>, days: i64) -> Option<TimeDelta> {
        let alone = TimedRule {
            schedule: self,
            start_window: TimeDelta::zero(),
            retention_days: 0,
        };
        largest_gap_of(&[alone], from, days)
    }

    /// How often a rate runs.
    fn rate(&self) -> Option<TimeDelta> {
        match &self.0 {
            Kind::Cron(..) => None,
            Kind::Rate(every) => Some(*every),
        }
    }

    /// The zone of a schedule by the clock.
    fn zone(&self) -> Tz {
        match &self.0 {
            Kind::Cron(_, zone) => *zone,
            Kind::Rate(_) => Tz::UTC,
        }
    }
}

fn rate_of(body: &str) -> Result<TimeDelta, NotUnderstood> {
    let fail = || NotUnderstood(format!("`rate({body})` is not a rate"));
    let mut words = body.split_whitespace();
    let (Some(number), Some(unit), None) = (words.next(), words.next(), words.next()) else {
        return Err(fail());
    };
    let number: i64 = number.parse().map_err(|_| fail())?;
    let minutes = match unit.to_ascii_lowercase().trim_end_matches('s') {
        "minute" => 1,
        "hour" => 60,
        "day" => 24 * 60,
        _ => return Err(fail()),
    };
    let every = number
        .checked_mul(minutes)
        .filter(|every| (1..=60 * 24 * 3660).contains(every));
    every.map(TimeDelta::minutes).ok_or_else(fail)
}
