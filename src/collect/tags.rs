//! The tags of all tables of a target, 100 tables a call.

use super::{Collector, Context, Stop, gap, next};
use crate::inventory::schema::TableTag;

pub(super) const COLLECTOR: Collector = Collector {
    frames: &["table_tags"],
    actions: &["tag:GetResources"],
};

/// API: tag:GetResources, paged by 100. Calls: tables that are or were tagged / 100. Errors: become a gap.
///
/// Tables that never had a tag are not in the answer: a table without rows has no tags if this call ended well. The
/// rows are written only then, so that half a list is never read as a whole one.
pub(super) async fn collect(context: &Context<'_>) -> Result<(), Stop> {
    if !context.wanted.has("table_tags") {
        return Ok(());
    }
    context.writer.push::<TableTag>(&[])?;
    let mut call = context.target.caller.begin("tag:GetResources", "");
    let (mut tags, mut token): (Vec<TableTag>, Option<String>) = (Vec::new(), None);
    loop {
        let request = || {
            let list = context
                .target
                .tagging
                .get_resources()
                .resource_type_filters("dynamodb:table");
            list.resources_per_page(100).set_pagination_token(token.clone()).send()
        };
        let page = match call.page(request).await {
            Ok(page) => page,
            Err(failure) => return gap(context.target, &failure),
        };
        for resource in page.resource_tag_mapping_list() {
            let Some(arn) = resource.resource_arn() else {
                continue;
            };
            tags.extend(resource.tags().iter().map(|tag| TableTag {
                table_arn: arn.to_owned(),
                key: tag.key().to_owned(),
                value: tag.value().to_owned(),
            }));
        }
        token = next(page.pagination_token());
        if token.is_none() {
            break;
        }
    }
    call.finish();
    Ok(context.writer.push(&tags)?)
}
