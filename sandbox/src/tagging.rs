//! The Resource Groups Tagging API over awsJson1_1: tags of tables, vaults, plans and recovery points, 100 resources a call.
//!
//! It knows only what is or was tagged: a table that never had a tag is missing, also when it is asked for by its ARN, and one
//! that lost its tags is there with none.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use crate::call::{ApiError, Call, Operation, Reply, Service, tag_list, unknown_operation};
use crate::cloud::{Cloud, Place};
use crate::dynamodb::limits;

const OPERATIONS: [&str; 5] = [
    "GetResources",
    "GetTagKeys",
    "GetTagValues",
    "TagResources",
    "UntagResources",
];
/// A page holds so many resources at most, and so many ARNs may be asked for.
const MAX_RESOURCES: u64 = 100;
/// So many resources are tagged by one call.
const MAX_TAGGED: usize = 20;
/// How long a pagination token is good for.
const TOKEN_MINUTES: i64 = 15;

type Tags = BTreeMap<String, String>;

/// What a call asks for.
pub(crate) fn route(_cloud: &Cloud, call: &Call) -> Result<Operation, ApiError> {
    let asked = call.target_operation().unwrap_or_default();
    let name = OPERATIONS
        .into_iter()
        .find(|name| *name == asked)
        .ok_or_else(|| unknown_operation(Service::Tagging, asked))?;
    Ok(Operation {
        name,
        action: format!("tag:{name}"),
        resource: "*".to_owned(),
    })
}

/// Does it.
pub(crate) fn handle(cloud: &mut Cloud, call: &Call, operation: &Operation) -> Result<Reply, ApiError> {
    let input = call.json()?;
    let place = cloud.place_mut(&call.caller.account, &call.caller.region);
    let body = match operation.name {
        "GetResources" => get_resources(place, &input, call.now)?,
        "GetTagKeys" => tag_words(place, None),
        "GetTagValues" => {
            let key = input
                .get("Key")
                .and_then(Value::as_str)
                .ok_or_else(|| invalid("Key is missing"))?;
            tag_words(place, Some(key))
        }
        "TagResources" => {
            let tags = string_map(&input)?;
            change_tags(place, &input, |old| old.extend(tags.clone()))?
        }
        _ => {
            let keys = strings(&input, "TagKeys")?.ok_or_else(|| invalid("TagKeys is missing"))?;
            change_tags(place, &input, |old| {
                old.retain(|key, _| !keys.iter().any(|removed| removed == key))
            })?
        }
    };
    Ok(Reply::aws_json(Service::Tagging, &body))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidParameterException", message)
}

fn strings(input: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, ApiError> {
    let Some(value) = input.get(name).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let list = value.as_array().and_then(|list| {
        list.iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
    });
    list.map(Some)
        .ok_or_else(|| invalid(format!("{name} has to be a list of strings")))
}

fn string_map(input: &Map<String, Value>) -> Result<Tags, ApiError> {
    let map = input
        .get("Tags")
        .and_then(Value::as_object)
        .ok_or_else(|| invalid("Tags is missing"))?;
    let pair = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    map.iter()
        .map(pair)
        .collect::<Option<Tags>>()
        .ok_or_else(|| invalid("Tags has to be a map of strings"))
}

/// One resource that is or was tagged. The position orders resources and never changes.
struct Resource<'a> {
    position: Position<'a>,
    kind: &'static str,
    arn: &'a str,
    tags: &'a Tags,
}

/// Where a resource stands in the list of all.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Position<'a> {
    Plan(&'a str),
    Point(u64),
    Vault(&'a str),
    Table(&'a str),
}

impl Position<'_> {
    /// The position as a token, with the time at which it was given.
    fn token(&self, now: DateTime<Utc>) -> String {
        let (kind, key) = match self {
            Self::Plan(id) => ('p', (*id).to_owned()),
            Self::Point(number) => ('r', number.to_string()),
            Self::Vault(name) => ('v', (*name).to_owned()),
            Self::Table(name) => ('t', (*name).to_owned()),
        };
        STANDARD.encode(format!("{}\n{kind}{key}", now.timestamp()))
    }
}

/// Reads a token: its time, and the position.
fn read_token(text: &str) -> Option<(DateTime<Utc>, &str)> {
    let (time, position) = text.split_once('\n')?;
    Some((DateTime::from_timestamp(time.parse().ok()?, 0)?, position))
}

fn read_position(text: &str) -> Option<Position<'_>> {
    let (kind, key) = text.split_at_checked(1)?;
    match kind {
        "p" => Some(Position::Plan(key)),
        "r" => Some(Position::Point(key.parse().ok()?)),
        "v" => Some(Position::Vault(key)),
        "t" => Some(Position::Table(key)),
        _ => None,
    }
}

/// Everything in a place that is or was tagged, in order.
fn resources(place: &Place) -> impl Iterator<Item = Resource<'_>> {
    let backup = &place.backup;
    let plans = backup
        .plans
        .values()
        .filter(|plan| plan.deleted.is_none() && !plan.tags.is_empty())
        .map(|plan| Resource {
            position: Position::Plan(&plan.id),
            kind: "backup:backup-plan",
            arn: &plan.arn,
            tags: &plan.tags,
        });
    let points = backup
        .points
        .iter()
        .filter(|(_, point)| point.is_advanced() && !point.tags.is_empty())
        .map(|(number, point)| Resource {
            position: Position::Point(number),
            kind: "backup:recovery-point",
            arn: &point.arn,
            tags: &point.tags,
        });
    let vaults = backup
        .vaults
        .values()
        .filter(|vault| !vault.tags.is_empty())
        .map(|vault| Resource {
            position: Position::Vault(&vault.name),
            kind: "backup:backup-vault",
            arn: &vault.arn,
            tags: &vault.tags,
        });
    let tables = place
        .dynamodb
        .tables()
        .filter(|table| table.ever_tagged && !table.tags_lag)
        .map(|table| Resource {
            position: Position::Table(&table.name),
            kind: "dynamodb:table",
            arn: &table.arn,
            tags: &table.tags,
        });
    plans.chain(points).chain(vaults).chain(tables)
}

/// `Key` with any of `Values`; without values, any value will do.
struct TagFilter {
    key: String,
    values: Vec<String>,
}

impl TagFilter {
    fn takes(&self, tags: &Tags) -> bool {
        tags.get(&self.key)
            .is_some_and(|value| self.values.is_empty() || self.values.contains(value))
    }
}

fn tag_filters(input: &Map<String, Value>) -> Result<Vec<TagFilter>, ApiError> {
    let filters = input
        .get("TagFilters")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if filters.len() > 50 {
        return Err(invalid("TagFilters holds at most 50 filters"));
    }
    filters
        .iter()
        .map(|filter| {
            let filter = filter
                .as_object()
                .ok_or_else(|| invalid("a tag filter has to be an object"))?;
            let key = filter
                .get("Key")
                .and_then(Value::as_str)
                .ok_or_else(|| invalid("a tag filter needs a Key"))?;
            let values = strings(filter, "Values")?.unwrap_or_default();
            if values.len() > 20 {
                return Err(invalid("a tag filter holds at most 20 values"));
            }
            Ok(TagFilter {
                key: key.to_owned(),
                values,
            })
        })
        .collect()
}

/// True if a type filter, `dynamodb` or `dynamodb:table`, takes a kind.
fn is_of_type(filter: &str, kind: &str) -> bool {
    filter == kind || kind.strip_prefix(filter).is_some_and(|rest| rest.starts_with(':'))
}

/// `GetResources`: by filters, a page at a time; or by ARN, without pages.
fn get_resources(place: &Place, input: &Map<String, Value>, now: DateTime<Utc>) -> Result<Value, ApiError> {
    let per_page = match input.get("ResourcesPerPage").filter(|value| !value.is_null()) {
        None => MAX_RESOURCES,
        Some(given) => given.as_u64().filter(|number| (1..=MAX_RESOURCES).contains(number)).ok_or_else(|| {
            invalid(format!("Value '{given}' at 'resourcesPerPage' failed to satisfy constraint: Member must have value between 1 and 100"))
        })?,
    };
    let token = input
        .get("PaginationToken")
        .and_then(Value::as_str)
        .filter(|token| !token.is_empty());
    let types = strings(input, "ResourceTypeFilters")?.unwrap_or_default();
    if let Some(wrong) = types.iter().find(|kind| kind.is_empty() || kind.split(':').count() > 2) {
        return Err(invalid(format!("Invalid resource type: '{wrong}'")));
    }
    let filters = tag_filters(input)?;
    if let Some(arns) = strings(input, "ResourceARNList")?.filter(|arns| !arns.is_empty()) {
        let alone =
            types.is_empty() && filters.is_empty() && token.is_none() && !input.contains_key("ResourcesPerPage");
        return by_arn(place, &arns, alone);
    }
    let decoded = token.map(|token| {
        STANDARD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_default()
    });
    let after = match decoded.as_deref() {
        None => None,
        Some(text) => {
            let (given_at, position) = read_token(text).ok_or_else(|| invalid("Invalid PaginationToken"))?;
            if now - given_at > TimeDelta::minutes(TOKEN_MINUTES) {
                let message = "The pagination token has expired. Send the request again without it.";
                return Err(ApiError::new(400, "PaginationTokenExpiredException", message));
            }
            Some(read_position(position).ok_or_else(|| invalid("Invalid PaginationToken"))?)
        }
    };
    let mut rest = resources(place)
        .filter(|resource| after.as_ref().is_none_or(|after| resource.position > *after))
        .filter(|resource| types.is_empty() || types.iter().any(|kind| is_of_type(kind, resource.kind)))
        .filter(|resource| filters.iter().all(|filter| filter.takes(resource.tags)))
        .peekable();
    let page: Vec<Resource<'_>> = rest.by_ref().take(per_page as usize).collect();
    // The last page has an empty token, not a missing one.
    let token = match (rest.peek(), page.last()) {
        (Some(_), Some(last)) => last.position.token(now),
        _ => String::new(),
    };
    Ok(json!({ "PaginationToken": token, "ResourceTagMappingList": page.iter().map(shown).collect::<Vec<_>>() }))
}

fn by_arn(place: &Place, arns: &[String], alone: bool) -> Result<Value, ApiError> {
    if !alone {
        return Err(invalid(
            "ResourceARNList cannot be combined with filters or pagination.",
        ));
    }
    if arns.len() as u64 > MAX_RESOURCES {
        return Err(invalid("ResourceARNList holds at most 100 ARNs"));
    }
    let list: Vec<Value> = resources(place)
        .filter(|resource| arns.iter().any(|arn| arn == resource.arn))
        .map(|resource| shown(&resource))
        .collect();
    Ok(json!({ "PaginationToken": "", "ResourceTagMappingList": list }))
}

fn shown(resource: &Resource<'_>) -> Value {
    json!({ "ResourceARN": resource.arn, "Tags": tag_list(resource.tags) })
}

/// All tag keys, or all values of one.
fn tag_words(place: &Place, key: Option<&str>) -> Value {
    let tags = resources(place).flat_map(|resource| resource.tags);
    let mut words: Vec<&String> = match key {
        None => tags.map(|(name, _)| name).collect(),
        Some(key) => tags.filter(|(name, _)| *name == key).map(|(_, value)| value).collect(),
    };
    words.sort_unstable();
    words.dedup();
    let name = if key.is_none() { "TagKeys" } else { "TagValues" };
    json!({ "PaginationToken": "", name: words })
}

/// `TagResources` and `UntagResources`: what cannot be tagged is told by ARN, the rest is done.
fn change_tags(place: &mut Place, input: &Map<String, Value>, change: impl Fn(&mut Tags)) -> Result<Value, ApiError> {
    let arns = strings(input, "ResourceARNList")?.ok_or_else(|| invalid("ResourceARNList is missing"))?;
    if arns.is_empty() || arns.len() > MAX_TAGGED {
        return Err(invalid("ResourceARNList holds 1 to 20 ARNs"));
    }
    let mut failed = Map::new();
    for arn in arns {
        if let Err(error) = change_one(place, &arn, &change) {
            let entry = json!({ "StatusCode": error.status, "ErrorCode": "InvalidParameterException", "ErrorMessage": error.message });
            failed.insert(arn, entry);
        }
    }
    Ok(json!({ "FailedResourcesMap": failed }))
}

fn change_one(place: &mut Place, arn: &str, change: &impl Fn(&mut Tags)) -> Result<(), ApiError> {
    let missing = || invalid(format!("{arn} is not found, or its tags cannot be changed here"));
    if let Some((_, name)) = arn.split_once(":table/") {
        let table = place
            .dynamodb
            .table_mut(name)
            .filter(|table| table.arn == arn)
            .ok_or_else(missing)?;
        let mut tags = table.tags.clone();
        change(&mut tags);
        limits::check_tags(&tags)?;
        table.tags.clear();
        table.set_tags(tags);
        return Ok(());
    }
    let vault = place.backup.vaults.values_mut().find(|vault| *vault.arn == *arn);
    change(&mut vault.ok_or_else(missing)?.tags);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hyper::header::HeaderValue;

    use super::*;
    use crate::dynamodb::state::{Schema, Table, TablePlace};
    use crate::testing;

    const ARN: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/";

    /// 250 tables: every fifth was never tagged, every tenth but one lost its tags.
    fn cloud() -> Cloud {
        let mut cloud = testing::cloud();
        let home = TablePlace {
            partition: "aws".to_owned(),
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
        };
        let now = cloud.now();
        for n in 0..250 {
            let mut table = Table::new(
                home.clone(),
                &format!("t{n:03}"),
                Arc::new(Schema::simple("id")),
                now,
                &mut cloud.ids,
            );
            if n % 5 != 0 {
                let team = if n % 2 == 0 { "even" } else { "odd" };
                table.set_tags([("team".to_owned(), team.to_owned()), ("n".to_owned(), n.to_string())]);
            }
            if n % 10 == 1 {
                table.tags.clear();
            }
            cloud.place_mut("111122223333", "eu-west-1").dynamodb.put(table);
        }
        cloud
    }

    fn ask(cloud: &mut Cloud, name: &str, body: &Value, minutes: i64) -> Result<Value, ApiError> {
        let mut call = Call {
            body: body.to_string().into(),
            ..testing::call(Service::Tagging, "111122223333", "eu-west-1")
        };
        call.now += TimeDelta::minutes(minutes);
        call.headers.insert(
            "x-amz-target",
            HeaderValue::from_str(&format!("ResourceGroupsTaggingAPI_20170126.{name}")).unwrap(),
        );
        let operation = route(cloud, &call)?;
        Ok(serde_json::from_slice(&handle(cloud, &call, &operation)?.body).unwrap())
    }

    fn get(cloud: &mut Cloud, body: &Value) -> Result<Value, ApiError> {
        ask(cloud, "GetResources", body, 0)
    }

    fn all(cloud: &mut Cloud, mut body: Value) -> Vec<Value> {
        let mut list = Vec::new();
        loop {
            let answer = get(cloud, &body).unwrap();
            list.extend(answer["ResourceTagMappingList"].as_array().unwrap().clone());
            match answer["PaginationToken"].as_str().unwrap() {
                "" => return list,
                token => body["PaginationToken"] = token.into(),
            }
        }
    }

    #[test]
    fn pages_hold_what_is_or_was_tagged() {
        let mut cloud = cloud();
        let first = get(&mut cloud, &json!({ "ResourceTypeFilters": ["dynamodb:table"] })).unwrap();
        assert_eq!(first["ResourceTagMappingList"].as_array().unwrap().len(), 100);
        assert_ne!(first["PaginationToken"], "");
        let list = all(
            &mut cloud,
            json!({ "ResourceTypeFilters": ["dynamodb:table"], "ResourcesPerPage": 7 }),
        );
        assert_eq!(list.len(), 200, "never tagged ones are missing");
        assert_eq!(
            list.iter().filter(|entry| entry["Tags"] == json!([])).count(),
            25,
            "formerly tagged ones are there"
        );
        assert_eq!(
            all(&mut cloud, json!({ "ResourceTypeFilters": ["dynamodb"] })).len(),
            200
        );
        assert_eq!(all(&mut cloud, json!({})).len(), 200);
        assert_eq!(
            all(&mut cloud, json!({ "ResourceTypeFilters": ["ec2:instance"] })).len(),
            0
        );
        assert_eq!(
            all(
                &mut cloud,
                json!({ "TagFilters": [{ "Key": "team", "Values": ["even"] }] })
            )
            .len(),
            100
        );
        let both = json!({ "TagFilters": [{ "Key": "team" }, { "Key": "n", "Values": ["2", "3", "5"] }] });
        assert_eq!(all(&mut cloud, both).len(), 2);
    }

    #[test]
    fn by_arn_and_its_limits() {
        let mut cloud = cloud();
        let arns: Vec<String> = ["t000", "t001", "t002", "nosuch"]
            .map(|name| format!("{ARN}{name}"))
            .to_vec();
        let answer = get(&mut cloud, &json!({ "ResourceARNList": arns })).unwrap();
        assert_eq!(answer["PaginationToken"], "");
        assert_eq!(answer["ResourceTagMappingList"].as_array().unwrap().len(), 2);
        for wrong in [
            json!({ "ResourceARNList": arns, "ResourceTypeFilters": ["dynamodb:table"] }),
            json!({ "ResourceARNList": arns, "ResourcesPerPage": 10 }),
            json!({ "ResourceARNList": (0..101).map(|n| format!("{ARN}t{n:03}")).collect::<Vec<_>>() }),
            json!({ "ResourcesPerPage": 101 }),
            json!({ "ResourcesPerPage": 0 }),
            json!({ "PaginationToken": "garbage" }),
            json!({ "ResourceTypeFilters": [""] }),
        ] {
            assert_eq!(
                get(&mut cloud, &wrong).unwrap_err().code,
                "InvalidParameterException",
                "{wrong}"
            );
        }
    }

    #[test]
    fn tokens_expire() {
        let mut cloud = cloud();
        let token = get(&mut cloud, &json!({})).unwrap()["PaginationToken"].clone();
        let body = json!({ "PaginationToken": token });
        assert!(ask(&mut cloud, "GetResources", &body, 14).is_ok());
        assert_eq!(
            ask(&mut cloud, "GetResources", &body, 16).unwrap_err().code,
            "PaginationTokenExpiredException"
        );
    }

    #[test]
    fn tagging_and_untagging() {
        let mut cloud = cloud();
        let arns = json!([format!("{ARN}t000"), format!("{ARN}nosuch")]);
        let answer = ask(
            &mut cloud,
            "TagResources",
            &json!({ "ResourceARNList": arns, "Tags": { "a": "1" } }),
            0,
        )
        .unwrap();
        let failed: Vec<&String> = answer["FailedResourcesMap"].as_object().unwrap().keys().collect();
        assert_eq!(failed, [&format!("{ARN}nosuch")]);
        let one = json!({ "ResourceARNList": [format!("{ARN}t000")] });
        assert_eq!(
            get(&mut cloud, &one).unwrap()["ResourceTagMappingList"][0]["Tags"],
            json!([{ "Key": "a", "Value": "1" }])
        );
        let body = json!({ "ResourceARNList": [format!("{ARN}t000")], "TagKeys": ["a"] });
        ask(&mut cloud, "UntagResources", &body, 0).unwrap();
        assert_eq!(
            get(&mut cloud, &one).unwrap()["ResourceTagMappingList"][0]["Tags"],
            json!([])
        );
        assert_eq!(
            ask(&mut cloud, "GetTagValues", &json!({ "Key": "team" }), 0).unwrap()["TagValues"],
            json!(["even", "odd"])
        );
        assert_eq!(
            ask(&mut cloud, "GetTagKeys", &json!({}), 0).unwrap()["TagKeys"],
            json!(["n", "team"])
        );
    }
}
