//! Recovery points and jobs of many packs, united: each point once, with everything that any pack says of it.
//!
//! In: packs in order of time. Out: [`Union`]. AWS forgets points when their retention ends and jobs after 30 days; what
//! an earlier pack saw counts all the same. A point was there from its completion until the last pack that lists it; by
//! promise until the end of its retention, if no pack shows that it was gone before; and was gone by the first later pack
//! that read its vault whole and does not list it, whatever became of other vaults.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher as _};

use chrono::{DateTime, TimeDelta, Utc};

use super::good::{Alike, GoodPoints, Key};
use super::lives::{Lives, Owner};
use crate::domain::{Arn, TargetId};
use crate::facts::rpo_over_time::{DAY, PointTrace, Spans};
use crate::facts::{ArnHasher, Facts, JOB_REACH, Qualities, Sight, is_native, seconds};
use crate::inventory::Inventory;
use crate::inventory::schema::{BackupJob, PlanRule, RecoveryPoint, Vault, borrowed};
use crate::problem::Problem;

/// Columns of recovery points that are not needed here.
const POINT_COLUMNS_UNUSED: [&str; 5] = [
    "started_at",
    "last_restored_at",
    "cold_after_days",
    "cold_at",
    "size_bytes",
];

/// Columns of jobs that are not needed here.
const JOB_COLUMNS_UNUSED: [&str; 2] = ["role_arn", "message_category"];

/// Stands for a vault that nobody named.
const NO_VAULT: u32 = u32::MAX;

/// Stands for no rule of a plan.
const NO_RULE: u32 = u32::MAX;

/// One recovery point, as all packs together know it.
#[derive(Debug, Clone, Copy)]
struct Made {
    /// The first table under its ARN, by place.
    arn: u32,
    /// The date of its data: the point's own, or that of its job, which is the earliest it can be.
    created: u32,
    /// The latest it can be.
    latest: u32,
    /// Where it lies, or was to lie by its job.
    vault: u32,
    /// The last pack that lists it as usable; 0: none.
    last_seen: u32,
    /// The number of the last pack that lists it in any state, from 1; 0: none.
    listed_in: u32,
    /// It was not complete before.
    complete_after: u32,
    /// When it was complete at the latest; `u32::MAX`: nothing says that it was.
    complete_by: u32,
    /// The point says itself when it was complete.
    says_completion: bool,
    /// When its retention ends; 0: not known.
    kept_until: u32,
    gone_by: u32,
    /// What packs that list it as usable show of it, or its job, by number.
    shown: Option<u32>,
    /// The rule that made it.
    rule: u32,
    /// `None`: nothing tells it, or it has no name.
    key: Option<Key>,
    is_native: bool,
    /// A copy in another account or Region.
    is_elsewhere: bool,
}

/// A job that had not ended when it was last seen: it may have made a point.
#[derive(Debug, Clone, Copy)]
struct Open {
    created: u32,
    /// It was still going on then.
    seen: u32,
    /// It ended by then, or AWS stopped it.
    ended_by: u32,
    vault: u32,
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
}

type Hashed<K, V> = HashMap<K, V, BuildHasherDefault<ArnHasher>>;

/// Which vaults of a target one pack read, where it could list them all. One that it does not list held nothing.
#[derive(Debug, Default)]
struct VaultsRead {
    as_of: u32,
    /// Not every point of these could be read, or told to be of a table.
    unread: HashSet<String>,
    /// One of these is air-gapped: AWS may have put a point there that its job says lies elsewhere.
    is_air_gapped_unread: bool,
}

impl VaultsRead {
    /// Would the pack list a point of that vault?
    fn holds(&self, vault: &str) -> bool {
        !self.unread.contains(vault)
    }

    /// Would it list a point that a job made in that vault, or in one that it does not name?
    fn holds_of_job(&self, vault: Option<&str>) -> bool {
        !self.is_air_gapped_unread && vault.map_or(self.unread.is_empty(), |vault| self.holds(vault))
    }
}

/// Everything that was made, and every job that made nothing.
pub(super) struct Union<'l> {
    lives: &'l Lives,
    follows_copies: bool,
    /// Moments that count for tables that no pack lists.
    from: u32,
    to: u32,
    made: Vec<Made>,
    /// Places in `made`, by table name and hash of the point's ARN.
    places: Hashed<(u32, u64), u32>,
    vaults: HashMap<(TargetId, String), u32>,
    failures: Hashed<(u32, u64), (u32, Failure)>,
    open: Hashed<(u32, u64), Open>,
    pub(super) good: GoodPoints,
    /// For how many days each rule of a plan keeps what it makes, and since when its plan says so.
    rules: Vec<Vec<(u32, i64)>>,
    rule_numbers: HashMap<RuleKey, u32>,
    /// Lives with a point or a job without a date: nothing can be said to be all there is.
    undated: HashSet<u32>,
    observed: BTreeMap<TargetId, Vec<(u32, u32)>>,
    /// By target, in order of time.
    read: BTreeMap<TargetId, Vec<VaultsRead>>,
    unlisted: BTreeMap<String, Unlisted>,
    /// By target: intervals that a whole list of its tables answers for.
    tables: BTreeMap<TargetId, Vec<(u32, u32)>>,
    pack: u32,
    /// When each pack so far had been read.
    ends: Vec<u32>,
}

impl<'l> Union<'l> {
    /// `follows_copies`: a policy lets copies elsewhere stand for points at home.
    pub(super) fn new(lives: &'l Lives, (from, to): (u32, u32), follows_copies: bool) -> Self {
        Self {
            lives,
            follows_copies,
            from,
            to,
            made: Vec::new(),
            places: HashMap::default(),
            vaults: HashMap::new(),
            failures: HashMap::default(),
            open: HashMap::default(),
            good: GoodPoints::default(),
            rules: Vec::new(),
            rule_numbers: HashMap::new(),
            undated: HashSet::new(),
            observed: BTreeMap::new(),
            read: BTreeMap::new(),
            unlisted: BTreeMap::new(),
            tables: BTreeMap::new(),
            pack: 0,
            ends: Vec::new(),
        }
    }

    /// Adds a pack. They come in order of time.
    ///
    /// Errors: a damaged frame.
    pub(super) fn add(&mut self, inventory: &Inventory, facts: &Facts) -> Result<(), Problem> {
        self.pack += 1;
        let as_of = inventory.manifest.as_of;
        let took = (inventory.manifest.finished_at - inventory.manifest.started_at).max(TimeDelta::zero());
        let moments = (as_of, seconds(as_of + took));
        self.ends.push(moments.1);
        let mut untold: HashSet<(TargetId, String)> = HashSet::new();
        let mut qualities = facts.qualities();
        for (arn, quality) in qualities.keys() {
            self.good.see_key(arn, seconds(as_of), quality);
        }
        for (target, name, lock) in qualities.locks() {
            let vault = self.vault(target, name);
            self.good.see_lock(vault, seconds(as_of), lock);
        }
        let windows = self.see_rules(inventory, facts)?;
        inventory.for_each_row::<RecoveryPoint>(&POINT_COLUMNS_UNUSED, |point| {
            if point.resource_arn.is_none() {
                let target = TargetId::new(point.account_id, point.region);
                untold.insert((target, point.vault_name.to_owned()));
            }
            self.add_point(&point, moments, facts, &mut qualities);
        })?;
        inventory.for_each_row::<BackupJob>(&JOB_COLUMNS_UNUSED, |job| {
            self.add_job(&job, &windows, facts, &mut qualities);
        })?;
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
        }
        self.see_vaults(inventory, facts, &untold)?;
        self.miss(seconds(as_of));
        Ok(())
    }

    /// Which rules the pack shows, and what it says of them.
    fn see_rules(&mut self, inventory: &Inventory, facts: &Facts) -> Result<Windows, Problem> {
        let mut windows = Windows::new();
        for rule in inventory.read::<PlanRule>()? {
            let target = TargetId::new(rule.account_id, rule.region);
            let Some(rule_id) = rule.rule_id else { continue };
            let key = (target, rule.plan_id, rule_id);
            if let Some((kept, since)) = facts.retention(&key.0, &key.1, &key.2) {
                let now = (seconds(since), kept.num_days());
                let number = self.rule(key.clone());
                let shown = &mut self.rules[number as usize];
                if !shown.contains(&now) {
                    shown.push(now);
                }
            }
            if let Some(window) = rule.completion_window_minutes.and_then(TimeDelta::try_minutes) {
                windows.insert(key, window);
            }
        }
        Ok(windows)
    }

    /// The rule that made a point.
    fn rule_of(&mut self, point: &borrowed::RecoveryPoint<'_>) -> u32 {
        let (Some(plan), Some(rule)) = (point.created_by_plan_id, point.created_by_rule_id) else {
            return NO_RULE;
        };
        let target = TargetId::new(point.account_id, point.region);
        self.rule((target, plan.to_owned(), rule.to_owned()))
    }

    fn rule(&mut self, key: RuleKey) -> u32 {
        let next = u32::try_from(self.rules.len()).unwrap_or(u32::MAX);
        let number = *self.rule_numbers.entry(key).or_insert(next);
        if number == next {
            self.rules.push(Vec::new());
        }
        number
    }

    /// For how many days a point was to be kept when it was made: what its plan said last before, as far as packs show.
    fn promised_days(&self, made: &Made) -> Option<i64> {
        let shown = self.rules.get(made.rule as usize)?;
        let said = shown.iter().filter(|(since, _)| *since <= made.created).max()?;
        Some(said.1)
    }

    /// The first table under an ARN, by place.
    fn arn(&self, table_arn: &str) -> Option<u32> {
        self.lives.of_arn(table_arn).first().copied()
    }

    /// `until`: when the pack was whole.
    fn add_point(
        &mut self,
        point: &borrowed::RecoveryPoint<'_>,
        (as_of, until): (DateTime<Utc>, u32),
        facts: &Facts,
        qualities: &mut Qualities<'_>,
    ) {
        let sight = Sight::of(point, as_of);
        let Some(table_arn) = point.resource_arn else { return };
        let is_elsewhere = !is_home(table_arn, point.account_id, point.region);
        if sight == Sight::Useless || is_elsewhere && !(self.follows_copies && is_in_scope(table_arn, facts)) {
            return;
        }
        let Some(created) = point.created_at.map(seconds) else {
            if !is_elsewhere {
                self.undated.extend(self.lives.of_arn(table_arn));
            }
            return;
        };
        let Some(arn) = self.arn(table_arn) else {
            if is_elsewhere {
                return;
            }
            return self.add_unlisted(table_arn, created, &TargetId::new(point.account_id, point.region));
        };
        let Some(own) = qualities.of(point) else {
            return;
        };
        let vault = self.vault(TargetId::new(point.account_id, point.region), point.vault_name);
        let (pack, as_of) = (self.pack, seconds(as_of));
        let completed = point.completed_at.map(seconds);
        let key = (arn, hash(point.recovery_point_arn));
        let place = self.made_of(arn, key.1, created);
        if self.made[place].listed_in == 0 {
            self.made[place].rule = self.rule_of(point);
        }
        let good = &mut self.good;
        let made = &mut self.made[place];
        made.is_native = is_native(point.recovery_point_arn) == Some(true);
        made.is_elsewhere = is_elsewhere;
        let is_key_new = made.key.is_none() || made.listed_in == 0;
        if let Some(key) = own.key.as_ref().filter(|_| is_key_new) {
            let key = good.key(key);
            made.key = Some(key);
            if !made.is_native && point.source_vault_arn.is_none() {
                good.use_key(key, created);
            }
        }
        (made.created, made.latest, made.vault, made.listed_in) = (created, created, vault, pack);
        let mut complete = || match completed {
            Some(at) => (made.complete_after, made.complete_by, made.says_completion) = (at, at, true),
            None => made.complete_by = made.complete_by.min(until),
        };
        match sight {
            Sight::Usable { kept_until } => {
                complete();
                let before = made.shown.filter(|_| made.last_seen != 0);
                made.shown = Some(good.see(before, made.last_seen, as_of, own.quality));
                made.last_seen = as_of;
                made.kept_until = kept_until.map_or(0, seconds);
                made.gone_by = u32::MAX;
            }
            Sight::Over { kept_until } => {
                complete();
                made.kept_until = kept_until.map_or(0, seconds);
                made.gone_by = made.gone_by.min(as_of);
            }
            Sight::Unfinished | Sight::Useless => made.complete_after = made.complete_after.max(as_of),
        }
    }

    fn add_job(
        &mut self,
        job: &borrowed::BackupJob<'_>,
        windows: &Windows,
        facts: &Facts,
        qualities: &mut Qualities<'_>,
    ) {
        let Some(table_arn) = job.resource_arn.filter(|arn| is_home(arn, job.account_id, job.region)) else {
            return;
        };
        let Some(created) = job.created_at.map(seconds) else {
            self.undated.extend(self.lives.of_arn(table_arn));
            return;
        };
        let state = job.state.unwrap_or_default();
        let target = TargetId::new(job.account_id, job.region);
        let Some(arn) = self.arn(table_arn) else {
            if state == "COMPLETED" {
                self.add_unlisted(table_arn, created, &target);
            }
            return;
        };
        let vault = job.vault_name.map_or(NO_VAULT, |name| self.vault(target.clone(), name));
        let key = (arn, hash(job.job_id));
        match state {
            "COMPLETED" => {
                self.open.remove(&key);
                let kept = promised(job, &target, created, facts);
                let ended = job.completed_at.map(seconds);
                let kept_days = (kept != 0).then(|| i64::from((kept - created) / DAY));
                let own = qualities.of_job(&target, job.vault_name, job.recovery_point_arn, kept_days);
                let place = self.made_of(arn, hash(job.recovery_point_arn.unwrap_or(job.job_id)), created);
                let good = &mut self.good;
                let made = &mut self.made[place];
                if made.shown.is_none() {
                    made.shown = Some(good.see(None, 0, 0, own.quality));
                    made.key = own.key.as_ref().map(|key| good.key(key));
                    made.is_native = job.recovery_point_arn.and_then(is_native) == Some(true);
                }
                let by = ended.unwrap_or_else(|| seconds(facts.as_of())).max(made.created);
                if !made.says_completion {
                    made.complete_by = made.complete_by.min(by);
                    made.complete_after = made.complete_after.max(ended.unwrap_or(made.created));
                }
                if made.listed_in == 0 {
                    (made.latest, made.vault) = (made.latest.min(by), vault);
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
                match self.lives.owner(table_arn, created, created) {
                    Owner::Life(life) => self.failures.insert(key, (life, failure)),
                    Owner::AnyOf(lives) => self.failures.insert(key, (lives[0], failure)),
                    Owner::Unlisted => None,
                };
            }
            _ => {
                // Its point, where it is listed, says more than the job does.
                let listed = job
                    .recovery_point_arn
                    .and_then(|point| self.places.get(&(arn, hash(point))));
                if listed.is_some_and(|place| self.made[*place as usize].listed_in != 0) {
                    self.open.remove(&key);
                    return;
                }
                let open = Open {
                    created,
                    seen: seconds(facts.as_of()),
                    ended_by: ended_by(job, &target, windows, facts),
                    vault,
                };
                self.open.insert(key, open);
            }
        }
    }

    fn made_of(&mut self, arn: u32, hash: u64, created: u32) -> usize {
        let next = u32::try_from(self.made.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry((arn, hash)).or_insert(next);
        if place == next {
            self.made.push(Made {
                arn,
                created,
                latest: u32::MAX,
                vault: NO_VAULT,
                last_seen: 0,
                listed_in: 0,
                complete_after: created,
                complete_by: u32::MAX,
                says_completion: false,
                kept_until: 0,
                gone_by: u32::MAX,
                shown: None,
                rule: NO_RULE,
                key: None,
                is_native: false,
                is_elsewhere: false,
            });
        }
        place as usize
    }

    fn vault(&mut self, target: TargetId, name: &str) -> u32 {
        let next = u32::try_from(self.vaults.len()).unwrap_or(u32::MAX);
        *self.vaults.entry((target, name.to_owned())).or_insert(next)
    }

    fn add_unlisted(&mut self, arn: &str, at: u32, target: &TargetId) {
        if at < self.from || at >= self.to {
            return;
        }
        let entry = self.unlisted.entry(arn.to_owned()).or_insert_with(|| Unlisted {
            target: target.clone(),
            first: at,
            last: at,
        });
        (entry.first, entry.last) = (entry.first.min(at), entry.last.max(at));
    }

    /// Which vaults the pack read. `untold`: those with a point that does not say what it is of.
    fn see_vaults(
        &mut self,
        inventory: &Inventory,
        facts: &Facts,
        untold: &HashSet<(TargetId, String)>,
    ) -> Result<(), Problem> {
        let reading = facts.reading();
        let as_of = seconds(inventory.manifest.as_of);
        for target in reading.targets.keys() {
            if reading.is_whole(target, "backup:ListBackupVaults", "") {
                let read = VaultsRead {
                    as_of,
                    ..VaultsRead::default()
                };
                self.read.entry(target.clone()).or_default().push(read);
            }
        }
        for vault in inventory.read::<Vault>()? {
            let target = TargetId::new(vault.account_id, vault.region);
            let is_read = reading.is_whole(&target, "backup:ListRecoveryPointsByBackupVault", &vault.vault_name);
            let key = (target, vault.vault_name);
            if is_read && !untold.contains(&key) {
                continue;
            }
            let (target, name) = key;
            let read = self.read.get_mut(&target).and_then(|packs| packs.last_mut());
            if let Some(read) = read.filter(|read| read.as_of == as_of) {
                read.is_air_gapped_unread |= vault.vault_type.as_deref() != Some("BACKUP_VAULT");
                read.unread.insert(name);
            }
        }
        Ok(())
    }

    /// Points that an earlier pack lists, and that this one would list and does not, were gone by then.
    fn miss(&mut self, as_of: u32) {
        let mut is_read = vec![false; self.vaults.len()];
        for ((target, name), place) in &self.vaults {
            let read = self.read.get(target).and_then(|packs| packs.last());
            is_read[*place as usize] = read.is_some_and(|read| read.as_of == as_of && read.holds(name));
        }
        for made in &mut self.made {
            let is_missing = made.listed_in != 0 && made.listed_in != self.pack;
            // A scan that was still going on may have seen it later than this one looked.
            let is_missing = is_missing && self.ends[made.listed_in as usize - 1] <= as_of;
            if is_missing && made.gone_by == u32::MAX && is_read[made.vault as usize] {
                made.gone_by = as_of;
            }
        }
    }

    /// The first pack from that moment on that would list what a job made, and so shows that it is gone.
    fn missed_from(&self, arn: u32, vault: u32, names: &[&str], at: u32) -> u32 {
        let name = names.get(vault as usize).copied();
        let read = self.read.get(&self.lives.all[arn as usize].target);
        let mut later = read.into_iter().flatten().filter(|read| read.as_of >= at);
        let missed = later.find(|read| read.holds_of_job(name));
        missed.map_or(u32::MAX, |read| read.as_of)
    }

    /// Of every point its key, and whether that is only believed: of a native one that nobody asked about, that of those
    /// before and after it.
    fn keys(&self) -> Vec<Option<(Key, bool)>> {
        let mut described: HashMap<u32, Vec<(u32, Key)>> = HashMap::new();
        for made in self.made.iter().filter(|made| made.is_native) {
            if let Some(key) = made.key {
                described.entry(made.arn).or_default().push((made.created, key));
            }
        }
        for of_arn in described.values_mut() {
            of_arn.sort_unstable_by_key(|(created, _)| *created);
        }
        let of = |made: &Made| match made.key {
            Some(key) => Some((key, false)),
            None if made.is_native => {
                let of_arn = described.get(&made.arn)?;
                let next = of_arn.partition_point(|(created, _)| *created <= made.created);
                let (before, after) = (of_arn[..next].last()?.1, of_arn.get(next)?.1);
                (before == after).then_some((before, true))
            }
            None => None,
        };
        self.made.iter().map(of).collect()
    }

    /// Everything, put together.
    pub(super) fn finish(mut self) -> United {
        let mut sums: Vec<Sum> = std::iter::repeat_with(Sum::default)
            .take(self.lives.all.len())
            .collect();
        let mut vaults: Vec<(u32, &str)> = self.vaults.iter().map(|((_, name), place)| (*place, &**name)).collect();
        vaults.sort_unstable();
        let names: Vec<&str> = vaults.into_iter().map(|(_, name)| name).collect();
        let mut unlisted = Vec::new();
        let mut own = HashSet::new();
        self.good.settle();
        for (place, key) in self.keys().into_iter().enumerate() {
            let mut made = self.made[place];
            let alike = self.good.alike(Alike {
                shown: made.shown,
                promised_days: self.promised_days(&made),
                vault: made.vault,
                key: key.map(|(key, _)| key),
                is_key_believed: key.is_some_and(|(_, is_believed)| is_believed),
                is_of_job: made.last_seen == 0,
            });
            if made.is_elsewhere {
                self.give_copy(made.arn, (made.point(), alike), &mut sums);
                continue;
            }
            if made.listed_in == 0 {
                // What was finished only while the vaults were being listed may have been missed.
                made.gone_by = self.missed_from(made.arn, made.vault, &names, made.complete_by);
            } else {
                own.insert((made.arn, made.vault, made.created));
            }
            let trace = made.point();
            match self.give(made.arn, (trace, alike), &mut sums) {
                Owner::Life(life) if trace.is_made => sums[life as usize].made.push(made.created),
                Owner::AnyOf(lives) if trace.is_made => {
                    for life in lives {
                        sums[life as usize].undecided.push(made.created);
                    }
                }
                Owner::Unlisted if trace.is_made || made.listed_in != 0 => unlisted.push((made.arn, made.created)),
                _ => {}
            }
        }
        let nothing = self.good.alike(Alike {
            shown: None,
            promised_days: None,
            vault: NO_VAULT,
            key: None,
            is_key_believed: false,
            is_of_job: true,
        });
        for ((arn, _), open) in &self.open {
            // The point of its date in its vault is its own.
            if own.contains(&(*arn, open.vault, open.created)) {
                continue;
            }
            let trace = PointTrace {
                latest: open.ended_by,
                complete_earliest: open.seen,
                complete_latest: u32::MAX,
                sure_until: 0,
                gone_by: self.missed_from(*arn, open.vault, &names, open.ended_by),
                is_made: false,
                ..PointTrace::listed(open.created)
            };
            self.give(*arn, (trace, nothing), &mut sums);
        }
        for (arn, at) in unlisted {
            let life = &self.lives.all[arn as usize];
            self.add_unlisted(&life.table_arn, at, &life.target);
        }
        for (life, failure) in self.failures.into_values() {
            sums[life as usize].failures.push(failure);
        }
        for (place, sum) in sums.iter_mut().enumerate() {
            sum.points.sort_unstable();
            sum.copies.sort_unstable();
            sum.made.sort_unstable();
            sum.undecided.sort_unstable();
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
            good: self.good,
        }
    }

    /// Adds a copy elsewhere to the table that it is of, if that can be told. It counts as long as packs list it.
    fn give_copy(&self, arn: u32, (trace, alike): (PointTrace, u32), sums: &mut [Sum]) {
        let table_arn = &self.lives.all[arn as usize].table_arn;
        if let Owner::Life(life) = self.lives.owner(table_arn, trace.earliest, trace.latest) {
            let copy = PointTrace {
                promised_until: 0,
                ..trace
            };
            sums[life as usize].copies.push((copy, alike));
        }
    }

    /// Adds a point to the tables that it may be of, and tells which. Of one that may be of several, nobody can say that it is
    /// of either.
    fn give(&self, arn: u32, (trace, alike): (PointTrace, u32), sums: &mut [Sum]) -> Owner {
        let table_arn = &self.lives.all[arn as usize].table_arn;
        let owner = self.lives.owner(table_arn, trace.earliest, trace.latest);
        match &owner {
            Owner::Life(life) => sums[*life as usize].points.push((trace, alike)),
            Owner::AnyOf(lives) => {
                for life in lives {
                    let perhaps = PointTrace {
                        complete_latest: u32::MAX,
                        sure_until: 0,
                        promised_until: 0,
                        is_made: false,
                        ..trace
                    };
                    sums[*life as usize].points.push((perhaps, alike));
                }
            }
            Owner::Unlisted => {}
        }
        owner
    }
}

/// A rule of a plan of a target.
type RuleKey = (TargetId, String, String);

/// How long AWS lets jobs of a plan's rule run.
type Windows = HashMap<RuleKey, TimeDelta>;

/// When a job that has not ended will have: AWS starts it by a moment that it names, and stops it when the completion window
/// of its rule is over. Where these are not known, or the plan is another by now, it will have before AWS forgets it.
fn ended_by(job: &borrowed::BackupJob<'_>, target: &TargetId, windows: &Windows, facts: &Facts) -> u32 {
    let end = || {
        let (plan, rule) = job.created_by_plan_id.zip(job.created_by_rule_id)?;
        let (_, since) = facts.retention(target, plan, rule)?;
        let window = windows.get(&(target.clone(), plan.to_owned(), rule.to_owned()))?;
        let start = job
            .start_by
            .filter(|_| job.created_at.is_some_and(|created| since <= created))?;
        Some((start + *window).max(facts.as_of()))
    };
    let forgotten = facts.as_of() + JOB_REACH;
    seconds(end().map_or(forgotten, |end| end.min(forgotten)))
}

/// When the retention that the plan promised ends; 0: the plan is gone, was another then, or a person made the point.
fn promised(job: &borrowed::BackupJob<'_>, target: &TargetId, created: u32, facts: &Facts) -> u32 {
    let ids = job.created_by_plan_id.zip(job.created_by_rule_id);
    let kept = ids.and_then(|(plan, rule)| facts.retention(target, plan, rule));
    let kept = kept.filter(|(_, since)| seconds(*since) <= created);
    kept.map_or(0, |(kept, _): (TimeDelta, _)| {
        created.saturating_add(u32::try_from(kept.num_seconds()).unwrap_or(u32::MAX))
    })
}

/// Everything that was made, put together.
pub(super) struct United {
    /// What every life has, by its place.
    pub(super) sums: Vec<Sum>,
    /// What no pack lists, by ARN.
    pub(super) unlisted: BTreeMap<String, Unlisted>,
    /// What was seen of every target.
    pub(super) targets: BTreeMap<TargetId, Seen>,
    /// What packs show of points.
    pub(super) good: GoodPoints,
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
    /// Each with the number of those of which packs show the same.
    pub(super) points: Vec<(PointTrace, u32)>,
    /// The same of copies in other accounts and Regions.
    pub(super) copies: Vec<(PointTrace, u32)>,
    /// Earliest dates of points that were made for certain, in order.
    pub(super) made: Vec<u32>,
    /// The same of points that may be of this table or of another of its name.
    pub(super) undecided: Vec<u32>,
    /// In order.
    pub(super) failures: Vec<Failure>,
    pub(super) observed: Spans,
}

impl Made {
    fn point(&self) -> PointTrace {
        let is_over = self.gone_by != u32::MAX && self.kept_until != 0 && self.kept_until <= self.gone_by;
        let is_made = self.complete_by != u32::MAX;
        let is_promised = is_over && is_made && self.kept_until > self.last_seen;
        PointTrace {
            earliest: self.created,
            latest: self.latest,
            complete_earliest: self.complete_after,
            complete_latest: self.complete_by,
            sure_until: self.last_seen,
            promised_until: if is_promised { self.kept_until } else { 0 },
            gone_by: self.gone_by,
            is_made,
        }
    }
}

/// Does the table of that ARN live in this account and Region? Elsewhere its point is a copy.
fn is_home(table_arn: &str, account_id: &str, region: &str) -> bool {
    Arn::parse(table_arn).is_some_and(|arn| arn.account_id == account_id && arn.region == region)
}

/// Was its account and Region looked at by the scan that shows its copy? Then the policy of that scan is the table's.
fn is_in_scope(table_arn: &str, facts: &Facts) -> bool {
    let of = |arn: Arn<'_>| {
        facts
            .reading()
            .targets
            .contains_key(&TargetId::new(arn.account_id, arn.region))
    };
    Arn::parse(table_arn).is_some_and(of)
}

fn hash(text: &str) -> u64 {
    let mut hasher = ArnHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}
