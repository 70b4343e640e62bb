//! The clients of some targets, each with its account's own role. Shared by all commands that act on AWS after a scan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::aws::call::CallLog;
use crate::aws::target::{Identity, Session, Target};
use crate::domain::{Account, TargetId};
use crate::problem::{Outcome, Problem};

/// Targets that can be asked, and why the others cannot.
pub(crate) struct Reached {
    /// Who calls, and AWS's clock.
    pub(crate) identity: Identity,
    /// Clients by target.
    pub(crate) targets: BTreeMap<TargetId, Target>,
    /// One for each account that cannot be reached; what follows from it is for the caller to say.
    pub(crate) problems: Vec<Problem>,
    /// Every call of theirs.
    pub(crate) log: Arc<CallLog>,
}

/// Logs in, and assumes the role of each account once.
///
/// Errors: no credentials, no identity. An account whose role cannot be assumed is left out.
pub(crate) async fn reach(accounts: &[Account], ids: BTreeSet<TargetId>) -> Outcome<Reached> {
    let log = Arc::new(CallLog::default());
    let session = Session::load().await?;
    let identity = session.identity(&log).await?;
    let (mut targets, mut problems) = (BTreeMap::new(), Vec::new());
    let mut by_account: BTreeMap<String, Vec<TargetId>> = BTreeMap::new();
    for id in ids {
        by_account.entry(id.account_id.clone()).or_default().push(id);
    }
    let mut wanted = Vec::new();
    for (account_id, ids) in by_account {
        let known = accounts.iter().find(|account| account.id == account_id).cloned();
        let account = known.unwrap_or_else(|| Account {
            id: account_id.clone(),
            name: String::new(),
            role_arn: None,
            remediation_role_arn: None,
            external_id: None,
        });
        if account.role_arn.is_none() && account_id != identity.account_id {
            let problem = Problem::new(format!("account `{account_id}` has no role to act with"))
                .why(format!("the caller belongs to account {}", identity.account_id))
                .hint("add the account with `role_arn` to the settings file");
            problems.push(problem);
            continue;
        }
        wanted.push((account, ids));
    }
    let assumed = session
        .assume_all(wanted.iter().map(|(account, ids)| (account, ids[0].region.as_str())))
        .await;
    for ((account, ids), credentials) in wanted.into_iter().zip(assumed) {
        match credentials {
            Ok(credentials) => targets.extend(ids.into_iter().map(|id| {
                let target = session.target(id.clone(), &identity.partition, credentials.clone(), &log);
                (id, target)
            })),
            Err(failure) => problems.push(
                Problem::new(format!("could not assume the role in account {}", account.id))
                    .why(format!("{} from sts:AssumeRole", failure.why()))
                    .hint("let the caller assume the role in its trust policy"),
            ),
        }
    }
    Ok(Reached {
        identity,
        targets,
        problems,
        log,
    })
}
