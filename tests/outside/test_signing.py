"""Stock ssh-keygen, ssh-agent, OpenSSL and sha256sum on what the program signs, and the program on what they sign."""

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile

import pytest

from conftest import ACCOUNT, REGION

WHO = "audit@example.com"
QUICK = ("--regions", REGION, "--rules", "in-a-plan", "--format", "json", "--allow-empty", "--quiet")


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, **options)


def keygen(folder, name="key", kind="ed25519", passphrase=""):
    """A key pair, and the allowed_signers file that trusts it."""
    key = folder / name
    made = run("ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", WHO, "-f", key)
    assert made.returncode == 0, made.stderr
    public = key.with_suffix(".pub")
    allowed = folder / f"{name}.allowed"
    allowed.write_text(f'{WHO} namespaces="backproof" {public.read_text()}')
    return key, public, allowed


def checked_by_openssh(pack, allowed, who=WHO):
    """The line of docs/usage.md."""
    with open(pack / "manifest.json", "rb") as manifest:
        return run(
            "ssh-keygen", "-Y", "verify", "-f", allowed, "-I", who, "-n", "backproof", "-s", pack / "manifest.json.sig", stdin=manifest
        )


@contextlib.contextmanager
def agent(*keys):
    """A real ssh-agent on a socket of its own, with these keys; ended by its process id."""
    # Not below the test's own folder: paths of sockets must be short.
    with tempfile.TemporaryDirectory(prefix="agent") as folder:
        socket = os.path.join(folder, "socket")
        process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert "SSH_AUTH_SOCK" in process.stdout.readline()
            for key in keys:
                added = run("ssh-add", "-q", key, env=os.environ | {"SSH_AUTH_SOCK": socket})
                assert added.returncode == 0, added.stderr
            yield socket
        finally:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(timeout=10)


def test_openssh_accepts_our_signature(sandbox, backproof, tmp_path):
    key, _, allowed = keygen(tmp_path)
    assert backproof(sandbox, "scan", "--to", "pack", *QUICK, "--sign", key).returncode == 0
    pack = tmp_path / "pack"
    good = checked_by_openssh(pack, allowed)
    assert good.returncode == 0 and f'Good "backproof" signature for {WHO}' in good.stdout, good.stderr
    assert run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=pack).returncode == 0
    assert backproof(sandbox, "verify", "pack", "--allowed-signers", allowed, "--identity", WHO).returncode == 0
    _, _, other = keygen(tmp_path, "other")
    assert checked_by_openssh(pack, other).returncode != 0
    manifest = pack / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"backproof", b"backproog", 1))
    assert checked_by_openssh(pack, allowed).returncode != 0
    altered = backproof(sandbox, "verify", "pack", "--allowed-signers", allowed)
    assert altered.returncode == 12 and "were altered" in altered.stderr


def test_we_accept_the_signature_of_openssh(sandbox, backproof, tmp_path):
    key, public, allowed = keygen(tmp_path)
    assert backproof(sandbox, "scan", "--to", "pack", *QUICK).returncode == 0
    manifest, signature = tmp_path / "pack" / "manifest.json", tmp_path / "pack" / "manifest.json.sig"

    def signed(namespace, key=key):
        signature.unlink(missing_ok=True)
        made = run("ssh-keygen", "-Y", "sign", "-q", "-n", namespace, "-f", key, manifest)
        assert made.returncode == 0, made.stderr

    signed("backproof")
    for trusted in (("--allowed-signers", allowed), ("--public-key", public)):
        good = backproof(sandbox, "verify", "pack", *trusted)
        assert good.returncode == 0 and "trusted as" in good.stdout, good.stderr
    fingerprint = run("ssh-keygen", "-l", "-f", public).stdout.split()[1]
    assert fingerprint in backproof(sandbox, "verify", "pack").stdout
    signed("file")
    wrong = backproof(sandbox, "verify", "pack", "--allowed-signers", allowed)
    assert wrong.returncode == 12 and "made for the namespace `file`" in wrong.stderr
    rsa, _, _ = keygen(tmp_path, "rsa", "rsa")
    signed("backproof", rsa)
    wrong = backproof(sandbox, "verify", "pack", "--allowed-signers", allowed)
    assert wrong.returncode == 12 and "keys are Ed25519" in wrong.stderr, wrong.stderr


@pytest.mark.parametrize(
    ("options", "holds"),
    [
        ('namespaces="git,back*"', True),
        ('namespaces="git"', False),
        ('valid-after="20200101Z",valid-before="20991231Z"', True),
        ('valid-before="20200101Z"', False),
        ('valid-after="20990101Z"', False),
        ("cert-authority", False),
    ],
)
def test_allowed_signers_mean_what_openssh_means(sandbox, backproof, tmp_path, options, holds):
    key, public, allowed = keygen(tmp_path)
    allowed.write_text(f"# the auditors\n{WHO} {options} {public.read_text()}")
    assert backproof(sandbox, "scan", "--to", "pack", *QUICK, "--sign", key).returncode == 0
    ours = backproof(sandbox, "verify", "pack", "--allowed-signers", allowed, "--identity", WHO)
    theirs = checked_by_openssh(tmp_path / "pack", allowed)
    assert (ours.returncode == 0, theirs.returncode == 0) == (holds, holds), ours.stderr + theirs.stderr


def test_a_real_agent_signs(sandbox, backproof, tmp_path):
    key, public, allowed = keygen(tmp_path)
    fingerprint = run("ssh-keygen", "-l", "-f", public).stdout.split()[1]
    locked, locked_public, _ = keygen(tmp_path, "locked", passphrase="a passphrase")
    rsa, _, _ = keygen(tmp_path, "rsa", "rsa")
    with agent(key, rsa) as socket:
        for number, name in enumerate((public, fingerprint, "agent")):
            scan = backproof(sandbox, "scan", "--to", f"pack-{number}", *QUICK, "--sign", name, SSH_AUTH_SOCK=socket)
            assert scan.returncode == 0, scan.stderr
            assert checked_by_openssh(tmp_path / f"pack-{number}", allowed).returncode == 0
        # Neither in the agent nor usable without it.
        for name, why in ((locked_public, "does not hold it"), (locked, f"ssh-add {locked}"), ("SHA256:nothing", "does not hold it")):
            scan = backproof(sandbox, "scan", "--to", "none", *QUICK, "--sign", name, SSH_AUTH_SOCK=socket)
            assert scan.returncode == 2 and why in scan.stderr, scan.stderr
        second, _, _ = keygen(tmp_path, "second")
        assert run("ssh-add", "-q", second, env=os.environ | {"SSH_AUTH_SOCK": socket}).returncode == 0
        scan = backproof(sandbox, "scan", "--to", "none", *QUICK, "--sign", "agent", SSH_AUTH_SOCK=socket)
        assert scan.returncode == 2 and "holds several" in scan.stderr
    scan = backproof(sandbox, "scan", "--to", "none", *QUICK, "--sign", public, SSH_AUTH_SOCK=str(tmp_path / "nowhere"))
    assert scan.returncode == 1 and "the ssh-agent did not sign" in scan.stderr, scan.stderr
    assert not (tmp_path / "none").exists()


def test_openssl_accepts_the_signature_of_kms(sandbox, backproof, tmp_path):
    kms = sandbox.client("kms")
    arn = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    assert backproof(sandbox, "scan", "--to", "pack", *QUICK, "--sign", f"awskms:{arn}").returncode == 0
    # As the auditor gets the key: from KMS, not from beside the signature.
    (tmp_path / "key.der").write_bytes(kms.get_public_key(KeyId=arn)["PublicKey"])
    file = json.loads((tmp_path / "pack" / "manifest.json.kms.json").read_text())
    assert file["key_arn"] == arn and file["algorithm"] == "ECDSA_SHA_256"
    (tmp_path / "signature").write_bytes(base64.b64decode(file["signature"]))
    command = ["openssl", "dgst", "-sha256", "-verify", "key.der", "-signature", "signature", "pack/manifest.json"]
    checked = run(*command, cwd=tmp_path)
    assert checked.returncode == 0 and "Verified OK" in checked.stdout, checked.stderr
    good = backproof(sandbox, "verify", "pack", "--public-key", "key.der")
    assert good.returncode == 0 and "trusted as the key in key.der" in good.stdout, good.stderr
    # Another key of the same account, in the other form.
    other = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    (tmp_path / "other.der").write_bytes(kms.get_public_key(KeyId=other)["PublicKey"])
    assert run("openssl", "pkey", "-pubin", "-in", "other.der", "-out", "other.pem", cwd=tmp_path).returncode == 0
    wrong = backproof(sandbox, "verify", "pack", "--public-key", "other.pem")
    assert wrong.returncode == 12 and "none of those that you trust" in wrong.stderr


def test_a_ledger_in_s3_is_read_by_other_clients(sandbox, backproof, tmp_path):
    """boto3 sees locks and checksums; a plain copy of the objects is a ledger that holds offline."""
    s3 = sandbox.client("s3")
    location = {"LocationConstraint": REGION} if REGION != "us-east-1" else None
    more = {"CreateBucketConfiguration": location} if location else {}
    s3.create_bucket(Bucket="evidence-ledger", ObjectLockEnabledForBucket=True, **more)
    key, _, allowed = keygen(tmp_path)
    kept = ("--object-lock", "governance", "--retain-for", "400d")
    scan = backproof(sandbox, "scan", "--to", "pack", *QUICK, "--sign", key, "--ledger", "s3://evidence-ledger/chain", *kept)
    assert scan.returncode == 0, scan.stderr
    objects = [one["Key"] for one in s3.list_objects_v2(Bucket="evidence-ledger")["Contents"]]
    assert "chain/manifests/00000001.json" in objects
    copy = tmp_path / "copy"
    for name in objects:
        answer = s3.get_object(Bucket="evidence-ledger", Key=name, ChecksumMode="ENABLED")
        assert answer["ObjectLockMode"] == "GOVERNANCE" and answer["ChecksumSHA256"], name
        path = copy / name.removeprefix("chain/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(answer["Body"].read())
    for ledger in ("s3://evidence-ledger/chain", copy):
        good = backproof(sandbox, "verify", "--ledger", ledger, "--allowed-signers", allowed)
        assert good.returncode == 0, good.stdout + good.stderr
    signature = next((copy / "signatures").iterdir())
    shutil.copy(signature, tmp_path / "manifest.json.sig")
    shutil.copy(copy / "manifests" / "00000001.json", tmp_path / "manifest.json")
    assert checked_by_openssh(tmp_path, allowed).returncode == 0
    assert ACCOUNT in (tmp_path / "manifest.json").read_text()
