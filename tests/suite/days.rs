//! The days of the window in a scan's report: covered, exposed, or not observed, and never better than what was read.

use crate::common::{Bench, world};
use serde_json::Value;

const HERE: &str = "account = \"111122223333\"\nregion = \"eu-west-1\"\n";

/// A plan for tables with `backup = KIND`, daily at 05:00, into a vault of its own.
fn plan(kind: &str, delete_after_days: u32) -> String {
    format!(
        r#"
[[vault]]
{HERE}name = "{kind}"
[[plan]]
{HERE}name = "{kind}"
[[plan.rule]]
name = "{kind}"
vault = "{kind}"
schedule = "cron(0 5 ? * * *)"
start-window-minutes = 60
delete-after-days = {delete_after_days}
[[plan.selection]]
name = "{kind}"
tags = [{{ key = "backup", value = "{kind}" }}]
"#
    )
}

fn table(name: &str, kind: &str, created_days_ago: u32) -> String {
    format!(
        "\n[[table]]\n{HERE}name = \"{name}\"\ntags = {{ backup = \"{kind}\" }}\ncreated-days-ago = {created_days_ago}\n"
    )
}

fn event(at: &str, more: &str) -> String {
    format!("\n[[event]]\n{HERE}at = \"{at}\"\n{more}\n")
}

/// One letter a day: c(overed), e(xposed), `.` not observed, `-` not alive.
fn days(report: &Value, table: &str) -> String {
    let tables = report["tables"].as_array().expect("tables");
    let row = tables.iter().find(|row| row["table_name"] == table).expect("the table");
    let days = row["days"].as_array().expect("days").iter();
    days.map(|day| match day.as_str() {
        Some("covered") => 'c',
        Some("exposed") => 'e',
        Some("not-observed") => '.',
        Some("not-alive") => '-',
        other => panic!("{other:?}"),
    })
    .collect()
}

#[test]
fn each_day_of_the_window_is_what_the_evidence_shows() {
    let more = [
        plan("brief", 3),
        table("brief", "brief", 300),
        table("newborn", "daily", 3),
        table("unlucky", "daily", 300),
        event(
            "10d",
            "do = \"fail-jobs\"\ntable = \"unlucky\"\nstate = \"FAILED\"\nmessage = \"no\"\nuntil = \"7d\"",
        ),
        table("tampered", "daily", 300),
        event(
            "2d",
            "do = \"delete-recovery-points\"\ntable = \"tampered\"\nvault = \"Default\"\nolder-than = \"5d\"",
        ),
        table("tmp-1", "none", 300),
    ];
    let bench = Bench::new(&world(&more.concat()));
    let policy = r#"
[policy]
rpo = "24h"
[[policy.tier]]
name = "relaxed"
when = "table_name = 'brief'"
rpo = "26h"
[[policy.tier]]
name = "scratch"
when = "table_name LIKE 'tmp-%'"
exempt = true
reason = "filled anew every night"
approver = "head of platform"
expires = "2027-06-30"
"#;
    std::fs::write(bench.path("backproof.toml"), policy).expect("written");
    let (ran, report) = bench.scan("audit", &["--format", "json"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    // 1 November at noon is the last of 30 days.
    assert_eq!(report["window"]["first"], "2026-10-03");
    assert_eq!(report["window"]["days"], 30);
    let all = |letter: &str| letter.repeat(30);
    assert_eq!(days(&report, "orders"), all("c"));
    // Jobs answer for 29 days: in the morning of the first day there may have been a point that AWS has forgotten since.
    assert_eq!(days(&report, "forgotten"), format!(".{}", "e".repeat(29)));
    // Points are gone after 3 days; their jobs and the plan say that they were there, with a date that is known to the
    // hour. AWS has forgotten the job of the day before the window.
    assert_eq!(days(&report, "brief"), format!(".{}", "c".repeat(29)));
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
    let fault =
        "\n[[fault]]\ndeny = \"backup:ListRecoveryPointsByBackupVault\"\nresource = \"*:backup-vault:Default\"\n";
    let more = [plan("brief", 3), table("brief", "brief", 300), fault.to_owned()];
    let bench = Bench::new(&world(&more.concat()));
    let (_, report) = bench.scan("audit", &["--format", "json"]);
    assert_eq!(days(&report, "orders"), ".".repeat(30));
    assert_eq!(days(&report, "forgotten"), ".".repeat(30));
    // What the other vault holds proves that it was there.
    assert_eq!(days(&report, "brief"), format!("{}ccc", ".".repeat(27)));
}

#[test]
fn jobs_that_were_not_read_leave_only_what_recovery_points_prove() {
    let fault = "\n[[fault]]\ndeny = \"backup:ListBackupJobs\"\n";
    let more = [plan("brief", 3), table("brief", "brief", 300), fault.to_owned()];
    let bench = Bench::new(&world(&more.concat()));
    let (_, report) = bench.scan("audit", &["--format", "json"]);
    assert_eq!(days(&report, "orders"), "c".repeat(30));
    assert_eq!(days(&report, "forgotten"), ".".repeat(30));
    assert_eq!(days(&report, "brief"), format!("{}ccc", ".".repeat(27)));
}

#[test]
fn where_recovery_points_were_not_asked_for_no_day_is_told_of() {
    let bench = Bench::new(&world(""));
    let (_, report) = bench.scan("audit", &["--format", "json", "--rules", "in-a-plan"]);
    assert_eq!(report["window"]["days"], 0);
    assert!(report["window"]["first"].is_null());
    assert_eq!(days(&report, "orders"), "");
}
