//! The findings: what is non-compliant, then what is unknown, rule by rule, the gravest rule first.

use std::collections::BTreeMap;

use super::doc::{BODY, CELL, Doc, GAP, Goal, LARGE_GAP, MUTED, SMALL, SMALL_GAP, TEXT, symbol, word};
use super::fonts::Face;
use super::page::Style;
use super::table::{Cell, Column, Para, Table};
use super::template::Section;
use super::text::{grouped, plural};
use crate::domain::{FactValue, Finding, Severity, Subject, Verdict};
use crate::report::Report;

/// The columns; the first is named after what the rule judges.
fn columns(subject: Subject) -> [Column; 4] {
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
        Column::new("Account and Region", 82.0),
        Column::new("Found", 140.0),
        Column::new("Evidence", 132.0),
    ]
}

pub(super) fn write(doc: &mut Doc<'_>, report: &Report) {
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
        _ => "Unknown: evidence is missing",
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
            "{} for which the evidence could not be read: that says neither that the tables are backed up nor that they are \
             not.",
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
    let remedy = shared_remedy(&group.findings);
    group_head(doc, group, verdict, remedy);
    let caption = format!("{}: {}", group.rule, word(verdict));
    let subject = group.findings.first().map_or(Subject::Table, |finding| finding.subject);
    let mut table = Table::new(doc, &columns(subject), CELL.size, &caption);
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

fn group_head(doc: &mut Doc<'_>, group: &Group<'_>, verdict: Verdict, remedy: Option<&str>) {
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
    doc.need(head + 3.0 + lines as f32 * BODY.leading() + 70.0);
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

fn cells<'f>(doc: &Doc<'_>, finding: &'f Finding, own_remedy: bool, index: &Index<'f>) -> [Cell<'f>; 4] {
    let small = CELL.colour(MUTED);
    let row = index.row(finding);
    let mut table = vec![Para::new(CELL.bold(), finding.resource_name.as_str()).to(row.map(Goal::Table))];
    if finding.waived {
        table.push(Para::new(CELL.bold().colour(doc.template.colours.accent), "WAIVED"));
    }
    if !finding.id.is_empty() {
        let short: String = finding.id.chars().take(16).collect();
        let number = row.map_or_else(String::new, |row| format!("table {} \u{b7} ", grouped(row + 1)));
        table.push(Para::new(
            Style { size: 6.6, ..small },
            format!("{number}finding {short}"),
        ));
    }
    let mut place = vec![Para::new(CELL, finding.target.account_id.as_str())];
    if let Some(name) = index.name(&finding.target.account_id) {
        place.push(Para::new(small, name));
    }
    place.push(Para::new(CELL, finding.target.region.as_str()));
    let mut found = vec![Para::new(CELL, finding.message.as_str())];
    if own_remedy && !finding.remedy.is_empty() {
        found.push(Para::new(small, format!("Remedy: {}", finding.remedy)));
    }
    let evidence = finding
        .evidence
        .iter()
        .map(|(fact, value)| {
            let style = if *value == FactValue::Unknown {
                CELL.colour(doc.template.colours.unknown)
            } else {
                CELL
            };
            let nothing = matches!(value, FactValue::Text(text) if text.is_empty());
            Para::new(
                style,
                if nothing {
                    format!("{fact} = none")
                } else {
                    format!("{fact} = {value}")
                },
            )
        })
        .collect();
    [table, place, found, evidence]
}
