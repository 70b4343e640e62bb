//! What AWS does and a tidy simulation would not: jobs that start when they like, texts that nobody knows, members that are left
//! out, rows that come twice. `docs/semantics.md` has the list, each with its test.

use serde_json::Value;

use crate::common::worlds::{HERE, event, with, world};
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
        let seconds = row["longest_gap"]["seconds"].as_f64().expect("a number");
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
