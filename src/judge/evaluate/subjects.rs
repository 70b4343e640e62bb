//! Rules on vaults, plans, targets and recovery points.

use std::sync::OnceLock;

use polars::prelude::{DataFrame, DataType};

use super::findings::{Subjected, Values};
use super::tiers::constant;
use super::{Verdicts, WhyUnknown, engine_failed, evaluate_frame};
use crate::criteria::levels::level;
use crate::criteria::policy::Policy;
use crate::criteria::rules::{Rule, RuleSet};
use crate::criteria::values::POLICY_VALUES;
use crate::criteria::vocabulary::schema;
use crate::dictionary::SubjectFacts;
use crate::domain::{FactValue, Finding, Level, Subject, Verdict};
use crate::facts::Facts;
use crate::inventory::Inventory;
use crate::judge::nulls::Nulls;
use crate::problem::Problem;

/// Judges vaults, plans, targets and recovery points: findings in order of subject, then rule.
///
/// Values come from the policy for every table: tiers are about tables. Of recovery points, of which there are tens for
/// each table, only findings that say something are kept: non-compliant and unknown ones.
///
/// Errors: a damaged inventory, or an engine that fails, which a checked rule set never makes it do.
pub fn judge_subjects(
    inventory: &Inventory,
    facts: &Facts,
    rules: &RuleSet,
    policy: &Policy,
    why_unknown: WhyUnknown<'_>,
) -> Result<Vec<Finding>, Problem> {
    let partition = inventory
        .read::<crate::inventory::schema::Target>()?
        .into_iter()
        .next()
        .map_or_else(|| "aws".to_owned(), |target| target.partition);
    let judge = Judge {
        rules,
        policy,
        why_unknown,
        nulls: &Nulls::new(facts, policy),
    };
    let mut findings = Vec::new();
    if rules.of(Subject::Vault).next().is_some() {
        findings.extend(judge.all(&facts.vaults(), &Subjected::of_vault)?);
    }
    if rules.of(Subject::Plan).next().is_some() {
        findings.extend(judge.all(&facts.plans(), &|plan| Subjected::of_plan(plan, &partition))?);
    }
    if rules.of(Subject::Target).next().is_some() {
        findings.extend(judge.all(&facts.targets(), &Subjected::of_target)?);
    }
    let of_points: Vec<&Rule> = judge.of(Subject::RecoveryPoint).collect();
    if !of_points.is_empty() {
        let reads: Vec<&str> = of_points.iter().flat_map(|rule| rule.reads()).collect();
        let mut kept = Vec::new();
        let mut ask = |points: DataFrame| judge.noteworthy(points, &of_points);
        facts.noteworthy_points(inventory, &reads, &mut ask, &mut |points| kept.extend(points))?;
        findings.extend(judge.judge(&kept, &Subjected::of_recovery_point, &says_something)?);
    }
    findings.extend(judge.unlisted(facts));
    Ok(findings)
}

/// What is judged one by one, with what it is called, and the fact on a target that is unknown where the list of them was
/// not read to its end. Where tables were not listed the report says so itself.
const LISTED: [(Subject, &str, &str); 3] = [
    (Subject::Vault, "backup vaults", "vault_count"),
    (Subject::Plan, "backup plans", "plan_count"),
    (Subject::RecoveryPoint, "recovery points", "recovery_point_count"),
];

/// Of recovery points only what is wrong or not known is told.
fn says_something(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::NonCompliant | Verdict::Unknown)
}

/// Rules with what they need.
pub(super) struct Judge<'j> {
    pub(super) rules: &'j RuleSet,
    pub(super) policy: &'j Policy,
    pub(super) why_unknown: WhyUnknown<'j>,
    pub(super) nulls: &'j Nulls<'j>,
}

impl Judge<'_> {
    /// The rules on one kind of subject that are not off.
    fn of(&self, subject: Subject) -> impl Iterator<Item = &Rule> {
        let of_subject = self.rules.of(subject);
        of_subject.filter(|rule| level(rule, self.policy, None) != Level::Off)
    }

    /// A rule with what it counts for here: tiers are about tables.
    fn leveled<'r>(&self, rule: &'r Rule) -> (&'r Rule, Level) {
        (rule, level(rule, self.policy, None))
    }

    /// Every finding on these rows.
    pub(super) fn all<F: SubjectFacts>(
        &self,
        rows: &[F],
        subjected: &dyn Fn(&F) -> Subjected,
    ) -> Result<Vec<Finding>, Problem> {
        self.judge(rows, subjected, &|_| true)
    }

    /// A list that was not read to its end looks like one without the subjects that are missing: each rule on them is
    /// unknown there. Targets that no call reached are told by the report as not read.
    fn unlisted(&self, facts: &Facts) -> Vec<Finding> {
        let mut findings = Vec::new();
        let targets = facts.targets();
        let reached = targets.iter().filter_map(|target| {
            let subject = Subjected::of_target(target);
            let is_reached = facts.reading().is_reached(subject.target());
            is_reached.then(|| {
                let mut values = target.values();
                self.nulls.explain(Subject::Target, subject.place(), &mut values);
                (subject, Values::new(values))
            })
        });
        for (about, values) in reached {
            for (subject, what, count) in LISTED {
                let value = values.get(count);
                if value.is_null() {
                    let of_subject = self.of(subject);
                    let one = |rule| about.unlisted(self.leveled(rule), what, (count, value), self.why_unknown);
                    findings.extend(of_subject.map(one));
                }
            }
        }
        findings
    }

    /// The places of rows of which some of these rules says something.
    fn noteworthy(&self, facts: DataFrame, rules: &[&Rule]) -> Result<Vec<usize>, Problem> {
        let rows = facts.height();
        let mut verdicts = self.evaluate(facts, rules, Subject::RecoveryPoint)?;
        // Most rules find nothing wrong with any point of a batch.
        verdicts.retain(|verdicts| !verdicts.are_all_good());
        let says = |place: &usize| verdicts.iter().any(|verdicts| says_something(verdicts.at(*place)));
        Ok((0..rows).filter(says).collect())
    }

    fn policy(&self) -> Vec<(&'static str, FactValue)> {
        let values = POLICY_VALUES.iter();
        values
            .map(|value| (value.name, (value.of)(&self.policy.values)))
            .collect()
    }

    /// What every rule on this subject says of these rows.
    fn verdicts<F: SubjectFacts>(&self, rows: &[F]) -> Result<(Vec<&Rule>, Vec<Verdicts>), Problem> {
        let rules: Vec<&Rule> = self.of(F::SUBJECT).collect();
        if rules.is_empty() || rows.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let reads = |name: &str| rules.iter().any(|rule| rule.reads().any(|read| read == name));
        let frame = F::to_frame(rows, &reads).map_err(engine_failed)?;
        let verdicts = self.evaluate(frame, &rules, F::SUBJECT)?;
        Ok((rules, verdicts))
    }

    /// The same of facts in columns.
    fn evaluate(&self, mut facts: DataFrame, rules: &[&Rule], subject: Subject) -> Result<Vec<Verdicts>, Problem> {
        let reads = |name: &str| rules.iter().any(|rule| rule.reads().any(|read| read == name));
        let (schema, rows) = (schema(subject), facts.height());
        for (name, value) in self.policy().iter().filter(|(name, _)| reads(name)) {
            let dtype = schema.get(name).cloned().unwrap_or(DataType::String);
            facts
                .with_column(constant(name, value, &dtype, rows))
                .map_err(engine_failed)?;
        }
        evaluate_frame(facts, rules).map_err(engine_failed)
    }

    fn judge<F: SubjectFacts>(
        &self,
        rows: &[F],
        subjected: &dyn Fn(&F) -> Subjected,
        keeps: &dyn Fn(Verdict) -> bool,
    ) -> Result<Vec<Finding>, Problem> {
        let (rules, verdicts) = self.verdicts(rows)?;
        let policy = self.policy();
        let mut findings = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let mut about = None;
            for (rule, verdicts) in rules.iter().zip(&verdicts) {
                let verdict = verdicts.at(place);
                let part = verdicts.why_not(place).unwrap_or_default();
                if !keeps(verdict) {
                    continue;
                }
                let (subject, values) = about.get_or_insert_with(|| {
                    let mut values = row.values();
                    values.extend(policy.iter().cloned());
                    let subject = subjected(row);
                    self.nulls.explain(F::SUBJECT, subject.place(), &mut values);
                    (subject, Values::new(values))
                });
                let (rule, level) = self.leveled(rule);
                let judged = (rule, level, &OnceLock::new());
                findings.push(subject.finding(judged, (verdict, part), values, None, self.why_unknown));
            }
        }
        Ok(findings)
    }
}
