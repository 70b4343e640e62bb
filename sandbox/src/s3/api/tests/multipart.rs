//! Multipart uploads.

use crate::s3::checksum::{Algorithm, Checksum};
use crate::s3::testing::Client;

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
