//! What was tampered with is refused by every command that rests on it: `attest`, `ledger append`, `verify`.

use std::path::Path;

use backproof::pack::Manifest;

use crate::common::evidence::{bench, copy, done, key, manifest_of, reseal, scan};
use crate::common::{Bench, Ran, json_file, refused};

fn attest(bench: &Bench, more: &[&str]) -> Ran {
    let period = ["attest", "--from", "2026-10-15", "--to", "2026-10-31"];
    bench.run(&[&period, more, &["--format", "json", "--out", "-"]].concat())
}

#[test]
fn an_attestation_rests_on_packs_that_hold() {
    type Forgery = fn(&Path);
    type Case<'d> = (&'d str, &'d dyn Fn(&Path), &'d str);
    let bench = bench();
    let ((key_file, allowed), (_, others)) = (key(&bench, 1), key(&bench, 2));
    done(&scan(&bench, "signed", &["--sign", &key_file]));
    done(&scan(&bench, "plain", &[]));
    let manifest = |change: fn(&mut Manifest)| move |dir: &Path| reseal(dir, change);
    let caller = manifest(|manifest| manifest.caller_arn = "arn:aws:iam::999988887777:role/X".to_owned());
    let tables = manifest(|manifest| manifest.totals.tables += 1);
    let regions = manifest(|manifest| manifest.coverage.regions_unknown = true);
    let gaps = manifest(|manifest| manifest.coverage.gaps += 1);
    let findings = manifest(|manifest| manifest.totals.findings += 1);
    let version = manifest(|manifest| manifest.tool_version = "0.0.9".to_owned());
    let redacted = manifest(|manifest| manifest.is_redacted = true);
    let gone: Forgery = |dir| std::fs::remove_file(dir.join("manifest.json.sig")).expect("removed");
    let report: Forgery = |dir| std::fs::write(dir.join("report.json"), "{}").expect("written");
    let sums: Forgery = |dir| std::fs::write(dir.join("SHA256SUMS"), "x").expect("written");
    let garbage: Forgery = |dir| std::fs::write(dir.join("manifest.json"), "{").expect("written");
    let forgeries: [Case<'_>; 12] = [
        ("signed", &gone, "the signature of key SHA256:"),
        ("signed", &caller, "manifest.json.sig"),
        ("plain", &caller, "`caller_arn`"),
        ("plain", &tables, "`totals.tables`"),
        ("plain", &regions, "`coverage`"),
        ("plain", &gaps, "`coverage`"),
        ("plain", &findings, "`totals"),
        ("plain", &version, "`tool_version`"),
        ("plain", &redacted, "`is_redacted`"),
        ("plain", &report, "report.json"),
        ("plain", &sums, "SHA256SUMS"),
        ("plain", &garbage, "manifest.json"),
    ];
    for (number, (pack, forgery, text)) in forgeries.into_iter().enumerate() {
        let altered = format!("altered-{number}");
        copy(&bench.path(pack), &bench.path(&altered));
        forgery(&bench.path(&altered));
        refused(
            &attest(&bench, &["--pack", &altered]),
            12,
            &[text, &altered, "nothing was attested"],
        );
        refused(&bench.run(&["verify", &altered]), 12, &[text]);
        let ran = bench.run(&["ledger", "append", &altered, "--ledger", "never", "--sign", &key_file]);
        refused(&ran, 12, &[text, "nothing was signed"]);
        assert!(!bench.path("never").exists(), "{text}: a ledger was made");
    }

    let ran = bench.run(&["ledger", "append", "nop", "--ledger", "never"]);
    refused(&ran, 2, &["this is no pack"]);
    assert!(!bench.path("never").exists(), "a ledger was made for nothing");

    let said = |more: &[&str]| {
        attest(&bench, &[&["--pack", "signed"], more].concat()).json()["packs"][0]["signed_by"][0].clone()
    };
    let alone = said(&[]);
    assert!(
        alone
            .as_str()
            .expect("a text")
            .contains("not checked against keys that anybody trusts"),
        "{alone}"
    );
    let trusted = said(&["--allowed-signers", &allowed]);
    assert!(
        trusted
            .as_str()
            .expect("a text")
            .contains("trusted as audit@example.com"),
        "{trusted}"
    );
    let ran = attest(&bench, &["--pack", "signed", "--allowed-signers", &others]);
    refused(&ran, 12, &["none of those that you trust"]);
    let ran = attest(&bench, &["--pack", "signed", "plain", "--allowed-signers", &allowed]);
    refused(&ran, 12, &["there is no signature by any key that you trust"]);
}

/// A copy of a scan counts once; one that tells something else is refused, for nobody knows which is true.
#[test]
fn one_scan_is_one_pack() {
    let bench = bench();
    done(&scan(&bench, "plain", &[]));
    copy(&bench.path("plain"), &bench.path("again"));
    reseal(&bench.path("again"), |manifest| {
        manifest.command_line.push("again".to_owned())
    });
    let ran = attest(&bench, &["--pack", "plain", "again"]);
    assert_eq!(ran.json()["packs"].as_array().map(Vec::len), Some(1), "{}", ran.stderr);
    let path = bench.path("again/inventory/inventory.json");
    let mut inventory = json_file(&path);
    inventory["attempt_count"] = 1.into();
    std::fs::write(&path, inventory.to_string()).expect("written");
    reseal(&bench.path("again"), |manifest| manifest.coverage.attempts = 1);
    let ran = attest(&bench, &["--pack", "plain", "again"]);
    refused(
        &ran,
        2,
        &["hold the same scan, with other answers", "nothing was attested"],
    );
}

/// Reports of another version cannot be written again: that is said, and is not the same as that they hold.
#[test]
fn what_verify_could_not_check_is_said() {
    let bench = bench();
    let ledger = bench.path("ledger").display().to_string();
    done(&scan(&bench, "audit", &[]));
    let of_inventory = bench.path("audit/inventory/inventory.json");
    let text = std::fs::read_to_string(&of_inventory).expect("read");
    let own = env!("CARGO_PKG_VERSION");
    let older = text.replace(&format!("\"tool_version\": \"{own}\""), "\"tool_version\": \"0.0.9\"");
    assert_ne!(older, text);
    std::fs::write(&of_inventory, older).expect("written");
    reseal(&bench.path("audit"), |manifest| {
        manifest.tool_version = "0.0.9".to_owned()
    });
    // Whatever the report says by now.
    bench.write("audit/report.json", "{}");
    reseal(&bench.path("audit"), |_| {});
    let ran = bench.run(&["verify", "audit"]);
    assert_eq!(ran.code, 11, "{}{}", ran.stdout, ran.stderr);
    let last = ran.stdout.lines().last().expect("a line");
    assert!(
        last.starts_with("the evidence holds, but for what was not checked"),
        "{last}"
    );
    assert!(
        ran.stdout.contains("not checked: backproof 0.0.9 wrote report.json"),
        "{}",
        ran.stdout
    );
    assert_eq!(bench.run(&["ledger", "append", "audit", "--ledger", &ledger]).code, 0);
    let ran = bench.run(&["verify", "--ledger", &ledger]);
    assert_eq!(ran.code, 11, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("note: not checked in pack 1: backproof 0.0.9"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout
            .contains("the ledger holds, but for reports that were not checked"),
        "{}",
        ran.stdout
    );
}

#[test]
fn an_attestation_rests_on_a_ledger_that_holds() {
    let bench = bench();
    let (key_file, allowed) = key(&bench, 1);
    let ledger = bench.path("ledger").display().to_string();
    for number in 1..=3 {
        let to = format!("scan-{number}");
        done(&scan(&bench, &to, &["--ledger", &ledger, "--sign", &key_file]));
        bench.control("POST /_sandbox/clock", "{\"advance-seconds\": 60}");
    }
    let rests_on = |more: &[&str]| {
        let ran = attest(&bench, &[&["--ledger", &ledger], more].concat());
        assert_eq!(ran.code, 10, "{}", ran.stderr);
        ran.json()["rests_on"][1].as_str().expect("a text").to_owned()
    };
    let head = manifest_of(&bench.path("scan-3")).sha256();
    assert!(rests_on(&[]).contains("No head was expected"), "{}", rests_on(&[]));
    let with_head = rests_on(&["--expect-head", &head, "--allowed-signers", &allowed]);
    assert!(
        with_head.contains(&format!("The manifest {head}, which was expected, is in it")),
        "{with_head}"
    );
    let ran = attest(&bench, &["--ledger", &ledger, "--expect-head", &"0".repeat(64)]);
    refused(&ran, 12, &["no manifest has the digest 000", "nothing was attested"]);

    let altered = |name: &str, forgery: &dyn Fn(&Path), text: &str| {
        let copied = bench.path(name);
        copy(&bench.path("ledger"), &copied);
        forgery(&copied);
        let ran = attest(&bench, &["--ledger", &copied.display().to_string()]);
        refused(&ran, 12, &[text, "nothing was attested"]);
    };
    altered(
        "unsigned",
        &|ledger| {
            let signatures = ledger.join("signatures");
            let first = std::fs::read_dir(signatures)
                .expect("signatures")
                .next()
                .expect("one")
                .expect("one");
            std::fs::remove_file(first.path()).expect("removed");
        },
        "is not signed as it should be",
    );
    // The last one, backdated: no later manifest tells.
    altered(
        "dated-back",
        &|ledger| {
            let path = ledger.join("manifests/00000003.json");
            let bytes = std::fs::read(&path).expect("read");
            let mut manifest = Manifest::parse(&bytes, "").expect("a manifest");
            manifest.sealed_at = manifest.sealed_at.map(|at| at + chrono::TimeDelta::hours(30));
            manifest.signed_by = Vec::new();
            std::fs::remove_file(&path).expect("removed");
            std::fs::write(&path, manifest.to_bytes()).expect("written");
        },
        "manifest 3 is backdated",
    );
    altered(
        "missing",
        &|ledger| std::fs::remove_file(ledger.join("manifests/00000002.json")).expect("removed"),
        "2",
    );
    altered(
        "report",
        &|ledger| {
            let pack = std::fs::read_dir(ledger.join("packs"))
                .expect("packs")
                .next()
                .expect("one")
                .expect("one");
            let report = pack.path().join("report.json");
            std::fs::remove_file(&report).expect("removed");
            std::fs::write(report, "{}").expect("written");
        },
        "report.json",
    );
}

#[test]
fn appending_neither_loses_nor_promises_a_signature() {
    let bench = bench();
    let ((key_file, _), (other, _)) = (key(&bench, 1), key(&bench, 2));
    let append =
        |pack: &str, more: &[&str]| bench.run(&[&["ledger", "append", pack, "--ledger", "ledger"], more].concat());
    done(&scan(&bench, "signed", &["--sign", &key_file]));
    done(&scan(&bench, "plain", &[]));
    let bytes = std::fs::read(bench.path("signed/manifest.json")).expect("read");
    for flags in [vec![], vec!["--sign", &other]] {
        let ran = append("signed", &flags);
        refused(&ran, 1, &["the signature of the pack would be lost", "--sign KEY"]);
    }
    assert_eq!(std::fs::read(bench.path("signed/manifest.json")).expect("read"), bytes);
    assert_eq!(bench.run(&["verify", "signed"]).code, 0);
    assert_eq!(append("signed", &["--sign", &key_file]).code, 0);
    assert_eq!(append("signed", &[]).code, 0, "it is there, and nothing is lost");

    assert_eq!(append("plain", &[]).code, 0);
    let ran = append("plain", &["--sign", &key_file]);
    refused(
        &ran,
        1,
        &[
            "in the ledger already, without this signature",
            "it is number 2",
            "leave `--sign` out",
        ],
    );
    // What is to be typed after a failure signs, too.
    bench.fault(r#"{"deny": "s3:PutObject"}"#);
    let ran = scan(
        &bench,
        "third",
        &["--ledger", "s3://locked/ledger", "--sign", &key_file],
    );
    let again = format!("`backproof ledger append third --ledger s3://locked/ledger --sign {key_file}` tries again");
    refused(&ran, 1, &["could not write to the ledger", &again]);
}

#[test]
fn a_pack_with_pseudonyms_proves_nothing_over_a_period() {
    let bench = bench();
    let ledger = bench.path("ledger").display().to_string();
    let ran = scan(&bench, "out", &["--redact-accounts", "--ledger", &ledger]);
    refused(&ran, 2, &["a pack with pseudonyms goes into no ledger"]);
    assert!(!bench.path("out").exists());
    done(&scan(&bench, "plain", &["--ledger", &ledger]));
    done(&scan(&bench, "hidden", &["--redact-accounts"]));
    let ran = bench.run(&["ledger", "append", "hidden", "--ledger", &ledger]);
    refused(&ran, 1, &["a pack with pseudonyms goes into no ledger"]);

    // A ledger of an earlier version may hold one.
    let before = manifest_of(&bench.path("plain"));
    reseal(&bench.path("hidden"), |manifest| {
        manifest.sequence = Some(2);
        manifest.previous = Some(before.sha256());
        manifest.sealed_at = before.sealed_at.map(|at| at.max(manifest.as_of));
    });
    let manifest = manifest_of(&bench.path("hidden"));
    bench.write("ledger/manifests/00000002.json", manifest.to_bytes());
    let files = manifest.files.iter().map(|file| (&*file.path, &*file.sha256));
    let place = format!(
        "ledger/packs/{}-{}",
        manifest.as_of.format("%Y-%m-%dT%H%M%SZ"),
        &backproof::digest::of_list(files)[..16]
    );
    copy(&bench.path("hidden"), &bench.path(&place));
    let ran = bench.run(&["verify", "--ledger", &ledger]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let ran = attest(&bench, &["--ledger", &ledger]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("pack 2 of the ledger counts for nothing here"),
        "{}",
        ran.stderr
    );
    let attested = ran.json();
    assert_eq!(attested["packs"].as_array().map(Vec::len), Some(1));
    assert_eq!(attested["ledger"]["left_out"][0]["sequence"], 2);
    let text = attested["rests_on"][1].as_str().expect("a text");
    assert!(text.contains("Left out, for their accounts are pseudonyms"), "{text}");
    // It does not stand in the way of the last pack before a later period.
    let later = [
        "attest",
        "--from",
        "2027-01-01",
        "--to",
        "2027-01-02",
        "--ledger",
        &ledger,
    ];
    let ran = bench.run(&[&later[..], &["--format", "json", "--out", "-"]].concat());
    assert_eq!(
        (ran.code, ran.json()["packs"].as_array().map(Vec::len)),
        (11, Some(1)),
        "{}",
        ran.stderr
    );
}

/// The time of an entry is that of S3 when it is appended, not that of the scan.
#[test]
fn an_entry_is_dated_by_the_clock_of_s3() {
    let bench = bench();
    done(&scan(&bench, "audit", &[]));
    bench.control("POST /_sandbox/clock", "{\"advance-seconds\": 7200}");
    let ran = bench.run(&["ledger", "append", "audit", "--ledger", "s3://locked/ledger"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = bench.run(&["verify", "--ledger", "s3://locked/ledger"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let ran = attest(&bench, &["--ledger", "s3://locked/ledger"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let text = ran.json()["rests_on"][1].as_str().expect("a text").to_owned();
    assert!(text.contains("by its own times and by those of S3"), "{text}");
    // Too old by that clock, whatever the scan saw.
    done(&scan(&bench, "late", &[]));
    bench.control("POST /_sandbox/clock", "{\"advance-seconds\": 90000}");
    let ran = bench.run(&["ledger", "append", "late", "--ledger", "s3://locked/ledger"]);
    refused(&ran, 1, &["the pack is too old to be appended"]);
}
