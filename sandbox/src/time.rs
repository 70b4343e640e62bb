//! What happens without a call, in every place: whatever is due.

use chrono::{DateTime, Utc};

use crate::backup::engine;
use crate::cloud::Cloud;

/// Lets everything happen that is due; gives the time.
pub(crate) fn settle(cloud: &mut Cloud) -> DateTime<Utc> {
    let now = cloud.now();
    for place in cloud.places.values_mut() {
        place.dynamodb.settle(now);
        place.kms.settle(now);
    }
    engine::advance(cloud, now);
    now
}
