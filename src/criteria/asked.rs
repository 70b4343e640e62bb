//! What a scan asked: what each rule counted for, and by which frameworks. So that a later scan can tell what is newly asked
//! and what is asked no more.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::criteria::Criteria;
use crate::criteria::levels::level;
use crate::criteria::policy::Tier;
use crate::criteria::rules::{MATCH, Rule, shipped};
use crate::domain::{Finding, Level};

/// What a scan asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// By rule, where no tier says otherwise. A rule that is not here was not asked.
    rules: BTreeMap<String, Level>,
    /// By tier: rules that count for something else there.
    tiers: BTreeMap<String, BTreeMap<String, Level>>,
    /// Ids of frameworks by whose numbers it judged too.
    frameworks: BTreeSet<String>,
}

/// A rule that counts for something else than in an earlier scan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shift {
    /// The rule.
    pub(crate) rule: String,
    /// The tier for whose tables alone it changed; none: for tables of no tier, and for every tier that says nothing else.
    pub(crate) tier: Option<String>,
    /// What it counted for; off: it was not asked.
    pub(crate) before: Level,
    /// What it counts for; off: it is not asked.
    pub(crate) after: Level,
}

/// What a [`Shift`] means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ShiftKind {
    /// It decided on verdicts and exit codes, and does not any more.
    Weakened,
    /// It was not asked.
    NewlyAsked,
    /// It only advised, and decides now.
    NewlyRequired,
    /// It only advised, and is not asked any more.
    Dropped,
}

impl ShiftKind {
    /// Every kind, worst first.
    pub(crate) const ALL: [Self; 4] = [Self::Weakened, Self::NewlyAsked, Self::NewlyRequired, Self::Dropped];

    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Weakened => "weakened",
            Self::NewlyAsked => "newly-asked",
            Self::NewlyRequired => "newly-required",
            Self::Dropped => "dropped",
        }
    }
}

impl Shift {
    /// What it means.
    pub(crate) const fn kind(&self) -> ShiftKind {
        match (self.before, self.after) {
            (Level::Required, _) => ShiftKind::Weakened,
            (Level::Off, _) => ShiftKind::NewlyAsked,
            (Level::Advised, Level::Required) => ShiftKind::NewlyRequired,
            (Level::Advised, _) => ShiftKind::Dropped,
        }
    }
}

/// For people: a rule that is off was not asked.
pub(crate) const fn level_words(level: Level) -> &'static str {
    match level {
        Level::Off => "not asked",
        level => level.as_str(),
    }
}

/// What a rule counted for before rules had levels: everything that was asked was required. Rules on waivers are required
/// wherever they match something, then as now.
pub(crate) fn before_levels(rule: &str) -> Level {
    let on_waivers = |known: &Rule| known.required_by.iter().any(|key| key == MATCH);
    let mut known = shipped().0.iter().filter(|known| *known.id == *rule);
    if known.any(on_waivers) {
        Level::Advised
    } else {
        Level::Required
    }
}

impl Asked {
    /// By these levels, and with those that differ in a tier.
    pub(crate) fn new(
        rules: BTreeMap<String, Level>,
        tiers: BTreeMap<String, BTreeMap<String, Level>>,
        frameworks: BTreeSet<String>,
    ) -> Self {
        Self {
            rules,
            tiers,
            frameworks,
        }
    }

    /// What these criteria ask.
    pub(crate) fn of(criteria: &Criteria) -> Self {
        let (rules, policy) = (&criteria.rules.0, &criteria.policy);
        let of = |tier: Option<&Tier>| -> BTreeMap<String, Level> {
            let levels = rules
                .iter()
                .map(|rule| (rule.id.to_string(), level(rule, policy, tier)));
            levels.collect()
        };
        let of_all = of(None);
        // What an exempt table would be asked does not matter.
        let judged = policy.tiers.iter().filter(|tier| tier.exemption.is_none());
        let tiers = judged.filter_map(|tier| {
            let mut levels = of(Some(tier));
            levels.retain(|rule, level| of_all.get(rule) != Some(level));
            (!levels.is_empty()).then(|| (tier.name.clone(), levels))
        });
        Self {
            tiers: tiers.collect(),
            frameworks: criteria
                .frameworks
                .iter()
                .map(|framework| framework.id.clone())
                .collect(),
            rules: of_all,
        }
    }

    /// The same, of a scan before rules had levels.
    #[must_use]
    pub(crate) fn without_levels(mut self) -> Self {
        for (rule, level) in &mut self.rules {
            *level = before_levels(rule);
        }
        self.tiers.clear();
        self
    }

    /// What a rule counted for, for tables of a tier; off: it was not asked.
    pub(crate) fn level(&self, rule: &str, tier: Option<&str>) -> Level {
        let of_tier = tier.and_then(|tier| self.tiers.get(tier)?.get(rule));
        of_tier.or_else(|| self.rules.get(rule)).copied().unwrap_or(Level::Off)
    }

    /// Was a rule required, of tables of some tier at least?
    pub(crate) fn is_required_of_any(&self, rule: &str) -> bool {
        let of_tiers = self.tiers.values().map(|levels| levels.get(rule));
        let mut all = of_tiers.chain([self.rules.get(rule)]);
        all.any(|level| level == Some(&Level::Required))
    }

    /// What a finding like this one counted for, of a table of that tier; off: it was not asked for.
    pub(crate) fn level_of(&self, finding: &Finding, tier: Option<&str>) -> Level {
        match &finding.framework {
            Some(framework) if !self.frameworks.contains(&**framework) => Level::Off,
            _ => self.level(&finding.rule, tier),
        }
    }

    /// The rules that count for something else in a tier; none: none do.
    pub(crate) fn of_tier(&self, tier: &str) -> Option<&BTreeMap<String, Level>> {
        self.tiers.get(tier)
    }

    /// The rules that count for something else in the newer of two scans, in order of rule, then tier.
    pub(crate) fn shifts(&self, newer: &Self) -> Vec<Shift> {
        let tiers: BTreeSet<&String> = self.tiers.keys().chain(newer.tiers.keys()).collect();
        let layers = || std::iter::once(None).chain(tiers.iter().map(|tier| Some(tier.as_str())));
        let mut rules: BTreeSet<&String> = self.rules.keys().collect();
        rules.extend(newer.rules.keys());
        let mut shifts = Vec::new();
        for rule in rules {
            let of = |tier: Option<&str>| (self.level(rule, tier), newer.level(rule, tier));
            for tier in layers() {
                let (before, after) = of(tier);
                // A tier in which the same changed as everywhere is not told again.
                if before != after && (tier.is_none() || of(None) != (before, after)) {
                    shifts.push(Shift {
                        rule: rule.clone(),
                        tier: tier.map(str::to_owned),
                        before,
                        after,
                    });
                }
            }
        }
        shifts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Level::{Advised, Off, Required};

    fn criteria(policy: &str) -> Criteria {
        let ids = ["in-a-plan", "pitr-on", "vault-lock-strong-enough"].map(str::to_owned);
        let mut rules = crate::criteria::rules::RuleSet::load(None, &ids).expect("rules");
        rules.0.iter_mut().for_each(|rule| rule.is_named = false);
        Criteria {
            rules,
            policy: crate::criteria::policy::parse(policy, "policy.toml").expect("a policy"),
            waivers: crate::criteria::waivers::Waivers::default(),
            baseline: None,
            changes: Vec::new(),
            frameworks: Vec::new(),
        }
    }

    fn asked(policy: &str) -> Asked {
        Asked::of(&criteria(policy))
    }

    #[test]
    fn levels_shift_by_settings_by_values_and_by_tier() {
        let plain = asked("[policy]\n");
        assert_eq!(plain.level("pitr-on", None), Advised);
        assert_eq!(plain.level("pitr-on", Some("gold")), Advised);
        assert_eq!(plain.level("backed-up", None), Off, "it did not run");
        let gold = "[policy]\n[[policy.tier]]\nname = \"gold\"\nwhen = \"table_name = 'a'\"\n";
        let required = format!("{gold}rules = {{ pitr-on = \"require\" }}\n");
        let lock = "[policy]\nvault-lock = \"compliance\"\n";
        let off = "[policy.rules]\npitr-on = \"off\"\n";
        for (then, now, wanted) in [
            ("[policy]\n", gold, vec![]),
            (gold, &required, vec![("pitr-on", Some("gold"), Advised, Required)]),
            (&required, gold, vec![("pitr-on", Some("gold"), Required, Advised)]),
            // The tables of a tier that is gone are judged like others.
            (
                &required,
                "[policy]\n",
                vec![("pitr-on", Some("gold"), Required, Advised)],
            ),
            (
                lock,
                "[policy]\n",
                vec![("vault-lock-strong-enough", None, Required, Advised)],
            ),
            (
                "[policy]\n",
                lock,
                vec![("vault-lock-strong-enough", None, Advised, Required)],
            ),
            (off, "[policy]\n", vec![("pitr-on", None, Off, Advised)]),
            ("[policy]\n", off, vec![("pitr-on", None, Advised, Off)]),
        ] {
            let wanted: Vec<Shift> = wanted
                .into_iter()
                .map(|(rule, tier, before, after)| Shift {
                    rule: rule.to_owned(),
                    tier: tier.map(str::to_owned),
                    before,
                    after,
                })
                .collect();
            assert_eq!(asked(then).shifts(&asked(now)), wanted, "{then} {now}");
        }
    }

    #[test]
    fn a_shift_has_one_meaning() {
        for (before, after, kind) in [
            (Required, Advised, ShiftKind::Weakened),
            (Required, Off, ShiftKind::Weakened),
            (Off, Advised, ShiftKind::NewlyAsked),
            (Off, Required, ShiftKind::NewlyAsked),
            (Advised, Required, ShiftKind::NewlyRequired),
            (Advised, Off, ShiftKind::Dropped),
        ] {
            let shift = Shift {
                rule: "r".to_owned(),
                tier: None,
                before,
                after,
            };
            assert_eq!(shift.kind(), kind);
        }
    }
}
