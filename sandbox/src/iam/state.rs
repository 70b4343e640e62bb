//! What IAM keeps: the roles that a world file describes or a caller made, and those that are gone.
//!
//! Other roles exist as the world says (`Cloud::knows_role`); they are written down here once a caller changes them. Names are
//! unique within an account without regard to case.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

/// The managed policies that AWS Backup's default role has.
pub(crate) const FOR_BACKUP: &str = "service-role/AWSBackupServiceRolePolicyForBackup";
pub(crate) const FOR_RESTORES: &str = "service-role/AWSBackupServiceRolePolicyForRestores";
/// The managed policies of AWS that can be attached here, with their paths.
pub(crate) const MANAGED: [&str; 8] = [
    FOR_BACKUP,
    FOR_RESTORES,
    "AWSBackupServiceRolePolicyForS3Backup",
    "AWSBackupServiceRolePolicyForS3Restore",
    "AWSBackupFullAccess",
    "AdministratorAccess",
    "ReadOnlyAccess",
    "SecurityAudit",
];
/// Who assumes the roles of backup jobs.
const BACKUP: &str = "backup.amazonaws.com";

/// Roles by account and name in lower case.
#[derive(Debug, Default)]
pub(crate) struct State {
    roles: BTreeMap<(String, String), Role>,
    /// Roles that do not exist, whatever else the world says.
    gone: BTreeSet<(String, String)>,
    /// So long AWS Backup knows nothing of a new role or policy, on the virtual clock or in real time, whichever is over first.
    pub(crate) propagation_seconds: u64,
}

/// One role.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Role {
    pub(crate) name: String,
    /// `/` or `/service-role/` and the like.
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) created: DateTime<Utc>,
    /// `AssumeRolePolicyDocument`, as JSON.
    pub(crate) trust: String,
    pub(crate) description: Option<String>,
    pub(crate) max_session_seconds: i64,
    pub(crate) tags: BTreeMap<String, String>,
    /// ARNs of the managed policies, in the order of their attachment.
    pub(crate) policies: Vec<Attached>,
    /// Patterns of the actions that its sessions may do. None: all.
    pub(crate) allows: Option<Vec<String>>,
    /// None: known everywhere for long.
    pub(crate) known: Option<Since>,
}

/// A policy of a role.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attached {
    pub(crate) arn: String,
    pub(crate) known: Option<Since>,
}

/// When a caller changed something, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Since {
    at: DateTime<Utc>,
    real: Instant,
}

impl Since {
    pub(crate) fn now(at: DateTime<Utc>) -> Option<Self> {
        Some(Self {
            at,
            real: Instant::now(),
        })
    }

    fn is_over(since: Option<Self>, seconds: u64, now: DateTime<Utc>) -> bool {
        since.is_none_or(|since| {
            since.real.elapsed() >= Duration::from_secs(seconds)
                || now - since.at >= TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
        })
    }
}

/// What AWS Backup wants to do with a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Find the tables of a selection.
    Select,
    Backup,
    Copy,
    Restore,
    /// Delete a recovery point.
    Delete,
}

impl Work {
    /// The first right that is missed.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::Select => "tag:GetResources",
            Self::Backup => "dynamodb:ListTagsOfResource",
            Self::Copy => "backup:CopyFromBackupVault",
            Self::Restore => "dynamodb:RestoreTableFromAwsBackup",
            Self::Delete => "backup:DeleteRecoveryPoint",
        }
    }
}

/// Why AWS Backup cannot use a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There is none, or it is too new to be known.
    Missing,
    /// Its trust policy does not name AWS Backup.
    Untrusted,
    /// None of its policies allows the work.
    Powerless,
}

impl Trouble {
    /// The message of a job that fails for it.
    pub(crate) fn message(self, role: &str, work: Work, resource: &str) -> String {
        match self {
            Self::Missing | Self::Untrusted => cannot_assume(role),
            Self::Powerless => {
                let parts: Vec<&str> = role.splitn(6, ':').collect();
                let (partition, account) = (
                    parts.get(1).copied().unwrap_or("aws"),
                    parts.get(4).copied().unwrap_or_default(),
                );
                let (name, action) = (role.rsplit('/').next().unwrap_or(role), work.action());
                format!(
                    "User: arn:{partition}:sts::{account}:assumed-role/{name}/AWSBackup-{name} is not authorized to perform: {action} \
                     on resource: {resource} because no identity-based policy allows the {action} action"
                )
            }
        }
    }
}

/// What AWS Backup says of a role that it cannot assume.
pub(crate) fn cannot_assume(role: &str) -> String {
    format!("IAM Role {role} cannot be assumed by AWS Backup")
}

impl Role {
    /// Its ARN, without the prefix that names partition and account.
    pub(crate) fn full_path(&self) -> String {
        format!("{}{}", self.path.trim_start_matches('/'), self.name)
    }

    fn may(&self, work: Work, is_known: impl Fn(Option<Since>) -> bool) -> bool {
        self.policies
            .iter()
            .filter(|policy| is_known(policy.known))
            .any(|policy| allows(&policy.arn, work))
    }
}

/// Whether a managed policy allows a work. What a customer's own policies say is not simulated: they allow everything.
fn allows(policy: &str, work: Work) -> bool {
    let Some((_, path)) = policy.split_once(":iam::aws:policy/") else {
        return true;
    };
    match path {
        "AdministratorAccess" => true,
        FOR_BACKUP => work != Work::Restore,
        FOR_RESTORES => work == Work::Restore,
        _ => false,
    }
}

fn key(account: &str, name: &str) -> (String, String) {
    (account.to_owned(), name.to_lowercase())
}

impl State {
    /// A role that is written down here.
    pub(crate) fn get(&self, account: &str, name: &str) -> Option<&Role> {
        self.roles.get(&key(account, name))
    }

    /// The roles of an account that are written down here, by name.
    pub(crate) fn of_account<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a Role> {
        self.roles
            .iter()
            .filter(move |((of, _), _)| of == account)
            .map(|(_, role)| role)
    }

    /// True: the role does not exist, whatever else the world says.
    pub(crate) fn is_gone(&self, account: &str, name: &str) -> bool {
        self.gone.contains(&key(account, name))
    }

    /// Writes a role down.
    pub(crate) fn put(&mut self, account: &str, role: Role) {
        let key = key(account, &role.name);
        self.gone.remove(&key);
        self.roles.insert(key, role);
    }

    /// Deletes a role, written down or not.
    pub(crate) fn remove(&mut self, account: &str, name: &str) {
        let key = key(account, name);
        self.roles.remove(&key);
        self.gone.insert(key);
    }

    /// True if a role that is written down has this path and name. None: nothing is known of the name.
    pub(crate) fn exists(&self, account: &str, path: &str) -> Option<bool> {
        let key = key(account, path.rsplit('/').next().unwrap_or(path));
        match self.roles.get(&key) {
            Some(role) => Some(role.full_path() == path),
            None if self.gone.contains(&key) => Some(false),
            None => None,
        }
    }

    /// What keeps AWS Backup from using a role, as far as it is written down.
    pub(crate) fn trouble(&self, account: &str, path: &str, work: Work, now: DateTime<Utc>) -> Option<Trouble> {
        if self.roles.is_empty() && self.gone.is_empty() {
            return None;
        }
        let is_known = |since| Since::is_over(since, self.propagation_seconds, now);
        match self.exists(account, path)? {
            false => Some(Trouble::Missing),
            true => {
                let role = self.get(account, path.rsplit('/').next().unwrap_or(path))?;
                if !is_known(role.known) {
                    Some(Trouble::Missing)
                } else if !trusts(&role.trust, |principal| names(principal, "Service", &[BACKUP])) {
                    Some(Trouble::Untrusted)
                } else {
                    (!role.may(work, is_known)).then_some(Trouble::Powerless)
                }
            }
        }
    }
}

/// The trust policy of a role that AWS Backup assumes.
pub(crate) fn backup_trust() -> String {
    trust(&serde_json::json!({ "Service": BACKUP }))
}

/// A trust policy with one principal.
pub(crate) fn trust(principal: &Value) -> String {
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" }],
    })
    .to_string()
}

/// Whether a trust policy lets a principal of AWS assume the role. Conditions are not looked at.
pub(crate) fn lets_assume(trust: &str, caller: &[&str]) -> bool {
    trusts(trust, |principal| names(principal, "AWS", caller))
}

fn trusts(trust: &str, is_meant: impl Fn(&Value) -> bool) -> bool {
    let document: Value = serde_json::from_str(trust).unwrap_or_default();
    let says = |effect: &str| {
        statements(&document).iter().any(|statement| {
            statement["Effect"] == effect
                && texts(&statement["Action"])
                    .iter()
                    .any(|action| ["sts:assumerole", "sts:*", "*"].contains(&action.to_lowercase().as_str()))
                && is_meant(&statement["Principal"])
        })
    };
    says("Allow") && !says("Deny")
}

/// Whether a principal names one of these, under a kind such as `Service`.
fn names(principal: &Value, kind: &str, who: &[&str]) -> bool {
    principal == "*"
        || texts(&principal[kind])
            .iter()
            .any(|name| *name == "*" || who.contains(name))
}

/// The statements of a policy; one may stand without a list.
pub(crate) fn statements(document: &Value) -> Vec<&Value> {
    match &document["Statement"] {
        Value::Array(list) => list.iter().collect(),
        one @ Value::Object(_) => vec![one],
        _ => Vec::new(),
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
