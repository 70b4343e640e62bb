//! Selections over the API: what a plan covers. They are created and deleted, never changed.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::place::state;
use super::plans::check_owner;
use super::request;
use super::request::body;
use super::wire::{Times, reply};
use crate::backup::documents::members::{map, needed, text};
use crate::backup::documents::selections::read_criteria;
use crate::backup::errors;
use crate::backup::state::{Criteria, Plan, Selection, State};
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;
use crate::iam::state::{Trouble, Work, cannot_assume};

const MAX_SELECTIONS: usize = 100;
const MAX_TAG_SELECTIONS: usize = 10;

/// The plan of a selection call. On a deleted or unknown plan these calls answer InvalidParameterValueException.
fn plan<'a>(state: &'a State, id: &str) -> Result<&'a Plan, ApiError> {
    state
        .plans
        .get(id)
        .filter(|plan| plan.deleted.is_none())
        .ok_or_else(|| errors::invalid(format!("Cannot find Backup plan with ID {id}")))
}

fn selection<'a>(state: &'a State, plan_id: &str, id: &str) -> Result<&'a Selection, ApiError> {
    plan(state, plan_id)?
        .selections
        .get(id)
        .ok_or_else(|| errors::not_found(format!("Cannot find Backup selection with ID {id}")))
}

/// `CreateBackupSelection`.
pub(super) fn create(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let sent = map(&body, "BackupSelection")?.ok_or_else(|| errors::missing("BackupSelection"))?;
    let name = needed(sent, "SelectionName")?;
    if name.len() > 50 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return Err(errors::invalid(format!("Invalid selection name: {name}")));
    }
    let role = needed(sent, "IamRoleArn")?;
    check_owner(plan(state(cloud, call), &labels[2])?)?;
    let criteria = read_criteria(sent)?;
    match cloud.role_trouble(role, Work::Select) {
        Some(Trouble::Powerless) => {
            return Err(errors::invalid(format!(
                "IAM Role {role} is not authorized to call tag:GetResources"
            )));
        }
        Some(_) => return Err(errors::invalid(cannot_assume(role))),
        None if state(cloud, call).broken_roles.contains_key(role) => {
            return Err(errors::invalid(cannot_assume(role)));
        }
        None => {}
    }
    let creator = text(&body, "CreatorRequestId")?.map(str::to_owned);
    let id = cloud.ids.uuid();
    let state = state(cloud, call);
    let found = plan(state, &labels[2])?;
    if let Some(same) = found.selections.values().find(|other| other.name == name) {
        if creator.is_some() && same.creator_request_id == creator {
            return Ok(created(same, &labels[2]).unchanged());
        }
        return Err(errors::exists(
            "Backup selection with the same name already exists",
            &found.arn,
            same.creator_request_id.as_deref(),
        ));
    }
    let tagged = |criteria: &Criteria| !criteria.tags.is_empty() || criteria.conditions.len() > 0;
    let tag_selections = found
        .selections
        .values()
        .filter(|other| tagged(&other.criteria))
        .count();
    if found.selections.len() >= MAX_SELECTIONS || (tagged(&criteria) && tag_selections >= MAX_TAG_SELECTIONS) {
        return Err(errors::limit(format!(
            "A backup plan cannot have more than {MAX_SELECTIONS} selections, {MAX_TAG_SELECTIONS} of them with tags"
        )));
    }
    let new = Selection {
        id: id.clone(),
        name: name.to_owned(),
        role: role.into(),
        criteria: Arc::new(criteria),
        created: call.now,
        creator_request_id: creator,
    };
    let answer = created(&new, &labels[2]);
    if let Some(plan) = state.plans.get_mut(&labels[2]) {
        plan.selections.insert(id, new);
    }
    Ok(answer)
}

fn created(selection: &Selection, plan_id: &str) -> Reply {
    reply(Times::Plain, |m| {
        m.text("SelectionId", &selection.id);
        m.text("BackupPlanId", plan_id);
        m.time("CreationDate", selection.created);
    })
}

/// `GetBackupSelection`: as it was sent; lists that were never set are empty.
pub(super) fn get(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let found = selection(state(cloud, call), &labels[2], &labels[4])?;
    let mut members = Map::new();
    members.insert("SelectionName".to_owned(), found.name.as_str().into());
    members.insert("IamRoleArn".to_owned(), (*found.role).into());
    found.criteria.write(&mut members);
    Ok(reply(Times::Plain, |m| {
        m.value("BackupSelection", &Value::Object(members));
        m.text("SelectionId", &found.id);
        m.text("BackupPlanId", &labels[2]);
        m.time("CreationDate", found.created);
        m.maybe_text("CreatorRequestId", found.creator_request_id.as_deref());
    }))
}

/// `ListBackupSelections`: ids, names and roles only.
pub(super) fn list(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let found = plan(state(cloud, call), &labels[2])?;
    let rows = found.selections.iter().map(|(id, selection)| (id.clone(), selection));
    let page = request::page(call, "selections", rows, |row, token| row > token)?;
    Ok(reply(Times::Plain, |m| {
        m.list("BackupSelectionsList", page.items, |m, selection| {
            m.text("SelectionId", &selection.id);
            m.text("SelectionName", &selection.name);
            m.text("BackupPlanId", &labels[2]);
            m.time("CreationDate", selection.created);
            m.maybe_text("CreatorRequestId", selection.creator_request_id.as_deref());
            m.text("IamRoleArn", &selection.role);
        });
        m.maybe_text("NextToken", page.token.as_deref());
    }))
}

/// `DeleteBackupSelection`.
pub(super) fn delete(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    check_owner(plan(state, &labels[2])?)?;
    selection(state, &labels[2], &labels[4])?;
    if let Some(plan) = state.plans.get_mut(&labels[2]) {
        plan.selections.remove(&labels[4]);
    }
    Ok(Reply::empty(200))
}
