//! Objects, their checksums, conditions, tags and copies.

use super::MD5_OF_HELLO;
use crate::s3::checksum::{Algorithm, Checksum};
use crate::s3::testing::Client;

#[test]
fn an_object_comes_back_as_it_went_in() {
    let mut client = Client::with_bucket(&[]);
    let headers = [
        ("content-type", "application/pdf"),
        ("content-encoding", "gzip, aws-chunked"),
        ("cache-control", "no-store"),
        ("x-amz-meta-scan", "42"),
        ("x-amz-meta-owner", "Zoë"),
        ("x-amz-tagging", "a=b&c=d%20e"),
        ("x-amz-storage-class", "STANDARD_IA"),
    ];
    let put = client.send("PUT", "/box/a%20dir/k%2B.pdf", &headers, "5\r\nhello\r\n0\r\n\r\n");
    assert_eq!((put.status, put.header("etag")), (200, Some(MD5_OF_HELLO)));
    assert_eq!(put.header("x-amz-server-side-encryption"), Some("AES256"));
    assert_eq!(put.header("x-amz-version-id"), None);
    let get = client.ask("GET", "/box/a%20dir/k%2B.pdf");
    assert_eq!((get.status, get.body.as_str()), (200, "hello"));
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("content-encoding", "gzip"),
        ("cache-control", "no-store"),
        ("x-amz-meta-scan", "42"),
        ("x-amz-meta-owner", "=?UTF-8?B?Wm/Dqw==?="),
        ("x-amz-tagging-count", "2"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("etag", MD5_OF_HELLO),
        ("accept-ranges", "bytes"),
        ("last-modified", "Sun, 01 Nov 2026 12:00:00 GMT"),
    ] {
        assert_eq!(get.header(name), Some(value), "{name}");
    }
    assert_eq!(
        get.header("x-amz-checksum-crc64nvme"),
        None,
        "checksums are shown only when asked for"
    );
    let typed = client.ask("GET", "/box/a%20dir/k%2B.pdf?response-content-type=text%2Fplain");
    assert_eq!(typed.header("content-type"), Some("text/plain"));
    assert_eq!(client.ask("GET", "/box/none").error(), (404, "NoSuchKey"));
    assert_eq!(
        client.ask("GET", "/box/k?versionId=zzz").error(),
        (404, "NoSuchVersion")
    );
}

#[test]
fn tags_of_an_object_change() {
    let mut client = Client::with_bucket(&[]);
    client.put("k", "hello");
    let tagging = "<Tagging><TagSet><Tag><Key>a&amp;b</Key><Value></Value></Tag></TagSet></Tagging>";
    assert_eq!(client.send("PUT", "/box/k?tagging", &[], tagging).status, 200);
    let read = client.ask("GET", "/box/k?tagging");
    assert_eq!((read.texts("Key"), read.texts("Value")), (vec!["a&amp;b"], vec![""]));
    assert_eq!(client.ask("DELETE", "/box/k?tagging").status, 204);
    assert!(client.ask("GET", "/box/k?tagging").texts("Key").is_empty());
    let many: String = (0..11).map(|n| format!("k{n}=v&")).collect();
    assert_eq!(
        client.send("PUT", "/box/k", &[("x-amz-tagging", &many)], "").error(),
        (400, "BadRequest")
    );
    assert_eq!(
        client
            .send("PUT", "/box/k", &[("x-amz-tagging", "a=1&a=2")], "")
            .error(),
        (400, "InvalidTag")
    );
}

#[test]
fn checksums_are_kept_and_shown_on_demand() {
    let mut client = Client::with_bucket(&[]);
    for algorithm in Algorithm::ALL {
        let value = Checksum::of(algorithm, b"hello").value;
        let put = client.send("PUT", "/box/k", &[(algorithm.header(), &value)], "hello");
        assert_eq!(
            (put.header(algorithm.header()), put.header("x-amz-checksum-type")),
            (Some(value.as_str()), Some("FULL_OBJECT"))
        );
        let get = client.send("GET", "/box/k", &[("x-amz-checksum-mode", "ENABLED")], "");
        assert_eq!(get.header(algorithm.header()), Some(value.as_str()));
        let head = client.send("HEAD", "/box/k", &[("x-amz-checksum-mode", "ENABLED")], "");
        assert_eq!(head.header(algorithm.header()), Some(value.as_str()));
        let wrong = client.send("PUT", "/box/k", &[(algorithm.header(), &value)], "hellO");
        assert_eq!(wrong.error(), (400, "BadDigest"));
        assert_eq!(
            client.ask("GET", "/box/k").body,
            "hello",
            "a refused put changes nothing"
        );
    }
    client.put("plain", "hello");
    let attributes = [(
        "x-amz-object-attributes",
        "ETag,Checksum,ObjectSize,StorageClass,ObjectParts",
    )];
    let answer = client.send("GET", "/box/plain?attributes", &attributes, "");
    assert_eq!(answer.text("ETag"), Some("5d41402abc4b2a76b9719d911017c592"));
    assert_eq!(
        answer.text("ChecksumCRC64NVME"),
        Some(Checksum::of(Algorithm::Crc64Nvme, b"hello").value.as_str())
    );
    assert_eq!(
        (
            answer.text("ObjectSize"),
            answer.text("StorageClass"),
            answer.text("ObjectParts")
        ),
        (Some("5"), Some("STANDARD"), None)
    );
    assert_eq!(
        client
            .send(
                "GET",
                "/box/plain?attributes",
                &[("x-amz-object-attributes", "Colour")],
                ""
            )
            .error(),
        (400, "InvalidArgument")
    );
    assert_eq!(
        client.ask("GET", "/box/plain?attributes").error(),
        (400, "InvalidArgument")
    );
}

#[test]
fn nothing_is_overwritten_under_if_none_match() {
    let mut client = Client::with_bucket(&[]);
    let once = [("if-none-match", "*")];
    assert_eq!(client.send("PUT", "/box/k", &once, "one").status, 200);
    let again = client.send("PUT", "/box/k", &once, "two");
    assert_eq!(
        (again.error(), again.text("Condition")),
        ((412, "PreconditionFailed"), Some("If-None-Match"))
    );
    assert_eq!(client.ask("GET", "/box/k").body, "one");
    assert_eq!(
        client
            .send("PUT", "/box/k", &[("if-none-match", "\"tag\"")], "two")
            .error(),
        (501, "NotImplemented")
    );
    let etag = client.ask("HEAD", "/box/k").header("etag").expect("an etag").to_owned();
    assert_eq!(
        client
            .send("PUT", "/box/k", &[("if-match", "\"other\"")], "two")
            .error(),
        (412, "PreconditionFailed")
    );
    assert_eq!(
        client.send("PUT", "/box/none", &[("if-match", &etag)], "two").error(),
        (404, "NoSuchKey")
    );
    assert_eq!(client.send("PUT", "/box/k", &[("if-match", &etag)], "two").status, 200);
    client.ask("DELETE", "/box/k");
    assert_eq!(client.send("PUT", "/box/k", &once, "three").status, 200);
}

#[test]
fn reads_obey_conditions_and_ranges() {
    let mut client = Client::with_bucket(&[]);
    client.put("k", "0123456789");
    let etag = client.ask("HEAD", "/box/k").header("etag").expect("an etag").to_owned();
    let get = |client: &mut Client, name: &str, value: &str| client.send("GET", "/box/k", &[(name, value)], "");
    assert_eq!(get(&mut client, "if-match", &etag).status, 200);
    assert_eq!(
        get(&mut client, "if-match", "\"no\"").error(),
        (412, "PreconditionFailed")
    );
    let unchanged = get(&mut client, "if-none-match", &etag);
    assert_eq!(
        (unchanged.status, unchanged.body.as_str(), unchanged.header("etag")),
        (304, "", Some(etag.as_str()))
    );
    assert_eq!(
        get(&mut client, "if-modified-since", "Sun, 01 Nov 2026 12:00:00 GMT").status,
        304
    );
    assert_eq!(
        get(&mut client, "if-modified-since", "Sun, 01 Nov 2026 11:59:59 GMT").status,
        200
    );
    assert_eq!(
        get(&mut client, "if-unmodified-since", "Sun, 01 Nov 2026 11:59:59 GMT").status,
        412
    );
    for (range, body, told) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=8-", "89", "bytes 8-9/10"),
        ("bytes=-4", "6789", "bytes 6-9/10"),
        ("bytes=7-99", "789", "bytes 7-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
    ] {
        let answer = get(&mut client, "range", range);
        assert_eq!(
            (answer.status, answer.body.as_str(), answer.header("content-range")),
            (206, body, Some(told)),
            "{range}"
        );
    }
    for range in ["bytes=5-2", "lines=1-2", "bytes=0-1,4-5"] {
        assert_eq!(get(&mut client, "range", range).status, 200, "{range}");
    }
    let beyond = get(&mut client, "range", "bytes=10-");
    assert_eq!(
        (beyond.error(), beyond.header("content-range")),
        ((416, "InvalidRange"), Some("bytes */10"))
    );
    assert_eq!(
        client.ask("GET", "/box/k?partNumber=1").header("content-range"),
        Some("bytes 0-9/10")
    );
    assert_eq!(
        client.ask("GET", "/box/k?partNumber=2").error(),
        (416, "InvalidPartNumber")
    );
}

#[test]
fn copies_carry_data_metadata_and_tags() {
    let mut client = Client::with_bucket(&[]);
    client.send(
        "PUT",
        "/box/a%20b",
        &[
            ("x-amz-meta-m", "1"),
            ("x-amz-tagging", "t=1"),
            ("content-type", "text/csv"),
        ],
        "hello",
    );
    let copy = client.send("PUT", "/box/copy", &[("x-amz-copy-source", "/box/a%20b")], "");
    assert_eq!(
        (copy.status, copy.text("ETag")),
        (200, Some("&quot;5d41402abc4b2a76b9719d911017c592&quot;"))
    );
    let get = client.ask("GET", "/box/copy");
    assert_eq!(
        (
            get.body.as_str(),
            get.header("x-amz-meta-m"),
            get.header("content-type")
        ),
        ("hello", Some("1"), Some("text/csv"))
    );
    assert_eq!(client.ask("GET", "/box/copy?tagging").texts("Key"), ["t"]);
    let replace = [
        ("x-amz-copy-source", "box/a%20b"),
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-tagging-directive", "REPLACE"),
    ];
    client.send("PUT", "/box/copy", &replace, "");
    assert_eq!(client.ask("GET", "/box/copy").header("x-amz-meta-m"), None);
    assert!(client.ask("GET", "/box/copy?tagging").texts("Key").is_empty());
    let send =
        |client: &mut Client, source: &str| client.send("PUT", "/box/copy", &[("x-amz-copy-source", source)], "");
    assert_eq!(send(&mut client, "/box/copy").error(), (400, "InvalidRequest"));
    assert_eq!(send(&mut client, "/box/none").error(), (404, "NoSuchKey"));
    assert_eq!(send(&mut client, "/none/k").error(), (404, "NoSuchBucket"));
    assert_eq!(send(&mut client, "/box").error(), (400, "InvalidArgument"));
    let condition = [
        ("x-amz-copy-source", "/box/a%20b"),
        ("x-amz-copy-source-if-match", "\"no\""),
    ];
    assert_eq!(
        client.send("PUT", "/box/copy", &condition, "").error(),
        (412, "PreconditionFailed")
    );
    let once = [("x-amz-copy-source", "/box/a%20b"), ("if-none-match", "*")];
    assert_eq!(
        client.send("PUT", "/box/copy", &once, "").error(),
        (412, "PreconditionFailed")
    );
}
