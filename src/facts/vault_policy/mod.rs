//! Does the access policy of a backup vault keep recovery points from being deleted by hand?
//!
//! AWS's control wants one Deny statement for everybody, on every resource, that names all three [`ACTIONS`]. The
//! principals that such a statement exempts are listed, for people to judge. Deny wins over Allow, so Allow statements do
//! not matter; what is not understood leaves the answer open, never good.

mod action;
mod condition;
mod quote;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

use action::ACTIONS;
use statement::{Denial, Statement};

/// What a policy says of deletion by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionVerdict {
    /// True: denied to everybody but the principals below. False: not denied. `None`: that cannot be told.
    pub answer: Option<bool>,
    /// Which statement denies, or what is missing; one sentence without its full stop. Quotes the policy, which is
    /// untrusted.
    pub reason: String,
    /// Principals that the denial exempts, in order.
    pub exempt_principals: Vec<String>,
}

impl DeletionVerdict {
    fn new(answer: Option<bool>, reason: impl Into<String>) -> Self {
        Self {
            answer,
            reason: reason.into(),
            exempt_principals: Vec::new(),
        }
    }
}

/// Judges the access policy of a vault; `None` is a vault that has none.
pub fn manual_deletion(policy: Option<&str>, vault_arn: &str) -> DeletionVerdict {
    let Some(text) = policy else {
        return DeletionVerdict::new(Some(false), "the vault has no access policy");
    };
    let Ok(document) = serde_json::from_str::<Value>(text) else {
        return DeletionVerdict::new(None, "the access policy is not JSON");
    };
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => return DeletionVerdict::new(None, "the access policy has no list of statements"),
    };
    let read = statements
        .iter()
        .enumerate()
        .map(|(place, value)| Statement::read(value, place, vault_arn));
    judge(&read.collect::<Vec<Statement>>())
}

fn judge(statements: &[Statement]) -> DeletionVerdict {
    // One statement that surely denies all three settles it: nothing else in the policy can undo a Deny.
    for statement in statements {
        if let Denial::Sure(exempt) = &statement.denial
            && statement.open_actions().is_empty()
        {
            let exempt: BTreeSet<String> = exempt.iter().cloned().collect();
            return DeletionVerdict {
                answer: Some(true),
                reason: format!(
                    "{} denies deletion, change of lifecycle and change of the policy",
                    statement.name
                ),
                exempt_principals: exempt.into_iter().collect(),
            };
        }
    }
    let doubtful = statements.iter().find_map(|statement| match &statement.denial {
        Denial::Doubtful(why) if statement.may_deny_all() => Some(format!("{} {why}", statement.name)),
        _ => None,
    });
    if let Some(why) = doubtful {
        return DeletionVerdict::new(None, why);
    }
    split_over_several(statements).unwrap_or_else(|| DeletionVerdict::new(Some(false), what_is_missing(statements)))
}

/// Several statements that together deny all three: AWS does not say whether its control takes that.
fn split_over_several(statements: &[Statement]) -> Option<DeletionVerdict> {
    let denying: Vec<&Statement> = statements
        .iter()
        .filter(|statement| matches!(statement.denial, Denial::Sure(_) | Denial::Doubtful(_)))
        .collect();
    let denied: BTreeSet<&str> = denying
        .iter()
        .flat_map(|statement| statement.denied_actions())
        .collect();
    (denied.len() == ACTIONS.len()).then(|| {
        DeletionVerdict::new(
            None,
            "the three actions are denied by several statements, and AWS does not say whether its control takes that",
        )
    })
}

fn what_is_missing(statements: &[Statement]) -> String {
    let denying = statements
        .iter()
        .filter(|statement| matches!(statement.denial, Denial::Sure(_) | Denial::Doubtful(_)));
    let nearest = denying.max_by_key(|statement| statement.denied_actions().count());
    match nearest {
        Some(statement) if statement.denied_actions().next().is_some() => format!(
            "{} does not deny {}",
            statement.name,
            statement.open_actions().join(" and ")
        ),
        _ => match statements.iter().find_map(|statement| match &statement.denial {
            Denial::Narrow(why) => Some(format!("{} {why}", statement.name)),
            _ => None,
        }) {
            Some(why) => why,
            None => "no statement denies deletion to everybody".to_owned(),
        },
    }
}
