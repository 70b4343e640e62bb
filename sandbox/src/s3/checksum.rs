//! The checksums of S3's data integrity protections: CRC-32, CRC-32C, CRC-64/NVME, SHA-1, SHA-256, and MD5 for ETags.
//!
//! In: bytes. Out: digests, as bytes or in the base64 form that headers carry. Nothing here knows a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Digest as _;

/// An algorithm of `x-amz-checksum-*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    /// Every algorithm, in the order in which S3's documentation names them.
    pub(crate) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// The word in `x-amz-checksum-algorithm` and in XML.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header that carries a digest of this algorithm.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The XML element that carries a digest of this algorithm.
    pub(crate) fn element(self) -> &'static str {
        match self {
            Self::Crc32 => "ChecksumCRC32",
            Self::Crc32c => "ChecksumCRC32C",
            Self::Crc64Nvme => "ChecksumCRC64NVME",
            Self::Sha1 => "ChecksumSHA1",
            Self::Sha256 => "ChecksumSHA256",
        }
    }

    /// Length of a digest in bytes.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The algorithm with this name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The algorithm whose digest this header carries.
    pub(crate) fn of_header(header: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.header().eq_ignore_ascii_case(header))
    }

    /// Digest of `data`, most significant byte first.
    pub(crate) fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Crc32 => crc32fast::hash(data).to_be_bytes().to_vec(),
            Self::Crc32c => crc32c(data).to_be_bytes().to_vec(),
            Self::Crc64Nvme => crc64nvme(data).to_be_bytes().to_vec(),
            Self::Sha1 => sha1(data).to_vec(),
            Self::Sha256 => sha2::Sha256::digest(data).to_vec(),
        }
    }
}

/// Whether a multipart object's checksum covers the bytes or the parts' checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    FullObject,
    Composite,
}

impl Kind {
    /// The word in `x-amz-checksum-type` and in XML.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }
}

/// The stored checksum of an object or of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) algorithm: Algorithm,
    /// Base64, with `-N` behind it for a composite checksum of N parts.
    pub(crate) value: String,
    pub(crate) kind: Kind,
}

impl Checksum {
    /// The checksum of whole bytes.
    pub(crate) fn of(algorithm: Algorithm, data: &[u8]) -> Self {
        Self {
            algorithm,
            value: STANDARD.encode(algorithm.digest(data)),
            kind: Kind::FullObject,
        }
    }

    /// The checksum of the parts' checksums, as a multipart upload without `FULL_OBJECT` has it.
    pub(crate) fn composite(algorithm: Algorithm, parts: &[Vec<u8>]) -> Self {
        let value = format!("{}-{}", STANDARD.encode(algorithm.digest(&parts.concat())), parts.len());
        Self {
            algorithm,
            value,
            kind: Kind::Composite,
        }
    }
}

/// True if `value` is the base64 form of a digest of the algorithm's length.
pub(crate) fn well_formed(algorithm: Algorithm, value: &str) -> bool {
    STANDARD
        .decode(value)
        .is_ok_and(|bytes| bytes.len() == algorithm.length())
}

/// MD5 in base64, as in `Content-MD5`.
pub(crate) fn md5_base64(data: &[u8]) -> String {
    STANDARD.encode(md5::Md5::digest(data))
}

/// True if `value` is the base64 form of 16 bytes.
pub(crate) fn is_md5_base64(value: &str) -> bool {
    STANDARD.decode(value).is_ok_and(|bytes| bytes.len() == 16)
}

/// MD5, as in the ETag of an object that is not encrypted with KMS.
pub(crate) fn md5_bytes(data: &[u8]) -> [u8; 16] {
    md5::Md5::digest(data).into()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// SHA-256 in lower-case hexadecimal, as in `x-amz-content-sha256`.
pub(crate) fn sha256_hex(data: &[u8]) -> String {
    hex(&sha2::Sha256::digest(data))
}

const CRC32C: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 {
                (value >> 1) ^ 0x82F6_3B78
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

/// CRC-32C (Castagnoli).
fn crc32c(data: &[u8]) -> u32 {
    !data
        .iter()
        .fold(!0, |crc: u32, byte| CRC32C[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

const CRC64: [u64; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u64;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 {
                (value >> 1) ^ 0x9A6C_9329_AC4B_C9B5
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

/// CRC-64/NVME, the checksum that S3 adds to every object that comes without one.
fn crc64nvme(data: &[u8]) -> u64 {
    !data
        .iter()
        .fold(!0, |crc: u64, byte| CRC64[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

/// SHA-1 (FIPS 180-4); here because S3 offers it, never for anything secret.
fn sha1(data: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
    let whole = data.len() - data.len() % 64;
    let mut tail = data[whole..].to_vec();
    tail.push(0x80);
    while tail.len() % 64 != 56 {
        tail.push(0);
    }
    tail.extend_from_slice(&(data.len() as u64 * 8).to_be_bytes());
    for block in data[..whole].chunks_exact(64).chain(tail.chunks_exact(64)) {
        sha1_block(&mut state, block);
    }
    let mut digest = [0; 20];
    for (to, word) in digest.chunks_exact_mut(4).zip(state) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

fn sha1_block(state: &mut [u32; 5], block: &[u8]) {
    let mut words = [0_u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    for index in 16..80 {
        words[index] = (words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]).rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (round, word) in words.into_iter().enumerate() {
        let (mix, constant) = match round {
            0..20 => ((b & c) | (!b & d), 0x5A82_7999),
            20..40 => (b ^ c ^ d, 0x6ED9_EBA1),
            40..60 => ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC),
            _ => (b ^ c ^ d, 0xCA62_C1D6_u32),
        };
        let next = a
            .rotate_left(5)
            .wrapping_add(mix)
            .wrapping_add(e)
            .wrapping_add(constant)
            .wrapping_add(word);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
    }
    for (word, add) in state.iter_mut().zip([a, b, c, d, e]) {
        *word = word.wrapping_add(add);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_meets_its_published_check_value() {
        let digest = |algorithm: Algorithm| hex(&algorithm.digest(b"123456789"));
        assert_eq!(digest(Algorithm::Crc32), "cbf43926");
        assert_eq!(digest(Algorithm::Crc32c), "e3069283");
        assert_eq!(digest(Algorithm::Crc64Nvme), "ae8b14860a799888");
        assert_eq!(digest(Algorithm::Sha1), "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
        assert_eq!(
            digest(Algorithm::Sha256),
            "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"
        );
    }

    #[test]
    fn sha1_is_right_around_the_block_limit() {
        assert_eq!(hex(&sha1(b"")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(hex(&sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            hex(&sha1(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        );
        assert_eq!(
            hex(&sha1(&[b'a'; 1_000_000])),
            "34aa973cd4c4daa4f61eeb2bdbad27316534016f"
        );
    }

    #[test]
    fn names_headers_and_lengths_belong_together() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::named(algorithm.name()), Some(algorithm));
            assert_eq!(Algorithm::named(&algorithm.name().to_lowercase()), Some(algorithm));
            assert_eq!(Algorithm::of_header(algorithm.header()), Some(algorithm));
            assert_eq!(algorithm.digest(b"x").len(), algorithm.length());
            assert!(well_formed(algorithm, &Checksum::of(algorithm, b"x").value));
        }
        assert_eq!(Algorithm::named("MD5"), None);
        assert!(!well_formed(Algorithm::Crc32, "not base64!"));
        assert!(!well_formed(
            Algorithm::Crc32,
            &Checksum::of(Algorithm::Sha1, b"x").value
        ));
    }

    #[test]
    fn a_composite_checksum_tells_its_parts() {
        let parts = [Algorithm::Crc32.digest(b"one"), Algorithm::Crc32.digest(b"two")];
        let checksum = Checksum::composite(Algorithm::Crc32, &parts);
        assert!(checksum.value.ends_with("-2"), "{}", checksum.value);
        assert_eq!(checksum.kind, Kind::Composite);
    }
}
