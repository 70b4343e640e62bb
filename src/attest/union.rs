//! Recovery points and jobs of many packs, united: each point once, with everything that any pack says of it.
//!
//! In: packs in order of time. Out: [`Union`]. AWS forgets points when their retention ends and jobs after 30 days; what
//! an earlier pack saw counts all the same. A point was there until the last pack that lists it; until the end of its
//! retention if a later pack shows that it was deleted no earlier than that; and was gone by the first later pack that
//! read its vault whole and does not list it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher as _};

use chrono::TimeDelta;

use super::lives::{Lives, Owner};
use crate::domain::{Arn, TargetId};
use crate::facts::rpo_over_time::{PointTrace, Spans};
use crate::facts::{ArnHasher, Facts, JOB_REACH, Sight, seconds};
use crate::inventory::Inventory;
use crate::inventory::schema::{BackupJob, RecoveryPoint, Vault, borrowed};
use crate::problem::Problem;

/// Columns of recovery points that are not needed here.
const POINT_COLUMNS_UNUSED: [&str; 11] = [
    "started_at",
    "last_restored_at",
    "cold_after_days",
    "cold_at",
    "is_encrypted",
    "key_arn",
    "key_type",
    "created_by_plan_id",
    "created_by_rule_id",
    "size_bytes",
    "completed_at",
];

/// Columns of jobs that are not needed here.
const JOB_COLUMNS_UNUSED: [&str; 3] = ["start_by", "role_arn", "message_category"];

/// One recovery point, as all packs together know it.
#[derive(Debug, Clone, Copy)]
struct Made {
    life: u32,
    /// The date of its data: the point's own, or that of its job, which is the earliest it can be.
    created: u32,
    /// The latest it can be.
    latest: u32,
    /// Where it lies; nothing if only its job was seen.
    vault: u32,
    /// The last pack that lists it as usable; 0: none.
    last_seen: u32,
    /// The number of the last pack that lists it in any state, from 1; 0: none.
    listed_in: u32,
    /// When it was finished at the latest; `u32::MAX`: nothing says that it was.
    finished_by: u32,
    /// When its retention ends; 0: not known.
    kept_until: u32,
    gone_by: u32,
}

/// A job that made no recovery point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Failure {
    pub(super) at: u32,
    pub(super) state: String,
    /// As AWS wrote it; empty if it wrote nothing.
    pub(super) cause: String,
}

/// What no pack lists: a table that recovery points or jobs speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unlisted {
    pub(super) target: TargetId,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) points: u32,
}

type Hashed<K, V> = HashMap<K, V, BuildHasherDefault<ArnHasher>>;

/// Everything that was made, and every job that made nothing.
pub(super) struct Union<'l> {
    lives: &'l Lives,
    /// Moments that count for tables that no pack lists.
    from: u32,
    to: u32,
    made: Vec<Made>,
    /// Places in `made`, by table and hash of the point's ARN.
    places: Hashed<(u32, u64), u32>,
    vaults: HashMap<(TargetId, String), u32>,
    failures: Hashed<(u32, u64), Failure>,
    /// Jobs that had not ended when they were last seen: they may have made a point.
    open: Hashed<(u32, u64), (u32, u32)>,
    /// Lives with a point or a job without a date: nothing can be said to be all there is.
    undated: HashSet<u32>,
    observed: BTreeMap<TargetId, Vec<(u32, u32)>>,
    /// Moments of packs that list every recovery point of a target.
    listed: BTreeMap<TargetId, Vec<u32>>,
    unlisted: BTreeMap<String, Unlisted>,
    /// By target: intervals that a whole list of its tables answers for.
    tables: BTreeMap<TargetId, Vec<(u32, u32)>>,
    pack: u32,
}

impl<'l> Union<'l> {
    pub(super) fn new(lives: &'l Lives, from: u32, to: u32) -> Self {
        Self {
            lives,
            from,
            to,
            made: Vec::new(),
            places: HashMap::default(),
            vaults: HashMap::new(),
            failures: HashMap::default(),
            open: HashMap::default(),
            undated: HashSet::new(),
            observed: BTreeMap::new(),
            listed: BTreeMap::new(),
            unlisted: BTreeMap::new(),
            tables: BTreeMap::new(),
            pack: 0,
        }
    }

    /// Adds a pack. They come in order of time.
    ///
    /// Errors: a damaged frame.
    pub(super) fn add(&mut self, inventory: &Inventory, facts: &Facts) -> Result<(), Problem> {
        self.pack += 1;
        let as_of = inventory.manifest.as_of;
        inventory.for_each_row::<RecoveryPoint>(&POINT_COLUMNS_UNUSED, |point| self.add_point(&point, as_of))?;
        inventory.for_each_row::<BackupJob>(&JOB_COLUMNS_UNUSED, |job| self.add_job(&job, facts))?;
        for target in facts.reading().targets.keys() {
            let interval = (seconds(as_of - JOB_REACH), seconds(as_of));
            let is_whole = facts.is_target_whole(target);
            if is_whole {
                self.observed.entry(target.clone()).or_default().push(interval);
            }
            if facts.reading().is_whole(target, "dynamodb:ListTables", "") {
                // Tables that are gone by now still show by their jobs; without these the list speaks of its moment only.
                let from = if is_whole { interval.0 } else { interval.1 };
                self.tables.entry(target.clone()).or_default().push((from, interval.1));
            }
            if facts.has_whole_points(target) {
                self.listed.entry(target.clone()).or_default().push(seconds(as_of));
            }
        }
        self.miss(inventory, facts)
    }

    fn add_point(&mut self, point: &borrowed::RecoveryPoint<'_>, as_of: chrono::DateTime<chrono::Utc>) {
        let sight = Sight::of(point, as_of);
        let Some(arn) = point
            .resource_arn
            .filter(|arn| is_home(arn, point.account_id, point.region))
        else {
            return;
        };
        if sight == Sight::Useless {
            return;
        }
        let Some(created) = point.created_at.map(seconds) else {
            self.undated.extend(self.lives.of_arn(arn));
            return;
        };
        let life = match self.lives.owner(arn, created) {
            Owner::Life(life) => life,
            Owner::Unlisted => return self.add_unlisted(arn, created, (point.account_id, point.region)),
        };
        let vault = self.vault(point);
        let (pack, as_of) = (self.pack, seconds(as_of));
        let made = self.made_of(life, hash(point.recovery_point_arn), created);
        (made.created, made.latest, made.vault, made.listed_in) = (created, created, vault, pack);
        match sight {
            Sight::Usable { kept_until } => {
                made.last_seen = as_of;
                made.finished_by = made.finished_by.min(as_of);
                made.kept_until = kept_until.map_or(0, seconds);
                made.gone_by = u32::MAX;
            }
            Sight::Over { kept_until } => {
                made.finished_by = made.finished_by.min(as_of);
                made.kept_until = kept_until.map_or(0, seconds);
                made.gone_by = made.gone_by.min(as_of);
            }
            Sight::Unfinished | Sight::Useless => {}
        }
    }

    fn add_job(&mut self, job: &borrowed::BackupJob<'_>, facts: &Facts) {
        let Some(arn) = job.resource_arn.filter(|arn| is_home(arn, job.account_id, job.region)) else {
            return;
        };
        let Some(created) = job.created_at.map(seconds) else {
            self.undated.extend(self.lives.of_arn(arn));
            return;
        };
        let state = job.state.unwrap_or_default();
        let life = match self.lives.owner(arn, created) {
            Owner::Life(life) => life,
            Owner::Unlisted if state == "COMPLETED" => {
                return self.add_unlisted(arn, created, (job.account_id, job.region));
            }
            Owner::Unlisted => return,
        };
        let key = (life, hash(job.job_id));
        match state {
            "COMPLETED" => {
                self.open.remove(&key);
                let kept = self.promised(job, created, facts);
                let finished = seconds(job.completed_at.unwrap_or(facts.as_of()));
                let made = self.made_of(life, hash(job.recovery_point_arn.unwrap_or(job.job_id)), created);
                made.finished_by = made.finished_by.min(finished);
                if made.listed_in == 0 {
                    made.latest = made.latest.min(finished.max(made.created));
                }
                if made.kept_until == 0 {
                    made.kept_until = kept;
                }
            }
            "FAILED" | "ABORTED" | "EXPIRED" | "PARTIAL" => {
                self.open.remove(&key);
                let cause = job.status_message.unwrap_or_default().trim_matches('"').trim();
                let failure = Failure {
                    at: created,
                    state: state.to_owned(),
                    cause: cause.to_owned(),
                };
                self.failures.insert(key, failure);
            }
            // It ended before AWS forgot it, or the next pack shows how.
            _ => {
                let latest = seconds(facts.as_of() + JOB_REACH);
                self.open.insert(key, (created, latest));
            }
        }
    }

    /// When the retention that the plan promised ends; 0: the plan is gone, was another then, or a person made the point.
    fn promised(&self, job: &borrowed::BackupJob<'_>, created: u32, facts: &Facts) -> u32 {
        let target = TargetId::new(job.account_id, job.region);
        let ids = job.created_by_plan_id.zip(job.created_by_rule_id);
        let kept = ids.and_then(|(plan, rule)| facts.retention(&target, plan, rule));
        let kept = kept.filter(|(_, since)| seconds(*since) <= created);
        kept.map_or(0, |(kept, _): (TimeDelta, _)| {
            created.saturating_add(u32::try_from(kept.num_seconds()).unwrap_or(u32::MAX))
        })
    }

    fn made_of(&mut self, life: u32, hash: u64, created: u32) -> &mut Made {
        let next = u32::try_from(self.made.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry((life, hash)).or_insert(next);
        if place == next {
            self.made.push(Made {
                life,
                created,
                latest: u32::MAX,
                vault: u32::MAX,
                last_seen: 0,
                listed_in: 0,
                finished_by: u32::MAX,
                kept_until: 0,
                gone_by: u32::MAX,
            });
        }
        &mut self.made[place as usize]
    }

    fn vault(&mut self, point: &borrowed::RecoveryPoint<'_>) -> u32 {
        let target = TargetId::new(point.account_id, point.region);
        let next = u32::try_from(self.vaults.len()).unwrap_or(u32::MAX);
        *self.vaults.entry((target, point.vault_name.to_owned())).or_insert(next)
    }

    fn add_unlisted(&mut self, arn: &str, at: u32, (account_id, region): (&str, &str)) {
        if at < self.from || at >= self.to {
            return;
        }
        let entry = self.unlisted.entry(arn.to_owned()).or_insert_with(|| Unlisted {
            target: TargetId::new(account_id, region),
            first: at,
            last: at,
            points: 0,
        });
        (entry.first, entry.last) = (entry.first.min(at), entry.last.max(at));
        entry.points += 1;
    }

    /// Points that an earlier pack lists, and that this one would list and does not, were gone by then.
    fn miss(&mut self, inventory: &Inventory, facts: &Facts) -> Result<(), Problem> {
        let as_of = seconds(inventory.manifest.as_of);
        let reading = facts.reading();
        let listed: HashSet<(TargetId, String)> = inventory
            .read::<Vault>()?
            .into_iter()
            .map(|row| {
                let target = TargetId::new(row.account_id, row.region);
                (target, row.vault_name)
            })
            .collect();
        let mut is_read = vec![false; self.vaults.len()];
        for (vault, place) in &self.vaults {
            let (target, name) = vault;
            // A vault that is gone holds nothing.
            is_read[*place as usize] = reading.is_whole(target, "backup:ListBackupVaults", "")
                && (!listed.contains(vault)
                    || reading.is_whole(target, "backup:ListRecoveryPointsByBackupVault", name));
        }
        for made in &mut self.made {
            let is_missing = made.listed_in != 0 && made.listed_in != self.pack;
            if is_missing && made.gone_by == u32::MAX && is_read[made.vault as usize] {
                made.gone_by = as_of;
            }
        }
        Ok(())
    }

    /// Everything, put together.
    pub(super) fn finish(mut self) -> United {
        let mut sums: Vec<Sum> = std::iter::repeat_with(Sum::default)
            .take(self.lives.all.len())
            .collect();
        for made in &mut self.made {
            if made.listed_in == 0 {
                let listed = self.listed.get(&self.lives.all[made.life as usize].target);
                // What was finished only while the vaults were being listed may have been missed.
                let missed = listed.into_iter().flatten().find(|at| **at >= made.finished_by);
                made.gone_by = missed.copied().unwrap_or(u32::MAX);
            }
            let sum = &mut sums[made.life as usize];
            sum.points.push(made.point());
            if made.finished_by != u32::MAX {
                sum.made.push(made.created);
            }
        }
        for ((life, _), (created, latest)) in &self.open {
            sums[*life as usize].points.push(PointTrace {
                earliest: *created,
                latest: *latest,
                sure_until: 0,
                gone_by: u32::MAX,
                is_made: false,
            });
        }
        for ((life, _), failure) in self.failures {
            sums[life as usize].failures.push(failure);
        }
        for (place, sum) in sums.iter_mut().enumerate() {
            sum.points.sort_unstable();
            sum.made.sort_unstable();
            sum.failures.sort_unstable();
            let is_undated = u32::try_from(place).is_ok_and(|place| self.undated.contains(&place));
            let observed = self.observed.get(&self.lives.all[place].target);
            sum.observed = Spans::of(observed.filter(|_| !is_undated).into_iter().flatten().copied());
        }
        let mut targets: BTreeMap<TargetId, Seen> = BTreeMap::new();
        for (target, intervals) in self.observed {
            targets.entry(target).or_default().observed = Spans::of(intervals);
        }
        for (target, intervals) in self.tables {
            let moments = intervals.iter().map(|(_, at)| *at);
            let between = moments.clone().min().zip(moments.max());
            targets.entry(target).or_default().listed = Spans::of(intervals.into_iter().chain(between));
        }
        United {
            sums,
            unlisted: self.unlisted,
            targets,
        }
    }
}

/// Everything that was made, put together.
pub(super) struct United {
    /// What every life has, by its place.
    pub(super) sums: Vec<Sum>,
    /// What no pack lists, by ARN.
    pub(super) unlisted: BTreeMap<String, Unlisted>,
    /// What was seen of every target.
    pub(super) targets: BTreeMap<TargetId, Seen>,
}

/// For which moments the packs answer in one target.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Every recovery point that was made then is known.
    pub(super) observed: Spans,
    /// Which tables there were is known: between the first and the last whole list, and as far back as jobs reach.
    pub(super) listed: Spans,
}

/// What all packs together know of one life.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    pub(super) points: Vec<PointTrace>,
    /// Earliest dates of points that were made for certain, in order.
    pub(super) made: Vec<u32>,
    /// In order.
    pub(super) failures: Vec<Failure>,
    pub(super) observed: Spans,
}

impl Made {
    fn point(&self) -> PointTrace {
        let is_over = self.gone_by != u32::MAX && self.kept_until != 0 && self.kept_until <= self.gone_by;
        let is_made = self.finished_by != u32::MAX;
        PointTrace {
            earliest: self.created,
            latest: self.latest,
            sure_until: if is_over && is_made {
                self.last_seen.max(self.kept_until)
            } else {
                self.last_seen
            },
            gone_by: self.gone_by,
            is_made,
        }
    }
}

/// Does the table of that ARN live in this account and Region? Elsewhere its point is a copy.
fn is_home(table_arn: &str, account_id: &str, region: &str) -> bool {
    Arn::parse(table_arn).is_some_and(|arn| arn.account_id == account_id && arn.region == region)
}

fn hash(text: &str) -> u64 {
    let mut hasher = ArnHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}
