//! Rules: loaded from `rules/*.toml`, checked, compiled.
//!
//! A rule is data: conditions over facts and policy values, words for people, examples. All mistakes of all files are
//! found in one run. A rule set with a mistake is never evaluated.

mod shipped_texts;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use polars::prelude::DataType;
use toml::Spanned;
use toml::de::DeValue;

use crate::criteria::Origin;
use crate::criteria::policy::{VALUE_KEYS, value_key};
use crate::criteria::predicate::{self, Predicate};
use crate::criteria::vocabulary::{Schema, frames_of, schema};
use crate::domain::{Demand, Demands, FactValue, Question, Severity, Subject, Verdict};
use crate::problem::{Outcome, Problem, Problems};
use crate::text::{list, nearest};
use crate::toml_reader::values::distinct;
use crate::toml_reader::{Located, Section, read_document};

/// The rules that come with the program: file name and text.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// Stands in `required-by` of rules on waivers and exemptions: those that match something.
pub(crate) const MATCH: &str = "match";

/// The rules that come with the program.
pub(crate) fn shipped() -> &'static RuleSet {
    static SHIPPED: LazyLock<RuleSet> =
        LazyLock::new(|| RuleSet::load(None, &[]).expect("the program's own rules are sound, which a test proves"));
    &SHIPPED
}

/// Ids of the actions that a rule of somebody's own may name, in order: `remediate` has one kind for each.
pub(crate) const ACTIONS: &[&str] = &[
    "assign",
    "backup-now",
    "copy",
    "deletion-protection",
    "opt-in",
    "pitr",
    "plan-change",
    "plan-create",
    "point-lifecycle",
    "restore-testing",
    "role",
    "tag-table",
    "vault",
    "vault-lock",
    "vault-policy",
];

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Kebab-case statement of the good state; the file's name.
    pub id: Arc<str>,
    /// The good state as a sentence.
    pub title: String,
    /// What the rule judges.
    pub subject: Subject,
    /// How much a violation matters.
    pub severity: Severity,
    /// The question that it is evidence for.
    pub question: Question,
    /// It answers that question: without it the question was not asked.
    pub core: bool,
    /// The keys of the policy that make it required where they ask for something; [`MATCH`] for rules on waivers.
    pub required_by: Vec<String>,
    /// The demands that it asks at once: a waiver of it names those that it excuses.
    pub demands: Demands,
    /// The rules with demands of which a waiver of this one excuses some: what both ask.
    pub excuses: Vec<(String, Demands)>,
    /// Somebody asked for it by name, so it is required.
    pub is_named: bool,
    /// When the rule asks at all: all of these hold. None: always.
    pub applies: Vec<Applies>,
    /// The good state.
    pub compliant: Predicate,
    /// The good state as written.
    pub compliant_text: String,
    /// When the rule asks, as written.
    pub applies_text: Option<String>,
    /// What was found, with `{fact}` for values, and `{least..greatest}` for one that lies between two facts.
    pub message: String,
    /// What to do about a violation.
    pub remedy: Arc<str>,
    /// What the rule rests on and where it comes from.
    pub rationale: String,
    /// What `remediate` may do about a violation: one of [`ACTIONS`].
    pub action: Option<&'static str>,
    /// Worked examples, each evaluated by a test.
    pub examples: Vec<Example>,
    /// Whose it is. A rule that is weaker than the program's of its id must not pass for it.
    pub whose: Origin,
    /// The file it came from.
    pub origin: String,
    /// The file, as read.
    pub text: Arc<str>,
}

/// A part of when a rule asks.
#[derive(Debug, Clone)]
pub struct Applies {
    /// The condition.
    pub when: Predicate,
    /// Why the rule does not ask where it does not hold, with `{fact}` for values.
    pub otherwise: String,
}

/// Facts, and the verdict that they must give. A fact that is left out is not known.
#[derive(Debug, Clone)]
pub struct Example {
    /// The verdict.
    pub verdict: Verdict,
    /// The facts that are known.
    pub facts: Vec<(String, FactValue)>,
}

/// The rules of one scan, in order of id.
#[derive(Debug, Clone)]
pub struct RuleSet(pub Vec<Rule>);

impl RuleSet {
    /// Loads the rules that come with the program and those of a folder, and keeps the ids asked for (empty: all).
    ///
    /// Errors: those of [`Self::all`]; an id that does not exist.
    pub fn load(folder: Option<&Path>, ids: &[String]) -> Outcome<Self> {
        Self::all(folder, &[])?.choose(ids)
    }

    /// The rules that come with the program, and those of a folder beside them. One of `replaced` gives its place to the
    /// folder's rule of its id.
    ///
    /// Errors: every mistake in every file; a rule of another text under the id of one that is not replaced; an id in
    /// `replaced` without such a rule; a folder without rules.
    pub(crate) fn all(folder: Option<&Path>, replaced: &[String]) -> Outcome<Self> {
        let own = match folder {
            Some(folder) => read_folder(folder)?,
            None => Vec::new(),
        };
        let shipped = EMBEDDED
            .iter()
            .map(|(name, text)| (format!("rules/{name}"), (*text).to_owned()));
        let (mut rules, mut problems) = (Vec::new(), Vec::new());
        for (origin, text) in shipped.chain(own.iter().cloned()) {
            match parse(&origin, &text) {
                Ok(rule) => rules.push(rule),
                Err(mistakes) => problems.extend(mistakes.0),
            }
        }
        let own_rules: Vec<Rule> = rules.split_off(rules.len().min(EMBEDDED.len()));
        for rule in own_rules {
            match rules.iter().position(|shipped| shipped.id == rule.id) {
                None => rules.push(rule),
                // A folder that began as a copy of the program's, of this version or an earlier one.
                Some(_) if rule.whose == Origin::Program => {}
                Some(place) if replaced.iter().any(|id| **id == *rule.id) => rules[place] = rule,
                Some(_) => {
                    let what = format!("`{}` is the id of a rule that comes with the program", rule.id);
                    let hint = format!(
                        "give the rule an id of its own, or say `replaced = [\"{}\"]` under `[rules]` in the settings file; \
                         the report says so then",
                        rule.id
                    );
                    problems.push(Problem::usage(what).at(rule.origin.as_str()).hint(hint));
                }
            }
        }
        for id in replaced {
            if !own.iter().any(|(name, _)| id_of_file(name) == Some(id)) {
                let place = folder.map_or_else(
                    || "no folder was given with `--rules-dir`".to_owned(),
                    |folder| format!("there is no `{id}.toml` in {}", folder.display()),
                );
                problems.push(
                    Problem::usage(format!("there is no rule to replace `{id}`"))
                        .at("`[rules]`, `replaced`")
                        .why(place)
                        .hint("add the file, or take the id out of `replaced`"),
                );
            }
        }
        rules.sort_by(|a: &Rule, b| a.id.cmp(&b.id));
        if let Some(first) = problems.first_mut() {
            first.so = "no rule was evaluated".to_owned();
            return Err(Problems(problems));
        }
        if let Some(folder) = folder
            && own.is_empty()
        {
            return Err(Problem::usage("no rules were found")
                .at(folder.display().to_string())
                .so("no rule was evaluated")
                .hint("name a folder with rule files (`*.toml`), or leave `--rules-dir` out")
                .into());
        }
        Ok(Self(rules))
    }

    /// Keeps the ids asked for (empty: all). What is asked for by name is required.
    ///
    /// Errors: ids that do not exist.
    pub(crate) fn choose(self, ids: &[String]) -> Outcome<Self> {
        let mut problems = Vec::new();
        for id in ids {
            if !self.0.iter().any(|rule| *rule.id == **id) {
                let hint = match nearest(id, self.0.iter().map(|rule| &*rule.id)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`explain rules` lists them all".to_owned(),
                };
                problems.push(
                    Problem::usage(format!("`{id}` is not a rule"))
                        .at("`--rules`")
                        .hint(hint),
                );
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let mut rules = self.0;
        if !ids.is_empty() {
            rules.retain(|rule| ids.iter().any(|id| **id == *rule.id));
            rules.iter_mut().for_each(|rule| rule.is_named = true);
        }
        Ok(Self(rules))
    }

    /// The rules on one kind of subject, in order of id.
    pub(crate) fn of(&self, subject: Subject) -> impl Iterator<Item = &Rule> {
        self.0.iter().filter(move |rule| rule.subject == subject)
    }

    /// The frames that the facts these rules read rest on.
    pub fn frames(&self) -> BTreeSet<&'static str> {
        let of_rule = |rule: &Rule| -> Vec<&'static str> {
            rule.reads()
                .flat_map(|name| frames_of(rule.subject, name).iter().copied())
                .collect()
        };
        self.0.iter().flat_map(of_rule).collect()
    }
}

impl Rule {
    /// Does it answer its question, in the text that comes with the program?
    pub(crate) fn is_core(&self) -> bool {
        self.core && self.whose == Origin::Program
    }

    /// Does it ask several demands at once, in the text that comes with the program?
    pub(crate) fn has_demands(&self) -> bool {
        !self.demands.is_empty() && self.whose == Origin::Program
    }

    /// The facts and policy values the rule reads: those of the good state first.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &str> {
        let mut all: Vec<&str> = self.compliant.reads.iter().map(String::as_str).collect();
        for name in self.applies.iter().flat_map(|part| &part.when.reads) {
            if !all.contains(&name.as_str()) {
                all.push(name);
            }
        }
        all.into_iter()
    }

    /// Why the rule does not ask where this part of `applies` does not hold, with `{fact}` for values.
    pub(crate) fn why_not(&self, part: usize) -> &str {
        self.applies.get(part).map_or("", |part| &part.otherwise)
    }
}

/// The ids that the program's rules and those of a folder have by their file names.
pub(crate) fn file_names(folder: Option<&Path>) -> Vec<String> {
    let shipped = EMBEDDED.iter().filter_map(|(name, _)| id_of_file(name));
    shipped.map(str::to_owned).chain(own_file_names(folder)).collect()
}

/// Those of a folder.
pub(crate) fn own_file_names(folder: Option<&Path>) -> Vec<String> {
    let own = folder.and_then(|folder| read_folder(folder).ok()).unwrap_or_default();
    let names = own.iter().filter_map(|(name, _)| id_of_file(name));
    names.map(str::to_owned).collect()
}

fn id_of_file(name: &str) -> Option<&str> {
    Path::new(name).file_stem()?.to_str()
}

fn read_folder(folder: &Path) -> Outcome<Vec<(String, String)>> {
    let refuse = |path: &Path, error: &std::io::Error| -> Problems {
        Problem::usage("could not read the rules")
            .at(path.display().to_string())
            .why(error.to_string())
            .so("no rule was evaluated")
            .hint("check the folder given to `--rules-dir`")
            .into()
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| refuse(folder, &error))? {
        let path = entry.map_err(|error| refuse(folder, &error))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path).map_err(|error| refuse(&path, &error))?;
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    Ok(files)
}

/// Reads and checks one rule file.
///
/// Errors: every mistake, each with its line.
pub fn parse(origin: &str, text: &str) -> Outcome<Rule> {
    match read_document(origin, text, |root| read_rule(root, origin, text)) {
        (Some(Some(rule)), mistakes) if mistakes.is_empty() => Ok(rule),
        (_, mistakes) => Err(Problems(mistakes)),
    }
}

fn read_rule(root: &Section<'_>, origin: &str, text: &str) -> Option<Rule> {
    let subject = read_subject(root);
    // A subject that is not known is one mistake; the conditions are then checked as if they were about tables.
    let schema = &schema(subject.unwrap_or(Subject::Table));
    let id = required(root, "id");
    let title = required(root, "title");
    let severity = required(root, "severity").and_then(|text| read_severity(root, &text));
    let question = read_question(root);
    let core = root.boolean("core").unwrap_or_default();
    let required_by = distinct(root, "required-by", |key| read_key(root, key)).unwrap_or_default();
    let key_of = |name: String| value_key(&name).map_or(name, str::to_owned);
    let required_by = required_by.into_iter().map(key_of).collect();
    let demands = read_demands(root, "demands").unwrap_or_default();
    let excuses = read_excuses(root);
    let compliant_text = required(root, "compliant");
    let compliant = compliant_text
        .as_ref()
        .and_then(|text| condition(root, text, "compliant", schema));
    let message = required(root, "message");
    if let Some(text) = &message {
        check_placeholders(root, text, schema);
    }
    let (applies, applies_text) = read_applies(root, schema);
    let remedy = required(root, "remedy");
    let rationale = required(root, "rationale");
    let action = root.string("action").and_then(|text| read_action(root, &text));
    let examples = read_examples(root, schema);
    let id = id?;
    if Path::new(origin)
        .file_stem()
        .is_none_or(|stem| stem != id.value.as_str())
    {
        root.note(
            id.offset,
            format!("the file of rule `{0}` must be called `{0}.toml`", id.value),
            "",
            "",
        );
    }
    let name = format!("{}.toml", id.value);
    let shipped = EMBEDDED.iter().find(|(file, _)| *file == name);
    let mut rule = Rule {
        whose: Origin::of(text, shipped.map(|(_, text)| *text)),
        id: id.value.into(),
        title: title?.value,
        subject: subject?,
        severity: severity?,
        question: question?,
        core,
        required_by,
        demands,
        excuses,
        is_named: false,
        applies,
        compliant: compliant?,
        compliant_text: compliant_text?.value,
        applies_text,
        message: message?.value,
        remedy: remedy?.value.into(),
        rationale: rationale?.value,
        action,
        examples,
        origin: origin.to_owned(),
        text: text.into(),
    };
    if rule.whose == Origin::Changed && shipped_texts::is_of_earlier_version(&rule) {
        rule.whose = Origin::Program;
    }
    Some(rule)
}

/// When the rule asks, in parts and as one text: a condition with `not-applicable` beside it; or, where there are several
/// reasons not to ask, a list of conditions, each with the reason.
fn read_applies(root: &Section<'_>, schema: &Schema) -> (Vec<Applies>, Option<String>) {
    let is_list = |(key, value): (String, &Spanned<DeValue<'_>>)| key == "applies" && value.get_ref().is_array();
    let mut written: Vec<(Located<String>, Located<String>)> = Vec::new();
    if root.entries().any(is_list) {
        for section in root.sections("applies") {
            written.extend(required(&section, "when").zip(required(&section, "else")));
            section.finish();
        }
        if root.has("not-applicable") {
            root.note_at(
                "not-applicable",
                "the reasons stand in `applies` already",
                "leave `not-applicable` out",
            );
        }
    } else {
        let (applies, reason) = (root.string("applies"), root.string("not-applicable"));
        if applies.is_some() && reason.is_none() {
            root.note(
                root.offset,
                "`not-applicable` is missing",
                "a rule with `applies` must say why it does not ask",
                "",
            );
        }
        written.extend(applies.zip(reason));
    }
    let mut texts = Vec::new();
    let mut parts = Vec::new();
    for (when, otherwise) in &written {
        check_placeholders(root, otherwise, schema);
        let when_compiled = condition(root, when, "applies", schema);
        parts.extend(when_compiled.map(|when| Applies {
            when,
            otherwise: otherwise.value.clone(),
        }));
        texts.push(when.value.as_str());
    }
    let text = match texts[..] {
        [] => None,
        [only] => Some(only.to_owned()),
        _ => Some(
            texts
                .iter()
                .map(|text| in_brackets(text))
                .collect::<Vec<_>>()
                .join(" AND "),
        ),
    };
    (parts, text)
}

/// As a part of a conjunction.
fn in_brackets(text: &str) -> String {
    if text.to_ascii_uppercase().contains(" OR ") {
        format!("({text})")
    } else {
        text.to_owned()
    }
}

fn read_action(root: &Section<'_>, text: &Located<String>) -> Option<&'static str> {
    let known = ACTIONS.iter().find(|id| **id == text.value).copied();
    if known.is_none() {
        let hint = match ACTIONS {
            [only] => format!("the only action is `{only}`"),
            all => format!("the actions are {}", list(all)),
        };
        root.note(text.offset, format!("`{}` is not an action", text.value), "", hint);
    }
    known
}

fn required(root: &Section<'_>, key: &'static str) -> Option<Located<String>> {
    let is_there = root.entries().any(|(name, _)| name == key);
    let text = root.string(key);
    match &text {
        None if !is_there => root.missing(key),
        Some(text) if text.value.trim().is_empty() => {
            root.note(text.offset, format!("`{}` is empty", root.path_of(key)), "", "");
        }
        _ => {}
    }
    text
}

/// What the rule judges: tables, unless it says otherwise.
fn read_subject(root: &Section<'_>) -> Option<Subject> {
    let Some(text) = root.string("subject") else {
        return Some(Subject::Table);
    };
    let subject = text.value.parse().ok();
    if subject.is_none() {
        let names: Vec<&str> = Subject::ALL.into_iter().map(Subject::as_str).collect();
        let hint = format!("the subjects are {}", list(&names));
        root.note(text.offset, format!("`{}` is not a subject", text.value), "", hint);
    }
    subject
}

/// What it is evidence for: safeguards, unless it says otherwise.
fn read_question(root: &Section<'_>) -> Option<Question> {
    let Some(text) = root.string("question") else {
        return Some(Question::Safeguards);
    };
    let found = Question::ALL
        .into_iter()
        .find(|question| question.as_str() == text.value);
    if found.is_none() {
        let hint = format!("the questions are {}", list(&Question::ALL.map(Question::as_str)));
        root.note(text.offset, format!("`{}` is not a question", text.value), "", hint);
    }
    found
}

/// Is it a key of the policy, or [`MATCH`]?
fn read_key(root: &Section<'_>, key: &Located<String>) -> bool {
    let is_known = key.value == MATCH || value_key(&key.value).is_some();
    if !is_known {
        let hint = format!("the values are {}", list(&VALUE_KEYS));
        root.note(
            key.offset,
            format!("`{}` is not a value of the policy", key.value),
            "",
            hint,
        );
    }
    is_known
}

/// A list of demands, in their words.
pub(crate) fn read_demands(section: &Section<'_>, key: &'static str) -> Option<Demands> {
    let words = Demand::ALL.map(Demand::as_str);
    let is_known = |word: &Located<String>| {
        let is_known = words.contains(&word.value.as_str());
        if !is_known {
            let hint = match nearest(&word.value, words.into_iter()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the demands are {}", list(&words)),
            };
            section.note(word.offset, format!("`{}` is not a demand", word.value), "", hint);
        }
        is_known
    };
    let named = distinct(section, key, is_known)?;
    let is_named = |demand: &Demand| named.iter().any(|word| word == demand.as_str());
    Some(Demand::ALL.into_iter().filter(is_named).collect())
}

/// Other rules, each with the demands of it that a waiver of this one excuses.
fn read_excuses(root: &Section<'_>) -> Vec<(String, Demands)> {
    let mut excuses = Vec::new();
    for section in root.sections("excuses") {
        let of = required(&section, "rule").zip(read_demands(&section, "demands"));
        excuses.extend(of.map(|(rule, demands)| (rule.value, demands)));
        section.finish();
    }
    excuses
}

fn read_severity(root: &Section<'_>, text: &Located<String>) -> Option<Severity> {
    let severity = text.value.parse().ok();
    if severity.is_none() {
        let hint = "it is `low`, `medium`, `high` or `critical`";
        root.note(text.offset, format!("`{}` is not a severity", text.value), "", hint);
    }
    severity
}

fn condition(root: &Section<'_>, text: &Located<String>, key: &str, schema: &Schema) -> Option<Predicate> {
    match predicate::compile(&text.value, schema) {
        Ok(predicate) => Some(predicate),
        Err(mistake) => {
            root.note(text.offset, format!("`{key}` {}", mistake.what), "", mistake.hint);
            None
        }
    }
}

/// The names between braces in a message.
pub(crate) fn placeholders(message: &str) -> impl Iterator<Item = &str> {
    let inner = message.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    inner.flat_map(|(inner, _)| {
        let (name, greatest) = bounds(inner);
        std::iter::once(name).chain(greatest)
    })
}

/// What stands between a pair of braces: a name, or two for the bounds of a value, as in `{least..greatest}`.
pub(crate) fn bounds(inner: &str) -> (&str, Option<&str>) {
    match inner.split_once("..") {
        Some((least, greatest)) => (least, Some(greatest)),
        None => (inner, None),
    }
}

fn check_placeholders(root: &Section<'_>, message: &Located<String>, schema: &Schema) {
    let is_open = |rest: &str| !rest.contains('}');
    if message.value.split('{').skip(1).any(is_open) {
        let what = "the message has a brace that is not closed";
        root.note(message.offset, what, "", "write a fact as `{table_name}`");
    }
    for name in placeholders(&message.value) {
        if !schema.contains(name) {
            let hint = match nearest(name, schema.iter_names().map(|name| name.as_str())) {
                Some(near) => format!("did you mean `{{{near}}}`?"),
                None => "`explain facts` lists them all".to_owned(),
            };
            root.note(
                message.offset,
                format!("the message names a fact that does not exist: `{{{name}}}`"),
                "",
                hint,
            );
        }
    }
}

fn read_examples(root: &Section<'_>, schema: &Schema) -> Vec<Example> {
    let mut examples = Vec::new();
    for section in root.sections("example") {
        let has_verdict = section.place_of("verdict").is_some();
        let verdict = section.string("verdict").and_then(|text| {
            let verdict = text.value.parse().ok();
            if verdict.is_none() {
                let hint = "it is `compliant`, `non-compliant`, `unknown` or `not-applicable`";
                root.note(text.offset, format!("`{}` is not a verdict", text.value), "", hint);
            }
            verdict
        });
        let facts = match section.section("facts") {
            Some(facts) => example_facts(&facts, schema),
            None => Vec::new(),
        };
        section.finish();
        match verdict {
            Some(verdict) => examples.push(Example { verdict, facts }),
            None if has_verdict => {}
            None => section.missing("verdict"),
        }
    }
    examples
}

fn example_facts(section: &Section<'_>, schema: &Schema) -> Vec<(String, FactValue)> {
    let mut facts = Vec::new();
    for (name, value) in section.entries() {
        let offset = value.span().start;
        let Some(dtype) = schema.get(&name) else {
            let near = nearest(&name, schema.iter_names().map(|name| name.as_str()));
            let hint = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
            section.note(offset, format!("`{name}` is not a fact"), "", hint);
            continue;
        };
        let fact = match (dtype, value.get_ref()) {
            (DataType::Boolean, DeValue::Boolean(flag)) => Some(FactValue::Bool(*flag)),
            (DataType::String, DeValue::String(text)) => Some(FactValue::Text(text.to_string().into())),
            (DataType::Int64, DeValue::Integer(number)) => number.as_str().parse().ok().map(FactValue::Int),
            (DataType::Float64, DeValue::Integer(number)) => number.as_str().parse().ok().map(FactValue::Float),
            (DataType::Float64, DeValue::Float(number)) => number.as_str().parse().ok().map(FactValue::Float),
            _ => None,
        };
        match fact {
            Some(fact) => facts.push((name, fact)),
            None => section.note(
                offset,
                format!("`{name}` has the wrong type in an example"),
                format!("it is a {dtype}"),
                "",
            ),
        }
    }
    facts
}
