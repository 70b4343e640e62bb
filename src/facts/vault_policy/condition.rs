//! Conditions of a Deny statement: do they exempt some principals and nothing else?

use serde_json::Value;

use super::action::{texts, wild};
use super::quote::quote;

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
    let is_wide = |principal: &&&str| is_everybody(principal, &lower, key_lower == "aws:userid");
    if let Some(wide) = principals.iter().find(is_wide) {
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

/// A pattern that takes every principal of an account or of all, for it takes one of a name that nobody has.
fn is_everybody(principal: &str, operator: &str, is_user_id: bool) -> bool {
    // Wildcards mean something with Like, and with the ARN operators, which both take them.
    let has_wildcards = operator.contains("like") || operator.starts_with("arn");
    if !has_wildcards {
        return false;
    }
    let takes = |somebody: &str| wild(principal.as_bytes(), somebody.as_bytes());
    if is_user_id {
        // `AROA…:session` for a role: the id tells one from another, while whoever takes a role names the session.
        let session = principal.split_once(':').map_or("", |(_, session)| session);
        let session = session.replace(['*', '?'], "");
        return takes("AIDAZQ9XNOBODY7ZQ9XNO") || takes(&format!("AROAZQ9XNOBODY7ZQ9XNO:{session}"));
    }
    let segment = |place: usize, usual: &'static str| {
        let own = principal.split(':').nth(place);
        own.filter(|own| !own.contains(['*', '?'])).unwrap_or(usual)
    };
    let (partition, account) = (segment(1, "aws"), segment(4, "123456789012"));
    ["iam::user/", "iam::role/", "sts::assumed-role/"]
        .into_iter()
        .any(|kind| {
            let (service, path) = kind.split_once("::").unwrap_or((kind, ""));
            takes(&format!("arn:{partition}:{service}::{account}:{path}zq9x-nobody"))
        })
}
