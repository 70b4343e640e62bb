//! What a person sees after a scan: the headline, what is wrong by rule, what could not be told, what was not read.
//!
//! No meaning by colour, no control characters, a fixed order.

use std::collections::BTreeMap;

use crate::domain::{Finding, Subject, Verdict, rfc3339};
use crate::problem::count;
use crate::report::{Compared, Since};
use crate::report::{FrameworkReport, Report, RuleLine};
use crate::text::{self, one_line};

/// Tables named under each rule; the rest are counted.
const NAMED: usize = 5;

/// Before a finding.
const INDENT: &str = "    ";

/// A terminal that is narrower than this breaks lines itself: what is cut there says too little.
const LEAST_WIDTH: usize = 60;

/// The summary. For a terminal of this width a finding is cut to one line; without a width nothing is cut.
pub(crate) fn summary(report: &Report, width: Option<usize>) -> String {
    let mut text = String::new();
    let scan = &report.scan;
    text.push_str(&format!(
        "as of {} by {}\n",
        rfc3339(scan.as_of),
        one_line(&scan.caller_arn)
    ));
    text.push_str(&coverage_line(report));
    for sentence in report.foreign() {
        text.push_str(&format!("{}\n", one_line(&sentence)));
    }
    for (verdict, title) in [(Verdict::NonCompliant, "NON-COMPLIANT"), (Verdict::Unknown, "UNKNOWN")] {
        let mut by_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in report
            .findings
            .iter()
            .filter(|finding| finding.verdict == verdict && !finding.waived)
        {
            by_rule.entry(&finding.rule).or_default().push(finding);
        }
        let mut rules: Vec<&RuleLine> = report
            .rules
            .iter()
            .filter(|rule| by_rule.contains_key(rule.id.as_str()))
            .collect();
        rules.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
        if !rules.is_empty() {
            text.push_str(&format!("\n{title}\n"));
        }
        for rule in rules {
            let findings = &by_rule[rule.id.as_str()];
            let mut of_kind: BTreeMap<Subject, usize> = BTreeMap::new();
            for finding in findings {
                *of_kind.entry(finding.subject).or_default() += 1;
            }
            let subjects: Vec<String> = of_kind
                .iter()
                .map(|(kind, number)| count(*number, noun(*kind)))
                .collect();
            let subjects = subjects.join(", ");
            text.push_str(&format!("\n  {} ({}): {subjects}\n", rule.id, rule.severity));
            for finding in findings.iter().take(NAMED) {
                text.push_str(&cut(&finding_line(report, finding), width));
            }
            if findings.len() > NAMED {
                text.push_str(&format!("    … and {} more\n", findings.len() - NAMED));
            }
        }
    }
    for framework in &report.frameworks {
        text.push_str(&framework_lines(framework));
    }
    text.push_str(&closing(report));
    text
}

/// How many open findings are new, and how many were open before.
pub(crate) fn since_line(baseline: &Compared) -> String {
    format!(
        "since {}: {} new, {} known",
        rfc3339(baseline.as_of),
        count(baseline.new_count, "open finding"),
        baseline.known_count
    )
}

/// How many controls of a framework hold, how many do not, and how many no rule can answer.
fn framework_lines(framework: &FrameworkReport) -> String {
    let of = |verdict: Option<Verdict>| {
        let controls = framework.controls.iter().filter(|row| row.answered == "rules");
        controls.filter(|row| row.verdict == verdict).count()
    };
    let unanswered = framework.controls.iter().filter(|row| row.answered != "rules").count();
    format!(
        "\n{} ({}): {} with non-compliant findings, {} with unknown ones, {} compliant, {} not judged; {} that no rule answers\n",
        framework.title,
        framework.version,
        count(of(Some(Verdict::NonCompliant)), "control"),
        of(Some(Verdict::Unknown)),
        of(Some(Verdict::Compliant)),
        of(Some(Verdict::NotApplicable)) + of(None),
        unanswered
    )
}

/// What a rule judges, for counting.
fn noun(subject: Subject) -> &'static str {
    match subject {
        Subject::RecoveryPoint => "recovery point",
        other => other.as_str(),
    }
}

fn finding_line(report: &Report, finding: &Finding) -> String {
    let place = if finding.target.account_id.is_empty() {
        String::new()
    } else {
        format!(" ({}, {})", finding.target.account_id, finding.target.region)
    };
    let mark = match report.since(finding) {
        Some(Since::New) => "new: ",
        Some(Since::Known) | None => "",
    };
    format!(
        "{mark}{}{place}: {}",
        one_line(&finding.resource_name),
        one_line(&finding.message)
    )
}

fn cut(line: &str, width: Option<usize>) -> String {
    match width {
        Some(width) => format!("{INDENT}{}\n", text::cut(line, width.max(LEAST_WIDTH) - INDENT.len())),
        None => format!("{INDENT}{line}\n"),
    }
}

fn coverage_line(report: &Report) -> String {
    let coverage = &report.coverage;
    let mut text = format!(
        "{} in {}: {} listed, {} described",
        count(coverage.targets.len(), "target"),
        count(coverage.accounts.len(), "account"),
        count(coverage.tables_listed, "table"),
        coverage.tables_described
    );
    for (number, word) in [
        (coverage.tables_vanished, "vanished meanwhile"),
        (coverage.tables_unknown, "not described"),
    ] {
        if number > 0 {
            text.push_str(&format!(", {number} {word}"));
        }
    }
    format!(
        "{text}; {} to AWS\n",
        count(usize::try_from(report.scan.call_count).unwrap_or(usize::MAX), "request")
    )
}

fn closing(report: &Report) -> String {
    let of = |verdict: Verdict| report.totals.tables_in_shade(verdict);
    let mut parts = Vec::new();
    for (verdict, word) in [
        (Verdict::NonCompliant, "non-compliant"),
        (Verdict::Unknown, "unknown"),
        (Verdict::Compliant, "compliant"),
        (Verdict::NotApplicable, "not judged"),
    ] {
        if of(verdict) > 0 {
            parts.push(format!("{} {word}", of(verdict)));
        }
    }
    let tables = if parts.is_empty() {
        "no table was judged".to_owned()
    } else {
        parts.join(", ")
    };
    let gaps = match report.coverage.gaps.len() {
        0 => "everything in scope was read".to_owned(),
        gaps => format!("{}, listed in the report", count(gaps, "gap")),
    };
    let verdict = if report.open_findings().next().is_some() {
        "not compliant"
    } else if report.is_evidence_missing() {
        "not proven: evidence is missing"
    } else if of(Verdict::Compliant) == 0 {
        "nothing to prove"
    } else if report.coverage.gaps.is_empty() {
        "compliant"
    } else {
        "compliant; the gaps touch no verdict"
    };
    let since = report
        .baseline
        .as_ref()
        .map(|baseline| format!("{}\n", since_line(baseline)));
    format!("\ntables: {tables}; {gaps}\n{}{verdict}\n", since.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn lines_are_cut_for_a_terminal_and_nowhere_else() {
        let report = sample::report(97);
        let longest = |width| {
            let text = summary(&report, width);
            let findings = text.lines().filter(|line| line.starts_with(INDENT));
            findings.map(|line| line.chars().count()).max().unwrap_or_default()
        };
        assert!(longest(None) > 250, "a table's name alone has 249 characters");
        assert_eq!(longest(Some(200)), 200);
        assert_eq!(longest(Some(110)), 110);
        assert_eq!(summary(&report, Some(1)), summary(&report, Some(LEAST_WIDTH)));
        assert!(summary(&report, None).lines().all(|line| !line.ends_with('…')));
    }
}
