//! What a plan keeps of a table once it is in full use, for the estimate of its cost.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::rule::{Rule, positive};
use crate::domain::TargetId;
use crate::facts::schedule::Schedule;
use crate::remediate::actions::Quantities;

/// Days of the month that prices are for.
const MONTH: i64 = 30;

/// What a change that backups follow costs: nothing itself, and every month what it then keeps; none: not known.
pub(crate) fn later(keeps: Option<Load>) -> Quantities {
    Quantities {
        monthly_warm: keeps.map(|load| load.warm),
        monthly_cold: keeps.map(|load| load.cold),
        monthly_moved: keeps.map(|load| load.moved),
        is_monthly_unknown: keeps.is_none(),
        ..Quantities::default()
    }
}

/// Recovery points of one table, or bytes of some: as many as there are all the time. Every backup counts as a full one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// In warm storage, copies included.
    pub warm: i64,
    /// In cold storage.
    pub cold: i64,
    /// Sent to another Region every month.
    pub moved: i64,
}

impl Load {
    /// The points of one table by these rules; none: what they keep is not bounded, or a schedule is not understood.
    pub(crate) fn of<'r>(
        rules: impl IntoIterator<Item = &'r Rule>,
        at: &TargetId,
        as_of: DateTime<Utc>,
    ) -> Option<Self> {
        let mut load = Self::default();
        for rule in rules {
            let schedule = Schedule::parse(rule.schedule.as_deref(), rule.schedule_time_zone.as_deref()).ok()?;
            let gap = schedule.largest_gap(as_of, 400)?.num_hours().max(1);
            let points = |days: i64| (days * 24).div_euclid(gap).max(1);
            let kept = positive(rule.delete_after_days)?;
            let warm = positive(rule.cold_after_days).unwrap_or(kept).min(kept);
            load.warm += points(warm);
            load.cold += if warm < kept { points(kept - warm) } else { 0 };
            for copy in &rule.copies {
                load.warm += points(positive(copy.delete_after_days).unwrap_or(kept));
                if copy.place()?.region != at.region {
                    load.moved += points(MONTH);
                }
            }
        }
        Some(load)
    }

    /// The same of tables of so many bytes together; none if that is too much to be true.
    pub(crate) fn times(self, bytes: i64) -> Option<Self> {
        Some(Self {
            warm: self.warm.checked_mul(bytes)?,
            cold: self.cold.checked_mul(bytes)?,
            moved: self.moved.checked_mul(bytes)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::Copy;
    use super::*;

    #[test]
    fn a_plan_in_full_use_keeps_a_point_for_each_run_until_it_is_deleted() {
        let at = TargetId::new("111122223333".to_owned(), "eu-west-1".to_owned());
        let as_of = "2026-11-30T12:00:00Z".parse().expect("an instant");
        let mut rule = Rule {
            vault_name: "v".to_owned(),
            schedule: None,
            schedule_time_zone: None,
            start_window_minutes: None,
            cold_after_days: Some(7),
            delete_after_days: Some(97),
            copies: Vec::new(),
        };
        let load = |rule: &Rule| Load::of([rule], &at, as_of).map(|load| (load.warm, load.cold, load.moved));
        assert_eq!(load(&rule), Some((7, 90, 0)));
        rule.copies.push(Copy {
            vault_arn: "arn:aws:backup:eu-central-1:111122223333:backup-vault:dr".to_owned(),
            cold_after_days: None,
            delete_after_days: Some(35),
        });
        assert_eq!(load(&rule), Some((42, 90, 30)));
        rule.schedule = Some("cron(0 5/12 ? * * *)".to_owned());
        assert_eq!(load(&rule), Some((84, 180, 60)));
        rule.delete_after_days = None;
        assert_eq!(load(&rule), None, "nobody knows how much that will be");
    }
}
