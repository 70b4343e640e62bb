//! Frameworks, each judged by its own numbers, side by side with the organisation's policy and with each other.
//!
//! A framework binds its own controls: rules that decide one of them are judged again with the policy made as strict as the
//! framework. What fails there and not by the organisation's own policy is a finding of the framework.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::answers;
use super::findings::{Judged, judge};
use crate::criteria::Criteria;
use crate::criteria::frameworks::Framework;
use crate::criteria::levels::{decides_compliance, is_required_beside_core, level, may_be_required};
use crate::criteria::policy::Policy;
use crate::criteria::rules::{Rule, shipped};
use crate::criteria::waivers::Waivers;
use crate::domain::{Answer, Finding, Level, Verdict};
use crate::facts::{Facts, derive};
use crate::inventory::Inventory;
use crate::problem::Problem;
use crate::report::{ControlRow, FrameworkReport};
use crate::text::hex;

/// Judges by each framework, adds its findings and answers to what the organisation's policy gave, and gives their controls.
///
/// Errors: a frame of the inventory is damaged.
pub(super) fn add(
    inventory: &Inventory,
    facts: &Facts,
    criteria: &Criteria,
    judged: &mut Judged,
) -> Result<Vec<FrameworkReport>, Problem> {
    let mut reports = Vec::new();
    let mut added = Vec::new();
    for framework in &criteria.frameworks {
        let bound = bound(framework, criteria);
        let mut own = match bound.policy.window_days == criteria.policy.window_days {
            true => judge(inventory, facts, &bound)?,
            // Its window shows other gaps.
            false => judge(inventory, &derive(inventory, bound.policy.window_days)?, &bound)?,
        };
        let deciding = deciding(framework, &bound);
        reports.push(FrameworkReport {
            id: framework.id.clone(),
            title: framework.title.clone(),
            version: framework.version.clone(),
            origin: framework.origin(),
            laxer: framework.terms().laxer(&criteria.policy),
            controls: framework.matrix(&own.findings, &|id| deciding.contains(id)),
        });
        own.findings.retain(|finding| deciding.contains(&*finding.rule));
        // Of rules that did not run its controls tell.
        answers::answer(&mut own.tables, &own.findings, &bound, true);
        let name: Arc<str> = framework.id.as_str().into();
        for (table, of_framework) in judged.tables.iter_mut().zip(&own.tables) {
            if matches!(of_framework.verdict, Answer::NonCompliant | Answer::Unknown) {
                table.verdict = table.verdict.worse(of_framework.verdict);
            }
            table
                .answers_by_framework
                .push((Arc::clone(&name), of_framework.verdict, of_framework.answers));
        }
        let known: HashMap<&str, &Finding> = judged.findings.iter().map(|finding| (&*finding.id, finding)).collect();
        let is_told = |finding: &Finding| {
            let known = known.get(&*finding.id);
            known.is_some_and(|known| known.verdict == finding.verdict && known.level == Level::Required)
        };
        let says = |finding: &Finding| matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown);
        let new = own
            .findings
            .into_iter()
            .filter(|finding| finding.is_required() && says(finding) && !is_told(finding));
        added.extend(new.map(|finding| of(finding, &name)));
    }
    judged.findings.extend(added);
    Ok(reports)
}

/// The program's rules that did not run although the policy or a framework requires them, in order; those aside without which
/// no table is compliant anyway.
pub(super) fn left_out(criteria: &Criteria) -> Vec<&'static str> {
    let is_run = |rule: &Rule| criteria.rules.0.iter().any(|run| run.id == rule.id);
    let bounds: Vec<(&Framework, Policy)> = criteria
        .frameworks
        .iter()
        .map(|framework| (framework, bound(framework, criteria).policy))
        .collect();
    let asks = |(framework, policy): &(&Framework, Policy), rule: &Rule| {
        let is_off = level(rule, &criteria.policy, None) == Level::Off;
        let by_letter = framework.rules_of_its_own().contains(&*rule.id) && !is_off;
        let decides = framework.rules().contains(&*rule.id) && may_be_required(rule, policy);
        by_letter || decides && !decides_compliance(rule)
    };
    let is_left_out = |rule: &&Rule| {
        let is_asked = is_required_beside_core(rule, &criteria.policy) || bounds.iter().any(|bound| asks(bound, rule));
        !is_run(rule) && is_asked
    };
    shipped().0.iter().filter(is_left_out).map(|rule| &*rule.id).collect()
}

/// The rules that decide controls of a framework, of those that its own criteria require.
fn deciding<'f>(framework: &'f Framework, bound: &Criteria) -> BTreeSet<&'f str> {
    let is_run = |id: &str| bound.rules.0.iter().find(|rule| *rule.id == *id);
    let decides = |id: &&str| is_run(id).is_some_and(|rule| may_be_required(rule, &bound.policy));
    framework.rules().into_iter().filter(decides).collect()
}

/// The controls of a framework and what decides them under the default policy, with no finding.
pub(crate) fn without_findings(framework: &Framework) -> Vec<ControlRow> {
    let criteria = Criteria {
        rules: shipped().clone(),
        policy: Policy::default(),
        waivers: Waivers::default(),
        baseline: None,
        changes: Vec::new(),
        frameworks: Vec::new(),
    };
    let bound = bound(framework, &criteria);
    let deciding = deciding(framework, &bound);
    framework.matrix(&[], &|id| deciding.contains(id))
}

/// The criteria of a framework: its letter is required, and the policy is as strict as it.
fn bound(framework: &Framework, criteria: &Criteria) -> Criteria {
    let mut rules = criteria.rules.clone();
    let letter = framework.rules_of_its_own();
    for rule in &mut rules.0 {
        // What `[rules]` switches off stays off: the controls then say that their rule did not run.
        let is_off = level(rule, &criteria.policy, None) == Level::Off;
        rule.is_named |= letter.contains(&*rule.id) && !is_off;
    }
    Criteria {
        rules,
        policy: framework.terms().tighten(&criteria.policy, &framework.id),
        waivers: criteria.waivers.clone(),
        baseline: None,
        changes: Vec::new(),
        frameworks: Vec::new(),
    }
}

/// A finding as the framework's: an id of its own, and whose number failed.
fn of(mut finding: Finding, framework: &Arc<str>) -> Finding {
    let mut digest = Sha256::new();
    for part in [&*finding.id, framework] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    finding.id = hex(&digest.finalize()[..16]).into();
    finding.message = format!("by {framework}: {}", finding.message).into();
    finding.framework = Some(Arc::clone(framework));
    finding
}
