//! Runs the real binary against a sandbox of its own, over HTTP, with nothing of the person's environment.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use backproof_sandbox::{Sandbox, World};
use serde_json::Value;

use super::json_file;

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

    /// Writes a file into the bench's folder.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).expect("written");
    }

    /// Runs the program in the bench's folder.
    pub fn run(&self, args: &[&str]) -> Ran {
        run(self.dir.path(), &self.sandbox.environment(), args)
    }

    /// Runs the program in the bench's folder as somebody who owns nothing there. Where the tests run as root, whom no mode
    /// keeps out, it is another user; else the one who runs them, whom modes keep out too.
    #[cfg(unix)]
    pub fn run_as_stranger(&self, args: &[&str]) -> Ran {
        use std::os::unix::fs::PermissionsExt as _;
        use std::os::unix::process::CommandExt as _;
        const NOBODY: u32 = 65534;
        let shut = self.path("shut");
        std::fs::write(&shut, "").expect("written");
        std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o000)).expect("shut");
        let is_root = std::fs::File::open(&shut).is_ok();
        std::fs::remove_file(&shut).expect("removed");
        std::fs::set_permissions(self.dir.path(), std::fs::Permissions::from_mode(0o755)).expect("opened");
        let mut command = in_folder(PROGRAM, self.dir.path(), &self.sandbox.environment());
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        ran(command.args(args).output().expect("the program can be run by anybody"))
    }

    /// Runs the program in the bench's folder, with no more than so much patience for AWS.
    pub fn run_patiently(&self, patience: &str, args: &[&str]) -> Ran {
        let mut environment = self.sandbox.environment();
        environment.push(("BACKPROOF_PATIENCE".to_owned(), patience.to_owned()));
        run(self.dir.path(), &environment, args)
    }

    /// Starts the program in the bench's folder and does not wait for it.
    pub fn start(&self, args: &[&str]) -> Child {
        in_folder(PROGRAM, self.dir.path(), &self.sandbox.environment())
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    }

    /// Scans into `name` and reads the report: every finding of it if its JSON was asked for.
    pub fn scan(&self, name: &str, more: &[&str]) -> (Ran, Value) {
        let whole = ["scan", "--to", name, "--quiet", "--with", "pitr-on,not-only-pitr"];
        // `report.json` counts what is good news and only advised; tests ask for each finding.
        let all: &[&str] = if more.windows(2).any(|args| args == ["--format", "json"]) {
            &["--format", "json-all"]
        } else if more.contains(&"--format") {
            &[]
        } else {
            &["--format", "csv,parquet,json,json-all,html,pdf"]
        };
        let ran = self.run(&[&whole, more, all].concat());
        let mut paths = ["report-all.json", "report.json"]
            .map(|file| self.path(name).join(file))
            .into_iter();
        let report = paths
            .find(|path| path.exists())
            .map_or(Value::Null, |path| json_file(&path));
        (ran, report)
    }

    /// Sends a request to the sandbox. What comes back is an answer of success: its status and its body.
    pub fn send(&self, request: &str, headers: &str, body: &[u8]) -> (u16, String) {
        let (status, answer) = self.try_send(request, headers, body);
        assert!((200..300).contains(&status), "{request}: {status} {answer}");
        (status, answer)
    }

    /// The same, whatever the answer.
    pub fn try_send(&self, request: &str, headers: &str, body: &[u8]) -> (u16, String) {
        let address = self.sandbox.endpoint().trim_start_matches("http://").to_owned();
        let mut stream = std::net::TcpStream::connect(&address).expect("connected");
        let length = body.len();
        let head = format!(
            "{request} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body].concat()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer[9..12].parse().expect("a status");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        (status, body.to_owned())
    }

    /// Sends a request to the sandbox's control interface.
    pub fn control(&self, request: &str, body: &str) {
        self.send(request, "", body.as_bytes());
    }

    /// From now on calls fail as this fault, written in JSON, says.
    pub fn fault(&self, fault: &str) {
        self.control("POST /_sandbox/faults", fault);
    }

    /// From now on no call fails.
    pub fn no_faults(&self) {
        self.control("DELETE /_sandbox/faults", "");
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The JSON that was printed, and nothing beside it.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_backproof");

/// A program to be run in `dir` with this environment only.
pub fn in_folder(program: impl AsRef<OsStr>, dir: &Path, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", dir)
        .env("TMPDIR", dir)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

/// Runs the program in `dir` with this environment only.
pub fn run(dir: &Path, environment: &[(String, String)], args: &[&str]) -> Ran {
    let output = in_folder(PROGRAM, dir, environment).args(args).output();
    ran(output.expect("the program runs"))
}

fn ran(Output { status, stdout, stderr }: Output) -> Ran {
    Ran {
        code: status.code().expect("not killed"),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// The program ended so, and said all of this on stderr.
pub fn refused(ran: &Ran, code: i32, texts: &[&str]) {
    assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
    for text in texts {
        assert!(ran.stderr.contains(text), "`{text}` is not in: {}", ran.stderr);
    }
}
