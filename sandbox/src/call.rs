//! One request and its answer, before any service looks at it.
//!
//! In: method, raw path, headers and body of an HTTP request. Out: the service that it is for and the caller it is from, taken
//! from the credential scope of its signature, and answers and errors in the service's own protocol. Signatures are never
//! verified: the sandbox keeps no secrets, and whoever reaches it may do anything.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::Value;

pub(crate) use crate::api_error::{ApiError, unknown_operation};

/// The services of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Account,
    Backup,
    DynamoDb,
    Kms,
    Organizations,
    S3,
    SecurityHub,
    Sts,
    Tagging,
}

/// How a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// JSON, operation in `X-Amz-Target`; the version is that of the content type.
    AwsJson(&'static str),
    /// Form in, XML out.
    Query,
    /// JSON, operation in method and path.
    RestJson,
    /// XML, operation in method and path; only S3.
    RestXml,
}

impl Service {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Account,
        Self::Backup,
        Self::DynamoDb,
        Self::Kms,
        Self::Organizations,
        Self::S3,
        Self::SecurityHub,
        Self::Sts,
        Self::Tagging,
    ];

    /// The name in the credential scope of a signature.
    pub(crate) fn signing_name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Backup => "backup",
            Self::DynamoDb => "dynamodb",
            Self::Kms => "kms",
            Self::Organizations => "organizations",
            Self::S3 => "s3",
            Self::SecurityHub => "securityhub",
            Self::Sts => "sts",
            Self::Tagging => "tagging",
        }
    }

    /// The prefix of its IAM actions.
    pub(crate) fn iam_prefix(self) -> &'static str {
        match self {
            Self::Tagging => "tag",
            other => other.signing_name(),
        }
    }

    /// The prefix of `X-Amz-Target`, for services of the awsJson protocols.
    pub(crate) fn target_prefix(self) -> Option<&'static str> {
        match self {
            Self::DynamoDb => Some("DynamoDB_20120810"),
            Self::Kms => Some("TrentService"),
            Self::Organizations => Some("AWSOrganizationsV20161128"),
            Self::Tagging => Some("ResourceGroupsTaggingAPI_20170126"),
            Self::Account | Self::Backup | Self::S3 | Self::SecurityHub | Self::Sts => None,
        }
    }

    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Account | Self::Backup | Self::SecurityHub => Protocol::RestJson,
            Self::DynamoDb => Protocol::AwsJson("1.0"),
            Self::Kms | Self::Organizations | Self::Tagging => Protocol::AwsJson("1.1"),
            Self::S3 => Protocol::RestXml,
            Self::Sts => Protocol::Query,
        }
    }

    /// True for services that have one endpoint for all Regions, whatever Region the signature names.
    pub(crate) fn is_global(self) -> bool {
        matches!(self, Self::Account | Self::Organizations | Self::S3)
    }

    /// The service that a request is for: by target, else by credential scope, else by path.
    pub(crate) fn of(headers: &HeaderMap, scope: Option<&Scope>, path: &str, body: &[u8]) -> Option<Self> {
        let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        if let Some((prefix, _)) = target.and_then(|target| target.split_once('.')) {
            return Self::ALL
                .into_iter()
                .find(|service| service.target_prefix() == Some(prefix));
        }
        if let Some(scope) = scope {
            return Self::ALL
                .into_iter()
                .find(|service| service.signing_name() == scope.service);
        }
        let form = headers
            .get("content-type")
            .is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        if form && path == "/" && body.starts_with(b"Action=") {
            return Some(Self::Sts);
        }
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let backup = [
            "backup",
            "backup-vaults",
            "backup-jobs",
            "restore-jobs",
            "copy-jobs",
            "resources",
            "account-settings",
        ];
        match first {
            "listRegions" | "getAccountInformation" => Some(Self::Account),
            _ if backup.contains(&first) => Some(Self::Backup),
            _ => None,
        }
    }
}

/// The credential scope of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) access_key: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl Scope {
    /// Reads `Credential=KEY/DATE/REGION/SERVICE/aws4_request` from the `Authorization` header or, for presigned requests, from
    /// the query. None: the request is not signed, or not by Signature Version 4.
    pub(crate) fn read(headers: &HeaderMap, query: &[(String, String)]) -> Option<Self> {
        let header = headers.get("authorization").and_then(|value| value.to_str().ok());
        let credential = match header {
            Some(header) => header.split_once("Credential=")?.1.split(',').next()?.trim(),
            None => query
                .iter()
                .find(|(name, _)| name == "X-Amz-Credential")
                .map(|(_, value)| value.as_str())?,
        };
        let mut parts = credential.rsplitn(5, '/');
        let (_terminator, service, region, _date, access_key) = (
            parts.next()?,
            parts.next()?,
            parts.next()?,
            parts.next()?,
            parts.next()?,
        );
        Some(Self {
            access_key: access_key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }
}

/// Who calls, and into which Region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// 12 digits.
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) access_key: String,
    /// As `sts:GetCallerIdentity` gives it.
    pub(crate) arn: String,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) caller: Caller,
    pub(crate) method: Method,
    /// Still percent-encoded, without the query: ARNs in it hold slashes of their own.
    pub(crate) path: String,
    /// Decoded.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The virtual clock when the request came.
    pub(crate) now: DateTime<Utc>,
    pub(crate) request_id: String,
}

impl Call {
    /// The operation in `X-Amz-Target`.
    pub(crate) fn target_operation(&self) -> Option<&str> {
        let target = self.headers.get("x-amz-target")?.to_str().ok()?;
        target.split_once('.').map(|(_, operation)| operation)
    }

    /// The members of a JSON body; an empty body is an empty object.
    pub(crate) fn json(&self) -> Result<serde_json::Map<String, Value>, ApiError> {
        if self.body.is_empty() {
            return Ok(serde_json::Map::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(ApiError::new(
                400,
                "SerializationException",
                "Start of structure or map found where not expected.",
            )),
        }
    }
}

/// What a request asks for, before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// As the API names it: `ListBackupVaults`.
    pub(crate) name: &'static str,
    /// The IAM action: `backup:ListBackupVaults`.
    pub(crate) action: String,
    /// The ARN that the action is done to, or `*`.
    pub(crate) resource: String,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
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
        }
    }

    /// A body of any type.
    pub(crate) fn with_type(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
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

/// The pairs of a query string or of a form; `+` is a space.
pub(crate) fn decode_pairs(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name), decode(value))
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// Tags as a list of `{Key, Value}` objects, in order.
pub(crate) fn tag_list(tags: &BTreeMap<String, String>) -> Value {
    tags.iter()
        .map(|(key, value)| serde_json::json!({ "Key": key, "Value": value }))
        .collect()
}
