//! Worlds that tempt to a wrong "compliant": what looks like a backup and is none, end to end.

use serde_json::Value;

use crate::common::criteria::waiver;
use crate::common::worlds::{HERE, deny, event, file, table, two_regions, with, with_copies, world};
use crate::common::{Bench, fact, finding, json_file, verdict};

/// What is expected of one table by one rule.
type Expected<'e> = (&'e str, &'e str, &'e str);

fn judged(world: &str, policy: &str) -> Value {
    let bench = Bench::new(world);
    if !policy.is_empty() {
        bench.write("backproof.toml", format!("[policy]\n{policy}\n"));
    }
    let (ran, report) = bench.scan("out", &["--format", "json"]);
    assert!([0, 10, 11].contains(&ran.code), "{}", ran.stderr);
    report
}

fn check(report: &Value, expected: &[Expected<'_>]) {
    for (table, rule, wanted) in expected {
        let found = finding(report, table, rule);
        assert_eq!(found["verdict"], *wanted, "{rule} on {table}: {}", found["message"]);
    }
}

#[test]
fn stale_points_beside_a_vault_that_was_not_read_prove_nothing() {
    let stale = event("4d", "do = \"skip-runs\"\nplan = \"daily\"\nuntil = \"0d\"");
    let other = format!("[[vault]]\n{HERE}name = \"other\"\n");
    let denied = deny("backup:ListRecoveryPointsByBackupVault") + "resource = \"*:backup-vault:other\"\n";
    let report = judged(&world(&format!("{stale}{other}{denied}")), "");
    check(
        &report,
        &[
            ("orders", "recovery-point-fresh", "unknown"),
            ("orders", "recovery-point-retained", "unknown"),
            ("orders", "vault-locked", "unknown"),
            ("orders", "in-a-plan", "compliant"),
            ("forgotten", "recovery-point-fresh", "unknown"),
            ("forgotten", "in-a-plan", "non-compliant"),
        ],
    );
    let report = judged(&world(&format!("{stale}{other}")), "");
    check(&report, &[("orders", "recovery-point-fresh", "non-compliant")]);
}

#[test]
fn a_copy_elsewhere_is_no_point_of_the_table() {
    let deleted = event(
        "1h",
        "do = \"delete-recovery-points\"\ntable = \"orders\"\nvault = \"Default\"\nolder-than = \"0d\"",
    );
    let world = with_copies(&two_regions(&deleted));
    let report = judged(&world, "copy-regions = [\"eu-central-1\"]");
    assert_eq!(fact(&report, "orders", "copy_regions_seen"), "eu-central-1");
    check(
        &report,
        &[
            ("orders", "recovery-point-fresh", "non-compliant"),
            ("orders", "not-only-pitr", "non-compliant"),
            ("orders", "cross-region-copy-exists", "compliant"),
            ("orders", "cross-region-copy-planned", "compliant"),
        ],
    );
}

#[test]
fn a_plan_elsewhere_takes_no_table_of_that_name_here() {
    let same = "[[table]]\naccount = \"111122223333\"\nregion = \"eu-central-1\"\nname = \"elsewhere\"\ntags = { backup = \"daily\" }\ncreated-days-ago = 100\n";
    let report = judged(&two_regions(same), "");
    check(
        &report,
        &[
            ("elsewhere", "in-a-plan", "non-compliant"),
            ("elsewhere", "recovery-point-fresh", "non-compliant"),
        ],
    );
}

#[test]
fn tags_that_only_look_alike_protect_nothing() {
    let tables = [
        table("value", "tags = { backup = \"Daily\" }"),
        table("key", "tags = { Backup = \"daily\" }"),
        table("blank", "tags = { backup = \"daily \" }"),
    ];
    let report = judged(&world(&tables.concat()), "");
    for name in ["value", "key", "blank"] {
        check(
            &report,
            &[
                (name, "in-a-plan", "non-compliant"),
                (name, "recovery-point-fresh", "non-compliant"),
            ],
        );
    }
}

#[test]
fn without_the_opt_in_a_tag_takes_nothing_and_nothing_is_advanced() {
    let report = judged(&two_regions(&file("not-opted-in")), "copy-regions = [\"eu-central-1\"]");
    check(
        &report,
        &[
            ("orders", "in-a-plan", "non-compliant"),
            ("orders", "dynamodb-opted-in", "non-compliant"),
            // The opt-in is half of the advanced features.
            ("orders", "advanced-features-on", "non-compliant"),
            ("forgotten", "in-a-plan", "compliant"),
            ("forgotten", "recovery-point-fresh", "compliant"),
            ("forgotten", "cross-region-copy-planned", "non-compliant"),
        ],
    );
}

#[test]
fn tags_that_were_throttled_away_leave_plans_by_tag_unknown() {
    let fault = "[[fault]]\naction = \"tag:GetResources\"\nthrottle-rate = 1.0\n";
    let bench = Bench::new(&world(fault));
    let ran = bench.run_patiently("10s", &["scan", "--to", "out", "--quiet", "--format", "json"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let report = json_file(&bench.path("out").join("report.json"));
    check(&report, &[("forgotten", "in-a-plan", "unknown")]);
    // The plan's latest run made a point of it, whatever its tags are.
    check(&report, &[("orders", "in-a-plan", "compliant")]);
}

#[test]
fn what_a_plan_made_this_morning_proves_nothing_of_one_that_lets_go_of_the_table() {
    let unsure = file("unsure");
    let report = judged(&world(&unsure), "");
    check(&report, &[("orders", "in-a-plan", "compliant")]);
    // Its tag is gone since an hour ago, and whether the other plan takes it AWS's documents leave open.
    let untagged = event("1h", "do = \"untag-table\"\ntable = \"orders\"\nkeys = [\"backup\"]");
    let report = judged(&world(&format!("{unsure}{untagged}")), "");
    check(
        &report,
        &[
            ("orders", "in-a-plan", "unknown"),
            ("orders", "recovery-point-fresh", "compliant"),
        ],
    );
    let report = judged(&world(&untagged), "");
    check(&report, &[("orders", "in-a-plan", "non-compliant")]);
}

#[test]
fn a_plan_whose_schedule_is_over_takes_nothing() {
    let world = two_regions(&file("schedule-over"));
    let report = judged(&world, "copy-regions = [\"eu-central-1\"]");
    check(
        &report,
        &[
            ("forgotten", "in-a-plan", "non-compliant"),
            ("over", "plan-selections-take-tables", "non-compliant"),
            // What the rule of last year promised, nobody keeps.
            ("half", "in-a-plan", "compliant"),
            ("half", "plan-retention-long-enough", "non-compliant"),
            ("half", "plan-vault-locked", "non-compliant"),
            ("half", "cross-region-copy-planned", "non-compliant"),
        ],
    );
    let reason = finding(&report, "forgotten", "in-a-plan")["message"]
        .as_str()
        .expect("a message");
    assert!(reason.contains("no rule that will run again"), "{reason}");
}

#[test]
fn a_rule_that_never_gets_its_turn_promises_nothing() {
    let world = two_regions(&file("never-its-turn"));
    let report = judged(&world, "copy-regions = [\"eu-central-1\"]");
    check(
        &report,
        &[
            ("forgotten", "recovery-point-fresh", "compliant"),
            ("forgotten", "cross-region-copy-planned", "non-compliant"),
            ("forgotten", "cross-region-copy-exists", "non-compliant"),
            ("forgotten", "plan-vault-locked", "non-compliant"),
            ("forgotten", "vault-locked", "non-compliant"),
        ],
    );
}

#[test]
fn a_copy_to_another_region_than_the_policy_names_is_not_the_one() {
    let world = with_copies(&two_regions(""));
    let report = judged(&world, "copy-regions = [\"eu-central-1\", \"us-east-1\"]");
    assert_eq!(fact(&report, "orders", "unplanned_copy_regions"), "us-east-1");
    check(
        &report,
        &[
            ("orders", "cross-region-copy-planned", "non-compliant"),
            ("orders", "cross-region-copy-exists", "non-compliant"),
        ],
    );
}

#[test]
fn any_other_region_is_one_that_holds_a_copy() {
    let policy = "copy-regions = [\"any\"]\ncopy-accounts = [\"any\"]";
    for (copies, wanted) in [(true, "compliant"), (false, "non-compliant")] {
        let mut text = two_regions("");
        if copies {
            text = with_copies(&text);
        }
        let report = judged(&text, policy);
        check(
            &report,
            &[
                ("orders", "cross-region-copy-planned", wanted),
                ("orders", "cross-region-copy-exists", wanted),
                ("orders", "cross-account-copy-planned", "non-compliant"),
                ("orders", "cross-account-copy-exists", "non-compliant"),
            ],
        );
    }
}

#[test]
fn an_air_gapped_vault_as_target_counts_where_it_can_be_written_to() {
    let air_gapped = file("air-gapped");
    let policy = "air-gapped-within = \"26h\"";
    let report = judged(&world(&air_gapped), policy);
    assert_eq!(fact(&report, "forgotten", "recovery_point_vaults"), "gapped");
    check(
        &report,
        &[
            ("forgotten", "recovery-point-fresh", "compliant"),
            ("forgotten", "recovery-point-air-gapped", "compliant"),
            ("forgotten", "plan-vault-locked", "compliant"),
            ("forgotten", "vault-lock-final", "compliant"),
            ("sealed", "plan-vaults-exist", "compliant"),
        ],
    );
    // Without advanced features the point stays in the ordinary vault, under no lock.
    let native = "[settings.\"111122223333/eu-west-1\"]\ndynamodb-advanced = false\n";
    let report = judged(&world(&(air_gapped.clone() + native)), policy);
    assert_eq!(fact(&report, "forgotten", "plan_vaults"), "Default");
    check(
        &report,
        &[
            ("forgotten", "recovery-point-fresh", "compliant"),
            ("forgotten", "recovery-point-air-gapped", "non-compliant"),
            ("forgotten", "plan-vault-locked", "non-compliant"),
            ("forgotten", "vault-locked", "non-compliant"),
        ],
    );
    let report = judged(&world(&(air_gapped + &deny("backup:DescribeRegionSettings"))), policy);
    check(
        &report,
        &[
            ("forgotten", "plan-vault-locked", "unknown"),
            ("sealed", "plan-vaults-exist", "unknown"),
        ],
    );
}

#[test]
fn a_key_that_does_not_work_condemns_points_and_copies() {
    let world = two_regions(&file("broken-keys"));
    let world = with(&world, "name = \"dr\"\n", "name = \"dr\"\nkey = \"away\"\n");
    let report = judged(
        &world,
        "key-owner = \"customer-managed\"\ncopy-regions = [\"eu-central-1\"]",
    );
    check(
        &report,
        &[
            // One rule, one statement: the point is there, and its key is what is wrong with it.
            ("forgotten", "recovery-point-fresh", "compliant"),
            ("forgotten", "recovery-point-key-owner", "compliant"),
            ("forgotten", "vault-key-usable", "non-compliant"),
            ("keyed", "vault-key-works", "non-compliant"),
            ("dr", "vault-key-works", "non-compliant"),
        ],
    );
    assert_eq!(*fact(&report, "forgotten", "copy_keys_usable_seen"), Value::Bool(false));
    let broken = fact(&report, "forgotten", "copy_unusable_keys")
        .as_str()
        .expect("a text");
    assert!(broken.ends_with("(PendingDeletion)"), "{broken}");
    assert_eq!(*fact(&report, "orders", "copy_keys_usable_seen"), Value::Null);
}

#[test]
fn what_is_left_of_a_deleted_plan_is_no_plan() {
    let report = judged(&world(&file("deleted-plan")), "");
    check(
        &report,
        &[
            ("forgotten", "recovery-point-fresh", "compliant"),
            ("forgotten", "in-a-plan", "non-compliant"),
            ("forgotten", "plan-retention-long-enough", "not-applicable"),
        ],
    );
}

#[test]
fn failed_jobs_are_no_backups_whatever_they_are_called() {
    for state in ["FAILED", "ABORTED", "EXPIRED", "PARTIAL"] {
        let failing = event(
            "3d",
            &format!("do = \"fail-jobs\"\ntable = \"orders\"\nstate = \"{state}\"\nmessage = \"no luck\""),
        );
        let report = judged(&world(&failing), "");
        check(
            &report,
            &[
                ("orders", "recovery-point-fresh", "non-compliant"),
                ("orders", "backup-jobs-succeed", "non-compliant"),
                ("orders", "recovery-point-gap-within-rpo", "non-compliant"),
                // The runs were started: that is another question.
                ("orders", "backup-runs-not-missed", "compliant"),
            ],
        );
        assert_eq!(fact(&report, "orders", "failed_backup_job_count"), 3);
        let first = fact(&report, "orders", "first_failed_backup_job_cause");
        assert_eq!(*first, format!("{state}: no luck").as_str());
    }
}

#[test]
fn a_restore_that_was_found_bad_is_no_restore() {
    let test = |more: &str| {
        event(
            "2d",
            &format!("do = \"restore-test\"\ntable = \"orders\"\nminutes = 20\n{more}"),
        )
    };
    let policy = "restore-tested-within = \"30d\"\nrto = \"1h\"";
    let bad = test("validation = \"FAILED\"");
    let report = judged(&world(&bad), policy);
    check(
        &report,
        &[
            ("orders", "restore-tested", "non-compliant"),
            ("orders", "restore-test-recent", "non-compliant"),
            ("orders", "restore-test-succeeded", "non-compliant"),
            ("orders", "restore-time-within-rto", "not-applicable"),
        ],
    );
    // The point remembers a restore; without the jobs nobody can say how it ended.
    let unread = deny("backup:ListRestoreJobs");
    for more in [bad.as_str(), &test("")] {
        let report = judged(&world(&format!("{more}{unread}")), policy);
        for rule in [
            "restore-tested",
            "restore-test-recent",
            "restore-test-succeeded",
            "restore-time-within-rto",
        ] {
            check(&report, &[("orders", rule, "unknown")]);
        }
    }
    let report = judged(&world(&test("")), policy);
    for rule in [
        "restore-tested",
        "restore-test-recent",
        "restore-test-succeeded",
        "restore-time-within-rto",
    ] {
        check(&report, &[("orders", rule, "compliant")]);
    }
}

#[test]
fn a_restore_whose_outcome_aws_has_forgotten_is_no_success() {
    // AWS keeps restore jobs for 30 days; the point remembers the date alone.
    let policy = "restore-tested-within = \"60d\"\nretention-min = \"10d\"";
    let kept = |world: String| with(&world, "delete-after-days = 35", "delete-after-days = 90");
    for (validation, days) in [("FAILED", 32), ("SUCCESSFUL", 32)] {
        let test = event(
            &format!("{days}d"),
            &format!("do = \"restore-test\"\ntable = \"orders\"\nminutes = 20\nvalidation = \"{validation}\""),
        );
        let report = judged(&kept(world(&test)), policy);
        for rule in ["restore-tested", "restore-test-recent"] {
            check(&report, &[("orders", rule, "unknown")]);
        }
        check(&report, &[("orders", "restore-test-succeeded", "not-applicable")]);
        assert!(
            fact(&report, "orders", "last_restore_seen_at").is_string(),
            "{validation}"
        );
    }
}

#[test]
fn lists_that_were_not_read_look_not_like_empty_ones() {
    for (action, rule) in [
        ("backup:ListBackupPlans", "plan-role-works"),
        ("backup:ListBackupPlans", "plan-selections-take-tables"),
        ("backup:ListBackupVaults", "vault-denies-manual-deletion"),
        ("backup:ListBackupVaults", "recovery-point-not-overdue"),
        ("backup:ListRecoveryPointsByBackupVault", "recovery-point-not-overdue"),
        // What a plan takes is proved by its jobs where they are read; what it names is not.
        ("backup:GetBackupSelection", "plan-selections-take-tables"),
        ("dynamodb:ListTables", "plan-vaults-exist"),
        ("tag:GetResources", "in-a-plan"),
    ] {
        let bench = Bench::new(&world(&deny(action)));
        let (ran, report) = bench.scan("out", &["--rules", rule, "--format", "json"]);
        assert_eq!(ran.code, 11, "{rule} without {action}: {}", ran.stderr);
        let findings = report["findings"].as_array().expect("findings");
        let unknown = findings.iter().find(|finding| finding["verdict"] == "unknown");
        let unknown = unknown.unwrap_or_else(|| panic!("{rule} without {action}"));
        let message = unknown["message"].as_str().unwrap_or_default();
        assert!(message.contains(action), "{rule}: {message}");
    }
}

#[test]
fn one_role_that_works_does_not_hide_another_that_does_not() {
    let report = judged(&world(&file("two-roles")), "");
    check(&report, &[("two", "plan-role-works", "non-compliant")]);
}

#[test]
fn a_table_that_may_be_exempt_is_neither_good_nor_bad() {
    let tier = "[[policy.tier]]\nname = \"scratch\"\nwhen = \"tag('scratch') = 'yes'\"\nexempt = true\nreason = \"r\"\napprover = \"a\"\nexpires = 2027-06-30\nmax-tables = 9\n";
    let report = judged(&world(""), tier);
    check(
        &report,
        &[
            ("orders", "deletion-protection-on", "compliant"),
            ("forgotten", "deletion-protection-on", "non-compliant"),
        ],
    );
    let report = judged(&world(&deny("tag:GetResources")), tier);
    check(
        &report,
        &[
            ("orders", "deletion-protection-on", "unknown"),
            ("forgotten", "deletion-protection-on", "unknown"),
        ],
    );
}

#[test]
fn a_waiver_for_nobody_knows_how_many_tables_waives_nothing() {
    let waivers = waiver("deletion-protection-on", "*", "bob", "2027-01-31", 5);
    let denied = deny("dynamodb:ListTables") + "region = \"eu-central-1\"\n";
    for (fault, wanted) in [("", "compliant"), (&*denied, "unknown")] {
        let bench = Bench::new(&two_regions(fault));
        bench.write("waivers.toml", &waivers);
        let (ran, report) = bench.scan("out", &["--format", "json", "--waivers", "waivers.toml"]);
        assert!([0, 10, 11].contains(&ran.code), "{}", ran.stderr);
        let findings = report["findings"].as_array().expect("findings");
        let of = |rule: &str| {
            findings
                .iter()
                .find(|finding| finding["rule"] == rule)
                .expect("a finding")
        };
        assert_eq!(of("waiver-within-max-tables")["verdict"], wanted, "{fault}");
        let waived = findings.iter().filter(|finding| finding["waived"] == true).count();
        assert_eq!(waived > 0, fault.is_empty(), "{fault}");
    }
}

#[test]
fn a_restore_testing_plan_that_finds_no_point_tests_nothing() {
    let testing = |more: &str| {
        format!(
            "[[restore-testing-plan]]\n{HERE}name = \"weekly\"\n{more}\n[[restore-testing-plan.selection]]\nname = \"all\"\n"
        )
    };
    let stale = event("4d", "do = \"skip-runs\"\nplan = \"daily\"\nuntil = \"0d\"");
    for (what, more, wanted) in [
        ("every vault", testing(""), "compliant"),
        (
            "snapshots beside others",
            testing("point-types = [\"CONTINUOUS\", \"SNAPSHOT\"]"),
            "compliant",
        ),
        (
            "continuous backups only",
            testing("point-types = [\"CONTINUOUS\"]"),
            "non-compliant",
        ),
        (
            "another vault",
            testing("include-vaults = [\"arn:aws:backup:eu-west-1:111122223333:backup-vault:other\"]"),
            "non-compliant",
        ),
        (
            "a vault left out",
            testing("exclude-vaults = [\"arn:aws:backup:*:backup-vault:Def*\"]"),
            "non-compliant",
        ),
        (
            "points too old",
            format!("{stale}{}", testing("window-days = 2")),
            "non-compliant",
        ),
        (
            "points just young enough",
            format!("{stale}{}", testing("window-days = 6")),
            "compliant",
        ),
    ] {
        let report = judged(&world(&more), "");
        assert_eq!(verdict(&report, "orders", "restore-testing-planned"), wanted, "{what}");
    }
}
