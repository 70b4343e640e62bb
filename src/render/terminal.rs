//! What a person sees after a scan: what is wrong, grouped by cause, and last the answer in a few lines.
//!
//! No meaning by colour, no control characters, a fixed order.

use std::collections::{BTreeMap, BTreeSet};

use super::digest::Digest;
use crate::domain::{Finding, Gap, GapKind, Level, Question, Severity, Verdict, rfc3339};
use crate::problem::count;
use crate::report::{Conclusion, FrameworkReport, Report, RuleLine, Since};
use crate::text::{self, one_line};

/// Tables named under each cause; the rest are counted.
const NAMED: usize = 5;

/// Tables named in the digest, if there is room for them.
const WORST: usize = 5;

/// Lines of the digest, blank ones left out, with the one of the outcome.
const MOST_LINES: usize = 15;

/// Before a finding.
const INDENT: &str = "    ";

/// A terminal that is narrower than this breaks lines itself: what is cut there says too little.
const LEAST_WIDTH: usize = 60;

/// What of the findings is listed above the digest. The digest is about all of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    /// Of these questions; empty: of all.
    pub(crate) questions: Vec<Question>,
    /// Of this severity and worse.
    pub(crate) min_severity: Option<Severity>,
    /// Advised findings too.
    pub(crate) advised: bool,
}

impl Listing {
    fn takes(&self, finding: &Finding) -> bool {
        let is_asked_for = self.questions.is_empty() || self.questions.contains(&finding.question);
        let is_grave = self.min_severity.is_none_or(|least| finding.severity >= least);
        is_asked_for && is_grave && (self.advised || finding.is_required()) && !finding.waived
    }
}

/// What stands above the digest: what is wrong and what could not be told, by cause. For a terminal of this width a finding is
/// cut to one line; without a width nothing is cut.
pub(crate) fn list(report: &Report, listed: &Listing, width: Option<usize>) -> String {
    let mut text = String::new();
    for sentence in report.foreign() {
        text.push_str(&format!("{}\n", one_line(&sentence)));
    }
    if let Some(not_asked) = report.not_asked().filter(|_| !report.left_out.is_empty()) {
        text.push_str(&format!("not asked: {}\n", one_line(&not_asked)));
    }
    for (level, verdict, title) in [
        (Level::Required, Verdict::NonCompliant, "NON-COMPLIANT"),
        (Level::Required, Verdict::Unknown, "UNKNOWN"),
        (Level::Advised, Verdict::NonCompliant, "ADVISED"),
    ] {
        let is_of = |finding: &&Finding| finding.level == level && finding.verdict == verdict && listed.takes(finding);
        text.push_str(&causes(report, title, report.findings.iter().filter(is_of), width));
    }
    for framework in &report.frameworks {
        text.push_str(&framework_lines(report, framework));
    }
    if let Some(baseline) = &report.baseline {
        let notes = baseline.notes();
        if !notes.is_empty() {
            text.push_str(&format!("\nSINCE {}\n\n", rfc3339(baseline.as_of)));
        }
        for note in notes {
            text.push_str(&cut_to(&one_line(&note), "  ", width));
        }
    }
    text
}

/// Findings of one kind, each cause once with the names of what it is about.
fn causes<'r>(
    report: &'r Report,
    title: &str,
    findings: impl Iterator<Item = &'r Finding>,
    width: Option<usize>,
) -> String {
    let mut by_rule: BTreeMap<&str, BTreeMap<String, Vec<&Finding>>> = BTreeMap::new();
    for finding in findings {
        let by_cause = by_rule.entry(&finding.rule).or_default();
        by_cause.entry(shape(&finding.message)).or_default().push(finding);
    }
    let mut rules: Vec<&RuleLine> = report.rules.iter().collect();
    rules.retain(|rule| by_rule.contains_key(rule.id.as_str()));
    rules.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
    if rules.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{title}\n");
    for rule in rules {
        let mut by_cause: Vec<&Vec<&Finding>> = by_rule[rule.id.as_str()].values().collect();
        // Stable: causes of one size stay in the order of their words.
        by_cause.sort_by_key(|findings| std::cmp::Reverse(findings.len()));
        let all = by_cause.iter().map(|findings| findings.len()).sum::<usize>();
        text.push_str(&format!(
            "\n  {} ({}): {}\n",
            rule.id,
            rule.severity,
            count(all, "finding")
        ));
        for findings in by_cause {
            let names: Vec<String> = findings
                .iter()
                .take(NAMED)
                .map(|finding| named(report, finding))
                .collect();
            let more = match findings.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let line = format!("{}{more}: {}", names.join(", "), one_line(&findings[0].message));
            text.push_str(&cut(&line, width));
        }
    }
    text
}

/// A message without its numbers: findings that differ in nothing else have one cause.
fn shape(message: &str) -> String {
    message
        .chars()
        .filter(|character| !character.is_ascii_digit())
        .collect()
}

/// The answer in a few lines.
pub(crate) fn digest(report: &Report, width: Option<usize>) -> String {
    let digest = Digest::of(report);
    let mut text = format!("\n{} as of {}\n\n", digest.scope, rfc3339(report.scan.as_of));
    for asked in &digest.questions {
        let parts: Vec<String> = asked
            .answers
            .iter()
            .map(|(answer, number, note)| match note.as_str() {
                "" => format!("{number} {}", answer.words()),
                note => format!("{number} {} ({note})", answer.words()),
            })
            .collect();
        let answers = if parts.is_empty() {
            "no table".to_owned()
        } else {
            parts.join("   ")
        };
        text.push_str(&format!("  {:<12} {answers}\n", asked.question.words()));
    }
    if !digest.action.is_empty() {
        let need = if digest.action.len() == 1 {
            "table needs"
        } else {
            "tables need"
        };
        let first = if digest.action.len() > WORST {
            "; worst first"
        } else {
            ""
        };
        text.push_str(&format!("\n{} {need} action{first}:\n", digest.action.len()));
    }
    let rest = rest_of(report, &digest, width);
    let lines = text.lines().chain(rest.lines()).filter(|line| !line.is_empty()).count();
    // The outcome takes the last line.
    let worst = WORST.min(MOST_LINES.saturating_sub(lines + 1));
    for needs in digest.action.iter().take(worst) {
        let table = &report.tables[needs.place];
        let place = report.place(&table.target);
        let head = format!("{} ({})", one_line(&table.table_name), one_line(&place));
        let (why, what) = (one_line(&needs.why), one_line(&needs.what));
        let why = width.map_or_else(
            || why.clone(),
            |width| cut_why(&head, &why, &what, width.max(LEAST_WIDTH)),
        );
        text.push_str(&cut_to(&format!("{head}: {why} -> {what}"), "  ", width));
    }
    text + &rest
}

/// What else is open, and what was not read or not asked.
fn rest_of(report: &Report, digest: &Digest, width: Option<usize>) -> String {
    let mut text = String::new();
    let mut open: Vec<String> = digest
        .by_severity
        .iter()
        .map(|(severity, number)| format!("{number} {severity}"))
        .collect();
    if !digest.elsewhere.is_empty() {
        open.push(format!("of these on {}", digest.elsewhere));
    }
    let mut findings = Vec::new();
    if !open.is_empty() {
        findings.push(format!("required findings: {}", open.join(", ")));
    }
    if digest.advised > 0 {
        let advised = count(digest.advised, "advised finding");
        findings.push(format!("{advised}: `report --advised`, or report.html"));
    }
    if !findings.is_empty() {
        text.push_str(&format!("{}\n", findings.join("; ")));
    }
    let is_denied = |gap: &&Gap| gap.kind == GapKind::Denied;
    let denied: BTreeSet<&str> = report
        .coverage
        .gaps
        .iter()
        .filter(is_denied)
        .map(|gap| gap.action.as_str())
        .collect();
    if !denied.is_empty() {
        let actions: Vec<&str> = denied.into_iter().collect();
        let line = format!(
            "denied, so unknown: {}; allow it for the audit role",
            actions.join(", ")
        );
        text.push_str(&cut_to(&line, "", width));
    }
    // Those of core rules stand beside the outcome.
    let is_told = |sentence: &&String| !report.coverage.switched_off.contains(sentence);
    for sentence in report.coverage.not_asked.iter().filter(is_told) {
        text.push_str(&cut_to(&format!("not asked: {sentence}"), "", width));
    }
    if let Some(baseline) = &report.baseline {
        text.push_str(&format!("{}\n", baseline.line()));
    }
    for change in &report.changes {
        text.push_str(&format!("{}\n", change.line()));
    }
    text
}

/// The reason as far as a line of this width has room for it, so that what to do is there whole; never to nothing.
fn cut_why(head: &str, why: &str, what: &str, width: usize) -> String {
    const LEAST: usize = 16;
    let of = |text: &str| text.chars().count();
    // Two before the name, two after it, and the arrow.
    let room = width.saturating_sub(of(head) + of(what) + 8);
    text::cut(why, room.max(LEAST))
}

/// The outcome in words, with the tables that it does not speak of; without the exit code. `since`: what a baseline adds.
pub(crate) fn outcome(report: &Report, since: &str) -> String {
    let off = &report.coverage.switched_off;
    let words = match report.conclusion() {
        Conclusion::NotAsked if !off.is_empty() => "nothing failed of what was asked",
        conclusion => conclusion.words(),
    };
    let mut parts = vec![format!("{words}{since}")];
    parts.extend(off.iter().map(|off| one_line(off)));
    parts.join("; ")
}

/// How many controls of a framework hold, how many do not, and how many rules do not answer.
fn framework_lines(report: &Report, framework: &FrameworkReport) -> String {
    let of = |verdict: Option<Verdict>| {
        let controls = framework.controls.iter().filter(|row| row.answered == "rules");
        controls.filter(|row| row.verdict == verdict).count()
    };
    let left_out = framework.controls.iter().filter(|row| report.has_left_out(row));
    let left_out = left_out.count();
    let unanswered = framework.controls.iter().filter(|row| row.answered != "rules").count() - left_out;
    let left_out = match left_out {
        0 => String::new(),
        left_out => format!(", {left_out} whose rules were left out"),
    };
    format!(
        "\n{} ({}): {} with non-compliant findings, {} with unknown ones, {} compliant, {} not judged; {} not answered by rules{left_out}\n",
        framework.title,
        framework.version,
        count(of(Some(Verdict::NonCompliant)), "control"),
        of(Some(Verdict::Unknown)),
        of(Some(Verdict::Compliant)),
        of(Some(Verdict::NotApplicable)) + of(None),
        unanswered
    )
}

/// What a finding is about, and where that is.
fn named(report: &Report, finding: &Finding) -> String {
    let place = if finding.target.account_id.is_empty() {
        String::new()
    } else {
        format!(" ({})", one_line(&report.place(&finding.target)))
    };
    let mark = report.since(finding).and_then(Since::mark);
    let mark = mark.map_or_else(String::new, |mark| format!("{mark}: "));
    format!("{mark}{}{place}", one_line(&finding.resource_name))
}

fn cut(line: &str, width: Option<usize>) -> String {
    cut_to(line, INDENT, width)
}

fn cut_to(line: &str, indent: &str, width: Option<usize>) -> String {
    match width {
        Some(width) => format!("{indent}{}\n", text::cut(line, width.max(LEAST_WIDTH) - indent.len())),
        None => format!("{indent}{line}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn denied(action: &str, report: &mut Report) {
        let mut gap = report.coverage.gaps[0].clone();
        (gap.kind, gap.action) = (GapKind::Denied, action.to_owned());
        report.coverage.gaps.push(gap);
    }

    #[test]
    fn the_digest_has_at_most_15_lines_and_names_denied_actions_once() {
        let mut report = sample::report(97);
        report
            .coverage
            .gaps
            .iter_mut()
            .for_each(|gap| gap.kind = GapKind::Failed);
        let lines = |report: &Report| digest(report, None).lines().filter(|line| !line.is_empty()).count() + 1;
        assert!(!digest(&report, None).contains("denied"), "{}", digest(&report, None));
        for action in ["kms:DescribeKey", "backup:ListBackupPlans", "kms:DescribeKey"] {
            denied(action, &mut report);
        }
        let text = digest(&report, None);
        let wanted = "\ndenied, so unknown: backup:ListBackupPlans, kms:DescribeKey; allow it for the audit role\n";
        assert!(text.contains(wanted), "{text}");
        for rules in ["a", "b"] {
            report.coverage.not_asked.push(rules.to_owned());
            assert!(lines(&report) <= MOST_LINES, "{}", digest(&report, None));
        }
        assert!(digest(&report, None).matches(" -> ").count() >= 3);
        // What a core rule is off for stands beside the outcome, and in no line of its own.
        report.coverage.switched_off = vec!["b".to_owned()];
        assert!(!digest(&report, None).contains("not asked: b"));
        assert!(outcome(&report, "").ends_with("; b"), "{}", outcome(&report, ""));
    }

    #[test]
    fn what_to_do_is_whole_on_a_narrow_terminal() {
        let report = sample::report(97);
        let whole = digest(&report, None);
        let cut = digest(&report, Some(100));
        let actions = |text: &str| -> Vec<String> {
            let lines = text
                .lines()
                .filter_map(|line| Some(line.rsplit_once(" -> ")?.1.to_owned()));
            lines.collect()
        };
        let short = |text: &&String| text.len() < 40;
        assert!(actions(&whole).iter().any(|what| short(&what)), "{whole}");
        for what in actions(&whole).iter().filter(short) {
            assert!(actions(&cut).contains(what), "{what}: {cut}");
        }
    }

    #[test]
    fn lines_are_cut_for_a_terminal_and_nowhere_else() {
        let report = sample::report(97);
        let longest = |width| {
            let text = list(&report, &Listing::default(), width);
            let findings = text.lines().filter(|line| line.starts_with(INDENT));
            findings.map(|line| line.chars().count()).max().unwrap_or_default()
        };
        assert!(longest(None) > 250, "a table's name alone has 249 characters");
        assert_eq!(longest(Some(200)), 200);
        assert_eq!(longest(Some(110)), 110);
        assert_eq!(
            list(&report, &Listing::default(), Some(1)),
            list(&report, &Listing::default(), Some(LEAST_WIDTH))
        );
        assert!(
            list(&report, &Listing::default(), None)
                .lines()
                .all(|line| !line.ends_with('…'))
        );
    }
}
