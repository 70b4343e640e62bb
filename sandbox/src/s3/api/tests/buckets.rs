//! Buckets and their settings.

use crate::s3::testing::Client;

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
