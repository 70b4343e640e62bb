//! Recovery points made without advanced features: whose key they are under, DynamoDB alone tells.

use serde_json::{Value, json};

use crate::common::aws::dynamodb;
use crate::common::worlds::{HERE, deny, event, with, world};
use crate::common::{Bench, fact, finding, table_row, verdict};

/// Both tables in the daily plan, and no advanced features.
fn native(more: &str) -> String {
    let forgotten = "name = \"forgotten\"\n";
    let tagged = format!("{forgotten}tags = {{ backup = \"daily\" }}\n");
    let off = "[settings.\"111122223333/eu-west-1\"]\ndynamodb-advanced = false\n";
    with(&world(&format!("{off}{more}")), forgotten, &tagged)
}

const ORDERS_KEYED: &str = "name = \"orders\"\nencryption = \"first\"\n";

/// With `orders` under a key of the customer.
fn keyed(more: &str) -> String {
    let key = format!("[[key]]\n{HERE}name = \"first\"\n");
    with(&native(&(key + more)), "name = \"orders\"\n", ORDERS_KEYED)
}

fn answer<'r>(report: &'r Value, table: &str) -> &'r Value {
    &table_row(report, table)["answers"]["backed_up"]
}

#[test]
fn ordinary_native_backups_are_backups() {
    let bench = Bench::new(&native(""));
    let (ran, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(answer(&report, "orders"), "compliant");
    assert_eq!(fact(&report, "orders", "newest_recovery_point_key_owner"), "aws-owned");
    // One question a table, however many points it has.
    assert_eq!(bench.sandbox.calls()["dynamodb:DescribeBackup"], 2);
}

#[test]
fn without_the_answer_of_dynamodb_it_is_not_known_whether_a_native_backup_can_be_restored() {
    let bench = Bench::new(&native(&deny("dynamodb:DescribeBackup")));
    let (ran, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(ran.code, 11, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(answer(&report, "orders"), "unknown");
    let message = finding(&report, "orders", "backed-up")["message"].to_string();
    assert!(message.contains("dynamodb:DescribeBackup"), "{message}");
    let gaps = report["coverage"]["gaps"].as_array().expect("gaps");
    let named = |gap: &&Value| gap["action"] == "dynamodb:DescribeBackup" && gap["resource"] == "orders";
    let gap = gaps.iter().find(named).expect("a gap of the table");
    let so = gap["so"].as_str().expect("a text");
    assert!(so.starts_with("the key of the newest native recovery point"), "{so}");
    assert!(so.contains("finding"), "{so}");
}

#[test]
fn a_native_backup_stays_under_the_key_that_its_table_had() {
    let dying = event("1h", "do = \"delete-key\"\nkey = \"first\"");
    let bench = Bench::new(&keyed(&dying));
    let another = json!({ "TableName": "orders", "SSESpecification": { "Enabled": false } });
    dynamodb(&bench, "UpdateTable", &another);
    bench.write("strict.toml", "[policy]\nrpo = \"26h\"\n");
    let (ran, report) = bench.scan("out", &["--format", "json", "--policy", "strict.toml"]);
    assert_eq!(ran.code, 10, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(answer(&report, "orders"), "non-compliant");
    assert_eq!(fact(&report, "orders", "table_key_owner"), "aws-owned");
    assert_eq!(
        fact(&report, "orders", "newest_recovery_point_key_owner"),
        "customer-managed"
    );
    let message = finding(&report, "orders", "backed-up")["message"].to_string();
    assert!(message.contains("key pending deletion"), "{message}");
    // Within a longer limit lies another one, which nobody asked about.
    let (_, report) = bench.scan("longer", &["--format", "json"]);
    assert_eq!(answer(&report, "orders"), "unknown");
}

#[test]
fn the_owner_of_a_native_backup_is_told_of() {
    let bench = Bench::new(&keyed(""));
    bench.write(
        "owner.toml",
        "[policy]\nkey-owner = \"customer-managed\"\nrpo = \"26h\"\n",
    );
    let (_, report) = bench.scan("out", &["--format", "json", "--policy", "owner.toml"]);
    assert_eq!(verdict(&report, "orders", "backed-up"), "compliant");
    assert_eq!(verdict(&report, "forgotten", "backed-up"), "non-compliant");
}
