//! The ledger: an append-only row of packs, in a folder or under a prefix of a bucket, each naming the digest of the one
//! before it.
//!
//! ```text
//! manifests/00000042.json            the chain: written last, under the next free number, never over another
//! signatures/00000042-DIGEST.sig     signatures over it, named by its digest; written before it
//! packs/TIME-DIGEST/…                the pack's files, and its manifest and signatures once more: each is a whole pack
//! ```
//!
//! A pack is in the ledger if its manifest is below `manifests/`: one conditional write decides. Whoever comes second reads
//! the head anew and takes the next number, so two scans at once never fork the chain. Whatever was written before that and
//! never got its manifest is in no chain, and harmless. A folder and a bucket look the same: `aws s3 sync` makes one from the
//! other.

mod append;
mod store;
mod verify;

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};

use crate::aws::s3::{Bucket, Keeping};
use crate::aws::target::Session;
use crate::deliver::{AT_ONCE, Destination};
use crate::digest;
use crate::pack::{AnyManifest, MANIFEST_FILE, SEAL_FILES, SUMS_FILE, Seal as _, seal};
use crate::plain_file;
use crate::problem::Problem;
use crate::sign::{Kind, SignatureFile};

pub(crate) use append::{Appended, sign_pack};
pub(crate) use verify::{Broken, Checked, Expected, Note};

use store::{Listed, Store};

/// IAM actions that reading a ledger takes on the objects. To append to it is to deliver.
pub(crate) const OBJECT_ACTIONS: [&str; 2] = ["s3:GetObject", "s3:GetObjectVersion"];

/// IAM actions that reading a ledger takes on the bucket.
pub(crate) const BUCKET_ACTIONS: [&str; 2] = ["s3:ListBucket", "s3:ListBucketVersions"];

/// IAM actions that reading a ledger takes on the key that encrypts: S3 decrypts with the caller's rights on it.
pub(crate) const KEY_ACTIONS: [&str; 1] = ["kms:Decrypt"];

/// How much two clocks may differ.
pub(crate) const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(15);

/// How long after its `as_of` a pack may be appended. Later, it could not be told from one that was made up.
pub(crate) const LATEST: TimeDelta = TimeDelta::hours(24);

/// More packs than any ledger will hold: no number is beyond it.
const MOST: u64 = 1 << 48;

const MANIFESTS: &str = "manifests/";
const SIGNATURES: &str = "signatures/";
const PACKS: &str = "packs/";

/// A ledger that was opened.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    store: Store,
    address: String,
}

/// One pack of the ledger.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Its place in the chain, by the name of its manifest; from 1.
    pub(crate) sequence: u64,
    /// SHA-256 of the bytes of its manifest.
    pub(crate) sha256: String,
    /// Its manifest: of a scan, or of a drill.
    pub(crate) manifest: AnyManifest,
    /// When S3 took the manifest, by the clock of S3; none in a folder.
    pub(crate) received: Option<DateTime<Utc>>,
    bytes: Vec<u8>,
}

/// A pack of the ledger, on disk.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    /// Its folder.
    pub(crate) dir: PathBuf,
    beside: Beside,
}

/// The manifest in the folder of a pack, against the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Beside {
    /// It is not there.
    None,
    /// It is in the chain.
    Same,
    /// It is not.
    Differs,
}

/// Why a folder is no ledger that can be read; none: it is one.
fn no_ledger(folder: &Path) -> Option<Problem> {
    let is_folder = |path: &Path| plain_file::at(path).map(|there| there.is_some_and(|there| there.is_dir()));
    let parts = || {
        let others = is_folder(&folder.join(PACKS))? || is_folder(&folder.join(SIGNATURES))?;
        Ok((is_folder(folder)?, is_folder(&folder.join(MANIFESTS))?, others))
    };
    let what = "could not open the ledger";
    let hint = "name the folder that `--ledger` of a scan wrote";
    let none = format!("there is no folder `{MANIFESTS}` in it");
    match parts() {
        Ok((true, true, _)) => None,
        Ok((false, ..)) => Some(Problem::usage(what).why("there is no such folder").hint(hint)),
        Ok((true, false, false)) => Some(Problem::usage(what).why(none).hint(hint)),
        // It was a ledger: that is no mistake of whoever named it.
        Ok((true, false, true)) => Some(Problem::new(what).why(none).hint(hint)),
        Err(error) => {
            let error: std::io::Error = error;
            let problem = Problem::new(what).why(error.to_string());
            Some(
                problem
                    .so("nothing can be said of what is in it")
                    .hint(plain_file::MAY_NOT_READ),
            )
        }
    }
}

/// Is there a ledger in the folder, as far as can be seen?
pub(crate) fn is_ledger(folder: &Path) -> bool {
    no_ledger(folder).is_none()
}

impl Ledger {
    /// Opens a ledger to append to: a folder, which is made if it is not there, or `s3://bucket/prefix`.
    ///
    /// API: those of [`Bucket::open`]. Errors: the place cannot be used, or not lock what it was asked to.
    pub(crate) async fn open(address: &str, keeping: Keeping) -> Result<Self, Problem> {
        let ledger = Self::find(address, keeping).await?;
        if let Store::Folder(folder) = &ledger.store {
            try_folder(folder)?;
        }
        Ok(ledger)
    }

    /// Opens a ledger to read.
    ///
    /// API: s3:ListBucket (HeadBucket). Errors: there is no such folder or bucket.
    pub(crate) async fn open_to_read(address: &str) -> Result<Self, Problem> {
        let ledger = Self::find(address, Keeping::default()).await?;
        match &ledger.store {
            Store::Folder(folder) => match no_ledger(folder) {
                None => Ok(ledger),
                Some(problem) => Err(problem.at(address)),
            },
            Store::S3 { .. } => Ok(ledger),
        }
    }

    async fn find(address: &str, keeping: Keeping) -> Result<Self, Problem> {
        let store = match Destination::parse(Some(address)) {
            Ok(Destination::S3 { bucket, prefix }) => Store::S3 {
                bucket: Bucket::open(&Session::load().await?, &bucket, keeping, "--ledger").await?,
                prefix,
            },
            Ok(Destination::Folder(Some(folder))) => Store::Folder(folder),
            Ok(_) => {
                return Err(Problem::usage("a ledger is a folder or an S3 prefix")
                    .at(format!("`--ledger {address}`"))
                    .hint("write a path, or `s3://bucket/prefix`"));
            }
            Err(problem) => return Err(problem.at(format!("`--ledger {address}`"))),
        };
        Ok(Self {
            store,
            address: address.to_owned(),
        })
    }

    /// Where it is, as it was named.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// True if it lies in a bucket.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self.store, Store::S3 { .. })
    }

    /// Every pack of the chain, from the first to the last.
    ///
    /// Errors: a manifest that is missing, altered, out of order or cannot be read. [`Ledger::verify`] tells all that is
    /// wrong.
    pub(crate) async fn entries(&self) -> Result<Vec<Entry>, Problem> {
        let checked = self.check_chain().await?;
        match checked.broken.into_iter().next() {
            None => Ok(checked.entries),
            Some(broken) => Err(Problem::new("the ledger failed verification")
                .at(self.address.as_str())
                .why(broken.to_string())
                .so("nothing that rests on it can be shown")
                .hint(format!(
                    "`verify --ledger {}` names everything that is wrong",
                    self.address
                ))),
        }
    }

    /// The folder of a pack with its manifest as the chain has it: where it lies, or a copy in `scratch`.
    ///
    /// API: s3:ListBucket, s3:GetObject. Errors: a file that is missing or cannot be read; a manifest in that folder that is
    /// not one of the chain.
    pub(crate) async fn fetch(&self, entry: &Entry, all: &[Entry], scratch: &Path) -> Result<Fetched, Problem> {
        let place = pack_dir(&entry.manifest);
        let found = self.store.get(&format!("{place}{MANIFEST_FILE}")).await?;
        let in_chain = |bytes: &[u8]| {
            let same_place = all.iter().filter(|other| pack_dir(&other.manifest) == place);
            same_place.into_iter().any(|other| other.bytes == bytes)
        };
        let beside = match &found {
            None => Beside::None,
            Some(bytes) if in_chain(bytes) => Beside::Same,
            Some(_) => Beside::Differs,
        };
        let dir = match &self.store {
            // A pack that says what the chain says is looked at where it lies.
            Store::Folder(folder) if found.as_ref() == Some(&entry.bytes) => folder.join(&place),
            _ => self.copy_pack(entry, &scratch.join(entry.sequence.to_string())).await?,
        };
        Ok(Fetched { dir, beside })
    }

    /// Copies a whole pack into a new folder: every file that lies in its place, its manifest as the chain has it, and the
    /// signatures.
    ///
    /// API: s3:ListBucket, s3:GetObject. Errors: the folder is there and holds something; a file that cannot be read.
    pub(crate) async fn copy_pack(&self, entry: &Entry, to: &Path) -> Result<PathBuf, Problem> {
        let taken = std::fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some());
        if taken {
            return Err(Problem::usage("the folder is not empty")
                .at(to.display().to_string())
                .hint("name a new folder with `--to`"));
        }
        make(to)?;
        let place = pack_dir(&entry.manifest);
        let listed = self.store.list(&place).await?;
        let paths: Vec<&str> = listed.iter().map(|file| &file.path[place.len()..]).collect();
        let has_sums = paths.contains(&SUMS_FILE);
        let wanted = |path: &&str| (*path == SUMS_FILE || !SEAL_FILES.contains(path)) && is_below(path);
        self.copy_files(&place, paths.into_iter().filter(wanted), to).await?;
        let write = |name: &str, bytes: &[u8]| std::fs::write(to.join(name), bytes).map_err(|error| disk(to, &error));
        for (kind, file) in self.signatures(entry).await? {
            write(&signature_name(kind), &file.bytes)?;
        }
        if !has_sums {
            write(SUMS_FILE, seal::sums(&entry.manifest).as_bytes())?;
        }
        write(MANIFEST_FILE, &entry.bytes)?;
        Ok(to.to_owned())
    }

    /// Copies files of a pack, several at once.
    async fn copy_files(&self, place: &str, paths: impl Iterator<Item = &str>, to: &Path) -> Result<(), Problem> {
        let copies: Vec<_> = paths.map(|path| self.copy(place, path, to)).collect();
        let mut copies = stream::iter(copies).buffered(AT_ONCE);
        while let Some(copy) = copies.next().await {
            copy?;
        }
        Ok(())
    }

    async fn copy(&self, place: &str, path: &str, to: &Path) -> Result<(), Problem> {
        if !is_below(path) {
            return Err(Problem::new("a manifest of the ledger names a file outside its pack")
                .at(self.store.address(place))
                .why(crate::text::one_line(path)));
        }
        let target = to.join(path);
        make(target.parent().unwrap_or(to))?;
        let full = format!("{place}{path}");
        if self.store.copy(&full, &target).await? {
            return Ok(());
        }
        Err(Problem::new("a file of the ledger is missing")
            .at(self.store.address(&full))
            .so("what rests on this pack cannot be shown")
            .hint(format!(
                "`verify --ledger {}` names everything that is wrong",
                self.address
            )))
    }

    /// The signatures over a manifest, with the names that they have beside it in a pack.
    async fn signatures(&self, entry: &Entry) -> Result<Vec<(Kind, SignatureFile)>, Problem> {
        let mut files = Vec::new();
        for kind in Kind::ALL {
            let path = signature_path(entry.sequence, &entry.sha256, kind);
            if let Some(bytes) = self.store.get(&path).await? {
                files.push((kind, SignatureFile { name: path, bytes }));
            }
        }
        Ok(files)
    }

    /// What lies below `manifests/`, and the number that each name says; none: it is no name of a manifest.
    async fn listed(&self) -> Result<Vec<(Option<u64>, Listed)>, Problem> {
        let all = self.store.list(MANIFESTS).await?;
        Ok(all.into_iter().map(|file| (number_of(&file.path), file)).collect())
    }
}

/// Where the manifest of this number lies.
fn manifest_path(sequence: u64) -> String {
    format!("{MANIFESTS}{sequence:08}.json")
}

fn number_of(path: &str) -> Option<u64> {
    let digits = path.strip_prefix(MANIFESTS)?.strip_suffix(".json")?;
    let number = digits.parse().ok().filter(|number| (1..MOST).contains(number))?;
    // One name for each number, or two files could claim one place.
    (manifest_path(number) == path).then_some(number)
}

fn signature_path(sequence: u64, sha256: &str, kind: Kind) -> String {
    format!("{SIGNATURES}{sequence:08}-{sha256}{}", kind.suffix())
}

/// The name of a signature file in a pack.
fn signature_name(kind: Kind) -> String {
    format!("{MANIFEST_FILE}{}", kind.suffix())
}

/// The folder of a pack, with a slash at its end: when it was, and a digest of all its files, so that no two packs meet.
fn pack_dir(manifest: &AnyManifest) -> String {
    let files = manifest.files().iter().map(|file| (&*file.path, &*file.sha256));
    let time = manifest.as_of().format("%Y-%m-%dT%H%M%SZ");
    format!("{PACKS}{time}-{}/", &digest::of_list(files)[..16])
}

/// A path that stays below its folder, whoever wrote it.
fn is_below(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\\')
        && !path.contains(':')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn make(dir: &Path) -> Result<(), Problem> {
    std::fs::create_dir_all(dir).map_err(|error| disk(dir, &error))
}

fn disk(dir: &Path, error: &std::io::Error) -> Problem {
    Problem::new("could not write the pack")
        .at(dir.display().to_string())
        .why(error.to_string())
        .hint("free some space, or choose another folder")
}

/// Can the folder take what only one may write? Found out before the work, not after it.
fn try_folder(folder: &Path) -> Result<(), Problem> {
    let refuse = |error: std::io::Error| {
        Problem::new("could not use the folder of the ledger")
            .at(folder.display().to_string())
            .why(error.to_string())
            .so("nothing was read from AWS; nothing was appended")
            .hint("choose a folder that can be written, on a file system with hard links, with `--ledger`")
    };
    let partial = folder.join(store::PARTIAL_DIR);
    store::make_like(folder, &partial).map_err(refuse)?;
    store::make_like(folder, &folder.join(MANIFESTS)).map_err(refuse)?;
    let instant = Utc::now().timestamp_nanos_opt().unwrap_or_default();
    let (one, other) = (
        partial.join(format!("try-{}-{instant}", std::process::id())),
        partial.join(format!("link-{}-{instant}", std::process::id())),
    );
    let result = std::fs::write(&one, b"").and_then(|()| std::fs::hard_link(&one, &other));
    // What cannot be removed was never finished, and says so by its place.
    let _ = (std::fs::remove_file(&one), std::fs::remove_file(&other));
    result.map_err(refuse)
}

#[cfg(test)]
mod tests;
