//! Every operation of S3, asked as a client asks.

mod buckets;
mod lists;
mod multipart;
mod objects;
mod versions;

const LOCKED: &[(&str, &str)] = &[("x-amz-bucket-object-lock-enabled", "true")];
const MD5_OF_HELLO: &str = "\"5d41402abc4b2a76b9719d911017c592\"";
