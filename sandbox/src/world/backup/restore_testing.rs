//! `[[restore-testing-plan]]`: listed and described, and with `runs` at work.

use backproof_toml_reader::Section;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::shared::{default_role, located, role_arn, words};
use crate::backup::documents::restore_testing as documents;
use crate::backup::engine::restore_testing;
use crate::backup::state::{PlaceKey, Schedule};
use crate::cloud::Cloud;
use crate::world::known::Known;
use crate::world::values::{choice, days, texts};

/// One plan.
#[derive(Debug, Clone)]
pub(super) struct TestingSpec {
    place: PlaceKey,
    name: String,
    schedule: String,
    timezone: Option<String>,
    /// `RecoveryPointSelection` as `CreateRestoreTestingPlan` takes it.
    points: Map<String, Value>,
    /// Each as `CreateRestoreTestingSelection` takes it.
    selections: Vec<Map<String, Value>>,
    start_hours: Option<i64>,
    runs: bool,
}

/// Reads one plan.
pub(super) fn read(section: &Section<'_>, known: &Known) -> Option<TestingSpec> {
    let place = known.place(section);
    let name = section.needed("name");
    let schedule = section
        .text("schedule")
        .unwrap_or_else(|| "cron(0 5 ? * * *)".to_owned());
    let timezone = section.text("timezone");
    if let Err(what) = Schedule::parse(Some(&schedule), timezone.as_deref()) {
        section.note_at("schedule", what.to_string(), "");
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
        let arns = texts(section, key)?;
        Some(json!(arns.iter().map(|arn| fill(arn)).collect::<Vec<_>>()))
    };
    set("IncludeVaults", arns(section, "include-vaults"));
    set("ExcludeVaults", arns(section, "exclude-vaults"));
    let algorithms = [("latest", "LATEST_WITHIN_WINDOW"), ("random", "RANDOM_WITHIN_WINDOW")];
    set("Algorithm", choice(section, "algorithm", &algorithms).map(Value::from));
    set("RecoveryPointTypes", texts(section, "point-types").map(Value::from));
    set("SelectionWindowDays", days(section, "window-days").map(Value::from));
    if let Err(error) = documents::read_points(Some(&points)) {
        let words = words(&error);
        let key = if words.contains("RecoveryPointTypes") {
            "point-types"
        } else {
            "window-days"
        };
        section.note_at(key, words, "");
    }
    let start_hours = days(section, "start-window-hours");
    if start_hours.is_some_and(|hours| !(1..=168).contains(&hours)) {
        section.note_at(
            "start-window-hours",
            "`start-window-hours` has to lie between 1 and 168",
            "",
        );
    }
    let runs = section.boolean("runs").unwrap_or(false);
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
        start_hours,
        runs,
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
    let name = section.needed("name");
    let is_named = name.is_some();
    set("RestoreTestingSelectionName", name.map(Value::from));
    set("IamRoleArn", Some(role_arn(account, &role).into()));
    let kind = section.text("type").unwrap_or_else(|| "DynamoDB".to_owned());
    set("ProtectedResourceType", Some(kind.into()));
    set("ProtectedResourceArns", Some(resources));
    if let Some(conditions) = section.section("conditions") {
        let entries = |key| -> Vec<Value> {
            let entries = conditions.sections(key);
            entries
                .iter()
                .map(|entry| {
                    let pair = json!({"Key": entry.needed("key"), "Value": entry.needed("value")});
                    entry.finish();
                    pair
                })
                .collect()
        };
        let (equal, not_equal) = (entries("string-equals"), entries("string-not-equals"));
        set(
            "ProtectedResourceConditions",
            Some(json!({"StringEquals": equal, "StringNotEquals": not_equal})),
        );
        conditions.finish();
    }
    set(
        "ValidationWindowHours",
        days(section, "validation-hours").map(Value::from),
    );
    if let Err(error) = documents::read_selection(&sent, chrono::DateTime::UNIX_EPOCH)
        && is_named
    {
        section.note_at("name", words(&error), "");
    }
    section.finish();
    sent
}

/// Puts a plan in its place.
pub(super) fn install(cloud: &mut Cloud, spec: &TestingSpec, created: DateTime<Utc>, start: DateTime<Utc>) {
    let (account, region) = (&spec.place.0, &spec.place.1);
    let id = cloud.ids.uuid();
    let arn = format!(
        "arn:{}:backup:{region}:{account}:restore-testing-plan:{}-{id}",
        cloud.partition, spec.name
    );
    let mut plan = documents::new_plan(
        &spec.name,
        arn.into(),
        &spec.schedule,
        spec.timezone.as_deref(),
        created,
    );
    // All documents were checked when the file was read.
    let document = |document: &Map<String, Value>| -> Option<Map<String, Value>> {
        serde_json::from_str(&located(cloud, &Value::from(document.clone()).to_string())).ok()
    };
    if let Some(points) = document(&spec.points).and_then(|points| documents::read_points(Some(&points)).ok()) {
        plan.points = points;
    }
    for selection in &spec.selections {
        let selection = document(selection).and_then(|sent| documents::read_selection(&sent, created).ok());
        if let Some(selection) = selection {
            plan.selections.insert(selection.name.clone(), selection);
        }
    }
    plan.start_hours = spec.start_hours.unwrap_or(plan.start_hours);
    cloud
        .place_mut(account, region)
        .backup
        .testing
        .insert(spec.name.clone(), plan);
    if spec.runs {
        restore_testing::schedule(cloud, &Arc::new(spec.place.clone()), &spec.name, start);
    }
}
