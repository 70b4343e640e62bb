//! DeleteObject and DeleteObjects.
//!
//! In: keys, with or without version ids. Out: delete markers, or versions gone for good. A locked version stays, always.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::body;
use super::reply::{reply, xml_reply};
use super::request::Request;
use crate::call::Reply;
use crate::cloud::Cloud;
use crate::ids::Ids;
use crate::s3::refusal::Refusal;
use crate::s3::state::{Bucket, Version, Versioning};
use crate::s3::xml::Writer;

/// DeleteObjects takes so many keys.
const BATCH_LIMIT: usize = 1000;

/// What became of one key.
struct Outcome {
    /// The version removed, or the marker put on top; None in a bucket that shows no versions.
    version: Option<String>,
    /// True if a delete marker was made, or removed.
    marker: bool,
}

/// DeleteObject: a key that does not exist is deleted all the same.
pub(super) fn one(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open_mut(&mut cloud.s3, request)?;
    if let Some(tag) = request.header("if-match") {
        let matches = bucket
            .current(&request.key)
            .map(|(_, object)| object.etag.trim_matches('"') == tag.trim_matches('"') || tag == "*");
        match matches {
            None => return Err(Refusal::no_such_key(&request.key)),
            Some(false) => return Err(Refusal::precondition_failed("If-Match")),
            Some(true) => {}
        }
    }
    let rights = Rights {
        now: request.call.now,
        bypass: request.bypasses_governance(),
    };
    let outcome = delete(bucket, &mut cloud.ids, &request.key, request.version_id(), rights)?;
    let mut headers = Vec::new();
    if outcome.marker {
        headers.push(("x-amz-delete-marker".to_owned(), "true".to_owned()));
    }
    headers.extend(outcome.version.map(|id| ("x-amz-version-id".to_owned(), id)));
    Ok(reply(204, headers, Bytes::new()))
}

#[derive(Clone, Copy)]
struct Rights {
    now: DateTime<Utc>,
    bypass: bool,
}

fn delete(
    bucket: &mut Bucket,
    ids: &mut Ids,
    key: &str,
    version: Option<&str>,
    rights: Rights,
) -> Result<Outcome, Refusal> {
    if let Some(id) = version {
        let locked = bucket.keys.get(key).is_some_and(|versions| {
            versions
                .iter()
                .any(|version| version.id == id && version.is_locked(rights.now, rights.bypass))
        });
        if locked {
            return Err(Refusal::new(
                403,
                "AccessDenied",
                "Access Denied because object protected by object lock.",
            ));
        }
        let marker = bucket.remove(key, id).is_some_and(|removed| removed.object.is_none());
        return Ok(Outcome {
            version: bucket.shows_versions().then(|| id.to_owned()),
            marker,
        });
    }
    if bucket.versioning == Versioning::Never {
        bucket.keys.remove(key);
        return Ok(Outcome {
            version: None,
            marker: false,
        });
    }
    bucket.add(
        key,
        Version {
            id: ids.hex(32),
            modified: rights.now,
            object: None,
            retention: None,
            legal_hold: None,
            tags: std::collections::BTreeMap::new(),
        },
    );
    let id = bucket
        .keys
        .get(key)
        .and_then(|versions| versions.last())
        .map(|version| version.id.clone());
    Ok(Outcome {
        version: id,
        marker: true,
    })
}

/// One key of a DeleteObjects request.
struct Target {
    key: String,
    version: Option<String>,
}

/// DeleteObjects: each key succeeds or fails by itself.
pub(super) fn many(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    if !request.has_digest() {
        let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        return Err(Refusal::invalid_request(message));
    }
    let body = request.payload()?.data;
    let bucket = super::buckets::open_mut(&mut cloud.s3, request)?;
    let (targets, quiet) = read(&body)?;
    let rights = Rights {
        now: request.call.now,
        bypass: request.bypasses_governance(),
    };
    let ids = &mut cloud.ids;
    let body = Writer::document("DeleteResult", |xml| {
        for target in &targets {
            match delete(bucket, ids, &target.key, target.version.as_deref(), rights) {
                Ok(outcome) if !quiet => xml.element("Deleted", |xml| deleted(xml, target, &outcome)),
                Ok(_) => {}
                Err(refusal) => xml.element("Error", |xml| {
                    xml.text("Key", &target.key);
                    xml.maybe("VersionId", target.version.as_deref());
                    xml.text("Code", refusal.code);
                    xml.text("Message", &refusal.message);
                }),
            }
        }
    });
    Ok(xml_reply(200, Vec::new(), body))
}

fn deleted(xml: &mut Writer, target: &Target, outcome: &Outcome) {
    xml.text("Key", &target.key);
    xml.maybe("VersionId", target.version.as_deref());
    if outcome.marker {
        xml.text("DeleteMarker", "true");
        xml.maybe("DeleteMarkerVersionId", outcome.version.as_deref());
    }
}

fn read(body: &[u8]) -> Result<(Vec<Target>, bool), Refusal> {
    body::parse(body, "Delete", |root| {
        let read = |object| {
            let key = body::child_text(object, "Key")
                .filter(|key| !key.is_empty())
                .ok_or_else(Refusal::malformed_xml)?;
            let version = body::child_text(object, "VersionId")
                .filter(|id| !id.is_empty())
                .map(str::to_owned);
            Ok(Target {
                key: key.to_owned(),
                version,
            })
        };
        let targets: Result<Vec<Target>, Refusal> = body::children(root, "Object").map(read).collect();
        let targets = targets?;
        if targets.is_empty() || targets.len() > BATCH_LIMIT {
            return Err(Refusal::malformed_xml());
        }
        Ok((targets, body::child_text(root, "Quiet") == Some("true")))
    })
}
