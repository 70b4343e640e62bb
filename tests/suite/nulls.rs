//! Why facts have no value: "none" only where nothing is there for certain, never where a call was lost; "not asked" only of
//! what the scan did not ask for.

use std::collections::BTreeMap;

use backproof::collect::Wanted;
use backproof::criteria::rules::RuleSet;
use backproof::dictionary::TABLE_FACTS;
use backproof::domain::{FactValue, NullCause};
use backproof::report::Report;
use proptest::prelude::*;
use serde_json::Value;

use crate::common::worlds::{deny, world as small};
use crate::common::{Bench, cases, fact, json_file, table_row};
use crate::properties::{lose, rules, world};

/// Every fact of every table.
fn facts(report: &Report) -> BTreeMap<(String, String), FactValue> {
    let of_tables = report.tables.iter().flat_map(|table| {
        let of_table = table.facts.iter();
        of_table.map(|(name, value)| ((table.table_arn.clone(), name.to_string()), value.clone()))
    });
    of_tables.collect()
}

/// Facts that are about what could be read, and say so.
fn is_of_what_was_read(name: &str) -> bool {
    name.ends_with("_seen") || name.ends_with("_doubt") || name.ends_with("_summary")
}

/// Facts of restore drills: a scan that is given none does not ask.
fn is_of_drills(name: &str) -> bool {
    name.starts_with("last_drill_")
}

proptest! {
#![proptest_config(cases(24))]

#[test]
fn what_a_lost_call_hides_is_said_to_be_lost(world in world(), place in any::<usize>()) {
    let place = place % world.calls.len();
    let call = &world.calls[place];
    let (whole, lost) = (facts(&world.judged()), facts(&lose(&world, place).judged()));
    for ((table, name), value) in &lost {
        let Some(was) = whole.get(&(table.clone(), name.clone())) else { continue };
        if matches!(value, FactValue::Text(text) if **text == *"none") && !is_of_what_was_read(name) {
            let said = format!("{name} of {table} was {was}, is none without {} {}", call.action, call.resource);
            prop_assert!(was.is_null() || was == value, "{}", said);
        }
        let FactValue::Null(cause) = value else { continue };
        let said = format!("{name} of {table} was {was}, is {cause} without {} {}", call.action, call.resource);
        match cause {
            // Nothing is there, whatever was lost.
            NullCause::None => prop_assert_eq!(was, value, "{}", said),
            NullCause::NotAsked => prop_assert!(is_of_drills(name) && was == value, "{}", said),
            NullCause::Lost(calls) => {
                prop_assert!(calls.iter().all(|lost| lost.action == call.action), "{}", said);
            }
            NullCause::LeftOpen => prop_assert!(was.is_null(), "{}", said),
        }
    }
}

#[test]
fn what_says_that_nothing_is_there_never_stands_beside_a_value(world in world()) {
    let report = world.judged();
    for table in &report.tables {
        for fact in TABLE_FACTS {
            let value = table.column(fact.name);
            let says_none = |one: &&backproof::dictionary::NoneIf| one.holds(table.column(one.fact));
            // A null beside a whole reading means that nothing is there; a value beside it is a value.
            let by_reading = |one: &backproof::dictionary::NoneIf| one.holds(&FactValue::Int(i64::MIN)) && !value.is_null();
            if let Some(one) = fact.none_if.iter().filter(says_none).find(|one| !by_reading(one)) {
                prop_assert_eq!(value, &FactValue::Null(NullCause::None), "{} by {}", fact.name, one.fact);
            }
        }
        for (name, value) in &*table.facts {
            let is_asked = *value != FactValue::Null(NullCause::NotAsked);
            prop_assert!(is_asked != is_of_drills(name), "all else was asked: {}", name);
        }
    }
}

#[test]
fn a_limited_scan_calls_none_only_what_a_whole_one_calls_so(world in world(), place in any::<usize>()) {
    let rule = &rules().0[place % rules().0.len()];
    let rules = RuleSet(vec![rule.clone()]);
    let asked = Wanted::frames(rules.frames());
    let (whole, limited) = (facts(&world.judged()), facts(&world.scanned_for(&rules)));
    for ((table, name), value) in &limited {
        let Some(was) = whole.get(&(table.clone(), name.clone())) else { continue };
        let said = format!("{name} of {table} was {was}, is {value} in a scan for {}", rule.id);
        match value {
            FactValue::Null(NullCause::None) => prop_assert_eq!(was, value, "{}", said),
            FactValue::Null(NullCause::Lost(_)) => prop_assert!(false, "{}", said),
            FactValue::Null(NullCause::LeftOpen) => prop_assert!(was.is_null(), "{}", said),
            FactValue::Null(NullCause::NotAsked) => {
                let mut frames = TABLE_FACTS.iter().filter(|fact| fact.name == name).flat_map(|fact| fact.frames);
                // Comparisons are not in this list.
                let is_fact = TABLE_FACTS.iter().any(|fact| fact.name == name);
                prop_assert!(!is_fact || frames.any(|frame| !asked.has(frame)), "{}", said);
            }
            _ => {}
        }
    }
}}

/// The cause of a null fact of a table.
fn cause<'r>(report: &'r Value, table: &str, name: &str) -> &'r str {
    assert_eq!(*fact(report, table, name), Value::Null, "{name}");
    let cause = &table_row(report, table)["causes"][name];
    cause
        .as_str()
        .unwrap_or_else(|| panic!("no cause of {name} of {table}"))
}

#[test]
fn a_table_without_points_has_no_newest_one() {
    let bench = Bench::new(&small(""));
    let (_, report) = bench.scan("out", &[]);
    for name in [
        "newest_recovery_point_at",
        "newest_recovery_point_age_hours",
        "shortest_retention_days",
        "weakest_key_owner",
        "last_restore_at",
        "last_failed_backup_job_at",
        "plan_interval_hours",
        "pitr_earliest_at",
        "rpo_hours",
        "newest_good_point_at",
        "archived_at",
    ] {
        assert_eq!(cause(&report, "forgotten", name), "none", "{name}");
    }
    let causes = table_row(&report, "forgotten")["causes"].as_object().expect("a map");
    let mut others: Vec<(&String, &Value)> = causes.iter().filter(|(_, cause)| *cause != "none").collect();
    // AWS remembers jobs for a day less than the window is long.
    others.retain(|(name, _)| *name != "longest_gap_hours");
    others.retain(|(name, cause)| !(is_of_drills(name) && **cause == "not asked"));
    assert_eq!(others, []);
}

#[test]
fn a_denied_call_is_named_wherever_it_hides_something() {
    let bench = Bench::new(&small(&deny("backup:ListBackupPlans")));
    let (_, report) = bench.scan("out", &[]);
    let denied = "denied: backup:ListBackupPlans";
    for name in [
        "in_a_plan",
        "plan_interval_hours",
        "plan_last_run_at",
        "missed_run_count",
    ] {
        assert_eq!(cause(&report, "forgotten", name), denied, "{name}");
    }
    // What does not hang on plans is as it was.
    assert_eq!(cause(&report, "forgotten", "newest_recovery_point_at"), "none");
    let finding = crate::common::finding(&report, "forgotten", "in-a-plan");
    assert_eq!(finding["causes"]["in_a_plan"], denied);
    bench.run(&["report", "out", "--to", "csv", "--format", "csv-all", "--quiet"]);
    let cells = std::fs::read_to_string(bench.path("csv/tables-all.csv")).expect("a file");
    assert!(cells.contains(denied), "{cells}");
    let told = bench.run(&["explain", "table", "forgotten", "--inventory", "out", "--all"]);
    assert!(
        told.stdout.contains(&format!("plan_interval_hours = {denied}  [")),
        "{}",
        told.stdout
    );

    let bench = Bench::new(&small(&deny("backup:ListBackupVaults")));
    let (_, report) = bench.scan("out", &[]);
    for name in [
        "usable_recovery_point_count",
        "newest_recovery_point_at",
        "last_restore_at",
    ] {
        assert_eq!(
            cause(&report, "forgotten", name),
            "denied: backup:ListBackupVaults",
            "{name}"
        );
    }
}

#[test]
fn a_limited_scan_says_what_it_was_not_asked() {
    let bench = Bench::new(&small(""));
    let limited = ["scan", "--rules", "dynamodb-opted-in", "--to", "out", "--quiet"];
    assert_eq!(
        bench
            .run(&[&limited[..], &["--format", "csv,json,json-all,html,pdf"]].concat())
            .code,
        0
    );
    let report = json_file(&bench.path("out/report-all.json"));
    for name in ["in_a_plan", "newest_recovery_point_at", "pitr_on", "plan_names", "tags"] {
        assert_eq!(cause(&report, "forgotten", name), "not asked", "{name}");
    }
    assert_eq!(cause(&report, "forgotten", "archived_at"), "none");

    let limits = "not asked: this scan was limited to `--rules dynamodb-opted-in`";
    for folder in ["out", "out/inventory"] {
        let told = bench.run(&["explain", "table", "forgotten", "--inventory", folder]);
        assert_eq!(told.code, 0, "{}", told.stderr);
        assert_eq!(told.stdout.matches(limits).count(), 2, "{}", told.stdout);
        let plan = bench.run(&["remediate", "plan", "--from", folder, "--to", "plan.json"]);
        assert_eq!(plan.code, 0, "{}", plan.stderr);
        let wanted = format!("table/forgotten (backed-up): {limits}; a scan with backed-up settles it");
        assert!(plan.stdout.contains(&wanted), "{}", plan.stdout);
        // A sentence of the dictionary says when a fact is unknown; nothing says that it is here.
        let said = |text: &str| {
            let lines = text.lines().filter(|line| line.contains("could not be read"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(said(&told.stdout), Vec::<String>::new());
        assert_eq!(said(&plan.stdout), Vec::<String>::new());
    }
    let verified = bench.run(&["verify", "out"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
}
