//! S3: buckets and objects, with what evidence needs: checksums, conditional writes, versions and Object Lock.
//!
//! In: REST calls in path style (`/bucket/key`). Out: S3's headers and XML. Buckets are global and belong to one account and one
//! Region; there are no bucket policies and no ACLs, so another account's bucket is simply forbidden. Whatever the sandbox does
//! not simulate is refused with `NotImplemented`, never silently ignored.

mod attributes;
mod body;
mod buckets;
mod chunked;
mod delete;
mod keys;
mod lists;
mod locks;
mod multipart;
mod objects;
mod paging;
mod reply;
mod request;
#[cfg(test)]
mod tests;

use self::reply::xml_reply;
use self::request::Request;
use crate::call::{ApiError, Call, Operation, Reply};
use crate::cloud::Cloud;
use crate::s3::refusal::Refusal;

/// What a request is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Service,
    Bucket,
    Key,
}

/// One operation: how to recognise it, what it is called, and what does it.
struct Entry {
    method: &'static str,
    level: Level,
    /// The query parameter that tells it from its neighbours; empty for the plain operation of the method.
    marker: &'static str,
    name: &'static str,
    /// IAM action without its prefix.
    action: &'static str,
    run: fn(&mut Cloud, &Request<'_>) -> Result<Reply, Refusal>,
}

const fn entry(
    method: &'static str,
    level: Level,
    marker: &'static str,
    name: &'static str,
    action: &'static str,
    run: fn(&mut Cloud, &Request<'_>) -> Result<Reply, Refusal>,
) -> Entry {
    Entry {
        method,
        level,
        marker,
        name,
        action,
        run,
    }
}

/// Every operation; of those that fit, the first one counts.
#[rustfmt::skip] // one line each, as a table is read
const OPERATIONS: &[Entry] = &[
    entry("GET", Level::Service, "", "ListBuckets", "ListAllMyBuckets", buckets::list),
    entry("GET", Level::Bucket, "location", "GetBucketLocation", "GetBucketLocation", buckets::get_location),
    entry("GET", Level::Bucket, "versioning", "GetBucketVersioning", "GetBucketVersioning", buckets::get_versioning),
    entry("GET", Level::Bucket, "object-lock", "GetObjectLockConfiguration", "GetBucketObjectLockConfiguration", locks::get_configuration),
    entry("GET", Level::Bucket, "encryption", "GetBucketEncryption", "GetEncryptionConfiguration", buckets::get_encryption),
    entry("GET", Level::Bucket, "policyStatus", "GetBucketPolicyStatus", "GetBucketPolicyStatus", buckets::get_absent),
    entry("GET", Level::Bucket, "policy", "GetBucketPolicy", "GetBucketPolicy", buckets::get_absent),
    entry("GET", Level::Bucket, "tagging", "GetBucketTagging", "GetBucketTagging", buckets::get_absent),
    entry("GET", Level::Bucket, "lifecycle", "GetBucketLifecycleConfiguration", "GetLifecycleConfiguration", buckets::get_absent),
    entry("GET", Level::Bucket, "publicAccessBlock", "GetPublicAccessBlock", "GetBucketPublicAccessBlock", buckets::get_public_access_block),
    entry("GET", Level::Bucket, "versions", "ListObjectVersions", "ListBucketVersions", lists::versions),
    entry("GET", Level::Bucket, "uploads", "ListMultipartUploads", "ListBucketMultipartUploads", multipart::list_uploads),
    entry("GET", Level::Bucket, "list-type", "ListObjectsV2", "ListBucket", lists::objects_v2),
    entry("GET", Level::Bucket, "", "ListObjects", "ListBucket", lists::objects_v1),
    entry("HEAD", Level::Bucket, "", "HeadBucket", "ListBucket", buckets::head),
    entry("PUT", Level::Bucket, "versioning", "PutBucketVersioning", "PutBucketVersioning", buckets::put_versioning),
    entry("PUT", Level::Bucket, "object-lock", "PutObjectLockConfiguration", "PutBucketObjectLockConfiguration", locks::put_configuration),
    entry("PUT", Level::Bucket, "encryption", "PutBucketEncryption", "PutEncryptionConfiguration", buckets::put_encryption),
    entry("PUT", Level::Bucket, "publicAccessBlock", "PutPublicAccessBlock", "PutBucketPublicAccessBlock", buckets::put_public_access_block),
    entry("PUT", Level::Bucket, "", "CreateBucket", "CreateBucket", buckets::create),
    entry("DELETE", Level::Bucket, "publicAccessBlock", "DeletePublicAccessBlock", "PutBucketPublicAccessBlock", buckets::delete_public_access_block),
    entry("DELETE", Level::Bucket, "", "DeleteBucket", "DeleteBucket", buckets::delete),
    entry("POST", Level::Bucket, "delete", "DeleteObjects", "DeleteObject", delete::many),
    entry("GET", Level::Key, "uploadId", "ListParts", "ListMultipartUploadParts", multipart::list_parts),
    entry("GET", Level::Key, "retention", "GetObjectRetention", "GetObjectRetention", locks::get_retention),
    entry("GET", Level::Key, "legal-hold", "GetObjectLegalHold", "GetObjectLegalHold", locks::get_legal_hold),
    entry("GET", Level::Key, "tagging", "GetObjectTagging", "GetObjectTagging", objects::get_tagging),
    entry("GET", Level::Key, "attributes", "GetObjectAttributes", "GetObjectAttributes", objects::get_attributes),
    entry("GET", Level::Key, "", "GetObject", "GetObject", objects::get),
    entry("HEAD", Level::Key, "", "HeadObject", "GetObject", objects::get),
    entry("PUT", Level::Key, "uploadId", "UploadPart", "PutObject", multipart::upload_part),
    entry("PUT", Level::Key, "retention", "PutObjectRetention", "PutObjectRetention", locks::put_retention),
    entry("PUT", Level::Key, "legal-hold", "PutObjectLegalHold", "PutObjectLegalHold", locks::put_legal_hold),
    entry("PUT", Level::Key, "tagging", "PutObjectTagging", "PutObjectTagging", objects::put_tagging),
    entry("PUT", Level::Key, "", "PutObject", "PutObject", objects::put),
    entry("PUT", Level::Key, "", "CopyObject", "PutObject", objects::copy),
    entry("POST", Level::Key, "uploads", "CreateMultipartUpload", "PutObject", multipart::create),
    entry("POST", Level::Key, "uploadId", "CompleteMultipartUpload", "PutObject", multipart::complete),
    entry("DELETE", Level::Key, "uploadId", "AbortMultipartUpload", "AbortMultipartUpload", multipart::abort),
    entry("DELETE", Level::Key, "tagging", "DeleteObjectTagging", "DeleteObjectTagging", objects::put_tagging),
    entry("DELETE", Level::Key, "", "DeleteObject", "DeleteObject", delete::one),
];

/// Query parameters that ask for a part of S3 which is not simulated; without this list, such a request would be taken for the
/// plain operation of its method, and `PUT /bucket?policy` would create a bucket.
const SUBRESOURCES: &[&str] = &[
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "annotation",
    "append",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataConfiguration",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
];

/// Finds the operation that a request asks for.
pub(crate) fn route(cloud: &Cloud, call: &Call) -> Result<Operation, ApiError> {
    let request = Request::new(call);
    let level = match (request.bucket.is_empty(), request.key.is_empty()) {
        (true, _) => Level::Service,
        (false, true) => Level::Bucket,
        (false, false) => Level::Key,
    };
    let copies = request.header("x-amz-copy-source").is_some();
    let found = OPERATIONS.iter().find(|entry| {
        entry.method == call.method.as_str()
            && entry.level == level
            && !entry.marker.is_empty()
            && request.query(entry.marker).is_some()
    });
    let plain = || {
        let wanted = |entry: &&Entry| entry.name != if copies { "PutObject" } else { "CopyObject" };
        let mut plain = OPERATIONS
            .iter()
            .filter(|entry| entry.method == call.method.as_str() && entry.level == level && entry.marker.is_empty());
        let unknown = SUBRESOURCES.iter().any(|name| request.query(name).is_some());
        if unknown { None } else { plain.find(wanted) }
    };
    // UploadPartCopy would otherwise pass for an UploadPart without data.
    match found
        .or_else(plain)
        .filter(|entry| !(copies && entry.name == "UploadPart"))
    {
        Some(entry) => Ok(Operation {
            name: entry.name,
            action: action(entry, &request),
            resource: match level {
                Level::Service => "*".to_owned(),
                _ if entry.name == "DeleteObjects" => format!("arn:{}:s3:::{}/*", cloud.partition, request.bucket),
                Level::Bucket | Level::Key => format!(
                    "arn:{}:s3::{}",
                    cloud.partition,
                    request.resource().replacen('/', ":", 1)
                ),
            },
        }),
        None => Err(ApiError::new(
            501,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
        )),
    }
}

/// The IAM action; reading and deleting a version by its id are actions of their own.
fn action(entry: &Entry, request: &Request<'_>) -> String {
    match entry.action {
        "GetObject" | "DeleteObject" | "GetObjectTagging" | "GetObjectAttributes" if request.version_id().is_some() => {
            format!("s3:{}", entry.action.replacen("Object", "ObjectVersion", 1))
        }
        action => format!("s3:{action}"),
    }
}

/// Does what a request asks for.
pub(crate) fn handle(cloud: &mut Cloud, call: &Call, op: &Operation) -> Result<Reply, ApiError> {
    let request = Request::new(call);
    let Some(entry) = OPERATIONS.iter().find(|entry| entry.name == op.name) else {
        return Err(ApiError::new(
            501,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
        ));
    };
    // Refusals become answers here, because some of them carry headers: the right Region, a delete marker, a length.
    (entry.run)(cloud, &request).or_else(|refusal| {
        let body = refusal.xml(&request.resource(), &call.request_id);
        Ok(xml_reply(refusal.status, refusal.headers, body))
    })
}
