//! What the first screen, the first page and the exit code say of whole worlds.

use serde_json::Value;

use crate::common::worlds::{HERE, file, with, world};
use crate::common::{Bench, Ran, fact, table_row};

/// The rules without which no table is compliant.
const CORE: &str = "in-a-plan,plan-meets-policy,backed-up,recovery-points-not-deleted-early";

/// Scans as a user does who types nothing more.
fn scan(bench: &Bench, name: &str, more: &[&str]) -> (Ran, Value) {
    let ran = bench.run(&[&["scan", "--to", name], more].concat());
    let report = crate::common::json_file(&bench.path(name).join("report.json"));
    (ran, report)
}

/// The small world without the table that nobody backs up.
fn good(more: &str) -> String {
    let forgotten =
        "[[table]]\naccount = \"111122223333\"\nregion = \"eu-west-1\"\nname = \"forgotten\"\ncreated-days-ago = 300\n";
    with(&world(""), forgotten, "") + more
}

#[test]
fn what_the_tutorial_leaves_behind_is_compliant() {
    let bench = Bench::new(&file("tutorial"));
    let (ran, report) = scan(&bench, "out", &["--format", "json,pdf"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let music = table_row(&report, "Music");
    assert_eq!(music["verdict"], "compliant", "{}{}", ran.stdout, ran.stderr);
    assert_eq!(music["answers"]["in_a_plan"], "compliant");
    assert_eq!(music["answers"]["backed_up"], "compliant");
    assert_eq!(music["answers"]["restorable"], "not-asked");
}

#[test]
fn a_world_in_which_everything_is_good_ends_well() {
    let bench = Bench::new(&good(""));
    let (ran, report) = scan(&bench, "out", &["--format", "json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(report["totals"]["tables_by_verdict"]["compliant"], 1);
}

/// A rule that the policy requires and that does not run is a question that is not asked.
#[test]
fn no_table_is_compliant_while_what_the_policy_requires_is_left_out() {
    let bench = Bench::new(&good(""));
    bench.write(
        "backproof.toml",
        "[policy]\nretention-max = \"30d\"\nretention-min = \"7d\"\n",
    );
    let (ran, _) = scan(&bench, "out", &["--format", "json"]);
    assert_eq!(ran.code, 10, "points are kept 35 days: {}", ran.stdout);
    let (ran, report) = scan(&bench, "core", &["--format", "json,markdown", "--rules", CORE]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(table_row(&report, "orders")["verdict"], "not-asked");
    assert_eq!(
        report["rules_left_out"],
        serde_json::json!(["recovery-point-not-kept-too-long"])
    );
    let said = "rule that the policy requires was left out: recovery-point-not-kept-too-long";
    let page = std::fs::read_to_string(bench.path("core").join("summary.md")).expect("a page");
    assert!(ran.stdout.contains(said) && page.contains(said), "{}{page}", ran.stdout);
    assert!(
        !page.contains("Proof of backup") && !page.contains("Compliant:"),
        "{page}"
    );
    // What only a framework requires counts as well.
    bench.write("backproof.toml", "");
    let (ran, report) = scan(
        &bench,
        "soc2",
        &["--format", "json", "--framework", "soc2", "--rules", CORE],
    );
    let left_out = report["rules_left_out"].as_array().expect("rules");
    assert!(left_out.contains(&"restore-test-succeeded".into()), "{left_out:?}");
    assert_eq!(table_row(&report, "orders")["verdict"], "not-asked", "{}", ran.stdout);
    // What is required by its name alone counts, too.
    bench.write("backproof.toml", "[rules]\nrestore-test-succeeded = \"require\"\n");
    let (_, report) = scan(&bench, "named", &["--format", "json", "--rules", CORE]);
    assert_eq!(report["rules_left_out"], serde_json::json!(["restore-test-succeeded"]));
    assert_eq!(table_row(&report, "orders")["verdict"], "not-asked");
    // A framework that does not ask it hides nothing that the policy requires.
    bench.write(
        "backproof.toml",
        "[policy]\nretention-max = \"30d\"\nretention-min = \"7d\"\n",
    );
    let (ran, report) = scan(
        &bench,
        "narrow",
        &["--format", "json", "--framework", "aws-security-hub"],
    );
    assert_eq!(report["rules_left_out"], serde_json::json!([]));
    assert_eq!(
        (ran.code, &table_row(&report, "orders")["verdict"]),
        (10, &"non-compliant".into())
    );
    // Whoever switches it off says so in the settings.
    let off = "[policy]\nretention-max = \"30d\"\nretention-min = \"7d\"\n[rules]\nrecovery-point-not-kept-too-long = \"off\"\n";
    bench.write("backproof.toml", off);
    let (ran, report) = scan(&bench, "off", &["--format", "json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(table_row(&report, "orders")["verdict"], "compliant");
}

/// Evidence that holds the answers of costly calls needs no option to be judged by them.
#[test]
fn what_was_read_is_judged_without_asking_twice() {
    let bench = Bench::new(&good(""));
    scan(&bench, "out", &["--format", "json", "--with", "pitr-on"]);
    let costly = "dynamodb:DescribeContinuousBackups";
    assert!(bench.sandbox.calls().contains_key(costly));
    bench.control("DELETE /_sandbox/stats", "");
    scan(&bench, "less", &["--format", "json"]);
    assert!(!bench.sandbox.calls().contains_key(costly), "nobody asked for it");
    for (from, is_there) in [("out", true), ("less", false)] {
        let to = format!("{from}-again");
        let ran = bench.run(&["report", &format!("{from}/inventory"), "--to", &to, "--format", "json"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let report = crate::common::json_file(&bench.path(&to).join("report.json"));
        let mut rules = report["rules"].as_array().expect("rules").iter();
        assert_eq!(rules.any(|rule| rule["id"] == "pitr-on"), is_there, "{from}");
    }
}

/// What was asked and holds is no proof of what was not asked: of a table that nobody backs up, neither.
#[test]
fn a_scan_that_did_not_ask_for_backups_claims_none() {
    let bench = Bench::new(&world(""));
    let (ran, report) = scan(
        &bench,
        "out",
        &["--format", "json,pdf,html,markdown", "--rules", "dynamodb-opted-in"],
    );
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let last = ran.stdout.lines().last().expect("an outcome");
    let outcome = "nothing failed of what was asked; whether tables are backed up was not asked (exit 0); files in out";
    assert_eq!(last, outcome);
    for question in ["in a plan    ", "backed up    ", "restorable   "] {
        assert!(
            ran.stdout.contains(&format!("  {question}2 not asked\n")),
            "{}",
            ran.stdout
        );
    }
    for table in ["orders", "forgotten"] {
        assert_eq!(table_row(&report, table)["verdict"], "not-asked");
    }
    let page = std::fs::read_to_string(bench.path("out/summary.md")).expect("a page");
    let html = std::fs::read_to_string(bench.path("out/report.html")).expect("a page");
    for text in [&ran.stdout, &page, &html] {
        assert!(!text.contains("Proof of backup"), "{text}");
    }
}

/// A tier, or the settings for every table, may switch a core rule off: whoever reads the outcome reads that, too.
#[test]
fn a_core_rule_that_is_switched_off_is_told_beside_the_outcome() {
    let bench = Bench::new(&world(""));
    let tier = "[[policy.tier]]\nname = \"attic\"\nwhen = \"table_name = 'forgotten'\"\n[policy.tier.rules]\n";
    let plans = "in-a-plan = \"off\"\nplan-meets-policy = \"off\"\n";
    for (name, settings, code, ends, of) in [
        (
            "tier",
            format!("{tier}{plans}backed-up = \"off\"\n"),
            0,
            "nothing failed of what was asked; ",
            "backed-up is off for tier `attic`: 1 table was not asked whether it is backed up",
        ),
        (
            "bad",
            format!("{tier}backed-up = \"advise\"\n"),
            10,
            "not compliant; ",
            "backed-up only advises for tier `attic`: 1 table was not asked whether it is backed up",
        ),
        (
            "all",
            format!("[rules]\n{plans}backed-up = \"advise\"\n"),
            0,
            "nothing failed of what was asked; ",
            "backed-up only advises by `[rules]`: 2 tables were not asked whether they are backed up",
        ),
    ] {
        bench.write("backproof.toml", settings);
        let (ran, report) = scan(&bench, name, &["--format", "json,markdown,html,pdf"]);
        assert_eq!(ran.code, code, "{name}: {}{}", ran.stdout, ran.stderr);
        let last = ran.stdout.lines().last().expect("an outcome");
        assert!(last.starts_with(ends) && last.contains(of), "{name}: {last}");
        assert!(
            !last.contains("compliant") || last.starts_with("not compliant"),
            "{name}: {last}"
        );
        let not_asked = report["coverage"]["not_asked"].as_array().expect("sentences");
        assert!(not_asked.contains(&of.into()), "{name}: {not_asked:?}");
        let file = |format: &str| std::fs::read(bench.path(name).join(format)).expect("a report");
        let page = String::from_utf8(file("summary.md")).expect("text").replace('\\', "");
        let html = String::from_utf8(file("report.html")).expect("text");
        assert!(page.contains(of) && html.contains(of), "{name}: {page}");
        let pdf = lopdf::Document::load(bench.path(name).join("report.pdf")).expect("a PDF");
        let pages: Vec<u32> = pdf.get_pages().keys().copied().collect();
        let pdf = pdf.extract_text(&pages).expect("text");
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        assert!(squeezed(&pdf).contains(&squeezed(of)), "{name}: {pdf}");
    }
}

/// Whoever excludes a table from a plan is told which exclusion it is, and where it can be changed.
#[test]
fn an_excluded_table_is_told_of_its_exclusion() {
    let plan = |id: &str| {
        format!(
            "[[plan]]\n{HERE}name = \"all\"\n{id}[[plan.rule]]\nname = \"daily\"\nvault = \"Default\"\ndelete-after-days = 35\n\
             [[plan.selection]]\nname = \"tables\"\nresources = [\"arn:aws:dynamodb:*:*:table/*\"]\n\
             not-resources = [\"arn:aws:dynamodb:*:*:table/forg*\"]\n"
        )
    };
    let excluded = "`arn:aws:dynamodb:*:*:table/forg*`";
    for (id, of) in [
        ("", "in NotResources of selection `tables` of plan `all`"),
        (
            "id = \"orgs/544033d1-b19c-3f2a-9c20-40bcfa82ca68\"\n",
            "in `not_resource_types` of the organization's backup policy, in its management account (selection `tables` of plan \
             `all`)",
        ),
    ] {
        let bench = Bench::new(&world(&plan(id)));
        let (ran, _) = scan(&bench, "out", &["--format", "json,json-all,markdown"]);
        let report = crate::common::json_file(&bench.path("out/report-all.json"));
        assert_eq!(
            fact(&report, "forgotten", "in_a_plan"),
            &Value::from(false),
            "{}",
            ran.stdout
        );
        assert_eq!(
            *fact(&report, "forgotten", "plan_exclusion_seen"),
            format!("{excluded} {of}")
        );
        assert_eq!(*fact(&report, "orders", "plan_exclusion_seen"), "none");
        let what = format!("-> drop the exclusion {excluded} {of}, then back it up");
        assert!(ran.stdout.contains(&what), "{what}: {}", ran.stdout);
        let told = bench
            .run(&["explain", "table", "forgotten", "--inventory", "out"])
            .stdout;
        assert!(told.contains(&what[3..]), "{told}");
    }
}
