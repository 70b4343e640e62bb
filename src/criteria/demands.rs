//! Rules that ask one demand alone, and the core rule that asks it of one recovery point, or of one plan, together with others.
//!
//! The rule files say which (`excuses`): what was open, or accepted, under the rule on the demand speaks of the same demand inside
//! the core rule.

use super::rules::{Rule, shipped};
use crate::domain::Demands;

/// The demands of a core rule that another rule asks alone; none if it asks something else, or those of another core rule.
pub(crate) fn demands_within(core: &str, rule: &str) -> Option<Demands> {
    let mut excuses = alone(rule)?.excuses.iter();
    excuses.find(|(within, _)| within == core).map(|(_, demands)| *demands)
}

/// The core rule that asks, with others, what this rule asks alone.
pub(crate) fn core_over(rule: &str) -> Option<&'static str> {
    alone(rule)?.excuses.first().map(|(core, _)| core.as_str())
}

fn alone(rule: &str) -> Option<&'static Rule> {
    shipped().0.iter().find(|shipped| *shipped.id == *rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Demand, Subject};

    #[test]
    fn rules_that_ask_one_demand_alone_are_about_tables_and_name_a_core_rule() {
        let of = |id: &str| shipped().0.iter().find(|rule| *rule.id == *id).expect(id);
        for rule in shipped().0.iter().filter(|rule| !rule.excuses.is_empty()) {
            assert_eq!(rule.subject, Subject::Table, "{}", rule.id);
            let core = core_over(&rule.id).expect("a core rule");
            assert!(!rule.core && of(core).core, "{} {core}", rule.id);
            let demands = demands_within(core, &rule.id).expect("demands");
            assert!(demands.are_among(of(core).demands), "{} {demands:?}", rule.id);
        }
        let kept = demands_within("backed-up", "recovery-point-retained");
        assert_eq!(kept, Some(Demands::from_iter([Demand::Kept])));
        assert_eq!(demands_within("plan-meets-policy", "recovery-point-fresh"), None);
        assert_eq!(core_over("pitr-on"), None);
    }
}
