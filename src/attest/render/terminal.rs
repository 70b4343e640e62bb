//! What a person sees after `attest`: the outcome, the exposed tables, what was not observed.

use super::words;
use crate::attest::{Attestation, Proof, TableProof};
use crate::facts::rpo_over_time::Spans;
use crate::problem::count;
use crate::text::one_line;

/// Tables named for each verdict; the rest are counted.
const NAMED: usize = 10;

/// The summary.
pub(crate) fn summary(attestation: &Attestation) -> String {
    let period = attestation.period;
    let mut text = format!(
        "{} to {} ({}), by {}\n{}: {}\n",
        period.from,
        period.to,
        count(period.days(), "day"),
        count(attestation.packs.len(), "pack"),
        words::headline(attestation),
        words::summary(attestation)
    );
    if let Some(line) = words::by_promise(attestation) {
        text.push_str(&format!("{line}\n"));
    }
    for proof in [Proof::Exposed, Proof::NotObserved, Proof::Promised] {
        let of = attestation.tables.iter().filter(|table| table.proof == proof);
        let of: Vec<&TableProof> = of.collect();
        if of.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{}\n", proof.words().to_uppercase()));
        for table in of.iter().take(NAMED) {
            text.push_str(&format!("  {}\n", line(table)));
        }
        if of.len() > NAMED {
            text.push_str(&format!("  … and {} more\n", of.len() - NAMED));
        }
    }
    for target in attestation.unlisted_targets().take(NAMED) {
        text.push_str(&format!(
            "\nWhich tables lived in {} is not known for {} of the period\n",
            target.target,
            words::length(target.unlisted_seconds)
        ));
    }
    for table in attestation.unlisted.iter().take(NAMED) {
        text.push_str(&format!(
            "\nNo pack lists {}, and something was made of it on {}\n",
            one_line(&table.table_arn),
            table.first.date_naive()
        ));
    }
    text
}

fn line(table: &TableProof) -> String {
    let history = &table.history;
    let intervals = match table.proof {
        Proof::Exposed => spans(&history.exposed),
        Proof::Promised => spans(&history.promised),
        _ => spans(&history.not_observed),
    };
    let waived = if table.is_waived { ", waived" } else { "" };
    format!(
        "{} ({}): {intervals}{waived}",
        one_line(&table.table_name),
        table.target
    )
}

/// The first intervals in words, and how long all are.
fn spans(spans: &Spans) -> String {
    let first = spans.iter().next().unwrap_or_default();
    let more = match spans.len() {
        0 | 1 => String::new(),
        number => format!(" and {} more, {} in all", number - 1, words::length(spans.seconds())),
    };
    format!(
        "{} to {} ({}){more}",
        words::instant(first.0),
        words::instant(first.1),
        words::length(u64::from(first.1 - first.0))
    )
}
