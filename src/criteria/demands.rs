//! Rules that ask one demand alone, and the core rule that asks it of one recovery point, or of one plan, together with others.
//!
//! One table of data: what was open, or accepted, under the rule on the demand speaks of the same demand inside the core rule.

/// Rule, demand, core rule.
const ASKED_ALONE: [(&str, &str, &str); 14] = [
    ("recovery-point-fresh", "fresh", "backed-up"),
    ("recovery-point-of-this-table", "of-this-table", "backed-up"),
    ("recovery-point-retained", "kept", "backed-up"),
    ("recovery-point-encrypted", "key-owner", "backed-up"),
    ("recovery-point-key-owner", "key-owner", "backed-up"),
    ("vault-key-usable", "key-works", "backed-up"),
    ("vault-locked", "locked", "backed-up"),
    ("vault-lock-strong-enough", "locked", "backed-up"),
    ("plan-frequent-enough", "frequent", "plan-meets-policy"),
    ("plan-retention-long-enough", "kept", "plan-meets-policy"),
    ("plan-frequency-and-retention", "frequent-and-kept", "plan-meets-policy"),
    ("plan-vault-locked", "locked", "plan-meets-policy"),
    ("backup-jobs-succeed", "works", "plan-meets-policy"),
    ("backup-runs-not-missed", "works", "plan-meets-policy"),
];

/// The demand that a rule asks alone; none if it asks something else, or that of another core rule.
pub(crate) fn demand_within(core: &str, rule: &str) -> Option<&'static str> {
    let mut all = ASKED_ALONE.iter();
    all.find(|(alone, _, within)| *alone == rule && *within == core)
        .map(|(_, demand, _)| *demand)
}

/// The core rule that asks, with others, the demand that this rule asks alone.
pub(crate) fn core_over(rule: &str) -> Option<&'static str> {
    let mut all = ASKED_ALONE.iter();
    all.find(|(alone, ..)| *alone == rule).map(|(.., core)| *core)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criteria::rules::shipped;
    use crate::domain::Subject;

    #[test]
    fn every_rule_of_the_table_exists_and_is_about_tables() {
        let of = |id: &str| shipped().0.iter().find(|rule| *rule.id == *id).expect(id);
        for (alone, demand, core) in ASKED_ALONE {
            assert_eq!(of(alone).subject, Subject::Table, "{alone}");
            assert!(!of(alone).core && of(core).core, "{alone} {core}");
            assert_eq!(demand_within(core, alone), Some(demand));
            assert_eq!(core_over(alone), Some(core));
        }
        assert_eq!(demand_within("plan-meets-policy", "recovery-point-fresh"), None);
        assert_eq!(core_over("pitr-on"), None);
    }
}
