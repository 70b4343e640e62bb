//! Signatures by stock programs (in `tests/data/sign`) are accepted, and everything else is refused by its name.

use super::*;
use crate::problem::one_line;

const MESSAGE: &[u8] = include_bytes!("../../tests/data/sign/m.json");

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/data/sign/", $name)).as_slice()
    };
}

fn trust(content: &[u8]) -> Trust {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), content).expect("written");
    let mut trust = Trust::none();
    trust.add(file.path()).expect("trusted keys");
    trust
}

fn check(message: &[u8], signature: &[u8], trust: &Trust) -> Result<Signer, Broken> {
    verify(message, signature, trust, Utc::now())
}

fn kms_file(algorithm: &str, key: &[u8], signature: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let signature = base64::engine::general_purpose::STANDARD.encode(signature);
    let file = serde_json::json!({
        "version": 1,
        "key_arn": "arn:aws:kms:eu-west-1:111122223333:key/k",
        "algorithm": algorithm,
        "public_key": String::from_utf8_lossy(key),
        "signature": signature,
    });
    file.to_string().into_bytes()
}

#[test]
fn what_ssh_keygen_signs_is_accepted() {
    let signer = check(MESSAGE, data!("good.sig"), &trust(data!("key.pub"))).expect("good");
    assert_eq!(signer.kind, Kind::Ssh);
    assert!(signer.trusted_as.is_some());
    let nobody = check(MESSAGE, data!("good.sig"), &Trust::none()).expect("good");
    assert_eq!(nobody.trusted_as, None);
    assert!(nobody.to_string().contains("not held against any key"), "{nobody}");
}

#[test]
fn what_ssh_keygen_signs_otherwise_is_refused_by_name() {
    let other = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti".as_slice();
    let right = trust(data!("key.pub"));
    let good = data!("good.sig");
    type IsIt = fn(&Broken) -> bool;
    let cases: [(&[u8], &[u8], &Trust, IsIt); 7] = [
        (
            MESSAGE,
            data!("git.sig"),
            &right,
            |broken| matches!(broken, Broken::WrongNamespace { found, .. } if found == "git"),
        ),
        (MESSAGE, data!("ecdsa.sig"), &right, |broken| {
            matches!(broken, Broken::Unsupported(_))
        }),
        (b"{}", good, &right, |broken| matches!(broken, Broken::Altered { .. })),
        (MESSAGE, good, &trust(other), |broken| {
            matches!(broken, Broken::WrongKey { .. })
        }),
        (MESSAGE, b"hello", &right, |broken| matches!(broken, Broken::Garbage(_))),
        (MESSAGE, b"\xff\xfe", &right, |broken| {
            matches!(broken, Broken::Garbage(_))
        }),
        (MESSAGE, &good[..200], &right, |broken| {
            matches!(broken, Broken::Garbage(_))
        }),
    ];
    for (message, signature, trust, is_it) in cases {
        let broken = check(message, signature, trust).expect_err("broken");
        assert!(is_it(&broken), "{broken:?}");
        assert_eq!(one_line(&broken.to_string()), broken.to_string());
    }
}

#[test]
fn no_flipped_bit_survives() {
    let trust = trust(data!("key.pub"));
    for index in 0..MESSAGE.len() {
        let mut altered = MESSAGE.to_vec();
        altered[index] ^= 1;
        let broken = check(&altered, data!("good.sig"), &trust).expect_err("altered");
        assert!(matches!(broken, Broken::Altered { .. }), "{broken}");
    }
    // In the armor a bit may fall on what says nothing: a line break, a letter's padding. It never makes another signature.
    let signer = check(MESSAGE, data!("good.sig"), &trust).expect("good");
    for index in 0..data!("good.sig").len() {
        for bit in 0..8 {
            let mut altered = data!("good.sig").to_vec();
            altered[index] ^= 1 << bit;
            if let Ok(found) = check(MESSAGE, &altered, &trust) {
                assert_eq!(found, signer, "byte {index}, bit {bit}");
            }
        }
    }
}

#[test]
fn kms_signatures_are_checked_for_every_kind_of_key() {
    for (algorithm, key, signature) in [
        ("ECDSA_SHA_256", data!("q.pub.pem"), data!("q.sig")),
        ("ECDSA_SHA_384", data!("p.pub.pem"), data!("p.sig")),
        ("RSASSA_PSS_SHA_256", data!("r.pub.pem"), data!("r.pss")),
        ("RSASSA_PKCS1_V1_5_SHA_256", data!("r.pub.pem"), data!("r.pkcs1")),
    ] {
        let file = kms_file(algorithm, key, signature);
        let signer = check(MESSAGE, &file, &trust(key)).unwrap_or_else(|broken| panic!("{algorithm}: {broken}"));
        assert_eq!(signer.kind, Kind::Kms);
        assert!(signer.trusted_as.is_some());
        let altered = check(b"{}", &file, &trust(key)).expect_err("altered");
        assert!(matches!(altered, Broken::Altered { .. }), "{altered}");
        let mut flipped = signature.to_vec();
        flipped[10] ^= 4;
        let altered = check(MESSAGE, &kms_file(algorithm, key, &flipped), &trust(key)).expect_err("altered");
        assert!(matches!(altered, Broken::Altered { .. }), "{altered}");
    }
}

#[test]
fn kms_files_that_do_not_hold_are_named() {
    let good = kms_file("ECDSA_SHA_256", data!("q.pub.pem"), data!("q.sig"));
    let other = trust(data!("p.pub.pem"));
    let broken = check(MESSAGE, &good, &other).expect_err("another key");
    assert!(matches!(broken, Broken::WrongKey { .. }), "{broken}");
    // A key beside the signature that fits it is still nobody's.
    assert_eq!(check(MESSAGE, &good, &Trust::none()).expect("good").trusted_as, None);
    for (from, to, why) in [
        ("\"version\":1", "\"version\":2", "version 2"),
        ("ECDSA_SHA_256", "ECDSA_SHA_384", "does not go with its key"),
        ("ECDSA_SHA_256", "SM2DSA", "SM2DSA"),
        ("\"signature\"", "\"signatur\"", "signature"),
        ("-----BEGIN PUBLIC", "-----BEGIN PRIVATE", "public_key"),
        ("{", "{{", "line 1"),
    ] {
        let text = String::from_utf8_lossy(&good).replacen(from, to, 1);
        let broken = check(MESSAGE, text.as_bytes(), &Trust::none()).expect_err(to);
        assert!(broken.to_string().contains(why), "{broken}");
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), data!("s.pub.pem")).expect("written");
    let problem = Trust::none().add(file.path()).expect_err("P-521");
    assert!(problem.why.contains("RSA, P-256 or P-384"), "{problem}");
}

#[test]
fn with_trust_one_signature_must_be_by_a_trusted_key() {
    let ssh = SignatureFile {
        name: "manifest.json.sig".to_owned(),
        bytes: data!("good.sig").to_vec(),
    };
    let kms = SignatureFile {
        name: "manifest.json.kms.json".to_owned(),
        bytes: kms_file("ECDSA_SHA_256", data!("q.pub.pem"), data!("q.sig")),
    };
    let all = |files: &[SignatureFile], trust: &Trust| verify_all(MESSAGE, files, &[], (trust, Utc::now()));
    let (of_ssh, of_kms) = (trust(data!("key.pub")), trust(data!("q.pub.pem")));
    assert_eq!(all(&[], &Trust::none()).expect("nothing to hold").len(), 0);
    assert_eq!(
        all(&[ssh.clone(), kms.clone()], &of_ssh).expect("by one of them").len(),
        2
    );
    assert_eq!(
        all(&[ssh.clone(), kms.clone()], &of_kms).expect("by one of them").len(),
        2
    );
    // A signature that was taken away, or exchanged for one of another kind.
    for files in [vec![], vec![kms.clone()]] {
        assert_eq!(all(&files, &of_ssh), Err((String::new(), Broken::NotSigned)));
    }
    // A signature that was announced is missed, whoever is trusted.
    let announced = verify_all(
        MESSAGE,
        std::slice::from_ref(&kms),
        &["SHA256:x"],
        (&of_kms, Utc::now()),
    );
    assert!(matches!(announced, Err((_, Broken::Missing { fingerprint })) if fingerprint == "SHA256:x"));
    // A file of keys that sign no evidence is trust in nobody, not trust in all.
    let nobody = trust(b"a@b.c ssh-rsa AAAA");
    assert_eq!(
        all(std::slice::from_ref(&ssh), &nobody),
        Err((String::new(), Broken::NotSigned))
    );
    let broken = SignatureFile {
        bytes: data!("git.sig").to_vec(),
        ..ssh
    };
    let (name, _) = all(&[broken, kms], &of_kms).expect_err("every one must hold");
    assert_eq!(name, "manifest.json.sig");
}

/// A private key of the tests in a file that only its owner can read.
fn key_file(dir: &std::path::Path, seed: u8) -> (std::path::PathBuf, ssh_key::PrivateKey) {
    use ssh_key::private::Ed25519Keypair;
    let key = ssh_key::PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]));
    let path = dir.join(format!("key-{seed}"));
    std::fs::write(
        &path,
        key.to_openssh(ssh_key::LineEnding::LF).expect("a key").as_bytes(),
    )
    .expect("written");
    close(&path);
    (path, key)
}

#[cfg(unix)]
fn close(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("closed");
}

#[cfg(not(unix))]
fn close(_path: &std::path::Path) {}

#[tokio::test]
async fn a_key_file_signs() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, key) = key_file(dir.path(), 7);
    let signers = Signers::open(&[path.display().to_string()]).await.expect("a key");
    let signatures = signers.sign(MESSAGE).await.expect("signed");
    let public = key.public_key().to_openssh().expect("a key");
    let signer = check(MESSAGE, &signatures[0].bytes, &trust(public.as_bytes())).expect("good");
    assert_eq!(signer.fingerprint, signers.identities()[0].fingerprint);
    // Ed25519 is deterministic: the same manifest has the same signature.
    assert_eq!(signatures, signers.sign(MESSAGE).await.expect("signed"));
}

#[tokio::test]
async fn keys_that_cannot_sign_are_all_named_before_the_work() {
    let dir = tempfile::tempdir().expect("a folder");
    let (first, _) = key_file(dir.path(), 1);
    let (second, _) = key_file(dir.path(), 2);
    let garbage = dir.path().join("garbage");
    std::fs::write(&garbage, "hello").expect("written");
    for (names, whats) in [
        (
            vec![first.display().to_string(), second.display().to_string()],
            vec!["two keys of the same kind"],
        ),
        (
            vec![
                dir.path().join("nowhere").display().to_string(),
                garbage.display().to_string(),
                "awskms:alias/evidence".to_owned(),
            ],
            vec![
                "cannot be read",
                "neither a private nor a public key",
                "not the ARN of a KMS key",
            ],
        ),
    ] {
        let problems = Signers::open(&names).await.expect_err("problems");
        assert_eq!(problems.0.len(), whats.len(), "{problems}");
        for (problem, what) in problems.0.iter().zip(whats) {
            assert!(problem.what.contains(what), "{problem}");
            assert_eq!(problem.exit, crate::exit::Exit::Usage);
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&first, std::fs::Permissions::from_mode(0o644)).expect("opened");
        let problems = Signers::open(&[first.display().to_string()])
            .await
            .expect_err("open to all");
        assert!(problems.0[0].hint.starts_with("`chmod 600 "), "{problems}");
    }
}
