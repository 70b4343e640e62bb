//! One recovery point that meets everything, and points that are gone before their time.

use serde_json::Value;

use crate::common::worlds::{deny, event, file, with, world};
use crate::common::{Bench, finding, verdict};

fn judged(bench: &Bench, out: &str, rules: &str) -> Value {
    let (ran, report) = bench.scan(out, &["--format", "json", "--rules", rules]);
    assert!([0, 10, 11].contains(&ran.code), "{}", ran.stderr);
    report
}

fn message<'r>(report: &'r Value, table: &str, rule: &str) -> &'r str {
    finding(report, table, rule)["message"].as_str().expect("a text")
}

#[test]
fn points_that_meet_the_demands_only_between_them_are_no_backup() {
    let bench = Bench::new(&file("one-point"));
    let report = judged(&bench, "out", "backed-up");
    assert_eq!(verdict(&report, "gfs", "backed-up"), "compliant");
    let gfs = message(&report, "gfs", "backed-up");
    assert!(
        gfs.contains("but kept 7 d (35 d required); the newest that meets everything is"),
        "{gfs}"
    );
    assert_eq!(verdict(&report, "neither", "backed-up"), "non-compliant");
    let neither = message(&report, "neither", "backed-up");
    assert!(
        neither.contains("the newest that meets everything is 28 d "),
        "{neither}"
    );
    // On the first of the month the monthly point is young.
    let first = with(&file("one-point"), "2026-11-29T12", "2026-11-01T12");
    let report = judged(&Bench::new(&first), "out", "backed-up");
    assert_eq!(verdict(&report, "neither", "backed-up"), "compliant");
}

#[test]
fn what_plans_promise_is_no_backup_and_their_loss_takes_none_away() {
    for call in ["ListBackupPlans", "GetBackupPlan", "ListBackupSelections"] {
        let bench = Bench::new(&(file("one-point") + &deny(&format!("backup:{call}"))));
        let report = judged(&bench, "out", "backed-up");
        assert_eq!(verdict(&report, "gfs", "backed-up"), "compliant", "{call}");
        assert_eq!(verdict(&report, "neither", "backed-up"), "non-compliant", "{call}");
    }
}

#[test]
fn a_vault_that_could_not_be_read_may_hold_the_good_point() {
    let bench = Bench::new(&(file("one-point") + &deny("backup:ListRecoveryPointsByBackupVault")));
    let report = judged(&bench, "out", "backed-up");
    assert_eq!(verdict(&report, "neither", "backed-up"), "unknown");
    let why = message(&report, "neither", "backed-up");
    assert!(
        why.contains("backup:ListRecoveryPointsByBackupVault of `main`"),
        "{why}"
    );
}

/// Deletes all points of a table but the newest, as anybody may who is allowed to; how many there were.
fn delete_all_but_the_newest(bench: &Bench, table: &str) -> usize {
    let request = "GET /backup-vaults/Default/recovery-points/?maxResults=1000";
    let answer = crate::common::aws::backup(bench, request, &Value::Null);
    let mut ours: Vec<(f64, &str)> = Vec::new();
    for row in answer["RecoveryPoints"].as_array().expect("points") {
        let resource = row["ResourceArn"].as_str().expect("a table");
        if resource.ends_with(&format!("/{table}")) {
            let arn = row["RecoveryPointArn"].as_str().expect("an ARN");
            ours.push((row["CreationDate"].as_f64().expect("a date"), arn));
        }
    }
    ours.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, arn) in &ours[..ours.len() - 1] {
        let arn = arn.replace(':', "%3A").replace('/', "%2F");
        let request = format!("DELETE /backup-vaults/Default/recovery-points/{arn}");
        crate::common::aws::backup(bench, &request, &Value::Null);
    }
    ours.len()
}

const EARLY: &str = "recovery-points-not-deleted-early";

#[test]
fn points_that_somebody_deleted_are_missed() {
    let bench = Bench::new(&world(""));
    let both = format!("backed-up,{EARLY}");
    let before = judged(&bench, "before", &both);
    assert_eq!(verdict(&before, "orders", EARLY), "compliant");
    // No plan takes it, and nobody ever backed it up.
    assert_eq!(verdict(&before, "forgotten", EARLY), "not-applicable");
    assert_eq!(
        message(&before, "forgotten", "backed-up"),
        "never backed up; limit 36 h"
    );
    assert!(delete_all_but_the_newest(&bench, "orders") >= 35);
    let after = judged(&bench, "after", &both);
    assert_eq!(verdict(&after, "orders", "backed-up"), "compliant");
    assert_eq!(verdict(&after, "orders", EARLY), "non-compliant");
    let said = message(&after, "orders", EARLY);
    assert!(
        said.starts_with("recovery points deleted before their time: 29; of 2026-10-"),
        "{said}"
    );
    assert!(
        said.contains("in vault `Default` (job ") && said.ends_with("and 26 more"),
        "{said}"
    );
    bench.fault("{\"deny\": \"backup:ListRecoveryPointsByBackupVault\"}");
    let unread = judged(&bench, "unread", &both);
    assert_eq!(verdict(&unread, "orders", EARLY), "unknown");
    assert!(message(&unread, "orders", EARLY).contains("backup:ListRecoveryPointsByBackupVault"));
}

#[test]
fn points_that_lived_as_long_as_they_were_to_are_not_missed() {
    // The six-hourly points live seven days: most of those that the jobs of 30 days made are gone.
    let report = judged(&Bench::new(&file("one-point")), "out", EARLY);
    for table in ["gfs", "neither"] {
        assert_eq!(
            verdict(&report, table, EARLY),
            "compliant",
            "{}",
            message(&report, table, EARLY)
        );
    }
    let deleted = event(
        "1d",
        "do = \"delete-recovery-points\"\ntable = \"gfs\"\nvault = \"main\"\nolder-than = \"3d\"",
    );
    let report = judged(&Bench::new(&(file("one-point") + &deleted)), "out", EARLY);
    assert_eq!(verdict(&report, "gfs", EARLY), "non-compliant");
    assert_eq!(verdict(&report, "neither", EARLY), "compliant");
}
