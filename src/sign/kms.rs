//! Signatures of AWS KMS: an asymmetric key signs the digest of the manifest; anybody checks it offline.
//!
//! The signature stands in a JSON file with what is needed to check it by other means. Its public key is there to name the
//! key, not to trust it.

use aws_sdk_kms::error::ProvideErrorMetadata as _;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha384};

use super::public_key::{ALGORITHMS, SpkiKey};
use super::{Broken, Kind, Signer, Trust};
use crate::aws::failure::classify;
use crate::aws::target::Session;
use crate::domain::Arn;
use crate::problem::Problem;

/// IAM actions that signing takes on the key.
pub const ACTIONS: [&str; 2] = [GET_PUBLIC_KEY, SIGN];

const GET_PUBLIC_KEY: &str = "kms:GetPublicKey";
const SIGN: &str = "kms:Sign";

/// Version of the signature file.
const VERSION: u64 = 1;

/// The signature file.
#[derive(Debug, Serialize, Deserialize)]
struct File {
    version: u64,
    key_arn: String,
    algorithm: String,
    /// PEM. It names the key; it proves nothing.
    public_key: String,
    /// Base64.
    signature: String,
}

/// ARN of a key or an alias.
#[derive(Debug, Clone)]
pub(super) struct KeyArn {
    text: String,
    region: String,
}

impl KeyArn {
    /// Reads what stands after `awskms:`.
    ///
    /// Errors: not the ARN of a KMS key.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let is_key = |arn: &Arn<'_>| {
            arn.service == "kms" && !arn.region.is_empty() && {
                let resource = arn.resource;
                resource.starts_with("key/") || resource.starts_with("alias/")
            }
        };
        match Arn::parse(text).filter(is_key) {
            Some(arn) => Ok(Self {
                text: text.to_owned(),
                region: arn.region.to_owned(),
            }),
            None => Err(Problem::usage("this is not the ARN of a KMS key")
                .so("nothing was read from AWS; nothing was signed")
                .hint("write it like `awskms:arn:aws:kms:eu-west-1:111122223333:key/…`, or with `alias/…`")),
        }
    }
}

/// A key in KMS that signs.
#[derive(Debug)]
pub(super) struct Key {
    client: aws_sdk_kms::Client,
    arn: KeyArn,
    public: SpkiKey,
    algorithm: SigningAlgorithmSpec,
}

impl Key {
    /// Asks KMS for the public key, and whether it would sign.
    ///
    /// API: kms:GetPublicKey, kms:Sign (DryRun). Calls: 2. Errors: the key is missing, forbidden, disabled, or does not sign.
    pub(super) async fn open(session: &Session, arn: KeyArn) -> Result<Self, Problem> {
        let client = session.kms(&arn.region);
        let answer = client
            .get_public_key()
            .key_id(&arn.text)
            .send()
            .await
            .map_err(|error| unusable(classify(&error).of(GET_PUBLIC_KEY)))?;
        if answer.key_usage() != Some(&KeyUsageType::SignVerify) {
            return Err(unusable("it is not a key that signs".to_owned()));
        }
        let spec = answer.key_spec().cloned().unwrap_or(KeySpec::from(""));
        let algorithm = algorithm_of(&spec).ok_or_else(|| {
            unusable(format!("its spec is {}", spec.as_str())).hint("use a key of RSA, ECC_NIST_P256 or ECC_NIST_P384")
        })?;
        let der = answer.public_key().map(Blob::as_ref).unwrap_or_default();
        let public = SpkiKey::from_der(der).map_err(unusable)?;
        let key = Self {
            client,
            arn,
            public,
            algorithm,
        };
        match key.ask(b"would this key sign?", true).await {
            Ok(_) => Ok(key),
            Err((code, _)) if code == "DryRunOperationException" => Ok(key),
            Err((_, why)) => Err(unusable(why)),
        }
    }

    /// Who signs.
    pub(super) fn signer(&self) -> Signer {
        Signer {
            kind: Kind::Kms,
            fingerprint: self.public.fingerprint(),
            name: self.arn.text.clone(),
            trusted_as: None,
        }
    }

    /// Signs. The result is the signature file.
    ///
    /// API: kms:Sign. Calls: 1. Errors: KMS refused.
    pub(super) async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Problem> {
        let failed = |why: String| {
            Problem::new("the KMS key did not sign")
                .at(self.arn.text.as_str())
                .why(why)
                .so("nothing was signed with it")
                .hint("`explain permissions --command sign` prints the rights that it takes")
        };
        let signature = self.ask(message, false).await.map_err(|(_, why)| failed(why))?;
        let file = File {
            version: VERSION,
            key_arn: self.arn.text.clone(),
            algorithm: self.algorithm.as_str().to_owned(),
            public_key: self.public.to_pem(),
            signature: BASE64.encode(signature),
        };
        let mut text = serde_json::to_vec_pretty(&file).map_err(|error| failed(error.to_string()))?;
        text.push(b'\n');
        Ok(text)
    }

    async fn ask(&self, message: &[u8], is_trial: bool) -> Result<Vec<u8>, (String, String)> {
        let digest = match self.algorithm {
            SigningAlgorithmSpec::EcdsaSha384 => Sha384::digest(message).to_vec(),
            _ => Sha256::digest(message).to_vec(),
        };
        let answer = self
            .client
            .sign()
            .key_id(&self.arn.text)
            .message(Blob::new(digest))
            .message_type(MessageType::Digest)
            .signing_algorithm(self.algorithm.clone())
            .set_dry_run(is_trial.then_some(true))
            .send()
            .await
            .map_err(|error| {
                let code = error.code().unwrap_or_default().to_owned();
                (code, classify(&error).of(SIGN))
            })?;
        Ok(answer
            .signature()
            .map(|blob| blob.as_ref().to_vec())
            .unwrap_or_default())
    }
}

/// The one way in which a key of this spec signs.
fn algorithm_of(spec: &KeySpec) -> Option<SigningAlgorithmSpec> {
    match spec {
        KeySpec::EccNistP256 => Some(SigningAlgorithmSpec::EcdsaSha256),
        KeySpec::EccNistP384 => Some(SigningAlgorithmSpec::EcdsaSha384),
        KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => Some(SigningAlgorithmSpec::RsassaPssSha256),
        _ => None,
    }
}

fn unusable(why: String) -> Problem {
    Problem::new("the KMS key cannot be used for signing")
        .why(why)
        .so("nothing was read from AWS; nothing was signed")
        .hint("use an enabled asymmetric key with the usage SIGN_VERIFY; `explain permissions --command sign` prints the rights")
}

/// Checks a signature file.
pub(super) fn verify(message: &[u8], text: &str, trust: &Trust) -> Result<Signer, Broken> {
    let garbage = |why: String| Broken::Garbage(why);
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| garbage(error.to_string()))?;
    if let Some(version) = value["version"].as_u64().filter(|version| *version > VERSION) {
        return Err(Broken::Newer(version));
    }
    let file: File = serde_json::from_value(value).map_err(|error| garbage(error.to_string()))?;
    let key = SpkiKey::from_pem(&file.public_key).map_err(|why| garbage(format!("`public_key`: {why}")))?;
    let signature = BASE64
        .decode(&file.signature)
        .map_err(|error| garbage(format!("`signature`: {error}")))?;
    if !ALGORITHMS.contains(&file.algorithm.as_str()) {
        return Err(Broken::Unsupported(crate::text::one_line(&file.algorithm)));
    }
    let fingerprint = key.fingerprint();
    match key.verify(&file.algorithm, message, &signature) {
        None => return Err(garbage(format!("{} does not go with its key", file.algorithm))),
        Some(false) => return Err(Broken::Altered { fingerprint }),
        Some(true) => {}
    }
    let trusted_as = trust.of_spki(&key)?;
    Ok(Signer {
        kind: Kind::Kms,
        fingerprint,
        name: file.key_arn,
        trusted_as,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spec_signs_in_one_way() {
        for (spec, algorithm) in [
            ("ECC_NIST_P256", Some("ECDSA_SHA_256")),
            ("ECC_NIST_P384", Some("ECDSA_SHA_384")),
            ("RSA_2048", Some("RSASSA_PSS_SHA_256")),
            ("RSA_4096", Some("RSASSA_PSS_SHA_256")),
            ("ECC_NIST_P521", None),
            ("ECC_SECG_P256K1", None),
            ("SM2", None),
            ("SYMMETRIC_DEFAULT", None),
        ] {
            let found = algorithm_of(&KeySpec::from(spec));
            assert_eq!(found.as_ref().map(SigningAlgorithmSpec::as_str), algorithm, "{spec}");
            assert!(algorithm.is_none_or(|algorithm| ALGORITHMS.contains(&algorithm)));
        }
    }

    #[test]
    fn arns_of_keys_only() {
        for (text, region) in [
            ("arn:aws:kms:eu-west-1:111122223333:key/k", Some("eu-west-1")),
            (
                "arn:aws-cn:kms:cn-north-1:111122223333:alias/evidence",
                Some("cn-north-1"),
            ),
            ("arn:aws:kms:eu-west-1:111122223333:secret/k", None),
            ("arn:aws:s3:::bucket", None),
            ("alias/evidence", None),
            ("", None),
        ] {
            let found = KeyArn::parse(text).ok().map(|arn| arn.region);
            assert_eq!(found.as_deref(), region, "{text}");
        }
    }
}
