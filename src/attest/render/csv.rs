//! CSV for spreadsheets and auditors' tools, with the promises of the other CSV files: RFC 4180, stable columns, no cell
//! that a spreadsheet would run as a formula.

use std::io::Write;

use super::words;
use crate::attest::{Attestation, TableProof, WaiverTerm};
use crate::domain::rfc3339;
use crate::facts::rpo_over_time::Spans;
use crate::render::RenderError;
use crate::render::csv::write;
use crate::text::csv_cell;

/// One row for each table.
///
/// Errors: the disk refused.
pub(crate) fn tables(attestation: &Attestation, out: &mut dyn Write) -> Result<(), RenderError> {
    let head = [
        "table_arn",
        "table_name",
        "account_id",
        "region",
        "table_id",
        "verdict",
        "waived",
        "created_at",
        "deleted_after",
        "deleted_by",
        "tiers",
        "rpo",
        "covered_seconds",
        "covered_by_promise_seconds",
        "young_seconds",
        "exposed_seconds",
        "not_observed_seconds",
        "exempt_seconds",
        "covered_percent_of_observed",
        "covered_percent",
        "exposure_count",
        "longest_gap_seconds_at_least",
        "longest_gap_seconds_at_most",
        "longest_gap_from",
        "longest_gap_to",
        "longest_gap_certain",
        "longest_gap_began_before_period",
        "recovery_points",
        "undecided_recovery_points",
        "failed_jobs",
        "missed_runs",
        "waivers",
        "days",
    ];
    let rows = attestation.tables.iter().map(table);
    write(out, "attestation-tables.csv", &head.map(str::to_owned), rows)
}

fn table(table: &TableProof) -> Vec<String> {
    let history = &table.history;
    let unknown = || "unknown".to_owned();
    let gap = table.longest_gap;
    let asked: Vec<String> = table.asked.iter().map(|span| words::asked(&span.any_of)).collect();
    let is_missed = |state: &str| state == "MISSED";
    let missed = table.failed_runs.iter().filter(|run| is_missed(&run.state)).count();
    let waivers: Vec<&str> = table.waivers.iter().map(|WaiverTerm { id, .. }| id.as_str()).collect();
    let mut row = identity(table);
    row.extend([
        table.table_id.clone().unwrap_or_else(unknown),
        table.proof.as_str().to_owned(),
        table.is_waived.to_string(),
        table.born.map_or_else(unknown, words::instant),
        table
            .gone_by
            .map_or_else(String::new, |_| words::instant(table.alive_until)),
        table.gone_by.map_or_else(String::new, words::instant),
        csv_cell(&table.tiers.join("; ")),
        asked.join("; "),
        history.covered.seconds().to_string(),
        history.promised.seconds().to_string(),
        history.young.seconds().to_string(),
        history.exposed.seconds().to_string(),
        history.not_observed.seconds().to_string(),
        history.exempt.seconds().to_string(),
        number(table.covered_of_observed()),
        number(table.covered_of_all()),
        table.exposures.len().to_string(),
        gap.map_or_else(unknown, |gap| gap.at_least.to_string()),
        gap.and_then(|gap| gap.at_most)
            .map_or_else(unknown, |most| most.to_string()),
        gap.map_or_else(unknown, |gap| words::instant(gap.from)),
        gap.map_or_else(unknown, |gap| words::instant(gap.to)),
        gap.map_or_else(unknown, |gap| gap.is_certain().to_string()),
        gap.map_or_else(unknown, |gap| gap.began_before.to_string()),
        table.points.to_string(),
        table.undecided_points.to_string(),
        (table.failed_runs.len() - missed).to_string(),
        missed.to_string(),
        csv_cell(&waivers.join("; ")),
        csv_cell(&words::day_letters(table)),
    ]);
    row
}

fn identity(table: &TableProof) -> Vec<String> {
    vec![
        csv_cell(&table.table_arn),
        csv_cell(&table.table_name),
        table.target.account_id.clone(),
        table.target.region.clone(),
    ]
}

fn number(percent: Option<f64>) -> String {
    percent.map_or_else(|| "n/a".to_owned(), |percent| format!("{percent:.3}"))
}

/// One row for each interval of time of a table in which its state stays the same.
///
/// Errors: the disk refused.
pub(crate) fn intervals(attestation: &Attestation, out: &mut dyn Write) -> Result<(), RenderError> {
    let head = [
        "table_arn",
        "table_name",
        "account_id",
        "region",
        "table_id",
        "state",
        "from",
        "to",
        "seconds",
        "waivers",
        "cause",
    ];
    let rows = attestation.tables.iter().flat_map(|table| {
        intervals_of(table).into_iter().map(|(from, to, state)| {
            let mut row = identity(table);
            let exposure = table
                .exposures
                .iter()
                .find(|exposure| state == "exposed" && exposure.from == from);
            row.extend([
                table.table_id.clone().unwrap_or_else(|| "unknown".to_owned()),
                state.to_owned(),
                words::instant(from),
                words::instant(to),
                (to - from).to_string(),
                csv_cell(&exposure.map(|exposure| exposure.waivers.join("; ")).unwrap_or_default()),
                csv_cell(
                    &exposure
                        .map(|exposure| words::cause(table, exposure))
                        .unwrap_or_default(),
                ),
            ]);
            row
        })
    });
    write(out, "attestation-intervals.csv", &head.map(str::to_owned), rows)
}

/// Every interval of a table's life in the period, in order of time.
fn intervals_of(table: &TableProof) -> Vec<(u32, u32, &'static str)> {
    let history = &table.history;
    let of = |spans: &Spans, state: &'static str| -> Vec<(u32, u32, &'static str)> {
        spans.iter().map(|(from, to)| (from, to, state)).collect()
    };
    let mut all = [
        of(&history.covered, "covered"),
        of(&history.promised, "covered-by-promise"),
        of(&history.young, "young"),
        of(&history.exposed, "exposed"),
        of(&history.not_observed, "not-observed"),
        of(&history.exempt, "exempt"),
    ]
    .concat();
    all.sort_unstable();
    all
}

/// One row for each value of each policy that the packs show.
///
/// Errors: the disk refused.
pub(crate) fn policy(attestation: &Attestation, out: &mut dyn Write) -> Result<(), RenderError> {
    let head = ["from", "to", "packs", "what", "value", "origin"];
    let rows = attestation.policies.iter().flat_map(|policy| {
        policy.values.iter().map(|line| {
            vec![
                rfc3339(policy.from),
                rfc3339(policy.to),
                policy.packs.to_string(),
                csv_cell(&line.what),
                csv_cell(&line.value),
                csv_cell(&line.origin),
            ]
        })
    });
    write(out, "attestation-policy.csv", &head.map(str::to_owned), rows)
}

/// One row for each job that made no recovery point and each run that never started.
///
/// Errors: the disk refused.
pub(crate) fn failed_runs(attestation: &Attestation, out: &mut dyn Write) -> Result<(), RenderError> {
    let head = [
        "table_arn",
        "table_name",
        "account_id",
        "region",
        "at",
        "state",
        "cause",
        "next_success_at",
    ];
    let rows = attestation.tables.iter().flat_map(|table| {
        table.failed_runs.iter().map(|run| {
            let mut row = identity(table);
            row.extend([
                words::instant(run.at),
                csv_cell(&run.state),
                csv_cell(&run.cause),
                run.next_success.map_or_else(|| "none known".to_owned(), words::instant),
            ]);
            row
        })
    });
    write(out, "attestation-jobs.csv", &head.map(str::to_owned), rows)
}
