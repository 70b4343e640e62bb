//! Not there yet.

use crate::call::{ApiError, Call, Operation, Reply, Service, unknown_operation};
use crate::cloud::Cloud;

/// What a call asks for.
pub(crate) fn route(_cloud: &Cloud, call: &Call) -> Result<Operation, ApiError> {
    Err(unknown_operation(Service::Tagging, call.target_operation().unwrap_or_default()))
}

/// Does it.
pub(crate) fn handle(_cloud: &mut Cloud, _call: &Call, operation: &Operation) -> Result<Reply, ApiError> {
    Err(unknown_operation(Service::Tagging, operation.name))
}
