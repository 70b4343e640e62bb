//! `backup --digest`: what a recovery point has to hold, filed; and what is no digest of it.

use std::path::PathBuf;

use serde_json::Value;

use crate::common::worlds::{table, thawed};
use crate::common::{Bench, Ran, json_file, permitted, refused};

const QUICK: &str = "[jobs]\nbackup-seconds = 1\n";

fn bench(more: &str) -> Bench {
    Bench::new(&thawed(&(table("Music", "items = 50") + more)))
}

fn backup(bench: &Bench, more: &[&str]) -> Ran {
    bench.run(&[&["backup", "Music", "--digest", "--poll-interval", "1s"], more].concat())
}

fn files(bench: &Bench) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(bench.dir.path()).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect()
}

fn filed(bench: &Bench) -> Value {
    let files = files(bench);
    assert_eq!(files.len(), 1, "{files:?}");
    json_file(&files[0])
}

const HEADERS: &str = "content-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.PutItem\r\nauthorization: AWS4-HMAC-SHA256 Credential=AKIA111122223333/20261101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0\r\n";

#[test]
fn a_table_that_nobody_writes_to_gets_the_digest_of_its_point() {
    let bench = bench(QUICK);
    let ran = backup(&bench, &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.starts_with("Music\t"), "{}", ran.stdout);
    for said in [
        "Music: 50 items before the job, and the same after it",
        "names the file by a tag",
        "1 job completed",
    ] {
        assert!(ran.stderr.contains(said), "`{said}` is not in: {}", ran.stderr);
    }
    let digest = filed(&bench);
    assert_eq!(digest["standing"], "of-the-point");
    assert_eq!(digest["before"]["digest"], digest["after"]["digest"]);
    assert_eq!(digest["after"]["items"], 50);
    assert_eq!(digest["definition"]["key schema"], "id HASH");
    let point = digest["recovery_point_arn"].as_str().expect("an ARN");
    assert!(
        bench.sandbox.inside().points.iter().any(|known| *known.arn == *point),
        "{point}"
    );
    // Into a folder of its own, and without the right to tag.
    std::fs::create_dir(bench.path("evidence")).expect("a folder");
    bench.fault(r#"{"deny": "backup:TagResource"}"#);
    let ran = backup(
        &bench,
        &[
            "--digest-to",
            "evidence",
            "--segments",
            "2",
            "--read-rate",
            "500",
            "--consistent",
        ],
    );
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr
            .contains("no tag on the recovery point names the file: AccessDenied"),
        "{}",
        ran.stderr
    );
    let path = std::fs::read_dir(bench.path("evidence"))
        .expect("a folder")
        .next()
        .expect("a file");
    let again = json_file(&path.expect("an entry").path());
    assert_eq!(
        (&again["after"]["digest"], &again["after"]["is_consistent"]),
        (&digest["after"]["digest"], &Value::Bool(true))
    );
    assert_eq!(files(&bench).len(), 1);

    let printed = permitted(&bench.run(&["explain", "permissions", "--command", "backup"]));
    let printed: Vec<String> = printed.into_iter().flatten().collect();
    for action in [
        "backup:StartBackupJob",
        "dynamodb:Scan",
        "dynamodb:DescribeTable",
        "backup:TagResource",
    ] {
        assert!(printed.iter().any(|known| known == action), "{action}: {printed:?}");
    }
}

#[test]
fn a_table_that_is_written_meanwhile_has_no_digest_and_keeps_its_backup() {
    let bench = bench("[jobs]\nbackup-seconds = 4\n");
    let running = bench.start(&["backup", "Music", "--digest", "--poll-interval", "1s"]);
    while !bench.sandbox.calls().contains_key("backup:StartBackupJob") {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    bench.send(
        "POST /",
        HEADERS,
        br#"{"TableName": "Music", "Item": {"id": {"S": "new"}}}"#,
    );
    let ended = running.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    for text in [
        "there is no digest of the recovery point of `Music`",
        "50 items were read before its job, 51 after it",
        "the backup is none the worse for it",
        "1 job completed",
    ] {
        assert!(said.contains(text), "`{text}` is not in: {said}");
    }
    assert_eq!(filed(&bench)["standing"], "moving");
}

#[test]
fn a_table_that_cannot_be_read_is_backed_up_all_the_same() {
    let bench = bench(QUICK);
    bench.fault(r#"{"deny": "dynamodb:Scan"}"#);
    let ran = backup(&bench, &[]);
    let said = [
        "there is no digest of the recovery point of `Music`",
        "AccessDeniedException from dynamodb:Scan",
        "explain permissions --command backup",
        "1 job completed",
    ];
    refused(&ran, 1, &said);
    assert!(files(&bench).is_empty());
    // A job that fails leaves no digest either.
    bench.no_faults();
    let ran = backup(&bench, &["--vault", "none"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(files(&bench).is_empty());
}

#[test]
fn what_is_wrong_on_the_command_line_is_said_before_any_backup() {
    let bench = bench(QUICK);
    for (args, said) in [
        (
            &["backup", "Music", "--digest", "--digest-to", "nowhere"][..],
            "there is no such folder",
        ),
        (&["backup", "Music", "--digest", "--read-rate", "0"], "0 is not above 0"),
        (
            &["backup", "Music", "--digest", "--read-rate", "NaN"],
            "NaN is not above 0",
        ),
        (&["backup", "Music", "--digest", "--segments", "0"], "--segments"),
        (
            &["backup", "Music", "--read-rate", "5"],
            "tables are read for digests only",
        ),
        (&["backup", "Music", "--digest-to", "."], "--digest"),
    ] {
        let ran = bench.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
    }
    assert!(!bench.sandbox.calls().contains_key("backup:StartBackupJob"));
}
