//! Waivers: findings that are accepted stay, marked; waivers that are not sound waive nothing and are findings.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::WhyUnknown;
use super::findings::Subjected;
use super::subjects::Judge;
use crate::criteria::Criteria;
use crate::criteria::policy::Policy;
use crate::criteria::rules::{MATCH, RuleSet};
use crate::criteria::waivers::Waiver;
use crate::dictionary::{ExemptionFacts, WaiverFacts};
use crate::domain::{Demands, Finding, Level, Subject, Verdict};
use crate::judge::nulls::Nulls;
use crate::problem::Problem;

/// What became of one waiver.
pub(crate) struct Waived {
    /// Its facts.
    pub(crate) facts: WaiverFacts,
    /// Tables, or other subjects, that it matches, of those that were seen.
    pub(crate) table_count: usize,
    /// Non-compliant and unknown findings it covers.
    pub(crate) finding_count: usize,
    /// It waives the findings it is for.
    pub(crate) is_in_force: bool,
    /// The rules that it is about.
    rules: Vec<String>,
}

impl Waived {
    /// Was a rule that it is about applied?
    fn is_applied(&self, rules: &RuleSet) -> bool {
        rules.0.iter().any(|rule| self.rules.iter().any(|id| **id == *rule.id))
    }

    /// Its facts where no rule that it is about was applied.
    fn without_matches(&self) -> WaiverFacts {
        WaiverFacts {
            matched_table_count: None,
            matched_finding_count: None,
            ..self.facts.clone()
        }
    }
}

/// Marks the findings that waivers are for. Only a waiver without any defect waives. `is_listed_whole`: was everything
/// listed that the rule of this id judges? Else nobody knows how many tables a waiver takes.
///
/// A finding of a rule with demands is waived only if what fails is among the demands that waivers excuse, one or several
/// between them; else it stays open, and says what is not excused.
/// Of several waivers that each accept a finding the first of their file is named.
pub(crate) fn waive(
    findings: &mut [Finding],
    criteria: &Criteria,
    as_of: DateTime<Utc>,
    is_listed_whole: &dyn Fn(&str) -> bool,
) -> Vec<Waived> {
    let mut excused: HashMap<usize, Vec<Excuse>> = HashMap::new();
    let mut idle: Vec<(usize, String)> = Vec::new();
    let mut one = |waiver: &Waiver| {
        let reach = Reach::of(waiver, &criteria.rules);
        let (waived, places) = reach.applied(findings, as_of, is_listed_whole);
        let others = reach.idle(findings).map(|place| (place, reach.why_idle()));
        idle.extend(others);
        let id: Arc<str> = waiver.id.as_str().into();
        for (place, demands) in places {
            match demands {
                None if findings[place].waived => {}
                None => mark(&mut findings[place], [&id]),
                Some(demands) => excused.entry(place).or_default().push((Arc::clone(&id), demands)),
            }
        }
        waived
    };
    let waived = criteria.waivers.0.iter().map(&mut one).collect();
    for (place, excuses) in excused {
        excuse(&mut findings[place], &excuses);
    }
    for (place, why) in idle {
        let finding = &mut findings[place];
        if !finding.waived {
            finding.message = format!("{}{why}", finding.message).into();
        }
    }
    waived
}

/// What a waiver that holds excuses of a finding on demands.
type Excuse = (Arc<str>, Demands);

/// The findings that a waiver is for.
struct Reach<'w> {
    waiver: &'w Waiver,
    /// Rules of which it excuses some demands.
    excuses: Vec<(&'w str, Demands)>,
}

impl<'w> Reach<'w> {
    fn of(waiver: &'w Waiver, rules: &RuleSet) -> Self {
        // A rule of that id in somebody's own text asks for no demands.
        let has_demands = |id: &str| rules.0.iter().any(|rule| *rule.id == *id && rule.has_demands());
        let mut excuses = waiver.excuses();
        excuses.retain(|(rule, _)| has_demands(rule));
        Self { waiver, excuses }
    }

    /// Is it about that finding, and which demands of its rule does it excuse? None: whatever it asks.
    fn is_about(&self, finding: &Finding) -> Option<Option<Demands>> {
        let excused = self.excuses.iter().find(|(rule, _)| **rule == *finding.rule);
        let is_own = *self.waiver.rule == *finding.rule;
        let is_about = excused.is_some() || is_own;
        let is_match = is_about && self.waiver.matches(&finding.resource_arn, &finding.resource_name);
        is_match.then(|| excused.map(|(_, demands)| *demands))
    }

    /// Findings of its own rule that it does not touch, since what fails is none of what it excuses.
    fn idle<'f>(&'f self, findings: &'f [Finding]) -> impl Iterator<Item = usize> {
        let is_idle = |finding: &Finding| {
            let excuses = |demands: Demands| {
                finding
                    .failing
                    .iter()
                    .any(|failing| failing.without(demands) != *failing)
            };
            let is_untouched = self
                .is_about(finding)
                .flatten()
                .is_some_and(|demands| !excuses(demands));
            *self.waiver.rule == *finding.rule && is_untouched && finding.verdict == Verdict::NonCompliant
        };
        let of_places = findings.iter().enumerate();
        of_places
            .filter(move |(_, finding)| is_idle(finding))
            .map(|(place, _)| place)
    }

    /// Why it does not touch them, as the end of their messages.
    fn why_idle(&self) -> String {
        let (id, demands) = (&self.waiver.id, self.waiver.demands);
        if demands.is_empty() {
            format!("; not waived: {id} names no demand that it excuses")
        } else {
            format!(
                "; not waived: {id} excuses {} only, which is not what fails",
                demands.words().join(", ")
            )
        }
    }

    /// What becomes of it; and the places of the findings that it waives, or excuses these demands of.
    fn applied(
        &self,
        findings: &[Finding],
        as_of: DateTime<Utc>,
        is_listed_whole: &dyn Fn(&str) -> bool,
    ) -> (Waived, Vec<(usize, Option<Demands>)>) {
        // A rule that says of a table that all is well leaves nothing of it to be excused.
        let is_well = |finding: &&Finding| *finding.rule == *self.waiver.rule && !needs_waiver(finding);
        let well: HashSet<(&str, Option<&str>)> = findings.iter().filter(is_well).map(of).collect();
        let mut resources: BTreeSet<&str> = BTreeSet::new();
        let (mut places, mut is_open) = (Vec::new(), false);
        for (place, finding) in findings.iter().enumerate() {
            let Some(demands) = self.is_about(finding) else {
                continue;
            };
            resources.insert(&finding.resource_arn);
            let is_for = match demands {
                None => true,
                Some(_) if *finding.rule != *self.waiver.rule && well.contains(&of(finding)) => false,
                Some(demands) => finding
                    .failing
                    .iter()
                    .any(|failing| failing.without(demands) != *failing),
            };
            if is_for && needs_waiver(finding) {
                places.push((place, demands));
            } else {
                // What is not known may be what it excuses.
                is_open |= finding.verdict == Verdict::Unknown;
            }
        }
        let (table_count, finding_count) = (resources.len(), places.len());
        let others = self.excuses.iter().map(|(rule, _)| *rule);
        let rules: Vec<String> = others.chain([self.waiver.rule.as_str()]).map(str::to_owned).collect();
        let are_listed_whole = rules.iter().all(|rule| is_listed_whole(rule));
        let matched_tables = self.waiver.matched(table_count, are_listed_whole);
        let is_counted = matched_tables.is_some() && !is_open;
        let matched = (is_counted || finding_count > 0).then_some(finding_count);
        let is_in_force = self.waiver.is_in_force(as_of, matched_tables);
        if !is_in_force {
            places.clear();
        }
        let waived = Waived {
            facts: self.waiver.facts(as_of, matched_tables, matched),
            table_count,
            finding_count,
            is_in_force,
            rules,
        };
        (waived, places)
    }
}

/// Waives a finding on demands if what fails is excused, by as few waivers as are needed; else says what is not.
fn excuse(finding: &mut Finding, excuses: &[Excuse]) {
    let all = excuses.iter().fold(Demands::NONE, |all, (_, demands)| all.or(*demands));
    let is_enough = |demands: Demands| finding.failing.iter().find(|failing| failing.are_among(demands));
    if let Some((alone, _)) = excuses.iter().find(|(_, demands)| is_enough(*demands).is_some()) {
        return mark(finding, [alone]);
    }
    if let Some(failing) = is_enough(all).copied() {
        return mark(finding, needed(failing, excuses));
    }
    let is_touched = |failing: &&Demands| failing.without(all) != **failing;
    let left = |failing: &&Demands| failing.without(all).len();
    if let Some(failing) = finding.failing.iter().filter(is_touched).min_by_key(left).copied() {
        let missing = failing.without(all);
        let by: Vec<&str> = needed(failing, excuses).into_iter().map(|id| &**id).collect();
        let told = format!(
            "; not waived: {}, for {} excuses {} only",
            missing.words().join(", "),
            by.join(" and "),
            failing.without(missing).words().join(", ")
        );
        finding.message = format!("{}{told}", finding.message).into();
    }
}

/// The waivers that excuse something of it that none before them does.
fn needed(mut failing: Demands, excuses: &[Excuse]) -> Vec<&Arc<str>> {
    let mut needed = Vec::new();
    for (id, demands) in excuses {
        let left = failing.without(*demands);
        if left != failing {
            needed.push(id);
            failing = left;
        }
    }
    needed
}

/// Marks a finding as accepted by these waivers.
fn mark<'i>(finding: &mut Finding, by: impl IntoIterator<Item = &'i Arc<str>>) {
    finding.waived = true;
    finding.waivers = by.into_iter().map(Arc::clone).collect();
}

/// What a finding is about, and by whose numbers.
fn of(finding: &Finding) -> (&str, Option<&str>) {
    (&finding.resource_arn, finding.framework.as_deref())
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
        let (applied, others): (Vec<&Waived>, Vec<&Waived>) =
            waived.iter().partition(|waived| waived.is_applied(rules));
        let facts: Vec<WaiverFacts> = applied.iter().map(|waived| waived.facts.clone()).collect();
        findings.extend(judge.all(&facts, &Subjected::of_waiver)?);
        // Whether a waiver matches anything can be asked only where a rule that it is about was applied; who approved it, and
        // for how long, can be asked of any.
        let of_others: Vec<WaiverFacts> = others.iter().map(|waived| waived.without_matches()).collect();
        let mut of_others = judge.all(&of_others, &Subjected::of_waiver)?;
        of_others.retain(|finding| finding.verdict != Verdict::Unknown);
        findings.extend(of_others);
    }
    findings.extend(judge.all(exemptions, &Subjected::of_exemption)?);
    // One that matches nothing here excuses nothing here, and what is wrong with it decides nothing. One of which that is not
    // known may.
    let of_waivers = waived
        .iter()
        .filter(|waived| waived.is_applied(rules))
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
