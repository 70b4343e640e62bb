//! Keys that sign: `ECC_NIST_P256`, with real ECDSA signatures that anybody can check offline.
//!
//! The private key follows from the key's id, so that a world has the same keys and signatures each time. Whoever knows the
//! id can sign: this is a sandbox.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use p256::ecdsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::errors::wrong_state;
use crate::call::ApiError;
use crate::kms::state::{Key, KeyState, Spec};

/// What CreateKey asks for.
pub(super) fn wanted_spec(input: &Map<String, Value>) -> Result<Spec, ApiError> {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let name = text("KeySpec").or_else(|| text("CustomerMasterKeySpec"));
    let name = name.unwrap_or("SYMMETRIC_DEFAULT");
    let Some((_, spec)) = Spec::ALL.into_iter().find(|(known, _)| *known == name) else {
        let message = "The sandbox has keys of the specs SYMMETRIC_DEFAULT and ECC_NIST_P256 only.";
        return Err(ApiError::new(400, "UnsupportedOperationException", message));
    };
    match (text("KeyUsage"), spec) {
        (Some(usage), spec) if usage == spec.usage() => Ok(spec),
        (None, Spec::Symmetric) => Ok(spec),
        (None, _) => {
            let message = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.";
            Err(ApiError::new(400, "ValidationException", message))
        }
        (Some(usage), spec) => {
            let message = format!("KeyUsage {usage} is not compatible with KeySpec {}", spec.name());
            Err(ApiError::new(400, "ValidationException", message))
        }
    }
}

/// The private key: the first digest of the id that is one.
fn private_key(key: &Key) -> SigningKey {
    let mut material = Sha256::digest(format!("sandbox key {}", key.id));
    loop {
        match SigningKey::from_bytes(&material) {
            Ok(key) => return key,
            Err(_) => material = Sha256::digest(material),
        }
    }
}

/// Refuses keys that cannot be used, and those that do not sign.
fn check_use(key: &Key, operation: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
    match key.state(now) {
        KeyState::Enabled => {}
        KeyState::Disabled => {
            return Err(ApiError::new(
                400,
                "DisabledException",
                format!("{} is disabled.", key.arn),
            ));
        }
        state @ KeyState::PendingDeletion => return Err(wrong_state(&key.arn, state)),
    }
    if key.spec == Spec::Symmetric {
        let message = format!(
            "{} key usage is ENCRYPT_DECRYPT which is not valid for {operation}.",
            key.arn
        );
        return Err(ApiError::new(400, "InvalidKeyUsageException", message));
    }
    Ok(())
}

/// GetPublicKey.
pub(super) fn get_public_key(key: &Key, now: DateTime<Utc>) -> Result<Value, ApiError> {
    if key.spec == Spec::Symmetric {
        let message = format!("{} is not an asymmetric key.", key.arn);
        return Err(ApiError::new(400, "UnsupportedOperationException", message));
    }
    check_use(key, "GetPublicKey", now)?;
    Ok(json!({
        "CustomerMasterKeySpec": key.spec.name(),
        "KeyId": key.arn,
        "KeySpec": key.spec.name(),
        "KeyUsage": key.spec.usage(),
        "PublicKey": BASE64.encode(subject_public_key_info(&VerifyingKey::from(&private_key(key)))),
        "SigningAlgorithms": [key.spec.signing_algorithm()],
    }))
}

/// The key in the form of RFC 5480.
fn subject_public_key_info(key: &VerifyingKey) -> Vec<u8> {
    const HEAD: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    [&HEAD, key.to_encoded_point(false).as_bytes()].concat()
}

/// Sign.
pub(super) fn sign(key: &Key, input: &Map<String, Value>, now: DateTime<Utc>) -> Result<Value, ApiError> {
    check_use(key, "Sign", now)?;
    let digest = digest(key, input)?;
    check_dry_run(input)?;
    let signature: Signature = private_key(key)
        .sign_prehash(&digest)
        .map_err(|error| ApiError::new(500, "KMSInternalException", error.to_string()))?;
    Ok(json!({
        "KeyId": key.arn,
        "Signature": BASE64.encode(signature.to_der().as_bytes()),
        "SigningAlgorithm": key.spec.signing_algorithm(),
    }))
}

/// Verify.
pub(super) fn verify(key: &Key, input: &Map<String, Value>, now: DateTime<Utc>) -> Result<Value, ApiError> {
    check_use(key, "Verify", now)?;
    let digest = digest(key, input)?;
    let signature = blob(input, "Signature", 6144)?;
    check_dry_run(input)?;
    let holds = Signature::from_der(&signature)
        .and_then(|signature| VerifyingKey::from(&private_key(key)).verify_prehash(&digest, &signature));
    match holds {
        Ok(()) => Ok(json!({
            "KeyId": key.arn,
            "SignatureValid": true,
            "SigningAlgorithm": key.spec.signing_algorithm(),
        })),
        Err(_) => Err(ApiError::new(400, "KMSInvalidSignatureException", "")),
    }
}

fn check_dry_run(input: &Map<String, Value>) -> Result<(), ApiError> {
    if input.get("DryRun").and_then(Value::as_bool) == Some(true) {
        let message = "The request would have succeeded, but the DryRun option is set.";
        return Err(ApiError::new(400, "DryRunOperationException", message));
    }
    Ok(())
}

/// The digest to sign: of the message, or the message itself.
fn digest(key: &Key, input: &Map<String, Value>) -> Result<Vec<u8>, ApiError> {
    let invalid = |message: String| Err(ApiError::new(400, "ValidationException", message));
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let message = blob(input, "Message", 4096)?;
    match text("SigningAlgorithm") {
        None => return invalid(null_at("signingAlgorithm")),
        Some(asked) if key.spec.signing_algorithm() == Some(asked) => {}
        Some(asked) => {
            let message = format!("Algorithm {asked} and key spec {} are incompatible.", key.spec.name());
            return Err(ApiError::new(400, "InvalidKeyUsageException", message));
        }
    }
    match text("MessageType").unwrap_or("RAW") {
        "RAW" => Ok(Sha256::digest(message).to_vec()),
        "DIGEST" if message.len() == 32 => Ok(message),
        "DIGEST" => invalid("Digest is invalid length for algorithm ECDSA_SHA_256.".to_owned()),
        other => invalid(format!(
            "1 validation error detected: Value '{other}' at 'messageType' failed to satisfy constraint: Member must satisfy enum value set: [RAW, DIGEST, EXTERNAL_MU]"
        )),
    }
}

fn blob(input: &Map<String, Value>, name: &str, longest: usize) -> Result<Vec<u8>, ApiError> {
    let invalid = |message: String| ApiError::new(400, "ValidationException", message);
    let field = name[..1].to_lowercase() + &name[1..];
    let text = input.get(name).and_then(Value::as_str);
    let text = text.ok_or_else(|| invalid(null_at(&field)))?;
    let bytes = BASE64
        .decode(text)
        .map_err(|_| ApiError::new(400, "SerializationException", format!("{name} is not base64")))?;
    if bytes.is_empty() || bytes.len() > longest {
        return Err(invalid(format!(
            "1 validation error detected: Value at '{field}' failed to satisfy constraint: Member must have length between 1 and {longest}"
        )));
    }
    Ok(bytes)
}

fn null_at(field: &str) -> String {
    format!(
        "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null"
    )
}
