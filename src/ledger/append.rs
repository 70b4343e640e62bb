//! One pack more: its files first, its manifest last, by one conditional write.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use futures_util::{StreamExt as _, stream};

use super::{CLOCK_TOLERANCE, LATEST, Ledger, MANIFESTS, manifest_path, pack_dir, signature_name, signature_path};
use crate::aws::s3::{Content, Refused, Stored};
use crate::pack::manifest::FileEntry;
use crate::pack::{MANIFEST_FILE, Manifest, Pack, SEAL_FILES, SUMS_FILE, digest, seal};
use crate::problem::{Problem, count};
use crate::report::deliver::AT_ONCE;
use crate::sign::{Kind, Signature, Signers};

/// How often another scan may be quicker.
const ATTEMPTS: u32 = 200;

/// What became of a pack.
#[derive(Debug, Clone)]
pub struct Appended {
    /// Its place in the chain.
    pub sequence: u64,
    /// SHA-256 of its manifest: the head of the ledger now.
    pub sha256: String,
    /// Where the manifest lies.
    pub address: String,
    /// It had been appended before, by a run that did not live to say so.
    pub was_there: bool,
    /// What S3 says of each file that was stored.
    pub stored: Vec<Stored>,
    /// Who signed.
    pub signatures: Vec<Signature>,
}

/// The last manifest of the chain.
struct Head {
    sequence: u64,
    manifest: Manifest,
    sha256: String,
}

impl Ledger {
    /// Appends the pack in a folder. Its manifest there is written anew with its place in the chain, and signed.
    ///
    /// If it ends before its time, at whatever moment, the pack is in the chain whole, or not at all; doing it again is
    /// safe.
    ///
    /// API: [`crate::aws::s3::Bucket::put`] for each file; kms:Sign. Errors: the pack is altered or too old; the place
    /// refuses; others were quicker every time.
    pub async fn append(&self, dir: &Path, signers: &Signers) -> Result<Appended, Problem> {
        let pack = Pack::open(dir)?;
        if let Some(appended) = self.finished_before(&pack).await? {
            return Ok(appended);
        }
        let now = sealing_time(&pack.manifest);
        if now - pack.manifest.as_of > LATEST {
            return Err(refuse(self, "the pack is too old to be appended")
                .why(format!(
                    "it is of {}; after {} hours it could not be told from one that is dated back",
                    pack.manifest.as_of.format("%Y-%m-%dT%H:%M:%SZ"),
                    LATEST.num_hours()
                ))
                .hint("scan again"));
        }
        let mut stored = self.put_files(&pack).await?;
        for attempt in 1..=ATTEMPTS {
            let head = self.head().await?;
            let manifest = self.following(&pack.manifest, head.as_ref(), signers)?;
            let signatures = seal_in(dir, &manifest, signers).await?;
            match self.commit(&manifest, &signatures).await? {
                Some(more) => {
                    stored.extend(more);
                    let appended = self.appended(&manifest, stored, signatures);
                    return self.complete(&manifest, appended).await;
                }
                None => tokio::time::sleep(pause(attempt)).await,
            }
        }
        Err(refuse(self, "other scans were quicker every time")
            .why(format!(
                "{} ended with another pack under the number",
                count(ATTEMPTS as usize, "attempt")
            ))
            .hint(format!("`backproof ledger append {}` tries again", dir.display())))
    }

    /// A run that was killed after its manifest was written: the chain holds what lies in the folder. Or a pack that is
    /// appended again: its place holds a manifest that the chain holds too.
    async fn finished_before(&self, pack: &Pack) -> Result<Option<Appended>, Problem> {
        let copy = self
            .store
            .get(&format!("{}{MANIFEST_FILE}", pack_dir(&pack.manifest)))
            .await?;
        for bytes in [Some(pack.manifest.to_bytes()), copy].into_iter().flatten() {
            let manifest = Manifest::parse(&bytes, MANIFEST_FILE).ok();
            let Some((manifest, sequence)) = manifest.and_then(|manifest| manifest.sequence.map(|at| (manifest, at)))
            else {
                continue;
            };
            if self.store.get(&manifest_path(sequence)).await? == Some(bytes) {
                let appended = Appended {
                    was_there: true,
                    ..self.appended(&manifest, Vec::new(), Vec::new())
                };
                return self.complete(&manifest, appended).await.map(Some);
            }
        }
        Ok(None)
    }

    fn appended(&self, manifest: &Manifest, stored: Vec<Stored>, signatures: Vec<Signature>) -> Appended {
        let sequence = manifest.sequence.unwrap_or_default();
        Appended {
            sequence,
            sha256: manifest.sha256(),
            address: self.store.address(&manifest_path(sequence)),
            was_there: false,
            stored,
            signatures,
        }
    }

    /// The pack's files, each held against the manifest before it goes.
    async fn put_files(&self, pack: &Pack) -> Result<Vec<Stored>, Problem> {
        let place = pack_dir(&pack.manifest);
        // A list, not an iterator: what waits in it can then be moved to another thread.
        let files = pack.manifest.files.iter();
        let puts: Vec<_> = files.map(|file| self.put_file(&place, &pack.dir, file)).collect();
        let mut puts = stream::iter(puts).buffered(AT_ONCE);
        let mut stored = Vec::new();
        while let Some(put) = puts.next().await {
            stored.extend(put?);
        }
        Ok(stored)
    }

    async fn put_file(&self, place: &str, dir: &Path, file: &FileEntry) -> Result<Option<Stored>, Problem> {
        let source = dir.join(&file.path);
        let (_, sha256) = digest::of_file(&source).map_err(|error| {
            refuse(self, "a file of the pack cannot be read")
                .at(source.display().to_string())
                .why(error.to_string())
        })?;
        if sha256 != file.sha256 {
            return Err(refuse(self, "a file of the pack was altered")
                .at(source.display().to_string())
                .why(format!(
                    "its SHA-256 is {sha256}, and the manifest says {}",
                    file.sha256
                ))
                .hint("scan again"));
        }
        let path = format!("{place}{}", file.path);
        let put = self.store.put(&path, Content::File(&source)).await;
        put.map_err(|refused| self.unput(&path, &refused))
    }

    async fn head(&self) -> Result<Option<Head>, Problem> {
        let last = self.listed().await?.into_iter().filter_map(|(number, _)| number).max();
        let Some(sequence) = last else { return Ok(None) };
        let path = manifest_path(sequence);
        let broken = |why: String| {
            refuse(self, "the last manifest of the ledger does not hold")
                .at(self.store.address(&path))
                .why(why)
                .hint(format!(
                    "`verify --ledger {}` names everything that is wrong",
                    self.address
                ))
        };
        let bytes = self.store.get(&path).await?;
        let bytes = bytes.ok_or_else(|| broken("it is gone since it was listed".to_owned()))?;
        let manifest = Manifest::parse(&bytes, &path).map_err(|problem| broken(problem.why))?;
        if manifest.sequence != Some(sequence) {
            return Err(broken("it says another number than its name".to_owned()));
        }
        Ok(Some(Head {
            sequence,
            manifest,
            sha256: digest::of_bytes(&bytes),
        }))
    }

    /// The manifest as it follows the head.
    fn following(&self, manifest: &Manifest, head: Option<&Head>, signers: &Signers) -> Result<Manifest, Problem> {
        let sealed_at = sealing_time(manifest);
        let before = head.and_then(|head| head.manifest.sealed_at);
        if let Some(before) = before.filter(|before| sealed_at < *before - CLOCK_TOLERANCE) {
            return Err(refuse(self, "the clock of this machine is behind the ledger")
                .why(format!(
                    "it is {sealed_at} here, and the last pack was appended at {before}"
                ))
                .hint("set the clock (NTP); a pack that seems to go back in time would never hold"));
        }
        Ok(Manifest {
            sequence: Some(head.map_or(1, |head| head.sequence + 1)),
            previous: head.map(|head| head.sha256.clone()),
            sealed_at: Some(sealed_at),
            signed_by: signers.identities().into_iter().map(Into::into).collect(),
            ..manifest.clone()
        })
    }

    /// Signatures, then the manifest: the one write that decides. None: another pack has that number.
    async fn commit(&self, manifest: &Manifest, signatures: &[Signature]) -> Result<Option<Vec<Stored>>, Problem> {
        let (sequence, sha256) = (manifest.sequence.unwrap_or_default(), manifest.sha256());
        let mut stored = Vec::new();
        for signature in signatures {
            let path = signature_path(sequence, &sha256, signature.signer.kind);
            let put = self.store.put(&path, Content::Bytes(&signature.bytes)).await;
            stored.extend(put.map_err(|refused| self.unput(&path, &refused))?);
        }
        let path = manifest_path(sequence);
        match self.store.put(&path, Content::Bytes(&manifest.to_bytes())).await {
            Ok(put) => {
                stored.extend(put);
                Ok(Some(stored))
            }
            Err(Refused::Taken(_)) => Ok(None),
            Err(refused) => Err(self.unput(&path, &refused)),
        }
    }

    /// Manifest and signatures beside the pack's files, so that its folder is a whole pack. The chain holds without them.
    async fn complete(&self, manifest: &Manifest, mut appended: Appended) -> Result<Appended, Problem> {
        let place = pack_dir(manifest);
        let mut files = vec![(SUMS_FILE.to_owned(), seal::sums(manifest).into_bytes())];
        for kind in Kind::ALL {
            let bytes = self
                .store
                .get(&signature_path(appended.sequence, &appended.sha256, kind))
                .await?;
            files.extend(bytes.map(|bytes| (signature_name(kind), bytes)));
        }
        files.push((MANIFEST_FILE.to_owned(), manifest.to_bytes()));
        for (name, bytes) in files {
            let path = format!("{place}{name}");
            match self.store.put(&path, Content::Bytes(&bytes)).await {
                Ok(put) => appended.stored.extend(put),
                Err(refused) => {
                    let problem = self.unput(&path, &refused);
                    return Err(problem.so(format!(
                        "the pack is in the ledger, as number {}; only this copy of its manifest is missing",
                        appended.sequence
                    )));
                }
            }
        }
        Ok(appended)
    }

    fn unput(&self, path: &str, refused: &Refused) -> Problem {
        let hint = if self.is_remote() {
            "`explain permissions --command deliver` prints the rights that it takes; `ledger append` tries again"
        } else {
            "free some space or make the folder writable; `ledger append` tries again"
        };
        refuse(self, "could not write to the ledger")
            .at(self.store.address(path))
            .why(refused.why())
            .hint(hint)
    }
}

fn refuse(ledger: &Ledger, what: &str) -> Problem {
    Problem::new(what).at(ledger.address.as_str()).so(format!(
        "the pack is not in the ledger; nothing below `{MANIFESTS}` was changed"
    ))
}

/// Now, by AWS's clock, as far as the scan saw it.
fn sealing_time(manifest: &Manifest) -> chrono::DateTime<Utc> {
    let skew = chrono::TimeDelta::try_seconds(manifest.clock_skew_seconds.unwrap_or_default()).unwrap_or_default();
    let now = Utc::now() + skew;
    chrono::DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now)
}

/// Signs the pack in a folder that goes into no ledger.
///
/// API: kms:Sign. Errors: a key that did not sign; a folder that cannot be written.
pub async fn sign_pack(dir: &Path, signers: &Signers) -> Result<Vec<Signature>, Problem> {
    let manifest = Manifest {
        signed_by: signers.identities().into_iter().map(Into::into).collect(),
        ..Pack::open(dir)?.manifest
    };
    seal_in(dir, &manifest, signers).await
}

/// Puts another manifest in place of that of a pack. Every file is whole at every moment; in between, there is no signature
/// rather than a wrong one, and the pack is not whole, and it shows.
fn replace(dir: &Path, manifest: &Manifest, signatures: &[Signature]) -> std::io::Result<()> {
    let old = Kind::ALL.map(signature_name).into_iter();
    let unfinished = SEAL_FILES.into_iter().map(partial_name);
    for name in old.chain(unfinished) {
        match std::fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let mut files = vec![
        (SUMS_FILE.to_owned(), seal::sums(manifest).into_bytes()),
        (MANIFEST_FILE.to_owned(), manifest.to_bytes()),
    ];
    files.extend(signatures.iter().map(|signature| {
        let name = signature_name(signature.signer.kind);
        (name, signature.bytes.clone())
    }));
    for (name, bytes) in files {
        let partial = dir.join(partial_name(&name));
        std::fs::write(&partial, bytes)?;
        std::fs::File::open(&partial)?.sync_all()?;
        std::fs::rename(&partial, dir.join(name))?;
    }
    Ok(())
}

fn partial_name(name: &str) -> String {
    format!(".partial-{name}")
}

/// Writes manifest and signatures into the pack's own folder.
async fn seal_in(dir: &Path, manifest: &Manifest, signers: &Signers) -> Result<Vec<Signature>, Problem> {
    let signatures = signers.sign(&manifest.to_bytes()).await?;
    replace(dir, manifest, &signatures).map_err(|error| {
        Problem::new("could not write the manifest of the pack")
            .at(dir.display().to_string())
            .why(error.to_string())
            .so("the pack is not signed, and in no ledger")
            .hint("free some space, or make the folder writable")
    })?;
    Ok(signatures)
}

/// Longer each time, and not the same for two that started together.
fn pause(attempt: u32) -> Duration {
    let chance = u64::from(Utc::now().timestamp_subsec_nanos() ^ std::process::id()) % 64;
    Duration::from_millis(chance * u64::from(attempt.min(8)))
}
