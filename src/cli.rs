//! What may be typed. The doc comments are the help text.

use clap::{Parser, Subcommand};

use crate::commands::attest::AttestArgs;
use crate::commands::backup::BackupArgs;
use crate::commands::collect::CollectArgs;
use crate::commands::demo::DemoArgs;
use crate::commands::diff::DiffArgs;
use crate::commands::explain::ExplainArgs;
use crate::commands::init::InitArgs;
use crate::commands::ledger::LedgerCommand;
use crate::commands::manual::{CompletionsArgs, ManArgs};
use crate::commands::remediate::RemediateCommand;
use crate::commands::report::ReportArgs;
use crate::commands::sample::SampleArgs;
use crate::commands::sandbox::SandboxArgs;
use crate::commands::scan::ScanArgs;
use crate::commands::shared::args::TalkArgs;
use crate::commands::verify::VerifyPackArgs;

/// Proves, from evidence and not from intent, that every Amazon DynamoDB table is backed up with AWS Backup.
///
/// Credentials, profile, Region and endpoint are taken the way every AWS tool takes them (AWS_PROFILE, AWS_REGION,
/// AWS_ENDPOINT_URL, HTTPS_PROXY, AWS_CA_BUNDLE, …). BACKPROOF_PATIENCE (`1s` to `1h`, default `5m`) is how long one question
/// to AWS is asked again before it becomes a gap. Nothing is written to AWS except by `remediate apply`, `backup`, `--to s3://…`, ledgers in S3 and
/// `--push securityhub`.
#[derive(Debug, Parser)]
#[command(name = "backproof", version, disable_version_flag = true)]
pub struct Cli {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub talk: TalkArgs,
    /// Print version.
    #[arg(short = 'V', long, short_alias = 'v', action = clap::ArgAction::Version)]
    pub version: Option<bool>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The whole audit: read AWS, judge every table, write the reports.
    Scan(ScanArgs),
    /// Read AWS and store the inventory, without judging it.
    Collect(CollectArgs),
    /// Judge a stored inventory and write the reports, offline.
    Report(ReportArgs),
    /// What changed between two scans: newly failing, fixed, weaker settings, tables that came and went.
    Diff(DiffArgs),
    /// Draw tables for an auditor's re-performance: a draw that anybody can repeat, with the command that checks each.
    Sample(SampleArgs),
    /// Does an evidence pack or a ledger hold? Offline: digests, signatures, totals, and every finding made again from the
    /// stored evidence.
    Verify(VerifyPackArgs),
    /// The append-only row of evidence packs: list it, append to it, copy a pack out of it.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Prove that tables were backed up over a period, from the evidence packs of many scans, offline.
    Attest(AttestArgs),
    /// Fix gaps with on-demand backups: plan, apply, verify.
    #[command(subcommand)]
    Remediate(RemediateCommand),
    /// Back up tables by hand, now.
    Backup(BackupArgs),
    /// Why a table or a finding is judged as it is, what a rule asks, what a fact means, which permissions are needed.
    Explain(ExplainArgs),
    /// The whole story on a simulated AWS: no account needed, nothing leaves this machine.
    Demo(DemoArgs),
    /// Serve a simulated AWS on loopback, for the AWS CLI, for training, for tests.
    Sandbox(SandboxArgs),
    /// Write a commented settings file to begin with.
    Init(InitArgs),
    /// Print the script that completes this program's commands in a shell.
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command.
    Man(ManArgs),
}
