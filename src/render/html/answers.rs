//! The answer, at the top of the page: each question with its counts, the tables that need action, what is only advised.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::charts::segments;
use crate::domain::{Answer, Finding, Question, Verdict};
use crate::render::blocks::exposed_words;
use crate::render::digest::{Digest, NeedsAction};
use crate::report::Report;

/// Tables that need action and are told in the page; the list below holds all.
const MOST_ROWS: usize = 300;
/// Of these, the ones that are not folded.
const UNFOLDED: usize = 8;
/// Subjects named under an advised rule; the rest are counted.
const NAMED: usize = 20;

/// Each question: words, link, total, parts (answer, words, count, note, x, width).
pub(super) fn questions(report: &Report, digest: &Digest) -> Vec<Value> {
    let total = report.tables.len();
    let shown = digest.columns();
    let row = |asked: &crate::render::digest::Asked| {
        let counts = asked.answers.iter().map(|(answer, count, _)| (answer.as_str(), *count));
        let of = |answer: Answer| asked.answers.iter().find(|(one, ..)| *one == answer);
        let part = |answer: &Answer| {
            let (count, note) = of(*answer).map_or((0, ""), |(_, count, note)| (*count, note.as_str()));
            json!({"answer": answer.as_str(), "words": answer.words(), "count": count, "note": note})
        };
        json!({
            "id": asked.question.as_str(),
            "title": title(asked.question),
            "total": total,
            "parts": shown.iter().map(part).collect::<Vec<_>>(),
            "bar": segments(counts, total, 100.0),
        })
    };
    digest.questions.iter().map(row).collect()
}

fn title(question: Question) -> &'static str {
    match question {
        Question::InAPlan => "In a plan that keeps the policy",
        Question::BackedUp => "Backed up",
        Question::Restorable => "Restorable",
        Question::Safeguards => "Safe by the other required rules",
    }
}

/// The tables that need action, worst first: the first ones, and those that are folded.
pub(super) fn action(report: &Report, digest: &Digest) -> Value {
    let row = |needs: &NeedsAction| {
        let table = &report.tables[needs.place];
        let answers = [Question::InAPlan, Question::BackedUp, Question::Restorable].map(|question| {
            let answer = table.answer(question);
            json!({"question": question.words(), "answer": answer.as_str(), "words": answer.words()})
        });
        json!({
            "name": table.table_name,
            "link": format!("#view=tables&open={}", encoded(&table.table_arn)),
            "account": report.account_name(&table.target.account_id),
            "region": table.target.region,
            "answers": answers,
            "exposed": exposed_words(report, table),
            "why": needs.why,
            "what": needs.what,
        })
    };
    let rows: Vec<Value> = digest.action.iter().take(MOST_ROWS).map(row).collect();
    let (first, folded) = rows.split_at(rows.len().min(UNFOLDED));
    json!({"total": digest.action.len(), "shown": rows.len(), "first": first, "folded": folded})
}

/// What else is required and open, and what is only advised: by rule, with the first names.
pub(super) fn rest(report: &Report, digest: &Digest) -> Value {
    let mut by_rule: BTreeMap<&str, [Vec<&Finding>; 2]> = BTreeMap::new();
    let is_advised = |finding: &&Finding| !finding.is_required() && !finding.waived;
    for finding in report.findings.iter().filter(is_advised) {
        let place = match finding.verdict {
            Verdict::NonCompliant => 0,
            Verdict::Unknown => 1,
            Verdict::Compliant | Verdict::NotApplicable => continue,
        };
        by_rule.entry(&finding.rule).or_default()[place].push(finding);
    }
    let mut rules: Vec<_> = by_rule.into_iter().collect();
    rules.sort_by_key(|(_, of)| std::cmp::Reverse(of.iter().flatten().map(|finding| finding.severity).max()));
    let row = |(rule, [open, unknown]): &(&str, [Vec<&Finding>; 2])| {
        let named = if open.is_empty() { unknown } else { open };
        // Each once: recovery points have the name of their vault.
        let all: BTreeSet<&str> = named.iter().map(|finding| finding.resource_name.as_str()).collect();
        let names: Vec<&str> = all.iter().take(NAMED).copied().collect();
        let severity = open.iter().chain(unknown).map(|finding| finding.severity).max();
        json!({
            "id": rule,
            "title": report.rule(rule).map_or("", |line| line.title.as_str()),
            "severity": severity.map_or("", |severity| severity.as_str()),
            "open": open.len(),
            "unknown": unknown.len(),
            "names": names,
            "more": all.len().saturating_sub(NAMED),
        })
    };
    let by_severity = digest.by_severity.iter();
    json!({
        "by_severity": by_severity.map(|(severity, count)| json!({"severity": severity.as_str(), "count": count})).collect::<Vec<_>>(),
        "elsewhere": digest.elsewhere,
        "advised": digest.advised,
        "rules": rules.iter().map(row).collect::<Vec<_>>(),
    })
}

/// A text as a part of an address: everything but what ARNs are made of is escaped.
fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' | b'/' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
