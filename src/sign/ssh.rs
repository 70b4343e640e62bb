//! SSH signatures: Ed25519 keys of OpenSSH, from a file or an agent.

use std::io::ErrorKind;
use std::path::Path;

use chrono::{DateTime, Utc};
use ring::rand::{SecureRandom as _, SystemRandom};
use ssh_key::private::Ed25519Keypair;
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};

use super::agent::Agent;
use super::{Broken, Kind, Purpose, Signer, Trust};
use crate::problem::Problem;

/// How an armored signature begins.
pub(super) const ARMOR: &str = "-----BEGIN SSH SIGNATURE-----";

/// A new Ed25519 key: the text of its file, and its public half as lines of `allowed_signers` name it.
///
/// Errors: the machine has no random numbers.
pub(crate) fn new_key() -> Result<(String, String), Problem> {
    let mut seed = [0; 32];
    SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| Problem::new("could not make a key").why("the machine has no random numbers"))?;
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    let failed = |error: ssh_key::Error| Problem::new("could not make a key").why(error.to_string());
    let text = key.to_openssh(LineEnding::LF).map_err(failed)?;
    Ok((text.to_string(), key.public_key().to_openssh().map_err(failed)?))
}

/// A key that signs.
#[derive(Debug)]
pub(super) enum Key {
    /// Read from a file.
    File(Box<PrivateKey>),
    /// IntactPack by an agent.
    Agent(Agent, PublicKey),
}

impl Key {
    /// Finds the key: a private key file, or a `.pub` file, a fingerprint or `agent` for one that the agent holds.
    ///
    /// Errors: no such key, or one that cannot sign.
    pub(super) async fn open(name: &str) -> Result<Self, Problem> {
        if name == "agent" {
            return Self::in_agent(|_| true, "an Ed25519 key").await;
        }
        if name.starts_with("SHA256:") {
            let is_it = |key: &PublicKey| fingerprint(key.key_data()) == name;
            return Self::in_agent(is_it, &format!("the key {name}")).await;
        }
        let text = read(Path::new(name))?;
        if text.trim_start().starts_with("-----BEGIN") {
            return Self::of_file(name, &text).await;
        }
        let public = PublicKey::from_openssh(&text)
            .map_err(|error| unusable("it is neither a private nor a public key of OpenSSH").why(error.to_string()))?;
        check_algorithm(&public.algorithm())?;
        Self::in_agent(
            |key| key.key_data() == public.key_data(),
            &format!("the key of `{name}`"),
        )
        .await
    }

    async fn of_file(name: &str, text: &str) -> Result<Self, Problem> {
        let key = PrivateKey::from_openssh(text).map_err(|error| {
            unusable("it is not a private key in OpenSSH's format")
                .why(error.to_string())
                .hint("make one with `ssh-keygen -t ed25519`")
        })?;
        check_algorithm(&key.algorithm())?;
        if !key.is_encrypted() {
            check_mode(Path::new(name))?;
            return Ok(Self::File(Box::new(key)));
        }
        // The public half of an encrypted key is readable, and the agent may hold the rest.
        let is_it = |other: &PublicKey| other.key_data() == key.public_key().key_data();
        Self::in_agent(is_it, "the key").await.map_err(|_| {
            unusable("it has a passphrase")
                .why("the ssh-agent does not hold it, and passphrases are not asked for")
                .hint(format!("add it to the agent with `ssh-add {name}`, then try again"))
        })
    }

    async fn in_agent(is_wanted: impl Fn(&PublicKey) -> bool, what: &str) -> Result<Self, Problem> {
        let agent = Agent::of_environment()?;
        let keys = agent.keys().await?;
        let mut wanted = keys.into_iter().filter(|key| is_wanted(key));
        match (wanted.next(), wanted.next()) {
            (Some(key), None) => Ok(Self::Agent(agent, key)),
            (None, _) => Err(unusable("the ssh-agent does not hold it")
                .why(format!("{what} is not among its keys"))
                .hint("`ssh-add -l` lists them; `ssh-add FILE` adds one")),
            (Some(_), Some(_)) => Err(unusable("the ssh-agent holds several Ed25519 keys")
                .hint("name the one to sign with: its `.pub` file, or its fingerprint as `ssh-add -l` prints it")),
        }
    }

    fn public(&self) -> &PublicKey {
        match self {
            Self::File(key) => key.public_key(),
            Self::Agent(_, key) => key,
        }
    }

    /// Who signs.
    pub(super) fn signer(&self) -> Signer {
        signer(self.public().key_data())
    }

    /// Signs. The result is the armored text.
    ///
    /// Errors: the agent refused.
    pub(super) async fn sign(&self, message: &[u8], purpose: Purpose) -> Result<Vec<u8>, Problem> {
        let namespace = purpose.namespace();
        let failed = |error: ssh_key::Error| unusable("it did not sign").why(error.to_string());
        let signature = match self {
            Self::File(key) => key.sign(namespace, HashAlg::Sha512, message).map_err(failed)?,
            Self::Agent(agent, key) => {
                let data = SshSig::signed_data(namespace, HashAlg::Sha512, message).map_err(failed)?;
                let signature = agent.sign(key, &data).await?;
                SshSig::new(key.key_data().clone(), namespace, HashAlg::Sha512, signature).map_err(failed)?
            }
        };
        Ok(signature.to_pem(LineEnding::LF).map_err(failed)?.into_bytes())
    }
}

fn signer(key: &KeyData) -> Signer {
    Signer {
        kind: Kind::Ssh,
        fingerprint: fingerprint(key),
        name: String::new(),
        trusted_as: None,
    }
}

/// As `ssh-keygen -l` prints it.
pub(super) fn fingerprint(key: &KeyData) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

fn unusable(why: &str) -> Problem {
    Problem::usage(format!("the signing key cannot be used: {why}")).so("nothing was read from AWS; nothing was signed")
}

fn read(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::NotFound => {
                "`--sign` takes a key file, a `.pub` file, `agent`, a fingerprint such as `SHA256:…`, or `awskms:ARN`"
            }
            _ => "check the file and its permissions",
        };
        unusable("it cannot be read").why(error.to_string()).hint(hint)
    })
}

fn check_algorithm(algorithm: &Algorithm) -> Result<(), Problem> {
    if *algorithm == Algorithm::Ed25519 {
        return Ok(());
    }
    Err(unusable(&format!("it is of type {algorithm}"))
        .why("evidence is signed with Ed25519 keys")
        .hint("make one with `ssh-keygen -t ed25519`"))
}

/// A key that everybody on the machine can read signs for everybody.
#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), Problem> {
    use std::os::unix::fs::PermissionsExt as _;
    let is_open = std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o007 != 0);
    if is_open {
        return Err(unusable("everybody on this machine can read it").hint(format!("`chmod 600 {}`", path.display())));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_path: &Path) -> Result<(), Problem> {
    Ok(())
}

/// Checks an armored signature.
pub(super) fn verify(message: &[u8], text: &str, trust: &Trust, at: DateTime<Utc>) -> Result<Signer, Broken> {
    let signature = SshSig::from_pem(text.trim_end()).map_err(|error| match error {
        ssh_key::Error::Version { number } => Broken::Newer(number.into()),
        ssh_key::Error::AlgorithmUnsupported { algorithm } => Broken::Unsupported(algorithm.to_string()),
        ssh_key::Error::AlgorithmUnknown => Broken::Unsupported("an algorithm that is not known here".to_owned()),
        other => Broken::Garbage(other.to_string()),
    })?;
    let namespace = trust.purpose().namespace();
    if signature.namespace() != namespace {
        return Err(Broken::WrongNamespace {
            wanted: namespace,
            found: signature.namespace().to_owned(),
        });
    }
    let key = signature.public_key();
    if key.algorithm() != Algorithm::Ed25519 {
        return Err(Broken::Unsupported(format!("a key of type {}", key.algorithm())));
    }
    PublicKey::from(key.clone())
        .verify(namespace, message, &signature)
        .map_err(|_| Broken::Altered {
            fingerprint: fingerprint(key),
        })?;
    let trusted_as = trust.of_ssh(key, at)?;
    Ok(Signer {
        trusted_as,
        ..signer(key)
    })
}
