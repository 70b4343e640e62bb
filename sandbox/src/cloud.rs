//! Everything that the simulated AWS knows: accounts, and the state of every service in every place.
//!
//! A place is one account in one Region. S3 and the organisation stand beside the places, as they do in AWS.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::{backup, dynamodb, kms, s3, securityhub};

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
            .or_insert_with(|| Place::new(ids.seed, partition, account, region))
    }

    /// Lets everything happen that is due; gives the time.
    pub(crate) fn settle(&mut self) -> DateTime<Utc> {
        let now = self.now();
        for place in self.places.values_mut() {
            place.dynamodb.settle(now);
        }
        backup::engine::advance(self, now);
        now
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
}

/// How long jobs take on the virtual clock.
#[derive(Debug, Clone)]
pub(crate) struct JobTimes {
    /// On-demand backups; scheduled ones take as long as the table's size needs.
    pub(crate) backup_seconds: i64,
    pub(crate) restore_seconds: i64,
    pub(crate) copy_seconds: i64,
}

impl Default for JobTimes {
    fn default() -> Self {
        Self {
            backup_seconds: 3,
            restore_seconds: 5,
            copy_seconds: 5,
        }
    }
}

/// Source of ids that look random and are the same in every run.
#[derive(Debug, Clone)]
pub(crate) struct Ids {
    seed: u64,
    count: u64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        mix(mix(self.seed) ^ self.count)
    }

    /// A uuid of version 4.
    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        uuid_text(u128::from(high) << 64 | u128::from(low))
    }

    /// `n` hexadecimal digits.
    pub(crate) fn hex(&mut self, n: usize) -> String {
        let mut out = String::with_capacity(n + 16);
        while out.len() < n {
            out.push_str(&format!("{:016x}", self.next()));
        }
        out.truncate(n);
        out
    }
}

/// The uuid of version 4 that belongs to some parts, always the same: for what exists without being created.
pub(crate) fn named_uuid(seed: u64, parts: &[&str]) -> String {
    let (mut high, mut low) = (mix(seed), mix(!seed));
    for byte in parts.iter().flat_map(|part| part.bytes().chain([0])) {
        high = mix(high ^ u64::from(byte));
        low = mix(low ^ high);
    }
    uuid_text(u128::from(high) << 64 | u128::from(low))
}

fn uuid_text(bits: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// The mixing step of splitmix64: neighbouring numbers end far apart.
pub(crate) fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_repeat_for_the_same_seed_and_only_for_it() {
        let (mut a, mut b, mut c) = (Ids::new(1), Ids::new(1), Ids::new(2));
        let first = a.uuid();
        assert_eq!(first, b.uuid());
        assert_ne!(first, c.uuid());
        assert_ne!(first, a.uuid());
        assert_eq!(first.len(), 36);
        assert_eq!(first.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&first.as_bytes()[19]));
        assert_eq!(a.hex(5).len(), 5);
        assert_eq!(a.hex(40).len(), 40);
        assert_eq!(named_uuid(1, &["a", "b"]), named_uuid(1, &["a", "b"]));
        assert_ne!(named_uuid(1, &["a", "b"]), named_uuid(1, &["ab"]));
    }

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
