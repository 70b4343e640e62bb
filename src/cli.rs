//! What may be typed. The doc comments are the help text.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::diff::DiffArgs;
use crate::commands::explain::ExplainFindingArgs;
use crate::commands::init::InitArgs;
use crate::commands::manual::{CompletionsArgs, ManArgs};
use crate::commands::sample::SampleArgs;
use crate::commands::shared::args::TalkArgs;

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

/// Where to read and by what to judge.
#[derive(Debug, Args, Clone, Default)]
pub struct ScopeArgs {
    /// Settings file. Without this flag: backproof.toml, if it is there.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    /// Regions to read, separated by commas. Without this flag: the settings file, else every Region enabled.
    #[arg(long, value_name = "REGION,…", value_delimiter = ',', env = "BACKPROOF_REGIONS")]
    pub regions: Vec<String>,
}

/// Which rules to apply.
#[derive(Debug, Args, Clone, Default)]
pub struct RuleArgs {
    /// Rules to apply, separated by commas. Without this flag: all. Calls that no chosen rule needs are not made.
    #[arg(long, value_name = "RULE,…", value_delimiter = ',')]
    pub rules: Vec<String>,
    /// A folder of rule files (*.toml) to use instead of the ones that come with the program.
    #[arg(long, value_name = "DIR")]
    pub rules_dir: Option<PathBuf>,
    /// Judge by these compliance frameworks, separated by commas: their rules, the numbers they fix, and a matrix of
    /// their controls. `explain frameworks` lists them.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub framework: Vec<String>,
    /// A file with the policy and its tiers, instead of those of the settings file.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// File with waivers. Without this flag: the one that the settings file names.
    #[arg(long, value_name = "FILE")]
    pub waivers: Option<PathBuf>,
}

impl RuleArgs {
    /// Was any of them given?
    pub fn is_any(&self) -> bool {
        let Self {
            rules,
            rules_dir,
            framework,
            policy,
            waivers,
        } = self;
        !rules.is_empty() || rules_dir.is_some() || !framework.is_empty() || policy.is_some() || waivers.is_some()
    }
}

/// Who signs, and which ledger takes the pack.
#[derive(Debug, Args, Clone, Default)]
pub struct SealArgs {
    /// Sign the manifest: with an Ed25519 key of OpenSSH (its file; or its .pub file, its fingerprint or `agent` if
    /// ssh-agent holds it), or with awskms:ARN. May be given once for each of the two kinds.
    #[arg(long, value_name = "KEY")]
    pub sign: Vec<String>,
    /// Append the pack to this ledger: a folder, or s3://bucket/prefix. Without this flag: the settings file's, if it
    /// names one.
    #[arg(long, value_name = "DIR|s3://…")]
    pub ledger: Option<String>,
}

/// What to write, and where.
#[derive(Debug, Args, Clone)]
pub struct OutputArgs {
    /// A folder, s3://bucket/prefix, or - for stdout alone (with one --format). Without this flag: a new folder below
    /// backproof-report; if one format for programs is asked for, such as json, stdout gets it in place of the summary.
    /// Reports are never overwritten.
    #[arg(long, value_name = "DIR|s3://…|-")]
    pub to: Option<String>,
    /// Formats to write, separated by commas: csv, json, html, pdf, markdown, junit, sarif, ocsf, asff, oscal,
    /// prometheus, or all. Without this flag: csv, json, html, pdf.
    #[arg(long, value_name = "FORMAT,…", value_delimiter = ',')]
    pub format: Vec<String>,
    /// Send the findings to this service as well: securityhub. Each account's Security Hub gets its own findings.
    #[arg(long, value_name = "SERVICE")]
    pub push: Option<PushTo>,
    /// The mildest severity of a non-compliant finding that ends the program with exit code 10.
    #[arg(long, value_name = "SEVERITY", default_value = "low")]
    pub fail_on: String,
    /// Folder with templates that replace those of the program: any of pdf.toml, report.html, report.css, report.js, and
    /// attestation.html for `attest`.
    #[arg(long, value_name = "DIR")]
    pub template: Option<PathBuf>,
    /// An earlier scan: its pack, or its report.json. Only findings that were not open in it end the program with exit code
    /// 10; every report marks each as new or known, and hides none.
    #[arg(long, value_name = "PACK|REPORT")]
    pub baseline: Option<PathBuf>,
    /// Accept an inventory without any table.
    #[arg(long)]
    pub allow_empty: bool,
    /// Replace account ids and names by pseudonyms, everywhere, for people outside. The reports come with their evidence,
    /// replaced alike, as a pack that still verifies.
    #[arg(long, conflicts_with_all = ["push", "baseline"])]
    pub redact_accounts: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub seal: SealArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub keep: KeepArgs,
}

/// How objects in S3 are kept.
#[derive(Debug, Args, Clone, Default)]
pub struct KeepArgs {
    /// Lock what is delivered to S3 with Object Lock: nobody can delete it before the retention ends (compliance), or only
    /// those with a right of their own for it (governance).
    #[arg(long, value_name = "MODE")]
    pub object_lock: Option<LockArg>,
    /// How long the lock holds, from now, such as 7y.
    #[arg(long, value_name = "DURATION")]
    pub retain_for: Option<String>,
    /// The last day of the lock, in UTC, such as 2033-12-31.
    #[arg(long, value_name = "DATE")]
    pub retain_until: Option<String>,
    /// Put a legal hold on what is delivered to S3: it stays until somebody lifts the hold.
    #[arg(long)]
    pub legal_hold: bool,
    /// Encrypt what is delivered to S3 with this KMS key. Without this flag: as the bucket does by default.
    #[arg(long, value_name = "ARN")]
    pub sse_kms_key: Option<String>,
}

/// Modes of Object Lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LockArg {
    /// Those with the right s3:BypassGovernanceRetention can end it.
    Governance,
    /// Nobody can end it.
    Compliance,
}

/// Services that take findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PushTo {
    /// AWS Security Hub, in every account and Region of the report.
    #[value(name = "securityhub")]
    SecurityHub,
}

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub scope: ScopeArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub rules: RuleArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub output: OutputArgs,
    /// Print which tier of the policy takes this table (name or ARN) and the values that apply to it, and stop.
    #[arg(long, value_name = "TABLE")]
    pub explain_policy: Option<String>,
}

/// Arguments of `collect`.
#[derive(Debug, Args)]
pub struct CollectArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub scope: ScopeArgs,
    /// The folder for the inventory; it must not hold one already.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The folder with the inventory: that of a scan, its `inventory` folder, or what `collect` wrote.
    #[arg(value_name = "INVENTORY")]
    pub inventory: PathBuf,
    /// Settings file. Without this flag: backproof.toml, if it is there.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub rules: RuleArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub output: OutputArgs,
    /// Print which tier of the policy takes this table (name or ARN) and the values that apply to it, and stop.
    #[arg(long, value_name = "TABLE")]
    pub explain_policy: Option<String>,
}

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
    /// Settings file, for the ledger that it names. Without this flag: backproof.toml, if it is there.
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
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyPackArgs {
    /// The folder of the pack: what a scan wrote.
    #[arg(value_name = "PACK", required_unless_present = "ledger", conflicts_with = "ledger")]
    pub pack: Option<PathBuf>,
    /// A whole ledger instead: its chain and every pack in it. Only one in S3 needs credentials.
    #[arg(long, value_name = "DIR|s3://…")]
    pub ledger: Option<String>,
    /// SHA-256 of a manifest that must be in the ledger: the last one that you know of. Without it, it cannot be seen
    /// whether the end was cut off.
    #[arg(long, value_name = "SHA256", requires = "ledger")]
    pub expect_head: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub trust: TrustArgs,
}

/// Keys that are trusted.
#[derive(Debug, Args, Clone, Default)]
pub struct TrustArgs {
    /// Keys whose signatures count, as `ssh-keygen` reads them. Every pack must be signed by one of them.
    #[arg(long, value_name = "FILE")]
    pub allowed_signers: Option<PathBuf>,
    /// A public key whose signatures count: of AWS KMS in PEM or DER, or of OpenSSH (.pub). May be given more than once.
    #[arg(long, value_name = "FILE")]
    pub public_key: Vec<PathBuf>,
    /// Who must have signed, as the file of allowed signers names them.
    #[arg(long, value_name = "NAME", requires = "allowed_signers")]
    pub identity: Option<String>,
}

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
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub trust: TrustArgs,
    /// A folder for the attestation, or - for stdout (with one --format, not csv). Without this flag: a new folder below
    /// backproof-report. Nothing is ever overwritten.
    #[arg(long, value_name = "DIR|-")]
    pub out: Option<String>,
    /// Formats to write, separated by commas: csv, json, html, pdf. Without this flag: all.
    #[arg(long, value_name = "FORMAT,…", value_delimiter = ',')]
    pub format: Vec<String>,
    /// A folder with templates of your own: attestation.html and pdf.toml; `report-templates` of the source holds ours.
    #[arg(long, value_name = "DIR")]
    pub template: Option<PathBuf>,
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

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// How to print it: text or json.
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub format: ExplainFormat,
    #[command(subcommand)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub command: ExplainCommand,
}

/// How `explain` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Subcommands of `explain`.
#[derive(Debug, Subcommand)]
pub enum ExplainCommand {
    /// Why a table got its verdicts: every selection of its Region, its recovery points, its facts, its rules.
    Table(Box<ExplainTableArgs>),
    /// What a finding rests on, and the AWS CLI commands that check it by hand.
    Finding(Box<ExplainFindingArgs>),
    /// List the rules.
    Rules,
    /// What one rule asks, why, and what to do about it.
    Rule {
        /// The rule's id.
        id: String,
    },
    /// Every fact: its type and unit, what it says, when it is unknown, where it comes from.
    Facts,
    /// List the compliance frameworks.
    Frameworks,
    /// The controls of one framework, with the rules that give evidence for them.
    Framework {
        /// The framework's id.
        id: String,
    },
    /// The least-privilege IAM policy of a command, as JSON.
    Permissions {
        /// The command that needs them: scan, collect, remediate, backup, deliver (to S3), ledger (in S3), sign (with KMS),
        /// verify and attest (from a ledger in S3), push.
        #[arg(long, default_value = "scan")]
        command: String,
        /// With scan: only what these rules need, separated by commas.
        #[arg(long, value_name = "RULE,…", value_delimiter = ',')]
        rules: Vec<String>,
    },
    /// The JSON schema of a file that the program writes: report, manifest.
    Schema {
        /// Which one.
        name: String,
    },
    /// The exit codes.
    ExitCodes,
}

/// Arguments of `explain table`.
#[derive(Debug, Args)]
pub struct ExplainTableArgs {
    /// ARN or name of the table.
    pub table: String,
    /// The pack or inventory to look into: the folder of a scan, or what `collect` wrote. Without this flag: that of the
    /// latest scan below backproof-report.
    #[arg(long, value_name = "INVENTORY")]
    pub inventory: Option<PathBuf>,
    /// Settings file to judge by. Without it and without the flags below: what the pack was judged by; if it is no pack,
    /// backproof.toml, if it is there.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub rules: RuleArgs,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The folder for the demo's reports.
    #[arg(long, value_name = "DIR", default_value = "backproof-demo")]
    pub to: PathBuf,
}

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// World file. Without this flag: the organisation of the demo.
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// Loopback port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
}
