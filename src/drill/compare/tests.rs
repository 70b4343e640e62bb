//! Comparisons of tables of a simulated AWS: what was lost, changed, doubled or swapped is found, and nothing that went wrong on
//! the way looks like two equal tables.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use backproof_sandbox::{Sandbox, World};
use chrono::{DateTime, TimeDelta, Utc};

use super::super::record::{Against, DifferenceKind, Items, PartOutcome, Point, Reach, When};
use super::point_digest::{DIGEST_VERSION, PointDigest, Standing};
use super::*;
use crate::aws::target::Session;
use crate::domain::TargetId;
use crate::remediate::restore::Key;

const WORLD: &str = r#"
[[account]]
id = "111122223333"
regions = ["eu-west-1"]
"#;

fn table(name: &str, more: &str) -> String {
    format!(
        "[[table]]\naccount = \"111122223333\"\nregion = \"eu-west-1\"\nname = \"{name}\"\ncreated-days-ago = 100\n{more}\n"
    )
}

/// A simulated AWS, and the way into it.
struct Aws {
    sandbox: Sandbox,
    target: Target,
}

type Members = HashMap<String, AttributeValue>;

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(text: &str) -> AttributeValue {
    AttributeValue::N(text.to_owned())
}

fn item(members: &[(&str, AttributeValue)]) -> Members {
    members
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

impl Aws {
    async fn new(more: &str) -> Self {
        let world = World::parse(&format!("{WORLD}{more}"), "world.toml").expect("a world");
        let sandbox = Sandbox::start(world, 0).await.expect("a sandbox");
        let at = TargetId::new("111122223333".to_owned(), "eu-west-1".to_owned());
        let target = Session::of(&sandbox).await.target(at, "aws", None, &Arc::default());
        Self { sandbox, target }
    }

    /// Two tables with the same items; `made` are in both.
    async fn with(items: &[Members]) -> Self {
        let aws = Self::new(&(table("source", "") + &table("restored", ""))).await;
        aws.put("source", items).await;
        aws.put("restored", items).await;
        aws
    }

    fn side<'a>(&'a self, table: &'a str) -> Side<'a> {
        Side {
            target: &self.target,
            table,
        }
    }

    async fn put(&self, table: &str, items: &[Members]) {
        for items in items.chunks(25) {
            let put = |item: &Members| {
                let put = PutRequest::builder()
                    .set_item(Some(item.clone()))
                    .build()
                    .expect("a request");
                WriteRequest::builder().put_request(put).build()
            };
            let write = self.target.dynamodb.batch_write_item();
            let requests = items.iter().map(put).collect();
            write.request_items(table, requests).send().await.expect("written");
        }
    }

    async fn delete(&self, table: &str, id: &str) {
        let delete = self.target.dynamodb.delete_item().table_name(table).key("id", s(id));
        delete.send().await.expect("deleted");
    }

    fn fault(&self, fault: &str) {
        self.control("POST", "faults", fault);
    }

    fn control(&self, method: &str, path: &str, body: &str) {
        use std::io::{Read as _, Write as _};
        let address = self.sandbox.endpoint().trim_start_matches("http://").to_owned();
        let mut stream = std::net::TcpStream::connect(&address).expect("connected");
        let length = body.len();
        let request = format!(
            "{method} /_sandbox/{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    }

    /// A point of half an hour ago.
    fn point(&self) -> Point {
        let at = self.sandbox.now() - TimeDelta::minutes(30);
        Point {
            arn: "arn:aws:backup:eu-west-1:111122223333:recovery-point:1".to_owned(),
            vault_name: "Default".to_owned(),
            created_at: Some(at),
            completed_at: Some(at + TimeDelta::minutes(5)),
            size_bytes: None,
            is_cold: false,
        }
    }

    async fn compare(&self, wish: &Wish) -> Result<Items, String> {
        let source = Some(self.side("source"));
        items(self.side("restored"), source, None, &self.point(), wish, &|_| {}).await
    }
}

fn is_equal(items: &Items) -> bool {
    let other = items.other.as_ref().expect("another side");
    items.differences.is_none()
        && items.restored.digest.is_some()
        && (items.restored.items, &items.restored.digest) == (other.items, &other.digest)
}

/// Items with a key, a number and a time.
fn some(number: usize, at: &str) -> Vec<Members> {
    let one = |number: usize| {
        item(&[
            ("id", s(&format!("id-{number}"))),
            ("n", n(&number.to_string())),
            ("at", s(at)),
            // Items may have attributes of any name.
            ("Key", s("a tag's name")),
        ])
    };
    (0..number).map(one).collect()
}

const LONG_AGO: &str = "2020-01-01T00:00:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn tables_with_the_same_items_are_equal_however_they_are_read() {
    let aws = Aws::new(&(table("source", "items = 3000") + &table("restored", ""))).await;
    // In another order, and with numbers in another spelling.
    let read = aws
        .target
        .dynamodb
        .scan()
        .table_name("source")
        .send()
        .await
        .expect("read");
    let mut all = read.items.expect("items");
    all.reverse();
    for item in &mut all {
        if let Some(AttributeValue::N(text)) = item.get_mut("amount") {
            *text = format!("0{text}E0");
        }
    }
    aws.put("restored", &all).await;
    let mut digests = Vec::new();
    for segments in [1, 4, 16] {
        let wish = Wish {
            segments,
            is_consistent: segments == 4,
            ..Wish::default()
        };
        let items = aws.compare(&wish).await.expect("compared");
        assert!(is_equal(&items), "{items:?}");
        assert_eq!((items.against, items.reach), (Against::Source, Reach::Whole));
        assert_eq!(items.restored.items, 3000);
        assert!(items.restored.read_units > 0.0);
        assert_eq!(items.restored.is_consistent, segments == 4);
        assert!(items.statement.contains("3000 items in each"), "{}", items.statement);
        assert!(items.statement.contains("damage, not intent"), "{}", items.statement);
        digests.push(items.restored.digest);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_lost_doubled_and_swapped_item_are_each_found() {
    let aws = Aws::with(&some(5000, LONG_AGO)).await;
    let mut changed = item(&[
        ("id", s("id-7")),
        ("n", n("8")),
        ("at", s(LONG_AGO)),
        ("Key", s("a tag's name")),
    ]);
    aws.put("restored", std::slice::from_ref(&changed)).await;
    // The same text as another type.
    changed.insert("id".to_owned(), s("id-8"));
    changed.insert("n".to_owned(), s("8"));
    let mut doubled = changed.clone();
    doubled.insert("id".to_owned(), s("id-8 again"));
    aws.put("restored", &[changed, doubled]).await;
    aws.delete("restored", "id-9").await;
    let wish = Wish {
        changed_at: Some("at".to_owned()),
        shows_keys: true,
        ..Wish::default()
    };
    let items = aws.compare(&wish).await.expect("compared");
    assert!(!is_equal(&items));
    let found = items.differences.expect("differences");
    assert_eq!((found.damaged, found.since, found.untold), (3, 0, 1));
    let mut told: Vec<_> = found
        .examples
        .iter()
        .map(|one| (one.key.as_str(), one.kind, one.when))
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            (r#"{"id":{"S":"id-7"}}"#, DifferenceKind::Changed, When::Before),
            (r#"{"id":{"S":"id-8 again"}}"#, DifferenceKind::Extra, When::Untold),
            (r#"{"id":{"S":"id-8"}}"#, DifferenceKind::Changed, When::Before),
            (r#"{"id":{"S":"id-9"}}"#, DifferenceKind::Missing, When::Before),
        ]
    );
    assert!(
        items.statement.contains("4 or more differ: 3 from before the point"),
        "{}",
        items.statement
    );
    // Keys are hashed unless they are asked for, and the examples have a limit.
    let wish = Wish {
        most_differences: 2,
        ..Wish::default()
    };
    let items = aws.compare(&wish).await.expect("compared");
    let found = items.differences.expect("differences");
    // Without an attribute nothing is told.
    assert_eq!((found.damaged, found.since, found.untold), (0, 0, 4));
    assert_eq!(found.examples.len(), 2);
    assert!(
        found
            .examples
            .iter()
            .all(|one| one.key.len() == 64 && !one.key.contains("id-"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_or_expired_since_is_told_from_damage() {
    let ttl = "ttl = \"gone\"";
    let aws = Aws::new(&(table("source", ttl) + &table("restored", ""))).await;
    let items = some(500, LONG_AGO);
    aws.put("source", &items).await;
    aws.put("restored", &items).await;
    let now = aws.sandbox.now();
    let newer = |id: &str, at: DateTime<Utc>| {
        item(&[
            ("id", s(id)),
            ("n", n("0")),
            ("at", n(&at.timestamp_millis().to_string())),
        ])
    };
    // Changed and new since; changed while the point was made; expired since, and not.
    aws.put(
        "source",
        &[
            newer("id-1", now),
            newer("new", now),
            newer("id-2", now - TimeDelta::minutes(28)),
        ],
    )
    .await;
    let expires = |id: &str, at: DateTime<Utc>| {
        item(&[
            ("id", s(id)),
            ("gone", n(&at.timestamp().to_string())),
            ("at", s(LONG_AGO)),
        ])
    };
    aws.put("restored", &[expires("expired", now - TimeDelta::minutes(1))])
        .await;
    let wish = Wish {
        changed_at: Some("at".to_owned()),
        ..Wish::default()
    };
    let compared = aws.compare(&wish).await.expect("compared");
    let found = compared.differences.expect("differences");
    assert_eq!((found.damaged, found.since, found.untold), (0, 3, 1));
    // What may not have expired is deleted by somebody, and nobody knows when.
    aws.put("source", &[items[2].clone()]).await;
    aws.put("restored", &[expires("not yet", now + TimeDelta::days(1))])
        .await;
    let found = aws
        .compare(&wish)
        .await
        .expect("compared")
        .differences
        .expect("differences");
    assert_eq!((found.damaged, found.since, found.untold), (0, 3, 1));
    aws.delete("restored", "not yet").await;
    let found = aws
        .compare(&wish)
        .await
        .expect("compared")
        .differences
        .expect("differences");
    assert_eq!((found.damaged, found.since, found.untold), (0, 3, 0));
    // Of a table that was made after the point, times tell nothing.
    let later = Aws::new(&(table("restored", "") + &table("source", "").replace("= 100", "= 0"))).await;
    later.put("source", &some(3, LONG_AGO)).await;
    let found = later
        .compare(&wish)
        .await
        .expect("compared")
        .differences
        .expect("differences");
    assert_eq!((found.damaged, found.since, found.untold), (0, 0, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_and_the_largest_item_are_compared() {
    let blob = |bytes: &[u8]| AttributeValue::B(aws_smithy_types::Blob::new(bytes));
    let digits = "0.12345678901234567890123456789012345678";
    let everything = item(&[
        ("id", s("everything")),
        ("empty", s("")),
        ("nothing", blob(b"")),
        ("number", n(digits)),
        ("small", n("-1E-130")),
        ("yes", AttributeValue::Bool(true)),
        ("null", AttributeValue::Null(true)),
        ("bytes", blob(&[0, 255])),
        ("numbers", AttributeValue::Ns(vec!["1".to_owned(), "2.50".to_owned()])),
        ("texts", AttributeValue::Ss(vec!["b".to_owned(), "a".to_owned()])),
        (
            "blobs",
            AttributeValue::Bs(vec![aws_smithy_types::Blob::new("b"), aws_smithy_types::Blob::new("a")]),
        ),
        (
            "list",
            AttributeValue::L(vec![
                AttributeValue::M(HashMap::from([("Value".to_owned(), n("1"))])),
                s(""),
            ]),
        ),
    ]);
    let mut all = vec![everything.clone()];
    let text = "x".repeat(409_000);
    all.extend((0..7).map(|number| item(&[("id", s(&format!("large-{number}"))), ("text", s(&text))])));
    let aws = Aws::new(&(table("source", "") + &table("restored", ""))).await;
    for item in &all {
        aws.put("source", std::slice::from_ref(item)).await;
        aws.put("restored", std::slice::from_ref(item)).await;
    }
    let items = aws.compare(&Wish::default()).await.expect("compared");
    assert!(is_equal(&items), "{items:?}");
    assert_eq!(items.restored.items, 8);
    // The last digit of 38.
    let mut other = everything;
    other.insert("number".to_owned(), n(&digits.replace("78", "79")));
    aws.put("restored", &[other]).await;
    let found = aws
        .compare(&Wish::default())
        .await
        .expect("compared")
        .differences
        .expect("differences");
    assert_eq!(found.untold, 1);
    // A sample of nearly everything looks large items up by few.
    let wish = Wish {
        reach: Wanted::Sample {
            segments: 63,
            of: 64,
            seed: 1,
        },
        ..Wish::default()
    };
    let sampled = aws.compare(&wish).await.expect("compared");
    assert!(sampled.restored.items > 4, "{sampled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_tables_are_equal_and_a_half_empty_pair_is_not() {
    let aws = Aws::with(&[]).await;
    let items = aws.compare(&Wish::default()).await.expect("compared");
    assert!(is_equal(&items));
    assert_eq!(items.restored.items, 0);
    assert!(items.statement.contains("0 items in each"), "{}", items.statement);
    let wish = Wish {
        reach: Wanted::Sample {
            segments: 4,
            of: 64,
            seed: 1,
        },
        ..Wish::default()
    };
    let sampled = aws.compare(&wish).await.expect("compared");
    assert!(sampled.statement.contains("prove nothing"), "{}", sampled.statement);
    aws.put("source", &some(3, LONG_AGO)).await;
    let items = aws.compare(&Wish::default()).await.expect("compared");
    assert_eq!(items.differences.expect("differences").untold, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_finds_what_lies_in_it_and_says_what_it_proves() {
    let aws = Aws::with(&some(2000, LONG_AGO)).await;
    let wish = |seed| Wish {
        reach: Wanted::Sample {
            segments: 32,
            of: 128,
            seed,
        },
        changed_at: Some("at".to_owned()),
        ..Wish::default()
    };
    let equal = aws.compare(&wish(1)).await.expect("compared");
    assert!(equal.differences.is_none(), "{equal:?}");
    assert_eq!(
        equal.reach,
        Reach::Sample {
            segments: 32,
            of: 128,
            seed: 1
        }
    );
    assert_eq!(equal.restored.digest, None);
    // A quarter, more or less, and both sides' looking up is in the units.
    assert!((300..700).contains(&equal.restored.items), "{}", equal.restored.items);
    assert!(equal.restored.read_units > equal.restored.items as f64 / 2.0);
    assert!(
        equal
            .statement
            .contains("with 95 % confidence at most 9 of the 128 segments"),
        "{}",
        equal.statement
    );
    // Half of all items are lost: every sample sees some of it.
    for number in (0..2000).step_by(2) {
        aws.delete("restored", &format!("id-{number}")).await;
    }
    let found = aws
        .compare(&wish(2))
        .await
        .expect("compared")
        .differences
        .expect("differences");
    assert!((150..350).contains(&found.damaged), "{found:?}");
    assert!(found.examples.iter().all(|one| one.kind == DifferenceKind::Missing));
    // What AWS leaves to the next request is asked for again.
    aws.fault(r#"{"unprocessed-every": 3}"#);
    let again = aws
        .compare(&wish(2))
        .await
        .expect("compared")
        .differences
        .expect("differences");
    assert_eq!(again, found);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_read_is_nothing_to_compare_with() {
    let aws = Aws::with(&some(50, LONG_AGO)).await;
    let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/source";
    aws.fault(&format!(r#"{{"deny": "dynamodb:Scan", "resource": "{arn}"}}"#));
    for wanted in [
        Wanted::Whole,
        Wanted::Sample {
            segments: 1,
            of: 4,
            seed: 1,
        },
    ] {
        let wish = Wish {
            reach: wanted,
            ..Wish::default()
        };
        let items = aws.compare(&wish).await;
        if wanted == Wanted::Whole {
            let items = items.expect("the new table was read");
            let Against::Nothing { why } = &items.against else {
                panic!("{items:?}")
            };
            assert!(
                why.contains("AccessDeniedException from dynamodb:Scan") && why.contains("`source`"),
                "{why}"
            );
            assert_eq!((items.restored.items, items.other, items.differences), (50, None, None));
            assert!(items.statement.contains("compared with nothing"), "{}", items.statement);
        } else {
            assert!(items.expect_err("no sample").contains("AccessDeniedException"));
        }
    }
    aws.control("DELETE", "faults", "");
    aws.target
        .dynamodb
        .delete_table()
        .table_name("source")
        .send()
        .await
        .expect("deleted");
    for source in [Some(aws.side("source")), None] {
        let compared = items(
            aws.side("restored"),
            source,
            None,
            &aws.point(),
            &Wish::default(),
            &|_| {},
        )
        .await;
        let Against::Nothing { why } = compared.expect("the new table was read").against else {
            panic!("there is no source");
        };
        let said = if source.is_some() {
            "ResourceNotFoundException"
        } else {
            "no digest of the point"
        };
        assert!(why.contains(said), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_whole_is_a_failure_and_never_fewer_items() {
    let scan = "\"action\": \"dynamodb:Scan\"";
    for (fault, said) in [
        (format!(r#"{{{scan}, "answer": {{"member": "Items"}}}}"#), "no list"),
        (
            format!(r#"{{{scan}, "answer": {{"member": "Items", "becomes": "[]"}}}}"#),
            "counts",
        ),
        (
            format!(r#"{{{scan}, "answer": {{"member": "Count", "becomes": "1"}}}}"#),
            "counts 1",
        ),
        (
            format!(r#"{{{scan}, "answer": {{"member": "n", "becomes": "{{\"N\":\"many\"}}"}}}}"#),
            "a number that cannot be read: `many`",
        ),
        (
            format!(r#"{{{scan}, "answer": {{"member": "n", "becomes": "{{\"X\":\"1\"}}"}}}}"#),
            "not known",
        ),
        (format!(r#"{{{scan}, "answer": {{"member": "n"}}}}"#), "cannot be read"),
        (
            format!(r#"{{{scan}, "answer": {{"member": "id", "becomes": "{{\"S\":\"id-1\"}}"}}}}"#),
            "the same key",
        ),
        (
            format!(r#"{{{scan}, "answer": {{"member": "Items", "becomes": "[null]"}}}}"#),
            "cannot be read",
        ),
        (
            r#"{"action": "dynamodb:Scan", "expired-credentials": 1}"#.to_owned(),
            "ExpiredToken",
        ),
        (
            r#"{"action": "dynamodb:Scan", "error-rate": 1.0}"#.to_owned(),
            "from dynamodb:Scan",
        ),
        (
            r#"{"action": "dynamodb:DescribeTable", "answer": {"member": "Table"}}"#.to_owned(),
            "holds no table",
        ),
        (
            r#"{"action": "dynamodb:DescribeTable", "answer": {"member": "KeySchema"}}"#.to_owned(),
            "no key",
        ),
    ] {
        let aws = Aws::with(&some(2500, LONG_AGO)).await;
        aws.fault(&fault);
        let why = aws.compare(&Wish::default()).await.expect_err(&fault);
        assert!(why.contains(said) && why.contains("`restored`"), "{fault}: {why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_to_go_on_from_that_skip_items_or_come_again_end_the_reading() {
    for (answer, said) in [
        (
            r#"{"member": "LastEvaluatedKey", "becomes": "{\"id\":{\"S\":\"id-1\"}}"}"#,
            "not that of its last item",
        ),
        (r#"{"member": "LastEvaluatedKey", "becomes": "{}"}"#, "that is empty"),
        // The same page for ever.
        (
            r#"{"body": "{\"Items\":[{\"id\":{\"S\":\"a\"}}],\"Count\":1,\"ScannedCount\":1,\"LastEvaluatedKey\":{\"id\":{\"S\":\"a\"}}}"}"#,
            "came before",
        ),
    ] {
        let aws = Aws::with(&some(500, LONG_AGO)).await;
        aws.fault(&format!(r#"{{"action": "dynamodb:Scan", "answer": {answer}}}"#));
        // Small pages.
        let wish = Wish {
            rate: Some(10.0),
            segments: 1,
            ..Wish::default()
        };
        let why = aws.compare(&wish).await.expect_err("lost items");
        assert!(why.contains(said), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_slows_a_comparison_down_and_does_not_end_it() {
    let aws = Aws::with(&some(2000, LONG_AGO)).await;
    aws.fault(r#"{"action": "dynamodb:Scan", "throttle-rate": 0.5}"#);
    let items = aws
        .compare(&Wish {
            segments: 16,
            ..Wish::default()
        })
        .await
        .expect("compared");
    assert!(is_equal(&items), "{items:?}");
    aws.control("DELETE", "faults", "");
    aws.fault(r#"{"read-units": 40}"#);
    let began = std::time::Instant::now();
    let items = aws
        .compare(&Wish {
            rate: Some(20.0),
            ..Wish::default()
        })
        .await
        .expect("compared");
    assert!(is_equal(&items), "{items:?}");
    assert!(
        items.restored.read_units > 10.0 && began.elapsed().as_secs() < 60,
        "{items:?} {:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_differences_than_there_is_room_for_are_never_none() {
    let aws = Aws::with(&some(3000, LONG_AGO)).await;
    let other: Vec<Members> = some(3000, "2021-01-01T00:00:00Z");
    aws.put("restored", &other).await;
    let point = aws.point();
    let asked = differences::Asked {
        keys: vec!["id".to_owned()],
        span: when::Span::of(&point),
        changed_at: Some("at".to_owned()),
        ttl: None,
        shows_keys: false,
        most: 5,
    };
    let buckets = [differences::Buckets::default(), differences::Buckets::default()];
    buckets[0].take(&some(3000, LONG_AGO), &asked.keys).expect("taken");
    buckets[1].take(&other, &asked.keys).expect("taken");
    let differing = buckets[0].differing(&buckets[1]);
    assert!(differing.len() > 2000, "{}", differing.len());
    // Room for a hundred of them.
    let finder = differences::Finder::within(Arc::new(asked), &differing, 100 * 192);
    finder
        .take(differences::Which::Source, &some(3000, LONG_AGO))
        .expect("taken");
    finder.take(differences::Which::Restored, &other).expect("taken");
    let found = finder.differences().expect("differences");
    assert!((20..=110).contains(&found.damaged), "{found:?}");
    assert!(found.untold > 1000 && found.since == 0, "{found:?}");
    assert_eq!(found.examples.len(), 5);
    // With room for all, each is found.
    let items = aws
        .compare(&Wish {
            changed_at: Some("at".to_owned()),
            ..Wish::default()
        })
        .await
        .expect("compared");
    assert_eq!(items.differences.expect("differences").damaged, 3000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_stands_for_the_source_only_if_it_is_one_of_the_point() {
    let aws = Aws::with(&some(100, LONG_AGO)).await;
    let point = aws.point();
    let wish = Wish::default();
    let (ground, read) = items::read_whole(aws.side("source"), &wish, &|_| {})
        .await
        .expect("read");
    let described = ground.table;
    let (begun, done) = (point.created_at.expect("a time"), point.completed_at.expect("a time"));
    let reading_at = |at: DateTime<Utc>| super::super::record::Reading {
        began_at: at,
        ended_at: at,
        ..read.clone()
    };
    let digest = PointDigest {
        schema_version: DIGEST_VERSION,
        tool_version: "0".to_owned(),
        table_arn: "arn:aws:dynamodb:eu-west-1:111122223333:table/source".to_owned(),
        table_id: None,
        recovery_point_arn: point.arn.clone(),
        vault_name: "Default".to_owned(),
        backup_job_id: "job".to_owned(),
        job_created_at: begun,
        job_completed_at: done,
        before: reading_at(begun - TimeDelta::minutes(1)),
        after: reading_at(done + TimeDelta::minutes(1)),
        definition: Some(definition::parts(&described)),
        standing: Standing::OfThePoint,
    };
    let filed = |digest: &PointDigest| Filed::of_bytes(digest.to_json().expect("JSON").as_bytes());
    let good = filed(&digest).expect("a digest");
    let restored = aws.side("restored");
    // The source may be gone, or have moved on.
    for source in [Some(aws.side("source")), None] {
        let compared = items(restored, source, Some(&good), &point, &wish, &|_| {})
            .await
            .expect("compared");
        assert!(is_equal(&compared), "{compared:?}");
        assert_eq!(
            compared.against,
            Against::Digest {
                evidence: good.sha256.clone()
            }
        );
        let source = source.map(|side| (side, digest.table_arn.as_str()));
        let definition = definition::definition(restored, source, Some(&good), &point, &Key::AwsOwned)
            .await
            .expect("compared");
        assert_eq!(definition.source_unknown, None);
        assert!(
            definition.parts.iter().all(|part| part.outcome == PartOutcome::Equal),
            "{definition:?}"
        );
    }
    aws.delete("restored", "id-1").await;
    let compared = items(restored, None, Some(&good), &point, &wish, &|_| {})
        .await
        .expect("compared");
    assert!(!is_equal(&compared));
    assert!(
        compared.statement.contains("are not those taken"),
        "{}",
        compared.statement
    );
    // One of another point, and one of a table that was being written, are worth nothing.
    let mut other = digest.clone();
    other.recovery_point_arn += "2";
    let mut moving = digest.clone();
    moving.after.items += 1;
    assert!(filed(&moving).expect_err("no such standing").contains("calls itself"));
    moving.standing = Standing::Moving;
    let mut late = digest.clone();
    late.after.began_at = begun;
    late.standing = Standing::Moving;
    for (digest, said) in [
        (other, "another point"),
        (moving, "worth nothing"),
        (late, "worth nothing"),
    ] {
        let filed = filed(&digest).expect("a digest");
        let compared = items(restored, None, Some(&filed), &point, &wish, &|_| {})
            .await
            .expect("compared");
        let Against::Nothing { why } = compared.against else {
            panic!("{digest:?}")
        };
        assert!(why.contains(said), "{why}");
    }
    // A sample cannot be held against it.
    let sample = Wish {
        reach: Wanted::Sample {
            segments: 1,
            of: 4,
            seed: 1,
        },
        ..Wish::default()
    };
    let compared = items(restored, None, Some(&good), &point, &sample, &|_| {})
        .await
        .expect("compared");
    assert!(matches!(compared.against, Against::Nothing { .. }), "{compared:?}");
    // What is not read strictly is not read.
    let json = digest.to_json().expect("JSON");
    for (from, to, said) in [
        ("\"schema_version\": 1", "\"schema_version\": 2", "version 2"),
        ("\"table_id\"", "\"more\": 1, \"table_id\"", "unknown field"),
        ("\"of-the-point\"", "\"of-a-point\"", "unknown variant"),
        (read.digest.as_deref().expect("a digest"), "00", "64"),
    ] {
        let wrong = json.replace(from, to);
        assert_ne!(wrong, json);
        let why = Filed::of_bytes(wrong.as_bytes()).expect_err("refused");
        assert!(why.contains(said), "{said}: {why}");
    }
    assert!(Filed::of_bytes(b"{}").is_err() && Filed::of_bytes(b"").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_differ_are_damage_only_where_the_source_cannot_have_changed() {
    let of_source = "range-key = \"at:N\"\nttl = \"gone\"\ntags = { a = \"b\" }\nclass = \"STANDARD_INFREQUENT_ACCESS\"\n\
                     billing = \"provisioned\"\nreplicas = [\"eu-central-1\"]";
    let aws = Aws::new(&(table("source", of_source) + &table("restored", "encryption = \"aws-managed\""))).await;
    let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/source";
    let (restored, source, point) = (aws.side("restored"), aws.side("source"), aws.point());
    let compared = definition(restored, Some((source, arn)), None, &point, &Key::AwsManaged)
        .await
        .expect("compared");
    let outcome = |name: &str| {
        let part = compared.parts.iter().find(|part| part.name == name);
        part.unwrap_or_else(|| panic!("no `{name}` in {compared:?}")).outcome
    };
    assert_eq!(outcome("key schema"), PartOutcome::Different);
    assert_eq!(outcome("attribute definitions"), PartOutcome::ChangedOrDifferent);
    assert_eq!(outcome("billing mode"), PartOutcome::ChangedOrDifferent);
    assert_eq!(outcome("capacity"), PartOutcome::ChangedOrDifferent);
    assert_eq!(outcome("table class"), PartOutcome::AsOrdered);
    assert_eq!(outcome("encryption"), PartOutcome::AsOrdered);
    for said in [
        "1 tag",
        "time to live by `gone`",
        "replicas in `eu-central-1`",
        "table class STANDARD_INFREQUENT_ACCESS",
        "not looked at",
    ] {
        assert!(
            compared.set_again.iter().any(|line| line.starts_with(said)),
            "{said}: {:?}",
            compared.set_again
        );
    }
    // Another key than was ordered.
    let compared = definition(restored, Some((source, arn)), None, &point, &Key::AwsOwned)
        .await
        .expect("compared");
    let of_key = compared
        .parts
        .iter()
        .find(|part| part.name == "encryption")
        .expect("a part");
    assert_eq!(of_key.outcome, PartOutcome::Different);
    // Of a source that is gone, or was made since, nothing is known.
    let before = Point {
        created_at: Some(aws.sandbox.now() - TimeDelta::days(200)),
        ..point.clone()
    };
    for (source, point) in [
        (None, &point),
        (Some((aws.side("none"), arn)), &point),
        (Some((source, arn)), &before),
    ] {
        let compared = definition(restored, source, None, point, &Key::AwsManaged)
            .await
            .expect("compared");
        assert!(compared.source_unknown.is_some(), "{compared:?}");
        let unknown = compared
            .parts
            .iter()
            .filter(|part| part.outcome == PartOutcome::Unknown);
        assert_eq!(unknown.count(), compared.parts.len() - 1, "{compared:?}");
    }
    assert!(
        definition(aws.side("none"), None, None, &point, &Key::AwsOwned)
            .await
            .is_err()
    );
}
