//! What S3 answers when it does not do what it was asked.
//!
//! In: the code and message of one error. Out: the status, the headers and the XML body. Codes, statuses and messages are those
//! of S3's "List of error codes", word for word where programs compare them.

use super::xml::Writer;

/// An error answer of S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Elements beside `Code` and `Message`.
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            fields: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// One more XML element.
    pub(crate) fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// One more header.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The body. `ListBuckets` and the like have no resource; a HEAD request shows none of this.
    pub(crate) fn xml(&self, resource: &str, request_id: &str) -> String {
        // Unlike every other answer, errors have no namespace; SDKs accept both.
        let mut document = Writer::document("Error", |xml| {
            xml.text("Code", self.code);
            xml.text("Message", &self.message);
            for (name, value) in &self.fields {
                xml.text(name, value);
            }
            xml.text("Resource", resource);
            xml.text("RequestId", request_id);
            xml.text("HostId", &super::xml::canonical_id(request_id));
        });
        if let Some(start) = document.find(" xmlns=") {
            let end = document[start..]
                .find('>')
                .map_or(document.len(), |offset| start + offset);
            document.replace_range(start..end, "");
        }
        document
    }

    pub(crate) fn no_such_bucket(bucket: &str) -> Self {
        Self::new(404, "NoSuchBucket", "The specified bucket does not exist").field("BucketName", bucket)
    }

    pub(crate) fn no_such_key(key: &str) -> Self {
        Self::new(404, "NoSuchKey", "The specified key does not exist.").field("Key", key)
    }

    pub(crate) fn no_such_version(key: &str, version: &str) -> Self {
        Self::new(404, "NoSuchVersion", "The specified version does not exist.")
            .field("Key", key)
            .field("VersionId", version)
    }

    pub(crate) fn no_such_upload(upload: &str) -> Self {
        let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
        Self::new(404, "NoSuchUpload", message).field("UploadId", upload)
    }

    pub(crate) fn access_denied() -> Self {
        Self::new(403, "AccessDenied", "Access Denied")
    }

    pub(crate) fn precondition_failed(condition: &str) -> Self {
        Self::new(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        )
        .field("Condition", condition)
    }

    pub(crate) fn invalid_argument(message: impl Into<String>, name: &str, value: &str) -> Self {
        Self::new(400, "InvalidArgument", message)
            .field("ArgumentName", name)
            .field("ArgumentValue", value)
    }

    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequest", message)
    }

    pub(crate) fn bad_digest(message: impl Into<String>) -> Self {
        Self::new(400, "BadDigest", message)
    }

    pub(crate) fn malformed_xml() -> Self {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        Self::new(400, "MalformedXML", message)
    }

    pub(crate) fn not_implemented(header: &str) -> Self {
        let message = "A header you provided implies functionality that is not implemented";
        Self::new(501, "NotImplemented", message).field("Header", header)
    }

    pub(crate) fn method_not_allowed(method: &str) -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        )
        .field("Method", method)
    }

    pub(crate) fn missing_lock() -> Self {
        Self::invalid_request("Bucket is missing Object Lock Configuration")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_every_field_and_no_namespace() {
        let refusal = Refusal::no_such_key("a&b").header("x-amz-delete-marker", "true");
        let text = refusal.xml("/bucket/a&b", "R1");
        assert!(
            text.contains(
                "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>a&amp;b</Key>"
            ),
            "{text}"
        );
        assert!(
            text.contains("<Resource>/bucket/a&amp;b</Resource><RequestId>R1</RequestId><HostId>"),
            "{text}"
        );
        assert_eq!(refusal.headers, [("x-amz-delete-marker".to_owned(), "true".to_owned())]);
    }
}
