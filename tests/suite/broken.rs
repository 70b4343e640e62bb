//! Every call of a scan, answered in every way that an answer can be broken: no verdict and no exit code gets better than
//! without the fault unless a gap in the report names the call.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use backproof::inventory::Inventory;
use backproof::inventory::schema::CallLogEntry;
use serde_json::{Value, json};

use crate::common::worlds::{HERE, native, tested};
use crate::common::{Bench, Ran, json_file};

/// A policy that wants everything, so that every rule asks.
const POLICY: &str = r#"
[policy]
retention-max = "400d"
key-owner = "customer-managed"
vault-lock = "governance"
copy-regions = ["eu-central-1"]
air-gapped-within = "10d"
restore-tested-within = "20d"

[policy.rules]
pitr-on = "require"
not-only-pitr = "require"
"#;

/// What the report must say of the broken call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    /// A gap, with this in its reason.
    Gap(&'static str),
    /// A gap, or verdicts none of which is better.
    NotBetter,
    /// The findings of an answer that is whole.
    Same,
}

/// A way in which an answer can be broken.
struct Way {
    name: &'static str,
    fault: Value,
    must: Must,
    /// The calls that it is tried on; none: all.
    only: &'static [&'static str],
}

/// Calls whose answers hold numbers of days or minutes.
const WITH_SPANS: [&str; 5] = [
    "backup:GetBackupPlan",
    "backup:GetRestoreTestingPlan",
    "backup:ListBackupVaults",
    "backup:ListRecoveryPointsByBackupVault",
    "dynamodb:DescribeContinuousBackups",
];

/// Calls whose answers name the one thing that was asked about.
const ABOUT_ONE: [&str; 7] = [
    "backup:GetBackupPlan",
    "backup:GetBackupSelection",
    "backup:GetBackupVaultAccessPolicy",
    "backup:ListRecoveryPointsByBackupVault",
    "dynamodb:DescribeBackup",
    "dynamodb:DescribeTable",
    "kms:DescribeKey",
];

/// Calls whose answers hold tags or conditions.
const WITH_PAIRS: [&str; 4] = [
    "backup:GetBackupSelection",
    "backup:GetRestoreTestingSelection",
    "dynamodb:ListTagsOfResource",
    "tag:GetResources",
];

fn ways() -> Vec<Way> {
    let way = |name, fault, must| Way {
        name,
        fault,
        must,
        only: &[],
    };
    let slow = |name, fault| Way {
        name,
        fault,
        must: Must::Gap(""),
        only: &SLOW,
    };
    let answer = |name, answer: Value, must| way(name, json!({ "answer": answer }), must);
    let members = |name, member: &str, becomes: &str| {
        let tamper = json!({ "member": member, "becomes": becomes });
        answer(name, tamper, Must::NotBetter)
    };
    let some = |only, way: Way| Way { only, ..way };
    let error = r#"{"__type":"com.amazonaws#AccessDeniedException","message":"not you"}"#;
    vec![
        way("denied", json!({ "deny": "*" }), Must::Gap("AccessDenied")),
        answer(
            "denied, 400",
            json!({ "status": 400, "body": error }),
            Must::Gap("AccessDenied"),
        ),
        slow("throttled for ever", json!({ "throttle-rate": 1.0 })),
        way("server error for ever", json!({ "error-rate": 1.0 }), Must::Gap("")),
        answer(
            "502 with a page",
            json!({ "status": 502, "body": "<html>Bad Gateway</html>", "content-type": "text/html" }),
            Must::Gap("502"),
        ),
        answer("redirect", json!({ "status": 302, "body": "" }), Must::Gap("")),
        way("reset", json!({ "reset-rate": 1.0 }), Must::Gap("")),
        slow("silence", json!({ "latency-ms": 60_000 })),
        slow("a byte a second", json!({ "answer": { "bytes-per-second": 1 } })),
        way("cut in the middle", json!({ "truncate-rate": 1.0 }), Must::Gap("")),
        answer("not JSON", json!({ "body": "no" }), Must::Gap("")),
        answer(
            "another content type",
            json!({ "content-type": "text/plain" }),
            Must::Same,
        ),
        answer("empty body", json!({ "body": "" }), Must::Gap("holds no")),
        answer("empty object", json!({ "body": "{}" }), Must::Gap("holds no")),
        answer("null", json!({ "body": "null" }), Must::Gap("cannot be read")),
        answer("a list", json!({ "body": "[]" }), Must::Gap("cannot be read")),
        answer("204", json!({ "status": 204, "body": "" }), Must::Gap("holds no")),
        answer("206", json!({ "status": 206 }), Must::Gap("206")),
        answer("error under 200", json!({ "body": error }), Must::Gap("AccessDenied")),
        answer(
            "absent under 200",
            json!({ "body": r#"{"__type":"ResourceNotFoundException"}"# }),
            Must::Gap("ResourceNotFound"),
        ),
        answer("every member null", json!({ "member": "*" }), Must::Gap("holds no")),
        answer(
            "every member [null]",
            json!({ "member": "*", "becomes": "[null]" }),
            Must::Gap(""),
        ),
        answer(
            "error beside a list",
            json!({ "body": error.replacen('{', "{\"Things\":[],", 1) }),
            Must::Gap("AccessDenied"),
        ),
        members("empty ids", "*Id", "\"\""),
        members("empty ARNs", "*Arn", "\"\""),
        members("empty names", "*Name", "\"\""),
        members("ARNs that are none", "*Arn", "\"x\""),
        some(
            &ABOUT_ONE,
            members(
                "ids of something else",
                "*Id",
                "\"00000000-0000-0000-0000-000000000000\"",
            ),
        ),
        some(&ABOUT_ONE, members("names of something else", "*Name", "\"another\"")),
        some(&WITH_SPANS, members("days below zero", "*Days", "-5")),
        some(&WITH_SPANS, members("minutes below zero", "*Minutes", "-5")),
        some(&WITH_SPANS, members("numbers past all bounds", "*Days", "2147483648")),
        some(&WITH_PAIRS, members("clauses that are missing", "*ot*s", "null")),
        some(&WITH_PAIRS, members("values that are missing", "*Value", "null")),
        members("null ids", "*Id", "null"),
        members("null ARNs", "*Arn", "null"),
        members("null names", "*Name", "null"),
        members("null states", "*Stat*", "null"),
        members("null dates", "*Dat*", "null"),
        members("unknown words", "*Stat*", "\"PURPLE\""),
        members("unknown kinds", "*Type", "\"PURPLE\""),
        members("dates in 2100", "*Dat*", "4102444800"),
        members("dates of tomorrow", "*Dat*", "1793613600"),
        members("dates before 1970", "*Dat*", "-86400"),
        members("dates as text", "*Dat*", "\"soon\""),
        answer("the same page twice", json!({ "repeat-page": 2 }), Must::Same),
        answer(
            "the same token for ever",
            json!({ "repeat-token": true }),
            Must::Gap("token"),
        ),
        answer(
            "the same token, nothing in the pages",
            json!({ "repeat-token": true, "member": "*", "becomes": "[]" }),
            Must::Gap(""),
        ),
    ]
}

/// One call of each protocol: for ways that take as long as a call is tried.
const SLOW: [&str; 4] = [
    "sts:GetCallerIdentity",
    "account:ListRegions",
    "dynamodb:ListTables",
    "backup:ListRecoveryPointsByBackupVault",
];

/// Calls that are not lists: pages are no matter to them.
fn is_list(action: &str) -> bool {
    action.contains(":List") || action == "tag:GetResources"
}

/// The program's own list of what it asks.
fn actions() -> Vec<String> {
    let bench = Bench::new(&tested(""));
    let ran = bench.run(&["explain", "permissions", "--command", "scan"]);
    let statement = &ran.json()["Statement"][0];
    assert_eq!(statement["Sid"], "ReadEvidence");
    let actions = statement["Action"].as_array().expect("actions");
    actions
        .iter()
        .map(|action| action.as_str().expect("a name").to_owned())
        .collect()
}

/// What became of a scan.
struct Said {
    /// Of collecting.
    collected: Ran,
    /// The calls that failed: action and reason.
    gaps: Vec<(String, String)>,
    /// Exit code and report of judging; none where it was not asked for, or there was nothing to judge.
    judged: Option<(i32, Value)>,
}

impl Said {
    /// Verdict by rule and resource, and of each table the verdict and the answers.
    fn verdicts(&self) -> BTreeMap<(&str, &str), &str> {
        fn of<'f>(finding: &'f Value, key: &str) -> &'f str {
            finding[key].as_str().expect("a text")
        }
        let findings = self
            .judged
            .as_ref()
            .and_then(|(_, report)| report["findings"].as_array());
        let keyed = |one| ((of(one, "rule"), of(one, "resource_arn")), of(one, "verdict"));
        let of_findings = findings.into_iter().flatten().map(keyed);
        let tables = self.judged.as_ref().and_then(|(_, report)| report["tables"].as_array());
        let of_tables = tables.into_iter().flatten().flat_map(|table| {
            let answers = table["answers"].as_object().expect("answers");
            let arn = of(table, "table_arn");
            let answers = answers
                .iter()
                .map(move |(question, answer)| ((question.as_str(), arn), answer.as_str().expect("a word")));
            answers.chain([(("verdict", arn), of(table, "verdict"))])
        });
        of_findings.chain(of_tables).collect()
    }

    fn code(&self) -> i32 {
        self.judged.as_ref().map_or(self.collected.code, |(code, _)| *code)
    }
}

/// How good a verdict is. Neither failing nor unknown passes; one that is not there might have been either.
fn goodness(verdict: Option<&&str>) -> u8 {
    match verdict.copied() {
        Some("non-compliant" | "unknown") => 0,
        None => 1,
        Some("not-applicable" | "not-asked" | "not-yet-due" | "waived") => 2,
        Some("compliant") => 3,
        Some(other) => panic!("{other}"),
    }
}

/// Collects in a bench, and judges if asked to, or if no gap names the call that is broken.
fn scan(bench: &Bench, action: &str, always_judge: bool) -> Said {
    let run = |args: &[&str]| bench.run_patiently("30s", args);
    for name in ["taken", "out"] {
        let _ = std::fs::remove_dir_all(bench.path(name));
    }
    let collected = run(&["collect", "--quiet", "--to", "taken"]);
    let inventory = Inventory::open(&bench.path("taken").join("inventory"));
    let calls: Vec<CallLogEntry> = inventory.map_or_else(|_| Vec::new(), |all| all.read().expect("a call log"));
    let failed = calls
        .into_iter()
        .filter(|call| call.outcome != "ok" && call.outcome != "absent");
    let gaps: Vec<_> = failed
        .map(|call| (call.action, call.error.unwrap_or_default()))
        .collect();
    let is_named = gaps.iter().any(|(named, _)| named == action);
    let judged = (collected.code == 0 && (always_judge || !is_named)).then(|| {
        let report = [
            "report",
            "taken",
            "--quiet",
            "--allow-empty",
            "--format",
            "json",
            "--policy",
            "policy.toml",
        ];
        let ran = run(&[&report[..], &["--to", "out"]].concat());
        assert!(matches!(ran.code, 0 | 10 | 11), "{}", ran.stderr);
        (ran.code, json_file(&bench.path("out").join("report.json")))
    });
    Said {
        collected,
        gaps,
        judged,
    }
}

/// The world with every kind of thing that is read: also a table so young that it is asked for its own tags, and a native
/// recovery point.
fn bench() -> Bench {
    let young = format!("[[table]]\n{HERE}name = \"young\"\ntags = {{ tier = \"gold\" }}\ncreated-days-ago = 0\n");
    let bench = Bench::new(&tested(&(young + &native())));
    bench.write("policy.toml", POLICY);
    bench
}

/// What is wrong with what became of a scan with a broken call.
fn complaints(action: &str, way: &Way, whole: &Said, said: &Said) -> Vec<String> {
    let mut complaints = Vec::new();
    // Who calls is not in doubt: without it there is no scan.
    if said.collected.code != 0 {
        let is_right = action == "sts:GetCallerIdentity" && matches!(way.must, Must::Gap(_));
        if !is_right || said.collected.code != 1 || !said.collected.stderr.contains(action) {
            complaints.push(format!("exit {}: {}", said.collected.code, said.collected.stderr));
        }
        return complaints;
    }
    let named: Vec<&str> = said
        .gaps
        .iter()
        .filter(|(of, _)| of == action)
        .map(|(_, why)| why.as_str())
        .collect();
    if said.gaps.len() > named.len() {
        complaints.push(format!("gaps of other calls: {:?}", said.gaps));
    }
    match way.must {
        Must::Gap(why) if !named.iter().any(|named| named.contains(why)) => {
            complaints.push(format!("no gap with `{why}`: {named:?}"));
        }
        Must::Same if !named.is_empty() => complaints.push(format!("a gap: {named:?}")),
        _ => {}
    }
    if said.judged.is_none() {
        return complaints;
    }
    if said.code() == 0 {
        complaints.push("exit 0".to_owned());
    }
    let verdicts = said.verdicts();
    for (key, verdict) in &whole.verdicts() {
        let (was, is) = (goodness(Some(verdict)), goodness(verdicts.get(key)));
        let new = verdicts.get(key).unwrap_or(&"not there");
        let differs = verdicts.get(key) != Some(verdict);
        if is > was && (named.is_empty() || is > 1) || way.must == Must::Same && differs {
            complaints.push(format!("{key:?}: {verdict} became {new}"));
        }
    }
    complaints
}

/// Tries every case, on some benches at once; gives the complaints.
fn tried(cases: &[(&str, &Way)], whole: &Said) -> Vec<String> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let bench = bench();
                while let Some((action, way)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut fault = way.fault.clone();
                    fault["action"] = json!(action);
                    bench.fault(&fault.to_string());
                    // What a lost call does to the verdicts, `properties` says of every inventory; here twice for each call.
                    let said = scan(&bench, action, ["denied", "empty object"].contains(&way.name));
                    bench.no_faults();
                    let complaints = complaints(action, way, whole, &said);
                    let named = complaints.iter().map(|one| format!("{action}, {}: {one}", way.name));
                    found.lock().expect("no panic").extend(named);
                }
            });
        }
    });
    found.into_inner().expect("no panic")
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the table of the cases, for whoever asks with --nocapture"
)]
fn no_broken_answer_passes_for_a_good_one() {
    let whole = scan(&bench(), "", true);
    assert_eq!((whole.code(), whole.gaps.len()), (10, 0), "{}", whole.collected.stderr);
    let (actions, mut ways) = (actions(), ways());
    // `BACKPROOF_WAYS=zero` tries those alone whose name holds it.
    if let Ok(part) = std::env::var("BACKPROOF_WAYS") {
        ways.retain(|way| way.name.contains(&part));
    }
    let mut cases = Vec::new();
    for way in &ways {
        let tamper = &way.fault["answer"];
        // Who calls is answered in XML, which has no members.
        let is_of_members = tamper.get("member").is_some();
        let is_of_pages = tamper.get("repeat-page").or(tamper.get("repeat-token")).is_some();
        let before = cases.len();
        for action in actions.iter().map(String::as_str) {
            if (way.only.is_empty() || way.only.contains(&action))
                && (!is_of_pages || is_list(action))
                && !(is_of_members && action.starts_with("sts:"))
            {
                cases.push((action, way));
            }
        }
        println!("{:3} calls: {}", cases.len() - before, way.name);
    }
    println!("{:3} cases", cases.len());
    let complaints = tried(&cases, &whole);
    assert!(
        complaints.is_empty(),
        "{} complaints: {complaints:#?}",
        complaints.len()
    );
}

#[test]
fn a_role_is_not_taken_from_a_broken_answer() {
    let roles = "[[account]]\nid = \"444455556666\"\nregions = [\"eu-west-1\"]\n";
    let bench = Bench::new(&tested(roles));
    let accounts = "accounts = [{ id = \"111122223333\" }, { id = \"444455556666\", role_arn = \"arn:aws:iam::444455556666:role/Audit\" }]\n";
    bench.write("backproof.toml", accounts);
    bench.write("policy.toml", POLICY);
    let nothing = "<AssumeRoleResponse><AssumeRoleResult></AssumeRoleResult></AssumeRoleResponse>";
    for answer in [
        json!({ "body": "" }),
        json!({ "body": "{}" }),
        json!({ "body": nothing }),
        json!({ "status": 206 }),
        json!({ "status": 302, "body": "" }),
    ] {
        bench.fault(&json!({ "action": "sts:AssumeRole", "answer": answer }).to_string());
        let said = scan(&bench, "sts:AssumeRole", true);
        bench.no_faults();
        assert!(
            said.gaps.iter().all(|(action, _)| action == "sts:AssumeRole"),
            "{answer}: {:?}",
            said.gaps
        );
        // One for each Region of the account.
        assert_eq!(said.gaps.len(), 2, "{answer}");
        assert_eq!(said.code(), 10, "{answer}");
        let (_, report) = said.judged.expect("a report");
        assert_eq!(report["coverage"]["accounts"][1]["status"], "not-read", "{answer}");
    }
}
