//! What an SDK error means for an audit: denied, throttled, absent, unsupported, expired, or simply failed.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::domain::GapKind;

/// What rustls says of a certificate that it does not trust; the SDK keeps no kind of it.
const UNTRUSTED: &str = "invalid peer certificate";

/// Neither a connection nor an answer came while it was waited for.
pub(super) const NO_ANSWER: &str = "no answer in time";

/// How a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What kind of failure.
    pub(crate) kind: FailureKind,
    /// AWS's error code; empty if no answer came.
    pub(crate) code: String,
    /// AWS's message, or what went wrong on the way.
    pub(crate) message: String,
    /// May another attempt help?
    pub(crate) is_retryable: bool,
    /// Request id, if an answer came.
    pub(crate) request_id: Option<String>,
    /// The IAM action of the call; empty where it was none.
    pub(crate) action: &'static str,
}

/// Either the thing does not exist, or it could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// AWS says that it does not exist. Knowledge, not a gap.
    Absent,
    /// It could not be read.
    Gap(GapKind),
}

impl Failure {
    /// An answer came that is not what was asked for.
    pub(crate) fn broken(why: &str, request_id: Option<String>) -> Self {
        Self {
            kind: FailureKind::Gap(GapKind::Failed),
            code: String::new(),
            message: why.to_owned(),
            is_retryable: false,
            request_id,
            action: "",
        }
    }

    /// An error that came under a status of success: a gap, whatever it says. That something does not exist is believed
    /// only of an answer that is right in itself.
    pub(crate) fn answered(code: &str, message: &str, request_id: Option<String>) -> Self {
        let (kind, is_retryable) = match kind_of(code, 200) {
            (FailureKind::Absent, _) => (FailureKind::Gap(GapKind::Failed), false),
            gap => gap,
        };
        Self {
            kind,
            code: code.to_owned(),
            message: message.to_owned(),
            is_retryable,
            request_id,
            action: "",
        }
    }

    /// `code: message`, for reports and messages.
    pub(crate) fn why(&self) -> String {
        match (self.code.is_empty(), self.message.is_empty()) {
            (true, _) => self.message.clone(),
            (false, true) => self.code.clone(),
            (false, false) => format!("{}: {}", self.code, self.message),
        }
    }

    /// `code from action: message`, for messages about one call.
    pub(crate) fn of(&self, action: &str) -> String {
        match (self.code.is_empty(), self.message.is_empty()) {
            (true, _) => format!("{} (from {action})", self.message),
            (false, true) => format!("{} from {action}", self.code),
            (false, false) => format!("{} from {action}: {}", self.code, self.message),
        }
    }

    /// The same with the call's own action, where it was a call.
    pub(crate) fn told(&self) -> String {
        match self.action {
            "" => self.why(),
            action => self.of(action),
        }
    }

    /// Did AWS ask for fewer calls?
    pub(crate) fn is_throttling(&self) -> bool {
        self.kind == FailureKind::Gap(GapKind::Throttled)
    }

    /// May a call that failed so have been done all the same, or an attempt at it before? Not where AWS says that the caller may
    /// not do it.
    pub(crate) fn leaves_open(&self) -> bool {
        let is_denial = self.kind == FailureKind::Gap(GapKind::Denied);
        self.is_retryable || (!self.code.is_empty() && !is_denial)
    }

    /// Was the certificate of whatever answered not trusted? No further attempt changes that.
    pub(crate) fn is_untrusted(&self) -> bool {
        self.message.contains(UNTRUSTED)
    }

    /// The word of the call log.
    pub(crate) fn outcome(&self) -> &'static str {
        match self.kind {
            FailureKind::Absent => "absent",
            FailureKind::Gap(kind) => kind.as_str(),
        }
    }
}

/// Sorts an SDK error.
pub(crate) fn classify<E>(error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let request_id = error.raw_response().and_then(request_id_of);
    let fail = |kind: GapKind, code: &str, message: String, is_retryable: bool| Failure {
        kind: FailureKind::Gap(kind),
        code: code.to_owned(),
        message,
        is_retryable,
        request_id: request_id.clone(),
        action: "",
    };
    match error {
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or_default();
            let message = context.err().message().unwrap_or_default().to_owned();
            let (kind, is_retryable) = kind_of(code, status.unwrap_or(0));
            let message = match status {
                _ if !code.is_empty() || !message.is_empty() => message,
                Some(200..=299) => format!("the answer cannot be read: {}", chain(context.err())),
                status => format!("HTTP status {}", status.unwrap_or(0)),
            };
            Failure {
                kind,
                code: code.to_owned(),
                message,
                is_retryable,
                request_id: request_id.clone(),
                action: "",
            }
        }
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            fail(GapKind::Failed, "", NO_ANSWER.to_owned(), true)
        }
        SdkError::TimeoutError(_) => fail(GapKind::Failed, "", NO_ANSWER.to_owned(), true),
        SdkError::DispatchFailure(_) => {
            let why = chain(error);
            let is_retryable = !why.contains(UNTRUSTED);
            fail(GapKind::Failed, "", why, is_retryable)
        }
        SdkError::ResponseError(_) => match status {
            // An answer that is not of this protocol: whatever listens there is not this service.
            Some(status @ (404 | 405 | 501)) => fail(
                GapKind::Unsupported,
                "",
                format!("HTTP status {status} without an AWS error"),
                false,
            ),
            Some(status @ 400..=499) => fail(
                GapKind::Failed,
                "",
                format!("HTTP status {status}: {}", chain(error)),
                false,
            ),
            _ => fail(GapKind::Failed, "", chain(error), true),
        },
        _ => fail(GapKind::Failed, "", chain(error), false),
    }
}

fn kind_of(code: &str, status: u16) -> (FailureKind, bool) {
    use FailureKind::{Absent, Gap};
    match code {
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "ProvisionedThroughputExceededException"
        | "SlowDown"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete" => (Gap(GapKind::Throttled), true),
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" | "TokenRefreshRequired" => {
            (Gap(GapKind::Expired), false)
        }
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "AuthFailure"
        | "OptInRequired"
        | "SubscriptionRequiredException" => (Gap(GapKind::NotEnabled), false),
        "UnknownOperationException"
        | "UnknownOperation"
        | "UnsupportedOperation"
        | "InvalidAction"
        | "NotImplemented" => (Gap(GapKind::Unsupported), false),
        "ResourceNotFoundException" | "TableNotFoundException" | "NotFoundException" | "NoSuchEntity" => {
            (Absent, false)
        }
        "RequestTimeout"
        | "RequestTimeoutException"
        | "InternalError"
        | "InternalServerError"
        | "ServiceUnavailableException"
        | "ServiceUnavailable" => (Gap(GapKind::Failed), true),
        _ if code.contains("AccessDenied") || code.contains("NotAuthorized") || code == "UnauthorizedOperation" => {
            (Gap(GapKind::Denied), false)
        }
        _ => match status {
            429 => (Gap(GapKind::Throttled), true),
            500..=599 if status != 501 => (Gap(GapKind::Failed), true),
            403 => (Gap(GapKind::Denied), false),
            404 | 405 | 501 => (Gap(GapKind::Unsupported), false),
            _ => (Gap(GapKind::Failed), false),
        },
    }
}

fn request_id_of(response: &HttpResponse) -> Option<String> {
    ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"]
        .into_iter()
        .find_map(|name| response.headers().get(name))
        .map(str::to_owned)
}

/// The error and its causes, the outermost last: the cause says more than `dispatch failure`.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(current) = next {
        let text = current.to_string();
        if parts.last() != Some(&text) {
            parts.push(text);
        }
        next = current.source();
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        let gap = FailureKind::Gap;
        for (code, status, kind) in [
            ("ThrottlingException", 400, gap(GapKind::Throttled)),
            ("AccessDeniedException", 403, gap(GapKind::Denied)),
            ("AccessDenied", 403, gap(GapKind::Denied)),
            ("ExpiredTokenException", 400, gap(GapKind::Expired)),
            ("UnrecognizedClientException", 403, gap(GapKind::NotEnabled)),
            ("ResourceNotFoundException", 400, FailureKind::Absent),
            ("TableNotFoundException", 400, FailureKind::Absent),
            ("NoSuchEntity", 404, FailureKind::Absent),
            ("ServiceUnavailableException", 500, gap(GapKind::Failed)),
            ("", 503, gap(GapKind::Failed)),
            ("", 404, gap(GapKind::Unsupported)),
            ("UnknownOperationException", 400, gap(GapKind::Unsupported)),
            ("InvalidParameterValueException", 400, gap(GapKind::Failed)),
        ] {
            assert_eq!(kind_of(code, status).0, kind, "{code} {status}");
        }
    }
}
