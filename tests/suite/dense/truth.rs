//! What may be said of a moment, by the definitions alone and by force: no line of the program is used here.
//!
//! A recovery point counts from its completion, with the age of its data, until it is gone. What was asked is read from the
//! packs as a reader would: the policy of the pack before a moment or of the one after it, the tier by the tags that packs
//! show. Where no pack has shown the table yet, its tier is the one that it really had.

use backproof_sandbox::inside::Lock;

use super::lived::{Alive, HOUR, Lived, Look, Moment, Sample, There};
use super::script::{Ask, Denied, ELSEWHERE, KEYED, Policy, Tier};

/// An age within a second of the limit is either.
const TIE: Moment = 1000;

/// Jobs of so long before a scan are surely in its list.
const REACH: Moment = 29 * 24 * HOUR;

/// What packs tell of what may change in the life of a point: what they show before and after a moment, if that is the same.
/// Where it is not, it is what it really was.
pub struct View<'l> {
    lived: &'l Lived,
    looks: &'l [&'l Look],
    /// When points were made under the key of the vault that has one, as packs that list them show.
    used: Vec<Moment>,
}

impl<'l> View<'l> {
    pub fn of(lived: &'l Lived, looks: &'l [&'l Look]) -> Self {
        let is_listed = |number: usize| {
            let vault = lived.points[number].vault;
            looks.iter().any(|look| look.lists(number, vault))
        };
        let of_key = |(_, once): &(usize, &super::lived::Once)| {
            once.vault == KEYED && !once.is_native && once.completed.is_some()
        };
        let all = lived.points.iter().enumerate().filter(of_key);
        let used = all
            .filter(|(number, _)| is_listed(*number))
            .map(|(_, once)| once.created);
        Self {
            lived,
            looks,
            used: used.collect(),
        }
    }

    fn lock(&self, vault: usize, at: Moment) -> Option<Lock> {
        let shows = self.looks.iter().filter(|look| look.denied != Some(Denied::Vaults));
        let (before, after) = around(shows.map(|look| (look.at, look.locks[vault])), at);
        match before {
            Some(Lock::Compliance) => before,
            _ => before.filter(|_| before == after),
        }
    }

    fn key_works(&self, point: &There, at: Moment) -> Option<bool> {
        if point.vault != KEYED || self.lived.points[point.number].is_native {
            return Some(true);
        }
        let is_dark = |look: &Look| matches!(look.denied, Some(Denied::Vaults | Denied::Keys));
        let shows = self
            .looks
            .iter()
            .filter(|look| !is_dark(look))
            .map(|look| (look.at, look.keys_work[KEYED]));
        let (before, after) = around(shows.chain(self.used.iter().map(|at| (*at, true))), at);
        before.filter(|_| before == after)
    }

    fn kept(&self, point: &There, at: Moment) -> Option<i64> {
        let once = &self.lived.points[point.number];
        let shows = self.looks.iter().filter(|look| look.lists(point.number, point.vault));
        let shows = shows.map(|look| (look.at, look.points[&point.number]));
        let (before, after) = around(shows.chain([(once.created, once.kept)]), at);
        before.filter(|_| before == after)
    }

    fn is_good(&self, point: &There, at: Moment, ask: Ask) -> bool {
        point.is_complete
            && (ask.keep <= 1 || self.kept(point, at).unwrap_or(point.kept) >= ask.keep)
            && (ask.lock == Lock::None || self.lock(point.vault, at).unwrap_or(point.lock) >= ask.lock)
            && self.key_works(point, at).unwrap_or(point.key_works)
    }

    /// Whatever was in force where nothing tells it.
    fn is_surely_good(&self, point: &There, at: Moment, ask: Ask) -> bool {
        point.is_complete
            && (ask.keep <= 1 || self.kept(point, at).is_some_and(|kept| kept >= ask.keep))
            && (ask.lock == Lock::None || self.lock(point.vault, at).is_some_and(|lock| lock >= ask.lock))
            && self.key_works(point, at) == Some(true)
    }

    /// Is a point of the table good by the one and not by the other?
    pub fn differs(&self, other: &Self, (table, at): (&Alive, Moment), readings: &Readings) -> bool {
        let is_other = |point: &There, ask: Ask| self.is_good(point, at, ask) != other.is_good(point, at, ask);
        let any = |point: &There| readings.asks().flatten().any(|ask| is_other(point, ask));
        table.points.iter().any(any)
    }
}

/// The last that is shown by that moment, and the first after it.
fn around<T: Copy>(shows: impl Iterator<Item = (Moment, T)>, at: Moment) -> (Option<T>, Option<T>) {
    let mut before: Option<(Moment, T)> = None;
    let mut after: Option<(Moment, T)> = None;
    for (shown, what) in shows {
        if shown <= at && before.is_none_or(|(last, _)| last <= shown) {
            before = Some((shown, what));
        }
        if shown > at && after.is_none_or(|(first, _)| shown < first) {
            after = Some((shown, what));
        }
    }
    (before.map(|(_, what)| what), after.map(|(_, what)| what))
}

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
    pub fn of(view: &View<'_>, table: &Alive, at: Moment, ask: Option<Ask>) -> Self {
        let Some(ask) = ask else { return Self::Exempt };
        let limit = HOUR * Moment::from(ask.hours);
        let mut within = table
            .points
            .iter()
            .filter(|point| at - point.created <= limit_of(point, ask));
        if within.clone().any(|point| view.is_good(point, at, ask)) {
            Self::Covered
        } else if at - table.born < limit {
            Self::Young
        } else if within.any(|point| !point.is_complete) {
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
    pub fn allows(self, view: &View<'_>, table: &Alive, at: Moment, ask: Option<Ask>) -> bool {
        let truth = Truth::of(view, table, at, ask);
        ask.is_some_and(|ask| is_tie(table, at, ask))
            || match self {
                Self::Covered => matches!(truth, Truth::Covered | Truth::Exempt),
                Self::Young => matches!(truth, Truth::Covered | Truth::Young | Truth::Exempt),
                Self::Exposed => matches!(truth, Truth::Exposed | Truth::BeingMade),
                Self::Exempt => truth == Truth::Exempt,
                Self::Promised | Self::NotObserved | Self::Nothing => true,
            }
    }
}

/// Something is as old as the limit, or nearly so.
pub fn is_tie(table: &Alive, at: Moment, ask: Ask) -> bool {
    let near = |of: Moment, limit: Moment| (at - of - limit).abs() < 2 * TIE;
    let is_near = |point: &There| near(point.created, limit_of(point, ask));
    near(table.born, HOUR * Moment::from(ask.hours)) || table.points.iter().any(is_near)
}

/// How old its data may be; nothing counts that is not asked about.
pub fn limit_of(point: &There, ask: Ask) -> Moment {
    let limit = HOUR * Moment::from(ask.hours);
    match (point.vault == ELSEWHERE, ask.or_copy) {
        (false, _) => limit,
        (true, true) => 2 * limit,
        (true, false) => -1,
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
    pub fn asks(&self) -> impl Iterator<Item = Option<Ask>> + '_ {
        let of = |policy: &Policy| self.tiers.iter().map(|tier| policy.ask(*tier)).collect::<Vec<_>>();
        self.policies.iter().flat_map(of)
    }

    pub fn holds(&self, policy: Policy, tier: Tier) -> bool {
        self.policies.contains(&policy) && self.tiers.contains(&tier)
    }

    /// Is nothing left open here that the other one leaves open?
    pub fn are_among(&self, other: &Self) -> bool {
        let asks: Vec<_> = other.asks().collect();
        self.asks().all(|ask| asks.contains(&ask))
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
    fn reads(&self, vault: usize) -> bool {
        match self.denied {
            Some(Denied::Vault(number)) => number != vault,
            Some(Denied::Vaults) => false,
            _ => true,
        }
    }

    /// Is it in it, which lies in that vault?
    fn lists(&self, number: usize, vault: usize) -> bool {
        self.points.contains_key(&number) && self.reads(vault)
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

pub fn why(view: &View<'_>, sample: &Sample, table: &Alive) -> Why {
    let (lived, looks) = (view.lived, view.looks);
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
    let mut asked: Vec<Option<Ask>> = readings.asks().collect();
    if !is_tier_known {
        let any = [Tier::Plain, Tier::Gold, Tier::Free];
        let of = |policy: &Policy| any.map(|tier| policy.ask(tier));
        asked.extend(readings.policies.iter().flat_map(of));
    }
    let strict = asked.iter().flatten().map(|ask| HOUR * Moment::from(ask.hours)).min();
    let lax = asked.iter().copied().collect::<Option<Vec<Ask>>>();
    let lax = lax.and_then(|all| all.into_iter().map(|ask| HOUR * Moment::from(ask.hours)).max());
    let is_sure = strict.is_some_and(|strict| {
        is_shown_later
            && table.points.iter().any(|point| {
                let completed = lived.points[point.number].completed;
                let mut later = looks.iter().filter(|look| look.at >= at);
                later.any(|look| look.lists(point.number, point.vault))
                    && completed.is_some_and(|completed| completed + TIE <= at)
                    && point.vault != ELSEWHERE
                    && at - point.created + TIE < strict
                    && asked.iter().flatten().all(|ask| view.is_surely_good(point, at, *ask))
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
    // Of copies that no pack lists nobody knows.
    let may_be_copied = asked.iter().flatten().any(|ask| ask.or_copy);
    if let Some(lax) = lax.filter(|lax| is_reached && !young_at(*lax) && !may_be_copied) {
        let mut of_the_time =
            lived.points.iter().enumerate().filter(|(_, once)| {
                once.table_id == table.id && once.created <= at && at - once.created <= lax + 2 * HOUR
            });
        let is_known_gone = |number: usize, vault: usize| {
            let seen = looks.iter().find(|look| look.lists(number, vault));
            let Some(seen) = seen else { return false };
            let mut later = looks
                .iter()
                .filter(|look| look.at > seen.at && look.at <= at && look.is_whole());
            later.any(|look| !look.points.contains_key(&number))
        };
        if of_the_time.all(|(number, once)| is_known_gone(number, once.vault)) {
            return Why::CouldSayExposed;
        }
    }
    let mut truths: Vec<Truth> = asked.iter().map(|ask| Truth::of(view, table, at, *ask)).collect();
    truths.sort_unstable();
    truths.dedup();
    if truths.len() > 1 {
        return Why::PoliciesDiffer;
    }
    if !is_reached {
        return Why::NoPackReaches;
    }
    let is_open = lived.points.iter().any(|once| {
        once.table_id == table.id && once.created <= at && lax.is_none_or(|lax| at - once.created <= lax + 2 * HOUR)
    });
    if is_open { Why::EndOfPointUnknown } else { Why::Other }
}
