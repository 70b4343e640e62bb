//! What was asked of every table, and when: the policies and waivers of all packs, in order of time.
//!
//! A pack shows the policy that was in force at its moment. Where the packs before and after a moment show the same, so
//! it was; where they differ, either may have been in force, and only what holds under both is said. Before the first
//! pack and after the last its policy is taken to have been in force: nothing else is known. A waiver is not: it counts from
//! the day on which it says that it was approved, but never from before a pack of the same account and Region in which it is
//! missing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::lives::{Life, Lives};
use super::{PolicyChange, WaiverTerm};
use crate::criteria::Criteria;
use crate::criteria::policy::{Policy, Tier};
use crate::criteria::waivers::Waiver;
use crate::domain::{Demand, Demands, Question, Subject, TargetId, rfc3339};
use crate::facts::rpo_over_time::{DemandSpan, RpoDemand};
use crate::facts::{Facts, seconds};
use crate::judge::evaluate::{Tiers, Within, is_left_open};
use crate::problem::Problem;

/// Tables judged at once.
const CHUNK: usize = 8192;

/// The rule on times without a recent recovery point.
const RULE_OF_GAPS: &str = "recovery-point-gap-within-rpo";

/// Does it accept a time without a recent recovery point, be it that there was an old one or none?
fn accepts_exposure(waiver: &Waiver) -> bool {
    let wanted: Demands = [Demand::Fresh, Demand::Usable].into_iter().collect();
    let is_enough = |(rule, demands): (&str, Demands)| rule == Question::BackedUp.as_str() && wanted.are_among(demands);
    waiver.rule == RULE_OF_GAPS || waiver.excuses().into_iter().any(is_enough)
}

/// What packs say of each life, by its place.
pub(super) struct Policies {
    asks: Vec<Vec<(u32, RpoDemand)>>,
    pub(super) tiers: Vec<BTreeSet<String>>,
    pub(super) missed: Vec<BTreeSet<u32>>,
    /// As the last pack shows it: one that is still there after its time is none.
    pub(super) is_restore_test: Vec<bool>,
    /// When a table was archived.
    pub(super) archived: Vec<Option<u32>>,
    pub(super) changes: Vec<PolicyChange>,
    last: Option<(DateTime<Utc>, BTreeMap<String, String>)>,
    waivers: Vec<Seen>,
    /// Moment and scope of every pack.
    packs: Vec<(u32, BTreeSet<TargetId>)>,
}

/// A waiver, and how packs show it, by their place; where it is missing it was not in force.
struct Seen {
    waiver: Waiver,
    shown: BTreeMap<usize, Shown>,
}

/// How a pack shows a waiver that is sound.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    InForce,
    /// Its term is over, and it had not been withdrawn before.
    Over,
    /// How many tables it is for is not known, and so not whether it was in force.
    NotCounted,
}

impl Policies {
    pub(super) fn new(lives: &Lives) -> Self {
        let count = lives.all.len();
        Self {
            asks: vec![Vec::new(); count],
            tiers: vec![BTreeSet::new(); count],
            missed: vec![BTreeSet::new(); count],
            is_restore_test: vec![false; count],
            archived: vec![None; count],
            changes: Vec::new(),
            last: None,
            waivers: Vec::new(),
            packs: Vec::new(),
        }
    }

    /// Adds a pack. They come in order of time.
    ///
    /// Errors: the engine fails, which a checked policy never makes it do.
    pub(super) fn add(&mut self, lives: &Lives, facts: &Facts, criteria: &Criteria) -> Result<(), Problem> {
        let as_of = seconds(facts.as_of());
        self.packs
            .push((as_of, facts.reading().targets.keys().cloned().collect()));
        let within = Within::of(&criteria.policy, facts)?;
        let mut tiers = Tiers::new(&criteria.policy, &[], facts.as_of(), &within);
        let mut matched = vec![0; criteria.waivers.0.len()];
        for start in (0..facts.len()).step_by(CHUNK) {
            let tables = facts.tables(start..facts.len().min(start + CHUNK));
            let assigned = tiers.assign(&tables, facts, start).map_err(|error| {
                Problem::new("could not evaluate the tiers of a pack")
                    .why(error.to_string())
                    .so("nothing was attested")
            })?;
            for (place, (table, assigned)) in tables.facts.iter().zip(&assigned).enumerate() {
                let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
                let (arn, name) = (text(&table.table_arn), text(&table.table_name));
                for (waiver, count) in criteria.waivers.0.iter().zip(&mut matched) {
                    *count += usize::from(waiver.matches(&arn, &name));
                }
                let Some(life) = lives.seen_at(&arn, as_of).map(|life| life as usize) else {
                    continue;
                };
                let asked = if is_left_open(table) {
                    RpoDemand::OPEN
                } else {
                    assigned.asked()
                };
                self.asks[life].push((as_of, asked));
                self.tiers[life].insert(assigned.tier.to_string());
                self.missed[life].extend(facts.missed_runs(&tables, place));
                self.is_restore_test[life] = table.is_restore_test == Some(true);
                self.archived[life] = table.archived_at.map(seconds);
            }
        }
        let is_listed_whole = facts.is_listed_whole(Subject::Table);
        for (waiver, matched) in criteria.waivers.0.iter().zip(matched) {
            let last_moment = waiver.expires_at - TimeDelta::milliseconds(1);
            let counted = waiver.matched(matched, is_listed_whole);
            let is_sound = |at: DateTime<Utc>, matched: usize| waiver.is_in_force(at, Some(matched));
            if waiver.is_in_force(facts.as_of(), counted) {
                self.see_waiver(waiver, Shown::InForce);
            } else if facts.as_of() > last_moment && is_sound(last_moment, matched) {
                self.see_waiver(waiver, Shown::Over);
            } else if counted.is_none() && is_sound(facts.as_of(), matched) {
                self.see_waiver(waiver, Shown::NotCounted);
            }
        }
        self.compare(facts.as_of(), &criteria.policy);
        Ok(())
    }

    fn see_waiver(&mut self, waiver: &Waiver, shown: Shown) {
        let pack = self.packs.len() - 1;
        let is_it = |seen: &&mut Seen| {
            let mut known = seen.waiver.clone();
            // The same words at another line of the file are the same waiver.
            known.origin.clone_from(&waiver.origin);
            known == *waiver
        };
        match self.waivers.iter_mut().find(is_it) {
            Some(seen) => {
                seen.shown.insert(pack, shown);
            }
            None => self.waivers.push(Seen {
                waiver: waiver.clone(),
                shown: BTreeMap::from([(pack, shown)]),
            }),
        }
    }

    /// Notes what differs from the policy of the pack before.
    fn compare(&mut self, as_of: DateTime<Utc>, policy: &Policy) {
        let now = lines(policy);
        if let Some((before, last)) = self.last.replace((as_of, now.clone())) {
            let keys: BTreeSet<&String> = last.keys().chain(now.keys()).collect();
            let of = |lines: &BTreeMap<String, String>, key: &String| {
                lines.get(key).cloned().unwrap_or_else(|| "none".to_owned())
            };
            for key in keys {
                let (old, new) = (of(&last, key), of(&now, key));
                if old != new {
                    self.changes.push(PolicyChange {
                        after: before,
                        by: as_of,
                        what: key.clone(),
                        before: old,
                        now: new,
                    });
                }
            }
        }
    }

    /// What was asked of a life over all time.
    pub(super) fn demands(&self, life: usize) -> Vec<DemandSpan> {
        let asks = &self.asks[life];
        let Some((first, last)) = asks.first().zip(asks.last()) else {
            return Vec::new();
        };
        let between = asks
            .windows(2)
            .map(|pair| (pair[0].0, pair[1].0, pair[0].1.or(pair[1].1)));
        let intervals = [(0, first.0, first.1)]
            .into_iter()
            .chain(between)
            .chain([(last.0, u32::MAX, last.1)]);
        let mut demands: Vec<DemandSpan> = Vec::new();
        for (from, to, asked) in intervals {
            match demands.last_mut() {
                Some(before) if before.asked == asked => before.to = to,
                _ => demands.push(DemandSpan { from, to, asked }),
            }
        }
        demands
    }

    /// Waivers that say that they were in force for a table at some moment from `from` to `to`, in order of their ids.
    pub(super) fn waivers(&self, life: &Life, from: u32, to: u32) -> Vec<WaiverTerm> {
        let mut terms: Vec<WaiverTerm> = Vec::new();
        for seen in &self.waivers {
            let waiver = &seen.waiver;
            if !waiver.matches(&life.table_arn, &life.table_name) {
                continue;
            }
            let approved = seconds(waiver.approved_at);
            for (missing, end) in self.runs(seen, &life.target) {
                let start = approved.max(missing.unwrap_or(0));
                if approved.max(from) < end.min(to) {
                    terms.push(WaiverTerm {
                        id: waiver.id.clone(),
                        rule: waiver.rule.clone(),
                        reason: waiver.reason.clone(),
                        requester: waiver.requester.clone(),
                        approver: waiver.approver.clone(),
                        approved,
                        from: start.min(end),
                        to: end,
                        accepts_exposure: accepts_exposure(waiver),
                    });
                }
            }
        }
        terms.sort_by(|a, b| (&a.id, &a.rule, a.from).cmp(&(&b.id, &b.rule, b.from)));
        terms
    }

    /// Stretches of packs of a target that show a waiver, one after the other: the last pack before that did not show it,
    /// which proves that it was not in force then; and its end. It expired, or it was missing from the next pack: then
    /// nobody knows since when.
    fn runs(&self, seen: &Seen, target: &TargetId) -> Vec<(Option<u32>, u32)> {
        let expired = seconds(seen.waiver.expires_at + TimeDelta::milliseconds(1));
        let mut runs = Vec::new();
        let (mut missing, mut last, mut is_sure) = (None, None, false);
        for (pack, (as_of, targets)) in self.packs.iter().enumerate() {
            if !targets.contains(target) {
                continue;
            }
            match (seen.shown.get(&pack), last) {
                (Some(Shown::InForce), _) | (Some(Shown::Over), Some(_)) => (last, is_sure) = (Some(*as_of), true),
                // It was there, which proves neither.
                (Some(Shown::Over | Shown::NotCounted), _) => is_sure = false,
                (None, ended) => {
                    runs.extend(ended.map(|at: u32| (missing, expired.min(at))));
                    (missing, last) = (Some(*as_of), None);
                }
            }
        }
        let end = |at: u32| if is_sure { expired } else { expired.min(at) };
        runs.extend(last.map(|at| (missing, end(at))));
        runs
    }
}

/// Every value of a policy and every tier, in words.
fn lines(policy: &Policy) -> BTreeMap<String, String> {
    let values = policy
        .values
        .lines()
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    let mut lines: BTreeMap<String, String> = values.collect();
    for tier in &policy.tiers {
        lines.insert(format!("tier {}", tier.name), tier_text(tier));
    }
    if policy.tiers.len() > 1 {
        let names: Vec<&str> = policy.tiers.iter().map(|tier| tier.name.as_str()).collect();
        lines.insert("order of tiers".to_owned(), names.join(", "));
    }
    lines
}

fn tier_text(tier: &Tier) -> String {
    let set = tier
        .values
        .lines()
        .into_iter()
        .filter(|(key, _)| tier.sets.contains(key));
    let mut parts = vec![format!("when {}", tier.when)];
    parts.extend(set.map(|(key, value)| format!("{key} = {value}")));
    if let Some(exemption) = &tier.exemption {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        let until = exemption.expires_at.map_or_else(|| "no end".to_owned(), rfc3339);
        let most = exemption
            .max_tables
            .map_or_else(String::new, |most| format!("; max-tables: {most}"));
        parts.push(format!(
            "exempt until {until}; reason: {}; approver: {}{most}",
            or_none(&exemption.reason),
            or_none(&exemption.approver)
        ));
    }
    parts.join(", ")
}
