//! `sample`: a draw of tables for an auditor's re-performance.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::commands::shared::args::RuleArgs;
use crate::commands::shared::criteria;
use crate::commands::shared::evidence::Evidence;
use crate::commands::shared::output::Single;
use crate::exit::Exit;
use crate::judge::judge;
use crate::problem::{Outcome, Problem};
use crate::sample::{By, DEFAULT_SIZE, Provenance, Request, draw, render};
use crate::stderr::warn;

/// Arguments of `sample`.
#[derive(Debug, Args)]
#[command(after_help = "\
Sizes that auditors use when they expect no deviation, for a simple draw. If none of the tables drawn deviates:
  22  with 90 % confidence at most 10 % of all tables do
  29  with 95 % confidence at most 10 %
  45  with 90 % confidence at most  5 %
  59  with 95 % confidence at most  5 %
One deviation is enough to break the statement: draw more, or take the deviation as found.

How tables are drawn (sha256-order-v1): each gets the SHA-256 of seed, a zero byte and its ARN; they are sorted by it, and the
first ones are drawn. With strata each gives the first ones of its own, as many as its size asks for by largest remainder,
one at least. To repeat it by hand: printf '%s\\0%s' \"$seed\" \"$arn\" | sha256sum")]
pub struct SampleArgs {
    /// The pack or inventory to draw from: the folder of a scan, or what `collect` wrote.
    #[arg(value_name = "INVENTORY")]
    pub from: PathBuf,
    /// Any text, chosen by the auditor; the same seed gives the same draw.
    #[arg(long, value_name = "TEXT")]
    pub seed: String,
    /// How many tables to draw.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SIZE)]
    pub size: usize,
    /// Draw from strata by these, separated by commas. Without this flag: from all tables alike.
    #[arg(long, value_name = "BY,…", value_delimiter = ',')]
    pub by: Vec<By>,
    /// How to print it.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: SampleFormat,
    /// A new file for it, or - for stdout.
    #[arg(
        long,
        short = 'o',
        visible_alias = "output",
        value_name = "FILE",
        default_value = "-"
    )]
    pub to: String,
    /// Settings file to judge by. Without it and without the flags below: what the pack was judged by; if it is no pack,
    /// the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub rules: RuleArgs,
}

/// How `sample` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SampleFormat {
    /// For people.
    Text,
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
}

/// Runs `sample`.
///
/// Errors: evidence that cannot be read, settings or rules that cannot be used, nothing to draw from.
pub fn run(args: SampleArgs) -> Outcome<Exit> {
    let destination = Single::prepare(&args.to, "with `--to`")?;
    let evidence = Evidence::open(&args.from)?;
    let criteria = criteria::of_evidence(&evidence, args.config.as_deref(), &args.rules)?;
    let report = judge(&evidence.inventory, &criteria)?;
    let mut by = args.by;
    by.sort_unstable();
    by.dedup();
    let request = Request {
        seed: args.seed,
        size: args.size,
        by,
    };
    let manifest_sha256 = evidence.pack.map(|pack| pack.manifest_sha256);
    let sample = draw(&report.tables, Provenance::of(&report, manifest_sha256), request)?;
    if !sample.provenance.is_whole {
        let warning = Problem::new("the population may lack tables")
            .why("the tables of some account or Region could not be listed")
            .so("the draw says nothing of those that are missing")
            .hint("`coverage.csv` of the scan names them; scan again once they can be read");
        warn(&warning);
    }
    destination.write(&match args.format {
        SampleFormat::Text => render::text(&sample),
        SampleFormat::Csv => render::csv(&sample),
        SampleFormat::Json => render::json(&sample),
    })?;
    Ok(Exit::Compliant)
}
