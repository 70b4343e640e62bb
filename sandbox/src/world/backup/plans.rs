//! `[[plan]]`: plans with their rules and selections.

use backproof_toml_reader::Section;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};

use super::shared::{PARTITION, default_role, lifecycle, located, role_arn, words};
use crate::backup::documents::plans::read_document;
use crate::backup::documents::selections::read_criteria;
use crate::backup::engine::plan_runs;
use crate::backup::state::{Due, Event, PlaceKey, Plan, Selection, Tags};
use crate::cloud::Cloud;
use crate::ids::Ids;
use crate::world::known::Known;
use crate::world::values::{days, texts};

/// One plan.
#[derive(Debug, Clone)]
pub(super) struct PlanSpec {
    place: PlaceKey,
    id: Option<String>,
    /// As `CreateBackupPlan` takes it.
    document: Map<String, Value>,
    pub(super) created_days_ago: Option<i64>,
    deleted_days_ago: Option<i64>,
    tags: Tags,
    selections: Vec<SelectionSpec>,
}

#[derive(Debug, Clone)]
struct SelectionSpec {
    name: String,
    role: String,
    /// As `CreateBackupSelection` takes it.
    members: Map<String, Value>,
    created_days_ago: Option<i64>,
}

/// Reads one plan.
pub(super) fn read(section: &Section<'_>, known: &Known) -> Option<PlanSpec> {
    let place = known.place(section);
    let name = section.needed("name");
    let id = section.text("id");
    let role = section.text("role").unwrap_or_else(default_role);
    let (created_days_ago, deleted_days_ago) = (days(section, "created-days-ago"), days(section, "deleted-days-ago"));
    let tags = section.string_map("tags").unwrap_or_default();
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
    document.extend(extra(section));
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

/// Checks the document of a plan; members that are missing were reported by the reader already.
fn check_document(section: &Section<'_>, document: &Map<String, Value>) -> bool {
    match read_document(document, &mut Ids::new(0)) {
        Ok(_) => true,
        Err(error) => {
            let reported = ["BackupPlanName", "RuleName", "TargetBackupVaultName"]
                .iter()
                .any(|name| error.message.ends_with(name));
            if !reported {
                section.note_at("name", words(&error), "");
            }
            false
        }
    }
}

/// Members that the SDKs do not know, as a JSON object in a text.
fn extra(section: &Section<'_>) -> Map<String, Value> {
    let Some(text) = section.text("extra") else {
        return Map::new();
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(members)) => members,
        _ => {
            section.note_at(
                "extra",
                "`extra` is not a JSON object",
                r#"write it like `extra = '{"Member": 1}'`"#,
            );
            Map::new()
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
    set("RuleName", section.needed("name").map(Value::from));
    set("TargetBackupVaultName", section.needed("vault").map(Value::from));
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
        days(section, "start-window-minutes").map(Value::from),
    );
    set(
        "CompletionWindowMinutes",
        days(section, "completion-window-minutes").map(Value::from),
    );
    set("Lifecycle", Some(lifecycle(section).json()));
    set("RecoveryPointTags", section.string_map("tags").map(|tags| json!(tags)));
    let copies: Vec<Value> = section
        .sections("copy-to")
        .iter()
        .map(|copy| {
            let vault = copy.needed("vault-arn").map(|arn| fill(&arn));
            let action = json!({"DestinationBackupVaultArn": vault, "Lifecycle": lifecycle(copy).json()});
            copy.finish();
            action
        })
        .collect();
    set("CopyActions", Some(copies.into()));
    rule.extend(extra(section));
    let mut alone = Map::new();
    alone.insert("BackupPlanName".to_owned(), "plan".into());
    alone.insert("Rules".to_owned(), json!([rule]));
    let fine = check_document(section, &alone);
    section.finish();
    (Value::Object(rule), fine)
}

fn selection(section: &Section<'_>, role: &str, fill: &dyn Fn(&str) -> String) -> Option<SelectionSpec> {
    let name = section.needed("name");
    let role = section.text("role").unwrap_or_else(|| role.to_owned());
    let created_days_ago = days(section, "created-days-ago");
    let arns = |key| {
        texts(section, key)
            .unwrap_or_default()
            .iter()
            .map(|arn| fill(arn))
            .collect::<Vec<_>>()
    };
    let pair = |section: &Section<'_>| {
        let pair = (
            section.needed("key").unwrap_or_default(),
            section.needed("value").unwrap_or_default(),
        );
        section.finish();
        pair
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
        section.finish();
    }
    let mut members = Map::new();
    members.insert("Resources".to_owned(), json!(arns("resources")));
    members.insert("NotResources".to_owned(), json!(arns("not-resources")));
    members.insert("ListOfTags".to_owned(), tags.into());
    members.insert("Conditions".to_owned(), conditions.into());
    if let Err(error) = read_criteria(&members) {
        section.note_at("name", words(&error), "");
    }
    section.finish();
    Some(SelectionSpec {
        name: name?,
        role,
        members,
        created_days_ago,
    })
}

/// Puts a plan in its place, and its runs on the agenda.
pub(super) fn install(
    cloud: &mut Cloud,
    spec: &PlanSpec,
    created: DateTime<Utc>,
    start: DateTime<Utc>,
    now: DateTime<Utc>,
) {
    let id = spec.id.clone().unwrap_or_else(|| cloud.ids.uuid());
    // Both documents were checked when the file was read.
    let text = located(cloud, &Value::from(spec.document.clone()).to_string());
    let document = serde_json::from_str(&text)
        .ok()
        .and_then(|map| read_document(&map, &mut cloud.ids).ok());
    let Some(document) = document else {
        return;
    };
    let mut plan = Plan::new(&cloud.partition, &spec.place, &id, document, created, &mut cloud.ids);
    plan.tags.clone_from(&spec.tags);
    for selection in &spec.selections {
        let text = located(cloud, &Value::from(selection.members.clone()).to_string());
        let criteria = serde_json::from_str(&text)
            .ok()
            .and_then(|map| read_criteria(&map).ok());
        let Some(criteria) = criteria else {
            continue;
        };
        let id = cloud.ids.uuid();
        let new = Selection {
            id: id.clone(),
            name: selection.name.clone(),
            role: located(cloud, &role_arn(&spec.place.0, &selection.role)).into(),
            criteria: Arc::new(criteria),
            created: selection
                .created_days_ago
                .map_or(created, |days| now - Duration::days(days)),
            creator_request_id: None,
        };
        plan.selections.insert(id, new);
    }
    cloud
        .place_mut(&spec.place.0, &spec.place.1)
        .backup
        .plans
        .insert(id.clone(), plan);
    let key = Arc::new(spec.place.clone());
    plan_runs::schedule(cloud, &key, &id, created.max(start));
    if let Some(days) = spec.deleted_days_ago {
        let at = (now - Duration::days(days)).max(start);
        cloud
            .backup
            .add(at, &key, Due::Event(Arc::new(Event::DeletePlan { id: id.into() })));
    }
}
