//! Packs, keys and buckets for tests of evidence.

use std::path::Path;

use backproof::digest;
use backproof::pack::manifest::FileEntry;
use backproof::pack::{MANIFEST_FILE, Manifest, seal};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};

use super::worlds::{file, thawed};
use super::{Bench, Ran};

/// Buckets and keys. The clock goes on, as S3's does.
pub fn bench() -> Bench {
    Bench::new(&thawed(&file("buckets")))
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
    let args = ["scan", "--to", to, "--format", "json", "--rules", "in-a-plan,pitr-on"];
    bench.run(&[&args, more].concat())
}

pub fn done(ran: &Ran) {
    assert_eq!(ran.code, 10, "{}{}", ran.stdout, ran.stderr);
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

/// Exchanges one bit in the middle of a file.
pub fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).expect("written");
}

/// Leaves the first half of a file.
pub fn cut(path: &Path) {
    let bytes = std::fs::read(path).expect("read");
    std::fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
}

/// Exchanges a text that stands in a file.
pub fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).expect("read");
    assert!(text.contains(from), "{from}");
    std::fs::write(path, text.replacen(from, to, 1)).expect("written");
}
