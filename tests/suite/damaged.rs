//! Readers and damaged input: whatever the bytes are, the answer is a value or a problem in words, never a crash.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use backproof::criteria::rules::RuleSet;
use backproof::criteria::waivers::Waivers;
use backproof::criteria::{Criteria, files, policy, rules};
use backproof::facts::derive;
use backproof::inventory::schema::{BackupJob, FRAMES, PlanRule, RecoveryPoint, Row, Table, Vault};
use backproof::inventory::store::{read_frame, write_frame};
use backproof::inventory::{Inventory, judged::FindingRow};
use backproof::judge::judge;
use backproof::pack::Manifest;
use backproof::settings::Settings;
use chrono::{DateTime, Utc};
use proptest::prelude::*;

use crate::common::criteria::waiver;
use crate::common::worlds::tested;
use crate::common::{Bench, cases};

/// A scan of a small world, made once.
struct Scanned {
    bench: Bench,
}

static SCANNED: LazyLock<Scanned> = LazyLock::new(|| {
    let bench = Bench::new(&tested(""));
    let ran = bench.run(&["scan", "--to", "out", "--quiet", "--framework", "dora"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    Scanned { bench }
});

impl Scanned {
    fn pack(&self) -> std::path::PathBuf {
        self.bench.path("out")
    }

    /// Its inventory, with files linked from the original until they are written anew.
    fn inventory(&self) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for entry in std::fs::read_dir(self.pack().join("inventory")).expect("a folder") {
            let path = entry.expect("an entry").path();
            std::fs::copy(&path, dir.path().join(path.file_name().expect("a name"))).expect("copied");
        }
        dir
    }
}

/// A few rules, a framework, a tier and a waiver: enough of each kind of file, and quick to read.
static CRITERIA: LazyLock<Criteria> = LazyLock::new(|| {
    let policy =
        "[policy]\nrpo = \"36h\"\n[[policy.tier]]\nname = \"gold\"\nwhen = \"tag('tier') = 'gold'\"\nrpo = \"6h\"\n";
    let waivers = waiver("pitr-on", "a*", "bob", "2026-12-31", 2);
    let rules = [
        "pitr-on",
        "recovery-point-fresh",
        "recovery-point-retained",
        "vault-retention-bounds-fit",
    ];
    let all = RuleSet::load(None, &[]).expect("rules").0;
    Criteria {
        rules: RuleSet(all.into_iter().filter(|rule| rules.contains(&&*rule.id)).collect()),
        policy: policy::parse(policy, "policy.toml").expect("a policy"),
        waivers: Waivers::parse_stored(&waivers, "waivers.toml").expect("waivers"),
        frameworks: vec![
            backproof::criteria::frameworks::find("dora")
                .expect("a framework")
                .clone(),
        ],
        baseline: None,
        changes: Vec::new(),
    }
});

/// One change to a file: what, where (as a share of its length), and with what.
#[derive(Debug, Clone)]
enum Change {
    Flip(u8),
    Set(u8),
    Cut(u16),
    Drop(u8),
    Repeat(u8),
    Insert(&'static str),
}

/// Pieces that mean something to one of the formats.
const PIECES: &[&str] = &[
    "",
    "\"",
    "'",
    "\"\"\"",
    "=",
    "[[",
    "]]",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    ",",
    ".",
    "#",
    "\n",
    "\u{0}",
    "\u{202e}",
    "-1",
    "0",
    "9223372036854775807",
    "-9223372036854775808",
    "99999999999999999999",
    "1e999",
    "nan",
    "inf",
    "0x7f",
    "2026-13-45",
    "2026-02-30",
    "999999999999d",
    "9223372036854775807h",
    "true",
    "null",
    "NOT",
    "AND",
    "CASE WHEN",
    "tag('",
    "[policy]",
    "[[policy.tier]]",
    "[[waiver]]",
    "arn:aws:::::",
    "*",
    "\\u0000",
    "é",
    "\u{10ffff}",
];

fn change() -> impl Strategy<Value = (Change, f64)> {
    let change = prop_oneof![
        (0_u8..8).prop_map(Change::Flip),
        any::<u8>().prop_map(Change::Set),
        any::<u16>().prop_map(Change::Cut),
        any::<u8>().prop_map(Change::Drop),
        any::<u8>().prop_map(Change::Repeat),
        prop::sample::select(PIECES).prop_map(Change::Insert),
    ];
    (change, 0.0..1.0)
}

fn changes() -> impl Strategy<Value = Vec<(Change, f64)>> {
    prop::collection::vec(change(), 1..6)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place in a small file"
)]
fn damaged(sound: &[u8], changes: &[(Change, f64)]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    for (change, share) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = (bytes.len() as f64 * share) as usize;
        let end = |more: usize| (at + more).min(bytes.len());
        match change {
            Change::Flip(bit) => bytes[at] ^= 1 << bit,
            Change::Set(byte) => bytes[at] = *byte,
            Change::Cut(more) => bytes.truncate(end(usize::from(*more))),
            Change::Drop(more) => drop(bytes.drain(at..end(usize::from(*more)))),
            Change::Repeat(more) => {
                let piece = bytes[at..end(usize::from(*more))].to_vec();
                bytes.splice(at..at, piece);
            }
            Change::Insert(piece) => drop(bytes.splice(at..at, piece.bytes())),
        }
    }
    bytes
}

fn damaged_text(sound: &str, changes: &[(Change, f64)]) -> String {
    String::from_utf8_lossy(&damaged(sound.as_bytes(), changes)).into_owned()
}

/// Reads every frame, whatever comes of it.
fn read_all(dir: &Path) {
    let Ok(inventory) = Inventory::open(dir) else { return };
    // A value that was changed into another is still a value.
    let _ = inventory.each_text(&mut |_| ());
    let _ = derive(&inventory, 30);
}

proptest! {
    #![proptest_config(cases(160))]

    #[test]
    fn damaged_parquet_is_a_problem_in_words(frame in 0..FRAMES.len(), changes in changes()) {
        let dir = SCANNED.inventory();
        let path = dir.path().join(format!("{}.parquet", FRAMES[frame].name));
        if let Ok(sound) = std::fs::read(&path) {
            std::fs::write(&path, damaged(&sound, &changes)).expect("written");
            read_all(dir.path());
        }
    }

    #[test]
    fn damaged_findings_are_a_problem_in_words(changes in changes()) {
        let dir = tempfile::tempdir().expect("a folder");
        let sound = std::fs::read(SCANNED.pack().join("findings.parquet")).expect("read");
        std::fs::write(dir.path().join("findings.parquet"), damaged(&sound, &changes)).expect("written");
        let _ = read_frame::<FindingRow>(dir.path(), |_| ());
    }

    #[test]
    fn damaged_manifests_are_a_problem_in_words(changes in changes()) {
        let sound = std::fs::read(SCANNED.pack().join("manifest.json")).expect("read");
        if let Ok(manifest) = Manifest::parse(&damaged(&sound, &changes), "manifest.json") {
            prop_assert!(manifest.files.iter().all(|file| !file.path.contains("..")));
            prop_assert!(Manifest::parse(&manifest.to_bytes(), "manifest.json").is_ok());
        }
        let dir = SCANNED.inventory();
        let path = dir.path().join("inventory.json");
        let sound = std::fs::read(&path).expect("read");
        std::fs::write(&path, damaged(&sound, &changes)).expect("written");
        read_all(dir.path());
    }

    #[test]
    fn damaged_settings_and_waivers_are_a_problem_in_words(changes in changes()) {
        let page = include_str!("../../docs/configuration.md");
        let blocks: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
        prop_assert_eq!(blocks.len(), 2);
        for block in blocks {
            let text = damaged_text(block, &changes);
            let _ = Settings::parse(&text, "backproof.toml");
            let _ = policy::parse(&text, "policy.toml");
            let _ = Waivers::parse_stored(&text, "waivers.toml");
        }
    }

    #[test]
    fn damaged_criteria_are_a_problem_in_words(place in 0_usize..1000, changes in changes()) {
        let mut files = files::files(&CRITERIA);
        let place = place % files.len();
        files[place].1 = damaged_text(&files[place].1, &changes);
        if let Ok(read) = files::read(&files, "criteria") {
            // What can be read can be written and read again, to the same end.
            let again = files::files(&read);
            let twice = files::read(&again, "criteria").map(|read| files::files(&read));
            prop_assert_eq!(twice.ok(), Some(again));
        }
    }

    #[test]
    fn damaged_worlds_are_a_problem_in_words(changes in changes()) {
        let _ = backproof_sandbox::World::parse(&damaged_text(&tested(""), &changes), "world.toml");
    }
}

/// The longest durations that are read, and those next to nothing.
fn span() -> impl Strategy<Value = Option<i64>> {
    prop::option::of(prop_oneof![-1_i64..3, Just(36_500), Just(52_704_000), 0_i64..60_000])
}

fn number() -> impl Strategy<Value = Option<i64>> {
    prop::option::of(prop_oneof![Just(i64::MIN), Just(i64::MAX), -2_i64..3, any::<i64>()])
}

fn instant() -> impl Strategy<Value = Option<DateTime<Utc>>> {
    let edge = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
    let edges = [
        edge("0001-01-01T00:00:00Z"),
        edge("9999-12-31T23:59:59Z"),
        DateTime::UNIX_EPOCH,
    ];
    let near = DateTime::from_timestamp(1_790_000_000, 0).expect("an instant");
    prop::option::of(prop_oneof![
        prop::sample::select(edges.to_vec()),
        (-90_000_000_i64..90_000_000).prop_map(move |seconds| near + chrono::TimeDelta::seconds(seconds)),
    ])
}

/// Changes the rows of one frame, and lets everything downstream work with them.
fn with_rows<R: Row>(change: impl Fn(usize, &mut R)) -> Result<(), TestCaseError> {
    let dir = SCANNED.inventory();
    let mut rows: Vec<R> = Inventory::open(dir.path()).expect("an inventory").read().expect("read");
    rows.iter_mut().enumerate().for_each(|(place, row)| change(place, row));
    write_frame(dir.path(), std::iter::once(rows)).expect("written");
    let inventory = Inventory::open(dir.path()).expect("an inventory");
    prop_assert!(judge(&inventory, &CRITERIA).is_ok());
    Ok(())
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn values_that_aws_never_sends_are_judged_all_the_same(
        numbers in prop::collection::vec(number(), 16),
        spans in prop::collection::vec(span(), 16),
        instants in prop::collection::vec(instant(), 16),
    ) {
        let number = |place: usize| numbers[place % 16];
        let span = |place: usize| spans[place % 16];
        let instant = |place: usize| instants[place % 16];
        with_rows::<RecoveryPoint>(|at, row| {
            (row.created_at, row.completed_at, row.started_at) = (instant(at), instant(at + 1), instant(at + 2));
            (row.delete_at, row.cold_at, row.last_restored_at) = (instant(at + 3), instant(at + 4), instant(at + 5));
            (row.delete_after_days, row.cold_after_days, row.size_bytes) = (span(at), span(at + 1), number(at + 2));
        })?;
        with_rows::<BackupJob>(|at, row| {
            (row.created_at, row.completed_at, row.start_by) = (instant(at), instant(at + 1), instant(at + 2));
        })?;
        with_rows::<Table>(|at, row| {
            (row.created_at, row.restored_at) = (instant(at), instant(at + 1));
            (row.item_count, row.table_size_bytes, row.replica_count) = (number(at), number(at + 1), number(at + 2));
        })?;
        with_rows::<PlanRule>(|at, row| {
            (row.start_window_minutes, row.completion_window_minutes) = (span(at), span(at + 1));
            (row.delete_after_days, row.cold_after_days) = (span(at + 2), span(at + 3));
        })?;
        with_rows::<Vault>(|at, row| {
            (row.lock_date, row.created_at) = (instant(at), instant(at + 1));
            (row.min_retention_days, row.max_retention_days) = (span(at), span(at + 1));
        })?;
    }
}

#[test]
fn values_out_of_all_bounds_are_refused_when_they_are_read() {
    for (created_at, days) in [
        (Some(DateTime::<Utc>::MAX_UTC), None),
        (Some(DateTime::<Utc>::MIN_UTC), None),
        (None, Some(i64::MAX)),
        (None, Some(-2)),
    ] {
        let dir = SCANNED.inventory();
        let inventory = Inventory::open(dir.path()).expect("an inventory");
        let mut rows: Vec<RecoveryPoint> = inventory.read().expect("read");
        (rows[0].created_at, rows[0].delete_after_days) = (created_at, days);
        write_frame(dir.path(), std::iter::once(rows)).expect("written");
        let problem = judge(&inventory, &CRITERIA).expect_err("out of bounds");
        assert!(problem.why.contains("a value that AWS cannot have sent"), "{problem}");
    }
}

#[test]
fn what_is_nested_without_end_is_a_problem_in_words() {
    for depth in [200, 10_000, 100_000] {
        let is_refused = |condition: String| {
            let text = format!(
                "id = \"deep\"\ntitle = \"t\"\nseverity = \"low\"\ncompliant = \"{condition}\"\nmessage = \"m\"\nremedy = \"r\"\nrationale = \"r\"\n"
            );
            rules::parse("deep.toml", &text).is_err()
        };
        for condition in [
            format!("{}pitr_on{}", "(".repeat(depth), ")".repeat(depth)),
            format!("{}pitr_on", "NOT ".repeat(depth)),
            format!("{}1 > 0 AND pitr_on", "- ".repeat(depth)),
        ] {
            assert!(is_refused(condition), "{depth}");
        }
        assert_eq!(
            is_refused(format!("pitr_on{}", " AND pitr_on".repeat(depth))),
            depth > 200
        );
        assert!(!is_refused(format!("account_id IN ('a'{})", ",'='".repeat(depth))));
        let nested = format!("policy = {}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Settings::parse(&nested, "backproof.toml").is_err());
        let nested = format!("policy = {}{}", "{ a = ".repeat(depth), "}".repeat(depth));
        assert!(Settings::parse(&nested, "backproof.toml").is_err());
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Manifest::parse(nested.as_bytes(), "manifest.json").is_err());
        assert!(backproof_sandbox::World::parse(&format!("now = {nested}"), "world.toml").is_err());
    }
}

/// What is read can be evaluated, on a thread as small as any.
#[test]
fn the_longest_condition_is_judged() {
    let condition = format!("pitr_on{}", " AND pitr_on".repeat(200));
    let text = format!(
        "id = \"long\"\ntitle = \"t\"\nseverity = \"low\"\ncompliant = \"{condition}\"\nmessage = \"m\"\nremedy = \"r\"\nrationale = \"r\"\n"
    );
    let criteria = Criteria {
        rules: RuleSet(vec![rules::parse("long.toml", &text).expect("a rule")]),
        policy: CRITERIA.policy.clone(),
        waivers: Waivers::default(),
        frameworks: Vec::new(),
        baseline: None,
        changes: Vec::new(),
    };
    let dir = SCANNED.inventory();
    let report = judge(&Inventory::open(dir.path()).expect("an inventory"), &criteria).expect("judged");
    assert_eq!(report.findings.len(), report.tables.len());
}

#[test]
fn every_rule_and_framework_survives_the_way_through_the_files_of_a_pack() {
    let all = Criteria {
        rules: RuleSet::load(None, &[]).expect("rules"),
        policy: backproof::criteria::policy::Policy::default(),
        waivers: Waivers::default(),
        frameworks: backproof::criteria::frameworks::all().to_vec(),
        baseline: None,
        changes: Vec::new(),
    };
    let files = files::files(&all);
    let read = files::read(&files, "criteria").expect("read");
    assert_eq!(files::files(&read), files);
    let ids = |criteria: &Criteria| {
        criteria
            .rules
            .0
            .iter()
            .map(|rule| rule.id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&read), ids(&all));
    let by_name: BTreeMap<&str, &str> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    assert!(by_name.contains_key("rules/in-a-plan.toml") && by_name.contains_key("frameworks/questions.toml"));
}

fn policy_text() -> impl Strategy<Value = String> {
    let span =
        (1_u32..3000, prop::sample::select(vec!["s", "m", "h"])).prop_map(|(number, unit)| format!("{number}{unit}"));
    let maybe = |line: BoxedStrategy<String>| prop::option::of(line).prop_map(Option::unwrap_or_default).boxed();
    let line = move |key: &'static str, value: BoxedStrategy<String>| {
        maybe(value.prop_map(move |value| format!("{key} = \"{value}\"\n")).boxed())
    };
    let owner = prop::sample::select(vec!["any", "aws-managed", "customer-managed"]).prop_map(str::to_owned);
    let lock = prop::sample::select(vec!["none", "governance", "compliance"]).prop_map(str::to_owned);
    let limit = prop_oneof![
        Just("none".to_owned()),
        (1_u32..400).prop_map(|days| format!("{days}d"))
    ];
    let values = move || {
        (
            line("rpo", span.clone().boxed()),
            line("retention-min", (1_u32..90).prop_map(|days| format!("{days}d")).boxed()),
            line(
                "retention-max",
                prop_oneof![Just("none".to_owned()), Just("9y".to_owned())].boxed(),
            ),
            line("key-owner", owner.clone().boxed()),
            line("vault-lock", lock.clone().boxed()),
            line("copy-rpo", (1_u32..30).prop_map(|days| format!("{days}d")).boxed()),
            line("air-gapped-within", limit.clone().boxed()),
            line("restore-tested-within", limit.clone().boxed()),
            maybe(Just("copy-regions = [\"eu-west-1\", \"us-east-1\"]\ncopy-accounts = []\n".to_owned()).boxed()),
        )
            .prop_map(|(a, b, c, d, e, f, g, h, i)| [a, b, c, d, e, f, g, h, i].concat())
    };
    let tier = (values(), "[a-z\"'\\\\ é=]{1,12}").prop_map(|(values, name)| {
        let name = toml::Value::from(name).to_string();
        format!("[[policy.tier]]\nname = {name}\nwhen = \"table_name LIKE '%\\\\_x' OR tag('a b') = '=''1'\"\n{values}")
    });
    (values(), prop::collection::vec(tier, 0..3), 1_u32..365)
        .prop_map(|(values, tiers, window)| format!("[policy]\nwindow = \"{window}d\"\n{values}{}", tiers.concat()))
}

proptest! {
    #![proptest_config(cases(64))]

    /// Whatever a policy says, its stored form says the same.
    #[test]
    fn policies_survive_the_way_through_the_files_of_a_pack(text in policy_text()) {
        let Ok(settings) = Settings::parse(&text, "backproof.toml") else { return Ok(()) };
        let before = Criteria {
            rules: RuleSet(vec![CRITERIA.rules.0[0].clone()]),
            policy: settings.policy,
            waivers: Waivers::default(),
            frameworks: Vec::new(),
            baseline: None,
            changes: Vec::new(),
        };
        let files = files::files(&before);
        let after = match files::read(&files, "criteria") {
            Ok(after) => after,
            Err(problems) => return Err(TestCaseError::fail(format!("{problems}\n{files:#?}"))),
        };
        prop_assert_eq!(&after.policy.values, &before.policy.values);
        prop_assert_eq!(after.policy.window_days, before.policy.window_days);
        prop_assert_eq!(after.policy.lines(), before.policy.lines());
        prop_assert_eq!(after.policy.tiers.len(), before.policy.tiers.len());
        for (after, before) in after.policy.tiers.iter().zip(&before.policy.tiers) {
            prop_assert_eq!((&after.name, &after.when, &after.values), (&before.name, &before.when, &before.values));
            prop_assert_eq!((&after.sets, &after.exemption), (&before.sets, &before.exemption));
        }
        prop_assert_eq!(files::files(&after), files);
    }
}
