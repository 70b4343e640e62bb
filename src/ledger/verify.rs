//! Does a ledger hold? Names everything that is missing, altered, out of order or backdated, the first thing first.
//!
//! The chain is held against itself; each manifest against its signatures; each pack against its manifest; and what S3 says
//! of times and versions against what the manifests say. One thing cannot be seen from inside: that the end was cut off.
//! Whoever wrote down the head's digest sees that too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};

use super::store::{Listed, PARTIAL_DIR};
use super::{
    Beside, CLOCK_TOLERANCE, Entry, LATEST, Ledger, MANIFESTS, PACKS, SIGNATURES, manifest_path, pack_dir,
    signature_path,
};
use crate::deliver::staging::Staging;
use crate::digest;
use crate::pack::{AnyManifest, MANIFEST_FILE, Manifest, signed};
use crate::problem::{Problem, one_line};
use crate::sign::{self, Kind, SignatureFile, Signer, Trust};

/// How many manifests are read at once.
const AT_ONCE: usize = 16;

/// What the verifier brings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// Keys that he trusts.
    pub(crate) trust: &'a Trust,
    /// The digest of a manifest that he knows to be in the ledger.
    pub(crate) head: Option<&'a str>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The manifests that could be read, in order.
    pub(crate) entries: Vec<Entry>,
    /// Who signed them, by number.
    pub(crate) signers: BTreeMap<u64, Vec<Signer>>,
    /// Why the ledger failed verification; empty: it does.
    pub(crate) broken: Vec<Broken>,
    /// What is not wrong and yet worth knowing.
    pub(crate) notes: Vec<Note>,
}

/// Why a ledger does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say what the fields are")]
pub(crate) enum Broken {
    #[error(
        "manifest {sequence} is missing, and the pack that it was for lies in {pack} with a copy of it: the end of the ledger was cut \
         off, or the manifest was exchanged"
    )]
    CutOff { sequence: u64, pack: String },
    #[error("{} missing, and a later one is there: deleted", if first == last { format!("manifest {first} is") } else { format!("manifests {first} to {last} are") })]
    Missing { first: u64, last: u64 },
    #[error("manifest {sequence} cannot be read: {why}")]
    Unreadable { sequence: u64, why: String },
    #[error("manifest {sequence} says that it is number {says}: manifests were exchanged")]
    OutOfPlace { sequence: u64, says: String },
    #[error("manifest {sequence} is not the one that manifest {} was appended to: one of them was altered or exchanged", sequence + 1)]
    NotFollowed { sequence: u64 },
    #[error("manifest 1 names one before it: the beginning of the ledger was exchanged")]
    NotFirst,
    #[error("manifest {sequence} is not signed as it should be{}: {why}", if file.is_empty() { String::new() } else { format!(" ({file})") })]
    Signature {
        sequence: u64,
        file: String,
        why: sign::Broken,
    },
    #[error("manifest {sequence} goes back in time: it was appended at {sealed_at}, and the one before it at {before}")]
    GoesBack {
        sequence: u64,
        sealed_at: DateTime<Utc>,
        before: DateTime<Utc>,
    },
    #[error("manifest {sequence} is backdated: it is of {as_of}, and was appended at {sealed_at}")]
    DatedBack {
        sequence: u64,
        as_of: DateTime<Utc>,
        sealed_at: DateTime<Utc>,
    },
    #[error("manifest {sequence} says that it was appended at {sealed_at}, and S3 took it at {received}")]
    OtherTime {
        sequence: u64,
        sealed_at: String,
        received: DateTime<Utc>,
    },
    #[error("{path} was deleted or written over: {what}")]
    Touched { path: String, what: String },
    #[error("the manifest in the folder of pack {sequence} is not the one of the chain")]
    CopyDiffers { sequence: u64 },
    #[error("pack {sequence} failed verification: {}", one_line(why))]
    Pack { sequence: u64, why: String },
    #[error("no manifest has the digest {digest}: the end of the ledger was cut off, or the ledger was written anew")]
    HeadNotFound { digest: String },
}

impl Broken {
    /// The numbers of manifests that are known to be missing or unreadable.
    fn numbers(&self) -> Option<std::ops::RangeInclusive<u64>> {
        match self {
            Self::Missing { first, last } => Some(*first..=*last),
            Self::Unreadable { sequence, .. } => Some(*sequence..=*sequence),
            _ => None,
        }
    }

    /// A remedy or an explanation, where there is one.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::OtherTime { .. } => {
                "a copy of a ledger in another bucket has the times of the copying: verify such a copy in a folder (`aws s3 sync`)"
            }
            Self::Missing { .. } | Self::CutOff { .. } | Self::Touched { .. } => {
                "in a bucket with versions the older version may still be there: `aws s3api list-object-versions`"
            }
            _ => "",
        }
    }
}

/// Packs that have no account in common with the one before them: another organisation's may have been put in.
fn strangers(entries: &[Entry]) -> Vec<Note> {
    // A drill restores points of some tables: it says nothing of the scope of scans.
    let scans = entries
        .iter()
        .filter_map(|entry| Some((entry.sequence, entry.manifest.as_scan()?)));
    let scans: Vec<(u64, &Manifest)> = scans.collect();
    let ids = |manifest: &Manifest| -> BTreeSet<String> {
        let accounts = manifest.accounts.iter();
        accounts.map(|account| account.id.clone()).collect()
    };
    let note = |pair: &[(u64, &Manifest)]| {
        let ((_, before), (sequence, manifest)) = (pair[0], pair[1]);
        let is_other = !manifest.accounts.is_empty()
            && before.is_redacted == manifest.is_redacted
            && ids(before).is_disjoint(&ids(manifest));
        is_other.then(|| Note::OtherAccounts {
            sequence,
            accounts: one_line(&ids(manifest).into_iter().collect::<Vec<_>>().join(", ")),
        })
    };
    scans.windows(2).filter_map(note).collect()
}

/// Worth knowing, and not wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say what the fields are")]
pub(crate) enum Note {
    #[error("not in the chain, and harmless: {path}")]
    NotInChain { path: String },
    #[error("the folder of pack {sequence} has no manifest of its own; the chain has it")]
    NoCopy { sequence: u64 },
    #[error(
        "versions of objects could not be looked at ({why}); what was deleted or written over does not show by them"
    )]
    NoVersions { why: String },
    #[error("manifest {sequence} is not signed")]
    NotSigned { sequence: u64 },
    #[error("pack {sequence} is of other accounts ({accounts}) than the pack before it")]
    OtherAccounts { sequence: u64, accounts: String },
    #[error("not checked in pack {sequence}: {what}")]
    NotChecked { sequence: u64, what: String },
    #[error("pack {sequence}: {what}")]
    OfPack { sequence: u64, what: String },
}

impl Ledger {
    /// Holds the whole ledger against itself and against what the verifier brings: its chain, and every pack in it.
    /// `check_pack` is asked about the folder of each pack, with its manifest and signatures in it.
    ///
    /// API: s3:ListBucket, s3:GetObject, s3:ListBucketVersions. Errors: the ledger cannot be read. What does not hold is no
    /// error but the result.
    pub(crate) async fn verify(
        &self,
        expected: Expected<'_>,
        check_pack: &mut dyn FnMut(&Entry, &Path) -> Result<(), String>,
    ) -> Result<Checked, Problem> {
        let mut checked = self.verify_chain(expected).await?;
        self.check_packs(check_pack, &mut checked).await?;
        self.find_strays(&mut checked).await?;
        Ok(checked)
    }

    /// The same without the files of the packs: manifests, times, order, signatures, versions in S3, and the head.
    ///
    /// API: s3:ListBucket, s3:GetObject, s3:ListBucketVersions. Errors: the ledger cannot be read.
    pub(crate) async fn verify_chain(&self, expected: Expected<'_>) -> Result<Checked, Problem> {
        let mut checked = self.check_chain().await?;
        let broken = checked.entries.iter().map(check_times).collect::<Vec<_>>();
        checked.broken.extend(broken.into_iter().flatten());
        checked.broken.extend(check_order(&checked.entries));
        checked.notes.extend(strangers(&checked.entries));
        self.check_signatures(expected.trust, &mut checked).await?;
        self.check_versions(&mut checked).await;
        if let Some(digest) = expected.head
            && !checked
                .entries
                .iter()
                .any(|entry| entry.sha256.eq_ignore_ascii_case(digest))
        {
            checked.broken.push(Broken::HeadNotFound {
                digest: one_line(digest),
            });
        }
        Ok(checked)
    }

    /// Reads every manifest and holds it against its neighbours.
    pub(super) async fn check_chain(&self) -> Result<Checked, Problem> {
        let mut checked = Checked::default();
        let mut numbered = Vec::new();
        for (number, file) in self.listed().await? {
            match number {
                Some(number) => numbered.push((number, file)),
                None => checked.notes.push(Note::NotInChain { path: file.path }),
            }
        }
        numbered.sort_by_key(|(number, _)| *number);
        let files = stream::iter(numbered.into_iter().map(|(number, file)| async move {
            let bytes = self.store.get(&file.path).await;
            (number, file, bytes)
        }));
        let mut files = files.buffered(AT_ONCE);
        let mut next = 1;
        while let Some((sequence, file, bytes)) = files.next().await {
            if next < sequence {
                let (first, last) = (next, sequence - 1);
                checked.broken.push(Broken::Missing { first, last });
            }
            next = sequence + 1;
            let (first, last) = (sequence, sequence);
            let read = bytes?
                .ok_or(Broken::Missing { first, last })
                .and_then(|bytes| entry(sequence, file, bytes));
            match read {
                Ok(entry) => {
                    checked.broken.extend(check_link(checked.entries.last(), &entry));
                    checked.entries.push(entry);
                }
                Err(broken) => checked.broken.push(broken),
            }
        }
        drop(files);
        self.find_cut(&mut checked).await?;
        Ok(checked)
    }

    /// Looks for packs that were in the chain and are not any more. The manifest in the folder of a pack is written after that
    /// of the chain, and never without it: whoever deletes the last of the chain leaves a witness.
    async fn find_cut(&self, checked: &mut Checked) -> Result<(), Problem> {
        let places: BTreeSet<String> = checked.entries.iter().map(|entry| pack_dir(&entry.manifest)).collect();
        let missing: BTreeSet<u64> = checked.broken.iter().filter_map(Broken::numbers).flatten().collect();
        let files = self.store.list(PACKS).await?.into_iter().map(|file| file.path);
        let is_manifest = |path: &String| {
            path.strip_suffix(MANIFEST_FILE)
                .is_some_and(|place| !places.contains(place))
        };
        for path in files.filter(is_manifest).collect::<Vec<_>>() {
            // One that cannot be read is no witness; it is named as not in the chain.
            let Ok(Some(bytes)) = self.store.get(&path).await else {
                continue;
            };
            let Ok(manifest) = AnyManifest::parse(&bytes, &path) else {
                continue;
            };
            let Some(sequence) = manifest
                .sequence()
                .filter(|_| path == format!("{}{MANIFEST_FILE}", pack_dir(&manifest)))
            else {
                continue;
            };
            // Somebody may have appended it while the chain was read.
            let is_there = self.store.get(&manifest_path(sequence)).await? == Some(bytes);
            if !is_there && !missing.contains(&sequence) {
                checked.broken.push(Broken::CutOff {
                    sequence,
                    pack: pack_dir(&manifest),
                });
            }
        }
        Ok(())
    }

    async fn check_signatures(&self, trust: &Trust, checked: &mut Checked) -> Result<(), Problem> {
        for entry in &checked.entries {
            let sequence = entry.sequence;
            let files = self.signatures(entry).await?;
            let files: Vec<SignatureFile> = files.into_iter().map(|(_, file)| file).collect();
            match signed::check(&entry.manifest, &entry.bytes, &files, trust) {
                Ok(signers) if signers.is_empty() => checked.notes.push(Note::NotSigned { sequence }),
                Ok(signers) => {
                    checked.signers.insert(sequence, signers);
                }
                Err((file, why)) => checked.broken.push(Broken::Signature { sequence, file, why }),
            }
        }
        Ok(())
    }

    /// In a bucket with versions, everything in the chain has one version and no deletion.
    async fn check_versions(&self, checked: &mut Checked) {
        let versions = match self.store.versions("").await {
            Ok(versions) => versions,
            Err(problem) => {
                checked.notes.push(Note::NoVersions { why: problem.why });
                return;
            }
        };
        let mut ours: Vec<String> = vec![self.key(MANIFESTS)];
        for entry in &checked.entries {
            ours.push(self.key(&pack_dir(&entry.manifest)));
            ours.extend(Kind::ALL.map(|kind| self.key(&signature_path(entry.sequence, &entry.sha256, kind))));
        }
        let mut by_key: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for version in &versions {
            let (written, deleted) = by_key.entry(&version.key).or_default();
            *(if version.is_deletion { deleted } else { written }) += 1;
        }
        for (key, (written, deleted)) in by_key {
            let is_ours = ours.iter().any(|ours| key.starts_with(ours.as_str()));
            if is_ours && (written > 1 || deleted > 0) {
                let what = format!(
                    "{}, {}",
                    crate::problem::count(written, "version"),
                    crate::problem::count(deleted, "deletion")
                );
                let path = one_line(key);
                checked.broken.push(Broken::Touched { path, what });
            }
        }
    }

    /// One pack as the chain has it, on disk. Manifests that differ from the chain and packs that cannot be copied go to
    /// `checked`.
    ///
    /// Errors: none but those of the scratch folder.
    pub(crate) async fn fetch_checked(
        &self,
        place: usize,
        scratch: &Path,
        checked: &mut Checked,
    ) -> Result<Option<PathBuf>, Problem> {
        let entry = &checked.entries[place];
        let sequence = entry.sequence;
        let fetched = match self.fetch(entry, &checked.entries, scratch).await {
            Ok(fetched) => fetched,
            Err(problem) => {
                let why = format!("{}: {}", problem.what, problem.why);
                checked.broken.push(Broken::Pack { sequence, why });
                return Ok(None);
            }
        };
        match fetched.beside {
            Beside::None => checked.notes.push(Note::NoCopy { sequence }),
            Beside::Same => {}
            Beside::Differs => checked.broken.push(Broken::CopyDiffers { sequence }),
        }
        Ok(Some(fetched.dir))
    }

    /// Asks about every pack.
    async fn check_packs(
        &self,
        check: &mut dyn FnMut(&Entry, &Path) -> Result<(), String>,
        checked: &mut Checked,
    ) -> Result<(), Problem> {
        for place in 0..checked.entries.len() {
            let scratch = Staging::scratch()?;
            let Some(dir) = self.fetch_checked(place, scratch.dir(), checked).await? else {
                continue;
            };
            let entry = &checked.entries[place];
            if let Err(why) = check(entry, &dir) {
                let sequence = entry.sequence;
                checked.broken.push(Broken::Pack { sequence, why });
            }
        }
        Ok(())
    }

    /// Names what belongs to no pack of the chain.
    async fn find_strays(&self, checked: &mut Checked) -> Result<(), Problem> {
        let places: BTreeSet<String> = checked.entries.iter().map(|entry| pack_dir(&entry.manifest)).collect();
        // A witness of a cut is not harmless, and named before.
        let is_witness = |place: &str| {
            let mut broken = checked.broken.iter();
            broken.any(|broken| matches!(broken, Broken::CutOff { pack, .. } if pack == place))
        };
        let mut strays = BTreeSet::new();
        for file in self.store.list(PACKS).await? {
            let place = file.path[PACKS.len()..]
                .split_once('/')
                .map(|(dir, _)| format!("{PACKS}{dir}/"));
            if !place
                .as_ref()
                .is_some_and(|place| places.contains(place) || is_witness(place))
            {
                strays.insert(place.unwrap_or(file.path));
            }
        }
        let signatures: BTreeSet<String> = checked
            .entries
            .iter()
            .flat_map(|entry| Kind::ALL.map(|kind| signature_path(entry.sequence, &entry.sha256, kind)))
            .collect();
        for under in [SIGNATURES.to_owned(), format!("{PARTIAL_DIR}/")] {
            let paths = self.store.list(&under).await?.into_iter().map(|file| file.path);
            strays.extend(paths.filter(|path| !signatures.contains(path)));
        }
        let notes = strays
            .into_iter()
            .map(|path| Note::NotInChain { path: one_line(&path) });
        checked.notes.extend(notes);
        Ok(())
    }

    fn key(&self, path: &str) -> String {
        match &self.store {
            super::Store::Folder(_) => path.to_owned(),
            super::Store::S3 { prefix, .. } => crate::deliver::joined(prefix, path),
        }
    }
}

fn entry(sequence: u64, file: Listed, bytes: Vec<u8>) -> Result<Entry, Broken> {
    let manifest = AnyManifest::parse(&bytes, &manifest_path(sequence)).map_err(|problem| Broken::Unreadable {
        sequence,
        why: one_line(&problem.why),
    })?;
    Ok(Entry {
        sequence,
        sha256: digest::of_bytes(&bytes),
        manifest,
        received: file.received,
        bytes,
    })
}

/// A manifest against its name, and against the one before it if that could be read.
fn check_link(before: Option<&Entry>, entry: &Entry) -> Vec<Broken> {
    let sequence = entry.sequence;
    let mut broken = Vec::new();
    if entry.manifest.sequence() != Some(sequence) {
        let says = entry
            .manifest
            .sequence()
            .map_or_else(|| "none".to_owned(), |says| says.to_string());
        broken.push(Broken::OutOfPlace { sequence, says });
    }
    match (before, entry.manifest.previous()) {
        (_, Some(_)) if sequence == 1 => broken.push(Broken::NotFirst),
        (Some(before), previous) if before.sequence + 1 == sequence && previous != Some(before.sha256.as_str()) => {
            broken.push(Broken::NotFollowed {
                sequence: before.sequence,
            });
        }
        _ => {}
    }
    broken
}

/// What a manifest says of times, against itself and against S3.
fn check_times(entry: &Entry) -> Vec<Broken> {
    let (sequence, as_of) = (entry.sequence, entry.manifest.as_of());
    let Some(sealed_at) = entry.manifest.sealed_at() else {
        let received = entry.received.unwrap_or(as_of);
        let sealed_at = "no time at all".to_owned();
        return vec![Broken::OtherTime {
            sequence,
            sealed_at,
            received,
        }];
    };
    let mut broken = Vec::new();
    if sealed_at - as_of > LATEST || as_of - sealed_at > CLOCK_TOLERANCE {
        broken.push(Broken::DatedBack {
            sequence,
            as_of,
            sealed_at,
        });
    }
    if let Some(received) = entry
        .received
        .filter(|received| (*received - sealed_at).abs() > CLOCK_TOLERANCE)
    {
        let sealed_at = sealed_at.to_string();
        broken.push(Broken::OtherTime {
            sequence,
            sealed_at,
            received,
        });
    }
    broken
}

/// Time goes on from one manifest to the next.
fn check_order(entries: &[Entry]) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (before, after) in entries.iter().zip(&entries[1.min(entries.len())..]) {
        let sequence = after.sequence;
        let mut hold = |then: Option<DateTime<Utc>>, now: Option<DateTime<Utc>>| {
            let pair = then.zip(now).filter(|(then, now)| *now < *then - CLOCK_TOLERANCE);
            broken.extend(pair.map(|(before, sealed_at)| Broken::GoesBack {
                sequence,
                sealed_at,
                before,
            }));
        };
        hold(before.manifest.sealed_at(), after.manifest.sealed_at());
        hold(before.received, after.received);
    }
    broken
}
