//! Selections that take less than before: clauses that are narrower, and tables that are not taken any more.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::plans::Pair;
use super::{ABSENT, Found, Look, Thing};
use crate::dictionary::TableFacts;
use crate::domain::{FactValue, Subject, TargetId};
use crate::inventory::schema::Selection;
use crate::problem::count;
use crate::text::glob;

/// Tables named in a message; the rest are counted.
const NAMED: usize = 5;

impl Pair<'_> {
    pub(super) fn selections(&self, then: &[Selection], now: &[Selection], found: &mut Found) {
        let (target, id) = self.key;
        let is_listed = self.newer.is_whole(target, "backup:ListBackupSelections", id);
        for was in then {
            let by_id = now.iter().find(|is| is.selection_id == was.selection_id);
            let name = &was.selection_name;
            match by_id.or_else(|| now.iter().find(|is| is.selection_name == *name)) {
                Some(is) => self.selection(was, is, found),
                // One that is listed and could not be read is a gap, not a loss.
                None if !is_listed || self.has_unread_selection() => {
                    found.not_observed(&self.thing, "the newer scan could not read every selection of the plan");
                }
                None => {
                    let message = format!("the plan lost its selection `{name}`");
                    found.weaker(
                        &self.thing,
                        "plan-selection",
                        (name.clone(), ABSENT.to_owned()),
                        message,
                    );
                }
            }
        }
    }

    /// A selection that was made anew under the same name has another id, which may be the one that was not read.
    fn has_unread_selection(&self) -> bool {
        let (target, id) = self.key;
        let of_plan = format!("{id} ");
        let mut failures = self.newer.facts.reading().failures_of(target);
        failures.any(|entry| entry.action == "backup:GetBackupSelection" && entry.resource.starts_with(&of_plan))
    }

    fn selection(&self, was: &Selection, is: &Selection, found: &mut Found) {
        let name = &was.selection_name;
        let mut narrower = Vec::new();
        let (then, now) = (list(&was.resources_json), list(&is.resources_json));
        for pattern in then
            .iter()
            .filter(|pattern| !now.iter().any(|wider| glob(wider, pattern)))
        {
            narrower.push(format!("does not name {pattern} any more"));
        }
        for tag in added(&list(&is.list_of_tags_json), &list(&was.list_of_tags_json)) {
            narrower.push(format!("does not take the tag {tag} any more"));
        }
        for pattern in added(&list(&was.not_resources_json), &list(&is.not_resources_json)) {
            narrower.push(format!("leaves out {pattern}"));
        }
        for condition in added(&list(&was.conditions_json), &list(&is.conditions_json)) {
            narrower.push(format!("asks for {condition}"));
        }
        if narrower.is_empty() {
            return;
        }
        let message = format!("selection `{name}` {}", narrower.join(", "));
        let clauses = |selection: &Selection| {
            format!(
                "resources {}; tags {}; not {}; conditions {}",
                selection.resources_json,
                selection.list_of_tags_json,
                selection.not_resources_json,
                selection.conditions_json
            )
        };
        found.weaker(&self.thing, "plan-selection", (clauses(was), clauses(is)), message);
    }
}

/// What the second list has and the first has not.
fn added(then: &[String], now: &[String]) -> Vec<String> {
    now.iter().filter(|item| !then.contains(item)).cloned().collect()
}

/// The items of a list of the inventory, as texts.
fn list(json: &str) -> Vec<String> {
    let items: Vec<Value> = serde_json::from_str(json).unwrap_or_default();
    let text = |item: &Value| match item {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
            parts.join(" ")
        }
        other => other.to_string(),
    };
    items.iter().map(text).collect()
}

/// Selections that took a table and do not any more, whatever the reason: its clauses, or the table's tags.
pub(super) fn lost_tables(older: &Look, newer: &Look, found: &mut Found) {
    let mut lost: BTreeMap<(TargetId, String, String), Vec<String>> = BTreeMap::new();
    for is in &newer.report.tables {
        let was = older
            .report
            .tables
            .binary_search_by(|was| was.table_arn.cmp(&is.table_arn));
        let Ok(was) = was.map(|place| &older.report.tables[place]) else {
            continue;
        };
        let taken_by = was.fact(TableFacts::plan_selections);
        if taken_by == is.fact(TableFacts::plan_selections)
            || taken_by.is_null()
            || *taken_by == FactValue::Text("none".into())
        {
            continue;
        }
        let (Some(then), Some(now)) = (older.facts.find(&was.table_arn), newer.facts.find(&is.table_arn)) else {
            continue;
        };
        let now: HashMap<(String, String), &'static str> = newer
            .facts
            .explain_selections(now)
            .into_iter()
            .map(|answer| ((answer.plan, answer.selection), answer.answer))
            .collect();
        for answer in older.facts.explain_selections(then) {
            let key = (answer.plan, answer.selection);
            // A selection that is gone is told of as such.
            if answer.answer == "takes" && now.get(&key) == Some(&"does not take") {
                let key = (is.target.clone(), key.0, key.1);
                lost.entry(key).or_default().push(is.table_name.clone());
            }
        }
    }
    for ((target, plan, selection), mut tables) in lost {
        tables.sort();
        let all = count(tables.len(), "table");
        let more = tables.len().saturating_sub(NAMED);
        tables.truncate(NAMED);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let name = format!("{plan}/{selection}");
        let thing = Thing {
            subject: Subject::Plan,
            target: &target,
            arn: &name,
            name: &name,
        };
        let message = format!("the selection does not take {}{more} any more", tables.join(", "));
        found.weaker(
            &thing,
            "plan-selection-tables",
            (format!("took {all}"), "takes none of them".to_owned()),
            message,
        );
    }
}
