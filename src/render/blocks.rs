//! What a reader asks of a table that needs action, in words: since when it is exposed, by which plan, its newest point, why,
//! what to do, who answers for it. PDF and HTML say the same from here.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::causes::{cause_of, message_of};
use super::digest::{Digest, NeedsAction};
use crate::criteria::values::LIMIT_HOURS;
use crate::dictionary::TableFacts;
use crate::domain::{Answer, FactValue, Finding, Question, Subject};
use crate::duration;
use crate::report::{Report, TableRow};

/// A table that needs action.
pub(crate) struct Block<'r> {
    /// Its place in [`Report::tables`].
    pub(crate) place: usize,
    /// Since when it is exposed; none if it is not, or if that cannot be told.
    pub(crate) since: Option<Since>,
    /// The same in words, after the word "exposed"; empty if it is not.
    pub(crate) exposed: String,
    /// The newest point that counts.
    pub(crate) newest: String,
    /// Plan, selection and schedule, or why none takes it.
    pub(crate) plan: String,
    /// What its jobs fail with; empty if they do not.
    pub(crate) jobs: String,
    /// Why, in clauses.
    pub(crate) why: String,
    /// What to do, in one clause.
    pub(crate) what: String,
    /// Who answers for it; empty if nobody is named.
    pub(crate) owner: &'r str,
    /// By when it is to be put right.
    pub(crate) due: Option<NaiveDate>,
    /// Its required findings that are open: those of the organisation's policy first, grave ones first.
    pub(crate) findings: Vec<&'r Finding>,
}

/// The beginning of an exposure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since {
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// No point that counts is listed: it began with the table.
    pub(crate) is_creation: bool,
    /// The instant of the report.
    as_of: DateTime<Utc>,
}

impl Since {
    /// `2026-11-14 03:12 UTC (15 d 9 h)`, or the same of the creation of the table.
    pub(crate) fn words(self) -> String {
        let from = if self.is_creation { "its creation, " } else { "" };
        let until = duration::age(self.as_of - self.at);
        format!("{from}{} ({until})", minute(self.at))
    }

    /// The instant alone.
    pub(crate) fn short(self) -> String {
        self.at.format("%Y-%m-%d %H:%M").to_string()
    }
}

/// An instant to the minute, for people.
pub(crate) fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Tables that need action for one reason: the same answers by findings of the same causes.
pub(crate) struct Group<'r> {
    /// Worst first; never empty.
    pub(crate) blocks: Vec<Block<'r>>,
    /// Each cause: one message, and the finding of the first table.
    pub(crate) causes: Vec<(String, &'r Finding)>,
}

/// Every table that needs action, worst first.
pub(crate) fn blocks<'r>(report: &'r Report, digest: &'r Digest) -> Vec<Block<'r>> {
    let by_table = open_by_table(report);
    digest
        .action
        .iter()
        .map(|needs| block(report, needs, &by_table))
        .collect()
}

/// The same, put together by reason, in the order of the worst of each.
pub(crate) fn groups<'r>(blocks: Vec<Block<'r>>, report: &Report) -> Vec<Group<'r>> {
    type Key<'k> = ([Answer; 4], Vec<(&'k str, Option<&'k str>, String)>, String);
    let mut places: HashMap<Key<'r>, usize> = HashMap::new();
    let mut groups: Vec<Vec<Block<'r>>> = Vec::new();
    for block in blocks {
        // Which selection leaves a table out is told table by table.
        let cause = |finding: &&'r Finding| match is_own(finding) {
            true => (&*finding.rule, finding.framework.as_deref(), String::new()),
            false => cause_of(finding),
        };
        let causes = block.findings.iter().map(cause).collect();
        let key = (report.tables[block.place].answers, causes, block.what.clone());
        match places.get(&key) {
            Some(place) => groups[*place].push(block),
            None => {
                places.insert(key, groups.len());
                groups.push(vec![block]);
            }
        }
    }
    groups.into_iter().map(group).collect()
}

/// A finding whose reason differs from table to table, and matters little for what is to be done.
pub(crate) fn is_own(finding: &Finding) -> bool {
    *finding.rule == *"in-a-plan"
}

fn group(blocks: Vec<Block<'_>>) -> Group<'_> {
    let causes = (0..blocks[0].findings.len()).map(|place| {
        let all: Vec<&Finding> = blocks.iter().map(|block| block.findings[place]).collect();
        let message = match all[..] {
            [one] => one.message.to_string(),
            _ if is_own(all[0]) => "no plan takes them; each says why".to_owned(),
            _ => message_of(&all),
        };
        (message, all[0])
    });
    let causes = causes.collect();
    Group { blocks, causes }
}

impl Group<'_> {
    /// A text that its tables have in common, or the first few that they have.
    pub(crate) fn common(&self, of: impl Fn(&Block<'_>) -> String) -> String {
        const NAMED: usize = 4;
        let mut all: Vec<String> = Vec::new();
        for text in self.blocks.iter().map(of).filter(|text| !text.is_empty()) {
            if !all.contains(&text) {
                all.push(text);
            }
        }
        let more = all.len().saturating_sub(NAMED);
        all.truncate(NAMED);
        match more {
            0 => all.join("; "),
            more => format!("{}; and {more} more", all.join("; ")),
        }
    }

    /// Since when the first of its tables is exposed.
    pub(crate) fn since(&self) -> Option<Since> {
        self.blocks
            .iter()
            .filter_map(|block| block.since)
            .min_by_key(|since| since.at)
    }
}

type ByTable<'r> = HashMap<&'r str, Vec<&'r Finding>>;

fn open_by_table(report: &Report) -> ByTable<'_> {
    let mut by_table = ByTable::new();
    let open = report.open_findings();
    for finding in open.filter(|finding| finding.subject == Subject::Table) {
        by_table.entry(&finding.resource_arn).or_default().push(finding);
    }
    for findings in by_table.values_mut() {
        findings.sort_by_key(|finding| {
            let is_safeguard = finding.question == Question::Safeguards;
            (
                finding.framework.is_some(),
                is_safeguard,
                std::cmp::Reverse(finding.severity),
            )
        });
        // What a framework says in the same words was said by the policy.
        let mut said: Vec<(&str, &str)> = Vec::new();
        findings.retain(|finding| {
            let is_said = said
                .iter()
                .any(|(rule, message)| *rule == &*finding.rule && *message == &*finding.message);
            said.push((&finding.rule, &finding.message));
            !(is_said && finding.framework.is_some())
        });
    }
    by_table
}

fn block<'r>(report: &'r Report, needs: &'r NeedsAction, by_table: &ByTable<'r>) -> Block<'r> {
    let table = &report.tables[needs.place];
    let findings = by_table.get(table.table_arn.as_str()).cloned().unwrap_or_default();
    let since = since(report, table);
    Block {
        place: needs.place,
        since,
        exposed: exposed(report, table, since),
        newest: newest(report, table).1,
        plan: plan(table),
        jobs: jobs(table),
        why: needs.why.clone(),
        what: needs.what.clone(),
        owner: report.owner_of(table).unwrap_or_default(),
        due: report.due_of(table, &findings),
        findings,
    }
}

/// Since when a table is exposed, after the word "exposed"; empty if it is not.
pub(crate) fn exposed_words(report: &Report, table: &TableRow) -> String {
    exposed(report, table, since(report, table))
}

/// The same where the beginning is known already.
fn exposed(report: &Report, table: &TableRow, since: Option<Since>) -> String {
    match since {
        Some(since) => format!("since {}", since.words()),
        None if table.answer(Question::BackedUp) != Answer::NonCompliant || is_young(report, table) => String::new(),
        None => match (good_point(table), table.fact(LIMIT_HOURS)) {
            // It is young enough: another rule of the question says no.
            (Good::At(_), FactValue::Float(_)) => String::new(),
            (Good::None, _) => "since an unknown moment: no point that AWS lists meets the policy".to_owned(),
            _ => "since an unknown moment".to_owned(),
        },
    }
}

/// Since when a table is exposed: its newest good point and its limit tell, or its creation where no usable one is listed.
pub(crate) fn since(report: &Report, table: &TableRow) -> Option<Since> {
    let is_exposed = matches!(table.answer(Question::BackedUp), Answer::NonCompliant | Answer::Waived);
    let as_of = report.scan.as_of;
    let begun = |at: DateTime<Utc>, is_creation: bool| {
        let since = Since { at, is_creation, as_of };
        (is_exposed && at <= as_of).then_some(since)
    };
    match (good_point(table), table.fact(LIMIT_HOURS)) {
        (Good::At(at), FactValue::Float(hours)) => {
            let limit = TimeDelta::try_seconds((hours * 3600.0) as i64)?;
            begun(at.checked_add_signed(limit)?, false)
        }
        // Points that do not meet the policy now may have met it before.
        (Good::None, _) if *table.fact(TableFacts::usable_recovery_point_count) == FactValue::Int(0) => {
            match table.fact(TableFacts::created_at) {
                FactValue::Time(at) if !is_young(report, table) => begun(*at, true),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Is it younger than its limit? Without any point it can lose no more than the limit allows, and its days say so.
fn is_young(report: &Report, table: &TableRow) -> bool {
    match (table.fact(TableFacts::created_at), table.fact(LIMIT_HOURS)) {
        (FactValue::Time(at), FactValue::Float(hours)) => {
            (report.scan.as_of - *at).num_seconds() as f64 / 3600.0 <= *hours
        }
        _ => false,
    }
}

/// The newest point that meets every demand.
enum Good {
    At(DateTime<Utc>),
    None,
    Unknown,
}

/// A greater age stands for no point at all.
const NO_POINT_HOURS: f64 = 876_000.0;

fn good_point(table: &TableRow) -> Good {
    let age = |name: &str| match table.column(name) {
        FactValue::Float(hours) => Some(*hours),
        _ => None,
    };
    match table.column("newest_good_point_at") {
        // One that may be newer makes no exposure that began earlier certain.
        FactValue::Time(at) if age("newest_good_point_age_hours").is_some() => Good::At(*at),
        _ if age("newest_good_point_age_hours_at_least").is_some_and(|hours| hours >= NO_POINT_HOURS) => Good::None,
        _ => Good::Unknown,
    }
}

/// The instant of the newest point that meets every demand, else of the newest usable one, and what is to be said of it.
pub(crate) fn newest(report: &Report, table: &TableRow) -> (Option<DateTime<Utc>>, String) {
    let age = |at: DateTime<Utc>| duration::age(report.scan.as_of - at);
    let vault = |fact: &FactValue| match fact {
        FactValue::Text(vault) if **vault != *"none" => format!(", vault {vault}"),
        _ => String::new(),
    };
    if let Good::At(at) = good_point(table) {
        let vault = vault(table.column("newest_good_point_vault"));
        return (Some(at), format!("{} ({} old{vault})", minute(at), age(at)));
    }
    match table.fact(TableFacts::newest_recovery_point_at) {
        FactValue::Time(at) => {
            let vault = vault(table.fact(TableFacts::newest_recovery_point_vault));
            let but = match table.column("newest_point_failed_demands") {
                FactValue::Text(demands) if **demands != *"none" => format!("; it does not count: {demands}"),
                _ => String::new(),
            };
            (None, format!("{} ({} old{vault}){but}", minute(*at), age(*at)))
        }
        _ if *table.fact(TableFacts::usable_recovery_point_count) == FactValue::Int(0) => {
            let unusable = match table.fact(TableFacts::unusable_points) {
                FactValue::Text(points) if **points != *"none" => format!("; not usable: {points}"),
                _ => String::new(),
            };
            (None, format!("none{unusable}"))
        }
        other => (None, format!("unknown: {other}")),
    }
}

/// The plans that take a table, by which selections and when they run; or that none does.
pub(crate) fn plan(table: &TableRow) -> String {
    let text = |value: &FactValue| match value {
        FactValue::Text(text) if !text.is_empty() && **text != *"none" => Some(text.to_string()),
        _ => None,
    };
    let names = text(table.fact(TableFacts::plan_names));
    let selections = text(table.fact(TableFacts::plan_selections));
    match (names, selections) {
        (None, _) if table.fact(TableFacts::plan_names).is_null() => "not known".to_owned(),
        (None, _) => "none".to_owned(),
        (Some(names), selections) => {
            let schedules = text(table.fact(TableFacts::plan_schedules));
            let schedule = schedules.map_or_else(String::new, |all| format!("; runs {}", schedule_words(&all)));
            let selection =
                selections.map_or_else(String::new, |all| format!(" (selection {})", in_plan(&all, &names)));
            format!("{names}{selection}{schedule}")
        }
    }
}

/// The name of the selection without that of its plan, where there is one plan.
fn in_plan(selections: &str, plan: &str) -> String {
    let own = selections.strip_prefix(plan).and_then(|rest| rest.strip_prefix('/'));
    own.filter(|name| !name.contains(", ")).unwrap_or(selections).to_owned()
}

/// Schedules in words, without the expressions before them: `cron(0 5 ? * * *) (daily at 05:00 Etc/UTC)`.
fn schedule_words(schedules: &str) -> String {
    let mut words = String::with_capacity(schedules.len());
    let mut rest = schedules;
    while let Some(at) = ["cron(", "rate("].iter().filter_map(|kind| rest.find(kind)).min() {
        let Some(end) = rest[at..].find(") (") else { break };
        words.push_str(&rest[..at]);
        rest = &rest[at + end + 3..];
        let close = rest.find(')').unwrap_or(rest.len());
        words.push_str(&rest[..close]);
        rest = rest.get(close + 1..).unwrap_or_default();
    }
    words.push_str(rest);
    words
}

/// What the last job failed with, where none has succeeded since.
fn jobs(table: &TableRow) -> String {
    if *table.fact(TableFacts::backup_jobs_recovered) != FactValue::Bool(false) {
        return String::new();
    }
    match table.fact(TableFacts::last_failed_backup_job_cause) {
        // Its own ARN in the cause would make each cause another one.
        FactValue::Text(cause) if **cause != *"none" => cause.replace(&table.table_arn, "this table"),
        _ => String::new(),
    }
}

/// As many whole clauses of a text as fit into `most` characters, one at least, and of the next one what stands before its
/// colon: what is left out is marked, and no clause is cut elsewhere.
pub(crate) fn clauses(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut ends = text.match_indices("; ").map(|(at, _)| at).chain([text.len()]);
    if let Some(first) = ends.next() {
        kept.push_str(&text[..first]);
    }
    for end in ends {
        if text[..end].chars().count() > most {
            break;
        }
        text[..end].clone_into(&mut kept);
    }
    let Some(left_out) = text[kept.len()..].strip_prefix("; ") else {
        return kept;
    };
    match left_out.split_once(": ") {
        Some((head, _)) if !head.contains("; ") && kept.chars().count() + head.chars().count() + 2 <= most => {
            format!("{kept}; {head}: \u{2026}")
        }
        _ => format!("{kept}; \u{2026}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FactName;
    use crate::render::sample;

    /// Gives a table these facts in place of those of the same names.
    fn put<const N: usize>(table: &mut TableRow, facts: [(&'static str, FactValue); N]) {
        let others = table
            .facts
            .iter()
            .filter(|(name, _)| facts.iter().all(|(new, _)| name != new));
        let mut all: Vec<(FactName, FactValue)> = others.map(|(name, value)| (name.clone(), value.clone())).collect();
        all.extend(facts.iter().map(|(name, value)| ((*name).into(), value.clone())));
        table.facts = std::sync::Arc::new(all.into());
    }

    #[test]
    fn clauses_are_kept_whole() {
        assert_eq!(clauses("short; text", 40), "short; text");
        assert_eq!(
            clauses("never backed up; limit 36 h; in no plan", 30),
            "never backed up; limit 36 h; \u{2026}"
        );
        assert_eq!(
            clauses("one clause that is longer than that", 10),
            "one clause that is longer than that"
        );
    }

    #[test]
    fn schedules_are_told_in_words() {
        let words = schedule_words;
        assert_eq!(
            words("cron(0 1/12 ? * * *) (daily at 01:00 and 13:00 Europe/Berlin)"),
            "daily at 01:00 and 13:00 Europe/Berlin"
        );
        assert_eq!(
            words("cron(0 1 ? * * *) (daily at 01:00 Etc/UTC); rate(6 hours) (every 6 h)"),
            "daily at 01:00 Etc/UTC; every 6 h"
        );
        assert_eq!(words("cron(odd)"), "cron(odd)");
    }

    #[test]
    fn an_exposure_begins_a_limit_after_the_newest_good_point_or_with_the_table() {
        let mut report = sample::report(1);
        let as_of = report.scan.as_of;
        let table = &mut report.tables[0];
        table.answers[Question::BackedUp.place()] = Answer::NonCompliant;
        let facts = [
            ("limit_hours", FactValue::Float(36.0)),
            ("created_at", FactValue::Time(as_of - TimeDelta::days(90))),
            ("usable_recovery_point_count", FactValue::Int(3)),
        ];
        put(table, facts);
        let with = |facts: [(&'static str, FactValue); 2]| {
            let mut report = report.clone();
            put(&mut report.tables[0], facts);
            since(&report, &report.tables[0]).map(Since::words)
        };
        let at = as_of - TimeDelta::days(5);
        let good = with([
            ("newest_good_point_at", FactValue::Time(at)),
            ("newest_good_point_age_hours", FactValue::Float(120.0)),
        ]);
        assert_eq!(good, Some(format!("{} (3 d 12 h)", minute(at + TimeDelta::hours(36)))));
        let none = with([
            ("newest_good_point_age_hours", FactValue::Float(NO_POINT_HOURS)),
            ("newest_good_point_age_hours_at_least", FactValue::Float(NO_POINT_HOURS)),
        ]);
        assert_eq!(none, None, "points that do not meet the policy may have met it");
        put(
            &mut report.tables[0],
            [("usable_recovery_point_count", FactValue::Int(0))],
        );
        let none = since(&report, &{
            let mut table = report.tables[0].clone();
            let least = "newest_good_point_age_hours_at_least";
            put(&mut table, [(least, FactValue::Float(NO_POINT_HOURS))]);
            table
        });
        assert!(none.is_some_and(|since| since.words().starts_with("its creation, ")));
        let with = |facts: [(&'static str, FactValue); 2]| {
            let mut report = report.clone();
            put(&mut report.tables[0], facts);
            since(&report, &report.tables[0]).map(Since::words)
        };
        let open = with([
            ("newest_good_point_at", FactValue::Time(at)),
            ("newest_good_point_age_hours_at_least", FactValue::Float(0.0)),
        ]);
        assert_eq!(open, None, "a newer one may be good");
        let young = [
            ("newest_good_point_at", FactValue::Time(as_of - TimeDelta::hours(5))),
            ("newest_good_point_age_hours", FactValue::Float(5.0)),
        ];
        put(&mut report.tables[0], young);
        let table = &report.tables[0];
        assert_eq!(
            exposed(&report, table, since(&report, table)),
            "",
            "points deleted early expose nothing yet"
        );
    }

    #[test]
    fn a_tag_comes_before_what_the_policy_says() {
        let table = |report: &Report, tags: &str| {
            let mut table = report.tables[0].clone();
            put(&mut table, [("tags", FactValue::Text(tags.into()))]);
            table
        };
        let mut report = sample::report(1);
        report.exceptions.owner_tag = "team".to_owned();
        report.exceptions.due_tag = "fix-by".to_owned();
        let tagged = table(&report, "fix-by=2026-12-24; team=checkout");
        assert_eq!(report.owner_of(&tagged), Some("checkout"));
        assert_eq!(report.due_of(&tagged, &[]), NaiveDate::from_ymd_opt(2026, 12, 24));
        let untagged = table(&report, "team-name=x; fix-by=soon");
        assert_eq!(report.owner_of(&untagged), Some("head of platform"));
        let in_two_weeks = report.scan.as_of.date_naive() + chrono::Days::new(14);
        assert_eq!(
            report.due_of(&untagged, &[]),
            Some(in_two_weeks),
            "a tag that is no day"
        );
        report.exceptions = crate::report::Exceptions::default();
        assert_eq!(
            (report.owner_of(&untagged), report.due_of(&untagged, &[])),
            (None, None)
        );
    }
}
