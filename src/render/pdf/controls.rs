//! The control matrix of the frameworks that were chosen: every control, those that no rule answers included.

use std::collections::BTreeMap;

use super::doc::{BODY, CELL, Doc, FINE, GAP, MUTED, SMALL_GAP, symbol, word};
use super::table::{Column, Para, Table};
use super::template::Section;
use super::text::{grouped, plural};
use crate::domain::Verdict;
use crate::report::{ControlRow, FrameworkReport, Report};

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Controls.title(), false);
    if report.frameworks.is_empty() {
        let text = "No framework was chosen for this report, so no control is answered. `--framework` chooses one.";
        doc.paragraph(BODY, text);
        return;
    }
    doc.paragraph(
        BODY,
        "Which verdicts give evidence for which control. Direct: the control names backup, recovery or the protected \
         property. Supporting: a general requirement to which the answer contributes.",
    );
    doc.y += SMALL_GAP;
    let worst = worst_by_rule(report);
    for framework in &report.frameworks {
        matrix(doc, (framework, report), &worst);
    }
}

/// The worst verdict of each rule, waived findings left out.
fn worst_by_rule(report: &Report) -> BTreeMap<&str, Verdict> {
    let mut worst: BTreeMap<&str, Verdict> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| !finding.waived) {
        let verdict = worst.entry(&finding.rule).or_insert(finding.verdict);
        *verdict = verdict.worse(finding.verdict);
    }
    worst
}

/// The rules of a control by their worst verdict, or what answers it instead.
fn rules(doc: &Doc<'_>, (row, report): (&ControlRow, &Report), worst: &BTreeMap<&str, Verdict>) -> Vec<Para<'static>> {
    if row.rules.is_empty() {
        let instead = match row.answered.as_str() {
            "coverage" => "no rule: see \u{201c}Coverage and gaps\u{201d}",
            "evidence" => "no rule: the stored inventory and its manifest",
            "waivers" => "no rule: see \u{201c}Policy and waivers\u{201d}",
            "advised" if report.has_left_out(row) => "none of its rules was applied: they were left out of this scan",
            "advised" => "advised only: nothing fixes a value for it",
            _ => "no rule can answer this control",
        };
        return line(instead.to_owned());
    }
    let of = |verdict: Option<Verdict>| {
        let rules = row
            .rules
            .iter()
            .filter(|rule| worst.get(rule.as_str()).copied() == verdict);
        rules.map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    let judged = Verdict::ALL
        .into_iter()
        .map(|verdict| (Some(verdict), symbol(verdict), doc.colour_of(verdict)));
    let judged = judged.chain([(None, "not applied:", MUTED)]);
    judged
        .map(|(verdict, sign, colour)| (of(verdict), sign, colour))
        .filter(|(rules, ..)| !rules.is_empty())
        .map(|(rules, sign, colour)| Para::new(CELL.colour(colour), format!("{sign} {rules}")))
        .collect()
}

fn matrix(doc: &mut Doc<'_>, (framework, report): (&FrameworkReport, &Report), worst: &BTreeMap<&str, Verdict>) {
    let title = format!("{}, {}", framework.title, framework.version);
    doc.heading(&title, 80.0);
    doc.paragraph(BODY, &summary(framework));
    for sentence in &framework.laxer {
        let colour = doc.template.colours.non_compliant;
        doc.paragraph(
            BODY.bold().colour(colour),
            &format!("The policy asks for less than the framework: {sentence}."),
        );
    }
    doc.y += SMALL_GAP;
    let columns = [
        Column::new("Control", 62.0),
        Column::new("Evidence", 48.0),
        Column::new("Asks", 132.0),
        Column::new("Rules, by their worst verdict", 170.0),
        Column::new("Outcome", 98.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, &title);
    table.is_tight = true;
    let controls = by_control(framework);
    let (answered, others): (Vec<&ControlRow>, Vec<&ControlRow>) =
        controls.iter().partition(|row| row.answered == "rules");
    for row in answered.into_iter().chain(others) {
        let asks = if row.only_if.is_empty() {
            row.asks.clone()
        } else {
            format!("{} ({})", row.asks, row.only_if)
        };
        let rules = rules(doc, (row, report), worst);
        let outcome = outcome(doc, row);
        table.row(
            doc,
            &[
                vec![Para::new(CELL.bold(), row.id.as_str())],
                vec![Para::new(FINE.colour(MUTED), row.relation.as_str())],
                line(asks),
                rules,
                outcome,
            ],
        );
    }
    doc.y += GAP;
}

/// One row for each control: a framework may ask several things under one id.
fn by_control(framework: &FrameworkReport) -> Vec<ControlRow> {
    let mut controls: Vec<ControlRow> = Vec::new();
    for row in &framework.controls {
        let Some(control) = controls.iter_mut().find(|control| control.id == row.id) else {
            controls.push(row.clone());
            continue;
        };
        let is_apart = !row.rules.iter().any(|rule| control.rules.contains(rule));
        if row.relation == "direct" {
            control.relation.clone_from(&row.relation);
        }
        for (mine, other) in [(&mut control.asks, &row.asks), (&mut control.only_if, &row.only_if)] {
            if mine != other && !other.is_empty() {
                let between = if mine.is_empty() { "" } else { "; " };
                mine.push_str(&format!("{between}{other}"));
            }
        }
        // Findings of a rule that both ask are counted once.
        if is_apart {
            for (verdict, count) in &row.counts {
                *control.counts.entry(*verdict).or_default() += count;
            }
            control.waived += row.waived;
        }
        control.verdict = match (control.verdict, row.verdict) {
            (Some(mine), Some(other)) => Some(mine.worse(other)),
            (mine, other) => mine.or(other),
        };
        if row.answered == "rules" {
            control.answered.clone_from(&row.answered);
        }
        let own = control.rules.clone();
        control
            .rules
            .extend(row.rules.iter().filter(|rule| !own.contains(rule)).cloned());
        let own = control.advised.clone();
        control
            .advised
            .extend(row.advised.iter().filter(|rule| !own.contains(rule)).cloned());
    }
    controls
}

fn line(text: String) -> Vec<Para<'static>> {
    vec![Para::new(CELL, text)]
}

/// How many controls came out how, those without an answer among them.
fn summary(framework: &FrameworkReport) -> String {
    let controls = &by_control(framework);
    let mut parts: Vec<String> = Verdict::ALL
        .into_iter()
        .map(|verdict| {
            (
                verdict,
                controls.iter().filter(|row| row.verdict == Some(verdict)).count(),
            )
        })
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{} {}", grouped(count), word(verdict)))
        .collect();
    let unjudged = controls.iter().filter(|row| row.verdict.is_none()).count();
    if unjudged > 0 {
        parts.push(format!("{} not judged by any rule", grouped(unjudged)));
    }
    format!("{}: {}.", plural(controls.len(), "control"), parts.join(", "))
}

/// The worst verdict, and how many findings of each kind stand behind it.
fn outcome(doc: &Doc<'_>, row: &ControlRow) -> Vec<Para<'static>> {
    let Some(verdict) = row.verdict else {
        return vec![Para::new(CELL.colour(MUTED), "not judged")];
    };
    let mut counts: Vec<String> = [Verdict::NonCompliant, Verdict::Unknown, Verdict::Compliant]
        .into_iter()
        .filter_map(|verdict| {
            let count = row.counts.get(&verdict).copied().filter(|count| *count > 0)?;
            Some(format!("{} {}", grouped(count), word(verdict)))
        })
        .collect();
    if row.waived > 0 {
        counts.push(format!("{} waived", grouped(row.waived)));
    }
    vec![
        Para::new(
            CELL.bold().colour(doc.colour_of(verdict)),
            format!("{} {}", symbol(verdict), word(verdict)),
        ),
        Para::new(CELL, counts.join(", ")),
    ]
}
