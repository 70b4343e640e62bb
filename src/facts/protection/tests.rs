//! Every vector of `tests/data/selections.json`, the words of verdicts, and the pattern matcher's corners.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::pattern::{Breadth, Doubt, behind, glob};
use super::tri::Judgement;
use super::verdict::PlanVerdict;
use super::*;

const ARN: &str = "arn:aws:dynamodb:us-east-1:111122223333:table/Orders";

impl SelectionIndex {
    /// Every selection that takes the table or may take it, in order. All others are a certain "no".
    pub(super) fn judge_all(&self, table: &TaggedTable<'_>) -> Vec<(usize, Judgement)> {
        let numbers = self.candidates(table).into_iter();
        let judged = numbers.map(|number| (number, self.judge_one(number, table)));
        judged
            .filter(|(_, judgement)| judgement.membership != Membership::No)
            .collect()
    }
}

pub(super) fn plan_verdict(index: &SelectionIndex, table: &TaggedTable<'_>, unread: &[Unread]) -> PlanVerdict {
    verdict_of(index, table, &members(index, table), unread)
}

fn place(opt_in: Option<bool>) -> Place {
    Place {
        partition: "aws".into(),
        account_id: "111122223333".into(),
        region: "us-east-1".into(),
        opt_in,
        org_opt_in: None,
    }
}

/// `null` is "not read", a missing member the usual case: opted in, no tags, management account unknown.
fn place_of(vector: &Value) -> Place {
    let given = |name: &str, usual: Option<bool>| vector.get(name).map_or(usual, Value::as_bool);
    let mut place = Place {
        org_opt_in: given("org_optin", None),
        ..place(given("optin", Some(true)))
    };
    if let Some(elsewhere) = vector.get("place") {
        place.partition = text(&elsewhere["partition"]);
        place.region = text(&elsewhere["region"]);
    }
    place
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

fn selection_of(vector: &Value) -> Selection {
    let sel = &vector["sel"];
    let entries = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let list = |value: &Value| entries(value).iter().map(text).collect();
    let mut conditions = Vec::new();
    for (operator, list) in sel["Conditions"].as_object().into_iter().flatten() {
        conditions.extend(entries(list).iter().map(|entry| Condition {
            operator: operator.as_str().into(),
            key: text(&entry["ConditionKey"]),
            value: text(&entry["ConditionValue"]),
        }));
    }
    let tag = |entry: &Value| TagCondition {
        kind: text(&entry["ConditionType"]),
        key: text(&entry["ConditionKey"]),
        value: text(&entry["ConditionValue"]),
    };
    Selection {
        is_organization_plan: vector["org"].as_bool().unwrap_or(false),
        resources: list(&sel["Resources"]),
        not_resources: list(&sel["NotResources"]),
        list_of_tags: entries(&sel["ListOfTags"]).iter().map(tag).collect(),
        conditions,
        ..Selection::default()
    }
}

#[test]
fn every_vector_gives_its_answer() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../../tests/data/selections.json")).expect("a list");
    assert!(vectors.len() >= 180, "only {} vectors", vectors.len());
    for vector in &vectors {
        let tags: Option<BTreeMap<String, String>> = vector.get("tags").map_or(Some(BTreeMap::new()), |tags| {
            serde_json::from_value(tags.clone()).expect("tags")
        });
        let table = TaggedTable {
            arn: vector["arn"].as_str().unwrap_or(ARN),
            tags: tags.as_ref(),
        };
        let index = SelectionIndex::new(place_of(vector), vec![selection_of(vector)]);
        let Judgement { membership, reason } = index.judge_one(0, &table);
        let answer = match membership {
            Membership::Yes => "yes",
            Membership::No => "no",
            Membership::Uncertain => "uncertain",
        };
        let why = format!("{} ({}): {reason}", vector["id"], vector["why"]);
        assert_eq!(answer, vector["expect"], "{why}");
        assert!(reason.contains(vector["reason"].as_str().unwrap_or_default()), "{why}");
        let indexed = index.judge_all(&table);
        let found = indexed
            .first()
            .map_or(Membership::No, |(_, judgement)| judgement.membership);
        assert_eq!(found, membership, "the index disagrees: {why}");
    }
}

#[test]
fn vectors_have_ids_of_their_own() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../../tests/data/selections.json")).expect("a list");
    let ids: std::collections::BTreeSet<String> = vectors.iter().map(|vector| text(&vector["id"])).collect();
    assert_eq!(ids.len(), vectors.len());
    // An uncertain answer must say what is uncertain.
    assert!(
        vectors
            .iter()
            .all(|vector| vector["expect"] != "uncertain" || vector["reason"].is_string())
    );
}

fn named(name: &str, resources: &[&str]) -> Selection {
    Selection {
        plan_name: "daily".into(),
        selection_name: name.into(),
        resources: resources.iter().map(|text| (*text).to_owned()).collect(),
        ..Selection::default()
    }
}

fn verdict(selections: Vec<Selection>, opt_in: Option<bool>, unread: &[Unread]) -> PlanVerdict {
    let tags = BTreeMap::new();
    let table = TaggedTable {
        arn: ARN,
        tags: Some(&tags),
    };
    plan_verdict(&SelectionIndex::new(place(opt_in), selections), &table, unread)
}

#[test]
fn what_was_not_read_leaves_only_a_no_open() {
    let unread = [
        Unread {
            what: "the list of backup plans".into(),
        },
        Unread {
            what: "selection `x`".into(),
        },
    ];
    assert_eq!(verdict(Vec::new(), Some(true), &[]).kind, PlanVerdictKind::Unprotected);
    let open = verdict(Vec::new(), Some(true), &unread);
    assert_eq!(open.kind, PlanVerdictKind::Uncertain);
    assert!(
        open.reason
            .contains("the list of backup plans (and 1 more) could not be read"),
        "{}",
        open.reason
    );
    let sure = verdict(vec![named("all", &["*"])], Some(true), &unread);
    assert_eq!((sure.kind, sure.matches), (PlanVerdictKind::Protected, vec![0]));
}

#[test]
fn a_certain_selection_beats_uncertain_ones() {
    let doubtful = named("doubtful", &["arn:aws:dynamodb:*:*:table/*ders"]);
    let result = verdict(vec![doubtful.clone(), named("all", &["*"])], Some(true), &[]);
    assert_eq!(
        (result.kind, result.matches, result.open),
        (PlanVerdictKind::Protected, vec![1], vec![0])
    );
    assert_eq!(result.reason, "plan `daily`, selection `all`: taken by Resources `*`");
    let result = verdict(vec![doubtful], Some(true), &[]);
    assert_eq!(
        (result.kind, result.matches, result.open),
        (PlanVerdictKind::Uncertain, vec![], vec![0])
    );
}

#[test]
fn a_no_names_the_nearest_miss() {
    let other = named("other", &["arn:aws:s3:::*"]);
    let lines = [
        (vec![], "no live plan here has a selection"),
        (vec![other.clone()], "names neither this table nor a tag of it"),
        (
            vec![other.clone(), other.clone()],
            "none of 2 selections here names this table",
        ),
        (
            vec![other.clone(), named("all", &["*"])],
            "selection `all`: Resources `*` matches, but DynamoDB is not opted in",
        ),
    ];
    for (selections, expected) in lines {
        let result = verdict(selections, Some(false), &[]);
        assert_eq!(result.kind, PlanVerdictKind::Unprotected);
        assert!(result.reason.contains(expected), "{}", result.reason);
    }
    // Many selections: the same miss, found among the candidates.
    let mut many = vec![other; 200];
    many.push(named("all", &["*"]));
    let index = SelectionIndex::new(place(Some(false)), many);
    for (arn, expected) in [
        (ARN, "selection `all`"),
        (&ARN.replace("Orders", "awsbackup-restore-test-1"), "restore"),
    ] {
        let reason = plan_verdict(&index, &TaggedTable { arn, tags: None }, &[]).reason;
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn an_exclusion_is_named_with_the_place_where_it_is_changed() {
    let near = Selection {
        conditions: vec![Condition {
            operator: "StringEquals".into(),
            key: "aws:ResourceTag/env".to_owned(),
            value: "prod".to_owned(),
        }],
        ..named("by-tag", &["*"])
    };
    let excluding = |is_organization_plan| Selection {
        not_resources: vec!["arn:aws:dynamodb:*:*:table/*".to_owned()],
        plan_name: "nightly".to_owned(),
        is_organization_plan,
        ..named("all", &["*"])
    };
    for (is_organization_plan, wanted) in [
        (
            false,
            "`arn:aws:dynamodb:*:*:table/*` in NotResources of selection `all` of plan `nightly`",
        ),
        (
            true,
            "`arn:aws:dynamodb:*:*:table/*` in `not_resource_types` of the organization's backup policy, in its management \
             account (selection `all` of plan `nightly`)",
        ),
    ] {
        let index = SelectionIndex::new(
            Place {
                org_opt_in: Some(true),
                ..place(Some(true))
            },
            vec![near.clone(), excluding(is_organization_plan)],
        );
        let tags = BTreeMap::new();
        let table = TaggedTable {
            arn: ARN,
            tags: Some(&tags),
        };
        let result = plan_verdict(&index, &table, &[]);
        assert_eq!(result.kind, PlanVerdictKind::Unprotected);
        assert_eq!(result.exclusion.as_deref(), Some(wanted));
        assert!(result.reason.contains("excluded by NotResources"), "{}", result.reason);
    }
    let missed = verdict(vec![named("other", &["arn:aws:s3:::*"])], Some(true), &[]);
    assert_eq!(missed.exclusion, None);
    let taken = verdict(vec![excluding(false), named("all", &["*"])], Some(true), &[]);
    assert_eq!((taken.kind, taken.exclusion), (PlanVerdictKind::Protected, None));
}

#[test]
fn a_name_that_dynamodb_does_not_allow_is_never_certain() {
    for name in ["a b", "a:b", "caf\u{e9}", "a\u{a0}b"] {
        let arn = format!("arn:aws:dynamodb:us-east-1:111122223333:table/{name}");
        let index = SelectionIndex::new(
            place(Some(true)),
            vec![named("all", &["*"]), named("other", &["arn:aws:s3:::*"])],
        );
        let judged = index.judge_all(&TaggedTable { arn: &arn, tags: None });
        assert_eq!(judged.len(), 2, "{name}");
        assert!(
            judged
                .iter()
                .all(|(_, judgement)| judgement.membership == Membership::Uncertain),
            "{name}"
        );
    }
}

#[test]
fn stars_stop_at_white_space() {
    use Membership::{No, Uncertain, Yes};
    for (pattern, text, expected) in [
        ("", "", Yes),
        ("", "a", No),
        ("*", "", Yes),
        ("*", "a b", No),
        ("**", "ab", Yes),
        ("prod*", "production", Yes),
        ("prod*", "prod eu", No),
        ("a*b*a", "aba", Yes),
        ("a*b*a", "axbxbxa", Yes),
        ("a*b*a", "ab", No),
        ("a*a", "a", No),
        ("a*a", "aa", Yes),
        ("a?c", "abc", No),
        ("abc", "abc", Yes),
        ("abc", "ab", No),
        ("* b*", "a bc", Yes),
        ("*a b*", "aa b", Yes),
        ("*b c*", "b xb c", No),
        ("* *", "a b", Yes),
        ("* *", "a  b", No),
        ("*  *", "a  b", Yes),
        ("*\u{e9}*", "caf\u{e9}x", Yes),
        // Half of one character never equals half of another.
        ("*\u{e9}", "\u{e8}", No),
        ("a*", "a\u{3000}b", Uncertain),
        ("b*", "a\u{3000}b", No),
        ("a\u{3000}*", "a\u{3000}b", Yes),
    ] {
        assert_eq!(glob(pattern, text), expected, "{pattern:?} on {text:?}");
    }
}

#[test]
fn hostile_patterns_stay_fast() {
    let start = Instant::now();
    let text = "a".repeat(20_000);
    assert_eq!(glob(&("*a".repeat(500) + "b"), &text), Membership::No);
    assert_eq!(
        glob(&("a*".repeat(500) + "b*"), &(text.clone() + " " + &text)),
        Membership::No
    );
    assert_eq!(glob(&"*".repeat(10_000), &text), Membership::Yes);
    assert_eq!(glob(&("*a".repeat(500) + "\u{e9}"), &(text + "\u{a0}")), Membership::No);
    behind(&"*a".repeat(500), &"a".repeat(500));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn patterns_are_classified_by_their_form() {
    use super::pattern::ArnPattern;
    for (text, breadth, doubt) in [
        ("*", Breadth::Broad, None),
        ("arn:aws:*", Breadth::Broad, None),
        ("arn:aws:dynamodb:*", Breadth::Broad, None),
        ("arn:aws:dynamodb:*:*", Breadth::Broad, None),
        ("arn:aws:dynamodb:eu-west-1:*", Breadth::Broad, None),
        ("arn:aws:dynamodb:*:*:*", Breadth::Broad, None),
        ("arn:aws:dynamodb:::*", Breadth::Broad, Some(Doubt::EmptySegment)),
        ("arn:*", Breadth::Broad, Some(Doubt::OddWildcard)),
        ("arn:aws:dynamodb:*:*:table/*", Breadth::Explicit, None),
        ("arn:aws:dynamodb:*:*:table/a*", Breadth::Explicit, None),
        (
            "arn:aws:dynamodb:*:*:table/*a",
            Breadth::Explicit,
            Some(Doubt::InnerWildcard),
        ),
        ("arn:aws:dynamodb:*:*:table*", Breadth::Unclear, None),
        ("arn:aws:dynamodb:*:*:*/a", Breadth::Unclear, Some(Doubt::InnerWildcard)),
        ("arn:aws:dynamodb:*:table/*", Breadth::Unclear, Some(Doubt::OddWildcard)),
        ("arn:aws:dynamodb:*table/a", Breadth::Unclear, Some(Doubt::OddWildcard)),
    ] {
        let pattern = ArnPattern::new(text);
        assert_eq!((pattern.breadth, pattern.doubt), (breadth, doubt), "{text}");
    }
}
