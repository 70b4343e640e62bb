//! A [`Diff`] as text, JSON, CSV and Markdown: the same changes in the same order in each.

use serde_json::{Value, json};

use super::{ABSENT, Change, Diff, Kind, Source};
use crate::domain::{Level, Subject, rfc3339};
use crate::problem::count;
use crate::text::{csv_cell, markdown as escape, one_line};

/// Raised whenever a field of the JSON is removed or changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// Kinds that text only counts unless all is asked for: they say what did not change, or what another line says already.
const COUNTED: [Kind; 3] = [Kind::Gone, Kind::StillFailing, Kind::StillUnknown];

/// For people; `all` names also what stayed as it was.
pub(crate) fn text(diff: &Diff, all: bool) -> String {
    let mut out = String::new();
    for (name, source) in [("older", &diff.older), ("newer", &diff.newer)] {
        out.push_str(&format!("{name}: {}\n", source_line(source)));
    }
    out.push_str(&format!("both judged by {}\n", diff.judged_by));
    if !diff.criteria_compared {
        out.push_str("criteria of then and now not compared: the older one is no pack, which would name its own\n");
    }
    for kind in Kind::ALL {
        let number = diff.count(kind);
        if number == 0 {
            continue;
        }
        out.push_str(&format!("\n{} ({number})\n", kind.title()));
        if COUNTED.contains(&kind) && !all {
            out.push_str("  named with `--all`\n");
            continue;
        }
        let changes: Vec<&Change> = diff.of(kind).collect();
        for group in changes.chunk_by(|a, b| a.what == b.what && a.level == b.level) {
            out.push_str(&group_text(group));
        }
    }
    out.push_str(&format!("\n{}\n", closing(diff)));
    out
}

fn source_line(source: &Source) -> String {
    format!(
        "as of {}, {}, {}, scan {}",
        rfc3339(source.as_of),
        count(source.table_count, "table"),
        count(source.open_count, "open finding"),
        source.scan_id
    )
}

/// The changes of one rule, or of one setting.
fn group_text(group: &[&Change]) -> String {
    let severity = match (group[0].severity, group[0].level) {
        (Some(severity), Some(Level::Advised)) => format!(" ({severity}, advised)"),
        (Some(severity), _) => format!(" ({severity})"),
        (None, _) => String::new(),
    };
    let mut out = format!("  {}{severity}: {}\n", one_line(&group[0].what), group.len());
    for change in group {
        out.push_str(&format!("    {}\n", one_line(&line(change))));
    }
    out
}

fn line(change: &Change) -> String {
    let place = if change.target.account_id.is_empty() || change.subject == Some(Subject::Target) {
        String::new()
    } else {
        format!(" ({}, {})", change.target.account_id, change.target.region)
    };
    let name = match change.subject {
        Some(Subject::RecoveryPoint) => &change.arn,
        _ => &change.name,
    };
    let before = match (change.finding_id.is_some(), change.kind) {
        (true, Kind::StillFailing | Kind::StillUnknown | Kind::NewlyRequired) | (false, _) => String::new(),
        (true, _) => format!(", was {}", change.before),
    };
    format!("{name}{place}{before}: {}", change.message)
}

/// What follows, in one sentence.
fn closing(diff: &Diff) -> String {
    let newly_asked = diff.count(Kind::NewlyAsked);
    let numbers = [
        (&[Kind::NewlyFailing][..], "newly failing"),
        (&[Kind::NewlyAsked], "newly asked and failing"),
        (&[Kind::Weaker, Kind::PolicyWeaker], "weaker"),
        (
            &[Kind::BecameUnknown, Kind::NotObserved, Kind::AnswerLost],
            "not known any more",
        ),
        (&[Kind::Fixed], "fixed"),
        (&[Kind::StillFailing, Kind::NewlyRequired], "still failing"),
    ];
    let numbers: Vec<String> = numbers
        .iter()
        .filter(|(kinds, _)| newly_asked > 0 || **kinds != [Kind::NewlyAsked])
        .map(|(kinds, words)| {
            let of = || kinds.iter().flat_map(|kind| diff.of(*kind));
            match of().filter(|change| change.level == Some(Level::Advised)).count() {
                0 => format!("{} {words}", of().count()),
                advised => format!("{} {words} ({advised} of them advised)", of().count()),
            }
        })
        .collect();
    let verdict = match diff.exit() {
        crate::exit::Exit::NonCompliant => "something got worse",
        crate::exit::Exit::EvidenceMissing => "nothing got worse for certain, but something is not known any more",
        _ if [Kind::NewlyFailing, Kind::NewlyAsked, Kind::BecameUnknown]
            .iter()
            .any(|kind| diff.count(*kind) > 0) =>
        {
            "nothing that is required got worse"
        }
        _ => "nothing got worse",
    };
    format!("{}\n{verdict}", numbers.join(", "))
}

/// For programs.
pub(crate) fn json(diff: &Diff) -> String {
    let source = |source: &Source| {
        json!({
            "scan_id": source.scan_id,
            "as_of": rfc3339(source.as_of),
            "manifest_sha256": source.manifest_sha256,
            "table_count": source.table_count,
            "open_finding_count": source.open_count,
        })
    };
    let counts: serde_json::Map<String, Value> = Kind::ALL
        .into_iter()
        .map(|kind| (kind.as_str().to_owned(), json!(diff.count(kind))))
        .collect();
    let document = json!({
        "schema_version": SCHEMA_VERSION,
        "older": source(&diff.older),
        "newer": source(&diff.newer),
        "judged_by": diff.judged_by,
        "criteria_compared": diff.criteria_compared,
        "counts": counts,
        "changes": diff.changes.iter().map(change_json).collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&document).expect("plain values always have a JSON form");
    text + "\n"
}

fn change_json(change: &Change) -> Value {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let side = |side: &str| (side != ABSENT).then(|| side.to_owned());
    json!({
        "kind": change.kind.as_str(),
        "what": change.what,
        "subject": change.subject.map(Subject::as_str),
        "resource_arn": text(&change.arn),
        "resource_name": change.name,
        "account_id": text(&change.target.account_id),
        "region": text(&change.target.region),
        "finding_id": change.finding_id,
        "severity": change.severity.map(|severity| severity.as_str()),
        "level": change.level.map(Level::as_str),
        "before": side(&change.before),
        "after": side(&change.after),
        "message": change.message,
    })
}

/// The columns of the CSV, in order.
const HEAD: [&str; 13] = [
    "kind",
    "what",
    "severity",
    "subject",
    "account_id",
    "region",
    "resource_name",
    "resource_arn",
    "before",
    "after",
    "message",
    "finding_id",
    "level",
];

/// For spreadsheets: RFC 4180, no cell that would be run as a formula.
pub(crate) fn csv(diff: &Diff) -> String {
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    rows.extend(diff.changes.iter().map(|change| {
        vec![
            change.kind.as_str().to_owned(),
            change.what.clone(),
            change
                .severity
                .map_or_else(String::new, |severity| severity.to_string()),
            change.subject.map_or_else(String::new, |subject| subject.to_string()),
            change.target.account_id.clone(),
            change.target.region.clone(),
            csv_cell(&change.name),
            csv_cell(&change.arn),
            csv_cell(&change.before),
            csv_cell(&change.after),
            csv_cell(&change.message),
            change.finding_id.clone().unwrap_or_default(),
            change.level.map_or_else(String::new, |level| level.to_string()),
        ]
    }));
    crate::render::csv::rows_text(&rows)
}

/// For a pull request or a ticket.
pub(crate) fn markdown(diff: &Diff, all: bool) -> String {
    let mut out = format!(
        "# What changed\n\n- older: {}\n- newer: {}\n- both judged by {}\n\n{}\n",
        escape(&source_line(&diff.older)),
        escape(&source_line(&diff.newer)),
        escape(&diff.judged_by),
        closing(diff).replace('\n', ": "),
    );
    if !diff.criteria_compared {
        out.push_str(
            "\nCriteria of then and now were not compared: the older one is no pack, which would name its own.\n",
        );
    }
    for kind in Kind::ALL.into_iter().filter(|kind| all || !COUNTED.contains(kind)) {
        if diff.count(kind) == 0 {
            continue;
        }
        out.push_str(&format!(
            "\n## {} ({})\n\n| what | where | before | now | |\n|---|---|---|---|---|\n",
            kind.title(),
            diff.count(kind)
        ));
        for change in diff.of(kind) {
            let place = if change.target.account_id.is_empty() {
                change.name.clone()
            } else {
                format!(
                    "{} ({}, {})",
                    change.name, change.target.account_id, change.target.region
                )
            };
            let cells = [&change.what, &place, &change.before, &change.after, &change.message];
            let cells: Vec<String> = cells.iter().map(|cell| escape(cell)).collect();
            out.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    out
}
