//! Versions, deletion and Object Lock.

use super::LOCKED;
use crate::s3::checksum::{Algorithm, Checksum};
use crate::s3::testing::Client;

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
