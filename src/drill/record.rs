//! What a run of `drill` saw, as it is filed: `drill.json` of its pack.
//!
//! Every verdict follows from the rest of the record by [`Drill::judged`]: whoever has the file can judge again.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Raised whenever a field is added, removed or changes its meaning.
pub(crate) const RECORD_VERSION: u32 = 1;

/// What one run of `drill` saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// [`RECORD_VERSION`].
    pub(crate) schema_version: u32,
    /// Names the run; the tables that it made are called `backproof-drill-RUN-NUMBER`.
    pub(crate) run_id: String,
    /// Version of the program.
    pub(crate) tool_version: String,
    /// Who asked, as sts:GetCallerIdentity named the caller.
    pub(crate) caller_arn: String,
    /// When it began, by AWS's clock.
    #[schemars(extend("format" = "date-time"), with = "String")]
    pub(crate) began_at: DateTime<Utc>,
    /// When it ended, by AWS's clock.
    #[schemars(extend("format" = "date-time"), with = "String")]
    pub(crate) ended_at: DateTime<Utc>,
    /// One restore each, in order of number.
    pub(crate) drills: Vec<Drill>,
    /// Tables that were chosen and not restored: nothing was tested of them.
    pub(crate) left_out: Vec<LeftOut>,
}

impl Record {
    /// The bytes of `drill.json`: always the same for the same record.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("plain values always have a JSON form");
        bytes.push(b'\n');
        bytes
    }

    /// Reads the bytes of a `drill.json`.
    ///
    /// Errors: what is wrong with them, in words: no JSON, another schema version, a field that is missing, unknown or of another
    /// type.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Head {
            schema_version: serde_json::Value,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if head.schema_version != RECORD_VERSION {
            let found = head.schema_version;
            return Err(format!(
                "it has schema version {found}; this program reads version {RECORD_VERSION}"
            ));
        }
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }
}

/// A table that was chosen and not restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeftOut {
    /// Its ARN.
    pub(crate) table_arn: String,
    /// Why; untrusted text.
    pub(crate) why: String,
}

/// One restore that was made to see whether it works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drill {
    /// From 1.
    pub(crate) number: u32,
    /// The table that the point was made of.
    pub(crate) source: Source,
    /// What was restored.
    pub(crate) point: Point,
    /// Where it was restored to.
    pub(crate) restored: Restored,
    /// How AWS's job ended. Null: no job was begun, or its end was not seen.
    pub(crate) job: Option<Job>,
    /// What happened when.
    pub(crate) times: Times,
    /// The policy's longest restore, in seconds. Null: it sets none.
    pub(crate) rto_seconds: Option<u64>,
    /// Keys, indexes and settings of both tables. Null: not compared, see `trouble`.
    pub(crate) definition: Option<Definition>,
    /// Items of both tables. Null: not compared, see `trouble`.
    pub(crate) items: Option<Items>,
    /// What became of the new table.
    pub(crate) cleanup: Cleanup,
    /// Why it went no further; untrusted text. Null: it went to its end.
    pub(crate) trouble: Option<String>,
    /// What it proves. It follows from the rest.
    pub(crate) verdict: Verdict,
}

/// The table that a point was made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    /// Its ARN.
    pub(crate) table_arn: String,
    /// When it was made. Null: it is gone, or AWS does not say.
    #[schemars(extend("format" = "date-time"), with = "Option<String>")]
    pub(crate) created_at: Option<DateTime<Utc>>,
    /// It was there during the drill. Null: not known.
    pub(crate) is_there: Option<bool>,
}

/// A recovery point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Point {
    /// Its ARN.
    pub(crate) arn: String,
    /// The vault that holds it.
    pub(crate) vault_name: String,
    /// The date of its data. Null: AWS does not say.
    #[schemars(extend("format" = "date-time"), with = "Option<String>")]
    pub(crate) created_at: Option<DateTime<Utc>>,
    /// When its job was done: its data is of no later instant. Null: AWS does not say.
    #[schemars(extend("format" = "date-time"), with = "Option<String>")]
    pub(crate) completed_at: Option<DateTime<Utc>>,
    /// Bytes. Null: AWS does not say.
    pub(crate) size_bytes: Option<i64>,
    /// It lay in cold storage: its restore takes hours.
    pub(crate) is_cold: bool,
}

/// Where it was restored to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restored {
    /// Twelve digits.
    pub(crate) account_id: String,
    /// As AWS spells it.
    pub(crate) region: String,
    /// Name of the new table.
    pub(crate) table_name: String,
    /// AWS's id of the new table. Null: it was never seen.
    pub(crate) table_id: Option<String>,
    /// Its key, as `--key` takes it.
    pub(crate) key: String,
    /// The role that restored.
    pub(crate) role_arn: String,
    /// The restore job. Null: none was begun.
    pub(crate) job_id: Option<String>,
}

/// How a restore job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Job {
    /// AWS's word: `COMPLETED`, `FAILED`, `ABORTED`.
    pub(crate) state: String,
    /// AWS's message; untrusted text.
    pub(crate) message: String,
    /// When AWS began it. Null: AWS does not say.
    #[schemars(extend("format" = "date-time"), with = "Option<String>")]
    pub(crate) created_at: Option<DateTime<Utc>>,
    /// When it ended. Null: AWS does not say.
    #[schemars(extend("format" = "date-time"), with = "Option<String>")]
    pub(crate) completed_at: Option<DateTime<Utc>>,
}

impl Job {
    /// Did it fail before anything was restored, since the new table's name was taken? AWS tells it in words only; words that
    /// nobody knows are a failure.
    fn has_not_begun(&self) -> bool {
        self.message.to_ascii_lowercase().contains("table already exists")
    }
}

/// What happened when, by AWS's clock. Null: it did not happen, or was not seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Times {
    /// The restore was ordered.
    #[schemars(extend("format" = "date-time"), with = "Option<String>")]
    pub(crate) ordered_at: Option<DateTime<Utc>>,
    /// AWS was first seen working at it: before that it waited in the queue.
    #[schemars(extend("format" = "date-time"), with = "Option<String>")]
    pub(crate) running_at: Option<DateTime<Utc>>,
    /// The table and its last index were first seen ACTIVE.
    #[schemars(extend("format" = "date-time"), with = "Option<String>")]
    pub(crate) active_at: Option<DateTime<Utc>>,
    /// The comparison was done.
    #[schemars(extend("format" = "date-time"), with = "Option<String>")]
    pub(crate) compared_at: Option<DateTime<Utc>>,
    /// The new table was first seen to be gone.
    #[schemars(extend("format" = "date-time"), with = "Option<String>")]
    pub(crate) gone_at: Option<DateTime<Utc>>,
}

impl Times {
    /// From the order to the table's last index ACTIVE. `None`: it never was.
    pub(crate) fn restore(&self) -> Option<TimeDelta> {
        Some(self.active_at? - self.ordered_at?)
    }
}

/// Keys, indexes and settings of both tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    /// What a restore is to bring back: each part is the same in both, or the drill shows a damage.
    pub(crate) parts: Vec<Part>,
    /// What AWS does not restore, where the source has it: to be set again after a real restore.
    pub(crate) set_again: Vec<String>,
    /// Why the parts of the source are not known: they have no value there. Null: they are.
    pub(crate) source_unknown: Option<String>,
}

/// One part of a table's definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// Such as `key schema` or `global index by-date`.
    pub(crate) name: String,
    /// As the source has it, in words. Null: it has none, or it is not known.
    pub(crate) source: Option<String>,
    /// As the new table has it. Null: it has none.
    pub(crate) restored: Option<String>,
    /// How they stand to each other.
    pub(crate) outcome: PartOutcome,
}

/// How a part of the new table stands to that of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PartOutcome {
    /// The same.
    Equal,
    /// Not the same, and a restore is to bring it back.
    Different,
    /// Not the same, and the source may have changed since the point: nothing follows.
    ChangedOrDifferent,
    /// Not the same, as it was ordered, or as AWS says of every restore: the key, the table class.
    AsOrdered,
    /// One side is not known.
    Unknown,
}

/// Items of both tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Items {
    /// What the new table was compared with.
    pub(crate) against: Against,
    /// All of them, or some.
    pub(crate) reach: Reach,
    /// The items of the new table.
    pub(crate) restored: Reading,
    /// The other side. Null: there was nothing to read, see `against`.
    pub(crate) other: Option<Reading>,
    /// What is not the same. Null: nothing is, or the items were not told apart.
    pub(crate) differences: Option<Differences>,
    /// What the comparison proves, in a sentence.
    pub(crate) statement: String,
}

/// What a restored table is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub(crate) enum Against {
    /// The source, as it was read during the drill.
    Source,
    /// A digest that was taken when the point was made, and that is one of the point: the source was the same before and after.
    Digest {
        /// SHA-256 of the file or manifest that holds it.
        evidence: String,
    },
    /// Nothing.
    Nothing {
        /// Why not.
        why: String,
    },
}

/// How much was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub(crate) enum Reach {
    /// Every item of both sides.
    Whole,
    /// The items of some segments of each side, each looked up in the other.
    Sample {
        /// Segments that were read.
        segments: u32,
        /// Segments in all.
        of: u32,
        /// What they were drawn by.
        seed: u64,
    },
}

/// What reading a table gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reading {
    /// Items read: counted, never taken from DescribeTable.
    pub(crate) items: u64,
    /// Their digest, whatever the order: the sum, modulo 2^256, of the SHA-256 of each item in its canonical form, as 64
    /// hexadecimal digits. It shows damage, not intent. Null: it was a sample.
    pub(crate) digest: Option<String>,
    /// The reads were strongly consistent.
    pub(crate) is_consistent: bool,
    /// Read capacity units that AWS counted.
    pub(crate) read_units: f64,
    /// When the first page was asked for.
    #[schemars(extend("format" = "date-time"), with = "String")]
    pub(crate) began_at: DateTime<Utc>,
    /// When the last page was there.
    #[schemars(extend("format" = "date-time"), with = "String")]
    pub(crate) ended_at: DateTime<Utc>,
}

/// Items that are not the same on both sides.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Differences {
    /// The attribute that tells when an item was last written. Null: none was named.
    pub(crate) changed_at: Option<String>,
    /// Written after the point was done, or expired since: the backup could not hold them, or the source no longer has them.
    pub(crate) since: u64,
    /// Written before the point was begun: the backup had to hold them as they are.
    pub(crate) damaged: u64,
    /// Nothing tells when.
    pub(crate) untold: u64,
    /// Some of the items, up to a limit.
    pub(crate) examples: Vec<Difference>,
}

/// One item that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Difference {
    /// How it differs.
    pub(crate) kind: DifferenceKind,
    /// What its time says.
    pub(crate) when: When,
    /// SHA-256 of the canonical form of its key; with `--show-keys` the key itself, as DynamoDB JSON.
    pub(crate) key: String,
}

/// How an item differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DifferenceKind {
    /// The source has it, and the new table has not.
    Missing,
    /// The new table has it, and the source has not.
    Extra,
    /// Both have it, and not the same.
    Changed,
}

/// When an item was last written, against the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum When {
    /// After the point was done.
    Since,
    /// Before it was begun.
    Before,
    /// In between, or nothing tells.
    Untold,
}

/// What became of the new table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub(crate) enum Cleanup {
    /// None was made.
    NothingMade,
    /// It was deleted, DescribeTable says ResourceNotFound, and ListTables does not name it.
    Gone,
    /// It stays, as was asked.
    Kept,
    /// It may still be there.
    Left {
        /// Why.
        why: String,
    },
}

/// What a drill proves, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// AWS's job failed.
    Failed,
    /// It was restored, and something that the point had to hold is lost, changed, or too much.
    Different,
    /// Nothing was tested: AWS began no job, the job was aborted, or its end was not seen.
    NotTested,
    /// It was restored, and what it holds was not compared, or cannot be.
    NotComparable,
    /// It was restored; the items of a sample are equal.
    SampleEqual,
    /// It was restored; equal, but for items that were written since the point.
    EqualButForChanges,
    /// It was restored, and is the same in every part and every item.
    Identical,
}

impl Verdict {
    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Different => "different",
            Self::NotTested => "not-tested",
            Self::NotComparable => "not-comparable",
            Self::SampleEqual => "sample-equal",
            Self::EqualButForChanges => "equal-but-for-changes",
            Self::Identical => "identical",
        }
    }

    /// A restore that worked: the point can be restored, and nothing that was seen speaks against what it holds.
    pub(crate) fn is_restored(self) -> bool {
        self >= Self::NotComparable
    }

    /// It was tested and did not hold.
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Different)
    }
}

impl Drill {
    /// It took longer than the policy allows.
    pub(crate) fn is_late(&self) -> bool {
        let allowed = self.rto_seconds.and_then(|limit| i64::try_from(limit).ok());
        let took = self.times.restore().map(|took| took.num_seconds());
        took.zip(allowed).is_some_and(|(took, allowed)| took > allowed)
    }

    /// What the rest of the record proves. Never more: whatever is missing, unknown or only partly read takes the better verdicts
    /// away.
    pub(crate) fn judged(&self) -> Verdict {
        match self.job.as_ref().map(|job| job.state.as_str()) {
            Some("FAILED") if self.job.as_ref().is_some_and(Job::has_not_begun) => return Verdict::NotTested,
            Some("FAILED") => return Verdict::Failed,
            Some("COMPLETED") if self.times.active_at.is_some() => {}
            _ => return Verdict::NotTested,
        }
        let parts = self.definition.as_ref().map_or(&[][..], |definition| &definition.parts);
        let has_part = |outcome| parts.iter().any(|part| part.outcome == outcome);
        let of_items = self.items.as_ref().map_or(Verdict::NotComparable, Items::judged);
        if has_part(PartOutcome::Different) || of_items == Verdict::Different {
            return Verdict::Different;
        }
        let is_whole = self.trouble.is_none() && !parts.is_empty();
        if !is_whole || has_part(PartOutcome::ChangedOrDifferent) || has_part(PartOutcome::Unknown) {
            return Verdict::NotComparable;
        }
        of_items
    }
}

impl Items {
    /// What the items alone prove of a table that was restored.
    fn judged(&self) -> Verdict {
        let found = self.differences.as_ref();
        if found.is_some_and(|found| found.damaged > 0) {
            return Verdict::Different;
        }
        let Some(other) = &self.other else {
            return Verdict::NotComparable;
        };
        let differing = found.map_or(0, |found| found.since.saturating_add(found.untold));
        let digests = self.restored.digest.as_ref().zip(other.digest.as_ref());
        let is_same = digests.is_some_and(|(one, other)| one == other) && self.restored.items == other.items;
        match (&self.against, &self.reach) {
            (Against::Nothing { .. }, _) => Verdict::NotComparable,
            (_, Reach::Whole) if is_same && differing == 0 => Verdict::Identical,
            // The digest is one of the point itself: nothing was written in between.
            (Against::Digest { .. }, Reach::Whole) if digests.is_some() => Verdict::Different,
            (Against::Digest { .. }, _) => Verdict::NotComparable,
            (Against::Source, _) if found.is_some_and(|found| found.untold > 0) => Verdict::NotComparable,
            (Against::Source, Reach::Whole) if found.is_some_and(|found| found.since > 0) => {
                Verdict::EqualButForChanges
            }
            (Against::Source, Reach::Whole) => Verdict::NotComparable,
            // Of nothing no sample can be drawn.
            (Against::Source, Reach::Sample { .. }) if self.restored.items > 0 => Verdict::SampleEqual,
            (Against::Source, Reach::Sample { .. }) => Verdict::NotComparable,
        }
    }
}
