//! `doctor`: the rights that a scan needs, each tried once, and what whoever scans could change.

use serde_json::{Value, json};

use crate::common::worlds::world;
use crate::common::{Bench, refused, run};

/// A second account, whose role may do what these patterns say.
fn bench(allows: &str) -> Bench {
    let more = format!(
        "[[account]]\nid = \"444455556666\"\nname = \"retail\"\nregions = [\"eu-west-1\"]\nroles = [\"audit/Reader\"]\n\n\
         [[role]]\naccount = \"444455556666\"\nname = \"audit/Reader\"\n\
         trusts = [\"arn:aws:iam::111122223333:user/auditor\"]\nallows = {allows}\n\n\
         [[table]]\naccount = \"444455556666\"\nregion = \"eu-west-1\"\nname = \"stock\"\n"
    );
    let bench = Bench::new(&world(&more));
    bench.write(
        "backproof.toml",
        "regions = [\"eu-west-1\"]\n\n[[accounts]]\nid = \"444455556666\"\nname = \"retail\"\n\
         role_arn = \"arn:aws:iam::444455556666:role/audit/Reader\"\n",
    );
    bench
}

/// What `explain permissions` says that a role in another account needs.
fn explained(bench: &Bench, command: &str) -> Vec<Value> {
    let ran = bench.run(&["explain", "permissions", "--command", command]);
    let policy = ran.json();
    let statements = policy["Statement"].as_array().expect("statements").iter();
    statements
        .flat_map(|statement| statement["Action"].as_array().expect("actions"))
        .filter(|action| **action != "sts:AssumeRole")
        .cloned()
        .collect()
}

#[test]
fn every_right_of_a_scan_is_tried() {
    let bench = Bench::new(&world(""));
    let ran = bench.run(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let found = ran.json();
    let account = &found["accounts"][0];
    assert_eq!(found["endpoint"], json!(bench.sandbox.endpoint()));
    assert_eq!(account["denied"], json!({}));
    let mut tried: Vec<&str> = account["works"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    tried.extend(
        account["not_tried"]
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str),
    );
    tried.sort_unstable();
    let mut needed = explained(&bench, "collect");
    needed.retain(|action| {
        !["account:ListRegions", "sts:GetCallerIdentity"]
            .iter()
            .any(|known| action == known)
    });
    assert_eq!(json!(tried), json!(needed));
    // The user of the sandbox may do everything: said, and no failure unless asked.
    assert_eq!(account["writing"]["outcome"], "can");
    assert_eq!(bench.run(&["doctor", "--prove-read-only"]).code, 10);
}

#[test]
fn the_role_that_is_explained_can_scan_and_change_nothing() {
    let printed = bench("[]");
    let allows = explained(&printed, "doctor");
    let bench = bench(&json!(allows).to_string());
    let ran = bench.run(&["doctor", "--prove-read-only"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("role/audit/Reader"), "{}", ran.stdout);
    assert!(ran.stdout.contains("and none is allowed"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("denied"), "{}", ran.stdout);
    let (ran, report) = bench.scan("out", &[]);
    assert_eq!(report["coverage"]["gaps"], json!([]), "{}", ran.stderr);
}

#[test]
fn what_is_missing_is_named_and_nothing_is_said_of_writing_that_was_not_simulated() {
    let printed = bench("[]");
    let mut allows = explained(&printed, "scan");
    allows.retain(|action| action != "backup:ListBackupJobs" && action != "tag:GetResources");
    let bench = bench(&json!(allows).to_string());
    let ran = bench.run(&["doctor"]);
    assert_eq!(ran.code, 11, "{}", ran.stderr);
    assert!(
        ran.stdout
            .contains("denied: backup:ListBackupJobs: AccessDeniedException"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("not proved whether it can: AccessDenied"),
        "{}",
        ran.stdout
    );
    let policy = ran.stdout.split("what is missing:\n").nth(1).expect("a policy");
    let policy: Value = serde_json::from_str(policy).expect("JSON");
    assert_eq!(
        policy["Statement"][0]["Action"],
        json!(["backup:ListBackupJobs", "tag:GetResources"])
    );
    assert_eq!(bench.run(&["doctor", "--prove-read-only"]).code, 11);
    // Rules that do not need them.
    let ran = bench.run(&["doctor", "--rules", "deletion-protection-on"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
}

#[test]
fn a_right_of_which_aws_says_nothing_is_missing_evidence() {
    let bench = Bench::new(&world(""));
    bench.fault(r#"{"action": "backup:ListBackupJobs", "error-rate": 1.0}"#);
    let ran = bench.run_patiently("1s", &["doctor"]);
    assert_eq!(ran.code, 11, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("not known: backup:ListBackupJobs"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_role_that_cannot_be_assumed_is_missing_evidence() {
    let bench = bench("[]");
    let settings = "regions = [\"eu-west-1\"]\n\n[[accounts]]\nid = \"444455556666\"\n\
                    role_arn = \"arn:aws:iam::444455556666:role/Nobody\"\n";
    bench.write("backproof.toml", settings);
    let ran = bench.run(&["doctor"]);
    assert_eq!(ran.code, 11, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("the role could not be assumed: AccessDenied"),
        "{}",
        ran.stdout
    );
}

#[test]
fn mistakes_are_refused() {
    let bench = Bench::new(&world(""));
    refused(
        &bench.run(&["doctor", "--region", "eu-north-9"]),
        2,
        &["eu-north-9", "it would read"],
    );
    refused(&bench.run(&["doctor", "--rules", "nosuch"]), 2, &["nosuch"]);
    let dir = tempfile::tempdir().expect("a folder");
    refused(
        &run(dir.path(), &[], &["doctor"]),
        1,
        &["could not find AWS credentials"],
    );
}
