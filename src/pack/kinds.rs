//! Packs are of two kinds: of a scan, and of a drill. Each has a manifest of its own type, so that neither passes for the other.
//!
//! A manifest of a scan is a [`Manifest`]; whoever opens a [`super::Pack`] gets one of those or a refusal in words. A manifest of a
//! drill is a [`DrillManifest`], and says `"kind": "drill"`. What both have is [`Seal`]; what may be either, as the manifests of a
//! ledger, is an [`AnyManifest`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::manifest::{FileEntry, Manifest, SignedBy, flaw_of};
use crate::digest;
use crate::problem::Problem;

/// Version of the schema of [`DrillManifest`]. Manifests of all kinds share one row of numbers: programs that know scans only say
/// that it is later than they read.
pub(crate) const DRILL_SCHEMA_VERSION: u32 = 5;

/// What seals a pack of any kind.
pub trait Seal {
    /// Every file of the pack but its seal, in order of path.
    fn files(&self) -> &[FileEntry];
    /// The bytes of `manifest.json`: always the same for the same manifest.
    fn to_bytes(&self) -> Vec<u8>;
    /// Who was to sign it.
    fn signed_by(&self) -> &[SignedBy];
    /// When it was sealed, as far as it says itself.
    fn signed_at(&self) -> DateTime<Utc>;

    /// SHA-256 of its bytes: what the next manifest of a ledger calls `previous`.
    fn sha256(&self) -> String {
        digest::of_bytes(&self.to_bytes())
    }

    /// The entry of a file.
    fn file(&self, path: &str) -> Option<&FileEntry> {
        let files = self.files();
        // They are in order, see `flaw_of`.
        let place = files.binary_search_by(|file| file.path.as_str().cmp(path));
        place.ok().map(|place| &files[place])
    }
}

impl Seal for Manifest {
    fn files(&self) -> &[FileEntry] {
        &self.files
    }

    fn to_bytes(&self) -> Vec<u8> {
        Self::to_bytes(self)
    }

    fn signed_by(&self) -> &[SignedBy] {
        &self.signed_by
    }

    fn signed_at(&self) -> DateTime<Utc> {
        self.sealed_at.unwrap_or(self.finished_at)
    }
}

/// The one word that tells the manifest of a drill from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DrillKind {
    /// Restores made to prove that they work.
    Drill,
}

/// The manifest of the pack of a drill: what a run of `drill` saw, and nothing of what tables a scan would find.
///
/// It names every other file of the pack by path, size and SHA-256, as that of a scan does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillManifest {
    /// `drill`. The manifest of a scan has no such field.
    pub kind: DrillKind,
    /// Version of this schema.
    pub schema_version: u32,
    /// Names the run, as `drill.json` does.
    pub run_id: String,
    /// Place in a ledger, from 1; null: in no ledger.
    pub sequence: Option<u64>,
    /// SHA-256 of the manifest before it in the ledger, of whatever kind; null: the first one, or in no ledger.
    pub previous: Option<String>,
    /// When it was given that place, by AWS's clock as far as it is known; null: in no ledger.
    #[schemars(extend("format" = "date-time"), with = "Option<String>")]
    pub sealed_at: Option<DateTime<Utc>>,
    /// Who was to sign this file: a signature that is missing shows.
    pub signed_by: Vec<SignedBy>,
    /// Version of the program that drilled.
    pub tool_version: String,
    /// SHA-256 of that program's file; null: it could not be read.
    pub binary_sha256: Option<String>,
    /// What was typed, without secrets.
    pub command_line: Vec<String>,
    /// Who asked, as sts:GetCallerIdentity named the caller.
    pub caller_arn: String,
    /// Accounts of the tables whose points were restored, in order.
    pub accounts: Vec<String>,
    /// Their Regions, in order.
    pub regions: Vec<String>,
    /// When the run began, by AWS's clock.
    #[schemars(extend("format" = "date-time"), with = "String")]
    pub began_at: DateTime<Utc>,
    /// When it ended, by AWS's clock.
    #[schemars(extend("format" = "date-time"), with = "String")]
    pub ended_at: DateTime<Utc>,
    /// AWS's clock minus the machine's, in seconds; null: not known.
    pub clock_skew_seconds: Option<i64>,
    /// Drills by verdict, as `drill.json` has them.
    pub verdicts: BTreeMap<String, u64>,
    /// Every file of the pack but this one and its signature, in order of path.
    pub files: Vec<FileEntry>,
}

impl Seal for DrillManifest {
    fn files(&self) -> &[FileEntry] {
        &self.files
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("plain values always have a JSON form");
        bytes.push(b'\n');
        bytes
    }

    fn signed_by(&self) -> &[SignedBy] {
        &self.signed_by
    }

    fn signed_at(&self) -> DateTime<Utc> {
        self.sealed_at.unwrap_or(self.ended_at)
    }
}

/// The manifest of a pack, of whatever kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyManifest {
    /// Of a scan.
    Scan(Box<Manifest>),
    /// Of a drill.
    Drill(Box<DrillManifest>),
}

impl Seal for AnyManifest {
    fn files(&self) -> &[FileEntry] {
        self.seal().files()
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.seal().to_bytes()
    }

    fn signed_by(&self) -> &[SignedBy] {
        self.seal().signed_by()
    }

    fn signed_at(&self) -> DateTime<Utc> {
        self.seal().signed_at()
    }
}

impl From<Manifest> for AnyManifest {
    fn from(manifest: Manifest) -> Self {
        Self::Scan(Box::new(manifest))
    }
}

impl From<DrillManifest> for AnyManifest {
    fn from(manifest: DrillManifest) -> Self {
        Self::Drill(Box::new(manifest))
    }
}

/// A place in a ledger, and who signs there.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    /// From 1; none: in no ledger.
    pub(crate) sequence: Option<u64>,
    /// SHA-256 of the manifest before it.
    pub(crate) previous: Option<String>,
    /// When it got that place.
    pub(crate) sealed_at: Option<DateTime<Utc>>,
    /// Who signs.
    pub(crate) signed_by: Vec<SignedBy>,
}

impl AnyManifest {
    /// Reads the bytes of a `manifest.json` of either kind; `origin` is its name in messages.
    ///
    /// Errors: those of [`Manifest::parse`]; a kind that this program does not know.
    pub fn parse(bytes: &[u8], origin: &str) -> Result<Self, Problem> {
        match kind_of(bytes) {
            PackKind::Drill => DrillManifest::parse(bytes, origin).map(Self::from),
            PackKind::Scan => Manifest::parse(bytes, origin).map(Self::from),
        }
    }

    /// The manifest of a scan; none: it is of a drill.
    pub fn as_scan(&self) -> Option<&Manifest> {
        match self {
            Self::Scan(manifest) => Some(manifest),
            Self::Drill(_) => None,
        }
    }

    /// The manifest of a drill; none: it is of a scan.
    pub fn as_drill(&self) -> Option<&DrillManifest> {
        match self {
            Self::Scan(_) => None,
            Self::Drill(manifest) => Some(manifest),
        }
    }

    /// Its moment: from which a scan measures ages, or at which a drill had ended.
    pub fn as_of(&self) -> DateTime<Utc> {
        match self {
            Self::Scan(manifest) => manifest.as_of,
            Self::Drill(manifest) => manifest.ended_at,
        }
    }

    /// Place in a ledger; none: in no ledger.
    pub fn sequence(&self) -> Option<u64> {
        match self {
            Self::Scan(manifest) => manifest.sequence,
            Self::Drill(manifest) => manifest.sequence,
        }
    }

    /// SHA-256 of the manifest before it in the ledger.
    pub fn previous(&self) -> Option<&str> {
        match self {
            Self::Scan(manifest) => manifest.previous.as_deref(),
            Self::Drill(manifest) => manifest.previous.as_deref(),
        }
    }

    /// When it got its place in the ledger.
    pub fn sealed_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Scan(manifest) => manifest.sealed_at,
            Self::Drill(manifest) => manifest.sealed_at,
        }
    }

    /// AWS's clock minus the machine's, in seconds; none: not known.
    pub(crate) fn clock_skew_seconds(&self) -> Option<i64> {
        match self {
            Self::Scan(manifest) => manifest.clock_skew_seconds,
            Self::Drill(manifest) => manifest.clock_skew_seconds,
        }
    }

    /// Account ids in it are pseudonyms. Those of a drill never are.
    pub(crate) fn is_redacted(&self) -> bool {
        self.as_scan().is_some_and(|manifest| manifest.is_redacted)
    }

    /// The same, at another place of a ledger.
    #[must_use]
    pub(crate) fn placed(&self, at: Placed) -> Self {
        let Placed {
            sequence,
            previous,
            sealed_at,
            signed_by,
        } = at;
        match self {
            Self::Scan(manifest) => Self::from(Manifest {
                sequence,
                previous,
                sealed_at,
                signed_by,
                ..(**manifest).clone()
            }),
            Self::Drill(manifest) => Self::from(DrillManifest {
                sequence,
                previous,
                sealed_at,
                signed_by,
                ..(**manifest).clone()
            }),
        }
    }

    /// The same, signed by others.
    #[must_use]
    pub(crate) fn signed(&self, signed_by: Vec<SignedBy>) -> Self {
        self.placed(Placed {
            sequence: self.sequence(),
            previous: self.previous().map(str::to_owned),
            sealed_at: self.sealed_at(),
            signed_by,
        })
    }

    fn seal(&self) -> &dyn Seal {
        match self {
            Self::Scan(manifest) => &**manifest,
            Self::Drill(manifest) => &**manifest,
        }
    }
}

/// What kind of pack a manifest says that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PackKind {
    /// A scan; or nothing that says what it is.
    Scan,
    /// Anything that says `kind`.
    Drill,
}

/// What manifests of all versions and kinds may have; nothing else of them is kept while it is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    kind: serde_json::Value,
    schema_version: serde_json::Value,
    tool_version: serde_json::Value,
}

/// The kind that the bytes of a manifest name. What cannot be read names none.
pub(crate) fn kind_of(bytes: &[u8]) -> PackKind {
    match serde_json::from_slice::<Head>(bytes) {
        Ok(head) if !head.kind.is_null() => PackKind::Drill,
        _ => PackKind::Scan,
    }
}

/// Somebody named a pack of one kind where one of the other is needed: nothing is wrong with the pack.
pub(crate) fn other_kind(found: PackKind, origin: &str) -> Problem {
    let (what, hint) = match found {
        PackKind::Drill => (
            "this is the pack of a drill, not of a scan",
            "`verify PACK` checks it, and `scan --drills PACK` counts it; name the folder that a scan wrote",
        ),
        PackKind::Scan => (
            "this is the pack of a scan, not of a drill",
            "name the folder that `drill` wrote",
        ),
    };
    Problem::usage(what).at(origin).so("nothing was looked at").hint(hint)
}

impl DrillManifest {
    /// Reads the bytes of a `manifest.json`; `origin` is its name in messages.
    ///
    /// Errors: no JSON, the manifest of a scan, another schema version, a field that is missing, unknown or of another type.
    pub fn parse(bytes: &[u8], origin: &str) -> Result<Self, Problem> {
        let refuse = |why: String| {
            Problem::new("could not read the manifest of the pack")
                .at(origin)
                .why(why)
                .so("nothing in this pack can be relied on")
        };
        let head: Head = serde_json::from_slice(bytes).map_err(|error| refuse(error.to_string()))?;
        if head.kind.is_null() {
            return Err(other_kind(PackKind::Scan, origin));
        }
        if head.kind != "drill" {
            let why = format!("it is of kind {}, which this program does not know", head.kind);
            return Err(refuse(why).hint("use a later version of the program"));
        }
        if head.schema_version != DRILL_SCHEMA_VERSION {
            let by = head.tool_version.as_str().unwrap_or("another version");
            return Err(refuse(format!(
                "it has schema version {}; this program reads version {DRILL_SCHEMA_VERSION} of drills",
                head.schema_version
            ))
            .hint(format!("use the program that wrote it, backproof {by}, or a later one")));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| refuse(error.to_string()))?;
        let instants = [
            ("began_at", Some(manifest.began_at)),
            ("ended_at", Some(manifest.ended_at)),
            ("sealed_at", manifest.sealed_at),
        ];
        match flaw_of(&instants, &manifest.files) {
            Some(flaw) => Err(refuse(flaw)),
            None => Ok(manifest),
        }
    }
}
