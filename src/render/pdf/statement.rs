//! The one sentence that stands for the whole report, and what qualifies it.
//!
//! Good news needs every part to be good: tables were listed, all of them were judged, nothing is unknown, nothing is
//! missing. Anything less has words of its own and never the colour of compliance.

use std::collections::BTreeSet;

use super::doc::MUTED;
use super::template::{Colours, Rgb};
use super::text::{grouped, plural};
use crate::domain::{Subject, Verdict, rfc3339};
use crate::report::Report;

/// How the report ends, from bad to good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    NonCompliant,
    EvidenceMissing,
    NothingJudged,
    Waived,
    GapsElsewhere,
    Compliant,
}

/// The outcome in words.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) outcome: Outcome,
    pub(crate) headline: String,
    pub(crate) details: Vec<String>,
}

impl Statement {
    /// Draws the conclusion from the totals and the coverage.
    pub(crate) fn of(report: &Report) -> Self {
        let totals = &report.totals;
        let tables = |verdict| totals.tables_in_shade(verdict);
        let findings = |verdict| totals.findings_by_verdict.get(&verdict).copied().unwrap_or(0);
        let open = report.open_findings().count();
        let unread = report
            .coverage
            .targets
            .iter()
            .filter(|target| target.tables_listed.is_none())
            .count();
        let unknown_tables = tables(Verdict::Unknown).max(report.coverage.tables_unknown);
        let missing = unknown_tables > 0 || findings(Verdict::Unknown) > 0 || report.is_evidence_missing();
        let all = plural(totals.tables, "table");
        let (outcome, headline) = if open > 0 {
            let most = report.open_findings().map(|finding| finding.severity).max();
            let most = most.map_or("", |severity| severity.as_str());
            let findings = plural(open, "open finding");
            let of = |is_table: bool| -> BTreeSet<&str> {
                let findings = report.open_findings();
                let findings = findings.filter(|finding| (finding.subject == Subject::Table) == is_table);
                findings.map(|finding| &*finding.resource_arn).collect()
            };
            let on = match (of(true).len(), of(false).len()) {
                (tables, 0) => format!("{} of {all}", grouped(tables)),
                (0, others) => plural(others, "vault, plan, Region or waiver").replace("waivers", "waiver"),
                (tables, others) => format!(
                    "{} of {all} and {} beside them (vaults, plans, Regions, waivers)",
                    grouped(tables),
                    plural(others, "subject")
                ),
            };
            (
                Outcome::NonCompliant,
                format!("Not compliant: {findings} on {on}, the gravest of them {most}."),
            )
        } else if totals.tables == 0 {
            let text = "No table was judged: this document proves nothing about backups.";
            (Outcome::NothingJudged, text.to_owned())
        } else if missing {
            (Outcome::EvidenceMissing, "Not proven: evidence is missing.".to_owned())
        } else if findings(Verdict::Compliant) == 0 && totals.waived == 0 {
            let text = format!("Nothing was judged: no rule applies to any of the {all} listed.");
            (Outcome::NothingJudged, text)
        } else if tables(Verdict::Compliant) == 0 {
            // Good news of Regions or vaults, or waivers alone, are none of tables.
            let text = match totals.waived {
                0 => format!("No table was judged: no rule applies to any of the {all} listed."),
                number => {
                    let waived = plural(number, "finding");
                    format!("Nothing is proven: none of the {all} listed is compliant, with {waived} waived.")
                }
            };
            (Outcome::NothingJudged, text)
        } else if totals.waived > 0 {
            let text = format!(
                "Compliant with waivers: {} accepted.",
                plural(totals.waived, "non-compliant finding")
            );
            (Outcome::Waived, text)
        } else if !report.coverage.gaps.is_empty() || report.coverage.targets.iter().any(|t| t.status != "scanned") {
            let text = format!("Every verdict on the {all} is compliant, yet some calls went unanswered.");
            (Outcome::GapsElsewhere, text)
        } else {
            (
                Outcome::Compliant,
                format!("Compliant: every rule that applies holds, on {all}."),
            )
        };
        Self {
            outcome,
            headline,
            details: details(report, unread),
        }
    }

    /// The colour of the statement: that of compliance for [`Outcome::Compliant`] alone.
    pub(crate) fn colour(&self, colours: &Colours) -> Rgb {
        match self.outcome {
            Outcome::NonCompliant => colours.non_compliant,
            Outcome::EvidenceMissing | Outcome::NothingJudged | Outcome::GapsElsewhere => colours.unknown,
            Outcome::Waived => MUTED,
            Outcome::Compliant => colours.compliant,
        }
    }
}

fn details(report: &Report, unread: usize) -> Vec<String> {
    let totals = &report.totals;
    let tables = |verdict| totals.tables_in_shade(verdict);
    let mut details = Vec::new();
    if totals.tables > 0 {
        details.push(format!(
            "Tables by their worst verdict: {} non-compliant, {} unknown, {} compliant, {} not applicable.",
            grouped(tables(Verdict::NonCompliant)),
            grouped(tables(Verdict::Unknown)),
            grouped(tables(Verdict::Compliant)),
            grouped(tables(Verdict::NotApplicable)),
        ));
    }
    let unknown = totals.findings_by_verdict.get(&Verdict::Unknown).copied().unwrap_or(0);
    if unknown > 0 {
        let verdicts = plural(unknown, "verdict");
        details.push(format!(
            "{verdicts} of unknown outcome; each says why. Unknown is never good news."
        ));
    }
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
            "{} under a waiver: listed all the same.",
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
