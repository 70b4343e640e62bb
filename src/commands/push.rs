//! `--push`: the findings of a report, sent to the Security Hub of each account and Region.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};

use crate::aws::failure::FailureKind;
use crate::commands::shared::reach::reach;
use crate::criteria::Criteria;
use crate::criteria::rules::shipped;
use crate::domain::{Account, GapKind, TargetId};
use crate::problem::{Outcome, Problem, Problems, count};
use crate::push::plan::{Scope, Unsent};
use crate::push::{Broken, Pushed, push};
use crate::render::asff::{self, SecurityFinding};
use crate::report::Report;
use crate::stderr::say;

/// Targets that are sent to at once.
const CONCURRENT_TARGETS: usize = 8;

/// Targets of one account that failed by the same call with the same error code.
type Cause = (String, &'static str, String);

/// Refused findings that are named; the rest are counted.
const NAMED: usize = 3;

/// Sends the findings of a report, the required ones or with `advised` all of them, and says what became of them.
///
/// Errors: every target that could not be reached, every call that failed for good, every finding that was refused. What
/// could be sent is sent all the same.
pub(crate) async fn to_security_hub(
    report: &Report,
    criteria: &Criteria,
    accounts: &[Account],
    advised: bool,
) -> Outcome<()> {
    let by_target = by_target(report, advised);
    let sizes: BTreeMap<TargetId, usize> = by_target
        .iter()
        .map(|(id, findings)| (id.clone(), findings.len()))
        .collect();
    let reached = reach(accounts, by_target.keys().cloned().collect())
        .await
        .map_err(nothing_sent)?;
    let known_rules: BTreeSet<String> = shipped().0.iter().map(|rule| rule.id.to_string()).collect();
    let unsent = Unsent::of(report, criteria, shipped(), advised);
    let tasks = by_target.into_iter().filter_map(|(id, findings)| {
        let target = reached.targets.get(&id)?;
        let scope = Scope::of(report, &id, &known_rules, &unsent);
        Some(async move { (id, push(target, findings, &scope).await) })
    });
    let mut results: Vec<(TargetId, Result<Pushed, Box<Broken>>)> =
        stream::iter(tasks).buffer_unordered(CONCURRENT_TARGETS).collect().await;
    results.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut problems: Vec<Problem> = reached
        .problems
        .into_iter()
        .map(|problem| problem.so("its findings are not in Security Hub; the reports are complete"))
        .collect();
    let mut broken: BTreeMap<Cause, Vec<(TargetId, Box<Broken>)>> = BTreeMap::new();
    for (id, result) in results {
        let pushed = match result {
            Ok(pushed) => pushed,
            Err(one) => {
                let done = one.done.clone();
                // Regions of one account fail alike: one message says it.
                let key = (id.account_id.clone(), one.action, one.failure.code.clone());
                broken.entry(key).or_default().push((id.clone(), one));
                done
            }
        };
        if pushed != Pushed::default() {
            say(&line(&id, &pushed));
        }
        problems.extend(refused(&id, &pushed));
    }
    problems.extend(broken.into_values().map(|targets| failed(&targets, &sizes)));
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems(problems))
    }
}

/// Whoever cannot log in has the reports all the same.
fn nothing_sent(problems: Problems) -> Problems {
    let so = |problem: Problem| problem.so("nothing was sent to Security Hub; the reports are complete");
    Problems(problems.0.into_iter().map(so).collect())
}

/// The findings by target. A target without any may hold some that are gone.
fn by_target(report: &Report, advised: bool) -> BTreeMap<TargetId, Vec<SecurityFinding>> {
    let mut by_target: BTreeMap<TargetId, Vec<SecurityFinding>> = BTreeMap::new();
    for (target, finding) in asff::findings(report, move |finding| advised || finding.is_required()) {
        by_target.entry(target).or_default().push(finding);
    }
    let read = report
        .coverage
        .targets
        .iter()
        .filter(|target| target.tables_listed.is_some());
    for target in read {
        by_target.entry(target.target.clone()).or_default();
    }
    by_target
}

fn line(id: &TargetId, pushed: &Pushed) -> String {
    let mut parts = vec![
        format!("{} new", pushed.created),
        format!("{} updated", pushed.updated),
        format!("{} archived", pushed.archived),
    ];
    for (number, what) in [
        (pushed.reworked, "suppressed or reopened with their waiver"),
        (pushed.newer, "known as of this time or a later one"),
        (pushed.kept, "left alone, not judged this time"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    format!(
        "Security Hub of account {}, {}: {}",
        id.account_id,
        id.region,
        parts.join(", ")
    )
}

fn refused(id: &TargetId, pushed: &Pushed) -> Option<Problem> {
    let (first, rest) = (
        pushed.refused.iter().take(NAMED),
        pushed.refused.len().saturating_sub(NAMED),
    );
    let mut reasons: Vec<String> = first.map(|(id, why)| format!("{id}: {why}")).collect();
    if reasons.is_empty() {
        return None;
    }
    if rest > 0 {
        reasons.push(format!("and {rest} more"));
    }
    Some(
        Problem::new(format!(
            "Security Hub refused {}",
            count(pushed.refused.len(), "finding")
        ))
        .at(format!("account {}, {}", id.account_id, id.region))
        .why(reasons.join("; "))
        .so("it does not show them as this report does; the reports are complete")
        .hint("push the same report again: `backproof report INVENTORY --push securityhub`"),
    )
}

fn failed(targets: &[(TargetId, Box<Broken>)], sizes: &BTreeMap<TargetId, usize>) -> Problem {
    let (first, broken) = &targets[0];
    let regions: Vec<&str> = targets.iter().map(|(id, _)| id.region.as_str()).collect();
    let unsent: usize = targets
        .iter()
        .map(|(id, broken)| {
            let done = broken.done.created + broken.done.updated + broken.done.newer;
            sizes.get(id).copied().unwrap_or(0).saturating_sub(done)
        })
        .sum();
    let hint = match (broken.failure.code.as_str(), broken.failure.kind) {
        ("InvalidAccessException", _) => "switch Security Hub on there, or leave the Region out with `--regions`",
        (_, FailureKind::Gap(GapKind::Denied)) => {
            "allow that action for the role; `explain permissions --command push` prints the whole policy"
        }
        _ => "push the same report again: `backproof report INVENTORY --push securityhub`",
    };
    Problem::new("could not send findings to Security Hub")
        .at(format!("account {}, {}", first.account_id, regions.join(", ")))
        .why(format!("{} from {}", broken.failure.why(), broken.action))
        .so(format!(
            "{} not there, or not as this report says; the reports are complete",
            match unsent {
                1 => "1 finding is".to_owned(),
                unsent => format!("{} are", count(unsent, "finding")),
            }
        ))
        .hint(hint)
}
