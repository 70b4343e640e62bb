//! How the findings stand now that a plan of before was for. The journal is not asked: it says what was done, and this scan says
//! what it came to.

use std::collections::HashMap;

use crate::criteria::changes::{Change, Promise};
use crate::domain::{Finding, Verdict};
use crate::report::{ChangeLine, ChangeOutcome, Stands};

/// Every change, held against the findings of this scan.
pub(super) fn stand(changes: &[Change], findings: &[Finding]) -> Vec<ChangeLine> {
    if changes.is_empty() {
        return Vec::new();
    }
    let own = || findings.iter().filter(|finding| finding.framework.is_none());
    let now = Now {
        by_id: own().map(|finding| (&*finding.id, finding)).collect(),
        by_place: own()
            .map(|finding| ((&*finding.rule, finding.resource_arn.as_str()), finding))
            .collect(),
    };
    let of = |change: &Change| {
        let told = &change.told;
        let all = |promises: &[Promise]| promises.iter().map(|promise| now.outcome(promise)).collect();
        ChangeLine {
            outcomes: told.actions.iter().map(|action| all(&action.findings)).collect(),
            others: all(&told.others),
            risks: all(&told.risks),
            told: told.clone(),
        }
    };
    changes.iter().map(of).collect()
}

/// The findings of this scan.
struct Now<'f> {
    by_id: HashMap<&'f str, &'f Finding>,
    /// The id of a finding changes when a table can be described again.
    by_place: HashMap<(&'f str, &'f str), &'f Finding>,
}

impl Now<'_> {
    fn outcome(&self, promise: &Promise) -> ChangeOutcome {
        let place = (promise.rule.as_str(), promise.resource.as_str());
        let found = self.by_id.get(promise.finding.as_str());
        let Some(finding) = found.or_else(|| self.by_place.get(&place)) else {
            return ChangeOutcome {
                promise: promise.clone(),
                stands: Stands::NotKnown,
                message: "this scan does not hold it".to_owned(),
                is_waived: false,
            };
        };
        let said_no = promise.before == Verdict::NonCompliant.as_str();
        ChangeOutcome {
            promise: Promise {
                rule: finding.rule.to_string(),
                resource: finding.resource_arn.clone(),
                ..promise.clone()
            },
            stands: match finding.verdict {
                Verdict::Compliant => Stands::Fixed,
                Verdict::NotApplicable => Stands::NotApplicable,
                Verdict::Unknown => Stands::NotKnown,
                Verdict::NonCompliant if said_no => Stands::NotFixed,
                Verdict::NonCompliant => Stands::Worse,
            },
            message: finding.message.to_string(),
            is_waived: finding.waived && finding.verdict == Verdict::NonCompliant,
        }
    }
}
