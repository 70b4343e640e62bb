//! `verify`: does the evidence hold? Offline, from the pack alone, stopping at the first thing that differs.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::path::Path;

use super::intact::{IntactPack, Shown, as_broken, broken, same_field, same_totals, unread};
use super::manifest::{Coverage, Manifest, SCHEMA_VERSION, SCHEMA_WITH_LEVELS, SCHEMA_WITH_TABLE_FACTS};
use super::{FINDINGS_FILE, MANIFEST_FILE, Pack, TEMPLATES_DIR, findings, seal};
use crate::criteria::Criteria;
use crate::criteria::files::{self, CRITERIA_DIR};
use crate::inventory::{INVENTORY_DIR, Inventory};
use crate::problem::{Problem, count};
use crate::render::{FORMATS, Format, RenderError, Templates, templates};
use crate::report::Report;

/// A pack of which everything that could be looked at holds.
#[derive(Debug, Clone)]
pub struct Verified {
    /// What was checked and holds.
    pub shown: Shown,
    /// What a reader has to know who takes the pack for the program's word: whose templates and rules it has, and files that
    /// no part of it explains.
    pub notes: Vec<String>,
    /// What could not be checked, and why; none: everything was.
    pub unchecked: Option<String>,
}

/// Judges again: inventory and criteria still give every finding and every report of the pack.
///
/// Errors: the first thing that differs, with what was expected and what was found.
pub fn verify(intact: &IntactPack) -> Result<Verified, Problem> {
    let (pack, inventory) = (&intact.pack, &intact.inventory);
    let mut shown = intact.shown.clone();
    of_its_time(pack)?;
    if pack.manifest.schema_version < SCHEMA_WITH_LEVELS {
        shown.push(same_totals(pack)?);
        return Ok(Verified {
            shown,
            notes: of_templates(&pack.manifest),
            unchecked: Some(format!(
                "not re-evaluated: judged by backproof {}, whose rules and levels this version does not have",
                pack.manifest.tool_version
            )),
        });
    }
    let criteria = files::load(&pack.dir.join(CRITERIA_DIR)).map_err(as_broken)?;
    let report = pack
        .judge(inventory, &criteria)
        .map_err(|problem| as_broken(problem.into()))?;
    shown.push(same_findings(pack, &report)?);
    shown.push(same_sums(&pack.manifest, &report, inventory)?);
    let unchecked = match same_reports(pack, &report)? {
        Rewritten::Same(said) => {
            shown.push(said);
            None
        }
        Rewritten::Not(why) => Some(why),
    };
    let notes = [
        of_templates(&pack.manifest),
        of_rules(&report),
        strangers(pack, inventory, &criteria),
    ];
    Ok(Verified {
        shown,
        notes: notes.concat(),
        unchecked,
    })
}

/// A pack that says that it is older than its `report.json` is no older pack: what is not checked of those would go unchecked.
/// Up to now both raise their schema versions together.
fn of_its_time(pack: &Pack) -> Result<(), Problem> {
    let version = pack.manifest.schema_version;
    if version >= SCHEMA_VERSION || pack.manifest.file(REPORT_FILE).is_none() {
        return Ok(());
    }
    let mut begin = Vec::new();
    let file = File::open(pack.dir.join(REPORT_FILE)).map_err(|error| unread(REPORT_FILE, &error))?;
    let read = file.take(BEGINNING).read_to_end(&mut begin);
    read.map_err(|error| unread(REPORT_FILE, &error))?;
    let begin = String::from_utf8_lossy(&begin);
    let after = begin
        .split_once("\"schema_version\":")
        .map_or("", |(_, after)| after.trim_start());
    let found: String = after.chars().take_while(char::is_ascii_digit).collect();
    if found == version.to_string() {
        return Ok(());
    }
    Err(broken(
        format!("{REPORT_FILE}, `schema_version`"),
        format!("the manifest is of schema version {version}, found `{found}`"),
    ))
}

/// The report that tells the version of its form.
const REPORT_FILE: &str = "report.json";

/// Bytes of it that are looked at.
const BEGINNING: u64 = 64;

/// Whose templates the documents have.
fn of_templates(manifest: &Manifest) -> Vec<String> {
    let below = format!("{TEMPLATES_DIR}/");
    let name = |path: &'_ str| path.strip_prefix(&below).map(str::to_owned);
    let files: Vec<(String, &str)> = manifest
        .files
        .iter()
        .filter_map(|file| Some((name(&file.path)?, file.sha256.as_str())))
        .collect();
    let digest = templates::digest_of(files.iter().map(|(name, sha256)| (name.as_str(), *sha256)));
    let note = |digest: String| {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        format!(
            "templates: the pack's own (SHA-256 {digest}): {}; layout, words and colours of its documents are not backproof's",
            names.join(", ")
        )
    };
    digest.map(note).into_iter().collect()
}

/// Whose rules and frameworks judged.
fn of_rules(report: &Report) -> Vec<String> {
    let sentences = report.foreign();
    sentences
        .into_iter()
        .map(|text| text.trim_end_matches('.').to_owned())
        .collect()
}

/// Files that the manifest names and that no part of a pack explains: nothing was said of what is in them.
fn strangers(pack: &Pack, inventory: &Inventory, criteria: &Criteria) -> Vec<String> {
    let of_inventory = inventory
        .file_names()
        .into_iter()
        .map(|name| format!("{INVENTORY_DIR}/{name}"));
    let of_criteria = files::files(criteria)
        .into_iter()
        .map(|(name, _)| format!("{CRITERIA_DIR}/{name}"));
    let of_reports = FORMATS.iter().map(|format| format.file_name.to_owned());
    let known: BTreeSet<String> = of_inventory
        .chain(of_criteria)
        .chain(of_reports)
        .chain([FINDINGS_FILE.to_owned()])
        .collect();
    let below = format!("{TEMPLATES_DIR}/");
    let is_template = |path: &str| path.strip_prefix(&below).is_some_and(|name| !name.contains('/'));
    let files = pack.manifest.files.iter().map(|file| file.path.as_str());
    let strange: Vec<&str> = files
        .filter(|path| !known.contains(*path) && !is_template(path))
        .collect();
    if strange.is_empty() {
        return Vec::new();
    }
    let (belong, names) = match strange.len() {
        1 => ("belongs", strange[0].to_owned()),
        number if number > NAMED => (
            "belong",
            format!("{} and {} more", strange[..NAMED].join(", "), number - NAMED),
        ),
        _ => ("belong", strange.join(", ")),
    };
    let what = count(strange.len(), "file");
    vec![format!(
        "{what} {belong} to no part of a pack: {names}; nothing checks what is in it"
    )]
}

/// Files that are named one by one.
const NAMED: usize = 5;

/// What became of the reports.
enum Rewritten {
    /// Those that are there are the same.
    Same(String),
    /// They could not be written again.
    Not(String),
}

fn same_findings(pack: &Pack, report: &Report) -> Result<String, Problem> {
    let manifest = &pack.manifest;
    let compared =
        findings::compare(&pack.dir, report, manifest.schema_version).map_err(|why| broken(FINDINGS_FILE, why))?;
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

fn same_reports(pack: &Pack, report: &Report) -> Result<Rewritten, Problem> {
    let stored = FORMATS
        .iter()
        .filter(|format| pack.manifest.file(format.file_name).is_some());
    let stored: Vec<&Format> = stored.collect();
    let own = env!("CARGO_PKG_VERSION");
    if stored.is_empty() {
        return Ok(Rewritten::Same("no report is in the pack".to_owned()));
    }
    if pack.manifest.schema_version < SCHEMA_WITH_TABLE_FACTS {
        let names: Vec<&str> = stored.iter().map(|format| format.file_name).collect();
        return Ok(Rewritten::Not(format!(
            "reports of an older form, which this version does not write: {}; whether they say what the evidence gives was not checked",
            names.join(", ")
        )));
    }
    if pack.manifest.tool_version != own {
        let names: Vec<&str> = stored.iter().map(|format| format.file_name).collect();
        return Ok(Rewritten::Not(format!(
            "backproof {} wrote {}, and this is {own}: whether they say what the evidence gives was not checked",
            pack.manifest.tool_version,
            names.join(", ")
        )));
    }
    let of_firm = pack.dir.join(TEMPLATES_DIR);
    let mut templates = if of_firm.exists() {
        Templates::load(&of_firm).map_err(as_broken)?
    } else {
        Templates::default()
    };
    templates.pdf.set_typed(&pack.manifest.command_line);
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
    Ok(Rewritten::Same(format!(
        "written again, these are the same byte for byte: {}",
        names.join(", ")
    )))
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
    let stored = File::open(dir.join(name)).map_err(|error| unread(name, &error))?;
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
        .map_err(|error| unread(name, &error))?;
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
