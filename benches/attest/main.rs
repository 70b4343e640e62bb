//! Time and peak memory of `attest`, and the sheets of its PDF: 10,000 tables over 365 days from 60 packs, or what is given
//! as arguments: tables, packs, days.
//!
//! `cargo bench --bench attest`; aims for 60 s or less, within 2 GiB, and 60 sheets at most. The time covers what the command
//! does: every pack is checked as `verify` checks it but for judging again, and all files are written. The packs are made by
//! another process before the clock starts. With `BACKPROOF_BENCH_KEEP=DIR` they stay in that folder and are used again.

mod world;

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use backproof::commands::attest::{AttestArgs, run};
use backproof::commands::shared::args::{AccessArgs, TrustArgs};
use chrono::TimeDelta;

/// Set in the process that makes the packs, to their folder.
const MAKE: &str = "BACKPROOF_BENCH_MAKE";

/// A folder whose packs are used again.
const KEEP: &str = "BACKPROOF_BENCH_KEEP";

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let given: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|count| count.parse().ok())
        .collect();
    let of = |place: usize, default: usize| given.get(place).copied().unwrap_or(default);
    let (tables, packs, days) = (of(0, 10_000), of(1, 60), of(2, 365));
    if let Some(place) = std::env::var_os(MAKE) {
        return world::write(Path::new(&place), tables, packs, days);
    }
    let scratch = tempfile::tempdir()?;
    let place = match std::env::var_os(KEEP) {
        Some(folder) => Path::new(&folder).join(format!("{tables}-{packs}-{days}")),
        None => scratch.path().join("packs"),
    };
    if !place.is_dir() {
        std::fs::create_dir_all(&place)?;
        let mut maker = std::process::Command::new(std::env::current_exe()?);
        maker
            .args([tables, packs, days].map(|count| count.to_string()))
            .env(MAKE, &place);
        if !maker.status()?.success() {
            return Err("the packs could not be made".into());
        }
    }
    let folders = (0..packs).map(|pack| place.join(format!("pack-{pack:02}"))).collect();
    let day = |days: i64| (world::start() + TimeDelta::days(days)).date_naive().to_string();
    let out = scratch.path().join("attestation");
    let args = AttestArgs {
        from: day(0),
        to: day(days as i64 - 1),
        pack: folders,
        ledger: None,
        expect_head: None,
        trust: TrustArgs {
            allowed_signers: None,
            public_key: Vec::new(),
            identity: None,
        },
        out: Some(out.display().to_string()),
        format: Vec::new(),
        template: None,
        strict: false,
        access: AccessArgs { shared: false },
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let start = Instant::now();
    let exit = runtime
        .block_on(run(args))
        .map_err(|problems| format!("{problems:?}"))?;
    let took = start.elapsed().as_secs_f64();
    let sheets = lopdf::Document::load(out.join("attestation.pdf"))?.get_pages().len();
    let sizes: Vec<String> = ["pdf", "html", "json"]
        .iter()
        .filter_map(|kind| {
            let bytes = std::fs::metadata(out.join(format!("attestation.{kind}"))).ok()?.len();
            Some(format!("{kind} {:.1} MB", bytes as f64 / 1e6))
        })
        .collect();
    writeln!(
        std::io::stdout(),
        "{tables} tables, {packs} packs, {days} days: {took:.2} s, peak {}, {sheets} sheets; {}; exit {}",
        peak_memory(),
        sizes.join(", "),
        exit.code(),
    )?;
    Ok(())
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
