//! How long a large plan takes, held against the rates of AWS's APIs.

use std::time::Instant;

use crate::common::{Bench, json_file};

const ACCOUNTS: [&str; 5] = [
    "111111111111",
    "222222222222",
    "333333333333",
    "444444444444",
    "555555555555",
];
const REGIONS: [&str; 4] = ["eu-west-1", "eu-central-1", "us-east-1", "us-west-2"];
const TABLES: usize = 25;

fn world() -> String {
    let regions = REGIONS.map(|region| format!("\"{region}\"")).join(", ");
    let mut world = "history-days = 1\n".to_owned();
    for account in ACCOUNTS {
        world.push_str(&format!("[[account]]\nid = \"{account}\"\nregions = [{regions}]\n"));
        for region in REGIONS {
            let here = format!("account = \"{account}\"\nregion = \"{region}\"\n");
            world.push_str(&format!("[[vault]]\n{here}name = \"Default\"\n"));
            world.push_str(&format!("[[table]]\n{here}name = \"table-{{n}}\"\ncount = {TABLES}\n"));
        }
    }
    world
}

/// A measurement: `cargo test --test suite -- --ignored --nocapture five_hundred`.
#[test]
#[ignore = "a measurement; its figures stand in docs/performance.md"]
#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn five_hundred_actions_over_twenty_targets_take_little_more_than_the_rates_allow() {
    let bench = Bench::new(&world());
    let accounts: String = ACCOUNTS
        .iter()
        .map(|id| format!("[[accounts]]\nid = \"{id}\"\nrole_arn = \"arn:aws:iam::{id}:role/Fix\"\n"))
        .collect();
    bench.write("backproof.toml", accounts);
    bench.scan("before", &["--format", "json"]);
    let args = [
        "remediate",
        "plan",
        "--from",
        "before/inventory",
        "--to",
        "plan.json",
        "--rules",
        "recovery-point-fresh",
    ];
    let ran = bench.run(&[&args[..], &["--only", "backup-now"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let plan = json_file(&bench.path("plan.json"));
    assert_eq!(plan["actions"].as_array().map(Vec::len), Some(500));
    bench.fault(r#"{"latency-ms": 30, "quota": true}"#);
    // 4 calls of StartBackupJob a second in each account and Region, 4 of them at once.
    let bound = (TABLES - 4) as f64 / 4.0;
    let began = Instant::now();
    let ran = bench.run(&["remediate", "apply", "plan.json", "--yes", "--max-changes", "500"]);
    let took = began.elapsed().as_secs_f64();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("500 jobs started"), "{}", ran.stderr);
    println!(
        "500 actions over 20 targets at 30 ms: {took:.1} s; the rate of StartBackupJob allows no less than {bound:.1} s"
    );
    assert!(took < 3.0 * bound, "{took} of {bound}");
}
