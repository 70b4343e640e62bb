//! `restore`: a recovery point to a new table, and what is refused in words.

use serde_json::Value;

use crate::common::worlds::{event, native, table, thawed};
use crate::common::{Bench, fact, permitted, refused, table_row};

/// The table of AWS's tutorial, with everything that a restore leaves out, and a point of it.
fn music() -> String {
    let settings = "items = 5\ntags = { team = \"web\", backup = \"daily\" }\nttl = \"expires\"\npitr-days = 14\ndeletion-protection = true";
    let backup = "do = \"on-demand-backup\"\ntable = \"Music\"\nvault = \"Default\"\ndelete-after-days = 97";
    table("Music", settings) + &event("2d", backup)
}

const QUICK: &str = "[jobs]\nrestore-seconds = 1\n";

fn calls(bench: &Bench, action: &str) -> u64 {
    bench.sandbox.calls().get(action).copied().unwrap_or(0)
}

#[test]
fn a_table_is_restored_and_gets_back_what_aws_leaves_out() {
    let bench = Bench::new(&thawed(&(music() + QUICK)));
    // A stream: no world says so.
    bench.send(
        "POST /",
        "content-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.UpdateTable\r\nauthorization: AWS4-HMAC-SHA256 Credential=AKIA111122223333/20261101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0\r\n",
        br#"{"TableName": "Music", "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}}"#,
    );
    let restore = |more: &[&str]| bench.run(&[&["restore", "Music", "--to", "DynamoDB-restore"], more].concat());
    let before = bench.sandbox.calls();
    let ran = restore(&["--dry-run", "--complete"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for text in [
        "would restore arn:aws:backup:",
        "to be set again: 2 tags; time to live by `expires`; a stream of KEYS_ONLY; point-in-time recovery, 14 days back; deletion protection",
        "nor does it restore",
    ] {
        assert!(ran.stderr.contains(text), "`{text}` is not in: {}", ran.stderr);
    }
    assert!(!before.contains_key("backup:StartRestoreJob"));
    assert_eq!(calls(&bench, "backup:StartRestoreJob"), 0);

    let ran = restore(&["--complete", "--poll-interval", "1s"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.starts_with("DynamoDB-restore\t"), "{}", ran.stdout);
    assert!(ran.stderr.contains("DynamoDB-restore COMPLETED"), "{}", ran.stderr);
    let (_, report) = bench.scan("after", &["--format", "json"]);
    let row = table_row(&report, "DynamoDB-restore");
    assert_eq!(row["facts"]["tags"], "backup=daily; team=web");
    assert_eq!(row["facts"]["pitr_on"], true);
    assert_eq!(row["facts"]["deletion_protection_on"], true);
    assert_eq!(row["facts"]["table_key_owner"], "aws-owned");
    for (action, number) in [
        ("dynamodb:TagResource", 1),
        ("dynamodb:UpdateTimeToLive", 1),
        ("dynamodb:UpdateContinuousBackups", 1),
        // The stream of the original, that of the new table, and its protection.
        ("dynamodb:UpdateTable", 3),
        ("backup:StartRestoreJob", 1),
    ] {
        assert_eq!(calls(&bench, action), number, "{action}");
    }

    // Never into a table that is there.
    let ran = restore(&[]);
    refused(
        &ran,
        1,
        &[
            "there is a table `DynamoDB-restore` already",
            "nothing was restored",
            "--to",
        ],
    );
    assert_eq!(calls(&bench, "backup:StartRestoreJob"), 1);

    let printed = permitted(&bench.run(&["explain", "permissions", "--command", "restore"]));
    let printed: Vec<String> = printed.into_iter().flatten().collect();
    for action in [
        "backup:StartRestoreJob",
        "dynamodb:TagResource",
        "iam:PassRole",
        "backup:ListBackupVaults",
    ] {
        assert!(printed.iter().any(|known| known == action), "{action}: {printed:?}");
    }
}

#[test]
fn a_point_is_restored_by_its_arn_under_the_key_that_was_asked_for() {
    let bench = Bench::new(&thawed(&(music() + &native() + QUICK)));
    let points = bench.sandbox.inside().points;
    let of = |name: &str| {
        let mut found = points
            .iter()
            .filter(|point| point.table_arn.ends_with(&format!("/{name}")));
        found.next_back().expect("a point").arn.to_string()
    };
    for (point, to) in [(of("Music"), "by-arn"), (of("native"), "of-native")] {
        let ran = bench.run(&[
            "restore",
            &point,
            "--to",
            to,
            "--key",
            "aws-managed",
            "--wait",
            "--poll-interval",
            "1s",
        ]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("`--complete` sets them again"), "{}", ran.stderr);
    }
    let (_, report) = bench.scan("after", &["--format", "json"]);
    for name in ["by-arn", "of-native"] {
        assert_eq!(table_row(&report, name)["facts"]["table_key_owner"], "aws-managed");
    }
}

#[test]
fn what_cannot_be_restored_is_refused_in_words() {
    let again = table("reborn", "")
        + &event(
            "5d",
            "do = \"on-demand-backup\"\ntable = \"reborn\"\nvault = \"Default\"\ndelete-after-days = 97",
        )
        + &event("4d", "do = \"delete-table\"\ntable = \"reborn\"")
        + &event("3d", "do = \"create-table\"\ntable = \"reborn\"");
    let cold = table("cold", "")
        + &event(
            "5d",
            "do = \"on-demand-backup\"\ntable = \"cold\"\nvault = \"Default\"\ncold-after-days = 1\ndelete-after-days = 97",
        );
    let bench = Bench::new(&thawed(&(music() + &again + &cold + QUICK)));
    let run = |args: &[&str]| bench.run(&[&["restore"], args].concat());
    for (args, code, texts) in [
        (
            &["Music", "--to", "a b"][..],
            2,
            &["is no name for the new table", "nothing was restored"][..],
        ),
        (
            &["Music", "--to", "awsbackup-restore-test-1"],
            2,
            &["AWS's own restore tests"],
        ),
        (&["Music", "--to", "new", "--key", "mine"], 2, &["`--key` is no key"]),
        (
            &["arn:aws:s3:::bucket", "--to", "new"],
            2,
            &["neither a table nor a recovery point"],
        ),
        (&["Music", "--to", "orders"], 1, &["there is a table `orders` already"]),
        (
            &["Musik", "--to", "new"],
            1,
            &["has no recovery point that can be restored", "did you mean `Music`?"],
        ),
        (
            &["forgotten", "--to", "new"],
            1,
            &["it has no recovery point in this account and Region"],
        ),
        (
            &["reborn", "--to", "new"],
            1,
            &["1 recovery point of an earlier table of this name"],
        ),
        (
            &[
                "arn:aws:backup:eu-west-1:111122223333:recovery-point:none",
                "--to",
                "new",
            ],
            1,
            &[
                "there is no recovery point",
                "no vault of this account and Region holds it",
            ],
        ),
    ] {
        refused(&run(args), code, texts);
    }
    assert_eq!(calls(&bench, "backup:StartRestoreJob"), 0);

    // Said, and done all the same.
    let ran = run(&["cold", "--to", "thawed", "--dry-run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("about four hours more"), "{}", ran.stderr);
    let points = bench.sandbox.inside().points;
    let mut of_reborn = points.iter().filter(|point| point.table_arn.ends_with("/reborn"));
    let earlier = of_reborn.next().expect("a point").arn.to_string();
    let ran = run(&[&earlier, "--to", "of-earlier", "--dry-run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("holds an earlier table of this name"),
        "{}",
        ran.stderr
    );

    // Denied: AWS's words, and what follows.
    bench.fault(r#"{"deny": "backup:StartRestoreJob"}"#);
    let ran = run(&["Music", "--to", "new"]);
    refused(
        &ran,
        1,
        &[
            "AccessDenied",
            "from backup:StartRestoreJob",
            "nothing was restored",
            "--command restore",
        ],
    );
    bench.no_faults();
    bench.fault(r#"{"deny": "backup:ListRecoveryPointsByBackupVault"}"#);
    let ran = run(&["Music", "--to", "new"]);
    refused(&ran, 1, &["none was seen, and not every vault could be read"]);
}

#[test]
fn a_table_that_is_gone_is_completed_from_a_stored_inventory() {
    let bench = Bench::new(&thawed(&(music() + QUICK)));
    bench.scan("audit", &["--format", "json"]);
    let (_, report) = bench.scan("seen", &["--format", "json"]);
    assert_eq!(fact(&report, "Music", "pitr_on"), &Value::from(true));
    let dynamodb = |operation: &str, body: &str| {
        let headers = format!(
            "content-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.{operation}\r\nauthorization: AWS4-HMAC-SHA256 Credential=AKIA111122223333/20261101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0\r\n"
        );
        bench.send("POST /", &headers, body.as_bytes());
    };
    dynamodb(
        "UpdateTable",
        r#"{"TableName": "Music", "DeletionProtectionEnabled": false}"#,
    );
    std::thread::sleep(std::time::Duration::from_secs(6));
    dynamodb("DeleteTable", r#"{"TableName": "Music"}"#);
    std::thread::sleep(std::time::Duration::from_secs(6));
    let restore = |more: &[&str]| bench.run(&[&["restore", "Music", "--to", "back", "--complete"], more].concat());
    refused(&restore(&[]), 2, &["the original table is gone", "--from"]);
    assert_eq!(calls(&bench, "backup:StartRestoreJob"), 0);
    let ran = restore(&["--from", "audit/inventory", "--poll-interval", "1s"]);
    // What the inventory does not know is said.
    refused(
        &ran,
        1,
        &[
            "table Music is gone: its newest recovery point is restored",
            "the inventory does not tell its time to live",
            "back: set 2 tags",
            "back: set point-in-time recovery, 14 days back",
            "back: set deletion protection",
        ],
    );
    let (_, report) = bench.scan("after", &["--format", "json"]);
    let row = table_row(&report, "back");
    assert_eq!(row["facts"]["tags"], "backup=daily; team=web");
    assert_eq!(row["facts"]["pitr_on"], true);
}

/// The table that a restore made goes again, by the job that `restore` named, and no other of that name.
#[test]
fn a_restored_table_is_deleted_once_its_name_is_typed_and_nothing_else_ever() {
    let bench = Bench::new(&thawed(&(music() + QUICK)));
    let restore = |to: &str, more: &[&str]| {
        let args = ["restore", "Music", "--to", to, "--wait", "--poll-interval", "1s"];
        let ran = bench.run(&[&args, more].concat());
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let (_, job) = ran.stdout.trim_end().split_once('\t').expect("a job");
        job.to_owned()
    };
    let undo = |job: &str, more: &[&str]| bench.run(&[&["remediate", "undo", "--restored", job], more].concat());
    let job = restore("DynamoDB-restore", &[]);
    let ran = undo(&job, &["--dry-run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout
            .contains("1 table to delete\n  arn:aws:dynamodb:eu-west-1:111122223333:table/DynamoDB-restore"),
        "{}",
        ran.stdout
    );
    refused(
        &undo(&job, &[]),
        2,
        &["what is to be taken back was not typed", "missing: `DynamoDB-restore`"],
    );
    refused(
        &undo(&job, &["--confirm", "Music"]),
        2,
        &["missing: `DynamoDB-restore`"],
    );
    refused(
        &undo("11111111-1111-4111-8111-111111111111", &["--confirm", "Music"]),
        1,
        &[
            "is not taken back",
            "AWS Backup does not know this restore job",
            "nothing was changed",
        ],
    );
    assert_eq!(calls(&bench, "dynamodb:DeleteTable"), 0);
    let typed = ["--confirm", "DynamoDB-restore"];
    let ran = undo(&job, &typed);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for text in [
        "DynamoDB-restore: taken back: the table is deleted",
        "aws cloudwatch describe-alarms --region eu-west-1",
    ] {
        assert!(ran.stderr.contains(text), "`{text}` is not in: {}", ran.stderr);
    }
    bench.control("POST /_sandbox/clock", r#"{"advance-seconds": 3600}"#);
    let ran = undo(&job, &typed);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("the table is gone"), "{}", ran.stderr);
    // Somebody makes one of the same name.
    crate::common::aws::create_table(&bench, "DynamoDB-restore", &serde_json::json!([]));
    bench.control("POST /_sandbox/clock", r#"{"advance-seconds": 60}"#);
    let ran = undo(&job, &typed);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("it is another one"), "{}", ran.stderr);
    assert_eq!(calls(&bench, "dynamodb:DeleteTable"), 1);

    // What keeps it from being deleted is for people to switch off.
    let job = restore("kept", &["--complete"]);
    refused(
        &undo(&job, &["--confirm", "kept"]),
        1,
        &[
            "could not delete table `kept`",
            "from dynamodb:DeleteTable",
            "switch it off by hand",
        ],
    );
    let printed = permitted(&bench.run(&["explain", "permissions", "--command", "undo-restored"]));
    let printed: Vec<String> = printed.into_iter().flatten().collect();
    assert!(
        printed.iter().any(|known| known == "dynamodb:DeleteTable"),
        "{printed:?}"
    );
}
