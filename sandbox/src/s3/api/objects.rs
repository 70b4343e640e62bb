//! PutObject, GetObject, HeadObject, GetObjectAttributes and CopyObject.
//!
//! In: a request. Out: an object written whole or not at all, or its bytes and headers.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;
use percent_encoding::percent_decode_str;

use super::attributes;
use super::body;
use super::reply::{reply, version_header, xml_reply};
use super::request::Request;
use crate::call::Reply;
use crate::cloud::Cloud;
use crate::ids::Ids;
use crate::s3::checksum::{self, Algorithm, Checksum};
use crate::s3::refusal::Refusal;
use crate::s3::state::{Attributes, Bucket, Object, PartOf, State, Version};
use crate::s3::xml::{self, Writer};

/// The bytes and digests of an object to come.
pub(super) struct Content {
    pub(super) data: Bytes,
    pub(super) checksum: Checksum,
    /// None: the MD5 of the data, where encryption allows it.
    pub(super) etag: Option<String>,
    pub(super) parts: Vec<PartOf>,
}

/// PutObject.
pub(super) fn put(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    check_key(&request.key)?;
    let attributes = attributes::read(cloud, bucket, request)?;
    if locks_asked(request) && !request.has_digest() {
        let message = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters";
        return Err(Refusal::invalid_request(message));
    }
    let payload = request.payload()?;
    check_write_conditions(bucket, request)?;
    // S3 gives every object a CRC-64/NVME that came without a checksum.
    let checksum = payload
        .checksum
        .unwrap_or_else(|| Checksum::of(Algorithm::Crc64Nvme, &payload.data));
    let content = Content {
        data: payload.data,
        checksum,
        etag: None,
        parts: Vec::new(),
    };
    let headers = store(&mut cloud.s3, &mut cloud.ids, request, attributes, content)?;
    Ok(reply(200, headers, Bytes::new()))
}

fn locks_asked(request: &Request<'_>) -> bool {
    ["x-amz-object-lock-mode", "x-amz-object-lock-legal-hold"]
        .iter()
        .any(|name| request.header(name).is_some())
}

/// Keys have 1 to 1,024 bytes.
pub(super) fn check_key(key: &str) -> Result<(), Refusal> {
    if key.len() <= 1024 {
        return Ok(());
    }
    Err(Refusal::new(400, "KeyTooLongError", "Your key is too long")
        .field("Size", key.len().to_string())
        .field("MaxSizeAllowed", "1024"))
}

/// `If-None-Match: *` and `If-Match` of a write; what is written over is never half-written.
pub(super) fn check_write_conditions(bucket: &Bucket, request: &Request<'_>) -> Result<(), Refusal> {
    let current = bucket.current(&request.key).map(|(_, object)| object);
    match request.header("if-none-match") {
        Some("*") if current.is_some() => return Err(Refusal::precondition_failed("If-None-Match")),
        None | Some("*") => {}
        Some(_) => return Err(Refusal::not_implemented("If-None-Match")),
    }
    match (request.header("if-match"), current) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Refusal::no_such_key(&request.key)),
        (Some(tag), Some(object)) if same_etag(tag, &object.etag) => Ok(()),
        (Some(_), Some(_)) => Err(Refusal::precondition_failed("If-Match")),
    }
}

fn same_etag(given: &str, etag: &str) -> bool {
    given == "*" || given.trim_matches('"') == etag.trim_matches('"')
}

/// Writes an object on top of the request's key; gives the headers that tell of it.
pub(super) fn store(
    state: &mut State,
    ids: &mut Ids,
    request: &Request<'_>,
    attributes: Attributes,
    content: Content,
) -> Result<Vec<(String, String)>, Refusal> {
    let bucket = super::buckets::open_mut(state, request)?;
    let id = ids.hex(32);
    let etag = content.etag.unwrap_or_else(|| etag(&content.data, &attributes, &id));
    let mut headers = vec![("etag".to_owned(), etag.clone())];
    attributes::encryption_headers(&attributes.encryption, &mut headers);
    checksum_headers(&content.checksum, &mut headers);
    let object = Object {
        data: content.data,
        etag,
        headers: attributes.headers,
        storage_class: attributes.storage_class,
        encryption: attributes.encryption,
        checksum: content.checksum,
        parts: content.parts,
    };
    bucket.add(
        &request.key,
        Version {
            id,
            modified: request.call.now,
            object: Some(Arc::new(object)),
            retention: attributes.retention,
            legal_hold: attributes.legal_hold,
            tags: attributes.tags,
        },
    );
    if let Some(version) = bucket
        .keys
        .get(&request.key)
        .and_then(|versions| versions.last())
        .filter(|_| bucket.shows_versions())
    {
        headers.push(("x-amz-version-id".to_owned(), version.id.clone()));
    }
    Ok(headers)
}

/// The ETag of an object written in one piece: its MD5, unless a KMS key encrypts it, when it says nothing of the data.
fn etag(data: &[u8], attributes: &Attributes, id: &str) -> String {
    let digest = if attributes.encryption.algorithm == "AES256" {
        checksum::md5_bytes(data)
    } else {
        checksum::md5_bytes(format!("{id}{}", data.len()).as_bytes())
    };
    format!("\"{}\"", checksum::hex(&digest))
}

fn checksum_headers(checksum: &Checksum, headers: &mut Vec<(String, String)>) {
    headers.push((checksum.algorithm.header().to_owned(), checksum.value.clone()));
    headers.push(("x-amz-checksum-type".to_owned(), checksum.kind.name().to_owned()));
}

/// GetObject and HeadObject; they differ in the body alone.
pub(super) fn get(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    let (version, object) = bucket.object(&request.key, request.version_id())?;
    if let Some(status) = read_condition(request, version, object)? {
        return Ok(reply(
            status,
            attributes::describe(bucket, version, object),
            Bytes::new(),
        ));
    }
    super::keys::usable(cloud, object)?;
    let mut headers = attributes::describe(bucket, version, object);
    let (status, range) = match (request.query("partNumber"), request.header("range")) {
        (Some(number), None) => (206, part_range(object, number)?),
        (None, Some(range)) => byte_range(range, object)?.map_or((200, 0..object.data.len()), |range| (206, range)),
        (None, None) => (200, 0..object.data.len()),
        (Some(_), Some(_)) => {
            return Err(Refusal::invalid_request(
                "Cannot specify both Range header and partNumber query parameter",
            ));
        }
    };
    if status == 206 {
        let last = range.end.saturating_sub(1);
        headers.push((
            "content-range".to_owned(),
            format!("bytes {}-{last}/{}", range.start, object.data.len()),
        ));
    } else if request
        .header("x-amz-checksum-mode")
        .is_some_and(|mode| mode.eq_ignore_ascii_case("enabled"))
    {
        checksum_headers(&object.checksum, &mut headers);
    }
    if request.query("partNumber").is_some() && !object.parts.is_empty() {
        headers.push(("x-amz-mp-parts-count".to_owned(), object.parts.len().to_string()));
    }
    override_headers(request, &mut headers);
    Ok(reply(status, headers, object.data.slice(range)))
}

/// `response-content-type=…` and the like.
fn override_headers(request: &Request<'_>, headers: &mut Vec<(String, String)>) {
    for name in [
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
    ] {
        if let Some(value) = request.query(&format!("response-{name}")) {
            headers.retain(|(header, _)| header != name);
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// Conditions of a read: a status to answer with instead of the object, or 412.
fn read_condition(request: &Request<'_>, version: &Version, object: &Object) -> Result<Option<u16>, Refusal> {
    let date = |name: &str| {
        request
            .header(name)
            .and_then(|text| DateTime::parse_from_rfc2822(text).ok())
    };
    let modified = version.modified.timestamp();
    match request.header("if-match") {
        Some(tag) if !same_etag(tag, &object.etag) => return Err(Refusal::precondition_failed("If-Match")),
        None if date("if-unmodified-since").is_some_and(|since| modified > since.timestamp()) => {
            return Err(Refusal::precondition_failed("If-Unmodified-Since"));
        }
        _ => {}
    }
    let unchanged = match request.header("if-none-match") {
        Some(tag) => same_etag(tag, &object.etag),
        None => date("if-modified-since").is_some_and(|since| modified <= since.timestamp()),
    };
    Ok(unchanged.then_some(304))
}

/// The bytes of one part; an object written in one piece is its own part 1.
fn part_range(object: &Object, number: &str) -> Result<Range<usize>, Refusal> {
    let wanted: u32 = number.parse().unwrap_or(0);
    if wanted == 1 && object.parts.is_empty() {
        return Ok(0..object.data.len());
    }
    let mut start = 0;
    for part in &object.parts {
        if part.number == wanted {
            return Ok(start..start + part.size);
        }
        start += part.size;
    }
    Err(
        Refusal::new(416, "InvalidPartNumber", "The requested partnumber is not satisfiable")
            .field("PartNumberRequested", number),
    )
}

/// The bytes of a `Range` header; None if it is not one that S3 honours, and the whole object is sent.
fn byte_range(header: &str, object: &Object) -> Result<Option<Range<usize>>, Refusal> {
    let length = object.data.len();
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let range = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Ok(first), Err(_)) if last.is_empty() => first..length,
        (Err(_), Ok(suffix)) if first.is_empty() => length.saturating_sub(suffix)..length,
        _ => return Ok(None),
    };
    if range.start < range.end {
        return Ok(Some(range));
    }
    Err(
        Refusal::new(416, "InvalidRange", "The requested range is not satisfiable")
            .field("RangeRequested", header)
            .field("ActualObjectSize", length.to_string())
            .header("content-range", format!("bytes */{length}")),
    )
}

/// GetObjectAttributes.
pub(super) fn get_attributes(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    let (version, object) = bucket.object(&request.key, request.version_id())?;
    let wanted = request.header("x-amz-object-attributes").unwrap_or_default();
    let wanted: Vec<&str> = wanted
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let known = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
    if wanted.is_empty() || wanted.iter().any(|name| !known.contains(name)) {
        return Err(Refusal::invalid_argument(
            "Invalid attribute name specified.",
            "x-amz-object-attributes",
            &wanted.join(","),
        ));
    }
    let wants = |name: &str| wanted.contains(&name);
    let body = Writer::document("GetObjectAttributesResponse", |xml| {
        if wants("ETag") {
            xml.text("ETag", object.etag.trim_matches('"'));
        }
        if wants("Checksum") {
            xml.element("Checksum", |xml| {
                xml.text(object.checksum.algorithm.element(), &object.checksum.value);
                xml.text("ChecksumType", object.checksum.kind.name());
            });
        }
        if wants("ObjectParts") && !object.parts.is_empty() {
            xml.element("ObjectParts", |xml| parts_xml(xml, &object.parts));
        }
        if wants("StorageClass") {
            xml.text("StorageClass", &object.storage_class);
        }
        if wants("ObjectSize") {
            xml.text("ObjectSize", &object.data.len().to_string());
        }
    });
    let mut headers = vec![("last-modified".to_owned(), xml::http_time(version.modified))];
    if bucket.shows_versions() {
        headers.push(("x-amz-version-id".to_owned(), version.id.clone()));
    }
    Ok(xml_reply(200, headers, body))
}

fn parts_xml(xml: &mut Writer, parts: &[PartOf]) {
    xml.text("TotalPartsCount", &parts.len().to_string());
    xml.text("PartNumberMarker", "0");
    xml.text(
        "NextPartNumberMarker",
        &parts.last().map_or(0, |part| part.number).to_string(),
    );
    xml.text("MaxParts", "1000");
    xml.text("IsTruncated", "false");
    for part in parts {
        xml.element("Part", |xml| {
            xml.text("PartNumber", &part.number.to_string());
            xml.text("Size", &part.size.to_string());
            xml.text(part.checksum.algorithm.element(), &part.checksum.value);
        });
    }
}

/// CopyObject: from any bucket of the caller, in any Region.
pub(super) fn copy(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let source = Source::read(request)?;
    let bucket = super::buckets::open(&cloud.s3, request)?;
    check_key(&request.key)?;
    let from = cloud
        .s3
        .buckets
        .get(&source.bucket)
        .ok_or_else(|| Refusal::no_such_bucket(&source.bucket))?;
    if from.account != request.call.caller.account {
        return Err(Refusal::access_denied());
    }
    let (version, object) = from.object(&source.key, source.version.as_deref())?;
    super::keys::usable(cloud, object)?;
    check_copy_conditions(request, version, object)?;
    check_write_conditions(bucket, request)?;
    let replaces = request.header("x-amz-metadata-directive") == Some("REPLACE");
    let mut attributes = attributes::read(cloud, bucket, request)?;
    let changes = replaces
        || request.header("x-amz-storage-class").is_some()
        || request.header("x-amz-server-side-encryption").is_some();
    if source.bucket == request.bucket && source.key == request.key && source.version.is_none() && !changes {
        return Err(Refusal::invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, \
             storage class, website redirect location or encryption attributes.",
        ));
    }
    if !replaces {
        attributes.headers.clone_from(&object.headers);
    }
    if request.header("x-amz-tagging-directive") != Some("REPLACE") {
        attributes.tags.clone_from(&version.tags);
    }
    let algorithm = request
        .header("x-amz-checksum-algorithm")
        .and_then(Algorithm::named)
        .unwrap_or(object.checksum.algorithm);
    let checksum = Checksum::of(algorithm, &object.data);
    let copied_version = from.shows_versions().then(|| version.id.clone());
    let content = Content {
        data: object.data.clone(),
        checksum: checksum.clone(),
        etag: None,
        parts: Vec::new(),
    };
    let mut headers = store(&mut cloud.s3, &mut cloud.ids, request, attributes, content)?;
    headers.extend(copied_version.map(|id| ("x-amz-copy-source-version-id".to_owned(), id)));
    let etag = headers
        .iter()
        .find(|(name, _)| name == "etag")
        .map(|(_, value)| value.clone())
        .unwrap_or_default();
    headers.retain(|(name, _)| name != "etag" && !name.starts_with("x-amz-checksum"));
    let body = Writer::document("CopyObjectResult", |xml| {
        xml.text("ETag", &etag);
        xml.text("LastModified", &xml::time(request.call.now));
        xml.text(checksum.algorithm.element(), &checksum.value);
        xml.text("ChecksumType", checksum.kind.name());
    });
    Ok(xml_reply(200, headers, body))
}

/// `x-amz-copy-source`.
struct Source {
    bucket: String,
    key: String,
    version: Option<String>,
}

impl Source {
    fn read(request: &Request<'_>) -> Result<Self, Refusal> {
        let header = request.header_utf8("x-amz-copy-source").unwrap_or_default();
        let (path, version) = match header.split_once("?versionId=") {
            Some((path, version)) => (path, Some(version.to_owned())),
            None => (header, None),
        };
        let path = percent_decode_str(path).decode_utf8_lossy();
        match path.trim_start_matches('/').split_once('/') {
            Some((bucket, key)) if !key.is_empty() => Ok(Self {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                version,
            }),
            _ => Err(Refusal::invalid_argument(
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
                "x-amz-copy-source",
                header,
            )),
        }
    }
}

fn check_copy_conditions(request: &Request<'_>, version: &Version, object: &Object) -> Result<(), Refusal> {
    let date = |name: &str| {
        request
            .header(name)
            .and_then(|text| DateTime::parse_from_rfc2822(text).ok())
    };
    let tag = |name: &str| request.header(name).map(|tag| same_etag(tag, &object.etag));
    let modified = version.modified.timestamp();
    let failed = tag("x-amz-copy-source-if-match") == Some(false)
        || tag("x-amz-copy-source-if-none-match") == Some(true)
        || date("x-amz-copy-source-if-unmodified-since").is_some_and(|since| modified > since.timestamp())
        || date("x-amz-copy-source-if-modified-since").is_some_and(|since| modified <= since.timestamp());
    if failed {
        Err(Refusal::precondition_failed("x-amz-copy-source-If-Match"))
    } else {
        Ok(())
    }
}

/// GetObjectTagging.
pub(super) fn get_tagging(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    let (version, _) = bucket.object(&request.key, request.version_id())?;
    let body = Writer::document("Tagging", |xml| {
        xml.element("TagSet", |xml| {
            for (key, value) in &version.tags {
                xml.element("Tag", |xml| {
                    xml.text("Key", key);
                    xml.text("Value", value);
                });
            }
        });
    });
    Ok(xml_reply(200, version_header(bucket, version), body))
}

/// PutObjectTagging and DeleteObjectTagging, which is a put of nothing.
pub(super) fn put_tagging(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open_mut(&mut cloud.s3, request)?;
    bucket.object(&request.key, request.version_id())?;
    let deletes = request.call.method == "DELETE";
    let tags = if deletes {
        BTreeMap::new()
    } else {
        read_tags(&request.payload()?.data)?
    };
    let version = bucket.version_mut(&request.key, request.version_id())?;
    version.tags = tags;
    let id = version.id.clone();
    let headers = if bucket.shows_versions() {
        vec![("x-amz-version-id".to_owned(), id)]
    } else {
        Vec::new()
    };
    Ok(reply(if deletes { 204 } else { 200 }, headers, Bytes::new()))
}

fn read_tags(body: &[u8]) -> Result<BTreeMap<String, String>, Refusal> {
    body::parse(body, "Tagging", |root| {
        let set = body::child(root, "TagSet").ok_or_else(Refusal::malformed_xml)?;
        let text = |tag, name| {
            body::child_text(tag, name)
                .map(str::to_owned)
                .ok_or_else(Refusal::malformed_xml)
        };
        let pairs: Result<Vec<_>, Refusal> = body::children(set, "Tag")
            .map(|tag| Ok((text(tag, "Key")?, text(tag, "Value")?)))
            .collect();
        attributes::tags(pairs?.into_iter())
    })
}
