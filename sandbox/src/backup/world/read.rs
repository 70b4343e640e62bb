//! Reads the sections of AWS Backup in a world file.

use serde_json::{Map, Value, json};

use super::{
    LockSpec, PARTITION, PlanSpec, SelectionSpec, SettingsSpec, Spec, TestingSpec, VaultSpec, default_role, events,
    role_arn,
};
use crate::backup::lifecycle::Lifecycle;
use crate::backup::schedule::Schedule;
use crate::backup::state::VaultKind;
use crate::backup::{plans, policy, restore_testing, selections};
use crate::call::ApiError;
use crate::cloud::Ids;
use crate::world::{Section, World};

/// Reads `[[vault]]`, `[[plan]]`, `[settings]`, `[[restore-testing-plan]]` and `[[event]]` of the file.
pub(crate) fn read(root: &Section<'_>, world: &World) -> Spec {
    let settings = root
        .named_sections("settings")
        .into_iter()
        .filter_map(|(name, section)| settings(&name, &section, world));
    Spec {
        settings: settings.collect(),
        vaults: root
            .sections("vault")
            .iter()
            .filter_map(|section| vault(section, world))
            .collect(),
        testing: root
            .sections("restore-testing-plan")
            .iter()
            .filter_map(|section| testing(section, world))
            .collect(),
        plans: root
            .sections("plan")
            .iter()
            .filter_map(|section| plan(section, world))
            .collect(),
        events: root
            .sections("event")
            .iter()
            .filter_map(|section| events::read(section, world))
            .collect(),
    }
}

/// A lifecycle out of `cold-after-days` and `delete-after-days`.
pub(super) fn lifecycle(section: &Section<'_>) -> Lifecycle {
    let lifecycle = Lifecycle {
        cold_after: section.days("cold-after-days"),
        delete_after: section.days("delete-after-days"),
        archive: None,
    };
    if let Err(what) = lifecycle.check() {
        section.problem("delete-after-days", what, None);
        return Lifecycle::default();
    }
    lifecycle
}

fn vault(section: &Section<'_>, world: &World) -> Option<VaultSpec> {
    let place = world.place(section);
    let name = section.needed_text("name");
    let kinds = [("standard", VaultKind::Standard), ("air-gapped", VaultKind::AirGapped)];
    let kind = section.choice("type", &kinds).unwrap_or(VaultKind::Standard);
    let key = section.text("key");
    let lock = lock(section, kind);
    let policy = section.text("policy");
    let created_days_ago = section.days("created-days-ago");
    let creator_request_id = section.text("creator-request-id");
    let tags = section.map("tags").unwrap_or_default();
    if let Some(Err(what)) = policy.as_deref().map(policy::check) {
        section.problem("policy", what, None);
    }
    let place = place?;
    if let Some(key) = &key {
        world.knows_key(section, "key", &place, key);
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
    let mode = section.choice("lock", &[("governance", false), ("compliance", true)]);
    let date = section.number("lock-date-days-from-now");
    let (min_days, max_days) = (section.days("min-days"), section.days("max-days"));
    if matches!((min_days, max_days), (Some(min), Some(max)) if min > max) {
        section.problem("max-days", "`max-days` is less than `min-days`", None);
    }
    let air_gapped = kind == VaultKind::AirGapped;
    if air_gapped && section.has("lock") {
        section.problem(
            "lock",
            "an air-gapped vault is locked by its nature; leave `lock` out",
            None,
        );
    }
    let compliance = mode.unwrap_or(false) || air_gapped;
    if mode.is_none() && !air_gapped {
        if date.is_some() || min_days.is_some() || max_days.is_some() {
            section.problem("min-days", "retention limits need a `lock`", None);
        }
        return None;
    }
    if date.is_some() && !compliance {
        section.problem("lock-date-days-from-now", "a governance lock has no date", None);
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

fn settings(name: &str, section: &Section<'_>, world: &World) -> Option<SettingsSpec> {
    let opt_in = section.flag("dynamodb-opt-in").unwrap_or(true);
    let advanced = section.flag("dynamodb-advanced").unwrap_or(true);
    let known = |account: &str, region: &str| {
        world
            .accounts
            .iter()
            .any(|known| known.id == account && known.regions.iter().any(|other| other == region))
    };
    let place = name.split_once('/').filter(|(account, region)| known(account, region));
    if place.is_none() {
        section.problem(
            "",
            format!("`{name}` is not an account and a Region of this world, such as \"111122223333/eu-west-1\""),
            None,
        );
    }
    let (account, region) = place?;
    Some(SettingsSpec {
        place: (account.to_owned(), region.to_owned()),
        opt_in,
        advanced,
    })
}

fn testing(section: &Section<'_>, world: &World) -> Option<TestingSpec> {
    let place = world.place(section);
    let name = section.needed_text("name");
    let schedule = section
        .text("schedule")
        .unwrap_or_else(|| "cron(0 5 ? * * *)".to_owned());
    let timezone = section.text("timezone");
    if let Err(what) = Schedule::parse(Some(&schedule), timezone.as_deref()) {
        section.problem("schedule", what.to_string(), None);
    }
    let mut points = Map::new();
    let mut set = |member: &str, value: Option<Value>| {
        if let Some(value) = value {
            points.insert(member.to_owned(), value);
        }
    };
    let fill = |text: &str| match &place {
        Some((account, region)) => text.replace("{account}", account).replace("{region}", region),
        None => text.to_owned(),
    };
    let arns = |section: &Section<'_>, key| {
        let arns = section.texts(key)?;
        Some(json!(arns.iter().map(|arn| fill(arn)).collect::<Vec<_>>()))
    };
    set("IncludeVaults", arns(section, "include-vaults"));
    set("ExcludeVaults", arns(section, "exclude-vaults"));
    set("RecoveryPointTypes", section.texts("point-types").map(Value::from));
    set("SelectionWindowDays", section.days("window-days").map(Value::from));
    if let Err(error) = restore_testing::read_points(Some(&points)) {
        let words = words(&error);
        let key = if words.contains("RecoveryPointTypes") {
            "point-types"
        } else {
            "window-days"
        };
        section.problem(key, words, None);
    }
    let account = place.as_ref().map_or("", |(account, _)| account);
    let selections = section.sections("selection");
    let selections = selections.iter().map(|section| {
        let resources = arns(section, "resources").unwrap_or_else(|| json!(["*"]));
        testing_selection(section, account, resources)
    });
    let selections = selections.collect();
    Some(TestingSpec {
        place: place?,
        name: name?,
        schedule,
        timezone,
        points,
        selections,
    })
}

/// A selection of a restore testing plan as the API takes it.
fn testing_selection(section: &Section<'_>, account: &str, resources: Value) -> Map<String, Value> {
    let role = section.text("role").unwrap_or_else(default_role);
    let mut sent = Map::new();
    let mut set = |member: &str, value: Option<Value>| {
        if let Some(value) = value {
            sent.insert(member.to_owned(), value);
        }
    };
    let name = section.needed_text("name");
    let is_named = name.is_some();
    set("RestoreTestingSelectionName", name.map(Value::from));
    set("IamRoleArn", Some(role_arn(account, &role).into()));
    let kind = section.text("type").unwrap_or_else(|| "DynamoDB".to_owned());
    set("ProtectedResourceType", Some(kind.into()));
    set("ProtectedResourceArns", Some(resources));
    if let Some(conditions) = section.section("conditions") {
        let entries = |key| -> Vec<Value> {
            let entries = conditions.sections(key);
            let entries = entries
                .iter()
                .map(|entry| json!({"Key": entry.needed_text("key"), "Value": entry.needed_text("value")}));
            entries.collect()
        };
        let (equal, not_equal) = (entries("string-equals"), entries("string-not-equals"));
        set(
            "ProtectedResourceConditions",
            Some(json!({"StringEquals": equal, "StringNotEquals": not_equal})),
        );
    }
    set(
        "ValidationWindowHours",
        section.days("validation-hours").map(Value::from),
    );
    if let Err(error) = restore_testing::read_selection(&sent, chrono::DateTime::UNIX_EPOCH)
        && is_named
    {
        section.problem("name", words(&error), None);
    }
    sent
}

fn plan(section: &Section<'_>, world: &World) -> Option<PlanSpec> {
    let place = world.place(section);
    let name = section.needed_text("name");
    let id = section.text("id");
    let role = section.text("role").unwrap_or_else(default_role);
    let (created_days_ago, deleted_days_ago) = (section.days("created-days-ago"), section.days("deleted-days-ago"));
    let tags = section.map("tags").unwrap_or_default();
    let fill = |text: &str| match &place {
        Some((account, region)) => text.replace("{account}", account).replace("{region}", region),
        None => text.to_owned(),
    };
    let rules: Vec<(Value, bool)> = section
        .sections("rule")
        .iter()
        .map(|section| rule(section, &fill))
        .collect();
    let rules_are_fine = rules.iter().all(|(_, fine)| *fine);
    let rules: Vec<Value> = rules.into_iter().map(|(rule, _)| rule).collect();
    let selections: Vec<SelectionSpec> = section
        .sections("selection")
        .iter()
        .filter_map(|section| selection(section, &role, &fill))
        .collect();
    let mut document = Map::new();
    document.insert("BackupPlanName".to_owned(), name.clone().into());
    document.insert("Rules".to_owned(), rules.into());
    // Single rules were checked as they were read; what is left is what rules are together.
    if rules_are_fine {
        check_document(section, &document);
    }
    name?;
    Some(PlanSpec {
        place: place?,
        id,
        document,
        created_days_ago,
        deleted_days_ago,
        tags,
        selections,
    })
}

/// An error of the API as a mistake in the file.
fn words(error: &ApiError) -> String {
    error.message.strip_suffix('.').unwrap_or(&error.message).to_owned()
}

/// Checks the document of a plan; members that are missing were reported by the reader already.
fn check_document(section: &Section<'_>, document: &Map<String, Value>) -> bool {
    match plans::read_document(document, &mut Ids::new(0)) {
        Ok(_) => true,
        Err(error) => {
            let reported = ["BackupPlanName", "RuleName", "TargetBackupVaultName"]
                .iter()
                .any(|name| error.message.ends_with(name));
            if !reported {
                section.problem("name", words(&error), None);
            }
            false
        }
    }
}

/// A rule as the API takes it, and whether it is a good one.
fn rule(section: &Section<'_>, fill: &dyn Fn(&str) -> String) -> (Value, bool) {
    let mut rule = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            rule.insert(name.to_owned(), value);
        }
    };
    set("RuleName", section.needed_text("name").map(Value::from));
    set("TargetBackupVaultName", section.needed_text("vault").map(Value::from));
    let air_gapped = section.text("air-gapped-vault");
    let arn = air_gapped.map(|name| {
        fill(&format!(
            "arn:{PARTITION}:backup:{{region}}:{{account}}:backup-vault:{name}"
        ))
    });
    set("TargetLogicallyAirGappedBackupVaultArn", arn.map(Value::from));
    set("ScheduleExpression", section.text("schedule").map(Value::from));
    set("ScheduleExpressionTimezone", section.text("timezone").map(Value::from));
    set(
        "StartWindowMinutes",
        section.days("start-window-minutes").map(Value::from),
    );
    set(
        "CompletionWindowMinutes",
        section.days("completion-window-minutes").map(Value::from),
    );
    set("Lifecycle", Some(lifecycle(section).json()));
    set("RecoveryPointTags", section.map("tags").map(|tags| json!(tags)));
    let copies: Vec<Value> = section
        .sections("copy-to")
        .iter()
        .map(|copy| json!({"DestinationBackupVaultArn": copy.needed_text("vault-arn").map(|arn| fill(&arn)), "Lifecycle": lifecycle(copy).json()}))
        .collect();
    set("CopyActions", Some(copies.into()));
    let mut alone = Map::new();
    alone.insert("BackupPlanName".to_owned(), "plan".into());
    alone.insert("Rules".to_owned(), json!([rule]));
    let fine = check_document(section, &alone);
    (Value::Object(rule), fine)
}

fn selection(section: &Section<'_>, role: &str, fill: &dyn Fn(&str) -> String) -> Option<SelectionSpec> {
    let name = section.needed_text("name");
    let role = section.text("role").unwrap_or_else(|| role.to_owned());
    let created_days_ago = section.days("created-days-ago");
    let arns = |key| {
        section
            .texts(key)
            .unwrap_or_default()
            .iter()
            .map(|arn| fill(arn))
            .collect::<Vec<_>>()
    };
    let pair = |section: &Section<'_>| {
        (
            section.needed_text("key").unwrap_or_default(),
            section.needed_text("value").unwrap_or_default(),
        )
    };
    let tags: Vec<Value> = section
        .sections("tags")
        .iter()
        .map(|tag| {
            let (key, value) = pair(tag);
            json!({"ConditionType": "STRINGEQUALS", "ConditionKey": key, "ConditionValue": value})
        })
        .collect();
    let mut conditions = Map::new();
    if let Some(section) = section.section("conditions") {
        for (key, member) in [
            ("string-equals", "StringEquals"),
            ("string-not-equals", "StringNotEquals"),
            ("string-like", "StringLike"),
            ("string-not-like", "StringNotLike"),
        ] {
            let entries: Vec<Value> = section
                .sections(key)
                .iter()
                .map(|entry| {
                    let (key, value) = pair(entry);
                    json!({"ConditionKey": key, "ConditionValue": value})
                })
                .collect();
            conditions.insert(member.to_owned(), entries.into());
        }
    }
    let mut members = Map::new();
    members.insert("Resources".to_owned(), json!(arns("resources")));
    members.insert("NotResources".to_owned(), json!(arns("not-resources")));
    members.insert("ListOfTags".to_owned(), tags.into());
    members.insert("Conditions".to_owned(), conditions.into());
    if let Err(error) = selections::read_criteria(&members) {
        section.problem("name", words(&error), None);
    }
    Some(SelectionSpec {
        name: name?,
        role,
        members,
        created_days_ago,
    })
}
