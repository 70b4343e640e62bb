//! The digest of a table that was taken around a backup job, and filed: what a recovery point of it has to hold.
//!
//! The table is read before the job is asked for and after it is done. Where both readings are equal, nothing was written in
//! between, and what was read is what the point holds. Where they are not, the table was moving, and the digest is worth nothing.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::record::{Point, Reading};
use super::scan::Ground;
use super::{Side, Tell, Wish, definition, items};
use crate::collect::instant;
use crate::digest;
use crate::plain_file::{self, LARGEST_TEXT};
use crate::problem::one_line;

/// Raised whenever a field is added, removed or changes its meaning, or a digest is taken in another way.
pub(crate) const DIGEST_VERSION: u32 = 1;

/// AWS's clock comes in whole seconds with each answer.
const GRAIN: TimeDelta = TimeDelta::seconds(1);

/// What was read around a backup job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PointDigest {
    /// [`DIGEST_VERSION`].
    pub(crate) schema_version: u32,
    /// Version of the program.
    pub(crate) tool_version: String,
    /// The table.
    pub(crate) table_arn: String,
    /// AWS's id of the table. Null: AWS does not say.
    pub(crate) table_id: Option<String>,
    /// The recovery point that the job made.
    pub(crate) recovery_point_arn: String,
    /// The vault that the job was asked to put it in.
    pub(crate) vault_name: String,
    /// The job.
    pub(crate) backup_job_id: String,
    /// When the job was begun, by AWS Backup.
    #[schemars(extend("format" = "date-time"), with = "String")]
    pub(crate) job_created_at: DateTime<Utc>,
    /// When it was done, by AWS Backup.
    #[schemars(extend("format" = "date-time"), with = "String")]
    pub(crate) job_completed_at: DateTime<Utc>,
    /// The reading before the job.
    pub(crate) before: Reading,
    /// The reading after it.
    pub(crate) after: Reading,
    /// Keys, indexes and settings before and after the job, in words by name. Null: they changed meanwhile.
    pub(crate) definition: Option<BTreeMap<String, String>>,
    /// What the readings make of it.
    pub(crate) standing: Standing,
}

/// What two readings around a job make of their digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// They are equal: it is the digest of the point.
    OfThePoint,
    /// They are not, or do not lie around the job: it tells nothing of the point.
    Moving,
}

/// A digest, and the file that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Filed {
    /// What it says.
    pub(crate) digest: PointDigest,
    /// SHA-256 of the file.
    pub(crate) sha256: String,
}

const LOOK: &str = "backup:DescribeBackupJob";

/// A tag on a recovery point that says by which file it can be checked. It proves nothing: whoever may tag can write anything.
const POINTER: &str = "backproof:digest-sha256";

const TAG: &str = "backup:TagResource";

/// IAM actions of taking a digest.
pub(crate) const ACTIONS: &[&str] = &[
    super::scan::SCAN,
    crate::remediate::actions::ground::DESCRIBE_TABLE,
    LOOK,
    TAG,
];

/// A table as it was read before its backup job.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    table_id: Option<String>,
    reading: Reading,
    definition: BTreeMap<String, String>,
}

impl Before {
    /// Reads a table whole.
    ///
    /// API: dynamodb:DescribeTable, dynamodb:Scan. Calls: 1, and 1 for each segment. Errors: it could not be read whole, in words.
    pub(crate) async fn read(side: Side<'_>, wish: &Wish, tell: Tell<'_>) -> Result<Self, String> {
        let (ground, reading) = items::read_whole(side, wish, tell).await?;
        let Ground { table, .. } = ground;
        Ok(Self {
            table_id: table.table_id.clone(),
            definition: definition::parts(&table),
            reading,
        })
    }

    /// Reads it again once its job is done, and puts both together.
    ///
    /// API: backup:DescribeBackupJob, dynamodb:DescribeTable, dynamodb:Scan. Calls: 2, and 1 for each segment. Errors: the job made
    /// no point, or AWS does not say which or when; the table could not be read whole, or is another one by now; in words.
    pub(crate) async fn after(
        self,
        side: Side<'_>,
        table_arn: &str,
        job_id: &str,
        wish: &Wish,
        tell: Tell<'_>,
    ) -> Result<PointDigest, String> {
        let send = || side.target.backup.describe_backup_job().backup_job_id(job_id).send();
        let job = side.target.caller.once(LOOK, job_id, send).await;
        let job = job.map_err(|failure| failure.of(LOOK))?;
        let state = job.state().map_or("UNKNOWN", |state| state.as_str());
        if state != "COMPLETED" {
            return Err(format!("its job is {state}"));
        }
        let (Some(point), Some(vault)) = (job.recovery_point_arn(), job.backup_vault_name()) else {
            return Err(format!(
                "the answer to {LOOK} does not say which recovery point the job made"
            ));
        };
        let (Some(begun), Some(done)) = (instant(job.creation_date()), instant(job.completion_date())) else {
            return Err(format!(
                "the answer to {LOOK} does not say when the job was begun and done"
            ));
        };
        let after = Self::read(side, wish, tell).await?;
        if after.table_id != self.table_id {
            return Err("the table was deleted and made again meanwhile".to_owned());
        }
        let mut digest = PointDigest {
            schema_version: DIGEST_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            table_arn: table_arn.to_owned(),
            table_id: after.table_id,
            recovery_point_arn: point.to_owned(),
            vault_name: vault.to_owned(),
            backup_job_id: job_id.to_owned(),
            job_created_at: begun,
            job_completed_at: done,
            before: self.reading,
            after: after.reading,
            definition: Some(after.definition).filter(|definition| *definition == self.definition),
            standing: Standing::Moving,
        };
        digest.standing = digest.stands();
        Ok(digest)
    }
}

/// Tags the recovery point with the SHA-256 of the file of its digest.
///
/// API: backup:TagResource. Calls: 1. Errors: AWS's refusal, in words; native points take no tags of AWS Backup.
pub(crate) async fn point_to(side: Side<'_>, digest: &PointDigest, sha256: &str) -> Result<(), String> {
    let arn = &digest.recovery_point_arn;
    let send = || {
        let tag = side.target.backup.tag_resource();
        tag.resource_arn(arn).tags(POINTER, sha256).send()
    };
    let came = side.target.caller.once(TAG, arn, send).await;
    came.map(drop).map_err(|failure| failure.of(TAG))
}

impl PointDigest {
    /// What the readings make of it, whatever the file says.
    pub(crate) fn stands(&self) -> Standing {
        match self.weakness() {
            None => Standing::OfThePoint,
            Some(_) => Standing::Moving,
        }
    }

    /// Why it is no digest of the point, in words. `None`: it is one.
    pub(crate) fn weakness(&self) -> Option<String> {
        let of = |reading: &Reading| (reading.items, reading.digest.clone());
        let is_same = of(&self.before) == of(&self.after) && self.before.digest.is_some();
        let is_around = self.before.ended_at <= self.job_created_at + GRAIN
            && self.job_created_at <= self.job_completed_at
            && self.job_completed_at <= self.after.began_at + GRAIN;
        if !is_same {
            let (before, after) = (self.before.items, self.after.items);
            return Some(format!(
                "the table was written meanwhile: {before} items were read before its job, {after} after it, and not the same ones"
            ));
        }
        (!is_around).then(|| "by AWS's clocks the two readings do not lie before and after the job".to_owned())
    }

    /// As it is filed.
    ///
    /// Errors: none that can happen, in words.
    pub(crate) fn to_json(&self) -> Result<String, String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        Ok(text + "\n")
    }
}

impl Filed {
    /// Reads a file.
    ///
    /// Errors: it cannot be read; it is no such file, or one of another version; it says of itself what its readings do not; in
    /// words.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let bytes = plain_file::read(path, LARGEST_TEXT).map_err(|error| error.to_string())?;
        Self::of_bytes(&bytes)
    }

    /// The same of the bytes of a file.
    ///
    /// Errors: those of [`Filed::read`].
    pub(crate) fn of_bytes(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Versioned {
            schema_version: u32,
        }
        let no_digest = |error: serde_json::Error| format!("it is no digest of a recovery point: {error}");
        let Versioned { schema_version } = serde_json::from_slice(bytes).map_err(no_digest)?;
        if schema_version != DIGEST_VERSION {
            return Err(format!(
                "it is of version {schema_version}, and this program reads version {DIGEST_VERSION}"
            ));
        }
        let digest: PointDigest = serde_json::from_slice(bytes).map_err(no_digest)?;
        for reading in [&digest.before, &digest.after] {
            let is_digest =
                |text: &String| text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if !reading.digest.as_ref().is_some_and(is_digest) {
                return Err("a digest in it does not have 64 hexadecimal digits".to_owned());
            }
        }
        if digest.standing != digest.stands() {
            return Err("it calls itself what its two readings do not make of it".to_owned());
        }
        Ok(Self {
            digest,
            sha256: digest::of_bytes(bytes),
        })
    }

    /// Is it the digest of this point?
    ///
    /// Errors: why not, in words.
    pub(crate) fn check(&self, point: &Point) -> Result<(), String> {
        if self.digest.recovery_point_arn != point.arn {
            return Err(format!(
                "the digest is one of another point, `{}`",
                one_line(&self.digest.recovery_point_arn)
            ));
        }
        match self.digest.stands() {
            Standing::OfThePoint => Ok(()),
            Standing::Moving => {
                Err("the table was being written while its digest was taken, which is worth nothing".to_owned())
            }
        }
    }
}
