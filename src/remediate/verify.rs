//! AWS read afresh: do the plan's tables now have a usable recovery point made since? The journal is not asked.

use std::collections::BTreeMap;

use super::{BackupAction, Plan};
use crate::aws::call::next;
use crate::aws::target::Target;
use crate::collect::instant;
use crate::domain::{TargetId, Verdict};

/// What AWS says of one action's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The table's name.
    pub table_name: String,
    /// Compliant: a usable recovery point made since the plan's scan lies in the vault, encrypted or native.
    pub verdict: Verdict,
    /// What was found.
    pub message: String,
}

/// Asks AWS about every action of the plan.
///
/// API: backup:ListRecoveryPointsByBackupVault for each table. Calls: 1 for each action and page. Errors: unknown.
pub async fn verify(plan: &Plan, targets: &BTreeMap<TargetId, Target>) -> Vec<Verified> {
    let mut results = Vec::new();
    for action in &plan.actions {
        let id = TargetId::new(action.account_id.clone(), action.region.clone());
        let (verdict, message) = match targets.get(&id) {
            Some(target) => one(plan, action, target).await,
            None => (Verdict::Unknown, format!("account {} cannot be reached", id.account_id)),
        };
        results.push(Verified {
            table_name: action.table_name.clone(),
            verdict,
            message,
        });
    }
    results
}

async fn one(plan: &Plan, action: &BackupAction, target: &Target) -> (Verdict, String) {
    let mut call = target
        .caller
        .begin("backup:ListRecoveryPointsByBackupVault", &action.vault);
    let (mut newest, mut unfinished, mut token) = (None, 0, None::<String>);
    loop {
        let send = || {
            let list = target
                .backup
                .list_recovery_points_by_backup_vault()
                .backup_vault_name(&action.vault);
            list.by_resource_arn(&action.table_arn)
                .max_results(1000)
                .set_next_token(token.clone())
                .send()
        };
        let page = match call.page(send).await {
            Ok(page) => page,
            Err(failure) => return (Verdict::Unknown, failure.why()),
        };
        for point in page.recovery_points() {
            let status = point.status().map_or("", |status| status.as_str());
            let Some(at) = instant(point.creation_date()).filter(|at| *at >= plan.as_of) else {
                continue;
            };
            match status {
                "COMPLETED" | "AVAILABLE" => {
                    newest = newest.max(Some((at, point.recovery_point_arn().unwrap_or_default().to_owned())))
                }
                _ => unfinished += 1,
            }
        }
        token = next(page.next_token());
        if token.is_none() {
            break;
        }
    }
    call.finish();
    match (newest, unfinished) {
        (Some((at, arn)), _) => (Verdict::Compliant, format!("{arn} of {}", crate::domain::rfc3339(at))),
        (None, 0) => (
            Verdict::NonCompliant,
            format!("no recovery point since {}", crate::domain::rfc3339(plan.as_of)),
        ),
        (None, _) => (
            Verdict::NonCompliant,
            "a recovery point is being made, and is not usable yet".to_owned(),
        ),
    }
}
