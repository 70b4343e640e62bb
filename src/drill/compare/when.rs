//! When an item was last written, as an attribute of its own tells, against the point that had to hold it or could not.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};

use super::super::record::{Point, When};

/// 2000 to 2100 in seconds: a number outside of it is a counter, or something else that is no time.
const SECONDS: std::ops::Range<f64> = 946_684_800.0..4_102_444_800.0;

/// Many write whole seconds: what is told as one instant may be up to a second later.
const GRAIN_MILLIS: i64 = 1000;

/// DynamoDB deletes nothing that expired longer ago.
const LONGEST_EXPIRED_DAYS: i64 = 5 * 365;

/// An instant that an attribute tells, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told(i64);

/// Reads seconds or milliseconds since 1970 (`N`), or a date with time and offset by ISO 8601 (`S`). `None`: it is neither.
pub(super) fn told(value: &AttributeValue) -> Option<Told> {
    match value {
        AttributeValue::N(text) => {
            let number: f64 = text.parse().ok()?;
            if SECONDS.contains(&number) {
                Some(Told((number * 1000.0).floor() as i64))
            } else if SECONDS.contains(&(number / 1000.0)) {
                Some(Told(number.floor() as i64))
            } else {
                None
            }
        }
        AttributeValue::S(text) => {
            let at = DateTime::parse_from_rfc3339(text)
                .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
                .ok()?;
            SECONDS
                .contains(&(at.timestamp() as f64))
                .then(|| Told(at.timestamp_millis()))
        }
        _ => None,
    }
}

/// Had time to live run out by then, so that DynamoDB may have deleted the item? Its attribute counts in whole seconds.
pub(super) fn is_expired(value: &AttributeValue, by: DateTime<Utc>) -> bool {
    let AttributeValue::N(text) = value else {
        return false;
    };
    let age = text
        .parse::<f64>()
        .ok()
        .filter(|at| SECONDS.contains(at))
        .map(|at| by.timestamp() as f64 - at);
    age.is_some_and(|age| (0.0..(LONGEST_EXPIRED_DAYS * 86_400) as f64).contains(&age))
}

/// Between which instants a point took its data. Null where it is not known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    begun: Option<DateTime<Utc>>,
    done: Option<DateTime<Utc>>,
}

impl Span {
    pub(super) fn of(point: &Point) -> Self {
        Self {
            begun: point.created_at,
            done: point.completed_at,
        }
    }

    pub(super) fn when(&self, told: Option<Told>) -> When {
        let Some(Told(at)) = told else {
            return When::Untold;
        };
        if self.done.is_some_and(|done| at > done.timestamp_millis()) {
            When::Since
        } else if self
            .begun
            .is_some_and(|begun| at + GRAIN_MILLIS <= begun.timestamp_millis())
        {
            When::Before
        } else {
            When::Untold
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    #[test]
    fn times_are_read_and_everything_else_tells_nothing() {
        for (value, millis) in [
            (n("1790000000"), Some(1_790_000_000_000)),
            (n("1.79E9"), Some(1_790_000_000_000)),
            (n("1790000000.25"), Some(1_790_000_000_250)),
            (n("1790000000250"), Some(1_790_000_000_250)),
            (s("2026-09-21T14:13:20Z"), Some(1_790_000_000_000)),
            (s("2026-09-21T16:13:20.5+02:00"), Some(1_790_000_000_500)),
            (s("2026-09-21T16:13:20+0200"), Some(1_790_000_000_000)),
            // A counter, microseconds, a local time, a day, a word, another type.
            (n("17"), None),
            (n("1790000000000000"), None),
            (s("2026-09-21T14:13:20"), None),
            (s("2026-09-21"), None),
            (s("1790000000"), None),
            (s("0001-01-01T00:00:00Z"), None),
            (s(""), None),
            (AttributeValue::Bool(true), None),
        ] {
            assert_eq!(told(&value), millis.map(Told), "{value:?}");
        }
    }

    #[test]
    fn between_begin_and_end_nothing_is_told() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
        let span = Span {
            begun: Some(at("2026-09-21T14:13:20.500Z")),
            done: Some(at("2026-09-21T14:15:00.500Z")),
        };
        for (text, when) in [
            ("2026-09-21T14:13:19Z", When::Before),
            // Within its second it may be later than the beginning.
            ("2026-09-21T14:13:20Z", When::Untold),
            ("2026-09-21T14:14:00Z", When::Untold),
            ("2026-09-21T14:15:00Z", When::Untold),
            ("2026-09-21T14:15:01Z", When::Since),
        ] {
            assert_eq!(span.when(told(&s(text))), when, "{text}");
            assert_eq!(Span::default().when(told(&s(text))), When::Untold);
        }
        assert_eq!(span.when(None), When::Untold);
    }

    #[test]
    fn only_what_time_to_live_deletes_is_expired() {
        let by = DateTime::from_timestamp(1_790_000_000, 0).expect("an instant");
        for (value, expected) in [
            (n("1789999999"), true),
            (n("1790000000"), true),
            (n("1790000001"), false),
            // Six years ago, milliseconds, another type.
            (n("1600000000"), false),
            (n("1789999999000"), false),
            (s("2026-01-01T00:00:00Z"), false),
        ] {
            assert_eq!(is_expired(&value, by), expected, "{value:?}");
        }
    }
}
