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
mod reader;
mod tables;

use chrono::{DateTime, TimeDelta, Utc};
use toml::de::DeTable;

use self::known::Known;
pub use self::reader::WorldProblem;
use self::reader::{Problems, Section};
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
    known: Known,
    faults: Vec<Fault>,
    backup: backup::Spec,
    buckets: Vec<buckets::BucketSpec>,
}

impl World {
    /// Reads a world file. `origin` is the name that problems carry.
    ///
    /// # Errors
    ///
    /// Every mistake in the file, ordered by line.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Vec<WorldProblem>> {
        let problems = Problems::new(origin, text);
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let line = problems.line(error.span().map_or(0, |span| span.start));
            problems.add(line, error.message().replace('\n', ", "), None);
        }
        let world = Self::read(&Section::new(&document, reader::TOP, &problems));
        let found = problems.into_sorted();
        if found.is_empty() { Ok(world) } else { Err(found) }
    }

    /// The demo organisation: 2 accounts, 2 Regions, about 60 tables, 120 days of history with every kind of fault.
    ///
    /// # Panics
    ///
    /// Never: the file is part of the program and a test reads it.
    pub fn demo() -> Self {
        match Self::parse(DEMO, "worlds/demo.toml") {
            Ok(world) => world,
            Err(problems) => unreachable!("the demo world is tested: {problems:?}"),
        }
    }

    /// Reads what other sections refer to first: accounts, then keys and tables, then everything else.
    fn read(root: &Section<'_>) -> Self {
        let accounts = accounts::read(root);
        let keys = keys::read(root, &accounts);
        let tables = tables::read(root, &accounts, &keys);
        let organization = accounts::read_organization(root, &accounts);
        let known = Known { accounts, keys, tables };
        Self {
            now: root.instant("now"),
            rate: read_rate(root),
            history_days: root.days("history-days").unwrap_or(120),
            seed: root.count("seed").unwrap_or(1),
            partition: root.text("partition").unwrap_or_else(|| "aws".to_owned()),
            settings: Settings { jobs: read_jobs(root) },
            organization,
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
        engine::advance(&mut cloud, now);
        cloud.clock.start();
        (cloud, self.faults)
    }
}

fn read_rate(root: &Section<'_>) -> f64 {
    let rate = root.number("rate");
    if rate.is_some_and(|rate| rate <= 0.0) {
        root.problem(
            "rate",
            "`rate` has to be more than 0",
            Some("`frozen = true` stops the clock".to_owned()),
        );
    }
    if root.flag("frozen").unwrap_or(false) {
        0.0
    } else {
        rate.unwrap_or(1.0)
    }
}

fn read_jobs(root: &Section<'_>) -> JobTimes {
    let mut times = JobTimes::default();
    if let Some(jobs) = root.section("jobs") {
        times.backup_seconds = jobs.days("backup-seconds").unwrap_or(times.backup_seconds);
        times.restore_seconds = jobs.days("restore-seconds").unwrap_or(times.restore_seconds);
        times.copy_seconds = jobs.days("copy-seconds").unwrap_or(times.copy_seconds);
    }
    times
}
