//! The tags of all tables of a target, 100 tables a call.

use aws_sdk_resourcegroupstagging::operation::get_resources::GetResourcesOutput;
use aws_sdk_resourcegroupstagging::types::ResourceTagMapping;

use super::{Context, Page, Stop};
use crate::inventory::schema::TableTag;

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
