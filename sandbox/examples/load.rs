//! Starts the sandbox, hammers it over keep-alive connections, and prints how many requests it answers in a second.
//!
//! `cargo run --release -p backproof-sandbox --example load -- [CONNECTIONS] [SECONDS]`; client and server share the machine, so
//! the server alone is faster than this says.

#![expect(clippy::print_stdout, reason = "the measurement is what this program is for")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backproof_sandbox::{Sandbox, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const WORLD: &str = r#"
history-days = 0
[[account]]
id = "111122223333"
regions = ["eu-west-1"]
[[table]]
account = "111122223333"
region = "eu-west-1"
name = "orders-{n}"
count = 1000
tags = { team = "pay" }
[[table]]
account = "111122223333"
region = "eu-west-1"
name = "items"
items = 100
"#;

/// Name, service, method, path, target and body of each kind of request.
const KINDS: [(&str, &str, &str, &str, &str, &str); 5] = [
    (
        "DescribeTable",
        "dynamodb",
        "POST",
        "/",
        "DynamoDB_20120810.DescribeTable",
        "{\"TableName\":\"orders-0500\"}",
    ),
    (
        "ListTables",
        "dynamodb",
        "POST",
        "/",
        "DynamoDB_20120810.ListTables",
        "{}",
    ),
    (
        "GetItem",
        "dynamodb",
        "POST",
        "/",
        "DynamoDB_20120810.GetItem",
        "{\"TableName\":\"items\",\"Key\":{\"id\":{\"S\":\"id-000007\"}}}",
    ),
    (
        "GetResources",
        "tagging",
        "POST",
        "/",
        "ResourceGroupsTaggingAPI_20170126.GetResources",
        "{}",
    ),
    (
        "ListBackupVaults",
        "backup",
        "GET",
        "/backup-vaults?maxResults=1000",
        "",
        "",
    ),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let connections: usize = arguments.next().map_or(Ok(32), |text| text.parse())?;
    let seconds: f64 = arguments.next().map_or(Ok(3.0), |text| text.parse())?;
    let world = World::parse(WORLD, "load.toml").map_err(|problems| format!("{problems:?}"))?;
    let sandbox = Sandbox::start(world, 0).await?;
    let address = sandbox.endpoint().trim_start_matches("http://").to_owned();
    println!("{connections} connections, {seconds} s each kind");
    for (name, service, method, path, target, body) in KINDS {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\nauthorization: AWS4-HMAC-SHA256 \
             Credential=AKIA111122223333/20261101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=00\r\n",
            body.len()
        );
        if !target.is_empty() {
            request.push_str(&format!("x-amz-target: {target}\r\n"));
        }
        request.push_str(&format!("\r\n{body}"));
        let (count, took) = hammer(&address, request.into(), connections, seconds).await?;
        println!("{name:>18}: {:>8.0} requests/s", count as f64 / took.as_secs_f64());
    }
    sandbox.stop().await;
    Ok(())
}

/// Sends one request over and over on several connections.
async fn hammer(
    address: &str,
    request: Arc<str>,
    connections: usize,
    seconds: f64,
) -> Result<(u64, Duration), Box<dyn Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    let begin = Instant::now();
    let mut workers = Vec::new();
    for _ in 0..connections {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (request, stop) = (Arc::clone(&request), Arc::clone(&stop));
        workers.push(tokio::spawn(async move {
            let mut count = 0;
            let mut buffer = vec![0; 1 << 16];
            while !stop.load(Ordering::Relaxed) {
                stream.write_all(request.as_bytes()).await?;
                read_answer(&mut stream, &mut buffer).await?;
                count += 1;
            }
            Ok::<u64, std::io::Error>(count)
        }));
    }
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let mut count = 0;
    for worker in workers {
        count += worker.await??;
    }
    Ok((count, begin.elapsed()))
}

/// Reads one answer to its end; anything but success is an error.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> std::io::Result<()> {
    let mut filled = 0;
    let (head, length) = loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        if let Some(end) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
            if !head.starts_with("http/1.1 200") {
                return Err(std::io::Error::other(head));
            }
            let length = head
                .split_once("content-length: ")
                .and_then(|(_, rest)| rest.split("\r\n").next()?.parse::<usize>().ok());
            break (end + 4, length.unwrap_or(0));
        }
    };
    let mut missing = (head + length).saturating_sub(filled);
    while missing > 0 {
        let most = missing.min(buffer.len());
        let read = stream.read(&mut buffer[..most]).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        missing -= read;
    }
    Ok(())
}
