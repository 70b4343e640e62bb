//! A client of ssh-agent: which keys it holds, and a signature by one of them.
//!
//! Two requests of the agent's protocol (draft-miller-ssh-agent): every message is a length, a type and fields; texts carry
//! their length.

use std::path::PathBuf;
use std::time::Duration;

use ssh_key::{Algorithm, PublicKey, Signature};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::problem::Problem;

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// Longest answer: what OpenSSH's own client accepts.
const LONGEST_ANSWER: usize = 256 * 1024;

/// Somebody may have to touch a token or press a button.
const PATIENCE: Duration = Duration::from_secs(120);

/// The agent of this login.
#[derive(Debug)]
pub(super) struct Agent {
    socket: PathBuf,
}

impl Agent {
    /// The one that SSH_AUTH_SOCK names.
    ///
    /// Errors: there is none.
    pub(super) fn of_environment() -> Result<Self, Problem> {
        match std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()) {
            Some(socket) => Ok(Self { socket: socket.into() }),
            None => Err(Problem::usage("there is no ssh-agent to sign with")
                .why("SSH_AUTH_SOCK is not set")
                .so("nothing was read from AWS; nothing was signed")
                .hint(
                    "start one with `eval $(ssh-agent)`, add the key with `ssh-add FILE`, or name a private key file",
                )),
        }
    }

    /// The Ed25519 keys that it holds.
    ///
    /// Errors: it cannot be reached, or answers nonsense.
    pub(super) async fn keys(&self) -> Result<Vec<PublicKey>, Problem> {
        let answer = self.ask(&[REQUEST_IDENTITIES]).await?;
        read_keys(&answer).map_err(|why| self.failed(why))
    }

    /// A signature of `key` over `data`.
    ///
    /// Errors: it refuses (locked, not confirmed), cannot be reached, or answers nonsense.
    pub(super) async fn sign(&self, key: &PublicKey, data: &[u8]) -> Result<Signature, Problem> {
        let blob = key.to_bytes().map_err(|error| self.failed(error.to_string()))?;
        let mut request = vec![SIGN_REQUEST];
        push(&mut request, &blob);
        push(&mut request, data);
        request.extend(0u32.to_be_bytes());
        let answer = self.ask(&request).await?;
        read_signature(&answer).map_err(|why| self.failed(why))
    }

    fn failed(&self, why: impl Into<String>) -> Problem {
        Problem::new("the ssh-agent did not sign")
            .at(format!("SSH_AUTH_SOCK={}", self.socket.display()))
            .why(why)
            .so("nothing was signed")
            .hint("`ssh-add -l` shows whether it answers; it may be locked, or wait for a touch or a confirmation")
    }

    #[cfg(unix)]
    async fn ask(&self, request: &[u8]) -> Result<Vec<u8>, Problem> {
        let conversation = async {
            let mut stream = tokio::net::UnixStream::connect(&self.socket).await?;
            exchange(&mut stream, request).await
        };
        match tokio::time::timeout(PATIENCE, conversation).await {
            Ok(answer) => answer.map_err(|error| self.failed(error.to_string())),
            Err(_) => Err(self.failed(format!("no answer in {} s", PATIENCE.as_secs()))),
        }
    }

    #[cfg(not(unix))]
    async fn ask(&self, _request: &[u8]) -> Result<Vec<u8>, Problem> {
        Err(self.failed("agents are reached by Unix sockets only"))
    }
}

/// Sends one message and reads the answer: its type and its fields.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut message = Vec::with_capacity(request.len() + 4);
    push(&mut message, request);
    stream.write_all(&message).await?;
    let length = stream.read_u32().await? as usize;
    if length == 0 || length > LONGEST_ANSWER {
        return Err(std::io::Error::other(format!("an answer of {length} bytes")));
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

fn read_keys(answer: &[u8]) -> Result<Vec<PublicKey>, String> {
    let mut rest = fields(answer, IDENTITIES_ANSWER)?;
    let number = take_u32(&mut rest)?;
    let mut keys = Vec::new();
    for _ in 0..number {
        let (blob, _comment) = (take(&mut rest)?, take(&mut rest)?);
        // Keys of other kinds, and those that only other programs know, are left out.
        if let Ok(key) = PublicKey::from_bytes(blob)
            && key.algorithm() == Algorithm::Ed25519
        {
            keys.push(key);
        }
    }
    Ok(keys)
}

fn read_signature(answer: &[u8]) -> Result<Signature, String> {
    let mut rest = fields(answer, SIGN_RESPONSE)?;
    let mut blob = take(&mut rest)?;
    let algorithm = take(&mut blob)?;
    if algorithm != b"ssh-ed25519" {
        let algorithm = String::from_utf8_lossy(algorithm).into_owned();
        return Err(format!("it answered with a signature of type {algorithm}"));
    }
    Signature::new(Algorithm::Ed25519, take(&mut blob)?).map_err(|error| error.to_string())
}

/// What follows the type of an answer.
fn fields(answer: &[u8], wanted: u8) -> Result<&[u8], String> {
    match answer.split_first() {
        Some((kind, rest)) if *kind == wanted => Ok(rest),
        Some((&FAILURE, _)) => Err("it refused".to_owned()),
        Some((kind, _)) => Err(format!("it answered with a message of type {kind}")),
        None => Err("it answered nothing".to_owned()),
    }
}

fn push(message: &mut Vec<u8>, text: &[u8]) {
    // Nothing here comes near 4 GiB.
    message.extend((text.len() as u32).to_be_bytes());
    message.extend(text);
}

fn take_u32(rest: &mut &[u8]) -> Result<u32, String> {
    let (number, after) = rest.split_first_chunk().ok_or("its answer ends too early")?;
    *rest = after;
    Ok(u32::from_be_bytes(*number))
}

fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], String> {
    let length = take_u32(rest)? as usize;
    let (text, after) = rest.split_at_checked(length).ok_or("its answer ends too early")?;
    *rest = after;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_named() {
        let cases: [(&[u8], &str); 6] = [
            (&[], "nothing"),
            (&[FAILURE], "refused"),
            (&[77, 0, 0], "type 77"),
            (&[IDENTITIES_ANSWER, 0, 0], "too early"),
            (&[IDENTITIES_ANSWER, 0, 0, 0, 1, 0, 0, 0, 9, 1], "too early"),
            (&[IDENTITIES_ANSWER, 255, 255, 255, 255], "too early"),
        ];
        for (answer, why) in cases {
            let found = read_keys(answer).expect_err("an error");
            assert!(found.contains(why), "{found}");
        }
        let mut rsa = vec![SIGN_RESPONSE];
        let mut blob = Vec::new();
        push(&mut blob, b"ssh-rsa");
        push(&mut blob, &[0; 64]);
        push(&mut rsa, &blob);
        assert!(read_signature(&rsa).expect_err("an error").contains("ssh-rsa"));
    }

    #[tokio::test]
    async fn endless_answers_are_not_read() {
        let (mut ours, mut theirs) = tokio::io::duplex(64);
        let answer = tokio::spawn(async move {
            theirs.write_all(&u32::MAX.to_be_bytes()).await.expect("written");
            theirs
        });
        let error = exchange(&mut ours, &[REQUEST_IDENTITIES]).await.expect_err("an error");
        assert!(error.to_string().contains("4294967295"), "{error}");
        drop(answer.await);
    }
}
