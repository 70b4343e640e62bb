//! Calls of the unit tests: an S3 of one account, asked the way clients ask.

use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};

use crate::call::{Call, Reply, Service, decode_pairs};
use crate::cloud::Cloud;

/// A call of account 111122223333 into us-east-1.
pub(crate) fn call(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Call {
    let mut call = crate::testing::call(Service::S3, "111122223333", "us-east-1");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    call.method = Method::from_bytes(method.as_bytes()).expect("a method");
    call.path = path.to_owned();
    call.query = decode_pairs(query);
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        call.headers
            .append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
    }
    call.body = body.as_bytes().to_vec().into();
    call
}

/// A simulated AWS and who talks to it.
pub(crate) struct Client {
    pub(crate) cloud: Cloud,
    pub(crate) account: &'static str,
    pub(crate) region: &'static str,
}

/// What came back, in comparable form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self {
            cloud: crate::testing::cloud(),
            account: "111122223333",
            region: "us-east-1",
        }
    }

    /// A client with an empty bucket `box`.
    pub(crate) fn with_bucket(headers: &[(&str, &str)]) -> Self {
        let mut client = Self::new();
        assert_eq!(client.send("PUT", "/box", headers, "").status, 200);
        client
    }

    pub(crate) fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut call = call(method, target, headers, body);
        call.caller.account = self.account.to_owned();
        call.caller.region = self.region.to_owned();
        call.now = self.cloud.now();
        let reply = match super::api::route(&self.cloud, &call) {
            Ok(operation) => super::api::handle(&mut self.cloud, &call, &operation),
            Err(error) => Err(error),
        };
        let Reply {
            status, headers, body, ..
        } = reply.unwrap_or_else(|error| error.render(Service::S3, "R"));
        Answer {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// A call without headers or body.
    pub(crate) fn ask(&mut self, method: &str, target: &str) -> Answer {
        self.send(method, target, &[], "")
    }

    /// A put, which must succeed.
    pub(crate) fn put(&mut self, key: &str, body: &str) -> Answer {
        let answer = self.send("PUT", &format!("/box/{key}"), &[], body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    /// The text of the first element with this name.
    pub(crate) fn text(&self, element: &str) -> Option<&str> {
        self.texts(element).into_iter().next()
    }

    /// The texts of all elements with this name.
    pub(crate) fn texts(&self, element: &str) -> Vec<&str> {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        self.body
            .split(&open)
            .skip(1)
            .filter_map(|rest| rest.split(&close).next())
            .collect()
    }

    /// Status and error code.
    pub(crate) fn error(&self) -> (u16, &str) {
        (self.status, self.text("Code").unwrap_or_default())
    }
}
