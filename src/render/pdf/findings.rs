//! The findings: what is non-compliant, then what is unknown, rule by rule, the gravest rule first.

use std::collections::BTreeMap;

use super::doc::{BODY, CELL, Doc, FINE, GAP, Goal, LARGE_GAP, MUTED, SMALL, SMALL_GAP, TEXT, symbol, word};
use super::fonts::Face;
use super::page::Style;
use super::table::{Cell, Column, Para, Table};
use super::template::Section;
use super::text::{grouped, plural};
use crate::domain::{FactValue, Finding, Severity, Subject, Verdict};
use crate::report::{Report, Since};

/// The columns; the first is named after what the rule judges.
fn columns(subject: Subject) -> [Column; 3] {
    let first = match subject {
        Subject::Table => "Table",
        Subject::Vault => "Vault",
        Subject::Plan => "Plan",
        Subject::RecoveryPoint => "Recovery point",
        Subject::Target => "Account-Region pair",
        Subject::Waiver => "Waiver",
        Subject::Exemption => "Exemption",
    };
    [
        Column::new(first, 150.0),
        Column::new("Account and Region", 104.0),
        Column::new("Found, and the evidence for it", 250.0),
    ]
}

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Findings.title(), false);
    let index = Index::of(report);
    for (verdict, none) in [
        (Verdict::NonCompliant, "No finding is non-compliant."),
        (Verdict::Unknown, "No verdict is unknown."),
    ] {
        let groups = groups(report, verdict);
        let count: usize = groups.iter().map(|group| group.findings.len()).sum();
        intro(doc, report, verdict, count, none);
        for group in &groups {
            write_group(doc, group, verdict, &index);
        }
        doc.y += GAP;
    }
    doc.paragraph(
        SMALL,
        "Compliant and not applicable verdicts are counted in the summary; the machine-readable reports list each.",
    );
}

fn intro(doc: &mut Doc<'_>, report: &Report, verdict: Verdict, count: usize, none: &str) {
    let title = match verdict {
        Verdict::NonCompliant => "Non-compliant",
        _ => "Unknown",
    };
    // With the head and the first row of a rule below it, not alone at the foot of a sheet.
    doc.heading(title, if count == 0 { 30.0 } else { 170.0 });
    let text = match (count, verdict) {
        (0, _) if report.tables.is_empty() => "No table was judged, so there is no finding of any kind.".to_owned(),
        (0, _) => none.to_owned(),
        (_, Verdict::NonCompliant) => format!(
            "{}, by rule, the gravest first. Waived findings follow the open ones of their rule and are marked.",
            plural(count, "finding")
        ),
        _ => format!(
            "{} that evidence which could not be read, or which AWS's own answers leave open, would have to settle; each \
             says why. That says neither that the tables are backed up nor that they are not.",
            plural(count, "verdict")
        ),
    };
    doc.paragraph(BODY, &text);
    doc.y += SMALL_GAP;
}

/// What findings are looked up by.
struct Index<'r> {
    report: &'r Report,
    names: BTreeMap<&'r str, &'r str>,
}

impl<'r> Index<'r> {
    fn of(report: &'r Report) -> Self {
        let accounts = report.coverage.accounts.iter();
        let named = accounts.filter(|account| !account.name.is_empty());
        Self {
            report,
            names: named
                .map(|account| (account.account_id.as_str(), account.name.as_str()))
                .collect(),
        }
    }

    fn name(&self, account_id: &str) -> Option<&'r str> {
        self.names.get(account_id).copied()
    }

    /// The place of the finding's table in the report, if it is about one.
    fn row(&self, finding: &Finding) -> Option<usize> {
        let tables = &self.report.tables;
        let found = tables.binary_search_by(|table| table.table_arn.as_str().cmp(&finding.resource_arn));
        found.ok().filter(|_| finding.subject == Subject::Table)
    }
}

/// The findings of one rule with one verdict.
struct Group<'r> {
    rule: &'r str,
    title: &'r str,
    severity: Severity,
    findings: Vec<&'r Finding>,
}

/// Grave rules first, then by id; open findings before waived ones, else in the order of the report.
fn groups(report: &Report, verdict: Verdict) -> Vec<Group<'_>> {
    let mut by_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| finding.verdict == verdict) {
        by_rule.entry(&finding.rule).or_default().push(finding);
    }
    let mut groups: Vec<Group<'_>> = by_rule
        .into_iter()
        .map(|(rule, mut findings)| {
            findings.sort_by_key(|finding| finding.waived);
            let line = report.rules.iter().find(|line| line.id == rule);
            let severity = findings
                .iter()
                .map(|finding| finding.severity)
                .max()
                .unwrap_or(Severity::Low);
            Group {
                rule,
                title: line.map_or("", |line| line.title.as_str()),
                severity,
                findings,
            }
        })
        .collect();
    groups.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.rule.cmp(b.rule)));
    groups
}

fn write_group(doc: &mut Doc<'_>, group: &Group<'_>, verdict: Verdict, index: &Index<'_>) {
    let Some(first) = group.findings.first() else { return };
    let remedy = shared_remedy(&group.findings);
    let caption = format!("{}: {}", group.rule, word(verdict));
    let mut table = Table::new(doc, &columns(first.subject), CELL.size, &caption);
    let room = table.room_for(doc, &cells(doc, first, remedy.is_none(), index));
    group_head(doc, group, verdict, (remedy, room));
    for finding in &group.findings {
        table.row(doc, &cells(doc, finding, remedy.is_none(), index));
    }
    doc.y += LARGE_GAP;
}

/// The remedy, if all findings of the group have the same: then it is said once.
fn shared_remedy<'f>(findings: &[&'f Finding]) -> Option<&'f str> {
    let first = &*findings.first()?.remedy;
    findings
        .iter()
        .all(|finding| *finding.remedy == *first)
        .then_some(first)
}

/// What is said of a rule once; `room` is what must fit below it on the same sheet.
fn group_head(doc: &mut Doc<'_>, group: &Group<'_>, verdict: Verdict, (remedy, room): (Option<&str>, f32)) {
    let (left, width) = (doc.left(), doc.width());
    let colour = doc.colour_of(verdict);
    let name = Style {
        face: Face::Bold,
        size: 9.6,
        colour: TEXT,
    };
    let remedy = remedy
        .filter(|remedy| !remedy.is_empty())
        .map(|remedy| format!("Remedy: {remedy}."));
    let remedy = remedy.map(|text| text.replace("..", ".")).unwrap_or_default();
    let lines = doc.wrap(BODY, width - 12.0, group.title).len() + doc.wrap(BODY, width - 12.0, &remedy).len();
    let (waived, all) = (
        group.findings.iter().filter(|finding| finding.waived).count(),
        group.findings.len(),
    );
    let mut count = plural(all, "finding");
    if waived > 0 {
        count.push_str(&format!(", {} of them waived", grouped(waived)));
    }
    let tag = format!(
        "{} {} \u{b7} severity {} \u{b7} {count}",
        symbol(verdict),
        word(verdict),
        group.severity
    );
    let tag_style = SMALL.bold().colour(colour);
    // Beside the rule's id if there is room for both, else below it.
    let ids = doc.wrap(name, width - 12.0, group.rule);
    let beside = ids.len() == 1 && doc.measure(name, group.rule) + doc.measure(tag_style, &tag) + 30.0 < width;
    let head = ids.len() as f32 * name.leading() + if beside { 2.0 } else { 13.0 };
    doc.need(head + 3.0 + lines as f32 * BODY.leading() + SMALL_GAP + room);
    let top = doc.y;
    doc.mark(2, &format!("{} ({})", group.rule, grouped(all)));
    for (index, id) in ids.iter().enumerate() {
        doc.text(left + 12.0, top + 10.0 + index as f32 * name.leading(), name, id);
    }
    if beside {
        doc.text_to(left + width, top + 10.0, tag_style, &tag);
    } else {
        doc.text(left + 12.0, top + head - 4.0, tag_style, &tag);
    }
    doc.y = top + head;
    for (text, style) in [(group.title, BODY), (remedy.as_str(), BODY.colour(MUTED))] {
        if !text.is_empty() {
            doc.block(left + 12.0, width - 12.0, style, text);
        }
    }
    let bottom = doc.y;
    doc.page().fill_rect(left, top, 4.0, (bottom - top).max(0.0), colour);
    doc.y += SMALL_GAP;
}

fn cells<'f>(doc: &Doc<'_>, finding: &'f Finding, own_remedy: bool, index: &Index<'f>) -> [Cell<'f>; 3] {
    let small = CELL.colour(MUTED);
    let row = index.row(finding);
    let mut subject = vec![Para::new(CELL.bold(), finding.resource_name.as_str()).to(row.map(Goal::Table))];
    if finding.waived {
        let accent = doc.template.colours.accent;
        subject.push(Para::new(CELL.bold().colour(accent), "WAIVED"));
    }
    if index.report.since(finding) == Some(Since::New) {
        subject.push(Para::new(CELL.bold(), "NEW SINCE THE BASELINE"));
    }
    // A table's ARN is made of the name and the place beside it; nothing else has a name of its own.
    if finding.subject != Subject::Table && finding.resource_arn != finding.resource_name {
        subject.push(Para::new(FINE, finding.resource_arn.as_str()));
    }
    if !finding.id.is_empty() {
        let short: String = finding.id.chars().take(16).collect();
        let number = row.map_or_else(String::new, |row| format!("table {} \u{b7} ", grouped(row + 1)));
        subject.push(Para::new(FINE.colour(MUTED), format!("{number}finding {short}")));
    }
    let region = match index.name(&finding.target.account_id) {
        Some(name) => Para::new(CELL, format!("{} \u{b7} {name}", finding.target.region)),
        None => Para::new(CELL, finding.target.region.as_str()),
    };
    let place = vec![Para::new(CELL, finding.target.account_id.as_str()), region];
    let mut found = vec![Para::new(CELL, finding.message.as_str())];
    if own_remedy && !finding.remedy.is_empty() {
        found.push(Para::new(small, format!("Remedy: {}", finding.remedy)));
    }
    found.extend(evidence(doc, finding));
    [subject, place, found]
}

/// The facts that the rule read: those that are known with their values, then those that are not.
fn evidence<'f>(doc: &Doc<'_>, finding: &'f Finding) -> impl Iterator<Item = Para<'f>> {
    let value_of = |name: &str| {
        finding
            .evidence
            .iter()
            .find(|(fact, _)| fact == name)
            .map(|(_, value)| value)
    };
    // What was seen is said only where it differs from what is known of the whole.
    let is_said_already = |name: &str, value: &FactValue| {
        let whole = name.strip_suffix("_seen").and_then(value_of);
        whole == Some(value)
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (fact, value) in &finding.evidence {
        match value {
            _ if is_said_already(fact, value) => {}
            FactValue::Unknown => unknown.push(fact.to_string()),
            FactValue::Text(text) if text.is_empty() => known.push(format!("{fact} = none")),
            value => known.push(format!("{fact} = {value}")),
        }
    }
    let known = (!known.is_empty()).then(|| Para::new(FINE.colour(MUTED), known.join("; ")));
    let colour = doc.template.colours.unknown;
    let unknown =
        (!unknown.is_empty()).then(|| Para::new(FINE.colour(colour), format!("unknown: {}", unknown.join("; "))));
    known.into_iter().chain(unknown)
}
