//! The policies that packs show, whole and in words: what was asked for, and where each value comes from.

use chrono::{DateTime, Utc};

use super::policies::lines;
use crate::criteria::Criteria;
use crate::criteria::policy::{Policy, Source};
use crate::pack::intact::IntactPack;

/// A policy that packs show, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownPolicy {
    /// The first of these packs.
    pub(crate) from: DateTime<Utc>,
    /// The last of them.
    pub(crate) to: DateTime<Utc>,
    /// How many they are.
    pub(crate) packs: usize,
    /// Everything that it says.
    pub(crate) values: Vec<ShownValue>,
}

/// One value of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownValue {
    /// Its key, or `tier NAME`.
    pub(crate) what: String,
    /// As settings say it.
    pub(crate) value: String,
    /// `default`, `settings`, or the framework that asks for it.
    pub(crate) origin: String,
}

/// The policies of all packs, in order of time; packs that follow each other with the same are one.
pub(super) fn shown(packs: &[&IntactPack], all: &[(Criteria, bool)]) -> Vec<ShownPolicy> {
    let mut shown: Vec<ShownPolicy> = Vec::new();
    for (intact, (criteria, _)) in packs.iter().zip(all) {
        let (as_of, values) = (intact.pack.manifest.as_of, values(&criteria.policy));
        match shown.last_mut().filter(|last| last.values == values) {
            Some(last) => (last.to, last.packs) = (as_of, last.packs + 1),
            None => shown.push(ShownPolicy {
                from: as_of,
                to: as_of,
                packs: 1,
                values,
            }),
        }
    }
    shown
}

fn values(policy: &Policy) -> Vec<ShownValue> {
    let mut told = lines(policy);
    let line = |what: &str, value: String, origin: &str| ShownValue {
        what: what.to_owned(),
        value,
        origin: origin.to_owned(),
    };
    let mut all = Vec::new();
    // In the order of the settings, not of the alphabet.
    for (key, _) in policy.values.lines() {
        let source = policy.sources.iter().find(|(known, _)| *known == key);
        let origin = match source.map(|(_, source)| source) {
            None | Some(Source::Default) => "default",
            Some(Source::File) => SETTINGS,
            Some(Source::Framework(name)) => name,
        };
        all.extend(told.remove(key).map(|value| line(key, value, origin)));
    }
    let rules = policy.levels.iter();
    all.extend(rules.map(|(rule, level)| line(&format!("rules.{rule}"), level.as_str().to_owned(), SETTINGS)));
    // What is left are tiers and their order.
    all.extend(told.into_iter().map(|(what, value)| line(&what, value, SETTINGS)));
    let approval = policy.approval.lines().into_iter();
    all.extend(approval.map(|(key, value)| line(&format!("approval.{key}"), value, SETTINGS)));
    all
}

/// The settings or policy file.
const SETTINGS: &str = "settings";
