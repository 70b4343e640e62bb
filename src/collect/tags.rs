//! The tags of all tables of a target, 100 tables a call.

use aws_sdk_dynamodb::operation::list_tags_of_resource::ListTagsOfResourceOutput;
use aws_sdk_dynamodb::types::Tag;
use aws_sdk_resourcegroupstagging::operation::get_resources::GetResourcesOutput;
use aws_sdk_resourcegroupstagging::types::ResourceTagMapping;
use chrono::TimeDelta;

use super::{Context, Page, Stop};
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
    fn page(page: &GetResourcesOutput) -> Page<'_, ResourceTagMapping> {
        (page.resource_tag_mapping_list.as_ref(), page.pagination_token())
    }
    let take = |resources: &[ResourceTagMapping]| {
        let mut unplaced = 0;
        for resource in resources {
            // A table that lost its last tag is named with an empty list; without any list its tags are not known.
            let (Some(arn), Some(list)) = (resource.resource_arn(), resource.tags.as_ref()) else {
                unplaced += 1;
                continue;
            };
            tags.extend(list.iter().map(|tag| TableTag {
                table_arn: arn.to_owned(),
                key: tag.key().to_owned(),
                value: tag.value().to_owned(),
            }));
        }
        Ok(unplaced)
    };
    if !context.list("tag:GetResources", "", send, page, take).await? {
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
    fn page(page: &ListTagsOfResourceOutput) -> Page<'_, Tag> {
        (page.tags.as_ref(), page.next_token())
    }
    let take = |listed: &[Tag]| {
        let named = listed.iter().filter(|tag| !tag.key().is_empty());
        let before = tags.len();
        tags.extend(named.map(|tag| TableTag {
            table_arn: table.table_arn.clone(),
            key: tag.key().to_owned(),
            value: tag.value().to_owned(),
        }));
        Ok(listed.len() - (tags.len() - before))
    };
    let action = "dynamodb:ListTagsOfResource";
    if !context.list(action, &table.table_name, send, page, take).await? {
        return Ok(());
    }
    Ok(context.push(&tags)?)
}
