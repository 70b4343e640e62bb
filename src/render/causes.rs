//! Findings that have one cause: the same rule, and messages that differ only in numbers, instants and names of their own.
//!
//! One entry with the list of what it is about says more than the same lines once for each table.

use std::collections::BTreeMap;

use crate::domain::{Finding, Severity};

/// Findings that are told together.
pub(crate) struct Cause<'r> {
    pub(crate) rule: &'r str,
    /// The worst severity among them.
    pub(crate) severity: Severity,
    /// Their message. Where they differ, from the least to the greatest, or "…".
    pub(crate) message: String,
    /// In the order in which they came; never empty.
    pub(crate) findings: Vec<&'r Finding>,
}

/// Puts findings of one cause together, grave causes first, then those of many findings.
pub(crate) fn causes<'r>(findings: impl Iterator<Item = &'r Finding>) -> Vec<Cause<'r>> {
    type Same<'r> = (Vec<Vec<Token>>, Vec<&'r Finding>);
    let mut by_shape: BTreeMap<(&str, Option<&str>, String), Same<'_>> = BTreeMap::new();
    for finding in findings {
        let tokens = tokens(finding);
        let (of_cause, those) = by_shape
            .entry((&*finding.rule, finding.framework.as_deref(), shape(&tokens)))
            .or_default();
        of_cause.push(tokens);
        those.push(finding);
    }
    let cause = |((rule, _, _), (tokens, findings)): ((&'r str, Option<&str>, String), Same<'r>)| Cause {
        rule,
        severity: findings
            .iter()
            .map(|finding| finding.severity)
            .max()
            .unwrap_or(Severity::Low),
        message: together(&tokens),
        findings,
    };
    let mut causes: Vec<Cause<'r>> = by_shape.into_iter().map(cause).collect();
    // Stable: what is alike in both stays in order of rule.
    causes.sort_by_key(|cause| std::cmp::Reverse((cause.severity, cause.findings.len())));
    causes
}

/// What findings of one cause have in common: rule, framework, and message without what may differ.
pub(crate) fn cause_of(finding: &Finding) -> (&str, Option<&str>, String) {
    let message = shape(&tokens(finding));
    (&*finding.rule, finding.framework.as_deref(), message)
}

/// One message for findings of one cause.
pub(crate) fn message_of(findings: &[&Finding]) -> String {
    let messages: Vec<Vec<Token>> = findings.iter().map(|finding| tokens(finding)).collect();
    together(&messages)
}

/// A word of a message, with what stands around it.
struct Token {
    text: String,
    after: String,
    /// It may differ within a cause.
    is_own: bool,
    /// By what two of its kind are compared, if they can be.
    size: Option<f64>,
}

/// What stands for the name of a finding's own subject.
const OWN: &str = "\u{2026}";

fn tokens(finding: &Finding) -> Vec<Token> {
    let mut message = finding.message.to_string();
    for own in [&finding.resource_arn, &finding.resource_name] {
        // A short name may be part of any word.
        if own.len() > 3 {
            message = message.replace(own.as_str(), OWN);
        }
    }
    let words: Vec<&str> = message.split_whitespace().collect();
    let mut tokens = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        if let Some((age, used)) = age(&words[at..]) {
            tokens.push(age);
            at += used;
            continue;
        }
        let (text, after) = bare(words[at]);
        tokens.push(Token {
            is_own: text.chars().any(|character| character.is_ascii_digit()),
            size: text.parse().ok(),
            text: text.to_owned(),
            after: after.to_owned(),
        });
        at += 1;
    }
    tokens
}

/// A word, and the punctuation that follows it.
fn bare(word: &str) -> (&str, &str) {
    let text = word.trim_end_matches([',', ';', ':', '.', ')']);
    (text, &word[text.len()..])
}

/// An age such as `3 d 2 h` at the beginning, and how many words it takes.
fn age(words: &[&str]) -> Option<(Token, usize)> {
    let (mut size, mut used, mut after) = (0.0, 0, "");
    while after.is_empty() && used + 1 < words.len() {
        let Ok(number) = words[used].parse::<f64>() else { break };
        let (unit, rest) = bare(words[used + 1]);
        let hours = match unit {
            "s" => 1.0 / 3600.0,
            "min" => 1.0 / 60.0,
            "h" => 1.0,
            "d" => 24.0,
            _ => break,
        };
        size += number * hours;
        after = rest;
        used += 2;
    }
    let text = words[..used].join(" ");
    let token = Token {
        text: text.trim_end_matches(after).to_owned(),
        after: after.to_owned(),
        is_own: true,
        size: Some(size),
    };
    (used > 0).then_some((token, used))
}

/// The message without what may differ.
fn shape(tokens: &[Token]) -> String {
    let word = |token: &Token| {
        let text = if token.is_own { "#" } else { &token.text };
        format!("{text}{}", token.after)
    };
    tokens.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// One message for all of a shape.
fn together(messages: &[Vec<Token>]) -> String {
    let Some(first) = messages.first() else {
        return String::new();
    };
    let word = |(place, token): (usize, &Token)| {
        let all = || messages.iter().map(|message| &message[place]);
        let text = if all().all(|other| other.text == token.text) {
            token.text.clone()
        } else {
            range(all())
        };
        format!("{text}{}", token.after)
    };
    first.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
}

/// From the least to the greatest, of numbers, ages and instants.
fn range<'t>(tokens: impl Iterator<Item = &'t Token> + Clone) -> String {
    let is_instant = |token: &Token| token.text.len() > 9 && token.text.as_bytes()[4] == b'-';
    let by_size = |a: &&Token, b: &&Token| match (a.size, b.size) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.text.cmp(&b.text),
    };
    let can_compare = tokens.clone().all(|token| token.size.is_some()) || tokens.clone().all(is_instant);
    match (tokens.clone().min_by(by_size), tokens.max_by(by_size)) {
        (Some(least), Some(most)) if can_compare => format!("{} to {}", least.text, most.text),
        _ => OWN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::Resource;
    use crate::render::sample;

    #[test]
    fn messages_that_differ_in_numbers_and_names_are_told_once() {
        let report = sample::report(1);
        let finding = |name: &str, message: &str| Finding {
            resource: Arc::new(Resource {
                resource_name: name.to_owned(),
                ..(*report.findings[0].resource).clone()
            }),
            message: message.into(),
            ..report.findings[0].clone()
        };
        let findings = [
            finding(
                "orders",
                "orders: newest point is 3 d 2 h old, limit 36 h; the plan is daily",
            ),
            finding(
                "ledger",
                "ledger: newest point is 5 h old, limit 36 h; the plan is daily",
            ),
            finding(
                "other",
                "other: newest point is 40 h old, limit 36 h; the plan is weekly",
            ),
            finding(
                "prices",
                "prices: newest point is 1 d old, limit 36 h; the plan is daily",
            ),
        ];
        let causes = causes(findings.iter());
        let told: Vec<(usize, &str)> = causes
            .iter()
            .map(|cause| (cause.findings.len(), cause.message.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (
                    3,
                    "\u{2026}: newest point is 5 h to 3 d 2 h old, limit 36 h; the plan is daily"
                ),
                (1, "\u{2026}: newest point is 40 h old, limit 36 h; the plan is weekly"),
            ]
        );
    }

    #[test]
    fn what_cannot_be_compared_is_left_open() {
        let range = |words: [&str; 2]| {
            let tokens = words.map(|text| Token {
                text: text.to_owned(),
                after: String::new(),
                is_own: true,
                size: text.parse().ok(),
            });
            super::range(tokens.iter())
        };
        assert_eq!(range(["9", "10.5"]), "9 to 10.5");
        assert_eq!(
            range(["2026-11-14T03:12:00Z", "2026-01-02T00:00:00Z"]),
            "2026-01-02T00:00:00Z to 2026-11-14T03:12:00Z"
        );
        assert_eq!(range(["vault-1", "vault-2"]), "\u{2026}");
    }
}
