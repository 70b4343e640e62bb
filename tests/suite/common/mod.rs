//! Runs the real binary against a sandbox of its own, over HTTP, with nothing of the person's environment.

pub mod evidence;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use backproof_sandbox::{Sandbox, World};
use serde_json::Value;

/// A sandbox and a folder, gone with their value.
pub struct Bench {
    pub dir: tempfile::TempDir,
    pub sandbox: Sandbox,
    /// The sandbox lives as long as this does.
    _runtime: tokio::runtime::Runtime,
}

impl Bench {
    pub fn new(world: &str) -> Self {
        let world = World::parse(world, "world.toml").unwrap_or_else(|problems| {
            panic!(
                "{}",
                problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            )
        });
        Self::of(world)
    }

    pub fn of(world: World) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let sandbox = runtime.block_on(Sandbox::start(world, 0)).expect("a sandbox");
        Self {
            dir: tempfile::tempdir().expect("a folder"),
            sandbox,
            _runtime: runtime,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs the program in the bench's folder.
    pub fn run(&self, args: &[&str]) -> Ran {
        let environment = self.sandbox.environment();
        run(self.dir.path(), &environment, args)
    }

    /// Scans into `name` and reads `report.json`.
    pub fn scan(&self, name: &str, more: &[&str]) -> (Ran, Value) {
        let mut args = vec!["scan", "--to", name, "--quiet"];
        args.extend(more);
        let ran = self.run(&args);
        let path = self.path(name).join("report.json");
        let report =
            std::fs::read_to_string(&path).map_or(Value::Null, |text| serde_json::from_str(&text).expect("JSON"));
        (ran, report)
    }

    /// Sends a request to the sandbox's control interface.
    pub fn control(&self, method: &str, path: &str, body: &str) -> String {
        use std::io::{Read as _, Write as _};
        let address = self.sandbox.endpoint().trim_start_matches("http://").to_owned();
        let mut stream = std::net::TcpStream::connect(&address).expect("connected");
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
        answer
            .split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned())
            .unwrap_or_default()
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the program in `dir` with this environment only.
pub fn run(dir: &Path, environment: &[(String, String)], args: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_backproof"))
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", dir)
        .env("TMPDIR", dir)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output()
        .expect("the program runs");
    Ran {
        code: status.code().expect("not killed"),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// The verdict of one rule on one table.
pub fn verdict<'r>(report: &'r Value, table: &str, rule: &str) -> &'r str {
    finding(report, table, rule)["verdict"].as_str().expect("a verdict")
}

/// The finding of one rule on one table.
pub fn finding<'r>(report: &'r Value, table: &str, rule: &str) -> &'r Value {
    let findings = report["findings"]
        .as_array()
        .unwrap_or_else(|| panic!("no findings: {report}"));
    findings
        .iter()
        .find(|finding| finding["resource_name"] == table && finding["rule"] == rule)
        .unwrap_or_else(|| panic!("no finding of {rule} on {table}"))
}

/// One fact of one table.
pub fn fact<'r>(report: &'r Value, table: &str, name: &str) -> &'r Value {
    let tables = report["tables"].as_array().expect("tables");
    let table = tables
        .iter()
        .find(|row| row["table_name"] == table)
        .unwrap_or_else(|| panic!("no table {table}"));
    table["facts"].get(name).unwrap_or_else(|| panic!("no fact {name}"))
}

/// A small world: one account, one Region, a vault, a daily plan, and the tables given.
pub fn world(more: &str) -> String {
    format!(
        r#"
now = "2026-11-01T12:00:00Z"
frozen = true
history-days = 60

[[account]]
id = "111122223333"
name = "payments"
regions = ["eu-west-1"]

[[vault]]
account = "111122223333"
region = "eu-west-1"
name = "Default"

[[plan]]
account = "111122223333"
region = "eu-west-1"
name = "daily"
[[plan.rule]]
name = "daily"
vault = "Default"
schedule = "cron(0 5 ? * * *)"
start-window-minutes = 60
delete-after-days = 35
[[plan.selection]]
name = "tagged"
tags = [{{ key = "backup", value = "daily" }}]

[[table]]
account = "111122223333"
region = "eu-west-1"
name = "orders"
tags = {{ backup = "daily" }}
created-days-ago = 300
pitr = true
deletion-protection = true

[[table]]
account = "111122223333"
region = "eu-west-1"
name = "forgotten"
created-days-ago = 300
{more}
"#
    )
}

/// An access policy that denies deletion and forgets the rest, as the sample of AWS's guide does.
pub const GUARD: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}]}"#;

/// A guarded vault and a plain one, a copy to another Region, two restore tests of `orders`, one by hand of nobody.
pub fn tested(more: &str) -> String {
    let here = "account = \"111122223333\"\nregion = \"eu-west-1\"\n";
    let world = world("")
        .replace("regions = [\"eu-west-1\"]", "regions = [\"eu-west-1\", \"eu-central-1\"]")
        .replace(
            "delete-after-days = 35\n",
            "delete-after-days = 35\ncopy-to = [{ vault-arn = \"arn:aws:backup:eu-central-1:111122223333:backup-vault:dr\", delete-after-days = 35 }]\n",
        );
    format!(
        r#"{world}
[[vault]]
{here}name = "guarded"
policy = '{GUARD}'

[[vault]]
account = "111122223333"
region = "eu-central-1"
name = "dr"

[[restore-testing-plan]]
{here}name = "weekly"
schedule = "cron(0 6 ? * MON *)"
timezone = "Europe/Berlin"
include-vaults = ["arn:aws:backup:eu-west-1:111122223333:backup-vault:Default"]
window-days = 7
[[restore-testing-plan.selection]]
name = "orders"
resources = ["arn:aws:dynamodb:eu-west-1:111122223333:table/orders"]
validation-hours = 4
[[restore-testing-plan.selection]]
name = "gold"
conditions = {{ string-equals = [{{ key = "aws:ResourceTag/tier", value = "gold" }}], string-not-equals = [{{ key = "aws:ResourceTag/env", value = "test" }}] }}
[[restore-testing-plan.selection]]
name = "volumes"
type = "EBS"

[[restore-testing-plan]]
{here}name = "empty"

[[event]]
{here}at = "6d"
do = "restore-test"
table = "orders"
plan = "weekly"
minutes = 25
validation = "SUCCESSFUL"

[[event]]
{here}at = "5d"
do = "restore-test"
table = "orders"
failure = "Access Denied"
{more}
"#
    )
}
