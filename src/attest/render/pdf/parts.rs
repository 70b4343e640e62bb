//! The parts between the heat map and the list of tables.

use std::collections::{BTreeMap, BTreeSet};

use super::many;
use crate::attest::render::words;
use crate::attest::{Attestation, TableProof, WaiverTerm};
use crate::domain::{TargetId, rfc3339};
use crate::facts::rpo_over_time::Spans;
use crate::render::pdf::doc::{BODY, CELL, Doc, GAP, MONO, MUTED, SMALL_GAP};
use crate::render::pdf::table::{Column, Para, Table};
use crate::render::pdf::text::{grouped, plural};

fn line<'t>(text: impl Into<std::borrow::Cow<'t, str>>) -> Vec<Para<'t>> {
    vec![Para::new(CELL, text)]
}

/// Tables that were made anew under an old name: their ids tell them apart.
struct Names<'t>(BTreeSet<&'t str>);

impl<'t> Names<'t> {
    fn of(tables: &[&'t TableProof]) -> Self {
        let mut seen = BTreeSet::new();
        let arns = tables.iter().map(|table| table.table_arn.as_str());
        Self(arns.filter(|arn| !seen.insert(*arn)).collect())
    }

    /// Names and place of the tables of a row, which are in one place, and ids where the names are not enough.
    fn cell(&self, tables: &[&'t TableProof]) -> Vec<Para<'t>> {
        let name = |table: &&TableProof| match &table.table_id {
            Some(id) if self.0.contains(table.table_arn.as_str()) => format!("{} (id {id})", table.table_name),
            _ => table.table_name.clone(),
        };
        let names: Vec<String> = tables.iter().map(name).collect();
        let mut place = tables
            .first()
            .map_or_else(String::new, |table| table.target.to_string());
        if tables.len() > 1 {
            place = format!("{}, {place}", plural(tables.len(), "table"));
        }
        vec![
            Para::new(CELL.bold(), names.join(", ")),
            Para::new(CELL.colour(MUTED), place),
        ]
    }
}

/// Tables of one account and Region of which all the same is to be said stand in one row, at the place of the first.
fn alike<K: Ord>(tables: Vec<&TableProof>, said: impl Fn(&TableProof) -> K) -> Vec<Vec<&TableProof>> {
    let mut places: BTreeMap<(&TargetId, K), usize> = BTreeMap::new();
    let mut rows: Vec<Vec<&TableProof>> = Vec::new();
    for table in tables {
        let place = *places.entry((&table.target, said(table))).or_insert(rows.len());
        match rows.get_mut(place) {
            Some(row) => row.push(table),
            None => rows.push(vec![table]),
        }
    }
    rows
}

/// What a length or a number is that belongs to each table of a row.
fn of_each(mut cell: Vec<Para<'static>>, tables: &[&TableProof]) -> Vec<Para<'static>> {
    if tables.len() > 1 {
        cell.push(Para::new(CELL.colour(MUTED), "each"));
    }
    cell
}

/// Intervals of one table that are written out; attestation-intervals.csv has all.
const WRITTEN: usize = 6;

/// How many there are, how long they are together, and the first ones.
fn intervals(all: &[(u32, u32)]) -> [Vec<Para<'static>>; 3] {
    let mut lines = Vec::new();
    for (from, to) in all.iter().take(WRITTEN) {
        let length = words::length(u64::from(to - from));
        lines.push(Para::new(
            CELL,
            format!("{} to {}, {length}", words::instant(*from), words::instant(*to)),
        ));
    }
    if let (true, Some((_, last))) = (all.len() > WRITTEN, all.last()) {
        let more = format!(
            "and {} more, up to {}",
            grouped(all.len() - WRITTEN),
            words::instant(*last)
        );
        lines.push(Para::new(CELL.colour(MUTED), more));
    }
    let seconds = all.iter().map(|(from, to)| u64::from(to - from)).sum();
    [line(grouped(all.len())), line(words::length(seconds)), lines]
}

/// Every exposure.
pub(super) fn exposures(doc: &mut Doc<'_>, tables: &[&TableProof]) {
    doc.part("Exposures", false);
    if tables.iter().all(|table| table.exposures.is_empty()) {
        doc.paragraph(BODY, "None was found.");
        return;
    }
    let text = format!(
        "At every moment of these intervals the newest good recovery point was older than the RPO, or there was none. The \
         first {WRITTEN} of each table are written out; attestation-intervals.csv has all."
    );
    doc.paragraph(BODY, &text);
    let exposed: Vec<&TableProof> = tables
        .iter()
        .copied()
        .filter(|table| !table.exposures.is_empty())
        .collect();
    let all = exposed.len();
    let (exposed, others) = many::worst(exposed, |table| table.history.exposed.seconds());
    if !others.is_empty() {
        let text = many::written(exposed.len(), all, "with exposures", "attestation-intervals.csv");
        doc.paragraph(BODY, &text);
    }
    doc.y += SMALL_GAP;
    let columns = [
        Column::new("Table", 126.0),
        Column::number("Exposures", 50.0),
        Column::new("In all", 46.0),
        Column::new("Intervals, and failed jobs beside each", 220.0),
        Column::new("Waivers", 60.0),
    ];
    let mut grid = Table::new(doc, &columns, 7.4, "Exposures");
    let intervals_of = |table: &TableProof| -> Vec<(u32, u32)> {
        let all = table.exposures.iter();
        all.map(|exposure| (exposure.from, exposure.to)).collect()
    };
    let names = Names::of(tables);
    let said = |table: &TableProof| {
        let causes = table.exposures.iter().map(|exposure| words::cause(table, exposure));
        (intervals_of(table), causes.collect::<Vec<_>>(), waivers_of(table))
    };
    for row in alike(exposed, said) {
        let [number, length, lines] = intervals(&intervals_of(row[0]));
        let lines = with_causes(row[0], lines);
        let cells = [
            names.cell(&row),
            number,
            of_each(length, &row),
            lines,
            line(waivers_of(row[0])),
        ];
        grid.row(doc, &cells);
    }
    many::others(doc, "Exposures of other tables", &others, intervals_of);
}

/// The cause below each interval, where it is another than that of the one before.
fn with_causes(table: &TableProof, lines: Vec<Para<'static>>) -> Vec<Para<'static>> {
    let mut exposures = table.exposures.iter().take(WRITTEN);
    let mut last = String::new();
    let mut all = Vec::new();
    for written in lines {
        all.push(written);
        let cause = exposures.next().map(|exposure| words::cause(table, exposure));
        if let Some(cause) = cause.filter(|cause| *cause != last) {
            all.push(Para::new(CELL.colour(MUTED), cause.clone()));
            last = cause;
        }
    }
    all
}

/// Which waivers accept how many of a table's exposures.
fn waivers_of(table: &TableProof) -> String {
    let mut ids: Vec<&str> = table
        .exposures
        .iter()
        .flat_map(|exposure| exposure.waivers.iter().map(String::as_str))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let accepted = table
        .exposures
        .iter()
        .filter(|exposure| !exposure.waivers.is_empty())
        .count();
    match accepted {
        0 => "none".to_owned(),
        all if all == table.exposures.len() => ids.join(", "),
        some => format!("{}, for {} of them", ids.join(", "), grouped(some)),
    }
}

/// Every interval that rests on a promise.
pub(super) fn promised(doc: &mut Doc<'_>, attestation: &Attestation, tables: &[&TableProof]) {
    let Some(line) = words::by_promise(attestation) else {
        return;
    };
    doc.part("Covered by promise", false);
    let text = format!("{line} The first {WRITTEN} of each table are written out; attestation-intervals.csv has all.");
    doc.paragraph(BODY, &text);
    let promised = |table: &&TableProof| !table.history.promised.is_empty();
    let tables = tables.iter().copied().filter(promised).collect();
    let titles = ["Covered by promise", "Covered by promise of other tables"];
    of_state(doc, titles, tables, |table| &table.history.promised);
}

/// Tables with intervals of one state: all of them, or those with the longest, and then the others as groups.
fn of_state(
    doc: &mut Doc<'_>,
    [title, of_others]: [&'static str; 2],
    tables: Vec<&TableProof>,
    of: impl Fn(&TableProof) -> &Spans,
) {
    let (all, names) = (tables.len(), Names::of(&tables));
    let (tables, others) = many::worst(tables, |table| of(table).seconds());
    if !others.is_empty() {
        let text = many::written(tables.len(), all, "with such times", "attestation-intervals.csv");
        doc.paragraph(BODY, &text);
    }
    doc.y += SMALL_GAP;
    let columns = [
        Column::new("Table", 180.0),
        Column::number("Intervals", 48.0),
        Column::new("In all", 60.0),
        Column::new("From and to", 214.0),
    ];
    let mut grid = Table::new(doc, &columns, 7.4, title);
    let intervals_of = |table: &TableProof| of(table).iter().collect::<Vec<_>>();
    for row in alike(tables, intervals_of) {
        let [number, length, lines] = intervals(&intervals_of(row[0]));
        grid.row(doc, &[names.cell(&row), number, of_each(length, &row), lines]);
    }
    many::others(doc, of_others, &others, intervals_of);
}

/// Every interval of which nothing is known, and tables that no pack lists.
pub(super) fn not_observed(doc: &mut Doc<'_>, attestation: &Attestation, tables: &[&TableProof]) {
    doc.part("Not observed", false);
    let blank: Vec<&TableProof> = tables
        .iter()
        .copied()
        .filter(|table| !table.history.not_observed.is_empty())
        .collect();
    if blank.is_empty() {
        doc.paragraph(
            BODY,
            "The evidence has an answer for every moment of every table's life in the period.",
        );
    } else {
        let text = format!(
            "For these times the evidence shows neither that a good recovery point was within the RPO nor that none was: no \
             pack reaches them, something could not be read, the policy changed, or the table may have been gone. The first \
             {WRITTEN} of each table are written out; attestation-intervals.csv has all."
        );
        doc.paragraph(BODY, &text);
        of_state(doc, ["Not observed", "Not observed of other tables"], blank, |table| {
            &table.history.not_observed
        });
    }
    if attestation.unlisted.is_empty() {
        return;
    }
    doc.heading("Tables that no pack lists", 60.0);
    doc.paragraph(
        BODY,
        "Recovery points or jobs of the period speak of these tables. They lived and were gone between two packs or before \
         the first one, also under the name of a table that was made anew since, or lived where tables could not be listed; \
         nothing else is known of them.",
    );
    doc.y += SMALL_GAP;
    let columns = [
        Column::new("Table", 310.0),
        Column::new("First trace", 96.0),
        Column::new("Last trace", 96.0),
    ];
    let mut grid = Table::new(doc, &columns, 7.4, "Tables that no pack lists");
    for table in attestation.unlisted.iter().take(many::MOST) {
        grid.row(
            doc,
            &[
                line(table.table_arn.as_str()),
                line(rfc3339(table.first)),
                line(rfc3339(table.last)),
            ],
        );
    }
    if let Some(more) = attestation
        .unlisted
        .len()
        .checked_sub(many::MOST)
        .filter(|more| *more > 0)
    {
        doc.paragraph(BODY, &format!("And {} more; attestation.json has all.", grouped(more)));
    }
}

/// Jobs that made no recovery point, and runs that never started.
pub(super) fn failed_runs(doc: &mut Doc<'_>, tables: &[&TableProof]) {
    doc.part("Failed jobs and missed runs", false);
    if tables.iter().all(|table| table.failed_runs.is_empty()) {
        doc.paragraph(BODY, "None is known.");
        return;
    }
    if tables.iter().map(|table| table.failed_runs.len()).sum::<usize>() > many::MOST {
        return many::failed_runs(doc, tables);
    }
    let columns = [
        Column::new("Table", 150.0),
        Column::new("What", 170.0),
        Column::new("When", 94.0),
        Column::new("What followed", 88.0),
    ];
    doc.paragraph(
        BODY,
        "Those of one table that ended alike are one row; attestation-jobs.csv has each.",
    );
    doc.y += SMALL_GAP;
    let mut grid = Table::new(doc, &columns, 7.4, "Failed jobs and missed runs");
    let names = Names::of(tables);
    for table in tables {
        for alike in words::alike(table.failed_runs.iter()) {
            let followed = alike
                .runs
                .last()
                .map(|run| words::what_followed(run))
                .unwrap_or_default();
            let cells = [
                names.cell(&[*table]),
                line(alike.words()),
                line(words::when(&alike.runs)),
                line(followed),
            ];
            grid.row(doc, &cells);
        }
    }
}

/// What changed in the policy, and the waivers that were in force.
pub(super) fn policy(doc: &mut Doc<'_>, attestation: &Attestation, tables: &[&TableProof]) {
    doc.part("Policy and waivers", false);
    in_full(doc, attestation);
    doc.heading("Changes of the policy", 40.0);
    if attestation.changes.is_empty() {
        doc.paragraph(BODY, "None: every pack shows the same.");
    } else {
        let columns = [
            Column::new("What", 90.0),
            Column::new("Changed between", 104.0),
            Column::new("Before", 154.0),
            Column::new("Now", 154.0),
        ];
        let mut grid = Table::new(doc, &columns, 7.4, "Changes of the policy");
        for change in &attestation.changes {
            let when = vec![
                Para::new(CELL, rfc3339(change.after)),
                Para::new(CELL, rfc3339(change.by)),
            ];
            let (what, before, now) = (change.what.as_str(), change.before.as_str(), change.now.as_str());
            grid.row(doc, &[line(what), when, line(before), line(now)]);
        }
    }
    doc.y += GAP;
    doc.heading("Waivers in force", 40.0);
    if tables.iter().all(|table| table.waivers.is_empty()) {
        doc.paragraph(BODY, "None for any table of the period.");
        return;
    }
    let columns = [
        Column::new("Table", 130.0),
        Column::new("Waiver", 130.0),
        Column::new("In force", 92.0),
        Column::new("Why, and by whom", 150.0),
    ];
    let mut grid = Table::new(doc, &columns, 7.4, "Waivers in force");
    let are_counted = tables.iter().map(|table| table.waivers.len()).sum::<usize>() > many::MOST;
    let names = Names::of(tables);
    for (term, of) in many::waivers(tables) {
        if are_counted {
            grid.row(doc, &waiver(line(plural(of.len(), "table")), term));
            continue;
        }
        for row in alike(of, |_| ()) {
            grid.row(doc, &waiver(names.cell(&row), term));
        }
    }
}

/// Policies that are printed whole; attestation-policy.csv has all.
const POLICIES: usize = 3;

/// What a good recovery point was and how old it might be, whole, with where each value comes from.
fn in_full(doc: &mut Doc<'_>, attestation: &Attestation) {
    let columns = [
        Column::new("What", 130.0),
        Column::new("Value", 252.0),
        Column::new("Where it comes from", 120.0),
    ];
    for policy in attestation.policies.iter().rev().take(POLICIES).rev() {
        doc.heading("The policy", 60.0);
        let when = match policy.packs {
            1 => format!("The pack of {} shows it.", rfc3339(policy.from)),
            packs => format!(
                "{} show it, from {} to {}.",
                plural(packs, "pack"),
                rfc3339(policy.from),
                rfc3339(policy.to)
            ),
        };
        doc.paragraph(BODY, &when);
        doc.y += SMALL_GAP;
        let mut grid = Table::new(doc, &columns, 7.4, "The policy");
        grid.is_tight = true;
        for value in &policy.values {
            let (what, said, origin) = (value.what.as_str(), value.value.as_str(), value.origin.as_str());
            grid.row(doc, &[line(what), line(said), line(origin)]);
        }
        doc.y += GAP;
    }
    if let Some(more) = attestation
        .policies
        .len()
        .checked_sub(POLICIES)
        .filter(|more| *more > 0)
    {
        let text = format!(
            "{} earlier: attestation-policy.csv has all.",
            crate::problem::count(more, "policy")
        );
        doc.paragraph(BODY, &text);
    }
}

fn waiver<'t>(tables: Vec<Para<'t>>, term: &'t WaiverTerm) -> [Vec<Para<'t>>; 4] {
    let who = format!("asked for by {}, approved by {}", term.requester, term.approver);
    let mut why = vec![
        Para::new(CELL, term.reason.as_str()),
        Para::new(CELL.colour(MUTED), who),
    ];
    why.extend(words::back_dated(term).map(|note| Para::new(CELL.bold(), note)));
    [
        tables,
        vec![
            Para::new(CELL.bold(), term.id.as_str()),
            Para::new(CELL.colour(MUTED), term.rule.as_str()),
        ],
        vec![
            Para::new(CELL, words::instant(term.from)),
            Para::new(CELL, words::instant(term.to)),
        ],
        why,
    ]
}

/// Restores made in the period to prove that they work; nothing where the scans were given none.
pub(super) fn drills(doc: &mut Doc<'_>, attestation: &Attestation) {
    if attestation.drills.is_empty() {
        return;
    }
    doc.part("Restore drills", false);
    let text = "Restores made in the period to prove that they work, as the scans of the packs counted them, by table, then time. \
                No verdict of this document rests on them.";
    doc.paragraph(BODY, text);
    doc.y += SMALL_GAP;
    let columns = [
        Column::new("Table", 190.0),
        Column::new("When", 92.0),
        Column::new("What it showed, and the pack of the drill", 220.0),
    ];
    let mut grid = Table::new(doc, &columns, 7.4, "Restore drills");
    for drill in attestation.drills.iter().take(many::MOST) {
        let mono = crate::render::pdf::page::Style { size: 6.6, ..MONO };
        let pack = format!("drill {} of run {}", drill.number, drill.run_id);
        let showed = vec![
            Para::new(CELL, words::drill(drill)),
            Para::new(CELL.colour(MUTED), pack),
            Para::new(mono, drill.manifest_sha256.as_str()),
        ];
        grid.row(
            doc,
            &[line(drill.table_arn.as_str()), line(rfc3339(drill.tested_at)), showed],
        );
    }
    if let Some(more) = attestation
        .drills
        .len()
        .checked_sub(many::MOST)
        .filter(|more| *more > 0)
    {
        doc.paragraph(BODY, &format!("And {} more; attestation.json has all.", grouped(more)));
    }
}

/// Accounts, Regions and packs.
pub(super) fn scope(doc: &mut Doc<'_>, attestation: &Attestation) {
    doc.part("Scope and packs", false);
    doc.heading("Accounts and Regions", 60.0);
    if attestation.regions_unknown {
        let style = BODY.bold().colour(doc.template.colours.unknown);
        let text =
            "At least one pack could not tell which Regions are enabled: others may hold tables that nobody looked at.";
        doc.paragraph(style, text);
        doc.y += SMALL_GAP;
    }
    let columns = [
        Column::new("Account", 90.0),
        Column::new("Region", 90.0),
        Column::number("Tables", 50.0),
        Column::number("Packs", 50.0),
        Column::number("that list all tables", 60.0),
        Column::new("Tables not known for", 66.0),
        Column::new("Every recovery point is known for", 96.0),
    ];
    let mut grid = Table::new(doc, &columns, 7.4, "Accounts and Regions");
    for target in &attestation.targets {
        grid.row(
            doc,
            &[
                line(target.target.account_id.as_str()),
                line(target.target.region.as_str()),
                line(grouped(target.tables)),
                line(grouped(target.packs)),
                line(grouped(target.listed)),
                line(match target.unlisted_seconds {
                    0 => "none of it".to_owned(),
                    seconds => words::length(seconds),
                }),
                line(words::length(target.observed_seconds)),
            ],
        );
    }
    doc.y += GAP;
    packs(doc, attestation);
}

fn packs(doc: &mut Doc<'_>, attestation: &Attestation) {
    doc.heading("Evidence packs", 60.0);
    let text = format!(
        "{}, in order of time. The digest is that of manifest.json, which names the digest of every other file.",
        plural(attestation.packs.len(), "pack")
    );
    doc.paragraph(BODY, &text);
    doc.y += SMALL_GAP;
    let columns = [
        Column::new("As of", 88.0),
        Column::new("Scan, SHA-256 of the manifest, caller", 300.0),
        Column::number("Tables", 50.0),
        Column::number("Pairs with gaps", 64.0),
    ];
    let mut grid = Table::new(doc, &columns, 7.4, "Evidence packs");
    for pack in &attestation.packs {
        let mono = crate::render::pdf::page::Style { size: 6.6, ..MONO };
        let mut names = vec![
            Para::new(mono, pack.scan_id.as_str()),
            Para::new(mono, pack.manifest_sha256.as_str()),
            Para::new(CELL.colour(MUTED), pack.caller_arn.as_str()),
        ];
        let place = words::place(pack, attestation);
        if !place.is_empty() {
            names.push(Para::new(CELL.colour(MUTED), place));
        }
        let signers = match words::signers(pack) {
            none if none.is_empty() => "not signed".to_owned(),
            some => format!("signed by {}", some.join("; ")),
        };
        names.push(Para::new(CELL.colour(MUTED), signers));
        let gaps = format!("{} of {}", pack.targets_with_gaps, pack.targets);
        let tables = usize::try_from(pack.tables).unwrap_or(usize::MAX);
        grid.row(
            doc,
            &[line(rfc3339(pack.as_of)), names, line(grouped(tables)), line(gaps)],
        );
    }
}
