//! A bucket as a place for evidence: what is written is never written over, carries its checksum, is locked and encrypted as
//! asked, and is read back and compared. Nothing here deletes.

mod keeping;
mod read;

use std::fmt;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, DateTime as SdkTime};
use aws_sdk_s3::types::{ChecksumAlgorithm, ObjectLockEnabled, ObjectLockLegalHoldStatus, ServerSideEncryption};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use super::answer::{Answer, noted};
use super::failure::classify;
use super::target::Session;
use crate::problem::Problem;
use crate::text::hex;

pub(crate) use keeping::{Keeping, KeepingFlags, Lock, LockMode};
pub(crate) use read::Version;

/// What a bucket takes in one request.
const LARGEST: u64 = 5 << 30;

/// How often a put is repeated that met another one for the same key.
const CONFLICTS: u32 = 10;

/// A bucket that can be used.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    client: aws_sdk_s3::Client,
    name: String,
    keeping: Keeping,
}

/// What is to be stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content<'a> {
    /// A file; it is not held in memory.
    File(&'a Path),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// What was stored, as it was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Where it is: `s3://bucket/key`.
    pub(crate) address: String,
    /// SHA-256 of the bytes that were read back.
    pub(crate) sha256: String,
    /// Version of the object, in a bucket with versions.
    pub(crate) version_id: Option<String>,
    /// How long it is locked, and how.
    pub(crate) lock: Option<Lock>,
    /// It is under a legal hold.
    pub(crate) legal_hold: bool,
    /// The KMS key that encrypts it.
    pub(crate) kms_key: Option<String>,
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (sha256 {}", self.address, self.sha256)?;
        if let Some(version) = &self.version_id {
            write!(f, ", version {version}")?;
        }
        if let Some(lock) = self.lock {
            write!(f, ", lock {lock}")?;
        }
        if self.legal_hold {
            f.write_str(", legal hold")?;
        }
        if let Some(key) = &self.kms_key {
            write!(f, ", encrypted with {key}")?;
        }
        f.write_str(")")
    }
}

/// Why something was not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Other bytes are there.
    Taken(String),
    /// Anything else.
    Failed(String),
}

impl Refused {
    /// The cause, for a message.
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Taken(why) | Self::Failed(why) => why,
        }
    }
}

impl Bucket {
    /// Asks whether the bucket is there, may be used, and can lock what is to be locked, before any work is done. `flag` is
    /// where it was named.
    ///
    /// API: s3:ListBucket (HeadBucket); with a lock s3:GetBucketVersioning and s3:GetBucketObjectLockConfiguration. Calls: 1
    /// or 3. Errors: the bucket is missing or forbidden, or cannot lock.
    pub(crate) async fn open(session: &Session, name: &str, keeping: Keeping, flag: &str) -> Result<Self, Problem> {
        let bucket = Self {
            client: session.s3(),
            name: name.to_owned(),
            keeping,
        };
        bucket.check_use(flag).await?;
        if bucket.keeping.locks() {
            bucket.check_lock().await?;
        }
        Ok(bucket)
    }

    /// `s3://bucket/key`.
    pub(crate) fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    /// S3's clock minus this machine's, now; none: S3 did not say.
    ///
    /// API: s3:ListBucket (HeadBucket). Calls: 1. Errors: it is refused.
    pub(crate) async fn skew(&self) -> Result<Option<TimeDelta>, Problem> {
        let noting = Answer::default();
        let answer = noted(&noting, self.client.head_bucket().bucket(&self.name).send()).await;
        answer.map_err(|error| {
            Problem::new(format!("could not ask the bucket `{}` for the time", self.name))
                .why(classify(&error).of("s3:ListBucket"))
                .so("nothing was written to it")
                .hint("`explain permissions --command deliver` prints the rights that it takes")
        })?;
        Ok(noting.read().date.map(|date| date - Utc::now()))
    }

    async fn check_use(&self, flag: &str) -> Result<(), Problem> {
        let result = self.client.head_bucket().bucket(&self.name).send().await;
        let Err(error) = result else { return Ok(()) };
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let failure = classify(&error);
        let problem = Problem::new(format!("could not use the bucket `{}`", self.name))
            .so("nothing was scanned; no report was written");
        Err(match status {
            404 => problem
                .why("there is no such bucket")
                .hint(format!("create it, or correct the name in `{flag}`")),
            403 => problem
                .why("AccessDenied from s3:HeadBucket (s3:ListBucket)")
                .hint(format!(
                    "`explain permissions --command deliver` prints the rights that it takes; or correct the name in `{flag}`"
                )),
            301 | 400 => problem
                .why(format!("HTTP status {status}: the bucket is in another Region"))
                .hint("set AWS_REGION to the bucket's Region for the delivery"),
            _ => problem
                .why(failure.why())
                .hint("check the network, AWS_REGION and AWS_ENDPOINT_URL"),
        })
    }

    /// A lock that S3 would not keep is refused before the work, not after it.
    async fn check_lock(&self) -> Result<(), Problem> {
        let refuse = |why: String, hint: &str| {
            Problem::new(format!("the bucket `{}` cannot lock what is delivered", self.name))
                .why(why)
                .so("nothing was scanned; no report was written")
                .hint(hint)
        };
        let rights = "`explain permissions --command deliver` prints the rights that it takes";
        let versioning = self.client.get_bucket_versioning().bucket(&self.name).send().await;
        let versioning = versioning.map_err(|error| refuse(classify(&error).of("s3:GetBucketVersioning"), rights))?;
        if versioning.status() != Some(&aws_sdk_s3::types::BucketVersioningStatus::Enabled) {
            let hint = "use a bucket with versioning and Object Lock, or leave `--object-lock` and `--legal-hold` out";
            return Err(refuse("its versioning is not enabled".to_owned(), hint));
        }
        let hint = "turn Object Lock on for it, or leave `--object-lock` and `--legal-hold` out";
        let answer = self
            .client
            .get_object_lock_configuration()
            .bucket(&self.name)
            .send()
            .await;
        match answer {
            Ok(answer)
                if answer
                    .object_lock_configuration()
                    .and_then(|configuration| configuration.object_lock_enabled())
                    == Some(&ObjectLockEnabled::Enabled) =>
            {
                Ok(())
            }
            Ok(_) => Err(refuse("it has no Object Lock".to_owned(), hint)),
            Err(error) if error.code() == Some("ObjectLockConfigurationNotFoundError") => {
                Err(refuse("it has no Object Lock".to_owned(), hint))
            }
            Err(error) => {
                let why = classify(&error).of("s3:GetBucketObjectLockConfiguration");
                Err(refuse(why, rights))
            }
        }
    }

    /// Stores an object: with its SHA-256, never over an object that is there, locked and encrypted as asked, read back and
    /// compared. If the same bytes are there already, an earlier put has done it, whose answer was lost.
    ///
    /// API: s3:PutObject (If-None-Match), s3:GetObject. Calls: 2. Errors: other bytes are there; or what S3 said, or what
    /// was read back and differs.
    pub(crate) async fn put(&self, key: &str, content: Content<'_>, content_type: &str) -> Result<Stored, Refused> {
        let failed = |why: String| Refused::Failed(why);
        let digest = Digested::of(content).map_err(|error| failed(error.to_string()))?;
        if digest.size > LARGEST {
            return Err(failed(format!(
                "it has {} bytes; S3 takes 5 GiB in one request",
                digest.size
            )));
        }
        let mut attempt = 0;
        loop {
            attempt += 1;
            let body = match content {
                Content::File(path) => ByteStream::from_path(path)
                    .await
                    .map_err(|error| failed(error.to_string()))?,
                Content::Bytes(bytes) => ByteStream::from(bytes.to_vec()),
            };
            let request = self
                .client
                .put_object()
                .bucket(&self.name)
                .key(key)
                .content_type(content_type)
                .checksum_algorithm(ChecksumAlgorithm::Sha256)
                .checksum_sha256(BASE64.encode(digest.sha256))
                .if_none_match("*")
                .body(body);
            let error = match self.keeping.ask(request).send().await {
                Ok(answer) => return self.read_back(key, answer.version_id(), &digest).await.map_err(failed),
                Err(error) => error,
            };
            let code = error.code().unwrap_or_default().to_owned();
            let why = || classify(&error).of("s3:PutObject");
            match code.as_str() {
                "ConditionalRequestConflict" if attempt < CONFLICTS => {
                    tokio::time::sleep(Duration::from_millis(u64::from(50 * attempt))).await;
                }
                // Either somebody else's, or our own whose answer was lost on the way.
                "PreconditionFailed" => {
                    return match self.holds(key, &digest).await {
                        Ok(true) => self.read_back(key, None, &digest).await.map_err(failed),
                        Ok(false) => Err(Refused::Taken(why())),
                        Err(reading) => Err(failed(format!("{}; {reading}", why()))),
                    };
                }
                _ if !matches!(error, SdkError::ServiceError(_)) && self.holds(key, &digest).await == Ok(true) => {
                    return self.read_back(key, None, &digest).await.map_err(failed);
                }
                _ => return Err(failed(why())),
            }
        }
    }

    /// Are these bytes there?
    async fn holds(&self, key: &str, digest: &Digested) -> Result<bool, String> {
        let found = self.look(key, None).await?;
        Ok(found.sha256 == digest.sha256)
    }

    /// Reads an object as anybody else would, and holds it against what was asked for.
    async fn read_back(&self, key: &str, version: Option<&str>, digest: &Digested) -> Result<Stored, String> {
        let found = self.look(key, version).await?;
        if found.sha256 != digest.sha256 || found.size != digest.size {
            return Err("the bytes read back differ from those sent".to_owned());
        }
        if found.checksum.as_deref() != Some(&BASE64.encode(digest.sha256)) {
            return Err("the checksum read back is not the SHA-256 that was sent".to_owned());
        }
        self.keeping.check(&found)?;
        Ok(Stored {
            address: self.address(key),
            sha256: hex(&found.sha256),
            version_id: found.version_id,
            lock: found.lock,
            legal_hold: found.legal_hold,
            kms_key: found.kms_key,
        })
    }
}

/// What is known of the bytes before they are sent.
struct Digested {
    sha256: [u8; 32],
    size: u64,
}

impl Digested {
    fn of(content: Content<'_>) -> std::io::Result<Self> {
        let mut hasher = Sha256::new();
        let mut size = 0;
        match content {
            Content::Bytes(bytes) => {
                hasher.update(bytes);
                size = bytes.len() as u64;
            }
            Content::File(path) => {
                let mut file = std::fs::File::open(path)?;
                let mut buffer = vec![0; 1 << 16];
                loop {
                    match file.read(&mut buffer)? {
                        0 => break,
                        length => {
                            hasher.update(&buffer[..length]);
                            size += length as u64;
                        }
                    }
                }
            }
        }
        Ok(Self {
            sha256: hasher.finalize().into(),
            size,
        })
    }
}
