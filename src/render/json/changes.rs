//! What was done since an earlier scan, as `report.json` says it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::criteria::changes::StepTold;
use crate::domain::rfc3339;
use crate::report::{ChangeLine, ChangeOutcome, Stands};

/// A remediation plan that was done between an earlier scan and this one.
#[derive(Serialize, JsonSchema)]
pub(super) struct Change<'r> {
    /// SHA-256 of the plan file, which lies in the pack below `criteria/changes`.
    plan_sha256: &'r str,
    /// SHA-256 of its journal, beside it.
    journal_sha256: &'r str,
    /// Digest that names the scan that the plan rests on.
    scan_id: &'r str,
    /// The instant of that scan.
    #[schemars(extend("format" = "date-time"))]
    as_of: String,
    /// Keys whose signatures over the plan hold; whose keys they are was not checked. Empty: nobody signed it.
    approved_with: &'r [String],
    /// Findings by how they stand now, each counted once.
    counts: ChangeCounts,
    /// The actions of the plan, in order.
    actions: Vec<ChangeAction<'r>>,
    /// Findings that the plan was to make good and that no single action names.
    others: Vec<ChangedFinding<'r>>,
    /// Findings that the plan said would get worse.
    risks: Vec<ChangedFinding<'r>>,
}

/// How many findings stand how.
#[derive(Serialize, JsonSchema)]
struct ChangeCounts {
    /// Good now.
    fixed: usize,
    /// Still non-compliant.
    not_fixed: usize,
    /// Not known: evidence is missing, or this scan does not hold the finding.
    not_known: usize,
    /// The rule does not ask about it any more.
    not_applicable: usize,
    /// Not known or good before, and non-compliant now.
    worse: usize,
}

/// An action of the plan.
#[derive(Serialize, JsonSchema)]
struct ChangeAction<'r> {
    /// Its id in plan and journal.
    id: &'r str,
    /// Its kind.
    kind: &'r str,
    /// The account.
    account_id: &'r str,
    /// The Region.
    region: &'r str,
    /// The ARN of what it is about; words where there is none.
    resource: &'r str,
    /// What was to be done.
    what: &'r str,
    /// Why.
    reason: &'r str,
    /// What the journal says was done, in order; empty: it was not begun.
    steps: &'r [StepTold],
    /// The findings that it was to answer.
    findings: Vec<ChangedFinding<'r>>,
}

/// A finding that the plan speaks of.
#[derive(Serialize, JsonSchema)]
struct ChangedFinding<'r> {
    /// Its id in the scan before.
    id: &'r str,
    /// Its rule; empty: neither the plan nor this scan says.
    rule: &'r str,
    /// What is judged; empty: neither says.
    resource_arn: &'r str,
    /// What the rule said before the plan.
    #[schemars(extend("enum" = ["non-compliant", "unknown", "compliant"]))]
    before: &'r str,
    /// The plan said that it would be good.
    is_promised: bool,
    /// How it stands in this scan.
    #[schemars(extend("enum" = ["fixed", "not-fixed", "not-known", "not-applicable", "worse"]))]
    now: &'static str,
    /// A waiver accepts that it says no.
    is_waived: bool,
    /// What the rule says now.
    message: &'r str,
}

impl<'r> Change<'r> {
    pub(super) fn of(change: &'r ChangeLine) -> Self {
        let told = &change.told;
        let counts = change.counts();
        let of = |stands: Stands| counts.get(&stands).copied().unwrap_or(0);
        Self {
            plan_sha256: &told.plan_sha256,
            journal_sha256: &told.journal_sha256,
            scan_id: &told.scan_id,
            as_of: rfc3339(told.as_of),
            approved_with: &told.approved_with,
            counts: ChangeCounts {
                fixed: of(Stands::Fixed),
                not_fixed: of(Stands::NotFixed),
                not_known: of(Stands::NotKnown),
                not_applicable: of(Stands::NotApplicable),
                worse: of(Stands::Worse),
            },
            actions: change
                .actions()
                .map(|(action, outcomes)| ChangeAction {
                    id: &action.id,
                    kind: &action.kind,
                    account_id: &action.account_id,
                    region: &action.region,
                    resource: &action.resource,
                    what: &action.what,
                    reason: &action.reason,
                    steps: &action.steps,
                    findings: outcomes.iter().map(ChangedFinding::of).collect(),
                })
                .collect(),
            others: change.others.iter().map(ChangedFinding::of).collect(),
            risks: change.risks.iter().map(ChangedFinding::of).collect(),
        }
    }
}

impl<'r> ChangedFinding<'r> {
    fn of(outcome: &'r ChangeOutcome) -> Self {
        Self {
            id: &outcome.promise.finding,
            rule: &outcome.promise.rule,
            resource_arn: &outcome.promise.resource,
            before: &outcome.promise.before,
            is_promised: outcome.promise.is_promised,
            now: outcome.stands.as_str(),
            is_waived: outcome.is_waived,
            message: &outcome.message,
        }
    }
}
