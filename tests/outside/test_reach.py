"""How AWS is reached: proxies, certificates, credential sources and endpoints, each as the AWS CLI takes them, on loopback."""

import os
import pty
import select
import socket
import ssl
import subprocess
import threading
import time

import pytest
from conftest import ACCOUNT, REGION, binary, serve


def scan(to):
    return ("scan", "--regions", REGION, "--to", to, "--quiet", "--allow-empty")


ROLE = f"arn:aws:iam::{ACCOUNT}:role/Auditor"


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def join(one, other):
    threading.Thread(target=pump, args=(one, other), daemon=True).start()
    pump(other, one)


def listen(handle):
    """Serves each connection in a thread; gives the port."""
    server = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            connection, _ = server.accept()
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


class Network:
    """A sandbox behind TLS, by a certificate authority of its own, and a proxy through which all of AWS is that sandbox."""

    def __init__(self, folder, sandbox):
        self.folder, self.connects = folder, []
        self.sandbox_port = int(sandbox.url.rsplit(":", 1)[1])
        self.bundle = folder / "ca.pem"
        run = lambda *command: subprocess.run(command, cwd=folder, check=True, capture_output=True)
        key = ["-newkey", "rsa:2048", "-nodes"]
        run("openssl", "req", "-x509", *key, "-days", "30", "-subj", "/CN=test-ca", "-keyout", "ca.key", "-out", "ca.pem")
        run("openssl", "req", *key, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
        names = "DNS:localhost,DNS:*.amazonaws.com,DNS:*.us-east-1.amazonaws.com,IP:127.0.0.1"
        (folder / "names").write_text(f"subjectAltName={names}\n")
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "names"]
        run("openssl", "x509", "-req", "-in", "server.csr", *signed, "-out", "server.pem")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self.tls_port = listen(self.terminate)
        self.proxy_port = listen(self.proxy)
        self.proxy_url = f"http://127.0.0.1:{self.proxy_port}"
        # Connections are taken, and nothing is ever said on them.
        self.silent_port = listen(lambda connection: time.sleep(600))

    def terminate(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as secured:
                join(secured, socket.create_connection(("127.0.0.1", self.sandbox_port)))
        except OSError:
            pass

    def proxy(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        first = head.split(b"\r\n", 1)[0].decode()
        self.connects.append(first)
        if first.startswith("CONNECT"):
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            join(connection, socket.create_connection(("127.0.0.1", self.tls_port)))
        else:
            connection.sendall(b"HTTP/1.1 502 no\r\ncontent-length: 0\r\n\r\n")
            connection.close()


@pytest.fixture(scope="module")
def network(tmp_path_factory, sandbox):
    return Network(tmp_path_factory.mktemp("network"), sandbox)


@pytest.fixture
def reach(tmp_path):
    """Runs the program with this environment, and `home` for ~/.aws; `reach(["scan"], AWS_PROFILE="x", config="[profile x]…")`."""

    def run(arguments=scan("out"), config="", keys=True, timeout=120, **environment):
        (tmp_path / ".aws").mkdir(exist_ok=True)
        (tmp_path / ".aws/config").write_text(config)
        kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true", "BACKPROOF_PATIENCE": "10s"}
        if keys:
            kept |= {"AWS_ACCESS_KEY_ID": f"AKIA{ACCOUNT}TEST", "AWS_SECRET_ACCESS_KEY": "x"}
        kept |= {"AWS_REGION": REGION} | environment
        kept = {name: str(value) for name, value in kept.items() if value is not None}
        command = [binary(), *arguments]
        return subprocess.run(command, cwd=tmp_path, env=kept, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)

    return run


def scanned(ran):
    assert ran.returncode in (0, 10, 11), ran.stderr
    assert "could not read" not in ran.stderr, ran.stderr


def refused(ran, *texts, code=1):
    assert ran.returncode == code, ran.stderr
    for text in texts:
        assert text in ran.stderr, ran.stderr
    assert "panicked" not in ran.stderr


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_is_the_way_to_aws(network, reach, variable):
    network.connects.clear()
    scanned(reach(AWS_CA_BUNDLE=network.bundle, **{variable: network.proxy_url}))
    hosts = {line.split()[1] for line in network.connects}
    assert f"sts.{REGION}.amazonaws.com:443" in hosts and f"dynamodb.{REGION}.amazonaws.com:443" in hosts, hosts


def test_no_proxy_leaves_the_proxy_out(network, reach, sandbox):
    network.connects.clear()
    for no_proxy in ("127.0.0.1", "127.0.0.0/8", "*"):
        scanned(reach(scan(f"to-{len(no_proxy)}"), AWS_ENDPOINT_URL=sandbox.url, HTTP_PROXY=network.proxy_url, NO_PROXY=no_proxy))
    assert not network.connects
    refused(reach(scan("proxied"), AWS_ENDPOINT_URL=sandbox.url, HTTP_PROXY=network.proxy_url), "502")
    assert network.connects


def test_proxies_that_do_not_work(reach):
    for url, why in [("http://127.0.0.1:1", "tunnel error"), ("socks5://127.0.0.1:1", "unsupported scheme")]:
        refused(reach(HTTPS_PROXY=url, BACKPROOF_PATIENCE="2s"), why, "check HTTPS_PROXY")


def test_the_demo_needs_no_proxy(network, reach):
    network.connects.clear()
    ran = reach(("demo", "--to", "demo"), keys=False, HTTP_PROXY=network.proxy_url, HTTPS_PROXY=network.proxy_url, SSL_CERT_FILE="/nonexistent", timeout=600)
    assert ran.returncode == 0, ran.stderr
    assert not network.connects


def test_certificates_of_a_firm(network, reach):
    secured = {"AWS_ENDPOINT_URL": f"https://localhost:{network.tls_port}"}
    scanned(reach(AWS_CA_BUNDLE=network.bundle, **secured))
    profile = f"[profile firm]\nca_bundle = {network.bundle}\n"
    scanned(reach(scan("two"), config=profile, AWS_PROFILE="firm", **secured))
    scanned(reach(scan("three"), SSL_CERT_FILE=network.bundle, **secured))
    began = time.monotonic()
    refused(reach(scan("four"), **secured), "UnknownIssuer", "AWS_CA_BUNDLE", "SSL_CERT_FILE")
    # One attempt, of which ten would take more than this by their pauses alone.
    assert time.monotonic() - began < 5


def test_bundles_that_are_none(network, reach, tmp_path):
    (tmp_path / "empty.pem").write_text("nothing\n")
    (tmp_path / "wrong.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    for name, why in [("empty.pem", "no certificate"), ("wrong.pem", "certificate 1"), ("gone.pem", "No such file")]:
        refused(reach(AWS_CA_BUNDLE=tmp_path / name), name, "AWS_CA_BUNDLE", why)


def test_without_root_certificates(reach, sandbox):
    scanned(reach(AWS_ENDPOINT_URL=sandbox.url, SSL_CERT_FILE="/nonexistent"))
    refused(reach(scan("two"), SSL_CERT_FILE="/nonexistent", SSL_CERT_DIR="/nonexistent"), "no root certificates were found", "ca-certificates", "SSL_CERT_FILE")


STATIC = f"[profile static]\naws_access_key_id = AKIA{ACCOUNT}TEST\naws_secret_access_key = x\n"
PROFILES = {
    "static": STATIC,
    "process": """[profile process]
credential_process = echo '{"Version":1,"AccessKeyId":"AKIA111122223333TEST","SecretAccessKey":"x"}'
""",
    "chained": f"{STATIC}[profile chained]\nrole_arn = {ROLE}\nsource_profile = static\n",
}


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_give_credentials(reach, sandbox, profile):
    scanned(reach(config=PROFILES[profile], keys=False, AWS_PROFILE=profile, AWS_ENDPOINT_URL=sandbox.url))


WITHOUT = [
    (
        "[profile p]\ncredential_process = /bin/sh -c \"echo 'the vault is locked: run corp-login' >&2; exit 3\"\n",
        {},
        ["exit status: 3", "run the `credential_process`"],
    ),
    ("[profile p]\ncredential_process = echo nothing\n", {}, ["run the `credential_process`"]),
    (f"{STATIC}[profile p]\nrole_arn = {ROLE}\nsource_profile = static\n", {}, ["AccessDenied", "sts:AssumeRole", "role/Auditor", "trust policy"]),
    (
        "[profile p]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Auditor\n"
        "[sso-session corp]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n",
        {},
        ["aws sso login --profile p"],
    ),
    ("[profile p]\nlogin_session = arn:aws:iam::111122223333:user/auditor\n", {}, ["aws login --profile p"]),
    ("[profile p]\n", {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent/token", "AWS_ROLE_ARN": ROLE}, ["No such file", "AWS_WEB_IDENTITY_TOKEN_FILE"]),
    ("[profile p]\n", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/x"}, ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]),
    ("[profile p]\n", {}, ["AWS_PROFILE", "aws login"]),
]


@pytest.mark.parametrize("case", range(len(WITHOUT)))
def test_why_there_are_no_credentials(reach, sandbox, case):
    config, environment, texts = WITHOUT[case]
    with sandbox.fault(deny="sts:AssumeRole"):
        ran = reach(config=config, keys=False, AWS_PROFILE="p", AWS_ENDPOINT_URL=sandbox.url, **environment)
    refused(ran, "could not find AWS credentials", *texts)


def test_a_profile_that_is_not_there(reach, sandbox):
    broken = f"[profile broken]\nrole_arn = {ROLE}\nsource_profile = nosuch\n"
    refused(reach(config=broken, keys=False, AWS_PROFILE="broken", AWS_ENDPOINT_URL=sandbox.url), "`nosuch`", "`source_profile` of profile `broken`", code=2)
    ran = reach(config="[profile prod]\n[profile stage]\n", AWS_PROFILE="prdo", AWS_ENDPOINT_URL=sandbox.url)
    refused(ran, "there is no profile `prdo`", "did you mean `prod`?", code=2)


def test_a_second_factor_is_asked_for(reach, sandbox, tmp_path):
    serial = f"arn:aws:iam::{ACCOUNT}:mfa/phone"
    config = f"{STATIC}[profile mfa]\nrole_arn = {ROLE}\nsource_profile = static\nmfa_serial = {serial}\n"
    ran = reach(config=config, keys=False, AWS_PROFILE="mfa", AWS_ENDPOINT_URL=sandbox.url)
    refused(ran, "it wants an MFA code, and there is no terminal", "export-credentials")
    # The same at a terminal.
    before = sandbox.stats()["calls"].get("sts:AssumeRole", 0)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_PROFILE": "mfa", "AWS_ENDPOINT_URL": sandbox.url, "AWS_REGION": REGION}
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(tmp_path)
        os.execve(binary(), [binary(), *scan("mfa")], environment)
    said, typed = b"", False
    while select.select([terminal], [], [], 60)[0]:
        try:
            said += os.read(terminal, 65536)
        except OSError:
            break
        if f"MFA code for {serial}: ".encode() in said and not typed:
            os.write(terminal, b"123456\n")
            typed = True
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert typed and status in (0, 10, 11), said.decode()
    assert sandbox.stats()["calls"]["sts:AssumeRole"] == before + 1


def test_endpoints_of_services_in_the_profile(reach, sandbox):
    services = ["sts", "account", "dynamodb", "backup", "kms", "resource-groups-tagging-api", "s3"]
    config = STATIC + "services = local\n[services local]\n" + "".join(f"{name} =\n  endpoint_url = {sandbox.url}\n" for name in services)
    sandbox.client("s3").create_bucket(Bucket="evidence-of-profile")
    ran = reach(scan("s3://evidence-of-profile/a"), config=config, keys=False, AWS_PROFILE="static")
    scanned(ran)
    assert sandbox.client("s3").list_objects_v2(Bucket="evidence-of-profile", Prefix="a/")["KeyCount"] > 0


@pytest.mark.parametrize(
    "environment, texts",
    [
        ({"AWS_REGION": ""}, ["AWS_REGION is set and empty"]),
        ({"AWS_ENDPOINT_URL": "127.0.0.1:4000"}, ["has no scheme", "did you mean `http://127.0.0.1:4000`?"]),
        ({"AWS_ENDPOINT_URL_STS": "u:secret@localhost"}, ["AWS_ENDPOINT_URL_STS", "did you mean `http://localhost`?"]),
    ],
)
def test_variables_that_no_tool_can_use(reach, environment, texts):
    ran = reach(**environment)
    refused(ran, *texts, code=2)
    assert "secret" not in ran.stderr


def test_whatever_is_silent_is_given_up(reach, network):
    ran = reach(AWS_ENDPOINT_URL=f"http://user:secret@127.0.0.1:{network.silent_port}", BACKPROOF_PATIENCE="5s", timeout=60)
    refused(ran, "no answer in time", f"http://127.0.0.1:{network.silent_port}")
    assert "secret" not in ran.stderr
    assert "nothing answers there" in ran.stderr
    for wrong in ("soon", "1ms", "2h"):
        refused(reach(BACKPROOF_PATIENCE=wrong), "BACKPROOF_PATIENCE", "`1s` to `1h`", code=2)


def test_what_is_still_tried_is_said(reach, sandbox):
    with sandbox.fault(action="sts:GetCallerIdentity", throttle_rate=1.0):
        ran = reach(("scan", "--to", "out"), AWS_ENDPOINT_URL=sandbox.url, BACKPROOF_PATIENCE="12s")
    refused(ran, "still trying sts:GetCallerIdentity in us-east-1, for 1", "Throttling")
    assert ran.stderr.count("still trying") == 1


def test_a_clock_that_is_off(reach, sandbox):
    body = "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>Signature expired: 20261129T010000Z is now earlier than 20261129T020000Z</Message></Error></ErrorResponse>"
    with sandbox.fault(action="sts:GetCallerIdentity", answer={"status": 403, "body": body, "content-type": "text/xml"}):
        refused(reach(AWS_ENDPOINT_URL=sandbox.url), "Signature expired", "set this machine's clock")
