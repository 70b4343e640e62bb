//! Packs and ledgers of people who want them to say something else, and packs that are made to harm whoever reads them:
//! what `verify` says of each. `docs/evidence.md` has both tables.

use std::path::{Path, PathBuf};
use std::time::Instant;

use backproof::inventory::Inventory;
use backproof::inventory::judged::FindingRow;
use backproof::inventory::schema::{Table, TableTag};
use backproof::inventory::store::{read_frame, write_frame};
use backproof::pack::seal;

use crate::common::evidence::{bench, copy, done, edit, key, manifest_of, reseal, scan};
use crate::common::worlds::world;
use crate::common::{Bench, PROGRAM, Ran, in_folder, json_file, run};

/// A pack with documents, and room for copies of it.
struct Packed {
    bench: Bench,
}

impl Packed {
    fn new() -> Self {
        let bench = Bench::new(&world(""));
        let ran = bench.run(&[
            "scan",
            "--framework",
            "soc2",
            "--format",
            "json,html,markdown",
            "--to",
            "pack",
            "--quiet",
        ]);
        assert_eq!(ran.code, 10, "{}", ran.stderr);
        Self { bench }
    }

    fn copy(&self, name: &str) -> PathBuf {
        let to = self.bench.path(name);
        copy(&self.bench.path("pack"), &to);
        to
    }
}

fn verify(bench: &Bench, name: &str) -> Ran {
    run(bench.dir.path(), &[], &["verify", name])
}

/// The verdict of the program, and every text that it must have said, on whichever stream.
fn said(name: &str, ran: &Ran, code: i32, texts: &[&str]) {
    assert_eq!(ran.code, code, "{name}: {}{}", ran.stdout, ran.stderr);
    for text in texts {
        let is_said = ran.stdout.contains(text) || ran.stderr.contains(text);
        assert!(is_said, "{name}: `{text}` is not in: {}{}", ran.stdout, ran.stderr);
    }
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

fn text(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).expect("text")
}

/// Every rule on tables is kept by everything that has a name.
fn weaken(dir: &Path) -> usize {
    let mut weakened = 0;
    for entry in std::fs::read_dir(dir.join("criteria/rules")).expect("rules") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("text");
        if text.contains("\nsubject") {
            continue;
        }
        let mut lines: Vec<&str> = text.lines().collect();
        for line in &mut lines {
            if line.starts_with("compliant") {
                *line = "compliant = \"table_name LIKE '%'\"";
            }
        }
        std::fs::write(&path, lines.join("\n") + "\n").expect("written");
        weakened += 1;
    }
    weakened
}

fn findings(dir: &Path) -> Vec<FindingRow> {
    let mut rows = Vec::new();
    read_frame::<FindingRow>(dir, |some| rows.extend(some)).expect("read");
    rows
}

/// The scan says that it was made at another instant; all digests fit.
fn moved(dir: &Path, to: &str) {
    let path = dir.join("inventory/inventory.json");
    let whole = text(dir, "inventory/inventory.json");
    std::fs::write(&path, whole.replace("2026-11-01T12:00:00Z", to)).expect("written");
    reseal(dir, |manifest| manifest.as_of = to.parse().expect("an instant"));
}

/// Nothing reckons on an instant that no calendar has.
#[test]
fn no_command_reads_an_inventory_of_an_instant_beyond_all_calendars() {
    let packed = Packed::new();
    for (number, to) in [
        "+262142-12-31T23:59:59Z",
        "-262143-01-01T00:00:00Z",
        "2005-12-31T23:59:59Z",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("moved-{number}");
        let inventory = format!("{name}/inventory");
        moved(&packed.copy(&name), to);
        for args in [
            &["report", &inventory, "--to", "out"][..],
            &["diff", "pack", &name],
            &["sample", &name, "--size", "1", "--seed", "1"],
        ] {
            let ran = packed.bench.run(args);
            assert!(matches!(ran.code, 1 | 12), "{args:?}: {} {}", ran.code, ran.stderr);
            assert!(
                ran.stderr.contains("and no scan was made then"),
                "{args:?}: {}",
                ran.stderr
            );
        }
    }
}

const LYING_PAGE: &str = "<!doctype html><html><head><title>Compliant</title><style>p[role]{display:none!important}</style>\
</head><body><h1 style=\"color:green\">Compliant: 0 findings</h1>\
<script type=\"application/json\">{{ data|safe }}</script></body></html>";

/// What a forger did, how `verify` ends, what it says, and what documents of the pack say themselves.
type Forgery = (
    &'static str,
    fn(&Path),
    i32,
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
);

const FORGERIES: &[Forgery] = &[
    (
        "a page that says compliant",
        |dir| {
            write(dir, "templates/report.html", LYING_PAGE);
            seal::anew(dir).expect("sealed");
        },
        0,
        &[
            "note: templates: the pack's own (SHA-256 ",
            "report.html; layout, words and colours",
            "(1 note above)",
        ],
        &[
            ("report.html", "<p role=\"note\" style=\"all:revert!important"),
            ("report.html", "The outcome in backproof's words: Not compliant: "),
            (
                "report.html",
                "come from templates that are not backproof's own (SHA-256 ",
            ),
            ("summary.md", "come from templates that are not backproof's own"),
        ],
    ),
    (
        "red and green exchanged in the PDF",
        |dir| {
            let swapped = "title = 'Compliant'\n[colours]\nnon-compliant = '#1d6b45'\ncompliant = '#96212b'\n";
            write(dir, "templates/pdf.toml", swapped);
            seal::anew(dir).expect("sealed");
        },
        0,
        &["note: templates: the pack's own (SHA-256 ", "): pdf.toml; "],
        &[("summary.md", "come from templates that are not backproof's own")],
    ),
    (
        "rules weakened under the program's ids",
        |dir| {
            assert!(weaken(dir) > 30);
            seal::anew(dir).expect("sealed");
        },
        0,
        &[
            "note: ",
            " rules differ from those of backproof ",
            " under the same id: advanced-features-on, ",
        ],
        &[
            ("report.json", "\"origin\":\"changed\""),
            ("report.html", " rules differ from those of backproof "),
            ("summary.md", " rules differ from those of backproof "),
        ],
    ),
    (
        "a rule that the program does not have",
        |dir| {
            let rule = text(dir, "criteria/rules/deletion-protection-on.toml")
                .replace("\"deletion-protection-on\"", "\"all-is-well\"");
            write(dir, "criteria/rules/all-is-well.toml", &rule);
            seal::anew(dir).expect("sealed");
        },
        0,
        &["note: 1 rule is not of backproof ", ": all-is-well"],
        &[
            ("report.json", "\"origin\":\"own\""),
            ("report.html", "1 rule is not of backproof "),
            ("summary.md", "1 rule is not of backproof "),
        ],
    ),
    (
        "a framework whose controls ask for less",
        |dir| {
            let path = dir.join("criteria/frameworks/questions.toml");
            edit(&path, "\"recovery-point-fresh\"", "\"in-a-plan\"");
            seal::anew(dir).expect("sealed");
        },
        0,
        &["note: 1 framework differs from that of backproof ", ": soc2"],
        &[("report.html", "1 framework differs from that of backproof ")],
    ),
    (
        "a file beside the evidence",
        |dir| {
            write(dir, "READ-ME-FIRST.html", "<h1>Compliant</h1>");
            reseal(dir, |_| ());
        },
        0,
        &["note: 1 file belongs to no part of a pack: READ-ME-FIRST.html; nothing checks what is in it"],
        &[],
    ),
    (
        "a place in a ledger that was never given",
        |dir| {
            reseal(dir, |manifest| {
                manifest.sequence = Some(7);
                manifest.previous = Some("0".repeat(64));
                manifest.sealed_at = Some(manifest.as_of);
            });
        },
        0,
        &["note: claims number 7 of a ledger: not checked"],
        &[],
    ),
    (
        "a verdict exchanged in the findings",
        |dir| {
            let mut rows = findings(dir);
            let row = rows.iter_mut().find(|row| row.verdict == "non-compliant").expect("one");
            row.verdict = "compliant".to_owned();
            write_frame(dir, std::iter::once(rows)).expect("written");
            reseal(dir, |_| ());
        },
        12,
        &["findings.parquet, finding ", ": verdict"],
        &[],
    ),
    (
        "a finding left out",
        |dir| {
            let mut rows = findings(dir);
            rows.remove(0);
            write_frame(dir, std::iter::once(rows)).expect("written");
            reseal(dir, |_| ());
        },
        12,
        &["findings.parquet, finding 1"],
        &[],
    ),
    (
        "a report rewritten by hand",
        |dir| {
            edit(&dir.join("report.html"), "Not compliant", "Compliant");
            reseal(dir, |_| ());
        },
        12,
        &["report.html:", "written again it is"],
        &[],
    ),
    (
        "evidence that was touched up",
        |dir| {
            let inventory = dir.join("inventory");
            let mut rows: Vec<Table> = Inventory::open(&inventory).expect("an inventory").read().expect("read");
            rows[0].deletion_protection = rows[0].deletion_protection.map(|on| !on);
            write_frame(&inventory, std::iter::once(rows)).expect("written");
            reseal(dir, |_| ());
        },
        12,
        &["findings.parquet, finding "],
        &[],
    ),
    (
        "a minimum raised in the policy",
        |dir| {
            edit(
                &dir.join("criteria/policy.toml"),
                "retention-min = \"",
                "retention-min = \"9",
            );
            reseal(dir, |_| ());
        },
        12,
        &["findings.parquet, finding "],
        &[],
    ),
    (
        "another caller in the manifest",
        |dir| {
            reseal(dir, |manifest| {
                manifest.caller_arn = "arn:aws:iam::111122223333:user/boss".into();
            });
        },
        12,
        &["manifest.json, `caller_arn`"],
        &[],
    ),
    (
        "an instant at which AWS said nothing",
        |dir| moved(dir, "2026-11-20T12:00:00Z"),
        12,
        &[
            "inventory/inventory.json, `as_of`",
            "it says 2026-11-20T12:00:00Z, and the first answer of the call log came at 2026-11-01T12:00:00Z",
        ],
        &[],
    ),
    (
        "an instant long before it",
        |dir| moved(dir, "2026-11-01T10:59:59Z"),
        12,
        &["inventory/inventory.json, `as_of`"],
        &[],
    ),
    (
        "an instant beyond all calendars",
        |dir| moved(dir, "+262142-12-31T23:59:59Z"),
        12,
        &["`as_of` is +262142-12-31T23:59:59Z, and no scan was made then"],
        &[],
    ),
    (
        "an instant before all calendars",
        |dir| moved(dir, "-262143-01-01T00:00:00Z"),
        12,
        &["`as_of` is -262143-01-01T00:00:00Z, and no scan was made then"],
        &[],
    ),
    (
        "criteria that nothing reads",
        |dir| {
            write(dir, "criteria/rules.toml", "");
            reseal(dir, |_| ());
        },
        12,
        &["criteria/rules.toml", "none of the files that criteria have"],
        &[],
    ),
];

#[test]
fn no_forgery_passes_without_a_word() {
    let packed = Packed::new();
    said(
        "untouched",
        &verify(&packed.bench, "pack"),
        0,
        &["the evidence holds: scan "],
    );
    assert!(!verify(&packed.bench, "pack").stdout.contains("note:"));
    for (number, (name, forge, code, texts, documents)) in FORGERIES.iter().enumerate() {
        let folder = format!("forged-{number}");
        let dir = packed.copy(&folder);
        forge(&dir);
        said(name, &verify(&packed.bench, &folder), *code, texts);
        for (document, sentence) in *documents {
            let found = text(&dir, document);
            // Markdown breaks up nothing but markup, and HTML escapes quotes.
            let found = found.replace('\\', "").replace("&#x27;", "'").replace("&#39;", "'");
            assert!(found.contains(sentence), "{name}: {document} does not say `{sentence}`");
        }
    }
}

/// The mark is the first thing in the body, before anything that a template wrote.
#[test]
fn nothing_of_a_template_comes_before_the_mark() {
    let packed = Packed::new();
    let templates = packed.bench.path("firm");
    write(&templates, "report.html", LYING_PAGE);
    let args = [
        "report",
        "pack",
        "--template",
        "firm",
        "--format",
        "html",
        "--to",
        "out",
    ];
    let ran = packed.bench.run(&args);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let page = text(&packed.bench.path("out"), "report.html");
    let (mark, own) = (page.find("role=\"note\""), page.find("Compliant: 0 findings"));
    assert!(mark.expect("a mark") < own.expect("the template's words"), "{page}");
    assert!(page.starts_with("<!doctype html>\n<html><head><meta charset"), "{page}");
    write(
        &templates,
        "attestation.html",
        "{% for table in tables %}{% endfor %}<h1>Proven</h1>",
    );
    let period = ["attest", "--from", "2026-10-20", "--to", "2026-10-31", "--pack", "pack"];
    let ran = packed.bench.run(
        &[
            &period[..],
            &["--template", "firm", "--format", "html", "--out", "proof"],
        ]
        .concat(),
    );
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let page = text(&packed.bench.path("proof"), "attestation.html");
    let (mark, own) = (page.find("role=\"note\""), page.find("<h1>Proven</h1>"));
    assert!(mark.expect("a mark") < own.expect("the template's words"), "{page}");
    // The program's own folder of templates is no one else's.
    let shipped = format!("{}/report-templates", env!("CARGO_MANIFEST_DIR"));
    let args = [
        "report",
        "pack",
        "--template",
        &shipped,
        "--format",
        "html,markdown",
        "--to",
        "same",
    ];
    assert_eq!(packed.bench.run(&args).code, 10);
    for document in ["report.html", "summary.md"] {
        let page = text(&packed.bench.path("same"), document);
        assert!(!page.contains("not backproof's own"), "{document}");
    }
}

/// The last manifest deleted: the pack has a copy of it, which nobody writes before it is in the chain.
#[test]
fn the_end_of_a_ledger_that_was_cut_off_shows_by_its_pack() {
    let bench = bench();
    let (key_file, allowed) = key(&bench, 1);
    for number in 1..=3 {
        let to = format!("scan-{number}");
        done(&scan(&bench, &to, &["--ledger", "ledger", "--sign", &key_file]));
        bench.control("POST /_sandbox/clock", "{\"advance-seconds\": 60}");
    }
    let verify = || {
        run(
            bench.dir.path(),
            &[],
            &["verify", "--ledger", "ledger", "--allowed-signers", &allowed],
        )
    };
    assert_eq!(verify().code, 0);
    std::fs::remove_file(bench.path("ledger/manifests/00000003.json")).expect("gone");
    let words = "manifest 3 is missing, and the pack that it was for lies in packs/";
    said("cut", &verify(), 12, &[words]);
    let args = [
        "attest",
        "--from",
        "2026-10-15",
        "--to",
        "2026-10-31",
        "--ledger",
        "ledger",
    ];
    said("attest", &run(bench.dir.path(), &[], &args), 12, &[words]);
    said(
        "list",
        &run(bench.dir.path(), &[], &["ledger", "list", "--ledger", "ledger"]),
        1,
        &[words],
    );
    // What comes in its place does not hide it.
    done(&scan(&bench, "scan-4", &["--ledger", "ledger", "--sign", &key_file]));
    assert!(bench.path("ledger/manifests/00000003.json").exists());
    said("covered", &verify(), 12, &[words]);
}

/// What was done to a ledger, whether `verify` and `attest` take it, and what both say, or `verify` alone where they do.
type LedgerForgery<'d> = (&'static str, &'d dyn Fn(&Path), bool, &'static str);

fn pack_of(ledger: &Path, number: usize) -> PathBuf {
    let packs = std::fs::read_dir(ledger.join("packs")).expect("packs");
    let mut packs: Vec<PathBuf> = packs.map(|entry| entry.expect("an entry").path()).collect();
    packs.sort();
    packs[number - 1].clone()
}

fn manifest_path(ledger: &Path, number: u64) -> PathBuf {
    ledger.join(format!("manifests/{number:08}.json"))
}

/// A file of a ledger is read-only.
fn replaced(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::remove_file(path).expect("gone");
    std::fs::write(path, bytes).expect("written");
}

fn folder_replaced(to: &Path, from: &Path) {
    std::fs::remove_dir_all(to).expect("gone");
    copy(from, to);
}

/// An old pack as number 4, dated as the last one, with all digests fitted.
fn replayed(ledger: &Path, place: &Path) {
    let last = manifest_of(&pack_of(ledger, 3));
    let mut manifest = manifest_of(place);
    (manifest.sequence, manifest.previous, manifest.sealed_at) = (Some(4), Some(last.sha256()), last.sealed_at);
    manifest.signed_by = Vec::new();
    std::fs::write(manifest_path(ledger, 4), manifest.to_bytes()).expect("written");
    for name in ["manifest.json", "SHA256SUMS"] {
        std::fs::remove_file(place.join(name)).expect("gone");
    }
    seal::write_manifest(place, &manifest).expect("written");
}

#[test]
fn no_forgery_of_a_ledger_passes_without_a_word() {
    let bench = bench();
    let ((key_file, allowed), (other_key, _)) = (key(&bench, 1), key(&bench, 2));
    for (ledger, key_file) in [("ours", &key_file), ("theirs", &other_key)] {
        for number in 1..=3 {
            let to = format!("{ledger}-{number}");
            done(&scan(&bench, &to, &["--ledger", ledger, "--sign", key_file]));
            bench.control("POST /_sandbox/clock", "{\"advance-seconds\": 60}");
        }
    }
    let (ours, theirs) = (bench.path("ours"), bench.path("theirs"));
    let signature = |ledger: &Path, number: u64| {
        let sha256 = manifest_of(&pack_of(ledger, 2)).sha256();
        ledger.join(format!("signatures/{number:08}-{sha256}.sig"))
    };
    let head = manifest_of(&pack_of(&ours, 3)).sha256();
    let exchanged = |ledger: &Path| folder_replaced(&pack_of(ledger, 2), &pack_of(&theirs, 2));
    let with_manifest = |ledger: &Path| {
        exchanged(ledger);
        replaced(
            &manifest_path(ledger, 2),
            std::fs::read(manifest_path(&theirs, 2)).expect("read"),
        );
    };
    let cut_without_a_trace = |ledger: &Path| {
        std::fs::remove_dir_all(pack_of(ledger, 3)).expect("gone");
        std::fs::remove_file(manifest_path(ledger, 3)).expect("gone");
        let name = format!("signatures/00000003-{head}.sig");
        std::fs::remove_file(ledger.join(name)).expect("gone");
    };
    let edited = |name: &'static str, from: &'static str, to: &'static str| {
        move |ledger: &Path| {
            let path = pack_of(ledger, 2).join(name);
            let text = std::fs::read_to_string(&path).expect("text");
            assert!(text.contains(from), "{from}");
            replaced(&path, text.replacen(from, to, 1));
        }
    };
    let touched_up = |ledger: &Path| {
        let inventory = pack_of(ledger, 2).join("inventory");
        let mut rows: Vec<Table> = Inventory::open(&inventory).expect("an inventory").read().expect("read");
        rows[0].deletion_protection = rows[0].deletion_protection.map(|on| !on);
        std::fs::remove_file(inventory.join("tables.parquet")).expect("gone");
        write_frame(&inventory, std::iter::once(rows)).expect("written");
    };
    let resealed = |ledger: &Path| {
        touched_up(ledger);
        let pack = pack_of(ledger, 2);
        let manifest = manifest_of(&pack);
        for name in ["manifest.json", "SHA256SUMS"] {
            std::fs::remove_file(pack.join(name)).expect("gone");
        }
        seal::write_manifest(&pack, &manifest).expect("written");
        reseal(&pack, |_| ());
    };
    let (report, criteria) = (
        edited("report.json", "non-compliant", "now-compliant"),
        edited("criteria/policy.toml", "[policy]", "[policy] "),
    );
    let cases: &[LedgerForgery<'_>] = &[
        (
            "packs exchanged",
            &exchanged,
            false,
            "the folder of pack 2 is not the one of the chain",
        ),
        ("with their manifests", &with_manifest, false, "manifest 2"),
        (
            "the end cut off, without a trace",
            &cut_without_a_trace,
            true,
            "cannot be seen from inside",
        ),
        ("evidence touched up", &touched_up, false, "tables.parquet"),
        (
            "the same, sealed anew",
            &resealed,
            false,
            "the folder of pack 2 is not the one of the chain",
        ),
        (
            "an old pack again",
            &|ledger| replayed(ledger, &pack_of(ledger, 1)),
            false,
            "pack",
        ),
        (
            "an old pack again, in a folder of its own",
            &|ledger| {
                let place = ledger.join("packs/2026-11-01T120003Z-aaaaaaaaaaaaaaaa");
                copy(&pack_of(ledger, 1), &place);
                replayed(ledger, &place);
            },
            false,
            "pack",
        ),
        (
            "two with one number",
            &|ledger| {
                let second = std::fs::read(manifest_path(ledger, 2)).expect("read");
                replaced(&manifest_path(ledger, 3), second);
            },
            false,
            "manifest 3 says that it is number 2",
        ),
        ("a report edited", &report, false, "report.json"),
        ("criteria edited", &criteria, false, "criteria/policy.toml"),
        (
            "a file dropped",
            &|ledger| std::fs::remove_file(pack_of(ledger, 2).join("inventory/vaults.parquet")).expect("gone"),
            false,
            "inventory/vaults.parquet",
        ),
        (
            "a file added",
            &|ledger| write(&pack_of(ledger, 2), "more.html", "x"),
            false,
            "does not name this file",
        ),
        (
            "a signature of another key",
            &|ledger| {
                replaced(
                    &signature(ledger, 2),
                    std::fs::read(signature(&theirs, 2)).expect("read"),
                )
            },
            false,
            "manifest 2 is not signed as it should be",
        ),
        (
            "a pack renamed",
            &|ledger| {
                let place = pack_of(ledger, 2);
                std::fs::rename(&place, place.with_file_name("2026-11-01T120003Z-ffffffffffffffff")).expect("moved");
            },
            false,
            "pack 2",
        ),
        (
            "files of no pack",
            &|ledger| write(ledger, "packs/2026-11-01T120003Z-0000000000000000/report.html", "x"),
            true,
            "note: not in the chain, and harmless: packs/2026-11-01T120003Z-0000000000000000/",
        ),
    ];
    for (number, (name, forge, is_taken, words)) in cases.iter().enumerate() {
        let ledger = format!("forged-{number}");
        copy(&ours, &bench.path(&ledger));
        forge(&bench.path(&ledger));
        let more = ["--ledger", &ledger, "--allowed-signers", &allowed];
        let checked = run(bench.dir.path(), &[], &[&["verify"], &more[..]].concat());
        said(name, &checked, if *is_taken { 0 } else { 12 }, &[*words]);
        let period = [
            "attest",
            "--from",
            "2026-10-15",
            "--to",
            "2026-10-31",
            "--out",
            &format!("{ledger}-proof"),
        ];
        let attested = run(bench.dir.path(), &[], &[&period[..], &more].concat());
        if *is_taken {
            assert_eq!(attested.code, 10, "{name}: {}", attested.stderr);
        } else {
            said(name, &attested, 12, &["nothing was attested"]);
        }
        if name.starts_with("the end cut off") {
            let period = [&period[..5], &["--out", "proof-of-head"]].concat();
            for command in [&["verify"][..], &period] {
                let args = [command, &more, &["--expect-head", &head]].concat();
                said(
                    name,
                    &run(bench.dir.path(), &[], &args),
                    12,
                    &["the end of the ledger was cut off"],
                );
            }
        }
    }
}

/// A pack of another organisation belongs to no row of ours.
#[test]
fn a_pack_of_another_organisation_is_named() {
    let bench = bench();
    done(&scan(&bench, "one", &["--ledger", "ledger"]));
    let elsewhere = Bench::new(
        &world("")
            .replace("111122223333", "999988887777")
            .replace("2026-11-01", "2026-11-02"),
    );
    done(&scan(&elsewhere, "other", &[]));
    copy(&elsewhere.path("other"), &bench.path("other"));
    bench.control("POST /_sandbox/clock", "{\"advance-seconds\": 90000}");
    let ran = run(
        bench.dir.path(),
        &[],
        &["ledger", "append", "other", "--ledger", "ledger"],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    said(
        "verify",
        &run(bench.dir.path(), &[], &["verify", "--ledger", "ledger"]),
        0,
        &["note: pack 2 is of other accounts (999988887777) than the pack before it"],
    );
}

/// What is copied out of a ledger is what its manifest says, and lies in the ledger.
#[cfg(unix)]
#[test]
fn what_is_fetched_from_a_ledger_was_checked_and_followed_no_link() {
    let bench = bench();
    bench.write("secret", "not for you");
    type Damage = fn(&Path);
    let cases: [(&str, Damage, &str); 4] = [
        (
            "a link out of the ledger",
            |pack| replace_by_link(&pack.join("report.json"), "../../../secret"),
            "is a link, and nothing of a ledger is",
        ),
        (
            "a pack that is a link",
            |pack| {
                let elsewhere = pack
                    .parent()
                    .and_then(Path::parent)
                    .expect("a ledger")
                    .join("elsewhere");
                std::fs::rename(pack, &elsewhere).expect("moved");
                replace_by_link(pack, "../elsewhere");
            },
            "is a link, and nothing of a ledger is",
        ),
        (
            "a file exchanged",
            |pack| {
                let path = pack.join("report.json");
                let text = std::fs::read_to_string(&path)
                    .expect("text")
                    .replacen("non-compliant", "now-compliant", 1);
                std::fs::remove_file(&path).expect("gone");
                std::fs::write(&path, text).expect("written");
            },
            "expected SHA-256",
        ),
        (
            "a file too many",
            |pack| std::fs::write(pack.join("more.html"), "x").expect("written"),
            "does not name this file",
        ),
    ];
    for (number, (name, damage, words)) in cases.into_iter().enumerate() {
        let (ledger, to) = (format!("ledger-{number}"), format!("copy-{number}"));
        done(&scan(&bench, &format!("scan-{number}"), &["--ledger", &ledger]));
        let pack = std::fs::read_dir(bench.path(&ledger).join("packs"))
            .expect("packs")
            .next();
        damage(&pack.expect("a pack").expect("an entry").path());
        let ran = run(
            bench.dir.path(),
            &[],
            &["ledger", "fetch", "1", "--ledger", &ledger, "--to", &to],
        );
        said(name, &ran, 12, &[words]);
        assert!(!bench.path(&to).exists(), "{name}");
        said(
            name,
            &run(bench.dir.path(), &[], &["verify", "--ledger", &ledger]),
            12,
            &["pack 1 failed verification"],
        );
    }
}

/// What the pack is made to do, how it was made, and what `verify` says of it.
type Hostile = (&'static str, fn(&Path), &'static [&'static str]);

#[cfg(unix)]
fn replace_by_pipe(path: &Path) {
    let _ = std::fs::remove_file(path);
    let made = std::process::Command::new("mkfifo")
        .arg(path)
        .status()
        .expect("mkfifo runs");
    assert!(made.success());
}

#[cfg(unix)]
fn replace_by_link(path: &Path, to: &str) {
    let _ = std::fs::remove_file(path);
    std::os::unix::fs::symlink(to, path).expect("linked");
}

/// A template in a pack whose manifest names it, and whose report was written by another one.
fn with_page(dir: &Path, page: &str) {
    write(dir, "templates/report.html", page);
    reseal(dir, |_| ());
}

/// Rows of tags whose values are long: 768 MiB that fold to some hundred kilobytes.
fn folded(dir: &Path) -> PathBuf {
    let inventory = dir.join("inventory");
    let row = |number: usize| TableTag {
        table_arn: format!("arn:{number}"),
        key: "k".to_owned(),
        value: number.to_string() + &"x".repeat(1 << 20),
    };
    let batches = (0..96).map(|batch| (0..8).map(|number| row(batch * 8 + number)).collect());
    let rows = write_frame::<TableTag>(&inventory, batches).expect("written");
    let path = inventory.join("inventory.json");
    let mut manifest = json_file(&path);
    manifest["frames"]["table_tags"] = rows.into();
    std::fs::write(&path, manifest.to_string()).expect("written");
    inventory.join("table_tags.parquet")
}

/// The same, and its footer says that it holds next to nothing.
fn folded_and_lying(dir: &Path) {
    let path = folded(dir);
    let mut bytes = std::fs::read(&path).expect("read");
    let end = bytes.len();
    let length = u32::from_le_bytes(bytes[end - 8..end - 4].try_into().expect("four bytes")) as usize;
    let mut lies = 0;
    // Large sizes have four bytes or five in the footer: each becomes a small one that is written as long.
    for (width, small) in [(5, &[0x80, 0x81, 0x80, 0x80, 0x00][..]), (4, &[0x80, 0x81, 0x80, 0x00])] {
        for at in end - 8 - length..end - 8 - width {
            let number = &bytes[at..at + width];
            let (last, first) = number.split_last().expect("bytes");
            let is_number = first.iter().all(|byte| byte & 0x80 != 0) && last & 0x80 == 0;
            let value = number
                .iter()
                .rev()
                .fold(0_u64, |value, byte| value << 7 | u64::from(byte & 0x7f))
                >> 1;
            if is_number && (8 << 20..1 << 31).contains(&value) {
                bytes[at..at + width].copy_from_slice(small);
                lies += 1;
            }
        }
    }
    assert!(lies > 0, "the footer is not as it was");
    std::fs::write(&path, bytes).expect("written");
    reseal(dir, |_| ());
}

#[cfg(unix)]
const HOSTILE: &[Hostile] = &[
    (
        "a manifest that is a pipe",
        |dir| replace_by_pipe(&dir.join("manifest.json")),
        &["manifest.json", "it is not a plain file"],
    ),
    (
        "digests without end",
        |dir| replace_by_link(&dir.join("SHA256SUMS"), "/dev/zero"),
        &["SHA256SUMS", "it is not a plain file"],
    ),
    (
        "a signature without end",
        |dir| replace_by_link(&dir.join("manifest.json.sig"), "/dev/zero"),
        &["it is not a plain file"],
    ),
    (
        "a frame that is a pipe",
        |dir| replace_by_pipe(&dir.join("inventory/tables.parquet")),
        &["inventory/tables.parquet", "it is not a plain file"],
    ),
    (
        "criteria that lead elsewhere",
        |dir| {
            std::fs::remove_dir_all(dir.join("criteria")).expect("gone");
            replace_by_link(&dir.join("criteria"), "/");
        },
        &["criteria", "neither a file nor a folder"],
    ),
    (
        "a manifest of 20 MB",
        |dir| {
            let padding = "\"\",".repeat(7 << 20);
            edit(
                &dir.join("manifest.json"),
                "\"command_line\": [",
                &format!("\"command_line\": [{padding}"),
            );
        },
        &["at most 16777216 are read of such a file"],
    ),
    (
        "a report of a terabyte of holes",
        |dir| {
            const TERABYTE: u64 = 1 << 40;
            let file = std::fs::File::options()
                .write(true)
                .open(dir.join("report.json"))
                .expect("opened");
            file.set_len(TERABYTE).expect("longer");
            let mut manifest = manifest_of(dir);
            let mut files = manifest.files.iter_mut();
            files.find(|file| file.path == "report.json").expect("a report").size = TERABYTE;
            seal::write_manifest(dir, &manifest).expect("written");
        },
        &["report.json", "it is of holes: 1099511627776 bytes"],
    ),
    (
        "a template that never ends",
        |dir| {
            let loops =
                "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}{{ data|safe }}";
            with_page(dir, loops);
        },
        &["report.html", "could not be written again", "fuel"],
    ),
    (
        "a template that repeats a letter",
        |dir| with_page(dir, "{{ 'x' * 9000000000 }}{{ data|safe }}"),
        &["report.html", "could not be written again"],
    ),
    (
        "a template whose text doubles",
        |dir| {
            let doubling = "{% set x = x ~ x %}".repeat(60);
            with_page(
                dir,
                &format!("{{% set x = 'xxxxxxxxxxxxxxxx' %}}{doubling}{{{{ x }}}}{{{{ data|safe }}}}"),
            );
        },
        &["report.html", "could not be written again", "fuel"],
    ),
    (
        "a macro that calls itself",
        |dir| {
            with_page(
                dir,
                "{% macro m(x) %}{{ m(x ~ x) }}{% endmacro %}{{ m('xx') }}{{ data|safe }}",
            )
        },
        &["report.html", "could not be written again"],
    ),
    (
        "a frame that unfolds to 768 MiB",
        |dir| {
            folded(dir);
            reseal(dir, |_| ());
        },
        &["frame `table_tags`", "its footer tells of ", " bytes unfolded"],
    ),
    (
        "findings that are one long text, many times",
        |dir| {
            let mut row = findings(dir).remove(0);
            row.message = "x".repeat(1 << 20);
            let batches = (0..96).map(|_| vec![row.clone(); 8]);
            write_frame::<FindingRow>(dir, batches).expect("written");
            reseal(dir, |_| ());
        },
        &[
            "the evidence could not be read to its end",
            "more memory than is allowed (384 MiB",
        ],
    ),
    (
        "a frame whose footer lies about it",
        folded_and_lying,
        &[
            "the evidence could not be read to its end",
            "more memory than is allowed (384 MiB",
        ],
    ),
    (
        "20,000 waivers with 40 stars each",
        |dir| {
            let stars = "*a".repeat(40);
            let waiver = |number: usize| {
                format!(
                    "[[waiver]]\nrule = \"pitr-on\"\ntables = \"{stars}*\"\nreason = \"r\"\nrequester = \"a\"\napprover = \"b\"\n\
                     approved = 2026-06-01\nexpires = 2027-01-01\nmax-tables = 1\nticket = \"T-{number}\"\n"
                )
            };
            write(
                dir,
                "criteria/waivers.toml",
                &(0..20_000).map(waiver).collect::<String>(),
            );
            reseal(dir, |_| ());
        },
        &["criteria/waivers.toml", "more waivers than"],
    ),
    (
        "20,000 tiers",
        |dir| {
            let tier = |number: usize| {
                format!(
                    "[[policy.tier]]\nname = \"t{number}\"\nwhen = \"table_name LIKE '%{number}%'\"\nrpo = \"1h\"\n"
                )
            };
            let policy = text(dir, "criteria/policy.toml") + &(0..20_000).map(tier).collect::<String>();
            write(dir, "criteria/policy.toml", &policy);
            reseal(dir, |_| ());
        },
        &["criteria/policy.toml", "more tiers than"],
    ),
    (
        "3,000 rules",
        |dir| {
            let rule = text(dir, "criteria/rules/deletion-protection-on.toml");
            for number in 0..3_000 {
                let id = format!("r-{number}");
                write(
                    dir,
                    &format!("criteria/rules/{id}.toml"),
                    &rule.replace("\"deletion-protection-on\"", &format!("\"{id}\"")),
                );
            }
            reseal(dir, |_| ());
        },
        &["it holds more than 2000 files"],
    ),
    (
        "a policy of 100,000 brackets",
        |dir| {
            write(dir, "criteria/policy.toml", &format!("x = {}", "[".repeat(100_000)));
            reseal(dir, |_| ());
        },
        &["criteria/policy.toml"],
    ),
    (
        "an inventory that is one long list",
        |dir| {
            write(
                dir,
                "inventory/inventory.json",
                &format!("[{}0]", "[0],".repeat(4 << 20)),
            );
            reseal(dir, |_| ());
        },
        &["inventory.json", "at most 8388608 are read of such a file"],
    ),
];

/// The bounds that `docs/evidence.md` states, for a build that is not optimised and shares its processors.
#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::print_stdout, reason = "with `--nocapture`, how long each took")]
fn hostile_packs_are_refused_in_words_in_time_and_within_bounds() {
    const SECONDS: u64 = if cfg!(debug_assertions) { 20 } else { 5 };
    let packed = Packed::new();
    let mut wrong = Vec::new();
    for (number, (name, make, texts)) in HOSTILE.iter().enumerate() {
        let folder = format!("hostile-{number}");
        make(&packed.copy(&folder));
        // Nothing may wait, compute or allocate for longer than that; whoever does is killed, which is no answer.
        let line = format!("ulimit -t {SECONDS}; ulimit -d 512000; exec \"$0\" verify {folder}");
        let begun = Instant::now();
        let output = in_folder("timeout", packed.bench.dir.path(), &[])
            .args(["-k", "1", "60", "bash", "-c", &line, PROGRAM])
            .output()
            .expect("it runs");
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        println!("{name}: {:.1} s", begun.elapsed().as_secs_f32());
        let is_said = |text: &&&str| ran.stderr.contains(**text);
        if ran.code != 12 || texts.iter().filter(is_said).count() < texts.len() {
            wrong.push(format!("{name}: {texts:?} is not in: {ran:?}"));
        }
        std::fs::remove_dir_all(packed.bench.path(&folder)).expect("gone");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
