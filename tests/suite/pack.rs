//! Evidence packs: written whole or not at all, and anything that differs is named.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use backproof::inventory::Inventory;
use backproof::inventory::judged::FindingRow;
use backproof::inventory::schema::Table;
use backproof::inventory::store::{read_frame, write_frame};
use backproof::pack::{Pack, intact, seal, verify};
use backproof::problem::Problem;
use backproof::sign::Trust;

use crate::common::evidence::{copy, cut, edit, reseal};
use crate::common::worlds::{file, world};
use crate::common::{Bench, PROGRAM, Ran, in_folder, json_file, refused, run};

/// A pack as version 0.1.0 made it before rules had questions and levels.
const SCHEMA_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/schema-1");

/// What its rules said stands as their program said it; everything else goes on working.
#[test]
fn a_pack_of_schema_1_goes_on_working() {
    let bench = Bench::new(&world(""));
    let ran = bench.run(&["verify", SCHEMA_1]);
    assert_eq!(ran.code, 11, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("ok: totals are the sums of the findings")
            && ran.stdout.contains("not re-evaluated: judged by backproof 0.1.0"),
        "{}",
        ran.stdout
    );
    let ran = bench.run(&["diff", SCHEMA_1, SCHEMA_1]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    let period = ["--from", "2026-10-20", "--to", "2026-10-31", "--out", "proof"];
    let ran = bench.run(&[&["attest", "--pack", SCHEMA_1][..], &period].concat());
    assert_eq!(ran.code, 10, "{}{}", ran.stdout, ran.stderr);
    // The promise of that time was 24 h, and each day's point was done 40 s after its data was that old.
    assert!(
        ran.stdout.contains("0 of 2 tables proven; 2 exposed") && ran.stdout.contains("(40 s) and 11 more"),
        "{}",
        ran.stdout
    );
    for baseline in [SCHEMA_1.to_owned(), format!("{SCHEMA_1}/report.json")] {
        let (ran, report) = bench.scan(
            &format!("now-{}", baseline.len()),
            &[
                "--format",
                "json",
                "--baseline",
                &baseline,
                "--rules",
                "recovery-point-fresh,in-a-plan",
            ],
        );
        assert_eq!(ran.code, 0, "what was open then is known: {}{}", ran.stdout, ran.stderr);
        assert_eq!(report["baseline"]["known"], 2);
    }
    // By all rules: that one table is not backed up was known, by the rule that asked for its age alone.
    for (number, baseline) in [SCHEMA_1.to_owned(), format!("{SCHEMA_1}/report.json")]
        .iter()
        .enumerate()
    {
        let to = format!("all-{number}");
        let ran = bench.run(&["scan", "--to", &to, "--format", "json,markdown", "--baseline", baseline]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let said = [
            "0 open findings new, 2 known",
            "weaker setting: pitr-on (required -> not asked)",
            "newly asked: backed-up, plan-meets-policy",
        ];
        for part in said {
            assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
        }
        assert!(
            !ran.stdout.contains("any more whether"),
            "no question was asked then: {}",
            ran.stdout
        );
    }
    let ran = bench.run(&["diff", SCHEMA_1, "all-0", "--format", "json"]);
    let diff = ran.json();
    let changes = diff["changes"].as_array().expect("changes");
    let of = |kind: &str| {
        let of_kind = changes
            .iter()
            .filter(|change| change["kind"] == kind && change["level"] != "advised");
        of_kind.filter_map(|change| change["what"].as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of("newly-failing"), [""; 0], "{diff:#}");
    assert_eq!(of("newly-asked"), [""; 0], "{diff:#}");
    assert!(of("still-failing").contains(&"backed-up"), "{diff:#}");
    assert_eq!(of("answer-lost"), [""; 0], "{diff:#}");
    assert_eq!(ran.code, 10, "the criteria ask for less of single demands");
    // Frames of then lack columns of now; a copy without accounts is made of them all the same.
    let inventory = format!("{SCHEMA_1}/inventory");
    let ran = bench.run(&[
        "report",
        &inventory,
        "--redact-accounts",
        "--to",
        "shared",
        "--format",
        "json",
    ]);
    assert!(ran.code >= 10, "{}", ran.stderr);
    // A finding that was altered shows in the digests, as ever.
    let altered = bench.path("altered");
    copy(Path::new(SCHEMA_1), &altered);
    edit(&altered.join("report.json"), "non-compliant", "compliant");
    assert_eq!(bench.run(&["verify", "altered"]).code, 12);
}

/// A pack as version 0.1.0 made it before reports said nothing twice.
const SCHEMA_2: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/schema-2");

/// And before texts that findings share stood once in its report.
const SCHEMA_3: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/schema-3");

#[test]
fn a_pack_of_schema_2_is_judged_again() {
    is_judged_again(SCHEMA_2);
}

#[test]
fn a_pack_of_schema_3_is_judged_again() {
    is_judged_again(SCHEMA_3);
}

/// Its report has a form that is not written any more; its findings are those of its rules, whose words were edited since.
fn is_judged_again(pack: &str) {
    let bench = Bench::new(&world(""));
    let ran = bench.run(&["verify", pack]);
    assert_eq!(ran.code, 11, "{}{}", ran.stdout, ran.stderr);
    for part in [
        "give the same 10 findings",
        "not checked: reports of an older form, which this version does not write: report.json",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let altered = bench.path("altered");
    copy(Path::new(pack), &altered);
    edit(&altered.join("report.json"), "non-compliant", "compliant");
    assert_eq!(bench.run(&["verify", "altered"]).code, 12);
    let ran = bench.run(&["diff", pack, pack]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    for (number, baseline) in [pack.to_owned(), format!("{pack}/report.json")].iter().enumerate() {
        let same = [
            "--rules",
            "in-a-plan,plan-meets-policy,backed-up,deletion-protection-on,vault-locked",
        ];
        let flags = ["--format", "json", "--baseline", baseline];
        let (ran, report) = bench.scan(&format!("now-{number}"), &[&flags[..], &same].concat());
        assert_eq!(ran.code, 0, "what was open then is known: {}{}", ran.stdout, ran.stderr);
        assert_eq!(report["baseline"]["new"], 0);
    }
}

/// What is not checked of older packs is not left unchecked of one that only says that it is older.
#[test]
fn a_pack_that_says_it_is_older_than_its_report_does_not_hold() {
    let bench = Bench::new(&world(""));
    bench.scan("out", &["--format", "json"]);
    for version in [1, 2, 3] {
        crate::common::evidence::reseal(&bench.path("out"), |manifest| manifest.schema_version = version);
        let ran = bench.run(&["verify", "out"]);
        assert_eq!(ran.code, 12, "{version}: {}{}", ran.stdout, ran.stderr);
        let said = format!("the manifest is of schema version {version}, found `4`");
        assert!(ran.stderr.contains(&said) || version == 1, "{}", ran.stderr);
    }
}

/// A world with whatever criteria there are: tiers, waivers, frameworks.
struct Packed {
    bench: Bench,
}

const SETTINGS: &str = r#"
waivers = "waivers.toml"
accounts = [{ id = "111122223333", name = "payments-prod" }]
regions = ["eu-west-1"]

[policy]
rpo = "26h"
restore-tested-within = "90d"
copy-accounts = ["999988887777"]
copy-rpo = "3d"

[[policy.tier]]
name = "gold \"quoted\""
when = "tag('backup') = 'daily' AND account_id = '111122223333'"
rpo = "90m"
retention-max = "none"
air-gapped-within = "none"

[[policy.tier]]
name = "scratch"
when = "table_name LIKE 'tmp-%'"
exempt = true
reason = "filled anew"
expires = 2027-06-30
max-tables = 2
"#;

const WAIVERS: &str = r#"
[[waiver]]
rule = "deletion-protection-on"
tables = "forgot*"
reason = "read-only since the\nmigration"
requester = "lead"
approver = "head"
approved = 2026-10-01
expires = 2027-04-30
max-tables = 3
"#;

impl Packed {
    fn new() -> Self {
        let bench = Bench::new(&world(""));
        bench.write("backproof.toml", SETTINGS);
        bench.write("waivers.toml", WAIVERS);
        let ran = bench.run(&["scan", "--framework", "soc2,dora", "--to", "audits/out"]);
        assert_eq!(ran.code, 10, "{}", ran.stderr);
        Self { bench }
    }

    fn dir(&self) -> PathBuf {
        self.bench.path("audits/out")
    }

    /// A copy to be damaged.
    fn copy(&self, name: &str) -> PathBuf {
        let to = self.bench.path(name);
        copy(&self.dir(), &to);
        to
    }
}

fn every_file(dir: &Path) -> Vec<String> {
    let mut files = seal::list(dir).expect("a list");
    files.extend(["manifest.json".to_owned(), "SHA256SUMS".to_owned()]);
    files
}

fn checked(dir: &Path) -> Result<(), Problem> {
    intact::open(dir)
        .and_then(|pack| intact::look(pack, &Trust::none()))
        .and_then(|intact| verify::verify(&intact))
        .map(|_| ())
}

/// The program, without AWS's environment and without any login.
fn offline(dir: &Path, args: &[&str]) -> Ran {
    run(dir, &[], args)
}

fn shell(dir: &Path, line: &str) -> (bool, String) {
    let ran = in_folder("bash", dir, &[])
        .args(["-c", line])
        .output()
        .expect("bash runs");
    let text = [ran.stdout, ran.stderr].concat();
    (ran.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn every_scan_writes_a_pack_that_holds() {
    let packed = Packed::new();
    let dir = packed.dir();
    let ran = offline(packed.bench.dir.path(), &["verify", "audits/out"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for line in [
        "SHA256SUMS and manifest.json name the same digests",
        "give the same",
        "written again, these are the same byte for byte: findings.csv",
        "ok: not signed",
        "the evidence holds",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    let (is_right, said) = shell(&dir, "sha256sum --check --strict --quiet SHA256SUMS");
    assert!(is_right, "{said}");
    let pack = Pack::open(&dir).expect("a pack");
    let manifest = &pack.manifest;
    for (pattern, digest) in [
        ("  (criteria|inventory)/", &manifest.evidence_digest),
        ("  criteria/rules/", &manifest.rules_digest),
    ] {
        let (_, said) = shell(&dir, &format!("grep -E '{pattern}' SHA256SUMS | sha256sum"));
        assert_eq!(said.split(' ').next(), Some(&**digest), "{pattern}");
    }
    let (_, said) = shell(&dir, "sha256sum criteria/policy.toml manifest.json");
    assert!(
        said.contains(&manifest.policy_digest) && said.contains(&pack.manifest_sha256),
        "{said}"
    );

    assert_eq!(manifest.caller_arn, "arn:aws:iam::111122223333:user/auditor");
    assert_eq!(
        (manifest.accounts[0].id.as_str(), manifest.accounts[0].name.as_str()),
        ("111122223333", "payments-prod")
    );
    assert_eq!(manifest.regions, ["eu-west-1"]);
    assert_eq!(manifest.command_line[..3], ["backproof", "scan", "--framework"]);
    assert_eq!(manifest.as_of.to_rfc3339(), "2026-11-01T12:00:00+00:00");
    assert!(manifest.clock_skew_seconds.is_some() && manifest.binary_sha256.is_some());
    assert_eq!(
        (manifest.sequence, &manifest.previous, manifest.is_redacted),
        (None, &None, false)
    );
    let report = json_file(&dir.join("report.json"));
    assert_eq!(report["totals"]["findings"], manifest.totals.findings);
    assert_eq!(manifest.coverage.tables_listed, 2);
    assert!(manifest.coverage.calls > 10);
    assert_eq!(report["scan"]["evidence_digest"], manifest.evidence_digest.as_str());
    let mut rows = 0;
    read_frame::<FindingRow>(&dir, |some| rows += some.len() as u64).expect("read");
    assert_eq!(rows, manifest.totals.findings);
    // Nothing is left beside it, and the folder above holds nothing else.
    let beside: Vec<_> = std::fs::read_dir(packed.bench.path("audits"))
        .expect("a folder")
        .collect();
    assert_eq!(beside.len(), 1);
}

#[test]
fn calls_are_stored_with_request_ids_and_the_times_of_aws() {
    let packed = Packed::new();
    let inventory = Inventory::open(&packed.dir().join("inventory")).expect("an inventory");
    let calls: Vec<backproof::inventory::schema::CallLogEntry> = inventory.read().expect("read");
    for call in &calls {
        assert!(call.request_id.is_some(), "{}", call.action);
        // The sandbox's clock stands still.
        let at = call.answered_at.map(|at| at.to_rfc3339());
        assert_eq!(at.as_deref(), Some("2026-11-01T12:00:00+00:00"), "{}", call.action);
    }
}

#[test]
fn criteria_load_again_and_judge_alike() {
    let packed = Packed::new();
    let pack = Pack::open(&packed.dir()).expect("a pack");
    let criteria = pack.criteria().expect("criteria");
    let stored = backproof::criteria::files::files(&criteria);
    for (name, text) in &stored {
        let path = packed.dir().join("criteria").join(name);
        assert_eq!(std::fs::read_to_string(&path).expect("read"), *text, "{name}");
    }
    assert_eq!(
        criteria
            .frameworks
            .iter()
            .map(|one| one.id.as_str())
            .collect::<Vec<_>>(),
        ["soc2", "dora"]
    );
    assert_eq!(criteria.policy.tiers[0].name, "gold \"quoted\"");
    assert_eq!(
        criteria.policy.tiers[0].values.rpo,
        Some(chrono::TimeDelta::minutes(90))
    );
    assert_eq!(criteria.policy.tiers[0].values.copy.accounts, ["999988887777"]);
    assert!(
        criteria.policy.tiers[1]
            .exemption
            .as_ref()
            .is_some_and(|one| one.approver.is_none())
    );
    assert_eq!(criteria.waivers.0[0].reason, "read-only since the\nmigration");
    // The same lines, with where each value comes from.
    let report = json_file(&packed.dir().join("report.json"));
    let lines = criteria.policy.lines();
    let said = report["policy"].as_object().expect("a policy");
    assert_eq!(lines.len(), said.len());
    for (key, value) in lines {
        assert_eq!(said[&key], value.as_str(), "{key}");
    }
    let again = pack.report().expect("a report");
    assert_eq!(again.totals.findings as u64, pack.manifest.totals.findings);
}

#[test]
fn one_flipped_bit_is_named_in_whatever_file_it_is() {
    let packed = Packed::new();
    let dir = packed.copy("flipped");
    let files = every_file(&dir);
    assert!(files.len() > 70, "{}", files.len());
    for name in &files {
        let path = dir.join(name);
        let sound = std::fs::read(&path).expect("read");
        for (place, bit) in [(0, 0), (sound.len() / 3, 3), (sound.len() / 2, 6), (sound.len() - 1, 1)] {
            let mut flipped = sound.clone();
            flipped[place] ^= 1 << bit;
            std::fs::write(&path, &flipped).expect("written");
            let problem = checked(&dir).expect_err(name);
            assert_eq!(problem.exit.code(), 12, "{name}: {problem}");
            let words = format!("{} {}", problem.location, problem.why);
            assert!(words.contains(&**name), "{name} at {place}: {problem}");
        }
        std::fs::write(&path, &sound).expect("written");
    }
    checked(&dir).expect("whole again");
}

#[test]
fn missing_strange_and_cut_files_are_named() {
    let packed = Packed::new();
    type Damage = fn(&Path);
    let cases: [(&str, Damage, &[&str]); 9] = [
        (
            "gone",
            |dir| std::fs::remove_file(dir.join("report.pdf")).expect("gone"),
            &["report.pdf"],
        ),
        (
            "more",
            |dir| std::fs::write(dir.join("inventory/x.parquet"), "x").expect("written"),
            &["inventory/x.parquet", "does not name"],
        ),
        (
            "cut",
            |dir| cut(&dir.join("inventory/tables.parquet")),
            &["inventory/tables.parquet", "bytes"],
        ),
        (
            "no-sums",
            |dir| std::fs::remove_file(dir.join("SHA256SUMS")).expect("gone"),
            &["SHA256SUMS"],
        ),
        (
            "no-manifest",
            |dir| std::fs::remove_file(dir.join("manifest.json")).expect("gone"),
            &["manifest.json", "written last"],
        ),
        (
            "empty-manifest",
            |dir| std::fs::write(dir.join("manifest.json"), "").expect("written"),
            &["manifest.json"],
        ),
        (
            "newer",
            |dir| {
                edit(
                    &dir.join("manifest.json"),
                    "\"schema_version\": 4",
                    "\"schema_version\": 7",
                )
            },
            &["schema version 7", "reads versions 1 to 4"],
        ),
        (
            "unknown",
            |dir| edit(&dir.join("manifest.json"), "\"sequence\"", "\"sequel\""),
            &["manifest.json", "sequel"],
        ),
        (
            "outside",
            |dir| edit(&dir.join("manifest.json"), "\"findings.csv\"", "\"../../secret\""),
            &["../../secret"],
        ),
    ];
    for (name, damage, words) in cases {
        let dir = packed.copy(name);
        damage(&dir);
        let ran = offline(packed.bench.dir.path(), &["verify", name]);
        assert_eq!(ran.code, 12, "{name}: {}", ran.stderr);
        assert!(
            ran.stderr.starts_with("error: the evidence failed verification"),
            "{}",
            ran.stderr
        );
        for word in words {
            assert!(ran.stderr.contains(word), "{name}, {word}: {}", ran.stderr);
        }
    }
    for (name, code, word) in [
        ("audits", 2, "this is no pack"),
        ("nowhere", 2, "there is no such folder"),
    ] {
        let ran = offline(packed.bench.dir.path(), &["verify", name]);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
    #[cfg(unix)]
    {
        let dir = packed.copy("linked");
        std::fs::rename(dir.join("report.pdf"), packed.bench.path("elsewhere.pdf")).expect("moved");
        std::os::unix::fs::symlink("../elsewhere.pdf", dir.join("report.pdf")).expect("linked");
        let problem = checked(&dir).expect_err("a link");
        assert_eq!(
            (problem.location.as_str(), problem.why.as_str()),
            ("report.pdf", "it is not a plain file")
        );
    }
}

#[test]
fn a_forger_who_fits_every_digest_is_found_by_judging_again() {
    let packed = Packed::new();
    type Forgery = fn(&Path);
    let cases: [(&str, Forgery, &[&str]); 9] = [
        (
            "verdict",
            |dir| {
                let mut rows = Vec::new();
                read_frame::<FindingRow>(dir, |some| rows.extend(some)).expect("read");
                let row = rows
                    .iter_mut()
                    .find(|row| row.verdict == "non-compliant")
                    .expect("a finding");
                row.verdict = "compliant".to_owned();
                write_frame(dir, std::iter::once(rows)).expect("written");
                reseal(dir, |_| ());
            },
            &[
                "findings.parquet, finding ",
                ": verdict",
                "`non-compliant`",
                "`compliant`",
            ],
        ),
        (
            "dropped",
            |dir| {
                let mut rows = Vec::new();
                read_frame::<FindingRow>(dir, |some| rows.extend(some)).expect("read");
                rows.pop();
                write_frame(dir, std::iter::once(rows)).expect("written");
                reseal(dir, |_| ());
            },
            &["findings.parquet, number of findings"],
        ),
        (
            "table",
            |dir| {
                let dir_of_frames = dir.join("inventory");
                let mut rows: Vec<Table> = Inventory::open(&dir_of_frames)
                    .expect("an inventory")
                    .read()
                    .expect("read");
                rows[0].deletion_protection = rows[0].deletion_protection.map(|on| !on);
                write_frame(&dir_of_frames, std::iter::once(rows)).expect("written");
                reseal(dir, |_| ());
            },
            &["findings.parquet, finding "],
        ),
        (
            "policy",
            |dir| {
                edit(&dir.join("criteria/policy.toml"), "rpo = \"26h\"", "rpo = \"9000h\"");
                reseal(dir, |_| ());
            },
            &["findings.parquet, finding "],
        ),
        (
            "rule",
            |dir| {
                std::fs::remove_file(dir.join("criteria/rules/deletion-protection-on.toml")).expect("gone");
                reseal(dir, |_| ());
            },
            &["findings.parquet, finding ", "deletion-protection-on"],
        ),
        (
            "totals",
            |dir| reseal(dir, |manifest| manifest.totals.waived += 1),
            &["manifest.json, `totals`"],
        ),
        (
            "coverage",
            |dir| reseal(dir, |manifest| manifest.coverage.tables_listed += 1),
            &["manifest.json, `coverage`"],
        ),
        (
            "caller",
            |dir| {
                reseal(dir, |manifest| {
                    manifest.caller_arn = "arn:aws:iam::111122223333:user/boss".into()
                })
            },
            &["manifest.json, `caller_arn`", "user/boss"],
        ),
        (
            "report",
            |dir| {
                edit(&dir.join("report.json"), "\"non-compliant\"", "\"compliant\"");
                reseal(dir, |_| ());
            },
            &["report.json:", "written again it is"],
        ),
    ];
    for (name, forge, words) in cases {
        let dir = packed.copy(name);
        forge(&dir);
        let problem = checked(&dir).expect_err(name);
        assert_eq!(problem.exit.code(), 12, "{problem}");
        for word in words {
            let text = problem.to_string();
            assert!(text.contains(word), "{name}, {word}: {text}");
        }
    }
}

#[test]
fn what_was_written_at_the_end_of_a_longer_report_is_found() {
    let packed = Packed::new();
    let dir = packed.copy("longer");
    let path = dir.join("report.html");
    let mut text = std::fs::read_to_string(&path).expect("read");
    text.push_str("<!-- more -->");
    std::fs::write(&path, text).expect("written");
    reseal(&dir, |_| ());
    let problem = checked(&dir).expect_err("longer");
    assert!(problem.location.starts_with("report.html:"), "{problem}");
    assert!(problem.why.contains("nothing more"), "{problem}");
}

#[test]
fn a_pack_for_strangers_names_no_account_and_still_holds() {
    let bench = Bench::new(&world(&file("account-ids")));
    let settings = SETTINGS.replace("filled anew", "filled anew by payments-prod (1111-2222-3333)");
    bench.write("backproof.toml", settings);
    bench.write(
        "waivers.toml",
        WAIVERS
            .replace("forgot*", "arn:aws:dynamodb:eu-west-1:111122223333:table/forgot*")
            .replace("\"head\"", "\"head of payments-prod\""),
    );
    let open = bench.run(&["scan", "--to", "open-111122223333", "--quiet"]);
    let shared = bench.run(&["scan", "--to", "shared-111122223333", "--quiet", "--redact-accounts"]);
    assert_eq!((open.code, shared.code), (10, 10), "{}", shared.stderr);
    let again = bench.run(&[
        "report",
        "open-111122223333",
        "--to",
        "again",
        "--quiet",
        "--redact-accounts",
    ]);
    assert_eq!(again.code, 10, "{}", again.stderr);
    let ids = [
        "111122223333",
        "999988887777",
        "987654321098",
        "123412341234",
        "payments-prod",
        "1111-2222-3333",
        "5555 6666 7777",
    ];
    for name in ["shared-111122223333", "again"] {
        let dir = bench.path(name);
        let ran = offline(bench.dir.path(), &["verify", name]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        // The ids in the examples of the program's own rules are not what makes a rule another.
        assert!(!ran.stdout.contains("under the same id"), "{}", ran.stdout);
        let report = json_file(&dir.join("report.json"));
        let rules = report["rules"].as_array().expect("rules");
        assert!(
            rules.len() > 50 && rules.iter().all(|rule| rule["origin"] == "program"),
            "{rules:?}"
        );
        for file in every_file(&dir) {
            let bytes = std::fs::read(dir.join(&file)).expect("read");
            for id in ids {
                let found = bytes.windows(id.len()).any(|window| window == id.as_bytes());
                assert!(!found, "{name}/{file} holds {id}");
            }
        }
        // Parquet is compressed: every text of it, read again.
        let check = |text: &str| ids.iter().for_each(|id| assert!(!text.contains(id), "{text}"));
        let pack = Pack::open(&dir).expect("a pack");
        assert!(pack.manifest.is_redacted);
        let inventory = pack.inventory().expect("an inventory");
        inventory.each_text(&mut |text| check(text)).expect("read");
        read_frame::<FindingRow>(&dir, |rows| rows.iter().for_each(|row| check(&format!("{row:?}")))).expect("read");
        let report = pack.report().expect("a report");
        check(&format!("{report:?}"));
        let first = &report.coverage.accounts[0];
        assert_eq!(
            (first.account_id.as_str(), first.name.as_str()),
            ("000000000001", "account-1")
        );
        let tables: Vec<Table> = inventory.read().expect("read");
        assert!(
            tables
                .iter()
                .any(|table| table.table_name.starts_with("export-000000000001-to-00000000000"))
        );
        assert!(!dir.join("unredacted").exists());
    }
    // The same verdicts as for those who may see everything.
    let of = |name: &str| Pack::open(&bench.path(name)).expect("a pack").manifest;
    assert_eq!(of("open-111122223333").totals, of("shared-111122223333").totals);
    assert_ne!(of("open-111122223333").scan_id, of("shared-111122223333").scan_id);
    // The criteria cannot ask for a part of an account id.
    edit(
        &bench.path("backproof.toml"),
        "account_id = '111122223333'",
        "account_id LIKE '1111%'",
    );
    let ran = bench.run(&["scan", "--to", "part", "--quiet", "--redact-accounts"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("gives other verdicts under pseudonyms"),
        "{}",
        ran.stderr
    );
    assert!(!bench.path("part").exists());
}

#[test]
fn stdout_gets_pseudonyms_too_and_nothing_is_left_behind() {
    let bench = Bench::new(&world(""));
    let ran = bench.run(&["scan", "--to", "-", "--format", "json", "--redact-accounts"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert!(ran.stdout.contains("000000000001") && !ran.stdout.contains("111122223333"));
    let left: Vec<_> = std::fs::read_dir(bench.dir.path())
        .expect("a folder")
        .flatten()
        .collect();
    assert!(left.is_empty(), "{left:?}");
    #[cfg(target_os = "linux")]
    {
        let ran = in_folder(PROGRAM, bench.dir.path(), &bench.sandbox.environment())
            .args(["scan", "--to", "-", "--format", "json"])
            .stdout(std::fs::File::create("/dev/full").expect("opened"))
            .output()
            .expect("runs");
        assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stderr));
    }
}

/// No folder may pass as a pack unless it is one.
fn assert_only_whole_packs(dir: &Path) -> usize {
    let (mut folders, mut whole) = (vec![dir.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        if folder.join("manifest.json").exists() {
            let is_partial = folder
                .iter()
                .any(|part| part.to_string_lossy().starts_with(".partial-"));
            let outcome = checked(&folder);
            assert!(outcome.is_ok() || is_partial, "{}: {outcome:?}", folder.display());
            whole += usize::from(outcome.is_ok() && !is_partial);
            continue;
        }
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_partial = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(".partial-"));
            let is_evidence = ["report.json", "findings.csv", "inventory"]
                .iter()
                .any(|name| path.ends_with(name));
            assert!(is_partial || !is_evidence, "{} lies about", path.display());
            if path.is_dir() && !is_partial {
                folders.push(path);
            }
        }
    }
    whole
}

/// When to kill a scan.
#[derive(Debug)]
enum Moment {
    /// Its hidden folder is there, with at least so many files.
    Files(usize),
    /// Its hidden folder has this file.
    Has(&'static str),
    /// The folder has got its place.
    Moved,
}

impl Moment {
    fn has_come(&self, folder: &Path) -> bool {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths = entries.map(|entry| entry.path());
        let hidden = paths.find(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'))
        });
        match (self, hidden) {
            (Self::Files(wanted), Some(dir)) => seal::list(&dir).is_ok_and(|files| files.len() >= *wanted),
            (Self::Has(name), Some(dir)) => dir.join(name).exists(),
            (Self::Moved, _) => folder.join("out").exists(),
            (_, None) => false,
        }
    }
}

#[test]
fn a_scan_killed_at_any_moment_leaves_nothing_that_looks_whole() {
    let bench = Bench::new(&world(""));
    let spawn = |name: &str| {
        in_folder(PROGRAM, bench.dir.path(), &bench.sandbox.environment())
            .args(["scan", "--to", name, "--quiet"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("runs")
    };
    assert_eq!(spawn("whole/out").wait().expect("ended").code(), Some(10));
    assert_eq!(assert_only_whole_packs(&bench.path("whole")), 1);
    let files = every_file(&bench.path("whole/out")).len();
    let mut unfinished = Vec::new();
    for moment in [
        Moment::Files(0),
        Moment::Files(files / 8),
        Moment::Files(files / 4),
        Moment::Has("report.json"),
        Moment::Has("report.pdf"),
        Moment::Has("criteria/policy.toml"),
        Moment::Has("findings.parquet"),
        Moment::Has("SHA256SUMS"),
        Moment::Has("manifest.json"),
        Moment::Moved,
    ] {
        let folder = bench.path(&format!("{moment:?}").replace(['/', '"', '(', ')'], "-"));
        let mut child = spawn(&folder.join("out").display().to_string());
        let begun = Instant::now();
        while !moment.has_come(&folder) && child.try_wait().expect("asked").is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{moment:?} does not come");
            std::thread::sleep(Duration::from_micros(200));
        }
        // It may have ended meanwhile: that is as good.
        child.kill().expect("killed, or over");
        child.wait().expect("ended");
        let whole = assert_only_whole_packs(&folder);
        assert_eq!(whole == 1, folder.join("out").exists(), "{moment:?}");
        if whole == 0 {
            unfinished.push(folder);
        }
    }
    assert!(unfinished.len() >= 5, "{unfinished:?}");
    let next = unfinished[1].join("next").display().to_string();
    // The next run says what is left over, and leaves it alone.
    let ran = bench.run(&["scan", "--to", &next]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("warning: an earlier run was interrupted before it finished\n"),
        "{}",
        ran.stderr
    );
    // However many there are, they are one warning, and none where quiet was asked for.
    let beside = unfinished[1].join(".partial-other-1");
    std::fs::create_dir(&beside).expect("made");
    let again = |to: &str, more: &[&str]| {
        let to = unfinished[1].join(to).display().to_string();
        bench.run(&[&["scan", "--to", &to], more].concat())
    };
    let ran = again("third", &[]);
    assert_eq!(ran.stderr.matches("interrupted").count(), 1, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("warning: 2 earlier runs were interrupted before they finished"),
        "{}",
        ran.stderr
    );
    let ran = again("fourth", &["--quiet"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert!(!ran.stderr.contains("interrupted"), "{}", ran.stderr);
    assert!(beside.exists());
}

/// A limit on the size of files stands for a disk that is full: a write fails in the middle of a file.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_that_looks_whole() {
    let bench = Bench::new(&world(""));
    let whole = bench.run(&["scan", "--to", "whole", "--quiet"]);
    assert_eq!(whole.code, 10, "{}", whole.stderr);
    let largest = every_file(&bench.path("whole"))
        .iter()
        .map(|name| bench.path("whole").join(name).metadata().expect("there").len() / 1024)
        .max()
        .unwrap_or(0);
    let mut failed = 0;
    for (round, blocks) in [1, 2, 4, 8, 16, 32, 64, 128, largest].into_iter().enumerate() {
        let name = format!("full/{round}");
        let line = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" scan --to {name} --quiet");
        let ran = in_folder("bash", bench.dir.path(), &bench.sandbox.environment())
            .args(["-c", &line, PROGRAM])
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&ran.stderr);
        if ran.status.code() == Some(10) {
            checked(&bench.path(&name)).expect("whole");
            continue;
        }
        failed += 1;
        assert_eq!(ran.status.code(), Some(1), "{blocks}: {said}");
        assert!(
            said.contains("File too large") && said.contains("hint: free some space"),
            "{blocks}: {said}"
        );
        assert!(!bench.path(&name).exists(), "{blocks}");
        let left: Vec<_> = std::fs::read_dir(bench.path("full"))
            .expect("a folder")
            .flatten()
            .collect();
        let is_partial = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(".partial-");
        assert!(!left.iter().any(is_partial), "{left:?}");
    }
    assert!(failed >= 5, "{failed}");
}

/// Evidence names every table, tag and role of an organisation: others read it only if that is asked for.
#[cfg(unix)]
#[test]
fn only_the_owner_reads_a_pack_unless_it_is_to_be_shared() {
    use std::os::unix::fs::PermissionsExt as _;

    /// The modes of everything below a folder, and its own.
    fn modes(path: &Path, files: &mut Vec<u32>, folders: &mut Vec<u32>) {
        let metadata = path.symlink_metadata().expect("there");
        let mode = metadata.permissions().mode() & 0o777;
        if !metadata.is_dir() {
            return files.push(mode);
        }
        folders.push(mode);
        for entry in std::fs::read_dir(path).expect("a folder") {
            modes(&entry.expect("an entry").path(), files, folders);
        }
    }
    let bench = Bench::new(&world(""));
    std::fs::create_dir(bench.path("there")).expect("made");
    std::fs::create_dir(bench.path("open-ledger")).expect("made");
    std::fs::set_permissions(bench.path("open-ledger"), std::fs::Permissions::from_mode(0o750)).expect("opened");
    let quick = "--quiet --rules in-a-plan --format json,html";
    for (line, folder, of_files, of_folders) in [
        (format!("scan --to new {quick} --ledger ledger"), "new", 0o600, 0o700),
        (format!("scan --to there {quick}"), "there", 0o600, 0o700),
        (format!("scan --to for-all {quick} --shared"), "for-all", 0o644, 0o755),
        ("collect --to only".to_owned(), "only", 0o600, 0o700),
        (
            "attest --from 2026-10-01 --to 2026-10-31 --pack new --out proof".to_owned(),
            "proof",
            0o600,
            0o700,
        ),
        (
            "ledger append new --ledger open-ledger".to_owned(),
            "open-ledger",
            0o440,
            0o750,
        ),
        (
            "ledger fetch 1 --ledger open-ledger --to fetched".to_owned(),
            "fetched",
            0o600,
            0o700,
        ),
        ("verify --ledger ledger".to_owned(), "ledger", 0o400, 0o700),
    ] {
        let ran = in_folder("sh", bench.dir.path(), &bench.sandbox.environment())
            .args(["-c", &format!("umask 022; exec \"$0\" {line}"), PROGRAM])
            .output()
            .expect("it runs");
        let code = ran.status.code().expect("not killed");
        assert!(
            [0, 10, 11].contains(&code),
            "{line}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        modes(&bench.path(folder), &mut files, &mut folders);
        // A folder that was there keeps its own rights.
        folders.retain(|mode| folder != "there" || *mode != 0o755);
        assert!(files.len() > 1, "{line}");
        assert!(files.iter().all(|mode| *mode == of_files), "{line}: {files:?}");
        assert!(folders.iter().all(|mode| *mode == of_folders), "{line}: {folders:?}");
    }
}

/// Who may not read is told so: that is no forgery, and a folder that may not be entered is not an empty one.
#[cfg(unix)]
#[test]
fn whoever_may_not_read_is_told_so_and_nothing_else() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new(&world(""));
    let scan = [
        "scan",
        "--to",
        "mine",
        "--shared",
        "--quiet",
        "--rules",
        "in-a-plan",
        "--ledger",
        "led",
    ];
    let ran = bench.run(&[&scan[..], &["--format", "json,csv"]].concat());
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let set = |name: &str, mode: u32| {
        std::fs::set_permissions(bench.path(name), std::fs::Permissions::from_mode(mode)).expect("set");
    };
    // As long as he may read it, it holds.
    let ran = bench.run_as_stranger(&["verify", "mine"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for (name, open) in [
        ("report.json", 0o644),
        ("findings.parquet", 0o644),
        ("SHA256SUMS", 0o644),
        ("manifest.json", 0o644),
        ("criteria/policy.toml", 0o644),
        ("criteria", 0o755),
        ("inventory", 0o755),
    ] {
        let path = format!("mine/{name}");
        set(&path, 0);
        let ran = bench.run_as_stranger(&["verify", "mine"]);
        set(&path, open);
        let so = "so: nothing can be said of the pack";
        let hint = "hint: run as its owner, or scan with `--shared`";
        refused(&ran, 1, &["could not read ", "Permission denied", so, hint]);
        assert!(!ran.stderr.contains("does not hold"), "{}", ran.stderr);
    }
    set("mine", 0o000);
    set("led", 0o000);
    for line in [
        "verify mine",
        "ledger append mine --ledger other",
        "report mine --to new",
        "diff mine mine",
        "sample mine --size 1 --seed 1",
        "explain table orders --inventory mine",
        "verify --ledger led",
        "ledger list --ledger led",
        "ledger fetch --ledger led --to new",
    ] {
        let args: Vec<&str> = line.split(' ').collect();
        let ran = bench.run_as_stranger(&args);
        refused(&ran, 1, &["Permission denied", "nothing can be said of what is in it"]);
        for untrue in ["it holds no", "neither", "there is no", "does not hold"] {
            assert!(!ran.stderr.contains(untrue), "{line}: {}", ran.stderr);
        }
    }
    set("mine", 0o755);
    set("led", 0o755);
}
