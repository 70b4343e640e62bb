//! World files: which accounts, tables, keys, vaults, plans and faults the simulated AWS starts with.
//!
//! In: TOML. Out: a [`World`], or every mistake in it at once, each with its line. `WORLD.md` documents every key. Starting a world
//! builds the cloud as it was `history-days` ago, lets everything happen that plans and events ask for, and ends at `now`.

mod accounts;
mod faults;
mod keys;
pub(crate) mod reader;
mod tables;

use chrono::{DateTime, TimeDelta, Utc};
use toml::de::DeTable;

use self::reader::Problems;
pub use self::reader::WorldProblem;
pub(crate) use self::reader::{Section, nearest};
pub(crate) use self::tables::TableSpec;
use crate::clock::Clock;
use crate::cloud::{Account, Cloud, JobTimes, Organization, Settings};
use crate::faults::Fault;
use crate::{backup, s3};

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
    pub(crate) accounts: Vec<Account>,
    pub(crate) keys: Vec<keys::KeySpec>,
    pub(crate) tables: Vec<TableSpec>,
    faults: Vec<Fault>,
    backup: backup::world::Spec,
    buckets: Vec<s3::BucketSpec>,
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
        let mut world = Self {
            now: root.instant("now"),
            rate: read_rate(root),
            history_days: root.days("history-days").unwrap_or(120),
            seed: root.count("seed").unwrap_or(1),
            partition: root.text("partition").unwrap_or_else(|| "aws".to_owned()),
            settings: Settings { jobs: read_jobs(root) },
            organization: accounts::read_organization(root, &accounts),
            accounts,
            keys: Vec::new(),
            tables: Vec::new(),
            faults: faults::read(root),
            backup: backup::world::Spec::default(),
            buckets: Vec::new(),
        };
        world.keys = keys::read(root, &world);
        world.tables = tables::read(root, &world);
        world.backup = backup::world::read(root, &world);
        world.buckets = read_buckets(root, &world);
        world
    }

    /// The account and Region of a section; a mistake if the world has no such place.
    pub(crate) fn place(&self, section: &Section<'_>) -> Option<(String, String)> {
        let (account, region) = (section.needed_text("account"), section.needed_text("region"));
        let (account, region) = (account?, region?);
        let Some(known) = self.accounts.iter().find(|known| known.id == account) else {
            let hint = nearest(&account, self.accounts.iter().map(|account| account.id.as_str()));
            section.problem("account", format!("account `{account}` is not in the world"), hint);
            return None;
        };
        if !known.regions.contains(&region) {
            let hint = nearest(&region, known.regions.iter().map(String::as_str));
            section.problem(
                "region",
                format!("Region `{region}` is not among the `regions` of account {account}"),
                hint,
            );
            return None;
        }
        Some((account, region))
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
        cloud.first_account = self.accounts.first().map(|account| account.id.clone());
        for account in self.accounts {
            for region in &account.regions {
                cloud.place_mut(&account.id, region);
            }
            cloud.accounts.insert(account.id.clone(), account);
        }
        for key in &self.keys {
            key.make(&mut cloud, now);
        }
        for table in &self.tables {
            table.make(&mut cloud, now);
        }
        let start = now - TimeDelta::days(self.history_days);
        for bucket in &self.buckets {
            bucket.build(&mut cloud, start);
        }
        backup::world::apply(&self.backup, &mut cloud, start, now);
        backup::engine::advance(&mut cloud, now);
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

/// Reads `[[bucket]]`: names are one namespace for all accounts.
fn read_buckets(root: &Section<'_>, world: &World) -> Vec<s3::BucketSpec> {
    let mut buckets: Vec<s3::BucketSpec> = Vec::new();
    for section in root.sections("bucket") {
        let bucket = s3::from_world(&section);
        world.place(&section);
        let Some(bucket) = bucket else {
            continue;
        };
        if buckets.iter().any(|other| other.name == bucket.name) {
            section.problem("name", format!("bucket `{}` is there twice", bucket.name), None);
        }
        buckets.push(bucket);
    }
    buckets
}
