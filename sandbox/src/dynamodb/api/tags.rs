//! Tags of tables.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::input::{self, Input, here};
use super::render::reply;
use crate::call::{ApiError, Call, Reply, Service, tag_list};
use crate::cloud::Cloud;
use crate::dynamodb::errors;
use crate::dynamodb::limits::{check_count, check_tags};
use crate::dynamodb::state::Table;

/// `ListTagsOfResource` gives so many at a time.
const PAGE: usize = 10;

/// Reads a list of `{Key, Value}`.
pub(super) fn read(list: &[Value]) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for tag in list {
        let (Some(key), Some(value)) = (tag["Key"].as_str(), tag["Value"].as_str()) else {
            return Err(errors::missing("tags.1.member.key"));
        };
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(errors::invalid_value(format!("Duplicate tag keys: {key}")));
        }
    }
    check_tags(&tags)?;
    Ok(tags)
}

fn table<'a>(cloud: &'a mut Cloud, call: &Call, input: &Input) -> Result<&'a mut Table, ApiError> {
    let arn = input.needed_text("ResourceArn")?;
    if !arn.starts_with("arn:") {
        return Err(errors::invalid(format!(
            "Invalid TableArn: Invalid ResourceArn provided as input {arn}"
        )));
    }
    let name = input::local_name(cloud, call, arn).map(str::to_owned);
    let missing = || {
        ApiError::new(
            400,
            "ResourceNotFoundException",
            format!("Requested resource not found: ResourcArn: {arn} not found"),
        )
    };
    let state = &mut here(cloud, call).dynamodb;
    name.and_then(|name| state.table_mut(&name)).ok_or_else(missing)
}

/// `TagResource`.
pub(super) fn tag(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let new = read(input.list("Tags")?.ok_or_else(|| errors::missing("tags"))?)?;
    let table = table(cloud, call, input)?;
    let mut all = table.tags.clone();
    all.extend(new);
    check_count(&all)?;
    table.set_tags(all);
    Ok(nothing())
}

/// `UntagResource`.
pub(super) fn untag(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let keys = input.list("TagKeys")?.ok_or_else(|| errors::missing("tagKeys"))?;
    if let Some(key) = keys
        .iter()
        .filter_map(Value::as_str)
        .find(|key| key.starts_with("aws:"))
    {
        return Err(errors::invalid_value(format!(
            "Tag keys starting with aws: are reserved: {key}"
        )));
    }
    let table = table(cloud, call, input)?;
    for key in keys.iter().filter_map(Value::as_str) {
        table.tags.remove(key);
    }
    Ok(nothing())
}

/// DynamoDB's answer to these two is empty, without so much as `{}`.
fn nothing() -> Reply {
    Reply {
        body: bytes::Bytes::new(),
        ..Reply::aws_json(Service::DynamoDb, &Value::Null)
    }
}

/// `ListTagsOfResource`.
pub(super) fn list(cloud: &mut Cloud, call: &Call, input: &Input) -> Result<Reply, ApiError> {
    let after = match input.text("NextToken")? {
        None => None,
        Some(token) => {
            let decoded = STANDARD
                .decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            Some(decoded.ok_or_else(|| errors::invalid(format!("Invalid NextToken: {token}")))?)
        }
    };
    let table = table(cloud, call, input)?;
    let mut rest = table
        .tags
        .iter()
        .filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after))
        .peekable();
    let page: BTreeMap<String, String> = rest
        .by_ref()
        .take(PAGE)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut body = json!({ "Tags": tag_list(&page) });
    if let (Some(_), Some((last, _))) = (rest.peek(), page.last_key_value()) {
        body["NextToken"] = STANDARD.encode(last).into();
    }
    Ok(reply(&body))
}
