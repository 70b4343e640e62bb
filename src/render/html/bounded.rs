//! What the page holds in full: a browser opens it and a person searches it, whatever the number of tables. Counts and pictures
//! are over everything; the list below them holds the worst tables, and says where the others are.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::domain::{Answer, Finding, Subject, Verdict};
use crate::render::digest::Digest;
use crate::report::Report;

/// Tables whose facts and findings are in the page: some 5 MB.
const MOST_TABLES: usize = 2000;

/// Findings in the page that are not about a table.
const MOST_OTHERS: usize = 5000;

/// The report with the worst tables and their findings, and the most severe of the findings on other subjects; itself where the page
/// takes all of it.
pub(super) fn bounded<'r>(report: &'r Report, digest: &Digest) -> Cow<'r, Report> {
    within(report, digest, (MOST_TABLES, MOST_OTHERS))
}

fn within<'r>(report: &'r Report, digest: &Digest, (tables, others): (usize, usize)) -> Cow<'r, Report> {
    let is_other = |finding: &&Finding| finding.subject != Subject::Table;
    let all_others = report.findings.iter().filter(is_other).count();
    if report.tables.len() <= tables && all_others <= others {
        return Cow::Borrowed(report);
    }
    let kept = kept(report, digest, tables);
    let arns: HashSet<&str> = kept.iter().map(|place| &*report.tables[*place].table_arn).collect();
    let is_grave = |finding: &Finding| {
        let is_bad = matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown);
        (finding.is_open() && finding.is_required(), is_bad, finding.severity)
    };
    let mut ranks: Vec<_> = report.findings.iter().filter(is_other).map(is_grave).collect();
    ranks.sort_unstable_by(|a, b| b.cmp(a));
    let least = ranks.get(others.saturating_sub(1)).copied();
    let mut left = others;
    let is_kept = |finding: &&Finding| match finding.subject {
        Subject::Table => arns.contains(&*finding.resource_arn),
        _ if least.is_some_and(|least| is_grave(finding) < least) => false,
        _ => {
            let has_room = left > 0;
            left = left.saturating_sub(1);
            has_room
        }
    };
    Cow::Owned(Report {
        tables: kept.iter().map(|place| report.tables[*place].clone()).collect(),
        findings: report.findings.iter().filter(is_kept).cloned().collect(),
        scan: report.scan.clone(),
        policy: report.policy.clone(),
        approval: report.approval.clone(),
        exceptions: report.exceptions.clone(),
        tiers: report.tiers.clone(),
        waivers: report.waivers.clone(),
        frameworks: report.frameworks.clone(),
        rules: report.rules.clone(),
        left_out: report.left_out.clone(),
        totals: report.totals.clone(),
        window: report.window,
        coverage: report.coverage.clone(),
        drills: report.drills.clone(),
        baseline: None,
        changes: report.changes.clone(),
    })
}

/// The places of the tables that are kept, in order: those that need action first, worst first, then what is not known.
fn kept(report: &Report, digest: &Digest, most: usize) -> Vec<usize> {
    let rest = |is_unknown: bool| {
        let tables = report.tables.iter().enumerate();
        let of = move |table: &(usize, &crate::report::TableRow)| (table.1.verdict == Answer::Unknown) == is_unknown;
        tables.filter(of).map(|(place, _)| place)
    };
    let mut known = HashSet::new();
    let all = digest
        .action
        .iter()
        .map(|needs| needs.place)
        .chain(rest(true))
        .chain(rest(false));
    let mut kept: Vec<usize> = all.filter(|place| known.insert(*place)).take(most).collect();
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn the_worst_are_kept_with_all_that_is_said_of_them() {
        let mut report = sample::report(97);
        let digest = Digest::of(&report);
        assert!(matches!(bounded(&report, &digest), Cow::Borrowed(_)));
        let number = digest.action.len();
        assert!(number > 5, "{number} tables need action");
        let small = within(&report, &digest, (5, 9));
        let worst: HashSet<&str> = digest.action[..5]
            .iter()
            .map(|needs| report.tables[needs.place].table_arn.as_str())
            .collect();
        assert!(small.tables.iter().all(|table| worst.contains(&*table.table_arn)));
        let of = |finding: &&Finding| worst.contains(&*finding.resource_arn);
        assert_eq!(small.tables.len(), 5);
        assert_eq!(small.findings.len(), report.findings.iter().filter(of).count());
        assert_eq!(small.totals, report.totals, "sums are over everything");
        // Of what is not about tables the most severe are kept.
        let others = report.findings.len() / 2;
        for finding in &mut report.findings[..others] {
            finding.subject = Subject::Vault;
        }
        let grave =
            |finding: &&Finding| finding.subject == Subject::Vault && finding.is_open() && finding.is_required();
        let all = report.findings.iter().filter(grave).count();
        let small = within(&report, &digest, (1000, all));
        assert_eq!(small.findings.iter().filter(grave).count(), all);
        assert_eq!(
            small
                .findings
                .iter()
                .filter(|one| one.subject == Subject::Vault)
                .count(),
            all
        );
    }
}
