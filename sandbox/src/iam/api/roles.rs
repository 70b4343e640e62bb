//! Roles over the API.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Done, render};
use crate::call::{ApiError, Call, Form, escape_xml};
use crate::cloud::Cloud;
use crate::iam::state::{Attached, MANAGED, Role, Since, statements};
use crate::ids::named_uuid;

const MAX_TAGS: usize = 50;
const MAX_POLICIES: usize = 10;
const MAX_TRUST: usize = 2048;

type Outcome = Result<Done, ApiError>;

fn missing(name: &str) -> ApiError {
    ApiError::new(
        404,
        "NoSuchEntity",
        format!("The role with name {name} cannot be found."),
    )
}

fn limit(message: impl Into<String>) -> ApiError {
    ApiError::new(409, "LimitExceeded", message)
}

fn malformed(message: &str) -> ApiError {
    ApiError::new(400, "MalformedPolicyDocument", message)
}

/// The role that a call names.
fn role(cloud: &Cloud, call: &Call, form: &Form) -> Result<Role, ApiError> {
    let name = form.needed("RoleName")?;
    cloud.iam_role(&call.caller.account, name).ok_or_else(|| missing(name))
}

fn arn(cloud: &Cloud, call: &Call, role: &Role) -> String {
    format!(
        "arn:{}:iam::{}:role/{}",
        cloud.partition,
        call.caller.account,
        role.full_path()
    )
}

/// `CreateRole`.
pub(super) fn create(cloud: &mut Cloud, call: &Call, form: &Form) -> Outcome {
    let (name, trust) = (form.needed("RoleName")?, form.needed("AssumeRolePolicyDocument")?);
    check_name(name)?;
    let path = form.get("Path").unwrap_or("/");
    check_path(path)?;
    check_trust(trust)?;
    let tags = tags(BTreeMap::new(), form)?;
    let max_session_seconds = match form.get("MaxSessionDuration").map(str::parse::<i64>) {
        None => 3600,
        Some(Ok(seconds @ 3600..=43_200)) => seconds,
        Some(_) => {
            return Err(Form::invalid(
                "1 validation error detected: Value at 'maxSessionDuration' failed to satisfy constraint: Member must have value between 3600 and 43200",
            ));
        }
    };
    if form.get("PermissionsBoundary").is_some() {
        return Err(Form::invalid("The sandbox does not simulate PermissionsBoundary."));
    }
    let account = &call.caller.account;
    if cloud.iam_role(account, name).is_some() {
        let message = format!("Role with name {name} already exists.");
        return Err(ApiError::new(409, "EntityAlreadyExists", message));
    }
    let made = Role {
        name: name.to_owned(),
        path: path.to_owned(),
        id: role_id(cloud, account, name, &call.request_id),
        created: call.now,
        trust: trust.to_owned(),
        description: form.get("Description").map(str::to_owned),
        max_session_seconds,
        tags,
        policies: Vec::new(),
        allows: None,
        known: Since::now(call.now),
    };
    let arn = arn(cloud, call, &made);
    let shown = render::role(&made, &arn);
    cloud.iam.put(account, made);
    // What the world broke was the role of this name that was there before.
    for ((of, _), place) in &mut cloud.places {
        if of == account {
            place.backup.broken_roles.remove(&arn);
        }
    }
    Ok(Done::With(shown))
}

/// A role's unique id: another one for each role of a name.
fn role_id(cloud: &Cloud, account: &str, name: &str, request: &str) -> String {
    let uuid = named_uuid(cloud.ids.seed(), &["role", account, name, request]);
    let letters: String = uuid.chars().filter(char::is_ascii_alphanumeric).take(17).collect();
    format!("AROA{}", letters.to_uppercase())
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let fine = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    if !fine || name.is_empty() {
        return Err(Form::invalid(
            "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
        ));
    }
    if name.len() > 64 {
        return Err(Form::invalid(format!(
            "1 validation error detected: Value '{name}' at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64"
        )));
    }
    Ok(())
}

fn check_path(path: &str) -> Result<(), ApiError> {
    let fine = path.len() <= 512
        && path.starts_with('/')
        && path.ends_with('/')
        && !path.contains("//")
        && path.bytes().all(|b| (0x21..=0x7e).contains(&b));
    if fine {
        return Ok(());
    }
    Err(Form::invalid(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
    ))
}

fn check_trust(trust: &str) -> Result<(), ApiError> {
    if trust.len() > MAX_TRUST {
        return Err(limit(format!("Cannot exceed quota for ACLSizePerRole: {MAX_TRUST}")));
    }
    let document: Value = serde_json::from_str(trust).map_err(|_| malformed("This policy contains invalid Json"))?;
    let statements = statements(&document);
    if statements.is_empty() {
        return Err(malformed("Syntax errors in policy."));
    }
    for statement in statements {
        if statement.get("Resource").is_some() {
            return Err(malformed("Has prohibited field Resource"));
        }
        if statement.get("Principal").is_none() {
            return Err(malformed("Missing required field Principal"));
        }
        if statement.get("Action").is_none() {
            return Err(malformed("Missing required field Action"));
        }
        if !["Allow", "Deny"].contains(&statement["Effect"].as_str().unwrap_or_default()) {
            return Err(malformed("Missing required field Effect"));
        }
    }
    Ok(())
}

/// The tags of a call, put over those that are there.
fn tags(mut old: BTreeMap<String, String>, form: &Form) -> Result<BTreeMap<String, String>, ApiError> {
    let new = form.pairs("Tags");
    for (at, (key, value)) in new.iter().enumerate() {
        if new[..at].iter().any(|(other, _)| other.eq_ignore_ascii_case(key)) {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(ApiError::new(400, "InvalidInput", message));
        }
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 || key.starts_with("aws:") {
            return Err(Form::invalid(format!("The tag {key} is not valid.")));
        }
    }
    old.extend(new);
    if old.len() > MAX_TAGS {
        return Err(limit(format!("Cannot exceed quota for TagsPerRole: {MAX_TAGS}")));
    }
    Ok(old)
}

/// `GetRole`.
pub(super) fn get(cloud: &mut Cloud, call: &Call, form: &Form) -> Outcome {
    let role = role(cloud, call, form)?;
    Ok(Done::With(render::role(&role, &arn(cloud, call, &role))))
}

/// `TagRole`.
pub(super) fn tag(cloud: &mut Cloud, call: &Call, form: &Form) -> Outcome {
    let old = role(cloud, call, form)?;
    let tags = tags(old.tags.clone(), form)?;
    cloud.iam.put(&call.caller.account, Role { tags, ..old });
    Ok(Done::Empty)
}

/// `DeleteRole`: not while policies are attached to it.
pub(super) fn delete(cloud: &mut Cloud, call: &Call, form: &Form) -> Outcome {
    let role = role(cloud, call, form)?;
    if !role.policies.is_empty() {
        let message = "Cannot delete entity, must detach all policies first.";
        return Err(ApiError::new(409, "DeleteConflict", message));
    }
    cloud.iam.remove(&call.caller.account, &role.name);
    Ok(Done::Empty)
}

/// `AttachRolePolicy`: a policy that is attached already stays so.
pub(super) fn attach(cloud: &mut Cloud, call: &Call, form: &Form) -> Outcome {
    let mut role = role(cloud, call, form)?;
    let policy = form.needed("PolicyArn")?;
    let prefix = format!("arn:{}:iam::aws:policy/", cloud.partition);
    if !policy.starts_with("arn:") || !policy.contains(":policy/") {
        return Err(Form::invalid(format!("ARN {policy} is not valid.")));
    }
    if role.policies.iter().any(|attached| attached.arn == policy) {
        return Ok(Done::Already);
    }
    if !policy.strip_prefix(&prefix).is_some_and(|path| MANAGED.contains(&path)) {
        let message = format!("Policy {policy} does not exist or is not attachable.");
        return Err(ApiError::new(404, "NoSuchEntity", message));
    }
    if role.policies.len() >= MAX_POLICIES {
        return Err(limit(format!(
            "Cannot exceed quota for PoliciesPerRole: {MAX_POLICIES}"
        )));
    }
    role.policies.push(Attached {
        arn: policy.to_owned(),
        known: Since::now(call.now),
    });
    cloud.iam.put(&call.caller.account, role);
    Ok(Done::Empty)
}

/// `DetachRolePolicy`.
pub(super) fn detach(cloud: &mut Cloud, call: &Call, form: &Form) -> Outcome {
    let mut role = role(cloud, call, form)?;
    let policy = form.needed("PolicyArn")?;
    let Some(at) = role.policies.iter().position(|attached| attached.arn == policy) else {
        let message = format!("Policy {policy} was not found.");
        return Err(ApiError::new(404, "NoSuchEntity", message));
    };
    role.policies.remove(at);
    cloud.iam.put(&call.caller.account, role);
    Ok(Done::Empty)
}

/// `ListAttachedRolePolicies`: never more than one page, since a role has ten at most.
pub(super) fn list_policies(cloud: &mut Cloud, call: &Call, form: &Form) -> Outcome {
    let role = role(cloud, call, form)?;
    let members: String = role
        .policies
        .iter()
        .map(|policy| {
            let name = policy.arn.rsplit('/').next().unwrap_or(&policy.arn);
            format!(
                "<member><PolicyName>{}</PolicyName><PolicyArn>{}</PolicyArn></member>",
                escape_xml(name),
                escape_xml(&policy.arn)
            )
        })
        .collect();
    Ok(Done::With(format!(
        "<AttachedPolicies>{members}</AttachedPolicies><IsTruncated>false</IsTruncated>"
    )))
}
