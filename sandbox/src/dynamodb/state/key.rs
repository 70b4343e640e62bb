//! Keys of items as bytes: equal keys give equal bytes, and the order of the bytes is the order of a query.
//!
//! A key is a hash of its partition (4 bytes, so that a scan visits partitions in no visible order and segments are ranges),
//! the length of the hash key (2 bytes), the hash key, and the range key. Numbers compare by value, whatever their spelling.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::item::typed;
use super::number::Number;
use super::schema::{KeyAttribute, KeyKind, Keys};
use crate::call::ApiError;
use crate::dynamodb::errors;

/// The bytes of the key in an item that is to be stored.
pub(crate) fn of_item(keys: &Keys, item: &Map<String, Value>) -> Result<Vec<u8>, ApiError> {
    let value = |attribute: &KeyAttribute| {
        let value = item
            .get(&attribute.name)
            .ok_or_else(|| errors::invalid_value(format!("Missing the key {} in the item", attribute.name)))?;
        content(attribute, value)
    };
    let mut bytes = partition(&value(&keys.hash)?);
    if let Some(range) = &keys.range {
        bytes.extend(value(range)?);
    }
    Ok(bytes)
}

/// The bytes of a key that is given by itself: exactly the key's attributes.
pub(crate) fn of_key(keys: &Keys, given: &Map<String, Value>) -> Result<Vec<u8>, ApiError> {
    let mismatch = || errors::invalid("The provided key element does not match the schema");
    let fits = given.len() == keys.attributes().count()
        && keys.attributes().all(|attribute| {
            given
                .get(&attribute.name)
                .is_some_and(|value| value.get(attribute.kind.letter()).is_some())
        });
    if fits { of_item(keys, given) } else { Err(mismatch()) }
}

/// The key attributes of an item, as `LastEvaluatedKey` shows them.
pub(crate) fn members(keys: &Keys, item: &Map<String, Value>) -> Map<String, Value> {
    keys.attributes()
        .filter_map(|attribute| Some((attribute.name.clone(), item.get(&attribute.name)?.clone())))
        .collect()
}

/// The bytes that all keys with one hash key begin with.
pub(crate) fn partition(hash: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(hash.len() + 24);
    bytes.extend(scatter(hash).to_be_bytes());
    bytes.extend((hash.len() as u16).to_be_bytes());
    bytes.extend(hash);
    bytes
}

/// The bytes of one key attribute's value; their order is the value's.
pub(crate) fn content(attribute: &KeyAttribute, value: &Value) -> Result<Vec<u8>, ApiError> {
    let (kind, content) = typed(value)?;
    let expected = attribute.kind.letter();
    let text = content.as_str().filter(|_| kind == expected).ok_or_else(|| {
        errors::invalid_value(format!(
            "Type mismatch for key {} expected: {expected} actual: {kind}",
            attribute.name
        ))
    })?;
    let bytes = match attribute.kind {
        KeyKind::S => text.as_bytes().to_vec(),
        KeyKind::N => Number::read(text)?.to_bytes(),
        KeyKind::B => STANDARD
            .decode(text)
            .map_err(|_| errors::invalid_value("a key is not base64"))?,
    };
    if bytes.is_empty() {
        return Err(errors::invalid(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {} value. Key: {}",
            if attribute.kind == KeyKind::B {
                "binary"
            } else {
                "string"
            },
            attribute.name
        )));
    }
    if bytes.len() > 2048 {
        return Err(errors::invalid_value(format!(
            "Size of key {} has exceeded the maximum size limit of 2048 bytes",
            attribute.name
        )));
    }
    Ok(bytes)
}

/// 32 bits that look random: FNV-1a.
fn scatter(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_must_fit_the_schema() {
        let keys = Keys {
            hash: KeyAttribute {
                name: "pk".to_owned(),
                kind: KeyKind::S,
            },
            range: Some(KeyAttribute {
                name: "sk".to_owned(),
                kind: KeyKind::N,
            }),
        };
        let of = |value: Value| of_key(&keys, value.as_object().unwrap()).map_err(|error| error.message);
        assert_eq!(
            of(json!({ "pk": { "S": "a" }, "sk": { "N": "1" } })),
            of(json!({ "sk": { "N": "1.0" }, "pk": { "S": "a" } }))
        );
        for wrong in [
            json!({ "pk": { "S": "a" } }),
            json!({ "pk": { "S": "a" }, "sk": { "S": "1" } }),
            json!({ "pk": { "S": "a" }, "sk": { "N": "1" }, "more": { "S": "x" } }),
        ] {
            assert_eq!(
                of(wrong).unwrap_err(),
                "The provided key element does not match the schema"
            );
        }
        let empty = of(json!({ "pk": { "S": "" }, "sk": { "N": "1" } })).unwrap_err();
        assert!(empty.contains("empty string value. Key: pk"), "{empty}");
        let item = json!({ "pk": { "N": "1" }, "sk": { "N": "1" } });
        let mismatch = of_item(&keys, item.as_object().unwrap()).unwrap_err().message;
        assert_eq!(
            mismatch,
            "One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N"
        );
    }
}
