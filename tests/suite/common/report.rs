//! Reads what the program wrote.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::Ran;

/// A file of JSON; of a report what its short form says, at the places where the whole one says it.
pub fn json_file(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}: {}", path.display()));
    whole(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {}", path.display())))
}

/// Puts back what the short form of a report says only once: as `docs/formats.md` says that it is read.
pub fn whole(mut report: Value) -> Value {
    let Some(usual) = report.get("usual").filter(|usual| usual.is_object()).cloned() else {
        return report;
    };
    let rules = report["rules"].as_array().expect("rules").clone();
    let outcomes = report["outcomes"].take();
    let mut findings = Vec::new();
    for table in report["tables"].as_array_mut().expect("tables") {
        let mut facts = usual["facts"].clone();
        merge(&mut facts, &table["facts"]);
        let mut causes = usual["causes"].clone();
        if let Some(own) = table.get("causes") {
            merge(&mut causes, own);
        }
        causes
            .as_object_mut()
            .expect("a map")
            .retain(|name, _| facts[name].is_null());
        (table["facts"], table["causes"]) = (facts, causes);
        if table.get("answers_by_framework").is_none() {
            table["answers_by_framework"] = serde_json::json!([]);
        }
        let row = table.as_object_mut().expect("a map");
        let runs = row.remove("day_runs").expect("runs");
        let days = runs.as_array().expect("runs").iter().flat_map(|run| {
            let days = run["days"].as_u64().expect("a number") as usize;
            std::iter::repeat_n(run["state"].clone(), days)
        });
        row.insert("days".to_owned(), days.collect());
        let own = row.remove("findings").expect("findings");
        let own = own.as_array().expect("findings").iter();
        findings.extend(own.map(|finding| of_table(finding, table, &outcomes, &rules)));
    }
    findings.extend(report["findings"].as_array().expect("findings").iter().cloned());
    report["findings"] = findings.into();
    report
}

/// A finding on a table, with what its outcome, its rule and its table say.
fn of_table(finding: &Value, table: &Value, outcomes: &Value, rules: &[Value]) -> Value {
    let place = finding["outcome"].as_u64().expect("a place") as usize;
    let mut whole = outcomes[place].clone();
    let rule = rules.iter().find(|rule| rule["id"] == whole["rule"]).expect("a rule");
    whole["subject"] = "table".into();
    whole["id"] = finding.get("id").cloned().unwrap_or(Value::Null);
    whole["resource_arn"] = table["table_arn"].clone();
    whole["resource_name"] = table["table_name"].clone();
    for name in ["account_id", "region"] {
        whole[name] = table[name].clone();
    }
    for name in ["severity", "question", "remedy"] {
        whole[name] = rule[name].clone();
    }
    if whole["verdict"] != "non-compliant" {
        whole["remedy"] = "".into();
    }
    for name in ["framework", "waiver", "since_baseline"] {
        whole[name] = whole.get(name).cloned().unwrap_or(Value::Null);
    }
    let reads = rule["reads"].as_array().expect("facts").iter();
    let reads: Vec<&str> = reads.map(|name| name.as_str().expect("a name")).collect();
    let of = |from: &Value, name: &str| from.get(name).map(|value| (name.to_owned(), value.clone()));
    let pick = |from: &Value| Value::Object(reads.iter().filter_map(|name| of(from, name)).collect());
    whole["evidence"] = finding
        .get("evidence")
        .cloned()
        .unwrap_or_else(|| pick(&table["facts"]));
    whole["causes"] = match (finding.get("evidence"), finding.get("causes")) {
        (None, _) => pick(&table["causes"]),
        (Some(_), causes) => causes.cloned().unwrap_or_else(|| serde_json::json!({})),
    };
    whole
}

fn merge(into: &mut Value, own: &Value) {
    let own = own.as_object().expect("a map").iter();
    own.for_each(|(name, value)| into[name] = value.clone());
}

/// The actions of each statement that `explain permissions` printed.
pub fn permitted(ran: &Ran) -> Vec<BTreeSet<String>> {
    let policy = ran.json();
    let statements = policy["Statement"].as_array().expect("statements").iter();
    statements
        .map(|statement| {
            let actions = &statement["Action"];
            let actions = actions.as_array().map_or(std::slice::from_ref(actions), Vec::as_slice);
            actions
                .iter()
                .map(|action| action.as_str().expect("an action").to_owned())
                .collect()
        })
        .collect()
}

/// The rows of a CSV file below its head.
pub fn csv_rows(text: &str) -> Vec<csv::StringRecord> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.records().map(|row| row.expect("a row")).collect()
}

/// The verdict of one rule on one table.
pub fn verdict<'r>(report: &'r Value, table: &str, rule: &str) -> &'r str {
    finding(report, table, rule)["verdict"].as_str().expect("a verdict")
}

/// The finding of one rule on one table.
pub fn finding<'r>(report: &'r Value, table: &str, rule: &str) -> &'r Value {
    let findings = report["findings"]
        .as_array()
        .unwrap_or_else(|| panic!("no findings: {report}"));
    findings
        .iter()
        .find(|finding| finding["resource_name"] == table && finding["rule"] == rule)
        .unwrap_or_else(|| panic!("no finding of {rule} on {table}"))
}

/// What a report says of one table.
pub fn table_row<'r>(report: &'r Value, name: &str) -> &'r Value {
    let mut tables = report["tables"].as_array().expect("tables").iter();
    tables
        .find(|row| row["table_name"] == name)
        .unwrap_or_else(|| panic!("no table {name}"))
}

/// One fact of one table.
pub fn fact<'r>(report: &'r Value, table: &str, name: &str) -> &'r Value {
    table_row(report, table)["facts"]
        .get(name)
        .unwrap_or_else(|| panic!("no fact {name}"))
}

/// One letter for each day of the window: c(overed), e(xposed), `.` not observed, `-` not alive.
pub fn days(table: &Value) -> String {
    let days = table["days"].as_array().expect("days").iter();
    days.map(|day| match day.as_str() {
        Some("covered") => 'c',
        Some("exposed") => 'e',
        Some("not-observed") => '.',
        Some("not-alive") => '-',
        other => panic!("{other:?}"),
    })
    .collect()
}
