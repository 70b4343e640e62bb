//! The log of writes: every call that changed something, so that a test can show that nothing else was touched.
//!
//! In: a call that was done. Out: when, by whom, what, to what, with which parameters, and what was answered. Calls that were
//! refused are not in it, nor those that found everything as they wanted it: an idempotent repetition, a setting that is so
//! already. A call whose answer was lost on the way is.

use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::call::{Call, Form, Operation, Reply};

/// Longer bodies are not kept.
const MAX_BODY: usize = 64 * 1024;

/// A call that changed something.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Counts from 1, through the life of the sandbox.
    pub number: u64,
    /// The virtual time.
    pub at: DateTime<Utc>,
    /// The caller's account.
    pub account: String,
    /// The Region that the call was signed for.
    pub region: String,
    /// The caller, as `sts:GetCallerIdentity` gives it.
    pub caller: String,
    /// The IAM action, such as `backup:CreateBackupVault`.
    pub action: String,
    /// The ARN that the action was done to; `*` for what has none before it is made.
    pub resource: String,
    /// The decoded path; `/` of services that have no other.
    pub path: String,
    /// The parameters in the body. Null: none, no text, or too many.
    pub parameters: Value,
    /// The answer. Null: empty or XML.
    pub answer: Value,
    /// The answer did not reach the caller whole.
    pub lost: bool,
}

/// All of them, in their order.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    pub(crate) list: Vec<Write>,
    last: u64,
}

impl Writes {
    /// Takes down a call that was done.
    pub(crate) fn note(&mut self, call: &Call, operation: &Operation, reply: &Reply, lost: bool) {
        if !operation.is_write() || reply.says_unchanged() {
            return;
        }
        self.last += 1;
        self.list.push(Write {
            number: self.last,
            at: call.now,
            account: call.caller.account.clone(),
            region: call.caller.region.clone(),
            caller: call.caller.arn.clone(),
            action: operation.action.clone(),
            resource: operation.resource.clone(),
            path: percent_decode_str(&call.path).decode_utf8_lossy().into_owned(),
            parameters: parameters(call),
            answer: serde_json::from_slice(&reply.body).unwrap_or_default(),
            lost,
        });
    }

    /// Forgets them; numbers go on.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
    }

    /// As `GET /_sandbox/writes` shows them.
    pub(crate) fn to_json(&self) -> Value {
        let shown = |write: &Write| {
            json!({
                "number": write.number,
                "at": write.at.to_rfc3339_opts(SecondsFormat::Millis, true),
                "account": write.account,
                "region": write.region,
                "caller": write.caller,
                "action": write.action,
                "resource": write.resource,
                "path": write.path,
                "parameters": write.parameters,
                "answer": write.answer,
                "lost": write.lost,
            })
        };
        json!({ "writes": self.list.iter().map(shown).collect::<Vec<_>>() })
    }
}

fn parameters(call: &Call) -> Value {
    if call.body.len() > MAX_BODY {
        return Value::Null;
    }
    let form = call
        .headers
        .get("content-type")
        .is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if form {
        return Form::of(call)
            .all()
            .filter(|(name, _)| name != "Action" && name != "Version")
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect::<serde_json::Map<_, _>>()
            .into();
    }
    serde_json::from_slice(&call.body).unwrap_or_default()
}
