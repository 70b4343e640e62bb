//! Waivers of what several demands ask at once, waivers of the rules on single demands, and exemptions: end to end.

use serde_json::{Value, json};

use crate::common::criteria::waiver;
use crate::common::worlds::{deny, event, file, world};
use crate::common::{Bench, csv_rows, finding, refused, table_row, verdict};

/// What is asked of `orders`, whose plan keeps 35 days in a vault without a lock.
fn settings(policy: &str) -> String {
    format!("waivers = \"waivers.toml\"\n[policy]\n{policy}\n")
}

fn excusing(rule: &str, tables: &str, demands: &[&str]) -> String {
    waiver(rule, tables, "bob", "2027-05-31", 1) + &format!("demands = {}\n", json!(demands))
}

fn old(rule: &str, tables: &str) -> String {
    waiver(rule, tables, "bob", "2027-05-31", 1)
}

/// Nothing backs it up, and that is accepted.
fn forgotten() -> String {
    old("in-a-plan", "forgotten") + &excusing("backed-up", "forgotten", &["fresh", "usable"])
}

fn answers(report: &Value, table: &str) -> [Value; 3] {
    let row = table_row(report, table);
    ["in_a_plan", "backed_up"]
        .map(|question| row["answers"][question].clone())
        .into_iter()
        .chain([row["verdict"].clone()])
        .collect::<Vec<_>>()
        .try_into()
        .expect("three")
}

/// The answer in a few lines, as the terminal ends with it.
fn digest(bench: &Bench, pack: &str) -> String {
    let ran = bench.run(&["report", pack, "--to", &format!("{pack}-again")]);
    ran.stdout + &ran.stderr
}

#[test]
fn a_waiver_holds_while_what_fails_is_among_its_demands() {
    let bench = Bench::new(&world(""));
    let kept = ["backed-up", "plan-meets-policy"].map(|rule| excusing(rule, "orders", &["kept"]));
    bench.write("waivers.toml", forgotten() + &kept.concat());
    bench.write("backproof.toml", settings("retention-min = \"90d\""));
    let (ran, report) = bench.scan("kept", &["--format", "json,csv,html,pdf"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        answers(&report, "orders"),
        ["waived", "waived", "waived"].map(Value::from)
    );
    assert_eq!(
        answers(&report, "forgotten"),
        ["waived", "waived", "waived"].map(Value::from)
    );
    let waived = finding(&report, "orders", "backed-up");
    assert_eq!(
        (&waived["verdict"], &waived["waived"]),
        (&json!("non-compliant"), &json!(true))
    );
    assert_eq!(waived["failing_demands"], json!([["kept"]]));
    assert_eq!(report["waivers"][2]["demands"], json!(["kept"]));
    let told = digest(&bench, "kept");
    assert_eq!(told.matches("2 no (waived)").count(), 2, "{told}");
    let ends = "nothing to prove: no table is compliant, and no failure is open (exit 0)";
    assert!(told.contains(ends), "{told}");
    // Which compliance it is every format says: none.
    assert_eq!(report["totals"]["tables_by_verdict"]["compliant"], 0);
    let csv = std::fs::read_to_string(bench.path("kept/tables.csv")).expect("written");
    let rows = csv_rows(&csv);
    assert!(
        rows.iter().all(|row| !row.iter().any(|cell| cell == "compliant")),
        "{csv}"
    );

    // The vault is to be locked as well: nobody accepted that it is not.
    bench.write(
        "backproof.toml",
        settings("retention-min = \"90d\"\nvault-lock = \"governance\""),
    );
    let (ran, report) = bench.scan("locked", &["--format", "json"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert_eq!(answers(&report, "orders"), ["non-compliant"; 3].map(Value::from));
    let open = finding(&report, "orders", "backed-up");
    assert_eq!(open["waived"], false);
    assert_eq!(open["failing_demands"], json!([["kept", "locked"]]));
    let message = open["message"].as_str().expect("a message");
    assert!(
        message.ends_with("; not waived: locked, for waiver 3 excuses kept only"),
        "{message}"
    );
    let told = digest(&bench, "locked");
    assert_eq!(told.matches("1 no (waived)").count(), 2, "{told}");
    let plan = finding(&report, "orders", "plan-meets-policy")["message"].clone();
    assert!(
        plan.as_str().is_some_and(|text| text.contains("not waived: locked")),
        "{plan}"
    );
}

#[test]
fn waivers_of_last_year_excuse_the_same_demand() {
    let bench = Bench::new(&world(""));
    bench.write("backproof.toml", settings("retention-min = \"90d\""));
    let of_orders = ["recovery-point-retained", "plan-retention-long-enough"].map(|rule| old(rule, "orders"));
    let of_forgotten = ["in-a-plan", "recovery-point-fresh"].map(|rule| old(rule, "forgotten"));
    bench.write("waivers.toml", of_orders.concat() + &of_forgotten.concat());
    let (ran, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for table in ["orders", "forgotten"] {
        assert_eq!(answers(&report, table), ["waived"; 3].map(Value::from), "{table}");
    }
    assert_eq!(finding(&report, "orders", "backed-up")["waiver"], "waiver 1");
    assert_eq!(
        finding(&report, "orders", "recovery-point-retained")["waiver"],
        "waiver 1"
    );
    assert_eq!(finding(&report, "forgotten", "backed-up")["waiver"], "waiver 4");
    // Judged without the rules that they name they excuse the same.
    let (ran, report) = bench.scan(
        "core",
        &["--format", "json", "--rules", "in-a-plan,plan-meets-policy,backed-up"],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(report["totals"]["waived"], 4);
    // Two of them excuse between them what fails of one point, and each is named.
    bench.write(
        "backproof.toml",
        settings("retention-min = \"90d\"\nvault-lock = \"governance\""),
    );
    let locked = ["vault-lock-strong-enough", "plan-vault-locked"].map(|rule| old(rule, "orders"));
    bench.write(
        "waivers.toml",
        of_orders.concat() + &of_forgotten.concat() + &locked.concat(),
    );
    let (ran, report) = bench.scan("both", &["--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        finding(&report, "orders", "backed-up")["waiver"],
        "waiver 1 and waiver 5"
    );
    let ran = bench.run(&["explain", "table", "orders", "--inventory", "both"]);
    assert!(
        ran.stdout.contains("waived by waiver 1 and waiver 5"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
}

#[test]
fn a_waiver_that_names_no_demands_is_a_finding_and_waives_nothing() {
    let bench = Bench::new(&world(""));
    bench.write("backproof.toml", settings("retention-min = \"90d\""));
    bench.write("waivers.toml", old("backed-up", "orders"));
    let (ran, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert_eq!(finding(&report, "orders", "backed-up")["waived"], false);
    assert_eq!(verdict(&report, "waiver 1", "waiver-names-demands"), "non-compliant");
    assert_eq!(
        finding(&report, "waiver 1", "waiver-names-demands")["level"],
        "required"
    );
    assert_eq!(report["waivers"][0]["is_in_force"], false);
    for (text, says) in [
        (excusing("backed-up", "orders", &["kep"]), "did you mean `kept`?"),
        (excusing("backed-up", "orders", &[]), "`waiver.demands` is empty"),
        (excusing("in-a-plan", "orders", &["kept"]), "the rule has none"),
    ] {
        bench.write("waivers.toml", text);
        let ran = bench.run(&["scan", "--to", "refused"]);
        refused(&ran, 2, &["waivers.toml:", says]);
    }
}

#[test]
fn a_waiver_makes_no_good_news_of_what_is_not_known() {
    let all = ["fresh", "usable", "kept", "key-owner", "key-works", "locked"];
    let bench = Bench::new(&world(&deny("backup:ListRecoveryPointsByBackupVault")));
    bench.write("backproof.toml", settings("retention-min = \"35d\""));
    bench.write("waivers.toml", forgotten() + &excusing("backed-up", "orders", &all));
    let (ran, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(ran.code, 11, "{}", ran.stderr);
    for table in ["orders", "forgotten"] {
        let unknown = finding(&report, table, "backed-up");
        assert_eq!(
            (&unknown["verdict"], &unknown["waived"]),
            (&json!("unknown"), &json!(false))
        );
        assert_eq!(table_row(&report, table)["answers"]["backed_up"], "unknown");
    }
}

/// Nobody knows what a rule would have said that did not run: a waiver of it excuses nothing, and is no mistake.
#[test]
fn a_waiver_of_a_rule_that_did_not_run_excuses_nothing_and_is_judged_by_its_terms() {
    let bench = Bench::new(&world(""));
    bench.write("backproof.toml", settings(""));
    let ended = waiver("backed-up", "orders", "bob", "2026-10-31", 1) + "demands = [\"fresh\"]\n";
    bench.write("waivers.toml", forgotten() + &ended);
    let on_waivers = "waiver-in-force,waiver-matches,waiver-within-max-tables";
    let (ran, report) = bench.scan(
        "out",
        &["--format", "json", "--rules", &format!("in-a-plan,{on_waivers}")],
    );
    assert_eq!(ran.code, 10, "a waiver that was named has ended: {}", ran.stderr);
    assert_eq!(finding(&report, "forgotten", "in-a-plan")["waived"], true);
    for table in ["orders", "forgotten"] {
        let row = table_row(&report, table);
        assert_eq!(
            (&row["answers"]["backed_up"], &row["verdict"]),
            (&json!("not-asked"), &json!("not-asked"))
        );
    }
    assert_eq!(report["waivers"][1]["finding_count"], 0);
    assert_eq!(verdict(&report, "waiver 2", "waiver-in-force"), "compliant");
    assert_eq!(verdict(&report, "waiver 3", "waiver-in-force"), "non-compliant");
    // Whether it would match anything was not asked.
    let is_of = |finding: &&Value| finding["rule"] == "waiver-matches";
    let mut matches = report["findings"].as_array().expect("findings").iter().filter(is_of);
    assert!(
        matches.all(|finding| finding["resource_name"] == "waiver 1"),
        "{report:#}"
    );
}

#[test]
fn an_exemption_that_takes_more_tables_than_it_may_exempts_nothing() {
    let exempting = |condition: &str, most: usize| {
        format!(
            "[[policy.tier]]\nname = \"scratch\"\nwhen = \"{condition}\"\nexempt = true\nreason = \"r\"\napprover = \"ann\"\n\
             expires = \"2027-06-30\"\nmax-tables = {most}\n"
        )
    };
    let by_tag = "tag('tier') = 'none'";
    for (fault, most, is_exempt, is_within, code) in [
        (String::new(), 2, "not-applicable", "compliant", 10),
        (String::new(), 1, "non-compliant", "non-compliant", 10),
        (deny("tag:GetResources"), 1, "unknown", "unknown", 11),
    ] {
        let bench = Bench::new(&world(&(file("tiers") + &fault)));
        bench.write("backproof.toml", exempting(by_tag, most));
        let (ran, report) = bench.scan("out", &["--format", "json"]);
        assert!([code, 10].contains(&ran.code), "{}", ran.stderr);
        for table in ["tmp-1", "nobody"] {
            assert_eq!(verdict(&report, table, "backed-up"), is_exempt, "{most}: {fault}");
        }
        assert_eq!(
            verdict(&report, "scratch", "exemption-within-max-tables"),
            is_within,
            "{most}: {fault}"
        );
        let exemption = &report["tiers"][0]["exemption"];
        assert_eq!(
            (&exemption["max_tables"], &exemption["is_in_force"]),
            (&json!(most), &json!(is_within == "compliant"))
        );
    }
    // By names alone a lost call leaves nothing open.
    let bench = Bench::new(&world(&(file("tiers") + &deny("tag:GetResources"))));
    bench.write("backproof.toml", exempting("table_name LIKE 'tmp-%'", 1));
    let (_, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(verdict(&report, "tmp-1", "backed-up"), "not-applicable");
    // The pack keeps what was said, and says the same again.
    let ran = bench.run(&["verify", "out"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

/// A backup by hand hides no plan that fails every day, and a waiver of a rule that holds excuses nothing.
#[test]
fn a_waiver_of_a_rule_that_holds_excuses_nothing_of_a_core_rule() {
    let jobs = event("10d", "do = \"fail-jobs\"\ntable = \"orders\"\nmessage = \"no luck\"");
    let by_hand = "do = \"on-demand-backup\"\ntable = \"orders\"\nvault = \"Default\"\ndelete-after-days = 40";
    let bench = Bench::new(&world(&(jobs + &event("15h", by_hand))));
    bench.write("backproof.toml", settings("retention-min = \"35d\""));
    bench.write("waivers.toml", forgotten() + &old("backup-runs-not-missed", "*"));
    let (ran, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(verdict(&report, "orders", "backup-runs-not-missed"), "compliant");
    let plan = finding(&report, "orders", "plan-meets-policy");
    assert_eq!(
        (&plan["verdict"], &plan["waived"]),
        (&json!("non-compliant"), &json!(false)),
        "{plan}"
    );
    assert_eq!(ran.code, 10, "{}", ran.stdout);
}
