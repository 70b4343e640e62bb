//! `[[fault]]`: active from the start of serving, never during the simulated history.

use super::reader::Section;
use crate::faults::Fault;

/// Reads all faults.
pub(super) fn read(root: &Section<'_>) -> Vec<Fault> {
    root.sections("fault").iter().map(read_one).collect()
}

fn read_one(section: &Section<'_>) -> Fault {
    let fault = Fault {
        service: section.text("service"),
        action: section.text("action"),
        account: section.text("account"),
        region: section.text("region"),
        resource: section.text("resource"),
        throttle_rate: section.number("throttle-rate").unwrap_or(0.0),
        error_rate: section.number("error-rate").unwrap_or(0.0),
        reset_rate: section.number("reset-rate").unwrap_or(0.0),
        truncate_rate: section.number("truncate-rate").unwrap_or(0.0),
        latency_ms: section.count("latency-ms").unwrap_or(0),
        latency_jitter_ms: section.count("latency-jitter-ms").unwrap_or(0),
        deny: section.text("deny"),
        expired_credentials: section.count("expired-credentials"),
        quota: section.flag("quota").unwrap_or(false),
    };
    let broken = section.has("deny") && fault.deny.is_none();
    if let Some((key, problem)) = fault.problem().filter(|_| !broken) {
        section.problem(key, problem, None);
    }
    fault
}
