//! The errors of AWS Backup. Every modelled one has the status 400, `ResourceNotFoundException` too.

use serde_json::Value;

use crate::call::ApiError;

/// What AWS Backup answers for a vault that does not exist, no longer exists, or may not be seen.
const INSUFFICIENT: &str = "Insufficient privileges to perform this action.";

fn error(status: u16, code: &str, message: impl Into<String>) -> ApiError {
    ApiError {
        status,
        code: code.to_owned(),
        message: message.into(),
        extra: Vec::new(),
    }
}

/// `InvalidParameterValueException`.
pub(crate) fn invalid(message: impl Into<String>) -> ApiError {
    error(400, "InvalidParameterValueException", message)
}

/// `MissingParameterValueException`.
pub(crate) fn missing(name: &str) -> ApiError {
    error(
        400,
        "MissingParameterValueException",
        format!("Missing required parameter {name}"),
    )
}

/// `ResourceNotFoundException`.
pub(crate) fn not_found(message: impl Into<String>) -> ApiError {
    error(400, "ResourceNotFoundException", message)
}

/// `InvalidRequestException`.
pub(crate) fn refused(message: impl Into<String>) -> ApiError {
    error(400, "InvalidRequestException", message)
}

/// `InvalidResourceStateException`.
pub(crate) fn wrong_state(message: impl Into<String>) -> ApiError {
    error(400, "InvalidResourceStateException", message)
}

/// `LimitExceededException`.
pub(crate) fn limit(message: impl Into<String>) -> ApiError {
    error(400, "LimitExceededException", message)
}

/// `AlreadyExistsException`, which names what exists.
pub(crate) fn exists(message: impl Into<String>, arn: &str, creator_request_id: Option<&str>) -> ApiError {
    let creator = creator_request_id.map_or(Value::Null, Value::from);
    ApiError {
        extra: vec![("Arn".to_owned(), arn.into()), ("CreatorRequestId".to_owned(), creator)],
        ..error(400, "AlreadyExistsException", message)
    }
}

/// `AccessDeniedException`: missing and not permitted look the same.
pub(crate) fn denied() -> ApiError {
    error(403, "AccessDeniedException", INSUFFICIENT)
}

/// A body that is not JSON.
pub(crate) fn serialization() -> ApiError {
    error(400, "SerializationException", "Unable to parse the request body.")
}

/// A path that names no operation.
pub(crate) fn unknown_operation(method: &str, path: &str) -> ApiError {
    error(
        404,
        "UnknownOperationException",
        format!("AWS Backup has no operation {method} {path} in this simulation."),
    )
}
