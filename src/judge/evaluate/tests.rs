use std::collections::BTreeSet;
use std::sync::OnceLock;

use polars::prelude::{DataFrame, DataType};
use proptest::prelude::*;

use super::tiers::constant;
use super::*;
use crate::criteria::rules::RuleSet;
use crate::criteria::vocabulary::{self, COMPARISONS, POLICY_TIER};
use crate::domain::{FactValue, Subject};
use crate::facts::Comparisons;

fn catalogue() -> &'static [Rule] {
    static CATALOGUE: OnceLock<Vec<Rule>> = OnceLock::new();
    CATALOGUE.get_or_init(|| RuleSet::load(None, &[]).expect("the embedded rules are right").0)
}

/// Evaluates one rule on some facts; everything left out is null.
fn verdict(rule: &Rule, facts: &[(String, FactValue)]) -> Verdict {
    evaluated(rule, facts).at(0)
}

/// The part of when the rule asks that these facts say does not hold.
fn why_not(rule: &Rule, facts: &[(String, FactValue)]) -> Option<usize> {
    evaluated(rule, facts).why_not(0)
}

fn evaluated(rule: &Rule, facts: &[(String, FactValue)]) -> Verdicts {
    let columns = vocabulary::schema(rule.subject)
        .iter()
        .map(|(name, dtype)| {
            let value = facts
                .iter()
                .find(|(fact, _)| fact == name.as_str())
                .map(|(_, value)| value);
            constant(name, value.unwrap_or(&FactValue::OPEN), dtype, 1)
        })
        .collect();
    let frame = DataFrame::new(1, columns).expect("a frame");
    evaluate_frame(frame, &[rule]).expect("evaluated").remove(0)
}

#[test]
fn every_example_gives_its_verdict() {
    for rule in catalogue() {
        for example in &rule.examples {
            assert_eq!(
                verdict(rule, &example.facts),
                example.verdict,
                "{}: {:?}",
                rule.origin,
                example.facts
            );
        }
    }
}

/// One reason, and not several of which the reader may choose.
#[test]
fn each_reason_not_to_ask_is_one_and_has_an_example() {
    for rule in catalogue() {
        let of_verdict = rule.examples.iter();
        let examples = of_verdict.filter(|example| example.verdict == Verdict::NotApplicable);
        let shown: BTreeSet<usize> = examples
            .map(|example| why_not(rule, &example.facts).expect("a part that does not hold"))
            .collect();
        for (number, part) in rule.applies.iter().enumerate() {
            assert!(!part.otherwise.contains(" or "), "{}: {}", rule.origin, part.otherwise);
            assert!(
                shown.contains(&number),
                "{}: no example of: {}",
                rule.origin,
                part.otherwise
            );
        }
    }
}

/// Facts that are never unknown: a rule that reads nothing else cannot be unknown.
fn is_always_known(rule: &Rule) -> bool {
    rule.reads()
        .all(|name| vocabulary::doc_of(rule.subject, name).is_some_and(|doc| doc.contains("Never unknown")))
}

#[test]
fn every_rule_has_an_example_of_each_verdict_it_can_give() {
    for rule in catalogue() {
        let mut wanted = vec![Verdict::Compliant, Verdict::NonCompliant];
        wanted.extend((!is_always_known(rule)).then_some(Verdict::Unknown));
        wanted.extend((!rule.applies.is_empty()).then_some(Verdict::NotApplicable));
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
fn knowing_more_never_changes_the_verdict_of_an_example() {
    for rule in catalogue() {
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
                for value in candidates(rule.subject, name) {
                    let mut facts = example.facts.clone();
                    facts.push((name.clone(), value.clone()));
                    if contradicts(&facts) {
                        continue;
                    }
                    assert_eq!(
                        verdict(rule, &facts),
                        example.verdict,
                        "{}: {name} = {value}",
                        rule.origin
                    );
                }
            }
        }
    }
}

/// Words that text facts can have: those in the conditions of rules matter.
const WORDS: [&str; 12] = [
    "none",
    "x",
    "not-tested",
    "succeeded",
    "failed",
    "governance",
    "compliance",
    "compliance-in-grace",
    "Enabled",
    "customer-managed",
    "aws-managed",
    "restore-access",
];

fn candidates(subject: Subject, name: &str) -> Vec<FactValue> {
    match vocabulary::schema(subject).get(name).cloned().expect("a known fact") {
        DataType::Boolean => vec![FactValue::Bool(true), FactValue::Bool(false)],
        DataType::Int64 => [0, 1, 3, 35, 36_500].map(FactValue::Int).to_vec(),
        DataType::Float64 => [0.0, 6.0, 24.0, 1e6].map(FactValue::Float).to_vec(),
        _ => WORDS.map(|word| FactValue::Text(word.into())).to_vec(),
    }
}

/// A whole reading agrees with what was seen: never fewer points, never older, never longer kept. Facts about one and
/// the same thing agree with each other.
fn contradicts(facts: &[(String, FactValue)]) -> bool {
    let value = |name: &str| facts.iter().find(|(fact, _)| fact == name).map(|(_, value)| value);
    let get = |name: &str| match value(name) {
        Some(FactValue::Int(number)) => Some(*number as f64),
        Some(FactValue::Float(number)) => Some(*number),
        _ => None,
    };
    let flag = |name: &str| match value(name) {
        Some(FactValue::Bool(flag)) => Some(*flag),
        _ => None,
    };
    let text = |name: &str| match value(name) {
        Some(FactValue::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    let less = |a: &str, b: &str| matches!((get(a), get(b)), (Some(a), Some(b)) if a < b);
    let differ = |a: &str, b: &str| matches!((get(a), get(b)), (Some(a), Some(b)) if (a - b).abs() > f64::EPSILON);
    // Over all points there are at least as many as were seen; the newest is at most as old; extremes reach at least as far.
    let counts = [
        ("usable_recovery_point_count", "usable_recovery_point_count_seen"),
        (
            "previous_incarnation_point_count",
            "previous_incarnation_point_count_seen",
        ),
        ("overdue_point_count", "overdue_point_count_seen"),
        ("longest_retention_days", "longest_retention_days_seen"),
        ("vault_lock_rank", "vault_lock_rank_seen"),
        ("plan_retention_days", "plan_retention_days_seen"),
        ("plan_retention_days_at_most", "plan_retention_days_seen"),
        ("plan_retention_days_at_most", "plan_retention_days"),
        ("plan_interval_hours_at_most", "plan_interval_hours"),
        ("plan_interval_hours", "plan_interval_hours_at_least"),
        ("plan_interval_hours_at_most", "plan_interval_hours_at_least"),
        (
            "newest_recovery_point_age_hours_seen",
            "newest_recovery_point_age_hours",
        ),
        ("shortest_retention_days_seen", "shortest_retention_days"),
        ("weakest_key_owner_rank_seen", "weakest_key_owner_rank"),
        ("longest_gap_hours_seen", "longest_gap_hours"),
        ("missed_run_count", "missed_run_count_sure"),
        ("longest_gap_hours_seen", "longest_gap_hours_sure"),
        ("air_gapped_point_count", "air_gapped_point_count_seen"),
        ("air_gapped_point_age_hours_seen", "air_gapped_point_age_hours"),
        ("last_restore_age_days_seen", "last_restore_age_days"),
    ];
    let same_when_both = [
        "newest_recovery_point_age_hours",
        "vault_lock_rank",
        "overdue_point_count",
        "longest_gap_hours",
        "air_gapped_point_age_hours",
        "last_restore_age_days",
    ];
    let none_seen = get("usable_recovery_point_count_seen") == Some(0.0);
    let has_seen = get("usable_recovery_point_count_seen").is_some_and(|count| count > 0.0);
    let outcome = text("restore_outcome");
    counts.iter().any(|(whole, seen)| less(whole, seen))
        || same_when_both.iter().any(|name| differ(name, &format!("{name}_seen")))
        || differ("longest_gap_hours", "longest_gap_hours_sure")
        || differ("missed_run_count", "missed_run_count_sure")
        || differ("points_deleted_early_count", "points_deleted_early_count_sure")
        // Nothing seen has no age, no lock and no retention.
        || (none_seen && (get("newest_recovery_point_age_hours_seen").is_some() || get("vault_lock_rank_seen").is_some()))
        || (none_seen && get("shortest_retention_days_seen").is_some())
        || (get("usable_recovery_point_count") == Some(0.0) && (has_seen || get("newest_recovery_point_age_hours").is_some()))
        || (get("air_gapped_point_count") == Some(0.0) && get("air_gapped_point_age_hours_seen").is_some())
        || (get("air_gapped_point_count_seen") == Some(0.0) && get("air_gapped_point_age_hours_seen").is_some())
        || (get("air_gapped_point_count") == Some(0.0) && get("air_gapped_point_age_hours").is_some())
        || (flag("restore_succeeded") == Some(false)
            && (get("last_restore_age_days_seen").is_some() || get("last_restore_age_days").is_some()))
        || (outcome.as_deref() == Some("not-tested") && get("last_restore_age_days_seen").is_some())
        || (outcome.as_deref() == Some("not-tested") && get("last_restore_minutes").is_some())
        // The kind of a lock, its rank and its presence say one thing.
        || (flag("is_in_locked_vault") == Some(false) && text("vault_lock_kind").is_some_and(|kind| kind != "none"))
        || (flag("is_in_locked_vault") == Some(true) && text("vault_lock_kind").as_deref() == Some("none"))
        || (flag("plan_copies_cross_region") == Some(true) && text("plan_copy_regions").as_deref() == Some("none"))
        || (flag("in_a_plan") == Some(false) && get("plan_interval_hours").is_some())
}

fn any_value(subject: Subject, name: String) -> impl Strategy<Value = FactValue> {
    prop::sample::select(candidates(subject, &name))
}

/// A rule, values for all facts that it reads, and which of them are known.
fn asked() -> impl Strategy<Value = (usize, Vec<(String, FactValue)>, Vec<bool>)> {
    let rules = catalogue();
    let choices: Vec<(usize, Subject, Vec<String>)> = rules
        .iter()
        .enumerate()
        .map(|(place, rule)| (place, rule.subject, rule.reads().map(str::to_owned).collect()))
        .collect();
    prop::sample::select(choices).prop_flat_map(|(place, subject, reads)| {
        let known = prop::collection::vec(any::<bool>(), reads.len());
        let values: Vec<_> = reads
            .into_iter()
            .map(|name| (Just(name.clone()), any_value(subject, name)))
            .collect();
        (Just(place), values, known)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn replacing_a_null_never_changes_a_known_verdict((place, values, known) in asked()) {
        let rule = &catalogue()[place];
        let some: Vec<(String, FactValue)> = values
            .iter()
            .zip(&known)
            .filter(|(_, known)| **known)
            .map(|(value, _)| value.clone())
            .collect();
        prop_assume!(!contradicts(&values));
        let before = verdict(rule, &some);
        let after = verdict(rule, &values);
        prop_assert!(before == Verdict::Unknown || before == after, "{}: {before} became {after}: {some:?}", rule.id);
        }
}

#[test]
fn every_rule_reads_something_that_is_collected_or_written_by_people() {
    for rule in catalogue() {
        let frames: BTreeSet<&str> = rule
            .reads()
            .flat_map(|name| vocabulary::frames_of(rule.subject, name).iter().copied())
            .collect();
        let is_of_people = matches!(rule.subject, Subject::Waiver | Subject::Exemption);
        assert!(is_of_people || !frames.is_empty(), "{}", rule.id);
    }
}

#[test]
fn every_comparison_that_conditions_may_name_is_made() {
    let made: BTreeSet<&str> = Comparisons::default()
        .values()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let named = COMPARISONS.iter().map(|one| one.name);
    let named: BTreeSet<&str> = named.filter(|name| *name != POLICY_TIER.name()).collect();
    assert_eq!(made, named);
}
