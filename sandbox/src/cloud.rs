//! Everything that the simulated AWS knows: accounts, and the state of every service in every place.
//!
//! A place is one account in one Region. S3 and the organisation stand beside the places, as they do in AWS.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::answers::Answers;
use crate::backup::state as backup;
use crate::clock::Clock;
use crate::dynamodb::state as dynamodb;
use crate::ids::Ids;
use crate::kms::state as kms;
use crate::s3::state as s3;
use crate::securityhub::state as securityhub;

/// The role that the console of AWS Backup makes; every account of the sandbox has it.
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

    /// True if a role can be assumed: its account is of the world, and lists it or lists no roles at all.
    pub(crate) fn knows_role(&self, arn: &str) -> bool {
        let Some((account, path)) = role_of(arn) else {
            return false;
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        self.accounts.get(account).is_some_and(|account| match &account.roles {
            None => true,
            Some(roles) => path == DEFAULT_BACKUP_ROLE || roles.iter().any(|role| role == path || role == name),
        })
    }
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
