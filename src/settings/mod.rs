//! What was typed and written, turned into what is meant: `backproof.toml` and flags in, [`Settings`] out.
//!
//! All mistakes are reported at once. Nothing below this module reads a flag, a settings file or the environment
//! (except the AWS SDK, which takes credentials, profile, Region and endpoint the way every AWS tool does).

mod remediation;

use std::path::{Path, PathBuf};

use crate::criteria::policy::{self, Policy, levels};
use crate::domain::Account;
use crate::problem::{Outcome, Problem, Problems};
use crate::stderr;
use crate::toml_reader::values::{check_account, distinct, regions};
use crate::toml_reader::{Section, read_document};

pub(crate) use remediation::{
    AssignBy, COLD_MINIMUM_DAYS, DEFAULT_VAULT, LONGEST_LIFECYCLE_DAYS, PLAN_NAME_HINT, Remediation,
    SHORTEST_GRACE_DAYS, check_lifecycle, check_pitr_days, check_vault_name, is_plan_name,
};

/// The settings file looked for when none is named.
pub(crate) const DEFAULT_FILE: &str = "backproof.toml";

/// Everything a settings file can say.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Regions to read; empty: every Region enabled for the account.
    pub regions: Vec<String>,
    /// Accounts to read by assuming a role; empty: the caller's own.
    pub accounts: Vec<Account>,
    /// What tables must meet.
    pub policy: Policy,
    /// Rules of the program that rules of `--rules-dir` with the same id replace.
    pub replaced_rules: Vec<String>,
    /// The waivers file.
    pub waivers: Option<PathBuf>,
    /// The ledger that takes the pack of each scan: a folder, or `s3://bucket/prefix`.
    pub ledger: Option<String>,
    /// Keys whose signatures on drills count: a file as `ssh-keygen` reads it.
    pub allowed_signers: Option<PathBuf>,
    /// How `remediate` and `backup` make recovery points.
    pub remediation: Remediation,
}

/// A file as read.
struct File {
    path: PathBuf,
    text: String,
}

impl File {
    fn origin(&self) -> String {
        self.path.display().to_string()
    }
}

impl Settings {
    /// Reads the settings file (the one named, or the one that [`find`] finds, or the defaults), and the policy file that
    /// is to be used instead of its `[policy]`. `known`: the ids of rules that it may name; `None`: any, where a command
    /// judges nothing.
    ///
    /// Errors: a named file that cannot be read, and every mistake in the files at once (exit code 2).
    pub(crate) fn load(file: Option<&Path>, policy_file: Option<&Path>, known: Option<&[String]>) -> Outcome<Self> {
        let mut problems = Vec::new();
        let found = file.map(Path::to_owned).or_else(find);
        let settings = found.and_then(|path| read_file(&path, "settings", "--config", &mut problems));
        let policy = policy_file.map(|path| read_file(path, "policy", "--policy", &mut problems));
        let policy = policy.as_ref().map(Option::as_ref);
        let settings = Self::assemble(settings.as_ref(), policy, known, &mut problems);
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(Problems(problems))
        }
    }

    /// Reads the text of a settings file.
    ///
    /// Errors: every mistake, each with its line.
    pub fn parse(text: &str, origin: &str) -> Outcome<Self> {
        let file = File {
            path: PathBuf::from(origin),
            text: text.to_owned(),
        };
        let mut problems = Vec::new();
        let settings = Self::assemble(Some(&file), None, None, &mut problems);
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(Problems(problems))
        }
    }

    /// `policy_file`: none if none was named, `Some(None)` if it could not be read.
    fn assemble(
        file: Option<&File>,
        policy_file: Option<Option<&File>>,
        known: Option<&[String]>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut settings = Self::default();
        if let Some(Some(file)) = policy_file {
            let (policy, mistakes) = policy::document(&file.text, &file.origin(), known);
            problems.extend(mistakes);
            settings.policy = policy.unwrap_or_default();
        }
        if let Some(file) = file {
            let elsewhere = policy_file.is_some();
            let read = |root: &Section<'_>| settings.read(root, file, elsewhere, known);
            let (_, mistakes) = read_document(&file.origin(), &file.text, read);
            problems.extend(mistakes);
        }
        settings
    }

    fn read(&mut self, root: &Section<'_>, file: &File, policy_is_elsewhere: bool, known: Option<&[String]>) {
        self.regions = regions(root, "regions").unwrap_or_default();
        self.accounts = read_accounts(root);
        if let Some(waivers) = root.string("waivers") {
            if waivers.value.trim().is_empty() {
                root.note(
                    waivers.offset,
                    "`waivers` is empty",
                    "",
                    "write the path of the waivers file",
                );
            }
            let folder = file.path.parent().unwrap_or(Path::new(""));
            self.waivers = Some(folder.join(waivers.value));
        }
        if let Some(ledger) = root.string("ledger") {
            if ledger.value.trim().is_empty() {
                let hint = "write a folder, or `s3://bucket/prefix`";
                root.note(ledger.offset, "`ledger` is empty", "", hint);
            }
            // A folder is meant from the file's own place, as the waivers are.
            self.ledger = Some(if ledger.value.starts_with("s3://") {
                ledger.value
            } else {
                let folder = file.path.parent().unwrap_or(Path::new(""));
                folder.join(ledger.value).display().to_string()
            });
        }
        if let Some(signers) = root.string("allowed-signers") {
            if signers.value.trim().is_empty() {
                let hint = "write the path of a file as `ssh-keygen` reads it";
                root.note(signers.offset, "`allowed-signers` is empty", "", hint);
            }
            let folder = file.path.parent().unwrap_or(Path::new(""));
            self.allowed_signers = Some(folder.join(signers.value));
        }
        if let Some(section) = root.section("policy") {
            if policy_is_elsewhere {
                section.note(
                    section.offset,
                    "there are two policies: this one and the file given to `--policy`",
                    "what is required must be said in one place",
                    "leave `--policy` out, or move this `[policy]` into that file",
                );
            } else {
                self.policy = policy::read(&section, known);
            }
        }
        if let Some(rules) = root.section("rules") {
            self.read_rules(&rules, known);
        }
        if let Some(section) = root.section("remediation") {
            self.remediation = remediation::read(&section, self.policy.values.retention_min_days);
        }
    }

    /// `[rules]`: what rules count for, and which of the program's own another may replace.
    fn read_rules(&mut self, section: &Section<'_>, known: Option<&[String]>) {
        let replaced = distinct(section, levels::REPLACED, |_| true);
        self.replaced_rules = replaced.unwrap_or_default();
        for (id, level) in levels::read(section, known) {
            if let Some(offset) = section.place_of(&id)
                && self.policy.levels.contains_key(&id)
            {
                let what = format!("`{}` is said twice", section.path_of(&id));
                section.note(offset, what, "the policy says it too", "say it in one place");
            }
            self.policy.levels.insert(id, level);
        }
    }
}

/// The settings file that is meant where none is named: `backproof.toml` of the current folder or of the nearest one above
/// it, else that of the user's configuration folder. One that is not in the current folder is said.
fn find() -> Option<PathBuf> {
    // A file that cannot be looked at is there: reading it says why.
    let is_there = |path: &Path| path.try_exists().unwrap_or(true);
    let here = Path::new(DEFAULT_FILE);
    if is_there(here) {
        return Some(here.to_owned());
    }
    let folder = std::env::current_dir().ok();
    let above = folder
        .iter()
        .flat_map(|folder| folder.ancestors().skip(1))
        .map(|folder| folder.join(DEFAULT_FILE))
        .filter(|path| is_there(path) && !is_anybodys(path));
    let found = above.chain(of_user().filter(|path| is_there(path))).next()?;
    stderr::say(&format!("settings file: {}", found.display()));
    Some(found)
}

/// Does it lie in a folder such as `/tmp`, into which anybody can put files? Settings say what is exempt, so that one there is
/// passed over with a warning.
fn is_anybodys(path: &Path) -> bool {
    #[cfg(unix)]
    let is_open = {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = path.parent().and_then(|folder| folder.metadata().ok());
        folder.is_some_and(|folder| folder.permissions().mode() & 0o002 != 0)
    };
    #[cfg(not(unix))]
    let is_open = false;
    if is_open {
        stderr::warn(
            &Problem::new("a settings file was passed over")
                .at(path.display().to_string())
                .why("anybody can write into its folder")
                .so("it has no say in what is required or exempt")
                .hint("name it with `--config` if it is yours"),
        );
    }
    is_open
}

/// Where a user keeps settings for all folders.
fn of_user() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute());
    let folder = named.or_else(|| std::env::home_dir().map(|home| home.join(".config")))?;
    Some(folder.join("backproof").join(DEFAULT_FILE))
}

fn read_file(path: &Path, kind: &str, flag: &str, problems: &mut Vec<Problem>) -> Option<File> {
    match std::fs::read_to_string(path) {
        Ok(text) => Some(File {
            path: path.to_owned(),
            text,
        }),
        Err(error) => {
            problems.push(
                Problem::usage(format!("could not read the {kind} file"))
                    .at(path.display().to_string())
                    .why(error.to_string())
                    .so("nothing was read from AWS")
                    .hint(format!("check the path given to `{flag}`")),
            );
            None
        }
    }
}

fn read_accounts(root: &Section<'_>) -> Vec<Account> {
    let mut accounts: Vec<Account> = Vec::new();
    for section in root.sections("accounts") {
        let id = section.string("id");
        let name = section.string("name").map(|name| name.value).unwrap_or_default();
        let role_arn = section.string("role_arn").map(|role| role.value);
        let remediation_role_arn = section.string("remediation_role_arn").map(|role| role.value);
        let external_id = section.string("external_id").map(|id| id.value);
        section.finish();
        let Some(id) = id else {
            section.missing("id");
            continue;
        };
        if check_account(&section, &id) && accounts.iter().any(|account| account.id == id.value) {
            section.note(
                id.offset,
                format!("account `{}` is listed twice", id.value),
                "",
                "delete one of the two",
            );
        }
        let is_elsewhere = |arn: &str| {
            crate::domain::Arn::parse(arn).is_none_or(|arn| arn.service != "iam" || arn.account_id != id.value)
        };
        for arn in [&role_arn, &remediation_role_arn]
            .into_iter()
            .flatten()
            .filter(|arn| is_elsewhere(arn))
        {
            let what = format!("`{arn}` is not a role of account `{}`", id.value);
            let hint = "write the ARN of a role in that account: what is read with it is reported under that account";
            section.note(section.offset, what, "", hint);
        }
        accounts.push(Account {
            id: id.value,
            name,
            role_arn,
            remediation_role_arn,
            external_id,
        });
    }
    accounts
}

#[cfg(test)]
mod precedence_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tier_tests;
