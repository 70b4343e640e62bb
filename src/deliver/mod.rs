//! Where reports go, and S3: never over an object that is there, read back and compared.

pub mod staging;

use std::path::{Path, PathBuf};

use futures_util::{StreamExt as _, stream};
use sha2::{Digest, Sha256};

use crate::aws::s3::{Bucket, Content, Keeping, Refused, Stored};
use crate::aws::target::Session;
use crate::problem::{Problem, count};
use crate::text::hex;

/// IAM actions that delivering takes on the objects.
pub const OBJECT_ACTIONS: [&str; 7] = [
    "s3:PutObject",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:PutObjectRetention",
    "s3:GetObjectRetention",
    "s3:PutObjectLegalHold",
    "s3:GetObjectLegalHold",
];

/// IAM actions that delivering takes on the bucket.
pub const BUCKET_ACTIONS: [&str; 3] = [
    "s3:ListBucket",
    "s3:GetBucketVersioning",
    "s3:GetBucketObjectLockConfiguration",
];

/// IAM actions that delivering takes on the key that encrypts: S3 encrypts and decrypts with the caller's rights on it.
pub const KEY_ACTIONS: [&str; 2] = ["kms:GenerateDataKey", "kms:Decrypt"];

/// How many files go at once.
pub const AT_ONCE: usize = 8;

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
    bucket: Bucket,
    prefix: String,
}

impl S3Prefix {
    /// Asks whether the bucket is there, may be used and can keep what is delivered as asked, before the scan, so that a
    /// typing error costs nothing.
    ///
    /// API and errors: those of [`Bucket::open`].
    pub async fn open(session: &Session, bucket: &str, prefix: &str, keeping: Keeping) -> Result<Self, Problem> {
        Ok(Self {
            bucket: Bucket::open(session, bucket, keeping, "--to").await?,
            prefix: prefix.to_owned(),
        })
    }

    /// Stores files of `folder` under the prefix. All but the last go several at once; the last one, the manifest of a pack,
    /// goes when all others are there.
    ///
    /// API: [`Bucket::put`]. Calls: 2 for each file. Errors: the first file that is not there, word for word as it was
    /// written and kept as asked; the reports stay in `folder` all the same.
    pub async fn deliver(&self, files: &[String], folder: &Path) -> Result<Vec<Stored>, Problem> {
        let mut delivered = Vec::new();
        let (others, last) = files.split_at(files.len().saturating_sub(1));
        for files in [others, last] {
            let puts = stream::iter(files.iter().map(|name| async move {
                let (key, file) = (joined(&self.prefix, name), folder.join(name));
                let put = self.bucket.put(&key, Content::File(&file), content_type(name)).await;
                (key, file, put)
            }));
            let mut puts = puts.buffered(AT_ONCE);
            while let Some((key, file, put)) = puts.next().await {
                match put {
                    Ok(one) => delivered.push(one),
                    Err(refused) => return Err(self.problem(&key, &file, &refused, delivered.len())),
                }
            }
        }
        Ok(delivered)
    }

    fn problem(&self, key: &str, file: &Path, refused: &Refused, delivered: usize) -> Problem {
        let stored = match delivered {
            0 => "nothing was uploaded".to_owned(),
            number => format!("{} uploaded before it", count(number, "file")),
        };
        let sha256 = std::fs::read(file).map_or_else(
            |error| error.to_string(),
            |bytes| format!("sha256 {}", hex(&Sha256::digest(bytes))),
        );
        let problem = Problem::new(format!("could not deliver the report to {}", self.bucket.address(key))).so(
            format!("the report is complete at {} ({sha256}); {stored}", file.display()),
        );
        match refused {
            Refused::Taken(why) => problem
                .why(format!(
                    "{why}; an object with this key exists and evidence is never overwritten"
                ))
                .hint("choose a new prefix with `--to`"),
            Refused::Failed(why) => problem
                .why(why)
                .hint("deliver again; `explain permissions --command deliver` prints the rights that it takes"),
        }
    }
}

/// What a browser is to make of a file.
pub fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("json") => "application/json",
        Some("csv") => "text/csv; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("pdf") => "application/pdf",
        Some("md" | "toml" | "txt" | "sig") => "text/plain; charset=utf-8",
        Some("xml") => "application/xml",
        _ => "application/octet-stream",
    }
}

/// A key below a prefix, which may be empty.
pub fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}/{name}")
    }
}
