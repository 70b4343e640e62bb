//! `diff`: what changed between two scans.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::commands::shared::args::RuleArgs;
use crate::commands::shared::criteria;
use crate::commands::shared::evidence::Evidence;
use crate::commands::shared::output::Single;
use crate::criteria::asked::Asked;
use crate::criteria::files::files;
use crate::diff::{Look, ThenAndNow, against, compare, render};
use crate::domain::rfc3339;
use crate::exit::Exit;
use crate::problem::{Outcome, Problem};

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The older pack or inventory: the folder of a scan, or what `collect` wrote.
    #[arg(value_name = "OLDER")]
    pub older: PathBuf,
    /// The newer one.
    #[arg(value_name = "NEWER")]
    pub newer: PathBuf,
    /// How to print it.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: DiffFormat,
    /// A new file for it, or - for stdout.
    #[arg(
        long,
        short = 'o',
        visible_alias = "output",
        value_name = "FILE",
        default_value = "-"
    )]
    pub to: String,
    /// Name also what is still failing, still unknown or gone, in text and Markdown; CSV and JSON always do.
    #[arg(long)]
    pub all: bool,
    /// Settings file to judge both by. Without it and without the flags below: what the newer pack was judged by; if it
    /// is no pack, the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub rules: RuleArgs,
}

/// How `diff` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// For a pull request or a ticket.
    Markdown,
}

/// Runs `diff`.
///
/// Errors: evidence that cannot be read, settings or rules that cannot be used, a file that cannot be written.
pub fn run(args: &DiffArgs) -> Outcome<Exit> {
    let destination = Single::prepare(&args.to, "with `--to`")?;
    let (older, newer) = (Evidence::open(&args.older)?, Evidence::open(&args.newer)?);
    in_order(&older, &newer)?;
    let (then, now) = (older.criteria()?, newer.criteria()?);
    let is_chosen = args.config.is_some() || args.rules.is_any();
    let (judge, judged_by) = match (&now, is_chosen) {
        (Some(now), false) => (now, "what the newer pack was judged by"),
        _ => (
            &criteria::read(args.config.as_deref(), &args.rules, Some(&newer.inventory))?.1,
            "the settings given, or those of the current folder",
        ),
    };
    // What is asked for now: by the newer pack, else by the settings.
    let asks = now.as_ref().unwrap_or(judge);
    let asked_now = newer
        .pack
        .as_ref()
        .map_or_else(|| Asked::of(asks), |pack| pack.asked_by(asks));
    let of_then = match (&older.pack, &then) {
        (Some(pack), Some(then)) => {
            // What the older one said itself, if it is not what is judged anew below: by other criteria.
            let is_other = !is_chosen && files(then) != files(judge);
            let own = is_other.then(|| pack.baseline()).transpose()?;
            Some((then, (pack.asked_by(then), asked_now), own))
        }
        _ => None,
    };
    let look = |evidence: Evidence| {
        let manifest_sha256 = evidence.pack.map(|pack| pack.manifest_sha256);
        Look::new(evidence.inventory, manifest_sha256, judge)
    };
    let (older, newer) = (look(older)?, look(newer)?);
    let criteria = of_then.map(|(then, (asked_then, asked_now), own)| {
        let own = own.unwrap_or_else(|| older.baseline(asked_then.clone()));
        ThenAndNow {
            // Criteria that were chosen for this were asked of both.
            own: (!is_chosen).then(|| against(&own, &asked_now, &newer)),
            then: (then, asked_then),
            now: (asks, asked_now),
        }
    });
    let diff = compare(&older, &newer, criteria.as_ref(), judged_by.to_owned())?;
    destination.write(&match args.format {
        DiffFormat::Text => render::text(&diff, args.all),
        DiffFormat::Json => render::json(&diff),
        DiffFormat::Csv => render::csv(&diff),
        DiffFormat::Markdown => render::markdown(&diff, args.all),
    })?;
    Ok(diff.exit())
}

fn in_order(older: &Evidence, newer: &Evidence) -> Outcome<()> {
    let (then, now) = (older.inventory.manifest.as_of, newer.inventory.manifest.as_of);
    if then <= now {
        return Ok(());
    }
    Err(Problem::usage("the first scan is the newer one")
        .at(format!(
            "{}, {}",
            older.inventory.dir.display(),
            newer.inventory.dir.display()
        ))
        .why(format!("they are as of {} and {}", rfc3339(then), rfc3339(now)))
        .so("nothing was compared")
        .hint("name the older one first")
        .into())
}
