//! What a call of AWS Backup asks for: labels of its path, query parameters, its body, and which page of a listing.
//!
//! In: the raw request. Out: typed values, or the error that AWS Backup answers. The raw path is split before its labels are
//! decoded, because plan ids and ARNs hold slashes; clients differ in trailing slashes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::backup::errors;
use crate::call::{ApiError, Call};

/// The most that one page holds, and the most that may be asked for.
const MAX_RESULTS: usize = 1000;
/// The size of a page when none is asked for.
const DEFAULT_RESULTS: usize = 100;

/// The decoded labels of a raw path.
pub(super) fn labels(path: &str) -> Vec<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/')
        .map(|label| percent_decode_str(label).decode_utf8_lossy().into_owned())
        .collect()
}

/// A query parameter that is set.
pub(super) fn query<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.query
        .iter()
        .find(|(key, value)| key == name && !value.is_empty())
        .map(|(_, value)| value.as_str())
}

/// A truth value in the query.
pub(super) fn query_flag(call: &Call, name: &str) -> Result<Option<bool>, ApiError> {
    match query(call, name) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(other) => Err(errors::invalid(format!("Invalid value for {name}: {other}"))),
    }
}

/// An instant in the query: ISO 8601, or epoch seconds.
pub(super) fn query_time(call: &Call, name: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
    let Some(text) = query(call, name) else {
        return Ok(None);
    };
    let iso = DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc)).ok();
    let epoch = || {
        text.parse::<f64>()
            .ok()
            .and_then(|seconds| DateTime::from_timestamp_millis((seconds * 1000.0) as i64))
    };
    iso.or_else(epoch)
        .map(Some)
        .ok_or_else(|| errors::invalid(format!("Invalid value for {name}: {text}")))
}

/// The members of the body; an empty body is an empty object.
pub(super) fn body(call: &Call) -> Result<Map<String, Value>, ApiError> {
    if call.body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(&call.body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(errors::serialization()),
    }
}

/// Refuses a filter by an ARN that is not a table's.
pub(super) fn check_resource(arn: &str) -> Result<(), ApiError> {
    let mut segments = arn.splitn(6, ':');
    let table = segments.next() == Some("arn")
        && segments.nth(1) == Some("dynamodb")
        && segments
            .nth(2)
            .is_some_and(|rest| rest.strip_prefix("table/").is_some_and(|name| !name.contains('/')));
    if table {
        Ok(())
    } else {
        Err(errors::invalid(format!("Unsupported resource type: {arn}")))
    }
}

/// One page of a listing.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// `NextToken`, when there is more.
    pub(super) token: Option<String>,
}

/// Cuts a page out of rows that come in the order of the listing; `after` says whether a row lies behind a token's row.
///
/// The query parameters are called `maxResults` and `nextToken`, by restore testing `MaxResults` and `NextToken`.
pub(super) fn page<T>(
    call: &Call,
    kind: &str,
    rows: impl Iterator<Item = (String, T)>,
    after: impl Fn(&str, &str) -> bool,
) -> Result<Page<T>, ApiError> {
    let limit = limit(call)?;
    let start = start(call, kind)?;
    let mut items: Vec<T> = Vec::new();
    let mut last = String::new();
    for (position, item) in rows {
        if start.as_deref().is_some_and(|start| !after(&position, start)) {
            continue;
        }
        if items.len() == limit {
            return Ok(Page {
                items,
                token: Some(token(kind, &last)),
            });
        }
        last = position;
        items.push(item);
    }
    Ok(Page { items, token: None })
}

/// A page of rows that are listed by their number, newest first. `rows` gives those below a number.
pub(super) fn numbered<T, I: Iterator<Item = (u64, T)>>(
    call: &Call,
    kind: &str,
    rows: impl FnOnce(u64) -> I,
) -> Result<Page<T>, ApiError> {
    let limit = limit(call)?;
    let below = match start(call, kind)? {
        None => u64::MAX,
        Some(start) => start.parse().map_err(|_| errors::invalid("Invalid next token"))?,
    };
    let mut items = Vec::new();
    let mut last = 0;
    for (number, item) in rows(below) {
        if items.len() == limit {
            return Ok(Page {
                items,
                token: Some(token(kind, &last.to_string())),
            });
        }
        last = number;
        items.push(item);
    }
    Ok(Page { items, token: None })
}

fn limit(call: &Call) -> Result<usize, ApiError> {
    match query(call, "maxResults").or_else(|| query(call, "MaxResults")) {
        None => Ok(DEFAULT_RESULTS),
        Some(text) => match text.parse() {
            Ok(limit) if (1..=MAX_RESULTS).contains(&limit) => Ok(limit),
            _ => Err(errors::invalid(format!(
                "Invalid value for maxResults: {text}. It has to be between 1 and {MAX_RESULTS}."
            ))),
        },
    }
}

fn start(call: &Call, kind: &str) -> Result<Option<String>, ApiError> {
    let Some(token) = query(call, "nextToken").or_else(|| query(call, "NextToken")) else {
        return Ok(None);
    };
    let decoded = STANDARD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.as_deref().and_then(|text| text.split_once('\n')) {
        Some((of, position)) if of == kind => Ok(Some(position.to_owned())),
        _ => Err(errors::invalid("Invalid next token")),
    }
}

fn token(kind: &str, position: &str) -> String {
    STANDARD.encode(format!("{kind}\n{position}"))
}
