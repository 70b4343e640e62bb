//! The numbers that a framework fixes, and a policy as strict as they are.
//!
//! They bind the framework's own controls, and nothing else: a policy that is laxer does not pass under the framework's name,
//! and one that is stricter stays as strict.

use chrono::TimeDelta;

use super::layer::{CopyLayer, Layer, window};
use crate::criteria::policy::{Policy, Source};
use crate::criteria::values::{CopyValues, PolicyValues};
use crate::problem::Problem;
use crate::toml_reader::{Section, read_document};

/// What one framework fixes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    layer: Layer,
    window: Option<i64>,
}

impl Terms {
    /// Reads them: TOML text with or without the head `[policy]`.
    pub(crate) fn read(origin: &str, text: &str) -> (Option<Self>, Vec<Problem>) {
        let of = |section: &Section<'_>| Self {
            layer: Layer::read(section),
            window: window(section),
        };
        let (read, mistakes) = read_document(origin, text, |root| {
            if root.place_of("policy").is_none() {
                return Some(of(root));
            }
            let section = root.section("policy")?;
            let read = of(&section);
            section.finish();
            Some(read)
        });
        (read.flatten(), mistakes)
    }

    /// A policy as strict as these terms for every table, and where it is stricter itself as strict as it is. Keys that the
    /// terms decide for tables of no tier come from `framework`.
    pub(crate) fn tighten(&self, policy: &Policy, framework: &str) -> Policy {
        let mut tight = policy.clone();
        tight.values = self.over(&policy.values);
        for tier in &mut tight.tiers {
            tier.values = self.over(&tier.values);
        }
        tight.window_days = self.window.unwrap_or(0).max(policy.window_days);
        for ((key, before), (_, after)) in policy.values.lines().into_iter().zip(tight.values.lines()) {
            if before != after || self.sets(key) && !policy.is_given(key) {
                tight.sources.retain(|(known, _)| *known != key);
                tight.sources.push((key, Source::Framework(framework.to_owned())));
            }
        }
        tight
    }

    /// Where a policy asks for less than these terms: `retention-min: policy 35d, framework 90d`.
    pub(crate) fn laxer(&self, policy: &Policy) -> Vec<String> {
        let tiers = policy.tiers.iter().filter(|tier| tier.exemption.is_none());
        let tiers = tiers.map(|tier| (format!("tier {}, ", tier.name), &tier.values));
        let all = std::iter::once((String::new(), &policy.values)).chain(tiers);
        let mut laxer: Vec<String> = Vec::new();
        for (who, values) in all {
            for ((key, own), (_, tight)) in values.lines().into_iter().zip(self.over(values).lines()) {
                let line = format!("{key}: policy {own}, framework {tight}");
                // A tier that only inherits is not told again.
                if own != tight && !laxer.contains(&line) {
                    laxer.push(format!("{who}{line}"));
                }
            }
        }
        laxer
    }

    fn sets(&self, key: &str) -> bool {
        key == "rto" && self.layer.rto.is_some()
    }

    /// The stricter of each value.
    fn over(&self, own: &PolicyValues) -> PolicyValues {
        let layer = &self.layer;
        let mut tight = own.clone();
        let asks_for_age = layer.rpo.is_some() || layer.frequency.is_some();
        let age = layer.over(&PolicyValues::default());
        if asks_for_age && (age.limit() < own.limit() || age.wanted_interval() < own.wanted_interval()) {
            // As a whole: a frequency of one and a tolerance of another are nobody's limit.
            (tight.rpo, tight.frequency, tight.tolerance) = (age.rpo, age.frequency, age.tolerance);
            tight.rpo = strictest(tight.rpo, own.rpo.filter(|rpo| *rpo < age.limit()));
        }
        tight.retention_min_days = layer
            .retention_min
            .map_or(own.retention_min_days, |theirs| theirs.max(own.retention_min_days));
        tight.retention_max_days = layer
            .retention_max
            .map_or(own.retention_max_days, |theirs| theirs.min(own.retention_max_days));
        tight.key_owner = layer
            .key_owner
            .map_or(own.key_owner, |theirs| theirs.max(own.key_owner));
        tight.vault_lock = layer
            .vault_lock
            .map_or(own.vault_lock, |theirs| theirs.max(own.vault_lock));
        // A copy stands for the point at home where the framework says so too, and nowhere else.
        tight.accept_copies = own.accept_copies && layer.accept_copies == Some(true);
        tight.copy = stricter_copy(&tight, &layer.copy);
        tight.air_gapped_within = strictest(own.air_gapped_within, layer.air_gapped_within.flatten());
        tight.restore_tested_within = strictest(own.restore_tested_within, layer.restore_tested_within.flatten());
        tight.rto = layer.rto.map_or(own.rto, |theirs| theirs.min(own.rto));
        tight
    }
}

/// What both ask of copies. Of one that stands for the point at home, what the policy leaves to the values of that point is
/// no less than these.
fn stricter_copy(own: &PolicyValues, theirs: &CopyLayer) -> CopyValues {
    let home = own.of_accepted_copy();
    CopyValues {
        regions: union(own.copy.regions.clone(), theirs.regions.as_deref().unwrap_or_default()),
        accounts: union(
            own.copy.accounts.clone(),
            theirs.accounts.as_deref().unwrap_or_default(),
        ),
        rpo: strictest(own.copy.rpo, theirs.rpo),
        retention_min_days: theirs
            .retention_min
            .map(|theirs| home.map_or(theirs, |home| theirs.max(home.retention_min_days)))
            .max(own.copy.retention_min_days),
        key_owner: theirs
            .key_owner
            .map(|theirs| home.map_or(theirs, |home| theirs.max(home.key_owner)))
            .max(own.copy.key_owner),
        vault_lock: theirs
            .vault_lock
            .map(|theirs| home.map_or(theirs, |home| theirs.max(home.vault_lock)))
            .max(own.copy.vault_lock),
    }
}

/// The shorter of two limits; a limit is stricter than none.
fn strictest(mine: Option<TimeDelta>, theirs: Option<TimeDelta>) -> Option<TimeDelta> {
    match (mine, theirs) {
        (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
        (one, other) => one.or(other),
    }
}

/// The items of both, in order of first appearance.
fn union(mut mine: Vec<String>, theirs: &[String]) -> Vec<String> {
    for item in theirs {
        if !mine.contains(item) {
            mine.push(item.clone());
        }
    }
    mine
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criteria::policy::parse;

    fn terms(text: &str) -> Terms {
        let (terms, mistakes) = Terms::read("framework `f`", text);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        terms.expect("terms")
    }

    fn policy(text: &str) -> Policy {
        parse(&format!("[policy]\n{text}"), "p.toml").expect("a policy")
    }

    #[test]
    fn the_stricter_value_holds_whoever_asks_for_it() {
        let strict = "rpo = \"1h\"\nretention-min = \"90d\"\nretention-max = \"400d\"\nkey-owner = \"customer-managed\"
            vault-lock = \"compliance\"\ncopy = { regions = [\"eu-north-1\"], accounts = [\"444455556666\"], rpo = \"2d\", retention-min = \"1y\", key-owner = \"aws-managed\", vault-lock = \"governance\" }
            accept-copies = false\nair-gapped-within = \"9d\"\nrestore-tested-within = \"30d\"\nrto = \"1h\"\nwindow = \"90d\"";
        let weak = "rpo = \"24h\"\nretention-min = \"35d\"\nretention-max = \"none\"\nkey-owner = \"any\"
            vault-lock = \"none\"\ncopy = { rpo = \"30d\", retention-min = \"90d\", key-owner = \"any\" }\naccept-copies = true\nair-gapped-within = \"none\"\nrestore-tested-within = \"none\"
            rto = \"12h\"\nwindow = \"30d\"";
        let wanted = policy(strict);
        for (own, theirs) in [(strict, weak), (weak, strict)] {
            let tight = terms(theirs).tighten(&policy(own), "f");
            assert_eq!(tight.values, wanted.values);
            assert_eq!(tight.window_days, 90);
        }
        assert!(terms(weak).laxer(&wanted).is_empty());
        assert_eq!(terms(strict).laxer(&policy(weak)).len(), 15);
    }

    #[test]
    fn a_laxer_policy_is_told_and_tiers_are_bound_too() {
        let daily = terms("[policy]\nfrequency = \"1d\"\n");
        let lax =
            policy("rpo = \"30d\"\n[[policy.tier]]\nname = \"gold\"\nwhen = \"table_name = 'a'\"\nrpo = \"60d\"\n");
        let tight = daily.tighten(&lax, "f");
        assert_eq!(tight.values.limit(), TimeDelta::hours(36));
        assert_eq!(tight.tiers[0].values.limit(), TimeDelta::hours(36));
        let told = daily.laxer(&lax);
        assert!(
            told.iter().any(|line| line == "rpo: policy 30d, framework none"),
            "{told:?}"
        );
        assert!(
            told.iter().any(|line| line.starts_with("tier gold, rpo: policy 60d")),
            "{told:?}"
        );
        // A stricter promise stays.
        let strict = policy("rpo = \"12h\"");
        assert_eq!(daily.tighten(&strict, "f").values.limit(), TimeDelta::hours(12));
        assert!(daily.laxer(&strict).is_empty());
    }
}
