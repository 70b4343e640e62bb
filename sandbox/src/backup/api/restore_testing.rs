//! Restore testing plans and their selections over the API; `engine::restore_testing` runs them.

use super::place::{check_role, place_key, state};
use super::request;
use super::request::body;
use super::tags::check_tags;
use super::wire::{Members, Times, reply, with_status};
use crate::backup::documents::members::{map, needed, strings, text};
use crate::backup::documents::restore_testing::{
    DEFAULT_START_HOURS, DEFAULT_ZONE, check_schedule, hours, name, new_plan, read_points, read_selection,
};
use crate::backup::engine::restore_testing;
use crate::backup::errors;
use crate::backup::state::{State, TestingPlan, TestingSelection};
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;
use crate::iam::state::Work;

const MAX_PLANS: usize = 100;
const MAX_SELECTIONS: usize = 30;

fn missing(name: &str) -> ApiError {
    errors::not_found(format!("Restore testing plan {name} does not exist."))
}

/// `CreateRestoreTestingPlan`.
pub(super) fn create(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let sent = map(&body, "RestoreTestingPlan")?.ok_or_else(|| errors::missing("RestoreTestingPlan"))?;
    let name = name(sent, "RestoreTestingPlanName")?.to_owned();
    let expression = needed(sent, "ScheduleExpression")?.to_owned();
    let zone = text(sent, "ScheduleExpressionTimezone")?
        .unwrap_or(DEFAULT_ZONE)
        .to_owned();
    check_schedule(&expression, &zone)?;
    let tags = strings(&body, "Tags")?.unwrap_or_default();
    check_tags(&tags)?;
    let points = read_points(map(sent, "RecoveryPointSelection")?)?;
    let id = cloud.ids.uuid();
    let arn = format!(
        "arn:{}:backup:{}:{}:restore-testing-plan:{name}-{id}",
        cloud.partition, call.caller.region, call.caller.account
    );
    let plan = TestingPlan {
        creator_request_id: text(&body, "CreatorRequestId")?.map(str::to_owned),
        start_hours: hours(sent, "StartWindowHours", 1, DEFAULT_START_HOURS)?,
        points,
        tags,
        ..new_plan(&name, arn.into(), &expression, Some(&zone), call.now)
    };
    let state = state(cloud, call);
    if let Some(same) = state.testing.get(&name) {
        if plan.creator_request_id.is_some() && same.creator_request_id == plan.creator_request_id {
            return Ok(created(same).unchanged());
        }
        return Err(errors::exists(
            "Restore testing plan with the same name already exists",
            &same.arn,
            same.creator_request_id.as_deref(),
        ));
    }
    if state.testing.len() >= MAX_PLANS {
        return Err(errors::limit(format!(
            "The limit of {MAX_PLANS} restore testing plans is reached"
        )));
    }
    let answer = created(&plan);
    state.testing.insert(name.clone(), plan);
    restore_testing::schedule(cloud, &place_key(call), &name, call.now);
    Ok(answer)
}

fn created(plan: &TestingPlan) -> Reply {
    with_status(201, Times::Plain, |m| {
        m.time("CreationTime", plan.created);
        m.text("RestoreTestingPlanArn", &plan.arn);
        m.text("RestoreTestingPlanName", &plan.name);
    })
}

/// `UpdateRestoreTestingPlan`: members that are not sent keep their values.
pub(super) fn update(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let sent = map(&body, "RestoreTestingPlan")?.ok_or_else(|| errors::missing("RestoreTestingPlan"))?;
    let plan = state(cloud, call)
        .testing
        .get_mut(&labels[2])
        .ok_or_else(|| missing(&labels[2]))?;
    let expression = text(sent, "ScheduleExpression")?.unwrap_or(&plan.expression).to_owned();
    let zone = text(sent, "ScheduleExpressionTimezone")?
        .unwrap_or(&plan.zone)
        .to_owned();
    check_schedule(&expression, &zone)?;
    let start_hours = hours(sent, "StartWindowHours", 1, plan.start_hours)?;
    if let Some(points) = map(sent, "RecoveryPointSelection")? {
        plan.points = read_points(Some(points))?;
    }
    (plan.expression, plan.zone, plan.start_hours) = (expression, zone, start_hours);
    plan.updated = Some(call.now);
    // What was planned by the old schedule finds another version and does nothing.
    plan.version += 1;
    let answer = reply(Times::Plain, |m| {
        m.time("CreationTime", plan.created);
        m.text("RestoreTestingPlanArn", &plan.arn);
        m.text("RestoreTestingPlanName", &plan.name);
        m.time("UpdateTime", call.now);
    });
    restore_testing::schedule(cloud, &place_key(call), &labels[2], call.now);
    Ok(answer)
}

fn write_plan(m: &mut Members<'_>, plan: &TestingPlan) {
    m.time("CreationTime", plan.created);
    m.maybe_time("LastExecutionTime", plan.last_run);
    m.maybe_time("LastUpdateTime", plan.updated);
    m.text("RestoreTestingPlanArn", &plan.arn);
    m.text("RestoreTestingPlanName", &plan.name);
    m.text("ScheduleExpression", &plan.expression);
    m.text("ScheduleExpressionTimezone", &plan.zone);
    m.int("StartWindowHours", plan.start_hours);
}

/// `GetRestoreTestingPlan`.
pub(super) fn get(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let plan = state(cloud, call)
        .testing
        .get(&labels[2])
        .ok_or_else(|| missing(&labels[2]))?;
    Ok(reply(Times::Plain, |m| {
        m.object("RestoreTestingPlan", |m| {
            write_plan(m, plan);
            m.maybe_text("CreatorRequestId", plan.creator_request_id.as_deref());
            m.value("RecoveryPointSelection", &plan.points);
        });
    }))
}

/// `ListRestoreTestingPlans`.
pub(super) fn list(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let rows = state(cloud, call)
        .testing
        .iter()
        .map(|(name, plan)| (name.clone(), plan));
    let page = request::page(call, "testing-plans", rows, |row, token| row > token)?;
    Ok(reply(Times::Plain, |m| {
        m.list("RestoreTestingPlans", page.items, write_plan);
        m.maybe_text("NextToken", page.token.as_deref());
    }))
}

/// `DeleteRestoreTestingPlan`: only once its selections are gone; a plan that does not exist counts as deleted.
pub(super) fn delete(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    if state
        .testing
        .get(&labels[2])
        .is_some_and(|plan| !plan.selections.is_empty())
    {
        return Err(errors::refused(
            "The selections of a restore testing plan have to be deleted first",
        ));
    }
    let was_there = state.testing.remove(&labels[2]).is_some();
    Ok(Reply::empty(204).unchanged_unless(was_there))
}

/// `CreateRestoreTestingSelection`.
pub(super) fn create_selection(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let sent = map(&body, "RestoreTestingSelection")?.ok_or_else(|| errors::missing("RestoreTestingSelection"))?;
    let selection = TestingSelection {
        creator_request_id: text(&body, "CreatorRequestId")?.map(str::to_owned),
        ..read_selection(sent, call.now)?
    };
    check_role(cloud, &selection.role, Work::Restore)?;
    let plan = state(cloud, call)
        .testing
        .get_mut(&labels[2])
        .ok_or_else(|| missing(&labels[2]))?;
    if plan.selections.contains_key(&selection.name) {
        return Err(errors::exists(
            "Restore testing selection with the same name already exists",
            &plan.arn,
            None,
        ));
    }
    if plan.selections.len() >= MAX_SELECTIONS {
        return Err(errors::limit(format!(
            "A restore testing plan cannot have more than {MAX_SELECTIONS} selections"
        )));
    }
    let answer = with_status(201, Times::Plain, |m| {
        m.time("CreationTime", selection.created);
        m.text("RestoreTestingPlanArn", &plan.arn);
        m.text("RestoreTestingPlanName", &plan.name);
        m.text("RestoreTestingSelectionName", &selection.name);
    });
    plan.selections.insert(selection.name.clone(), selection);
    Ok(answer)
}

fn plan_of<'a>(state: &'a State, labels: &[String]) -> Result<&'a TestingPlan, ApiError> {
    state.testing.get(&labels[2]).ok_or_else(|| missing(&labels[2]))
}

fn missing_selection(name: &str) -> ApiError {
    errors::not_found(format!("Restore testing selection {name} does not exist."))
}

fn write_selection(m: &mut Members<'_>, plan: &TestingPlan, selection: &TestingSelection) {
    m.time("CreationTime", selection.created);
    m.text("IamRoleArn", &selection.role);
    m.text("ProtectedResourceType", &selection.resource_type);
    m.text("RestoreTestingPlanName", &plan.name);
    m.text("RestoreTestingSelectionName", &selection.name);
    m.int("ValidationWindowHours", selection.validation_hours);
}

/// `GetRestoreTestingSelection`.
pub(super) fn get_selection(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let plan = plan_of(state(cloud, call), labels)?;
    let selection = plan
        .selections
        .get(&labels[4])
        .ok_or_else(|| missing_selection(&labels[4]))?;
    Ok(reply(Times::Plain, |m| {
        m.object("RestoreTestingSelection", |m| {
            write_selection(m, plan, selection);
            m.maybe_text("CreatorRequestId", selection.creator_request_id.as_deref());
            m.value("ProtectedResourceArns", &selection.arns);
            m.value("ProtectedResourceConditions", &selection.conditions);
            m.value("RestoreMetadataOverrides", &selection.overrides);
        });
    }))
}

/// `ListRestoreTestingSelections`.
pub(super) fn list_selections(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let plan = plan_of(state(cloud, call), labels)?;
    let rows = plan
        .selections
        .iter()
        .map(|(name, selection)| (name.clone(), selection));
    let page = request::page(call, "testing-selections", rows, |row, token| row > token)?;
    Ok(reply(Times::Plain, |m| {
        m.list("RestoreTestingSelections", page.items, |m, selection| {
            write_selection(m, plan, selection)
        });
        m.maybe_text("NextToken", page.token.as_deref());
    }))
}

/// `DeleteRestoreTestingSelection`.
pub(super) fn delete_selection(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let plan = state(cloud, call)
        .testing
        .get_mut(&labels[2])
        .ok_or_else(|| missing(&labels[2]))?;
    plan.selections
        .remove(&labels[4])
        .ok_or_else(|| missing_selection(&labels[4]))?;
    Ok(Reply::empty(204))
}
