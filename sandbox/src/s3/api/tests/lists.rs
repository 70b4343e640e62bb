//! Listings, page by page.

use super::LOCKED;
use crate::s3::testing::{Answer, Client};

fn keys(answer: &Answer) -> Vec<String> {
    answer.texts("Key").into_iter().map(str::to_owned).collect()
}

fn prefixes(answer: &Answer) -> Vec<&str> {
    answer
        .texts("CommonPrefixes")
        .into_iter()
        .filter_map(|text| text.strip_prefix("<Prefix>")?.strip_suffix("</Prefix>"))
        .collect()
}

#[test]
fn listings_know_prefix_delimiter_and_pages() {
    let mut client = Client::with_bucket(&[]);
    for key in ["a/1", "a/2", "a/b/3", "b", "c/4", "d"] {
        client.put(key, key);
    }
    let all = client.ask("GET", "/box?list-type=2");
    assert_eq!(keys(&all), ["a/1", "a/2", "a/b/3", "b", "c/4", "d"]);
    assert_eq!(
        (all.text("KeyCount"), all.text("IsTruncated"), all.text("MaxKeys")),
        (Some("6"), Some("false"), Some("1000"))
    );
    assert_eq!(
        keys(&client.ask("GET", "/box?list-type=2&prefix=a/")),
        ["a/1", "a/2", "a/b/3"]
    );
    let top = client.ask("GET", "/box?list-type=2&delimiter=/");
    assert_eq!(
        (keys(&top), prefixes(&top)),
        (vec!["b".to_owned(), "d".to_owned()], vec!["a/", "c/"])
    );
    let inner = client.ask("GET", "/box?list-type=2&delimiter=/&prefix=a/");
    assert_eq!(
        (keys(&inner), prefixes(&inner)),
        (vec!["a/1".to_owned(), "a/2".to_owned()], vec!["a/b/"])
    );
    assert_eq!(
        keys(&client.ask("GET", "/box?list-type=2&start-after=a/2")),
        ["a/b/3", "b", "c/4", "d"]
    );
    let (mut seen, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = client.ask("GET", &format!("/box?list-type=2&delimiter=/&max-keys=1{token}"));
        seen.extend(keys(&page));
        seen.extend(prefixes(&page).into_iter().map(str::to_owned));
        pages += 1;
        let Some(next) = page.text("NextContinuationToken") else {
            break;
        };
        token = format!("&continuation-token={next}");
    }
    assert_eq!((seen, pages), (["a/", "b", "c/", "d"].map(str::to_owned).to_vec(), 4));
    assert_eq!(
        client.ask("GET", "/box?list-type=2&continuation-token=zz").error(),
        (400, "InvalidArgument")
    );
    assert_eq!(
        client.ask("GET", "/box?list-type=2&max-keys=-1").error(),
        (400, "InvalidArgument")
    );
    assert_eq!(
        client.ask("GET", "/box?list-type=2&max-keys=no").error(),
        (400, "InvalidArgument")
    );
    assert_eq!(
        client.ask("GET", "/box?list-type=2&max-keys=0").text("IsTruncated"),
        Some("false")
    );
    let old = client.ask("GET", "/box?max-keys=2&delimiter=/");
    assert_eq!((old.text("NextMarker"), prefixes(&old)), (Some("b"), vec!["a/"]));
    assert_eq!(keys(&client.ask("GET", "/box?marker=b&delimiter=/")), ["d"]);
}

#[test]
fn a_page_never_holds_more_than_a_thousand() {
    let mut client = Client::with_bucket(&[]);
    for n in 0..1001 {
        client.put(&format!("k{n:04}"), "");
    }
    let page = client.ask("GET", "/box?list-type=2&max-keys=5000");
    assert_eq!(
        (keys(&page).len(), page.text("MaxKeys"), page.text("IsTruncated")),
        (1000, Some("1000"), Some("true"))
    );
    let rest = client.ask(
        "GET",
        &format!(
            "/box?list-type=2&continuation-token={}",
            page.text("NextContinuationToken").expect("a token")
        ),
    );
    assert_eq!(keys(&rest), ["k1000"]);
    let old = client.ask("GET", "/box");
    assert_eq!(
        (keys(&old).len(), old.text("NextMarker"), old.text("IsTruncated")),
        (1000, None, Some("true"))
    );
}

#[test]
fn keys_are_encoded_on_demand() {
    let mut client = Client::with_bucket(&[]);
    client.put("a%20b%2B%26%E2%82%AC", "");
    assert_eq!(keys(&client.ask("GET", "/box?list-type=2")), ["a b+&amp;€"]);
    assert_eq!(
        keys(&client.ask("GET", "/box?list-type=2&encoding-type=url")),
        ["a+b%2B%26%E2%82%AC"]
    );
    assert_eq!(
        client.ask("GET", "/box?list-type=2&encoding-type=base64").error(),
        (400, "InvalidArgument")
    );
    let long = "k".repeat(1025);
    assert_eq!(
        client.ask("PUT", &format!("/box/{long}")).error(),
        (400, "KeyTooLongError")
    );
}

#[test]
fn versions_come_in_pages_that_split_a_key() {
    let mut client = Client::with_bucket(LOCKED);
    for (key, times) in [("a", 3), ("b", 2)] {
        for n in 0..times {
            client.put(key, &n.to_string());
        }
    }
    let all: Vec<String> = client
        .ask("GET", "/box?versions")
        .texts("VersionId")
        .into_iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(all.len(), 5);
    let (mut seen, mut marker) = (Vec::new(), String::new());
    loop {
        let page = client.ask("GET", &format!("/box?versions&max-keys=2{marker}"));
        seen.extend(page.texts("VersionId").into_iter().map(str::to_owned));
        let (Some(key), Some(version)) = (page.text("NextKeyMarker"), page.text("NextVersionIdMarker")) else {
            break;
        };
        marker = format!("&key-marker={key}&version-id-marker={version}");
    }
    assert_eq!(seen, all);
    assert_eq!(
        client.ask("GET", "/box?versions&key-marker=a").texts("VersionId").len(),
        2
    );
    assert_eq!(
        client.ask("GET", "/box?versions&version-id-marker=x").error(),
        (400, "InvalidArgument")
    );
}
