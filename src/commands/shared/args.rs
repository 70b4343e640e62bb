//! Flags that several commands take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::suggested::{FRAMEWORKS, QUESTIONS, REPORT_FORMATS, RULES, SEVERITIES};
use crate::deliver::staging::Access;
use crate::render::FORMATS;
use crate::stderr::{self, Color, Detail, Log};

/// Flags that every command takes.
#[derive(Debug, Args, Clone)]
pub struct TalkArgs {
    /// Say nothing but problems; scan and report print no summary then.
    #[arg(long, short, global = true, help_heading = "Output options")]
    pub quiet: bool,
    /// Show each call to AWS as it ends; `-vv` each request, retries included.
    #[arg(
        long,
        short,
        action = clap::ArgAction::Count,
        global = true,
        conflicts_with = "quiet",
        help_heading = "Output options"
    )]
    pub verbose: u8,
    /// Format of messages on stderr: text, or one JSON object for each warning, problem and step.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        global = true,
        help_heading = "Output options",
        env = "BACKPROOF_LOG"
    )]
    pub log: Log,
    /// When to colour what people read. Nothing is told by colour alone; NO_COLOR turns it off.
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        global = true,
        help_heading = "Output options"
    )]
    pub color: Color,
}

impl TalkArgs {
    /// Sets how the program talks from now on.
    pub fn apply(&self) {
        let detail = match self.verbose {
            0 => Detail::Results,
            1 => Detail::Calls,
            _ => Detail::Requests,
        };
        stderr::set(self.quiet, detail, self.log, self.color);
    }
}

/// Where to read and by what to judge.
#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Scope")]
pub struct ScopeArgs {
    /// Settings file. Without this flag: backproof.toml of the current folder, else of the nearest folder above it, else of
    /// `~/.config/backproof`.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    /// Regions to read, separated by commas. Without this flag: the settings file, else every Region enabled.
    #[arg(
        long,
        visible_alias = "region",
        value_name = "REGION,…",
        value_delimiter = ',',
        env = "BACKPROOF_REGIONS"
    )]
    pub regions: Vec<String>,
}

/// Which rules to apply.
#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Rules and policy")]
pub struct RuleArgs {
    /// Rules to apply, separated by commas. Without this flag: all. Calls that no chosen rule needs are not made.
    #[arg(long, value_name = "RULE,…", value_delimiter = ',', value_parser = RULES, hide_possible_values = true)]
    pub rules: Vec<String>,
    /// Judge by these advised rules too, separated by commas: they ask AWS once for each table under a hard quota, so that a
    /// scan leaves them out unless the policy requires them. They are pitr-on and not-only-pitr.
    #[arg(
        long = "with",
        value_name = "RULE,…",
        value_delimiter = ',',
        value_parser = RULES,
        hide_possible_values = true
    )]
    pub with: Vec<String>,
    /// A folder with rule files (*.toml) of your own, judged beside those that come with the program. One under the id of one
    /// of these is refused unless the settings file names it in `[rules]` as `replaced`.
    #[arg(long, value_name = "DIR")]
    pub rules_dir: Option<PathBuf>,
    /// Judge by these compliance frameworks, separated by commas: their rules, the numbers they fix, and a matrix of
    /// their controls. `explain frameworks` lists them.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = FRAMEWORKS, hide_possible_values = true)]
    pub framework: Vec<String>,
    /// A file with the policy and its tiers; the settings file may then hold none.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// File with waivers. Without this flag: the one that the settings file names.
    #[arg(long, value_name = "FILE")]
    pub waivers: Option<PathBuf>,
}

impl RuleArgs {
    /// Was any of them given?
    pub(crate) fn is_any(&self) -> bool {
        let Self {
            rules,
            with,
            rules_dir,
            framework,
            policy,
            waivers,
        } = self;
        !rules.is_empty()
            || !with.is_empty()
            || rules_dir.is_some()
            || !framework.is_empty()
            || policy.is_some()
            || waivers.is_some()
    }
}

/// Who signs, and which ledger takes the pack.
#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Signature and ledger")]
pub struct SigningArgs {
    /// Sign the manifest: with an Ed25519 key of OpenSSH (its file; or its .pub file, its fingerprint or `agent` if
    /// ssh-agent holds it), or with awskms:ARN. May be given once for each of the two kinds.
    #[arg(long, value_name = "KEY")]
    pub(crate) sign: Vec<String>,
    /// Append the pack to this ledger: a folder, or s3://bucket/prefix. Without this flag: the settings file's, if it
    /// names one.
    #[arg(long, value_name = "DIR|s3://…")]
    pub(crate) ledger: Option<String>,
}

/// What to write, and where.
#[derive(Debug, Args, Clone)]
#[command(next_help_heading = "What is written")]
pub struct OutputArgs {
    /// A folder, s3://bucket/prefix, or - for stdout alone (with one --format). Without this flag: a new folder below
    /// backproof-report; if one format for programs is asked for, such as json, stdout gets it in place of the summary.
    /// Reports are never overwritten.
    #[arg(long, short = 'o', visible_alias = "output", value_name = "DIR|s3://…|-")]
    pub to: Option<String>,
    #[expect(missing_docs, reason = "its help is made from the list of formats")]
    #[arg(
        long,
        help = formats(),
        value_name = "FORMAT,…",
        value_delimiter = ',',
        value_parser = REPORT_FORMATS,
        hide_possible_values = true
    )]
    pub format: Vec<String>,
    /// Send the findings to this service as well: securityhub. Each account's Security Hub gets its own findings: those that
    /// are required, and with `--advised` the advised ones too, as INFORMATIONAL.
    #[arg(long, value_name = "SERVICE")]
    pub push: Option<PushTo>,
    /// The mildest severity of a required non-compliant finding that ends the program with exit code 10.
    #[arg(
        long,
        value_name = "SEVERITY",
        default_value = "low",
        value_parser = SEVERITIES,
        hide_possible_values = true,
        help_heading = "Summary and exit code"
    )]
    pub fail_on: String,
    /// List only findings of these questions on the terminal, separated by commas: in-a-plan, backed-up, restorable,
    /// safeguards. The digest and the files hold all of them.
    #[arg(
        long,
        value_name = "QUESTION,…",
        value_delimiter = ',',
        value_parser = QUESTIONS,
        hide_possible_values = true,
        help_heading = "Summary and exit code"
    )]
    pub only: Vec<String>,
    /// List only findings of this severity and worse on the terminal.
    #[arg(
        long,
        value_name = "SEVERITY",
        value_parser = SEVERITIES,
        hide_possible_values = true,
        help_heading = "Summary and exit code"
    )]
    pub min_severity: Option<String>,
    /// List advised findings on the terminal too, and send them with `--push`. They decide no verdict and no exit code.
    #[arg(long, help_heading = "Summary and exit code")]
    pub advised: bool,
    /// Folder with templates that replace those of the program: any of pdf.toml, report.html, report.css, report.js, and
    /// attestation.html for `attest`.
    #[arg(long, value_name = "DIR")]
    pub template: Option<PathBuf>,
    /// How much of the findings the PDF prints: what needs action, once for each reason (brief), or every finding that is not
    /// good news as well, with the facts behind it (full). The other formats hold everything in any case.
    #[arg(long, value_name = "DETAIL", value_enum, default_value_t)]
    pub pdf_detail: PdfDetail,
    /// An earlier scan: its pack, or its report.json. Only required findings that were not open in it end the program with exit
    /// code 10; every report marks each as new, newly asked, newly required or known, hides none, and tells rules that count
    /// for less than then and answers that are not asked for any more.
    #[arg(long, value_name = "PACK|REPORT", help_heading = "Summary and exit code")]
    pub baseline: Option<PathBuf>,
    /// Accept an inventory without any table.
    #[arg(long, help_heading = "Summary and exit code")]
    pub allow_empty: bool,
    /// Replace account ids and names by pseudonyms, everywhere, for people outside. The reports come with their evidence,
    /// replaced alike, as a pack that still verifies.
    #[arg(long, conflicts_with_all = ["push", "baseline"])]
    pub redact_accounts: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub access: AccessArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub signing: SigningArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub keep: KeepArgs,
}

/// Who may read what is written.
#[derive(Debug, Args, Clone, Copy, Default)]
#[command(next_help_heading = "What is written")]
pub struct AccessArgs {
    /// Give new files and folders the rights that the umask leaves. Without this flag only their owner can read them.
    #[arg(long)]
    pub shared: bool,
}

impl AccessArgs {
    /// As staging folders take it.
    pub(crate) fn access(self) -> Access {
        if self.shared { Access::Umask } else { Access::Owner }
    }
}

/// How much of the findings the PDF prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PdfDetail {
    /// What needs action, once for each reason.
    #[default]
    Brief,
    /// Every finding that is not good news as well, with the facts behind it.
    Full,
}

/// The help of `--format`: every format there is.
fn formats() -> String {
    let (mut all, mut by_default) = (Vec::new(), Vec::new());
    for format in FORMATS {
        if !all.contains(&format.name) {
            all.push(format.name);
            by_default.extend(format.is_default.then_some(format.name));
        }
    }
    format!(
        "Formats to write, separated by commas: {}, or all. Without this flag: {}",
        all.join(", "),
        by_default.join(", ")
    )
}

/// How objects in S3 are kept.
#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Delivery to S3")]
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

/// Keys that are trusted.
#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Trusted signers")]
pub struct TrustArgs {
    /// Keys whose signatures count, as `ssh-keygen` reads them. Every pack must be signed by one of them; a scan counts those
    /// drills only.
    #[arg(long, value_name = "FILE")]
    pub allowed_signers: Option<PathBuf>,
    /// A public key whose signatures count: of AWS KMS in PEM or DER, or of OpenSSH (.pub). May be given more than once.
    #[arg(long, value_name = "FILE")]
    pub public_key: Vec<PathBuf>,
    /// Who must have signed, as the file of allowed signers names them.
    #[arg(long, value_name = "NAME", requires = "allowed_signers")]
    pub identity: Option<String>,
}

/// Drills that count as evidence of restores.
#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Drills")]
pub struct DrillArgs {
    /// Count these drills as evidence of restores: folders that `drill` wrote, or folders that hold such folders. Those of the
    /// ledger that takes the scan are counted without being named.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub drills: Vec<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub trust: TrustArgs,
}

/// How `explain` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What the command line itself says of colour, for its own help and mistakes: it is not read yet when those are shown.
pub fn color_of(args: impl Iterator<Item = std::ffi::OsString>) -> clap::ColorChoice {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let after = args
        .iter()
        .position(|arg| arg == "--color")
        .and_then(|place| args.get(place + 1));
    let tied = args.iter().find_map(|arg| arg.strip_prefix("--color="));
    match after.map(String::as_str).or(tied) {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

/// Does the command line, or the environment, ask for a log in JSON? For mistakes of the command line itself.
pub fn is_json(args: impl Iterator<Item = std::ffi::OsString>) -> bool {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let pair = args.windows(2).any(|pair| pair[0] == "--log" && pair[1] == "json");
    let of_environment = || std::env::var_os("BACKPROOF_LOG").is_some_and(|log| log == "json");
    pair || args.iter().any(|arg| arg == "--log=json") || of_environment()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_says_of_itself_how_to_show_its_mistakes() {
        let args = |text: &str| {
            text.split(' ')
                .map(std::ffi::OsString::from)
                .collect::<Vec<_>>()
                .into_iter()
        };
        for (text, color) in [
            ("scan --color never", clap::ColorChoice::Never),
            ("scan --color=always", clap::ColorChoice::Always),
            ("scan --color", clap::ColorChoice::Auto),
            ("scan", clap::ColorChoice::Auto),
        ] {
            assert_eq!(color_of(args(text)), color, "{text}");
        }
        assert!(is_json(args("scan --log json")));
        assert!(is_json(args("--log=json scan")));
        assert!(!is_json(args("scan --log text")));
    }
}
