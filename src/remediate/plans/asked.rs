//! Plans and selections as AWS has them now.

use std::collections::BTreeMap;

use aws_sdk_backup::operation::get_backup_plan::GetBackupPlanOutput;
use aws_sdk_backup::operation::get_backup_selection::GetBackupSelectionOutput;
use aws_sdk_backup::operation::list_backup_plan_versions::ListBackupPlanVersionsOutput;
use aws_sdk_backup::operation::list_backup_plans::ListBackupPlansOutput;
use aws_sdk_backup::operation::list_backup_selections::ListBackupSelectionsOutput;
use aws_sdk_backup::operation::list_tags::ListTagsOutput;
use aws_sdk_backup::types::{BackupPlansListMember, BackupSelection, BackupSelectionsListMember};
use aws_sdk_dynamodb::operation::list_tags_of_resource::ListTagsOfResourceOutput;
use aws_sdk_dynamodb::types::{TableStatus, Tag};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::rule::Rule;
use crate::aws::call::Page;
use crate::aws::failure::Failure;
use crate::aws::raw::RawAnswer;
use crate::aws::target::Target;
use crate::collect::instant;
use crate::remediate::actions::Obstacle;
use crate::text::one_line;

pub(crate) const LIST_PLANS: &str = "backup:ListBackupPlans";
pub(crate) const GET_PLAN: &str = "backup:GetBackupPlan";
pub(crate) const LIST_VERSIONS: &str = "backup:ListBackupPlanVersions";
pub(crate) const LIST_SELECTIONS: &str = "backup:ListBackupSelections";
pub(crate) const GET_SELECTION: &str = "backup:GetBackupSelection";
pub(crate) const LIST_TAGS: &str = "backup:ListTags";
pub(crate) const DESCRIBE_TABLE: &str = "dynamodb:DescribeTable";
pub(crate) const LIST_TABLE_TAGS: &str = "dynamodb:ListTagsOfResource";

/// The tags that CloudFormation puts on what it manages begin so.
const CLOUDFORMATION: &str = "aws:cloudformation:";

/// The live plan of this name: one at most, as AWS has it.
///
/// API, calls and errors: as [`plans`].
pub(crate) async fn plan_named(target: &Target, name: &str) -> Result<Option<BackupPlansListMember>, Failure> {
    let plans = plans(target).await?;
    Ok(plans.into_iter().find(|plan| plan.backup_plan_name() == Some(name)))
}

/// The first selection that hands over this role and was made since then: its name and that of its plan. `None`: no selection does.
///
/// API: backup:ListBackupPlans, backup:ListBackupSelections. Calls: 1, and 1 for each plan. Errors: AWS's refusal, or a
/// selection of which the role is not told.
pub(crate) async fn user_of_role(
    target: &Target,
    role_arn: &str,
    since: Option<DateTime<Utc>>,
) -> Result<Option<(String, String)>, Failure> {
    for plan in plans(target).await? {
        let (mut user, mut untold) = (None, false);
        let name = |text: Option<&str>| text.unwrap_or_default().to_owned();
        each_selection(target, plan.backup_plan_id().unwrap_or_default(), |selection| {
            untold |= selection.iam_role_arn().is_none();
            let is_old = since
                .zip(instant(selection.creation_date()))
                .is_some_and(|(since, made)| made < since);
            if selection.iam_role_arn() == Some(role_arn) && !is_old && user.is_none() {
                user = Some((name(selection.selection_name()), name(plan.backup_plan_name())));
            }
        })
        .await?;
        if user.is_some() {
            return Ok(user);
        }
        if untold {
            let why = format!("the answer to {LIST_SELECTIONS} does not tell every role");
            return Err(Failure::broken(&why, None));
        }
    }
    Ok(None)
}

/// The live plans.
///
/// API: backup:ListBackupPlans, paged by 1,000. Calls: 1 for each page. Errors: AWS's refusal.
async fn plans(target: &Target) -> Result<Vec<BackupPlansListMember>, Failure> {
    let send = |token| {
        target
            .backup
            .list_backup_plans()
            .max_results(1000)
            .set_next_token(token)
            .send()
    };
    fn page(page: &ListBackupPlansOutput) -> Page<'_, BackupPlansListMember> {
        (page.backup_plans_list.as_ref(), page.next_token())
    }
    let mut found = Vec::new();
    let take = |listed: &[BackupPlansListMember]| {
        found.extend(listed.iter().cloned());
        Ok::<_, Failure>(listed.iter().filter(|plan| plan.backup_plan_id().is_none()).count())
    };
    target.caller.list(LIST_PLANS, "", send, page, take).await?;
    Ok(found)
}

/// A plan as the SDK reads it, and as AWS wrote it.
pub(crate) struct PlanNow {
    /// Of the version in force.
    pub(crate) version_id: String,
    pub(crate) arn: String,
    pub(crate) creator_request_id: Option<String>,
    /// Its rules, by name.
    pub(crate) rules: BTreeMap<String, Rule>,
    /// `BackupPlan`, as JSON.
    pub(crate) document: Value,
}

/// One plan.
///
/// API: backup:GetBackupPlan. Calls: 1. Errors: AWS's refusal, a deleted plan, or an answer that is not whole.
pub(crate) async fn plan(target: &Target, plan_id: &str) -> Result<PlanNow, Failure> {
    let raw = RawAnswer::default();
    let send = || {
        let get = target.backup.get_backup_plan().backup_plan_id(plan_id).customize();
        get.interceptor(raw.clone()).send()
    };
    let whole = |answer: GetBackupPlanOutput| {
        if answer.deletion_date().is_some() || answer.backup_plan_id().is_some_and(|id| id != plan_id) {
            return None;
        }
        let document = raw
            .json()?
            .get("BackupPlan")
            .filter(|plan| plan["Rules"].is_array())?
            .clone();
        let rules = answer.backup_plan()?.rules().iter();
        Some(PlanNow {
            version_id: answer.version_id()?.to_owned(),
            arn: answer.backup_plan_arn()?.to_owned(),
            creator_request_id: answer.creator_request_id().map(str::to_owned),
            rules: rules
                .map(|rule| (rule.rule_name().to_owned(), Rule::of_answer(rule)))
                .collect(),
            document,
        })
    };
    let what = "live plan of this id with its rules, version and ARN";
    target.caller.part(GET_PLAN, plan_id, send, what, whole).await
}

/// The ids of all versions of a plan.
///
/// API: backup:ListBackupPlanVersions, paged by 1,000. Calls: 1 for each page. Errors: AWS's refusal.
pub(crate) async fn versions(target: &Target, plan_id: &str) -> Result<Vec<String>, Failure> {
    let send = |token| {
        let list = target.backup.list_backup_plan_versions().backup_plan_id(plan_id);
        list.max_results(1000).set_next_token(token).send()
    };
    fn page(page: &ListBackupPlanVersionsOutput) -> Page<'_, BackupPlansListMember> {
        (page.backup_plan_versions_list.as_ref(), page.next_token())
    }
    let mut ids: Vec<String> = Vec::new();
    let take = |listed: &[BackupPlansListMember]| {
        let before = ids.len();
        ids.extend(
            listed
                .iter()
                .filter_map(|version| version.version_id().map(str::to_owned)),
        );
        Ok::<_, Failure>(listed.len() - (ids.len() - before))
    };
    target.caller.list(LIST_VERSIONS, plan_id, send, page, take).await?;
    Ok(ids)
}

/// The selections of a plan: name and id.
///
/// API: backup:ListBackupSelections, paged by 1,000. Calls: 1 for each page. Errors: AWS's refusal.
pub(crate) async fn selections(target: &Target, plan_id: &str) -> Result<Vec<(String, String)>, Failure> {
    let mut found: Vec<(String, String)> = Vec::new();
    each_selection(target, plan_id, |one| {
        found.extend(
            one.selection_name()
                .zip(one.selection_id())
                .map(|(name, id)| (name.to_owned(), id.to_owned())),
        );
    })
    .await?;
    Ok(found)
}

async fn each_selection(
    target: &Target,
    plan_id: &str,
    mut note: impl FnMut(&BackupSelectionsListMember),
) -> Result<(), Failure> {
    let send = |token| {
        let list = target.backup.list_backup_selections().backup_plan_id(plan_id);
        list.max_results(1000).set_next_token(token).send()
    };
    fn page(page: &ListBackupSelectionsOutput) -> Page<'_, BackupSelectionsListMember> {
        (page.backup_selections_list.as_ref(), page.next_token())
    }
    let take = |listed: &[BackupSelectionsListMember]| {
        listed.iter().for_each(&mut note);
        let is_named =
            |one: &&BackupSelectionsListMember| one.selection_name().is_some() && one.selection_id().is_some();
        Ok::<_, Failure>(listed.len() - listed.iter().filter(is_named).count())
    };
    target.caller.list(LIST_SELECTIONS, plan_id, send, page, take).await
}

/// One selection.
///
/// API: backup:GetBackupSelection. Calls: 1. Errors: AWS's refusal, or another selection in the answer.
pub(crate) async fn selection(target: &Target, plan_id: &str, id: &str) -> Result<BackupSelection, Failure> {
    let send = || {
        target
            .backup
            .get_backup_selection()
            .backup_plan_id(plan_id)
            .selection_id(id)
            .send()
    };
    let whole = |answer: GetBackupSelectionOutput| {
        let is_it = answer.selection_id().is_none_or(|found| found == id);
        answer.backup_selection.filter(|_| is_it)
    };
    target
        .caller
        .part(GET_SELECTION, id, send, "selection of this id", whole)
        .await
}

/// The tags of something of AWS Backup.
///
/// API: backup:ListTags, paged. Calls: 1 for each page. Errors: AWS's refusal, or an answer without tags.
pub(crate) async fn tags(target: &Target, arn: &str) -> Result<BTreeMap<String, String>, Failure> {
    let (mut tags, mut token) = (BTreeMap::new(), None::<String>);
    loop {
        let send = || {
            target
                .backup
                .list_tags()
                .resource_arn(arn)
                .set_next_token(token.clone())
                .send()
        };
        let part = |answer: ListTagsOutput| Some((answer.tags?, answer.next_token));
        let (more, next) = target.caller.part(LIST_TAGS, arn, send, "tags", part).await?;
        tags.extend(more);
        match next.filter(|next| !next.is_empty() && token.as_ref() != Some(next)) {
            None => return Ok(tags),
            next => token = next,
        }
    }
}

/// Whose plan it is, by its tags, if nobody may change it but that one.
///
/// API: backup:ListTags. Calls: 1. Errors: AWS's refusal, in words.
pub(crate) async fn check_owner(target: &Target, arn: &str) -> Result<(), Obstacle> {
    let tags = tags(target, arn).await?;
    if !tags.keys().any(|key| key.starts_with(CLOUDFORMATION)) {
        return Ok(());
    }
    let stack = tags
        .get("aws:cloudformation:stack-name")
        .map_or("a stack", String::as_str);
    Err(format!(
        "CloudFormation manages the plan, by stack `{}`: whoever keeps its template changes it there",
        one_line(stack)
    )
    .into())
}

/// Is the table there, and still the one that was judged?
///
/// API: dynamodb:DescribeTable. Calls: 1. Errors: AWS's refusal, or another table of the same name.
pub(crate) async fn check_incarnation(target: &Target, name: &str, table_id: Option<&str>) -> Result<(), Obstacle> {
    let send = || target.dynamodb.describe_table().table_name(name).send();
    let answer = target.caller.once(DESCRIBE_TABLE, name, send).await;
    let answer = answer.map_err(|failure| Obstacle::from(failure).of(&format!("table `{}`", one_line(name))))?;
    let table = answer
        .table()
        .ok_or_else(|| Obstacle::Unread(format!("the answer to {DESCRIBE_TABLE} holds no table")))?;
    if table.table_status() == Some(&TableStatus::Deleting) {
        return Err(format!("table `{}` is being deleted", one_line(name)).into());
    }
    if table.table_id() == table_id {
        return Ok(());
    }
    Err(format!(
        "table `{}` was deleted and created again (table id {} is now {})",
        one_line(name),
        table_id.unwrap_or("none"),
        table.table_id().unwrap_or("none")
    )
    .into())
}

/// The tags of a table.
///
/// API: dynamodb:ListTagsOfResource, paged by 10. Calls: 1 for each page. Errors: AWS's refusal.
pub(crate) async fn table_tags(target: &Target, arn: &str) -> Result<BTreeMap<String, String>, Failure> {
    let send = |token| {
        target
            .dynamodb
            .list_tags_of_resource()
            .resource_arn(arn)
            .set_next_token(token)
            .send()
    };
    fn page(page: &ListTagsOfResourceOutput) -> Page<'_, Tag> {
        (page.tags.as_ref(), page.next_token())
    }
    let mut tags = BTreeMap::new();
    let take = |listed: &[Tag]| {
        tags.extend(listed.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())));
        Ok::<_, Failure>(listed.iter().filter(|tag| tag.key().is_empty()).count())
    };
    target.caller.list(LIST_TABLE_TAGS, arn, send, page, take).await?;
    Ok(tags)
}
