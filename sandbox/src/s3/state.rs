//! What S3 keeps: buckets of all accounts, their settings, the versions of their objects, uploads under way.
//!
//! Plain data and the few rules about versions that every operation shares. Bucket names are one namespace for all accounts
//! and Regions, so this state stands beside the places, not in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Months, TimeDelta, Utc};

use super::checksum::{Algorithm, Checksum, Kind};
use super::refusal::Refusal;

/// S3 of the whole sandbox.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Buckets by name.
    pub(crate) buckets: BTreeMap<String, Bucket>,
}

/// One bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) versioning: Versioning,
    /// None: Object Lock is off, and no object can have a lock.
    pub(crate) lock: Option<LockSettings>,
    pub(crate) encryption: Encryption,
    /// None: deleted. New buckets block everything, as since April 2023.
    pub(crate) public_access_block: Option<PublicAccessBlock>,
    /// Versions by key, the newest last; never an empty list.
    pub(crate) keys: BTreeMap<String, Vec<Version>>,
    /// Multipart uploads by upload id.
    pub(crate) uploads: BTreeMap<String, Upload>,
}

/// `VersioningConfiguration.Status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versioning {
    /// Never turned on: S3 shows no version ids at all.
    Never,
    Enabled,
    Suspended,
}

/// `ObjectLockConfiguration` of a bucket with Object Lock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LockSettings {
    /// `DefaultRetention` of new objects.
    pub(crate) default: Option<DefaultRetention>,
}

/// `DefaultRetention`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DefaultRetention {
    pub(crate) mode: LockMode,
    pub(crate) period: Period,
}

/// Length of a default retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    Days(u32),
    Years(u32),
}

impl Period {
    /// The end of the period that starts at `from`.
    pub(crate) fn after(self, from: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Days(days) => from + TimeDelta::days(i64::from(days)),
            Self::Years(years) => from
                .checked_add_months(Months::new(years.saturating_mul(12)))
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
        }
    }
}

/// Mode of a retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockMode {
    Governance,
    Compliance,
}

impl LockMode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Governance, Self::Compliance]
            .into_iter()
            .find(|mode| mode.name() == name)
    }
}

/// Retention of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention {
    pub(crate) mode: LockMode,
    pub(crate) until: DateTime<Utc>,
}

/// Server-side encryption: a bucket's default, or what an object has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encryption {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub(crate) algorithm: String,
    /// Key ARN; None for `AES256`, or for a bucket whose default is the AWS managed key.
    pub(crate) key: Option<String>,
    pub(crate) bucket_key: bool,
}

impl Default for Encryption {
    fn default() -> Self {
        Self {
            algorithm: "AES256".to_owned(),
            key: None,
            bucket_key: false,
        }
    }
}

/// `PublicAccessBlockConfiguration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PublicAccessBlock {
    pub(crate) block_acls: bool,
    pub(crate) ignore_acls: bool,
    pub(crate) block_policy: bool,
    pub(crate) restrict: bool,
}

impl PublicAccessBlock {
    /// What new buckets have.
    pub(crate) const ALL: Self = Self {
        block_acls: true,
        ignore_acls: true,
        block_policy: true,
        restrict: true,
    };
}

/// One version of a key: an object, or a delete marker.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    /// `null` for objects written while versioning was off or suspended.
    pub(crate) id: String,
    pub(crate) modified: DateTime<Utc>,
    /// None: a delete marker.
    pub(crate) object: Option<Arc<Object>>,
    pub(crate) retention: Option<Retention>,
    pub(crate) legal_hold: Option<bool>,
    pub(crate) tags: BTreeMap<String, String>,
}

impl Version {
    /// True while no one may delete this version; `bypass` lifts governance only.
    pub(crate) fn is_locked(&self, now: DateTime<Utc>, bypass: bool) -> bool {
        let retained = self
            .retention
            .is_some_and(|retention| retention.until > now && !(bypass && retention.mode == LockMode::Governance));
        retained || self.legal_hold == Some(true)
    }
}

/// What does not change after an object was written.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) data: Bytes,
    /// With its quotes.
    pub(crate) etag: String,
    /// Headers that come back as they went in: `Content-Type`, `Cache-Control`, `x-amz-meta-*` and the like.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) storage_class: String,
    pub(crate) encryption: Encryption,
    pub(crate) checksum: Checksum,
    /// Number and length of the parts; empty unless it came by a multipart upload.
    pub(crate) parts: Vec<PartOf>,
}

/// A part inside a finished object.
#[derive(Debug, Clone)]
pub(crate) struct PartOf {
    pub(crate) number: u32,
    pub(crate) size: usize,
    pub(crate) checksum: Checksum,
}

/// A multipart upload under way.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) initiated_at: DateTime<Utc>,
    pub(crate) attributes: Attributes,
    pub(crate) algorithm: Algorithm,
    pub(crate) kind: Kind,
    /// False if the client chose no algorithm, and parts may come with any checksum.
    pub(crate) algorithm_chosen: bool,
    pub(crate) parts: BTreeMap<u32, Part>,
}

/// An uploaded part.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) data: Bytes,
    /// With its quotes.
    pub(crate) etag: String,
    pub(crate) checksum: Checksum,
    pub(crate) modified: DateTime<Utc>,
}

/// What a put, a copy and a multipart upload say about the object to come.
#[derive(Debug, Clone)]
pub(crate) struct Attributes {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) storage_class: String,
    pub(crate) encryption: Encryption,
    pub(crate) retention: Option<Retention>,
    pub(crate) legal_hold: Option<bool>,
    pub(crate) tags: BTreeMap<String, String>,
}

impl Bucket {
    pub(crate) fn new(name: &str, account: &str, region: &str, created_at: DateTime<Utc>) -> Self {
        Self {
            name: name.to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
            created_at,
            versioning: Versioning::Never,
            lock: None,
            encryption: Encryption::default(),
            public_access_block: Some(PublicAccessBlock::ALL),
            keys: BTreeMap::new(),
            uploads: BTreeMap::new(),
        }
    }

    /// The newest object under a key; None if there is none, or a delete marker lies on top.
    pub(crate) fn current(&self, key: &str) -> Option<(&Version, &Arc<Object>)> {
        let version = self.keys.get(key)?.last()?;
        Some((version, version.object.as_ref()?))
    }

    /// The version asked for, which may be a delete marker only if it is asked for by its id.
    pub(crate) fn version(&self, key: &str, id: Option<&str>) -> Result<&Version, Refusal> {
        let versions = self.keys.get(key).map(Vec::as_slice).unwrap_or_default();
        match id {
            Some(id) => versions
                .iter()
                .find(|version| version.id == id)
                .ok_or_else(|| Refusal::no_such_version(key, id)),
            None => match versions.last() {
                Some(version) if version.object.is_some() => Ok(version),
                Some(marker) => Err(self.hidden(key, marker)),
                None => Err(Refusal::no_such_key(key)),
            },
        }
    }

    /// The same, to be changed.
    pub(crate) fn version_mut(&mut self, key: &str, id: Option<&str>) -> Result<&mut Version, Refusal> {
        let id = self.version(key, id)?.id.clone();
        let versions = self.keys.get_mut(key).map(Vec::as_mut_slice).unwrap_or_default();
        versions
            .iter_mut()
            .find(|version| version.id == id)
            .ok_or_else(|| Refusal::no_such_version(key, &id))
    }

    /// The object of the version asked for; a delete marker is no object.
    pub(crate) fn object(&self, key: &str, id: Option<&str>) -> Result<(&Version, &Arc<Object>), Refusal> {
        let version = self.version(key, id)?;
        match &version.object {
            Some(object) => Ok((version, object)),
            None => Err(Refusal::method_not_allowed("GET")
                .field("ResourceType", "DeleteMarker")
                .header("allow", "DELETE")
                .header("x-amz-delete-marker", "true")
                .header("x-amz-version-id", version.id.as_str())
                .header("last-modified", super::xml::http_time(version.modified))),
        }
    }

    fn hidden(&self, key: &str, marker: &Version) -> Refusal {
        Refusal::no_such_key(key)
            .header("x-amz-delete-marker", "true")
            .header("x-amz-version-id", marker.id.as_str())
    }

    /// Puts a version on top of a key; without versioning it takes the place of the `null` version.
    pub(crate) fn add(&mut self, key: &str, mut version: Version) {
        let versions = self.keys.entry(key.to_owned()).or_default();
        if self.versioning != Versioning::Enabled {
            version.id = "null".to_owned();
            versions.retain(|version| version.id != "null");
        }
        versions.push(version);
    }

    /// Removes one version for good; true if there was one.
    pub(crate) fn remove(&mut self, key: &str, id: &str) -> Option<Version> {
        let versions = self.keys.get_mut(key)?;
        let index = versions.iter().position(|version| version.id == id)?;
        let removed = versions.remove(index);
        if versions.is_empty() {
            self.keys.remove(key);
        }
        Some(removed)
    }

    /// True if answers name versions.
    pub(crate) fn shows_versions(&self) -> bool {
        self.versioning != Versioning::Never
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a time")
    }

    fn object(text: &'static str) -> Option<Arc<Object>> {
        let data = Bytes::from_static(text.as_bytes());
        Some(Arc::new(Object {
            checksum: Checksum::of(Algorithm::Crc64Nvme, &data),
            data,
            etag: "\"e\"".to_owned(),
            headers: Vec::new(),
            storage_class: "STANDARD".to_owned(),
            encryption: Encryption::default(),
            parts: Vec::new(),
        }))
    }

    fn version(id: &str, object: Option<Arc<Object>>) -> Version {
        Version {
            id: id.to_owned(),
            modified: at(0),
            object,
            retention: None,
            legal_hold: None,
            tags: BTreeMap::new(),
        }
    }

    fn text(bucket: &Bucket, id: Option<&str>) -> Result<String, &'static str> {
        let found = bucket.object("k", id).map_err(|refusal| refusal.code)?;
        Ok(String::from_utf8_lossy(&found.1.data).into_owned())
    }

    #[test]
    fn without_versioning_the_last_put_wins() {
        let mut bucket = Bucket::new("b", "111122223333", "us-east-1", at(0));
        bucket.add("k", version("x", object("one")));
        bucket.add("k", version("y", object("two")));
        assert_eq!(bucket.keys["k"].len(), 1);
        assert_eq!(text(&bucket, Some("null")), Ok("two".to_owned()));
        assert_eq!(text(&bucket, Some("x")), Err("NoSuchVersion"));
        assert!(!bucket.shows_versions());
    }

    #[test]
    fn with_versioning_everything_stays_and_markers_hide() {
        let mut bucket = Bucket::new("b", "111122223333", "us-east-1", at(0));
        bucket.add("k", version("x", object("zero")));
        bucket.versioning = Versioning::Enabled;
        bucket.add("k", version("x", object("one")));
        bucket.add("k", version("m", None));
        assert_eq!(text(&bucket, None), Err("NoSuchKey"));
        assert_eq!(text(&bucket, Some("m")), Err("MethodNotAllowed"));
        assert_eq!(text(&bucket, Some("x")), Ok("one".to_owned()));
        assert!(bucket.current("k").is_none());
        assert!(bucket.remove("k", "m").is_some_and(|version| version.object.is_none()));
        assert_eq!(text(&bucket, None), Ok("one".to_owned()));
        bucket.versioning = Versioning::Suspended;
        bucket.add("k", version("ignored", object("two")));
        assert_eq!(
            bucket.keys["k"]
                .iter()
                .map(|version| version.id.as_str())
                .collect::<Vec<_>>(),
            ["x", "null"]
        );
        assert_eq!(text(&bucket, None), Ok("two".to_owned()));
        assert!(bucket.remove("k", "x").is_some() && bucket.remove("k", "null").is_some());
        assert!(bucket.keys.is_empty() && bucket.remove("k", "null").is_none());
    }

    #[test]
    fn locks_hold_until_their_time_and_compliance_never_yields() {
        let mut locked = version("x", object("one"));
        locked.retention = Some(Retention {
            mode: LockMode::Governance,
            until: at(10),
        });
        assert!(locked.is_locked(at(9), false) && !locked.is_locked(at(9), true) && !locked.is_locked(at(10), false));
        locked.retention = Some(Retention {
            mode: LockMode::Compliance,
            until: at(10),
        });
        assert!(locked.is_locked(at(9), true) && !locked.is_locked(at(10), true));
        locked.legal_hold = Some(true);
        assert!(locked.is_locked(at(99), true));
    }

    #[test]
    fn periods_end_days_or_years_later() {
        assert_eq!(Period::Days(1).after(at(0)), at(86_400));
        assert_eq!(Period::Years(1).after(at(0)).to_rfc3339(), "2024-11-14T22:13:20+00:00");
    }
}
