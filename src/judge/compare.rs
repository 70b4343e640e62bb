//! What is new since an earlier scan, and what was known. Pure.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use crate::criteria::asked::{Asked, before_levels};
use crate::criteria::baseline::{AnswersInWords, Baseline, Known, check_version, read_answers, required, unreadable};
use crate::criteria::demands::{core_over, demands_within};
use crate::criteria::vocabulary::POLICY_TIER;
use crate::domain::{Answer, Arn, Demands, FactValue, Finding, Level, Question, Subject, Verdict};
use crate::problem::Problem;
use crate::report::{Compared, Lost, Report, SCHEMA_VERSION, Since, TableRow};

use super::evaluate::finding_id;

/// What is read of a `report.json`; the rest of it does not matter here.
#[derive(Deserialize)]
struct ReportFile {
    schema_version: u32,
    scan: ScanOfFile,
    findings: Vec<FindingOfFile>,
    #[serde(default)]
    rules: Vec<RuleOfFile>,
    #[serde(default)]
    tiers: Vec<TierOfFile>,
    #[serde(default)]
    frameworks: Vec<FrameworkOfFile>,
    #[serde(default)]
    tables: Vec<TableOfFile>,
    /// Since version 4: what findings on tables say.
    #[serde(default)]
    outcomes: Vec<OutcomeOfFile>,
    #[serde(default)]
    usual: Option<UsualOfFile>,
}

#[derive(Deserialize)]
struct RuleOfFile {
    id: String,
    /// None: before rules had levels.
    level: Option<Level>,
}

#[derive(Deserialize)]
struct TierOfFile {
    name: String,
    #[serde(default)]
    levels: BTreeMap<String, Level>,
}

#[derive(Deserialize)]
struct FrameworkOfFile {
    id: String,
}

#[derive(Deserialize)]
struct TableOfFile {
    table_arn: String,
    #[serde(default)]
    answers: AnswersInWords,
    #[serde(default)]
    facts: FactsOfFile,
    /// Since version 4.
    #[serde(default)]
    findings: Vec<FindingOfTable>,
}

#[derive(Deserialize)]
struct UsualOfFile {
    facts: FactsOfFile,
}

#[derive(Deserialize, Default)]
struct FactsOfFile {
    /// None: it is not named here; none within: it is not known.
    #[serde(default, deserialize_with = "named")]
    table_id: Option<Option<String>>,
}

fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct FindingOfTable {
    outcome: usize,
    id: Option<String>,
}

#[derive(Deserialize)]
struct OutcomeOfFile {
    rule: String,
    verdict: String,
    waived: bool,
    level: Level,
    #[serde(default)]
    failing_demands: Vec<Vec<String>>,
}

#[derive(Deserialize)]
struct ScanOfFile {
    id: String,
    as_of: DateTime<Utc>,
}

#[derive(Deserialize)]
struct FindingOfFile {
    id: String,
    rule: String,
    resource_arn: String,
    verdict: String,
    waived: bool,
    #[serde(default = "required")]
    level: Level,
    #[serde(default)]
    failing_demands: Vec<Vec<String>>,
}

/// The baseline that a report makes which asked this.
pub(crate) fn baseline_of(report: &Report, asked: Asked) -> Baseline {
    let told = report
        .findings
        .iter()
        .filter(|finding| counts(finding.verdict, finding.waived));
    let known = told.map(|finding| Known {
        id: finding.id.to_string(),
        rule: finding.rule.to_string(),
        resource_arn: finding.resource_arn.clone(),
        verdict: finding.verdict.to_string(),
        level: finding.level,
        failing_demands: words(&finding.failing),
    });
    let answers = report.tables.iter().map(|table| {
        let asked = Question::ALL.map(|question| (question, table.answer(question)));
        let asked = asked.into_iter().filter(|(_, answer)| *answer != Answer::NotAsked);
        (table.table_arn.clone(), asked.collect())
    });
    Baseline::new(report.scan.id.clone(), report.scan.as_of, known).with(asked, answers.collect())
}

/// The baseline that a `report.json` makes.
///
/// Errors: no report, a damaged one, or one of another version; a verdict that is none.
pub(crate) fn baseline_of_file(text: &str, origin: &str) -> Result<Baseline, Problem> {
    let refuse = |why: String| unreadable(origin, why);
    let file: ReportFile = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
    check_version("a report", file.schema_version, 1..=SCHEMA_VERSION, origin)?;
    let is_known = |(verdict, is_waived): (&str, bool), id: &str| {
        let parsed: Result<Verdict, ()> = verdict.parse();
        let parsed = parsed.map_err(|()| refuse(format!("`{verdict}` of finding {id} is no verdict")));
        parsed.map(|verdict| counts(verdict, is_waived))
    };
    let mut known = Vec::new();
    for finding in file.findings {
        if is_known((&finding.verdict, finding.waived), &finding.id)? {
            known.push(Known {
                id: finding.id,
                rule: finding.rule,
                resource_arn: finding.resource_arn,
                verdict: finding.verdict,
                level: finding.level,
                failing_demands: finding.failing_demands,
            });
        }
    }
    let usual_id = file.usual.and_then(|usual| usual.facts.table_id).flatten();
    for table in &file.tables {
        let table_id = table.facts.table_id.as_ref().unwrap_or(&usual_id);
        for finding in &table.findings {
            let outcome = file.outcomes.get(finding.outcome);
            let no_outcome = || {
                refuse(format!(
                    "{}: it names outcome {}, and there are {}",
                    table.table_arn,
                    finding.outcome,
                    file.outcomes.len()
                ))
            };
            let said = outcome.ok_or_else(no_outcome)?;
            let id = finding.id.clone();
            let id = id.or_else(|| id_of_table(&said.rule, &table.table_arn, table_id.as_deref()));
            let id = id.ok_or_else(|| refuse(format!("`{}` is no ARN of a table", table.table_arn)))?;
            if is_known((&said.verdict, said.waived), &id)? {
                known.push(Known {
                    id,
                    rule: said.rule.clone(),
                    resource_arn: table.table_arn.clone(),
                    verdict: said.verdict.clone(),
                    level: said.level,
                    failing_demands: said.failing_demands.clone(),
                });
            }
        }
    }
    let level = |rule: RuleOfFile| {
        let level = rule.level.unwrap_or_else(|| before_levels(&rule.id));
        (rule.id, level)
    };
    let asked = Asked::new(
        file.rules.into_iter().map(level).collect(),
        file.tiers.into_iter().map(|tier| (tier.name, tier.levels)).collect(),
        file.frameworks.into_iter().map(|framework| framework.id).collect(),
    );
    let mut answers = BTreeMap::new();
    for table in file.tables {
        let read = read_answers(&table.answers).map_err(|why| refuse(format!("{}: {why}", table.table_arn)))?;
        answers.insert(table.table_arn, read);
    }
    Ok(Baseline::new(file.scan.id, file.scan.as_of, known.into_iter()).with(asked, answers))
}

/// Marks the findings of a report that asks this, and tells what it asks otherwise.
pub(crate) fn compare(baseline: &Baseline, asked: &Asked, tables: &[TableRow], findings: &[Finding]) -> Compared {
    let tiers: HashMap<&str, &str> = tables.iter().filter_map(tier_of).collect();
    let alone = Alone::of(findings);
    let told = findings
        .iter()
        .filter(|finding| counts(finding.verdict, finding.waived));
    let since: BTreeMap<String, Since> = told
        .map(|finding| {
            let tier = tiers.get(finding.resource_arn.as_str()).copied();
            (finding.id.to_string(), since_of(baseline, finding, tier, &alone))
        })
        .collect();
    let mut counted: BTreeMap<Since, usize> = Since::ALL.into_iter().map(|since| (since, 0)).collect();
    for finding in findings
        .iter()
        .filter(|finding| finding.is_open() && finding.is_required())
    {
        if let Some(number) = since.get(&*finding.id).and_then(|since| counted.get_mut(since)) {
            *number += 1;
        }
    }
    Compared {
        scan_id: baseline.scan_id.clone(),
        as_of: baseline.as_of,
        open_count: baseline.open_count(),
        answers_then: answers_then(baseline),
        counts: counted,
        since,
        shifts: baseline
            .asked
            .as_ref()
            .map(|then| then.shifts(asked))
            .unwrap_or_default(),
        lost: tables.iter().flat_map(|table| lost(baseline, table)).collect(),
    }
}

/// How many tables had which answer then.
fn answers_then(baseline: &Baseline) -> BTreeMap<Question, BTreeMap<Answer, usize>> {
    let mut counted: BTreeMap<Question, BTreeMap<Answer, usize>> = BTreeMap::new();
    for of_table in baseline.answers.values() {
        for question in Question::ALL {
            // What is not stored was not asked.
            let answer = of_table.get(&question).copied().unwrap_or(Answer::NotAsked);
            *counted.entry(question).or_default().entry(answer).or_default() += 1;
        }
    }
    counted
}

/// The tier of a table, by its ARN; none where it is in none, or where that is not known.
fn tier_of(table: &TableRow) -> Option<(&str, &str)> {
    match table.fact(POLICY_TIER) {
        FactValue::Text(tier) => Some((&table.table_arn, tier)),
        _ => None,
    }
}

/// The answers about a table that are not asked for any more.
fn lost<'r>(baseline: &'r Baseline, table: &'r TableRow) -> impl Iterator<Item = Lost> + 'r {
    let then = baseline.answers.get(&table.table_arn).into_iter().flatten();
    let lost = then.filter(|(question, _)| table.answer(**question) == Answer::NotAsked);
    lost.map(|(question, before)| Lost {
        table_arn: table.table_arn.clone(),
        table_name: table.table_name.clone(),
        question: *question,
        before: *before,
    })
}

/// Open findings on tables of rules that ask one demand alone, by the table.
struct Alone<'f>(HashMap<&'f str, Vec<&'f Finding>>);

impl<'f> Alone<'f> {
    fn of(findings: &'f [Finding]) -> Self {
        let mut by_table: HashMap<&str, Vec<&Finding>> = HashMap::new();
        let of_tables = findings.iter().filter(|finding| finding.subject == Subject::Table);
        for finding in of_tables.filter(|finding| finding.is_open() && core_over(&finding.rule).is_some()) {
            by_table.entry(&finding.resource_arn).or_default().push(finding);
        }
        Self(by_table)
    }

    /// Is what fails of this core finding what was open before, by rules that ask the same demands alone?
    fn was_open(&self, baseline: &Baseline, core: &Finding) -> bool {
        let now = self.0.get(core.resource_arn.as_str()).into_iter().flatten();
        let was_open = |alone: &&&Finding| {
            let known = known_as(baseline, alone);
            known.is_some_and(|known| known.verdict == alone.verdict.as_str())
        };
        let open = now.filter(|alone| alone.framework == core.framework).filter(was_open);
        let open = open.filter_map(|alone| demands_within(&core.rule, &alone.rule));
        let open = open.fold(Demands::NONE, Demands::or);
        let mut failing = core.failing.iter().filter(|failing| !failing.is_empty());
        failing.any(|failing| failing.are_among(open))
    }
}

fn words(failing: &[Demands]) -> Vec<Vec<String>> {
    let words = |demands: &Demands| demands.words().into_iter().map(str::to_owned).collect();
    failing.iter().map(words).collect()
}

/// Does something fail that did not fail then? A core rule asks several demands: one that was open for the retention alone is
/// no old acquaintance once there are no points any more.
fn fails_more(finding: &Finding, known: &Known) -> bool {
    let failing = words(&finding.failing);
    let is_within = |now: &Vec<String>| {
        let mut then = known.failing_demands.iter();
        then.any(|then| now.iter().all(|demand| then.contains(demand)))
    };
    failing.len() + known.failing_demands.len() > 0 && !failing.iter().any(is_within)
}

fn known_as<'b>(baseline: &'b Baseline, finding: &Finding) -> Option<&'b Known> {
    let known = baseline.known(&finding.id);
    known.or_else(|| under_another_id(baseline, finding))
}

fn since_of(baseline: &Baseline, finding: &Finding, tier: Option<&str>, alone: &Alone<'_>) -> Since {
    match known_as(baseline, finding) {
        Some(known) if known.verdict != finding.verdict.as_str() || fails_more(finding, known) => Since::New,
        Some(known) if finding.is_required() && known.level != Level::Required => Since::NewlyRequired,
        Some(_) => Since::Known,
        None => match &baseline.asked {
            Some(asked) if asked.level_of(finding, tier) == Level::Off => {
                if finding.is_open() && alone.was_open(baseline, finding) {
                    Since::Known
                } else {
                    Since::NewlyAsked
                }
            }
            _ => Since::New,
        },
    }
}

/// The same finding from a scan in which the table could be described, or could not: then its id rests on the name.
fn under_another_id<'b>(baseline: &'b Baseline, finding: &Finding) -> Option<&'b Known> {
    if finding.subject != Subject::Table {
        return None;
    }
    let known = baseline.known_at(&finding.rule, &finding.resource_arn)?;
    let by_name = id_by_name(&finding.rule, &finding.resource_arn)?;
    (*finding.id == *by_name || known.id == by_name).then_some(known)
}

/// Findings that a baseline remembers.
fn counts(verdict: Verdict, is_waived: bool) -> bool {
    !is_waived && matches!(verdict, Verdict::NonCompliant | Verdict::Unknown)
}

/// The id that a finding on a table has where the table's own id is not known.
fn id_by_name(rule: &str, table_arn: &str) -> Option<String> {
    id_of_table(rule, table_arn, None)
}

/// The id of a finding on a table by the organisation's policy.
fn id_of_table(rule: &str, table_arn: &str, table_id: Option<&str>) -> Option<String> {
    let arn = Arn::parse(table_arn)?;
    let id = table_id.filter(|id| *id != "none").or(arn.table_name())?;
    let parts = [arn.partition, arn.account_id, arn.region, id];
    Some(finding_id(rule, &parts.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Evidence, Level, Question, Resource, Severity, TargetId};

    const ARN: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders";

    fn finding(id: &str, verdict: Verdict, is_waived: bool) -> Finding {
        of_rule("pitr-on", id, verdict, is_waived)
    }

    fn of_rule(rule: &str, id: &str, verdict: Verdict, is_waived: bool) -> Finding {
        Finding {
            id: id.into(),
            rule: rule.into(),
            resource: Arc::new(Resource {
                subject: Subject::Table,
                resource_arn: ARN.to_owned(),
                resource_name: "orders".to_owned(),
                target: TargetId::new("111122223333", "eu-west-1"),
            }),
            verdict,
            severity: Severity::Medium,
            question: Question::Safeguards,
            level: Level::Required,
            framework: None,
            waived: is_waived,
            waivers: Box::default(),
            failing: Box::default(),
            message: Arc::default(),
            remedy: Arc::default(),
            evidence: Evidence::default(),
        }
    }

    fn known(rule: &str, id: &str, verdict: &str, level: Level) -> Known {
        Known {
            id: id.to_owned(),
            rule: rule.to_owned(),
            resource_arn: ARN.to_owned(),
            verdict: verdict.to_owned(),
            level,
            failing_demands: Vec::new(),
        }
    }

    fn baseline(id: &str, verdict: &str) -> Baseline {
        of_known(vec![known("pitr-on", id, verdict, Level::Required)])
    }

    fn of_known(known: Vec<Known>) -> Baseline {
        let as_of = DateTime::from_timestamp(1_700_000_000, 0).expect("an instant");
        Baseline::new("scan".to_owned(), as_of, known.into_iter())
    }

    fn asked(rules: &[(&str, Level)]) -> Asked {
        let rules = rules.iter().map(|(rule, level)| ((*rule).to_owned(), *level));
        Asked::new(rules.collect(), BTreeMap::new(), BTreeSet::new())
    }

    fn compare_findings(baseline: &Baseline, findings: &[Finding]) -> Compared {
        compare(baseline, &Asked::default(), &[], findings)
    }

    /// The same demand is known only where every demand that fails now failed then.
    #[test]
    fn a_rule_that_was_not_asked_is_known_by_the_demands_that_it_took_over() {
        use Verdict::{NonCompliant, Unknown};
        let old = |rules: &[&str]| {
            let open = rules
                .iter()
                .map(|rule| known(rule, rule, "non-compliant", Level::Required));
            of_known(open.collect()).with(
                asked(&[
                    ("recovery-point-fresh", Level::Required),
                    ("recovery-point-retained", Level::Required),
                    ("recovery-point-encrypted", Level::Required),
                ]),
                BTreeMap::new(),
            )
        };
        for (then, now, wanted) in [
            (
                &["recovery-point-fresh"][..],
                &["recovery-point-fresh"][..],
                Since::Known,
            ),
            // Points were kept too short, and that is so; now none is made any more.
            (
                &["recovery-point-retained"],
                &["recovery-point-fresh", "recovery-point-retained"],
                Since::NewlyAsked,
            ),
            (
                &["recovery-point-fresh", "recovery-point-retained"],
                &["recovery-point-retained"],
                Since::Known,
            ),
            // One demand under two rules.
            (
                &["recovery-point-encrypted"],
                &["recovery-point-encrypted", "recovery-point-key-owner"],
                Since::Known,
            ),
            // Nothing says which demand fails, or another core rule asks it.
            (&["recovery-point-fresh"], &[], Since::NewlyAsked),
            (&["plan-frequent-enough"], &["plan-frequent-enough"], Since::NewlyAsked),
            (&[], &["recovery-point-fresh"], Since::NewlyAsked),
        ] {
            let mut findings: Vec<Finding> = now
                .iter()
                .map(|rule| of_rule(rule, rule, NonCompliant, false))
                .collect();
            let failing = now.iter().filter_map(|rule| demands_within("backed-up", rule));
            let failing = failing.fold(Demands::NONE, Demands::or);
            findings.push(Finding {
                failing: [failing].into(),
                ..of_rule("backed-up", "b", NonCompliant, false)
            });
            let compared = compare_findings(&old(then), &findings);
            assert_eq!(compared.since.get("b"), Some(&wanted), "{then:?} {now:?}");
        }
        let unknown = of_rule("backed-up", "b", Unknown, false);
        let compared = compare_findings(&old(&["recovery-point-fresh"]), &[unknown]);
        assert_eq!(compared.since.get("b"), Some(&Since::NewlyAsked));
    }

    #[test]
    fn a_core_rule_that_was_open_for_one_demand_is_new_by_another() {
        use crate::domain::Demand::{Fresh, Kept};
        let set = |demands: &[crate::domain::Demand]| -> Demands { demands.iter().copied().collect() };
        let open = |failing: &[Demands]| Finding {
            failing: failing.into(),
            ..of_rule("backed-up", "b", Verdict::NonCompliant, false)
        };
        let since = |then: &[Demands], now: &[Demands]| {
            let known = Known {
                failing_demands: words(then),
                ..known("backed-up", "b", "non-compliant", Level::Required)
            };
            compare_findings(&of_known(vec![known]), &[open(now)]).since["b"]
        };
        assert_eq!(since(&[set(&[Kept])], &[set(&[Kept])]), Since::Known);
        assert_eq!(since(&[set(&[Kept])], &[set(&[Fresh, Kept])]), Since::New);
        assert_eq!(since(&[set(&[Fresh, Kept])], &[set(&[Kept])]), Since::Known);
        assert_eq!(since(&[set(&[Kept])], &[set(&[Fresh]), set(&[Kept])]), Since::Known);
        assert_eq!(since(&[set(&[Kept])], &[]), Since::New);
        assert_eq!(since(&[], &[]), Since::Known);
    }

    #[test]
    fn what_only_advised_then_is_newly_required_and_ends_no_build() {
        let finding = finding("a", Verdict::NonCompliant, false);
        let advised = of_known(vec![known("pitr-on", "a", "non-compliant", Level::Advised)])
            .with(asked(&[("pitr-on", Level::Advised)]), BTreeMap::new());
        let now = asked(&[("pitr-on", Level::Required)]);
        let compared = compare(&advised, &now, &[], std::slice::from_ref(&finding));
        assert_eq!(compared.since(&finding), Some(Since::NewlyRequired));
        assert!(!Since::NewlyRequired.fails());
        assert_eq!((compared.open_count, compared.count(Since::NewlyRequired)), (0, 1));
        assert_eq!(compared.notes(), ["newly required: pitr-on (advised -> required)"]);
        // It held then: now it fails, whatever it counted for.
        let held = of_known(Vec::new()).with(asked(&[("pitr-on", Level::Advised)]), BTreeMap::new());
        let compared = compare(&held, &now, &[], std::slice::from_ref(&finding));
        assert_eq!(compared.since(&finding), Some(Since::New));
        assert_eq!(
            compare(&advised, &Asked::default(), &[], &[]).notes(),
            ["not asked any more: pitr-on (advised -> not asked)"]
        );
    }

    #[test]
    fn only_the_same_verdict_on_the_same_thing_is_known() {
        use Verdict::{Compliant, NonCompliant, Unknown};
        let by_name = id_by_name("pitr-on", ARN).expect("a table");
        for (known, verdict_then, now, verdict, waived, since) in [
            ("a", "non-compliant", "a", NonCompliant, false, Some(Since::Known)),
            ("a", "non-compliant", "b", NonCompliant, false, Some(Since::New)),
            ("a", "unknown", "a", NonCompliant, false, Some(Since::New)),
            ("a", "non-compliant", "a", Unknown, false, Some(Since::New)),
            ("a", "unknown", "a", Unknown, false, Some(Since::Known)),
            ("a", "non-compliant", "a", NonCompliant, true, None),
            ("a", "non-compliant", "a", Compliant, false, None),
            // One of the two scans could not describe the table.
            ("a", "non-compliant", &by_name, NonCompliant, false, Some(Since::Known)),
            (&by_name, "non-compliant", "a", NonCompliant, false, Some(Since::Known)),
        ] {
            let finding = finding(now, verdict, waived);
            let compared = compare_findings(&baseline(known, verdict_then), std::slice::from_ref(&finding));
            assert_eq!(
                compared.since(&finding),
                since,
                "{known} {verdict_then} {now} {verdict}"
            );
            assert_eq!(compared.open_count, usize::from(verdict_then == "non-compliant"));
        }
    }

    /// Ids that the short form does not tell are those that the findings have: by the id of the table, or by its name.
    #[test]
    fn findings_that_stand_in_their_table_are_read_with_their_ids() {
        let report = r#"{"schema_version": 4, "scan": {"id": "s", "as_of": "2026-11-01T12:00:00Z"}, "findings": [],
            "usual": {"facts": {"table_id": "usual-id"}},
            "outcomes": [{"rule": "r", "verdict": "unknown", "waived": false, "level": "advised", "message": ""},
                {"rule": "q", "verdict": "compliant", "waived": false, "level": "required", "message": ""}],
            "tables": [
                {"table_arn": "arn:aws:dynamodb:eu-west-1:111122223333:table/a", "facts": {"table_id": "own-id"},
                    "findings": [{"outcome": 0}, {"outcome": 1}]},
                {"table_arn": "arn:aws:dynamodb:eu-west-1:111122223333:table/b", "facts": {}, "findings": [{"outcome": 0}]},
                {"table_arn": "arn:aws:dynamodb:eu-west-1:111122223333:table/c", "facts": {"table_id": null},
                    "findings": [{"outcome": 0}]},
                {"table_arn": "arn:aws:dynamodb:eu-west-1:111122223333:table/d", "facts": {}, "findings": [{"outcome": 0, "id": "said"}]}]}"#;
        let read = baseline_of_file(report, "report.json").expect("a baseline");
        let id = |id: &str| finding_id("r", &["aws", "111122223333", "eu-west-1", id].map(str::to_owned));
        for known in [id("own-id"), id("usual-id"), id("c"), "said".to_owned()] {
            assert_eq!(
                read.known(&known).map(|known| known.level),
                Some(Level::Advised),
                "{known}"
            );
        }
        let q = finding_id("q", &["aws", "111122223333", "eu-west-1", "own-id"].map(str::to_owned));
        assert!(read.known(&q).is_none(), "good news");
        let lost = report.replace("\"outcome\": 1", "\"outcome\": 7");
        let problem = baseline_of_file(&lost, "report.json").expect_err("no such outcome");
        assert!(
            problem.why.contains("table/a: it names outcome 7, and there are 2"),
            "{problem}"
        );
    }

    #[test]
    fn a_report_is_read_and_damage_is_named() {
        let report = r#"{"schema_version": 1, "scan": {"id": "s", "as_of": "2026-11-01T12:00:00Z"}, "findings": [
            {"id": "a", "rule": "r", "resource_arn": "x", "verdict": "non-compliant", "waived": false},
            {"id": "b", "rule": "r", "resource_arn": "y", "verdict": "compliant", "waived": false},
            {"id": "c", "rule": "r", "resource_arn": "z", "verdict": "non-compliant", "waived": true}]}"#;
        let read = baseline_of_file(report, "report.json").expect("a baseline");
        assert_eq!(["a", "b", "c"].map(|id| read.known(id).is_some()), [true, false, false]);
        for (text, why) in [
            (
                report.replace(
                    "\"findings\"",
                    "\"tables\": [{\"table_arn\": \"t\", \"answers\": {\"backed_up\": \"fine\"}}], \"findings\"",
                ),
                "t: `fine` is no answer",
            ),
            (
                report.replace("\"rule\": \"r\"", "\"level\": \"mild\", \"rule\": \"r\""),
                "unknown variant `mild`",
            ),
            (
                report.replace("\"compliant\"", "\"fine\""),
                "`fine` of finding b is no verdict",
            ),
            (report[..120].to_owned(), "EOF"),
            ("[]".to_owned(), "invalid length"),
            ("{}".to_owned(), "missing field"),
        ] {
            let problem = baseline_of_file(&text, "report.json").expect_err(why);
            assert!(problem.why.contains(why), "{problem}");
        }
    }
}
