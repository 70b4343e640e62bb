//! The one sentence that stands for the whole report, its title, and what qualifies it. PDF, HTML and Markdown all take
//! their words from here.
//!
//! Nothing is claimed that was not asked: only a report whose rules ask whether tables are in a plan and backed up is a
//! proof of backup, and only it may say "compliant". Good news needs every part to be good: tables were listed, all of them
//! were judged, nothing is unknown, nothing is missing. Anything less has words of its own and never the colour of
//! compliance.

use std::collections::BTreeSet;

use super::pdf::text::{grouped, plural};
use crate::domain::{Answer, Finding, Level, Severity, Subject, Verdict};
use crate::report::{Conclusion, Report, RuleLine};

/// The outcome in words.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) conclusion: Conclusion,
    /// What the document is: "Proof of backup" where the rules ask for backups, else what was checked.
    pub(crate) title: String,
    /// The outcome in a few words.
    pub(crate) short: String,
    /// The outcome in one sentence.
    pub(crate) headline: String,
    pub(crate) details: Vec<String>,
}

/// Rules named in a sentence; the rest are counted.
const NAMED: usize = 12;

impl Statement {
    /// Puts the conclusion into words.
    pub(crate) fn of(report: &Report) -> Self {
        let conclusion = report.conclusion();
        let not_asked = report.not_asked();
        let is_proof = not_asked.is_none();
        let title = if is_proof {
            "Proof of backup".to_owned()
        } else {
            format!("Checks of {}", plural(required_rules(report).count(), "rule"))
        };
        let short = match (conclusion, is_proof) {
            (Conclusion::NonCompliant, true) => "Not compliant",
            (Conclusion::NonCompliant, false) => "Findings",
            (Conclusion::EvidenceMissing, true) => "Not proven",
            (Conclusion::EvidenceMissing, false) => "Evidence is missing",
            (Conclusion::NotAsked | Conclusion::PolicyNotAsked, _) => "No required finding",
            (Conclusion::NothingToProve, _) => "Nothing to prove",
            (Conclusion::Waived, _) => "Compliant with waivers",
            (Conclusion::GapsElsewhere, _) => "Compliant, with gaps",
            (Conclusion::Compliant, _) => "Compliant",
        };
        let sentence = sentence(report, conclusion);
        let headline = match not_asked {
            None => format!("{short}: {sentence}."),
            Some(not_asked) => format!("{title}: {sentence}; {not_asked}."),
        };
        Self {
            conclusion,
            title,
            short: short.to_owned(),
            headline,
            details: details(report),
        }
    }

    /// The sentence without the words that stand above it.
    pub(crate) fn sentence(&self) -> &str {
        let above = [&self.short, &self.title];
        let rest = above
            .iter()
            .find_map(|text| self.headline.strip_prefix(&format!("{text}: ")));
        rest.unwrap_or(&self.headline)
    }
}

/// The rules that decide; all of them where none does.
fn required_rules(report: &Report) -> impl Iterator<Item = &RuleLine> {
    let is_required = |rule: &RuleLine| rule.level == Level::Required;
    let any = report.rules.iter().any(is_required);
    report.rules.iter().filter(move |rule| !any || is_required(rule))
}

fn sentence(report: &Report, conclusion: Conclusion) -> String {
    let totals = &report.totals;
    let tables = |answer| totals.tables_by_verdict.get(&answer).copied().unwrap_or(0);
    let all = plural(totals.tables, "table");
    let is_waived = |finding: &&Finding| finding.waived && finding.is_required();
    let waived = report.findings.iter().filter(is_waived).count();
    match conclusion {
        Conclusion::NonCompliant => failures(report),
        Conclusion::EvidenceMissing => match tables(Answer::Unknown) {
            0 => "evidence is missing".to_owned(),
            unknown => format!(
                "evidence is missing, and {} of {all} cannot be decided",
                grouped(unknown)
            ),
        },
        Conclusion::NotAsked | Conclusion::PolicyNotAsked => {
            let applies = |finding: &&Finding| finding.verdict != Verdict::NotApplicable && finding.is_required();
            match (report.findings.iter().filter(applies).count(), waived) {
                _ if report.not_asked().is_none() => format!(
                    "nothing failed of what was asked, and of {} of {all} it was not asked whether they are backed up",
                    grouped(tables(Answer::NotAsked))
                ),
                (0, _) => format!("no required rule applies to what was found on {all}"),
                (_, 0) => "nothing failed of what was asked".to_owned(),
                (_, waived) => format!("nothing failed of what was asked, with {} waived", grouped(waived)),
            }
        }
        Conclusion::NothingToProve if totals.tables == 0 => {
            "no table was judged, so this document proves nothing about backups".to_owned()
        }
        Conclusion::NothingToProve if waived > 0 => {
            format!("none of {all} is compliant, with {} waived", plural(waived, "finding"))
        }
        Conclusion::NothingToProve => format!("none of {all} was judged compliant, and none failed"),
        Conclusion::Waived => format!("{}; {} waived", backed_up(report), plural(waived, "required finding")),
        Conclusion::GapsElsewhere => format!(
            "{}; some calls that no verdict needs were not answered",
            backed_up(report)
        ),
        Conclusion::Compliant => backed_up(report),
    }
}

/// How many tables are compliant, and what is not due yet.
fn backed_up(report: &Report) -> String {
    let tables = |answer| report.totals.tables_by_verdict.get(&answer).copied().unwrap_or(0);
    let (good, all) = (tables(Answer::Compliant), report.totals.tables);
    let verb = if good == 1 { "is" } else { "are" };
    let of_all = match (good, all) {
        (1, 1) => "the one table".to_owned(),
        (good, all) if good == all => format!("all {}", plural(all, "table")),
        (good, all) => format!("{} of {}", grouped(good), plural(all, "table")),
    };
    let young = match tables(Answer::NotYetDue) {
        0 => String::new(),
        young => format!("; the first backup of {} is not due yet", plural(young, "other")),
    };
    format!("{of_all} {verb} in a plan and backed up{young}")
}

/// How many required findings there are, on what, and how grave.
fn failures(report: &Report) -> String {
    let of = |is_table: bool| -> BTreeSet<&str> {
        let findings = report.open_findings();
        let findings = findings.filter(|finding| (finding.subject == Subject::Table) == is_table);
        findings.map(|finding| &*finding.resource_arn).collect()
    };
    let others = |count: usize| match count {
        1 => "1 vault, plan, Region or waiver".to_owned(),
        count => format!("{} vaults, plans, Regions or waivers", grouped(count)),
    };
    let all = plural(report.totals.tables, "table");
    let on = match (of(true).len(), of(false).len()) {
        (tables, 0) => format!("{} of {all}", grouped(tables)),
        (0, count) => others(count),
        (tables, count) => format!("{} of {all} and {}", grouped(tables), others(count)),
    };
    let by_severity = &report.totals.non_compliant_by_severity;
    let worst = Severity::ALL.into_iter().rev().find_map(|severity| {
        Some((
            severity,
            by_severity.get(&severity).copied().filter(|count| *count > 0)?,
        ))
    });
    let findings = plural(report.open_findings().count(), "required finding");
    match worst {
        Some((severity, count)) => format!("{findings} on {on}, including {} {severity}", grouped(count)),
        None => format!("{findings} on {on}"),
    }
}

fn details(report: &Report) -> Vec<String> {
    let totals = &report.totals;
    let mut details = Vec::new();
    if report.not_asked().is_some() && !report.rules.is_empty() {
        let rules: Vec<&str> = required_rules(report).map(|rule| rule.id.as_str()).collect();
        let named = rules[..rules.len().min(NAMED)].join(", ");
        let more = match rules.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {} more", grouped(more)),
        };
        details.push(format!("Rules that ran: {named}{more}."));
    }
    details.extend(report.coverage.switched_off.iter().map(|off| format!("{off}.")));
    let is_unknown =
        |finding: &&Finding| finding.verdict == Verdict::Unknown && finding.is_required() && !finding.waived;
    let unknown = report.findings.iter().filter(is_unknown).count();
    if unknown > 0 {
        let verdicts = plural(unknown, "required verdict");
        details.push(format!(
            "{verdicts} could not be decided; each says why. Unknown is never good news."
        ));
    }
    let unread = report
        .coverage
        .targets
        .iter()
        .filter(|target| target.tables_listed.is_none())
        .count();
    if unread > 0 {
        let targets = plural(unread, "account-Region pair");
        details.push(format!(
            "{targets} whose tables could not be listed in full: tables there may not appear at all."
        ));
    }
    if let Some(baseline) = &report.baseline {
        let notes = std::iter::once(baseline.line()).chain(baseline.notes());
        details.extend(notes.map(|note| format!("{}.", capitalised(&note))));
    }
    details.extend(
        report
            .changes
            .iter()
            .map(|change| format!("{}.", capitalised(&change.line()))),
    );
    if totals.waived > 0 {
        details.push(format!("{} waived: still listed.", plural(totals.waived, "finding")));
    }
    if !report.coverage.gaps.is_empty() {
        let gaps = plural(report.coverage.gaps.len(), "gap");
        details.push(format!(
            "{gaps} in the evidence: see \u{201c}Coverage and gaps\u{201d}."
        ));
    }
    if report.rules.is_empty() {
        details.push("No rule was applied.".to_owned());
    }
    // Good news by somebody else's rules is somebody else's good news.
    details.extend(report.foreign());
    details
}
/// A sentence begins with a capital.
pub(crate) fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
