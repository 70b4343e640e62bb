//! What is in a bucket: objects, their bytes, their versions.

use std::io::{Seek as _, Write as _};
use std::path::Path;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::DateTime as SdkTime;
use aws_sdk_s3::types::{ChecksumMode, ObjectLockLegalHoldStatus, ObjectLockMode};
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::{Bucket, Lock, LockMode};
use crate::aws::failure::{Failure, classify};
use crate::problem::Problem;

/// An object, listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its key.
    pub(crate) key: String,
    /// Bytes.
    pub(crate) size: u64,
    /// When S3 took it, by the clock of S3.
    pub(crate) modified: Option<DateTime<Utc>>,
}

/// One version of an object, or the marker of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// The object's key.
    pub(crate) key: String,
    /// The version's id.
    pub(crate) id: String,
    /// It marks a deletion.
    pub(crate) is_deletion: bool,
    /// When S3 took it.
    pub(crate) modified: Option<DateTime<Utc>>,
}

/// What a look at an object found.
pub(super) struct Found {
    pub(super) sha256: [u8; 32],
    pub(super) size: u64,
    /// The checksum that S3 keeps, in base64.
    pub(super) checksum: Option<String>,
    pub(super) version_id: Option<String>,
    pub(super) lock: Option<Lock>,
    pub(super) legal_hold: bool,
    pub(super) kms_key: Option<String>,
}

/// How often an answer is asked for whose bytes break off.
const READS: u32 = 4;

/// Why a look at an object found nothing.
enum Reading {
    /// Its bytes broke off.
    Torn(String),
    /// Anything else.
    Refused(String),
}

impl Bucket {
    /// Reads an object to its end without keeping it. An answer that breaks off is asked for again.
    pub(super) async fn look(&self, key: &str, version: Option<&str>) -> Result<Found, String> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.look_once(key, version).await {
                Err(Reading::Torn(_)) if attempt < READS => {}
                Err(Reading::Torn(why) | Reading::Refused(why)) => return Err(why),
                Ok(found) => return Ok(found),
            }
        }
    }

    async fn look_once(&self, key: &str, version: Option<&str>) -> Result<Found, Reading> {
        let mut answer = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key)
            .set_version_id(version.map(str::to_owned))
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .map_err(|error| Reading::Refused(format!("{}, reading it back", classify(&error).of("s3:GetObject"))))?;
        let mut hasher = Sha256::new();
        let mut size = 0;
        while let Some(bytes) = answer.body.next().await {
            let bytes = bytes.map_err(|error| Reading::Torn(format!("{error} while reading it back")))?;
            hasher.update(&bytes);
            size += bytes.len() as u64;
        }
        Ok(Found {
            sha256: hasher.finalize().into(),
            size,
            checksum: answer.checksum_sha256().map(str::to_owned),
            version_id: answer.version_id().map(str::to_owned),
            lock: lock_of(&answer),
            legal_hold: answer.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On),
            kms_key: answer.ssekms_key_id().map(str::to_owned),
        })
    }

    /// Every object whose key begins with `prefix`, in order of key.
    ///
    /// API: s3:ListBucket (ListObjectsV2), paged by 1,000. Errors: it cannot be listed.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Listed>, Problem> {
        let (mut all, mut token) = (Vec::new(), None);
        loop {
            let page = self
                .client
                .list_objects_v2()
                .bucket(&self.name)
                .prefix(prefix)
                .set_continuation_token(token)
                .send()
                .await
                .map_err(|error| self.unread(prefix, "s3:ListBucket", &classify(&error)))?;
            all.extend(page.contents().iter().filter_map(|object| {
                Some(Listed {
                    key: object.key()?.to_owned(),
                    size: u64::try_from(object.size()?).ok()?,
                    modified: object.last_modified().and_then(time),
                })
            }));
            token = page.next_continuation_token().map(str::to_owned);
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    /// Every version of every object whose key begins with `prefix`, deletions included; the latest of a key first.
    ///
    /// API: s3:ListBucketVersions (ListObjectVersions), paged by 1,000. Errors: they cannot be listed.
    pub(crate) async fn versions(&self, prefix: &str) -> Result<Vec<Version>, Problem> {
        let mut all = Vec::new();
        let (mut key_marker, mut version_marker) = (None, None);
        loop {
            let page = self
                .client
                .list_object_versions()
                .bucket(&self.name)
                .prefix(prefix)
                .set_key_marker(key_marker)
                .set_version_id_marker(version_marker)
                .send()
                .await
                .map_err(|error| self.unread(prefix, "s3:ListBucketVersions", &classify(&error)))?;
            let version = |key: Option<&str>, id: Option<&str>, at: Option<&SdkTime>, is_deletion: bool| Version {
                key: key.unwrap_or_default().to_owned(),
                id: id.unwrap_or("null").to_owned(),
                is_deletion,
                modified: at.and_then(time),
            };
            all.extend(
                page.versions()
                    .iter()
                    .map(|one| version(one.key(), one.version_id(), one.last_modified(), false)),
            );
            all.extend(
                page.delete_markers()
                    .iter()
                    .map(|one| version(one.key(), one.version_id(), one.last_modified(), true)),
            );
            if page.is_truncated() != Some(true) {
                return Ok(all);
            }
            key_marker = page.next_key_marker().map(str::to_owned);
            version_marker = page.next_version_id_marker().map(str::to_owned);
        }
    }

    /// The bytes of an object; none if it is not there.
    ///
    /// API: s3:GetObject. Calls: 1. Errors: it cannot be read.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Problem> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let Some(answer) = self.ask(key).await? else {
                return Ok(None);
            };
            match answer.body.collect().await {
                Ok(bytes) => return Ok(Some(bytes.to_vec())),
                Err(_) if attempt < READS => {}
                Err(error) => return Err(self.torn(key, &error.to_string())),
            }
        }
    }

    /// Copies an object into a new file. False if it is not there.
    ///
    /// API: s3:GetObject. Calls: 1. Errors: it cannot be read, or the file cannot be written.
    pub(crate) async fn get_file(&self, key: &str, path: &Path) -> Result<bool, Problem> {
        let mut file = std::fs::File::create_new(path).map_err(|error| unwritten(path, &error))?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let Some(mut answer) = self.ask(key).await? else {
                drop(file);
                return std::fs::remove_file(path)
                    .map(|()| false)
                    .map_err(|error| unwritten(path, &error));
            };
            // What a broken answer left is written over.
            file.set_len(0)
                .and_then(|()| file.rewind())
                .map_err(|error| unwritten(path, &error))?;
            let torn = loop {
                match answer.body.next().await {
                    None => return Ok(true),
                    Some(Ok(bytes)) => file.write_all(&bytes).map_err(|error| unwritten(path, &error))?,
                    Some(Err(error)) => break error,
                }
            };
            if attempt == READS {
                return Err(self.torn(key, &torn.to_string()));
            }
        }
    }

    async fn ask(&self, key: &str) -> Result<Option<GetObjectOutput>, Problem> {
        let answer = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => Ok(None),
            Err(error) => Err(self.unread(key, "s3:GetObject", &classify(&error))),
        }
    }

    fn unread(&self, key: &str, action: &str, failure: &Failure) -> Problem {
        Problem::new(format!("could not read {}", self.address(key)))
            .why(failure.of(action))
            .hint("`explain permissions --command verify` prints the rights that reading takes")
    }

    fn torn(&self, key: &str, why: &str) -> Problem {
        Problem::new(format!("could not read {} to its end", self.address(key)))
            .why(why)
            .hint("try again")
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(format!("could not write `{}`", path.display()))
        .why(error.to_string())
        .hint("free some space, or choose another folder")
}

fn lock_of(answer: &GetObjectOutput) -> Option<Lock> {
    let mode = match answer.object_lock_mode()? {
        ObjectLockMode::Compliance => LockMode::Compliance,
        ObjectLockMode::Governance => LockMode::Governance,
        _ => return None,
    };
    let until = answer.object_lock_retain_until_date()?;
    // Whole seconds: S3 keeps what it was sent.
    DateTime::from_timestamp(until.secs(), 0).map(|until| Lock { mode, until })
}

fn time(at: &SdkTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.secs(), at.subsec_nanos())
}
