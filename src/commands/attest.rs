//! `attest`: a period, proved from packs, and written down, offline.

use std::path::{Path, PathBuf};

use chrono::{NaiveDate, TimeDelta};

use crate::attest::render::{FORMATS, Format, terminal};
use crate::attest::{Attestation, LedgerLine, Period, attest};
use crate::cli::AttestArgs;
use crate::commands::{Pipe, print, say, talk};
use crate::exit::Exit;
use crate::ledger::{Entry, Ledger};
use crate::pack::{CRITERIA_DIR, Pack};
use crate::problem::{Outcome, Problem, Problems, count};
use crate::report::staging::{INVENTORY_DIR, Staging};
use crate::report::{RenderError, Templates};
use crate::settings_file::{list, nearest};

/// Runs `attest`.
///
/// Errors: mistakes on the command line, packs that cannot be used or do not hold, a folder that cannot be written.
pub async fn run(args: AttestArgs) -> Outcome<Exit> {
    let wish = Wish::read(&args)?;
    let templates = args
        .template
        .as_deref()
        .map(Templates::load)
        .transpose()?
        .unwrap_or_default();
    let staging = match &wish.folder {
        Some(folder) => Some(open(folder, &wish.formats)?),
        None => None,
    };
    let (packs, ledger, _scratch) = packs(&args, wish.period).await?;
    let mut attestation = attest(&packs, wish.period)?;
    attestation.ledger = ledger;
    match staging {
        Some(staging) => {
            let folder = write(staging, &wish.formats, &attestation, &templates)?;
            if !talk::is_quiet() {
                print(&terminal::summary(&attestation))?;
            }
            say(&format!(
                "{} in {}",
                count(wish.formats.len(), "file"),
                folder.display()
            ));
        }
        None => {
            let mut out = std::io::BufWriter::new(Pipe::stdout());
            (wish.formats[0].render)(&attestation, &templates, &mut out).map_err(|error| no_render(&error))?;
            use std::io::Write as _;
            out.flush()
                .map_err(|error| Problem::new("could not write to stdout").why(error.to_string()))?;
        }
    }
    Ok(attestation.exit())
}

/// The packs that bear on the period, the ledger they are from, and the folder that holds copies of them as long as it
/// lives.
async fn packs(args: &AttestArgs, period: Period) -> Outcome<(Vec<Pack>, Option<LedgerLine>, Option<Staging>)> {
    let Some(address) = &args.ledger else {
        let packs = args.pack.iter().map(|dir| Pack::open(dir));
        return Ok((packs.collect::<Result<_, _>>()?, None, None));
    };
    let ledger = Ledger::open_to_read(address).await?;
    let entries = ledger.entries().await?;
    let scratch = if ledger.is_remote() {
        Some(Staging::scratch()?)
    } else {
        None
    };
    let dir = scratch.as_ref().map_or(Path::new(""), Staging::dir);
    let is_evidence = |path: &str| {
        let folder = path.split('/').next();
        folder == Some(INVENTORY_DIR) || folder == Some(CRITERIA_DIR)
    };
    let mut packs = Vec::new();
    for entry in bearing_on(period, &entries) {
        packs.push(ledger.fetch(entry, is_evidence, dir).await?);
    }
    if packs.is_empty() {
        return Err(Problem::usage("no pack of the ledger bears on this period")
            .at(address)
            .why(format!("{} in it, all of another time", count(entries.len(), "pack")))
            .so("nothing was attested")
            .hint("`ledger list` shows their times")
            .into());
    }
    let line = entries.last().map(|last| LedgerLine {
        address: address.clone(),
        packs: entries.len(),
        last_sha256: last.sha256.clone(),
    });
    Ok((packs, line, scratch))
}

/// Packs of the period, the last one before it, and those after it whose jobs reach back into it.
fn bearing_on(period: Period, entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    let before = entries.iter().map(|entry| entry.manifest.as_of);
    let first = before.filter(|as_of| *as_of < period.start()).max();
    let last = period.end() + TimeDelta::days(30);
    entries.iter().filter(move |entry| {
        let as_of = entry.manifest.as_of;
        first.is_none_or(|first| as_of >= first) && as_of <= last
    })
}

/// What was asked for, checked.
struct Wish {
    period: Period,
    formats: Vec<&'static Format>,
    /// `None`: stdout.
    folder: Option<PathBuf>,
}

impl Wish {
    fn read(args: &AttestArgs) -> Outcome<Self> {
        let mut problems = Vec::new();
        let mut day = |flag: &str, text: &str| match text.parse::<NaiveDate>() {
            Ok(day) => Some(day),
            Err(_) => {
                let problem = Problem::usage(format!("`{text}` is not a day")).at(format!("`{flag}`"));
                problems.push(problem.hint("write it like `2026-07-01`"));
                None
            }
        };
        let days = day("--from", &args.from).zip(day("--to", &args.to));
        let period = days.map(|(from, to)| Period { from, to });
        if let Some(period) = period.filter(|period| period.to < period.from) {
            let what = format!("the period ends on {}, before it begins", period.to);
            problems.push(Problem::usage(what).at("`--from`, `--to`").hint("swap the two days"));
        }
        if let Some(period) = period.filter(|period| period.days() > MOST_DAYS) {
            let what = format!("the period has {}, more than {MOST_DAYS}", count(period.days(), "day"));
            problems.push(Problem::usage(what).at("`--from`, `--to`").hint("attest it in parts"));
        }
        let formats = formats(&args.format, &mut problems);
        let folder = match args.out.as_deref() {
            Some("-") => None,
            Some(folder) => Some(PathBuf::from(folder)),
            None => Some(Path::new("backproof-report").join(format!("attestation-{}-{}", args.from, args.to))),
        };
        if problems.is_empty() && folder.is_none() && formats.len() != 1 {
            problems.push(
                Problem::usage("stdout takes exactly one file")
                    .at("`--out -`")
                    .why(format!("{} were asked for", count(formats.len(), "file")))
                    .hint("add `--format json`, `--format html` or `--format pdf`"),
            );
        }
        match period {
            Some(period) if problems.is_empty() => Ok(Self {
                period,
                formats,
                folder,
            }),
            _ => Err(Problems(problems)),
        }
    }
}

/// Ten years.
const MOST_DAYS: usize = 3653;

fn formats(wanted: &[String], problems: &mut Vec<Problem>) -> Vec<&'static Format> {
    let mut names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    names.dedup();
    for name in wanted.iter().filter(|name| !names.contains(&name.as_str())) {
        let hint = nearest(name, names.iter().copied()).map_or_else(
            || format!("the formats are {}", list(&names)),
            |near| format!("did you mean `{near}`?"),
        );
        let problem = Problem::usage(format!("`{name}` is not a format of attestations"));
        problems.push(problem.at("`--format`").hint(hint));
    }
    let is_wanted = |format: &&Format| wanted.is_empty() || wanted.iter().any(|name| name == format.name);
    FORMATS.iter().filter(is_wanted).collect()
}

/// The folder, before any work is done.
fn open(folder: &Path, formats: &[&Format]) -> Result<Staging, Problem> {
    if let Some(format) = formats.iter().find(|format| folder.join(format.file_name).exists()) {
        return Err(Problem::new("could not use the folder for the attestation")
            .at(folder.display().to_string())
            .why(format!(
                "it already holds `{}`, and nothing is ever overwritten",
                format.file_name
            ))
            .so("nothing was attested")
            .hint("choose a new folder with `--out`"));
    }
    Staging::open(folder)
}

/// Writes every file, and then puts all of them in their place.
fn write(
    staging: Staging,
    formats: &[&Format],
    attestation: &Attestation,
    templates: &Templates,
) -> Result<PathBuf, Problem> {
    for format in formats {
        let disk = |error: std::io::Error| {
            Problem::new(format!("could not write `{}`", format.file_name))
                .why(error.to_string())
                .so("no attestation was written")
                .hint("free some space, or choose another folder with `--out`")
        };
        let file = std::fs::File::create(staging.dir().join(format.file_name)).map_err(disk)?;
        let mut out = std::io::BufWriter::new(file);
        (format.render)(attestation, templates, &mut out).map_err(|error| no_render(&error))?;
        let file = out.into_inner().map_err(|error| disk(error.into_error()))?;
        file.sync_all().map_err(disk)?;
    }
    staging.commit()
}

fn no_render(error: &RenderError) -> Problem {
    Problem::new(format!("could not write `{}`", error.file_name))
        .why(&error.why)
        .so("no attestation was written")
}
