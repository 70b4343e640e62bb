//! Instants and times as facts count them, and how long AWS Backup remembers jobs.

use chrono::{DateTime, TimeDelta, Utc};

/// AWS Backup remembers jobs for so long.
pub(crate) const JOB_MEMORY: TimeDelta = TimeDelta::days(30);

/// So far back every job shows that may have made a point: one that AWS has just forgotten may have started a day later.
pub(crate) const JOB_REACH: TimeDelta = TimeDelta::days(29);

/// A job may be created so much before or after the minutes that the schedule names.
pub(crate) const START_SLACK: TimeDelta = TimeDelta::minutes(5);

/// Hours with fraction between two instants, from whole seconds; never negative: a point made after `as_of` is new.
pub(crate) fn age_hours(at: DateTime<Utc>, as_of: DateTime<Utc>) -> f64 {
    hours((as_of - at).max(TimeDelta::zero()))
}

/// Hours with fraction, from whole seconds.
#[expect(clippy::cast_precision_loss, reason = "times are far below 2^52 seconds")]
pub(crate) fn hours(time: TimeDelta) -> f64 {
    time.num_seconds() as f64 / 3600.0
}

/// Seconds since 1970; four bytes reach to 2106.
pub(crate) fn seconds(at: DateTime<Utc>) -> u32 {
    u32::try_from(at.timestamp().max(0)).unwrap_or(u32::MAX)
}

/// The same from milliseconds since 1970.
pub(crate) fn seconds_of_millis(at: i64) -> u32 {
    u32::try_from(at.div_euclid(1000).max(0)).unwrap_or(u32::MAX)
}

/// From milliseconds since 1970.
pub(crate) fn instant(millis: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(millis)
}
