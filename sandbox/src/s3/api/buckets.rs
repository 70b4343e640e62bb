//! Buckets: who owns them, where they are, and their settings.
//!
//! In: a request for the service or for a bucket. Out: XML. Names are one namespace for all accounts and Regions; a bucket
//! answers only in its own Region, and only to its own account, because bucket policies of other accounts are not simulated.

use bytes::Bytes;

use super::body;
use super::paging;
use super::reply::{reply, xml_reply};
use super::request::Request;
use crate::call::Reply;
use crate::cloud::Cloud;
use crate::s3::limits::check_name;
use crate::s3::refusal::Refusal;
use crate::s3::state::{Bucket, Encryption, LockSettings, PublicAccessBlock, State, Versioning};
use crate::s3::xml::{self, Writer};

/// The bucket that a request names, if the caller may use it here.
pub(super) fn open<'s>(state: &'s State, request: &Request<'_>) -> Result<&'s Bucket, Refusal> {
    let bucket = state
        .buckets
        .get(&request.bucket)
        .ok_or_else(|| Refusal::no_such_bucket(&request.bucket))?;
    check_access(bucket, request)?;
    Ok(bucket)
}

/// The same, to be changed.
pub(super) fn open_mut<'s>(state: &'s mut State, request: &Request<'_>) -> Result<&'s mut Bucket, Refusal> {
    let bucket = state
        .buckets
        .get_mut(&request.bucket)
        .ok_or_else(|| Refusal::no_such_bucket(&request.bucket))?;
    check_access(bucket, request)?;
    Ok(bucket)
}

fn check_access(bucket: &Bucket, request: &Request<'_>) -> Result<(), Refusal> {
    if request.call.caller.region != bucket.region {
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint. \
                       Please send all future requests to this endpoint.";
        return Err(Refusal::new(301, "PermanentRedirect", message)
            .field("Endpoint", format!("s3.{}.amazonaws.com", bucket.region))
            .field("Bucket", bucket.name.as_str())
            .header("x-amz-bucket-region", bucket.region.as_str()));
    }
    check_owner(bucket, request)
}

/// Another account's bucket is forbidden, and so is one that is not whose the caller expects.
fn check_owner(bucket: &Bucket, request: &Request<'_>) -> Result<(), Refusal> {
    let expected = request
        .header("x-amz-expected-bucket-owner")
        .is_none_or(|account| account == bucket.account);
    if bucket.account == request.call.caller.account && expected {
        Ok(())
    } else {
        Err(Refusal::access_denied())
    }
}

/// CreateBucket.
pub(super) fn create(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let caller = &request.call.caller;
    check_name(&request.bucket)?;
    let region = location(request)?;
    if let Some(bucket) = cloud.s3.buckets.get(&request.bucket) {
        if bucket.account != caller.account {
            let message = "The requested bucket name is not available. The bucket namespace is shared by all users of the system. \
                           Please select a different name and try again.";
            return Err(Refusal::new(409, "BucketAlreadyExists", message).field("BucketName", request.bucket.as_str()));
        }
        // us-east-1 alone answers as if the bucket had just been created.
        if bucket.region != "us-east-1" || region != "us-east-1" {
            let message = "Your previous request to create the named bucket succeeded and you already own it.";
            return Err(
                Refusal::new(409, "BucketAlreadyOwnedByYou", message).field("BucketName", request.bucket.as_str())
            );
        }
    } else {
        let mut bucket = Bucket::new(&request.bucket, &caller.account, &region, request.call.now);
        if request
            .header("x-amz-bucket-object-lock-enabled")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        {
            bucket.versioning = Versioning::Enabled;
            bucket.lock = Some(LockSettings::default());
        }
        cloud.s3.buckets.insert(request.bucket.clone(), bucket);
        // The place has the keys that the bucket's objects may be encrypted with.
        cloud.place_mut(&caller.account, &caller.region);
    }
    Ok(reply(
        200,
        vec![("location".to_owned(), format!("/{}", request.bucket))],
        Bytes::new(),
    ))
}

/// The Region of a new bucket: `LocationConstraint`, which must be the Region that was called; us-east-1 alone takes any.
fn location(request: &Request<'_>) -> Result<String, Refusal> {
    let called = request.call.caller.region.as_str();
    let body = request.payload()?.data;
    let constraint = if body.is_empty() {
        None
    } else {
        body::parse(&body, "CreateBucketConfiguration", |root| {
            Ok(body::child_text(root, "LocationConstraint").map(|text| text.trim().to_owned()))
        })?
    };
    let illegal = |constraint: &str| {
        let message = format!(
            "The {constraint} location constraint is incompatible for the region specific endpoint this request was sent to.",
        );
        Refusal::new(400, "IllegalLocationConstraintException", message)
    };
    match constraint.as_deref() {
        None | Some("") if called == "us-east-1" => Ok(called.to_owned()),
        None | Some("") => Err(illegal("unspecified")),
        Some("us-east-1") if called == "us-east-1" => Err(Refusal::new(
            400,
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
        )
        .field("LocationConstraint", "us-east-1")),
        // The old name of Ireland, and still the one that GetBucketLocation might be expected to give.
        Some("EU") if called == "us-east-1" || called == "eu-west-1" => Ok("eu-west-1".to_owned()),
        Some(region) if called == "us-east-1" || called == region => Ok(region.to_owned()),
        Some(region) => Err(illegal(region)),
    }
}

/// HeadBucket: also how clients learn a bucket's Region.
pub(super) fn head(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = open(&cloud.s3, request)?;
    let headers = vec![
        ("x-amz-bucket-region".to_owned(), bucket.region.clone()),
        ("x-amz-access-point-alias".to_owned(), "false".to_owned()),
    ];
    Ok(reply(200, headers, Bytes::new()))
}

/// DeleteBucket: only an empty one, delete markers and old versions counted.
pub(super) fn delete(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = open(&cloud.s3, request)?;
    if !bucket.keys.is_empty() {
        let message = if bucket.shows_versions() {
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
        } else {
            "The bucket you tried to delete is not empty"
        };
        return Err(Refusal::new(409, "BucketNotEmpty", message).field("BucketName", request.bucket.as_str()));
    }
    cloud.s3.buckets.remove(&request.bucket);
    Ok(reply(204, Vec::new(), Bytes::new()))
}

/// ListBuckets: the caller's buckets of all Regions; `prefix`, `bucket-region`, `max-buckets` and `continuation-token` honoured.
pub(super) fn list(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let account = &request.call.caller.account;
    let prefix = request.query("prefix").unwrap_or_default();
    let region = request.query("bucket-region");
    let most = paging::limit(request, "max-buckets", 10_000)?;
    let after = request
        .query("continuation-token")
        .map(paging::open_token)
        .transpose()?;
    let mut buckets = cloud.s3.buckets.values().filter(|bucket| {
        bucket.account == *account
            && bucket.name.starts_with(prefix)
            && region.is_none_or(|region| region == bucket.region)
            && after.as_ref().is_none_or(|after| bucket.name > *after)
    });
    let page: Vec<&Bucket> = buckets.by_ref().take(most).collect();
    let more = buckets.next().is_some();
    let body = Writer::document("ListAllMyBucketsResult", |xml| {
        xml.owner("Owner", account);
        xml.element("Buckets", |xml| {
            for bucket in &page {
                xml.element("Bucket", |xml| {
                    xml.text("Name", &bucket.name);
                    xml.text("CreationDate", &xml::time(bucket.created_at));
                    xml.text("BucketRegion", &bucket.region);
                });
            }
        });
        if let Some(last) = page.last().filter(|_| more) {
            xml.text("ContinuationToken", &paging::seal_token(&last.name));
        }
        xml.maybe("Prefix", request.query("prefix"));
    });
    Ok(xml_reply(200, Vec::new(), body))
}

/// GetBucketLocation: answers in every Region; us-east-1 has the empty location.
pub(super) fn get_location(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = cloud
        .s3
        .buckets
        .get(&request.bucket)
        .ok_or_else(|| Refusal::no_such_bucket(&request.bucket))?;
    check_owner(bucket, request)?;
    let region = if bucket.region == "us-east-1" {
        ""
    } else {
        bucket.region.as_str()
    };
    let body = Writer::document("LocationConstraint", |xml| xml.raw(region));
    Ok(xml_reply(200, Vec::new(), body))
}

/// GetBucketVersioning: no `Status` at all if versioning was never on.
pub(super) fn get_versioning(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = open(&cloud.s3, request)?;
    let body = Writer::document("VersioningConfiguration", |xml| match bucket.versioning {
        Versioning::Never => {}
        Versioning::Enabled => xml.text("Status", "Enabled"),
        Versioning::Suspended => xml.text("Status", "Suspended"),
    });
    Ok(xml_reply(200, Vec::new(), body))
}

/// PutBucketVersioning: a bucket with Object Lock keeps it on.
pub(super) fn put_versioning(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let body = request.payload()?.data;
    let bucket = open_mut(&mut cloud.s3, request)?;
    let status = body::parse(&body, "VersioningConfiguration", |root| {
        match body::child_text(root, "Status") {
            Some("Enabled") => Ok(Versioning::Enabled),
            Some("Suspended") => Ok(Versioning::Suspended),
            None => Err(Refusal::new(
                400,
                "IllegalVersioningConfigurationException",
                "The Versioning element must be specified",
            )),
            Some(_) => Err(Refusal::malformed_xml()),
        }
    })?;
    if status == Versioning::Suspended && bucket.lock.is_some() {
        let message =
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.";
        return Err(Refusal::new(409, "InvalidBucketState", message));
    }
    bucket.versioning = status;
    Ok(reply(200, Vec::new(), Bytes::new()))
}

/// GetBucketEncryption: every bucket has a default since January 2023.
pub(super) fn get_encryption(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = open(&cloud.s3, request)?;
    let encryption = &bucket.encryption;
    let body = Writer::document("ServerSideEncryptionConfiguration", |xml| {
        xml.element("Rule", |xml| {
            xml.element("ApplyServerSideEncryptionByDefault", |xml| {
                xml.text("SSEAlgorithm", &encryption.algorithm);
                xml.maybe("KMSMasterKeyID", encryption.key.as_deref());
            });
            xml.text("BucketKeyEnabled", if encryption.bucket_key { "true" } else { "false" });
        });
    });
    Ok(xml_reply(200, Vec::new(), body))
}

/// PutBucketEncryption; the key need not exist, as in S3: puts fail later.
pub(super) fn put_encryption(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let body = request.payload()?.data;
    let bucket = open_mut(&mut cloud.s3, request)?;
    bucket.encryption = body::parse(&body, "ServerSideEncryptionConfiguration", |root| {
        let rule = body::child(root, "Rule").ok_or_else(Refusal::malformed_xml)?;
        let default = body::child(rule, "ApplyServerSideEncryptionByDefault").ok_or_else(Refusal::malformed_xml)?;
        let algorithm = body::child_text(default, "SSEAlgorithm").unwrap_or_default();
        let key = body::child_text(default, "KMSMasterKeyID").map(str::to_owned);
        match (algorithm, &key) {
            ("AES256", None) | ("aws:kms" | "aws:kms:dsse", _) => {}
            ("AES256", Some(_)) => {
                let message =
                    "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
                return Err(Refusal::new(400, "InvalidArgument", message));
            }
            _ => return Err(Refusal::malformed_xml()),
        }
        let bucket_key = body::child_text(rule, "BucketKeyEnabled") == Some("true");
        Ok(Encryption {
            algorithm: algorithm.to_owned(),
            key,
            bucket_key,
        })
    })?;
    Ok(reply(200, Vec::new(), Bytes::new()))
}

/// GetPublicAccessBlock.
pub(super) fn get_public_access_block(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = open(&cloud.s3, request)?;
    let Some(block) = bucket.public_access_block else {
        let message = "The public access block configuration was not found";
        return Err(Refusal::new(404, "NoSuchPublicAccessBlockConfiguration", message)
            .field("BucketName", request.bucket.as_str()));
    };
    let body = Writer::document("PublicAccessBlockConfiguration", |xml| {
        let mut flag = |name: &str, on: bool| xml.text(name, if on { "true" } else { "false" });
        flag("BlockPublicAcls", block.block_acls);
        flag("IgnorePublicAcls", block.ignore_acls);
        flag("BlockPublicPolicy", block.block_policy);
        flag("RestrictPublicBuckets", block.restrict);
    });
    Ok(xml_reply(200, Vec::new(), body))
}

/// PutPublicAccessBlock.
pub(super) fn put_public_access_block(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let body = request.payload()?.data;
    let bucket = open_mut(&mut cloud.s3, request)?;
    let block = body::parse(&body, "PublicAccessBlockConfiguration", |root| {
        let flag = |name| body::child_text(root, name) == Some("true");
        Ok(PublicAccessBlock {
            block_acls: flag("BlockPublicAcls"),
            ignore_acls: flag("IgnorePublicAcls"),
            block_policy: flag("BlockPublicPolicy"),
            restrict: flag("RestrictPublicBuckets"),
        })
    })?;
    bucket.public_access_block = Some(block);
    Ok(reply(200, Vec::new(), Bytes::new()))
}

/// DeletePublicAccessBlock.
pub(super) fn delete_public_access_block(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    open_mut(&mut cloud.s3, request)?.public_access_block = None;
    Ok(reply(204, Vec::new(), Bytes::new()))
}

/// Settings that no bucket of the sandbox has: the answer of S3 to who asks for them.
pub(super) fn get_absent(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    open(&cloud.s3, request)?;
    let (code, message) = if request.query("tagging").is_some() {
        ("NoSuchTagSet", "The TagSet does not exist")
    } else if request.query("lifecycle").is_some() {
        (
            "NoSuchLifecycleConfiguration",
            "The lifecycle configuration does not exist",
        )
    } else {
        ("NoSuchBucketPolicy", "The bucket policy does not exist")
    };
    Err(Refusal::new(404, code, message).field("BucketName", request.bucket.as_str()))
}
