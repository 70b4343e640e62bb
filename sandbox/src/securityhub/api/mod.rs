//! AWS Security Hub over restJson1: findings of an account's own product, imported, read back and worked on.
//!
//! Findings live in the account and Region they were sent to, under the account's default product; nothing is aggregated
//! over Regions, and an administrator account sees only its own. Sort criteria are refused: the order is that of ids.

mod filters;
mod format;
mod get;
mod import;
mod input;
#[cfg(test)]
mod tests;
mod update;

use crate::call::{ApiError, Call, Operation, Reply, Service, unknown_operation};
use crate::cloud::Cloud;

/// What is simulated.
const OPERATIONS: [&str; 3] = ["BatchImportFindings", "BatchUpdateFindings", "GetFindings"];

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
        _ => get::get(hub, &input)?,
    };
    Ok(Reply::json(200, &body))
}

/// The product under which an account sends findings of its own.
fn product_arn(cloud: &Cloud, call: &Call) -> String {
    let (account, region) = (&call.caller.account, &call.caller.region);
    let partition = &cloud.partition;
    format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default")
}
