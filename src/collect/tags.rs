//! The tags of all tables of a target, 100 tables a call, and of some by their own word.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::operation::list_tags_of_resource::ListTagsOfResourceOutput;
use aws_sdk_dynamodb::types::Tag;
use aws_sdk_resourcegroupstagging::operation::get_resources::GetResourcesOutput;
use aws_sdk_resourcegroupstagging::types::ResourceTagMapping;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{self, StreamExt};

use super::{CONCURRENT_CALLS, Context, Page, Stop, is_table};
use crate::inventory::schema::{Selection, Table, TableTag};

/// API: tag:GetResources, paged by 100. Calls: tables that are or were tagged / 100. Errors: become a gap.
///
/// Tables that never had a tag are not in the answer: a table without rows has no tags if this call ended well. Gives the
/// rows only then, so that half a list is never read as a whole one.
pub(super) async fn collect(context: &Context<'_>) -> Result<Option<Vec<TableTag>>, Stop> {
    if !context.wanted.has("table_tags") {
        return Ok(None);
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
            let arn = resource.resource_arn().filter(|arn| is_table(arn));
            let list = resource
                .tags
                .as_ref()
                .filter(|list| list.iter().all(|tag| !tag.key().is_empty()));
            let (Some(arn), Some(list)) = (arn, list) else {
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
    let is_whole = context.list("tag:GetResources", "", send, page, take).await?;
    Ok(is_whole.then_some(tags))
}

/// So long after its creation a table's tags may be missing in the answer of the tagging API.
const YOUNG: TimeDelta = TimeDelta::days(1);

/// What is to be known of a table whose tags are wanted.
#[derive(Debug)]
pub(super) struct Tagged {
    arn: String,
    name: String,
    created_at: DateTime<Utc>,
}

impl Tagged {
    /// `None`: it was not described, so that nothing is judged by its tags.
    pub(super) fn of(table: &Table) -> Option<Self> {
        Some(Self {
            arn: table.table_arn.clone(),
            name: table.table_name.clone(),
            created_at: table.created_at?,
        })
    }
}

/// Keys of tags by whose absence something is decided.
#[derive(Debug, Default)]
pub(super) struct DecidingKeys {
    /// A selection takes tables that have this one: without any of them no selection takes the table by a tag.
    one_of: BTreeSet<String>,
    /// A selection leaves out tables that have this one, or a tier takes them: without it another one decides.
    each_of: BTreeSet<String>,
}

impl DecidingKeys {
    pub(super) fn add(&mut self, selection: &Selection) {
        for text in [&selection.list_of_tags_json, &selection.conditions_json] {
            let clauses: Vec<(String, String, String)> = serde_json::from_str(text).unwrap_or_default();
            for (operator, key, _) in clauses {
                let key = key.strip_prefix("aws:ResourceTag/").unwrap_or(&key).to_owned();
                if operator.starts_with("StringNot") || operator.starts_with("STRINGNOT") {
                    self.each_of.insert(key);
                } else {
                    self.one_of.insert(key);
                }
            }
        }
    }

    /// Does the absence of a tag decide something of a table that has these?
    fn decide(&self, keys: &BTreeSet<&str>, of_tiers: &BTreeSet<String>) -> bool {
        let has = |key: &String| keys.contains(key.as_str());
        !(self.one_of.is_empty() || self.one_of.iter().any(has))
            || !self.each_of.iter().all(has)
            || !of_tiers.iter().all(has)
    }
}

/// Writes the tags. The tagging API hears of tags late: a table that is younger than a day, or of which the absence of a tag
/// decides something, is asked itself, and what it says takes the place of the tagging API's rows.
///
/// API: dynamodb:ListTagsOfResource, paged by 10. Calls: one for each page of these tables; none for a table that has a tag
/// of each kind that is asked for. Errors: become a gap of that table.
pub(super) async fn settle(
    context: &Context<'_>,
    listed: Option<Vec<TableTag>>,
    tables: &[Tagged],
    deciding: &DecidingKeys,
) -> Result<(), Stop> {
    if !context.wanted.has("table_tags") {
        return Ok(());
    }
    let mut keys: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for tag in listed.iter().flatten() {
        keys.entry(&tag.table_arn).or_default().insert(&tag.key);
    }
    let none = BTreeSet::new();
    let is_to_be_asked = |table: &&Tagged| {
        let keys = keys.get(table.arn.as_str()).unwrap_or(&none);
        let is_young = table.created_at > context.as_of - YOUNG;
        is_young || (listed.is_some() && deciding.decide(keys, &context.wanted.tag_keys))
    };
    let asked: Vec<&Tagged> = tables.iter().filter(is_to_be_asked).collect();
    context.progress.tags_to_ask.fetch_add(asked.len(), Ordering::Relaxed);
    let mut answers = stream::iter(
        asked
            .into_iter()
            .map(|table| async move { (table, of_table(context, table).await) }),
    )
    .buffer_unordered(CONCURRENT_CALLS);
    let (mut told, mut answered) = (Vec::new(), HashSet::new());
    while let Some((table, answer)) = answers.next().await {
        context.progress.tags_asked.fetch_add(1, Ordering::Relaxed);
        if let Some(tags) = answer? {
            answered.insert(table.arn.as_str());
            told.extend(tags);
        }
    }
    drop(answers);
    let of_others = listed
        .iter()
        .flatten()
        .filter(|tag| !answered.contains(tag.table_arn.as_str()));
    told.extend(of_others.cloned());
    Ok(context.push(&told)?)
}

/// The tags of a table by its own word; `None`: it did not say.
async fn of_table(context: &Context<'_>, table: &Tagged) -> Result<Option<Vec<TableTag>>, Stop> {
    let mut tags: Vec<TableTag> = Vec::new();
    let send = |token| {
        let list = context.target.dynamodb.list_tags_of_resource();
        list.resource_arn(&table.arn).set_next_token(token).send()
    };
    fn page(page: &ListTagsOfResourceOutput) -> Page<'_, Tag> {
        (page.tags.as_ref(), page.next_token())
    }
    let take = |listed: &[Tag]| {
        let named = listed.iter().filter(|tag| !tag.key().is_empty());
        let before = tags.len();
        tags.extend(named.map(|tag| TableTag {
            table_arn: table.arn.clone(),
            key: tag.key().to_owned(),
            value: tag.value().to_owned(),
        }));
        Ok(listed.len() - (tags.len() - before))
    };
    let action = "dynamodb:ListTagsOfResource";
    let is_whole = context.list(action, &table.name, send, page, take).await?;
    Ok(is_whole.then_some(tags))
}
