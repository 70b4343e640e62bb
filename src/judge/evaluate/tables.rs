//! Rules on tables.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use polars::prelude::{DataFrame, PolarsResult};

use super::findings::{Subjected, Values};
use super::tiers::{Assigned, Tiers, Within, column};
use super::{Verdicts, WhyUnknown, engine_failed, evaluate_frame};
use crate::criteria::policy::Policy;
use crate::criteria::rules::{Rule, RuleSet};
use crate::criteria::vocabulary::{COMPARISONS, POLICY_TIER, schema};
use crate::dictionary::{SubjectFacts, TableFacts};
use crate::domain::{Demands, FactValue, Finding, Level, Question, Subject, Verdict};
use crate::facts::rpo_over_time::RpoDemand;
use crate::facts::{Comparisons, Facts, Tables};
use crate::judge::nulls::Nulls;
use crate::problem::Problem;

/// Tables judged at once: enough for columns to pay, few enough to stay small beside a million.
const CHUNK: usize = 8192;

/// Some tables with everything that was said of them.
pub struct Chunk {
    /// Place of the first of them among all tables.
    pub start: usize,
    /// Their facts.
    pub tables: Tables,
    /// What the policy says of each.
    pub assigned: Vec<Arc<Assigned>>,
    /// Each against its policy; none if no rule asks.
    pub comparisons: Vec<Comparisons>,
    /// By rule, then table: in the order of the rules on tables.
    pub verdicts: Vec<Vec<Verdict>>,
    /// As `verdicts`: the part of `applies` that does not hold, where the verdict is that the rule does not ask.
    parts: Vec<Vec<u8>>,
}

/// Judges every table by every rule on tables, and hands over some at a time, in order of ARN. `within`: which exemptions take
/// no more tables than they may.
///
/// Errors: the engine fails, which a checked rule set never makes it do.
pub fn judge_tables(
    facts: &Facts,
    rules: &RuleSet,
    (policy, within): (&Policy, &Within),
    with: &mut dyn FnMut(Chunk),
) -> Result<(), Problem> {
    judge_and_make(facts, rules, (policy, within), &|chunk| chunk, with)
}

/// The same, where something is made of each chunk beside the others.
///
/// Errors: as above.
pub(crate) fn judge_and_make<M: Send>(
    facts: &Facts,
    rules: &RuleSet,
    (policy, within): (&Policy, &Within),
    make: &(dyn Fn(Chunk) -> M + Sync),
    with: &mut dyn FnMut(M),
) -> Result<(), Problem> {
    let rules: Vec<&Rule> = rules.of(Subject::Table).collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let ranges: Vec<Range<usize>> = (0..facts.len())
        .step_by(CHUNK)
        .map(|start| start..facts.len().min(start + CHUNK))
        .collect();
    for some in ranges.chunks(threads) {
        let judged: Vec<PolarsResult<M>> = std::thread::scope(|scope| {
            let started: Vec<_> = some
                .iter()
                .map(|range| scope.spawn(|| judge(facts, &rules, (policy, within), range.clone()).map(make)))
                .collect();
            let done = started.into_iter().map(|thread| thread.join());
            done.map(|chunk| chunk.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        for chunk in judged {
            with(chunk.map_err(engine_failed)?);
        }
    }
    Ok(())
}

fn judge(
    facts: &Facts,
    rules: &[&Rule],
    (policy, within): (&Policy, &Within),
    rows: Range<usize>,
) -> PolarsResult<Chunk> {
    let start = rows.start;
    let tables = facts.tables(rows);
    let assigned = Tiers::new(policy, rules, facts.as_of(), within).assign(&tables, facts, start)?;
    let reads = |name: &str| rules.iter().any(|rule| rule.reads().any(|read| read == name));
    let compares = COMPARISONS
        .iter()
        .any(|one| one.name != "policy_tier" && reads(one.name));
    let comparisons: Vec<Comparisons> = if compares {
        (0..tables.facts.len())
            .map(|place| assigned[place].compare(facts, &tables, place))
            .collect()
    } else {
        Vec::new()
    };
    let frame = frame(&tables.facts, &assigned, &comparisons, &reads)?;
    let judged = evaluate_frame(frame, rules)?;
    let verdicts = judged
        .iter()
        .zip(rules)
        .enumerate()
        .map(|(number, (verdicts, rule))| {
            let settled = |row: usize| settle((rule, number), verdicts.at(row), &tables.facts[row], &assigned[row]);
            (0..tables.facts.len()).map(settled).collect()
        })
        .collect();
    let parts_of = |verdicts: &Verdicts| {
        let part = |row| u8::try_from(verdicts.why_not(row).unwrap_or_default()).unwrap_or(u8::MAX);
        (0..tables.facts.len()).map(part).collect()
    };
    let parts = judged.iter().map(parts_of).collect();
    Ok(Chunk {
        start,
        tables,
        assigned,
        comparisons,
        verdicts,
        parts,
    })
}

/// The columns that conditions read.
fn frame(
    tables: &[TableFacts],
    assigned: &[Arc<Assigned>],
    comparisons: &[Comparisons],
    reads: &dyn Fn(&str) -> bool,
) -> PolarsResult<DataFrame> {
    let mut frame = TableFacts::to_frame(tables, reads)?;
    for (name, dtype) in schema(Subject::Table).iter() {
        if !reads(name) {
            continue;
        }
        if let Some(place) = assigned
            .first()
            .and_then(|first| first.values.iter().position(|(known, _)| *known == name.as_str()))
        {
            let values = assigned.iter().map(|assigned| &assigned.values[place].1);
            frame.with_column(column(name, values, dtype))?;
        } else if name == "policy_tier" {
            frame.with_column(column(name, assigned.iter().map(|assigned| &assigned.tier), dtype))?;
        } else if COMPARISONS.iter().any(|one| one.name == name.as_str()) {
            let values: Vec<FactValue> = comparisons.iter().map(|comparison| comparison.get(name)).collect();
            frame.with_column(column(name, values.iter(), dtype))?;
        }
    }
    Ok(frame)
}

/// Tables that no rule judges; and those that may be exempt, of which nothing can be said for certain.
fn settle((rule, number): (&Rule, usize), verdict: Verdict, table: &TableFacts, assigned: &Assigned) -> Verdict {
    if is_out(table) || assigned.is_exempt == Some(true) || assigned.levels[number] == Some(Level::Off) {
        return Verdict::NotApplicable;
    }
    if is_left_open(table) {
        return Verdict::Unknown;
    }
    if is_past_plans(rule, table) {
        return Verdict::NotApplicable;
    }
    match verdict {
        Verdict::NonCompliant | Verdict::Compliant if assigned.is_exempt.is_none() => Verdict::Unknown,
        // Where the table's tier cannot be told it is not known whether the rule is required.
        Verdict::NonCompliant if assigned.levels[number].is_none() => Verdict::Unknown,
        verdict => verdict,
    }
}

/// Tables that no rule judges, whatever the policy says.
fn is_out(table: &TableFacts) -> bool {
    table.is_restore_test == Some(true) || table.is_known_inactive == Some(true)
}

/// Nothing is known of what is to be asked of it: its state is a word that AWS added since, it was archived and AWS does not
/// say when, or it may be a table of AWS's own. Its items are there all the same, so it stays among those that are judged.
pub(crate) fn is_left_open(table: &TableFacts) -> bool {
    let is_open = match table.table_status.as_deref() {
        Some("ARCHIVED") => table.archived_at.is_none(),
        Some(status) => !KNOWN_STATES.contains(&status),
        None => false,
    };
    is_open || table.is_restore_test.is_none()
}

/// States in which a table is judged as any other, or set apart.
const KNOWN_STATES: [&str; 7] = [
    "ACTIVE",
    "ARCHIVING",
    "CREATING",
    "DELETING",
    "INACCESSIBLE_ENCRYPTION_CREDENTIALS",
    "REPLICATION_NOT_AUTHORIZED",
    "UPDATING",
];

/// Does the rule ask for a plan, which cannot back up an archived table any more?
fn is_past_plans(rule: &Rule, table: &TableFacts) -> bool {
    let reads_plans = || rule.reads().any(|name| name == TableFacts::in_a_plan.name());
    let asks_for_plan = || rule.question == Question::InAPlan || reads_plans();
    table.table_status.as_deref() == Some("ARCHIVED") && asks_for_plan()
}

impl Chunk {
    /// What the policy asks of the recovery points of the table at that place; nothing of one that no rule judges.
    pub(crate) fn asked(&self, place: usize) -> RpoDemand {
        if is_out(&self.tables.facts[place]) {
            return RpoDemand::Nothing;
        }
        if is_left_open(&self.tables.facts[place]) {
            return RpoDemand::OPEN;
        }
        self.assigned[place].asked()
    }

    /// The findings on the table at that place, in order of rule.
    pub(crate) fn findings(
        &self,
        place: usize,
        values: &Values,
        rules: &[(&Rule, OnceLock<Arc<Vec<u16>>>)],
        why_unknown: WhyUnknown<'_>,
    ) -> Vec<Finding> {
        let table = &self.tables.facts[place];
        let subject = Subjected::of_table(table);
        let why_not = self.why_not_judged(place, values);
        let levels = &self.assigned[place].levels;
        let each = rules.iter().zip(&self.verdicts).zip(&self.parts).zip(levels);
        each.map(|((((rule, places), verdicts), parts), level)| {
            let off = || format!("`[rules]` switches {} off for such tables", rule.id);
            let past = || "the table is archived: no plan can back it up any more".to_owned();
            let why_not = why_not
                .clone()
                .or_else(|| (*level == Some(Level::Off)).then(off))
                .or_else(|| is_past_plans(rule, table).then(past));
            let level = level.unwrap_or(Level::Required);
            let verdict = (verdicts[place], usize::from(parts[place]));
            let mut finding = subject.finding((rule, level, places), verdict, values, why_not.as_deref(), why_unknown);
            if why_not.is_none() {
                finding.failing = self.failing(place, rule, finding.verdict).into();
            }
            finding
        })
        .collect()
    }

    /// What has to be excused of the demands of a rule for it to say yes of the table at that place.
    fn failing(&self, place: usize, rule: &Rule, verdict: Verdict) -> Vec<Demands> {
        let is_no_yes = matches!(verdict, Verdict::NonCompliant | Verdict::Unknown);
        let (true, Some(comparison)) = (is_no_yes && rule.has_demands(), self.comparisons.get(place)) else {
            return Vec::new();
        };
        let failing = rule
            .reads()
            .map(|name| comparison.failing(name))
            .find(|failing| !failing.is_empty());
        // Where nothing fails, something else than a demand leaves the answer open.
        let failing = failing.filter(|failing| !failing.contains(&Demands::NONE));
        failing.map(<[Demands]>::to_vec).unwrap_or_default()
    }

    /// Everything that conditions and messages may name, of the table at that place, each null with its cause.
    pub(crate) fn values(&self, place: usize, nulls: &Nulls<'_>) -> Values {
        let assigned = &self.assigned[place];
        let mut all = self.tables.facts[place].values();
        all.push((POLICY_TIER.name(), assigned.tier.clone()));
        all.extend(assigned.values.iter().cloned());
        if let Some(comparison) = self.comparisons.get(place) {
            all.extend(comparison.values());
        }
        let subject = Subjected::of_table(&self.tables.facts[place]);
        nulls.explain(Subject::Table, subject.place(), &mut all);
        Values::new(all)
    }

    fn why_not_judged(&self, place: usize, values: &Values) -> Option<String> {
        let table = &self.tables.facts[place];
        if table.is_restore_test == Some(true) {
            Some("a table that AWS restore testing made; AWS deletes it by itself".to_owned())
        } else if table.is_known_inactive == Some(true) {
            Some(match table.table_status.as_deref() {
                Some("CREATING") => "the table is being created (state CREATING)".to_owned(),
                _ => "the table is being deleted (state DELETING)".to_owned(),
            })
        } else if self.assigned[place].is_exempt == Some(true) {
            Some(self.assigned[place].exempt_reason.clone())
        } else if table.is_restore_test.is_none() {
            Some("not known, because the table has the name of one that AWS restore testing makes, and the restore jobs or its age could not be read, which tell whether it is one; a scan that can read them settles it".to_owned())
        } else if is_left_open(table) {
            Some(match table.table_status.as_deref() {
                Some("ARCHIVED") => {
                    "not known, because the table is in state ARCHIVED and AWS does not say since when".to_owned()
                }
                _ => values.render(
                    "not known, because the table is in state {table_status}, which this program does not know",
                ),
            })
        } else {
            None
        }
    }
}
