//! Vaults over the API: creation, lock, access policy, notifications.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use super::place::{here, place_key, state};
use super::request::{body, query, query_flag};
use super::tags::check_tags;
use super::wire::{Times, reply};
use super::{render, request};
use crate::backup::documents::members::{int, needed, strings, text};
use crate::backup::errors;
use crate::backup::state::{KeyKind, Lock, Notifications, State, Vault, VaultKind, policy, vault_arn};
use crate::call::{ApiError, Call, Reply};
use crate::cloud::{Cloud, Place};

/// Quota of one account and Region.
const MAX_VAULTS: usize = 300;
/// A compliance lock can be taken back for at least so many days.
const MIN_CHANGEABLE_DAYS: i64 = 3;
const MAX_DAYS: i64 = 36_500;
const SHARING: &str = "The specified policy cannot be added to the backup vault due to cross-account sharing restrictions. AWS Backup supports backup:CopyIntoBackupVault only for other accounts.";
/// The least retention of an air-gapped vault.
const MIN_AIR_GAPPED_DAYS: i64 = 7;

/// A vault that the caller may use for an action: missing, of another account, and denied by the vault's policy look the same.
pub(super) fn vault<'a>(state: &'a State, call: &Call, name: &str, action: &str) -> Result<&'a Vault, ApiError> {
    let foreign = query(call, "backupVaultAccountId").is_some_and(|account| account != call.caller.account);
    let vault = state.vaults.get(name).filter(|_| !foreign).ok_or_else(errors::denied)?;
    allowed(vault, call, action, &vault.arn)?;
    Ok(vault)
}

/// Whether a vault's policy lets the caller do something to the vault or to a recovery point in it.
pub(super) fn allowed(vault: &Vault, call: &Call, action: &str, resource: &str) -> Result<(), ApiError> {
    let ask = policy::Ask {
        action,
        resource,
        caller: &call.caller.arn,
        principal: &call.caller.principal,
        account: &call.caller.account,
    };
    match &vault.policy {
        Some(document) if policy::denies(document, ask) => Err(errors::denied()),
        _ => Ok(()),
    }
}

fn changeable<'a>(cloud: &'a mut Cloud, call: &Call, name: &str, action: &str) -> Result<&'a mut Vault, ApiError> {
    let state = state(cloud, call);
    vault(state, call, name, action)?;
    state.vaults.get_mut(name).ok_or_else(errors::denied)
}

/// `CreateBackupVault`.
pub(super) fn create(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let (made, is_new) = new_vault(cloud, call, &labels[1], &body, VaultKind::Standard, None)?;
    let answer = reply(Times::Plain, |m| {
        m.text("BackupVaultName", &made.name);
        m.text("BackupVaultArn", &made.arn);
        m.time("CreationDate", made.created);
    });
    Ok(answer.unchanged_unless(is_new))
}

/// `CreateLogicallyAirGappedBackupVault`: locked in compliance mode from its creation.
pub(super) fn create_air_gapped(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let min = int(&body, "MinRetentionDays")?.ok_or_else(|| errors::missing("MinRetentionDays"))?;
    let max = int(&body, "MaxRetentionDays")?.ok_or_else(|| errors::missing("MaxRetentionDays"))?;
    if !(MIN_AIR_GAPPED_DAYS..=MAX_DAYS).contains(&min) || !(min..=MAX_DAYS).contains(&max) {
        return Err(errors::invalid(format!(
            "Invalid retention. MinRetentionDays has to be at least {MIN_AIR_GAPPED_DAYS} and not more than MaxRetentionDays, which cannot exceed {MAX_DAYS}"
        )));
    }
    let lock = Lock {
        min_days: Some(min),
        max_days: Some(max),
        date: Some(call.now),
    };
    let (made, is_new) = new_vault(cloud, call, &labels[1], &body, VaultKind::AirGapped, Some(lock))?;
    let answer = reply(Times::Plain, |m| {
        m.text("BackupVaultName", &made.name);
        m.text("BackupVaultArn", &made.arn);
        m.time("CreationDate", made.created);
        m.text("VaultState", "AVAILABLE");
    });
    Ok(answer.unchanged_unless(is_new))
}

/// Makes a vault; false beside it: the same request made it before.
fn new_vault(
    cloud: &mut Cloud,
    call: &Call,
    name: &str,
    body: &serde_json::Map<String, Value>,
    kind: VaultKind,
    lock: Option<Lock>,
) -> Result<(Vault, bool), ApiError> {
    let fine = (2..=50).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !fine {
        return Err(errors::invalid(format!(
            "Backup vault name {name} has to consist of 2 to 50 letters, digits, hyphens or underscores"
        )));
    }
    let arn = vault_arn(&cloud.partition, &place_key(call), name);
    let creator = text(body, "CreatorRequestId")?.map(str::to_owned);
    let place = here(cloud, call);
    if let Some(existing) = place.backup.vaults.get(name) {
        if creator.is_some() && existing.creator_request_id == creator {
            return Ok((existing.clone(), false));
        }
        return Err(errors::exists(
            "Backup vault with the same name already exists",
            &existing.arn,
            existing.creator_request_id.as_deref(),
        ));
    }
    if place.backup.vaults.len() >= MAX_VAULTS {
        return Err(errors::limit(format!(
            "The limit of {MAX_VAULTS} backup vaults is reached"
        )));
    }
    let tags = strings(body, "BackupVaultTags")?.unwrap_or_default();
    check_tags(&tags)?;
    let (key, key_kind) = vault_key(place, call, text(body, "EncryptionKeyArn")?, kind)?;
    let vault = Vault {
        name: name.into(),
        arn,
        kind,
        created: call.now,
        creator_request_id: creator,
        key,
        key_kind,
        lock,
        policy: None,
        notifications: None,
        tags,
    };
    place.backup.vaults.insert(name.to_owned(), vault.clone());
    Ok((vault, true))
}

/// The key of a new vault: as asked for, else AWS's own.
fn vault_key(
    place: &mut Place,
    call: &Call,
    arn: Option<&str>,
    kind: VaultKind,
) -> Result<(Option<Arc<str>>, KeyKind), ApiError> {
    match arn {
        Some(arn) if arn.contains(":alias/") || !arn.contains(":key/") => Err(errors::invalid(format!(
            "EncryptionKeyArn has to be the ARN of a KMS key: {arn}"
        ))),
        Some(arn) if !place.kms.is_usable(arn, call.now) => Err(errors::invalid(format!(
            "Insufficient privileges to perform this action: the KMS key {arn} cannot be used"
        ))),
        Some(arn) => Ok((Some(arn.into()), key_kind(place, arn))),
        None if kind == VaultKind::AirGapped => Ok((None, KeyKind::Owned)),
        None => Ok((Some(place.kms.managed_key("backup").into()), KeyKind::Managed)),
    }
}

fn key_kind(place: &Place, arn: &str) -> KeyKind {
    if place.kms.is_aws_managed(arn) {
        KeyKind::Managed
    } else {
        KeyKind::Customer
    }
}

/// `DescribeBackupVault`.
pub(super) fn describe(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    let found = vault(state, call, &labels[1], "backup:DescribeBackupVault")?;
    Ok(reply(Times::Plain, |m| {
        render::vault(m, state, found);
        m.nulls(&[
            "SourceBackupVaultArn",
            "MpaApprovalTeamArn",
            "MpaSessionArn",
            "LatestMpaApprovalTeamUpdate",
        ]);
    }))
}

/// `ListBackupVaults`.
pub(super) fn list(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let kind = query(call, "vaultType");
    // Nothing is shared between accounts here, so a list of shared vaults is empty.
    let shared = query_flag(call, "shared")?.unwrap_or(false);
    let state = state(cloud, call);
    let rows = state
        .vaults
        .iter()
        .filter(|(_, vault)| !shared && kind.is_none_or(|kind| kind == vault.kind.name()))
        .map(|(name, vault)| (name.clone(), vault));
    let page = request::page(call, "vaults", rows, |row, token| row > token)?;
    Ok(reply(Times::Plain, |m| {
        m.list("BackupVaultList", page.items, |m, vault| render::vault(m, state, vault));
        m.maybe_text("NextToken", page.token.as_deref());
    }))
}

/// `DeleteBackupVault`: only an empty one.
pub(super) fn delete(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    let found = vault(state, call, &labels[1], "backup:DeleteBackupVault")?;
    let points = state.points.count(&found.name);
    if points > 0 {
        return Err(ApiError {
            extra: vec![
                ("Code".to_owned(), "ERROR_9101".into()),
                ("Context".to_owned(), points.to_string().into()),
            ],
            ..errors::refused("Backup vault cannot be deleted because it contains recovery points.")
        });
    }
    state.vaults.remove(&labels[1]);
    Ok(Reply::empty(200))
}

/// `GetBackupVaultAccessPolicy`.
pub(super) fn policy(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    let found = vault(state, call, &labels[1], "backup:GetBackupVaultAccessPolicy")?;
    let document = found
        .policy
        .as_deref()
        .ok_or_else(|| errors::not_found(format!("Backup vault {} has no access policy", found.name)))?;
    Ok(reply(Times::Plain, |m| {
        m.text("BackupVaultName", &found.name);
        m.text("BackupVaultArn", &found.arn);
        m.text("Policy", document);
    }))
}

/// `PutBackupVaultAccessPolicy`.
pub(super) fn put_policy(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let document = needed(&body, "Policy")?;
    policy::check(document).map_err(errors::invalid)?;
    if policy::shares_too_much(document, &call.caller.account) {
        return Err(errors::invalid(SHARING));
    }
    let found = changeable(cloud, call, &labels[1], "backup:PutBackupVaultAccessPolicy")?;
    found.policy = Some(document.to_owned());
    Ok(Reply::empty(200))
}

/// `DeleteBackupVaultAccessPolicy`.
pub(super) fn delete_policy(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    changeable(cloud, call, &labels[1], "backup:DeleteBackupVaultAccessPolicy")?.policy = None;
    Ok(Reply::empty(200))
}

/// `PutBackupVaultLockConfiguration`: with `ChangeableForDays` compliance mode, without it governance mode.
pub(super) fn put_lock(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let lock = new_lock(&body, call.now)?;
    let found = changeable(cloud, call, &labels[1], "backup:PutBackupVaultLockConfiguration")?;
    still_open(found, call.now)?;
    found.lock = Some(lock);
    Ok(Reply::empty(200))
}

fn new_lock(body: &serde_json::Map<String, Value>, now: DateTime<Utc>) -> Result<Lock, ApiError> {
    let (min, max) = (int(body, "MinRetentionDays")?, int(body, "MaxRetentionDays")?);
    let inside = |days: Option<i64>| days.is_none_or(|days| (1..=MAX_DAYS).contains(&days));
    if !inside(min) || !inside(max) || matches!((min, max), (Some(min), Some(max)) if min > max) {
        return Err(errors::invalid(format!(
            "Invalid retention. MinRetentionDays and MaxRetentionDays have to be between 1 and {MAX_DAYS}, the first not above the second"
        )));
    }
    let date = match int(body, "ChangeableForDays")? {
        None => None,
        Some(days) if (MIN_CHANGEABLE_DAYS..=MAX_DAYS).contains(&days) => Some(now + Duration::days(days)),
        Some(_) => {
            return Err(errors::invalid(format!(
                "ChangeableForDays has to be between {MIN_CHANGEABLE_DAYS} and {MAX_DAYS}"
            )));
        }
    };
    Ok(Lock {
        min_days: min,
        max_days: max,
        date,
    })
}

fn still_open(vault: &Vault, now: DateTime<Utc>) -> Result<(), ApiError> {
    match &vault.lock {
        Some(lock) if lock.is_immutable(now) => Err(errors::refused(format!(
            "Backup vault {} is locked and its lock configuration cannot be changed",
            vault.name
        ))),
        _ => Ok(()),
    }
}

/// `DeleteBackupVaultLockConfiguration`: not once the grace time of a compliance lock is over.
pub(super) fn delete_lock(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let found = changeable(cloud, call, &labels[1], "backup:DeleteBackupVaultLockConfiguration")?;
    still_open(found, call.now)?;
    found.lock = None;
    Ok(Reply::empty(200))
}

/// `GetBackupVaultNotifications`.
pub(super) fn notifications(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    let found = vault(state, call, &labels[1], "backup:GetBackupVaultNotifications")?;
    let notifications = found
        .notifications
        .as_ref()
        .ok_or_else(|| errors::not_found(format!("Backup vault {} has no notifications", found.name)))?;
    Ok(reply(Times::Plain, |m| {
        m.text("BackupVaultName", &found.name);
        m.text("BackupVaultArn", &found.arn);
        m.text("SNSTopicArn", &notifications.topic);
        m.value("BackupVaultEvents", &Value::from(notifications.events.clone()));
    }))
}

/// `PutBackupVaultNotifications`.
pub(super) fn put_notifications(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let topic = needed(&body, "SNSTopicArn")?.to_owned();
    let events: Vec<String> = match body.get("BackupVaultEvents") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    if events.is_empty() {
        return Err(errors::missing("BackupVaultEvents"));
    }
    let found = changeable(cloud, call, &labels[1], "backup:PutBackupVaultNotifications")?;
    found.notifications = Some(Notifications { topic, events });
    Ok(Reply::empty(200))
}

/// `DeleteBackupVaultNotifications`.
pub(super) fn delete_notifications(cloud: &mut Cloud, call: &Call, labels: &[String]) -> Result<Reply, ApiError> {
    changeable(cloud, call, &labels[1], "backup:DeleteBackupVaultNotifications")?.notifications = None;
    Ok(Reply::empty(200))
}
