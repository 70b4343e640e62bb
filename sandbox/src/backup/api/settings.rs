//! Settings over the API: of a Region and of the organisation, and the list of resource types.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::place::state;
use super::request::body;
use super::wire::{Times, reply};
use crate::backup::documents::members::map;
use crate::backup::errors;
use crate::call::{ApiError, Call, Reply};
use crate::cloud::Cloud;

const BAD_OPT_IN: &str = "Element present in resource type opt in preference has invalid values";
const BAD_MANAGEMENT: &str = "Element present in resource type management preference has invalid values";
const BAD_INCREMENTAL: &str = "Element present in resource type opt in incremental has invalid values";
const CROSS_ACCOUNT: &str = "isCrossAccountBackupEnabled";

/// `DescribeRegionSettings`.
pub(super) fn region(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let state = state(cloud, call);
    Ok(reply(Times::Plain, |m| {
        m.value("ResourceTypeManagementPreference", &json!(state.management));
        m.value("ResourceTypeOptInPreference", &json!(state.opt_in));
        m.value("ResourceTypeOptInIncremental", &json!(state.incremental));
    }))
}

/// `UpdateRegionSettings`: keys that are not sent keep their values.
pub(super) fn update_region(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let opt_in = map(&body, "ResourceTypeOptInPreference")?;
    let management = map(&body, "ResourceTypeManagementPreference")?;
    let incremental = map(&body, "ResourceTypeOptInIncremental")?;
    if opt_in.is_none() && management.is_none() && incremental.is_none() {
        return Err(errors::missing("ResourceTypeOptInPreference"));
    }
    let state = state(cloud, call);
    check(&state.opt_in, opt_in, BAD_OPT_IN)?;
    check(&state.management, management, BAD_MANAGEMENT)?;
    check(&state.incremental, incremental, BAD_INCREMENTAL)?;
    let old = (
        state.opt_in.clone(),
        state.management.clone(),
        state.incremental.clone(),
    );
    apply(&mut state.opt_in, opt_in);
    apply(&mut state.management, management);
    apply(&mut state.incremental, incremental);
    let changed = (&old.0, &old.1, &old.2) != (&state.opt_in, &state.management, &state.incremental);
    Ok(Reply::empty(200).unchanged_unless(changed))
}

fn check(known: &BTreeMap<String, bool>, sent: Option<&Map<String, Value>>, problem: &str) -> Result<(), ApiError> {
    let fine = sent.is_none_or(|sent| {
        sent.iter()
            .all(|(name, value)| known.contains_key(name) && value.is_boolean())
    });
    if fine { Ok(()) } else { Err(errors::invalid(problem)) }
}

fn apply(map: &mut BTreeMap<String, bool>, sent: Option<&Map<String, Value>>) {
    for (name, value) in sent.into_iter().flatten() {
        map.insert(name.clone(), value.as_bool().unwrap_or(false));
    }
}

/// `DescribeGlobalSettings`: of the organisation; outside of one an error.
pub(super) fn global(cloud: &mut Cloud, _call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let organization = &cloud.organization;
    if organization.management_account.is_none() {
        return Err(errors::refused("Your account is not a member of an organization."));
    }
    Ok(reply(Times::Plain, |m| {
        m.object("GlobalSettings", |m| {
            m.text(
                CROSS_ACCOUNT,
                if organization.cross_account_backup {
                    "true"
                } else {
                    "false"
                },
            );
            m.text("isMpaEnabled", "false");
            m.text("isDelegatedAdministratorEnabled", "false");
        });
        m.maybe_time("LastUpdateTime", organization.updated);
    }))
}

/// `UpdateGlobalSettings`: by the management account only.
pub(super) fn update_global(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let body = body(call)?;
    let sent = map(&body, "GlobalSettings")?.ok_or_else(|| errors::missing("GlobalSettings"))?;
    let organization = &mut cloud.organization;
    match &organization.management_account {
        None => return Err(errors::refused("Your account is not a member of an organization.")),
        Some(account) if *account != call.caller.account => return Err(errors::denied()),
        Some(_) => {}
    }
    match sent.get(CROSS_ACCOUNT).and_then(Value::as_str) {
        Some("true") => organization.cross_account_backup = true,
        Some("false") => organization.cross_account_backup = false,
        _ => return Err(errors::invalid("Invalid value for GlobalSettings")),
    }
    organization.updated = Some(call.now);
    Ok(Reply::empty(200))
}

/// `GetSupportedResourceTypes`.
pub(super) fn types(cloud: &mut Cloud, call: &Call, _labels: &[String]) -> Result<Reply, ApiError> {
    let names: Vec<&String> = state(cloud, call).opt_in.keys().collect();
    Ok(reply(Times::Plain, |m| m.value("ResourceTypes", &json!(names))))
}
