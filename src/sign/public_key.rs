//! Public keys as KMS gives them and OpenSSL writes them: SubjectPublicKeyInfo in DER or PEM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use sha2::{Digest as _, Sha256};

use crate::text::hex;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// Everything before the point of a P-256 key.
const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Everything before the point of a P-384 key.
const P384_HEAD: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22, 0x03, 0x62, 0x00,
];
/// The algorithm of an RSA key.
const RSA_ALGORITHM: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// A public key of a kind that signs evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpkiKey {
    der: Vec<u8>,
    family: Family,
    /// Where the key itself begins in the DER form.
    start: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    P256,
    P384,
    Rsa,
}

/// How KMS calls a way of signing; and how it is checked.
pub(super) const ALGORITHMS: [&str; 4] = [
    "ECDSA_SHA_256",
    "ECDSA_SHA_384",
    "RSASSA_PSS_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_256",
];

impl SpkiKey {
    /// Reads the DER form.
    ///
    /// Errors: why it is not a key that is accepted.
    pub(super) fn from_der(der: &[u8]) -> Result<Self, String> {
        let found = |family, start| {
            Ok(Self {
                der: der.to_vec(),
                family,
                start,
            })
        };
        if der.starts_with(&P256_HEAD) && der.len() == P256_HEAD.len() + 65 {
            return found(Family::P256, P256_HEAD.len());
        }
        if der.starts_with(&P384_HEAD) && der.len() == P384_HEAD.len() + 97 {
            return found(Family::P384, P384_HEAD.len());
        }
        match rsa_start(der) {
            Some(start) => found(Family::Rsa, start),
            None => Err("it is not a public key of RSA, P-256 or P-384".to_owned()),
        }
    }

    /// Reads the PEM form.
    ///
    /// Errors: it is damaged, or not a key that is accepted.
    pub(super) fn from_pem(text: &str) -> Result<Self, String> {
        let body = text
            .trim()
            .strip_prefix(BEGIN)
            .and_then(|rest| rest.strip_suffix(END))
            .ok_or_else(|| format!("it is not enclosed in `{BEGIN}` and `{END}`"))?;
        let body: String = body.split_whitespace().collect();
        let der = BASE64.decode(body).map_err(|error| error.to_string())?;
        Self::from_der(&der)
    }

    /// Reads either form.
    ///
    /// Errors: it is damaged, or not a key that is accepted.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.trim_start().starts_with("-----BEGIN") => Self::from_pem(text),
            _ => Self::from_der(bytes),
        }
    }

    /// True if a file that is text is meant as such a key all the same.
    pub(super) fn looks_like_one(bytes: &[u8]) -> bool {
        Self::from_der(bytes).is_ok()
            || std::str::from_utf8(bytes).is_ok_and(|text| text.trim_start().starts_with("-----BEGIN"))
    }

    /// The PEM form.
    pub(super) fn to_pem(&self) -> String {
        let body = BASE64.encode(&self.der);
        let lines: Vec<&str> = (0..body.len())
            .step_by(64)
            .map(|start| &body[start..body.len().min(start + 64)])
            .collect();
        format!("{BEGIN}\n{}\n{END}\n", lines.join("\n"))
    }

    /// SHA-256 of the DER form: what `openssl pkey -pubin -outform DER | sha256sum` prints.
    pub(super) fn fingerprint(&self) -> String {
        hex(&Sha256::digest(&self.der))
    }

    /// Does the signature fit the message? None: the algorithm is not one of this key.
    pub(super) fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> Option<bool> {
        let how: &dyn VerificationAlgorithm = match (self.family, algorithm) {
            (Family::P256, "ECDSA_SHA_256") => &ECDSA_P256_SHA256_ASN1,
            (Family::P384, "ECDSA_SHA_384") => &ECDSA_P384_SHA384_ASN1,
            (Family::Rsa, "RSASSA_PSS_SHA_256") => &RSA_PSS_2048_8192_SHA256,
            (Family::Rsa, "RSASSA_PKCS1_V1_5_SHA_256") => &RSA_PKCS1_2048_8192_SHA256,
            _ => return None,
        };
        let key = UnparsedPublicKey::new(how, &self.der[self.start..]);
        Some(key.verify(message, signature).is_ok())
    }
}

/// Where the key of an RSA SubjectPublicKeyInfo begins: a sequence of the algorithm and a bit string without unused bits.
fn rsa_start(der: &[u8]) -> Option<usize> {
    let body = der_value(der, 0x30)?;
    let bits = der.get(body..)?.strip_prefix(&RSA_ALGORITHM)?;
    let start = der_value(bits, 0x03)?;
    (bits.get(start) == Some(&0)).then_some(body + RSA_ALGORITHM.len() + start + 1)
}

/// Where the value of a DER element begins, if it has this tag and fills the bytes to their end.
fn der_value(bytes: &[u8], tag: u8) -> Option<usize> {
    let (start, length) = match bytes {
        [found, length, ..] if *found == tag && *length < 0x80 => (2, usize::from(*length)),
        [found, 0x81, length, ..] if *found == tag && *length >= 0x80 => (3, usize::from(*length)),
        [found, 0x82, high, low, ..] if *found == tag && *high > 0 => (4, usize::from(*high) << 8 | usize::from(*low)),
        _ => return None,
    };
    (bytes.len() == start + length).then_some(start)
}
