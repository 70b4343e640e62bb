//! `GetFindings`: one page of what the filters let through.

use serde_json::{Map, Value, json};

use super::filters;
use super::input::{MOST, invalid};
use crate::call::ApiError;
use crate::securityhub::state::{Finding, State};

pub(super) fn get(hub: &State, input: &Map<String, Value>) -> Result<Value, ApiError> {
    let known = ["Filters", "MaxResults", "NextToken"];
    if let Some(other) = input.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(invalid(format!(
            "The sandbox does not simulate {other} of GetFindings."
        )));
    }
    let most = match input.get("MaxResults") {
        None => MOST,
        Some(given) => given
            .as_u64()
            .and_then(|most| usize::try_from(most).ok())
            .filter(|most| (1..=MOST).contains(most))
            .ok_or_else(|| invalid("MaxResults must be between 1 and 100".to_owned()))?,
    };
    let filters = filters::Filters::read(input.get("Filters"))?;
    let from = match input.get("NextToken").and_then(Value::as_str) {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|place| place.parse().ok())
            .ok_or_else(|| invalid("Invalid token".to_owned()))?,
    };
    let mut rest = hub
        .findings
        .values()
        .filter(|finding| filters.admit(finding))
        .skip(from);
    let page: Vec<&Finding> = rest.by_ref().take(most).collect();
    let mut body = json!({"Findings": page});
    if rest.next().is_some() {
        body["NextToken"] = format!("page-{}", from + page.len()).into();
    }
    Ok(body)
}
