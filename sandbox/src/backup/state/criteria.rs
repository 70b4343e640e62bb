//! Which tables a selection takes.
//!
//! In: a selection, a table (ARN and tags), and where the plan lives with its opt-in. Out: yes or no. Where AWS's own sources
//! contradict each other or nothing is published, the answer is the conservative one, *not selected*:
//! a wildcard inside or at the start of a table name, empty ARN segments, a key with the prefix `aws:ResourceTag/` inside
//! `ListOfTags`, negative conditions on a table without any tag, and a tag match with opt-in off.
//! Never looks at jobs or recovery points.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The prefix that condition keys have to carry.
pub(crate) const TAG_KEY_PREFIX: &str = "aws:ResourceTag/";
/// Tables with this name prefix, or this tag key, come from AWS restore tests; plans skip them.
const RESTORE_TEST_MARK: &str = "awsbackup-restore-test";

/// One `ListOfTags` entry; kept as sent, because AWS returns selections unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TagCondition {
    /// `ConditionType`, compared without regard to case.
    pub(crate) kind: String,
    /// `ConditionKey`.
    pub(crate) key: String,
    /// `ConditionValue`.
    pub(crate) value: String,
}

/// One entry of `Conditions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// `ConditionKey`, with its prefix.
    pub(crate) key: String,
    /// `ConditionValue`; a pattern for the two `Like` operators.
    pub(crate) value: String,
}

/// The `Conditions` member: every entry of every operator has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    /// `StringEquals`.
    equals: Vec<Condition>,
    /// `StringNotEquals`.
    not_equals: Vec<Condition>,
    /// `StringLike`.
    like: Vec<Condition>,
    /// `StringNotLike`.
    not_like: Vec<Condition>,
}

/// What decides membership: the selection without its name and role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Criteria {
    /// `Resources`: ARN patterns, any of them.
    pub(crate) resources: Vec<String>,
    /// `NotResources`: ARN patterns that exclude.
    pub(crate) not_resources: Vec<String>,
    /// `ListOfTags`: tags, any of them, united with `Resources`.
    pub(crate) tags: Vec<TagCondition>,
    /// `Conditions`: tags, all of them, over the union.
    pub(crate) conditions: Conditions,
}

/// Where a plan lives; its patterns never reach beyond.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home<'a> {
    /// Partition of the account, such as `aws`.
    pub(crate) partition: &'a str,
    /// The plan's account.
    pub(crate) account: &'a str,
    /// The plan's Region.
    pub(crate) region: &'a str,
    /// `ResourceTypeOptInPreference["DynamoDB"]`.
    pub(crate) opted_in: bool,
}

/// How strongly `Resources` names a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// By ARN or by a pattern of tables: opt-in does not matter.
    Explicit,
    /// By `*` or by the service alone: opt-in matters.
    Broad,
    No,
}

impl Criteria {
    /// Whether the selection takes a table.
    pub(crate) fn takes(&self, home: Home<'_>, arn: &str, tags: &BTreeMap<String, String>) -> bool {
        let taken = match self.named(arn) {
            Named::Explicit => true,
            Named::Broad => home.opted_in,
            Named::No => home.opted_in && self.tags.iter().any(|tag| tag.holds(tags)),
        };
        // The cheap questions first: a world asks this of every table at every run of every plan.
        taken
            && self.conditions.hold(tags)
            && !self.not_resources.iter().any(|pattern| excludes(pattern, arn))
            && !tags.contains_key(RESTORE_TEST_MARK)
            && local_table(home, arn).is_some_and(|name| !name.starts_with(RESTORE_TEST_MARK))
    }

    fn named(&self, arn: &str) -> Named {
        let mut named = Named::No;
        for pattern in &self.resources {
            match takes_arn(pattern, arn) {
                Named::Explicit => return Named::Explicit,
                Named::Broad => named = Named::Broad,
                Named::No => {}
            }
        }
        named
    }

    /// Whether there is nothing that could take a resource; AWS refuses to create such a selection.
    pub(crate) fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.tags.is_empty()
    }

    /// Reads the members of a `BackupSelection`. Null, absent and empty are the same.
    pub(crate) fn read(selection: &Map<String, Value>) -> Result<Self, String> {
        let conditions = match selection.get("Conditions") {
            None | Some(Value::Null) => Conditions::default(),
            Some(Value::Object(object)) => Conditions {
                equals: conditions(object, "StringEquals")?,
                not_equals: conditions(object, "StringNotEquals")?,
                like: conditions(object, "StringLike")?,
                not_like: conditions(object, "StringNotLike")?,
            },
            Some(_) => return Err("Invalid value for Conditions".to_owned()),
        };
        let tags = list(selection, "ListOfTags")?
            .iter()
            .map(|entry| {
                Ok(TagCondition {
                    kind: text(entry, "ConditionType")?,
                    key: text(entry, "ConditionKey")?,
                    value: text(entry, "ConditionValue")?,
                })
            })
            .collect::<Result<Vec<_>, String>>()?;
        Ok(Self {
            resources: texts(selection, "Resources")?,
            not_resources: texts(selection, "NotResources")?,
            tags,
            conditions,
        })
    }

    /// Adds the members to an answer: lists that were never set come back empty, never absent.
    pub(crate) fn write(&self, selection: &mut Map<String, Value>) {
        let entries = |list: &[Condition]| {
            list.iter()
                .map(|c| json!({"ConditionKey": c.key, "ConditionValue": c.value}))
                .collect::<Vec<_>>()
        };
        let tags: Vec<Value> = self
            .tags
            .iter()
            .map(|tag| json!({"ConditionType": tag.kind, "ConditionKey": tag.key, "ConditionValue": tag.value}))
            .collect();
        selection.insert("Resources".to_owned(), json!(self.resources));
        selection.insert("ListOfTags".to_owned(), json!(tags));
        selection.insert("NotResources".to_owned(), json!(self.not_resources));
        selection.insert(
            "Conditions".to_owned(),
            json!({
                "StringEquals": entries(&self.conditions.equals),
                "StringNotEquals": entries(&self.conditions.not_equals),
                "StringLike": entries(&self.conditions.like),
                "StringNotLike": entries(&self.conditions.not_like),
            }),
        );
    }
}

impl TagCondition {
    fn holds(&self, tags: &BTreeMap<String, String>) -> bool {
        self.kind.eq_ignore_ascii_case("STRINGEQUALS") && tags.get(&self.key) == Some(&self.value)
    }
}

impl Conditions {
    /// The number of entries, of which AWS admits 30.
    pub(crate) fn len(&self) -> usize {
        self.equals.len() + self.not_equals.len() + self.like.len() + self.not_like.len()
    }

    /// Every entry of every operator.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Condition> {
        [&self.equals, &self.not_equals, &self.like, &self.not_like]
            .into_iter()
            .flatten()
    }

    fn hold(&self, tags: &BTreeMap<String, String>) -> bool {
        let negative = !self.not_equals.is_empty() || !self.not_like.is_empty();
        if negative && tags.is_empty() {
            return false;
        }
        self.equals
            .iter()
            .all(|c| c.test(tags, false, |value| value == c.value))
            && self
                .like
                .iter()
                .all(|c| c.test(tags, false, |value| like(&c.value, value)))
            && self
                .not_equals
                .iter()
                .all(|c| c.test(tags, true, |value| value != c.value))
            && self
                .not_like
                .iter()
                .all(|c| c.test(tags, true, |value| !like(&c.value, value)))
    }
}

impl Condition {
    fn test(&self, tags: &BTreeMap<String, String>, absent: bool, test: impl Fn(&str) -> bool) -> bool {
        match self.key.strip_prefix(TAG_KEY_PREFIX) {
            None => false,
            Some(key) => tags.get(key).map_or(absent, |value| test(value)),
        }
    }
}

/// The table's name, if the ARN is a table in the plan's own partition, Region and account.
fn local_table<'a>(home: Home<'_>, arn: &'a str) -> Option<&'a str> {
    let mut segments = arn.splitn(6, ':');
    let local = segments.next()? == "arn"
        && segments.next()? == home.partition
        && segments.next()? == "dynamodb"
        && segments.next()? == home.region
        && segments.next()? == home.account;
    let name = segments.next()?.strip_prefix("table/")?;
    local.then_some(name)
}

fn takes_arn(pattern: &str, arn: &str) -> Named {
    if !like(pattern, arn) {
        return Named::No;
    }
    match pattern
        .splitn(6, ':')
        .nth(5)
        .and_then(|resource| resource.strip_prefix("table/"))
    {
        // A `*` anywhere in the name but at its end is not settled: the API reference calls the form unsupported.
        Some(name) if name.find('*').is_some_and(|at| at + 1 < name.len()) => Named::No,
        Some(_) => Named::Explicit,
        None => Named::Broad,
    }
}

/// Exclusion is judged generously, because excluding is the conservative side.
fn excludes(pattern: &str, arn: &str) -> bool {
    if like(pattern, arn) {
        return true;
    }
    if !pattern.contains("::") {
        return false;
    }
    let (pattern, arn): (Vec<&str>, Vec<&str>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    pattern.len() == 6
        && arn.len() == 6
        && pattern
            .iter()
            .zip(&arn)
            .all(|(pattern, segment)| pattern.is_empty() || like(pattern, segment))
}

/// `*` stands for any number of characters that are not white space; everything else is literal.
fn like(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut remaining) = text.strip_prefix(first) else {
        return false;
    };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none();
        let at = if last {
            remaining
                .len()
                .checked_sub(piece.len())
                .filter(|_| remaining.ends_with(piece))
        } else {
            remaining.find(piece)
        };
        match at {
            Some(at) if !remaining[..at].contains(char::is_whitespace) => remaining = &remaining[at + piece.len()..],
            _ => return false,
        }
    }
    true
}

fn list<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(format!("Invalid value for {name}")),
    }
}

fn texts(object: &Map<String, Value>, name: &str) -> Result<Vec<String>, String> {
    list(object, name)?
        .iter()
        .map(|value| {
            value
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| format!("Invalid value for {name}"))
        })
        .collect()
}

fn text(entry: &Value, name: &str) -> Result<String, String> {
    entry
        .get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| format!("Invalid value for {name}"))
}

fn conditions(object: &Map<String, Value>, name: &str) -> Result<Vec<Condition>, String> {
    list(object, name)?
        .iter()
        .map(|entry| {
            Ok(Condition {
                key: text(entry, "ConditionKey")?,
                value: text(entry, "ConditionValue")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &str = include_str!("../../../tests/data/selection-cases.json");

    #[test]
    fn every_case_of_the_table() {
        let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
        assert_eq!(cases.len(), 43);
        for case in &cases {
            let criteria = Criteria::read(case["selection"].as_object().unwrap()).unwrap();
            let tags: BTreeMap<String, String> = case
                .get("tags")
                .and_then(Value::as_object)
                .map(|tags| {
                    tags.iter()
                        .map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned()))
                        .collect()
                })
                .unwrap_or_default();
            let home = Home {
                partition: "aws",
                account: "111122223333",
                region: "us-east-1",
                opted_in: case.get("opted-in").and_then(Value::as_bool).unwrap_or(true),
            };
            let arn = case
                .get("arn")
                .and_then(Value::as_str)
                .unwrap_or("arn:aws:dynamodb:us-east-1:111122223333:table/Orders");
            assert_eq!(
                criteria.takes(home, arn, &tags),
                case["taken"].as_bool().unwrap(),
                "{}: {}",
                case["case"],
                case["about"]
            );
        }
    }

    #[test]
    fn the_star_does_not_cross_white_space() {
        let cases = [
            ("", "", true),
            ("*", "", true),
            ("*", "a b", false),
            ("a*", "a", true),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abce", true),
            ("a*e", "ab cde", false),
            ("a b*", "a bc", true),
            ("*ab*ab", "ab", false),
            ("*ab*ab", "abab", true),
            ("a?c", "abc", false),
            ("a**c", "abc", true),
            ("é*", "été", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(like(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn members_never_set_come_back_as_empty_lists() {
        let mut answer = Map::new();
        Criteria {
            resources: vec!["*".to_owned()],
            ..Criteria::default()
        }
        .write(&mut answer);
        assert_eq!(
            Value::Object(answer),
            json!({
                "Resources": ["*"], "ListOfTags": [], "NotResources": [],
                "Conditions": {"StringEquals": [], "StringNotEquals": [], "StringLike": [], "StringNotLike": []},
            })
        );
    }

    #[test]
    fn exclusion_reads_empty_segments_as_any() {
        let arn = "arn:aws:dynamodb:us-east-1:111122223333:table/Orders";
        assert!(excludes("arn:aws:dynamodb:::table/*", arn));
        assert!(excludes("arn:aws:dynamodb:*:*:table/*ders", arn));
        assert!(!excludes("arn:aws:dynamodb:::table/Bills", arn));
        assert!(!excludes("arn:aws:s3:::*", arn));
    }

    #[test]
    fn broken_members_are_refused() {
        for selection in [
            json!({"Resources": "*"}),
            json!({"Resources": [1]}),
            json!({"Conditions": []}),
            json!({"ListOfTags": [{"ConditionKey": "a", "ConditionValue": "b"}]}),
            json!({"Conditions": {"StringLike": [{"ConditionKey": "a"}]}}),
        ] {
            assert!(Criteria::read(selection.as_object().unwrap()).is_err(), "{selection}");
        }
    }
}
