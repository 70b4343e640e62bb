//! AWS read afresh: is what the plan says now so? The journal is not asked.

use std::collections::BTreeMap;

use super::Plan;
use crate::aws::target::Target;
use crate::domain::{TargetId, Verdict};

/// What AWS says of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// The name of what the action is about.
    pub(crate) name: String,
    /// Compliant: done since the plan's scan, and usable.
    pub(crate) verdict: Verdict,
    /// What was found.
    pub(crate) message: String,
}

/// Asks AWS about every action of the plan.
///
/// API, calls and errors: those of the action; an account that cannot be reached is unknown.
pub(crate) async fn verify(plan: &Plan, targets: &BTreeMap<TargetId, Target>) -> Vec<Verified> {
    let mut results = Vec::new();
    for action in &plan.actions {
        let id = action.target();
        let (verdict, message) = match targets.get(&id) {
            Some(target) => action.deed.verify(target, plan.as_of).await,
            None => (Verdict::Unknown, format!("account {} cannot be reached", id.account_id)),
        };
        results.push(Verified {
            name: action.name(),
            verdict,
            message,
        });
    }
    results
}
