//! Which rules decide, and which only advise.
//!
//! Required: core rules, what a set value of the policy asks for, what `[rules]` requires, what `--rules` names, and every
//! rule of somebody's own. Everything else is advised.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::criteria::Origin;
use crate::criteria::policy::{Policy, Tier};
use crate::criteria::rules::{Rule, shipped};
use crate::criteria::values::{FOREVER_DAYS, KeyOwner, LockWanted};
use crate::domain::{Level, Question};

/// What a rule counts for, for tables of a tier; without one, for tables of no tier and for everything that is no table.
pub(crate) fn level(rule: &Rule, policy: &Policy, tier: Option<&Tier>) -> Level {
    if rule.is_named {
        return Level::Required;
    }
    let said = tier.and_then(|tier| tier.levels.get(&*rule.id));
    if let Some(level) = said.or_else(|| policy.levels.get(&*rule.id)) {
        return *level;
    }
    let is_asked_for = rule.required_by.iter().any(|key| is_set(key, policy, tier));
    if rule.core || is_asked_for || rule.whose != Origin::Program {
        Level::Required
    } else {
        Level::Advised
    }
}

/// May a rule run at all?
pub(crate) fn may_run(rule: &Rule, policy: &Policy) -> bool {
    let tiers = policy.tiers.iter().map(Some);
    let mut layers = std::iter::once(None).chain(tiers);
    layers.any(|tier| level(rule, policy, tier) != Level::Off)
}

/// May a rule be required of anything?
pub(crate) fn may_be_required(rule: &Rule, policy: &Policy) -> bool {
    let tiers = policy.tiers.iter().map(Some);
    let mut layers = std::iter::once(None).chain(tiers);
    layers.any(|tier| level(rule, policy, tier) == Level::Required)
}

/// Does the policy require this rule of the program, of some table? Of core rules only those are told without which a table may
/// be called compliant all the same, where a term or a level asks for them: without the others a question is not asked.
pub(crate) fn is_required_beside_core(rule: &Rule, policy: &Policy) -> bool {
    if !rule.core {
        return may_be_required(rule, policy);
    }
    if decides_compliance(rule) {
        return false;
    }
    let mut levels = std::iter::once(&policy.levels).chain(policy.tiers.iter().map(|tier| &tier.levels));
    let is_named = levels.any(|levels| levels.get(&*rule.id) == Some(&Level::Required));
    let has_term = |other: &Rule| !other.core && other.question == rule.question && may_be_required(other, policy);
    is_named || shipped().0.iter().any(has_term)
}

/// Is no table compliant without it?
pub(crate) fn decides_compliance(rule: &Rule) -> bool {
    rule.core && matches!(rule.question, Question::InAPlan | Question::BackedUp)
}

/// Rules that a term of the policy asks for, whatever level they have.
pub(crate) fn of_terms<'p>(
    question: Question,
    policy: &'p Policy,
    tier: Option<&'p Tier>,
) -> impl Iterator<Item = &'static Rule> + 'p {
    let of_question = shipped()
        .0
        .iter()
        .filter(move |rule| rule.question == question && !rule.core);
    of_question.filter(move |rule| rule.required_by.iter().any(|key| is_set(key, policy, tier)))
}

/// Is a value of the policy given, and does it ask for more than nothing?
fn is_set(key: &str, policy: &Policy, tier: Option<&Tier>) -> bool {
    let values = tier.map_or(&policy.values, |tier| &tier.values);
    let is_given = || policy.is_given(key) || tier.is_some_and(|tier| tier.sets.contains(&key));
    match key {
        "retention-max" => values.retention_max_days < FOREVER_DAYS,
        "key-owner" => values.key_owner > KeyOwner::Any,
        "vault-lock" => values.vault_lock > LockWanted::None,
        "copy.regions" => !values.copy.regions.is_empty(),
        "copy.accounts" => !values.copy.accounts.is_empty(),
        "air-gapped-within" => values.air_gapped_within.is_some(),
        "restore-tested-within" => values.restore_tested_within.is_some(),
        // These have defaults that ask for something.
        _ => is_given(),
    }
}

/// The ids of the core rules of a question, as the program has them.
pub(crate) fn core_of(question: Question) -> &'static [String] {
    static CORE: LazyLock<BTreeMap<Question, Vec<String>>> = LazyLock::new(|| {
        let mut core: BTreeMap<Question, Vec<String>> = BTreeMap::new();
        for rule in &shipped().0 {
            if rule.core {
                core.entry(rule.question).or_default().push(rule.id.to_string());
            }
        }
        core
    });
    CORE.get(&question).map_or(&[], Vec::as_slice)
}
