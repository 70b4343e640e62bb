//! The place that a call is for.

use std::sync::Arc;

use crate::backup::state::{PlaceKey, State};
use crate::call::Call;
use crate::cloud::{Cloud, Place};

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
