//! One pack more: its files first, its manifest last, by one conditional write.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};

use super::store::Store;
use super::{CLOCK_TOLERANCE, LATEST, Ledger, MANIFESTS, manifest_path, pack_dir, signature_name, signature_path};
use crate::aws::s3::{Content, Refused, Stored};
use crate::deliver::AT_ONCE;
use crate::digest;
use crate::pack::intact::Held;
use crate::pack::kinds::Placed;
use crate::pack::manifest::{FileEntry, SignedBy};
use crate::pack::{AnyManifest, MANIFEST_FILE, SUMS_FILE, Seal as _, read_manifest, reseal, seal};
use crate::problem::{Problem, count, one_line};
use crate::sign::{Kind, Signature, Signers};

/// How often another scan may be quicker.
const ATTEMPTS: u32 = 200;

/// What became of a pack.
#[derive(Debug, Clone)]
pub(crate) struct Appended {
    /// Its place in the chain.
    pub(crate) sequence: u64,
    /// SHA-256 of its manifest: the head of the ledger now.
    pub(crate) sha256: String,
    /// Where the manifest lies.
    pub(crate) address: String,
    /// It had been appended before, by a run that ended before it said so.
    pub(crate) was_there: bool,
    /// What S3 says of each file that was stored.
    pub(crate) stored: Vec<Stored>,
    /// Who signed.
    pub(crate) signatures: Vec<Signature>,
}

/// The last manifest of the chain.
struct Head {
    sequence: u64,
    manifest: AnyManifest,
    sha256: String,
}

impl Ledger {
    /// Appends a pack that holds. The manifest in its folder is written anew with its place in the chain, and signed.
    ///
    /// If it ends before its time, at whatever moment, the pack is in the chain whole, or not at all; doing it again is
    /// safe.
    ///
    /// API: [`crate::aws::s3::Bucket::put`] for each file; s3:ListBucket (HeadBucket) for the time; kms:Sign. Errors: the
    /// pack is altered, redacted or too old; a signature would be lost; the place refuses; others were quicker every time.
    pub(crate) async fn append(&self, pack: &Held, signers: &Signers) -> Result<Appended, Problem> {
        let again = format!(
            "`backproof ledger append {} --ledger {}{}` tries again",
            pack.dir.display(),
            self.address,
            signers.flags()
        );
        if pack.manifest.is_redacted() {
            return Err(refuse(self, "a pack with pseudonyms goes into no ledger")
                .at(pack.dir.display().to_string())
                .why("the numbers of its accounts are not in it, so that it would prove nothing over a period")
                .hint("append the pack that it was made from"));
        }
        if let Some(appended) = self.finished_before(pack, signers, &again).await? {
            return Ok(appended);
        }
        self.check_signers(pack, signers)?;
        let skew = self.skew(&pack.manifest).await?;
        self.check_age(&pack.manifest, sealing_time(skew))?;
        let mut stored = self.put_files(pack, &again).await?;
        for attempt in 1..=ATTEMPTS {
            let head = self.head().await?;
            let manifest = self.following(&pack.manifest, head.as_ref(), (signers, sealing_time(skew)))?;
            let signatures = seal_in(&pack.dir, &manifest, signers).await?;
            match self.commit(&manifest, &signatures, &again).await? {
                Some(more) => {
                    stored.extend(more);
                    let appended = self.appended(&manifest, stored, signatures);
                    return self.complete(&manifest, appended, &again).await;
                }
                None => tokio::time::sleep(pause(attempt)).await,
            }
        }
        Err(refuse(self, "other scans were quicker every time")
            .why(format!(
                "{} ended with another pack under the number",
                count(ATTEMPTS as usize, "attempt")
            ))
            .hint(again))
    }

    /// The manifest is written anew, so that the signatures over it do not hold any more: whoever signed must sign again.
    fn check_signers(&self, pack: &Held, signers: &Signers) -> Result<(), Problem> {
        let known = signers.identities();
        let is_lost = |by: &&SignedBy| known.iter().all(|signer| signer.fingerprint != by.fingerprint);
        let Some(lost) = pack.manifest.signed_by().iter().find(is_lost) else {
            return Ok(());
        };
        let key = if lost.name.is_empty() {
            &lost.fingerprint
        } else {
            &lost.name
        };
        Err(refuse(self, "the signature of the pack would be lost")
            .at(pack.dir.display().to_string())
            .why(format!(
                "it is signed with key {}, and its place in the ledger changes what was signed",
                one_line(key)
            ))
            .hint("sign anew with the same key: add `--sign KEY`"))
    }

    fn check_age(&self, manifest: &AnyManifest, now: DateTime<Utc>) -> Result<(), Problem> {
        let of = manifest.as_of().format("%Y-%m-%dT%H:%M:%SZ");
        if now - manifest.as_of() > LATEST {
            return Err(refuse(self, "the pack is too old to be appended")
                .why(format!(
                    "it is of {of}; after {} hours it could not be told from one that is backdated",
                    LATEST.num_hours()
                ))
                .hint("scan again"));
        }
        if manifest.as_of() - now > CLOCK_TOLERANCE {
            return Err(refuse(self, "the clock of this machine is behind the pack")
                .why(format!("the pack is of {of}, and it is {now} here"))
                .hint("set the clock (NTP); a pack that was appended before it was made would never hold"));
        }
        Ok(())
    }

    /// By how much the clock of this machine is behind the one that will be asked: that of S3 now, or the one that the scan
    /// saw where nobody will be asked.
    async fn skew(&self, manifest: &AnyManifest) -> Result<TimeDelta, Problem> {
        let seen = manifest.clock_skew_seconds().unwrap_or_default();
        let seen = TimeDelta::try_seconds(seen).unwrap_or_default();
        match &self.store {
            Store::Folder(_) => Ok(seen),
            Store::S3 { bucket, .. } => Ok(bucket.skew().await?.unwrap_or(seen)),
        }
    }

    /// A run that was killed after its manifest was written: the chain holds what lies in the folder. Or a pack that is
    /// appended again: its place holds a manifest that the chain holds too.
    async fn finished_before(&self, pack: &Held, signers: &Signers, again: &str) -> Result<Option<Appended>, Problem> {
        let copy = self
            .store
            .get(&format!("{}{MANIFEST_FILE}", pack_dir(&pack.manifest)))
            .await?;
        for bytes in [Some(pack.manifest.to_bytes()), copy].into_iter().flatten() {
            let manifest = AnyManifest::parse(&bytes, MANIFEST_FILE).ok();
            let Some((manifest, sequence)) = manifest.and_then(|manifest| manifest.sequence().map(|at| (manifest, at)))
            else {
                continue;
            };
            if self.store.get(&manifest_path(sequence)).await? == Some(bytes) {
                self.check_signed(&manifest, sequence, signers)?;
                let appended = Appended {
                    was_there: true,
                    ..self.appended(&manifest, Vec::new(), Vec::new())
                };
                return self.complete(&manifest, appended, again).await.map(Some);
            }
        }
        Ok(None)
    }

    /// What is in the chain is never changed: a signature that is not there cannot be added.
    fn check_signed(&self, manifest: &AnyManifest, sequence: u64, signers: &Signers) -> Result<(), Problem> {
        let has = |fingerprint: &str| manifest.signed_by().iter().any(|by| by.fingerprint == fingerprint);
        let identities = signers.identities();
        let Some(missing) = identities.iter().find(|signer| !has(&signer.fingerprint)) else {
            return Ok(());
        };
        let mut problem = refuse(self, "the pack is in the ledger already, without this signature")
            .why(format!(
                "it is number {sequence}, and not signed with {}; what is in the chain is never changed",
                missing.key()
            ))
            .hint("leave `--sign` out; or scan again, signed, for a pack that is");
        problem.so = "nothing was signed; the ledger was not changed".to_owned();
        Err(problem)
    }

    fn appended(&self, manifest: &AnyManifest, stored: Vec<Stored>, signatures: Vec<Signature>) -> Appended {
        let sequence = manifest.sequence().unwrap_or_default();
        Appended {
            sequence,
            sha256: manifest.sha256(),
            address: self.store.address(&manifest_path(sequence)),
            was_there: false,
            stored,
            signatures,
        }
    }

    /// The pack's files, each intact against the manifest before it goes.
    async fn put_files(&self, pack: &Held, again: &str) -> Result<Vec<Stored>, Problem> {
        let place = pack_dir(&pack.manifest);
        // A list, not an iterator: what waits in it can then be moved to another thread.
        let files = pack.manifest.files().iter();
        let puts: Vec<_> = files
            .map(|file| self.put_file((&place, &pack.dir), file, again))
            .collect();
        let mut puts = stream::iter(puts).buffered(AT_ONCE);
        let mut stored = Vec::new();
        while let Some(put) = puts.next().await {
            stored.extend(put?);
        }
        Ok(stored)
    }

    async fn put_file(
        &self,
        (place, dir): (&str, &Path),
        file: &FileEntry,
        again: &str,
    ) -> Result<Option<Stored>, Problem> {
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
        put.map_err(|refused| self.unput(&path, &refused, again))
    }

    async fn head(&self) -> Result<Option<Head>, Problem> {
        let last = self.listed().await?.into_iter().filter_map(|(number, _)| number).max();
        let Some(sequence) = last else { return Ok(None) };
        let path = manifest_path(sequence);
        let broken = |why: String| {
            refuse(self, "the last manifest of the ledger failed verification")
                .at(self.store.address(&path))
                .why(why)
                .hint(format!(
                    "`verify --ledger {}` names everything that is wrong",
                    self.address
                ))
        };
        let bytes = self.store.get(&path).await?;
        let bytes = bytes.ok_or_else(|| broken("it is gone since it was listed".to_owned()))?;
        let manifest = AnyManifest::parse(&bytes, &path).map_err(|problem| broken(problem.why))?;
        if manifest.sequence() != Some(sequence) {
            return Err(broken("it says another number than its name".to_owned()));
        }
        Ok(Some(Head {
            sequence,
            manifest,
            sha256: digest::of_bytes(&bytes),
        }))
    }

    /// The manifest as it follows the head.
    fn following(
        &self,
        manifest: &AnyManifest,
        head: Option<&Head>,
        (signers, sealed_at): (&Signers, DateTime<Utc>),
    ) -> Result<AnyManifest, Problem> {
        let before = head.and_then(|head| head.manifest.sealed_at());
        if let Some(before) = before.filter(|before| sealed_at < *before - CLOCK_TOLERANCE) {
            return Err(refuse(self, "the clock of this machine is behind the ledger")
                .why(format!(
                    "it is {sealed_at} here, and the last pack was appended at {before}"
                ))
                .hint("set the clock (NTP); a pack that seems to go back in time would never hold"));
        }
        Ok(manifest.placed(Placed {
            sequence: Some(head.map_or(1, |head| head.sequence + 1)),
            previous: head.map(|head| head.sha256.clone()),
            sealed_at: Some(sealed_at),
            signed_by: signers.identities().into_iter().map(Into::into).collect(),
        }))
    }

    /// Signatures, then the manifest: the one write that decides. None: another pack has that number.
    async fn commit(
        &self,
        manifest: &AnyManifest,
        signatures: &[Signature],
        again: &str,
    ) -> Result<Option<Vec<Stored>>, Problem> {
        let (sequence, sha256) = (manifest.sequence().unwrap_or_default(), manifest.sha256());
        let mut stored = Vec::new();
        for signature in signatures {
            let path = signature_path(sequence, &sha256, signature.signer.kind);
            let put = self.store.put(&path, Content::Bytes(&signature.bytes)).await;
            stored.extend(put.map_err(|refused| self.unput(&path, &refused, again))?);
        }
        let path = manifest_path(sequence);
        match self.store.put(&path, Content::Bytes(&manifest.to_bytes())).await {
            Ok(put) => {
                stored.extend(put);
                Ok(Some(stored))
            }
            Err(Refused::Taken(_)) => Ok(None),
            Err(refused) => Err(self.unput(&path, &refused, again)),
        }
    }

    /// Manifest and signatures beside the pack's files, so that its folder is a whole pack. The chain holds without them.
    async fn complete(&self, manifest: &AnyManifest, mut appended: Appended, again: &str) -> Result<Appended, Problem> {
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
                    let problem = self.unput(&path, &refused, again);
                    return Err(problem.so(format!(
                        "the pack is in the ledger, as number {}; only this copy of its manifest is missing",
                        appended.sequence
                    )));
                }
            }
        }
        Ok(appended)
    }

    fn unput(&self, path: &str, refused: &Refused, again: &str) -> Problem {
        let remedy = if self.is_remote() {
            "`explain permissions --command deliver` prints the rights that it takes"
        } else {
            "free some space or make the folder writable"
        };
        refuse(self, "could not write to the ledger")
            .at(self.store.address(path))
            .why(refused.why())
            .hint(format!("{remedy}; {again}"))
    }
}

fn refuse(ledger: &Ledger, what: &str) -> Problem {
    Problem::new(what).at(ledger.address.as_str()).so(format!(
        "the pack is not in the ledger; nothing below `{MANIFESTS}` was changed"
    ))
}

/// Now, by a clock that is so far ahead of this machine's.
fn sealing_time(skew: TimeDelta) -> DateTime<Utc> {
    let now = Utc::now() + skew;
    DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now)
}

/// Signs the pack in a folder that goes into no ledger.
///
/// API: kms:Sign. Errors: a key that did not sign; a folder that cannot be written.
pub(crate) async fn sign_pack(dir: &Path, signers: &Signers) -> Result<Vec<Signature>, Problem> {
    let bytes = read_manifest(dir)?;
    let manifest = AnyManifest::parse(&bytes, &dir.join(MANIFEST_FILE).display().to_string())?;
    let manifest = manifest.signed(signers.identities().into_iter().map(Into::into).collect());
    seal_in(dir, &manifest, signers).await
}

/// Writes manifest and signatures into the pack's own folder.
async fn seal_in(dir: &Path, manifest: &AnyManifest, signers: &Signers) -> Result<Vec<Signature>, Problem> {
    let signatures = signers.sign(&manifest.to_bytes()).await?;
    reseal::replace(dir, manifest, &signatures).map_err(|error| {
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
