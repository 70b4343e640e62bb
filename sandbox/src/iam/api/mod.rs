//! IAM over its query protocol: roles, their trust policies, tags and managed policies.
//!
//! One endpoint for all Regions; every call is for the caller's own account. What changes a role that only the world's default
//! says exists (`roles` of an `[[account]]`, the default role of AWS Backup) writes it down first.

mod render;
mod roles;
mod simulation;
#[cfg(test)]
mod tests;

use crate::call::{ApiError, Call, Form, Operation, Reply, Service, unknown_operation};
use crate::cloud::Cloud;

const OPERATIONS: [&str; 8] = [
    "AttachRolePolicy",
    "CreateRole",
    "DeleteRole",
    "DetachRolePolicy",
    "GetRole",
    "ListAttachedRolePolicies",
    "SimulatePrincipalPolicy",
    "TagRole",
];

/// What became of a call.
enum Done {
    /// It answers with this.
    With(String),
    Empty,
    /// It was so already.
    Already,
}

impl Done {
    fn text(&self) -> Option<&str> {
        match self {
            Self::With(text) => Some(text),
            Self::Empty | Self::Already => None,
        }
    }
}

/// What a call asks for.
pub(crate) fn route(cloud: &Cloud, call: &Call) -> Result<Operation, ApiError> {
    let form = Form::of(call);
    let asked = form.get("Action").unwrap_or_default();
    let name = OPERATIONS
        .into_iter()
        .find(|name| *name == asked)
        .ok_or_else(|| unknown_operation(Service::Iam, asked))?;
    let account = &call.caller.account;
    let role = form.get("RoleName").unwrap_or("*");
    let path = match (name, cloud.iam_role(account, role)) {
        ("CreateRole", _) | (_, None) => form.get("Path").unwrap_or("/").to_owned(),
        (_, Some(role)) => role.path,
    };
    Ok(Operation {
        name,
        action: format!("iam:{name}"),
        resource: format!("arn:{}:iam::{account}:role{path}{role}", cloud.partition),
    })
}

/// Does it.
pub(crate) fn handle(cloud: &mut Cloud, call: &Call, operation: &Operation) -> Result<Reply, ApiError> {
    let form = Form::of(call);
    let result = match operation.name {
        "AttachRolePolicy" => roles::attach(cloud, call, &form)?,
        "CreateRole" => roles::create(cloud, call, &form)?,
        "DeleteRole" => roles::delete(cloud, call, &form)?,
        "DetachRolePolicy" => roles::detach(cloud, call, &form)?,
        "GetRole" => roles::get(cloud, call, &form)?,
        "SimulatePrincipalPolicy" => simulation::simulate(cloud, &form)?,
        "TagRole" => roles::tag(cloud, call, &form)?,
        _ => roles::list_policies(cloud, call, &form)?,
    };
    let is_new = !matches!(result, Done::Already);
    Ok(render::answer(operation.name, result.text(), &call.request_id).unchanged_unless(is_new))
}
