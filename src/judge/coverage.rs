//! What was read and what could not be, counted by target and by account.

use std::collections::{BTreeMap, BTreeSet};

use crate::criteria::rules::{Rule, RuleSet, shipped};
use crate::criteria::vocabulary::{COSTLY_CALLS_A_SECOND, COSTLY_FRAMES, frames_of};
use crate::domain::{Finding, TargetId};
use crate::facts::Facts;
use crate::inventory::Inventory;
use crate::inventory::schema::Table;
use crate::problem::{Problem, count};
use crate::report::{AccountCoverage, Coverage, TargetCoverage};

use super::gaps::{gaps, is_region_list};

#[derive(Default)]
struct Counts {
    listed: usize,
    described: usize,
    vanished: usize,
    unread: usize,
}

/// Counts the rows of the inventory and of its call log.
///
/// Errors: a frame of the inventory is damaged.
pub(super) fn coverage(
    inventory: &Inventory,
    facts: &Facts,
    rules: &RuleSet,
    findings: &[Finding],
) -> Result<Coverage, Problem> {
    let mut by_target: BTreeMap<TargetId, Counts> = BTreeMap::new();
    inventory.for_each::<Table>(|rows| {
        for table in rows {
            let target = TargetId::new(table.account_id, table.region);
            let counts = by_target.entry(target).or_default();
            counts.listed += 1;
            match table.description.as_str() {
                "described" => counts.described += 1,
                "vanished" => counts.vanished += 1,
                _ => counts.unread += 1,
            }
        }
    })?;
    let listed = by_target.iter().map(|(target, counts)| (target.clone(), counts.listed));
    let gaps = gaps(facts, findings, &listed.collect(), inventory.manifest.regions_named);
    let mut targets = Vec::new();
    for target in facts.reading().targets.keys() {
        let counts = by_target.remove(target).unwrap_or_default();
        let gap_count = gaps.iter().filter(|gap| gap.target == *target).count();
        let is_listed = facts.reading().is_whole(target, "dynamodb:ListTables", "");
        let status = match (is_listed, gap_count) {
            (false, _) if counts.listed == 0 => "not-read",
            (true, 0) => "scanned",
            _ => "partly",
        };
        targets.push((
            TargetCoverage {
                target: target.clone(),
                status,
                tables_listed: is_listed.then_some(counts.listed),
                tables_described: counts.described,
                call_count: facts.reading().attempts.get(target).copied().unwrap_or(0),
                gap_count,
            },
            counts,
        ));
    }
    let sum = |of: fn(&Counts) -> usize| targets.iter().map(|(_, counts)| of(counts)).sum();
    Ok(Coverage {
        tables_listed: sum(|counts| counts.listed),
        tables_described: sum(|counts| counts.described),
        tables_vanished: sum(|counts| counts.vanished),
        tables_unknown: sum(|counts| counts.unread),
        accounts: accounts(facts, targets.iter().map(|(coverage, _)| coverage)),
        targets: targets.into_iter().map(|(coverage, _)| coverage).collect(),
        regions_unknown: !inventory.manifest.regions_named && facts.reading().failures.iter().any(is_region_list),
        gaps,
        not_asked: not_asked(facts, rules),
        switched_off: Vec::new(),
    })
}

/// The program's own rules that did not run, in two sentences at most: those that cost calls under a hard quota, and the rest.
fn not_asked(facts: &Facts, rules: &RuleSet) -> Vec<String> {
    let is_run = |rule: &&Rule| rules.0.iter().any(|one| one.id == rule.id);
    let (costly, others): (Vec<&Rule>, Vec<&Rule>) =
        shipped().0.iter().filter(|rule| !is_run(rule)).partition(|rule| {
            let mut frames = rule.reads().flat_map(|name| frames_of(rule.subject, name));
            frames.any(|frame| COSTLY_FRAMES.contains(frame))
        });
    let names = |rules: &[&Rule]| rules.iter().map(|rule| &*rule.id).collect::<Vec<_>>().join(", ");
    let mut told = Vec::new();
    if !costly.is_empty() {
        let seconds = facts.len().div_ceil(COSTLY_CALLS_A_SECOND);
        told.push(format!(
            "{}: {} would take a call for each table, {} at {COSTLY_CALLS_A_SECOND} a second; add `--with {}`",
            names(&costly),
            if costly.len() == 1 { "it" } else { "they" },
            count(seconds, "second"),
            names(&costly).replace(", ", ",")
        ));
    }
    if !others.is_empty() {
        let named = match others.len() {
            1..=5 => format!(": {}", names(&others)),
            _ => String::new(),
        };
        let rules = count(others.len(), "rule");
        told.push(format!("{rules} of the program did not run{named}"));
    }
    told
}

fn accounts<'t>(facts: &Facts, targets: impl Iterator<Item = &'t TargetCoverage>) -> Vec<AccountCoverage> {
    let mut statuses: BTreeMap<&str, BTreeSet<&'static str>> = BTreeMap::new();
    for coverage in targets {
        statuses
            .entry(&coverage.target.account_id)
            .or_default()
            .insert(coverage.status);
    }
    let status_of = |statuses: &BTreeSet<&'static str>| match statuses.iter().copied().collect::<Vec<_>>().as_slice() {
        [one] => *one,
        _ => "partly",
    };
    let name_of = |id: &str| {
        let target = facts
            .reading()
            .targets
            .iter()
            .find(|(target, _)| target.account_id == id);
        target.map(|(_, name)| name.clone()).unwrap_or_default()
    };
    statuses
        .into_iter()
        .map(|(id, statuses)| AccountCoverage {
            account_id: id.to_owned(),
            name: name_of(id),
            status: status_of(&statuses),
        })
        .collect()
}
