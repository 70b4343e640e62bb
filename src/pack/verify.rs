//! `verify`: does the evidence hold? Offline, from the pack alone, stopping at the first thing that differs.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::path::Path;

use super::manifest::{Coverage, Manifest};
use super::{
    CRITERIA_DIR, FINDINGS_FILE, MANIFEST_FILE, Pack, SUMS_FILE, TEMPLATES_DIR, criteria, digest, findings, seal,
};
use crate::exit::Exit;
use crate::inventory::Inventory;
use crate::inventory::store::MANIFEST_FILE as INVENTORY_MANIFEST;
use crate::problem::{Problem, Problems, count};
use crate::report::staging::INVENTORY_DIR;
use crate::report::{FORMATS, Format, RenderError, Report, Templates};

/// What was checked and holds, one sentence each.
pub type Shown = Vec<String>;

/// A problem that says: the evidence does not hold.
pub fn broken(place: impl Into<String>, why: impl Into<String>) -> Problem {
    let mut problem = Problem::new("the evidence does not hold").at(place).why(why);
    problem.so = "nothing in this pack can be relied on".to_owned();
    problem.exit = Exit::EvidenceBroken;
    problem
}

/// Any problem met on the way, as one that says: the evidence does not hold.
pub fn as_broken(problems: Problems) -> Problem {
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
    Pack::open(dir).map_err(|problem| {
        let is_there = dir.is_dir();
        let problem = as_broken(problem.into());
        if is_there {
            return problem;
        }
        // Nothing was looked at: that says nothing of any evidence.
        Problem {
            what: "could not open the pack".to_owned(),
            so: "nothing was verified".to_owned(),
            exit: Exit::Failed,
            ..problem
        }
    })
}

/// Checks everything but the signature: files, sums, digests, and that inventory and criteria still give every finding and
/// every report of the pack.
///
/// Errors: the first thing that differs, with what was expected and what was found.
pub fn verify(pack: &Pack) -> Result<Shown, Problem> {
    let manifest = &pack.manifest;
    let mut shown = vec![sums(pack)?, files(pack)?];
    let inventory = pack
        .inventory_unchecked()
        .map_err(|problem| as_broken(problem.into()))?;
    let criteria = criteria::load(&pack.dir.join(CRITERIA_DIR)).map_err(as_broken)?;
    shown.push(provenance(manifest, &inventory)?);
    let report = pack
        .judge(&inventory, &criteria)
        .map_err(|problem| as_broken(problem.into()))?;
    shown.push(same_findings(pack, &report)?);
    shown.push(same_sums(manifest, &report, &inventory)?);
    shown.push(same_reports(pack, &report)?);
    Ok(shown)
}

/// `SHA256SUMS` and the manifest name the same digests. It comes first: if the manifest is wrong, everything else seems so.
fn sums(pack: &Pack) -> Result<String, Problem> {
    let found = std::fs::read(pack.dir.join(SUMS_FILE)).map_err(|error| broken(SUMS_FILE, error.to_string()))?;
    let mut expected = seal::sums(&pack.manifest);
    // The digest of the bytes on disk, whatever form they have.
    expected = expected.replace(&pack.manifest.sha256(), &pack.manifest_sha256);
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

/// Every file of the manifest is there as it says, and no other.
fn files(pack: &Pack) -> Result<String, Problem> {
    for entry in &pack.manifest.files {
        check_file(pack, &entry.path)?;
    }
    let listed = seal::list(&pack.dir).map_err(|error| broken(pack.dir.display().to_string(), error.to_string()))?;
    if let Some(other) = listed.iter().find(|path| pack.manifest.file(path).is_none()) {
        return Err(broken(other, format!("{MANIFEST_FILE} does not name this file")));
    }
    Ok(format!(
        "{} of {} bytes have the digests of {MANIFEST_FILE}, and there is no other",
        count(pack.manifest.files.len(), "file"),
        pack.manifest.files.iter().map(|file| file.size).sum::<u64>()
    ))
}

/// One file is as the manifest says.
///
/// Errors: what differs.
pub fn check_file(pack: &Pack, path: &str) -> Result<(), Problem> {
    let Some(entry) = pack.manifest.file(path) else {
        return Err(broken(path, format!("{MANIFEST_FILE} does not name this file")));
    };
    let place = pack.dir.join(path);
    let metadata = place
        .symlink_metadata()
        .map_err(|error| broken(path, error.to_string()))?;
    if !metadata.is_file() {
        return Err(broken(path, "it is not a plain file"));
    }
    if metadata.len() != entry.size {
        let why = format!("expected {} bytes, found {}", entry.size, metadata.len());
        return Err(broken(path, why));
    }
    let (_, sha256) = digest::of_file(&place).map_err(|error| broken(path, error.to_string()))?;
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
    let same = [
        ("scan_id", manifest.scan_id.clone(), of_inventory.scan_id.clone()),
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
    let rules = format!("{CRITERIA_DIR}/{}", criteria::RULES_DIR);
    let policy = format!("{CRITERIA_DIR}/{}", criteria::POLICY_FILE);
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

fn same_field(field: &str, expected: &str, found: &str, by: &str) -> Result<(), Problem> {
    if expected == found {
        return Ok(());
    }
    Err(broken(
        format!("{MANIFEST_FILE}, `{field}`"),
        format!("expected `{expected}` by {by}, found `{found}`"),
    ))
}

fn same_findings(pack: &Pack, report: &Report) -> Result<String, Problem> {
    let manifest = &pack.manifest;
    let compared = findings::compare(&pack.dir, report).map_err(|why| broken(FINDINGS_FILE, why))?;
    if let Some((place, expected, found)) = compared.difference {
        return Err(hinted(
            manifest,
            broken(
                format!("{FINDINGS_FILE}, {place}"),
                format!("judged again it is `{expected}`, found `{found}`"),
            ),
        ));
    }
    let (stored, mut said) = (compared.totals, manifest.totals.clone());
    // Tables are counted with the report that was made anew.
    (said.tables, said.tables_by_verdict) = (stored.tables, stored.tables_by_verdict.clone());
    if stored != said {
        let why = format!("its rows add up to {stored:?}, found {said:?}");
        return Err(broken(format!("{MANIFEST_FILE}, `totals`"), why));
    }
    Ok(format!(
        "inventory, rules and policy as of {} give the same {}",
        crate::domain::rfc3339(manifest.as_of),
        count(report.findings.len(), "finding")
    ))
}

/// Where judging again gives something else, the program may have changed instead of the pack.
fn hinted(manifest: &Manifest, problem: Problem) -> Problem {
    let own = env!("CARGO_PKG_VERSION");
    if manifest.binary_sha256.as_deref() == seal::binary_sha256() {
        return problem;
    }
    let by = &manifest.tool_version;
    problem.hint(format!(
        "this is backproof {own}; verify with the program that made the pack, backproof {by} (SHA-256 {}), before you conclude anything",
        manifest.binary_sha256.as_deref().unwrap_or("not known")
    ))
}

fn same_sums(manifest: &Manifest, report: &Report, inventory: &Inventory) -> Result<String, Problem> {
    same_field(
        "accounts",
        &format!("{:?}", seal::accounts(report)),
        &format!("{:?}", manifest.accounts),
        "the inventory",
    )?;
    same_field(
        "regions",
        &seal::regions(report).join(", "),
        &manifest.regions.join(", "),
        "the inventory",
    )?;
    same_field(
        "totals",
        &format!("{:?}", seal::totals(report)),
        &format!("{:?}", manifest.totals),
        "the rows",
    )?;
    same_field(
        "coverage",
        &format!("{:?}", seal::coverage(report, inventory)),
        &format!("{:?}", manifest.coverage),
        "the inventory",
    )?;
    if let Some((what, sum, parts)) = uneven(&manifest.coverage) {
        let why = format!("{what} {sum}, but their parts add up to {parts}");
        return Err(broken(format!("{MANIFEST_FILE}, `coverage`"), why));
    }
    Ok("totals and coverage are the sums of their rows".to_owned())
}

/// Sums of the coverage that are not.
fn uneven(coverage: &Coverage) -> Option<(&'static str, u64, u64)> {
    let tables = coverage.tables_described + coverage.tables_vanished + coverage.tables_unknown;
    let targets = coverage.targets_scanned + coverage.targets_partly + coverage.targets_not_read;
    [
        ("tables listed:", coverage.tables_listed, tables),
        ("targets:", coverage.targets, targets),
    ]
    .into_iter()
    .find(|(_, sum, parts)| sum != parts)
}

fn same_reports(pack: &Pack, report: &Report) -> Result<String, Problem> {
    let stored = FORMATS
        .iter()
        .filter(|format| pack.manifest.file(format.file_name).is_some());
    let stored: Vec<&Format> = stored.collect();
    let own = env!("CARGO_PKG_VERSION");
    if stored.is_empty() {
        return Ok("no report is in the pack".to_owned());
    }
    if pack.manifest.tool_version != own {
        return Ok(format!(
            "{} were not written again: backproof {} wrote them, and this is {own}",
            count(stored.len(), "report"),
            pack.manifest.tool_version
        ));
    }
    let of_firm = pack.dir.join(TEMPLATES_DIR);
    let templates = if of_firm.exists() {
        Templates::load(&of_firm).map_err(as_broken)?
    } else {
        Templates::default()
    };
    for format in &stored {
        if let Some((line, expected, found)) = differs(&pack.dir, format, (report, &templates))? {
            return Err(hinted(
                &pack.manifest,
                broken(
                    format!("{}:{line}", format.file_name),
                    format!("written again it is `{expected}`, found `{found}`"),
                ),
            ));
        }
    }
    let names: Vec<&str> = stored.iter().map(|format| format.file_name).collect();
    Ok(format!(
        "written again, these are the same byte for byte: {}",
        names.join(", ")
    ))
}

/// Line, what it should be, and what is there.
type Difference = (usize, String, String);

/// The first line in which a stored report differs from the same report written again.
fn differs(
    dir: &Path,
    format: &Format,
    (report, templates): (&Report, &Templates),
) -> Result<Option<Difference>, Problem> {
    let name = format.file_name;
    let stored = File::open(dir.join(name)).map_err(|error| broken(name, error.to_string()))?;
    let mut comparer = Comparer {
        stored: BufReader::new(stored),
        line: 1,
        begun: Vec::new(),
        difference: None,
    };
    format
        .write(report, templates, &mut comparer)
        .map_err(|RenderError { why, .. }| broken(name, format!("it could not be written again: {why}")))?;
    let mut rest = Vec::new();
    let more = comparer
        .stored
        .read_until(b'\n', &mut rest)
        .map_err(|error| broken(name, error.to_string()))?;
    if comparer.difference.is_none() && more > 0 {
        comparer.difference = Some((comparer.line, "nothing more".to_owned(), short(&rest)));
    }
    Ok(comparer.difference)
}

/// Takes the bytes of a report and holds them against those of a file, without either standing in memory.
struct Comparer {
    stored: BufReader<File>,
    line: usize,
    /// The line so far, the same in both.
    begun: Vec<u8>,
    difference: Option<Difference>,
}

impl Write for Comparer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.difference.is_some() {
            return Ok(bytes.len());
        }
        let mut stored = Vec::with_capacity(bytes.len());
        (&mut self.stored).take(bytes.len() as u64).read_to_end(&mut stored)?;
        let same = bytes
            .iter()
            .zip(&stored)
            .take_while(|(made, stored)| made == stored)
            .count();
        for byte in &bytes[..same] {
            if *byte == b'\n' {
                self.line += 1;
                self.begun.clear();
            } else if self.begun.len() < SHOWN {
                self.begun.push(*byte);
            }
        }
        if same < bytes.len() {
            let whole = |rest: &[u8]| short(&[&self.begun, rest].concat());
            self.difference = Some((self.line, whole(&bytes[same..]), whole(&stored[same..])));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Bytes of a line that are shown.
const SHOWN: usize = 160;

fn short(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let cut = &line[..line.len().min(SHOWN)];
    let text = String::from_utf8_lossy(cut).into_owned();
    if cut.len() < line.len() {
        format!("{text}…")
    } else {
        text
    }
}
