//! `[policy]` of a settings or policy file, read whole: values, window and tiers.

use super::Policy;
use super::Source;
use super::layer::{Layer, VALUE_KEYS, clashes, place_of, source_words, window};
use super::{approval, levels, tiers};
use crate::problem::{Outcome, Problem, Problems};
use crate::toml_reader::{Section, read_document};

/// Reads a policy file: nothing but `[policy]`. Gives what can be read, and every mistake. `known`: the ids of rules.
pub(crate) fn document(text: &str, origin: &str, known: Option<&[String]>) -> (Option<Policy>, Vec<Problem>) {
    let (policy, mistakes) = read_document(origin, text, |root| match root.section("policy") {
        Some(section) => Some(read(&section, known)),
        None => {
            if root.place_of("policy").is_none() {
                root.missing("policy");
            }
            None
        }
    });
    (policy.flatten(), mistakes)
}

/// Reads the text of a policy file.
///
/// Errors: every mistake, each with its line.
pub fn parse(text: &str, origin: &str) -> Outcome<Policy> {
    match document(text, origin, None) {
        (Some(policy), mistakes) if mistakes.is_empty() => Ok(policy),
        (_, mistakes) => Err(Problems(mistakes)),
    }
}

/// Reads `[policy]` over the defaults. `known`: the ids of rules, which `rules` may name; `None`: any.
pub(crate) fn read(section: &Section<'_>, known: Option<&[String]>) -> Policy {
    let mut policy = Policy::default();
    policy.values = Layer::read(section).over(&policy.values);
    if let Some(days) = window(section) {
        policy.window_days = days;
    }
    if let Some(rules) = section.section("rules") {
        policy.levels = levels::read(&rules, known);
    }
    let own = VALUE_KEYS.into_iter().chain(["window"]);
    for key in own.filter(|key| place_of(section, key).is_some()) {
        policy.sources.retain(|(known, _)| *known != key);
        policy.sources.push((key, Source::File));
    }
    let said_by = |key: &str| source_words(&policy.sources, key, "this `[policy]`");
    for clash in clashes(&policy.values, said_by) {
        let place = clash.place(section).unwrap_or(section.offset);
        clash.note(section, place);
    }
    policy.tiers = tiers::read(section, &policy, known);
    policy.approval = approval::approval(section);
    policy.exceptions = approval::exceptions(section);
    section.finish();
    policy
}
