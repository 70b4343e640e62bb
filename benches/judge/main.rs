//! Time and peak memory of judging a stored inventory by the whole catalogue: 10,000, 100,000 and 1,000,000 tables (or
//! the counts given as arguments), 30 recovery points each, 50 plans, 5 tiers.
//!
//! `cargo bench --bench judge`; aims for 1,000,000 tables in 30 s or less, within 4 GiB, on two processors, and for
//! growth in line with the number of tables. The time covers reading the Parquet frames, deriving the facts and judging
//! every table, vault, plan, target and recovery point; the inventory is made before the clock starts. With
//! `BACKPROOF_BENCH_KEEP=DIR` inventories stay in that folder and are used again.

mod world;

use std::io::Write as _;
use std::time::Instant;

use backproof::criteria::policy::Policy;
use backproof::criteria::rules::RuleSet;
use backproof::domain::{Subject, Verdict};
use backproof::facts::{Facts, derive};
use backproof::inventory::Inventory;
use backproof::inventory::schema::{RecoveryPoint, borrowed};
use backproof::judge::evaluate::{Within, judge_subjects, judge_tables};

/// Set in the process that makes the inventory, to its folder.
const MAKE: &str = "BACKPROOF_BENCH_MAKE";

/// A folder whose inventories are used again.
const KEEP: &str = "BACKPROOF_BENCH_KEEP";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // One count is judged in this very process, so that its peak memory is its own; several in one process each.
    let counts: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|count| count.parse().ok())
        .collect();
    if let [count] = counts.as_slice() {
        return one(*count);
    }
    let counts = if counts.is_empty() {
        vec![10_000, 100_000, 1_000_000]
    } else {
        counts
    };
    for count in counts {
        let program = std::env::current_exe()?;
        let status = std::process::Command::new(program).arg(count.to_string()).status()?;
        if !status.success() {
            return Err(format!("{count} tables: {status}").into());
        }
    }
    Ok(())
}

fn one(count: usize) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(place) = std::env::var_os(MAKE) {
        return world::write(std::path::Path::new(&place), count);
    }
    let scratch = tempfile::tempdir()?;
    let place = match std::env::var_os(KEEP) {
        Some(folder) => std::path::Path::new(&folder).join(count.to_string()),
        None => scratch.path().join("inventory"),
    };
    // Made by another process: what it takes to write an inventory is not what it takes to judge one.
    if !place.is_dir() {
        std::fs::create_dir_all(&place)?;
        let mut maker = std::process::Command::new(std::env::current_exe()?);
        if !maker.arg(count.to_string()).env(MAKE, &place).status()?.success() {
            return Err("the inventory could not be made".into());
        }
    }
    let policy = world::policy()?;
    let rules = load_rules()?;
    let inventory = Inventory::open(&place).map_err(|problem| problem.to_string())?;
    let start = Instant::now();
    let mut points = 0_usize;
    let count_points = |_: borrowed::RecoveryPoint<'_>| points += 1;
    inventory
        .for_each_row::<RecoveryPoint>(&[], count_points)
        .map_err(|problem| problem.to_string())?;
    let read = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let facts = derive(&inventory, policy.window_days).map_err(|problem| problem.to_string())?;
    let derived = start.elapsed().as_secs_f64();
    let tally = judge(&inventory, &facts, &rules, &policy)?;
    let took = start.elapsed().as_secs_f64();
    drop(facts);
    let freed = start.elapsed().as_secs_f64() - took;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{count} tables, {} rules: {took:.2} s ({derived:.2} s to derive; reading the {points} points \
         alone takes {read:.2} s), {:.1} µs a table, {freed:.2} s to give the memory back, peak {}; {}",
        rules.0.len(),
        took * 1e6 / count as f64,
        peak_memory(),
        tally,
    )?;
    Ok(())
}

fn load_rules() -> Result<RuleSet, String> {
    RuleSet::load(None, &[]).map_err(|problems| format!("{problems:?}"))
}

/// Judges everything; says how long tables took, and how many verdicts there are of each kind.
fn judge(inventory: &Inventory, facts: &Facts, rules: &RuleSet, policy: &Policy) -> Result<String, String> {
    let start = Instant::now();
    let mut counts = [0_usize; 4];
    let place = |verdict: Verdict| Verdict::ALL.iter().position(|known| *known == verdict).unwrap_or(0);
    judge_tables(facts, rules, (policy, &Within::default()), &mut |chunk| {
        for verdict in chunk.verdicts.iter().flatten() {
            counts[place(*verdict)] += 1;
        }
    })
    .map_err(|problem| problem.to_string())?;
    let on_tables = start.elapsed().as_secs_f64();
    let others =
        judge_subjects(inventory, facts, rules, policy, &|_, _, _| None).map_err(|problem| problem.to_string())?;
    let on_others = others
        .iter()
        .filter(|finding| finding.subject != Subject::Table)
        .count();
    let tally: Vec<String> = Verdict::ALL
        .iter()
        .zip(counts)
        .map(|(verdict, count)| format!("{count} {verdict}"))
        .collect();
    let tally = tally.join(", ");
    Ok(format!(
        "{on_tables:.2} s on tables: {tally}, {on_others} findings on others"
    ))
}

/// The high-water mark of resident memory, where the system tells it.
fn peak_memory() -> String {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
            let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
            Some(format!("{:.0} MiB", kib / 1024.0))
        })
        .unwrap_or_else(|| "unknown".to_owned())
}
