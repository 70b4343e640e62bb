//! Where reports go, and S3: never over an object that is there, read back and compared.

use std::path::{Path, PathBuf};

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use sha2::{Digest, Sha256};

use super::Format;
use crate::aws::failure::classify;
use crate::aws::target::Session;
use crate::problem::{Problem, count};
use crate::text::hex;

/// Where reports go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A folder; none: a new one below `backproof-report`, named when the scan's time is known.
    Folder(Option<PathBuf>),
    /// An S3 prefix. The reports also stay in a new folder below `backproof-report`.
    S3 {
        /// The bucket.
        bucket: String,
        /// The prefix, without slashes at its ends; may be empty.
        prefix: String,
    },
    /// Standard output: one format, nothing on disk but a temporary inventory.
    Stdout,
}

impl Destination {
    /// Reads the value of `--to`.
    ///
    /// Errors: an S3 address without a bucket.
    pub fn parse(to: Option<&str>) -> Result<Self, Problem> {
        let Some(to) = to else { return Ok(Self::Folder(None)) };
        if to == "-" {
            return Ok(Self::Stdout);
        }
        let Some(address) = to.strip_prefix("s3://") else {
            return Ok(Self::Folder(Some(PathBuf::from(to))));
        };
        let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
        if bucket.is_empty() {
            return Err(Problem::usage("the S3 address names no bucket")
                .at(format!("`--to {to}`"))
                .so("nothing was read from AWS")
                .hint("write it like `s3://bucket/prefix`"));
        }
        Ok(Self::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
        })
    }
}

/// A prefix of a bucket that can be used.
#[derive(Debug)]
pub struct S3Prefix {
    client: aws_sdk_s3::Client,
    bucket: String,
    prefix: String,
}

impl S3Prefix {
    /// Asks whether the bucket is there and may be used, before the scan, so that a typing error costs nothing.
    ///
    /// API: s3:HeadBucket. Calls: 1. Errors: the bucket is missing or forbidden.
    pub async fn open(session: &Session, bucket: &str, prefix: &str) -> Result<Self, Problem> {
        let client = session.s3();
        check_bucket(&client, bucket).await?;
        Ok(Self {
            client,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    /// Stores the files of `folder` under the prefix: with a checksum, never over an object that is there, read back and
    /// compared.
    ///
    /// API: s3:PutObject (If-None-Match), s3:GetObject. Calls: 2 for each file. Errors: the first file that is not there,
    /// word for word as it was written; the reports stay in `folder` all the same.
    pub async fn deliver(&self, formats: &[&'static Format], folder: &Path) -> Result<Vec<Delivered>, Problem> {
        to_s3(&self.client, &self.bucket, &self.prefix, formats, folder).await
    }
}

async fn check_bucket(client: &aws_sdk_s3::Client, bucket: &str) -> Result<(), Problem> {
    let result = client.head_bucket().bucket(bucket).send().await;
    let Err(error) = result else { return Ok(()) };
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let failure = classify(&error);
    let problem =
        Problem::new(format!("could not use the bucket `{bucket}`")).so("nothing was scanned; no report was written");
    Err(match status {
        404 => problem
            .why("there is no such bucket")
            .hint("create it, or correct the name in `--to`"),
        403 => problem
            .why("AccessDenied from s3:HeadBucket (s3:ListBucket)")
            .hint("allow s3:ListBucket, s3:PutObject and s3:GetObject on it, or correct the name in `--to`"),
        301 | 400 => problem
            .why(format!("HTTP status {status}: the bucket is in another Region"))
            .hint("set AWS_REGION to the bucket's Region for the delivery"),
        _ => problem
            .why(failure.why())
            .hint("check the network, AWS_REGION and AWS_ENDPOINT_URL"),
    })
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Where it is: `s3://bucket/key`.
    pub address: String,
    /// SHA-256 of the bytes that were read back.
    pub sha256: String,
    /// Version of the object, in a bucket with versions.
    pub version_id: Option<String>,
}

async fn to_s3(
    client: &aws_sdk_s3::Client,
    bucket: &str,
    prefix: &str,
    formats: &[&'static Format],
    kept: &Path,
) -> Result<Vec<Delivered>, Problem> {
    let mut delivered = Vec::new();
    for format in formats {
        let name = format.file_name;
        let file = kept.join(name);
        let bytes = std::fs::read(&file).map_err(|error| {
            Problem::new(format!("could not read `{name}` for the delivery"))
                .at(file.display().to_string())
                .why(error.to_string())
        })?;
        let key = if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}/{name}")
        };
        match put(client, bucket, &key, format.content_type, &bytes).await {
            Ok(one) => delivered.push(one),
            Err(why) => {
                let sha256 = hex(&Sha256::digest(&bytes));
                let stored = match delivered.len() {
                    0 => "nothing was uploaded".to_owned(),
                    number => format!("{} uploaded before it", count(number, "file")),
                };
                let is_taken = why.contains("PreconditionFailed");
                return Err(
                    Problem::new(format!("could not deliver the report to s3://{bucket}/{key}"))
                        .why(if is_taken {
                            format!("{why}; an object with this key exists and evidence is never overwritten")
                        } else {
                            why
                        })
                        .so(format!(
                            "the report is complete at {} (sha256 {sha256}); {stored}",
                            file.display()
                        ))
                        .hint(if is_taken {
                            "choose a new prefix with `--to`"
                        } else {
                            "allow s3:PutObject and s3:GetObject on the prefix, then deliver again"
                        }),
                );
            }
        }
    }
    Ok(delivered)
}

async fn put(
    client: &aws_sdk_s3::Client,
    bucket: &str,
    key: &str,
    content_type: &str,
    bytes: &[u8],
) -> Result<Delivered, String> {
    let answer = client
        .put_object()
        .bucket(bucket)
        .key(key)
        .content_type(content_type)
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .if_none_match("*")
        .body(ByteStream::from(bytes.to_vec()))
        .send()
        .await
        .map_err(|error| {
            format!(
                "{} from s3:PutObject",
                error.code().map_or_else(|| classify(&error).why(), str::to_owned)
            )
        })?;
    let version_id = answer.version_id().map(str::to_owned);
    let back = client
        .get_object()
        .bucket(bucket)
        .key(key)
        .set_version_id(version_id.clone())
        .send()
        .await
        .map_err(|error| format!("{} from s3:GetObject, reading it back", classify(&error).why()))?;
    let stored = back
        .body
        .collect()
        .await
        .map_err(|error| format!("{error} while reading it back"))?
        .into_bytes();
    if stored != bytes {
        return Err("the bytes read back differ from those sent".to_owned());
    }
    Ok(Delivered {
        address: format!("s3://{bucket}/{key}"),
        sha256: hex(&Sha256::digest(&stored)),
        version_id,
    })
}
