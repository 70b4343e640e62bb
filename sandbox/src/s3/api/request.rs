//! One S3 request, taken apart: path style only, `/bucket/key`.
//!
//! In: a call. Out: bucket, key, query and headers in readable form, and the body without its transport coding, with every
//! digest that came with it verified. Never touches the state.

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::chunked;
use crate::call::Call;
use crate::s3::checksum::{self, Algorithm, Checksum};
use crate::s3::refusal::Refusal;

/// A call, addressed to the service, a bucket or a key.
pub(super) struct Request<'a> {
    pub(super) call: &'a Call,
    /// Empty: the request is for the service.
    pub(super) bucket: String,
    /// Empty: the request is for the bucket.
    pub(super) key: String,
}

impl<'a> Request<'a> {
    /// Splits the raw path at its first two slashes, then decodes; keys keep their own slashes, doubled ones too.
    pub(super) fn new(call: &'a Call) -> Self {
        let path = call.path.strip_prefix('/').unwrap_or(&call.path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Self {
            call,
            bucket: decode(bucket),
            key: decode(key),
        }
    }

    /// A header's value; headers that are not text count as absent.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.call.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A header's value as UTF-8: user metadata may hold more than ASCII.
    pub(super) fn header_utf8(&self, name: &str) -> Option<&'a str> {
        self.call
            .headers
            .get(name)
            .and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// A query parameter; `?versioning` has the empty value.
    pub(super) fn query(&self, name: &str) -> Option<&'a str> {
        self.call
            .query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// `versionId` of the query, if it says anything.
    pub(super) fn version_id(&self) -> Option<&'a str> {
        self.query("versionId").filter(|id| !id.is_empty())
    }

    /// True if governance locks are to be ignored; that the caller may is taken for granted.
    pub(super) fn bypasses_governance(&self) -> bool {
        self.header("x-amz-bypass-governance-retention")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// `/bucket/key`, as errors name it.
    pub(super) fn resource(&self) -> String {
        match (self.bucket.as_str(), self.key.as_str()) {
            ("", _) => "/".to_owned(),
            (bucket, "") => format!("/{bucket}"),
            (bucket, key) => format!("/{bucket}/{key}"),
        }
    }

    /// The data of the body and the checksum that came with it.
    pub(super) fn payload(&self) -> Result<Payload, Refusal> {
        let mut given = self.given_checksums();
        let data = if self.is_chunked() {
            let decoded = chunked::decode(&self.call.body)
                .ok_or_else(|| Refusal::new(400, "IncompleteBody", "The request body terminated unexpectedly"))?;
            self.check_length(&decoded.data)?;
            self.take_trailers(decoded.trailers, &mut given)?;
            decoded.data
        } else {
            self.call.body.clone()
        };
        self.check_sha256(&data)?;
        self.check_md5(&data)?;
        let checksum = self.check_checksum(given, &data)?;
        Ok(Payload { data, checksum })
    }

    /// True if the body is `aws-chunked`.
    fn is_chunked(&self) -> bool {
        self.header("x-amz-content-sha256")
            .is_some_and(|value| value.starts_with("STREAMING-"))
            || self
                .header("content-encoding")
                .is_some_and(|value| value.split(',').any(|part| part.trim() == "aws-chunked"))
    }

    /// True if any digest of the body came with the request.
    pub(super) fn has_digest(&self) -> bool {
        self.header("content-md5").is_some()
            || !self.given_checksums().is_empty()
            || self.header("x-amz-trailer").is_some()
    }

    fn given_checksums(&self) -> Vec<(Algorithm, String)> {
        let value = |algorithm: Algorithm| {
            self.header(algorithm.header())
                .map(|value| (algorithm, value.to_owned()))
        };
        Algorithm::ALL.into_iter().filter_map(value).collect()
    }

    fn check_length(&self, data: &Bytes) -> Result<(), Refusal> {
        let told = self
            .header("x-amz-decoded-content-length")
            .and_then(|value| value.parse::<usize>().ok());
        match told {
            Some(length) if length != data.len() => {
                let message =
                    "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header";
                Err(Refusal::new(400, "IncompleteBody", message))
            }
            _ => Ok(()),
        }
    }

    /// Takes the checksums out of the trailers; each one that `x-amz-trailer` announces must be there.
    fn take_trailers(
        &self,
        trailers: Vec<(String, String)>,
        given: &mut Vec<(Algorithm, String)>,
    ) -> Result<(), Refusal> {
        for name in self
            .header("x-amz-trailer")
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            if !trailers.iter().any(|(trailer, _)| trailer.eq_ignore_ascii_case(name)) {
                let message = "The request contained trailing data that was not well-formed or did not conform to our published schema.";
                return Err(Refusal::new(400, "MalformedTrailerError", message));
            }
        }
        let checksums = trailers
            .into_iter()
            .filter_map(|(name, value)| Some((Algorithm::of_header(&name)?, value)));
        given.extend(checksums);
        Ok(())
    }

    fn check_sha256(&self, data: &Bytes) -> Result<(), Refusal> {
        let Some(told) = self.header("x-amz-content-sha256").filter(|value| value.len() == 64) else {
            return Ok(());
        };
        let computed = checksum::sha256_hex(data);
        if told.eq_ignore_ascii_case(&computed) {
            return Ok(());
        }
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        Err(Refusal::new(400, "XAmzContentSHA256Mismatch", message)
            .field("ClientComputedContentSHA256", told)
            .field("S3ComputedContentSHA256", computed))
    }

    fn check_md5(&self, data: &Bytes) -> Result<(), Refusal> {
        let Some(told) = self.header("content-md5") else {
            return Ok(());
        };
        if !checksum::is_md5_base64(told) {
            return Err(
                Refusal::new(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
                    .field("Content-MD5", told),
            );
        }
        let computed = checksum::md5_base64(data);
        if told == computed {
            return Ok(());
        }
        Err(
            Refusal::bad_digest("The Content-MD5 you specified did not match what we received.")
                .field("ExpectedDigest", told)
                .field("CalculatedDigest", computed),
        )
    }

    /// Compares the one checksum that came, in a header or a trailer.
    fn check_checksum(&self, given: Vec<(Algorithm, String)>, data: &Bytes) -> Result<Option<Checksum>, Refusal> {
        let announced = self.header("x-amz-sdk-checksum-algorithm");
        let mut given = given.into_iter();
        let Some((algorithm, told)) = given.next() else {
            return match announced {
                Some(_) => Err(Refusal::invalid_request(
                    "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
                )),
                None => Ok(None),
            };
        };
        if given.next().is_some() {
            return Err(Refusal::invalid_request(
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            ));
        }
        if !checksum::well_formed(algorithm, &told) {
            return Err(Refusal::invalid_request(format!(
                "Value for {} header is invalid.",
                algorithm.header()
            )));
        }
        let computed = Checksum::of(algorithm, data);
        if computed.value == told {
            return Ok(Some(computed));
        }
        Err(Refusal::bad_digest(format!(
            "The {} you specified did not match the calculated checksum.",
            algorithm.name()
        )))
    }
}

/// A body, verified.
pub(super) struct Payload {
    pub(super) data: Bytes,
    /// None: the client sent no checksum of the `x-amz-checksum-*` kind.
    pub(super) checksum: Option<Checksum>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::testing::call;

    const CRC_OF_HELLO: &str = "NhCmhg==";

    fn payload(headers: &[(&str, &str)], body: &str) -> Result<(String, Option<Algorithm>), &'static str> {
        let call = call("PUT", "/b/k", headers, body);
        let payload = Request::new(&call).payload().map_err(|refusal| refusal.code)?;
        Ok((
            String::from_utf8_lossy(&payload.data).into_owned(),
            payload.checksum.map(|checksum| checksum.algorithm),
        ))
    }

    #[test]
    fn paths_are_split_before_they_are_decoded() {
        for (path, bucket, key) in [
            ("/", "", ""),
            ("/b", "b", ""),
            ("/b/", "b", ""),
            ("/b/k", "b", "k"),
            ("/b/a/b//c", "b", "a/b//c"),
            ("/b/a%2Fb%20c%25%2B+", "b", "a/b c%++"),
            ("/b/%E2%82%AC", "b", "€"),
        ] {
            let call = call("GET", path, &[], "");
            let request = Request::new(&call);
            assert_eq!((request.bucket.as_str(), request.key.as_str()), (bucket, key), "{path}");
        }
    }

    #[test]
    fn digests_in_headers_are_verified() {
        assert_eq!(payload(&[], "hello"), Ok(("hello".to_owned(), None)));
        assert_eq!(
            payload(&[("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")], "hello"),
            Ok(("hello".to_owned(), None))
        );
        assert_eq!(
            payload(&[("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")], "hellO"),
            Err("BadDigest")
        );
        assert_eq!(payload(&[("content-md5", "short")], "hello"), Err("InvalidDigest"));
        let crc = ("x-amz-checksum-crc32", CRC_OF_HELLO);
        assert_eq!(
            payload(&[crc], "hello"),
            Ok(("hello".to_owned(), Some(Algorithm::Crc32)))
        );
        assert_eq!(payload(&[crc], "hellO"), Err("BadDigest"));
        assert_eq!(
            payload(&[("x-amz-checksum-crc32", "AA==")], "hello"),
            Err("InvalidRequest")
        );
        assert_eq!(
            payload(&[crc, ("x-amz-checksum-sha1", "AA==")], "hello"),
            Err("InvalidRequest")
        );
        assert_eq!(
            payload(&[("x-amz-sdk-checksum-algorithm", "CRC32")], "hello"),
            Err("InvalidRequest")
        );
        let wrong = "0".repeat(64);
        assert_eq!(
            payload(&[("x-amz-content-sha256", &wrong)], "hello"),
            Err("XAmzContentSHA256Mismatch")
        );
        let right = checksum::sha256_hex(b"hello");
        assert_eq!(
            payload(&[("x-amz-content-sha256", &right)], "hello"),
            Ok(("hello".to_owned(), None))
        );
        assert_eq!(
            payload(&[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")], "hello"),
            Ok(("hello".to_owned(), None))
        );
    }

    #[test]
    fn every_algorithm_is_verified() {
        for algorithm in Algorithm::ALL {
            let value = Checksum::of(algorithm, b"hello").value;
            assert_eq!(
                payload(&[(algorithm.header(), &value)], "hello"),
                Ok(("hello".to_owned(), Some(algorithm)))
            );
            assert_eq!(
                payload(&[(algorithm.header(), &value)], "world"),
                Err("BadDigest"),
                "{algorithm:?}"
            );
        }
    }

    #[test]
    fn trailing_checksums_are_verified() {
        let streaming = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        let trailer = ("x-amz-trailer", "x-amz-checksum-crc32");
        let length = ("x-amz-decoded-content-length", "5");
        let body = |crc: &str| format!("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n");
        let good = body(CRC_OF_HELLO);
        assert_eq!(
            payload(&[streaming, trailer, length], &good),
            Ok(("hello".to_owned(), Some(Algorithm::Crc32)))
        );
        assert_eq!(
            payload(&[streaming, trailer, length], &body("AAAAAA==")),
            Err("BadDigest")
        );
        assert_eq!(
            payload(&[streaming, trailer, length], "5\r\nhello\r\n0\r\n\r\n"),
            Err("MalformedTrailerError")
        );
        assert_eq!(
            payload(&[streaming, trailer, ("x-amz-decoded-content-length", "6")], &good),
            Err("IncompleteBody")
        );
        assert_eq!(
            payload(&[streaming, trailer, length], "5\r\nhel"),
            Err("IncompleteBody")
        );
        assert_eq!(
            payload(&[("content-encoding", "aws-chunked")], "0\r\n\r\n"),
            Ok((String::new(), None))
        );
    }
}
