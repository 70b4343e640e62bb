//! The days of the window in a scan's report: covered, exposed, or not observed, and never better than what was read.

use serde_json::Value;

use crate::common::criteria::daily;
use crate::common::worlds::{deny, file, with, world};
use crate::common::{self, Bench, table_row};

fn days(report: &Value, table: &str) -> String {
    common::days(table_row(report, table))
}

#[test]
fn each_day_of_the_window_is_what_the_evidence_shows() {
    let more = [file("brief"), file("unlucky"), file("window")];
    let bench = Bench::new(&world(&more.concat()));
    bench.write("backproof.toml", with(&daily(), "rpo = \"24h\"", "rpo = \"25h\""));
    let (ran, report) = bench.scan("audit", &["--format", "json"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    // 1 November at noon is the last of 30 days.
    assert_eq!(report["window"]["first"], "2026-10-03");
    assert_eq!(report["window"]["days"], 30);
    let all = |letter: &str| letter.repeat(30);
    assert_eq!(days(&report, "orders"), all("c"));
    // Jobs answer for 29 days: in the morning of the first day there may have been a point that AWS has forgotten since.
    assert_eq!(days(&report, "forgotten"), format!(".{}", "e".repeat(29)));
    // Points are gone after 3 days. Their jobs and the plan say that they were there, and nobody saw it.
    assert_eq!(days(&report, "brief"), format!("{}cc", ".".repeat(28)));
    assert_eq!(days(&report, "newborn"), format!("{}cccc", "-".repeat(26)));
    // Runs of 23, 24 and 25 October failed: the point of the 22nd is too old from the 23rd on.
    assert_eq!(
        days(&report, "unlucky"),
        format!("{}eeee{}", "c".repeat(20), "c".repeat(6))
    );
    // Deleted by hand long before their time, nobody knows when: the jobs show that they were made, and no more.
    assert_eq!(
        days(&report, "tampered"),
        format!("{}{}", ".".repeat(24), "c".repeat(6))
    );
    assert_eq!(days(&report, "tmp-1"), "");
}

#[test]
fn a_vault_that_was_not_read_hides_exposure_and_never_shows_cover() {
    let fault = deny("backup:ListRecoveryPointsByBackupVault") + "resource = \"*:backup-vault:Default\"\n";
    let more = [file("brief"), fault];
    let bench = Bench::new(&world(&more.concat()));
    let (_, report) = bench.scan("audit", &["--format", "json"]);
    assert_eq!(days(&report, "orders"), ".".repeat(30));
    assert_eq!(days(&report, "forgotten"), ".".repeat(30));
    // What the other vault holds proves that it was there.
    assert_eq!(days(&report, "brief"), format!("{}ccc", ".".repeat(27)));
}

#[test]
fn jobs_that_were_not_read_leave_only_what_recovery_points_prove() {
    let fault = deny("backup:ListBackupJobs");
    let more = [file("brief"), fault];
    let bench = Bench::new(&world(&more.concat()));
    let (_, report) = bench.scan("audit", &["--format", "json"]);
    assert_eq!(days(&report, "orders"), "c".repeat(30));
    assert_eq!(days(&report, "forgotten"), ".".repeat(30));
    assert_eq!(days(&report, "brief"), format!("{}ccc", ".".repeat(27)));
}

#[test]
fn where_recovery_points_were_not_asked_for_no_day_is_told_of() {
    let bench = Bench::new(&world(""));
    let (_, report) = bench.scan("audit", &["--format", "json", "--rules", "dynamodb-opted-in"]);
    assert_eq!(report["window"]["days"], 0);
    assert!(report["window"]["first"].is_null());
    assert_eq!(days(&report, "orders"), "");
}
