//! What `report.json` leaves out because it says it elsewhere: texts that several findings share, facts that are usual.

use std::collections::{HashMap, HashSet};

use super::document::{Told, Unlisted};
use crate::domain::{Demands, Finding, Level, Subject, Verdict};
use crate::report::{Report, Since};

/// A report without repetition.
pub(super) struct Short<'r> {
    /// The first finding of each outcome.
    pub(super) outcomes: Vec<&'r Finding>,
    /// Findings that no table lists, in their order.
    pub(super) others: Vec<&'r Finding>,
    /// How many findings of each rule are not listed.
    pub(super) unlisted: HashMap<&'r str, Unlisted>,
    /// The facts that are told; none without tables.
    pub(super) told: Option<Told>,
    /// Place of its outcome, and finding: by table, then as in the report.
    findings: Vec<(u32, &'r Finding)>,
    /// Where those of each table begin, and where the last ends.
    begins: Vec<usize>,
}

/// What makes one outcome of two findings.
type Key<'r> = (
    (&'r str, &'r str, Verdict, Level),
    (Option<&'r str>, Vec<&'r str>, &'r [Demands], Option<Since>),
);

impl<'r> Short<'r> {
    pub(super) fn of(report: &'r Report) -> Self {
        let rows = report.tables.iter().enumerate();
        let rows: HashMap<&str, usize> = rows.map(|(place, table)| (&*table.table_arn, place)).collect();
        let (mut outcomes, mut others, mut of_tables) = (Vec::new(), Vec::new(), Vec::new());
        let mut unlisted: HashMap<&str, Unlisted> = HashMap::new();
        let mut known: HashMap<Key<'r>, u32> = HashMap::new();
        for finding in &report.findings {
            if !finding.is_listed() {
                let count = unlisted.entry(&finding.rule).or_default();
                match finding.verdict {
                    Verdict::Compliant => count.compliant += 1,
                    _ => count.not_applicable += 1,
                }
                continue;
            }
            let row = rows.get(&*finding.resource_arn);
            let Some(row) = row.filter(|_| finding.subject == Subject::Table) else {
                others.push(finding);
                continue;
            };
            let outcome = *known.entry(key(finding, report.since(finding))).or_insert_with(|| {
                outcomes.push(finding);
                u32::try_from(outcomes.len() - 1).expect("fewer outcomes than memory holds findings")
            });
            of_tables.push((*row, outcome, finding));
        }
        of_tables.sort_by_key(|(row, ..)| *row);
        let begins = (0..=report.tables.len()).map(|row| of_tables.partition_point(|(of, ..)| *of < row));
        Self {
            begins: begins.collect(),
            findings: of_tables
                .iter()
                .map(|(_, outcome, finding)| (*outcome, *finding))
                .collect(),
            outcomes,
            others,
            unlisted,
            told: told(report),
        }
    }

    /// The findings that the table at this place of the report lists.
    pub(super) fn of_table(&self, place: usize) -> &[(u32, &'r Finding)] {
        &self.findings[self.begins[place]..self.begins[place + 1]]
    }
}

fn key(finding: &Finding, since: Option<Since>) -> Key<'_> {
    let waivers = finding.waivers.iter().map(|waiver| &**waiver).collect();
    (
        (&finding.rule, &finding.message, finding.verdict, finding.level),
        (finding.framework.as_deref(), waivers, &finding.failing, since),
    )
}

/// What rules read, and the id of the table: finding ids rest on it. Who a table is stands beside its facts.
fn told(report: &Report) -> Option<Told> {
    const SAID: [&str; 4] = ["table_arn", "table_name", "account_id", "region"];
    let mut names: HashSet<&str> = report
        .rules
        .iter()
        .flat_map(|rule| rule.reads.iter().map(String::as_str))
        .collect();
    names.insert("table_id");
    let first = report.tables.first()?;
    Some(Told::new(first.facts.of_usual(), |name| {
        names.contains(name) && !SAID.contains(&name)
    }))
}
