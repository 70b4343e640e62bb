//! What the first screen, the first page and the exit code say of whole worlds.

use serde_json::Value;

use crate::common::worlds::{file, with, world};
use crate::common::{Bench, Ran, table_row};

/// The rules without which no table is compliant.
const CORE: &str = "in-a-plan,plan-meets-policy,backed-up,recovery-points-not-deleted-early";

/// Scans as a user does who types nothing more.
fn scan(bench: &Bench, name: &str, more: &[&str]) -> (Ran, Value) {
    let ran = bench.run(&[&["scan", "--to", name], more].concat());
    let report = crate::common::json_file(&bench.path(name).join("report.json"));
    (ran, report)
}

/// The small world without the table that nobody backs up.
fn good(more: &str) -> String {
    let forgotten =
        "[[table]]\naccount = \"111122223333\"\nregion = \"eu-west-1\"\nname = \"forgotten\"\ncreated-days-ago = 300\n";
    with(&world(""), forgotten, "") + more
}

#[test]
fn what_the_tutorial_leaves_behind_is_compliant() {
    let bench = Bench::new(&file("tutorial"));
    let (ran, report) = scan(&bench, "out", &["--format", "json,pdf"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let music = table_row(&report, "Music");
    assert_eq!(music["verdict"], "compliant", "{}{}", ran.stdout, ran.stderr);
    assert_eq!(music["answers"]["in_a_plan"], "compliant");
    assert_eq!(music["answers"]["backed_up"], "compliant");
    assert_eq!(music["answers"]["restorable"], "not-asked");
}

#[test]
fn a_world_in_which_everything_is_good_ends_well() {
    let bench = Bench::new(&good(""));
    let (ran, report) = scan(&bench, "out", &["--format", "json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(report["totals"]["tables_by_verdict"]["compliant"], 1);
}

/// A rule that the policy requires and that does not run is a question that is not asked.
#[test]
fn no_table_is_compliant_while_what_the_policy_requires_is_left_out() {
    let bench = Bench::new(&good(""));
    bench.write(
        "backproof.toml",
        "[policy]\nretention-max = \"30d\"\nretention-min = \"7d\"\n",
    );
    let (ran, _) = scan(&bench, "out", &["--format", "json"]);
    assert_eq!(ran.code, 10, "points are kept 35 days: {}", ran.stdout);
    let (ran, report) = scan(&bench, "core", &["--format", "json,markdown", "--rules", CORE]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(table_row(&report, "orders")["verdict"], "not-asked");
    assert_eq!(
        report["rules_left_out"],
        serde_json::json!(["recovery-point-not-kept-too-long"])
    );
    let said = "rule that the policy requires was left out: recovery-point-not-kept-too-long";
    let page = std::fs::read_to_string(bench.path("core").join("summary.md")).expect("a page");
    assert!(ran.stdout.contains(said) && page.contains(said), "{}{page}", ran.stdout);
    assert!(
        !page.contains("Proof of backup") && !page.contains("Compliant:"),
        "{page}"
    );
    // What only a framework requires counts as well.
    bench.write("backproof.toml", "");
    let (ran, report) = scan(
        &bench,
        "soc2",
        &["--format", "json", "--framework", "soc2", "--rules", CORE],
    );
    let left_out = report["rules_left_out"].as_array().expect("rules");
    assert!(left_out.contains(&"restore-test-succeeded".into()), "{left_out:?}");
    assert_eq!(table_row(&report, "orders")["verdict"], "not-asked", "{}", ran.stdout);
    // What is required by its name alone counts, too.
    bench.write("backproof.toml", "[rules]\nrestore-test-succeeded = \"require\"\n");
    let (_, report) = scan(&bench, "named", &["--format", "json", "--rules", CORE]);
    assert_eq!(report["rules_left_out"], serde_json::json!(["restore-test-succeeded"]));
    assert_eq!(table_row(&report, "orders")["verdict"], "not-asked");
    // A framework that does not ask it hides nothing that the policy requires.
    bench.write(
        "backproof.toml",
        "[policy]\nretention-max = \"30d\"\nretention-min = \"7d\"\n",
    );
    let (ran, report) = scan(
        &bench,
        "narrow",
        &["--format", "json", "--framework", "aws-security-hub"],
    );
    assert_eq!(report["rules_left_out"], serde_json::json!([]));
    assert_eq!(
        (ran.code, &table_row(&report, "orders")["verdict"]),
        (10, &"non-compliant".into())
    );
    // Whoever switches it off says so in the settings.
    let off = "[policy]\nretention-max = \"30d\"\nretention-min = \"7d\"\n[rules]\nrecovery-point-not-kept-too-long = \"off\"\n";
    bench.write("backproof.toml", off);
    let (ran, report) = scan(&bench, "off", &["--format", "json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(table_row(&report, "orders")["verdict"], "compliant");
}

/// Evidence that holds the answers of costly calls needs no option to be judged by them.
#[test]
fn what_was_read_is_judged_without_asking_twice() {
    let bench = Bench::new(&good(""));
    scan(&bench, "out", &["--format", "json", "--with", "pitr-on"]);
    let costly = "dynamodb:DescribeContinuousBackups";
    assert!(bench.sandbox.calls().contains_key(costly));
    bench.control("DELETE /_sandbox/stats", "");
    scan(&bench, "less", &["--format", "json"]);
    assert!(!bench.sandbox.calls().contains_key(costly), "nobody asked for it");
    for (from, is_there) in [("out", true), ("less", false)] {
        let to = format!("{from}-again");
        let ran = bench.run(&["report", &format!("{from}/inventory"), "--to", &to, "--format", "json"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let report = crate::common::json_file(&bench.path(&to).join("report.json"));
        let mut rules = report["rules"].as_array().expect("rules").iter();
        assert_eq!(rules.any(|rule| rule["id"] == "pitr-on"), is_there, "{from}");
    }
}
