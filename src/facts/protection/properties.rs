//! Random worlds over small alphabets, so that matches happen: the index against the definition, and what knowing more
//! may change.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::pattern::{behind, glob};
use super::*;

const HEAD: &str = "arn:aws:dynamodb:us-east-1:111122223333:table/";

type Tags = BTreeMap<String, String>;

fn place(opt_in: Option<bool>, org_opt_in: Option<bool>) -> Place {
    Place {
        partition: "aws".into(),
        account_id: "111122223333".into(),
        region: "us-east-1".into(),
        opt_in,
        org_opt_in,
    }
}

fn arns() -> impl Strategy<Value = String> {
    let heads = prop_oneof![
        20 => Just(HEAD),
        1 => Just("arn:aws:dynamodb:eu-west-1:111122223333:table/"),
        1 => Just("arn:aws-cn:dynamodb:us-east-1:111122223333:table/"),
        1 => Just("arn:aws:dynamodb:us-east-1:111122223333:table/awsbackup-restore-test-"),
    ];
    (heads, prop_oneof![20 => "[ab]{1,3}", 1 => "[ab][ :/\u{a0}][ab]"]).prop_map(|(head, name)| format!("{head}{name}"))
}

/// Without the tag of restore tests, which is no news: its tables carry the name as well.
fn tags() -> impl Strategy<Value = Tags> {
    prop::collection::btree_map(select(vec!["a", "b", "aws:c"]), "[xy \u{a0}]{0,2}", 0..3)
        .prop_map(|tags| tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn patterns(most: usize) -> impl Strategy<Value = Vec<String>> {
    let fixed = select(vec![
        "*",
        "arn:aws:*",
        "arn:*",
        "arn:aws:dynamodb:*",
        "arn:aws:dynamodb:*:*",
        "arn:aws:dynamodb:*:*:*",
        "arn:aws:dynamodb:*:*:tab*",
        "arn:aws:dynamodb:*:table/a",
        "arn:aws:dynamodb:us-*:*:table/a*",
        "arn:aws:dynamodb:::*",
        "arn:aws:s3:::*",
        "arn:aws:rds:*:*:db:*",
    ]);
    let heads = select(vec![
        HEAD,
        "arn:aws:dynamodb:*:*:table/",
        "arn:aws:dynamodb:::table/",
        "arn:*table/",
        "*/",
    ]);
    let named = (heads, "[ab]{0,2}[ab*]{0,2}").prop_map(|(head, name)| format!("{head}{name}"));
    prop::collection::vec(prop_oneof![fixed.prop_map(str::to_owned), named], 0..=most)
}

fn selections() -> impl Strategy<Value = Selection> {
    let tag = (
        prop_oneof![9 => Just("STRINGEQUALS"), 1 => Just("StringEquals"), 1 => Just("STRINGLIKE")],
        select(vec!["a", "a", "b", "b", "aws:ResourceTag/a", "aws:c"]),
        "[xy]{0,2}",
    )
        .prop_map(|(kind, key, value)| TagCondition {
            kind: kind.into(),
            key: key.into(),
            value,
        });
    let operator = prop_oneof![
        3 => Just("StringEquals"), 2 => Just("StringNotEquals"), 2 => Just("StringLike"), 2 => Just("StringNotLike"),
        1 => Just("StringNew"),
    ];
    let key = prop_oneof![
        5 => Just("aws:ResourceTag/a"), 5 => Just("aws:ResourceTag/b"), 1 => Just("aws:ResourceTag/aws:c"),
        1 => Just("a"),
    ];
    let condition = (operator, key, "[xy*]{0,2}").prop_map(|(operator, key, value)| Condition {
        operator: operator.into(),
        key: key.into(),
        value,
    });
    let parts = (
        patterns(2),
        prop_oneof![2 => Just(Vec::new()), 1 => patterns(2)],
        prop::collection::vec(tag, 0..3),
        prop::collection::vec(condition, 0..3),
        prop::bool::weighted(0.2),
        prop_oneof![8 => Just(Runs::Yes), 1 => Just(Runs::No), 1 => Just(Runs::Unread)],
    );
    parts.prop_map(
        |(resources, not_resources, list_of_tags, conditions, is_organization_plan, runs)| Selection {
            is_organization_plan,
            runs,
            resources,
            not_resources,
            list_of_tags,
            conditions,
            ..Selection::default()
        },
    )
}

/// By trying everything.
fn plain(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len())
            .take_while(|end| text[..*end].iter().all(|character| !character.is_whitespace()))
            .any(|end| plain(rest, &text[end..])),
        Some((first, rest)) => text.first() == Some(first) && plain(rest, &text[1..]),
    }
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_agrees_with_the_definition(
        selections in prop::collection::vec(selections(), 0..8),
        arn in arns(),
        tags in prop::option::weighted(0.8, tags()),
        opt_in in any::<Option<bool>>(),
        org_opt_in in any::<Option<bool>>(),
    ) {
        let table = TaggedTable { arn: &arn, tags: tags.as_ref() };
        let index = SelectionIndex::new(place(opt_in, org_opt_in), selections);
        let all = (0..index.len()).map(|number| (number, index.judge_one(number, &table)));
        let slow: Vec<(usize, Judgement)> = all.filter(|(_, one)| one.membership != Membership::No).collect();
        prop_assert_eq!(index.judge_all(&table), slow);
    }

    #[test]
    fn knowing_more_never_changes_a_known_answer(
        selection in selections(),
        arn in arns(),
        tags in tags(),
        opt_in in any::<bool>(),
        org_opt_in in any::<bool>(),
    ) {
        let judge = |opt_in, org_opt_in, tags| {
            let index = SelectionIndex::new(place(opt_in, org_opt_in), vec![selection.clone()]);
            index.judge_one(0, &TaggedTable { arn: &arn, tags })
        };
        let full = judge(Some(opt_in), Some(org_opt_in), Some(&tags));
        for hidden in 1..8 {
            let less = judge(
                (hidden & 1 == 0).then_some(opt_in),
                (hidden & 2 == 0).then_some(org_opt_in),
                (hidden & 4 == 0).then_some(&tags),
            );
            if less.membership != Membership::Uncertain {
                prop_assert_eq!(less.membership, full.membership, "{} / {}", less.reason, full.reason);
            }
        }
    }

    #[test]
    fn another_selection_changes_no_judgement(
        mut selections in prop::collection::vec(selections(), 0..4),
        stranger in selections(),
        arn in arns(),
        tags in prop::option::of(tags()),
        opt_in in any::<Option<bool>>(),
    ) {
        let table = TaggedTable { arn: &arn, tags: tags.as_ref() };
        let before = SelectionIndex::new(place(opt_in, None), selections.clone());
        selections.push(stranger);
        let after = SelectionIndex::new(place(opt_in, None), selections);
        let others = after.judge_all(&table).into_iter().filter(|(number, _)| *number < before.len());
        prop_assert_eq!(before.judge_all(&table), others.collect::<Vec<_>>());
        // A union: more selections never take protection away.
        let kinds = [plan_verdict(&before, &table, &[]).kind, plan_verdict(&after, &table, &[]).kind];
        prop_assert!(kinds[0] != PlanVerdictKind::Protected || kinds[1] == PlanVerdictKind::Protected);
    }

    #[test]
    fn what_was_not_read_only_opens_a_no(
        selections in prop::collection::vec(selections(), 0..4),
        arn in arns(),
        tags in prop::option::of(tags()),
    ) {
        let table = TaggedTable { arn: &arn, tags: tags.as_ref() };
        let index = SelectionIndex::new(place(Some(true), None), selections);
        let whole = plan_verdict(&index, &table, &[]);
        let gap = plan_verdict(&index, &table, &[Unread { what: "selection `x`".into() }]);
        match whole.kind {
            PlanVerdictKind::Unprotected => prop_assert_eq!(gap.kind, PlanVerdictKind::Uncertain),
            _ => prop_assert_eq!(gap, whole),
        }
    }

    #[test]
    fn globs_agree_with_trying_everything(pattern in "[ab *]{0,7}", text in "[ab ]{0,9}") {
        prop_assert_eq!(glob(&pattern, &text), plain(&chars(&pattern), &chars(&text)).into());
    }

    #[test]
    fn globs_know_characters_of_several_bytes(pattern in "[a\u{e8}\u{e9}*]{0,6}", text in "[a\u{e8}\u{e9}]{0,8}") {
        prop_assert_eq!(glob(&pattern, &text), plain(&chars(&pattern), &chars(&text)).into());
    }

    #[test]
    fn what_is_left_behind_a_head_matches_the_tail(pattern in "[ab*]{0,7}", head in "[ab]{0,5}", tail in "[ab]{0,5}") {
        let rests = behind(&pattern, &head);
        let is_match = rests.iter().any(|rest| glob(rest, &tail) == Membership::Yes);
        prop_assert_eq!(Membership::from(is_match), glob(&pattern, &format!("{head}{tail}")));
    }
}
