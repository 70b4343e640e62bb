//! Actions of a statement: by name or wildcard, in any case, in a list or alone, or by what they are not.

use serde_json::Value;

/// Deleting a point, shortening its life, and replacing the policy that forbids both.
pub(super) const ACTIONS: [&str; 3] = [
    "backup:DeleteRecoveryPoint",
    "backup:UpdateRecoveryPointLifecycle",
    "backup:PutBackupVaultAccessPolicy",
];

/// Deleting the policy, and with it everything that it denies.
pub(super) const POLICY_DELETION: &str = "backup:DeleteBackupVaultAccessPolicy";

/// Which of the actions a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Actions {
    /// By place in [`ACTIONS`]; and deleting the policy.
    Named([bool; 3], bool),
    /// The statement cannot be read.
    Odd(String),
}

impl Actions {
    fn named(is_about: impl Fn(&str) -> bool) -> Self {
        Self::Named(ACTIONS.map(&is_about), is_about(POLICY_DELETION))
    }

    pub(super) fn read(statement: &Value) -> Self {
        match (statement.get("Action"), statement.get("NotAction")) {
            (Some(actions), None) => match texts(actions) {
                Some(patterns) => Self::named(|action| matches_any(&patterns, action)),
                None => Self::Odd("has an Action that is no list of texts".to_owned()),
            },
            (None, Some(actions)) => match texts(actions) {
                Some(patterns) => Self::named(|action| !matches_any(&patterns, action)),
                None => Self::Odd("has a NotAction that is no list of texts".to_owned()),
            },
            (Some(_), Some(_)) => Self::Odd("has both Action and NotAction".to_owned()),
            (None, None) => Self::Odd("has neither Action nor NotAction".to_owned()),
        }
    }
}

/// A text, or a list of nothing but texts.
pub(super) fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn matches_any(patterns: &[&str], action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    patterns
        .iter()
        .any(|pattern| wild(pattern.to_ascii_lowercase().as_bytes(), action.as_bytes()))
}

/// IAM's wildcards: `*` for any run of characters, `?` for one.
pub(super) fn wild(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at_pattern, mut at_text, mut star) = (0, 0, None);
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                at_pattern += 1;
                star = Some((at_pattern, at_text));
            }
            Some(byte) if *byte == b'?' || *byte == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => match star {
                Some((behind, taken)) => {
                    star = Some((behind, taken + 1));
                    (at_pattern, at_text) = (behind, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}
