//! When one rule of a plan runs, as its expression says.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::cron::Cron;
use super::fields::NotUnderstood;

/// What AWS Backup uses when a rule has no schedule.
pub(super) const DEFAULT: &str = "cron(0 5 ? * * *)";

/// When a rule of a backup plan runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule(pub(super) Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Cron(Box<Cron>, Tz),
    /// AWS Backup documents no rates; what one would be anchored to is not known, only how often it runs.
    Rate(TimeDelta),
}

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
    pub(crate) fn runs(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Vec<DateTime<Utc>>> {
        match &self.0 {
            Kind::Cron(cron, zone) => Some(cron.runs(*zone, from, to)),
            Kind::Rate(_) => None,
        }
    }

    /// Can its runs be placed? Those of a rate cannot.
    pub(crate) fn has_moments(&self) -> bool {
        self.rate().is_none()
    }

    /// How often a rate runs.
    pub(crate) fn rate(&self) -> Option<TimeDelta> {
        match &self.0 {
            Kind::Cron(..) => None,
            Kind::Rate(every) => Some(*every),
        }
    }

    /// The zone of a schedule by the clock.
    pub(super) fn zone(&self) -> Tz {
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
