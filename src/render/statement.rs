//! The one sentence that stands for the whole report, its title, and what qualifies it. PDF, HTML and Markdown all take
//! their words from here.
//!
//! Nothing is claimed that was not asked: only a report whose rules ask whether tables are in a plan and backed up is a
//! proof of backup, and only it may say "compliant". Good news needs every part to be good: tables were listed, all of them
//! were judged, nothing is unknown, nothing is missing. Anything less has words of its own and never the colour of
//! compliance.

use std::collections::BTreeSet;

use super::pdf::text::{grouped, plural};
use crate::domain::{Answer, Finding, Level, Severity, Subject, Verdict, rfc3339};
use crate::report::{Report, RuleLine};

/// How the report ends, from bad to good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    NonCompliant,
    EvidenceMissing,
    NothingJudged,
    /// Nothing is wrong by the rules that ran, which do not ask whether tables are backed up.
    NotAsked,
    Waived,
    /// Good so far: the first backup of some tables is not due yet.
    NotYetDue,
    GapsElsewhere,
    Compliant,
}

/// The outcome in words.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) outcome: Outcome,
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
    /// Draws the conclusion from the totals and the coverage.
    pub(crate) fn of(report: &Report) -> Self {
        let (outcome, short, sentence) = conclusion(report);
        let is_proof = report.asks_for_backups();
        let title = if is_proof {
            "Proof of backup".to_owned()
        } else {
            format!("Checks of {}", plural(required_rules(report).count(), "rule"))
        };
        let headline = if is_proof {
            format!("{short}: {sentence}.")
        } else {
            format!("{title}: {sentence}; whether tables are backed up was not asked.")
        };
        Self {
            outcome,
            title,
            short,
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

fn conclusion(report: &Report) -> (Outcome, String, String) {
    let totals = &report.totals;
    let is_proof = report.asks_for_backups();
    let tables = |answer| totals.tables_by_verdict.get(&answer).copied().unwrap_or(0);
    let all = plural(totals.tables, "table");
    let say = |outcome, proof: &str, check: &str, sentence: String| {
        (outcome, if is_proof { proof } else { check }.to_owned(), sentence)
    };
    let waived = report
        .findings
        .iter()
        .filter(|finding| finding.waived && finding.is_required());
    let waived = waived.count();
    if report.open_findings().next().is_some() {
        return say(Outcome::NonCompliant, "Not compliant", "Findings", failures(report));
    }
    if totals.tables == 0 {
        let text = "no table was judged, so this document proves nothing about backups".to_owned();
        return say(Outcome::NothingJudged, "Nothing to prove", "Nothing was judged", text);
    }
    let is_missing = tables(Answer::Unknown) > 0 || report.coverage.tables_unknown > 0 || report.is_evidence_missing();
    if is_missing {
        let text = match tables(Answer::Unknown) {
            0 => "evidence is missing".to_owned(),
            unknown => format!(
                "evidence is missing, and {} of {all} cannot be decided",
                grouped(unknown)
            ),
        };
        return say(Outcome::EvidenceMissing, "Not proven", "Evidence is missing", text);
    }
    if !is_proof {
        let applies = |finding: &&Finding| finding.verdict != Verdict::NotApplicable && finding.is_required();
        let text = match (report.findings.iter().filter(applies).count(), waived) {
            (0, _) => format!("none of them applies to the {all} listed"),
            (_, 0) => "no required finding is open".to_owned(),
            (_, waived) => format!("no required finding is open, with {} waived", grouped(waived)),
        };
        return (Outcome::NotAsked, "No open finding".to_owned(), text);
    }
    let good = tables(Answer::Compliant);
    let of_all = if good == totals.tables {
        let every = if good == 1 { "the one table is" } else { "are" };
        if good == 1 {
            every.to_owned()
        } else {
            format!("all {all} {every}")
        }
    } else {
        format!("{} of {all} {}", grouped(good), if good == 1 { "is" } else { "are" })
    };
    let backed_up = format!("{of_all} in a plan and backed up");
    if good == 0 {
        let text = match waived {
            0 => format!("none of the {all} listed was judged compliant"),
            waived => format!(
                "none of the {all} listed is compliant, with {} waived",
                plural(waived, "finding")
            ),
        };
        (Outcome::NothingJudged, "Nothing to prove".to_owned(), text)
    } else if waived > 0 {
        let text = format!("{backed_up}; {} waived", plural(waived, "required finding"));
        (Outcome::Waived, "Compliant with waivers".to_owned(), text)
    } else if tables(Answer::NotYetDue) > 0 {
        let text = format!(
            "{backed_up}; the first backup of {} is not due yet",
            plural(tables(Answer::NotYetDue), "other table")
        );
        (Outcome::NotYetDue, "Compliant so far".to_owned(), text)
    } else if !report.coverage.gaps.is_empty() || report.coverage.targets.iter().any(|t| t.status != "scanned") {
        let text = format!("{backed_up}, yet some calls were not answered");
        (Outcome::GapsElsewhere, "Compliant, with gaps".to_owned(), text)
    } else {
        (Outcome::Compliant, "Compliant".to_owned(), backed_up)
    }
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
    if !report.asks_for_backups() && !report.rules.is_empty() {
        let rules: Vec<&str> = required_rules(report).map(|rule| rule.id.as_str()).collect();
        let named = rules[..rules.len().min(NAMED)].join(", ");
        let more = match rules.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {} more", grouped(more)),
        };
        details.push(format!("Rules that ran: {named}{more}."));
    }
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
        details.push(format!(
            "Since the baseline of {}: {} new, {} known.",
            rfc3339(baseline.as_of),
            plural(baseline.new_count, "open finding"),
            grouped(baseline.known_count)
        ));
    }
    if totals.waived > 0 {
        details.push(format!(
            "{} waived: listed all the same.",
            plural(totals.waived, "finding")
        ));
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
