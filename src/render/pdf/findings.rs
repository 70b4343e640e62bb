//! What needs action: a block for each table, or one for all that fail for one reason; what is open on something else than
//! tables; what is not known; what is only advised, as counts.

use std::collections::{BTreeMap, BTreeSet};

use super::doc::{BODY, CELL, Doc, FINE, GAP, Goal, LARGE_GAP, MUTED, SMALL, SMALL_GAP, TEXT, mark_of, symbol, word};
use super::fonts::Face;
use super::full;
use super::page::Style;
use super::table::{Cell, Column, Para, Table};
use super::template::{Detail, Section};
use super::text::{grouped, plural};
use crate::domain::{Finding, Question, Subject, Verdict};
use crate::render::blocks::{Block, Group, Since as Exposed, is_own, minute};
use crate::render::causes::{Cause, causes};
use crate::report::{Report, Since, TableRow};
use crate::text::cut;

/// A document on more tables names the first ones of each reason and says where all are listed.
pub(crate) const MOST_LISTED: usize = 12_000;
/// Tables named under a reason in such a document.
const NAMED: usize = 400;
/// Reasons with so many tables or fewer tell of each table since when it is exposed, and the ids of its findings.
const TOLD_ONE_BY_ONE: usize = 40;
/// Where values begin beside their labels.
const LABEL: f32 = 76.0;

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report, groups: &[Group<'_>]) {
    doc.part(Section::Findings.title(), false);
    let index = Index::of(report);
    of_tables(doc, &index, groups);
    let elsewhere = report
        .open_findings()
        .filter(|finding| finding.subject != Subject::Table);
    by_cause(doc, &index, "Beside tables", &causes(elsewhere));
    unknown(doc, &index);
    advised(doc, report);
    without(doc, report);
    if doc.template.detail == Detail::Full {
        full::write(doc, report);
    }
}

/// What findings are looked up by.
pub(crate) struct Index<'r> {
    report: &'r Report,
    /// No more than a document can list.
    is_listed: bool,
}

impl<'r> Index<'r> {
    pub(crate) fn of(report: &'r Report) -> Self {
        Self {
            report,
            is_listed: report.tables.len() <= MOST_LISTED,
        }
    }

    /// Tables named under a reason.
    fn most_named(&self) -> usize {
        if self.is_listed { usize::MAX } else { NAMED }
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

/// Writes the blocks, worst first.
fn of_tables(doc: &mut Doc<'_>, index: &Index<'_>, groups: &[Group<'_>]) {
    if groups.is_empty() {
        let text = match index.report.tables.len() {
            0 => "No table was judged, so there is no finding of any kind.",
            _ => "No required finding is open on a table.",
        };
        doc.paragraph(BODY, text);
        doc.y += GAP;
        return;
    }
    let tables: usize = groups.iter().map(|group| group.blocks.len()).sum();
    let text = format!(
        "{} with a required finding that is open, in {}, worst first. Names lead to \u{201c}Every table\u{201d}, and from there back.",
        plural(tables, "table"),
        plural(groups.len(), "block"),
    );
    doc.paragraph(BODY, &text);
    doc.y += SMALL_GAP;
    for group in groups {
        block(doc, index, group);
    }
}

fn block(doc: &mut Doc<'_>, index: &Index<'_>, group: &Group<'_>) {
    let report = index.report;
    let (left, width) = (doc.left(), doc.width());
    let first = &report.tables[group.blocks[0].place];
    doc.need(80.0);
    doc.y += 2.0;
    let mut spot = doc.spot();
    spot.top += 8.0;
    let named = group.blocks.iter().take(index.most_named());
    doc.blocks.extend(named.map(|block| (block.place, spot)));
    head(doc, report, group);
    let exposed = match (group.blocks.as_slice(), group.since()) {
        ([block], _) => block.exposed.clone(),
        (_, None) => group.blocks[0].exposed.clone(),
        (_, Some(since)) => format!("since {}", span(group, since)),
    };
    answers(doc, first, &exposed);
    if let [block] = group.blocks.as_slice() {
        // That there is none is said already.
        if block.since.is_none_or(|since| !since.is_creation) || block.newest != "none" {
            row(doc, "Newest point", CELL, &block.newest);
        }
    }
    let is_in_none = group.causes.iter().any(|(_, finding)| is_own(finding));
    if !is_in_none {
        row(doc, "Plan", CELL, &group.common(|block| block.plan.clone()));
    }
    for (message, finding) in &group.causes {
        said(doc, report, message, finding, group.blocks.len() == 1);
    }
    row(doc, "Jobs", CELL, &group.common(|block| block.jobs.clone()));
    let mut what = group.common(|block| block.what.clone());
    let owner = group.common(|block| block.owner.to_owned());
    if !owner.is_empty() {
        what.push_str(&format!(" \u{b7} owner: {owner}"));
    }
    if let Some(day) = group.blocks.iter().filter_map(|block| block.due).min() {
        what.push_str(&format!(" \u{b7} due {day}"));
    }
    row(doc, "What to do", CELL.bold(), &what);
    if group.blocks.len() > 1 {
        tables(doc, index, group);
    }
    doc.y += 3.0;
    let bottom = doc.y;
    doc.page().rule(left, bottom, width, 0.4, super::doc::HAIRLINE);
    doc.y += 2.0;
}

/// Name and place of the table, or how many there are.
fn head(doc: &mut Doc<'_>, report: &Report, group: &Group<'_>) {
    let name = Style {
        face: Face::Bold,
        size: 9.0,
        colour: TEXT,
    };
    let (left, width) = (doc.left(), doc.width());
    let first = group.blocks[0].place;
    let place = |place: usize| {
        let target = &report.tables[place].target;
        format!("{}, {}", report.account_name(&target.account_id), target.region)
    };
    let (title, goal, beside) = match group.blocks.as_slice() {
        [block] => {
            let beside = format!("{} \u{b7} No. {}", place(first), grouped(first + 1));
            (
                report.tables[block.place].table_name.clone(),
                Some(Goal::Table(first)),
                beside,
            )
        }
        all => {
            let beside = format!(
                "{} \u{b7} {}",
                group.common(|block| place(block.place)),
                plural(all.len(), "table")
            );
            (titled(report, group), None, beside)
        }
    };
    let is_beside = doc.measure(name, &title) + doc.measure(SMALL, &beside) + 16.0 < width;
    let top = doc.y;
    doc.names(left, width, name, &[(title, goal)]);
    if is_beside {
        doc.text_to(left + width, top + name.size, SMALL, &beside);
    } else {
        doc.block(left, width, SMALL, &beside);
    }
}

/// The first few names of a group, and how many follow.
fn titled(report: &Report, group: &Group<'_>) -> String {
    const SHOWN: usize = 3;
    const LONGEST: usize = 40;
    let shown = group.blocks.iter().take(SHOWN);
    let names: Vec<String> = shown
        .map(|block| cut(&report.tables[block.place].table_name, LONGEST))
        .collect();
    match group.blocks.len() - names.len() {
        0 => names.join(", "),
        more => format!("{} and {} more", names.join(", "), grouped(more)),
    }
}

/// The first exposure of a group, and the last.
fn span(group: &Group<'_>, first: Exposed) -> String {
    let all = group.blocks.iter().filter_map(|block| block.since);
    let last = all.clone().max_by_key(|since| since.at).unwrap_or(first);
    if all.count() == 1 || first.at == last.at {
        return first.words();
    }
    let creation = if first.is_creation && last.is_creation {
        "their creation, "
    } else {
        ""
    };
    format!("{creation}{} (the last since {})", minute(first.at), minute(last.at))
}

/// A value beside its label; nothing if there is none.
fn row(doc: &mut Doc<'_>, label: &str, style: Style, value: &str) {
    if value.is_empty() {
        return;
    }
    let (left, width) = (doc.left(), doc.width());
    doc.need(style.leading());
    let y = doc.y + CELL.size;
    doc.text(left, y, CELL.colour(MUTED), label);
    doc.block(left + LABEL, width - LABEL, style, value);
}

/// The answers to the questions, each with its mark, and since when the table is exposed.
fn answers(doc: &mut Doc<'_>, table: &TableRow, exposed: &str) {
    let (mut x, y) = (doc.left(), doc.y + CELL.size);
    for question in [Question::InAPlan, Question::BackedUp, Question::Restorable] {
        let answer = table.answer(question);
        let text = format!("{} {}: {}", mark_of(answer), question.words(), answer.words());
        let style = CELL.bold().colour(doc.colour_of(answer.shade()));
        doc.text(x, y, style, &text);
        x += doc.measure(style, &text) + 14.0;
    }
    if !exposed.is_empty() {
        let text = format!("exposed {exposed}");
        if x + doc.measure(CELL.bold(), &text) <= doc.left() + doc.width() {
            doc.text(x, y, CELL.bold(), &text);
        } else {
            doc.y += CELL.leading();
            let (left, width) = (doc.left(), doc.width());
            doc.block(left, width, CELL.bold(), &text);
            doc.y -= CELL.leading();
        }
    }
    doc.y += CELL.leading() + 1.0;
}

/// One finding: how grave, by which rule, what it says, and its id where it is about one table.
fn said(doc: &mut Doc<'_>, report: &Report, message: &str, finding: &Finding, is_one: bool) {
    let (left, width) = (doc.left(), doc.width());
    let by = finding
        .framework
        .as_deref()
        .map_or_else(String::new, |id| format!(" by {id}"));
    let mut text = format!("{}{by}: {message}", finding.rule);
    if is_one {
        if let Some(mark) = report.since(finding).and_then(Since::mark) {
            text.push_str(&format!(" {} SINCE THE BASELINE", mark.to_uppercase()));
        }
        text.push_str(&id_of(finding));
    }
    doc.need(CELL.leading());
    let y = doc.y + CELL.size;
    let colour = doc.colour_of(finding.verdict);
    let tag = format!("{} {}", symbol(finding.verdict), finding.severity);
    doc.text(left, y, CELL.bold().colour(colour), &tag);
    doc.block(left + LABEL, width - LABEL, CELL, &text);
}

/// The id of a finding, in short; it begins the whole one in report.json.
fn id_of(finding: &Finding) -> String {
    let short: String = finding.id.chars().take(16).collect();
    if short.is_empty() { short } else { format!(" [{short}]") }
}

/// The tables of a group: one by one where they are few, by name where they are many.
fn tables(doc: &mut Doc<'_>, index: &Index<'_>, group: &Group<'_>) {
    let report = index.report;
    doc.y += 2.0;
    if group.blocks.len() > TOLD_ONE_BY_ONE {
        let mut names: Vec<(String, Option<Goal>)> = group
            .blocks
            .iter()
            .take(index.most_named())
            .map(|block| {
                let name = report.tables[block.place].table_name.clone();
                (name, Some(Goal::Table(block.place)))
            })
            .collect();
        if let Some(more) = group.blocks.len().checked_sub(names.len()).filter(|more| *more > 0) {
            names.push((
                format!("and {} more, in tables.csv and report.xlsx", grouped(more)),
                None,
            ));
        }
        let (left, width) = (doc.left() + LABEL, doc.width() - LABEL);
        doc.names(left, width, FINE, &names);
        return;
    }
    let place = |block: &Block<'_>| {
        let target = &report.tables[block.place].target;
        format!("{}, {}", report.account_name(&target.account_id), target.region)
    };
    // Where all are in one place, the head says it.
    let is_in_one = group.blocks.iter().all(|block| place(block) == place(&group.blocks[0]));
    let columns = [
        Column::new("Table", 122.0),
        Column::new("Exposed since", 68.0),
        Column::new("Newest point, and why here", 258.0),
        Column::new("Findings", 72.0),
    ];
    let title = format!("{} of one reason", plural(group.blocks.len(), "table"));
    let mut table = Table::new(doc, &columns, FINE.size, &title);
    table.is_tight = true;
    for block in &group.blocks {
        let of = &report.tables[block.place];
        let ids = block.findings.iter().map(|finding| {
            let mark = report.since(finding).and_then(Since::mark);
            let mark = mark.map_or_else(String::new, |mark| format!(" {mark}"));
            let short: String = finding.id.chars().take(16).collect();
            Para::new(FINE.colour(MUTED), format!("{short}{mark}"))
        });
        let own = block.findings.iter().filter(|finding| is_own(finding));
        let mut why = vec![Para::new(FINE, block.newest.as_str())];
        why.extend(own.map(|finding| Para::new(FINE.colour(MUTED), &*finding.message)));
        let mut name = vec![Para::new(FINE.bold(), of.table_name.as_str()).to(Some(Goal::Table(block.place)))];
        if !is_in_one {
            name.push(Para::new(FINE.colour(MUTED), place(block)));
        }
        let cells: [Cell<'_>; 4] = [
            name,
            vec![Para::new(
                FINE,
                block.since.map_or_else(|| "\u{2013}".to_owned(), Exposed::short),
            )],
            why,
            ids.collect(),
        ];
        table.row(doc, &cells);
    }
}

/// Verdicts that are not known, by what left them open: one cause may keep several rules from an answer.
fn unknown(doc: &mut Doc<'_>, index: &Index<'_>) {
    let is_told = |finding: &&Finding| finding.verdict == Verdict::Unknown && finding.is_required() && !finding.waived;
    let all: Vec<&Finding> = index.report.findings.iter().filter(is_told).collect();
    if all.is_empty() {
        return;
    }
    doc.heading("Required, and not known", 80.0);
    let text = format!(
        "{}: evidence could not be read, or AWS's own answers leave them open. Each says why. Unknown does not mean that the \
         tables are backed up, nor that they are not.",
        plural(all.len(), "required verdict")
    );
    doc.paragraph(BODY, &text);
    doc.y += SMALL_GAP;
    // In the order of the most severe rule that each keeps from an answer.
    let mut by_why: Vec<(String, Vec<Cause<'_>>)> = Vec::new();
    for cause in causes(all.into_iter()) {
        let why = call_of(&cause.message);
        match by_why.iter_mut().find(|(known, _)| *known == why) {
            Some((_, causes)) => causes.push(cause),
            None => by_why.push((why, vec![cause])),
        }
    }
    let (left, width) = (doc.left() + 12.0, doc.width() - 12.0);
    for (why, causes) in &by_why {
        doc.need(34.0);
        let mut spot = doc.spot();
        spot.top += 8.0;
        let top = doc.y;
        let colour = doc.template.colours.unknown;
        doc.page().fill_rect(left - 12.0, top, 4.0, 10.0, colour);
        doc.block(left, width, CELL, &format!("? {why}"));
        for cause in causes {
            let by = cause.findings[0]
                .framework
                .as_deref()
                .map_or_else(String::new, |id| format!(" by {id}"));
            let subjects = plural(cause.findings.len(), noun(cause.findings[0].subject));
            let rule = format!("{}{by}, {}, {subjects}:", cause.rule, cause.severity);
            let mut names = vec![(rule, None)];
            let named = cause.findings.iter().take(index.most_named());
            names.extend(named.map(|finding| index.named(finding)));
            if let Some(more) = cause
                .findings
                .len()
                .checked_sub(names.len() - 1)
                .filter(|more| *more > 0)
            {
                names.push((format!("and {} more, in findings.csv", grouped(more)), None));
            }
            doc.names(left + 10.0, width - 10.0, FINE.colour(MUTED), &names);
            for row in cause.findings.iter().filter_map(|finding| index.row(finding)) {
                doc.blocks.entry(row).or_insert(spot);
            }
        }
        doc.y += SMALL_GAP;
    }
    doc.y += GAP;
}

/// What kept a verdict open, without what AWS said of a call: that stands under "Gaps" in full.
fn call_of(message: &str) -> String {
    match message.split_once(" gave ") {
        Some((before, _)) => format!("{before} was not answered: see \u{201c}Gaps\u{201d}"),
        None => message.to_owned(),
    }
}

pub(crate) fn by_cause(doc: &mut Doc<'_>, index: &Index<'_>, title: &str, causes: &[Cause<'_>]) {
    let count: usize = causes.iter().map(|cause| cause.findings.len()).sum();
    if count == 0 {
        return;
    }
    // With the first cause below it, not alone at the foot of a sheet.
    doc.heading(title, 80.0);
    let first = causes[0].findings[0];
    let text = match first.waived {
        true => format!(
            "{} accepted for a time; still judged and listed.",
            plural(count, "finding")
        ),
        false => format!("{}, highest severity first.", plural(count, "required finding")),
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
    let name = CELL.bold();
    let count: usize = causes.iter().map(|cause| cause.findings.len()).sum();
    let subjects = plural(count, noun(first.subject));
    let state = if first.waived { "WAIVED" } else { word(first.verdict) };
    let tag = format!(
        "{} {state} \u{b7} {} \u{b7} {subjects}",
        symbol(first.verdict),
        cause.severity
    );
    let tag_style = SMALL.bold().colour(colour);
    doc.need(44.0);
    let ids = doc.wrap(name, width, cause.rule);
    let beside = ids.len() == 1 && doc.measure(name, cause.rule) + doc.measure(tag_style, &tag) + 24.0 < width;
    let top = doc.y;
    doc.page().fill_rect(left - 12.0, top, 4.0, 10.0, colour);
    for line in &ids {
        let y = doc.y + 7.8;
        doc.text(left, y, name, line);
        doc.y += name.leading();
    }
    if beside {
        doc.text_to(left + width, top + 7.8, tag_style, &tag);
    } else {
        doc.block(left, width, tag_style, &tag);
    }
    if let Some(remedy) = shared_remedy(causes) {
        doc.block(left, width, SMALL, &format!("What to do: {remedy}"));
    }
    for cause in causes {
        doc.need(2.0 * CELL.leading());
        doc.block(left, width, CELL, &cause.message);
        if cause.findings[0].waived {
            doc.block(
                left,
                width,
                CELL.colour(MUTED),
                &index.report.why_waived(cause.findings[0]),
            );
        }
        let named = cause.findings.iter().take(index.most_named());
        let mut names: Vec<(String, Option<Goal>)> = named.map(|finding| index.named(finding)).collect();
        if let Some(more) = cause.findings.len().checked_sub(names.len()).filter(|more| *more > 0) {
            names.push((format!("and {} more, in findings.csv", grouped(more)), None));
        }
        doc.names(left + 10.0, width - 10.0, FINE.colour(MUTED), &names);
    }
    doc.y += SMALL_GAP;
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

/// Advised findings by rule, as counts.
fn advised(doc: &mut Doc<'_>, report: &Report) {
    let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in report.advised_findings() {
        *by_rule.entry(&finding.rule).or_default() += 1;
    }
    if by_rule.is_empty() {
        return;
    }
    let mut rules: Vec<_> = by_rule.into_iter().collect();
    rules.sort_by_key(|(rule, count)| (std::cmp::Reverse(*count), *rule));
    let one = |(rule, count): &(&str, usize)| format!("{rule} {}", grouped(*count));
    doc.heading("Advised", 50.0);
    let text = format!(
        "{} of advised rules. They change no verdict on a table and no outcome; `[rules]` in the settings makes a rule required. Each of them is in \
         findings.parquet of the pack, and report.html shows them. By rule: {}.",
        plural(report.advised_findings().count(), "open finding"),
        rules.iter().map(one).collect::<Vec<_>>().join(", ")
    );
    doc.paragraph(SMALL, &text);
    doc.y += GAP;
}

/// Rules that found nothing, in one paragraph for all of them.
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
    let text = format!(
        "{} without a finding: {}.",
        plural(quiet.len(), "rule"),
        quiet.join(", ")
    );
    doc.y += SMALL_GAP;
    doc.paragraph(SMALL, &text);
    doc.y += LARGE_GAP;
}
