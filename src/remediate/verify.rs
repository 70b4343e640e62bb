//! AWS read afresh: is what the plan says now so, and are its findings good? The journal is not asked.

use std::collections::{BTreeMap, BTreeSet};

use super::{Plan, Remaining};
use crate::aws::target::Target;
use crate::domain::{Finding, TargetId, Verdict};
use crate::report::Report;

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

/// What became of the findings.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// Findings of the plan that are good now: how many.
    pub(crate) fixed: usize,
    /// Findings that the plan was to make good and that still say no.
    pub(crate) not_fixed: Vec<Remaining>,
    /// Findings that the plan was to make good and of which that is not known: ids that the new evidence does not hold among them.
    pub(crate) unknown: Vec<Remaining>,
    /// Findings that were good before the plan and say no now; none where the evidence from before was not given.
    pub(crate) worse: Vec<Remaining>,
}

/// A finding that the evidence of today does not hold, as the evidence from before names it, or the action that answers it.
fn gone(plan: &Plan, before: Option<&Report>, id: &str) -> Remaining {
    let known = before.and_then(|before| before.findings.iter().find(|finding| *finding.id == *id));
    let (rule, resource) = match known {
        Some(finding) => (finding.rule.to_string(), finding.resource_arn.clone()),
        None => {
            let mut answers = plan.actions.iter();
            let action = answers.find(|action| action.findings.iter().any(|answered| answered == id));
            let name = |action: &super::Action| {
                (
                    action.deed.kind().id.to_owned(),
                    action.deed.resource(&action.target()).id.into_owned(),
                )
            };
            action.map_or_else(|| (String::new(), id.to_owned()), name)
        }
    };
    Remaining {
        finding: id.to_owned(),
        rule,
        resource,
        message: "the evidence of today does not hold it".to_owned(),
    }
}

/// Holds a judgement of today against what the plan was to bring about, and against the one from before, if it is there.
pub(crate) fn judged(plan: &Plan, before: Option<&Report>, now: &Report) -> Judged {
    let by_id: BTreeMap<&str, &Finding> = now.findings.iter().map(|finding| (&*finding.id, finding)).collect();
    let mut judged = Judged::default();
    for id in &plan.fixes {
        match by_id.get(id.as_str()) {
            Some(finding) => match finding.verdict {
                Verdict::Compliant | Verdict::NotApplicable => judged.fixed += 1,
                Verdict::NonCompliant => judged.not_fixed.push(Remaining::of(finding)),
                Verdict::Unknown => judged.unknown.push(Remaining::of(finding)),
            },
            None => judged.unknown.push(gone(plan, before, id)),
        }
    }
    if let Some(before) = before {
        let good = before
            .findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Compliant);
        let good: BTreeSet<&str> = good.map(|finding| &*finding.id).collect();
        let worse = now.findings.iter().filter(|finding| {
            let is_bad = finding.verdict == Verdict::NonCompliant && finding.is_required() && !finding.waived;
            is_bad && finding.framework.is_none() && good.contains(&*finding.id)
        });
        judged.worse = worse.map(Remaining::of).collect();
    }
    judged
}
