//! The words of OSCAL: uuids, tokens, texts and properties, whatever AWS or a person wrote.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::text::one_line;

/// What the uuids of this program's documents are made in.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f1d_5c0a_6a3e_4b52_9d77_2f0c_be91_4e63);

/// Properties of this program, apart from OSCAL's own. Only a name: the domain is one that nobody can own.
const NS: &str = "https://backproof.invalid/ns/oscal";

/// The same for the same parts.
pub(super) fn uuid_of(parts: &[&str]) -> String {
    Uuid::new_v5(&NAMESPACE, parts.join("\u{1f}").as_bytes()).to_string()
}

/// One line that neither begins nor ends with a blank, and is never empty.
pub(super) fn text(text: &str) -> String {
    let line = one_line(text);
    match line.trim() {
        "" => "none".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

/// A name that may stand where OSCAL wants a token: it begins with a letter and has no blanks.
pub(super) fn token(text: &str) -> String {
    let mut token: String = text
        .chars()
        .map(|character| match character {
            other if other.is_ascii_alphanumeric() || matches!(other, '.' | '-' | '_') => other,
            _ => '_',
        })
        .collect();
    if !token.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        token.insert(0, '_');
    }
    token
}

/// A property of this program.
pub(super) fn prop(name: &str, value: &str) -> Value {
    json!({"name": token(name), "ns": NS, "value": text(value)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_becomes_a_token() {
        for (from, to) in [
            ("CC7.5", "CC7.5"),
            ("164.308(a)(7)", "_164.308_a__7_"),
            ("", "_"),
            ("ä b", "__b"),
        ] {
            assert_eq!(token(from), to);
        }
    }

    #[test]
    fn uuids_are_of_version_five_and_tell_parts_apart() {
        assert_eq!(uuid_of(&["a", "b"]).as_bytes()[14], b'5');
        assert_eq!(uuid_of(&["a", "b"]), uuid_of(&["a", "b"]));
        assert_ne!(uuid_of(&["a", "b"]), uuid_of(&["ab"]));
    }
}
