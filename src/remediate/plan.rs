//! Findings to a plan: what the rules' actions propose, and what none of them can help. No call to AWS, no clock.

use std::collections::BTreeSet;

use super::actions::{KINDS, Kind};
use super::known::Known;
use super::{Blocked, PLAN_VERSION, Plan};
use crate::criteria::rules::RuleSet;
use crate::domain::{FactName, FactValue, Finding, NullCause, Verdict};
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
                Err(doubt(finding, known.limits))
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

/// Why no action is proposed for a finding that is unknown: the scan did not ask, or from its message, where "not known" is
/// said once.
fn doubt(finding: &Finding, limits: Option<&str>) -> String {
    let is_unasked = |(_, value): (&FactName, &FactValue)| *value == FactValue::Null(NullCause::NotAsked);
    if finding.evidence.iter().any(is_unasked) {
        let why = limits.unwrap_or("this scan was for rules that do not ask whether it needs one");
        return format!("not asked: {why}; a scan with {} settles it", finding.rule);
    }
    not_known(&finding.message)
}

fn not_known(message: &str) -> String {
    let why = message.strip_prefix("not known").unwrap_or(message);
    match why.starts_with([',', ':']) {
        true => format!("not known whether it needs one{why}"),
        false => format!("not known whether it needs one: {message}"),
    }
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

#[cfg(test)]
mod tests {
    use super::not_known;

    #[test]
    fn a_doubt_says_once_that_it_is_not_known() {
        for (message, reason) in [
            (
                "not known, because A gave B",
                "not known whether it needs one, because A gave B",
            ),
            ("not known: it is open", "not known whether it needs one: it is open"),
            (
                "uncertain: plan `p`",
                "not known whether it needs one: uncertain: plan `p`",
            ),
            (
                "not known for all plans here",
                "not known whether it needs one: not known for all plans here",
            ),
        ] {
            assert_eq!(not_known(message), reason);
        }
    }
}
