//! How long a recovery point stays warm and stays at all.
//!
//! In: the `Lifecycle` of a rule, a job or a recovery point. Out: the instants of `CalculatedLifecycle`, and the reason why a
//! lifecycle is not one. Days count from the creation of the recovery point, not from its completion.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value};

/// The longest time that can be asked for, in days.
pub(crate) const MAX_DAYS: i64 = 36_500;
/// The least time between the move to cold storage and the deletion.
const COLD_MINIMUM_DAYS: i64 = 90;

/// When a recovery point moves to cold storage and when it is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    /// `MoveToColdStorageAfterDays`; absent or -1 means never.
    pub(crate) cold_after: Option<i64>,
    /// `DeleteAfterDays`; absent or -1 means kept forever.
    pub(crate) delete_after: Option<i64>,
    /// `OptInToArchiveForSupportedResources`, kept as sent; it has no meaning for tables.
    pub(crate) archive: Option<bool>,
}

impl Lifecycle {
    /// Reads the JSON form. Absent, null and empty all mean "kept forever".
    pub(crate) fn read(value: Option<&Value>) -> Result<Self, String> {
        let object = match value {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Object(object)) => object,
            Some(_) => return Err("Invalid lifecycle.".to_owned()),
        };
        let days = |name: &str| match object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_i64()
                .map(Some)
                .ok_or_else(|| format!("Invalid lifecycle. {name} is not a number of days")),
        };
        let lifecycle = Self {
            cold_after: days("MoveToColdStorageAfterDays")?,
            delete_after: days("DeleteAfterDays")?,
            archive: object
                .get("OptInToArchiveForSupportedResources")
                .and_then(Value::as_bool),
        };
        lifecycle.check()?;
        Ok(lifecycle)
    }

    /// The rules that do not depend on a vault: the limits, and 90 days between cold and deletion.
    pub(crate) fn check(&self) -> Result<(), String> {
        let outside = |days: Option<i64>| days.is_some_and(|days| days != -1 && !(1..=MAX_DAYS).contains(&days));
        if outside(self.delete_after) {
            return Err(format!(
                "Invalid lifecycle. DeleteAfterDays cannot be less than 1 or more than {MAX_DAYS} days"
            ));
        }
        if outside(self.cold_after) {
            return Err(format!(
                "Invalid lifecycle. MoveToColdStorageAfterDays cannot be less than 1 or more than {MAX_DAYS} days"
            ));
        }
        match (self.cold(), self.delete()) {
            (Some(cold), Some(delete)) if delete < cold + COLD_MINIMUM_DAYS => Err(format!(
                "Invalid lifecycle. DeleteAfterDays cannot be less than {COLD_MINIMUM_DAYS} days apart from MoveToColdStorageAfterDays"
            )),
            _ => Ok(()),
        }
    }

    /// Days until cold storage, if ever.
    pub(crate) fn cold(&self) -> Option<i64> {
        self.cold_after.filter(|days| *days > 0)
    }

    /// Days until deletion, if ever.
    pub(crate) fn delete(&self) -> Option<i64> {
        self.delete_after.filter(|days| *days > 0)
    }

    /// For comparing retentions: forever is longer than any number.
    pub(crate) fn retention(&self) -> i64 {
        self.delete().unwrap_or(i64::MAX)
    }

    /// When a recovery point of this lifecycle moves to cold storage.
    pub(crate) fn cold_at(&self, created: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cold().map(|days| created + Duration::days(days))
    }

    /// When a recovery point of this lifecycle is due for deletion.
    pub(crate) fn delete_at(&self, created: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.delete().map(|days| created + Duration::days(days))
    }

    /// Whether a vault lock with this range admits the lifecycle. Forever is too long for any maximum.
    pub(crate) fn fits(&self, min: Option<i64>, max: Option<i64>) -> bool {
        let retention = self.retention();
        min.is_none_or(|min| retention >= min) && max.is_none_or(|max| retention <= max)
    }

    /// The same without a move to cold storage, for recovery points that cannot become cold.
    pub(crate) fn warm(self) -> Self {
        Self {
            cold_after: None,
            ..self
        }
    }

    /// The JSON form, `null` when nothing was set.
    pub(crate) fn json(&self) -> Value {
        let mut object = Map::new();
        if let Some(days) = self.cold_after {
            object.insert("MoveToColdStorageAfterDays".to_owned(), days.into());
        }
        if let Some(days) = self.delete_after {
            object.insert("DeleteAfterDays".to_owned(), days.into());
        }
        if let Some(archive) = self.archive {
            object.insert("OptInToArchiveForSupportedResources".to_owned(), archive.into());
        }
        if object.is_empty() {
            Value::Null
        } else {
            Value::Object(object)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn days(cold: Option<i64>, delete: Option<i64>) -> Lifecycle {
        Lifecycle {
            cold_after: cold,
            delete_after: delete,
            archive: None,
        }
    }

    #[test]
    fn the_ninety_day_rule() {
        let cases = [
            (Some(7), Some(97), true),
            (Some(7), Some(96), false),
            (Some(7), None, true),
            (Some(7), Some(-1), true),
            (None, Some(1), true),
            (Some(-1), Some(7), true),
            (Some(-1), Some(-1), true),
            (None, Some(0), false),
            (Some(0), Some(97), false),
            (None, Some(36_500), true),
            (None, Some(36_501), false),
            (None, None, true),
        ];
        for (cold, delete, good) in cases {
            assert_eq!(days(cold, delete).check().is_ok(), good, "{cold:?} {delete:?}");
        }
    }

    #[test]
    fn reading_and_writing_keep_what_was_sent() {
        for value in [
            json!({"DeleteAfterDays": 35}),
            json!({"MoveToColdStorageAfterDays": 7, "DeleteAfterDays": 97, "OptInToArchiveForSupportedResources": true}),
            json!({"MoveToColdStorageAfterDays": -1, "DeleteAfterDays": -1}),
        ] {
            assert_eq!(Lifecycle::read(Some(&value)).unwrap().json(), value);
        }
        assert_eq!(Lifecycle::read(Some(&json!({}))).unwrap().json(), Value::Null);
        assert_eq!(Lifecycle::read(None).unwrap(), Lifecycle::default());
        assert!(Lifecycle::read(Some(&json!("35"))).is_err());
        assert!(Lifecycle::read(Some(&json!({"DeleteAfterDays": "35"}))).is_err());
    }

    #[test]
    fn instants_count_from_the_creation() {
        let created: DateTime<Utc> = "2026-03-01T05:00:00Z".parse().unwrap();
        let lifecycle = days(Some(7), Some(97));
        assert_eq!(
            lifecycle.cold_at(created),
            Some("2026-03-08T05:00:00Z".parse().unwrap())
        );
        assert_eq!(
            lifecycle.delete_at(created),
            Some("2026-06-06T05:00:00Z".parse().unwrap())
        );
        assert_eq!(days(None, Some(-1)).delete_at(created), None);
        assert_eq!(lifecycle.warm().cold_at(created), None);
    }

    #[test]
    fn a_lock_range_refuses_forever_and_too_short() {
        assert!(days(None, Some(14)).fits(Some(7), Some(30)));
        assert!(!days(None, Some(6)).fits(Some(7), Some(30)));
        assert!(!days(None, Some(31)).fits(Some(7), Some(30)));
        assert!(!days(None, None).fits(Some(7), Some(30)));
        assert!(days(None, None).fits(Some(7), None));
        assert!(days(None, Some(1)).fits(None, None));
    }
}
