//! The errors of DynamoDB; all have the status 400.

use crate::call::ApiError;

/// `ValidationException`.
pub(crate) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "ValidationException", message)
}

/// `ValidationException` of a parameter.
pub(crate) fn invalid_value(message: impl std::fmt::Display) -> ApiError {
    invalid(format!("One or more parameter values were invalid: {message}"))
}

/// `ValidationException` of a constraint of the model.
pub(crate) fn constraint(value: impl std::fmt::Display, member: &str, constraint: &str) -> ApiError {
    invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    ))
}

/// A required member is missing.
pub(crate) fn missing(member: &str) -> ApiError {
    invalid(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

/// `ResourceNotFoundException`, as data operations say it.
pub(crate) fn not_found() -> ApiError {
    ApiError::new(400, "ResourceNotFoundException", "Requested resource not found")
}

/// `ResourceNotFoundException`, as DescribeTable and its kind say it.
pub(crate) fn no_table(name: &str) -> ApiError {
    ApiError::new(
        400,
        "ResourceNotFoundException",
        format!("Requested resource not found: Table: {name} not found"),
    )
}

/// `TableNotFoundException`: only the calls about continuous backups have it.
pub(crate) fn table_not_found(name: &str) -> ApiError {
    ApiError::new(400, "TableNotFoundException", format!("Table not found: {name}"))
}

/// `BackupNotFoundException`.
pub(crate) fn backup_not_found(arn: &str) -> ApiError {
    ApiError::new(400, "BackupNotFoundException", format!("Backup not found: {arn}"))
}

/// `ResourceInUseException`.
pub(crate) fn in_use(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "ResourceInUseException", message)
}

/// `ConditionalCheckFailedException`.
pub(crate) fn condition_failed() -> ApiError {
    ApiError::new(400, "ConditionalCheckFailedException", "The conditional request failed")
}

/// Something that DynamoDB can and the sandbox cannot: said, never ignored.
pub(crate) fn not_simulated(what: &str) -> ApiError {
    invalid(format!("The sandbox does not simulate {what}."))
}
