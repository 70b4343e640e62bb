//! Tiers, waivers, frameworks, gaps in time, copies, restores, and why a table got its verdict: end to end.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::criteria::{SCRATCH, waiver};
use crate::common::worlds::{HERE, central, deny, event, file, native, table, tested, with, world};
use crate::common::{Bench, fact, finding, permitted, table_row, verdict};

/// With a table under a KMS key, one that was made today and one with a native recovery point, so that every call is made.
fn with_keys(more: &str) -> String {
    let young = format!("[[table]]\n{HERE}name = \"young\"\ncreated-days-ago = 0\n");
    tested(&(table("sealed", "encryption = \"aws-managed\"") + &young + &native() + more))
}

/// What `explain permissions` lists for reading the evidence of these rules.
fn to_read(bench: &Bench, rules: &[&str]) -> BTreeSet<String> {
    let mut args = vec!["explain", "permissions"];
    let joined = rules.join(",");
    if !rules.is_empty() {
        args.extend(["--rules", &joined]);
    }
    let ran = bench.run(&args);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    permitted(&ran).swap_remove(0)
}

#[test]
fn the_printed_permissions_are_the_calls_that_are_made() {
    for rules in [
        vec![],
        vec!["in-a-plan"],
        vec!["recovery-point-fresh"],
        vec!["table-encrypted-by-kms"],
        vec!["pitr-on", "deletion-protection-on"],
        vec!["restore-testing-planned"],
        vec!["manual-deletion-denied"],
        vec!["backup-runs-not-missed"],
        vec!["target-opted-in"],
        vec!["plan-vaults-exist"],
        vec!["cross-region-copy-exists"],
    ] {
        let bench = Bench::new(&with_keys(""));
        let joined = rules.join(",");
        let mut args = vec!["--format", "json"];
        if !rules.is_empty() {
            args.extend(["--rules", &joined]);
        }
        bench.scan("out", &args);
        let called: BTreeSet<String> = bench.sandbox.calls().into_keys().collect();
        assert_eq!(called, to_read(&bench, &rules), "{rules:?}");
    }
}

#[test]
fn each_permission_that_is_missing_is_a_gap_that_names_it() {
    let all = to_read(&Bench::new(&world("")), &[]);
    for action in all {
        // Without an identity there is no scan; without the list of Regions it goes on with the configured one.
        if action == "sts:GetCallerIdentity" {
            continue;
        }
        let bench = Bench::new(&with_keys(&deny(&action)));
        let (ran, report) = bench.scan("out", &["--format", "json"]);
        assert!([10, 11].contains(&ran.code), "{action}: {}", ran.stderr);
        let gaps = report["coverage"]["gaps"].as_array().expect("gaps");
        assert!(
            gaps.iter()
                .any(|gap| gap["action"] == action.as_str() && gap["kind"] == "denied"),
            "{action}: {gaps:?}"
        );
        let why = gaps.iter().filter(|gap| gap["action"] == action.as_str());
        for gap in why {
            assert!(gap["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{action}");
        }
    }
}

#[test]
fn calls_on_a_thousand_tables_follow_the_rules() {
    let tables = table("t-{n}", "count = 1000\ntags = { backup = \"daily\" }");
    let bench = Bench::new(&world(&tables));
    let (_, report) = bench.scan("out", &["--format", "json", "--rules", "in-a-plan"]);
    assert_eq!(report["tables"].as_array().expect("tables").len(), 1002);
    let mut calls = bench.sandbox.calls();
    // Jobs and recovery points prove what selections leave open; there are more pages of them than of tables.
    for listed in [
        "backup:ListBackupJobs",
        "backup:ListBackupVaults",
        "backup:ListRecoveryPointsByBackupVault",
    ] {
        assert!(calls.remove(listed).is_some(), "{listed}");
    }
    // Identity, Regions, 11 pages of tables, 1,002 descriptions, 11 pages of tags, settings, plans, plan, selections, selection,
    // and restore jobs, which tell AWS's own tables from others.
    // The one table without the tag is asked for its tags itself.
    assert_eq!(calls.remove("dynamodb:ListTagsOfResource"), Some(1));
    assert_eq!(calls.values().sum::<u64>(), 1 + 1 + 11 + 1002 + 11 + 1 + 4 + 1);
}

fn tiers() -> String {
    let tiers = r#"
[policy]
rpo = "26h"
[[policy.tier]]
name = "gold"
when = "tag('tier') = 'gold'"
rpo = "2h"
"#;
    let forgotten = r#"
[[policy.tier]]
name = "forgotten"
when = "table_name = 'nobody'"
exempt = true
reason = "to be looked into"
expires = "2020-01-01"
"#;
    [tiers, SCRATCH, forgotten].concat()
}

#[test]
fn tiers_give_values_and_exempt_tables() {
    let bench = Bench::new(&world(&file("tiers")));
    bench.write("backproof.toml", tiers());
    let (ran, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert_eq!(verdict(&report, "orders", "recovery-point-fresh"), "compliant");
    assert_eq!(verdict(&report, "golden", "recovery-point-fresh"), "non-compliant");
    assert_eq!(fact(&report, "golden", "policy_tier"), "gold");
    assert_eq!(fact(&report, "golden", "rpo_hours"), 2.0);
    let exempt = finding(&report, "tmp-1", "recovery-point-fresh");
    assert_eq!(exempt["verdict"], "not-applicable");
    assert_eq!(
        exempt["message"],
        "exempt by tier `scratch` until 2027-06-30: filled anew every night (approved by head of platform)"
    );
    // An exemption that nobody approved and that has ended exempts nothing.
    assert_eq!(verdict(&report, "nobody", "recovery-point-fresh"), "non-compliant");
    assert_eq!(verdict(&report, "forgotten", "exemption-approved"), "non-compliant");
    assert_eq!(verdict(&report, "forgotten", "exemption-in-force"), "non-compliant");
    assert_eq!(verdict(&report, "scratch", "exemption-approved"), "compliant");
    assert_eq!(report["tiers"][1]["exemption"]["is_in_force"], true);
    assert_eq!(report["tiers"][0]["table_count"], 1);

    let ran = bench.run(&["report", "out/inventory", "--explain-policy", "golden"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.starts_with("tier: gold\nrpo = 2h (tier `gold`, "),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_tier_that_cannot_be_told_leaves_unknown_only_what_it_would_change() {
    let bench = Bench::new(&world(&(file("tiers") + &deny("tag:GetResources"))));
    bench.write("backproof.toml", tiers());
    let (_, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(*fact(&report, "golden", "policy_tier"), Value::Null);
    assert_eq!(*fact(&report, "golden", "rpo_hours"), Value::Null);
    assert_eq!(fact(&report, "golden", "retention_min_days"), 35);
    assert_eq!(verdict(&report, "golden", "recovery-point-fresh"), "unknown");
    assert_eq!(verdict(&report, "golden", "recovery-point-retained"), "compliant");
    // By its name it is exempt unless it is golden: whether it is can be told by nobody.
    assert_eq!(verdict(&report, "tmp-1", "deletion-protection-on"), "unknown");
}

#[test]
fn waivers_mark_findings_and_bad_ones_are_findings() {
    let bench = Bench::new(&world(""));
    bench.write("backproof.toml", "waivers = \"waivers.toml\"\n");
    let chosen = "recovery-point-fresh,in-a-plan,deletion-protection-on,pitr-on,waiver-in-force,waiver-matches,waiver-approved-by-another,waiver-within-a-year,waiver-within-max-tables";
    let scan = |name: &str, waivers: &[String]| {
        bench.write("waivers.toml", waivers.concat());
        bench.scan(name, &["--format", "json", "--rules", chosen])
    };
    let sound = |rule: &str| waiver(rule, "forg*", "bob", "2027-05-31", 1);
    let rules = ["recovery-point-fresh", "in-a-plan", "deletion-protection-on", "pitr-on"];
    let (ran, report) = scan("sound", &rules.map(sound));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let waived = finding(&report, "forgotten", "in-a-plan");
    assert_eq!(
        (&waived["verdict"], &waived["waived"]),
        (&Value::from("non-compliant"), &Value::from(true))
    );
    assert_eq!(report["totals"]["waived"], 4);

    for (name, bad, rule) in [
        (
            "expired",
            waiver("in-a-plan", "forgotten", "bob", "2026-10-31", 1),
            "waiver-in-force",
        ),
        (
            "own",
            waiver("in-a-plan", "forgotten", " Ann", "2027-05-31", 1),
            "waiver-approved-by-another",
        ),
        (
            "long",
            waiver("in-a-plan", "forgotten", "bob", "2027-06-03", 1),
            "waiver-within-a-year",
        ),
        (
            "broad",
            waiver("in-a-plan", "*", "bob", "2027-05-31", 1),
            "waiver-within-max-tables",
        ),
    ] {
        let (ran, report) = scan(name, &[bad]);
        assert_eq!(ran.code, 10, "{name}: {}", ran.stderr);
        assert_eq!(finding(&report, "forgotten", "in-a-plan")["waived"], false, "{name}");
        assert_eq!(verdict(&report, "waiver 1", rule), "non-compliant", "{name}");
    }
    let (_, report) = scan("unmatched", &[waiver("in-a-plan", "elsewhere", "bob", "2027-05-31", 1)]);
    assert_eq!(verdict(&report, "waiver 1", "waiver-matches"), "non-compliant");
}

#[test]
fn a_framework_gives_rules_numbers_and_a_matrix() {
    let bench = Bench::new(&world(""));
    let (_, report) = bench.scan("out", &["--format", "json", "--framework", "cis-v8"]);
    let framework = &report["frameworks"][0];
    assert_eq!(
        (&framework["id"], &framework["version"]),
        (&Value::from("cis-v8"), &Value::from("8.1"))
    );
    let controls = framework["controls"].as_array().expect("controls");
    let of = |id: &str| controls.iter().find(|row| row["id"] == id).expect("a control");
    assert_eq!(of("11.2")["verdict"], "non-compliant");
    assert_eq!(of("8.10")["answered"], "evidence");
    assert_eq!(of("8.10")["verdict"], Value::Null);
    // Backups weekly or oftener bind the framework's controls alone; the organisation goes by its own number.
    assert_eq!(fact(&report, "orders", "limit_hours"), 36.0);
    let tables = |report: &Value| report["tables"].as_array().expect("tables").clone();
    let orders = |report: &Value| {
        tables(report)
            .into_iter()
            .find(|one| one["table_name"] == "orders")
            .expect("a table")
    };
    assert_eq!(
        orders(&report)["answers_by_framework"][0]["answers"]["backed_up"],
        "compliant"
    );
    assert!(
        !framework["laxer"].to_string().contains("rpo"),
        "{}",
        framework["laxer"]
    );
    // A policy that asks for less is told, and the framework's number holds under the framework's name.
    let dead = event("10d", "do = \"skip-runs\"\nplan = \"daily\"");
    let bench = Bench::new(&world(&dead));
    bench.write("backproof.toml", "[policy]\nrpo = \"30d\"\n");
    let (_, report) = bench.scan("lax", &["--format", "json", "--framework", "cis-v8"]);
    let orders = orders(&report);
    assert_eq!(fact(&report, "orders", "limit_hours"), 720.0);
    assert_eq!(orders["answers"]["backed_up"], "compliant");
    assert_eq!(
        orders["answers_by_framework"][0]["answers"]["backed_up"],
        "non-compliant"
    );
    assert_eq!(orders["verdict"], "non-compliant");
    let laxer = report["frameworks"][0]["laxer"].to_string();
    assert!(laxer.contains("rpo: policy 30d"), "{laxer}");
    let findings = report["findings"].as_array().expect("findings").iter();
    let mut of_framework = findings.filter(|one| one["framework"] == "cis-v8" && one["rule"] == "backed-up");
    let found = of_framework.next().expect("the framework's own finding");
    assert!(
        found["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("by cis-v8: ")),
        "{found}"
    );
    let ran = bench.run(&["scan", "--framework", "cis8"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("did you mean `cis-v8`?"), "{}", ran.stderr);
}

#[test]
fn missed_runs_and_gaps_are_found() {
    let skipped = event("10d", "do = \"skip-runs\"\nplan = \"daily\"\nuntil = \"7d\"");
    let bench = Bench::new(&world(&skipped));
    let (_, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(verdict(&report, "orders", "recovery-point-fresh"), "compliant");
    assert_eq!(fact(&report, "orders", "missed_run_count"), 3);
    assert_eq!(verdict(&report, "orders", "backup-runs-not-missed"), "non-compliant");
    let gap = fact(&report, "orders", "longest_gap_hours").as_f64().expect("a number");
    assert!((95.0..97.0).contains(&gap), "{gap}");
    assert_eq!(fact(&report, "orders", "days_without_point"), 3);
    assert_eq!(fact(&report, "orders", "plan_interval_hours"), 24.0);
}

#[test]
fn a_plan_that_began_yesterday_missed_nothing_before() {
    let young = with(
        &world(""),
        "name = \"daily\"\n[[plan.rule]]",
        "name = \"daily\"\ncreated-days-ago = 3\n[[plan.rule]]",
    );
    let bench = Bench::new(&young);
    let (_, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(fact(&report, "orders", "missed_run_count"), 0);
    assert!(
        fact(&report, "orders", "expected_run_count")
            .as_i64()
            .expect("a number")
            <= 3
    );
    assert_eq!(
        verdict(&report, "orders", "recovery-point-gap-within-rpo"),
        "non-compliant"
    );
}

#[test]
fn copies_and_restores_are_seen() {
    let bench = Bench::new(&tested(""));
    let settings =
        "[policy]\ncopy-regions = [\"eu-central-1\", \"us-east-1\"]\nrestore-tested-within = \"30d\"\nrto = \"20m\"\n";
    bench.write("backproof.toml", settings);
    let (_, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(fact(&report, "orders", "copy_regions_seen"), "eu-central-1");
    assert_eq!(fact(&report, "orders", "missing_copy_regions"), "us-east-1");
    assert_eq!(verdict(&report, "orders", "cross-region-copy-exists"), "non-compliant");
    assert_eq!(fact(&report, "orders", "restore_succeeded"), true);
    assert_eq!(fact(&report, "orders", "restore_outcome"), "failed");
    assert_eq!(verdict(&report, "orders", "restore-test-recent"), "compliant");
    assert_eq!(verdict(&report, "orders", "restore-test-succeeded"), "non-compliant");
    assert_eq!(fact(&report, "orders", "restore_testing_plans"), "weekly");
    assert_eq!(
        verdict(&report, "forgotten", "restore-testing-planned"),
        "not-applicable"
    );
    // A destination that was not looked at: the copy was made, and whether it is there is not known.
    let one = ["--format", "json", "--regions", "eu-west-1"];
    let (_, report) = bench.scan("one", &one);
    assert_eq!(fact(&report, "orders", "missing_copy_regions"), "us-east-1");
    bench.write("backproof.toml", "[policy]\ncopy-regions = [\"eu-central-1\"]\n");
    let (_, report) = bench.scan("other", &one);
    assert_eq!(*fact(&report, "orders", "missing_copy_regions"), Value::Null);
    assert_eq!(verdict(&report, "orders", "cross-region-copy-exists"), "unknown");
}

/// The settings of a scan of both accounts of [`central`].
const BOTH_ACCOUNTS: &str = "accounts = [{ id = \"111122223333\" }, { id = \"444455556666\", role_arn = \"arn:aws:iam::444455556666:role/Audit\" }]\n";

/// What `orders` is said to be: its verdict, and that of the rules on it.
fn of_orders(bench: &Bench, name: &str, settings: &str, more: &[&str]) -> (Value, [String; 5]) {
    bench.write("backproof.toml", settings);
    let (ran, report) = bench.scan(name, &[&["--format", "json"], more].concat());
    let tables = report["tables"].as_array().unwrap_or_else(|| panic!("{}", ran.stderr));
    let orders = tables.iter().find(|one| one["table_name"] == "orders");
    let of = |rule: &str| verdict(&report, "orders", rule).to_owned();
    let verdicts = [
        orders.expect("a table")["verdict"]
            .as_str()
            .expect("a verdict")
            .to_owned(),
        of("backed-up"),
        of("plan-meets-policy"),
        of("cross-account-copy-exists"),
        of("cross-account-copy-planned"),
    ];
    (report, verdicts)
}

#[test]
fn a_year_in_a_central_account_stands_for_seven_days_at_home_where_that_is_accepted() {
    let [yes, no, open, not] = ["compliant", "non-compliant", "unknown", "not-applicable"];
    let bench = Bench::new(&central(365));
    let year = "[policy]\nretention-min = \"365d\"\n";
    let accepting = format!("{BOTH_ACCOUNTS}{year}accept-copies = true\n");
    let (report, verdicts) = of_orders(&bench, "default", &format!("{BOTH_ACCOUNTS}{year}"), &[]);
    assert_eq!(verdicts, [no, no, no, yes, not]);
    assert_eq!(fact(&report, "orders", "newest_good_point_vault"), "none");
    let (report, verdicts) = of_orders(&bench, "accepting", &accepting, &[]);
    assert_eq!(verdicts, [yes, yes, yes, yes, not]);
    let place = "account 444455556666, eu-west-1, vault central";
    let said = fact(&report, "orders", "backed_up_summary").as_str().expect("a text");
    assert!(
        said.contains("a copy that meets everything is") && said.contains(place),
        "{said}"
    );
    assert_eq!(fact(&report, "orders", "newest_good_point_vault"), place);
    // The pack says all that judged, and judges alike.
    let ran = bench.run(&["verify", "accepting"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    // An account that is not in scope proves nothing, and the answer says where copies went.
    let one = format!("{year}accept-copies = true\ncopy = {{ accounts = [\"444455556666\"] }}\n");
    let (report, verdicts) = of_orders(&bench, "one", &one, &["--regions", "eu-west-1"]);
    assert_eq!(verdicts[1..], [no, open, open, yes]);
    let said = finding(&report, "orders", "backed-up")["message"]
        .as_str()
        .expect("a text");
    assert!(
        said.contains("copies went to account 444455556666, eu-west-1, which is not in scope"),
        "{said}"
    );
    // Copies that are wanted there have to be as good as `copy` says, in the plan and in the vault.
    for (place, (copy, wanted)) in [
        ("retention-min = \"365d\"", yes),
        ("retention-min = \"366d\"", no),
        ("key-owner = \"aws-managed\"", yes),
        ("key-owner = \"customer-managed\"", no),
        ("vault-lock = \"governance\"", no),
    ]
    .into_iter()
    .enumerate()
    {
        let settings = format!("{BOTH_ACCOUNTS}[policy]\ncopy = {{ accounts = [\"444455556666\"], {copy} }}\n");
        let (report, verdicts) = of_orders(&bench, &format!("copy-{place}"), &settings, &[]);
        let found = finding(&report, "orders", "cross-account-copy-planned");
        assert_eq!(verdicts[3..], [wanted, wanted], "{copy}: {found}");
    }
}

/// A copy may lie in a Region of which nobody told.
#[test]
fn where_regions_were_not_listed_a_copy_may_stand_for_the_point_at_home() {
    let bench = Bench::new(&world(&deny("account:ListRegions")));
    let accepting = "[policy]\nretention-min = \"365d\"\naccept-copies = true\n";
    let (report, verdicts) = of_orders(&bench, "lost", accepting, &[]);
    assert_eq!(verdicts[1..3], ["unknown", "non-compliant"]);
    assert_eq!(table_row(&report, "orders")["answers"]["backed_up"], "unknown");
    let (_, verdicts) = of_orders(&bench, "named", accepting, &["--regions", "eu-west-1"]);
    assert_eq!(verdicts[1], "non-compliant");
}

#[test]
fn a_framework_that_accepts_no_copies_judges_by_points_at_home() {
    let bench = Bench::new(&central(365));
    let accepting = format!("{BOTH_ACCOUNTS}[policy]\nretention-min = \"365d\"\naccept-copies = true\n");
    for framework in ["soc2", "cis-v8"] {
        let (report, [verdict, ..]) = of_orders(&bench, framework, &accepting, &["--framework", framework]);
        assert_eq!(verdict, "non-compliant");
        let laxer = report["frameworks"][0]["laxer"].to_string();
        assert!(laxer.contains("accept-copies: policy true, framework false"), "{laxer}");
    }
}

#[test]
fn where_each_value_of_copies_comes_from_is_told() {
    let bench = Bench::new(&world(""));
    let settings = "[policy]\ncopy-rpo = \"2d\"\ncopy = { accounts = [\"444455556666\"] }\n[[policy.tier]]\nname = \"gold\"\nwhen = \"table_name = 'orders'\"\naccept-copies = true\ncopy = { retention-min = \"365d\", vault-lock = \"compliance\" }\n";
    bench.write("backproof.toml", settings);
    let ran = bench.run(&["scan", "--regions", "eu-west-1", "--explain-policy", "orders"]);
    for line in [
        "copy.accounts = 444455556666 (settings file)",
        "copy.regions = none (default)",
        "copy.rpo = 2d (settings file)",
        "copy.retention-min = 365d (tier `gold`, ",
        "copy.key-owner = not set (default)",
        "copy.vault-lock = compliance (tier `gold`, ",
        "accept-copies = true (tier `gold`, ",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn vaults_and_plans_are_judged_themselves() {
    let bench = Bench::new(&tested(&file("broken-plan")));
    let (_, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(verdict(&report, "broken", "plan-vaults-exist"), "non-compliant");
    assert_eq!(
        verdict(&report, "broken", "plan-selections-take-tables"),
        "non-compliant"
    );
    assert_eq!(verdict(&report, "daily", "plan-vaults-exist"), "compliant");
    let guarded = finding(&report, "Default", "vault-denies-manual-deletion");
    assert_eq!(guarded["subject"], "vault");
    assert_eq!(guarded["verdict"], "non-compliant");
}

#[test]
fn explain_table_says_why() {
    let bench = Bench::new(&tested(""));
    bench.scan("out", &["--format", "json"]);
    let forgotten = ["explain", "table", "forgotten", "--inventory", "out/inventory"];
    let ran = bench.run(&forgotten);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut rest = ran.stdout.as_str();
    for wanted in [
        "table forgotten in account 111122223333",
        "  in a plan    no\n  backed up    no\n  restorable   not asked\n",
        "verdict: non-compliant",
        "Why:\n  non-compliant  backed-up (critical): ",
        "-> ",
        "  non-compliant  in-a-plan (high): unprotected: ",
        "What to do: let a plan take it, then back it up",
        "In a plan: unprotected",
        "Recovery points, newest first:\n  none was seen",
        "usable_recovery_point_count = 0\n",
        "`--all` shows every rule",
    ] {
        let place = rest.find(wanted).unwrap_or_else(|| panic!("{wanted}: {}", ran.stdout));
        rest = &rest[place + wanted.len()..];
    }
    assert!(ran.stdout.lines().count() < 60, "{}", ran.stdout);
    for detail in ["does not take", "not-applicable", "[backup:"] {
        assert!(!ran.stdout.contains(detail), "{detail}: {}", ran.stdout);
    }
    let ran = bench.run(&[&forgotten[..], &["--all"]].concat());
    for wanted in [
        "In a plan: unprotected",
        "does not take daily/tagged: no Resources pattern and no tag of ListOfTags matches",
        "Recovery points, newest first:\n  none was seen",
        "non-compliant  in-a-plan (high)",
        "in_a_plan = no",
        "[backup:DescribeRegionSettings,",
    ] {
        assert!(ran.stdout.contains(wanted), "{wanted}: {}", ran.stdout);
    }
    let ran = bench.run(&[
        "explain",
        "table",
        "orders",
        "--inventory",
        "out/inventory",
        "--format",
        "json",
    ]);
    let explained = ran.json();
    assert_eq!(explained["selections"][0]["answer"], "takes");
    assert_eq!(explained["answers"]["backed_up"], "compliant");
    assert!(explained["recovery_points"].as_array().expect("points").len() >= 35);
    let ran = bench.run(&["explain", "table", "order", "--inventory", "out/inventory"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("did you mean `orders`?"), "{}", ran.stderr);
    let ran = bench.run(&["explain", "facts", "--format", "json"]);
    let facts = ran.json();
    let facts = facts.as_array().expect("facts");
    assert!(facts.len() > 200, "{}", facts.len());
    assert!(
        facts
            .iter()
            .all(|fact| fact["doc"].as_str().is_some_and(|doc| !doc.is_empty()))
    );
}

/// A plan that takes none of the tables that were listed may take one that was not: then it is not known whether its vault
/// is used, and no rule on the vault may say that it does not apply.
#[test]
fn a_vault_whose_tables_were_not_listed_may_be_used() {
    let world = |more: &str| {
        with(
            &world(&format!("{}{more}", table("waiting", "tags = { backup = \"later\" }"))),
            "[[table]]",
            r#"[[vault]]
account = "111122223333"
region = "eu-west-1"
name = "later"

[[plan]]
account = "111122223333"
region = "eu-west-1"
name = "later"
[[plan.rule]]
name = "later"
vault = "later"
schedule = "cron(0 5 1 1 ? 2040)"
delete-after-days = 35
[[plan.selection]]
name = "later"
tags = [{ key = "backup", value = "later" }]

[[table]]"#,
        )
    };
    let rules = ["--format", "json", "--rules", "vault-denies-manual-deletion"];
    for (more, expected) in [("", "non-compliant"), (&*deny("dynamodb:ListTables"), "unknown")] {
        let (ran, report) = Bench::new(&world(more)).scan("out", &rules);
        assert_eq!(verdict(&report, "later", rules[3]), expected, "{}", ran.stderr);
    }
}

/// Sunday is 1: who meant Monday reads what AWS Backup does, wherever the schedule is shown.
#[test]
fn a_schedule_is_shown_in_words_beside_its_expression() {
    let sundays = with(
        &world(""),
        "schedule = \"cron(0 5 ? * * *)\"",
        "schedule = \"cron(0 3 ? * 1 *)\"\ntimezone = \"Europe/Berlin\"",
    );
    let bench = Bench::new(&sundays);
    let words = "cron(0 3 ? * 1 *) (Sundays at 03:00 Europe/Berlin)";
    let formats = [
        "--format",
        "csv,csv-all,json,json-all,html,markdown,junit,sarif",
        "--rules",
        "plan-frequent-enough,plan-has-run",
    ];
    let (_, report) = bench.scan("out", &formats);
    let of_table = finding(&report, "orders", "plan-frequent-enough");
    assert_eq!(of_table["verdict"], "non-compliant");
    for (name, rule) in [("orders", "plan-frequent-enough"), ("daily", "plan-has-run")] {
        let message = finding(&report, name, rule)["message"].as_str().expect("a message");
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(fact(&report, "orders", "plan_schedules"), words);
    for file in [
        "findings.csv",
        "tables-all.csv",
        "report.html",
        "junit.xml",
        "report.sarif",
        "summary.md",
    ] {
        let text = std::fs::read_to_string(bench.path("out").join(file)).expect("a file");
        // Markdown and HTML write some signs in their own way.
        assert!(text.contains("Sundays at 03:00 Europe/Berlin"), "{file}");
    }
    for args in [
        &["report", "out", "--rules", "plan-frequent-enough"][..],
        &[
            "explain",
            "table",
            "orders",
            "--inventory",
            "out/inventory",
            "--rules",
            "plan-frequent-enough",
        ],
    ] {
        let ran = bench.run(args);
        assert!(ran.stdout.contains("Sundays at 03:00"), "{}{}", ran.stdout, ran.stderr);
    }
}

/// Good news of a Region is none of tables: no document calls it compliant.
#[test]
fn without_a_table_that_was_judged_nothing_is_compliant_anywhere() {
    let bench = Bench::new(&world(""));
    let more = [
        "--rules",
        "target-opted-in",
        "--format",
        "html,markdown,pdf",
        "--regions",
        "eu-west-1",
    ];
    let ran = bench.run(&[&["scan", "--to", "out"][..], &more].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("whether tables are backed up was not asked"),
        "{}",
        ran.stdout
    );
    let read = |name: &str| std::fs::read_to_string(bench.path("out").join(name)).expect("a file");
    assert!(read("summary.md").contains("## Checks of 1 rule: no required finding"));
    let page = read("report.html");
    for told in [
        "<h1>No required finding</h1>",
        "whether tables are backed up was not asked.",
    ] {
        assert!(page.contains(told), "`{told}` is not in the page");
    }
    for claim in ["Proof of backup", "<h1>Compliant", "class=\"verdict ok\""] {
        assert!(!page.contains(claim), "`{claim}` is in the page");
    }
}
