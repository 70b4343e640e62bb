//! Items: attribute values in DynamoDB JSON, checked and measured as DynamoDB does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::number::Number;
use crate::call::ApiError;
use crate::dynamodb::errors;

/// The most that an item may measure.
const MAX_ITEM_BYTES: u64 = 400 * 1024;

/// One item, as it was given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    members: Map<String, Value>,
    size: u64,
}

impl Item {
    /// Takes an item after checking every value.
    pub(crate) fn new(members: Map<String, Value>) -> Result<Self, ApiError> {
        let mut size = 0;
        for (name, value) in &members {
            size += name.len() as u64 + measure(value)?;
        }
        if size > MAX_ITEM_BYTES {
            return Err(errors::invalid("Item size has exceeded the maximum allowed size"));
        }
        Ok(Self { members, size })
    }

    /// An item whose size is known.
    pub(super) fn of_size(members: Map<String, Value>, size: u64) -> Self {
        Self { members, size }
    }

    /// Its attributes.
    pub(crate) fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// Size in bytes by DynamoDB's rules: names and values, each value by its type.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

/// The size of valid attributes.
pub(super) fn size_of(members: &Map<String, Value>) -> u64 {
    let sizes = members
        .iter()
        .map(|(name, value)| name.len() as u64 + measure(value).unwrap_or(0));
    sizes.sum()
}

/// Type and content of an attribute value.
pub(crate) fn typed(value: &Value) -> Result<(&str, &Value), ApiError> {
    let object = value.as_object().ok_or_else(unsupported)?;
    let mut members = object.iter();
    match (members.next(), members.next()) {
        (Some((kind, content)), None) => Ok((kind, content)),
        (Some(_), Some(_)) => Err(errors::invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
        )),
        _ => Err(unsupported()),
    }
}

fn unsupported() -> ApiError {
    errors::invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
}

/// Checks a value and gives its size.
fn measure(value: &Value) -> Result<u64, ApiError> {
    let (kind, content) = typed(value)?;
    match (kind, content) {
        ("S", Value::String(text)) => Ok(text.len() as u64),
        ("N", Value::String(text)) => measure_number(text),
        ("B", Value::String(text)) => measure_binary(text),
        ("BOOL", Value::Bool(_)) | ("NULL", Value::Bool(true)) => Ok(1),
        ("L", Value::Array(values)) => values.iter().try_fold(3, |sum, value| Ok(sum + 1 + measure(value)?)),
        ("M", Value::Object(members)) => members.iter().try_fold(3, |sum, (name, value)| {
            Ok(sum + 1 + name.len() as u64 + measure(value)?)
        }),
        ("SS", Value::Array(values)) => measure_set(values, |text| Ok(text.len() as u64)),
        ("NS", Value::Array(values)) => measure_set(values, measure_number),
        ("BS", Value::Array(values)) => measure_set(values, measure_binary),
        ("NULL", Value::Bool(false)) => Err(errors::invalid_value(
            "Null attribute value types must have the value of true",
        )),
        _ => Err(unsupported()),
    }
}

fn measure_number(text: &str) -> Result<u64, ApiError> {
    let number = Number::read(text)?;
    Ok(number.digits().len().div_ceil(2) as u64 + 1)
}

fn measure_binary(text: &str) -> Result<u64, ApiError> {
    STANDARD.decode(text).map(|bytes| bytes.len() as u64).map_err(|_| {
        ApiError::new(
            400,
            "SerializationException",
            "Base64 encoded length is expected to be a multiple of 4 bytes",
        )
    })
}

fn measure_set(values: &[Value], measure: impl Fn(&str) -> Result<u64, ApiError>) -> Result<u64, ApiError> {
    if values.is_empty() {
        return Err(errors::invalid_value("A set may not be empty"));
    }
    let mut size = 0;
    for (n, value) in values.iter().enumerate() {
        let text = value.as_str().ok_or_else(unsupported)?;
        if values[..n].contains(value) {
            return Err(errors::invalid_value(format!(
                "Input collection {} contains duplicates.",
                Value::from(values)
            )));
        }
        size += measure(text)?;
    }
    Ok(size)
}
