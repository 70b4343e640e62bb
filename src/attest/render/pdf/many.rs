//! What stands in place of rows where an attestation has more of them than anybody reads: the worst by name, then groups.
//!
//! Nothing is lost: the CSV files of the same attestation have every row, and each text here says so.

use std::collections::{BTreeMap, HashMap};

use crate::attest::render::words;
use crate::attest::{Attestation, FailedRun, Proof, TableProof, WaiverTerm, percent};
use crate::domain::TargetId;
use crate::render::pdf::doc::{CELL, Doc, GAP, SMALL_GAP};
use crate::render::pdf::table::{Column, Para, Table};
use crate::render::pdf::text::{grouped, plural};

/// More rows than so many become groups.
pub(super) const MOST: usize = 200;

/// So many rows are written out before the groups.
pub(super) const WORST: usize = 120;

/// Rows of the heat map: some five sheets.
const DRAWN: usize = 240;

fn line<'t>(text: impl Into<std::borrow::Cow<'t, str>>) -> Vec<Para<'t>> {
    vec![Para::new(CELL, text)]
}

/// The rows that are written out: all of them, or those with the longest intervals.
pub(super) fn worst(
    mut tables: Vec<&TableProof>,
    seconds: impl Fn(&TableProof) -> u64,
) -> (Vec<&TableProof>, Vec<&TableProof>) {
    if tables.len() <= MOST {
        return (tables, Vec::new());
    }
    tables.sort_by_key(|table| std::cmp::Reverse(seconds(table)));
    let others = tables.split_off(WORST);
    (tables, others)
}

/// The others: for each account and Region how many tables, intervals and seconds.
pub(super) fn others(
    doc: &mut Doc<'_>,
    title: &'static str,
    tables: &[&TableProof],
    of: impl Fn(&TableProof) -> Vec<(u32, u32)>,
) {
    if tables.is_empty() {
        return;
    }
    doc.y += GAP;
    doc.heading(title, 60.0);
    let columns = [
        Column::new("Account", 100.0),
        Column::new("Region", 90.0),
        Column::number("Tables", 50.0),
        Column::number("Intervals", 56.0),
        Column::new("In all", 66.0),
        Column::new("First", 96.0),
        Column::new("Last", 96.0),
    ];
    let mut grid = Table::new(doc, &columns, 7.4, title);
    for (target, tables) in by_target(tables) {
        let all: Vec<(u32, u32)> = tables.iter().flat_map(|table| of(table)).collect();
        let seconds = all.iter().map(|(from, to)| u64::from(to - from)).sum();
        let edge = |at: Option<u32>| line(at.map_or_else(String::new, words::instant));
        grid.row(
            doc,
            &[
                line(target.account_id.as_str()),
                line(target.region.as_str()),
                line(grouped(tables.len())),
                line(grouped(all.len())),
                line(words::length(seconds)),
                edge(all.iter().map(|(from, _)| *from).min()),
                edge(all.iter().map(|(_, to)| *to).max()),
            ],
        );
    }
}

fn by_target<'t>(tables: &[&'t TableProof]) -> BTreeMap<&'t TargetId, Vec<&'t TableProof>> {
    let mut groups: BTreeMap<&TargetId, Vec<&TableProof>> = BTreeMap::new();
    for table in tables {
        groups.entry(&table.target).or_default().push(table);
    }
    groups
}

/// Rows of the heat map: one for each table, or one for tables of the same verdict and the same days; and the tables for
/// which there is no row any more.
pub(super) fn rows<'t>(tables: &[&'t TableProof]) -> (Vec<Vec<&'t TableProof>>, Vec<&'t TableProof>) {
    if tables.len() <= DRAWN {
        return (tables.iter().map(|table| vec![*table]).collect(), Vec::new());
    }
    let mut places: HashMap<(&str, bool, String), usize> = HashMap::new();
    let mut rows: Vec<Vec<&TableProof>> = Vec::new();
    for table in tables {
        let place = *places
            .entry((table.proof.as_str(), table.is_waived, words::day_letters(table)))
            .or_insert(rows.len());
        match rows.get_mut(place) {
            Some(row) => row.push(table),
            None => rows.push(vec![table]),
        }
    }
    let rest = rows.split_off(DRAWN.min(rows.len()));
    (rows, rest.concat())
}

/// How the heat map calls the tables of a row.
pub(super) fn name(tables: &[&TableProof]) -> String {
    match tables {
        [] => String::new(),
        [one] => one.table_name.clone(),
        [first, more @ ..] => format!("{} and {} more", first.table_name, grouped(more.len())),
    }
}

/// The figure of the table that has the lowest.
pub(super) fn lowest(tables: &[&TableProof], of: impl Fn(&TableProof) -> Option<f64>) -> Option<f64> {
    tables.iter().filter_map(|table| of(table)).min_by(f64::total_cmp)
}

/// So many of each verdict.
pub(super) fn verdicts(tables: &[&TableProof]) -> String {
    let count = |proof: Proof| tables.iter().filter(|table| table.proof == proof).count();
    let all = [
        Proof::Exposed,
        Proof::NotObserved,
        Proof::Promised,
        Proof::Proven,
        Proof::Exempt,
    ];
    let some = all.into_iter().filter(|proof| count(*proof) > 0);
    some.map(|proof| format!("{} {}", grouped(count(proof)), proof.words()))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Failed jobs and missed runs of the same account and Region, with the same end and cause.
pub(super) fn failed_runs(doc: &mut Doc<'_>, tables: &[&TableProof]) {
    type Alike<'t> = (&'t TargetId, &'t str, String);
    let mut groups: BTreeMap<Alike<'_>, (Vec<&FailedRun>, usize)> = BTreeMap::new();
    for table in tables {
        let mut seen: Vec<(&str, String)> = Vec::new();
        for run in &table.failed_runs {
            // Its own ARN in the cause would make each cause another one.
            let alike = (run.state.as_str(), run.cause.replace(&table.table_arn, "the table"));
            let (runs, tables) = groups.entry((&table.target, alike.0, alike.1.clone())).or_default();
            runs.push(run);
            if !seen.contains(&alike) {
                seen.push(alike);
                *tables += 1;
            }
        }
    }
    let mut groups: Vec<(Alike<'_>, (Vec<&FailedRun>, usize))> = groups.into_iter().collect();
    groups.sort_by_key(|(_, (runs, _))| std::cmp::Reverse(runs.len()));
    let left: usize = groups.iter().skip(WORST).map(|(_, (runs, _))| runs.len()).sum();
    doc.paragraph(
        CELL,
        "Those of one account and Region that ended alike are one row; attestation-jobs.csv has each.",
    );
    doc.y += SMALL_GAP;
    let columns = [
        Column::new("Account and Region", 110.0),
        Column::new("What", 184.0),
        Column::number("How many", 50.0),
        Column::number("Tables", 44.0),
        Column::new("First and last", 96.0),
    ];
    let mut grid = Table::new(doc, &columns, 7.4, "Failed jobs and missed runs");
    for ((target, state, cause), (runs, tables)) in groups.into_iter().take(WORST) {
        let moments = || runs.iter().map(|run| run.at);
        let edges = moments().min().into_iter().chain(moments().max());
        let what = [state.to_owned(), cause].into_iter().filter(|text| !text.is_empty());
        let cells = [
            line(target.to_string()),
            what.map(|text| Para::new(CELL, text)).collect::<Vec<Para<'_>>>(),
            line(grouped(runs.len())),
            line(grouped(tables)),
            edges.map(|at| Para::new(CELL, words::instant(at))).collect(),
        ];
        grid.row(doc, &cells);
    }
    if left > 0 {
        doc.paragraph(CELL, &format!("{} more ended in other ways.", grouped(left)));
    }
}

/// A waiver with the tables that it was in force for.
pub(super) type Waived<'t> = (&'t WaiverTerm, Vec<&'t TableProof>);

/// Waivers with the tables that they were in force for.
pub(super) fn waivers<'t>(tables: &[&'t TableProof]) -> Vec<Waived<'t>> {
    let mut groups: BTreeMap<(&str, &str, u32, u32), Waived<'_>> = BTreeMap::new();
    for table in tables {
        for term in &table.waivers {
            let alike = (term.id.as_str(), term.rule.as_str(), term.from, term.to);
            groups.entry(alike).or_insert((term, Vec::new())).1.push(table);
        }
    }
    groups.into_values().collect()
}

/// In place of the list of every table: their figures by account and Region.
pub(super) fn by_place(doc: &mut Doc<'_>, attestation: &Attestation) {
    let columns = [
        Column::new("Account", 90.0),
        Column::new("Region", 80.0),
        Column::number("Tables", 46.0),
        Column::number("Exposed", 46.0),
        Column::number("of these waived", 50.0),
        Column::number("Not observed in part", 56.0),
        Column::number("By promise in part", 52.0),
        Column::number("Proven", 46.0),
        Column::number("Exempt", 46.0),
        Column::number("Covered, of observed", 60.0),
        Column::number("Covered, of all", 54.0),
        Column::number("Exposures", 48.0),
        Column::number("Points made", 56.0),
        Column::number("Failed or missed", 50.0),
    ];
    let mut grid = Table::new(doc, &columns, 6.6, "Every account and Region");
    let tables: Vec<&TableProof> = attestation.tables.iter().collect();
    for (target, tables) in by_target(&tables) {
        let sum = |of: &dyn Fn(&TableProof) -> u64| tables.iter().map(|table| of(table)).sum::<u64>();
        let count = |of: &dyn Fn(&TableProof) -> usize| grouped(tables.iter().map(|table| of(table)).sum());
        let is = |proof: Proof| count(&move |table: &TableProof| usize::from(table.proof == proof));
        let covered = sum(&|table| table.history.covered.seconds());
        let observed = covered + sum(&|table| table.history.exposed.seconds());
        let promised = sum(&|table| table.history.promised.seconds());
        let all = observed + promised + sum(&|table| table.history.not_observed.seconds());
        let cells = [
            target.account_id.clone(),
            target.region.clone(),
            grouped(tables.len()),
            is(Proof::Exposed),
            count(&|table| usize::from(table.is_waived)),
            is(Proof::NotObserved),
            is(Proof::Promised),
            is(Proof::Proven),
            is(Proof::Exempt),
            words::percent(percent(covered, observed)),
            words::percent(percent(covered, all)),
            count(&|table| table.exposures.len()),
            count(&|table| table.points),
            count(&|table| table.failed_runs.len()),
        ];
        grid.row(doc, &cells.map(line));
    }
}

/// What is said where rows are left out.
pub(super) fn written(written: usize, all: usize, what: &str, file: &str) -> String {
    format!(
        "{} of {} {what} are written out, those with the longest; the others follow by account and Region, and {file} has every \
         row.",
        grouped(written),
        plural(all, "table")
    )
}
