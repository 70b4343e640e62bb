//! What KMS keeps in one account and Region: keys, their aliases, and what became of them.
//!
//! Every place has the AWS-managed keys of DynamoDB and AWS Backup from the start; AWS makes them on first use, which no caller
//! can tell.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::ids::{Ids, named_uuid};

/// Keys of one account and Region.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// By key id.
    pub(crate) keys: BTreeMap<String, Key>,
    /// `alias/...` to key id.
    pub(crate) aliases: BTreeMap<String, String>,
    /// What the ARNs of its keys begin with.
    pub(crate) prefix: String,
}

/// One key.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) description: String,
    pub(crate) manager: Manager,
    pub(crate) spec: Spec,
    /// What became of it, the latest last; empty: enabled from its creation on.
    changes: Vec<(DateTime<Utc>, KeyState)>,
    pub(crate) deletion_at: Option<DateTime<Utc>>,
    pub(crate) multi_region: bool,
}

/// `KeyManager`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manager {
    Aws,
    Customer,
}

/// `KeyState`, as far as the sandbox has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyState {
    Enabled,
    Disabled,
    PendingDeletion,
}

impl KeyState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion => "PendingDeletion",
        }
    }
}

impl Key {
    /// Its state at an instant: the simulated history asks for the past.
    pub(crate) fn state(&self, at: DateTime<Utc>) -> KeyState {
        self.changes
            .iter()
            .rev()
            .find(|(from, _)| *from <= at)
            .map_or(KeyState::Enabled, |(_, state)| *state)
    }

    /// Since when it cannot be used; none if it can.
    pub(crate) fn unusable_since(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (from, state) = self.changes.iter().rev().find(|(from, _)| *from <= at)?;
        (*state != KeyState::Enabled).then_some(*from)
    }

    /// Changes its state from an instant on.
    pub(crate) fn change(&mut self, at: DateTime<Utc>, state: KeyState) {
        self.changes.push((at, state));
        self.changes.sort_by_key(|(from, _)| *from);
    }
}

/// `KeySpec`, as far as the sandbox has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Spec {
    /// Encrypts; every key of a place that has no other spec.
    #[default]
    Symmetric,
    /// Signs.
    P256,
}

impl Spec {
    pub(crate) const ALL: [(&'static str, Self); 2] =
        [("SYMMETRIC_DEFAULT", Self::Symmetric), ("ECC_NIST_P256", Self::P256)];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Symmetric => "SYMMETRIC_DEFAULT",
            Self::P256 => "ECC_NIST_P256",
        }
    }

    pub(crate) fn usage(self) -> &'static str {
        match self {
            Self::Symmetric => "ENCRYPT_DECRYPT",
            Self::P256 => "SIGN_VERIFY",
        }
    }

    /// None: the key does not sign.
    pub(crate) fn signing_algorithm(self) -> Option<&'static str> {
        match self {
            Self::Symmetric => None,
            Self::P256 => Some("ECDSA_SHA_256"),
        }
    }
}

/// Alias, description and service of the AWS-managed keys.
const MANAGED: [(&str, &str); 3] = [
    (
        "backup",
        "Default key that protects my Backup data when no other key is defined",
    ),
    (
        "dynamodb",
        "Default key that protects my DynamoDB data when no other key is defined",
    ),
    (
        "s3",
        "Default key that protects my S3 objects when no other key is defined",
    ),
];

impl State {
    /// The keys of a new place.
    pub(crate) fn new(seed: u64, partition: &str, account: &str, region: &str) -> Self {
        let prefix = format!("arn:{partition}:kms:{region}:{account}:");
        let mut state = Self {
            prefix,
            ..Self::default()
        };
        for (service, description) in MANAGED {
            let id = named_uuid(seed, &["kms", account, region, service]);
            let created_at = DateTime::from_timestamp(1_517_327_814, 705_000_000).unwrap_or_default();
            let key = state.make(id.clone(), Manager::Aws, description, created_at);
            state.aliases.insert(format!("alias/aws/{service}"), id.clone());
            state.keys.insert(id, key);
        }
        state
    }

    /// A key that is not kept yet.
    pub(crate) fn make(&self, id: String, manager: Manager, description: &str, created_at: DateTime<Utc>) -> Key {
        Key {
            arn: format!("{}key/{id}", self.prefix),
            id,
            created_at,
            description: description.to_owned(),
            manager,
            spec: Spec::Symmetric,
            changes: Vec::new(),
            deletion_at: None,
            multi_region: false,
        }
    }

    /// Makes a key; gives its ARN.
    pub(crate) fn create(&mut self, manager: Manager, description: &str, at: DateTime<Utc>, ids: &mut Ids) -> String {
        let key = self.make(ids.uuid(), manager, description, at);
        let arn = key.arn.clone();
        self.keys.insert(key.id.clone(), key);
        arn
    }

    /// Names a key. The name goes without `alias/`.
    pub(crate) fn name(&mut self, name: &str, arn: &str) {
        if let Some((_, id)) = arn.split_once(":key/") {
            self.aliases.insert(format!("alias/{name}"), id.to_owned());
        }
    }

    /// The ARN of the AWS-managed key of a service: `backup` or `dynamodb`.
    pub(crate) fn managed_key(&self, service: &str) -> String {
        self.aliases
            .get(&format!("alias/aws/{service}"))
            .map(|id| format!("{}key/{id}", self.prefix))
            .unwrap_or_default()
    }

    /// The key that an id, ARN, alias or alias ARN names.
    pub(crate) fn find(&self, name: &str) -> Option<&Key> {
        let name = match name.strip_prefix(&self.prefix) {
            Some(local) => local.strip_prefix("key/").unwrap_or(local),
            None if name.starts_with("arn:") => return None,
            None => name,
        };
        self.keys.get(self.aliases.get(name).map_or(name, String::as_str))
    }

    /// The same, to be changed.
    pub(crate) fn find_mut(&mut self, name: &str) -> Option<&mut Key> {
        let id = self.find(name)?.id.clone();
        self.keys.get_mut(&id)
    }

    /// Forgets keys whose deletion was due: KMS then knows neither them nor their aliases, and what they encrypted is lost.
    pub(crate) fn settle(&mut self, now: DateTime<Utc>) {
        let is_gone = |key: &Key| {
            key.state(now) == KeyState::PendingDeletion && key.deletion_at.is_some_and(|deletion| deletion <= now)
        };
        if self.keys.values().any(is_gone) {
            self.keys.retain(|_, key| !is_gone(key));
            let Self { keys, aliases, .. } = self;
            aliases.retain(|_, id| keys.contains_key(id));
        }
    }

    /// True if a key can be used at an instant. A key of another account or Region is taken to be usable: its policy is unknown
    /// here.
    pub(crate) fn is_usable(&self, arn: &str, at: DateTime<Utc>) -> bool {
        match self.find(arn) {
            Some(key) => key.state(at) == KeyState::Enabled,
            None => !arn.starts_with(&self.prefix),
        }
    }

    /// True for the keys that AWS made for its services.
    pub(crate) fn is_aws_managed(&self, arn: &str) -> bool {
        self.find(arn).is_some_and(|key| key.manager == Manager::Aws)
    }
}
