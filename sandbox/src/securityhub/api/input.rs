//! What the operations of Security Hub have in common: how much they take, and how they refuse.

use crate::call::ApiError;

/// Findings of a call, and rows of a page, at most.
pub(super) const MOST: usize = 100;

pub(super) fn invalid(message: String) -> ApiError {
    ApiError::new(400, "InvalidInputException", message)
}
