//! The restore testing plans of a target and their selections of DynamoDB tables: which restores AWS tries by itself.

use aws_sdk_backup::operation::get_restore_testing_plan::GetRestoreTestingPlanOutput;
use aws_sdk_backup::operation::get_restore_testing_selection::GetRestoreTestingSelectionOutput;
use aws_sdk_backup::operation::list_restore_testing_plans::ListRestoreTestingPlansOutput;
use aws_sdk_backup::operation::list_restore_testing_selections::ListRestoreTestingSelectionsOutput;
use aws_sdk_backup::types::{
    KeyValue, RestoreTestingPlanForList, RestoreTestingRecoveryPointSelection, RestoreTestingSelectionForGet,
    RestoreTestingSelectionForList,
};
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use super::backup_plans::selection_resource;
use super::{CONCURRENT_CALLS, Context, Page, Stop, gap};
use crate::inventory::schema::{RestoreTestingPlan, RestoreTestingSelection};

/// API: backup:ListRestoreTestingPlans (paged by 1,000), then per plan backup:GetRestoreTestingPlan and
/// backup:ListRestoreTestingSelections (paged by 1,000), then per selection of DynamoDB
/// backup:GetRestoreTestingSelection. Calls: 1 + 2p + s, of what is wanted. Errors: each becomes a gap of that plan or
/// selection; a plan that was listed and could not be read keeps its row, without what only the reading tells.
pub(super) async fn collect(context: &Context<'_>) -> Result<(), Stop> {
    let wants_selections = context.wanted.has("restore_testing_selections");
    if !context.wanted.has("restore_testing_plans") {
        return Ok(());
    }
    if wants_selections {
        context.push::<RestoreTestingSelection>(&[])?;
    }
    let plans = plans(context).await?;
    let mut results = stream::iter(plans.into_iter().map(|mut plan| async move {
        let name = plan.plan_name.clone();
        let selections = async {
            if wants_selections {
                selections(context, &name).await
            } else {
                Ok(())
            }
        };
        let (points, ()) = futures_util::try_join!(points(context, &name), selections)?;
        if let Some(points) = &points {
            fill_points(&mut plan, points);
        }
        Ok::<RestoreTestingPlan, Stop>(plan)
    }))
    .buffer_unordered(CONCURRENT_CALLS);
    let mut rows = Vec::new();
    while let Some(plan) = results.next().await {
        rows.push(plan?);
    }
    Ok(context.push(&rows)?)
}

async fn plans(context: &Context<'_>) -> Result<Vec<RestoreTestingPlan>, Stop> {
    let mut plans = Vec::new();
    let send = |token| {
        let list = context.target.backup.list_restore_testing_plans();
        list.max_results(1000).set_next_token(token).send()
    };
    fn page(page: &ListRestoreTestingPlansOutput) -> Page<'_, RestoreTestingPlanForList> {
        (Some(&page.restore_testing_plans), page.next_token())
    }
    let take = |listed: &[RestoreTestingPlanForList]| {
        let named = listed
            .iter()
            .filter(|plan| !plan.restore_testing_plan_name().is_empty() && plan.start_window_hours() >= 0);
        let before = plans.len();
        plans.extend(named.map(|plan| plan_row(context, plan)));
        Ok(listed.len() - (plans.len() - before))
    };
    // Plans named before a failure are read all the same: they may test the table.
    context
        .list("backup:ListRestoreTestingPlans", "", send, page, take)
        .await?;
    Ok(plans)
}

fn plan_row(context: &Context<'_>, plan: &RestoreTestingPlanForList) -> RestoreTestingPlan {
    RestoreTestingPlan {
        account_id: context.account_id(),
        region: context.region(),
        plan_name: plan.restore_testing_plan_name().to_owned(),
        plan_arn: plan.restore_testing_plan_arn().to_owned(),
        schedule: plan.schedule_expression().to_owned(),
        schedule_time_zone: plan.schedule_expression_timezone().map(str::to_owned),
        last_execution_at: context.past(plan.last_execution_time()),
        start_window_hours: sent(plan.start_window_hours()),
        algorithm: None,
        include_vaults_json: None,
        exclude_vaults_json: None,
        recovery_point_types_json: None,
        selection_window_days: None,
    }
}

/// The SDK reads a number that is missing as 0, which is out of range for these.
fn sent(number: i32) -> Option<i64> {
    (number > 0).then_some(i64::from(number))
}

fn fill_points(plan: &mut RestoreTestingPlan, points: &RestoreTestingRecoveryPointSelection) {
    let types: Vec<&str> = points.recovery_point_types().iter().map(|kind| kind.as_str()).collect();
    plan.algorithm = points.algorithm().map(|algorithm| algorithm.as_str().to_owned());
    plan.include_vaults_json = Some(json!(points.include_vaults()).to_string());
    plan.exclude_vaults_json = Some(json!(points.exclude_vaults()).to_string());
    plan.recovery_point_types_json = Some(json!(types).to_string());
    plan.selection_window_days = sent(points.selection_window_days());
}

/// Which recovery points a plan restores: the one thing that the list leaves out.
async fn points(context: &Context<'_>, plan_name: &str) -> Result<Option<RestoreTestingRecoveryPointSelection>, Stop> {
    let send = || {
        let get = context.target.backup.get_restore_testing_plan();
        get.restore_testing_plan_name(plan_name).send()
    };
    // What must be there the SDK fills in where it is not: a plan has a name.
    let points = |answer: GetRestoreTestingPlanOutput| {
        let named = answer
            .restore_testing_plan
            .filter(|plan| plan.restore_testing_plan_name() == plan_name);
        let points = named?.recovery_point_selection;
        points.filter(|points| points.selection_window_days() >= 0)
    };
    let what = "plan with its recovery points";
    let caller = &context.target.caller;
    match caller
        .part("backup:GetRestoreTestingPlan", plan_name, send, what, points)
        .await
    {
        Ok(points) => Ok(Some(points)),
        Err(failure) => gap(context.target, &failure).map(|()| None),
    }
}

async fn selections(context: &Context<'_>, plan_name: &str) -> Result<(), Stop> {
    let mut names: Vec<String> = Vec::new();
    let send = |token| {
        let list = context.target.backup.list_restore_testing_selections();
        list.restore_testing_plan_name(plan_name)
            .max_results(1000)
            .set_next_token(token)
            .send()
    };
    fn page(page: &ListRestoreTestingSelectionsOutput) -> Page<'_, RestoreTestingSelectionForList> {
        (Some(&page.restore_testing_selections), page.next_token())
    }
    let take = |listed: &[RestoreTestingSelectionForList]| {
        let mut unplaced = 0;
        for one in listed {
            let (kind, name) = (one.protected_resource_type(), one.restore_testing_selection_name());
            if kind.is_empty() || name.is_empty() {
                unplaced += 1;
            } else if kind.eq_ignore_ascii_case("DynamoDB") {
                names.push(name.to_owned());
            }
        }
        Ok(unplaced)
    };
    let action = "backup:ListRestoreTestingSelections";
    context.list(action, plan_name, send, page, take).await?;
    let mut rows = Vec::new();
    let mut results =
        stream::iter(names.iter().map(|name| selection(context, plan_name, name))).buffer_unordered(CONCURRENT_CALLS);
    while let Some(row) = results.next().await {
        rows.extend(row?);
    }
    Ok(context.push(&rows)?)
}

async fn selection(
    context: &Context<'_>,
    plan_name: &str,
    name: &str,
) -> Result<Option<RestoreTestingSelection>, Stop> {
    let send = || {
        let get = context.target.backup.get_restore_testing_selection();
        get.restore_testing_plan_name(plan_name)
            .restore_testing_selection_name(name)
            .send()
    };
    let of_tables = |answer: GetRestoreTestingSelectionOutput| {
        let selection = answer.restore_testing_selection?;
        Some(selection).filter(|selection| {
            let is_this = selection.restore_testing_selection_name() == name;
            is_this && !selection.protected_resource_type().is_empty() && selection.validation_window_hours() >= 0
        })
    };
    let resource = selection_resource(plan_name, name);
    let caller = &context.target.caller;
    match caller
        .part(
            "backup:GetRestoreTestingSelection",
            &resource,
            send,
            "selection",
            of_tables,
        )
        .await
    {
        Ok(selection) => Ok(Some(selection_row(context, plan_name, name, &selection))),
        Err(failure) => gap(context.target, &failure).map(|()| None),
    }
}

fn selection_row(
    context: &Context<'_>,
    plan_name: &str,
    name: &str,
    selection: &RestoreTestingSelectionForGet,
) -> RestoreTestingSelection {
    let mut conditions = Vec::new();
    if let Some(all) = selection.protected_resource_conditions() {
        let mut add = |operator: &str, entries: &[KeyValue]| {
            conditions.extend(
                entries
                    .iter()
                    .map(|entry| json!([operator, entry.key(), entry.value()])),
            );
        };
        add("StringEquals", all.string_equals());
        add("StringNotEquals", all.string_not_equals());
    }
    RestoreTestingSelection {
        account_id: context.account_id(),
        region: context.region(),
        plan_name: plan_name.to_owned(),
        selection_name: name.to_owned(),
        protected_resource_type: selection.protected_resource_type().to_owned(),
        resource_arns_json: json!(selection.protected_resource_arns()).to_string(),
        conditions_json: json!(conditions).to_string(),
        role_arn: Some(selection.iam_role_arn().to_owned()).filter(|arn| !arn.is_empty()),
        validation_window_hours: i64::from(selection.validation_window_hours()),
    }
}
