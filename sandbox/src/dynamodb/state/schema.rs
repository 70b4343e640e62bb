//! What a table is made of: its key, its attributes, its indexes.

use serde_json::{Map, Value, json};

/// What a table is made of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schema {
    /// `AttributeDefinitions`, as given.
    pub(crate) attributes: Value,
    /// `KeySchema`, as given.
    pub(crate) key_schema: Value,
    pub(crate) keys: Keys,
    /// `GlobalSecondaryIndexes`, as given.
    pub(crate) global_indexes: Vec<Map<String, Value>>,
    /// `LocalSecondaryIndexes`, as given.
    pub(crate) local_indexes: Vec<Map<String, Value>>,
}

impl Schema {
    /// A string hash key and nothing else.
    #[cfg(test)]
    pub(crate) fn simple(hash: &str) -> Self {
        Self::keyed(
            KeyAttribute {
                name: hash.to_owned(),
                kind: KeyKind::S,
            },
            None,
        )
    }

    /// A key and nothing else.
    pub(crate) fn keyed(hash: KeyAttribute, range: Option<KeyAttribute>) -> Self {
        let keys = Keys { hash, range };
        let definition = |key: &KeyAttribute| json!({ "AttributeName": key.name, "AttributeType": key.kind.letter() });
        let element = |key: &KeyAttribute, kind| json!({ "AttributeName": key.name, "KeyType": kind });
        let attributes = keys.attributes().map(definition).collect();
        let mut key_schema = vec![element(&keys.hash, "HASH")];
        key_schema.extend(keys.range.as_ref().map(|range| element(range, "RANGE")));
        Self {
            attributes,
            key_schema: key_schema.into(),
            keys,
            global_indexes: Vec::new(),
            local_indexes: Vec::new(),
        }
    }
}

/// The key of a table or of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) hash: KeyAttribute,
    pub(crate) range: Option<KeyAttribute>,
}

impl Keys {
    /// Its one or two attributes.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.hash).chain(&self.range)
    }
}

/// One attribute of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyAttribute {
    pub(crate) name: String,
    pub(crate) kind: KeyKind,
}

/// Types that keys may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    B,
    N,
    S,
}

impl KeyKind {
    /// As in `AttributeType` and in DynamoDB JSON.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::B => "B",
            Self::N => "N",
            Self::S => "S",
        }
    }

    /// Reads `AttributeType`.
    pub(crate) fn read(letter: &str) -> Option<Self> {
        match letter {
            "B" => Some(Self::B),
            "N" => Some(Self::N),
            "S" => Some(Self::S),
            _ => None,
        }
    }
}
