//! What AWS does and a tidy simulation would not: jobs that start when they like, texts that nobody knows, members that are left
//! out, rows that come twice. `docs/semantics.md` has the list, each with its test.

use serde_json::Value;

use crate::common::worlds::{HERE, event, table, two_regions, with, with_copies, world};
use crate::common::{Bench, fact, finding, verdict};

/// Jobs start anew at every run at some moment of eight hours, and are dated as their points are.
fn at_random(more: &str) -> String {
    let wide = with(&world(more), "start-window-minutes = 60", "start-window-minutes = 480");
    format!("seed = 7\n{wide}\n[jobs]\nrandom-starts = true\n")
}

fn judged(world: &str) -> Value {
    let (ran, report) = Bench::new(world).scan("out", &["--format", "json"]);
    assert!([10, 11].contains(&ran.code), "{}", ran.stderr);
    report
}

fn plan_verdict<'r>(report: &'r Value, plan: &str, rule: &str) -> (&'r str, &'r str) {
    let found = finding(report, plan, rule);
    let text = |name: &str| found[name].as_str().expect("a text");
    (text("verdict"), text("message"))
}

#[test]
fn a_run_and_its_point_count_once() {
    let late = format!("[[table]]\n{HERE}name = \"late\"\ntags = {{ backup = \"daily\" }}\ncreated-days-ago = 20\n");
    let bench = Bench::new(&at_random(&late));
    bench.write("backproof.toml", "[policy]\nrpo = \"24h\"\n");
    let (_, report) = bench.scan("out", &["--format", "json"]);
    let attested = bench.run(&[
        "attest",
        "--from",
        "2026-10-01",
        "--to",
        "2026-11-01",
        "--pack",
        "out",
        "--format",
        "json",
        "--out",
        "-",
    ]);
    let attestation = attested.json();
    for name in ["late", "orders"] {
        // What really happened: the dates of the points themselves, which are all still there.
        let longest = fact(&report, name, "longest_gap_hours")
            .as_f64()
            .expect("known to the second");
        assert!((25.0..32.0).contains(&longest), "{name}: {longest}");
        assert_eq!(fact(&report, name, "longest_gap_hours_seen"), longest);
        assert_eq!(fact(&report, name, "longest_gap_hours_sure"), longest);
        assert_eq!(verdict(&report, name, "recovery-point-gap-within-rpo"), "non-compliant");
        let rows = attestation["tables"].as_array().expect("tables");
        let row = rows.iter().find(|row| row["table_name"] == name).expect("a row");
        assert_eq!(row["verdict"], "exposed");
        let seconds = row["longest_gap"]["at_least"].as_f64().expect("a number");
        assert!(
            (longest * 3600.0 - seconds).abs() < 1.0,
            "{name}: {longest} h and {seconds} s"
        );
    }
    // The table is 20 days old, and it is noon of 1 November.
    let (born, now) = (1_791_806_400.0, 1_793_534_400.0);
    let dates: Vec<f64> = [born].into_iter().chain(points(&bench, "late")).chain([now]).collect();
    let longest = dates.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    let found = fact(&report, "late", "longest_gap_hours").as_f64().expect("a number");
    assert!((found * 3600.0 - longest).abs() < 1.0, "{found} h and {longest} s");
}

/// The creation of every point of a table in the vault `Default`, in seconds and in order, as AWS tells it.
fn points(bench: &Bench, table: &str) -> Vec<f64> {
    let request = "GET /backup-vaults/Default/recovery-points/?maxResults=1000";
    let answer = crate::common::aws::backup(bench, request, &Value::Null);
    let rows = answer["RecoveryPoints"].as_array().expect("points").iter();
    let ours = rows.filter(|row| {
        row["ResourceArn"]
            .as_str()
            .is_some_and(|arn| arn.ends_with(&format!("/{table}")))
    });
    let mut dates: Vec<f64> = ours.map(|row| row["CreationDate"].as_f64().expect("a date")).collect();
    dates.sort_by(f64::total_cmp);
    dates
}

#[test]
fn the_category_of_a_failed_job_says_whether_the_role_works() {
    let failing = |words: &str| {
        let world = event("60d", &format!("do = \"fail-jobs\"\ntable = \"orders\"\n{words}"));
        let report = judged(&self::world(&world));
        let (verdict, message) = plan_verdict(&report, "daily", "plan-role-works");
        (verdict.to_owned(), message.to_owned())
    };
    let privileges = "message = \"Insufficient privileges to perform this action.\"\ncategory = \"AccessDenied\"";
    let (found, message) = failing(privileges);
    assert_eq!(found, "non-compliant");
    assert!(
        message.contains("Insufficient privileges to perform this action."),
        "{message}"
    );
    assert_eq!(
        failing("message = \"no\"\ncategory = \"AccessDenied\"").0,
        "non-compliant"
    );
    assert_eq!(
        failing("message = \"Something new.\"\ncategory = \"SomethingNew\"").0,
        "unknown"
    );
    let range = "message = \"Backup job failed because the lifecycle is outside the valid range for backup vault.\"\ncategory = \"InvalidParameters\"";
    assert_eq!(failing(range).0, "compliant");
}

#[test]
fn a_job_of_a_plan_proves_that_the_plan_takes_the_table() {
    let world = format!(
        "{}[[table]]\n{HERE}name = \"secret\"\ntags = {{ dataType = \"RED\" }}\ncreated-days-ago = 100\n\
         [[plan]]\n{HERE}name = \"of-the-organization\"\nid = \"orgs/544033d1-b19c-3f2a-9c20-40bcfa82ca68\"\n\
         [[plan.rule]]\nname = \"d\"\nvault = \"Nowhere\"\ndelete-after-days = 35\n\
         [[plan.selection]]\nname = \"s\"\ntags = [{{ key = \"dataType\", value = \"PII\" }}, {{ key = \"dataType\", value = \"RED\" }}]\n",
        world("")
    );
    let bench = Bench::new(&world);
    let (_, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(verdict(&report, "secret", "in-a-plan"), "compliant");
    let message = finding(&report, "secret", "in-a-plan")["message"]
        .as_str()
        .expect("a text");
    assert!(
        message.contains("proved by the backup job that plan `of-the-organization` started for it"),
        "{message}"
    );
    let (missing, message) = plan_verdict(&report, "of-the-organization", "plan-vaults-exist");
    assert_eq!(missing, "non-compliant");
    assert!(message.contains("Nowhere"), "{message}");
    assert_eq!(
        plan_verdict(&report, "of-the-organization", "plan-has-run").0,
        "compliant"
    );
    assert_eq!(verdict(&report, "secret", "backup-jobs-succeed"), "non-compliant");
    assert_eq!(verdict(&report, "secret", "backup-runs-not-missed"), "compliant");
    // Without its jobs nobody can tell.
    bench.fault("{\"deny\": \"backup:ListBackupJobs\"}");
    let (_, report) = bench.scan("blind", &["--format", "json"]);
    assert_eq!(verdict(&report, "secret", "in-a-plan"), "unknown");
    assert_eq!(
        plan_verdict(&report, "of-the-organization", "plan-vaults-exist").0,
        "unknown"
    );
}

#[test]
fn members_that_aws_may_leave_out_prove_nothing_by_their_absence() {
    let skipped = event("10d", "do = \"skip-runs\"\nplan = \"daily\"\nuntil = \"7d\"");
    let without = |omit: &str| judged(&format!("{}\n[answers]\nomit = [{omit}]\n", world(&skipped)));
    let whole = without("");
    assert_eq!(verdict(&whole, "orders", "backup-runs-not-missed"), "non-compliant");
    assert_eq!(fact(&whole, "orders", "missed_run_count"), 3);

    let report = without("\"LastExecutionDate\"");
    assert_eq!(plan_verdict(&report, "daily", "plan-has-run").0, "compliant");
    assert_eq!(plan_verdict(&report, "daily", "plan-role-works").0, "compliant");

    // Three runs started no job at all, whoever started the others.
    let report = without("\"CreatedBy\"");
    assert_eq!(verdict(&report, "orders", "backup-runs-not-missed"), "non-compliant");
    assert_eq!(fact(&report, "orders", "missed_run_count_sure"), 3);
    let report = judged(&format!("{}\n[answers]\nomit = [\"CreatedBy\"]\n", world("")));
    assert_eq!(verdict(&report, "orders", "backup-runs-not-missed"), "unknown");
}

/// A Deny of what AWS Config asks for, with what else the statement says.
fn guard(more: &str) -> String {
    format!(
        "policy = '''{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":[\"backup:DeleteRecoveryPoint\",\"backup:UpdateRecoveryPointLifecycle\",\"backup:PutBackupVaultAccessPolicy\"],\"Resource\":\"*\"{more}}}]}}'''\n"
    )
}

fn guarded(more: &str) -> String {
    let guard = guard(more);
    with(
        &world(""),
        "name = \"Default\"\n",
        &format!("name = \"Default\"\n{guard}"),
    )
}

#[test]
fn a_policy_that_can_be_deleted_denies_no_manual_deletion() {
    let report = judged(&guarded(""));
    let found = finding(&report, "Default", "vault-denies-manual-deletion");
    assert_eq!(found["verdict"], "non-compliant");
    for (field, text) in [
        ("message", "backup:DeleteBackupVaultAccessPolicy is not denied"),
        ("remedy", "`backup:DeleteBackupVaultAccessPolicy`"),
    ] {
        assert!(
            found[field].as_str().is_some_and(|found| found.contains(text)),
            "{found}"
        );
    }
    assert_eq!(verdict(&report, "orders", "manual-deletion-denied"), "non-compliant");
}

#[test]
fn what_is_unknown_names_its_reason_and_what_would_settle_it() {
    let mfa = guarded(",\"Condition\":{\"Bool\":{\"aws:MultiFactorAuthPresent\":\"false\"}}");
    let copied = with(
        &mfa,
        "delete-after-days = 35\n",
        "delete-after-days = 35\ncopy-to = [{ vault-arn = \"arn:aws:backup:eu-west-1:444455556666:backup-vault:central\", delete-after-days = 35 }]\n",
    );
    let central = "[[account]]\nid = \"444455556666\"\nregions = [\"eu-west-1\"]\n[[vault]]\naccount = \"444455556666\"\nregion = \"eu-west-1\"\nname = \"central\"\npolicy = '''{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:root\"},\"Action\":\"backup:CopyIntoBackupVault\",\"Resource\":\"*\"}]}'''\n[organization]\nmanagement-account = \"111122223333\"\n";
    let secret = format!(
        "[[table]]\n{HERE}name = \"secret\"\ntags = {{ dataType = \"RED\" }}\ncreated-days-ago = 100\n\
         [[plan]]\n{HERE}name = \"of-the-organization\"\nid = \"orgs/544033d1-b19c-3f2a-9c20-40bcfa82ca68\"\ncreated-days-ago = 0\n\
         [[plan.rule]]\nname = \"d\"\nvault = \"Default\"\ndelete-after-days = 35\n\
         [[plan.selection]]\nname = \"s\"\ntags = [{{ key = \"dataType\", value = \"RED\" }}]\n"
    );
    let bench = Bench::new(&format!("{copied}{central}{secret}"));
    bench.write("backproof.toml", "[policy]\ncopy-accounts = [\"444455556666\"]\n");
    let (_, report) = bench.scan("out", &["--format", "json", "--regions", "eu-west-1"]);
    let condition = "statement 1 depends on condition `Bool` on `aws:MultiFactorAuthPresent`";
    let exempting = "`aws:PrincipalArn`";
    for (subject, rule, texts) in [
        ("Default", "vault-denies-manual-deletion", [condition, exempting]),
        ("orders", "manual-deletion-denied", [condition, exempting]),
        (
            "orders",
            "cross-account-copy-exists",
            ["account 444455556666, eu-west-1, which is not in scope", "`accounts`"],
        ),
        ("secret", "in-a-plan", ["management account", "next run settles it"]),
        (
            "of-the-organization",
            "plan-vaults-exist",
            ["selection `s` may take table `secret`", "next run settles it"],
        ),
    ] {
        let found = finding(&report, subject, rule);
        assert_eq!(found["verdict"], "unknown", "{found}");
        let message = found["message"].as_str().expect("a text");
        for text in texts {
            assert!(message.contains(text), "{rule}: {message}");
        }
    }
    // No unknown finding is without a reason.
    let findings = report["findings"].as_array().expect("findings").iter();
    for found in findings.filter(|found| found["verdict"] == "unknown") {
        let message = found["message"].as_str().expect("a text");
        let has_reason = [
            "because",
            "which",
            "may take",
            "unknown if",
            "unknown as",
            "cannot be told",
            "settle",
        ];
        assert!(has_reason.iter().any(|word| message.contains(word)), "{found}");
    }
}

#[test]
fn an_unknown_that_cannot_decide_leaves_the_verdict_known() {
    // Whether the second plan takes the table is AWS's secret: its selection has a wildcard in the middle of the name.
    let perhaps = |days: u32, schedule: &str| {
        format!(
            "[[plan]]\n{HERE}name = \"perhaps\"\ncreated-days-ago = 0\n[[plan.rule]]\nname = \"p\"\nvault = \"Default\"\n\
             delete-after-days = {days}\nschedule = \"{schedule}\"\nstart-window-minutes = 60\n\
             [[plan.selection]]\nname = \"odd\"\nresources = [\"arn:aws:dynamodb:eu-west-1:111122223333:table/o*ers\"]\n"
        )
    };
    let judged = |more: &str, policy: &str| {
        let bench = Bench::new(&world(more));
        bench.write("backproof.toml", format!("[policy]\n{policy}\n"));
        bench.scan("out", &["--format", "json"]).1
    };
    let verdicts = |report: &Value| {
        let of = |rule: &str| verdict(report, "orders", rule).to_owned();
        [
            of("plan-retention-long-enough"),
            of("plan-frequent-enough"),
            of("plan-frequency-and-retention"),
        ]
    };
    // 35 days are promised for certain, 34 perhaps, and both are less than 90.
    let strict = "retention-min = \"90d\"\nrpo = \"6h\"";
    let weekly = "cron(0 17 ? * SUN *)";
    assert_eq!(verdicts(&judged(&perhaps(34, weekly), strict)), ["non-compliant"; 3]);
    assert_eq!(verdicts(&judged(&perhaps(365, weekly), strict))[0], "unknown");
    assert_eq!(verdicts(&judged(&perhaps(365, weekly), "")), ["compliant"; 3]);
    let often = judged(&perhaps(365, "cron(0 * ? * * *)"), strict);
    assert_eq!(verdicts(&often), ["unknown"; 3]);
}

/// A Region whose only table is in that state, and was active until so many days ago.
fn only(state: &str, since_days: Option<u32>) -> String {
    let since = since_days.map(|days| format!("status-since-days-ago = {days}\n"));
    let table = format!("name = \"orders\"\nstatus = \"{state}\"\n{}", since.unwrap_or_default());
    let (world, forgotten) = (with(&world(""), "name = \"orders\"\n", &table), "[[table]]\n");
    let cut = world.rfind(forgotten).expect("the forgotten table");
    world[..cut].to_owned()
}

/// Every state of DynamoDB's model, and a word that AWS has not thought of yet.
#[test]
fn no_table_leaves_the_population_by_its_state() {
    let (yes, no, open, out) = ("compliant", "non-compliant", "unknown", "not-applicable");
    let past = "the table is archived: no plan can back it up any more";
    let undated = "not known, because the table is in state ARCHIVED and AWS does not say since when";
    for (state, since, code, in_a_plan, fresh, said) in [
        ("ACTIVE", None, 0, yes, yes, ""),
        ("UPDATING", None, 0, yes, yes, ""),
        ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", Some(10), 10, yes, no, ""),
        ("REPLICATION_NOT_AUTHORIZED", Some(10), 10, yes, no, ""),
        ("ARCHIVING", Some(10), 10, yes, no, ""),
        ("ARCHIVED", Some(10), 0, out, yes, past),
        ("ARCHIVED", None, 11, open, open, undated),
        (
            "CREATING",
            None,
            0,
            out,
            out,
            "the table is being created (state CREATING)",
        ),
        (
            "DELETING",
            Some(1),
            0,
            out,
            out,
            "the table is being deleted (state DELETING)",
        ),
        (
            "THAWING",
            Some(1),
            11,
            open,
            open,
            "the table is in state THAWING, which this program does not know",
        ),
    ] {
        let rules = "in-a-plan,recovery-point-fresh,pitr-on";
        let bench = Bench::new(&only(state, since));
        let (ran, report) = bench.scan("out", &["--format", "json", "--rules", rules]);
        assert_eq!(ran.code, code, "{state}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(verdict(&report, "orders", "in-a-plan"), in_a_plan, "{state}");
        assert_eq!(verdict(&report, "orders", "recovery-point-fresh"), fresh, "{state}");
        let found = finding(&report, "orders", "in-a-plan");
        let message = found["message"].as_str().expect("a message");
        assert!(message.contains(said), "{state}: {message}");
        assert!(!ran.stderr.contains("nothing to prove"), "{state}: {}", ran.stderr);
    }
}

/// A lost key ends in an archived table, whose newest point grows older for ever: it was young enough when the table was
/// archived, or it was not.
#[test]
fn an_archived_table_is_as_well_backed_up_as_it_was_then() {
    let fresh = |state: &str, from: &str, to: &str| {
        let bench = Bench::new(&with(&only(state, Some(10)), from, to));
        bench.write("backproof.toml", "[policy]\nrpo = \"30h\"\n");
        let (_, report) = bench.scan("out", &["--format", "json"]);
        let of = |rule: &str| verdict(&report, "orders", rule).to_owned();
        let age = fact(&report, "orders", "newest_recovery_point_age_hours").as_f64();
        (of("recovery-point-fresh"), of("recovery-point-gap-within-rpo"), age)
    };
    let (newest, gaps, age) = fresh("ARCHIVED", "", "");
    // The points of the first days of its window are gone by now, and AWS has forgotten their jobs.
    assert_eq!((&*newest, &*gaps), ("compliant", "unknown"));
    assert!(age.is_some_and(|age| age < 25.0), "{age:?}");
    // Nobody had backed it up.
    let (newest, ..) = fresh("ARCHIVED", "value = \"daily\"", "value = \"hourly\"");
    assert_eq!(newest, "non-compliant");
    // While it can still be opened again it is as any other.
    let (newest, gaps, age) = fresh("ARCHIVING", "", "");
    assert_eq!((&*newest, &*gaps), ("non-compliant", "non-compliant"));
    assert!(age.is_some_and(|age| age > 200.0), "{age:?}");
}

/// AWS may add a word tomorrow: what it says of a point, a key or a vault is then neither good nor bad.
#[test]
fn a_word_that_nobody_knows_decides_nothing() {
    let of_points = [
        "recovery-point-fresh",
        "recovery-point-retained",
        "recovery-point-encrypted",
        "recovery-point-of-this-table",
        "vault-locked",
        "vault-key-usable",
        "not-only-pitr",
        "restore-tested",
    ];
    let of_key = ["vault-key-usable"];
    for (action, member, table_rules, vault_rules) in [
        (
            "backup:ListRecoveryPointsByBackupVault",
            "Status",
            &of_points[..],
            &[][..],
        ),
        ("kms:DescribeKey", "KeyState", &of_key[..], &["vault-key-works"][..]),
        (
            "backup:ListBackupVaults",
            "VaultType",
            &of_points[..],
            &["vault-key-works", "vault-denies-manual-deletion"][..],
        ),
    ] {
        let fault = format!(
            "[[fault]]\naction = \"{action}\"\nanswer = {{ member = \"{member}\", becomes = '\"THAWING\"' }}\n"
        );
        let bench = Bench::new(&world(&fault));
        let rules = [table_rules, vault_rules].concat().join(",");
        let (ran, report) = bench.scan("out", &["--format", "json", "--rules", &rules]);
        let findings = report["findings"].as_array().expect("findings");
        let of_orders = findings.iter().filter(|found| {
            let name = if found["resource_name"] == "vault" {
                "Default"
            } else {
                "orders"
            };
            found["resource_name"] == name
        });
        let known: Vec<_> = of_orders
            .filter(|found| !["unknown", "not-applicable"].contains(&found["verdict"].as_str().expect("a verdict")))
            .collect();
        assert!(known.is_empty(), "{member}: {known:#?}");
        assert!([10, 11].contains(&ran.code), "{member}: {}", ran.stderr);
    }
}

/// Which tables are judged does not follow from which rules run.
#[test]
fn restore_jobs_tell_awss_own_tables_from_others_whatever_is_asked() {
    let name = "awsbackup-restore-test-orders";
    let old = format!("[[table]]\n{HERE}name = \"{name}\"\ncreated-days-ago = 12\n");
    let bench = Bench::new(&world(&old));
    let fault = r#"{ "action": "backup:ListRestoreJobs", "answer": { "member": "RestoreJobs", "becomes": "REST" } }"#;
    let job = format!(
        r#"[{{"RestoreJobId":"r","AccountId":"111122223333","Status":"COMPLETED","CreatedResourceArn":"arn:aws:dynamodb:eu-west-1:111122223333:table/{name}","CreationDate":1792324800,"ResourceType":"DynamoDB"}}]"#
    );
    for rules in ["in-a-plan", "deletion-protection-on,restore-tested"] {
        let one = rules.split(',').next().expect("a rule");
        bench.no_faults();
        let (_, report) = bench.scan(&format!("judged {one}"), &["--format", "json", "--rules", rules]);
        assert_eq!(verdict(&report, name, one), "non-compliant", "{rules}");
        bench.fault(&fault.replace("REST", &job.replace('"', "\\\"")));
        let (ran, report) = bench.scan(&format!("set apart {one}"), &["--format", "json", "--rules", rules]);
        assert_eq!(verdict(&report, name, one), "not-applicable", "{rules}: {}", ran.stderr);
        bench.no_faults();
        bench.fault(r#"{ "deny": "backup:ListRestoreJobs" }"#);
        let (_, report) = bench.scan(&format!("open {one}"), &["--format", "json", "--rules", rules]);
        let found = finding(&report, name, one);
        assert_eq!(found["verdict"], "unknown", "{rules}");
        let message = found["message"].as_str().expect("a message");
        assert!(
            message.contains("the restore jobs or its age could not be read"),
            "{message}"
        );
    }
}

#[test]
fn neither_a_name_nor_a_tag_of_restore_tests_hides_a_table() {
    let table = |name: &str, days: u32, more: &str| {
        format!("[[table]]\n{HERE}name = \"{name}\"\ncreated-days-ago = {days}\n{more}\n")
    };
    let tables = [
        table(
            "payroll",
            200,
            "tags = { awsbackup-restore-test = \"x\", backup = \"daily\" }",
        ),
        table("awsbackup-restore-test-old", 200, ""),
        table("awsbackup-restore-test-new", 3, ""),
    ];
    let report = judged(&world(&tables.concat()));
    for name in ["payroll", "awsbackup-restore-test-old"] {
        assert_eq!(fact(&report, name, "is_restore_test"), false);
        assert_eq!(verdict(&report, name, "in-a-plan"), "non-compliant");
    }
    assert_eq!(fact(&report, "awsbackup-restore-test-new", "is_restore_test"), true);
    assert_eq!(
        verdict(&report, "awsbackup-restore-test-new", "in-a-plan"),
        "not-applicable"
    );
}

#[test]
fn an_own_rule_takes_no_shipped_rule_s_place_and_no_answer_from_nothing() {
    let bench = Bench::new(&world(""));
    let rule = |id: &str, compliant: &str| {
        std::fs::create_dir_all(bench.path("rules")).expect("created");
        let text = format!(
            "id = \"{id}\"\ntitle = \"t\"\nseverity = \"high\"\ncompliant = \"{compliant}\"\nmessage = \"m\"\nremedy = \"r\"\nrationale = \"r\"\n"
        );
        bench.write(&format!("rules/{id}.toml"), text);
    };
    rule("in-a-plan", "table_name LIKE '%'");
    let ran = bench.run(&["scan", "--to", "out", "--rules-dir", "rules"]);
    crate::common::refused(
        &ran,
        2,
        &[
            "`in-a-plan` is the id of a rule that comes with the program",
            "rules/in-a-plan.toml",
        ],
    );
    // Said in the settings, it stands in for the program's, and the report says so wherever it claims something.
    bench.write("backproof.toml", "[rules]\nreplaced = [\"in-a-plan\"]\n");
    let (ran, report) = bench.scan("replaced", &["--format", "json,markdown", "--rules-dir", "rules"]);
    assert_eq!(
        verdict(&report, "forgotten", "in-a-plan"),
        "compliant",
        "{}",
        ran.stderr
    );
    let page = std::fs::read_to_string(bench.path("replaced/summary.md")).expect("a report");
    assert!(page.contains("1 rule differs from that of backproof"), "{page}");
    assert!(page.contains("under the same id: in-a-plan"), "{page}");
    std::fs::remove_file(bench.path("rules/in-a-plan.toml")).expect("removed");
    let ran = bench.run(&["scan", "--to", "out", "--rules-dir", "rules"]);
    crate::common::refused(
        &ran,
        2,
        &[
            "there is no rule to replace `in-a-plan`",
            "there is no `in-a-plan.toml`",
        ],
    );
    std::fs::remove_file(bench.path("backproof.toml")).expect("removed");

    // Both tables have no overdue point: nothing by nothing, and something by nothing.
    rule("of-nothing", "overdue_point_count / overdue_point_count > 0.9");
    rule("without-end", "rpo_hours / overdue_point_count > 1");
    rule(
        "around",
        "(overdue_point_count + 9223372036854775807) + 9223372036854775807 < 0",
    );
    let (ran, report) = bench.scan("own", &["--format", "json", "--rules-dir", "rules"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    // The program's rules are judged beside them.
    assert_eq!(verdict(&report, "forgotten", "in-a-plan"), "non-compliant");
    assert_eq!(verdict(&report, "forgotten", "recovery-point-fresh"), "non-compliant");
    // `--rules` chooses among all of them.
    let (_, few) = bench.scan(
        "few",
        &["--format", "json", "--rules-dir", "rules", "--rules", "around,pitr-on"],
    );
    let findings = few["findings"].as_array().expect("findings").iter();
    let ids: std::collections::BTreeSet<&str> = findings.map(|found| found["rule"].as_str().expect("a rule")).collect();
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), ["around", "pitr-on"]);
    for (id, wanted) in [
        ("of-nothing", "unknown"),
        ("without-end", "unknown"),
        ("around", "non-compliant"),
    ] {
        assert_eq!(verdict(&report, "orders", id), wanted, "{id}");
    }
}

/// Every pack that a scan writes holds, and no two of its findings have one id.
fn holds(bench: &Bench, pack: &str, report: &Value) {
    let ran = bench.run(&["verify", pack]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let findings = report["findings"].as_array().expect("findings").iter();
    let mut ids: Vec<&str> = findings.map(|found| found["id"].as_str().expect("an id")).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "ids of findings are not distinct");
}

#[test]
fn a_row_that_comes_twice_counts_once() {
    let overdue = event("40d", "do = \"break-role\"");
    let of = |more: &str| {
        let bench = Bench::new(&at_random(&format!(
            "{overdue}{}{more}",
            crate::common::worlds::file("two-roles")
        )));
        let (_, report) = bench.scan("out", &["--format", "json"]);
        holds(&bench, "out", &report);
        report
    };
    let (once, twice) = (of(""), of("\n[answers]\nrepeat-rows = true\n"));
    assert!(
        fact(&once, "orders", "overdue_point_count")
            .as_i64()
            .is_some_and(|count| count > 0)
    );
    for report in [&once, &twice] {
        assert_eq!(report["tables"].as_array().map(Vec::len), Some(4));
    }
    assert_eq!(once["findings"], twice["findings"]);
    assert_eq!(once["tables"], twice["tables"]);
}

#[test]
fn a_job_that_has_not_begun_is_still_going_on() {
    let bench = Bench::new(&format!("{}\n[jobs]\ncreated-seconds = 3600\n", world("")));
    let ran = bench.run(&[
        "backup",
        "orders",
        "--region",
        "eu-west-1",
        "--wait",
        "--poll-interval",
        "1s",
        "--timeout",
        "2s",
    ]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr
            .contains("0 jobs completed, 1 job is still going on (CREATED)"),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_exemption_ends_within_a_year_and_says_how_many_or_exempts_nothing() {
    let bench = Bench::new(&world(""));
    let tier = |end: &str, more: &str| {
        bench.write(
            "backproof.toml",
            format!(
                "[[policy.tier]]\nname = \"scratch\"\nwhen = \"table_name = 'forgotten'\"\nexempt = true\nreason = \"r\"\napprover = \"a\"\nexpires = \"{end}\"\n{more}"
            ),
        );
        let name = format!("out-{end}{}", more.len());
        let (_, report) = bench.scan(&name, &["--format", "json"]);
        let of = |name: &str, rule: &str| verdict(&report, name, rule).to_owned();
        [
            of("scratch", "exemption-in-force"),
            of("scratch", "exemption-within-max-tables"),
            of("forgotten", "backed-up"),
        ]
    };
    assert_eq!(
        tier("2027-10-30", "max-tables = 1\n"),
        ["compliant", "compliant", "not-applicable"]
    );
    assert_eq!(
        tier("2027-11-30", "max-tables = 1\n"),
        ["non-compliant", "compliant", "non-compliant"]
    );
    assert_eq!(tier("2027-10-30", ""), ["compliant", "non-compliant", "non-compliant"]);
}

#[test]
fn tags_of_a_young_table_are_its_own_word() {
    let young = format!(
        "[[table]]\n{HERE}name = \"young\"\ntags = {{ backup = \"daily\" }}\ncreated-days-ago = 0\ntags-lag = true\n"
    );
    let bench = Bench::new(&world(&young));
    let (_, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(verdict(&report, "young", "in-a-plan"), "compliant");
    bench.fault("{\"deny\": \"dynamodb:ListTagsOfResource\"}");
    let (_, report) = bench.scan("denied", &["--format", "json"]);
    assert_eq!(verdict(&report, "young", "in-a-plan"), "unknown");
    assert_eq!(verdict(&report, "orders", "in-a-plan"), "compliant");
}

/// The tagging API hears of tags late. Where the absence of a tag would decide, the table is asked itself, however old it is.
#[test]
fn tags_whose_absence_decides_are_asked_of_the_table() {
    let lags = |name: &str, tags: &str| table(name, &format!("tags = {{ {tags} }}\ntags-lag = true"));
    let own = "[[plan]]\naccount = \"111122223333\"\nregion = \"eu-west-1\"\nname = \"most\"\n\
        [[plan.rule]]\nname = \"daily\"\nvault = \"Default\"\ndelete-after-days = 35\n\
        [[plan.selection]]\nname = \"all-but\"\nresources = [\"arn:aws:dynamodb:*:*:table/most-*\"]\n\
        conditions = { string-not-equals = [{ key = \"aws:ResourceTag/skip\", value = \"yes\" }] }\n";
    let world = world(&format!(
        "{own}{}{}{}",
        lags("late", "backup = \"daily\""),
        lags("most-skipped", "skip = \"yes\", team = \"a\""),
        lags("gold", "backup = \"daily\", tier = \"gold\""),
    ));
    let bench = Bench::new(&world);
    bench.write(
        "backproof.toml",
        "[[policy.tier]]\nname = \"gold\"\nwhen = \"tag('tier') = 'gold'\"\nretention-min = \"90d\"\n",
    );
    let judged = |name: &str| bench.scan(name, &["--format", "json"]).1;
    let report = judged("out");
    for (name, id, wanted) in [
        ("late", "in-a-plan", "compliant"),
        ("most-skipped", "in-a-plan", "non-compliant"),
        ("gold", "in-a-plan", "compliant"),
        ("gold", "backed-up", "non-compliant"),
        ("orders", "backed-up", "compliant"),
    ] {
        assert_eq!(verdict(&report, name, id), wanted, "{name} {id}");
    }
    bench.fault("{\"deny\": \"dynamodb:ListTagsOfResource\"}");
    let report = judged("denied");
    // What its plan made proves of `late` that the plan takes it.
    for (name, id, wanted) in [
        ("late", "in-a-plan", "compliant"),
        ("most-skipped", "in-a-plan", "unknown"),
        ("gold", "backed-up", "unknown"),
    ] {
        assert_eq!(verdict(&report, name, id), wanted, "{name} {id}");
    }
}

/// What is asked of tables themselves is bounded by those that lack a tag.
#[test]
fn a_table_that_has_the_tags_is_not_asked_for_them() {
    let bench = Bench::new(&world(""));
    bench.scan("out", &["--format", "json"]);
    let calls = bench.sandbox.calls();
    // `orders` has the tag that a selection asks for; `forgotten` lacks it.
    assert_eq!(calls.get("dynamodb:ListTagsOfResource").copied(), Some(1), "{calls:?}");
}

/// A restore test that runs is none that succeeded.
#[test]
fn a_restore_that_still_runs_is_no_success() {
    let test = event("10m", "do = \"restore-test\"\ntable = \"orders\"\nminutes = 20\n");
    let bench = Bench::new(&world(&test));
    let verdict_of = |name: &str| {
        let (_, report) = bench.scan(name, &["--format", "json"]);
        verdict(&report, "orders", "restore-test-succeeded").to_owned()
    };
    assert_eq!(verdict_of("runs"), "not-applicable");
    bench.control("POST /_sandbox/clock", "{\"advance-seconds\": 900}");
    assert_eq!(verdict_of("over"), "compliant");
}

/// Others use the account's rate up for a while: the scan waits, and knows as much as without.
#[test]
fn throttling_for_tens_of_seconds_hides_nothing() {
    let bench = Bench::new(&world(""));
    let (_, whole) = bench.scan("whole", &["--format", "json"]);
    bench.fault("{\"throttle-for\": 20, \"service\": \"backup\"}");
    let (_, report) = bench.scan("throttled", &["--format", "json"]);
    assert_eq!(report["findings"], whole["findings"]);
}

/// Whose clock is wrong is told to set it, not that the credentials are.
#[test]
fn an_expired_signature_is_told_as_a_wrong_clock() {
    let bench = Bench::new(&world(""));
    bench.fault("{\"clock-ahead-minutes\": 15}");
    let ran = bench.run(&["scan", "--to", "out"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    for text in ["Signature expired: ", "set this machine's clock"] {
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
    bench.no_faults();
    bench.fault("{\"clock-ahead-minutes\": 3}");
    let (ran, _) = bench.scan("near", &["--format", "json"]);
    assert_ne!(ran.code, 1, "{}", ran.stderr);
}

/// A point past its retention that AWS keeps counts as overdue; deleting it by hand is refused, so that nothing says it is gone.
#[test]
fn a_point_under_a_legal_hold_stays() {
    let bench = Bench::new(&world(&event("40d", "do = \"legal-hold\"\ntable = \"orders\"")));
    let (_, report) = bench.scan("out", &["--format", "json"]);
    let overdue = fact(&report, "orders", "overdue_point_count")
        .as_i64()
        .expect("a count");
    assert!(overdue > 0, "{overdue}");
    let (_, free) = Bench::new(&world("")).scan("out", &["--format", "json"]);
    assert_eq!(*fact(&free, "orders", "overdue_point_count"), 0);
    assert_eq!(verdict(&report, "orders", "backed-up"), "compliant");
}

/// A point that is being deleted is none that can be restored, nor one that was kept too long.
#[test]
fn a_point_that_is_being_deleted_counts_for_nothing() {
    let gone = event(
        "1m",
        "do = \"delete-recovery-points\"\ntable = \"orders\"\nolder-than = \"2d\"",
    );
    let slow = "\n[jobs]\ndelete-seconds = 300000\n";
    let count = |world: &str| {
        let (_, report) = Bench::new(world).scan("out", &["--format", "json"]);
        let count = |name: &str| fact(&report, "orders", name).as_i64().expect("a count");
        (count("usable_recovery_point_count"), count("overdue_point_count"))
    };
    assert_eq!(count(&world(slow)), count(&world("")));
    assert!(count(&world(&gone)).0 < 3);
}

/// Each replica of a global table is a table of its own, with points of its own or none.
#[test]
fn a_replica_is_backed_up_by_none_but_itself() {
    let global = |region: &str, other: &str, more: &str| {
        format!(
            "[[table]]\naccount = \"111122223333\"\nregion = \"{region}\"\nname = \"global\"\n\
             replicas = [\"{other}\"]\n{more}\n"
        )
    };
    let here = global("eu-west-1", "eu-central-1", "tags = { backup = \"daily\" }");
    let there = global("eu-central-1", "eu-west-1", "");
    let (_, report) = Bench::new(&two_regions(&(here + &there))).scan("out", &["--format", "json"]);
    let mut found: Vec<(&str, &str, i64)> = Vec::new();
    for table in report["tables"].as_array().expect("tables") {
        if table["table_name"] == "global" {
            let text = |name: &str| table[name].as_str().expect("a text");
            found.push((
                text("region"),
                text("verdict"),
                table["facts"]["replica_count"].as_i64().unwrap_or(-1),
            ));
        }
    }
    found.sort_unstable();
    assert_eq!(
        found,
        [("eu-central-1", "non-compliant", 1), ("eu-west-1", "compliant", 1)]
    );
}

/// A copy that has not begun is as little a copy as one that is on its way, and as little a failure.
#[test]
fn a_copy_that_waits_is_one_on_its_way() {
    let judged = |jobs: &str| {
        let world = with_copies(&two_regions(&format!("[jobs]\n{jobs}\n")));
        Bench::new(&world).scan("out", &["--format", "json"]).1
    };
    let (waits, runs) = (judged("copy-created-seconds = 36000"), judged("copy-seconds = 36005"));
    let verdicts = |report: &Value| -> Vec<String> {
        let findings = report["findings"].as_array().expect("findings").iter();
        findings
            .map(|found| format!("{} {} {}", found["rule"], found["resource_name"], found["verdict"]))
            .collect()
    };
    assert_eq!(verdicts(&waits), verdicts(&runs));
    assert_eq!(
        verdict(&waits, "orders", "copy-jobs-succeed"),
        verdict(&runs, "orders", "copy-jobs-succeed")
    );
}
