//! Answers of S3.

use bytes::Bytes;

use crate::call::Reply;
use crate::s3::state::{Bucket, Version};

/// An answer.
pub(super) fn reply(status: u16, headers: Vec<(String, String)>, body: Bytes) -> Reply {
    Reply {
        headers,
        body,
        ..Reply::empty(status)
    }
}

/// An answer in XML.
pub(super) fn xml_reply(status: u16, mut headers: Vec<(String, String)>, body: String) -> Reply {
    headers.push(("content-type".to_owned(), "application/xml".to_owned()));
    reply(status, headers, Bytes::from(body))
}

/// The header that names a version, in buckets that show versions.
pub(super) fn version_header(bucket: &Bucket, version: &Version) -> Vec<(String, String)> {
    if bucket.shows_versions() {
        vec![("x-amz-version-id".to_owned(), version.id.clone())]
    } else {
        Vec::new()
    }
}
