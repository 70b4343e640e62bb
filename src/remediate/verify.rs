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
    /// Findings that were good before the plan and of which that is not known now; none where the evidence from before was not
    /// given.
    pub(crate) doubtful: Vec<Remaining>,
    /// ARNs of the tables that the evidence from before holds and that of today does not.
    pub(crate) gone: Vec<String>,
}

impl Judged {
    /// Does anything say no that was to be good, or was good?
    pub(crate) fn is_bad(&self) -> bool {
        !self.not_fixed.is_empty() || !self.worse.is_empty()
    }

    /// Is anything not known that was to be good, or was good? A table that is gone is neither.
    pub(crate) fn is_unknown(&self) -> bool {
        !self.unknown.is_empty() || !self.doubtful.is_empty() || !self.gone.is_empty()
    }
}

/// Holds a judgement of today against what the plan was to bring about, and against the one from before, if it is there.
pub(crate) fn judged(plan: &Plan, before: Option<&Report>, now: &Report) -> Judged {
    let by_id: BTreeMap<&str, &Finding> = now.findings.iter().map(|finding| (&*finding.id, finding)).collect();
    let mut judged = Judged::default();
    for fix in &plan.fixes {
        match by_id.get(fix.finding.as_str()) {
            Some(finding) => match finding.verdict {
                Verdict::Compliant | Verdict::NotApplicable => judged.fixed += 1,
                Verdict::NonCompliant => judged.not_fixed.push(Remaining::of(finding)),
                Verdict::Unknown => judged.unknown.push(Remaining::of(finding)),
            },
            None => judged.unknown.push(Remaining {
                finding: fix.finding.clone(),
                rule: fix.rule.clone(),
                resource: fix.resource.clone(),
                message: "the evidence of today does not hold it".to_owned(),
            }),
        }
    }
    if let Some(before) = before {
        let good = before
            .findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Compliant);
        let good: BTreeSet<&str> = good.map(|finding| &*finding.id).collect();
        let were_good = now.findings.iter().filter(|finding| {
            let counts = finding.is_required() && !finding.waived && finding.framework.is_none();
            counts && good.contains(&*finding.id)
        });
        for finding in were_good {
            match finding.verdict {
                Verdict::NonCompliant => judged.worse.push(Remaining::of(finding)),
                Verdict::Unknown => judged.doubtful.push(Remaining::of(finding)),
                Verdict::Compliant | Verdict::NotApplicable => {}
            }
        }
        let there: BTreeSet<&str> = now.tables.iter().map(|table| table.table_arn.as_str()).collect();
        let then = before.tables.iter().map(|table| &table.table_arn);
        judged.gone = then.filter(|arn| !there.contains(arn.as_str())).cloned().collect();
    }
    judged
}
