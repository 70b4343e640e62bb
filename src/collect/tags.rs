//! The tags of all tables of a target, 100 tables a call.

use aws_sdk_resourcegroupstagging::operation::get_resources::GetResourcesOutput;

use aws_sdk_dynamodb::operation::list_tags_of_resource::ListTagsOfResourceOutput;
use chrono::TimeDelta;

use super::{Context, Stop, next};
use crate::inventory::schema::{Table, TableTag};

/// API: tag:GetResources, paged by 100. Calls: tables that are or were tagged / 100. Errors: become a gap.
///
/// Tables that never had a tag are not in the answer: a table without rows has no tags if this call ended well. The
/// rows are written only then, so that half a list is never read as a whole one.
pub(super) async fn collect(context: &Context<'_>) -> Result<(), Stop> {
    if !context.wanted.has("table_tags") {
        return Ok(());
    }
    context.push::<TableTag>(&[])?;
    let mut tags: Vec<TableTag> = Vec::new();
    let send = |token| {
        let list = context
            .target
            .tagging
            .get_resources()
            .resource_type_filters("dynamodb:table");
        list.resources_per_page(100).set_pagination_token(token).send()
    };
    let take = |page: &GetResourcesOutput| {
        for resource in page.resource_tag_mapping_list() {
            let Some(arn) = resource.resource_arn() else { continue };
            tags.extend(resource.tags().iter().map(|tag| TableTag {
                table_arn: arn.to_owned(),
                key: tag.key().to_owned(),
                value: tag.value().to_owned(),
            }));
        }
        Ok(next(page.pagination_token()))
    };
    if !context.pages("tag:GetResources", "", send, take).await? {
        return Ok(());
    }
    Ok(context.push(&tags)?)
}

/// So long after its creation a table's tags may be missing in the answer of the tagging API.
const YOUNG: TimeDelta = TimeDelta::days(1);

/// The tags of a table that is younger than a day, asked of DynamoDB itself: the tagging API may not have heard of them yet.
///
/// API: dynamodb:ListTagsOfResource, paged by 10. Calls: one for each page, of young tables only. Errors: become a gap of that
/// table.
pub(super) async fn of_young(context: &Context<'_>, table: &Table) -> Result<(), Stop> {
    let is_young = table.created_at.is_some_and(|born| born > context.as_of - YOUNG);
    if !is_young || !context.wanted.has("table_tags") {
        return Ok(());
    }
    let mut tags: Vec<TableTag> = Vec::new();
    let send = |token| {
        let list = context.target.dynamodb.list_tags_of_resource();
        list.resource_arn(&table.table_arn).set_next_token(token).send()
    };
    let take = |page: &ListTagsOfResourceOutput| {
        tags.extend(page.tags().iter().map(|tag| TableTag {
            table_arn: table.table_arn.clone(),
            key: tag.key().to_owned(),
            value: tag.value().to_owned(),
        }));
        Ok(next(page.next_token()))
    };
    if !context
        .pages("dynamodb:ListTagsOfResource", &table.table_name, send, take)
        .await?
    {
        return Ok(());
    }
    Ok(context.push(&tags)?)
}
