//! A client of a few lines: one connection, one request after the other.

use std::io;

use backproof_sandbox::{Sandbox, World};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Two accounts; the clock stands at noon of 1 November 2026.
pub(crate) const WORLD: &str = r#"
now = 2026-11-01T12:00:00Z
frozen = true
history-days = 3

[organization]
management-account = "111122223333"

[[account]]
id = "111122223333"
name = "payments"
access-keys = ["AKIAPAYMENTS"]
regions = ["eu-west-1", "us-east-1"]

[[account]]
id = "444455556666"
name = "archive"
regions = ["eu-west-1"]
roles = ["Audit"]

[[table]]
account = "111122223333"
region = "eu-west-1"
name = "orders"
items = 20
tags = { team = "pay" }

[[table]]
account = "444455556666"
region = "eu-west-1"
name = "ledger-{n}"
count = 3
"#;

/// Starts the sandbox with a world, or with [`WORLD`] and something more.
pub(crate) async fn start(more: &str) -> Sandbox {
    let world = World::parse(&format!("{WORLD}{more}"), "test.toml").unwrap();
    Sandbox::start(world, 0).await.unwrap()
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// One connection, with the identity that its requests are signed with.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    pub(crate) access_key: String,
    pub(crate) region: String,
}

impl Client {
    pub(crate) async fn new(sandbox: &Sandbox) -> Self {
        let address = sandbox.endpoint().strip_prefix("http://").unwrap().to_owned();
        let stream = TcpStream::connect(address).await.unwrap();
        Self {
            stream: BufReader::new(stream),
            access_key: "AKIAPAYMENTS".to_owned(),
            region: "eu-west-1".to_owned(),
        }
    }

    pub(crate) fn with(mut self, access_key: &str, region: &str) -> Self {
        (self.access_key, self.region) = (access_key.to_owned(), region.to_owned());
        self
    }

    /// Sends a request without a signature.
    pub(crate) async fn plain(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Answer> {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(body);
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        self.read().await
    }

    /// Sends a request as for a service.
    pub(crate) async fn signed(
        &mut self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Answer> {
        let credential = format!("{}/20261101/{}/{service}/aws4_request", self.access_key, self.region);
        let authorization = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00");
        let mut all = vec![("authorization", authorization.as_str())];
        all.extend(headers);
        self.plain(method, path, &all, body).await
    }

    /// Calls an operation of a service of the awsJson protocols.
    pub(crate) async fn target(&mut self, service: &str, target: &str, body: &Value) -> Answer {
        self.signed(service, "POST", "/", &[("x-amz-target", target)], &body.to_string())
            .await
            .unwrap()
    }

    pub(crate) async fn dynamodb(&mut self, name: &str, body: &Value) -> Answer {
        self.target("dynamodb", &format!("DynamoDB_20120810.{name}"), body)
            .await
    }

    pub(crate) async fn backup(&mut self, method: &str, path: &str) -> Answer {
        self.signed("backup", method, path, &[], "").await.unwrap()
    }

    pub(crate) async fn sts(&mut self, form: &str) -> Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.signed("sts", "POST", "/", &headers, form).await.unwrap()
    }

    /// Calls an endpoint of the sandbox itself.
    pub(crate) async fn control(&mut self, method: &str, path: &str, body: &str) -> Answer {
        self.plain(method, &format!("/_sandbox/{path}"), &[], body)
            .await
            .unwrap()
    }

    async fn read(&mut self) -> io::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .map_or(0, |(_, value)| value.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(Answer {
            status,
            headers,
            body: String::from_utf8(body).unwrap(),
        })
    }
}

/// The content of an XML element.
pub(crate) fn element<'x>(xml: &'x str, name: &str) -> &'x str {
    let (_, rest) = xml
        .split_once(&format!("<{name}>"))
        .unwrap_or_else(|| panic!("no <{name}> in {xml}"));
    rest.split_once('<').unwrap().0
}
