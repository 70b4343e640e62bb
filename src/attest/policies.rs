//! What was asked of every table, and when: the policies and waivers of all packs, in order of time.
//!
//! A pack shows the policy that was in force at its moment for every table of its accounts and Regions, whether it lists
//! the table or not. Where the packs before and after a moment show the same, so it was; where they differ, either may have
//! been in force, and only what holds under both is said. Before the first pack and after the last its policy is taken to
//! have been in force: nothing else is known. Which tier takes a table is told likewise by the packs that list it; before the
//! first of these and after the last only its name and place are known of it, so any tier may take it that they allow.
//!
//! A waiver is not taken to have been in force before the first pack: it counts from
//! the day on which it says that it was approved, but never from before a pack of the same account and Region in which it is
//! missing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::good::{Asked, AskedSpan};
use super::lives::{Life, Lives};
use super::{PolicyChange, WaiverTerm};
use crate::criteria::Criteria;
use crate::criteria::policy::{Policy, Tier};
use crate::criteria::waivers::Waiver;
use crate::dictionary::TableFacts;
use crate::domain::{Demand, Demands, Question, Subject, TargetId, rfc3339};
use crate::facts::{Facts, seconds};
use crate::judge::evaluate::{Assigned, Tiers, Within, is_left_open};
use crate::problem::Problem;

/// Tables judged at once.
const CHUNK: usize = 8192;

/// The rule on times without a recent recovery point.
const RULE_OF_GAPS: &str = "recovery-point-gap-within-rpo";

/// What it excuses of good points.
fn excuses(waiver: &Waiver) -> Demands {
    if waiver.rule == RULE_OF_GAPS {
        return AGE;
    }
    let of_points = waiver
        .excuses()
        .into_iter()
        .filter(|(rule, _)| *rule == Question::BackedUp.as_str());
    of_points.fold(Demands::NONE, |all, (_, demands)| all.or(demands))
}

/// That a point is there and young enough.
pub(super) const AGE: Demands = Demands::of(&[Demand::Fresh, Demand::Usable]);

/// What a policy asks of a table, by what one pack shows of the table.
#[derive(Debug, Clone, Copy)]
struct Ask {
    /// The pack, by place.
    pack: u32,
    policy: u32,
    /// By place in `asked`.
    asked: u32,
}

/// A policy in words, by what it says.
type Lines = BTreeMap<String, String>;

/// What packs say of each life, by its place.
pub(super) struct Policies {
    /// All policies of the packs, each once, and whether it asked for nothing of points but that they can be restored.
    policies: Vec<(Policy, bool)>,
    /// The policy of each pack, by place.
    policy_of: Vec<u32>,
    /// Everything that was asked somewhere: each in order, and none twice.
    asked: Vec<Vec<Asked>>,
    asked_places: HashMap<Vec<Asked>, u32>,
    /// By packs that list the table, in order.
    asks: Vec<Vec<Ask>>,
    /// By what is known of the table at any time, under the policy of the pack.
    possible: Vec<Vec<Ask>>,
    pub(super) tiers: Vec<BTreeSet<String>>,
    pub(super) missed: Vec<BTreeSet<u32>>,
    /// As the last pack shows it: one that is still there after its time is none.
    pub(super) is_restore_test: Vec<bool>,
    /// When a table was archived.
    pub(super) archived: Vec<Option<u32>>,
    pub(super) changes: Vec<PolicyChange>,
    /// Of every pack, its moment and its policy, in words.
    told: Vec<(DateTime<Utc>, Arc<Lines>)>,
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
    /// `all`: what every pack was judged by, in order of time, and whether its rules asked for nothing of points but that they
    /// can be restored.
    pub(super) fn new(lives: &Lives, all: &[(Criteria, bool)]) -> Self {
        let count = lives.all.len();
        let mut policies: Vec<(Policy, bool)> = Vec::new();
        let mut policy_of = Vec::new();
        let mut known: BTreeMap<(BTreeMap<String, String>, bool), u32> = BTreeMap::new();
        for (criteria, is_by_usable) in all {
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            let number = *known.entry((lines(&criteria.policy), *is_by_usable)).or_insert(next);
            if number == next {
                policies.push((criteria.policy.clone(), *is_by_usable));
            }
            policy_of.push(number);
        }
        Self {
            policies,
            policy_of,
            asked: vec![OPEN.to_vec()],
            asked_places: HashMap::from([(OPEN.to_vec(), 0)]),
            possible: vec![Vec::new(); count],
            asks: vec![Vec::new(); count],
            tiers: vec![BTreeSet::new(); count],
            missed: vec![BTreeSet::new(); count],
            is_restore_test: vec![false; count],
            archived: vec![None; count],
            changes: Vec::new(),
            told: Vec::new(),
            waivers: Vec::new(),
            packs: Vec::new(),
        }
    }

    /// Adds a pack. They come in order of time.
    ///
    /// Errors: the engine fails, which a checked policy never makes it do.
    pub(super) fn add(&mut self, lives: &Lives, facts: &Facts, criteria: &Criteria) -> Result<(), Problem> {
        let as_of = seconds(facts.as_of());
        let pack = self.packs.len();
        self.packs
            .push((as_of, facts.reading().targets.keys().cloned().collect()));
        let own = self.policy_of[pack];
        let mut matched = vec![0; criteria.waivers.0.len()];
        for policy in self.neighbours(lives, pack) {
            let (judged, is_by_usable) = std::mem::take(&mut self.policies[policy as usize]);
            let mut places: HashMap<*const Assigned, u32> = HashMap::new();
            let within = Within::of(&judged, facts)?;
            let mut tiers = Tiers::new(&judged, &[], facts.as_of(), &within);
            for start in (0..facts.len()).step_by(CHUNK) {
                let tables = facts.tables(start..facts.len().min(start + CHUNK));
                let assigned = tiers.assign(&tables, facts, start).map_err(no_tiers)?;
                for (place, (table, assigned)) in tables.facts.iter().zip(&assigned).enumerate() {
                    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
                    let (arn, name) = (text(&table.table_arn), text(&table.table_name));
                    if policy == own {
                        for (waiver, count) in criteria.waivers.0.iter().zip(&mut matched) {
                            *count += usize::from(waiver.matches(&arn, &name));
                        }
                    }
                    let Some(life) = lives.seen_at(&arn, as_of).map(|life| life as usize) else {
                        continue;
                    };
                    let asked = if is_left_open(table) {
                        OPEN_PLACE
                    } else {
                        let place = || self.place(asked_by(assigned, is_by_usable));
                        // The tiers keep what they assign.
                        *places.entry(Arc::as_ptr(assigned)).or_insert_with(place)
                    };
                    let pack = u32::try_from(pack).unwrap_or(u32::MAX);
                    self.asks[life].push(Ask { pack, policy, asked });
                    if policy != own {
                        continue;
                    }
                    self.tiers[life].insert(assigned.tier.to_string());
                    self.missed[life].extend(facts.missed_runs(&tables, place));
                    self.is_restore_test[life] = table.is_restore_test == Some(true);
                    self.archived[life] = table.archived_at.map(seconds);
                }
            }
            if policy == own {
                self.add_possible(lives, pack, (&mut tiers, is_by_usable))?;
            }
            self.policies[policy as usize] = (judged, is_by_usable);
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

    /// The policies that may have been in force when tables were as that pack shows them: those of the packs from the last one
    /// before that lists them to the next one.
    fn neighbours(&self, lives: &Lives, pack: usize) -> BTreeSet<u32> {
        let mut all = BTreeSet::from([self.policy_of[pack]]);
        if self.policies.len() == 1 {
            return all;
        }
        for target in &self.packs[pack].1 {
            let is_listed = |other: &usize| lives.lists(target, *other);
            let in_scope = |other: &usize| lives.scopes[*other].contains(target);
            let first = (0..pack).rev().find(is_listed).unwrap_or(0);
            let last = (pack + 1..lives.scopes.len()).find(is_listed);
            let others = first..=last.unwrap_or(lives.scopes.len() - 1);
            all.extend(others.filter(in_scope).map(|other| self.policy_of[other]));
        }
        all
    }

    /// What the pack's policy may ask of tables of which only name and place are known.
    fn add_possible(
        &mut self,
        lives: &Lives,
        pack: usize,
        (tiers, is_by_usable): (&mut Tiers<'_>, bool),
    ) -> Result<(), Problem> {
        let (as_of, targets) = &self.packs[pack];
        let is_known = |life: &Life| life.first_seen < *as_of && *as_of < life.last_seen;
        let all = lives.all.iter().enumerate();
        let places: Vec<usize> = all
            .filter(|(_, life)| targets.contains(&life.target) && !is_known(life))
            .map(|(place, _)| place)
            .collect();
        for places in places.chunks(CHUNK) {
            let tables: Vec<TableFacts> = places.iter().map(|place| lasting(&lives.all[*place])).collect();
            let assigned = tiers.assign_untagged(&tables).map_err(no_tiers)?;
            for (place, assigned) in places.iter().zip(assigned) {
                let asked = self.place(asked_by(&assigned, is_by_usable));
                self.possible[*place].push(Ask {
                    pack: u32::try_from(pack).unwrap_or(u32::MAX),
                    policy: self.policy_of[pack],
                    asked,
                });
            }
        }
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

    /// Notes what differs from the policy of the pack before that tells of one of the same accounts and Regions.
    fn compare(&mut self, as_of: DateTime<Utc>, policy: &Policy) {
        let pack = self.packs.len() - 1;
        let mut now = Arc::new(lines(policy));
        let before = (0..pack)
            .rev()
            .find(|other| !self.packs[*other].1.is_disjoint(&self.packs[pack].1));
        if let Some(before) = before.map(|place| &self.told[place]) {
            let last = &before.1;
            let keys: BTreeSet<&String> = last.keys().chain(now.keys()).collect();
            let of = |lines: &BTreeMap<String, String>, key: &String| {
                lines.get(key).cloned().unwrap_or_else(|| "none".to_owned())
            };
            for key in keys {
                let (old, new) = (of(last, key), of(&now, key));
                if old != new {
                    self.changes.push(PolicyChange {
                        after: before.0,
                        by: as_of,
                        what: key.clone(),
                        before: old,
                        now: new,
                    });
                }
            }
            if *last == now {
                now = Arc::clone(last);
            }
        }
        self.told.push((as_of, now));
    }

    /// The place of what is asked.
    fn place(&mut self, asked: Vec<Asked>) -> u32 {
        let next = u32::try_from(self.asked.len()).unwrap_or(u32::MAX);
        *self.asked_places.entry(asked).or_insert_with_key(|asked| {
            self.asked.push(asked.clone());
            next
        })
    }

    /// What was asked of a life over all time.
    pub(super) fn demands(&self, life: &Life, place: usize) -> Vec<AskedSpan> {
        let scope = self.packs.iter().enumerate();
        let scope: Vec<(u32, u32)> = scope
            .filter(|(_, (_, targets))| targets.contains(&life.target))
            .map(|(pack, (as_of, _))| (u32::try_from(pack).unwrap_or(u32::MAX), *as_of))
            .collect();
        let ends = scope.iter().map(|pack| Some(*pack));
        let ends: Vec<Option<(u32, u32)>> = std::iter::once(None).chain(ends).chain([None]).collect();
        let mut demands: Vec<(u32, u32, BTreeSet<u32>)> = Vec::new();
        for pair in ends.windows(2) {
            let (from, to) = (pair[0].map_or(0, |(_, at)| at), pair[1].map_or(u32::MAX, |(_, at)| at));
            let packs: Vec<u32> = pair.iter().flatten().map(|(pack, _)| *pack).collect();
            let asked = self.asked_between(place, &packs);
            match demands.last_mut() {
                Some((_, until, before)) if *before == asked => *until = to,
                _ if from < to => demands.push((from, to, asked)),
                _ => {}
            }
        }
        let any_of = |places: &BTreeSet<u32>| -> Vec<Asked> {
            let all: BTreeSet<Asked> = places
                .iter()
                .flat_map(|place| &self.asked[*place as usize])
                .copied()
                .collect();
            all.into_iter().collect()
        };
        let spans = demands.into_iter();
        let spans = spans.map(|(from, to, places)| AskedSpan {
            from,
            to,
            any_of: any_of(&places),
        });
        spans.collect()
    }

    /// What may have been asked of a life between two packs, or before the first or after the last: each by its place.
    fn asked_between(&self, place: usize, packs: &[u32]) -> BTreeSet<u32> {
        let asks = &self.asks[place];
        let listing = packs.first().zip(packs.get(1)).and_then(|(from, to)| {
            let before = asks[..asks.partition_point(|ask| ask.pack <= *from)].last()?;
            let after = asks.get(asks.partition_point(|ask| ask.pack < *to))?;
            Some([before.pack, after.pack])
        });
        let of = |asks: &[Ask], pack: u32, policy: u32| {
            let start = asks.partition_point(|ask| ask.pack < pack);
            let of_pack = asks[start..].iter().take_while(|ask| ask.pack == pack);
            let mut of_policy = of_pack.filter(|ask| ask.policy == policy);
            of_policy.next().map_or(OPEN_PLACE, |ask| ask.asked)
        };
        let policies = packs.iter().map(|pack| (*pack, self.policy_of[*pack as usize]));
        let each = policies.flat_map(|(pack, policy)| match listing {
            Some(shown) => shown.map(|shown| of(asks, shown, policy)),
            None => [of(&self.possible[place], pack, policy); 2],
        });
        let all: BTreeSet<u32> = each.collect();
        if all.is_empty() {
            BTreeSet::from([OPEN_PLACE])
        } else {
            all
        }
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
                        excuses: excuses(waiver),
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

/// What is not known.
const OPEN: &[Asked] = &[Asked::Open];

/// Its place.
const OPEN_PLACE: u32 = 0;

/// What the tiers that may take a table ask of it, between them.
fn asked_by(assigned: &Assigned, is_by_usable: bool) -> Vec<Asked> {
    if assigned.is_exempt == Some(true) {
        return vec![Asked::Nothing];
    }
    let each = assigned
        .candidates()
        .iter()
        .map(|values| Asked::by(values, is_by_usable));
    let exemption = assigned.is_exempt.is_none().then_some(Asked::Nothing);
    let all: BTreeSet<Asked> = each.chain(exemption).collect();
    all.into_iter().collect()
}

/// What is true of a table at any time.
fn lasting(life: &Life) -> TableFacts {
    TableFacts {
        table_arn: Some(life.table_arn.as_str().into()),
        table_name: Some(life.table_name.as_str().into()),
        account_id: Some(life.target.account_id.as_str().into()),
        region: Some(life.target.region.as_str().into()),
        table_id: life.table_id.as_deref().map(Into::into),
        created_at: life.born.map(super::judge::instant),
        ..TableFacts::default()
    }
}

fn no_tiers(error: impl std::fmt::Display) -> Problem {
    Problem::new("could not evaluate the tiers of a pack")
        .why(error.to_string())
        .so("nothing was attested")
}

/// Every value of a policy and every tier, in words.
pub(super) fn lines(policy: &Policy) -> BTreeMap<String, String> {
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
