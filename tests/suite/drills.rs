//! The evidence of restore drills: packs that verify with stock tools, forged ones, and what a scan makes of them.

use std::path::Path;
use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::common::drills::{Drilled, TABLES, sign, skewed};
use crate::common::evidence::{copy, key};
use crate::common::worlds::{deny, event, file, thawed, with, world};
use crate::common::{Bench, Ran, fact, json_file, run, verdict};

/// The instant of the small world.
fn now() -> DateTime<Utc> {
    "2026-11-01T12:00:00Z".parse().expect("an instant")
}

/// When the tables of the small world were made.
fn born() -> Value {
    json!("2026-01-05T12:00:00Z")
}

fn days_ago(days: i64) -> DateTime<Utc> {
    now() - TimeDelta::days(days)
}

fn orders() -> String {
    format!("{TABLES}/orders")
}

/// A drill of `orders` so many days ago that brought everything back.
fn good(run: &str, days: i64) -> Drilled {
    Drilled::new(run, days_ago(days)).with(&orders(), &born())
}

fn verify(bench: &Bench, dir: &Path, more: &[&str]) -> Ran {
    let dir = dir.display().to_string();
    run(bench.dir.path(), &[], &[&["verify", &dir], more].concat())
}

#[test]
fn a_drill_verifies_offline_with_stock_tools_alone() {
    let bench = Bench::new(&world(""));
    let (_, allowed) = key(&bench, 1);
    let dir = good("r1", 3)
        .with(&format!("{TABLES}/forgotten"), &born())
        .signed(&bench, "drill", 1);
    let stock = |program: &str, args: &[&str], stdin: Option<&str>| {
        let mut command = Command::new(program);
        command.args(args).current_dir(&dir);
        if let Some(name) = stdin {
            command.stdin(std::fs::File::open(dir.join(name)).expect("a file"));
        }
        let ran = command.output().expect("it is installed");
        assert!(
            ran.status.success(),
            "{program}: {}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
        String::from_utf8_lossy(&ran.stdout).into_owned()
    };
    let sums = stock("sha256sum", &["-c", "SHA256SUMS"], None);
    for name in [
        "drill.json",
        "plan.json",
        "journal.jsonl",
        "report.html",
        "report.pdf",
        "manifest.json",
    ] {
        assert!(sums.contains(&format!("{name}: OK")), "{sums}");
    }
    let signed = [
        "-Y",
        "verify",
        "-f",
        &allowed,
        "-I",
        "audit@example.com",
        "-n",
        "backproof",
        "-s",
        "manifest.json.sig",
    ];
    assert!(stock("ssh-keygen", &signed, Some("manifest.json")).starts_with("Good \"backproof\" signature"));

    let ran = verify(&bench, &dir, &["--allowed-signers", &allowed]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for text in [
        "ok: the verdicts of 2 drills follow from drill.json, and its times are in order",
        "ok: written again, these are the same byte for byte: report.html, report.pdf",
        "trusted as audit@example.com",
        "drill 1: arn:aws:dynamodb:eu-west-1:111122223333:table/orders, identical",
        "the evidence holds: drill r1 of ",
        "it says what was restored, not that tables are backed up",
    ] {
        assert!(ran.stdout.contains(text), "`{text}` is not in: {}", ran.stdout);
    }
    let manifest = json_file(&dir.join("manifest.json"));
    assert_eq!(manifest["kind"], "drill");
    assert_eq!(manifest["verdicts"], json!({ "identical": 2 }));
}

#[test]
fn the_pdf_has_at_most_three_pages_however_many_drills_there_are() {
    let bench = Bench::new(&world(""));
    for (drills, most) in [(1, 1), (6, 3), (40, 3)] {
        let mut many = Drilled::new("many", days_ago(3));
        for number in 0..drills {
            many = many.with(&format!("{TABLES}/table-{number}"), &born());
        }
        let dir = bench.path(&format!("drill-{drills}"));
        many.different(1).seal(&dir);
        let pdf = lopdf::Document::load(dir.join("report.pdf")).expect("a document");
        assert!(pdf.get_pages().len() <= most, "{drills}: {}", pdf.get_pages().len());
        let page = std::fs::read_to_string(dir.join("report.html")).expect("a page");
        for text in [
            "did not bring back what it had to",
            "restored, and not what the point had to hold",
            "20 min from the order to the last index ACTIVE, within the RTO of 1 h",
            "DescribeTable says ResourceNotFoundException",
            "Set again after a real restore",
        ] {
            assert!(page.contains(text), "`{text}` is not in the page");
        }
        assert!(!page.contains("<script"), "it has no script");
    }
}

/// What a forger did, and what `verify` says.
type Forgery = (&'static str, fn(&Path, &Drilled) -> Drilled, &'static str);

fn as_is(drilled: &Drilled) -> Drilled {
    let mut same = Drilled::new("r1", days_ago(3));
    same.record = drilled.record.clone();
    same
}

const FORGERIES: &[Forgery] = &[
    (
        "a verdict edited",
        |_, drilled| {
            as_is(drilled)
                .different(1)
                .change(1, |drill| drill["verdict"] = json!("identical"))
        },
        "it is `identical`, and from the rest follows `different`",
    ),
    (
        "times swapped",
        |_, drilled| {
            as_is(drilled).change(1, |drill| {
                let (ordered, active) = (
                    drill["times"]["ordered_at"].clone(),
                    drill["times"]["active_at"].clone(),
                );
                (drill["times"]["ordered_at"], drill["times"]["active_at"]) = (active, ordered);
            })
        },
        "before `times.",
    ),
    (
        "a restore that took less than no time",
        |_, drilled| {
            let early = drilled.minute(0);
            as_is(drilled).change(1, |drill| {
                drill["times"]["running_at"] = Value::Null;
                drill["times"]["active_at"] = early;
            })
        },
        "before `times.ordered_at`",
    ),
    (
        "another table's ARN",
        |_, drilled| {
            as_is(drilled).change(1, |drill| {
                drill["source"]["table_arn"] = json!(format!("{TABLES}/payroll"))
            })
        },
        "plan.json does not name `arn:aws:dynamodb:eu-west-1:111122223333:table/payroll`",
    ),
    (
        "another point",
        |_, drilled| {
            as_is(drilled).change(1, |drill| {
                drill["point"]["arn"] = json!("arn:aws:backup:eu-west-1:111122223333:recovery-point:other");
            })
        },
        "plan.json does not name",
    ),
    (
        "a native point of another table",
        |_, drilled| {
            as_is(drilled).change(1, |drill| {
                drill["point"]["arn"] = json!(format!("{TABLES}/payroll/backup/0123-4567"))
            })
        },
        "it is a recovery point of another table",
    ),
    (
        "another restore job",
        |_, drilled| as_is(drilled).change(1, |drill| drill["restored"]["job_id"] = json!("job-of-another")),
        "journal.jsonl does not name `job-of-another`",
    ),
    (
        "a table of another run",
        |_, drilled| {
            as_is(drilled).change(1, |drill| {
                drill["restored"]["table_name"] = json!("backproof-drill-r2-1")
            })
        },
        "it is neither `backproof-drill-r1-1` nor",
    ),
    (
        "restored over the source",
        |_, drilled| {
            as_is(drilled).change(1, |drill| {
                drill["source"]["table_arn"] = json!(format!("{TABLES}/backproof-drill-r1-1"));
            })
        },
        "it is the source itself",
    ),
    (
        "one restore told twice",
        |_, drilled| {
            let mut twice = as_is(drilled).with(&orders(), &born());
            twice.record["drills"][1]["restored"]["job_id"] = twice.record["drills"][0]["restored"]["job_id"].clone();
            twice
        },
        "an earlier drill has the same restore job",
    ),
    (
        "said to be gone, and never seen gone",
        |_, drilled| as_is(drilled).change(1, |drill| drill["times"]["gone_at"] = Value::Null),
        "nobody saw it gone",
    ),
    (
        "compared without having been ACTIVE",
        |_, drilled| {
            as_is(drilled).change(1, |drill| {
                drill["times"]["active_at"] = Value::Null;
                drill["verdict"] = json!("not-tested");
            })
        },
        "a table was compared that was never seen ACTIVE",
    ),
    (
        "a drill of the future",
        |_, _| Drilled::new("r1", Utc::now() + TimeDelta::hours(5)).with(&orders(), &born()),
        "and by the clock of this machine it is",
    ),
];

#[test]
fn forged_drills_are_refused() {
    let bench = Bench::new(&world(""));
    let drilled = good("r1", 3);
    for (number, (name, forge, why)) in FORGERIES.iter().enumerate() {
        let dir = bench.path(&format!("forged-{number}"));
        drilled.seal(&dir);
        forge(&dir, &drilled).reseal(&dir);
        let ran = verify(&bench, &dir, &[]);
        assert_eq!(ran.code, 12, "{name}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(why), "{name}: `{why}` is not in: {}", ran.stderr);
    }
}

#[test]
fn what_is_not_sealed_or_signed_as_it_should_be_is_refused() {
    type Deed = fn(&Bench, &Path);
    let bench = Bench::new(&world(""));
    let (own, allowed) = key(&bench, 1);
    let other = key(&bench, 2).0;
    let deeds: &[(&str, Deed, &[&str], &str)] = &[
        (
            "a verdict edited, not resealed",
            |_, dir| {
                let path = dir.join("drill.json");
                let text = std::fs::read_to_string(&path).expect("text");
                std::fs::write(&path, text.replace("\"identical\"", "\"not-tested\"")).expect("written");
            },
            &[],
            "drill.json",
        ),
        (
            "edited and resealed under the old signature",
            |_, dir| {
                good("r1", 3)
                    .change(1, |drill| drill["rto_seconds"] = json!(60))
                    .reseal(dir)
            },
            &[],
            "the signature is not valid",
        ),
        (
            "unsigned where signers are required",
            |_, dir| std::fs::remove_file(dir.join("manifest.json.sig")).expect("removed"),
            &["--allowed-signers"],
            "there is no signature by any key that you trust",
        ),
        (
            "a file more",
            |_, dir| std::fs::write(dir.join("more.txt"), "x").expect("written"),
            &[],
            "manifest.json does not name this file",
        ),
        (
            "a file more, and resealed",
            |bench, dir| {
                std::fs::write(dir.join("more.txt"), "x").expect("written");
                good("r1", 3).reseal(dir);
                sign(dir, &key(bench, 1).0);
            },
            &[],
            "it belongs to no part of a drill",
        ),
        (
            "a page that says something else, and resealed",
            |bench, dir| {
                good("r1", 3).reseal(dir);
                let page = dir.join("report.html");
                std::fs::write(&page, "<h1>All is well</h1>").expect("written");
                let mut manifest: Value = json_file(&dir.join("manifest.json"));
                let (size, sha256) = backproof::digest::of_file(&page).expect("a digest");
                for file in manifest["files"].as_array_mut().expect("files") {
                    if file["path"] == "report.html" {
                        (file["size"], file["sha256"]) = (json!(size), json!(sha256));
                    }
                }
                let text = manifest.to_string();
                let parsed = backproof::pack::DrillManifest::parse(text.as_bytes(), "").expect("a manifest");
                backproof::pack::seal::write_manifest(dir, &parsed).expect("written");
                sign(dir, &key(bench, 1).0);
            },
            &[],
            "report.html",
        ),
    ];
    for (number, (name, deed, more, why)) in deeds.iter().enumerate() {
        let dir = bench.path(&format!("deed-{number}"));
        good("r1", 3).seal(&dir);
        sign(&dir, &own);
        deed(&bench, &dir);
        let more: Vec<&str> = more.iter().flat_map(|flag| [*flag, allowed.as_str()]).collect();
        let ran = verify(&bench, &dir, &more);
        assert_eq!(ran.code, 12, "{name}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(why), "{name}: `{why}` is not in: {}", ran.stderr);
    }
    // Signed by somebody else.
    let dir = bench.path("other");
    good("r1", 3).seal(&dir);
    sign(&dir, &other);
    let ran = verify(&bench, &dir, &["--allowed-signers", &allowed]);
    assert_eq!(ran.code, 12, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("which is none of those that you trust"),
        "{}",
        ran.stderr
    );
}

#[test]
fn no_command_takes_a_drill_for_a_scan_or_a_scan_for_a_drill() {
    let bench = Bench::new(&world(""));
    let ran = bench.run(&["scan", "--to", "scan", "--format", "json", "--quiet"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    good("r1", 3).seal(&bench.path("drill"));
    for args in [
        &["report", "drill", "--to", "out"][..],
        &["diff", "scan", "drill"],
        &["diff", "drill", "scan"],
        &["sample", "drill", "--size", "1", "--seed", "1"],
        &["baseline", "drill", "--to", "b.json"],
        &["scan", "--to", "again", "--baseline", "drill"],
        &[
            "attest",
            "--from",
            "2026-10-01",
            "--to",
            "2026-10-31",
            "--pack",
            "drill",
        ],
        &["push", "drill", "--to", "securityhub"],
        &["remediate", "plan", "drill"],
    ] {
        let ran = bench.run(args);
        assert_ne!(ran.code, 0, "{args:?}: {}{}", ran.stdout, ran.stderr);
        let is_said = ran.stderr.contains("this is the pack of a drill, not of a scan");
        assert!(is_said || ran.code == 2, "{args:?}: {}", ran.stderr);
    }
    for args in [
        &["report", "drill", "--to", "out"][..],
        &["sample", "drill", "--size", "1", "--seed", "1"],
    ] {
        let ran = bench.run(args);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(
            ran.stderr.contains("this is the pack of a drill, not of a scan"),
            "{}",
            ran.stderr
        );
    }
    // The other way round, and renamed by hand.
    let ran = bench.run(&["scan", "--to", "again", "--drills", "scan"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("this is the pack of a scan, not of a drill"),
        "{}",
        ran.stderr
    );
    copy(&bench.path("scan"), &bench.path("renamed"));
    let path = bench.path("renamed/manifest.json");
    for kind in ["drill", "scan", "restore"] {
        let mut manifest = json_file(&bench.path("scan/manifest.json"));
        manifest["kind"] = json!(kind);
        std::fs::write(&path, manifest.to_string()).expect("written");
        let ran = verify(&bench, &bench.path("renamed"), &[]);
        assert_eq!(ran.code, 12, "{kind}: {}{}", ran.stdout, ran.stderr);
    }
    // And a drill's that says that it is of a scan.
    copy(&bench.path("drill"), &bench.path("undrilled"));
    let mut manifest = json_file(&bench.path("drill/manifest.json"));
    manifest.as_object_mut().expect("fields").remove("kind");
    std::fs::write(bench.path("undrilled/manifest.json"), manifest.to_string()).expect("written");
    let ran = verify(&bench, &bench.path("undrilled"), &[]);
    assert_eq!(ran.code, 12, "{}{}", ran.stdout, ran.stderr);
}

/// A policy that asks for restores.
const POLICY: &str = "[policy]\nrestore-tested-within = \"90d\"\nrto = \"1h\"\n";

const RULES: [&str; 4] = [
    "restore-tested",
    "restore-test-recent",
    "restore-test-succeeded",
    "restore-time-within-rto",
];

/// Scans with drills that the bench's first key signed.
fn scanned(bench: &Bench, to: &str, more: &[&str]) -> (Ran, Value) {
    bench.write("backproof.toml", POLICY);
    let (_, allowed) = key(bench, 1);
    bench.scan(
        to,
        &[&["--allowed-signers", &allowed, "--format", "json"], more].concat(),
    )
}

fn verdicts(report: &Value) -> Vec<String> {
    RULES
        .iter()
        .map(|rule| verdict(report, "orders", rule).to_owned())
        .collect()
}

#[test]
fn a_drill_counts_long_after_aws_has_forgotten_its_job() {
    let bench = Bench::new(&world(""));
    let (_, before) = scanned(&bench, "before", &[]);
    assert_eq!(
        verdicts(&before),
        ["non-compliant", "non-compliant", "not-applicable", "not-applicable"]
    );
    assert_eq!(fact(&before, "orders", "restore_outcome"), "not-tested");
    assert_eq!(
        fact(&before, "orders", "last_drill_verdict"),
        &Value::Null,
        "nobody asked for drills"
    );

    good("r1", 60).signed(&bench, "drill", 1);
    let (ran, report) = scanned(&bench, "pack", &["--drills", "drill"]);
    assert_eq!(verdicts(&report), ["compliant"; 4], "{}", ran.stderr);
    for (name, value) in [
        ("restore_outcome", json!("succeeded")),
        ("restore_succeeded", json!(true)),
        ("last_restore_by", json!("drill")),
        ("last_restore_minutes", json!(20.0)),
        ("last_restore_validation", json!("identical")),
        ("last_drill_verdict", json!("identical")),
        ("last_drill_at", json!("2026-09-02T12:25:00Z")),
    ] {
        assert_eq!(fact(&report, "orders", name), &value, "{name}");
    }
    // The other table was never tested, and that is a value.
    assert_eq!(fact(&report, "forgotten", "restore_outcome"), "not-tested");
    assert_eq!(fact(&report, "forgotten", "last_drill_verdict"), "none");
    let drill = &report["drills"][0];
    assert_eq!((&drill["counts"], &drill["why_not"]), (&json!(true), &Value::Null));
    assert_eq!(drill["signer"], "audit@example.com");
    assert_eq!(drill["restore_seconds"], 1200);
    // The pack judges again without the drill.
    std::fs::remove_dir_all(bench.path("drill")).expect("removed");
    let ran = verify(&bench, &bench.path("pack"), &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let ran = bench.run(&["report", "pack", "--to", "again", "--format", "json-all", "--quiet"]);
    assert_ne!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(json_file(&bench.path("again/report-all.json")), report);
}

#[test]
fn every_report_shows_when_a_table_was_last_tested_and_by_what() {
    let bench = Bench::new(&world(""));
    bench.write("backproof.toml", POLICY);
    let (_, allowed) = key(&bench, 1);
    good("r1", 60).signed(&bench, "drill", 1);
    good("r2", 50).seal(&bench.path("unsigned"));
    let ran = bench.run(&[
        "scan",
        "--to",
        "pack",
        "--quiet",
        "--format",
        "csv-all,html,json,pdf,xlsx",
        "--allowed-signers",
        &allowed,
        "--drills",
        "drill",
        "unsigned",
    ]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert!(ran.stderr.contains("1 drill does not count"), "{}", ran.stderr);
    let tables = std::fs::read_to_string(bench.path("pack/tables-all.csv")).expect("text");
    for column in [
        "last_restore_by",
        "last_drill_verdict",
        "last_drill_at",
        "last_drill_age_days",
    ] {
        assert!(tables.lines().next().expect("a head").contains(column), "{column}");
    }
    let page = std::fs::read_to_string(bench.path("pack/report.html")).expect("text");
    for text in [
        "<h3 id=\"drills-h\">Restore drills</h3>",
        "restored; identical, in 20 min",
        "counts; signed by audit@example.com",
        "does not count: there is no signature by any key that you trust",
    ] {
        assert!(page.contains(text), "`{text}` is not in the page");
    }
    let pdf = lopdf::Document::load(bench.path("pack/report.pdf")).expect("a document");
    assert!(!pdf.get_pages().is_empty());
    let ran = verify(&bench, &bench.path("pack"), &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn drills_that_found_something_else_are_failures() {
    // AWS remembers that the job completed; the drill saw what it brought back.
    let test = event("2d", "do = \"restore-test\"\ntable = \"orders\"\nminutes = 20");
    let bench = Bench::new(&world(&test));
    let (_, before) = scanned(&bench, "before", &[]);
    assert_eq!(verdicts(&before), ["compliant"; 4]);
    let inside = backproof::inventory::Inventory::open(&bench.path("before/inventory")).expect("an inventory");
    let jobs = inside.read::<backproof::inventory::schema::RestoreJob>().expect("jobs");
    let job = jobs.first().expect("a job");
    let began = job.created_at.expect("an instant") - TimeDelta::minutes(1);
    let (id, point) = (job.job_id.clone(), job.recovery_point_arn.clone().expect("a point"));
    let of_job = |run: &str| {
        Drilled::new(run, began).with(&orders(), &born()).change(1, |drill| {
            drill["restored"]["job_id"] = json!(id);
            drill["point"]["arn"] = json!(point);
            drill["point"]["created_at"] = json!(job.recovery_point_created_at);
            drill["point"]["completed_at"] = Value::Null;
        })
    };
    of_job("bad").different(1).signed(&bench, "bad", 1);
    let (ran, report) = scanned(&bench, "bad-pack", &["--drills", "bad"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert_eq!(
        verdicts(&report),
        ["non-compliant", "non-compliant", "non-compliant", "not-applicable"]
    );
    let cause = fact(&report, "orders", "last_failed_restore_cause")
        .as_str()
        .expect("text");
    assert!(cause.starts_with("drill bad: different: 1 item"), "{cause}");

    // The same job said to be good by one drill and bad by another: the worse counts.
    of_job("fair").signed(&bench, "fair", 1);
    let (_, report) = scanned(&bench, "both", &["--drills", "fair", "bad"]);
    assert_eq!(verdicts(&report)[2], "non-compliant");
    let why: Vec<&Value> = report["drills"]
        .as_array()
        .expect("drills")
        .iter()
        .map(|drill| &drill["why_not"])
        .collect();
    assert!(
        why.iter().any(|why| why
            .as_str()
            .is_some_and(|why| why.contains("tells of the same restore"))),
        "{why:?}"
    );

    // A success since then makes up for it; a success before does not.
    good("later", 1).signed(&bench, "later", 1);
    let (_, report) = scanned(&bench, "later-pack", &["--drills", "bad", "later"]);
    assert_eq!(verdicts(&report)[2], "compliant");
    good("earlier", 20).signed(&bench, "earlier", 1);
    let (_, report) = scanned(&bench, "earlier-pack", &["--drills", "bad", "earlier"]);
    assert_eq!(verdicts(&report)[1..3], ["compliant", "non-compliant"]);
}

/// What is done to a good drill of 60 days ago, and why it does not count.
type Void = (&'static str, fn(Drilled) -> Drilled, &'static str);

const VOID: &[Void] = &[
    (
        "of an earlier incarnation, by its birth",
        |drilled| drilled.change(1, |drill| drill["source"]["created_at"] = json!("2025-01-05T12:00:00Z")),
        "it is of an earlier table of the same name",
    ),
    (
        "of an earlier incarnation, by its point",
        |drilled| {
            drilled.change(1, |drill| {
                drill["source"]["created_at"] = Value::Null;
                drill["point"]["created_at"] = json!("2026-01-05T11:00:00Z");
            })
        },
        "its recovery point is older than the table",
    ),
    (
        "of a point without a date",
        |drilled| drilled.change(1, |drill| drill["point"]["created_at"] = Value::Null),
        "the date of its recovery point is not known",
    ),
    (
        "of a table that is not there",
        |drilled| {
            drilled.change(1, |drill| {
                drill["source"]["table_arn"] = json!(format!("{TABLES}/gone"))
            })
        },
        "its table is not there any more",
    ),
];

#[test]
fn drills_that_are_not_of_this_table_or_not_signed_by_whom_they_should_never_count() {
    let bench = Bench::new(&world(""));
    for (number, (name, change, why)) in VOID.iter().enumerate() {
        let dir = format!("void-{number}");
        change(good(&format!("v{number}"), 60)).signed(&bench, &dir, 1);
        let (_, report) = scanned(&bench, &format!("pack-{number}"), &["--drills", &dir]);
        assert_eq!(fact(&report, "orders", "restore_outcome"), "not-tested", "{name}");
        let said = report["drills"][0]["why_not"]
            .as_str()
            .unwrap_or_else(|| panic!("{name}: it counts"));
        assert!(said.contains(why), "{name}: {said}");
    }
    // Of another table's point, as AWS lists it.
    scanned(&bench, "seen", &[]);
    let inventory = backproof::inventory::Inventory::open(&bench.path("seen/inventory")).expect("an inventory");
    let points = inventory
        .read::<backproof::inventory::schema::RecoveryPoint>()
        .expect("points");
    let of_orders = points
        .iter()
        .find(|point| point.resource_arn.as_deref() == Some(&orders()))
        .expect("a point");
    let of_another = Drilled::new("other", days_ago(1))
        .with(&format!("{TABLES}/forgotten"), &born())
        .change(1, |drill| {
            drill["point"]["arn"] = json!(of_orders.recovery_point_arn);
        });
    of_another.signed(&bench, "other", 1);
    let (_, report) = scanned(&bench, "other-pack", &["--drills", "other"]);
    assert_eq!(fact(&report, "forgotten", "restore_outcome"), "not-tested");
    assert_eq!(report["drills"][0]["why_not"], "its recovery point is of another table");

    // Not signed, signed by somebody else, of the future, and with no key to hold it against.
    good("plain", 60).seal(&bench.path("plain"));
    good("foreign", 60).signed(&bench, "foreign", 2);
    Drilled::new("late", now() + TimeDelta::hours(2))
        .with(&orders(), &born())
        .signed(&bench, "late", 1);
    for (dir, why) in [
        ("plain", "there is no signature by any key that you trust"),
        ("foreign", "which is none of those that you trust"),
        ("late", "it says that it ended at 2026-11-01T14:40:00Z"),
    ] {
        let (ran, report) = scanned(&bench, &format!("{dir}-pack"), &["--drills", dir]);
        assert_eq!(fact(&report, "orders", "restore_outcome"), "not-tested", "{dir}");
        let said = report["drills"][0]["why_not"].as_str().expect("why");
        assert!(said.contains(why), "{dir}: {said}");
        assert!(ran.stderr.contains("1 drill does not count"), "{}", ran.stderr);
    }
    good("trusted", 60).signed(&bench, "trusted", 1);
    let (ran, report) = bench.scan("nobody", &["--drills", "trusted", "--format", "json"]);
    assert_eq!(report["drills"][0]["why_not"], "no key is trusted to sign drills");
    assert!(
        ran.stderr.contains("no key is trusted to sign drills"),
        "{}",
        ran.stderr
    );
    // The settings may name the keys.
    let (_, allowed) = key(&bench, 1);
    bench.write("backproof.toml", format!("allowed-signers = \"{allowed}\"\n{POLICY}"));
    let (_, report) = bench.scan("by-settings", &["--drills", "trusted", "--format", "json"]);
    assert_eq!(fact(&report, "orders", "last_drill_verdict"), "identical");
}

#[test]
fn a_drill_that_cannot_be_read_is_a_gap_with_a_name_and_leaves_the_last_restore_unknown() {
    let test = event("2d", "do = \"restore-test\"\ntable = \"orders\"\nminutes = 20");
    let bench = Bench::new(&world(&test));
    good("r1", 1).signed(&bench, "drill", 1);
    std::fs::write(bench.path("drill/drill.json"), "{}").expect("written");
    let (ran, report) = scanned(&bench, "pack", &["--drills", "drill"]);
    let gaps = report["coverage"]["gaps"].as_array().expect("gaps");
    let gap = gaps
        .iter()
        .find(|gap| gap["action"] == "backproof:ReadDrill")
        .expect("a gap");
    assert_eq!(gap["resource"], "drill");
    assert!(
        gap["why"].as_str().is_some_and(|why| why.contains("drill.json")),
        "{gap}"
    );
    assert!(
        ran.stderr.contains("could not read backproof:ReadDrill of `drill`"),
        "{}",
        ran.stderr
    );
    // A success that was seen is one; how the last restore ended is not known.
    assert_eq!(verdicts(&report), ["compliant", "compliant", "unknown", "unknown"]);
    let causes = report["tables"]
        .as_array()
        .expect("tables")
        .iter()
        .map(|table| table["causes"].to_string());
    assert!(causes.into_iter().any(|causes| causes.contains("backproof:ReadDrill")));
    let ran = verify(&bench, &bench.path("pack"), &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    // What is no drill at all is a mistake of whoever named it.
    for (dir, text) in [("nothing", "there is no such folder"), ("before.toml", "")] {
        let ran = bench.run(&["scan", "--to", "again", "--drills", dir]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
}

#[test]
fn without_restore_jobs_a_drill_proves_that_one_succeeded_and_not_that_it_was_the_last() {
    let bench = Bench::new(&world(&deny("backup:ListRestoreJobs")));
    good("r1", 60).signed(&bench, "drill", 1);
    let (_, report) = scanned(&bench, "pack", &["--drills", "drill"]);
    assert_eq!(verdicts(&report), ["compliant", "compliant", "unknown", "unknown"]);
}

#[test]
fn a_later_restore_that_aws_has_forgotten_takes_the_word_of_an_earlier_drill_away() {
    let kept = |more: &str| with(&world(more), "delete-after-days = 35", "delete-after-days = 90");
    let test = event(
        "40d",
        "do = \"restore-test\"\ntable = \"orders\"\nminutes = 20\nvalidation = \"FAILED\"",
    );
    let bench = Bench::new(&kept(&test));
    good("r1", 60).signed(&bench, "drill", 1);
    let (_, report) = scanned(&bench, "pack", &["--drills", "drill"]);
    assert_eq!(fact(&report, "orders", "restore_outcome"), "forgotten");
    assert_eq!(verdicts(&report)[2], "not-applicable");
    // A drill after it knows more.
    good("r2", 20).signed(&bench, "after", 1);
    let (_, report) = scanned(&bench, "after-pack", &["--drills", "drill", "after"]);
    assert_eq!(verdicts(&report)[2], "compliant");
}

#[test]
fn a_ledger_holds_drills_beside_scans() {
    let bench = Bench::new(&thawed(&file("buckets")));
    bench.write("backproof.toml", POLICY);
    let (own, allowed) = key(&bench, 1);
    let first = [
        "scan", "--to", "first", "--format", "json", "--ledger", "ledger", "--sign", &own, "--quiet",
    ];
    let ran = bench.run(&first);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let as_of: DateTime<Utc> = json_file(&bench.path("first/manifest.json"))["as_of"]
        .as_str()
        .expect("an instant")
        .parse()
        .expect("an instant");
    let skew = json_file(&bench.path("first/manifest.json"))["clock_skew_seconds"]
        .as_i64()
        .unwrap_or(0);
    let inventory = backproof::inventory::Inventory::open(&bench.path("first/inventory")).expect("an inventory");
    let tables = inventory.read::<backproof::inventory::schema::Table>().expect("tables");
    let table = tables
        .iter()
        .find(|table| table.table_name == "orders")
        .expect("a table");
    let drilled = Drilled::new("led", as_of - TimeDelta::hours(2)).with(&table.table_arn, &json!(table.created_at));
    let dir = bench.path("drill");
    drilled.seal(&dir);
    skewed(&dir, skew);
    let append = |dir: &str| bench.run(&["ledger", "append", dir, "--ledger", "ledger", "--sign", &own]);
    let ran = append("drill");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("the pack is now number 2 of the ledger"),
        "{}",
        ran.stderr
    );
    let ran = append("drill");
    assert!(ran.stderr.contains("the pack was already number 2"), "{}", ran.stderr);
    let ran = verify(&bench, &dir, &["--allowed-signers", &allowed]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("claims number 2 of a ledger"), "{}", ran.stdout);

    // A scan into the ledger reads it.
    let second = [
        "scan", "--to", "second", "--format", "json-all", "--ledger", "ledger", "--sign", &own, "--quiet",
    ];
    let ran = bench.run(&[&second[..], &["--allowed-signers", &allowed]].concat());
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let report = json_file(&bench.path("second/report-all.json"));
    assert_eq!(fact(&report, "orders", "last_drill_verdict"), "identical", "{report:#}");
    assert_eq!(report["drills"][0]["source"], "ledger, number 2");

    let verify_all = |more: &[&str]| bench.run(&[&["verify", "--ledger", "ledger"], more].concat());
    let ran = verify_all(&["--allowed-signers", &allowed]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("pack 2, a drill, as of "), "{}", ran.stdout);
    let ran = bench.run(&["ledger", "list", "--ledger", "ledger"]);
    assert!(
        ran.stdout
            .lines()
            .nth(2)
            .is_some_and(|line| line.contains("drill") && line.contains("1 restored")),
        "{}",
        ran.stdout
    );
    let ran = bench.run(&["ledger", "list", "--ledger", "ledger", "--format", "json"]);
    let listed: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(listed[1]["kind"], "drill");
    assert_eq!(listed[1]["verdicts"], json!({ "identical": 1 }));
    let ran = bench.run(&["ledger", "fetch", "2", "--ledger", "ledger", "--to", "fetched"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);

    // An attestation rests on the scans, and says so.
    let day = as_of.format("%Y-%m-%d").to_string();
    let ran = bench.run(&[
        "attest", "--from", &day, "--to", &day, "--ledger", "ledger", "--format", "json", "--out", "-", "--quiet",
    ]);
    assert!(matches!(ran.code, 0 | 10 | 11), "{}", ran.stderr);
    let attested: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(attested["packs"].as_array().expect("packs").len(), 2);
    assert_eq!(attested["drills"][0]["verdict"], "identical", "{}", attested["drills"]);

    // The same drill under another name of a manifest is one that was filed again.
    let again = bench.path("again");
    drilled.seal(&again);
    skewed(&again, skew);
    std::fs::write(again.join("journal.jsonl"), "{\"job_id\":\"job-led-1\"}\n\n").expect("written");
    skewed(&again, skew);
    let ran = append("again");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = verify_all(&[]);
    assert_eq!(ran.code, 12, "{}", ran.stdout);
    assert!(ran.stderr.contains("is of the same drill, led"), "{}", ran.stderr);
    let third = [
        "scan", "--to", "third", "--format", "json-all", "--ledger", "ledger", "--sign", &own, "--quiet",
    ];
    bench.run(&[&third[..], &["--allowed-signers", &allowed]].concat());
    let report = json_file(&bench.path("third/report-all.json"));
    assert_eq!(
        report["drills"].as_array().expect("drills").len(),
        1,
        "the record is the same: it counts once"
    );
}
