//! The numbers behind the pictures. Shapes, colours and words are the template's.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::domain::{Answer, DayState, Severity, TargetId, Verdict};
use crate::render::ages::AgeClass;
use crate::report::{Report, TableRow, TargetCoverage};

/// Accounts in the picture of the coverage; the table of targets holds all.
const MATRIX_ACCOUNTS: usize = 40;

/// Tables in the picture of the days that stands in the page itself; the script shows all.
const DAY_ROWS: usize = 40;

/// The classes of age in order: what is shown, and whether it is within the limit, beyond it, or not known.
pub(super) const AGES: [(&str, &str); AgeClass::ALL.len()] = [
    ("≤ ½ limit", "within"),
    ("≤ limit", "within"),
    ("≤ 2 × limit", "beyond"),
    ("≤ 7 × limit", "beyond"),
    ("older", "beyond"),
    ("no recovery point", "none"),
    ("not known", "unknown"),
];

/// The place in [`AGES`] of one table.
pub(super) fn age_class(table: &TableRow) -> usize {
    AgeClass::of(table) as usize
}

/// Two decimals: positions in a picture.
fn place(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "counts for the eye")]
fn share(part: usize, whole: usize, of: f64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        of * part as f64 / whole as f64
    }
}

/// Parts side by side on a line `width` long, empty ones left out.
pub(super) fn segments<'p>(parts: impl IntoIterator<Item = (&'p str, usize)>, whole: usize, width: f64) -> Vec<Value> {
    let mut before = 0;
    let mut segments = Vec::new();
    for (name, count) in parts {
        if count > 0 {
            let (x, w) = (share(before, whole, width), share(count, whole, width));
            segments.push(json!({"name": name, "count": count, "x": place(x), "width": place(w)}));
        }
        before += count;
    }
    segments
}

/// Tables by their verdict, as arcs of a ring that is 100 around.
pub(super) fn donut(report: &Report) -> Value {
    let of = |answer: Answer| report.totals.tables_by_verdict.get(&answer).copied().unwrap_or(0);
    let mut before = 0;
    let parts: Vec<Value> = Answer::ALL
        .into_iter()
        .filter(|answer| of(*answer) > 0)
        .map(|answer| {
            let count = of(answer);
            let length = share(count, report.totals.tables, 100.0);
            let start = share(before, report.totals.tables, 100.0);
            before += count;
            // A small gap between neighbours, none where one part is the whole ring.
            let shown = if length > 99.99 {
                length
            } else {
                (length - 0.8).max(0.4)
            };
            json!({
                "verdict": answer.as_str(),
                "count": count,
                "percent": percent(count, report.totals.tables),
                "length": place(shown),
                "rest": place(100.0 - shown),
                "offset": place(25.0 - start),
            })
        })
        .collect();
    json!({"total": report.totals.tables, "parts": parts})
}

/// Whole percents, but never 0 for some nor 100 for not all.
fn percent(part: usize, whole: usize) -> String {
    let exact = share(part, whole, 100.0);
    match part {
        0 => "0 %".to_owned(),
        _ if part == whole => "100 %".to_owned(),
        _ if exact < 1.0 => "< 1 %".to_owned(),
        _ if exact > 99.0 => "> 99 %".to_owned(),
        _ => format!("{exact:.0} %"),
    }
}

/// Required findings that are open, by severity, highest severity first.
pub(super) fn severities(report: &Report) -> Vec<Value> {
    let of = |severity: Severity| {
        let counts = &report.totals.non_compliant_by_severity;
        counts.get(&severity).copied().unwrap_or(0)
    };
    let most = Severity::ALL.into_iter().map(of).max().unwrap_or(0);
    let row = |severity: Severity| json!({"severity": severity.as_str(), "count": of(severity), "width": place(share(of(severity), most, 100.0))});
    Severity::ALL.into_iter().rev().map(row).collect()
}

/// Findings of one rule by verdict; waived violations apart.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct RuleCounts {
    pub(super) non_compliant: usize,
    pub(super) waived: usize,
    pub(super) unknown: usize,
    pub(super) compliant: usize,
    pub(super) not_applicable: usize,
}

/// Counts the findings of every rule, in one pass.
pub(super) fn count_by_rule(report: &Report) -> HashMap<&str, RuleCounts> {
    let mut counts: HashMap<&str, RuleCounts> = HashMap::new();
    for finding in &report.findings {
        let of_rule = counts.entry(&finding.rule).or_default();
        let count = match finding.verdict {
            Verdict::NonCompliant if finding.waived => &mut of_rule.waived,
            Verdict::NonCompliant => &mut of_rule.non_compliant,
            Verdict::Unknown => &mut of_rule.unknown,
            Verdict::Compliant => &mut of_rule.compliant,
            Verdict::NotApplicable => &mut of_rule.not_applicable,
        };
        *count += 1;
    }
    counts
}

/// Tables by the age of their newest recovery point.
pub(super) fn ages(report: &Report) -> Vec<Value> {
    let mut counts = [0_usize; AGES.len()];
    for table in &report.tables {
        counts[age_class(table)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let row = |(class, count): (usize, usize)| {
        let (label, kind) = AGES[class];
        json!({"class": class, "label": label, "kind": kind, "count": count, "width": place(share(count, most, 100.0))})
    };
    counts.into_iter().enumerate().map(row).collect()
}

/// Accounts down, Regions across; each cell one target with its tables by verdict.
pub(super) fn matrix(report: &Report) -> Value {
    let targets = &report.coverage.targets;
    let mut regions: Vec<&str> = targets.iter().map(|target| target.target.region.as_str()).collect();
    regions.sort_unstable();
    regions.dedup();
    let mut counts: BTreeMap<&TargetId, [usize; 8]> = targets.iter().map(|target| (&target.target, [0; 8])).collect();
    for table in &report.tables {
        let place = Answer::ALL.iter().position(|answer| *answer == table.verdict);
        counts.entry(&table.target).or_default()[place.unwrap_or(1)] += 1;
    }
    let cell = |account: &str, region: &str| {
        let is_it = |target: &&TargetCoverage| target.target.account_id == account && target.target.region == region;
        let target = targets.iter().find(is_it)?;
        let of = counts.get(&target.target).copied().unwrap_or_default();
        let tables: usize = of.iter().sum();
        let parts = Answer::ALL.iter().map(|answer| answer.as_str()).zip(of);
        Some(json!({
            "region": region,
            "status": target.status,
            "is_listed": target.tables_listed.is_some(),
            "tables": tables,
            "gaps": target.gap_count,
            "parts": segments(parts, tables, 64.0),
        }))
    };
    let bad = |account: &str| {
        let of_account = counts.iter().filter(|(target, _)| target.account_id == account);
        of_account.map(|(_, of)| of[0] + of[1]).sum::<usize>()
    };
    let mut accounts: Vec<_> = report.coverage.accounts.iter().collect();
    if accounts.len() > MATRIX_ACCOUNTS {
        accounts.sort_by_cached_key(|account| Reverse(bad(&account.account_id)));
    }
    let row = |account: &&crate::report::AccountCoverage| {
        let cells: Vec<_> = regions.iter().map(|region| cell(&account.account_id, region)).collect();
        json!({"id": account.account_id, "name": account.name, "status": account.status, "cells": cells})
    };
    json!({
        "regions": regions,
        "rows": accounts.iter().take(MATRIX_ACCOUNTS).map(row).collect::<Vec<_>>(),
        "accounts": accounts.len(),
    })
}

/// Each day of the window with its tables by state, and the tables that were exposed on most of them.
pub(super) fn days(report: &Report) -> Value {
    let window = report.window;
    let observed: Vec<&TableRow> = report
        .tables
        .iter()
        .filter(|table| table.days.len() == window.days)
        .collect();
    if window.days == 0 || observed.is_empty() {
        return Value::Null;
    }
    // About a dozen labels, a whole number of weeks apart where that is enough.
    let label_each = window.days.div_ceil(84).max(1) * if window.days > 12 { 7 } else { 1 };
    let day = |number: usize| {
        let date = window.first + chrono::Days::new(number as u64);
        let of = |state: DayState| observed.iter().filter(|table| table.days[number] == state).count();
        let parts = DayState::ALL.map(|state| (state.as_str(), of(state)));
        json!({
            "date": date.format("%Y-%m-%d").to_string(),
            "label": if number.is_multiple_of(label_each) { date.format("%-d %b").to_string() } else { String::new() },
            "x": place(share(number, window.days, 100.0)),
            "width": place(share(1, window.days, 92.0)),
            "exposed": of(DayState::Exposed),
            "parts": segments(parts, observed.len(), 100.0),
        })
    };
    let days_in = |table: &TableRow, state: DayState| table.days.iter().filter(|day| **day == state).count();
    let mut worst = observed.clone();
    worst.retain(|table| days_in(table, DayState::Exposed) + days_in(table, DayState::NotObserved) > 0);
    worst.sort_by_key(|table| {
        let count = |state| Reverse(days_in(table, state));
        (count(DayState::Exposed), count(DayState::NotObserved))
    });
    let total = worst.len();
    worst.truncate(DAY_ROWS);
    let row = |table: &&TableRow| {
        json!({
            "name": table.table_name,
            "account_id": table.target.account_id,
            "region": table.target.region,
            "runs": runs(&table.days),
            "covered": days_in(table, DayState::Covered),
            "exposed": days_in(table, DayState::Exposed),
            "not_observed": days_in(table, DayState::NotObserved),
            "not_alive": days_in(table, DayState::NotAlive),
        })
    };
    json!({
        "count": window.days,
        "tables": observed.len(),
        "columns": (0..window.days).map(day).collect::<Vec<_>>(),
        "worst": worst.iter().map(row).collect::<Vec<_>>(),
        "imperfect": total,
    })
}

/// Days in a row that are alike: state, first day, how many.
fn runs(days: &[DayState]) -> Vec<Value> {
    let mut start = 0;
    let alike = days.chunk_by(|a, b| a == b);
    let run = |run: &[DayState]| {
        let value = json!({"state": run[0].as_str(), "start": start, "days": run.len()});
        start += run.len();
        value
    };
    alike.map(run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FactValue;

    fn table(facts: &[(&'static str, FactValue)]) -> TableRow {
        TableRow {
            table_arn: "arn".to_owned(),
            table_name: "orders".to_owned(),
            target: TargetId::new("111122223333", "eu-west-1"),
            verdict: Answer::Compliant,
            answers: [Answer::Compliant; 4],
            answers_by_framework: Vec::new(),
            facts: facts
                .iter()
                .map(|(name, value)| ((*name).into(), value.clone()))
                .collect::<crate::domain::FactList>()
                .into(),
            days: Vec::new(),
        }
    }

    #[test]
    fn only_a_whole_reading_proves_an_age_beyond_the_rpo() {
        let rpo = ("limit_hours", FactValue::Float(24.0));
        let seen = |age| ("newest_recovery_point_age_hours_seen", FactValue::Float(age));
        let whole = |age| ("newest_recovery_point_age_hours", FactValue::Float(age));
        let class = |facts: &[(&'static str, FactValue)]| AGES[age_class(&table(facts))].0;
        assert_eq!(class(&[rpo.clone(), seen(12.0)]), "≤ ½ limit");
        assert_eq!(class(&[rpo.clone(), seen(24.0)]), "≤ limit");
        assert_eq!(class(&[rpo.clone(), seen(24.1)]), "not known");
        assert_eq!(class(&[rpo.clone(), seen(24.1), whole(24.1)]), "≤ 2 × limit");
        assert_eq!(class(&[rpo.clone(), whole(500.0)]), "older");
        assert_eq!(class(&[seen(1.0), whole(1.0)]), "not known");
        let none = ("usable_recovery_point_count", FactValue::Int(0));
        assert_eq!(class(&[rpo.clone(), none]), "no recovery point");
        let unread = ("usable_recovery_point_count", FactValue::OPEN);
        assert_eq!(class(&[rpo, unread]), "not known");
    }

    #[test]
    fn some_is_never_none_and_not_all_is_never_all() {
        assert_eq!(percent(0, 9), "0 %");
        assert_eq!(percent(1, 10_000), "< 1 %");
        assert_eq!(percent(9_999, 10_000), "> 99 %");
        assert_eq!(percent(7, 7), "100 %");
    }

    #[test]
    fn runs_add_up() {
        use DayState::{Covered, Exposed};
        let runs = runs(&[Covered, Covered, Exposed, Covered]);
        assert_eq!(runs[1], json!({"state": "exposed", "start": 2, "days": 1}));
        assert_eq!(runs[2]["start"], 3);
    }
}
