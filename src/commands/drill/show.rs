//! A plan and a record for people at a terminal.

use chrono::TimeDelta;

use super::wanted::size_text;
use crate::domain::{Arn, rfc3339};
use crate::drill::document::outcome;
use crate::drill::plan::{Asked, Plan, Planned, Reach};
use crate::drill::record::{Cleanup, Drill, PartOutcome, Record, Verdict};
use crate::duration;
use crate::problem::{count, one_line};
use crate::remediate::price::Cost;

/// The plan: every table with its point, then sums and calls.
pub(super) fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    let mut at = None;
    for planned in &plan.drills {
        if at.as_ref() != Some(&planned.at()) {
            text.push_str(&format!(
                "account {}, {}\n",
                planned.account_id,
                one_line(&planned.region)
            ));
            at = Some(planned.at());
        }
        text.push_str(&line(planned));
    }
    if !plan.left_out.is_empty() {
        text.push_str(&format!(
            "{} left out: nothing is tested of them\n",
            count(plan.left_out.len(), "table")
        ));
        for left in &plan.left_out {
            text.push_str(&format!("  {}: {}\n", one_line(&left.table_arn), one_line(&left.why)));
        }
    }
    text.push_str(&format!("{}\n", total(plan)));
    text.push_str(&format!("minutes: {}\n", plan.estimate.minutes_by));
    text.push_str("calls of the whole run:\n");
    for (action, number) in &plan.estimate.calls {
        text.push_str(&format!("  {number:>7} {action}\n"));
    }
    text
}

fn line(planned: &Planned) -> String {
    let point = &planned.point;
    let takes = &planned.takes;
    let mut parts = vec![point.size_bytes.map_or_else(|| "of unknown size".to_owned(), size_text)];
    parts.push(match point.created_at {
        Some(at) => format!("data of {}", rfc3339(at)),
        None => "data of an unknown date".to_owned(),
    });
    parts.push(format!("vault {}", one_line(&point.vault_name)));
    parts.extend(takes.minutes.map(|minutes| format!("about {}", minutes_text(minutes))));
    parts.push(cost(takes.usd));
    if point.is_cold {
        parts.push("cold: its restore takes hours".to_owned());
    }
    format!(
        "  {}: {}\n      {} to {}, by {}\n",
        planned.source_name(),
        parts.join(", "),
        one_line(&point.arn),
        planned.table_name,
        one_line(&planned.role_arn)
    )
}

/// `3 tables to restore, 12.0 GB, about 15 min, up to 1.80 USD`.
pub(super) fn total(plan: &Plan) -> String {
    let estimate = &plan.estimate;
    let mut parts = vec![format!("{} to restore", count(plan.drills.len(), "table"))];
    parts.push(
        estimate
            .restored_bytes
            .map_or_else(|| "of unknown size".to_owned(), size_text),
    );
    parts.extend(
        estimate
            .minutes
            .map(|minutes| format!("about {}", minutes_text(minutes))),
    );
    parts.extend(estimate.read_units.map(|units| format!("{units:.0} read units")));
    parts.push(cost(estimate.usd));
    parts.join(", ")
}

fn cost(usd: Option<f64>) -> String {
    let cost = Cost {
        once_usd: usd,
        monthly_usd: Some(0.0),
    };
    match cost.words() {
        words if words.is_empty() => "for nothing".to_owned(),
        words => words,
    }
}

fn minutes_text(minutes: f64) -> String {
    let seconds = (minutes * 60.0).clamp(0.0, 1e12).round() as i64;
    took(TimeDelta::seconds(seconds))
}

/// `4 s`, `12 min 5 s`, `4 h 12 min`.
fn took(delta: TimeDelta) -> String {
    let seconds = delta.num_seconds().max(0);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// What a drill was asked for, in words.
pub(super) fn asked(asked: &Asked) -> String {
    let compare = match asked.compare.reach {
        Reach::Whole => "every item compared".to_owned(),
        Reach::Nothing => "no item compared".to_owned(),
        Reach::Sample { segments, of, .. } => format!("{segments} of {of} segments compared"),
    };
    let tables = match asked.tables.is_empty() {
        true => "the table of a point".to_owned(),
        false => asked.tables.join(", "),
    };
    let mut parts = vec![tables, format!("--point {}", asked.point), compare];
    parts.extend(asked.with.iter().cloned());
    if asked.keeps {
        parts.push("--keep".to_owned());
    }
    one_line(&parts.join("; "))
}

/// What a run saw, a table each, and one line over all.
pub(super) fn record(record: &Record) -> String {
    let mut text: String = record.drills.iter().map(drill).collect();
    for left in &record.left_out {
        text.push_str(&format!(
            "NOT TESTED  {}: {}\n",
            one_line(&left.table_arn),
            one_line(&left.why)
        ));
    }
    let of = |verdict: fn(Verdict) -> bool| record.drills.iter().filter(|drill| verdict(drill.verdict)).count();
    let late = record.drills.iter().filter(|drill| drill.is_late()).count();
    let untested = of(|verdict| verdict == Verdict::NotTested) + record.left_out.len();
    text.push_str(&format!(
        "{}: {} restored and equal, {} not comparable, {} not as the point has to be, {} not tested",
        count(record.drills.len() + record.left_out.len(), "table"),
        of(|verdict| verdict > Verdict::NotComparable),
        of(|verdict| verdict == Verdict::NotComparable),
        of(Verdict::is_failure),
        untested,
    ));
    if late > 0 {
        text.push_str(&format!("; {late} missed the RTO"));
    }
    text + "\n"
}

fn drill(drill: &Drill) -> String {
    let name = Arn::parse(&drill.source.table_arn).and_then(|arn| arn.table_name());
    let name = one_line(name.unwrap_or(&drill.source.table_arn));
    let mut text = format!("{:<12}{name}: {}\n", head(drill.verdict), outcome(drill));
    let mut more = |line: String| text.push_str(&format!("            {line}\n"));
    if let Some(why) = &drill.trouble {
        more(one_line(why));
    }
    if let Some(line) = times(drill) {
        more(line);
    }
    if let Some(items) = &drill.items {
        more(one_line(&items.statement));
    }
    if let Some(definition) = &drill.definition {
        for part in &definition.parts {
            let word = match part.outcome {
                PartOutcome::Different => "differs",
                PartOutcome::ChangedOrDifferent => "differs, or was changed since",
                PartOutcome::Unknown => "is not known on one side",
                PartOutcome::Equal | PartOutcome::AsOrdered => continue,
            };
            let side = |side: &Option<String>| side.as_deref().map_or_else(|| "none".to_owned(), one_line);
            more(format!(
                "{} {word}: {} in the source, {} in the new table",
                one_line(&part.name),
                side(&part.source),
                side(&part.restored)
            ));
        }
        if !definition.set_again.is_empty() {
            more(format!(
                "to be set again after a real restore: {}",
                one_line(&definition.set_again.join("; "))
            ));
        }
    }
    more(match &drill.cleanup {
        Cleanup::NothingMade => "no table was made".to_owned(),
        Cleanup::Gone => format!("{} is gone, by DescribeTable and ListTables", drill.restored.table_name),
        Cleanup::Kept => format!("{} is kept, as was asked", drill.restored.table_name),
        Cleanup::Left { why } => format!("{} may be left: {}", drill.restored.table_name, one_line(why)),
    });
    text
}

/// The parts of the time to recover, and the RTO.
fn times(drill: &Drill) -> Option<String> {
    let times = &drill.times;
    let restored = times.restore()?;
    let mut parts = Vec::new();
    let between =
        |from: Option<chrono::DateTime<chrono::Utc>>, to: Option<chrono::DateTime<chrono::Utc>>| Some(to? - from?);
    parts.extend(between(times.ordered_at, times.running_at).map(|queue| format!("{} in the queue", took(queue))));
    // The table of a restore test of AWS's own may have waited long before it was compared.
    let began_at = drill.items.as_ref().map(|items| items.restored.began_at);
    parts.extend(
        between(began_at.or(times.active_at), times.compared_at)
            .map(|compare| format!("compared in {}", took(compare))),
    );
    let rto = match (drill.rto_seconds, drill.is_late()) {
        (None, _) => String::new(),
        (Some(rto), is_late) => format!(
            ", {} the RTO of {}",
            if is_late { "longer than" } else { "within" },
            duration::human(TimeDelta::seconds(i64::try_from(rto).unwrap_or(i64::MAX / 1000)))
        ),
    };
    let parts = match parts.is_empty() {
        true => String::new(),
        false => format!(" ({})", parts.join(", ")),
    };
    Some(format!("restored in {}{parts}{rto}", took(restored)))
}

const fn head(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Failed => "FAILED",
        Verdict::Different => "DIFFERENT",
        Verdict::NotTested => "NOT TESTED",
        Verdict::NotComparable => "RESTORED",
        Verdict::SampleEqual | Verdict::EqualButForChanges => "EQUAL",
        Verdict::Identical => "IDENTICAL",
    }
}
