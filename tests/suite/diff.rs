//! Two scans of an account in which somebody changed something between, and what `diff` says of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::common::aws::{backup, create_table, delete_table, dynamodb};
use crate::common::criteria::waiver;
use crate::common::evidence::{cut, flip};
use crate::common::worlds::{GUARD, file, world};
use crate::common::{Bench, csv_rows, json_file, refused};

fn diff(bench: &Bench, code: i32, more: &[&str]) -> Value {
    let ran = bench.run(&[&["diff", "then", "now", "--format", "json"], more].concat());
    assert_eq!(ran.code, code, "{}{}", ran.stderr, ran.stdout);
    ran.json()
}

/// Kind, rule or setting, and name of every change but those that say what stayed.
fn told(diff: &Value) -> BTreeSet<(String, String, String)> {
    let text = |change: &Value, key: &str| change[key].as_str().unwrap_or_default().to_owned();
    let changes = diff["changes"].as_array().expect("changes").iter();
    changes
        .map(|change| {
            (
                text(change, "kind"),
                text(change, "what"),
                text(change, "resource_name"),
            )
        })
        .filter(|(kind, ..)| !kind.starts_with("still-"))
        .collect()
}

fn weaker(diff: &Value) -> BTreeSet<(String, String)> {
    let told = told(diff).into_iter().filter(|(kind, ..)| kind == "weaker");
    told.map(|(_, what, name)| (what, name)).collect()
}

#[test]
fn nothing_changed() {
    let bench = Bench::new(&file("guarded"));
    bench.scan("then", &["--format", "json"]);
    bench.scan("now", &["--format", "json"]);
    let diff = diff(&bench, 0, &[]);
    assert_eq!(told(&diff), BTreeSet::new());
    let failing = diff["older"]["open_finding_count"].as_u64().expect("a number");
    assert!(failing > 0);
    assert_eq!(diff["counts"]["still-failing"], failing);
}

#[test]
fn every_setting_that_got_weaker_is_told_and_none_that_got_stronger() {
    let bench = Bench::new(&file("guarded"));
    bench.scan("then", &["--format", "json"]);
    let off = json!({"TableName": "orders", "DeletionProtectionEnabled": false});
    dynamodb(&bench, "UpdateTable", &off);
    let pitr = |enabled: bool| json!({"TableName": "audit", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": enabled}});
    dynamodb(&bench, "UpdateContinuousBackups", &pitr(false));
    backup(&bench, "DELETE /backup-vaults/locked/vault-lock", &Value::Null);
    backup(
        &bench,
        "PUT /backup-vaults/locked/access-policy",
        &json!({"Policy": GUARD}),
    );
    backup(
        &bench,
        "PUT /account-settings",
        &json!({"ResourceTypeOptInPreference": {"DynamoDB": false}}),
    );
    // The plan: one rule less, a shorter retention, every other day, no copy.
    let plan = json!({"BackupPlan": {"BackupPlanName": "daily", "Rules": [{
        "RuleName": "nightly",
        "TargetBackupVaultName": "locked",
        "ScheduleExpression": "cron(0 5 ? * MON,WED,FRI *)",
        "StartWindowMinutes": 60,
        "Lifecycle": {"DeleteAfterDays": 40},
    }]}});
    backup(&bench, "POST /backup/plans/plan-1", &plan);
    let selections = backup(&bench, "GET /backup/plans/plan-1/selections", &Value::Null);
    let id_of = |name: &str| -> String {
        let all = selections["BackupSelectionsList"].as_array().expect("a list");
        let one = all
            .iter()
            .find(|one| one["SelectionName"] == name)
            .expect("a selection");
        one["SelectionId"].as_str().expect("an id").to_owned()
    };
    for name in ["tagged", "by-name"] {
        backup(
            &bench,
            &format!("DELETE /backup/plans/plan-1/selections/{}", id_of(name)),
            &Value::Null,
        );
    }
    // Made anew, without one table: narrower, not lost.
    let role = "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole";
    let narrower = json!({"BackupSelection": {
        "SelectionName": "by-name",
        "IamRoleArn": role,
        "Resources": ["arn:aws:dynamodb:*:*:table/orders"],
    }});
    backup(&bench, "PUT /backup/plans/plan-1/selections", &narrower);
    // One recovery point is deleted by hand.
    let points = backup(&bench, "GET /backup-vaults/locked/recovery-points", &Value::Null);
    let point = points["RecoveryPoints"][0]["RecoveryPointArn"]
        .as_str()
        .expect("an ARN")
        .replace(':', "%3A");
    // The guard has to go for that, and comes back.
    backup(&bench, "DELETE /backup-vaults/locked/access-policy", &Value::Null);
    backup(
        &bench,
        &format!("DELETE /backup-vaults/locked/recovery-points/{point}"),
        &Value::Null,
    );
    backup(
        &bench,
        "PUT /backup-vaults/locked/access-policy",
        &json!({"Policy": GUARD}),
    );
    bench.scan("now", &["--format", "json"]);

    let diff = diff(&bench, 10, &[]);
    let wanted = [
        ("deletion-protection", "orders"),
        ("pitr", "audit"),
        ("vault-lock", "locked"),
        ("vault-policy", "locked"),
        ("opt-in", "111122223333/eu-west-1"),
        // What an update of a Region's settings leaves out is off.
        ("advanced-features", "111122223333/eu-west-1"),
        ("plan-rule", "daily"),
        ("plan-retention", "daily"),
        ("plan-schedule", "daily"),
        ("plan-copy", "daily"),
        ("plan-selection", "daily"),
        ("plan-selection-tables", "daily/by-name"),
        ("recovery-points-gone", "locked"),
    ];
    let wanted: BTreeSet<(String, String)> = wanted
        .map(|(what, name)| (what.to_owned(), name.to_owned()))
        .into_iter()
        .collect();
    assert_eq!(weaker(&diff), wanted, "{diff:#}");
    let lost: Vec<&Value> = diff["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .filter(|change| change["what"] == "plan-selection")
        .collect();
    let messages: Vec<&str> = lost.iter().filter_map(|change| change["message"].as_str()).collect();
    assert!(
        messages.contains(&"the plan lost its selection `tagged`"),
        "{messages:?}"
    );
    assert!(
        messages
            .iter()
            .any(|message| message.contains("does not name arn:aws:dynamodb:*:*:table/audit any more")),
        "{messages:?}"
    );
    assert!(
        told(&diff).contains(&("newly-failing".into(), "in-a-plan".into(), "legacy".into())),
        "{diff:#}"
    );
    assert!(told(&diff).contains(&("newly-failing".into(), "pitr-on".into(), "audit".into())));

    // The other way round the same changes made everything stronger, and the new point is no loss.
    let back = bench.run(&["diff", "now", "then", "--format", "json"]).json();
    assert_eq!(weaker(&back), BTreeSet::new(), "{back:#}");
    assert!(told(&back).contains(&("fixed".into(), "in-a-plan".into(), "legacy".into())));
}

#[test]
fn tables_come_and_go_and_one_under_an_old_name_is_another() {
    let bench = Bench::new(&file("guarded"));
    bench.scan("then", &["--format", "json"]);
    delete_table(&bench, "legacy");
    delete_table(&bench, "audit");
    create_table(&bench, "audit", &json!([]));
    create_table(&bench, "fresh", &json!([]));
    bench.scan("now", &["--format", "json"]);
    let diff = diff(&bench, 10, &[]);
    let tables: BTreeSet<(String, String)> = told(&diff)
        .into_iter()
        .filter(|(kind, ..)| kind.ends_with("-table"))
        .map(|(kind, _, name)| (kind, name))
        .collect();
    let wanted = [
        ("new-table", "audit"),
        ("new-table", "fresh"),
        ("vanished-table", "audit"),
        ("vanished-table", "legacy"),
    ];
    assert_eq!(
        tables,
        wanted
            .map(|(kind, name)| (kind.to_owned(), name.to_owned()))
            .into_iter()
            .collect()
    );
    // Its point-in-time recovery was not turned off: this one never had it.
    assert!(!weaker(&diff).iter().any(|(what, _)| what == "pitr"));
    assert!(told(&diff).contains(&("newly-failing".into(), "pitr-on".into(), "audit".into())));
    assert!(!told(&diff).iter().any(|(kind, ..)| kind == "not-observed"));
}

#[test]
fn what_was_not_read_is_neither_fixed_nor_gone() {
    let bench = Bench::new(&file("guarded"));
    bench.write("backproof.toml", "[rules]\npitr-on = \"require\"\n");
    bench.scan("then", &["--format", "json"]);
    let faults = [
        (
            "backup:ListRecoveryPointsByBackupVault",
            "became-unknown",
            "recovery-point-fresh",
            "orders",
        ),
        ("backup:ListBackupVaults", "not-observed", "scope", "locked"),
        ("backup:ListBackupPlans", "not-observed", "scope", "daily"),
        ("backup:GetBackupPlan", "not-observed", "scope", "daily"),
        ("backup:GetBackupSelection", "not-observed", "scope", "daily"),
        ("dynamodb:ListTables", "not-observed", "scope", "orders"),
        (
            "dynamodb:DescribeContinuousBackups",
            "became-unknown",
            "pitr-on",
            "orders",
        ),
    ];
    for (number, (denied, kind, what, name)) in faults.into_iter().enumerate() {
        bench.fault(&json!({"deny": denied}).to_string());
        let folder = format!("now-{number}");
        bench.scan(&folder, &["--format", "json"]);
        bench.no_faults();
        let ran = bench.run(&["diff", "then", &folder, "--format", "json"]);
        let diff = ran.json();
        assert_eq!(ran.code, 11, "{denied}: {diff:#}");
        let told = told(&diff);
        assert!(
            told.contains(&(kind.into(), what.into(), name.into())),
            "{denied}: {diff:#}"
        );
        let is_loss = |kind: &str| matches!(kind, "fixed" | "gone" | "vanished-table" | "weaker" | "newly-failing");
        let losses: Vec<_> = told.iter().filter(|(kind, ..)| is_loss(kind)).collect();
        assert_eq!(losses, Vec::<&(String, String, String)>::new(), "{denied}");
        // And seen again later, nothing is new but what can be told again.
        let back = bench.run(&["diff", &folder, "then", "--format", "json"]).json();
        assert!(
            !self::told(&back).iter().any(|(kind, ..)| kind == "fixed"),
            "{denied}: {back:#}"
        );
    }
}

#[test]
fn a_region_that_was_left_out_is_not_observed() {
    let bench = Bench::new(&file("guarded"));
    bench.scan("then", &["--format", "json"]);
    bench.scan(
        "now",
        &["--format", "json", "--regions", "eu-central-1", "--allow-empty"],
    );
    let diff = diff(&bench, 11, &[]);
    let told = told(&diff);
    assert!(
        told.contains(&("not-observed".into(), "scope".into(), "orders".into())),
        "{diff:#}"
    );
    assert!(
        !told.iter().any(|(kind, ..)| kind == "vanished-table" || kind == "gone"),
        "{diff:#}"
    );
}

#[test]
fn every_format_tells_the_same_changes() {
    let bench = Bench::new(&file("guarded"));
    bench.scan("then", &["--format", "json"]);
    delete_table(&bench, "legacy");
    backup(&bench, "DELETE /backup-vaults/locked/vault-lock", &Value::Null);
    bench.scan("now", &["--format", "json"]);
    let json = diff(&bench, 10, &[]);
    let changes = json["changes"].as_array().expect("changes");
    let rows = csv_rows(&bench.run(&["diff", "then", "now", "--format", "csv"]).stdout);
    assert_eq!(rows.len(), changes.len());
    for (row, change) in rows.iter().zip(changes) {
        assert_eq!(row.get(0), change["kind"].as_str());
        assert_eq!(row.get(6), change["resource_name"].as_str());
    }
    let text = bench.run(&["diff", "then", "now"]).stdout;
    assert!(text.contains("Settings that got weaker (1)\n  vault-lock: 1\n    locked (111122223333, eu-west-1): its governance lock was removed"), "{text}");
    assert!(text.contains("Tables that vanished (1)"), "{text}");
    assert!(text.contains("something got worse"), "{text}");
    assert!(!text.contains("pitr-on"), "what still fails is only counted: {text}");
    assert!(bench.run(&["diff", "then", "now", "--all"]).stdout.contains("pitr-on"));
    let markdown = bench.run(&["diff", "then", "now", "--format", "markdown", "--to", "changes.md"]);
    assert_eq!((markdown.code, markdown.stdout.as_str()), (10, ""));
    let written = std::fs::read_to_string(bench.path("changes.md")).expect("a file");
    assert!(written.contains("## Settings that got weaker (1)"), "{written}");
    let again = bench.run(&["diff", "then", "now", "--format", "markdown", "--to", "changes.md"]);
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("results are never overwritten"),
        "{}",
        again.stderr
    );
}

#[test]
fn packs_name_their_criteria_and_inventories_do_not() {
    let bench = Bench::new(&file("guarded"));
    let settings = |rpo: &str, more: &str| {
        let text = format!("waivers = \"waivers.toml\"\n[policy]\nrpo = \"{rpo}\"\n{more}");
        bench.write("backproof.toml", text);
    };
    settings("2h", "");
    bench.write("waivers.toml", "");
    bench.scan("then", &["--format", "json"]);
    settings("24h", "");
    bench.write("waivers.toml", waiver("pitr-on", "legacy", "bob", "2027-03-31", 2));
    bench.scan("now", &["--format", "json"]);
    // Judged by the newer criteria both times: nothing of AWS changed, and the waiver held then as well.
    let packs = diff(&bench, 10, &[]);
    let wanted = [
        ("policy-weaker", "rpo", "policy"),
        ("policy-weaker", "waiver", "waiver 1"),
    ];
    let wanted = wanted.map(|(kind, what, name)| (kind.to_owned(), what.to_owned(), name.to_owned()));
    assert_eq!(told(&packs), BTreeSet::from(wanted), "{packs:#}");
    assert_eq!(packs["judged_by"], "what the newer pack was judged by");
    // By criteria of one's own both are judged anew; the waiver is not asked about.
    let own = bench
        .run(&["diff", "then", "now", "--rules", "pitr-on", "--format", "json"])
        .json();
    assert_eq!(own["counts"]["still-failing"], 0, "{own:#}");
    let ran = bench.run(&["diff", "then/inventory", "now/inventory"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(
        ran.stdout.contains("criteria of then and now not compared"),
        "{}",
        ran.stdout
    );
    // A pack that was changed since is not compared.
    flip(&bench.path("now/inventory/vaults.parquet"));
    let ran = bench.run(&["diff", "then", "now"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (12, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("vaults.parquet"), "{}", ran.stderr);
}

#[test]
fn only_what_is_new_since_the_baseline_fails_a_build() {
    let bench = Bench::new(&file("guarded"));
    let required = "[rules]\ndeletion-protection-on = \"require\"\npitr-on = \"require\"\n";
    bench.write("backproof.toml", required);
    let (then, _) = bench.scan("then", &["--format", "json,csv"]);
    assert_eq!(then.code, 10);
    for baseline in ["then", "then/report.json"] {
        let ran = bench.run(&[
            "report",
            "then/inventory",
            "--baseline",
            baseline,
            "--to",
            &format!("again-{}", baseline.len()),
            "--format",
            "json",
        ]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        assert!(
            ran.stdout.contains("since 2026-11-01T12:00:00Z: 0 open findings new, "),
            "{}",
            ran.stdout
        );
    }
    dynamodb(
        &bench,
        "UpdateTable",
        &json!({"TableName": "orders", "DeletionProtectionEnabled": false}),
    );
    let (now, report) = bench.scan("now", &["--format", "all", "--baseline", "then"]);
    assert_eq!(now.code, 10, "{}", now.stderr);
    let findings = report["findings"].as_array().expect("findings");
    let of = |since: &str| findings.iter().filter(|one| one["since_baseline"] == since).count();
    let open = |one: &&Value| one["verdict"] == "non-compliant" && one["waived"] == false;
    let new: Vec<&Value> = findings.iter().filter(|one| one["since_baseline"] == "new").collect();
    assert_eq!(new.len(), 1);
    assert_eq!(
        (&new[0]["rule"], &new[0]["resource_name"]),
        (&json!("deletion-protection-on"), &json!("orders"))
    );
    assert_eq!(report["baseline"]["new"], 1);
    assert_eq!(report["baseline"]["known"], report["baseline"]["open_then"]);
    assert_eq!(
        findings.iter().filter(open).count(),
        of("new") + of("known"),
        "nothing is hidden"
    );
    let csv = std::fs::read_to_string(bench.path("now/findings.csv")).expect("a file");
    assert_eq!(csv.lines().filter(|line| line.ends_with(",new")).count(), 1);
    // The threshold is for new findings; and the pack still holds, baseline and all.
    let ran = bench.run(&[
        "report",
        "now/inventory",
        "--baseline",
        "then",
        "--fail-on",
        "critical",
        "--format",
        "json",
        "--to",
        "high",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = bench.run(&["verify", "now"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let summary = bench
        .run(&[
            "report",
            "now/inventory",
            "--baseline",
            "then",
            "--format",
            "json",
            "--to",
            "shown",
        ])
        .stdout;
    assert!(
        summary.contains("1 open finding new, ") && summary.contains("new: orders ("),
        "{summary}"
    );
    // Missing evidence is never known away.
    bench.fault(r#"{"deny": "dynamodb:DescribeContinuousBackups"}"#);
    let (ran, _) = bench.scan("partly", &["--format", "json", "--baseline", "now"]);
    assert_eq!(ran.code, 11, "{}", ran.stderr);
}

/// Kind, rule or setting, and name of the required changes; those on criteria and settings are required as well.
fn required(diff: &Value) -> BTreeSet<(String, String, String)> {
    let mut deciding = diff.clone();
    let changes = deciding["changes"].as_array_mut().expect("changes");
    changes.retain(|change| change["level"] != "advised");
    told(&deciding)
}

fn one(kind: &str, what: &str, name: &str) -> (String, String, String) {
    (kind.to_owned(), what.to_owned(), name.to_owned())
}

#[test]
fn what_was_not_asked_before_is_newly_asked_unless_its_demand_was_open() {
    let bench = Bench::new(&world(""));
    let rules = |rules: &str, to: &str| bench.scan(to, &["--format", "json", "--rules", rules]);
    rules("in-a-plan", "plan-only");
    rules("in-a-plan,recovery-point-fresh", "fresh-too");
    bench.scan("then", &["--format", "json"]);
    bench.scan("now", &["--format", "json,markdown"]);

    let ran = bench.run(&["diff", "plan-only", "now", "--format", "json"]);
    let diff = ran.json();
    let asked = required(&diff);
    assert!(
        asked.contains(&one("newly-asked", "backed-up", "forgotten")),
        "{diff:#}"
    );
    assert!(
        !asked
            .iter()
            .any(|(kind, ..)| matches!(kind.as_str(), "newly-failing" | "weaker" | "policy-weaker")),
        "{asked:?}"
    );
    assert_eq!(ran.code, 10, "nobody knew that");
    let text = bench.run(&["diff", "plan-only", "now"]).stdout;
    assert!(text.contains("Newly asked, and failing ("), "{text}");
    assert!(text.contains("\n  backed-up (critical): 1\n    forgotten ("), "{text}");
    assert!(text.contains(" newly asked and failing ("), "{text}");

    // That it is not backed up was known, under the rule on that demand alone.
    let diff = bench.run(&["diff", "fresh-too", "now", "--format", "json"]).json();
    let asked = required(&diff);
    assert!(!asked.iter().any(|(kind, ..)| kind.starts_with("newly-")), "{asked:?}");
    assert!(
        asked.contains(&one("policy-weaker", "level", "rule recovery-point-fresh")),
        "{asked:?}"
    );
    let message = "level was required, and is advised now; `backed-up` asks the demand together with others";
    let changes = diff["changes"].as_array().expect("changes");
    assert!(changes.iter().any(|change| change["message"] == message), "{diff:#}");
    // By criteria that were chosen for it both are asked the same.
    let chosen = ["diff", "plan-only", "now", "--rules", "backed-up", "--format", "json"];
    assert_eq!(bench.run(&chosen).json()["counts"]["newly-asked"], 0);

    for (baseline, code, since, notes) in [
        (
            "plan-only",
            10,
            "newly-asked",
            "newly asked: backed-up, plan-meets-policy",
        ),
        (
            "plan-only/report.json",
            10,
            "newly-asked",
            "newly asked: backed-up, plan-meets-policy",
        ),
        (
            "fresh-too",
            0,
            "known",
            "weaker setting: recovery-point-fresh (required -> advised)",
        ),
        (
            "fresh-too/report.json",
            0,
            "known",
            "weaker setting: recovery-point-fresh (required -> advised)",
        ),
        ("then", 0, "known", ""),
    ] {
        let to = format!("against-{}", baseline.replace('/', "-"));
        let args = [
            "report",
            "now/inventory",
            "--baseline",
            baseline,
            "--to",
            &to,
            "--format",
            "json,markdown,html",
        ];
        let quiet = bench.run(&args);
        assert_eq!(quiet.code, code, "{baseline}: {}{}", quiet.stdout, quiet.stderr);
        let report = json_file(&bench.path(&to).join("report.json"));
        let findings = report["findings"].as_array().expect("findings");
        let of_rule = |one: &&Value| one["rule"] == "backed-up" && one["resource_name"] == "forgotten";
        let backed_up = findings.iter().find(of_rule).expect("a finding");
        assert_eq!(backed_up["since_baseline"], since, "{baseline}");
        let told = report["baseline"]["newly_asked"].as_u64().expect("a number");
        assert_eq!(
            told,
            u64::from(since == "newly-asked"),
            "{baseline}: required ones are counted"
        );
        let markdown = std::fs::read_to_string(bench.path(&to).join("summary.md")).expect("a file");
        let html = std::fs::read_to_string(bench.path(&to).join("report.html")).expect("a file");
        let (unescaped, _) = notes.split_once(" (").unwrap_or((notes, ""));
        assert!(markdown.contains(unescaped), "{markdown}");
        assert!(quiet.stdout.contains(notes), "{baseline}: {}", quiet.stdout);
        assert!(html.contains("Since 2026-11-01T12:00:00Z"), "{baseline}");
        assert_eq!(
            quiet
                .stdout
                .contains("not compliant, and nothing of that is new since the baseline (exit 0)"),
            code == 0,
            "{baseline}: {}",
            quiet.stdout
        );
    }
    // The pack remembers what it was compared with.
    bench.scan("compared", &["--format", "json", "--baseline", "plan-only"]);
    assert_eq!(bench.run(&["verify", "compared"]).code, 0);
}

#[test]
fn a_rule_that_counts_for_less_is_a_weaker_setting_and_for_more_no_new_failure() {
    let bench = Bench::new(&world(""));
    let scan = |to: &str, settings: &str| {
        bench.write("backproof.toml", settings);
        let (ran, _) = bench.scan(to, &["--format", "json"]);
        assert!(bench.path(to).is_dir(), "{}", ran.stderr);
    };
    let tier = "[[policy.tier]]\nname = \"gold\"\nwhen = \"table_name = 'forgotten'\"\n";
    scan("plain", "[policy]\n");
    scan("required", "[rules]\npitr-on = \"require\"\n");
    scan("off", "[rules]\npitr-on = \"off\"\n");
    scan("tier", &format!("[policy]\n{tier}"));
    scan(
        "of-tier",
        &format!("[policy]\n{tier}rules = {{ pitr-on = \"require\" }}\n"),
    );
    scan("lock", "[policy]\nvault-lock = \"governance\"\n");
    let diff = |then: &str, now: &str, code: i32| {
        let ran = bench.run(&["diff", then, now, "--format", "json"]);
        assert_eq!(ran.code, code, "{then} {now}: {}{}", ran.stderr, ran.stdout);
        required(&ran.json())
    };
    let lost = |name: &str| one("answer-lost", "safeguards", name);
    let weaker = |what: &str, name: &str| one("policy-weaker", what, name);
    assert_eq!(
        diff("required", "plain", 10),
        BTreeSet::from([weaker("level", "rule pitr-on"), lost("forgotten"), lost("orders")])
    );
    assert_eq!(
        diff("required", "off", 10),
        BTreeSet::from([weaker("rule", "rule pitr-on"), lost("forgotten"), lost("orders")])
    );
    assert_eq!(
        diff("of-tier", "tier", 10),
        BTreeSet::from([weaker("level", "rule pitr-on, tier gold"), lost("forgotten")])
    );
    let no_lock = diff("lock", "plain", 10);
    assert!(
        no_lock.contains(&weaker("level", "rule vault-lock-strong-enough")),
        "{no_lock:?}"
    );
    assert!(no_lock.contains(&weaker("vault-lock", "policy")), "{no_lock:?}");
    // The other way round nothing is worse. What only advised is failing as before.
    for (then, now, name) in [
        ("plain", "required", "rule pitr-on"),
        ("tier", "of-tier", "rule pitr-on, tier gold"),
    ] {
        let stricter = diff(then, now, 0);
        assert!(
            stricter.contains(&one("newly-required", "pitr-on", "forgotten")),
            "{stricter:?}"
        );
        assert!(stricter.contains(&one("policy-changed", "level", name)), "{stricter:?}");
    }
    let asked = diff("off", "required", 10);
    assert!(asked.contains(&one("newly-asked", "pitr-on", "forgotten")), "{asked:?}");
    // A build is not ended by it, and by what nobody asked for it is.
    for (baseline, code) in [("plain", 0), ("plain/report.json", 0), ("off", 10)] {
        let to = format!("against-{}", baseline.replace('/', "-"));
        bench.write("backproof.toml", "[rules]\npitr-on = \"require\"\n");
        let args = [
            "report",
            "required/inventory",
            "--baseline",
            baseline,
            "--to",
            &to,
            "--format",
            "json,csv,pdf",
            "--with",
            "pitr-on,not-only-pitr",
        ];
        let ran = bench.run(&args);
        assert_eq!(ran.code, code, "{baseline}: {}", ran.stdout);
        let report = json_file(&bench.path(&to).join("report.json"));
        let number = |key: &str| report["baseline"][key].as_u64().expect("a number");
        assert_eq!(
            (number("newly_required") > 0, number("newly_asked") > 0),
            (code == 0, code == 10)
        );
        let shifts = report["baseline"]["shifts"].as_array().expect("a list");
        let kinds: Vec<&str> = shifts.iter().filter_map(|shift| shift["kind"].as_str()).collect();
        assert_eq!(kinds, [if code == 0 { "newly-required" } else { "newly-asked" }]);
        let csv = std::fs::read_to_string(bench.path(&to).join("findings.csv")).expect("a file");
        assert!(
            csv.lines()
                .any(|line| line.ends_with(if code == 0 { ",newly-required" } else { ",newly-asked" }))
        );
    }
    // By the file alone a level of a tier is known too.
    bench.write("backproof.toml", format!("[policy]\n{tier}"));
    let args = [
        "report",
        "tier/inventory",
        "--baseline",
        "of-tier/report.json",
        "--to",
        "weaker",
        "--format",
        "json",
    ];
    let args = [&args[..], &["--with", "pitr-on"]].concat();
    let ran = bench.run(&args);
    assert!(
        ran.stdout
            .contains("weaker setting: pitr-on (tier gold) (required -> advised)"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_question_that_is_not_asked_any_more_is_a_loss_whatever_the_answer_was() {
    let bench = Bench::new(&world(""));
    bench.scan("then", &["--format", "json"]);
    for level in ["advise", "off"] {
        bench.write("backproof.toml", format!("[rules]\nbacked-up = \"{level}\"\n"));
        let args = ["scan", "--to", level, "--format", "json,markdown", "--baseline", "then"];
        let ran = bench.run(&args);
        let said = "not asked any more whether 2 tables are backed up: forgotten, orders (then 1 yes, 1 no); none of them has improved";
        assert!(ran.stdout.contains(said), "{}", ran.stdout);
        assert!(
            !ran.stdout.contains(": compliant") && !ran.stdout.contains("\ncompliant"),
            "{}",
            ran.stdout
        );
        let report = json_file(&bench.path(level).join("report.json"));
        let lost = report["baseline"]["answers_lost"].as_array().expect("a list");
        let befores: Vec<&str> = lost.iter().filter_map(|lost| lost["before"].as_str()).collect();
        assert_eq!(befores, ["non-compliant", "compliant"]);
        let ran = bench.run(&["diff", "then", level, "--format", "json"]);
        assert_eq!(ran.code, 10, "{}", ran.stdout);
        let diff = ran.json();
        let told = told(&diff);
        for name in ["forgotten", "orders"] {
            assert!(told.contains(&one("answer-lost", "backed-up", name)), "{diff:#}");
        }
        assert!(
            !told.iter().any(|(kind, ..)| kind == "fixed" || kind == "gone"),
            "{diff:#}"
        );
        let text = bench.run(&["diff", "then", level]).stdout;
        assert!(
            text.contains("the answer was no, and the question is not asked any more: it has not improved"),
            "{text}"
        );
        assert!(
            text.contains("the answer was yes, and the question is not asked any more: nothing shows"),
            "{text}"
        );
    }
}

#[test]
fn advised_findings_end_no_diff() {
    let bench = Bench::new(&world(""));
    bench.scan("then", &["--format", "json"]);
    dynamodb(
        &bench,
        "UpdateTable",
        &json!({"TableName": "forgotten", "DeletionProtectionEnabled": true}),
    );
    bench.scan("protected", &["--format", "json"]);
    let back = bench.run(&["diff", "protected", "then", "--format", "json"]).json();
    assert_eq!(back["counts"]["newly-failing"], 1);
    assert!(
        !required(&back).iter().any(|(kind, ..)| kind == "newly-failing"),
        "it only advises; that the setting got weaker is told by itself"
    );
    bench.fault(r#"{"deny": "dynamodb:DescribeContinuousBackups"}"#);
    bench.scan("partly", &["--format", "json"]);
    let ran = bench.run(&["diff", "protected", "partly", "--format", "json"]);
    assert!(
        told(&ran.json()).contains(&one("became-unknown", "pitr-on", "orders")),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let text = bench.run(&["diff", "protected", "partly"]).stdout;
    let advised = "\nAdvised, in no exit code; named with `--all`\n";
    let (required, rest) = text.split_once(advised).unwrap_or_else(|| panic!("{text}"));
    assert!(rest.contains(" pitr-on") && !required.contains("pitr-on"), "{text}");
    let text = bench.run(&["diff", "protected", "partly", "--all"]).stdout;
    assert!(text.contains("pitr-on (medium, advised): "), "{text}");
    let page = bench
        .run(&["diff", "protected", "partly", "--format", "markdown"])
        .stdout;
    assert!(page.contains("## Advised, in no exit code; named with "), "{page}");
    assert!(text.ends_with("nothing that is required got worse\n"), "{text}");
}

#[test]
fn a_baseline_that_cannot_be_read_is_an_error_before_anything_is_asked() {
    let bench = Bench::new(&file("guarded"));
    bench.scan("then", &["--format", "json"]);
    let report = std::fs::read_to_string(bench.path("then/report.json")).expect("a report");
    bench.write("half.json", &report[..report.len() / 2]);
    bench.write(
        "other.json",
        report.replacen("\"schema_version\":4", "\"schema_version\":7", 1),
    );
    bench.write(
        "levels.json",
        report.replacen("\"level\":\"advised\"", "\"level\":\"mild\"", 1),
    );
    bench.write(
        "answers.json",
        report.replace("\"in_a_plan\":\"compliant\"", "\"in_a_plan\":\"fine\""),
    );
    let calls = bench.sandbox.calls().len();
    for (baseline, why) in [
        ("nowhere", "nowhere"),
        ("half.json", "EOF"),
        ("other.json", "schema version 7"),
        ("levels.json", "unknown variant `mild`"),
        ("answers.json", "`fine` is no answer"),
        ("then/inventory", "report.json"),
        ("then/findings.parquet", "could not read the baseline"),
    ] {
        let ran = bench.run(&["scan", "--to", "out", "--baseline", baseline]);
        assert_eq!(ran.code, 2, "{baseline}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("could not read the baseline") && ran.stderr.contains(why),
            "{baseline}: {}",
            ran.stderr
        );
        assert!(!bench.path("out").exists());
    }
    assert_eq!(bench.sandbox.calls().len(), calls);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let bench = Bench::new(&file("guarded"));
    bench.scan("then", &["--format", "json"]);
    bench.control("POST /_sandbox/clock", r#"{"advance-seconds": 60}"#);
    bench.scan("now", &["--format", "json"]);
    for (args, parts) in [
        (
            vec!["diff", "now", "then"],
            vec!["the first scan is the newer one", "name the older one first"],
        ),
        (
            vec!["diff", "then", "."],
            vec!["there is no evidence to look into", "inventory.json"],
        ),
        (
            vec!["diff", "then", "nowhere"],
            vec!["there is no evidence to look into", "nowhere"],
        ),
        (
            vec!["diff", "then", "now", "--format", "pdf"],
            vec!["invalid value 'pdf'"],
        ),
    ] {
        let ran = bench.run(&args);
        refused(&ran, 2, &parts);
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    cut(&bench.path("now/inventory/tables.parquet"));
    let ran = bench.run(&["diff", "then/inventory", "now/inventory"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("frame `tables`"), "{}", ran.stderr);
}
