//! What an answer tells beside what the SDK makes of it: AWS's clock, and whether the body is whole.
//!
//! The SDK reads a missing list as an empty one, drops `null` inside a list, and takes an error shape under HTTP status 200
//! for an answer that says nothing. So the body is looked at once more, before such an answer can pass for good news.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

tokio::task_local! {
    static ANSWER: Answer;
}

/// The last answer to one request. Clones are the same answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer(Arc<Mutex<Noted>>);

/// What is noted of an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Noted {
    /// AWS's clock when it answered; none without a `Date` header.
    pub date: Option<DateTime<Utc>>,
    /// HTTP status 206: half an answer.
    pub is_partial: bool,
    /// The header that names an error.
    pub error: Option<String>,
    /// The body; none where it is not JSON (S3 and STS answer in XML).
    pub body: Option<Body>,
}

/// The shape of a JSON body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Body {
    /// Lists that are members of the body itself.
    pub lists: usize,
    /// Elements of lists, at any depth, that are `null`.
    pub nulls: usize,
    /// Objects that name a key without its value, or a value without its key: a tag or a condition, of which the SDK makes
    /// one with an empty text.
    pub halves: usize,
    /// Code and message, if the body is an error.
    pub error: Option<(String, String)>,
}

impl Answer {
    /// What was noted so far.
    pub fn read(&self) -> Noted {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a request whose answer is noted in `answer`, if its client has a [`ReadAnswer`].
pub(super) async fn noted<F: Future>(answer: &Answer, send: F) -> F::Output {
    ANSWER.scope(answer.clone(), send).await
}

/// Notes every answer of a client.
#[derive(Debug)]
pub(super) struct ReadAnswer;

impl Intercept for ReadAnswer {
    fn name(&self) -> &'static str {
        "ReadAnswer"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let date = response.headers().get("date");
        let date = date.and_then(|text| DateTime::parse_from_rfc2822(text).ok());
        // Requests that nobody notes, such as those for credentials, have no place for it.
        let _ = ANSWER.try_with(|answer| {
            *answer.lock() = Noted {
                date: date.map(|date| date.with_timezone(&Utc)),
                is_partial: response.status().as_u16() == 206,
                error: response.headers().get("x-amzn-errortype").map(str::to_owned),
                body: None,
            };
        });
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let _ = ANSWER.try_with(|answer| {
            // A body that is streamed is not in memory; nothing is asked of it here.
            answer.lock().body = context.response().body().bytes().and_then(Body::of);
        });
        Ok(())
    }
}

impl Body {
    /// The shape of a body; none if it is not JSON. No body at all holds no list.
    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let members = value.as_object();
        let is_list = |value: &&Value| value.is_array();
        let ours = |member: &(&String, &Value)| !DATA.contains(&member.0.as_str());
        Some(Self {
            lists: members.map_or(0, |members| members.values().filter(is_list).count()),
            nulls: nulls_in_lists(&value),
            halves: members.map_or_else(
                || halves(&value),
                |members| {
                    half(members)
                        + members
                            .iter()
                            .filter(ours)
                            .map(|(_, value)| halves(value))
                            .sum::<usize>()
                },
            ),
            error: members.and_then(error),
        })
    }
}

fn nulls_in_lists(value: &Value) -> usize {
    match value {
        Value::Array(elements) => elements
            .iter()
            .map(|element| if element.is_null() { 1 } else { nulls_in_lists(element) })
            .sum(),
        Value::Object(members) => members.values().map(nulls_in_lists).sum(),
        _ => 0,
    }
}

/// Members that hold items of a table: what is called how in them is people's own affair.
const DATA: [&str; 4] = ["Items", "LastEvaluatedKey", "Responses", "UnprocessedKeys"];

/// Names of members that come in pairs.
const PAIRS: [(&str, &str); 2] = [("Key", "Value"), ("ConditionKey", "ConditionValue")];

fn halves(value: &Value) -> usize {
    match value {
        Value::Array(elements) => elements.iter().map(halves).sum(),
        Value::Object(members) => half(members) + members.values().map(halves).sum::<usize>(),
        _ => 0,
    }
}

/// Is one member of a pair there without the other?
fn half(members: &Map<String, Value>) -> usize {
    let is_text = |name: &str| members.get(name).is_some_and(Value::is_string);
    let is_half = PAIRS.iter().any(|(key, value)| {
        (members.contains_key(*key) || members.contains_key(*value)) && !(is_text(key) && is_text(value))
    });
    usize::from(is_half)
}

/// Code and message of a body that names an error, or holds nothing but what errors hold.
fn error(members: &Map<String, Value>) -> Option<(String, String)> {
    let (mut code, mut message) = ("", "");
    for (name, value) in members {
        match (name.to_ascii_lowercase().as_str(), value) {
            ("__type" | "code", Value::String(text)) => code = text,
            ("message", Value::String(text)) => message = text,
            _ if members.contains_key("__type") => {}
            _ => return None,
        }
    }
    // `com.amazonaws.dynamodb.v20120810#ThrottlingException` and `ThrottlingException:http://…` are the same code.
    (!members.is_empty()).then(|| (name_of(code).to_owned(), message.to_owned()))
}

/// The name of an error code, without namespace and address.
pub(super) fn name_of(code: &str) -> &str {
    let code = code.rsplit('#').next().unwrap_or_default();
    code.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Body {
        Body::of(text.as_bytes()).expect("JSON")
    }

    #[test]
    fn an_error_is_told_from_an_answer() {
        for (text, error) in [
            (r#"{"__type":"a.b#Denied","message":"no"}"#, Some(("Denied", "no"))),
            (r#"{"Code":"Denied:http://x/","Message":"no"}"#, Some(("Denied", "no"))),
            (r#"{"message":"no"}"#, Some(("", "no"))),
            (r#"{"__type":"a.b#Denied","TableNames":[]}"#, Some(("Denied", ""))),
            (r#"{"message":"no","TableNames":[]}"#, None),
            (r#"{"message":null}"#, None),
            ("{}", None),
            ("null", None),
        ] {
            let told = body(text).error;
            let told = told.as_ref().map(|(code, message)| (code.as_str(), message.as_str()));
            assert_eq!(told, error, "{text}");
        }
    }

    #[test]
    fn lists_and_what_is_missing_in_them_are_counted() {
        let shape = |text| (body(text).lists, body(text).nulls);
        assert_eq!(shape(r#"{"A":[1,null,[null,{"B":[null]}]],"C":null}"#), (1, 3));
        assert_eq!(shape(r#"{"A":null}"#), (0, 0));
        assert_eq!(shape("[null]"), (0, 1));
        let halves = |text| body(text).halves;
        assert_eq!(
            halves(r#"{"Tags":[{"Key":"a","Value":""},{"Key":"a"},{"Value":"b"},{"Key":null,"Value":"c"}]}"#),
            3
        );
        assert_eq!(
            halves(r#"{"KeyId":"a","Conditions":[{"ConditionKey":"a","ConditionValue":null}]}"#),
            1
        );
        // Items of tables may have attributes of any name.
        assert_eq!(
            halves(r#"{"Items":[{"Key":{"S":"a"}}],"LastEvaluatedKey":{"Key":{"S":"a"}}}"#),
            0
        );
        assert_eq!(
            halves(r#"{"Responses":{"T":[{"Value":{"S":"a"}}]},"Tags":[{"Key":"a"}]}"#),
            1
        );
        assert_eq!(Body::of(b"<Response/>"), None);
        assert_eq!(Body::of(b""), Some(Body::default()));
    }
}
