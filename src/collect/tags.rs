//! The tags of all tables of a target, 100 tables a call.

use aws_sdk_resourcegroupstagging::operation::get_resources::GetResourcesOutput;

use super::{Context, Stop, next};
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
