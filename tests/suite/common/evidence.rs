//! Packs, keys and buckets for tests of evidence.

use std::path::Path;
use std::process::{Command, Stdio};

use backproof::pack::manifest::FileEntry;
use backproof::pack::{MANIFEST_FILE, Manifest, digest, seal};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};

use super::{Bench, Ran, world};

pub const HERE: &str = "account = \"111122223333\"\nregion = \"eu-west-1\"\n";

/// Two buckets, one that locks, and two keys: one signs, one encrypts. The clock goes on, as S3's does.
pub fn bench() -> Bench {
    let more = format!(
        "[[bucket]]\n{HERE}name = \"locked\"\nobject-lock = true\n\n[[bucket]]\n{HERE}name = \"plain\"\n\n\
         [[bucket]]\n{HERE}name = \"versioned\"\nversioning = true\n\n\
         [[key]]\n{HERE}name = \"signing\"\nspec = \"ECC_NIST_P256\"\n\n[[key]]\n{HERE}name = \"evidence\"\n"
    );
    Bench::new(&world(&more).replace("frozen = true\n", ""))
}

/// A key file of OpenSSH, and the line of allowed_signers for it.
pub fn key(bench: &Bench, seed: u8) -> (String, String) {
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]));
    let path = bench.path(&format!("key-{seed}"));
    std::fs::write(&path, key.to_openssh(LineEnding::LF).expect("a key").as_bytes()).expect("written");
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("closed");
    let allowed = bench.path(&format!("allowed-{seed}"));
    let line = format!("audit@example.com {}\n", key.public_key().to_openssh().expect("a key"));
    std::fs::write(&allowed, line).expect("written");
    (path.display().to_string(), allowed.display().to_string())
}

/// A scan that is quick: two rules, one format.
pub fn scan(bench: &Bench, to: &str, more: &[&str]) -> Ran {
    let mut args = vec!["scan", "--to", to, "--format", "json", "--rules", "in-a-plan,pitr-on"];
    args.extend(more);
    bench.run(&args)
}

pub fn done(ran: &Ran) {
    assert_eq!(ran.code, 10, "{}{}", ran.stdout, ran.stderr);
}

pub fn refused(ran: &Ran, code: i32, texts: &[&str]) {
    assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
    for text in texts {
        assert!(ran.stderr.contains(text), "`{text}` is not in: {}", ran.stderr);
    }
}

/// Starts the program in the bench's folder.
pub fn start(bench: &Bench, args: &[&str]) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_backproof"))
        .args(args)
        .current_dir(bench.dir.path())
        .env_clear()
        .env("HOME", bench.dir.path())
        .env("TMPDIR", bench.dir.path())
        .envs(bench.sandbox.environment())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// A request to the sandbox's S3, as somebody makes it who has the keys to the bucket.
pub fn s3(bench: &Bench, method: &str, path: &str, body: &[u8]) {
    use std::io::{Read as _, Write as _};
    let address = bench.sandbox.endpoint().trim_start_matches("http://").to_owned();
    let mut stream = std::net::TcpStream::connect(&address).expect("connected");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=AKIA111122223333/20261101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n",
        body.len()
    );
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body))
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
}

/// Alters the manifest of a pack as somebody does who knows how packs are made: digests and sums fit again. Signatures
/// do not.
pub fn reseal(dir: &Path, change: impl FnOnce(&mut Manifest)) {
    let mut manifest = manifest_of(dir);
    let entry = |path: String| {
        let (size, sha256) = digest::of_file(&dir.join(&path)).expect("a file");
        FileEntry { path, size, sha256 }
    };
    manifest.files = seal::list(dir).expect("a folder").into_iter().map(entry).collect();
    let below = |folders: &[&str]| seal::digest_below(&manifest.files, folders);
    (manifest.evidence_digest, manifest.rules_digest) = (below(&["criteria", "inventory"]), below(&["criteria/rules"]));
    manifest.policy_digest = manifest.file("criteria/policy.toml").expect("a policy").sha256.clone();
    change(&mut manifest);
    seal::write_manifest(dir, &manifest).expect("written");
}

pub fn manifest_of(dir: &Path) -> Manifest {
    let bytes = std::fs::read(dir.join(MANIFEST_FILE)).expect("a manifest");
    Manifest::parse(&bytes, MANIFEST_FILE).expect("a manifest")
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}
