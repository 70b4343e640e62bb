//! Answers that were right, made wrong: another status, another body, members that are not there, pages without end.
//!
//! In: what a service answered, and what a fault makes of it. Out: what goes over the wire. The call itself is done.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::call::{Call, Reply, Service};
use crate::faults::matches;

/// What becomes of every answer that a fault concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Tamper {
    /// HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// The body, instead of the right one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    /// The content type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    /// Members of the JSON body of names like this, at any depth, get the value of `becomes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) member: Option<String>,
    /// A JSON value, as text; `null` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) becomes: Option<String>,
    /// A list is answered with its first page so many times over, each with a token of its own.
    pub(crate) repeat_page: u64,
    /// The same, for ever and with the same token.
    pub(crate) repeat_token: bool,
    /// So many bytes a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes_per_second: Option<u64>,
}

/// Tokens of pages that are repeated; the number of the page follows.
const AGAIN: &str = "again-";

impl Tamper {
    /// What is wrong with it, and at which key.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        if *self == Self::default() {
            return Some(("", "the fault does nothing to the answer".to_owned()));
        }
        if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return Some(("status", "`status` is no final HTTP status".to_owned()));
        }
        if self.bytes_per_second == Some(0) {
            return Some(("bytes-per-second", "`bytes-per-second` is 0".to_owned()));
        }
        let value = self.becomes.as_deref().map(serde_json::from_str::<Value>);
        match (value, &self.member) {
            (Some(Err(error)), _) => Some(("becomes", format!("`becomes` is not JSON: {error}"))),
            (Some(Ok(_)), None) => Some(("becomes", "`becomes` says what, and no `member` says where".to_owned())),
            _ => None,
        }
    }

    /// Makes a request for one of the repeated pages one for the first. Gives the number of the page.
    pub(crate) fn rewind(&self, call: &mut Call) -> u64 {
        if !self.repeats() {
            return 0;
        }
        let is_ours = |text: &str| text.strip_prefix(AGAIN).and_then(|number| number.parse::<u64>().ok());
        let mut page = 0;
        call.query.retain(|(_, value)| match is_ours(value) {
            Some(number) => {
                page = number;
                false
            }
            None => true,
        });
        if let Ok(Value::Object(mut members)) = serde_json::from_slice(&call.body) {
            members.retain(|_, value| match value.as_str().and_then(is_ours) {
                Some(number) => {
                    page = number;
                    false
                }
                None => true,
            });
            call.body = Bytes::from(Value::Object(members).to_string());
        }
        page
    }

    /// Makes an answer wrong.
    pub(crate) fn spoil(&self, reply: &mut Reply, service: Service, page: u64) {
        if let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) {
            if let Some(pattern) = &self.member {
                let text = self.becomes.as_deref().unwrap_or("null");
                let value = serde_json::from_str(text).unwrap_or_default();
                replace(&mut body, pattern, &value);
            }
            let more = self.repeat_token || page + 1 < self.repeat_page;
            if let (true, true, Value::Object(members)) = (self.repeats(), more, &mut body) {
                let number = if self.repeat_token { 0 } else { page + 1 };
                let name = token_of(service, members);
                members.insert(name.to_owned(), format!("{AGAIN}{number}").into());
            }
            if self.member.is_some() || self.repeats() {
                reply.body = Bytes::from(body.to_string());
            }
        }
        if let Some(body) = &self.body {
            reply.body = Bytes::from(body.clone());
        }
        if let Some(status) = self.status {
            reply.status = status;
        }
        if let Some(content_type) = &self.content_type {
            reply.headers.retain(|(name, _)| name != "content-type");
            reply.headers.push(("content-type".to_owned(), content_type.clone()));
        }
    }

    fn repeats(&self) -> bool {
        self.repeat_token || self.repeat_page > 0
    }
}

/// The member in which a service names the next page.
fn token_of(service: Service, members: &Map<String, Value>) -> &'static str {
    match service {
        Service::DynamoDb if members.contains_key("TableNames") => "LastEvaluatedTableName",
        Service::Tagging => "PaginationToken",
        _ => "NextToken",
    }
}

fn replace(body: &mut Value, pattern: &str, value: &Value) {
    match body {
        Value::Object(members) => {
            for (name, member) in members {
                if matches(pattern, name) {
                    *member = value.clone();
                } else {
                    replace(member, pattern, value);
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| replace(element, pattern, value)),
        _ => {}
    }
}
