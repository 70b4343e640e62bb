//! What DynamoDB admits as the name and the tags of a table.

use std::collections::BTreeMap;

use super::errors;
use crate::call::ApiError;

/// A table has so many tags at most.
const MAX_TAGS: usize = 50;

/// Checks the name of a new table.
pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    if !(3..=255).contains(&name.len()) {
        return Err(errors::invalid(
            "TableName must be at least 3 characters long and at most 255 characters long",
        ));
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) {
        return Err(errors::constraint(
            name,
            "tableName",
            "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
        ));
    }
    Ok(())
}

/// Checks how many tags a table is to have; AWS's own do not count.
pub(crate) fn check_count(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    if tags.keys().filter(|key| !key.starts_with("aws:")).count() > MAX_TAGS {
        return Err(errors::invalid_value(format!(
            "Tag limit exceeded: a table has at most {MAX_TAGS} tags"
        )));
    }
    Ok(())
}

/// Checks the tags that a caller gives.
pub(crate) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    check_count(tags)?;
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > 128 {
            return Err(errors::invalid_value(format!(
                "Tag keys have 1 to 128 characters: {key}"
            )));
        }
        if value.chars().count() > 256 {
            return Err(errors::invalid_value(format!(
                "Tag values have at most 256 characters: {key}"
            )));
        }
        if key.to_lowercase().starts_with("aws:") {
            return Err(errors::invalid_value(format!(
                "Tag keys starting with aws: are reserved: {key}"
            )));
        }
    }
    Ok(())
}
