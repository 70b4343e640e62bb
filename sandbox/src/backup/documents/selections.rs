//! What decides the membership of a selection, checked as AWS Backup does.

use serde_json::{Map, Value};

use crate::backup::errors;
use crate::backup::state::{Criteria, TAG_KEY_PREFIX};
use crate::call::ApiError;

const MAX_ARNS: usize = 500;
const MAX_WILDCARDS: usize = 30;
const MAX_TAGS: usize = 30;
const EMPTY: &str = "Invalid backup selection. Either 'ListOfTags' or 'Resources' section must be non-empty.";

/// Reads what decides membership, and checks it as the service does.
pub(crate) fn read_criteria(selection: &Map<String, Value>) -> Result<Criteria, ApiError> {
    let criteria = Criteria::read(selection).map_err(errors::invalid)?;
    if criteria.is_empty() {
        return Err(errors::invalid(EMPTY));
    }
    for arns in [&criteria.resources, &criteria.not_resources] {
        let most = if arns.iter().any(|arn| arn.contains('*')) {
            MAX_WILDCARDS
        } else {
            MAX_ARNS
        };
        if arns.len() > most {
            return Err(errors::limit(format!(
                "A backup selection cannot have more than {most} such resources"
            )));
        }
        if let Some(wrong) = arns.iter().find(|arn| *arn != "*" && !arn.starts_with("arn:")) {
            return Err(errors::invalid(format!("Invalid ARN: {wrong}")));
        }
    }
    if criteria.tags.len() > MAX_TAGS || criteria.conditions.len() > MAX_TAGS {
        return Err(errors::limit(format!(
            "A backup selection cannot have more than {MAX_TAGS} tags or conditions"
        )));
    }
    if let Some(wrong) = criteria
        .tags
        .iter()
        .find(|tag| !tag.kind.eq_ignore_ascii_case("STRINGEQUALS"))
    {
        return Err(errors::invalid(format!("Invalid condition type: {}", wrong.kind)));
    }
    match criteria
        .conditions
        .entries()
        .find(|condition| !condition.key.starts_with(TAG_KEY_PREFIX))
    {
        Some(wrong) => Err(errors::invalid(format!(
            "Invalid condition key: {}. It has to start with {TAG_KEY_PREFIX}",
            wrong.key
        ))),
        None => Ok(criteria.clone()),
    }
}
