//! Time, size and peak memory of the PDF for 1, 60 and 10,000 tables (or the counts given as arguments).
//!
//! `cargo bench --bench pdf`; aims for 10,000 tables in 1.5 s or less, within 300 MiB.

use std::io::Write as _;
use std::time::Instant;

// The sample names its types by these paths, as it does inside the library.
use backproof::criteria;
use backproof::dictionary;
use backproof::domain;
use backproof::render;
use backproof::report;

#[path = "../src/render/sample.rs"]
mod sample;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut counts: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|count| count.parse().ok())
        .collect();
    if counts.is_empty() {
        counts = vec![1, 60, 10_000];
    }
    let mut out = std::io::stdout();
    for count in counts {
        let report = sample::report(count);
        let before = peak_memory();
        let start = Instant::now();
        let mut bytes = Vec::new();
        render::pdf::render(&report, &render::pdf::Template::default(), &mut bytes)?;
        let took = start.elapsed();
        let findings = report
            .findings
            .iter()
            .filter(|finding| finding.verdict != domain::Verdict::Compliant)
            .count();
        writeln!(
            out,
            "{count} tables, {findings} findings in detail: {:.2} s, {:.1} MB, peak {} (before: {})",
            took.as_secs_f64(),
            bytes.len() as f64 / 1e6,
            peak_memory(),
            before,
        )?;
    }
    Ok(())
}

/// The high-water mark of resident memory, where the system tells it.
fn peak_memory() -> String {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            status
                .lines()
                .find(|line| line.starts_with("VmHWM:"))
                .map(|line| line[6..].trim().to_owned())
        })
        .unwrap_or_else(|| "unknown".to_owned())
}
