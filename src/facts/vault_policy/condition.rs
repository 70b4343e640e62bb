//! Conditions of a Deny statement: do they exempt some principals and nothing else?

use serde_json::Value;

use super::action::texts;
use super::quote;

/// What the conditions of a Deny leave of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// It holds for everybody but these.
    Except(Vec<String>),
    /// It exempts everybody, so it denies nobody.
    Nobody(String),
    /// When it holds cannot be told from the policy alone.
    Doubtful(String),
}

pub(super) fn scope(conditions: Option<&Value>) -> Scope {
    let operators = match conditions {
        None | Some(Value::Null) => return Scope::Except(Vec::new()),
        Some(Value::Object(operators)) => operators,
        Some(_) => return Scope::Doubtful("has a Condition that is not understood".to_owned()),
    };
    let mut exempt = Vec::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else {
            return Scope::Doubtful(format!("has a condition {} that is not understood", quote(operator)));
        };
        for (key, values) in keys {
            match exemption(operator, key, values) {
                Ok(principals) => exempt.extend(principals),
                Err(other) => return other,
            }
        }
    }
    // All conditions must hold for the Deny to hold: whoever one of them exempts is exempt.
    Scope::Except(exempt)
}

/// The principals that one entry exempts.
fn exemption(operator: &str, key: &str, values: &Value) -> Result<Vec<String>, Scope> {
    let doubt = || Scope::Doubtful(format!("depends on condition {} on {}", quote(operator), quote(key)));
    let lower = operator.to_ascii_lowercase();
    let key_lower = key.to_ascii_lowercase();
    // Operators for sets and for keys that may be absent hold at other times: they are not among these.
    let is_negative = matches!(
        (lower.as_str(), key_lower.as_str()),
        (
            "stringnotequals" | "stringnotlike" | "stringnotequalsignorecase",
            "aws:userid" | "aws:principalarn"
        ) | ("arnnotequals" | "arnnotlike", "aws:principalarn")
    );
    if !is_negative {
        return Err(doubt());
    }
    let Some(principals) = texts(values).filter(|principals| !principals.is_empty()) else {
        return Err(doubt());
    };
    if let Some(wide) = principals.iter().find(|principal| is_everybody(principal, &lower)) {
        return Err(Scope::Nobody(format!("exempts {}, which is everybody", quote(wide))));
    }
    if let Some(variable) = principals.iter().find(|principal| principal.contains("${")) {
        return Err(Scope::Doubtful(format!(
            "exempts {}, which differs by caller",
            quote(variable)
        )));
    }
    Ok(principals.into_iter().map(str::to_owned).collect())
}

/// A pattern that takes every principal of an account or of all: nothing tells one from another.
fn is_everybody(principal: &str, operator: &str) -> bool {
    // Wildcards mean something with Like, and with the ARN operators, which both take them.
    let has_wildcards = operator.contains("like") || operator.starts_with("arn");
    if !has_wildcards {
        return false;
    }
    let named = principal
        .rsplit_once(':')
        .map_or(principal, |(_, resource)| resource)
        .trim_start_matches("user/")
        .trim_start_matches("role/")
        .trim_start_matches("assumed-role/");
    !named.contains(|character: char| !matches!(character, '*' | '?' | '/' | ':'))
}
