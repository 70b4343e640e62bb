//! Every vector of `tests/data/selections.json`, and the index against the definition.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const ARN: &str = "arn:aws:dynamodb:us-east-1:111122223333:table/Orders";

fn place(opt_in: Option<bool>) -> Place {
    Place {
        partition: "aws".into(),
        account_id: "111122223333".into(),
        region: "us-east-1".into(),
        opt_in,
        org_opt_in: None,
    }
}

fn selection(vector: &Value) -> Selection {
    let sel = &vector["sel"];
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let list = |value: &Value| value.as_array().into_iter().flatten().map(text).collect();
    let mut conditions = Vec::new();
    for (operator, entries) in sel["Conditions"].as_object().into_iter().flatten() {
        for entry in entries.as_array().into_iter().flatten() {
            conditions.push(Condition {
                operator: operator.as_str().into(),
                key: text(&entry["ConditionKey"]),
                value: text(&entry["ConditionValue"]),
            });
        }
    }
    let tag = |entry: &Value| TagCondition {
        kind: text(&entry["ConditionType"]),
        key: text(&entry["ConditionKey"]),
        value: text(&entry["ConditionValue"]),
    };
    Selection {
        plan_id: "p".into(),
        plan_name: "p".into(),
        selection_id: "s".into(),
        selection_name: "s".into(),
        is_organization_plan: vector["org"].as_bool().unwrap_or(false),
        resources: list(&sel["Resources"]),
        not_resources: list(&sel["NotResources"]),
        list_of_tags: sel["ListOfTags"].as_array().into_iter().flatten().map(tag).collect(),
        conditions,
    }
}

#[test]
fn every_vector_gives_its_answer() {
    let vectors: Value = serde_json::from_str(include_str!("../../../tests/data/selections.json")).expect("JSON");
    let vectors = vectors.as_array().expect("a list");
    assert!(vectors.len() >= 72);
    for vector in vectors {
        let opt_in = if vector["optin"].is_null() && vector.get("optin").is_some() {
            None
        } else {
            Some(vector["optin"].as_bool().unwrap_or(true))
        };
        let tags: Option<BTreeMap<String, String>> = match vector.get("tags") {
            Some(Value::Null) => None,
            Some(tags) => Some(serde_json::from_value(tags.clone()).expect("tags")),
            None => Some(BTreeMap::new()),
        };
        let table = TableFacts {
            arn: vector["arn"].as_str().unwrap_or(ARN),
            tags: tags.as_ref(),
        };
        let index = Index::new(place(opt_in), vec![selection(vector)]);
        let judgement = index.judge_one(0, &table);
        let answer = match judgement.membership {
            Membership::Yes => "yes",
            Membership::No => "no",
            Membership::Uncertain => "uncertain",
        };
        assert_eq!(answer, vector["expect"], "{}: {}", vector["id"], judgement.reason);
        let reason = vector["reason"].as_str().unwrap_or_default();
        assert!(
            judgement.reason.contains(reason),
            "{}: {}",
            vector["id"],
            judgement.reason
        );
        let indexed = index.judge_all(&table);
        let found = indexed
            .first()
            .map_or(Membership::No, |(_, judgement)| judgement.membership);
        assert_eq!(found, judgement.membership, "{}: the index disagrees", vector["id"]);
    }
}

#[test]
fn what_was_not_read_leaves_only_a_no_open() {
    let unread = [Unread {
        what: "the list of backup plans".into(),
    }];
    let tags = BTreeMap::new();
    let table = TableFacts {
        arn: ARN,
        tags: Some(&tags),
    };
    let empty = Index::new(place(Some(true)), Vec::new());
    assert_eq!(plan_verdict(&empty, &table, &[]).kind, PlanVerdictKind::Unprotected);
    assert_eq!(plan_verdict(&empty, &table, &unread).kind, PlanVerdictKind::Uncertain);
    let all = Selection {
        resources: vec!["*".into()],
        ..Selection::default()
    };
    let index = Index::new(place(Some(true)), vec![all]);
    assert_eq!(plan_verdict(&index, &table, &unread).kind, PlanVerdictKind::Protected);
}

fn tags() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[ab]", "[xy]{0,2}", 0..3)
}

fn selections() -> impl Strategy<Value = Selection> {
    let pattern = prop::sample::select(vec![
        "*",
        "arn:aws:dynamodb:*",
        "arn:aws:dynamodb:*:*:table/*",
        "arn:aws:dynamodb:*:*:table/a*",
        "arn:aws:dynamodb:*:*:table/*a",
        "arn:aws:dynamodb:us-east-1:111122223333:table/a",
        "arn:aws:dynamodb:us-east-1:111122223333:table/ab",
        "arn:aws:dynamodb:::table/a",
        "arn:aws:s3:::*",
    ]);
    let patterns = prop::collection::vec(pattern.prop_map(str::to_owned), 0..3);
    let tag = (
        prop::sample::select(vec!["a", "b", "aws:ResourceTag/a"]),
        "[xy]{0,2}",
        prop::bool::weighted(0.9),
    )
        .prop_map(|(key, value, is_known)| TagCondition {
            kind: if is_known {
                "STRINGEQUALS".into()
            } else {
                "STRINGLIKE".into()
            },
            key: key.to_owned(),
            value,
        });
    let operator = prop::sample::select(vec![
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringNew",
    ]);
    let condition = (operator, "[ab]", "[xy*]{0,2}").prop_map(|(operator, key, value)| Condition {
        operator: operator.into(),
        key: format!("aws:ResourceTag/{key}"),
        value,
    });
    let parts = (
        patterns.clone(),
        patterns,
        prop::collection::vec(tag, 0..3),
        prop::collection::vec(condition, 0..3),
    );
    (parts, any::<bool>()).prop_map(
        |((resources, not_resources, list_of_tags, conditions), is_org)| Selection {
            is_organization_plan: is_org,
            resources,
            not_resources,
            list_of_tags,
            conditions,
            ..Selection::default()
        },
    )
}

proptest! {
    #[test]
    fn the_index_agrees_with_the_definition(
        selections in prop::collection::vec(selections(), 0..8),
        name in "[ab]{1,3}",
        tags in prop::option::of(tags()),
        opt_in in any::<Option<bool>>(),
    ) {
        let arn = format!("arn:aws:dynamodb:us-east-1:111122223333:table/{name}");
        let table = TableFacts { arn: &arn, tags: tags.as_ref() };
        let index = Index::new(place(opt_in), selections);
        let slow: Vec<(usize, Judgement)> = (0..index.len())
            .map(|number| (number, index.judge_one(number, &table)))
            .filter(|(_, judgement)| judgement.membership != Membership::No)
            .collect();
        prop_assert_eq!(index.judge_all(&table), slow);
    }

    #[test]
    fn knowing_more_never_changes_a_known_answer(
        selection in selections(),
        name in "[ab]{1,3}",
        known in tags(),
        opt_in in any::<bool>(),
    ) {
        let arn = format!("arn:aws:dynamodb:us-east-1:111122223333:table/{name}");
        let full = Index::new(place(Some(opt_in)), vec![selection.clone()]).judge_one(0, &TableFacts { arn: &arn, tags: Some(&known) });
        for (place_known, tags_known) in [(None, true), (Some(opt_in), false), (None, false)] {
            let table = TableFacts { arn: &arn, tags: tags_known.then_some(&known) };
            let less = Index::new(place(place_known), vec![selection.clone()]).judge_one(0, &table);
            if less.membership != Membership::Uncertain {
                prop_assert_eq!(less.membership, full.membership, "{} / {}", less.reason, full.reason);
            }
        }
    }

    #[test]
    fn globs_agree_with_a_plain_search(pattern in "[ab *]{0,6}", text in "[ab ]{0,8}") {
        fn plain(pattern: &[char], text: &[char]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some(('*', rest)) => (0..=text.len())
                    .take_while(|end| text[..*end].iter().all(|character| !character.is_whitespace()))
                    .any(|end| plain(rest, &text[end..])),
                Some((first, rest)) => text.first() == Some(first) && plain(rest, &text[1..]),
            }
        }
        let chars: (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        prop_assert_eq!(pattern::Glob::new(&pattern).matches(&text), plain(&chars.0, &chars.1));
    }
}
