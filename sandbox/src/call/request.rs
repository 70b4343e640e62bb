//! One request: who calls, for what.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::error::ApiError;
use super::service::Service;

const PASSED: &str = "IamRoleArn";

/// Who calls, and into which Region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// 12 digits.
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) access_key: String,
    /// As `sts:GetCallerIdentity` gives it.
    pub(crate) arn: String,
    /// `aws:PrincipalArn`: the ARN of the user, or of the role behind a session, with its path.
    pub(crate) principal: String,
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
    /// What faults leave of a batch.
    pub(crate) allowance: Allowance,
}

/// What faults leave of a batch of DynamoDB: the rest comes back unprocessed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Allowance {
    /// It stops once so many read units are used up. None: it does not.
    pub(crate) read_units: Option<f64>,
    /// One of so many of its members, counted from one that changes from call to call, comes back. None: none does.
    pub(crate) leaves_every: Option<(u64, u64)>,
}

impl Allowance {
    /// Whether a member of a batch, by its number, comes back. The first never does: DynamoDB then refuses the whole batch.
    pub(crate) fn leaves(self, number: usize) -> bool {
        let number = number as u64;
        number > 0
            && self
                .leaves_every
                .is_some_and(|(every, from)| (number + from).is_multiple_of(every))
    }
}

impl Call {
    /// The operation in `X-Amz-Target`.
    pub(crate) fn target_operation(&self) -> Option<&str> {
        let target = self.headers.get("x-amz-target")?.to_str().ok()?;
        target.split_once('.').map(|(_, operation)| operation)
    }

    /// The role that a call of AWS Backup hands over, which needs `iam:PassRole`: `IamRoleArn` of its body, or of a member of it.
    pub(crate) fn passed_role(&self) -> Option<String> {
        if self.service != Service::Backup {
            return None;
        }
        let body = self.json().ok()?;
        let inner = body.values().find_map(|member| member.get(PASSED));
        body.get(PASSED).or(inner)?.as_str().map(str::to_owned)
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

impl Operation {
    /// Whether it changes something when it succeeds. Assuming a role and signing change nothing that anybody can see.
    pub(crate) fn is_write(&self) -> bool {
        const WRITES: [&str; 18] = [
            "Abort", "Attach", "Batch", "Cancel", "Complete", "Copy", "Create", "Delete", "Detach", "Disable",
            "Enable", "Put", "Schedule", "Start", "Stop", "Tag", "Untag", "Up",
        ];
        self.name != "BatchGetItem" && WRITES.iter().any(|verb| self.name.starts_with(verb))
    }
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
