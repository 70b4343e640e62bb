//! The XML of a request's body.
//!
//! In: the bytes. Out: elements by their names, which are compared without their namespace, because clients send bodies with and
//! without it.

use roxmltree::{Document, Node};

use crate::s3::refusal::Refusal;

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
    use crate::s3::xml::Writer;

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
}
