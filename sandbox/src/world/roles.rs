//! `[[role]]`, `default-role` of an account, and `[iam]`: what IAM knows of roles from the start of history.

use std::collections::BTreeMap;

use backproof_toml_reader::{Section, did_you_mean};
use serde_json::json;

use super::values::{choice, count, texts};
use crate::cloud::{Account, Cloud, DEFAULT_BACKUP_ROLE};
use crate::iam::state::{Attached, FOR_BACKUP, FOR_RESTORES, MANAGED, Role, trust};
use crate::ids::named_uuid;

/// Roles as the world file wants them.
#[derive(Debug, Clone, Default)]
pub(super) struct RolesSpec {
    roles: Vec<RoleSpec>,
    /// Accounts without AWS Backup's default role.
    without_default: Vec<String>,
    propagation_seconds: u64,
}

#[derive(Debug, Clone)]
struct RoleSpec {
    account: String,
    /// With its leading path, if it has one.
    path: String,
    /// Services and principals that may assume it.
    trusts: Vec<String>,
    policies: Vec<String>,
    tags: BTreeMap<String, String>,
    allows: Option<Vec<String>>,
}

/// Reads `default-role` of an account. False: there is none.
pub(super) fn read_default(section: &Section<'_>) -> bool {
    choice(section, "default-role", &[("present", true), ("absent", false)]).unwrap_or(true)
}

/// Reads all roles.
pub(super) fn read(root: &Section<'_>, accounts: &[Account], without_default: Vec<String>) -> RolesSpec {
    let mut spec = RolesSpec {
        without_default,
        ..RolesSpec::default()
    };
    if let Some(section) = root.section("iam") {
        spec.propagation_seconds = count(&section, "propagation-seconds").unwrap_or(0);
        section.finish();
    }
    for section in root.sections("role") {
        let role = read_one(&section, accounts);
        section.finish();
        let Some(role) = role else {
            continue;
        };
        if spec
            .roles
            .iter()
            .any(|other| other.account == role.account && other.path == role.path)
        {
            section.note_at(
                "name",
                format!("role `{}` is there twice in {}", role.path, role.account),
                "",
            );
        }
        spec.roles.push(role);
    }
    spec
}

fn read_one(section: &Section<'_>, accounts: &[Account]) -> Option<RoleSpec> {
    let (account, name) = (section.needed("account"), section.needed("name"));
    let trusts = texts(section, "trusts").unwrap_or_else(|| vec!["backup.amazonaws.com".to_owned()]);
    let policies = texts(section, "policies").unwrap_or_else(|| vec![FOR_BACKUP.to_owned(), FOR_RESTORES.to_owned()]);
    for policy in &policies {
        let known = |path: &str| path == policy || path.rsplit('/').next() == Some(policy);
        if !policy.starts_with("arn:") && !MANAGED.iter().any(|path| known(path)) {
            let hint = did_you_mean(policy, MANAGED.iter().filter_map(|path| path.rsplit('/').next()));
            section.note_at(
                "policies",
                format!("policy `{policy}` is not a managed policy of AWS that the sandbox has"),
                hint,
            );
        }
    }
    let tags = section.string_map("tags").unwrap_or_default();
    let allows = texts(section, "allows");
    let account = account?;
    if !accounts.iter().any(|known| known.id == account) {
        let hint = did_you_mean(&account, accounts.iter().map(|account| account.id.as_str()));
        section.note_at("account", format!("account `{account}` is not in the world"), hint);
    }
    Some(RoleSpec {
        account,
        path: name?.trim_start_matches('/').to_owned(),
        trusts,
        policies,
        tags,
        allows,
    })
}

/// Puts them in their place.
pub(super) fn apply(spec: &RolesSpec, cloud: &mut Cloud) {
    cloud.iam.propagation_seconds = spec.propagation_seconds;
    let default = DEFAULT_BACKUP_ROLE.rsplit('/').next().unwrap_or(DEFAULT_BACKUP_ROLE);
    for account in &spec.without_default {
        cloud.iam.remove(account, default);
    }
    for role in &spec.roles {
        let made = role.make(cloud);
        cloud.iam.put(&role.account, made);
    }
}

impl RoleSpec {
    fn make(&self, cloud: &Cloud) -> Role {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        let id = named_uuid(cloud.ids.seed(), &["role", &self.account, name]);
        let id: String = id.chars().filter(char::is_ascii_alphanumeric).take(17).collect();
        let fill = |text: &str| {
            text.replace("{partition}", &cloud.partition)
                .replace("{account}", &self.account)
        };
        let (services, principals): (Vec<String>, Vec<String>) = self
            .trusts
            .iter()
            .map(|who| fill(who))
            .partition(|who| who.ends_with(".amazonaws.com") && !who.starts_with("arn:"));
        let mut principal = serde_json::Map::new();
        for (kind, who) in [("Service", services), ("AWS", principals)] {
            if !who.is_empty() {
                principal.insert(kind.to_owned(), json!(who));
            }
        }
        let policies = self.policies.iter().map(|policy| {
            let managed = MANAGED
                .iter()
                .find(|path| *path == policy || path.rsplit('/').next() == Some(policy));
            Attached {
                arn: managed.map_or_else(
                    || fill(policy),
                    |path| format!("arn:{}:iam::aws:policy/{path}", cloud.partition),
                ),
                known: None,
            }
        });
        Role {
            name: name.to_owned(),
            path: format!("/{}", &self.path[..self.path.len() - name.len()]),
            id: format!("AROA{}", id.to_uppercase()),
            created: chrono::DateTime::from_timestamp(1_551_776_400, 0).unwrap_or_default(),
            trust: trust(&principal.into()),
            description: None,
            max_session_seconds: 3600,
            tags: self.tags.clone(),
            policies: policies.collect(),
            allows: self.allows.clone(),
            known: None,
        }
    }
}
