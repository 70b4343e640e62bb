//! Time and peak memory of comparing two tables of the simulated AWS: 1,000,000 items of 1 KB each, or as many as the argument
//! says, in 1, 4 and 16 segments; beside it what the same requests take if nothing is done with the answers.
//!
//! `cargo bench --bench compare`; aims for 200 MiB. The sandbox runs in a process of its own on the same machine, and each
//! comparison in another, so that its peak memory is its own; `BACKPROOF_BIN` names another build's sandbox. At the end one item is changed, one lost, one
//! doubled and one of another type: the comparison has to find four.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use backproof::drill::compare::measure;
use serde_json::{Value, json};

/// Set in the process that compares, to its number of segments.
const SEGMENTS: &str = "BACKPROOF_BENCH_SEGMENTS";

/// Two names of one length: the sandbox makes the same items for both.
const TABLES: [&str; 2] = ["orders-a", "orders-b"];

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    if let Some(segments) = std::env::var_os(SEGMENTS) {
        return one(segments.to_string_lossy().parse()?);
    }
    let given = std::env::args().skip(1).find_map(|count| count.parse().ok());
    let items: u64 = given.unwrap_or(1_000_000);
    let scratch = tempfile::tempdir()?;
    let table = |name: &str| {
        format!(
            "[[table]]\naccount = \"111122223333\"\nregion = \"eu-west-1\"\nname = \"{name}\"\nitems = {items}\nitem-bytes = 1024\n"
        )
    };
    let world = format!(
        "[[account]]\nid = \"111122223333\"\nregions = [\"eu-west-1\"]\n{}{}",
        table(TABLES[0]),
        table(TABLES[1])
    );
    let path = scratch.path().join("world.toml");
    std::fs::write(&path, world)?;
    let sandbox = Sandbox::start(&path)?;
    println!("2 × {items} items of 1 KB");
    for segments in [1, 4, 16] {
        let began = Instant::now();
        let read = sandbox.read_both(segments)?;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{segments:>2} segments: bare reading {read} items in {seconds:.1} s, {:.0} a second",
            read as f64 / seconds
        );
        sandbox.compare(segments)?;
    }
    let id = |number: u64| json!({ "S": format!("id-{number:06}") });
    let key = |number: u64| json!({ "TableName": TABLES[0], "Key": { "id": id(number) } });
    let mut connection = sandbox.connect()?;
    let mut changed = connection.call("GetItem", &key(1))?["Item"].take();
    changed["filler"] = json!({ "S": "changed" });
    let mut swapped = connection.call("GetItem", &key(2))?["Item"].take();
    swapped["amount"] = json!({ "S": swapped["amount"]["N"] });
    let mut doubled = connection.call("GetItem", &key(3))?["Item"].take();
    doubled["id"] = json!({ "S": "doubled" });
    for item in [changed, swapped, doubled] {
        connection.call("PutItem", &json!({ "TableName": TABLES[0], "Item": item }))?;
    }
    connection.call("DeleteItem", &key(4))?;
    drop(connection);
    sandbox.compare(4)
}

/// Compares in this very process.
fn one(segments: u32) -> Outcome<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let measured = runtime.block_on(measure(TABLES[0], TABLES[1], segments))?;
    println!(
        "{segments:>2} segments: {} items compared in {:.1} s, {:.0} a second, {} differ, peak {}",
        measured.items,
        measured.seconds,
        measured.items as f64 / measured.seconds,
        measured.differing,
        peak()
    );
    println!("             {}", measured.statement);
    Ok(())
}

/// The peak memory of this process.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.map_or_else(|| "not known".to_owned(), |kib| format!("{} MiB", kib / 1024))
}

/// The simulated AWS in a process of its own.
struct Sandbox {
    process: Child,
    environment: Vec<(String, String)>,
    address: String,
}

impl Sandbox {
    fn start(world: &std::path::Path) -> Outcome<Self> {
        let program = std::env::var("BACKPROOF_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_backproof").to_owned());
        let mut process = Command::new(program)
            .args(["sandbox", "--port", "0", "--world"])
            .arg(world)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let lines = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        let mut environment = Vec::new();
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.trim_start_matches("export ").split_once('=') else {
                continue;
            };
            environment.push((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()));
            if environment.iter().filter(|(name, _)| name.starts_with("AWS_")).count() >= 4
                && environment.iter().any(|(name, _)| name == "AWS_EC2_METADATA_DISABLED")
            {
                break;
            }
        }
        let url = environment.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL");
        let address = url.ok_or("no endpoint")?.1.trim_start_matches("http://").to_owned();
        Ok(Self {
            process,
            environment,
            address,
        })
    }

    fn connect(&self) -> Outcome<Connection> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            reader: BufReader::with_capacity(1 << 18, stream),
            address: self.address.clone(),
        })
    }

    /// Reads both tables at once and looks at nothing but where to go on.
    fn read_both(&self, segments: u32) -> Outcome<u64> {
        let read = std::thread::scope(|scope| {
            let work: Vec<_> = TABLES
                .iter()
                .flat_map(|table| (0..segments).map(move |segment| (*table, segment)))
                .map(|(table, segment)| {
                    scope.spawn(move || {
                        let mut connection = self.connect().map_err(|error| error.to_string())?;
                        connection
                            .segment(table, segment, segments)
                            .map_err(|error| error.to_string())
                    })
                })
                .collect();
            let ended = work.into_iter().map(|one| one.join().expect("it does not panic"));
            ended.sum::<Result<u64, String>>()
        });
        Ok(read?)
    }

    /// Compares in a process of its own.
    fn compare(&self, segments: u32) -> Outcome<()> {
        let status = Command::new(std::env::current_exe()?)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env(SEGMENTS, segments.to_string())
            .status()?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("{segments} segments: {status}").into()),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One connection that is kept.
struct Connection {
    reader: BufReader<TcpStream>,
    address: String,
}

impl Connection {
    /// The body of an answer.
    fn send(&mut self, operation: &str, body: &Value) -> Outcome<Vec<u8>> {
        let body = body.to_string();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.{operation}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=AKIA111122223333/20261101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, \
             Signature=0\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        self.reader
            .get_mut()
            .write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        let (mut length, mut line) = (0, String::new());
        while self.reader.read_line(&mut line)? > 2 {
            if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse()?;
            }
            line.clear();
        }
        let mut answer = vec![0; length];
        self.reader.read_exact(&mut answer)?;
        Ok(answer)
    }

    fn call(&mut self, operation: &str, body: &Value) -> Outcome<Value> {
        let answer: Value = serde_json::from_slice(&self.send(operation, body)?)?;
        match answer.get("__type") {
            None => Ok(answer),
            Some(_) => Err(answer.to_string().into()),
        }
    }

    /// Reads a segment; what follows the items tells how many they were and where to go on.
    fn segment(&mut self, table: &str, segment: u32, of: u32) -> Outcome<u64> {
        let (mut items, mut start) = (0, None);
        loop {
            let mut body = json!({ "TableName": table, "Segment": segment, "TotalSegments": of });
            if let Some(start) = start.take() {
                body["ExclusiveStartKey"] = start;
            }
            let answer = self.send("Scan", &body)?;
            let tail = String::from_utf8_lossy(&answer[answer.len().saturating_sub(400)..]).into_owned();
            let (_, tail) = tail.rsplit_once("],\"Count\":").ok_or("an answer without its count")?;
            let tail: Value = serde_json::from_str(&format!("{{\"Count\":{tail}"))?;
            items += tail["Count"].as_u64().ok_or("no count")?;
            match tail.get("LastEvaluatedKey") {
                Some(key) => start = Some(key.clone()),
                None => return Ok(items),
            }
        }
    }
}
