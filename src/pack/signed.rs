//! Who signed a pack.

use super::kinds::Seal;
use super::{MANIFEST_FILE, Pack, Sealed};
use crate::plain_file::{self, LARGEST_MANIFEST};
use crate::problem::Problem;
use crate::sign::{self, Broken, SignatureFile, Signer, Trust, verify_all};

/// Checks the signatures over a manifest: those that it announces must be there, and all must hold.
///
/// What allowed_signers says of times is held against the time that the manifest itself gives.
///
/// Errors: the first that does not hold, with the name of its file; no name where one is missing.
pub(crate) fn check(
    manifest: &dyn Seal,
    bytes: &[u8],
    files: &[SignatureFile],
    trust: &Trust,
) -> Result<Vec<Signer>, (String, Broken)> {
    let announced: Vec<&str> = manifest
        .signed_by()
        .iter()
        .map(|signer| signer.fingerprint.as_str())
        .collect();
    verify_all(bytes, files, &announced, (trust, manifest.signed_at()))
}

impl Pack {
    /// As [`Sealed::signers`].
    ///
    /// Errors: those.
    pub(crate) fn signers(&self, trust: &Trust) -> Result<Vec<Signer>, Problem> {
        self.sealed().signers(trust)
    }
}

impl Sealed<'_> {
    /// Who signed, as far as the verifier brings keys; empty: nobody.
    ///
    /// Errors: a signature that is not valid or is missing; or none by a key that the verifier trusts.
    pub(crate) fn signers(&self, trust: &Trust) -> Result<Vec<Signer>, Problem> {
        let path = self.dir.join(MANIFEST_FILE);
        let unread = |error: std::io::Error| super::intact::unread(MANIFEST_FILE, &error);
        let bytes = plain_file::read(&path, LARGEST_MANIFEST).map_err(unread)?;
        let files = SignatureFile::beside(&path).map_err(unread)?;
        check(self.manifest, &bytes, &files, trust).map_err(|(name, broken)| {
            let place = if name.is_empty() { MANIFEST_FILE } else { &name };
            super::intact::broken(place, sentence(&broken)).hint(hint(&broken))
        })
    }
}

/// A reason as the text after `why:`.
fn sentence(broken: &Broken) -> String {
    match broken {
        Broken::Missing { .. } | Broken::NotSigned => broken.to_string(),
        other => format!("the signature is not valid: {other}"),
    }
}

fn hint(broken: &sign::Broken) -> &'static str {
    match broken {
        Broken::WrongKey { .. } | Broken::NotTrustedForThis { .. } | Broken::NotSigned => {
            "compare the fingerprint with the one that the signer gave you; do not take the key from beside the pack"
        }
        Broken::WrongNamespace { .. } => "sign with `ssh-keygen -Y sign -n backproof`",
        Broken::Newer(_) => "use a later version of the program",
        _ => "",
    }
}
