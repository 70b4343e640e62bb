//! What was done since an earlier scan, for the page.

use serde_json::{Value, json};

use crate::domain::rfc3339;
use crate::report::{ChangeLine, ChangeOutcome, Report, done};

/// Actions that stand in the page.
const ROWS: usize = 500;

pub(super) fn changes(report: &Report) -> Vec<Value> {
    report.changes.iter().map(change).collect()
}

fn change(change: &ChangeLine) -> Value {
    let told = &change.told;
    let action = |(action, outcomes): (&crate::criteria::changes::ActionTold, &[ChangeOutcome])| {
        json!({
            "reason": action.reason,
            "what": action.what,
            "account_id": action.account_id,
            "region": action.region,
            "done": done(action),
            "findings": outcomes.iter().map(finding).collect::<Vec<_>>(),
        })
    };
    json!({
        "scan_id": told.scan_id,
        "as_of": rfc3339(told.as_of),
        "counts": change.counts_words(),
        "plan": told.plan_sha256,
        "journal": told.journal_sha256,
        "approval": change.approval(),
        "more": told.actions.len().saturating_sub(ROWS),
        "actions": change.actions().take(ROWS).map(action).collect::<Vec<_>>(),
        "others": change.others.iter().map(finding).collect::<Vec<_>>(),
        "risks": change.risks.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn finding(outcome: &ChangeOutcome) -> Value {
    let resource = &outcome.promise.resource;
    json!({
        "rule": outcome.promise.rule,
        "name": resource.rsplit(['/', ':']).next().unwrap_or_default(),
        "kind": match outcome.stands.as_str() {
            "fixed" => "compliant",
            "not-known" => "unknown",
            "not-applicable" => "not-applicable",
            _ => "non-compliant",
        },
        "stands": outcome.stands.words(),
        "is_waived": outcome.is_waived,
        "message": outcome.message,
    })
}
