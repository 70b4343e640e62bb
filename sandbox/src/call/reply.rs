//! An answer, in the protocol of its service.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::service::{Protocol, Service};

/// The header of an answer to a write that changed nothing.
const UNCHANGED: &str = "x-sandbox-unchanged";

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// Read capacity units of DynamoDB that the answer took.
    pub(crate) read_units: f64,
}

impl Reply {
    /// JSON without a content type of a certain protocol version.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::with_type(status, "application/json", body.to_string())
    }

    /// An answer of an awsJson service.
    pub(crate) fn aws_json(service: Service, body: &Value) -> Self {
        match service.protocol() {
            Protocol::AwsJson(version) => {
                Self::with_type(200, &format!("application/x-amz-json-{version}"), body.to_string())
            }
            _ => Self::json(200, body),
        }
    }

    /// XML, complete with its declaration.
    pub(crate) fn xml(status: u16, body: impl Into<Bytes>) -> Self {
        Self::with_type(status, "text/xml", body)
    }

    /// No body.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            read_units: 0.0,
        }
    }

    /// Marks the answer to a write that changed nothing: what was asked for was so already.
    pub(crate) fn unchanged(mut self) -> Self {
        self.headers.push((UNCHANGED.to_owned(), "true".to_owned()));
        self
    }

    /// Marks the answer unless something was changed.
    pub(crate) fn unchanged_unless(self, changed: bool) -> Self {
        if changed { self } else { self.unchanged() }
    }

    /// Whether the answer says that nothing was changed.
    pub(crate) fn says_unchanged(&self) -> bool {
        self.headers.iter().any(|(name, _)| name == UNCHANGED)
    }

    /// A body of any type.
    pub(crate) fn with_type(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
            read_units: 0.0,
        }
    }

    /// Notes how many read capacity units the answer took.
    pub(crate) fn reading(self, read_units: f64) -> Self {
        Self { read_units, ..self }
    }
}

/// Text as the content of an XML element.
pub(crate) fn escape_xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
    out
}

/// Tags as a list of `{Key, Value}` objects, in order.
pub(crate) fn tag_list(tags: &BTreeMap<String, String>) -> Value {
    tags.iter()
        .map(|(key, value)| serde_json::json!({ "Key": key, "Value": value }))
        .collect()
}
