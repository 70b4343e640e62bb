//! One on-demand backup job of one table.
//!
//! Idempotent by its token: AWS Backup starts one job for each, however often it is asked.

use std::collections::BTreeMap;

use aws_sdk_backup::operation::list_recovery_points_by_backup_vault::ListRecoveryPointsByBackupVaultOutput;
use aws_sdk_backup::types::{Lifecycle, RecoveryPointByBackupVault};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Action, Kind, Propose, Resource, Standing, token};
use crate::aws::call::Page;
use crate::aws::failure::Failure;
use crate::aws::target::Target;
use crate::collect::instant;
use crate::criteria::values::RETENTION_MIN_DAYS;
use crate::dictionary::{FactKey, TableFacts};
use crate::domain::{Arn, FactValue, Finding, Subject, TargetId, Verdict, rfc3339};
use crate::inventory::schema::Vault;
use crate::problem::Outcome;
use crate::remediate::known::Known;
use crate::report::TableRow;
use crate::settings::{Remediation, check_lifecycle};
use crate::text::one_line;

const START: &str = "backup:StartBackupJob";
const LOOK: &str = "backup:DescribeBackupJob";
const DESCRIBE_TABLE: &str = "dynamodb:DescribeTable";
const LIST_POINTS: &str = "backup:ListRecoveryPointsByBackupVault";

/// One on-demand backup job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnDemandBackup {
    /// Why: the finding's message.
    pub reason: String,
    /// The table: name, account and Region are those of its ARN, and stand nowhere else.
    pub table_arn: String,
    /// The incarnation that was judged; the action is not done on another. `None`: a table older than table ids.
    pub table_id: Option<String>,
    /// The vault that takes the recovery point.
    pub vault: String,
    /// The role AWS Backup assumes.
    pub role_arn: String,
    /// Days until cold storage; none: stays warm.
    pub cold_after_days: Option<i64>,
    /// Days until deletion.
    pub delete_after_days: i64,
    /// AWS Backup starts one job for each token, however often it is asked.
    pub idempotency_token: String,
    /// Size of the table, which every DynamoDB backup copies whole. `None`: not known.
    pub table_size_bytes: Option<i64>,
}

/// AWS Backup's default service role of an account.
pub(crate) fn default_role(partition: &str, account_id: &str) -> String {
    format!("arn:{partition}:iam::{account_id}:role/service-role/AWSBackupDefaultServiceRole")
}

/// The vaults of each target; `None` where they could not be listed.
type Vaults = BTreeMap<TargetId, Option<Vec<Vault>>>;

fn propose<'k>(known: &'k Known<'k>) -> Outcome<Propose<'k>> {
    let vaults = vaults(known)?;
    Ok(Box::new(move |finding| {
        let Some(table) = known.table(&finding.resource_arn) else {
            return Err(format!(
                "an on-demand backup is of a table, and this is a {}",
                finding.subject
            ));
        };
        let vaults = vaults.get(&table.target).and_then(Option::as_deref);
        OnDemandBackup::of(finding, table, vaults, known).map(Action::OnDemandBackup)
    }))
}

fn vaults(known: &Known<'_>) -> Outcome<Vaults> {
    let mut vaults = Vaults::new();
    for target in known.reading.targets.keys() {
        let is_whole = known.reading.is_whole(target, "backup:ListBackupVaults", "");
        vaults.insert(target.clone(), is_whole.then(Vec::new));
    }
    for vault in known.inventory.read::<Vault>()? {
        let target = TargetId::new(vault.account_id.clone(), vault.region.clone());
        if let Some(Some(list)) = vaults.get_mut(&target) {
            list.push(vault);
        }
    }
    Ok(vaults)
}

impl OnDemandBackup {
    /// Answers rules that want a recovery point soon.
    pub(crate) const KIND: Kind = Kind {
        id: "backup-now",
        noun: "on-demand backup",
        frames: &["region_settings", "tables", "vaults"],
        // To start a job with tags is to tag, and to name its role is to pass it on.
        doing: &[START, LOOK, "backup:TagResource", "iam:PassRole"],
        checking: &[DESCRIBE_TABLE, LIST_POINTS],
        propose,
    };

    fn of(finding: &Finding, table: &TableRow, vaults: Option<&[Vault]>, known: &Known<'_>) -> Result<Self, String> {
        let (target, settings): (_, &Remediation) = (&table.target, known.settings);
        let delete_after_days = match (settings.delete_after_days, table.fact(RETENTION_MIN_DAYS)) {
            (Some(days), _) => days,
            (None, FactValue::Int(days)) => *days,
            _ => return Err("not known which tier of the policy applies, and so what retention".to_owned()),
        };
        // Without advanced features there is no cold storage for DynamoDB.
        let has_cold = *table.fact(TableFacts::advanced_features_on) == FactValue::Bool(true);
        if let Some(vaults) = vaults {
            check_vault(vaults, target, &settings.vault, delete_after_days)?;
        }
        let text = |key: FactKey| match table.fact(key) {
            FactValue::Text(text) => Some(text.to_string()),
            _ => None,
        };
        let table_id = text(TableFacts::table_id).filter(|id| id != "none");
        let partition = text(TableFacts::partition).unwrap_or_else(|| "aws".to_owned());
        let role_arn = settings.role_arn.clone();
        let wish = [
            &known.report.scan.id,
            &table.table_arn,
            table_id.as_deref().unwrap_or_default(),
            &settings.vault,
        ];
        Ok(Self {
            reason: finding.message.to_string(),
            table_arn: table.table_arn.clone(),
            vault: settings.vault.clone(),
            role_arn: role_arn.unwrap_or_else(|| default_role(&partition, &target.account_id)),
            cold_after_days: settings.cold_after_days.filter(|_| has_cold),
            delete_after_days,
            idempotency_token: token(&wish),
            table_size_bytes: match table.fact(TableFacts::table_size_bytes) {
                FactValue::Int(bytes) => Some(*bytes),
                _ => None,
            },
            table_id,
        })
    }

    pub(super) fn kind(&self) -> &'static Kind {
        &Self::KIND
    }

    pub(super) fn resource(&self) -> Resource<'_> {
        Resource {
            subject: Subject::Table,
            arn: &self.table_arn,
            name: self.table_name(),
        }
    }

    pub(super) fn target(&self) -> TargetId {
        let arn = Arn::parse(&self.table_arn);
        arn.map_or_else(TargetId::default, |arn| TargetId::new(arn.account_id, arn.region))
    }

    /// The name in the table's ARN.
    fn table_name(&self) -> &str {
        Arn::parse(&self.table_arn)
            .and_then(|arn| arn.table_name())
            .unwrap_or_default()
    }

    pub(super) fn describe(&self) -> String {
        let target = self.target();
        format!(
            "{} in account {}, {}: vault {}, {}",
            one_line(self.table_name()),
            one_line(&target.account_id),
            one_line(&target.region),
            one_line(&self.vault),
            self.lifecycle()
        )
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

    pub(super) fn check_values(&self) -> Result<(), String> {
        let arn = Arn::parse(&self.table_arn).filter(|arn| {
            let is_account = arn.account_id.len() == 12 && arn.account_id.bytes().all(|byte| byte.is_ascii_digit());
            arn.table_name().is_some() && is_account && !arn.region.is_empty()
        });
        if arn.is_none() {
            return Err(format!(
                "`{}` is not the ARN of a DynamoDB table",
                one_line(&self.table_arn)
            ));
        }
        check_lifecycle(self.cold_after_days, Some(self.delete_after_days))
    }

    /// Is the table still the one that was judged?
    ///
    /// API: dynamodb:DescribeTable. Calls: 1. Errors: AWS's refusal, or another table of the same name.
    pub(super) async fn check_drift(&self, target: &Target) -> Result<(), String> {
        let send = || target.dynamodb.describe_table().table_name(self.table_name()).send();
        let answer = target.caller.once(DESCRIBE_TABLE, self.table_name(), send).await;
        let answer = answer.map_err(|failure| failure.why())?;
        // No table in the answer is no table without an id.
        let table = answer
            .table()
            .ok_or_else(|| format!("the answer to {DESCRIBE_TABLE} holds no table"))?;
        let found = table.table_id().map(str::to_owned);
        if found == self.table_id {
            return Ok(());
        }
        let word = |id: &Option<String>| id.clone().unwrap_or_else(|| "none".to_owned());
        Err(format!(
            "the table was deleted and created again (table id {} is now {})",
            word(&self.table_id),
            word(&found)
        ))
    }

    /// API: backup:StartBackupJob (and iam:PassRole, backup:TagResource). Calls: 1. Errors: AWS's refusal.
    pub(super) async fn start(&self, target: &Target) -> Result<String, Failure> {
        let lifecycle = Lifecycle::builder()
            .set_move_to_cold_storage_after_days(self.cold_after_days)
            .delete_after_days(self.delete_after_days)
            .build();
        let send = || {
            target
                .backup
                .start_backup_job()
                .backup_vault_name(&self.vault)
                .resource_arn(&self.table_arn)
                .iam_role_arn(&self.role_arn)
                .idempotency_token(&self.idempotency_token)
                .start_window_minutes(60)
                .lifecycle(lifecycle.clone())
                .recovery_point_tags("created-by", "backproof")
                .send()
        };
        let answer = target.caller.once(START, &self.table_arn, send).await?;
        // Without an id the job cannot be followed; asked again with the same token, AWS names the one that it began.
        let job_id = answer.backup_job_id().filter(|id| !id.is_empty());
        let why = "the answer names no job; whether one was begun is not known";
        job_id.map(str::to_owned).ok_or_else(|| Failure::broken(why, None))
    }

    /// Is it a job of this table, begun since then? Its vault may be another than was asked for.
    ///
    /// API: backup:DescribeBackupJob. Calls: 1. Errors: AWS's refusal, or a job of something else or of before.
    pub(super) async fn check_job(&self, target: &Target, job_id: &str, since: DateTime<Utc>) -> Result<(), String> {
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
    pub(super) async fn look(&self, target: &Target, job_id: &str) -> Standing {
        let send = || target.backup.describe_backup_job().backup_job_id(job_id).send();
        let (state, message, category) = match target.caller.once(LOOK, job_id, send).await {
            Ok(answer) => (
                answer.state().map_or("UNKNOWN", |state| state.as_str()).to_owned(),
                answer.status_message().unwrap_or_default().to_owned(),
                answer.message_category().unwrap_or_default().to_owned(),
            ),
            Err(failure) => ("UNKNOWN".to_owned(), failure.why(), String::new()),
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
    pub(super) async fn verify(&self, target: &Target, since: DateTime<Utc>) -> (Verdict, String) {
        let send = |token| {
            let list = target.backup.list_recovery_points_by_backup_vault();
            list.backup_vault_name(&self.vault)
                .by_resource_arn(&self.table_arn)
                .max_results(1000)
                .set_next_token(token)
                .send()
        };
        fn page(page: &ListRecoveryPointsByBackupVaultOutput) -> Page<'_, RecoveryPointByBackupVault> {
            (page.recovery_points.as_ref(), page.next_token())
        }
        let (mut newest, mut unfinished) = (None, 0);
        let take = |listed: &[RecoveryPointByBackupVault]| {
            let mut unplaced = 0;
            for point in listed {
                let (Some(arn), Some(status), Some(at)) = (
                    point.recovery_point_arn(),
                    point.status(),
                    instant(point.creation_date()),
                ) else {
                    unplaced += 1;
                    continue;
                };
                if at < since {
                    continue;
                }
                match status.as_str() {
                    "COMPLETED" | "AVAILABLE" => newest = newest.take().max(Some((at, arn.to_owned()))),
                    _ => unfinished += 1,
                }
            }
            Ok::<_, Failure>(unplaced)
        };
        let read = target.caller.list(LIST_POINTS, &self.vault, send, page, take).await;
        // A usable point proves itself, whatever else could not be read.
        if let (Err(failure), None) = (read, &newest) {
            return (Verdict::Unknown, failure.why());
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
}

/// A job into a missing vault, or with a lifecycle that the vault's lock forbids, would only fail.
fn check_vault(vaults: &[Vault], target: &TargetId, name: &str, delete_after_days: i64) -> Result<(), String> {
    let Some(vault) = vaults.iter().find(|vault| vault.vault_name == name) else {
        return Err(format!(
            "vault `{name}` does not exist in account {}, {}",
            target.account_id, target.region
        ));
    };
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
