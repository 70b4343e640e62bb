//! What was typed and written, turned into what is meant: `backproof.toml` and flags in, [`Settings`] out.
//!
//! All mistakes are reported at once. Nothing below this module reads a flag, a settings file or the environment
//! (except the AWS SDK, which takes credentials, profile, Region and endpoint the way every AWS tool does).

use std::path::Path;

use chrono::TimeDelta;

use crate::duration;
use crate::problem::{Outcome, Problem, Problems};
use crate::settings_file::{Located, Reader, Section, nearest};

/// The settings file looked for when none is named.
pub const DEFAULT_FILE: &str = "backproof.toml";

/// Everything a settings file can say.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Regions to read; empty: every Region enabled for the account.
    pub regions: Vec<String>,
    /// Accounts to read by assuming a role; empty: the caller's own.
    pub accounts: Vec<Account>,
    /// What every table must meet.
    pub policy: Policy,
    /// How `remediate` and `backup` make recovery points.
    pub remediation: Remediation,
}

/// An account and the role that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// For people; may be empty.
    pub name: String,
    /// Role to assume there; none for the caller's own account.
    pub role_arn: Option<String>,
    /// External id for that role.
    pub external_id: Option<String>,
}

/// Who must own the key of a recovery point, from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyOwner {
    /// Any encryption will do.
    Any,
    /// An AWS-managed key (`aws/backup`, `aws/dynamodb`) or stronger.
    AwsManaged,
    /// A customer-managed key.
    CustomerManaged,
}

impl KeyOwner {
    /// From weak to strong.
    pub const ALL: [Self; 3] = [Self::Any, Self::AwsManaged, Self::CustomerManaged];

    /// The word of `backproof.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::AwsManaged => "aws-managed",
            Self::CustomerManaged => "customer-managed",
        }
    }

    /// Its place in the order: 0, 1, 2.
    pub const fn rank(self) -> i64 {
        match self {
            Self::Any => 0,
            Self::AwsManaged => 1,
            Self::CustomerManaged => 2,
        }
    }
}

/// What is required of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The greatest age allowed for the newest usable recovery point.
    pub rpo: TimeDelta,
    /// The shortest retention allowed, in days.
    pub retention_min_days: i64,
    /// Who must own the keys of recovery points.
    pub key_owner: KeyOwner,
}

impl Default for Policy {
    /// The defaults of AWS Backup Audit Manager: a point a day, kept for 35 days; any encryption.
    fn default() -> Self {
        Self {
            rpo: TimeDelta::hours(24),
            retention_min_days: 35,
            key_owner: KeyOwner::Any,
        }
    }
}

impl Policy {
    /// The values as `backproof.toml` would say them, for reports.
    pub fn lines(&self) -> Vec<(String, String)> {
        vec![
            ("rpo".to_owned(), duration::human(self.rpo)),
            ("retention-min".to_owned(), format!("{}d", self.retention_min_days)),
            ("key-owner".to_owned(), self.key_owner.as_str().to_owned()),
        ]
    }
}

/// How on-demand backups are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remediation {
    /// The vault that takes them.
    pub vault: String,
    /// The role AWS Backup assumes; none: AWS Backup's default service role of the account.
    pub role_arn: Option<String>,
    /// Days until cold storage; none: stays warm.
    pub cold_after_days: Option<i64>,
    /// Days until deletion; none: the policy's minimum retention.
    pub delete_after_days: Option<i64>,
}

impl Default for Remediation {
    fn default() -> Self {
        Self {
            vault: "Default".to_owned(),
            role_arn: None,
            cold_after_days: None,
            delete_after_days: None,
        }
    }
}

/// AWS Backup deletes no earlier than this many days after the move to cold storage.
pub const COLD_MINIMUM_DAYS: i64 = 90;

/// The longest lifecycle AWS Backup takes, in days.
pub const LONGEST_LIFECYCLE_DAYS: i64 = 36_500;

/// Checks a lifecycle before any call is made: 1 to 36,500 days, and deletion at least 90 days after cold storage.
///
/// Errors: the sentence to show.
pub fn check_lifecycle(cold_after_days: Option<i64>, delete_after_days: Option<i64>) -> Result<(), String> {
    for (name, days) in [("cold after", cold_after_days), ("delete after", delete_after_days)] {
        if let Some(days) = days.filter(|days| !(1..=LONGEST_LIFECYCLE_DAYS).contains(days)) {
            return Err(format!(
                "{name} {days} days is outside 1 to {LONGEST_LIFECYCLE_DAYS} days"
            ));
        }
    }
    match (cold_after_days, delete_after_days) {
        (Some(cold), Some(delete)) if delete < cold + COLD_MINIMUM_DAYS => Err(format!(
            "delete after {delete} days is less than {COLD_MINIMUM_DAYS} days after the move to cold storage ({cold} + {COLD_MINIMUM_DAYS} = {})",
            cold + COLD_MINIMUM_DAYS
        )),
        _ => Ok(()),
    }
}

impl Settings {
    /// Reads the settings file: the one named, or `backproof.toml` if it is there, or the defaults.
    ///
    /// Errors: a named file that cannot be read, and every mistake in the file at once (exit code 2).
    pub fn load(file: Option<&Path>) -> Outcome<Self> {
        let (path, named) = match file {
            Some(path) => (path, true),
            None => (Path::new(DEFAULT_FILE), false),
        };
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &path.display().to_string()),
            Err(error) if !named && error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Problem::usage("could not read the settings file")
                .at(path.display().to_string())
                .why(error.to_string())
                .so("nothing was read from AWS")
                .hint("check the path given to `--config`")
                .into()),
        }
    }

    /// Reads the text of a settings file.
    ///
    /// Errors: every mistake, each with its line.
    pub fn parse(text: &str, origin: &str) -> Outcome<Self> {
        let mut reader = Reader::new(origin, text);
        let mut settings = Self::default();
        if let Some(document) = reader.parse() {
            let mut root = Section::root(&document);
            settings.read(&mut reader, &mut root);
            reader.finish(&root);
        }
        if reader.has_problems() {
            Err(Problems(reader.into_problems()))
        } else {
            Ok(settings)
        }
    }

    fn read<'a>(&mut self, reader: &mut Reader<'a>, root: &mut Section<'_, 'a>) {
        for region in reader.strings(root, "regions").unwrap_or_default() {
            if let Err(why) = check_region(&region.value) {
                reader.note(region.offset, format!("`{}` is not a Region", region.value), why, "");
            } else if self.regions.contains(&region.value) {
                reader.note(
                    region.offset,
                    format!("`{}` is listed twice in `regions`", region.value),
                    "",
                    "",
                );
            }
            self.regions.push(region.value);
        }
        self.accounts = read_accounts(reader, root);
        if let Some(mut section) = reader.section(root, "policy") {
            self.policy = read_policy(reader, &mut section);
        }
        if let Some(mut section) = reader.section(root, "remediation") {
            self.remediation = read_remediation(reader, &mut section, &self.policy);
        }
    }
}

fn read_accounts<'a>(reader: &mut Reader<'a>, root: &mut Section<'_, 'a>) -> Vec<Account> {
    let mut accounts: Vec<Account> = Vec::new();
    for mut section in reader.sections(root, "accounts") {
        let id = reader.string(&mut section, "id");
        let name = reader
            .string(&mut section, "name")
            .map(|name| name.value)
            .unwrap_or_default();
        let role_arn = reader.string(&mut section, "role_arn").map(|role| role.value);
        let external_id = reader.string(&mut section, "external_id").map(|id| id.value);
        reader.finish(&section);
        let Some(id) = id else {
            reader.missing(&section, "id");
            continue;
        };
        if id.value.len() != 12 || !id.value.bytes().all(|byte| byte.is_ascii_digit()) {
            let what = format!("`{}` is not an account id", id.value);
            reader.note(
                id.offset,
                what,
                "an account id has 12 digits",
                "write it in quotes, with its leading zeros",
            );
        } else if accounts.iter().any(|account| account.id == id.value) {
            reader.note(id.offset, format!("account `{}` is listed twice", id.value), "", "");
        }
        if let Some(arn) = role_arn.as_deref()
            && crate::domain::Arn::parse(arn).is_none_or(|arn| arn.service != "iam" || arn.account_id != id.value)
        {
            let what = format!("`{arn}` is not a role of account `{}`", id.value);
            let hint = "write the ARN of a role in that account: what is read with it is reported under that account";
            reader.note(section.offset, what, "", hint);
        }
        accounts.push(Account {
            id: id.value,
            name,
            role_arn,
            external_id,
        });
    }
    accounts
}

fn read_policy<'a>(reader: &mut Reader<'a>, section: &mut Section<'_, 'a>) -> Policy {
    let mut policy = Policy::default();
    if let Some(text) = reader.string(section, "rpo") {
        match duration::parse(&text.value) {
            Ok(rpo) if rpo > TimeDelta::zero() => policy.rpo = rpo,
            Ok(_) => reader.note(text.offset, "`policy.rpo` must be longer than nothing", "", ""),
            Err(why) => reader.note(
                text.offset,
                "`policy.rpo` is not a duration",
                why,
                "write it like `24h`",
            ),
        }
    }
    if let Some(days) = days(reader, section, "retention-min", "policy.retention-min") {
        policy.retention_min_days = days;
    }
    if let Some(text) = reader.string(section, "key-owner") {
        match KeyOwner::ALL.into_iter().find(|owner| owner.as_str() == text.value) {
            Some(owner) => policy.key_owner = owner,
            None => {
                let hint = match nearest(&text.value, KeyOwner::ALL.into_iter().map(KeyOwner::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "it is `any`, `aws-managed` or `customer-managed`".to_owned(),
                };
                reader.note(text.offset, format!("`{}` is not a key owner", text.value), "", hint);
            }
        }
    }
    reader.finish(section);
    policy
}

fn read_remediation<'a>(reader: &mut Reader<'a>, section: &mut Section<'_, 'a>, policy: &Policy) -> Remediation {
    let mut remediation = Remediation::default();
    if let Some(vault) = reader.string(section, "vault") {
        remediation.vault = vault.value;
    }
    remediation.role_arn = reader.string(section, "role-arn").map(|role| role.value);
    remediation.cold_after_days = days(reader, section, "cold-after", "remediation.cold-after");
    remediation.delete_after_days = days(reader, section, "delete-after", "remediation.delete-after");
    reader.finish(section);
    let delete_after_days = remediation.delete_after_days.unwrap_or(policy.retention_min_days);
    if let Err(why) = check_lifecycle(remediation.cold_after_days, Some(delete_after_days)) {
        let hint = "raise `delete-after`, or leave `cold-after` out";
        reader.note(
            section.offset,
            "AWS Backup would refuse the lifecycle of `remediation`",
            why,
            hint,
        );
    }
    remediation
}

/// A duration of whole days.
fn days<'a>(reader: &mut Reader<'a>, section: &mut Section<'_, 'a>, key: &'static str, path: &str) -> Option<i64> {
    let text: Located<String> = reader.string(section, key)?;
    match duration::parse_days(&text.value) {
        Ok(days) if days >= 1 => Some(days),
        Ok(_) => {
            reader.note(text.offset, format!("`{path}` must be at least a day"), "", "");
            None
        }
        Err(why) => {
            reader.note(
                text.offset,
                format!("`{path}` is not a number of days"),
                why,
                "write it like `35d`",
            );
            None
        }
    }
}

/// The shape of a Region's name: `eu-west-1`, `us-gov-east-1`, `eusc-de-east-1`.
///
/// Errors: the sentence to show.
pub fn check_region(region: &str) -> Result<(), String> {
    let parts: Vec<&str> = region.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match parts.split_last() {
        Some((last, rest)) if rest.len() >= 2 && number(last) && rest.iter().all(letters) => Ok(()),
        _ => Err("a Region is written like `eu-west-1`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let settings = Settings::parse("", "backproof.toml").expect("valid");
        assert_eq!(settings.policy, Policy::default());
        assert!(settings.regions.is_empty());
    }

    #[test]
    fn everything_can_be_said() {
        let text = r#"
            regions = ["eu-west-1"]
            accounts = [{ id = "111122223333", name = "payments", role_arn = "arn:aws:iam::111122223333:role/Audit" }]
            [policy]
            rpo = "6h"
            retention-min = "1y"
            key-owner = "customer-managed"
            [remediation]
            vault = "WebappBackups"
            cold-after = "7d"
            delete-after = "97d"
        "#;
        let settings = Settings::parse(text, "backproof.toml").expect("valid");
        assert_eq!(settings.policy.rpo, TimeDelta::hours(6));
        assert_eq!(settings.policy.retention_min_days, 366);
        assert_eq!(settings.remediation.delete_after_days, Some(97));
        assert_eq!(settings.accounts[0].name, "payments");
    }

    #[test]
    fn all_mistakes_are_found_in_one_run_with_their_lines() {
        let text = "region = [\"eu-west-1\"]\n[policy]\nrpo = 24\nretention-min = \"36h\"\nkey-owner = \"customer\"\n[remediation]\ncold-after = \"30d\"\ndelete-after = \"97d\"\n";
        let problems = Settings::parse(text, "b.toml").expect_err("five mistakes").0;
        let lines: Vec<String> = problems
            .iter()
            .map(|problem| format!("{} {}", problem.location, problem.what))
            .collect();
        assert_eq!(
            lines,
            [
                "b.toml:3 `policy.rpo` must be a string",
                "b.toml:4 `policy.retention-min` is not a number of days",
                "b.toml:5 `customer` is not a key owner",
                "b.toml:6 AWS Backup would refuse the lifecycle of `remediation`",
                "b.toml:1 `region` is not a setting",
            ]
        );
        assert_eq!(problems[4].hint, "did you mean `regions`?");
    }

    #[test]
    fn a_region_has_a_shape() {
        for region in ["eu-west-1", "us-gov-east-1", "ap-southeast-5", "eusc-de-east-1"] {
            assert_eq!(check_region(region), Ok(()), "{region}");
        }
        for region in ["", "eu-west", "EU-WEST-1", "eu_west_1", "narnia"] {
            assert!(check_region(region).is_err(), "{region}");
        }
    }

    #[test]
    fn cold_storage_needs_ninety_days_more() {
        assert_eq!(check_lifecycle(Some(7), Some(97)), Ok(()));
        assert!(check_lifecycle(Some(8), Some(97)).is_err());
        assert!(check_lifecycle(None, Some(0)).is_err());
        assert_eq!(check_lifecycle(Some(30), None), Ok(()));
    }
}
