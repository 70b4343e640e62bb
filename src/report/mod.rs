//! What a report may say: one [`Report`] value, which every renderer gets and nothing more.
//!
//! A plain value. `judge` makes it, `render` turns it into bytes.

mod changes;
mod compared;
mod conclusion;
mod exceptions;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::dictionary::FactKey;
use crate::domain::{
    Answer, DayState, Demands, FactList, FactValue, Finding, Gap, Level, NullCause, Question, Severity, Subject,
    TargetId, Verdict, Window, rfc3339,
};
use crate::problem::count;

pub use crate::criteria::Origin;
pub use crate::criteria::frameworks::ControlRow;
use crate::criteria::levels::core_of;
pub use crate::criteria::policy::{Approval, Exceptions};
pub(crate) use changes::done;
pub use changes::{ChangeLine, ChangeOutcome, Stands};
pub(crate) use compared::{Compared, Lost, Since};
pub(crate) use conclusion::Conclusion;

/// Raised whenever a field of `report.json` changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 4;

/// Everything that a report may say.
#[derive(Debug, Clone)]
pub struct Report {
    /// Where the evidence comes from.
    pub scan: Scan,
    /// What was required of every table, as the policy says it: name and value.
    pub policy: Vec<(String, String)>,
    /// Who approved the policy, and when.
    pub approval: Approval,
    /// Who answers for the tables that fail it.
    pub exceptions: Exceptions,
    /// Tiers of the policy, in the order in which they are tried.
    pub tiers: Vec<TierLine>,
    /// Waivers, in the order of their file, whether they hold or not.
    pub waivers: Vec<WaiverLine>,
    /// The controls of the frameworks that were chosen.
    pub frameworks: Vec<FrameworkReport>,
    /// The rules that were applied, in order of id.
    pub rules: Vec<RuleLine>,
    /// Ids of rules that the policy requires and that did not run, in order; core rules are not told.
    pub left_out: Vec<String>,
    /// Sums over the rows below.
    pub totals: Totals,
    /// The days that [`TableRow::days`] tells of.
    pub window: Window,
    /// What was read and what could not be.
    pub coverage: Coverage,
    /// Every table that was listed, by ARN.
    pub tables: Vec<TableRow>,
    /// Every finding: on tables by ARN, then rule; then on recovery points, vaults, plans, targets, waivers and
    /// exemptions.
    pub findings: Vec<Finding>,
    /// Drills of tables in scope, by table, then time; those that do not count as well.
    pub drills: Vec<DrillLine>,
    /// Which findings are new since an earlier scan; none if it was not compared with one.
    pub baseline: Option<Compared>,
    /// What was done since an earlier scan, and what came of it; empty: nobody said.
    pub changes: Vec<ChangeLine>,
}

/// One drill: a restore made to prove that it works, out of the pack that `drill` made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct DrillLine {
    /// The table.
    pub table_arn: String,
    /// Its name.
    pub table_name: String,
    /// Where it lives.
    pub target: TargetId,
    /// What the drill showed, such as `identical`.
    pub verdict: String,
    /// What the job or the comparison said, untrusted text; empty: nothing.
    pub detail: String,
    /// When it was made.
    pub tested_at: DateTime<Utc>,
    /// From the order to the last index ACTIVE, in seconds; none: it never was.
    pub restore_seconds: Option<u64>,
    /// The longest restore that the policy of then allowed, in seconds; none: it set none.
    pub rto_seconds: Option<u64>,
    /// The recovery point that was restored.
    pub point_arn: String,
    /// AWS's restore job; none: none was begun.
    pub job_id: Option<String>,
    /// The run of `drill`, and the number of the drill in it.
    pub run_id: String,
    /// From 1.
    pub number: i64,
    /// SHA-256 of the manifest of its pack.
    pub manifest_sha256: String,
    /// Where that was read.
    pub source: String,
    /// As whom its signature is trusted; none: it is not.
    pub signer: Option<String>,
    /// Why it does not count as evidence; none: it does.
    pub why_not: Option<String>,
}

impl DrillLine {
    /// What it showed and in what time, for people.
    pub(crate) fn words(&self) -> String {
        let showed = match self.verdict.as_str() {
            "failed" => "the restore failed",
            "different" => "restored, and not what the point had to hold",
            "not-tested" => "not tested",
            "not-comparable" => "restored; not comparable",
            "sample-equal" => "restored; the items of a sample are equal",
            "equal-but-for-changes" => "restored; equal except for items changed since the point",
            "identical" => "restored; identical",
            other => other,
        };
        let minutes =
            |seconds: u64| crate::duration::age(chrono::TimeDelta::seconds(i64::try_from(seconds).unwrap_or(0)));
        match (self.restore_seconds, self.rto_seconds) {
            (Some(took), Some(limit)) if took > limit => {
                format!(
                    "{showed}, in {}, later than the RTO of then ({})",
                    minutes(took),
                    minutes(limit)
                )
            }
            (Some(took), _) => format!("{showed}, in {}", minutes(took)),
            (None, _) => showed.to_owned(),
        }
    }

    /// Whether it counts, and by whom or why not.
    pub(crate) fn standing(&self) -> String {
        match (&self.why_not, &self.signer) {
            (Some(why), _) => format!("does not count: {why}"),
            (None, Some(signer)) => format!("counts; signed by {signer}"),
            (None, None) => "counts".to_owned(),
        }
    }
}

/// One tier of the policy.
#[derive(Debug, Clone)]
pub struct TierLine {
    /// Its name.
    pub name: String,
    /// Its condition, as written.
    pub when: String,
    /// The values that it sets itself.
    pub values: Vec<(String, String)>,
    /// The tables of this tier need no backup.
    pub exemption: Option<ExemptionLine>,
    /// Rules that count for something else on its tables than elsewhere.
    pub levels: BTreeMap<String, Level>,
    /// Tables that it takes for certain.
    pub table_count: usize,
}

/// Why tables need no backup.
#[derive(Debug, Clone)]
pub struct ExemptionLine {
    /// The reason; empty if none is given.
    pub reason: String,
    /// Who approved it; empty if nobody is named.
    pub approver: String,
    /// When it ends; none if that is not said.
    pub expires_at: Option<DateTime<Utc>>,
    /// Tables that it may exempt at most; none if that is not said.
    pub max_tables: Option<usize>,
    /// It has a reason, an approver, an end within a year and a number of tables, and takes no more of them.
    pub is_in_force: bool,
}

/// One waiver and what became of it.
#[derive(Debug, Clone)]
pub struct WaiverLine {
    /// Its ticket, or its place in the file.
    pub id: String,
    /// The rule that it waives.
    pub rule: String,
    /// The demands of that rule that it excuses; none where the rule has none, or it names none.
    pub demands: Demands,
    /// Pattern of the tables it is for.
    pub tables: String,
    /// Why the finding is accepted.
    pub reason: String,
    /// What is done instead; empty if the file does not say.
    pub compensating_control: String,
    /// Who asked for it.
    pub requester: String,
    /// Who approved it.
    pub approver: String,
    /// When it was approved.
    pub approved_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// The ticket; empty if there is none.
    pub ticket: String,
    /// Tables that its pattern matches.
    pub table_count: usize,
    /// Findings that it is for.
    pub finding_count: usize,
    /// It waives them.
    pub is_in_force: bool,
}

impl WaiverLine {
    /// The rule that it waives, and the demands of it that it excuses: `backed-up: kept, locked`.
    pub(crate) fn what(&self) -> String {
        match self.demands.is_empty() {
            true => self.rule.clone(),
            false => format!("{}: {}", self.rule, self.demands.words().join(", ")),
        }
    }

    /// Who accepts what, why and for how long, in one sentence.
    pub(crate) fn sentence(&self) -> String {
        let instead = match self.compensating_control.as_str() {
            "" => String::new(),
            control => format!("; instead: {control}"),
        };
        format!(
            "waived by {} until {}, approved by {}: {}{instead}",
            self.id,
            rfc3339(self.expires_at),
            self.approver,
            self.reason
        )
    }
}

/// The controls of one framework, with what the rules say of each.
#[derive(Debug, Clone)]
pub struct FrameworkReport {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: String,
    /// Its version.
    pub version: String,
    /// Whose it is.
    pub origin: Origin,
    /// Where the organisation's policy asks for less than the framework, which is judged by its own numbers.
    pub laxer: Vec<String>,
    /// Its controls, in the order of the framework.
    pub controls: Vec<ControlRow>,
}

/// Provenance of the evidence.
#[derive(Debug, Clone)]
pub struct Scan {
    /// Digest that names this scan.
    pub id: String,
    /// The instant from which every age is measured, by AWS's clock.
    pub as_of: DateTime<Utc>,
    /// Start of collecting.
    pub started_at: DateTime<Utc>,
    /// End of collecting.
    pub finished_at: DateTime<Utc>,
    /// Who asked, as AWS names the caller.
    pub caller_arn: String,
    /// Version of this program.
    pub tool_version: String,
    /// Calls that were sent to AWS, retries included.
    pub call_count: u64,
    /// SHA-256 over the evidence that this report rests on; it names the evidence on every page that is printed alone.
    pub evidence_digest: String,
}

/// A rule, as far as a report names it.
#[derive(Debug, Clone)]
pub struct RuleLine {
    /// The rule's id.
    pub id: String,
    /// What it judges.
    pub subject: Subject,
    /// Whose it is.
    pub origin: Origin,
    /// The good state, as a statement.
    pub title: String,
    /// How much a violation matters.
    pub severity: Severity,
    /// The question that it is evidence for.
    pub question: Question,
    /// What it counts for where no tier says otherwise.
    pub level: Level,
    /// It answers its question, in the program's own words.
    pub is_core: bool,
    /// What to do about a violation.
    pub remedy: String,
    /// What the rule rests on and where it comes from.
    pub rationale: String,
    /// When it asks at all, as written; empty: always.
    pub applies: String,
    /// The condition of the good state, as written.
    pub compliant: String,
    /// The facts that its messages name, in order.
    pub tells: Vec<String>,
    /// The facts that its conditions read, in order: the evidence of its findings.
    pub reads: Vec<String>,
}

/// Sums. Each equals a count over the rows of the report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Tables in the report.
    pub tables: usize,
    /// Tables by their verdict.
    pub tables_by_verdict: BTreeMap<Answer, usize>,
    /// Tables by the answer to each question.
    pub tables_by_answer: BTreeMap<Question, BTreeMap<Answer, usize>>,
    /// Findings in the report.
    pub findings: usize,
    /// Findings by verdict.
    pub findings_by_verdict: BTreeMap<Verdict, usize>,
    /// Required findings that are non-compliant and that no waiver covers, by severity.
    pub non_compliant_by_severity: BTreeMap<Severity, usize>,
    /// Advised findings that are non-compliant and that no waiver covers, by severity.
    pub advised_by_severity: BTreeMap<Severity, usize>,
    /// Findings under a waiver.
    pub waived: usize,
}

/// What was read and what could not be: listed = described + vanished + unknown, asked = scanned + failed.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Accounts in scope, in order of id.
    pub accounts: Vec<AccountCoverage>,
    /// Targets in scope, in order.
    pub targets: Vec<TargetCoverage>,
    /// Tables that ListTables named.
    pub tables_listed: usize,
    /// Tables that DescribeTable described.
    pub tables_described: usize,
    /// Tables that were gone between list and description.
    pub tables_vanished: usize,
    /// Tables whose description could not be read.
    pub tables_unknown: usize,
    /// The Regions were neither named nor could they be listed: others may hold tables that nobody looked at.
    pub regions_unknown: bool,
    /// Everything that could not be read, in order of target.
    pub gaps: Vec<Gap>,
    /// What was not asked, a sentence each: core rules that settings switch off, rules of the program that did not run, and what
    /// they would take.
    pub not_asked: Vec<String>,
    /// Those of them that are about core rules: of how many tables nobody asked whether they are in a plan or backed up.
    pub switched_off: Vec<String>,
}

/// One account of the scope.
#[derive(Debug, Clone)]
pub struct AccountCoverage {
    /// Twelve digits.
    pub account_id: String,
    /// The name given in the configuration; empty if none was.
    pub name: String,
    /// `scanned`, `partly` or `not-read`.
    pub status: &'static str,
}

/// One target of the scope.
#[derive(Debug, Clone)]
pub struct TargetCoverage {
    /// Account and Region.
    pub target: TargetId,
    /// `scanned` (no gap), `partly` (some gap) or `not-read` (its tables could not be listed).
    pub status: &'static str,
    /// Tables listed here; `None` if the list could not be read whole.
    pub tables_listed: Option<usize>,
    /// Tables described here.
    pub tables_described: usize,
    /// Calls sent to this target.
    pub call_count: u64,
    /// How many gaps it has.
    pub gap_count: usize,
}

/// One table with every fact on it.
#[derive(Debug, Clone)]
pub struct TableRow {
    /// The table.
    pub table_arn: String,
    /// Its name.
    pub table_name: String,
    /// Where it lives.
    pub target: TargetId,
    /// The worst of what is required of it; compliant only if it is in a plan and backed up, and both were asked.
    pub verdict: Answer,
    /// The answer to each question, in the order of [`Question::ALL`].
    pub answers: [Answer; 4],
    /// Id of each framework that was chosen, its verdict and its answers, by the framework's own numbers.
    pub answers_by_framework: Vec<(Arc<str>, Answer, [Answer; 4])>,
    /// Every fact, in the order of the dictionary.
    pub facts: Arc<FactList>,
    /// One state for each day of [`Report::window`]; empty if recovery points were not looked at, or if the policy asks
    /// for none: the table is exempt, was made by a restore test, or is not ACTIVE.
    pub days: Vec<DayState>,
}

impl TableRow {
    /// The answer to a question.
    pub fn answer(&self, question: Question) -> Answer {
        self.answers[question.place()]
    }

    /// The value of a fact; not asked if it is not in the report.
    pub fn fact(&self, key: FactKey) -> &FactValue {
        self.column(key.name())
    }

    /// The value under a name that a row of this report carries; not asked if this row does not.
    pub fn column(&self, name: &str) -> &FactValue {
        let place = self.facts.place(name);
        let found = place.and_then(|place| self.facts.get(place));
        found.map_or(&FactValue::Null(NullCause::NotAsked), |(_, value)| value)
    }
}

impl Report {
    /// Is evidence missing that a required verdict needs, or that would show more tables? A gap that touches neither leaves
    /// the outcome alone.
    pub fn is_evidence_missing(&self) -> bool {
        let is_unknown =
            |finding: &Finding| finding.verdict == Verdict::Unknown && !finding.waived && finding.is_required();
        self.coverage.regions_unknown
            || self
                .coverage
                .targets
                .iter()
                .any(|target| target.tables_listed.is_none())
            || self.findings.iter().any(is_unknown)
    }

    /// The name that the settings give an account, or its id.
    pub(crate) fn account_name<'r>(&'r self, account_id: &'r str) -> &'r str {
        let mut accounts = self.coverage.accounts.iter();
        let found = accounts.find(|account| account.account_id == account_id && !account.name.is_empty());
        found.map_or(account_id, |account| &account.name)
    }

    /// A target in words: the account's id, its name where the settings give one, and the Region.
    pub(crate) fn place(&self, target: &TargetId) -> String {
        let id = &target.account_id;
        match self.account_name(id) {
            name if name == id => format!("{id}, {}", target.region),
            name => format!("{id} {name}, {}", target.region),
        }
    }

    /// The rule of that id.
    pub(crate) fn rule(&self, id: &str) -> Option<&RuleLine> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// The waivers that cover a finding: one, or several that excuse between them what fails.
    pub(crate) fn waivers_of(&self, finding: &Finding) -> Vec<&WaiverLine> {
        let ids = finding.waivers.iter();
        ids.filter_map(|id| self.waivers.iter().find(|waiver| waiver.id == **id))
            .collect()
    }

    /// Why a waived finding is accepted, in one sentence.
    pub(crate) fn why_waived(&self, finding: &Finding) -> String {
        let sentences: Vec<String> = self.waivers_of(finding).into_iter().map(WaiverLine::sentence).collect();
        match sentences[..] {
            [] => "waived".to_owned(),
            _ => sentences.join("; and "),
        }
    }

    /// The controls that each rule gives evidence for, as `framework control`, in order of framework.
    pub(crate) fn controls_by_rule(&self) -> BTreeMap<&str, Vec<String>> {
        let mut controls: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for framework in &self.frameworks {
            for control in &framework.controls {
                for rule in &control.rules {
                    let name = format!("{} {}", framework.id, control.id);
                    controls.entry(rule).or_default().push(name);
                }
            }
        }
        controls
    }

    /// What judged and is not the program's own: a sentence each for rules that differ from its rules of the same id, rules
    /// that it does not have, and frameworks. Empty: everything is the program's.
    pub(crate) fn foreign(&self) -> Vec<String> {
        let rules = |origin: Origin| {
            let of = self.rules.iter().filter(move |rule| rule.origin == origin);
            of.map(|rule| rule.id.as_str()).collect::<Vec<_>>()
        };
        let frameworks = |origin: Origin| {
            let of = self
                .frameworks
                .iter()
                .filter(move |framework| framework.origin == origin);
            of.map(|framework| framework.id.as_str()).collect::<Vec<_>>()
        };
        let differ = |noun: &str, ids: &[&str]| {
            let (verb, whose) = if ids.len() == 1 {
                ("differs", "that")
            } else {
                ("differ", "those")
            };
            let (what, named) = (count(ids.len(), noun), first(ids));
            format!("{what} {verb} from {whose} of {PROGRAM} under the same id: {named}.")
        };
        let own = |noun: &str, ids: &[&str]| {
            let is = if ids.len() == 1 { "is" } else { "are" };
            format!("{} {is} not of {PROGRAM}: {}.", count(ids.len(), noun), first(ids))
        };
        let sentences = [
            (rules(Origin::Changed), differ as fn(&str, &[&str]) -> String, "rule"),
            (rules(Origin::Own), own, "rule"),
            (frameworks(Origin::Changed), differ, "framework"),
            (frameworks(Origin::Own), own, "framework"),
        ];
        let said = sentences.into_iter().filter(|(ids, ..)| !ids.is_empty());
        said.map(|(ids, say, noun)| say(noun, &ids)).collect()
    }

    /// Where a finding stands against the baseline; none without one, and for findings that say nothing bad.
    pub(crate) fn since(&self, finding: &Finding) -> Option<Since> {
        self.baseline.as_ref().and_then(|baseline| baseline.since(finding))
    }

    /// Required findings that are non-compliant and that no waiver covers.
    pub(crate) fn open_findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.is_open() && finding.is_required())
    }

    /// Advised findings that are non-compliant and that no waiver covers.
    pub(crate) fn advised_findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.is_open() && !finding.is_required())
    }

    /// Was a question asked, of tables that policy and state leave it to? Not if a core rule did not run, or is not required.
    pub(crate) fn is_asked(&self, question: Question) -> bool {
        let core = core_of(question);
        let runs = |id: &String| {
            let mut rules = self.rules.iter();
            rules.any(|rule| rule.id == *id && rule.is_core && rule.level == Level::Required)
        };
        !core.is_empty() && core.iter().all(runs)
    }

    /// Was it asked whether tables are in a plan and backed up?
    pub(crate) fn asks_for_backups(&self) -> bool {
        self.is_asked(Question::InAPlan) && self.is_asked(Question::BackedUp)
    }

    /// Did none of the rules run that would answer a control with advice?
    pub(crate) fn has_left_out(&self, control: &ControlRow) -> bool {
        let has_run = |id: &String| self.rules.iter().any(|rule| rule.id == *id);
        control.answered == "advised" && !control.advised.iter().any(has_run)
    }

    /// What was not asked, so that this report may not call tables compliant; none where it asked for backups, and for
    /// everything else that the policy requires.
    pub(crate) fn not_asked(&self) -> Option<String> {
        if !self.asks_for_backups() {
            return Some("whether tables are backed up was not asked".to_owned());
        }
        let left_out: Vec<&str> = self.left_out.iter().map(String::as_str).collect();
        let (noun, was) = match left_out[..] {
            [] => return None,
            [_] => ("rule", "was"),
            _ => ("rules", "were"),
        };
        Some(format!(
            "{noun} that the policy requires {was} left out: {}",
            first(&left_out)
        ))
    }
}

/// This program.
const PROGRAM: &str = concat!("backproof ", env!("CARGO_PKG_VERSION"));

/// The first few names of a list, and how many follow.
fn first(names: &[&str]) -> String {
    const NAMED: usize = 5;
    let named = names[..names.len().min(NAMED)].join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

impl Totals {
    /// Counts the rows.
    pub fn of(tables: &[TableRow], findings: &[Finding]) -> Self {
        let mut totals = Self {
            tables: tables.len(),
            findings: findings.len(),
            ..Self::default()
        };
        for answer in Answer::ALL {
            let of = |is: &dyn Fn(&TableRow) -> bool| tables.iter().filter(|table| is(table)).count();
            totals
                .tables_by_verdict
                .insert(answer, of(&|table| table.verdict == answer));
            for question in Question::ALL {
                let answers = totals.tables_by_answer.entry(question).or_default();
                answers.insert(answer, of(&|table| table.answer(question) == answer));
            }
        }
        for verdict in Verdict::ALL {
            let of_verdict = findings.iter().filter(|finding| finding.verdict == verdict).count();
            totals.findings_by_verdict.insert(verdict, of_verdict);
        }
        for severity in Severity::ALL {
            let open = findings
                .iter()
                .filter(|finding| finding.is_open() && finding.severity == severity);
            let (required, advised): (Vec<_>, Vec<_>) = open.partition(|finding| finding.is_required());
            totals.non_compliant_by_severity.insert(severity, required.len());
            totals.advised_by_severity.insert(severity, advised.len());
        }
        totals.waived = findings.iter().filter(|finding| finding.waived).count();
        totals
    }
}
