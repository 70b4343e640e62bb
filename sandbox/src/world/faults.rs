//! `[[fault]]`: active from the start of serving, never during the simulated history.

use super::values::count;
use crate::faults::Fault;
use crate::tamper::Tamper;
use backproof_toml_reader::Section;

/// Reads all faults.
pub(super) fn read(root: &Section<'_>) -> Vec<Fault> {
    let sections = root.sections("fault");
    sections.iter().map(read_one).collect()
}

fn read_one(section: &Section<'_>) -> Fault {
    let fault = Fault {
        service: section.text("service"),
        action: section.text("action"),
        account: section.text("account"),
        region: section.text("region"),
        resource: section.text("resource"),
        principal: section.text("principal"),
        writes: section.boolean("writes").unwrap_or(false),
        after: count(section, "after").unwrap_or(0),
        times: count(section, "times"),
        throttle_rate: section.number("throttle-rate").unwrap_or(0.0),
        throttle_for: count(section, "throttle-for").unwrap_or(0),
        clock_ahead_minutes: count(section, "clock-ahead-minutes").unwrap_or(0),
        error_rate: section.number("error-rate").unwrap_or(0.0),
        reset_rate: section.number("reset-rate").unwrap_or(0.0),
        truncate_rate: section.number("truncate-rate").unwrap_or(0.0),
        latency_ms: count(section, "latency-ms").unwrap_or(0),
        latency_jitter_ms: count(section, "latency-jitter-ms").unwrap_or(0),
        deny: section.text("deny"),
        expired_credentials: count(section, "expired-credentials"),
        quota: section.boolean("quota").unwrap_or(false),
        read_units: section.number("read-units"),
        unprocessed_every: count(section, "unprocessed-every").unwrap_or(0),
        answer: section.section("answer").as_ref().map(read_tamper),
    };
    let broken = section.has("deny") && fault.deny.is_none();
    if let Some((key, problem)) = fault.problem().filter(|_| !broken) {
        section.note_at(key, problem, "");
    }
    section.finish();
    fault
}

fn read_tamper(section: &Section<'_>) -> Tamper {
    let status = count(section, "status");
    let tamper = Tamper {
        status: status.map(|status| u16::try_from(status).unwrap_or(0)),
        body: section.text("body"),
        content_type: section.text("content-type"),
        member: section.text("member"),
        becomes: section.text("becomes"),
        repeat_page: count(section, "repeat-page").unwrap_or(0),
        repeat_token: section.boolean("repeat-token").unwrap_or(false),
        bytes_per_second: count(section, "bytes-per-second"),
    };
    section.finish();
    tamper
}
