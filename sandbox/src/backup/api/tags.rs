//! Tags over the API: of vaults, plans, restore testing plans and advanced recovery points. Native recovery points carry none.

use std::sync::Arc;

use serde_json::Value;

use super::place::state;
use super::request;
use super::request::body;
use super::vaults::allowed;
use super::wire::{Times, reply};
use crate::backup::documents::members::strings;
use crate::backup::errors;
use crate::backup::state::{State, Tags};
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;

/// What an ARN names.
enum Tagged {
    Vault(String),
    Plan(String),
    Point(u64),
    Testing(String),
}

fn find(state: &State, arn: &str) -> Result<Tagged, ApiError> {
    let resource = arn.splitn(6, ':').nth(5).filter(|_| arn.starts_with("arn:"));
    let found = match resource.and_then(|resource| resource.split_once(':')) {
        Some(("backup-vault", name)) => state
            .vaults
            .get(name)
            .filter(|v| *v.arn == *arn)
            .map(|_| Tagged::Vault(name.to_owned())),
        Some(("backup-plan", id)) => state
            .plans
            .get(id)
            .filter(|p| p.deleted.is_none() && *p.arn == *arn)
            .map(|_| Tagged::Plan(id.to_owned())),
        Some(("recovery-point", _)) => state.points.find(arn).map(Tagged::Point),
        Some(("restore-testing-plan", _)) => state
            .testing
            .values()
            .find(|plan| *plan.arn == *arn)
            .map(|plan| Tagged::Testing(plan.name.clone())),
        _ => return Err(errors::invalid(format!("Invalid ARN: {arn}"))),
    };
    found.ok_or_else(|| errors::not_found(format!("Resource {arn} does not exist.")))
}

fn tags<'a>(state: &'a State, of: &Tagged) -> Option<&'a Tags> {
    match of {
        Tagged::Vault(name) => state.vaults.get(name).map(|vault| &vault.tags),
        Tagged::Plan(id) => state.plans.get(id).map(|plan| &plan.tags),
        Tagged::Point(number) => state.points.get(*number).map(|point| &*point.tags),
        Tagged::Testing(name) => state.testing.get(name).map(|plan| &plan.tags),
    }
}

fn tags_mut<'a>(state: &'a mut State, of: &Tagged) -> Option<&'a mut Tags> {
    match of {
        Tagged::Vault(name) => state.vaults.get_mut(name).map(|vault| &mut vault.tags),
        Tagged::Plan(id) => state.plans.get_mut(id).map(|plan| &mut plan.tags),
        Tagged::Point(number) => state
            .points
            .get_mut(*number)
            .map(|point| Arc::make_mut(&mut point.tags)),
        Tagged::Testing(name) => state.testing.get_mut(name).map(|plan| &mut plan.tags),
    }
}

/// `ListTags`.
pub(super) fn list(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    let of = find(state, &labels[1])?;
    let none = Tags::new();
    let rows = tags(state, &of).unwrap_or(&none).iter().map(|tag| (tag.0.clone(), tag));
    let page = request::page(call, "tags", rows, |row, token| row > token)?;
    Ok(reply(Times::Plain, |m| {
        m.map("Tags", page.items);
        m.maybe_text("NextToken", page.token.as_deref());
    }))
}

/// `TagResource`.
pub(super) fn tag(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let new = strings(&body(call)?, "Tags")?.ok_or_else(|| errors::missing("Tags"))?;
    check_tags(&new)?;
    let state = state(cloud, call);
    let of = find(state, &labels[1])?;
    check_policy(state, call, &of, &labels[1], "backup:TagResource")?;
    let mut all = tags(state, &of).cloned().unwrap_or_default();
    all.extend(new);
    check_count(&all)?;
    if let Some(tags) = tags_mut(state, &of) {
        *tags = all;
    }
    Ok(Reply::empty(200))
}

/// `UntagResource`.
pub(super) fn untag(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let Some(Value::Array(keys)) = body.get("TagKeyList") else {
        return Err(errors::missing("TagKeyList"));
    };
    if let Some(key) = keys
        .iter()
        .filter_map(Value::as_str)
        .find(|key| key.starts_with("aws:"))
    {
        return Err(errors::invalid(format!("Invalid tag {key}")));
    }
    let state = state(cloud, call);
    let of = find(state, &labels[1])?;
    check_policy(state, call, &of, &labels[1], "backup:UntagResource")?;
    if let Some(tags) = tags_mut(state, &of) {
        for key in keys.iter().filter_map(Value::as_str) {
            tags.remove(key);
        }
    }
    Ok(Reply::empty(200))
}

/// Whether the policy of a vault lets the caller change its tags, or those of a recovery point in it.
fn check_policy(state: &State, call: &Call, of: &Tagged, arn: &str, action: &str) -> Result<(), ApiError> {
    let vault = match of {
        Tagged::Vault(name) => state.vaults.get(name),
        Tagged::Point(number) => state
            .points
            .get(*number)
            .and_then(|point| state.vaults.get(&*point.vault)),
        Tagged::Plan(_) | Tagged::Testing(_) => None,
    };
    vault.map_or(Ok(()), |vault| allowed(vault, call, action, arn))
}

/// AWS's own tags do not count.
fn check_count(tags: &Tags) -> Result<(), ApiError> {
    if tags.keys().filter(|key| !key.starts_with("aws:")).count() > 50 {
        return Err(errors::limit(
            "The resultant tag set must not have more than 50 user tags.",
        ));
    }
    Ok(())
}

/// The tags that a caller gives, within AWS's limits.
pub(super) fn check_tags(tags: &Tags) -> Result<(), ApiError> {
    check_count(tags)?;
    match tags.iter().find(|(key, value)| {
        key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 || key.starts_with("aws:")
    }) {
        Some((key, _)) => Err(errors::invalid(format!("Invalid tag {key}"))),
        None => Ok(()),
    }
}
