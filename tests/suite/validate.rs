//! `drill validate`: tables of AWS's own restore testing, compared, filed, and AWS told.

use std::path::Path;

use serde_json::{Value, json};

use crate::common::aws::{backup, delete_table, dynamodb};
use crate::common::json_file;
use crate::common::worlds::{HERE, event, table, world};
use crate::common::{Bench, Ran, refused};

const OF_MUSIC: &str = "table = \"Music\"\nvault = \"Default\"\ndelete-after-days = 97";

/// A table with a point, and a plan that tests it at six in the evening and keeps the new table for some hours.
fn tested(settings: &str, hours: u32, more: &str) -> String {
    let plan = format!(
        "[[restore-testing-plan]]\n{HERE}name = \"evening\"\nschedule = \"cron(0 18 ? * * *)\"\nstart-window-hours = 1\nruns = true\n\
         [[restore-testing-plan.selection]]\nname = \"music\"\nresources = [\"arn:aws:dynamodb:{{region}}:{{account}}:table/Music\"]\n\
         validation-hours = {hours}\n"
    );
    world(&(table("Music", settings) + &event("90m", &format!("do = \"on-demand-backup\"\n{OF_MUSIC}")) + &plan + more))
}

/// The evening comes: the jobs of the plan, the newest first.
fn jobs(bench: &Bench) -> Vec<Value> {
    let listed = backup(bench, "GET /restore-jobs/", &Value::Null);
    let jobs = listed["RestoreJobs"].as_array().expect("jobs").clone();
    jobs.into_iter().filter(|job| !job["CreatedBy"].is_null()).collect()
}

/// After a run of the plan: the bench, and its one job.
fn after_a_test(world: &str) -> (Bench, String) {
    let bench = Bench::new(world);
    let now = bench.sandbox.now();
    let evening = now.date_naive().and_hms_opt(19, 30, 0).expect("a time").and_utc();
    bench.sandbox.advance(evening - now);
    let made = jobs(&bench);
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0]["ValidationStatus"], "VALIDATING", "{}", made[0]);
    let id = made[0]["RestoreJobId"].as_str().expect("an id").to_owned();
    (bench, id)
}

fn validate(bench: &Bench, job: &str, more: &[&str]) -> Ran {
    bench.run(&[&["drill", "validate", "--job", job, "--to", "test"], more].concat())
}

fn told(bench: &Bench) -> (Value, String, Value) {
    let job = &jobs(bench)[0];
    let message = job["ValidationStatusMessage"].as_str().unwrap_or_default().to_owned();
    (job["ValidationStatus"].clone(), message, job["DeletionStatus"].clone())
}

fn calls(bench: &Bench, action: &str) -> u64 {
    bench.sandbox.calls().get(action).copied().unwrap_or(0)
}

fn verified(bench: &Bench) {
    let ran = bench.run(&["verify", "test/pack"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

fn record(bench: &Bench) -> Value {
    json_file(&bench.path("test/pack/drill.json"))
}

#[test]
fn an_equal_table_is_successful_and_filed() {
    let (bench, job) = after_a_test(&tested("items = 40", 8, ""));
    let ran = validate(&bench, &job, &["--dry-run"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("told nothing (--dry-run)"), "{}", ran.stderr);
    assert_eq!(told(&bench).0, "VALIDATING");
    let ran = validate(&bench, &job, &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("IDENTICAL"), "{}", ran.stdout);
    assert!(ran.stderr.contains("compared before"), "{}", ran.stderr);
    let (status, message, deletion) = told(&bench);
    assert_eq!((status, deletion), (json!("SUCCESSFUL"), json!("DELETING")));
    assert!(message.contains("same in every part and every item"), "{message}");
    verified(&bench);
    let record = record(&bench);
    let drill = &record["drills"][0];
    assert_eq!(
        (&drill["verdict"], &drill["items"]["restored"]["items"]),
        (&json!("identical"), &json!(40))
    );
    assert_eq!(drill["restored"]["job_id"], job.as_str());
    assert_eq!(drill["times"]["active_at"], drill["job"]["completed_at"]);
    // The table is AWS's to delete.
    assert_eq!(calls(&bench, "dynamodb:DeleteTable"), 0);
    let again = validate(&bench, &job, &[]);
    refused(
        &again,
        1,
        &[
            "the restore test is SUCCESSFUL already",
            "does not let a verdict be changed",
        ],
    );
}

#[test]
fn damage_is_failed_and_nothing_else_is() {
    let damage = |what: &str| {
        tested(
            &format!("items = 40\nchanged-at = \"at\"\ndamage = {{ {what} }}"),
            8,
            "",
        )
    };
    for (what, word) in [
        ("lost = 1", "missing"),
        ("changed = 1", "changed"),
        ("swapped = 1", "changed"),
    ] {
        let (bench, job) = after_a_test(&damage(what));
        let ran = validate(&bench, &job, &["--changed-at", "at"]);
        let (status, message, deletion) = told(&bench);
        let record = record(&bench);
        let found = &record["drills"][0]["items"]["differences"];
        assert_eq!(found["examples"][0]["kind"], word, "{what}: {found}");
        assert_eq!(ran.code, 10, "{what}: {}{}", ran.stdout, ran.stderr);
        assert_eq!((status, deletion), (json!("FAILED"), json!("DELETING")), "{what}");
        assert!(
            message.contains("not what the recovery point had to hold"),
            "{what}: {message}"
        );
        verified(&bench);
    }
    // An item too much may have been deleted since, which leaves no time.
    let (bench, job) = after_a_test(&damage("added = 1"));
    let ran = validate(&bench, &job, &["--changed-at", "at"]);
    assert_eq!(
        (ran.code, told(&bench).0),
        (11, json!("VALIDATING")),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    assert_eq!(
        record(&bench)["drills"][0]["items"]["differences"]["examples"][0]["kind"],
        "extra"
    );
    // Nothing tells when the item was written: it may have been since the point.
    let (bench, job) = after_a_test(&damage("changed = 1"));
    let ran = validate(&bench, &job, &[]);
    assert_eq!(ran.code, 11, "{}{}", ran.stdout, ran.stderr);
    let (status, message, deletion) = told(&bench);
    assert_eq!((status, deletion), (json!("VALIDATING"), Value::Null));
    assert!(message.contains("not validated"), "{message}");
    assert!(ran.stderr.contains("no verdict"), "{}", ran.stderr);
    verified(&bench);
    bench.sandbox.advance(chrono::TimeDelta::hours(9));
    let (status, _, deletion) = told(&bench);
    assert_eq!((status, deletion), (json!("TIMED_OUT"), json!("SUCCESSFUL")));
}

#[test]
fn items_written_since_the_point_are_no_damage() {
    let since = event(
        "60m",
        "do = \"write-items\"\ntable = \"Music\"\nadded = 2\nchanged = 3\nlost = 1",
    );
    let ttl = "ttl = \"until\"\nexpires-items = 1\nexpires-days-ago = 0";
    for (settings, code, status) in [
        (
            "items = 40\nchanged-at = \"at:milliseconds\"".to_owned(),
            11,
            "VALIDATING",
        ),
        (
            format!("items = 40\nchanged-at = \"at:milliseconds\"\n{ttl}"),
            11,
            "VALIDATING",
        ),
    ] {
        // A deleted item leaves no time behind: nothing tells when it was.
        let (bench, job) = after_a_test(&tested(&settings, 8, &since));
        let ran = validate(&bench, &job, &["--changed-at", "at"]);
        assert_eq!(
            (ran.code, told(&bench).0),
            (code, json!(status)),
            "{}{}",
            ran.stdout,
            ran.stderr
        );
    }
    let since = event("60m", "do = \"write-items\"\ntable = \"Music\"\nadded = 2\nchanged = 3");
    let settings = format!("items = 40\nchanged-at = \"at\"\n{ttl}");
    let (bench, job) = after_a_test(&tested(&settings, 8, &since));
    let ran = validate(&bench, &job, &["--changed-at", "at"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let (status, message, _) = told(&bench);
    assert_eq!(status, "SUCCESSFUL");
    assert!(message.contains("equal but for items written since"), "{message}");
    let found = record(&bench)["drills"][0]["items"]["differences"].clone();
    assert_eq!((&found["since"], &found["untold"]), (&json!(6), &json!(0)), "{found}");
}

#[test]
fn what_cannot_be_compared_is_no_success() {
    let (bench, job) = after_a_test(&tested("items = 40", 8, ""));
    delete_table(&bench, "Music");
    let ran = validate(&bench, &job, &[]);
    assert_eq!(
        (ran.code, told(&bench).0),
        (11, json!("VALIDATING")),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    verified(&bench);
    let (bench, job) = after_a_test(&tested("items = 40", 8, ""));
    bench.fault(r#"{"deny": "dynamodb:Scan"}"#);
    let ran = validate(&bench, &job, &[]);
    assert_eq!(
        (ran.code, told(&bench).0),
        (11, json!("VALIDATING")),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    assert!(told(&bench).1.contains("AccessDenied"), "{}", told(&bench).1);
    // Indexes and keys alone are not the items.
    let (bench, job) = after_a_test(&tested("items = 40", 8, ""));
    let ran = validate(&bench, &job, &["--compare", "nothing"]);
    assert_eq!(
        (ran.code, told(&bench).0),
        (11, json!("VALIDATING")),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
}

#[test]
fn the_time_of_a_table_with_indexes_is_an_upper_bound() {
    let index = "[[table.global-index]]\nname = \"by-city\"\nhash-key = \"city\"";
    let (bench, job) = after_a_test(&tested(&format!("items = 5\nindex-seconds = 7200\n{index}"), 8, ""));
    // An index that is not there yet is waited for.
    let ran = validate(&bench, &job, &["--timeout", "1s", "--poll-interval", "1s"]);
    refused(
        &ran,
        1,
        &[
            "could not be compared",
            "or an index of it, is not ACTIVE",
            "as long as the test waits for a verdict",
        ],
    );
    bench.sandbox.advance(chrono::TimeDelta::hours(2));
    let ran = validate(&bench, &job, &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("is an upper bound"), "{}", ran.stderr);
    verified(&bench);
}

#[test]
fn a_sample_says_that_it_is_one() {
    let (bench, job) = after_a_test(&tested("items = 400", 8, ""));
    let ran = validate(&bench, &job, &["--compare", "sample=4/16"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let (status, message, _) = told(&bench);
    assert_eq!(status, "SUCCESSFUL");
    assert!(
        message.contains("a sample of the items is equal; the others were not read"),
        "{message}"
    );
}

#[test]
fn only_open_restore_tests_are_validated() {
    let (bench, job) = after_a_test(&tested("items = 5", 1, ""));
    let own = json!({
        "RecoveryPointArn": jobs(&bench)[0]["RecoveryPointArn"],
        "IamRoleArn": "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole",
        "Metadata": { "targetTableName": "by-hand", "encryptionType": "Default" },
    });
    let own = backup(&bench, "PUT /restore-jobs", &own)["RestoreJobId"]
        .as_str()
        .expect("an id")
        .to_owned();
    let so = "nothing was compared, and AWS was told nothing";
    refused(
        &validate(&bench, &own, &[]),
        1,
        &["is not a restore test", so, "backproof drill"],
    );
    let absent = "00000000-0000-4000-8000-000000000000";
    refused(
        &validate(&bench, absent, &[]),
        1,
        &["could not look at the restore job", so, "restoreJobId"],
    );
    refused(&validate(&bench, " ", &[]), 2, &["no id of a restore job", so]);
    refused(
        &validate(&bench, &job, &["--compare", "half"]),
        2,
        &["how much to compare", so],
    );
    let neither = bench.run(&["drill", "validate"]);
    assert_eq!(neither.code, 2, "{}", neither.stderr);
    refused(
        &validate(&bench, &job, &["--once"]),
        2,
        &["--once", "cannot be used with"],
    );
    bench.fault(r#"{"deny": "backup:PutRestoreValidationResult"}"#);
    let ran = validate(&bench, &job, &[]);
    refused(
        &ran,
        1,
        &[
            "AWS did not take the verdict SUCCESSFUL",
            "what was compared is filed",
            "same command",
        ],
    );
    bench.no_faults();
    let scans = calls(&bench, "dynamodb:Scan");
    let ran = validate(&bench, &job, &[]);
    assert_eq!((ran.code, told(&bench).0), (0, json!("SUCCESSFUL")), "{}", ran.stderr);
    assert_eq!(calls(&bench, "dynamodb:Scan"), scans, "nothing is compared again");
    // Another job cannot use its folder, and a test whose table is gone is none.
    let (bench, job) = after_a_test(&tested("items = 5", 1, ""));
    bench.sandbox.advance(chrono::TimeDelta::hours(2));
    refused(
        &validate(&bench, &job, &[]),
        1,
        &["the restore test is TIMED_OUT already", so],
    );
}

#[test]
fn a_plan_is_watched() {
    let (bench, job) = after_a_test(&tested("items = 40", 8, ""));
    // The answer to the verdict is lost: AWS has it all the same.
    bench.fault(r#"{"action": "backup:PutRestoreValidationResult", "reset-rate": 1.0, "times": 1}"#);
    let watch = |more: &[&str]| {
        bench.run(
            &[
                &["drill", "validate", "--watch", "evening", "--once", "--to", "tests"],
                more,
            ]
            .concat(),
        )
    };
    let ran = watch(&[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(told(&bench).0, "SUCCESSFUL");
    let dir = format!("tests/restore-test-{}", job.to_ascii_lowercase());
    assert!(bench.path(&dir).join("pack/manifest.json").exists());
    let ran = watch(&[]);
    assert_eq!(ran.code, 11, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("nothing was validated"), "{}", ran.stderr);
    let ran = bench.run(&["drill", "validate", "--watch", "morning", "--once"]);
    refused(
        &ran,
        1,
        &[
            "could not find the ARN of restore testing plan `morning`",
            "no test was validated",
        ],
    );
    // The tag of AWS is where it was: nothing here touched the table.
    let item = json!({ "TableName": "Music", "Key": { "id": { "S": "id-000001" } } });
    dynamodb(&bench, "GetItem", &item);
    assert_eq!(calls(&bench, "dynamodb:DeleteTable"), 0);
    assert!(Path::new(&bench.path(&dir)).join("journal.jsonl").exists());
}
