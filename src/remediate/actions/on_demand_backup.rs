//! One on-demand backup job of one table.
//!
//! Idempotent by its token: AWS Backup starts one job for each, however often it is asked.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_backup::types::{Lifecycle, RecoveryPointByBackupVault};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ground::{
    DELETE_POINT, DESCRIBE_TABLE, LIST_POINTS, LIST_VAULTS, beside, created, delete_point, described, is_usable, points_in,
    table_id, text,
};
use super::{Act, Deed, Doing, Done, Kind, MADE_BY, Now, Obstacle, Quantities, Resource, Sign, Standing, Thing, Undoing, Undone, check_table, token};
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::collect::instant;
use crate::criteria::values::RETENTION_MIN_DAYS;
use crate::dictionary::TableFacts;
use crate::domain::{Arn, Demand, Demands, FactValue, Finding, TargetId, Verdict, rfc3339};
use crate::inventory::schema::{RecoveryPoint, RegionSetting, Vault};
use crate::problem::Outcome;
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;
use crate::report::{Report, TableRow};
use crate::settings::{DEFAULT_VAULT, check_lifecycle};
use crate::text::one_line;

const START: &str = "backup:StartBackupJob";
const LOOK: &str = "backup:DescribeBackupJob";

/// Vaults of a target that are tried for a table, at most: each takes a judgement of everything.
const MOST_VAULTS: usize = 8;

/// One on-demand backup job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnDemandBackup {
    /// The table: name, account and Region are those of its ARN, and stand nowhere else.
    pub table_arn: String,
    /// The incarnation that was judged; the action is not done on another. `None`: a table older than table ids.
    pub table_id: Option<String>,
    /// The vault that takes the recovery point.
    pub vault_name: String,
    /// The role AWS Backup assumes.
    pub role_arn: String,
    /// Days until cold storage; none: stays warm.
    pub cold_after_days: Option<i64>,
    /// Days until deletion.
    pub delete_after_days: i64,
    /// The instant of the scan: with a point that was made since, there is nothing left to do.
    pub judged_at: DateTime<Utc>,
    /// Size of the table, which every DynamoDB backup copies whole. `None`: not known.
    pub table_size_bytes: Option<i64>,
}

/// AWS Backup's default service role of an account.
pub(crate) fn default_role(partition: &str, account_id: &str) -> String {
    format!("arn:{partition}:iam::{account_id}:role/service-role/AWSBackupDefaultServiceRole")
}

/// What is to be backed up: a table, and its findings.
struct Wanted {
    table: TableRow,
    findings: Vec<Finding>,
    /// Vaults that may take it, the best first.
    vaults: Vec<Vault>,
}

/// One backup for each table: into the vault that the settings name, else into the first whose recovery point the rules find
/// good, `Default` before the others.
fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let vaults = planner.world.rows::<Vault>()?.to_vec();
    for finding in planner.open(&OnDemandBackup::KIND) {
        if let Some(place) = places.get(&finding.resource_arn) {
            wanted[*place].findings.push(finding);
            continue;
        }
        let Some(table) = planner.table(&finding.resource_arn).cloned() else {
            let why = format!("an on-demand backup is of a table, and this is a {}", finding.subject);
            planner.block(&finding, why);
            continue;
        };
        match candidates(&table, &vaults, planner) {
            Ok(vaults) => {
                places.insert(finding.resource_arn.clone(), wanted.len());
                wanted.push(Wanted {
                    table,
                    findings: vec![finding],
                    vaults,
                });
            }
            Err(why) => planner.block(&finding, why),
        }
    }
    let mut reasons: BTreeMap<String, String> = BTreeMap::new();
    for round in 0..MOST_VAULTS {
        let tries: Vec<(usize, TargetId, OnDemandBackup)> = wanted
            .iter()
            .enumerate()
            .filter_map(|(place, wanted)| {
                let vault = wanted.vaults.get(round)?;
                match OnDemandBackup::of(&wanted.table, vault, planner) {
                    Ok(deed) => Some((place, wanted.table.target.clone(), deed)),
                    Err(why) => {
                        reasons.entry(wanted.table.table_arn.clone()).or_insert(why);
                        None
                    }
                }
            })
            .collect();
        if tries.is_empty() {
            continue;
        }
        let deeds: Vec<(TargetId, Deed)> = tries
            .iter()
            .map(|(_, at, deed)| (at.clone(), Deed::OnDemandBackup(deed.clone())))
            .collect();
        let after = planner.if_done(&deeds)?;
        let mut settled = BTreeSet::new();
        for (place, at, deed) in tries {
            let Wanted { table, findings, .. } = &wanted[place];
            match still(&after, findings, is_in_grace(&wanted[place].vaults[round], planner.world.as_of())) {
                None => {
                    let findings: Vec<&Finding> = findings.iter().collect();
                    planner.add(&at, Deed::OnDemandBackup(deed), &findings[0].message, &findings);
                    settled.insert(place);
                }
                Some(why) => {
                    let why = format!("a backup into vault `{}` would not help: {why}", deed.vault_name);
                    reasons.entry(table.table_arn.clone()).or_insert(why);
                }
            }
        }
        for place in settled {
            wanted[place].vaults.clear();
            wanted[place].findings.clear();
        }
    }
    for Wanted { table, findings, .. } in &wanted {
        for finding in findings {
            let why = reasons.get(&table.table_arn);
            planner.block(finding, why.map_or("no vault here takes recovery points", String::as_str));
        }
    }
    Ok(())
}

/// Will its compliance lock be final in time by itself?
fn is_in_grace(vault: &Vault, as_of: DateTime<Utc>) -> bool {
    vault.locked == Some(true) && vault.lock_date.is_some_and(|date| date > as_of)
}

/// What one of these findings would still say; none: all would be good, or lack nothing but the end of the lock's grace period.
fn still(after: &Report, findings: &[Finding], is_in_grace: bool) -> Option<String> {
    let lacks_only_time = |finding: &&Finding| {
        let mut failing = finding.failing.iter();
        is_in_grace && failing.any(|demands| *demands == Demands::of(&[Demand::Locked]))
    };
    let ids: BTreeSet<&str> = findings.iter().map(|finding| &*finding.id).collect();
    let of_table = after.findings.iter().filter(|finding| ids.contains(&*finding.id));
    let bad = of_table.filter(|finding| !matches!(finding.verdict, Verdict::Compliant | Verdict::NotApplicable));
    let mut bad = bad.filter(|finding| !lacks_only_time(finding));
    bad.next().map(|finding| finding.message.to_string())
}

/// The vaults of the table's account and Region that may take a recovery point.
///
/// Errors: the one that the settings name does not exist.
fn candidates(table: &TableRow, vaults: &[Vault], planner: &Planner<'_>) -> Result<Vec<Vault>, String> {
    let at = &table.target;
    let here = vaults.iter().filter(|vault| vault.account_id == at.account_id && vault.region == at.region);
    // A logically air-gapped vault takes none by a job of its own, and a view of another account's vault takes none at all.
    let mut here: Vec<Vault> = here
        .filter(|vault| vault.vault_type.as_deref().is_none_or(|kind| kind == "BACKUP_VAULT"))
        // AWS's own, for one service.
        .filter(|vault| !vault.vault_name.starts_with("aws/"))
        .cloned()
        .collect();
    if let Some(name) = &planner.settings.vault {
        here.retain(|vault| vault.vault_name == *name);
        if here.is_empty() {
            return Err(format!("vault `{name}` does not exist in account {}, {}", at.account_id, at.region));
        }
    }
    here.sort_by_key(|vault| (vault.vault_name != DEFAULT_VAULT, vault.vault_name.clone()));
    Ok(here)
}

impl OnDemandBackup {
    fn of(table: &TableRow, vault: &Vault, planner: &Planner<'_>) -> Result<Self, String> {
        let (target, settings) = (&table.target, planner.settings);
        let delete_after_days = match (settings.delete_after_days, table.fact(RETENTION_MIN_DAYS)) {
            (Some(days), _) => days,
            // What the lock asks for, where that is more.
            (None, FactValue::Int(days)) => (*days).max(vault.min_retention_days.unwrap_or(0)),
            _ => return Err("not known which tier of the policy applies, and so what retention".to_owned()),
        };
        check_bounds(vault, delete_after_days)?;
        // Without advanced features there is no cold storage for DynamoDB.
        let has_cold = *table.fact(TableFacts::advanced_features_on) == FactValue::Bool(true);
        let partition = text(table, TableFacts::partition).unwrap_or_else(|| "aws".to_owned());
        Ok(Self {
            table_arn: table.table_arn.clone(),
            table_id: table_id(table),
            vault_name: vault.vault_name.clone(),
            role_arn: settings
                .role_arn
                .clone()
                .unwrap_or_else(|| default_role(&partition, &target.account_id)),
            cold_after_days: settings.cold_after_days.filter(|_| has_cold),
            delete_after_days,
            judged_at: planner.world.as_of(),
            table_size_bytes: match table.fact(TableFacts::table_size_bytes) {
                FactValue::Int(bytes) => Some(*bytes),
                _ => None,
            },
        })
    }

    /// The name in the table's ARN.
    fn table_name(&self) -> &str {
        Arn::parse(&self.table_arn)
            .and_then(|arn| arn.table_name())
            .unwrap_or_default()
    }

    /// The end of the ARN of the point that stands for what is to be made, in the evidence as it would be.
    pub(super) fn stands_for(&self) -> String {
        token(&[&self.table_arn, &self.vault_name])
    }

    /// How long the recovery point is kept, in words.
    pub(crate) fn lifecycle(&self) -> String {
        let cold = self.cold_after_days.map(|days| format!("cold after {days} days, "));
        format!(
            "{}deleted after {} days",
            cold.unwrap_or_default(),
            self.delete_after_days
        )
    }
}

impl Act for OnDemandBackup {
    const KIND: Kind = Kind {
        id: "backup-now",
        sign: Sign::Create,
        answers: &[
            "backed-up",
            "not-only-pitr",
            "recovery-point-fresh",
            "recovery-point-of-this-table",
        ],
        frames: &["region_settings", "tables", "vaults"],
        // To start a job with tags is to tag, and to name its role is to pass it on.
        doing: &[START, LOOK, "backup:TagResource", "iam:PassRole"],
        checking: &[DESCRIBE_TABLE, LIST_POINTS],
        propose,
    };
    const BEGINS_JOB: bool = true;
    const UNDOING: &'static [&'static str] = &[LOOK, DESCRIBE_TABLE, LIST_VAULTS, LIST_POINTS, DELETE_POINT];

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "table",
            id: self.table_arn.as_str().into(),
            name: self.table_name().into(),
        }
    }

    fn describe(&self) -> String {
        format!("backup into vault {}, {}", one_line(&self.vault_name), self.lifecycle())
    }

    fn needs(&self, at: &TargetId) -> Vec<Thing> {
        let account = TargetId::new(at.account_id.clone(), String::new());
        vec![
            Thing::new(&account, "role", self.role_arn.clone()),
            Thing::new(at, "opt-in", ""),
            Thing::new(at, "vault", self.vault_name.clone()),
        ]
    }

    fn gives(&self, at: &TargetId) -> Vec<Thing> {
        vec![Thing::new(at, "recovery-point", self.table_arn.clone())]
    }

    fn simulate(&self, at: &TargetId, world: &mut World) -> Outcome<()> {
        let as_of = world.as_of();
        let is_here = |account: &str, region: &str| account == at.account_id && region == at.region;
        let settings = world.rows::<RegionSetting>()?.iter();
        let has_advanced = settings.clone().any(|row| {
            is_here(&row.account_id, &row.region) && row.dynamodb_opt_in == Some(true) && row.dynamodb_advanced == Some(true)
        });
        let vault = world.rows::<Vault>()?.iter();
        let vault = vault
            .clone()
            .find(|vault| is_here(&vault.account_id, &vault.region) && vault.vault_name == self.vault_name);
        let key_arn = vault.and_then(|vault| vault.key_arn.clone()).filter(|_| has_advanced);
        let id = self.stands_for();
        let partition = Arn::parse(&self.table_arn).map_or("aws", |arn| arn.partition);
        world.add(RecoveryPoint {
            account_id: at.account_id.clone(),
            region: at.region.clone(),
            vault_name: self.vault_name.clone(),
            recovery_point_arn: match has_advanced {
                true => format!("arn:{partition}:backup:{}:{}:recovery-point:{id}", at.region, at.account_id),
                false => format!("{}/backup/{id}", self.table_arn),
            },
            resource_arn: Some(self.table_arn.clone()),
            status: Some("COMPLETED".to_owned()),
            created_at: Some(as_of),
            started_at: Some(as_of),
            completed_at: Some(as_of),
            last_restored_at: None,
            cold_after_days: self.cold_after_days,
            delete_after_days: Some(self.delete_after_days),
            delete_after_event: None,
            cold_at: self.cold_after_days.map(|days| as_of + TimeDelta::days(days)),
            delete_at: Some(as_of + TimeDelta::days(self.delete_after_days)),
            is_encrypted: Some(true),
            key_arn,
            key_type: None,
            source_vault_arn: None,
            created_by_plan_id: None,
            created_by_rule_id: None,
            size_bytes: self.table_size_bytes,
        })
    }

    fn quantities(&self) -> Quantities {
        let Some(bytes) = self.table_size_bytes else {
            return Quantities {
                is_unknown: true,
                ..Quantities::default()
            };
        };
        let warm = self.cold_after_days.unwrap_or(self.delete_after_days);
        Quantities {
            warm: Some((bytes, warm)),
            cold: self.cold_after_days.map(|days| (bytes, self.delete_after_days - days)),
            ..Quantities::default()
        }
    }

    fn inverse(&self) -> Undone {
        Undone::Back("the recovery point is deleted, unless it is the table's last usable one".to_owned())
    }

    fn check_values(&self, at: &TargetId) -> Result<(), String> {
        check_table(&self.table_arn, at)?;
        check_lifecycle(self.cold_after_days, Some(self.delete_after_days))
    }

    /// Is the table still the one that was judged, and still without a point in the vault that was made since?
    ///
    /// API: dynamodb:DescribeTable, backup:ListRecoveryPointsByBackupVault. Calls: 2. Errors: AWS's refusal, or another table of
    /// the same name.
    async fn look(&self, target: &Target, _id: &str) -> Result<Now, Obstacle> {
        described(target, &self.table_arn, self.table_id.as_deref()).await?;
        let (points, read) = points_in(target, &self.vault_name, &self.table_arn).await;
        let is_new = |point: &&RecoveryPointByBackupVault| {
            is_usable(point) && created(point).is_some_and(|at| at >= self.judged_at)
        };
        if let Some(arn) = points.iter().find(is_new).and_then(|point| point.recovery_point_arn()) {
            return Ok(Now::Already {
                how: format!("{} was made since the scan", one_line(arn)),
                made: Some(arn.to_owned()),
            });
        }
        read?;
        Ok(Now::ToDo(Value::Null))
    }

    /// API: backup:StartBackupJob (and iam:PassRole, backup:TagResource). Calls: 1. Errors: AWS's refusal.
    async fn act(&self, target: &Target, doing: &Doing<'_>) -> Result<Done, Failure> {
        let lifecycle = Lifecycle::builder()
            .set_move_to_cold_storage_after_days(self.cold_after_days)
            .delete_after_days(self.delete_after_days)
            .build();
        let send = || {
            target
                .backup
                .start_backup_job()
                .backup_vault_name(&self.vault_name)
                .resource_arn(&self.table_arn)
                .iam_role_arn(&self.role_arn)
                .idempotency_token(doing.token())
                .start_window_minutes(60)
                .lifecycle(lifecycle.clone())
                .recovery_point_tags("created-by", "backproof")
                .recovery_point_tags(MADE_BY, doing.id)
                .send()
        };
        let answer = target.caller.once(START, &self.table_arn, send).await?;
        // Without an id the job cannot be followed; asked again with the same token, AWS names the one that it began.
        let job_id = answer.backup_job_id().filter(|id| !id.is_empty());
        let why = "the answer names no job; whether one was begun is not known";
        let job = job_id.map(str::to_owned).ok_or_else(|| Failure::broken(why, None))?;
        Ok(Done {
            job: Some(job),
            made: None,
        })
    }

    /// Is it a job of this table, begun since then? Its vault may be another than was asked for.
    ///
    /// API: backup:DescribeBackupJob. Calls: 1. Errors: AWS's refusal, or a job of something else or of before.
    async fn check_job(&self, target: &Target, job_id: &str, since: DateTime<Utc>) -> Result<(), String> {
        let send = || target.backup.describe_backup_job().backup_job_id(job_id).send();
        let answer = target.caller.once(LOOK, job_id, send).await;
        let answer = answer.map_err(|failure| failure.why())?;
        let (Some(arn), Some(at)) = (answer.resource_arn(), instant(answer.creation_date())) else {
            return Err(format!(
                "the answer to {LOOK} does not say of what the job is, or of when"
            ));
        };
        if arn != self.table_arn {
            return Err(format!("it is a job of `{}`", one_line(arn)));
        }
        if at < since {
            return Err(format!("it began at {}, before the plan's scan", rfc3339(at)));
        }
        Ok(())
    }

    /// API: backup:DescribeBackupJob. Calls: 1. Errors: unknown.
    async fn job(&self, target: &Target, job_id: &str) -> Standing {
        let send = || target.backup.describe_backup_job().backup_job_id(job_id).send();
        let (state, message, category) = match target.caller.once(LOOK, job_id, send).await {
            Ok(answer) => (
                answer.state().map_or("UNKNOWN", |state| state.as_str()).to_owned(),
                answer.status_message().unwrap_or_default().to_owned(),
                answer.message_category().unwrap_or_default().to_owned(),
            ),
            Err(failure) => ("UNKNOWN".to_owned(), failure.told(), String::new()),
        };
        let is_success = state == "COMPLETED";
        // What the console calls "completed with issues": there is a recovery point, perhaps in another vault than was asked for.
        let has_issues = is_success && !matches!(category.as_str(), "" | "SUCCESS");
        let message = match (has_issues, message.is_empty()) {
            (false, _) => message,
            (true, true) => format!("with issues ({category})"),
            (true, false) => format!("with issues ({category}): {message}"),
        };
        Standing {
            is_over: matches!(
                state.as_str(),
                "COMPLETED" | "FAILED" | "ABORTED" | "EXPIRED" | "PARTIAL"
            ),
            is_success,
            has_issues,
            state,
            message,
        }
    }

    /// Compliant: a usable recovery point made since then lies in the vault, encrypted or native.
    ///
    /// API: backup:ListRecoveryPointsByBackupVault, paged by 1,000. Calls: 1 for each page. Errors: unknown.
    async fn verify(&self, target: &Target, since: DateTime<Utc>) -> (Verdict, String) {
        let (points, read) = points_in(target, &self.vault_name, &self.table_arn).await;
        let (mut newest, mut unfinished) = (None, 0);
        for point in &points {
            let (Some(at), Some(arn)) = (created(point), point.recovery_point_arn()) else {
                continue;
            };
            match is_usable(point) {
                _ if at < since => {}
                true => newest = newest.take().max(Some((at, arn))),
                false => unfinished += 1,
            }
        }
        // A usable point proves itself, whatever else could not be read.
        if let (Err(failure), None) = (read, &newest) {
            return (Verdict::Unknown, failure.told());
        }
        match (newest, unfinished) {
            (Some((at, arn)), _) => (Verdict::Compliant, format!("{arn} of {}", rfc3339(at))),
            (None, 0) => (
                Verdict::NonCompliant,
                format!("no recovery point since {}", rfc3339(since)),
            ),
            (None, _) => (
                Verdict::NonCompliant,
                "a recovery point is being made, and is not usable yet".to_owned(),
            ),
        }
    }

    /// Deletes what its job made, unless that is the last point of the table that can be restored, as far as can be seen.
    ///
    /// API: backup:DescribeBackupJob, dynamodb:DescribeTable, backup:ListBackupVaults, backup:ListRecoveryPointsByBackupVault,
    /// backup:DeleteRecoveryPoint. Calls: 5, and 1 for each further vault.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let done = undoing.done;
        let Some(job_id) = &done.job else {
            // A run that ended between call and journal may have begun one all the same.
            let why = "the journal names no job of it, and one may have been begun: apply the plan again, then undo";
            return Ok(Undone::Left(why.to_owned()));
        };
        let send = || target.backup.describe_backup_job().backup_job_id(job_id).send();
        let job = match target.caller.once(LOOK, job_id, send).await {
            Ok(job) => job,
            Err(failure) if failure.kind == FailureKind::Absent => {
                let why = "AWS Backup no longer knows its job, and so not which recovery point it made";
                return Ok(Undone::Left(why.to_owned()));
            }
            Err(failure) => return Err(failure),
        };
        if job.resource_arn() != Some(&self.table_arn) {
            return Ok(Undone::Left("its job is not one of this table".to_owned()));
        }
        let state = job.state().map_or("UNKNOWN", |state| state.as_str());
        let (vault_name, point_arn) = match (state, job.backup_vault_name(), job.recovery_point_arn()) {
            ("COMPLETED", Some(vault), Some(arn)) => (vault, arn),
            ("FAILED" | "ABORTED" | "EXPIRED", ..) => {
                return Ok(Undone::Back("its job made no recovery point".to_owned()));
            }
            ("COMPLETED", ..) => {
                let why = format!("the answer to {LOOK} does not say which recovery point its job made");
                return Ok(Undone::Left(why));
            }
            _ => return Ok(Undone::Left(format!("its job is {state}: wait until it has ended"))),
        };
        let beside = beside(target, &self.table_arn, point_arn).await?;
        match (beside.is_there, &beside.unread) {
            (true, _) => {}
            (false, None) => return Ok(Undone::Back("its recovery point is gone already".to_owned())),
            (false, Some(why)) => return Ok(Undone::Left(format!("its recovery point was not found: {why}"))),
        }
        if let Err(why) = beside.check(&self.table_arn, point_arn, undoing) {
            return Ok(Undone::Left(why));
        }
        delete_point(target, vault_name, &self.table_arn, point_arn).await
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        let cold = self.cold_after_days.map(|days| format!("MoveToColdStorageAfterDays={days},"));
        vec![format!(
            "aws backup start-backup-job --region {} --backup-vault-name {} --resource-arn {} --iam-role-arn {} \
             --start-window-minutes 60 --lifecycle {}DeleteAfterDays={}",
            at.region,
            quoted(&self.vault_name),
            quoted(&self.table_arn),
            quoted(&self.role_arn),
            cold.unwrap_or_default(),
            self.delete_after_days
        )]
    }
}

/// A job with a lifecycle that the vault's lock forbids would only fail.
pub(super) fn check_bounds(vault: &Vault, delete_after_days: i64) -> Result<(), String> {
    let name = one_line(&vault.vault_name);
    let minimum = vault.min_retention_days.filter(|minimum| delete_after_days < *minimum);
    let maximum = vault.max_retention_days.filter(|maximum| delete_after_days > *maximum);
    match (minimum, maximum) {
        (Some(minimum), _) => Err(format!(
            "the lock of vault `{name}` asks for at least {minimum} days, not {delete_after_days}"
        )),
        (_, Some(maximum)) => Err(format!(
            "the lock of vault `{name}` allows at most {maximum} days, not {delete_after_days}"
        )),
        _ => Ok(()),
    }
}

/// The names of a target's tables, to suggest one; none where they may not be listed.
///
/// API: dynamodb:ListTables, its first page of 100. Calls: 1. Errors: none; there is no suggestion then.
pub(crate) async fn table_names(target: &Target) -> Vec<String> {
    let send = || target.dynamodb.list_tables().send();
    let listed = target.caller.once("dynamodb:ListTables", "", send).await;
    listed
        .map(|page| page.table_names.unwrap_or_default())
        .unwrap_or_default()
}
