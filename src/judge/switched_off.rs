//! Core rules that settings switch off, and the tables of which their question was therefore not asked.

use std::collections::BTreeMap;

use crate::criteria::Criteria;
use crate::criteria::levels::{decides_compliance, level};
use crate::criteria::policy::Tier;
use crate::criteria::rules::{Rule, shipped};
use crate::criteria::vocabulary::POLICY_TIER;
use crate::domain::{Answer, FactValue, Level, Question};
use crate::problem::count;
use crate::report::TableRow;

/// A sentence for each question, and each tier or `[rules]` that switches core rules of it off or lets them only advise.
pub(super) fn switched_off(criteria: &Criteria, tables: &[TableRow]) -> Vec<String> {
    let policy = &criteria.policy;
    let tier_of = |table: &TableRow| match table.column(POLICY_TIER.name()) {
        FactValue::Text(name) => policy.tiers.iter().find(|tier| *tier.name == **name),
        _ => None,
    };
    // The rules, and of how many tables their question was not asked.
    let mut by_place: BTreeMap<(Question, String, Level), (Vec<&str>, usize)> = BTreeMap::new();
    for core in shipped().0.iter().filter(|rule| decides_compliance(rule)) {
        let chosen = criteria.rules.0.iter().find(|rule| rule.id == core.id);
        let rule = chosen.unwrap_or(core);
        let not_asked = tables
            .iter()
            .filter(|table| table.answer(rule.question) == Answer::NotAsked);
        let mut counts: BTreeMap<(String, Level), usize> = BTreeMap::new();
        for tier in not_asked.map(tier_of) {
            let level = level(rule, policy, tier);
            if level != Level::Required {
                *counts.entry((place(rule, tier), level)).or_default() += 1;
            }
        }
        for ((place, level), number) in counts {
            let (rules, tables) = by_place.entry((rule.question, place, level)).or_default();
            rules.push(&core.id);
            *tables = number.max(*tables);
        }
    }
    let told = by_place.into_iter().map(|((question, place, level), (rules, number))| {
        let state = match (level, rules.len()) {
            (Level::Off, 1) => "is off",
            (Level::Off, _) => "are off",
            (_, 1) => "only advises",
            _ => "only advise",
        };
        let (were, they) = if number == 1 {
            ("was", "it is")
        } else {
            ("were", "they are")
        };
        format!(
            "{} {state} {place}: {} {were} not asked whether {they} {}",
            rules.join(", "),
            count(number, "table"),
            question.words()
        )
    });
    told.collect()
}

/// Where that is said.
fn place(rule: &Rule, tier: Option<&Tier>) -> String {
    match tier.filter(|tier| tier.levels.contains_key(&*rule.id)) {
        Some(tier) => format!("for tier `{}`", tier.name),
        None => "by `[rules]`".to_owned(),
    }
}
