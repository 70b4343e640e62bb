//! XML of S3's requests and answers.
//!
//! In: names and texts, or a request's body. Out: a document, or its first-level view. Names are compared without their
//! namespace, because clients send bodies with and without it.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use roxmltree::{Document, Node};

use super::refusal::Refusal;

/// A document that is being written.
pub(super) struct Writer(String);

impl Writer {
    /// Writes one document: the XML declaration, and the root element in S3's namespace.
    pub(super) fn document(root: &str, build: impl FnOnce(&mut Self)) -> String {
        let mut writer = Self(String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
        let _ = write!(writer.0, "<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        build(&mut writer);
        let _ = write!(writer.0, "</{root}>");
        writer.0
    }

    /// An element with elements inside.
    pub(super) fn element(&mut self, name: &str, build: impl FnOnce(&mut Self)) {
        let _ = write!(self.0, "<{name}>");
        build(self);
        let _ = write!(self.0, "</{name}>");
    }

    /// An element with text inside.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        let _ = write!(self.0, "<{name}>");
        escape(&mut self.0, text);
        let _ = write!(self.0, "</{name}>");
    }

    /// Text right inside the element that is being written.
    pub(super) fn raw(&mut self, text: &str) {
        escape(&mut self.0, text);
    }

    /// An element with text inside, left out if there is none.
    pub(super) fn maybe(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// The owner of a bucket, an object or an upload.
    pub(super) fn owner(&mut self, name: &str, account: &str) {
        self.element(name, |xml| xml.text("ID", &canonical_id(account)));
    }
}

/// The canonical user id of an account: 64 hexadecimal digits, derived from the account id.
pub(super) fn canonical_id(account: &str) -> String {
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
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A time as HTTP headers have it.
pub(super) fn http_time(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads a request's body, whose root must be `root`.
pub(super) fn parse<T>(
    body: &[u8],
    root: &str,
    read: impl FnOnce(Node<'_, '_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::malformed_xml())?;
    let document = Document::parse(text).map_err(|_| Refusal::malformed_xml())?;
    let element = document.root_element();
    if element.tag_name().name() != root {
        return Err(Refusal::malformed_xml());
    }
    read(element)
}

/// The child elements with this name.
pub(super) fn children<'a, 'b: 'a>(node: Node<'a, 'b>, name: &'static str) -> impl Iterator<Item = Node<'a, 'b>> {
    node.children()
        .filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// The first child element with this name.
pub(super) fn child<'a, 'b: 'a>(node: Node<'a, 'b>, name: &'static str) -> Option<Node<'a, 'b>> {
    children(node, name).next()
}

/// The text of the first child element with this name; an empty element has the empty text.
pub(super) fn child_text<'a, 'b: 'a>(node: Node<'a, 'b>, name: &'static str) -> Option<&'a str> {
    child(node, name).map(|child| child.text().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_read_back() {
        let nasty = "a<b>&\"c\"'d' \u{202e}=cmd()|\u{1F600}";
        let document = Writer::document("Root", |xml| {
            xml.text("Key", nasty);
            xml.maybe("None", None);
            xml.element("Inner", |xml| xml.text("Empty", ""));
        });
        let (key, empty) = parse(document.as_bytes(), "Root", |root| {
            let inner = child(root, "Inner").expect("Inner");
            assert!(child(root, "None").is_none());
            Ok((
                child_text(root, "Key").map(str::to_owned),
                child_text(inner, "Empty").map(str::to_owned),
            ))
        })
        .expect("parses");
        assert_eq!(key.as_deref(), Some(nasty));
        assert_eq!(empty.as_deref(), Some(""));
    }

    #[test]
    fn another_root_and_broken_xml_are_malformed() {
        for body in ["<Other/>", "<Root>", "", "\u{0}"] {
            assert!(parse(body.as_bytes(), "Root", |_| Ok(())).is_err(), "{body}");
        }
        assert!(parse(b"\xff\xfe", "Root", |_| Ok(())).is_err());
        assert!(
            parse(
                b"<Root xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>",
                "Root",
                |_| Ok(())
            )
            .is_ok()
        );
    }

    #[test]
    fn times_have_both_forms() {
        let at = DateTime::parse_from_rfc3339("2025-03-04T05:06:07.089Z")
            .expect("a time")
            .to_utc();
        assert_eq!(time(at), "2025-03-04T05:06:07.089Z");
        assert_eq!(http_time(at), "Tue, 04 Mar 2025 05:06:07 GMT");
    }
}
