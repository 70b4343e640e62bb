//! Findings as rows of `findings.parquet`, and back to the place where two lists of findings begin to differ.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::domain::{FactList, Finding, Level};
use crate::inventory::judged::FindingRow;
use crate::inventory::schema::Row as _;
use crate::inventory::store::{each_batch_of_frame, read_frame, write_frame};
use crate::pack::manifest::{SCHEMA_WITH_TABLE_FACTS, Totals};
use crate::problem::Problem;
use crate::render::json::facts_json;
use crate::report::Report;

/// Rows made at once, so that few of them stand in memory beside the findings.
const ROWS: usize = 8192;

/// Writes `findings.parquet`.
///
/// Errors: the disk refused.
pub(crate) fn write(dir: &Path, report: &Report) -> Result<(), Problem> {
    let batches = report.findings.chunks(ROWS);
    let facts = facts_of(report);
    let rows = batches.map(|findings| findings.iter().map(|finding| row(finding, Some(&facts))).collect());
    write_frame(dir, rows).map(|_| ())
}

/// The facts of each table, by its ARN.
type FactsOf<'r> = HashMap<&'r str, &'r Arc<FactList>>;

fn facts_of(report: &Report) -> FactsOf<'_> {
    let tables = report.tables.iter();
    tables.map(|table| (&*table.table_arn, &table.facts)).collect()
}

/// `facts`: where evidence may stand instead; none: everywhere in the finding, as packs of older schemas have it.
fn row(finding: &Finding, facts: Option<&FactsOf<'_>>) -> FindingRow {
    let decides = finding.is_required() && finding.is_bad();
    let is_said = |facts: &FactsOf<'_>| {
        let of_table = facts.get(&*finding.resource_arn);
        !decides && of_table.is_some_and(|facts| finding.evidence.is_among(facts))
    };
    FindingRow {
        id: (facts.is_none() || finding.is_listed()).then(|| finding.id.to_string()),
        rule: finding.rule.to_string(),
        subject: finding.subject.as_str().to_owned(),
        resource_arn: finding.resource_arn.clone(),
        resource_name: finding.resource_name.clone(),
        account_id: finding.target.account_id.clone(),
        region: finding.target.region.clone(),
        verdict: finding.verdict.as_str().to_owned(),
        severity: finding.severity.as_str().to_owned(),
        question: Some(finding.question.as_str().to_owned()),
        level: Some(finding.level.as_str().to_owned()),
        framework: finding.framework.as_deref().map(str::to_owned),
        waived: finding.waived,
        waiver: finding.waived_by().map(Cow::into_owned),
        message: finding.message.to_string(),
        remedy: finding.remedy.to_string(),
        evidence_json: (!facts.is_some_and(is_said)).then(|| facts_json(&finding.evidence)),
    }
}

/// What stored findings add up to, and where they begin to differ from those made anew.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// Sums over the stored rows; nothing is known of tables here.
    pub(crate) totals: Totals,
    /// The first difference: where, what was expected (made anew), and what was found (stored).
    pub(crate) difference: Option<(String, String, String)>,
}

/// Reads `findings.parquet` and holds it against the findings of `report`.
///
/// Errors: what is wrong with the file.
pub(crate) fn compare(dir: &Path, report: &Report, schema_version: u32) -> Result<Compared, String> {
    let facts = (schema_version >= SCHEMA_WITH_TABLE_FACTS).then(|| facts_of(report));
    let mut compared = Compared::default();
    for verdict in report.totals.findings_by_verdict.keys() {
        compared
            .totals
            .findings_by_verdict
            .insert(verdict.as_str().to_owned(), 0);
    }
    for severity in report.totals.non_compliant_by_severity.keys() {
        compared
            .totals
            .non_compliant_by_severity
            .insert(severity.as_str().to_owned(), 0);
    }
    for severity in report.totals.advised_by_severity.keys() {
        let advised = &mut compared.totals.advised_by_severity;
        advised.insert(severity.as_str().to_owned(), 0);
    }
    let mut made = report.findings.iter();
    read_frame::<FindingRow>(dir, |rows| {
        for stored in rows {
            count(&mut compared.totals, &stored);
            if compared.difference.is_none() {
                let made = made.next().map(|made| row(made, facts.as_ref()));
                compared.difference = difference(compared.totals.findings, made, &stored);
            }
        }
    })?;
    let left = made.count();
    if compared.difference.is_none() && left > 0 {
        let found = compared.totals.findings;
        compared.difference = Some((
            "number of findings".to_owned(),
            (found + left as u64).to_string(),
            found.to_string(),
        ));
    }
    Ok(compared)
}

/// What stored findings add up to; nothing is known of tables here.
///
/// Errors: what is wrong with the file.
pub(crate) fn sums(dir: &Path) -> Result<Totals, String> {
    let unused: Vec<&str> = FindingRow::FRAME.columns.iter().map(|column| column.name).collect();
    let unused: Vec<&str> = unused.into_iter().filter(|name| !SUMMED.contains(name)).collect();
    let mut totals = Totals::default();
    each_batch_of_frame::<FindingRow>(dir, &unused, |batch| {
        let [verdicts, severities, levels, waived] = SUMMED.map(|name| batch.column(name));
        let rows = verdicts?
            .str()?
            .iter()
            .zip(severities?.str()?.iter())
            .zip(levels?.str()?.iter())
            .zip(waived?.bool()?.iter());
        for (((verdict, severity), level), waived) in rows {
            let (verdict, severity) = (verdict.unwrap_or_default(), severity.unwrap_or_default());
            add(&mut totals, (verdict, severity, level), waived == Some(true));
        }
        Ok(())
    })?;
    Ok(totals)
}

/// The columns that are counted.
const SUMMED: [&str; 4] = ["verdict", "severity", "level", "waived"];

fn count(totals: &mut Totals, row: &FindingRow) {
    let judged = (row.verdict.as_str(), row.severity.as_str(), row.level.as_deref());
    add(totals, judged, row.waived);
}

fn add(totals: &mut Totals, (verdict, severity, level): (&str, &str, Option<&str>), waived: bool) {
    let one_more = |counts: &mut std::collections::BTreeMap<String, u64>, key: &str| match counts.get_mut(key) {
        Some(count) => *count += 1,
        None => {
            counts.insert(key.to_owned(), 1);
        }
    };
    totals.findings += 1;
    one_more(&mut totals.findings_by_verdict, verdict);
    totals.waived += u64::from(waived);
    if verdict == "non-compliant" && !waived {
        let is_required = level.is_none_or(|level| level == Level::Required.as_str());
        let counts = if is_required {
            &mut totals.non_compliant_by_severity
        } else {
            &mut totals.advised_by_severity
        };
        one_more(counts, severity);
    }
}

fn difference(number: u64, made: Option<FindingRow>, stored: &FindingRow) -> Option<(String, String, String)> {
    let Some(made) = made else {
        let place = format!("finding {number}");
        return Some((
            place,
            "no such finding".to_owned(),
            format!("`{}` on `{}`", stored.rule, stored.resource_arn),
        ));
    };
    let place = format!("finding {number}, `{}` on `{}`", made.rule, made.resource_arn);
    let fields: [(&str, &str, &str); 16] = [
        ("rule", &made.rule, &stored.rule),
        ("subject", &made.subject, &stored.subject),
        ("resource_arn", &made.resource_arn, &stored.resource_arn),
        (
            "id",
            made.id.as_deref().unwrap_or("none"),
            stored.id.as_deref().unwrap_or("none"),
        ),
        ("resource_name", &made.resource_name, &stored.resource_name),
        ("account_id", &made.account_id, &stored.account_id),
        ("region", &made.region, &stored.region),
        ("verdict", &made.verdict, &stored.verdict),
        ("severity", &made.severity, &stored.severity),
        (
            "question",
            made.question.as_deref().unwrap_or_default(),
            stored.question.as_deref().unwrap_or_default(),
        ),
        (
            "level",
            made.level.as_deref().unwrap_or_default(),
            stored.level.as_deref().unwrap_or_default(),
        ),
        (
            "framework",
            made.framework.as_deref().unwrap_or("none"),
            stored.framework.as_deref().unwrap_or("none"),
        ),
        (
            "waiver",
            made.waiver.as_deref().unwrap_or("none"),
            stored.waiver.as_deref().unwrap_or("none"),
        ),
        ("message", &made.message, &stored.message),
        ("remedy", &made.remedy, &stored.remedy),
        (
            "evidence",
            made.evidence_json.as_deref().unwrap_or("that of its table"),
            stored.evidence_json.as_deref().unwrap_or("that of its table"),
        ),
    ];
    // Which finding it is comes first: a row that is missing would otherwise show as a wrong verdict.
    let differs = fields.iter().find(|(_, made, stored)| made != stored);
    if let Some((field, made, stored)) = differs {
        return Some((format!("{place}: {field}"), (*made).to_owned(), (*stored).to_owned()));
    }
    (made.waived != stored.waived).then(|| {
        (
            format!("{place}: waived"),
            made.waived.to_string(),
            stored.waived.to_string(),
        )
    })
}
