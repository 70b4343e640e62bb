//! World files: which accounts, tables, keys, vaults, plans and faults the simulated AWS starts with.
//!
//! In: TOML. Out: a [`World`], or every mistake in it at once, each with its line. `WORLD.md` documents every key. Starting a world
//! builds the cloud as it was `history-days` ago, lets everything happen that plans and events ask for, and ends at `now`.

mod accounts;
mod backup;
mod buckets;
mod faults;
mod keys;
mod known;
mod roles;
mod tables;
mod values;

use backproof_toml_reader::{Mistake, Section};
use chrono::{DateTime, TimeDelta, Utc};

use self::known::Known;
use self::values::{count, days, texts};
use crate::answers::Answers;
use crate::backup::engine;
use crate::clock::Clock;
use crate::cloud::{Cloud, JobTimes, Organization, Settings};
use crate::faults::Fault;

/// The demo organisation.
const DEMO: &str = include_str!("../../worlds/demo.toml");

/// What a sandbox starts with.
#[derive(Debug, Clone)]
pub struct World {
    /// None: the real time when the sandbox starts.
    now: Option<DateTime<Utc>>,
    /// Virtual seconds per real second.
    rate: f64,
    history_days: i64,
    seed: u64,
    partition: String,
    settings: Settings,
    organization: Organization,
    roles: roles::RolesSpec,
    known: Known,
    faults: Vec<Fault>,
    backup: backup::Spec,
    buckets: Vec<buckets::BucketSpec>,
}

impl World {
    /// Reads a world file. `origin` is the name that mistakes carry.
    ///
    /// # Errors
    ///
    /// Every mistake in the file, ordered by line.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Vec<Mistake>> {
        let (world, mut mistakes) = backproof_toml_reader::read(origin, text, Self::read);
        mistakes.sort();
        mistakes.dedup();
        match world {
            Some(world) if mistakes.is_empty() => Ok(world),
            _ => Err(mistakes),
        }
    }

    /// The demo organisation: 2 accounts, 2 Regions, about 60 tables, 120 days of history with every kind of fault.
    ///
    /// # Panics
    ///
    /// Never: the file is part of the program and a test reads it.
    pub fn demo() -> Self {
        match Self::parse(DEMO, "worlds/demo.toml") {
            Ok(world) => world,
            Err(mistakes) => unreachable!("the demo world is tested: {mistakes:?}"),
        }
    }

    /// Reads what other sections refer to first: accounts, then keys and tables, then everything else.
    fn read(root: &Section<'_>) -> Self {
        let (accounts, without_default) = accounts::read(root);
        let roles = roles::read(root, &accounts, without_default);
        let keys = keys::read(root, &accounts);
        let tables = tables::read(root, &accounts, &keys);
        let organization = accounts::read_organization(root, &accounts);
        let known = Known { accounts, keys, tables };
        Self {
            now: root.instant("now"),
            rate: read_rate(root),
            history_days: days(root, "history-days").unwrap_or(120),
            seed: count(root, "seed").unwrap_or(1),
            partition: root.text("partition").unwrap_or_else(|| "aws".to_owned()),
            settings: Settings {
                jobs: read_jobs(root),
                answers: read_answers(root),
            },
            organization,
            roles,
            faults: faults::read(root),
            backup: backup::read(root, &known),
            buckets: buckets::read(root, &known),
            known,
        }
    }

    /// What ids and faults follow from.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Builds the cloud and simulates its history; the clock counts from the return on.
    pub(crate) fn build(self) -> (Cloud, Vec<Fault>) {
        let now = self.now.unwrap_or_else(Utc::now);
        let now = DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now);
        let mut cloud = Cloud::new(Clock::new(now, self.rate), self.seed);
        cloud.partition = self.partition;
        cloud.settings = self.settings;
        cloud.organization = self.organization;
        cloud.first_account = self.known.accounts.first().map(|account| account.id.clone());
        for account in self.known.accounts {
            for region in &account.regions {
                cloud.place_mut(&account.id, region);
            }
            cloud.accounts.insert(account.id.clone(), account);
        }
        roles::apply(&self.roles, &mut cloud);
        for key in &self.known.keys {
            key.make(&mut cloud, now);
        }
        for table in &self.known.tables {
            table.make(&mut cloud, now);
        }
        let start = now - TimeDelta::days(self.history_days);
        for bucket in &self.buckets {
            bucket.build(&mut cloud, start);
        }
        backup::apply(&self.backup, &mut cloud, start, now);
        for table in &self.known.tables {
            table.plan(&mut cloud, start, now);
        }
        engine::advance(&mut cloud, now);
        cloud.clock.start();
        (cloud, self.faults)
    }
}

fn read_rate(root: &Section<'_>) -> f64 {
    let rate = root.number("rate");
    if rate.is_some_and(|rate| rate <= 0.0) {
        root.note_at(
            "rate",
            "`rate` has to be more than 0",
            "`frozen = true` stops the clock",
        );
    }
    if root.boolean("frozen").unwrap_or(false) {
        0.0
    } else {
        rate.unwrap_or(1.0)
    }
}

fn read_jobs(root: &Section<'_>) -> JobTimes {
    let mut times = JobTimes::default();
    if let Some(jobs) = root.section("jobs") {
        times.backup_seconds = days(&jobs, "backup-seconds").unwrap_or(times.backup_seconds);
        times.restore_seconds = days(&jobs, "restore-seconds").unwrap_or(times.restore_seconds);
        times.copy_seconds = days(&jobs, "copy-seconds").unwrap_or(times.copy_seconds);
        times.created_seconds = days(&jobs, "created-seconds").unwrap_or(times.created_seconds);
        times.copy_created_seconds = days(&jobs, "copy-created-seconds").unwrap_or(times.copy_created_seconds);
        times.delete_seconds = days(&jobs, "delete-seconds").unwrap_or(times.delete_seconds);
        times.random_starts = jobs.boolean("random-starts").unwrap_or(times.random_starts);
        jobs.finish();
    }
    times
}

fn read_answers(root: &Section<'_>) -> Answers {
    let mut answers = Answers::default();
    if let Some(section) = root.section("answers") {
        answers.omit = texts(&section, "omit").unwrap_or_default();
        answers.repeats_rows = section.boolean("repeat-rows").unwrap_or(false);
        section.finish();
    }
    answers
}
