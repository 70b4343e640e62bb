//! Who owns a KMS key, and does it work.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::rows::ArnHasher;
use crate::dictionary::Text;
use crate::inventory::Inventory;
use crate::inventory::schema::{Key, NativeBackup, Table};
use crate::problem::Problem;

/// Every key that was described.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    facts: Vec<KeyFacts>,
    by_arn: HashMap<String, u32, BuildHasherDefault<ArnHasher>>,
    /// Those of native backups that were described, each once.
    of_backups: Vec<KeyFacts>,
    by_backup: HashMap<String, u32, BuildHasherDefault<ArnHasher>>,
}

/// Owners from weak to strong; the position less one is the rank.
const OWNERS: [&str; 4] = ["unencrypted", "aws-owned", "aws-managed", "customer-managed"];

/// The word of a rank from -1 to 2.
pub(crate) fn owner_of_rank(rank: i64) -> &'static str {
    usize::try_from(rank + 1)
        .ok()
        .and_then(|index| OWNERS.get(index).copied())
        .unwrap_or("unencrypted")
}

/// The rank of a word.
pub(crate) fn rank_of_owner(owner: &str) -> Option<i64> {
    OWNERS
        .iter()
        .position(|word| *word == owner)
        .and_then(|index| i64::try_from(index).ok())
        .map(|index| index - 1)
}

/// What is known of a key that encrypts something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct KeyFacts {
    pub(crate) arn: Option<Text>,
    pub(crate) owner: Option<&'static str>,
    pub(crate) state: Option<Text>,
}

impl KeyFacts {
    /// A key that AWS owns: always usable, never described.
    pub(crate) fn aws_owned() -> Self {
        Self {
            arn: None,
            owner: Some("aws-owned"),
            state: Some("none".into()),
        }
    }

    /// No key at all.
    pub(crate) fn unencrypted() -> Self {
        Self {
            arn: None,
            owner: Some("unencrypted"),
            state: Some("none".into()),
        }
    }

    /// Nothing is known.
    pub(crate) fn unknown() -> Self {
        Self {
            arn: None,
            owner: None,
            state: None,
        }
    }

    /// Does it work? A key that is pending deletion or disabled makes backups unrestorable; one whose primary Region changes
    /// (`Updating`) goes on working. `None`: it could not be described, or AWS added the word since.
    pub(crate) fn is_usable(&self) -> Option<bool> {
        match self.state.as_deref()? {
            "none" | "Enabled" | "Updating" => Some(true),
            "Creating"
            | "Disabled"
            | "PendingDeletion"
            | "PendingImport"
            | "PendingReplicaDeletion"
            | "Unavailable" => Some(false),
            _ => None,
        }
    }
}

/// A key and the rank of its owner.
#[derive(Debug, Clone)]
pub(crate) struct RankedKey {
    pub(crate) facts: KeyFacts,
    pub(crate) rank: Option<i64>,
    pub(crate) is_usable: Option<bool>,
}

impl From<KeyFacts> for RankedKey {
    fn from(facts: KeyFacts) -> Self {
        Self {
            rank: facts.owner.and_then(rank_of_owner),
            is_usable: facts.is_usable(),
            facts,
        }
    }
}

impl Keys {
    pub fn read(inventory: &Inventory) -> Result<Self, Problem> {
        let mut keys = Self::default();
        for key in inventory.read::<Key>()? {
            let owner = match key.key_manager.as_deref() {
                Some("AWS") => Some("aws-managed"),
                Some("CUSTOMER") => Some("customer-managed"),
                _ => None,
            };
            keys.add(KeyFacts {
                arn: Some(key.key_arn.into()),
                owner,
                state: key.key_state.map(Into::into),
            });
        }
        let mut known = HashMap::new();
        for backup in inventory.read::<NativeBackup>()? {
            let facts = match (backup.kms_key_arn, backup.sse_type) {
                (Some(arn), _) => keys.of_arn(&arn),
                (None, None) => KeyFacts::aws_owned(),
                (None, Some(_)) => KeyFacts::unknown(),
            };
            let number = *known.entry(facts).or_insert_with_key(|facts| {
                keys.of_backups.push(facts.clone());
                u32::try_from(keys.of_backups.len() - 1).unwrap_or(u32::MAX)
            });
            keys.by_backup.insert(backup.backup_arn, number);
        }
        Ok(keys)
    }

    /// What was said of the key of a native backup, by number: equal ones are of one key. `None`: it was not described.
    pub(crate) fn number_of_backup(&self, arn: &str) -> Option<u32> {
        self.by_backup.get(arn).copied()
    }

    /// The key of a native backup, as far as it was described.
    pub(crate) fn of_backup(&self, arn: &str) -> KeyFacts {
        let key = self
            .number_of_backup(arn)
            .map(|number| &self.of_backups[number as usize]);
        key.cloned().unwrap_or_else(KeyFacts::unknown)
    }

    fn add(&mut self, facts: KeyFacts) {
        if let (Some(arn), Ok(number)) = (&facts.arn, u32::try_from(self.facts.len())) {
            self.by_arn.insert(arn.to_string(), number);
            self.facts.push(facts);
        }
    }

    /// The key behind an ARN.
    pub(crate) fn of_arn(&self, arn: &str) -> KeyFacts {
        self.described(arn).cloned().unwrap_or_else(|| KeyFacts {
            arn: Some(arn.into()),
            owner: None,
            state: None,
        })
    }

    /// The number of a key that was described.
    pub(crate) fn number(&self, arn: &str) -> Option<u32> {
        self.by_arn.get(arn).copied()
    }

    /// Every key that was described.
    pub(crate) fn all(&self) -> impl Iterator<Item = &KeyFacts> {
        self.facts.iter()
    }

    /// The key behind an ARN, if it was described.
    pub(crate) fn described(&self, arn: &str) -> Option<&KeyFacts> {
        self.by_arn.get(arn).map(|number| &self.facts[*number as usize])
    }

    /// The key of a table: DescribeTable leaves SSEDescription out when AWS owns it.
    pub(crate) fn of_table(&self, table: &Table) -> KeyFacts {
        match (
            table.description.as_str(),
            &table.sse_key_arn,
            table.sse_type.as_deref(),
        ) {
            ("described", Some(arn), _) => self.of_arn(arn),
            ("described", None, None) => KeyFacts::aws_owned(),
            _ => KeyFacts::unknown(),
        }
    }
}
