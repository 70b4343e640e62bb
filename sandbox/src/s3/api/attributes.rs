//! What the headers of a put, a copy or a multipart upload say about the object to come, and how an object says it again.
//!
//! In: headers and the bucket's defaults. Out: attributes, checked; headers of an answer. Never changes the state.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;

use super::request::Request;
use crate::cloud::Cloud;
use crate::s3::refusal::Refusal;
use crate::s3::state::{Attributes, Bucket, Encryption, LockMode, Object, Retention, Version};
use crate::s3::xml;

/// Headers that come back as they went in.
const KEPT: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-language",
    "content-type",
    "expires",
    "x-amz-website-redirect-location",
];

/// Storage classes that a put may ask for.
const STORAGE_CLASSES: [&str; 9] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
    "EXPRESS_ONEZONE",
];

/// User metadata may hold this many bytes, names and values together.
const METADATA_LIMIT: usize = 2048;

/// Reads every attribute of an object to come.
pub(super) fn read(cloud: &Cloud, bucket: &Bucket, request: &Request<'_>) -> Result<Attributes, Refusal> {
    refuse_unsupported(request)?;
    let (retention, legal_hold) = locks(bucket, request)?;
    Ok(Attributes {
        headers: kept_headers(request)?,
        storage_class: storage_class(request)?,
        encryption: encryption(cloud, bucket, request)?,
        retention,
        legal_hold,
        tags: request
            .header("x-amz-tagging")
            .map_or_else(|| Ok(BTreeMap::new()), tags_of_header)?,
    })
}

/// What exists in S3 and not here is refused, not ignored.
fn refuse_unsupported(request: &Request<'_>) -> Result<(), Refusal> {
    if request
        .header("x-amz-server-side-encryption-customer-algorithm")
        .is_some()
    {
        return Err(Refusal::not_implemented(
            "x-amz-server-side-encryption-customer-algorithm",
        ));
    }
    match request.header("x-amz-acl") {
        None | Some("private" | "bucket-owner-full-control") => Ok(()),
        Some(_) => Err(Refusal::new(
            400,
            "AccessControlListNotSupported",
            "The bucket does not allow ACLs",
        )),
    }
}

fn kept_headers(request: &Request<'_>) -> Result<Vec<(String, String)>, Refusal> {
    let mut headers: Vec<(String, String)> = KEPT
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), request.header(name)?.to_owned())))
        .collect();
    if request.header("content-type").is_none() {
        headers.push(("content-type".to_owned(), "binary/octet-stream".to_owned()));
    }
    let coding: Vec<&str> = request
        .header("content-encoding")
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .collect();
    let coding: Vec<&str> = coding
        .into_iter()
        .filter(|part| !part.is_empty() && *part != "aws-chunked")
        .collect();
    if !coding.is_empty() {
        headers.push(("content-encoding".to_owned(), coding.join(",")));
    }
    let mut size = 0;
    for name in request
        .call
        .headers
        .keys()
        .map(|name| name.as_str())
        .filter(|name| name.starts_with("x-amz-meta-"))
    {
        let value = request.header_utf8(name).unwrap_or_default();
        size += name.len() - "x-amz-meta-".len() + value.len();
        headers.push((name.to_owned(), value.to_owned()));
    }
    if size > METADATA_LIMIT {
        let message = "Your metadata headers exceed the maximum allowed metadata size";
        return Err(Refusal::new(400, "MetadataTooLarge", message)
            .field("Size", size.to_string())
            .field("MaxSizeAllowed", METADATA_LIMIT.to_string()));
    }
    headers.sort();
    Ok(headers)
}

fn storage_class(request: &Request<'_>) -> Result<String, Refusal> {
    let class = request.header("x-amz-storage-class").unwrap_or("STANDARD");
    if STORAGE_CLASSES.contains(&class) {
        return Ok(class.to_owned());
    }
    Err(Refusal::new(
        400,
        "InvalidStorageClass",
        "The storage class you specified is not valid",
    )
    .field("StorageClassRequested", class))
}

/// The encryption that the headers ask for, or the bucket's default.
fn encryption(cloud: &Cloud, bucket: &Bucket, request: &Request<'_>) -> Result<Encryption, Refusal> {
    let key = request.header("x-amz-server-side-encryption-aws-kms-key-id");
    let bucket_key = request
        .header("x-amz-server-side-encryption-bucket-key-enabled")
        .map(|value| value.eq_ignore_ascii_case("true"));
    let Some(algorithm) = request.header("x-amz-server-side-encryption") else {
        return match key {
            None => default_encryption(cloud, bucket),
            Some(key) => Err(needs_kms(key)),
        };
    };
    match (algorithm, key) {
        ("AES256", None) => Ok(Encryption::default()),
        ("AES256", Some(key)) => Err(needs_kms(key)),
        ("aws:kms" | "aws:kms:dsse", key) => Ok(Encryption {
            algorithm: algorithm.to_owned(),
            key: Some(super::keys::resolve(cloud, bucket, key)?),
            bucket_key: bucket_key.unwrap_or(bucket.encryption.bucket_key),
        }),
        _ => Err(Refusal::invalid_argument(
            "The encryption method specified is not supported",
            "x-amz-server-side-encryption",
            algorithm,
        )),
    }
}

fn needs_kms(key: &str) -> Refusal {
    let message =
        "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms";
    Refusal::invalid_argument(message, "x-amz-server-side-encryption-aws-kms-key-id", key)
}

fn default_encryption(cloud: &Cloud, bucket: &Bucket) -> Result<Encryption, Refusal> {
    let mut encryption = bucket.encryption.clone();
    if encryption.algorithm != "AES256" {
        encryption.key = Some(super::keys::resolve(cloud, bucket, encryption.key.as_deref())?);
    }
    Ok(encryption)
}

/// Retention and legal hold of the headers; without a retention there, the bucket's default one.
fn locks(bucket: &Bucket, request: &Request<'_>) -> Result<(Option<Retention>, Option<bool>), Refusal> {
    let mode = request.header("x-amz-object-lock-mode");
    let until = request.header("x-amz-object-lock-retain-until-date");
    let hold = request.header("x-amz-object-lock-legal-hold");
    let now = request.call.now;
    let Some(settings) = &bucket.lock else {
        return if mode.or(until).or(hold).is_some() {
            Err(Refusal::missing_lock())
        } else {
            Ok((None, None))
        };
    };
    let retention = match (mode, until) {
        (None, None) => settings.default.map(|default| Retention {
            mode: default.mode,
            until: default.period.after(now),
        }),
        (Some(mode), Some(until)) => Some(retention(mode, until, now)?),
        (mode, _) => {
            let message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
            let missing = if mode.is_some() {
                "x-amz-object-lock-retain-until-date"
            } else {
                "x-amz-object-lock-mode"
            };
            return Err(Refusal::invalid_argument(message, missing, ""));
        }
    };
    let hold = match hold {
        None => None,
        Some("ON") => Some(true),
        Some("OFF") => Some(false),
        Some(other) => {
            let message = "Legal Hold must be either of 'ON' or 'OFF'";
            return Err(Refusal::invalid_argument(
                message,
                "x-amz-object-lock-legal-hold",
                other,
            ));
        }
    };
    Ok((retention, hold))
}

/// A retention that holds from now on.
pub(super) fn retention(mode: &str, until: &str, now: DateTime<Utc>) -> Result<Retention, Refusal> {
    let known = LockMode::named(mode)
        .ok_or_else(|| Refusal::invalid_argument("Unknown wormMode directive.", "x-amz-object-lock-mode", mode))?;
    let time = DateTime::parse_from_rfc3339(until).map_err(|_| {
        let message = "The retain until date must be provided in ISO 8601 format";
        Refusal::invalid_argument(message, "x-amz-object-lock-retain-until-date", until)
    })?;
    if time <= now {
        let message = "The retain until date must be in the future!";
        return Err(Refusal::invalid_argument(
            message,
            "x-amz-object-lock-retain-until-date",
            until,
        ));
    }
    Ok(Retention {
        mode: known,
        until: time.to_utc(),
    })
}

/// Tags as the `x-amz-tagging` header has them: a query string.
fn tags_of_header(header: &str) -> Result<BTreeMap<String, String>, Refusal> {
    let decode = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs = header.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    });
    tags(pairs)
}

/// Checks tags: at most ten, keys unique and 1 to 128 characters, values to 256.
pub(super) fn tags(pairs: impl Iterator<Item = (String, String)>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut tags = BTreeMap::new();
    for (key, value) in pairs {
        if key.is_empty() || key.chars().count() > 128 {
            return Err(
                Refusal::new(400, "InvalidTag", "The TagKey you have provided is invalid").field("TagKey", key),
            );
        }
        if value.chars().count() > 256 {
            return Err(
                Refusal::new(400, "InvalidTag", "The TagValue you have provided is invalid").field("TagValue", value),
            );
        }
        if tags.insert(key.clone(), value).is_some() {
            return Err(
                Refusal::new(400, "InvalidTag", "Cannot provide multiple Tags with the same key").field("TagKey", key),
            );
        }
    }
    if tags.len() > 10 {
        return Err(Refusal::new(400, "BadRequest", "Object tags cannot be greater than 10"));
    }
    Ok(tags)
}

/// Headers of the encryption that an object has.
pub(super) fn encryption_headers(encryption: &Encryption, headers: &mut Vec<(String, String)>) {
    headers.push(("x-amz-server-side-encryption".to_owned(), encryption.algorithm.clone()));
    if let Some(key) = &encryption.key {
        headers.push(("x-amz-server-side-encryption-aws-kms-key-id".to_owned(), key.clone()));
    }
    if encryption.bucket_key {
        headers.push((
            "x-amz-server-side-encryption-bucket-key-enabled".to_owned(),
            "true".to_owned(),
        ));
    }
}

/// Headers with which GetObject and HeadObject describe a version.
pub(super) fn describe(bucket: &Bucket, version: &Version, object: &Object) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = object
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), header_text(value)))
        .collect();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    add("etag", object.etag.clone());
    add("last-modified", xml::http_time(version.modified));
    add("accept-ranges", "bytes".to_owned());
    if object.storage_class != "STANDARD" {
        add("x-amz-storage-class", object.storage_class.clone());
    }
    if bucket.shows_versions() {
        add("x-amz-version-id", version.id.clone());
    }
    if let Some(retention) = version.retention {
        add("x-amz-object-lock-mode", retention.mode.name().to_owned());
        add("x-amz-object-lock-retain-until-date", xml::time(retention.until));
    }
    if let Some(hold) = version.legal_hold {
        add(
            "x-amz-object-lock-legal-hold",
            if hold { "ON" } else { "OFF" }.to_owned(),
        );
    }
    if !version.tags.is_empty() {
        add("x-amz-tagging-count", version.tags.len().to_string());
    }
    encryption_headers(&object.encryption, &mut headers);
    headers
}

/// Text that is not ASCII comes back in the form of RFC 2047, as S3 sends it.
fn header_text(value: &str) -> String {
    if value.is_ascii() {
        value.to_owned()
    } else {
        format!("=?UTF-8?B?{}?=", STANDARD.encode(value))
    }
}
