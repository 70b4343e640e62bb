//! The errors that several operations of KMS share.

use crate::call::ApiError;
use crate::kms::state::KeyState;

pub(super) fn wrong_state(arn: &str, state: KeyState) -> ApiError {
    let state = state.name().replace("PendingDeletion", "pending deletion");
    ApiError::new(400, "KMSInvalidStateException", format!("{arn} is {state}."))
}
