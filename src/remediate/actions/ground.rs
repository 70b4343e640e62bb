//! What several kinds of actions ask of AWS about a table before they touch anything of it.

use aws_sdk_backup::operation::list_backup_vaults::ListBackupVaultsOutput;
use aws_sdk_backup::operation::list_recovery_points_by_backup_vault::ListRecoveryPointsByBackupVaultOutput;
use aws_sdk_backup::types::{BackupVaultListMember, RecoveryPointByBackupVault};
use aws_sdk_dynamodb::types::TableDescription;
use chrono::{DateTime, Utc};

use super::{Obstacle, Undoing, Undone};
use crate::aws::call::Page;
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::collect::instant;
use crate::dictionary::{FactKey, TableFacts};
use crate::domain::{Arn, FactValue, TargetId};
use crate::problem::one_line;
use crate::report::TableRow;

pub(crate) const DESCRIBE_TABLE: &str = "dynamodb:DescribeTable";
pub(crate) const LIST_POINTS: &str = "backup:ListRecoveryPointsByBackupVault";
pub(crate) const DELETE_POINT: &str = "backup:DeleteRecoveryPoint";
pub(crate) const LIST_VAULTS: &str = "backup:ListBackupVaults";

/// The name in a table's ARN; empty where it is none.
pub(crate) fn name_of(table_arn: &str) -> &str {
    let arn = Arn::parse(table_arn);
    arn.and_then(|arn| arn.table_name()).unwrap_or_default()
}

/// AWS's id of the incarnation that was judged; none: a table older than table ids.
pub(crate) fn table_id(table: &TableRow) -> Option<String> {
    text(table, TableFacts::table_id).filter(|id| id != "none")
}

/// A fact that is a text; none: not known, or not asked.
pub(crate) fn text(table: &TableRow, key: FactKey) -> Option<String> {
    match table.fact(key) {
        FactValue::Text(text) => Some(text.to_string()),
        _ => None,
    }
}

/// A fact, or a value of the policy, that is a whole number; none: not known, or not asked.
pub(crate) fn number(table: &TableRow, key: FactKey) -> Option<i64> {
    match table.fact(key) {
        FactValue::Int(number) => Some(*number),
        _ => None,
    }
}

/// Is this the ARN of a recovery point of this account and Region?
///
/// Errors: why not, in words.
pub(crate) fn check_point(point_arn: &str, at: &TargetId) -> Result<(), String> {
    let parts: Vec<&str> = point_arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "backup", region, account, rest]
            if rest.starts_with("recovery-point:") && (account, region) == (&*at.account_id, &*at.region) =>
        {
            Ok(())
        }
        ["arn", _, "dynamodb", region, account, rest]
            if rest.contains("/backup/") && (account, region) == (&*at.account_id, &*at.region) =>
        {
            Ok(())
        }
        _ => Err(format!(
            "`{}` is not the ARN of a recovery point in account {}, {}",
            one_line(point_arn),
            one_line(&at.account_id),
            one_line(&at.region)
        )),
    }
}

/// Describes a table, if it is still the one that was judged.
///
/// API: dynamodb:DescribeTable. Calls: 1. Errors: AWS's refusal, or another table of the same name, in words.
pub(crate) async fn described(
    target: &Target,
    table_arn: &str,
    table_id: Option<&str>,
) -> Result<TableDescription, Obstacle> {
    let name = name_of(table_arn);
    let send = || target.dynamodb.describe_table().table_name(name).send();
    let answer = target.caller.once(DESCRIBE_TABLE, name, send).await;
    // No table in the answer is no table without an id.
    let table = answer?
        .table
        .ok_or_else(|| Obstacle::Unread(format!("the answer to {DESCRIBE_TABLE} holds no table")))?;
    let found = table.table_id();
    if found == table_id {
        return Ok(table);
    }
    Err(format!(
        "the table was deleted and created again (table id {} is now {})",
        table_id.unwrap_or("none"),
        found.unwrap_or("none")
    )
    .into())
}

/// The recovery points of a table in one vault, in whatever state, and why they are not all: what was read before a failure is
/// right.
///
/// API: backup:ListRecoveryPointsByBackupVault, paged by 1,000. Calls: 1 for each page. Errors: AWS's refusal, or rows without
/// ARN, state or date.
pub(crate) async fn points_in(
    target: &Target,
    vault_name: &str,
    table_arn: &str,
) -> (Vec<RecoveryPointByBackupVault>, Result<(), Failure>) {
    points(target, vault_name, Some(table_arn)).await
}

/// The recovery points in one vault, of a table or of everything.
///
/// API, calls and errors: as [`points_in`].
async fn points(
    target: &Target,
    vault_name: &str,
    table_arn: Option<&str>,
) -> (Vec<RecoveryPointByBackupVault>, Result<(), Failure>) {
    let send = |token| {
        let list = target.backup.list_recovery_points_by_backup_vault();
        list.backup_vault_name(vault_name)
            .set_by_resource_arn(table_arn.map(str::to_owned))
            .max_results(1000)
            .set_next_token(token)
            .send()
    };
    fn page(page: &ListRecoveryPointsByBackupVaultOutput) -> Page<'_, RecoveryPointByBackupVault> {
        (page.recovery_points.as_ref(), page.next_token())
    }
    let mut points = Vec::new();
    let take = |listed: &[RecoveryPointByBackupVault]| {
        let is_placed = |point: &&RecoveryPointByBackupVault| {
            point.recovery_point_arn().is_some() && point.status().is_some() && created(point).is_some()
        };
        points.extend(listed.iter().filter(is_placed).cloned());
        Ok::<_, Failure>(listed.iter().filter(|point| !is_placed(point)).count())
    };
    let read = target.caller.list(LIST_POINTS, vault_name, send, page, take).await;
    (points, read)
}

/// What stands beside a point of a table.
pub(crate) struct Beside {
    /// The point itself is still there.
    pub(crate) is_there: bool,
    /// Other usable points of this incarnation that were seen in the vaults of the target.
    pub(crate) usable: usize,
    /// A vault that could not be read, and why.
    pub(crate) unread: Option<String>,
}

impl Beside {
    /// May the point be deleted, without the table being left with none that can be restored, or was that said of this table?
    ///
    /// Errors: why not, in words.
    pub(crate) fn check(&self, table_arn: &str, point_arn: &str, undoing: &Undoing<'_>) -> Result<(), String> {
        let (point, table) = (one_line(point_arn), name_of(table_arn));
        if self.usable > 0 || undoing.last_points_of.contains(table) {
            return Ok(());
        }
        let why = match &self.unread {
            None => format!("{point} is the last usable recovery point of the table"),
            Some(why) => {
                format!("whether {point} is the last usable recovery point of the table cannot be told: {why}")
            }
        };
        Err(format!(
            "{why}; `--last-point-of {}` gives it up all the same",
            one_line(table)
        ))
    }
}

/// Looks for points of a table beside one, in every vault of the target.
///
/// API: dynamodb:DescribeTable, backup:ListBackupVaults, backup:ListRecoveryPointsByBackupVault. Calls: 2, and 1 for each vault.
/// Errors: AWS's refusal; a vault that cannot be read is told.
pub(crate) async fn beside(target: &Target, table_arn: &str, point_arn: &str) -> Result<Beside, Failure> {
    let name = name_of(table_arn);
    let send = || target.dynamodb.describe_table().table_name(name).send();
    // Points of an earlier table of the name hold none of this one's data. Of a table that is gone, every point counts.
    let born = match target.caller.once(DESCRIBE_TABLE, name, send).await {
        Ok(answer) => answer.table.and_then(|table| instant(table.creation_date_time())),
        Err(failure) if failure.kind == FailureKind::Absent => None,
        Err(failure) => return Err(failure),
    };
    let mut found = Beside {
        is_there: false,
        usable: 0,
        unread: None,
    };
    for vault in vaults(target).await? {
        let vault = vault.backup_vault_name().unwrap_or_default();
        let (points, read) = points_in(target, vault, table_arn).await;
        if let Err(failure) = read {
            let why = || format!("vault `{}`: {}", one_line(vault), failure.why());
            found.unread.get_or_insert_with(why);
        }
        for point in &points {
            let is_of_this = born.is_none_or(|born| created(point).is_some_and(|at| at >= born));
            match point.recovery_point_arn() == Some(point_arn) {
                true => found.is_there = !is_going(point),
                false => found.usable += usize::from(is_usable(point) && is_of_this),
            }
        }
    }
    Ok(found)
}

/// Deletes a point, and looks whether it is gone: with a role that may not delete it, the call succeeds and the point stays.
///
/// API: backup:DeleteRecoveryPoint, backup:ListRecoveryPointsByBackupVault. Calls: 2. Errors: AWS's refusal, as for a point that
/// a lock or a legal hold keeps.
pub(crate) async fn delete_point(
    target: &Target,
    vault_name: &str,
    table_arn: &str,
    point_arn: &str,
) -> Result<Undone, Failure> {
    let send = || {
        let delete = target.backup.delete_recovery_point();
        delete
            .backup_vault_name(vault_name)
            .recovery_point_arn(point_arn)
            .send()
    };
    target.caller.once(DELETE_POINT, point_arn, send).await?;
    let (points, read) = points_in(target, vault_name, table_arn).await;
    read?;
    let left = points
        .iter()
        .find(|point| point.recovery_point_arn() == Some(point_arn));
    let status = left.and_then(|point| point.status()).map(|status| status.as_str());
    Ok(match status.filter(|status| *status != "DELETING") {
        None => Undone::Back(format!("{} is deleted", one_line(point_arn))),
        Some(status) => Undone::Left(format!(
            "{} is {}: AWS Backup could not delete it; mend the role that made it, then delete it by hand",
            one_line(point_arn),
            one_line(status)
        )),
    })
}

/// What became of the recovery points of a plan.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    /// Points that are deleted.
    pub(crate) gone: usize,
    /// Why each of the others stays.
    pub(crate) kept: Vec<String>,
}

/// Deletes what a plan has made in the vaults of a Region, the oldest first, unless a table would be left with none that can be
/// restored where it lives.
///
/// API: backup:ListBackupVaults, backup:ListRecoveryPointsByBackupVault, dynamodb:DescribeTable, backup:DeleteRecoveryPoint.
/// Calls: 1 for each vault, and 4 or more for each point. Errors: AWS's refusal to list; what it does not delete is told.
pub(crate) async fn sweep(
    home: &Target,
    there: &Target,
    plan_id: &str,
    undoing: &Undoing<'_>,
    swept: &mut Swept,
) -> Result<(), Failure> {
    for vault in vaults(there).await? {
        let vault = vault.backup_vault_name().unwrap_or_default();
        let (mut found, read) = points(there, vault, None).await;
        read?;
        found.retain(|point| {
            let made_by = point.created_by().and_then(|made_by| made_by.backup_plan_id());
            made_by == Some(plan_id) && !is_going(point)
        });
        found.sort_by_key(created);
        for point in &found {
            let (Some(arn), Some(table)) = (point.recovery_point_arn(), point.resource_arn()) else {
                let words = format!(
                    "a recovery point in vault `{}` has no ARN, or no table",
                    one_line(vault)
                );
                swept.kept.push(words);
                continue;
            };
            let why = match beside(home, table, arn).await?.check(table, arn, undoing) {
                Err(why) => why,
                Ok(()) => match delete_point(there, vault, table, arn).await {
                    Ok(Undone::Back(_)) => {
                        swept.gone += 1;
                        continue;
                    }
                    Ok(Undone::Left(why)) => why,
                    Err(failure) => format!("{}: {}", one_line(arn), failure.why()),
                },
            };
            swept.kept.push(why);
        }
    }
    Ok(())
}

/// Does a vault hold nothing but points that are being deleted?
///
/// API: backup:ListRecoveryPointsByBackupVault. Calls: 1. Errors: AWS's refusal.
pub(crate) async fn is_emptying(target: &Target, vault_name: &str) -> Result<bool, Failure> {
    let (found, read) = points(target, vault_name, None).await;
    read?;
    Ok(found.iter().all(is_going))
}

/// Is it being deleted?
fn is_going(point: &RecoveryPointByBackupVault) -> bool {
    point.status().is_some_and(|status| status.as_str() == "DELETING")
}

/// The account, Region and name in a vault's ARN.
pub(crate) fn vault_of(arn: &str) -> Option<(TargetId, &str)> {
    let parts: Vec<&str> = arn.splitn(7, ':').collect();
    match parts[..] {
        ["arn", _, "backup", region, account, "backup-vault", name] if !name.is_empty() => {
            Some((TargetId::new(account.to_owned(), region.to_owned()), name))
        }
        _ => None,
    }
}

/// Every vault of the target that holds points of its own, by name.
///
/// API: backup:ListBackupVaults, paged by 1,000. Calls: 1 for each page. Errors: AWS's refusal, or a vault without a name.
pub(crate) async fn vaults(target: &Target) -> Result<Vec<BackupVaultListMember>, Failure> {
    let send = |token| {
        let list = target.backup.list_backup_vaults();
        list.max_results(1000).set_next_token(token).send()
    };
    fn page(page: &ListBackupVaultsOutput) -> Page<'_, BackupVaultListMember> {
        (page.backup_vault_list.as_ref(), page.next_token())
    }
    let mut vaults = Vec::new();
    let take = |listed: &[BackupVaultListMember]| {
        let named = |vault: &&BackupVaultListMember| vault.backup_vault_name().is_some();
        // A restore-access vault is a view of another vault.
        let own = listed.iter().filter(named).filter(|vault| {
            let kind = vault.vault_type().map(|kind| kind.as_str());
            kind != Some("RESTORE_ACCESS_BACKUP_VAULT")
        });
        vaults.extend(own.cloned());
        Ok::<_, Failure>(listed.iter().filter(|vault| !named(vault)).count())
    };
    target.caller.list(LIST_VAULTS, "", send, page, take).await?;
    Ok(vaults)
}

/// The date of a point's data.
pub(crate) fn created(point: &RecoveryPointByBackupVault) -> Option<DateTime<Utc>> {
    instant(point.creation_date())
}

/// Can it be restored, and is it to live on? One that goes once it is copied is not.
pub(crate) fn is_usable(point: &RecoveryPointByBackupVault) -> bool {
    let status = point.status().map(|status| status.as_str());
    let is_temporary = point
        .lifecycle()
        .is_some_and(|lifecycle| lifecycle.delete_after_event().is_some());
    matches!(status, Some("COMPLETED" | "AVAILABLE")) && !is_temporary
}
