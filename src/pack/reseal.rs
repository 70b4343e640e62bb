//! Another seal for a pack: a manifest that names its place in a ledger or its signers, digests and signatures to it.
//!
//! The new files are written beside the old ones first, the manifest last, and then take their places, the manifest last
//! again. A run that is killed leaves the old seal whole, or everything that is needed to finish the new one: [`settle`].

use std::io::{ErrorKind, Result};
use std::path::Path;

use super::kinds::Seal;
use super::{MANIFEST_FILE, SEAL_FILES, SUMS_FILE, seal};
use crate::problem::Problem;
use crate::sign::{Kind, Signature};

/// Puts another seal in place of that of a pack.
///
/// Errors: the disk refused.
pub(crate) fn replace(dir: &Path, manifest: &dyn Seal, signatures: &[Signature]) -> Result<()> {
    drop_partial(dir)?;
    let name = |signature: &Signature| format!("{MANIFEST_FILE}{}", signature.signer.kind.suffix());
    let signatures = signatures
        .iter()
        .map(|signature| (name(signature), signature.bytes.clone()));
    let mut files: Vec<(String, Vec<u8>)> = signatures.collect();
    files.push((SUMS_FILE.to_owned(), seal::sums(manifest).into_bytes()));
    // It comes last: once it is there, all of them are.
    files.push((MANIFEST_FILE.to_owned(), manifest.to_bytes()));
    for (name, bytes) in files {
        let partial = dir.join(partial(&name));
        let unnamed = dir.join(format!("{}.new", self::partial(&name)));
        std::fs::write(&unnamed, bytes)?;
        // Whoever could read the old seal, and nobody else.
        match std::fs::metadata(dir.join(MANIFEST_FILE)) {
            Ok(old) => std::fs::set_permissions(&unnamed, old.permissions())?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        std::fs::File::open(&unnamed)?.sync_all()?;
        std::fs::rename(&unnamed, &partial)?;
    }
    finish(dir)
}

/// Finishes a seal that a run was killed over, or takes away what it left.
///
/// Errors: the disk refused.
pub(crate) fn settle(dir: &Path) -> std::result::Result<(), Problem> {
    let settled = if dir.join(partial(MANIFEST_FILE)).exists() {
        finish(dir)
    } else {
        drop_partial(dir)
    };
    settled.map_err(|error| {
        Problem::new("could not finish the seal that an earlier run began")
            .at(dir.display().to_string())
            .why(error.to_string())
            .so("the pack is not signed anew, and nothing was appended")
            .hint("make the folder writable")
    })
}

/// The new files take their places. Each step may be done again.
fn finish(dir: &Path) -> Result<()> {
    for kind in Kind::ALL {
        let name = format!("{MANIFEST_FILE}{}", kind.suffix());
        if !dir.join(partial(&name)).exists() && is_replaced(dir, &name)? {
            remove(&dir.join(&name))?;
        }
    }
    for name in SEAL_FILES {
        match std::fs::rename(dir.join(partial(name)), dir.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Is the signature there one over another manifest? If an earlier try has put the new one in its place, it stays.
fn is_replaced(dir: &Path, name: &str) -> Result<bool> {
    let manifest = std::fs::read(dir.join(partial(MANIFEST_FILE)))?;
    let signature = match std::fs::read(dir.join(name)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        read => read?,
    };
    let trust = crate::sign::Trust::none();
    Ok(crate::sign::verify(&manifest, &signature, &trust, chrono::DateTime::UNIX_EPOCH).is_err())
}

fn drop_partial(dir: &Path) -> Result<()> {
    for name in SEAL_FILES {
        remove(&dir.join(partial(name)))?;
        remove(&dir.join(format!("{}.new", partial(name))))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn partial(name: &str) -> String {
    format!(".partial-{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest;
    use crate::pack::Manifest;

    fn manifest(sequence: u64) -> Manifest {
        Manifest {
            sequence: Some(sequence),
            ..Manifest::sample(chrono::DateTime::UNIX_EPOCH)
        }
    }

    fn is_whole(dir: &Path, sequence: u64) -> bool {
        let bytes = std::fs::read(dir.join(MANIFEST_FILE)).expect("a manifest");
        let sums = std::fs::read_to_string(dir.join(SUMS_FILE)).expect("sums");
        bytes == manifest(sequence).to_bytes() && sums.contains(&digest::of_bytes(&bytes))
    }

    /// Killed after each write: the old seal is whole, or the new one can be finished.
    #[test]
    fn a_seal_that_was_begun_is_finished_or_taken_back() {
        let new = manifest(2);
        let (sums, bytes) = (seal::sums(&new).into_bytes(), new.to_bytes());
        type Left<'l> = &'l [(&'l str, &'l [u8])];
        let steps: [(Left<'_>, u64); 5] = [
            (&[(".partial-SHA256SUMS.new", b"half")], 1),
            (&[(".partial-SHA256SUMS", &sums)], 1),
            (
                &[(".partial-SHA256SUMS", &sums), (".partial-manifest.json.new", b"{")],
                1,
            ),
            (&[(".partial-SHA256SUMS", &sums), (".partial-manifest.json", &bytes)], 2),
            (&[("SHA256SUMS", &sums), (".partial-manifest.json", &bytes)], 2),
        ];
        for (left, sequence) in steps {
            let dir = tempfile::tempdir().expect("a folder");
            let dir = dir.path();
            replace(dir, &manifest(1), &[]).expect("sealed");
            assert!(is_whole(dir, 1));
            for (name, bytes) in left {
                std::fs::write(dir.join(name), bytes).expect("written");
            }
            settle(dir).expect("settled");
            assert!(is_whole(dir, sequence), "{left:?}");
            let names = std::fs::read_dir(dir).expect("a folder").flatten();
            let names: Vec<_> = names.map(|entry| entry.file_name()).collect();
            assert_eq!(names.len(), 2, "{names:?}");
        }
    }
}
