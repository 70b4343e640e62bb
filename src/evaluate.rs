//! Facts, rules and policy in, findings out. Pure, and the same for every order of rows.
//!
//! Every condition of every rule is evaluated at once, as columns. True is compliant, false is non-compliant, null is
//! unknown. Tables that AWS restore testing made, and tables known to be in another state than ACTIVE or UPDATING, are
//! not judged: every rule is not applicable to them.

use std::sync::Arc;

use polars::prelude::{BooleanChunked, Column, DataFrame, DataType, IntoLazy, PolarsResult};
use sha2::{Digest, Sha256};

use crate::domain::{FactName, FactValue, Finding, TargetId, Verdict};
use crate::facts::dictionary::{TableFacts, fact};
use crate::problem::Problem;
use crate::rules::{POLICY_VALUES, Rule, RuleSet, policy_values};
use crate::settings::Policy;

/// Why evidence is missing, for the message of an unknown finding.
pub type WhyUnknown<'w> = &'w dyn Fn(&TargetId, &str, &[&'static str]) -> Option<String>;

/// Judges every table by every rule: findings in order of table, then rule.
///
/// `why_unknown` names the gap behind a missing fact (target, table name, frames the fact rests on), if there is one.
///
/// Errors: the engine fails, which a checked rule set never makes it do.
pub fn evaluate(
    tables: &[TableFacts],
    rules: &RuleSet,
    policy: &Policy,
    why_unknown: WhyUnknown<'_>,
) -> Result<Vec<Finding>, Problem> {
    let verdicts = verdicts(tables, rules, policy).map_err(|error| {
        Problem::new("could not evaluate the rules")
            .why(error.to_string())
            .so("no report was written")
    })?;
    let policy = policy_values(policy);
    let mut findings = Vec::with_capacity(tables.len() * rules.0.len());
    for (row, table) in tables.iter().enumerate() {
        let values = Values {
            facts: table.values(),
            policy: &policy,
        };
        for (rule, verdicts) in rules.0.iter().zip(&verdicts) {
            findings.push(finding(table, rule, verdicts.at(row), &values, why_unknown));
        }
    }
    Ok(findings)
}

/// What one rule says of every table.
struct Verdicts {
    applies: Option<BooleanChunked>,
    compliant: BooleanChunked,
}

impl Verdicts {
    fn at(&self, row: usize) -> Verdict {
        match self.applies.as_ref().map_or(Some(true), |applies| applies.get(row)) {
            Some(false) => Verdict::NotApplicable,
            None => Verdict::Unknown,
            Some(true) => match self.compliant.get(row) {
                Some(true) => Verdict::Compliant,
                Some(false) => Verdict::NonCompliant,
                None => Verdict::Unknown,
            },
        }
    }
}

fn verdicts(tables: &[TableFacts], rules: &RuleSet, policy: &Policy) -> PolarsResult<Vec<Verdicts>> {
    let mut frame = TableFacts::to_frame(tables)?;
    for ((name, value), column) in policy_values(policy).into_iter().zip(POLICY_VALUES) {
        frame.with_column(constant(name, &value, &column.dtype, tables.len()))?;
    }
    evaluate_frame(frame, &rules.0)
}

fn evaluate_frame(frame: DataFrame, rules: &[Rule]) -> PolarsResult<Vec<Verdicts>> {
    let mut expressions = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        expressions.push(rule.compliant.expr.clone().alias(format!("compliant {number}")));
        if let Some(applies) = &rule.applies {
            expressions.push(applies.expr.clone().alias(format!("applies {number}")));
        }
    }
    let results = frame.lazy().select(expressions).collect()?;
    let column =
        |name: String| -> PolarsResult<BooleanChunked> { Ok(results.column(&name)?.bool()?.rechunk().into_owned()) };
    let mut verdicts = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        verdicts.push(Verdicts {
            applies: rule
                .applies
                .is_some()
                .then(|| column(format!("applies {number}")))
                .transpose()?,
            compliant: column(format!("compliant {number}"))?,
        });
    }
    Ok(verdicts)
}

fn constant(name: &str, value: &FactValue, dtype: &DataType, length: usize) -> Column {
    match value {
        FactValue::Bool(flag) => Column::new(name.into(), vec![*flag; length]),
        FactValue::Int(number) => Column::new(name.into(), vec![*number; length]),
        FactValue::Float(number) => Column::new(name.into(), vec![*number; length]),
        FactValue::Text(text) => Column::new(name.into(), vec![text.as_str(); length]),
        FactValue::Unknown | FactValue::Time(_) => Column::full_null(name.into(), length, dtype),
    }
}

/// The facts of one table and the policy values, by name.
struct Values<'v> {
    facts: Vec<(&'static str, FactValue)>,
    policy: &'v [(&'static str, FactValue)],
}

impl Values<'_> {
    fn get(&self, name: &str) -> &FactValue {
        let all = self.facts.iter().chain(self.policy);
        all.into_iter()
            .find(|(known, _)| *known == name)
            .map_or(&FactValue::Unknown, |(_, value)| value)
    }

    /// The name as the dictionary spells it, without a copy.
    fn name(&self, name: &str) -> FactName {
        let mut all = self.facts.iter().chain(self.policy);
        all.find(|(known, _)| *known == name)
            .map_or_else(|| FactName::Owned(name.to_owned()), |(known, _)| (*known).into())
    }

    /// A message with the values in place of `{fact}`.
    fn render(&self, template: &str) -> String {
        let mut text = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let Some((name, tail)) = after.split_once('}') else {
                text.push('{');
                rest = after;
                continue;
            };
            text.push_str(&self.get(name).to_string());
            rest = tail;
        }
        text.push_str(rest);
        text
    }
}

fn finding(
    table: &TableFacts,
    rule: &Rule,
    judged: Verdict,
    values: &Values<'_>,
    why_unknown: WhyUnknown<'_>,
) -> Finding {
    let target = TargetId {
        account_id: table.account_id.clone().unwrap_or_default(),
        region: table.region.clone().unwrap_or_default(),
    };
    let (verdict, message) = if table.is_restore_test == Some(true) {
        (
            Verdict::NotApplicable,
            "a table that AWS restore testing made; AWS deletes it by itself".to_owned(),
        )
    } else if table.is_known_inactive == Some(true) {
        (
            Verdict::NotApplicable,
            values.render("the table is in state {table_status}; rules judge ACTIVE and UPDATING"),
        )
    } else {
        let message = match judged {
            Verdict::NotApplicable => values.render(&rule.not_applicable),
            Verdict::Unknown => unknown_message(table, rule, values, &target, why_unknown),
            Verdict::Compliant | Verdict::NonCompliant => values.render(&rule.message),
        };
        (judged, message)
    };
    let needs_remedy = matches!(verdict, Verdict::NonCompliant);
    Finding {
        id: finding_id(rule, table),
        rule: Arc::clone(&rule.id),
        subject: "table",
        resource_arn: table.table_arn.clone().unwrap_or_default(),
        resource_name: table.table_name.clone().unwrap_or_default(),
        target,
        verdict,
        severity: rule.severity,
        waived: false,
        message,
        remedy: if needs_remedy {
            Arc::clone(&rule.remedy)
        } else {
            Arc::default()
        },
        evidence: rule
            .reads()
            .map(|name| (values.name(name), values.get(name).clone()))
            .collect(),
    }
}

/// What is not known, and why not.
fn unknown_message(
    table: &TableFacts,
    rule: &Rule,
    values: &Values<'_>,
    target: &TargetId,
    why_unknown: WhyUnknown<'_>,
) -> String {
    let missing: Vec<&str> = rule
        .reads()
        .filter(|name| *values.get(name) == FactValue::Unknown)
        .collect();
    let mut frames: Vec<&'static str> = missing
        .iter()
        .filter_map(|name| fact(name))
        .flat_map(|fact| fact.frames.iter().copied())
        .collect();
    frames.sort_unstable();
    frames.dedup();
    let name = table.table_name.as_deref().unwrap_or_default();
    // A plan's reason names its own gap, and uncertainty about a plan is AWS's own as often as a gap's.
    if missing.contains(&"in_a_plan") {
        return values.render("{plan_verdict}: {plan_reason}");
    }
    match why_unknown(target, name, &frames) {
        Some(why) => format!("not known, because {why} (needs {})", missing.join(", ")),
        None => format!("not known: AWS's answers leave {} open", missing.join(", ")),
    }
}

/// Stable over scans: rule, partition, account, Region and the table's id, or its name where the id is not known.
fn finding_id(rule: &Rule, table: &TableFacts) -> String {
    let id = table.table_id.as_deref().filter(|id| *id != "none");
    let mut digest = Sha256::new();
    for part in [
        &*rule.id,
        table.partition.as_deref().unwrap_or_default(),
        table.account_id.as_deref().unwrap_or_default(),
        table.region.as_deref().unwrap_or_default(),
        id.or(table.table_name.as_deref()).unwrap_or_default(),
    ] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    hex(&digest.finalize()[..16])
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules;

    /// Evaluates one rule on the facts of an example; everything left out is null.
    fn verdict(rule: &Rule, facts: &[(String, FactValue)]) -> Verdict {
        let columns = rules::schema()
            .iter()
            .map(|(name, dtype)| {
                let value = facts
                    .iter()
                    .find(|(fact, _)| fact == name.as_str())
                    .map(|(_, value)| value);
                constant(name, value.unwrap_or(&FactValue::Unknown), dtype, 1)
            })
            .collect();
        let frame = DataFrame::new(1, columns).expect("a frame");
        evaluate_frame(frame, std::slice::from_ref(rule)).expect("evaluated")[0].at(0)
    }

    #[test]
    fn every_example_gives_its_verdict() {
        for rule in RuleSet::load(None, &[]).expect("the embedded rules are right").0 {
            for example in &rule.examples {
                assert_eq!(
                    verdict(&rule, &example.facts),
                    example.verdict,
                    "{}: {:?}",
                    rule.origin,
                    example.facts
                );
            }
        }
    }

    #[test]
    fn every_rule_has_an_example_of_each_verdict_it_can_give() {
        for rule in RuleSet::load(None, &[]).expect("the embedded rules are right").0 {
            let mut wanted = vec![Verdict::Compliant, Verdict::NonCompliant, Verdict::Unknown];
            wanted.extend(rule.applies.is_some().then_some(Verdict::NotApplicable));
            for verdict in wanted {
                assert!(
                    rule.examples.iter().any(|example| example.verdict == verdict),
                    "{}: {verdict}",
                    rule.origin
                );
            }
        }
    }

    #[test]
    fn knowing_more_never_changes_a_known_verdict() {
        let numbers = [0_i64, 1, 35, 36_500];
        for rule in RuleSet::load(None, &[]).expect("the embedded rules are right").0 {
            for example in rule
                .examples
                .iter()
                .filter(|example| example.verdict != Verdict::Unknown)
            {
                let reads: Vec<String> = rule.reads().map(str::to_owned).collect();
                let missing = reads
                    .iter()
                    .filter(|name| !example.facts.iter().any(|(known, _)| known == *name));
                for name in missing {
                    let dtype = rules::schema().get(name.as_str()).cloned().expect("a known fact");
                    let candidates: Vec<FactValue> = match dtype {
                        DataType::Boolean => vec![FactValue::Bool(true), FactValue::Bool(false)],
                        DataType::Int64 => numbers.iter().map(|number| FactValue::Int(*number)).collect(),
                        DataType::Float64 => vec![FactValue::Float(0.0), FactValue::Float(1e6)],
                        _ => vec![FactValue::Text("x".to_owned())],
                    };
                    for value in candidates {
                        let mut facts = example.facts.clone();
                        facts.push((name.clone(), value.clone()));
                        // A number over everything can never be smaller than what was seen of it.
                        if contradicts(&facts) {
                            continue;
                        }
                        assert_eq!(
                            verdict(&rule, &facts),
                            example.verdict,
                            "{}: {name} = {value}",
                            rule.origin
                        );
                    }
                }
            }
        }
    }

    /// Whole readings agree with what was seen: they are never fewer points, never older, never longer kept.
    fn contradicts(facts: &[(String, FactValue)]) -> bool {
        let get = |name: &str| match facts.iter().find(|(fact, _)| fact == name) {
            Some((_, FactValue::Int(number))) => Some(*number as f64),
            Some((_, FactValue::Float(number))) => Some(*number),
            _ => None,
        };
        let less = |a: &str, b: &str| matches!((get(a), get(b)), (Some(a), Some(b)) if a < b);
        less("usable_recovery_point_count", "usable_recovery_point_count_seen")
            || less(
                "newest_recovery_point_age_hours_seen",
                "newest_recovery_point_age_hours",
            )
            || less("shortest_retention_days_seen", "shortest_retention_days")
            || less("weakest_key_owner_rank_seen", "weakest_key_owner_rank")
            || less("plan_retention_days", "plan_retention_days_seen")
    }
}
