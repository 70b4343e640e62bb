//! Where things are, and the ARNs that say so.

use std::sync::Arc;

/// An account and a Region of it.
pub(crate) type PlaceKey = (String, String);

/// The ARN of a vault.
pub(crate) fn vault_arn(partition: &str, key: &PlaceKey, name: &str) -> Arc<str> {
    format!("arn:{partition}:backup:{}:{}:backup-vault:{name}", key.1, key.0).into()
}

/// The account, Region and name in a vault's ARN.
pub(crate) fn vault_place(arn: &str) -> Option<(PlaceKey, &str)> {
    let mut segments = arn.splitn(7, ':');
    let prefix = (segments.next()?, segments.next()?, segments.next()?);
    let (region, account) = (segments.next()?, segments.next()?);
    let (kind, name) = (segments.next()?, segments.next()?);
    (prefix.0 == "arn" && prefix.2 == "backup" && kind == "backup-vault" && !name.is_empty())
        .then(|| ((account.to_owned(), region.to_owned()), name))
}

/// The ARN of a plan. Ids may hold slashes.
pub(crate) fn plan_arn(partition: &str, key: &PlaceKey, id: &str) -> Arc<str> {
    format!("arn:{partition}:backup:{}:{}:backup-plan:{id}", key.1, key.0).into()
}

/// The table's name in its ARN.
pub(crate) fn table_name(arn: &str) -> &str {
    arn.rsplit_once(":table/").map_or(arn, |(_, name)| name)
}
