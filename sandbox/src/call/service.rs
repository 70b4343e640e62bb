//! Which service a request is for, and the credential scope of its signature.
//!
//! In: headers, query, path and body of an HTTP request. Out: the service, and how it speaks. Signatures are never verified: the
//! sandbox keeps no secrets, and whoever reaches it may do anything.

use hyper::HeaderMap;

/// The services of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Account,
    Backup,
    DynamoDb,
    Iam,
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
    pub(crate) const ALL: [Self; 10] = [
        Self::Account,
        Self::Backup,
        Self::DynamoDb,
        Self::Iam,
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
            Self::Iam => "iam",
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
    fn target_prefix(self) -> Option<&'static str> {
        match self {
            Self::DynamoDb => Some("DynamoDB_20120810"),
            Self::Kms => Some("TrentService"),
            Self::Organizations => Some("AWSOrganizationsV20161128"),
            Self::Tagging => Some("ResourceGroupsTaggingAPI_20170126"),
            Self::Account | Self::Backup | Self::Iam | Self::S3 | Self::SecurityHub | Self::Sts => None,
        }
    }

    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Account | Self::Backup | Self::SecurityHub => Protocol::RestJson,
            Self::DynamoDb => Protocol::AwsJson("1.0"),
            Self::Kms | Self::Organizations | Self::Tagging => Protocol::AwsJson("1.1"),
            Self::S3 => Protocol::RestXml,
            Self::Iam | Self::Sts => Protocol::Query,
        }
    }

    /// True for services that have one endpoint for all Regions, whatever Region the signature names.
    pub(crate) fn is_global(self) -> bool {
        matches!(self, Self::Account | Self::Iam | Self::Organizations | Self::S3)
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
