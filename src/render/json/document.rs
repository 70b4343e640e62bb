//! What `report.json` holds: its own structs, with the words that its schema shows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::domain::{
    Answer, DayState, Demand, Evidence, FactList, FactName, FactValue, GapKind, Level, Question, Severity, Subject,
    Verdict, rfc3339,
};
use crate::report::{Origin, Report};

use super::changes::Change;
use super::short::Short;

/// What backproof found: every table, findings with their evidence, and what could not be read.
///
/// A fact without a value is null, and `causes` says why. Instants are RFC 3339 in UTC; numbers have at most six decimals.
///
/// `report.json` says nothing twice. What findings on tables say stands once in `outcomes`, and each table names those of its
/// own. A table's facts are those of `usual` and, over them, its own; a finding on a table rests on the facts of that table that
/// `rules[].reads` names; and of rules that only advise, findings that are compliant or not applicable are counts
/// (`rules[].unlisted`). Facts that no rule reads are in `tables.parquet`. `report-all.json` (`--format json-all`) says everything
/// where it belongs.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "backproof report", extend("$id" = "urn:backproof:schema:report:4"))]
pub(super) struct Document<'r> {
    /// Raised whenever a field is removed or changes its meaning; new fields may come without.
    pub(super) schema_version: u32,
    /// Where the evidence comes from.
    pub(super) scan: Scan<'r>,
    /// What was required of every table: name and value.
    pub(super) policy: Pairs<'r>,
    /// Who approved the policy, as the settings say; null if they do not.
    pub(super) approval: Option<Approval<'r>>,
    /// Tables that need action, worst first: since when, and who answers for them.
    pub(super) exceptions: Vec<Exception>,
    /// Tiers of the policy, in the order in which they are tried.
    pub(super) tiers: Vec<Tier<'r>>,
    /// Waivers, in the order of their file, whether they hold or not.
    pub(super) waivers: Vec<Waiver<'r>>,
    /// The frameworks that were chosen, each with its controls.
    pub(super) frameworks: Vec<Framework<'r>>,
    /// The rules that were applied, in order of id.
    pub(super) rules: Vec<Rule<'r>>,
    /// Ids of rules that the policy requires and that did not run, core rules left out: with one of them no table is compliant.
    pub(super) rules_left_out: &'r [String],
    /// Sums over the rows below.
    pub(super) totals: Totals,
    /// The days that `tables[].days` tells of.
    pub(super) window: Window,
    /// What was read and what could not be: listed = described + vanished + unknown.
    pub(super) coverage: Coverage<'r>,
    /// What most tables have, so that it need not stand in each; null in `report-all.json`.
    pub(super) usual: Option<Usual<'r>>,
    /// What findings on tables say, each once: `tables[].findings` names them by their place here, from 0. Left out of
    /// `report-all.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Outcome<'static>>>")]
    pub(super) outcomes: Option<Outcomes<'r>>,
    /// Every table that was listed, by ARN.
    #[schemars(with = "Vec<Table<'static>>")]
    pub(super) tables: Tables<'r>,
    /// Drills of tables in scope, by table, then time; those that do not count as well. Empty: none was given to the scan.
    pub(super) drills: Vec<OneDrill<'r>>,
    /// What is new since an earlier scan; null if the report was not compared with one.
    pub(super) baseline: Option<Baseline<'r>>,
    /// What was done since an earlier scan (`scan --after`): each action of a plan, the findings that it was for, and how they stand
    /// now. Left out where nobody said that anything was done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) changes: Vec<Change<'r>>,
    /// Every finding that is not about a table of `tables`; in `report-all.json` every finding.
    #[schemars(with = "Vec<OneFinding<'static>>")]
    pub(super) findings: Findings<'r>,
}

/// A restore made to prove that it works, out of the pack that `drill` made of it.
#[derive(Serialize, JsonSchema)]
pub(super) struct OneDrill<'r> {
    /// ARN of the table.
    pub(super) table_arn: &'r str,
    /// Account of the table.
    pub(super) account_id: &'r str,
    /// Region of the table.
    pub(super) region: &'r str,
    /// What it showed.
    #[schemars(extend("enum" = ["failed", "different", "not-tested", "not-comparable", "sample-equal", "equal-but-for-changes", "identical"]))]
    pub(super) verdict: &'r str,
    /// What the job or the comparison said, untrusted text; empty: nothing.
    pub(super) detail: &'r str,
    /// When it was made.
    #[schemars(extend("format" = "date-time"))]
    pub(super) tested_at: String,
    /// From the order to the last index ACTIVE, in seconds; null: it never was.
    pub(super) restore_seconds: Option<u64>,
    /// The longest restore that the policy of then allowed, in seconds; null: it set none.
    pub(super) rto_seconds: Option<u64>,
    /// The recovery point that was restored.
    pub(super) point_arn: &'r str,
    /// AWS's restore job; null: none was begun.
    pub(super) job_id: Option<&'r str>,
    /// The run of `drill`.
    pub(super) run_id: &'r str,
    /// Number of the drill in its run, from 1.
    pub(super) number: i64,
    /// SHA-256 of the manifest of its pack.
    pub(super) manifest_sha256: &'r str,
    /// Where that was read.
    pub(super) source: &'r str,
    /// As whom its signature is trusted; null: it is not.
    pub(super) signer: Option<&'r str>,
    /// It counts as evidence of a restore.
    pub(super) counts: bool,
    /// Why it does not; null: it does.
    pub(super) why_not: Option<&'r str>,
}

/// Tables, each made when it is its turn.
pub(super) struct Tables<'r>(pub(super) &'r Report, pub(super) Option<Rc<Short<'r>>>);

impl Serialize for Tables<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(report, short) = self;
        let tables = report.tables.iter().enumerate();
        serializer.collect_seq(tables.map(|(place, table)| Table::of(table, place, short.as_deref())))
    }
}

/// What findings on tables say, each made when it is its turn.
pub(super) struct Outcomes<'r>(pub(super) &'r Report, pub(super) Rc<Short<'r>>);

impl Serialize for Outcomes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(report, short) = self;
        serializer.collect_seq(
            short
                .outcomes
                .iter()
                .map(|first| Outcome::of(first, report.since(first))),
        )
    }
}

/// Findings, each made when it is its turn.
pub(super) struct Findings<'r>(pub(super) &'r Report, pub(super) Option<Rc<Short<'r>>>);

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(report, short) = self;
        let one = |finding| OneFinding::of(finding, report.since(finding));
        match short {
            None => serializer.collect_seq(report.findings.iter().map(one)),
            Some(short) => serializer.collect_seq(short.others.iter().copied().map(one)),
        }
    }
}

/// What most tables have.
#[derive(Serialize, JsonSchema)]
pub(super) struct Usual<'r> {
    /// Facts that hold of each table whose own `facts` do not name them.
    pub(super) facts: Facts<'r>,
    /// Why those are null that are, unless a table's own `causes` say otherwise.
    pub(super) causes: Causes<'r>,
}

/// Who approved the policy. Neither AWS nor backproof checks that.
#[derive(Serialize, JsonSchema)]
pub(super) struct Approval<'r> {
    /// The person or the body; empty if nobody is named.
    pub(super) approved_by: &'r str,
    /// The day; null if none is named.
    #[schemars(extend("format" = "date"))]
    pub(super) approved_on: Option<String>,
    /// The document, minutes or ticket that shows it; empty if none is named.
    pub(super) reference: &'r str,
    /// The day by which the policy is to be looked at again; null if none is named.
    #[schemars(extend("format" = "date"))]
    pub(super) review_by: Option<String>,
}

/// A table that needs action.
#[derive(Serialize, JsonSchema)]
pub(super) struct Exception {
    /// The table.
    pub(super) table_arn: String,
    /// Since when it is without a recovery point that meets the policy; null if it is not, or if that cannot be told.
    #[schemars(extend("format" = "date-time"))]
    pub(super) exposed_since: Option<String>,
    /// Who answers for it: by its tag, else by the settings; null if neither says.
    pub(super) owner: Option<String>,
    /// The day by which it is to be put right; null if none is named.
    #[schemars(extend("format" = "date"))]
    pub(super) due_on: Option<String>,
}

/// A report against an earlier scan.
#[derive(Serialize, JsonSchema)]
pub(super) struct Baseline<'r> {
    /// Digest that names the earlier scan.
    pub(super) scan_id: &'r str,
    /// The instant from which its ages are measured.
    #[schemars(extend("format" = "date-time"))]
    pub(super) as_of: String,
    /// Required non-compliant findings then that no waiver covered.
    pub(super) open_then: usize,
    /// Such findings now that were none then.
    pub(super) new: usize,
    /// Such findings now that were so then, under their own rule or, each demand that fails, under one that asks it alone.
    pub(super) known: usize,
    /// Such findings now of rules that were not asked then, and whose demands were not known to fail.
    pub(super) newly_asked: usize,
    /// Such findings now that said the same then and only advised.
    pub(super) newly_required: usize,
    /// Rules that count for something else than then.
    pub(super) shifts: Vec<LevelShift<'r>>,
    /// Answers of then that are not asked for any more. None of these tables has improved.
    pub(super) answers_lost: Vec<LostAnswer<'r>>,
}

/// A rule that counts for something else than in the earlier scan.
#[derive(Serialize, JsonSchema)]
pub(super) struct LevelShift<'r> {
    /// The rule.
    pub(super) rule: &'r str,
    /// The tier for whose tables alone it changed; null: for all that no tier says otherwise of.
    pub(super) tier: Option<&'r str>,
    /// What that means.
    #[schemars(extend("enum" = ["weakened", "newly-asked", "newly-required", "dropped"]))]
    pub(super) kind: &'static str,
    /// What it counted for; `off`: it was not asked.
    #[schemars(schema_with = "levels")]
    pub(super) before: &'static str,
    /// What it counts for; `off`: it is not asked.
    #[schemars(schema_with = "levels")]
    pub(super) after: &'static str,
}

/// An answer that is not asked for any more.
#[derive(Serialize, JsonSchema)]
pub(super) struct LostAnswer<'r> {
    /// The table.
    pub(super) table_arn: &'r str,
    /// What was asked.
    #[schemars(schema_with = "questions")]
    pub(super) question: &'static str,
    /// What the answer was.
    #[schemars(schema_with = "answers")]
    pub(super) before: &'static str,
}

/// Provenance of the evidence.
#[derive(Serialize, JsonSchema)]
pub(super) struct Scan<'r> {
    /// Digest that names the scan.
    pub(super) id: &'r str,
    /// The instant from which every age is measured, by AWS's clock.
    #[schemars(extend("format" = "date-time"))]
    pub(super) as_of: String,
    /// Start of collecting.
    #[schemars(extend("format" = "date-time"))]
    pub(super) started_at: String,
    /// End of collecting.
    #[schemars(extend("format" = "date-time"))]
    pub(super) finished_at: String,
    /// Who asked, as AWS names the caller.
    pub(super) caller_arn: &'r str,
    /// Version of backproof.
    pub(super) tool_version: &'r str,
    /// Calls that were sent to AWS, retries included.
    pub(super) call_count: u64,
    /// SHA-256 over the evidence that this report rests on.
    pub(super) evidence_digest: &'r str,
}

/// Days of UTC that end with the day of `as_of`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Window {
    /// The first day; null if no day was looked at.
    #[schemars(extend("format" = "date"))]
    pub(super) first: Option<String>,
    /// How many days there are.
    pub(super) days: usize,
}

/// A rule.
#[derive(Serialize, JsonSchema)]
pub(super) struct Rule<'r> {
    /// Its id.
    pub(super) id: &'r str,
    /// What it judges.
    #[schemars(schema_with = "subjects")]
    pub(super) subject: &'static str,
    /// Whose it is: the program's word for word, one that differs from the program's of that id, or one of its own.
    #[schemars(schema_with = "origins")]
    pub(super) origin: &'static str,
    /// The good state, as a statement.
    pub(super) title: &'r str,
    /// How much a violation matters.
    #[schemars(schema_with = "severities")]
    pub(super) severity: &'static str,
    /// The question that it is evidence for.
    #[schemars(schema_with = "questions")]
    pub(super) question: &'static str,
    /// What it counts for where no tier says otherwise.
    #[schemars(schema_with = "levels")]
    pub(super) level: &'static str,
    /// It answers its question, in the program's own words.
    pub(super) is_core: bool,
    /// What to do about a violation.
    pub(super) remedy: &'r str,
    /// The facts that it reads, in order; they are the evidence of its findings.
    pub(super) reads: Vec<&'r str>,
    /// Findings of it on tables that no table names; null in `report-all.json`.
    pub(super) unlisted: Option<Unlisted>,
}

/// Findings that are good news of a rule that only advises.
#[derive(Serialize, JsonSchema, Default, Clone, Copy)]
pub(super) struct Unlisted {
    /// Tables that comply.
    pub(super) compliant: usize,
    /// Tables of which the rule does not ask.
    pub(super) not_applicable: usize,
}

/// One tier of the policy.
#[derive(Serialize, JsonSchema)]
pub(super) struct Tier<'r> {
    /// Its name.
    pub(super) name: &'r str,
    /// Its condition, as written.
    pub(super) when: &'r str,
    /// The values that it sets itself.
    pub(super) values: Pairs<'r>,
    /// The tables of this tier need no backup; null: they do.
    pub(super) exemption: Option<Exemption<'r>>,
    /// Rules that count for something else on its tables than elsewhere: `required`, `advised` or `off`.
    #[schemars(with = "BTreeMap<String, String>")]
    pub(super) levels: &'r BTreeMap<String, Level>,
    /// Tables that it takes for certain.
    pub(super) table_count: usize,
}

/// Why tables need no backup.
#[derive(Serialize, JsonSchema)]
pub(super) struct Exemption<'r> {
    /// The reason; empty if none is given.
    pub(super) reason: &'r str,
    /// Who approved it; empty if nobody is named.
    pub(super) approver: &'r str,
    /// When it ends; null if that is not said.
    #[schemars(extend("format" = "date-time"))]
    pub(super) expires_at: Option<String>,
    /// Tables that it may exempt at most; null if that is not said.
    pub(super) max_tables: Option<usize>,
    /// It has a reason, an approver and an end that has not passed, and takes no more tables than it may.
    pub(super) is_in_force: bool,
}

/// One waiver and what became of it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Waiver<'r> {
    /// Its ticket, or its place in the file.
    pub(super) id: &'r str,
    /// The rule that it waives.
    pub(super) rule: &'r str,
    /// The demands of that rule that it excuses; empty where the rule has none, or the waiver names none.
    #[schemars(schema_with = "demands")]
    pub(super) demands: Vec<&'static str>,
    /// Pattern of the tables it is for.
    pub(super) tables: &'r str,
    /// Why the finding is accepted.
    pub(super) reason: &'r str,
    /// What is done instead; empty if the file does not say.
    pub(super) compensating_control: &'r str,
    /// Who asked for it.
    pub(super) requester: &'r str,
    /// Who approved it.
    pub(super) approver: &'r str,
    /// When it was approved.
    #[schemars(extend("format" = "date-time"))]
    pub(super) approved_at: String,
    /// When it ends.
    #[schemars(extend("format" = "date-time"))]
    pub(super) expires_at: String,
    /// The ticket; empty if there is none.
    pub(super) ticket: &'r str,
    /// Tables that its pattern matches.
    pub(super) table_count: usize,
    /// Findings that it is for.
    pub(super) finding_count: usize,
    /// It waives them.
    pub(super) is_in_force: bool,
}

/// The controls of one framework, with what the rules say of each.
#[derive(Serialize, JsonSchema)]
pub(super) struct Framework<'r> {
    /// Its id.
    pub(super) id: &'r str,
    /// Its name.
    pub(super) title: &'r str,
    /// Its version.
    pub(super) version: &'r str,
    /// Whose it is: the program's word for word, one that differs from the program's of that id, or one of its own.
    #[schemars(schema_with = "origins")]
    pub(super) origin: &'static str,
    /// Where the organisation's policy asks for less than the framework, which is judged by its own numbers.
    pub(super) laxer: Vec<&'r str>,
    /// Its controls, in the order of the framework.
    pub(super) controls: Vec<Control<'r>>,
}

/// One control.
#[derive(Serialize, JsonSchema)]
pub(super) struct Control<'r> {
    /// Its id, as the framework writes it.
    pub(super) id: &'r str,
    /// The questions it asks.
    pub(super) question: &'r str,
    /// `direct` or `supporting`.
    pub(super) relation: &'r str,
    /// How the id was verified.
    pub(super) letter: &'r str,
    /// What it asks.
    pub(super) asks: &'r str,
    /// Where it applies, if not everywhere.
    pub(super) only_if: &'r str,
    /// What answers it: `rules`, `coverage`, `waivers`, `evidence`, `advised` (no value is fixed) or `none`.
    pub(super) answered: &'r str,
    /// Rules that decide it.
    pub(super) rules: Vec<&'r str>,
    /// Rules that give evidence for it and decide nothing.
    pub(super) advised: Vec<&'r str>,
    /// Non-compliant findings of those that no waiver covers.
    pub(super) advised_open: usize,
    /// The worst verdict of those rules; null if no rule answers it or none was applied.
    #[schemars(schema_with = "verdict_or_null")]
    pub(super) verdict: Option<&'static str>,
    /// Findings of those rules by verdict, waived ones left out.
    pub(super) counts: Counts,
    /// Waived findings of those rules.
    pub(super) waived: usize,
}

/// Sums. Each equals a count over the rows.
#[derive(Serialize, JsonSchema)]
pub(super) struct Totals {
    /// Tables in the report.
    pub(super) tables: usize,
    /// Tables by their verdict.
    pub(super) tables_by_verdict: Counts,
    /// Tables by the answer to each question.
    pub(super) tables_by_answer: ByQuestion<Counts>,
    /// Findings in the report.
    pub(super) findings: usize,
    /// Findings by verdict.
    pub(super) findings_by_verdict: Counts,
    /// Required findings that are non-compliant and that no waiver covers, by severity.
    pub(super) non_compliant_by_severity: Counts,
    /// Advised findings that are non-compliant and that no waiver covers, by severity.
    pub(super) advised_by_severity: Counts,
    /// Findings under a waiver.
    pub(super) waived: usize,
}

/// What was read and what could not be.
#[derive(Serialize, JsonSchema)]
pub(super) struct Coverage<'r> {
    /// Accounts in scope, in order of id.
    pub(super) accounts: Vec<Account<'r>>,
    /// Targets in scope, in order.
    pub(super) targets: Vec<Target<'r>>,
    /// Tables that ListTables named.
    pub(super) tables_listed: usize,
    /// Tables that DescribeTable described.
    pub(super) tables_described: usize,
    /// Tables that were gone between list and description.
    pub(super) tables_vanished: usize,
    /// Tables whose description could not be read.
    pub(super) tables_unknown: usize,
    /// The Regions were neither named nor could they be listed: others may hold tables that nobody looked at.
    pub(super) regions_unknown: bool,
    /// Everything that could not be read.
    pub(super) gaps: Vec<OneGap<'r>>,
    /// What was not asked, a sentence each.
    pub(super) not_asked: Vec<&'r str>,
}

/// One account of the scope.
#[derive(Serialize, JsonSchema)]
pub(super) struct Account<'r> {
    /// Twelve digits.
    pub(super) account_id: &'r str,
    /// The name given in the settings; empty if none was.
    pub(super) name: &'r str,
    /// How much of it was read.
    #[schemars(schema_with = "reads")]
    pub(super) status: &'static str,
}

/// One account in one Region.
#[derive(Serialize, JsonSchema)]
pub(super) struct Target<'r> {
    /// Twelve digits.
    pub(super) account_id: &'r str,
    /// As AWS spells it.
    pub(super) region: &'r str,
    /// How much of it was read.
    #[schemars(schema_with = "reads")]
    pub(super) status: &'static str,
    /// Tables listed here; null if the list could not be read whole.
    pub(super) tables_listed: Option<usize>,
    /// Tables described here.
    pub(super) tables_described: usize,
    /// Calls sent to it.
    pub(super) call_count: u64,
    /// How many gaps it has.
    pub(super) gap_count: usize,
}

/// Evidence that could not be read.
#[derive(Serialize, JsonSchema)]
pub(super) struct OneGap<'r> {
    /// Twelve digits.
    pub(super) account_id: &'r str,
    /// As AWS spells it.
    pub(super) region: &'r str,
    /// Which call, as an IAM action.
    pub(super) action: &'r str,
    /// Of what; empty when the call is about the whole target.
    pub(super) resource: &'r str,
    /// What kind of failure.
    #[schemars(schema_with = "gap_kinds")]
    pub(super) kind: &'static str,
    /// AWS's own code and message.
    pub(super) why: &'r str,
    /// What this does to the audit.
    pub(super) so: &'r str,
    /// One thing to do about it.
    pub(super) hint: &'r str,
}

/// One table with every fact on it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Table<'r> {
    /// The table.
    pub(super) table_arn: &'r str,
    /// Its name.
    pub(super) table_name: &'r str,
    /// Twelve digits.
    pub(super) account_id: &'r str,
    /// As AWS spells it.
    pub(super) region: &'r str,
    /// The worst of what is required of it. `compliant` only if the questions *in a plan* and *backed up* were both asked and
    /// both answered yes.
    #[schemars(schema_with = "answers")]
    pub(super) verdict: &'static str,
    /// The answer to each question.
    #[schemars(schema_with = "answers_by_question")]
    pub(super) answers: ByQuestion<&'static str>,
    /// The same by each framework that was chosen, by its own numbers. The verdict above is the worst of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) answers_by_framework: Vec<FrameworkAnswers<'r>>,
    /// Its id and what rules read, where that is not as `usual` says; in `report-all.json` every fact. `explain facts` says what each means.
    pub(super) facts: Facts<'r>,
    /// Why facts are null, where `usual` does not say so.
    #[serde(skip_serializing_if = "Causes::is_empty")]
    #[schemars(with = "Option<Causes<'static>>")]
    pub(super) causes: Causes<'r>,
    /// What is non-compliant, unknown or waived, and everything that is required; left out of `report-all.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) findings: Option<Vec<OfTable<'r>>>,
    /// What is known of it on each day of `window`; empty if recovery points were not looked at, or if the policy asks for
    /// none: the table is exempt, was made by a restore test, or is not ACTIVE.
    /// In `report-all.json` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "days")]
    pub(super) days: Option<Vec<&'static str>>,
    /// The same as runs of equal days, from the first on; in `report.json` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) day_runs: Option<Vec<DayRun>>,
}

/// Days in one state, one after the other.
#[derive(Serialize, JsonSchema)]
pub(super) struct DayRun {
    /// What is known of each.
    #[schemars(schema_with = "day")]
    pub(super) state: &'static str,
    /// How many there are.
    pub(super) days: usize,
}

/// What a finding on a table says. Several tables may share it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Outcome<'r> {
    /// The rule's id.
    pub(super) rule: &'r str,
    /// The outcome. Unknown is never good news and never bad news.
    #[schemars(schema_with = "verdicts")]
    pub(super) verdict: &'static str,
    /// `required` findings decide on verdicts and exit codes, `advised` ones decide nothing.
    #[schemars(schema_with = "levels")]
    pub(super) level: &'static str,
    /// The framework by whose numbers it was judged; left out: the organisation's policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) framework: Option<&'r str>,
    /// Accepted by a waiver.
    pub(super) waived: bool,
    /// Id of that waiver; of several that excuse between them what fails, their ids joined by ` and `. Left out: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waiver: Option<Cow<'r, str>>,
    /// As in a finding of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "sets_of_demands")]
    pub(super) failing_demands: Vec<Vec<&'static str>>,
    /// As in a finding of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["new", "newly-asked", "newly-required", "known", null]))]
    pub(super) since_baseline: Option<&'static str>,
    /// What was found, in one sentence.
    pub(super) message: &'r str,
}

/// A finding on the table that it stands in.
#[derive(Serialize, JsonSchema)]
pub(super) struct OfTable<'r> {
    /// Place of what it says in `outcomes`, from 0.
    pub(super) outcome: u32,
    /// Stable over scans; left out of good news, and of findings that only advise, whose ids `findings.parquet` has: the first 32
    /// digits of SHA-256 over rule, partition, account, Region and id of the table, each followed by a zero byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'r str>,
    /// The facts that it rests on, where they are not those of its table: a framework gave other values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<Facts<'r>>,
    /// Why facts of that evidence are null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) causes: Option<Causes<'r>>,
}

/// The answers about one table by the numbers of a framework.
#[derive(Serialize, JsonSchema)]
pub(super) struct FrameworkAnswers<'r> {
    /// Id of the framework.
    pub(super) framework: &'r str,
    /// The worst of what the framework requires.
    #[schemars(schema_with = "answers")]
    pub(super) verdict: &'static str,
    /// The answer to each question; `not-asked` where the framework does not ask it.
    #[schemars(schema_with = "answers_by_question")]
    pub(super) answers: ByQuestion<&'static str>,
}

/// One rule applied to one subject.
#[derive(Serialize, JsonSchema)]
pub(super) struct OneFinding<'r> {
    /// Stable over scans.
    pub(super) id: &'r str,
    /// The rule's id.
    pub(super) rule: &'r str,
    /// What is judged.
    #[schemars(schema_with = "subjects")]
    pub(super) subject: &'static str,
    /// ARN of what is judged; of a target, a waiver or an exemption its name.
    pub(super) resource_arn: &'r str,
    /// Its name.
    pub(super) resource_name: &'r str,
    /// Twelve digits; empty for what lives in no account.
    pub(super) account_id: &'r str,
    /// As AWS spells it; empty for what lives in no account.
    pub(super) region: &'r str,
    /// The outcome. Unknown is never good news and never bad news.
    #[schemars(schema_with = "verdicts")]
    pub(super) verdict: &'static str,
    /// How much a non-compliant verdict matters.
    #[schemars(schema_with = "severities")]
    pub(super) severity: &'static str,
    /// The question that its rule is evidence for.
    #[schemars(schema_with = "questions")]
    pub(super) question: &'static str,
    /// `required` findings decide on verdicts and exit codes, `advised` ones decide nothing.
    #[schemars(schema_with = "levels")]
    pub(super) level: &'static str,
    /// The framework by whose numbers it was judged; null: the organisation's policy.
    pub(super) framework: Option<&'r str>,
    /// Accepted by a waiver.
    pub(super) waived: bool,
    /// Id of that waiver; of several that excuse between them what fails, their ids joined by ` and `. Null: none.
    pub(super) waiver: Option<Cow<'r, str>>,
    /// Of a rule with demands, where the answer is no yes: sets of demands of which each is enough. If none of one set were
    /// asked, it would be a yes, so a waiver that names them all holds. Left out where no waiver can excuse the finding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "sets_of_demands")]
    pub(super) failing_demands: Vec<Vec<&'static str>>,
    /// Of non-compliant and unknown findings that no waiver covers, where they stand against the baseline: `new`;
    /// `newly-asked`, of a rule that was not asked then; `newly-required`, which only advised then; or `known`. Else null.
    #[schemars(extend("enum" = ["new", "newly-asked", "newly-required", "known", null]))]
    pub(super) since_baseline: Option<&'static str>,
    /// What was found, in one sentence.
    pub(super) message: &'r str,
    /// What to do about it; empty unless non-compliant.
    pub(super) remedy: &'r str,
    /// The facts that the rule read.
    pub(super) evidence: Facts<'r>,
    /// Why facts of the evidence are null.
    pub(super) causes: Causes<'r>,
}

/// Something for each question.
#[derive(Serialize, JsonSchema)]
pub(super) struct ByQuestion<T> {
    /// Does a plan take the table that keeps the policy?
    in_a_plan: T,
    /// Is there a recovery point that meets every demand of the policy, young enough?
    backed_up: T,
    /// Was a restore proved, recently and in time?
    restorable: T,
    /// Everything around these: locks, deletion, copies, jobs.
    safeguards: T,
}

impl<T> ByQuestion<T> {
    pub(super) fn of(of: impl Fn(Question) -> T) -> Self {
        Self {
            in_a_plan: of(Question::InAPlan),
            backed_up: of(Question::BackedUp),
            restorable: of(Question::Restorable),
            safeguards: of(Question::Safeguards),
        }
    }
}

/// A map in a fixed order.
pub(super) struct Counts(pub(super) Vec<(&'static str, usize)>);

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, count)| (name, count)))
    }
}

impl JsonSchema for Counts {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Counts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}})
    }
}

/// A map of texts in a fixed order.
pub(super) struct Pairs<'r>(pub(super) &'r [(String, String)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl JsonSchema for Pairs<'_> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Texts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": {"type": "string"}})
    }
}

/// Facts by name; null is no value.
pub(crate) struct Facts<'r>(Listed<'r>);

/// Where facts are listed.
#[derive(Clone, Copy)]
enum Listed<'r> {
    Row(&'r FactList),
    /// Those of a row that are told.
    Told(&'r FactList, &'r Told),
    /// Those of a row that are told, and that are not as usual.
    Own(&'r FactList, &'r Told),
    Evidence(&'r Evidence),
}

/// The facts of tables that `report.json` tells, and what is usual.
pub(super) struct Told {
    usual: FactList,
    /// Of each place whether it is told.
    is_told: Vec<bool>,
}

impl Told {
    /// Facts of these names.
    pub(super) fn new(usual: FactList, is_told: impl Fn(&str) -> bool) -> Self {
        let is_told = usual.iter().map(|(name, _)| is_told(name)).collect();
        Self { usual, is_told }
    }

    pub(super) const fn usual(&self) -> Facts<'_> {
        Facts(Listed::Told(&self.usual, self))
    }
}

impl<'r> Listed<'r> {
    fn each(self, with: &mut dyn FnMut(&'r FactName, &'r FactValue)) {
        match self {
            Self::Row(row) => row.iter().for_each(|(name, value)| with(name, value)),
            Self::Told(row, told) | Self::Own(row, told) if row.has_names_of(&told.usual) => {
                let is_own = matches!(self, Self::Own(..));
                let places = row.iter().zip(told.usual.iter()).zip(&told.is_told);
                let told =
                    places.filter(|(((_, value), (_, usual)), is_told)| **is_told && (!is_own || value != usual));
                told.for_each(|(((name, value), _), _)| with(name, value));
            }
            Self::Told(row, _) | Self::Own(row, _) => Self::Row(row).each(with),
            Self::Evidence(evidence) => evidence.iter().for_each(|(name, value)| with(name, value)),
        }
    }
}

impl<'r> Facts<'r> {
    /// What a finding rests on.
    pub(crate) const fn read(evidence: &'r Evidence) -> Self {
        Self(Listed::Evidence(evidence))
    }

    /// The facts of a table; where there is something usual, those that are told and not as usual.
    pub(super) const fn beside(row: &'r FactList, told: Option<&'r Told>) -> Self {
        match told {
            Some(told) => Self(Listed::Own(row, told)),
            None => Self(Listed::Row(row)),
        }
    }

    pub(super) const fn causes(&self) -> Causes<'r> {
        Causes(self.0)
    }
}

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut outcome = Ok(());
        self.0.each(&mut |name, value| {
            if outcome.is_ok() {
                outcome = match value {
                    FactValue::Null(_) => map.serialize_entry(name, &()),
                    FactValue::Bool(flag) => map.serialize_entry(name, flag),
                    FactValue::Int(number) => map.serialize_entry(name, number),
                    FactValue::Float(number) => map.serialize_entry(name, &((number * 1e6).round() / 1e6)),
                    FactValue::Text(text) => map.serialize_entry(name, &**text),
                    FactValue::Time(at) => map.serialize_entry(name, &rfc3339(*at)),
                };
            }
        });
        outcome?;
        map.end()
    }
}

impl JsonSchema for Facts<'_> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Facts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Facts by name; null is no value, and `causes` beside them says why.",
            "type": "object",
            "additionalProperties": {"type": ["boolean", "number", "string", "null"]},
        })
    }
}

/// Why facts are null, by their names.
pub(super) struct Causes<'r>(Listed<'r>);

impl Causes<'_> {
    /// Is none of them null?
    pub(super) fn is_empty(&self) -> bool {
        let mut is_empty = true;
        self.0.each(&mut |_, value| is_empty &= !value.is_null());
        is_empty
    }
}

impl Serialize for Causes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut nulls = Vec::new();
        self.0.each(&mut |name, value| {
            if let FactValue::Null(cause) = value {
                nulls.push((name, cause.to_string()));
            }
        });
        serializer.collect_map(nulls)
    }
}

impl JsonSchema for Causes<'_> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Causes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Why facts are null, by name: `none` (there is nothing it could be about, and that is known), `not asked` (the scan was for rules that do not need it), how calls ended and which, as in `denied: backup:ListBackupPlans`, or `left open by AWS`.",
            "type": "object",
            "additionalProperties": {"type": "string"},
        })
    }
}

/// One word of a closed list.
fn words<const N: usize>(words: [&str; N]) -> Schema {
    json_schema!({"type": "string", "enum": words.as_slice()})
}

fn verdicts(_: &mut SchemaGenerator) -> Schema {
    words(Verdict::ALL.map(Verdict::as_str))
}

fn verdict_or_null(_: &mut SchemaGenerator) -> Schema {
    let words: Vec<Option<&str>> = Verdict::ALL
        .map(|verdict| Some(verdict.as_str()))
        .into_iter()
        .chain([None])
        .collect();
    json_schema!({"enum": words})
}

fn answers(_: &mut SchemaGenerator) -> Schema {
    words(Answer::ALL.map(Answer::as_str))
}

fn answers_by_question(_: &mut SchemaGenerator) -> Schema {
    let names = ["in_a_plan", "backed_up", "restorable", "safeguards"];
    let answer = json_schema!({"enum": Answer::ALL.map(Answer::as_str)});
    let properties: serde_json::Map<String, serde_json::Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), answer.clone().to_value()))
        .collect();
    json_schema!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
}

fn questions(_: &mut SchemaGenerator) -> Schema {
    words(Question::ALL.map(Question::as_str))
}

fn levels(_: &mut SchemaGenerator) -> Schema {
    words(Level::ALL.map(Level::as_str))
}

fn demands(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": words(Demand::ALL.map(Demand::as_str)) })
}

fn sets_of_demands(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": demands(generator) })
}

fn severities(_: &mut SchemaGenerator) -> Schema {
    words(Severity::ALL.map(Severity::as_str))
}

fn subjects(_: &mut SchemaGenerator) -> Schema {
    words(Subject::ALL.map(Subject::as_str))
}

fn origins(_: &mut SchemaGenerator) -> Schema {
    words([Origin::Program, Origin::Changed, Origin::Own].map(Origin::as_str))
}

fn gap_kinds(_: &mut SchemaGenerator) -> Schema {
    words(GapKind::ALL.map(GapKind::as_str))
}

fn reads(_: &mut SchemaGenerator) -> Schema {
    words(["scanned", "partly", "not-read"])
}

fn day(_: &mut SchemaGenerator) -> Schema {
    words(DayState::ALL.map(DayState::as_str))
}

fn days(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": words(DayState::ALL.map(DayState::as_str))})
}
