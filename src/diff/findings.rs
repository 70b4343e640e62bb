//! Verdicts then and now, joined by what they are about; tables that came and went.

use std::collections::HashMap;

use super::{ABSENT, Change, Found, Kind, Look, Thing, why_not_observed};
use crate::dictionary::TableFacts;
use crate::domain::{Answer, FactValue, Finding, Subject, Verdict};
use crate::report::{Compared, Lost, Since, TableRow};

/// Is a table of the newer look one that was there before?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    /// The same, as far as its id is known.
    Same,
    /// Another table under the same name.
    Recreated,
    /// There was none of this name.
    New,
}

/// A table's id; none where it could not be described.
fn id_of(table: &TableRow) -> Option<&str> {
    match table.fact(TableFacts::table_id) {
        FactValue::Text(id) => Some(id),
        _ => None,
    }
}

/// What a finding says, with waivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Non-compliant, and no waiver covers it.
    Open,
    /// Non-compliant or unknown, and waived.
    Waived,
    Unknown,
    Compliant,
    NotApplicable,
}

impl State {
    pub(super) fn of(finding: &Finding) -> Self {
        match finding.verdict {
            Verdict::NonCompliant | Verdict::Unknown if finding.waived => Self::Waived,
            Verdict::NonCompliant => Self::Open,
            Verdict::Unknown => Self::Unknown,
            Verdict::Compliant => Self::Compliant,
            Verdict::NotApplicable => Self::NotApplicable,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Open => Verdict::NonCompliant.as_str(),
            Self::Waived => "waived",
            Self::Unknown => Verdict::Unknown.as_str(),
            Self::Compliant => Verdict::Compliant.as_str(),
            Self::NotApplicable => Verdict::NotApplicable.as_str(),
        }
    }
}

/// What became of one verdict; none: nothing that is told.
pub(super) fn kind_of(before: Option<State>, after: State) -> Option<Kind> {
    use State::{Compliant, NotApplicable, Open, Unknown, Waived};
    match (before, after) {
        (Some(Open), Open) => Some(Kind::StillFailing),
        (_, Open) => Some(Kind::NewlyFailing),
        (Some(Unknown), Unknown) => Some(Kind::StillUnknown),
        (_, Unknown) => Some(Kind::BecameUnknown),
        (Some(Open), Compliant) => Some(Kind::Fixed),
        (Some(Open), Waived) => Some(Kind::NewlyWaived),
        (Some(Open), NotApplicable) => Some(Kind::NotAskedAnyMore),
        (Some(Unknown), Compliant | NotApplicable | Waived) => Some(Kind::BecameKnown),
        (None | Some(Waived | Compliant | NotApplicable), Compliant | NotApplicable | Waived) => None,
    }
}

/// The same, where it is known how the finding stands against what the older scan said by its own criteria. What AWS made
/// worse is newly failing in any case.
pub(super) fn kind_since(kind: Kind, before: Option<State>, since: Option<Since>) -> Kind {
    match (kind, before, since) {
        (Kind::StillFailing, _, Some(Since::NewlyAsked))
        | (Kind::NewlyFailing, Some(State::Unknown), Some(Since::NewlyAsked)) => Kind::NewlyAsked,
        (Kind::StillFailing, _, Some(Since::NewlyRequired)) => Kind::NewlyRequired,
        (Kind::NewlyFailing, Some(State::Unknown), Some(Since::Known)) => Kind::StillFailing,
        _ => kind,
    }
}

type Key<'k> = (&'k str, Subject, &'k str, Option<&'k str>);

fn key(finding: &Finding) -> Key<'_> {
    let framework = finding.framework.as_deref();
    (&finding.rule, finding.subject, &finding.resource_arn, framework)
}

pub(super) fn compare(older: &Look, newer: &Look, own: Option<&Compared>, found: &mut Found) {
    let tables = join_tables(older, newer, found);
    for lost in own.iter().flat_map(|own| &own.lost) {
        if tables.get(lost.table_arn.as_str()) == Some(&Table::Same) {
            found.changes.extend(answer_lost(newer, lost));
        }
    }
    let mut before: HashMap<Key<'_>, &Finding> = older
        .report
        .findings
        .iter()
        .map(|finding| (key(finding), finding))
        .collect();
    for finding in &newer.report.findings {
        let is_another =
            finding.subject == Subject::Table && tables.get(finding.resource_arn.as_str()) == Some(&Table::Recreated);
        let was = if is_another { None } else { before.remove(&key(finding)) };
        let state = State::of(finding);
        let before = was.map(State::of);
        if let Some(kind) = kind_of(before, state) {
            let kind = kind_since(kind, before, own.and_then(|own| own.since(finding)));
            found
                .changes
                .push(change(kind, was.unwrap_or(finding), was, Some(finding)));
        }
    }
    for was in before.into_values() {
        absent(newer, was, found);
    }
}

/// How each table of the newer look relates to the older one; tells of those that came and went.
fn join_tables<'n>(older: &Look, newer: &'n Look, found: &mut Found) -> HashMap<&'n str, Table> {
    let before: HashMap<&str, &TableRow> = older
        .report
        .tables
        .iter()
        .map(|table| (table.table_arn.as_str(), table))
        .collect();
    let mut joined = HashMap::new();
    for table in &newer.report.tables {
        let was = before.get(table.table_arn.as_str()).copied();
        let relation = match was.map(|was| (id_of(was), id_of(table))) {
            None => Table::New,
            Some((Some(then), Some(now))) if then != now => Table::Recreated,
            Some(_) => Table::Same,
        };
        if relation == Table::Recreated {
            found.changes.push(vanished(
                was.unwrap_or(table),
                "it was deleted, and another table was created under its name".to_owned(),
            ));
        }
        if relation != Table::Same {
            found.changes.push(new_table(older, table, relation));
        }
        joined.insert(table.table_arn.as_str(), relation);
    }
    for table in &older.report.tables {
        if !joined.contains_key(table.table_arn.as_str()) {
            let target = &table.target;
            match why_not_observed(newer, target, "dynamodb:ListTables", "") {
                Some(why) => found.not_observed(&thing(table), &why),
                None => found
                    .changes
                    .push(vanished(table, "it is not listed any more".to_owned())),
            }
        }
    }
    joined
}

/// A question about a table that had an answer by the older scan's own criteria, and has none by the newer ones.
fn answer_lost(newer: &Look, lost: &Lost) -> Option<Change> {
    let mut tables = newer.report.tables.iter();
    let table = tables.find(|table| table.table_arn == lost.table_arn)?;
    let so = match lost.before {
        Answer::Compliant => "nothing shows any more that it is so",
        _ => "it has not improved",
    };
    let message = format!(
        "the answer was {}, and the question is not asked any more: {so}",
        lost.before.words()
    );
    let values = (lost.before.to_string(), Answer::NotAsked.to_string());
    Some(thing(table).change(Kind::AnswerLost, lost.question.as_str(), values, message))
}

fn thing(table: &TableRow) -> Thing<'_> {
    Thing {
        subject: Subject::Table,
        target: &table.target,
        arn: &table.table_arn,
        name: &table.table_name,
    }
}

fn new_table(older: &Look, table: &TableRow, relation: Table) -> Change {
    let created = match table.fact(TableFacts::created_at) {
        FactValue::Time(at) => format!(", created {}", crate::domain::rfc3339(*at)),
        _ => String::new(),
    };
    let message = match relation {
        Table::Recreated => format!("another table under the same name{created}"),
        _ if older.is_whole(&table.target, "dynamodb:ListTables", "") => format!("not listed before{created}"),
        _ => format!("the older scan did not list the tables here, so it may have been there{created}"),
    };
    let values = (ABSENT.to_owned(), table.verdict.to_string());
    thing(table).change(Kind::NewTable, "table", values, message)
}

fn vanished(table: &TableRow, message: String) -> Change {
    let values = (table.verdict.to_string(), ABSENT.to_owned());
    thing(table).change(Kind::VanishedTable, "table", values, message)
}

/// A finding of then without one of now.
fn absent(newer: &Look, was: &Finding, found: &mut Found) {
    // Tables are told of as such.
    let why = match was.subject {
        Subject::Table => newer
            .report
            .tables
            .binary_search_by(|table| table.table_arn.as_str().cmp(&was.resource_arn))
            .is_err()
            .then(|| why_not_observed(newer, &was.target, "dynamodb:ListTables", ""))
            .flatten(),
        Subject::RecoveryPoint => why_not_observed(
            newer,
            &was.target,
            "backup:ListRecoveryPointsByBackupVault",
            &was.resource_name,
        ),
        Subject::Vault => why_not_observed(newer, &was.target, "backup:ListBackupVaults", ""),
        Subject::Plan => why_not_observed(newer, &was.target, "backup:ListBackupPlans", ""),
        Subject::Target => {
            let is_there = newer.facts.reading().targets.contains_key(&was.target);
            (!is_there).then(|| "the newer scan did not look into this account and Region".to_owned())
        }
        Subject::Waiver | Subject::Exemption => None,
    };
    match why {
        Some(why) => found.not_observed(&Thing::of(was), &why),
        None if State::of(was) == State::Open => found.changes.push(change(Kind::Gone, was, Some(was), None)),
        None => {}
    }
}

fn change(kind: Kind, about: &Finding, was: Option<&Finding>, now: Option<&Finding>) -> Change {
    let state = |finding: Option<&Finding>| finding.map_or(ABSENT, |finding| State::of(finding).as_str()).to_owned();
    let told = now.unwrap_or(about);
    let message = match (kind, was, now) {
        (Kind::Gone, _, _) if about.subject == Subject::RecoveryPoint => {
            format!(
                "not listed any more, or nothing is wrong with it any more; before: {}",
                about.message
            )
        }
        (Kind::Gone, _, _) => format!("before: {}", about.message),
        (_, _, Some(now)) => now.message.to_string(),
        _ => about.message.to_string(),
    };
    Change {
        finding_id: Some(told.id.to_string()),
        severity: Some(told.severity),
        level: Some(told.level),
        ..Thing::of(told).change(kind, &told.rule, (state(was), state(now)), message)
    }
}
