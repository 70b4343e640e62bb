//! Object Lock: the bucket's configuration, and retention and legal hold of single versions.
//!
//! In: XML. Out: XML. A lock is only ever loosened the way S3 allows it: compliance never, governance with the bypass header.

use bytes::Bytes;
use roxmltree::Node;

use super::attributes;
use super::body;
use super::reply::{reply, xml_reply};
use super::request::Request;
use crate::call::Reply;
use crate::cloud::Cloud;
use crate::s3::refusal::Refusal;
use crate::s3::state::{DefaultRetention, LockMode, LockSettings, Period, Retention, Versioning};
use crate::s3::xml::{self, Writer};

/// GetObjectLockConfiguration.
pub(super) fn get_configuration(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    let Some(settings) = &bucket.lock else {
        let message = "Object Lock configuration does not exist for this bucket";
        return Err(Refusal::new(404, "ObjectLockConfigurationNotFoundError", message)
            .field("BucketName", request.bucket.as_str()));
    };
    let body = Writer::document("ObjectLockConfiguration", |xml| {
        xml.text("ObjectLockEnabled", "Enabled");
        if let Some(default) = settings.default {
            xml.element("Rule", |xml| {
                xml.element("DefaultRetention", |xml| {
                    xml.text("Mode", default.mode.name());
                    match default.period {
                        Period::Days(days) => xml.text("Days", &days.to_string()),
                        Period::Years(years) => xml.text("Years", &years.to_string()),
                    }
                });
            });
        }
    });
    Ok(xml_reply(200, Vec::new(), body))
}

/// PutObjectLockConfiguration: also turns Object Lock on for an existing bucket, if it is versioned. It never turns it off.
pub(super) fn put_configuration(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let body = request.payload()?.data;
    let bucket = super::buckets::open_mut(&mut cloud.s3, request)?;
    let default = body::parse(&body, "ObjectLockConfiguration", |root| {
        match body::child_text(root, "ObjectLockEnabled") {
            None | Some("Enabled") => {}
            Some(_) => return Err(Refusal::malformed_xml()),
        }
        body::child(root, "Rule").map(default_retention).transpose()
    })?;
    if bucket.versioning != Versioning::Enabled {
        let message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
        return Err(Refusal::new(409, "InvalidBucketState", message));
    }
    bucket.lock = Some(LockSettings { default });
    Ok(reply(200, Vec::new(), Bytes::new()))
}

fn default_retention(rule: Node<'_, '_>) -> Result<DefaultRetention, Refusal> {
    let default = body::child(rule, "DefaultRetention").ok_or_else(Refusal::malformed_xml)?;
    let mode = body::child_text(default, "Mode")
        .and_then(LockMode::named)
        .ok_or_else(Refusal::malformed_xml)?;
    let number = |name| {
        body::child_text(default, name).map(|text| text.trim().parse::<u32>().map_err(|_| Refusal::malformed_xml()))
    };
    let period = match (number("Days").transpose()?, number("Years").transpose()?) {
        (Some(days @ 1..=36_500), None) => Period::Days(days),
        (None, Some(years @ 1..=100)) => Period::Years(years),
        (Some(_), None) | (None, Some(_)) => {
            return Err(Refusal::new(
                400,
                "InvalidArgument",
                "Default retention period must be a positive integer value.",
            ));
        }
        _ => return Err(Refusal::malformed_xml()),
    };
    Ok(DefaultRetention { mode, period })
}

/// GetObjectRetention.
pub(super) fn get_retention(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    bucket.lock.as_ref().ok_or_else(Refusal::missing_lock)?;
    let (version, _) = bucket.object(&request.key, request.version_id())?;
    let retention = version.retention.ok_or_else(|| no_lock(&request.key))?;
    let body = Writer::document("Retention", |xml| {
        xml.text("Mode", retention.mode.name());
        xml.text("RetainUntilDate", &xml::time(retention.until));
    });
    Ok(xml_reply(200, Vec::new(), body))
}

fn no_lock(key: &str) -> Refusal {
    let message = "The specified object does not have a ObjectLock configuration";
    Refusal::new(404, "NoSuchObjectLockConfiguration", message).field("Key", key)
}

/// PutObjectRetention.
pub(super) fn put_retention(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let body = request.payload()?.data;
    let now = request.call.now;
    let bypass = request.bypasses_governance();
    let bucket = super::buckets::open_mut(&mut cloud.s3, request)?;
    bucket.lock.as_ref().ok_or_else(Refusal::missing_lock)?;
    bucket.object(&request.key, request.version_id())?;
    let version = bucket.version_mut(&request.key, request.version_id())?;
    let wanted = body::parse(&body, "Retention", |root| {
        match (
            body::child_text(root, "Mode"),
            body::child_text(root, "RetainUntilDate"),
        ) {
            (None, None) => Ok(None),
            (Some(mode), Some(until)) => attributes::retention(mode, until, now).map(Some),
            _ => Err(Refusal::malformed_xml()),
        }
    })?;
    if let Some(held) = version.retention.filter(|held| held.until > now)
        && loosens(held, wanted)
        && !(bypass && held.mode == LockMode::Governance)
    {
        return Err(Refusal::new(
            403,
            "AccessDenied",
            "Access Denied because object protected by object lock.",
        ));
    }
    version.retention = wanted;
    Ok(reply(200, Vec::new(), Bytes::new()))
}

/// True if the new retention would protect less than the one that holds.
fn loosens(held: Retention, wanted: Option<Retention>) -> bool {
    wanted.is_none_or(|wanted| {
        wanted.until < held.until || (held.mode == LockMode::Compliance && wanted.mode == LockMode::Governance)
    })
}

/// GetObjectLegalHold.
pub(super) fn get_legal_hold(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    bucket.lock.as_ref().ok_or_else(Refusal::missing_lock)?;
    let (version, _) = bucket.object(&request.key, request.version_id())?;
    let hold = version.legal_hold.ok_or_else(|| no_lock(&request.key))?;
    let body = Writer::document("LegalHold", |xml| xml.text("Status", if hold { "ON" } else { "OFF" }));
    Ok(xml_reply(200, Vec::new(), body))
}

/// PutObjectLegalHold.
pub(super) fn put_legal_hold(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let body = request.payload()?.data;
    let bucket = super::buckets::open_mut(&mut cloud.s3, request)?;
    bucket.lock.as_ref().ok_or_else(Refusal::missing_lock)?;
    bucket.object(&request.key, request.version_id())?;
    let version = bucket.version_mut(&request.key, request.version_id())?;
    version.legal_hold = body::parse(&body, "LegalHold", |root| match body::child_text(root, "Status") {
        Some("ON") => Ok(Some(true)),
        Some("OFF") => Ok(Some(false)),
        _ => Err(Refusal::malformed_xml()),
    })?;
    Ok(reply(200, Vec::new(), Bytes::new()))
}
