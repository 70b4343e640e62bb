//! Who calls: the account of an access key, and the identity that it stands for.

use chrono::Utc;

use crate::call::{ApiError, Caller, Scope, expired_token, unknown_token};
use crate::cloud::Cloud;

/// Finds who calls: by an access key of the world, by the account in a key, else as the first account.
pub(crate) fn find(cloud: &Cloud, scope: &Scope) -> Result<Caller, ApiError> {
    let key = &scope.access_key;
    let session = cloud.sessions.get(key);
    if session.is_some_and(|session| session.expires_at <= Utc::now()) {
        return Err(expired_token());
    }
    let account = match session {
        Some(session) => session.account.clone(),
        None => account_of(cloud, key).ok_or_else(unknown_token)?,
    };
    let arn = match session {
        Some(session) => format!(
            "arn:{}:sts::{account}:assumed-role/{}/{}",
            cloud.partition, session.role, session.name
        ),
        None if key.starts_with("ASIA") => {
            format!("arn:{}:sts::{account}:assumed-role/unknown/unknown", cloud.partition)
        }
        None => format!("arn:{}:iam::{account}:user/auditor", cloud.partition),
    };
    let principal = match session {
        Some(session) => session.role_arn.clone(),
        None if key.starts_with("ASIA") => format!("arn:{}:iam::{account}:role/unknown", cloud.partition),
        None => arn.clone(),
    };
    Ok(Caller {
        account,
        region: scope.region.clone(),
        access_key: key.clone(),
        arn,
        principal,
    })
}

fn account_of(cloud: &Cloud, key: &str) -> Option<String> {
    let by_key = cloud
        .accounts
        .values()
        .find(|account| account.access_keys.iter().any(|known| known == key));
    if let Some(account) = by_key {
        return Some(account.id.clone());
    }
    let bytes = key.as_bytes();
    let inside = bytes.windows(12).filter(|window| window.iter().all(u8::is_ascii_digit));
    let by_account = inside
        .filter_map(|window| std::str::from_utf8(window).ok())
        .find(|id| cloud.accounts.contains_key(*id));
    by_account.map(str::to_owned).or_else(|| cloud.first_account.clone())
}
