//! Members of a request, typed, and the table that it names.

use serde_json::{Map, Value};

use crate::call::{ApiError, Call};
use crate::cloud::{Cloud, Place};
use crate::dynamodb::errors;
use crate::dynamodb::state::{State, Table};

/// The members of a request.
#[derive(Debug)]
pub(super) struct Input(Map<String, Value>);

impl Input {
    /// Reads the body.
    pub(super) fn read(call: &Call) -> Result<Self, ApiError> {
        call.json().map(Self)
    }

    /// A member as it came; null counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A string.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        self.get(name)
            .map(|value| value.as_str().ok_or_else(|| wrong_type(value, "STRING_VALUE")))
            .transpose()
    }

    /// A truth value.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.get(name)
            .map(|value| value.as_bool().ok_or_else(|| wrong_type(value, "TRUE_VALUE")))
            .transpose()
    }

    /// A whole number between two bounds.
    pub(super) fn int(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let number = value.as_i64().ok_or_else(|| wrong_type(value, "NUMBER_VALUE"))?;
        let member = lower_first(name);
        if number < least {
            let bound = format!("Member must have value greater than or equal to {least}");
            return Err(errors::constraint(number, &member, &bound));
        }
        if number > most {
            let bound = format!("Member must have value less than or equal to {most}");
            return Err(errors::constraint(number, &member, &bound));
        }
        Ok(Some(number))
    }

    /// An object.
    pub(super) fn object(&self, name: &str) -> Result<Option<&Map<String, Value>>, ApiError> {
        self.get(name)
            .map(|value| value.as_object().ok_or_else(|| wrong_type(value, "START_OBJECT")))
            .transpose()
    }

    /// An object that has to be there.
    pub(super) fn needed_object(&self, name: &str) -> Result<&Map<String, Value>, ApiError> {
        self.object(name)?.ok_or_else(|| errors::missing(&lower_first(name)))
    }

    /// A list.
    pub(super) fn list(&self, name: &str) -> Result<Option<&[Value]>, ApiError> {
        self.get(name)
            .map(|value| {
                value
                    .as_array()
                    .map(Vec::as_slice)
                    .ok_or_else(|| wrong_type(value, "START_ARRAY"))
            })
            .transpose()
    }

    /// A string that has to be there.
    pub(super) fn needed_text(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?.ok_or_else(|| errors::missing(&lower_first(name)))
    }

    /// Refuses members that the sandbox does not simulate.
    pub(super) fn refuse(&self, names: &[&str]) -> Result<(), ApiError> {
        match names.iter().find(|name| self.get(name).is_some()) {
            Some(name) => Err(errors::not_simulated(name)),
            None => Ok(()),
        }
    }

    /// A name or ARN, for denial faults; broken input is reported when the call is done.
    pub(super) fn resource(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// The first table of `RequestItems`.
    pub(super) fn first_table(&self) -> Option<&str> {
        self.get("RequestItems")
            .and_then(Value::as_object)
            .and_then(|tables| tables.keys().next())
            .map(String::as_str)
    }
}

fn wrong_type(value: &Value, expected: &str) -> ApiError {
    let found = match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    };
    ApiError::new(
        400,
        "SerializationException",
        format!("{found} cannot be converted to {expected}"),
    )
}

/// `TableName` as constraint messages spell it: `tableName`.
pub(super) fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// The ARN of a table given by name or ARN.
pub(super) fn table_arn(cloud: &Cloud, call: &Call, name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    format!(
        "arn:{}:dynamodb:{}:{}:table/{name}",
        cloud.partition, call.caller.region, call.caller.account
    )
}

/// The caller's place.
pub(super) fn here<'a>(cloud: &'a mut Cloud, call: &Call) -> &'a mut Place {
    cloud.place_mut(&call.caller.account, &call.caller.region)
}

/// The name in a name or ARN; none if the ARN is of another place or no table's.
pub(super) fn local_name<'n>(cloud: &Cloud, call: &Call, name: &'n str) -> Option<&'n str> {
    if !name.starts_with("arn:") {
        return Some(name);
    }
    let prefix = table_arn(cloud, call, "");
    name.strip_prefix(&prefix)
}

/// The name of the table that a request is about.
pub(super) fn table_name(cloud: &Cloud, call: &Call, input: &Input) -> Result<String, ApiError> {
    let given = input.needed_text("TableName")?;
    let too_short = if given.starts_with("arn:") { 1 } else { 3 };
    if given.len() < too_short {
        return Err(errors::constraint(
            given,
            "tableName",
            "Member must have length greater than or equal to 3",
        ));
    }
    local_name(cloud, call, given)
        .map(str::to_owned)
        .ok_or_else(|| errors::no_table(given))
}

/// The table of a call of the control plane.
pub(super) fn table<'a>(cloud: &'a mut Cloud, call: &Call, input: &Input) -> Result<&'a mut Table, ApiError> {
    let name = table_name(cloud, call, input)?;
    here(cloud, call)
        .dynamodb
        .table_mut(&name)
        .ok_or_else(|| errors::no_table(&name))
}

/// The table of a call of the data plane: it has to be in use.
pub(super) fn open_table<'a>(state: &'a mut State, name: Option<&str>) -> Result<&'a mut Table, ApiError> {
    name.and_then(|name| state.table_mut(name))
        .filter(|table| matches!(table.status.as_str(), "ACTIVE" | "UPDATING"))
        .ok_or_else(errors::not_found)
}
