//! Multipart uploads: create, upload a part, complete, abort, list.
//!
//! In: parts in any order. Out: one object, when completed and not before. Checksums and ETags of the whole follow S3's rules:
//! composite over the parts' digests, or over all bytes where the upload asked for `FULL_OBJECT`.

use bytes::{Bytes, BytesMut};

use super::attributes;
use super::body;
use super::objects::{self, Content};
use super::paging;
use super::reply::{reply, xml_reply};
use super::request::Request;
use crate::call::Reply;
use crate::cloud::Cloud;
use crate::s3::checksum::{self, Algorithm, Checksum, Kind};
use crate::s3::refusal::Refusal;
use crate::s3::state::{Bucket, Part, PartOf, Upload};
use crate::s3::xml::{self, Writer};

/// Every part but the last one has at least so many bytes.
const LEAST_PART: usize = 5 * 1024 * 1024;

/// Part numbers end here.
const LAST_PART: u32 = 10_000;

/// CreateMultipartUpload.
pub(super) fn create(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    objects::check_key(&request.key)?;
    let attributes = attributes::read(cloud, bucket, request)?;
    let (algorithm, kind, algorithm_chosen) = wanted_checksum(request)?;
    let id = cloud.ids.hex(64);
    let mut headers = Vec::new();
    attributes::encryption_headers(&attributes.encryption, &mut headers);
    if algorithm_chosen {
        headers.push(("x-amz-checksum-algorithm".to_owned(), algorithm.name().to_owned()));
        headers.push(("x-amz-checksum-type".to_owned(), kind.name().to_owned()));
    }
    let upload = Upload {
        key: request.key.clone(),
        initiated_at: request.call.now,
        attributes,
        algorithm,
        kind,
        algorithm_chosen,
        parts: std::collections::BTreeMap::new(),
    };
    super::buckets::open_mut(&mut cloud.s3, request)?
        .uploads
        .insert(id.clone(), upload);
    let body = Writer::document("InitiateMultipartUploadResult", |xml| {
        xml.text("Bucket", &request.bucket);
        xml.text("Key", &request.key);
        xml.text("UploadId", &id);
    });
    Ok(xml_reply(200, headers, body))
}

/// Algorithm and kind of the whole object's checksum, and whether the client chose them.
fn wanted_checksum(request: &Request<'_>) -> Result<(Algorithm, Kind, bool), Refusal> {
    let name = request.header("x-amz-checksum-algorithm");
    let algorithm = match name {
        None => None,
        Some(name) => Some(Algorithm::named(name).ok_or_else(|| {
            Refusal::invalid_request("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
        })?),
    };
    let kind = match request.header("x-amz-checksum-type") {
        None => None,
        Some("FULL_OBJECT") => Some(Kind::FullObject),
        Some("COMPOSITE") => Some(Kind::Composite),
        Some(_) => {
            return Err(Refusal::invalid_request(
                "Value for x-amz-checksum-type header is invalid.",
            ));
        }
    };
    let unusable = |kind: Kind, algorithm: Algorithm| {
        let message = format!(
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            kind.name(),
            algorithm.name().to_lowercase()
        );
        Refusal::invalid_request(message)
    };
    match (algorithm, kind) {
        (None, None) => Ok((Algorithm::Crc64Nvme, Kind::FullObject, false)),
        (None, Some(_)) => Err(Refusal::invalid_request(
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
        )),
        (Some(Algorithm::Crc64Nvme), Some(Kind::Composite)) => Err(unusable(Kind::Composite, Algorithm::Crc64Nvme)),
        (Some(algorithm @ (Algorithm::Sha1 | Algorithm::Sha256)), Some(Kind::FullObject)) => {
            Err(unusable(Kind::FullObject, algorithm))
        }
        (Some(Algorithm::Crc64Nvme), _) => Ok((Algorithm::Crc64Nvme, Kind::FullObject, true)),
        (Some(algorithm), kind) => Ok((algorithm, kind.unwrap_or(Kind::Composite), true)),
    }
}

fn upload_id<'a>(request: &Request<'a>) -> &'a str {
    request.query("uploadId").unwrap_or_default()
}

/// The upload that the request names, under its own key.
fn open<'b>(bucket: &'b Bucket, request: &Request<'_>) -> Result<&'b Upload, Refusal> {
    let id = upload_id(request);
    bucket
        .uploads
        .get(id)
        .filter(|upload| upload.key == request.key)
        .ok_or_else(|| Refusal::no_such_upload(id))
}

/// UploadPart: the same number again replaces the part.
pub(super) fn upload_part(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    let upload = open(bucket, request)?;
    let text = request.query("partNumber").unwrap_or_default();
    let number = text
        .parse::<u32>()
        .ok()
        .filter(|number| (1..=LAST_PART).contains(number))
        .ok_or_else(|| {
            Refusal::invalid_argument(
                "Part number must be an integer between 1 and 10000, inclusive",
                "partNumber",
                text,
            )
        })?;
    let payload = request.payload()?;
    if let Some(sent) = payload
        .checksum
        .as_ref()
        .filter(|sent| upload.algorithm_chosen && sent.algorithm != upload.algorithm)
    {
        return Err(Refusal::invalid_request(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            upload.algorithm.name().to_lowercase(),
            sent.algorithm.name().to_lowercase(),
        )));
    }
    let mut headers = Vec::new();
    attributes::encryption_headers(&upload.attributes.encryption, &mut headers);
    let etag = format!("\"{}\"", checksum::hex(&checksum::md5_bytes(&payload.data)));
    headers.push(("etag".to_owned(), etag.clone()));
    if let Some(sent) = &payload.checksum {
        headers.push((sent.algorithm.header().to_owned(), sent.value.clone()));
    }
    let checksum = Checksum::of(upload.algorithm, &payload.data);
    let part = Part {
        data: payload.data,
        etag,
        checksum,
        modified: request.call.now,
    };
    if let Some(upload) = super::buckets::open_mut(&mut cloud.s3, request)?
        .uploads
        .get_mut(upload_id(request))
    {
        upload.parts.insert(number, part);
    }
    Ok(reply(200, headers, Bytes::new()))
}

/// A part as CompleteMultipartUpload names it.
struct Named {
    number: u32,
    etag: String,
    checksum: Option<String>,
}

/// CompleteMultipartUpload: all checks first, then one object and no upload any more.
pub(super) fn complete(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    let upload = open(bucket, request)?;
    // The headers hold the checksum of the object, not that of this request's body.
    let named = read_parts(&request.call.body, upload.algorithm)?;
    objects::check_write_conditions(bucket, request)?;
    let content = assemble(upload, &named)?;
    check_whole(request, &content)?;
    let attributes = upload.attributes.clone();
    let checksum = content.checksum.clone();
    let mut headers = objects::store(&mut cloud.s3, &mut cloud.ids, request, attributes, content)?;
    super::buckets::open_mut(&mut cloud.s3, request)?
        .uploads
        .remove(upload_id(request));
    let etag = headers
        .iter()
        .find(|(name, _)| name == "etag")
        .map(|(_, value)| value.clone())
        .unwrap_or_default();
    headers.retain(|(name, _)| name != "etag" && !name.starts_with("x-amz-checksum"));
    let body = Writer::document("CompleteMultipartUploadResult", |xml| {
        xml.text(
            "Location",
            &format!(
                "https://s3.{}.amazonaws.com/{}/{}",
                request.call.caller.region, request.bucket, request.key
            ),
        );
        xml.text("Bucket", &request.bucket);
        xml.text("Key", &request.key);
        xml.text("ETag", &etag);
        xml.text(checksum.algorithm.element(), &checksum.value);
        xml.text("ChecksumType", checksum.kind.name());
    });
    Ok(xml_reply(200, headers, body))
}

fn read_parts(body: &[u8], algorithm: Algorithm) -> Result<Vec<Named>, Refusal> {
    let named = body::parse(body, "CompleteMultipartUpload", |root| {
        let read = |part| {
            let number = body::child_text(part, "PartNumber").and_then(|text| text.trim().parse().ok());
            Ok(Named {
                number: number.ok_or_else(Refusal::malformed_xml)?,
                etag: body::child_text(part, "ETag")
                    .ok_or_else(Refusal::malformed_xml)?
                    .to_owned(),
                checksum: body::child_text(part, algorithm.element()).map(str::to_owned),
            })
        };
        body::children(root, "Part")
            .map(read)
            .collect::<Result<Vec<Named>, Refusal>>()
    })?;
    if named.is_empty() {
        return Err(Refusal::malformed_xml());
    }
    if named.windows(2).any(|pair| pair[0].number >= pair[1].number) {
        let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
        return Err(Refusal::new(400, "InvalidPartOrder", message));
    }
    Ok(named)
}

/// Puts the named parts together.
fn assemble(upload: &Upload, named: &[Named]) -> Result<Content, Refusal> {
    let mut data = BytesMut::new();
    let (mut digests, mut parts, mut md5s) = (Vec::new(), Vec::new(), Vec::new());
    for (index, name) in named.iter().enumerate() {
        let part = upload.parts.get(&name.number).filter(|part| matches(part, name)).ok_or_else(|| {
            let message = "One or more of the specified parts could not be found.  The part may not have been uploaded, \
                           or the specified entity tag may not match the part's entity tag.";
            Refusal::new(400, "InvalidPart", message)
                .field("PartNumber", name.number.to_string())
                .field("ETag", name.etag.as_str())
        })?;
        if index + 1 < named.len() && part.data.len() < LEAST_PART {
            return Err(Refusal::new(
                400,
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
            )
            .field("ProposedSize", part.data.len().to_string())
            .field("MinSizeAllowed", LEAST_PART.to_string())
            .field("PartNumber", name.number.to_string()));
        }
        data.extend_from_slice(&part.data);
        digests.push(upload.algorithm.digest(&part.data));
        md5s.extend_from_slice(&checksum::md5_bytes(&part.data));
        parts.push(PartOf {
            number: name.number,
            size: part.data.len(),
            checksum: part.checksum.clone(),
        });
    }
    let data = data.freeze();
    let checksum = match upload.kind {
        Kind::FullObject => Checksum::of(upload.algorithm, &data),
        Kind::Composite => Checksum::composite(upload.algorithm, &digests),
    };
    let etag = Some(format!(
        "\"{}-{}\"",
        checksum::hex(&checksum::md5_bytes(&md5s)),
        named.len()
    ));
    Ok(Content {
        data,
        checksum,
        etag,
        parts,
    })
}

fn matches(part: &Part, name: &Named) -> bool {
    part.etag.trim_matches('"') == name.etag.trim_matches('"')
        && name
            .checksum
            .as_ref()
            .is_none_or(|checksum| *checksum == part.checksum.value)
}

/// Checks what the client says of the whole object: its checksum and its size.
fn check_whole(request: &Request<'_>, content: &Content) -> Result<(), Refusal> {
    let algorithm = content.checksum.algorithm;
    if let Some(told) = request
        .header(algorithm.header())
        .filter(|told| **told != content.checksum.value)
    {
        let message = format!(
            "The {} you specified did not match the calculated checksum.",
            algorithm.name()
        );
        return Err(Refusal::bad_digest(message).field("ExpectedDigest", told));
    }
    match request.header("x-amz-mp-object-size").map(str::parse::<usize>) {
        None => Ok(()),
        Some(Ok(size)) if size == content.data.len() => Ok(()),
        Some(_) => Err(Refusal::invalid_request(
            "The provided 'x-amz-mp-object-size' header does not match what was computed.",
        )),
    }
}

/// AbortMultipartUpload.
pub(super) fn abort(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open_mut(&mut cloud.s3, request)?;
    open(bucket, request)?;
    bucket.uploads.remove(upload_id(request));
    Ok(reply(204, Vec::new(), Bytes::new()))
}

/// ListParts.
pub(super) fn list_parts(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    let upload = open(bucket, request)?;
    let most = paging::limit(request, "max-parts", 1000)?;
    let after = paging::limit(request, "part-number-marker", LAST_PART as usize);
    let after = if request.query("part-number-marker").is_some() {
        u32::try_from(after?).unwrap_or(LAST_PART)
    } else {
        0
    };
    let mut rest = upload.parts.range(after.saturating_add(1)..);
    let page: Vec<(&u32, &Part)> = rest.by_ref().take(most).collect();
    let truncated = most > 0 && rest.next().is_some();
    let body = Writer::document("ListPartsResult", |xml| {
        xml.text("Bucket", &request.bucket);
        xml.text("Key", &request.key);
        xml.text("UploadId", upload_id(request));
        xml.owner("Initiator", &bucket.account);
        xml.owner("Owner", &bucket.account);
        xml.text("StorageClass", &upload.attributes.storage_class);
        xml.text("PartNumberMarker", &after.to_string());
        xml.text(
            "NextPartNumberMarker",
            &page.last().map_or(after, |(number, _)| **number).to_string(),
        );
        xml.text("MaxParts", &most.to_string());
        xml.text("IsTruncated", if truncated { "true" } else { "false" });
        xml.text("ChecksumAlgorithm", upload.algorithm.name());
        xml.text("ChecksumType", upload.kind.name());
        for (number, part) in &page {
            xml.element("Part", |xml| {
                xml.text("PartNumber", &number.to_string());
                xml.text("LastModified", &xml::time(part.modified));
                xml.text("ETag", &part.etag);
                xml.text("Size", &part.data.len().to_string());
                xml.text(part.checksum.algorithm.element(), &part.checksum.value);
            });
        }
    });
    Ok(xml_reply(200, Vec::new(), body))
}

/// ListMultipartUploads: by key, then by time; one page holds at most 1,000.
pub(super) fn list_uploads(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    let prefix = request.query("prefix").unwrap_or_default();
    let most = paging::limit(request, "max-uploads", 1000)?;
    let after = (
        request.query("key-marker").unwrap_or_default(),
        request.query("upload-id-marker").unwrap_or_default(),
    );
    let mut uploads: Vec<(&str, &str, &Upload)> = bucket
        .uploads
        .iter()
        .map(|(id, upload)| (upload.key.as_str(), id.as_str(), upload))
        .filter(|(key, id, _)| {
            key.starts_with(prefix) && (*key > after.0 || (!after.1.is_empty() && *key == after.0 && *id > after.1))
        })
        .collect();
    uploads.sort_by_key(|(key, id, _)| (*key, *id));
    let truncated = uploads.len() > most;
    uploads.truncate(most);
    let body = Writer::document("ListMultipartUploadsResult", |xml| {
        xml.text("Bucket", &request.bucket);
        xml.text("KeyMarker", after.0);
        xml.text("UploadIdMarker", after.1);
        if let Some((key, id, _)) = uploads.last().filter(|_| truncated) {
            xml.text("NextKeyMarker", key);
            xml.text("NextUploadIdMarker", id);
        }
        xml.text("Prefix", prefix);
        xml.text("MaxUploads", &most.to_string());
        xml.text("IsTruncated", if truncated { "true" } else { "false" });
        for (key, id, upload) in &uploads {
            xml.element("Upload", |xml| {
                xml.text("Key", key);
                xml.text("UploadId", id);
                xml.owner("Initiator", &bucket.account);
                xml.owner("Owner", &bucket.account);
                xml.text("StorageClass", &upload.attributes.storage_class);
                xml.text("Initiated", &xml::time(upload.initiated_at));
                xml.text("ChecksumAlgorithm", upload.algorithm.name());
                xml.text("ChecksumType", upload.kind.name());
            });
        }
    });
    Ok(xml_reply(200, Vec::new(), body))
}
