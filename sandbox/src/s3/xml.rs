//! XML of S3's answers.
//!
//! In: names and texts. Out: a document.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};

/// A document that is being written.
pub(crate) struct Writer(String);

impl Writer {
    /// Writes one document: the XML declaration, and the root element in S3's namespace.
    pub(crate) fn document(root: &str, build: impl FnOnce(&mut Self)) -> String {
        let mut writer = Self(String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
        let _ = write!(writer.0, "<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        build(&mut writer);
        let _ = write!(writer.0, "</{root}>");
        writer.0
    }

    /// An element with elements inside.
    pub(crate) fn element(&mut self, name: &str, build: impl FnOnce(&mut Self)) {
        let _ = write!(self.0, "<{name}>");
        build(self);
        let _ = write!(self.0, "</{name}>");
    }

    /// An element with text inside.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        let _ = write!(self.0, "<{name}>");
        escape(&mut self.0, text);
        let _ = write!(self.0, "</{name}>");
    }

    /// Text right inside the element that is being written.
    pub(crate) fn raw(&mut self, text: &str) {
        escape(&mut self.0, text);
    }

    /// An element with text inside, left out if there is none.
    pub(crate) fn maybe(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// The owner of a bucket, an object or an upload.
    pub(crate) fn owner(&mut self, name: &str, account: &str) {
        self.element(name, |xml| xml.text("ID", &canonical_id(account)));
    }
}

/// The canonical user id of an account: 64 hexadecimal digits, derived from the account id.
pub(crate) fn canonical_id(account: &str) -> String {
    super::checksum::sha256_hex(account.as_bytes())
}

fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no way to write these; S3 writes the reference all the same, and asks for encoding-type=url.
            control if control < ' ' => {
                let _ = write!(out, "&#x{:x};", u32::from(control));
            }
            plain => out.push(plain),
        }
    }
}

/// A time as S3's XML has it.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A time as HTTP headers have it.
pub(crate) fn http_time(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_both_forms() {
        let at = DateTime::parse_from_rfc3339("2025-03-04T05:06:07.089Z")
            .expect("a time")
            .to_utc();
        assert_eq!(time(at), "2025-03-04T05:06:07.089Z");
        assert_eq!(http_time(at), "Tue, 04 Mar 2025 05:06:07 GMT");
    }
}
