//! Facts and criteria in, findings out: on tables, then on everything else, then on waivers and exemptions themselves.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, OnceLock};

use crate::criteria::Criteria;
use crate::criteria::policy::{Policy, Tier};
use crate::criteria::rules::Rule;
use crate::criteria::waivers::exemption_facts;
use crate::dictionary::ExemptionFacts;
use crate::domain::{Answer, FactList, FactName, FactValue, Finding, Subject, TargetId, Window};
use crate::facts::Facts;
use crate::inventory::Inventory;
use crate::inventory::schema::RecoveryPoint;
use crate::problem::Problem;
use crate::report::TableRow;

use super::evaluate::{
    Chunk, Values, Waived, WhyUnknown, Within, judge_and_make, judge_subjects, judge_waivers, waive,
};
use super::frameworks::left_out;
use super::gaps::why_unknown;
use super::nulls::Nulls;

/// What was judged.
pub(super) struct Judged {
    /// Every table with its facts and its worst verdict, by ARN.
    pub(crate) tables: Vec<TableRow>,
    /// Every finding, in the order of reports.
    pub(crate) findings: Vec<Finding>,
    /// What became of each waiver, in the order of their file.
    pub(crate) waived: Vec<Waived>,
    /// What is known of each exemption, in the order of the tiers.
    pub(crate) exemptions: Vec<ExemptionFacts>,
    /// Which tables are in which tier.
    pub(crate) tiers: TierCounts,
    /// The days that the tables tell of.
    pub(crate) window: Window,
}

/// How many tables are in which tier.
#[derive(Default)]
pub(super) struct TierCounts {
    by_name: BTreeMap<Arc<str>, usize>,
    /// There are tables of which that cannot be told.
    has_unassigned: bool,
}

impl TierCounts {
    /// Tables that are in that tier for certain.
    pub(crate) fn of(&self, tier: &str) -> usize {
        self.by_name.get(tier).copied().unwrap_or(0)
    }

    fn add(&mut self, tier: &FactValue) {
        match tier {
            FactValue::Text(tier) => *self.by_name.entry(Arc::clone(tier)).or_default() += 1,
            _ => self.has_unassigned = true,
        }
    }
}

/// Judges everything.
///
/// Errors: a frame of the inventory is damaged.
pub(super) fn judge(inventory: &Inventory, facts: &Facts, criteria: &Criteria) -> Result<Judged, Problem> {
    let why = |target: &TargetId, name: &str, frames: &[&'static str]| why_unknown(facts, target, name, frames);
    let window = if inventory.has::<RecoveryPoint>() {
        facts.window()
    } else {
        Window::default()
    };
    let within = Within::of(&criteria.policy, facts)?;
    let (rules, policy) = (&criteria.rules, &criteria.policy);
    let nulls = Nulls::new(facts, policy);
    let mut judged = tables(facts, (criteria, &within), window, &why, &nulls)?;
    let mut others = judge_subjects(inventory, facts, rules, policy, &why)?;
    others.sort_by(|a, b| {
        (a.subject, &a.target, &a.resource_arn, &a.rule).cmp(&(b.subject, &b.target, &b.resource_arn, &b.rule))
    });
    judged.findings.extend(others);
    let is_listed_whole = |id: &str| {
        let rule = rules.0.iter().find(|rule| *rule.id == *id);
        rule.is_none_or(|rule| facts.is_listed_whole(rule.subject))
    };
    judged.waived = waive(&mut judged.findings, criteria, facts.as_of(), &is_listed_whole);
    let exemptions = exemptions((policy, &within), facts, &judged.tiers);
    let of_waivers = judge_waivers(&judged.waived, &exemptions, rules, policy, &why, &nulls)?;
    judged.findings.extend(of_waivers);
    judged.exemptions = exemptions;
    let is_whole = left_out(criteria).is_empty();
    super::answers::answer(&mut judged.tables, &judged.findings, criteria, is_whole);
    Ok(judged)
}

/// Tables and the findings on them.
fn tables(
    facts: &Facts,
    (criteria, within): (&Criteria, &Within),
    window: Window,
    why: WhyUnknown<'_>,
    nulls: &Nulls<'_>,
) -> Result<Judged, Problem> {
    let (mut tables, mut findings) = (Vec::with_capacity(facts.len()), Vec::new());
    let mut tiers = TierCounts::default();
    let make = |chunk: Chunk| {
        let rules = criteria.rules.of(Subject::Table);
        let rules: Vec<(&Rule, OnceLock<_>)> = rules.map(|rule| (rule, OnceLock::new())).collect();
        let count = chunk.tables.facts.len();
        let (mut rows, mut findings) = (Vec::with_capacity(count), Vec::with_capacity(count * rules.len()));
        let some: Vec<_> = (0..count)
            .step_by(count.div_ceil(SAMPLE).max(1))
            .map(|place| named(&chunk.values(place, nulls)))
            .collect();
        let usual = FactList::usual_of(&some);
        let mut told: HashSet<Arc<str>> = HashSet::new();
        for place in 0..count {
            let mut values = chunk.values(place, nulls);
            let mut row = table_row(&chunk, place, FactList::beside(&usual, named(&values)));
            row.days = facts.days(chunk.start + place, chunk.asked(place), window);
            values.keep(Arc::clone(&row.facts));
            rows.push(row);
            for mut finding in chunk.findings(place, &values, &rules, why) {
                // Most messages of good news are the same for many tables.
                match told.get(&finding.message) {
                    Some(same) => finding.message = Arc::clone(same),
                    None if told.len() < MESSAGES => {
                        told.insert(Arc::clone(&finding.message));
                    }
                    None => {}
                }
                findings.push(finding);
            }
        }
        let tiers: Vec<FactValue> = chunk.assigned.iter().map(|assigned| assigned.tier.clone()).collect();
        (rows, findings, tiers)
    };
    let judged = (&criteria.policy, within);
    judge_and_make(facts, &criteria.rules, judged, &make, &mut |(rows, made, of_tables)| {
        tables.extend(rows);
        findings.extend(made);
        of_tables.iter().for_each(|tier| tiers.add(tier));
    })?;
    Ok(Judged {
        tables,
        findings,
        waived: Vec::new(),
        exemptions: Vec::new(),
        tiers,
        window,
    })
}

/// Tables whose facts tell what is usual among those of a chunk.
const SAMPLE: usize = 64;

/// Messages that are remembered while a chunk is put into words.
const MESSAGES: usize = 4096;

fn named(values: &Values) -> Vec<(FactName, FactValue)> {
    let facts = values.all().iter();
    facts
        .map(|(name, value)| (Cow::Borrowed(*name), value.clone()))
        .collect()
}

fn table_row(chunk: &Chunk, place: usize, facts: FactList) -> TableRow {
    let table = &chunk.tables.facts[place];
    let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
    TableRow {
        table_arn: text(&table.table_arn),
        table_name: text(&table.table_name),
        target: TargetId::new(text(&table.account_id), text(&table.region)),
        verdict: Answer::NotAsked,
        answers: [Answer::NotAsked; 4],
        answers_by_framework: Vec::new(),
        facts: Arc::new(facts),
        days: Vec::new(),
    }
}

/// The exemptions of the policy, with the tables that each takes.
fn exemptions((policy, within): (&Policy, &Within), facts: &Facts, tiers: &TierCounts) -> Vec<ExemptionFacts> {
    let one = |(place, tier): (usize, &Tier)| {
        let matched = tiers.of(&tier.name);
        let mut exempted = exemption_facts(tier, facts.as_of(), matched, within.at(place))?;
        // Tables that were not listed, or whose tier cannot be told, may be in this one: none for certain is not none at all.
        if matched == 0 && (tiers.has_unassigned || !facts.is_listed_whole(Subject::Table)) {
            exempted.matched_table_count = None;
        }
        Some(exempted)
    };
    policy.tiers.iter().enumerate().filter_map(one).collect()
}
