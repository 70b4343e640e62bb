//! The audit, end to end: the real binary, the real SDK, a simulated AWS over HTTP.

use serde_json::Value;

use crate::common::worlds::{deny, file, table, world};
use crate::common::{Bench, csv_rows, fact, finding, json_file, verdict};

#[test]
fn a_scan_tells_protected_from_forgotten() {
    let bench = Bench::new(&world(""));
    let (ran, report) = bench.scan("out", &[]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert_eq!(report["schema_version"], 4);
    assert_eq!(report["scan"]["as_of"], "2026-11-01T12:00:00Z");
    assert_eq!(report["coverage"]["tables_listed"], 2);
    assert_eq!(report["coverage"]["tables_described"], 2);
    assert_eq!(report["coverage"]["gaps"].as_array().expect("gaps").len(), 0);
    for rule in [
        "in-a-plan",
        "recovery-point-fresh",
        "plan-retention-long-enough",
        "recovery-point-retained",
        "recovery-point-encrypted",
        "recovery-point-key-owner",
        "vault-key-usable",
        "backup-jobs-succeed",
        "pitr-on",
        "deletion-protection-on",
        "dynamodb-opted-in",
    ] {
        assert_eq!(
            verdict(&report, "orders", rule),
            "compliant",
            "{}",
            finding(&report, "orders", rule)
        );
    }
    assert_eq!(verdict(&report, "orders", "vault-locked"), "non-compliant");
    for rule in ["in-a-plan", "recovery-point-fresh", "pitr-on", "deletion-protection-on"] {
        assert_eq!(verdict(&report, "forgotten", rule), "non-compliant", "{rule}");
    }
    for rule in [
        "plan-retention-long-enough",
        "recovery-point-retained",
        "vault-locked",
        "backup-jobs-succeed",
        "vault-key-usable",
    ] {
        assert_eq!(verdict(&report, "forgotten", rule), "not-applicable", "{rule}");
    }
    for file in [
        "findings.csv",
        "tables.csv",
        "coverage.csv",
        "report.html",
        "report.pdf",
        "inventory/inventory.json",
        "inventory/tables.parquet",
        "inventory/call_log.parquet",
    ] {
        assert!(bench.path("out").join(file).is_file(), "{file}");
    }
}

#[test]
fn the_same_inventory_gives_the_same_bytes() {
    let bench = Bench::new(&world(""));
    bench.scan("out", &[]);
    for name in ["again", "once-more"] {
        let ran = bench.run(&[
            "report",
            "out/inventory",
            "--to",
            name,
            "--quiet",
            "--with",
            "pitr-on,not-only-pitr",
        ]);
        assert_eq!(ran.code, 10, "{}", ran.stderr);
    }
    for file in [
        "findings.csv",
        "tables.csv",
        "coverage.csv",
        "tables.parquet",
        "report.json",
        "report.html",
        "report.pdf",
    ] {
        let bytes = |folder: &str| std::fs::read(bench.path(folder).join(file)).expect("a file");
        assert_eq!(bytes("again"), bytes("once-more"), "{file}");
        assert_eq!(bytes("again"), bytes("out"), "{file}");
    }
}

/// What the short form of a report leaves out or says once is where `docs/formats.md` says it is.
#[test]
fn the_short_report_says_what_the_whole_one_says() {
    let bench = Bench::new(&world(""));
    let (_, whole) = bench.scan("out", &["--format", "json", "--framework", "soc2"]);
    let short = json_file(&bench.path("out/report.json"));
    let findings = whole["findings"].as_array().expect("findings");
    let is_listed = |finding: &&Value| {
        let is_bad = finding["verdict"] == "non-compliant" || finding["verdict"] == "unknown";
        finding["subject"] != "table" || finding["level"] == "required" || finding["waived"] == true || is_bad
    };
    let listed: Vec<Value> = findings.iter().filter(is_listed).cloned().collect();
    // Its order is that of the tables; ids of what only advises are not told.
    let sorted = |findings: &[Value], ids: &[Value]| {
        let place = |one: &Value| ["resource_arn", "rule", "framework"].map(|name| one[name].to_string());
        let mut all = findings.to_vec();
        all.sort_by_key(place);
        for one in all.iter_mut().filter(|one| !ids.contains(&one["id"])) {
            one["id"] = Value::Null;
        }
        all
    };
    let told = short["findings"].as_array().expect("findings");
    let ids: Vec<Value> = told.iter().map(|one| one["id"].clone()).collect();
    assert_eq!(sorted(told, &ids), sorted(&listed, &ids));
    for finding in told {
        let is_bad = finding["verdict"] == "non-compliant" || finding["verdict"] == "unknown";
        assert!(
            !finding["id"].is_null() || !is_bad || finding["level"] == "advised",
            "{finding}"
        );
    }
    for (short, whole) in short["tables"]
        .as_array()
        .expect("tables")
        .iter()
        .zip(whole["tables"].as_array().expect("tables"))
    {
        let (mut own, mut all) = (short.clone(), whole.clone());
        for part in ["facts", "causes"] {
            let told = own[part].take();
            let said = all[part].take();
            for (name, value) in told.as_object().expect("a map") {
                assert_eq!(said[name], *value, "{name}");
            }
        }
        assert_eq!(own, all);
    }
    let unlisted: u64 = short["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .flat_map(|rule| {
            ["compliant", "not_applicable"].map(|verdict| rule["unlisted"][verdict].as_u64().expect("a count"))
        })
        .sum();
    assert_eq!(unlisted as usize, findings.len() - listed.len());
    assert!(unlisted > 0);
    let rows = |file: &str| csv_rows(&std::fs::read_to_string(bench.path(file)).expect("a file")).len();
    bench.run(&["report", "out", "--to", "csv", "--format", "csv,csv-all", "--quiet"]);
    let decides = |finding: &&Value| {
        let is_good = finding["verdict"] == "compliant" || finding["verdict"] == "not-applicable";
        (finding["subject"] != "table" || finding["level"] == "required") && (!is_good || finding["waived"] == true)
    };
    assert_eq!(rows("csv/findings.csv"), listed.iter().filter(decides).count());
    assert_eq!(rows("csv/findings-all.csv"), findings.len());
    assert_eq!(rows("csv/tables-all.csv"), rows("csv/tables.csv"));
}

#[test]
fn a_denied_vault_makes_absence_unknown_and_leaves_presence_known() {
    let more = r#"
[[vault]]
account = "111122223333"
region = "eu-west-1"
name = "sealed"

[[fault]]
deny = "backup:ListRecoveryPointsByBackupVault"
resource = "arn:aws:backup:eu-west-1:111122223333:backup-vault:sealed"
"#;
    let bench = Bench::new(&world(more));
    let (ran, report) = bench.scan("out", &[]);
    assert_eq!(ran.code, 10);
    assert!(
        ran.stderr
            .contains("could not read backup:ListRecoveryPointsByBackupVault of `sealed`"),
        "{}",
        ran.stderr
    );
    assert_eq!(verdict(&report, "orders", "recovery-point-fresh"), "compliant");
    assert_eq!(verdict(&report, "forgotten", "recovery-point-fresh"), "unknown");
    let unknown = finding(&report, "forgotten", "recovery-point-fresh");
    let message = unknown["message"].as_str().expect("a text");
    let settled = "; a whole answer to backup:ListRecoveryPointsByBackupVault settles it";
    assert!(message.ends_with(settled), "{message}");
    assert_eq!(verdict(&report, "orders", "recovery-point-retained"), "unknown");
    assert_eq!(verdict(&report, "forgotten", "in-a-plan"), "non-compliant");
    assert_eq!(*fact(&report, "forgotten", "usable_recovery_point_count"), Value::Null);
    let gaps = report["coverage"]["gaps"].as_array().expect("gaps");
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0]["kind"], "denied");
}

#[test]
fn each_denied_call_makes_only_its_own_facts_unknown() {
    for (action, unknown, known) in [
        (
            "dynamodb:DescribeTable",
            vec!["recovery-point-fresh", "deletion-protection-on", "backup-jobs-succeed"],
            vec!["in-a-plan", "pitr-on", "dynamodb-opted-in"],
        ),
        (
            "dynamodb:DescribeContinuousBackups",
            vec!["pitr-on"],
            vec!["in-a-plan", "recovery-point-fresh"],
        ),
        (
            "tag:GetResources",
            vec!["in-a-plan"],
            vec!["recovery-point-fresh", "pitr-on"],
        ),
        (
            "backup:ListBackupPlans",
            vec!["in-a-plan"],
            vec!["recovery-point-fresh"],
        ),
        (
            "backup:ListBackupSelections",
            vec!["in-a-plan"],
            vec!["recovery-point-fresh"],
        ),
        (
            "backup:GetBackupSelection",
            vec!["in-a-plan"],
            vec!["recovery-point-fresh"],
        ),
        (
            "backup:GetBackupPlan",
            vec!["plan-retention-long-enough"],
            vec!["in-a-plan", "recovery-point-fresh"],
        ),
        (
            "backup:DescribeRegionSettings",
            vec!["dynamodb-opted-in"],
            vec!["recovery-point-fresh"],
        ),
        (
            "backup:ListBackupVaults",
            vec!["recovery-point-fresh", "vault-locked"],
            vec!["in-a-plan"],
        ),
        (
            "backup:ListBackupJobs",
            vec!["backup-jobs-succeed"],
            vec!["recovery-point-fresh"],
        ),
        (
            "kms:DescribeKey",
            vec!["vault-key-usable"],
            vec!["recovery-point-fresh", "recovery-point-key-owner"],
        ),
    ] {
        let bench = Bench::new(&world(&deny(action)));
        let (_, report) = bench.scan("out", &["--format", "json"]);
        for rule in unknown {
            // A recovery point of the plan's last run proves that the plan takes `orders`, whatever else is denied.
            let table = if rule == "in-a-plan" { "forgotten" } else { "orders" };
            assert_eq!(
                verdict(&report, table, rule),
                "unknown",
                "{action}: {}",
                finding(&report, table, rule)
            );
        }
        for rule in known {
            assert_eq!(
                verdict(&report, "orders", rule),
                "compliant",
                "{action}: {}",
                finding(&report, "orders", rule)
            );
        }
        assert!(
            !report["coverage"]["gaps"].as_array().expect("gaps").is_empty(),
            "{action}"
        );
    }
}

#[test]
fn tables_that_cannot_be_listed_are_missing_evidence() {
    let bench = Bench::new(&world(&deny("dynamodb:ListTables")));
    let (ran, report) = bench.scan("out", &["--format", "json", "--rules", CHEAP]);
    assert_eq!(ran.code, 11, "{}", ran.stderr);
    assert_eq!(report["coverage"]["targets"][0]["status"], "not-read");
    assert_eq!(report["coverage"]["targets"][0]["tables_listed"], Value::Null);
}

#[test]
fn faults_on_the_way_change_no_finding() {
    let quiet = Bench::new(&world(&many_tables(150)));
    let (_, calm) = quiet.scan("out", &["--format", "json", "--rules", CHEAP]);
    let faults = "[[fault]]\nthrottle-rate = 0.10\nerror-rate = 0.05\nreset-rate = 0.02\n";
    let bench = Bench::new(&world(&(many_tables(150) + faults)));
    let (ran, stormy) = bench.scan("out", &["--format", "json", "--rules", CHEAP]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert_eq!(stormy["findings"], calm["findings"]);
    assert_eq!(stormy["coverage"]["gaps"], calm["coverage"]["gaps"]);
    assert!(stormy["scan"]["call_count"].as_u64() > calm["scan"]["call_count"].as_u64());
}

/// Rules that need no call limited to ten a second.
const CHEAP: &str = "in-a-plan,recovery-point-fresh,plan-retention-long-enough,recovery-point-retained,recovery-point-encrypted,recovery-point-key-owner,vault-key-usable,vault-locked,backup-jobs-succeed,deletion-protection-on,dynamodb-opted-in";

fn many_tables(count: usize) -> String {
    table("t-{n}", &format!("count = {count}\ntags = {{ backup = \"daily\" }}"))
}

#[test]
fn every_page_is_read() {
    let bench = Bench::new(&world(&many_tables(250)));
    let (_, report) = bench.scan("out", &["--format", "json", "--rules", CHEAP]);
    assert_eq!(report["tables"].as_array().expect("tables").len(), 252);
    for number in [0, 99, 100, 199, 200, 249] {
        let name = report["tables"]
            .as_array()
            .expect("tables")
            .iter()
            .filter(|row| row["table_name"].as_str().is_some_and(|name| name.starts_with("t-")))
            .nth(number)
            .expect("a table")["table_name"]
            .as_str()
            .expect("a name")
            .to_owned();
        assert_eq!(verdict(&report, &name, "recovery-point-fresh"), "compliant", "{name}");
        // AWS deletes a point at any moment of the eight hours after its retention.
        let points = fact(&report, &name, "usable_recovery_point_count").as_i64();
        assert!(points == Some(35) || points == Some(36), "{name}: {points:?}");
    }
}

#[test]
fn a_re_created_table_does_not_live_on_its_predecessors_points() {
    let bench = Bench::new(&world(&file("reborn")));
    let (_, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(verdict(&report, "reborn", "recovery-point-fresh"), "non-compliant");
    assert_eq!(*fact(&report, "reborn", "usable_recovery_point_count"), 0);
    assert!(fact(&report, "reborn", "previous_incarnation_point_count_seen").as_i64() > Some(0));
}

#[test]
fn calls_that_no_rule_needs_are_not_made() {
    let bench = Bench::new(&world(""));
    bench.control("DELETE /_sandbox/stats", "");
    bench.scan("out", &["--rules", "pitr-on"]);
    let calls = bench.sandbox.calls();
    // Restore jobs tell AWS's own tables from others, whatever is asked.
    let is_needed = |name: &String| name == "backup:ListRestoreJobs" || !name.starts_with("backup:");
    assert!(
        calls.keys().all(|name| is_needed(name) && !name.starts_with("kms:")),
        "{calls:?}"
    );
    bench.control("DELETE /_sandbox/stats", "");
    bench.scan("again", &["--rules", "in-a-plan"]);
    let calls = bench.sandbox.calls();
    assert!(!calls.contains_key("backup:GetBackupVaultAccessPolicy"), "{calls:?}");
    assert!(!calls.contains_key("dynamodb:DescribeContinuousBackups"), "{calls:?}");
}

#[test]
fn a_role_that_cannot_be_assumed_is_a_gap_of_its_whole_account() {
    let more = r#"
[[account]]
id = "444455556666"
name = "retail"
regions = ["eu-west-1"]
roles = ["SomeOtherRole"]
"#;
    let bench = Bench::new(&world(more));
    bench.write("backproof.toml", "regions = [\"eu-west-1\"]\naccounts = [{ id = \"111122223333\" }, { id = \"444455556666\", name = \"retail\", role_arn = \"arn:aws:iam::444455556666:role/Audit\" }]\n");
    let (ran, report) = bench.scan(
        "out",
        &[
            "--format",
            "json",
            "--fail-on",
            "critical",
            "--rules",
            "dynamodb-opted-in",
        ],
    );
    assert_eq!(ran.code, 11, "{}", ran.stderr);
    assert_eq!(report["coverage"]["accounts"][1]["status"], "not-read");
    assert_eq!(report["coverage"]["gaps"][0]["action"], "sts:AssumeRole");
}

#[test]
fn a_region_that_is_not_enabled_is_one_warning_and_missing_evidence() {
    let bench = Bench::new(&world(""));
    let rules = [
        "--format",
        "json",
        "--rules",
        "dynamodb-opted-in,in-a-plan",
        "--fail-on",
        "critical",
    ];
    let (ran, report) = bench.scan("out", &[&rules[..], &["--regions", "eu-west-1,us-east-1"]].concat());
    assert_eq!(ran.code, 11, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("could not read").count(), 1, "{}", ran.stderr);
    let target = &report["coverage"]["targets"][1];
    assert_eq!(
        (&target["region"], &target["status"]),
        (&Value::from("us-east-1"), &Value::from("not-read"))
    );
    let gaps = report["coverage"]["gaps"].as_array().expect("gaps");
    assert!(
        gaps.len() > 1 && gaps.iter().all(|gap| gap["kind"] == "region-not-enabled"),
        "{gaps:?}"
    );
}

#[test]
fn regions_that_nobody_named_or_listed_are_missing_evidence() {
    let bench = Bench::new(&world(&deny("account:ListRegions")));
    let rules = ["--format", "json", "--rules", "dynamodb-opted-in"];
    let (ran, report) = bench.scan("all", &rules);
    assert_eq!(ran.code, 11, "{}", ran.stderr);
    assert_eq!(report["coverage"]["regions_unknown"], true);
    // With the Region named, the list decides nothing: the gap is told, the outcome stays.
    let (ran, report) = bench.scan("named", &[&rules[..], &["--regions", "eu-west-1"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(report["coverage"]["regions_unknown"], false);
    assert_eq!(report["coverage"]["gaps"].as_array().expect("gaps").len(), 1);
}

/// The small world's reports, readable in review. `BACKPROOF_BLESS=1 cargo test --test suite audit::reports` writes them anew.
#[test]
fn reports_are_as_reviewed() {
    let bench = Bench::new(&world(""));
    let (ran, _) = bench.scan("out", &["--format", "csv,csv-all"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for file in [
        "findings.csv",
        "findings-all.csv",
        "tables.csv",
        "tables-all.csv",
        "coverage.csv",
    ] {
        let found = std::fs::read_to_string(bench.path("out").join(file)).expect("a file");
        if std::env::var_os("BACKPROOF_BLESS").is_some() {
            std::fs::write(golden.join(file), &found).expect("written");
        }
        let expected = std::fs::read_to_string(golden.join(file)).expect("a golden file");
        assert!(found == expected, "{file} differs from tests/golden/{file}:\n{found}");
    }
}
