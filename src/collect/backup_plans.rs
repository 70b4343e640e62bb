//! The live backup plans of a target, their rules and their selections.

use aws_sdk_backup::operation::get_backup_plan::GetBackupPlanOutput;
use aws_sdk_backup::operation::get_backup_selection::GetBackupSelectionOutput;
use aws_sdk_backup::operation::list_backup_plan_versions::ListBackupPlanVersionsOutput;
use aws_sdk_backup::operation::list_backup_plans::ListBackupPlansOutput;
use aws_sdk_backup::operation::list_backup_selections::ListBackupSelectionsOutput;
use aws_sdk_backup::types::{
    BackupPlansListMember, BackupRule, BackupSelection, BackupSelectionsListMember, ConditionParameter, Conditions,
};
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use super::tags::DecidingKeys;
use super::{CONCURRENT_CALLS, Context, Page, Stop, gap, is_span, text};
use crate::inventory::schema::{Plan, PlanRule, PlanVersion, Selection};

/// API: backup:ListBackupPlans (paged by 1,000), then per plan backup:GetBackupPlan, backup:ListBackupPlanVersions and
/// backup:ListBackupSelections (each paged by 1,000), then per selection backup:GetBackupSelection. Calls: 1 + 3p + s, of
/// what is wanted. Errors: each becomes a gap of that plan or selection.
pub(super) async fn collect(context: &Context<'_>) -> Result<DecidingKeys, Stop> {
    let wanted = |frame| context.wanted.has(frame);
    let mut deciding = DecidingKeys::default();
    if !wanted("plans") {
        return Ok(deciding);
    }
    context.push::<Plan>(&[])?;
    if wanted("plan_rules") {
        context.push::<PlanRule>(&[])?;
    }
    if wanted("plan_versions") {
        context.push::<PlanVersion>(&[])?;
    }
    if wanted("selections") {
        context.push::<Selection>(&[])?;
    }
    let plans = plans(context).await?;
    let mut results =
        stream::iter(plans.iter().map(|plan| one_plan(context, &plan.plan_id))).buffer_unordered(CONCURRENT_CALLS);
    while let Some(result) = results.next().await {
        for selection in result? {
            deciding.add(&selection);
        }
    }
    Ok(deciding)
}

/// What is wanted of one plan, at the same time. Gives its selections.
async fn one_plan(context: &Context<'_>, plan_id: &str) -> Result<Vec<Selection>, Stop> {
    let rules = async {
        if context.wanted.has("plan_rules") {
            rules(context, plan_id).await
        } else {
            Ok(())
        }
    };
    let versions = async {
        if context.wanted.has("plan_versions") {
            versions(context, plan_id).await
        } else {
            Ok(())
        }
    };
    let selections = async {
        if context.wanted.has("selections") {
            selections(context, plan_id).await
        } else {
            Ok(Vec::new())
        }
    };
    futures_util::try_join!(rules, versions, selections).map(|((), (), selections)| selections)
}

async fn versions(context: &Context<'_>, plan_id: &str) -> Result<(), Stop> {
    let mut rows: Vec<PlanVersion> = Vec::new();
    let send = |token| {
        let list = context
            .target
            .backup
            .list_backup_plan_versions()
            .backup_plan_id(plan_id);
        list.max_results(1000).set_next_token(token).send()
    };
    fn page(page: &ListBackupPlanVersionsOutput) -> Page<'_, BackupPlansListMember> {
        (page.backup_plan_versions_list.as_ref(), page.next_token())
    }
    let take = |versions: &[BackupPlansListMember]| {
        rows.extend(versions.iter().map(|version| PlanVersion {
            account_id: context.account_id(),
            region: context.region(),
            plan_id: plan_id.to_owned(),
            version_id: version.version_id().map(str::to_owned),
            created_at: context.past(version.creation_date()),
        }));
        // A version from an unknown time might be the latest.
        let is_whole = |version: &&BackupPlansListMember| context.past(version.creation_date()).is_some();
        Ok(versions.len() - versions.iter().filter(is_whole).count())
    };
    let action = "backup:ListBackupPlanVersions";
    context.list(action, plan_id, send, page, take).await?;
    Ok(context.push(&rows)?)
}

async fn plans(context: &Context<'_>) -> Result<Vec<Plan>, Stop> {
    let mut plans: Vec<Plan> = Vec::new();
    let send = |token| {
        context
            .target
            .backup
            .list_backup_plans()
            .max_results(1000)
            .set_next_token(token)
            .send()
    };
    fn page(page: &ListBackupPlansOutput) -> Page<'_, BackupPlansListMember> {
        (page.backup_plans_list.as_ref(), page.next_token())
    }
    let take = |listed: &[BackupPlansListMember]| {
        let before = plans.len();
        plans.extend(listed.iter().filter_map(|plan| plan_row(context, plan)));
        Ok(listed.len() - (plans.len() - before))
    };
    context.list("backup:ListBackupPlans", "", send, page, take).await?;
    context.push(&plans)?;
    Ok(plans)
}

fn plan_row(context: &Context<'_>, plan: &BackupPlansListMember) -> Option<Plan> {
    Some(Plan {
        account_id: context.account_id(),
        region: context.region(),
        plan_id: text(plan.backup_plan_id())?,
        plan_name: plan.backup_plan_name().map(str::to_owned),
        version_id: plan.version_id().map(str::to_owned),
        created_at: context.past(plan.creation_date()),
        last_execution_at: context.past(plan.last_execution_date()),
    })
}

async fn rules(context: &Context<'_>, plan_id: &str) -> Result<(), Stop> {
    let send = || context.target.backup.get_backup_plan().backup_plan_id(plan_id).send();
    // There is no plan without a rule, and no rule that cannot be read is left out.
    let of_plan = |answer: GetBackupPlanOutput| {
        let is_this = answer.backup_plan_id().is_none_or(|id| id == plan_id);
        let rules = answer.backup_plan.filter(|_| is_this)?.rules;
        (!rules.is_empty() && rules.iter().all(is_whole)).then_some(rules)
    };
    let caller = &context.target.caller;
    let rules = match caller
        .part(
            "backup:GetBackupPlan",
            plan_id,
            send,
            "plan of this id with rules that can be read",
            of_plan,
        )
        .await
    {
        Ok(rules) => rules,
        Err(failure) => return gap(context.target, &failure),
    };
    let rows: Vec<PlanRule> = rules.iter().map(|rule| rule_row(context, plan_id, rule)).collect();
    Ok(context.push(&rows)?)
}

/// Has it a name and a vault, and numbers that AWS Backup takes?
fn is_whole(rule: &BackupRule) -> bool {
    let of_copies = rule.copy_actions().iter().map(|copy| copy.lifecycle());
    let mut lifecycles = of_copies.chain([rule.lifecycle()]).flatten();
    !rule.rule_name().is_empty()
        && !rule.target_backup_vault_name().is_empty()
        && is_span(rule.start_window_minutes())
        && is_span(rule.completion_window_minutes())
        && rule
            .copy_actions()
            .iter()
            .all(|copy| !copy.destination_backup_vault_arn().is_empty())
        && lifecycles.all(|lifecycle| {
            is_span(lifecycle.move_to_cold_storage_after_days()) && is_span(lifecycle.delete_after_days())
        })
}

fn rule_row(context: &Context<'_>, plan_id: &str, rule: &BackupRule) -> PlanRule {
    let copies: Vec<_> = rule
        .copy_actions()
        .iter()
        .map(|copy| {
            let lifecycle = copy.lifecycle();
            json!({
                "destination_vault_arn": copy.destination_backup_vault_arn(),
                "cold_after_days": lifecycle.and_then(|lifecycle| lifecycle.move_to_cold_storage_after_days()),
                "delete_after_days": lifecycle.and_then(|lifecycle| lifecycle.delete_after_days()),
            })
        })
        .collect();
    let lifecycle = rule.lifecycle();
    PlanRule {
        account_id: context.account_id(),
        region: context.region(),
        plan_id: plan_id.to_owned(),
        rule_id: rule.rule_id().map(str::to_owned),
        rule_name: rule.rule_name().to_owned(),
        vault_name: rule.target_backup_vault_name().to_owned(),
        air_gapped_vault_arn: rule.target_logically_air_gapped_backup_vault_arn().map(str::to_owned),
        schedule: rule.schedule_expression().map(str::to_owned),
        schedule_time_zone: rule.schedule_expression_timezone().map(str::to_owned),
        start_window_minutes: rule.start_window_minutes(),
        completion_window_minutes: rule.completion_window_minutes(),
        cold_after_days: lifecycle.and_then(|lifecycle| lifecycle.move_to_cold_storage_after_days()),
        delete_after_days: lifecycle.and_then(|lifecycle| lifecycle.delete_after_days()),
        copy_actions_json: json!(copies).to_string(),
    }
}

async fn selections(context: &Context<'_>, plan_id: &str) -> Result<Vec<Selection>, Stop> {
    let mut ids: Vec<String> = Vec::new();
    let send = |token| {
        let list = context.target.backup.list_backup_selections().backup_plan_id(plan_id);
        list.max_results(1000).set_next_token(token).send()
    };
    fn page(page: &ListBackupSelectionsOutput) -> Page<'_, BackupSelectionsListMember> {
        (page.backup_selections_list.as_ref(), page.next_token())
    }
    let take = |listed: &[BackupSelectionsListMember]| {
        let before = ids.len();
        ids.extend(listed.iter().filter_map(|one| text(one.selection_id())));
        Ok(listed.len() - (ids.len() - before))
    };
    // Selections named before a failure are read all the same: they may take the table.
    let action = "backup:ListBackupSelections";
    context.list(action, plan_id, send, page, take).await?;
    let mut rows = Vec::new();
    let mut results =
        stream::iter(ids.iter().map(|id| selection(context, plan_id, id))).buffer_unordered(CONCURRENT_CALLS);
    while let Some(row) = results.next().await {
        rows.extend(row?);
    }
    context.push(&rows)?;
    Ok(rows)
}

/// The resource of a selection in the call log: plan and selection, since selection ids alone say nothing.
pub(crate) fn selection_resource(plan_id: &str, selection_id: &str) -> String {
    format!("{plan_id} {selection_id}")
}

async fn selection(context: &Context<'_>, plan_id: &str, id: &str) -> Result<Option<Selection>, Stop> {
    let send = || {
        let get = context.target.backup.get_backup_selection();
        get.backup_plan_id(plan_id).selection_id(id).send()
    };
    let both =
        |answer: GetBackupSelectionOutput| Some((context.past(answer.creation_date()), answer.backup_selection?));
    let is_this = |answer: &GetBackupSelectionOutput| {
        answer.selection_id().is_none_or(|selection_id| selection_id == id)
            && answer.backup_plan_id().is_none_or(|id| id == plan_id)
    };
    let whole = |answer| {
        Some(answer)
            .filter(is_this)
            .and_then(both)
            .filter(|(_, selection)| says_all(selection))
    };
    let resource = selection_resource(plan_id, id);
    let caller = &context.target.caller;
    let what = "selection of this id with all its clauses";
    match caller
        .part("backup:GetBackupSelection", &resource, send, what, whole)
        .await
    {
        Ok((created_at, selection)) => Ok(Some(Selection {
            created_at,
            ..selection_row(context, plan_id, id, &selection)
        })),
        Err(failure) => gap(context.target, &failure).map(|()| None),
    }
}

/// Does it have a name, and every clause? AWS sends each, the empty ones too; an operator that is not known here stands in
/// the place of one that is.
fn says_all(selection: &BackupSelection) -> bool {
    let has_all = |all: &Conditions| {
        all.string_equals.is_some()
            && all.string_not_equals.is_some()
            && all.string_like.is_some()
            && all.string_not_like.is_some()
    };
    !selection.selection_name().is_empty()
        && selection.resources.is_some()
        && selection.not_resources.is_some()
        && selection.list_of_tags.is_some()
        && selection.conditions().is_some_and(has_all)
}

fn selection_row(context: &Context<'_>, plan_id: &str, id: &str, selection: &BackupSelection) -> Selection {
    let tags: Vec<_> = selection
        .list_of_tags()
        .iter()
        .map(|tag| {
            json!([
                tag.condition_type().as_str(),
                tag.condition_key(),
                tag.condition_value()
            ])
        })
        .collect();
    let mut conditions = Vec::new();
    if let Some(all) = selection.conditions() {
        let mut add = |operator: &str, entries: &[ConditionParameter]| {
            conditions.extend(
                entries
                    .iter()
                    .map(|entry| json!([operator, entry.condition_key(), entry.condition_value()])),
            );
        };
        add("StringEquals", all.string_equals());
        add("StringNotEquals", all.string_not_equals());
        add("StringLike", all.string_like());
        add("StringNotLike", all.string_not_like());
    }
    Selection {
        account_id: context.account_id(),
        region: context.region(),
        plan_id: plan_id.to_owned(),
        selection_id: id.to_owned(),
        selection_name: selection.selection_name().to_owned(),
        created_at: None,
        role_arn: Some(selection.iam_role_arn().to_owned()).filter(|arn| !arn.is_empty()),
        resources_json: json!(selection.resources()).to_string(),
        not_resources_json: json!(selection.not_resources()).to_string(),
        list_of_tags_json: json!(tags).to_string(),
        conditions_json: json!(conditions).to_string(),
    }
}
