//! One statement of an access policy.

use serde_json::Value;

use super::action::{ACTIONS, Actions, texts};
use super::condition::{Scope, scope};
use super::quote::quote;

/// A statement as far as the question goes.
pub(super) struct Statement {
    /// For sentences: "statement `Sid`" or "statement 2".
    pub(super) name: String,
    pub(super) denial: Denial,
    actions: [bool; 3],
    /// It is about deleting the policy.
    pub(super) keeps_policy: bool,
}

/// Does it deny to everybody what it is about?
pub(super) enum Denial {
    /// It is no Deny.
    Not,
    /// To everybody but these principals.
    Sure(Vec<String>),
    /// To some principals, or on some resources, only.
    Narrow(String),
    /// That cannot be told.
    Doubtful(String),
}

impl Statement {
    pub(super) fn read(value: &Value, place: usize, vault_arn: &str) -> Self {
        let name = match value.get("Sid").and_then(Value::as_str).filter(|sid| !sid.is_empty()) {
            Some(sid) => format!("statement {}", quote(sid)),
            None => format!("statement {}", place + 1),
        };
        let (actions, keeps_policy, odd) = match Actions::read(value) {
            Actions::Named(actions, keeps_policy) => (actions, keeps_policy, None),
            // It may be about any of them.
            Actions::Odd(why) => ([true; 3], true, Some(why)),
        };
        let denial = match value.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Denial::Not,
            Some("Deny") => odd.map_or_else(|| denial(value, vault_arn), Denial::Doubtful),
            _ => Denial::Doubtful("has an Effect that is neither Allow nor Deny".to_owned()),
        };
        Self {
            name,
            denial,
            actions,
            keeps_policy,
        }
    }

    /// The three actions that it is about.
    pub(super) fn denied_actions(&self) -> impl Iterator<Item = &'static str> {
        let named = ACTIONS.into_iter().zip(self.actions);
        named.filter(|(_, is_named)| *is_named).map(|(action, _)| action)
    }

    /// Those that it leaves open.
    pub(super) fn open_actions(&self) -> Vec<&'static str> {
        let named = ACTIONS.into_iter().zip(self.actions);
        named
            .filter(|(_, is_named)| !is_named)
            .map(|(action, _)| action)
            .collect()
    }

    /// Is it about all three?
    pub(super) fn may_deny_all(&self) -> bool {
        self.actions == [true; 3]
    }
}

fn denial(value: &Value, vault_arn: &str) -> Denial {
    match (principal(value), resource(value, vault_arn)) {
        (Err(Denial::Narrow(why)), _) | (_, Err(Denial::Narrow(why))) => return Denial::Narrow(why),
        (Err(other), _) | (_, Err(other)) => return other,
        (Ok(()), Ok(())) => {}
    }
    match scope(value.get("Condition")) {
        Scope::Except(principals) => Denial::Sure(principals),
        Scope::Nobody(why) => Denial::Narrow(why),
        Scope::Doubtful(why) => Denial::Doubtful(why),
    }
}

/// Everybody, written `*`, `{"AWS": "*"}` or `{"AWS": ["*"]}`.
fn principal(value: &Value) -> Result<(), Denial> {
    if value.get("NotPrincipal").is_some() {
        return Err(Denial::Doubtful(
            "uses NotPrincipal, and AWS does not say whether its control takes that".to_owned(),
        ));
    }
    let is_all = |texts: Vec<&str>| texts.contains(&"*");
    let everybody = match value.get("Principal") {
        Some(Value::String(text)) => text == "*",
        Some(Value::Object(kinds)) => kinds.get("AWS").and_then(texts).is_some_and(is_all),
        Some(_) => return Err(Denial::Doubtful("has a Principal that is not understood".to_owned())),
        None => return Err(Denial::Doubtful("has no Principal".to_owned())),
    };
    if everybody {
        Ok(())
    } else {
        Err(Denial::Narrow("denies to some principals only".to_owned()))
    }
}

/// Every resource, written `*`. AWS's control asks for that; the vault's own ARN does not name its recovery points.
fn resource(value: &Value, vault_arn: &str) -> Result<(), Denial> {
    if value.get("NotResource").is_some() {
        return Err(Denial::Doubtful(
            "uses NotResource, and AWS does not say whether its control takes that".to_owned(),
        ));
    }
    let Some(resources) = value.get("Resource").and_then(texts) else {
        return Err(Denial::Doubtful("has a Resource that is not understood".to_owned()));
    };
    if resources.contains(&"*") {
        return Ok(());
    }
    let is_wild = |resource: &&str| resource.contains('*') || resource.contains("${");
    match resources.iter().find(|resource| is_wild(resource)) {
        Some(resource) => Err(Denial::Doubtful(format!(
            "is about {}, and AWS's control wants every resource",
            quote(resource)
        ))),
        None if resources.contains(&vault_arn) => Err(Denial::Narrow(
            "is about the vault alone, and its recovery points are resources of their own".to_owned(),
        )),
        None => Err(Denial::Narrow("is about some resources only".to_owned())),
    }
}
