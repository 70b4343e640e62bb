//! The data that the page's script reads, as one JSON value without repetition: every text once, every fact a column,
//! findings of the same kind once. `report-templates/report.js` describes it where it reads it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::Write;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Value, json};

use super::charts::{AGES, age_class};
use super::kinds::{Kind, Phrase, Pool, Texts, plain, short, shown};
use crate::criteria::frameworks;
use crate::criteria::vocabulary::{doc_of, frames_of};
use crate::dictionary::fact;
use crate::domain::{Answer, DayState, FactValue, Finding, Question, Severity, Subject, Verdict};
use crate::inventory::sources::actions_of;
use crate::judge::recheck;
use crate::render::blocks::{Block, blocks};
use crate::render::digest::Digest;
use crate::report::{Report, RuleLine, TableRow};

/// Texts of facts at least this long are looked for in messages even if the rule does not name them: reasons and causes
/// that are the same in many messages.
const LONG_TEXT: usize = 32;

/// Writes the data.
///
/// Errors: the disk refused.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> Result<(), serde_json::Error> {
    let mut texts = Texts::default();
    let findings = Findings::of(report, &mut texts);
    let island = Island {
        report,
        findings,
        texts: RefCell::new(texts),
    };
    serde_json::to_writer(out, &island)
}

/// The names that findings and tables use: first the columns of tables, then what other subjects' evidence names.
struct Names {
    list: Vec<(Subject, String)>,
    numbers: HashMap<(Subject, String), usize>,
    columns: usize,
}

impl Names {
    fn of_tables(report: &Report) -> Self {
        let mut names = Self {
            list: Vec::new(),
            numbers: HashMap::new(),
            columns: 0,
        };
        if let Some(table) = report.tables.first() {
            for (name, _) in &*table.facts {
                names.number(Subject::Table, name);
            }
        }
        names.columns = names.list.len();
        names
    }

    fn number(&mut self, subject: Subject, name: &str) -> usize {
        let key = (subject, name.to_owned());
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        self.list.push(key.clone());
        self.numbers.insert(key, self.list.len() - 1);
        self.list.len() - 1
    }
}

/// A finding that is not about a listed table: kind, subject, id, name, ARN, account, Region, evidence in order.
type Other<'r> = (
    usize,
    &'static str,
    &'r str,
    &'r str,
    &'r str,
    &'r str,
    &'r str,
    Vec<Value>,
);

/// Findings as the script gets them.
struct Findings<'r> {
    names: Names,
    kinds: Pool<Kind>,
    /// Kinds of the findings on one table, in order.
    patterns: Pool<Vec<usize>>,
    /// The pattern of each table.
    of_tables: Vec<usize>,
    /// Ids of findings on tables that are not good news, in order.
    ids: Vec<&'r str>,
    /// Evidence on tables that differs from the table's facts: table, finding of the table, fact, value.
    differing: Vec<(usize, usize, usize, Value)>,
    others: Vec<Other<'r>>,
}

/// Verdicts whose findings are named by id in the page.
pub(super) fn is_named(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::NonCompliant | Verdict::Unknown)
}

impl<'r> Findings<'r> {
    fn of(report: &'r Report, texts: &mut Texts) -> Self {
        let rules: HashMap<&str, usize> = rule_ids(report).into_iter().zip(0..).collect();
        let tables: HashMap<&str, usize> = report
            .tables
            .iter()
            .map(|table| table.table_arn.as_str())
            .zip(0..)
            .collect();
        let (mut on_tables, mut on_others) = (vec![Vec::new(); report.tables.len()], Vec::new());
        for finding in &report.findings {
            let table = tables.get(finding.resource_arn.as_str());
            match table.filter(|_| finding.subject == Subject::Table) {
                Some(table) => on_tables[*table].push(finding),
                None => on_others.push(finding),
            }
        }
        let mut findings = Self {
            names: Names::of_tables(report),
            kinds: Pool::new(),
            patterns: Pool::new(),
            of_tables: Vec::with_capacity(on_tables.len()),
            ids: Vec::new(),
            differing: Vec::new(),
            others: Vec::new(),
        };
        for (number, (table, of_table)) in report.tables.iter().zip(&on_tables).enumerate() {
            findings.table(number, table, of_table, report, &rules, texts);
        }
        for finding in on_others {
            let rule = rules.get(&*finding.rule).copied();
            let message = Phrase::of(&finding.message, &[], texts);
            let kind = findings.kind(finding, rule, message, &[], texts);
            findings.others.push((
                kind,
                finding.subject.as_str(),
                &finding.id,
                &finding.resource_name,
                &finding.resource_arn,
                &finding.target.account_id,
                &finding.target.region,
                finding.evidence.iter().map(|(_, value)| plain(value)).collect(),
            ));
        }
        findings
    }

    fn table(
        &mut self,
        number: usize,
        table: &'r TableRow,
        of_table: &[&'r Finding],
        report: &Report,
        rules: &HashMap<&str, usize>,
        texts: &mut Texts,
    ) {
        let shown_facts: Vec<(&str, Option<Cow<'_, str>>)> = table
            .facts
            .iter()
            .map(|(name, value)| (name.as_ref(), shown(value)))
            .collect();
        let place: HashMap<&str, usize> = shown_facts.iter().map(|(name, _)| *name).zip(0..).collect();
        let long = |(fact, (_, text)): &(usize, &(&str, Option<Cow<'_, str>>))| {
            text.as_ref().filter(|text| text.len() >= LONG_TEXT).map(|_| *fact)
        };
        let long: Vec<usize> = shown_facts.iter().enumerate().filter_map(|one| long(&one)).collect();
        let mut pattern = Vec::with_capacity(of_table.len());
        for (at, finding) in of_table.iter().enumerate() {
            let rule = rules.get(&*finding.rule).copied();
            let told = rule
                .and_then(|rule| report.rules.get(rule))
                .map(|rule| rule.tells.as_slice())
                .unwrap_or_default();
            let read = finding.evidence.iter().map(|(name, _)| name.as_ref());
            let named = told
                .iter()
                .map(String::as_str)
                .chain(read)
                .filter_map(|name| place.get(name).copied());
            // A framework may read other values than the organisation's policy gives the table.
            let is_of_table = finding.evidence.is_among(&table.facts);
            let own = |fact: usize| {
                let mut read = finding.evidence.iter().filter(|_| !is_of_table);
                let read = read.find(|(name, _)| *name == shown_facts[fact].0);
                let of_table = || shown_facts[fact].1.as_deref().map(Cow::Borrowed);
                read.map_or_else(of_table, |(_, value)| shown(value))
            };
            let candidates: Vec<(i64, Cow<'_, str>)> = named
                .chain(long.iter().copied())
                .filter_map(|fact| Some((i64::try_from(fact).ok()?, own(fact)?)))
                .collect();
            let message = Phrase::of(&finding.message, &candidates, texts);
            let kind = self.kind(finding, rule, message, &identity(finding), texts);
            for (name, value) in finding.evidence.iter().filter(|_| !is_of_table) {
                let is_same = place
                    .get(name.as_ref())
                    .is_some_and(|fact| table.facts.get(*fact).is_some_and(|(_, of_table)| of_table == value));
                if !is_same {
                    let fact = self.names.number(finding.subject, name);
                    self.differing.push((number, at, fact, plain(value)));
                }
            }
            if is_named(finding.verdict) {
                self.ids.push(&finding.id);
            }
            pattern.push(kind);
        }
        let pattern = self.patterns.number(pattern);
        self.of_tables.push(pattern);
    }

    fn kind(
        &mut self,
        finding: &'r Finding,
        rule: Option<usize>,
        message: Phrase,
        identity: &[(i64, Cow<'_, str>)],
        texts: &mut Texts,
    ) -> usize {
        let reads = finding
            .evidence
            .iter()
            .map(|(name, _)| self.names.number(finding.subject, name))
            .collect();
        let kind = Kind {
            rule,
            verdict: Verdict::ALL
                .iter()
                .position(|verdict| *verdict == finding.verdict)
                .unwrap_or(1),
            severity: Severity::ALL
                .iter()
                .position(|severity| *severity == finding.severity)
                .unwrap_or(0),
            is_required: finding.is_required(),
            question: Question::ALL
                .iter()
                .position(|question| *question == finding.question)
                .unwrap_or(3),
            waived: finding.waived,
            waiver: finding.waived_by().map(|waiver| texts.number(&waiver)),
            message,
            reads,
            commands: commands(finding, identity, texts),
        };
        self.kinds.number(kind)
    }
}

/// What a subject is, as [`Phrase`] counts it.
fn identity(finding: &Finding) -> Vec<(i64, Cow<'_, str>)> {
    vec![
        (-2, Cow::Borrowed(finding.resource_arn.as_str())),
        (-1, Cow::Borrowed(finding.resource_name.as_str())),
        (-3, Cow::Borrowed(finding.target.account_id.as_str())),
        (-4, Cow::Borrowed(finding.target.region.as_str())),
    ]
}

struct Island<'r> {
    report: &'r Report,
    findings: Findings<'r>,
    texts: RefCell<Texts>,
}

impl Serialize for Island<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (report, findings) = (self.report, &self.findings);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("as_of", &report.scan.as_of.timestamp())?;
        map.serialize_entry("verdicts", &Verdict::ALL.map(Verdict::as_str))?;
        map.serialize_entry("answers", &Answer::ALL.map(Answer::as_str))?;
        map.serialize_entry("answer_words", &Answer::ALL.map(Answer::words))?;
        map.serialize_entry("questions", &Question::ALL.map(Question::as_str))?;
        map.serialize_entry("question_words", &Question::ALL.map(Question::words))?;
        map.serialize_entry("severities", &Severity::ALL.map(Severity::as_str))?;
        let accounts: serde_json::Map<String, Value> = report
            .coverage
            .accounts
            .iter()
            .map(|account| (account.account_id.clone(), json!(account.name)))
            .collect();
        map.serialize_entry("accounts", &accounts)?;
        map.serialize_entry(
            "window",
            &json!({"first": report.window.first.to_string(), "days": report.window.days}),
        )?;
        map.serialize_entry("states", &DayState::ALL.map(DayState::as_str))?;
        map.serialize_entry("ages", &AGES.map(|(label, _)| label))?;
        map.serialize_entry(
            "facts",
            &findings.names.list.iter().map(dictionary_entry).collect::<Vec<_>>(),
        )?;
        map.serialize_entry("rules", &rules(report))?;
        map.serialize_entry("waivers", &super::page::waivers(report))?;
        map.serialize_entry("tables", &Tables(self))?;
        map.serialize_entry("blocks", &self.blocks())?;
        map.serialize_entry("kinds", &findings.kinds.list)?;
        map.serialize_entry("patterns", &findings.patterns.list)?;
        map.serialize_entry("ids", &findings.ids)?;
        map.serialize_entry("differing", &findings.differing)?;
        map.serialize_entry("others", &findings.others)?;
        // Last: what comes before has added to them.
        map.serialize_entry("texts", &*self.texts.borrow())?;
        map.end()
    }
}

/// A name of the evidence: what it means, its unit, and the calls that it comes from.
fn dictionary_entry((subject, name): &(Subject, String)) -> Value {
    let frames = frames_of(*subject, name);
    let actions: BTreeSet<&str> = actions_of(frames).collect();
    let actions: Vec<&str> = actions.into_iter().collect();
    json!({
        "name": name,
        "means": doc_of(*subject, name).unwrap_or_default().trim(),
        "unit": fact(*subject, name).and_then(crate::dictionary::Fact::unit),
        "source": actions.join(", "),
    })
}

/// The rules of the report, then those that a finding names and the report does not.
fn rule_ids(report: &Report) -> Vec<&str> {
    let mut ids: Vec<&str> = report.rules.iter().map(|rule| rule.id.as_str()).collect();
    let mut known: HashSet<&str> = ids.iter().copied().collect();
    let named = report.findings.iter().map(|finding| &*finding.rule);
    ids.extend(named.filter(|id| known.insert(id)));
    ids
}

fn rules(report: &Report) -> Vec<Value> {
    let chosen = |id: &str| report.frameworks.is_empty() || report.frameworks.iter().any(|one| one.id == id);
    let controls = |rule: &str| {
        let of_frameworks = frameworks::all().iter().filter(|framework| chosen(&framework.id));
        let named = |framework: &frameworks::Framework| {
            let controls = framework.controls_of(rule);
            let title = format!("{}, {}", framework.title, framework.version);
            (!controls.is_empty()).then(|| (title, controls.join(", ")))
        };
        of_frameworks.filter_map(named).collect::<Vec<_>>()
    };
    let row = |(place, id): (usize, &str)| {
        let line = report.rules.get(place);
        let text = |of: fn(&RuleLine) -> &str| line.map(of).unwrap_or_default();
        json!({
            "id": id,
            "title": text(|rule| &rule.title),
            "remedy": text(|rule| &rule.remedy),
            "rationale": text(|rule| &rule.rationale),
            "applies": text(|rule| &rule.applies),
            "compliant": text(|rule| &rule.compliant),
            "controls": controls(id),
        })
    };
    rule_ids(report).into_iter().enumerate().map(row).collect()
}

/// Tables as columns.
struct Tables<'i, 'r>(&'i Island<'r>);

impl Serialize for Tables<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Island {
            report,
            findings,
            texts,
        } = self.0;
        let tables = &report.tables;
        let digits = |of: &dyn Fn(&TableRow) -> usize| tables.iter().map(|table| digit(of(table))).collect::<String>();
        let place = |answer: Answer| Answer::ALL.iter().position(|one| *one == answer).unwrap_or(1);
        let verdict = |table: &TableRow| place(table.verdict);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("verdict", &digits(&verdict))?;
        let answers = Question::ALL.map(|question| digits(&|table| place(table.answer(question))));
        map.serialize_entry("answers", &answers)?;
        map.serialize_entry("age", &digits(&age_class))?;
        let texts_of = |of: &dyn Fn(&TableRow) -> Cow<'_, str>| {
            let mut texts = texts.borrow_mut();
            tables
                .iter()
                .map(|table| texts.number(&of(table)))
                .collect::<Vec<usize>>()
        };
        map.serialize_entry("name", &texts_of(&|table| (&table.table_name).into()))?;
        map.serialize_entry("account", &texts_of(&|table| (&table.target.account_id).into()))?;
        map.serialize_entry("region", &texts_of(&|table| (&table.target.region).into()))?;
        // An ARN is what stands before the name, and the name; any other stands in full, with an exclamation mark.
        map.serialize_entry("before_name", &texts_of(&|table| before_name(table)))?;
        let mut days = Pool::new();
        let of_tables: Vec<usize> = tables.iter().map(|table| days.number(day_digits(table))).collect();
        map.serialize_entry("days", &json!({"list": days.list, "of": of_tables}))?;
        map.serialize_entry("findings", &findings.of_tables)?;
        map.serialize_entry("facts", &Columns(self.0))?;
        map.end()
    }
}

fn before_name(table: &TableRow) -> Cow<'_, str> {
    match table.table_arn.strip_suffix(&table.table_name) {
        Some(before) => Cow::Borrowed(before),
        None => Cow::Owned(format!("!{}", table.table_arn)),
    }
}

fn digit(number: usize) -> char {
    u32::try_from(number)
        .ok()
        .and_then(|number| char::from_digit(number, 10))
        .unwrap_or('9')
}

fn day_digits(table: &TableRow) -> String {
    let of = |state: &DayState| DayState::ALL.iter().position(|one| one == state).unwrap_or(2);
    table.days.iter().map(|state| digit(of(state))).collect()
}

/// The facts of all tables, one column at a time.
struct Columns<'i, 'r>(&'i Island<'r>);

impl Serialize for Columns<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = &self.0.findings.names;
        let mut list = serializer.serialize_seq(Some(names.columns))?;
        for (place, (_, name)) in names.list[..names.columns].iter().enumerate() {
            let values = self.0.report.tables.iter().map(|table| match table.facts.get(place) {
                Some((known, value)) if known == name => value,
                _ => table.column(name),
            });
            let values: Vec<&FactValue> = values.collect();
            list.serialize_element(&self.0.column(&values))?;
        }
        list.end()
    }
}

impl Island<'_> {
    /// Tables that need action, worst first, each with what the document on paper says of it.
    fn blocks(&self) -> Vec<[usize; 8]> {
        let digest = Digest::of(self.report);
        let mut texts = self.texts.borrow_mut();
        let row = |block: Block<'_>| {
            let since = block.exposed.clone();
            let due = block.due.map(|day| day.to_string()).unwrap_or_default();
            let said = [
                &since,
                &block.newest,
                &block.plan,
                &block.jobs,
                &block.what,
                block.owner,
                &due,
            ];
            let [since, newest, plan, jobs, what, owner, due] = said.map(|text| texts.number(text));
            [block.place, since, newest, plan, jobs, what, owner, due]
        };
        blocks(self.report, &digest).into_iter().map(row).collect()
    }

    /// `{kind, one}` where all tables have the same value, else `{kind, all}`; `{same}` where it is what the table is.
    fn column(&self, values: &[&FactValue]) -> Value {
        if let Some(same) = self.same_as(values) {
            return json!({"same": same});
        }
        let first = values.iter().find(|value| !value.is_null());
        let is_alike = |value: &&FactValue| {
            let of_kind = first.is_none_or(|first| std::mem::discriminant(*first) == std::mem::discriminant(*value));
            value.is_null() || (of_kind && shown(value).is_some())
        };
        let kind = match first {
            Some(_) if !values.iter().all(is_alike) => "text",
            Some(FactValue::Bool(_)) => "truth",
            Some(FactValue::Int(_) | FactValue::Float(_)) => "number",
            Some(FactValue::Time(_)) => "instant",
            _ => "text",
        };
        let cells: Vec<Value> = values.iter().map(|value| self.cell(kind, value)).collect();
        match cells.first() {
            Some(one) if cells.iter().all(|cell| cell == one) => json!({"kind": kind, "one": one}),
            _ => json!({"kind": kind, "all": cells}),
        }
    }

    fn same_as(&self, values: &[&FactValue]) -> Option<&'static str> {
        type Part = fn(&TableRow) -> &str;
        let identity: [(&'static str, Part); 4] = [
            ("name", |table| &table.table_name),
            ("arn", |table| &table.table_arn),
            ("account", |table| &table.target.account_id),
            ("region", |table| &table.target.region),
        ];
        let is_same = |of: Part| {
            let mut pairs = self.report.tables.iter().zip(values);
            pairs.all(|(table, value)| matches!(value, FactValue::Text(text) if **text == *of(table)))
        };
        identity.into_iter().find_map(|(name, of)| is_same(of).then_some(name))
    }

    fn cell(&self, kind: &str, value: &FactValue) -> Value {
        match (kind, value) {
            (_, FactValue::Null(cause)) => json!([self.texts.borrow_mut().number(&cause.to_string())]),
            ("truth", FactValue::Bool(flag)) => json!(u8::from(*flag)),
            ("number", FactValue::Float(number)) => short(*number),
            ("number", FactValue::Int(number)) => json!(number),
            ("instant", FactValue::Time(at)) => json!(at.timestamp() - self.report.scan.as_of.timestamp()),
            (_, value) => json!(self.texts.borrow_mut().number(&value.to_string())),
        }
    }
}

/// The lines for the AWS CLI that ask AWS for the evidence again.
fn commands(finding: &Finding, identity: &[(i64, Cow<'_, str>)], texts: &mut Texts) -> Vec<Phrase> {
    let lines = recheck::commands(finding);
    lines
        .into_iter()
        .map(|line| Phrase::of(&line, identity, texts))
        .collect()
}
