//! Time, peak memory and size of a whole pack: from a stored inventory to findings, reports and seal, and `verify` of it.
//! 1,000, 10,000 and 100,000 tables (or the counts given as arguments) of the world of `benches/judge`, the whole catalogue
//! of rules, the formats that a scan writes without `--format`.
//!
//! `cargo bench --bench report`; aims on two processors: 10,000 tables 6 s, 300 MiB, 60 MB; 100,000 tables 20 s, 1 GiB,
//! 600 MB; 1,000,000 tables 200 s, 2 GiB. Each step runs in a process of its own, so that its peak memory is its own. With
//! `BACKPROOF_BENCH_KEEP=DIR` inventories stay in that folder and are used again.

#[path = "../judge/world.rs"]
mod world;

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use backproof::criteria::Criteria;
use backproof::criteria::rules::RuleSet;
use backproof::criteria::waivers::Waivers;
use backproof::pack::{intact, seal, verify};
use backproof::sign::Trust;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A folder whose inventories are used again.
const KEEP: &str = "BACKPROOF_BENCH_KEEP";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", place, count] => world::write(Path::new(place), count.parse()?),
        ["pack", place] => pack(Path::new(place)),
        ["verify", place] => check(Path::new(place)),
        [] => [1_000, 10_000, 100_000].into_iter().try_for_each(one),
        ref counts => counts.iter().try_for_each(|count| one(count.parse()?)),
    }
}

fn step(args: &[&str]) -> Result<()> {
    let status = Command::new(std::env::current_exe()?).args(args).status()?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{args:?}: {status}").into())
}

fn one(count: usize) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let dir = scratch.path().join("pack");
    let inventory = dir.join("inventory");
    std::fs::create_dir_all(&inventory)?;
    let kept = match std::env::var_os(KEEP) {
        Some(folder) => Path::new(&folder).join(count.to_string()),
        None => scratch.path().join("made"),
    };
    if !kept.is_dir() {
        std::fs::create_dir_all(&kept)?;
        step(&["make", &kept.to_string_lossy(), &count.to_string()])?;
    }
    for file in std::fs::read_dir(&kept)? {
        let file = file?;
        std::fs::copy(file.path(), inventory.join(file.file_name()))?;
    }
    writeln!(std::io::stdout(), "{count} tables")?;
    step(&["pack", &dir.to_string_lossy()])?;
    step(&["verify", &dir.to_string_lossy()])
}

fn pack(dir: &Path) -> Result<()> {
    let mut out = std::io::stdout();
    let criteria = Criteria {
        rules: RuleSet::load(None, &[]).map_err(|problems| format!("{problems:?}"))?,
        policy: world::policy()?,
        waivers: Waivers::default(),
        baseline: None,
        changes: Vec::new(),
        frameworks: Vec::new(),
    };
    let start = Instant::now();
    let manifest = seal::of_inventory(dir, &criteria).map_err(|problems| format!("{problems:?}"))?;
    let took = start.elapsed().as_secs_f64();
    let size: u64 = manifest.files.iter().map(|file| file.size).sum();
    writeln!(
        out,
        "  judge, four formats, seal: {took:.2} s, peak {}, pack {:.1} MB, {} findings",
        peak_memory(),
        size as f64 / 1e6,
        manifest.totals.findings
    )?;
    let of_inventory: u64 = manifest
        .files
        .iter()
        .filter(|file| file.path.starts_with("inventory/"))
        .map(|file| file.size)
        .sum();
    let others = manifest.files.iter().filter(|file| !file.path.contains('/'));
    let others = others.map(|file| format!("{} {:.1}", file.path, file.size as f64 / 1e6));
    let parts: Vec<String> = others
        .chain([format!("inventory {:.1}", of_inventory as f64 / 1e6)])
        .collect();
    writeln!(out, "  MB: {}", parts.join(", "))?;
    Ok(())
}

fn check(dir: &Path) -> Result<()> {
    let start = Instant::now();
    let pack = intact::open(dir).map_err(|problem| problem.to_string())?;
    let held = intact::look(pack, &Trust::none()).map_err(|problem| problem.to_string())?;
    verify::verify(&held).map_err(|problem| problem.to_string())?;
    let took = start.elapsed().as_secs_f64();
    writeln!(std::io::stdout(), "  verify: {took:.2} s, peak {}", peak_memory())?;
    Ok(())
}

/// The high-water mark of resident memory, where the system tells it, and how much of what is resident now are pages of files: of
/// a debug build that is mostly the program itself.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.map_or_else(|| "unknown".to_owned(), |kib| format!("{:.0} MiB", kib / 1024.0))
    };
    format!("{} (of files {})", mib("VmHWM:"), mib("RssFile:"))
}
