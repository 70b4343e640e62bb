//! `attestation.html`: one file that asks for nothing outside itself, readable without scripts.
//!
//! The layout is `report-templates/attestation.html`. Text from AWS is escaped by the template engine.

use std::io::Write;

use minijinja::{AutoEscape, Environment};
use serde_json::{Value, json};

use super::words;
use crate::attest::{Attestation, Exposure, Proof, TableProof, WaiverTerm, percent};
use crate::domain::rfc3339;
use crate::exit::Exit;
use crate::facts::rpo_over_time::{DayProof, Spans};
use crate::problem::count;
use crate::render::templates::fuel;
use crate::render::{RenderError, Templates, html};

/// Nothing is loaded and nothing is sent, whatever a template of somebody else's says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// Renders the attestation.
///
/// Errors: the template is broken, or the disk refused.
pub(crate) fn render(attestation: &Attestation, templates: &Templates, out: &mut dyn Write) -> Result<(), RenderError> {
    let fail = |why: String| RenderError::new("attestation.html", why);
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let values = page(attestation);
    environment.set_fuel(Some(fuel(&values)));
    let template = environment
        .template_from_named_str("attestation.html", &templates.attestation)
        .map_err(|error| fail(format!("{error:#}")))?;
    let page = template
        .render(minijinja::value::Serde(values))
        .map_err(|error| fail(format!("{error:#}")))?;
    if let Some(mark) = templates.mark() {
        let head = html::head_of_marked(&mark, words::headline(attestation), POLICY);
        out.write_all(head.as_bytes())
            .map_err(|error| fail(error.to_string()))?;
    }
    out.write_all(page.as_bytes()).map_err(|error| fail(error.to_string()))
}

fn page(attestation: &Attestation) -> Value {
    let totals = &attestation.totals;
    let (covered, exposed) = (totals.covered_seconds, totals.exposed_seconds);
    let mut tables: Vec<&TableProof> = attestation.tables.iter().collect();
    // The sort is stable: tables of one verdict stay in order of ARN.
    tables.sort_by_key(|table| (table.proof, table.is_waived));
    json!({
        "from": attestation.period.from.to_string(),
        "to": attestation.period.to.to_string(),
        "days": count(attestation.period.days(), "day"),
        "day_count": attestation.period.days(),
        "headline": words::headline(attestation),
        "summary": words::summary(attestation),
        "verdict": match attestation.exit() {
            Exit::NonCompliant => Proof::Exposed.as_str(),
            Exit::EvidenceMissing => Proof::NotObserved.as_str(),
            _ if totals.promised_seconds > 0 => Proof::Promised.as_str(),
            _ => Proof::Proven.as_str(),
        },
        "covered_observed": words::percent(percent(covered, covered + exposed)),
        "covered_all": words::percent(percent(covered, totals.asked_seconds())),
        "by_promise": words::by_promise(attestation),
        "notes": words::notes(attestation),
        "between": words::length(u64::from(attestation.longest_between_packs())),
        "digest": attestation.evidence_digest,
        "version": attestation.tool_version,
        "tables": tables.into_iter().map(table).collect::<Vec<_>>(),
        "unlisted": attestation.unlisted.iter().map(|table| json!({
            "arn": table.table_arn,
            "first": rfc3339(table.first),
            "last": rfc3339(table.last),
        })).collect::<Vec<_>>(),
        "policies": attestation.policies.iter().map(|policy| json!({
            "from": rfc3339(policy.from),
            "to": rfc3339(policy.to),
            "packs": count(policy.packs, "pack"),
            "values": policy.values.iter().map(|line| json!({
                "what": line.what,
                "value": line.value,
                "origin": line.origin,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "changes": attestation.changes.iter().map(|change| json!({
            "what": change.what,
            "after": rfc3339(change.after),
            "by": rfc3339(change.by),
            "before": change.before,
            "now": change.now,
        })).collect::<Vec<_>>(),
        "targets": attestation.targets.iter().map(|line| json!({
            "account_id": line.target.account_id,
            "region": line.target.region,
            "packs": line.packs,
            "listed": line.listed,
            "unlisted": (line.unlisted_seconds > 0).then(|| words::length(line.unlisted_seconds)),
            "observed": words::length(line.observed_seconds),
            "tables": line.tables,
        })).collect::<Vec<_>>(),
        "drills": attestation.drills.iter().map(|line| json!({
            "arn": line.table_arn,
            "at": rfc3339(line.tested_at),
            "words": words::drill(line),
            "run": line.run_id,
            "number": line.number,
            "manifest": line.manifest_sha256,
        })).collect::<Vec<_>>(),
        "restore_tests": (attestation.restore_test_count > 0).then(|| count(attestation.restore_test_count, "table")),
        "regions_unknown": attestation.regions_unknown,
        "packs": attestation.packs.iter().map(|pack| json!({
            "as_of": rfc3339(pack.as_of),
            "scan": pack.scan_id,
            "caller": pack.caller_arn,
            "place": words::place(pack, attestation),
            "signed_by": words::signers(pack).join("; "),
            "manifest": pack.manifest_sha256,
            "tables": pack.tables,
            "targets": pack.targets,
            "gaps": pack.targets_with_gaps,
        })).collect::<Vec<_>>(),
        "rests_on": words::rests_on(attestation),
        "does_not_prove": words::does_not_prove(attestation),
    })
}

fn table(table: &TableProof) -> Value {
    let letters = words::day_letters(table);
    let asked: Vec<String> = table.asked.iter().map(|span| words::asked(&span.any_of)).collect();
    json!({
        "name": table.table_name,
        "account_id": table.target.account_id,
        "region": table.target.region,
        "id": table.table_id,
        "verdict": table.proof.as_str(),
        "words": table.proof.words(),
        "waived": table.is_waived,
        "label": label(&letters),
        "runs": runs(&letters),
        "life": words::life(table),
        "details": details(table),
        "exposures": table.exposures.iter().map(|one| exposure(table, one)).collect::<Vec<_>>(),
        "promised": intervals(&table.history.promised),
        "unobserved": intervals(&table.history.not_observed),
        "not_counted": words::not_counted(table),
        "failed_runs": words::alike(table.failed_runs.iter()).iter().map(failed_runs).collect::<Vec<_>>(),
        "waivers": table.waivers.iter().map(waiver).collect::<Vec<_>>(),
        "of_observed": words::percent(table.covered_of_observed()),
        "of_all": words::percent(table.covered_of_all()),
        "gap": words::gap(table),
        "rpo": asked.join(", then "),
    })
}

/// `31 days: 29 covered, 2 exposed`.
fn label(letters: &str) -> String {
    let of = |letter: char| letters.chars().filter(|other| *other == letter).count();
    let parts = DayProof::ALL.iter().filter(|day| of(day.letter()) > 0);
    let parts: Vec<String> = parts
        .map(|day| format!("{} {}", of(day.letter()), day.as_str().replace('-', " ")))
        .collect();
    format!("{}: {}", count(letters.len(), "day"), parts.join(", "))
}

/// Runs of the same state; days on which the table did not exist stay empty. States differ in height too, so that no
/// meaning hangs on colour.
fn runs(letters: &str) -> Vec<Value> {
    let letters: Vec<char> = letters.chars().collect();
    let mut from = 0;
    let mut runs = Vec::new();
    for run in letters.chunk_by(|a, b| a == b) {
        if run[0] != '-' {
            let (y, height) = match run[0] {
                'e' => ("0", "1"),
                'c' | 'p' => (".15", ".7"),
                'n' => (".3", ".4"),
                _ => (".45", ".1"),
            };
            runs.push(json!({
                "letter": run[0].to_string(), "from": from, "days": run.len(), "y": y, "height": height,
            }));
        }
        from += run.len();
    }
    runs
}

fn details(table: &TableProof) -> String {
    let parts = [
        (table.exposures.len(), "exposure"),
        (table.history.promised.len(), "interval covered by promise"),
        (table.history.not_observed.len(), "interval not observed"),
        (table.not_counted.len(), "kind of points that did not count"),
        (table.failed_runs.len(), "failed job or missed run"),
        (table.waivers.len(), "waiver"),
    ];
    let words = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| match (number, what) {
            (1, what) => format!("1 {what}"),
            (number, "interval not observed") => format!("{number} intervals not observed"),
            (number, "interval covered by promise") => format!("{number} intervals covered by promise"),
            (number, "kind of points that did not count") => format!("{number} kinds of points that did not count"),
            (number, "failed job or missed run") => format!("{number} failed jobs or missed runs"),
            (number, what) => count(number, what),
        });
    words.collect::<Vec<_>>().join(", ")
}

fn exposure(table: &TableProof, exposure: &Exposure) -> Value {
    json!({
        "from": words::instant(exposure.from),
        "to": words::instant(exposure.to),
        "length": words::length(u64::from(exposure.to - exposure.from)),
        "waivers": exposure.waivers.join(", "),
        "cause": words::cause(table, exposure),
    })
}

fn intervals(spans: &Spans) -> Vec<Value> {
    let intervals = spans.iter().map(|(from, to)| {
        json!({
            "from": words::instant(from),
            "to": words::instant(to),
            "length": words::length(u64::from(to - from)),
        })
    });
    intervals.collect()
}

fn failed_runs(alike: &words::Alike<'_>) -> Value {
    json!({
        "words": alike.words(),
        "when": words::when(&alike.runs),
        "then": alike.runs.last().map(|run| words::what_followed(run)),
    })
}

fn waiver(term: &WaiverTerm) -> Value {
    json!({
        "id": term.id,
        "rule": term.rule,
        "from": words::instant(term.from),
        "to": words::instant(term.to),
        "reason": term.reason,
        "approver": term.approver,
        "note": words::back_dated(term),
    })
}
