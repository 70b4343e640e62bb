//! Errors: what is wrong, in no protocol yet, and how each service writes it.

use std::fmt::Write as _;

use serde_json::Value;

use super::reply::{Reply, escape_xml};
use super::service::{Protocol, Service};

/// A refusal, in no protocol yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// Members beside code and message.
    pub(crate) extra: Vec<(String, Value)>,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            extra: Vec::new(),
        }
    }

    /// The error as a service sends it.
    pub(crate) fn render(&self, service: Service, request_id: &str) -> Reply {
        match service.protocol() {
            Protocol::AwsJson(version) => self.aws_json(service, version),
            Protocol::RestJson => self.rest_json(),
            Protocol::Query => self.query_xml(service, request_id),
            Protocol::RestXml => self.s3_xml(request_id),
        }
    }

    /// awsJson: the type is in the body, with the namespace of the service's model where it sends one.
    fn aws_json(&self, service: Service, version: &str) -> Reply {
        let modelled = match service {
            Service::DynamoDb if is_coral(&self.code) => format!("com.amazon.coral.service#{}", self.code),
            Service::DynamoDb => format!("com.amazonaws.dynamodb.v20120810#{}", self.code),
            _ => self.code.clone(),
        };
        // Coral's own exceptions spell `message`, as the modelled ones of these services do too.
        let mut body = serde_json::Map::new();
        body.insert("__type".to_owned(), modelled.into());
        body.insert("message".to_owned(), self.message.clone().into());
        body.extend(self.extra.iter().cloned());
        let mut reply = Reply::with_type(
            self.status,
            &format!("application/x-amz-json-{version}"),
            Value::Object(body).to_string(),
        );
        reply.headers.push(("x-amzn-errortype".to_owned(), self.code.clone()));
        reply
    }

    /// restJson1: the type is in a header; AWS Backup's modelled exceptions repeat it as `Code`, with the null members that AWS
    /// Backup sends.
    fn rest_json(&self) -> Reply {
        let mut body = serde_json::Map::new();
        body.insert("Code".to_owned(), self.code.clone().into());
        body.insert("Message".to_owned(), self.message.clone().into());
        body.insert("Type".to_owned(), Value::Null);
        body.insert("Context".to_owned(), Value::Null);
        body.extend(self.extra.iter().cloned());
        let mut reply = Reply::json(self.status, &Value::Object(body));
        reply.headers.push(("x-amzn-errortype".to_owned(), self.code.clone()));
        reply
    }

    fn query_xml(&self, service: Service, request_id: &str) -> Reply {
        let version = query_version(service);
        let kind = if self.status >= 500 { "Receiver" } else { "Sender" };
        Reply::xml(
            self.status,
            format!(
                "<ErrorResponse xmlns=\"https://{}.amazonaws.com/doc/{version}/\"><Error><Type>{kind}</Type><Code>{}</Code>\
                 <Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
                service.signing_name(),
                escape_xml(&self.code),
                escape_xml(&self.message),
            ),
        )
    }

    fn s3_xml(&self, request_id: &str) -> Reply {
        let mut body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>",
            escape_xml(&self.code),
            escape_xml(&self.message),
        );
        for (name, value) in &self.extra {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = write!(body, "<{name}>{}</{name}>", escape_xml(&text));
        }
        let _ = write!(body, "<RequestId>{request_id}</RequestId></Error>");
        Reply::with_type(self.status, "application/xml", body)
    }
}

/// The version of a service of the query protocol.
fn query_version(service: Service) -> &'static str {
    if service == Service::Iam {
        "2010-05-08"
    } else {
        "2011-06-15"
    }
}

/// Exceptions of the framework under DynamoDB rather than of its model.
fn is_coral(code: &str) -> bool {
    matches!(
        code,
        "ValidationException"
            | "SerializationException"
            | "UnrecognizedClientException"
            | "MissingAuthenticationTokenException"
            | "AccessDeniedException"
            | "ExpiredTokenException"
            | "UnknownOperationException"
            | "ServiceUnavailableException"
    )
}

/// What every service says of credentials that it does not know, and of a Region that the account has not enabled.
pub(crate) fn unknown_token() -> ApiError {
    ApiError::new(
        403,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
}

/// Temporary credentials past their time.
pub(crate) fn expired_token() -> ApiError {
    ApiError::new(
        403,
        "ExpiredTokenException",
        "The security token included in the request is expired",
    )
}

/// The protocol's word for an error that all services share; AWS spells it differently by protocol.
pub(crate) fn in_words_of(service: Service, mut error: ApiError) -> ApiError {
    match (service, error.code.as_str()) {
        (Service::S3, "UnrecognizedClientException") => {
            error.code = "InvalidAccessKeyId".to_owned();
            error.message = "The AWS Access Key Id you provided does not exist in our records.".to_owned();
        }
        (Service::Iam | Service::Sts, "UnrecognizedClientException") => error.code = "InvalidClientTokenId".to_owned(),
        (Service::S3, "ExpiredTokenException") => {
            error.status = 400;
            error.code = "ExpiredToken".to_owned();
            error.message = "The provided token has expired.".to_owned();
        }
        (Service::Iam | Service::Sts, "ExpiredTokenException") => error.code = "ExpiredToken".to_owned(),
        // Services of the awsJson protocols answer 400 whatever is wrong with the caller.
        (Service::DynamoDb | Service::Kms | Service::Organizations | Service::Tagging, _) if error.status == 403 => {
            error.status = 400;
        }
        _ => {}
    }
    error
}

/// A request without a signature.
pub(crate) fn unsigned(service: Service) -> ApiError {
    let (status, code, message) = match service {
        Service::S3 => (403, "AccessDenied", "Access Denied"),
        Service::Iam | Service::Sts => (
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
        Service::Account | Service::Backup | Service::SecurityHub => (
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        _ => (
            400,
            "MissingAuthenticationTokenException",
            "Request is missing Authentication Token",
        ),
    };
    ApiError::new(status, code, message)
}

/// An operation that the service does not have here.
pub(crate) fn unknown_operation(service: Service, name: &str) -> ApiError {
    match service.protocol() {
        Protocol::Query => ApiError::new(
            400,
            "InvalidAction",
            format!("Could not find operation {name} for version {}", query_version(service)),
        ),
        _ => ApiError::new(
            400,
            "UnknownOperationException",
            format!("The sandbox does not simulate {name}."),
        ),
    }
}
