//! Compliance frameworks: which controls ask for what, and which rules give evidence for them.
//!
//! The mapping is data, apart from the rules: one file for each framework in `rules/frameworks/`, and one with the
//! questions that auditors ask of backups, which name the rules. A control is *direct* where it names backup, recovery or
//! the protected property, and *supporting* where it is a general requirement that the answer contributes to. Every
//! control carries a letter: V read in the framework's own text, L read in an open library of its ids, C certain from the
//! published standard.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use crate::criteria::Origin;
use crate::criteria::policy::Terms;
use crate::domain::{Finding, Verdict};
use crate::problem::{Outcome, Problem, Problems};
use crate::text::{list, nearest};
use crate::toml_reader::{Located, Section, read_document};

/// The files that come with the program: name and text.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/frameworks.rs"));

/// The file with the questions.
const QUESTIONS: &str = "questions.toml";

/// A compliance framework.
#[derive(Debug, Clone)]
pub struct Framework {
    /// Its id; the file's name.
    pub id: String,
    /// Its name.
    pub title: String,
    /// Its version: ids mean nothing without it.
    pub version: String,
    /// What to know before relying on the mapping; may be empty.
    pub note: String,
    /// Why the numbers below are what they are; empty if there are none.
    pub policy_source: String,
    policy: Option<String>,
    /// The same, read.
    terms: Terms,
    controls: Vec<Control>,
    /// The file, as read.
    text: String,
    questions: Arc<Questions>,
}

/// The questions that controls ask.
#[derive(Debug, Default)]
struct Questions {
    by_id: BTreeMap<String, AuditQuestion>,
    /// Their file, as read.
    text: String,
}

/// A control with the questions that it asks.
#[derive(Debug, Clone)]
struct Control {
    id: String,
    letter: String,
    asks: String,
    only_if: String,
    direct: Vec<String>,
    supporting: Vec<String>,
    /// Rules instead of those of the questions.
    rules: Option<Vec<String>>,
}

/// A question that auditors ask of backups.
#[derive(Debug, Clone)]
struct AuditQuestion {
    asks: String,
    rules: Vec<String>,
    answered_by: String,
}

/// One row of the control matrix: a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlRow {
    /// The control's id, as its framework writes it.
    pub id: String,
    /// The questions it asks, such as `Q1, Q2`.
    pub question: String,
    /// `direct`, or `supporting` if it asks none of them directly.
    pub relation: String,
    /// How the id was verified: `V`, `L` or `C`.
    pub letter: String,
    /// What it asks, in our own words.
    pub asks: String,
    /// Where it applies, if not everywhere.
    pub only_if: String,
    /// Rules that decide it.
    pub rules: Vec<String>,
    /// Rules that give evidence for it and decide nothing.
    pub advised: Vec<String>,
    /// Non-compliant findings of those that no waiver covers.
    pub advised_open: usize,
    /// What answers it: `rules`, or without rules that decide `coverage` (the coverage statement), `waivers`, `evidence` (the
    /// stored inventory and its manifest), `advised` (the framework fixes no value, and advice is all there is), or `none`.
    pub answered: String,
    /// The worst verdict of the rules that decide it; none if there are none or none was applied.
    pub verdict: Option<Verdict>,
    /// Findings of those rules by verdict, waived ones left out.
    pub counts: BTreeMap<Verdict, usize>,
    /// Waived findings of those rules.
    pub waived: usize,
}

/// Every framework, in order of id.
pub fn all() -> &'static [Framework] {
    static ALL: OnceLock<Vec<Framework>> = OnceLock::new();
    ALL.get_or_init(|| read_all(EMBEDDED).expect("the embedded frameworks are right, which a test proves"))
}

/// Reads stored frameworks: name and text of each file, that of the questions among them. In order of id.
///
/// Errors: every mistake in every file.
pub(crate) fn read_files(files: &[(String, String)]) -> Outcome<Vec<Framework>> {
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    read_all(&files)
}

/// The framework of that id.
///
/// Errors: there is none.
pub fn find(id: &str) -> Result<&'static Framework, Problem> {
    let ids = || all().iter().map(|framework| framework.id.as_str());
    all().iter().find(|framework| framework.id == id).ok_or_else(|| {
        let hint = match nearest(id, ids()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the frameworks are {}", list(&ids().collect::<Vec<_>>())),
        };
        Problem::usage(format!("`{id}` is not a framework")).hint(hint)
    })
}

impl Framework {
    /// The numbers that the framework fixes, as a `[policy]` table of a settings file; none if it fixes none.
    pub(crate) fn policy_text(&self) -> Option<String> {
        self.policy.clone()
    }

    /// The same, read; empty if it fixes none.
    pub(crate) const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Rules that controls name themselves, to be judged by the letter.
    pub(crate) fn rules_of_its_own(&self) -> BTreeSet<&str> {
        let named = self.controls.iter().filter_map(|control| control.rules.as_ref());
        named.flatten().map(String::as_str).collect()
    }

    /// The rules that give evidence for its controls.
    pub(crate) fn rules(&self) -> BTreeSet<&str> {
        self.controls
            .iter()
            .flat_map(|control| control.rules(&self.questions))
            .collect()
    }

    /// The files that it was read from, by name: its own, and that of the questions.
    pub fn files(&self) -> [(String, &str); 2] {
        [
            (format!("{}.toml", self.id), &self.text),
            (QUESTIONS.to_owned(), &self.questions.text),
        ]
    }

    /// Whose it is: its own file and that of the questions say which rules answer its controls.
    pub(crate) fn origin(&self) -> Origin {
        let files = self.files();
        let [own, questions] = files.each_ref().map(|(name, text)| {
            let shipped = EMBEDDED.iter().find(|(file, _)| file == name);
            Origin::of(text, shipped.map(|(_, text)| *text))
        });
        match (own, questions) {
            (Origin::Program, Origin::Program) => Origin::Program,
            (Origin::Program, _) => Origin::Changed,
            (own, _) => own,
        }
    }

    /// The controls that a rule gives evidence for; supporting ones in brackets.
    pub(crate) fn controls_of(&self, rule: &str) -> Vec<String> {
        let name = |control: &Control| {
            let of = |questions: &[String]| control.rules_of(questions, &self.questions).contains(&rule);
            match (of(&control.direct), of(&control.supporting)) {
                (true, _) => Some(control.id.clone()),
                (false, true) => Some(format!("({})", control.id)),
                (false, false) => None,
            }
        };
        self.controls.iter().filter_map(name).collect()
    }

    /// The control matrix over these findings, one row for each control. Rules of direct questions that `decides` names decide
    /// it, the others are counted as advice. Unknown is worse than compliant, and no finding at all is no verdict.
    pub(crate) fn matrix(&self, findings: &[Finding], decides: &dyn Fn(&str) -> bool) -> Vec<ControlRow> {
        let mut of_rules = FindingCounts::new();
        for finding in findings {
            let (counts, waived) = of_rules.entry(&finding.rule).or_default();
            if finding.waived {
                *waived += 1;
            } else {
                *counts.entry(finding.verdict).or_default() += 1;
            }
        }
        let row = |control: &Control| control.row(&self.questions, &of_rules, decides);
        self.controls.iter().map(row).collect()
    }
}

impl Control {
    fn rules<'r>(&'r self, questions: &'r Questions) -> Vec<&'r str> {
        let mut rules = self.rules_of(&self.direct, questions);
        rules.extend(self.rules_of(&self.supporting, questions));
        rules
    }

    fn rules_of<'r>(&'r self, of: &[String], questions: &'r Questions) -> Vec<&'r str> {
        match &self.rules {
            Some(_) if of.is_empty() => Vec::new(),
            Some(rules) => rules.iter().map(String::as_str).collect(),
            None => {
                let asked = of.iter().filter_map(|id| questions.by_id.get(id));
                let rules: BTreeSet<&str> = asked
                    .flat_map(|question| question.rules.iter().map(String::as_str))
                    .collect();
                rules.into_iter().collect()
            }
        }
    }

    fn row(&self, questions: &Questions, of_rules: &FindingCounts<'_>, decides: &dyn Fn(&str) -> bool) -> ControlRow {
        let of: Vec<&String> = self.direct.iter().chain(&self.supporting).collect();
        let direct = self.rules_of(&self.direct, questions);
        let (deciding, advising): (Vec<&str>, Vec<&str>) = direct.into_iter().partition(|rule| decides(rule));
        let supporting = self.rules_of(&self.supporting, questions);
        let supporting = supporting.into_iter().filter(|rule| !deciding.contains(rule));
        let advising: BTreeSet<&str> = advising.into_iter().chain(supporting).collect();
        let (counts, waived) = summed(&deciding, of_rules);
        let advised = advising.iter().copied().collect::<Vec<_>>();
        let (advised_counts, _) = summed(&advised, of_rules);
        let asked: Vec<&AuditQuestion> = of.iter().filter_map(|id| questions.by_id.get(*id)).collect();
        let other = asked
            .iter()
            .map(|question| question.answered_by.as_str())
            .find(|by| !by.is_empty());
        let answered = match (deciding.is_empty(), other.filter(|_| self.rules.is_none())) {
            (false, _) => "rules",
            (true, Some(other)) => other,
            (true, None) if advising.is_empty() => "none",
            (true, None) => "advised",
        };
        ControlRow {
            id: self.id.clone(),
            question: of.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", "),
            relation: if self.direct.is_empty() { "supporting" } else { "direct" }.to_owned(),
            letter: self.letter.clone(),
            asks: if self.asks.is_empty() {
                asked
                    .iter()
                    .map(|question| question.asks.as_str())
                    .collect::<Vec<_>>()
                    .join("; ")
            } else {
                self.asks.clone()
            },
            only_if: self.only_if.clone(),
            answered: answered.to_owned(),
            verdict: counts.keys().copied().reduce(Verdict::worse),
            rules: deciding.into_iter().map(str::to_owned).collect(),
            advised: advising.into_iter().map(str::to_owned).collect(),
            advised_open: advised_counts.get(&Verdict::NonCompliant).copied().unwrap_or(0),
            counts,
            waived,
        }
    }
}

/// Findings by rule: by verdict, and those under a waiver.
type FindingCounts<'f> = HashMap<&'f str, (BTreeMap<Verdict, usize>, usize)>;

/// The sums over some rules.
fn summed(rules: &[&str], of_rules: &FindingCounts<'_>) -> (BTreeMap<Verdict, usize>, usize) {
    let (mut counts, mut waived) = (BTreeMap::new(), 0);
    for (found, of_rule) in rules.iter().filter_map(|rule| of_rules.get(rule)) {
        waived += of_rule;
        for (verdict, count) in found {
            *counts.entry(*verdict).or_default() += count;
        }
    }
    (counts, waived)
}

fn read_questions(files: &[(&str, &str)]) -> Outcome<Questions> {
    let Some((_, text)) = files.iter().find(|(name, _)| *name == QUESTIONS) else {
        return Ok(Questions::default());
    };
    let origin = format!("rules/frameworks/{QUESTIONS}");
    whole(read_document(&origin, text, |root| {
        let mut questions = BTreeMap::new();
        for section in root.sections("question") {
            let id = section.string("id");
            let question = AuditQuestion {
                asks: value(section.string("asks")),
                rules: values(section.strings("rules")),
                answered_by: value(section.string("answered-by")),
            };
            section.finish();
            match id {
                Some(id) if !question.asks.is_empty() => {
                    questions.insert(id.value, question);
                }
                _ => section.missing("id or asks"),
            }
        }
        Questions {
            by_id: questions,
            text: (*text).to_owned(),
        }
    }))
}

fn value(text: Option<Located<String>>) -> String {
    text.map(|text| text.value).unwrap_or_default()
}

fn values(texts: Option<Vec<Located<String>>>) -> Vec<String> {
    texts.unwrap_or_default().into_iter().map(|text| text.value).collect()
}

/// What was read, if there is no mistake in it.
fn whole<T>((value, mistakes): (Option<T>, Vec<Problem>)) -> Outcome<T> {
    match value {
        Some(value) if mistakes.is_empty() => Ok(value),
        _ => Err(Problems(mistakes)),
    }
}

fn read_all(files: &[(&str, &str)]) -> Outcome<Vec<Framework>> {
    let questions = Arc::new(read_questions(files)?);
    let (mut frameworks, mut problems) = (Vec::new(), Vec::new());
    for (name, text) in files.iter().filter(|(name, _)| *name != QUESTIONS) {
        match read(name, text, &questions) {
            Ok(framework) => frameworks.push(framework),
            Err(mistakes) => problems.extend(mistakes.0),
        }
    }
    frameworks.sort_by(|a, b| a.id.cmp(&b.id));
    if problems.is_empty() {
        Ok(frameworks)
    } else {
        Err(Problems(problems))
    }
}

fn read(name: &str, text: &str, questions: &Arc<Questions>) -> Outcome<Framework> {
    let origin = format!("rules/frameworks/{name}");
    whole(read_document(&origin, text, |root| {
        let mut framework = Framework {
            id: value(root.string("id")),
            title: value(root.string("title")),
            version: value(root.string("version")),
            note: value(root.string("note")),
            policy_source: value(root.string("policy-source")),
            policy: None,
            terms: Terms::default(),
            controls: Vec::new(),
            text: text.to_owned(),
            questions: Arc::clone(questions),
        };
        let letter = value(root.string("letter"));
        for key in ["id", "title", "version", "letter"] {
            if !root.entries().any(|(name, _)| name == key) {
                root.missing(key);
            }
        }
        if name.strip_suffix(".toml") != Some(&framework.id) {
            root.note(
                root.offset,
                format!("the file of framework `{0}` must be called `{0}.toml`", framework.id),
                "",
                "",
            );
        }
        // The numbers are read by the same code as those of a settings file, with the file's own text.
        if root.section("policy").is_some() {
            let policy = policy_of(text);
            let (terms, mistakes) = Terms::read(&format!("framework `{}`", framework.id), &policy);
            for mistake in mistakes {
                root.note(root.offset, mistake.what, mistake.why, mistake.hint);
            }
            framework.terms = terms.unwrap_or_default();
            framework.policy = Some(policy);
        }
        framework.controls = read_controls(root, &letter, questions);
        framework
    }))
}

/// The lines of `[policy]`.
fn policy_of(text: &str) -> String {
    let from_head = text.lines().skip_while(|line| line.trim() != "[policy]");
    let lines: Vec<&str> = from_head
        .enumerate()
        .take_while(|(place, line)| *place == 0 || !line.trim_start().starts_with('['))
        .map(|(_, line)| line)
        .collect();
    lines.join("\n").trim_end().to_owned() + "\n"
}

fn read_controls(root: &Section<'_>, letter: &str, questions: &Questions) -> Vec<Control> {
    let mut controls: Vec<Control> = Vec::new();
    for section in root.sections("control") {
        let control = Control {
            id: value(section.string("id")),
            letter: section
                .string("letter")
                .map_or_else(|| letter.to_owned(), |letter| letter.value),
            asks: value(section.string("asks")),
            only_if: value(section.string("only-if")),
            direct: values(section.strings("direct")),
            supporting: values(section.strings("supporting")),
            rules: section
                .strings("rules")
                .map(|rules| rules.into_iter().map(|rule| rule.value).collect()),
        };
        section.finish();
        if control.id.is_empty() {
            section.missing("id");
        }
        if controls.iter().any(|known| known.id == control.id) {
            section.note(
                section.offset,
                format!("control `{}` is listed twice", control.id),
                "",
                "",
            );
        }
        if !matches!(control.letter.as_str(), "V" | "L" | "C") {
            let why = "what is not verified is not shipped";
            section.note(
                section.offset,
                format!("`{}` is not a letter of verification", control.letter),
                why,
                "",
            );
        }
        for question in control.direct.iter().chain(&control.supporting) {
            if !questions.by_id.contains_key(question) {
                section.note(section.offset, format!("`{question}` is not a question"), "", "");
            }
        }
        if control.direct.is_empty() && control.supporting.is_empty() {
            section.note(section.offset, format!("control `{}` asks nothing", control.id), "", "");
        }
        controls.push(control);
    }
    controls
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criteria::rules::RuleSet;
    use crate::domain::{Evidence, Level, Question, Resource, Severity, Subject, TargetId};

    fn finding(rule: &str, verdict: Verdict, waived: bool) -> Finding {
        Finding {
            id: "".into(),
            rule: rule.into(),
            resource: Arc::new(Resource {
                subject: Subject::Table,
                resource_arn: String::new(),
                resource_name: String::new(),
                target: TargetId::new(String::new(), String::new()),
            }),
            verdict,
            severity: Severity::Low,
            question: Question::Safeguards,
            level: Level::Required,
            framework: None,
            waived,
            waivers: Box::default(),
            failing: Box::default(),
            message: Arc::default(),
            remedy: Arc::default(),
            evidence: Evidence::default(),
        }
    }

    #[test]
    fn every_file_is_right() {
        let problems = |problems: Problems| format!("{problems:?}");
        assert!(read_questions(EMBEDDED).map_err(problems).expect("right").by_id.len() == 13);
        let all = read_all(EMBEDDED).map_err(problems).expect("right");
        assert!(all.len() >= 25, "{}", all.len());
        for framework in all {
            assert!(!framework.controls.is_empty(), "{}", framework.id);
            if let Some(policy) = framework.policy_text() {
                crate::settings::Settings::parse(&policy, &framework.id)
                    .map_err(problems)
                    .expect("a policy");
                assert!(!framework.policy_source.is_empty(), "{}", framework.id);
            }
        }
    }

    #[test]
    fn every_rule_named_by_a_framework_exists_and_every_rule_answers_a_question() {
        let rules = RuleSet::load(None, &[]).expect("right");
        let known: BTreeSet<&str> = rules.0.iter().map(|rule| &*rule.id).collect();
        let mut named: BTreeSet<&str> = BTreeSet::new();
        for framework in all() {
            named.extend(framework.rules());
        }
        assert_eq!(named.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert_eq!(known.difference(&named).collect::<Vec<_>>(), Vec::<&&str>::new());
    }

    #[test]
    fn unknown_is_never_good_news_in_the_matrix() {
        let row = |findings: &[Finding]| {
            let rows = find("aws-security-hub").expect("there").matrix(findings, &|_| true);
            rows.into_iter().find(|row| row.id == "DynamoDB.4").expect("a row")
        };
        assert_eq!(row(&[]).verdict, None);
        assert_eq!(row(&[finding("pitr-on", Verdict::Compliant, false)]).verdict, None);
        let compliant = finding("in-a-plan", Verdict::Compliant, false);
        let unknown = finding("in-a-plan", Verdict::Unknown, false);
        let bad = finding("in-a-plan", Verdict::NonCompliant, false);
        assert_eq!(row(std::slice::from_ref(&compliant)).verdict, Some(Verdict::Compliant));
        assert_eq!(
            row(&[compliant.clone(), unknown.clone()]).verdict,
            Some(Verdict::Unknown)
        );
        assert_eq!(
            row(&[compliant.clone(), unknown, bad]).verdict,
            Some(Verdict::NonCompliant)
        );
        let waived = row(&[compliant, finding("in-a-plan", Verdict::NonCompliant, true)]);
        assert_eq!((waived.verdict, waived.waived), (Some(Verdict::Compliant), 1));
    }

    #[test]
    fn controls_that_no_rule_answers_say_so() {
        let rows = |decides: bool| find("soc2").expect("there").matrix(&[], &|_| decides);
        let of = |decides: bool, id: &str| {
            let row = rows(decides).into_iter().find(|row| row.id == id).expect("a row");
            row.answered
        };
        assert_eq!(of(true, "CC2.1"), "evidence");
        assert_eq!(of(true, "A1.2"), "rules");
        // Where nothing is required that would decide it, there is advice, and no verdict.
        assert_eq!(of(false, "A1.2"), "advised");
    }

    /// The reference page, from the data.
    fn page() -> String {
        let mut text = String::from(
            "# Frameworks\n\nMade from `rules/frameworks/`. Direct: the control names backup, recovery or the protected \
             property; supporting: a general requirement to which the answer contributes. V: the id was read in the framework's \
             own text; L: in an open library of its ids; C: it is certain from the published standard.\n\n## Questions\n\n\
             | Question | Asks | Rules |\n|---|---|---|\n",
        );
        let code = |rules: &[&str]| {
            rules
                .iter()
                .map(|rule| format!("`{rule}`"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mut ordered: Vec<(&String, &AuditQuestion)> = all()[0].questions.by_id.iter().collect();
        ordered.sort_by_key(|(id, _)| id[1..].parse::<u32>().unwrap_or(0));
        for (id, question) in ordered {
            let rules: Vec<&str> = question.rules.iter().map(String::as_str).collect();
            let by = match (rules.is_empty(), question.answered_by.as_str()) {
                (true, by) => format!("none; answered by: {by}"),
                (false, _) => code(&rules),
            };
            text.push_str(&format!("| {id} | {} | {by} |\n", question.asks));
        }
        for framework in all() {
            text.push_str(&format!(
                "\n## {}\n\n`{}`, {}.",
                framework.title, framework.id, framework.version
            ));
            if !framework.note.is_empty() {
                text.push_str(&format!(" {}", framework.note));
            }
            if let Some(policy) = framework.policy_text() {
                let values: Vec<&str> = policy.lines().filter(|line| line.contains('=')).collect();
                text.push_str(&format!(
                    " Numbers: {} ({}).",
                    values.join(", "),
                    framework.policy_source
                ));
            }
            text.push_str(
                "\n\n| Control | Relation | | Questions | Asks | Rules of its own |\n|---|---|---|---|---|---|\n",
            );
            for row in framework.matrix(&[], &|_| true) {
                let control = framework.controls.iter().find(|control| control.id == row.id);
                let own = control.and_then(|control| control.rules.as_ref());
                let own = match own.map(|rules| rules.iter().map(String::as_str).collect::<Vec<_>>()) {
                    Some(rules) if rules.is_empty() => "no rule can answer it".to_owned(),
                    Some(rules) => code(&rules),
                    None => String::new(),
                };
                let only_if = if row.only_if.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", row.only_if)
                };
                text.push_str(&format!(
                    "| {} | {} | {} | {} | {}{only_if} | {own} |\n",
                    row.id, row.relation, row.letter, row.question, row.asks
                ));
            }
        }
        text
    }

    #[test]
    fn the_reference_page_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/frameworks.md");
        if std::env::var_os("BACKPROOF_BLESS").is_some() {
            std::fs::write(path, page()).expect("written");
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            found == page(),
            "docs/frameworks.md is stale; BACKPROOF_BLESS=1 writes it anew"
        );
    }

    #[test]
    fn every_mistake_of_a_file_is_told_with_its_line() {
        let text = "id = \"mine\"\ntitle = \"t\"\nversoin = \"1\"\nletter = \"V\"\n\n[[control]]\nid = \"A\"\ndirect = [\"Q1\"]\n\n[[control]]\nid = \"A\"\ndirect = [\"Q99\"]\nletter = \"?\"\n\n[[control]]\ndirct = [\"Q1\"]\n";
        let questions = Arc::new(read_questions(EMBEDDED).expect("right"));
        let problems = read("other.toml", text, &questions).expect_err("full of mistakes");
        let told: Vec<(&str, &str)> = problems
            .0
            .iter()
            .map(|problem| {
                (
                    problem.location.rsplit(':').next().unwrap_or_default(),
                    problem.what.as_str(),
                )
            })
            .collect();
        for wanted in [
            ("1", "`version` is missing"),
            ("1", "the file of framework `mine` must be called `mine.toml`"),
            ("10", "control `A` is listed twice"),
            ("10", "`?` is not a letter of verification"),
            ("10", "`Q99` is not a question"),
            ("16", "`control.dirct` is not a setting"),
            ("15", "`control.id` is missing"),
            ("15", "control `` asks nothing"),
            ("3", "`versoin` is not a setting"),
        ] {
            assert!(told.contains(&wanted), "{wanted:?}: {told:?}");
        }
        assert!(
            problems
                .0
                .iter()
                .any(|problem| problem.hint.contains("did you mean `version`?"))
        );
    }

    #[test]
    fn a_mistyped_name_gets_a_suggestion() {
        let problem = find("soc-2").expect_err("no such framework");
        assert_eq!(problem.hint, "did you mean `soc2`?");
    }
}
