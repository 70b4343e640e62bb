//! Findings to a plan: one on-demand backup for each table that a rule with the action `backup-now` condemns. Pure.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::{BackupAction, Blocked, PLAN_VERSION, Plan};
use crate::criteria::rules::RuleSet;
use crate::domain::{FactValue, Finding, TargetId, Verdict};
use crate::inventory::schema::Vault;
use crate::report::{Report, TableRow};
use crate::settings::Remediation;
use crate::text::hex;

/// AWS Backup's default service role of an account.
pub fn default_role(partition: &str, account_id: &str) -> String {
    format!("arn:{partition}:iam::{account_id}:role/service-role/AWSBackupDefaultServiceRole")
}

/// Proposes backups. `vaults` are those of the inventory; `None` where a target's vaults could not be listed.
pub fn propose(
    report: &Report,
    rules: &RuleSet,
    vaults: &BTreeMap<TargetId, Option<Vec<Vault>>>,
    settings: &Remediation,
) -> Plan {
    let backup_rules: BTreeSet<&str> = rules
        .0
        .iter()
        .filter(|rule| rule.action == Some("backup-now"))
        .map(|rule| &*rule.id)
        .collect();
    let tables: BTreeMap<&str, &TableRow> = report
        .tables
        .iter()
        .map(|table| (table.table_arn.as_str(), table))
        .collect();
    let mut plan = Plan {
        schema_version: PLAN_VERSION,
        scan_id: report.scan.id.clone(),
        as_of: report.scan.as_of,
        actions: Vec::new(),
        blocked: Vec::new(),
    };
    // A table that one rule condemns needs its backup, whatever others do not know.
    let is_for = |finding: &&Finding, verdict: Verdict| {
        finding.verdict == verdict && !finding.waived && backup_rules.contains(&*finding.rule)
    };
    let condemned = report
        .findings
        .iter()
        .filter(|finding| is_for(finding, Verdict::NonCompliant));
    let open = report
        .findings
        .iter()
        .filter(|finding| is_for(finding, Verdict::Unknown));
    let mut seen = BTreeSet::new();
    for finding in condemned.chain(open) {
        let Some(table) = tables.get(finding.resource_arn.as_str()) else {
            continue;
        };
        if !seen.insert(&finding.resource_arn) {
            continue;
        }
        let proposed = if finding.verdict == Verdict::Unknown {
            Err(format!("not known whether it needs one: {}", finding.message))
        } else {
            let vaults = vaults.get(&table.target);
            action(table, &finding.message, &report.scan.id, vaults, settings)
        };
        match proposed {
            Ok(action) => plan.actions.push(action),
            Err(reason) => plan.blocked.push(Blocked {
                table_arn: table.table_arn.clone(),
                reason,
            }),
        }
    }
    plan.actions.sort_by(|a, b| a.table_arn.cmp(&b.table_arn));
    plan.blocked.sort_by(|a, b| a.table_arn.cmp(&b.table_arn));
    plan
}

fn action(
    table: &TableRow,
    reason: &str,
    scan_id: &str,
    vaults: Option<&Option<Vec<Vault>>>,
    settings: &Remediation,
) -> Result<BackupAction, String> {
    let target = &table.target;
    let delete_after_days = match (settings.delete_after_days, table.fact("retention_min_days")) {
        (Some(days), _) => days,
        (None, FactValue::Int(days)) => *days,
        _ => return Err("not known which tier of the policy applies, and so what retention".to_owned()),
    };
    // Without advanced features there is no cold storage for DynamoDB.
    let has_cold = *table.fact("advanced_features_on") == FactValue::Bool(true);
    let cold_after_days = settings.cold_after_days.filter(|_| has_cold);
    if let Some(Some(vaults)) = vaults {
        check_vault(vaults, target, &settings.vault, delete_after_days)?;
    }
    let text = |fact: &str| match table.fact(fact) {
        FactValue::Text(text) => Some(text.to_string()),
        _ => None,
    };
    let table_id = text("table_id").filter(|id| id != "none");
    let partition = text("partition").unwrap_or_else(|| "aws".to_owned());
    let mut digest = Sha256::new();
    for part in [
        scan_id,
        &table.table_arn,
        table_id.as_deref().unwrap_or_default(),
        &settings.vault,
    ] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    Ok(BackupAction {
        reason: reason.to_owned(),
        table_arn: table.table_arn.clone(),
        table_name: table.table_name.clone(),
        table_id,
        account_id: target.account_id.clone(),
        region: target.region.clone(),
        vault: settings.vault.clone(),
        role_arn: settings
            .role_arn
            .clone()
            .unwrap_or_else(|| default_role(&partition, &target.account_id)),
        cold_after_days,
        delete_after_days,
        idempotency_token: format!("backproof-{}", hex(&digest.finalize()[..16])),
        table_size_bytes: match table.fact("table_size_bytes") {
            FactValue::Int(bytes) => Some(*bytes),
            _ => None,
        },
    })
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
