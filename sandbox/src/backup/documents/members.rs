//! Members of a JSON object, typed; or the error that AWS Backup answers.

use serde_json::{Map, Value};

use crate::backup::errors;
use crate::backup::state::Tags;
use crate::call::ApiError;

/// A string member that is set.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, ApiError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(errors::invalid(format!("Invalid value for {name}"))),
    }
}

/// A string member that has to be there.
pub(crate) fn needed<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a str, ApiError> {
    text(object, name)?
        .filter(|text| !text.is_empty())
        .ok_or_else(|| errors::missing(name))
}

/// A whole number that is set.
pub(crate) fn int(object: &Map<String, Value>, name: &str) -> Result<Option<i64>, ApiError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(number) => Ok(Some(number)),
            None => Err(errors::invalid(format!("Invalid value for {name}"))),
        },
    }
}

/// An object that is set.
pub(crate) fn map<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a Map<String, Value>>, ApiError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(errors::invalid(format!("Invalid value for {name}"))),
    }
}

/// A map of strings, such as tags.
pub(crate) fn strings(object: &Map<String, Value>, name: &str) -> Result<Option<Tags>, ApiError> {
    let Some(map) = map(object, name)? else {
        return Ok(None);
    };
    map.iter()
        .map(|(key, value)| match value {
            Value::String(value) => Ok((key.clone(), value.clone())),
            _ => Err(errors::invalid(format!("Invalid value for {name}"))),
        })
        .collect::<Result<_, _>>()
        .map(Some)
}
