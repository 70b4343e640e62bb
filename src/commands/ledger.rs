//! `ledger`: the row of packs, listed, appended to, copied from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::Utc;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::commands::shared::args::{AccessArgs, ExplainFormat, KeepArgs};
use crate::commands::shared::evidence::must_be_pack;
use crate::commands::shared::output::print;
use crate::commands::shared::signing::{intact, keeping, lines};
use crate::deliver::staging::{Purpose, Staging};
use crate::drill::pack::DrillPack;
use crate::drill::record::Verdict;
use crate::exit::Exit;
use crate::ledger::{Entry, Ledger};
use crate::pack::intact::{look, open};
use crate::pack::{AnyManifest, Seal as _};
use crate::problem::{Outcome, Problem, count};
use crate::settings::Settings;
use crate::sign::{Signers, Trust};
use crate::stderr::say;
use crate::text::one_line;

/// Subcommands of `ledger`.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// List the packs of a ledger: number, time, digest, signer, totals.
    List(LedgerListArgs),
    /// Append the pack in a folder, such as one whose scan could not reach the ledger. Doing it twice appends it once.
    Append(LedgerAppendArgs),
    /// Copy one pack with its manifest and signatures into a new folder.
    Fetch(LedgerFetchArgs),
}

/// Which ledger is meant.
#[derive(Debug, Args)]
pub struct LedgerAt {
    /// The ledger: a folder, or s3://bucket/prefix. Without this flag: the one that the settings file names.
    #[arg(long, value_name = "DIR|s3://…")]
    pub ledger: Option<String>,
    /// Settings file, for the ledger that it names. Without this flag: the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
}

/// Arguments of `ledger list`.
#[derive(Debug, Args)]
pub struct LedgerListArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub at: LedgerAt,
    /// How to print it: text or json.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ExplainFormat,
}

/// Arguments of `ledger append`.
#[derive(Debug, Args)]
pub struct LedgerAppendArgs {
    /// The folder of the pack.
    #[arg(value_name = "PACK")]
    pub pack: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub at: LedgerAt,
    /// The key to sign with, as for `scan`.
    #[arg(long, value_name = "KEY")]
    pub sign: Vec<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub keep: KeepArgs,
}

/// Arguments of `ledger fetch`.
#[derive(Debug, Args)]
pub struct LedgerFetchArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub at: LedgerAt,
    /// The number of the pack. Without it: the last one.
    #[arg(value_name = "NUMBER")]
    pub number: Option<u64>,
    /// The folder for the pack; it must be new or empty.
    #[arg(long, short = 'o', visible_alias = "output", value_name = "DIR")]
    pub to: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub access: AccessArgs,
}

/// Runs `ledger`.
///
/// Errors: a ledger that cannot be read or does not hold together; a pack that cannot be appended or copied.
pub async fn run(command: LedgerCommand) -> Outcome<Exit> {
    match command {
        LedgerCommand::List(args) => list(&args).await,
        LedgerCommand::Append(args) => append(&args).await,
        LedgerCommand::Fetch(args) => fetch(&args).await,
    }
}

/// The ledger that was named, here or in the settings file.
///
/// Errors: neither names one; a settings file with mistakes.
fn address(at: &LedgerAt) -> Outcome<String> {
    let named = match &at.ledger {
        Some(address) => Some(address.clone()),
        None => Settings::load(at.config.as_deref(), None, None)?.ledger,
    };
    named.ok_or_else(|| {
        Problem::usage("no ledger was named")
            .at("`--ledger`")
            .why("there is no such flag, and no `ledger` in the settings file")
            .hint("add `--ledger DIR` or `--ledger s3://bucket/prefix`")
            .into()
    })
}

async fn list(args: &LedgerListArgs) -> Outcome<Exit> {
    let entries = Ledger::open_to_read(&address(&args.at)?).await?.entries().await?;
    match args.format {
        ExplainFormat::Text => print(&table(&entries))?,
        ExplainFormat::Json => {
            let all: Vec<_> = entries.iter().map(as_json).collect();
            let text = serde_json::to_string_pretty(&all).map_err(|error| Problem::new(error.to_string()))?;
            print(&(text + "\n"))?;
        }
    }
    Ok(Exit::Compliant)
}

fn table(entries: &[Entry]) -> String {
    let mut text = format!(
        "{:>8}  {:<20}  {:>7}  {:>14}  {:<64}  signed by\n",
        "number", "as of", "tables", "non-compliant", "sha256 of the manifest"
    );
    for entry in entries {
        let manifest = &entry.manifest;
        let signers: Vec<String> = manifest
            .signed_by()
            .iter()
            .map(|signer| {
                one_line(if signer.name.is_empty() {
                    &signer.fingerprint
                } else {
                    &signer.name
                })
            })
            .collect();
        // A drill judges no table: it says how many restores it made, and how many of them did not hold.
        let (tables, open) = match manifest {
            AnyManifest::Scan(scan) => (
                scan.totals.tables.to_string(),
                scan.totals.non_compliant_by_severity.values().sum::<u64>().to_string(),
            ),
            AnyManifest::Drill(drill) => ("drill".to_owned(), of_drill(&drill.verdicts)),
        };
        text.push_str(&format!(
            "{:>8}  {:<20}  {:>7}  {:>14}  {:<64}  {}\n",
            entry.sequence,
            manifest.as_of().format("%Y-%m-%dT%H:%M:%SZ"),
            tables,
            open,
            entry.sha256,
            if signers.is_empty() {
                "nobody".to_owned()
            } else {
                signers.join(", ")
            },
        ));
    }
    text
}

/// `2 of 3 failed`, `3 held`: restores of a drill.
fn of_drill(verdicts: &BTreeMap<String, u64>) -> String {
    let all: u64 = verdicts.values().sum();
    let bad = [Verdict::Failed, Verdict::Different].map(|verdict| verdict.as_str());
    let failed: u64 = bad.iter().filter_map(|verdict| verdicts.get(*verdict)).sum();
    let untested = verdicts.get(Verdict::NotTested.as_str()).copied().unwrap_or(0);
    match (failed, untested) {
        (0, 0) => format!("{all} restored"),
        (0, _) => format!("{untested} of {all} open"),
        _ => format!("{failed} of {all} bad"),
    }
}

fn as_json(entry: &Entry) -> serde_json::Value {
    let manifest = &entry.manifest;
    let mut value = json!({
        "kind": if manifest.as_drill().is_some() { "drill" } else { "scan" },
        "sequence": entry.sequence,
        "manifest_sha256": entry.sha256,
        "previous": manifest.previous(),
        "as_of": manifest.as_of(),
        "sealed_at": manifest.sealed_at(),
        "received_at": entry.received,
        "signed_by": manifest.signed_by(),
    });
    match manifest {
        AnyManifest::Scan(scan) => {
            value["scan_id"] = json!(scan.scan_id);
            value["totals"] = json!(scan.totals);
        }
        AnyManifest::Drill(drill) => {
            value["run_id"] = json!(drill.run_id);
            value["verdicts"] = json!(drill.verdicts);
        }
    }
    value
}

async fn append(args: &LedgerAppendArgs) -> Outcome<Exit> {
    let at = address(&args.at)?;
    let keeping = keeping(&args.keep, Utc::now())?;
    // Before the ledger is opened, which makes its folder.
    must_be_pack(&args.pack)?;
    let intact = intact(&args.pack)?;
    let signers = Signers::open(&args.sign).await?;
    let ledger = Ledger::open(&at, keeping).await?;
    for line in lines(&ledger.append(&intact, &signers).await?) {
        say(&line);
    }
    Ok(Exit::Compliant)
}

async fn fetch(args: &LedgerFetchArgs) -> Outcome<Exit> {
    let ledger = Ledger::open_to_read(&address(&args.at)?).await?;
    let entries = ledger.entries().await?;
    let number = args.number.unwrap_or(entries.len() as u64);
    let Some(entry) = entries.iter().find(|entry| entry.sequence == number) else {
        return Err(Problem::usage(format!("there is no pack number {number}"))
            .at(ledger.address())
            .why(format!("the ledger holds {}", count(entries.len(), "pack")))
            .hint("`ledger list` names them")
            .into());
    };
    let taken = std::fs::read_dir(&args.to).is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        return Err(Problem::usage("the folder is not empty")
            .at(args.to.display().to_string())
            .hint("name a new folder with `--to`")
            .into());
    }
    // It appears whole and checked, or not at all.
    let staging = Staging::open(&args.to, args.access.access(), Purpose::Copy)?;
    ledger.copy_pack(entry, staging.dir()).await?;
    let held = if entry.manifest.as_drill().is_some() {
        DrillPack::open(staging.dir(), &Trust::none(), None).map(|_| ())
    } else {
        open(staging.dir())
            .and_then(|pack| look(pack, &Trust::none()))
            .map(|_| ())
    };
    held.map_err(|problem| Problem {
        so: "nothing was copied; nothing in this pack can be relied on".to_owned(),
        ..problem
    })?;
    let folder = staging.commit()?;
    say(&format!(
        "pack number {number} in {}: every file has the digest of its manifest",
        folder.display()
    ));
    Ok(Exit::Compliant)
}
