//! Findings to a plan: what the rules' actions propose, and what none of them can help. No call to AWS, no clock.

use std::collections::BTreeSet;

use super::actions::{KINDS, Kind};
use super::known::Known;
use super::{Blocked, PLAN_VERSION, Plan};
use crate::criteria::rules::RuleSet;
use crate::domain::{Finding, Verdict};
use crate::problem::Outcome;
use crate::report::Report;

/// Proposes what answers the findings of these rules: one action of a kind for each thing that is judged.
///
/// Errors: the inventory is damaged.
pub(crate) fn propose(known: &Known<'_>, rules: &RuleSet) -> Outcome<Plan> {
    let mut plan = Plan {
        schema_version: PLAN_VERSION,
        scan_id: known.report.scan.id.clone(),
        as_of: known.report.scan.as_of,
        actions: Vec::new(),
        blocked: Vec::new(),
        sha256: String::new(),
    };
    for kind in KINDS {
        let propose = (kind.propose)(known)?;
        let mut actions = Vec::new();
        let mut seen = BTreeSet::new();
        for finding in answered(kind, rules, known.report) {
            if !seen.insert(&finding.resource_arn) {
                continue;
            }
            let proposed = if finding.verdict == Verdict::Unknown {
                Err(format!("not known whether it needs one: {}", finding.message))
            } else {
                propose(finding)
            };
            match proposed {
                Ok(action) => actions.push(action),
                Err(reason) => plan.blocked.push(Blocked {
                    resource_arn: finding.resource_arn.clone(),
                    reason,
                }),
            }
        }
        actions.sort_by(|a, b| a.resource().arn.cmp(b.resource().arn));
        plan.actions.extend(actions);
    }
    plan.blocked.sort_by(|a, b| a.resource_arn.cmp(&b.resource_arn));
    Ok(plan.sealed())
}

/// The findings that a kind of action answers. What one rule condemns needs its action, whatever others do not know: those
/// come first.
fn answered<'r>(kind: &Kind, rules: &RuleSet, report: &'r Report) -> impl Iterator<Item = &'r Finding> {
    let named = rules.0.iter().filter(|rule| rule.action == Some(kind.id));
    let of: BTreeSet<&str> = named.map(|rule| &*rule.id).collect();
    let open = report
        .findings
        .iter()
        .filter(move |finding| !finding.waived && of.contains(&*finding.rule));
    let with = |verdict: Verdict| move |finding: &&Finding| finding.verdict == verdict;
    open.clone()
        .filter(with(Verdict::NonCompliant))
        .chain(open.filter(with(Verdict::Unknown)))
}
