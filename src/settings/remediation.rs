//! `[remediation]`: how `remediate` and `backup` make recovery points, plans and assignments.

use std::collections::BTreeMap;

use crate::domain::Arn;
use crate::toml_reader::Section;
use crate::toml_reader::values::{days, distinct};

/// How backups, plans and assignments are made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remediation {
    /// The vault that takes them; none: the one that fits the policy, `Default` first.
    pub vault: Option<String>,
    /// The role AWS Backup assumes; none: AWS Backup's default service role of the account.
    pub role_arn: Option<String>,
    /// Days until cold storage; none: stays warm.
    pub cold_after_days: Option<i64>,
    /// Days until deletion; none: the policy's minimum retention.
    pub delete_after_days: Option<i64>,
    /// The vault that is made where none fits the policy; none: `backproof`.
    pub new_vault: Option<String>,
    /// The key of vaults that are made: ARN, id or alias; none: the key that AWS manages for AWS Backup.
    pub new_vault_key: Option<String>,
    /// Tags of vaults that are made.
    pub new_vault_tags: BTreeMap<String, String>,
    /// Days in which a compliance lock can still be taken back; none: 3, the fewest that AWS Backup takes.
    pub lock_grace_days: Option<i64>,
    /// ARNs of principals that may still delete recovery points where an access policy denies it to everybody.
    pub break_glass: Vec<String>,
    /// No plan is applied that somebody else has not signed.
    pub require_approval: bool,
    /// As which callers those work who may sign plans: ARN patterns, by the name in the file of allowed signers.
    pub approvers: BTreeMap<String, Vec<String>>,
    /// Days that point-in-time recovery is to go back where it is switched on; none: DynamoDB's default, 35.
    pub pitr_days: Option<i64>,
    /// The name of plans that are made; none: `backproof-` and the tier, or `default`.
    pub plan_name: Option<String>,
    /// The name of the rule of plans that are made; none: how often it runs, such as `daily`.
    pub rule_name: Option<String>,
    /// The name of the assignment to a plan that is made; none: a digest of what it says.
    pub assignment_name: Option<String>,
    /// The schedule of the rule of plans that are made, as AWS Backup writes it; none: as rarely as the policy allows. No file says
    /// this: it is asked for one by one.
    pub schedule: Option<String>,
    /// How tables are put into a plan.
    pub assign: AssignBy,
}

/// What a selection that is made goes by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AssignBy {
    /// The ARNs of its tables.
    #[default]
    Arn,
    /// A tag that its tables get.
    Tag,
    /// Their type: all tables of the account and Region.
    Type,
}

impl AssignBy {
    const WORDS: [(&str, Self); 3] = [("arn", Self::Arn), ("tag", Self::Tag), ("type", Self::Type)];
}

/// Could a plan or one of its rules have this name? AWS takes 1 to 50 letters, digits and `-_.`; the console no others.
pub(crate) fn is_plan_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=50).contains(&name.len()) && name.bytes().all(is_plain)
}

/// What to write where [`is_plan_name`] says no.
pub(crate) const PLAN_NAME_HINT: &str = "take 1 to 50 letters, digits, `-`, `_` and `.`";

impl Remediation {
    /// The vault for backups by hand.
    pub(crate) fn vault_or_default(&self) -> &str {
        self.vault.as_deref().unwrap_or(DEFAULT_VAULT)
    }

    /// The name of the vault that is made where none fits the policy.
    pub(crate) fn new_vault(&self) -> &str {
        self.new_vault.as_deref().unwrap_or("backproof")
    }
}

/// The vault that AWS Backup makes with the first use of its console.
pub(crate) const DEFAULT_VAULT: &str = "Default";

/// The shortest grace period of a compliance lock, in days.
pub(crate) const SHORTEST_GRACE_DAYS: i64 = 3;

/// AWS Backup deletes no earlier than this many days after the move to cold storage.
pub(crate) const COLD_MINIMUM_DAYS: i64 = 90;

/// The longest lifecycle AWS Backup takes, in days.
pub(crate) const LONGEST_LIFECYCLE_DAYS: i64 = 36_500;

/// Checks a lifecycle before any call is made: 1 to 36,500 days, and deletion at least 90 days after cold storage.
///
/// Errors: the sentence to show.
pub(crate) fn check_lifecycle(cold_after_days: Option<i64>, delete_after_days: Option<i64>) -> Result<(), String> {
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

/// Checks how far point-in-time recovery is to go back.
///
/// Errors: the sentence to show.
pub(crate) fn check_pitr_days(days: i64) -> Result<(), String> {
    match days {
        1..=35 => Ok(()),
        _ => Err(format!("point-in-time recovery goes back 1 to 35 days, not {days}")),
    }
}

/// Could AWS Backup make a vault of this name?
///
/// Errors: the sentence to show.
pub(crate) fn check_vault_name(name: &str) -> Result<(), String> {
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match (2..=50).contains(&name.len()) && name.bytes().all(is_right) {
        true => Ok(()),
        false => Err("the name of a vault has 2 to 50 letters, digits, hyphens and underscores".to_owned()),
    }
}

/// Reads `[remediation]`; `retention_min_days` is how long recovery points are kept if it does not say.
pub(super) fn read(section: &Section<'_>, retention_min_days: i64) -> Remediation {
    let mut remediation = Remediation::default();
    if let Some(vault) = section.string("vault") {
        remediation.vault = Some(vault.value);
    }
    remediation.role_arn = section.string("role-arn").map(|role| role.value);
    remediation.cold_after_days = days(section, "cold-after");
    remediation.delete_after_days = days(section, "delete-after");
    if let Some(name) = section.string("new-vault") {
        if let Err(why) = check_vault_name(&name.value) {
            let what = format!("`{}` is no name of a vault", section.path_of("new-vault"));
            section.note(name.offset, what, why, "write it like `backproof`");
        }
        remediation.new_vault = Some(name.value);
    }
    remediation.new_vault_key = section.string("new-vault-key").map(|key| key.value);
    remediation.new_vault_tags = section.string_map("new-vault-tags").unwrap_or_default();
    remediation.lock_grace_days = days(section, "lock-grace");
    if remediation
        .lock_grace_days
        .is_some_and(|days| days < SHORTEST_GRACE_DAYS)
    {
        let what = format!("`{}` is too short", section.path_of("lock-grace"));
        let why = format!("AWS Backup takes {SHORTEST_GRACE_DAYS} days or more");
        section.note_at("lock-grace", what, why);
    }
    remediation.break_glass = distinct(section, "break-glass", |_| true).unwrap_or_default();
    for arn in &remediation.break_glass {
        if Arn::parse(arn).is_none_or(|arn| !matches!(arn.service, "iam" | "sts")) {
            let what = format!(
                "`{}` names `{arn}`, which is no ARN of a principal",
                section.path_of("break-glass")
            );
            section.note_at(
                "break-glass",
                what,
                "write it like `arn:aws:iam::111122223333:role/BreakGlass`",
            );
        }
    }
    remediation.require_approval = section.boolean("require-approval").unwrap_or(false);
    remediation.approvers = section.strings_map("approvers").unwrap_or_default();
    remediation.pitr_days = days(section, "pitr-period");
    let name_of = |key: &'static str, noun: &str| {
        let name = section.string(key)?;
        if !is_plan_name(&name.value) {
            let what = format!("`{}` is not a name of {noun}", name.value);
            section.note(name.offset, what, "", PLAN_NAME_HINT);
        }
        Some(name.value)
    };
    remediation.plan_name = name_of("plan-name", "a plan");
    remediation.rule_name = name_of("rule-name", "a rule");
    remediation.assignment_name = name_of("assignment-name", "an assignment");
    if let Some(word) = section.string("assign") {
        match AssignBy::WORDS.iter().find(|(known, _)| *known == word.value) {
            Some((_, by)) => remediation.assign = *by,
            None => {
                let what = format!("`{}` is no way to assign tables", word.value);
                section.note(word.offset, what, "", "the ways are `arn`, `tag` and `type`");
            }
        }
    }
    section.finish();
    if let Some(Err(why)) = remediation.pitr_days.map(check_pitr_days) {
        let hint = "write 1 to 35 days, such as `35d`";
        section.note(
            section.offset,
            "DynamoDB would refuse `remediation.pitr-period`",
            why,
            hint,
        );
    }
    let delete_after_days = remediation.delete_after_days.unwrap_or(retention_min_days);
    if let Err(why) = check_lifecycle(remediation.cold_after_days, Some(delete_after_days)) {
        let hint = "raise `delete-after`, or leave `cold-after` out";
        section.note(
            section.offset,
            "AWS Backup would refuse the lifecycle of `remediation`",
            why,
            hint,
        );
    }
    remediation
}
