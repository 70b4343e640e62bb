//! Does the access policy of a backup vault keep recovery points from being deleted by hand?
//!
//! AWS's control wants one Deny statement for everybody, on every resource, that names all three [`ACTIONS`]. That is not
//! enough: whoever may delete the policy deletes the points after it. So a statement has to deny [`POLICY_DELETION`] too, the
//! same or another one. The principals that they exempt are listed, for people to judge. Deny wins over Allow, so Allow statements do
//! not matter; what is not understood leaves the answer open, never good.

mod action;
mod condition;
mod quote;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

use action::{ACTIONS, POLICY_DELETION};
use statement::{Denial, Statement};

/// What one statement has to deny, so that it keeps recovery points and itself.
pub(crate) const DENIED: [&str; 4] = [ACTIONS[0], ACTIONS[1], ACTIONS[2], POLICY_DELETION];

/// What a policy says of deletion by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeletionVerdict {
    /// True: denied to everybody but the principals below. False: not denied. `None`: that cannot be told.
    pub(crate) answer: Option<bool>,
    /// Which statement denies, or what is missing; one sentence without its full stop. Quotes the policy, which is
    /// untrusted.
    pub(crate) reason: String,
    /// Principals that the denial exempts, in order.
    pub(crate) exempt_principals: Vec<String>,
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
pub(crate) fn manual_deletion(policy: Option<&str>, vault_arn: &str) -> DeletionVerdict {
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
            return with_policy_kept(statements, &statement.name, exempt);
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

/// Deletion is denied, by the policy as it stands. Is it denied to delete the policy too?
fn with_policy_kept(statements: &[Statement], name: &str, exempt: &[String]) -> DeletionVerdict {
    let keeping = || statements.iter().filter(|statement| statement.keeps_policy);
    let sure = keeping().find_map(|statement| match &statement.denial {
        Denial::Sure(exempt) => Some((&statement.name, exempt)),
        _ => None,
    });
    let denied = format!("{name} denies deletion, change of lifecycle and change of the policy");
    if let Some((keeper, exempt_there)) = sure {
        let exempt: BTreeSet<String> = exempt.iter().chain(exempt_there).cloned().collect();
        let keeper = if keeper == name {
            String::new()
        } else {
            format!(" {keeper}")
        };
        return DeletionVerdict {
            answer: Some(true),
            reason: format!("{denied}, and{keeper} its deletion"),
            exempt_principals: exempt.into_iter().collect(),
        };
    }
    let doubtful = keeping().find_map(|statement| match &statement.denial {
        Denial::Doubtful(why) => Some(format!("{} {why}", statement.name)),
        _ => None,
    });
    let (answer, rest) = match doubtful {
        Some(why) => (None, format!("whether it may be deleted cannot be told: {why}")),
        None => (
            Some(false),
            format!("but the policy itself may be deleted, for {POLICY_DELETION} is not denied"),
        ),
    };
    DeletionVerdict {
        answer,
        reason: format!("{denied}; {rest}"),
        exempt_principals: exempt
            .iter()
            .cloned()
            .collect::<BTreeSet<String>>()
            .into_iter()
            .collect(),
    }
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
