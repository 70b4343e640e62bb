//! A backup policy of AWS Organizations, as JSON.
//!
//! A policy makes plans, and assigns by tag or by type; it names no single table, and makes no vault and no role. Organizations
//! takes no other members beside `plans`, so the policy stands below `Policy`, and what is not in it before, in
//! `NotInThisPolicy`.

use serde_json::{Map, Value, json};

use super::{Declaration, Declared, check_target, declared, not_declared};
use crate::domain::TargetId;
use crate::remediate::Plan;

/// Stands for the account in which a policy is in force.
const ACCOUNT: &str = "$account";

/// Why what is neither a plan nor an assignment is not in a policy.
pub(crate) const NO_PART: &str = "a backup policy makes plans and assigns to them, and nothing else";

/// The kinds of what a policy declares.
pub(crate) const PLAN: &str = "plan";
/// An assignment; its name is that of the plan, and its properties have the selection below its own name.
pub(crate) const SELECTION: &str = "selection";
/// The member of an assignment that holds lines of the AWS CLI which come before it.
pub(crate) const FIRST: &str = "first";

/// A value as a policy sets it.
pub(crate) fn assigned(value: impl Into<Value>) -> Value {
    json!({ "@@assign": value.into() })
}

/// A number, which policies write as a text.
pub(crate) fn number(value: i64) -> Value {
    assigned(value.to_string())
}

/// An ARN of this account as one of the account in which the policy is in force.
pub(crate) fn of_any_account(arn: &str, at: &TargetId) -> String {
    let mut parts: Vec<&str> = arn.splitn(6, ':').collect();
    if let Some(account) = parts.get_mut(4).filter(|account| **account == at.account_id) {
        *account = ACCOUNT;
    }
    parts.join(":")
}

/// The policy, below what is not in it.
///
/// Errors: the plan is of several accounts or Regions, or makes no plan that a policy could make.
pub(super) fn policy(plan: &Plan) -> Result<String, String> {
    check_target(plan)?;
    let (declared, mut not) = declared(plan, |action| action.deed.backup_policy(&action.target()));
    let (made, selections): (Vec<Declaration>, Vec<Declaration>) =
        declared.into_iter().partition(|declaration| declaration.kind == PLAN);
    let mut plans = Map::new();
    let mut first = Vec::new();
    for declaration in made {
        let mut of_plan = declaration.properties;
        for selection in selections.iter().filter(|selection| selection.name == declaration.name) {
            for (sort, of_sort) in selection.properties.as_object().into_iter().flatten() {
                match of_sort {
                    Value::Array(lines) if sort == FIRST => first.extend(lines.iter().cloned()),
                    _ => {
                        for (name, one) in of_sort.as_object().into_iter().flatten() {
                            of_plan["selections"][sort][name] = one.clone();
                        }
                    }
                }
            }
        }
        plans.insert(declaration.name, of_plan);
    }
    // A plan of a policy takes something.
    for action in &plan.actions {
        let name = action.name();
        if let Declared::Resources(_) = action.deed.backup_policy(&action.target())
            && plans.get(&name).is_some_and(|plan| plan.get("selections").is_none())
        {
            not.push((
                action,
                "nothing is assigned to it here, and a plan of a policy takes something",
            ));
        }
    }
    plans.retain(|_, plan| plan.get("selections").is_some());
    if plans.is_empty() {
        return Err("it makes no plan with tables in it, and a backup policy holds nothing else".to_owned());
    }
    let mut lines: Vec<Value> = not_declared(&not).into_iter().map(Value::from).collect();
    if !first.is_empty() {
        lines.push("the tables of the plan: a backup policy names none, and takes them by this tag".into());
        lines.extend(first);
    }
    lines.push("the management account has to be opted in for DynamoDB, with advanced features: its settings count for plans of a policy".into());
    let document = json!({
        "NotInThisPolicy": lines,
        "Policy": { "plans": plans },
    });
    let text = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}
