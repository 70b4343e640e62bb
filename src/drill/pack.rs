//! The pack of a drill: a folder that proves what one run of `drill` saw.
//!
//! ```text
//! drill.json       the record; every verdict follows from it
//! plan.json        what was to be restored
//! journal.jsonl    what was done, step by step
//! report.html, report.pdf   the record for people
//! manifest.json    `"kind": "drill"`, provenance, digest of every file above; written last
//! SHA256SUMS, manifest.json.sig, manifest.json.kms.json   as in the pack of a scan
//! ```
//!
//! In: a [`Record`] with its plan and journal, or the folder of a pack. Out: a sealed folder, or a [`DrillPack`] that holds.
//! Nothing here talks to AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use super::document::{DOCUMENTS, Document};
use super::journal::JOURNAL_FILE;
use super::plan::PLAN_FILE;
use super::record::{Cleanup, Drill, RECORD_VERSION, Record};
use crate::domain::{Arn, rfc3339};
use crate::fence;
use crate::pack::intact::{Held, Shown, broken, files, opened, same_field, sums, unread};
use crate::pack::kinds::{DRILL_SCHEMA_VERSION, DrillKind, DrillManifest};
use crate::pack::seal::{binary_sha256, disk_problem, entries, write_manifest};
use crate::pack::{MANIFEST_FILE, Seal as _, Sealed, read_manifest, reseal};
use crate::plain_file::{self, LARGEST_TEXT};
use crate::problem::{Problem, count};
use crate::sign::{Signer, Trust};

/// The record.
pub(crate) const RECORD_FILE: &str = "drill.json";

/// Clocks of AWS's services may lie so far apart.
const SLACK: TimeDelta = TimeDelta::seconds(10);

/// A drill may have ended so much later than it is by the clock of this machine.
const AHEAD: TimeDelta = TimeDelta::minutes(15);

/// What goes into the pack of a drill.
#[derive(Debug)]
pub(crate) struct Contents<'c> {
    /// What was seen.
    pub(crate) record: &'c Record,
    /// The bytes of the plan.
    pub(crate) plan: &'c [u8],
    /// The bytes of the journal.
    pub(crate) journal: &'c [u8],
    /// What was typed, see [`crate::pack::seal::command_line`].
    pub(crate) command_line: Vec<String>,
    /// AWS's clock minus the machine's, in seconds. None: not known.
    pub(crate) clock_skew_seconds: Option<i64>,
}

/// Makes the pack of a drill of an empty folder. It is neither signed nor in a ledger yet: what signs the pack of a scan and
/// appends it does so with this one.
///
/// Errors: a record that contradicts itself, its plan or its journal; the disk refused.
pub(crate) fn seal(dir: &Path, contents: &Contents<'_>) -> Result<DrillManifest, Problem> {
    let record = contents.record;
    if let Some((place, why)) = flaw(record).or_else(|| unnamed(record, contents.plan, contents.journal)) {
        return Err(Problem::new("the record of the drill contradicts itself")
            .at(place)
            .why(why)
            .so("no pack was made of it; plan and journal stay where they are")
            .hint("this is a mistake of the program: keep plan and journal, and report it"));
    }
    write(dir, RECORD_FILE, &record.to_bytes())?;
    write(dir, PLAN_FILE, contents.plan)?;
    write(dir, JOURNAL_FILE, contents.journal)?;
    finish(
        dir,
        record,
        (contents.command_line.clone(), contents.clock_skew_seconds),
    )
}

/// Seals record, plan and journal that lie in a folder, whatever they say: what anybody can do who has this program's sources.
/// Tests hold `verify` against it.
///
/// Errors: a record that cannot be read; the disk refused.
pub fn anew(dir: &Path) -> Result<DrillManifest, Problem> {
    let path = dir.join(RECORD_FILE);
    let bytes = plain_file::read(&path, LARGEST_TEXT).map_err(|error| unread(RECORD_FILE, &error))?;
    let record = Record::parse(&bytes).map_err(|why| broken(RECORD_FILE, why))?;
    write(dir, RECORD_FILE, &record.to_bytes())?;
    finish(dir, &record, (Vec::new(), Some(0)))
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Problem> {
    let path = dir.join(name);
    std::fs::write(&path, bytes).map_err(|error| disk_problem(&path.display().to_string(), &error))
}

/// Documents and manifest of a record that lies in its folder.
fn finish(
    dir: &Path,
    record: &Record,
    (command_line, clock_skew_seconds): (Vec<String>, Option<i64>),
) -> Result<DrillManifest, Problem> {
    for document in DOCUMENTS {
        write(dir, document.file_name, &rendered(document, record)?)?;
    }
    let manifest = DrillManifest {
        kind: DrillKind::Drill,
        schema_version: DRILL_SCHEMA_VERSION,
        run_id: record.run_id.clone(),
        sequence: None,
        previous: None,
        sealed_at: None,
        signed_by: Vec::new(),
        tool_version: record.tool_version.clone(),
        binary_sha256: binary_sha256().map(str::to_owned),
        command_line,
        caller_arn: record.caller_arn.clone(),
        accounts: places(record, |arn| arn.account_id),
        regions: places(record, |arn| arn.region),
        began_at: record.began_at,
        ended_at: record.ended_at,
        clock_skew_seconds,
        verdicts: verdicts(record),
        files: entries(dir)?,
    };
    write_manifest(dir, &manifest)?;
    Ok(manifest)
}

fn rendered(document: &Document, record: &Record) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let written = (document.render)(record, &mut bytes);
    written.map_err(|error| Problem::new(format!("could not write `{}`", document.file_name)).why(error.why))?;
    Ok(bytes)
}

/// Something of the ARNs of all tables that were chosen, in order, each once.
fn places(record: &Record, of: impl for<'a> Fn(&Arn<'a>) -> &'a str) -> Vec<String> {
    let arns = record.drills.iter().map(|drill| drill.source.table_arn.as_str());
    let arns = arns.chain(record.left_out.iter().map(|left| left.table_arn.as_str()));
    let all: BTreeSet<String> = arns
        .filter_map(|arn| Arn::parse(arn).map(|arn| of(&arn).to_owned()))
        .collect();
    all.into_iter().collect()
}

fn verdicts(record: &Record) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for drill in &record.drills {
        *counts.entry(drill.verdict.as_str().to_owned()).or_default() += 1;
    }
    counts
}

/// The pack of a drill that holds: its digests and signatures, and a record that contradicts neither itself nor what lies beside it.
#[derive(Debug, Clone)]
pub(crate) struct DrillPack {
    /// Its folder.
    pub(crate) dir: PathBuf,
    /// Its manifest.
    pub(crate) manifest: DrillManifest,
    /// SHA-256 of `manifest.json`, byte for byte.
    pub(crate) manifest_sha256: String,
    /// What the run saw.
    pub(crate) record: Record,
    /// Who signed; empty: nobody, and nobody was to.
    pub(crate) signers: Vec<Signer>,
    /// What was checked and holds, one sentence each.
    pub(crate) shown: Shown,
}

impl From<DrillPack> for Held {
    fn from(pack: DrillPack) -> Self {
        Self {
            dir: pack.dir,
            manifest: pack.manifest.into(),
        }
    }
}

impl DrillPack {
    /// Opens a pack of a drill and checks everything that shows without writing its documents again. `now`: by the clock of this
    /// machine; none: whoever reads it holds it against another clock.
    ///
    /// Errors: no pack of a drill; the first thing that does not hold, with what was expected and what was found.
    pub(crate) fn open(dir: &Path, trust: &Trust, now: Option<DateTime<Utc>>) -> Result<Self, Problem> {
        let place = dir.join(MANIFEST_FILE).display().to_string();
        let bytes = read_manifest(dir).map_err(|problem| opened(dir, problem))?;
        let manifest = DrillManifest::parse(&bytes, &place).map_err(|problem| opened(dir, problem))?;
        let sizes = manifest
            .files
            .iter()
            .map(|file| dir.join(&file.path).symlink_metadata());
        fence::widen(sizes.flatten().map(|file| plain_file::size_on_disk(&file)).sum());
        let manifest_sha256 = crate::digest::of_bytes(&bytes);
        let sealed = Sealed {
            dir,
            manifest: &manifest,
            manifest_sha256: &manifest_sha256,
        };
        // Who signed comes first: a manifest that was altered after signing explains everything that follows from it.
        let signers = sealed.signers(trust)?;
        let mut shown = vec![sums(sealed)?, files(sealed)?, parts(&manifest)?];
        let read = |name: &str| plain_file::read(&dir.join(name), LARGEST_TEXT).map_err(|error| unread(name, &error));
        let bytes = read(RECORD_FILE)?;
        let record = Record::parse(&bytes).map_err(|why| broken(RECORD_FILE, why))?;
        // The documents name its digest.
        if bytes != record.to_bytes() {
            return Err(broken(
                RECORD_FILE,
                "it does not have the form in which this program writes it",
            ));
        }
        shown.push(provenance(&manifest, &record)?);
        if let Some((place, why)) = flaw(&record) {
            return Err(broken(format!("{RECORD_FILE}, {place}"), why));
        }
        shown.push(format!(
            "the verdicts of {} follow from {RECORD_FILE}, and its times are in order",
            count(record.drills.len(), "drill")
        ));
        if let Some((place, why)) = unnamed(&record, &read(PLAN_FILE)?, &read(JOURNAL_FILE)?) {
            return Err(broken(format!("{RECORD_FILE}, {place}"), why));
        }
        shown.push(format!(
            "{PLAN_FILE} names every table and recovery point, and {JOURNAL_FILE} every restore job"
        ));
        if let Some(now) = now.filter(|now| record.ended_at > *now + AHEAD) {
            return Err(broken(
                format!("{RECORD_FILE}, `ended_at`"),
                format!(
                    "it ended at {}, and by the clock of this machine it is {}",
                    rfc3339(record.ended_at),
                    rfc3339(now)
                ),
            )
            .hint("if the clock of this machine is wrong, set it (NTP) and verify again"));
        }
        Ok(Self {
            dir: dir.to_owned(),
            manifest,
            manifest_sha256,
            record,
            signers,
            shown,
        })
    }

    /// Its seal.
    pub(crate) fn sealed(&self) -> Sealed<'_> {
        Sealed {
            dir: &self.dir,
            manifest: &self.manifest,
            manifest_sha256: &self.manifest_sha256,
        }
    }

    /// Opens the pack in a folder that is to get a place in a ledger: what an earlier run left half done is finished first.
    ///
    /// Errors: those of [`Self::open`]; a folder that cannot be written.
    pub(crate) fn to_append(dir: &Path, now: DateTime<Utc>) -> Result<Self, Problem> {
        reseal::settle(dir)?;
        Self::open(dir, &Trust::none(), Some(now))
    }

    /// Writes the documents again and holds them against those of the pack. Gives what was shown, or why it could not be.
    ///
    /// Errors: the first document that differs.
    pub(crate) fn same_documents(&self) -> Result<Result<String, String>, Problem> {
        let names: Vec<&str> = DOCUMENTS.iter().map(|document| document.file_name).collect();
        let (own, by) = (env!("CARGO_PKG_VERSION"), &self.manifest.tool_version);
        if own != by {
            return Ok(Err(format!(
                "backproof {by} wrote {}, and this is {own}: whether they say what {RECORD_FILE} says was not checked",
                names.join(", ")
            )));
        }
        for document in DOCUMENTS {
            let name = document.file_name;
            let stored = plain_file::read(&self.dir.join(name), LARGEST_TEXT).map_err(|error| unread(name, &error))?;
            if stored != rendered(document, &self.record)? {
                let problem = broken(name, format!("written again from {RECORD_FILE} it is another"));
                let is_ours = self.manifest.binary_sha256.as_deref() == binary_sha256();
                return Err(if is_ours {
                    problem
                } else {
                    problem.hint(format!(
                        "verify with the program that made the pack, backproof {by} (SHA-256 {}), before you conclude anything",
                        self.manifest.binary_sha256.as_deref().unwrap_or("not known")
                    ))
                });
            }
        }
        Ok(Ok(format!(
            "written again, these are the same byte for byte: {}",
            names.join(", ")
        )))
    }
}

/// The pack has the files of a drill, and no other.
fn parts(manifest: &DrillManifest) -> Result<String, Problem> {
    let documents = DOCUMENTS.iter().map(|document| document.file_name);
    let wanted: Vec<&str> = [RECORD_FILE, PLAN_FILE, JOURNAL_FILE]
        .into_iter()
        .chain(documents)
        .collect();
    if let Some(missing) = wanted.iter().find(|name| manifest.file(name).is_none()) {
        return Err(broken(
            *missing,
            format!("{MANIFEST_FILE} does not name this file, and a drill has it"),
        ));
    }
    if let Some(strange) = manifest.files.iter().find(|file| !wanted.contains(&file.path.as_str())) {
        return Err(broken(strange.path.as_str(), "it belongs to no part of a drill"));
    }
    Ok("it has the files of a drill, and no other".to_owned())
}

/// The manifest says of the record what the record says of itself.
fn provenance(manifest: &DrillManifest, record: &Record) -> Result<String, Problem> {
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
    for (field, expected, found) in [
        ("run_id", record.run_id.clone(), manifest.run_id.clone()),
        (
            "tool_version",
            record.tool_version.clone(),
            manifest.tool_version.clone(),
        ),
        ("caller_arn", record.caller_arn.clone(), manifest.caller_arn.clone()),
        ("began_at", record.began_at.to_rfc3339(), manifest.began_at.to_rfc3339()),
        ("ended_at", record.ended_at.to_rfc3339(), manifest.ended_at.to_rfc3339()),
        (
            "accounts",
            text(&places(record, |arn| arn.account_id)),
            text(&manifest.accounts),
        ),
        (
            "regions",
            text(&places(record, |arn| arn.region)),
            text(&manifest.regions),
        ),
        ("verdicts", text(&verdicts(record)), text(&manifest.verdicts)),
    ] {
        same_field(field, &expected, &found, RECORD_FILE)?;
    }
    Ok(format!("{MANIFEST_FILE} says of the run what {RECORD_FILE} says"))
}

/// Where, and what is wrong there.
type Flaw = (String, String);

/// What no run of this program writes down: verdicts that do not follow, times that run backwards, claims without what they rest
/// on, one restore told twice.
pub(crate) fn flaw(record: &Record) -> Option<Flaw> {
    let whole = |place: &str, why: String| Some((format!("`{place}`"), why));
    if record.schema_version != RECORD_VERSION {
        let why = format!("it is {}; this program reads {RECORD_VERSION}", record.schema_version);
        return whole("schema_version", why);
    }
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if record.run_id.is_empty() || !record.run_id.bytes().all(is_name) {
        return whole("run_id", "it is no name of a run".to_owned());
    }
    if record.ended_at < record.began_at {
        return whole("ended_at", "the run ended before it began".to_owned());
    }
    if record.drills.is_empty() && record.left_out.is_empty() {
        return whole("drills", "it tells of no drill at all".to_owned());
    }
    let (mut last, mut jobs, mut tables) = (0, BTreeSet::new(), BTreeSet::new());
    for drill in &record.drills {
        let found = of_drill(record, drill).or_else(|| {
            if drill.number <= last {
                return Some((
                    "number".to_owned(),
                    "drills are not in order, or one is there twice".to_owned(),
                ));
            }
            last = drill.number;
            let is_again = |seen: bool| !seen;
            if drill
                .restored
                .job_id
                .as_ref()
                .is_some_and(|id| is_again(jobs.insert(id)))
            {
                return Some((
                    "restored.job_id".to_owned(),
                    "an earlier drill has the same restore job".to_owned(),
                ));
            }
            if drill
                .restored
                .table_id
                .as_ref()
                .is_some_and(|id| is_again(tables.insert(id)))
            {
                return Some((
                    "restored.table_id".to_owned(),
                    "an earlier drill made the same table".to_owned(),
                ));
            }
            None
        });
        if let Some((field, why)) = found {
            return Some((format!("drill {}: `{field}`", drill.number), why));
        }
    }
    None
}

/// The field, and what is wrong with it.
fn of_drill(record: &Record, drill: &Drill) -> Option<Flaw> {
    let wrong = |field: &str, why: String| Some((field.to_owned(), why));
    if drill.verdict != drill.judged() {
        let why = format!(
            "it is `{}`, and from the rest follows `{}`",
            drill.verdict.as_str(),
            drill.judged().as_str()
        );
        return wrong("verdict", why);
    }
    let table = Arn::parse(&drill.source.table_arn).filter(|arn| {
        arn.service == "dynamodb"
            && arn
                .resource
                .strip_prefix("table/")
                .is_some_and(|name| !name.contains('/'))
    });
    if table.is_none() {
        return wrong("source.table_arn", "it is no ARN of a table".to_owned());
    }
    let Some(point) = Arn::parse(&drill.point.arn) else {
        return wrong("point.arn", "it is no ARN".to_owned());
    };
    // A native point names its table; others do not.
    let of_table = format!("{}/backup/", drill.source.table_arn);
    if point.service == "dynamodb" && !drill.point.arn.starts_with(&of_table) {
        return wrong("point.arn", "it is a recovery point of another table".to_owned());
    }
    let restored = &drill.restored;
    let ours = format!("backproof-drill-{}-{}", record.run_id, drill.number);
    if restored.table_name != ours && !restored.table_name.starts_with(AWS_TEST) {
        let why = format!("it is neither `{ours}` nor one that AWS's restore testing made");
        return wrong("restored.table_name", why);
    }
    let is_ours = table.is_some_and(|arn| {
        arn.account_id == restored.account_id
            && arn.region == restored.region
            && arn.resource == format!("table/{}", restored.table_name)
    });
    if is_ours {
        return wrong("restored.table_name", "it is the source itself".to_owned());
    }
    if drill.job.is_some() && restored.job_id.is_none() {
        return wrong("job", "it tells of a restore job without an id".to_owned());
    }
    let times = &drill.times;
    if restored.job_id.is_some() && times.ordered_at.is_none() {
        return wrong(
            "times.ordered_at",
            "a restore job was begun, and nobody ordered it".to_owned(),
        );
    }
    if times.active_at.is_some() && restored.table_id.is_none() {
        return wrong(
            "restored.table_id",
            "the new table was seen ACTIVE, and has no id".to_owned(),
        );
    }
    if times.active_at.is_none() && (drill.items.is_some() || drill.definition.is_some()) {
        return wrong(
            "times.active_at",
            "a table was compared that was never seen ACTIVE".to_owned(),
        );
    }
    match drill.cleanup {
        Cleanup::Gone if times.gone_at.is_none() => {
            return wrong(
                "cleanup",
                "the new table is said to be gone, and nobody saw it gone".to_owned(),
            );
        }
        Cleanup::NothingMade if restored.table_id.is_some() => {
            return wrong("cleanup", "a new table was made, and it says that none was".to_owned());
        }
        Cleanup::Kept | Cleanup::Left { .. } | Cleanup::NothingMade if times.gone_at.is_some() => {
            return wrong(
                "times.gone_at",
                "the new table was seen gone, and is said to be there".to_owned(),
            );
        }
        _ => {}
    }
    out_of_order(record, drill)
}

/// How AWS's restore testing names the tables that it makes.
const AWS_TEST: &str = "awsbackup-restore-test";

/// The first time of a drill that runs backwards.
fn out_of_order(record: &Record, drill: &Drill) -> Option<Flaw> {
    let (times, point) = (&drill.times, &drill.point);
    let of_job = |of: fn(&super::record::Job) -> Option<DateTime<Utc>>| drill.job.as_ref().and_then(of);
    let readings = drill.items.iter().flat_map(|items| {
        let compared = std::iter::once(&items.restored);
        compared
            .chain(items.other.as_ref())
            .map(|one| (one.began_at, one.ended_at))
    });
    let (first, last) = readings.fold(
        (None, None),
        |(first, last): (Option<DateTime<Utc>>, Option<_>), (began, ended)| {
            (
                Some(first.map_or(began, |first| first.min(began))),
                last.max(Some(ended)),
            )
        },
    );
    let rows = [
        vec![
            ("point.created_at", point.created_at),
            ("point.completed_at", point.completed_at),
            ("times.ordered_at", times.ordered_at),
        ],
        vec![
            ("began_at", Some(record.began_at)),
            ("times.ordered_at", times.ordered_at),
            ("times.running_at", times.running_at),
            ("times.active_at", times.active_at),
            ("times.compared_at", times.compared_at),
            ("times.gone_at", times.gone_at),
            ("ended_at", Some(record.ended_at)),
        ],
        vec![
            ("times.ordered_at", times.ordered_at),
            ("job.created_at", of_job(|job| job.created_at)),
            ("job.completed_at", of_job(|job| job.completed_at)),
            ("ended_at", Some(record.ended_at)),
        ],
        vec![
            ("times.active_at", times.active_at),
            ("items, the first page", first.filter(|_| is_read_here(drill))),
            ("items, the last page", last),
            ("times.compared_at", times.compared_at),
        ],
    ];
    for row in rows {
        let known: Vec<(&str, DateTime<Utc>)> = row.into_iter().filter_map(|(name, at)| Some((name, at?))).collect();
        for pair in known.windows(2) {
            let ((before, earlier), (after, later)) = (pair[0], pair[1]);
            // A restore that took less than no time would pass for one within any limit.
            let slack = if before == "times.ordered_at" {
                TimeDelta::zero()
            } else {
                SLACK
            };
            let slack = if after.starts_with("job.") { SLACK } else { slack };
            if later < earlier - slack {
                let why = format!(
                    "it is {}, before `{before}`, which is {}",
                    rfc3339(later),
                    rfc3339(earlier)
                );
                return Some((after.to_owned(), why));
            }
        }
    }
    None
}

/// The other side was read during the drill: a digest may be of any time before it.
fn is_read_here(drill: &Drill) -> bool {
    let is_digest = |items: &super::record::Items| matches!(items.against, super::record::Against::Digest { .. });
    !drill.items.as_ref().is_some_and(is_digest)
}

/// The plan names every table and point, and the journal every job: a record that tells of others is of another run.
fn unnamed(record: &Record, plan: &[u8], journal: &[u8]) -> Option<Flaw> {
    let [plan, journal] = [plan, journal].map(String::from_utf8_lossy);
    let named = |text: &str, name: &str| text.contains(&format!("\"{name}\""));
    for drill in &record.drills {
        let job = drill.restored.job_id.as_deref();
        let missing = [
            (
                "source.table_arn",
                Some(drill.source.table_arn.as_str()),
                &plan,
                PLAN_FILE,
            ),
            ("point.arn", Some(drill.point.arn.as_str()), &plan, PLAN_FILE),
            ("restored.job_id", job, &journal, JOURNAL_FILE),
        ];
        let missing = missing
            .into_iter()
            .find(|(_, name, text, _)| name.is_some_and(|name| !named(text, name)));
        if let Some((field, name, _, file)) = missing {
            let why = format!("{file} does not name `{}`", name.unwrap_or_default());
            return Some((format!("drill {}: `{field}`", drill.number), why));
        }
    }
    None
}
