//! Reads what the program wrote.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::Ran;

pub fn json_file(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}: {}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {}", path.display()))
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
