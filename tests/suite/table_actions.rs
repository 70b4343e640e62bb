//! What `remediate` does to tables and their recovery points: point-in-time recovery, deletion protection, lifecycles, copies,
//! restore testing.

use serde_json::Value;

use crate::common::worlds::{HERE, central, event, native, table, thawed, two_regions, with, world};
use crate::common::{Bench, json_file, refused, verdict};

/// Worlds are of the first of November.
const APPLY: [&str; 9] = [
    "remediate",
    "apply",
    "plan.json",
    "--yes",
    "--max-plan-age",
    "36500d",
    "--wait",
    "--poll-interval",
    "1s",
];

/// A plan for what these rules find in `before`.
fn plan(bench: &Bench, rules: &str, more: &[&str]) -> Value {
    let head = [
        "remediate",
        "plan",
        "--from",
        "before/inventory",
        "--to",
        "plan.json",
        "--rules",
        rules,
    ];
    let ran = bench.run(&[&head, more].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    json_file(&bench.path("plan.json"))
}

/// What the actions of a plan do: kind and resource.
fn kinds(plan: &Value) -> Vec<&str> {
    let actions = plan["actions"].as_array().expect("actions");
    actions
        .iter()
        .map(|action| action["do"]["kind"].as_str().expect("a kind"))
        .collect()
}

fn applied(bench: &Bench) {
    let ran = bench.run(&APPLY);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

fn verified(bench: &Bench) {
    let ran = bench.run(&["remediate", "verify", "plan.json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

fn calls(bench: &Bench, action: &str) -> u64 {
    bench.sandbox.calls().get(action).copied().unwrap_or(0)
}

const BOTH: &str = "pitr-on,deletion-protection-on";

#[test]
fn settings_of_a_table_are_planned_done_verified_and_done_once() {
    let bench = Bench::new(&thawed(""));
    bench.write("backproof.toml", "[remediation]\npitr-period = \"14d\"\n");
    bench.scan("before", &["--format", "json"]);
    let planned = plan(&bench, BOTH, &[]);
    assert_eq!(kinds(&planned), ["pitr", "deletion-protection"]);
    assert_eq!(planned["fixes"].as_array().map(Vec::len), Some(2));
    assert_eq!(planned["worse"].as_array().map(Vec::len), Some(0));
    let ran = bench.run(&["remediate", "verify", "plan.json"]);
    assert_eq!(ran.code, 10, "{}", ran.stdout);
    applied(&bench);
    verified(&bench);
    applied(&bench);
    std::fs::remove_file(bench.path("plan.journal.jsonl")).expect("a journal");
    let ran = bench.run(&APPLY);
    assert!(ran.stderr.contains("14 days back"), "{}", ran.stderr);
    assert_eq!(calls(&bench, "dynamodb:UpdateContinuousBackups"), 1);
    assert_eq!(calls(&bench, "dynamodb:UpdateTable"), 1);
    let (_, after) = bench.scan("after", &["--format", "json"]);
    for rule in BOTH.split(',') {
        assert_eq!(verdict(&after, "forgotten", rule), "compliant");
    }
}

#[test]
fn a_period_that_dynamodb_would_refuse_is_no_setting() {
    let bench = Bench::new(&thawed(""));
    bench.write("backproof.toml", "[remediation]\npitr-period = \"36d\"\n");
    let ran = bench.run(&["scan"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("goes back 1 to 35 days, not 36"), "{}", ran.stderr);
}

/// A table with a point of some days, that is kept for some.
fn with_point(table_name: &str, age: &str, kept: &str) -> String {
    let backup = format!("do = \"on-demand-backup\"\ntable = \"{table_name}\"\nvault = \"Default\"\n{kept}");
    table(table_name, "") + &event(age, &backup)
}

fn reasons<'p>(plan: &'p Value, table: &str) -> Vec<&'p str> {
    let blocked = plan["blocked"].as_array().expect("blocked");
    let of_table = blocked
        .iter()
        .filter(|one| one["resource"].as_str().is_some_and(|arn| arn.ends_with(table)));
    of_table.filter_map(|one| one["reason"].as_str()).collect()
}

#[test]
fn a_point_is_kept_longer_and_never_shorter() {
    let world = thawed(
        &[
            with_point("short", "2d", "delete-after-days = 7"),
            with_point("long", "2d", "delete-after-days = 40"),
            with_point("cooling", "2h", "cold-after-days = 20\ndelete-after-days = 110"),
            with_point("cold", "5d", "cold-after-days = 1\ndelete-after-days = 91"),
        ]
        .concat(),
    );
    let bench = Bench::new(&world);
    bench.write("backproof.toml", "[policy]\nretention-min = \"35d\"\n");
    bench.scan("before", &["--format", "json"]);
    let rule = "recovery-point-retained";
    let planned = plan(&bench, rule, &[]);
    assert_eq!(kinds(&planned), ["point-lifecycle"]);
    let deed = &planned["actions"][0]["do"];
    assert_eq!(
        (&deed["from_days"], &deed["delete_after_days"]),
        (&7.into(), &35.into())
    );
    applied(&bench);
    verified(&bench);
    applied(&bench);
    assert_eq!(calls(&bench, "backup:UpdateRecoveryPointLifecycle"), 1);
    let (_, after) = bench.scan("after", &["--format", "json"]);
    assert_eq!(verdict(&after, "short", rule), "compliant");

    // With a longer retention: what is cold stays, what is to become cold keeps 90 days after that.
    bench.write(
        "backproof.toml",
        "[policy]\nretention-min = \"111d\"\nretention-max = \"111d\"\n",
    );
    bench.scan("before", &["--format", "json"]);
    let planned = plan(&bench, rule, &[]);
    let arns: Vec<&str> = planned["actions"]
        .as_array()
        .expect("actions")
        .iter()
        .filter_map(|action| action["do"]["table_arn"].as_str()?.rsplit('/').next())
        .collect();
    assert!(
        ["cooling", "long", "short"].iter().all(|name| arns.contains(name)),
        "{arns:?}"
    );
    assert!(!arns.contains(&"cold"), "{arns:?}");
    assert!(
        reasons(&planned, "table/cold")[0].contains("is in cold storage"),
        "{:?}",
        reasons(&planned, "table/cold")
    );
}

#[test]
fn a_lifecycle_that_a_lock_forbids_or_that_somebody_changed_is_not_touched() {
    let locked = format!(
        "[[vault]]\n{HERE}name = \"locked\"\nlock = \"governance\"\nmin-days = 1\nmax-days = 30\n{}",
        table("short", "")
            + &event(
                "2d",
                "do = \"on-demand-backup\"\ntable = \"short\"\nvault = \"locked\"\ndelete-after-days = 7"
            )
            + &with_point("edited", "2d", "delete-after-days = 7")
    );
    let bench = Bench::new(&thawed(&locked));
    bench.scan("before", &["--format", "json"]);
    let planned = plan(&bench, "recovery-point-retained", &[]);
    assert_eq!(
        reasons(&planned, "table/short"),
        ["the lock of vault `locked` allows at most 30 days, not 35"]
    );
    assert_eq!(kinds(&planned), ["point-lifecycle"]);
    let point = planned["actions"][0]["do"]["point_arn"]
        .as_str()
        .expect("an ARN")
        .replace(':', "%3A");
    bench.send(
        &format!("POST /backup-vaults/Default/recovery-points/{point}"),
        "content-type: application/json\r\nauthorization: AWS4-HMAC-SHA256 Credential=AKIA111122223333/20261101/eu-west-1/backup/aws4_request, SignedHeaders=host, Signature=0\r\n",
        br#"{"Lifecycle": {"DeleteAfterDays": 20}}"#,
    );
    let before = calls(&bench, "backup:UpdateRecoveryPointLifecycle");
    let ran = bench.run(&APPLY);
    refused(
        &ran,
        1,
        &[
            "no longer matches AWS",
            "its lifecycle was changed since: it is kept 20 days",
        ],
    );
    assert_eq!(calls(&bench, "backup:UpdateRecoveryPointLifecycle"), before);
}

const QUICK: &str = "[jobs]\nbackup-seconds = 1\ncopy-seconds = 1\n";

#[test]
fn a_copy_goes_to_the_region_that_the_policy_names() {
    let world = with(&two_regions(QUICK), "frozen = true\n", "");
    let bench = Bench::new(&world);
    bench.write(
        "backproof.toml",
        "[policy]\ncopy = { regions = [\"eu-central-1\"], retention-min = \"60d\" }\n",
    );
    bench.scan("before", &["--format", "json"]);
    let rules = "cross-region-copy-exists,backed-up";
    let planned = plan(&bench, rules, &["--only", "backup-now,copy"]);
    // The table without a point is backed up first, and what that makes is copied.
    assert_eq!(kinds(&planned), ["backup-now", "copy", "copy"]);
    let actions = planned["actions"].as_array().expect("actions");
    assert_eq!(actions[1]["needs"][0], actions[0]["id"]);
    assert_eq!(actions[1]["do"]["point_arn"], Value::Null);
    assert_eq!(actions[2]["needs"].as_array().map(Vec::len), Some(0));
    for copy in &actions[1..] {
        assert_eq!(
            copy["do"]["to_vault_arn"],
            "arn:aws:backup:eu-central-1:111122223333:backup-vault:dr"
        );
        assert_eq!(copy["do"]["delete_after_days"], 60);
    }
    assert_eq!(planned["worse"].as_array().map(Vec::len), Some(0), "{planned}");
    let ran = bench.run(&["remediate", "verify", "plan.json"]);
    assert_eq!(ran.code, 10, "{}", ran.stdout);
    applied(&bench);
    verified(&bench);
    applied(&bench);
    std::fs::remove_file(bench.path("plan.journal.jsonl")).expect("a journal");
    let ran = bench.run(&APPLY);
    assert!(
        ran.stderr
            .contains("already so: copied as arn:aws:backup:eu-central-1:"),
        "{}",
        ran.stderr
    );
    assert_eq!(calls(&bench, "backup:StartCopyJob"), 2);
    let (_, after) = bench.scan("after", &["--format", "json"]);
    for table in ["orders", "forgotten"] {
        assert_eq!(verdict(&after, table, "cross-region-copy-exists"), "compliant");
        assert_eq!(verdict(&after, table, "backed-up"), "compliant");
    }
}

#[test]
fn a_copy_that_cannot_be_made_says_why() {
    for (world, settings, why) in [
        // Made without advanced features.
        (
            two_regions(&native()),
            "regions = [\"eu-central-1\"]",
            ("table/native", "was made without advanced features"),
        ),
        // Nobody looked at that Region.
        (
            world(""),
            "regions = [\"us-east-1\"]",
            ("table/orders", "no vault for us-east-1 is in this scan"),
        ),
        (
            world(""),
            "accounts = [\"444455556666\"]",
            ("table/orders", "no vault for account 444455556666 is in this scan"),
        ),
    ] {
        let bench = Bench::new(&world);
        bench.write("backproof.toml", format!("[policy]\ncopy = {{ {settings} }}\n"));
        bench.scan("before", &["--format", "json"]);
        let rules = "cross-region-copy-exists,cross-account-copy-exists";
        let planned = plan(&bench, rules, &["--only", "copy"]);
        let (table, part) = why;
        let found = reasons(&planned, table);
        assert!(found.iter().any(|reason| reason.contains(part)), "{table}: {found:?}");
    }
}

#[test]
fn a_copy_goes_to_the_account_whose_vault_lets_it_in() {
    let central = with(&central(400), "frozen = true\n", "") + QUICK;
    // The plan of this world copies already: without its copies there is something to do.
    let arn = "arn:aws:backup:eu-west-1:444455556666:backup-vault:central";
    let copying = format!("copy-to = [{{ vault-arn = \"{arn}\", delete-after-days = 400 }}]\n");
    let open = with(&central, &copying, "");
    let shut = with(
        &open,
        "\"Action\":\"backup:CopyIntoBackupVault\"",
        "\"Action\":\"backup:DescribeBackupVault\"",
    );
    let settings = "[[accounts]]\nid = \"111122223333\"\n[[accounts]]\nid = \"444455556666\"\nrole_arn = \"arn:aws:iam::444455556666:role/Audit\"\n\
                    [policy]\nretention-min = \"7d\"\ncopy = { accounts = [\"444455556666\"] }\n";
    let rule = "cross-account-copy-exists";
    let bench = Bench::new(&shut);
    bench.write("backproof.toml", settings);
    bench.scan("before", &["--format", "json"]);
    let planned = plan(&bench, rule, &["--only", "copy"]);
    assert!(
        reasons(&planned, "table/orders")
            .iter()
            .any(|reason| reason.contains("does not let account 111122223333 copy into it")),
        "{planned}"
    );

    let bench = Bench::new(&open);
    bench.write("backproof.toml", settings);
    bench.scan("before", &["--format", "json"]);
    let planned = plan(&bench, rule, &["--only", "copy"]);
    assert_eq!(kinds(&planned), ["copy"]);
    assert_eq!(planned["actions"][0]["do"]["to_vault_arn"], arn);
    applied(&bench);
    verified(&bench);
    let (_, after) = bench.scan("after", &["--format", "json"]);
    assert_eq!(verdict(&after, "orders", rule), "compliant");
}

#[test]
fn a_copy_for_a_policy_of_air_gapped_vaults_stays_at_home() {
    let gapped = format!("[[vault]]\n{HERE}name = \"gapped\"\ntype = \"air-gapped\"\n");
    let bench = Bench::new(&thawed(&(gapped + QUICK)));
    bench.write("backproof.toml", "[policy]\nair-gapped-within = \"7d\"\n");
    bench.scan("before", &["--format", "json"]);
    let rule = "recovery-point-air-gapped";
    let planned = plan(&bench, rule, &["--only", "copy"]);
    assert_eq!(kinds(&planned), ["copy"], "{planned}");
    applied(&bench);
    verified(&bench);
    let (_, after) = bench.scan("after", &["--format", "json"]);
    assert_eq!(verdict(&after, "orders", rule), "compliant");
}

#[test]
fn a_restore_testing_plan_covers_the_tables_and_is_made_once() {
    let world = thawed(&with_point("music", "2d", "delete-after-days = 40"));
    let bench = Bench::new(&world);
    bench.write("backproof.toml", "[policy]\nrestore-tested-within = \"14d\"\n");
    bench.scan("before", &["--format", "json"]);
    let rules = "restore-testing-planned,restore-tested,restore-test-recent";
    let planned = plan(&bench, rules, &[]);
    assert_eq!(kinds(&planned), ["restore-testing"]);
    let deed = &planned["actions"][0]["do"];
    assert_eq!(deed["plan_name"], "backproof_restore_tests");
    assert_eq!(deed["schedule"], "cron(0 5 ? * SUN *)");
    assert_eq!(deed["table_arns"].as_array().map(Vec::len), Some(2));
    // A plan proves nothing on the day that it is made, and the plan says so.
    let fixed: Vec<&str> = planned["fixes"]
        .as_array()
        .expect("fixes")
        .iter()
        .filter_map(|fix| fix["finding"].as_str())
        .collect();
    let left: Vec<&str> = planned["remaining"]
        .as_array()
        .expect("remaining")
        .iter()
        .filter_map(|finding| finding["rule"].as_str())
        .collect();
    assert_eq!(fixed.len(), 2, "{planned}");
    assert!(left.contains(&"restore-tested"), "{left:?}");
    applied(&bench);
    verified(&bench);
    applied(&bench);
    std::fs::remove_file(bench.path("plan.journal.jsonl")).expect("a journal");
    applied(&bench);
    assert_eq!(calls(&bench, "backup:CreateRestoreTestingPlan"), 1);
    assert_eq!(calls(&bench, "backup:CreateRestoreTestingSelection"), 1);
    let (_, after) = bench.scan("after", &["--format", "json"]);
    for table in ["orders", "music"] {
        assert_eq!(verdict(&after, table, "restore-testing-planned"), "compliant");
    }
    // Again: there is a plan, and its runs answer the rest.
    std::fs::remove_dir_all(bench.path("before")).expect("a folder");
    std::fs::rename(bench.path("after"), bench.path("before")).expect("renamed");
    let planned = plan(&bench, rules, &[]);
    assert_eq!(kinds(&planned), Vec::<&str>::new());
    assert!(
        reasons(&planned, "table/music")[0].contains("restore testing plan backproof_restore_tests covers it"),
        "{planned}"
    );
}
