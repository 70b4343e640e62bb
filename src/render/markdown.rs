//! Markdown, for pull requests and tickets: the answer, the tables that need action, what is required by cause, what is not
//! known. Short on purpose.
//!
//! No template lays it out; it says all the same if the documents beside it are laid out by somebody else's.
//!
//! Names stand in code spans, where nothing is markup; all other text is escaped, down to mentions and links that code
//! hosts make by themselves.

use std::io::Write;

use super::causes::causes;
use super::digest::Digest;
use super::statement::{Statement, capitalised};
use super::{RenderError, Templates};
use crate::domain::{Answer, Finding, Gap, Verdict, rfc3339};
use crate::problem::count;
use crate::report::Report;
use crate::text::{cut, markdown, one_line};

const FILE: &str = "summary.md";

/// Tables, causes and gaps that are told one by one; the rest are counted.
const MOST_ROWS: usize = 25;
/// Names told of each cause.
const MOST_NAMES: usize = 10;
/// Longer messages are cut: the whole sentence is in the other formats.
const LONGEST_MESSAGE: usize = 300;

/// Renders the report.
///
/// Errors: the disk refused.
pub(crate) fn render(report: &Report, templates: &Templates, out: &mut dyn Write) -> Result<(), RenderError> {
    let digest = Digest::of(report);
    let mut parts = vec![head(report, templates), questions(&digest)];
    parts.extend(action(report, &digest));
    parts.push(rest_of(&digest));
    for (verdict, title) in [
        (Verdict::NonCompliant, "Required findings"),
        (Verdict::Unknown, "Required, and not known"),
    ] {
        parts.extend(by_cause(report, verdict, title));
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
        text.push_str(&format!("\n{}.\n", markdown(&capitalised(&baseline.line()))));
        let notes = baseline.notes();
        if !notes.is_empty() {
            let lines = notes.iter().map(|note| format!("- {}\n", markdown(note)));
            text.push_str(&format!("\n{}", lines.collect::<String>()));
        }
    }
    for change in &report.changes {
        text.push_str(&format!("\n{}.\n", markdown(&capitalised(&change.line()))));
    }
    text.push_str(&format!(
        "\nEvidence {}, backproof {}.\n",
        code(&report.scan.evidence_digest),
        markdown(&report.scan.tool_version)
    ));
    text
}

/// Tables by the answer to each question.
fn questions(digest: &Digest) -> String {
    let answers = digest.columns();
    let mut text = "| tables that are |".to_owned();
    for answer in &answers {
        text.push_str(&format!(" {} |", answer.words()));
    }
    text.push_str(&format!("\n|---|{}\n", "---:|".repeat(answers.len())));
    for asked in &digest.questions {
        let of = |answer: Answer| asked.answers.iter().find(|(one, ..)| *one == answer);
        let notes = asked.answers.iter().filter(|(_, _, note)| !note.is_empty());
        let notes: Vec<String> = notes
            .map(|(answer, _, note)| format!("{}: {note}", answer.words()))
            .collect();
        let notes = if notes.is_empty() {
            String::new()
        } else {
            format!(" ({})", notes.join("; "))
        };
        text.push_str(&format!("| {}{} |", asked.question.words(), markdown(&notes)));
        for answer in &answers {
            text.push_str(&format!(" {} |", of(*answer).map_or(0, |(_, count, _)| *count)));
        }
        text.push('\n');
    }
    text
}

/// The tables that need action, worst first.
fn action(report: &Report, digest: &Digest) -> Option<String> {
    if digest.action.is_empty() {
        return None;
    }
    let need = if digest.action.len() == 1 {
        "table needs"
    } else {
        "tables need"
    };
    let mut text = format!("### {} {need} action, worst first\n\n", digest.action.len());
    text.push_str("| table | where | why | what to do |\n|---|---|---|---|\n");
    for needs in digest.action.iter().take(MOST_ROWS) {
        let table = &report.tables[needs.place];
        text.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            cell_code(&table.table_name),
            markdown(&report.place(&table.target)),
            markdown(&cut(&needs.why, LONGEST_MESSAGE)),
            markdown(&cut(&needs.what, LONGEST_MESSAGE)),
        ));
    }
    text.push_str(&rest(digest.action.len()));
    Some(text)
}

/// What else is open, in two lines.
fn rest_of(digest: &Digest) -> String {
    let counts = digest.by_severity.iter();
    let counts: Vec<String> = counts.map(|(severity, count)| format!("{count} {severity}")).collect();
    let mut text = match counts.as_slice() {
        [] => "Required findings: none is open.".to_owned(),
        counts => format!("Required findings: {}.", counts.join(", ")),
    };
    if !digest.elsewhere.is_empty() {
        text.push_str(&format!(" Of these on {}.", markdown(&digest.elsewhere)));
    }
    if digest.advised > 0 {
        text.push_str(&format!(
            " {}, in no verdict.",
            count(digest.advised, "advised finding")
        ));
    }
    format!("{text}\n")
}

/// Required findings of one verdict that no waiver covers, each cause once, grave ones first.
fn by_cause(report: &Report, verdict: Verdict, title: &str) -> Option<String> {
    let is_of = |finding: &&Finding| finding.verdict == verdict && !finding.waived && finding.is_required();
    let causes = causes(report.findings.iter().filter(is_of));
    if causes.is_empty() {
        return None;
    }
    let all: usize = causes.iter().map(|cause| cause.findings.len()).sum();
    let mut text = format!("### {title}: {all}\n\n| severity | rule | found | on |\n|---|---|---|---|\n");
    for cause in causes.iter().take(MOST_ROWS) {
        let mut names = named(report, &cause.findings[..cause.findings.len().min(MOST_NAMES)]);
        if cause.findings.len() > MOST_NAMES {
            names.push_str(&format!(" and {} more", cause.findings.len() - MOST_NAMES));
        }
        text.push_str(&format!(
            "| {} | {} | {} | {names} |\n",
            cause.severity,
            cell_code(cause.rule),
            markdown(&cut(&cause.message, LONGEST_MESSAGE)),
        ));
    }
    text.push_str(&rest(causes.len()));
    Some(text)
}

/// Names of what findings are about; with their places where the report is about several.
fn named(report: &Report, findings: &[&Finding]) -> String {
    let of_place = |findings: &[&Finding]| {
        let names = findings.iter().map(|finding| cell_code(&finding.resource_name));
        let names = names.collect::<Vec<_>>().join(", ");
        match findings[0].target.account_id.is_empty() || report.coverage.targets.len() < 2 {
            true => names,
            false => format!("{names} ({})", markdown(&report.place(&findings[0].target))),
        }
    };
    let of_places = findings.chunk_by(|a, b| a.target == b.target).map(of_place);
    of_places.collect::<Vec<_>>().join("; ")
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
            code(&waiver.what()),
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
        "### Controls\n\n| framework | non-compliant | unknown | compliant | not judged | not answered by rules |\n"
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
    let (gaps, not_asked) = (&report.coverage.gaps, &report.coverage.not_asked);
    if gaps.is_empty() && not_asked.is_empty() {
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
    let title = match gaps.len() {
        0 => "Not asked".to_owned(),
        gaps => format!("Not read: {}", count(gaps, "call")),
    };
    let mut text = format!("### {title}\n\n");
    text.extend(gaps.iter().take(MOST_ROWS).map(line));
    text.push_str(&rest(gaps.len()));
    text.extend(
        not_asked
            .iter()
            .map(|sentence| format!("- not asked: {}\n", markdown(sentence))),
    );
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
