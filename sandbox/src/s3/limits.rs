//! What S3 admits as the name of a bucket.

use super::refusal::Refusal;

/// 3 to 63 lower-case letters, digits, dots and hyphens; a letter or digit at both ends; no address.
pub(crate) fn check_name(name: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let good = (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| plain(*byte) || matches!(byte, b'.' | b'-'))
        && bytes.first().is_some_and(|byte| plain(*byte))
        && bytes.last().is_some_and(|byte| plain(*byte))
        && !name.contains("..")
        && !bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if good {
        Ok(())
    } else {
        Err(Refusal::new(400, "InvalidBucketName", "The specified bucket is not valid.").field("BucketName", name))
    }
}
