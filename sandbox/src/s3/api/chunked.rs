//! Bodies in S3's own `aws-chunked` coding, which the SDKs use to send a checksum behind the data.
//!
//! In: the body as it came. Out: the data, and the trailers. Signatures of chunks are skipped, never checked.
//! Source: "Signature calculations for the Authorization header: transferring payload in multiple chunks".

use bytes::{Bytes, BytesMut};

/// A body without its chunks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) data: Bytes,
    /// Names in lower case.
    pub(super) trailers: Vec<(String, String)>,
}

/// Decodes an `aws-chunked` body; None if it is cut short or not in that coding.
pub(super) fn decode(body: &Bytes) -> Option<Decoded> {
    let mut data = BytesMut::with_capacity(body.len());
    let mut at = 0;
    loop {
        let (line, next) = line(body, at)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        at = next;
        if size == 0 {
            return Some(Decoded {
                data: data.freeze(),
                trailers: trailers(body, at)?,
            });
        }
        let end = at.checked_add(size)?;
        data.extend_from_slice(body.get(at..end)?);
        if body.get(end..end + 2)? != b"\r\n" {
            return None;
        }
        at = end + 2;
    }
}

/// The trailing headers; the empty line behind them may be missing, as some clients leave it out.
fn trailers(body: &Bytes, mut at: usize) -> Option<Vec<(String, String)>> {
    let mut trailers = Vec::new();
    while at < body.len() {
        let (line, next) = line(body, at)?;
        at = next;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some(trailers)
}

/// The line that starts at `at`, and where the next one starts.
fn line(body: &Bytes, at: usize) -> Option<(&str, usize)> {
    let rest = body.get(at..)?;
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    Some((std::str::from_utf8(&rest[..end]).ok()?, at + end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailer(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn unsigned_chunks_with_a_trailing_checksum() {
        let body = Bytes::from_static(b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n");
        let decoded = decode(&body).expect("decodes");
        assert_eq!(&decoded.data[..], b"hello world");
        assert_eq!(decoded.trailers, [trailer("x-amz-checksum-crc32", "DUoRhQ==")]);
    }

    #[test]
    fn signed_chunks_and_a_signed_trailer() {
        let body = Bytes::from_static(
            b"3;chunk-signature=abc\r\na\r\n\r\n0;chunk-signature=def\r\nX-Amz-Checksum-SHA256: eA==\r\nx-amz-trailer-signature:0\r\n\r\n",
        );
        let decoded = decode(&body).expect("decodes");
        assert_eq!(&decoded.data[..], b"a\r\n");
        assert_eq!(decoded.trailers[0], trailer("x-amz-checksum-sha256", "eA=="));
    }

    #[test]
    fn the_empty_body() {
        let decoded = decode(&Bytes::from_static(b"0\r\n\r\n")).expect("decodes");
        assert!(decoded.data.is_empty() && decoded.trailers.is_empty());
        assert!(decode(&Bytes::from_static(b"0\r\n")).is_some());
    }

    #[test]
    fn what_is_cut_short_or_not_chunked_is_refused() {
        for body in [
            "",
            "hello",
            "5\r\nhel",
            "5\r\nhello",
            "5\r\nhelloXX0\r\n\r\n",
            "zz\r\n\r\n",
            "0\r\nno colon\r\n\r\n",
        ] {
            assert_eq!(decode(&Bytes::copy_from_slice(body.as_bytes())), None, "{body}");
        }
        assert_eq!(decode(&Bytes::from_static(b"ffffffffffffffff\r\nx")), None);
    }
}
