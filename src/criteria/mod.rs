//! What tables are judged by: rules, policy, waivers, frameworks, and what an earlier scan knew.
//!
//! Plain values, and how each is read and stored. Nothing here looks at an inventory. Of remediation only the ids of its
//! actions are known here.

pub(crate) mod asked;
pub(crate) mod baseline;
pub mod changes;
pub(crate) mod demands;
pub mod files;
pub mod frameworks;
pub(crate) mod levels;
pub mod policy;
pub(crate) mod predicate;
pub mod rules;
pub mod values;
pub mod vocabulary;
pub mod waivers;

use std::collections::BTreeSet;

use baseline::Baseline;
use changes::Change;
use frameworks::Framework;
use policy::Policy;
use rules::RuleSet;
use waivers::Waivers;

/// Whose a rule or a framework is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The program's, word for word, or a rule in the words under which an earlier version shipped it.
    Program,
    /// It has the id of one of the program's, and says something else.
    Changed,
    /// Somebody else's: the program has none of that id.
    Own,
}

impl Origin {
    /// Whose a text is, held against the program's of that id.
    fn of(text: &str, shipped: Option<&str>) -> Self {
        match shipped {
            None => Self::Own,
            Some(shipped) if is_same(text, shipped) => Self::Program,
            Some(_) => Self::Changed,
        }
    }

    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Changed => "changed",
            Self::Own => "own",
        }
    }
}

/// Is it the program's text, word for word or with pseudonyms for the account ids of its examples, as `--redact-accounts`
/// leaves it? No two ids may have become one, nor one id two: that would be another example.
fn is_same(text: &str, shipped: &str) -> bool {
    if text == shipped {
        return true;
    }
    let ((rest, found), (own_rest, own)) = (without_ids(text), without_ids(shipped));
    let pairs: BTreeSet<(&str, &str)> = own.iter().copied().zip(found.iter().copied()).collect();
    let number = |ids: Vec<&str>| BTreeSet::from_iter(ids).len();
    let all_alike = pairs
        .iter()
        .all(|(own, found)| own == found || found.starts_with(PSEUDONYM));
    rest == own_rest
        && own.len() == found.len()
        && all_alike
        && number(own) == pairs.len()
        && number(found) == pairs.len()
}

/// How every pseudonym of an account begins.
const PSEUDONYM: &str = "000000";

/// A text with every run of twelve digits taken out, and those runs.
fn without_ids(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut rest, mut ids, mut left) = (Vec::new(), Vec::new(), text);
    while let Some(start) = left.find(|character: char| character.is_ascii_digit()) {
        let run = &left[start..];
        let end = run
            .find(|character: char| !character.is_ascii_digit())
            .unwrap_or(run.len());
        let (word, after) = if end == 12 { ("", run) } else { (&run[..end], run) };
        rest.extend([&left[..start], word]);
        if end == 12 {
            ids.push(&run[..end]);
        }
        left = &after[end..];
    }
    rest.push(left);
    (rest, ids)
}

/// What tables are judged by.
pub struct Criteria {
    /// The rules that were chosen.
    pub rules: RuleSet,
    /// What the organisation requires.
    pub policy: Policy,
    /// Findings that are accepted.
    pub waivers: Waivers,
    /// Findings of an earlier scan, to tell new ones from known ones; none: not asked for.
    pub baseline: Option<Baseline>,
    /// What was done between an earlier scan and this one; empty: nobody said.
    pub changes: Vec<Change>,
    /// Frameworks whose controls the report is to show.
    pub frameworks: Vec<Framework>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_text_is_known_under_pseudonyms_and_no_other_is() {
        let shipped = "rpo = 26\nfrom = '111122223333'\nto = '999988887777'\nback = '111122223333'\n";
        let of = |own: &str, to: &str, back: &str| format!("rpo = 26\nfrom = '{own}'\nto = '{to}'\nback = '{back}'\n");
        let (one, two, three) = ("000000000001", "000000000002", "000000000003");
        for (text, expected) in [
            (of(one, two, one), Origin::Program),
            (of("111122223333", "999988887777", "111122223333"), Origin::Program),
            // One id that became two, two that became one, and an id that is no pseudonym.
            (of(one, two, three), Origin::Changed),
            (of(one, one, one), Origin::Changed),
            (of("444455556666", two, "444455556666"), Origin::Changed),
            // Anything else that differs.
            (of(one, two, one).replace("26", "99"), Origin::Changed),
            (of(one, two, one).replace("back", "then"), Origin::Changed),
            (of(one, two, one) + "'000000000001'", Origin::Changed),
            (of(one, two, "00000000001"), Origin::Changed),
        ] {
            assert_eq!(Origin::of(&text, Some(shipped)), expected, "{text}");
        }
        assert_eq!(Origin::of(shipped, None), Origin::Own);
    }

    /// What `--redact-accounts` may change in a rule is an example: no condition of the program's names an account.
    #[test]
    fn account_ids_stand_in_examples_only() {
        for rule in rules::RuleSet::load(None, &[]).expect("rules").0 {
            let (before, _) = rule.text.split_once("[[example]]").unwrap_or((&rule.text, ""));
            assert!(without_ids(before).1.is_empty(), "{}", rule.id);
        }
    }
}
