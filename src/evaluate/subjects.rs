//! Rules on vaults, plans, targets and recovery points.

use polars::prelude::DataType;

use super::findings::{Subjected, Values};
use super::tiers::constant;
use super::{WhyUnknown, engine_failed, evaluate_frame};
use crate::domain::{FactValue, Finding, Subject, Verdict};
use crate::facts::Facts;
use crate::facts::dictionary::SubjectFacts;
use crate::inventory::Inventory;
use crate::policy::{POLICY_VALUES, Policy};
use crate::problem::Problem;
use crate::rules::{Rule, RuleSet, schema};

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
    if rules.of(Subject::RecoveryPoint).next().is_some() {
        let mut result = Ok(());
        facts.recovery_points(inventory, &mut |points| {
            if result.is_err() {
                return;
            }
            match judge.noteworthy(&points, &Subjected::of_recovery_point) {
                Ok(some) => findings.extend(some),
                Err(problem) => result = Err(problem),
            }
        })?;
        result?;
    }
    Ok(findings)
}

/// Rules with what they need.
pub(super) struct Judge<'j> {
    pub(super) rules: &'j RuleSet,
    pub(super) policy: &'j Policy,
    pub(super) why_unknown: WhyUnknown<'j>,
}

impl Judge<'_> {
    /// Every finding on these rows.
    pub(super) fn all<F: SubjectFacts>(
        &self,
        rows: &[F],
        subjected: &dyn Fn(&F) -> Subjected,
    ) -> Result<Vec<Finding>, Problem> {
        self.judge(rows, subjected, &|_| true)
    }

    /// The findings that say something: the order of points in the inventory is that of arrival, so they are sorted.
    fn noteworthy<F: SubjectFacts>(
        &self,
        rows: &[F],
        subjected: &dyn Fn(&F) -> Subjected,
    ) -> Result<Vec<Finding>, Problem> {
        let says_something = |verdict| matches!(verdict, Verdict::NonCompliant | Verdict::Unknown);
        self.judge(rows, subjected, &says_something)
    }

    fn judge<F: SubjectFacts>(
        &self,
        rows: &[F],
        subjected: &dyn Fn(&F) -> Subjected,
        keeps: &dyn Fn(Verdict) -> bool,
    ) -> Result<Vec<Finding>, Problem> {
        let rules: Vec<&Rule> = self.rules.of(F::SUBJECT).collect();
        if rules.is_empty() || rows.is_empty() {
            return Ok(Vec::new());
        }
        let reads = |name: &str| rules.iter().any(|rule| rule.reads().any(|read| read == name));
        let mut frame = F::to_frame(rows, &reads).map_err(engine_failed)?;
        let policy: Vec<(&'static str, FactValue)> = POLICY_VALUES
            .iter()
            .map(|value| (value.name, (value.of)(&self.policy.values)))
            .collect();
        let schema = schema(F::SUBJECT);
        for (name, value) in policy.iter().filter(|(name, _)| reads(name)) {
            let dtype = schema.get(name).cloned().unwrap_or(DataType::String);
            frame
                .with_column(constant(name, value, &dtype, rows.len()))
                .map_err(engine_failed)?;
        }
        let verdicts = evaluate_frame(frame, &rules).map_err(engine_failed)?;
        let mut findings = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let mut about = None;
            for (rule, verdicts) in rules.iter().zip(&verdicts) {
                let verdict = verdicts.at(place);
                if !keeps(verdict) {
                    continue;
                }
                let (subject, values) = about.get_or_insert_with(|| {
                    let mut values = row.values();
                    values.extend(policy.iter().cloned());
                    (subjected(row), Values::new(values))
                });
                findings.push(subject.finding(rule, verdict, values, None, self.why_unknown));
            }
        }
        Ok(findings)
    }
}
