//! The method: how verdicts come about, and every rule that was applied.

use std::collections::BTreeSet;

use super::doc::{BODY, Doc, SMALL, SMALL_GAP, symbol, word};
use super::names;
use super::template::Section;
use super::text::plural;
use crate::domain::{Level, Verdict};
use crate::report::{Report, RuleLine};

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Method.title(), false);
    meaning(doc, report);
    steps(doc);
    verdicts(doc);
    rules(doc, report);
    file(doc);
    names::write(doc, report);
}

/// What this document is as a file.
fn file(doc: &mut Doc<'_>) {
    doc.heading("This document as a file", 40.0);
    let point = "It is made for archiving (PDF/A-1b): fonts and colours are embedded, and it contains no scripts and fetches nothing. It \
         is not tagged, so screen readers follow the order of the lines; report.html is marked up for them.";
    doc.point(BODY, point);
}

fn meaning(doc: &mut Doc<'_>, report: &Report) {
    let (shows, not) = if report.not_asked().is_none() {
        ("What this document proves", "What it does not prove")
    } else {
        ("What this document shows", "What it does not show")
    };
    doc.heading(shows, 60.0);
    for point in [
        "Which DynamoDB tables AWS listed in the scope, at the time of collecting, and how each of them was judged.",
        "For each table: whether a backup plan's selection really takes it, which usable recovery points AWS Backup \
         listed, how old the newest of them was, how long they are kept, and which key encrypts them.",
        "Day by day over the window: whether the recovery points that AWS still lists show that a table was covered, exposed, or \
         neither.",
        "That every verdict rests on facts that the pack holds, and every fact on AWS's answers to the caller named under \
         \u{201c}Provenance\u{201d}.",
    ] {
        doc.point(BODY, point);
    }
    doc.heading(not, 60.0);
    if !report.asks_for_backups() {
        doc.point(
            BODY.bold(),
            "Whether tables are backed up: no rule that would answer it was required.",
        );
    }
    for point in [
        "That a restore succeeds: only a restore test shows that.",
        "That the contents of a recovery point are complete or correct: AWS does not say, and nothing here looks inside.",
        "Anything about accounts, Regions and tables outside the scope, or within it but listed as a gap.",
        "Anything about times before or after the evidence was collected. A proof over a period needs more than one scan.",
        "That the rules and the policy values fit the organisation's own obligations.",
    ] {
        doc.point(BODY, point);
    }
}

/// How the document is to be read.
pub(crate) fn reading(doc: &mut Doc<'_>) {
    super::cover::heading(doc, "How to read it");
    for point in [
        "Required rules decide whether a table is compliant: core rules, rules that a value of the policy asks for, and rules \
         that the settings require. Advised rules are judged and reported separately, and decide nothing.",
        "All times are UTC, retention is in days. Characters that the fonts of this document do not have, or that are \
         invisible, are spelled out, such as [U+1F600].",
    ] {
        doc.point(BODY, point);
    }
}

fn steps(doc: &mut Doc<'_>) {
    doc.heading("From AWS to a verdict", 80.0);
    for point in [
        "Collect: every account-Region pair in scope is read with list and describe calls, every page of every answer. A call \
         that still fails after its retries is a gap, with the reason that AWS gave.",
        "Derive: facts about each table follow from the answers. A fact is unknown if its evidence could not be read or leaves \
         it open.",
        "Evaluate: each rule compares facts with the policy in force: first whether it applies to a table, then whether the \
         table complies. The same evidence, rules and instant give the same report, byte for byte.",
    ] {
        doc.point(BODY, point);
    }
    doc.y += 2.0;
    doc.paragraph(
        BODY,
        "A recovery point counts as usable if its backup job completed, if it belongs to the table that exists now and not to an \
         earlier table of the same name, and if AWS still lists it. Partial evidence can prove that something exists, never \
         that it is absent: a fresh recovery point in a readable vault counts; an empty vault beside one that could not be \
         read proves nothing.",
    );
}

fn verdicts(doc: &mut Doc<'_>) {
    doc.heading("The four verdicts", 60.0);
    for verdict in Verdict::ALL {
        let meaning = match verdict {
            Verdict::NonCompliant => "the rule applies and its condition does not hold.",
            Verdict::Unknown => {
                "the outcome depends on evidence that could not be read, or AWS's own answers leave it open. Neither good news \
                 nor bad news."
            }
            Verdict::Compliant => "the rule applies and its condition holds, whatever the unknown facts may be.",
            Verdict::NotApplicable => {
                "the rule does not ask about this table, such as the retention of points that do not exist."
            }
        };
        doc.point(BODY, &format!("{} {}: {meaning}", symbol(verdict), word(verdict)));
    }
    doc.paragraph(
        BODY,
        "A table's verdict is the worst of its required rules: non-compliant, then unknown. It is compliant only if both \
         questions, whether it is in a plan and whether it is backed up, were asked and answered yes. A waiver accepts a finding \
         for a time; the finding stays in the report and is marked.",
    );
}

fn rules(doc: &mut Doc<'_>, report: &Report) {
    doc.heading("Rules applied", 30.0);
    if report.rules.is_empty() {
        doc.paragraph(BODY, "No rule was applied.");
        return;
    }
    // A tier may ask for what the rest does not.
    let of_findings = report.findings.iter().filter(|finding| finding.is_required());
    let required_somewhere: BTreeSet<&str> = of_findings.map(|finding| &*finding.rule).collect();
    let is_required = |rule: &&RuleLine| rule.level == Level::Required || required_somewhere.contains(rule.id.as_str());
    let (required, advised): (Vec<&RuleLine>, Vec<&RuleLine>) = report.rules.iter().partition(is_required);
    let one = |rule: &&RuleLine| match (rule.is_core, rule.level) {
        (true, Level::Required) => format!("{}, core: {}", rule.id, rule.title),
        (_, Level::Required) => rule.id.clone(),
        _ => format!("{} (of some tables)", rule.id),
    };
    // What the core asks, first.
    let mut required = required;
    required.sort_by_key(|rule| !rule.is_core);
    let text = required.iter().map(one).collect::<Vec<_>>().join("; ");
    doc.paragraph(SMALL, &text);
    if !advised.is_empty() {
        doc.y += SMALL_GAP;
        let text = format!(
            "And {} that only advise, counted under \u{201c}What needs action\u{201d}; report.html and `explain rules` say what each asks.",
            plural(advised.len(), "rule")
        );
        doc.paragraph(SMALL, &text);
    }
}
