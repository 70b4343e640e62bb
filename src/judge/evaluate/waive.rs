//! Waivers: findings that are accepted stay, marked; waivers that are not sound waive nothing and are findings.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::WhyUnknown;
use super::findings::Subjected;
use super::subjects::Judge;
use crate::criteria::policy::Policy;
use crate::criteria::rules::{MATCH, RuleSet};
use crate::criteria::waivers::{Waiver, Waivers};
use crate::dictionary::{ExemptionFacts, WaiverFacts};
use crate::domain::{Finding, Level, Subject, Verdict};
use crate::judge::nulls::Nulls;
use crate::problem::Problem;

/// What became of one waiver.
pub(crate) struct Waived {
    /// Its facts.
    pub(crate) facts: WaiverFacts,
    /// Tables, or other subjects, that it matches, of those that were seen.
    pub(crate) table_count: usize,
    /// Non-compliant and unknown findings that it is for.
    pub(crate) finding_count: usize,
    /// It waives the findings it is for.
    pub(crate) is_in_force: bool,
}

/// Marks the findings that waivers are for. Only a waiver without any defect waives. `is_listed_whole`: was everything
/// listed that the rule of this id judges? Else nobody knows how many tables a waiver takes.
pub(crate) fn waive(
    findings: &mut [Finding],
    waivers: &Waivers,
    as_of: DateTime<Utc>,
    is_listed_whole: &dyn Fn(&str) -> bool,
) -> Vec<Waived> {
    let one = |waiver: &Waiver| apply(findings, waiver, as_of, is_listed_whole(&waiver.rule));
    waivers.0.iter().map(one).collect()
}

fn apply(findings: &mut [Finding], waiver: &Waiver, as_of: DateTime<Utc>, is_listed_whole: bool) -> Waived {
    let is_for = |finding: &Finding| {
        *finding.rule == *waiver.rule && waiver.matches(&finding.resource_arn, &finding.resource_name)
    };
    let mut resources: BTreeSet<&str> = BTreeSet::new();
    let mut matched_findings = 0;
    for finding in findings.iter().filter(|finding| is_for(finding)) {
        resources.insert(&finding.resource_arn);
        matched_findings += usize::from(needs_waiver(finding));
    }
    let table_count = resources.len();
    let matched_tables = waiver.matched(table_count, is_listed_whole);
    let matched = (matched_tables.is_some() || matched_findings > 0).then_some(matched_findings);
    let is_in_force = waiver.is_in_force(as_of, matched_tables);
    if is_in_force {
        let id: Arc<str> = waiver.id.as_str().into();
        for finding in findings.iter_mut() {
            if is_for(finding) && needs_waiver(finding) {
                finding.waived = true;
                finding.waiver = Some(Arc::clone(&id));
            }
        }
    }
    Waived {
        facts: waiver.facts(as_of, matched_tables, matched),
        table_count,
        finding_count: matched_findings,
        is_in_force,
    }
}

fn needs_waiver(finding: &Finding) -> bool {
    matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown)
}

/// Judges waivers and exemptions themselves.
///
/// Errors: the engine fails, which a checked rule set never makes it do.
pub(crate) fn judge_waivers(
    waived: &[Waived],
    exemptions: &[ExemptionFacts],
    rules: &RuleSet,
    policy: &Policy,
    why_unknown: WhyUnknown<'_>,
    nulls: &Nulls<'_>,
) -> Result<Vec<Finding>, Problem> {
    let judge = Judge {
        rules,
        policy,
        why_unknown,
        nulls,
    };
    let mut findings = Vec::new();
    if rules.of(Subject::Waiver).next().is_some() {
        // Whether a waiver matches anything can be asked only where its rule was applied.
        let is_applied = |waived: &&Waived| {
            let rule = waived.facts.waiver_rule.as_deref();
            rules.0.iter().any(|applied| Some(&*applied.id) == rule)
        };
        let facts: Vec<WaiverFacts> = waived
            .iter()
            .filter(is_applied)
            .map(|waived| waived.facts.clone())
            .collect();
        findings.extend(judge.all(&facts, &Subjected::of_waiver)?);
    }
    findings.extend(judge.all(exemptions, &Subjected::of_exemption)?);
    // One that matches nothing here excuses nothing here, and what is wrong with it decides nothing. One of which that is not
    // known may.
    let of_waivers = waived
        .iter()
        .filter(|waived| waived.table_count > 0 || waived.facts.matched_table_count.is_none());
    let of_exemptions = exemptions.iter().filter(|one| one.matched_table_count != Some(0));
    let matching: BTreeSet<&str> = of_waivers
        .filter_map(|waived| waived.facts.waiver_id.as_deref())
        .chain(of_exemptions.filter_map(|one| one.tier_name.as_deref()))
        .collect();
    let by_match: BTreeSet<&str> = rules
        .0
        .iter()
        .filter(|rule| rule.required_by.iter().any(|key| key == MATCH))
        .map(|rule| &*rule.id)
        .collect();
    for finding in &mut findings {
        let is_advised = finding.level == Level::Advised && !policy.levels.contains_key(&*finding.rule);
        if is_advised && by_match.contains(&*finding.rule) && matching.contains(finding.resource_name.as_str()) {
            finding.level = Level::Required;
        }
    }
    Ok(findings)
}
