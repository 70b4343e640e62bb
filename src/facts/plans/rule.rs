//! One rule of a plan: when it runs, how long it keeps, where it writes and copies to.

use chrono::{DateTime, TimeDelta, Utc};

use crate::criteria::values::FOREVER_DAYS;
use crate::domain::{Arn, TargetId};
use crate::facts::index::Index;
use crate::facts::index::vaults::VaultState;
use crate::facts::schedule::{self, Schedule, TimedRule};
use crate::inventory::schema::PlanRule as PlanRuleRow;

/// Over so many days the largest gap between runs is looked for, so that a yearly schedule shows.
pub(crate) const HORIZON_DAYS: i64 = 400;

/// AWS Backup's default.
const START_WINDOW_MINUTES: i64 = 480;

/// A rule of a plan, ready to be asked.
pub struct PlanRule {
    pub row: PlanRuleRow,
    /// `None`: the schedule is not understood.
    pub schedule: Option<Schedule>,
    /// It will never run again.
    pub is_over: bool,
    /// Largest gap between its own runs.
    pub interval: Option<TimeDelta>,
    /// Advanced features are on where it runs: without them nothing is written to an air-gapped vault.
    pub advanced_on: Option<bool>,
    pub copies: Vec<CopyAction>,
}

/// Where a rule copies to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PlannedCopy {
    pub(crate) account_id: String,
    pub(crate) region: String,
}

/// A copy that a rule makes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CopyAction {
    pub(crate) to: PlannedCopy,
    pub(crate) vault_name: String,
    /// How long it is kept; as long as its source where the action does not say. `None`: the inventory holds no lifecycles of
    /// copies.
    pub(crate) kept_days: Option<i64>,
}

impl PlanRule {
    pub(crate) fn new(row: PlanRuleRow, index: &Index) -> Self {
        let as_of = index.as_of;
        let schedule = Schedule::parse(row.schedule.as_deref(), row.schedule_time_zone.as_deref()).ok();
        Self {
            is_over: schedule.as_ref().is_some_and(|schedule| schedule.is_over(as_of)),
            advanced_on: index.advanced_features_on(&TargetId::new(&row.account_id, &row.region)),
            interval: schedule
                .as_ref()
                .and_then(|schedule| schedule.largest_gap(as_of, HORIZON_DAYS)),
            schedule,
            copies: copies(&row),
            row,
        }
    }

    pub(crate) fn retention_days(&self) -> i64 {
        kept_days(&self.row)
    }

    pub(crate) fn start_window(&self) -> TimeDelta {
        let minutes = self.row.start_window_minutes.unwrap_or(START_WINDOW_MINUTES);
        TimeDelta::minutes(minutes.clamp(0, 60 * 24 * 366))
    }

    /// The schedule as AWS wrote it, and in words.
    pub(crate) fn schedule_text(&self) -> String {
        schedule::text(self.row.schedule.as_deref(), self.row.schedule_time_zone.as_deref())
    }

    /// The air-gapped vault that it writes to. Without advanced features AWS Backup leaves the point in the ordinary
    /// vault, and the job completes with issues.
    fn air_gapped_vault(&self) -> Option<&str> {
        let named = self.row.air_gapped_vault_arn.as_deref();
        named.filter(|_| self.advanced_on == Some(true))
    }

    /// Is it known which of its vaults it writes to?
    pub(crate) fn is_vault_sure(&self) -> bool {
        self.row.air_gapped_vault_arn.is_none() || self.advanced_on.is_some()
    }

    /// The vault that it writes to: an ARN for an air-gapped one, else a name. The ordinary one where that is not sure.
    pub(crate) fn vault_text(&self) -> &str {
        self.air_gapped_vault().unwrap_or(&self.row.vault_name)
    }

    /// The same, if it was listed.
    pub(crate) fn vault<'e>(&self, index: &'e Index) -> Option<&'e VaultState> {
        match self.air_gapped_vault() {
            Some(arn) => index.vault_by_arn(arn),
            None => {
                let place = index.vault_place(&self.row.account_id, &self.row.region, &self.row.vault_name)?;
                index.vaults.get(place as usize)
            }
        }
    }

    /// The vaults that it may write to, with what was listed of each: one, where it is known which.
    pub(crate) fn vaults<'e>(&self, index: &'e Index) -> Vec<(&str, Option<&'e VaultState>)> {
        let row = &self.row;
        let air_gapped = row
            .air_gapped_vault_arn
            .as_deref()
            .filter(|_| self.advanced_on != Some(false));
        let ordinary = air_gapped.is_none() || self.advanced_on.is_none();
        let ordinary = ordinary.then(|| {
            let place = index.vault_place(&row.account_id, &row.region, &row.vault_name);
            (&*row.vault_name, place.map(|place| &index.vaults[place as usize]))
        });
        let air_gapped = air_gapped.map(|arn| (arn, index.vault_by_arn(arn)));
        air_gapped.into_iter().chain(ordinary).collect()
    }
}

fn kept_days(row: &PlanRuleRow) -> i64 {
    let days = row.delete_after_days.filter(|days| *days > 0);
    days.unwrap_or(FOREVER_DAYS)
}

fn copies(row: &PlanRuleRow) -> Vec<CopyAction> {
    let actions: Vec<serde_json::Value> = serde_json::from_str(&row.copy_actions_json).unwrap_or_default();
    let copy = |action: &serde_json::Value| {
        let arn = Arn::parse(action["destination_vault_arn"].as_str()?)?;
        let of_source = || kept_days(row);
        Some(CopyAction {
            to: PlannedCopy {
                account_id: arn.account_id.to_owned(),
                region: arn.region.to_owned(),
            },
            vault_name: arn.resource.trim_start_matches("backup-vault:").to_owned(),
            kept_days: action
                .get("delete_after_days")
                .map(|days| days.as_i64().filter(|days| *days > 0).unwrap_or_else(of_source)),
        })
    };
    actions.iter().filter_map(copy).collect()
}

/// The largest gap between runs of these rules; `None` if there is no rule or one is not understood.
pub(crate) fn interval(rules: &[&PlanRule], as_of: DateTime<Utc>) -> Option<TimeDelta> {
    let timed = timed(rules)?;
    schedule::largest_gap_of(&timed, as_of, HORIZON_DAYS)
}

/// The same if no rule came before another: no set of these rules leaves shorter gaps.
pub(crate) fn least_interval(rules: &[&PlanRule], as_of: DateTime<Utc>) -> Option<TimeDelta> {
    let mut timed = timed(rules)?;
    for rule in &mut timed {
        rule.start_window = TimeDelta::zero();
    }
    schedule::largest_gap_of(&timed, as_of, HORIZON_DAYS)
}

pub(crate) fn timed<'r>(rules: &[&'r PlanRule]) -> Option<Vec<TimedRule<'r>>> {
    let timed = |rule: &&'r PlanRule| {
        Some(TimedRule {
            plan: &rule.row.plan_id,
            schedule: rule.schedule.as_ref()?,
            start_window: rule.start_window(),
            retention_days: rule.retention_days(),
        })
    };
    let timed: Option<Vec<TimedRule<'r>>> = rules.iter().map(timed).collect();
    timed.filter(|timed| !timed.is_empty())
}
