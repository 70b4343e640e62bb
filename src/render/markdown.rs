//! Markdown, for pull requests and tickets: the outcome, the worst findings first, what is not known. Short on purpose.
//!
//! No template lays it out; it says all the same if the documents beside it are laid out by somebody else's.
//!
//! Names stand in code spans, where nothing is markup; all other text is escaped, down to mentions and links that code
//! hosts make by themselves.

use std::io::Write;

use super::statement::Statement;
use super::terminal::since_line;
use super::{RenderError, Templates};
use crate::domain::{Finding, Gap, Severity, Verdict, rfc3339};
use crate::problem::count;
use crate::report::Report;
use crate::text::{cut, markdown, one_line};

const FILE: &str = "summary.md";

/// Findings and gaps that are told one by one; the rest are counted.
const MOST_ROWS: usize = 25;
/// Longer messages are cut: the whole sentence is in the other formats.
const LONGEST_MESSAGE: usize = 300;

/// Renders the report.
///
/// Errors: the disk refused.
pub(crate) fn render(report: &Report, templates: &Templates, out: &mut dyn Write) -> Result<(), RenderError> {
    let mut parts = vec![head(report, templates), totals(report)];
    for (verdict, title) in [(Verdict::NonCompliant, "Non-compliant"), (Verdict::Unknown, "Unknown")] {
        parts.extend(findings(report, verdict, title));
    }
    parts.extend(waived(report));
    parts.extend(frameworks(report));
    parts.extend(gaps(report));
    let text = parts.join("\n");
    out.write_all(text.as_bytes())
        .map_err(|error| RenderError::new(FILE, error))
}

/// The outcome in one word, and what it rests on.
fn head(report: &Report, templates: &Templates) -> String {
    let coverage = &report.coverage;
    let statement = Statement::of(report);
    let mut text = format!(
        "## {}: {}\n\n{}\n\nAs of {} by {}, {} in {}; {} listed, {} described.\n",
        statement.title,
        statement.short.to_lowercase(),
        markdown(&statement.headline),
        rfc3339(report.scan.as_of),
        code(&report.scan.caller_arn),
        count(coverage.targets.len(), "target"),
        count(coverage.accounts.len(), "account"),
        count(coverage.tables_listed, "table"),
        coverage.tables_described,
    );
    if coverage.regions_unknown {
        text.push_str("\n**The Regions could not be listed: others may hold tables that nobody looked at.**\n");
    }
    let unread = coverage.targets.iter().filter(|target| target.tables_listed.is_none());
    for target in unread {
        text.push_str(&format!(
            "\n**The tables of {} could not be listed whole: what was not listed was not judged.**\n",
            code(&target.target.to_string())
        ));
    }
    for sentence in report.foreign().iter().chain(&templates.mark()) {
        text.push_str(&format!("\n**{}**\n", markdown(sentence)));
    }
    if let Some(baseline) = &report.baseline {
        text.push_str(&format!("\nOpen findings {}.\n", markdown(&since_line(baseline))));
    }
    text.push_str(&format!(
        "\nEvidence {}, backproof {}.\n",
        code(&report.scan.evidence_digest),
        markdown(&report.scan.tool_version)
    ));
    text
}

fn totals(report: &Report) -> String {
    let mut text = "| | non-compliant | unknown | compliant | not applicable |\n|---|---:|---:|---:|---:|\n".to_owned();
    let totals = &report.totals;
    let findings = |verdict: &Verdict| totals.findings_by_verdict.get(verdict).copied().unwrap_or(0);
    for (name, counts) in [
        ("tables", Verdict::ALL.map(|verdict| totals.tables_in_shade(verdict))),
        ("findings", Verdict::ALL.map(|verdict| findings(&verdict))),
    ] {
        let cells = counts.map(|count| count.to_string());
        text.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
    }
    text
}

/// The findings of one verdict that no waiver covers, worst first.
fn findings(report: &Report, verdict: Verdict, title: &str) -> Option<String> {
    let is_of = |finding: &&Finding| finding.verdict == verdict && !finding.waived;
    let mut rows: Vec<&Finding> = report.findings.iter().filter(is_of).collect();
    if rows.is_empty() {
        return None;
    }
    // Stable: findings of one severity stay in the order of the report.
    rows.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let sums: Vec<String> = Severity::ALL
        .into_iter()
        .rev()
        .filter_map(|severity| {
            let sum = rows.iter().filter(|finding| finding.severity == severity).count();
            (sum > 0).then(|| format!("{sum} {severity}"))
        })
        .collect();
    let mut text = format!("### {title}: {}\n\n", sums.join(", "));
    text.push_str("| severity | rule | what | where | finding |\n|---|---|---|---|---|\n");
    for finding in rows.iter().take(MOST_ROWS) {
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            finding.severity,
            cell_code(&finding.rule),
            cell_code(&finding.resource_name),
            markdown(&place(finding)),
            markdown(&cut(&finding.message, LONGEST_MESSAGE)),
        ));
    }
    text.push_str(&rest(rows.len()));
    Some(text)
}

fn place(finding: &Finding) -> String {
    if finding.target.account_id.is_empty() {
        finding.subject.to_string()
    } else {
        finding.target.to_string()
    }
}

/// How many were not told one by one.
fn rest(all: usize) -> String {
    match all.saturating_sub(MOST_ROWS) {
        0 => String::new(),
        more => format!("\n… and {more} more, in the other formats of this report.\n"),
    }
}

fn waived(report: &Report) -> Option<String> {
    if report.totals.waived == 0 {
        return None;
    }
    let mut text = format!("### Waived: {}\n\n", count(report.totals.waived, "finding"));
    for waiver in report
        .waivers
        .iter()
        .filter(|waiver| waiver.is_in_force)
        .take(MOST_ROWS)
    {
        text.push_str(&format!(
            "- {}: {}\n",
            code(&waiver.rule),
            markdown(&cut(&waiver.sentence(), LONGEST_MESSAGE))
        ));
    }
    Some(text)
}

fn frameworks(report: &Report) -> Option<String> {
    if report.frameworks.is_empty() {
        return None;
    }
    let mut text =
        "### Controls\n\n| framework | non-compliant | unknown | compliant | not judged | no rule answers |\n"
            .to_owned();
    text.push_str("|---|---:|---:|---:|---:|---:|\n");
    for framework in &report.frameworks {
        let answered = || framework.controls.iter().filter(|control| control.answered == "rules");
        let of = |verdict: Option<Verdict>| answered().filter(|control| control.verdict == verdict).count();
        text.push_str(&format!(
            "| {} ({}) | {} | {} | {} | {} | {} |\n",
            markdown(&framework.title),
            markdown(&framework.version),
            of(Some(Verdict::NonCompliant)),
            of(Some(Verdict::Unknown)),
            of(Some(Verdict::Compliant)),
            of(Some(Verdict::NotApplicable)) + of(None),
            framework.controls.len() - answered().count(),
        ));
    }
    Some(text)
}

fn gaps(report: &Report) -> Option<String> {
    let gaps = &report.coverage.gaps;
    if gaps.is_empty() {
        return None;
    }
    let line = |gap: &Gap| {
        let of = if gap.resource.is_empty() {
            String::new()
        } else {
            format!(" of {}", code(&gap.resource))
        };
        format!(
            "- {}{of} in {}: {}; {}\n",
            code(&gap.action),
            code(&gap.target.to_string()),
            markdown(&cut(&gap.why, LONGEST_MESSAGE)),
            markdown(&gap.so)
        )
    };
    let mut text = format!("### Not read: {}\n\n", count(gaps.len(), "call"));
    text.extend(gaps.iter().take(MOST_ROWS).map(line));
    text.push_str(&rest(gaps.len()));
    Some(text)
}

/// A code span, between more backticks than the text has in a row.
fn code(text: &str) -> String {
    let line = one_line(text);
    let longest = line
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A span of blanks only is no span, and an empty one neither.
    let line = if line.trim().is_empty() {
        "\u{fffd}".to_owned()
    } else {
        line
    };
    let pad = if line.starts_with(['`', ' ']) || line.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{line}{pad}{fence}")
}

/// A code span inside a table, where a bar ends the cell even in code.
fn cell_code(text: &str) -> String {
    code(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        for (text, expected) in [
            ("a*b", "a\\*b"),
            ("<img src=x>", "\\<img src=x\\>"),
            ("| x |", "\\| x \\|"),
            ("@team", "\\@\u{200b}team"),
            ("a\nb", "a b"),
            ("https://x", "https:\u{200b}//x"),
            ("1.5 h; a-b", "1.5 h; a-b"),
        ] {
            assert_eq!(markdown(text), expected, "{text}");
        }
    }

    #[test]
    fn code_ends_where_it_should() {
        for (text, expected) in [
            ("orders", "`orders`"),
            ("a`b", "``a`b``"),
            ("`", "`` ` ``"),
            ("``x", "``` ``x ```"),
            (" ", "`\u{fffd}`"),
            ("", "`\u{fffd}`"),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
        assert_eq!(cell_code("a|b"), "`a\\|b`");
    }
}
