//! The KMS keys that vaults, recovery points and tables name: who owns them, and do they work.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};

use super::{CONCURRENT_CALLS, Context, Stop, gap, instant};
use crate::inventory::schema::Key;

/// API: kms:DescribeKey. Calls: 1 for each distinct key. Errors: become a gap of that key.
pub(super) async fn collect(context: &Context<'_>, key_arns: BTreeSet<String>) -> Result<(), Stop> {
    if !context.wanted.has("keys") {
        return Ok(());
    }
    context.push::<Key>(&[])?;
    let mut rows = Vec::new();
    let mut results =
        stream::iter(key_arns.iter().map(|arn| describe(context, arn))).buffer_unordered(CONCURRENT_CALLS);
    while let Some(row) = results.next().await {
        rows.extend(row?);
    }
    Ok(context.push(&rows)?)
}

async fn describe(context: &Context<'_>, key_arn: &str) -> Result<Option<Key>, Stop> {
    let send = || context.target.kms.describe_key().key_id(key_arn).send();
    let caller = &context.target.caller;
    let described = caller.part("kms:DescribeKey", key_arn, send, "key", |answer| answer.key_metadata);
    match described.await {
        Ok(key) => Ok(Some(Key {
            key_arn: key_arn.to_owned(),
            key_manager: key.key_manager().map(|manager| manager.as_str().to_owned()),
            key_state: key.key_state().map(|state| state.as_str().to_owned()),
            deletion_at: instant(key.deletion_date()),
        })),
        Err(failure) => gap(context.target, &failure).map(|()| None),
    }
}
