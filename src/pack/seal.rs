//! Fills a folder with what makes a pack of it: criteria, findings, digests, manifest.

use std::path::Path;
use std::sync::OnceLock;

use super::kinds::Seal;
use super::manifest::{Account, Coverage, FileEntry, Manifest, SCHEMA_VERSION, Totals};
use super::{MANIFEST_FILE, Pack, SEAL_FILES, SUMS_FILE, TEMPLATES_DIR, findings};
use crate::criteria::Criteria;
use crate::criteria::files::{self, CRITERIA_DIR};
use crate::digest;
use crate::inventory::{INVENTORY_DIR, Inventory};
use crate::judge::judge;
use crate::problem::{Outcome, Problem};
use crate::render::{FORMATS, Format, Templates};
use crate::report::{self, Report};

/// Options whose values are not written down.
const SECRET: [&str; 5] = ["password", "passphrase", "secret", "token", "external-id"];

/// What a report rests on.
pub(crate) struct PackContents<'e> {
    /// The inventory, in the folder `inventory` of the pack to be.
    pub(crate) inventory: &'e Inventory,
    /// What it was judged by.
    pub(crate) criteria: &'e Criteria,
    /// What the documents were laid out by.
    pub(crate) templates: &'e Templates,
    /// What was typed, see [`command_line`].
    pub(crate) command_line: Vec<String>,
    /// Accounts have pseudonyms.
    pub(crate) is_redacted: bool,
}

/// Makes a pack of a folder that holds the inventory and the reports: adds the criteria, the findings, the digests and,
/// last, the manifest. It is in no ledger yet.
///
/// Errors: the disk refused; files that are not what was judged.
pub(crate) fn seal(dir: &Path, report: &Report, evidence: &PackContents<'_>) -> Result<Manifest, Problem> {
    let disk = |path: &Path, error: &std::io::Error| disk_problem(&path.display().to_string(), error);
    let of_criteria = files::files(evidence.criteria);
    let of_criteria = of_criteria
        .iter()
        .map(|(name, text)| (dir.join(CRITERIA_DIR).join(name), text.as_bytes()));
    let of_templates = evidence.templates.sources.iter();
    let of_templates = of_templates.map(|(name, bytes)| (dir.join(TEMPLATES_DIR).join(name), bytes.as_slice()));
    for (path, bytes) in of_criteria.chain(of_templates) {
        let folder = path.parent().unwrap_or(dir);
        std::fs::create_dir_all(folder).map_err(|error| disk(folder, &error))?;
        std::fs::write(&path, bytes).map_err(|error| disk(&path, &error))?;
    }
    findings::write(dir, report)?;
    let manifest = manifest(report, evidence, entries(dir)?)?;
    write_manifest(dir, &manifest)?;
    Ok(manifest)
}

/// Judges what lies in the folder of a pack by the criteria that lie there, and writes findings, the reports that are there
/// and the seal anew: what anybody can do who has this program's sources. Tests hold `verify` against it.
///
/// Errors: evidence, criteria or templates that cannot be read; the disk refused.
pub fn anew(dir: &Path) -> Outcome<Manifest> {
    let old = Pack::open(dir)?.manifest;
    let criteria = files::load(&dir.join(CRITERIA_DIR))?;
    let mut templates = match dir.join(TEMPLATES_DIR) {
        folder if folder.exists() => Templates::load(&folder)?,
        _ => Templates::default(),
    };
    templates.pdf.set_typed(&old.command_line);
    let wanted = |format: &Format| old.file(format.file_name).is_some();
    write(
        dir,
        &criteria,
        &templates,
        &wanted,
        (old.command_line.clone(), old.is_redacted),
    )
}

/// Makes a pack of a folder that holds an inventory: judged by these criteria, with the reports that a scan writes. Benchmarks
/// measure it.
///
/// Errors: evidence that cannot be read; the disk refused.
pub fn of_inventory(dir: &Path, criteria: &Criteria) -> Outcome<Manifest> {
    let wanted = |format: &Format| format.is_default;
    write(dir, criteria, &Templates::default(), &wanted, (Vec::new(), false))
}

fn write(
    dir: &Path,
    criteria: &Criteria,
    templates: &Templates,
    wanted: &dyn Fn(&Format) -> bool,
    (command_line, is_redacted): (Vec<String>, bool),
) -> Outcome<Manifest> {
    let inventory = Inventory::open(&dir.join(INVENTORY_DIR))?;
    let report = judge(&inventory, criteria)?;
    for format in FORMATS.iter().filter(|format| wanted(format)) {
        let path = dir.join(format.file_name);
        let file = std::fs::File::create(&path).map_err(|error| disk_problem(&path.display().to_string(), &error))?;
        let mut out = std::io::BufWriter::new(file);
        let written = format.write(&report, templates, &mut out);
        written.map_err(|error| Problem::new(format!("could not write `{}`", format.file_name)).why(error.why))?;
    }
    let contents = PackContents {
        inventory: &inventory,
        criteria,
        templates,
        command_line,
        is_redacted,
    };
    Ok(seal(dir, &report, &contents)?)
}

/// Writes `SHA256SUMS`, then the manifest. Gives the manifest's SHA-256. Also for a manifest that has got its place in a
/// ledger: nothing else in the pack depends on it.
///
/// Errors: the disk refused.
pub fn write_manifest(dir: &Path, manifest: &dyn Seal) -> Result<String, Problem> {
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(dir.join(name), bytes)
            .map_err(|error| disk_problem(&format!("{}/{name}", dir.display()), &error))
    };
    write(SUMS_FILE, sums(manifest).as_bytes())?;
    write(MANIFEST_FILE, &manifest.to_bytes())?;
    Ok(manifest.sha256())
}

/// The text of `SHA256SUMS`: every file that the manifest names, and the manifest, in order of path.
pub(crate) fn sums(manifest: &dyn Seal) -> String {
    let files = manifest.files().iter().map(|file| (&*file.path, &*file.sha256));
    let own = manifest.sha256();
    let mut all: Vec<(&str, &str)> = files.chain([(MANIFEST_FILE, &*own)]).collect();
    all.sort_unstable();
    all.into_iter()
        .map(|(path, sha256)| digest::line(path, sha256))
        .collect()
}

/// Every file below a folder, by path with `/` between its parts, in order; without manifest, signature and sums.
///
/// Errors: a folder that cannot be read; something that is neither folder nor file.
pub fn list(dir: &Path) -> std::io::Result<Vec<String>> {
    let mut files = digest::files_below(dir)?;
    files.retain(|path| !SEAL_FILES.contains(&&**path));
    Ok(files)
}

/// Every file below a folder, as a manifest names it.
///
/// Errors: a file that cannot be read.
pub(crate) fn entries(dir: &Path) -> Result<Vec<FileEntry>, Problem> {
    let disk = |path: &Path, error: &std::io::Error| disk_problem(&path.display().to_string(), error);
    let mut files = Vec::new();
    for path in list(dir).map_err(|error| disk(dir, &error))? {
        let (size, sha256) = digest::of_file(&dir.join(&path)).map_err(|error| disk(&dir.join(&path), &error))?;
        files.push(FileEntry { path, size, sha256 });
    }
    Ok(files)
}

/// What was typed, with what may be secret left out.
pub(crate) fn command_line() -> Vec<String> {
    hide_secrets(
        std::env::args_os()
            .map(|arg| arg.to_string_lossy().into_owned())
            .skip(1),
    )
}

fn hide_secrets(args: impl Iterator<Item = String>) -> Vec<String> {
    let mut line = vec!["backproof".to_owned()];
    let mut hides_next = false;
    for arg in args {
        let (name, value) = arg.split_once('=').unwrap_or((&arg, ""));
        let is_secret = name.starts_with('-') && SECRET.iter().any(|word| name.contains(word));
        line.push(match (hides_next, is_secret, value.is_empty()) {
            (true, ..) => "…".to_owned(),
            (false, true, false) => format!("{name}=…"),
            _ => arg.clone(),
        });
        hides_next = !hides_next && is_secret && value.is_empty();
    }
    line
}

/// SHA-256 of this program's own file. The first call takes a moment; a scan makes it while AWS is read.
pub(crate) fn binary_sha256() -> Option<&'static str> {
    static DIGEST: OnceLock<Option<String>> = OnceLock::new();
    let digest = DIGEST.get_or_init(|| {
        let program = std::env::current_exe().ok()?;
        digest::of_file(&program).ok().map(|(_, sha256)| sha256)
    });
    digest.as_deref()
}

fn manifest(report: &Report, evidence: &PackContents<'_>, files: Vec<FileEntry>) -> Result<Manifest, Problem> {
    let below = |folder: &str| digest_below(&files, &[folder]);
    let evidence_digest = digest_below(&files, &[CRITERIA_DIR, INVENTORY_DIR]);
    if evidence_digest != report.scan.evidence_digest {
        return Err(
            Problem::new("the evidence changed while the reports were being written")
                .why(format!(
                    "its digest was {}, and is {evidence_digest}",
                    report.scan.evidence_digest
                ))
                .so("no report was written")
                .hint("see that nothing else writes into the folder, and run again"),
        );
    }
    let of_file = |path: String| {
        files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.sha256.clone())
    };
    let inventory = &evidence.inventory.manifest;
    Ok(Manifest {
        schema_version: SCHEMA_VERSION,
        scan_id: inventory.scan_id.clone(),
        sequence: None,
        previous: None,
        sealed_at: None,
        signed_by: Vec::new(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        binary_sha256: binary_sha256().map(str::to_owned),
        command_line: evidence.command_line.clone(),
        caller_arn: inventory.caller_arn.clone(),
        accounts: accounts(report),
        regions: regions(report),
        is_redacted: evidence.is_redacted,
        as_of: inventory.as_of,
        started_at: inventory.started_at,
        finished_at: inventory.finished_at,
        clock_skew_seconds: inventory.clock_skew_seconds,
        rules_digest: below(&format!("{CRITERIA_DIR}/{}", files::RULES_DIR)),
        policy_digest: of_file(format!("{CRITERIA_DIR}/{}", files::POLICY_FILE)).unwrap_or_default(),
        evidence_digest,
        totals: totals(report),
        coverage: coverage(report, evidence.inventory),
        files,
    })
}

/// SHA-256 over the lines of the files below some folders.
pub fn digest_below(files: &[FileEntry], folders: &[&str]) -> String {
    let is_below = |file: &&FileEntry| {
        let below = |folder: &&str| file.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        folders.iter().any(below)
    };
    digest::of_list(files.iter().filter(is_below).map(|file| (&*file.path, &*file.sha256)))
}

/// The accounts of a report.
pub(crate) fn accounts(report: &Report) -> Vec<Account> {
    let all = report.coverage.accounts.iter();
    all.map(|account| Account {
        id: account.account_id.clone(),
        name: account.name.clone(),
    })
    .collect()
}

/// The Regions of a report, in order.
pub(crate) fn regions(report: &Report) -> Vec<String> {
    let targets = report.coverage.targets.iter();
    let mut regions: Vec<String> = targets.map(|target| target.target.region.clone()).collect();
    regions.sort();
    regions.dedup();
    regions
}

/// The sums of a report.
pub(crate) fn totals(report: &Report) -> Totals {
    let totals = &report.totals;
    let by_verdict = |counts: &std::collections::BTreeMap<crate::domain::Verdict, usize>| {
        counts
            .iter()
            .map(|(verdict, count)| (verdict.as_str().to_owned(), *count as u64))
            .collect()
    };
    let by_severity = |counts: &std::collections::BTreeMap<crate::domain::Severity, usize>| {
        counts
            .iter()
            .map(|(severity, count)| (severity.as_str().to_owned(), *count as u64))
            .collect()
    };
    let by_answer = |counts: &std::collections::BTreeMap<crate::domain::Answer, usize>| {
        counts
            .iter()
            .map(|(answer, count)| (answer.as_str().to_owned(), *count as u64))
            .collect()
    };
    Totals {
        tables: totals.tables as u64,
        tables_by_verdict: by_answer(&totals.tables_by_verdict),
        findings: totals.findings as u64,
        findings_by_verdict: by_verdict(&totals.findings_by_verdict),
        non_compliant_by_severity: by_severity(&totals.non_compliant_by_severity),
        advised_by_severity: by_severity(&totals.advised_by_severity),
        waived: totals.waived as u64,
    }
}

/// The coverage of a report.
pub(crate) fn coverage(report: &Report, inventory: &Inventory) -> Coverage {
    let coverage = &report.coverage;
    let of_status = |status: &str| {
        let with = |target: &&report::TargetCoverage| target.status == status;
        coverage.targets.iter().filter(with).count() as u64
    };
    Coverage {
        targets: coverage.targets.len() as u64,
        targets_scanned: of_status("scanned"),
        targets_partly: of_status("partly"),
        targets_not_read: of_status("not-read"),
        tables_listed: coverage.tables_listed as u64,
        tables_described: coverage.tables_described as u64,
        tables_vanished: coverage.tables_vanished as u64,
        tables_unknown: coverage.tables_unknown as u64,
        regions_unknown: coverage.regions_unknown,
        gaps: coverage.gaps.len() as u64,
        calls: inventory.manifest.frames.get("call_log").copied().unwrap_or(0),
        attempts: inventory.manifest.attempt_count,
    }
}

pub(crate) fn disk_problem(place: &str, error: &std::io::Error) -> Problem {
    Problem::new("could not write the evidence pack")
        .at(place)
        .why(error.to_string())
        .so("no report was written")
        .hint("free some space, or choose another folder with `--to`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_not_written_down() {
        for (typed, written) in [
            ("scan --to out", "backproof scan --to out"),
            (
                "scan --external-id x --to out",
                "backproof scan --external-id … --to out",
            ),
            ("scan --sign-passphrase=x", "backproof scan --sign-passphrase=…"),
            ("scan --token --to", "backproof scan --token …"),
            ("scan --regions=eu-west-1", "backproof scan --regions=eu-west-1"),
        ] {
            let line = hide_secrets(typed.split(' ').map(str::to_owned));
            assert_eq!(line.join(" "), written);
        }
    }
}
