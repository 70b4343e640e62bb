//! What a record says, in the words of both documents.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::attest::render::words::length;
use crate::domain::rfc3339;
use crate::drill::record::{Against, Cleanup, DifferenceKind, Drill, Part, PartOutcome, Reach, Record, Verdict, When};
use crate::problem::count;
use crate::text::cut;

/// How a drill, or a run, came out, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shade {
    /// Something failed, differs, or took too long.
    Bad,
    /// Something is not known.
    Open,
    /// It was restored as it had to be.
    Good,
}

impl Shade {
    /// The class in the page.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Open => "open",
            Self::Good => "good",
        }
    }

    /// The mark that goes with it, so that no meaning hangs on colour.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Bad => "\u{2717}",
            Self::Open => "?",
            Self::Good => "\u{2713}",
        }
    }
}

/// Longest free text that a document prints; drill.json has all of it.
const LONGEST: usize = 300;

/// How one drill came out.
pub(super) fn shade(drill: &Drill) -> Shade {
    match drill.verdict {
        Verdict::Failed | Verdict::Different => Shade::Bad,
        _ if drill.is_late() => Shade::Bad,
        Verdict::NotTested | Verdict::NotComparable => Shade::Open,
        // A table that is left behind costs money and holds data.
        _ if matches!(drill.cleanup, Cleanup::Left { .. }) => Shade::Open,
        Verdict::SampleEqual | Verdict::EqualButForChanges | Verdict::Identical => Shade::Good,
    }
}

/// The verdict for people.
pub(super) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Failed => "the restore failed",
        Verdict::Different => "restored, and not what the point had to hold",
        Verdict::NotTested => "not tested",
        Verdict::NotComparable => "restored; not comparable",
        Verdict::SampleEqual => "restored; the items of a sample are equal",
        Verdict::EqualButForChanges => "restored; equal except for items changed since the point",
        Verdict::Identical => "restored; identical",
    }
}

/// The verdict of one drill, with its number of changes and whether it was in time.
pub(crate) fn outcome(drill: &Drill) -> String {
    let since = drill
        .items
        .iter()
        .flat_map(|items| &items.differences)
        .map(|found| found.since)
        .next();
    let words = match (drill.verdict, since) {
        (Verdict::EqualButForChanges, Some(since)) => {
            format!("restored; equal except for {} changed since the point", items(since))
        }
        (other, _) => verdict(other).to_owned(),
    };
    if drill.is_late() {
        format!("{words}; later than the RTO")
    } else {
        words
    }
}

/// The headline of the run, and how it came out.
pub(super) fn headline(record: &Record) -> (Shade, String) {
    let shade = record.drills.iter().map(shade).min().unwrap_or(Shade::Open);
    let shade = if record.left_out.is_empty() {
        shade
    } else {
        shade.min(Shade::Open)
    };
    let all = record.drills.len();
    let of = |is: &dyn Fn(&Drill) -> bool| record.drills.iter().filter(|drill| is(drill)).count();
    let failed = of(&|drill| drill.verdict.is_failure());
    let late = of(&Drill::is_late);
    let open = of(&|drill| matches!(drill.verdict, Verdict::NotTested | Verdict::NotComparable));
    let restored = of(&|drill| drill.verdict.is_restored());
    let text = match (failed, late, open) {
        (0, 0, 0) if all > 0 => match all {
            1 => "The restore worked, and what it holds is as it had to be".to_owned(),
            _ => format!("All {all} restores worked, and what they hold is as it had to be"),
        },
        (0, 0, _) => format!(
            "{restored} of {} worked; not everything could be shown",
            count(all, "restore")
        ),
        (0, late, _) => format!("{late} of {} took longer than the RTO", count(all, "restore")),
        (failed, _, _) => format!(
            "{failed} of {} did not bring back what it had to",
            count(all, "restore")
        ),
    };
    (shade, text)
}

/// How many drills came out how, and what was left out, one sentence each.
pub(super) fn summary(record: &Record) -> Vec<String> {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for drill in &record.drills {
        *counts.entry(drill.verdict).or_default() += 1;
    }
    let mut lines: Vec<String> = counts
        .iter()
        .map(|(known, number)| format!("{number}: {}.", verdict(*known)))
        .collect();
    if !record.left_out.is_empty() {
        lines.push(format!(
            "{} chosen and not restored: nothing was tested of them.",
            count(record.left_out.len(), "table")
        ));
    }
    let left = record
        .drills
        .iter()
        .filter(|drill| matches!(drill.cleanup, Cleanup::Left { .. }))
        .count();
    if left > 0 {
        lines.push(format!(
            "{} that the drill made may still be there.",
            count(left, "table")
        ));
    }
    lines
}

/// Label and value of everything that is told of a drill, in order.
pub(super) fn facts(drill: &Drill) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Table", format!("{}{}", drill.source.table_arn, source(drill))),
        ("Recovery point", point(drill)),
        ("Restored to", restored(drill)),
        ("Job", job(drill)),
        ("Times", times(drill)),
        ("Restore time", rto(drill)),
        ("Comparison", comparison(drill)),
    ];
    let differences = differences(drill);
    if !differences.is_empty() {
        facts.push(("Items that differ", differences));
    }
    facts.push(("Definition", definition(drill)));
    facts.push(("Clean-up", cleanup(drill)));
    if let Some(trouble) = &drill.trouble {
        facts.push(("Went no further", cut(trouble, LONGEST)));
    }
    let again = set_again(drill);
    if !again.is_empty() {
        facts.push(("Set again after a real restore", again));
    }
    facts
}

fn source(drill: &Drill) -> String {
    let born = match drill.source.created_at {
        Some(at) => format!(", created {}", rfc3339(at)),
        None => String::new(),
    };
    let there = match drill.source.is_there {
        Some(true) => "",
        Some(false) => ", deleted since",
        None => ", not known whether it is still there",
    };
    format!("{born}{there}")
}

fn point(drill: &Drill) -> String {
    let point = &drill.point;
    let made = point.created_at.map_or_else(
        || "of a date that AWS does not say".to_owned(),
        |at| format!("of {}", rfc3339(at)),
    );
    let size = point
        .size_bytes
        .map_or_else(String::new, |bytes| format!(", {bytes} bytes"));
    let cold = if point.is_cold { ", from cold storage" } else { "" };
    format!("{} {made}, in vault {}{size}{cold}", point.arn, point.vault_name)
}

fn restored(drill: &Drill) -> String {
    let to = &drill.restored;
    let id = to
        .table_id
        .as_ref()
        .map_or_else(|| "never seen".to_owned(), |id| format!("table id {id}"));
    format!(
        "{} in account {}, {} ({id}); key {}, by role {}",
        to.table_name, to.account_id, to.region, to.key, to.role_arn
    )
}

fn job(drill: &Drill) -> String {
    match (&drill.restored.job_id, &drill.job) {
        (None, _) => "none was begun".to_owned(),
        (Some(id), None) => format!("{id}; its end was not seen"),
        (Some(id), Some(job)) if job.message.is_empty() => format!("{id}: {}", job.state),
        (Some(id), Some(job)) => format!("{id}: {}, {}", job.state, cut(&job.message, LONGEST)),
    }
}

fn times(drill: &Drill) -> String {
    let times = &drill.times;
    let all = [
        ("ordered", times.ordered_at),
        ("seen running", times.running_at),
        ("last index ACTIVE", times.active_at),
        ("compared", times.compared_at),
        ("gone", times.gone_at),
    ];
    let known: Vec<String> = all
        .into_iter()
        .filter_map(|(what, at)| Some(format!("{what} {}", rfc3339(at?))))
        .collect();
    if known.is_empty() {
        "nothing happened".to_owned()
    } else {
        known.join(", ")
    }
}

/// A stretch of time for people.
fn took(span: TimeDelta) -> String {
    length(u64::try_from(span.num_seconds()).unwrap_or(0))
}

/// From one instant to another, if both are known.
fn between(from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Option<String> {
    Some(took(to? - from?))
}

/// How long the restore took, in its parts, against the limit.
pub(super) fn rto(drill: &Drill) -> String {
    let times = &drill.times;
    let limit = drill.rto_seconds.map(length);
    let Some(whole) = times.restore() else {
        return match limit {
            Some(limit) => format!("not measured; the RTO is {limit}"),
            None => "not measured; the policy sets no RTO".to_owned(),
        };
    };
    let against = match (limit, drill.is_late()) {
        (None, _) => "the policy sets no RTO".to_owned(),
        (Some(limit), false) => format!("within the RTO of {limit}"),
        (Some(limit), true) => format!("longer than the RTO of {limit}"),
    };
    let parts = [
        ("queue", between(times.ordered_at, times.running_at)),
        ("restore", between(times.running_at, times.active_at)),
        (
            "comparison, which comes on top",
            between(times.active_at, times.compared_at),
        ),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter_map(|(what, part)| Some(format!("{what} {}", part?)))
        .collect();
    let parts = if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    };
    format!(
        "{} from the order to the last index ACTIVE, {against}{parts}",
        took(whole)
    )
}

fn items(number: u64) -> String {
    if number == 1 {
        "1 item".to_owned()
    } else {
        format!("{number} items")
    }
}

/// What was compared with what, and what that proves.
pub(super) fn comparison(drill: &Drill) -> String {
    let Some(compared) = &drill.items else {
        return "the items were not compared".to_owned();
    };
    let reach = match compared.reach {
        Reach::Whole => "every item".to_owned(),
        Reach::Sample { segments, of, seed } => format!("a sample of {segments} of {of} segments drawn by {seed}"),
    };
    let other = compared.other.as_ref().map(|other| items(other.items));
    let against = match &compared.against {
        Against::Source => format!(
            "against the source as it was during the drill ({})",
            other.unwrap_or_else(|| "not read".to_owned())
        ),
        Against::Digest { evidence } => format!(
            "against the digest of the point, {evidence} ({})",
            other.unwrap_or_else(|| "not read".to_owned())
        ),
        Against::Nothing { why } => format!("against nothing: {}", cut(why, LONGEST)),
    };
    format!(
        "{reach} of the new table ({}), {against}. {}",
        items(compared.restored.items),
        cut(&compared.statement, LONGEST)
    )
}

/// Examples of items that are printed; drill.json has more.
const EXAMPLES: usize = 4;

/// What is not the same; empty: nothing, or the items were not told apart.
fn differences(drill: &Drill) -> String {
    let Some(found) = drill.items.as_ref().and_then(|items| items.differences.as_ref()) else {
        return String::new();
    };
    let counts = [
        (found.damaged, "that the point had to hold as they are"),
        (found.since, "written or expired since the point"),
        (found.untold, "of which nothing tells when they changed"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", items(number)))
        .collect();
    if counts.is_empty() {
        return String::new();
    }
    let examples: Vec<String> = found
        .examples
        .iter()
        .take(EXAMPLES)
        .map(|one| {
            let kind = match one.kind {
                DifferenceKind::Missing => "missing",
                DifferenceKind::Extra => "too much",
                DifferenceKind::Changed => "changed",
            };
            let when = match one.when {
                When::Since => "since",
                When::Before => "before",
                When::Untold => "untold",
            };
            format!("{kind} ({when}) {}", cut(&one.key, 80))
        })
        .collect();
    let examples = if examples.is_empty() {
        String::new()
    } else {
        format!(": {}", examples.join("; "))
    };
    let by = match &found.changed_at {
        Some(attribute) => format!(", by attribute `{}`", cut(attribute, 80)),
        None => String::new(),
    };
    format!("{}{by}{examples}", counts.join(", "))
}

/// Parts of the definition that are named.
const PARTS: usize = 6;

/// Keys, indexes and settings.
fn definition(drill: &Drill) -> String {
    let Some(definition) = &drill.definition else {
        return "keys, indexes and settings were not compared".to_owned();
    };
    let parts = &definition.parts;
    let equal = parts.iter().filter(|part| part.outcome == PartOutcome::Equal).count();
    let mut text = format!("{equal} of {} equal", count(parts.len(), "part"));
    let others: Vec<&Part> = parts.iter().filter(|part| part.outcome != PartOutcome::Equal).collect();
    let named: Vec<String> = others.iter().take(PARTS).map(|part| of_part(part)).collect();
    if !named.is_empty() {
        text.push_str(&format!("; {}", named.join("; ")));
    }
    if others.len() > PARTS {
        text.push_str(&format!("; and {} more", others.len() - PARTS));
    }
    if let Some(why) = &definition.source_unknown {
        text.push_str(&format!("; those of the source are not known: {}", cut(why, LONGEST)));
    }
    text
}

fn of_part(part: &Part) -> String {
    let how = match part.outcome {
        PartOutcome::Equal => "equal",
        PartOutcome::Different => "different",
        PartOutcome::ChangedOrDifferent => "different, or changed at the source since",
        PartOutcome::AsOrdered => "another, as ordered",
        PartOutcome::Unknown => "not known",
    };
    let of = |value: &Option<String>| {
        value
            .as_deref()
            .map_or_else(|| "none".to_owned(), |value| cut(value, 80))
    };
    format!(
        "{} {how} (source {}, new table {})",
        part.name,
        of(&part.source),
        of(&part.restored)
    )
}

/// What proves that nothing is left.
pub(super) fn cleanup(drill: &Drill) -> String {
    let at = drill
        .times
        .gone_at
        .map_or_else(String::new, |at| format!(" at {}", rfc3339(at)));
    match &drill.cleanup {
        Cleanup::NothingMade => "no table was made".to_owned(),
        Cleanup::Gone => {
            format!(
                "the new table was deleted; DescribeTable says ResourceNotFoundException and ListTables does not name it{at}"
            )
        }
        Cleanup::Kept => "the new table stays, as was asked".to_owned(),
        Cleanup::Left { why } => format!("the new table may still be there: {}", cut(why, LONGEST)),
    }
}

fn set_again(drill: &Drill) -> String {
    drill
        .definition
        .as_ref()
        .map(|definition| cut(&definition.set_again.join("; "), LONGEST))
        .unwrap_or_default()
}

/// Drills with the worst first; those that came out alike by number.
pub(super) fn worst_first(record: &Record) -> Vec<&Drill> {
    let mut drills: Vec<&Drill> = record.drills.iter().collect();
    drills.sort_by_key(|drill| (shade(drill), drill.verdict, drill.number));
    drills
}

/// The name of a table, out of its ARN.
pub(super) fn name(table_arn: &str) -> &str {
    table_arn.rsplit_once("table/").map_or(table_arn, |(_, name)| name)
}

/// What the document does not prove, in sentences.
pub(super) const LIMITS: [&str; 3] = [
    "A drill proves that one recovery point could be restored at one time, to the place and with the role named here; it says nothing of \
     other points, and nothing of whether the table is backed up: a scan does.",
    "Digests of items show damage, not intent: they are sums of SHA-256 modulo 2^256, and whoever may write items may choose them.",
    "Times are those of AWS's clocks, to the second; what people do before the order and after the last index is ACTIVE comes on top.",
];
