//! Which tables lived, and when: a table is an id of DynamoDB, so one that was made anew under an old name is another.
//!
//! In: the tables of every pack, in order of time. Out: [`Lives`]. A table surely lived from its creation to the last pack
//! that lists it; it was gone by the first later pack that lists its target whole and not it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::TargetId;
use crate::facts::rpo_over_time::Spans;
use crate::facts::{Reading, seconds};
use crate::inventory::Inventory;
use crate::inventory::schema::Table;
use crate::problem::Problem;

/// One table, from its creation to its deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) target: TargetId,
    pub(super) table_arn: String,
    pub(super) table_name: String,
    /// `None`: AWS left it out, or no pack describes the table.
    pub(super) table_id: Option<String>,
    /// `None`: no pack describes the table.
    pub(super) born: Option<u32>,
    /// The first pack that lists it.
    pub(super) first_seen: u32,
    /// The last pack that lists it.
    pub(super) last_seen: u32,
    /// It was gone by then; `u32::MAX`: nothing says so.
    pub(super) gone_by: u32,
}

/// Whose a recovery point or a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// A table, by its place: it lived from before that until after.
    Life(u32),
    /// One of these tables of the name, or another that no pack lists.
    AnyOf(Vec<u32>),
    /// A table of that name lived then, and no pack lists it.
    Unlisted,
}

/// How often the tables of a target were listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// Moments of packs that list all of them.
    pub(super) whole: Vec<u32>,
    /// These packs, by place.
    packs_whole: BTreeSet<usize>,
    /// Packs that had the target in scope.
    pub(super) packs: usize,
}

/// Every table that any pack lists.
#[derive(Debug, Default)]
pub(super) struct Lives {
    /// In order of ARN, then creation.
    pub(super) all: Vec<Life>,
    /// Places of those with the same ARN, in order of creation.
    by_arn: HashMap<String, Vec<u32>>,
    pub(super) targets: BTreeMap<TargetId, Listed>,
    /// Of every pack, in order of time, what it had in scope.
    pub(super) scopes: Vec<BTreeSet<TargetId>>,
}

/// How one pack shows a table.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Listing {
    Described {
        id: Option<String>,
        born: u32,
    },
    /// Listed, and not described: its name was there.
    Unread,
    /// Listed, and gone when it was to be described.
    Vanished {
        by: u32,
    },
}

/// Everything that packs say of one ARN.
struct Sightings {
    target: TargetId,
    table_name: String,
    /// Moment of the pack, and what it says; in order.
    listings: Vec<(u32, Listing)>,
    /// When the last pack that lists it had been read, by its moment.
    ends: HashMap<u32, u32>,
}

/// Puts the lists of packs together.
#[derive(Default)]
pub(super) struct LivesBuilder {
    by_arn: BTreeMap<String, Sightings>,
    targets: BTreeMap<TargetId, Listed>,
    scopes: Vec<BTreeSet<TargetId>>,
}

impl LivesBuilder {
    /// Adds a pack. They come in order of time.
    ///
    /// Errors: a damaged frame.
    pub(super) fn add(&mut self, inventory: &Inventory) -> Result<(), Problem> {
        let as_of = seconds(inventory.manifest.as_of);
        let took = inventory.manifest.finished_at - inventory.manifest.started_at;
        let by = seconds(inventory.manifest.as_of + took.max(chrono::TimeDelta::zero()));
        let reading = Reading::read(inventory)?;
        self.scopes.push(reading.targets.keys().cloned().collect());
        for target in reading.targets.keys() {
            let listed = self.targets.entry(target.clone()).or_default();
            listed.packs += 1;
            if reading.is_whole(target, "dynamodb:ListTables", "") {
                listed.whole.push(as_of);
                listed.packs_whole.insert(self.scopes.len() - 1);
            }
        }
        inventory.for_each::<Table>(|rows| {
            for row in rows {
                self.see(row, as_of, by);
            }
        })
    }

    fn see(&mut self, row: Table, as_of: u32, by: u32) {
        let listing = match (row.description.as_str(), row.created_at) {
            ("vanished", _) => Listing::Vanished { by },
            (_, Some(at)) => Listing::Described {
                id: row.table_id,
                born: seconds(at),
            },
            (_, None) => Listing::Unread,
        };
        let target = TargetId::new(row.account_id, row.region);
        let sightings = self.by_arn.entry(row.table_arn).or_insert_with(|| Sightings {
            target,
            table_name: row.table_name,
            listings: Vec::new(),
            ends: HashMap::new(),
        });
        sightings.ends.insert(as_of, by);
        sightings.listings.push((as_of, listing));
    }

    /// The lives.
    pub(super) fn finish(self) -> Lives {
        let mut lives = Lives {
            targets: self.targets,
            scopes: self.scopes,
            ..Lives::default()
        };
        for (arn, sightings) in self.by_arn {
            let whole = lives
                .targets
                .get(&sightings.target)
                .map_or(&[][..], |listed| &listed.whole);
            let of_arn = sightings.lives(&arn, whole);
            let start = u32::try_from(lives.all.len()).unwrap_or(u32::MAX);
            lives.by_arn.insert(arn, (start..).take(of_arn.len()).collect());
            lives.all.extend(of_arn);
        }
        lives
    }
}

impl Sightings {
    /// One life for each id; `whole` are the moments at which the target's tables were all listed.
    fn lives(&self, arn: &str, whole: &[u32]) -> Vec<Life> {
        let mut lives: Vec<Life> = Vec::new();
        let life = |id: Option<String>, born: Option<u32>, at: u32| Life {
            target: self.target.clone(),
            table_arn: arn.to_owned(),
            table_name: self.table_name.clone(),
            table_id: id,
            born,
            first_seen: at,
            last_seen: at,
            gone_by: u32::MAX,
        };
        for (at, listing) in &self.listings {
            if let Listing::Described { id, born } = listing {
                let is_it = |life: &&mut Life| life.table_id == *id && (id.is_some() || life.born == Some(*born));
                match lives.iter_mut().find(is_it) {
                    Some(known) => known.last_seen = *at,
                    None => lives.push(life(id.clone(), Some(*born), *at)),
                }
            }
        }
        if lives.is_empty()
            && let Some((at, _)) = self.listings.last()
        {
            lives.push(life(None, None, *at));
        }
        lives.sort_by(|a, b| (a.born, &a.table_id).cmp(&(b.born, &b.table_id)));
        for place in 0..lives.len() {
            let next_born = lives.get(place + 1).and_then(|next| next.born);
            let last_seen = lives[place].last_seen;
            lives[place].gone_by = self.gone_by(last_seen, whole).min(next_born.unwrap_or(u32::MAX));
        }
        lives
    }

    /// The first moment after `last_seen` at which the table was surely not there.
    fn gone_by(&self, last_seen: u32, whole: &[u32]) -> u32 {
        let vanished = self.listings.iter().find_map(|(at, listing)| match listing {
            Listing::Vanished { by } if *at >= last_seen => Some(*by),
            _ => None,
        });
        let is_listed = |moment: &u32| self.listings.iter().any(|(at, _)| at == moment);
        // A scan that was still going on may have seen it later than the next one looked.
        let end = self.ends.get(&last_seen).copied().unwrap_or(last_seen);
        let missing = whole
            .iter()
            .copied()
            .find(|at| *at > last_seen && *at >= end && !is_listed(at));
        vanished.into_iter().chain(missing).min().unwrap_or(u32::MAX)
    }
}

impl Lives {
    /// Whose is something of that ARN that was made somewhere between two moments?
    pub(super) fn owner(&self, table_arn: &str, from: u32, to: u32) -> Owner {
        let mut possible = Vec::new();
        for place in self.of_arn(table_arn) {
            let life = &self.all[*place as usize];
            let is_born_by = |at: u32| life.born.is_none_or(|born| born <= at);
            if is_born_by(from) && to <= life.last_seen {
                return Owner::Life(*place);
            }
            if is_born_by(to) && from < life.gone_by {
                possible.push(*place);
            }
        }
        if possible.is_empty() {
            Owner::Unlisted
        } else {
            Owner::AnyOf(possible)
        }
    }

    /// Does that pack, by its place, list all tables of a target?
    pub(super) fn lists(&self, target: &TargetId, pack: usize) -> bool {
        self.targets
            .get(target)
            .is_some_and(|listed| listed.packs_whole.contains(&pack))
    }

    /// Every life under an ARN.
    pub(super) fn of_arn(&self, table_arn: &str) -> &[u32] {
        self.by_arn.get(table_arn).map_or(&[][..], Vec::as_slice)
    }

    /// The life that a pack of that moment shows under an ARN: of those that were born by then, the newest.
    pub(super) fn seen_at(&self, table_arn: &str, as_of: u32) -> Option<u32> {
        let of_arn = self.of_arn(table_arn).iter().rev().copied();
        let mut born = of_arn.filter(|place| self.all[*place as usize].born.is_none_or(|born| born <= as_of));
        born.next().filter(|place| as_of < self.all[*place as usize].gone_by)
    }
}

/// Moments at which a life may have been going on.
pub(super) fn span(life: &Life, from: u32, to: u32) -> Spans {
    Spans::one(life.born.unwrap_or(from).max(from), life.gone_by.min(to))
}
