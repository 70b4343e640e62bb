//! Everything that the simulated AWS knows: accounts, and the state of every service in every place.
//!
//! A place is one account in one Region. S3 and the organisation stand beside the places, as they do in AWS.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::answers::Answers;
use crate::backup::state as backup;
use crate::call::Caller;
use crate::clock::Clock;
use crate::dynamodb::state as dynamodb;
use crate::faults;
use crate::iam::state::{self as iam, Attached, Role, Trouble, Work};
use crate::ids::{Ids, named_uuid};
use crate::kms::state as kms;
use crate::s3::state as s3;
use crate::securityhub::state as securityhub;

/// The role that the console of AWS Backup makes; every account of the sandbox has it unless the world says otherwise.
pub(crate) const DEFAULT_BACKUP_ROLE: &str = "service-role/AWSBackupDefaultServiceRole";

/// The whole simulated AWS.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    /// `aws`, `aws-cn`, ...
    pub(crate) partition: String,
    /// By account id.
    pub(crate) accounts: BTreeMap<String, Account>,
    /// The account of callers whose access key tells nothing: the first one of the world file.
    pub(crate) first_account: Option<String>,
    pub(crate) organization: Organization,
    /// By account id and Region.
    pub(crate) places: BTreeMap<(String, String), Place>,
    pub(crate) s3: s3::State,
    pub(crate) iam: iam::State,
    /// What AWS Backup has planned, in all places.
    pub(crate) backup: backup::Agenda,
    /// Temporary credentials by access key id.
    pub(crate) sessions: BTreeMap<String, Session>,
    pub(crate) settings: Settings,
}

impl Cloud {
    /// An AWS without accounts.
    pub(crate) fn new(clock: Clock, seed: u64) -> Self {
        Self {
            clock,
            ids: Ids::new(seed),
            partition: "aws".to_owned(),
            accounts: BTreeMap::new(),
            first_account: None,
            organization: Organization::default(),
            places: BTreeMap::new(),
            s3: s3::State::default(),
            iam: iam::State::default(),
            backup: backup::Agenda::default(),
            sessions: BTreeMap::new(),
            settings: Settings::default(),
        }
    }

    /// The state of an account in a Region, made on first use.
    pub(crate) fn place_mut(&mut self, account: &str, region: &str) -> &mut Place {
        let Self {
            places, ids, partition, ..
        } = self;
        places
            .entry((account.to_owned(), region.to_owned()))
            .or_insert_with(|| Place::new(ids.seed(), partition, account, region))
    }

    /// The virtual clock.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// True if an account has a Region enabled.
    pub(crate) fn has_region(&self, account: &str, region: &str) -> bool {
        self.accounts
            .get(account)
            .is_some_and(|account| account.regions.iter().any(|known| known == region))
    }

    /// True if Security Hub is on for an account in a Region.
    pub(crate) fn has_security_hub(&self, account: &str, region: &str) -> bool {
        let regions = self
            .accounts
            .get(account)
            .and_then(|account| account.security_hub.as_ref());
        regions.is_none_or(|regions| regions.iter().any(|known| known == region))
    }

    /// True if a role exists: IAM has it, or its account is of the world, and lists it or lists no roles at all.
    pub(crate) fn knows_role(&self, arn: &str) -> bool {
        let Some((id, path)) = role_of(arn) else {
            return false;
        };
        if let Some(exists) = self.iam.exists(id, path) {
            return exists;
        }
        self.accounts.get(id).is_some_and(|account| match &account.roles {
            None => true,
            Some(roles) => path == DEFAULT_BACKUP_ROLE || roles.iter().any(|role| is_listed(role, path)),
        })
    }

    /// True if a caller can have temporary credentials of a role. Roles that the world only lists let everybody assume them.
    pub(crate) fn can_assume(&self, arn: &str, caller: &Caller) -> bool {
        let trust = role_of(arn).and_then(|(account, path)| self.iam.get(account, name_of(path)));
        let root = format!("arn:{}:iam::{}:root", self.partition, caller.account);
        let who = [caller.account.as_str(), &root, &caller.arn, &caller.principal];
        self.knows_role(arn) && trust.is_none_or(|role| iam::lets_assume(&role.trust, &who))
    }

    /// May a principal do this? Users may do everything, and so may the sessions of roles of which the world does not say what they
    /// are allowed. To ask who one is needs no right.
    pub(crate) fn allows(&self, principal: &str, action: &str) -> bool {
        let role = role_of(principal).and_then(|(account, path)| self.iam.get(account, name_of(path)));
        let allowed = role.and_then(|role| role.allows.as_ref());
        allowed.is_none_or(|patterns| {
            action == "sts:GetCallerIdentity" || patterns.iter().any(|pattern| faults::matches(pattern, action))
        })
    }

    /// Is it the ARN of a user or a role of this world?
    pub(crate) fn knows_principal(&self, arn: &str) -> bool {
        let is_user = |account: &&str| arn == format!("arn:{}:iam::{account}:user/auditor", self.partition);
        self.accounts
            .keys()
            .map(String::as_str)
            .any(|account| is_user(&account))
            || role_of(arn).is_some_and(|(account, path)| {
                let role = self.iam_role(account, name_of(path));
                role.is_some_and(|role| role.full_path() == path)
            })
    }

    /// Why AWS Backup cannot use a role; none: it can.
    pub(crate) fn role_trouble(&self, arn: &str, work: Work) -> Option<Trouble> {
        if !self.knows_role(arn) {
            return Some(Trouble::Missing);
        }
        let (account, path) = role_of(arn)?;
        self.iam.trouble(account, path, work, self.now())
    }

    /// Why a role that is written down in IAM, or was deleted there, cannot do a work: the message of the job that fails. Other
    /// roles are not looked at here: a world's plans run with roles that it does not list.
    pub(crate) fn written_trouble(&self, arn: &str, work: Work, resource: &str, at: DateTime<Utc>) -> Option<String> {
        let (account, path) = role_of(arn)?;
        let trouble = self.iam.trouble(account, path, work, at)?;
        Some(trouble.message(arn, work, resource))
    }

    /// A role as IAM knows it: as it is written down there, else as the world has it without saying more.
    pub(crate) fn iam_role(&self, account: &str, name: &str) -> Option<Role> {
        if let Some(role) = self.iam.get(account, name) {
            return Some(role.clone());
        }
        if self.iam.is_gone(account, name) {
            return None;
        }
        let known = self.accounts.get(account)?;
        let is_default = name.eq_ignore_ascii_case(name_of(DEFAULT_BACKUP_ROLE));
        let listed = known.roles.iter().flatten().map(String::as_str);
        let path = listed
            .chain(is_default.then_some(DEFAULT_BACKUP_ROLE))
            .find(|role| name_of(role).eq_ignore_ascii_case(name))
            .map(str::to_owned)
            .or_else(|| self.used_role(account, name))?;
        let arn = format!("arn:{}:iam::{account}:role/{path}", self.partition);
        let gone = iam::cannot_assume(&arn);
        let is_broken = self
            .places
            .iter()
            .filter(|((of, _), _)| of == account)
            .any(|(_, place)| {
                place
                    .backup
                    .broken_roles
                    .get(&arn)
                    .is_some_and(|message| **message == *gone)
            });
        (!is_broken).then(|| self.unwritten(account, &path, is_default))
    }

    /// The path of a role that a selection of the account names, where the world says that every role exists.
    fn used_role(&self, account: &str, name: &str) -> Option<String> {
        self.accounts.get(account).filter(|account| account.roles.is_none())?;
        let places = self.places.iter().filter(|((of, _), _)| of == account);
        let mut selections =
            places.flat_map(|(_, place)| place.backup.plans.values().flat_map(|plan| plan.selections.values()));
        selections.find_map(|selection| {
            let (of, path) = role_of(&selection.role)?;
            (of == account && name_of(path).eq_ignore_ascii_case(name)).then(|| path.to_owned())
        })
    }

    /// A role that exists without being written down: AWS Backup may do everything with it, and all but the default one let
    /// every caller assume them.
    fn unwritten(&self, account: &str, path: &str, is_default: bool) -> Role {
        let name = name_of(path);
        let trust = if is_default {
            iam::backup_trust()
        } else {
            iam::trust(&serde_json::json!({ "Service": "backup.amazonaws.com", "AWS": "*" }))
        };
        let policy = |path: &str| Attached {
            arn: format!("arn:{}:iam::aws:policy/{path}", self.partition),
            known: None,
        };
        let id: String = named_uuid(self.ids.seed(), &["role", account, name])
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(17)
            .collect();
        Role {
            name: name.to_owned(),
            path: format!("/{}", &path[..path.len() - name.len()]),
            id: format!("AROA{}", id.to_uppercase()),
            created: DateTime::from_timestamp(1_551_776_400, 0).unwrap_or_default(),
            trust,
            description: None,
            max_session_seconds: 3600,
            tags: BTreeMap::new(),
            policies: vec![policy(iam::FOR_BACKUP), policy(iam::FOR_RESTORES)],
            allows: None,
            known: None,
        }
    }
}

/// The name at the end of a role's path.
fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a listed role, which may be named with its path or without, is the one of this path.
fn is_listed(role: &str, path: &str) -> bool {
    role == path || role == name_of(path)
}

/// Account and path with name of a role's ARN.
pub(crate) fn role_of(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (prefix, _partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (_region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let path = resource.strip_prefix("role/").filter(|path| !path.is_empty())?;
    (prefix == "arn" && service == "iam").then_some((account, path))
}

/// An account of the world.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) access_keys: Vec<String>,
    /// Enabled Regions, in the order of the world file.
    pub(crate) regions: Vec<String>,
    /// None: every role exists.
    pub(crate) roles: Option<Vec<String>>,
    /// Regions in which Security Hub is on. None: all.
    pub(crate) security_hub: Option<Vec<String>>,
}

/// The organisation that all accounts belong to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Organization {
    /// None: there is no organisation.
    pub(crate) management_account: Option<String>,
    /// `isCrossAccountBackupEnabled` of AWS Backup's global settings.
    pub(crate) cross_account_backup: bool,
    /// When those settings were changed last.
    pub(crate) updated: Option<DateTime<Utc>>,
}

/// Temporary credentials of an assumed role.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) account: String,
    /// Without its path, as in assumed-role ARNs.
    pub(crate) role: String,
    /// The ARN of the role, with its path.
    pub(crate) role_arn: String,
    pub(crate) name: String,
    /// In real time: SDKs compare it with their own clocks.
    pub(crate) expires_at: DateTime<Utc>,
}

/// One account in one Region.
#[derive(Debug, Default)]
pub(crate) struct Place {
    pub(crate) dynamodb: dynamodb::State,
    pub(crate) backup: backup::State,
    pub(crate) kms: kms::State,
    pub(crate) securityhub: securityhub::State,
}

impl Place {
    fn new(seed: u64, partition: &str, account: &str, region: &str) -> Self {
        Self {
            kms: kms::State::new(seed, partition, account, region),
            ..Self::default()
        }
    }
}

/// What the world file says of the simulation itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) jobs: JobTimes,
    pub(crate) answers: Answers,
}

/// How long jobs take on the virtual clock.
#[derive(Debug, Clone)]
pub(crate) struct JobTimes {
    /// On-demand backups; scheduled ones take as long as the table's size needs.
    pub(crate) backup_seconds: i64,
    pub(crate) restore_seconds: i64,
    pub(crate) copy_seconds: i64,
    /// An on-demand backup waits in the state CREATED for so long.
    pub(crate) created_seconds: i64,
    /// A copy waits in the state CREATED for so long.
    pub(crate) copy_created_seconds: i64,
    /// A recovery point is DELETING for so long before it is gone.
    pub(crate) delete_seconds: i64,
    /// Each run of a rule starts its jobs at moments of its own.
    pub(crate) random_starts: bool,
}

impl Default for JobTimes {
    fn default() -> Self {
        Self {
            backup_seconds: 3,
            restore_seconds: 5,
            copy_seconds: 5,
            created_seconds: 0,
            copy_created_seconds: 0,
            delete_seconds: 0,
            random_starts: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_known_by_name_or_path() {
        let mut cloud = Cloud::new(Clock::new(DateTime::UNIX_EPOCH, 0.0), 1);
        let account = |roles: Option<&[&str]>| Account {
            roles: roles.map(|roles| roles.iter().map(|role| (*role).to_owned()).collect()),
            ..Account::default()
        };
        cloud.accounts.insert("111122223333".to_owned(), account(None));
        cloud
            .accounts
            .insert("444455556666".to_owned(), account(Some(&["Audit", "team/Deep"])));
        for (arn, known) in [
            ("arn:aws:iam::111122223333:role/Any", true),
            ("arn:aws:iam::444455556666:role/Audit", true),
            ("arn:aws:iam::444455556666:role/path/Audit", true),
            ("arn:aws:iam::444455556666:role/team/Deep", true),
            (
                "arn:aws:iam::444455556666:role/service-role/AWSBackupDefaultServiceRole",
                true,
            ),
            ("arn:aws:iam::444455556666:role/Other", false),
            ("arn:aws:iam::999999999999:role/Audit", false),
            ("arn:aws:iam::111122223333:user/Any", false),
            ("Audit", false),
        ] {
            assert_eq!(cloud.knows_role(arn), known, "{arn}");
        }
    }
}
