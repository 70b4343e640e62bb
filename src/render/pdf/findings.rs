//! The findings: what is required by cause, then table by table; what is not known; what is waived; what is only advised, as
//! counts.

use std::collections::{BTreeMap, BTreeSet};

use super::doc::{BODY, CELL, Doc, FINE, GAP, Goal, LARGE_GAP, MUTED, SMALL, SMALL_GAP, TEXT, mark_of, symbol, word};
use super::fonts::Face;
use super::page::Style;
use super::table::{Column, Para, Table};
use super::template::Section;
use super::text::{grouped, plural};
use crate::domain::{FactValue, Finding, Question, Subject, Verdict};
use crate::render::causes::{Cause, causes};
use crate::render::digest::{Digest, NeedsAction};
use crate::report::{Report, Since, TableRow};
use crate::text::cut;

/// Subjects named under an advised rule; the rest are counted.
const NAMED: usize = 20;
/// Subjects named under a cause; findings.csv names the rest.
const NAMED_OF_CAUSE: usize = 400;
/// A message that is longer is cut where it is told of many; it stands in full in the other formats.
const LONGEST: usize = 600;
/// The same of what is not known: most of it is what AWS said of one call, under "Gaps" in full.
const LONGEST_UNKNOWN: usize = 300;

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Findings.title(), false);
    let index = Index::of(report);
    let of = |verdict: Verdict| {
        let is_of = move |finding: &&Finding| finding.verdict == verdict && finding.is_required() && !finding.waived;
        causes(report.findings.iter().filter(is_of))
    };
    by_cause(doc, &index, "Required findings by cause", &of(Verdict::NonCompliant));
    blocks(doc, &index);
    by_cause(doc, &index, "Required, and not known", &of(Verdict::Unknown));
    by_cause(
        doc,
        &index,
        "Waived",
        &causes(report.findings.iter().filter(|finding| finding.waived)),
    );
    advised(doc, &index);
    without(doc, report);
}

/// What findings are looked up by.
struct Index<'r> {
    report: &'r Report,
    /// Findings on tables by the table's ARN.
    by_table: BTreeMap<&'r str, Vec<&'r Finding>>,
}

impl<'r> Index<'r> {
    fn of(report: &'r Report) -> Self {
        let mut by_table: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in report
            .findings
            .iter()
            .filter(|finding| finding.subject == Subject::Table)
        {
            by_table.entry(&finding.resource_arn).or_default().push(finding);
        }
        Self { report, by_table }
    }

    /// The place of the finding's table in the report, if it is about one.
    fn row(&self, finding: &Finding) -> Option<usize> {
        let tables = &self.report.tables;
        let found = tables.binary_search_by(|table| table.table_arn.as_str().cmp(&finding.resource_arn));
        found.ok().filter(|_| finding.subject == Subject::Table)
    }

    /// The name of what a finding is about, with its place where it is no table, and where it leads.
    fn named(&self, finding: &Finding) -> (String, Option<Goal>) {
        let mark = self.report.since(finding).and_then(Since::mark);
        let new = mark.map_or_else(String::new, |mark| format!(" ({mark})"));
        match self.row(finding) {
            Some(row) => (format!("{}{new}", finding.resource_name), Some(Goal::Table(row))),
            None if finding.target.account_id.is_empty() => (format!("{}{new}", finding.resource_name), None),
            None => {
                let account = self.report.account_name(&finding.target.account_id);
                let place = format!("{account}, {}", finding.target.region);
                (format!("{} ({place}){new}", finding.resource_name), None)
            }
        }
    }
}

fn by_cause(doc: &mut Doc<'_>, index: &Index<'_>, title: &str, causes: &[Cause<'_>]) {
    let count: usize = causes.iter().map(|cause| cause.findings.len()).sum();
    let is_waived = causes
        .iter()
        .any(|cause| cause.findings.iter().any(|finding| finding.waived));
    if count == 0 && title != "Required findings by cause" {
        return;
    }
    // With the first cause below it, not alone at the foot of a sheet.
    doc.heading(title, if count == 0 { 30.0 } else { 110.0 });
    let is_unknown = causes.iter().any(|cause| cause.findings[0].verdict == Verdict::Unknown) && !is_waived;
    let text = match count {
        0 if index.report.tables.is_empty() => "No table was judged, so there is no finding of any kind.".to_owned(),
        0 => "No required finding is open.".to_owned(),
        _ if is_unknown => format!(
            "{} that evidence which could not be read, or which AWS's own answers leave open, would have to settle; each \
             says why. That says neither that the tables are backed up nor that they are not.",
            plural(count, "required verdict")
        ),
        _ if is_waived => format!(
            "{}, accepted for a time; see \u{201c}Policy and waivers\u{201d}.",
            plural(count, "finding")
        ),
        _ => format!(
            "{} from {}, highest severity first. Names lead to the table in \u{201c}Every table\u{201d}.",
            plural(count, "finding"),
            plural(causes.len(), "cause")
        ),
    };
    doc.paragraph(BODY, &text);
    doc.y += SMALL_GAP;
    for of_rule in by_rule(causes) {
        entry(doc, index, &of_rule);
    }
    doc.y += GAP;
}

/// The causes of each rule, in the order of the first of each.
fn by_rule<'c, 'r>(causes: &'c [Cause<'r>]) -> Vec<Vec<&'c Cause<'r>>> {
    let mut groups: Vec<Vec<&Cause<'_>>> = Vec::new();
    for cause in causes {
        match groups.iter_mut().find(|group| group[0].rule == cause.rule) {
            Some(group) => group.push(cause),
            None => groups.push(vec![cause]),
        }
    }
    groups
}

/// One rule: what it found, each cause with the list of what it is about.
fn entry(doc: &mut Doc<'_>, index: &Index<'_>, causes: &[&Cause<'_>]) {
    let (cause, first) = (causes[0], causes[0].findings[0]);
    let (left, width) = (doc.left() + 12.0, doc.width() - 12.0);
    let colour = if first.waived {
        MUTED
    } else {
        doc.colour_of(first.verdict)
    };
    let name = Style {
        face: Face::Bold,
        size: 9.0,
        colour: TEXT,
    };
    let count: usize = causes.iter().map(|cause| cause.findings.len()).sum();
    let subjects = plural(count, noun(first.subject));
    let state = if first.waived { "WAIVED" } else { word(first.verdict) };
    let tag = format!(
        "{} {state} \u{b7} {} \u{b7} {subjects}",
        symbol(first.verdict),
        cause.severity
    );
    let tag_style = SMALL.bold().colour(colour);
    let message = doc.wrap(BODY, width, &cut(&cause.message, LONGEST)).len() as f32 * BODY.leading();
    doc.need((message + 56.0).min(doc.body_height() / 3.0));
    let ids = doc.wrap(name, width, cause.rule);
    let beside = ids.len() == 1 && doc.measure(name, cause.rule) + doc.measure(tag_style, &tag) + 24.0 < width;
    doc.mark(2, &format!("{} ({})", cause.rule, grouped(count)));
    let top = doc.y;
    doc.page().fill_rect(left - 12.0, top, 4.0, 12.0, colour);
    for line in &ids {
        let y = doc.y + 9.4;
        doc.text(left, y, name, line);
        doc.y += name.leading();
    }
    if beside {
        doc.text_to(left + width, top + 9.4, tag_style, &tag);
    } else {
        doc.block(left, width, tag_style, &tag);
    }
    if let Some(remedy) = shared_remedy(causes) {
        doc.block(left, width, SMALL, &format!("What to do: {remedy}"));
    }
    for cause in causes {
        doc.y += 1.5;
        doc.need(BODY.leading() + CELL.leading());
        let most = if cause.findings[0].verdict == Verdict::Unknown {
            LONGEST_UNKNOWN
        } else {
            LONGEST
        };
        doc.block(left, width, BODY, &cut(&cause.message, most));
        if cause.findings[0].waived {
            doc.block(
                left,
                width,
                CELL.colour(MUTED),
                &index.report.why_waived(cause.findings[0]),
            );
        }
        let mut names: Vec<(String, Option<Goal>)> = cause
            .findings
            .iter()
            .take(NAMED_OF_CAUSE)
            .map(|finding| index.named(finding))
            .collect();
        if let Some(more) = cause
            .findings
            .len()
            .checked_sub(NAMED_OF_CAUSE)
            .filter(|more| *more > 0)
        {
            names.push((format!("and {} more, in findings.csv", grouped(more)), None));
        }
        doc.names(left + 10.0, width - 10.0, CELL.colour(MUTED), &names);
    }
    doc.y += GAP;
}

/// What to do, where it is the same for all of a rule and not known from a waiver.
fn shared_remedy<'c>(causes: &[&'c Cause<'_>]) -> Option<&'c str> {
    let mut findings = causes.iter().flat_map(|cause| &cause.findings);
    let first = findings.next()?;
    let is_same = findings.all(|finding| finding.remedy == first.remedy);
    let remedy = &*first.remedy;
    (is_same && !first.waived && first.verdict == Verdict::NonCompliant && !remedy.is_empty()).then_some(remedy)
}

fn noun(subject: Subject) -> &'static str {
    match subject {
        Subject::RecoveryPoint => "recovery point",
        Subject::Target => "Region",
        other => other.as_str(),
    }
}

/// What needs action, table by table.
fn blocks(doc: &mut Doc<'_>, index: &Index<'_>) {
    let digest = Digest::of(index.report);
    if digest.action.is_empty() {
        return;
    }
    doc.heading("Tables that need action", 120.0);
    let text = format!(
        "{} with a required finding that is open, worst first. Grey: the facts that the rules read. Names lead to \
         \u{201c}Every table\u{201d}.",
        plural(digest.action.len(), "table")
    );
    doc.paragraph(BODY, &text);
    doc.y += SMALL_GAP;
    let mut others = Vec::new();
    for needs in &digest.action {
        let (told, also) = required_of(index, needs.place);
        if told.is_empty() {
            others.push((needs.place, also));
        } else {
            block(doc, index, needs, (&told, &also));
        }
    }
    doc.y += GAP;
    others_only(doc, index, &others);
}

/// Findings on a table that answer a question with no, by the organisation's policy, and whatever else is required of it and
/// not good.
fn required_of<'r>(index: &Index<'r>, place: usize) -> (Vec<&'r Finding>, Vec<&'r Finding>) {
    let is_told = |finding: &&Finding| {
        finding.is_required() && matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown)
    };
    let arn = index.report.tables[place].table_arn.as_str();
    let required = index.by_table.get(arn).into_iter().flatten().copied().filter(is_told);
    let (mut told, also): (Vec<&Finding>, Vec<&Finding>) = required.partition(|finding| {
        finding.is_open() && finding.question != Question::Safeguards && finding.framework.is_none()
    });
    told.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    (told, also)
}

/// Tables that are a matter of other required rules only: those of the same rules together.
fn others_only(doc: &mut Doc<'_>, index: &Index<'_>, others: &[(usize, Vec<&Finding>)]) {
    if others.is_empty() {
        return;
    }
    doc.heading("Tables with other required findings only", 70.0);
    let mut by_rules: Vec<(String, Vec<usize>)> = Vec::new();
    for (place, also) in others {
        let rules = named_rules(index.report, also);
        match by_rules.iter_mut().find(|(one, _)| *one == rules) {
            Some((_, places)) => places.push(*place),
            None => by_rules.push((rules, vec![*place])),
        }
    }
    let (left, width) = (doc.left() + 12.0, doc.width() - 12.0);
    for (rules, places) in by_rules {
        doc.need(40.0);
        let mut spot = doc.spot();
        spot.top += 8.0;
        doc.blocks.extend(places.iter().map(|place| (*place, spot)));
        doc.block(
            left,
            width,
            CELL,
            &format!("{}: {rules}", plural(places.len(), "table")),
        );
        let named = |place: &usize| {
            (
                index.report.tables[*place].table_name.clone(),
                Some(Goal::Table(*place)),
            )
        };
        let names: Vec<(String, Option<Goal>)> = places.iter().map(named).collect();
        doc.names(left + 10.0, width - 10.0, CELL.bold(), &names);
        doc.y += SMALL_GAP;
    }
    doc.y += GAP;
}

fn block(doc: &mut Doc<'_>, index: &Index<'_>, needs: &NeedsAction, (told, also): (&[&Finding], &[&Finding])) {
    let report = index.report;
    let table = &report.tables[needs.place];
    let (left, width) = (doc.left(), doc.width());
    let name = Style {
        face: Face::Bold,
        size: 9.0,
        colour: TEXT,
    };
    doc.need(76.0);
    doc.y += 3.0;
    let mut spot = doc.spot();
    spot.top += 8.0;
    doc.blocks.insert(needs.place, spot);
    let account = report.account_name(&table.target.account_id);
    let place = format!(
        "{account} \u{b7} {} \u{b7} No. {}",
        table.target.region,
        grouped(needs.place + 1)
    );
    let goal = Some(Goal::Table(needs.place));
    let beside = doc.measure(name, &table.table_name) + doc.measure(SMALL, &place) + 16.0 < width;
    let top = doc.y;
    doc.names(left, width, name, &[(table.table_name.clone(), goal)]);
    if beside {
        doc.text_to(left + width, top + name.size, SMALL, &place);
    } else {
        doc.block(left, width, SMALL, &place);
    }
    answers(doc, table);
    for finding in told {
        said(doc, report, finding);
    }
    if !also.is_empty() {
        let text = format!("Also, in full by cause above: {}", named_rules(report, also));
        doc.block(left, width, CELL, &text);
    }
    if !needs.what.is_empty() {
        doc.block(left, width, CELL.bold(), &format!("What to do: {}", needs.what));
    }
    let facts = evidence(told);
    if !facts.is_empty() {
        doc.block(left, width, FINE.colour(MUTED), &facts);
    }
    doc.y += 4.0;
    let bottom = doc.y;
    doc.page().rule(left, bottom, width, 0.4, super::doc::HAIRLINE);
    doc.y += 3.0;
}

/// The answers to the questions, each with its mark.
fn answers(doc: &mut Doc<'_>, table: &TableRow) {
    let (mut x, y) = (doc.left(), doc.y + CELL.size);
    for question in [Question::InAPlan, Question::BackedUp, Question::Restorable] {
        let answer = table.answer(question);
        let text = format!("{} {}: {}", mark_of(answer), question.words(), answer.words());
        let style = CELL.bold().colour(doc.colour_of(answer.shade()));
        doc.text(x, y, style, &text);
        x += doc.measure(style, &text) + 14.0;
    }
    doc.y += CELL.leading() + 1.0;
}

/// Rules by name, those of each framework apart.
fn named_rules(report: &Report, findings: &[&Finding]) -> String {
    let mut by_framework: BTreeMap<Option<&str>, Vec<String>> = BTreeMap::new();
    for finding in findings {
        let mark = if finding.waived {
            "waived"
        } else {
            finding.severity.as_str()
        };
        let since = report.since(finding).and_then(Since::mark);
        let new = since.map_or_else(String::new, |since| format!(", {since}"));
        let name = format!("{} {} ({mark}{new})", symbol(finding.verdict), finding.rule);
        by_framework.entry(finding.framework.as_deref()).or_default().push(name);
    }
    let of = |(framework, names): (Option<&str>, Vec<String>)| match framework {
        Some(id) => format!("by {id}: {}", names.join(", ")),
        None => names.join(", "),
    };
    by_framework.into_iter().map(of).collect::<Vec<_>>().join("; ")
}

/// One finding in a line or two.
fn said(doc: &mut Doc<'_>, report: &Report, finding: &Finding) {
    let (left, width) = (doc.left(), doc.width());
    let colour = if finding.waived {
        MUTED
    } else {
        doc.colour_of(finding.verdict)
    };
    let mut text = format!("{}: {}", finding.rule, finding.message);
    if let Some(mark) = report.since(finding).and_then(Since::mark) {
        text.push_str(&format!(" {} SINCE THE BASELINE", mark.to_uppercase()));
    }
    if !finding.id.is_empty() {
        let short: String = finding.id.chars().take(16).collect();
        text.push_str(&format!(" [{short}]"));
    }
    let state = if finding.waived {
        "WAIVED"
    } else {
        finding.severity.as_str()
    };
    doc.need(CELL.leading());
    let y = doc.y + CELL.size;
    doc.text(
        left,
        y,
        CELL.bold().colour(colour),
        &format!("{} {state}", symbol(finding.verdict)),
    );
    doc.block(left + 46.0, width - 46.0, CELL, &text);
}

/// The facts that the rules read: those that have a value with it, then those that have none, by cause; each once.
fn evidence(findings: &[&Finding]) -> String {
    let mut seen = BTreeSet::new();
    let all: Vec<_> = findings
        .iter()
        .flat_map(|finding| &finding.evidence)
        .filter(|(name, _)| seen.insert(*name))
        .collect();
    let value_of = |name: &str| all.iter().find(|(fact, _)| *fact == name).map(|(_, value)| *value);
    // What was seen is said only where it differs from what is known of the whole.
    let is_said_already = |name: &str, value: &FactValue| {
        name.strip_suffix("_seen")
            .and_then(value_of)
            .is_some_and(|whole| whole == value)
    };
    let (mut known, mut without) = (Vec::new(), BTreeMap::<String, Vec<&str>>::new());
    for (fact, value) in &all {
        match value {
            _ if is_said_already(fact, value) => {}
            FactValue::Null(cause) => without.entry(cause.to_string()).or_default().push(fact),
            FactValue::Text(text) if text.is_empty() => known.push(format!("{fact} = none")),
            value => known.push(format!("{fact} = {value}")),
        }
    }
    let without = without
        .iter()
        .map(|(cause, facts)| format!("{cause}: {}", facts.join(", ")));
    known.extend(without);
    known.join("; ")
}

/// Advised findings by rule: how many, and on what.
fn advised(doc: &mut Doc<'_>, index: &Index<'_>) {
    let report = index.report;
    let mut by_rule: BTreeMap<&str, [Vec<&Finding>; 2]> = BTreeMap::new();
    for finding in report
        .findings
        .iter()
        .filter(|finding| !finding.is_required() && !finding.waived)
    {
        let place = match finding.verdict {
            Verdict::NonCompliant => 0,
            Verdict::Unknown => 1,
            Verdict::Compliant | Verdict::NotApplicable => continue,
        };
        by_rule.entry(&finding.rule).or_default()[place].push(finding);
    }
    if by_rule.is_empty() {
        return;
    }
    doc.heading("Advised", 110.0);
    let text = format!(
        "{}, from rules that nobody requires: they are in no verdict on a table and in no outcome. `[rules]` in the settings \
         requires a rule. Each finding stands in findings.csv and in report.html.",
        plural(report.advised_findings().count(), "open finding")
    );
    doc.paragraph(BODY, &text);
    doc.y += SMALL_GAP;
    let columns = [
        Column::new("Rule", 150.0),
        Column::new("Severity", 46.0),
        Column::number("No", 34.0),
        Column::number("Unknown", 46.0),
        Column::new("On", 228.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "Advised findings");
    let mut rows: Vec<_> = by_rule.into_iter().collect();
    let severity = |of: &[Vec<&Finding>; 2]| of.iter().flatten().map(|finding| finding.severity).max();
    rows.sort_by_key(|(rule, of)| (std::cmp::Reverse(severity(of)), *rule));
    for (rule, of) in rows {
        let [open, unknown] = &of;
        let title = report.rule(rule).map_or("", |line| line.title.as_str());
        let severity = severity(&of).map_or("", |severity| severity.as_str());
        let number = |count: usize| {
            vec![Para::new(
                if count == 0 { CELL.colour(MUTED) } else { CELL.bold() },
                grouped(count),
            )]
        };
        let cells = [
            vec![Para::new(CELL.bold(), rule), Para::new(FINE.colour(MUTED), title)],
            vec![Para::new(CELL, severity)],
            number(open.len()),
            number(unknown.len()),
            vec![Para::new(
                FINE,
                first_named(if open.is_empty() { unknown } else { open }),
            )],
        ];
        table.row(doc, &cells);
    }
    doc.y += GAP;
}

/// The first names, each once: recovery points have that of their vault.
fn first_named(findings: &[&Finding]) -> String {
    let names: BTreeSet<&str> = findings.iter().map(|finding| finding.resource_name.as_str()).collect();
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| cut(name, 60)).collect();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), grouped(more)),
    }
}

/// Rules that found nothing, in one line.
fn without(doc: &mut Doc<'_>, report: &Report) {
    let is_told =
        |finding: &&Finding| finding.waived || matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown);
    let told: BTreeSet<&str> = report
        .findings
        .iter()
        .filter(is_told)
        .map(|finding| &*finding.rule)
        .collect();
    let quiet: Vec<&str> = report
        .rules
        .iter()
        .map(|rule| rule.id.as_str())
        .filter(|rule| !told.contains(rule))
        .collect();
    if quiet.is_empty() {
        return;
    }
    doc.heading("Rules without a finding", 40.0);
    doc.paragraph(BODY, &format!("{}: {}.", plural(quiet.len(), "rule"), quiet.join(", ")));
    doc.y += LARGE_GAP;
}
