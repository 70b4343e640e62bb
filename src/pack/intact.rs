//! Does a pack hold by itself? Everything that shows without judging again: signatures, digests, and that the manifest says
//! of the evidence what the evidence says.
//!
//! In: a pack. Out: a [`IntactPack`], which is the only pack that `attest` reads and that a ledger takes. Nothing is judged here,
//! and nothing talks to AWS.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use super::manifest::Manifest;
use super::scope::Scope;
use super::{AnyManifest, FINDINGS_FILE, MANIFEST_FILE, Pack, SUMS_FILE, Sealed, findings, reseal, seal};
use crate::criteria::files::{self, CRITERIA_DIR};
use crate::digest;
use crate::domain::rfc3339;
use crate::exit::Exit;
use crate::inventory::schema::CallLogEntry;
use crate::inventory::store::MANIFEST_FILE as INVENTORY_MANIFEST;
use crate::inventory::{INVENTORY_DIR, Inventory};
use crate::plain_file::{self, LARGEST_MANIFEST};
use crate::problem::{Problem, Problems, count};
use crate::sign::{Signer, Trust};

/// A pack that holds by itself.
#[derive(Debug, Clone)]
pub struct IntactPack {
    /// The pack.
    pub pack: Pack,
    /// Its inventory. Every file of it has the digest of the manifest.
    pub inventory: Inventory,
    /// Who signed; empty: nobody, and nobody was to.
    pub signers: Vec<Signer>,
    /// What was checked and holds.
    pub shown: Shown,
}

/// A pack of any kind that holds, with what a ledger has to know of it.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// Its folder.
    pub(crate) dir: PathBuf,
    /// Its manifest.
    pub(crate) manifest: AnyManifest,
}

impl From<IntactPack> for Held {
    fn from(intact: IntactPack) -> Self {
        Self {
            dir: intact.pack.dir,
            manifest: intact.pack.manifest.into(),
        }
    }
}

/// What was checked and holds, one sentence each.
pub(crate) type Shown = Vec<String>;

/// A problem that says: the evidence failed verification.
pub(crate) fn broken(place: impl Into<String>, why: impl Into<String>) -> Problem {
    let mut problem = Problem::new("the evidence failed verification").at(place).why(why);
    problem.so = "nothing in this pack can be relied on".to_owned();
    problem.exit = Exit::EvidenceBroken;
    problem
}

/// An error met while a part of a pack was read: it does not hold, or nothing can be said of it.
pub(crate) fn unread(place: impl Into<String>, error: &std::io::Error) -> Problem {
    if !plain_file::is_of_reader(error) {
        return broken(place, error.to_string());
    }
    let problem = Problem::new(format!("could not read {}", place.into()))
        .why(error.to_string())
        .so("nothing can be said of the pack");
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        problem.hint(plain_file::MAY_NOT_READ)
    } else {
        problem
    }
}

/// Any problem met on the way, as one that says: the evidence failed verification.
pub(crate) fn as_broken(problems: Problems) -> Problem {
    let mut all = problems.0.into_iter();
    let first = all.next().unwrap_or_else(|| Problem::new("it could not be checked"));
    let more = match all.count() {
        0 => String::new(),
        number => format!("; {} more", count(number, "mistake")),
    };
    let why = if first.why.is_empty() {
        String::new()
    } else {
        format!(": {}", first.why)
    };
    broken(first.location, format!("{}{why}{more}", first.what)).hint(first.hint)
}

/// Opens the pack in a folder, to be verified.
///
/// Errors: there is none, or its manifest cannot be read.
pub fn open(dir: &Path) -> Result<Pack, Problem> {
    let path = dir.join(MANIFEST_FILE);
    // Nothing is said of a manifest by an error that tells of whoever reads.
    if let Some(error) = plain_file::open(&path).err().filter(plain_file::is_of_reader) {
        return Err(unread(path.display().to_string(), &error));
    }
    Pack::open(dir).map_err(|problem| opened(dir, problem))
}

/// Why a pack could not be opened, as it is told where packs are verified.
pub(crate) fn opened(dir: &Path, problem: Problem) -> Problem {
    match problem.exit {
        // A pack of another kind is whole: another command is for it.
        Exit::Usage => problem,
        _ if dir.is_dir() => as_broken(problem.into()),
        // Nothing was looked at: that says nothing of any evidence.
        _ => Problem {
            so: "nothing was verified".to_owned(),
            exit: Exit::Failed,
            ..problem
        },
    }
}

impl IntactPack {
    /// Opens the pack in a folder that is to get a place in a ledger: what an earlier run left half done is finished first.
    ///
    /// Errors: those of [`check`]; a folder that cannot be written.
    pub(crate) fn to_append(dir: &Path) -> Result<Self, Problem> {
        reseal::settle(dir)?;
        check(open(dir)?, &Trust::none())
    }

    /// A pack that nobody looked at, for a ledger.
    #[cfg(test)]
    pub(crate) fn held(dir: &Path) -> Held {
        Self::unchecked(dir).into()
    }

    /// A pack that nobody looked at.
    #[cfg(test)]
    pub(crate) fn unchecked(dir: &Path) -> Self {
        let pack = Pack::open(dir).expect("a pack");
        let manifest = crate::inventory::Manifest {
            schema_version: crate::inventory::schema::SCHEMA_VERSION,
            scan_id: pack.manifest.scan_id.clone(),
            as_of: pack.manifest.as_of,
            started_at: pack.manifest.started_at,
            finished_at: pack.manifest.finished_at,
            caller_arn: String::new(),
            tool_version: String::new(),
            regions_named: true,
            clock_skew_seconds: None,
            attempt_count: 0,
            frames: std::collections::BTreeMap::new(),
        };
        let dir = dir.join(INVENTORY_DIR);
        Self {
            pack,
            inventory: Inventory { dir, manifest },
            signers: Vec::new(),
            shown: Vec::new(),
        }
    }
}

/// Checks everything that shows without judging again, and stops at the first thing that differs.
///
/// Errors: that thing, with what was expected and what was found.
pub(crate) fn check(pack: Pack, trust: &Trust) -> Result<IntactPack, Problem> {
    let mut intact = look(pack, trust)?;
    intact.shown.push(same_totals(&intact.pack)?);
    Ok(intact)
}

/// The same for whoever judges again after it, and so finds by name the finding that made a sum wrong.
///
/// Errors: the first thing that differs.
pub fn look(pack: Pack, trust: &Trust) -> Result<IntactPack, Problem> {
    // Who signed comes first: a manifest that was altered after signing explains everything that follows from it.
    let signers = pack.signers(trust)?;
    let mut shown = vec![sums(pack.sealed())?, files(pack.sealed())?];
    let inventory = pack
        .inventory_unchecked()
        .map_err(|problem| as_broken(problem.into()))?;
    shown.push(provenance(&pack.manifest, &inventory)?);
    shown.push(same_scope(&pack.manifest, &inventory)?);
    Ok(IntactPack {
        pack,
        inventory,
        signers,
        shown,
    })
}

/// Scope and coverage of the manifest are those of the inventory.
fn same_scope(manifest: &Manifest, inventory: &Inventory) -> Result<String, Problem> {
    let scope = Scope::of(inventory).map_err(|problem| as_broken(problem.into()))?;
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let coverage = &manifest.coverage;
    let pseudonyms = manifest.accounts.iter().all(|account| account.id.starts_with("000000"));
    let tables = coverage.tables_listed.saturating_sub(coverage.tables_vanished);
    for (field, expected, found, by) in [
        (
            "accounts",
            text(&scope.accounts),
            text(&manifest.accounts),
            "the inventory",
        ),
        (
            "regions",
            text(&scope.regions),
            text(&manifest.regions),
            "the inventory",
        ),
        ("coverage", text(&scope.coverage), text(coverage), "the inventory"),
        (
            "totals.tables",
            text(&tables),
            text(&manifest.totals.tables),
            "the inventory",
        ),
        (
            "is_redacted",
            text(&(manifest.is_redacted && pseudonyms)),
            text(&manifest.is_redacted),
            "the ids of its accounts",
        ),
    ] {
        same_field(field, &expected, &found, by)?;
    }
    Ok("scope and coverage are those of the inventory".to_owned())
}

/// Totals of the manifest are the sums of the stored findings.
pub(super) fn same_totals(pack: &Pack) -> Result<String, Problem> {
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let stored = findings::sums(&pack.dir).map_err(|why| broken(FINDINGS_FILE, why))?;
    let said = &pack.manifest.totals;
    let parts: u64 = said.tables_by_verdict.values().sum();
    let counts = |counts: &std::collections::BTreeMap<String, u64>| {
        let some = counts.iter().filter(|(_, count)| **count > 0);
        text(&some.collect::<Vec<_>>())
    };
    for (field, expected, found) in [
        ("findings", text(&stored.findings), text(&said.findings)),
        ("waived", text(&stored.waived), text(&said.waived)),
        (
            "findings_by_verdict",
            counts(&stored.findings_by_verdict),
            counts(&said.findings_by_verdict),
        ),
        (
            "non_compliant_by_severity",
            counts(&stored.non_compliant_by_severity),
            counts(&said.non_compliant_by_severity),
        ),
        ("tables_by_verdict", text(&said.tables), text(&parts)),
    ] {
        same_field(&format!("totals.{field}"), &expected, &found, "the rows")?;
    }
    Ok("totals are the sums of the findings".to_owned())
}

/// `SHA256SUMS` and the manifest name the same digests. It comes first: if the manifest is wrong, everything else seems so.
pub(crate) fn sums(pack: Sealed<'_>) -> Result<String, Problem> {
    let found =
        plain_file::read(&pack.dir.join(SUMS_FILE), LARGEST_MANIFEST).map_err(|error| unread(SUMS_FILE, &error))?;
    let mut expected = seal::sums(pack.manifest);
    // The digest of the bytes on disk, whatever form they have.
    expected = expected.replace(&pack.manifest.sha256(), pack.manifest_sha256);
    if found == expected.as_bytes() {
        return Ok(format!("{SUMS_FILE} and {MANIFEST_FILE} name the same digests"));
    }
    let found = String::from_utf8_lossy(&found);
    let own = |text: &str| {
        let line = text.lines().find(|line| line.ends_with(&format!("  {MANIFEST_FILE}")));
        line.and_then(|line| line.split_once(' '))
            .map(|(digest, _)| digest.to_owned())
    };
    if let Some(named) = own(&found).filter(|named| *named != pack.manifest_sha256) {
        let why = format!("{SUMS_FILE} expects SHA-256 {named}, found {}", pack.manifest_sha256);
        return Err(broken(MANIFEST_FILE, why));
    }
    let lines = expected.lines().zip(found.lines());
    let differs = lines.enumerate().find(|(_, (expected, found))| expected != found);
    Err(match differs {
        Some((place, (expected, found))) => broken(
            format!("{SUMS_FILE}:{}", place + 1),
            format!("expected `{expected}` by {MANIFEST_FILE}, found `{found}`"),
        ),
        None => broken(
            SUMS_FILE,
            format!(
                "expected {} bytes by {MANIFEST_FILE}, found {}",
                expected.len(),
                found.len()
            ),
        ),
    })
}

const NOT_PLAIN: &str = "it is not a plain file";

/// Every file of the manifest is there as it says, and no other.
pub(crate) fn files(pack: Sealed<'_>) -> Result<String, Problem> {
    // What is no plain file is named before anything is read.
    for entry in pack.manifest.files() {
        let is_other = |metadata: std::fs::Metadata| !metadata.is_file();
        if pack.dir.join(&entry.path).symlink_metadata().is_ok_and(is_other) {
            return Err(broken(entry.path.as_str(), NOT_PLAIN));
        }
    }
    let listed = seal::list(pack.dir).map_err(|error| unread(pack.dir.display().to_string(), &error))?;
    for entry in pack.manifest.files() {
        check_file(pack, &entry.path)?;
    }
    if let Some(other) = listed.iter().find(|path| pack.manifest.file(path).is_none()) {
        return Err(broken(other, format!("{MANIFEST_FILE} does not name this file")));
    }
    Ok(format!(
        "{} of {} bytes have the digests of {MANIFEST_FILE}, and there is no other",
        count(pack.manifest.files().len(), "file"),
        pack.manifest.files().iter().map(|file| file.size).sum::<u64>()
    ))
}

/// One file is as the manifest says.
///
/// Errors: what differs.
pub(crate) fn check_file(pack: Sealed<'_>, path: &str) -> Result<(), Problem> {
    let Some(entry) = pack.manifest.file(path) else {
        return Err(broken(path, format!("{MANIFEST_FILE} does not name this file")));
    };
    let place = pack.dir.join(path);
    let metadata = place.symlink_metadata().map_err(|error| unread(path, &error))?;
    if !metadata.is_file() {
        return Err(broken(path, NOT_PLAIN));
    }
    if metadata.len() != entry.size {
        let why = format!("expected {} bytes, found {}", entry.size, metadata.len());
        return Err(broken(path, why));
    }
    if plain_file::is_hollow(&metadata) {
        let (size, room) = (metadata.len(), plain_file::size_on_disk(&metadata));
        let why = format!("it is of holes: {size} bytes, of which {room} lie on disk");
        return Err(broken(path, why));
    }
    let (_, sha256) = digest::of_file(&place).map_err(|error| unread(path, &error))?;
    if sha256 != entry.sha256 {
        return Err(broken(
            path,
            format!("expected SHA-256 {}, found {sha256}", entry.sha256),
        ));
    }
    Ok(())
}

/// The manifest says of the evidence what the evidence says of itself.
fn provenance(manifest: &Manifest, inventory: &Inventory) -> Result<String, Problem> {
    let of_inventory = &inventory.manifest;
    let skew = |seconds: Option<i64>| seconds.map_or_else(|| "null".to_owned(), |seconds| seconds.to_string());
    // `report --redact-accounts` makes a pack of an inventory that another version may have collected.
    let tool_version = if manifest.is_redacted {
        of_inventory.tool_version.clone()
    } else {
        manifest.tool_version.clone()
    };
    let same = [
        ("scan_id", manifest.scan_id.clone(), of_inventory.scan_id.clone()),
        ("tool_version", tool_version, of_inventory.tool_version.clone()),
        (
            "caller_arn",
            manifest.caller_arn.clone(),
            of_inventory.caller_arn.clone(),
        ),
        ("as_of", manifest.as_of.to_rfc3339(), of_inventory.as_of.to_rfc3339()),
        (
            "started_at",
            manifest.started_at.to_rfc3339(),
            of_inventory.started_at.to_rfc3339(),
        ),
        (
            "finished_at",
            manifest.finished_at.to_rfc3339(),
            of_inventory.finished_at.to_rfc3339(),
        ),
        (
            "clock_skew_seconds",
            skew(manifest.clock_skew_seconds),
            skew(of_inventory.clock_skew_seconds),
        ),
    ];
    for (field, found, expected) in same {
        let by = format!("{INVENTORY_DIR}/{INVENTORY_MANIFEST}");
        same_field(field, &expected, &found, &by)?;
    }
    by_the_clock_of_aws(inventory)?;
    let rules = format!("{CRITERIA_DIR}/{}", files::RULES_DIR);
    let policy = format!("{CRITERIA_DIR}/{}", files::POLICY_FILE);
    let below = |folders: &[&str]| seal::digest_below(&manifest.files, folders);
    let of_policy = manifest
        .file(&policy)
        .map(|file| file.sha256.clone())
        .unwrap_or_default();
    let evidence = below(&[CRITERIA_DIR, INVENTORY_DIR]);
    same_field("evidence_digest", &evidence, &manifest.evidence_digest, "its files")?;
    same_field("rules_digest", &below(&[&rules]), &manifest.rules_digest, "its files")?;
    same_field("policy_digest", &of_policy, &manifest.policy_digest, "its files")?;
    Ok(format!("evidence digest {evidence}, as the files give it"))
}

/// Ages are measured from the instant at which AWS gave its first answer, and the call log says when that was. The clocks of
/// AWS's services may lie seconds apart.
fn by_the_clock_of_aws(inventory: &Inventory) -> Result<(), Problem> {
    let mut first: Option<DateTime<Utc>> = None;
    inventory
        .for_each_row::<CallLogEntry>(&[], |row| {
            first = first.into_iter().chain(row.answered_at).min();
        })
        .map_err(|problem| as_broken(problem.into()))?;
    let as_of = inventory.manifest.as_of;
    match first {
        Some(first) if as_of > first + TimeDelta::minutes(1) || as_of < first - TimeDelta::hours(1) => Err(broken(
            format!("{INVENTORY_DIR}/{INVENTORY_MANIFEST}, `as_of`"),
            format!(
                "it says {}, and the first answer of the call log came at {} by AWS's clock",
                rfc3339(as_of),
                rfc3339(first)
            ),
        )),
        _ => Ok(()),
    }
}

pub(crate) fn same_field(field: &str, expected: &str, found: &str, by: &str) -> Result<(), Problem> {
    if expected == found {
        return Ok(());
    }
    Err(broken(
        format!("{MANIFEST_FILE}, `{field}`"),
        format!("expected `{expected}` by {by}, found `{found}`"),
    ))
}
