//! The answer in a few lines: the questions with counts, the tables that need action, what else is open, the outcome.
//!
//! Every format for people begins or ends with it, from this one place.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::dictionary::TableFacts;
use crate::domain::{Answer, FactValue, Finding, Question, Severity, Subject};
use crate::problem::count;
use crate::report::{Report, TableRow};

/// Restores within so many days are told beside a question that was not asked.
const TESTED_WITHIN_DAYS: f64 = 90.0;

/// The answer in a few lines.
pub(crate) struct Digest {
    /// Tables, accounts, targets and gaps.
    pub(crate) scope: String,
    /// Each question with its answers, in the order of reports. Safeguards only where one is required.
    pub(crate) questions: Vec<Asked>,
    /// Tables with a required finding that is open, worst first.
    pub(crate) action: Vec<NeedsAction>,
    /// Required findings that are open and not on tables, as counts by kind; empty if there is none.
    pub(crate) elsewhere: String,
    /// Required findings that are open, by severity, worst first.
    pub(crate) by_severity: Vec<(Severity, usize)>,
    /// Advised findings that are open.
    pub(crate) advised: usize,
}

/// One question with its answers.
pub(crate) struct Asked {
    /// Which.
    pub(crate) question: Question,
    /// How many tables have which answer, and what that is made of; none with a count of 0.
    pub(crate) answers: Vec<(Answer, usize, String)>,
}

/// A table that needs action.
pub(crate) struct NeedsAction {
    /// Its place in [`Report::tables`].
    pub(crate) place: usize,
    /// Why, in one clause.
    pub(crate) why: String,
    /// What to do, in one clause.
    pub(crate) what: String,
}

impl Digest {
    /// Sums a report up.
    pub(crate) fn of(report: &Report) -> Self {
        let by_table = open_by_table(report);
        let mut ranked: Vec<(Rank, NeedsAction)> = Vec::new();
        for (place, table) in report.tables.iter().enumerate() {
            if let Some(findings) = by_table.get(table.table_arn.as_str()) {
                ranked.push((rank(table, findings), needs_action(place, table, findings)));
            }
        }
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.place.cmp(&b.1.place)));
        let of_severity = |severity: Severity| report.totals.non_compliant_by_severity.get(&severity).copied();
        Self {
            scope: scope(report),
            questions: questions(report, &by_table),
            action: ranked.into_iter().map(|(_, needs)| needs).collect(),
            elsewhere: elsewhere(report),
            by_severity: Severity::ALL
                .into_iter()
                .rev()
                .filter_map(|severity| Some((severity, of_severity(severity)?)))
                .filter(|(_, count)| *count > 0)
                .collect(),
            advised: report.totals.advised_by_severity.values().sum(),
        }
    }
}

type ByTable<'r> = HashMap<&'r str, Vec<&'r Finding>>;

fn open_by_table(report: &Report) -> ByTable<'_> {
    let mut by_table = ByTable::new();
    for finding in report
        .open_findings()
        .filter(|finding| finding.subject == Subject::Table)
    {
        by_table.entry(&finding.resource_arn).or_default().push(finding);
    }
    by_table
}

fn scope(report: &Report) -> String {
    let coverage = &report.coverage;
    let gaps = match coverage.gaps.len() {
        0 => String::new(),
        gaps => format!("; {} not answered", count(gaps, "call")),
    };
    let regions = if coverage.regions_unknown {
        "; the Regions could not be listed"
    } else {
        ""
    };
    let of_regions: BTreeSet<&str> = coverage
        .targets
        .iter()
        .map(|target| target.target.region.as_str())
        .collect();
    format!(
        "{} in {}, {}{gaps}{regions}",
        count(report.tables.len(), "table"),
        count(coverage.accounts.len(), "account"),
        count(of_regions.len(), "Region"),
    )
}

impl Digest {
    /// The answers that a table of questions has columns for: the rarest one only where it is given.
    pub(crate) fn columns(&self) -> Vec<Answer> {
        let is_given = |answer: Answer| {
            self.questions
                .iter()
                .any(|asked| asked.answers.iter().any(|(one, ..)| *one == answer))
        };
        let is_shown = |answer: &Answer| *answer != Answer::UnknownWaived || is_given(*answer);
        Answer::AS_READ.into_iter().filter(is_shown).collect()
    }
}

fn questions(report: &Report, by_table: &ByTable<'_>) -> Vec<Asked> {
    let one = |question: Question| {
        let counts = report.totals.tables_by_answer.get(&question);
        let of = |answer: Answer| counts.and_then(|counts| counts.get(&answer)).copied().unwrap_or(0);
        let note = |answer: Answer| match (question, answer) {
            (Question::InAPlan, Answer::NonCompliant) => reasons(report, by_table),
            (Question::Restorable, Answer::NotAsked) => tested(report),
            _ => String::new(),
        };
        let answers = Answer::AS_READ
            .into_iter()
            .filter(|answer| of(*answer) > 0)
            .map(|answer| (answer, of(answer), note(answer)))
            .collect();
        Asked { question, answers }
    };
    let is_told = |asked: &Asked| {
        asked.question != Question::Safeguards || asked.answers.iter().any(|(answer, ..)| *answer != Answer::NotAsked)
    };
    Question::ALL.map(one).into_iter().filter(is_told).collect()
}

/// What the tables that are not in a plan lack.
fn reasons(report: &Report, by_table: &ByTable<'_>) -> String {
    let of = |table: &&TableRow| table.answer(Question::InAPlan) == Answer::NonCompliant;
    let is_in_none = |table: &&TableRow| {
        let findings = by_table.get(table.table_arn.as_str());
        findings.is_some_and(|findings| findings.iter().any(|finding| *finding.rule == *"in-a-plan"))
    };
    let all = report.tables.iter().filter(of).count();
    let none = report.tables.iter().filter(of).filter(is_in_none).count();
    match (none, all - none) {
        (none, 0) => format!("{none} in no plan"),
        (0, weak) => format!("{weak} in a plan that cannot keep the policy"),
        (none, weak) => format!("{none} in no plan, {weak} in a plan that cannot keep the policy"),
    }
}

/// How many tables were restored lately, where nobody asked for that.
fn tested(report: &Report) -> String {
    let is_tested = |table: &&TableRow| {
        let age = table.fact(TableFacts::last_restore_age_days_seen);
        matches!(age, FactValue::Float(days) if *days <= TESTED_WITHIN_DAYS)
    };
    match report.tables.iter().filter(is_tested).count() {
        0 => String::new(),
        tested => format!("of these {tested} restored within 90 d"),
    }
}

/// Open findings that are required and about something else than tables.
fn elsewhere(report: &Report) -> String {
    let mut of_kind: BTreeMap<Subject, usize> = BTreeMap::new();
    for finding in report
        .open_findings()
        .filter(|finding| finding.subject != Subject::Table)
    {
        *of_kind.entry(finding.subject).or_default() += 1;
    }
    let parts = of_kind.iter().map(|(kind, number)| match kind {
        Subject::RecoveryPoint => count(*number, "recovery point"),
        Subject::Target => count(*number, "Region"),
        kind => count(*number, kind.as_str()),
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// The worst comes first: never backed up before backed up too long ago before anything else; then by severity and age.
type Rank = (bool, bool, Severity, u64);

fn rank(table: &TableRow, findings: &[&Finding]) -> Rank {
    let is_backed_up_no = table.answer(Question::BackedUp) == Answer::NonCompliant;
    let has_none = *table.fact(TableFacts::usable_recovery_point_count) == FactValue::Int(0);
    let severity = findings.iter().map(|finding| finding.severity).max();
    let age = match table.fact(TableFacts::newest_recovery_point_age_hours_seen) {
        FactValue::Float(hours) if *hours > 0.0 => hours.to_bits(),
        _ => 0,
    };
    (
        is_backed_up_no && has_none,
        is_backed_up_no,
        severity.unwrap_or(Severity::Low),
        age,
    )
}

fn needs_action(place: usize, table: &TableRow, findings: &[&Finding]) -> NeedsAction {
    let of = |question: Question| {
        let mut of_question: Vec<&&Finding> = findings.iter().filter(|finding| finding.question == question).collect();
        of_question.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        of_question.first().map(|finding| **finding)
    };
    let (backup, plan) = (of(Question::BackedUp), of(Question::InAPlan));
    let is_in_none = plan.is_some_and(|finding| *finding.rule == *"in-a-plan");
    let mut parts: Vec<String> = backup.into_iter().map(|finding| finding.message.to_string()).collect();
    match plan {
        Some(_) if is_in_none => parts.push("in no plan".to_owned()),
        Some(finding) => parts.push(finding.message.to_string()),
        None => {}
    }
    if let Some(why) = failing(table) {
        parts.push(why);
    }
    let others = [Question::Restorable, Question::Safeguards].into_iter().filter_map(of);
    if parts.is_empty() {
        parts.extend(others.map(|finding| finding.message.to_string()));
    }
    let what = match (backup, plan) {
        (Some(_), _) => format!("{}back it up", cause_first(table, plan)),
        (None, Some(finding)) => match exclusion(table).filter(|_| is_in_none) {
            Some(exclusion) => format!("drop the exclusion {exclusion}"),
            None => finding.remedy.to_string(),
        },
        (None, None) => findings
            .first()
            .map(|finding| finding.remedy.to_string())
            .unwrap_or_default(),
    };
    NeedsAction {
        place,
        why: parts.join("; "),
        what,
    }
}

/// The exclusion that keeps a table out of every plan, and where it is changed.
fn exclusion(table: &TableRow) -> Option<&str> {
    match table.fact(TableFacts::plan_exclusion_seen) {
        FactValue::Text(exclusion) if **exclusion != *"none" => Some(exclusion),
        _ => None,
    }
}

/// What has to be done before a backup, or it helps for a day only. `plan`: the finding on its plans.
fn cause_first(table: &TableRow, plan: Option<&Finding>) -> String {
    let is_in_none = plan.is_some_and(|finding| *finding.rule == *"in-a-plan");
    if *table.fact(TableFacts::dynamodb_opted_in) == FactValue::Bool(false) {
        return format!("opt DynamoDB in to AWS Backup in {}, then ", table.target.region);
    }
    match (plan, table.fact(TableFacts::plan_names)) {
        _ if is_in_none => match exclusion(table) {
            Some(exclusion) => format!("drop the exclusion {exclusion}, then "),
            None => "let a plan take it, then ".to_owned(),
        },
        (Some(_), FactValue::Text(names)) => format!("fix its plan ({names}), then "),
        (Some(_), _) => "fix its plan, then ".to_owned(),
        (None, _) if failing(table).is_some() => "fix the cause of its failed jobs, then ".to_owned(),
        (None, _) => String::new(),
    }
}

/// Since when its jobs fail, and what the last one said.
fn failing(table: &TableRow) -> Option<String> {
    if *table.fact(TableFacts::backup_jobs_recovered) != FactValue::Bool(false) {
        return None;
    }
    let cause = match table.fact(TableFacts::last_failed_backup_job_cause) {
        FactValue::Text(cause) => format!(": {cause}"),
        _ => String::new(),
    };
    Some(format!("backup jobs fail{cause}"))
}
