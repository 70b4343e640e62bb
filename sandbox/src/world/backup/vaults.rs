//! `[[vault]]`: vaults with their locks and policies.

use backproof_toml_reader::Section;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use crate::backup::state::{KeyKind, Lock, PlaceKey, Tags, Vault, VaultKind, policy, vault_arn};
use crate::cloud::Cloud;
use crate::world::known::Known;
use crate::world::values::{choice, days};

/// One vault.
#[derive(Debug, Clone)]
pub(super) struct VaultSpec {
    place: PlaceKey,
    name: String,
    kind: VaultKind,
    /// Name of a `[[key]]`.
    key: Option<String>,
    lock: Option<LockSpec>,
    policy: Option<String>,
    pub(super) created_days_ago: Option<i64>,
    creator_request_id: Option<String>,
    tags: Tags,
}

#[derive(Debug, Clone)]
struct LockSpec {
    compliance: bool,
    date_days_from_now: f64,
    min_days: Option<i64>,
    max_days: Option<i64>,
}

/// Reads one vault.
pub(super) fn read(section: &Section<'_>, known: &Known) -> Option<VaultSpec> {
    let place = known.place(section);
    let name = section.needed("name");
    let kinds = [("standard", VaultKind::Standard), ("air-gapped", VaultKind::AirGapped)];
    let kind = choice(section, "type", &kinds).unwrap_or(VaultKind::Standard);
    let key = section.text("key");
    let lock = lock(section, kind);
    let policy = section.text("policy");
    let created_days_ago = days(section, "created-days-ago");
    let creator_request_id = section.text("creator-request-id");
    let tags = section.string_map("tags").unwrap_or_default();
    if let Some(Err(what)) = policy.as_deref().map(policy::check) {
        section.note_at("policy", what, "");
    }
    let place = place?;
    if let Some(key) = &key {
        known.knows_key(section, "key", &place, key);
    }
    Some(VaultSpec {
        place,
        name: name?,
        kind,
        key,
        lock,
        policy,
        created_days_ago,
        creator_request_id,
        tags,
    })
}

fn lock(section: &Section<'_>, kind: VaultKind) -> Option<LockSpec> {
    let mode = choice(section, "lock", &[("governance", false), ("compliance", true)]);
    let date = section.number("lock-date-days-from-now");
    let (min_days, max_days) = (days(section, "min-days"), days(section, "max-days"));
    if matches!((min_days, max_days), (Some(min), Some(max)) if min > max) {
        section.note_at("max-days", "`max-days` is less than `min-days`", "");
    }
    let air_gapped = kind == VaultKind::AirGapped;
    if air_gapped && section.has("lock") {
        section.note_at(
            "lock",
            "an air-gapped vault is locked by its nature; leave `lock` out",
            "",
        );
    }
    let compliance = mode.unwrap_or(false) || air_gapped;
    if mode.is_none() && !air_gapped {
        if date.is_some() || min_days.is_some() || max_days.is_some() {
            section.note_at("min-days", "retention limits need a `lock`", "");
        }
        return None;
    }
    if date.is_some() && !compliance {
        section.note_at("lock-date-days-from-now", "a governance lock has no date", "");
    }
    let min_days = if air_gapped {
        Some(min_days.unwrap_or(7))
    } else {
        min_days
    };
    let max_days = if air_gapped {
        Some(max_days.unwrap_or(365))
    } else {
        max_days
    };
    Some(LockSpec {
        compliance,
        date_days_from_now: date.unwrap_or(-100.0),
        min_days,
        max_days,
    })
}

/// Puts a vault in its place, as it was at the start of history.
pub(super) fn install(cloud: &mut Cloud, spec: &VaultSpec, created: DateTime<Utc>, now: DateTime<Utc>) {
    let (account, region) = (&spec.place.0, &spec.place.1);
    let arn = vault_arn(&cloud.partition, &spec.place, &spec.name);
    let place = cloud.place_mut(account, region);
    let named = spec
        .key
        .as_ref()
        .and_then(|name| place.kms.find(&format!("alias/{name}")))
        .map(|key| key.arn.clone());
    let (key, key_kind) = match named {
        Some(arn) => {
            let kind = if place.kms.is_aws_managed(&arn) {
                KeyKind::Managed
            } else {
                KeyKind::Customer
            };
            (Some(Arc::from(arn)), kind)
        }
        None if spec.kind == VaultKind::AirGapped => (None, KeyKind::Owned),
        None => (Some(Arc::from(place.kms.managed_key("backup"))), KeyKind::Managed),
    };
    let lock = spec.lock.as_ref().map(|lock| Lock {
        min_days: lock.min_days,
        max_days: lock.max_days,
        date: lock.compliance.then(|| {
            if spec.kind == VaultKind::AirGapped {
                created
            } else {
                now + Duration::seconds((lock.date_days_from_now * 86_400.0) as i64)
            }
        }),
    });
    let vault = Vault {
        name: spec.name.as_str().into(),
        arn,
        kind: spec.kind,
        created,
        creator_request_id: spec.creator_request_id.clone(),
        key,
        key_kind,
        lock,
        policy: spec.policy.clone(),
        notifications: None,
        tags: spec.tags.clone(),
    };
    place.backup.vaults.insert(spec.name.clone(), vault);
}
