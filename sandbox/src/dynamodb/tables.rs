//! The control plane of tables.

use super::errors;
use crate::call::ApiError;

/// Checks the name of a new table.
pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    if !(3..=255).contains(&name.len()) {
        return Err(errors::invalid("TableName must be at least 3 characters long and at most 255 characters long"));
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) {
        return Err(errors::constraint(name, "tableName", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"));
    }
    Ok(())
}
