//! `manifest.json`: what a pack holds and where it comes from.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kinds::{PackKind, Seal, other_kind};
use crate::domain::{is_plausible, rfc3339};
use crate::problem::Problem;
use crate::sign::Signer;

/// Raised whenever a field is added, removed or changes its meaning: a pack is never half understood.
pub const SCHEMA_VERSION: u32 = 4;

/// The oldest that is still read. Packs of schema 1 were judged before rules had levels and questions: they are not judged again.
pub const OLDEST_SCHEMA_VERSION: u32 = 1;

/// The first whose rules have levels: before it, whatever was asked was required.
pub(crate) const SCHEMA_WITH_LEVELS: u32 = 2;

/// The first with `tables.parquet`, where most findings have their evidence, and with reports that name each text once: reports of
/// packs before it are not written again.
pub(crate) const SCHEMA_WITH_TABLE_FACTS: u32 = 4;

/// The manifest of an evidence pack.
///
/// It names every other file of the pack by path, size and SHA-256, so that whoever trusts the manifest (by its
/// signature, or by the digest in the next manifest of a ledger) can trust every byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this schema.
    pub schema_version: u32,
    /// Digest that names the scan.
    pub scan_id: String,
    /// Place in a ledger, from 1; null: in no ledger.
    pub sequence: Option<u64>,
    /// SHA-256 of the manifest before it in the ledger, in hexadecimal digits; null: the first one, or in no ledger.
    pub previous: Option<String>,
    /// When it was given that place, by AWS's clock as far as it is known; null: in no ledger.
    #[schemars(extend("format" = "date-time"), with = "Option<String>")]
    pub sealed_at: Option<DateTime<Utc>>,
    /// Who was to sign this file: a signature that is missing shows.
    pub signed_by: Vec<SignedBy>,
    /// Version of the program that judged.
    pub tool_version: String,
    /// SHA-256 of that program's file; null: it could not be read.
    pub binary_sha256: Option<String>,
    /// What was typed, without secrets.
    pub command_line: Vec<String>,
    /// Who asked, as sts:GetCallerIdentity named the caller.
    pub caller_arn: String,
    /// Accounts in scope, in order of id.
    pub accounts: Vec<Account>,
    /// Regions in scope, in order.
    pub regions: Vec<String>,
    /// Account ids and names are pseudonyms; the numbers of the accounts are not in this pack.
    pub is_redacted: bool,
    /// The instant from which every age is measured, by AWS's clock.
    #[schemars(extend("format" = "date-time"), with = "String")]
    pub as_of: DateTime<Utc>,
    /// Start of collecting, by the clock of the machine.
    #[schemars(extend("format" = "date-time"), with = "String")]
    pub started_at: DateTime<Utc>,
    /// End of collecting, by the clock of the machine.
    #[schemars(extend("format" = "date-time"), with = "String")]
    pub finished_at: DateTime<Utc>,
    /// AWS's clock (the `Date` of its first answer) minus the machine's, in seconds; null: not known.
    pub clock_skew_seconds: Option<i64>,
    /// SHA-256 over the lines of `SHA256SUMS` below `criteria/` and `inventory/`: it names what was judged and by what.
    /// Every page of a report shows it.
    pub evidence_digest: String,
    /// SHA-256 over the lines of `SHA256SUMS` below `criteria/rules/`.
    pub rules_digest: String,
    /// SHA-256 of `criteria/policy.toml`.
    pub policy_digest: String,
    /// Sums over the rows of the reports.
    pub totals: Totals,
    /// What was read and what could not be.
    pub coverage: Coverage,
    /// Every file of the pack but this one and its signature, in order of path.
    pub files: Vec<FileEntry>,
}

/// An account in scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Twelve digits; a pseudonym of twelve digits if the pack is redacted.
    pub id: String,
    /// The name given in the settings file; empty if none was.
    pub name: String,
}

/// A key that was to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedBy {
    /// What is added to `manifest.json` to name the signature file: `.sig` (SSH) or `.kms.json` (AWS KMS).
    pub suffix: String,
    /// Of the public key: `SHA256:…` as `ssh-keygen -l` prints it, or SHA-256 of its DER form in hexadecimal digits.
    pub fingerprint: String,
    /// ARN of the key in KMS; empty for SSH keys.
    pub name: String,
}

impl From<Signer> for SignedBy {
    fn from(signer: Signer) -> Self {
        Self {
            suffix: signer.kind.suffix().to_owned(),
            fingerprint: signer.fingerprint,
            name: signer.name,
        }
    }
}

/// Sums over rows. Each equals a count over `findings.parquet` and over the reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Tables that were judged.
    pub tables: u64,
    /// Tables by their verdict.
    pub tables_by_verdict: BTreeMap<String, u64>,
    /// Findings.
    pub findings: u64,
    /// Findings by verdict.
    pub findings_by_verdict: BTreeMap<String, u64>,
    /// Required findings that are non-compliant and that no waiver covers, by severity. Of packs of schema 1 all of them:
    /// every rule was required.
    pub non_compliant_by_severity: BTreeMap<String, u64>,
    /// The same of advised findings.
    #[serde(default)]
    pub advised_by_severity: BTreeMap<String, u64>,
    /// Findings under a waiver.
    pub waived: u64,
}

/// What was read and what could not be. Tables listed = described + vanished + unknown; targets = scanned + partly + not
/// read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Account × Region pairs in scope.
    pub targets: u64,
    /// Those without a gap.
    pub targets_scanned: u64,
    /// Those with gaps.
    pub targets_partly: u64,
    /// Those whose tables could not be listed.
    pub targets_not_read: u64,
    /// Tables that dynamodb:ListTables named.
    pub tables_listed: u64,
    /// Tables that dynamodb:DescribeTable described.
    pub tables_described: u64,
    /// Tables that were gone between list and description.
    pub tables_vanished: u64,
    /// Tables whose description could not be read.
    pub tables_unknown: u64,
    /// Other Regions may hold tables: they were neither named nor could they be listed.
    pub regions_unknown: bool,
    /// Calls that gave no answer.
    pub gaps: u64,
    /// Calls, one for each row of the call log.
    pub calls: u64,
    /// Requests sent, retries included.
    pub attempts: u64,
}

/// One file of the pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Path below the pack, with `/` between its parts.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// What manifests of all versions have in common; nothing else of them is kept while it is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    kind: serde_json::Value,
    schema_version: serde_json::Value,
    tool_version: serde_json::Value,
}

impl Manifest {
    /// The bytes of `manifest.json`: always the same for the same manifest.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("plain values always have a JSON form");
        bytes.push(b'\n');
        bytes
    }

    /// SHA-256 of those bytes: what the next manifest of a ledger calls `previous`.
    pub fn sha256(&self) -> String {
        crate::digest::of_bytes(&self.to_bytes())
    }

    /// Reads the bytes of a `manifest.json`; `origin` is its name in messages.
    ///
    /// Errors: no JSON, the manifest of a drill, another schema version, a field that is missing, unknown or of another type.
    pub fn parse(bytes: &[u8], origin: &str) -> Result<Self, Problem> {
        let refuse = |why: String| {
            Problem::new("could not read the manifest of the pack")
                .at(origin)
                .why(why)
                .so("nothing in this pack can be relied on")
        };
        let head: Head = serde_json::from_slice(bytes).map_err(|error| refuse(error.to_string()))?;
        if head.kind == "drill" {
            return Err(other_kind(PackKind::Drill, origin));
        }
        if !head.kind.is_null() {
            let why = format!("it is of kind {}, which this program does not know", head.kind);
            return Err(refuse(why).hint("use a later version of the program"));
        }
        match head.schema_version.as_u64() {
            Some(version) if (OLDEST_SCHEMA_VERSION.into()..=SCHEMA_VERSION.into()).contains(&version) => {}
            Some(version) => {
                let by = head.tool_version.as_str().unwrap_or("another version");
                return Err(refuse(format!(
                    "it has schema version {version}; this program reads versions {OLDEST_SCHEMA_VERSION} to {SCHEMA_VERSION}"
                ))
                .hint(format!("use the program that wrote it, backproof {by}, or a later one")));
            }
            None => return Err(refuse("it has no schema version".to_owned())),
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| refuse(error.to_string()))?;
        match manifest.flaw() {
            Some(flaw) => Err(refuse(flaw)),
            None => Ok(manifest),
        }
    }

    fn flaw(&self) -> Option<String> {
        let instants = [
            ("as_of", Some(self.as_of)),
            ("started_at", Some(self.started_at)),
            ("finished_at", Some(self.finished_at)),
            ("sealed_at", self.sealed_at),
        ];
        flaw_of(&instants, &self.files)
    }

    /// The entry of a file.
    pub fn file(&self, path: &str) -> Option<&FileEntry> {
        Seal::file(self, path)
    }

    /// A manifest that names no file.
    #[cfg(test)]
    pub(crate) fn sample(as_of: DateTime<Utc>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            scan_id: String::new(),
            sequence: None,
            previous: None,
            sealed_at: None,
            signed_by: Vec::new(),
            tool_version: "0".to_owned(),
            binary_sha256: None,
            command_line: Vec::new(),
            caller_arn: String::new(),
            accounts: Vec::new(),
            regions: Vec::new(),
            is_redacted: false,
            as_of,
            started_at: as_of,
            finished_at: as_of,
            clock_skew_seconds: Some(0),
            evidence_digest: String::new(),
            rules_digest: String::new(),
            policy_digest: String::new(),
            totals: Totals::default(),
            coverage: Coverage::default(),
            files: Vec::new(),
        }
    }
}

/// What no manifest of this program has: it is of an instant at which no scan was made, or names files elsewhere, twice, or out of
/// order.
pub(super) fn flaw_of(instants: &[(&str, Option<DateTime<Utc>>)], files: &[FileEntry]) -> Option<String> {
    for (name, at) in instants {
        if let Some(at) = at.filter(|at| !is_plausible(*at)) {
            return Some(format!("`{name}` is {}, and no scan was made then", rfc3339(at)));
        }
    }
    for file in files {
        let mut parts = file.path.split('/');
        if parts.any(|part| matches!(part, "" | "." | "..") || part.contains(['\\', '\n', '\0']))
            || super::SEAL_FILES.contains(&&*file.path)
        {
            return Some(format!("`{}` is not the path of a file of a pack", file.path));
        }
        let is_digest = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if file.sha256.len() != 64 || !file.sha256.bytes().all(is_digest) {
            return Some(format!("the digest of `{}` is no SHA-256", file.path));
        }
    }
    let unordered = files.windows(2).find(|two| two[0].path >= two[1].path);
    unordered.map(|two| format!("`{}` and `{}` are not in order", two[0].path, two[1].path))
}
