//! Packs that are signed, delivered to S3 under a lock, and chained in a ledger, by the real program.

use std::collections::BTreeSet;

use crate::common::aws::s3;
use crate::common::evidence::{bench, done, key, scan};
use crate::common::{Bench, json_file, permitted, refused, run};

#[test]
fn a_signed_pack_says_who_signed_it() {
    let bench = bench();
    let ((key_file, allowed), (_, others)) = (key(&bench, 1), key(&bench, 2));
    let kms = "awskms:arn:aws:kms:eu-west-1:111122223333:alias/signing";
    let ran = scan(&bench, "audit", &["--sign", &key_file, "--sign", kms]);
    done(&ran);
    assert!(ran.stderr.contains("signed with SSH key SHA256:"), "{}", ran.stderr);
    assert!(ran.stderr.contains("signed with KMS key "), "{}", ran.stderr);

    let ran = bench.run(&["verify", "audit"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        ran.stdout.matches("who that is was not checked").count(),
        2,
        "{}",
        ran.stdout
    );
    let ran = bench.run(&[
        "verify",
        "audit",
        "--allowed-signers",
        &allowed,
        "--identity",
        "audit@example.com",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("trusted as audit@example.com"), "{}", ran.stdout);

    // The public key of the file beside the signature is what KMS gives: a verifier who got it elsewhere can use it.
    let file = json_file(&bench.path("audit/manifest.json.kms.json"));
    bench.write("kms.pem", file["public_key"].as_str().expect("a key"));
    let ran = bench.run(&["verify", "audit", "--public-key", "kms.pem"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("trusted as the key in kms.pem"), "{}", ran.stdout);

    let ran = bench.run(&["verify", "audit", "--allowed-signers", &others]);
    refused(&ran, 12, &["manifest.json.sig", "none of those that you trust"]);
    let ran = bench.run(&[
        "verify",
        "audit",
        "--allowed-signers",
        &allowed,
        "--identity",
        "x@example.com",
    ]);
    refused(&ran, 12, &["it is the key of audit@example.com, not of x@example.com"]);
    let ran = bench.run(&["verify", "audit", "--allowed-signers", "nowhere"]);
    refused(&ran, 2, &["could not read the trusted keys"]);

    // Taken away, exchanged, altered.
    let signature = bench.path("audit/manifest.json.sig");
    let bytes = std::fs::read(&signature).expect("read");
    std::fs::remove_file(&signature).expect("removed");
    refused(
        &bench.run(&["verify", "audit"]),
        12,
        &["the signature of key SHA256:", "is missing"],
    );
    std::fs::write(&signature, "hello").expect("written");
    refused(
        &bench.run(&["verify", "audit"]),
        12,
        &["manifest.json.sig", "cannot be read as a signature"],
    );
    std::fs::write(&signature, &bytes).expect("written");
    let manifest = std::fs::read_to_string(bench.path("audit/manifest.json")).expect("read");
    let altered = manifest.replacen("\"is_redacted\": false", "\"is_redacted\": true", 1);
    bench.write("audit/manifest.json", altered);
    refused(
        &bench.run(&["verify", "audit"]),
        12,
        &["manifest.json.sig", "were altered"],
    );
}

#[test]
fn keys_and_ledgers_that_cannot_be_used_are_named_before_the_scan() {
    let bench = bench();
    let (key_file, _) = key(&bench, 1);
    bench.write("a-file", "x");
    let arn = |name: &str| format!("awskms:arn:aws:kms:eu-west-1:111122223333:alias/{name}");
    for (flags, code, texts) in [
        (
            vec!["--sign", "nowhere"],
            2,
            vec!["the signing key cannot be used", "`--sign nowhere`"],
        ),
        (vec!["--sign", "agent"], 2, vec!["there is no ssh-agent", "ssh-add"]),
        (
            vec!["--sign", &arn("evidence")],
            1,
            vec!["the KMS key cannot be used", "UnsupportedOperationException"],
        ),
        (
            vec!["--sign", &arn("nothing")],
            1,
            vec!["NotFoundException from kms:GetPublicKey"],
        ),
        (
            vec!["--ledger", "s3://nowhere/x"],
            1,
            vec!["could not use the bucket `nowhere`", "`--ledger`"],
        ),
        (
            vec!["--ledger", "s3://"],
            2,
            vec!["names no bucket", "`--ledger s3://`"],
        ),
        (
            vec!["--ledger", "a-file"],
            1,
            vec!["could not use the folder of the ledger"],
        ),
        (
            vec![
                "--ledger",
                "s3://plain/x",
                "--object-lock",
                "compliance",
                "--retain-for",
                "7y",
            ],
            1,
            vec!["the bucket `plain` cannot lock", "versioning is not enabled"],
        ),
        (
            vec!["--ledger", "s3://versioned/x", "--legal-hold"],
            1,
            vec!["the bucket `versioned` cannot lock", "it has no Object Lock"],
        ),
        (
            vec!["--legal-hold"],
            2,
            vec!["nothing goes to S3 that could be kept there"],
        ),
        (
            vec!["--sign", &key_file, "--sign", &key_file],
            2,
            vec!["two keys of the same kind"],
        ),
        (
            vec!["--redact-accounts", "--sign", &arn("signing")],
            2,
            vec!["would show an account id", "sign it with an SSH key"],
        ),
    ] {
        let ran = scan(&bench, "out", &flags);
        refused(&ran, code, &texts);
        assert!(!bench.path("out").exists(), "{flags:?} scanned");
    }
    let ran = scan(&bench, "-", &["--sign", &key_file]);
    refused(&ran, 2, &["what goes to stdout leaves no pack"]);
    bench.fault(r#"{"deny": "s3:GetBucketObjectLockConfiguration"}"#);
    let ran = scan(&bench, "out", &["--to", "s3://locked/x", "--legal-hold"]);
    assert_ne!(ran.code, 0);
}

#[test]
fn what_is_delivered_is_locked_encrypted_and_read_back() {
    let bench = bench();
    let key = "arn:aws:kms:eu-west-1:111122223333:alias/evidence";
    let kept = [
        "--object-lock",
        "compliance",
        "--retain-until",
        "2033-12-31",
        "--legal-hold",
        "--sse-kms-key",
        key,
    ];
    let ran = scan(&bench, "s3://locked/2026", &kept);
    done(&ran);
    let line = ran
        .stderr
        .lines()
        .find(|line| line.starts_with("delivered s3://locked/2026/manifest.json "))
        .unwrap_or_else(|| panic!("{}", ran.stderr));
    let delivered = ran.stderr.lines().filter(|line| line.starts_with("delivered "));
    assert_eq!(delivered.count(), 1, "one line for all files: {}", ran.stderr);
    for text in [
        "version ",
        "lock compliance until 2033-12-31T23:59:59Z",
        "legal hold",
        "encrypted with arn:aws:kms:eu-west-1:111122223333:key/",
    ] {
        assert!(line.contains(text), "{line}");
    }
    // S3 is silent about locks if the caller may not ask.
    for (denied, text) in [
        ("s3:GetObjectVersion", "reading it back"),
        ("s3:PutObject", "AccessDenied from s3:PutObject"),
    ] {
        bench.fault(&format!(r#"{{"deny": "{denied}"}}"#));
        let ran = scan(&bench, &format!("s3://locked/{}", denied.len()), &kept);
        refused(&ran, 1, &[text, "the report is complete at backproof-report/"]);
        bench.no_faults();
    }
}

#[test]
fn the_printed_permissions_are_enough() {
    let bench = bench();
    let kms = "awskms:arn:aws:kms:eu-west-1:111122223333:alias/signing";
    let key = "arn:aws:kms:eu-west-1:111122223333:alias/evidence";
    let kept = [
        "--object-lock",
        "governance",
        "--retain-for",
        "1d",
        "--legal-hold",
        "--sse-kms-key",
        key,
    ];
    let to = ["--ledger", "s3://locked/ledger", "--sign", kms];
    done(&scan(&bench, "s3://locked/packs", &[&kept[..], &to[..]].concat()));
    assert_eq!(bench.run(&["verify", "--ledger", "s3://locked/ledger"]).code, 0);
    let mut printed = BTreeSet::new();
    for command in ["scan", "deliver", "sign", "verify"] {
        let ran = bench.run(&["explain", "permissions", "--command", command]);
        printed.extend(permitted(&ran).into_iter().flatten());
    }
    let called: BTreeSet<String> = bench.sandbox.calls().into_keys().collect();
    let missing: Vec<&String> = called.difference(&printed).collect();
    assert!(missing.is_empty(), "called and not printed: {missing:?}");
}

#[test]
fn a_put_whose_answer_was_lost_is_recognised() {
    let bench = bench();
    // Every third answer is lost on the way, though the call was done.
    bench.fault(r#"{"action": "s3:PutObject", "reset-rate": 0.35}"#);
    let ran = scan(&bench, "one", &["--ledger", "s3://locked/ledger"]);
    done(&ran);
    bench.no_faults();
    // Answers break off in the middle, those with the bytes too.
    bench.fault(r#"{"service": "s3", "truncate-rate": 0.25}"#);
    done(&scan(&bench, "two", &["--ledger", "s3://locked/ledger"]));
    bench.no_faults();
    let ran = bench.run(&["verify", "--ledger", "s3://locked/ledger"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("the ledger holds: 2 packs"), "{}", ran.stdout);
}

#[test]
fn what_is_done_to_a_ledger_in_s3_shows() {
    let bench = bench();
    let (key_file, allowed) = key(&bench, 1);
    let ledger = "s3://locked/ledger";
    for number in 1..=3 {
        let ran = scan(
            &bench,
            &format!("scan-{number}"),
            &["--ledger", ledger, "--sign", &key_file],
        );
        done(&ran);
        assert!(
            ran.stderr.contains(&format!("is now number {number} of the ledger")),
            "{}",
            ran.stderr
        );
    }
    let verify =
        |more: &[&str]| bench.run(&[&["verify", "--ledger", ledger, "--allowed-signers", &allowed], more].concat());
    let ran = verify(&[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let listed = bench
        .run(&["ledger", "list", "--ledger", ledger, "--format", "json"])
        .json();
    let head = listed[2]["manifest_sha256"].as_str().expect("a digest").to_owned();
    assert_eq!(listed[2]["previous"], listed[1]["manifest_sha256"]);
    assert_eq!(verify(&["--expect-head", &head]).code, 0);
    // The local pack says what the chain says, and holds by itself; so does a copy.
    let ran = bench.run(&["verify", "scan-3", "--allowed-signers", &allowed]);
    assert!(ran.stdout.contains(&head), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(
        bench
            .run(&["ledger", "fetch", "2", "--ledger", ledger, "--to", "copy"])
            .code,
        0
    );
    assert_eq!(bench.run(&["verify", "copy", "--allowed-signers", &allowed]).code, 0);
    let again = bench.run(&["ledger", "append", "scan-2", "--ledger", ledger, "--sign", &key_file]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stderr.contains("was already number 2"), "{}", again.stderr);

    let (_, others) = key(&bench, 2);
    let ran = bench.run(&["verify", "--ledger", ledger, "--allowed-signers", &others]);
    refused(
        &ran,
        12,
        &[
            "manifest 1 is not signed as it should be",
            "none of those that you trust",
        ],
    );

    // A manifest deleted: hidden by a marker in a bucket with versions.
    s3(&bench, "DELETE /locked/ledger/manifests/00000002.json", b"");
    refused(&verify(&[]), 12, &["manifest 2 is missing"]);
    refused(
        &bench.run(&["ledger", "list", "--ledger", ledger]),
        1,
        &["the ledger failed verification", "manifest 2 is missing"],
    );
    // Put back by somebody: the same bytes, and yet it shows.
    let bytes = std::fs::read(bench.path("copy/manifest.json")).expect("read");
    s3(&bench, "PUT /locked/ledger/manifests/00000002.json", &bytes);
    refused(
        &verify(&[]),
        12,
        &["ledger/manifests/00000002.json was deleted or written over: 2 versions, 1 deletion"],
    );
    // The end cut off shows by the marker, and to whoever knew the head.
    s3(&bench, "DELETE /locked/ledger/manifests/00000003.json", b"");
    let ran = verify(&["--expect-head", &head]);
    assert!(
        ran.stdout.contains(&format!("no manifest has the digest {head}")),
        "{}",
        ran.stdout
    );
    // In a bucket without a second witness, only the chain is left.
    refused(
        &bench.run(&["verify", "--ledger", "s3://plain/nothing"]),
        12,
        &["there is no pack in it"],
    );
}

#[test]
fn a_copy_of_a_ledger_in_a_folder_holds_offline() {
    let bench = bench();
    let ledger = bench.path("ledger").display().to_string();
    bench.write("backproof.toml", "ledger = \"ledger\"\n");
    for number in 1..=2 {
        done(&scan(&bench, &format!("scan-{number}"), &[]));
        // The next scan is of another second.
        bench.control("POST /_sandbox/clock", "{\"advance-seconds\": 60}");
    }
    let ran = run(bench.dir.path(), &[], &["verify", "--ledger", &ledger]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("the ledger holds: 2 packs"), "{}", ran.stdout);
    assert!(ran.stdout.contains("note: manifest 1 is not signed"), "{}", ran.stdout);
    let ran = run(bench.dir.path(), &[], &["ledger", "list"]);
    assert_eq!(ran.stdout.lines().count(), 3, "{}", ran.stdout);
    let attest = |from: &str, to: &str| {
        let args = [
            "attest", "--from", from, "--to", to, "--ledger", &ledger, "--format", "json", "--out", "-",
        ];
        run(bench.dir.path(), &[], &args)
    };
    let ran = attest("2026-10-15", "2026-10-31");
    assert_eq!(ran.json()["packs"].as_array().map(Vec::len), Some(2), "{}", ran.stdout);
    refused(
        &attest("2024-01-01", "2024-01-31"),
        2,
        &["no pack of the ledger bears on this period"],
    );
    // Each folder below `packs` is a pack.
    for pack in std::fs::read_dir(bench.path("ledger/packs")).expect("packs") {
        let pack = pack.expect("a pack").path().display().to_string();
        assert_eq!(run(bench.dir.path(), &[], &["verify", &pack]).code, 0);
    }
    refused(
        &run(bench.dir.path(), &[], &["verify", "--ledger", "nowhere"]),
        2,
        &["could not open the ledger"],
    );
    refused(
        &run(bench.dir.path(), &[], &["ledger", "fetch", "9", "--to", "x"]),
        2,
        &["no pack number 9"],
    );
}

#[test]
fn many_scans_at_once_make_one_chain() {
    const SCANS: usize = 6;
    let bench = bench();
    for ledger in ["s3://locked/many", "many"] {
        let place = ledger.trim_start_matches("s3://").replace('/', "-");
        let running: Vec<_> = (0..SCANS)
            .map(|number| {
                let to = format!("{place}-{number}");
                let quick = ["--format", "json", "--rules", "in-a-plan"];
                bench.start(&[&["scan", "--to", &to, "--ledger", ledger], &quick[..]].concat())
            })
            .collect();
        for child in running {
            let output = child.wait_with_output().expect("it ran");
            assert_eq!(
                output.status.code(),
                Some(10),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let ran = bench.run(&["verify", "--ledger", ledger]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        assert!(
            ran.stdout.contains(&format!("the ledger holds: {SCANS} packs")),
            "{}",
            ran.stdout
        );
    }
}

/// Killed at whatever moment: no entry, or a whole one; and the pack on disk can always be appended later.
#[test]
fn a_kill_leaves_no_entry_or_a_whole_one() {
    let bench = bench();
    let ledger = "s3://locked/killed";
    done(&scan(&bench, "first", &["--ledger", ledger]));
    let mut appended = 1;
    let (mut before, mut after) = (0, 0);
    for (turn, millis) in [60, 120, 180, 240, 300, 400, 500, 600, 800].into_iter().enumerate() {
        let to = format!("killed-{turn}");
        let ran = scan(&bench, &to, &[]);
        done(&ran);
        // A slow network makes the moments of the delivery long enough to hit.
        bench.fault(r#"{"service": "s3", "latency-ms": 10}"#);
        let mut child = bench.start(&["ledger", "append", &to, "--ledger", ledger]);
        std::thread::sleep(std::time::Duration::from_millis(millis));
        child.kill().expect("killed");
        child.wait().expect("gone");
        bench.no_faults();
        let verified = bench.run(&["verify", "--ledger", ledger]);
        assert_eq!(
            verified.code, 0,
            "after {millis} ms: {}{}",
            verified.stdout, verified.stderr
        );
        let there = entries(&bench, ledger);
        assert!(
            there == appended || there == appended + 1,
            "{there} entries after {millis} ms"
        );
        if there == appended {
            before += 1
        } else {
            after += 1
        }
        let ran = bench.run(&["ledger", "append", &to, "--ledger", ledger]);
        assert_eq!(ran.code, 0, "after {millis} ms: {}", ran.stderr);
        appended += 1;
        assert_eq!(entries(&bench, ledger), appended, "appended once, after {millis} ms");
        assert_eq!(bench.run(&["verify", &to]).code, 0, "the local pack, after {millis} ms");
    }
    assert!(before > 0, "never killed before the commit: {before} and {after}");
    let verified = bench.run(&["verify", "--ledger", ledger]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
}

fn entries(bench: &Bench, ledger: &str) -> usize {
    let ran = bench.run(&["ledger", "list", "--ledger", ledger, "--format", "json"]);
    ran.json().as_array().expect("a list").len()
}

/// A slow network, so that the moments of a delivery are long enough to be hit.
const SLOW: &str = r#"{"service": "s3", "latency-ms": 15}"#;

/// How many objects were asked to be stored so far.
fn puts(bench: &Bench) -> u64 {
    bench.sandbox.calls().get("s3:PutObject").copied().unwrap_or(0)
}

/// Kills with SIGKILL once so many more objects were stored. False: it had ended by then.
fn kill_after(bench: &Bench, child: &mut std::process::Child, puts_before: u64, more: u64) -> bool {
    while puts(bench) < puts_before + more {
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let lives = child.try_wait().expect("a child").is_none();
    child.kill().expect("killed, or gone");
    child.wait().expect("gone");
    lives
}

/// Killed after any number of objects: what lies in the bucket has a manifest only if all of it is there.
#[test]
#[ignore = "takes minutes; its figures stand in docs/evidence.md"]
#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn sixty_kills_of_a_delivery_leave_no_pack_that_is_not_whole() {
    let bench = bench();
    done(&scan(&bench, "s3://locked/whole", &[]));
    let all = puts(&bench);
    let (mut killed, mut without, mut whole, mut ended, mut turn) = (0, 0, 0, 0, 0);
    while killed < 60 {
        bench.control("POST /_sandbox/clock", "{\"advance-seconds\": 60}");
        bench.fault(SLOW);
        let before = puts(&bench);
        let prefix = format!("killed-{turn}");
        let args = [
            "scan",
            "--to",
            &format!("s3://locked/{prefix}"),
            "--format",
            "json",
            "--rules",
            "in-a-plan,pitr-on",
        ];
        let mut child = bench.start(&args);
        let is_killed = kill_after(&bench, &mut child, before, 1 + turn % all);
        bench.no_faults();
        turn += 1;
        if !is_killed {
            ended += 1;
            continue;
        }
        killed += 1;
        let folders = std::fs::read_dir(bench.path("backproof-report")).expect("reports");
        let newest = folders
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| !path.ends_with(".partial"));
        let newest = newest.max().expect("a pack").display().to_string();
        let ran = run(bench.dir.path(), &[], &["verify", &newest]);
        assert_eq!(ran.code, 0, "the local pack: {}{}", ran.stdout, ran.stderr);
        let listed = list(&bench, "locked", &prefix);
        let mut files: Vec<(String, u64)> = Vec::new();
        let pack = std::path::Path::new(&newest);
        for file in &crate::common::evidence::manifest_of(pack).files {
            files.push((file.path.clone(), file.size));
        }
        for (name, size) in &listed {
            let local = pack.join(name).metadata().expect("it is of this pack");
            assert_eq!(local.len(), *size, "{name}");
        }
        if listed.iter().any(|(name, _)| name == "manifest.json") {
            whole += 1;
            let missing: Vec<_> = files.iter().filter(|file| !listed.contains(file)).collect();
            assert!(missing.is_empty(), "a manifest, and no {missing:?}");
        } else {
            without += 1;
        }
    }
    println!(
        "{killed} kills of a delivery of {all} objects: {without} left no manifest, {whole} a whole pack; {ended} ended before"
    );
    assert!(without > 40 && whole + without == killed, "{without}, {whole}");
}

/// Key below the prefix, and size, of every object.
fn list(bench: &Bench, bucket: &str, prefix: &str) -> Vec<(String, u64)> {
    let request = format!("GET /{bucket}?list-type=2&prefix={prefix}%2F");
    let answer = crate::common::aws::s3_text(bench, &request);
    let between = |text: &str, from: &str, to: &str| -> Option<String> {
        let rest = &text[text.find(from)? + from.len()..];
        Some(rest[..rest.find(to)?].to_owned())
    };
    assert!(answer.contains("<IsTruncated>false"), "{answer}");
    let objects = answer.split("<Contents>").skip(1);
    objects
        .map(|object| {
            let key = between(object, "<Key>", "</Key>").expect("a key");
            let size = between(object, "<Size>", "</Size>").expect("a size");
            (key[prefix.len() + 1..].to_owned(), size.parse().expect("a number"))
        })
        .collect()
}

/// Four at once, each killed at a moment of its own: the chain holds after every round, and each pack can be appended later,
/// once.
#[test]
#[ignore = "takes minutes; its figures stand in docs/evidence.md"]
#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn sixty_kills_of_four_appenders_leave_one_chain() {
    const AT_ONCE: usize = 4;
    let bench = bench();
    let ledger = "s3://locked/four";
    done(&scan(&bench, "first", &["--ledger", ledger]));
    let all = puts(&bench);
    let (mut killed, mut before_entry, mut after_entry, mut ended, mut round) = (0, 0, 0, 0, 0);
    let mut appended = 1;
    while killed < 60 {
        let packs: Vec<String> = (0..AT_ONCE).map(|number| format!("pack-{round}-{number}")).collect();
        for pack in &packs {
            bench.control("POST /_sandbox/clock", "{\"advance-seconds\": 10}");
            done(&scan(&bench, pack, &[]));
        }
        bench.fault(SLOW);
        let before = puts(&bench);
        let mut children: Vec<_> = packs
            .iter()
            .map(|pack| bench.start(&["ledger", "append", pack, "--ledger", ledger]))
            .collect();
        let (from, mut alive) = (1 + (round * 7) % all, 0);
        for (number, child) in (0..).zip(&mut children) {
            // The later ones late: some of them lose the race for a number meanwhile.
            let is_killed = kill_after(&bench, child, before, from * 2 + number * all * 2 / 3);
            alive += usize::from(is_killed);
            ended += usize::from(!is_killed);
        }
        bench.no_faults();
        killed += alive;
        round += 1;
        let verified = bench.run(&["verify", "--ledger", ledger]);
        assert_eq!(
            verified.code, 0,
            "round {round}: {}{}",
            verified.stdout, verified.stderr
        );
        let there = entries(&bench, ledger);
        assert!(
            (appended..=appended + AT_ONCE).contains(&there),
            "{there} entries in round {round}"
        );
        let new = there - appended;
        let finished = AT_ONCE - alive;
        assert!(new >= finished, "who ended is in it: {new} of {finished}");
        after_entry += new - finished;
        before_entry += AT_ONCE - new;
        for pack in &packs {
            let ran = bench.run(&["ledger", "append", pack, "--ledger", ledger]);
            assert_eq!(ran.code, 0, "{pack}: {}", ran.stderr);
        }
        appended += AT_ONCE;
        assert_eq!(entries(&bench, ledger), appended, "each once, in round {round}");
    }
    let verified = bench.run(&["verify", "--ledger", ledger]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    println!(
        "{killed} kills of four appenders in {round} rounds: {before_entry} before their entry, {after_entry} after it; {ended} \
         ended before; {appended} packs in one chain"
    );
    assert!(before_entry > 30, "{before_entry}");
}
