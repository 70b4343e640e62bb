//! `attest`: a period, proved from packs, and written down, offline.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use crate::attest::render::{FORMATS, Format, terminal};
use crate::attest::{Attestation, Period, attest};
use crate::cli::AttestArgs;
use crate::commands::{Pipe, print, say, talk};
use crate::exit::Exit;
use crate::pack::Pack;
use crate::problem::{Outcome, Problem, Problems, count};
use crate::report::staging::Staging;
use crate::report::{RenderError, Templates};
use crate::settings_file::{list, nearest};

/// Runs `attest`.
///
/// Errors: mistakes on the command line, packs that cannot be used or do not hold, a folder that cannot be written.
pub fn run(args: AttestArgs) -> Outcome<Exit> {
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
    let packs: Vec<Pack> = args.pack.iter().map(|dir| Pack::open(dir)).collect::<Result<_, _>>()?;
    let attestation = attest(&packs, wish.period)?;
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
