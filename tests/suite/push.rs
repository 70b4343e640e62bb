//! `--push securityhub`: what arrives, what is kept, what is archived, what is left alone, what is said when it fails.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::common::aws::{delete_table, security_hub};
use crate::common::worlds::{deny, with, world};
use crate::common::{Bench, Ran, json_file, permitted, refused, run};

const ACCOUNT: &str = "111122223333";

/// Everything that Security Hub has, by id.
fn stored(bench: &Bench) -> BTreeMap<String, Value> {
    let (mut findings, mut body) = (BTreeMap::new(), json!({}));
    loop {
        let page = security_hub(bench, "POST /findings", &body);
        for finding in page["Findings"].as_array().expect("findings") {
            findings.insert(finding["Id"].as_str().expect("an id").to_owned(), finding.clone());
        }
        match &page["NextToken"] {
            Value::Null => return findings,
            token => body["NextToken"] = token.clone(),
        }
    }
}

/// The stored finding of a rule on a table.
fn one<'f>(findings: &'f BTreeMap<String, Value>, rule: &str, table: &str) -> &'f Value {
    let generator = format!("backproof/{rule}");
    let is_it = |finding: &&Value| {
        finding["GeneratorId"] == generator.as_str() && finding["ProductFields"]["backproof/resource-name"] == table
    };
    let mut found = findings.values().filter(is_it);
    found
        .next()
        .unwrap_or_else(|| panic!("no finding of {rule} on {table}"))
}

fn push(bench: &Bench, to: &str, more: &[&str]) -> Ran {
    let scan = [
        "scan",
        "--to",
        to,
        "--format",
        "asff",
        "--push",
        "securityhub",
        "--with",
        "pitr-on",
    ];
    bench.run(&[&scan, more].concat())
}

/// The required findings in the file of the scan `out`, which has all of them.
fn sent(bench: &Bench) -> Vec<Value> {
    let file = json_file(&bench.path("out/findings.asff.json"));
    let all = file.as_array().expect("a list").clone();
    let count = all.len();
    let required = |finding: &Value| finding["ProductFields"]["backproof/level"] == "required";
    let sent: Vec<Value> = all.into_iter().filter(required).collect();
    assert!(!sent.is_empty() && sent.len() < count);
    sent
}

fn calls(bench: &Bench, action: &str) -> u64 {
    bench.sandbox.calls().get(action).copied().unwrap_or(0)
}

#[test]
fn nothing_is_pushed_unless_it_is_typed() {
    let bench = Bench::new(&world(""));
    bench.scan("out", &["--format", "all"]);
    assert!(
        bench
            .sandbox
            .calls()
            .keys()
            .all(|action| !action.starts_with("securityhub:"))
    );
}

#[test]
fn a_push_sends_what_the_report_says_and_says_it_once() {
    let bench = Bench::new(&world(""));
    let ran = push(&bench, "out", &[]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let sent = sent(&bench);
    let findings = stored(&bench);
    assert_eq!(findings.len(), sent.len());
    assert!(ran.stderr.contains(&format!(
        "Security Hub of account {ACCOUNT}, eu-west-1: {} new, 0 updated, 0 archived",
        sent.len()
    )));
    for finding in &sent {
        let stored = &findings[finding["Id"].as_str().expect("an id")];
        for (member, value) in finding.as_object().expect("an object") {
            if member != "ProductFields" {
                assert_eq!(stored[member], *value, "{member}");
            }
        }
    }
    assert_eq!(
        one(&findings, "in-a-plan", "forgotten")["Compliance"]["Status"],
        "FAILED"
    );
    assert_eq!(one(&findings, "in-a-plan", "orders")["Compliance"]["Status"], "PASSED");
    let imports = calls(&bench, "securityhub:BatchImportFindings");
    let again = bench.run(&["report", "out/inventory", "--to", "again", "--push", "securityhub"]);
    assert!(
        again.stderr.contains("known as of this time or a later one"),
        "{}",
        again.stderr
    );
    assert_eq!(
        calls(&bench, "securityhub:BatchImportFindings"),
        imports,
        "nothing is sent twice"
    );
}

#[test]
fn advised_findings_are_sent_only_when_asked_for_and_withdrawn_when_not() {
    let bench = Bench::new(&world(""));
    let failing = |findings: &BTreeMap<String, Value>| {
        let is_alarm = |finding: &&Value| {
            finding["RecordState"] == "ACTIVE"
                && finding["ProductFields"]["backproof/level"] == "advised"
                && finding["FindingProviderFields"]["Severity"]["Label"] != "INFORMATIONAL"
        };
        findings.values().filter(is_alarm).count()
    };
    push(&bench, "first", &["--advised"]);
    let all = stored(&bench);
    let file = json_file(&bench.path("first/findings.asff.json"));
    assert_eq!(all.len(), file.as_array().expect("a list").len());
    let advised = one(&all, "deletion-protection-on", "forgotten");
    assert_eq!(advised["Compliance"]["Status"], "FAILED", "it keeps its verdict");
    assert_eq!(advised["FindingProviderFields"]["Severity"]["Label"], "INFORMATIONAL");
    assert_eq!(advised["FindingProviderFields"]["Severity"]["Original"], "low");
    assert_eq!(failing(&all), 0);
    let states = |rule: &str| one(&stored(&bench), rule, "forgotten")["RecordState"].clone();

    // Required of these tables, it is sent as what it is; the others go, and so does a rule that has to be asked for.
    let settings = |rules: &str| bench.write("backproof.toml", format!("[rules]\n{rules}\n"));
    settings("deletion-protection-on = \"require\"");
    bench.sandbox.advance(TimeDelta::hours(1));
    let scan = |to: &str| bench.run(&["scan", "--to", to, "--format", "json", "--push", "securityhub"]);
    let ran = scan("required");
    let now = stored(&bench);
    let protection = one(&now, "deletion-protection-on", "forgotten");
    assert_eq!(protection["FindingProviderFields"]["Severity"]["Label"], "LOW");
    assert_eq!(states("dynamodb-opted-in"), "ARCHIVED");
    assert_eq!(states("pitr-on"), "ARCHIVED", "{}", ran.stderr);
    assert_eq!(states("in-a-plan"), "ACTIVE");
    assert!(!ran.stderr.contains("not judged this time"), "{}", ran.stderr);
    let is_active_advice = |finding: &&Value| {
        finding["RecordState"] == "ACTIVE" && finding["ProductFields"]["backproof/level"] != "required"
    };
    assert_eq!(now.values().filter(is_active_advice).count(), 0);

    // Advised again, it does not stay open for ever; nor does one that is switched off, even of a target that cannot be read.
    settings("deletion-protection-on = \"advise\"");
    bench.sandbox.advance(TimeDelta::hours(1));
    scan("advised-again");
    assert_eq!(states("deletion-protection-on"), "ARCHIVED");
    settings("deletion-protection-on = \"require\"");
    bench.sandbox.advance(TimeDelta::hours(1));
    scan("required-again");
    assert_eq!(states("deletion-protection-on"), "ACTIVE");
    settings("deletion-protection-on = \"off\"");
    bench.sandbox.advance(TimeDelta::hours(1));
    scan("off");
    assert_eq!(states("deletion-protection-on"), "ARCHIVED");
}

#[test]
fn updates_keep_the_first_day_and_what_is_gone_is_archived() {
    let bench = Bench::new(&world(""));
    push(&bench, "first", &[]);
    let before = stored(&bench);
    bench.sandbox.advance(TimeDelta::hours(2));
    delete_table(&bench, "forgotten");
    bench.sandbox.advance(TimeDelta::hours(1));
    let ran = push(&bench, "second", &[]);
    let after = stored(&bench);
    let orders = one(&after, "backed-up", "orders");
    assert_eq!(orders["CreatedAt"], "2026-11-01T12:00:00Z");
    assert_eq!(orders["UpdatedAt"], "2026-11-01T15:00:00Z");
    assert_eq!(orders["RecordState"], "ACTIVE");
    let gone = one(&after, "in-a-plan", "forgotten");
    assert_eq!(gone["RecordState"], "ARCHIVED");
    assert_eq!(
        gone["Title"],
        one(&before, "in-a-plan", "forgotten")["Title"],
        "it says what it said"
    );
    assert!(!ran.stderr.contains("refused"), "{}", ran.stderr);
    // An older report changes nothing.
    let ran = bench.run(&["report", "first/inventory", "--to", "old", "--push", "securityhub"]);
    assert!(ran.stderr.contains("0 new, 0 updated, 0 archived"), "{}", ran.stderr);
    assert_eq!(stored(&bench), after);
}

#[test]
fn what_was_not_read_or_not_judged_is_not_archived() {
    let bench = Bench::new(&world(""));
    push(&bench, "first", &[]);
    let active = |bench: &Bench| {
        let findings = stored(bench);
        findings
            .values()
            .filter(|finding| finding["RecordState"] == "ACTIVE")
            .count()
    };
    let all = active(&bench);
    bench.sandbox.advance(TimeDelta::hours(1));
    let ran = push(&bench, "some-rules", &["--rules", "in-a-plan"]);
    assert!(
        ran.stderr.contains("left alone, not judged this time"),
        "{}",
        ran.stderr
    );
    assert_eq!(active(&bench), all, "rules that were not chosen say nothing");
    bench.fault(r#"{"deny": "dynamodb:ListTables"}"#);
    bench.sandbox.advance(TimeDelta::hours(1));
    push(&bench, "no-list", &[]);
    let findings = stored(&bench);
    assert_eq!(
        one(&findings, "in-a-plan", "forgotten")["RecordState"],
        "ACTIVE",
        "nobody saw that it is gone"
    );
    bench.no_faults();
    bench.fault(r#"{"deny": "dynamodb:DescribeTable"}"#);
    bench.sandbox.advance(TimeDelta::hours(1));
    push(&bench, "no-description", &[]);
    let findings = stored(&bench);
    let backed_up = "backproof/backed-up";
    let of_forgotten = findings.values().filter(|finding| {
        finding["GeneratorId"] == backed_up && finding["ProductFields"]["backproof/resource-name"] == "forgotten"
    });
    assert!(
        of_forgotten
            .clone()
            .any(|finding| finding["Compliance"]["Status"] == "FAILED" && finding["RecordState"] == "ACTIVE"),
        "a table that cannot be described is not a table that is gone"
    );
    assert!(
        of_forgotten
            .clone()
            .any(|finding| finding["Compliance"]["Status"] == "WARNING")
    );
}

const WAIVER: &str = r#"[[waiver]]
rule = "pitr-on"
tables = "forgotten"
reason = "read-only"
requester = "lead"
approver = "head of risk"
approved = 2026-10-01
expires = 2027-04-30
ticket = "RISK-1"
max-tables = 5
"#;

#[test]
fn waivers_suppress_and_their_end_takes_up_again_but_never_what_people_suppressed() {
    let bench = Bench::new(&world(""));
    push(&bench, "first", &["--advised"]);
    let findings = stored(&bench);
    let status =
        |findings: &BTreeMap<String, Value>, rule: &str| one(findings, rule, "forgotten")["Workflow"]["Status"].clone();
    assert_eq!(status(&findings, "pitr-on"), "NEW");
    let by_hand = one(&findings, "deletion-protection-on", "forgotten");
    let identifiers = json!([{"Id": by_hand["Id"], "ProductArn": by_hand["ProductArn"]}]);
    let change = json!({"FindingIdentifiers": identifiers, "Workflow": {"Status": "SUPPRESSED"}});
    security_hub(&bench, "PATCH /findings/batchupdate", &change);

    bench.write("waivers.toml", WAIVER);
    bench.sandbox.advance(TimeDelta::hours(1));
    let ran = push(&bench, "waived", &["--advised", "--waivers", "waivers.toml"]);
    assert!(
        ran.stderr.contains("1 suppressed or reopened with their waiver"),
        "{}",
        ran.stderr
    );
    let findings = stored(&bench);
    assert_eq!(status(&findings, "pitr-on"), "SUPPRESSED");
    let note = one(&findings, "pitr-on", "forgotten")["Note"]["Text"]
        .as_str()
        .expect("a note")
        .to_owned();
    assert!(note.contains("RISK-1") && note.contains("head of risk"), "{note}");

    bench.sandbox.advance(TimeDelta::hours(1));
    push(&bench, "no-longer", &["--advised"]);
    let findings = stored(&bench);
    assert_eq!(
        status(&findings, "pitr-on"),
        "NEW",
        "the waiver is gone, and the finding is back"
    );
    assert_eq!(
        status(&findings, "deletion-protection-on"),
        "SUPPRESSED",
        "people's decisions stand"
    );

    // What is new and waived arrives suppressed.
    let bench = Bench::new(&world(""));
    bench.write("waivers.toml", WAIVER);
    push(&bench, "waived", &["--advised", "--waivers", "waivers.toml"]);
    assert_eq!(status(&stored(&bench), "pitr-on"), "SUPPRESSED");
}

#[test]
fn where_security_hub_is_off_the_report_is_complete_and_the_push_is_not() {
    let world = with(
        &world(""),
        "name = \"payments\"\n",
        "name = \"payments\"\nsecurity-hub-regions = []\n",
    );
    let bench = Bench::new(&world);
    let ran = push(&bench, "out", &[]);
    let said = [
        "could not send findings to Security Hub",
        "where: account 111122223333, eu-west-1",
        "InvalidAccessException: Account 111122223333 is not subscribed to AWS Security Hub from securityhub:GetFindings",
        "the reports are complete",
        "switch Security Hub on there",
    ];
    refused(&ran, 1, &said);
    assert!(bench.path("out/findings.asff.json").is_file());
}

#[test]
fn a_denied_call_is_told_with_the_way_out() {
    let bench = Bench::new(&world(&deny("securityhub:BatchImportFindings")));
    let ran = push(&bench, "out", &[]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("AccessDeniedException"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("explain permissions --command push"),
        "{}",
        ran.stderr
    );
    let allowed = &permitted(&bench.run(&["explain", "permissions", "--command", "push"]))[0];
    for action in bench
        .sandbox
        .calls()
        .keys()
        .filter(|action| action.starts_with("securityhub:"))
    {
        assert!(allowed.contains(action), "{action}");
    }
}

#[test]
fn throttling_and_failures_on_the_way_lose_nothing() {
    let faults = "[[fault]]\nservice = \"securityhub\"\nthrottle-rate = 0.3\nerror-rate = 0.1\nreset-rate = 0.1\n";
    let bench = Bench::new(&world(faults));
    let ran = push(&bench, "out", &[]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let sent = sent(&bench);
    assert_eq!(stored(&bench).len(), sent.len());
}

#[test]
fn a_service_that_does_not_exist_is_a_mistake_of_the_command_line() {
    let bench = Bench::new(&world(""));
    let ran = bench.run(&["scan", "--to", "out", "--push", "securtyhub"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("securityhub"), "{}", ran.stderr);
    assert!(bench.sandbox.calls().is_empty());
}

#[test]
fn what_hides_its_accounts_is_not_pushed() {
    let bench = Bench::new(&world(""));
    let ran = push(&bench, "out", &["--redact-accounts"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
    assert!(bench.sandbox.calls().is_empty());
}

#[test]
fn without_credentials_the_reports_are_complete_and_nothing_is_sent() {
    let bench = Bench::new(&world(""));
    bench.scan("out", &[]);
    let args = ["report", "out/inventory", "--to", "again", "--push", "securityhub"];
    let ran = run(bench.dir.path(), &[], &args);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("could not find AWS credentials"), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("so: nothing was sent to Security Hub; the reports are complete"),
        "{}",
        ran.stderr
    );
    assert!(bench.path("again/report.pdf").is_file());
}
