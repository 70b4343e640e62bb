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
        let changes: Vec<&Change> = diff.of(kind).filter(|change| !is_advised(change)).collect();
        if changes.is_empty() {
            continue;
        }
        out.push_str(&format!("\n{} ({})\n", kind.title(), changes.len()));
        if COUNTED.contains(&kind) && !all {
            out.push_str("  named with `--all`\n");
            continue;
        }
        for group in changes.chunk_by(|a, b| a.what == b.what) {
            out.push_str(&group_text(diff, group));
        }
    }
    out.push_str(&advised_text(diff, all));
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

/// Does it only advise?
fn is_advised(change: &Change) -> bool {
    change.level == Some(Level::Advised)
}

/// What advises only: a line for each kind with the rules and how often, or with `all` each change.
fn advised_text(diff: &Diff, all: bool) -> String {
    let mut out = String::new();
    for kind in Kind::ALL.into_iter().filter(|kind| all || !COUNTED.contains(kind)) {
        let changes: Vec<&Change> = diff.of(kind).filter(|change| is_advised(change)).collect();
        if changes.is_empty() {
            continue;
        }
        let groups = || changes.chunk_by(|a, b| a.what == b.what);
        if all {
            out.push_str(&format!("  {} ({})\n", kind.title(), changes.len()));
            out.extend(groups().map(|group| group_text(diff, group)));
        } else {
            let rules = groups().map(|group| format!("{} {}", group.len(), one_line(&group[0].what)));
            let rules = rules.collect::<Vec<_>>().join(", ");
            out.push_str(&format!("  {} ({}): {rules}\n", kind.title(), changes.len()));
        }
    }
    match out.is_empty() {
        true => out,
        false if all => format!("\nAdvised, in no exit code\n{out}"),
        false => format!("\nAdvised, in no exit code; named with `--all`\n{out}"),
    }
}

/// The changes of one rule, or of one setting.
fn group_text(diff: &Diff, group: &[&Change]) -> String {
    let severity = match (group[0].severity, group[0].level) {
        (Some(severity), Some(Level::Advised)) => format!(" ({severity}, advised)"),
        (Some(severity), _) => format!(" ({severity})"),
        (None, _) => String::new(),
    };
    let mut out = format!("  {}{severity}: {}\n", one_line(&group[0].what), group.len());
    for change in group {
        out.push_str(&format!("    {}\n", one_line(&line(diff, change))));
    }
    out
}

fn line(diff: &Diff, change: &Change) -> String {
    let place = if change.subject == Some(Subject::Target) {
        String::new()
    } else {
        place(diff, change)
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

/// Where it is, after a blank: the account's id, its name where it is known, and the Region; nothing for criteria.
fn place(diff: &Diff, change: &Change) -> String {
    let (id, region) = (&change.target.account_id, &change.target.region);
    match diff.account_names.get(id) {
        _ if id.is_empty() => String::new(),
        Some(name) => format!(" ({id} {name}, {region})"),
        None => format!(" ({id}, {region})"),
    }
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
        let changes: Vec<&Change> = diff.of(kind).filter(|change| !is_advised(change)).collect();
        out.push_str(&markdown_table(diff, kind.title(), &changes));
    }
    if all {
        for kind in Kind::ALL {
            let changes: Vec<&Change> = diff.of(kind).filter(|change| is_advised(change)).collect();
            let title = format!("Advised, in no exit code: {}", kind.title().to_lowercase());
            out.push_str(&markdown_table(diff, &title, &changes));
        }
    } else {
        let advised = advised_text(diff, false);
        let mut lines = advised.trim().lines().map(|line| escape(line.trim()));
        if let Some(title) = lines.next() {
            let lines: String = lines.map(|line| format!("- {line}\n")).collect();
            out.push_str(&format!("\n## {title}\n\n{lines}"));
        }
    }
    out
}

/// Changes of one kind; nothing where there is none.
fn markdown_table(diff: &Diff, title: &str, changes: &[&Change]) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "\n## {title} ({})\n\n| what | where | before | now | |\n|---|---|---|---|---|\n",
        changes.len()
    );
    for change in changes {
        let place = format!("{}{}", change.name, place(diff, change));
        let cells = [&change.what, &place, &change.before, &change.after, &change.message];
        let cells: Vec<String> = cells.iter().map(|cell| escape(cell)).collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out
}
