//! What may be typed. The doc comments are the help text.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::attest::AttestArgs;
use crate::commands::collect::CollectArgs;
use crate::commands::demo::DemoArgs;
use crate::commands::diff::DiffArgs;
use crate::commands::explain::ExplainArgs;
use crate::commands::init::InitArgs;
use crate::commands::ledger::LedgerCommand;
use crate::commands::manual::{CompletionsArgs, ManArgs};
use crate::commands::report::ReportArgs;
use crate::commands::sample::SampleArgs;
use crate::commands::sandbox::SandboxArgs;
use crate::commands::scan::ScanArgs;
use crate::commands::shared::args::{RuleArgs, ScopeArgs, TalkArgs};
use crate::commands::verify::VerifyPackArgs;

/// Proves, from evidence and not from intent, that every Amazon DynamoDB table is backed up with AWS Backup.
///
/// Credentials, profile, Region and endpoint are taken the way every AWS tool takes them (AWS_PROFILE, AWS_REGION,
/// AWS_ENDPOINT_URL, …). Nothing is written to AWS except by `remediate apply`, `backup`, `--to s3://…`, ledgers in S3 and
/// `--push securityhub`.
#[derive(Debug, Parser)]
#[command(name = "backproof", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub talk: TalkArgs,
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

/// Subcommands of `remediate`.
#[derive(Debug, Subcommand)]
pub enum RemediateCommand {
    /// Propose on-demand backups for tables without a recent usable recovery point. Changes nothing.
    Plan(PlanArgs),
    /// Start the backup jobs of a reviewed plan. Nothing outside the plan is touched.
    Apply(ApplyArgs),
    /// Read AWS afresh and say whether the plan's tables now have a recent usable recovery point.
    Verify(VerifyArgs),
}

/// Arguments of `remediate plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The inventory to plan from: the `inventory` folder of a scan. Without it, AWS is read afresh.
    #[arg(long, value_name = "INVENTORY")]
    pub from: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub scope: ScopeArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub rules: RuleArgs,
    /// The plan file to write.
    #[arg(long, value_name = "FILE", default_value = "remediation-plan.json")]
    pub to: PathBuf,
}

/// Arguments of `remediate apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The plan file.
    pub plan: PathBuf,
    /// Settings file with the accounts' roles. Without this flag: backproof.toml, if it is there.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Refuse plans with more actions than this.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub max_changes: usize,
    /// Where to note every step. Without this flag: the plan file's name with `.journal.jsonl`.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub wait: WaitArgs,
}

/// Arguments of `remediate verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The plan file.
    pub plan: PathBuf,
    /// Settings file with the accounts' roles. Without this flag: backproof.toml, if it is there.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
}

/// How to follow jobs.
#[derive(Debug, Args, Clone)]
pub struct WaitArgs {
    /// Follow the jobs until they have finished, and end by their outcome.
    #[arg(long)]
    pub wait: bool,
    /// Time between two looks at a job, with --wait.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "30s",
        env = "BACKPROOF_POLL_INTERVAL"
    )]
    pub poll_interval: String,
    /// Give up following after this time; the jobs go on.
    #[arg(long, value_name = "DURATION", default_value = "12h")]
    pub timeout: String,
}

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Names or ARNs of the tables.
    #[arg(required = true, value_name = "TABLE")]
    pub tables: Vec<String>,
    /// The vault that takes the recovery points. Without this flag: the settings file's, else Default.
    #[arg(long)]
    pub vault: Option<String>,
    /// The role AWS Backup assumes. Without this flag: the settings file's, else AWS Backup's default service role.
    #[arg(long, value_name = "ARN")]
    pub role: Option<String>,
    /// Move to cold storage after this time, such as 7d. Without this flag: stays warm.
    #[arg(long, value_name = "DAYS")]
    pub cold_after: Option<String>,
    /// Delete after this time, such as 97d. Without this flag: the policy's minimum retention.
    #[arg(long, value_name = "DAYS")]
    pub delete_after: Option<String>,
    /// The Region of tables given by name. Without this flag: the configured Region.
    #[arg(long)]
    pub region: Option<String>,
    /// Settings file. Without this flag: backproof.toml, if it is there.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub wait: WaitArgs,
}
