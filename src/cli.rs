//! What may be typed. The doc comments are the help text.

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands::attest::AttestArgs;
use crate::commands::backup::BackupArgs;
use crate::commands::collect::CollectArgs;
use crate::commands::demo::DemoArgs;
use crate::commands::diff::DiffArgs;
use crate::commands::doctor::DoctorArgs;
use crate::commands::drill::DrillArgs;
use crate::commands::examples;
use crate::commands::explain::ExplainArgs;
use crate::commands::init::InitArgs;
use crate::commands::ledger::LedgerCommand;
use crate::commands::manual::{CompletionsArgs, ManArgs};
use crate::commands::protect::ProtectArgs;
use crate::commands::remediate::RemediateCommand;
use crate::commands::report::ReportArgs;
use crate::commands::restore::RestoreArgs;
use crate::commands::sample::SampleArgs;
use crate::commands::sandbox::SandboxArgs;
use crate::commands::scan::ScanArgs;
use crate::commands::shared::args::TalkArgs;
use crate::commands::verify::VerifyPackArgs;

/// Checks that every Amazon DynamoDB table really has a usable AWS Backup recovery point, and keeps the evidence.
///
/// Credentials, profile, Region and endpoint are taken the way every AWS tool takes them (AWS_PROFILE, AWS_REGION,
/// AWS_ENDPOINT_URL, HTTPS_PROXY, AWS_CA_BUNDLE, …). BACKPROOF_PATIENCE (`1s` to `1h`, default `5m`) is how long a call to AWS is
/// retried before it becomes a gap. Nothing is written to AWS except by `remediate apply`, `backup`, `restore`, `drill`, `--to s3://…`, ledgers
/// in S3 and `--push securityhub`.
#[derive(Debug, Parser)]
#[command(name = "backproof", version, disable_version_flag = true)]
pub struct Cli {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub talk: TalkArgs,
    /// Print version.
    #[arg(short = 'V', long, action = clap::ArgAction::Version)]
    pub version: Option<bool>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Audit: read AWS, judge every table, write the reports.
    Scan(ScanArgs),
    /// Read AWS and store the inventory, without judging it.
    Collect(CollectArgs),
    /// Check that everything is there that a scan needs: credentials, clock, Regions, roles, each right; and whether whoever scans
    /// can change something.
    Doctor(DoctorArgs),
    /// Judge a stored inventory and write the reports, offline.
    Report(ReportArgs),
    /// Show what changed between two scans: newly failing, fixed, weaker settings, new and deleted tables.
    Diff(DiffArgs),
    /// Draw a sample of tables for an auditor to check by hand: a draw that anybody can repeat, with the command that checks each.
    Sample(SampleArgs),
    /// Verify an evidence pack or a ledger, offline: digests, signatures, totals, and every finding made again from the stored
    /// evidence.
    Verify(VerifyPackArgs),
    /// List an append-only ledger of evidence packs, append to it, copy a pack out of it.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Show when each table was backed up over a period, from the evidence packs of many scans, offline.
    Attest(AttestArgs),
    /// Mend what a scan has found: plan, approve, apply, verify, undo.
    #[command(subcommand)]
    Remediate(RemediateCommand),
    /// Put tables under a plan that meets the policy, and back them up now.
    Protect(ProtectArgs),
    /// Back up tables now.
    Backup(BackupArgs),
    /// Restore a recovery point to a new table.
    Restore(RestoreArgs),
    /// Restore recovery points to new tables, compare them with their source, measure the time, and delete them again: evidence that
    /// restores work.
    Drill(Box<DrillArgs>),
    /// Explain a verdict, a rule, a fact, a framework, the permissions needed or the exit codes.
    Explain(ExplainArgs),
    /// Run an example from audit to remediation on a simulated AWS: no account needed, nothing leaves this machine.
    Demo(DemoArgs),
    /// Serve a simulated AWS on loopback, for the AWS CLI, training and tests.
    Sandbox(SandboxArgs),
    /// Write a commented settings file to start from.
    Init(InitArgs),
    /// Print the completion script for a shell.
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command.
    Man(ManArgs),
}

/// The command line as it is defined, with the examples of each command.
#[must_use]
pub fn program() -> clap::Command {
    examples::with_examples(Cli::command())
}
