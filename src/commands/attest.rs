//! `attest`: a period, proved from packs, and written down, offline.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::Args;

use crate::attest::render::{FORMATS, Format, terminal};
use crate::attest::{Attestation, LedgerLine, LeftOut, Period, attest};
use crate::commands::shared::args::{AccessArgs, TrustArgs};
use crate::commands::shared::evidence::must_be_pack;
use crate::commands::shared::output::{Pipe, print};
use crate::commands::shared::suggested::ATTESTATION_FORMATS;
use crate::commands::verify::{does_not_hold, trust};
use crate::deliver::staging::{Access, Purpose, Staging};
use crate::domain::rfc3339;
use crate::exit::Exit;
use crate::ledger::{Broken, Entry, Expected, Ledger, Note};
use crate::pack::Manifest;
use crate::pack::intact::{self, IntactPack, check};
use crate::problem::{Outcome, Problem, Problems, count};
use crate::render::{RenderError, Templates};
use crate::sign::Trust;
use crate::stderr::{self, say, warn};
use crate::text::{list, nearest};

/// Arguments of `attest`.
#[derive(Debug, Args)]
pub struct AttestArgs {
    /// The first day of the period, in UTC, such as 2026-07-01.
    #[arg(long, value_name = "DATE")]
    pub from: String,
    /// The last day of the period, in UTC.
    #[arg(long, value_name = "DATE")]
    pub to: String,
    /// Folders of evidence packs, in any order.
    #[arg(long, value_name = "DIR", num_args = 1.., required_unless_present = "ledger", conflicts_with = "ledger")]
    pub pack: Vec<PathBuf>,
    /// Every pack of this ledger that bears on the period: a folder, or s3://bucket/prefix. It has to hold.
    #[arg(long, value_name = "DIR|s3://…")]
    pub ledger: Option<String>,
    /// SHA-256 of a manifest that must be in the ledger: the last one that you know of. Without it, it cannot be seen
    /// whether the end was cut off, and the attestation says so.
    #[arg(long, value_name = "SHA256", requires = "ledger")]
    pub expect_head: Option<String>,
    /// Count as not observed what rests on a promise: that recovery points which no pack lists any more stayed as long as their
    /// plan promised.
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub trust: TrustArgs,
    /// A folder for the attestation, or - for stdout (with one --format, not csv). Without this flag: a new folder below
    /// backproof-report. Nothing is ever overwritten.
    #[arg(
        long,
        short = 'o',
        visible_alias = "output",
        value_name = "DIR|-",
        help_heading = "What is written"
    )]
    pub out: Option<String>,
    /// Formats to write, separated by commas: csv, json, html, pdf. Without this flag: all.
    #[arg(
        long,
        value_name = "FORMAT,…",
        value_delimiter = ',',
        value_parser = ATTESTATION_FORMATS,
        hide_possible_values = true,
        help_heading = "What is written"
    )]
    pub format: Vec<String>,
    /// A folder with templates of your own: attestation.html and pdf.toml; `report-templates` of the source holds ours.
    #[arg(long, value_name = "DIR", help_heading = "What is written")]
    pub template: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub access: AccessArgs,
}

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
        Some(folder) => Some(open(folder, &wish.formats, args.access.access())?),
        None => None,
    };
    let evidence = PacksRead::read(&args, wish.period).await?;
    let mut attestation = attest(&evidence.packs, wish.period, args.strict)?;
    attestation.ledger = evidence.ledger;
    from_the_future(&evidence.packs, Utc::now()).iter().for_each(warn);
    attestation.notes.iter().for_each(warn);
    match staging {
        Some(staging) => {
            let folder = write(staging, &wish.formats, &attestation, &templates)?;
            if !stderr::is_quiet() {
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

/// Packs that say of themselves that they were made later than now. Nothing of it goes into the files: the same packs give the
/// same bytes whenever they are attested.
fn from_the_future(packs: &[IntactPack], now: DateTime<Utc>) -> Option<Problem> {
    let is_later = |intact: &&IntactPack| intact.pack.manifest.as_of > now + TimeDelta::hours(1);
    let later: Vec<&IntactPack> = packs.iter().filter(is_later).collect();
    let last = later.iter().map(|intact| intact.pack.manifest.as_of).max()?;
    Some(
        Problem::new(format!("{} from the future", count(later.len(), "pack") + if later.len() == 1 { " is" } else { " are" }))
            .at(later[0].pack.dir.display().to_string())
            .why(format!(
                "its moment is {}, and by the clock of this machine it is {}",
                rfc3339(last),
                rfc3339(now)
            ))
            .so("each counts at the moment that it names; if its clock was wrong, so is every date that the answer takes from it")
            .hint("set the clock of this machine, or leave the pack out"),
    )
}

/// What is attested from. Every pack of it holds.
struct PacksRead {
    packs: Vec<IntactPack>,
    ledger: Option<LedgerLine>,
    /// Holds copies of packs as long as it lives.
    _scratch: Staging,
}

impl PacksRead {
    async fn read(args: &AttestArgs, period: Period) -> Outcome<Self> {
        let trust = trust(&args.trust)?;
        let scratch = Staging::scratch()?;
        let (packs, ledger) = match &args.ledger {
            Some(address) => {
                let head = args.expect_head.as_deref();
                let expected = Expected { trust: &trust, head };
                let (packs, line) = of_ledger(address, expected, (period, scratch.dir())).await?;
                (packs, Some(line))
            }
            None => {
                let packs = args
                    .pack
                    .iter()
                    .map(|dir| must_be_pack(dir).and_then(|()| intact(dir, &dir.display().to_string(), &trust)));
                (packs.collect::<Result<_, _>>()?, None)
            }
        };
        Ok(Self {
            packs,
            ledger,
            _scratch: scratch,
        })
    }
}

/// A pack that holds by itself, and is signed by whom it has to be.
fn intact(dir: &Path, name: &str, trust: &Trust) -> Result<IntactPack, Problem> {
    let intact = intact::open(dir).and_then(|pack| check(pack, trust));
    intact.map_err(|problem| Problem {
        location: match problem.exit {
            Exit::EvidenceBroken => format!("{name}: {}", problem.location),
            _ => problem.location,
        },
        so: "nothing was attested".to_owned(),
        ..problem
    })
}

/// The packs of a ledger that bear on a period, once the whole of it holds.
async fn of_ledger(
    address: &str,
    expected: Expected<'_>,
    (period, scratch): (Period, &Path),
) -> Outcome<(Vec<IntactPack>, LedgerLine)> {
    let ledger = Ledger::open_to_read(address).await?;
    let mut checked = ledger.verify_chain(expected).await?;
    let refuse = |broken: &Broken| Problem {
        so: "nothing was attested".to_owned(),
        ..does_not_hold(address, &broken.to_string()).hint(match broken.hint() {
            "" => format!("`verify --ledger {address}` names everything that is wrong"),
            hint => hint.to_owned(),
        })
    };
    if let Some(broken) = checked.broken.first() {
        return Err(refuse(broken).into());
    }
    let (mut packs, mut left_out) = (Vec::new(), Vec::new());
    for place in bearing_on(period, &checked.entries) {
        let entry = &checked.entries[place];
        if entry.manifest.is_redacted() {
            left_out.push(LeftOut {
                sequence: entry.sequence,
                as_of: entry.manifest.as_of(),
            });
            continue;
        }
        let dir = ledger.fetch_checked(place, scratch, &mut checked).await?;
        if let Some(broken) = checked.broken.first() {
            return Err(refuse(broken).into());
        }
        if let Some(dir) = dir {
            let name = format!("pack {} of {address}", checked.entries[place].sequence);
            packs.push(intact(&dir, &name, expected.trust)?);
        }
    }
    for pack in &left_out {
        let what = format!("pack {} of the ledger counts for nothing here", pack.sequence);
        warn(
            &Problem::new(what)
                .at(address)
                .why("its accounts are pseudonyms")
                .so("what only it looked at is not observed"),
        );
    }
    if packs.is_empty() {
        return Err(Problem::usage("no pack of the ledger bears on this period")
            .at(address)
            .why(format!(
                "{} in it, all of another time or with pseudonyms for accounts",
                count(checked.entries.len(), "pack")
            ))
            .so("nothing was attested")
            .hint("`ledger list` shows their times")
            .into());
    }
    let is_about_versions = |note: &&Note| matches!(note, Note::NoVersions { .. });
    let of_others = checked
        .notes
        .iter()
        .filter(|note| matches!(note, Note::OtherAccounts { .. }));
    let line = LedgerLine {
        address: address.to_owned(),
        packs: checked.entries.len(),
        last_sha256: checked
            .entries
            .last()
            .map(|last| last.sha256.clone())
            .unwrap_or_default(),
        expected_head: expected.head.map(str::to_ascii_lowercase),
        is_remote: ledger.is_remote(),
        notes: checked
            .notes
            .iter()
            .filter(is_about_versions)
            .map(Note::to_string)
            .collect(),
        of_others: of_others.map(Note::to_string).collect(),
        left_out,
    };
    Ok((packs, line))
}

/// Places of the packs of the period; of the last one before it, and of each account and Region the last one of the 31 days
/// before it; and of those of the 30 days after it, whose jobs reach back into it. Drills list no table: they bear on no period by
/// themselves, but through the scans that counted them.
fn bearing_on(period: Period, entries: &[Entry]) -> Vec<usize> {
    let (start, last) = (period.start(), period.end() + TimeDelta::days(30));
    let scans = entries.iter().enumerate();
    let scans: Vec<(usize, &Manifest)> = scans
        .filter_map(|(place, entry)| Some((place, entry.manifest.as_scan()?)))
        .collect();
    let in_it = scans.iter().filter(|(_, scan)| (start..=last).contains(&scan.as_of));
    let mut places: Vec<usize> = in_it.map(|(place, _)| *place).collect();
    let mut before: Vec<(usize, &Manifest)> = scans.into_iter().filter(|(_, scan)| scan.as_of < start).collect();
    before.sort_by_key(|(_, scan)| std::cmp::Reverse(scan.as_of));
    let mut known: BTreeSet<(&str, &str)> = BTreeSet::new();
    // A pack with pseudonyms stands for no other, and is told of.
    let newest = before.iter().filter(|(_, scan)| !scan.is_redacted);
    let newest = newest.map(|(_, scan)| scan.as_of).max();
    for (place, manifest) in before {
        if Some(manifest.as_of) != newest && manifest.as_of < start - TimeDelta::days(31) {
            continue;
        }
        let mut brings = false;
        for account in manifest.accounts.iter().filter(|_| !manifest.is_redacted) {
            for region in &manifest.regions {
                brings |= known.insert((&account.id, region));
            }
        }
        if brings || manifest.is_redacted || Some(manifest.as_of) == newest {
            places.push(place);
        }
    }
    places.sort_unstable();
    places
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
fn open(folder: &Path, formats: &[&Format], access: Access) -> Result<Staging, Problem> {
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
    Staging::open(folder, access, Purpose::Attestation)
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
