//! Draws for an auditor's re-performance, through the program, checked with stock tools.

use std::process::Command;

use serde_json::Value;

use crate::common::worlds::{table, world};
use crate::common::{Bench, csv_rows, finding, json_file};

fn bench() -> Bench {
    let more = table("many-{n}", "count = 30\ntags = { backup = \"daily\" }");
    let bench = Bench::new(&world(&more));
    let tiers = "[[policy.tier]]\nname = \"gold\"\nwhen = \"table_name LIKE 'many-%1'\"\nrpo = \"6h\"\n";
    bench.write("backproof.toml", tiers);
    bench.scan("scan", &["--format", "json"]);
    bench
}

fn sample(bench: &Bench, more: &[&str]) -> Value {
    let ran = bench.run(&[&["sample", "scan", "--seed", "42", "--format", "json"], more].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.json()
}

fn sh(script: &str) -> String {
    let ran = Command::new("sh").args(["-c", script]).output().expect("a shell");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

#[test]
fn anybody_can_repeat_the_draw_with_stock_tools() {
    let bench = bench();
    let sample = sample(&bench, &["--size", "22"]);
    let report = json_file(&bench.path("scan/report.json"));
    let arns: Vec<&str> = report["tables"]
        .as_array()
        .expect("tables")
        .iter()
        .filter_map(|table| table["table_arn"].as_str())
        .collect();
    assert_eq!(sample["population"], arns.len());
    let file = bench.path("arns.txt");
    std::fs::write(&file, arns.join("\n") + "\n").expect("written");
    let file = file.display();
    let digest = sh(&format!("LC_ALL=C sort {file} | sha256sum | cut -d ' ' -f 1"));
    assert_eq!(sample["population_digest"], digest.as_str());
    let by_hand = sh(&format!(
        "while read -r arn; do echo \"$(printf '%s\\0%s' 42 \"$arn\" | sha256sum | cut -d ' ' -f 1) $arn\"; done < {file} | sort | head -n 22 | cut -d ' ' -f 2"
    ));
    let drawn: Vec<&str> = sample["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|item| item["table_arn"].as_str())
        .collect();
    assert_eq!(drawn, by_hand.lines().collect::<Vec<_>>());
    assert_eq!(
        sample["remarks"][0],
        "if none of them deviates, then with 90 % confidence at most 10 % of the population do"
    );
}

#[test]
fn strata_share_the_draw() {
    let bench = bench();
    let sample = sample(&bench, &["--size", "10", "--by", "tier,verdict,account"]);
    assert_eq!(sample["by"], serde_json::json!(["account", "tier", "verdict"]));
    let strata = sample["strata"].as_array().expect("strata");
    assert!(strata.len() >= 2, "{sample:#}");
    let sum = |key: &str| strata.iter().filter_map(|one| one[key].as_u64()).sum::<u64>();
    assert_eq!((sum("drawn"), sum("population")), (10, 32));
    assert!(strata.iter().all(|one| one["drawn"].as_u64() >= Some(1)));
    let gold = strata
        .iter()
        .find(|one| one["values"]["tier"] == "gold")
        .expect("a stratum");
    assert_eq!(gold["population"], 3);
    let items = sample["items"].as_array().expect("items");
    for item in items {
        let place = usize::try_from(item["stratum"].as_u64().expect("a place")).expect("small");
        let stratum = &strata[place]["values"];
        assert_eq!(
            (&item["tier"], &item["verdict"]),
            (&stratum["tier"], &stratum["verdict"])
        );
        let command = item["command"].as_str().expect("a command");
        let arn = item["table_arn"].as_str().expect("an ARN");
        assert_eq!(
            command,
            format!("aws backup list-recovery-points-by-resource --resource-arn {arn} --region eu-west-1")
        );
    }
    let csv = bench.run(&[
        "sample",
        "scan",
        "--seed",
        "42",
        "--size",
        "10",
        "--by",
        "account,tier,verdict",
        "--format",
        "csv",
    ]);
    let rows = csv_rows(&csv.stdout);
    let arns: Vec<Option<&str>> = rows.iter().map(|row| row.get(1)).collect();
    assert_eq!(
        arns,
        items.iter().map(|item| item["table_arn"].as_str()).collect::<Vec<_>>()
    );
    let text = bench
        .run(&["sample", "scan", "--seed", "42", "--size", "10", "--by", "account"])
        .stdout;
    assert!(
        text.contains("10 tables of 32, drawn by sha256-order-v1, seed `42`"),
        "{text}"
    );
}

#[test]
fn a_seed_is_needed_and_bad_draws_are_refused() {
    let bench = bench();
    for (args, code, part) in [
        (vec!["sample", "scan"], 2, "--seed"),
        (vec!["sample", "scan", "--seed", ""], 2, "the seed is empty"),
        (
            vec!["sample", "scan", "--seed", "1", "--size", "0"],
            2,
            "a sample of no table",
        ),
        (
            vec!["sample", "scan", "--seed", "1", "--size", "1", "--by", "tier"],
            2,
            "cannot be drawn from 2 strata",
        ),
        (
            vec!["sample", "scan", "--seed", "1", "--by", "colour"],
            2,
            "invalid value 'colour'",
        ),
        (vec!["sample", "nowhere", "--seed", "1"], 2, "there is no evidence"),
    ] {
        let ran = bench.run(&args);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    let all = sample(&bench, &["--size", "500"]);
    assert_eq!(all["items"].as_array().map(Vec::len), Some(32));
    assert!(
        all["remarks"][0]
            .as_str()
            .expect("a remark")
            .starts_with("every table is drawn")
    );
}

#[test]
fn a_population_that_may_lack_tables_says_so() {
    let bench = bench();
    bench.fault(r#"{"deny": "dynamodb:ListTables", "region": "eu-central-1"}"#);
    bench.scan("partly", &["--format", "json", "--regions", "eu-west-1,eu-central-1"]);
    let ran = bench.run(&["sample", "partly", "--seed", "1"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.stderr.contains("warning: the population may lack tables"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains("the population may lack some"), "{}", ran.stdout);
}

#[test]
fn a_finding_is_explained_with_the_commands_that_check_it() {
    let bench = bench();
    // It only advises and is good news: `report.json` counts it, and the pack holds it.
    let whole = bench.run(&[
        "report", "scan", "--with", "pitr-on", "--format", "json-all", "--to", "-",
    ]);
    let report = whole.json();
    let finding = finding(&report, "orders", "pitr-on");
    let id = finding["id"].as_str().expect("an id");
    let short = ["explain", "finding", &id[..12], "--inventory", "scan"];
    let explained = bench.run(&[&short[..], &["--format", "json"]].concat()).json();
    for key in ["id", "rule", "verdict", "severity", "message", "resource_arn"] {
        assert_eq!(explained[0][key], finding[key], "{key}");
    }
    let command = "aws dynamodb describe-continuous-backups --table-name orders --region eu-west-1";
    assert_eq!(explained[0]["commands"], serde_json::json!([command]));
    let text = bench.run(&["explain", "finding", id, "--inventory", "scan"]).stdout;
    assert!(
        text.contains("with credentials of account 111122223333:\n  aws dynamodb"),
        "{text}"
    );
    for (id, part) in [
        ("zzzz", "no finding has the id `zzzz`"),
        ("", "several findings begin with ``"),
    ] {
        let ran = bench.run(&["explain", "finding", id, "--inventory", "scan"]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
    }
}
