//! AWS Security Hub over restJson1: findings of an account's own product, imported, read back and worked on.
//!
//! Findings live in the account and Region they were sent to, under the account's default product; nothing is aggregated
//! over Regions, and an administrator account sees only its own. Sort criteria are refused: the order is that of ids.

mod filters;
mod format;
mod import;
#[cfg(test)]
mod tests;
mod update;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::call::{ApiError, Call, Operation, Reply, Service, unknown_operation};
use crate::cloud::Cloud;

/// What is simulated.
const OPERATIONS: [&str; 3] = ["BatchImportFindings", "BatchUpdateFindings", "GetFindings"];

/// Findings of a call, and rows of a page, at most.
const MOST: usize = 100;

/// One finding, as it was sent and completed.
pub(crate) type Finding = Map<String, Value>;

/// The findings of one account in one Region, by product and id.
#[derive(Debug, Default)]
pub(crate) struct State {
    findings: BTreeMap<(String, String), Finding>,
}

/// What a call asks for.
pub(crate) fn route(cloud: &Cloud, call: &Call) -> Result<Operation, ApiError> {
    let asked = match (call.method.as_str(), call.path.trim_end_matches('/')) {
        ("POST", "/findings/import") => OPERATIONS[0],
        ("PATCH", "/findings/batchupdate") => OPERATIONS[1],
        ("POST", "/findings") => OPERATIONS[2],
        (method, path) => return Err(unknown_operation(Service::SecurityHub, &format!("{method} {path}"))),
    };
    let resource = match asked {
        "BatchImportFindings" => product_arn(cloud, call),
        _ => format!(
            "arn:{}:securityhub:{}:{}:hub/default",
            cloud.partition, call.caller.region, call.caller.account
        ),
    };
    Ok(Operation {
        name: asked,
        action: format!("securityhub:{asked}"),
        resource,
    })
}

/// Does it, if Security Hub is on here.
pub(crate) fn handle(cloud: &mut Cloud, call: &Call, operation: &Operation) -> Result<Reply, ApiError> {
    if !cloud.has_security_hub(&call.caller.account, &call.caller.region) {
        let message = format!("Account {} is not subscribed to AWS Security Hub", call.caller.account);
        return Err(ApiError::new(401, "InvalidAccessException", message));
    }
    let input = call.json()?;
    let product = product_arn(cloud, call);
    let place = cloud.place_mut(&call.caller.account, &call.caller.region);
    let hub = &mut place.securityhub;
    let body = match operation.name {
        "BatchImportFindings" => import::import(hub, call, &product, &input)?,
        "BatchUpdateFindings" => update::update(hub, call, &input)?,
        _ => get(hub, &input)?,
    };
    Ok(Reply::json(200, &body))
}

/// The product under which an account sends findings of its own.
fn product_arn(cloud: &Cloud, call: &Call) -> String {
    let (account, region) = (&call.caller.account, &call.caller.region);
    let partition = &cloud.partition;
    format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default")
}

/// `GetFindings`: one page of what the filters let through.
fn get(hub: &State, input: &Map<String, Value>) -> Result<Value, ApiError> {
    let known = ["Filters", "MaxResults", "NextToken"];
    if let Some(other) = input.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(invalid(format!(
            "The sandbox does not simulate {other} of GetFindings."
        )));
    }
    let most = match input.get("MaxResults") {
        None => MOST,
        Some(given) => given
            .as_u64()
            .and_then(|most| usize::try_from(most).ok())
            .filter(|most| (1..=MOST).contains(most))
            .ok_or_else(|| invalid("MaxResults must be between 1 and 100".to_owned()))?,
    };
    let filters = filters::Filters::read(input.get("Filters"))?;
    let from = match input.get("NextToken").and_then(Value::as_str) {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|place| place.parse().ok())
            .ok_or_else(|| invalid("Invalid token".to_owned()))?,
    };
    let mut rest = hub
        .findings
        .values()
        .filter(|finding| filters.admit(finding))
        .skip(from);
    let page: Vec<&Finding> = rest.by_ref().take(most).collect();
    let mut body = json!({"Findings": page});
    if rest.next().is_some() {
        body["NextToken"] = format!("page-{}", from + page.len()).into();
    }
    Ok(body)
}

fn invalid(message: String) -> ApiError {
    ApiError::new(400, "InvalidInputException", message)
}

/// A member of a finding that is text.
fn text<'f>(finding: &'f Finding, key: &str) -> &'f str {
    finding.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A member of a member.
fn inner<'f>(finding: &'f Finding, key: &str, member: &str) -> &'f str {
    finding
        .get(key)
        .and_then(|value| value.get(member))
        .and_then(Value::as_str)
        .unwrap_or_default()
}
