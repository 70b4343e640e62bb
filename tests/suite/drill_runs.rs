//! `drill`: points restored to see that they can be, whatever ends the run, and nothing of anybody else touched.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::worlds::{HERE, central, event, table, thawed, two_regions, with, with_copies};
use crate::common::{Bench, Ran, aws, json_file, permitted, refused};

const QUICK: &str = "[jobs]\nrestore-seconds = 1\n";
const PREFIX: &str = "backproof-drill-";
const PACED: [&str; 2] = ["--poll-interval", "1s"];

/// A table of 50 items with one recovery point of two days ago.
fn backed_up(name: &str, more: &str) -> String {
    let backup = format!("do = \"on-demand-backup\"\ntable = \"{name}\"\nvault = \"Default\"\ndelete-after-days = 97");
    table(name, &format!("items = 50\n{more}")) + &event("2d", &backup)
}

fn bench(more: &str) -> Bench {
    Bench::new(&thawed(&(backed_up("music", "ttl = \"expires\"\n") + more + QUICK)))
}

fn drill(bench: &Bench, args: &[&str]) -> Ran {
    bench.run(&[&["drill"], args, &PACED].concat())
}

/// Names of all tables.
fn tables(bench: &Bench) -> BTreeSet<String> {
    let (_, state) = bench.send("GET /_sandbox/state", "", b"");
    let state: Value = serde_json::from_str(&state).expect("JSON");
    let tables = &state["places"]["111122223333/eu-west-1"]["tables"];
    tables.as_object().expect("tables").keys().cloned().collect()
}

fn made_by_drills(bench: &Bench) -> Vec<String> {
    tables(bench)
        .into_iter()
        .filter(|name| name.starts_with(PREFIX))
        .collect()
}

fn record(bench: &Bench, dir: &str) -> Value {
    json_file(&bench.path(dir).join("pack/drill.json"))
}

/// Every write of this action so far, by what it was done to.
fn writes(bench: &Bench, action: &str) -> Vec<Value> {
    let (_, log) = bench.send("GET /_sandbox/writes", "", b"");
    let log: Value = serde_json::from_str(&log).expect("JSON");
    let writes = log["writes"].as_array().expect("writes");
    writes
        .iter()
        .filter(|write| write["action"] == action)
        .cloned()
        .collect()
}

fn calls(bench: &Bench) -> BTreeMap<String, u64> {
    bench.sandbox.calls().into_iter().collect()
}

#[test]
fn a_point_is_restored_compared_and_its_table_deleted() {
    let bench = bench("");
    let before = tables(&bench);
    let ran = drill(&bench, &["music", "--dry-run", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let plan = ran.json();
    assert_eq!(
        plan["drills"][0]["source"]["table_arn"],
        "arn:aws:dynamodb:eu-west-1:111122223333:table/music"
    );
    assert_eq!(plan["estimate"]["calls"]["backup:StartRestoreJob"], 1);
    assert!(plan["estimate"]["usd"].as_f64().is_some_and(|usd| usd > 0.0), "{plan}");
    assert!(writes(&bench, "backup:StartRestoreJob").is_empty());
    let ran = drill(&bench, &["music", "--dry-run"]);
    for text in [
        "music: 6.0 KB, data of 2026-10-30T12:00:00Z, vault Default",
        "less than 0.01 USD",
        "assumed: AWS remembers no restore",
    ] {
        assert!(ran.stdout.contains(text), "`{text}` is not in: {}", ran.stdout);
    }
    assert!(!bench.path("backproof-drills").exists());

    // Twice by name, once by ARN: one drill.
    let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/music";
    let ran = drill(&bench, &["music", arn, "--to", "run"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("was named twice, and is drilled once"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains("IDENTICAL   music"), "{}", ran.stdout);
    assert!(ran.stdout.contains("time to live"), "{}", ran.stdout);
    let record = record(&bench, "run");
    let one = &record["drills"][0];
    assert_eq!(one["verdict"], "identical");
    assert_eq!(one["cleanup"]["kind"], "gone");
    assert_eq!(one["items"]["restored"]["items"], 50);
    assert_eq!(one["rto_seconds"], Value::Null);
    for time in ["ordered_at", "active_at", "compared_at", "gone_at"] {
        assert!(one["times"][time].is_string(), "{time}: {one}");
    }
    assert_eq!(tables(&bench), before);
    let started = writes(&bench, "backup:StartRestoreJob");
    assert_eq!(started.len(), 1);
    assert_eq!(started[0]["parameters"]["Metadata"]["encryptionType"], "Default");
    assert_eq!(
        started[0]["parameters"]["CopySourceTagsToRestoredResource"],
        Value::Null
    );

    let ran = bench.run(&["verify", "run/pack"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    // It has ended: the same command shows what it saw, and restores nothing.
    let ran = drill(&bench, &["music", arn, "--to", "run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("has ended"), "{}", ran.stderr);
    assert_eq!(writes(&bench, "backup:StartRestoreJob").len(), 1);
    let ran = drill(&bench, &["music", "--to", "run"]);
    refused(
        &ran,
        2,
        &["the folder holds a drill of something else", "nothing was restored"],
    );

    let printed = permitted(&bench.run(&["explain", "permissions", "--command", "drill"]));
    let printed: Vec<String> = printed.into_iter().flatten().collect();
    for (action, _) in calls(&bench).iter().filter(|(action, _)| !action.starts_with("tag:")) {
        assert!(printed.contains(action), "{action}: {printed:?}");
    }
}

#[test]
fn a_table_is_kept_and_cleaned_up_later() {
    let bench = bench("");
    let ran = drill(&bench, &["music", "--keep", "--compare", "nothing", "--to", "run"]);
    // The items were not asked for: nothing is said of them.
    assert_eq!(ran.code, 11, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("is kept, as was asked"), "{}", ran.stdout);
    assert_eq!(made_by_drills(&bench).len(), 1);
    let ran = bench.run(&["drill", "clean", "run", "--dry-run"]);
    assert!(
        ran.stdout.contains("kept, as was asked, by the journal in run"),
        "{}",
        ran.stdout
    );
    refused(
        &bench.run(&["drill", "clean", "run"]),
        2,
        &["nobody has confirmed", "--yes"],
    );
    assert_eq!(made_by_drills(&bench).len(), 1);
    // A name alone proves nothing, and has to be typed.
    std::fs::rename(bench.path("run"), bench.path("elsewhere")).expect("moved");
    let name = made_by_drills(&bench).remove(0);
    refused(&bench.run(&["drill", "clean", "--yes"]), 1, &["its name was not typed"]);
    refused(
        &bench.run(&["drill", "clean", "--confirm", "backproof-drill-other"]),
        2,
        &["none of the tables that were found by name"],
    );
    aws::create_table(&bench, "backproof-drill-other", &json!([]));
    let ran = bench.run(&["drill", "clean", "--confirm", &name]);
    refused(&ran, 1, &[&format!("{name} is gone"), "backproof-drill-other stays"]);
    assert_eq!(made_by_drills(&bench), ["backproof-drill-other"]);
    refused(
        &bench.run(&["drill", "clean", "nowhere"]),
        2,
        &["there is no drill in the folder"],
    );
}

#[test]
fn what_cannot_be_restored_is_told_in_aws_words() {
    let keys = format!("[[key]]\n{HERE}name = \"lost\"\n[[vault]]\n{HERE}name = \"sealed\"\nkey = \"lost\"\n");
    let sealed = table("sealed", "items = 5\n")
        + &event(
            "2d",
            "do = \"on-demand-backup\"\ntable = \"sealed\"\nvault = \"sealed\"\ndelete-after-days = 97",
        )
        + &event("1d", "do = \"disable-key\"\nkey = \"lost\"");
    let role = String::from(
        "[[role]]\naccount = \"111122223333\"\nname = \"NoRestores\"\npolicies = [\"AWSBackupServiceRolePolicyForBackup\"]\n",
    );
    let partial = table("half", "items = 5\n")
        + &event(
            "3d",
            "do = \"fail-jobs\"\ntable = \"half\"\nstate = \"PARTIAL\"\nmessage = \"m\"\nuntil = \"1d\"",
        )
        + &event(
            "2d",
            "do = \"on-demand-backup\"\ntable = \"half\"\nvault = \"Default\"\ndelete-after-days = 97",
        );
    let expired = backed_up("stale", "").replace("delete-after-days = 97", "delete-after-days = 1")
        + &event(
            "40h",
            "do = \"break-role\"\nrole = \"service-role/AWSBackupDefaultServiceRole\"",
        )
        + &event(
            "1h",
            "do = \"mend-role\"\nrole = \"service-role/AWSBackupDefaultServiceRole\"",
        );
    let bench = bench(&(keys + &sealed + &role + &partial + &expired));
    // The key of the vault is disabled: AWS's job fails.
    let ran = drill(&bench, &["sealed", "--to", "key"]);
    assert_eq!(ran.code, 10, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("FAILED      sealed: the restore failed"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("the restore job FAILED: "), "{}", ran.stdout);
    let record = record(&bench, "key");
    assert_eq!(record["drills"][0]["verdict"], "failed");
    assert!(
        !record["drills"][0]["job"]["message"]
            .as_str()
            .expect("words")
            .is_empty()
    );
    assert_eq!(record["drills"][0]["cleanup"]["kind"], "nothing-made");
    assert_eq!(bench.run(&["verify", "key/pack"]).code, 0);
    // A role that may not restore, and one that is not there.
    let role = "arn:aws:iam::111122223333:role/NoRestores";
    let ran = drill(&bench, &["music", "--role", role, "--to", "role"]);
    assert_eq!(ran.code, 10, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("not authorized"), "{}", ran.stdout);
    // What is no point to restore.
    let ran = drill(&bench, &["half", "--to", "half"]);
    refused(
        &ran,
        1,
        &[
            "`arn:aws:dynamodb:eu-west-1:111122223333:table/half` cannot be drilled",
            "nothing was restored",
        ],
    );
    assert!(!bench.path("half").exists());
    // One that AWS could not delete can still be restored, and that is said.
    let points = bench.sandbox.inside().points;
    let stale = points
        .iter()
        .find(|point| point.table_arn.ends_with("/stale"))
        .expect("a point")
        .arn
        .to_string();
    refused(
        &drill(&bench, &["stale", "--to", "stale"]),
        1,
        &["1 recovery point cannot be restored: 1 EXPIRED"],
    );
    let ran = drill(&bench, &["--point", &stale, "--to", "stale"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("past its retention"), "{}", ran.stderr);
    // One table of two has none: the other is drilled, and that is not all that was asked.
    let ran = drill(&bench, &["music", "forgotten", "--to", "two"]);
    refused(
        &ran,
        11,
        &[
            "`arn:aws:dynamodb:eu-west-1:111122223333:table/forgotten` is left out",
            "nothing is tested of it",
        ],
    );
    assert!(
        ran.stdout
            .contains("NOT TESTED  arn:aws:dynamodb:eu-west-1:111122223333:table/forgotten"),
        "{}",
        ran.stdout
    );
    assert_eq!(
        self::record(&bench, "two")["left_out"][0]["table_arn"],
        "arn:aws:dynamodb:eu-west-1:111122223333:table/forgotten"
    );
    assert_eq!(made_by_drills(&bench), Vec::<String>::new());
}

#[test]
fn a_source_that_is_gone_and_a_limit_that_is_missed() {
    let slow = with(
        &thawed(&(backed_up("music", "") + QUICK)),
        QUICK,
        "[jobs]\nrestore-seconds = 4\n",
    );
    let bench = Bench::new(&slow);
    bench.write("strict.toml", "[policy]\nrto = \"1s\"\n");
    let ran = drill(&bench, &["music", "--config", "strict.toml", "--to", "late"]);
    assert_eq!(ran.code, 10, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("longer than the RTO of 1s"), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 missed the RTO"), "{}", ran.stdout);
    assert_eq!(record(&bench, "late")["drills"][0]["rto_seconds"], 1);
    bench.write("lax.toml", "[policy]\nrto = \"1h\"\n");
    let ran = drill(&bench, &["music", "--config", "lax.toml", "--to", "in-time"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("within the RTO of 1h"), "{}", ran.stdout);
    aws::delete_table(&bench, "music");
    std::thread::sleep(Duration::from_secs(2));
    let ran = drill(&bench, &["music", "--to", "gone"]);
    assert_eq!(ran.code, 11, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("the table is gone"), "{}", ran.stderr);
    let record = record(&bench, "gone");
    assert_eq!(record["drills"][0]["verdict"], "not-comparable");
    assert_eq!(record["drills"][0]["source"]["is_there"], false);
    assert_eq!(record["drills"][0]["items"]["against"]["kind"], "nothing");
    assert_eq!(made_by_drills(&bench), Vec::<String>::new());
}

#[test]
fn what_is_denied_on_the_way_stands_in_the_record() {
    let bench = bench("");
    // The order itself.
    bench.fault(r#"{"deny": "backup:StartRestoreJob"}"#);
    let ran = drill(&bench, &["music", "--to", "order"]);
    assert_eq!(ran.code, 11, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("NOT TESTED") && ran.stdout.contains("AccessDenied"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("no table was made"), "{}", ran.stdout);
    bench.no_faults();
    // The comparison: restored, nothing said of its items, and deleted all the same.
    bench.fault(r#"{"deny": "dynamodb:Scan"}"#);
    let ran = drill(&bench, &["music", "--to", "scan"]);
    assert_eq!(ran.code, 11, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(record(&bench, "scan")["drills"][0]["verdict"], "not-comparable");
    assert_eq!(record(&bench, "scan")["drills"][0]["cleanup"]["kind"], "gone");
    bench.no_faults();
    // The look at the job: it may make the table yet.
    bench.fault(r#"{"deny": "backup:DescribeRestoreJob"}"#);
    let ran = drill(&bench, &["music", "--to", "look"]);
    refused(&ran, 11, &["may be left", "drill clean look"]);
    bench.no_faults();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(made_by_drills(&bench).len(), 1);
    let ran = bench.run(&["drill", "clean", "look", "--yes", "--poll-interval", "1s"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(made_by_drills(&bench), Vec::<String>::new());
    // The deletion, and the proof of it.
    for (denied, dir) in [("dynamodb:DeleteTable", "delete"), ("dynamodb:ListTables", "list")] {
        bench.fault(&json!({ "deny": denied }).to_string());
        let ran = drill(&bench, &["music", "--to", dir]);
        refused(&ran, 11, &["may be left", denied]);
        bench.no_faults();
        assert_eq!(record(&bench, dir)["drills"][0]["verdict"], "identical");
        assert_eq!(record(&bench, dir)["drills"][0]["cleanup"]["kind"], "left");
        let ran = bench.run(&["drill", "clean", dir, "--yes", "--poll-interval", "1s"]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        assert_eq!(made_by_drills(&bench), Vec::<String>::new());
        for pack in [dir, "look", "scan", "order"] {
            assert_eq!(bench.run(&["verify", &format!("{pack}/pack")]).code, 0, "{pack}");
        }
    }
}

#[test]
fn credentials_that_expire_in_the_comparison_end_the_run_and_the_same_command_goes_on() {
    let bench = bench("");
    // The second page of the comparison, and everything after it.
    bench.fault(r#"{"action": "dynamodb:Scan", "expired-credentials": 1}"#);
    bench.fault(r#"{"action": "dynamodb:DescribeTable", "expired-credentials": 9}"#);
    let ran = drill(&bench, &["music", "--to", "run"]);
    refused(
        &ran,
        1,
        &["the drill has not ended", "Expired", "--to run", "drill clean run"],
    );
    assert_eq!(made_by_drills(&bench).len(), 1);
    assert!(!bench.path("run/pack").exists());
    bench.no_faults();
    let ran = drill(&bench, &["music", "--to", "run"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(record(&bench, "run")["drills"][0]["verdict"], "identical");
    assert_eq!(writes(&bench, "backup:StartRestoreJob").len(), 1);
    assert_eq!(made_by_drills(&bench), Vec::<String>::new());
}

#[test]
fn an_order_whose_answer_was_lost_is_not_given_twice_and_a_taken_name_is_left_alone() {
    let bench = bench("");
    // The job is begun, and its answer lost: the run finds it again.
    bench.fault(r#"{"action": "backup:StartRestoreJob", "reset-rate": 1.0, "times": 1}"#);
    let ran = drill(&bench, &["music", "--to", "lost"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    bench.no_faults();
    let jobs = |bench: &Bench| {
        bench
            .sandbox
            .calls()
            .get("backup:StartRestoreJob")
            .copied()
            .unwrap_or(0)
    };
    assert!(jobs(&bench) > 1);
    assert_eq!(made_by_drills(&bench), Vec::<String>::new());

    // AWS fails: whether it began is not known. Meanwhile somebody makes a table of that name.
    bench.fault(r#"{"action": "backup:StartRestoreJob", "error-rate": 1.0}"#);
    let ran = bench.run_patiently("1s", &["drill", "music", "--to", "taken", "--poll-interval", "1s"]);
    refused(
        &ran,
        1,
        &["whether AWS began it is not known", "the drill has not ended"],
    );
    bench.no_faults();
    let plan = json_file(&bench.path("taken/plan.json"));
    let name = plan["drills"][0]["table_name"].as_str().expect("a name").to_owned();
    aws::create_table(&bench, &name, &json!([]));
    let ran = drill(&bench, &["music", "--to", "taken"]);
    refused(&ran, 11, &["may be left", "AWS names no restore job that made it"]);
    assert!(ran.stdout.contains("there is a table"), "{}", ran.stdout);
    assert_eq!(made_by_drills(&bench), std::slice::from_ref(&name));
    // Not even `clean` touches it by the journal.
    let ran = bench.run(&["drill", "clean", "taken", "--yes"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(made_by_drills(&bench), [name]);
    assert_eq!(writes(&bench, "dynamodb:DeleteTable").len(), 1);
}

#[test]
fn what_makes_no_sense_is_refused_before_any_call() {
    let bench = bench("");
    for (args, texts) in [
        (&[][..], &["no table was named"][..]),
        (&["music", "--max-size", "0"], &["`--max-size 0` leaves no table"]),
        (&["music", "--max-size", "much"], &["`--max-size` is not a size"]),
        (&["music", "--max-tables", "0"], &["`--max-tables 0` leaves no table"]),
        (&["music", "--max-cost", "nan"], &["`--max-cost` is no sum"]),
        (
            &["--sample", "0", "--seed", "s", "--from", "audit"],
            &["a sample of no table"],
        ),
        (&["music", "--concurrency", "51"], &["51 restores at once"]),
        (&["music", "--concurrency", "0"], &["0 restores at once"]),
        (&["music", "--point", "last"], &["`last` names no recovery point"]),
        (&["music", "--point", "random"], &["the seed is missing"]),
        (&["music", "--key", "mine"], &["`--key` is no key"]),
        (&["music", "--compare", "sample=3/2"], &["how much to compare"]),
        (&["music", "--segments", "0"], &["0 segments"]),
        (&["music", "--read-rate", "0"], &["no rate to read at"]),
        (
            &["music", "--digest", "nowhere"],
            &["the digest of the point cannot be used"],
        ),
        (&["music", "--to-account", "12"], &["`12` is no account"]),
        (&["--due", "--from", "nowhere"], &["there is no evidence"]),
        (&["music", "--timeout", "soon"], &["is not a duration"]),
    ] {
        refused(&drill(&bench, &[args, &["--to", "run"]].concat()), 2, texts);
    }
    // Two mistakes are told at once.
    let ran = drill(&bench, &["music", "--key", "mine", "--max-tables", "0"]);
    refused(&ran, 2, &["`--key` is no key", "leaves no table"]);
    assert_eq!(calls(&bench).values().sum::<u64>(), 0);
    refused(
        &drill(&bench, &["music", "--max-cost", "0", "--to", "run"]),
        2,
        &["may cost more than `--max-cost` allows", "nothing was restored"],
    );
    refused(
        &drill(&bench, &["music", "--max-size", "1KB", "--to", "run"]),
        1,
        &["its point has 6.0 KB, and `--max-size` allows 1.0 KB"],
    );
    refused(
        &drill(&bench, &["musik"]),
        1,
        &["there is no such table, and it has no recovery point"],
    );
    let none = "arn:aws:backup:eu-west-1:111122223333:recovery-point:none";
    refused(
        &drill(&bench, &["--point", none]),
        1,
        &["no vault of account 111122223333, eu-west-1 holds", "restore-access"],
    );
    refused(
        &drill(&bench, &["music", "--to-account", "444455556666"]),
        2,
        &["has no role to act with", "role_arn"],
    );
    std::fs::create_dir(bench.path("full")).expect("a folder");
    bench.write("full/notes.txt", "");
    refused(&drill(&bench, &["music", "--to", "full"]), 2, &["it holds `notes.txt`"]);
    assert_eq!(made_by_drills(&bench), Vec::<String>::new());
    assert!(!bench.path("run").exists());
}

#[cfg(unix)]
fn signal(child: &std::process::Child, signal: &str) {
    let sent = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.expect("sent").success());
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_after_the_calls_and_a_folder_in_use_is_nobody_elses() {
    let bench = bench(&backed_up("second", ""));
    let args = ["drill", "music", "second", "--poll-interval", "1s"];
    let child = bench.start(&args);
    let began = Instant::now();
    while made_by_drills(&bench).is_empty() && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    // Another run in the same folder, and a clean-up of it.
    let dir = std::fs::read_dir(bench.path("backproof-drills"))
        .expect("a folder")
        .flatten()
        .next()
        .expect("a run");
    let dir = format!("backproof-drills/{}", dir.file_name().to_string_lossy());
    refused(&bench.run(&args), 1, &["another run is using it"]);
    refused(
        &bench.run(&["drill", "clean", &dir, "--yes"]),
        1,
        &["another run is using it"],
    );
    signal(&child, "-INT");
    let ended = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{stderr}");
    assert!(
        stderr.contains(&format!("--to {dir}")) && stderr.contains(&format!("drill clean {dir}")),
        "{stderr}"
    );
    // The same command goes on, without being told where.
    let ran = bench.run(&args);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("going on with the drill"), "{}", ran.stderr);
    assert!(ran.stdout.contains("2 tables: 2 restored and equal"), "{}", ran.stdout);
    assert_eq!(writes(&bench, "backup:StartRestoreJob").len(), 2);
    assert_eq!(made_by_drills(&bench), Vec::<String>::new());
}

#[test]
fn a_plan_of_another_account_is_left_alone() {
    let other = "[[account]]\nid = \"444455556666\"\nregions = [\"eu-west-1\"]\n";
    let bench = bench(other);
    bench.fault(r#"{"action": "backup:StartRestoreJob", "error-rate": 1.0}"#);
    let args = ["drill", "music", "--to", "run", "--poll-interval", "1s"];
    assert_eq!(bench.run_patiently("1s", &args).code, 1);
    bench.no_faults();
    let mut environment = bench.sandbox.environment();
    for (name, value) in &mut environment {
        if name == "AWS_ACCESS_KEY_ID" {
            *value = "AKIA444455556666".to_owned();
        }
    }
    let ran = crate::common::run(bench.dir.path(), &environment, &args);
    refused(
        &ran,
        1,
        &[
            "the drill was begun by another account",
            "444455556666",
            "nothing was deleted",
        ],
    );
    // A plan that was changed is none.
    let path = bench.path("run/plan.json");
    let plan = std::fs::read_to_string(&path).expect("a plan");
    std::fs::write(&path, plan.replace("\"eu-west-1\"", "\"eu-central-1\"")).expect("written");
    refused(&bench.run(&args), 2, &["it was changed since it was made"]);
    // One that names a table of somebody is none either, whatever its digest says.
    let name = json_file(&path)["drills"][0]["table_name"]
        .as_str()
        .expect("a name")
        .to_owned();
    std::fs::write(&path, plan.replace(&name, "orders")).expect("written");
    refused(&bench.run(&args), 2, &["its table is to be `orders`"]);
    // Nor is a journal that does.
    std::fs::write(&path, &plan).expect("written");
    let journal = bench.path("run/journal.jsonl");
    let lines = std::fs::read_to_string(&journal).expect("a journal");
    std::fs::write(&journal, lines.replace(&name, "orders")).expect("written");
    refused(
        &bench.run(&args),
        1,
        &["could not use the journal", "it is about `orders`"],
    );
    assert!(writes(&bench, "dynamodb:DeleteTable").is_empty());
}

/// 25 runs, each killed at a moment of its own; half go on, half are cleaned up. No table is ever there that no journal knows, and
/// nothing is deleted that a drill did not make.
#[test]
fn twenty_five_kills_leave_no_table_without_a_record() {
    let bench = bench(&backed_up("second", ""));
    aws::create_table(&bench, "backproof-drill-of-somebody-1", &json!([]));
    let before = tables(&bench);
    // Calls take a while, so that many a kill comes in the middle of one.
    bench.fault(r#"{"latency-ms": 25}"#);
    std::thread::scope(|scope| {
        for lane in 0..5_u64 {
            let bench = &bench;
            scope.spawn(move || {
                for turn in 0..5_u64 {
                    killed(bench, lane * 5 + turn);
                }
            });
        }
    });
    assert_eq!(tables(&bench), before);
    let of_drills = |write: &Value| write.to_string().contains(PREFIX) && !write.to_string().contains("of-somebody");
    let deleted = writes(&bench, "dynamodb:DeleteTable");
    assert!(deleted.len() > 25 && deleted.iter().all(of_drills), "{deleted:?}");
    let jobs = writes(&bench, "backup:StartRestoreJob");
    let targets: BTreeSet<String> = jobs
        .iter()
        .map(|job| job["parameters"]["Metadata"]["targetTableName"].to_string())
        .collect();
    assert_eq!(jobs.len(), targets.len(), "a restore was ordered twice");
}

/// One run, killed after a while, and what becomes of it.
fn killed(bench: &Bench, number: u64) {
    let dir = format!("run-{number}");
    let args = ["drill", "music", "second", "--to", &dir, "--poll-interval", "1s"];
    let mut child = bench.start(&args);
    std::thread::sleep(Duration::from_millis(150 + number * 190));
    child.kill().expect("killed, or gone");
    child.wait().expect("gone");
    // What is there, or may come to be there yet, stands in the journal.
    let plan = bench.path(&dir).join("plan.json");
    if plan.exists() {
        let plan = json_file(&plan);
        let journal = std::fs::read_to_string(bench.path(&dir).join("journal.jsonl")).expect("a journal");
        let run_id = plan["run_id"].as_str().expect("a name");
        let there = tables(bench).into_iter().filter(|name| name.contains(run_id));
        for name in there {
            assert!(journal.contains(&name), "{name} is not in the journal of {dir}");
        }
    }
    let ran = if number.is_multiple_of(2) || !bench.path(&dir).join("plan.json").exists() {
        bench.run(&args)
    } else {
        bench.run(&["drill", "clean", &dir, "--yes", "--poll-interval", "1s"])
    };
    assert_eq!(ran.code, 0, "{number}: {}{}", ran.stdout, ran.stderr);
    if bench.path(&dir).join("pack").exists() {
        let ran = bench.run(&["verify", &format!("{dir}/pack")]);
        assert_eq!(ran.code, 0, "{number}: {}{}", ran.stdout, ran.stderr);
    }
    if let Ok(plan) = std::fs::read_to_string(bench.path(&dir).join("plan.json")) {
        let plan: Value = serde_json::from_str(&plan).expect("JSON");
        let run_id = plan["run_id"].as_str().expect("a name").to_owned();
        let left: Vec<String> = tables(bench)
            .into_iter()
            .filter(|name| name.contains(&run_id))
            .collect();
        assert!(left.is_empty(), "{number}: {left:?}");
    }
}

/// What the dry run says, held against what AWS was then asked and what it counted.
#[test]
fn the_estimate_is_within_five_percent() {
    let number: usize = std::env::var("BACKPROOF_DRILL_TABLES").map_or(12, |text| text.parse().expect("a number"));
    let many: String = (0..number)
        .map(|place| backed_up(&format!("many-{place:03}"), "").replace("items = 50", "items = 1500"))
        .collect();
    let bench = bench(&many);
    // AWS remembers a restore, and how long it took.
    assert_eq!(drill(&bench, &["music", "--to", "first"]).code, 0);
    let names: Vec<String> = (0..number).map(|place| format!("many-{place:03}")).collect();
    let mut args: Vec<&str> = names.iter().map(String::as_str).collect();
    args.extend(["--concurrency", "20"]);
    let ran = drill(&bench, &[&args[..], &["--dry-run", "--format", "json"]].concat());
    let plan = ran.json();
    let before = calls(&bench);
    let ran = drill(&bench, &[&args[..], &["--to", "all"]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let mut made = calls(&bench);
    for (action, number) in before {
        made.entry(action).and_modify(|after| *after -= number);
    }
    made.retain(|_, number| *number > 0);
    let expected: BTreeMap<String, u64> =
        serde_json::from_value(plan["estimate"]["calls"].clone()).expect("numbers by action");
    let sum = |calls: &BTreeMap<String, u64>| calls.values().sum::<u64>() as f64;
    let record = record(&bench, "all");
    let units: f64 = record["drills"]
        .as_array()
        .expect("drills")
        .iter()
        .map(|drill| {
            let of = |side: &str| drill["items"][side]["read_units"].as_f64().expect("units");
            of("restored") + of("other")
        })
        .sum();
    let told = plan["estimate"]["read_units"].as_f64().expect("units");
    assert!(
        (sum(&expected) / sum(&made) - 1.0).abs() < 0.05,
        "told {expected:?}\nmade {made:?}"
    );
    assert!((told / units - 1.0).abs() < 0.05, "told {told}, counted {units}");
    // The price is that of the bytes of the points and of what was read.
    let drills = record["drills"].as_array().expect("drills");
    let bytes: f64 = drills
        .iter()
        .map(|drill| drill["point"]["size_bytes"].as_f64().expect("a size"))
        .sum();
    let usd = bytes / f64::from(1 << 30) * 0.15 + units / 1e6 * 0.125;
    let told = plan["estimate"]["usd"].as_f64().expect("a price");
    // It is rounded up to a hundredth of a cent.
    assert!(told >= usd && told <= usd * 1.05 + 0.0001, "told {told}, is {usd}");
}

#[test]
fn tables_are_due_by_their_term_and_drawn_as_a_sample_is() {
    let bench = bench(&backed_up("second", ""));
    bench.write(
        "backproof.toml",
        "[policy]\nrestore-tested-within = \"30d\"\nrto = \"4h\"\n",
    );
    bench.scan("audit", &[]);
    // Only tables with a point can be drilled; the others are named.
    let ran = drill(&bench, &["--due", "--from", "audit", "--to", "due"]);
    refused(
        &ran,
        11,
        &[
            "4 tables are due: the term is over, or will be within 7d",
            "table/forgotten` is left out",
        ],
    );
    let record = record(&bench, "due");
    assert_eq!(record["drills"].as_array().map(Vec::len), Some(3));
    assert_eq!(record["drills"][0]["rto_seconds"], 4 * 3600);
    bench.scan("after", &[]);
    let ran = drill(&bench, &["--due", "--from", "after", "--dry-run"]);
    refused(&ran, 1, &["1 table is due:", "table/forgotten` cannot be drilled"]);
    let ran = drill(
        &bench,
        &[
            "--due",
            "--near",
            "0d",
            "--from",
            "after",
            "--max-size",
            "1KB",
            "--dry-run",
        ],
    );
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let ran = drill(
        &bench,
        &[
            "--due",
            "--near",
            "40d",
            "--from",
            "after",
            "--max-tables",
            "1",
            "--dry-run",
        ],
    );
    assert!(
        ran.stdout.contains("`--max-tables` allows 1 table"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    // Without a term there is nothing to be due.
    bench.write("none.toml", "");
    refused(
        &drill(&bench, &["--due", "--from", "audit", "--config", "none.toml"]),
        2,
        &["no table has a term for restore tests"],
    );
    let sample = [
        "--sample",
        "2",
        "--seed",
        "engagement 17",
        "--from",
        "audit",
        "--dry-run",
        "--format",
        "json",
    ];
    let plan = drill(&bench, &sample).json();
    let drawn = bench
        .run(&[
            "sample",
            "audit",
            "--seed",
            "engagement 17",
            "--size",
            "2",
            "--format",
            "json",
        ])
        .json();
    let of_sample: BTreeSet<String> = drawn["items"]
        .as_array()
        .expect("tables")
        .iter()
        .map(|table| table["table_arn"].to_string())
        .collect();
    let arns = |list: &Value, of: fn(&Value) -> &Value| -> BTreeSet<String> {
        list.as_array()
            .expect("a list")
            .iter()
            .map(|one| of(one).to_string())
            .collect()
    };
    let mut of_plan = arns(&plan["drills"], |drill| &drill["source"]["table_arn"]);
    of_plan.extend(arns(&plan["left_out"], |left| &left["table_arn"]));
    assert_eq!(of_plan, of_sample);
}

#[test]
fn copies_are_restored_where_they_lie_and_points_are_chosen_by_age() {
    let world = with(&with_copies(&two_regions(QUICK)), "frozen = true\n", "");
    let bench = Bench::new(&with(
        &world,
        "tags = { backup = \"daily\" }\n",
        "tags = { backup = \"daily\" }\nitems = 20\n",
    ));
    let ran = drill(&bench, &["orders", "--to-region", "eu-central-1", "--to", "copy"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let record = record(&bench, "copy");
    let one = &record["drills"][0];
    assert_eq!(one["restored"]["region"], "eu-central-1");
    assert_eq!(one["point"]["vault_name"], "dr");
    assert_eq!(one["verdict"], "identical");
    let dates: Vec<String> = ["newest", "oldest"]
        .iter()
        .map(|which| {
            let plan = drill(&bench, &["orders", "--point", which, "--dry-run", "--format", "json"]).json();
            plan["drills"][0]["point"]["created_at"]
                .as_str()
                .expect("a date")
                .to_owned()
        })
        .collect();
    assert!(dates[0] > dates[1], "{dates:?}");
    let random = |seed: &str| {
        let args = [
            "orders",
            "--point",
            "random",
            "--seed",
            seed,
            "--dry-run",
            "--format",
            "json",
        ];
        drill(&bench, &args).json()["drills"][0]["point"]["arn"].to_string()
    };
    assert_eq!(random("a"), random("a"));
    let drawn: BTreeSet<String> = ["a", "b", "c", "d"].iter().map(|seed| random(seed)).collect();
    assert!(drawn.len() > 1);
}

/// The copy in the vault of a central account, by the role that the settings have for it; a table of no items is one all the same.
#[test]
fn a_copy_in_another_account_is_restored_there() {
    let bench = Bench::new(&(with(&central(30), "frozen = true\n", "") + QUICK));
    bench.write(
        "backproof.toml",
        "[[accounts]]\nid = \"444455556666\"\nrole_arn = \"arn:aws:iam::444455556666:role/Audit\"\n",
    );
    let ran = drill(&bench, &["orders", "--to-account", "444455556666", "--to", "run"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let one = &record(&bench, "run")["drills"][0];
    assert_eq!(one["restored"]["account_id"], "444455556666");
    assert_eq!(
        one["restored"]["role_arn"],
        "arn:aws:iam::444455556666:role/service-role/AWSBackupDefaultServiceRole"
    );
    assert_eq!(one["point"]["vault_name"], "central");
    assert_eq!(one["verdict"], "identical");
    assert_eq!(one["cleanup"]["kind"], "gone");
}
