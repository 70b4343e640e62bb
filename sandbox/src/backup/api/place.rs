//! The place that a call is for.

use std::sync::Arc;

use crate::backup::errors;
use crate::backup::state::{PlaceKey, State};
use crate::call::{ApiError, Call};
use crate::cloud::{Cloud, Place};
use crate::iam::state::{Trouble, Work, cannot_assume};

/// The place of the caller.
pub(super) fn here<'a>(cloud: &'a mut Cloud, call: &Call) -> &'a mut Place {
    cloud.place_mut(&call.caller.account, &call.caller.region)
}

/// The AWS Backup state of the caller's place.
pub(super) fn state<'a>(cloud: &'a mut Cloud, call: &Call) -> &'a mut State {
    &mut here(cloud, call).backup
}

/// The place of the caller, as the agenda wants it.
pub(super) fn place_key(call: &Call) -> Arc<PlaceKey> {
    Arc::new((call.caller.account.clone(), call.caller.region.clone()))
}

/// Refuses a role that AWS Backup cannot assume. One that may not do the work is taken; its job fails.
pub(super) fn check_role(cloud: &Cloud, role: &str, work: Work) -> Result<(), ApiError> {
    match cloud.role_trouble(role, work) {
        Some(Trouble::Missing | Trouble::Untrusted) => Err(errors::invalid(cannot_assume(role))),
        Some(Trouble::Powerless) | None => Ok(()),
    }
}
