//! Texts under which the program's own rules were shipped before. Packs keep the text that judged: an edit of words must not
//! make the rule of an old pack somebody else's, and an edit of what decides must.

use super::{Rule, shipped};
use crate::digest;

/// One line for each text: its digest, a space, the id of its rule; `#` begins a comment.
const LIST: &str = include_str!("../../../rules/shipped-texts.txt");

/// What stands before the examples: words and conditions. Examples decide nothing, and `--redact-accounts` changes the account
/// ids in them.
fn said(text: &str) -> &str {
    text.split_once("[[example]]").map_or(text, |(said, _)| said)
}

/// The line of a rule's text.
fn line(rule: &Rule) -> String {
    format!("{} {}", digest::of_bytes(said(&rule.text).as_bytes()), rule.id)
}

/// Is this the program's rule of that id in the words of an earlier version: a text that was shipped, and that decides as
/// today's does?
pub(super) fn is_of_earlier_version(rule: &Rule) -> bool {
    let line = line(rule);
    let today = shipped().0.iter().find(|today| today.id == rule.id);
    // What follows the first example is in no digest, so that the conditions are compared as they were read.
    LIST.lines().any(|known| known == line) && today.is_some_and(|today| decides_alike(rule, today))
}

/// Do two rules ask the same of the same, and count alike? Words for people may differ.
fn decides_alike(one: &Rule, other: &Rule) -> bool {
    let conditions = |rule: &Rule| (rule.compliant_text.clone(), rule.applies_text.clone());
    let counts = |rule: &Rule| (rule.subject, rule.severity, rule.question, rule.core, rule.action);
    conditions(one) == conditions(other)
        && counts(one) == counts(other)
        && one.required_by == other.required_by
        && one.demands == other.demands
        && one.excuses == other.excuses
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use crate::criteria::Origin;

    /// A core rule as a version of before shipped it.
    const EARLIER: &str = include_str!("../../../tests/rules/backed-up.toml");

    fn origin(text: &str) -> Origin {
        parse("rules/backed-up.toml", text).expect("a rule").whose
    }

    /// A text that is not listed would make the packs of this version somebody else's as soon as a word of it is edited.
    #[test]
    fn every_text_of_today_is_listed() {
        let mut lines: Vec<String> = LIST.lines().map(str::to_owned).collect();
        let missing: Vec<String> = shipped()
            .0
            .iter()
            .map(line)
            .filter(|line| !lines.contains(line))
            .collect();
        if std::env::var_os("BACKPROOF_BLESS").is_some() && !missing.is_empty() {
            lines.extend(missing);
            let (comments, mut texts): (Vec<String>, Vec<String>) =
                lines.into_iter().partition(|line| line.starts_with('#'));
            texts.sort_by_key(|line| line.split(' ').rev().map(str::to_owned).collect::<Vec<_>>());
            let all = [comments, texts].concat().join("\n") + "\n";
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/shipped-texts.txt");
            std::fs::write(path, all).expect("a writable list");
            return;
        }
        assert!(
            missing.is_empty(),
            "run this test with BACKPROOF_BLESS=1; not listed: {missing:#?}"
        );
    }

    #[test]
    fn every_line_is_a_digest_and_the_id_of_a_rule() {
        for line in LIST.lines().filter(|line| !line.starts_with('#')) {
            let (digest, id) = line.split_once(' ').expect("two words");
            assert!(
                digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{line}"
            );
            assert!(shipped().0.iter().any(|rule| *rule.id == *id), "{line}");
        }
    }

    #[test]
    fn an_earlier_text_is_the_programs_and_one_that_decides_otherwise_is_not() {
        let today = shipped()
            .0
            .iter()
            .find(|rule| *rule.id == *"backed-up")
            .expect("a rule");
        assert_ne!(*today.text, *EARLIER, "take a text whose words have been edited since");
        assert_eq!(origin(EARLIER), Origin::Program);
        let pseudonyms = EARLIER.replace("111122223333", "000000000001");
        assert_eq!(origin(&pseudonyms), Origin::Program);
        for (from, to) in [
            // A condition, what it counts for, a demand, a word.
            (
                "compliant = \"backed_up\"",
                "compliant = \"backed_up OR limit_hours > 0\"",
            ),
            ("severity = \"critical\"", "severity = \"low\""),
            ("\"locked\"]", "]"),
            ("start an on-demand backup", "do nothing"),
        ] {
            assert!(EARLIER.contains(from), "{from}");
            assert_eq!(origin(&EARLIER.replace(from, to)), Origin::Changed, "{to}");
        }
    }

    /// What stands after the examples is in no digest; it must not decide either.
    #[test]
    fn a_condition_behind_the_examples_is_seen() {
        let of = |id: &str| shipped().0.iter().find(|rule| *rule.id == *id).expect("a rule");
        let rule = of("in-a-plan");
        assert!(rule.applies.is_empty(), "take a rule that always asks");
        let hidden = format!(
            "{}\n[[applies]]\nwhen = \"is_not_yet_due\"\nelse = \"nothing\"\n",
            rule.text
        );
        let parsed = parse("rules/in-a-plan.toml", &hidden).expect("a rule");
        assert_eq!(parsed.whose, Origin::Changed);
    }
}
