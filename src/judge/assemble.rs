//! What was judged, its criteria and the evidence, put together as one [`Report`].

use std::collections::BTreeMap;

use crate::criteria::Criteria;
use crate::criteria::asked::Asked;
use crate::criteria::levels::level;
use crate::criteria::policy::{Policy, Tier};
use crate::criteria::rules::{Rule, placeholders};
use crate::criteria::waivers::Waiver;
use crate::domain::{Arn, TargetId};
use crate::facts::{Facts, SeenDrill};
use crate::inventory::Inventory;
use crate::problem::Problem;
use crate::report::{DrillLine, ExemptionLine, FrameworkReport, Report, RuleLine, Scan, TierLine, Totals, WaiverLine};

use super::changes;
use super::compare::compare;
use super::coverage::coverage;
use super::evaluate::Waived;
use super::evidence::evidence_digest;
use super::findings::Judged;
use super::frameworks::left_out;
use super::switched_off::switched_off;

/// Puts the report together.
///
/// Errors: a frame of the inventory is damaged.
pub(super) fn report(
    inventory: &Inventory,
    facts: &Facts,
    criteria: &Criteria,
    judged: Judged,
    frameworks: Vec<FrameworkReport>,
) -> Result<Report, Problem> {
    let (policy, findings) = (&criteria.policy, &judged.findings);
    let mut coverage = coverage(inventory, facts, &criteria.rules, findings)?;
    coverage.switched_off = switched_off(criteria, &judged.tables);
    coverage.not_asked.splice(..0, coverage.switched_off.iter().cloned());
    let asked = Asked::of(criteria);
    let in_force = |tier: &Tier| {
        let of_tier = judged
            .exemptions
            .iter()
            .find(|one| one.tier_name.as_deref() == Some(&tier.name));
        of_tier.and_then(|one| one.is_in_force) == Some(true)
    };
    let tier = |tier: &Tier| TierLine {
        levels: asked.of_tier(&tier.name).cloned().unwrap_or_default(),
        ..tier_line(tier, in_force(tier), judged.tiers.of(&tier.name))
    };
    Ok(Report {
        scan: scan(inventory, criteria)?,
        window: judged.window,
        policy: policy.lines(),
        approval: policy.approval.clone(),
        exceptions: policy.exceptions.clone(),
        tiers: policy.tiers.iter().map(tier).collect(),
        waivers: criteria.waivers.0.iter().zip(&judged.waived).map(waiver_line).collect(),
        frameworks,
        rules: criteria.rules.0.iter().map(|rule| rule_line(rule, policy)).collect(),
        left_out: left_out(criteria).into_iter().map(str::to_owned).collect(),
        totals: Totals::of(&judged.tables, findings),
        coverage,
        baseline: criteria
            .baseline
            .as_ref()
            .map(|baseline| compare(baseline, &asked, &judged.tables, findings)),
        changes: changes::stand(&criteria.changes, findings),
        drills: facts.drills().into_iter().map(drill_line).collect(),
        tables: judged.tables,
        findings: judged.findings,
    })
}

/// A drill as reports have it.
fn drill_line(seen: SeenDrill) -> DrillLine {
    let drill = seen.drill;
    let name = Arn::parse(&drill.table_arn).and_then(|arn| arn.table_name().map(str::to_owned));
    let span = drill
        .ordered_at
        .zip(drill.active_at)
        .map(|(from, to)| (to - from).num_seconds());
    DrillLine {
        table_name: name.unwrap_or_else(|| drill.table_arn.clone()),
        table_arn: drill.table_arn,
        target: TargetId::new(drill.account_id, drill.region),
        verdict: drill.verdict,
        detail: drill.detail.unwrap_or_default(),
        tested_at: drill.tested_at,
        restore_seconds: span.and_then(|span| u64::try_from(span).ok()),
        rto_seconds: drill.rto_seconds.and_then(|limit| u64::try_from(limit).ok()),
        point_arn: drill.point_arn,
        job_id: drill.job_id,
        run_id: drill.run_id,
        number: drill.number,
        manifest_sha256: drill.manifest_sha256,
        source: drill.source,
        signer: drill.signer,
        why_not: seen.why_not,
    }
}

/// Where the evidence comes from.
fn scan(inventory: &Inventory, criteria: &Criteria) -> Result<Scan, Problem> {
    let manifest = &inventory.manifest;
    Ok(Scan {
        id: manifest.scan_id.clone(),
        as_of: manifest.as_of,
        started_at: manifest.started_at,
        finished_at: manifest.finished_at,
        caller_arn: manifest.caller_arn.clone(),
        tool_version: manifest.tool_version.clone(),
        call_count: manifest.attempt_count,
        evidence_digest: evidence_digest(inventory, criteria)?,
    })
}

fn rule_line(rule: &Rule, policy: &Policy) -> RuleLine {
    RuleLine {
        id: rule.id.to_string(),
        subject: rule.subject,
        origin: rule.whose,
        question: rule.question,
        level: level(rule, policy, None),
        is_core: rule.is_core(),
        title: rule.title.clone(),
        severity: rule.severity,
        remedy: rule.remedy.to_string(),
        rationale: rule.rationale.clone(),
        applies: rule.applies_text.clone().unwrap_or_default(),
        compliant: rule.compliant_text.clone(),
        tells: std::iter::once(&rule.message)
            .chain(rule.applies.iter().map(|part| &part.otherwise))
            .flat_map(|message| placeholders(message))
            .map(str::to_owned)
            .collect(),
        reads: rule.reads().map(str::to_owned).collect(),
    }
}

fn tier_line(tier: &Tier, is_in_force: bool, table_count: usize) -> TierLine {
    let values = tier.values.lines();
    let set = values.into_iter().filter(|(key, _)| tier.sets.contains(key));
    TierLine {
        name: tier.name.clone(),
        when: tier.when.clone(),
        values: set.map(|(key, value)| (key.to_owned(), value)).collect(),
        exemption: tier.exemption.as_ref().map(|exemption| ExemptionLine {
            reason: exemption.reason.clone().unwrap_or_default(),
            approver: exemption.approver.clone().unwrap_or_default(),
            expires_at: exemption.expires_at,
            max_tables: exemption.max_tables,
            is_in_force,
        }),
        levels: BTreeMap::new(),
        table_count,
    }
}

fn waiver_line((waiver, waived): (&Waiver, &Waived)) -> WaiverLine {
    WaiverLine {
        id: waiver.id.clone(),
        rule: waiver.rule.clone(),
        demands: waiver.demands,
        tables: waiver.tables.clone(),
        reason: waiver.reason.clone(),
        compensating_control: waiver.compensating_control.clone().unwrap_or_default(),
        requester: waiver.requester.clone(),
        approver: waiver.approver.clone(),
        approved_at: waiver.approved_at,
        expires_at: waiver.expires_at,
        ticket: waiver.ticket.clone().unwrap_or_default(),
        table_count: waived.table_count,
        finding_count: waived.finding_count,
        is_in_force: waived.is_in_force,
    }
}
