//! Drills that a scan counts: read from folders and from the ledger, checked, and copied into the inventory.
//!
//! A pack that holds and is signed by nobody who is trusted is copied and does not count; one that cannot be read, or does not hold,
//! is a gap of the scan with its name. Nothing is passed over in silence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::args::DrillArgs;
use crate::aws::call::CallLog;
use crate::commands::shared::evidence::{is_drill, must_be_pack};
use crate::commands::verify::trust;
use crate::deliver::staging::Staging;
use crate::domain::{Arn, TargetId, rfc3339};
use crate::drill::pack::{DrillPack, RECORD_FILE};
use crate::drill::record::{Drill, Record, Verdict};
use crate::inventory::schema::{CallLogEntry, Drill as DrillRow, Target as TargetRow};
use crate::inventory::sources::READ_DRILL;
use crate::inventory::store::Writer;
use crate::ledger::{CLOCK_TOLERANCE, Ledger, is_ledger};
use crate::pack::Seal as _;
use crate::pack::kinds::{PackKind, other_kind};
use crate::problem::{Outcome, Problem, count};
use crate::settings::Settings;
use crate::sign::Trust;
use crate::stderr::warn;

/// What was read of drills.
#[derive(Debug, Default)]
pub(crate) struct Drills {
    /// Somebody named drills, or a ledger that may hold some.
    is_asked: bool,
    read: Vec<OneDrill>,
    unread: Vec<Unread>,
}

/// One drill of a pack that holds.
#[derive(Debug)]
struct OneDrill {
    row: DrillRow,
    verdict: Verdict,
    /// When the run said that it ended.
    run_ended_at: DateTime<Utc>,
}

/// A pack, or a whole ledger, that could not be read or does not hold.
#[derive(Debug)]
struct Unread {
    name: String,
    why: String,
    /// The account-Region pairs that it is about; none: nobody knows.
    places: Option<BTreeSet<TargetId>>,
}

impl Drills {
    /// Reads drills: those in the folders that `args` names, and those of a ledger.
    ///
    /// API: those of [`Ledger::open_to_read`], s3:ListBucket, s3:GetObject. Errors: a folder that is no pack of a drill; keys that
    /// cannot be read.
    pub(crate) async fn read(args: &DrillArgs, ledger: Option<&str>, signers: Option<&Path>) -> Outcome<Self> {
        let mut drills = Self {
            is_asked: !args.drills.is_empty() || ledger.is_some(),
            ..Self::default()
        };
        let mut keys = args.trust.clone();
        // Keys that were typed are read in any case; those of the settings where something is held against them.
        if keys.allowed_signers.is_none() && drills.is_asked {
            keys.allowed_signers = signers.map(Path::to_owned);
        }
        let trust = trust(&keys)?;
        for dir in &args.drills {
            drills.of_folder(dir, &trust)?;
        }
        if let Some(address) = ledger {
            drills.of_ledger(address, &trust).await?;
        }
        drills.settle();
        Ok(drills)
    }

    /// Those of the ledger that the settings name, by the keys that they name: where no flags are for that.
    ///
    /// API and errors: those of [`Self::read`].
    pub(crate) async fn of_settings(settings: &Settings) -> Outcome<Self> {
        let signers = settings.allowed_signers.as_deref();
        Self::read(&DrillArgs::default(), settings.ledger.as_deref(), signers).await
    }

    /// A folder that is the pack of a drill, or that holds such packs.
    fn of_folder(&mut self, dir: &Path, trust: &Trust) -> Result<(), Problem> {
        if is_drill(dir) {
            self.of_pack(dir, dir.display().to_string(), trust, None);
            return Ok(());
        }
        if is_ledger(dir) {
            return Err(Problem::usage("this is a ledger, not the pack of a drill")
                .at(format!("`--drills {}`", dir.display()))
                .so("nothing was read from AWS")
                .hint("name it with `--ledger`: a scan counts the drills of the ledger that takes it"));
        }
        let below = std::fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path());
        let mut packs: Vec<PathBuf> = below.filter(|path| is_drill(path)).collect();
        packs.sort();
        for pack in &packs {
            self.of_pack(pack, pack.display().to_string(), trust, None);
        }
        if !packs.is_empty() {
            return Ok(());
        }
        must_be_pack(dir).map_err(|problem| Problem {
            so: "nothing was read from AWS".to_owned(),
            ..problem.hint("name the folder that `drill` wrote, or one that holds such folders")
        })?;
        // Whether it is the pack of a scan or a drill without its manifest: it was meant as evidence, and is none.
        if crate::pack::read_manifest(dir).is_ok() {
            return Err(other_kind(PackKind::Scan, &format!("`--drills {}`", dir.display())));
        }
        self.of_pack(dir, dir.display().to_string(), trust, None);
        Ok(())
    }

    /// One pack, wherever it lies. What is wrong with it becomes a gap.
    fn of_pack(&mut self, dir: &Path, name: String, trust: &Trust, sequence: Option<u64>) {
        let pack = match DrillPack::open(dir, &Trust::none(), None) {
            Ok(pack) => pack,
            Err(problem) => {
                let why = [problem.location.as_str(), problem.why.as_str()];
                let why: Vec<&str> = why.into_iter().filter(|part| !part.is_empty()).collect();
                let places = crate::pack::read_manifest(dir).ok().and_then(|bytes| places(&bytes));
                self.unread.push(Unread {
                    name,
                    why: if why.is_empty() {
                        problem.what.clone()
                    } else {
                        why.join(": ")
                    },
                    places,
                });
                return;
            }
        };
        let (signer, why_not) = match signer(&pack, trust) {
            Ok(signer) => (Some(signer), None),
            Err(why) => (None, Some(why)),
        };
        let record_sha256 = pack
            .manifest
            .file(RECORD_FILE)
            .map(|file| file.sha256.clone())
            .unwrap_or_default();
        let source = match sequence {
            Some(number) => format!("{name}, number {number}"),
            None => name,
        };
        for drill in &pack.record.drills {
            let Some(mut row) = row(&pack.record, drill) else {
                continue;
            };
            row.manifest_sha256.clone_from(&pack.manifest_sha256);
            row.record_sha256.clone_from(&record_sha256);
            row.source.clone_from(&source);
            row.signer.clone_from(&signer);
            row.counts = why_not.is_none();
            row.why_not.clone_from(&why_not);
            self.read.push(OneDrill {
                row,
                verdict: drill.verdict,
                run_ended_at: pack.record.ended_at,
            });
        }
    }

    /// The drills of a ledger, once its chain holds. A ledger that is not there yet has none.
    async fn of_ledger(&mut self, address: &str, trust: &Trust) -> Result<(), Problem> {
        if !address.starts_with("s3://") && !Path::new(address).exists() {
            return Ok(());
        }
        let unread = |problem: Problem| Unread {
            name: address.to_owned(),
            why: if problem.why.is_empty() {
                problem.what
            } else {
                problem.why
            },
            places: None,
        };
        let ledger = match Ledger::open_to_read(address).await {
            Ok(ledger) => ledger,
            Err(problem) => {
                self.unread.push(unread(problem));
                return Ok(());
            }
        };
        let entries = match ledger.entries().await {
            Ok(entries) => entries,
            Err(problem) => {
                self.unread.push(unread(problem));
                return Ok(());
            }
        };
        let scratch = Staging::scratch()?;
        for entry in entries.iter().filter(|entry| entry.manifest.as_drill().is_some()) {
            match ledger.fetch(entry, &entries, scratch.dir()).await {
                Ok(fetched) => self.of_pack(&fetched.dir, address.to_owned(), trust, Some(entry.sequence)),
                Err(problem) => {
                    let places = places(&entry.manifest.to_bytes());
                    let name = format!("{address}, number {}", entry.sequence);
                    self.unread.push(Unread {
                        name,
                        places,
                        ..unread(problem)
                    });
                }
            }
        }
        Ok(())
    }

    /// The same drill counts once, wherever it lies; and of two that tell of one restore the worse counts.
    fn settle(&mut self) {
        let mut seen = BTreeSet::new();
        // Of equal records one that is trusted stays: another copy may be signed by somebody else.
        self.read.sort_by(|a, b| {
            let key = |one: &OneDrill| (!one.row.counts, one.row.source.clone(), one.row.number);
            key(a).cmp(&key(b))
        });
        self.read
            .retain(|one| seen.insert((one.row.record_sha256.clone(), one.row.number)));
        self.read.sort_by(|a, b| {
            let key = |one: &OneDrill| (!one.row.counts, one.verdict, one.row.source.clone(), one.row.number);
            key(a).cmp(&key(b))
        });
        let mut told: BTreeMap<(String, String), String> = BTreeMap::new();
        for one in self.read.iter_mut().filter(|one| one.row.counts) {
            let row = &mut one.row;
            let by_number = ("number".to_owned(), format!("{}/{}", row.run_id, row.number));
            let by_job = row.job_id.clone().map(|id| ("job".to_owned(), id));
            let keys: Vec<_> = std::iter::once(by_number).chain(by_job).collect();
            if let Some(other) = keys.iter().find_map(|key| told.get(key)) {
                row.counts = false;
                row.why_not = Some(format!("the drill in {other} tells of the same restore"));
                continue;
            }
            told.extend(keys.into_iter().map(|key| (key, row.source.clone())));
        }
    }

    /// Writes the drills of the tables in scope into the inventory, and what could not be read into the call log.
    ///
    /// Errors: the disk refused.
    pub(crate) fn write(
        &self,
        (targets, as_of): (&[TargetRow], DateTime<Utc>),
        writer: &Writer,
        log: &CallLog,
    ) -> Result<(), Problem> {
        if !self.is_asked {
            return Ok(());
        }
        let scope: BTreeSet<TargetId> = targets
            .iter()
            .map(|target| TargetId::new(target.account_id.clone(), target.region.clone()))
            .collect();
        let is_in = |row: &DrillRow| scope.contains(&TargetId::new(row.account_id.clone(), row.region.clone()));
        let mut rows = Vec::new();
        for one in self.read.iter().filter(|one| is_in(&one.row)) {
            let mut row = one.row.clone();
            if row.counts && one.run_ended_at > as_of + CLOCK_TOLERANCE {
                row.counts = false;
                row.why_not = Some(format!(
                    "it says that it ended at {}, and this scan is of {}",
                    rfc3339(one.run_ended_at),
                    rfc3339(as_of)
                ));
            }
            rows.push(row);
        }
        warn_of_those_that_do_not_count(&rows);
        writer.push(&rows)?;
        for unread in &self.unread {
            let named = unread.places.as_ref();
            for target in scope
                .iter()
                .filter(|target| named.is_none_or(|named| named.contains(target)))
            {
                log.add(CallLogEntry {
                    account_id: target.account_id.clone(),
                    region: target.region.clone(),
                    action: READ_DRILL.to_owned(),
                    resource: unread.name.clone(),
                    outcome: "failed".to_owned(),
                    error: Some(unread.why.clone()),
                    page_count: 0,
                    attempt_count: 0,
                    started_at: Utc::now(),
                    answered_at: None,
                    duration_ms: 0,
                    request_id: None,
                });
            }
        }
        Ok(())
    }
}

/// One warning for each reason: a person who drilled wants to know that it was for nothing.
fn warn_of_those_that_do_not_count(rows: &[DrillRow]) {
    let mut reasons: BTreeMap<&str, Vec<&DrillRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.counts) {
        reasons
            .entry(row.why_not.as_deref().unwrap_or_default())
            .or_default()
            .push(row);
    }
    for (why, rows) in reasons {
        let what = match rows.len() {
            1 => "1 drill does not count".to_owned(),
            number => format!("{} do not count", count(number, "drill")),
        };
        let more = match rows.len() {
            1 => String::new(),
            number => format!(" and {} more", number - 1),
        };
        warn(
            &Problem::new(what)
                .at(format!("drill {} of {}{more}", rows[0].number, rows[0].source))
                .why(why)
                .so("what it showed is named in the report, and is no evidence of a restore")
                .hint("sign drills (`drill --sign KEY`), and name the keys that count with `--allowed-signers` or in the settings file"),
        );
    }
}

/// As whom the pack is trusted.
///
/// Errors: why it is not.
fn signer(pack: &DrillPack, trust: &Trust) -> Result<String, String> {
    if trust.is_none() {
        return Err("no key is trusted to sign drills".to_owned());
    }
    let signers = pack.sealed().signers(trust).map_err(|problem| problem.why)?;
    let names: Vec<String> = signers.into_iter().filter_map(|signer| signer.trusted_as).collect();
    if names.is_empty() {
        return Err("it is signed by nobody who is trusted".to_owned());
    }
    Ok(names.join(" and "))
}

/// What a manifest says of the places that it is about; none: it says nothing that can be read.
fn places(bytes: &[u8]) -> Option<BTreeSet<TargetId>> {
    let manifest = crate::pack::DrillManifest::parse(bytes, "").ok()?;
    let mut places = BTreeSet::new();
    for account in &manifest.accounts {
        for region in &manifest.regions {
            places.insert(TargetId::new(account.clone(), region.clone()));
        }
    }
    Some(places)
}

/// A drill as a row of the inventory, without what its pack says.
fn row(record: &Record, drill: &Drill) -> Option<DrillRow> {
    let table = Arn::parse(&drill.source.table_arn)?;
    let (times, job) = (&drill.times, drill.job.as_ref());
    let of_job = job.and_then(|job| job.completed_at.or(job.created_at));
    let of_comparison = drill.items.as_ref().map(|items| items.statement.clone());
    let of_failure = job
        .filter(|job| job.state != "COMPLETED" || !job.message.is_empty())
        .map(|job| job.message.clone());
    let detail = drill.trouble.clone().or(of_comparison).or(of_failure);
    Some(DrillRow {
        account_id: table.account_id.to_owned(),
        region: table.region.to_owned(),
        table_arn: drill.source.table_arn.clone(),
        table_created_at: drill.source.created_at,
        run_id: record.run_id.clone(),
        number: i64::from(drill.number),
        manifest_sha256: String::new(),
        record_sha256: String::new(),
        source: String::new(),
        signer: None,
        counts: false,
        why_not: None,
        point_arn: drill.point.arn.clone(),
        point_created_at: drill.point.created_at,
        vault_name: drill.point.vault_name.clone(),
        restored_account_id: drill.restored.account_id.clone(),
        restored_region: drill.restored.region.clone(),
        restored_table_name: drill.restored.table_name.clone(),
        job_id: drill.restored.job_id.clone(),
        ordered_at: times.ordered_at,
        active_at: times.active_at,
        tested_at: times
            .compared_at
            .or(times.active_at)
            .or(of_job)
            .unwrap_or(record.ended_at),
        rto_seconds: drill.rto_seconds.and_then(|limit| i64::try_from(limit).ok()),
        verdict: drill.verdict.as_str().to_owned(),
        detail: detail.filter(|text| !text.is_empty()),
    })
}
