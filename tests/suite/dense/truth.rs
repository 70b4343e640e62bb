//! What may be said of a moment, by the definitions alone and by force: no line of the program is used here.
//!
//! A recovery point counts from its completion, with the age of its data, until it is gone. What was asked is read from the
//! packs as a reader would: the policy of the pack before a moment or of the one after it, the tier by the tags that packs
//! show. Where no pack has shown the table yet, its tier is the one that it really had.

use super::lived::{Alive, HOUR, Lived, Look, Moment, Sample};
use super::script::{Denied, Policy, Tier};

/// An age within a second of the limit is either.
const TIE: Moment = 1000;

/// Jobs of so long before a scan are surely in its list.
const REACH: Moment = 29 * 24 * HOUR;

/// What really was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    Covered,
    Young,
    /// Exposed, while a point within the limit was being made.
    BeingMade,
    Exposed,
    Exempt,
    Gone,
}

impl Truth {
    pub fn of(table: &Alive, at: Moment, limit: Option<u32>) -> Self {
        let Some(limit) = limit.map(|hours| HOUR * Moment::from(hours)) else {
            return Self::Exempt;
        };
        let is_within = |age: Option<Moment>| age.is_some_and(|age| age <= limit);
        if is_within(table.age) {
            Self::Covered
        } else if at - table.born < limit {
            Self::Young
        } else if is_within(table.making) {
            Self::BeingMade
        } else {
            Self::Exposed
        }
    }
}

/// What an attestation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    Covered,
    Promised,
    Young,
    Exposed,
    NotObserved,
    Exempt,
    /// Nothing: it was not there, or nobody knows of it.
    Nothing,
}

impl Said {
    pub fn of(word: &str) -> Self {
        match word {
            "covered" => Self::Covered,
            "young" => Self::Young,
            "exposed" => Self::Exposed,
            "not-observed" => Self::NotObserved,
            "exempt" => Self::Exempt,
            promised if promised.contains("promise") => Self::Promised,
            other => panic!("a state that nobody told the truth of: {other}"),
        }
    }

    /// Does that moment, with that to be asked, allow it?
    pub fn allows(self, table: &Alive, at: Moment, limit: Option<u32>) -> bool {
        let is_tie = |limit: u32| {
            let near = |age: Moment| (age - HOUR * Moment::from(limit)).abs() < TIE;
            table.age.is_some_and(near) || table.making.is_some_and(near) || near(at - table.born)
        };
        let truth = Truth::of(table, at, limit);
        limit.is_some_and(is_tie)
            || match self {
                Self::Covered => matches!(truth, Truth::Covered | Truth::Exempt),
                Self::Young => matches!(truth, Truth::Covered | Truth::Young | Truth::Exempt),
                Self::Exposed => matches!(truth, Truth::Exposed | Truth::BeingMade),
                Self::Exempt => truth == Truth::Exempt,
                Self::Promised | Self::NotObserved | Self::Nothing => true,
            }
    }
}

/// The policies that packs leave open for a moment, and the tiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readings {
    policies: Vec<Policy>,
    tiers: Vec<Tier>,
}

impl Readings {
    pub fn of(looks: &[&Look], table: &Alive, at: Moment) -> Self {
        let shows = |look: &&&Look| look.denied != Some(Denied::Tags) && look.shows(&table.id).is_some();
        let tier = |look: &&Look| look.shows(&table.id).map_or(table.tier, |shown| shown.tier);
        let before = looks.iter().rev().find(|look| look.at <= at);
        let after = looks.iter().find(|look| look.at > at);
        let shown_before = looks.iter().rev().filter(shows).find(|look| look.at <= at);
        let shown_after = looks.iter().filter(shows).find(|look| look.at > at);
        let mut tiers: Vec<Tier> = shown_before.into_iter().chain(shown_after).map(tier).collect();
        if shown_before.is_none() {
            tiers.push(table.tier);
        }
        let mut policies: Vec<Policy> = before.into_iter().chain(after).map(|look| look.policy).collect();
        tiers.sort_unstable();
        tiers.dedup();
        policies.sort_unstable();
        policies.dedup();
        Self { policies, tiers }
    }

    /// Everything that may have been asked.
    pub fn limits(&self) -> impl Iterator<Item = Option<u32>> + '_ {
        let of = |policy: &Policy| self.tiers.iter().map(|tier| policy.limit(*tier)).collect::<Vec<_>>();
        self.policies.iter().flat_map(of)
    }

    pub fn holds(&self, policy: Policy, tier: Tier) -> bool {
        self.policies.contains(&policy) && self.tiers.contains(&tier)
    }

    /// Is nothing left open here that the other one leaves open?
    pub fn are_among(&self, other: &Self) -> bool {
        let limits: Vec<_> = other.limits().collect();
        self.limits().all(|limit| limits.contains(&limit))
    }
}

impl Look {
    /// The table, if the pack describes it.
    pub fn shows(&self, id: &str) -> Option<&Alive> {
        let table = self.tables.iter().find(|table| table.id == id)?;
        let is_hidden = match self.denied {
            Some(Denied::Tables) => true,
            Some(Denied::Table(number)) => super::script::name(number) == table.name,
            _ => false,
        };
        (!is_hidden).then_some(table)
    }

    /// Are the points of that vault in it?
    fn reads(&self, vault: &str) -> bool {
        match self.denied {
            Some(Denied::Vault(number)) => super::script::VAULTS[number] != vault,
            // What their keys are is a part of whether they are good.
            Some(Denied::Vaults | Denied::Keys) => false,
            _ => true,
        }
    }

    /// Does it hold every job and every point?
    fn is_whole(&self) -> bool {
        !matches!(self.denied, Some(Denied::Vault(_) | Denied::Vaults | Denied::Jobs))
    }
}

/// Why nothing is said of a moment, or what could be said and is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    AfterTheLastPack,
    MayHaveBeenGone,
    PoliciesDiffer,
    NoPackReaches,
    EndOfPointUnknown,
    /// A pack lists a point that was there until a later pack, and the table.
    CouldSayCovered,
    /// Every point of the time was gone, and packs show it.
    CouldSayExposed,
    Other,
}

pub fn why(lived: &Lived, looks: &[&Look], sample: &Sample, table: &Alive) -> Why {
    let at = sample.at;
    let readings = Readings::of(looks, table, at);
    let is_shown_later = looks
        .iter()
        .any(|look| look.at >= at && look.shows(&table.id).is_some());
    // Before a pack shows the table its tier may be any, whatever it really was; and where it shows no tags.
    let shown = |look: &&&Look| look.shows(&table.id).is_some();
    let before = looks.iter().rev().filter(shown).find(|look| look.at <= at);
    let after = looks.iter().filter(shown).find(|look| look.at > at);
    let has_tags = |look: &&Look| look.denied != Some(Denied::Tags);
    let is_tier_known = before.is_some_and(has_tags) && after.is_none_or(has_tags);
    let mut asked: Vec<Option<u32>> = readings.limits().collect();
    if !is_tier_known {
        let any = [Tier::Plain, Tier::Gold, Tier::Free];
        asked.extend(
            readings
                .policies
                .iter()
                .flat_map(|policy| any.map(|tier| policy.limit(tier))),
        );
    }
    let strict = asked.iter().flatten().min().map(|hours| HOUR * Moment::from(*hours));
    let lax = asked.iter().copied().collect::<Option<Vec<u32>>>();
    let lax = lax
        .and_then(|all| all.into_iter().max())
        .map(|hours| HOUR * Moment::from(hours));
    let listed = |look: &&&Look, arn: &str, of: &dyn Fn(&str) -> bool| {
        let is_it = |point: &&backproof_sandbox::inside::Point| &*point.arn == arn && of(&point.vault);
        look.points.iter().find(is_it).cloned()
    };
    let is_sure = strict.is_some_and(|strict| {
        is_shown_later
            && looks.iter().filter(|look| look.at >= at).any(|look| {
                look.points.iter().any(|point| {
                    let created = point.created_at.timestamp_millis();
                    let completed = point.completed_at.map(|at| at.timestamp_millis());
                    point.table_id == table.id
                        && look.reads(&point.vault)
                        && completed.is_some_and(|completed| completed + TIE <= at)
                        && at - created + TIE < strict
                        && !point.is_expired
                })
            })
    });
    if is_sure {
        return Why::CouldSayCovered;
    }
    let reach_from = |from: Moment| {
        // Every moment of it is in the reach of a whole pack.
        let mut left = from;
        for look in looks.iter().filter(|look| look.is_whole()) {
            if look.at - REACH <= left {
                left = left.max(look.at);
            }
        }
        left >= at
    };
    let young_at = |lax: Moment| at - table.born <= lax + TIE;
    if !looks.iter().any(|look| look.at >= at) {
        return Why::AfterTheLastPack;
    }
    if !is_shown_later {
        return Why::MayHaveBeenGone;
    }
    let is_reached = reach_from(at - lax.or(strict).unwrap_or(0) - 2 * HOUR);
    if let Some(lax) = lax.filter(|lax| is_reached && !young_at(*lax)) {
        let of_the_time = lived
            .points
            .iter()
            .filter(|(_, once)| once.table_id == table.id && once.created <= at && at - once.created <= lax + 2 * HOUR);
        let is_known_gone = |arn: &str| {
            let seen = looks
                .iter()
                .find(|look| listed(look, arn, &|vault| look.reads(vault)).is_some());
            let Some(seen) = seen else { return false };
            let later = looks
                .iter()
                .filter(|look| look.at > seen.at && look.at <= at && look.is_whole());
            later.into_iter().any(|look| listed(&look, arn, &|_| true).is_none())
        };
        if of_the_time.into_iter().all(|(arn, _)| is_known_gone(arn)) {
            return Why::CouldSayExposed;
        }
    }
    let mut truths: Vec<Truth> = asked.iter().map(|limit| Truth::of(table, at, *limit)).collect();
    truths.sort_unstable();
    truths.dedup();
    if truths.len() > 1 {
        return Why::PoliciesDiffer;
    }
    if !is_reached {
        return Why::NoPackReaches;
    }
    let is_open = lived.points.values().any(|once| {
        once.table_id == table.id && once.created <= at && lax.is_none_or(|lax| at - once.created <= lax + 2 * HOUR)
    });
    if is_open { Why::EndOfPointUnknown } else { Why::Other }
}
