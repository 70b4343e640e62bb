//! Fixing gaps and delivering reports, end to end.

use serde_json::Value;

use crate::common::worlds::{HERE, thawed, world};
use crate::common::{Bench, json_file, permitted, refused, run, table_row, verdict};

/// A plan for what one rule finds: what other rules lead to is not these tests' affair.
const PLAN: [&str; 8] = [
    "remediate",
    "plan",
    "--from",
    "before/inventory",
    "--rules",
    "recovery-point-fresh",
    "--to",
    "plan.json",
];

const FORGOTTEN: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/forgotten";

/// The digest that a plan file has to carry.
fn digest(plan: &Value) -> String {
    let mut plan = plan.clone();
    plan.as_object_mut().expect("a plan").shift_remove("sha256");
    let digest = ring::digest::digest(&ring::digest::SHA256, plan.to_string().as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Changes a plan file as somebody does who knows how its digest is made.
pub fn rewrite(bench: &Bench, change: impl FnOnce(&mut Value)) {
    let mut plan = plan(bench);
    change(&mut plan);
    plan["sha256"] = digest(&plan).into();
    bench.write("plan.json", plan.to_string());
}

fn plan(bench: &Bench) -> Value {
    json_file(&bench.path("plan.json"))
}

fn bench() -> Bench {
    Bench::new(&thawed("[jobs]\nbackup-seconds = 1\n"))
}

#[test]
fn a_gap_is_planned_applied_verified_and_gone() {
    let bench = bench();
    bench.scan("before", &["--format", "json"]);
    let settings = "[remediation]\ncold-after = \"7d\"\ndelete-after = \"97d\"\n";
    bench.write("backproof.toml", settings);
    let ran = bench.run(&PLAN);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let proposed = plan(&bench);
    let actions = proposed["actions"].as_array().expect("actions");
    assert_eq!(actions.len(), 1);
    assert_eq!(actions[0]["do"]["table_arn"], FORGOTTEN);
    assert_eq!(
        (
            &actions[0]["do"]["cold_after_days"],
            &actions[0]["do"]["delete_after_days"]
        ),
        (&Value::from(7), &Value::from(97))
    );

    let ran = bench.run(&["remediate", "verify", "plan.json"]);
    assert_eq!(ran.code, 10, "{}{}", ran.stdout, ran.stderr);

    let before = bench.sandbox.calls();
    let ran = bench.run(&["remediate", "apply", "plan.json", "--dry-run"]);
    assert_eq!(ran.code, 0);
    assert_eq!(bench.sandbox.calls(), before, "a dry run asks AWS nothing");

    let ran = bench.run(&[
        "remediate",
        "apply",
        "plan.json",
        "--yes",
        "--wait",
        "--poll-interval",
        "1s",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(bench.sandbox.calls().get("backup:StartBackupJob"), Some(&1));

    // Again: the journal says that it is done.
    let ran = bench.run(&[
        "remediate",
        "apply",
        "plan.json",
        "--yes",
        "--wait",
        "--poll-interval",
        "1s",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("forgotten: started before as "), "{}", ran.stderr);
    assert_eq!(bench.sandbox.calls().get("backup:StartBackupJob"), Some(&1));

    // Without the journal: AWS's own idempotency keeps it at one job.
    std::fs::remove_file(bench.path("plan.journal.jsonl")).expect("a journal");
    bench.run(&["remediate", "apply", "plan.json", "--yes"]);
    let ran = bench.run(&["remediate", "verify", "plan.json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let (_, report) = bench.scan("after", &["--format", "json"]);
    assert_eq!(verdict(&report, "forgotten", "recovery-point-fresh"), "compliant");
    let row = table_row(&report, "forgotten");
    assert_eq!(row["facts"]["usable_recovery_point_count"], 1);
    assert_eq!(row["facts"]["shortest_retention_days"], 97);
}

/// What AWS answered is for nobody else on the machine, and is not put where somebody may have put a folder before.
#[cfg(unix)]
#[test]
fn what_a_plan_reads_afresh_lies_in_a_private_folder_until_it_is_made() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Stdio;

    use crate::common::{PROGRAM, in_folder};

    let bench = Bench::new(&world(""));
    bench.fault(r#"{"latency-ms": 30}"#);
    // The shell makes a folder by the process id, and becomes the program.
    let script = r#"mkdir "$TMPDIR/backproof-$$" && exec "$0" remediate plan --rules recovery-point-fresh"#;
    let mut child = in_folder("sh", bench.dir.path(), &bench.sandbox.environment())
        .args(["-c", script, PROGRAM])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the shell starts");
    let partial = || {
        let mut entries = std::fs::read_dir(bench.dir.path()).expect("a folder").flatten();
        entries.find(|entry| entry.file_name().to_string_lossy().starts_with(".partial-backproof-"))
    };
    let folder = loop {
        if let Some(folder) = partial() {
            break folder;
        }
        assert!(
            child.try_wait().expect("a child").is_none(),
            "it ended without a folder"
        );
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    let mode = folder.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let put_before = bench.path(&format!("backproof-{}", child.id()));
    assert!(child.wait().expect("it ended").success());
    assert!(partial().is_none(), "it is left behind");
    assert!(std::fs::read_dir(put_before).expect("it stays").next().is_none());
    assert_eq!(
        json_file(&bench.path("remediation-plan.json"))["actions"][0]["do"]["table_arn"],
        FORGOTTEN
    );
}

#[test]
fn a_table_that_was_created_again_stops_the_plan() {
    let bench = bench();
    bench.scan("before", &["--format", "json"]);
    bench.run(&PLAN);
    rewrite(&bench, |plan| {
        plan["actions"][0]["do"]["table_id"] = "11111111-1111-4111-8111-111111111111".into();
    });
    let ran = bench.run(&["remediate", "apply", "plan.json", "--yes"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("the remediation plan no longer matches AWS"),
        "{}",
        ran.stderr
    );
    assert_eq!(bench.sandbox.calls().get("backup:StartBackupJob"), None);
}

#[test]
fn a_plan_of_another_version_or_with_a_kind_that_nobody_knows_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let apply = |version: u32, actions: &str| {
        let head = r#""scan_id": "s", "as_of": "2026-11-01T12:00:00Z""#;
        let plan = format!(r#"{{"schema_version": {version}, {head}, "actions": [{actions}], "blocked": []}}"#);
        std::fs::write(dir.path().join("plan.json"), plan).expect("written");
        run(dir.path(), &[], &["remediate", "apply", "plan.json", "--yes"])
    };
    // Version 2 had one kind of action, and no word for it.
    refused(
        &apply(2, r#"{"table_name": "forgotten"}"#),
        2,
        &[
            "could not read the remediation plan",
            "it has version 2; this program reads 6",
            "hint: make a new plan with `remediate plan`, and review it",
        ],
    );
    for (action, why) in [
        (
            r#"{"do": {"kind": "pray"}}"#,
            "action 1 is of the kind `pray`; this program knows ",
        ),
        (
            r#"{"table_name": "forgotten"}"#,
            "action 1 does not say of what kind it is",
        ),
    ] {
        refused(
            &apply(6, action),
            2,
            &["could not read the remediation plan", why, "nothing was changed"],
        );
    }
}

/// One identity: there is no second name that could differ from the ARN, and whatever was changed by hand shows.
#[test]
fn a_plan_that_was_changed_after_its_review_is_refused() {
    let bench = bench();
    bench.scan("before", &["--format", "json"]);
    bench.run(&PLAN);
    let made = plan(&bench);
    assert_eq!(made["sha256"], digest(&made).as_str());
    let apply = || bench.run(&["remediate", "apply", "plan.json", "--yes"]);
    let text = std::fs::read_to_string(bench.path("plan.json")).expect("a plan");
    bench.write("plan.json", text.replace("table/forgotten", "table/orders"));
    refused(
        &apply(),
        2,
        &[
            "it was changed since it was made",
            "nothing was changed",
            "make a new plan",
        ],
    );
    // Blanks are no change.
    bench.write("plan.json", made.to_string());
    assert_eq!(bench.run(&["remediate", "apply", "plan.json", "--dry-run"]).code, 0);
    rewrite(&bench, |plan| plan["actions"][0]["do"]["table_name"] = "orders".into());
    refused(&apply(), 2, &["unknown field `table_name`"]);
    rewrite(&bench, |plan| {
        let deed = plan["actions"][0]["do"].as_object_mut().expect("what to do");
        deed.shift_remove("table_name");
        deed["table_arn"] = "arn:aws:dynamodb:eu-west-1:1:table/forgotten".into();
    });
    refused(&apply(), 2, &["is not in account 111122223333, eu-west-1"]);
    assert_eq!(bench.sandbox.calls().get("backup:StartBackupJob"), None);
}

/// A crash tears the last line: what it was to say is asked again, with the same token, and AWS begins nothing twice.
#[test]
fn a_torn_journal_goes_on_and_one_that_cannot_be_read_stops() {
    let bench = bench();
    bench.scan("before", &["--format", "json"]);
    bench.run(&PLAN);
    let apply = || bench.run(&["remediate", "apply", "plan.json", "--yes"]);
    let ran = apply();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let path = bench.path("plan.journal.jsonl");
    let whole = std::fs::read_to_string(&path).expect("a journal");
    let job = |line: &str| serde_json::from_str::<Value>(line).expect("a step")["job_id"].clone();
    let first = job(whole.lines().last().expect("a line"));
    for cut in [whole.len() - 1, whole.len() - 20, whole.find('\n').expect("a line") + 2] {
        std::fs::write(&path, &whole[..cut]).expect("written");
        let ran = apply();
        assert_eq!(ran.code, 0, "cut at {cut}: {}", ran.stderr);
        let text = std::fs::read_to_string(&path).expect("a journal");
        assert!(
            text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()),
            "{text}"
        );
        assert_eq!(
            job(text.lines().last().expect("a line")),
            first,
            "another job, cut at {cut}"
        );
        let ran = apply();
        assert!(ran.stderr.contains("started before as"), "cut at {cut}: {}", ran.stderr);
    }
    std::fs::write(&path, b"\xff\xff\n").expect("written");
    let calls = bench.sandbox.calls().get("backup:StartBackupJob").copied();
    refused(&apply(), 1, &["could not use the journal", "nothing was changed"]);
    assert_eq!(bench.sandbox.calls().get("backup:StartBackupJob").copied(), calls);
}

/// The journal is a file like any other: what it says of a job counts once AWS says the same.
#[test]
fn a_job_of_the_journal_counts_only_if_aws_says_that_it_is_the_action_s() {
    let bench = bench();
    let by_hand = |table: &str| {
        let ran = bench.run(&["backup", table, "--vault", "Default", "--wait", "--poll-interval", "1s"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let (_, job) = ran.stdout.trim_end().split_once('\t').expect("a job");
        job.to_owned()
    };
    bench.scan("before", &["--format", "json"]);
    bench.run(&PLAN);
    let other = by_hand("orders");
    let own = by_hand("forgotten");
    let action = plan(&bench)["actions"][0].clone();
    let journal = |job: &str, arn: &str| {
        let step = serde_json::json!({"at": "2026-11-01T12:00:00Z", "action": action["id"],
            "resource": arn, "step": "started", "job_id": job, "made": null, "why": null});
        bench.write("j.jsonl", format!("{step}\n"));
    };
    let started = || bench.sandbox.calls().get("backup:StartBackupJob").copied();
    let before = started();
    let apply = ["remediate", "apply", "plan.json", "--yes", "--journal", "j.jsonl"];
    let ways: [&[&str]; 2] = [&[], &["--wait", "--poll-interval", "1s"]];
    let later = plan(&bench)["as_of"].clone();
    for more in ways {
        let apply = || bench.run(&[&apply, more].concat());
        journal(&own, FORGOTTEN);
        let ran = apply();
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains("forgotten: started before as "), "{}", ran.stderr);

        for (job, why) in [
            (other.as_str(), "it is a job of `"),
            ("no-such-job", "not known to be its own"),
        ] {
            journal(job, FORGOTTEN);
            let ran = apply();
            assert_eq!(ran.code, 1, "{}", ran.stderr);
            assert!(ran.stderr.contains(why), "{}", ran.stderr);
            assert!(
                ran.stderr
                    .contains("0 jobs started, 0 actions done, 0 refused, 1 of the journal not proven"),
                "{}",
                ran.stderr
            );
            assert!(!ran.stderr.contains("1 job completed"), "{}", ran.stderr);
        }

        // The plan of a scan that came after the job.
        rewrite(&bench, |plan| plan["as_of"] = "2100-01-01T00:00:00Z".into());
        journal(&own, FORGOTTEN);
        let ran = apply();
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("before the plan's scan"), "{}", ran.stderr);
        rewrite(&bench, |plan| plan["as_of"] = later.clone());

        for (job, arn) in [
            ("", FORGOTTEN),
            (own.as_str(), "arn:aws:dynamodb:eu-west-1:111122223333:table/other"),
        ] {
            journal(job, arn);
            refused(
                &apply(),
                1,
                &["could not use the journal", "line 1: ", "nothing was changed"],
            );
        }
    }
    assert_eq!(started(), before, "nothing was started");
}

#[cfg(unix)]
#[test]
fn a_plan_that_never_ends_is_refused_at_once() {
    let bench = bench();
    let made = std::process::Command::new("mkfifo").arg(bench.path("pipe")).status();
    assert!(made.expect("mkfifo").success());
    for name in ["pipe", "/dev/zero"] {
        let ran = bench.run(&["remediate", "apply", name, "--dry-run"]);
        refused(
            &ran,
            2,
            &["could not read the remediation plan", "it is not a plain file"],
        );
    }
    let file = std::fs::File::create(bench.path("large")).expect("made");
    file.set_len(1 << 40).expect("made longer");
    let ran = bench.run(&["remediate", "apply", "large", "--dry-run"]);
    refused(&ran, 2, &["could not read the remediation plan", "at most"]);
}

/// Without `--from` a plan reads AWS itself: what is printed allows all that it calls.
#[test]
fn the_printed_permissions_are_enough_for_a_plan_without_an_inventory() {
    let bench = bench();
    let ran = bench.run(&["remediate", "plan", "--to", "plan.json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let printed = permitted(&bench.run(&["explain", "permissions", "--command", "remediate"]));
    let printed: Vec<String> = printed.into_iter().flatten().collect();
    let missing: Vec<String> = bench
        .sandbox
        .calls()
        .into_keys()
        .filter(|call| !printed.contains(call))
        .collect();
    assert!(missing.is_empty(), "called and not printed: {missing:?}");
}

#[test]
fn a_backup_by_hand_follows_its_job() {
    let bench = bench();
    let hand = [
        "backup",
        "forgotten",
        "--vault",
        "Default",
        "--cold-after",
        "7d",
        "--delete-after",
        "97d",
        "--wait",
        "--poll-interval",
        "1s",
    ];
    let ran = bench.run(&hand);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("1 job completed"), "{}", ran.stderr);
    let ran = bench.run(&["backup", "forgotten", "--vault", "no-such-vault"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("could not start the backup of `forgotten`"),
        "{}",
        ran.stderr
    );
}

#[test]
fn delivery_to_s3_reads_back_and_never_overwrites() {
    let bench = Bench::new(&world(&format!("[[bucket]]\n{HERE}name = \"evidence\"\n")));
    let ran = bench.run(&["scan", "--to", "s3://evidence/2026/11", "--format", "csv,json"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("delivered s3://evidence/2026/11/manifest.json (sha256 "),
        "{}",
        ran.stderr
    );
    let kept: Vec<_> = std::fs::read_dir(bench.path("backproof-report"))
        .expect("a folder")
        .collect();
    assert_eq!(kept.len(), 1);

    std::thread::sleep(std::time::Duration::from_millis(1100));
    let ran = bench.run(&["scan", "--to", "s3://evidence/2026/11", "--format", "csv,json"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("PreconditionFailed from s3:PutObject"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("the report is complete at backproof-report/"),
        "{}",
        ran.stderr
    );

    let ran = bench.run(&["scan", "--to", "s3://no-such-bucket/x"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("could not use the bucket `no-such-bucket`"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("nothing was scanned"), "{}", ran.stderr);
}
