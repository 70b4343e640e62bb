//! Signatures over a manifest: made with an SSH key or a key of AWS KMS, checked offline against keys that the verifier
//! trusts.
//!
//! An SSH signature is what `ssh-keygen -Y sign -n backproof` makes, and `ssh-keygen -Y verify` checks it. A KMS signature
//! covers the same bytes and stands in a small JSON file; `openssl dgst -verify` checks it. A public key beside a signature
//! proves nothing by itself: who signed is known only as far as the verifier brings a key of his own ([`Trust`]).

mod agent;
mod kms;
mod public_key;
mod ssh;
mod trust;

use std::fmt;
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::aws::target::Session;
use crate::plain_file::{self, LARGEST_SIGNATURE};
use crate::problem::{Outcome, Problem, Problems, one_line};

pub(crate) use kms::ACTIONS as KMS_ACTIONS;
pub(crate) use ssh::new_key;
pub use trust::Trust;

/// What a signature is for: one that was made for something else does not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The manifest of a pack.
    #[default]
    Evidence,
    /// A remediation plan that somebody has reviewed.
    Plan,
}

impl Purpose {
    /// The namespace of SSH signatures: `ssh-keygen -Y verify -n backproof`.
    pub(crate) const fn namespace(self) -> &'static str {
        match self {
            Self::Evidence => "backproof",
            Self::Plan => "backproof-plan",
        }
    }
}

/// With what a signature was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An Ed25519 key of OpenSSH, from a file or an agent.
    Ssh,
    /// An asymmetric key of AWS KMS.
    Kms,
}

impl Kind {
    /// Every kind, in the order in which signatures are made.
    pub(crate) const ALL: [Self; 2] = [Self::Ssh, Self::Kms];

    /// What is added to the name of the signed file: `manifest.json.sig`.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Ssh => ".sig",
            Self::Kms => ".kms.json",
        }
    }
}

/// Whose signature it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// With what it was made.
    pub kind: Kind,
    /// Of the public key: `SHA256:…` as `ssh-keygen -l` prints it, or SHA-256 of the DER form in hexadecimal digits.
    pub fingerprint: String,
    /// What the signature says of the key: the ARN in KMS. For people; a signature may say anything.
    pub name: String,
    /// As whom the verifier trusts the key: principals, or the file that holds it. None: nothing was given to hold it
    /// against, so who signed is not known.
    pub trusted_as: Option<String>,
}

impl Signer {
    /// Which key it is, for people.
    pub(crate) fn key(&self) -> String {
        let what = match self.kind {
            Kind::Ssh => "SSH key",
            Kind::Kms => "KMS key",
        };
        match self.name.as_str() {
            "" => format!("{what} {}", self.fingerprint),
            name => format!("{what} {} ({})", self.fingerprint, one_line(name)),
        }
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())?;
        match &self.trusted_as {
            Some(name) => write!(f, ", trusted as {}", one_line(name)),
            None => f.write_str(", not held against any key that you trust"),
        }
    }
}

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// Not a signature, or a damaged one.
    #[error("it cannot be read as a signature: {0}")]
    Garbage(String),
    /// Made by a newer version of this program.
    #[error("it is of version {0}, which this program does not know")]
    Newer(u64),
    /// A good signature of a kind that is not accepted.
    #[error("it was made with {0}, which is not accepted; keys are Ed25519 (SSH), RSA, P-256 or P-384 (KMS)")]
    Unsupported(String),
    /// Made for another purpose.
    #[error("it was made for the namespace `{found}`, not for `{wanted}`")]
    WrongNamespace {
        /// What it has to be made for.
        wanted: &'static str,
        /// What it was made for.
        found: String,
    },
    /// The bytes are not the ones that were signed.
    #[error("it does not fit these bytes: they, or the signature of key {fingerprint}, were altered")]
    Altered {
        /// The key that the signature names.
        fingerprint: String,
    },
    /// A good signature by somebody else.
    #[error("it was made by key {fingerprint}, which is none of those that you trust")]
    WrongKey {
        /// The key that made it.
        fingerprint: String,
    },
    /// A good signature by a key that is trusted, but not for this or not then.
    #[error("key {fingerprint} is not trusted for it: {why}")]
    NotTrustedForThis {
        /// The key that made it.
        fingerprint: String,
        /// Which limit was passed.
        why: String,
    },
    /// The one that was announced is not there.
    #[error("the signature of key {fingerprint} is missing")]
    Missing {
        /// The key that was to sign.
        fingerprint: String,
    },
    /// Signatures there may be, but none by a key that is trusted.
    #[error("there is no signature by any key that you trust")]
    NotSigned,
}

/// A signature file beside the file that it signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignatureFile {
    /// Its name, for messages.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

impl SignatureFile {
    /// The signature files that are there beside a file.
    ///
    /// Errors: one is there and cannot be read.
    pub(crate) fn beside(path: &Path) -> std::io::Result<Vec<Self>> {
        let mut files = Vec::new();
        for kind in Kind::ALL {
            let mut name = path.as_os_str().to_owned();
            name.push(kind.suffix());
            match plain_file::read(Path::new(&name), LARGEST_SIGNATURE) {
                Ok(bytes) => {
                    let name = Path::new(&name).file_name().unwrap_or(&name);
                    files.push(Self {
                        name: name.to_string_lossy().into_owned(),
                        bytes,
                    });
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }
}

/// Checks all signatures over a message. Every one that is there must hold; those of the keys that `announced` names by
/// their fingerprints must be there; and if the verifier trusts any key, one of them must be by a key that he trusts.
///
/// Errors: the first one that does not hold, with its name; no name where one is missing.
pub(crate) fn verify_all(
    message: &[u8],
    files: &[SignatureFile],
    announced: &[&str],
    (trust, at): (&Trust, DateTime<Utc>),
) -> Result<Vec<Signer>, (String, Broken)> {
    let mut signers = Vec::<Signer>::new();
    for file in files {
        let signer = verify(message, &file.bytes, trust, at).map_err(|broken| (file.name.clone(), broken))?;
        signers.push(signer);
    }
    let is_there = |fingerprint: &str| signers.iter().any(|signer| signer.fingerprint == fingerprint);
    if let Some(missing) = announced.iter().find(|fingerprint| !is_there(fingerprint)) {
        let fingerprint = one_line(missing);
        return Err((String::new(), Broken::Missing { fingerprint }));
    }
    if !trust.is_none() && signers.iter().all(|signer| signer.trusted_as.is_none()) {
        return Err((String::new(), Broken::NotSigned));
    }
    Ok(signers)
}

/// A signature, made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    /// Whose it is.
    pub(crate) signer: Signer,
    /// The file: what to write beside the signed file, under its name with [`Kind::suffix`] added.
    pub(crate) bytes: Vec<u8>,
}

/// Checks a signature file over a message, offline.
///
/// `at` is when it was made, as far as anybody knows: what an allowed_signers file says of times is held against it.
///
/// Errors: what is wrong with it, the worst first: unreadable, made for something else, altered, by the wrong key.
pub(crate) fn verify(message: &[u8], signature: &[u8], trust: &Trust, at: DateTime<Utc>) -> Result<Signer, Broken> {
    let text = std::str::from_utf8(signature)
        .map_err(|_| Broken::Garbage("it is not text".to_owned()))?
        .trim_start();
    if text.starts_with('{') {
        kms::verify(message, text, trust)
    } else if text.starts_with(ssh::ARMOR) {
        ssh::verify(message, text, trust, at)
    } else {
        let why = format!("it begins neither with `{}` nor with a brace", ssh::ARMOR);
        Err(Broken::Garbage(why))
    }
}

/// The keys that sign: `--sign`, once or twice.
#[derive(Debug, Default)]
pub(crate) struct Signers {
    keys: Vec<Key>,
    names: Vec<String>,
    purpose: Purpose,
}

#[derive(Debug)]
enum Key {
    Ssh(ssh::Key),
    Kms(Box<kms::Key>),
}

impl Key {
    fn kind(&self) -> Kind {
        match self {
            Self::Ssh(_) => Kind::Ssh,
            Self::Kms(_) => Kind::Kms,
        }
    }
}

impl Signers {
    /// Opens every key, before any work is done: reads key files, asks the agent, asks KMS whether it would sign.
    ///
    /// A key is a private key file of OpenSSH, a `.pub` file, a fingerprint or `agent` (the key lies in ssh-agent), or
    /// `awskms:ARN`.
    ///
    /// API: kms:GetPublicKey, kms:Sign (DryRun). Calls: 2 for a KMS key. Errors: every key that cannot be used.
    pub(crate) async fn open(names: &[String]) -> Outcome<Self> {
        let (mut keys, mut problems) = (Vec::<Key>::new(), Vec::new());
        for name in names {
            match open(name).await {
                Ok(key) if keys.iter().any(|other| other.kind() == key.kind()) => {
                    problems.push(
                        Problem::usage("two keys of the same kind were given")
                            .at("`--sign`")
                            .so("nothing was signed")
                            .hint("give at most one SSH key and one KMS key"),
                    );
                }
                Ok(key) => keys.push(key),
                Err(problem) => problems.push(problem.at(format!("`--sign {name}`"))),
            }
        }
        keys.sort_by_key(Key::kind);
        if problems.is_empty() {
            Ok(Self {
                keys,
                names: names.to_vec(),
                purpose: Purpose::Evidence,
            })
        } else {
            Err(Problems(problems))
        }
    }

    /// The same keys, for another purpose.
    pub(crate) fn for_purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// True if nothing will be signed.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The flags that name these keys, to be typed again.
    pub(crate) fn flags(&self) -> String {
        self.names.iter().map(|name| format!(" --sign {name}")).collect()
    }

    /// Who will sign, for the manifest: a signature that is missing later shows.
    pub(crate) fn identities(&self) -> Vec<Signer> {
        self.keys
            .iter()
            .map(|key| match key {
                Key::Ssh(key) => key.signer(),
                Key::Kms(key) => key.signer(),
            })
            .collect()
    }

    /// Signs a message with every key, and checks each signature as anybody else would.
    ///
    /// API: kms:Sign. Calls: 1 for a KMS key. Errors: the first key that did not sign.
    pub(crate) async fn sign(&self, message: &[u8]) -> Result<Vec<Signature>, Problem> {
        let mut signatures = Vec::new();
        for key in &self.keys {
            let bytes = match key {
                Key::Ssh(key) => key.sign(message, self.purpose).await,
                Key::Kms(key) => key.sign(message).await,
            }?;
            let signer =
                verify(message, &bytes, &Trust::none().for_purpose(self.purpose), Utc::now()).map_err(|broken| {
                    Problem::new("the key made a signature that is not valid")
                        .why(broken.to_string())
                        .so("nothing was signed with it")
                        .hint("use another key or agent")
                })?;
            signatures.push(Signature { signer, bytes });
        }
        Ok(signatures)
    }
}

async fn open(name: &str) -> Result<Key, Problem> {
    match name.strip_prefix("awskms:") {
        Some(arn) => {
            let arn = kms::KeyArn::parse(arn)?;
            let key = kms::Key::open(&Session::load().await?, arn).await?;
            Ok(Key::Kms(Box::new(key)))
        }
        None => Ok(Key::Ssh(ssh::Key::open(name).await?)),
    }
}

#[cfg(test)]
mod tests;
