//! Every operation of S3, asked as a client asks.

use super::checksum::{Algorithm, Checksum};
use super::testing::{Answer, Client};

const LOCKED: &[(&str, &str)] = &[("x-amz-bucket-object-lock-enabled", "true")];
const MD5_OF_HELLO: &str = "\"5d41402abc4b2a76b9719d911017c592\"";

fn location(region: &str) -> String {
    format!(
        "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
    )
}

#[test]
fn buckets_belong_to_an_account_and_a_region() {
    let mut client = Client::new();
    assert_eq!(client.ask("PUT", "/box").header("location"), Some("/box"));
    assert_eq!(
        client.ask("PUT", "/box").status,
        200,
        "us-east-1 answers a second create with 200"
    );
    assert_eq!(
        client.ask("HEAD", "/box").header("x-amz-bucket-region"),
        Some("us-east-1")
    );
    client.region = "eu-west-1";
    assert_eq!(
        client.ask("PUT", "/far").error(),
        (400, "IllegalLocationConstraintException")
    );
    assert_eq!(
        client.send("PUT", "/far", &[], &location("us-west-2")).error(),
        (400, "IllegalLocationConstraintException")
    );
    assert_eq!(client.send("PUT", "/far", &[], &location("eu-west-1")).status, 200);
    assert_eq!(
        client.send("PUT", "/far", &[], &location("eu-west-1")).error(),
        (409, "BucketAlreadyOwnedByYou")
    );
    assert_eq!(
        client.ask("GET", "/far?location").text("LocationConstraint"),
        None,
        "the root carries the namespace"
    );
    assert!(
        client
            .ask("GET", "/far?location")
            .body
            .contains(">eu-west-1</LocationConstraint>")
    );
    assert!(
        client
            .ask("GET", "/box?location")
            .body
            .contains("/\"></LocationConstraint>")
    );
    let redirect = client.ask("HEAD", "/box");
    assert_eq!(
        (redirect.error(), redirect.header("x-amz-bucket-region")),
        ((301, "PermanentRedirect"), Some("us-east-1"))
    );
    client.region = "us-east-1";
    assert_eq!(
        client.send("PUT", "/new", &[], &location("us-east-1")).error(),
        (400, "InvalidLocationConstraint")
    );
    assert_eq!(client.ask("GET", "/").texts("Name"), ["box", "far"]);
    assert_eq!(
        client.ask("GET", "/?prefix=f&bucket-region=eu-west-1").texts("Name"),
        ["far"]
    );
    client.account = "444455556666";
    assert_eq!(client.ask("PUT", "/box").error(), (409, "BucketAlreadyExists"));
    assert_eq!(client.ask("HEAD", "/box").error(), (403, "AccessDenied"));
    assert_eq!(client.ask("GET", "/box?location").error(), (403, "AccessDenied"));
    assert_eq!(client.ask("HEAD", "/none").error(), (404, "NoSuchBucket"));
    assert!(client.ask("GET", "/").texts("Name").is_empty());
    client.account = "111122223333";
    let expected = [("x-amz-expected-bucket-owner", "444455556666")];
    assert_eq!(
        client.send("HEAD", "/box", &expected, "").error(),
        (403, "AccessDenied")
    );
}

#[test]
fn the_buckets_of_an_account_come_in_pages() {
    let mut client = Client::new();
    for name in ["abc", "bcd", "cde"] {
        assert_eq!(client.ask("PUT", &format!("/{name}")).status, 200);
    }
    let first = client.ask("GET", "/?max-buckets=2");
    assert_eq!(first.texts("Name"), ["abc", "bcd"]);
    let token = first.text("ContinuationToken").expect("a token").to_owned();
    let second = client.ask("GET", &format!("/?max-buckets=2&continuation-token={token}"));
    assert_eq!(
        (second.texts("Name"), second.text("ContinuationToken")),
        (vec!["cde"], None)
    );
}

#[test]
fn bucket_names_obey_the_rules() {
    let mut client = Client::new();
    for name in [
        "ab",
        "Upper",
        "-a1",
        "a1-",
        "a..b",
        "192.168.0.1",
        "a_b",
        &"x".repeat(64),
    ] {
        assert_eq!(
            client.ask("PUT", &format!("/{name}")).error(),
            (400, "InvalidBucketName"),
            "{name}"
        );
    }
    for name in ["abc", "a.b-c.1", &"x".repeat(63)] {
        assert_eq!(client.ask("PUT", &format!("/{name}")).status, 200, "{name}");
    }
}

#[test]
fn only_an_empty_bucket_is_deleted() {
    let mut client = Client::with_bucket(&[]);
    client.put("k", "hello");
    assert_eq!(client.ask("DELETE", "/box").error(), (409, "BucketNotEmpty"));
    assert_eq!(client.ask("DELETE", "/box/k").status, 204);
    assert_eq!(client.ask("DELETE", "/box").status, 204);
    assert_eq!(client.ask("DELETE", "/box").error(), (404, "NoSuchBucket"));
}

#[test]
fn settings_of_a_bucket_are_read_back() {
    let mut client = Client::with_bucket(&[]);
    assert!(!client.ask("GET", "/box?versioning").body.contains("Status"));
    let versioning =
        |status: &str| format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    assert_eq!(
        client.send("PUT", "/box?versioning", &[], &versioning("On")).error(),
        (400, "MalformedXML")
    );
    for status in ["Enabled", "Suspended"] {
        assert_eq!(
            client.send("PUT", "/box?versioning", &[], &versioning(status)).status,
            200
        );
        assert_eq!(client.ask("GET", "/box?versioning").text("Status"), Some(status));
    }
    assert_eq!(
        client.ask("GET", "/box?encryption").text("SSEAlgorithm"),
        Some("AES256")
    );
    let encryption = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>\
        </ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>";
    assert_eq!(client.send("PUT", "/box?encryption", &[], encryption).status, 200);
    let read = client.ask("GET", "/box?encryption");
    assert_eq!(
        (read.text("SSEAlgorithm"), read.text("BucketKeyEnabled")),
        (Some("aws:kms"), Some("true"))
    );
    assert_eq!(
        client
            .send("PUT", "/box?encryption", &[], &encryption.replace("aws:kms", "rot13"))
            .error(),
        (400, "MalformedXML")
    );
    assert_eq!(
        client
            .ask("GET", "/box?publicAccessBlock")
            .text("RestrictPublicBuckets"),
        Some("true")
    );
    let block =
        "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>";
    assert_eq!(client.send("PUT", "/box?publicAccessBlock", &[], block).status, 200);
    let read = client.ask("GET", "/box?publicAccessBlock");
    assert_eq!(
        (read.text("BlockPublicAcls"), read.text("BlockPublicPolicy")),
        (Some("true"), Some("false"))
    );
    assert_eq!(client.ask("DELETE", "/box?publicAccessBlock").status, 204);
    assert_eq!(
        client.ask("GET", "/box?publicAccessBlock").error(),
        (404, "NoSuchPublicAccessBlockConfiguration")
    );
    for (query, code) in [
        ("policyStatus", "NoSuchBucketPolicy"),
        ("policy", "NoSuchBucketPolicy"),
        ("tagging", "NoSuchTagSet"),
        ("lifecycle", "NoSuchLifecycleConfiguration"),
        ("object-lock", "ObjectLockConfigurationNotFoundError"),
    ] {
        assert_eq!(client.ask("GET", &format!("/box?{query}")).error(), (404, code));
    }
}

#[test]
fn what_is_not_simulated_is_refused_and_not_taken_for_something_else() {
    let mut client = Client::new();
    for (method, target) in [
        ("PUT", "/box?policy"),
        ("PUT", "/box?acl"),
        ("GET", "/box?acl"),
        ("PUT", "/box/k?acl"),
        ("GET", "/box/k?torrent"),
        ("POST", "/box/k?restore"),
        ("POST", "/box/k?select&select-type=2"),
        ("POST", "/box"),
        ("PATCH", "/box/k"),
    ] {
        assert_eq!(
            client.ask(method, target).error(),
            (501, "NotImplemented"),
            "{method} {target}"
        );
    }
    let copy = [("x-amz-copy-source", "/box/k")];
    assert_eq!(
        client.send("PUT", "/box/k?partNumber=1&uploadId=u", &copy, "").error(),
        (501, "NotImplemented")
    );
    client.ask("PUT", "/box");
    assert_eq!(
        client
            .send(
                "PUT",
                "/box/k",
                &[("x-amz-server-side-encryption-customer-algorithm", "AES256")],
                ""
            )
            .status,
        501
    );
    assert_eq!(
        client
            .send("PUT", "/box/k", &[("x-amz-acl", "public-read")], "")
            .error(),
        (400, "AccessControlListNotSupported")
    );
    assert_eq!(
        client.send("PUT", "/box/k", &[("x-amz-acl", "private")], "").status,
        200
    );
}

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
fn versions_pile_up_and_markers_hide_them() {
    let mut client = Client::with_bucket(&[]);
    let old = client.put("k", "zero");
    assert_eq!(old.header("x-amz-version-id"), None);
    client.send(
        "PUT",
        "/box?versioning",
        &[],
        "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    );
    let one = client
        .put("k", "one")
        .header("x-amz-version-id")
        .expect("a version")
        .to_owned();
    let deleted = client.ask("DELETE", "/box/k");
    assert_eq!(
        (deleted.status, deleted.header("x-amz-delete-marker")),
        (204, Some("true"))
    );
    let marker = deleted.header("x-amz-version-id").expect("a version").to_owned();
    let hidden = client.ask("GET", "/box/k");
    assert_eq!(
        (hidden.error(), hidden.header("x-amz-delete-marker")),
        ((404, "NoSuchKey"), Some("true"))
    );
    assert_eq!(
        client.ask("GET", &format!("/box/k?versionId={marker}")).error(),
        (405, "MethodNotAllowed")
    );
    assert_eq!(client.ask("GET", &format!("/box/k?versionId={one}")).body, "one");
    assert_eq!(client.ask("GET", "/box/k?versionId=null").body, "zero");
    let all = client.ask("GET", "/box?versions");
    assert_eq!(all.texts("VersionId"), [marker.as_str(), &one, "null"]);
    assert_eq!(all.texts("IsLatest"), ["true", "false", "false"]);
    assert_eq!((all.texts("Version").len(), all.texts("DeleteMarker").len()), (2, 1));
    let gone = client.ask("DELETE", &format!("/box/k?versionId={marker}"));
    assert_eq!(
        (gone.header("x-amz-delete-marker"), gone.header("x-amz-version-id")),
        (Some("true"), Some(marker.as_str()))
    );
    assert_eq!(client.ask("GET", "/box/k").body, "one");
    client.send(
        "PUT",
        "/box?versioning",
        &[],
        "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
    );
    assert_eq!(client.put("k", "two").header("x-amz-version-id"), Some("null"));
    assert_eq!(
        client.ask("GET", "/box?versions").texts("VersionId"),
        ["null", one.as_str()]
    );
}

#[test]
fn many_keys_are_deleted_one_by_one() {
    let mut client = Client::with_bucket(LOCKED);
    client.put("a", "1");
    let hold = [
        ("x-amz-object-lock-legal-hold", "ON"),
        ("content-md5", "xMpCOKC5I4INzFCab3WEmw=="),
    ];
    let held = client
        .send("PUT", "/box/held", &hold, "1")
        .header("x-amz-version-id")
        .expect("a version")
        .to_owned();
    let body = format!(
        "<Delete><Object><Key>a</Key></Object><Object><Key>held</Key><VersionId>{held}</VersionId></Object><Object><Key>none</Key></Object></Delete>",
    );
    assert_eq!(
        client.send("POST", "/box?delete", &[], &body).error(),
        (400, "InvalidRequest"),
        "a digest is required"
    );
    let crc = Checksum::of(Algorithm::Crc32, body.as_bytes()).value;
    let answer = client.send("POST", "/box?delete", &[("x-amz-checksum-crc32", &crc)], &body);
    assert_eq!(
        (
            answer.status,
            answer.texts("Deleted").len(),
            answer.texts("Error").len()
        ),
        (200, 2, 1)
    );
    assert_eq!(
        (answer.text("Code"), answer.texts("DeleteMarker")),
        (Some("AccessDenied"), vec!["true", "true"])
    );
    let quiet = "<Delete><Quiet>true</Quiet><Object><Key>x</Key></Object></Delete>";
    let crc = Checksum::of(Algorithm::Crc32, quiet.as_bytes()).value;
    assert!(
        !client
            .send("POST", "/box?delete", &[("x-amz-checksum-crc32", &crc)], quiet)
            .body
            .contains("Deleted")
    );
    for bad in [
        "<Delete/>".to_owned(),
        format!("<Delete>{}</Delete>", "<Object><Key>k</Key></Object>".repeat(1001)),
    ] {
        let crc = Checksum::of(Algorithm::Crc32, bad.as_bytes()).value;
        assert_eq!(
            client
                .send("POST", "/box?delete", &[("x-amz-checksum-crc32", &crc)], &bad)
                .error(),
            (400, "MalformedXML")
        );
    }
}

#[test]
fn locked_versions_stay() {
    let mut client = Client::with_bucket(LOCKED);
    assert_eq!(client.ask("GET", "/box?versioning").text("Status"), Some("Enabled"));
    let suspend = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    assert_eq!(
        client.send("PUT", "/box?versioning", &[], suspend).error(),
        (409, "InvalidBucketState")
    );
    let lock = |mode: &'static str, until: &'static str| {
        [
            ("x-amz-object-lock-mode", mode),
            ("x-amz-object-lock-retain-until-date", until),
            ("content-md5", "xMpCOKC5I4INzFCab3WEmw=="),
        ]
    };
    let future = "2027-01-01T00:00:00Z";
    assert_eq!(
        client.send("PUT", "/box/k", &lock("FOREVER", future), "1").error(),
        (400, "InvalidArgument")
    );
    assert_eq!(
        client
            .send("PUT", "/box/k", &lock("COMPLIANCE", "2026-01-01T00:00:00Z"), "1")
            .error(),
        (400, "InvalidArgument")
    );
    assert_eq!(
        client.send("PUT", "/box/k", &lock("COMPLIANCE", "soon"), "1").error(),
        (400, "InvalidArgument")
    );
    assert_eq!(
        client
            .send("PUT", "/box/k", &lock("COMPLIANCE", future)[..1], "1")
            .error(),
        (400, "InvalidArgument")
    );
    assert_eq!(
        client
            .send("PUT", "/box/k", &lock("COMPLIANCE", future)[..2], "1")
            .error(),
        (400, "InvalidRequest")
    );
    let put = client.send("PUT", "/box/k", &lock("COMPLIANCE", future), "1");
    let version = put.header("x-amz-version-id").expect("a version").to_owned();
    let head = client.ask("HEAD", "/box/k");
    assert_eq!(head.header("x-amz-object-lock-mode"), Some("COMPLIANCE"));
    assert_eq!(
        head.header("x-amz-object-lock-retain-until-date"),
        Some("2027-01-01T00:00:00.000Z")
    );
    let target = format!("/box/k?versionId={version}");
    let bypass = [("x-amz-bypass-governance-retention", "true")];
    assert_eq!(
        client.send("DELETE", &target, &bypass, "").error(),
        (403, "AccessDenied")
    );
    assert_eq!(
        client.ask("DELETE", "/box/k").status,
        204,
        "a delete marker is always allowed"
    );
    let retention = |mode: &str, until: &str| {
        format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>")
    };
    let retain = format!("/box/k?retention&versionId={version}");
    assert_eq!(
        client
            .send(
                "PUT",
                &retain,
                &bypass,
                &retention("COMPLIANCE", "2026-12-01T00:00:00Z")
            )
            .error(),
        (403, "AccessDenied")
    );
    assert_eq!(
        client
            .send(
                "PUT",
                &retain,
                &bypass,
                &retention("GOVERNANCE", "2028-01-01T00:00:00Z")
            )
            .error(),
        (403, "AccessDenied")
    );
    assert_eq!(
        client
            .send("PUT", &retain, &[], &retention("COMPLIANCE", "2028-01-01T00:00:00Z"))
            .status,
        200
    );
    let read = client.ask("GET", &retain);
    assert_eq!(
        (read.text("Mode"), read.text("RetainUntilDate")),
        (Some("COMPLIANCE"), Some("2028-01-01T00:00:00.000Z"))
    );
}

#[test]
fn governance_yields_to_the_bypass_and_holds_to_nobody() {
    let mut client = Client::with_bucket(LOCKED);
    let version = client
        .put("k", "1")
        .header("x-amz-version-id")
        .expect("a version")
        .to_owned();
    let bypass = [("x-amz-bypass-governance-retention", "true")];
    assert_eq!(
        client.ask("GET", "/box/k?retention").error(),
        (404, "NoSuchObjectLockConfiguration")
    );
    assert_eq!(
        client.ask("GET", "/box/k?legal-hold").error(),
        (404, "NoSuchObjectLockConfiguration")
    );
    let retention =
        "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2027-01-01T00:00:00Z</RetainUntilDate></Retention>";
    assert_eq!(client.send("PUT", "/box/k?retention", &[], retention).status, 200);
    assert_eq!(
        client.send("PUT", "/box/k?retention", &[], "<Retention/>").error(),
        (403, "AccessDenied")
    );
    assert_eq!(
        client.send("PUT", "/box/k?retention", &bypass, "<Retention/>").status,
        200
    );
    assert_eq!(client.send("PUT", "/box/k?retention", &[], retention).status, 200);
    let hold = |status: &str| format!("<LegalHold><Status>{status}</Status></LegalHold>");
    assert_eq!(
        client.send("PUT", "/box/k?legal-hold", &[], &hold("MAYBE")).error(),
        (400, "MalformedXML")
    );
    assert_eq!(client.send("PUT", "/box/k?legal-hold", &[], &hold("ON")).status, 200);
    assert_eq!(client.ask("GET", "/box/k?legal-hold").text("Status"), Some("ON"));
    let target = format!("/box/k?versionId={version}");
    assert_eq!(
        client.send("DELETE", &target, &bypass, "").error(),
        (403, "AccessDenied")
    );
    assert_eq!(client.send("PUT", "/box/k?legal-hold", &[], &hold("OFF")).status, 200);
    assert_eq!(client.ask("DELETE", &target).error(), (403, "AccessDenied"));
    assert_eq!(client.send("DELETE", &target, &bypass, "").status, 204);
}

#[test]
fn locks_need_a_bucket_that_has_them() {
    let mut client = Client::with_bucket(&[]);
    client.put("k", "1");
    let hold = [("x-amz-object-lock-legal-hold", "ON")];
    assert_eq!(
        client.send("PUT", "/box/k", &hold, "1").error(),
        (400, "InvalidRequest")
    );
    for query in ["retention", "legal-hold"] {
        assert_eq!(
            client.ask("GET", &format!("/box/k?{query}")).error(),
            (400, "InvalidRequest")
        );
        assert_eq!(
            client.ask("PUT", &format!("/box/k?{query}")).error(),
            (400, "InvalidRequest")
        );
    }
    let configuration = |rule: &str| {
        format!(
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}</ObjectLockConfiguration>"
        )
    };
    let rule = |inner: &str| configuration(&format!("<Rule><DefaultRetention>{inner}</DefaultRetention></Rule>"));
    let days = rule("<Mode>GOVERNANCE</Mode><Days>30</Days>");
    assert_eq!(
        client.send("PUT", "/box?object-lock", &[], &days).error(),
        (409, "InvalidBucketState")
    );
    client.send(
        "PUT",
        "/box?versioning",
        &[],
        "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    );
    for bad in [
        rule("<Mode>GOVERNANCE</Mode>"),
        rule("<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>"),
        rule("<Mode>X</Mode><Days>1</Days>"),
        configuration("<Rule/>"),
    ] {
        assert_eq!(
            client.send("PUT", "/box?object-lock", &[], &bad).error(),
            (400, "MalformedXML"),
            "{bad}"
        );
    }
    assert_eq!(
        client
            .send(
                "PUT",
                "/box?object-lock",
                &[],
                &rule("<Mode>GOVERNANCE</Mode><Days>0</Days>")
            )
            .error(),
        (400, "InvalidArgument")
    );
    assert_eq!(client.send("PUT", "/box?object-lock", &[], &days).status, 200);
    let read = client.ask("GET", "/box?object-lock");
    assert_eq!(
        (read.text("ObjectLockEnabled"), read.text("Mode"), read.text("Days")),
        (Some("Enabled"), Some("GOVERNANCE"), Some("30"))
    );
    client.put("new", "1");
    let head = client.ask("HEAD", "/box/new");
    assert_eq!(
        head.header("x-amz-object-lock-retain-until-date"),
        Some("2026-12-01T12:00:00.000Z")
    );
    assert_eq!(
        client.send("PUT", "/box?object-lock", &[], &configuration("")).status,
        200
    );
    assert_eq!(client.ask("GET", "/box?object-lock").text("Mode"), None);
}

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

fn begin(client: &mut Client, headers: &[(&str, &str)]) -> String {
    let answer = client.send("POST", "/box/big?uploads", headers, "");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text("UploadId").expect("an upload").to_owned()
}

fn part(client: &mut Client, upload: &str, number: u32, body: &str) -> String {
    let answer = client.send(
        "PUT",
        &format!("/box/big?partNumber={number}&uploadId={upload}"),
        &[],
        body,
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("etag").expect("an etag").to_owned()
}

fn completion(parts: &[(u32, &str)]) -> String {
    let parts: String = parts
        .iter()
        .map(|(n, etag)| format!("<Part><ETag>{etag}</ETag><PartNumber>{n}</PartNumber></Part>"))
        .collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

#[test]
fn parts_become_one_object() {
    let mut client = Client::with_bucket(&[]);
    let upload = begin(
        &mut client,
        &[
            ("x-amz-checksum-algorithm", "CRC32"),
            ("content-type", "text/plain"),
            ("x-amz-meta-m", "1"),
        ],
    );
    let (first, last) = ("x".repeat(5 * 1024 * 1024), "tail");
    let one = part(&mut client, &upload, 1, &first);
    part(&mut client, &upload, 3, "not this one");
    let three = part(&mut client, &upload, 3, last);
    let target = format!("/box/big?uploadId={upload}");
    assert_eq!(client.ask("GET", &target).texts("PartNumber"), ["1", "3"]);
    assert_eq!(
        client
            .ask("GET", &format!("{target}&max-parts=1"))
            .text("NextPartNumberMarker"),
        Some("1")
    );
    assert_eq!(
        client
            .ask("GET", &format!("{target}&part-number-marker=1"))
            .texts("PartNumber"),
        ["3"]
    );
    assert_eq!(
        client.ask("GET", "/box?uploads").text("UploadId"),
        Some(upload.as_str())
    );
    let complete = |client: &mut Client, body: &str| client.send("POST", &target, &[("if-none-match", "*")], body);
    assert_eq!(
        complete(&mut client, &completion(&[(3, &three), (1, &one)])).error(),
        (400, "InvalidPartOrder")
    );
    assert_eq!(
        complete(&mut client, &completion(&[(1, &one), (2, "\"x\"")])).error(),
        (400, "InvalidPart")
    );
    assert_eq!(
        complete(&mut client, &completion(&[(1, "\"x\"")])).error(),
        (400, "InvalidPart")
    );
    assert_eq!(
        complete(&mut client, "<CompleteMultipartUpload/>").error(),
        (400, "MalformedXML")
    );
    assert_eq!(client.ask("GET", "/box/big").error(), (404, "NoSuchKey"));
    let done = complete(&mut client, &completion(&[(1, &one), (3, &three)]));
    assert_eq!(
        (done.status, done.text("ChecksumType")),
        (200, Some("COMPOSITE")),
        "{done:?}"
    );
    assert!(done.text("ChecksumCRC32").is_some_and(|value| value.ends_with("-2")));
    assert!(done.text("ETag").is_some_and(|value| value.ends_with("-2&quot;")));
    let get = client.ask("GET", "/box/big");
    assert_eq!(
        (get.body.len(), get.header("content-type"), get.header("x-amz-meta-m")),
        (first.len() + 4, Some("text/plain"), Some("1"))
    );
    let tail = client.ask("GET", "/box/big?partNumber=3");
    assert_eq!(
        (tail.status, tail.body.as_str(), tail.header("x-amz-mp-parts-count")),
        (206, "tail", Some("2"))
    );
    let attributes = client.send(
        "GET",
        "/box/big?attributes",
        &[("x-amz-object-attributes", "ObjectParts")],
        "",
    );
    assert_eq!(
        (attributes.text("TotalPartsCount"), attributes.texts("Size")),
        (Some("2"), vec!["5242880", "4"])
    );
    assert_eq!(
        complete(&mut client, &completion(&[(1, &one)])).error(),
        (404, "NoSuchUpload")
    );
    assert!(client.ask("GET", "/box?uploads").text("UploadId").is_none());
}

#[test]
fn uploads_are_checked_before_anything_is_written() {
    let mut client = Client::with_bucket(&[]);
    let upload = begin(&mut client, &[]);
    let target = format!("/box/big?uploadId={upload}");
    let (one, two) = (
        part(&mut client, &upload, 1, "small"),
        part(&mut client, &upload, 2, "parts"),
    );
    assert_eq!(
        client
            .send("POST", &target, &[], &completion(&[(1, &one), (2, &two)]))
            .error(),
        (400, "EntityTooSmall")
    );
    assert_eq!(
        client.send("PUT", &format!("{target}&partNumber=0"), &[], "").error(),
        (400, "InvalidArgument")
    );
    assert_eq!(
        client
            .send("PUT", &format!("{target}&partNumber=10001"), &[], "")
            .error(),
        (400, "InvalidArgument")
    );
    assert_eq!(
        client.ask("PUT", "/box/other?partNumber=1&uploadId=none").error(),
        (404, "NoSuchUpload")
    );
    let body = completion(&[(2, &two)]);
    assert_eq!(
        client
            .send("POST", &target, &[("x-amz-mp-object-size", "4")], &body)
            .error(),
        (400, "InvalidRequest")
    );
    assert_eq!(
        client
            .send("POST", &target, &[("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=")], &body)
            .error(),
        (400, "BadDigest")
    );
    client.put("big", "already here");
    assert_eq!(
        client.send("POST", &target, &[("if-none-match", "*")], &body).error(),
        (412, "PreconditionFailed")
    );
    let whole = Checksum::of(Algorithm::Crc64Nvme, b"parts").value;
    let done = client.send(
        "POST",
        &target,
        &[("x-amz-checksum-crc64nvme", &whole), ("x-amz-mp-object-size", "5")],
        &body,
    );
    assert_eq!(
        (done.status, done.text("ChecksumCRC64NVME"), done.text("ChecksumType")),
        (200, Some(whole.as_str()), Some("FULL_OBJECT"))
    );
    let upload = begin(&mut client, &[]);
    assert_eq!(client.ask("DELETE", &format!("/box/big?uploadId={upload}")).status, 204);
    assert_eq!(
        client.ask("DELETE", &format!("/box/big?uploadId={upload}")).error(),
        (404, "NoSuchUpload")
    );
}

#[test]
fn an_upload_fixes_algorithm_and_type_of_its_checksum() {
    let mut client = Client::with_bucket(&[]);
    let send = |client: &mut Client, headers: &[(&str, &str)]| {
        let answer = client.send("POST", "/box/big?uploads", headers, "");
        (
            answer.status,
            answer.header("x-amz-checksum-type").unwrap_or_default().to_owned(),
        )
    };
    for (algorithm, kind, expected) in [
        ("CRC32", None, Some("COMPOSITE")),
        ("CRC32", Some("FULL_OBJECT"), Some("FULL_OBJECT")),
        ("CRC64NVME", None, Some("FULL_OBJECT")),
        ("CRC64NVME", Some("COMPOSITE"), None),
        ("SHA256", Some("FULL_OBJECT"), None),
        ("SHA256", Some("HALF"), None),
        ("MD5", None, None),
    ] {
        let mut headers = vec![("x-amz-checksum-algorithm", algorithm)];
        headers.extend(kind.map(|kind| ("x-amz-checksum-type", kind)));
        let expected = expected.map_or((400, String::new()), |kind| (200, kind.to_owned()));
        assert_eq!(send(&mut client, &headers), expected, "{algorithm} {kind:?}");
    }
    assert_eq!(send(&mut client, &[("x-amz-checksum-type", "COMPOSITE")]).0, 400);
    let upload = begin(&mut client, &[("x-amz-checksum-algorithm", "SHA256")]);
    let crc = Checksum::of(Algorithm::Crc32, b"x").value;
    let target = format!("/box/big?partNumber=1&uploadId={upload}");
    assert_eq!(
        client
            .send("PUT", &target, &[("x-amz-checksum-crc32", &crc)], "x")
            .error(),
        (400, "InvalidRequest")
    );
    let full = begin(
        &mut client,
        &[
            ("x-amz-checksum-algorithm", "CRC32"),
            ("x-amz-checksum-type", "FULL_OBJECT"),
        ],
    );
    let etag = part(&mut client, &full, 1, "x");
    let done = client.send(
        "POST",
        &format!("/box/big?uploadId={full}"),
        &[],
        &completion(&[(1, &etag)]),
    );
    assert_eq!(
        (done.text("ChecksumCRC32"), done.text("ChecksumType")),
        (Some(crc.as_str()), Some("FULL_OBJECT"))
    );
}
