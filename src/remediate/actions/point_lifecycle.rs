//! A recovery point that is there, kept longer.
//!
//! Never shorter: what a lifecycle is made shorter by is deleted.

use std::collections::BTreeMap;

use aws_sdk_backup::operation::describe_recovery_point::DescribeRecoveryPointOutput;
use aws_sdk_backup::types::Lifecycle;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ground::{check_point, name_of, number};
use super::on_demand_backup::check_bounds;
use super::{Act, Deed, Doing, Done, Kind, Now, Obstacle, Quantities, Resource, Sign, Undoing, Undone, check_table};
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::collect::instant;
use crate::criteria::values::{RETENTION_MAX_DAYS, RETENTION_MIN_DAYS};
use crate::dictionary::TableFacts;
use crate::domain::{FactValue, TargetId, Verdict, rfc3339};
use crate::inventory::schema::{RecoveryPoint, Vault};
use crate::problem::{Outcome, one_line};
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;
use crate::report::TableRow;
use crate::settings::{COLD_MINIMUM_DAYS, check_lifecycle};

const UPDATE: &str = "backup:UpdateRecoveryPointLifecycle";
const DESCRIBE: &str = "backup:DescribeRecoveryPoint";

/// Which point, and how long it is kept now and then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointLifecycle {
    /// The table.
    pub table_arn: String,
    /// The recovery point.
    pub point_arn: String,
    /// The vault that holds it.
    pub vault_name: String,
    /// Days until cold storage, which stay as they are. `None`: stays warm.
    pub cold_after_days: Option<i64>,
    /// Days until deletion as they were judged; the action is not done where they are others.
    pub from_days: i64,
    /// Days until deletion.
    pub delete_after_days: i64,
    /// Its size. `None`: not known.
    pub size_bytes: Option<i64>,
}

fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    let open = planner.open(&PointLifecycle::KIND);
    if open.is_empty() {
        return Ok(());
    }
    let as_of = planner.world.as_of();
    let vaults = planner.world.rows::<Vault>()?.to_vec();
    let mut points: BTreeMap<String, Vec<RecoveryPoint>> = BTreeMap::new();
    for point in planner.world.rows::<RecoveryPoint>()? {
        if let Some(table) = &point.resource_arn {
            points.entry(table.clone()).or_default().push(point.clone());
        }
    }
    for finding in open {
        let Some(table) = planner.table(&finding.resource_arn).cloned() else {
            let why = format!("only points of a table that is there are kept longer, and this is a {}", finding.subject);
            planner.block(&finding, why);
            continue;
        };
        let short = points.get(&table.table_arn).into_iter().flatten();
        let short = short.filter(|point| {
            (&point.account_id, &point.region) == (&table.target.account_id, &table.target.region)
                && is_of_this(point, &table)
        });
        let mut reason = None;
        let mut deeds = Vec::new();
        for point in short {
            match longer(point, &table, &vaults, as_of) {
                Ok(deed) => deeds.extend(deed),
                Err(why) => reason = reason.or(Some(why)),
            }
        }
        if deeds.is_empty() {
            let why = reason.unwrap_or_else(|| "none of its recovery points can be kept longer".to_owned());
            planner.block(&finding, why);
        }
        for deed in deeds {
            planner.add(&table.target, Deed::PointLifecycle(deed), &finding.message, &[&finding]);
        }
    }
    Ok(())
}

/// A usable point of this incarnation of the table.
fn is_of_this(point: &RecoveryPoint, table: &TableRow) -> bool {
    let born = match table.fact(TableFacts::created_at) {
        FactValue::Time(born) => Some(*born),
        _ => None,
    };
    matches!(point.status.as_deref(), Some("COMPLETED" | "AVAILABLE"))
        && point.delete_after_event.is_none()
        && born
            .zip(point.created_at)
            .is_some_and(|(born, created)| created >= born)
}

/// How long a point is kept, in days; none: for ever, or not known.
fn kept_days(point: &RecoveryPoint) -> Option<i64> {
    let by_date = || {
        let kept = point.delete_at? - point.created_at?;
        Some((kept + TimeDelta::hours(12)).num_days())
    };
    point.delete_after_days.filter(|days| *days > 0).or_else(by_date)
}

/// Keeps a point as long as the policy asks; none: it is kept long enough.
///
/// Errors: why it cannot be, in words.
fn longer(
    point: &RecoveryPoint,
    table: &TableRow,
    vaults: &[Vault],
    as_of: DateTime<Utc>,
) -> Result<Option<PointLifecycle>, String> {
    let (Some(least), Some(most)) = (number(table, RETENTION_MIN_DAYS), number(table, RETENTION_MAX_DAYS)) else {
        return Err("not known which tier of the policy applies, and so what retention".to_owned());
    };
    let Some(from_days) = kept_days(point).filter(|days| *days < least) else {
        return Ok(None);
    };
    let name = one_line(&point.recovery_point_arn);
    if point.cold_at.is_some_and(|at| at <= as_of) {
        return Err(format!(
            "{name} is in cold storage, and its lifecycle stays: restore it, and back up the table for longer"
        ));
    }
    if point.delete_at.is_some_and(|at| at <= as_of) {
        return Err(format!("{name} is due for deletion already"));
    }
    let cold_after_days = point.cold_after_days.filter(|days| *days > 0);
    let delete_after_days = cold_after_days.map_or(least, |cold| least.max(cold + COLD_MINIMUM_DAYS));
    if delete_after_days > most {
        return Err(format!(
            "{name} would have to be kept {delete_after_days} days, and the policy allows at most {most}"
        ));
    }
    let is_its = |vault: &&Vault| {
        (&vault.account_id, &vault.region, &vault.vault_name) == (&point.account_id, &point.region, &point.vault_name)
    };
    if let Some(vault) = vaults.iter().find(is_its) {
        check_bounds(vault, delete_after_days)?;
    }
    Ok(Some(PointLifecycle {
        table_arn: table.table_arn.clone(),
        point_arn: point.recovery_point_arn.clone(),
        vault_name: point.vault_name.clone(),
        cold_after_days,
        from_days,
        delete_after_days,
        size_bytes: point.size_bytes,
    }))
}

/// Where a point stands.
struct Standing {
    is_usable: bool,
    is_cold: bool,
    created_at: Option<DateTime<Utc>>,
    cold_after_days: Option<i64>,
    /// `None`: kept for ever.
    delete_after_days: Option<i64>,
}

impl Standing {
    fn of(answer: &DescribeRecoveryPointOutput) -> Option<Self> {
        let days = |days: Option<i64>| days.filter(|days| *days > 0);
        let created_at = instant(answer.creation_date());
        let lifecycle = answer.lifecycle();
        let end = answer.calculated_lifecycle().and_then(|lifecycle| instant(lifecycle.delete_at()));
        let by_date = end
            .zip(created_at)
            .map(|(end, created)| (end - created + TimeDelta::hours(12)).num_days());
        Some(Self {
            is_usable: matches!(answer.status()?.as_str(), "COMPLETED" | "AVAILABLE"),
            is_cold: answer.storage_class().is_some_and(|class| class.as_str() != "WARM"),
            created_at,
            cold_after_days: days(lifecycle.and_then(Lifecycle::move_to_cold_storage_after_days)),
            delete_after_days: days(lifecycle.and_then(Lifecycle::delete_after_days)).or(by_date),
        })
    }

    fn is_kept(&self, days: i64) -> bool {
        self.delete_after_days.is_none_or(|kept| kept >= days)
    }

    fn words(&self) -> String {
        match self.delete_after_days {
            None => "it is kept for ever".to_owned(),
            Some(days) => format!("it is kept {days} days"),
        }
    }
}

impl PointLifecycle {
    /// API: backup:DescribeRecoveryPoint. Calls: 1. Errors: AWS's refusal, or an answer without a state.
    async fn read(&self, target: &Target) -> Result<Standing, Failure> {
        let send = || {
            let describe = target.backup.describe_recovery_point();
            describe
                .backup_vault_name(&self.vault_name)
                .recovery_point_arn(&self.point_arn)
                .send()
        };
        let standing = |answer: DescribeRecoveryPointOutput| Standing::of(&answer);
        target.caller.part(DESCRIBE, &self.point_arn, send, "state", standing).await
    }

    /// API: backup:UpdateRecoveryPointLifecycle. Calls: 1.
    async fn write(&self, target: &Target, cold: Option<i64>, days: i64) -> Result<(), Failure> {
        let lifecycle = Lifecycle::builder()
            .set_move_to_cold_storage_after_days(cold)
            .delete_after_days(days)
            .build();
        let send = || {
            let update = target.backup.update_recovery_point_lifecycle();
            update
                .backup_vault_name(&self.vault_name)
                .recovery_point_arn(&self.point_arn)
                .lifecycle(lifecycle.clone())
                .send()
        };
        target.caller.once(UPDATE, &self.point_arn, send).await.map(drop)
    }
}

impl Act for PointLifecycle {
    const KIND: Kind = Kind {
        id: "point-lifecycle",
        sign: Sign::Change,
        answers: &["recovery-point-retained"],
        frames: &["tables", "vaults", "recovery_points"],
        doing: &[UPDATE],
        checking: &[DESCRIBE],
        propose,
    };

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "recovery point of",
            id: self.point_arn.as_str().into(),
            name: name_of(&self.table_arn).into(),
        }
    }

    fn describe(&self) -> String {
        format!(
            "{} in vault {} deleted after {} days, no longer after {}",
            one_line(&self.point_arn),
            one_line(&self.vault_name),
            self.delete_after_days,
            self.from_days
        )
    }

    fn check_values(&self, at: &TargetId) -> Result<(), String> {
        check_table(&self.table_arn, at)?;
        check_point(&self.point_arn, at)?;
        check_lifecycle(self.cold_after_days, Some(self.delete_after_days))?;
        match self.delete_after_days > self.from_days {
            true => Ok(()),
            false => Err(format!(
                "it would be kept {} days, and is kept {}: no lifecycle is made shorter",
                self.delete_after_days, self.from_days
            )),
        }
    }

    fn simulate(&self, at: &TargetId, world: &mut World) -> Outcome<()> {
        world.edit::<RecoveryPoint>(|rows| {
            let is_it = |row: &&mut RecoveryPoint| {
                (&row.account_id, &row.region, &row.vault_name) == (&at.account_id, &at.region, &self.vault_name)
                    && row.recovery_point_arn == self.point_arn
            };
            for row in rows.iter_mut().filter(is_it) {
                row.delete_after_days = Some(self.delete_after_days);
                row.delete_at = row.created_at.map(|at| at + TimeDelta::days(self.delete_after_days));
            }
        })
    }

    fn quantities(&self) -> Quantities {
        let longer = self.delete_after_days - self.from_days;
        let kept = self.size_bytes.map(|bytes| (bytes, longer));
        Quantities {
            warm: kept.filter(|_| self.cold_after_days.is_none()),
            cold: kept.filter(|_| self.cold_after_days.is_some()),
            is_unknown: kept.is_none(),
            ..Quantities::default()
        }
    }

    fn inverse(&self) -> Undone {
        Undone::Back("its former lifecycle is set, unless it would be deleted at once; a locked vault refuses".to_owned())
    }

    /// API: backup:DescribeRecoveryPoint. Calls: 1.
    async fn look(&self, target: &Target, _id: &str) -> Result<Now, Obstacle> {
        let standing = match self.read(target).await {
            Err(failure) if failure.kind == FailureKind::Absent => return Err(Obstacle::Changed("it is gone".to_owned())),
            read => read?,
        };
        if standing.is_kept(self.delete_after_days) {
            return Ok(Now::Already {
                how: standing.words(),
                made: None,
            });
        }
        if !standing.is_usable {
            return Err(Obstacle::Changed("it cannot be restored any more".to_owned()));
        }
        if standing.is_cold {
            return Err(Obstacle::Changed("it was moved to cold storage, and its lifecycle stays".to_owned()));
        }
        if standing.delete_after_days != Some(self.from_days) || standing.cold_after_days != self.cold_after_days {
            return Err(format!("its lifecycle was changed since: {}", standing.words()).into());
        }
        Ok(Now::ToDo(json!({
            "cold_after_days": standing.cold_after_days,
            "delete_after_days": standing.delete_after_days,
        })))
    }

    /// API: backup:UpdateRecoveryPointLifecycle. Calls: 1.
    async fn act(&self, target: &Target, _doing: &Doing<'_>) -> Result<Done, Failure> {
        self.write(target, self.cold_after_days, self.delete_after_days).await?;
        Ok(Done::default())
    }

    /// API: backup:DescribeRecoveryPoint. Calls: 1.
    async fn verify(&self, target: &Target, _since: DateTime<Utc>) -> (Verdict, String) {
        match self.read(target).await {
            Ok(standing) if !standing.is_usable => (Verdict::NonCompliant, "it cannot be restored".to_owned()),
            Ok(standing) if standing.is_kept(self.delete_after_days) => (Verdict::Compliant, standing.words()),
            Ok(standing) => (Verdict::NonCompliant, standing.words()),
            Err(failure) if failure.kind == FailureKind::Absent => (Verdict::NonCompliant, "it is gone".to_owned()),
            Err(failure) => (Verdict::Unknown, failure.told()),
        }
    }

    /// API: backup:DescribeRecoveryPoint, backup:UpdateRecoveryPointLifecycle. Calls: 2.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let before = undoing.before;
        let standing = match self.read(target).await {
            Err(failure) if failure.kind == FailureKind::Absent => return Ok(Undone::Back("it is gone".to_owned())),
            read => read?,
        };
        let former = |key: &str| before.get(key).and_then(Value::as_i64);
        let days = former("delete_after_days").unwrap_or(self.from_days);
        if standing.delete_after_days == Some(days) && standing.cold_after_days == former("cold_after_days") {
            return Ok(Undone::Back(standing.words()));
        }
        if standing.delete_after_days != Some(self.delete_after_days) {
            let why = format!("its lifecycle was changed since: {}", standing.words());
            return Ok(Undone::Left(why));
        }
        let end = standing.created_at.map(|created| created + TimeDelta::days(days));
        match end {
            Some(end) if end > Utc::now() + TimeDelta::days(1) => {}
            Some(end) => {
                let why = format!("with its former lifecycle it would be deleted at once: it ended at {}", rfc3339(end));
                return Ok(Undone::Left(why));
            }
            None => return Ok(Undone::Left("AWS does not say when it was made".to_owned())),
        }
        self.write(target, former("cold_after_days"), days).await?;
        Ok(Undone::Back(format!("it is kept {days} days")))
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        let cold = self.cold_after_days.map(|days| format!("MoveToColdStorageAfterDays={days},"));
        vec![format!(
            "aws backup update-recovery-point-lifecycle --region {} --backup-vault-name {} --recovery-point-arn {} \
             --lifecycle {}DeleteAfterDays={}",
            at.region,
            quoted(&self.vault_name),
            quoted(&self.point_arn),
            cold.unwrap_or_default(),
            self.delete_after_days
        )]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(from: i64, to: i64, cold: Option<i64>) -> PointLifecycle {
        PointLifecycle {
            table_arn: "arn:aws:dynamodb:eu-west-1:111122223333:table/t".to_owned(),
            point_arn: "arn:aws:backup:eu-west-1:111122223333:recovery-point:p".to_owned(),
            vault_name: "v".to_owned(),
            cold_after_days: cold,
            from_days: from,
            delete_after_days: to,
            size_bytes: None,
        }
    }

    #[test]
    fn a_plan_that_was_edited_keeps_no_point_for_less_long() {
        let at = TargetId::new("111122223333".to_owned(), "eu-west-1".to_owned());
        for (deed, part) in [
            (deed(7, 35, None), ""),
            (deed(35, 35, None), "no lifecycle is made shorter"),
            (deed(35, 7, None), "no lifecycle is made shorter"),
            (deed(7, 35, Some(7)), "90 days after"),
            (deed(7, 97, Some(7)), ""),
            (deed(7, 40_000, None), "outside 1 to 36500"),
        ] {
            let found = deed.check_values(&at).err().unwrap_or_default();
            assert!(found.contains(part) && found.is_empty() == part.is_empty(), "{found}");
        }
        let mut elsewhere = deed(7, 35, None);
        elsewhere.point_arn = "arn:aws:backup:eu-west-1:999988887777:recovery-point:p".to_owned();
        assert!(elsewhere.check_values(&at).is_err());
    }
}
